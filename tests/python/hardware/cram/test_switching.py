"""Thermal switching against 60-digit decimals, and what it refuses."""

import math
import pickle
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal.errors import InvalidArgument
from nonideal.hardware.cram.switching import DIRECTIONS, Switching, ThermalSwitching
from oracles import devices as oracle

DEADLINE = settings(deadline=None)
deltas = st.floats(10.0, 120.0)
voltages = st.floats(0.05, 2.0)
pulses = st.floats(-9.0, -2.0).map(lambda exponent: 10.0**exponent)


@st.composite
def thermal_models(draw: st.DrawFn) -> ThermalSwitching:
    return ThermalSwitching(
        draw(deltas), draw(voltages), draw(voltages), 10.0 ** draw(st.floats(-10.0, -8.5))
    )


@DEADLINE
@given(thermal_models(), st.floats(-1.0, 3.0), st.sampled_from(DIRECTIONS), pulses)
def test_log_p_equals_200_digit_arithmetic(model, voltage, direction, pulse):
    forward = direction == "P->AP"
    critical = model.critical_voltage_p_to_ap if forward else model.critical_voltage_ap_to_p
    want = oracle.thermal_log_p(voltage, model.delta, critical, pulse, model.attempt_time)
    got = model.log_p(voltage, direction, pulse)
    # The exponent delta (1 - V/V_c) loses a few ulp of its own size, which is a relative error of the hazard.
    exponent = abs(math.log(pulse / model.attempt_time)) + model.delta * (1.0 + abs(voltage) / critical)
    tolerance = 8 * np.finfo(float).eps * (1.0 + exponent)
    hazard = -want[1]
    # In the upper tail log P = -exp(-h), which turns h's relative error into h times that.
    assert float(got[0]) == pytest.approx(
        float(want[0]), rel=tolerance * (1.0 + min(float(hazard), 800.0)), abs=1e-300
    )
    if hazard < Decimal("1e300"):
        assert float(got[1]) == pytest.approx(float(want[1]), rel=tolerance, abs=1e-300)
    else:  # clipped, to a number whose exponential is 0 as well
        assert got[1] < -1e300


@pytest.mark.parametrize("tail", [1e-30, 1e-121, 1e-300])
def test_both_tails_hold(tail):
    """log P and log(1 - P) stay accurate where P or 1 - P is far below the resolution of a double near 1."""
    model = ThermalSwitching.from_slope(29.5, 1.0, pulse_duration=1e-3)
    # P = 1 - exp(-h): h = tail in the lower tail, h = -log(tail) in the upper one.
    lower = 1.0 + math.log(tail / math.log(2)) / 29.5
    upper = 1.0 + math.log(-math.log(tail) / math.log(2)) / 29.5
    assert float(model.log_p(lower, "P->AP", 1e-3)[0]) == pytest.approx(math.log(tail), rel=1e-12)
    assert float(model.log_p(upper, "P->AP", 1e-3)[1]) == pytest.approx(math.log(tail), rel=1e-12)


@DEADLINE
@given(
    thermal_models(),
    st.lists(st.floats(-5.0, 10.0), min_size=2, max_size=8),
    st.sampled_from(DIRECTIONS),
    pulses,
)
def test_p_rises_with_voltage_and_the_two_logs_belong_together(model, voltage, direction, pulse):
    log_switched, log_held = model.log_p(np.sort(voltage), direction, pulse)
    assert np.all(np.diff(log_switched) >= 0.0)
    assert np.all(np.diff(log_held) <= 0.0)
    assert np.all(log_switched <= 0.0)
    assert np.all(log_held <= 0.0)
    np.testing.assert_allclose(np.exp(log_switched) + np.exp(log_held), 1.0, rtol=0, atol=4e-16)


@DEADLINE
@given(thermal_models(), st.sampled_from(DIRECTIONS), pulses)
def test_half_of_the_pulses_switch_at_v50(model, direction, pulse):
    log_switched, log_held = model.log_p(model.v50(direction, pulse), direction, pulse)
    assert float(log_switched) == pytest.approx(-math.log(2), rel=1e-12)
    assert float(log_held) == pytest.approx(-math.log(2), rel=1e-12)


@DEADLINE
@given(st.floats(1.0, 100.0), voltages, voltages, pulses, st.floats(0.8, 1.2))
def test_from_slope_is_the_local_form(slope, v50_p_to_ap, v50_ap_to_p, pulse, ratio):
    model = ThermalSwitching.from_slope(slope, v50_p_to_ap, v50_ap_to_p, pulse_duration=pulse)
    assert model.slope(pulse) == pytest.approx(slope, rel=1e-12)
    assert model.v50("P->AP", pulse) == pytest.approx(v50_p_to_ap, rel=1e-12)
    assert model.v50("AP->P", pulse) == pytest.approx(v50_ap_to_p, rel=1e-12)
    hazard = math.log(2) * math.exp(slope * (ratio - 1))
    got = model.log_p(ratio * v50_p_to_ap, "P->AP", pulse)[1]
    assert float(got) == pytest.approx(-hazard, rel=1e-12)


def test_relations_of_the_parameters():
    """(D, V50, t) <-> (delta, V_c): delta = D + L, V_c = V50 delta / D with L = ln(t / (tau ln 2))."""
    model = ThermalSwitching.from_slope(29.5, 0.4, pulse_duration=1e-3, attempt_time=2e-9)
    waiting = math.log(1e-3 / (2e-9 * math.log(2)))
    assert model.delta == pytest.approx(29.5 + waiting, rel=1e-14)
    assert model.critical_voltage_p_to_ap == pytest.approx(0.4 * model.delta / 29.5, rel=1e-14)
    assert model.critical_voltage_ap_to_p == model.critical_voltage_p_to_ap
    assert model.attempt_time == 2e-9


