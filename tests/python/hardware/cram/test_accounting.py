"""Energy, latency and area. Oracle: `oracles.cost`, lane by lane from the operands of every gate."""

import re
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal import _core
from nonideal.errors import InvalidArgument
from nonideal.hardware import cram
from nonideal.hardware.cram import circuits
from oracles import bitexact
from oracles import cost as energy_oracle
from oracles import program as oracle

DEVICE = cram.device("today_45nm")
GATES = cram.GateLibrary(DEVICE, criterion="middle")
ENERGY = {name: gate.energy for name, gate in GATES.items()}
PRESET = (DEVICE.preset_energy(cram.State.P), DEVICE.preset_energy(cram.State.AP))
LIMITS = _core.cram.SPARSE_LIMIT_UNIFORM, _core.cram.SPARSE_LIMIT_STATE


def recompute(program, values, gates, seed):
    """The run of `simulate`, by the bit-exact oracle, and its energy."""
    lanes = len(next(iter(values.values())))
    cells = {column: np.full(lanes, bool(bit)) for column, bit in program.constants.items()}
    for port in program.inputs:
        cells |= dict(zip(port.columns, oracle.bits_of(values[port.name], port.bits), strict=True))
    flips = (
        None if gates is None else bitexact.flips(lambda name: gates[name].error, seed=seed, limits=LIMITS)
    )
    _, seen, wrong = oracle.run(program.instructions, cells, flips)
    stored = [
        oracle.evaluate(gate, operands) ^ flipped
        for (gate, _, _), operands, flipped in zip(program.instructions, seen, wrong, strict=True)
    ]
    return energy_oracle.energy(program.instructions, seen, stored, ENERGY, PRESET)


@pytest.mark.parametrize("placed", [True, False])
@pytest.mark.parametrize("error", [None, 0.01, 0.4])
@pytest.mark.parametrize(
    "program",
    [
        circuits.multiplier(3),
        circuits.multiplier(3, full_adder="maj5_buf", and_gate="and2"),
        circuits.adder(4),
    ],
    ids=["multiplier", "majority", "adder"],
)
def test_measured_energy_is_the_sum_over_lanes_and_gates(program, error, placed):
    """Within 1e-9 relative. Wrong outputs count: they decide what later gates and presets see."""
    if placed:
        program = cram.place(program).program
    rng = np.random.default_rng(0)
    values = {port.name: rng.integers(0, 1 << port.bits, 77) for port in program.inputs}
    errors = None if error is None else cram.GateLibrary.uniform(error)
    run = cram.simulate(program, values, errors, seed=3, activity=True)
    expected = recompute(program, values, errors, seed=3)
    cost = cram.cost(program, GATES, lanes=77, activity=run.activity)
    np.testing.assert_allclose(
        [cost.energy_gates, cost.energy_presets], [expected.gates, expected.presets], rtol=1e-9
    )
    assert cost.energy_periphery == 0.0
    assert cost.energy == pytest.approx(expected.gates + expected.presets, rel=1e-9)
    assert cost.activity_source == "measured"
    more = cram.cost(program, GATES, lanes=770, activity=run.activity)  # scaled to more lanes
    assert more.energy == pytest.approx(10 * cost.energy, rel=1e-12)
    assert more.energy_per_lane == pytest.approx(cost.energy_per_lane, rel=1e-12)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(oracle.programs(max_gates=15), st.integers(1, 40))
def test_measured_energy_of_random_programs(p, lanes):
    """Columns that are written again, also inputs and constants: their old state counts half and half."""
    program = cram.Program(p.columns, p.instructions, p.inputs, p.outputs, p.constants)
    rng = np.random.default_rng(lanes)
    values = {port.name: rng.integers(0, 1 << port.bits, lanes) for port in program.inputs}
    run = cram.simulate(program, values, activity=True)
    cost = cram.cost(program, GATES, lanes=lanes, activity=run.activity)
    if p.instructions:
        expected = recompute(program, values, None, seed=0)
        np.testing.assert_allclose(
            [cost.energy_gates, cost.energy_presets], [expected.gates, expected.presets], rtol=1e-9
        )
    else:
        assert cost.energy == 0.0


