"""simulate(variation=): every cell errs with probabilities of its own. Oracle: `oracles.bitexact`."""

import re
from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from nonideal import _core
from nonideal.errors import InvalidArgument
from nonideal.hardware import cram
from nonideal.hardware.cram import circuits
from oracles import bitexact
from oracles import program as oracle

BLOCK = cram.BLOCK_LANES
LIMITS = _core.cram.SPARSE_LIMIT_UNIFORM, _core.cram.SPARSE_LIMIT_STATE
GATES = cram.GateLibrary.uniform(0.5)  # what a map makes of it is its own affair
ADDER = cram.place(circuits.adder(3, full_adder="maj5_buf")).program


class Map:
    """Random probabilities per row, state, gate and columns up to ``largest``; some are 0 or the largest."""

    def __init__(self, rows: int, largest: float, columns: int = 64, special: bool = True) -> None:
        self.rows, self.columns, self.largest, self.special = rows, columns, largest, special

    def errors(
        self, gate: cram.CalibratedGate, output_column: int, input_columns: Sequence[int]
    ) -> np.ndarray:
        rng = np.random.default_rng([output_column, *input_columns])
        error = rng.random((self.rows, 1 << gate.spec.fan_in)) * self.largest
        if self.special:
            error[rng.random(error.shape) < 0.2] = 0
            error[rng.random(error.shape) < 0.1] = self.largest
        return error


def values(lanes: int, program: cram.Program = ADDER) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {port.name: rng.integers(0, 1 << port.bits, lanes) for port in program.inputs}


def words(result: cram.SimulationResult) -> list[np.ndarray]:
    return [*result.values(), result.activity.lanes, result.activity.flips]


@pytest.mark.parametrize("largest", [0.0, 1e-4, 0.02, LIMITS[1], np.nextafter(LIMITS[1], 1), 0.7, 1.0])
@pytest.mark.parametrize(
    ("rows", "lanes", "first_lane"), [(1, 3000, 0), (7, 5000, 4090), (1024, 4500, 77), (5000, 8192, 2**44)]
)
def test_bits_are_those_of_the_documented_random_numbers(largest, rows, lanes, first_lane):
    array = Map(rows, largest)
    operands = values(lanes)
    cells = {
        column: bits
        for port in ADDER.inputs
        for column, bits in zip(port.columns, oracle.bits_of(operands[port.name], port.bits), strict=True)
    }
    cells |= {column: np.full(lanes, bool(bit)) for column, bit in ADDER.constants.items()}

    def cell_error(step: int) -> np.ndarray:
        gate, output, sources = ADDER.instructions[step]
        return array.errors(GATES[gate], output, sources)

    flips = bitexact.flips(
        lambda _: [], seed=3, limits=LIMITS, stream=5, first_lane=first_lane, cell_error=cell_error
    )
    end, seen, wrong = oracle.run(ADDER.instructions, cells, flips)
    result = cram.simulate(
        ADDER, operands, GATES, seed=3, stream=5, first_lane=first_lane, variation=array, activity=True
    )
    np.testing.assert_array_equal(result["sum"], oracle.integer_of(end, ADDER.output().columns))
    for measured, expected in zip(
        (result.activity.lanes, result.activity.flips), oracle.counts(seen, wrong), strict=True
    ):
        np.testing.assert_array_equal(measured, expected)


@pytest.mark.parametrize("largest", [0.01, 0.5])
def test_threads_tiles_prefixes_and_shards_do_not_matter(largest):
    array, lanes = Map(100, largest), 6 * BLOCK + 11
    operands = values(lanes)
    run = {"seed": 1, "variation": array, "activity": True}
    whole = cram.simulate(ADDER, operands, GATES, num_threads=1, tile_lanes=BLOCK, **run)
    for num_threads in (1, 2, 3):
        for blocks in (1, 2, 4):
            got = cram.simulate(
                ADDER, operands, GATES, num_threads=num_threads, tile_lanes=blocks * BLOCK, **run
            )
            for one, two in zip(words(got), words(whole), strict=True):
                np.testing.assert_array_equal(one, two)
    for start, stop in ((0, 1), (0, 5000), (63, 9000), (BLOCK, lanes)):
        cut = {name: array[start:stop] for name, array in operands.items()}
        part = cram.simulate(ADDER, cut, GATES, first_lane=start, **run)
        np.testing.assert_array_equal(part["sum"], whole["sum"][start:stop])


