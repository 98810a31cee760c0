"""The figures of flow-augment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from nonideal.experiments._augment_curves import SHOWN_FIELDS
from nonideal.experiments._augment_study import METHODS
from nonideal.experiments._flow_figures import DIFFERENCE_MAP, FIELD_MAP, GridFields
from nonideal.report import Result
from nonideal.report.figures import COLORS, MUTED, draw_curve, new_figure

if TYPE_CHECKING:
    from nonideal.experiments.flow_augment import Config

__all__ = ["draw"]

#: Methods of the figures, the same colour everywhere; variants of Oseen are in the tables.
_LOOKS = {
    "none": (COLORS[5], "s"),
    "stream_product": (COLORS[2], "^"),
    "geometric_leray": (COLORS[4], "D"),
    "bracket": (COLORS[3], "v"),
    "oseen": (COLORS[0], "o"),
    "navier_stokes": (COLORS[1], "P"),
}


def draw(result: Result, config: Config) -> dict[str, Figure]:
    """Return them by name, the most telling first."""
    found = {
        "error_vs_solves": _against_cost(result, config),
        "error_vs_modes": _against_modes(result, config),
    }
    found["singular_values"] = _singular_values(result, config)
    found["error_map"] = _map(result, config)
    if "field_oseen" in result.curves:
        found["fields"] = _fields(result)
    return found


def _log_percent(axes: Any) -> None:
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _against_cost(result: Result, config: Config) -> Figure:
    figure, axes = new_figure(
        "Mean velocity error with all modes against what the training cost, one line per method with its "
        "training sets joined; bars: 95 % intervals over the test points. Below the grey line a method is "
        "worth its solves.",
        width=8.2,
        height=4.4,
    )
    for method, (color, marker) in _LOOKS.items():
        curve = result.curves.get(f"error_vs_solves_{method}")
        if curve is not None:
            emphasis = {"linewidth": 2.4, "markersize": 7} if method in ("none", "oseen") else {"alpha": 0.85}
            draw_curve(axes, curve, label=METHODS[method].words, color=color, marker=marker, **emphasis)
    _log_percent(axes)
    lowest = min(min(curve.y) for name, curve in result.curves.items() if name.startswith("error_vs_solves_"))
    axes.set_ylim(bottom=lowest / 3)  # an interval that reaches 0 has no end on this axis
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 3.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    for row in result.tables["cost"].rows:
        train, words, solves, _, mean = row[:5]
        if words in (METHODS["none"].words, METHODS["oseen"].words):
            below = words == METHODS["oseen"].words
            axes.annotate(
                str(train).replace("+centre", "+c"),
                (float(str(solves)), float(str(mean))),
                xytext=(-6, -11) if below else (6, 5),
                textcoords="offset points",
                ha="right" if below else "left",
                fontsize=8,
                color=MUTED,
            )
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure


def _against_modes(result: Result, config: Config) -> Figure:
    trains = config.train
    figure, grid = new_figure(
        "Mean velocity error at equal numbers of modes; dashed: the best approximation in the same space. "
        "Dotted line: as many modes as solutions, where artificial snapshots only turn the directions.",
        columns=len(trains),
        width=8.6 if len(trains) > 1 else 5.6,
        height=4.6,
        squeeze=False,
    )
    for axes, train in zip(grid[0], trains, strict=True):
        for method, (color, marker) in _LOOKS.items():
            name = f"vs_modes_{train}_{method}_{config.merge[0]}"
            if f"error_{name}" not in result.curves:
                continue
            curve, best = result.curves[f"error_{name}"], result.curves[f"best_{name}"]
            axes.plot(curve.x, curve.y, color=color, marker=marker, label=METHODS[method].words)
            axes.plot(best.x, best.y, color=color, linestyle="--", marker="", linewidth=1.1)
        n_full = max(result.curves[f"error_vs_modes_{train}_none_{config.merge[0]}"].x)
        axes.axvline(n_full, color=MUTED, linestyle=":", linewidth=1)
        axes.set_title(f"training set {train}")
        axes.set_xlabel("modes")
        _log_percent(axes)
    grid[0, 0].set_ylabel("mean velocity error (%)")
    handles, labels = grid[0, -1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def _singular_values(result: Result, config: Config) -> Figure:
    trains = [train for train in config.train if f"singular_values_{train}_none" in result.curves]
    figure, grid = new_figure(
        "Singular values of the lifted snapshots, of solutions alone and with artificial ones; linear "
        "combinations add none.",
        columns=max(1, len(trains)),
        width=8.6 if len(trains) > 1 else 5.6,
        height=3.9,
        squeeze=False,
        sharey=True,
    )
    looks = _LOOKS | {"linear": ("#000000", "x")}
    for axes, train in zip(grid[0], trains, strict=False):
        for method, (color, marker) in looks.items():
            curve = result.curves.get(f"singular_values_{train}_{method}")
            if curve is not None:
                axes.plot(
                    curve.x,
                    curve.y,
                    color=color,
                    marker=marker,
                    markersize=4,
                    linewidth=1.2,
                    label=METHODS[method].words,
                )
        axes.set_yscale("log")
        axes.set_xlabel("number")
        axes.set_title(f"training set {train}")
    grid[0, 0].set_ylabel("singular value / largest")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


def _map(result: Result, config: Config) -> Figure:
    train = config.train[-1]
    methods = [method for method in ("none", "oseen") if f"map_{train}_{method}" in result.curves]
    points = result.curves["map_points"]
    names = list(config.ranges)
    figure, grid = new_figure(
        f"Velocity error over the parameters, all modes of training set {train}; white: training points.",
        columns=len(methods) if len(names) > 1 else 1,
        width=8.6 if len(names) > 1 else 5.6,
        height=3.9,
        squeeze=False,
        sharey=True,
    )
    if len(names) == 1:
        for method in methods:
            curve = result.curves[f"map_{train}_{method}"]
            color, marker = _LOOKS[method]
            kept = np.array(curve.y) > 1e-8
            grid[0, 0].plot(
                np.array(curve.x)[kept],
                np.array(curve.y)[kept],
                color=color,
                marker=marker,
                label=METHODS[method].words,
            )
        _log_percent(grid[0, 0])
        grid[0, 0].set_xlabel(names[0])
        grid[0, 0].set_ylabel("velocity error (%)")
        grid[0, 0].legend()
        return figure
    x, y = np.unique(points.x), np.unique(points.y)
    fields = [
        np.array(result.curves[f"map_{train}_{method}"].y).reshape(len(x), len(y)) for method in methods
    ]
    largest = max(field.max() for field in fields)
    for axes, method, field in zip(grid[0], methods, fields, strict=True):
        drawn = axes.pcolormesh(x, y, field.T, shading="nearest", cmap=FIELD_MAP, vmin=0, vmax=largest)
        at_training = field < 1e-3 * largest
        places = np.argwhere(at_training)
        axes.plot(
            x[places[:, 0]],
            y[places[:, 1]],
            "o",
            color="#ffffff",
            markeredgecolor="#000000",
            markersize=6,
            linestyle="",
        )
        axes.set_title(f"{METHODS[method].words}: mean {field.mean():.2g} %")
        axes.set_xlabel(names[0])
    grid[0, 0].set_ylabel(names[1])
    figure.colorbar(drawn, ax=grid[0].tolist(), label="velocity error (%)")
    return figure


def _fields(result: Result) -> Figure:
    fields = GridFields(result)
    found = {name: fields.field(name) for name in SHOWN_FIELDS}
    wide = fields.aspect > 2
    mu, first, second = (
        ", ".join(f"{value:.3g}" for value in result.curves[name].y)
        for name in ("pair_mu", "pair_first", "pair_second")
    )
    names = result.curves["pair_mu"].y_label
    figure, grid = new_figure(
        f"Above: the solution at the mid-point of a pair, ({names}) = ({mu}), and what is made of the pair "
        f"({first}) and ({second}). Below: differences of velocities; Oseen's snapshot holds what no linear "
        "combination does.",
        rows=3 if wide else 2,
        columns=2 if wide else 3,
        width=9.0,
        height=4.2 if wide else 6.2,
    )
    speeds, differences = (grid[:, 0], grid[:, 1]) if wide else (grid[0], grid[1])
    titles = {"real": "Navier-Stokes", "linear": "linear combination", "oseen": "Oseen"}
    largest = max(float(np.nanmax(np.hypot(*pair))) for pair in found.values())
    for axes, (name, pair) in zip(speeds, found.items(), strict=True):
        top = fields.draw(axes, *pair, cmap=FIELD_MAP, vmin=0, vmax=largest)
        axes.set_title(titles[name])
    pairs = [("linear", "real"), ("oseen", "real"), ("oseen", "linear")]
    gaps = [[one - two for one, two in zip(found[a], found[b], strict=True)] for a, b in pairs]
    widest = max(float(np.nanmax(np.hypot(*gap))) for gap in gaps)
    short = {"real": "Navier-Stokes", "linear": "linear", "oseen": "Oseen"}
    for axes, (a, b), gap in zip(differences, pairs, gaps, strict=True):
        bottom = fields.draw(axes, *gap, cmap=DIFFERENCE_MAP, vmin=0, vmax=widest)
        axes.set_title(f"{short[a]} − {short[b]}")
    figure.colorbar(top, ax=speeds.tolist(), label="speed", shrink=0.85)
    figure.colorbar(bottom, ax=differences.tolist(), label="|difference|", shrink=0.85)
    return figure
