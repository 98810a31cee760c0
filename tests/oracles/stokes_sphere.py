"""Exact Stokes flows around a sphere at the origin, radius a, in its own frame; nothing of nonideal is used.

Each velocity and pressure is written in its textbook form, and `defects` differentiates it numerically. The
viscosity is kinematic, the pressure over density. Points are (n, 3).
"""

import numpy as np


def _polar(points):
    """r, cos and sin of the angle from +z, and the unit vectors e_r, e_theta."""
    x, y, z = points.T
    r = np.sqrt(x**2 + y**2 + z**2)
    rho = np.hypot(x, y)
    cos, sin = z / r, rho / r
    phi = np.arctan2(y, x)
    out = np.stack([sin * np.cos(phi), sin * np.sin(phi), cos], 1)
    down = np.stack([cos * np.cos(phi), cos * np.sin(phi), -sin], 1)
    return r, cos, sin, out, down


def fixed_sphere(points, speed=1.0, a=1.0):
    """A sphere at rest in a stream -speed e_z (Stokes 1851): velocity by its stream function."""
    r, cos, sin, out, down = _polar(points)
    u_r = -speed * cos * (1 - 3 * a / (2 * r) + a**3 / (2 * r**3))
    u_t = speed * sin * (1 - 3 * a / (4 * r) - a**3 / (4 * r**3))
    return u_r[:, None] * out + u_t[:, None] * down


def fixed_sphere_pressure(points, viscosity, speed=1.0, a=1.0):
    r, cos, *_ = _polar(points)
    return 1.5 * viscosity * a * speed * cos / r**2


def drag(viscosity, speed=1.0, a=1.0):
    """Force of the stream on the sphere along -z, over the density."""
    return 6 * np.pi * viscosity * a * speed


def squirmer(points, b1, b2, a=1.0):
    """A free swimmer (Blake 1971): b1 sin + b2 sin cos along e_theta on the surface, far off -2/3 b1 e_z."""
    r, cos, sin, out, down = _polar(points)
    s = a / r
    u_r = 2 / 3 * b1 * s**3 * cos + b2 * (s**4 - s**2) * (3 * cos**2 - 1) / 2
    u_t = b1 / 3 * s**3 * sin + b2 * s**4 * sin * cos
    return u_r[:, None] * out + u_t[:, None] * down - [0, 0, 2 / 3 * b1]


def squirmer_pressure(points, viscosity, b2, a=1.0):
    r, cos, *_ = _polar(points)
    return -viscosity * b2 * a**2 * (3 * cos**2 - 1) / r**3


def defects(velocity, pressure, points, viscosity, h=1e-3):
    """Divergence (n,) and -nu lap u + grad p (n, 3), by differences of fourth order."""
    first = {-2: 1 / 12, -1: -2 / 3, 1: 2 / 3, 2: -1 / 12}
    second = {-2: -1 / 12, -1: 4 / 3, 0: -5 / 2, 1: 4 / 3, 2: -1 / 12}
    divergence = np.zeros(len(points))
    momentum = np.zeros(points.shape)
    for axis in range(3):
        step = h * np.eye(3)[axis]
        for k, weight in first.items():
            divergence += weight * velocity(points + k * step)[:, axis] / h
            momentum[:, axis] += weight * pressure(points + k * step) / h
        for k, weight in second.items():
            momentum -= viscosity * weight * velocity(points + k * step) / h**2
    return divergence, momentum


def force(velocity, pressure, viscosity, radius=1.0, n=24, h=1e-3):
    """Force on what is inside a sphere around the origin: the integral of the stress over it."""
    cos, weights = np.polynomial.legendre.leggauss(n)
    phi = 2 * np.pi * np.arange(2 * n) / (2 * n)
    cos, phi = np.repeat(cos, 2 * n), np.tile(phi, n)
    sin = np.sqrt(1 - cos**2)
    normal = np.stack([sin * np.cos(phi), sin * np.sin(phi), cos], 1)
    points = radius * normal
    gradient = np.stack(
        [(velocity(points + h * e) - velocity(points - h * e)) / (2 * h) for e in np.eye(3)], 2
    )  # [:, component, direction]
    stress = viscosity * (gradient + gradient.transpose(0, 2, 1))
    traction = np.einsum("nab,nb->na", stress, normal) - pressure(points)[:, None] * normal
    return radius**2 * np.pi / n * (np.repeat(weights, 2 * n)[:, None] * traction).sum(axis=0)


def first_inertial_force(beta, n=200, far=1e4):
    """d F_z / d(Re) over 6 pi nu a U of a sphere held at its Stokes speed, from the reciprocal theorem.

    -int (u . grad u) . v over the unbounded fluid, u the free swimmer's flow (U = 1) and v the flow of a
    sphere that moves with e_z in fluid at rest. Quadrature in 1/r and the angle; central differences.
    """
    b1 = 1.5
    inverse, w_r = np.polynomial.legendre.leggauss(n)
    low = 1 / far
    inverse, w_r = low + (1 - low) * (inverse + 1) / 2, w_r * (1 - low) / 2
    cos, w_t = np.polynomial.legendre.leggauss(40)
    r, c = (grid.ravel() for grid in np.meshgrid(1 / inverse, cos, indexing="ij"))
    weights = np.outer(w_r / inverse**2, w_t).ravel() * 2 * np.pi * r**2
    points = np.stack([r * np.sqrt(1 - c**2), 0 * r, r * c], 1)
    u = squirmer(points, b1, beta * b1)
    v = fixed_sphere(points) + np.array([0, 0, 1])  # the sphere moves with +e_z
    convected = np.zeros(points.shape)
    for axis, e in enumerate(np.eye(3)):
        h = 1e-5 * r[:, None]
        slope = (squirmer(points + h * e, b1, beta * b1) - squirmer(points - h * e, b1, beta * b1)) / (2 * h)
        convected += u[:, [axis]] * slope
    return -(weights * (convected * v).sum(axis=1)).sum() / (6 * np.pi)
