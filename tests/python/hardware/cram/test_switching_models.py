"""Precessional and empirical switching: against 60-digit decimals, in both tails, and what they refuse."""

import itertools
import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal.errors import InvalidArgument
from nonideal.hardware.cram.devices import MTJ, device
from nonideal.hardware.cram.library import GateLibrary
from nonideal.hardware.cram.precessional import PrecessionalSwitching
from nonideal.hardware.cram.sigmoid import SigmoidSwitching
from nonideal.hardware.cram.switching import DIRECTIONS, Switching, ThermallyStable, ThermalSwitching
from oracles import devices as oracle

DEADLINE = settings(deadline=None)
pulses = st.floats(-9.5, -6.0).map(lambda exponent: 10.0**exponent)


@st.composite
def precessional_models(draw: st.DrawFn) -> PrecessionalSwitching:
    volts = st.floats(0.05, 1.5)
    return PrecessionalSwitching(
        draw(st.floats(15.0, 120.0)),
        draw(volts),
        draw(volts),
        damping=draw(st.floats(0.003, 0.1)),
        anisotropy_field=draw(st.floats(0.05, 1.0)),
    )


@st.composite
def sigmoid_models(draw: st.DrawFn) -> SigmoidSwitching:
    volts = st.floats(0.05, 1.5)
    width = draw(st.floats(0.005, 0.1))
    return SigmoidSwitching(
        draw(volts), draw(volts), width, family=draw(st.sampled_from(["logistic", "gaussian"]))
    )


MODELS = st.one_of(precessional_models(), sigmoid_models())


# What every model promises.


@DEADLINE
@given(MODELS, st.lists(st.floats(-3.0, 6.0), min_size=2, max_size=8), st.sampled_from(DIRECTIONS), pulses)
def test_p_rises_with_voltage_and_the_two_logs_belong_together(model, voltage, direction, pulse):
    log_switched, log_held = model.log_p(np.sort(voltage), direction, pulse)
    # The blend compares two expressions: their order holds but for rounding.
    assert np.all(np.diff(log_switched) >= -1e-13 * np.abs(log_switched[1:]))
    assert np.all(np.diff(log_held) <= 1e-13 * np.abs(log_held[1:]))
    assert np.all(log_switched <= 0.0)
    assert np.all(log_held <= 0.0)
    np.testing.assert_allclose(np.exp(log_switched) + np.exp(log_held), 1.0, rtol=0, atol=1e-14)


@DEADLINE
@given(MODELS, st.sampled_from(DIRECTIONS), pulses)
def test_half_of_the_pulses_switch_at_v50(model, direction, pulse):
    log_switched, log_held = model.log_p(model.v50(direction, pulse), direction, pulse)
    assert float(log_switched) == pytest.approx(-math.log(2), rel=1e-9)
    assert float(log_held) == pytest.approx(-math.log(2), rel=1e-9)


@pytest.mark.parametrize(
    "model", [PrecessionalSwitching(60.0, 0.4, 0.5), SigmoidSwitching(0.4, 0.5, 0.02, family="gaussian")]
)
def test_models_are_values_of_the_protocol(model):
    assert isinstance(model, Switching)
    assert isinstance(model, ThermallyStable) == isinstance(model, PrecessionalSwitching)
    twin = pickle.loads(pickle.dumps(model))
    assert twin == model
    assert hash(twin) == hash(model)
    assert model.v50("P->AP", 4e-9) < model.v50("AP->P", 4e-9)
    for shape in ((), (0,), (2, 3)):
        assert all(log.shape == shape for log in model.log_p(np.full(shape, 0.3), "P->AP", 4e-9))
    gates = GateLibrary(
        device("today_45nm", switching=model, pulse_duration=4e-9, breakdown_voltage=5.0),
        gates=["NAND2", "BUF"],
    )
    assert gates["NAND2"].usable


# Precession.


@DEADLINE
@given(precessional_models(), st.one_of(st.floats(-2.0, 8.0), st.floats(1 - 1e-6, 1 + 1e-6)), pulses)
def test_write_error_rate_equals_60_digit_arithmetic(model, overdrive, pulse):
    success, failure = oracle.write_error_rate(overdrive, model.delta, pulse, model.characteristic_time)
    got = model.write_error_rate(overdrive, pulse)
    exponent = 2.0 * abs(overdrive - 1.0) * pulse / model.characteristic_time
    tolerance = 1e-13 * (1.0 + exponent)
    if float(failure) > -650.0:
        assert float(got) == pytest.approx(math.exp(float(failure)), rel=tolerance * 100)
    log_cost = model._log_cost(np.asarray(overdrive), pulse, model.delta)
    assert float(log_cost) == pytest.approx(float((-success).ln()), rel=tolerance, abs=tolerance)


