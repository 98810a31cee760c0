"""The divider of every gate against Kirchhoff's equations, and its published figures."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal.errors import InvalidArgument
from nonideal.hardware.cram.devices import MTJ, device
from nonideal.hardware.cram.divider import divide, ideal_window
from nonideal.hardware.cram.gates import GATES, GateSpec, State
from nonideal.hardware.cram.switching import ThermalSwitching
from oracles import devices as oracle

# V_out / V at TMR 1.09 without parasitic resistances, k = 0..n: (n, preset) -> fractions.
FRACTIONS = {
    (1, 0): (0.5, 0.3236),
    (1, 1): (0.6764, 0.5),
    (2, 0): (0.6667, 0.5965, 0.4890),
    (2, 1): (0.8069, 0.7555, 0.6667),
    (3, 0): (0.75, 0.7125, 0.6618, 0.5894),
    (3, 1): (0.8624, 0.8382, 0.8035, 0.75),
    (5, 0): (0.8333, 0.8175, 0.7983, 0.7745, 0.7445, 0.7052),
    (5, 1): (0.9127, 0.9035, 0.8921, 0.8778, 0.8590, 0.8333),
}
# Ideal window (millivolt) and mean energy in its middle (femtojoule), today_45nm.
WINDOWS = {
    "NOT": (252, 420, 43),
    "NAND2": (214, 273, 32.5),
    "NOR2": (189, 214, 22.3),
    "AND2": (382, 440, 52),
    "OR2": (357, 382, 42),
    "MIN3": (178, 194, 22),
    "MAJ3": (345, 361, 42),  # the specification prints 346 for 345.47
    "MIN5": (158.7, 164.3, 19),
    "MAJ5": (326, 332, 39),
}
RELATIVE_WINDOWS = {"NAND2": 0.24, "MIN3": 0.086, "MIN5": 0.035, "MAJ5": 0.017}


def half_unit(printed: float) -> float:
    """Half a unit of the last digit that is printed, with a little room for ties."""
    decimals = len(repr(printed).partition(".")[2]) if isinstance(printed, float) else 0
    return 0.5001 * 10.0**-decimals


@st.composite
def junctions(draw: st.DrawFn) -> MTJ:
    """Physical junctions: 100 ohm to 1 Mohm, TMR 10 % to 1000 %, stable for their pulse, with parasitics."""
    pulse = 10.0 ** draw(st.floats(-9.0, -2.0))
    parallel = 10.0 ** draw(st.floats(2.0, 6.0))
    return MTJ(
        parallel,
        draw(st.floats(0.1, 10.0)),
        ThermalSwitching.from_slope(
            draw(st.floats(5.0, 80.0)),
            draw(st.floats(0.1, 0.8)),
            draw(st.floats(0.1, 0.8)),
            pulse_duration=pulse,
        ),
        pulse,
        access_resistance=parallel * draw(st.sampled_from([0.0, 0.1, 1.0])),
        line_resistance=parallel * draw(st.sampled_from([0.0, 0.05])),
        breakdown_voltage=1e3,
    )


@pytest.mark.parametrize(("n", "preset"), FRACTIONS)
def test_published_fractions(n, preset):
    gate = GateSpec("any", n, 0, State(preset))
    got = divide(device("lv2024_fit"), gate, 1.0).output_voltage
    np.testing.assert_allclose(got, FRACTIONS[n, preset], rtol=0, atol=5.01e-5)
    np.testing.assert_allclose([oracle.share(n, preset, k, 1.09) for k in range(n + 1)], got, rtol=1e-14)


@pytest.mark.parametrize("name", WINDOWS)
def test_published_windows_and_energies(name):
    mtj, gate = device("today_45nm"), GATES[name]
    low, high = ideal_window(mtj, gate)
    energy = divide(mtj, gate, 0.5 * (low + high)).energy
    mean = float(np.dot(oracle.binomial(gate.fan_in), energy))
    for got, printed in zip((1e3 * low, 1e3 * high, 1e15 * mean), WINDOWS[name], strict=True):
        assert got == pytest.approx(printed, abs=half_unit(printed))


@pytest.mark.parametrize("name", RELATIVE_WINDOWS)
def test_published_relative_windows(name):
    low, high = ideal_window(device("today_45nm"), name)
    assert (high - low) / (0.5 * (low + high)) == pytest.approx(
        RELATIVE_WINDOWS[name], abs=5.01e-4 if name != "NAND2" else 5e-3
    )


def test_published_windows_and_energies_of_the_mouse_projection():
    mtj = device("mouse_projected")
    assert mtj.tmr == pytest.approx(9.41, abs=5e-3)
    for name, femtojoule in (("NAND2", 0.51), ("MIN3", 0.11), ("MAJ5", 0.71)):
        low, high = ideal_window(mtj, name)
        energy = divide(mtj, name, 0.5 * (low + high)).energy
        assert 1e15 * np.dot(oracle.binomial(GATES[name].fan_in), energy) == pytest.approx(
            femtojoule, abs=5e-3
        )
    low, high = ideal_window(mtj, "NAND2")
    assert (1e3 * low, 1e3 * high) == (pytest.approx(42, abs=0.5), pytest.approx(137, abs=0.5))


@settings(deadline=None, max_examples=25)
@given(junctions(), st.floats(0.01, 2.0))
def test_every_gate_obeys_kirchhoff(mtj, voltage):
    for gate in GATES.values():
        got = divide(mtj, gate, voltage)
        for k in range(gate.fan_in + 1):
            current, output, inputs = oracle.kirchhoff(
                gate.fan_in,
                int(gate.preset),
                k,
                parallel=mtj.resistance_parallel,
                tmr=mtj.tmr,
                access=mtj.access_resistance,
                line=mtj.line_resistance,
                voltage=voltage,
            )
            assert got.current[k] == pytest.approx(current, rel=1e-11)
            assert got.output_voltage[k] == pytest.approx(output, rel=1e-11)
            assert got.input_voltage[k] == pytest.approx(inputs, rel=1e-11)
            assert got.energy[k] == pytest.approx(voltage * current * mtj.pulse_duration, rel=1e-11)


@settings(deadline=None, max_examples=50)
@given(junctions(), st.floats(0.01, 2.0))
def test_current_falls_with_every_input_that_is_1(mtj, voltage):
    for gate in GATES.values():
        solution = divide(mtj, gate, voltage)
        assert np.all(np.diff(solution.current) < 0.0)
        assert np.all(np.diff(solution.output_voltage) < 0.0)
        assert np.all(solution.output_voltage + solution.input_voltage <= voltage * (1 + 1e-12))
        assert solution.highest_voltage == max(*solution.output_voltage, *solution.input_voltage)


@settings(deadline=None, max_examples=50)
@given(junctions())
def test_windows_of_the_thresholds_follow_one_another(mtj):
    """Of two gates that differ in the threshold alone, the lower threshold has the lower window."""
    for n in range(1, 6):
        for preset in State:
            family = sorted(
                (g for g in GATES.values() if (g.fan_in, g.preset) == (n, preset)), key=lambda g: g.threshold
            )
            windows = [ideal_window(mtj, gate) for gate in family]
            assert all(0.0 < low < high < math.inf for low, high in windows)
            assert all(one[1] <= two[0] for one, two in itertools.pairwise(windows))


@settings(deadline=None, max_examples=50)
@given(junctions())
def test_window_is_where_the_output_sees_v50(mtj):
    for gate in GATES.values():
        direction = "AP->P" if gate.preset == State.AP else "P->AP"
        for end, k in zip(ideal_window(mtj, gate), (gate.threshold, gate.threshold + 1), strict=True):
            p = mtj.p_switch(divide(mtj, gate, end).output_voltage[k], direction)
            assert float(p) == pytest.approx(0.5, rel=1e-10)


def test_access_resistance_acts_as_a_lower_tmr():
    """R_T in every branch turns the inputs' TMR into (R_AP - R_P) / (R_P + R_T)."""
    plain = MTJ(4000.0, 3000.0 / 4000.0, device("lv2024_fit").switching, 1e-3)
    loaded = MTJ(3000.0, 1.0, device("lv2024_fit").switching, 1e-3, access_resistance=1000.0)
    for gate in GATES.values():
        np.testing.assert_allclose(
            divide(loaded, gate, 0.5).current, divide(plain, gate, 0.5).current, rtol=1e-14
        )


