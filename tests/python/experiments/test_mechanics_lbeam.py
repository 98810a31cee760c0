"""The L-beam at a tiny scale: fields, claims about mitigation, a page, and the same numbers everywhere."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from nonideal.errors import InvalidArgument
from nonideal.experiments import (
    Runner,
    _lbeam_answer,
    _lbeam_problem,
    _lbeam_search,
    describe,
    execute,
    names,
)
from nonideal.report import Result, load_result

pytest.importorskip("skfem")
mechanics_lbeam = pytest.importorskip("nonideal.experiments.mechanics_lbeam")

#: A beam of 16 elements and a data base of 125 points: a second, and none of the published figures.
SMALL = {
    "cells_per_width": 2,
    "n_axis": 5,
    "n_arc": 2,
    "n_radial": 1,
    "n_cells": 31,
    "two_qubit_error": "0.01",
    "shots": "0,1024",
    "max_iterations": 4,
    "repeats": 1,
    "seed": 1,
}
TIMES = {"cost"}  # tables with seconds


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> tuple[Result, object]:
    out = tmp_path_factory.mktemp("lbeam")
    return execute("mechanics-lbeam", mechanics_lbeam.Config(**SMALL), out=out), out


def numbers(result: Result):
    tables = {name: table for name, table in result.tables.items() if name not in TIMES}
    return result.answer, result.metrics, result.curves, result.comparison, tables


def test_is_registered():
    assert "mechanics-lbeam" in names()
    about = describe("mechanics-lbeam")
    assert about.question == "Does error mitigation rescue a multiscale simulation?"
    assert about.extras == ("mechanics",)


def test_every_variant_runs_once(small):
    result, out = small
    classical, *runs = result.tables["runs"].rows
    assert classical[0] == "exact search"
    assert classical[10] == result.metrics["boundary_points_classical"].value
    assert len(runs) == 2 * 2 * 2 * 2  # shots, translation, method, mitigation
    assert len(set(runs)) == len(runs)
    # Without shots nothing is random: exact metrics. One run with shots has no error bar, hence no metric.
    exact = [name for name in result.metrics if name.startswith("wrong_")]
    assert len(exact) == 8
    assert len([name for name in result.metrics if name.startswith("strain_error_swap")]) == 4
    assert all(result.metrics[name].samples is None for name in exact)
    assert not [name for name in result.metrics if "1024" in name]
    assert any("one run each" in limit for limit in result.limits)
    shards = list((out / "shards" / "searches").iterdir())
    assert len(shards) == 16


def test_mitigation_helps_without_shots(small):
    metrics = small[0].metrics
    for method in ("swap", "hadamard"):
        raw, zne = (metrics[f"wrong_{method}_{m}_none_p0.01_exact"].value for m in ("raw", "zne"))
        assert 0 <= zne < raw <= 1
        raw, zne = (metrics[f"strain_deviation_{method}_{m}_none_p0.01_exact"].value for m in ("raw", "zne"))
        assert zne < raw
    assert small[0].answer.startswith("Yes, as long as probabilities are exact: at a two-qubit error of 0.01")
    assert "with 1,024 shots there is one run each, hence no verdict" in small[0].answer
    assert "whatever the search" not in small[0].answer


def test_an_error_of_zero_is_the_classical_solution():
    config = mechanics_lbeam.Config(**SMALL | {"two_qubit_error": "0", "shots": "0", "methods": "hadamard"})
    result = mechanics_lbeam.run(config)
    for name, metric in result.metrics.items():
        if name.startswith(("wrong", "strain_deviation", "stress_deviation")):
            assert metric.value == 0.0, name
    error = result.metrics["strain_error_classical"].value
    assert result.metrics["strain_error_hadamard_zne_cells_p0_exact"].value == error > 0
    rows = {row[1]: row for row in result.tables["runs"].rows[1:]}
    assert set(rows) == {"raw", "zne"}
    assert {row[5] for row in rows.values()} == {int(result.metrics["iterations_classical"].value)}


def test_repeats_give_error_bars():
    config = mechanics_lbeam.Config(
        **SMALL | {"repeats": 2, "shots": "1024", "methods": "hadamard", "translation": "none"}
    )
    result = mechanics_lbeam.run(config)
    metric = result.metrics["wrong_hadamard_raw_none_p0.01_1024_shots"]
    assert metric.samples == 2
    curve = result.curves["wrong_against_shots_hadamard_raw_none_p0.01"]
    assert curve.samples == 2
    assert curve.standard_error == (metric.standard_error,)
    assert curve.y == (metric.value,)
    assert all(row[7].count("±") == 1 for row in result.tables["runs"].rows[1:])
    assert all(cell.count("±") == 1 for cell in result.tables["noise"].rows[0][5:])
    assert "ith 1,024 shots it helps in" in result.answer
    assert "by more than the scatter of 2 runs" in result.answer
    (row,) = result.tables["mitigation"].rows
    assert row[:4] == ("0.01", "1,024", "none", "hadamard")
    assert row[4] in ("helps", "harms", "makes no clear difference")
    assert all(cell.count("±") == 1 for cell in row[5:])
    verdict = {"helps": "helps in all settings", "harms": "harms in all settings"}.get(
        row[10], "harms in none"
    )
    assert verdict in result.answer


def test_verdicts_are_those_of_the_runs():
    """Both measures must move; single runs with shots say nothing."""
    raw = _lbeam_problem.Variant("swap", "raw", 0.01, 64, "none")
    zne = _lbeam_problem.mitigated(raw)

    class Made:
        classical = reference = type("Field", (), {"strain": np.ones((1, 3)), "stress": np.ones((1, 3))})
        beam = type("Beam", (), {"weights": np.ones(1)})

    def runs(*pairs):
        return [
            {"wrong": np.array(wrong), "strain": np.full((1, 3), 1 + off), "stress": np.ones((1, 3))}
            for wrong, off in pairs
        ]

    low, high = runs((0.10, 0.10), (0.11, 0.11)), runs((0.80, 0.80), (0.81, 0.81))
    mixed = runs((0.10, 0.80), (0.11, 0.81))

    def verdict(before, after):
        return _lbeam_problem.verdict_of(Made, {raw: before, zne: after}, raw)

    assert (verdict(high, low), verdict(low, high), verdict(low, low)) == (-1, 1, 0)
    assert (verdict(high, mixed), verdict(low, mixed)) == (0, 0)
    assert verdict(low[:1], high[:1]) is None
    exact = _lbeam_problem.Variant("swap", "raw", 0.01, 0, "none")
    both = {exact: low[:1], _lbeam_problem.mitigated(exact): high[:1]}
    assert _lbeam_problem.verdict_of(Made, both, exact) == 1


def test_a_change_counts_beyond_the_scatter_only():
    """Wrong neighbours of repeats, against an independent Welch-like bound with few degrees of freedom."""

    class Field:
        strain = np.ones((1, 3))
        stress = np.ones((1, 3))

    class Made:
        classical = reference = Field
        beam = type("Beam", (), {"weights": np.ones(1)})

    def parts(*values):
        return [{"wrong": np.array(v), "strain": Field.strain, "stress": Field.stress} for v in values]

    def change(before, after):
        return _lbeam_problem.change_of(Made, parts(*before), parts(*after), "wrong")

    # Standard errors of 0.1 each: 0.1414 together, times Student's 12.71 (two repeats) is 1.797.
    assert change((0.0, 0.2), (1.8, 2.0)) == 1
    assert change((1.8, 2.0), (0.0, 0.2)) == -1
    assert change((0.0, 0.2), (1.79, 1.99)) == 0
    assert change((0.5, 0.5), (0.5, 0.5)) == 0


def test_cells_are_those_of_all_variants_and_repeats():
    config = mechanics_lbeam.Config(**SMALL | {"repeats": 2, "methods": "swap", "translation": "cells"})
    shards = []

    class Recorder(Runner):
        def map(self, function, given, **options):
            if function is _lbeam_search.solve_noisy:
                shards.extend(given)
            return super().map(function, given, **options)

    result = mechanics_lbeam.run(config, Recorder())
    assert len({shard["seed"] for shard in shards}) == 2
    assert len({shard["cells_seed"] for shard in shards}) == 1
    searches = [_lbeam_search.search_of(shard).estimator for shard in shards]
    assert {search.cells_seed for search in searches}.isdisjoint(search.seed for search in searches)
    assert any("one set of cells" in limit for limit in result.limits)


def test_a_load_beyond_the_data_is_said():
    options = {"shots": "0", "methods": "swap", "translation": "none"}
    usual = mechanics_lbeam.run(mechanics_lbeam.Config(**SMALL | options))
    assert usual.metrics["points_outside_reference"].value == 0
    assert not any("outside the data base" in limit for limit in usual.limits)
    heavy = mechanics_lbeam.run(mechanics_lbeam.Config(**SMALL | options | {"total_force": 450.0}))
    outside = heavy.metrics["points_outside_reference"].value
    assert outside > 0
    assert any(f"The load drives {outside:g} of 64 points" in limit for limit in heavy.limits)


def test_an_exponential_extrapolation_runs():
    config = mechanics_lbeam.Config(
        **SMALL | {"extrapolator": "exponential", "methods": "hadamard", "translation": "none"}
    )
    metrics = mechanics_lbeam.run(config).metrics
    raw, zne = (metrics[f"wrong_hadamard_{kind}_none_p0.01_exact"].value for kind in ("raw", "zne"))
    assert zne < raw


def test_fields_of_earlier_options_are_cleared(tmp_path):
    options = {"shots": "0", "methods": "swap", "translation": "none"}
    for p2 in ("0.01", "0.02"):
        with Runner(out=tmp_path, identity={"p2": p2}) as runner:
            mechanics_lbeam.run(mechanics_lbeam.Config(**SMALL | options | {"two_qubit_error": p2}), runner)
        (tmp_path / "fields" / "mine.vtu").touch()
    assert sorted(path.stem for path in (tmp_path / "fields").iterdir()) == [
        "classical",
        "linear",
        "mine",
        "reference",
        "swap_raw_none_p0.02_exact",
        "swap_zne_none_p0.02_exact",
    ]


def test_fields_and_curves_belong_to_the_beam(small):
    result, out = small
    centres = result.curves["element_centres"]
    assert len(centres.x) == 16
    assert not [1 for x, y in zip(centres.x, centres.y, strict=True) if x > 40 and y > 40]
    for name in ("mises_reference", "mises_classical", "mises_swap_raw", "mises_hadamard_zne"):
        values = np.array(result.curves[name].y)
        assert len(values) == 16
        assert values.min() > 0
    assert sorted(result.curves["database_used_plane"].x) != sorted(result.curves["database_unused_plane"].x)
    used, unused = (len(result.curves[f"database_{kind}_plane"].x) for kind in ("used", "unused"))
    assert used + unused == 125
    tips = [result.metrics[f"tip_{name}"].value for name in ("reference", "linear")]
    assert tips[0] < tips[1] < 0  # a matrix that hardens is softer than the linear one
    files = {path.stem for path in (out / "fields").glob("*.vtu")}
    assert {"reference", "classical", "linear", "swap_raw_none_p0.01_exact"} <= files
    assert len(files) == 3 + 16


def test_vtu_files_hold_the_fields(small):
    meshio = pytest.importorskip("meshio")
    mesh = meshio.read(small[1] / "fields" / "hadamard_zne_none_p0.01_1024_shots.vtu")
    assert len(mesh.cells[0].data) == 16
    assert {"penalty", "stress_11", "wrong_neighbour"} <= set(mesh.cell_data)


def test_error_falls_with_the_data(small):
    for field in ("strain", "stress"):
        curve = small[0].curves[f"{field}_error"]
        assert curve.y[-1] < 0.5 * curve.y[0]
        assert small[0].metrics[f"{field}_error_slope"].value == pytest.approx(-1 / 3, abs=0.12)


def test_linear_matrix():
    config = mechanics_lbeam.Config(
        **SMALL | {"nonlinear": False, "shots": "0", "methods": "hadamard", "translation": "none"}
    )
    result = mechanics_lbeam.run(config)
    tips = [result.metrics[f"tip_{name}"].value for name in ("reference", "linear")]
    assert tips[0] == pytest.approx(tips[1], rel=1e-9)


def test_same_numbers_from_a_second_run_and_in_processes(small, tmp_path):
    config = mechanics_lbeam.Config(**SMALL)
    with Runner(workers=2) as runner:
        other = mechanics_lbeam.run(config, runner)
    assert numbers(other) == numbers(small[0])
    again = execute("mechanics-lbeam", config, out=small[1])  # from the shards on disk
    assert numbers(again) == numbers(small[0])
    assert again.tables["cost"].rows[0][1] == small[0].tables["cost"].rows[0][1]


def test_same_numbers_on_a_cluster(small):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        Runner(cluster=cluster.scheduler_address) as runner,
    ):
        other = mechanics_lbeam.run(mechanics_lbeam.Config(**SMALL), runner)
    assert numbers(other) == numbers(small[0])


def test_a_killed_run_goes_on_from_its_finished_shards(tmp_path):
    """With two workers, killed in the middle of the searches; the result is that of a run in one go."""
    options = {**SMALL, "repeats": 30, "methods": "hadamard", "translation": "none"}
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    nonideal = str(Path(sys.executable).with_name("nonideal"))
    command = [nonideal, "run", "mechanics-lbeam", *flags, "--workers", "2", "--out", str(tmp_path)]
    folder, total = tmp_path / "shards" / "searches", 2 + 2 * 30

    def finished():
        return {path: path.stat().st_mtime_ns for path in folder.glob("[!.]*")}

    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while len(finished()) < 5 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.kill()
    process.wait()
    before = finished()
    assert 5 <= len(before) < total
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    after = finished()
    assert len(after) == total
    assert {path: after[path] for path in before} == before
    whole = mechanics_lbeam.run(mechanics_lbeam.Config(**options))
    assert numbers(load_result(tmp_path)) == numbers(whole)


def test_page_is_whole(small):
    out = small[1]
    figures = {path.stem for path in (out / "figures").glob("*.svg")}
    assert figures == {"cell", "fields", "wrong-neighbours", "iterations", "where", "convergence"}
    page = (out / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"""(src|href)=["'](?!#|data:)|https?://""", page)
    assert "Noisy searches among 125 points" in page


