"""Monte Carlo error analysis against exact expectations: `oracles.adder`, over all sets of wrong gates."""

import math
import re
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from nonideal.errors import InvalidArgument
from nonideal.hardware import cram
from nonideal.hardware.cram import analysis, circuits
from oracles import adder as oracle
from peak import PEAK

METRICS = ("error_rate", "mean_error_distance", "mean_squared_error", "bias")
FITTED = {
    tmr: {
        name: gate.error.tolist()
        for name, gate in cram.GateLibrary(cram.device("lv2024_fit", tmr=tmr)).items()
    }
    for tmr in (1.09, 2.0, 3.0)
}


# ---- the oracle itself holds the published and measured figures of the specification ----


@pytest.mark.parametrize(("error", "distance"), [(1e-2, 1.2558), (1e-3, 0.13733), (1e-4, 0.013861)])
def test_oracle_mean_error_distance_of_a_four_bit_adder(error, distance):
    """Section 2: exact by transfer matrix."""
    got = oracle.metrics(4, "nand9", oracle.uniform(error)).mean_error_distance
    assert got == pytest.approx(distance, rel=5e-5)


def test_oracle_full_adders_at_uniform_error():
    assert oracle.accuracy("nand9", oracle.uniform(1e-3)).both == pytest.approx(0.992165, abs=5e-7)
    assert oracle.accuracy("maj5_buf", oracle.uniform(1e-3)).both == pytest.approx(0.996256, abs=5e-7)


@pytest.mark.parametrize(
    ("tmr", "design", "sum_", "carry", "both"),
    [
        (1.09, "nand9", 0.9439, 0.9718, 0.9327),
        (1.09, "maj5_buf", 0.544, 0.876, 0.506),
        (1.09, "maj5_not", None, None, 0.445),
        (1.09, "min5", None, None, 0.540),
        (2.0, "nand9", None, None, 0.99788),
        (2.0, "maj5_buf", None, None, 0.5606),
        (2.0, "min5", None, None, 0.6685),
        (3.0, "nand9", None, None, 0.99990),
        (3.0, "maj5_buf", None, None, 0.5765),
        (3.0, "min5", None, None, 0.7457),
    ],
)
def test_oracle_full_adders_on_the_fitted_device(tmr, design, sum_, carry, both):
    """Section 2, measured figures of the model, to one unit of their last digit."""
    got = oracle.accuracy(design, FITTED[tmr])
    for value, expected in ((got.sum, sum_), (got.carry, carry), (got.both, both)):
        digits = len(str(expected)) - 2
        assert expected is None or value == pytest.approx(expected, abs=10**-digits)


# ---- the simulation against the oracle ----


@pytest.mark.parametrize("design", oracle.DESIGNS)
@pytest.mark.parametrize(
    "errors",
    [oracle.uniform(1e-3), oracle.uniform(0.1), FITTED[1.09], FITTED[2.0]],
    ids=["1e-3", "0.1", "TMR 1.09", "TMR 2"],
)
def test_full_adders_have_the_exact_joint_distribution(design, errors):
    """Chi-square of (sum, carry) for each of the 8 inputs, 2^18 lanes: p > 1e-6."""
    lanes = 1 << 18
    program = circuits.full_adder(design)
    gates = cram.GateLibrary.from_errors(errors)
    for a, b, c in np.ndindex(2, 2, 2):
        planes = {
            name: cram.BitPlanes(np.full((1, 1), bit, dtype=np.uint64), lanes, entries=1)
            for name, bit in zip("abc", (a, b, c), strict=True)
        }
        run = cram.simulate(program, planes, gates, seed=a + 2 * b + 4 * c)
        observed = np.bincount(run["sum"] + 2 * run["carry"], minlength=4)
        joint = oracle.cell(design, errors, a, b, c)
        expected = lanes * np.array([joint[s, co] for co in (0, 1) for s in (0, 1)])
        np.testing.assert_allclose(expected.sum(), lanes)
        enough = expected > 20
        rest = abs(observed[~enough].sum() - expected[~enough].sum())
        assert rest <= 8 * math.sqrt(expected[~enough].sum()) + 8
        statistic = ((observed - expected)[enough] ** 2 / expected[enough]).sum()
        assert stats.chi2.sf(statistic, max(enough.sum() - 1, 1)) > 1e-6


