"""Real numbers to small integers: weights symmetric about 0, activations with a zero point."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nonideal.errors import InvalidArgument

__all__ = ["input_scale", "quantize_inputs", "quantize_weights"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_CACHED = 1 << 14  # values
_WEIGHT_QUANTILE = 0.999  # weights beyond it are clipped: few outliers would cost all others a bit


def quantize_weights(
    weights: FloatArray, bits: int, weight_scale: str
) -> tuple[IntArray, float | FloatArray]:
    """Return integers in [-(2^bits - 1), 2^bits - 1] and what a unit stands for.

    ``W_int = clip(rint(W / s), -m, m)`` with ``m = 2^bits - 1`` and ``s = quantile(|W|, 0.999) / m``, over
    the tensor or over each output (row).

    Parameters
    ----------
    weights : (outputs, features) float64
        Finite.
    bits : int
        Width of the magnitude.
    weight_scale : str
        ``"tensor"`` (one scale) or ``"channel"`` (one per output, shape (outputs,)).
    """
    most = 2**bits - 1
    axis = None if weight_scale == "tensor" else 1
    spread = np.quantile(np.abs(weights), _WEIGHT_QUANTILE, axis=axis)
    spread = np.where(spread > 0, spread, np.abs(weights).max(axis=axis))  # fewer than 1 in 1000 are not 0
    scale = np.where(spread > 0, spread, 1.0) / most  # all-zero weights stay zero at any scale
    integers = np.clip(np.rint(weights / np.reshape(scale, (-1, 1))), -most, most).astype(np.int64)
    return integers, float(scale) if weight_scale == "tensor" else scale


def input_scale(low: float, high: float, bits: int, what: str = "calibration") -> tuple[float, int]:
    """Return what a unit of a quantised input stands for, and the integer that stands for 0.

    The integers 0 .. 2^bits - 1 span ``[min(low, 0), max(high, 0)]``; 0 itself is met exactly, so that the
    padding of a convolution is. Where nothing is negative the zero point is 0.

    Raises
    ------
    InvalidArgument
        If all values were 0; ``what`` names them.
    """
    low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        raise InvalidArgument(f"{what}: no value is above 0, so the inputs have no scale")
    most = 2**bits - 1
    scale = (high - low) / most
    return scale, min(most, round(-low / scale))


def quantize_inputs(values: FloatArray, scale: float, zero_point: int, bits: int) -> IntArray:
    """Return ``clip(rint(x / scale) + zero_point, 0, 2^bits - 1)``; halves go to even integers."""
    integers = np.empty(values.size, dtype=np.int64)
    source = values.reshape(-1)
    for start in range(0, values.size, _CACHED):  # stretches that stay in the cache
        part = source[start : start + _CACHED] / scale
        np.rint(part, out=part)
        part += zero_point
        np.clip(part, 0, 2**bits - 1, out=part)
        np.copyto(integers[start : start + _CACHED], part, casting="unsafe")  # whole numbers by now
    return integers.reshape(values.shape)
