"""The junction, the declared table of devices, and what they refuse."""

import copy
import dataclasses
import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal.errors import InvalidArgument, NumericalError
from nonideal.hardware.cram.devices import DEVICES, MTJ, STATUSES, device
from nonideal.hardware.cram.gates import State
from nonideal.hardware.cram.switching import DIRECTIONS, ThermalSwitching
from oracles import devices as oracle

THERMAL = ThermalSwitching(45.0, 0.5, 0.45)
GOOD = {"resistance_parallel": 3000.0, "tmr": 1.5, "switching": THERMAL, "pulse_duration": 1e-6}


def test_slope_of_lv2024_is_the_fit():
    """The stored constant is where NAND2 at TMR 1.09 is right in 99.4 %, found again by other means."""
    mtj = device("lv2024_fit")
    assert mtj.switching.slope(mtj.pulse_duration) == pytest.approx(oracle.fitted_slope(), rel=1e-12)
    assert mtj.switching.slope(mtj.pulse_duration) == pytest.approx(29.5137, abs=5e-5)


def test_lv2024_fit_as_published():
    mtj = device("lv2024_fit")
    assert (mtj.tmr, mtj.resistance_parallel, mtj.pulse_duration) == (1.09, 3150.0, 1e-3)
    for direction in DIRECTIONS:
        assert mtj.switching.v50(direction, 1e-3) == pytest.approx(0.4, rel=1e-14)
    assert mtj.provenance["switching.slope"][0] == "fitted"
    assert mtj.provenance["resistance_parallel"][0] == "assumed"


def test_today_45nm_as_published():
    mtj = device("today_45nm")
    assert mtj.resistance_parallel == 3150.0
    assert mtj.resistance_antiparallel == pytest.approx(7340.0, rel=1e-14)
    assert mtj.tmr == pytest.approx(1.33, abs=5e-3)
    # R = RA / area: 5 ohm um^2, diameter 45 nm.
    assert mtj.resistance_parallel == pytest.approx(5.0 / (math.pi * 0.0225**2), rel=5e-3)
    assert mtj.pulse_duration == 3e-9
    assert mtj.critical_current == 40e-6
    assert mtj.switching.v50("P->AP", 3e-9) == pytest.approx(40e-6 * 3150.0, rel=1e-14)
    assert mtj.switching.v50("AP->P", 3e-9) == pytest.approx(40e-6 * 7340.0, rel=1e-14)
    assert mtj.switching.slope(3e-9) == pytest.approx(oracle.fitted_slope(), rel=1e-12)
    # Presets: 15 fJ from P, 35 fJ from AP.
    assert mtj.preset_energy(State.P) == pytest.approx(15e-15, rel=0.01)
    assert mtj.preset_energy(State.AP) == pytest.approx(35e-15, rel=0.01)


@pytest.mark.parametrize(
    ("name", "parallel", "antiparallel", "current"),
    [("projected_10nm", 12.73e3, 76.39e3, 0.79e-6), ("mouse_projected", 7.34e3, 76.39e3, 3e-6)],
)
def test_projections_as_published(name, parallel, antiparallel, current):
    mtj = device(name)
    assert mtj.resistance_parallel == parallel
    assert mtj.resistance_antiparallel == pytest.approx(antiparallel, rel=1e-14)
    assert mtj.pulse_duration == 1e-9
    assert mtj.critical_current == current
    assert mtj.switching.v50("P->AP", 1e-9) == pytest.approx(current * parallel, rel=1e-14)
    assert mtj.switching.v50("AP->P", 1e-9) == pytest.approx(current * antiparallel, rel=1e-14)
    assert mtj.switching.slope(1e-9) == pytest.approx(oracle.fitted_slope(), rel=1e-12)


def test_numbers_of_the_10_nm_projection_belong_together():
    """RA = 1 ohm um^2 and J_c = 1e6 A/cm^2 on a disc of 10 nm; 500 % TMR."""
    mtj, area = device("projected_10nm"), math.pi * 5e-9**2
    assert mtj.resistance_parallel == pytest.approx(1e-12 / area, rel=1e-3)
    assert mtj.critical_current == pytest.approx(1e10 * area, rel=0.01)
    assert mtj.tmr == pytest.approx(5.0, rel=1e-3)
    # The other projection disagrees with its own TMR of 500 %, and says so.
    assert device("mouse_projected").tmr == pytest.approx(9.41, abs=5e-3)
    assert "disagrees" in device("mouse_projected").provenance["tmr"][1]