def inverters(gates: int) -> cram.Program:
    """NOTs of a 0, each into a column of its own."""
    return cram.Program(
        gates + 1, [("NOT", 1 + g, (0,)) for g in range(gates)], {"x": [0]}, {"y": list(range(1, gates + 1))}
    )


def wrong_lanes(program: cram.Program, array: Map, lanes: int, seed: int) -> np.ndarray:
    """(gates, lanes) bool."""
    zero = cram.BitPlanes(np.zeros((1, 1), dtype=np.uint64), lanes, entries=1)
    run = cram.simulate(program, {"x": zero}, GATES, seed=seed, variation=array, outputs="planes")
    bits = np.unpackbits(run["y"].words.view(np.uint8), axis=1, bitorder="little")[:, :lanes]
    return bits == 0


@pytest.mark.parametrize("largest", [0.02, LIMITS[1], 0.9])
def test_every_cell_has_its_own_rate(largest):
    """2^14 lanes for each of 64 rows and 8 columns: binomial numbers, p < 1e-6; would catch swapped rows,
    columns or states."""
    array, program, rows, lanes = Map(64, largest, special=False), inverters(8), 64, 1 << 20
    wrong = wrong_lanes(program, array, lanes, seed=2).reshape(8, -1, rows).sum(axis=1)
    p = np.array([array.errors(GATES["NOT"], 1 + g, (0,))[:, 0] for g in range(8)])
    tail = np.minimum(stats.binom.cdf(wrong, lanes // rows, p), stats.binom.sf(wrong - 1, lanes // rows, p))
    assert tail.min() > 1e-6 / 2 / p.size
    assert not np.allclose(p[0], p[1])


def test_errors_of_a_cell_come_again():
    """The same rows err in two runs of different seeds: given p_r, the rows' rates correlate with
    Var(p) / (Var(p) + mean p (1 - p) / n); independent noise gives 0 +- 0.03."""
    array, rows, turns = Map(1024, 0.1, special=False), 1024, 256
    one, two = (
        wrong_lanes(inverters(1), array, rows * turns, seed).reshape(turns, rows).mean(axis=0)
        for seed in (1, 2)
    )
    p = array.errors(GATES["NOT"], 1, (0,))[:, 0]
    expected = p.var() / (p.var() + (p * (1 - p)).mean() / turns)
    assert expected > 0.6
    assert np.corrcoef(one, two)[0, 1] == pytest.approx(expected, abs=5 / np.sqrt(rows))
    fresh = [
        cram.simulate(
            inverters(1),
            {"x": np.zeros(rows * turns, dtype=int)},
            cram.GateLibrary.uniform(p.mean()),
            seed=seed,
        )["y"]
        for seed in (1, 2)
    ]
    means = [bits.reshape(turns, rows).mean(axis=0) for bits in fresh]
    assert abs(np.corrcoef(*means)[0, 1]) < 5 / np.sqrt(rows)


def test_certain_cells():
    """Probabilities 0 and 1 are exactly that: the errors are those of the rows."""

    class Certain(Map):
        def errors(self, gate, output_column, input_columns):
            return np.repeat((np.arange(self.rows) % 3 == 0)[:, None], 1 << gate.spec.fan_in, axis=1) * 1.0

    lanes = 3 * BLOCK
    wrong = wrong_lanes(inverters(2), Certain(50, 1.0), lanes, seed=4)
    np.testing.assert_array_equal(wrong, np.tile(np.arange(lanes) % 50 % 3 == 0, (2, 1)))


def test_the_tables_are_made_once_for_a_map():
    class Counted(Map):
        calls = 0

        def errors(self, gate, output_column, input_columns):
            type(self).calls += 1
            return super().errors(gate, output_column, input_columns)

    array = Counted(8, 0.1)
    for seed in (1, 2):
        cram.simulate(ADDER, values(10), GATES, seed=seed, variation=array)
    assert Counted.calls == len({(name, out, ins) for name, out, ins in ADDER.instructions})


class Wrong(Map):
    def __init__(self, error: object, rows: int = 2, columns: int = 64) -> None:
        super().__init__(rows, 0.1, columns)
        self.error = error

    def errors(self, gate, output_column, input_columns):
        return self.error


BUFFER = cram.Program(2, [("BUF", 1, (0,))], {"x": [0]}, {"y": [1]})


@pytest.mark.parametrize(
    ("array", "gates", "message"),
    [
        (0.1, GATES, "variation: float has no rows"),
        (
            Map(4, 0.1),
            None,
            "gates: ideal gates don't vary; variation needs a GateLibrary",
        ),
        (Map(4, 0.1, columns=1), GATES, "variation: its array has 1 columns, the program needs 2"),
        (Map(0, 0.1), GATES, "variation.rows = 0 is outside [1, 2^31)"),
        (
            Wrong(np.zeros((2, 3))),
            GATES,
            "variation.errors(BUF, 1, (0,)): shape (2, 3) is not (2, 2)",
        ),
        (
            Wrong(np.array([[0, 0.1], [np.nan, 0]])),
            GATES,
            "variation.errors(BUF, 1, (0,)): error[1, 0] = nan is outside [0, 1]",
        ),
        (
            Wrong(np.array([[0, 0.1], [0, 1.5]])),
            GATES,
            "variation.errors(BUF, 1, (0,)): error[1, 1] = 1.5 is outside [0, 1]",
        ),
        (
            Wrong(np.array([[-0.5, 0.1], [0, 1.5]])),
            GATES,
            "variation.errors(BUF, 1, (0,)): error[0, 0] = -0.5 is outside [0, 1]",
        ),
    ],
)
def test_refusals(array, gates, message):
    with pytest.raises(InvalidArgument, match=f"^{re.escape(message)}$"):
        cram.simulate(BUFFER, {"x": [0, 1]}, gates, variation=array)


DEVICE = cram.device("lv2024_fit")
REAL = cram.VariationMap.sample(
    DEVICE, cram.Array(rows=64, columns=64), cram.Variation(threshold=0.05), seed=1
)


def test_real_cells_err_as_their_map_says():
    """Rates of every row within 5 sigma of the map's probabilities; rows differ as the map does."""
    gates = cram.GateLibrary(DEVICE, gates=["NAND2"])
    builder = cram.ProgramBuilder()
    a, b = (builder.input(name, 1)[0] for name in "ab")
    builder.output("y", [builder.gate("NAND2", a, b)])
    program = builder.build()
    lanes = 64 << 14
    got = cram.simulate(
        program, {"a": np.ones(lanes, int), "b": np.ones(lanes, int)}, gates, seed=1, variation=REAL
    )["y"]
    rate = got.reshape(-1, 64).mean(axis=0)  # the right answer is 0
    expected = REAL.errors(gates["NAND2"], 2, [0, 1])[:, 3]
    spread = np.sqrt(expected * (1 - expected) / (lanes / 64)) + 1e-12
    assert (np.abs(rate - expected) < 5 * spread + 2**-13).all()
    assert expected.max() > 10 * expected.min()


def test_libraries_of_equal_errors_but_other_voltages_are_not_mixed_up():
    gates = cram.GateLibrary(DEVICE, gates=["NAND2", "NOT"])
    same = cram.GateLibrary.from_errors({name: gate.error for name, gate in gates.items()})
    assert same == gates
    program = cram.place(circuits.adder(2)).program
    inputs = values(100, program)
    cram.simulate(program, inputs, gates, seed=1, variation=REAL)
    with pytest.raises(InvalidArgument, match=r"^gate NAND2 has no voltage: variation needs a library"):
        cram.simulate(program, inputs, same, seed=1, variation=REAL)


def test_a_map_of_another_device_is_refused():
    gates = cram.GateLibrary(cram.device("today_45nm"), gates=["NAND2", "NOT"])
    program = cram.place(circuits.adder(2)).program
    message = (
        r"^variation: its cells vary around device 'lv2024_fit', but gates are calibrated for another, "
        r"'today_45nm'$"
    )
    with pytest.raises(InvalidArgument, match=message):
        cram.simulate(program, values(10, program), gates, variation=REAL)
