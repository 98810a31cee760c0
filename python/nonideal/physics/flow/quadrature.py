"""Integrals over cells and sides for what is done once per flow, in NumPy: loads, norms, fluxes."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import roots_jacobi

from nonideal.checks import FloatArray

__all__ = ["Cells", "Sides", "side_shape", "triangle_shape", "triangle_slopes"]


def triangle_shape(xi: FloatArray, eta: FloatArray) -> FloatArray:
    """Return the P2 shape functions at points of the reference triangle, (..., 6)."""
    rest = 1.0 - xi - eta
    return np.stack(
        [
            rest * (2 * rest - 1),
            xi * (2 * xi - 1),
            eta * (2 * eta - 1),
            4 * rest * xi,
            4 * xi * eta,
            4 * eta * rest,
        ],
        axis=-1,
    )


def triangle_slopes(xi: FloatArray, eta: FloatArray) -> FloatArray:
    """Return their derivatives along both axes of the reference triangle, (..., 6, 2)."""
    rest, zero = 1.0 - xi - eta, np.zeros_like(xi)
    along = [1 - 4 * rest, 4 * xi - 1, zero, 4 * (rest - xi), 4 * eta, -4 * eta]
    up = [1 - 4 * rest, zero, 4 * eta - 1, -4 * xi, 4 * xi, 4 * (rest - eta)]
    return np.stack([np.stack(along, axis=-1), np.stack(up, axis=-1)], axis=-1)


def side_shape(s: FloatArray) -> FloatArray:
    """Return the quadratic shape functions (ends, then middle) at points s of [0, 1], (..., 3)."""
    return np.stack([(1 - s) * (1 - 2 * s), s * (2 * s - 1), 4 * s * (1 - s)], axis=-1)


def _side_slope(s: FloatArray) -> FloatArray:
    return np.stack([4 * s - 3, 4 * s - 1, 4 - 8 * s], axis=-1)


class Cells:
    """Integrals over 6-node triangles, exact for polynomials of degree 7 in reference coordinates.

    Parameters
    ----------
    nodes : (n_nodes, 2) float64 ndarray
    cell_nodes : (n_cells, 6) int32 ndarray
    """

    def __init__(self, nodes: FloatArray, cell_nodes: NDArray[np.int32]) -> None:
        self._nodes, self._cell_nodes = nodes, cell_nodes
        # Gauss's rule along one axis, Jacobi's (weight 1 - x) along the collapsed one.
        along, along_weights = np.polynomial.legendre.leggauss(4)
        up, up_weights = roots_jacobi(4, 1.0, 0.0)
        eta = np.repeat((1 + up) / 2, 4)
        xi = np.tile((1 + along) / 2, 4) * (1 - eta)
        self._rule = np.repeat(up_weights / 4, 4) * np.tile(along_weights / 2, 4)
        self.shape = triangle_shape(xi, eta)
        self.linear_shape = np.stack([1 - xi - eta, xi, eta], axis=1)
        self._slopes = triangle_slopes(xi, eta)

    @cached_property
    def points(self) -> FloatArray:
        """Quadrature points, (n_cells, n_points, 2)."""
        return np.asarray(np.einsum("qk,ckx->cqx", self.shape, self._nodes[self._cell_nodes], optimize=True))

    @cached_property
    def _jacobian(self) -> FloatArray:
        """Derivatives of x (first index) along the reference axes (second), (n_cells, n_points, 2, 2)."""
        return np.asarray(
            np.einsum("qkr,ckx->cqxr", self._slopes, self._nodes[self._cell_nodes], optimize=True)
        )

    @cached_property
    def weights(self) -> FloatArray:
        """Weights, (n_cells, n_points); they add up to the area."""
        return np.asarray(self._rule * np.linalg.det(self._jacobian))

    def load(self, values: FloatArray) -> FloatArray:
        """Return the integrals of values (n_cells, n_points, 2) times each node's shape function."""
        return np.stack([self.moments(values[..., c]) for c in range(2)], axis=1)

    def moments(self, values: FloatArray) -> FloatArray:
        """Return the integrals of values (n_cells, n_points) times each node's shape function, (n_nodes,)."""
        local = np.einsum("cq,cq,qk->ck", self.weights, values, self.shape, optimize=True)
        return np.asarray(
            np.bincount(self._cell_nodes.ravel(), local.ravel(), len(self._nodes)), dtype=np.float64
        )

    def vertex_weights(self, n_vertices: int) -> FloatArray:
        """Return the integral of each vertex's linear shape function."""
        local = np.einsum("cq,qk->ck", self.weights, self.linear_shape)
        return np.asarray(
            np.bincount(self._cell_nodes[:, :3].ravel(), local.ravel(), n_vertices), dtype=np.float64
        )

    def gradient(self, field: FloatArray) -> FloatArray:
        """Return d field_a / d x_b of a (n_nodes, 2) field at the points, (n_cells, n_points, 2, 2)."""
        reference = np.einsum("qkr,cka->cqar", self._slopes, field[self._cell_nodes], optimize=True)
        return np.asarray(reference @ np.linalg.inv(self._jacobian))

    def curl(self, field: FloatArray) -> FloatArray:
        """Return the curl of a (n_nodes, 2) field at the points, (n_cells, n_points)."""
        gradient = self.gradient(field)
        return np.asarray(gradient[..., 1, 0] - gradient[..., 0, 1])


