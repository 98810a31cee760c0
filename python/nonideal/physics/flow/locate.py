"""Which cell a point lies in, for many points at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nonideal.checks import FloatArray, check_finite
from nonideal.errors import InvalidArgument
from nonideal.physics.flow.simplex import SIMPLICES

__all__ = ["Locator"]

OUTSIDE = 1e-3  #: of a cell, in barycentric coordinates: so far out a point may lie
_NEWTON_STEPS = 12
_BATCH = 1 << 16  # points whose candidates are looked at together


class Locator:
    """Finds cells through a grid of bins over their bounding boxes.

    Parameters
    ----------
    nodes : (n_nodes, dim) float64 ndarray
    cell_nodes : (n_cells, 6 or 10) int32 ndarray
    """

    def __init__(self, nodes: FloatArray, cell_nodes: NDArray[np.int32]) -> None:
        self._simplex = SIMPLICES[nodes.shape[1]]
        self._corners = nodes[cell_nodes]  # (n_cells, nodes of a cell, dim)
        self._cell_nodes = cell_nodes
        n = self._simplex.n_vertices
        first, last = np.array(self._simplex.edges).T
        ends = self._corners[:, :n]
        middle = (ends[:, first] + ends[:, last]) / 2
        bulge = 2 * self._corners[:, n:] - middle  # control points of the edges
        hull = np.concatenate([ends, bulge], axis=1)
        low, high = hull.min(axis=1), hull.max(axis=1)
        margin = 4 * OUTSIDE * (high - low).max(axis=1, keepdims=True)
        low, high = low - margin, high + margin
        size = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1)
        self._curved = (np.abs(self._corners[:, n:] - middle).max(axis=(1, 2)) > 1e-12 * size).astype(bool)
        self._low = low.min(axis=0)
        extent = self._extent = high.max(axis=0) - self._low
        # Cubic bins, about as many as cells.
        side = (extent.prod() / max(len(cell_nodes), 1)) ** (1 / self._simplex.dim)
        self._shape = np.maximum(1, np.round(extent / side)).astype(int)
        self._bin = extent / self._shape
        self._stride = np.concatenate([[1], np.cumprod(self._shape[:-1])])
        first_bin, last_bin = self._bins(low), self._bins(high)
        spans = last_bin - first_bin + 1
        per_cell = spans.prod(axis=1)
        cell = np.repeat(np.arange(len(cell_nodes)), per_cell)
        offset = np.arange(len(cell)) - np.repeat(np.cumsum(per_cell) - per_cell, per_cell)
        flat = np.zeros(len(cell), dtype=np.int64)
        for axis in range(self._simplex.dim):
            offset, rest = np.divmod(offset, spans[cell, axis])
            flat += (first_bin[cell, axis] + rest) * self._stride[axis]
        order = np.argsort(flat, kind="stable")
        self._candidates = cell[order]
        self._first = np.searchsorted(flat[order], np.arange(self._shape.prod() + 1))

    def _bins(self, points: FloatArray) -> NDArray[np.int64]:
        return np.asarray(np.clip(((points - self._low) / self._bin).astype(np.int64), 0, self._shape - 1))

    def sample(
        self, points: ArrayLike, velocity: FloatArray, pressure: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return velocity (n, dim) and pressure (n,) at points."""
        cells, reference = self.find(points)
        nodes = self._cell_nodes[cells]
        return (
            self.interpolate(cells, reference, velocity),
            np.einsum(
                "nk,nk->n", self._simplex.linear(reference), pressure[nodes[:, : self._simplex.n_vertices]]
            ),
        )

    def interpolate(self, cells: NDArray[np.int64], reference: FloatArray, field: FloatArray) -> FloatArray:
        """Return a (n_nodes, n_components) field at places that `find` or `locate` found."""
        values = field[self._cell_nodes[cells]]
        return np.asarray(np.einsum("nk,nkc->nc", self._simplex.shape(reference), values))

    def find(self, points: ArrayLike) -> tuple[NDArray[np.int64], FloatArray]:
        """Return each point's cell and its reference coordinates (n, dim).

        Raises
        ------
        InvalidArgument
            If a point is outside by more than a thousandth of a cell, or not finite.
        """
        array, dim = check_finite("points", points), self._simplex.dim
        if array.ndim != 2 or array.shape[1] != dim:
            raise InvalidArgument(f"points has shape {array.shape}, not (n, {dim})")
        cells, reference = self.locate(array)
        for i in np.flatnonzero(cells < 0)[:1]:
            place = ", ".join(f"{x:g}" for x in array[i])
            raise InvalidArgument(f"points[{i}] = ({place}) is outside the mesh")
        return cells, reference

    def locate(self, points: FloatArray) -> tuple[NDArray[np.int64], FloatArray]:
        """Return what `find` does, with cell -1 for each of (n, dim) points that are outside."""
        cells, reference = np.full(len(points), -1, dtype=np.int64), np.zeros(points.shape)
        # Arithmetic on points far away would overflow.
        near = np.flatnonzero((np.abs(points - self._low) <= 2 * self._extent).all(axis=1))
        for i in range(0, len(near), _BATCH):
            batch = near[i : i + _BATCH]
            cells[batch], reference[batch] = self._find(points[batch])
        return cells, reference

    def _find(self, points: FloatArray) -> tuple[NDArray[np.int64], FloatArray]:
        """Return each point's cell, -1 where it is outside, and its reference coordinates."""
        flat = self._bins(points) @ self._stride
        counts = self._first[flat + 1] - self._first[flat]
        point = np.repeat(np.arange(len(points)), counts)
        offset = np.arange(len(point)) - np.repeat(np.cumsum(counts) - counts, counts)
        cell = self._candidates[self._first[flat][point] + offset]
        reference = self._reference(cell, points[point])
        inside = self._simplex.linear(reference).min(axis=1)
        # The candidate that a point lies deepest in; of equals the first cell.
        order = np.lexsort((cell, -inside, point))
        chosen = order[np.unique(point[order], return_index=True)[1]]
        chosen = chosen[inside[chosen] >= -OUTSIDE]
        cells = np.full(len(points), -1, dtype=np.int64)
        places = np.zeros(points.shape)
        cells[point[chosen]], places[point[chosen]] = cell[chosen], reference[chosen]
        return cells, places

    def _reference(self, cell: NDArray[np.int64], points: FloatArray) -> FloatArray:
        simplex, corners = self._simplex, self._corners[cell]
        a = corners[:, 0]
        jacobian = np.moveaxis(corners[:, 1 : simplex.n_vertices] - a[:, None], 1, 2)
        reference = _solve(jacobian, points - a)
        curved = np.flatnonzero(self._curved[cell])
        if len(curved):
            local, target = reference[curved], points[curved]
            shapes = corners[curved]
            for _ in range(_NEWTON_STEPS):
                there = np.einsum("nk,nkx->nx", simplex.shape(local), shapes)
                jacobian = np.einsum("nkr,nkx->nxr", simplex.slopes(local), shapes)
                with np.errstate(all="ignore"):  # far outside the map may fold: such candidates drop out
                    local = np.clip(local + _solve(jacobian, target - there), -2.0, 3.0)
                local[~np.isfinite(local)] = -2.0
            there = np.einsum("nk,nkx->nx", simplex.shape(local), shapes)
            size = np.abs(shapes[:, 1 : simplex.n_vertices] - shapes[:, :1]).max(axis=(1, 2))
            local[np.abs(there - target).max(axis=1) > 1e-9 * size] = -2.0
            reference[curved] = local
        return reference


def _solve(matrix: FloatArray, rhs: FloatArray) -> FloatArray:
    """Return the solutions of many small systems by Cramer's rule, which refuses no singular one."""
    columns = np.moveaxis(matrix, 2, 0)
    if len(columns) == 2:
        (a, c), (b, d) = columns[0].T, columns[1].T
        x, y = rhs.T
        determinant = a * d - b * c
        return np.stack([(d * x - b * y) / determinant, (a * y - c * x) / determinant], axis=1)
    normals = [np.cross(columns[(r + 1) % 3], columns[(r + 2) % 3]) for r in range(3)]
    determinant = np.einsum("nx,nx->n", columns[0], normals[0])
    return np.stack([np.einsum("nx,nx->n", rhs, normal) / determinant for normal in normals], axis=1)
