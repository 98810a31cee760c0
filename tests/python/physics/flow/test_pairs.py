"""Pairs of training snapshots."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from nonideal.errors import InvalidArgument
from nonideal.physics.flow.pairs import choose_pairs


def grid(*counts):
    axes = [np.linspace(0, 1, count) ** 2 for count in counts]  # steps need not be equal
    return np.array(list(itertools.product(*axes)))


def test_all_pairs():
    assert choose_pairs("all", grid(2, 2)) == list(itertools.combinations(range(4), 2))


@pytest.mark.parametrize(
    ("counts", "expected"), [((3, 3), 20), ((2, 2), 6), ((4,), 3), ((2, 2, 2), 28), ((4, 2), 16)]
)
def test_neighbours_on_a_grid_are_one_step_apart_diagonals_too(counts, expected):
    points = grid(*counts)
    order = np.random.default_rng(0).permutation(len(points))
    pairs = choose_pairs("neighbours", points[order])
    assert len(pairs) == len(set(pairs)) == expected
    ranks = np.array(list(itertools.product(*(range(count) for count in counts))))[order]
    assert all(np.abs(ranks[i] - ranks[j]).max() == 1 for i, j in pairs)


def test_neighbours_of_scattered_points_are_delaunay_edges():
    points = np.array([[0, 0], [1000, 0.1], [0, 1], [1000, 1.1], [480, 0.4]])  # scales differ
    pairs = choose_pairs("neighbours", points)
    assert all((i, 4) in pairs for i in range(4))
    assert (0, 3) not in pairs
    assert len(pairs) == 8
    line = np.array([[3.0, 1.0], [1.0, 1.0], [2.0, 1.0]])
    assert choose_pairs("neighbours", line) == [(0, 2), (1, 2)]
    flat = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])  # no triangle
    assert choose_pairs("neighbours", flat) == [(0, 1), (0, 2), (1, 2)]


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([], "pairs is empty"),
        ([(0, 4)], r"pairs\[0\]\[1\] = 4 is outside \[0, 4\)"),
        ([(0, 1), (-1, 2)], r"pairs\[1\]\[0\] = -1 is outside \[0, 4\)"),
        ([(2, 2)], r"pairs\[0\] = \(2, 2\) joins a snapshot with itself"),
        ([(0, 1), (1, 0)], r"pairs\[1\] = \(1, 0\) repeats pairs\[0\]"),
        ([(0, 1, 2)], "pairs: expected pairs of whole numbers"),
        ([(0.5, 1)], "pairs: expected pairs of whole numbers"),
        ([1, 2], "pairs: expected pairs of whole numbers"),
        ("some", "pairs = 'some' is not one of all, neighbours, or a list of pairs"),
        (7, "pairs = 7 is not one of all, neighbours, or a list of pairs"),
    ],
)
def test_refusals(pairs, message):
    with pytest.raises(InvalidArgument, match=f"^{message}$"):
        choose_pairs(pairs, grid(2, 2))


def test_a_single_snapshot_makes_no_pair():
    with pytest.raises(InvalidArgument, match=r"^pairs = 'all': no pair of 1 snapshot$"):
        choose_pairs("all", np.zeros((1, 2)))
