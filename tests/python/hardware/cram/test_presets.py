"""Ganged presets, allocation, order. Oracle: `oracles.schedule` runs the controller's text step by step."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal.errors import InvalidArgument
from nonideal.hardware import cram
from nonideal.hardware.cram import circuits
from oracles import program as oracle
from oracles import schedule

GATES = cram.GateLibrary(cram.device("today_45nm"), criterion="middle")
OPTIONS = [
    {"presets": presets, "allocate": allocate, "order": order}
    for presets in ("per_gate", "ganged")
    for allocate in ("lowest", "level")
    for order in ("as_written", "compact")
]


def as_program(p):
    return cram.Program(p.columns, p.instructions, p.inputs, p.outputs, p.constants)


def sources(program):
    return sum(len(port.columns) for port in program.inputs) + len(program.constants)


def results(program):
    return [column for port in program.outputs for column in port.columns]


def check(program, placement, lanes=64):
    """The text computes what the unplaced program does, and says of itself what the placement says."""
    placed = placement.program
    rng = np.random.default_rng(0)
    start = {"before": {}, "after": {}}
    for name, which in (("before", program), ("after", placed)):
        rng = np.random.default_rng(0)
        start[name] = {column: np.full(lanes, bool(bit)) for column, bit in which.constants.items()}
        for port in which.inputs:
            start[name] |= {column: rng.random(lanes) < 0.5 for column in port.columns}
    expected, _, _ = oracle.run(program.instructions, start["before"])
    cells, phases, presets = schedule.execute(placement.to_text(), start["after"], placement.columns_used)
    for old, new in zip(results(program), results(placed), strict=True):
        np.testing.assert_array_equal(cells[new], expected[old])
    kept = [column for port in placed.inputs for column in port.columns] + list(placed.constants)
    for column in kept:  # a second run finds its operands and constants
        np.testing.assert_array_equal(cells[column], start["after"][column])
    assert phases == placement.preset_phases == len(placement.presets)
    assert presets == placement.cell_writes.tolist()
    assert placed.columns == placement.columns_used <= placement.array.columns
    for phase in placement.presets:
        assert len(set(phase.states)) == 1 or placement.array.bipolar_presets
    original = [program.instructions[i] for i in placement.order]
    assert [gate for gate, _, _ in original] == [gate for gate, _, _ in placed.instructions]
    assert sorted(placement.order) == list(range(program.num_gates))
    return phases


@settings(deadline=None, derandomize=True, max_examples=80)
@given(oracle.programs(max_gates=30), st.integers(0, 6), st.booleans())
def test_random_programs_run_from_their_text(p, extra, bipolar):
    program = as_program(p)
    array = cram.Array(columns=cram.place(program).columns_used + extra, bipolar_presets=bipolar)
    for options in OPTIONS:
        phases = check(program, cram.place(program, array, **options))
        if options["presets"] == "per_gate":
            assert phases == program.num_gates


@settings(deadline=None, derandomize=True, max_examples=150)
@given(oracle.programs(max_gates=7), st.integers(0, 3))
def test_the_number_of_phases_is_the_least_of_all(p, extra):
    program = as_program(p)
    columns = cram.place(program).columns_used + extra
    for bipolar in (False, True):
        array = cram.Array(columns=columns, bipolar_presets=bipolar)
        least = schedule.least_phases(
            p.instructions, results(program), columns - sources(program), not bipolar
        )
        assert cram.place(program, array, presets="ganged").preset_phases == least


@settings(deadline=None, derandomize=True, max_examples=60)
@given(oracle.programs(max_gates=30))
def test_compact_order_is_never_worse_and_more_columns_never_cost_phases(p):
    program = as_program(p)
    written, compact = (cram.place(program, order=order) for order in ("as_written", "compact"))
    assert compact.columns_used <= written.columns_used
    before = None
    for extra in range(6):
        array = cram.Array(columns=written.columns_used + extra)
        phases = cram.place(program, array, presets="ganged").preset_phases
        assert phases >= cram.place(program, array, presets="ganged", order="compact").preset_phases
        assert before is None or phases <= before
        before = phases


@pytest.mark.parametrize(
    ("program", "columns", "phases", "compact"),
    [
        (circuits.multiplier(8), 41, 100, 57),
        (circuits.multiplier(8), 64, 20, 18),
        (circuits.multiplier(8), 1024, 1, 1),
        (circuits.dot(64, 4, 4), 588, 440, 374),
        (circuits.dot(64, 4, 4), 1024, 27, 27),
        (circuits.multiplier(8, full_adder="maj5_buf"), 42, 61, 44),
    ],
)
def test_circuits_need_so_many_phases(program, columns, phases, compact):
    """Measured once; per_gate needs one for each of 600 (360) and 12,733 gates."""
    array = cram.Array(columns=columns)
    assert check(program, cram.place(program, array, presets="ganged"), lanes=3) == phases
    again = cram.place(program, array, presets="ganged", order="compact")
    assert check(program, again, lanes=3) <= compact


def test_compact_order_makes_the_multiplier_narrower():
    program = circuits.multiplier(8)
    assert cram.place(program, order="compact").columns_used <= 35 < cram.place(program).columns_used == 41


def test_a_program_that_only_fits_in_compact_order_is_placed():
    array = cram.Array(columns=36)
    assert check(circuits.multiplier(8), cram.place(circuits.multiplier(8), array, order="compact")) == 600
    with pytest.raises(InvalidArgument, match=r"^array\.columns = 36: the program needs 41 columns, 5 more"):
        cram.place(circuits.multiplier(8), array)
    with pytest.raises(InvalidArgument, match=r"^array\.columns = 30: the program needs 41 columns, 11 more"):
        cram.place(circuits.multiplier(8), cram.Array(columns=30), order="compact")


def test_long_programs_of_two_directions_are_ganged_by_rules():
    """Beyond the exact search: still valid, at least the phases that bipolar presets need, at most twice."""
    program = circuits.dot(300, 3, 3, full_adder="maj5_not", and_gate="and2")
    columns = 1900 + 500
    placement = cram.place(program, cram.Array(columns=columns), presets="ganged")
    assert program.num_gates * (columns - sources(program)) ** 2 > 1e9
    phases = check(program, placement, lanes=2)
    both = cram.place(program, cram.Array(columns=columns, bipolar_presets=True), presets="ganged")
    assert both.preset_phases <= phases <= 2 * both.preset_phases


@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(o.values()))
def test_ideal_results_are_the_same_and_noise_is_too(options):
    """As written, bit for bit; reordered, gate by gate within 5 sigma of the table."""
    program = circuits.multiplier(4, full_adder="maj5_not")
    placement = cram.place(program, cram.Array(columns=40), **options)
    rng = np.random.default_rng(0)
    values = {port.name: rng.integers(0, 16, 200_000) for port in program.inputs}
    np.testing.assert_array_equal(
        cram.simulate(program, values)["product"], cram.simulate(placement.program, values)["product"]
    )
    before, after = (
        cram.simulate(p, values, GATES, seed=3, activity=True) for p in (program, placement.program)
    )
    if options["order"] == "as_written":
        np.testing.assert_array_equal(before["product"], after["product"])
        np.testing.assert_array_equal(before.activity.flips, after.activity.flips)
    for i, (gate, _, _) in enumerate(placement.program.instructions):
        for k, p in enumerate(GATES[gate].error):
            lanes, flips = after.activity.lanes[i, k], after.activity.flips[i, k]
            assert abs(flips - lanes * p) <= 5 * np.sqrt(lanes * p * (1 - p)) + 5
    exact = values["a"] * values["b"]
    wrong = [float(np.mean(run["product"] != exact)) for run in (before, after)]
    assert abs(wrong[0] - wrong[1]) < 5 * np.sqrt(2 * 0.25 / 200_000)


def test_ganged_presets_save_time_and_not_presets():
    program = circuits.multiplier(8)
    single, ganged = (
        cram.cost(cram.place(program, presets=presets), GATES) for presets in ("per_gate", "ganged")
    )
    assert (single.preset_phases, ganged.preset_phases) == (600, 1)
    assert (single.presets, ganged.presets) == (600, 600)
    assert (single.steps, ganged.steps) == (1200, 601)
    assert ganged.latency == pytest.approx(single.latency * 601 / 1200)
    assert ganged.energy_gates == pytest.approx(single.energy_gates, rel=1e-12)


def test_a_phase_prints_what_it_writes():
    array = cram.Array(bipolar_presets=True)
    placement = cram.place(circuits.full_adder("maj5_not"), array, presets="ganged")
    assert str(placement.presets[0]) == "preset P 4,5 AP 3,6"
    assert placement.presets[0] == cram.PresetPhase(
        0, (3, 4, 5, 6), (cram.State.AP, cram.State.P, cram.State.P, cram.State.AP)
    )
    assert placement.preset_phases == 1


def test_a_program_without_gates_has_no_steps():
    for options in OPTIONS:
        placement = cram.place(cram.Program(2, [], {"x": [1]}, {"y": [1]}), **options)
        assert (placement.to_text(), placement.presets, placement.preset_phases) == ("", (), 0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: cram.place(circuits.dot(64, 4, 4), cram.Array(columns=512), presets="ganged"),
            "array.columns = 512: the program needs 588 columns, 76 more than the array has",
        ),
        (
            lambda: cram.place(circuits.adder(2), allocate="round"),
            "allocate = 'round' is not one of lowest, level",
        ),
        (lambda: cram.place(circuits.adder(2), order=1), "order = 1 is not one of as_written, compact"),
        (lambda: cram.Array(bipolar_presets=2), "bipolar_presets = 2 is not one of False, True"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidArgument, match=f"^{re.escape(message)}$"):
        call()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.toml", "rows = 3\ncolours = 4", "{path}: name = 'colours' is not one of rows, columns, "),
        ("a.json", '{"rows": 0}', "{path}: rows = 0 is below 1"),
        ("a.json", "[1]", "{path} holds a list, not names and values"),
        ("a.toml", "rows =", "{path} cannot be read (Invalid value"),
        ("a.json", "{", "{path} cannot be read (Expecting property name"),
        ("a.txt", "", "path = '.txt' is not one of .toml, .json"),
        ("a.toml", None, "{path} cannot be read ([Errno 2]"),
        ("a.toml", 'read_energy = "x"', "{path}: read_energy = 'x' is not a number"),
    ],
)
def test_bad_files_are_named(tmp_path, name, text, message):
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(InvalidArgument) as caught:
        cram.Array.from_file(path)
    assert str(caught.value).startswith(message.format(path=path))


@pytest.mark.parametrize("text", ["rows = 12\nwrite_energy = 1e-15", '{"rows": 12, "write_energy": 1e-15}'])
def test_an_array_comes_from_a_file(tmp_path, text):
    path = tmp_path / ("a.json" if text.startswith("{") else "a.toml")
    path.write_text(text)
    assert cram.Array.from_file(path) == cram.Array(rows=12, write_energy=1e-15)
    assert cram.Array.from_file(str(path)).columns == 1024