@pytest.mark.parametrize("shape", [(), (0,), (1,), (2, 3)])
def test_arrays_keep_their_shape_and_type(shape):
    model = ThermalSwitching(40.0, 0.5, 0.5)
    for log in model.log_p(np.full(shape, 0.3), "P->AP", 1e-3):
        assert isinstance(log, np.ndarray)
        assert log.shape == shape
        assert log.dtype == np.float64


def test_accepts_what_numpy_can_read():
    model = ThermalSwitching(40.0, 0.5, 0.5)
    want = float(model.log_p(1.0, "P->AP", 1e-3)[1])
    for voltage in (1, np.float32(1.0), [1.0], np.ones(4)[::2], np.ones(3, dtype=np.int8)):
        assert np.all(model.log_p(voltage, "P->AP", 1e-3)[1] == want)
    frozen = np.ones(3)
    frozen.flags.writeable = False
    assert np.all(model.log_p(frozen, "P->AP", 1e-3)[1] == want)


def test_no_warning_and_no_nan_at_the_ends_of_the_double_range():
    model = ThermalSwitching(40.0, 1e-300, 1e300)
    with np.errstate(all="raise"):
        for direction in DIRECTIONS:
            for voltage in (-1e308, -1.0, 0.0, 1.0, 1e308):
                for pulse in (1e-300, 1.0, 1e300):
                    assert not np.isnan(model.log_p(voltage, direction, pulse)).any()


def test_is_a_hashable_picklable_value():
    model = ThermalSwitching(40.0, 0.5, 0.6)
    assert isinstance(model, Switching)
    assert model == ThermalSwitching(40, 0.5, 0.6)
    assert hash(model) == hash(ThermalSwitching(40, 0.5, 0.6))
    assert pickle.loads(pickle.dumps(model)) == model
    with pytest.raises(AttributeError):
        model.delta = 1.0


GOOD = {"delta": 40.0, "critical_voltage_p_to_ap": 0.5, "critical_voltage_ap_to_p": 0.5, "attempt_time": 1e-9}


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (0.0, "0.0 is not > 0"),
        (-1, "-1 is not > 0"),
        (math.nan, "nan is not finite"),
        (math.inf, "inf is not finite"),
        (10**400, f"{10**400} is not finite"),
        (-(10**400), f"-{10**400} is not finite"),
    ],
)
def test_refuses_parameters(name, value, complaint):
    with pytest.raises(InvalidArgument) as error:
        ThermalSwitching(**(GOOD | {name: value}))
    assert str(error.value) == f"{name} = {complaint}"


@pytest.mark.parametrize("name", ["slope", "v50_p_to_ap", "v50_ap_to_p", "pulse_duration", "attempt_time"])
def test_from_slope_refuses_parameters(name):
    good = {
        "slope": 29.5,
        "v50_p_to_ap": 0.4,
        "v50_ap_to_p": 0.4,
        "pulse_duration": 1e-3,
        "attempt_time": 1e-9,
    }
    for value, complaint in ((0.0, "0.0 is not > 0"), (math.nan, "nan is not finite")):
        with pytest.raises(InvalidArgument) as error:
            ThermalSwitching.from_slope(**(good | {name: value}))
        assert str(error.value) == f"{name} = {complaint}"


def test_from_slope_refuses_a_pulse_too_short_for_a_barrier():
    delta = 1.0 + math.log(1e-10) - math.log(1e-9) - math.log(math.log(2))
    with pytest.raises(InvalidArgument) as error:
        ThermalSwitching.from_slope(1.0, 0.4, pulse_duration=1e-10)
    want = f"delta = slope + ln(pulse_duration / (attempt_time ln 2)) = {delta} is not > 0"
    assert str(error.value) == want


MODEL = ThermalSwitching(40.0, 0.5, 0.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: MODEL.log_p(0.3, "up", 1e-3), "direction = 'up' is not one of P->AP, AP->P"),
        (lambda: MODEL.log_p(0.3, None, 1e-3), "direction = None is not one of P->AP, AP->P"),
        (lambda: MODEL.v50("P->P", 1e-3), "direction = 'P->P' is not one of P->AP, AP->P"),
        (lambda: MODEL.log_p(0.3, "P->AP", 0.0), "pulse_duration = 0.0 is not > 0"),
        (lambda: MODEL.v50("P->AP", -1e-3), "pulse_duration = -0.001 is not > 0"),
        (lambda: MODEL.slope(math.nan), "pulse_duration = nan is not finite"),
        (lambda: MODEL.log_p(math.nan, "P->AP", 1e-3), "voltage = nan is not finite"),
        (lambda: MODEL.log_p([0.1, math.inf], "P->AP", 1e-3), "voltage[1] = inf is not finite"),
        (lambda: MODEL.log_p([[0.1], [-math.inf]], "P->AP", 1e-3), "voltage[1, 0] = -inf is not finite"),
    ],
)
def test_refuses_arguments(call, message):
    with pytest.raises(InvalidArgument) as error:
        call()
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ThermalSwitching("40", 0.5, 0.5), "delta = '40' is not a number"),
        (lambda: ThermalSwitching(40.0, None, 0.5), "critical_voltage_p_to_ap = None is not a number"),
        (lambda: MODEL.log_p("0.3", "P->AP", 1e-3), "voltage has dtype <U3, not a real number's"),
        (lambda: MODEL.log_p(0.3j, "P->AP", 1e-3), "voltage has dtype complex128, not a real number's"),
        (lambda: MODEL.log_p(0.3, "P->AP", [1e-3]), "pulse_duration = [0.001] is not a number"),
    ],
)
def test_refuses_types(call, message):
    with pytest.raises(InvalidArgument) as error:
        call()
    assert str(error.value) == message
