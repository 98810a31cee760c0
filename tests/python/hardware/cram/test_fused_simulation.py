"""Known sequences of gates are computed in registers where none errs: the bits stay those of the gates.

Oracle: `oracles.bitexact`, gate by gate.
"""

import os
import subprocess
import sys

import numpy as np
import pytest

from nonideal import _core
from nonideal.hardware import cram
from nonideal.hardware.cram import circuits
from oracles import bitexact
from oracles import program as oracle

BLOCK = cram.BLOCK_LANES
LIMITS = _core.cram.SPARSE_LIMIT_UNIFORM, _core.cram.SPARSE_LIMIT_STATE
FULL_ADDER = [
    ("NAND2", 3, (0, 1)), ("NAND2", 4, (0, 3)), ("NAND2", 5, (1, 3)), ("NAND2", 6, (4, 5)),
    ("NAND2", 7, (6, 2)), ("NAND2", 8, (6, 7)), ("NAND2", 9, (2, 7)), ("NAND2", 10, (8, 9)),
    ("NAND2", 11, (3, 7)),
]  # fmt: skip


def noisy(program: cram.Program, table: dict[str, list[float]], lanes: int, first_lane: int) -> None:
    """Compare a run with the oracle, outputs and activity."""
    rng = np.random.default_rng(1)
    values = {port.name: rng.integers(0, 1 << port.bits, lanes) for port in program.inputs}
    cells = {
        column: bits
        for port in program.inputs
        for column, bits in zip(port.columns, oracle.bits_of(values[port.name], port.bits), strict=True)
    }
    cells |= {column: np.full(lanes, bool(bit)) for column, bit in program.constants.items()}
    flips = bitexact.flips(table.__getitem__, seed=3, limits=LIMITS, first_lane=first_lane)
    end, seen, wrong = oracle.run(program.instructions, cells, flips)
    run = {"gates": cram.GateLibrary.from_errors(table), "seed": 3, "first_lane": first_lane}
    result = cram.simulate(program, values, **run)
    counted = cram.simulate(program, values, **run, activity=True)
    for port in program.outputs:
        expected = oracle.integer_of(end, port.columns)
        np.testing.assert_array_equal(result[port.name], expected)
        np.testing.assert_array_equal(counted[port.name], expected)
    for measured, expected in zip(
        (counted.activity.lanes, counted.activity.flips), oracle.counts(seen, wrong), strict=True
    ):
        np.testing.assert_array_equal(measured, expected)


@pytest.mark.parametrize("placed", [False, True])
@pytest.mark.parametrize(
    "nand2", [(0, 0, 0), (2e-5,) * 3, (1e-4,) * 3, (0, 1e-5, 7e-5), (1e-3,) * 3], ids=str
)
def test_multiplier_whose_blocks_err_here_and_there(nand2, placed):
    """Some 300 gates, three blocks: patterns with and without points, across parts of the program."""
    program = circuits.multiplier(6)
    noisy(
        cram.place(program).program if placed else program,
        {"NAND2": list(nand2), "NOT": [0.0, 2e-5]},
        2 * BLOCK + 100,
        BLOCK - 50,
    )


@pytest.mark.parametrize("inner", range(3, 10))
@pytest.mark.parametrize("how", ["output", "read", "overwritten"])
def test_a_full_adder_whose_inner_cells_are_needed(inner, how):
    """Read later or handed out, an inner value must be there; overwritten, it must not come back."""
    gates = list(FULL_ADDER)
    columns = {"sum": [10], "carry": [11]}
    if how == "output":
        columns["inner"] = [inner]
    elif how == "read":
        gates.append(("NOT", 12, (inner,)))
        columns["inner"] = [12]
    else:
        gates.append(("NOT", inner, (11,)))
        columns["inner"] = [inner]
    program = cram.Program(13, gates, {"x": [0, 1, 2]}, columns)
    for rate in (0.0, 1e-5):
        noisy(program, {"NAND2": [rate] * 3, "NOT": [rate] * 2}, 3000, 0)


