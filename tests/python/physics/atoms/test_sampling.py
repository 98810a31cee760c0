"""Labelled frames: repeatable, spread, and labelled by the potential alone."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.emt import EMT

from nonideal import InvalidArgument
from nonideal.errors import MissingExtra
from nonideal.physics import atoms
from toys.toy_potentials import Failing, Smeared, Wells

COPPER = bulk("Cu", a=3.615, cubic=True) * (2, 2, 2)


def sample(generator="copper-eam", system=COPPER, **changes):
    values = {
        "temperatures": [300, 1200],
        "n_frames": 10,
        "stride": 20,
        "equilibration": 200,
        "seed": 7,
        "progress": False,
    }
    try:
        return atoms.sample_frames(generator, system, **(values | changes))
    except MissingExtra as problem:
        pytest.skip(str(problem))


@pytest.mark.parametrize("generator", ["copper-eam", "copper-emt"])
def test_same_seed_same_frames(generator):
    changes = {"stride": 5, "equilibration": 20} if generator == "copper-emt" else {}
    one, two = sample(generator, **changes), sample(generator, **changes, num_threads=1)
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a.positions, b.positions)
        np.testing.assert_array_equal(a.forces, b.forces)
        np.testing.assert_array_equal(a.stress, b.stress)
        assert (a.energy, dict(a.info)) == (b.energy, dict(b.info))
    other = sample(generator, **changes, seed=8)
    assert np.abs(one[0].positions - other[0].positions).max() > 1e-3
    drawn = sample(generator, **changes, n_frames=2, seed=None)
    again = sample(generator, **changes, n_frames=2, seed=drawn[0].info["seed"])
    np.testing.assert_array_equal(drawn[1].positions, again[1].positions)


@pytest.mark.parametrize("generator", ["copper-eam", "copper-emt"])
def test_labels_are_those_of_the_potential(generator):
    """Not those of LAMMPS's thermostat, whose random forces are larger than the potential's."""
    frames = sample(generator, strain=0.01, stride=5, equilibration=20)
    for frame in frames:
        system = frame.to_ase()
        system.calc = atoms.ground_truth(generator)
        np.testing.assert_allclose(frame.forces, system.get_forces(), atol=1e-10)
        np.testing.assert_allclose(frame.stress, system.get_stress(voigt=False), atol=1e-12)
        assert frame.energy == pytest.approx(system.get_potential_energy(), abs=1e-9)
        assert frame.info["generator"] == generator


def test_frames_are_spread_over_temperatures_and_shuffled():
    frames = sample(n_frames=11, temperatures=[300, 600, 900])
    kelvins = [f.info["temperature"] for f in frames]
    assert sorted(kelvins) == [300] * 3 + [600] * 4 + [900] * 4
    assert kelvins != sorted(kelvins)
    rms = {t: np.mean([np.std(f.forces) for f in frames if f.info["temperature"] == t]) for t in (300, 900)}
    assert rms[300] < rms[900]


def test_strains_cover_their_range():
    frames = sample(n_frames=60, temperatures=[300], strain=0.02, stride=2, equilibration=20)
    strains = sorted({f.info["strain"] for f in frames})
    assert len(strains) == 6
    for k, strain in enumerate(strains):  # one in each sixth of -2 ... 2 %
        assert -0.02 + k * 0.04 / 6 <= strain <= -0.02 + (k + 1) * 0.04 / 6
    for frame in frames:
        np.testing.assert_allclose(frame.cell, COPPER.cell[:] * (1 + frame.info["strain"]), rtol=1e-12)
    pressure = [np.mean([np.trace(f.stress) for f in frames if f.info["strain"] == s]) for s in strains]
    assert np.all(np.diff(pressure) > 0)  # tension is positive


def test_lammps_samples_the_canonical_ensemble():
    """Potential energies of a solid at T: its two halves agree, and so does ASE's Langevin dynamics."""
    inside = sample(temperatures=[900], n_frames=200, equilibration=2000, stride=50)
    means = [np.mean([f.energy for f in inside[k::2]]) for k in (0, 1)]
    error = np.std([f.energy for f in inside]) / np.sqrt(100)
    assert abs(means[0] - means[1]) < 4 * np.sqrt(2) * error
    t = atoms.run_md(
        COPPER,
        "copper-eam",
        temperature=900,
        time=8000,
        timestep=2,
        ensemble="langevin",
        equilibration=2000,
        save_every=50,
        seed=3,
        progress=False,
    )
    outside = t.potential_energy[1:]
    blocks = outside.reshape(8, -1).mean(axis=1)
    spread = np.hypot(error, blocks.std(ddof=1) / np.sqrt(8))
    assert abs(np.mean(means) - blocks.mean()) < 4.5 * spread
    # Harmonic: 3/2 kT for each of N - 1 atoms above the minimum, and anharmonic parts of some percent.
    perfect = COPPER.copy()
    perfect.calc = atoms.ground_truth("copper-eam")
    harmonic = 1.5 * 31 * 8.617333e-5 * 900
    assert np.mean(means) - perfect.get_potential_energy() == pytest.approx(harmonic, rel=0.15)