def test_numbers_of_the_prototype_stand_only_beside_the_same_problem(small):
    known = _lbeam_answer.is_reference
    assert known(mechanics_lbeam.Config())
    assert known(mechanics_lbeam.Config(scale="full", seed=3, shots="0"))
    assert not known(mechanics_lbeam.Config(total_force=100.0))
    assert not known(mechanics_lbeam.Config(n_axis=7))
    table = small[0].tables["noise"]
    assert table.columns[5:] == ("wrong neighbours (%)", "strains off (%)", "stresses off (%)")
    raw = next(row for row in table.rows if row[:5] == ("0.01", "exact", "none", "swap", "raw"))
    metrics = small[0].metrics
    for cell, name in zip(raw[5:], ("wrong", "strain_deviation"), strict=False):
        assert cell == f"{100 * metrics[f'{name}_swap_raw_none_p0.01_exact'].value:.2g}"


def test_figures_need_only_one_setting():
    config = mechanics_lbeam.Config(
        **SMALL | {"shots": "1024", "methods": "swap", "translation": "cells", "two_qubit_error": "0.02"}
    )
    from nonideal.report.figures import house_style

    with house_style():
        drawn = mechanics_lbeam.figures(mechanics_lbeam.run(config))
    assert len(drawn) == 6
    for name in ("fields", "where"):
        assert "1,024 shots (first run), p2 = 0.02, translated by cells" in drawn[name].get_label()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"volume_fraction": 0.8}, "volume_fraction = 0.8 is outside (0, 0.75]"),
        ({"two_qubit_error": "0.01,0.5"}, "two_qubit_error = 0.5 is outside [0, 0.2]"),
        ({"methods": "guess"}, "methods = 'guess' is not one of 'swap', 'hadamard'"),
        ({"shots": -1}, "shots = -1 is outside [0, 2147483647]"),
        ({"repeats": 0}, "repeats = 0 is outside [1, 100]"),
        ({"scales": "1", "extrapolator": "linear"}, "scales: linear extrapolation needs 2, got 1"),
        ({"scales": "1,3,3"}, "scales[2] = 3 is there already"),
        ({"n_axis": 8}, "n_axis = 8 is even; the grid must contain zero"),
    ],
)
def test_refusals(options, message):
    with pytest.raises(InvalidArgument) as refusal:
        mechanics_lbeam.Config(**options)
    assert str(refusal.value) == message


