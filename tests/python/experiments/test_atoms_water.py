"""Water, tiny and a toy's: what is compared with the frames, and what is said where something fails."""

import shutil

import numpy as np
import pytest

from nonideal.data import structures
from nonideal.errors import InvalidArgument
from nonideal.experiments import Runner, _water_shards, atoms_water
from nonideal.experiments._water_tables import Findings, answer, comparison, curves, metrics, tables
from nonideal.experiments.atoms_water import Config
from nonideal.physics import atoms
from nonideal.report.figures import house_style
from toys.toy_water import ToyWater, molecules, write_systems

TINY = {
    "channels": 16,
    "layers": 1,
    "n_rbf": 10,
    "cutoff": 4.0,
    "lr": 1e-2,
    "train_steps": 500,
    "md_time": 1.0,
    "drift_time": 0.5,
    "bins": 30,
    "seed": 3,
}
PLAN = {"temperature": 330.0, "timestep": 0.5, "friction": 0.01, "bins": 30, "seed": 1}


@pytest.fixture(scope="module")
def systems(tmp_path_factory):
    return write_systems(tmp_path_factory.mktemp("systems"))


@pytest.fixture(scope="module")
def tiny(systems, tmp_path_factory):
    out = tmp_path_factory.mktemp("water")
    with Runner(out=out, identity={"experiment": "atoms-water"}, num_threads=1) as runner:
        return out, atoms_water.run(Config(**TINY, data=str(systems)), runner)


@pytest.fixture
def findings(tiny, systems):
    """What a shard of a simulation that fails at once adds up to."""
    out, _ = tiny
    shard = {**PLAN, "folder": str(systems), "digest": _water_shards.check_frames(systems)}
    frames = _water_shards.refer(shard)
    model = np.frombuffer((out / "model.leignn").read_bytes(), dtype=np.uint8)
    shard |= {"model": _water_shards.encoded(model), "md_time": 1.0}

    def make(**other):
        found = _water_shards.move({**shard, **other})
        trained = {
            "n_parameters": 5,
            "steps": 10,
            "training_cpu_seconds": 1.0,
            "history_cpu_seconds": np.array([1.0]),
            "history_steps": np.array([10]),
            "history_mae": np.array([0.1]),
            "energies_test": np.array([[1.0, 1.1], [1.0, 1.2]]),
            "force_errors_test": np.array([0.1, 0.2]),
            "force_errors_test_1": np.array([0.1, 0.2]),
            "force_errors_test_8": np.array([0.1, 0.2]),
            "forces_test": np.zeros((4, 2)),
            "force_numbers_test": np.array([8, 1, 1, 8]),
            "frames_temperature": np.array([300.0, 10.0, 2]),
        }
        return Findings(frames, trained, found, found, Config(), 1.0)

    return make


def test_the_model_is_compared_with_frames_that_it_has_not_seen(tiny, systems):
    out, result = tiny
    calculator = atoms.LeignnCalculator(out / "model.leignn")
    frames = atoms.read_frames(systems / "c", format="deepmd")
    errors = {1: [], 8: []}
    for frame in frames:
        system = frame.to_ase()
        system.calc = calculator
        for z, found in errors.items():
            found.append(1e3 * np.abs(system.get_forces() - frame.forces)[frame.numbers == z].mean())
    assert result.metrics["force_error_O"].value == pytest.approx(np.mean(errors[8]), rel=1e-4)
    assert result.metrics["force_error_H"].value == pytest.approx(np.mean(errors[1]), rel=1e-4)
    assert result.metrics["force_error"].samples == len(frames) == 16
    assert 0 < result.metrics["force_error"].value < 400  # of 1560, their rms
    temperature = result.metrics["frames_temperature"]
    assert abs(temperature.value - 600) < 4 * temperature.standard_error  # K, at which the toy made them
    assert [row[0] for row in result.tables["errors"].rows] == [
        "force on O (meV/angstrom)",
        "force on H (meV/angstrom)",
        "force, all (meV/angstrom)",
        "energy (meV/atom)",
    ]


