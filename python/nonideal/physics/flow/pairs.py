"""Which training snapshots are combined with which."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy.spatial import Delaunay, QhullError

from nonideal.checks import FloatArray
from nonideal.errors import InvalidArgument

__all__ = ["choose_pairs"]

Pair = tuple[int, int]


def choose_pairs(pairs: Any, parameters: FloatArray) -> list[Pair]:
    """Return pairs of training snapshots.

    Parameters
    ----------
    pairs : "all", "neighbours" or iterable of (int, int)
        ``"neighbours"``: on a tensor grid of parameters those at most one step apart along each axis
        (diagonals too); on scattered ones the edges of their Delaunay triangulation, all pairs where there is
        none (too few points, or all on a line: neighbours along it if there is one parameter).
    parameters : (n, n_parameters) float64 array
        Of the training snapshots.

    Raises
    ------
    InvalidArgument
        If the list is empty, a pair is repeated, joins a snapshot with itself, or has an index outside.

    Examples
    --------
    >>> import numpy as np
    >>> from nonideal.physics.flow.pairs import choose_pairs
    >>> choose_pairs("neighbours", np.array([[0.0], [1.0], [2.0]]))
    [(0, 1), (1, 2)]
    """
    n = len(parameters)
    if isinstance(pairs, str):
        if pairs == "all":
            chosen = list(itertools.combinations(range(n), 2))
        elif pairs == "neighbours":
            chosen = _neighbours(parameters)
        else:
            raise InvalidArgument(f"pairs = {pairs!r} is not one of all, neighbours, or a list of pairs")
        if not chosen:
            raise InvalidArgument(f"pairs = {pairs!r}: no pair of {n} snapshot{'s' * (n != 1)}")
        return chosen
    return _checked(pairs, n)


def _checked(pairs: Any, n: int) -> list[Pair]:
    if not isinstance(pairs, Iterable):
        raise InvalidArgument(f"pairs = {pairs!r} is not one of all, neighbours, or a list of pairs")
    try:
        array = np.asarray([tuple(pair) for pair in pairs])
    except (TypeError, ValueError):
        raise InvalidArgument("pairs: expected pairs of whole numbers") from None
    if array.size == 0:
        raise InvalidArgument("pairs is empty")
    if array.ndim != 2 or array.shape[1] != 2 or array.dtype.kind not in "iu":
        raise InvalidArgument("pairs: expected pairs of whole numbers")
    seen: dict[Pair, int] = {}
    for index, (i, j) in enumerate(array.tolist()):
        for place, number in enumerate((i, j)):
            if not 0 <= number < n:
                raise InvalidArgument(f"pairs[{index}][{place}] = {number} is outside [0, {n})")
        if i == j:
            raise InvalidArgument(f"pairs[{index}] = ({i}, {j}) joins a snapshot with itself")
        key = (min(i, j), max(i, j))
        if key in seen:
            raise InvalidArgument(f"pairs[{index}] = ({i}, {j}) repeats pairs[{seen[key]}]")
        seen[key] = index
    return [(i, j) for i, j in array.tolist()]


def _neighbours(parameters: FloatArray) -> list[Pair]:
    n, dim = parameters.shape
    axes = [np.unique(parameters[:, d], return_inverse=True) for d in range(dim)]
    steps = np.stack([inverse.reshape(-1) for _, inverse in axes], axis=1)
    distinct = len(np.unique(steps, axis=0)) == n
    if distinct and int(np.prod([len(values) for values, _ in axes])) == n:
        return [
            (i, j) for i, j in itertools.combinations(range(n), 2) if np.abs(steps[i] - steps[j]).max() <= 1
        ]
    low, high = parameters.min(axis=0), parameters.max(axis=0)
    varied = high > low
    scaled = (parameters[:, varied] - low[varied]) / (high[varied] - low[varied])
    if scaled.shape[1] == 1:
        order = np.argsort(scaled[:, 0], kind="stable").tolist()
        return sorted((min(i, j), max(i, j)) for i, j in itertools.pairwise(order))
    try:
        simplices = Delaunay(scaled).simplices
    except (QhullError, ValueError):
        return list(itertools.combinations(range(n), 2))
    edges = {
        (min(i, j), max(i, j))
        for simplex in simplices.tolist()
        for i, j in itertools.combinations(simplex, 2)
    }
    return sorted(edges)
