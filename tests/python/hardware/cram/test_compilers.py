"""Compiled programs equal integer arithmetic, truth tables and netlists for all inputs."""

import contextlib
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal.errors import InvalidArgument
from nonideal.hardware import cram
from nonideal.hardware.cram import analysis, circuits
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
    with contextlib.suppress(InvalidArgument):
        assert isinstance(circuits.from_blif("".join(text)), cram.Program)


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
            lambda: circuits.equivalent(circuits.adder(2), circuits.adder(3)),
            "b: its inputs have 6 bits, those of a 4",
        ),
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


def test_equivalence_finds_the_only_difference():
    table = np.zeros(1 << 10, dtype=int)
    other = table.copy()
    other[777] = 1
    a, b = circuits.from_truth_table(table), circuits.from_truth_table(other)
    result = circuits.equivalent(a, b)
    assert not result
    assert result.counterexample == {"x": 777}
    assert result.exhaustive
    same = circuits.equivalent(circuits.multiplier(6), circuits.multiplier(6, full_adder="min5"))
    assert same
    assert (same.patterns, same.counterexample) == (1 << 12, None)
    wide = circuits.equivalent(
        circuits.dot(4, 4, 4), circuits.dot(4, 4, 4, accumulate="csa"), patterns=1 << 12, seed=1
    )
    assert wide
    assert not wide.exhaustive


@pytest.mark.parametrize("scheme", ["tmr", "repetition"])
@pytest.mark.parametrize("voter", ["maj", "min_not", "nand"])
def test_hardened_programs_compute_the_same(scheme, voter):
    if (scheme, voter) == ("repetition", "nand"):
        pytest.skip("a voter of three")
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
    """Exact, by the same enumeration as the choice of a full adder, here over one gate."""
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


@pytest.mark.parametrize(
    "function",
    [
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: a * b,
        lambda a, b: (a & b) | (a ^ 3),
        lambda a, b: ~a,
        lambda a, b: (a << 2) + (b >> 1),
        lambda a, b: (a - b) * (b - 5),
        lambda a, b: a < b,
        lambda a, b: a <= b,
        lambda a, b: (a - 3) > (b - 9),
        lambda a, b: a >= 4,
        lambda a, b: a == b,
        lambda a, b: a != 2 * b,
        lambda a, b: (3 - a) & (b - 2),
        lambda a, b: -a + 7,
    ],
)
def test_traced_functions_equal_python(function):
    program = circuits.trace(function, a=4, b=3)
    values = pairs(4, 3, False)
    got = cram.simulate(cram.place(program).program, values)["y"]
    expected = [int(function(int(a), int(b))) for a, b in zip(values["a"], values["b"], strict=True)]
    assert got.tolist() == expected


def test_traced_selection_and_bits():
    program = circuits.trace(lambda a, b: circuits.select(a > b, a[1:3], b[0]), a=4, b=4)
    values = pairs(4, 4, False)
    a, b = values["a"], values["b"]
    np.testing.assert_array_equal(cram.simulate(program, values)["y"], np.where(a > b, a >> 1 & 3, b & 1))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda a: a / 2, "a traced word has no /"),
        (lambda a: a % 2, "a traced word has no %"),
        (lambda a: 1 if a else 0, "a traced word has no truth value; use circuits.select(condition, a, b)"),
        (lambda a: a + 0.5, "0.5 is neither a traced word nor an integer"),
        (lambda a: a[7], "bit 7 is outside [0, 4)"),
        (lambda a: a << a, "a traced word is shifted by whole numbers in [0, 63]"),
        (lambda a: None, "the function returned NoneType, not a traced word"),
    ],
)
def test_refusals_of_traces(function, message):
    with pytest.raises(InvalidArgument, match=f"^{re.escape(message)}$"):
        circuits.trace(function, a=4)


BASES = {
    "nand": "NAND2",
    "and": "AND2",
    "nor": "NOR2",
    "or": "OR2",
    "min": "MIN3",
    "maj": "MAJ3",
}


@pytest.mark.parametrize(("basis", "gate"), BASES.items())
def test_bases(basis, gate):
    table = np.random.default_rng(5).integers(0, 16, 1 << 7)
    program = circuits.from_truth_table(table, basis=basis)
    assert set(program.gate_counts) == {"NOT", gate}
    np.testing.assert_array_equal(cram.simulate(program, {"x": np.arange(1 << 7)})["y"], table)
    text = circuits.to_blif(circuits.multiplier(3))
    netlist = circuits.from_blif(text, basis=basis)
    assert circuits.equivalent(netlist, circuits.multiplier(3))
    assert circuits.equivalent(
        circuits.from_truth_table([0, 3, 3, 1, 2, 2, 2, 2], basis=basis),
        circuits.from_truth_table([0, 3, 3, 1, 2, 2, 2, 2]),
    )


def test_the_basis_follows_the_library():
    """On the device the NAND is best by far and measured so; where MAJ3 alone is good, it is taken."""
    table = np.random.default_rng(6).integers(0, 16, 1 << 6)
    fit = cram.GateLibrary(cram.device("lv2024_fit"))
    chosen = circuits.from_truth_table(table, basis="auto", gates=fit)
    assert set(chosen.gate_counts) == {"NAND2", "NOT"}
    maj = circuits.from_truth_table(table, basis="maj")

    def rate(program):
        return analysis.monte_carlo(program, fit, lanes=1 << 14, seed=2).error_rate.value

    assert rate(chosen) < rate(maj)
    good = cram.GateLibrary.from_errors({"MAJ3": [1e-6] * 4, "NOT": [1e-6] * 2}, default=0.01)
    assert "MAJ3" in circuits.from_truth_table(table, basis="auto", gates=good).gate_counts
    with pytest.raises(
        InvalidArgument, match=r"^gates: NoneType is not a GateLibrary; basis = 'auto' needs one$"
    ):
        circuits.from_truth_table(table, basis="auto")
    with pytest.raises(
        InvalidArgument, match=r"^basis = 'x' is not one of nand, and, nor, or, min, maj, auto$"
    ):
        circuits.from_truth_table(table, basis="x")


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


expressions = st.recursive(
    st.one_of(st.sampled_from(["a", "b"]), st.integers(-9, 9).map(lambda n: f"({n})")),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "&", "|", "^"]), inner).map(
            lambda t: f"({' '.join(t)})"
        ),
        inner.map(lambda e: f"(~{e})"),
        st.tuples(inner, st.integers(0, 3)).map(lambda t: f"({t[0]} >> {t[1]})"),
    ),
    max_leaves=6,
)


@settings(deadline=None, derandomize=True, max_examples=150)
@given(expressions)
def test_random_traced_expressions(text):
    code = compile(f"a - a + {text}", "expression", "eval")
    program = circuits.trace(lambda a, b: eval(code, {"a": a, "b": b}), a=3, b=2)
    values = pairs(3, 2, False)
    got = cram.simulate(program, values)["y"]
    expected = [eval(code, {"a": int(a), "b": int(b)}) for a, b in zip(values["a"], values["b"], strict=True)]
    assert got.tolist() == expected


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
