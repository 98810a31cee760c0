"""The figures of quantum-distance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator, PercentFormatter

from nonideal.experiments._distance_tables import title_of
from nonideal.experiments._noisy_search import TRANSLATIONS, lead_error
from nonideal.report import Curve, Result
from nonideal.report.figures import COLORS, INK, MARKERS, MUTED, draw_curve, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_WIDE = 11.0  # inch
_ORDER = ("raw", "linear", "richardson", "exponential", "noiseless")
_COLOR = dict(zip(_ORDER, (*COLORS[1:2], COLORS[4], COLORS[0], COLORS[2], COLORS[5]), strict=True))
_MARKER = dict(zip(_ORDER, MARKERS, strict=False))


def draw(result: Result) -> dict[str, Figure]:
    """Return all figures of a result."""
    found = {"distances": _draw_distances(result), "error-vs-noise": _draw_errors(result)}
    found["error-vs-shots"] = _draw_shots(result)
    found["neighbours-vs-shots"] = _draw_neighbours(result)
    found["neighbours-vs-noise"] = _draw_neighbours_by_noise(result)
    found["bias"] = _draw_bias(result)
    return found


def _draw_distances(result: Result) -> Figure:
    methods, shots = result.config["methods"], max(result.config["shots"])
    figure, grid = new_figure(
        f"Measured against exact squared distance of near pairs, {shots:,} shots per circuit, two-qubit "
        f"error {_lead(result):g}; the line is the truth. Noise lifts distances by about the same share of "
        "Z = |a|² + |b|²; the best extrapolation puts them back and scatters them more.",
        columns=len(methods),
        width=_WIDE,
        height=4.6,
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    for axes, method in zip(grid[0], methods, strict=True):
        clouds = {
            name: result.curves[f"distance_{method}_{name}"] for name in ("raw", *_best(result, method))
        }
        clouds["noiseless"] = result.curves[f"distance_{method}_noiseless"]
        for name, cloud in clouds.items():
            size = {"raw": 13, "noiseless": 9}.get(name, 13)
            axes.scatter(
                cloud.x,
                cloud.y,
                s=size,
                color=_COLOR[name],
                marker=_MARKER[name],
                alpha=0.6,
                linewidths=0,
                label=title_of(name),
            )
        ends = (0.0, 1.02 * max(clouds["raw"].x))
        axes.plot(ends, ends, color=INK, linewidth=1.2, marker="", zorder=3)
        axes.set_xlim(0, ends[1])
        axes.set_title(method)
        axes.set_xlabel(clouds["raw"].x_label)
        axes.legend(loc="upper left", markerscale=1.6, handletextpad=0.2)
    grid[0, 0].set_ylabel(clouds["raw"].y_label)
    low = min(0.0, *(min(axes.get_ylim()) for axes in grid[0]))
    grid[0, 0].set_ylim(low, None)
    return figure


def _draw_errors(result: Result) -> Figure:
    methods = result.config["methods"]
    figure, grid = new_figure(
        "Median relative error of the squared distance of near pairs against the error of two-qubit gates, "
        "exact probabilities. Which extrapolation is best hangs on the circuit.",
        columns=len(methods),
        width=_WIDE,
        height=4.2,
        sharey=True,
        squeeze=False,
    )
    for axes, method in zip(grid[0], methods, strict=True):
        for name in _names(result):
            _line(axes, result.curves[f"error_{method}_{name}"], name)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_title(method)
        _ticks(axes, result.config["two_qubit_error"], "{:g}")
        if method is not methods[0]:
            axes.set_ylabel("")
    grid[0, 0].legend(loc="lower right")
    return figure


def _draw_shots(result: Result) -> Figure:
    methods, lead = result.config["methods"], _lead(result)
    figure, grid = new_figure(
        f"The same with shots, as many as one distance takes in all, two-qubit error {lead:g}. Rings: from "
        "here on an extrapolation has the smaller error than as many shots without. The bias of raw "
        "distances stays, whatever the shots.",
        columns=len(methods),
        width=_WIDE,
        height=4.4,
        sharey=True,
        squeeze=False,
    )
    for axes, method in zip(grid[0], methods, strict=True):
        _line(axes, result.curves[f"error_shots_{method}_raw_p0"], "noiseless", linestyle="--")
        for name in _names(result):
            curve = result.curves[f"error_shots_{method}_{name}_p{lead:g}"]
            _line(axes, curve, name)
            begins = result.metrics.get(f"pays_from_{method}_{name}_p{lead:g}")
            if begins is not None:
                order = np.argsort(curve.x)
                x, y = np.log(np.array(curve.x)[order]), np.log(np.array(curve.y)[order])
                height = float(np.exp(np.interp(np.log(begins.value), x, y)))
                axes.plot(
                    begins.value,
                    height,
                    marker="o",
                    markersize=13,
                    markerfacecolor="none",
                    markeredgewidth=1.6,
                    color=_COLOR[name],
                )
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_title(method)
        if method is not methods[0]:
            axes.set_ylabel("")
    grid[0, 0].legend(loc="lower left")
    return figure


def _draw_neighbours(result: Result) -> Figure:
    methods, lead = result.config["methods"], _lead(result)
    translations, shots = result.config["translation"], sorted(result.config["shots"])
    figure, grid = new_figure(
        f"Searches that find a wrong neighbour against shots per circuit, two-qubit error {lead:g}; at the "
        "right, exact probabilities. With few shots extrapolation makes the choice worse, with many better; "
        "an origin near the query helps against shot noise and bias.",
        rows=len(methods),
        columns=len(translations),
        width=_WIDE if len(translations) > 1 else 5.6,
        height=0.6 + 3.1 * len(methods),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    x = np.arange(len(shots) + 1)
    for row, method in zip(grid, methods, strict=True):
        for axes, translation in zip(row, translations, strict=True):
            for name in ("noiseless", *_names(result)):
                key = f"wrong_{method}_{'raw' if name == 'noiseless' else name}_{translation}"
                p2 = 0.0 if name == "noiseless" else lead
                points = [_at(result.curves[f"{key}_{number}"], p2) for number in (*shots, "exact")]
                curve = Curve(
                    tuple(x),
                    "shots per circuit",
                    tuple(y for y, _, _ in points),
                    "wrong nearest neighbours",
                    tuple(error for _, error, _ in points),
                    points[0][2],
                )
                _line(axes, curve, name, linestyle="--" if name == "noiseless" else "-")
            axes.set_title(f"{method}, {TRANSLATIONS[translation]}")
    for axes in grid.flat:
        axes.set_xticks(x, [f"{number:,}" for number in shots] + ["exact"])
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
        axes.set_ylim(0, None)
        axes.label_outer()
    grid[0, -1].legend(loc="upper right")
    return figure


def _draw_neighbours_by_noise(result: Result) -> Figure:
    methods, shots = result.config["methods"], sorted(result.config["shots"])
    columns: list[int | str] = list(dict.fromkeys([shots[len(shots) // 3], shots[-1], "exact"]))
    figure, grid = new_figure(
        "Searches that find a wrong neighbour against the error of two-qubit gates, raw and with the "
        "extrapolation that is best for distances; solid without, dashed with translation. At 0 the machine "
        "has no noise: what is wrong there is due to shots alone.",
        rows=len(methods),
        columns=len(columns),
        width=_WIDE,
        height=0.8 + 2.9 * len(methods),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    for row, method in zip(grid, methods, strict=True):
        for axes, number in zip(row, columns, strict=True):
            for translation, style in zip(result.config["translation"], ("-", "--", ":"), strict=False):
                for name in ("raw", *_best(result, method)):
                    _line(
                        axes,
                        result.curves[f"wrong_{method}_{name}_{translation}_{number}"],
                        name,
                        linestyle=style,
                        label=title_of(name) if style == "-" else "",
                    )
            words = "exact probabilities" if number == "exact" else f"{number:,} shots"
            axes.set_title(f"{method}, {words}")
            axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
            axes.set_ylim(0, None)
            axes.label_outer()
        row[-1].legend(loc="upper left")
    return figure


def _draw_bias(result: Result) -> Figure:
    methods, errors = result.config["methods"], result.config["two_qubit_error"]
    figure, grid = new_figure(
        "What noise adds to a squared distance, both over Z = |a|² + |b|²: points with exact probabilities, "
        "lines (alpha - 1) D² + beta Z. Near points look too far, far points too near.",
        columns=len(methods),
        width=_WIDE,
        height=4.2,
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    for axes, method in zip(grid[0], methods, strict=True):
        axes.axhline(0, color=MUTED, linewidth=0.8)
        for p2, color, marker in zip(
            errors, (COLORS[2], COLORS[0], COLORS[4], COLORS[1]) * 9, MARKERS * 9, strict=False
        ):
            cloud, line = (result.curves[f"{key}_{method}_p{p2:g}"] for key in ("bias", "bias_line"))
            axes.scatter(cloud.x, cloud.y, s=9, color=color, marker=marker, alpha=0.55, linewidths=0)
            axes.plot(line.x, line.y, color=color, linewidth=1.6, marker="", label=f"{p2:g}")
        axes.set_title(method)
        axes.set_xlabel(cloud.x_label)
    grid[0, 0].set_ylabel(cloud.y_label)
    grid[0, -1].legend(title="two-qubit error", loc="upper right")
    return figure


def _line(axes: Axes, curve: Curve, name: str, label: str | None = None, **more: Any) -> None:
    draw_curve(
        axes,
        curve,
        label=title_of(name) if label is None else label,
        color=_COLOR[name],
        marker=_MARKER[name],
        capsize=2,
        elinewidth=1.0,
        **more,
    )


def _ticks(axes: Axes, values: list[float], form: str) -> None:
    axes.xaxis.set_major_locator(FixedLocator(values))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xticks(values, [form.format(value) for value in values])


def _names(result: Result) -> tuple[str, ...]:
    return ("raw", *result.config["extrapolators"])


def _best(result: Result, method: str) -> tuple[str, ...]:
    """Return the extrapolation with the least error for exact probabilities, if there is one at all."""
    lead = _lead(result)
    errors = {
        name: result.metrics[f"error_{method}_{name}_p{lead:g}"].value
        for name in result.config["extrapolators"]
    }
    return tuple(sorted(errors, key=lambda name: errors[name])[:1])


def _lead(result: Result) -> float:
    return lead_error(result.config["two_qubit_error"])


def _at(curve: Curve, x: float) -> tuple[float, float, int | None]:
    i = curve.x.index(x)
    return curve.y[i], curve.standard_error[i], curve.samples
