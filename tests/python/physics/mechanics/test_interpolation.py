"""A data base on a grid as a law: through every point, exact for cubics, with its own derivative."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator
from scipy.sparse.linalg import spsolve

from nonideal.errors import InvalidArgument
from nonideal.physics import mechanics
from oracles import materials

MATRIX = mechanics.DeformationPlasticity(4000, 0.35, reference_stress=40, alpha=0.5, exponent=4)
AXES = (np.linspace(-0.01, 0.01, 7), np.linspace(-0.02, 0.01, 5), np.array([-0.01, 0.0, 0.003, 0.008, 0.01]))


def on_grid(function):
    strain = np.stack(np.meshgrid(*AXES, indexing="ij"), axis=-1).reshape(-1, 3)
    order = np.random.default_rng(5).permutation(len(strain))  # any order will do
    return mechanics.MaterialDatabase(strain[order], function(strain[order]), metric=np.eye(3))


def inside(count=60):
    low, high = (np.array([axis[i] for axis in AXES]) for i in (0, -1))
    return np.random.default_rng(6).uniform(low, high, (count, 3))


def test_passes_through_the_data():
    database = on_grid(lambda e: MATRIX(e)[0])
    law = mechanics.InterpolatedLaw(database)
    np.testing.assert_allclose(law(database.strain)[0], database.stress, rtol=1e-11, atol=1e-11)


def test_cubics_are_exact_inside_and_outside():
    def cubic(e):
        x, y, z = 100 * e.T
        return np.stack([x**3 - 2 * x * y * z, 1 + y**2 * x - z**3, x * y**3 + z], axis=1)

    law = mechanics.InterpolatedLaw(on_grid(cubic))
    strain = np.concatenate([inside(), 1.2 * inside()])
    np.testing.assert_allclose(law(strain)[0], cubic(strain), rtol=1e-9, atol=1e-10)


def test_agrees_with_scipys_grid_interpolation():
    database = on_grid(lambda e: MATRIX(e)[0])
    grid = database.stress[np.lexsort(database.strain.T[::-1])].reshape(7, 5, 5, 3)
    expected = RegularGridInterpolator(AXES, grid, method="cubic", solver=spsolve)(inside())
    np.testing.assert_allclose(
        mechanics.InterpolatedLaw(database)(inside())[0], expected, rtol=1e-9, atol=1e-9
    )


def test_tangent_is_the_derivative():
    law = mechanics.InterpolatedLaw(on_grid(lambda e: MATRIX(e)[0]))
    for strain in inside(20):
        found = materials.differences(lambda e: law(e[None])[0][0], strain, 1e-6)
        np.testing.assert_allclose(law(strain[None])[1][0], found, rtol=1e-5, atol=0.5)


def test_one_dimension_and_few_points():
    steel = mechanics.RambergOsgood(200e9, 250e6, 0.5, 5)
    database = mechanics.MaterialDatabase.from_law(steel, 401, max_stress=450e6)
    law = mechanics.InterpolatedLaw(database)
    strain = np.linspace(-0.013, 0.013, 50)[:, None]
    np.testing.assert_allclose(law(strain)[0], steel(strain)[0], rtol=1e-6)
    np.testing.assert_allclose(law(strain)[1], steel(strain)[1], rtol=1e-3)
    line = mechanics.InterpolatedLaw(mechanics.MaterialDatabase([0.0, 1.0], [0.0, 3.0]))
    stress, tangent = line(np.array([[0.25], [2.0]]))
    np.testing.assert_allclose(stress, [[0.75], [6.0]])
    np.testing.assert_allclose(tangent, [[[3.0]], [[3.0]]])


def test_outside():
    law = mechanics.InterpolatedLaw(on_grid(lambda e: MATRIX(e)[0]))
    strain = np.array([[0, 0, 0], [0.011, 0, 0], [0, -0.02, 0.01], [0, 0, -0.0101]])
    assert law.outside(strain).tolist() == [False, True, False, True]


@pytest.mark.parametrize("case", ["missing", "twice", "flat"])
def test_no_grid_is_refused(case):
    strain = np.stack(np.meshgrid(*AXES, indexing="ij"), axis=-1).reshape(-1, 3)
    chosen = {"missing": strain[1:], "twice": strain[np.r_[:174, 0]], "flat": strain[strain[:, 0] == 0.0]}[
        case
    ]
    size = {
        "missing": "174 points with 7 x 5 x 5",
        "twice": "175 points with 7 x 5 x 5",
        "flat": "25 points with 1 x 5 x 5",
    }
    with pytest.raises(InvalidArgument) as caught:
        mechanics.InterpolatedLaw(mechanics.MaterialDatabase(chosen, chosen, metric=np.eye(3)))
    assert str(caught.value) == (
        f"database has {size[case]} different components of strain; they form no tensor grid"
    )
    law = mechanics.InterpolatedLaw(on_grid(lambda e: e))
    with pytest.raises(InvalidArgument) as caught:
        law(np.zeros((2, 1)))
    assert str(caught.value) == "strain has shape (2, 1), InterpolatedLaw takes (m, 3)"
