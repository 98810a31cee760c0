"""Cells of a data base: k-means with sums in one order. Oracle: the same in plain Python."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal.hardware.quantum.translation import Cells, k_means
from oracles.quantum_distance import k_means as slow_k_means


def cloud(n, dimension, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dimension))


@given(st.integers(1, 40), st.integers(1, 5), st.integers(0, 2**64 - 1), st.data())
@settings(max_examples=60, deadline=None)
def test_centres_are_those_of_the_definition(n, dimension, seed, data):
    points = cloud(n, dimension, seed % 1000) * 10.0 ** data.draw(st.integers(-140, 140))
    n_cells = data.draw(st.integers(1, n))
    np.testing.assert_array_equal(k_means(points, n_cells, seed), slow_k_means(points, n_cells, seed))


def test_every_bit_of_the_seed_counts():
    """Seeds that agree in their lower 32 bits were one seed before."""
    points = cloud(200, 3)
    found = {k_means(points, 20, seed).tobytes() for seed in (7, 7 + (1 << 32), 7 + (1 << 63), 8)}
    assert len(found) == 4


def test_cells_are_small():
    """No farther from their points, in the mean square, than those of scikit-learn by a tenth."""
    from sklearn.cluster import KMeans

    points = cloud(800, 4)
    peer = KMeans(100, n_init=1, max_iter=25, random_state=0).fit(points).inertia_
    ours = k_means(points, 100, 0)
    squares = np.square(points[:, None] - ours).sum(axis=2).min(axis=1)
    assert squares.sum() < 1.1 * peer


def test_points_that_cannot_be_told_apart_share_a_cell():
    points = np.array([[1.0], [0.0], [1e-200]])  # the square of their distance underflows
    assert len(k_means(points, 3, 1)) == 2
    np.testing.assert_array_equal(k_means(np.zeros((4, 2)), 1, 1), np.zeros((1, 2)))


@pytest.mark.parametrize("n_cells", [None, 1, 5, 60])
def test_queries_lie_in_the_cell_of_the_nearest_centre(n_cells):
    points = np.repeat(cloud(40, 3), 2, axis=0)
    queries = cloud(30, 3, 1)
    centres, cells = Cells("cells", n_cells, 3).assign(queries, points)
    assert len(centres) == min(n_cells or 20, 40)
    distances = np.square(queries[:, None] - centres).sum(axis=2)
    np.testing.assert_array_equal(cells, distances.argmin(axis=1))
