"""Proper orthogonal decomposition in a weighted inner product, without squaring the condition number."""

from __future__ import annotations

from typing import Any

import numpy as np

from nonideal.checks import FloatArray, check_finite
from nonideal.errors import InvalidArgument

__all__ = ["RANK_TOLERANCE", "orthonormalise", "pod"]

#: Singular values below this times the largest one are not told from rounding: they are no modes.
RANK_TOLERANCE = 1e-10

#: A column whose remainder is below this times its length depends on earlier ones.
_DEPENDENT = 1e-13


def orthonormalise(columns: FloatArray, weight: Any = None) -> tuple[FloatArray, FloatArray]:
    """Return Q and R with columns = Q R, the columns of Q orthonormal in a weighted inner product.

    Gram-Schmidt in two passes: after the second one the columns are orthogonal to rounding, however close
    to dependent they were (Giraud, Langou and Rozloznik, Computers and Mathematics with Applications 50,
    2005). A column that depends on earlier ones to rounding becomes a zero column of Q.

    Parameters
    ----------
    columns : (n, n_columns) float64 array
        What to decompose.
    weight : (n, n) sparse or dense matrix, optional
        Symmetric positive definite matrix of the inner product; None for the Euclidean one.

    Returns
    -------
    (n, n_columns) float64 array
        Q.
    (n_columns, n_columns) float64 array
        R, upper triangular.

    Examples
    --------
    >>> import numpy as np
    >>> from nonideal.physics.flow.pod import orthonormalise
    >>> q, r = orthonormalise(np.array([[3.0, 3.0], [4.0, 4.0]]))
    >>> q.round(12).tolist(), r.round(12).tolist()
    ([[0.6, 0.0], [0.8, 0.0]], [[5.0, 5.0], [0.0, 0.0]])
    """
    n, count = columns.shape
    basis = np.zeros((count, n))  # rows, so that each is contiguous
    upper = np.zeros((count, count))
    for j in range(count):
        rest = np.array(columns[:, j])
        whole = _norm(rest, weight)
        for _ in range(2):
            parts = basis[:j] @ (rest if weight is None else weight @ rest)
            rest -= parts @ basis[:j]
            upper[:j, j] += parts
        size = _norm(rest, weight)
        if size > _DEPENDENT * whole:
            basis[j] = rest / size
            upper[j, j] = size
    return np.ascontiguousarray(basis.T), upper


def pod(columns: Any, weight: Any = None) -> tuple[FloatArray, FloatArray]:
    """Return the modes of snapshots and their singular values.

    The first k modes span the k-dimensional space that misses the least of the columns, in the mean square
    of the weighted norm. A mode's sign is such that its largest entry is positive.

    Parameters
    ----------
    columns : (n, n_snapshots) array_like
        Snapshots.
    weight : (n, n) sparse or dense matrix, optional
        Symmetric positive definite matrix of the inner product; None for the Euclidean one.

    Returns
    -------
    modes : (n, rank) float64 array
        Orthonormal in that product; ``rank`` counts singular values above 1e-10 of the largest one.
    singular_values : (n_snapshots,) float64 array
        Descending.

    Raises
    ------
    InvalidArgument
        If the columns are not a matrix of finite numbers with one column at least.

    Examples
    --------
    >>> from nonideal.physics.flow.pod import pod
    >>> modes, values = pod([[3.0, 3.0], [4.0, 4.0]])
    >>> modes.round(12).tolist(), values.round(12).tolist()
    ([[0.6], [0.8]], [7.071067811865, 0.0])
    """
    matrix = check_finite("columns", columns)
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise InvalidArgument(f"columns: expected shape (n, n_snapshots), got {matrix.shape}")
    basis, upper = orthonormalise(matrix, weight)
    left, values, _ = np.linalg.svd(upper)
    rank = int(np.count_nonzero(values > RANK_TOLERANCE * values[0]))
    modes = basis @ left[:, :rank]
    largest = modes[np.abs(modes).argmax(axis=0), np.arange(rank)]
    return np.ascontiguousarray(np.where(largest < 0, -modes, modes)), values


def _norm(vector: FloatArray, weight: Any) -> float:
    square = float(vector @ (vector if weight is None else weight @ vector))
    return float(np.sqrt(max(square, 0.0)))
