"""Hot copper, tiny: what is compared with the teacher, what is said where something fails."""

import numpy as np
import pytest

from nonideal.errors import InvalidArgument, MissingExtra
from nonideal.experiments import Runner, _copper_shards, atoms_copper
from nonideal.experiments._copper_tables import Findings, _variant_table, answer, curves, metrics, tables
from nonideal.experiments.atoms_copper import Config
from nonideal.physics import atoms
from nonideal.report.figures import house_style

TINY = {
    "generator": "copper-emt",
    "cells": 2,
    "n_frames": 6,
    "channels": 16,
    "layers": 1,
    "n_rbf": 8,
    "cutoff": 4.0,
    "train_steps": 40,
    "timestep": 5.0,
    "md_time": 1.0,
    "drift_time": 0.6,
    "seed": 3,
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copper")
    with Runner(out=folder, identity={"experiment": "atoms-copper"}, num_threads=1) as runner:
        return folder, atoms_copper.run(Config(**TINY), runner)


def test_models_and_their_teacher_are_compared(tiny):
    _, result = tiny
    for kind in ("gradient", "direct", "gradient_without_stress"):
        assert result.metrics[f"steps_{kind}"].value == 40
        for part in ("whole", "vacancy"):
            found = result.metrics[f"force_error_{part}_{kind}"]
            assert found.samples == 16
            assert 0 < found.value < 1000
    assert result.metrics["lattice_teacher"].value == pytest.approx(3.59, abs=0.01)  # of EMT
    assert result.metrics["bulk_teacher"].value == pytest.approx(134, abs=2)
    assert abs(result.metrics["drift_teacher"].value) < 1
    assert [row[0] for row in result.tables["dynamics"].rows] == ["teacher", "gradient", "direct"]
    assert "energy gradient without stress" not in result.curves  # for its errors alone
    assert [row[:2] for row in result.tables["errors"].rows] == [
        ("gradient", 50.0),
        ("direct", 0.0),
        ("gradient without stress", 0.0),
    ]
    assert "variants" not in result.tables
    assert "taught by copper-emt" in result.answer
    assert not any("lammps" in limit for limit in result.limits)


def test_the_model_that_is_kept_has_the_errors_that_are_told(tiny):
    folder, result = tiny
    model = atoms.LeignnCalculator(folder / "gradient.leignn")
    seed = result.seed
    frames = _copper_shards._frames("copper-emt", (600.0, 1500.0), 900.0, 6, 2, seed)["vacancy"]
    errors = []
    for frame in frames:
        system = frame.to_ase()
        system.calc = model
        errors.append(1e3 * np.abs(system.get_forces() - frame.forces).mean())
    assert {len(frame) for frame in frames} == {31}
    assert np.mean(errors) == pytest.approx(result.metrics["force_error_vacancy_gradient"].value, rel=1e-4)


def test_models_learn_the_forces_that_they_are_called_by(tiny):
    """A model's own kind is what its training uses."""
    folder, _ = tiny
    kinds = {
        name: atoms.LEIGNN.load(folder / f"{name}.leignn").architecture.forces
        for name in ("gradient", "direct")
    }
    assert kinds == {"gradient": "gradient", "direct": "direct"}


def test_equal_steps_give_the_same_model_again(tiny):
    folder, result = tiny
    again = atoms_copper.run(Config(**TINY, forces="gradient"), Runner(num_threads=1))
    for name, estimate in again.metrics.items():
        assert estimate.value == result.metrics[name].value, name
    assert (folder / "direct.leignn").exists()


def test_figures_draw_every_model(tiny):
    with house_style():
        drawn = atoms_copper.figures(tiny[1])
    assert set(drawn) == {"parity", "learning", "structure", "motion", "conservation"}
    labels = [
        [text.get_text() for text in axes.get_legend().get_texts()] for axes in drawn["conservation"].axes
    ]
    assert labels == [["teacher", "direct"], ["teacher", "gradient"]]


def test_dynamics_that_fails_is_said_and_does_not_end_the_run(tiny, monkeypatch):
    def fails(*args, **options):
        raise atoms.UnstableDynamics("too hot")

    monkeypatch.setattr(atoms, "run_md", fails)
    shard = {"cells": 2, "test_temperature": 900.0, "timestep": 5.0, "md_time": 1.0, "drift_time": 1.0}
    shard |= {"bins": 50, "seed": 1, "generator": "copper-emt"}
    found = _copper_shards.teach(shard)
    assert found["failed"]
    model = {
        **found,
        **{f"force_errors_{part}": np.array([0.1, 0.2]) for part in ("whole", "vacancy")},
        **{f"energies_{part}": np.array([[1.0, 1.1], [1.0, 1.2]]) for part in ("whole", "vacancy")},
        **{f"forces_{part}": np.zeros((4, 2)) for part in ("whole", "vacancy")},
        "history_cpu_seconds": np.array([1.0]),
        "history_steps": np.array([10]),
        "history_mae": np.array([0.1]),
        "n_parameters": 5,
        "steps": 10,
        "training_seconds": 1.0,
        "training_cpu_seconds": 1.0,
    }
    findings = findings_of({"direct": model}, tiny_teacher(found))
    assert "dynamics that failed after 0 ps, and dynamics without a thermostat that failed" in answer(
        findings
    )
    assert "drift_direct" not in metrics(findings)
    assert "energy direct" not in curves(findings)
    assert tables(findings)["dynamics"].rows[1][-2:] == ("failed after 0 ps", "failed after 0 ps")


def test_a_failure_without_a_thermostat_hides_nothing_of_the_dynamics_with_one(tiny, monkeypatch):
    """Nor is it told with the other's time; shards of before the two were told apart have one flag."""
    run_md = atoms.run_md

    def fails_free(*args, ensemble, **options):
        run = run_md(*args, ensemble=ensemble, **options)
        if ensemble == "nve":
            raise atoms.UnstableDynamics("too hot", run.cut(0, 6))
        return run

    monkeypatch.setattr(atoms, "run_md", fails_free)
    shard = {"cells": 2, "test_temperature": 900.0, "timestep": 5.0, "md_time": 1.0, "drift_time": 1.0}
    shard |= {"bins": 50, "seed": 1, "generator": "copper-emt"}
    teacher = _copper_shards.teach(shard)
    assert (bool(teacher["failed"]), bool(teacher["free_failed"])) == (False, True)
    assert teacher["lasted"] == pytest.approx(1.0)
    assert teacher["free_lasted"] == pytest.approx(0.05)
    assert np.isfinite(teacher["cost"])
    errors = {f"force_errors_{part}": np.array([0.1, 0.2]) for part in ("whole", "vacancy")}
    energies = {f"energies_{part}": np.array([[1.0, 1.1], [1.0, 1.2]]) for part in ("whole", "vacancy")}
    model = {**teacher, **errors, **energies, "n_parameters": 5, "steps": 10}
    model |= {"training_seconds": 1.0, "training_cpu_seconds": 1.0}
    findings = findings_of({"gradient": model}, teacher)
    row = tables(findings)["dynamics"].rows[1]
    assert row[-2:] == ("to its end", "failed after 0.05 ps")
    assert row[1] == 0.0  # it is the teacher
    text = answer(findings)
    assert "an RDF MAE of 0.000 angstrom (floor, the teacher's halves: " in text
    assert text.endswith(", and dynamics without a thermostat that failed after 0.05 ps.")
    before = {name: value for name, value in model.items() if not name.startswith("free_")}
    ends = tables(findings_of({"gradient": before}, teacher))["dynamics"].rows[1][-2:]
    assert ends == ("to its end", "to its end")
    note = tables(findings)["dynamics"].note
    assert "no lower bound" in note
    assert "floor / sqrt(2)" in note


def test_models_are_said_to_share_random_numbers():
    limits = atoms_copper._limits(Config(), "copper-eam")
    assert any("not independent of each other" in limit for limit in limits)


def tiny_teacher(found):
    return {**found, "r": np.linspace(0, 6, 50), "rdf all": np.ones((3, 50)), "failed": False}


def findings_of(models, teacher, variants=None):
    weights = dict.fromkeys(models, 0.0)
    return Findings(teacher, models, "copper-emt", 2.0, 900.0, weights, variants or {})


@pytest.mark.parametrize(
    ("errors", "verdict"),
    [
        ([4.0, 3.0, 2.0, 2.5], "was found."),
        ([4.0, 4.0, 4.0, 4.0], "was found."),
        (
            [3.0, 4.0, 2.0, 3.5],
            "was not found: vanilla-nmu 4.0 is above vanilla 3.0; vn 3.5 is above vanilla 3.0.",
        ),
    ],
)
def test_the_order_of_the_variants_is_judged(errors, verdict):
    names = ["vanilla", "vanilla-nmu", "v1", "vn"]
    models = {
        name: {
            "n_parameters": 5,
            "steps": 10,
            **{f"force_errors_{part}": 1e-3 * np.array([e - 0.5, e + 0.5]) for part in ("whole", "vacancy")},
        }
        for name, e in zip(names, errors, strict=True)
    }
    table = _variant_table(findings_of(models, {}, {name: name for name in names}))
    assert table.note.startswith(f"The expected order, vanilla >= vanilla-nmu >= full, {verdict}")
    assert [row[0] for row in table.rows] == names
    assert [row[3] for row in table.rows] == pytest.approx(errors)
    ranked = sorted(errors, reverse=True)
    assert [row[-1] for row in table.rows] == [1 + ranked.index(e) for e in errors]
    assert [row[-2] for row in table.rows] == [1, 2, 3, 3]


def test_without_lammps_another_teacher_stands_in(monkeypatch):
    from nonideal.physics.atoms.lammps import module

    def missing():
        raise MissingExtra("lammps", "lammps")

    monkeypatch.setattr(module, "import_lammps", missing)
    assert atoms_copper._available("copper-eam") == "copper-emt"
    limits = atoms_copper._limits(Config(), "copper-emt")
    assert limits[0] == (
        "The extra lammps is not installed: the teacher is copper-emt instead of copper-eam."
    )


def test_ablations_are_the_other_variants():
    found = {name: (own["variant"], own["forces"]) for name, own in Config(ablations=True).models.items()}
    assert found == {
        "gradient": ("v1", "gradient"),
        "direct": ("v1", "direct"),
        "vn gradient": ("vn", "gradient"),
        "vanilla gradient": ("vanilla", "gradient"),
        "vanilla-nmu gradient": ("vanilla-nmu", "gradient"),
        "gradient without stress": ("v1", "gradient"),
    }


def test_a_fair_counterpart_of_direct_forces():
    """Direct forces learn no stress; neither does one of the gradient models, unless nobody learns any."""
    weights = {name: own["stress_weight"] for name, own in Config().models.items()}
    assert weights == {"gradient": 50.0, "direct": 0.0, "gradient without stress": 0.0}
    for options in ({"without_stress": False}, {"stress_weight": 0}, {"forces": "gradient"}):
        assert "gradient without stress" not in Config(**options).models


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"forces": "direct,direct"}, r"forces = \('direct', 'direct'\) has a value twice"),
        ({"temperatures": "600,600"}, r"temperatures = \(600.0, 600.0\) has a value twice"),
        ({"cells": 1}, r"cells = 1 is outside \[2, 20\]"),
        ({"generator": "silicon-sw"}, "generator = 'silicon-sw' is not one of 'copper-eam', 'copper-emt'"),
    ],
)
def test_odd_options_are_refused(options, message):
    with pytest.raises(InvalidArgument, match=message):
        Config(**options)
