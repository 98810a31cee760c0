"""Estimates against scipy and closed forms."""

import json
import math
import pickle
import re

import numpy as np
import pytest
from scipy import stats

import nonideal
from nonideal.errors import InvalidArgument
from nonideal.estimate import Estimate


def test_one_class_everywhere():
    from nonideal.hardware import cram
    from nonideal.hardware.cram import analysis

    assert nonideal.Estimate is Estimate is cram.Estimate is analysis.Estimate


def test_mean_of_samples():
    """Oracle: scipy.stats.sem."""
    samples = np.random.default_rng(0).normal(3, 2, 1000)
    estimate = Estimate.from_samples(samples, "volt")
    assert float(estimate) == estimate.value == pytest.approx(samples.mean(), rel=1e-14)
    assert estimate.standard_error == pytest.approx(stats.sem(samples), rel=1e-12)
    assert (estimate.samples, estimate.unit) == (1000, "volt")


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
@pytest.mark.parametrize("samples", [2, 4, 50, 10**7])
def test_interval_is_that_of_students_distribution(confidence, samples):
    low, high = Estimate(2.0, 0.3, samples).interval(confidence)
    np.testing.assert_allclose([low, high], stats.t.interval(confidence, samples - 1, 2.0, 0.3), rtol=1e-9)
    assert Estimate(1.0, 0.1, 9).interval() == Estimate(1.0, 0.1, 9).interval(0.95)


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (10, 10), (3, 10), (0, 1), (500, 1000)])
def test_proportions(successes, trials):
    """Agresti-Coull: two successes and two failures are added for the error, not for the value."""
    estimate = Estimate.from_counts(successes, trials)
    p = (successes + 2) / (trials + 4)
    assert estimate.value == successes / trials
    assert estimate.standard_error == pytest.approx(math.sqrt(p * (1 - p) / (trials + 4)))
    assert estimate.standard_error > 0
    assert estimate.samples == trials


@pytest.mark.parametrize("p", [0.001, 0.1, 0.5])
def test_intervals_of_proportions_cover(p):
    """Exact coverage by summing the binomial: at least 91 % of the nominal 95 %, also where p is small."""
    n = 2000
    k = np.arange(n + 1)
    intervals = [Estimate.from_counts(int(i), n).interval() for i in k]
    covered = np.array([low <= p <= high for low, high in intervals])
    assert stats.binom.pmf(k, n, p)[covered].sum() > 0.91


def test_exact_results_have_no_error_and_no_samples():
    exact = Estimate.exact(3, "joule")
    assert (exact.value, exact.standard_error, exact.samples, exact.unit) == (3.0, 0.0, None, "joule")
    assert exact.interval() == (3.0, 3.0)
    assert str(exact) == "3 joule (exact)"


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (Estimate(1.25821, 0.01134, 65536), "1.258 ± 0.011 (n = 65536)"),
        (Estimate(0.5, 0.05, 100, "volt"), "0.500 ± 0.050 volt (n = 100)"),
        (Estimate(1234.5, 56.0, 10), "1234 ± 56 (n = 10)"),
        (Estimate(3.2e-15, 4.5e-17, 10, "joule"), "3.2e-15 ± 4.5e-17 joule (n = 10)"),
        (Estimate(2.0, 0.0, 10), "2 ± 0 (n = 10)"),
        (Estimate(0.5, math.inf, 1), "0.5 ± inf (n = 1)"),
    ],
)
def test_text(estimate, text):
    assert str(estimate) == text


def test_estimates_are_values():
    estimate = Estimate(1.0, 0.1, 5, "volt")
    assert estimate == Estimate(1.0, 0.1, 5, "volt") == pickle.loads(pickle.dumps(estimate))
    assert json.loads(json.dumps(estimate.as_dict())) == {"value": 1.0, "standard_error": 0.1, "samples": 5}
    with pytest.raises(AttributeError):
        estimate.value = 2.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Estimate(math.nan, 0.1, 5), "value = nan is not a finite number"),
        (lambda: Estimate("1", 0.1, 5), "value = '1' is not a finite number"),
        (lambda: Estimate(1.0, -0.1, 5), "standard_error = -0.1 is not a number >= 0"),
        (lambda: Estimate(1.0, math.nan, 5), "standard_error = nan is not a number >= 0"),
        (lambda: Estimate(1.0, 0.1, 0), "samples = 0 is neither None nor an integer >= 1"),
        (lambda: Estimate.from_samples([1.0]), "samples: 1 values; a standard error needs at least 2"),
        (lambda: Estimate.from_counts(3, 2), "successes = 3 is outside [0, trials = 2]"),
        (lambda: Estimate.from_counts(-1, 2), "successes = -1 is outside [0, trials = 2]"),
        (lambda: Estimate(1.0, 0.1, 5).interval(1.0), "confidence = 1.0 is outside (0, 1)"),
        (lambda: Estimate(1.0, 0.1, 5).interval(math.nan), "confidence = nan is outside (0, 1)"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidArgument, match=f"^{re.escape(message)}$"):
        call()


def test_a_proportion_needs_a_trial():
    with pytest.raises(InvalidArgument):
        Estimate.from_counts(0, 0)


def test_intervals_of_four_samples_cover_as_they_promise():
    """Monte Carlo: 95 % of 20,000 intervals hold the mean; with the normal quantile it would be 86 %."""
    samples = np.random.default_rng(1).normal(3.0, 2.0, (20_000, 4))
    intervals = np.array([Estimate.from_samples(four).interval() for four in samples])
    covered = np.mean((intervals[:, 0] <= 3.0) & (intervals[:, 1] >= 3.0))
    assert abs(covered - 0.95) < 5 * np.sqrt(0.95 * 0.05 / 20_000)


def test_arrays_of_estimates():
    """One entry each is what a single estimate of it is."""
    values, errors = np.array([[1.0, 2.0], [-3.0, 0.5]]), np.array([[0.1, 0.0], [0.3, 0.2]])
    many = Estimate(values, errors, 5, "volt")
    low, high = many.interval(0.9)
    for index in np.ndindex(2, 2):
        one = Estimate(float(values[index]), float(errors[index]), 5)
        assert (low[index], high[index]) == one.interval(0.9)
    assert many == pickle.loads(pickle.dumps(many))
    assert many != Estimate(values, errors + 1, 5, "volt")
    assert many != Estimate(values, errors, 6, "volt")
    assert json.loads(json.dumps(many.as_dict())) == {
        "value": values.tolist(),
        "standard_error": errors.tolist(),
        "samples": 5,
    }
    assert str(Estimate(values[0], errors[0], 5, "volt")) == "[1. 2.] volt ± [0.1 0. ] (n = 5)"
    np.testing.assert_array_equal(
        Estimate(values, errors, 1).interval()[1], [[math.inf, 2.0], [math.inf] * 2]
    )


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ([1.0, 2.0], [0.1], "standard_error: shape (1,) is not that of value, (2,)"),
        ([1.0, 2.0], 0.1, "standard_error: shape () is not that of value, (2,)"),
        ([1.0, math.nan], [0.1, 0.1], "value: not all numbers are finite"),
        ([1.0, 2.0], [0.1, -0.1], "standard_error: not all numbers are >= 0"),
        ([1.0, 2.0], [0.1, math.nan], "standard_error: not all numbers are >= 0"),
    ],
)
def test_refusals_of_arrays(value, error, message):
    with pytest.raises(InvalidArgument, match=f"^{re.escape(message)}$"):
        Estimate(np.array(value), np.array(error), 5)
