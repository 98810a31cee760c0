"""What shards with potentials share: curves of all frames and of their halves."""

import numpy as np
import pytest
from ase.build import bulk

from nonideal.experiments._atoms_shards import Dynamics, density_of_parts, structure
from nonideal.physics import atoms
from nonideal.physics.atoms.distributions import distance_counts

PLAN = {"temperature": 300.0, "timestep": 1.0, "md_time": 1.0, "drift_time": 0.0, "f_max": 1.0, "bins": 40}


def hot(n_frames):
    rng = np.random.default_rng(0)
    system = bulk("Si", cubic=True)
    for step in range(n_frames):  # hotter and hotter: halves differ, in their numbers of angles too
        moved = system.copy()
        moved.positions += rng.normal(0, 0.1 * step, moved.positions.shape)
        yield atoms.Frame.from_ase(moved)


@pytest.mark.parametrize("n_frames", [2, 7])
def test_curves_of_all_frames_follow_from_their_halves(n_frames):
    frames = list(hot(n_frames))
    half = n_frames // 2
    found = structure(frames, Dynamics(**PLAN, bond_length=3.0))
    h = density_of_parts(distance_counts, frames, r_max=10.0, bins=50)
    for index, part in enumerate((frames, frames[:half], frames[half:])):
        r, g = atoms.radial_distribution(part, r_max=6.0, bins=40)
        np.testing.assert_array_equal(found["r"], r)
        np.testing.assert_allclose(found["rdf all"][index], g, rtol=1e-12)
        angle, density = atoms.bond_angle_distribution(part, r_max=3.0, bins=90)
        np.testing.assert_array_equal(found["angle"], angle)
        np.testing.assert_allclose(found["angles"][index], density, rtol=1e-12)
        np.testing.assert_allclose(h[1][index], atoms.distance_histogram(part, bins=50)[1], rtol=1e-12)


def test_nothing_is_made_of_one_frame_or_of_no_bonds():
    plan = Dynamics(**PLAN, bond_length=1.0)
    one, cold = structure(list(hot(1)), plan), structure([*hot(1), *hot(1)], plan)
    assert (one["r"].shape, one["rdf all"].shape) == ((0,), (3, 0))
    assert cold["rdf all"].shape == (3, 40)
    for found in (one, cold):
        assert (found["angle"].shape, found["angles"].shape) == ((0,), (3, 0))
