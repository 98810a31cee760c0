"""Fits of switching curves: parameters recovered, errors honest, data without an answer refused."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from nonideal.errors import InvalidArgument
from nonideal.hardware.cram.fitting import fit_switching
from nonideal.hardware.cram.sigmoid import SigmoidSwitching
from nonideal.hardware.cram.switching import ThermalSwitching

PULSE = 1e-3
VOLTS = np.linspace(0.34, 0.45, 12)
CURVES = {  # a slow, obvious P(V) and its true parameters
    "thermal": (
        lambda v, slope, v50: 1 - np.exp(-math.log(2) * np.exp(slope * (v / v50 - 1))),
        {"slope": 29.5, "v50": 0.4},
    ),
    "logistic": (lambda v, v50, width: stats.logistic.cdf(v, v50, width), {"v50": 0.4, "width": 0.0084}),
    "gaussian": (lambda v, v50, width: stats.norm.cdf(v, v50, width), {"v50": 0.4, "width": 0.0167}),
}


def sample(family: str, seed: int, trials: int = 1000) -> np.ndarray:
    curve, truth = CURVES[family]
    return np.random.default_rng(seed).binomial(trials, curve(VOLTS, *truth.values()))


@pytest.mark.parametrize("family", CURVES)
def test_recovers_the_truth_within_its_own_errors(family):
    """Over many data sets, the deviations in units of the standard error are standard normal."""
    truth = CURVES[family][1]
    scores = []
    for seed in range(60):
        fit = fit_switching(VOLTS, sample(family, seed), 1000, family=family, pulse_duration=PULSE)
        assert list(fit.parameters) == list(truth)
        scores.append([(fit.parameters[n] - truth[n]) / fit.standard_errors[n] for n in truth])
    scores = np.array(scores)
    assert np.mean(np.abs(scores) < 3.0) >= 0.98
    assert np.all(np.abs(scores) < 4.5)
    assert np.all(np.abs(scores.mean(axis=0)) < 4.0 / math.sqrt(60))
    assert np.all((scores.std(axis=0) > 0.65) & (scores.std(axis=0) < 1.4))


@pytest.mark.parametrize("family", CURVES)
def test_is_the_maximum_of_the_likelihood(family):
    """Against Nelder and Mead on the likelihood as it is written down, and its numerical curvature."""
    curve, truth = CURVES[family]
    hits = sample(family, 7)
    fit = fit_switching(VOLTS, hits, 1000, family=family, pulse_duration=PULSE)
    start = np.array(list(truth.values()))

    def loss(scaled: np.ndarray) -> float:
        p = np.clip(curve(VOLTS, *(scaled * start)), 1e-300, 1 - 1e-16)
        return -float(np.sum(hits * np.log(p) + (1000 - hits) * np.log1p(-p)))

    found = optimize.minimize(
        loss, np.ones(2), method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-12, "maxfev": 5000}
    )
    np.testing.assert_allclose(list(fit.parameters.values()), found.x * start, rtol=1e-6)
    h, curvature = 1e-4, np.empty((2, 2))
    for i, a in enumerate(np.eye(2) * h):
        for j, b in enumerate(np.eye(2) * h):
            x = found.x
            curvature[i, j] = loss(x + a + b) - loss(x + a - b) - loss(x - a + b) + loss(x - a - b)
    covariance = np.linalg.inv(curvature / (4 * h * h)) * np.outer(start, start)
    np.testing.assert_allclose(fit.covariance, covariance, rtol=1e-3)
    np.testing.assert_allclose(
        list(fit.standard_errors.values()), np.sqrt(np.diagonal(fit.covariance)), rtol=1e-14
    )
    share = hits / 1000
    full = np.sum(stats.binom.logpmf(hits, 1000, share))
    ours = np.sum(stats.binom.logpmf(hits, 1000, curve(VOLTS, *fit.parameters.values())))
    assert fit.deviance == pytest.approx(2 * (full - ours), rel=1e-8)
    assert fit.deviance < stats.chi2.ppf(1 - 1e-6, len(VOLTS) - 2)
    with pytest.raises(ValueError, match="read-only"):
        fit.covariance[0, 0] = 0.0


@pytest.mark.parametrize("family", CURVES)
@pytest.mark.parametrize("direction", ["P->AP", "AP->P"])
def test_model_has_the_fitted_curve(family, direction):
    curve = CURVES[family][0]
    fit = fit_switching(
        VOLTS, sample(family, 3), 1000, family=family, direction=direction, pulse_duration=PULSE
    )
    assert (fit.family, fit.direction) == (family, direction)
    assert isinstance(fit.model, ThermalSwitching if family == "thermal" else SigmoidSwitching)
    np.testing.assert_allclose(
        np.exp(fit.model.log_p(VOLTS, direction, PULSE)[0]), curve(VOLTS, *fit.parameters.values()), rtol=1e-9
    )
    assert fit.model.v50(direction, PULSE) == pytest.approx(fit.parameters["v50"], rel=1e-12)


@settings(deadline=None, max_examples=30)
@given(
    st.sampled_from(list(CURVES)),
    st.floats(0.05, 5.0),
    st.floats(0.01, 0.1),
    st.integers(0, 2**32 - 1),
    st.sampled_from([20, 1000, 100_000]),
)
def test_exact_fractions_are_fitted_exactly(family, v50, width, seed, trials):
    """Any scale, any steepness: the curve that made the expected counts comes back."""
    curve = CURVES[family][0]
    truth = (math.log(2) / width, v50) if family == "thermal" else (v50, width * v50)
    volts = v50 * (1 + width * np.random.default_rng(seed).uniform(-3, 2, 15))
    hits = np.rint(1e9 * curve(volts, *truth))
    fit = fit_switching(volts, hits, 1e9, family=family, pulse_duration=PULSE)
    np.testing.assert_allclose(list(fit.parameters.values()), truth, rtol=1e-5)
    noisy = np.random.default_rng(seed).binomial(trials, curve(volts, *truth))
    if volts[noisy < trials].max() > volts[noisy > 0].min():  # else few trials happen to be separable
        again = fit_switching(volts, noisy, trials, family=family, pulse_duration=PULSE)
        assert all(math.isfinite(e) and e > 0 for e in again.standard_errors.values())


SEPARATED = "so that every steep enough curve fits alike; measure voltages in between"
FINE = {"voltage": [0.38, 0.4, 0.42], "switched": [10, 50, 90], "trials": 100}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"voltage": [0.4]}, "switched has shape (3,), but voltage has (1,)"),
        ({"voltage": [[0.4]]}, "voltage has shape (1, 1), not (points,)"),
        ({"voltage": [0.38, math.nan, 0.42]}, "voltage[1] = nan is not finite"),
        ({"trials": [100, 100]}, "trials has shape (2,), but voltage has (3,)"),
        ({"trials": [100, 0, 100]}, "trials[1] = 0 is not a whole number >= 1"),
        ({"trials": 99.5}, "trials[0] = 99.5 is not a whole number >= 1"),
        ({"switched": [10, 101, 90]}, "switched[1] = 101 is not a whole number in [0, 100]"),
        ({"switched": [10, -1, 90]}, "switched[1] = -1 is not a whole number in [0, 100]"),
        ({"switched": [10, 0.5, 90]}, "switched[1] = 0.5 is not a whole number in [0, 100]"),
        (
            {"voltage": [0.4, 0.4, 0.4]},
            "voltage: fewer than 2 different voltages cannot determine a switching curve",
        ),
        (
            {"switched": [0, 0, 0]},
            "switched: no pulse switched, which cannot determine a switching curve",
        ),
        (
            {"switched": [100, 100, 100]},
            "switched: every pulse switched, which cannot determine a switching curve",
        ),
        (
            {"switched": [0, 40, 100]},
            "switched: no pulse below 0.4 V switched and every one above 0.4 V did, " + SEPARATED,
        ),
        (
            {"switched": [0, 0, 100]},
            "switched: no pulse below 0.42 V switched and every one above 0.4 V did, " + SEPARATED,
        ),
        (
            {"switched": [90, 50, 10]},
            "switched: the fraction of pulses that switched does not rise with the voltage",
        ),
        (
            {"switched": [100, 40, 0]},
            "switched: the fraction of pulses that switched does not rise with the voltage",
        ),
        ({"family": "cauchy"}, "family = 'cauchy' is not one of thermal, logistic, gaussian"),
        ({"direction": "up"}, "direction = 'up' is not one of P->AP, AP->P"),
        ({"pulse_duration": 0.0}, "pulse_duration = 0.0 is not > 0"),
        (
            {"voltage": [-0.5, -0.4, -0.3], "family": "logistic"},
            "voltage: the fitted curve has its midpoint at -0.4 V, which is not > 0",
        ),
    ],
)
def test_refuses(changes, message):
    with pytest.raises(InvalidArgument) as error:
        fit_switching(**(FINE | {"pulse_duration": PULSE} | changes))
    assert str(error.value) == message


def test_fit_is_immutable_and_picklable():
    fit = fit_switching(**FINE, pulse_duration=PULSE)
    twin = pickle.loads(pickle.dumps(fit))
    for each in (fit, twin):
        assert (each.parameters, each.deviance, each.model) == (fit.parameters, fit.deviance, fit.model)
        np.testing.assert_array_equal(each.covariance, fit.covariance)
        with pytest.raises(TypeError):
            each.parameters["v50"] = 0.0
        with pytest.raises(ValueError, match="read-only"):
            each.covariance[0, 0] = 0.0


def test_fine_is_fine():
    assert fit_switching(**FINE, pulse_duration=PULSE).parameters["v50"] == pytest.approx(0.4, abs=5e-3)
