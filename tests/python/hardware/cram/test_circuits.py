"""Circuits without errors equal integer arithmetic (numpy) for all inputs; gates as specified."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal.errors import InvalidArgument
from nonideal.hardware import cram
from nonideal.hardware.cram import circuits

DESIGNS = ("nand9", "maj5_buf", "maj5_not", "min5")
AND_GATES = ("nand_not", "and2")
design = pytest.mark.parametrize("design", DESIGNS)
and_gate = pytest.mark.parametrize("and_gate", AND_GATES)


def all_pairs(bits_a: int, bits_b: int) -> dict[str, np.ndarray]:
    lane = np.arange(1 << (bits_a + bits_b))
    return {"a": lane % (1 << bits_a), "b": lane >> bits_a}


@design
def test_full_adders_for_all_inputs(design):
    lane = np.arange(8)
    values = {"a": lane & 1, "b": lane >> 1 & 1, "c": lane >> 2}
    result = cram.simulate(circuits.full_adder(design), values)
    np.testing.assert_array_equal(result["sum"] + 2 * result["carry"], sum(values.values()))


@design
@pytest.mark.parametrize("bits", range(1, 9))
def test_adders_for_all_inputs(design, bits):
    values = all_pairs(bits, bits)
    got = cram.simulate(circuits.adder(bits, full_adder=design), values)["sum"]
    np.testing.assert_array_equal(got, values["a"] + values["b"])


@design
@and_gate
@pytest.mark.parametrize("bits_a", range(1, 9))
def test_multipliers_for_all_inputs(design, and_gate, bits_a):
    for bits_b in range(1, 9):
        values = all_pairs(bits_a, bits_b)
        program = circuits.multiplier(bits_a, bits_b, full_adder=design, and_gate=and_gate)
        assert program.output().bits == bits_a + bits_b - (min(bits_a, bits_b) == 1)
        np.testing.assert_array_equal(cram.simulate(program, values)["product"], values["a"] * values["b"])


@design
@pytest.mark.parametrize("bits", [16, 31, 62])
def test_wide_adders(design, bits):
    rng = np.random.default_rng(bits)
    a, b = rng.integers(0, 1 << bits, (2, 1000))
    a[:2], b[:2] = (1 << bits) - 1, (1, (1 << bits) - 1)
    got = cram.simulate(circuits.adder(bits, full_adder=design), {"a": a, "b": b})["sum"]
    np.testing.assert_array_equal(got, a + b)


@design
@pytest.mark.parametrize(("bits_a", "bits_b"), [(16, 16), (31, 31), (1, 31), (31, 2)])
def test_wide_multipliers(design, bits_a, bits_b):
    rng = np.random.default_rng(bits_a)
    a, b = rng.integers(0, 1 << bits_a, 500), rng.integers(0, 1 << bits_b, 500)
    a[0], b[0] = (1 << bits_a) - 1, (1 << bits_b) - 1
    got = cram.simulate(circuits.multiplier(bits_a, bits_b, full_adder=design), {"a": a, "b": b})["product"]
    np.testing.assert_array_equal(got, a * b)


@settings(deadline=None, derandomize=True, max_examples=120)
@given(
    st.one_of(st.integers(1, 9), st.sampled_from([15, 16, 17, 33])),
    st.integers(1, 5),
    st.integers(1, 5),
    st.sampled_from(["tree", "chain"]),
    st.sampled_from(DESIGNS),
    st.sampled_from(AND_GATES),
    st.integers(0, 99),
)
def test_dot_products(length, bits_x, bits_w, accumulate, design, and_gate, seed):
    """Against numpy; with the largest operands too: the sum then needs every bit of the port, and no more."""
    program = circuits.dot(
        length, bits_x, bits_w, accumulate=accumulate, full_adder=design, and_gate=and_gate
    )
    largest = length * (2**bits_x - 1) * (2**bits_w - 1)
    assert program.output().bits == largest.bit_length()
    rng = np.random.default_rng(seed)
    x, w = rng.integers(0, 1 << bits_x, (70, length)), rng.integers(0, 1 << bits_w, (70, length))
    x[0], w[0] = (1 << bits_x) - 1, (1 << bits_w) - 1
    x[1] = 0
    np.testing.assert_array_equal(cram.simulate(program, {"x": x, "w": w})["y"], (x * w).sum(axis=1))


@pytest.mark.parametrize("accumulate", ["tree", "chain"])
@pytest.mark.parametrize(("bits_x", "bits_w"), [(8, 8), (16, 1), (1, 16), (16, 16)])
def test_wide_dot_products(accumulate, bits_x, bits_w):
    program = circuits.dot(20, bits_x, bits_w, accumulate=accumulate)
    rng = np.random.default_rng(0)
    x, w = rng.integers(0, 1 << bits_x, (100, 20)), rng.integers(0, 1 << bits_w, (100, 20))
    x[0], w[0] = (1 << bits_x) - 1, (1 << bits_w) - 1
    np.testing.assert_array_equal(cram.simulate(program, {"x": x, "w": w})["y"], (x * w).sum(axis=1))


@pytest.mark.parametrize("accumulate", ["tree", "chain"])
def test_every_gate_of_a_dot_product_is_needed(accumulate):
    """Walks back from the outputs."""
    program = circuits.dot(13, 3, 4, accumulate=accumulate)
    needed = set(program.output().columns)
    for _, target, reads in reversed(program.instructions):
        assert target in needed
        needed |= set(reads)


# ---- figures of the specification, section 1.8 ----


@pytest.mark.parametrize(
    ("program", "gates", "counts"),
    [
        (lambda: circuits.full_adder("nand9"), 9, {"NAND2": 9}),
        (lambda: circuits.full_adder("maj5_buf"), 4, {"MIN3": 1, "BUF": 1, "MAJ5": 1, "NOT": 1}),
        (lambda: circuits.full_adder("maj5_not"), 4, {"MAJ3": 1, "NOT": 2, "MAJ5": 1}),
        (lambda: circuits.full_adder("min5"), 5, {"MIN3": 2, "MIN5": 1, "NOT": 2}),
        (lambda: circuits.adder(4), 36, {"NAND2": 36}),
        (lambda: circuits.adder(8), 72, {"NAND2": 72}),
        (lambda: circuits.multiplier(4), 124, None),
        (lambda: circuits.multiplier(8), 600, None),
        (lambda: circuits.dot(64, 4, 4), 12_733, {"NAND2": 11_390, "NOT": 1_343}),
        (lambda: circuits.dot(64, 4, 4, accumulate="chain"), 13_703, None),
    ],
)
def test_gate_counts(program, gates, counts):
    program = program()
    assert program.num_gates == gates
    assert counts is None or program.gate_counts == counts


def test_ports():
    assert [p.name for p in (*circuits.adder(3).inputs, *circuits.adder(3).outputs)] == ["a", "b", "sum"]
    dot = circuits.dot(5, 3, 2)
    assert [(p.name, p.bits, p.length) for p in dot.inputs] == [("x", 3, 5), ("w", 2, 5)]
    assert [(p.name, p.length) for p in dot.outputs] == [("y", None)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: circuits.full_adder("x"), "design = 'x' is not one of nand9, maj5_buf, maj5_not, min5"),
        (
            lambda: circuits.full_adder(["nand9"]),
            "design = ['nand9'] is not one of nand9, maj5_buf, maj5_not, min5",
        ),
        (lambda: circuits.adder(0), "bits = 0 is outside [1, 62]"),
        (lambda: circuits.adder(63), "bits = 63 is outside [1, 62]"),
        (lambda: circuits.adder(1.5), "bits = 1.5 is not an integer"),
        (lambda: circuits.adder(2**40), f"bits = {2**40} is outside [-2^31, 2^31)"),
        (
            lambda: circuits.adder(4, full_adder="x"),
            "full_adder = 'x' is not one of nand9, maj5_buf, maj5_not, min5",
        ),
        (lambda: circuits.multiplier(0), "bits_a = 0 is outside [1, 31]"),
        (lambda: circuits.multiplier(4, 32), "bits_b = 32 is outside [1, 31]"),
        (lambda: circuits.multiplier("4"), "bits_a = '4' is not an integer"),
        (lambda: circuits.multiplier(4, and_gate="x"), "and_gate = 'x' is not one of nand_not, and2"),
        (lambda: circuits.dot(0, 4, 4), "length = 0 is outside [1, 65536]"),
        (lambda: circuits.dot(65_537, 4, 4), "length = 65537 is outside [1, 65536]"),
        (lambda: circuits.dot(2.0, 4, 4), "length = 2.0 is not an integer"),
        (lambda: circuits.dot(4, 17, 4), "bits_x = 17 is outside [1, 16]"),
        (lambda: circuits.dot(4, 4, 0), "bits_w = 0 is outside [1, 16]"),
        (
            lambda: circuits.dot(4, 4, 4, accumulate="x"),
            "accumulate = 'x' is not one of tree, chain, csa, hybrid",
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidArgument, match=f"^{re.escape(message)}$"):
        call()