def test_write_error_rate_is_smooth_through_the_critical_voltage():
    model = PrecessionalSwitching(60.0, 0.4, 0.4)
    tau = model.characteristic_time
    assert tau == pytest.approx((1 + 1e-4) / (0.01 * 1.760859e11 * 0.3), rel=1e-15)
    at = float(model._log_cost(np.asarray(1.0), 1e-9, 60.0))
    assert at == pytest.approx(math.log(math.pi**2 / 4 * 60.0 / (1 + 2e-9 / tau)), rel=1e-14)
    steps = model._log_cost(1.0 + 1e-7 * np.arange(-50, 51), 1e-9, 60.0)
    slopes = np.diff(steps) / 1e-7
    np.testing.assert_allclose(slopes, slopes.mean(), rtol=1e-6)


def test_published_write_error_rate():
    """Delta 60, damping 0.01, 0.3 T, i = 3, 4 ns: .0209; its limit is exp(-2 (i - 1) t / tau)."""
    model = PrecessionalSwitching(60.0, 0.4, 0.4)
    assert float(model.write_error_rate(3.0, 4e-9)) == pytest.approx(0.0209, abs=5e-5)
    limit = math.pi**2 / 4 * 60.0 * math.exp(-2 * 4.0 * 20e-9 / model.characteristic_time)
    assert float(model.write_error_rate(5.0, 20e-9)) == pytest.approx(limit * 4 / 5, rel=1e-9)


@DEADLINE
@given(precessional_models(), st.floats(-0.5, 3.0), pulses, st.sampled_from(DIRECTIONS))
def test_blend_is_the_larger_of_precession_and_capped_thermal_activation(model, overdrive, pulse, direction):
    critical = model.critical_voltage_p_to_ap if direction == "P->AP" else model.critical_voltage_ap_to_p
    thermal = ThermalSwitching(model.delta, model.critical_voltage_p_to_ap, model.critical_voltage_ap_to_p)
    capped = min(overdrive * critical, critical * (1 - 5 / model.delta))
    heat = thermal.log_p(capped, direction, pulse)
    success, failure = oracle.write_error_rate(overdrive, model.delta, pulse, model.characteristic_time)
    got = model.log_p(overdrive * critical, direction, pulse)
    assert float(got[0]) == pytest.approx(max(float(heat[0]), float(success)), rel=1e-11, abs=1e-300)
    assert float(got[1]) == pytest.approx(min(float(heat[1]), float(failure)), rel=1e-11, abs=1e-300)


def test_precession_keeps_both_tails():
    model = PrecessionalSwitching(60.0, 0.4, 0.4)
    held = float(model.log_p(2.4, "P->AP", 2e-8)[1])
    _, failure = oracle.write_error_rate(2.4 / 0.4, 60.0, 2e-8, model.characteristic_time)
    assert held < math.log(1e-30)
    assert held == pytest.approx(float(failure), rel=1e-12)
    assert -600.0 < float(model.log_p(0.0, "P->AP", 1e-9)[0]) < math.log(1e-20)


def test_a_longer_pulse_switches_more():
    model = PrecessionalSwitching(60.0, 0.4, 0.4)
    volts = np.linspace(0.41, 1.5, 9)
    logs = [model.log_p(volts, "P->AP", pulse)[0] for pulse in (1e-9, 2e-9, 5e-9, 2e-8)]
    assert all(np.all(one <= two) for one, two in itertools.pairwise(logs))


@pytest.mark.parametrize("kind", [ThermalSwitching, PrecessionalSwitching])
def test_another_delta_is_another_model(kind):
    model, other = kind(50.0, 0.4, 0.5), kind(60.0, 0.4, 0.5)
    volts = np.linspace(0.0, 1.2, 13)
    for direction in DIRECTIONS:
        for got, want in zip(
            model.log_p_varied(volts, direction, 5e-9, np.full(13, 1.2)),
            other.log_p(volts, direction, 5e-9),
            strict=True,
        ):
            np.testing.assert_allclose(got, want, rtol=1e-13)


# Retention.


@pytest.mark.parametrize("delta", [30.0, 45.0, 80.0])
def test_retention_is_exponential_in_delta(delta):
    time, model = 3.0e8, ThermalSwitching(delta, 0.4, 0.4)
    rate = math.exp(-delta) / 1e-9
    assert model.retention_error(time) == pytest.approx(-math.expm1(-rate * time), rel=1e-12)
    mtj = MTJ(3000.0, 1.0, model, 1e-6)
    assert mtj.retention_error(time) == model.retention_error(time)
    assert float(mtj.p_switch(0.0, "P->AP", time)) == pytest.approx(mtj.retention_error(time), rel=1e-9)
    assert PrecessionalSwitching(delta, 0.4, 0.4).retention_error(time) == model.retention_error(time)
    assert model.retention_error(1e300) == 1.0


def test_retention_needs_a_thermal_stability():
    mtj = device("lv2024_fit", switching=SigmoidSwitching(0.4, 0.4, 0.02))
    with pytest.raises(InvalidArgument) as error:
        mtj.retention_error(1.0)
    assert str(error.value) == (
        "switching: SigmoidSwitching has no thermal stability, so its retention is unknown"
    )


