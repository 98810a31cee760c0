"""The slope of the total energy and its error bar."""

import numpy as np
import pytest

from nonideal import InvalidArgument
from nonideal.physics import atoms
from nonideal.physics.atoms.drift import statistical_inefficiency


def run(energy, step=10.0, n_atoms=5, **more):
    n = len(energy)
    return atoms.Trajectory(
        np.full(n_atoms, 18),
        step * np.arange(n),
        np.zeros((n, n_atoms, 3)),
        potential_energy=np.asarray(energy) * n_atoms,
        kinetic_energy=np.zeros(n),
        **more,
    )


def correlated(rng, n, memory):
    noise = rng.normal(size=n)
    for k in range(1, n):
        noise[k] += memory * noise[k - 1]
    return noise


@pytest.mark.parametrize("memory", [0.0, 0.9])
def test_error_bars_cover_the_truth(memory):
    """Of 200 simulations with 1e-3 meV/atom/ps, about 68 % within one standard error, 95 % within two."""
    rng = np.random.default_rng(6)
    truth, time = 1e-3, 1e-2 * np.arange(500)
    pulls = []
    for _ in range(200):
        energy = 1e-3 * (truth * time + 0.01 * correlated(rng, 500, memory))
        drift = atoms.energy_drift(run(energy))
        pulls.append((drift.value - truth) / drift.standard_error)
    assert 0.8 < np.std(pulls) < 1.25
    assert abs(np.mean(pulls)) < 0.3
    assert drift.unit == "meV/atom/ps"


def test_fluctuation_is_what_is_left():
    time = 1e-2 * np.arange(1000)
    drift = atoms.energy_drift(run(1e-3 * (5.0 + 2.0 * time + 0.1 * np.sqrt(2) * np.sin(time * 200))))
    assert drift.fluctuation == pytest.approx(0.1, rel=0.01)
    assert drift.value == pytest.approx(2.0, abs=5 * drift.standard_error)


def test_constant_energy():
    drift = atoms.energy_drift(run(np.full(50, 0.1)))
    assert abs(drift.value) < 1e-10
    assert drift.fluctuation < 1e-10


def test_how_many_are_worth_one():
    rng = np.random.default_rng(7)
    assert statistical_inefficiency(rng.normal(size=5000)) == pytest.approx(1.0, abs=0.1)
    # (1 + a)/(1 - a) for an autoregressive process
    assert statistical_inefficiency(correlated(rng, 50_000, 0.8)) == pytest.approx(9.0, rel=0.15)
    assert statistical_inefficiency(np.ones(10)) == 1.0


def test_refusals():
    with pytest.raises(InvalidArgument, match=r"^trajectory.ensemble = langevin: its thermostat changes"):
        atoms.energy_drift(run(np.zeros(20), ensemble="langevin"))
    with pytest.raises(InvalidArgument, match=r"^trajectory: 9 saved steps are fewer than 10$"):
        atoms.energy_drift(run(np.zeros(9)))
    with pytest.raises(InvalidArgument, match=r"^trajectory: potential_energy is missing$"):
        atoms.energy_drift(atoms.Trajectory([1], np.arange(20.0), np.zeros((20, 1, 3))))
