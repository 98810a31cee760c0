"""Stream functions of discretely solenoidal fields, on domains with holes too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from scipy.sparse.linalg import splu

from nonideal.checks import FloatArray, check_finite
from nonideal.errors import InvalidArgument

if TYPE_CHECKING:
    from nonideal.physics.flow.problem import NavierStokes

__all__ = ["StreamFunction"]

# Gauss points on [-1, 1], exact to degree 5: u . n ds on an edge has at most degree 2 + 1.
_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(3)


class StreamFunction:
    """The P2 stream function psi of velocities: u = curl psi = (d psi / dy, -d psi / dx).

    It solves ``-Lap psi = curl u``. On the boundary psi is the flux through it, counted along each loop from
    its first vertex; the outer loop starts from 0, and the constant of each hole comes out of the same
    equation (the field that it leaves has no circulation around the hole beyond that of u).

    Parameters
    ----------
    problem : NavierStokes
        In two dimensions.
    """

    def __init__(self, problem: NavierStokes) -> None:
        if problem.mesh.dim != 2:
            raise InvalidArgument(f"mesh.dim = {problem.mesh.dim}: a stream function is for two dimensions")
        self._nodes = problem.nodes
        n = len(self._nodes)
        unit = np.zeros((n, 2))
        derivatives = []  # int phi_i d phi_j / dx and dy: the convection of constant fields
        for axis in range(2):
            unit[:] = np.eye(2)[axis]
            derivatives.append(sparse.csr_array(problem.convection_matrix(unit)[0::2, 0::2]))
        self._dx, self._dy = derivatives
        laplace = sparse.csr_array(problem.stiffness_matrix[0::2, 0::2])
        self._loops = _boundary_loops(problem)
        inside = np.setdiff1d(np.arange(n), np.concatenate(self._loops))
        # psi = extend q + what the flux prescribes: a free value per inner node and per hole
        rows = [inside, *self._loops[1:]]
        columns = [np.arange(len(inside))]
        columns += [np.full(len(loop), len(inside) + hole) for hole, loop in enumerate(self._loops[1:])]
        where = np.concatenate(rows), np.concatenate(columns)
        shape = (n, len(inside) + len(self._loops) - 1)
        self._extend = sparse.csr_array((np.ones(len(where[0])), where), shape=shape)
        self._coupling = sparse.csr_array(self._extend.T @ laplace)
        self._lu: Any = splu(
            sparse.csc_array(self._coupling @ self._extend),
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0.0,
            options={"SymmetricMode": True},
        )

    def of(self, velocity: ArrayLike) -> FloatArray:
        """Return the stream functions of velocities.

        Parameters
        ----------
        velocity : (n_velocity, count) array_like
            One a column, m/s.

        Returns
        -------
        (n_nodes, count) float64 ndarray
            psi at the nodes, m^2/s.

        Raises
        ------
        InvalidArgument
            If the shape is another one or a number is not finite.
        """
        velocity = _columns("velocity", velocity, 2 * len(self._nodes))
        # int curl u phi = int u . curl phi where phi = 0 on the boundary
        load = self._dy.T @ velocity[0::2] - self._dx.T @ velocity[1::2]
        psi = np.zeros((len(self._nodes), velocity.shape[1]))
        for loop in self._loops:
            psi[loop] = self._fluxes(loop, velocity)
        rhs = self._extend.T @ load - self._coupling @ psi
        found: FloatArray = psi + self._extend @ self._lu.solve(np.ascontiguousarray(rhs))
        return found

    def curl_load(self, psi: ArrayLike) -> FloatArray:
        """Return the mass matrix times the curl of stream functions, without interpolating the curl.

        Parameters
        ----------
        psi : (n_nodes, count) array_like
            At the nodes, one a column.

        Returns
        -------
        (n_velocity, count) float64 ndarray

        Raises
        ------
        InvalidArgument
            If the shape is another one or a number is not finite.
        """
        psi = _columns("psi", psi, len(self._nodes))
        load = np.empty((2 * len(self._nodes), psi.shape[1]))
        load[0::2] = self._dy @ psi
        load[1::2] = -(self._dx @ psi)
        return load

    def _fluxes(self, loop: Any, velocity: FloatArray) -> FloatArray:
        """Return psi along a loop of nodes (vertex, mid-node, vertex, ...; counter-clockwise outside).

        d psi along the path is u . n ds with n to the right of it: (dy, -dx).
        """
        count = velocity.shape[1]
        u, v = velocity[0::2], velocity[1::2]
        triples = np.stack([loop[0::2], loop[1::2], np.roll(loop[0::2], -1)], axis=1)
        psi = np.zeros((len(loop), count))
        steps = np.zeros((len(triples), 2, count))
        for half in range(2):  # from the first vertex to the mid-node, then on
            for point, weight in zip(_POINTS, _WEIGHTS, strict=True):
                s = (point - 1) / 2 + half
                shape = np.array([s * (s - 1) / 2, 1 - s * s, s * (s + 1) / 2])
                slope = np.array([s - 0.5, -2 * s, s + 0.5])
                tangent = np.einsum("k,ekd->ed", slope, self._nodes[triples])
                flow = np.einsum("k,ekc->ec", shape, u[triples]) * tangent[:, 1, None]
                flow -= np.einsum("k,ekc->ec", shape, v[triples]) * tangent[:, 0, None]
                steps[:, half] += 0.5 * weight * flow
        halves = steps.reshape(-1, count)
        psi[1:] = np.cumsum(halves[:-1], axis=0)
        # Interpolated data miss a zero net flux slightly: spread the defect, so that psi closes on itself.
        defect = np.linspace(0, 1, len(loop), endpoint=False)[:, None] * halves.sum(axis=0)
        return np.asarray(psi - defect)


def _columns(name: str, values: ArrayLike, rows: int) -> FloatArray:
    array = check_finite(name, values)
    if array.ndim != 2 or len(array) != rows:
        raise InvalidArgument(f"{name}: expected shape ({rows}, count), got {array.shape}")
    return array


def _boundary_loops(problem: NavierStokes) -> list[Any]:
    """Return the nodes along each loop of the boundary, vertices and mid-nodes in turn; the outer one first.

    The domain lies to the left.
    """
    cells = np.asarray(problem.mesh.cells)[:, :3]
    ordered = np.concatenate([cells[:, [0, 1]], cells[:, [1, 2]], cells[:, [2, 0]]])
    low, high = ordered.min(axis=1), ordered.max(axis=1)
    keys = low.astype(np.int64) * len(problem.nodes) + high
    _, first, counts = np.unique(keys, return_index=True, return_counts=True)
    sides = ordered[np.sort(first[counts == 1])]
    follow = dict(sides.tolist())
    if len(follow) != len(sides):
        raise InvalidArgument("mesh: its boundary touches itself at a vertex; there is no stream function")
    edges = np.asarray(problem.edges)
    n_vertices = problem.mesh.n_vertices
    middle = {
        (int(a), int(b)): n_vertices + index for index, (a, b) in enumerate(np.sort(edges, axis=1).tolist())
    }
    loops = []
    while follow:
        start = min(follow)
        loop, at = [], start
        while at in follow:
            to = follow.pop(at)
            loop += [at, middle[min(at, to), max(at, to)]]
            at = to
        loops.append(np.array(loop))
    areas = [_area(problem.nodes[loop]) for loop in loops]
    order = sorted(range(len(loops)), key=lambda index: -areas[index])
    return [loops[index] for index in order]


def _area(points: FloatArray) -> float:
    x, y = points.T
    return float(0.5 * np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))
