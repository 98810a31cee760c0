"""Data that depend on parameters, as a few fixed vectors with coefficients that are read off the data.

A reduced model needs its boundary values (and loads) in the form ``sum_q theta_q(mu) g_q``. Instead of asking
for that form it is found from samples: their span, and as many entries as it has dimensions, so that a
vector's coefficients are its values there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg

from nonideal.checks import FloatArray

__all__ = ["AffineSpan"]

#: Singular values of the samples below this times the largest one are rounding.
_TOLERANCE = 1e-12


class AffineSpan:
    """The span of sampled vectors, with the entries that tell coefficients.

    Parameters
    ----------
    samples : (n, n_samples) float64 array
        One vector a column.

    Attributes
    ----------
    vectors : (n, rank) float64 array
        Basis of the span; ``vectors[entries]`` is the identity.
    entries : (rank,) int array
        Entries where a vector's values are its coefficients.

    Examples
    --------
    >>> import numpy as np
    >>> from nonideal.physics.flow.affine import AffineSpan
    >>> span = AffineSpan(np.array([[1.0, 2.0], [0.0, 3.0], [1.0, 2.0]]))
    >>> len(span), span.coefficients(np.array([5.0, 6.0, 5.0])).tolist()
    (2, [6.0, 5.0])
    >>> round(span.misfit(np.array([5.0, 6.0, 0.0])), 3) > 0
    True
    """

    def __init__(self, samples: FloatArray) -> None:
        n = len(samples)
        self.vectors: FloatArray = np.zeros((n, 0))
        self.entries: Any = np.zeros(0, dtype=np.intp)
        if not samples.size:
            return
        left, values, _ = np.linalg.svd(samples, full_matrices=False)
        rank = int(np.count_nonzero(values > _TOLERANCE * values[0]))
        if rank == 0:
            return
        span = left[:, :rank]
        _, order = linalg.qr(span.T, mode="r", pivoting=True)
        self.entries = np.array(order[:rank], dtype=np.intp)
        self.vectors = np.linalg.solve(span[self.entries].T, span.T).T
        self.vectors[self.entries] = np.eye(rank)

    @classmethod
    def restored(cls, vectors: FloatArray, entries: Any) -> AffineSpan:
        """Return the span that has these attributes."""
        span = cls(np.zeros((len(vectors), 0)))
        span.vectors, span.entries = vectors, entries
        return span

    def __len__(self) -> int:
        return self.vectors.shape[1]

    def coefficients(self, values: FloatArray) -> FloatArray:
        """Return the coefficients of vectors (n,) or (n, count) that lie in the span."""
        return np.ascontiguousarray(values[self.entries])

    def misfit(self, values: FloatArray) -> float:
        """Return how far a vector is from what its coefficients say, relative to its length."""
        whole = float(np.linalg.norm(values))
        rest = float(np.linalg.norm(values - self.vectors @ self.coefficients(values)))
        return rest / whole if whole else rest
