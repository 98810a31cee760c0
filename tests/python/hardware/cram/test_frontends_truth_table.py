"""Truth tables become programs that look them up, for all inputs, in every basis."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal.errors import InvalidArgument
from nonideal.hardware import cram
from nonideal.hardware.cram import circuits
from nonideal.hardware.cram.circuits.logic import BASES

basis = pytest.mark.parametrize("basis", BASES)


def lookup(program: cram.Program) -> np.ndarray:
    return cram.simulate(program, {"x": np.arange(1 << program.inputs[0].bits)})["y"]


tables = st.integers(1, 7).flatmap(
    lambda n: st.lists(st.integers(0, 2**63 - 1) | st.integers(0, 3), min_size=1 << n, max_size=1 << n)
)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(tables, st.sampled_from(sorted(BASES)))
def test_random_tables(table, basis):
    program = circuits.from_truth_table(table, basis=basis)
    assert program.outputs[0].bits == max(max(table).bit_length(), 1)
    np.testing.assert_array_equal(lookup(program), table)
    assert set(program.gate_counts) <= {"NOT", *BASES[basis]}


@settings(deadline=None, derandomize=True, max_examples=30)
@given(tables)
def test_bits_are_a_table_too_and_placed_programs_look_up_the_same(table):
    bits = np.array(table, dtype=np.int64)[:, np.newaxis] >> np.arange(63) & 1
    program = circuits.from_truth_table(bits)
    assert program.outputs[0].bits == 63
    np.testing.assert_array_equal(lookup(program), table)
    placed = cram.place(program, cram.Array(columns=1 << 16)).program
    np.testing.assert_array_equal(lookup(placed), table)


@basis
@pytest.mark.parametrize("number", range(1, 4))
def test_every_function_of_up_to_three_variables(basis, number):
    for function in range(1 << (1 << number)):
        table = [function >> i & 1 for i in range(1 << number)]
        program = circuits.from_truth_table(table, basis=basis)
        np.testing.assert_array_equal(lookup(program), table)


@pytest.mark.parametrize(
    ("function", "bits", "most"),
    [
        (lambda x: (x & 31) + (x >> 5), 10, 250),
        (lambda x: x, 10, 0),  # the inputs' own cells
        (lambda x: 0 * x + 5, 10, 0),  # constants
        (lambda x: np.bitwise_count(x) & 1, 12, 44),  # parity: 11 XORs of 4 NANDs
        (lambda x: np.bitwise_count(x), 10, 220),
        (lambda x: (x & 31) == (x >> 5), 10, 40),
    ],
)
def test_structure_is_found(function, bits, most):
    table = np.asarray(function(np.arange(1 << bits))).astype(np.int64)
    program = circuits.from_truth_table(table)
    np.testing.assert_array_equal(lookup(program), table)
    assert program.num_gates <= most


@pytest.mark.parametrize("name", ["AND2", "OR2", "NAND2", "NOR2"])
def test_a_gate_of_the_basis_is_found(name):
    table = [cram.GATES[name].output(ones) for ones in (0, 1, 1, 2)]
    assert circuits.from_truth_table(table, basis="all").gate_counts == {name: 1}


def test_wide_gates_take_in_what_nobody_else_reads():
    def counts(function):
        table = [function(*(x >> i & 1 for i in range(5))) for x in range(32)]
        return circuits.from_truth_table(table, basis="nand5").gate_counts

    assert counts(lambda a, b, c, d, e: 1 - (a & b & c & d & e)) == {"NAND5": 1}
    assert counts(lambda a, b, c, d, e: 1 - (a & b & c)) == {"NAND3": 1}
    shared = counts(lambda a, b, c, d, e: (a & b) | (a & b & c) << 1)
    assert shared == {"NOT": 2, "NAND2": 2}


def test_outputs_share_gates():
    rng = np.random.default_rng(1)
    bit = rng.integers(0, 2, 256)
    alone = circuits.from_truth_table(bit)
    twice = circuits.from_truth_table(np.stack([bit, bit, 1 - bit], axis=1))
    assert twice.num_gates <= alone.num_gates + 1


def test_twelve_random_variables():
    table = np.random.default_rng(2).integers(0, 16, 4096)
    np.testing.assert_array_equal(lookup(circuits.from_truth_table(table)), table)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint64])
def test_any_integer_type_and_layout(dtype):
    table = np.arange(16, dtype=dtype)[::-2]
    np.testing.assert_array_equal(lookup(circuits.from_truth_table(table)), table)
    bits = np.asfortranarray([[True, False], [False, True]])
    np.testing.assert_array_equal(lookup(circuits.from_truth_table(bits)), [1, 2])


NAMES = "nand, nand5, nor, inverting, and_or, all"


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        ([1, 2, 3], {}, "table: length 3 is not a power of two in [2, 2^20]"),
        ([1], {}, "table: length 1 is not a power of two in [2, 2^20]"),
        ([], {}, "table: length 0 is not a power of two in [2, 2^20]"),
        (np.zeros(2**21, np.uint8), {}, "table: length 2097152 is not a power of two in [2, 2^20]"),
        ([0, -1], {}, f"table[1] = -1 is outside [0, {2**63 - 1}]"),
        (np.array([0, 2**63], np.uint64), {}, f"table[1] = {2**63} is outside [0, {2**63 - 1}]"),
        ([[0, 1], [2, 0]], {}, "table[1, 0] = 2 is outside [0, 1]"),
        ([[0, 1], [-1, 0]], {}, "table[1, 0] = -1 is outside [0, 1]"),
        (np.zeros((2, 0), int), {}, "table: 0 bits a word is outside [1, 63]"),
        (np.zeros((2, 64), int), {}, "table: 64 bits a word is outside [1, 63]"),
        (3, {}, "table: shape () is neither (2^n,) nor (2^n, bits)"),
        (np.zeros((2, 2, 2), int), {}, "table: shape (2, 2, 2) is neither (2^n,) nor (2^n, bits)"),
        ([0.0, 1.0], {}, "table: dtype float64 is not an integer type"),
        ([float("nan"), 1], {}, "table: dtype float64 is not an integer type"),
        (["a", "b"], {}, "table: dtype <U1 is not an integer type"),
        ([0, 2**70], {}, "table: dtype object is not an integer type"),
        ([0, 1], {"basis": "xor"}, f"basis = 'xor' is not one of {NAMES}"),
        ([0, 1], {"basis": None}, f"basis = None is not one of {NAMES}"),
    ],
)
def test_refusals(table, options, message):
    with pytest.raises(InvalidArgument, match=f"^{re.escape(message)}$"):
        circuits.from_truth_table(table, **options)
