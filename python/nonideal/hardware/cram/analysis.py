"""How wrong the results of a program are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nonideal import _core
from nonideal.checks import check_choice, check_integer, check_threads
from nonideal.errors import InvalidArgument
from nonideal.estimate import Estimate
from nonideal.hardware.cram.library import GateLibrary
from nonideal.hardware.cram.planes import BitPlanes, counting_planes
from nonideal.hardware.cram.program import Port, Program, check_program
from nonideal.hardware.cram.simulation import _operands, simulate
from nonideal.seeds import resolve_seed

__all__ = ["ErrorReport", "Estimate", "monte_carlo"]

_CHUNK = 1 << 20
_MAX_EXHAUSTIVE_BITS = 24


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
        E |y - y*| / |y*| over the lanes with y* != 0; None where there are fewer than two.
    worst_error_distance : int
        Largest |y - y*| seen.
    bit_error_rate, bit_error_rate_standard_error : (bits,) float64
        P(bit i of y is wrong), least significant first.
    ned_divisor_value : int
        What the normalised error distance was divided by.
    samples : int
        Number of lanes.
    seed : int
        The seed that was used.
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
    samples: int
    seed: int


def monte_carlo(
    program: Program,
    gates: GateLibrary,
    *,
    inputs: str | Mapping[str, Any] = "uniform",
    lanes: int = 1 << 20,
    output: str | None = None,
    ned_divisor: str = "max_output",
    seed: int | None = None,
    num_threads: int | None = None,
) -> ErrorReport:
    """Run a program with and without gate errors and compare.

    Parameters
    ----------
    program : Program
        What is run; its correct values are those of ideal gates.
    gates : GateLibrary
        Error probabilities.
    inputs : str or mapping
        ``"uniform"``: independent fair bits. ``"exhaustive"``: all combinations, repeated to at least
        ``lanes`` lanes. Or values for each port, as in `simulate`; then ``lanes`` is their number.
    lanes : int
        Number of samples.
    output : str or None
        Which output port, where the program has several.
    ned_divisor : str
        ``"max_output"``: the largest correct value, 2(2^N - 1) for an adder, (2^N - 1)^2 for a multiplier
        (Liang, Han, Lombardi 2013): that for all-ones inputs or the largest one met, whichever is larger.
        ``"range"``: the largest word of the port.
    seed, num_threads
        As in `simulate`.

    Returns
    -------
    ErrorReport
        Every metric with its standard error. Where no error was seen, those are bounds: the standard error of
        the error rate times the largest distance that a word can have.

    Raises
    ------
    InvalidArgument
        If ``lanes`` is below 2, the inputs have more than 24 bits for ``"exhaustive"``, or an argument is
        unknown.

    Examples
    --------
    >>> from nonideal.hardware import cram
    >>> from nonideal.hardware.cram import analysis, circuits
    >>> gates = cram.GateLibrary.uniform(1e-2)
    >>> report = analysis.monte_carlo(circuits.adder(4), gates, lanes=1 << 16, seed=1)
    >>> print(report.mean_error_distance)
    1.257 ± 0.011 (n = 65536)
    """
    check_choice("ned_divisor", ned_divisor, ("max_output", "range"))
    check_program(program)
    check_threads(num_threads)
    lanes = check_integer("lanes", lanes, 0)
    port = program.output(output)
    if port.length is not None:
        raise InvalidArgument(
            f"output = {port.name!r} has {port.length} words; error metrics are those of one word"
        )
    seed = resolve_seed(seed)
    sums = _Sums(port)
    for first, planes in _batches(program, inputs, lanes, seed, num_threads):
        noisy, exact = (
            simulate(
                program,
                planes,
                library,
                seed=seed,
                first_lane=first,
                outputs="planes",
                num_threads=num_threads,
            )[port.name]
            for library in (gates, None)
        )
        sums.add(noisy, exact, num_threads)
    if sums.samples < 2:
        raise InvalidArgument(f"lanes = {sums.samples} is below 2; a standard error needs two samples")
    divisor = 2**port.bits - 1 if ned_divisor == "range" else max(sums.largest, _all_ones(program, port))
    return sums.report(divisor, seed)


class _Sums:
    """Sums over lanes, from which every metric and its standard error follow."""

    def __init__(self, port: Port) -> None:
        self.port = port
        self.samples = 0
        self.wrong = 0
        self.powers = np.zeros(5)  # of the error distance, exponents 0 .. 4
        self.signed = 0.0
        self.relative = np.zeros(3)  # count, sum, sum of squares where y* != 0
        self.worst = 0
        self.largest = 0
        self.bits = np.zeros(port.bits, dtype=np.int64)

    def add(self, noisy: BitPlanes, exact: BitPlanes, num_threads: int | None) -> None:
        y, y_exact = (
            planes.unpack(self.port.bits, signed=self.port.signed, num_threads=num_threads)
            for planes in (noisy, exact)
        )
        self.samples += len(y)
        self.bits += np.bitwise_count(noisy.words ^ exact.words).sum(axis=1, dtype=np.int64)
        self.largest = max(self.largest, int(np.abs(y_exact).max(initial=0)))
        at = np.flatnonzero(y != y_exact)  # sums over wrong lanes alone: errors are rare
        error = (y[at] - y_exact[at]).astype(np.float64)
        distance = np.abs(error)
        self.wrong += len(at)
        self.worst = max(self.worst, int(np.abs(y[at] - y_exact[at]).max(initial=0)))
        self.powers += [float((distance**k).sum()) for k in range(5)]
        self.signed += float(error.sum())
        nonzero = y_exact[at] != 0
        relative = distance[nonzero] / np.abs(y_exact[at][nonzero])
        self.relative += [np.count_nonzero(y_exact), relative.sum(), (relative**2).sum()]

    def report(self, divisor: int, seed: int) -> ErrorReport:
        n = self.samples
        rate = Estimate.from_counts(self.wrong, n)
        far = 2.0**self.port.bits - 1  # the largest distance that a word can have

        def mean(first: float, second: float, most: float, count: int = n) -> Estimate:
            variance = max(second - first * first / count, 0.0) / (count - 1)
            if variance == 0.0:  # all lanes alike, most often right: no proof that others are, too
                return Estimate(first / count, rate.standard_error * most, count)
            return Estimate(first / count, math.sqrt(variance / count), count)

        distance = mean(self.powers[1], self.powers[2], far)
        normalized = max(divisor, 1)
        bits = [Estimate.from_counts(int(wrong), n) for wrong in self.bits]
        return ErrorReport(
            error_rate=rate,
            mean_error_distance=distance,
            mean_squared_error=mean(self.powers[2], self.powers[4], far**2),
            bias=mean(self.signed, self.powers[2], far),
            normalized_error_distance=Estimate(
                distance.value / normalized, distance.standard_error / normalized, n
            ),
            mean_relative_error_distance=(
                mean(self.relative[1], self.relative[2], far, int(self.relative[0]))
                if self.relative[0] >= 2
                else None
            ),
            worst_error_distance=self.worst,
            bit_error_rate=np.array([bit.value for bit in bits]),
            bit_error_rate_standard_error=np.array([bit.standard_error for bit in bits]),
            ned_divisor_value=divisor,
            samples=n,
            seed=seed,
        )


def _batches(
    program: Program, inputs: str | Mapping[str, Any], lanes: int, seed: int, num_threads: int | None
) -> Iterator[tuple[int, dict[str, BitPlanes]]]:
    """Operands, a batch of lanes at a time: (first lane, planes of each port)."""
    if isinstance(inputs, Mapping):
        operands = _operands(program, inputs, num_threads)
        yield 0, {port.name: planes for port, planes in zip(program.inputs, operands, strict=True)}
        return
    if inputs not in ("uniform", "exhaustive"):
        raise InvalidArgument(f"inputs = {inputs!r} is not one of uniform, exhaustive, nor a mapping")
    if lanes < 2:
        raise InvalidArgument(f"lanes = {lanes} is below 2; a standard error needs two samples")
    bits = sum(len(port.columns) for port in program.inputs)
    if inputs == "exhaustive":
        if bits > _MAX_EXHAUSTIVE_BITS:
            raise InvalidArgument(
                f"inputs = 'exhaustive': {bits} input bits are more than {_MAX_EXHAUSTIVE_BITS}"
            )
        period = 1 << bits
        lanes = -(-lanes // period) * period
        batch = max(_CHUNK, period)
    else:
        batch = _CHUNK
    for first in range(0, lanes, batch):
        count = min(batch, lanes - first)
        if inputs == "uniform":
            words = _core.cram.uniform_planes(seed, 0, first, count, bits, num_threads or 0)
        else:
            words = counting_planes(bits, count)
        planes, row = {}, 0
        for port in program.inputs:
            planes[port.name] = BitPlanes(words[row : row + len(port.columns)], count)
            row += len(port.columns)
        yield first, planes


def _all_ones(program: Program, port: Port) -> int:
    ones = {p.name: BitPlanes(np.ones((len(p.columns), 1), dtype=np.uint64), 1) for p in program.inputs}
    return abs(int(simulate(program, ones, seed=0)[port.name][0]))
