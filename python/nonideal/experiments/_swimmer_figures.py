"""The figures of flow-swimmer."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle

from nonideal.experiments._flow_figures import DIFFERENCE_MAP, FIELD_MAP, GridFields, cost_figure
from nonideal.report import Result
from nonideal.report.figures import COLORS, MARKERS, MUTED, label_decades, new_figure

__all__ = ["draw"]

_BODY = "#c4cad2"  # grey on light pages and on dark ones
_NEIGHBOURS = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
_SHOWN = ("corner_1", "corner_2", "centre", "corner_3", "corner_4")


def draw(result: Result, method: str) -> dict[str, Figure]:
    """Return them by name."""
    return {
        "sections": _sections(result),
        "forces": _forces(result, method),
        "modes": _modes(result, method),
        "cost": cost_figure(result, method),
        "gaps": _gaps(result, method),
        "exact": _exact(result),
    }


def _words(result: Result, name: str) -> str:
    re, beta = result.curves[f"mu_{name}"].y
    return f"Re {re:.3g}, β {_number(beta)}"


def _number(value: float) -> str:
    return f"{value:.2g}".replace("-", "−")


def _body(axes: Any) -> None:
    axes.add_patch(Circle((0.0, 0.0), 1.0, facecolor=_BODY, edgecolor=MUTED, linewidth=0.8, zorder=5))


def _filled(picture: Any) -> Any:
    """Return a picture with values one pixel into its holes, which the body covers: no ragged edges."""
    wide = np.pad(picture, 1, constant_values=np.nan)
    around = np.stack(
        [wide[1 + i : 1 + i + len(picture), 1 + j : 1 + j + picture.shape[1]] for i, j in _NEIGHBOURS]
    )
    known = np.isfinite(around)
    mean = np.where(known, around, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.where(np.isfinite(picture) | ~known.any(axis=0), picture, mean)


def _sections(result: Result) -> Figure:
    figure, grid = new_figure(
        "Sections through the middle: speed and streamlines at the corners and the centre of the parameters' "
        "box, seen from fluid at rest, all with the colours at the upper right. The body swims to the right; "
        "pushers have β < 0, pullers β > 0. Last: the flow across the channel 1.6 radii behind the middle.",
        rows=3,
        columns=2,
        width=9.4,
        height=9.4,
    )
    fields = GridFields(result)
    for axes, name in zip(grid.flat, _SHOWN, strict=False):
        u, v = map(_filled, fields.field(name))
        drawn = fields.draw(axes, u, v, cmap=FIELD_MAP, vmin=0, vmax=1)
        _body(axes)
        axes.set_title(_words(result, name))
    upper = grid[:2].ravel().tolist()
    figure.colorbar(drawn, ax=upper, label="speed in the section / U", shrink=0.7, extend="max")
    last = grid[2, 1]
    across = GridFields(result, "across_")
    speed = across.draw(last, *across.field("across"), cmap=FIELD_MAP, vmin=0)
    last.set_title(f"across, {_words(result, 'centre')}")
    figure.colorbar(speed, ax=last, label="speed across / U", shrink=0.85)
    return figure


def _forces(result: Result, method: str) -> Figure:
    figure, (left, right) = new_figure(
        "Force along the swimming direction on a body that is held at its Stokes speed: full order "
        "and reduced. Above 0 inertia and walls push it on, below they hold it back.",
        columns=2,
        width=9.4,
        height=4.0,
        sharey=True,
    )
    places = result.curves["map_points"]
    re, beta = np.unique(places.x), np.unique(places.y)
    picture = {
        name: np.array(result.curves[f"map_force_{name}"].y).reshape(len(re), len(beta))
        for name in dict.fromkeys(("full", "none", method))
    }
    chosen = (0, len(re) // 2, len(re) - 1)
    for color, i in zip(COLORS, chosen, strict=False):
        _force_line(left, beta, {k: v[i] for k, v in picture.items()}, method, color, f"Re {re[i]:.3g}")
    chosen = (0, len(beta) // 2, len(beta) - 1)
    for color, i in zip(COLORS[::-1], chosen, strict=False):
        _force_line(
            right, re, {k: v[:, i] for k, v in picture.items()}, method, color, f"β {_number(beta[i])}"
        )
    left.set_xlabel("β")
    right.set_xlabel("Re")
    left.set_ylabel("force / 6πνaU")
    for axes in (left, right):
        axes.axhline(0.0, color=MUTED, linewidth=0.8, zorder=1)
        handles = axes.get_legend_handles_labels()[0]
        axes.legend(handles=handles if axes is left else [*handles, *_marks(method)])
    return figure


def _marks(method: str) -> list[Line2D]:
    """Return what lines and markers of forces mean, for a legend."""
    marks: list[tuple[str, dict[str, Any]]] = [
        ("full order", {"marker": ""}),
        ("reduced, no augmentation", {"linestyle": "", "marker": "x", "markersize": 5}),
        (f"reduced, {method}", {"linestyle": "", "marker": "o", "markersize": 7, "markerfacecolor": "none"}),
    ]
    return [Line2D([], [], color=MUTED, label=label, **options) for label, options in marks]


def _force_line(axes: Any, x: Any, values: dict[str, Any], method: str, color: str, label: str) -> None:
    axes.plot(x, values["full"], color=color, marker="", label=label)
    if method != "none":
        axes.plot(
            x, values[method], color=color, linestyle="", marker="o", markerfacecolor="none", markersize=7
        )
    axes.plot(x, values["none"], color=color, linestyle="", marker="x", markersize=5)


def _modes(result: Result, method: str) -> Figure:
    trains = list(dict.fromkeys(str(row[0]) for row in result.tables["error_vs_modes"].rows))
    figure, grid = new_figure(
        "Mean velocity error over the map against the number of modes; dashed: the best approximation with "
        "the same modes. At equal numbers a gain is that of better directions.",
        columns=len(trains),
        width=4.7 * len(trains),
        height=3.9,
        sharey=True,
        squeeze=False,
    )
    for axes, name in zip(grid[0], trains, strict=True):
        for kind, color, marker in (("none", COLORS[5], MARKERS[1]), (method, COLORS[0], MARKERS[0])):
            reduced = result.curves[f"error_vs_modes_{name}_{kind}_reduced"]
            best = result.curves[f"error_vs_modes_{name}_{kind}_best"]
            label = "no augmentation" if kind == "none" else kind
            axes.plot(reduced.x, reduced.y, color=color, marker=marker, label=label)
            axes.plot(best.x, best.y, color=color, linestyle="--", marker="", alpha=0.8)
        axes.set_title(f"training set {name}")
        label_decades(axes)
        axes.set_xlabel("modes")
    grid[0, 0].set_ylabel("mean velocity error (%)")
    handles = [*grid[0, -1].get_legend_handles_labels()[0]]
    handles.append(Line2D([], [], color=MUTED, linestyle="--", marker="", label="best approximation"))
    grid[0, -1].legend(handles=handles)
    return figure


def _gaps(result: Result, method: str) -> Figure:
    names = list(dict.fromkeys(("none", method)))
    figure, grid = new_figure(
        f"Where reduced models are wrong: |reduced − full| at {_words(result, 'worst')}, where the error "
        "without artificial snapshots is largest; section through the middle.",
        rows=len(names),
        width=5.6,
        height=2.9 * len(names) + 0.3,
        squeeze=False,
    )
    fields = GridFields(result)
    pictures = {}
    for name in names:
        u, v = fields.field(f"gap_{name}")
        w = fields.spread(result.curves[f"normal_gap_{name}"].y)
        pictures[name] = _filled(np.sqrt(u**2 + v**2 + w**2))
    largest = max(float(np.nanmax(picture)) for picture in pictures.values())
    ends = (fields.x[0], fields.x[-1], fields.y[0], fields.y[-1])
    for axes, (name, picture) in zip(grid[:, 0], pictures.items(), strict=True):
        drawn = axes.imshow(
            picture,
            origin="lower",
            extent=ends,
            interpolation="bilinear",
            cmap=DIFFERENCE_MAP,
            vmin=0,
            vmax=largest,
        )
        _body(axes)
        axes.set_title("without augmentation" if name == "none" else f"with {name} snapshots")
        axes.set_axis_off()
    figure.colorbar(drawn, ax=grid.ravel().tolist(), label="|difference|, over U", shrink=0.8)
    return figure


def _exact(result: Result) -> Figure:
    figure, axes = new_figure(
        "Errors of exact Stokes flows around a sphere fall with the mesh: n is the number of cells "
        "along a quarter of its girth."
    )
    for name, label in (
        ("velocity", "velocity, L2"),
        ("drag", "drag of a fixed sphere"),
        ("swimmer", "force on a free swimmer"),
    ):
        line = result.curves[f"exact_{name}"]
        axes.plot(line.x, line.y, label=label)
    n = np.array(line.x)
    for order in (3, 4):
        scale = 0.5 * np.array(result.curves["exact_velocity"].y)[0]
        axes.plot(n, scale * (n[0] / n) ** order, color=MUTED, linestyle=":", marker="", linewidth=1)
        axes.annotate(
            f"n$^{{-{order}}}$", (n[-1], scale * (n[0] / n[-1]) ** order), xytext=(4, -3),
            textcoords="offset points", fontsize=9, color=MUTED,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(n, [f"{value:g}" for value in n])
    axes.minorticks_off()
    axes.set_xlabel("n")
    axes.set_ylabel("relative error")
    axes.legend()
    return figure
