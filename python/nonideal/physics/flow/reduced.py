"""A reduced basis for the steady Navier-Stokes equations: a few modes in place of all degrees of freedom."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nonideal.checks import (
    FloatArray,
    check_choice,
    check_integer,
    check_positive,
)
from nonideal.errors import ConvergenceError, InvalidArgument
from nonideal.physics.flow.affine import AffineSpan
from nonideal.physics.flow.offline import (
    INNER,
    MERGES,
    Offline,
    inner_product,
    lift_of,
    merged_modes,
    pressure_modes,
)
from nonideal.physics.flow.snapshots import Snapshots, fingerprint
from nonideal.physics.flow.solution import Solution

if TYPE_CHECKING:
    from nonideal.physics.flow.navier_stokes import NavierStokes

__all__ = ["ReducedBasis", "ReducedSolution"]

#: Boundary data and loads farther than this, relative, from the training data's span are refused.
_MISFIT = 1e-8


class ReducedBasis:
    """Velocity modes of snapshots, and the Navier-Stokes equations projected onto them.

    A velocity is ``lifts @ theta + modes @ y``: theta follows from the boundary data, whose affine form is
    found from the training data, y from k quadratic equations whose coefficients were computed once. Every mode
    is discretely divergence-free and vanishes on the Dirichlet boundary, so the pressure drops out; it is
    recovered from the momentum balance when asked for. Made by `fit`.

    Attributes
    ----------
    modes : (n_velocity, n_modes) float64 array
        Orthonormal in the inner product they were made in.
    lifts : (n_velocity, Q) float64 array
        Stokes fields that carry the boundary data.
    singular_values : (n_snapshots,) float64 array
        Of the lifted snapshots, all of them.
    n_modes : int
        Modes in use.
    rank : int
        Modes that the snapshots give: singular values above 1e-10 of the largest.
    linear_solves : int
        What the snapshots cost: saddle-point systems factorised and solved.

    Examples
    --------
    >>> from nonideal.physics import flow
    >>> problem = flow.cases.two_lid_cavity(n=8)
    >>> train = problem.snapshots(problem.parameters.grid(2))
    >>> basis = flow.ReducedBasis.fit(train + flow.augment(train))
    >>> basis.n_modes, basis.lifts.shape[1]
    (10, 2)
    >>> fast = basis.solve({"Re": 230, "a": 0.4})
    >>> exact = problem.solve({"Re": 230, "a": 0.4})
    >>> bool(abs(fast.kinetic_energy() / exact.kinetic_energy() - 1) < 0.05)
    True
    """

    def __init__(self, offline: Offline, n_modes: int) -> None:
        self._offline = offline
        self.n_modes = n_modes

    @classmethod
    def fit(
        cls,
        snapshots: Snapshots,
        *,
        tol: float | None = None,
        n_modes: int | None = None,
        inner: str = "l2",
        merge: str = "concatenate",
        artificial_weight: float = 1.0,
        supremizers: bool = False,
    ) -> ReducedBasis:
        """Make a basis by proper orthogonal decomposition of the lifted snapshots.

        Parameters
        ----------
        snapshots : Snapshots
            Solutions, and perhaps artificial ones.
        tol : float, optional
            As many modes as leave out at most ``tol**2`` of the sum of squared singular values.
        n_modes : int, optional
            So many modes. With neither: all above 1e-6 of the largest singular value.
        inner : "l2", "h1" or "euclidean"
            Inner product in which modes are orthonormal and singular values are measured: of velocities, of
            velocities and their gradients, of coefficients.
        merge : "concatenate" or "nested"
            Decompose all snapshots together, or keep the span of the solutions whole and decompose what the
            artificial ones add to it.
        artificial_weight : float
            Factor of artificial snapshots.
        supremizers : bool
            Recover pressures with supremizers instead of by least squares.

        Raises
        ------
        InvalidArgument
            If an option is outside its range, or nothing is left of the snapshots when their lifts are taken
            off.
        """
        if not isinstance(snapshots, Snapshots):
            raise InvalidArgument(f"snapshots: {type(snapshots).__name__} is not Snapshots")
        check_choice("inner", inner, INNER)
        check_choice("merge", merge, MERGES)
        check_positive("artificial_weight", artificial_weight)
        if tol is not None and n_modes is not None:
            raise InvalidArgument(f"tol = {tol} and n_modes = {n_modes}: give one of them")
        if tol is not None and not 0 < check_positive("tol", tol) < 1:
            raise InvalidArgument(f"tol = {tol} is outside (0, 1)")
        if n_modes is not None:
            check_integer("n_modes", n_modes, 1)
        problem = snapshots.problem
        known = np.flatnonzero(np.repeat(problem.constrained, problem.mesh.dim))
        boundary, lifts = lift_of(problem, snapshots.velocity, known)
        lifted = snapshots.velocity - lifts @ boundary.coefficients(snapshots.velocity[known])
        lifted[known] = 0.0
        if not np.linalg.norm(lifted) > 1e-13 * np.linalg.norm(snapshots.velocity):
            raise InvalidArgument("snapshots: nothing is left of them when their lifts are taken off")
        artificial = np.array([origin != "full" for origin in snapshots.origin])
        modes, values, usual = merged_modes(
            lifted, artificial, inner_product(problem, inner), merge, artificial_weight
        )
        rank = modes.shape[1]
        if n_modes is not None and n_modes > rank:
            raise InvalidArgument(f"n_modes = {n_modes} is above the snapshots' rank, {rank}")
        count = usual if n_modes is None else n_modes
        if tol is not None:
            missed = 1 - np.cumsum(values**2) / np.sum(values**2)
            count = min(rank, int(np.argmax(missed <= tol**2)) + 1)
        loads = np.stack([problem.load(mu) for mu in snapshots.parameters], axis=1)
        offline = Offline(
            problem=problem,
            known=known,
            boundary=boundary,
            load=AffineSpan(loads),
            lifts=lifts,
            modes=np.ascontiguousarray(modes[:, :count]),
            singular_values=values,
            rank=rank,
            pressure_modes=pressure_modes(snapshots, count),
            supremizers=supremizers,
            inner=inner,
            linear_solves=snapshots.linear_solves,
        )
        return cls(offline, count)

    @property
    def problem(self) -> NavierStokes:
        """The full-order problem."""
        return self._offline.problem

    @property
    def modes(self) -> FloatArray:
        """Modes in use, (n_velocity, n_modes)."""
        return self._offline.modes[:, : self.n_modes]

    @property
    def lifts(self) -> FloatArray:
        """Stokes fields of the boundary data, (n_velocity, Q)."""
        return self._offline.lifts

    @property
    def singular_values(self) -> FloatArray:
        """All singular values of the lifted snapshots."""
        return self._offline.singular_values

    @property
    def rank(self) -> int:
        """Modes that the snapshots give."""
        return self._offline.rank

    @property
    def linear_solves(self) -> int:
        """Saddle-point systems factorised and solved for the snapshots."""
        return self._offline.linear_solves

    def truncate(self, k: int) -> ReducedBasis:
        """Return the basis of the first k modes; it shares all arrays with this one.

        Parameters
        ----------
        k : int
            In [1, n_modes].
        """
        k = check_integer("k", k, 1)
        if k > self.n_modes:
            raise InvalidArgument(f"k = {k} is above n_modes, {self.n_modes}")
        return ReducedBasis(self._offline, k)

    def solve(
        self, mu: Mapping[str, float], *, tol: float = 1e-11, max_iterations: int = 100
    ) -> ReducedSolution:
        """Return the Galerkin solution in the span of the modes.

        Parameters
        ----------
        mu : mapping
            Parameters; a warning is given outside the problem's box.
        tol : float
            Of the relative step; Picard's iteration until it is below 0.02, then Newton's.
        max_iterations : int
            Most iterations.

        Raises
        ------
        InvalidArgument
            If a parameter is missing, or the boundary data or loads are not in the span of the training data.
        ConvergenceError
            If it does not converge, with the relative steps.
        """
        solution, converged = self.iterate(mu, tol=tol, max_iterations=max_iterations)
        if not converged:
            error = ConvergenceError(
                f"reduced solution at mu = {dict(mu)}: no convergence within {solution.iterations} iterations",
                solution.history,
            )
            error.mu = dict(mu)
            raise error
        return solution

    def iterate(
        self, mu: Mapping[str, float], *, tol: float = 1e-11, max_iterations: int = 100
    ) -> tuple[ReducedSolution, bool]:
        """Do what `solve` does, but return the last iterate and whether it converged."""
        check_integer("max_iterations", max_iterations, 1, 31)
        offline, mu = self._offline, self.problem.check_parameters(mu)
        theta = _coefficients("boundary data", offline.boundary, self._boundary_values(mu), mu)
        load = _coefficients("loads", offline.load, self.problem.load(mu), mu)
        viscosity = self.problem.viscosity(mu)
        coefficients, steps, converged = offline.model.solve(
            theta,
            viscosity,
            np.ascontiguousarray(offline.loads @ load),
            tolerance=check_positive("tol", tol),
            max_iterations=max_iterations,
            n_modes=self.n_modes,
        )
        return self._solution(mu, coefficients, viscosity, load, steps.tolist()), converged

    def project(self, solution: Solution) -> Solution:
        """Return the best approximation of a velocity in the basis, in its inner product; pressure too.

        Parameters
        ----------
        solution : Solution
            Of the same problem.
        """
        offline = self._offline
        velocity = np.asarray(solution.velocity).ravel()
        if velocity.shape != (self.problem.n_velocity,):
            raise InvalidArgument(
                f"solution: expected {self.problem.n_velocity} velocity dofs, got {velocity.size}"
            )
        theta = _coefficients("boundary data", offline.boundary, velocity[offline.known], solution.mu)
        weight = inner_product(self.problem, offline.inner)
        rest = velocity - offline.lifts @ theta
        parts = self.modes.T @ (rest if weight is None else weight @ rest)
        load = _coefficients("loads", offline.load, self.problem.load(solution.mu), solution.mu)
        coefficients = np.concatenate([theta, parts])
        return self._solution(solution.mu, coefficients, self.problem.viscosity(solution.mu), load, [])
