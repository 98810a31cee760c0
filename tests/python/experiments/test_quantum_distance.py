"""Distances on a noisy machine: the prototype's table, shot noise in closed form, the same bits anywhere."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nonideal.errors import InvalidArgument
from nonideal.experiments import Runner, describe, names, quantum_distance
from nonideal.experiments._distance_findings import Findings, _last_crossing, pays_from
from nonideal.experiments._distance_prototype import EXACT_RANGES, WIDENED
from nonideal.hardware import quantum
from nonideal.hardware.quantum import translation
from nonideal.report.figures import house_style

SMALL = {
    "dimension": 4,
    "n_pairs": 64,
    "n_queries": 16,
    "n_points": 32,
    "two_qubit_error": "0.005,0.02",
    "shots": "256,65536",
    "repeats": 2,
    "seed": 7,
}


@pytest.fixture(scope="module")
def small():
    return quantum_distance.run(quantum_distance.Config(**SMALL))


@pytest.fixture(scope="module")
def reference():
    """The prototype's setting on a seed of our own; searches as small as they may be."""
    options = {"n_queries": 2, "n_points": 2, "translation": "none", "shots": "1024,16384", "seed": 20261124}
    return quantum_distance.run(quantum_distance.Config(**options))


def test_it_is_listed():
    assert "quantum-distance" in names()
    assert describe("quantum-distance").question == quantum_distance.QUESTION


@pytest.mark.parametrize(("method", "p2"), EXACT_RANGES)
def test_medians_without_shots_are_those_of_the_prototype(reference, method, p2):
    for name, (low, high) in EXACT_RANGES[method, p2].items():
        estimate = reference.metrics[f"error_{method}_{name}_p{p2:g}"]
        assert (1 - WIDENED) * low < estimate.value < (1 + WIDENED) * high, name
        assert estimate.samples == 3
    assert any("32 of 32" in str(row.ours) for row in reference.comparison)


@pytest.mark.parametrize(
    ("method", "name", "few", "many"),
    [
        ("swap", "raw", 0.80, 0.90),
        ("swap", "richardson", 0.81, 0.21),
        ("swap", "linear", 0.56, 0.54),
        ("hadamard", "raw", 0.86, 0.87),
        ("hadamard", "richardson", 0.29, 0.072),
        ("hadamard", "exponential", 0.17, 0.043),
    ],
)
def test_medians_with_shots_are_those_of_the_prototype(reference, method, name, few, many):
    curve = reference.curves[f"error_shots_{method}_{name}_p0.01"]
    assert curve.x == tuple(shots * (1 if name == "raw" else 3) for shots in (1024, 16384))
    np.testing.assert_allclose(curve.y, (few, many), rtol=0.2)


@pytest.mark.parametrize("method", ["swap", "hadamard"])
def test_noiseless_errors_are_the_shot_noise_of_the_closed_form(reference, method):
    shard = {**reference.config, "n_pairs": 512}
    a, b = quantum_distance.near_pairs(shard, 0)
    exact, z = ((a - b) ** 2).sum(axis=1), (a**2 + b**2).sum(axis=1)
    p = 0.5 + exact / (4 * z) if method == "swap" else exact / (2 * z)
    factor = 4 * z if method == "swap" else 2 * z
    normal = np.random.Generator(np.random.Philox(key=3)).normal(size=(2000, len(a)))
    curve = reference.curves[f"error_shots_{method}_raw_p0"]
    for shots, found in zip(curve.x, curve.y, strict=True):
        spread = factor * np.sqrt(p * (1 - p) / shots) / exact
        assert found == pytest.approx(np.median(np.abs(spread * normal), axis=1).mean(), rel=0.12)


def test_without_noise_and_shots_nothing_is_wrong(small):
    for method in ("swap", "hadamard"):
        for name in ("raw", "linear", "richardson", "exponential"):
            for where in ("none", "cells"):
                curve = small.curves[f"wrong_{method}_{name}_{where}_exact"]
                assert curve.x[0] == 0
                assert curve.y[0] == 0
        noiseless = small.curves[f"distance_{method}_noiseless"]
        raw = small.curves[f"distance_{method}_raw"]
        assert np.mean(np.array(raw.y) > raw.x) > 0.9  # near points look too far
        assert abs(np.mean(np.array(noiseless.y) > noiseless.x) - 0.5) < 0.25


def test_noise_pulls_a_hadamard_distance_to_z_and_a_swap_distance_below(reference):
    for p2 in (0.001, 0.005, 0.01, 0.02):
        slope, offset = (reference.metrics[f"{name}_hadamard_p{p2:g}"].value for name in ("slope", "offset"))
        assert slope + offset == pytest.approx(1, abs=1e-3)
    for method, slope, offset in (("swap", 0.828, 0.119), ("hadamard", 0.896, 0.106)):
        assert reference.metrics[f"slope_{method}_p0.01"].value == pytest.approx(slope, rel=0.02)
        assert reference.metrics[f"offset_{method}_p0.01"].value == pytest.approx(offset, rel=0.05)


def test_gate_counts_are_those_of_the_circuits(reference):
    rows = {row[0]: row for row in reference.tables["circuits"].rows}
    assert rows["swap"][1:3] == (6, "27 + 22")
    assert rows["hadamard"][1:3] == (4, "16 + 14")
    # 5 error rates with 0, 3 repeats, exact and 2 numbers of shots, one raw and three extrapolations of three
    # circuits each, 512 pairs and 2 x 2 searches; and 512 pairs for the bias.
    assert rows["swap"][3] == f"{5 * 3 * (3 * (1 + 3 * 3) * (512 + 2 * 2) + 512):,}"
    assert quantum.state_preparation([0.6, -0.8]).gate_counts == {"ry": 1}