def test_distances_and_floors_are_those_of_the_frames(tiny, systems):
    _, result = tiny
    frames = [f for name in "abc" for f in atoms.read_frames(systems / name, format="deepmd")]
    halves = [
        atoms.radial_distribution(part, bins=30, pair=("O", "H")) for part in (frames[:24], frames[24:])
    ]
    floor = atoms.rdf_mae(halves[0][0], halves[0][1], halves[1][1])
    assert result.metrics["rdf_floor_O_H"].value == pytest.approx(floor)
    r, g = atoms.radial_distribution(frames, bins=500)
    assert result.curves["g reference"].x == pytest.approx(tuple(r))
    assert result.curves["g reference"].y == pytest.approx(tuple(g))
    own = np.array(result.curves["g model"].y)
    assert result.metrics["rdf_mae_all_500_model"].value == pytest.approx(atoms.rdf_mae(r, own, g))
    assert {row[1] for row in result.tables["structure"].rows} == {30, 500}
    assert [row.published for row in result.comparison][:2] == [
        "0.190 (saved output of the authors' notebook, v1)",
        "0.0214 (saved output of the authors' notebook, v1)",
    ]


def test_the_same_steps_give_the_same_liquid_again(tiny, systems):
    _, result = tiny
    again = atoms_water.run(Config(**TINY, data=str(systems)))
    assert {name: e.value for name, e in again.metrics.items()} == {
        name: e.value for name, e in result.metrics.items()
    }


def test_figures_are_drawn(tiny):
    with house_style():
        drawn = atoms_water.figures(tiny[1])
    assert set(drawn) == {"parity", "learning", "structure", "distances", "forces", "dynamics"}
    assert [text.get_text() for text in drawn["forces"].axes[0].get_legend().get_texts()] == [
        "reference",
        "model",
    ]


def test_dynamics_that_fails_is_said_and_does_not_end_the_run(findings, monkeypatch):
    def fails(*args, **options):
        raise atoms.UnstableDynamics("too hot")

    monkeypatch.setattr(atoms, "run_md", fails)
    found = findings(drift_time=0.5)
    assert "the liquid is stable for 0 of 1 ps; without a thermostat it failed after 0 ps." in answer(found)
    assert not {"drift", "temperature", "whole_molecules"} & set(metrics(found))
    assert "energy model" not in curves(found)
    assert not tables(found)["structure"].rows
    assert ("went", "failed after 0 ps") in tables(found)["dynamics"].rows
    assert comparison(found)[0].ours == "none: the run failed"


def test_a_liquid_that_fails_without_a_thermostat_keeps_what_the_other_shows(findings):
    found = findings()
    free = {**found.free, "failed": False, "free_failed": True, "free_lasted": 0.125}
    broken = Findings(found.frames, found.model, found.liquid, free, found.config, 1.0)
    rows = tables(broken)["dynamics"].rows
    assert ("went", "to its end") in rows
    assert ("without a thermostat", "failed after 0.125 ps") in rows
    assert answer(broken).endswith("; without a thermostat it failed after 0.125 ps.")
    assert "angstrom from the frames' (floor, their halves: " in answer(broken)


def test_floors_are_no_lower_bounds(findings):
    note = tables(findings())["structure"].note
    assert "no lower bound" in note
    assert "floor / sqrt(2)" in note


def test_a_hole_in_the_energy_is_told(findings):
    found = findings()
    liquid = {**found.liquid, "closest": np.array([[2.5, 0.9, 1.4], [2.5, 0.9, 0.8]])}
    frames = {**found.frames, "closest": np.array([2.5, 0.95, 1.3])}
    odd = Findings(frames, found.model, liquid, found.free, found.config, 1.0)
    assert odd.odd_contacts == {"O-O": 0.0, "O-H": 0.0, "H-H": 0.5}
    assert "but H-H come closer than in any frame" in answer(odd)
    assert metrics(odd)["odd_contacts_H_H"].value == 0.5


