"""Finding the nearest data point: what a solver asks for, and the exact answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial import cKDTree

from nonideal.checks import FloatArray, check_finite
from nonideal.errors import InvalidArgument
from nonideal.physics.mechanics.structure import IntArray

__all__ = ["ExactSearch", "Neighbours", "Search"]

_NEAR_TIE = 1e-12  # relative: farther apart than round-off, so that ties are decided by one formula


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The nearest data point of each query.

    Parameters
    ----------
    index : (m,) int64 ndarray
        Its index.
    squared_distance : (m,) float64 ndarray
        Its squared Euclidean distance.
    """

    index: IntArray
    squared_distance: FloatArray


class Search(Protocol):
    """What a solver needs: an object with this method. A quantum computer's distance estimator is one."""

    def nearest(self, queries: FloatArray, database: FloatArray, *, stream: int = 0) -> Any:
        """Return an object with ``index`` (m,) int64 and ``squared_distance`` (m,) float64.

        Parameters
        ----------
        queries : (m, D) float64 ndarray
            States in scaled coordinates.
        database : (N, D) float64 ndarray
            Data points in scaled coordinates; read-only and the same object in every call of one solver.
        stream : int
            Number of the call, so that a search with random numbers can draw others each time. A search whose
            method lacks this parameter is called without it.
        """


class ExactSearch:
    """The nearest point by a k-d tree; of several exactly as near the one of lowest index.

    The default of a solver, and the oracle of every other search. It takes microseconds per query; a
    simulated quantum search measures the distance to every point. The tree of a read-only data base is kept
    from call to call.

    Examples
    --------
    >>> import numpy as np
    >>> from nonideal.physics import mechanics
    >>> found = mechanics.ExactSearch().nearest(np.array([[0.5, 0.0]]), np.array([[1.0, 0.0], [0.0, 0.0]]))
    >>> found.index.tolist(), found.squared_distance.tolist()
    ([0], [0.25])
    """

    def __init__(self) -> None:
        self._database: Any = None
        self._tree: Any = None

    def nearest(self, queries: ArrayLike, database: ArrayLike, *, stream: int = 0) -> Neighbours:
        """Return the nearest point of each query.

        Parameters
        ----------
        queries : (m, D) array_like
            States.
        database : (N, D) array_like
            Data points, N at least 1.
        stream : int
            Without influence.

        Raises
        ------
        InvalidArgument
            If shapes do not agree or a number is not finite.
        """
        tree = self._tree_of(database)
        points = tree.data
        states = check_finite("queries", queries)
        if states.ndim != 2 or states.shape[1] != points.shape[1]:
            raise InvalidArgument(f"queries has shape {states.shape}, not (m, {points.shape[1]})")
        distance, candidates = tree.query(states, k=[1, 2])
        index = candidates[:, 0].astype(np.int64)
        # A lone point leaves the second distance infinite.
        for row in np.flatnonzero(distance[:, 1] <= distance[:, 0] * (1 + _NEAR_TIE)):
            near = np.sort(tree.query_ball_point(states[row], distance[row, 0] * (1 + _NEAR_TIE)))
            index[row] = near[np.sum((states[row] - points[near]) ** 2, axis=1).argmin()]
        return Neighbours(index, np.sum((states - points[index]) ** 2, axis=1))

    def _tree_of(self, database: ArrayLike) -> Any:
        if database is self._database:
            return self._tree
        points = check_finite("database", database)
        if points.ndim != 2 or not len(points):
            raise InvalidArgument(f"database has shape {points.shape}, not (N, D) with N >= 1")
        tree = cKDTree(points)
        if isinstance(database, np.ndarray) and not database.flags.writeable:
            self._database, self._tree = database, tree
        return tree
