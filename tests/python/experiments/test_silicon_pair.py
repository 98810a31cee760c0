"""The best pair potential: it is a potential, finds the truth where there is one, and nothing beats it."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.lj import LennardJones

from nonideal.experiments._silicon_pair import PairPotential
from nonideal.physics import atoms

RNG = np.random.default_rng(4)


def labelled(calculator, n, shake=0.25):
    """Hot crystals of argon, with a calculator's energies and forces."""
    frames = []
    for _ in range(n):
        crystal = bulk("Ar", cubic=True, a=5.3 * RNG.uniform(0.97, 1.03)) * (2, 2, 2)
        crystal.positions += RNG.normal(scale=shake, size=crystal.positions.shape)
        crystal.calc = calculator
        crystal.get_forces()
        frames.append(atoms.Frame.from_ase(crystal))
    return frames


@pytest.fixture(scope="module")
def argon():
    return labelled(LennardJones(sigma=3.4, epsilon=0.01, rc=7.0, smooth=True, ro=5.0), 12)


def test_a_pair_potential_is_found(argon):
    """Lennard-Jones's own, smoothed: forces within a percent, energies within 2 wells, on new frames."""
    potential = PairPotential.fitted(argon[:8], 7.0)
    for frame in argon[8:]:
        system = frame.to_ase()
        system.calc = potential
        assert np.abs(system.get_forces() - frame.forces).mean() < 0.01 * np.abs(frame.forces).mean()
        assert system.get_potential_energy() == pytest.approx(frame.energy, abs=0.02)


def test_forces_and_stress_are_derivatives(argon):
    potential = PairPotential.fitted(argon[:4], 6.0)
    system = argon[4].to_ase()
    system.positions[5] += [1.6, 1.6, 0.0]  # into the parabola below the nearest pairs
    system.calc = potential
    assert system.get_all_distances(mic=True)[5][np.arange(32) != 5].min() < potential._core
    forces, stress = system.get_forces(), system.get_stress(voigt=False)
    assert np.abs(forces.sum(axis=0)).max() < 1e-10
    for atom, axis in ((5, 0), (5, 2), (0, 1)):
        energies = []
        for h in (1e-4, -1e-4):
            moved = system.copy()
            moved.calc = potential
            moved.positions[atom, axis] += h
            energies.append(moved.get_potential_energy())
        assert forces[atom, axis] == pytest.approx(-np.diff(energies[::-1])[0] / 2e-4, rel=1e-5, abs=1e-7)
    for a, b in ((0, 0), (1, 2)):
        energies = []
        for h in (1e-5, -1e-5):
            strain = np.eye(3)
            strain[a, b] += h
            stretched = system.copy()
            stretched.set_cell(system.cell[:] @ strain, scale_atoms=True)
            stretched.calc = potential
            energies.append(stretched.get_potential_energy())
        slope = -np.diff(energies[::-1])[0] / -2e-5 / system.get_volume()
        assert stress[a, b] == pytest.approx(slope, rel=1e-4, abs=1e-8)


def test_it_vanishes_smoothly_at_the_cutoff(argon):
    potential = PairPotential.fitted(argon[:4], 6.0)
    pair = atoms.Frame([18, 18], [[0, 0, 0], [0, 0, 3.5]]).to_ase()
    pair.calc = potential
    alone = 2 * potential._energy_per_atom
    gaps = np.array([1e-2, 1e-3])
    found = []
    for gap in gaps:
        pair.positions[1, 2] = 6.0 - gap
        found.append([abs(pair.get_potential_energy() - alone), np.abs(pair.get_forces()).max()])
    ratio = np.array(found[0]) / np.array(found[1])
    np.testing.assert_allclose(ratio, [1e3, 1e2], rtol=0.01)  # cubes and squares of the gap
    pair.positions[1, 2] = 6.0
    assert pair.get_potential_energy() == alone


def test_no_other_coefficients_have_a_smaller_error(argon):
    """Also for a teacher of other form: here one with forces on single atoms."""
    frames = [
        atoms.Frame(
            f.numbers, f.positions, f.cell, True, energy=f.energy, forces=f.forces + 0.01 * f.positions
        )
        for f in argon[:4]
    ]
    potential = PairPotential.fitted(frames, 6.0, n_splines=12)
    spline = potential._functions[0]

    def squares(coefficients):
        changed = PairPotential(type(spline)(spline.t, coefficients, 3), 6.0, potential._core, 0.0)
        total = 0.0
        for frame in frames:
            system = frame.to_ase()
            system.calc = changed
            total += np.square(system.get_forces() - frame.forces).sum()
        return total

    best = squares(spline.c)
    for k in range(2, 12):
        for step in (0.02, -0.02):
            changed = spline.c.copy()
            changed[k] += step * np.abs(spline.c).max()
            assert squares(changed) > best
