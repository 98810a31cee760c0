"""Pairs of broken frames, the slow way: as the neighbour list has them where it has any."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal import InvalidArgument
from nonideal.physics import atoms
from nonideal.physics.atoms.pairs import _slowly, pair_distances, pair_vectors
from nonideal.physics.atoms.system import as_system


def rows(*columns):
    """Pairs in an order that rounding does not change."""
    table = np.column_stack([c if c.ndim > 1 else c[:, None] for c in columns]).round(8) + 0.0
    return table[np.lexsort(table.T[::-1])]


@given(
    st.integers(0, 2**32),
    st.integers(1, 6),
    st.floats(0.5, 8.0),
    st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
@settings(deadline=None, max_examples=60)
def test_the_slow_way_finds_the_same_pairs(seed, n_atoms, cutoff, pbc):
    rng = np.random.default_rng(seed)
    cell = np.diag(rng.uniform(3.0, 6.0, 3)) + rng.uniform(-1.0, 1.0, (3, 3))
    frame = as_system(atoms.Frame([18] * n_atoms, rng.uniform(-9.0, 9.0, (n_atoms, 3)), cell, list(pbc)))
    i, j, vectors, _ = _slowly(frame, cutoff)
    np.testing.assert_array_equal(rows(i, j, vectors), rows(*atoms.neighbor_list("ijD", frame, cutoff)))
    assert (np.diff(i) >= 0).all()


@given(st.integers(0, 2**32), st.integers(2, 6), st.floats(0.5, 8.0))
@settings(deadline=None, max_examples=30)
def test_each_pair_once(seed, n_atoms, cutoff):
    """Two atoms on one place send it the slow way: both ways of every pair have the same distances."""
    rng = np.random.default_rng(seed)
    cell = np.diag(rng.uniform(3.0, 6.0, 3)) + rng.uniform(-1.0, 1.0, (3, 3))
    positions = rng.uniform(-9.0, 9.0, (n_atoms, 3))
    positions[1] = positions[0] - 2 * cell[1]
    frame = as_system(atoms.Frame([18] * n_atoms, positions, cell, True))
    with pytest.raises(InvalidArgument, match="apart, below"):
        atoms.neighbor_list("ij", frame, cutoff)
    i, j, d = pair_distances(frame, cutoff)
    both, _, vectors = pair_vectors(frame, cutoff)
    assert len(both) == 2 * len(i)
    np.testing.assert_allclose(np.sort(np.r_[d, d]), np.sort(np.linalg.norm(vectors, axis=1)), atol=1e-12)
    assert d.min() < 1e-12
    counts = np.bincount(i, minlength=n_atoms) + np.bincount(j, minlength=n_atoms)
    np.testing.assert_array_equal(counts, np.bincount(both, minlength=n_atoms))


@pytest.mark.parametrize("far", [1e12, 1e200, 1e308])
@pytest.mark.parametrize("pbc", [True, False, [True, False, False]])
def test_atoms_that_flew_off(far, pbc):
    positions = np.array([[0, 0, 0], [0, 0, 0.001], [0, far, 0]])
    frame = as_system(atoms.Frame([18] * 3, positions, np.eye(3) * 5.0, pbc))
    i, j, d = pair_distances(frame, 1.0)
    assert d[(i == 0) & (j == 1)] == pytest.approx(0.001)  # where the third one is, rounding tells
    if pbc is not True:
        assert len(d) == 1


def test_what_is_not_about_places_is_refused():
    frame = as_system(atoms.Frame([18], [[0, 0, 0]], np.eye(3) * 5.0, True))
    for find in (pair_distances, pair_vectors):
        with pytest.raises(InvalidArgument, match=r"^cutoff = -1"):
            find(frame, -1.0)
