"""Discretely divergence-free fields that minimise a quadratic form: Stokes lifts and the Leray projection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nonideal.checks import FloatArray

if TYPE_CHECKING:
    from nonideal.physics.flow.problem import NavierStokes

__all__ = ["leray", "stokes_lifts"]


def leray(problem: NavierStokes, load: FloatArray) -> FloatArray:
    """Return the divergence-free fields nearest to others in L2 that vanish on the Dirichlet boundary.

    One linear solve for all of them.

    Parameters
    ----------
    problem : NavierStokes
        Brings mesh and boundary.
    load : (n_velocity, count) float64 array
        The mass matrix times the other fields.
    """
    with problem._pool.lend() as space:
        operator = space.operator
        operator.update(None, 0.0, reaction=1.0)
        space.factorize()
        rhs = np.zeros((len(operator.free), load.shape[1]))
        rhs[: operator.n_velocity_rows] = load[operator.free[: operator.n_velocity_rows]]
        return _fields(problem, operator.free, space.solver.solve(rhs))


def stokes_lifts(problem: NavierStokes, boundary: FloatArray) -> FloatArray:
    """Return the Stokes fields with given values on the Dirichlet boundary and no load.

    One linear solve for all of them. A net flux through the boundary of an enclosed flow (interpolated data
    miss zero slightly) is taken up evenly by all cells, as in `NavierStokes.solve`.

    Parameters
    ----------
    problem : NavierStokes
        Brings mesh and boundary.
    boundary : (n_velocity, count) float64 array
        Values on the boundary, zero elsewhere.
    """
    with problem._pool.lend() as space:
        operator = space.operator
        columns = []
        for values in np.ascontiguousarray(boundary.T):
            operator.update(None, 1.0, boundary=values.reshape(-1, problem.mesh.dim))
            columns.append(operator.rhs.copy())
        rhs = np.stack(columns, axis=1)
        if problem.enclosed:
            excess = -(problem.divergence_matrix @ boundary).sum(axis=0)
            weights, rows = problem.pressure_weights, operator.n_velocity_rows
            vertices = operator.free[rows:] - problem.n_velocity
            rhs[rows:] -= np.outer(weights[vertices], excess / weights.sum())
        space.factorize()
        return np.asarray(boundary + _fields(problem, operator.free, space.solver.solve(rhs)))


def _fields(problem: NavierStokes, free: Any, found: FloatArray) -> FloatArray:
    inside = free < problem.n_velocity
    fields = np.zeros((problem.n_velocity, found.shape[1]))
    fields[free[inside]] = found[inside]
    return fields
