"""Flows on tetrahedra: polynomial ones, which Taylor-Hood elements hold exactly, and known ones."""

from __future__ import annotations

import numpy as np
import pytest

from nonideal.physics import flow

NU = 0.25  # a power of two


def velocity(x, y, z, mu):
    """Quadratic and solenoidal."""
    return y * y + z * z, x * z, x * x - y * y


def force(x, y, z, mu):
    """Of the velocity above with the pressure x - 2 y + z; mu["c"] is the share of convection."""
    u, v, w = velocity(x, y, z, mu)
    convection = 2 * y * v + 2 * z * w, z * u + x * w, 2 * x * u - 2 * y * v
    stokes = -4 * NU + 1, -2.0, 1.0
    return tuple(mu["c"] * c + s for c, s in zip(convection, stokes, strict=True))


def polynomial(mesh):
    return flow.NavierStokes(
        mesh, viscosity=NU, dirichlet=dict.fromkeys(mesh.boundaries, velocity), body_force=force
    )


def exact(problem):
    x, y, z = problem.nodes.T
    pressure = problem.nodes[: problem.n_pressure] @ [1, -2, 1]
    return (
        np.stack(velocity(x, y, z, {}), axis=1),
        pressure - (problem.pressure_weights @ pressure) / problem.pressure_weights.sum(),
    )


@pytest.mark.parametrize("convection", [0, 1])
def test_polynomial_flow_is_exact(convection):
    problem = polynomial(flow.Mesh.box(0, 1, 0, 1, 0, 1, nx=2, ny=3, nz=4))
    mu = {"c": convection}
    solution = problem.solve(mu) if convection else problem.stokes(mu)
    u, p = exact(problem)
    assert np.abs(solution.velocity - u).max() < 1e-13
    assert np.abs(solution.pressure - p).max() < 1e-12
    assert problem.solver_stats.backend == "native"
    assert problem.solver_stats.perturbed_pivots == problem.solver_stats.fallbacks == 0
