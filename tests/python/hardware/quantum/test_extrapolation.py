"""Extrapolation to no noise: against normal equations, general fits and mitiq, and by simulation."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nonideal import _core
from nonideal.errors import InvalidArgument, NumericalError
from nonideal.hardware.quantum import ZNE
from nonideal.hardware.quantum.zne import EXTRAPOLATORS
from oracles import zne as oracle

SCALES = st.lists(st.sampled_from([1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0]), min_size=3, max_size=6, unique=True)


def numbers(n, low=0.05, high=0.95):
    return st.lists(st.floats(low, high), min_size=n, max_size=n)


def test_richardson_weights_and_variance():
    value, variance = ZNE().extrapolate(np.eye(3), np.ones((3, 3)))
    np.testing.assert_array_equal(value, [15 / 8, -10 / 8, 3 / 8])
    np.testing.assert_array_equal(variance, np.full(3, 334 / 64))


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_polynomials_are_the_normal_equations(data):
    scales = data.draw(SCALES)
    order = data.draw(st.integers(1, min(3, len(scales) - 1)))
    values = data.draw(numbers(len(scales)))
    variances = data.draw(st.none() | numbers(len(scales), 1e-5, 1e-3))
    got = ZNE(scales, extrapolator="polynomial", order=order).extrapolate(values, variances)
    want = oracle.polynomial(scales, values, order, variances)
    np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-9)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_exponentials_are_lines_in_the_logarithm(data):
    scales = data.draw(SCALES)
    values = data.draw(numbers(len(scales), 0.05, 0.45))
    variances = data.draw(st.none() | numbers(len(scales), 1e-5, 1e-3))
    got = ZNE(scales, extrapolator="exponential", asymptote=0.5).extrapolate(values, variances)
    want = oracle.exponential(scales, values, 0.5, variances)
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-10)


@given(SCALES, st.floats(-1, 1), st.sampled_from([-1.0, 0.3, 2.0]), st.floats(0.02, 1.0), st.booleans())
@settings(max_examples=150, deadline=None)
def test_exact_decays_are_recovered(scales, a, b, c, weighted):
    y = a + b * np.exp(-c * np.array(scales))
    variances = np.linspace(1, 2, len(scales)) * 1e-4 if weighted else None
    known = ZNE(scales, extrapolator="exponential", asymptote=a).extrapolate(y, variances)[0]
    assert known == pytest.approx(a + b, abs=1e-10)
    fitted = ZNE(scales, extrapolator="exponential").extrapolate(y, variances)[0]
    assert fitted == pytest.approx(a + b, abs=1e-8)


def test_poly_exponential_recovers_its_own_curve():
    s = np.array([1.0, 2, 3, 5])
    y = 0.5 + 0.3 * np.exp(-0.1 * s - 0.02 * s**2)
    zne = ZNE(s, extrapolator="poly_exponential", order=2, asymptote=0.5)
    assert zne.extrapolate(y)[0] == pytest.approx(0.8, abs=1e-13)


@pytest.mark.parametrize("seed", range(12))
def test_fitted_asymptote_is_the_least_squares_fit(seed):
    rng = np.random.default_rng(seed)
    s = np.array([1.0, 1.5, 2, 3, 4, 6])
    y = 0.4 + 0.5 * np.exp(-0.35 * s) + 1e-3 * rng.standard_normal(6)
    variances = None if seed % 2 else rng.uniform(0.5, 2, 6) * 1e-6
    got = ZNE(s, extrapolator="exponential").extrapolate(y, variances)[0]
    assert got == pytest.approx(oracle.fitted_exponential(s, y, variances), abs=1e-7)


@pytest.mark.parametrize(
    "options",
    [
        {"extrapolator": "linear"},
        {"extrapolator": "richardson"},
        {"extrapolator": "polynomial", "order": 2, "scales": (1, 2, 3, 5)},
        {"extrapolator": "exponential", "asymptote": 0.5},
        {"extrapolator": "exponential", "scales": (1, 3, 9)},
        {"extrapolator": "poly_exponential", "order": 2, "asymptote": 0.5},
    ],
)
@pytest.mark.parametrize("shots", [1 << 16, 1 << 20])
def test_variance_is_what_repeats_show(options, shots):
    zne = ZNE(**options)
    rng = np.random.default_rng(5)
    p = 0.5 - 0.4 * np.exp(-0.15 * np.array(zne.scales))
    repeats = 20_000
    y = rng.binomial(shots, p[:, None], (len(p), repeats)) / shots
    value, variance = zne.extrapolate(y, y * (1 - y) / shots)
    # the standard deviation of a standard deviation is 1 / sqrt(2 n) = 0.5 %; the delta method is first order
    assert value.std() / np.sqrt(variance.mean()) == pytest.approx(1.0, abs=0.025)
    clear = np.abs(value - zne.extrapolate(p, p * (1 - p) / shots)[0]) < 3 * np.sqrt(variance)
    assert clear.mean() > 0.99


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_linear_in_values_and_blind_to_order(data):
    scales = data.draw(SCALES)
    n = len(scales)
    x, y = (np.array(data.draw(numbers(n))) for _ in range(2))
    order = data.draw(st.permutations(range(n)))
    for kind in ("linear", "richardson"):
        zne = ZNE(scales, extrapolator=kind)
        both = zne.extrapolate(2 * x - y)[0]
        scale = (
            1 + np.abs(_core.quantum.Extrapolator(kind, 1, None, -9, 9, False).linear_weights(scales)).sum()
        )
        assert both == pytest.approx(2 * zne.extrapolate(x)[0] - zne.extrapolate(y)[0], abs=1e-13 * scale)
        shuffled = ZNE([scales[i] for i in order], extrapolator=kind)
        assert shuffled.extrapolate(x[list(order)])[0] == pytest.approx(
            zne.extrapolate(x)[0], abs=1e-11 * scale
        )


def test_affine_changes_pass_through_the_fitted_exponential():
    y = np.array([0.9, 0.7, 0.6])
    zne = ZNE(extrapolator="exponential")
    plain, variance = zne.extrapolate(y, np.full(3, 1e-4))
    moved, larger = zne.extrapolate(3 - 100 * y, np.full(3, 1.0))
    assert moved == pytest.approx(3 - 100 * plain, rel=1e-12)
    assert larger == pytest.approx(1e4 * variance, rel=1e-10)


def test_batches_threads_and_shapes():
    rng = np.random.default_rng(1)
    y = 0.5 - 0.4 * np.exp(-0.1 * np.array([1, 3, 5])[:, None, None]) + 1e-3 * rng.random((3, 90, 100))
    for options in ({}, {"extrapolator": "exponential"}, {"extrapolator": "exponential", "asymptote": 0.6}):
        zne = ZNE(**options)
        value, variance = zne.extrapolate(y, 1e-5 * (1 + y), num_threads=1)
        assert value.shape == (90, 100)
        again, _ = zne.extrapolate(y, 1e-5 * (1 + y), num_threads=4)
        np.testing.assert_array_equal(value, again)
        one = zne.extrapolate(y[:, 3, 7], 1e-5 * (1 + y[:, 3, 7]))
        assert one == (value[3, 7], variance[3, 7])


def test_clipping():
    y = [0.99, 0.6, 0.4]
    assert ZNE().extrapolate(y)[0] > 1
    assert ZNE(clip=True).extrapolate(y)[0] == 1.0
    assert ZNE(clip=True).extrapolate(y, bounds=(-0.5, 0.5))[0] == 0.5


def test_crossing():
    y = [0.45, 0.49, 0.51]
    with pytest.raises(NumericalError, match=r"exponential extrapolation of 0\.45, 0\.49, 0\.51: the values"):
        ZNE(extrapolator="exponential", asymptote=0.5).extrapolate(y)
    raw = ZNE((3, 1, 5), extrapolator="exponential", asymptote=0.5, on_crossing="raw")
    assert raw.extrapolate([0.49, 0.45, 0.51], [2e-4, 1e-4, 3e-4]) == (0.45, 1e-4)
    with pytest.raises(NumericalError, match="no exponential fits"):
        ZNE(extrapolator="exponential").extrapolate([0.4, 0.5, 0.45])
    assert ZNE(extrapolator="exponential").extrapolate([0.4, 0.4, 0.4])[0] == 0.4


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_mitiq_agrees(data):
    inference = pytest.importorskip("mitiq.zne.inference")
    scales = sorted(data.draw(SCALES))
    values = data.draw(numbers(len(scales)))
    order = data.draw(st.integers(1, len(scales) - 1))
    assume(order <= 3)
    pairs = (
        (ZNE(scales, extrapolator="linear"), inference.LinearFactory.extrapolate(scales, values)),
        (ZNE(scales), inference.RichardsonFactory.extrapolate(scales, values)),
        (
            ZNE(scales, extrapolator="polynomial", order=order),
            inference.PolyFactory.extrapolate(scales, values, order),
        ),
    )
    for ours, theirs in pairs:
        size = 1 + sum(abs(y) for y in values) * max(1, abs(theirs))
        assert ours.extrapolate(values)[0] == pytest.approx(theirs, abs=1e-10 * size)


def test_many_nodes_warn():
    assert math.comb(14, 7) - 1 == 3431  # the weights are binomial coefficients of 7
    with pytest.warns(UserWarning, match=r"through 7 scales multiplies the variance by 3\.43e\+03"):
        ZNE((1, 2, 3, 4, 5, 6, 7))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ZNE((1, 2, 3, 4, 5, 6))
        ZNE((1, 2, 3, 4, 5, 6, 7), extrapolator="linear")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scales": (1, 0.5, 3)}, "scales[1] = 0.5 is not a finite number >= 1"),
        ({"scales": (1, math.nan)}, "scales[1] = nan is not finite"),
        ({"scales": (1, 3, 1)}, "scales[2] = 1 is there already"),
        ({"scales": ()}, "len(scales) = 0 is outside [1, 32]"),
        ({"scales": 3}, "scales = 3 is not a sequence"),
        ({"scales": (1,), "extrapolator": "linear"}, "scales: linear extrapolation needs 2, got 1"),
        (
            {"scales": (1, 2), "extrapolator": "exponential"},
            "scales: exponential extrapolation needs 3, got 2",
        ),
        (
            {"extrapolator": "polynomial", "order": 3},
            "scales: polynomial extrapolation needs 4, got 3",
        ),
        ({"extrapolator": "polynomial", "order": 0}, "order = 0 is outside [1, 31]"),
        ({"extrapolator": "poly_exponential"}, "asymptote: poly_exponential needs one"),
        (
            {"extrapolator": "cubic"},
            f"extrapolator = 'cubic' is not one of {', '.join(EXTRAPOLATORS)}",
        ),
        ({"fold": "gates"}, "fold = 'gates' is not one of gate, global"),
        ({"realization": "pulse"}, "realization = 'pulse' is not one of auto, channel, circuit"),
        ({"on_crossing": "nan"}, "on_crossing = 'nan' is not one of error, raw"),
        ({"asymptote": math.inf}, "asymptote = inf is not finite"),
        ({"clip": 1}, "clip = 1 is neither True nor False"),
        ({"fold_gates": []}, "fold_gates: none given; None folds all gates"),
        (
            {"fold_gates": {"cx"}, "fold": "global"},
            "fold_gates: fold = 'global' repeats the whole circuit",
        ),
    ],
)
def test_refused_settings(options, message):
    with pytest.raises(InvalidArgument) as refusal:
        ZNE(**options)
    assert str(refusal.value) == message


@pytest.mark.parametrize(
    ("values", "variances", "message"),
    [
        ([0.5, 0.4], None, "values: shape (2,) does not begin with 3 scales"),
        (0.5, None, "values: shape () does not begin with 3 scales"),
        ([0.5, math.nan, 0.4], None, "values[1] = nan is not finite"),
        ([0.5, 0.4, 0.3], [1, 1], "variances: shape (2,) is not that of values, (3,)"),
        ([0.5, 0.4, 0.3], [1, -1, 1], "variances[1] = -1 is not a finite number >= 0"),
    ],
)
def test_refused_values(values, variances, message):
    with pytest.raises(InvalidArgument) as refusal:
        ZNE().extrapolate(values, variances)
    assert str(refusal.value) == message
