"""cram.simulate against a numpy bool interpreter and its documented random numbers; same bits however run."""

import hashlib
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal import _core
from nonideal.errors import InvalidArgument
from nonideal.hardware import cram
from nonideal.hardware.cram import circuits
from oracles import bitexact
from oracles import program as oracle

BLOCK = cram.BLOCK_LANES
LIMITS = _core.cram.SPARSE_LIMIT_UNIFORM, _core.cram.SPARSE_LIMIT_STATE
MULTIPLIER = circuits.multiplier(4)
LIBRARIES = {
    "ideal": cram.GateLibrary.ideal(),
    "sparse, rare": cram.GateLibrary.uniform(1e-5),
    "sparse, uniform": cram.GateLibrary.uniform(1e-2),
    "sparse, many points": cram.GateLibrary.uniform(LIMITS[0]),
    "sparse, by state": cram.GateLibrary.from_errors({"NAND2": (0, 0.0013, 0.0214), "NOT": (0.1, 1e-3)}),
    "dense, uniform": cram.GateLibrary.uniform(0.4),
    "dense, by state": cram.GateLibrary.from_errors({"NAND2": (1, 0.3, 0), "NOT": (1e-4, 0.7)}),
    "mixed": cram.GateLibrary.from_errors({"NAND2": (0.003, 0.3, 0.01), "NOT": (0.05, 0.05)}),
}
libraries = pytest.mark.parametrize("gates", LIBRARIES.values(), ids=LIBRARIES)


def operands(lanes: int, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {"a": rng.integers(0, 16, lanes), "b": rng.integers(0, 16, lanes)}


def cut(values: dict[str, np.ndarray], start: int, stop: int) -> dict[str, np.ndarray]:
    return {name: array[start:stop] for name, array in values.items()}


def as_program(p: oracle.RandomProgram) -> cram.Program:
    return cram.Program(p.columns, p.instructions, p.inputs, p.outputs, p.constants)


def random_values(p: oracle.RandomProgram, lanes: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.integers(0, 1 << len(columns), lanes) for name, columns in p.inputs.items()}


# ---- against the oracles ----


@settings(deadline=None, derandomize=True, max_examples=150)
@given(oracle.programs(), st.integers(1, 200), st.integers(0, 99))
def test_random_programs_without_errors_equal_the_numpy_bool_interpreter(p, lanes, seed):
    values = random_values(p, lanes, seed)
    cells, seen, wrong = oracle.run(p.instructions, p.cells(values, lanes))
    result = cram.simulate(as_program(p), values, activity=True)
    for name, columns in p.outputs.items():
        np.testing.assert_array_equal(result[name], oracle.integer_of(cells, columns), err_msg=name)
    for measured, expected in zip(
        (result.activity.lanes, result.activity.flips), oracle.counts(seen, wrong), strict=True
    ):
        np.testing.assert_array_equal(measured, expected)


@st.composite
def error_tables(draw):
    """A table for every gate: ideal, alike in all states, or by state; sparse and dense."""
    tables = {}
    for gate, n in oracle.FAN_IN.items():
        level = draw(st.sampled_from([0.0, 1e-3, 0.02, 0.12, 0.24, 0.3, 0.8, 1.0]))
        shape = draw(st.sampled_from(["alike", "rising", "one"]))
        if shape == "alike":
            tables[gate] = [level] * (n + 1)
        elif shape == "rising":
            tables[gate] = [level * k / n for k in range(n + 1)]
        else:
            tables[gate] = [level if k == n else 0.0 for k in range(n + 1)]
    return tables


@settings(deadline=None, derandomize=True, max_examples=40)
@given(
    oracle.programs(max_gates=8),
    error_tables(),
    st.integers(1, 5000),
    st.sampled_from([0, 1, 63, 4095, 4096, 12345, 2**44 + 777]),
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**32 - 1),
)
def test_noisy_bits_are_those_of_the_documented_random_numbers(p, tables, lanes, first_lane, seed, stream):
    """Oracle: `oracles.bitexact`, written from the header."""
    values = random_values(p, lanes, 1)
    flips = bitexact.flips(tables.__getitem__, seed=seed, limits=LIMITS, stream=stream, first_lane=first_lane)
    cells, seen, wrong = oracle.run(p.instructions, p.cells(values, lanes), flips)
    result = cram.simulate(
        as_program(p),
        values,
        cram.GateLibrary.from_errors(tables),
        seed=seed,
        stream=stream,
        first_lane=first_lane,
        activity=True,
    )
    for name, columns in p.outputs.items():
        np.testing.assert_array_equal(result[name], oracle.integer_of(cells, columns), err_msg=name)
    lanes_seen, flipped = oracle.counts(seen, wrong)
    np.testing.assert_array_equal(result.activity.lanes, lanes_seen)
    np.testing.assert_array_equal(result.activity.flips, flipped)


