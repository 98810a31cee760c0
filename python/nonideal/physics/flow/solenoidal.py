"""Discretely divergence-free fields that minimise a quadratic form: Stokes lifts and the Leray projection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from nonideal.checks import FloatArray
from nonideal.physics.flow import solvers

if TYPE_CHECKING:
    from nonideal.physics.flow.navier_stokes import NavierStokes

__all__ = ["SolenoidalSolver"]


class SolenoidalSolver:
    """Solves ``[H B^T; B 0] (u, lambda) = (load, 0)`` with u prescribed on the Dirichlet boundary.

    With H the mass matrix and load = M w this is the Leray projection, the solenoidal field nearest to w;
    with H the stiffness matrix and no load it is the Stokes field of boundary values. Analysed and factorised
    once, for any number of right-hand sides: one linear solve.

    Parameters
    ----------
    problem : NavierStokes
        Brings the divergence matrix, the dofs that are prescribed, and the sparse solver.
    form : (n_velocity, n_velocity) sparse matrix
        H, symmetric positive definite on the free dofs.
    """

    def __init__(self, problem: NavierStokes, form: Any) -> None:
        divergence = problem.divergence_matrix
        n_velocity, free = problem.n_velocity, np.asarray(problem.operator.free)
        saddle = sparse.csr_array(sparse.bmat([[form, divergence.T], [divergence, None]], format="csr"))
        rows = sparse.csr_array(saddle[free])
        matrix = sparse.csr_array(rows[:, free])
        matrix.sort_indices()
        self._free = free
        self._n_velocity, self._n_dof = n_velocity, saddle.shape[0]
        self._known = np.setdiff1d(np.arange(n_velocity), free)
        self._coupling = sparse.csr_array(rows[:, self._known])
        self._solver = solvers.create(problem.solver_name)
        self._solver.analyse(matrix.indptr, matrix.indices, problem.operator.layout)
        self._solver.factorize(matrix.data)

    def solve(self, load: FloatArray | None = None, boundary: FloatArray | None = None) -> FloatArray:
        """Return solenoidal fields.

        Parameters
        ----------
        load : (n_velocity, count) float64 array, optional
            Right-hand sides; default none.
        boundary : (n_velocity, count) float64 array, optional
            Fields whose values at prescribed dofs are taken; default zero.

        Returns
        -------
        (n_velocity, count) float64 array
        """
        given = load if load is not None else boundary
        assert given is not None
        count = given.shape[1]
        rhs = np.zeros((self._n_dof, count))
        if load is not None:
            rhs[: self._n_velocity] = load
        rhs = rhs[self._free]
        fields = np.zeros((self._n_velocity, count))
        if boundary is not None:
            fields[self._known] = boundary[self._known]
            rhs -= self._coupling @ fields[self._known]
        solution = self._solver.solve(rhs)
        inside = self._free < self._n_velocity
        fields[self._free[inside]] = solution[inside]
        return fields
