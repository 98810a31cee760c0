"""The exact flows that the swimmer is held against, and the package's own form of them."""

import numpy as np
import pytest

from nonideal.physics.flow import squirmer
from oracles import stokes_sphere as exact

NU, B1, B2 = 0.25, 1.5, -3.0


@pytest.fixture(scope="module")
def points():
    rng = np.random.default_rng(3)
    direction = rng.standard_normal((60, 3))
    return direction / np.linalg.norm(direction, axis=1, keepdims=True) * rng.uniform(1.1, 5, (60, 1))


FLOWS = {
    "fixed sphere": (exact.fixed_sphere, lambda p: exact.fixed_sphere_pressure(p, NU)),
    "squirmer": (
        lambda p: exact.squirmer(p, B1, B2),
        lambda p: exact.squirmer_pressure(p, NU, B2),
    ),
}


@pytest.mark.parametrize("name", FLOWS)
def test_oracles_are_stokes_flows(name, points):
    divergence, momentum = exact.defects(*FLOWS[name], points, NU)
    np.testing.assert_allclose(divergence, 0, atol=1e-8)
    np.testing.assert_allclose(momentum, 0, atol=1e-7)


def test_boundary_values(points):
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    np.testing.assert_allclose(exact.fixed_sphere(unit), 0, atol=1e-14)
    np.testing.assert_allclose(exact.fixed_sphere(1e6 * unit), np.tile([0, 0, -1.0], (60, 1)), atol=1e-5)
    *_, sin, _, down = exact._polar(unit)
    cos = unit[:, 2]
    slip = (B1 * sin + B2 * sin * cos)[:, None] * down
    np.testing.assert_allclose(exact.squirmer(unit, B1, B2), slip, atol=1e-14)
    far = np.tile([0, 0, -2 / 3 * B1], (60, 1))
    np.testing.assert_allclose(exact.squirmer(1e6 * unit, B1, B2), far, atol=1e-10)


@pytest.mark.parametrize("radius", [1.0, 3.0])
def test_forces(radius):
    found = exact.force(*FLOWS["fixed sphere"], NU, radius)
    np.testing.assert_allclose(found, [0, 0, -exact.drag(NU)], atol=1e-5)
    np.testing.assert_allclose(exact.force(*FLOWS["squirmer"], NU, radius), 0, atol=1e-5)


def test_first_inertial_force_is_the_published_one():
    """A squirmer swims faster by -0.15 beta Re (S. Wang and A. Ardekani, Phys. Fluids 24, 101902, 2012)."""
    for beta in (-2.0, 0.0, 1.0, 3.0):
        assert exact.first_inertial_force(beta) == pytest.approx(-0.15 * beta, abs=1e-4 * (1 + abs(beta)))


def test_the_packages_flow_is_the_oracles(points):
    fixed = np.stack(squirmer.fixed_velocity(*points.T), 1)
    np.testing.assert_allclose(fixed, exact.fixed_sphere(points), atol=1e-14)
    for beta in (-3.0, 0.0, 0.7):
        found = np.stack(squirmer.stokes_velocity(*points.T, beta), 1)
        np.testing.assert_allclose(B1 * found, exact.squirmer(points, B1, beta * B1), atol=1e-14)
        unit = points / np.linalg.norm(points, axis=1, keepdims=True)
        surface = np.stack(squirmer.slip(*unit.T, 1.0, beta), 1)
        np.testing.assert_allclose(B1 * surface, exact.squirmer(unit, B1, beta * B1), atol=1e-14)


@pytest.mark.parametrize("aspect", [1.0, 1.5, 2.0, 4.0])
def test_slip_of_a_spheroid(aspect):
    """Tangential, and with the speed that the reciprocal theorem gives.

    The traction on a spheroid that is towed through a Stokes flow goes with the distance of its tangent plane
    from the middle, so that a free swimmer's speed is minus the slip's mean with that weight.
    """
    cos, weights = np.polynomial.legendre.leggauss(200)
    sin = np.sqrt(1 - cos**2)
    x, z = sin, aspect * cos  # a meridian by its parametric angle
    normal = np.stack([x, z / aspect**2], 1)
    distance = 1 / np.linalg.norm(normal, axis=1)
    normal *= distance[:, None]
    area = weights * np.hypot(cos, aspect * sin)  # dS over 2 pi: x times the arc, dcos = sin d angle
    for beta in (0.0, 1.3):
        u, v, w = squirmer.slip(x, 0 * x, z, aspect, beta)
        np.testing.assert_allclose(v, 0, atol=1e-15)
        np.testing.assert_allclose(u * normal[:, 0] + w * normal[:, 1], 0, atol=1e-13)
        along = np.stack([cos, -aspect * sin], 1)  # of growing angle, from the front pole on
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        law = -along[:, 1] * (1 + beta * cos)
        np.testing.assert_allclose(np.stack([u, w], 1), law[:, None] * along, atol=1e-13)
        speed = -(area * distance * w).sum() / (area * distance).sum()
        assert speed == pytest.approx(squirmer.speed_over_b1(aspect), rel=1e-10)


def test_speed_of_nearly_round_swimmers():
    """The series where the formula loses digits meets it, and rises with the aspect."""
    near = np.sqrt(1 / (1 - np.array([0.99e-4, 1.01e-4])))
    below, above = (squirmer.speed_over_b1(aspect) for aspect in near)
    assert above - below == pytest.approx(2 / 15 * 2e-6, rel=1e-3)
    assert squirmer.speed_over_b1(1.0) == 2 / 3