@pytest.mark.parametrize(
    ("design", "bits", "errors"),
    [
        ("nand9", 4, oracle.uniform(1e-2)),
        ("nand9", 4, oracle.uniform(1e-3)),
        ("nand9", 8, oracle.uniform(1e-3)),
        ("nand9", 4, FITTED[1.09]),
        ("maj5_buf", 4, oracle.uniform(1e-2)),
        ("maj5_not", 3, FITTED[2.0]),
        ("min5", 5, FITTED[3.0]),
    ],
    ids=["4 bits, 1e-2", "4 bits, 1e-3", "8 bits", "fitted", "maj5_buf", "maj5_not", "min5"],
)
def test_adders_are_within_four_sigma_of_the_exact_metrics(design, bits, errors):
    """2^22 samples; the mean error distance of 4 bits at 1e-2 is 1.2558, 4 sigma are 0.5 % of it."""
    exact = oracle.metrics(bits, design, errors)
    program = circuits.adder(bits, full_adder=design)
    report = analysis.monte_carlo(program, cram.GateLibrary.from_errors(errors), lanes=1 << 22, seed=5)
    for name in METRICS:
        estimate = getattr(report, name)
        assert abs(estimate.value - getattr(exact, name)) < 4 * estimate.standard_error, name
        assert estimate.samples == 1 << 22
        assert estimate.standard_error > 0
    assert report.worst_error_distance <= exact.worst_error_distance
    largest = 2 * (2**bits - 1)
    assert report.ned_divisor_value == largest
    np.testing.assert_allclose(
        [report.normalized_error_distance.value, report.normalized_error_distance.standard_error],
        [report.mean_error_distance.value / largest, report.mean_error_distance.standard_error / largest],
    )


def test_standard_errors_are_honest():
    """z-scores of 200 seeds: mean 0 and variance 1 within 5 sigma; would catch error bars 25 % off."""
    exact = oracle.metrics(4, "nand9", oracle.uniform(1e-2))
    program, gates = circuits.adder(4), cram.GateLibrary.uniform(1e-2)
    reports = [analysis.monte_carlo(program, gates, lanes=1 << 14, seed=seed) for seed in range(200)]
    for name in METRICS:
        estimates = [getattr(report, name) for report in reports]
        z = np.array([(e.value - getattr(exact, name)) / e.standard_error for e in estimates])
        assert abs(z.mean()) < 5 / math.sqrt(len(z)), name
        assert abs(z.var() - 1) < 5 * math.sqrt(2 / len(z)), name
        inside = np.mean(
            [e.interval(0.95)[0] <= getattr(exact, name) <= e.interval(0.95)[1] for e in estimates]
        )
        assert 0.87 < inside <= 1.0


def direct(program, gates, values, seed, port):
    """The metrics from integers, one formula each."""
    noisy = cram.simulate(program, values, gates, seed=seed)[port]
    exact = cram.simulate(program, values)[port]
    return noisy, exact, noisy - exact


def test_metrics_of_given_inputs_are_those_of_their_definitions():
    """Numpy, from the integers of the same run."""
    program, gates = circuits.multiplier(4), cram.GateLibrary.uniform(5e-3)
    rng = np.random.default_rng(0)
    values = {"a": rng.integers(0, 16, 30_001), "b": rng.integers(0, 16, 30_001)}
    noisy, exact, error = direct(program, gates, values, 8, "product")
    report = analysis.monte_carlo(program, gates, inputs=values, seed=8)

    def check(estimate, samples):
        np.testing.assert_allclose(estimate.value, samples.mean(), rtol=1e-12)
        np.testing.assert_allclose(
            estimate.standard_error, samples.std(ddof=1) / math.sqrt(len(samples)), rtol=1e-9
        )
        assert estimate.samples == len(samples)

    distance = np.abs(error).astype(float)
    check(report.mean_error_distance, distance)
    check(report.mean_squared_error, distance**2)
    check(report.bias, error.astype(float))
    check(report.normalized_error_distance, distance / 225)
    check(report.mean_relative_error_distance, distance[exact != 0] / exact[exact != 0])
    assert report.error_rate.value == (error != 0).mean()
    assert report.worst_error_distance == distance.max()
    wrong_bits = np.array([((noisy ^ exact) >> bit & 1).mean() for bit in range(8)])
    np.testing.assert_allclose(report.bit_error_rate, wrong_bits, rtol=1e-12)
    adjusted = (wrong_bits * 30_001 + 2) / 30_005  # Agresti and Coull: two successes, two failures
    np.testing.assert_allclose(
        report.bit_error_rate_standard_error, np.sqrt(adjusted * (1 - adjusted) / 30_005), rtol=1e-12
    )
    assert (report.samples, report.seed, report.ned_divisor_value) == (30_001, 8, 225)