@pytest.mark.parametrize(
    "error",
    [(0.249, 0.249, 0.249), (0.251, 0.251, 0.251), (0.0, 0.02, 0.1249), (0.125, 1e-7, 0.03), (0.2, 1e-10, 1)],
    ids=str,
)
def test_noisy_bits_of_longer_runs_equal_the_oracle(error):
    """Oracle: `oracles.bitexact`; many gates and blocks, so that rare cases come up."""
    lanes, first_lane = 4 * BLOCK, 3 * BLOCK + 5
    program = circuits.adder(4)
    values = operands(lanes)
    cells = dict(enumerate(np.concatenate([oracle.bits_of(v, 4) for v in values.values()])))
    cells |= {column: np.full(lanes, bool(bit)) for column, bit in program.constants.items()}
    flips = bitexact.flips(lambda _: error, seed=3, limits=LIMITS, first_lane=first_lane)
    end, _, _ = oracle.run(program.instructions, cells, flips)
    gates = cram.GateLibrary.from_errors({"NAND2": error})
    result = cram.simulate(program, values, gates, seed=3, first_lane=first_lane)
    np.testing.assert_array_equal(result["sum"], oracle.integer_of(end, program.output().columns))


def test_fan_out_shares_the_stored_wrong_bit():
    """Two readers of a wrong cell see the same wrong bit: closed form, both outputs equal in every lane."""
    program = cram.Program(
        4,
        [("BUF", 1, (0,)), ("NOT", 2, (1,)), ("NOT", 3, (1,))],
        {"x": [0]},
        {"stored": [1], "left": [2], "right": [3]},
    )
    gates = cram.GateLibrary.from_errors({"BUF": (0.3, 0.3), "NOT": (0, 0)})
    result = cram.simulate(program, {"x": np.zeros(100_000, dtype=int)}, gates, seed=5)
    assert 29_000 < result["stored"].sum() < 31_000
    np.testing.assert_array_equal(result["left"], 1 - result["stored"])
    np.testing.assert_array_equal(result["right"], 1 - result["stored"])


def test_certain_errors_give_the_complement():
    """eps = 1 is the complement of every gate."""
    for gate, n in oracle.FAN_IN.items():
        program = cram.Program(n + 1, [(gate, n, range(n))], {"x": list(range(n))}, {"y": [n]})
        x = np.arange(1 << n)
        right = cram.simulate(program, {"x": x}, cram.GateLibrary.uniform(0.0))["y"]
        wrong = cram.simulate(program, {"x": x}, cram.GateLibrary.uniform(1.0))["y"]
        np.testing.assert_array_equal(right + wrong, 1, err_msg=gate)


# ---- the same bits however the run is cut ----


