"""Reference simplices: what tells a triangle from a tetrahedron, as tables, and their P2 shape functions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import roots_jacobi

from nonideal.checks import FloatArray

__all__ = ["SIMPLICES", "Simplex"]


@dataclass(frozen=True)
class Simplex:
    """The simplex of the origin and the unit points; its nodes are the vertices, then one on each edge.

    Attributes
    ----------
    dim : int
    cells, facet, edge, measure : str
        How messages call several of them, a facet, an edge, and its measure.
    edges : tuple of (int, int)
        Vertices of each edge, in the order of meshio's quadratic cells.
    facets : tuple of tuple of int
        Vertices of each facet; the cell is on its left, or it runs counter-clockwise for who is outside.
    cell_types, facet_types : (str, str)
        meshio's names: of linear and quadratic ones.
    """

    dim: int
    cells: str
    facet: str
    edge: str
    measure: str
    edges: tuple[tuple[int, int], ...]
    facets: tuple[tuple[int, ...], ...]
    cell_types: tuple[str, str]
    facet_types: tuple[str, str]

    @property
    def n_vertices(self) -> int:
        """Vertices of a cell."""
        return self.dim + 1

    @property
    def n_nodes(self) -> int:
        """Nodes of a cell."""
        return self.n_vertices + len(self.edges)

    @property
    def places(self) -> FloatArray:
        """Reference coordinates of the nodes, (n_nodes, dim)."""
        corners = np.vstack([np.zeros(self.dim), np.eye(self.dim)])
        first, last = np.array(self.edges).T
        return np.vstack([corners, (corners[first] + corners[last]) / 2])

    def linear(self, reference: FloatArray) -> FloatArray:
        """Return the linear shape functions at points (..., dim): (..., dim + 1)."""
        first = np.ones(reference.shape[:-1])
        for d in range(self.dim):
            first = first - reference[..., d]
        return np.concatenate([first[..., None], reference], axis=-1)

    def shape(self, reference: FloatArray) -> FloatArray:
        """Return the quadratic shape functions at points (..., dim): (..., n_nodes)."""
        l = self.linear(reference)  # noqa: E741
        first, last = np.array(self.edges).T
        return np.concatenate([l * (2 * l - 1), 4 * l[..., first] * l[..., last]], axis=-1)

    def slopes(self, reference: FloatArray) -> FloatArray:
        """Return their derivatives along the reference axes, (..., n_nodes, dim)."""
        l = self.linear(reference)[..., None]  # noqa: E741
        dl = np.vstack([-np.ones(self.dim), np.eye(self.dim)])
        first, last = np.array(self.edges).T
        of_edges = 4 * (l[..., first, :] * dl[last] + l[..., last, :] * dl[first])
        return np.concatenate([(4 * l - 1) * dl, of_edges], axis=-2)

    def rule(self, n: int) -> tuple[FloatArray, FloatArray]:
        """Return points (n^dim, dim) and weights, exact for polynomials of degree 2 n - 1.

        Gauss's rule along the first axis, Jacobi's along those that collapse: all weights are positive.
        """
        points, weights = np.zeros((1, 0)), np.ones(1)
        for d in range(self.dim):
            # Weight (1 - x)^d: what the axes before it shrink by.
            x, w = np.polynomial.legendre.leggauss(n) if d == 0 else roots_jacobi(n, float(d), 0.0)
            x, w = (1 + x) / 2, w / 2 ** (d + 1)
            shrunk = points[None] * (1 - x)[:, None, None]
            column = np.broadcast_to(x[:, None, None], (n, len(points), 1))
            points = np.concatenate([shrunk, column], axis=2).reshape(-1, d + 1)
            weights = (w[:, None] * weights).ravel()
        return points, weights

    def edge_ends(self, cells: NDArray[np.integer]) -> NDArray[np.integer]:
        """Return the vertices of all edges of cells (m, >= dim + 1): (m * n_edges, 2)."""
        return np.asarray(cells[:, np.array(self.edges)].reshape(-1, 2))


_SEGMENT = Simplex(
    1, "sides", "end", "side", "length", ((0, 1),), ((0,), (1,)), ("line", "line3"), ("vertex", "vertex")
)  # fmt: skip
_TRIANGLE = Simplex(
    2, "triangles", "side", "side", "area", ((0, 1), (1, 2), (2, 0)), ((0, 1), (1, 2), (2, 0)),
    ("triangle", "triangle6"), _SEGMENT.cell_types,
)  # fmt: skip
_TETRAHEDRON = Simplex(
    3, "tetrahedra", "facet", "edge", "volume", ((0, 1), (1, 2), (2, 0), (0, 3), (1, 3), (2, 3)),
    ((0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)), ("tetra", "tetra10"), _TRIANGLE.cell_types,
)  # fmt: skip

#: By dimension: a facet of one is a cell of the one below.
SIMPLICES: dict[int, Simplex] = {simplex.dim: simplex for simplex in (_SEGMENT, _TRIANGLE, _TETRAHEDRON)}
