"""A reduced basis for the steady Navier-Stokes equations: a few modes in place of all degrees of freedom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nonideal.checks import (
    FloatArray,
    check_choice,
    check_integer,
    check_positive,
)
from nonideal.errors import InvalidArgument
from nonideal.physics.flow.affine import AffineSpan
from nonideal.physics.flow.boundary import words
from nonideal.physics.flow.failure import FlowConvergenceError
from nonideal.physics.flow.identity import Fingerprint
from nonideal.physics.flow.offline import (
    INNER,
    MERGES,
    Offline,
    boundary_values,
    inner_product,
    lift_of,
    merged_modes,
    pressure_modes,
)
from nonideal.physics.flow.snapshots import Snapshots, read_arrays, write_arrays
from nonideal.physics.flow.solution import Solution

if TYPE_CHECKING:
    from nonideal.physics.flow.problem import NavierStokes, Setting

__all__ = ["ReducedBasis", "ReducedSolution"]

#: Boundary data and loads farther than this, relative, from the training data's span are refused.
_MISFIT = 1e-8


class ReducedBasis:
    """Velocity modes of snapshots, and the Navier-Stokes equations projected onto them.

    A velocity is ``lifts @ theta + modes @ y``: theta follows from the boundary data, whose affine form is
    found from the training data, y from k quadratic equations whose coefficients were computed once. Every
    mode is discretely divergence-free and vanishes on the Dirichlet boundary, so the pressure drops out; it
    is recovered from the momentum balance when asked for. Made by `fit`.

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
        settings = [problem.setting(mu, flux=False) for mu in snapshots.parameters]
        values = boundary_values(snapshots.velocity, known, [setting.boundary for setting in settings])
        boundary, lifts = lift_of(problem, values, known)
        lifted = snapshots.velocity - lifts @ boundary.coefficients(values)
        lifted[known] = 0.0
        if not np.linalg.norm(lifted) > 1e-13 * np.linalg.norm(snapshots.velocity):
            raise InvalidArgument("snapshots: nothing is left of them when their lifts are taken off")
        artificial = np.array([origin != "full" for origin in snapshots.origin])
        modes, singular, kept, usual = merged_modes(
            lifted, artificial, inner_product(problem, inner), merge, artificial_weight
        )
        rank = modes.shape[1]
        if n_modes is not None and n_modes > rank:
            raise InvalidArgument(f"n_modes = {n_modes} is above the snapshots' rank, {rank}")
        count = usual if n_modes is None else n_modes
        if tol is not None:
            # Summed from the smallest on: one minus the others' share is never below 1e-16.
            left_out = np.cumsum(kept[::-1] ** 2)[::-1]
            count = 1 + int(np.count_nonzero(left_out[1:] > tol**2 * left_out[0]))
        offline = Offline(
            problem=problem,
            known=known,
            boundary=boundary,
            load=AffineSpan(np.stack([setting.load.ravel() for setting in settings], axis=1)),
            lifts=lifts,
            modes=np.ascontiguousarray(modes[:, :count]),
            singular_values=singular,
            rank=rank,
            pressure_modes=pressure_modes(snapshots),
            supremizers=supremizers,
            inner=inner,
            linear_solves=snapshots.linear_solves,
            fingerprint=Fingerprint.of(problem, snapshots.parameters),
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
            raise FlowConvergenceError(
                f"no reduced solution at {words(solution.mu)}: relative step "
                f"{(solution.history or (1.0,))[-1]:.2g} after {solution.iterations} iterations, "
                f"tol = {tol:g}; use more modes or nearer snapshots",
                solution.history,
                solution.mu,
            )
        return solution

    def iterate(
        self, mu: Mapping[str, float], *, tol: float = 1e-11, max_iterations: int = 100
    ) -> tuple[ReducedSolution, bool]:
        """Do what `solve` does, but return the last iterate and whether it converged."""
        check_integer("max_iterations", max_iterations, 1, 31)
        offline = self._offline
        setting = self.problem.setting(self.problem.check_mu(mu), flux=False)
        theta, load = self._data(setting)
        coefficients, steps, converged = offline.model.solve(
            theta,
            setting.viscosity,
            offline.loads @ load,
            tolerance=check_positive("tol", tol),
            max_iterations=max_iterations,
            n_modes=self.n_modes,
        )
        return self._solution(setting, coefficients, load, tuple(steps.tolist())), converged

    def project(self, solution: Solution) -> Solution:
        """Return the best approximation of a velocity in the basis, in its inner product; pressure too.

        Parameters
        ----------
        solution : Solution
            Of the same problem.

        Raises
        ------
        InvalidArgument
            If it is another problem's, or its boundary data or loads are not in the span of the training
            data.
        """
        offline = self._offline
        velocity = np.asarray(solution.velocity).ravel()
        if velocity.shape != (self.problem.n_velocity,):
            raise InvalidArgument(
                f"solution: expected {self.problem.n_velocity} velocity dofs, got {velocity.size}"
            )
        self.check_problem("solution", solution.problem)
        setting = self.problem.setting(solution.mu, viscosity=solution.viscosity, flux=False)
        theta, load = self._data(setting)
        rest = velocity - offline.lifts @ theta
        weight = inner_product(self.problem, offline.inner)
        parts = self.modes.T @ (rest if weight is None else weight @ rest)
        return self._solution(setting, np.concatenate([theta, parts]), load, ())

    def check_problem(self, argument: str, problem: NavierStokes) -> None:
        """Refuse another problem than the one whose solutions the basis was made from.

        Raises
        ------
        InvalidArgument
            If meshes, prescribed nodes, or the data at a few parameters differ.
        """
        differences = "" if problem is self.problem else self._offline.fingerprint.differences(problem)
        if differences:
            raise InvalidArgument(f"{argument}: the problem is not the basis's: {differences}")

    def save(self, path: str | Path) -> Path:
        """Write an ``.npz`` file; return its path.

        Parameters
        ----------
        path : path
            With or without the suffix.
        """
        offline = self._offline
        return write_arrays(
            path,
            fingerprint=offline.fingerprint.text(),
            modes=self.modes,
            inner=offline.inner,
            supremizers=offline.supremizers,
            boundary_vectors=offline.boundary.vectors,
            boundary_entries=offline.boundary.entries,
            load_vectors=offline.load.vectors,
            load_entries=offline.load.entries,
            known=offline.known,
            lifts=offline.lifts,
            singular_values=offline.singular_values,
            rank=offline.rank,
            pressure_modes=offline.pressure_modes,
            linear_solves=offline.linear_solves,
        )

    @classmethod
    def load(cls, path: str | Path, problem: NavierStokes) -> ReducedBasis:
        """Read what `save` wrote; reduced operators are computed again when first needed.

        Parameters
        ----------
        path : path
            The file.
        problem : NavierStokes
            The same: on this mesh, with these data.

        Raises
        ------
        InvalidArgument
            If the file is not one of these, or belongs to another problem.
        """
        content, fingerprint = read_arrays(path, "a reduced basis", problem)
        try:
            offline = Offline(
                problem=problem,
                boundary=AffineSpan.restored(content["boundary_vectors"], content["boundary_entries"]),
                load=AffineSpan.restored(content["load_vectors"], content["load_entries"]),
                modes=content["modes"],
                inner=str(content["inner"]),
                supremizers=bool(content["supremizers"]),
                known=content["known"],
                lifts=content["lifts"],
                singular_values=content["singular_values"],
                rank=int(content["rank"]),
                pressure_modes=content["pressure_modes"],
                linear_solves=int(content["linear_solves"]),
                fingerprint=fingerprint,
            )
        except KeyError as error:
            raise InvalidArgument(f"{path} is not a file of a reduced basis (no {error})") from None
        return cls(offline, offline.modes.shape[1])

    def __repr__(self) -> str:
        lifts = self.lifts.shape[1]
        return f"ReducedBasis({self.n_modes} of {self.rank} modes, {lifts} lift{'s' * (lifts != 1)})"

    def _data(self, setting: Setting) -> tuple[FloatArray, FloatArray]:
        """Return the coefficients of the boundary data and of the loads."""
        offline = self._offline
        found = []
        for what, span, values in (
            ("boundary data", offline.boundary, setting.boundary.ravel()[offline.known]),
            ("loads", offline.load, setting.load.ravel()),
        ):
            if span.misfit(values) > _MISFIT:
                raise InvalidArgument(
                    f"{what} at {words(setting.mu)} aren't in the span of the training data "
                    f"(relative misfit {span.misfit(values):.2g}, at most {_MISFIT:g})"
                )
            found.append(span.coefficients(values))
        return found[0], found[1]

    def _solution(
        self, setting: Setting, coefficients: FloatArray, load: FloatArray, history: tuple[float, ...]
    ) -> ReducedSolution:
        velocity = self._offline.trial[:, : len(coefficients)] @ coefficients
        pressure = partial(_pressure, self._offline, coefficients, setting.viscosity, load)
        return ReducedSolution(self.problem, setting, velocity, pressure, coefficients, history)


def _pressure(
    offline: Offline, coefficients: FloatArray, viscosity: float, load: FloatArray
) -> FloatArray:  # not a method of what it makes: a solution is pickled with it
    return offline.pressure.solve(coefficients, viscosity, load)


class ReducedSolution(Solution):
    """A flow in the span of a reduced basis; its pressure is computed when it is asked for.

    Attributes
    ----------
    coefficients_vector : (Q + k,) float64 array
        Of lifts and modes.
    iterations : int
        That the Galerkin solution took; 0 for a projection.
    history : tuple of float
        Relative step of each; the first is the Stokes solution's.
    """

    def __init__(
        self,
        problem: NavierStokes,
        setting: Setting,
        velocity: FloatArray,
        pressure: Callable[[], FloatArray],
        coefficients: FloatArray,
        history: tuple[float, ...],
    ) -> None:
        # Not the parent's: its checks cost more than the query, and it wants the pressure at once.
        self.problem, self.mu, self.viscosity = problem, setting.mu, setting.viscosity
        self.velocity = self.convecting = velocity.reshape(-1, problem.mesh.dim)
        self.linear_solves, self.history = 0, history
        self.coefficients_vector, self.iterations = coefficients, len(history)
        self._recover = pressure

    @cached_property
    def pressure(self) -> FloatArray:  # type: ignore[override]
        """Kinematic pressure at the vertices, (n_pressure,)."""
        return self._recover()
