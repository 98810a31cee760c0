"""Placement: the same values in fewer columns. Oracle: `oracles.program.check_placement` traces values."""

import re

import numpy as np
import pytest
from hypothesis import given, settings

from nonideal.errors import InvalidArgument
from nonideal.hardware import cram
from nonideal.hardware.cram import circuits
from oracles import program as oracle


def sources(program: cram.Program) -> list[int]:
    return [c for port in program.inputs for c in port.columns] + list(program.constants)


def results(program: cram.Program) -> list[int]:
    return [c for port in program.outputs for c in port.columns]


def check(program: cram.Program) -> cram.Placement:
    placement = cram.place(program, cram.Array(columns=1 << 20))
    placed = placement.program
    oracle.check_placement(
        program.instructions,
        placed.instructions,
        sources(program),
        sources(placed),
        results(program),
        results(placed),
    )
    assert list(placed.constants.values()) == list(program.constants.values())
    for before, after in zip(program.inputs + program.outputs, placed.inputs + placed.outputs, strict=True):
        assert (before.name, before.bits, before.length, before.signed) == (
            after.name, after.bits, after.length, after.signed,
        )  # fmt: skip
    assert placement.columns_used == placed.columns
    assert placement.preset_phases == program.num_gates
    writes = np.bincount([target for _, target, _ in placed.instructions], minlength=placed.columns)
    np.testing.assert_array_equal(placement.cell_writes, writes)
    return placement


def as_program(p: oracle.RandomProgram) -> cram.Program:
    return cram.Program(p.columns, p.instructions, p.inputs, p.outputs, p.constants)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(oracle.programs(max_gates=40))
def test_random_programs_move_the_same_values_in_the_fewest_columns(p):
    """The number of columns is the least that this order of gates allows: most values alive at once."""
    program = as_program(p)
    placement = check(program)
    assert placement.columns_used == oracle.least_columns(
        p.instructions, len(sources(program)), results(program)
    )


@settings(deadline=None, derandomize=True, max_examples=60)
@given(oracle.programs(max_gates=30))
def test_placed_programs_compute_the_same_bits_with_and_without_errors(p):
    program = as_program(p)
    placed = cram.place(program).program
    rng = np.random.default_rng(0)
    values = {port.name: rng.integers(0, 1 << port.bits, 5000) for port in program.inputs}
    for gates in (None, cram.GateLibrary.uniform(0.03), cram.GateLibrary.uniform(0.5)):
        before = cram.simulate(program, values, gates, seed=1, activity=True)
        after = cram.simulate(placed, values, gates, seed=1, activity=True)
        for name in before:
            np.testing.assert_array_equal(before[name], after[name])
        np.testing.assert_array_equal(before.activity.lanes, after.activity.lanes)
        np.testing.assert_array_equal(before.activity.flips, after.activity.flips)


@pytest.mark.parametrize(
    ("program", "columns"),
    [
        (lambda: circuits.multiplier(8), 41),
        (lambda: circuits.dot(64, 4, 4), 588),
        (lambda: circuits.dot(64, 4, 4, accumulate="chain"), 588),
        (lambda: circuits.adder(8, full_adder="min5"), 41),
        (lambda: circuits.dot(7, 3, 3, full_adder="maj5_buf"), 100),
    ],
)
def test_circuits_fit_the_columns_of_the_specification(program, columns):
    """Figures of 1.8 and 1.9; the last two are generous bounds."""
    assert check(program()).columns_used <= columns


def test_placing_twice_changes_nothing():
    once = cram.place(circuits.multiplier(6))
    assert cram.place(once.program).program == once.program


def test_a_program_without_gates_keeps_its_columns():
    placement = check(cram.Program(9, [], {"x": [4, 7]}, {"y": [7, 4, 7]}, {0: 1}))
    assert placement.columns_used == 3
    assert placement.cell_writes.tolist() == [0, 0, 0]


def test_the_default_array_is_that_of_the_specification():
    placement = cram.place(circuits.adder(2))
    assert placement.array == cram.Array(rows=1024, columns=1024)
    assert cram.Array(cycle_time=1e-9).cycle_time == 1e-9


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: cram.place(circuits.dot(64, 4, 4), cram.Array(columns=512)),
            "array.columns = 512: the program needs 588 columns, 76 more than the array has",
        ),
        (
            lambda: cram.place(circuits.multiplier(8), cram.Array(columns=40)),
            "array.columns = 40: the program needs 41 columns, 1 more than the array has",
        ),
        (lambda: cram.place(circuits.adder(2), presets="x"), "presets = 'x' is not one of per_gate, ganged"),
        (lambda: cram.place("adder"), "program: str is not a Program"),
        (lambda: cram.place(circuits.adder(2), 512), "array: int is not an Array"),
        (lambda: cram.Array(rows=0), "rows = 0 is below 1"),
        (lambda: cram.Array(columns=-3), "columns = -3 is below 1"),
        (lambda: cram.Array(rows=1.5), "rows = 1.5 is not an integer"),
        (lambda: cram.Array(columns="9"), "columns = '9' is not an integer"),
        (lambda: cram.Array(rows=2**63), f"rows = {2**63} is outside [1, 2^63)"),
        (lambda: cram.Array(cycle_time=-1e-9), "cycle_time = -1e-09 is not >= 0"),
        (lambda: cram.Array(read_energy=np.nan), "read_energy = nan is not finite"),
        (lambda: cram.Array(write_energy=np.inf), "write_energy = inf is not finite"),
        (lambda: cram.Array(step_energy=-1), "step_energy = -1 is not >= 0"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidArgument, match=f"^{re.escape(message)}$"):
        call()


def test_an_array_that_fits_exactly_is_enough():
    assert cram.place(circuits.dot(64, 4, 4), cram.Array(columns=588)).columns_used == 588