@libraries
@pytest.mark.parametrize("lanes", [0, 1, 63, 64, 65, 4095, 4096, 4097, 10_000])
def test_any_number_of_lanes_is_the_beginning_of_a_longer_run(gates, lanes):
    """The prefix property; padding bits of planes are zero."""
    values = operands(20_000)
    longer = cram.simulate(MULTIPLIER, values, gates, seed=11)["product"]
    shorter = cram.simulate(MULTIPLIER, cut(values, 0, lanes), gates, seed=11)
    assert shorter.lanes == lanes
    assert shorter["product"].dtype == np.int64
    np.testing.assert_array_equal(shorter["product"], longer[:lanes])
    planes = cram.simulate(MULTIPLIER, cut(values, 0, lanes), gates, seed=11, outputs="planes")["product"]
    assert planes.words.shape == (8, -(-lanes // 64))  # and BitPlanes refuses set bits beyond the last lane
    np.testing.assert_array_equal(planes.unpack(8), longer[:lanes])


@libraries
def test_threads_and_tiles_do_not_matter(gates):
    values = operands(7 * BLOCK + 100)
    run = {"seed": 12, "first_lane": 1000, "activity": True}
    expected = cram.simulate(MULTIPLIER, values, gates, num_threads=1, tile_lanes=BLOCK, **run)
    for num_threads in (1, 2, 3, 7):
        for blocks in (None, 1, 2, 4, 16, 40):
            tile = None if blocks is None else blocks * BLOCK
            got = cram.simulate(MULTIPLIER, values, gates, num_threads=num_threads, tile_lanes=tile, **run)
            np.testing.assert_array_equal(got["product"], expected["product"])
            np.testing.assert_array_equal(got.activity.lanes, expected.activity.lanes)
            np.testing.assert_array_equal(got.activity.flips, expected.activity.flips)


@pytest.mark.parametrize("num_threads", [1, 2, 7])
def test_threads_do_not_matter_where_there_is_enough_work_for_all_of_them(num_threads):
    """2^20 lanes of 124 gates are more than the kernel's least share for each of 7 threads."""
    gates = LIBRARIES["mixed"]
    words = _core.cram.uniform_planes(1, 0, 0, 1 << 20, 8, 0)
    inputs = {"a": cram.BitPlanes(words[:4], 1 << 20), "b": cram.BitPlanes(words[4:], 1 << 20)}
    for first_lane, digest in ((0, "aligned"), (77, "unaligned")):
        result = cram.simulate(
            MULTIPLIER,
            inputs,
            gates,
            seed=1,
            first_lane=first_lane,
            outputs="planes",
            num_threads=num_threads,
        )
        _once(digest, hashlib.sha256(result["product"].words).hexdigest())


_seen: dict[str, str] = {}


def _once(name: str, value: str) -> None:
    assert _seen.setdefault(name, value) == value


@libraries
@pytest.mark.parametrize("edges", [(0, 4096, 8192), (0, 1, 64, 65, 4095, 4097, 9000), (0, 100, 5000, 12_287)])
def test_shards_equal_the_whole(gates, edges):
    """Cut anywhere, aligned to words and blocks or not; the activities of the shards add up."""
    lanes = 12_345
    values = operands(lanes)
    whole = cram.simulate(MULTIPLIER, values, gates, seed=13, activity=True)
    shards = [
        cram.simulate(
            MULTIPLIER,
            cut(values, start, stop),
            gates,
            seed=13,
            first_lane=start,
            activity=True,
            num_threads=3,
        )
        for start, stop in zip(edges, (*edges[1:], lanes), strict=True)
    ]
    np.testing.assert_array_equal(np.concatenate([s["product"] for s in shards]), whole["product"])
    for name in ("lanes", "flips"):
        np.testing.assert_array_equal(
            sum(getattr(s.activity, name) for s in shards), getattr(whole.activity, name), err_msg=name
        )


@settings(deadline=None, derandomize=True, max_examples=80)
@given(st.data())
def test_shared_operands_equal_their_repetition(data):
    """BitPlanes with repeat and entries against the same values written out (numpy.repeat and tile)."""
    lanes = data.draw(st.integers(1, 9000), "lanes")
    first_lane = data.draw(st.sampled_from([0, 1, 63, 64, 100, 4095, 4096, 8191]), "first_lane")
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    shared, explicit = {}, {}
    for name in "ab":
        repeat = data.draw(st.one_of(st.integers(1, 5), st.integers(1, 200), st.just(10**6)), "repeat")
        entries = data.draw(
            st.one_of(st.integers(1, 5), st.integers(1, 200), st.integers(1, 9000)), "entries"
        )
        values = rng.integers(0, 16, entries)
        shared[name] = cram.BitPlanes(cram.pack(values, 4).words, lanes, repeat=repeat, entries=entries)
        explicit[name] = values[np.arange(lanes) // repeat % entries]
        np.testing.assert_array_equal(shared[name].unpack(4), values)
    run = {"gates": LIBRARIES["mixed"], "seed": 14, "first_lane": first_lane}
    got = cram.simulate(MULTIPLIER, shared, **run, num_threads=2, tile_lanes=BLOCK)["product"]
    np.testing.assert_array_equal(got, cram.simulate(MULTIPLIER, explicit, **run)["product"])


def test_repeat_without_entries_has_an_entry_for_every_lane():
    words = cram.pack(np.arange(10), 4).words
    result = cram.simulate(
        circuits.adder(4),
        {"a": cram.BitPlanes(words, 10, repeat=3), "b": np.zeros(10, dtype=int)},
    )
    np.testing.assert_array_equal(result["sum"], np.arange(10) // 3)


def test_the_last_lanes_of_the_number_space():
    values = operands(200)
    far = 2**52 - 200
    whole = cram.simulate(MULTIPLIER, values, LIBRARIES["mixed"], seed=1, first_lane=far)["product"]
    tail = cram.simulate(MULTIPLIER, cut(values, 150, 200), LIBRARIES["mixed"], seed=1, first_lane=far + 150)
    np.testing.assert_array_equal(tail["product"], whole[150:])
    near = cram.simulate(MULTIPLIER, values, LIBRARIES["mixed"], seed=1)["product"]
    assert (near != whole).any()


ISA_SCRIPT = """
import hashlib
import numpy as np
from nonideal import _core
from nonideal.hardware import cram
from nonideal.hardware.cram import circuits

print(_core.active_isa())
rng = np.random.default_rng(0)
digest = hashlib.sha256()
for design in ("nand9", "maj5_buf", "maj5_not", "min5"):
    program = circuits.multiplier(4, full_adder=design, and_gate="and2")
    for error in (lambda n: [0.0] * n, lambda n: [1e-4] * n, lambda n: [0.2] * n, lambda n: [0.4] * n,
                  lambda n: [0.1 * k / n for k in range(n)], lambda n: [0.9 * k / n for k in range(n)]):
        gates = cram.GateLibrary.from_errors({name: error(g.fan_in + 1) for name, g in cram.GATES.items()})
        values = {name: rng.integers(0, 16, 20_000) for name in "ab"}
        result = cram.simulate(program, values, gates, seed=9, first_lane=333, activity=True)
        for array in (result["product"], result.activity.lanes, result.activity.flips):
            digest.update(array.tobytes())
for name, gate in cram.GATES.items():
    n = gate.fan_in
    program = cram.Program(n + 1, [(name, n, range(n))], {"x": list(range(n))}, {"y": [n]})
    digest.update(cram.simulate(program, {"x": np.arange(1 << n)})["y"].tobytes())
print(digest.hexdigest())
"""


def run_with_isa(isa: str | None) -> list[str]:
    environment = {k: v for k, v in os.environ.items() if k != "NONIDEAL_ISA"}
    if isa is not None:
        environment["NONIDEAL_ISA"] = isa
    run = subprocess.run(
        [sys.executable, "-c", ISA_SCRIPT], env=environment, capture_output=True, text=True, check=True
    )
    return run.stdout.split()


@pytest.mark.parametrize("isa", ["baseline", "avx2", "avx512"])
def test_instruction_sets_give_the_same_bits(isa):
    if isa not in _core.available_isas():
        pytest.skip(f"this processor has no {isa}")
    active, digest = run_with_isa(isa)
    assert active == isa
    _once("isa", digest)


def test_two_python_threads_at_once_give_the_bits_of_one():
    values = operands(100_000)

    def run(seed: int) -> np.ndarray:
        return cram.simulate(MULTIPLIER, values, LIBRARIES["mixed"], seed=seed, num_threads=2)["product"]

    alone = [run(seed) for seed in range(8)]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(run, range(8)))
    for one, two in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, two)


# ---- what the result says ----


def test_activity_adds_up():
    """Every gate sees every lane once, in states that it can have."""
    gates = cram.GateLibrary.uniform(0.05)
    program = circuits.multiplier(4, full_adder="maj5_buf")
    result = cram.simulate(program, operands(5001), gates, seed=1, first_lane=17, activity=True)
    assert result.activity.lanes.shape == result.activity.flips.shape == (program.num_gates, 6)
    assert result.activity.lanes.dtype == result.activity.flips.dtype == np.int64
    np.testing.assert_array_equal(result.activity.lanes.sum(axis=1), 5001)
    assert (result.activity.flips <= result.activity.lanes).all()
    for (gate, _, _), lanes in zip(program.instructions, result.activity.lanes, strict=True):
        assert not lanes[cram.GATES[gate].fan_in + 1 :].any()


def test_activity_does_not_change_the_bits():
    values, gates = operands(5000), LIBRARIES["mixed"]
    plain = cram.simulate(MULTIPLIER, values, gates, seed=4)
    counted = cram.simulate(MULTIPLIER, values, gates, seed=4, activity=True)
    assert plain.activity is None
    np.testing.assert_array_equal(plain["product"], counted["product"])


def test_the_drawn_seed_is_reported_and_repeats_the_run():
    values = operands(1000)
    first = cram.simulate(MULTIPLIER, values, LIBRARIES["mixed"])
    again = cram.simulate(MULTIPLIER, values, LIBRARIES["mixed"], seed=first.seed)
    np.testing.assert_array_equal(first["product"], again["product"])
    assert cram.simulate(MULTIPLIER, values).seed != first.seed


def test_the_result_is_a_mapping_of_the_output_ports():
    result = cram.simulate(circuits.full_adder(), {"a": [1, 0], "b": [1, 0], "c": [1, 0]})
    assert list(result) == ["sum", "carry"]
    assert len(result) == 2
    assert {name: values.tolist() for name, values in result.items()} == {"sum": [1, 0], "carry": [1, 0]}
    with pytest.raises(KeyError):
        result["product"]


def test_inputs_of_any_integer_type_and_layout_are_taken_and_left_alone():
    expected = np.array([3, 9, 11])
    b = np.array([2, 4, 5])
    column = np.array([[1, 0], [5, 0], [6, 0]])[:, 0]  # not contiguous
    frozen = np.array([1, 5, 6])
    frozen.flags.writeable = False
    swapped = np.array([1, 5, 6], dtype=">i4")
    for a in [[1, 5, 6], (1, 5, 6), column, frozen, swapped, np.array([6, 5, 1])[::-1]]:
        np.testing.assert_array_equal(cram.simulate(circuits.adder(4), {"a": a, "b": b})["sum"], expected)
    for kind in (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64):
        a = np.array([1, 5, 6], dtype=kind)
        np.testing.assert_array_equal(cram.simulate(circuits.adder(4), {"a": a, "b": b})["sum"], expected)
    bits = cram.simulate(circuits.full_adder(), {"a": [True, False], "b": [1, 0], "c": np.array([0, 1])})
    assert bits["sum"].tolist() == [0, 1]


def test_read_only_planes_are_read_in_place():
    planes = cram.pack([1, 5, 6], 4)
    planes.words.flags.writeable = False
    assert cram.simulate(circuits.adder(4), {"a": planes, "b": planes})["sum"].tolist() == [2, 10, 12]


def test_signed_and_several_word_ports():
    """Two's complement in and out; (lanes, length) in and out."""
    builder = cram.ProgramBuilder()
    words = builder.input("x", 3, length=2, signed=True)
    builder.output("first", words[0], signed=True)
    builder.output("plain", words[0])
    program = builder.build()
    both = cram.Program(
        program.columns,
        program.instructions,
        program.inputs,
        [*program.outputs, cram.Port("all", 3, 2, True, program.inputs[0].columns)],
    )
    x = np.array([[-4, 3], [-1, 0], [2, -3]])
    result = cram.simulate(both, {"x": x})
    np.testing.assert_array_equal(result["first"], x[:, 0])
    np.testing.assert_array_equal(result["plain"], x[:, 0] % 8)
    np.testing.assert_array_equal(result["all"], x)


def test_a_port_of_length_one_has_two_dimensions_in_and_out():
    program = cram.Program(
        2,
        [("NOT", 1, (0,))],
        [cram.Port("x", 1, 1, False, (0,))],
        [cram.Port("y", 1, 1, False, (1,))],
    )
    result = cram.simulate(program, {"x": np.array([[0], [1], [1]])})
    assert result["y"].shape == (3, 1)
    np.testing.assert_array_equal(result["y"], [[1], [0], [0]])


def test_a_program_without_gates_copies_its_inputs():
    program = cram.Program(2, [], {"x": [0, 1]}, {"y": [1, 0], "z": [0]})
    result = cram.simulate(program, {"x": [0, 1, 2, 3]}, cram.GateLibrary.uniform(1.0), activity=True)
    assert result["y"].tolist() == [0, 2, 1, 3]
    assert result["z"].tolist() == [0, 1, 0, 1]
    assert result.activity.lanes.shape == (0, 6)


# ---- refusals ----

ADDER = circuits.adder(2)
A, B = np.array([1, 2]), np.array([0, 3])


def simulate_with(a=A, b=B, **options):
    return cram.simulate(ADDER, {"a": a, "b": b}, **options)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        # operands
        (lambda: simulate_with([1.0, 2.0]), "inputs['a']: dtype float64 is not an integer type"),
        (lambda: simulate_with(np.array([np.nan, 1])), "inputs['a']: dtype float64 is not an integer type"),
        (lambda: simulate_with(None), "inputs['a']: dtype object is not an integer type"),
        (lambda: simulate_with("12"), "inputs['a']: dtype <U2 is not an integer type"),
        (lambda: simulate_with([2**70, 1]), "inputs['a']: dtype object is not an integer type"),
        (lambda: simulate_with(5), "inputs['a']: shape () is not (lanes,)"),
        (lambda: simulate_with([[1], [2]]), "inputs['a']: shape (2, 1) is not (lanes,)"),
        (lambda: simulate_with([0, 4]), "inputs['a'][1] = 4 is outside [0, 3]"),
        (lambda: simulate_with([-1, 0]), "inputs['a'][0] = -1 is outside [0, 3]"),
        (
            lambda: simulate_with(np.array([1, 2**63], dtype=np.uint64)),
            f"inputs['a'][1] = {2**63} is outside [0, 3]",
        ),
        (lambda: simulate_with([1, 2, 3]), "inputs['b'] has 2 lanes, inputs['a'] has 3"),
        (lambda: simulate_with(cram.pack([1], 2)), "inputs['b'] has 2 lanes, inputs['a'] has 1"),
        (lambda: simulate_with(cram.pack([1, 2], 3)), "inputs['a']: expected 2 planes, got 3"),
        (lambda: cram.simulate(ADDER, {"a": A}), "inputs: 'b' is missing; the program's inputs are a, b"),
        (
            lambda: cram.simulate(ADDER, {"a": A, "b": B, "c": B}),
            "inputs['c'] is not one of the program's inputs a, b",
        ),
        (lambda: cram.simulate(ADDER, [A, B]), "inputs: list is not a mapping of port to values"),
        (
            lambda: cram.simulate(circuits.dot(3, 2, 2), {"x": np.zeros((4, 2), dtype=int), "w": A}),
            "inputs['x']: shape (4, 2) is not (lanes, 3)",
        ),
        (
            lambda: cram.simulate(circuits.dot(2, 2, 2), {"x": [[0, 1], [1, 4]], "w": [[0, 0], [0, 0]]}),
            "inputs['x'][1, 1] = 4 is outside [0, 3]",
        ),
        # program and library
        (lambda: cram.simulate("adder", {}), "program: str is not a Program"),
        (
            lambda: cram.simulate(cram.place(ADDER), {}),
            "program: Placement is not a Program; its .program is one",
        ),
        (lambda: simulate_with(gates={"NAND2": (0, 0, 0)}), "gates: dict is not a GateLibrary"),
        (lambda: simulate_with(gates=0.1), "gates: float is not a GateLibrary"),
        (
            lambda: simulate_with(gates=cram.GateLibrary.from_errors({"NOT": (0, 0)})),
            "gates: the library has no NAND2, which the program needs",
        ),
        # options
        (lambda: simulate_with(seed=-1), "seed = -1 is outside [0, 2^64)"),
        (lambda: simulate_with(seed=2**64), f"seed = {2**64} is outside [0, 2^64)"),
        (lambda: simulate_with(seed=1.5), "seed = 1.5 is not an integer"),
        (lambda: simulate_with(stream=-1), "stream = -1 is outside [0, 2^32)"),
        (lambda: simulate_with(stream=2**32), f"stream = {2**32} is outside [0, 2^32)"),
        (lambda: simulate_with(stream=1.0), "stream = 1.0 is not an integer"),
        (lambda: simulate_with(first_lane=-1), "first_lane = -1 is outside [0, 2^52)"),
        (lambda: simulate_with(first_lane=2**52), f"first_lane = {2**52} is outside [0, 2^52)"),
        (lambda: simulate_with(first_lane=2**52 - 1), f"first_lane + lanes = {2**52 - 1} + 2 is above 2^52"),
        (lambda: simulate_with(first_lane="0"), "first_lane = '0' is not an integer"),
        (lambda: simulate_with(tile_lanes=0), "tile_lanes = 0 is below 1"),
        (
            lambda: simulate_with(tile_lanes=4095),
            "tile_lanes = 4095 is no multiple of 4096 (0 means the default)",
        ),
        (lambda: simulate_with(tile_lanes=4096.0), "tile_lanes = 4096.0 is not an integer"),
        (lambda: simulate_with(num_threads=0), "num_threads = 0 is below 1"),
        (lambda: simulate_with(num_threads=-2), "num_threads = -2 is below 1"),
        (lambda: simulate_with(num_threads=1.5), "num_threads = 1.5 is not an integer"),
        (lambda: simulate_with(num_threads=2**40), f"num_threads = {2**40} is outside [-2^31, 2^31)"),
        (lambda: simulate_with(outputs="bits"), "outputs = 'bits' is not one of integers, planes"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidArgument, match=f"^{re.escape(message)}$"):
        call()
