"""Where the origin of coordinates lies when distances are measured: "adaptive translation"."""

from __future__ import annotations

import hashlib
from typing import Literal

import numpy as np
import numpy.typing as npt

__all__ = ["TRANSLATIONS", "Cells", "Translation", "k_means"]

FloatArray = npt.NDArray[np.float64]

Translation = Literal["none", "centroid", "cells"]
TRANSLATIONS: tuple[Translation, ...] = ("none", "centroid", "cells")

_MOST_CELLS = 4096
_ROUNDS = 25  # of k-means
_KEPT = 8
_recent: dict[tuple[bytes, int | None, int], FloatArray] = {}  # centres of the last data bases


class Cells:
    """Centres for queries; those of the last few data bases are kept, for all estimators of a process.

    Parameters
    ----------
    translation : {"none", "centroid", "cells"}
    n_cells : int or None
        Of ``"cells"``; None: a quarter of the points, at most 4096. More cells than different points are not
        made.
    seed : int
        Of k-means.
    """

    def __init__(self, translation: Translation, n_cells: int | None, seed: int) -> None:
        self._translation = translation
        self._n_cells = n_cells
        self._seed = seed

    def assign(
        self, queries: FloatArray, points: FloatArray
    ) -> tuple[FloatArray | None, npt.NDArray[np.int64] | None]:
        """Return centres (n_cells, D) and the cell of every query, or None and None for the origin."""
        if self._translation == "none" or len(points) == 0:
            return None, None
        centres = self._centres(points)
        if len(centres) == 1:
            return centres, np.zeros(len(queries), dtype=np.int64)
        from scipy.spatial import cKDTree

        return centres, cKDTree(centres).query(queries)[1].astype(np.int64)

    def _centres(self, points: FloatArray) -> FloatArray:
        if self._translation == "centroid":
            mean: FloatArray = points.mean(axis=0, keepdims=True)
            return mean
        digest = hashlib.sha256(points.tobytes() + str(points.shape).encode()).digest()
        key = (digest, self._n_cells, self._seed)
        centres = _recent.pop(key, None)
        if centres is None:
            centres = self._k_means(points)
        _recent[key] = centres
        for oldest in list(_recent)[:-_KEPT]:
            _recent.pop(oldest, None)
        return centres

    def _k_means(self, points: FloatArray) -> FloatArray:
        wanted = -(-len(points) // 4) if self._n_cells is None else self._n_cells
        n_cells = min(wanted, _MOST_CELLS, len(np.unique(points, axis=0)))
        return k_means(points, n_cells, self._seed)


def k_means(points: FloatArray, n_cells: int, seed: int) -> FloatArray:
    """Return the centres (n_cells, D) of cells that are small, not the smallest: k-means++ and a few rounds.

    A library's k-means multiplies matrices, and the last bits of that depend on the processor; an assignment
    that is nearly a tie then goes another way, and everything that is measured from the centres with it. Here
    sums have one order and products are never fused: the same centres on every processor that adds alike,
    whatever the number of threads.

    Parameters
    ----------
    points : (n, D) float64
        With at least ``n_cells`` different rows.
    n_cells : int
    seed : int
        In [0, 2^64), the key of Philox: all of its bits count.

    Notes
    -----
    k-means++: Arthur and Vassilvitskii, SODA 2007, one candidate per step. A cell that loses its last member
    keeps its centre.
    """
    from scipy.spatial import cKDTree

    exponent = int(np.frexp(np.abs(points).max())[1])
    points = np.ldexp(points, -exponent)  # exact; squares of large numbers would overflow
    columns = np.ascontiguousarray(points.T)
    draws = np.random.Philox(key=seed).random_raw(n_cells) >> np.uint64(11)
    shares = draws.astype(np.float64) * 2.0**-53
    chosen = [min(int(shares[0] * len(points)), len(points) - 1)]
    nearest: FloatArray = np.full(len(points), np.inf)
    for share in shares[1:]:
        squares = np.zeros(len(points))
        for column, centre in zip(columns, points[chosen[-1]], strict=True):  # `sum` has an order of its own
            squares += np.square(column - centre)
        np.minimum(nearest, squares, out=nearest)
        weights = np.cumsum(nearest)
        if weights[-1] == 0.0:  # all other distances underflow
            break
        below = min(share * weights[-1], np.nextafter(weights[-1], 0.0))
        chosen.append(int(np.searchsorted(weights, below, side="right")))
    centres = points[chosen]
    cells = None
    for _ in range(_ROUNDS):
        found = cKDTree(centres).query(points)[1]
        if cells is not None and np.array_equal(found, cells):
            break
        cells = found
        members = np.bincount(cells, minlength=len(centres))
        occupied = members > 0
        for k, column in enumerate(columns):  # bincount adds in the order of the points
            total = np.bincount(cells, weights=column, minlength=len(centres))
            centres[occupied, k] = total[occupied] / members[occupied]
    return np.ldexp(centres, exponent)
