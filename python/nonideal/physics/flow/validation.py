"""How far a reduced basis is from solutions that it has not seen, and how close its space could come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nonideal.checks import FloatArray, check_integer, check_iterable
from nonideal.errors import InvalidArgument
from nonideal.physics.flow.boundary import words
from nonideal.physics.flow.reduced import ReducedBasis
from nonideal.physics.flow.solution import Solution
from nonideal.progress import progress_bar

if TYPE_CHECKING:
    from nonideal.physics.flow.problem import NavierStokes

__all__ = ["Validation", "validate"]

#: Difference of parameters, relative to the largest, that is taken for none.
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Validation:
    """Relative L2 errors of velocities, for several numbers of modes at several parameters.

    Attributes
    ----------
    n_modes : tuple of int
        Numbers of modes.
    parameters : list of dict
        Where.
    errors : (n_k, n_mu) float64 array
        Of the Galerkin solution, relative to the full-order velocity's norm.
    projection_errors : (n_k, n_mu) float64 array
        Of the best approximation in the same space: the space's share of the error.
    converged : (n_k, n_mu) bool array
        False where the last iterate was counted.
    linear_solves : int
        What the basis cost.
    residual_norms : (n_k, n_mu) float64 array or None
        Euclidean norms of what the Galerkin solution, with its pressure, leaves of momentum and mass at free
        dofs (`Solution.residual_norm`): known without a full-order solution. None where not asked for.
    """

    n_modes: tuple[int, ...]
    parameters: list[dict[str, float]]
    errors: FloatArray
    projection_errors: FloatArray
    converged: NDArray[np.bool_]
    linear_solves: int
    residual_norms: FloatArray | None = None

    @property
    def mean(self) -> FloatArray:
        """Mean error over the parameters, (n_k,)."""
        return np.asarray(self.errors.mean(axis=1))

    @property
    def max(self) -> FloatArray:
        """Largest error over the parameters, (n_k,)."""
        return np.asarray(self.errors.max(axis=1))

    @property
    def standard_error(self) -> FloatArray:
        """Standard error of the mean, (n_k,); zero for a single point."""
        count = self.errors.shape[1]
        if count < 2:
            return np.zeros(len(self.errors))
        return np.asarray(self.errors.std(axis=1, ddof=1) / np.sqrt(count))

    def __str__(self) -> str:
        heads = f"{'modes':>6} {'error (%), mean':>20} {'max':>8} {'best possible, mean':>20} {'max':>8}"
        if self.residual_norms is not None:
            heads += f" {'residual, mean':>15}"
        lines = [f"{heads}   {self.errors.shape[1]} points, {self.linear_solves} offline linear solves"]
        for index, k in enumerate(self.n_modes):
            best = 100 * self.projection_errors[index]
            mean = f"{100 * self.mean[index]:.3g} ± {100 * self.standard_error[index]:.2g}"
            line = f"{k:>6} {mean:>20} {100 * self.max[index]:>8.3g} {best.mean():>20.3g} {best.max():>8.3g}"
            if self.residual_norms is not None:
                line += f" {self.residual_norms[index].mean():>15.2e}"
            missing = int((~self.converged[index]).sum())
            lines.append(f"{line}   {missing} not converged" if missing else line)
        return "\n".join(lines)


def validate(
    basis: ReducedBasis,
    problem: NavierStokes,
    mus: Iterable[Mapping[str, float]],
    *,
    n_modes: Sequence[int] | None = None,
    reference: Sequence[Solution] | None = None,
    residuals: bool = True,
    progress: bool | None = None,
) -> Validation:
    """Compare reduced solutions with full-order ones.

    Parameters
    ----------
    basis : ReducedBasis
        What to validate.
    problem : NavierStokes
        Solves at ``mus`` where no reference is given.
    mus : iterable of mapping
        Parameters, best ones that the basis has not seen.
    n_modes : sequence of int, optional
        Numbers of leading modes; default all.
    reference : sequence of Solution, optional
        Full-order solutions of this problem at ``mus``, in order.
    residuals : bool
        Whether norms of residuals are computed too; they need the pressure, which doubles the time.
    progress : bool, optional
        False for no progress bar on a terminal.

    Returns
    -------
    Validation
        A query that does not converge counts with its last iterate and is flagged.

    Raises
    ------
    InvalidArgument
        If the problem is not the basis's, a number of modes is above the basis's, references are
        not solutions of this problem at ``mus``, or boundary data at a parameter are not in the span of the
        training data.

    Examples
    --------
    >>> from nonideal.physics import flow
    >>> problem = flow.cases.two_lid_cavity(n=6)
    >>> train = problem.snapshots(problem.parameters.grid(2))
    >>> basis = flow.ReducedBasis.fit(train)
    >>> found = flow.validate(basis, problem, problem.parameters.random(3, seed=0), n_modes=[2, 4])
    >>> found.errors.shape, bool((found.projection_errors <= found.errors).all()), found.converged.all()
    ((2, 3), True, np.True_)
    """
    if not isinstance(basis, ReducedBasis):
        raise InvalidArgument(f"basis: {type(basis).__name__} is not a ReducedBasis")
    basis.check_problem("problem", problem)
    parameters = [problem.named(mu, f"mus[{i}]") for i, mu in enumerate(check_iterable("mus", mus))]
    if not parameters:
        raise InvalidArgument("mus is empty")
    counts = (
        (basis.n_modes,)
        if n_modes is None
        else tuple(
            check_integer(f"n_modes[{i}]", k, 1) for i, k in enumerate(check_iterable("n_modes", n_modes))
        )
    )
    if not counts:
        raise InvalidArgument("n_modes is empty")
    bases = [basis.truncate(k) for k in counts]
    if reference is not None:
        reference = _checked(basis, parameters, list(check_iterable("reference", reference)))
    shape = len(counts), len(parameters)
    errors, best, converged = np.zeros(shape), np.zeros(shape), np.zeros(shape, dtype=bool)
    left = np.zeros(shape) if residuals else None
    with progress_bar("validation", len(parameters), show=progress is not False) as advance:
        for column, mu in enumerate(parameters):
            solution = problem.solve(mu) if reference is None else reference[column]
            exact = np.asarray(solution.velocity).ravel()
            size = _norm(problem, exact)
            if not size > 0:
                raise InvalidArgument(f"mus[{column}]: the velocity is zero; it has no relative error")
            for row, part in enumerate(bases):
                found, converged[row, column] = part.iterate(mu)
                errors[row, column] = _norm(problem, found.velocity.ravel() - exact) / size
                if left is not None:
                    left[row, column] = found.residual_norm
                nearest = part.project(solution)
                best[row, column] = _norm(problem, nearest.velocity.ravel() - exact) / size
            advance()
    return Validation(counts, parameters, errors, best, converged, basis.linear_solves, left)


def _checked(
    basis: ReducedBasis, parameters: Sequence[Mapping[str, float]], reference: Sequence[Any]
) -> Sequence[Solution]:
    """Return solutions of the basis's problem at these parameters (rounding is no difference)."""
    if len(reference) != len(parameters):
        raise InvalidArgument(f"reference: expected {len(parameters)} solutions, got {len(reference)}")
    scales = {name: max(abs(mu.get(name, 0.0)) for mu in parameters) for mu in parameters for name in mu}
    for index, (mu, solution) in enumerate(zip(parameters, reference, strict=True)):
        argument = f"reference[{index}]"
        if not isinstance(solution, Solution):
            raise InvalidArgument(f"{argument}: {type(solution).__name__} is not a Solution")
        basis.check_problem(argument, solution.problem)
        same = set(mu) == set(solution.mu) and all(
            abs(mu[name] - value) <= _ROUNDING * scales[name] for name, value in solution.mu.items()
        )
        if not same:
            raise InvalidArgument(
                f"{argument} is the solution at {words(solution.mu)}, not at mus[{index}], {words(mu)}"
            )
    return reference


def _norm(problem: NavierStokes, velocity: Any) -> float:
    return float(np.sqrt(velocity @ (problem.mass_matrix @ velocity)))
