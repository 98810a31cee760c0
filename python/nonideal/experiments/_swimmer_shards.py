"""Shards of flow-swimmer: exact Stokes flows around a sphere on one mesh, and the force that inertia adds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nonideal.experiments._flow_cases import build
from nonideal.physics import flow
from nonideal.physics.flow import squirmer

__all__ = ["first_order_force", "relative_force", "solve_force", "stokes_errors"]

#: beta of the swimmer whose force should vanish.
STOKES_BETA = 2.0
#: Reynolds number at which the force is linear in it: its square is 0.25 % of it.
SMALL_RE = 0.05

_OUTER = ("x0", "x1", "y0", "y1", "z0", "z1")


def relative_force(solution: flow.Solution) -> float:
    """Return the force along z on the body over the Stokes drag of a sphere at the same speed, 6 pi nu."""
    return float(solution.force("body")[2]) / (6 * np.pi * solution.viscosity)


def _past_a_sphere(x: Any, y: Any, z: Any, mu: Mapping[str, float], /) -> squirmer.Components:
    return squirmer.fixed_velocity(x, y, z)


def _cube(width: float) -> dict[str, float]:
    return {"half_width": width, "upstream": width, "downstream": width}


def stokes_errors(shard: Mapping[str, Any]) -> dict[str, float]:
    """Solve for the flow past a fixed sphere and around a swimmer, exact ones prescribed on a cube around it.

    Returns dofs, the drag's relative error, the velocity's in L2, and the swimmer's force.
    """
    n, solver = shard["n"], shard["solver"]
    problem = flow.NavierStokes(
        flow.Mesh.body_channel(n, **_cube(shard["half_width"])),
        viscosity=1.0,
        dirichlet={**dict.fromkeys(_OUTER, _past_a_sphere), "body": 0.0},
        solver=solver,
    )
    solution = problem.stokes({})
    cells = problem.cells
    exact = np.stack(squirmer.fixed_velocity(*np.moveaxis(cells.points, -1, 0)), axis=-1)
    ours = np.einsum("qk,ckx->cqx", cells.shape, solution.velocity[problem.cell_nodes])
    gap, whole = (np.einsum("cq,cqx->", cells.weights, field**2) for field in (ours - exact, exact))
    swimmer = flow.cases.swimmer(n, far="stokes", solver=solver, **_cube(shard["half_width"]))
    return {
        "n_dof": problem.n_dof,
        "drag": -relative_force(solution) - 1,
        "velocity": float(np.sqrt(gap / whole)),
        "swimmer": relative_force(swimmer.stokes({"Re": 1.0, "beta": STOKES_BETA})),
    }


def first_order_force(shard: Mapping[str, Any]) -> dict[str, float]:
    """Return minus the relative force over Re and beta at a small Re, that of Stokes flow taken off.

    The exact Stokes flow is prescribed on a cube around the swimmer.
    """
    problem = flow.cases.swimmer(
        shard["n"], far="stokes", solver=shard["solver"], **_cube(shard["half_width"])
    )
    problem.parameters = None
    forces = []
    for beta in (1.0, -1.0):
        mu = {"Re": SMALL_RE, "beta": beta}
        forces.append(relative_force(problem.solve(mu)) - relative_force(problem.stokes(mu)))
    return {"slope": (forces[1] - forces[0]) / (2 * SMALL_RE), "n_dof": problem.n_dof}


def solve_force(shard: Mapping[str, Any]) -> dict[str, float]:
    """Solve at one parameter on some mesh; return the relative force and the dofs."""
    problem = build(shard)
    return {"force": relative_force(problem.solve(shard["mu"], tol=1e-6)), "n_dof": problem.n_dof}
