"""A swimmer that moves its surface: slip on a spheroid, its speed, and exact Stokes flows around a sphere.

Sources: M. J. Lighthill, Comm. Pure Appl. Math. 5, 109-118 (1952); J. R. Blake, J. Fluid Mech. 46, 199-208
(1971). Spheroids: S. R. Keller and T. Y. Wu, J. Fluid Mech. 80, 259-278 (1977), with the second mode of M.
Theers, E. Westphal, G. Gompper and R. G. Winkler, Soft Matter 12, 7372-7385 (2016).

The body's middle is the origin, it swims along +z, and its semi-axis across is the unit of length. In its own
frame the surface moves with ``-B1 (1 + beta z / aspect) (t . e_z) t``, t the unit tangent from the front pole
to the rear one: ``B1 sin(theta) (1 + beta cos(theta))`` on a sphere.
"""

from __future__ import annotations

import numpy as np

from nonideal.checks import FloatArray

__all__ = ["fixed_velocity", "slip", "speed_over_b1", "stokes_velocity"]

Components = tuple[FloatArray, FloatArray, FloatArray]


def speed_over_b1(aspect: float) -> float:
    """Return the speed in B1 at which no force acts on a swimmer in unbounded Stokes flow, whatever its beta.

    Parameters
    ----------
    aspect : float
        Length over width, >= 1.

    Examples
    --------
    >>> from nonideal.physics.flow.squirmer import speed_over_b1
    >>> [round(speed_over_b1(aspect), 6) for aspect in (1.0, 2.0, 4.0)]
    [0.666667, 0.826436, 0.924593]
    """
    square = 1.0 - 1.0 / aspect**2  # of the eccentricity
    if square < 1e-4:  # the formula below subtracts nearly equal numbers
        return 2.0 / 3.0 + square * (2.0 / 15.0 + square * (2.0 / 35.0 + square * 2.0 / 63.0))
    t = 1.0 / np.sqrt(square)
    return float(t * (t - (t * t - 1.0) * np.arctanh(1.0 / t)))


def slip(x: FloatArray, y: FloatArray, z: FloatArray, aspect: float, beta: float) -> Components:
    """Return the velocity of the surface in the body's frame, over B1, at points of the surface."""
    normal = np.stack([x, y, z / aspect**2])
    normal /= np.linalg.norm(normal, axis=0)
    # -(t . e_z) t is what of -e_z is tangential.
    u, v, w = (1.0 + beta * z / aspect) * normal[2] * normal
    return u, v, w - (1.0 + beta * z / aspect)


def stokes_velocity(x: FloatArray, y: FloatArray, z: FloatArray, beta: float) -> Components:
    """Return the Stokes flow around a swimming sphere in unbounded fluid, over B1, in the sphere's frame.

    No force acts on the sphere; far away the fluid moves with ``-2/3 e_z``.
    """
    r = np.sqrt(x * x + y * y + z * z)
    cosine = z / r
    # A source doublet from the first mode; a stresslet and a quadrupole from the second.
    outwards = cosine / r**3 + beta * ((1 / r**4 - 1 / r**2) * (1.5 * cosine**2 - 0.5) + cosine**2 / r**4)
    along = -1 / (3 * r**3) - beta * cosine / r**4 - 2 / 3
    return outwards * x / r, outwards * y / r, outwards * cosine + along


def fixed_velocity(x: FloatArray, y: FloatArray, z: FloatArray) -> Components:
    """Return the Stokes flow past a sphere at rest in a stream ``-e_z``, on which the force 6 pi nu acts."""
    r = np.sqrt(x * x + y * y + z * z)
    outwards = 0.75 * (1 / r - 1 / r**3) * z / r
    return outwards * x / r, outwards * y / r, outwards * z / r + 0.75 / r + 0.25 / r**3 - 1
