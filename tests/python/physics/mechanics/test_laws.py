"""Material laws against tensors written out, bisection and central differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal.errors import ConvergenceError, InvalidArgument
from nonideal.physics import mechanics
from oracles import materials

STEEL = {"young": 200e9, "reference_stress": 250e6, "alpha": 0.5, "exponent": 5}
MATRIX = {"young": 4000.0, "poisson": 0.35, "reference_stress": 40.0, "alpha": 0.5, "exponent": 4}
FIBRE = {"young": 80_000.0, "poisson": 0.2}


def strains(d, count=200, size=0.01, seed=3):
    return np.random.default_rng(seed).normal(scale=size, size=(count, d))


def test_ramberg_osgood_is_its_formula_and_its_own_inverse():
    law = mechanics.RambergOsgood(**STEEL)
    stress = np.linspace(-900e6, 900e6, 301)
    expected = [materials.ramberg_osgood_strain(s, *STEEL.values()) for s in stress]
    np.testing.assert_allclose(law.strain(stress), expected, rtol=1e-15)
    np.testing.assert_allclose(law.stress(law.strain(stress)), stress, rtol=1e-13, atol=1e-6)
    assert law.strain([450e6])[0] == pytest.approx(0.01406, abs=5e-6)  # the specification's section 4
    slope = 1 / (1 / law.young * (1 + law.alpha * law.exponent * (np.abs(stress) / 250e6) ** 4))
    np.testing.assert_allclose(law.tangent(law.strain(stress)), slope, rtol=1e-12)


def test_ramberg_osgood_as_a_law():
    law = mechanics.RambergOsgood(**STEEL)
    strain = np.linspace(-0.02, 0.02, 41)
    stress, tangent = law(strain[:, None])
    assert stress.shape == (41, 1)
    assert tangent.shape == (41, 1, 1)
    assert np.array_equal(stress[:, 0], law.stress(strain))
    assert np.array_equal(tangent[:, 0, 0], law.tangent(strain))
    assert law.stress([0.0])[0] == 0.0
    assert law.tangent([0.0])[0] == pytest.approx(200e9, rel=1e-15)


@pytest.mark.parametrize("d", [1, 3, 6])
def test_linear_elastic_is_hookes_law(d):
    law = mechanics.LinearElastic(**FIBRE)
    eps = strains(d)
    stress, tangent = law(eps)
    expected = law.young * eps if d == 1 else [materials.hooke(e, **FIBRE) for e in eps]
    np.testing.assert_allclose(stress, expected, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(np.einsum("nij,nj->ni", tangent, eps), stress, rtol=1e-12, atol=1e-9)
    np.testing.assert_array_equal(tangent, tangent.transpose(0, 2, 1))


@pytest.mark.parametrize("d", [3, 6])
def test_deformation_plasticity_against_tensors_and_bisection(d):
    law = mechanics.DeformationPlasticity(**MATRIX)
    eps = strains(d)
    expected = [materials.deformation_plasticity(e, *MATRIX.values()) for e in eps]
    np.testing.assert_allclose(law(eps)[0], expected, rtol=1e-12, atol=1e-11)


@pytest.mark.parametrize("d", [1, 3, 6])
def test_tangent_is_the_derivative(d):
    law = mechanics.DeformationPlasticity(**MATRIX)
    eps = strains(d, count=50)
    tangent = law(eps)[1]
    for e, exact in zip(eps, tangent, strict=True):
        found = materials.differences(lambda x: law(x[None])[0][0], e, 1e-7)
        np.testing.assert_allclose(found, exact, rtol=1e-6, atol=1e-6 * law.young)
    np.testing.assert_allclose(tangent, tangent.transpose(0, 2, 1), rtol=1e-14, atol=1e-10)
    assert np.linalg.eigvalsh(tangent).min() > 0


def test_plane_strain_is_three_dimensions_with_three_zeros():
    law = mechanics.DeformationPlasticity(**MATRIX)
    plane = strains(3)
    solid = np.zeros((len(plane), 6))
    solid[:, [0, 1, 5]] = plane
    stress, tangent = law(solid)
    np.testing.assert_allclose(law(plane)[0], stress[:, [0, 1, 5]], rtol=1e-13, atol=1e-12)
    np.testing.assert_allclose(law(plane)[1], tangent[:, [0, 1, 5]][:, :, [0, 1, 5]], rtol=1e-12, atol=1e-9)


def test_uniaxial_stress_is_ramberg_osgood():
    """The strain that J2 deformation theory gives to uniaxial stress, put back into the law."""
    law = mechanics.DeformationPlasticity(**MATRIX)
    bar = mechanics.RambergOsgood(4000.0, 40.0, 0.5, 4)
    stress = np.array([-70.0, -20.0, 1e-3, 35.0, 60.0])
    along = bar.strain(stress)
    volume = stress / (3 * law.young / (3 * (1 - 2 * law.poisson)))
    across = (volume - along) / 2
    solid = np.stack([along, across, across, *np.zeros((3, 5))], axis=1)
    found = law(solid)[0]
    np.testing.assert_allclose(found[:, 0], stress, rtol=1e-12)
    np.testing.assert_allclose(found[:, 1:], 0.0, atol=1e-11)
    assert np.array_equal(law(along[:, None])[0], bar(along[:, None])[0])


def test_at_zero_and_for_tiny_strains_it_is_elastic():
    law, elastic = (
        mechanics.DeformationPlasticity(**MATRIX),
        mechanics.LinearElastic(MATRIX["young"], MATRIX["poisson"]),
    )
    for scale in (0.0, 1e-200, 1e-12):
        eps = scale * strains(3, count=5, size=1.0)
        for mine, theirs in zip(law(eps), elastic(eps), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-9)
    pressed = np.array([[0.01, 0.01, 0.01, 0, 0, 0]])  # no deviator
    np.testing.assert_allclose(law(pressed)[0], elastic(pressed)[0], rtol=1e-12, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    exponent=st.floats(1.0, 30.0),
    alpha=st.floats(0.0, 10.0),
    poisson=st.floats(-0.9, 0.49),
    scale=st.floats(1e-8, 0.3),
    seed=st.integers(0, 2**16),
)
def test_odd_positive_and_softer_than_elastic(exponent, alpha, poisson, scale, seed):
    law = mechanics.DeformationPlasticity(200e3, poisson, 300.0, alpha, exponent)
    elastic = mechanics.LinearElastic(200e3, poisson)
    eps = scale * np.random.default_rng(seed).normal(size=(8, 6))
    stress, tangent = law(eps)
    np.testing.assert_array_equal(law(-eps)[0], -stress)
    work = np.einsum("ij,ij->i", stress, eps)
    assert np.all(work > 0)
    assert np.all(work <= np.einsum("ij,ij->i", elastic(eps)[0], eps) * (1 + 1e-12))
    assert np.linalg.eigvalsh(tangent).min() > 0


def test_result_does_not_depend_on_units_or_neighbours():
    eps = strains(3)
    pascal = {**MATRIX, "young": 4e9, "reference_stress": 40e6}
    mega, si = mechanics.DeformationPlasticity(**MATRIX)(eps), mechanics.DeformationPlasticity(**pascal)(eps)
    for mine, theirs in zip(mega, si, strict=True):
        np.testing.assert_allclose(theirs, 1e6 * mine, rtol=1e-12, atol=1e-4)
    alone = mechanics.DeformationPlasticity(**MATRIX)(eps[7:8])[0]
    np.testing.assert_allclose(alone[0], mega[0][7], rtol=1e-14)


def test_laws_without_hardening_and_with_exponent_one_are_linear():
    strain = np.linspace(-0.02, 0.02, 11)
    bar = mechanics.RambergOsgood(200e9, 250e6, 0.0, 5)
    np.testing.assert_allclose(bar.stress(strain), 200e9 * strain, rtol=1e-14)
    soft = mechanics.RambergOsgood(200e9, 250e6, 1.0, 1)
    np.testing.assert_allclose(soft.stress(strain), 100e9 * strain, rtol=1e-14)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: mechanics.RambergOsgood(0.0, 1.0, 0.5, 5), "young = 0.0 is not > 0"),
        (lambda: mechanics.RambergOsgood(1.0, -2.0, 0.5, 5), "reference_stress = -2.0 is not > 0"),
        (lambda: mechanics.RambergOsgood(1.0, 1.0, -0.5, 5), "alpha = -0.5 is not >= 0"),
        (lambda: mechanics.RambergOsgood(1.0, 1.0, 0.5, 0.5), "exponent = 0.5 is not >= 1"),
        (lambda: mechanics.RambergOsgood(1.0, 1.0, 0.5, np.nan), "exponent = nan is not finite"),
        (lambda: mechanics.LinearElastic("1"), "young = '1' is not a number"),
        (lambda: mechanics.LinearElastic(1.0, 0.5), "poisson = 0.5 is outside (-1, 1/2)"),
        (lambda: mechanics.LinearElastic(1.0, -1.0), "poisson = -1.0 is outside (-1, 1/2)"),
        (
            lambda: mechanics.DeformationPlasticity(1.0, 0.6, 1.0, 0.5, 5),
            "poisson = 0.6 is outside (-1, 1/2)",
        ),
        (
            lambda: mechanics.LinearElastic(1.0)(np.zeros((4, 3))),
            "strain has shape (4, 3), LinearElastic takes (m, 1)",
        ),
        (
            lambda: mechanics.LinearElastic(1.0, 0.3)(np.zeros((4, 2))),
            "strain has shape (4, 2), LinearElastic takes (m, 1) or (m, 3) or (m, 6)",
        ),
        (
            lambda: mechanics.RambergOsgood(1.0, 1.0, 0.5, 5)(np.zeros(4)),
            "strain has shape (4,), RambergOsgood takes (m, 1)",
        ),
        (
            lambda: mechanics.DeformationPlasticity(1.0, 0.3, 1.0, 0.5, 5)([[0.0, np.inf, 0.0]]),
            "strain[0, 1] = inf is not finite",
        ),
        (
            lambda: mechanics.RambergOsgood(1.0, 1.0, 0.5, 5).stress([[1.0]]),
            "strain has shape (1, 1), not (m,)",
        ),
    ],
)
def test_refusals(make, text):
    with pytest.raises(InvalidArgument) as caught:
        make()
    assert str(caught.value) == text


def test_numbers_beyond_floats_are_reported_not_returned():
    law = mechanics.RambergOsgood(1e308, 1e-300, 1.0, 5)
    with pytest.raises(ConvergenceError, match="equivalent stress did not converge"):
        law.stress([1e300])