def test_exhaustive_inputs_cover_every_combination():
    """The same run with the combinations written out; bits of the ports in order, lowest first."""
    program, gates = circuits.multiplier(3, 2), cram.GateLibrary.uniform(0.01)
    report = analysis.monte_carlo(program, gates, inputs="exhaustive", lanes=1000, seed=3)
    assert report.samples == 1024
    lane = np.arange(1024) % 32
    same = analysis.monte_carlo(program, gates, inputs={"a": lane % 8, "b": lane // 8}, seed=3)
    for name in METRICS:
        assert getattr(report, name) == getattr(same, name)


def test_exhaustive_inputs_of_few_and_many_bits():
    one = cram.Program(2, [("NOT", 1, (0,))], {"x": [0]}, {"y": [1]})
    assert (
        analysis.monte_carlo(one, cram.GateLibrary.uniform(0.1), inputs="exhaustive", lanes=2, seed=0).samples
        == 2
    )
    wide = analysis.monte_carlo(
        circuits.adder(11), cram.GateLibrary.uniform(1e-3), inputs="exhaustive", lanes=2, seed=0
    )
    assert wide.samples == 1 << 22
    exact = oracle.metrics(11, "nand9", oracle.uniform(1e-3))
    estimate = wide.mean_error_distance
    assert abs(estimate.value - exact.mean_error_distance) < 4 * estimate.standard_error


def test_ideal_gates_make_no_errors():
    report = analysis.monte_carlo(circuits.multiplier(4), cram.GateLibrary.ideal(), lanes=5000, seed=1)
    assert report.mean_error_distance.value == report.worst_error_distance == report.error_rate.value == 0
    assert not report.bit_error_rate.any()
    low, high = report.error_rate.interval()
    assert low <= 0 < high < 0.01  # no error seen is no proof of none


def test_threads_and_repetition_give_the_same_report():
    program, gates = circuits.adder(4), cram.GateLibrary.uniform(1e-2)
    one, two, again = (
        analysis.monte_carlo(program, gates, lanes=(1 << 20) + 12_345, seed=9, num_threads=n)
        for n in (1, 2, 1)
    )
    for name in METRICS:
        assert getattr(one, name) == getattr(two, name) == getattr(again, name)
    np.testing.assert_array_equal(one.bit_error_rate, two.bit_error_rate)


def test_the_drawn_seed_is_reported():
    program, gates = circuits.adder(4), cram.GateLibrary.uniform(1e-2)
    first = analysis.monte_carlo(program, gates, lanes=1000)
    assert analysis.monte_carlo(program, gates, lanes=1000, seed=first.seed).bias == first.bias


def test_divisors_and_signed_outputs():
    """Signed outputs: distances in two's complement; the range is the largest word of the port."""
    builder = cram.ProgramBuilder()
    x = builder.input("x", 3, signed=True)
    builder.output("y", [builder.gate("BUF", column) for column in x], signed=True)
    program = builder.build()
    x = np.arange(8000) % 8 - 4
    gates = cram.GateLibrary.uniform(0.05)
    report = analysis.monte_carlo(program, gates, inputs={"x": x}, seed=2, ned_divisor="range")
    _, _, error = direct(program, gates, {"x": x}, 2, "y")
    assert report.bias.value == pytest.approx(error.mean())
    assert report.ned_divisor_value == 7
    assert analysis.monte_carlo(program, gates, inputs={"x": x}, seed=2).ned_divisor_value == 4


def test_one_output_of_several():
    program, gates = circuits.full_adder(), cram.GateLibrary.uniform(1e-3)
    exact = oracle.accuracy("nand9", oracle.uniform(1e-3))
    for port, accuracy in (("sum", exact.sum), ("carry", exact.carry)):
        estimate = analysis.monte_carlo(
            program, gates, output=port, inputs="exhaustive", lanes=1 << 20, seed=4
        ).error_rate
        assert abs(estimate.value - (1 - accuracy)) < 4 * estimate.standard_error


ADDER, NOISE = circuits.adder(2), cram.GateLibrary.uniform(0.1)
WORDS = cram.Program(2, [("NOT", 1, (0,))], {"a": [0]}, [cram.Port("y", 1, 2, False, (0, 1))])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: analysis.monte_carlo(ADDER, NOISE, lanes=1),
            "lanes = 1 is below 2; a standard error needs two samples",
        ),
        (lambda: analysis.monte_carlo(ADDER, NOISE, lanes=-5), "lanes = -5 is below 0"),
        (lambda: analysis.monte_carlo(ADDER, NOISE, lanes=1.5), "lanes = 1.5 is not an integer"),
        (
            lambda: analysis.monte_carlo(ADDER, NOISE, inputs={"a": [1], "b": [1]}),
            "lanes = 1 is below 2; a standard error needs two samples",
        ),
        (
            lambda: analysis.monte_carlo(ADDER, NOISE, inputs="x"),
            "inputs = 'x' is not one of uniform, exhaustive, nor a mapping",
        ),
        (
            lambda: analysis.monte_carlo(ADDER, NOISE, inputs={"a": [1, 2]}),
            "inputs: 'b' is missing; the program's inputs are a, b",
        ),
        (
            lambda: analysis.monte_carlo(circuits.adder(13), NOISE, inputs="exhaustive"),
            "inputs = 'exhaustive': 26 input bits are more than 24",
        ),
        (
            lambda: analysis.monte_carlo(ADDER, NOISE, output="x"),
            "output = 'x' is not one of the program's outputs sum",
        ),
        (
            lambda: analysis.monte_carlo(circuits.full_adder(), NOISE),
            "output = None is not one of the program's outputs sum, carry",
        ),
        (
            lambda: analysis.monte_carlo(WORDS, NOISE),
            "output = 'y' has 2 words; error metrics are those of one word",
        ),
        (
            lambda: analysis.monte_carlo(ADDER, NOISE, ned_divisor="x"),
            "ned_divisor = 'x' is not one of max_output, range",
        ),
        (lambda: analysis.monte_carlo(ADDER, NOISE, seed=-1), "seed = -1 is outside [0, 2^64)"),
        (lambda: analysis.monte_carlo(ADDER, NOISE, num_threads=0), "num_threads = 0 is below 1"),
        (lambda: analysis.monte_carlo(ADDER, NOISE, num_threads="2"), "num_threads = '2' is not an integer"),
        (lambda: analysis.monte_carlo(ADDER, 0.1), "gates: float is not a GateLibrary"),
        (lambda: analysis.monte_carlo("adder", NOISE), "program: str is not a Program"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidArgument, match=f"^{re.escape(message)}$"):
        call()


def test_no_error_seen_is_no_proof_of_none():
    """error_rate has an honest interval; distances claim to be exact."""
    report = analysis.monte_carlo(ADDER, cram.GateLibrary.uniform(1e-9), lanes=1000, seed=1)
    assert report.error_rate.standard_error > 0
    assert report.mean_error_distance.standard_error > 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_sensitivity_needs_no_memory_of_gates_squared():
    """10,000 inverters in a row: a gate reaches 5,000 others, 200 MB if all were stored as 32-bit numbers."""
    script = """
from nonideal.hardware.cram import ProgramBuilder, analysis

builder = ProgramBuilder()
cell, = builder.input("x", 1)
for _ in range(10_000):
    cell = builder.gate("NOT", cell)
builder.output("y", [cell])
program = builder.build()
before = peak()
found = analysis.sensitivity(program, num_threads=1)
print((peak() - before) // 1024, found.error_rate.min())
"""
    done = subprocess.run([sys.executable, "-c", PEAK + script], capture_output=True, text=True, check=True)
    grown, least = done.stdout.split()
    assert float(least) == 1.0  # every fault gets through
    assert int(grown) < 60
