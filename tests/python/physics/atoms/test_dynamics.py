"""Simulations: ensembles sample what they promise, seeds repeat, failures leave what was run."""

import re

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms

from nonideal import InvalidArgument
from nonideal.physics import atoms
from nonideal.physics.atoms.trajectory import BOLTZMANN, ENSEMBLES
from toys.toy_potentials import Failing, Smeared, Spoiled, Springs, Wells


def argon(n=32, spread=100.0):
    return Atoms("Ar" * n, np.random.default_rng(0).uniform(0, spread, (n, 3)))


def copper(n=2):
    return bulk("Cu", cubic=True) * (n, n, n)


def run(system, calculator, **changes):
    values = {"temperature": 300, "time": 100, "timestep": 2, "save_every": 5, "seed": 1, "progress": False}
    return atoms.run_md(system, calculator, **(values | changes))


@pytest.mark.parametrize("ensemble", ENSEMBLES)
def test_same_seed_same_bits_and_no_global_generator(ensemble):
    state = np.random.get_state()[1].copy()  # noqa: NPY002 (it is what must not change)
    one, two = (run(copper(), EMT(), ensemble=ensemble, equilibration=20) for _ in range(2))
    for name in ("time", "positions", "velocities", "forces", "potential_energy", "kinetic_energy"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert (one.ensemble, one.seed) == (ensemble, 1)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    other = run(copper(), EMT(), ensemble=ensemble, seed=2)
    assert np.abs(other.velocities[0] - one.velocities[0]).max() > 1e-4
    drawn = run(copper(), EMT(), ensemble=ensemble, seed=None, time=10)
    again = run(copper(), EMT(), ensemble=ensemble, seed=drawn.seed, time=10)
    np.testing.assert_array_equal(drawn.positions, again.positions)


def test_what_is_saved():
    system = copper()
    before = system.positions.copy()
    t = run(system, EMT(), time=101, timestep=4, save_every=6)
    np.testing.assert_array_equal(t.time, [0, 24, 48, 72, 96])
    np.testing.assert_array_equal(t.positions[0], before)
    np.testing.assert_array_equal(system.positions, before)
    assert system.calc is None
    for step in (0, -1):
        again = t.frame(step).to_ase()
        again.calc = EMT()
        np.testing.assert_allclose(t.forces[step], again.get_forces(), atol=1e-12)
        assert t.potential_energy[step] == pytest.approx(again.get_potential_energy(), abs=1e-10)
    # m v^2/2 in u (angstrom/fs)^2 to eV
    factor = 1.66053906660e-27 * 1e10 / 1.602176634e-19
    kinetic = 0.5 * factor * np.einsum("n,tnk->t", t.masses, t.velocities**2)
    np.testing.assert_allclose(t.kinetic_energy, kinetic, rtol=1e-6)
    # and velocities are in angstrom/fs: the derivative of the positions
    fine = run(system, EMT(), time=8, timestep=2, save_every=1)
    np.testing.assert_allclose(
        fine.velocities[2],
        (fine.positions[3] - fine.positions[1]) / 4,
        atol=1e-3 * np.ptp(fine.velocities),
    )


def test_free_atoms_keep_their_velocities():
    """MSD = 3 kT/m t^2: the units of velocity, time and mass agree."""
    system = argon(500, 1e4)
    t = run(system, Wells(system.positions), temperature=400, time=1000, timestep=10)
    lag, msd = atoms.mean_squared_displacement(t)
    slope = 3 * units.kB * 400 / 39.948 * units.fs**2
    np.testing.assert_allclose(msd[1:] / lag[1:] ** 2, slope * 499 / 500, rtol=4 * np.sqrt(2 / 1500))
    np.testing.assert_allclose(t.velocities, np.broadcast_to(t.velocities[0], t.velocities.shape), rtol=1e-9)


def test_an_oscillator_swings_at_its_frequency():
    system = argon(400)
    stiffness = 2.0
    calculator = Wells(system.positions, stiffness)
    t = run(system, calculator, time=2000, timestep=2, save_every=1, equilibration=1000, friction=0.05)
    lag, c = atoms.velocity_autocorrelation(t)
    omega = np.sqrt(stiffness / 39.948) * units.fs
    shown = lag < 1000
    np.testing.assert_allclose(c[shown], np.cos(omega * lag[shown]), atol=0.01)
    assert abs(t.total_energy - t.total_energy[0]).max() < 1e-4 * t.total_energy[0]


@pytest.mark.parametrize("ensemble", ["langevin", "nose-hoover"])
@pytest.mark.parametrize("n", [3, 12])
def test_thermostats_reach_their_temperature(ensemble, n):
    """Kinetic energy (3N - 3)/2 kT, the centre of mass at rest; ASE's chain alone misses it by N/(N - 1)."""
    system = Atoms("Ar" * n, np.random.default_rng(1).normal(scale=3.0, size=(n, 3)))
    t = run(
        system,
        Springs(system.positions, stiffness=0.3),
        ensemble=ensemble,
        temperature=300,
        time=60_000,
        timestep=10,
        equilibration=3000,
        save_every=2,
    )
    blocks = t.temperature[1:].reshape(10, -1).mean(axis=1)
    error = blocks.std(ddof=1) / np.sqrt(10)
    assert abs(blocks.mean() - 300) < 4 * error
    assert error < 300 / (2 * n)
    momenta = np.einsum("tnk,n->tk", t.velocities, t.masses)
    assert np.abs(momenta).max() < 1e-10


def test_friction_is_per_femtosecond():
    """Velocities of free atoms are forgotten at exp(-friction t)."""
    system = argon(2000, 1e5)
    values = {"friction": 0.02, "time": 200, "timestep": 1, "save_every": 1}
    t = run(system, Wells(system.positions), ensemble="langevin", **values)
    lag, c = atoms.velocity_autocorrelation(t)
    np.testing.assert_allclose(c[:60], np.exp(-0.02 * lag[:60]), atol=0.02)


def test_error_of_the_energy_falls_as_the_square_of_the_step():
    system = argon(12, 8.0)
    found = []
    for timestep in (5.0, 10.0):
        t = run(system, Springs(system.positions, 0.3), time=5000, timestep=timestep, save_every=1)
        found.append(atoms.energy_drift(t).fluctuation)
    assert 3.5 < found[1] / found[0] < 4.5


def test_the_energy_is_the_one_of_the_forces():
    """Of smeared occupations that is the free energy; it alone is conserved with the kinetic one."""
    system = argon(12)
    smeared, plain = (
        run(system, kind(system.positions, 2.0), timestep=1, time=400) for kind in (Smeared, Wells)
    )
    np.testing.assert_array_equal(smeared.potential_energy, plain.potential_energy)
    total = smeared.total_energy
    assert np.ptp(total) < 1e-3 * np.ptp(smeared.potential_energy)


def test_heat_stops_a_simulation():
    system = argon(8)
    with pytest.raises(
        atoms.UnstableDynamics, match=r"^after \d+ fs the temperature is \S+ K, outside \[0.1, 1e5\]: the"
    ) as caught:
        run(system, Wells(system.positions, 50.0), timestep=40, time=4000, save_every=1)
    kept = caught.value.trajectory
    assert 1 < len(kept) < 100
    assert kept.temperature.max() <= 1e5


def test_cold_stops_a_simulation_but_a_turning_point_does_not():
    pair = Atoms("Ar2", [[0, 0, 0], [0, 0, 5.0]])
    swinging = run(pair, Wells(pair.positions, 1.0), timestep=1, time=3000, save_every=1)
    assert swinging.temperature.min() < 0.1 < swinging.temperature.max()
    with pytest.raises(atoms.UnstableDynamics, match=r"the temperature is \S+ K, outside"):
        run(pair, Wells(pair.positions), temperature=0.1, time=1000, seed=5, timestep=1)
    # (two free atoms, of whose three degrees of freedom this seed makes less than 0.1 K)


def test_a_calculator_that_fails_on_the_way():
    system = argon(4)
    calculator = Failing(system.positions, InvalidArgument("two atoms on one place"), 12)
    with pytest.raises(
        atoms.UnstableDynamics,
        match=r"^after 20 fs the calculator failed: two atoms on one place$",
    ) as caught:
        run(system, calculator, save_every=2)
    np.testing.assert_array_equal(caught.value.trajectory.time, [0, 4, 8, 12, 16, 20])
    with pytest.raises(InvalidArgument, match=r"^refused$"):  # from the start: not a matter of stability
        run(system, Failing(system.positions, InvalidArgument("refused"), 1))
    with pytest.raises(RuntimeError, match=r"^bug$"):
        run(system, Failing(system.positions, RuntimeError("bug"), 5))


@pytest.mark.parametrize("name", ["energy", "forces"])
def test_numbers_that_are_none_stop_a_simulation(name):
    system = argon(4)
    with pytest.raises(atoms.UnstableDynamics) as caught:
        run(system, Spoiled(system.positions, name, call=12), save_every=2)
    at = {"energy": r"^after 24 fs potential energies are not finite$", "forces": "the temperature is nan K"}
    assert re.search(at[name], str(caught.value))
    np.testing.assert_array_equal(caught.value.trajectory.time, [0, 4, 8, 12, 16, 20])
    with pytest.raises(atoms.UnstableDynamics, match=r"^after 0 fs \w.* not finite$") as caught:
        run(system, Spoiled(system.positions, name, call=1))
    assert caught.value.trajectory is None


def test_ctrl_c_leaves_what_was_run():
    """It arrives in the calculator, where the time goes."""
    system = argon(4)
    calculator = Failing(system.positions, KeyboardInterrupt(), 12)
    with pytest.raises(
        atoms.DynamicsInterrupted, match=r"^dynamics \(nve\): stopped after 20 of 1e\+07 fs$"
    ) as caught:
        run(system, calculator, time=1e7, save_every=4)
    assert isinstance(caught.value, KeyboardInterrupt)
    np.testing.assert_array_equal(caught.value.trajectory.time, [0, 8, 16])
    with pytest.raises(
        atoms.DynamicsInterrupted, match=r"^equilibration: stopped after 20 of 1000 fs$"
    ) as caught:
        run(system, Failing(system.positions, KeyboardInterrupt(), 12), equilibration=1000)
    assert caught.value.trajectory is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"temperature": 0}, "temperature = 0 is not > 0"),
        ({"temperature": 1e6}, r"temperature = 1e\+06 K is outside \[0.1, 1e5\]"),
        ({"time": 0.4}, "time = 0.4 fs is shorter than a timestep, 2"),
        ({"timestep": -1}, "timestep = -1 is not > 0"),
        ({"ensemble": "npt"}, "ensemble = 'npt' is not one of nve, langevin, nose-hoover"),
        ({"friction": 8}, "friction = 8 / fs is not < 0.5, one over the timestep"),
        ({"friction": 0}, "friction = 0 is not > 0"),
        ({"save_every": 0}, r"save_every = 0 is outside \[1, 2\^31\)"),
        ({"equilibration": -1}, "equilibration = -1 is not >= 0"),
        ({"seed": -1}, r"seed = -1 is outside \[0, 2\^64\)"),
        ({"calculator": "lead"}, "calculator = 'lead' is neither a file nor one of copper-emt, .*"),
        ({"calculator": 3}, "calculator = 3 is neither an ASE calculator nor a generator's name"),
        ({"system": Atoms("Ar")}, "system: 1 atoms with their centre of mass at rest don't move"),
        ({"system": 3}, "system: int has no numbers; .*"),
        (
            {"system": Atoms("Ar2", constraint=FixAtoms([0]))},
            "system: constraints are not supported; copy the atoms and delete them",
        ),
    ],
)
def test_refusals(changes, message):
    system = argon(4)
    values = {"system": system, "calculator": Wells(system.positions)} | changes
    with pytest.raises(InvalidArgument, match=f"^{message}$"):
        run(values.pop("system"), values.pop("calculator"), **values)


def test_frames_start_simulations_too():
    frame = atoms.Frame.from_ase(copper())
    np.testing.assert_array_equal(run(frame, EMT()).positions, run(copper(), "copper-emt").positions)


def test_boltzmann_is_ases():
    assert pytest.approx(units.kB, rel=1e-6) == BOLTZMANN  # ASE's is CODATA 2014's