# Sigmoids.


@pytest.mark.parametrize("tail", [1e-6, 1e-30, 1e-200])
def test_both_tails_of_a_sigmoid_hold(tail):
    logistic = SigmoidSwitching(1.0, 1.0, 0.02)
    step = 0.02 * math.log(tail)
    want = math.log(tail) - math.log1p(tail)
    assert float(logistic.log_p(1.0 + step, "P->AP", 1.0)[0]) == pytest.approx(want, rel=1e-12)
    assert float(logistic.log_p(1.0 - step, "P->AP", 1.0)[1]) == pytest.approx(want, rel=1e-12)
    # Phi(-x) = exp(-x^2/2) / (x sqrt(2 pi)) (1 - 1/x^2 + 3/x^4 - 15/x^6 + 105/x^8 ...), x = 40
    gaussian = SigmoidSwitching(1.0, 1.0, 0.02, family="gaussian")
    x = 40.0
    series = 1 - x**-2 + 3 * x**-4 - 15 * x**-6 + 105 * x**-8
    want = -x * x / 2 - math.log(x * math.sqrt(2 * math.pi)) + math.log(series)
    assert float(gaussian.log_p(1.0 - 0.02 * x, "AP->P", 1.0)[0]) == pytest.approx(want, rel=1e-12)
    assert float(gaussian.log_p(1.0 + 0.02 * x, "AP->P", 1.0)[1]) == pytest.approx(want, rel=1e-12)


def test_sigmoid_near_its_middle():
    z = np.linspace(-3.0, 3.0, 13)
    logistic = SigmoidSwitching(0.4, 0.6, 0.02)
    np.testing.assert_allclose(
        np.exp(logistic.log_p(0.6 + 0.02 * z, "AP->P", 1.0)[0]), 1 / (1 + np.exp(-z)), rtol=1e-12
    )
    gaussian = SigmoidSwitching(0.4, 0.6, 0.02, family="gaussian")
    want = [0.5 * math.erfc(-x / math.sqrt(2)) for x in z]
    np.testing.assert_allclose(np.exp(gaussian.log_p(0.4 + 0.02 * z, "P->AP", 1.0)[0]), want, rtol=1e-12)


# Refusals.


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: PrecessionalSwitching(0.0, 0.4, 0.4), "delta = 0.0 is not > 0"),
        (lambda: PrecessionalSwitching(60.0, -0.4, 0.4), "critical_voltage_p_to_ap = -0.4 is not > 0"),
        (
            lambda: PrecessionalSwitching(60.0, 0.4, math.nan),
            "critical_voltage_ap_to_p = nan is not finite",
        ),
        (lambda: PrecessionalSwitching(60.0, 0.4, 0.4, damping=0), "damping = 0 is not > 0"),
        (
            lambda: PrecessionalSwitching(60.0, 0.4, 0.4, anisotropy_field=math.inf),
            "anisotropy_field = inf is not finite",
        ),
        (lambda: PrecessionalSwitching(60.0, 0.4, 0.4, attempt_time=-1), "attempt_time = -1 is not > 0"),
        (
            lambda: PrecessionalSwitching(60.0, 0.4, 0.4).write_error_rate([2.0, math.nan], 1e-9),
            "overdrive[1] = nan is not finite",
        ),
        (
            lambda: PrecessionalSwitching(60.0, 0.4, 0.4).write_error_rate(2.0, 0.0),
            "pulse_duration = 0.0 is not > 0",
        ),
        (
            lambda: PrecessionalSwitching(60.0, 0.4, 0.4).log_p(0.4, "up", 1e-9),
            "direction = 'up' is not one of P->AP, AP->P",
        ),
        (
            lambda: PrecessionalSwitching(60.0, 0.4, 0.4).v50("P->AP", -1e-9),
            "pulse_duration = -1e-09 is not > 0",
        ),
        (lambda: SigmoidSwitching(0.0, 0.4, 0.02), "v50_p_to_ap = 0.0 is not > 0"),
        (lambda: SigmoidSwitching(0.4, math.nan, 0.02), "v50_ap_to_p = nan is not finite"),
        (lambda: SigmoidSwitching(0.4, 0.4, -0.02), "width = -0.02 is not > 0"),
        (
            lambda: SigmoidSwitching(0.4, 0.4, 0.02, family="cauchy"),
            "family = 'cauchy' is not one of logistic, gaussian",
        ),
        (
            lambda: SigmoidSwitching(0.4, 0.4, 0.02).log_p([math.inf], "P->AP", 1e-9),
            "voltage[0] = inf is not finite",
        ),
        (lambda: SigmoidSwitching(0.4, 0.4, 0.02).v50("P->AP", 0), "pulse_duration = 0 is not > 0"),
        (lambda: ThermalSwitching(60.0, 0.4, 0.4).retention_error(0.0), "time = 0.0 is not > 0"),
    ],
)
def test_refuses(call, message):
    with pytest.raises(InvalidArgument) as error:
        call()
    assert str(error.value) == message
