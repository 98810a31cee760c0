"""ExactSearch against the plain argmin, ties above all."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nonideal.errors import InvalidArgument
from nonideal.physics import mechanics
from oracles import mechanics_solver as oracle


def clouds(elements):
    return st.tuples(st.integers(1, 4), st.integers(1, 12), st.integers(1, 30)).flatmap(
        lambda shape: st.tuples(
            arrays(np.float64, (shape[1], shape[0]), elements=elements),
            arrays(np.float64, (shape[2], shape[0]), elements=elements),
        )
    )


@settings(max_examples=200)
@given(clouds(st.integers(-2, 2).map(float)) | clouds(st.floats(-1e3, 1e3)))
def test_is_the_plain_argmin(cloud):
    """Small whole numbers make ties and duplicates in most examples."""
    queries, points = cloud
    found = mechanics.ExactSearch().nearest(queries, points)
    index, squared = oracle.nearest(queries, points)
    np.testing.assert_array_equal(found.index, index)
    np.testing.assert_allclose(found.squared_distance, squared, rtol=1e-15)
    assert found.index.dtype == np.int64


def test_ties_within_round_off_take_the_formula_not_the_tree():
    """0.1 + 0.2 is not 0.3: distances that differ in the last bit are told apart as numpy does."""
    rng = np.random.default_rng(5)
    axis = np.linspace(-1, 1, 9)
    points = np.stack(np.meshgrid(axis, axis, axis), -1).reshape(-1, 3)
    queries = rng.choice(points, 500) + rng.choice([-0.125, 0.0, 0.125], (500, 3))
    found = mechanics.ExactSearch().nearest(queries, points)
    expected = np.sum((queries[:, None] - points) ** 2, axis=2).argmin(axis=1)
    np.testing.assert_array_equal(found.index, expected)


def test_only_read_only_data_are_remembered():
    search, queries = mechanics.ExactSearch(), np.array([[0.9]])
    points = np.array([[0.0], [1.0]])
    assert search.nearest(queries, points).index.tolist() == [1]
    points[1] = 9.0
    assert search.nearest(queries, points).index.tolist() == [0]
    frozen, other = points.copy(), np.array([[0.0], [0.0], [0.8]])
    frozen.flags.writeable = other.flags.writeable = False
    assert search.nearest(queries, frozen).index.tolist() == [0]
    tree = search._tree
    search.nearest(queries, frozen)
    assert search._tree is tree
    assert search.nearest(queries, other).index.tolist() == [2]


@pytest.mark.parametrize(
    ("queries", "database", "message"),
    [
        ([[0.0]], np.zeros((0, 1)), "database has shape (0, 1), not (N, D) with N >= 1"),
        ([[0.0]], [1.0], "database has shape (1,), not (N, D) with N >= 1"),
        ([[0.0]], [[np.inf]], "database[0, 0] = inf is not finite"),
        ([[0.0, 1.0]], [[1.0]], "queries has shape (1, 2), not (m, 1)"),
        ([0.0], [[1.0]], "queries has shape (1,), not (m, 1)"),
        ([[np.nan]], [[1.0]], "queries[0, 0] = nan is not finite"),
    ],
)
def test_refusals(queries, database, message):
    with pytest.raises(InvalidArgument) as caught:
        mechanics.ExactSearch().nearest(queries, database)
    assert str(caught.value) == message
