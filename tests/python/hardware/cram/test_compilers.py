"""Compiled programs equal integer arithmetic, truth tables and netlists for all inputs."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal.errors import InvalidArgument
from nonideal.hardware import cram
from nonideal.hardware.cram import circuits
from oracles import adder as oracle

DESIGNS = ("nand9", "maj5_buf", "maj5_not", "min5")


def pairs(bits_a, bits_b, signed):
    lane = np.arange(1 << (bits_a + bits_b))
    a, b = lane % (1 << bits_a), lane >> bits_a
    if signed:
        a, b = a - (a >> (bits_a - 1) << bits_a), b - (b >> (bits_b - 1) << bits_b)
    return {"a": a, "b": b}


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", [1, 2, 3, 4, 6])
def test_sums_differences_comparisons_for_all_inputs(design, signed, bits):
    values = pairs(bits, bits, signed)
    a, b = values["a"], values["b"]
    for make, expected in (
        (circuits.adder, a + b),
        (circuits.subtractor, a - b),
        (circuits.greater_equal, a >= b),
    ):
        program = make(bits, full_adder=design, signed=signed)
        (got,) = cram.simulate(cram.place(program).program, values).values()
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("and_gate", ["nand_not", "and2"])
@pytest.mark.parametrize("bits_a", range(1, 7))
def test_signed_multipliers_for_all_inputs(and_gate, bits_a):
    for bits_b in range(1, 7):
        values = pairs(bits_a, bits_b, True)
        program = circuits.multiplier(bits_a, bits_b, and_gate=and_gate, signed=True)
        assert program.output().bits == bits_a + bits_b
        np.testing.assert_array_equal(cram.simulate(program, values)["product"], values["a"] * values["b"])


@settings(deadline=None, derandomize=True, max_examples=80)
@given(
    st.one_of(st.integers(1, 9), st.sampled_from([15, 16, 33])),
    st.integers(1, 5),
    st.integers(1, 5),
    st.sampled_from(["tree", "chain", "csa", "hybrid"]),
    st.sampled_from(DESIGNS),
    st.booleans(),
)
def test_dot_products(length, bits_x, bits_w, accumulate, design, signed):
    program = circuits.dot(length, bits_x, bits_w, accumulate=accumulate, full_adder=design, signed=signed)
    rng = np.random.default_rng(length)
    low_x, low_w = (-(1 << bits_x - 1), -(1 << bits_w - 1)) if signed else (0, 0)
    x = rng.integers(low_x, low_x + (1 << bits_x), (70, length))
    w = rng.integers(low_w, low_w + (1 << bits_w), (70, length))
    x[:2], w[0], w[1] = low_x, low_w, low_w + (1 << bits_w) - 1
    x[2:4] = low_x + (1 << bits_x) - 1
    w[2], w[3] = low_w, low_w + (1 << bits_w) - 1
    result = cram.simulate(program, {"x": x, "w": w})
    if accumulate == "hybrid":
        assert result["products"].shape == (70, length)
        np.testing.assert_array_equal(result["products"], x * w)
    else:
        np.testing.assert_array_equal(result["y"], (x * w).sum(axis=1))


@pytest.mark.parametrize("bits", range(1, 17))
def test_popcounts_for_all_inputs(bits):
    x = np.arange(1 << bits)
    for design in DESIGNS:
        got = cram.simulate(circuits.popcount(bits, full_adder=design), {"x": x})["count"]
        np.testing.assert_array_equal(got, np.bitwise_count(x))


@pytest.mark.parametrize("m", range(2, 6))
def test_popcount_of_full_words_takes_full_adders_alone(m):
    n = 2**m - 1
    assert circuits.popcount(n).gate_counts == {"NAND2": 9 * (n - m)}


@pytest.mark.parametrize("length", [1, 2, 7, 64, 100])
def test_xnor_dot(length):
    x, w = np.random.default_rng(length).integers(0, 2, (2, 200, length))
    w[0] = x[0]
    got = cram.simulate(circuits.xnor_dot(length), {"x": x, "w": w})["y"]
    np.testing.assert_array_equal(got, (x == w).sum(axis=1))


def test_carry_save_takes_fewer_gates_and_fits_the_array():
    tree, csa = (circuits.dot(64, 4, 4, accumulate=name) for name in ("tree", "csa"))
    assert csa.num_gates < 0.9 * tree.num_gates
    assert cram.place(csa).columns_used <= 600


@settings(deadline=None, derandomize=True, max_examples=150)
@given(st.integers(1, 8), st.integers(1, 6), st.integers(0, 2**31))
def test_random_truth_tables(n, m, seed):
    table = np.random.default_rng(seed).integers(0, 2, (1 << n, m))
    program = circuits.from_truth_table(table)
    word = (table << np.arange(m)).sum(axis=1)
    for candidate in (program, cram.place(program).program):
        np.testing.assert_array_equal(cram.simulate(candidate, {"x": np.arange(1 << n)})["y"], word)


def test_truth_tables_of_regular_functions_stay_small():
    parity = np.bitwise_count(np.arange(1 << 12)).astype(np.int64) & 1
    assert circuits.from_truth_table(parity).num_gates <= 4 * 11 + 1
    assert circuits.from_truth_table([0, 0, 0, 0]).num_gates == 0
    assert circuits.from_truth_table([5, 5]).num_gates == 0


def flat(program, signed=False):
    """Outputs of all inputs, one integer per output bit, whatever the ports are."""
    bits = sum(len(port.columns) for port in program.inputs)
    lane, first, values = np.arange(1 << bits), 0, {}
    for port in program.inputs:
        words = []
        for _ in range(port.length or 1):
            words.append(lane >> first & (1 << port.bits) - 1)
            first += port.bits
        values[port.name] = words[0] if port.length is None else np.stack(words, axis=1)
    result = cram.simulate(program, values, outputs="planes")
    return np.concatenate([planes.words for planes in result.values()])


@pytest.mark.parametrize(
    "make",
    [
        *(lambda d=d: circuits.full_adder(d) for d in DESIGNS),
        lambda: circuits.multiplier(4),
        lambda: cram.place(circuits.multiplier(4, full_adder="min5")).program,
        lambda: circuits.adder(5, full_adder="maj5_buf"),
        lambda: circuits.dot(3, 2, 2, accumulate="csa"),
        lambda: circuits.products(2, 2, 3),
    ],
)
def test_blif_round_trip(make):
    program = make()
    np.testing.assert_array_equal(flat(circuits.from_blif(circuits.to_blif(program))), flat(program))


@pytest.mark.parametrize("gate", cram.GATES)
def test_blif_of_every_gate(gate):
    builder = cram.ProgramBuilder()
    program_inputs = [builder.input(f"x{i}", 1)[0] for i in range(cram.GATES[gate].fan_in)]
    builder.output("y", [builder.gate(gate, *program_inputs)])
    program = builder.build()
    np.testing.assert_array_equal(flat(circuits.from_blif(circuits.to_blif(program))), flat(program))


@settings(deadline=None, derandomize=True, max_examples=150)
@given(st.integers(1, 5), st.integers(0, 2**31))
def test_random_covers(n, seed):
    """Two layers of covers against their meaning, row by row."""
    rng = np.random.default_rng(seed)
    names = [f"x{i}" for i in range(n)]
    lane = np.arange(1 << n)
    bits = {name: lane >> i & 1 for i, name in enumerate(names)}
    lines = []
    for name in ("t", "y"):
        sources = list(bits)
        rows = ["".join(rng.choice(list("01-"), len(sources))) for _ in range(rng.integers(0, 4))]
        value = int(rng.integers(0, 2))
        covered = np.zeros(1 << n, dtype=bool)
        for row in rows:
            match = np.ones(1 << n, dtype=bool)
            for source, bit in zip(sources, row, strict=True):
                match &= (bit == "-") | (bits[source] == (bit == "1"))
            covered |= match
        lines += [" ".join([".names", *sources, "\\\n", name, "# note"]), *(f"{row} {value}" for row in rows)]
        bits[name] = covered.astype(int) if value or not rows else 1 - covered.astype(int)
    text = "\n".join([".model m", ".inputs " + " ".join(names), ".outputs y t", *lines, ".end"])
    result = cram.simulate(circuits.from_blif(text), {name: bits[name] for name in names})
    np.testing.assert_array_equal(result["y"], bits["y"])
    np.testing.assert_array_equal(result["t"], bits["t"])


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.integers(0, 2**31))
def test_mutated_blif_is_read_or_refused(seed):
    rng = np.random.default_rng(seed)
    text = list(circuits.to_blif(circuits.full_adder("maj5_not")))
    for _ in range(rng.integers(1, 8)):
        at = int(rng.integers(len(text)))
        text[at : at + int(rng.integers(0, 4))] = rng.choice(list("01- \n\\#.abnsumx")).item()
    try:
        assert isinstance(circuits.from_blif("".join(text)), cram.Program)
    except InvalidArgument:
        pass


def test_the_choice_of_a_full_adder_follows_the_library():
    fit = cram.GateLibrary(cram.device("lv2024_fit"))
    for gates in (fit, cram.GateLibrary.uniform(1e-3), cram.GateLibrary.uniform(0.02)):
        errors = {name: gate.error.tolist() for name, gate in gates.items()}
        best = max(DESIGNS, key=lambda design: oracle.accuracy(design, errors).both)
        assert circuits.choose_full_adder(gates) == best
    assert circuits.choose_full_adder(fit) == "nand9"
    assert circuits.choose_full_adder(cram.GateLibrary.uniform(1e-3)) == "maj5_buf"
    assert circuits.choose_full_adder(fit, objective="gates") in ("maj5_buf", "maj5_not")
    only = cram.GateLibrary.from_errors({"MIN3": [0.1] * 4, "MIN5": [0.1] * 6, "NOT": [0.1] * 2})
    assert circuits.choose_full_adder(only) == "min5"


MODEL = ".model m\n.inputs a b\n.outputs y\n"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: circuits.popcount(64), "bits = 64 is outside [1, 63]"),
        (lambda: circuits.greater_equal(0), "bits = 0 is outside [1, 62]"),
        (lambda: circuits.subtractor(63), "bits = 63 is outside [1, 62]"),
        (lambda: circuits.xnor_dot(0), "length = 0 is outside [1, 65536]"),
        (lambda: circuits.products(0, 2, 2), "length = 0 is outside [1, 65536]"),
        (lambda: circuits.from_truth_table([0, 1, 1]), "table: 3 entries are not 2^n with n in [1, 20]"),
        (lambda: circuits.from_truth_table([0, -1]), "table: an entry is outside [0, 2^63)"),
        (lambda: circuits.from_truth_table([[0], [2]]), "table: an entry is outside [0, 1]"),
        (lambda: circuits.from_truth_table([0.5, 1.0]), "table: dtype float64 is not an integer type"),
        (lambda: circuits.from_blif(3), "text: int is not a string"),
        (
            lambda: circuits.from_blif(MODEL + ".latch a y 0"),
            "text: line 4: .latch a y 0: latches are not combinational logic",
        ),
        (lambda: circuits.from_blif(MODEL), "text: 'y' is undriven"),
        (lambda: circuits.from_blif(MODEL + ".names c y\n1 1"), "text: 'c' is undriven"),
        (lambda: circuits.from_blif(MODEL + ".names y y\n1 1"), "text: 'y' is part of a cycle"),
        (lambda: circuits.from_blif(MODEL + ".names y\n.names y"), "text: line 5: 'y' is driven twice"),
        (lambda: circuits.from_blif(MODEL + ".names a"), "text: 'a' is an input and driven by .names"),
        (
            lambda: circuits.from_blif(MODEL + ".names a y\n1 1\n0 0"),
            "text: line 6: the cover of 'y' mixes on-set and off-set",
        ),
        (
            lambda: circuits.from_blif(MODEL + ".names a y\n11 1"),
            "text: line 5: '11 1' is not a row of 1 inputs and 0 or 1",
        ),
        (lambda: circuits.from_blif(MODEL + ".model n"), "text: line 4: a second .model; one model is read"),
        (
            lambda: circuits.from_blif(MODEL + ".subckt x"),
            "text: line 4: '.subckt' is not one of .model, .inputs, .outputs, .names, .end",
        ),
        (
            lambda: circuits.choose_full_adder(cram.GateLibrary.from_errors({"NOT": [0, 0]})),
            "gates: no full adder can be made of NOT",
        ),
        (
            lambda: circuits.choose_full_adder(cram.GateLibrary.ideal(), objective="energy"),
            "gates: the library has no device, so energies are unknown",
        ),
        (
            lambda: circuits.choose_full_adder(cram.GateLibrary.ideal(), objective="x"),
            "objective = 'x' is not one of error, energy, gates",
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidArgument, match=f"^{re.escape(message)}$"):
        call()
