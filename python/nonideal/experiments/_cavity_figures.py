"""The figures of flow-cavity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from nonideal.experiments._flow_figures import FIELD_MAP, GridFields
from nonideal.report import Result
from nonideal.report.figures import COLORS, INK, MARKERS, MUTED, new_figure

__all__ = ["draw"]


def draw(result: Result, numbers: Sequence[float], points: Sequence[Any]) -> dict[str, Figure]:
    """Return them by name."""
    return {
        "fields": _fields(result, numbers),
        "centre_lines": _lines(result, numbers, points),
        "steps": _steps(result, numbers),
        "orders": _orders(result),
        "solvers": _solvers(result),
    }


def _fields(result: Result, numbers: Sequence[float]) -> Figure:
    shown = numbers[:3]
    figure, grid = new_figure(
        "Streamlines over speed (above) and vorticity (below, clipped) in the cavity whose top lid moves to "
        "the right.",
        rows=2,
        columns=len(shown),
        width=max(5.0, 3.0 * len(shown)),
        height=6.0,
        squeeze=False,
    )
    fields = GridFields(result)
    for column, re in enumerate(shown):
        top = fields.draw(grid[0, column], *fields.field(f"re{re:g}"), cmap=FIELD_MAP, vmin=0, vmax=1)
        grid[0, column].set_title(f"Re {re:g}")
        curl = fields.spread(result.curves[f"vorticity_re{re:g}"].y)
        axes = grid[1, column]
        bottom = axes.imshow(
            curl,
            origin="lower",
            extent=(0, 1, 0, 1),
            cmap="RdBu_r",
            vmin=-6,
            vmax=6,
            interpolation="bilinear",
        )
        levels = [-5, -4, -3, -2, -1, -0.5, 0, 0.5, 1, 2, 3]
        axes.contour(fields.x, fields.y, curl, levels=levels, colors=INK, linewidths=0.4)
        axes.set_aspect("equal")
        axes.set_axis_off()
    figure.colorbar(top, ax=grid[0].tolist(), label="speed", shrink=0.85)
    figure.colorbar(bottom, ax=grid[1].tolist(), label="vorticity", shrink=0.85, extend="both")
    return figure


def _lines(result: Result, numbers: Sequence[float], points: Sequence[Any]) -> Figure:
    figure, grid = new_figure(
        "Velocities on the centre lines; markers: values of others, in the table with their sources.",
        columns=2,
        width=8.4,
        height=4.0,
    )
    for index, re in enumerate(numbers):
        color = COLORS[index % len(COLORS)]
        u, v = result.curves[f"u_re{re:g}"], result.curves[f"v_re{re:g}"]
        grid[0].plot(u.x, u.y, color=color, marker="", label=f"Re {re:g}")
        grid[1].plot(v.x, v.y, color=color, marker="", label=f"Re {re:g}")
        for number, component, place, value, source in points:
            if number != re or result.config["a"] != 0:
                continue
            marker = "x" if source.startswith("Ghia") else "o"
            at = (value, place[1]) if component == "u" else (place[0], value)
            grid["uv".index(component)].plot(*at, color=color, marker=marker, markersize=6, linestyle="")
    grid[0].set_xlabel("u on x = 1/2")
    grid[0].set_ylabel("y")
    grid[1].set_xlabel("x")
    grid[1].set_ylabel("v on y = 1/2")
    grid[0].legend()
    return figure


def _steps(result: Result, numbers: Sequence[float]) -> Figure:
    figure, axes = new_figure(
        "Relative step of every linear solve after the Stokes flow: Picard's above 2 % (grey line), Newton's "
        "below, where they fall quadratically."
    )
    for index, re in enumerate(numbers):
        curve = result.curves[f"steps_re{re:g}"]
        shown = np.array(curve.y) > 0
        axes.plot(
            np.array(curve.x)[shown],
            np.array(curve.y)[shown],
            color=COLORS[index % len(COLORS)],
            marker=MARKERS[index % len(MARKERS)],
            label=f"Re {re:g}",
        )
    axes.axhline(0.02, color=MUTED, linewidth=1)
    axes.set_yscale("log")
    axes.set_xlabel("linear solve")
    axes.set_ylabel("relative step")
    axes.legend()
    return figure


def _orders(result: Result) -> Figure:
    figure, axes = new_figure(
        "Errors of Kovasznay's flow against the width of cells; dotted: orders 3 and 2."
    )
    for name, order, color in (("velocity", 3, COLORS[0]), ("pressure", 2, COLORS[1])):
        curve = result.curves[f"kovasznay_{name}"]
        axes.plot(curve.x, curve.y, color=color, label=name)
        h = np.array(curve.x)
        axes.plot(h, 1.5 * curve.y[-1] * (h / h[-1]) ** order, color=MUTED, linestyle=":", marker="")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("cell width")
    axes.set_ylabel("L2 error")
    axes.legend()
    return figure


def _solvers(result: Result) -> Figure:
    rows = result.tables["solvers"].rows
    names = list(dict.fromkeys(str(row[1]) for row in rows))
    sizes = list(dict.fromkeys(int(str(row[0])) for row in rows))
    figure, axes = new_figure("CPU time of one Oseen step by stage and solver, one thread, this machine.")
    stages = ("update", "analyse (once per mesh)", "factorise", "solve")
    width = 0.8 / len(names)
    for place, name in enumerate(names):
        for position, size in enumerate(sizes):
            row = next(row for row in rows if (row[0], row[1]) == (size, name))
            bottom = 0.0
            for stage, color in enumerate((COLORS[2], COLORS[5], COLORS[0], COLORS[1])):
                value = float(str(row[2 + stage]))
                label = stages[stage] if place == position == 0 else None
                x = position + (place - (len(names) - 1) / 2) * width
                axes.bar(x, value, 0.9 * width, bottom=bottom, color=color, label=label)
                bottom += value
            axes.annotate(
                name, (x, bottom), xytext=(0, 3), textcoords="offset points", ha="center", fontsize=8.5
            )
    axes.set_xticks(range(len(sizes)), [f"{size:,} dofs" for size in sizes])
    axes.set_ylabel("CPU time (ms)")
    axes.margins(y=0.12)
    axes.legend()
    return figure
