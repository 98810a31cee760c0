"""Gate-level simulation of CRAM programs, against the same in numpy: a bool per lane, or a bit per lane.

The peers are what one writes without nonideal. Both interpret the same placed program gate by gate. ``numpy
bool`` draws a uniform number per lane and gate; ``numpy packed`` keeps 64 lanes in a word and flips a
binomial number of random positions (two of which may coincide: it is a little faster than a correct one).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from nonideal.benchmarks.harness import Benchmark, Case, Peer

from nonideal import _core
from nonideal.data import load_digits
from nonideal.hardware import cram
from nonideal.hardware.cram import circuits

__all__ = ["BENCHMARKS"]

STATE_TABLE = {"NAND2": (0.0, 0.0013, 0.0214), "NOT": (0.0, 0.0)}
THREADS = 2

Columns = dict[int, npt.NDArray[Any]]


def _planes(rng: np.random.Generator, program: cram.Program, lanes: int) -> dict[str, cram.BitPlanes]:
    return {port.name: cram.pack(rng.integers(0, 2**port.bits, lanes), port.bits) for port in program.inputs}


def _run_numpy(
    program: cram.Program, columns: Columns, noise: Callable[[str, Sequence[Any], Any], Any] | None
) -> Columns:
    for name, target, sources in program.instructions:
        operands = [columns[c] for c in sources]
        value = ~(operands[0] & operands[1]) if name == "NAND2" else ~operands[0]
        columns[target] = value if noise is None else noise(name, operands, value)
    return columns


def _bool_noise(rng: np.random.Generator, tables: Mapping[str, Sequence[float]]) -> Callable[..., Any]:
    def noise(name: str, operands: Sequence[Any], value: Any) -> Any:
        table = np.asarray(tables[name])
        uniform = len(set(tables[name])) == 1
        probability = table[0] if uniform else table[sum(operand.astype(np.intp) for operand in operands)]
        return value ^ (rng.random(len(value)) < probability)

    return noise


def _packed_noise(rng: np.random.Generator, eps: float) -> Callable[..., Any]:
    def noise(name: str, operands: Sequence[Any], value: Any) -> Any:
        lanes = 64 * len(value)
        at = rng.integers(0, lanes, rng.binomial(lanes, eps))
        np.bitwise_xor.at(value, at >> 6, np.uint64(1) << (at & 63).astype(np.uint64))
        return value

    return noise


def _numpy_columns(program: cram.Program, planes: Mapping[str, cram.BitPlanes], packed: bool) -> Columns:
    columns: Columns = {}
    for port in program.inputs:
        for column, words in zip(port.columns, planes[port.name].words, strict=True):
            bits = np.unpackbits(words.view(np.uint8), bitorder="little").astype(bool)
            columns[column] = words if packed else bits[: planes[port.name].lanes]
    return columns


def _multiplier(
    eps: float | None, goal_bool: float | None, goal_packed: float | None
) -> Callable[[bool], Case]:
    """8x8 multiplication at one error probability for all gates, or with a table per state (eps None)."""

    def prepare(tiny: bool) -> Case:
        ours_lanes, peer_lanes = (8192, 4096) if tiny else (1 << 21, 1 << 18)
        rng = np.random.default_rng(1)
        program = cram.place(circuits.multiplier(8)).program
        gates = cram.GateLibrary.from_errors(STATE_TABLE) if eps is None else cram.GateLibrary.uniform(eps)
        tables = {name: gates[name].error.tolist() for name in program.gate_counts}
        planes, small = _planes(rng, program, ours_lanes), _planes(rng, program, peer_lanes)

        def ours() -> cram.SimulationResult:
            return cram.simulate(program, planes, gates, seed=1, outputs="planes", num_threads=THREADS)

        bools, words = (_numpy_columns(program, small, packed=packed) for packed in (False, True))

        def numpy_bool() -> Columns:
            noise = None if eps == 0 else _bool_noise(rng, tables)
            return _run_numpy(program, dict(bools), noise)

        def numpy_packed() -> Columns:
            noise = None if eps == 0 else _packed_noise(rng, eps or 0.0)
            return _run_numpy(program, dict(words), noise)

        def check() -> None:
            exact = cram.simulate(program, small)["product"]
            a, b = (small[name].unpack(8) for name in "ab")
            np.testing.assert_array_equal(exact, a * b)
            results = [cram.simulate(program, small, gates, seed=2)["product"], _words(program, numpy_bool())]
            if eps is not None:
                columns = numpy_packed()
                packed = np.array([columns[c] for c in program.outputs[0].columns])
                results.append(cram.BitPlanes(packed, peer_lanes).unpack(len(packed)))
            wrong = [float(np.mean(exact != result)) for result in results]
            spread = np.sqrt(max(wrong[0] * (1 - wrong[0]), 1 / peer_lanes) * 2 / peer_lanes)
            assert np.ptp(wrong) <= (0 if eps == 0 else 6 * spread), wrong

        peers = {"numpy bool": Peer(numpy_bool, count=600.0 * peer_lanes, goal=goal_bool)}
        if eps is not None:
            peers["numpy packed"] = Peer(numpy_packed, count=600.0 * peer_lanes, goal=goal_packed)
        return Case(count=600.0 * ours_lanes, ours=ours, peers=peers, check=check)

    return prepare


def _words(program: cram.Program, columns: Columns) -> npt.NDArray[np.int64]:
    bits = np.array([columns[c] for c in program.outputs[0].columns], dtype=np.int64)
    return bits.T @ (1 << np.arange(len(bits)))


def _threads(eps: float) -> Callable[[bool], Case]:
    def prepare(tiny: bool) -> Case:
        lanes = 1 << (14 if tiny else 23)
        program = cram.place(circuits.multiplier(8)).program
        gates = cram.GateLibrary.uniform(eps)
        planes = _planes(np.random.default_rng(1), program, lanes)

        def run(threads: int) -> cram.SimulationResult:
            return cram.simulate(program, planes, gates, seed=1, outputs="planes", num_threads=threads)

        def check() -> None:
            np.testing.assert_array_equal(run(1)["product"].words, run(THREADS)["product"].words)

        return Case(
            600.0 * lanes, lambda: run(THREADS), check, {"one thread": Peer(lambda: run(1), goal=1.8)}
        )

    return prepare


def _overhead(tiny: bool) -> Case:
    program = circuits.full_adder()
    gates = cram.GateLibrary.uniform(1e-3)
    inputs = {name: np.array([0, 1, 1]) for name in "abc"}

    def ours() -> cram.SimulationResult:
        return cram.simulate(program, inputs, gates, seed=1)

    def check() -> None:
        assert cram.simulate(program, inputs)["sum"].tolist() == [0, 1, 1]

    return Case(1.0, ours, check)


def _digits(tiny: bool) -> Case:
    digits = load_digits()
    x = digits.x_test.reshape(-1, 64)[: 2 if tiny else None] / 15
    weight = np.random.default_rng(1).integers(-15, 16, (10, 64))
    program = circuits.dot(64, 4, 4)
    layer = cram.Layer(weight, 1.0, 1 / 15, np.zeros(10), 4, 4, cram.place(program))
    model = cram.CramClassifier(layer, np.arange(10), cram.GateLibrary.uniform(1e-4), 1)

    def check() -> None:
        exact = model.with_gates(None).integer_scores(x, num_threads=THREADS)
        np.testing.assert_array_equal(exact, layer.quantize(x) @ weight.T)

    return Case(float(len(x)), lambda: model.integer_scores(x, num_threads=THREADS), check)


def _mnist(eps: float) -> Callable[[bool], Case]:
    """Run a linear classifier: 20 dot products of 784 terms, 4 x 4 bits, for each of 10,000 images."""

    def prepare(tiny: bool) -> Case:
        images, terms = (30, 9) if tiny else (10_000, 784)
        rng = np.random.default_rng(1)
        x, weight = rng.integers(0, 16, (images, terms)), rng.integers(0, 16, (20, terms))
        program = cram.place(circuits.dot(terms, 4, 4), cram.Array(columns=8192)).program
        gates, lanes = cram.GateLibrary.uniform(eps), 20 * images
        inputs = {
            "x": cram.BitPlanes(cram.pack(x, 4).words, lanes, repeat=20, entries=images),
            "w": cram.BitPlanes(cram.pack(weight, 4).words, lanes, entries=20),
        }

        def ours(library: cram.GateLibrary | None = gates) -> npt.NDArray[np.int64]:
            scores = cram.simulate(program, inputs, library, seed=1, num_threads=THREADS)["y"]
            assert isinstance(scores, np.ndarray)
            return scores

        def check() -> None:
            np.testing.assert_array_equal(ours(None), (x @ weight.T).ravel())

        return Case(float(images), ours, check)

    return prepare


def _crossover(
    limit: float, table: Callable[[float], Mapping[str, Sequence[float]]]
) -> Callable[[bool], Case]:
    """Run the same gates just below the limit (sparse points) and just above (bit planes)."""

    def prepare(tiny: bool) -> Case:
        lanes = 1 << (13 if tiny else 18)
        program = cram.place(circuits.multiplier(8)).program
        planes = _planes(np.random.default_rng(1), program, lanes)
        sparse, dense = (cram.GateLibrary.from_errors(table(p)) for p in (limit, limit * (1 + 1e-9)))

        def run(gates: cram.GateLibrary) -> npt.NDArray[np.int64]:
            result = cram.simulate(program, planes, gates, seed=1, num_threads=THREADS)["product"]
            assert isinstance(result, np.ndarray)
            return result

        def check() -> None:
            means = [float(np.mean(run(gates))) for gates in (sparse, dense)]
            assert abs(means[0] - means[1]) < 5 * 65536 / np.sqrt(lanes), means

        return Case(600.0 * lanes, lambda: run(sparse), check, {"bit planes": Peer(lambda: run(dense))})

    return prepare


BENCHMARKS = (
    Benchmark("multiply-8-noise-free", "cram", "gate-lanes", _multiplier(0.0, 100, 13)),
    Benchmark("multiply-8-eps-1e-4", "cram", "gate-lanes", _multiplier(1e-4, None, None)),
    Benchmark("multiply-8-eps-1e-3", "cram", "gate-lanes", _multiplier(1e-3, 900, 14)),
    Benchmark("multiply-8-eps-1e-2", "cram", "gate-lanes", _multiplier(1e-2, None, None), floor=600 * 80e6),
    Benchmark("multiply-8-state-table", "cram", "gate-lanes", _multiplier(None, None, None), floor=20e9),
    Benchmark("two-threads-noise-free", "cram", "gate-lanes", _threads(0.0)),
    Benchmark("two-threads-eps-1e-3", "cram", "gate-lanes", _threads(1e-3)),
    Benchmark("small-program", "cram", "call", _overhead, floor=200, note="one call below 5 ms"),
    Benchmark(
        "digits-tree-eps-1e-4", "cram", "image", _digits,
        note="an image is 20 dot products of 64 terms, 4 x 4 bits",
    ),
    *(
        Benchmark(
            f"mnist-eps-{eps:.0e}".replace("e-0", "e-").replace("0e+00", "0"), "cram", "image", _mnist(eps),
            floor=10_000 / 0.15, note="an image is 20 dot products of 784 terms, 4 x 4 bits",
        )
        for eps in (0.0, 1e-7, 1e-4)
    ),
    Benchmark(
        "crossover-uniform", "cram", "gate-lanes",
        _crossover(_core.cram.SPARSE_LIMIT_UNIFORM, lambda p: {"NAND2": (p, p, p), "NOT": (p, p)}),
        note="the limit is where both methods take the same time",
    ),
    Benchmark(
        "crossover-state", "cram", "gate-lanes",
        _crossover(_core.cram.SPARSE_LIMIT_STATE, lambda p: {"NAND2": (0.0, p / 2, p), "NOT": (p / 2, p)}),
        note="the limit is where both methods take the same time",
    ),
)  # fmt: skip
