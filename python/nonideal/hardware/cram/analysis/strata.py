"""Errors against the gates' error rate: one run for a whole curve, down to the smallest rates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from nonideal import _core
from nonideal.checks import check_finite, check_integer, check_threads
from nonideal.errors import InvalidArgument
from nonideal.estimate import Estimate
from nonideal.hardware.cram.analysis.operands import (
    check_inputs,
    exhaustive_lanes,
    exhaustive_operands,
    given_operands,
    input_bits,
    repeated,
    uniform_operands,
)
from nonideal.hardware.cram.analysis.report import mean_estimate, single_word
from nonideal.hardware.cram.analysis.sensitivity import error_table, single_faults
from nonideal.hardware.cram.gates import GATES
from nonideal.hardware.cram.library import GateLibrary
from nonideal.hardware.cram.planes import BitPlanes
from nonideal.hardware.cram.program import Port, Program, check_program
from nonideal.seeds import resolve_seed

__all__ = ["ErrorCurve", "curve"]

_SINGLE_WORK = 1 << 36  # gate-lanes that single faults may cost before they are sampled, too: seconds
_SINGLE_BITS = 20  # input bits up to which "uniform" is all inputs there
_FLAGGED = 1e-2

FloatArray = npt.NDArray[np.float64]
Means = tuple[Estimate, Estimate, Estimate]  # error rate, mean error distance, mean squared error


@dataclass(frozen=True, eq=False)
class ErrorCurve:
    """Error metrics of one output port against the gates' error rate.

    Parameters
    ----------
    rates : (n,) float64
        The rates.
    error_rate, mean_error_distance, mean_squared_error : (n,) float64
        P(y != y*), E |y - y*|, E (y - y*)^2, without the strata beyond ``max_faults``.
    error_rate_standard_error, mean_error_distance_standard_error, mean_squared_error_standard_error :
        (n,) float64. The points of a curve share their samples: their errors are correlated.
    truncation : (n,) float64
        Probability of more than ``max_faults`` candidate faults: so much the error rate may be too small, and
        so much times the largest distance the mean error distance.
    truncated : (n,) bool
        Where ``truncation`` is above 0.01: there the curve isn't to be trusted.
    strata : tuple of (Estimate, Estimate, Estimate)
        The three metrics given m candidate faults, m = 0, 1, ...
    num_gates : int
        Gates that can err.
    samples : int
        Lanes of every sampled stratum.
    seed : int
        The seed that was used.
    """

    rates: FloatArray
    error_rate: FloatArray
    mean_error_distance: FloatArray
    mean_squared_error: FloatArray
    error_rate_standard_error: FloatArray
    mean_error_distance_standard_error: FloatArray
    mean_squared_error_standard_error: FloatArray
    truncation: FloatArray
    truncated: npt.NDArray[np.bool_]
    strata: tuple[Means, ...]
    num_gates: int
    samples: int
    seed: int


def curve(
    program: Program,
    rates: npt.ArrayLike,
    *,
    gates: GateLibrary | None = None,
    max_faults: int = 3,
    lanes: int = 1 << 16,
    inputs: str | Mapping[str, Any] = "uniform",
    output: str | None = None,
    seed: int | None = None,
    num_threads: int | None = None,
) -> ErrorCurve:
    """Return error metrics at many error rates from one run, by the number of faults.

    Parameters
    ----------
    program : Program
        What is run.
    rates : (n,) float
        Error probabilities in [0, 1].
    gates : GateLibrary or None
        None: every gate errs with the rate, in every state. A library: every gate's table is scaled so that
        its largest entry is the rate; gates that never err stay so.
    max_faults : int
        Strata 0 .. max_faults are summed; more are needed where rate * num_gates isn't small.
    lanes : int
        Samples of every stratum, at least 2.
    inputs : str or mapping
        ``"uniform"``, ``"exhaustive"`` (repeated to at least ``lanes``), or values for each port, as in
        `simulate` (repeated, too).
    output : str or None
        Which output port, where the program has several.
    seed, num_threads
        As in `simulate`.

    Returns
    -------
    ErrorCurve

    Raises
    ------
    InvalidArgument
        If a rate is outside [0, 1], ``max_faults`` is below 1, ``lanes`` is below 2, or an argument is
        unknown.

    Notes
    -----
    E[f] = sum_m Binom(G, m, rate) E[f | m candidate faults], G gates that can err. A candidate in a gate that
    sees k ones flips its output with probability e_k / max(e). One candidate is no matter of chance where all
    inputs can be gone through (`sensitivity`): then the curve's relative error vanishes with the rate.

    Examples
    --------
    >>> from nonideal.hardware.cram import analysis, circuits
    >>> curve = analysis.curve(circuits.adder(4), [1e-12, 1e-6, 1e-2], lanes=1 << 12, seed=1)
    >>> [f"{rate:.3g}" for rate in curve.error_rate[:2]]
    ['3.13e-11', '3.13e-05']
    """
    check_program(program)
    check_inputs(inputs)
    port = single_word(program, output)
    points = np.atleast_1d(check_finite("rates", rates))
    if points.ndim != 1:
        raise InvalidArgument(f"rates: shape {points.shape} is not (n,)")
    for i, rate in enumerate(points):
        if not 0.0 <= rate <= 1.0:
            raise InvalidArgument(f"rates[{i}] = {rate} is outside [0, 1]")
    most = check_integer("max_faults", max_faults, 1, 20)
    count = check_integer("lanes", lanes, 0)
    if count < 2:
        raise InvalidArgument(f"lanes = {count} is below 2; a standard error needs two samples")
    seed = resolve_seed(seed)
    kinds = tuple(name for name, _, _ in program.instructions)
    table = error_table(kinds, GateLibrary.uniform(1.0) if gates is None else gates)
    largest = table.max(axis=1, initial=0.0)
    accept = np.divide(table, largest[:, None], out=np.zeros_like(table), where=largest[:, None] > 0)
    num_gates = int(np.count_nonzero(largest))
    sampler = _Strata(program, port, kinds, accept, inputs, count, seed, num_threads)
    strata = [_certain(np.zeros(3))]
    strata += [sampler.stratum(m) for m in range(1, min(most, num_gates) + 1)]
    weights = stats.binom.pmf(np.arange(len(strata))[:, None], num_gates, points)
    values, errors = (
        np.array([[getattr(mean, part) for mean in stratum] for stratum in strata])
        for part in ("value", "standard_error")
    )
    curves = weights.T @ values
    bars = np.sqrt((weights**2).T @ errors**2)
    truncation = stats.binom.sf(most, num_gates, points)
    return ErrorCurve(
        rates=points,
        error_rate=curves[:, 0],
        mean_error_distance=curves[:, 1],
        mean_squared_error=curves[:, 2],
        error_rate_standard_error=bars[:, 0],
        mean_error_distance_standard_error=bars[:, 1],
        mean_squared_error_standard_error=bars[:, 2],
        truncation=truncation,
        truncated=truncation > _FLAGGED,
        strata=tuple(strata),
        num_gates=num_gates,
        samples=sampler.lanes,
        seed=seed,
    )


class _Strata:
    """The metrics given a number of candidate faults."""

    def __init__(
        self,
        program: Program,
        port: Port,
        kinds: tuple[str, ...],
        accept: FloatArray,
        inputs: str | Mapping[str, Any],
        lanes: int,
        seed: int,
        num_threads: int | None,
    ) -> None:
        self.program = program
        self.port = port
        self.accept = accept
        self.seed = seed
        self.num_threads = num_threads
        self.index = [p.name for p in program.outputs].index(port.name)
        self.table = _core.cram.GateTable()
        for name, row in zip(kinds, accept, strict=True):
            self.table.set(name, row[: GATES[name].fan_in + 1].tolist())
        self.given: list[BitPlanes] | None = None  # one period of the inputs; None where they are drawn
        self.lanes = lanes
        if inputs != "uniform":
            if isinstance(inputs, Mapping):
                self.given = given_operands(program, inputs, num_threads)
            else:
                self.given = exhaustive_operands(program, exhaustive_lanes(program))
            period = self.given[0].lanes if self.given else 0
            if period < 1:
                raise InvalidArgument(f"inputs: {period} lanes; at least 1 is needed")
            self.lanes = -(-lanes // period) * period

    def stratum(self, faults: int) -> Means:
        """Return the three metrics given ``faults`` candidate faults."""
        if faults == 1:
            single = self._single()
            if single is not None:
                return single
        if self.given is None:
            operands = uniform_operands(
                self.program, self.lanes, self.seed, stream=faults, num_threads=self.num_threads
            )
        else:
            operands = repeated(self.program, self.given, self.lanes)
        (sums,) = _core.cram.strata(
            self.program._core,
            self.table,
            self.index,
            faults,
            [planes._as_core() for planes in operands],
            self.lanes,
            self.seed,
            check_threads(self.num_threads),
        )
        n, wrong, _, distance, square, fourth = sums
        rate = Estimate.from_counts(int(wrong), int(n))
        far = 2.0**self.port.bits - 1
        return (
            rate,
            mean_estimate(distance, square, far, int(n), rate),
            mean_estimate(square, fourth, far**2, int(n), rate),
        )

    def _single(self) -> Means | None:
        """Return the exact metrics for one candidate fault, or None where that is too much work."""
        operands = self.given
        period = 1 << min(input_bits(self.program), 63) if operands is None else operands[0].lanes
        small = operands is not None or input_bits(self.program) <= _SINGLE_BITS
        if not small or period * self.program.num_gates**2 > _SINGLE_WORK:
            return None
        if operands is None:
            operands = exhaustive_operands(self.program, period)
        sums = single_faults(self.program, self.port.name, operands, self.num_threads)
        means = (self.accept[:, :, None] * sums[:, :, [1, 3, 4]]).sum(axis=(0, 1))
        return _certain(means / (period * np.count_nonzero(self.accept.max(axis=1))))


def _certain(values: FloatArray) -> Means:
    rate, distance, square = (Estimate.exact(value) for value in values)
    return rate, distance, square