@pytest.mark.parametrize("name", DEVICES)
def test_every_number_of_every_device_has_an_origin(name):
    mtj = device(name)
    assert mtj.name == name
    named = {key.split(".")[0] for key in mtj.provenance}
    defaults = {f.name for f in dataclasses.fields(MTJ) if f.default == getattr(mtj, f.name)}
    assert named | defaults | {"name", "provenance"} == {f.name for f in dataclasses.fields(MTJ)}
    for parameter in ("slope", "v50_p_to_ap", "v50_ap_to_p", "attempt_time"):
        assert f"switching.{parameter}" in mtj.provenance
    for status, source in mtj.provenance.values():
        assert status in STATUSES
        assert source


@pytest.mark.parametrize("name", DEVICES)
def test_devices_take_changes(name):
    mtj = device(name, tmr=3.0, access_resistance=500.0)
    assert (mtj.tmr, mtj.access_resistance, mtj.name) == (3.0, 500.0, name)
    assert mtj.switching == device(name).switching
    assert mtj.provenance["tmr"] == ("assumed", "set by the caller")
    assert mtj.provenance["access_resistance"] == ("assumed", "set by the caller")
    assert mtj.provenance["pulse_duration"] == device(name).provenance["pulse_duration"]


def test_replace():
    mtj = device("lv2024_fit")
    assert mtj.replace() == mtj
    assert mtj.replace(tmr=2.0) == device("lv2024_fit", tmr=2.0)
    assert mtj.tmr == 1.09
    changed = mtj.replace(switching=THERMAL, name="other")
    assert changed.switching == THERMAL
    assert [key for key in changed.provenance if key.startswith("switching")] == ["switching"]
    given_origin = mtj.replace(tmr=2.0, provenance={"tmr": ("measured", "our own wafer")})
    assert dict(given_origin.provenance) == {"tmr": ("measured", "our own wafer")}


def test_is_an_immutable_hashable_value():
    mtj = device("today_45nm")
    for twin in (pickle.loads(pickle.dumps(mtj)), copy.copy(mtj), copy.deepcopy(mtj), device("today_45nm")):
        assert twin == mtj
        assert hash(twin) == hash(mtj)
        assert twin.provenance == mtj.provenance
    with pytest.raises(dataclasses.FrozenInstanceError):
        mtj.tmr = 2.0
    with pytest.raises(TypeError):
        mtj.provenance["tmr"] = ("measured", "nowhere")


def test_does_not_alias_the_callers_provenance():
    origins = {"tmr": ("measured", "our own wafer")}
    mtj = MTJ(**GOOD, provenance=origins)
    origins.clear()
    assert mtj.provenance["tmr"] == ("measured", "our own wafer")


@settings(deadline=None)
@given(st.floats(0.0, 1.0), st.sampled_from(DIRECTIONS), st.floats(-9.0, -3.0))
def test_p_switch_is_the_models(voltage, direction, exponent):
    mtj, pulse = MTJ(**GOOD), 10.0**exponent
    want = THERMAL.log_p(voltage, direction, pulse)
    assert mtj.log_p_switch(voltage, direction, pulse) == want
    assert mtj.p_switch(voltage, direction, pulse) == np.exp(want[0])
    assert mtj.p_switch(voltage, direction) == np.exp(THERMAL.log_p(voltage, direction, 1e-6)[0])
    assert 0.0 <= mtj.p_switch(voltage, direction, pulse) <= 1.0


@pytest.mark.parametrize("shape", [(), (0,), (2, 3)])
def test_p_switch_keeps_the_shape(shape):
    p = device("lv2024_fit").p_switch(np.full(shape, 0.4), "P->AP")
    assert isinstance(p, np.ndarray)
    assert p.shape == shape
    np.testing.assert_allclose(p, 0.5, rtol=1e-12)


def test_preset_energy_without_a_critical_current():
    mtj = MTJ(**GOOD)
    current = THERMAL.v50("P->AP", 1e-6) / 3000.0
    assert mtj.preset_energy(0) == pytest.approx(current**2 * 3000.0 * 1e-6, rel=1e-14)
    assert mtj.preset_energy(1) == pytest.approx(current**2 * 7500.0 * 1e-6, rel=1e-14)


class Broken:
    """A switching model that answers with NaN."""

    def log_p(self, voltage, direction, pulse_duration):
        return np.full_like(voltage, np.nan), np.zeros_like(voltage)

    def v50(self, direction, pulse_duration):
        return 0.4


