"""Matrix products in the array: every entry of the result in a row of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nonideal.checks import check_choice
from nonideal.errors import InvalidArgument
from nonideal.hardware.cram.dots import ACCUMULATE, map_dot
from nonideal.hardware.cram.layers import check_bits, run_products
from nonideal.hardware.cram.library import GateLibrary
from nonideal.hardware.cram.placement import Array
from nonideal.hardware.cram.planes import integer_array, pack
from nonideal.hardware.cram.simulation import check_gates
from nonideal.seeds import resolve_seed

__all__ = ["matmul"]


def matmul(
    A: Any,
    B: Any,
    gates: GateLibrary | None = None,
    *,
    bits: int = 4,
    accumulate: str = "tree",
    seed: int | None = None,
) -> npt.NDArray[np.int64]:
    """Multiply matrices of unsigned integers gate by gate.

    Lane ``i * n + j`` computes entry (i, j), in arrays that are as wide as that takes.

    Parameters
    ----------
    A : (m, k) integers
        In [0, 2^bits).
    B : (k, n) integers
        In [0, 2^bits).
    gates : GateLibrary or None
        The hardware; None for ideal gates.
    bits : int
        Width of an entry, 1 to 8.
    accumulate : str
        As in `convert`.
    seed : int or None
        Of the gate errors. None draws one, which is not reported: give one to repeat the result.

    Returns
    -------
    (m, n) int64
        With ideal gates exactly ``A @ B``.

    Raises
    ------
    InvalidArgument
        If the matrices are not integers, don't fit each other or hold entries out of range, or an option is
        out of range.

    Examples
    --------
    >>> from nonideal.hardware import cram
    >>> cram.matmul([[1, 2], [3, 4]], [[5, 6], [7, 8]])
    array([[19, 22],
           [43, 50]])
    >>> cram.matmul([[1, 2], [3, 4]], [[5, 6], [7, 8]], cram.GateLibrary.uniform(1e-2), seed=1).shape
    (2, 2)
    """
    bits = check_bits("bits", bits)
    check_gates(gates)
    check_choice("accumulate", accumulate, ACCUMULATE)
    seed = resolve_seed(seed)
    left, right = (integer_array(name, matrix) for name, matrix in (("A", A), ("B", B)))
    for name, matrix in (("A", left), ("B", right)):
        if matrix.ndim != 2:
            raise InvalidArgument(f"{name}: shape {matrix.shape} is not that of a matrix")
        outside = (matrix < 0) | (matrix >= 2**bits)
        if outside.any():
            i, j = np.unravel_index(outside.argmax(), outside.shape)
            raise InvalidArgument(f"{name}[{i}, {j}] = {matrix[i, j]} is outside [0, {2**bits - 1}]")
    (m, k), n = left.shape, right.shape[1]
    if right.shape[0] != k:
        raise InvalidArgument(f"B: {right.shape[0]} rows for {k} columns of A")
    if not m * n * k:
        return np.zeros((m, n), dtype=np.int64)
    wide = Array(columns=1 << 30)
    dot = map_dot(k, bits, bits, accumulate, "nand9", wide)
    values, _ = run_products(dot, left.astype(np.int64), bits, pack(right.T, bits), gates, seed=seed)
    return values