def test_energy_for_uniform_inputs():
    """Closed form: binomial shares of the states, presets half and half."""
    program = circuits.multiplier(4)
    cost = cram.cost(program, GATES, lanes=10)
    expected = sum(
        10 * sum(comb(n, k) / 2**n * ENERGY[name][k] for k in range(n + 1))
        for name, _, _ in program.instructions
        for n in (cram.GATES[name].fan_in,)
    )
    assert cost.energy_gates == pytest.approx(expected, rel=1e-12)
    assert cost.energy_presets == pytest.approx(10 * 124 * sum(PRESET) / 2, rel=1e-12)
    assert cost.activity_source == "uniform inputs"


def test_preset_energies_are_those_of_the_specification():
    """15 fJ from P, 35 fJ from AP (today_45nm, section 1.9): I_c^2 R t."""
    np.testing.assert_allclose(PRESET, (15e-15, 35e-15), rtol=0.02)
    assert PRESET[0] == pytest.approx(DEVICE.resistance_parallel * (40e-6) ** 2 * 3e-9, rel=1e-6)


def test_steps_latency_and_area():
    placement = cram.place(circuits.multiplier(8), cram.Array(rows=100, columns=64, cycle_time=1e-9))
    cost = cram.cost(placement, GATES, lanes=250)
    assert (cost.gates, cost.presets, cost.preset_phases, cost.steps) == (600, 600, 600, 1200)
    assert cost.latency == pytest.approx(1200 * (3e-9 + 1e-9))
    assert (cost.lanes, cost.rows, cost.columns, cost.arrays) == (250, 100, 41, 3)
    assert cost.utilization == pytest.approx(250 * 41 / (3 * 100 * 64))
    assert cost.energy_delay_product == pytest.approx(cost.energy * cost.latency)


def test_peripheral_energies():
    """16 operand bits written and 16 result bits read in every lane; steps cost in every array."""
    array = cram.Array(rows=100, read_energy=1e-15, write_energy=2e-15, step_energy=3e-12)
    cost = cram.cost(cram.place(circuits.multiplier(8), array), GATES, lanes=250)
    assert cost.energy_periphery == pytest.approx(
        250 * (16 * 1e-15 + 16 * 2e-15) + 3 * 1200 * 3e-12, rel=1e-12
    )


def test_a_bare_program_lies_in_an_array_that_is_wide_enough():
    cost = cram.cost(circuits.dot(64, 4, 4), GATES)
    assert cost.columns > 1024
    assert cost.utilization == pytest.approx(1 / 1024)


def test_no_lanes_cost_nothing():
    cost = cram.cost(circuits.adder(2), GATES, lanes=0)
    assert (cost.energy, cost.energy_per_lane, cost.arrays, cost.utilization) == (0.0, 0.0, 0, 0.0)


def empty_activity():
    return cram.simulate(circuits.adder(2), {"a": [], "b": []}, activity=True).activity


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: cram.cost(circuits.adder(2), cram.GateLibrary.ideal()),
            (
                "gates: the library has no device, so energy and latency are unknown; calibrate one with "
                "GateLibrary(device(...))"
            ),
        ),
        (lambda: cram.cost(circuits.adder(2), None), "gates: NoneType is not a GateLibrary"),
        (lambda: cram.cost("adder", GATES), "program: str is not a Program"),
        (lambda: cram.cost(circuits.adder(2), GATES, lanes=-1), "lanes = -1 is below 0"),
        (lambda: cram.cost(circuits.adder(2), GATES, lanes=1.5), "lanes = 1.5 is not an integer"),
        (lambda: cram.cost(circuits.adder(2), GATES, activity="x"), "activity: str is not an Activity"),
        (
            lambda: cram.cost(circuits.adder(3), GATES, activity=empty_activity()),
            "activity: counts of 18 gates, but the program has 27",
        ),
        (
            lambda: cram.cost(circuits.adder(2), GATES, lanes=5, activity=empty_activity()),
            "activity: no lane was seen",
        ),
        (
            lambda: cram.cost(circuits.full_adder("min5"), cram.GateLibrary(DEVICE, gates=["NOT", "NAND2"])),
            "gate = 'MIN3' is not in the library: NOT, NAND2",
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidArgument, match=f"^{re.escape(message)}$"):
        call()
