"""Pair distances and forces: ideal gas, crystals' shells, brute force."""

import numpy as np
import pytest
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal import InvalidArgument
from nonideal.physics import atoms
from oracles import atoms_observables as oracle

RNG = np.random.default_rng(0)


def gas(n, cell, rng=RNG, numbers=None):
    return atoms.Frame(
        np.full(n, 18) if numbers is None else numbers, rng.random((n, 3)) @ cell, cell=cell, pbc=True
    )


def shells(r_max, bins):
    edges = np.linspace(0, r_max, bins + 1)
    return 4 * np.pi / 3 * np.diff(edges**3)


@given(st.integers(0, 2**32), st.integers(1, 6), st.floats(0.5, 9.0), st.integers(1, 30))
@settings(deadline=None, max_examples=40)
def test_brute_force_agrees(seed, n_atoms, r_max, bins):
    """In tilted cells, small ones among them: images of one atom count."""
    rng = np.random.default_rng(seed)
    cell = np.diag(rng.uniform(3.0, 6.0, 3)) + rng.uniform(-1.0, 1.0, (3, 3))
    numbers = rng.choice([1, 8], n_atoms)
    positions = rng.uniform(-9.0, 9.0, (n_atoms, 3))  # also outside the cell
    frame = atoms.Frame(numbers, positions, cell=cell, pbc=True)
    pairs = [None, *((a, b) for a in set(numbers.tolist()) for b in set(numbers.tolist()))]
    for pair in pairs:
        r, g = atoms.radial_distribution(frame, r_max=r_max, bins=bins, pair=pair)
        expected = oracle.radial_distribution(numbers, positions, cell, r_max, bins, pair)
        np.testing.assert_allclose(g, expected, rtol=1e-12)
        np.testing.assert_allclose(r, (np.arange(bins) + 0.5) * r_max / bins)


def test_an_ideal_gas_has_no_structure():
    """1 - 1/N within a species, 1 between two, within the errors of counting."""
    cell = np.array([[14.0, 0, 0], [3.0, 13.0, 0], [-2.0, 1.0, 15.0]])
    numbers = np.repeat([8, 1], [20, 40])
    frames = [gas(60, cell, numbers=numbers) for _ in range(400)]
    volume = np.linalg.det(cell)
    for pair, product, level in (
        (None, 60 * 60, 59 / 60),
        (("O", "O"), 20 * 20, 19 / 20),
        (("O", "H"), 20 * 40, 1.0),
        ((1, 8), 20 * 40, 1.0),
    ):
        r, g = atoms.radial_distribution(frames, r_max=6.0, bins=12, pair=pair)
        expected = 400 * product / volume * shells(6.0, 12)
        doubled = 2 if pair is None or pair[0] == pair[1] else 1  # both orders of one pair fall into one bin
        error = np.sqrt(doubled / expected)
        np.testing.assert_array_less(np.abs(g - level) / error, 4.5)
        assert abs(np.average(g, weights=r**2) - level) < 4.5 * np.sqrt(doubled / expected.sum())


def test_a_crystal_has_its_shells():
    """Face-centred: 12 at a/sqrt 2, 6 at a, 24 at a sqrt(3/2), 12 at a sqrt 2, and 24 at a sqrt(5/2)."""
    a = 3.615
    for cell in (bulk("Cu", a=a), bulk("Cu", a=a, cubic=True), bulk("Cu", a=a, cubic=True) * (3, 2, 4)):
        r, g = atoms.radial_distribution(cell, r_max=6.0, bins=600)
        counts = g * shells(6.0, 600) * 4 / a**3
        found = {int(k): round(float(counts[k]), 9) for k in np.flatnonzero(counts)}
        wanted = dict(zip(a * np.sqrt([0.5, 1.0, 1.5, 2.0, 2.5]), [12, 6, 24, 12, 24], strict=True))
        assert found == {int(distance * 100): count for distance, count in wanted.items()}
        assert r[255] == pytest.approx(2.555)


