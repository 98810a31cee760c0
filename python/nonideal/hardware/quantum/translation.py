"""Where the origin of coordinates lies when distances are measured: "adaptive translation"."""

from __future__ import annotations

import hashlib
import warnings
from typing import Literal

import numpy as np
import numpy.typing as npt

__all__ = ["TRANSLATIONS", "Cells", "Translation"]

FloatArray = npt.NDArray[np.float64]

Translation = Literal["none", "centroid", "cells"]
TRANSLATIONS: tuple[Translation, ...] = ("none", "centroid", "cells")

_MOST_CELLS = 4096
_ROUNDS = 25  # of k-means: cells need not be optimal, only small
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
        from sklearn.cluster import KMeans
        from sklearn.exceptions import ConvergenceWarning
        from threadpoolctl import threadpool_limits

        wanted = -(-len(points) // 4) if self._n_cells is None else self._n_cells
        n_cells = min(wanted, _MOST_CELLS, len(np.unique(points, axis=0)))
        # One thread: several would add up the members of a cell in an order that changes from run to run.
        with threadpool_limits(limits=1), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            found = KMeans(n_cells, n_init=1, max_iter=_ROUNDS, random_state=self._seed % 2**32).fit(points)
        return np.ascontiguousarray(found.cluster_centers_, dtype=np.float64)