def test_whole_molecules():
    system = molecules()
    assert _water_shards._share_of_whole(atoms.Frame.from_ase(system)) == 1.0
    system.positions[1] += 3.1 - 0.4  # astray
    assert _water_shards._share_of_whole(atoms.Frame.from_ase(system)) == 7 / 8
    pair = atoms.Frame(
        [8, 1, 1, 8, 1], [[0, 0, 0], [1, 0, 0], [0, 1, 0], [2, 0, 0], [2, 1, 0]], 9 * np.eye(3), True
    )
    assert _water_shards._share_of_whole(pair) == 0.0  # the second atom is bound to both oxygens


def test_the_toy_is_consistent():
    system = molecules()
    system.calc = ToyWater()
    energies = []
    for step in (-1e-4, 1e-4):
        moved = system.copy()
        moved.positions[4, 1] += step
        moved.calc = ToyWater()
        energies.append(moved.get_potential_energy())
    assert system.get_forces()[4, 1] == pytest.approx((energies[0] - energies[1]) / 2e-4, rel=1e-5)


def test_without_frames_one_line_says_where_they_are(monkeypatch, tmp_path):
    monkeypatch.delenv("NONIDEAL_DATA", raising=False)
    monkeypatch.setattr(structures, "cache_folder", lambda name: tmp_path / name)
    with pytest.raises(InvalidArgument) as problem:
        atoms_water.run(Config())
    assert str(problem.value) == (
        f"deepmd-water is not on this machine: get it from {structures.STRUCTURES['deepmd-water'].url} and "
        "put it into a folder deepmd-water of the one that NONIDEAL_DATA names, or allow the download by "
        "download=True"
    )


def test_the_download_that_the_message_names_is_an_option(monkeypatch):
    class Asked(Exception):
        pass

    def find(name, **options):
        raise Asked(name, options)

    monkeypatch.setattr(atoms_water, "find_structures", find)
    for download in (False, True):
        with pytest.raises(Asked) as asked:
            atoms_water.run(Config(download=download))
        assert asked.value.args == ("deepmd-water", {"download": download})


def test_folders_that_hold_no_water_are_refused(systems, tmp_path):
    def refusal(folder):
        with pytest.raises(InvalidArgument) as problem:
            atoms_water.run(Config(data=str(folder)))
        return str(problem.value)

    assert refusal(tmp_path / "nowhere").endswith("nowhere' is no folder")
    name = f"data = {str(tmp_path)!r}"
    assert refusal(tmp_path) == (
        f"{name} has 0 folders with a type.raw; two are needed: to learn from and to test on"
    )
    for part in "ab":
        shutil.copytree(systems / part, tmp_path / part)
    force = tmp_path / "b" / "set.000" / "force.npy"
    labels = np.load(force)
    force.unlink()
    assert refusal(tmp_path) == f"{name}: not every frame has an energy and forces"
    np.save(force, labels)
    (tmp_path / "a" / "type_map.raw").write_text("S H")
    assert refusal(tmp_path) == f"{name}: not every frame is periodic and of H and O"
    for file in (tmp_path / "a" / "set.000").glob("*.npy"):
        np.save(file, np.load(file)[:3])
    assert refusal(tmp_path) == (f"{name} has 3 frames to learn from and 16 to test on; 4 of each are needed")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"valid_fraction": 0.6}, r"valid_fraction = 0.6 is outside \(0, 0.5\]"),
        ({"variant": "v2"}, "variant = 'v2' is not one of 'v1', 'vn', 'vanilla', 'vanilla-nmu'"),
        (
            {"thermostat_friction": 0.5, "timestep": 2.0},
            "thermostat_friction = 0.5 / fs is not < 0.5, one over the timestep",
        ),
    ],
)
def test_odd_options_are_refused(options, message):
    with pytest.raises(InvalidArgument, match=message):
        Config(**options)
