"""One magnetic moment under spin torque, slow and obvious: numpy's Heun steps and the Fokker-Planck equation.

Written from the equation of motion, in float64 and SI units, with Gaussian noise: nothing here imports the
package. All of it is for a moment that starts near +z in an effective anisotropy field along z.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import integrate, special
from scipy.sparse import diags, identity
from scipy.sparse.linalg import splu

GAMMA = 1.760859e11  # rad / (s T)
Array = npt.NDArray[np.float64]


def time_constant(damping: float, field: float) -> float:
    """Return tau_D: small angles grow as exp((i - 1) t / tau_D)."""
    return (1 + damping**2) / (damping * GAMMA * field)


def slope(m: Array, field: Array, damping: float, torque: float) -> Array:
    """Return dm/dt, 1/s; ``field`` (n, 3) and ``torque`` (spin torque's field) in tesla."""
    precession = np.cross(m, field)
    spin = np.cross(m, np.cross(m, np.array([0.0, 0.0, 1.0])))
    return (-GAMMA * (precession + damping * np.cross(m, precession)) + GAMMA * torque * spin) / (
        1 + damping**2
    )


def equilibrium(rng: np.random.Generator, delta: float, n: int) -> Array:
    """Return n moments from exp(-delta sin^2 theta) sin theta, theta in [0, pi/2], by a fine table."""
    z = np.linspace(0.0, 1.0, 400_001)
    density = np.exp(delta * (z**2 - 1))
    cumulative = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    height = np.interp(rng.random(n), cumulative / cumulative[-1], z)
    angle = 2 * math.pi * rng.random(n)
    radius = np.sqrt(1 - height**2)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), height], axis=1)


def heun(
    m: Array,
    *,
    delta: float,
    overdrive: float,
    duration: float,
    dt: float,
    damping: float = 0.01,
    field: float = 0.3,
    field_like: float = 0.0,
    rng: np.random.Generator | None = None,
    increments: str = "gaussian",
) -> Array:
    """Return the moments after ``duration``; ``rng=None`` leaves the noise out.

    ``increments``: "gaussian", or "four" values with the moments of a normal number to the fifth.
    """
    steps = round(duration / dt)
    # <B_i^2> = mu0^2 <H_i^2> = 2 alpha kT / (gamma M_s Vol dt), and M_s Vol = 2 delta kT / (mu0 H_k)
    sigma = math.sqrt(damping * field / (GAMMA * delta * dt))
    torque = damping * overdrive * field
    large, small = math.sqrt(1 + math.sqrt(6)), math.sqrt(1 - math.sqrt(2 / 3))
    for _ in range(steps):
        noise = np.zeros_like(m)
        if rng is not None and increments == "gaussian":
            noise = sigma * rng.standard_normal(m.shape)
        elif rng is not None:
            values = np.array([large, small, small, small, -large, -small, -small, -small])
            noise = sigma * values[rng.integers(0, 8, m.shape)]

        def total(at: Array, noise: Array = noise) -> Array:
            along = np.zeros_like(at)
            along[:, 2] = field * at[:, 2] - field_like * torque
            return along + noise

        first = slope(m, total(m), damping, torque)
        moved = m + dt * first
        second = slope(moved, total(moved), damping, torque)
        m = m + dt / 2 * (first + second)
        m = m / np.linalg.norm(m, axis=1, keepdims=True)
    return m


def p_switch(delta: float, overdrive: float, times: Any, cells: int = 4000, steps: int = 4000) -> Array:
    """Return P(m_z < 0) at ``times`` (units of tau_D), from the Fokker-Planck equation of u = m_z.

    Everything is symmetric about z, so u alone is a Markov process:
    dp/ds = d/du { (1 - u^2) [ (i - u) p + (1 / (2 delta)) dp/du ] }, in the time unit tau_D. Finite volumes
    with the fluxes of Scharfetter and Gummel (exact for a constant drift), backward differences of second
    order in time. ``overdrive`` is i (1 + field_like alpha) where there is a field-like torque.
    """
    # Cells of equal angle: fine where the moment starts.
    edge = -np.cos(np.linspace(0.0, math.pi, cells + 1))
    middle = (edge[1:] + edge[:-1]) / 2
    width = np.diff(edge)
    inner = edge[1:-1]
    gap = np.diff(middle)
    mobility = 1 - inner**2
    diffusion = mobility / (2 * delta)
    peclet = -(overdrive - inner) * mobility * gap / diffusion  # drift velocity of u is -(1-u^2)(i-u)
    bernoulli = 1 / special.exprel(peclet)
    forward = diffusion / gap * (bernoulli + peclet)  # flux = forward p_left - backward p_right
    backward = diffusion / gap * bernoulli
    main = np.zeros(cells)
    main[:-1] -= forward / width[:-1]
    main[1:] -= backward / width[1:]
    operator = diags([forward / width[1:], main, backward / width[:-1]], [-1, 0, 1], format="csc")
    upper = np.maximum(edge, 0.0)
    p = np.where(middle > 0, np.exp(delta * (middle**2 - 1)), 0.0) * (np.diff(upper) / width)
    p /= (p * width).sum()
    below = np.clip(-edge[:-1], 0.0, width)  # the part of a cell below 0
    results, now = [], 0.0
    for time in np.atleast_1d(times):
        if time > now:
            # Half-steps of backward Euler first (the start is not smooth), then BDF2.
            h = (time - now) / steps
            euler = splu((identity(cells) - h * operator).tocsc())
            bdf = splu((identity(cells) - 2 / 3 * h * operator).tocsc())
            before, p = p, euler.solve(p)
            for _ in range(steps - 1):
                before, p = p, bdf.solve((4 * p - before) / 3)
            now = time
        results.append(float((p * below).sum() / (p * width).sum()))
    return np.array(results)


def angle_after(theta: float, overdrive: float, time: float) -> float:
    """Return theta after ``time`` (units of tau_D) of d(theta)/dt = (i - cos theta) sin theta, no noise."""
    solution = integrate.solve_ivp(
        lambda _, y: (overdrive - np.cos(y)) * np.sin(y), (0.0, time), [theta], rtol=1e-11, atol=1e-14
    )
    return float(solution.y[0, -1])


def brown_rate(delta: float, overdrive: float) -> float:
    """Return the rate of leaving the well around +z over a high barrier, 1/tau_D.

    Brown's (1963) asymptotic formula for axial symmetry with a field h = -i along the axis: barrier
    delta (1 - i)^2, prefactor sqrt(delta / pi) (1 - i) (1 - i^2), for |i| < 1 and delta (1 - i)^2 >> 1.
    """
    i = overdrive
    return math.sqrt(delta / math.pi) * (1 - i**2) * (1 - i) * math.exp(-delta * (1 - i) ** 2)