def test_pairs_do_not_depend_on_the_cut(monkeypatch):
    a, b = np.random.Generator(np.random.Philox(key=1)).normal(size=(2, 41, 3))
    estimator = quantum.DistanceEstimator(shots=100, seed=1)
    whole = estimator.pairwise(a, b, stream=5).squared_distance.diagonal()
    for block in (1, 16, 64):
        monkeypatch.setattr(quantum_distance, "_BLOCK", block)
        np.testing.assert_array_equal(quantum_distance.paired(estimator, a, b, stream=5), whole)


def test_cells_are_shared_by_estimators(monkeypatch):
    points = np.random.Generator(np.random.Philox(key=2)).normal(size=(40, 3))
    calls = []
    k_means = translation.Cells._k_means
    monkeypatch.setattr(
        translation.Cells, "_k_means", lambda self, points: calls.append(1) or k_means(self, points)
    )
    found = [
        quantum.DistanceEstimator(translation="cells", seed=seed).nearest(points + 0.01, points).index
        for seed in (123, 123, 124)
    ]
    assert len(calls) == 2
    np.testing.assert_array_equal(found[0], np.arange(40))
    for other in range(20):
        quantum.DistanceEstimator(translation="cells", seed=other).nearest(points[:1], points)
    assert len(translation._recent) <= 8


def _findings(mitigated):
    shots = (0, 100, 1000, 10000)
    error = np.stack([np.full((2, 4), 0.5), np.array([mitigated, mitigated])], axis=-1)
    return Findings(
        {("swap", 0.01): {"error": error}}, ("swap",), (0.01,), shots, ("raw", "linear"), ("none",), 3, 8
    )


def test_where_mitigation_pays():
    # 1 at 300 shots in all, 0.25 at 3000: 0.5 half way in the logarithm.
    found = pays_from(_findings([0.1, 1.0, 0.25, 0.2]), "swap", 0.01, "linear")
    assert found.estimate.value == pytest.approx(np.sqrt(300 * 3000))
    assert found.estimate.standard_error == pytest.approx(0, abs=1e-9)
    assert found.phrase == "from 949 ± 0 shots per distance on"
    assert pays_from(_findings([0.1, 0.4, 0.3, 0.2]), "swap", 0.01, "linear").text == "300 or fewer"
    assert pays_from(_findings([0.1, 0.9, 0.8, 0.7]), "swap", 0.01, "linear").text == "more than 30,000"
    assert pays_from(_findings([0.6, 0.9, 0.8, 0.7]), "swap", 0.01, "linear").text == "never"
    # What is better for a while only does not count.
    assert pays_from(_findings([0.1, 0.4, 0.9, 0.7]), "swap", 0.01, "linear").text == "more than 30,000"
    assert _last_crossing(np.arange(3.0), np.array([1.0, -1.0, 1.0])) == 1.5


def test_the_answer_is_made_of_the_numbers(reference):
    raw, best = (reference.metrics[f"error_hadamard_{name}_p0.01"].value for name in ("raw", "exponential"))
    assert (
        f"hadamard circuits put the median distance of near points off by {100 * raw:.0f} %"
        in reference.answer
    )
    assert f"exponential extrapolation brings to {100 * best:.2g} %" in reference.answer
    assert reference.answer.count("Richardson") == 1


def test_same_bits_in_processes(small):
    with Runner(workers=2) as runner:
        other = quantum_distance.run(quantum_distance.Config(**SMALL), runner)
    assert (other.metrics, other.curves, other.answer) == (small.metrics, small.curves, small.answer)


def test_same_bits_on_a_cluster(small):
    import distributed

    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        Runner(cluster=cluster.scheduler_address) as runner,
    ):
        other = quantum_distance.run(quantum_distance.Config(**SMALL), runner)
    assert (other.metrics, other.curves, other.answer) == (small.metrics, small.curves, small.answer)


def test_figures_have_a_panel_per_circuit(small):
    with house_style():
        figures = quantum_distance.figures(small)
    panels = {name: len(figure.axes) for name, figure in figures.items()}
    assert panels == {
        "distances": 2,
        "error-vs-noise": 2,
        "error-vs-shots": 2,
        "neighbours-vs-shots": 4,
        "neighbours-vs-noise": 6,
        "bias": 2,
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"methods": "x"}, "methods = 'x' is not one of 'swap', 'hadamard', 'inner_product'"),
        ({"two_qubit_error": "0"}, "two_qubit_error = 0.0 is outside (0, 0.2]"),
        ({"repeats": 1}, "repeats = 1 is outside [2, 1000]"),
        ({"shots": "0"}, "shots = 0 is outside [1, 1073741824]"),
        ({"convention": "x"}, "convention = 'x' is not one of 'qiskit', 'qpanda', 'pyqpanda3', 'cirq'"),
    ],
)
def test_refusals(options, message):
    with pytest.raises(InvalidArgument) as refusal:
        quantum_distance.Config(**options)
    assert str(refusal.value) == message


def test_scales_that_do_not_fit_are_refused_at_once():
    for scales in ("1", "1,1,3"):
        with pytest.raises(InvalidArgument):
            quantum_distance.Config(scales=scales)


def test_from_the_command_line(tmp_path):
    command = [str(Path(sys.executable).with_name("nonideal")), "run", "quantum-distance"]
    options = {**SMALL, "methods": "inner_product", "two_qubit_error": "0.02", "convention": "pyqpanda3"}
    options |= {"extrapolators": "linear", "translation": "centroid", "shots": "256"}
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    done = subprocess.run(
        [*command, *flags, "--out", str(tmp_path)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    assert result["answer"].startswith("With two-qubit errors of 2 %: inner_product circuits put the median")
    assert (tmp_path / "report.html").exists()
