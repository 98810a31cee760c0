"""Undoing readout errors: what was there, estimated from how often it was read.

The errors of different qubits are taken to be independent; then the matrix of all confusions is a product of
2 x 2 matrices, and so is its inverse.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from nonideal import _core
from nonideal.checks import check_finite, check_int32, check_iterable
from nonideal.errors import InvalidArgument
from nonideal.estimate import Estimate
from nonideal.hardware.quantum.counts import Counts
from nonideal.hardware.quantum.noise import ReadoutError

__all__ = ["readout_mitigated", "readout_mitigated_parity"]

FloatArray = npt.NDArray[np.float64]

_MOST_SHOTS = 1 << 53  # whole numbers that a double holds


def readout_mitigated(
    counts: Counts | Mapping[str, int] | npt.ArrayLike, errors: ReadoutError | Sequence[ReadoutError]
) -> Estimate:
    """Return the probabilities of the outcomes without readout errors.

    Parameters
    ----------
    counts : Counts, mapping of bit strings to int, or (2^k,) int
        How often each outcome was read.
    errors : ReadoutError or k of them
        One for all bits, or one for each, least significant first: those of the measured qubits.

    Returns
    -------
    Estimate
        Arrays (2^k,): unbiased, and therefore at times below 0 or above 1; they sum to 1.

    Raises
    ------
    InvalidArgument
        If the counts are no counts, the number of errors is not k, or an error leaves nothing of its bit
        (``p0_given_1 + p1_given_0 = 1``).

    Examples
    --------
    >>> from nonideal.hardware import quantum
    >>> found = quantum.readout_mitigated({"0": 126, "1": 874}, quantum.ReadoutError(0.03, 0.01))
    >>> found.value.round(4), found.standard_error.round(4)
    (array([0.1, 0.9]), array([0.0109, 0.0109]))
    """
    read, shots = _frequencies(counts)
    inverses = [_inverse(error, bit) for bit, error in enumerate(_errors(errors, len(read)))]
    value = _apply(inverses, read / shots)
    # variance of sum_j A_ij f_j for multinomial f: (sum_j A_ij^2 p_j - (sum_j A_ij p_j)^2) / shots
    second = _apply([np.square(inverse) for inverse in inverses], read / shots)
    low, high = np.ones(1), np.ones(1)  # the smallest and the largest A_ij of every i
    for inverse in inverses:
        ends = [np.multiply.outer(inverse[:, j], end).ravel() for j in (0, 1) for end in (low, high)]
        low, high = np.minimum.reduce(ends), np.maximum.reduce(ends)
    variance = _variance(second - np.square(value), high - low, shots)
    return Estimate(value, np.sqrt(variance), shots)


def readout_mitigated_parity(
    counts: Counts | Mapping[str, int] | npt.ArrayLike,
    errors: ReadoutError | Sequence[ReadoutError],
    bits: Sequence[int] | None = None,
) -> Estimate:
    """Return the expectation of a product of Z without readout errors.

    Parameters
    ----------
    counts, errors
        As in `readout_mitigated`.
    bits : sequence of int or None
        Which bits the product takes, 0 for the least significant; None: all.

    Raises
    ------
    InvalidArgument
        As by `readout_mitigated`, and if a bit is out of range or named twice.

    Examples
    --------
    >>> from nonideal.hardware import quantum
    >>> error = quantum.ReadoutError(0.1, 0.1)
    >>> found = quantum.readout_mitigated_parity({"00": 410, "01": 90, "10": 90, "11": 410}, error)
    >>> round(found.value, 6), round(found.standard_error, 4)  # 0.64 / 0.8^2
    (1.0, 0.038)
    """
    read, shots = _frequencies(counts)
    n_bits = (len(read) - 1).bit_length()
    chosen = list(range(n_bits)) if bits is None else _bits(bits, n_bits)
    weights: FloatArray = np.ones(1)
    for bit, error in enumerate(_errors(errors, len(read))):
        signs = np.array([1.0, -1.0]) @ _inverse(error, bit) if bit in chosen else np.ones(2)
        weights = np.kron(signs, weights).astype(np.float64)
    value = float(weights @ read) / shots
    spread = float(np.square(weights) @ read) / shots - value**2
    variance = _variance(np.array(spread), np.array(np.ptp(weights)), shots)
    return Estimate(value, math.sqrt(variance), shots)


def _frequencies(counts: Any) -> tuple[FloatArray, int]:
    if isinstance(counts, Mapping):
        array = Counts(counts).to_array().astype(np.float64)
    else:
        array = check_finite("counts", counts)
    if array.ndim != 1 or len(array) < 2 or len(array) & (len(array) - 1):
        raise InvalidArgument(f"counts: shape {array.shape} is not (2^k,) with k >= 1")
    wrong = np.flatnonzero((array < 0) | (array != np.floor(array)))
    if len(wrong):
        raise InvalidArgument(f"counts[{wrong[0]}] = {array[wrong[0]]:g} is not a whole number >= 0")
    shots = int(array.sum())
    if shots < 1:
        raise InvalidArgument("counts: nothing was measured")
    if shots > _MOST_SHOTS:
        raise InvalidArgument(f"counts: their sum {shots} is above 2^53")
    return array, shots


def _errors(errors: Any, outcomes: int) -> list[ReadoutError]:
    n_bits = (outcomes - 1).bit_length()
    given = [errors] * n_bits if isinstance(errors, ReadoutError) else list(check_iterable("errors", errors))
    if len(given) != n_bits:
        raise InvalidArgument(f"errors: expected {n_bits} of them, one for each bit, got {len(given)}")
    for bit, error in enumerate(given):
        if not isinstance(error, ReadoutError):
            raise InvalidArgument(f"errors[{bit}]: {type(error).__name__} is not a ReadoutError")
    return given


def _inverse(error: ReadoutError, bit: int) -> FloatArray:
    """Return the inverse of [[P(0|0), P(0|1)], [P(1|0), P(1|1)]]."""
    left = 1.0 - error.p0_given_1 - error.p1_given_0
    if abs(left) < 1e-12:
        total = error.p0_given_1 + error.p1_given_0
        raise InvalidArgument(f"errors[{bit}]: p0_given_1 + p1_given_0 = {total:g} leaves nothing of the bit")
    return (
        np.array([[1.0 - error.p0_given_1, -error.p0_given_1], [-error.p1_given_0, 1.0 - error.p1_given_0]])
        / left
    )


def _apply(matrices: Sequence[FloatArray], vector: FloatArray) -> FloatArray:
    """Return the Kronecker product of 2 x 2 matrices, the first for the lowest bit, times a vector."""
    for bit, matrix in enumerate(matrices):
        pairs = vector.reshape(-1, 2, 1 << bit)
        vector = np.einsum("ij,ajb->aib", matrix, pairs).reshape(vector.shape)
    return vector


def _variance(spread: FloatArray, width: FloatArray, shots: int) -> FloatArray:
    """Return the variance of a mean of so many numbers, given theirs and the width of their range.

    As for frequencies (width 1) not less than two shots at the other end of the range would make it: outcomes
    that were not seen may be rare.
    """
    least = _core.quantum.frequency_variance(np.zeros(1), shots=shots)
    variance: FloatArray = np.maximum(spread / shots, np.square(width) * least[0])
    return variance


def _bits(bits: Sequence[int], n_bits: int) -> list[int]:
    chosen = [check_int32(f"bits[{i}]", bit) for i, bit in enumerate(check_iterable("bits", bits))]
    for i, bit in enumerate(chosen):
        if not 0 <= bit < n_bits:
            raise InvalidArgument(f"bits[{i}] = {bit} is outside [0, {n_bits - 1}]")
        if bit in chosen[:i]:
            raise InvalidArgument(f"bits[{i}] = {bit} is named twice")
    return chosen
