"""Exact error analysis against the enumeration of all sets of wrong gates (`oracles.faults`, `.adder`)."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nonideal.errors import InvalidArgument
from nonideal.hardware import cram
from nonideal.hardware.cram import analysis, circuits
from oracles import adder as adder_oracle
from oracles import faults as oracle
from oracles.program import FAN_IN, programs

METRICS = ("error_rate", "mean_error_distance", "mean_squared_error", "bias")
FITTED = {tmr: cram.GateLibrary(cram.device("lv2024_fit", tmr=tmr)) for tmr in (1.09, 2.0, 3.0)}


def random_errors(seed):
    """A random table: some gates never or always err in some state."""
    rng = np.random.default_rng(seed)
    return {
        gate: [
            float(rng.choice([0.0, 1.0, *rng.random(8)])) if rng.random() > 0.2 else 0.0 for _ in range(n + 1)
        ]
        for gate, n in FAN_IN.items()
    }


def built(plain):
    return cram.Program(plain.columns, plain.instructions, plain.inputs, plain.outputs, plain.constants)


SMALL = programs(max_gates=7)


@settings(max_examples=120, deadline=None)
@given(SMALL, st.integers(0, 2**32 - 1), st.data())
def test_distribution_equals_enumeration(plain, seed, data):
    """Programs that overwrite cells and share outputs, random tables: to 1e-10; the sum is 1 to 1e-12."""
    errors = random_errors(seed)
    values = {n: data.draw(st.integers(0, 2 ** len(c) - 1), label=n) for n, c in plain.inputs.items()}
    cells = {c: values[n] >> i & 1 for n, columns in plain.inputs.items() for i, c in enumerate(columns)}
    expected = oracle.distribution(
        plain.instructions, cells | dict(plain.constants), errors, list(plain.outputs.values())
    )
    got = analysis.distribution(built(plain), cram.GateLibrary.from_errors(errors), values)
    assert sum(got.values()) == pytest.approx(1.0, abs=1e-12)
    assert all(p > 0 for p in got.values())
    for key in set(expected) | set(got):
        assert got.get(key, 0.0) == pytest.approx(expected.get(key, 0.0), abs=1e-10)


@settings(max_examples=40, deadline=None)
@given(
    SMALL.filter(lambda p: sum(map(len, p.inputs.values())) <= 5), st.integers(0, 2**32 - 1), st.booleans()
)
def test_exact_equals_enumeration(plain, seed, signed):
    """Every metric, both for all inputs at once and input after input, signed and not."""
    errors = random_errors(seed)
    gates = cram.GateLibrary.from_errors(errors)
    columns = tuple(plain.outputs["y"])
    ports = [cram.Port("y", len(columns), None, signed, columns)]
    inputs = [cram.Port(n, len(c), None, False, tuple(c)) for n, c in plain.inputs.items()]
    program = cram.Program(plain.columns, plain.instructions, inputs, ports, plain.constants)
    flat = [column for words in plain.inputs.values() for column in words]
    expected = oracle.metrics(plain.instructions, flat, plain.constants, errors, columns, signed)
    index = np.arange(2 ** len(flat))
    given_inputs, shift = {}, 0
    for port in inputs:
        given_inputs[port.name] = index >> shift & (2**port.bits - 1)
        shift += port.bits
    for report in (analysis.exact(program, gates), analysis.exact(program, gates, inputs=given_inputs)):
        for name in METRICS:
            estimate = getattr(report, name)
            assert estimate.value == pytest.approx(expected[name], rel=1e-10, abs=1e-10), name
            assert (estimate.standard_error, estimate.samples) == (0.0, None)
        np.testing.assert_allclose(report.bit_error_rate, expected["bit_error_rate"], atol=1e-10)
        assert report.worst_error_distance == expected["worst_error_distance"]
        relative = report.mean_relative_error_distance
        assert (relative is None) == (expected["mean_relative_error_distance"] is None)
        if relative is not None:
            assert relative.value == pytest.approx(expected["mean_relative_error_distance"], abs=1e-10)
        assert (report.samples, report.seed) == (None, None)


@pytest.mark.parametrize("design", adder_oracle.DESIGNS)
@pytest.mark.parametrize("bits", [1, 4, 11, 14])
@pytest.mark.parametrize("error", [1e-12, 1e-3, 0.3])
def test_adders_equal_the_transfer_matrix(design, bits, error):
    """Up to 4 bits input after input, from 11 bits on all 2^22 or more inputs at once."""
    expected = adder_oracle.metrics(bits, design, adder_oracle.uniform(error))
    report = analysis.exact(circuits.adder(bits, full_adder=design), cram.GateLibrary.uniform(error))
    for name in METRICS:
        assert getattr(report, name).value == pytest.approx(getattr(expected, name), rel=1e-9), name
    assert report.worst_error_distance == expected.worst_error_distance
    assert report.ned_divisor_value == 2 * (2**bits - 1)
    assert report.normalized_error_distance.value == pytest.approx(
        expected.mean_error_distance / (2 * (2**bits - 1)), rel=1e-9
    )


@pytest.mark.parametrize("design", adder_oracle.DESIGNS)
@pytest.mark.parametrize("tmr", [1.09, 2.0, 3.0])
def test_adders_of_the_fitted_device_equal_the_transfer_matrix(design, tmr):
    errors = {name: gate.error.tolist() for name, gate in FITTED[tmr].items()}
    expected = adder_oracle.metrics(5, design, errors)
    report = analysis.exact(circuits.adder(5, full_adder=design), FITTED[tmr])
    for name in METRICS:
        assert getattr(report, name).value == pytest.approx(getattr(expected, name), rel=1e-9), name


@pytest.mark.parametrize(("error", "distance"), [(1e-2, 1.2558), (1e-3, 0.13733), (1e-4, 0.013861)])
def test_four_bit_adder_of_the_specification(error, distance):
    report = analysis.exact(circuits.adder(4), cram.GateLibrary.uniform(error))
    assert report.mean_error_distance.value == pytest.approx(distance, rel=5e-5)


def both_right(design, gates):
    """P(sum and carry right), over the 8 inputs."""
    total = 0.0
    for a, b, c in np.ndindex(2, 2, 2):
        pmf = analysis.distribution(circuits.full_adder(design), gates, {"a": a, "b": b, "c": c})
        total += pmf.get(((a + b + c) & 1, (a + b + c) >> 1), 0.0) / 8
    return total


@pytest.mark.parametrize(
    ("design", "tmr", "sum_", "carry", "both"),
    [
        ("nand9", 1.09, 0.9439, 0.9718, 0.9327),
        ("maj5_buf", 1.09, 0.544, 0.876, 0.506),
        ("maj5_not", 1.09, None, None, 0.445),
        ("min5", 1.09, None, None, 0.540),
        ("nand9", 2.0, None, None, 0.99788),
        ("maj5_buf", 2.0, None, None, 0.5606),
        ("min5", 2.0, None, None, 0.6685),
        ("nand9", 3.0, None, None, 0.99990),
        ("maj5_buf", 3.0, None, None, 0.5765),
        ("min5", 3.0, None, None, 0.7457),
    ],
)
def test_full_adders_of_the_specification(design, tmr, sum_, carry, both):
    """Section 2, to one unit of the last digit."""
    program = circuits.full_adder(design)
    got = [
        1 - analysis.exact(program, FITTED[tmr], output=port).error_rate.value for port in ("sum", "carry")
    ]
    for value, expected in zip((*got, both_right(design, FITTED[tmr])), (sum_, carry, both), strict=True):
        assert expected is None or value == pytest.approx(expected, abs=10 ** -(len(str(expected)) - 2))


@pytest.mark.parametrize(("design", "both"), [("nand9", 0.992165), ("maj5_buf", 0.996256)])
def test_full_adders_at_uniform_error(design, both):
    assert both_right(design, cram.GateLibrary.uniform(1e-3)) == pytest.approx(both, abs=5e-7)


def test_a_wrong_bit_is_the_same_for_all_its_readers():
    """XOR of a cell with its copy: a wrong cell is wrong twice, so only the copy's own error shows."""
    program = cram.Program(
        5,
        [("BUF", 1, (0,)), ("NOT", 2, (1,)), ("NOT", 3, (1,)), ("NAND2", 4, (2, 3))],
        {"x": [0]},
        {"y": [4], "z": [2]},
    )
    gates = cram.GateLibrary.from_errors({"BUF": (0.3, 0.3), "NOT": (0, 0), "NAND2": (0, 0, 0)})
    pmf = analysis.distribution(program, gates, {"x": 1})
    assert pmf == pytest.approx({(1, 0): 0.7, (0, 1): 0.3})