# TMR that depends on the bias.

HALF_VOLTAGES = st.floats(0.2, 1.5)


@settings(deadline=None, max_examples=25)
@given(junctions(), st.floats(0.01, 2.0), HALF_VOLTAGES)
def test_bias_dependent_divider_equals_scipys_root(mtj, voltage, half):
    mtj = mtj.replace(tmr_half_voltage=half)
    parallel = mtj.resistance_parallel
    for gate in GATES.values():
        got = divide(mtj, gate, voltage)
        for k in range(gate.fan_in + 1):
            current, output, inputs = oracle.biased_divider(
                [(parallel, mtj.tmr if i < k else 0.0) for i in range(gate.fan_in)],
                (parallel, mtj.tmr * gate.preset),
                half=half,
                access=mtj.access_resistance,
                line=mtj.line_resistance,
                voltage=voltage,
            )
            assert got.current[k] == pytest.approx(current, rel=1e-6)
            assert got.output_voltage[k] == pytest.approx(output, rel=1e-6)
            assert got.input_voltage[k] == pytest.approx(inputs[0], rel=1e-6)
            assert got.energy[k] == pytest.approx(voltage * current * mtj.pulse_duration, rel=1e-6)


@settings(deadline=None, max_examples=25)
@given(junctions(), HALF_VOLTAGES, st.floats(0.01, 2.0))
def test_bias_dependent_divider_keeps_its_order(mtj, half, voltage):
    biased = mtj.replace(tmr_half_voltage=half)
    for gate in GATES.values():
        solution, plain = divide(biased, gate, voltage), divide(mtj, gate, voltage)
        assert np.all(np.diff(solution.current) < 0.0)
        assert np.all(np.diff(solution.output_voltage) < 0.0)
        assert np.all(solution.current >= plain.current * (1 - 1e-12))
        low, high = ideal_window(biased, gate)
        direction = "AP->P" if gate.preset == State.AP else "P->AP"
        for end, k in ((low, gate.threshold), (high, gate.threshold + 1)):
            p = biased.p_switch(divide(biased, gate, end).output_voltage[k], direction)
            assert float(p) == pytest.approx(0.5, rel=1e-9)
        assert low < high
        # With preset P the output is a plain resistor: less TMR means a narrower window.
        if gate.preset == State.P:
            assert high / low < (lambda w: w[1] / w[0])(ideal_window(mtj, gate)) * (1 + 1e-12)