class Sides:
    """Integrals over sides, quadratic curves through three nodes, the flow on their left.

    Parameters
    ----------
    nodes : (n_nodes, 2) float64 ndarray
    sides : (n, 3) int ndarray
        Beginning, end, middle.
    """

    def __init__(self, nodes: FloatArray, sides: NDArray[np.int64]) -> None:
        gauss, weights = np.polynomial.legendre.leggauss(3)
        s = (1 + gauss) / 2
        self.sides = sides
        self._n_nodes = len(nodes)
        self._weights = weights / 2
        self._shape = side_shape(s)
        self.points = np.asarray(np.einsum("qk,fkx->fqx", self._shape, nodes[sides]))
        self.tangents = np.asarray(np.einsum("qk,fkx->fqx", _side_slope(s), nodes[sides]))

    @cached_property
    def nodes(self) -> NDArray[np.int64]:
        """Numbers of the nodes on the sides, ascending."""
        return np.unique(self.sides)

    def flux(self, field: FloatArray, *, absolute: bool = False) -> float:
        """Return the integral of field . n (n outwards), or of its absolute value."""
        outward = np.stack([self.tangents[..., 1], -self.tangents[..., 0]], axis=-1)
        through = np.einsum("qk,fkx,fqx->fq", self._shape, field[self.sides], outward)
        return float(((np.abs(through) if absolute else through) * self._weights).sum())

    @cached_property
    def lengths(self) -> FloatArray:
        """Length of arc per unit of the side's own coordinate, (n, n_points)."""
        return np.asarray(np.hypot(self.tangents[..., 0], self.tangents[..., 1]))

    def integral(self, field: FloatArray) -> float:
        """Return the integral of a (n_nodes,) field."""
        values = np.einsum("qk,fk->fq", self._shape, field[self.sides])
        return float((values * self._weights * self.lengths).sum())

    def load(self, values: FloatArray) -> FloatArray:
        """Return the integrals of values (n, n_points, 2) times each node's shape function, (n_nodes, 2)."""
        local = np.einsum("q,fq,fqx,qk->fkx", self._weights, self.lengths, values, self._shape)
        return np.stack(
            [np.bincount(self.sides.ravel(), local[:, :, c].ravel(), self._n_nodes) for c in range(2)], axis=1
        )

    def mass(self) -> sparse.csc_array:
        """Return the mass matrix of the quadratic functions on the sides, rows and columns as `nodes`."""
        local = np.einsum("q,fq,qi,qj->fij", self._weights, self.lengths, self._shape, self._shape)
        row = np.searchsorted(self.nodes, self.sides)
        rows, columns = np.repeat(row, 3, axis=1).ravel(), np.tile(row, (1, 3)).ravel()
        return sparse.coo_array((local.ravel(), (rows, columns)), (len(self.nodes),) * 2).tocsc()