@pytest.mark.slow
def test_the_claim_and_its_limit():
    """Section 11 of the specification, at quick scale."""
    result = mechanics_lbeam.run(
        mechanics_lbeam.Config(two_qubit_error="0.01", shots="0,1024", seed=7), Runner(workers=2)
    )
    m = {name: metric.value for name, metric in result.metrics.items()}
    assert m["tip_reference"] == pytest.approx(-2.561, rel=0.01)
    for method in ("swap", "hadamard"):
        raw, zne = (m[f"wrong_{method}_{kind}_none_p0.01_exact"] for kind in ("raw", "zne"))
        assert raw > 10 * zne
        raw, zne = (m[f"strain_deviation_{method}_{kind}_none_p0.01_exact"] for kind in ("raw", "zne"))
        assert raw > 0.15
        assert zne < 0.08
        assert m[f"wrong_{method}_raw_cells_p0.01_exact"] < m[f"wrong_{method}_raw_none_p0.01_exact"]
        for what in ("wrong", "strain_deviation"):
            raw, zne = (m[f"{what}_{method}_{kind}_none_p0.01_1024_shots"] for kind in ("raw", "zne"))
            assert zne > raw
    rows = {row[:4]: row[4] for row in result.tables["mitigation"].rows}
    for method in ("swap", "hadamard"):
        assert rows["0.01", "exact", "none", method] == "helps"
        assert rows["0.01", "1,024", "none", method] == "harms"
    assert re.search(
        r"with 1,024 shots it .* harms in (all settings|\d of 4 settings \[swap, no translation: 0.01;)",
        result.answer,
    )
