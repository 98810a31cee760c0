"""The figures of flow-cylinder."""

from __future__ import annotations

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from nonideal.experiments._flow_figures import FIELD_MAP, GridFields
from nonideal.experiments._reduced_map import draw_map
from nonideal.physics import flow
from nonideal.report import Result
from nonideal.report.figures import COLORS, PAPER, new_figure

__all__ = ["draw"]

_QUANTITIES = {"velocity": "velocity", "drag": "drag", "lift": "lift", "drop": "pressure drop"}


def draw(result: Result, method: str, problem: flow.NavierStokes) -> dict[str, Figure]:
    """Return them by name."""
    return {
        "flow": _flow(result, problem),
        "errors": _errors(result, method),
        "benchmark": _benchmark(result),
    }


def _flow(result: Result, problem: flow.NavierStokes) -> Figure:
    figure, (above, below) = new_figure(
        "The mesh (cells at the cylinder have curved sides), and speed and streamlines at the centre of the "
        "parameters' box.",
        rows=2,
        width=9.0,
        height=4.6,
    )
    corners = problem.nodes[problem.cell_nodes[:, [0, 3, 1, 4, 2, 5]]]
    above.add_collection(
        PolyCollection(list(corners), facecolors=PAPER, edgecolors=COLORS[0], linewidths=0.4)
    )
    fields = GridFields(result)
    drawn = fields.draw(below, *fields.field("full"), cmap=FIELD_MAP)
    below.add_patch(_disc(problem))
    figure.colorbar(drawn, ax=below, label="speed (m/s)", shrink=0.9)
    above.set_xlim(*below.get_xlim())
    above.set_ylim(*below.get_ylim())
    above.set_aspect("equal")
    above.set_axis_off()
    return figure


def _disc(problem: flow.NavierStokes) -> object:
    from matplotlib.patches import Polygon

    points = problem.nodes[problem.sides("cylinder").nodes]
    centre = points.mean(axis=0)
    angles = np.arctan2(*(points - centre).T[::-1])
    return Polygon(points[np.argsort(angles)], closed=True, facecolor=PAPER, edgecolor=COLORS[5], zorder=5)


def _errors(result: Result, method: str) -> Figure:
    names = list(dict.fromkeys(("none", method)))
    figure, grid = new_figure(
        "Relative errors of reduced solutions over the parameters: without artificial snapshots (above) and "
        "with them (below); each column has one scale.",
        rows=len(names),
        columns=len(_QUANTITIES),
        width=11.0,
        height=5.6,
        squeeze=False,
        sharex=True,
        sharey=True,
    )
    places = result.curves["map_points"]
    for column, (quantity, words) in enumerate(_QUANTITIES.items()):
        curves = [result.curves[f"map_{quantity}_{name}"] for name in names]
        largest = max(max(part.y) for part in curves)
        for row, part in enumerate(curves):
            axes = grid[row, column]
            drawn = draw_map(axes, places, part, cmap=FIELD_MAP, vmin=0, vmax=largest)
            axes.set_title(f"{words}: mean {np.mean(part.y):.2g} %", fontsize=9.5)
            axes.ticklabel_format(axis="x", style="sci", scilimits=(-3, -3))
            if row < len(names) - 1:
                axes.set_xlabel("")
            if column:
                axes.set_ylabel("")
        figure.colorbar(drawn, ax=grid[:, column].tolist(), shrink=0.6, location="bottom", label="error (%)")
    for row, name in enumerate(names):
        grid[row, 0].set_ylabel(f"{'no augmentation' if name == 'none' else name}\n{places.y_label} (m/s)")
    return figure


def _benchmark(result: Result) -> Figure:
    figure, axes = new_figure(
        "Errors of drag and lift of DFG 2D-1 against the mesh, with straight and with curved cells at the "
        "cylinder."
    )
    rows = result.tables["benchmark"].rows
    for kind, style in (("straight", "--"), ("curved", "-")):
        chosen = [row for row in rows if row[1] == kind]
        dofs = [float(str(row[2])) for row in chosen]
        for column, name, color in ((4, "drag", COLORS[0]), (7, "lift", COLORS[1])):
            values = [abs(float(str(row[column]))) for row in chosen]
            axes.plot(dofs, values, linestyle=style, color=color, label=f"{name}, {kind}")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("dofs")
    axes.set_ylabel("relative error")
    axes.legend()
    return figure
