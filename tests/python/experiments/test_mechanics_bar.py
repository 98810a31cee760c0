"""The bar with a quantum search: the prototype's numbers, limits of mitigation, figures, the same bits."""

import json

import numpy as np
import pytest

from nonideal import Estimate
from nonideal.errors import InvalidArgument
from nonideal.experiments import Runner, _bar_tables, describe, mechanics_bar
from nonideal.experiments._bar_problem import Variant, reference_of
from nonideal.experiments.mechanics_bar import Config
from nonideal.report.figures import house_style

SMALL = {"n_points": 100, "n_elements": 6, "max_iterations": 6, "shots": "0,1024", "n_cells": 8, "seed": 7}


@pytest.fixture(scope="module")
def exact():
    """The reference problem with exact probabilities: everything in it is deterministic but the cells."""
    return mechanics_bar.run(Config(shots="0", seed=7))


@pytest.fixture(scope="module")
def small():
    return mechanics_bar.run(Config(**SMALL, convergence_points="50,100"))


def value(result, name):
    return result.metrics[name].value


def test_the_exact_search_meets_its_acceptance(exact):
    assert value(exact, "strain_error_classical") <= 0.005
    assert value(exact, "stress_error_classical") <= 0.003
    assert value(exact, "iterations_classical") == 16
    for kind in ("strain", "stress"):
        assert value(exact, f"{kind}_slope_linear") == pytest.approx(-1, abs=0.2)
    assert value(exact, "strain_slope_c0.25") < value(exact, "strain_slope_c1") < -0.5


@pytest.mark.parametrize(
    ("method", "mitigation", "strain", "wrong"),
    [
        ("swap", "noiseless", 0.0033, 0.0),
        ("swap", "raw", 0.067, 0.89),
        ("swap", "zne", 0.0077, 0.23),
        ("hadamard", "noiseless", 0.0033, 0.0),
        ("hadamard", "raw", 0.037, 0.78),
        ("hadamard", "zne", 0.0033, 0.0),
    ],
)
def test_without_shots_the_prototypes_numbers_come_again(exact, method, mitigation, strain, wrong):
    key = f"{method}_{mitigation}_exact_none"
    assert value(exact, f"strain_error_{key}") == pytest.approx(strain, rel=0.02)
    assert value(exact, f"wrong_{key}") == pytest.approx(wrong, abs=0.006)


def test_the_claim_at_exact_probabilities(exact):
    """Mitigation divides wrong neighbours by more than three for swap, and leaves none for hadamard."""
    for method, ratio in (("swap", 3), ("hadamard", 100)):
        raw, zne = (value(exact, f"wrong_{method}_{kind}_exact_none") for kind in ("raw", "zne"))
        assert raw > ratio * zne
        moved = value(exact, f"wrong_{method}_raw_exact_cells")
        assert moved < raw / 2
    assert (
        "of the hadamard circuit helps with exact probabilities (3.7 % raw, 0.33 % mitigated)" in exact.answer
    )


def test_the_limit_of_the_claim_with_few_shots():
    """1,024 shots: mitigation harms, translation repairs, whatever the seed."""
    result = mechanics_bar.run(
        Config(
            shots="1024",
            methods="hadamard",
            repeats=3,
            max_iterations=15,
            seed=11,
            convergence_points="100,215",
        )
    )

    def mean(kind, where):
        return value(result, f"strain_error_hadamard_{kind}_1024_{where}")

    assert mean("zne", "none") > mean("raw", "none") > 5 * mean("raw", "cells")
    assert value(result, "wrong_hadamard_zne_1024_none") > value(result, "wrong_hadamard_raw_1024_none")
    assert result.metrics["strain_error_hadamard_raw_1024_none"].samples == 3


@pytest.mark.parametrize(
    ("raw", "zne", "repeats", "verdict"),
    [
        (0.3, 0.1, 5, "helps with 1,024 shots (30.0 ± 3 % raw, 10.0 ± 3 % mitigated);"),
        (0.1, 0.3, 5, "harms with 1,024 shots (10.0 ± 3 % raw, 30.0 ± 3 % mitigated);"),
        (0.2, 0.25, 5, "makes no clear difference;"),
        (0.3, 0.1, 2, "makes no clear difference;"),  # Student's quantile: 12.7 standard errors
    ],
)
def test_the_answer_is_built_from_the_numbers(small, raw, zne, repeats, verdict):
    """A difference that chance explains at 95 % is none."""
    config = Config(**(SMALL | {"shots": "1024"}), methods="swap", translation="none")
    scores = {
        Variant("swap", kind, 1024, "none"): {"strain": Estimate(strain, 0.03, repeats)}
        for kind, strain in (("raw", raw), ("zne", zne))
    }
    answer = _bar_tables.answer(config, small.metrics, scores)
    assert f"zero-noise extrapolation of the swap circuit {verdict}".rstrip(";") + "." in answer


