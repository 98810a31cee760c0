"""Binomial and multinomial counts against `oracles.quantum_distance.binomial` and their distributions."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nonideal import _core
from nonideal.errors import InvalidArgument
from nonideal.hardware import quantum
from oracles.quantum_distance import binomial

COUNTS = 10  # Purpose::kCounts
MAX_SHOTS = 2**31 - 1


def draw(p, shots, seed=1, **options):
    return _core.quantum.sample_binomial(
        np.atleast_1d(np.asarray(p, dtype=float)), shots=shots, seed=seed, **options
    )


@settings(deadline=None, derandomize=True, max_examples=200)
@given(
    st.floats(0, 1),
    st.integers(1, 100_000) | st.integers(1, MAX_SHOTS),
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**40 - 1),
)
def test_each_number_is_that_of_the_definition(p, shots, seed, stream, row):
    counter = (row % 2**32, 0, COUNTS << 24 | (row >> 32) << 16, stream)
    found = draw(p, shots, seed, stream=stream, offset=row)
    assert found[0] == binomial(shots, p, counter, seed)


@pytest.mark.parametrize(
    ("shots", "p"),
    [
        (1, 0.3),
        (12, 0.5),
        (20, 0.5),  # the smallest mean that inversion leaves to rejection, and the fewest shots
        (21, 0.48),
        (35, 0.7),
        (1024, 0.003),
        (1024, 0.0097),
        (1024, 0.0098),
        (1024, 0.31),
        (1024, 0.5),
        (1024, 0.98),
        (1024, 0.9903),
        (100_000, 0.4),
        (10**6, 1.001e-5),
        (MAX_SHOTS, 4e-9),
        (MAX_SHOTS, 5e-9),
        (MAX_SHOTS, 0.5),
        (MAX_SHOTS, 0.8),
    ],
)
def test_a_million_draws_have_the_binomial_distribution(shots, p):
    counts = draw(np.full(1_000_000, p), shots)
    # Classes between quantiles, finer in the tails; each class ends with its edge.
    tail = 5e-5 * 2.0 ** np.arange(6)
    levels = np.concatenate([tail, np.linspace(0.0025, 0.9975, 400), 1 - tail[::-1]])
    edges = np.unique(stats.binom.ppf(levels, shots, p))
    expected = np.diff(stats.binom.cdf(edges, shots, p), prepend=0, append=1) * len(counts)
    observed = np.bincount(np.searchsorted(edges, counts), minlength=len(expected))
    possible = expected > 1e-6
    assert observed[~possible].sum() == 0
    expected, observed = expected[possible], observed[possible]
    while expected[-1] < 20:  # what lies above the last edge
        expected[-2:], observed[-2:] = expected[-2:].sum(), observed[-2:].sum()
        expected, observed = expected[:-1], observed[:-1]
    chi = ((observed - expected) ** 2 / expected).sum()
    assert stats.chi2.sf(chi, len(expected) - 1) > 1e-4


def test_certain_outcomes_are_certain():
    assert draw([0.0, 1.0, -1e-12, 1 + 1e-12], 1024).tolist() == [0, 1024, 0, 1024]


def test_numbers_depend_on_their_row_alone():
    p = np.random.default_rng(0).random(10_000)
    whole = draw(p, 777)
    np.testing.assert_array_equal(draw(p[4_321:], 777, offset=4_321), whole[4_321:])
    for threads in (1, 2, 3):
        np.testing.assert_array_equal(draw(p, 777, num_threads=threads), whole)
    assert (draw(p, 777, stream=1) != whole).any()
    assert (draw(p, 777, seed=2) != whole).any()


def test_numbers_are_alike_alone_and_among_others():
    """Whoever waits for a further attempt beside them; across the carry from word 0 to 2 of the counter."""
    rng = np.random.default_rng(3)
    p, first = rng.choice([0.5, 0.02, 0.97, 1e-4, 0.0, 1.0], 500) * rng.uniform(0.9, 1, 500), 2**32 - 250
    whole = draw(p, 1000, seed=5, stream=2, offset=first)
    for i, each in enumerate(p):
        row = first + i
        counter = (row % 2**32, 0, COUNTS << 24 | (row >> 32) << 16, 2)
        assert (
            whole[i] == draw(each, 1000, seed=5, stream=2, offset=row)[0] == binomial(1000, each, counter, 5)
        )


CODE = """
import hashlib, numpy as np
from nonideal import _core
p = np.random.default_rng(1).random((20_000, 3))
p /= p.sum(axis=1, keepdims=True)
digest = hashlib.sha256()
for shots in (5, 30, 1024, 10**6, 2**31 - 1):
    digest.update(_core.quantum.sample_binomial(p.ravel(), shots=shots, seed=1).tobytes())
    digest.update(_core.quantum.sample_multinomial(p, shots=shots, seed=1).tobytes())