def test_a_model_that_answers_with_nan_is_named():
    with pytest.raises(NumericalError) as error:
        MTJ(**(GOOD | {"switching": Broken()})).p_switch([0.1, 0.2], "P->AP")
    assert str(error.value) == "Broken.log_p gave NaN"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tmr": -1}, "tmr = -1 is not > 0"),
        ({"tmr": 0.0}, "tmr = 0.0 is not > 0"),
        ({"tmr": math.nan}, "tmr = nan is not finite"),
        ({"resistance_parallel": 0}, "resistance_parallel = 0 is not > 0"),
        ({"resistance_parallel": -3000.0}, "resistance_parallel = -3000.0 is not > 0"),
        ({"resistance_parallel": math.inf}, "resistance_parallel = inf is not finite"),
        ({"resistance_parallel": 1e300, "tmr": 1e300}, "resistance_parallel (1 + tmr) = inf is not finite"),
        ({"pulse_duration": 0.0}, "pulse_duration = 0.0 is not > 0"),
        ({"pulse_duration": math.nan}, "pulse_duration = nan is not finite"),
        ({"access_resistance": -1.0}, "access_resistance = -1.0 is not >= 0"),
        ({"access_resistance": math.nan}, "access_resistance = nan is not finite"),
        ({"line_resistance": -1.0}, "line_resistance = -1.0 is not >= 0"),
        ({"critical_current": 0.0}, "critical_current = 0.0 is not > 0"),
        ({"preset_error": 1.5}, "preset_error = 1.5 is outside [0, 1]"),
        ({"preset_error": math.nan}, "preset_error = nan is outside [0, 1]"),
        ({"breakdown_voltage": 0.0}, "breakdown_voltage = 0.0 is not > 0"),
        ({"tmr_half_voltage": 0.0}, "tmr_half_voltage = 0.0 is not > 0"),
        ({"tmr_half_voltage": math.nan}, "tmr_half_voltage = nan is not finite"),
        (
            {"provenance": {"colour": ("published", "nowhere")}},
            f"provenance key = 'colour' is not one of {', '.join(f.name for f in dataclasses.fields(MTJ))}",
        ),
        (
            {"provenance": {"tmr": ("guessed", "nowhere")}},
            "provenance[\"tmr\"] status = 'guessed' is not one of fitted, published, assumed, measured",
        ),
    ],
)
def test_refuses_values(changes, message):
    with pytest.raises(InvalidArgument) as error:
        MTJ(**(GOOD | changes))
    assert str(error.value) == message
    with pytest.raises(InvalidArgument) as error:
        MTJ(**GOOD).replace(**changes)
    assert str(error.value) == message


def test_refuses_a_pulse_that_outlasts_the_retention():
    v50 = THERMAL.v50("P->AP", 1e15)
    assert v50 < 0.0
    with pytest.raises(InvalidArgument) as error:
        MTJ(**(GOOD | {"pulse_duration": 1e15}))
    assert str(error.value) == f'switching.v50("P->AP", 1000000000000000.0) = {v50} is not > 0'


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: device("lv2024"), f"name = 'lv2024' is not one of {', '.join(DEVICES)}"),
        (lambda: device("lv2024_fit", tmr=-1), "tmr = -1 is not > 0"),
        (
            lambda: device("lv2024_fit", tmt=2.0),
            f"field = 'tmt' is not one of {', '.join(f.name for f in dataclasses.fields(MTJ))}",
        ),
        (lambda: MTJ(**GOOD).preset_energy(2), "old_state = 2 is not one of 0 (P), 1 (AP)"),
        (lambda: MTJ(**GOOD).preset_energy(math.nan), "old_state = nan is not one of 0 (P), 1 (AP)"),
        (lambda: MTJ(**GOOD).p_switch(0.3, "up"), "direction = 'up' is not one of P->AP, AP->P"),
        (lambda: MTJ(**GOOD).p_switch([0.3, math.nan], "P->AP"), "voltage[1] = nan is not finite"),
        (lambda: MTJ(**GOOD).p_switch(0.3, "P->AP", -1.0), "pulse_duration = -1.0 is not > 0"),
        (lambda: MTJ(**GOOD).log_p_switch(0.3, "P->AP", 0), "pulse_duration = 0 is not > 0"),
    ],
)
def test_refuses_arguments(call, message):
    with pytest.raises(InvalidArgument) as error:
        call()
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tmr": "1.09"}, "tmr = '1.09' is not a number"),
        ({"critical_current": "40 uA"}, "critical_current = '40 uA' is not a number"),
        ({"switching": 0.4}, "switching = 0.4 is not a switching model (log_p, v50)"),
        ({"name": 3}, "name = 3 is not a string"),
    ],
)
def test_refuses_types(changes, message):
    with pytest.raises(InvalidArgument) as error:
        MTJ(**(GOOD | changes))
    assert str(error.value) == message