def test_without_gate_errors_nothing_is_mitigated():
    result = mechanics_bar.run(
        Config(**(SMALL | {"shots": "0"}), two_qubit_error=0, methods="swap", convergence_points="50,100")
    )
    assert "without gate errors there is nothing to mitigate" in result.answer
    assert not any("mitigation" in row.quantity for row in result.comparison)
    assert value(result, "strain_error_swap_zne_exact_none") == value(
        result, "strain_error_swap_noiseless_exact_none"
    )


def test_runs_do_not_depend_on_the_others_asked_for(small):
    """Nor do cells: those of exact probabilities are those of the runs with shots."""
    alone = mechanics_bar.run(
        Config(**(SMALL | {"shots": "1024"}), methods="hadamard", convergence_points="50,100")
    )
    names = [name for name in alone.metrics if "hadamard" in name]
    assert len(names) == 12
    for name in names:
        assert alone.metrics[name] == small.metrics[name]


def test_an_exponential_that_does_not_exist_leaves_the_raw_value():
    result = mechanics_bar.run(
        Config(**SMALL, extrapolator="exponential", repeats=2, convergence_points="50,100")
    )
    assert any("stays unmitigated" in line for line in result.limits)
    assert value(result, "wrong_hadamard_zne_exact_none") < value(result, "wrong_hadamard_raw_exact_none")


def test_a_fine_bar_has_a_reference():
    """1,000 elements: a tolerance of 1e-12 would be below round-off."""
    bar, reference = reference_of({"control": "displacement", "n_elements": 1000})
    np.testing.assert_allclose(
        np.diff(reference.stress[:, 0]) * 1e-4, -2e4 / 1000, atol=1e-8 * reference.stress.max() * 1e-4
    )
    assert bar.n_points == 1000


def test_the_table_has_the_prototype_beside_ours(exact, small):
    rows = exact.tables["variants"].rows
    assert len(rows) == 12
    for row in rows:
        then, now = row[-1].split(" / "), row[4:7]
        if row[1] == "none":
            assert float(then[0]) == pytest.approx(float(now[0]), rel=0.03)
            assert float(then[2].split()[0]) == pytest.approx(100 * float(now[2]), abs=0.6)
    assert all(row[-1] == "" for row in small.tables["variants"].rows)


def test_force_control_has_the_stress_of_statics():
    result = mechanics_bar.run(
        Config(**(SMALL | {"shots": "0"}), control="force", methods="swap", convergence_points="50,100,200")
    )
    assert value(result, "stress_error_classical") < 1e-10
    assert value(result, "strain_error_classical") > 1e-3
    assert "stress_slope_linear" not in result.metrics
    assert "strain_slope_linear" in result.metrics


def test_paths_and_fields_are_the_solvers_own(small):
    """The last state of a fixed point is the field itself; the penalties are those of the history."""
    penalty = small.curves["penalty_swap_noiseless_exact_none"]
    assert list(penalty.y) == sorted(penalty.y, reverse=True)
    path = small.curves["path_swap_noiseless_exact_none"]
    assert len(path.x) == len(penalty.x)
    best = int(np.argmin(penalty.y))
    field = small.curves["strain_swap_noiseless_exact_none"]
    stress = small.curves["stress_swap_noiseless_exact_none"]
    assert path.x[best] == pytest.approx(field.y[3], rel=1e-12)
    assert path.y[best] == pytest.approx(stress.y[3], rel=1e-12)
    assert small.metrics["circuits"].value > 0


def test_figures(small):
    with house_style():
        drawn = mechanics_bar.figures(small)
    assert list(drawn) == ["fields", "errors", "penalty", "path", "convergence", "wrong-neighbours"]
    for figure in drawn.values():
        assert len(figure.get_label()) > 20


def test_a_cluster_gives_the_same_bits(small):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0", host="127.0.0.1"
        ) as cluster,
        Runner(cluster=cluster.scheduler_address) as runner,
    ):
        again = mechanics_bar.run(Config(**SMALL, convergence_points="50,100"), runner)
    ours, theirs = (json.loads(result.to_json()) for result in (small, again))
    for key in ("metrics", "curves", "tables", "answer"):
        assert ours[key] == theirs[key]


def test_description():
    about = describe("mechanics-bar")
    assert (
        about.question
        == "Can a solver that looks its material up with a noisy quantum computer still be right?"
    )
    assert about.extras == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_points": 16, "n_cells": 17}, "n_cells = 17 is more than n_points = 16"),
        ({"control": "both"}, "control = 'both' is not one of 'displacement', 'force'"),
        ({"shots": "-1"}, "shots = -1 is outside [0, 2147483647]"),
        ({"two_qubit_error": 0.5}, "two_qubit_error = 0.5 is outside [0, 0.2]"),
        ({"metric_factor": 0.0}, "metric_factor = 0.0 is outside [0.001, 10]"),
        ({"repeats": 1}, "repeats = 1 is outside [2, 1000]"),
        ({"scales": "1", "extrapolator": "linear"}, "scales: linear extrapolation needs 2, got 1"),
        ({"scales": "1,3,3"}, "scales[2] = 3 is there already"),
    ],
)
def test_refusals(changes, message):
    with pytest.raises(InvalidArgument) as caught:
        Config(**changes)
    assert str(caught.value) == message