def test_wide_adders_take_all_inputs_at_once():
    """All 2^124 inputs of a 62-bit adder; the error rate is that of the chain of full adders."""
    report = analysis.exact(circuits.adder(62), cram.GateLibrary.uniform(1e-3))
    # The transfer matrix of (carry, correct carry) while all sum bits are right.
    right = {(0, 0): 1.0}
    uniform = adder_oracle.uniform(1e-3)
    cells = {abc: adder_oracle.cell("nand9", uniform, *abc) for abc in np.ndindex(2, 2, 2)}
    for _ in range(62):
        following = dict.fromkeys(np.ndindex(2, 2), 0.0)
        for (carry, correct), p in right.items():
            for a, b, out in np.ndindex(2, 2, 2):
                total = a + b + correct
                following[out, total >> 1] += p / 4 * cells[a, b, carry][total & 1, out]
        right = following
    expected = 1 - right[0, 0] - right[1, 1]
    assert report.error_rate.value == pytest.approx(expected, rel=1e-10)
    assert report.mean_relative_error_distance is None


def within_four_sigma(program, gates, lanes, output=None):
    exact = analysis.exact(program, gates, output=output)
    sampled = analysis.monte_carlo(program, gates, lanes=lanes, output=output, seed=11)
    for name in (*METRICS, "mean_relative_error_distance"):
        estimate = getattr(sampled, name)
        assert abs(estimate.value - getattr(exact, name).value) < 4 * estimate.standard_error, name
    deviation = np.abs(sampled.bit_error_rate - exact.bit_error_rate)
    assert (deviation < 4.5 * sampled.bit_error_rate_standard_error).all()
    assert sampled.worst_error_distance <= exact.worst_error_distance


