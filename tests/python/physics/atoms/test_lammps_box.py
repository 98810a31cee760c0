"""Boxes in LAMMPS's axes: there and back, for every cell."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nonideal import InvalidArgument
from nonideal.physics.atoms.lammps.box import Box

ENTRY = st.floats(-9.0, 9.0)
CELL = st.lists(ENTRY, min_size=9, max_size=9).map(lambda values: np.array(values).reshape(3, 3))


def regular(cell):
    edges = np.linalg.norm(cell, axis=1)
    assume(edges.min() > 0.5)
    assume(abs(np.linalg.det(cell / edges[:, None])) > 0.05)


@given(CELL, st.integers(0, 2**32))
@settings(deadline=None)
def test_there_and_back(cell, seed):
    regular(cell)
    positions = np.random.default_rng(seed).uniform(-30, 30, (5, 3))
    box = Box.around(positions, cell, (True, True, True), 10.0)
    np.testing.assert_allclose(box.rows @ box.rotation, cell, atol=1e-12)
    np.testing.assert_allclose(box.rotation @ box.rotation.T, np.eye(3), atol=1e-12)
    assert np.all(box.lengths > 0)
    np.testing.assert_array_equal(np.triu(box.rows, 1), 0.0)
    inside = box.inside(positions)
    fractions = inside @ np.linalg.inv(box.rows)
    assert fractions.min() > -1e-9
    assert fractions.max() < 1 + 1e-9
    images = (box.back(inside) - positions) @ np.linalg.inv(cell)
    np.testing.assert_allclose(images, np.round(images), atol=1e-7)
    tensor = np.diag([1.0, 2.0, 3.0])
    turned = box.rotation @ tensor @ box.rotation.T
    np.testing.assert_allclose(box.tensor_back(turned), tensor, atol=1e-12)


@given(CELL, st.lists(st.booleans(), min_size=3, max_size=3), st.integers(0, 2**32))
@settings(deadline=None)
def test_open_directions_are_perpendicular_and_long_enough(cell, pbc, seed):
    regular(cell)
    positions = np.random.default_rng(seed).uniform(-30, 30, (5, 3))
    box = Box.around(positions, cell, pbc, 10.0)
    full = box.rows @ box.rotation
    periodic = np.array(pbc)
    np.testing.assert_allclose(full[periodic], cell[periodic], atol=1e-12)
    for axis in np.flatnonzero(~periodic):
        length = np.linalg.norm(full[axis])
        others = (
            np.delete(full, axis, axis=0) / np.linalg.norm(np.delete(full, axis, axis=0), axis=1)[:, None]
        )
        np.testing.assert_allclose(others @ full[axis] / length, 0.0, atol=1e-9)
        extent = np.ptp(positions @ full[axis] / length)
        assert extent + 10.0 - 1e-9 <= length <= extent + 11.0 + 1e-9


def test_no_atoms_and_flat_cells():
    box = Box.around(np.zeros((0, 3)), np.zeros((3, 3)), (False, False, False), 4.0)
    np.testing.assert_allclose(box.lengths, 4.0)
    for cell in (np.zeros((3, 3)), np.array([[1.0, 0, 0], [2.0, 0, 0], [0, 0, 1.0]])):
        with pytest.raises(InvalidArgument, match=r"^system.cell: a period is zero, or lies in the plane of"):
            Box.around(np.zeros((1, 3)), cell, (True, True, True), 4.0)