def test_bias_dependence_fades_at_a_high_half_voltage():
    mtj = device("lv2024_fit")
    for gate in GATES.values():
        far = divide(mtj.replace(tmr_half_voltage=1e6), gate, 0.7)
        np.testing.assert_allclose(far.output_voltage, divide(mtj, gate, 0.7).output_voltage, rtol=1e-10)
        assert ideal_window(mtj.replace(tmr_half_voltage=1e6), gate) == pytest.approx(
            ideal_window(mtj, gate), rel=1e-10
        )


def test_half_of_the_tmr_at_the_half_voltage():
    """NOT with its input at 1: at V_h over the input it has the resistance R_P (1 + TMR / 2)."""
    mtj = device("lv2024_fit", tmr_half_voltage=0.5)
    resistance = 3150.0 * (1 + 1.09 / 2)
    solution = divide(mtj, "NOT", 0.5 * (resistance + 3150.0) / resistance)
    assert solution.input_voltage[1] == pytest.approx(0.5, rel=1e-12)
    assert solution.current[1] == pytest.approx(0.5 / resistance, rel=1e-12)


def test_extreme_circuits_converge():
    for tmr, half, access, line in (
        (1e-6, 1e-3, 0, 0),
        (100, 1e-3, 1e9, 0),
        (100, 0.5, 1, 1e9),
        (5, 1e3, 0, 1),
    ):
        mtj = device(
            "lv2024_fit", tmr=tmr, tmr_half_voltage=half, access_resistance=access, line_resistance=line
        )
        for gate in GATES.values():
            for voltage in (1e-3, 0.5, 1.1):
                solution = divide(mtj, gate, voltage)
                assert np.all(solution.current > 0)
                assert np.all(np.diff(solution.current) <= 0.0)