LIBRARIES = {"1e-3": cram.GateLibrary.uniform(1e-3), "TMR 1.09": FITTED[1.09], "TMR 3": FITTED[3.0]}


@pytest.mark.parametrize("gates", LIBRARIES.values(), ids=LIBRARIES)
@pytest.mark.parametrize("design", adder_oracle.DESIGNS)
def test_monte_carlo_is_within_four_sigma(design, gates):
    for port in ("sum", "carry"):
        within_four_sigma(circuits.full_adder(design), gates, 1 << 18, port)
    within_four_sigma(circuits.adder(4, full_adder=design), gates, 1 << 18)


@pytest.mark.slow
@pytest.mark.parametrize("gates", LIBRARIES.values(), ids=LIBRARIES)
@pytest.mark.parametrize("design", adder_oracle.DESIGNS)
def test_monte_carlo_of_ten_million_lanes_is_within_four_sigma(design, gates):
    for port in ("sum", "carry"):
        within_four_sigma(circuits.full_adder(design), gates, 10_000_000, port)
    for bits in (4, 8):
        within_four_sigma(circuits.adder(bits, full_adder=design), gates, 10_000_000)


def test_multiplier_is_within_four_sigma():
    within_four_sigma(circuits.multiplier(4), cram.GateLibrary.uniform(1e-3), 1 << 20)


def test_simulation_has_the_exact_joint_distribution():
    """Chi-square of the product for one input of a 3 x 3 multiplier: p > 1e-6."""
    program, gates, lanes = circuits.multiplier(3), cram.GateLibrary.uniform(0.02), 1 << 20
    pmf = analysis.distribution(program, gates, {"a": 5, "b": 6})
    run = cram.simulate(program, {"a": np.full(lanes, 5), "b": np.full(lanes, 6)}, gates, seed=3)
    observed = np.bincount(run["product"], minlength=64)
    expected = lanes * np.array([pmf.get((y,), 0.0) for y in range(64)])
    enough = expected > 20
    assert enough.sum() > 30
    statistic = ((observed - expected)[enough] ** 2 / expected[enough]).sum()
    assert stats.chi2.sf(statistic, enough.sum() - 1) > 1e-6


def test_placed_programs_have_the_same_report():
    program = circuits.multiplier(3)
    placed = cram.place(program).program
    one, other = (analysis.exact(p, FITTED[2.0]) for p in (program, placed))
    for name in METRICS:
        assert getattr(one, name).value == pytest.approx(getattr(other, name).value, rel=1e-12)


def test_threads_give_the_same_bits():
    program = circuits.multiplier(4)
    one, two = (analysis.exact(program, FITTED[2.0], num_threads=n) for n in (1, 2))
    for name in METRICS:
        assert getattr(one, name) == getattr(two, name)
    assert (one.bit_error_rate == two.bit_error_rate).all()


def test_small_errors_keep_their_relative_precision():
    """At 1e-200 the error rate is 1e-200 times the sum of the single faults."""
    program = circuits.adder(4)
    report = analysis.exact(program, cram.GateLibrary.uniform(1e-200))
    singles = analysis.sensitivity(program)
    assert report.error_rate.value == pytest.approx(1e-200 * singles.error_rate.sum(), rel=1e-12)
    assert report.mean_error_distance.value == pytest.approx(
        1e-200 * singles.mean_error_distance.sum(), rel=1e-12
    )


def test_ideal_gates_are_right():
    report = analysis.exact(circuits.multiplier(4), cram.GateLibrary.ideal())
    assert [getattr(report, name).value for name in METRICS] == [0, 0, 0, 0]
    assert report.worst_error_distance == 0
    pmf = analysis.distribution(circuits.multiplier(4), None, {"a": 11, "b": 13})
    assert pmf == {(143,): 1.0}


