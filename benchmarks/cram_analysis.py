"""Error analysis: fault strata and exact propagation, against plain Monte Carlo and enumeration in numpy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from nonideal.benchmarks.harness import Benchmark, Case, Peer

from nonideal.hardware import cram
from nonideal.hardware.cram import analysis, circuits

__all__ = ["BENCHMARKS"]

THREADS = 2


def _strata(tiny: bool) -> Case:
    """Whole curve of a 4x4 multiplier, 41 error rates from 1e-12 to 1e-3, from one run."""
    program = circuits.multiplier(4)
    rates = np.geomspace(1e-12, 1e-3, 5 if tiny else 41)
    lanes = 4096 if tiny else 1 << 16

    def ours() -> analysis.ErrorCurve:
        return analysis.curve(program, rates, lanes=lanes, seed=1, num_threads=THREADS)

    def monte_carlo() -> list[analysis.ErrorReport]:
        """As many lanes for every rate: below 1e-7 they see no error at all."""
        return [
            analysis.monte_carlo(
                program, cram.GateLibrary.uniform(rate), lanes=lanes, seed=1, num_threads=THREADS
            )
            for rate in rates
        ]

    def check() -> None:
        found = ours()
        exact = analysis.exact(program, cram.GateLibrary.uniform(float(rates[-1]))).error_rate.value
        bar = 5 * found.error_rate_standard_error[-1] + found.truncation[-1]
        assert abs(found.error_rate[-1] - exact) < bar

    return Case(float(len(rates)), ours, check, {"Monte Carlo": Peer(monte_carlo, goal=2)})


def _numpy_exact(program: cram.Program, eps: float) -> float:
    """Mean error distance: numpy's joint distribution of all columns that live, all inputs side by side."""
    inputs = [column for port in program.inputs for column in port.columns]
    lane = np.arange(1 << len(inputs))
    # One axis per live noisy cell behind the axis of inputs.
    fixed = {column: lane >> i & 1 for i, column in enumerate(inputs)}
    fixed |= {column: np.full_like(lane, bit) for column, bit in program.constants.items()}
    outputs = program.outputs[0].columns
    last = {c: i for i, (_, _, sources) in enumerate(program.instructions) for c in sources}
    last |= dict.fromkeys(outputs, program.num_gates)
    live: list[int] = []
    pmf: npt.NDArray[np.float64] = np.ones(len(lane))
    for i, (gate, target, sources) in enumerate(program.instructions):
        ones = np.zeros((1,) * pmf.ndim, dtype=np.int64)
        for column in sources:
            if column in live:
                shape = [1] * pmf.ndim
                shape[1 + live.index(column)] = 2
                ones = ones + np.arange(2).reshape(shape)
            else:
                ones = ones + fixed[column].reshape(-1, *[1] * (pmf.ndim - 1))
        right = ones <= 1 if gate == "NAND2" else ones == 0
        chance = np.where(right, 1 - eps, eps)
        pmf = np.stack(np.broadcast_arrays(pmf * (1 - chance), pmf * chance), axis=-1)
        live.append(target)
        for column in [c for c in live if last.get(c, -1) <= i]:
            pmf = pmf.sum(axis=1 + live.index(column))
            live.remove(column)
    word = np.zeros((1,) * pmf.ndim, dtype=np.int64)
    for bit, column in enumerate(outputs):
        shape = [1] * pmf.ndim
        shape[1 + live.index(column)] = 2
        word = word + (np.arange(2) << bit).reshape(shape)
    width = program.inputs[0].bits
    correct = (lane & ((1 << width) - 1)) + (lane >> width)
    distance = np.abs(word - correct.reshape(-1, *[1] * (pmf.ndim - 1)))
    return float((pmf * distance).sum() / len(lane))


def _exact(tiny: bool) -> Case:
    """Exact error metrics of an adder over all its inputs."""
    program = circuits.adder(2 if tiny else 4)
    gates = cram.GateLibrary.uniform(1e-2)

    def check() -> None:
        ours = analysis.exact(program, gates).mean_error_distance.value
        np.testing.assert_allclose(ours, _numpy_exact(program, 1e-2), rtol=1e-10)

    return Case(
        1.0,
        lambda: analysis.exact(program, gates, num_threads=THREADS),
        check,
        {"numpy": Peer(lambda: _numpy_exact(program, 1e-2), goal=5)},
    )


def _multiplier(tiny: bool) -> Case:
    """Exact metrics of a multiplier; the peer is Monte Carlo, which keeps an error bar."""
    program = circuits.multiplier(2 if tiny else 4)
    gates = cram.GateLibrary.uniform(1e-3)
    lanes = 1 << (14 if tiny else 24)

    def check() -> None:
        exact = analysis.exact(program, gates).mean_error_distance.value
        sampled = analysis.monte_carlo(program, gates, lanes=lanes, seed=1).mean_error_distance
        assert abs(sampled.value - exact) < 5 * sampled.standard_error

    def sample() -> analysis.ErrorReport:
        return analysis.monte_carlo(program, gates, lanes=lanes, seed=1, num_threads=THREADS)

    return Case(
        1.0,
        lambda: analysis.exact(program, gates, num_threads=THREADS),
        check,
        {"Monte Carlo, 2^24 lanes": Peer(sample, goal=5)},
    )


BENCHMARKS = (
    Benchmark(
        "strata-multiply-4", "cram", "error rate", _strata, floor=4.1, note="41 rates below 10 s"
    ),
    Benchmark("exact-adder-4", "cram", "call", _exact, floor=20),
    Benchmark(
        "exact-multiply-4", "cram", "call", _multiplier,
        note="2^24 lanes leave a standard error of 0.1 % of the mean error distance",
    ),
)  # fmt: skip
