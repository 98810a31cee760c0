"""Displacements, diffusion and velocities' memory: by loops, and where they are known on paper."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal import InvalidArgument
from nonideal.physics import atoms
from nonideal.physics.atoms.trajectory import BOLTZMANN
from oracles import atoms_observables as oracle


def trajectory(positions, *, step=1.0, **more):
    positions = np.asarray(positions)
    n_steps, n_atoms, _ = positions.shape
    values = {"numbers": np.full(n_atoms, 18), "masses": np.full(n_atoms, 39.948)}
    return atoms.Trajectory(time=step * np.arange(n_steps), positions=positions, **(values | more))


@given(st.integers(0, 2**32), st.integers(2, 40), st.integers(1, 5), st.sampled_from([0.0, 1e3]))
@settings(deadline=None, max_examples=40)
def test_fast_transforms_give_what_loops_give(seed, n_steps, n_atoms, offset):
    rng = np.random.default_rng(seed)
    positions = offset + rng.normal(size=(n_steps, n_atoms, 3)).cumsum(axis=0)
    velocities = rng.normal(size=(n_steps, n_atoms, 3))
    t = trajectory(positions, step=2.0, velocities=velocities)
    lag, msd = atoms.mean_squared_displacement(t, remove_drift=False)
    np.testing.assert_array_equal(lag, 2.0 * np.arange(n_steps))
    np.testing.assert_allclose(msd, oracle.mean_squared_displacement(positions), rtol=1e-9, atol=1e-9)
    lag, c = atoms.velocity_autocorrelation(t)
    np.testing.assert_allclose(c, oracle.velocity_autocorrelation(velocities), rtol=1e-9, atol=1e-9)
    assert c[0] == 1.0


def test_many_atoms_in_chunks(monkeypatch):
    monkeypatch.setattr("nonideal.physics.atoms.correlations._CHUNK", 40)
    positions = np.random.default_rng(0).normal(size=(20, 7, 3))
    _, msd = atoms.mean_squared_displacement(trajectory(positions), remove_drift=False)
    np.testing.assert_allclose(msd, oracle.mean_squared_displacement(positions), rtol=1e-12)


def test_free_atoms_move_as_their_temperature_says():
    """MSD = 3 kT/m t^2, with the error of a mean of 20,000 chi-squares."""
    rng = np.random.default_rng(1)
    mass, kelvin, n = 39.948, 300.0, 20_000
    # (eV/u)^(1/2) in angstrom/fs; Source: 1 u = 1.66053906660e-27 kg.
    speed = np.sqrt(BOLTZMANN * kelvin * 1.602176634e-19 / (mass * 1.66053906660e-27)) * 1e-5
    velocities = rng.normal(scale=speed, size=(n, 3))
    time = np.arange(5.0) * 100
    t = trajectory(time[:, None, None] * velocities, step=100.0)
    lag, msd = atoms.mean_squared_displacement(t)
    expected = 3 * speed**2 * lag**2
    assert speed == pytest.approx(2.5e-3, rel=0.01)  # argon at 300 K: 250 m/s in one direction
    np.testing.assert_allclose(msd[1:], expected[1:], rtol=5 * np.sqrt(2 / (3 * n)))


def test_an_oscillator_remembers_as_a_cosine():
    period, n_steps = 50.0, 2001
    time = np.arange(n_steps) * 1.0
    phases = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    velocities = np.zeros((n_steps, 16, 3))
    velocities[:, :, 1] = np.cos(2 * np.pi * time[:, None] / period + phases)
    t = trajectory(np.zeros((n_steps, 16, 3)), velocities=velocities)
    lag, c = atoms.velocity_autocorrelation(t)
    np.testing.assert_allclose(c, np.cos(2 * np.pi * lag / period), atol=1e-9)


def test_drift_is_taken_out_with_masses():
    rng = np.random.default_rng(2)
    own = rng.normal(size=(30, 3, 3))
    masses = np.array([16.0, 1.0, 1.0])
    own -= (np.einsum("tnk,n->tk", own, masses) / 18)[:, None]
    drift = np.arange(30.0)[:, None, None] * [0.3, 0.0, -0.1]
    still = trajectory(own, numbers=[8, 1, 1], masses=masses)
    moving = trajectory(own + drift, numbers=[8, 1, 1], masses=masses)
    for species in (None, "O", 1, ["O", "H"]):
        expected = atoms.mean_squared_displacement(still, species=species)[1]
        np.testing.assert_allclose(
            atoms.mean_squared_displacement(moving, species=species)[1], expected, rtol=1e-9, atol=1e-9
        )
    kept = atoms.mean_squared_displacement(moving, remove_drift=False)[1]
    assert kept[-1] > 50.0


def test_diffusion_of_a_walk_in_a_cage():
    """A walker that also rattles: the slope does not see the rattling, the error bar covers the truth."""
    rng = np.random.default_rng(3)
    n_steps, n_atoms, variance = 8000, 200, 2e-3
    walk = rng.normal(scale=np.sqrt(variance), size=(n_steps, n_atoms, 3)).cumsum(axis=0)
    rattle = rng.normal(scale=0.3, size=walk.shape)
    t = trajectory(walk + rattle, step=10.0)
    expected = variance / (2 * 10.0) * (n_atoms - 1) / n_atoms * 1e-5
    d = atoms.diffusion_coefficient(t, discard=5000.0, lag=2000.0)
    assert (d.samples, d.unit) == (5, "m^2/s")
    assert d.standard_error < 0.05 * expected
    low, high = d.interval(0.999)
    assert low < expected < high
    still = atoms.diffusion_coefficient(trajectory(rattle, step=10.0), lag=2000.0)
    assert abs(float(still)) < 0.01 * expected + 5 * still.standard_error


def test_refusals():
    t = trajectory(np.zeros((20, 2, 3)))
    with pytest.raises(InvalidArgument, match=r"^species = 'O': no atom is of it$"):
        atoms.mean_squared_displacement(t, species="O")
    with pytest.raises(InvalidArgument, match=r"^species = 'Q' is not a chemical symbol$"):
        atoms.mean_squared_displacement(t, species="Q")
    with pytest.raises(InvalidArgument, match=r"^remove_drift = 1 is neither True nor False$"):
        atoms.mean_squared_displacement(t, remove_drift=1)
    with pytest.raises(InvalidArgument, match=r"^trajectory: masses is missing$"):
        atoms.mean_squared_displacement(trajectory(np.zeros((3, 2, 3)), masses=None))
    with pytest.raises(InvalidArgument, match=r"^trajectory: velocities is missing$"):
        atoms.velocity_autocorrelation(t)
    with pytest.raises(InvalidArgument, match=r"^trajectory.velocities are all zero$"):
        atoms.velocity_autocorrelation(trajectory(np.zeros((9, 2, 3)), velocities=np.zeros((9, 2, 3))))
    with pytest.raises(InvalidArgument, match=r"^trajectory: 1 saved steps are fewer than 2$"):
        atoms.mean_squared_displacement(t.cut(0, 1))
    with pytest.raises(
        InvalidArgument, match=r"^trajectory: 0 steps after discard = 5000 fs are too few for 5 blocks of 5$"
    ):
        atoms.diffusion_coefficient(t)
    with pytest.raises(InvalidArgument, match=r"^lag = 100 fs is outside \[2, 9\], two steps and a block$"):
        atoms.diffusion_coefficient(t, discard=0.0, blocks=2, lag=100.0)
    with pytest.raises(InvalidArgument, match=r"^blocks = 1 is below 2$"):
        atoms.diffusion_coefficient(t, blocks=1)