def test_ports_of_several_words_and_signed_ones():
    ports = [cram.Port("y", 2, 2, True, (0, 1, 2, 3))]
    program = cram.Program(4, [("NOT", 3, (2,))], [cram.Port("x", 1, 3, False, (0, 1, 2))], ports)
    pmf = analysis.distribution(program, cram.GateLibrary.uniform(0.25), {"x": [1, 1, 0]})
    assert pmf == {((-1, -2),): 0.75, ((-1, 0),): 0.25}


ADDER, NOISE = circuits.adder(2), cram.GateLibrary.uniform(0.1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: analysis.exact(circuits.multiplier(4), NOISE, max_states=16),
            r"program: its frontier has up to \d+ live cells, 2\^\d+ states, more than max_states = 16",
        ),
        (
            lambda: analysis.distribution(circuits.adder(8), NOISE, {"a": 1, "b": 2}, max_states=256),
            re.escape("program: 9 output bits have 2^9 values, more than max_states = 256"),
        ),
        (lambda: analysis.exact(ADDER, NOISE, max_states=0), "max_states = 0 is below 1"),
        (
            lambda: analysis.exact(ADDER, NOISE, inputs="uniform"),
            "inputs = 'uniform' is drawn; 'exhaustive' is the average over all inputs",
        ),
        (
            lambda: analysis.exact(ADDER, NOISE, inputs="x"),
            "inputs = 'x' is not one of uniform, exhaustive, nor a mapping",
        ),
        (lambda: analysis.exact(ADDER, NOISE, inputs={"a": [], "b": []}), "lanes = 0 is below 1"),
        (
            lambda: analysis.exact(ADDER, NOISE, ned_divisor="x"),
            "ned_divisor = 'x' is not one of max_output, range",
        ),
        (lambda: analysis.exact(ADDER, 0.1), "gates: float is not a GateLibrary"),
        (lambda: analysis.exact("adder", NOISE), "program: str is not a Program"),
        (
            lambda: analysis.exact(ADDER, cram.GateLibrary.from_errors({"NOT": (0, 0)})),
            "gates: the library has no NAND2, which the program needs",
        ),
        (lambda: analysis.exact(ADDER, NOISE, num_threads=0), "num_threads = 0 is below 1"),
        (
            lambda: analysis.distribution(ADDER, NOISE, {"a": [1, 2], "b": 1}),
            re.escape("inputs['a'] has shape (2,); the distribution is that of one input"),
        ),
        (
            lambda: analysis.distribution(ADDER, NOISE, {"a": 4, "b": 1}),
            re.escape("inputs['a'][0] = 4 is outside [0, 3]"),
        ),
        (
            lambda: analysis.distribution(ADDER, NOISE, {"a": 1}),
            "inputs: 'b' is missing; the program's inputs are a, b",
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidArgument, match=f"^{message}$"):
        call()


def test_bit_error_rates_of_a_chain():
    """n NOT gates in a row: the classic (1 - (1 - 2p)^n) / 2."""
    n, p = 9, 0.07
    chain = cram.Program(n + 1, [("NOT", i + 1, (i,)) for i in range(n)], {"x": [0]}, {"y": [n]})
    report = analysis.exact(chain, cram.GateLibrary.uniform(p))
    assert report.error_rate.value == pytest.approx((1 - (1 - 2 * p) ** n) / 2, rel=1e-13)
    assert math.isclose(report.bit_error_rate[0], report.error_rate.value)


def test_one_number_counts_for_all_lanes():
    adder = circuits.adder(2)
    for one_lane, lanes in (
        ({"a": 1, "b": 2}, {"a": [1], "b": [2]}),
        ({"a": [0, 1, 3], "b": 2}, {"a": [0, 1, 3], "b": [2, 2, 2]}),
        ({"a": 3, "b": cram.pack([1, 2], 2)}, {"a": [3, 3], "b": [1, 2]}),
    ):
        one, many = (analysis.exact(adder, NOISE, inputs=inputs) for inputs in (one_lane, lanes))
        assert one.mean_error_distance == many.mean_error_distance
    dot = circuits.dot(2, 1, 1)
    one = analysis.exact(dot, NOISE, inputs={"x": [1, 0], "w": [[1, 1], [0, 1]]})
    many = analysis.exact(dot, NOISE, inputs={"x": [[1, 0], [1, 0]], "w": [[1, 1], [0, 1]]})
    assert one.error_rate == many.error_rate
    with pytest.raises(InvalidArgument, match=re.escape("inputs['b'] has 3 lanes, inputs['a'] has 2")):
        analysis.exact(adder, NOISE, inputs={"a": [1, 2], "b": [0, 1, 2]})
