"""Integrals over cells and facets for what is done once per flow, in NumPy: loads, norms, fluxes."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from nonideal.checks import FloatArray
from nonideal.physics.flow.simplex import SIMPLICES

__all__ = ["Cells", "Sides"]

#: Points along each axis of a rule; in three dimensions there are many cells.
_CELL_POINTS = {2: 4, 3: 3}
_FACET_POINTS = 3


class Cells:
    """Integrals over quadratic triangles or tetrahedra.

    Exact for polynomials of degree 2 n - 1 in reference coordinates.

    Parameters
    ----------
    nodes : (n_nodes, dim) float64 ndarray
    cell_nodes : (n_cells, 6 or 10) int32 ndarray
    n : int, optional
        Points along each axis; default 4 on triangles, 3 on tetrahedra.
    """

    def __init__(self, nodes: FloatArray, cell_nodes: NDArray[np.int32], n: int | None = None) -> None:
        self._nodes, self._cell_nodes = nodes, cell_nodes
        self._simplex = SIMPLICES[nodes.shape[1]]
        points, self._rule = self._simplex.rule(n or _CELL_POINTS[self._simplex.dim])
        self.shape = self._simplex.shape(points)
        self.linear_shape = self._simplex.linear(points)
        self._slopes = self._simplex.slopes(points)

    @cached_property
    def points(self) -> FloatArray:
        """Quadrature points, (n_cells, n_points, dim)."""
        return np.asarray(np.einsum("qk,ckx->cqx", self.shape, self._nodes[self._cell_nodes], optimize=True))

    @cached_property
    def _jacobian(self) -> FloatArray:
        """Derivatives of x (first index) along the reference axes (second), (n_cells, n_points, dim, dim)."""
        return np.asarray(
            np.einsum("qkr,ckx->cqxr", self._slopes, self._nodes[self._cell_nodes], optimize=True)
        )

    @cached_property
    def weights(self) -> FloatArray:
        """Weights, (n_cells, n_points); they add up to the area, or the volume."""
        return np.asarray(self._rule * np.linalg.det(self._jacobian))

    def load(self, values: FloatArray) -> FloatArray:
        """Return the integrals of values (n_cells, n_points, dim) times each node's shape function."""
        return np.stack([self.moments(values[..., c]) for c in range(values.shape[2])], axis=1)

    def moments(self, values: FloatArray) -> FloatArray:
        """Return the integrals of values (n_cells, n_points) times each node's shape function, (n_nodes,)."""
        local = np.einsum("cq,cq,qk->ck", self.weights, values, self.shape, optimize=True)
        return np.asarray(
            np.bincount(self._cell_nodes.ravel(), local.ravel(), len(self._nodes)), dtype=np.float64
        )

    def vertex_weights(self, n_vertices: int) -> FloatArray:
        """Return the integral of each vertex's linear shape function."""
        local = np.einsum("cq,qk->ck", self.weights, self.linear_shape)
        corners = self._cell_nodes[:, : self._simplex.n_vertices]
        return np.asarray(np.bincount(corners.ravel(), local.ravel(), n_vertices), dtype=np.float64)

    def gradient(self, field: FloatArray) -> FloatArray:
        """Return d field_a / d x_b of a (n_nodes, dim) field at the points, (n_cells, n_points, dim, dim)."""
        reference = np.einsum("qkr,cka->cqar", self._slopes, field[self._cell_nodes], optimize=True)
        return np.asarray(reference @ np.linalg.inv(self._jacobian))

    def curl(self, field: FloatArray) -> FloatArray:
        """Return the curl of a (n_nodes, dim) field at the points, (n_cells, n_points, 1 or 3)."""
        g = self.gradient(field)
        planes = ((0, 1),) if g.shape[-1] == 2 else ((1, 2), (2, 0), (0, 1))
        return np.stack([g[..., b, a] - g[..., a, b] for a, b in planes], axis=-1)


class Sides:
    """Integrals over facets: quadratic curves through three nodes, or surfaces through six.

    Parameters
    ----------
    nodes : (n_nodes, dim) float64 ndarray
    sides : (n, 3 or 6) int ndarray
        Their vertices, the flow on the left (counter-clockwise from outside), then the nodes on their edges.
    """

    def __init__(self, nodes: FloatArray, sides: NDArray[np.int64]) -> None:
        simplex = SIMPLICES[nodes.shape[1] - 1]
        points, self._weights = simplex.rule(_FACET_POINTS)
        self.sides = sides
        self._n_nodes = len(nodes)
        self._shape = simplex.shape(points)
        self.points = np.asarray(np.einsum("qk,fkx->fqx", self._shape, nodes[sides]))
        tangents = np.einsum("qkr,fkx->rfqx", simplex.slopes(points), nodes[sides])
        #: Outward, as long as an element of arc or area is large: (n, n_points, dim).
        self.normals = (
            np.stack([tangents[0, ..., 1], -tangents[0, ..., 0]], axis=-1)
            if simplex.dim == 1
            else np.cross(tangents[0], tangents[1])
        )
        self.normals.flags.writeable = False

    @cached_property
    def nodes(self) -> NDArray[np.int64]:
        """Numbers of the nodes on the facets, ascending."""
        return np.unique(self.sides)

    def flux(self, field: FloatArray, *, absolute: bool = False) -> float:
        """Return the integral of field . n (n outwards), or of its absolute value."""
        through = np.einsum("qk,fkx,fqx->fq", self._shape, field[self.sides], self.normals)
        return float(((np.abs(through) if absolute else through) * self._weights).sum())

    @cached_property
    def measures(self) -> FloatArray:
        """Length or area per unit of the facet's own coordinates, (n, n_points)."""
        return np.asarray(np.linalg.norm(self.normals, axis=2))

    def integral(self, field: FloatArray) -> float:
        """Return the integral of a (n_nodes,) field."""
        values = np.einsum("qk,fk->fq", self._shape, field[self.sides])
        return float((values * self._weights * self.measures).sum())

    def load(self, values: FloatArray) -> FloatArray:
        """Return the integrals of values (n, n_points, dim) times the shape functions, (n_nodes, dim)."""
        local = np.einsum("q,fq,fqx,qk->fkx", self._weights, self.measures, values, self._shape)
        return np.stack(
            [
                np.bincount(self.sides.ravel(), local[:, :, c].ravel(), self._n_nodes)
                for c in range(values.shape[2])
            ],
            axis=1,
        )

    def mass(self) -> sparse.csc_array:
        """Return the mass matrix of the quadratic functions on the facets, rows and columns as `nodes`."""
        local = np.einsum("q,fq,qi,qj->fij", self._weights, self.measures, self._shape, self._shape)
        row, n = np.searchsorted(self.nodes, self.sides), self.sides.shape[1]
        rows, columns = np.repeat(row, n, axis=1).ravel(), np.tile(row, (1, n)).ravel()
        return sparse.coo_array((local.ravel(), (rows, columns)), (len(self.nodes),) * 2).tocsc()