def test_any_calculator_and_open_systems():
    gas = Atoms("Ar4", np.diag([4.0] * 4)[:, :3])
    frames = sample(Wells(gas.positions, 1.0), gas, n_frames=4)
    assert frames[0].info["generator"] == "Wells"
    assert frames[0].stress is None
    frames = sample(EMT(), molecule("N2"), n_frames=2, stride=2, timestep=0.5)
    assert not frames[0].pbc.any()


def test_the_energy_is_the_one_of_the_forces():
    cluster = Atoms("Ar4", 4.0 * np.eye(4, 3))
    for frame in sample(Smeared(cluster.positions, 0.5), cluster, stride=5, equilibration=20):
        away = frame.positions - cluster.positions
        assert frame.energy == pytest.approx(0.25 * (away**2).sum(), rel=1e-12) != 0.0


def test_lammps_forces_in_a_thermostat_are_not_labels():
    """The trap that the second instance is for: the array holds random and friction forces, too."""
    from nonideal.physics.atoms.dynamics import started
    from nonideal.physics.atoms.lammps.dynamics import LammpsLangevin

    frame = sample(n_frames=1, temperatures=[300])[0]
    calculator = atoms.ground_truth("copper-eam")
    start = started(COPPER, calculator, temperature=300.0, seed=1)
    moving = LammpsLangevin(calculator, start, temperature=300.0, timestep=2.0, friction=0.01, seed=5)
    moving.run(100)
    label = COPPER.copy()
    label.positions = moving.positions()
    label.calc = calculator
    excess = moving.box.back(moving.system.gather("f")) - label.get_forces()
    assert np.std(excess) > np.std(frame.forces)
    assert np.abs(moving.system.gather("v").mean(axis=0)).max() < 1e-12  # the centre of mass is at rest
    moving.close()


def test_ctrl_c_leaves_finished_frames():
    problem = KeyboardInterrupt()
    gas = Atoms("Ar4", np.diag([4.0] * 4)[:, :3])
    calculator = Failing(gas.positions, problem, 101)
    with pytest.raises(
        atoms.SamplingInterrupted, match=r"^frames of Failing: stopped after 4 of 10$"
    ) as caught:
        sample(calculator, gas, equilibration=0)
    assert [f.info["temperature"] for f in caught.value.frames] == [300.0] * 4


def test_methane_from_tight_binding():
    frames = sample("gfn2-xtb", molecule("CH4"), temperatures=[300], n_frames=3, stride=5, timestep=0.5,
                    equilibration=5, num_threads=1)  # fmt: skip
    assert frames[0].forces.shape == (5, 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"temperatures": []}, r"temperatures: 0 are outside \[1, n_frames = 10\]"),
        ({"temperatures": [300] * 11}, r"temperatures: 11 are outside \[1, n_frames = 10\]"),
        ({"temperatures": 300}, "temperatures = 300 is not a sequence"),
        ({"temperatures": [-1]}, "temperatures = -1 is not > 0"),
        ({"n_frames": 0}, r"n_frames = 0 is outside \[1, 2\^31\)"),
        ({"stride": 0}, r"stride = 0 is outside \[1, 2\^31\)"),
        ({"strain": 0.5}, r"strain = 0.5 is outside \[0, 0.5\)"),
        ({"num_threads": 0}, "num_threads = 0 is below 1"),
        ({"timestep": 0}, "timestep = 0 is not > 0"),
        ({"timestep": None}, "timestep = None is not a number"),
        ({"friction": 2}, "friction = 2 / fs is not < 0.5, one over the timestep"),
        ({"generator": "lead"}, "generator = 'lead' is neither a file nor one of .*"),
        (
            {"system": molecule("N2"), "strain": 0.1},
            "strain = 0.1: the system has directions without a period",
        ),
    ],
)
def test_refusals(changes, message):
    with pytest.raises(InvalidArgument, match=f"^{message}$"):
        sample(**({"generator": "copper-emt"} | changes))
