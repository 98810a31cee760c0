"""Compiled programs equal integer arithmetic, truth tables and netlists for all inputs."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal.errors import InvalidArgument
from nonideal.hardware import cram
from nonideal.hardware.cram import analysis, circuits
from nonideal.hardware.cram.circuits.logic import BASES
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
    assert (csa.num_gates, tree.num_gates) == (11_188, 12_733)
    assert cram.place(csa).columns_used == 612


def test_the_choice_of_a_full_adder_follows_the_library():
    fit = cram.GateLibrary(cram.device("lv2024_fit"))
    for gates in (fit, cram.GateLibrary.uniform(1e-3), cram.GateLibrary.uniform(0.02)):
        errors = {name: gate.error.tolist() for name, gate in gates.items()}
        best = max(DESIGNS, key=lambda design: oracle.accuracy(design, errors).both)
        assert circuits.choose_full_adder(gates) == best
    assert circuits.choose_full_adder(fit) == "nand9"
    assert circuits.choose_full_adder(cram.GateLibrary.uniform(1e-3)) == "maj5_not"
    assert circuits.choose_full_adder(fit, objective="gates") in ("maj5_buf", "maj5_not")
    only = cram.GateLibrary.from_errors({"MIN3": [0.1] * 4, "MIN5": [0.1] * 6, "NOT": [0.1] * 2})
    assert circuits.choose_full_adder(only) == "min5"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: circuits.popcount(64), "bits = 64 is outside [1, 63]"),
        (lambda: circuits.greater_equal(0), "bits = 0 is outside [1, 62]"),
        (lambda: circuits.subtractor(63), "bits = 63 is outside [1, 62]"),
        (lambda: circuits.xnor_dot(0), "length = 0 is outside [1, 65536]"),
        (lambda: circuits.products(0, 2, 2), "length = 0 is outside [1, 65536]"),
        (lambda: circuits.harden(circuits.full_adder(), [9]), "selected = 9 is outside [0, 9)"),
        (
            lambda: circuits.harden(circuits.full_adder(), voter="nand", scheme="repetition"),
            "voter = 'nand' takes 3 copies, scheme = 'repetition' has 5",
        ),
        (
            lambda: circuits.harden(circuits.full_adder(), scheme="x"),
            "scheme = 'x' is not one of tmr, repetition",
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


@pytest.mark.parametrize(
    ("scheme", "voter"),
    [(scheme, voter) for scheme in ("tmr", "repetition") for voter in ("maj", "min_not")] + [("tmr", "nand")],
)
def test_hardened_programs_compute_the_same(scheme, voter):
    program = cram.place(circuits.multiplier(3)).program
    for selected in ([0, 3, 7], None, range(program.num_gates)):
        hard = circuits.harden(program, selected, scheme=scheme, voter=voter)
        assert circuits.equivalent(program, hard)
    copies, gates = (
        (3, {"maj": 1, "min_not": 2, "nand": 4}) if scheme == "tmr" else (5, {"maj": 1, "min_not": 2})
    )
    hard = circuits.harden(program, [0, 3], scheme=scheme, voter=voter)
    assert hard.num_gates == program.num_gates + 2 * (copies - 1 + gates[voter])


def test_hardening_helps_only_where_the_voter_errs_less():
    builder = cram.ProgramBuilder()
    a, b = (builder.input(name, 1)[0] for name in "ab")
    builder.output("y", [builder.gate("NAND2", a, b)])
    plain = builder.build()
    hard = circuits.harden(plain, [0], voter="maj")
    p, v = 0.05, 1e-3
    good = cram.GateLibrary.from_errors({"NAND2": [p] * 3, "MAJ3": [v] * 4})
    equal = cram.GateLibrary.from_errors({"NAND2": [p] * 3, "MAJ3": [p] * 4})

    def rate(program, gates):
        return analysis.monte_carlo(program, gates, lanes=1 << 20, seed=3).error_rate

    wrong = 3 * p * p * (1 - p) + p**3
    expected = wrong * (1 - v) + (1 - wrong) * v
    got = rate(hard, good)
    assert abs(got.value - expected) < 5 * got.standard_error
    assert got.value < 0.3 * rate(plain, good).value
    assert rate(hard, equal).value > rate(plain, equal).value


def test_the_basis_follows_the_library():
    table = np.random.default_rng(6).integers(0, 16, 1 << 6)
    fit = cram.GateLibrary(cram.device("lv2024_fit"))
    assert circuits.choose_basis(fit) == "nand"
    rates = {
        basis: analysis.monte_carlo(
            circuits.from_truth_table(table, basis=basis), fit, lanes=1 << 14, seed=2
        ).error_rate.value
        for basis in BASES
    }
    assert min(rates, key=rates.__getitem__) == "nand"
    good = cram.GateLibrary.from_errors(
        {"AND2": [1e-6] * 3, "OR2": [1e-6] * 3, "NOT": [1e-6] * 2}, default=0.01
    )
    assert circuits.choose_basis(good) == "and_or"
    nor = cram.GateLibrary.from_errors({"NOR2": [0.1] * 3, "NOT": [0.1] * 2})
    assert circuits.choose_basis(nor, objective="gates") == "nor"


def test_an_adder_chosen_for_the_device_beats_the_textbook_one():
    fit = cram.GateLibrary(cram.device("lv2024_fit"))
    rates = {
        design: analysis.monte_carlo(
            circuits.adder(4, full_adder=design), fit, lanes=1 << 18, seed=4
        ).error_rate
        for design in (circuits.choose_full_adder(fit), "maj5_buf", "maj5_not")
    }
    assert rates["nand9"].value < 0.4 * rates["maj5_buf"].value
    assert rates["nand9"].value < 0.4 * rates["maj5_not"].value


def test_the_voter_follows_the_library():
    """MIN3 and NOT vote best on the device: a program in three copies then errs less, with MAJ3 more."""
    program = circuits.multiplier(4)
    fit = cram.GateLibrary(cram.device("lv2024_fit", tmr=3.0))
    chosen = circuits.harden(program, voter="auto", gates=fit)
    assert chosen == circuits.harden(program, voter="min_not")
    assert circuits.harden(program, voter="auto", gates=cram.GateLibrary.uniform(1e-3)) == circuits.harden(
        program
    )
    plain, hard, textbook = (
        analysis.monte_carlo(p, fit, lanes=1 << 18, seed=1).error_rate.value
        for p in (program, chosen, circuits.harden(program))
    )
    assert 2 * hard < plain < 0.1 * textbook
    with pytest.raises(
        InvalidArgument, match=r"^gates: NoneType is not a GateLibrary; voter = 'auto' needs one$"
    ):
        circuits.harden(program, voter="auto")
