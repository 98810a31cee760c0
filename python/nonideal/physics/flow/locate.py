"""Which cell a point lies in, for many points at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nonideal.checks import FloatArray, check_finite
from nonideal.errors import InvalidArgument
from nonideal.physics.flow.quadrature import triangle_shape, triangle_slopes

__all__ = ["Locator"]

OUTSIDE = 1e-3  #: of a cell, in barycentric coordinates: so far out a point may lie
_NEWTON_STEPS = 12
_BATCH = 1 << 16  # points whose candidates are looked at together


class Locator:
    """Finds cells through a grid of bins over their bounding boxes.

    Parameters
    ----------
    nodes : (n_nodes, 2) float64 ndarray
    cell_nodes : (n_cells, 6) int32 ndarray
    """

    def __init__(self, nodes: FloatArray, cell_nodes: NDArray[np.int32]) -> None:
        self._corners = nodes[cell_nodes]  # (n_cells, 6, 2)
        self._cell_nodes = cell_nodes
        a, b, c = (self._corners[:, k] for k in range(3))
        ends = np.stack([a, b, c], axis=1)
        bulge = (
            2 * self._corners[:, 3:] - (ends + np.roll(ends, -1, axis=1)) / 2
        )  # control points of the sides
        hull = np.concatenate([ends, bulge], axis=1)
        low, high = hull.min(axis=1), hull.max(axis=1)
        margin = 4 * OUTSIDE * (high - low).max(axis=1, keepdims=True)
        low, high = low - margin, high + margin
        middle = (ends + np.roll(ends, -1, axis=1)) / 2
        size = np.hypot(*(b - a).T)
        self._curved = (np.abs(self._corners[:, 3:] - middle).max(axis=(1, 2)) > 1e-12 * size).astype(bool)
        self._low = low.min(axis=0)
        extent = high.max(axis=0) - self._low
        count = max(len(cell_nodes), 1)
        self._shape = np.maximum(1, np.round(np.sqrt(count * extent / extent[::-1])).astype(int))
        self._bin = extent / self._shape
        first, last = self._bins(low), self._bins(high)
        spans = last - first + 1
        per_cell = spans.prod(axis=1)
        cell = np.repeat(np.arange(len(cell_nodes)), per_cell)
        offset = np.arange(len(cell)) - np.repeat(np.cumsum(per_cell) - per_cell, per_cell)
        bins = first[cell] + np.stack([offset % spans[cell, 0], offset // spans[cell, 0]], axis=1)
        flat = bins[:, 1] * self._shape[0] + bins[:, 0]
        order = np.argsort(flat, kind="stable")
        self._candidates = cell[order]
        self._first = np.searchsorted(flat[order], np.arange(self._shape.prod() + 1))

    def _bins(self, points: FloatArray) -> NDArray[np.int64]:
        return np.asarray(np.clip(((points - self._low) / self._bin).astype(np.int64), 0, self._shape - 1))

    def sample(
        self, points: ArrayLike, velocity: FloatArray, pressure: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return velocity (n, 2) and pressure (n,) at points."""
        cells, xi, eta = self.find(points)
        quadratic = triangle_shape(xi, eta)
        linear = np.stack([1 - xi - eta, xi, eta], axis=1)
        nodes = self._cell_nodes[cells]
        return (
            np.einsum("nk,nkc->nc", quadratic, velocity[nodes]),
            np.einsum("nk,nk->n", linear, pressure[nodes[:, :3]]),
        )

    def find(self, points: ArrayLike) -> tuple[NDArray[np.int64], FloatArray, FloatArray]:
        """Return each point's cell and its reference coordinates.

        Raises
        ------
        InvalidArgument
            If a point is outside by more than a thousandth of a cell, or not finite.
        """
        array = check_finite("points", points)
        if array.ndim != 2 or array.shape[1] != 2:
            raise InvalidArgument(f"points has shape {array.shape}, not (n, 2)")
        pieces = [self._find(array[i : i + _BATCH], i) for i in range(0, len(array), _BATCH)]
        if not pieces:
            return np.empty(0, dtype=np.int64), np.empty(0), np.empty(0)
        cells, xi, eta = (np.concatenate(items) for items in zip(*pieces, strict=True))
        return cells, xi, eta

    def _find(self, points: FloatArray, start: int) -> tuple[NDArray[np.int64], FloatArray, FloatArray]:
        bins = self._bins(points)
        flat = bins[:, 1] * self._shape[0] + bins[:, 0]
        counts = self._first[flat + 1] - self._first[flat]
        point = np.repeat(np.arange(len(points)), counts)
        offset = np.arange(len(point)) - np.repeat(np.cumsum(counts) - counts, counts)
        cell = self._candidates[self._first[flat][point] + offset]
        xi, eta = self._reference(cell, points[point])
        inside = np.minimum(np.minimum(xi, eta), 1.0 - xi - eta)
        # The candidate that a point lies deepest in; of equals the first cell.
        order = np.lexsort((cell, -inside, point))
        chosen = order[np.unique(point[order], return_index=True)[1]]
        depth = np.full(len(points), -np.inf)
        depth[point[chosen]] = inside[chosen]
        if not (depth >= -OUTSIDE).all():
            i = int((~(depth >= -OUTSIDE)).argmax())
            x, y = points[i]
            raise InvalidArgument(f"points[{start + i}] = ({x:g}, {y:g}) is outside the mesh")
        return cell[chosen], xi[chosen], eta[chosen]

    def _reference(self, cell: NDArray[np.int64], points: FloatArray) -> tuple[FloatArray, FloatArray]:
        corners = self._corners[cell]
        a = corners[:, 0]
        jacobian = np.stack([corners[:, 1] - a, corners[:, 2] - a], axis=2)
        reference = _solve(jacobian, points - a)
        curved = np.flatnonzero(self._curved[cell])
        if len(curved):
            local, target = reference[curved], points[curved]
            shapes = corners[curved]
            for _ in range(_NEWTON_STEPS):
                xi, eta = local.T
                there = np.einsum("nk,nkx->nx", triangle_shape(xi, eta), shapes)
                jacobian = np.einsum("nkr,nkx->nxr", triangle_slopes(xi, eta), shapes)
                with np.errstate(all="ignore"):  # far outside the map may fold: such candidates drop out
                    local = np.clip(local + _solve(jacobian, target - there), -2.0, 3.0)
                local[~np.isfinite(local)] = -2.0
            there = np.einsum("nk,nkx->nx", triangle_shape(*local.T), shapes)
            size = np.abs(shapes[:, 1:3] - shapes[:, :1]).max(axis=(1, 2))
            local[np.abs(there - target).max(axis=1) > 1e-9 * size] = -2.0
            reference[curved] = local
        return reference[:, 0], reference[:, 1]


def _solve(matrix: FloatArray, rhs: FloatArray) -> FloatArray:
    (a, b), (c, d) = matrix[:, 0].T, matrix[:, 1].T
    x, y = rhs.T
    determinant = a * d - b * c
    return np.stack([(d * x - b * y) / determinant, (a * y - c * x) / determinant], axis=1)
