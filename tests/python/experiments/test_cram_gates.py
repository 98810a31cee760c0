"""The experiment about single gates: exact figures, all families, and a page that says where they end."""

from __future__ import annotations

import itertools
import re
import warnings

import numpy as np
import pytest

from nonideal.errors import InvalidArgument
from nonideal.experiments import Runner, cram_gates, describe, execute, names
from nonideal.hardware import cram
from nonideal.report import Result

SMALL = {"tmr": "1.0,2.0,3.0", "gates": "NAND2,MIN3,AND2", "seed": 1}


@pytest.fixture(scope="module")
def small() -> Result:
    return cram_gates.run(cram_gates.Config(**SMALL))


def test_is_registered():
    assert "cram-gates" in names()
    assert describe("cram-gates").question == "How reliably does one gate compute?"


def test_accuracies_are_those_of_the_library(small):
    mtj = cram.device("lv2024_fit")
    spread = cram.Variation(resistance=0.05, threshold=0.05, tmr=0.02)
    for variation, suffix, kind in ((None, "", "alike"), (spread, "_varied", "varied")):
        gates = cram.GateLibrary(mtj, gates=["NAND2", "MIN3", "AND2"], variation=variation)
        for name, gate in gates.items():
            metric = small.metrics[f"{name.lower()}_accuracy{suffix}"]
            assert metric.value == 1 - gate.mean_error
            assert metric.samples is None
            np.testing.assert_allclose(small.curves[f"{name.lower()}_accuracy_{kind}"].y, 1 - gate.error)
    assert small.metrics["nand2_accuracy"].value == pytest.approx(0.994, abs=1e-6)
    assert small.metrics["nand2_accuracy_varied"].value < 0.96


def test_published_error_against_tmr(small):
    thermal = small.curves["nand2_error_vs_tmr_thermal_alike"]
    assert thermal.x == (1.0, 2.0, 3.0)
    assert thermal.y == pytest.approx((8.753e-3, 1.793e-4, 8.258e-6), rel=1e-3)
    gaussian = small.curves["nand2_error_vs_tmr_gaussian_alike"]
    assert gaussian.y[2] == pytest.approx(7e-10, rel=0.05)


def test_families_are_fitted_to_the_same_accuracy():
    """The widths of the specification, each rounded to three or four figures."""
    mtj = cram.device("lv2024_fit")
    for family, width in (("gaussian", 0.0418), ("logistic", 0.02098)):
        model = cram_gates._model(mtj, family)
        assert model["P->AP"].width / 0.4 == pytest.approx(width, rel=2e-3)
        gate = cram.GateLibrary(mtj.replace(switching=model["P->AP"]), gates=["NAND2"])["NAND2"]
        assert gate.mean_error == pytest.approx(0.006, rel=1e-6)
    # Where the two directions have other voltages, the width follows them.
    other = cram.device("today_45nm")
    model = cram_gates._model(other, "gaussian")
    ratio = other.switching.v50("AP->P", 3e-9) / other.switching.v50("P->AP", 3e-9)
    assert model["AP->P"].width / model["P->AP"].width == pytest.approx(ratio, rel=1e-12)


def test_tails_part_and_varying_cells_bring_them_closer(small):
    def gap(kind: str) -> float:
        ends = [small.curves[f"nand2_error_vs_tmr_{f}_{kind}"].y[2] for f in ("thermal", "gaussian")]
        return ends[0] / ends[1]

    assert gap("alike") > 1e3
    assert 1 < gap("varied") < 10
    assert 1.5 < small.metrics["nand2_tmr_where_tails_differ_tenfold"].value < 2.0
    for name in ("nand2", "min3", "and2"):
        for family in ("thermal", "gaussian", "logistic"):
            alike, varied = (
                np.array(small.curves[f"{name}_error_vs_tmr_{family}_{kind}"].y)
                for kind in ("alike", "varied")
            )
            assert np.all(np.diff(alike) < 0)
            assert np.all(varied > alike)


