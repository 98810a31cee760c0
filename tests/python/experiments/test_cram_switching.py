"""Which switching formula may be used: the study's numbers, its figures, and the same bits in processes."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate

from nonideal.errors import InvalidArgument
from nonideal.experiments import Runner, cram_switching
from nonideal.hardware import cram
from nonideal.report.figures import house_style

SMALL = {"overdrive": "0.4,0.6,1.0,2.0,3.0", "pulses": "3e-9,3e-8", "trajectories": 512, "seed": 7}


@pytest.fixture(scope="module")
def small():
    return cram_switching.run(cram_switching.Config(**SMALL))


def test_simulation_agrees_with_the_exact_solution(small):
    assert small.metrics["least_p_value"].value > 1e-6
    simulated, exact = small.curves["simulated_30ns"], small.curves["exact_30ns"]
    assert np.ptp(simulated.y) > 0.9
    for y, p, error in zip(simulated.y, exact.y, simulated.standard_error, strict=True):
        assert abs(y - p) < 5 * error + 0.02 * min(p, 1 - p)


def test_curves_are_the_libraries_formulas(small):
    curve = small.curves["precessional_3ns"]
    model = cram.PrecessionalSwitching(20.0, 1.0, 1.0)
    want = 1 - model.write_error_rate(curve.x, 3e-9)
    np.testing.assert_allclose(curve.y, want, atol=1e-14)
    thermal = cram.ThermalSwitching(20.0, 1.0, 1.0).log_p(curve.x, "P->AP", 3e-9)[0]
    np.testing.assert_allclose(small.curves["thermal_3ns"].y, np.exp(thermal), atol=1e-14)


def test_a_quadratic_barrier_beats_a_linear_one(small):
    exact = small.curves["exact_30ns"].y[1]  # i = 0.6
    assert small.curves["exact_30ns"].x[1] == 0.6
    for name, low, high in (("brown", 1.0, 1.8), ("thermal", 0.0, 0.1)):
        curve = small.curves[f"{name}_30ns"]
        assert low < np.interp(0.6, curve.x, curve.y) / exact < high


def test_write_error_of_the_reference_case(small):
    assert small.metrics["write_error_exact"].value == pytest.approx(0.019483, abs=1e-6)
    assert small.metrics["write_error_precessional"].value == pytest.approx(0.0209, abs=1e-4)
    ratios = {row[0]: (float(row[3]), float(row[4])) for row in small.tables["write"].rows}
    assert ratios[2.0][0] == pytest.approx(1.30, abs=0.01)  # pessimistic at i = 2 ...
    assert ratios[5.0][0] == pytest.approx(0.83, abs=0.01)  # ... and optimistic at i = 5
    assert all(abs(corrected - 1) < 0.05 for _, corrected in ratios.values())


@pytest.mark.parametrize("overdrive", [1.5, 2.0, 3.0, 8.0])
def test_growth_factor_is_the_integral_of_the_growth(overdrive):
    small_angle = 1e-5
    # d(log theta) = d(theta) (1 / theta): what full growth needs less, or more, than linear growth
    time = integrate.quad(
        lambda x: math.exp(x) / ((overdrive - math.cos(math.exp(x))) * math.sin(math.exp(x))),
        math.log(small_angle),
        math.log(math.pi / 2),
        limit=200,
    )[0]
    want = small_angle**2 * math.exp(2 * (overdrive - 1) * time)
    assert cram_switching.growth_factor(overdrive) == pytest.approx(want, rel=1e-6)


def test_the_answer_names_ranges():
    drives, good = (0.4, 0.6, 1.0, 2.0), np.array([True, True, False, True])
    assert cram_switching._leading(drives, good) == 0.6
    assert cram_switching._leading(drives[::-1], good[::-1]) == 2.0
    assert cram_switching._leading(drives, ~good) is None
    assert cram_switching._ranges(drives, good) == "0.4 to 0.6, 2"
    assert cram_switching._ranges(drives, np.zeros(4, dtype=bool)) == "nowhere"


def test_same_bits_in_processes(small):
    with Runner(workers=2) as runner:
        other = cram_switching.run(cram_switching.Config(**SMALL), runner)
    assert (other.metrics, other.curves) == (small.metrics, small.curves)


def test_figures_have_a_panel_per_pulse(small):
    with house_style():
        figures = cram_switching.figures(small)
    assert len(figures["probability"].axes) == 2
    assert len(figures["write_error"].axes) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"delta": 5}, "delta = 5.0 is outside [8, 200]"),
        ({"overdrive": "-1,2"}, "overdrive = -1.0 is outside [0, 10]"),
        ({"pulses": "1"}, "pulses = 1.0 is outside [1e-10, 1e-06]"),
        ({"dt": 2e-12}, "dt = 2e-12 is outside (0, 1e-12]"),
        ({"trajectories": 10}, "trajectories = 10 is not >= 100"),
    ],
)
def test_refusals(options, message):
    with pytest.raises(InvalidArgument) as refusal:
        cram_switching.Config(**options)
    assert str(refusal.value) == message


def test_from_the_command_line(tmp_path):
    command = [str(Path(sys.executable).with_name("nonideal")), "run", "cram-switching", "--seed", "1"]
    options = ["--overdrive", "0.5,2", "--pulses", "3e-9", "--trajectories", "200", "--out", str(tmp_path)]
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    assert result["answer"].startswith("At delta 20 and 3 ns, the precessional formula")
    assert (tmp_path / "report.html").exists()
