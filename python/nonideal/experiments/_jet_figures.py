"""The figures of flow-jet."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from nonideal.experiments._flow_figures import DIFFERENCE_MAP, FIELD_MAP, GridFields, cost_figure
from nonideal.experiments._reduced_map import draw_map
from nonideal.report import Result
from nonideal.report.figures import new_figure

__all__ = ["draw"]

_SHOWN = ("corner_1", "corner_2", "centre", "corner_3", "corner_4")


def draw(result: Result, method: str) -> dict[str, Figure]:
    """Return them by name."""
    return {
        "flows": _flows(result),
        "gaps": _gaps(result, method),
        "bubbles": _bubbles(result, method),
        "cost": cost_figure(result, method),
    }


def _words(result: Result, name: str) -> str:
    re, jet = result.curves[f"mu_{name}"].y
    return f"Re {re:.4g}, jet {jet:.3g}"


def _flows(result: Result) -> Figure:
    figure, grid = new_figure(
        "Speed and streamlines at the corners and the centre of the parameters' box; the jet enters through "
        "the lower wall.",
        rows=len(_SHOWN),
        width=9.0,
        height=8.6,
    )
    fields = GridFields(result)
    largest = max(float(np.nanmax(np.hypot(*fields.field(name)))) for name in _SHOWN)
    for axes, name in zip(grid, _SHOWN, strict=True):
        drawn = fields.draw(axes, *fields.field(name), cmap=FIELD_MAP, vmin=0, vmax=largest)
        axes.set_title(_words(result, name))
    figure.colorbar(drawn, ax=grid.tolist(), label="speed", shrink=0.6)
    return figure


def _gaps(result: Result, method: str) -> Figure:
    names = list(dict.fromkeys(("none", method)))
    figure, grid = new_figure(
        f"Where reduced models are wrong: |reduced − full| at {_words(result, 'worst')}, where the error "
        "without artificial snapshots is largest.",
        rows=1 + len(names),
        width=9.0,
        height=5.4,
    )
    fields = GridFields(result)
    top = fields.draw(grid[0], *fields.field("worst"), cmap=FIELD_MAP)
    grid[0].set_title("full order")
    figure.colorbar(top, ax=grid[0], label="speed", shrink=0.9)
    pictures = {}
    for name in names:
        gap = result.curves[f"gap_{name}"]
        pictures[name] = fields.spread(np.hypot(gap.x, gap.y))
    largest = max(float(np.nanmax(picture)) for picture in pictures.values())
    ends = (fields.x[0], fields.x[-1], fields.y[0], fields.y[-1])
    for axes, (name, picture) in zip(grid[1:], pictures.items(), strict=True):
        drawn = axes.imshow(
            picture,
            origin="lower",
            extent=ends,
            interpolation="bilinear",
            cmap=DIFFERENCE_MAP,
            vmin=0,
            vmax=largest,
        )
        axes.set_title("without augmentation" if name == "none" else f"with {name} snapshots")
        axes.set_axis_off()
    figure.colorbar(drawn, ax=grid[1:].tolist(), label="|difference|", shrink=0.9)
    return figure


def _bubbles(result: Result, method: str) -> Figure:
    names = list(dict.fromkeys(("full", "none", method)))
    titles = {"full": "full order", "none": "reduced, none"}
    figure, grid = new_figure(
        "Length of the bubble behind the slot over the parameters, full order and reduced.",
        columns=len(names),
        width=9.4,
        height=3.6,
        sharey=True,
    )
    places = result.curves["map_points"]
    curves = [result.curves[f"map_bubble_{name}"] for name in names]
    largest = max(max(part.y) for part in curves) or 1.0
    for axes, name, part in zip(grid, names, curves, strict=True):
        drawn = draw_map(axes, places, part, cmap=FIELD_MAP, vmin=0, vmax=largest)
        axes.set_title(titles.get(name, f"reduced, {name}"))
    for axes in grid[1:]:
        axes.set_ylabel("")
    figure.colorbar(drawn, ax=grid.tolist(), label="length")
    return figure