@pytest.mark.parametrize("position", range(9))
def test_what_only_looks_like_a_full_adder(position):
    """One gate of another kind, or with other operands."""
    for name, sources in (("NOR2", FULL_ADDER[position][2]), ("NAND2", (0, 2))):
        gates = [*FULL_ADDER]
        gates[position] = (name, FULL_ADDER[position][1], sources)
        program = cram.Program(12, gates, {"x": [0, 1, 2]}, {"y": [10, 11]})
        noisy(program, {"NAND2": [0.0] * 3, "NOR2": [0.0] * 3}, 500, 0)


def test_results_in_the_places_of_operands():
    """Inputs die within the pattern, so its results take their slots."""
    gates = [*FULL_ADDER, ("NAND2", 0, (10, 11)), ("NAND2", 1, (0, 10)), ("NOT", 2, (1,))]
    noisy(
        cram.Program(12, gates, {"x": [0, 1, 2]}, {"y": [0, 2], "x_again": [11]}),
        {"NAND2": [1e-5] * 3, "NOT": [1e-5] * 2},
        5000,
        0,
    )


def test_operands_that_are_handed_out_or_come_late():
    """An input that no gate reads, and inputs that are first read hundreds of gates into the program."""
    gates = [("NOT", 4 + i % 2, (4 + (i + 1) % 2 if i else 0,)) for i in range(400)]
    program = cram.Program(
        7, [*gates, ("NAND2", 6, (1, 5)), ("NOT", 2, (6,))], {"x": [0, 1, 2, 3]}, {"y": [3, 2, 6, 1]}
    )
    noisy(program, {"NAND2": [0.0] * 3, "NOT": [1e-4] * 2}, 5000, 77)


SCRIPT = """
import hashlib
import numpy as np
from nonideal import _core
from nonideal.hardware import cram
from nonideal.hardware.cram import circuits


class Map:
    rows, columns = 300, 64

    def __init__(self, largest):
        self.largest = largest

    def errors(self, gate, output_column, input_columns):
        rng = np.random.default_rng([output_column, *input_columns])
        return rng.random((300, 1 << gate.spec.fan_in)) * self.largest


print(_core.active_isa())
digest = hashlib.sha256()
rng = np.random.default_rng(0)
program = cram.place(circuits.multiplier(6)).program
values = {name: rng.integers(0, 64, 20_000) for name in "ab"}
for gates, variation in (
    (cram.GateLibrary.uniform(2e-5), None),
    (cram.GateLibrary.from_errors({"NAND2": (0, 1e-5, 7e-5), "NOT": (0, 0)}), None),
    (cram.GateLibrary.uniform(0.1), Map(1e-3)),
    (cram.GateLibrary.uniform(0.1), Map(0.9)),
):
    for first_lane in (0, 333):
        result = cram.simulate(program, values, gates, seed=9, first_lane=first_lane, variation=variation)
        digest.update(result["product"].tobytes())
print(digest.hexdigest())
"""


def test_instruction_sets_give_the_same_bits():
    digests = set()
    for isa in _core.available_isas():
        run = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env=os.environ | {"NONIDEAL_ISA": isa},
            capture_output=True,
            text=True,
            check=True,
        )
        active, digest = run.stdout.split()
        assert active == isa
        digests.add(digest)
    assert len(digests) == 1


@pytest.mark.parametrize("rate", [2e-5, 1e-4])
def test_threads_tiles_prefixes_and_shards_do_not_matter(rate):
    lanes = 6 * BLOCK + 11
    program, gates = cram.place(circuits.multiplier(6)).program, cram.GateLibrary.uniform(rate)
    rng = np.random.default_rng(2)
    values = {name: rng.integers(0, 64, lanes) for name in "ab"}
    whole = cram.simulate(program, values, gates, seed=1, num_threads=1, tile_lanes=BLOCK)["product"]
    for num_threads in (1, 2, 3):
        for blocks in (1, 2, 4):
            got = cram.simulate(
                program, values, gates, seed=1, num_threads=num_threads, tile_lanes=blocks * BLOCK
            )
            np.testing.assert_array_equal(got["product"], whole)
    for start, stop in ((0, 1), (0, 5000), (63, 9000), (BLOCK, lanes)):
        cut = {name: array[start:stop] for name, array in values.items()}
        part = cram.simulate(program, cut, gates, seed=1, first_lane=start)["product"]
        np.testing.assert_array_equal(part, whole[start:stop])
