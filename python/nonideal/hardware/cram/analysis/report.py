"""Error metrics of an output port: the one result of every analysis."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nonideal.errors import InvalidArgument
from nonideal.estimate import Estimate
from nonideal.hardware.cram.planes import BitPlanes
from nonideal.hardware.cram.program import Port, Program
from nonideal.hardware.cram.simulation import simulate

__all__ = ["DIVISORS", "ErrorReport", "all_ones", "mean_estimate", "ned_divisor_value", "single_word"]

DIVISORS = ("max_output", "range")
"""What the normalised error distance can be divided by; see `monte_carlo`."""


@dataclass(frozen=True, eq=False)
class ErrorReport:
    """Error metrics of one output port; y is what came out, y* the correct value.

    Parameters
    ----------
    error_rate : Estimate
        P(y != y*).
    mean_error_distance : Estimate
        E |y - y*|.
    mean_squared_error : Estimate
        E (y - y*)^2.
    bias : Estimate
        E (y - y*).
    normalized_error_distance : Estimate
        Mean error distance over ``ned_divisor_value``.
    mean_relative_error_distance : Estimate or None
        E |y - y*| / |y*| over the lanes with y* != 0; None where there are fewer than two, or where `exact`
        went over all inputs at once.
    worst_error_distance : int
        Largest |y - y*| seen; of an exact report, the largest of probability > 0.
    bit_error_rate, bit_error_rate_standard_error : (bits,) float64
        P(bit i of y is wrong), least significant first.
    ned_divisor_value : int
        What the normalised error distance was divided by.
    samples : int or None
        Number of lanes; None of an exact report.
    seed : int or None
        The seed that was used; None of an exact report.
    """

    error_rate: Estimate
    mean_error_distance: Estimate
    mean_squared_error: Estimate
    bias: Estimate
    normalized_error_distance: Estimate
    mean_relative_error_distance: Estimate | None
    worst_error_distance: int
    bit_error_rate: npt.NDArray[np.float64]
    bit_error_rate_standard_error: npt.NDArray[np.float64]
    ned_divisor_value: int
    samples: int | None
    seed: int | None


def single_word(program: Program, output: str | None) -> Port:
    """Return the output port that metrics are asked of; refuse one of several words."""
    port = program.output(output)
    if port.length is not None:
        raise InvalidArgument(
            f"output = {port.name!r} has {port.length} words; error metrics are those of one word"
        )
    return port


def ned_divisor_value(program: Program, port: Port, ned_divisor: str, largest: int) -> int:
    """Return what the mean error distance is divided by; ``largest`` is the largest correct value met."""
    return 2**port.bits - 1 if ned_divisor == "range" else max(largest, all_ones(program, port))


def all_ones(program: Program, port: Port) -> int:
    """Return the size of the correct word for inputs that are all ones."""
    ones = {p.name: BitPlanes(np.ones((len(p.columns), 1), dtype=np.uint64), 1) for p in program.inputs}
    return abs(int(simulate(program, ones, seed=0)[port.name][0]))


def mean_estimate(first: float, second: float, most: float, count: int, rate: Estimate) -> Estimate:
    """Return the mean of ``count`` numbers from the sums of them and of their squares.

    Where all are alike, most often because no lane was wrong, that is no proof that others are, too: then the
    standard error is that of the error rate times the largest number that there can be.
    """
    first, second = float(first), float(second)
    variance = max(second - first * first / count, 0.0) / (count - 1)
    if variance == 0.0:
        return Estimate(first / count, rate.standard_error * most, count)
    return Estimate(first / count, math.sqrt(variance / count), count)