def test_sigmoids_rise_with_the_voltage_and_fall_with_k(small):
    for name, fan_in, sign in (("nand2", 2, 1), ("min3", 3, 1), ("and2", 2, -1)):
        curves = [small.curves[f"{name}_p_one_k{k}"] for k in range(fan_in + 1)]
        for curve in curves:
            assert np.all(sign * np.diff(curve.y) >= 0)
        for lower, higher in itertools.pairwise(curves):
            assert np.all(sign * (np.array(lower.y) - higher.y) >= 0)
        low, high = (small.metrics[f"{name}_window_{end}"].value for end in ("low", "high"))
        threshold = cram.GATES[name.upper()].threshold
        assert np.interp(low, curves[threshold].x, curves[threshold].y) == pytest.approx(0.5, abs=0.02)
        above = curves[threshold + 1]
        assert np.interp(high, above.x, above.y) == pytest.approx(0.5, abs=0.02)


def test_published_figures_stand_beside_ours(small):
    assert [row.published for row in small.comparison] == ["99.4 %", "86.5 %", "75 %"]
    ours = [float(row.ours.split()[0]) for row in small.comparison]
    assert ours == pytest.approx([99.4, 87.6, 75.15], abs=0.06)
    assert all("not checked" in row.why for row in small.comparison)


def test_what_else_can_go_wrong(small):
    rows = {row[0]: row for row in small.tables["risks"].rows}
    # A preset that fails once in a thousand adds about that much to k = 2 of NAND2: a quarter of all inputs.
    assert float(rows["NAND2"][2]) - float(rows["NAND2"][1]) == pytest.approx(0.25e-3, rel=0.2)
    flips = {name: [float(cell.split()[0]) for cell in row[3:]] for name, row in rows.items()}
    assert flips["NAND2"][0] > 10 * flips["NAND2"][1]  # equal voltages disturb more than equal currents
    tails = small.tables["tails"]
    assert [row[-1] for row in tails.rows] == ["no", "no", "yes"]
    assert any("beyond TMR 2" in limit for limit in small.limits)
    assert {"assumed", "fitted", "published"} <= {row[1] for row in small.tables["origins"].rows}


def test_answer(small):
    assert small.answer.startswith(
        "At its best voltage a NAND2 gate of lv2024_fit (TMR 1.09) is right in 99.4 % of all cases (MIN3 in "
        "87.6 %, AND2 in 96.8 %); where cells differ by 5, 5, 2 % in resistance, threshold and TMR, "
        "in 94.6 %; beyond TMR 1."
    )
    plain = cram_gates.run(
        cram_gates.Config(**SMALL | {"gates": "NOT", "families": "thermal", "variation": "0,0,0", "tmr": "1"})
    )
    assert plain.answer == (
        "At its best voltage a NOT gate of lv2024_fit (TMR 1.09) is right in 99.9931 % of all cases."
    )
    assert plain.metrics["not_accuracy"] == plain.metrics["not_accuracy_varied"]


def test_same_figures_in_processes_and_without_warnings(small):
    with Runner(workers=2) as runner, warnings.catch_warnings():
        warnings.simplefilter("error")
        other = cram_gates.run(cram_gates.Config(**SMALL), runner)
    assert (other.metrics, other.curves, other.tables) == (small.metrics, small.curves, small.tables)


@pytest.mark.parametrize("device", cram.DEVICES)
def test_every_device_runs_into_a_folder(device, tmp_path):
    config = cram_gates.Config(
        device=device, tmr="2.0,3.0", gates="NOT,NAND2,MAJ3", families="gaussian,thermal", seed=1
    )
    result = execute("cram-gates", config, out=tmp_path)
    assert result.answer.startswith("At its best voltage a NOT gate of " + device)
    assert len(list((tmp_path / "figures").glob("*.svg"))) == 3
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"""(src|href)=["'](?!#|data:)|https?://""", page)
    assert "99.4 %" in page


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tmr": "0:5"}, "tmr = 0.0 is outside (0, 100]"),
        ({"variation": "0.1,0.1"}, "variation = (0.1, 0.1) has 2 numbers, not 3"),
        ({"variation": "0.1,0.1,0.6"}, "variation = 0.6 is outside [0, 0.5]"),
        ({"preset_error": 1.5}, "preset_error = 1.5 is outside [0, 1]"),
        ({"families": "cauchy"}, "families = 'cauchy' is not one of 'thermal', 'gaussian', 'logistic'"),
    ],
)
def test_refusals(options, message):
    with pytest.raises(InvalidArgument) as refusal:
        cram_gates.Config(**options)
    assert str(refusal.value) == message
