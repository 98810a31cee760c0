"""Dot products over several rows. Oracles: numpy integers; `oracles.cost`, lane by lane, for each row."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal.errors import InvalidArgument
from nonideal.hardware import cram
from nonideal.hardware.cram import circuits, split
from oracles import cost as energy_oracle
from oracles import program as oracle

DEVICE = cram.device("today_45nm")
GATES = cram.GateLibrary(DEVICE, criterion="middle")
NOISY = cram.GateLibrary.uniform(1e-3)


def factors(length, lanes, bits_x=4, bits_w=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 1 << bits_x, (lanes, length)), rng.integers(0, 1 << bits_w, (lanes, length))


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    st.integers(1, 60), st.integers(1, 5), st.integers(1, 5), st.integers(60, 200),
    st.sampled_from(["tree", "chain", "csa"]), st.sampled_from(["nand9", "maj5_buf", "maj5_not", "min5"]),
    st.sampled_from(["nand_not", "and2"]), st.sampled_from(["per_gate", "ganged"]),
)  # fmt: skip
def test_chunks_add_up_to_the_integers(
    length, bits_x, bits_w, columns, accumulate, adder, conjunction, presets
):
    dot = cram.split_dot(
        length, bits_x, bits_w, cram.Array(columns=columns),
        accumulate=accumulate, full_adder=adder, and_gate=conjunction, presets=presets,
    )  # fmt: skip
    x, w = factors(length, 9, bits_x, bits_w)
    x[0], w[0] = 2**bits_x - 1, 2**bits_w - 1  # the largest sum
    np.testing.assert_array_equal(dot.run(x, w), (x * w).sum(axis=1))
    words = length
    for stage in dot.stages:
        assert [i for part in stage.parts for i in range(words)[part]] == list(range(words))
        sizes = {part.stop - part.start for part in stage.parts}
        assert sizes == set(stage.placements)
        assert max(sizes) - min(sizes) <= 1
        assert all(placement.columns_used <= columns for placement in stage.placements.values())
        words = len(stage.parts)
    assert words == 1
    assert (dot.combine is None) == (len(dot.chunks) == 1)


@pytest.mark.parametrize("columns", [60, 200, 1024])
def test_the_chunks_are_as_few_as_fit(columns):
    dot = cram.split_dot(200, 4, 4, cram.Array(columns=columns))
    longest = 1
    while longest < 200:
        try:
            cram.place(circuits.dot(longest + 1, 4, 4), cram.Array(columns=columns))
        except InvalidArgument:
            break
        longest += 1
    assert len(dot.chunks) == -(-200 // longest)
    assert dot.chunks == dot.stages[0].parts
    assert [p.columns_used for p in dot.partial] == sorted(
        (p.columns_used for p in dot.partial), reverse=True
    )


def test_one_chunk_is_the_dot_product_itself():
    dot = cram.split_dot(20, 4, 4)
    x, w = factors(20, 500)
    program = cram.place(circuits.dot(20, 4, 4)).program
    expected = cram.simulate(program, {"x": x, "w": w}, NOISY, seed=5)["y"]
    np.testing.assert_array_equal(dot.run(x, w, NOISY, seed=5), expected)
    assert dot.combine is None
    cost, whole = dot.cost(GATES, lanes=500), cram.cost(cram.place(circuits.dot(20, 4, 4)), GATES, lanes=500)
    assert cost == whole


def test_every_row_draws_numbers_of_its_own_and_shards_equal_the_whole():
    dot = cram.split_dot(30, 4, 4, cram.Array(columns=104))
    assert [len(stage.parts) for stage in dot.stages] == [4, 1]
    x, w = factors(30, 5000)
    whole = dot.run(x, w, NOISY, seed=5, stream=3)
    words = []
    for i, part in enumerate(dot.chunks):  # by hand: streams 15, 16, 17, 18; the sum's is 19
        program = dot.stages[0].placement(part).program
        inputs = {"x": x[:, part], "w": w[:, part]}
        words.append(cram.simulate(program, inputs, NOISY, seed=5, stream=15 + i)["y"])
    sums = cram.simulate(dot.combine.program, {"y": np.stack(words, axis=1)}, NOISY, seed=5, stream=19)["y"]
    np.testing.assert_array_equal(whole, sums)
    shards = [
        dot.run(x[lanes], w[lanes], NOISY, seed=5, stream=3, first_lane=lanes.start)
        for lanes in (slice(0, 700), slice(700, 5000))
    ]
    np.testing.assert_array_equal(whole, np.concatenate(shards))
    for threads in (1, 2, 3):
        again = dot.run(x, w, NOISY, seed=5, stream=3, num_threads=threads)
        np.testing.assert_array_equal(whole, again)
    assert np.mean(dot.run(x, w, NOISY, seed=5, stream=4) != whole) > 0.5
    # Equal chunks of equal data err independently: as often alike as chance has it.
    twins = cram.split_dot(16, 4, 4, cram.Array(columns=104))
    x, w = (np.tile(values, 2) for values in factors(8, 20_000))
    assert twins.chunks == (slice(0, 8), slice(8, 16))
    program, exact = twins.partial[0].program, (x * w)[:, :8].sum(axis=1)
    one, two = (
        cram.simulate(program, {"x": x[:, :8], "w": w[:, :8]}, NOISY, seed=1, stream=s)["y"] != exact
        for s in (0, 1)
    )
    both = np.mean(one) * np.mean(two)
    assert abs(np.mean(one & two) - both) < 5 * np.sqrt(both / len(one))


def test_planes_are_read_as_integers_are():
    dot = cram.split_dot(30, 3, 4, cram.Array(columns=104))
    x, w = factors(30, 6, 3, 4)
    shared = cram.pack(w[:2], 4)
    planes = cram.BitPlanes(shared.words, 6, entries=2)  # lanes 0, 2, 4 read w[0]
    result = dot.simulate(cram.pack(x, 3), planes, outputs="planes")
    assert isinstance(result.values, cram.BitPlanes)
    np.testing.assert_array_equal(
        result.values.unpack(len(result.values.words)), (x * w[[0, 1] * 3]).sum(axis=1)
    )
    assert result.lanes == 6
    assert dot.simulate(x, w, seed=9).seed == 9
    assert dot.run(x[:0], w[:0]).shape == (0,)


def recompute(dot, x, w, array):
    """Energy of an ideal run, lane by lane; movement counted bit by bit."""
    gate_energy = {name: gate.energy for name, gate in GATES.items()}
    preset = (DEVICE.preset_energy(cram.State.P), DEVICE.preset_energy(cram.State.AP))
    lanes = len(x)
    gates = presets = periphery = movement = 0.0
    words = None
    for number, stage in enumerate(dot.stages):
        results, widths = [], []
        for part in stage.parts:
            program = stage.placement(part).program
            cells = {column: np.full(lanes, bool(bit)) for column, bit in program.constants.items()}
            for port in program.inputs:
                values = {"x": x, "w": w, "y": words}[port.name][:, part]
                cells |= dict(zip(port.columns, oracle.bits_of(values, port.bits), strict=True))
                energy = lanes * len(port.columns) * array.write_energy
                periphery, movement = (
                    (periphery + energy, movement) if number == 0 else (periphery, movement + energy)
                )
            end, seen, _ = oracle.run(program.instructions, cells)
            stored = [
                oracle.evaluate(gate, operands)
                for (gate, _, _), operands in zip(program.instructions, seen, strict=True)
            ]
            total = energy_oracle.energy(program.instructions, seen, stored, gate_energy, preset)
            gates, presets = gates + total.gates, presets + total.presets
            columns = program.outputs[0].columns
            results.append(oracle.integer_of(end, columns))
            widths.append(len(columns))
        words = np.stack(results, axis=1)
        energy = lanes * sum(widths) * array.read_energy
        last = number == len(dot.stages) - 1
        periphery, movement = (periphery + energy, movement) if last else (periphery, movement + energy)
    np.testing.assert_array_equal(words[:, 0], (x * w).sum(axis=1))
    return gates, presets, periphery, movement


@pytest.mark.parametrize("columns", [70, 130])
def test_energy_is_the_sum_over_rows_lanes_and_gates(columns):
    array = cram.Array(columns=columns, read_energy=3e-15, write_energy=5e-15)
    dot = cram.split_dot(26, 3, 3, array)
    x, w = factors(26, 20, 3, 3)
    run = dot.simulate(x, w, activity=True)
    cost = dot.cost(GATES, lanes=20, activity=run.activity)
    np.testing.assert_allclose(
        [cost.energy_gates, cost.energy_presets, cost.energy_periphery, cost.energy_movement],
        recompute(dot, x, w, array),
        rtol=1e-9,
    )
    assert cost.energy == pytest.approx(sum(recompute(dot, x, w, array)), rel=1e-9)
    assert cost.activity_source == "measured"
    assert cost.neglected == ("cycle_time", "step_energy")


def test_steps_rows_and_movement_are_counted():
    """100 lanes of chunks of 8, 8, 7 and 7 terms, 4 x 4 bits, with sums of 11 bits; arrays of 64 rows."""
    array = cram.Array(rows=64, columns=104, cycle_time=2e-9, step_energy=1e-12)
    dot = cram.split_dot(30, 4, 4, array)
    long, short = dot.partial
    total = dot.combine
    assert [part.stop - part.start for part in dot.chunks] == [8, 8, 7, 7]
    cost = dot.cost(GATES, lanes=100)
    assert cost.gates == 2 * long.program.num_gates + 2 * short.program.num_gates + total.program.num_gates
    assert cost.reads == 4 * 11 + len(total.program.outputs[0].columns)
    assert cost.writes == 30 * 8 + 4 * 11
    # 64 rows of a full array are read; 64 rows of the sums' get 4 words each.
    assert cost.memory_steps == 64 + 4 * 64
    path = 2 * (long.program.num_gates + total.program.num_gates)
    assert cost.steps == path + cost.memory_steps
    assert cost.latency == pytest.approx(cost.steps * (3e-9 + 2e-9))
    assert cost.arrays == 4 + 4  # 200 rows of either length
    assert cost.columns == max(p.columns_used for p in (long, short, total))
    used = 200 * (long.columns_used + short.columns_used)
    assert cost.utilization == pytest.approx(used / (8 * 64 * 104))
    steps = 4 * 2 * (long.program.num_gates + short.program.num_gates) + 2 * 2 * total.program.num_gates
    assert cost.energy_periphery == pytest.approx(steps * 1e-12)
    assert cost.energy_movement == pytest.approx((64 * 8 + 256 * 2) * 1e-12)
    assert cost.activity_source == "uniform inputs"
    assert dot.cost(GATES, lanes=0).energy == 0.0


def test_partial_sums_are_added_pairwise_unless_in_a_chain():
    """32 words: 5 levels of adders or 31 adders in turn."""
    depth = {way: split._sum(32, 225, way, "nand9").depth for way in ("tree", "csa", "chain")}
    assert depth["csa"] == depth["tree"] < depth["chain"] / 2


def test_ganged_presets_reach_every_stage():
    single, ganged = (
        cram.split_dot(30, 4, 4, cram.Array(columns=104), presets=presets).cost(GATES)
        for presets in ("per_gate", "ganged")
    )
    assert ganged.gates == single.gates
    assert ganged.preset_phases < single.preset_phases / 5
    assert ganged.latency < 0.65 * single.latency


SMALL = cram.split_dot(30, 4, 4, cram.Array(columns=104))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: cram.split_dot(9, 4, 4, cram.Array(columns=10)),
            (
                "a chunk of 1 term: array.columns = 10: the program needs 21 columns, 11 more than the array "
                "has"
            ),
        ),
        (
            lambda: cram.split_dot(1000, 4, 4, cram.Array(columns=26)),
            "a sum of 2 words: array.columns = 26: the program needs 28 columns, 2 more than the array has",
        ),
        (lambda: cram.split_dot(0, 4, 4), "length = 0 is below 1"),
        (lambda: cram.split_dot(9, 0, 4), "bits_x = 0 is outside [1, 16]"),
        (lambda: cram.split_dot(9, 4, 17), "bits_w = 17 is outside [1, 16]"),
        (lambda: cram.split_dot(9, 4, 4, 99), "array: int is not an Array"),
        (
            lambda: cram.split_dot(9, 4, 4, accumulate="x"),
            "accumulate = 'x' is not one of tree, chain, csa",
        ),
        (
            lambda: cram.split_dot(784, 4, 4, accumulate="hybrid"),
            "accumulate = 'hybrid' is not one of tree, chain, csa",
        ),
        (lambda: cram.split_dot(9, 4, 4, presets="x"), "presets = 'x' is not one of per_gate, ganged"),
        (
            lambda: SMALL.run(np.zeros((2, 29), int), np.zeros((2, 30), int)),
            "x: shape (2, 29) is not (lanes, 30)",
        ),
        (lambda: SMALL.run(np.zeros((2, 30), int), np.zeros((3, 30), int)), "w has 3 lanes, x has 2"),
        (lambda: SMALL.run(np.full((1, 30), 16), np.zeros((1, 30), int)), "x[0, 0] = 16 is outside [0, 15]"),
        (
            lambda: SMALL.run(cram.pack(np.zeros((1, 30), int), 3), np.zeros((1, 30), int)),
            "x: expected 120 planes, got 90",
        ),
        (
            lambda: SMALL.simulate(np.zeros((1, 30), int), np.zeros((1, 30), int), outputs="x"),
            "outputs = 'x' is not one of integers, planes",
        ),
        (lambda: SMALL.cost(GATES, lanes=-1), "lanes = -1 is below 0"),
        (lambda: SMALL.cost(GATES, activity=()), "activity: 0 stages, but there are 2"),
        (
            lambda: SMALL.cost(cram.GateLibrary.ideal()),
            (
                "gates: the library has no device, so energy and latency are unknown; calibrate one with "
                "GateLibrary(device(...))"
            ),
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidArgument, match=f"^{re.escape(message)}$"):
        call()
