"""Pictures of flow fields that a result holds on a regular grid, and of errors against offline cost."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from nonideal.report import Result
from nonideal.report.figures import COLORS, new_figure

__all__ = ["DIFFERENCE_MAP", "FIELD_MAP", "GridFields", "cost_figure"]

FIELD_MAP = "viridis"
DIFFERENCE_MAP = "magma"


class GridFields:
    """Velocities on the points of a curve "grid"; NaN outside the domain."""

    def __init__(self, result: Result, prefix: str = "") -> None:
        self._result, self._prefix = result, prefix
        grid = result.curves[f"{prefix}grid"]
        self.x, column = np.unique(np.round(grid.x, 9), return_inverse=True)
        self.y, row = np.unique(np.round(grid.y, 9), return_inverse=True)
        self._place = row.reshape(-1), column.reshape(-1)

    @property
    def aspect(self) -> float:
        """Width over height."""
        return float(np.ptp(self.x) / np.ptp(self.y))

    def field(self, name: str) -> tuple[Any, Any]:
        """Return u and v of a field on the grid."""
        curve = self._result.curves[f"{self._prefix}field_{name}"]
        return self.spread(curve.x), self.spread(curve.y)

    def spread(self, values: Any) -> Any:
        """Return values at the grid's points as a picture."""
        picture = np.full((len(self.y), len(self.x)), np.nan)
        picture[self._place] = values
        return picture

    def draw(self, axes: Any, u: Any, v: Any, *, lines: bool = True, **options: Any) -> Any:
        """Draw the speed with streamlines over it; return what a colour bar needs."""
        ends = (self.x[0], self.x[-1], self.y[0], self.y[-1])
        drawn = axes.imshow(
            np.hypot(u, v), origin="lower", extent=ends, interpolation="bilinear", rasterized=True, **options
        )
        if lines and np.nanmax(np.hypot(u, v)) > 0:
            x = np.linspace(
                self.x[0], self.x[-1], len(self.x)
            )  # streamplot wants equal steps to the last bit
            y = np.linspace(self.y[0], self.y[-1], len(self.y))
            axes.streamplot(
                x,
                y,
                u,
                v,
                color="#ffffff",
                density=(1.3, 0.5) if self.aspect > 2 else 0.9,
                linewidth=0.7,
                arrowsize=0.6,
            )
        axes.set_xlim(self.x[0], self.x[-1])
        axes.set_ylim(self.y[0], self.y[-1])
        axes.set_aspect("equal")
        axes.set_axis_off()
        return drawn


def cost_figure(result: Result, method: str) -> Figure:
    """Draw the curves "error_vs_solves_..." and name the training sets of the table "cost"."""
    figure, axes = new_figure("Mean velocity error over the map against what the training cost, all modes.")
    for name, color in zip(dict.fromkeys(("none", method)), (COLORS[5], COLORS[0]), strict=False):
        curve = result.curves[f"error_vs_solves_{name}"]
        axes.plot(curve.x, curve.y, color=color, label="no augmentation" if name == "none" else name)
    for row in result.tables["cost"].rows:
        if row[1] == "none":
            place = float(str(row[2])), float(str(row[4]))
            axes.annotate(str(row[0]), place, xytext=(6, 5), textcoords="offset points", fontsize=8)
    axes.set_yscale("log")
    axes.set_xlabel("offline linear solves")
    axes.set_ylabel("mean velocity error (%)")
    axes.legend()
    return figure