def test_frames_atoms_and_trajectories_alike():
    cell = 6.0 * np.eye(3)
    frames = [gas(5, cell) for _ in range(3)]
    t = atoms.Trajectory(frames[0].numbers, [0, 1, 2], [f.positions for f in frames], cells=cell, pbc=True)
    expected = atoms.radial_distribution(frames)[1]
    np.testing.assert_array_equal(atoms.radial_distribution(t)[1], expected)
    np.testing.assert_array_equal(atoms.radial_distribution([f.to_ase() for f in frames])[1], expected)
    np.testing.assert_array_equal(
        atoms.radial_distribution(frames[0])[1], atoms.radial_distribution(frames[:1])[1]
    )


def test_distances_without_images():
    frame = atoms.Frame([1, 1, 8], [[0, 0, 0], [0, 0, 3.0], [0, 4.0, 0]], cell=5 * np.eye(3), pbc=True)
    r, h = atoms.distance_histogram(frame, r_max=10.0, bins=100)
    assert sorted(r[h > 0].round(6)) == [3.05, 4.05, 5.05]
    assert h.sum() * 0.1 == pytest.approx(1.0)
    r, h = atoms.distance_histogram([frame, molecule("H2O")], r_max=3.5, bins=35)
    assert h.sum() * 0.1 == pytest.approx(1.0)  # four of six distances are that short
    assert h[30] * 0.1 == pytest.approx(1 / 4)


def test_the_mean_absolute_difference():
    r = np.linspace(0.05, 5.95, 60)
    assert atoms.rdf_mae(r, np.zeros(60), np.ones(60)) == pytest.approx(6.0)  # the paper's 6 times a mean
    g = RNG.random(60)
    assert atoms.rdf_mae(r, g, g) == 0.0
    assert atoms.rdf_mae(r, g, np.ones(60)) == pytest.approx(6.0 * np.mean(np.abs(g - 1)))


def test_forces_magnitudes():
    rng = np.random.default_rng(4)
    forces = rng.normal(size=(50, 40, 3))
    t = atoms.Trajectory(
        np.repeat([1, 8], 20),
        np.arange(50.0),
        np.zeros((50, 40, 3)),
        forces=forces * [[[1]] * 20 + [[2]] * 20],
    )
    f, density = atoms.force_distribution(t, species="O", bins=40)
    assert density.sum() * (f[1] - f[0]) == pytest.approx(1.0)
    assert float((f * density).sum() * (f[1] - f[0])) == pytest.approx(2 * np.sqrt(8 / np.pi), rel=0.03)
    f, part = atoms.force_distribution(t, bins=40, f_max=1.0)
    inside = np.mean(np.linalg.norm(t.forces, axis=2) < 1.0)
    assert part.sum() * (f[1] - f[0]) == pytest.approx(inside)
    frames = [t.frame(k) for k in range(50)]
    np.testing.assert_array_equal(atoms.force_distribution(frames)[1], atoms.force_distribution(t)[1])
    copper = bulk("Cu", cubic=True)
    copper.rattle(0.1, seed=1)
    copper.calc = EMT()
    with pytest.raises(InvalidArgument, match=r"^trajectory_or_frames\[0\] has no forces$"):
        atoms.force_distribution(copper)
    copper.get_forces()
    assert atoms.force_distribution(copper)[1].sum() > 0