print(digest.hexdigest())
"""


def test_every_instruction_set_gives_the_same_bits():
    texts = {
        isa: subprocess.run(
            [sys.executable, "-c", CODE],
            env=os.environ | {"NONIDEAL_ISA": str(isa)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for isa in _core.available_isas()
    }
    assert len(set(texts.values())) == 1, texts


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.integers(1, 40), st.integers(1, 6), st.integers(1, 5000), st.integers(0, 2**32 - 1))
def test_multinomial_counts_are_binomials_of_what_is_left(rows, outcomes, shots, seed):
    p = np.random.default_rng(seed).random((rows, outcomes)) + 1e-3
    p /= p.sum(axis=1, keepdims=True)
    counts = _core.quantum.sample_multinomial(p, shots=shots, seed=seed, stream=4, offset=2**32 - 7)
    for i in range(rows):
        row, shots_left = 2**32 - 7 + i, shots
        left = 0.0
        for each in p[i]:
            left += each
        for o in range(outcomes - 1):
            counter = (row % 2**32, o, COUNTS << 24 | (row >> 32) << 16, 4)
            mine = binomial(shots_left, min(p[i, o] / left, 1.0), counter, seed)
            assert counts[i, o] == mine
            shots_left, left = shots_left - mine, left - p[i, o]
        assert counts[i, -1] == shots_left


def test_multinomial_counts():
    p = np.array([0.5, 0.0, 0.2, 0.3, 0.0])
    counts = _core.quantum.sample_multinomial(np.tile(p, (200_000, 1)), shots=60, seed=3)
    assert (counts.sum(axis=1) == 60).all()
    assert (counts[:, [1, 4]] == 0).all()
    standard_error = np.sqrt(60 * p * (1 - p) / 200_000)
    assert (abs(counts.mean(axis=0) - 60 * p) <= 4.5 * standard_error).all()
    covariance = np.cov(counts.T)
    expected = 60 * (np.diag(p) - np.outer(p, p))
    np.testing.assert_allclose(covariance, expected, atol=0.15)
    np.testing.assert_array_equal(
        _core.quantum.sample_multinomial(np.tile(p, (10, 1)), shots=60, seed=3, offset=100), counts[100:110]
    )


def test_the_last_possible_outcome_takes_what_rounding_leaves():
    p = np.full((1000, 7), 1 / 6)
    p[:, 6] = 0.0
    assert (_core.quantum.sample_multinomial(p, shots=2**31 - 1, seed=1)[:, 6] == 0).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: draw(0.5, 0), "shots = 0 is outside [1, 2147483647]"),
        (lambda: draw(0.5, 2**31), "shots = 2147483648 is outside [1, 2147483647]"),
        (lambda: draw([0.1, 1.5], 8), "probabilities[1] = 1.5 is outside [0, 1]"),
        (lambda: draw([0.1, -0.5], 8), "probabilities[1] = -0.5 is outside [0, 1]"),
        (lambda: draw([np.nan], 8), "probabilities[0] = nan is outside [0, 1]"),
        (lambda: draw(0.5, 8, stream=2**32), "stream = 4294967296 is outside [0, 4294967295]"),
        (lambda: draw(0.5, 8, offset=-1), "offset = -1 is outside [0, 1099511627775]"),
        (
            lambda: _core.quantum.sample_multinomial(np.array([[0.5, 0.4]]), shots=8, seed=1),
            "probabilities[0] sums to 0.9, not to 1",
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidArgument) as caught:
        call()
    assert str(caught.value) == message


# ---- what a frequency says of its own error ----


@pytest.mark.parametrize("shots", [256, 1024, 65536])
@pytest.mark.parametrize("p", [0.001, 0.01, 0.1, 0.5])
def test_reported_variances_are_the_true_ones(p, shots):
    """The expected variance against p (1 - p) / shots: within 5 % where counts are not tiny, else above."""
    counts = np.arange(shots + 1)
    reported = _core.quantum.frequency_variance(counts / shots, shots=shots)
    ratio = (stats.binom.pmf(counts, shots, p) * reported).sum() / (p * (1 - p) / shots)
    if shots * p * (1 - p) >= 10:
        assert ratio == pytest.approx(1, abs=0.05)  # 0.005 in fact
    else:
        assert ratio > 1
    assert reported.min() == reported[0] == pytest.approx(2 / shots * (1 - 2 / shots) / shots, rel=1e-14)
    np.testing.assert_allclose(reported, reported[::-1], rtol=1e-12)


@given(st.integers(1, 10_000), st.data())
@settings(deadline=None)
def test_variance_of_a_frequency(shots, data):
    count = data.draw(st.integers(0, shots))
    as_if = min(max(count, 2), shots - 2) if shots > 4 else shots / 2
    found = _core.quantum.frequency_variance(np.array([count / shots]), shots=shots)[0]
    assert found == pytest.approx(as_if * (shots - as_if) / shots**3, rel=1e-9)


def test_expectations_distances_and_the_function_agree():
    """One rule: sampled expectations and sampled distances have its standard errors, to the bit."""
    values = np.linspace(0, np.pi, 200)[:, None]
    theta = quantum.Parameter("theta")
    template = quantum.Circuit(1).ry(theta, 0)
    found = quantum.Simulator(seed=3).expectation(template, "Z0", 64, parameters=values)
    frequencies = np.round((1 - found.value) / 2 * 64) / 64
    want = 2 * np.sqrt(_core.quantum.frequency_variance(frequencies, shots=64))
    np.testing.assert_array_equal(found.standard_error, want)
    assert found.standard_error.min() > 0
    angles = np.linspace(0.0, np.pi, 200)
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    measured = quantum.DistanceEstimator(shots=64, seed=3).pairwise([[1.0, 0.0]], points)
    frequencies = np.round(measured.squared_distance[0] / 4 * 64) / 64  # D2 = 2 Z P1, Z = 2
    want = 4 * np.sqrt(_core.quantum.frequency_variance(frequencies, shots=64))
    np.testing.assert_allclose(measured.standard_error[0], want, rtol=1e-12)


@pytest.mark.parametrize("p", [0.01, 0.3])
def test_estimates_scatter_as_they_say(p):
    """Acceptance: the variance of 40,000 estimates is the one they report within 5 %, three ways."""
    repeats, shots = 40_000, 1024
    angle = 2 * np.arcsin(np.sqrt(p))
    theta = quantum.Parameter("theta")
    template = quantum.Circuit(1).ry(theta, 0)
    angles = np.full((repeats, 1), angle)
    simulator = quantum.Simulator(seed=8)
    cosine = 1 - 2 * p  # unit vectors: D2 = 2 - 2 cos = 4 P1
    points = np.tile([cosine, np.sqrt(1 - cosine**2)], (repeats, 1))
    noise = quantum.NoiseModel.depolarizing(1e-4, 1e-4)
    zne = quantum.ZNE((1, 3))
    mitigated = quantum.DistanceEstimator(shots=shots, noise=noise, zne=zne, seed=8)
    measured = simulator.expectation(template, "Z0", shots, parameters=angles)
    raw = quantum.DistanceEstimator(shots=shots, seed=8).pairwise([[1.0, 0.0]], points)
    better = mitigated.pairwise([[1.0, 0.0]], points)
    for value, error in (
        (measured.value, measured.standard_error),
        (raw.squared_distance, raw.standard_error),
        (better.squared_distance, better.standard_error),
    ):
        assert value.var(ddof=1) / np.square(error).mean() == pytest.approx(1, abs=0.05)
