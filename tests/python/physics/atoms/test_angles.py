"""Bond angles: crystals, molecules, random directions, brute force."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal import InvalidArgument
from nonideal.physics import atoms
from oracles import atoms_observables as oracle


@given(
    st.integers(0, 2**32),
    st.integers(1, 5),
    st.floats(0.5, 6.0),
    st.integers(1, 30),
    st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
@settings(deadline=None, max_examples=40)
def test_brute_force_agrees(seed, n_atoms, r_max, bins, pbc):
    """In tilted cells, small ones among them: images of one atom count."""
    rng = np.random.default_rng(seed)
    cell = np.diag(rng.uniform(3.0, 6.0, 3)) + rng.uniform(-1.0, 1.0, (3, 3))
    numbers = rng.choice([1, 8], n_atoms)
    positions = rng.uniform(-6.0, 6.0, (n_atoms, 3))
    frame = atoms.Frame(numbers, positions, cell=cell, pbc=list(pbc))
    for triplet in (None, (1, 8, 1), (8, 8, 1), (1, 8, 8), (8, 1, 8)):
        angles = oracle.bond_angles(numbers, positions, cell, pbc, r_max, triplet)
        if not len(angles):
            with pytest.raises(InvalidArgument, match=r"no two such bonds meet$"):
                atoms.bond_angle_distribution(frame, r_max=r_max, bins=bins, triplet=triplet)
            continue
        angle, density = atoms.bond_angle_distribution(frame, r_max=r_max, bins=bins, triplet=triplet)
        np.testing.assert_allclose(angle, (np.arange(bins) + 0.5) * 180 / bins)
        found = np.cumsum(density * len(angles) * 180 / bins)
        for edge, count in zip(180.0 / bins * np.arange(1, bins + 1), found, strict=True):
            # Angles of images are often 60, 90 or 180: rounding tells on which side of an edge they are.
            assert np.sum(angles < edge - 1e-4) - 1e-6 <= count <= np.sum(angles < edge + 1e-4) + 1e-6


@pytest.mark.parametrize(
    ("crystal", "r_max", "expected"),
    [
        (bulk("Si"), 2.5, {109.471: 6}),  # four bonds
        (bulk("Si", cubic=True) * (2, 1, 3), 2.5, {109.471: 6}),
        (bulk("Cu"), 3.0, {60.0: 24, 90.0: 12, 120.0: 24, 180.0: 6}),  # twelve
        (bulk("Fe"), 2.6, {70.529: 12, 109.471: 12, 180.0: 4}),  # eight
    ],
)
def test_a_crystal_has_its_angles(crystal, r_max, expected):
    crystal = crystal.copy()
    crystal.rotate(37.0, (1.0, 2.0, 3.0), rotate_cell=True)
    angle, density = atoms.bond_angle_distribution(crystal, r_max=r_max, bins=7200)
    found = density * 180 / 7200
    for degrees, count in expected.items():
        near = np.abs(angle - degrees) < 0.05
        assert found[near].sum() == pytest.approx(count / sum(expected.values()), rel=1e-9)


def test_molecules_and_trajectories():
    water = molecule("H2O")
    expected = water.get_angle(1, 0, 2)
    angle, density = atoms.bond_angle_distribution(water, r_max=1.2, triplet=("H", "O", "H"))
    assert angle[density.argmax()] == pytest.approx(expected, abs=0.5)
    assert density.max() == 1.0
    np.testing.assert_array_equal(
        density, atoms.bond_angle_distribution(atoms.Frame.from_ase(water), r_max=1.2)[1]
    )
    run = atoms.Trajectory(water.numbers, [0.0, 1.0], [water.positions, 1.1 * water.positions])
    np.testing.assert_array_equal(density, atoms.bond_angle_distribution(run, r_max=1.2)[1])
    for triplet in (("O", "H", "O"), ("H", "H", "O")):
        with pytest.raises(InvalidArgument, match=r"no two such bonds meet$"):
            atoms.bond_angle_distribution(water, r_max=1.2, triplet=triplet)


def test_random_directions_have_the_sine():
    rng = np.random.default_rng(3)
    gas = [atoms.Frame([18] * 60, rng.uniform(0, 10, (60, 3)), 10 * np.eye(3), True) for _ in range(30)]
    angle, density = atoms.bond_angle_distribution(gas, r_max=5.0, bins=12)
    radians = np.radians(angle)
    np.testing.assert_allclose(density, 0.5 * np.sin(radians) * np.pi / 180, rtol=0.04)


def test_atoms_on_one_place_have_no_direction():
    met = Atoms("Ar4", [[0, 0, 0], [0, 0, 0], [0, 0, 1.0], [0, 1.0, 0]])
    _, density = atoms.bond_angle_distribution(met, r_max=1.1, bins=18)
    # Both atoms at the origin: 90 degrees; the others: 0 between their bonds to these two.
    assert density[[0, 9]] == pytest.approx([0.05, 0.05])


def test_refusals():
    silicon = bulk("Si")
    for options, message in (
        ({"r_max": 0}, r"r_max = 0 angstrom is outside \(0, 20\]"),
        ({"r_max": 21.0}, r"r_max = 21 angstrom is outside \(0, 20\]"),
        ({"r_max": 2.0}, "r_max = 2 angstrom: no two such bonds meet"),
        ({"bins": 0}, r"bins = 0 is outside \[1, 2\^31\)"),
        ({"triplet": "SiO"}, "triplet = 'SiO' is not three species"),
        ({"triplet": ("Si", "Si")}, r"triplet = \('Si', 'Si'\) is not three species"),
        ({"triplet": ("Si", "X1", "Si")}, r"triplet\[1\] = 'X1' is not a chemical symbol"),
    ):
        with pytest.raises(InvalidArgument, match=f"^{message}$"):
            atoms.bond_angle_distribution(silicon, **({"r_max": 2.5} | options))
