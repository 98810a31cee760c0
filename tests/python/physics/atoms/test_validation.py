"""A model beside its reference: itself, a worse one, and one that explodes."""

import json

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT

from nonideal import InvalidArgument
from nonideal.errors import MissingExtra
from nonideal.physics import atoms
from nonideal.physics.atoms import validation
from toys.toy_potentials import Failing, Spoiled, Wells

COPPER = bulk("Cu", a=3.615, cubic=True) * (2, 2, 2)


class Softer(EMT):
    """Effective medium theory with all forces and energies scaled."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        for name in ("energy", "forces"):
            self.results[name] = self.results[name] * self.factor


class Leaky(EMT):
    """Forces that are no derivative: energy grows."""

    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        self.results["forces"] = self.results["forces"] + 0.2 * self.atoms.get_velocities()


def validate(model, reference="copper-eam", **changes):
    values = {
        "system": COPPER,
        "temperature": 600,
        "time": 4000,
        "timestep": 4,
        "equilibration": 400,
        "save_every": 4,
        "seed": 1,
        "progress": False,
    }
    try:
        return atoms.validate_md(model, reference=reference, **(values | changes))
    except MissingExtra as problem:
        pytest.skip(str(problem))


def test_a_perfect_model_is_the_reference():
    """Same potential and start, independent thermostats: it differs as two halves of the reference do."""
    report = validate("copper-eam")
    start = report.reference_trajectory.cut(0, 1)
    np.testing.assert_array_equal(report.trajectory.positions[0], start.positions[0])
    np.testing.assert_array_equal(report.trajectory.velocities[0], start.velocities[0])
    assert np.abs(report.trajectory.positions[-1] - report.reference_trajectory.positions[-1]).max() > 0.05
    assert report.force_mae == 0.0
    for value, floor in ((report.rdf_mae, report.rdf_floor), (report.hr_mae, report.hr_floor)):
        assert 0.3 * floor < value < 1.3 * floor  # each run is twice as long as a half: 0.7
    assert report.failure == ""
    assert report.stability_time == 4.0
    spread = np.hypot(report.diffusion.standard_error, report.reference_diffusion.standard_error)
    assert abs(float(report.diffusion) - float(report.reference_diffusion)) < 4 * spread
    assert abs(report.drift.value) < 0.5
    assert report.drift.fluctuation < 1.0
    assert report.seed == 1
    assert set(report.curves) == {"rdf", "distances", "msd", "vacf", "forces_29"}
    text = str(report)
    for part in ("RDF MAE", "floor", "force MAE   0.0 meV/angstrom", "drift", "stable for  4 ps"):
        assert part in text


def test_a_softer_model_is_found_out():
    report = validate(Softer(0.5), "copper-emt", time=1600, observables=("rdf", "forces", "vacf"))
    assert report.drift is report.diffusion is report.nve_trajectory is None
    assert "drift" not in str(report)
    assert report.rdf_mae > 1.5 * report.rdf_floor
    forces = np.abs(report.reference_trajectory.forces).mean()
    assert report.force_mae == pytest.approx(0.5 * forces, rel=0.1)
    c = report.curves["vacf"]
    # Half the stiffness: the first zero of the velocities' memory comes later.
    assert np.argmax(c.model < 0) >= np.argmax(c.reference < 0)
    # the start is shared
    np.testing.assert_array_equal(report.trajectory.positions[0], report.reference_trajectory.positions[0])
    np.testing.assert_array_equal(report.trajectory.velocities[0], report.reference_trajectory.velocities[0])


def test_forces_without_an_energy_drift():
    report = validate(Leaky(), "copper-emt", time=700, observables=("drift",), drift_time=200.0)
    assert report.drift.value > 10 * max(report.drift.standard_error, 1.0)
    assert report.rdf_mae is None


def test_a_model_that_explodes_is_judged_as_far_as_it_came():
    report = validate(Wells(COPPER.positions[::-1], 50.0), "copper-emt", time=2000)
    assert report.failure.startswith("model: after ")
    assert len(report.trajectory) < len(report.reference_trajectory)
    assert report.stability_time < 2.0
    assert report.diffusion is None
    assert report.reference_diffusion is not None
    assert "failure" in str(report)


def argon():
    return Atoms("Ar8", 4.0 * np.array(list(np.ndindex(2, 2, 2))), cell=[8.0] * 3, pbc=True)


def test_a_model_whose_atoms_collapse_is_judged_as_far_as_it_came():
    """They end on one place, by twos: nearer than any neighbour list takes."""
    gas = argon()
    pairs = np.repeat(gas.positions[::2], 2, axis=0)
    options = {"system": gas, "temperature": 1.0, "friction": 0.1, "observables": ("rdf", "msd", "vacf")}
    report = validate(Wells(pairs, 1.0), Wells(gas.positions, 1.0), **options)
    nearest = np.linalg.norm(report.trajectory.positions[:, 0] - report.trajectory.positions[:, 1], axis=1)
    assert nearest.min() < 0.01
    assert report.rdf_mae > 1.0 > report.rdf_floor
    assert report.stability_time < 1.0
    assert str(report.stability_time)[:3] in str(report)


def test_a_model_whose_atoms_fly_off_is_judged_as_far_as_it_came():
    gas = argon()
    wells = Wells(gas.positions, 1.0)
    report = validate(Spoiled(gas.positions, "energy", call=80), wells, system=gas, observables=("rdf",))
    assert report.failure.startswith("model: after ")
    assert report.failure.endswith(" fs potential energies are not finite")
    assert 0.2 < report.stability_time < 0.32
    assert report.rdf_mae > 0.0
    blown = Wells(1e13 * gas.positions, 2.5e-14)
    report = validate(blown, wells, system=gas, observables=("rdf",))
    assert np.abs(report.trajectory.positions).max() > 50
    assert report.hr_mae > 0.5
    r, h = validation._density([atoms.Frame([18, 18], [[0, 0, 0], [0, 0, 99.0]])], bins=10)
    assert not h.any()
    assert len(r) == 10
    for name in ("energy", "forces"):
        with pytest.raises(atoms.UnstableDynamics, match=r"^model: forces on the system, or its energy, are"):
            validate(Spoiled(gas.positions, name, call=1), wells, system=gas)


def test_nve_is_its_own_drift():
    report = validate("copper-eam", ensemble="nve", time=1600)
    assert report.nve_trajectory is report.trajectory
    # One start and no random numbers: one trajectory, nothing differs.
    np.testing.assert_array_equal(report.trajectory.positions, report.reference_trajectory.positions)
    assert (report.rdf_mae, report.hr_mae) == (0.0, 0.0)
    assert report.rdf_floor > 0.0
    assert report.drift.samples > 1


def test_open_systems_have_no_radial_distribution():
    gas = Atoms("Ar8", 4.0 * np.array(list(np.ndindex(2, 2, 2))))
    report = validate(Wells(gas.positions, 1.0), Wells(gas.positions, 1.0), system=gas)
    assert report.rdf_mae is None
    assert report.hr_mae < 1.5 * report.hr_floor
    assert report.stability_time == 4.0


def test_frames_are_a_reference_too():
    """Shuffled frames with forces, such as quantum-mechanical ones: distances and forces, no motion."""
    try:
        frames = atoms.sample_frames(
            "copper-eam", COPPER, temperatures=[600], n_frames=60, stride=40, seed=2, progress=False
        )
    except MissingExtra as problem:
        pytest.skip(str(problem))
    report = validate("copper-eam", frames, time=8000)
    assert report.reference_trajectory is report.reference_diffusion is report.hr_mae is None
    assert report.rdf_mae < 1.5 * report.rdf_floor
    assert report.force_mae < 1e-9
    assert report.diffusion is not None
    assert report.curves["msd"].reference is report.curves["vacf"].reference is None
    assert report.curves["rdf"].reference is not None
    assert "reference" not in str(report)
    bare = [atoms.Frame(f.numbers, f.positions, cell=f.cell, pbc=True) for f in frames]
    report = validate("copper-eam", bare, time=640, observables=("rdf", "forces"))
    assert report.force_mae is None
    with pytest.raises(InvalidArgument, match=r"^reference: 1 frames are fewer than 2$"):
        validate("copper-eam", frames[:1])
    with pytest.raises(InvalidArgument, match=r"^reference\[0\]: its atoms are not those of the system, in"):
        validate("copper-eam", frames, system=COPPER[1:])


def test_a_model_refuses_before_the_reference_is_simulated():
    gold = bulk("Au", cubic=True)
    reference = Failing(gold.positions, RuntimeError("the reference was asked"), 1)
    with pytest.raises(InvalidArgument, match=r"^system.numbers\[0\] = 79 is none of Cu$"):
        validate("copper-eam", reference, system=gold)


def test_a_folder_holds_everything(tmp_path):
    report = validate("copper-eam", time=1600)
    folder = report.save(tmp_path / "a" / "b", trajectories=True)
    held = json.loads((folder / "report.json").read_text())
    assert held["rdf_mae"] == report.rdf_mae
    assert held["drift"]["value"] == report.drift.value
    assert held["drift"]["fluctuation"] == report.drift.fluctuation
    assert held["diffusion"]["unit"] == "m^2/s"
    with np.load(folder / "curves.npz") as curves:
        np.testing.assert_array_equal(curves["rdf_model"], report.curves["rdf"].model)
    report.plus({"msd": atoms.Comparison(np.arange(3.0), "x", np.arange(3.0), None, "y")}).save(folder)
    for name in (*report.curves, "energy"):
        assert (folder / f"{name}.svg").read_text().startswith("<?xml")
    again = atoms.Trajectory.load(folder / "model.npz")
    np.testing.assert_array_equal(again.positions, report.trajectory.positions)
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidArgument, match=r"file is a file$"):
        report.save(tmp_path / "file")


def test_a_model_file_is_for_our_calculator(tmp_path, monkeypatch):
    path = tmp_path / "copper.leignn"
    path.write_bytes(b"")
    given = []
    monkeypatch.setattr(
        atoms,
        "LeignnCalculator",
        lambda source, forces: given.append((source, forces)) or EMT(),
        raising=False,
    )
    report = validate(str(path), "copper-emt", time=640, observables=("forces",), equilibration=0)
    assert given == [(str(path), None)]
    assert report.force_mae < 1e-12


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"observables": ("rdf", "phonons")}, "observables = 'phonons' is not one of rdf, msd, vacf, .*"),
        ({"time": 100}, "time = 100 fs: 6 saved steps are fewer than 40"),
        ({"model": 3}, "model = 3 is neither an ASE calculator nor a generator's name"),
        ({"reference": "lead"}, "reference = 'lead' is neither a file nor one of .*"),
        ({"discard": 3900}, "trajectory: 7 steps after discard = 3900 fs are too few for 5 blocks of 5"),
        ({"drift_time": 0}, "drift_time = 0 is not > 0"),
        ({"n_force_frames": 0}, r"n_force_frames = 0 is outside \[1, 2\^31\)"),
    ],
)
def test_refusals(changes, message):
    values = {"model": "copper-emt", "reference": "copper-emt"} | changes
    with pytest.raises(InvalidArgument, match=f"^{message}$"):
        validate(values.pop("model"), values.pop("reference"), **values)