def test_stability_ends_with_the_structure():
    rng = np.random.default_rng(5)
    copper = bulk("Cu", cubic=True) * (2, 2, 2)
    noise = np.repeat([0.1, 1.0], [120, 80])[:, None, None] * rng.normal(size=(200, 32, 3))
    t = atoms.Trajectory(
        copper.numbers, 5.0 * np.arange(200), copper.positions + noise, cells=copper.cell[:], pbc=True
    )
    reference = atoms.radial_distribution(t.cut(0, 60), bins=60)
    assert atoms.stability_time(t, reference) == 0.6  # 120 steps of 5 fs
    assert atoms.stability_time(t.cut(0, 120), reference) == pytest.approx(0.595)
    assert atoms.stability_time(t, reference, threshold=100.0) == pytest.approx(0.995)
    assert atoms.stability_time(t.cut(120), reference) == 0.0
    with pytest.raises(InvalidArgument, match=r"^trajectory: 20 saved steps are fewer than window = 40$"):
        atoms.stability_time(t.cut(0, 20), reference)
    with pytest.raises(InvalidArgument, match=r"does not hold the middles of bins that start at 0$"):
        atoms.stability_time(t, (reference[0][5:], reference[1][5:]))


def test_broken_frames_count_as_they_are():
    """Atoms on one place, and one that flew off, in frames that no potential takes."""
    copper = bulk("Cu", cubic=True) * (2, 2, 2)
    copper.positions[1] = copper.positions[0] + copper.cell[0]
    copper.positions[2] += 1e14
    r, g = atoms.radial_distribution(copper, r_max=1.0, bins=4)
    expected = 32**2 / copper.get_volume() * shells(1.0, 4)[0]
    assert g[0] == pytest.approx(2 / expected)
    run = [copper.positions] * 40
    t = atoms.Trajectory(copper.numbers, np.arange(40.0), run, cells=copper.cell[:], pbc=True)
    assert atoms.stability_time(t, (r, np.zeros(4))) == 0.0
    _, h = atoms.distance_histogram(copper, r_max=10.0, bins=10)
    assert h.sum() == pytest.approx(1.0)


def test_refusals():
    frame = gas(4, 6.0 * np.eye(3))
    slab = atoms.Frame(frame.numbers, frame.positions, cell=frame.cell, pbc=[True, True, False])
    with pytest.raises(
        InvalidArgument,
        match=r"^pbc = \(True, True, False\): g\(r\) needs a period in every direction; distance_histogram",
    ):
        atoms.radial_distribution(slab)
    with pytest.raises(InvalidArgument, match=r"^trajectory_or_frames is empty$"):
        atoms.radial_distribution([])
    with pytest.raises(InvalidArgument, match=r"^trajectory_or_frames = 3 is not a sequence$"):
        atoms.radial_distribution(3)
    with pytest.raises(InvalidArgument, match=r"^r_max = 0 angstrom is outside \(0, 1000\]$"):
        atoms.radial_distribution(frame, r_max=0)
    with pytest.raises(InvalidArgument, match=r"^bins = 0 is outside \[1, 2\^31\)$"):
        atoms.radial_distribution(frame, bins=0)
    with pytest.raises(InvalidArgument, match=r"^pair = \('O', 'H'\): frame 0 has no such atoms$"):
        atoms.radial_distribution(frame, pair=("O", "H"))
    with pytest.raises(InvalidArgument, match=r"^pair = 'OH' is not two species$"):
        atoms.radial_distribution(frame, pair="OH")
    with pytest.raises(InvalidArgument, match=r"^r_max = 0.1 angstrom: no two atoms are that close$"):
        atoms.distance_histogram(molecule("N2"), r_max=0.1)
    with pytest.raises(InvalidArgument, match=r"^g: shape \(2,\) is not that of r, \(3,\)$"):
        atoms.rdf_mae([0.5, 1.5, 2.5], [1, 1], [1, 1, 1])
    with pytest.raises(InvalidArgument, match=r"^r: not the middles of bins of one width, in rising order$"):
        atoms.rdf_mae([0.5, 1.5, 3.5], [1, 1, 1], [1, 1, 1])
    with pytest.raises(InvalidArgument, match="all forces are zero"):
        atoms.force_distribution(atoms.Frame([1], [[0, 0, 0]], forces=[[0, 0, 0]]))