def test_arrays_are_read_only_and_gates_go_by_name_too():
    mtj = device("lv2024_fit")
    solution = divide(mtj, "MAJ3", 0.5)
    for name in ("current", "output_voltage", "input_voltage", "energy"):
        array = getattr(solution, name)
        assert array.shape == (4,)
        assert array.dtype == np.float64
        np.testing.assert_array_equal(array, getattr(divide(mtj, GATES["MAJ3"], 0.5), name))
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0.0
    assert solution.gate is GATES["MAJ3"]
    assert solution.voltage == 0.5


def test_warns_above_breakdown():
    mtj = device("lv2024_fit")
    divide(mtj, "NOT", 1.7)
    with pytest.warns(UserWarning, match="breakdown_voltage") as warned:
        divide(mtj, "NOT", 2.0)
    assert [str(warning.message) for warning in warned] == [
        "NOT at 2 V puts 1.353 V over a junction, above breakdown_voltage = 1.2 V"
    ]
    assert warned[0].filename == __file__
    divide(mtj.replace(breakdown_voltage=2.0), "NOT", 2.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda mtj: divide(mtj, "NAND2", 0.0), "voltage = 0.0 is not > 0"),
        (lambda mtj: divide(mtj, "NAND2", -0.5), "voltage = -0.5 is not > 0"),
        (lambda mtj: divide(mtj, "NAND2", math.nan), "voltage = nan is not finite"),
        (lambda mtj: divide(mtj, "NAND2", math.inf), "voltage = inf is not finite"),
        (lambda mtj: divide(mtj, "XOR2", 0.5), f"gate = 'XOR2' is not one of {', '.join(GATES)}"),
        (lambda mtj: ideal_window(mtj, "XOR2"), f"gate = 'XOR2' is not one of {', '.join(GATES)}"),
    ],
)
def test_refuses(call, message):
    with pytest.raises(InvalidArgument) as error:
        call(device("lv2024_fit"))
    assert str(error.value) == message


@pytest.mark.parametrize(
    "changes",
    [
        {"access_resistance": 1e21},
        {"line_resistance": 1e21},
        {"tmr": 1e-17},
        {"tmr": 1e-17, "tmr_half_voltage": 0.5},
    ],
)
def test_refuses_an_empty_window(changes):
    with pytest.raises(InvalidArgument) as error:
        ideal_window(device("lv2024_fit", **changes), "NAND2")
    text = str(error.value)
    assert text.startswith("gate NAND2: the window (")
    assert text.endswith(" V) of V_logic is empty")
    low, high = (
        float(end)
        for end in text[len("gate NAND2: the window (") : -len(" V) of V_logic is empty")].split(" V, ")
    )
    assert low >= high


def test_refuses_types():
    with pytest.raises(InvalidArgument) as error:
        divide(device("lv2024_fit"), "NAND2", "0.5")
    assert str(error.value) == "voltage = '0.5' is not a number"
