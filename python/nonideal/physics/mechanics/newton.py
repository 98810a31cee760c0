"""The classical solver: equilibrium of a material law, by Newton's method."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from nonideal.checks import FloatArray, check_integer, check_positive
from nonideal.errors import ConvergenceError, InvalidArgument
from nonideal.physics.mechanics.laws import Law
from nonideal.physics.mechanics.solution import History, Solution, relative_change
from nonideal.physics.mechanics.structure import Structure
from nonideal.physics.mechanics.system import Factor, Supports, check_force, stiffness_matrix

__all__ = ["solve_law"]

_HALVINGS = 12  # of a step that makes the residual larger
_ROUND_OFF = 8 * np.finfo(float).eps  # of the terms that add up to a nodal force


def solve_law(
    structure: Structure,
    law: Law,
    force: ArrayLike | None = None,
    fixed_dofs: ArrayLike = (),
    fixed_values: ArrayLike = 0.0,
    *,
    tolerance: float = 1e-10,
    max_iterations: int = 50,
) -> Solution:
    """Return the solution of finite elements whose material is a law: the reference of a data-driven one.

    Parameters
    ----------
    structure : Structure
        The discretised body.
    law : callable
        From strain (m, d) to stress (m, d) and tangent (m, d, d), Mandel; `RambergOsgood` and others.
    force : (n_dofs,) array_like, optional
        Nodal forces.
    fixed_dofs : (k,) array_like of int
        Degrees of freedom with a prescribed displacement.
    fixed_values : float or (k,) array_like
        Their displacements.
    tolerance : float
        Of the residual forces, relative to forces and reactions, > 0. Round-off is never asked to vanish.
    max_iterations : int
        At least 1.

    Returns
    -------
    Solution
        Without data points: ``assignment`` is None.

    Raises
    ------
    InvalidArgument
        If an argument is out of range, the structure is not held, the law returns other shapes, or at zero
        strain no finite stress or no positive definite tangent.
    ConvergenceError
        If the residual does not fall below the tolerance, or the law is not finite or has a singular tangent
        on the way; it carries the relative residuals.

    Examples
    --------
    >>> from nonideal.physics import mechanics
    >>> bar = mechanics.Structure.bar(length=1.0, area=2.0, n_elements=2)
    >>> solution = mechanics.solve_law(bar, mechanics.LinearElastic(young=10.0), [0, 0, 4.0], [0])
    >>> solution.displacement.round(9).tolist(), solution.stress.round(9).tolist()
    ([0.0, 0.1, 0.2], [[2.0], [2.0]])
    """
    supports = Supports.of(structure, fixed_dofs, fixed_values)
    forces = check_force(structure, force)
    tolerance = check_positive("tolerance", tolerance)
    max_iterations = check_integer("max_iterations", max_iterations, 1)
    if not callable(law):
        raise InvalidArgument(f"law = {law!r} is not callable")
    operator, free, fixed = structure.strain_operator, supports.free, supports.fixed
    size_operator = abs(operator)
    shape = (structure.n_points, structure.n_strain)
    name = getattr(law, "__name__", type(law).__name__)

    def respond(displacement: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, float]:
        """Return strain, stress, tangent, residual forces and their relative norm: infinite if not finite."""
        strain = (operator @ displacement).reshape(shape)
        stress, tangent = law(strain)
        if np.shape(stress) != shape or np.shape(tangent) != (*shape, shape[1]):
            raise InvalidArgument(
                f"law returned shapes {np.shape(stress)} and {np.shape(tangent)}, not {shape} "
                f"and {(*shape, shape[1])}"
            )
        inner = operator.T @ (structure.weights[:, None] * stress).ravel()
        residual = forces - inner
        if not (np.isfinite(residual).all() and np.isfinite(tangent).all()):
            return strain, stress, tangent, residual, np.inf
        # Where true forces vanish, as in a rigid motion, what is left is the round-off of these terms.
        terms = (size_operator @ np.abs(displacement)).reshape(shape)
        terms = structure.weights[:, None] * np.einsum("pij,pj->pi", np.abs(tangent), terms)
        noise = _ROUND_OFF / tolerance * np.linalg.norm(size_operator.T @ terms.ravel())
        scale = max(np.linalg.norm(forces), np.linalg.norm(inner[fixed]), noise, np.finfo(float).tiny)
        return strain, stress, tangent, residual, float(np.linalg.norm(residual[free]) / scale)

    displacement: FloatArray = np.zeros(structure.n_dofs)
    strain, stress, tangent, residual, error = respond(displacement)
    if not np.isfinite(error):
        raise InvalidArgument(f"law {name} has a stress or tangent that is not finite at zero strain")
    errors: list[float] = []
    changes: list[float] = []
    for iteration in range(max_iterations):
        # The prescribed displacements enter by the first step, which is therefore taken whole.
        jump = (supports.values - displacement[fixed])[:, None]
        try:
            factor = Factor(stiffness_matrix(structure, tangent), supports)
        except InvalidArgument:
            if iteration:
                raise ConvergenceError(
                    f"Newton's method: the tangent of law {name} is singular or indefinite after iteration "
                    f"{iteration}; the largest strain is {np.abs(strain).max():.3g}",
                    errors,
                ) from None
            if np.linalg.eigvalsh(tangent + tangent.transpose(0, 2, 1)).min() <= 0.0:
                raise InvalidArgument(
                    f"law {name} has a tangent that is not positive definite at zero strain"
                ) from None
            raise
        step = factor.solve(residual[:, None], jump, supports)[:, 0]
        for _ in range(_HALVINGS + 1 if iteration else 1):
            trial = displacement + step
            response = respond(trial)
            if response[-1] < error:
                break
            step = step / 2
        changes.append(relative_change(trial, displacement))
        displacement = trial
        displacement[fixed] = supports.values
        strain, stress, tangent, residual, error = response
        errors.append(error)
        if not np.isfinite(error):
            raise ConvergenceError(
                f"Newton's method: the stress or tangent of law {name} is not finite in iteration "
                f"{iteration + 1}; the largest strain is {np.abs(strain).max():.3g}",
                errors,
            )
        if error <= tolerance:
            break
    else:
        raise ConvergenceError(
            f"Newton's method: residual {error:.3g} of the forces after {max_iterations} iterations, more "
            f"than tolerance = {tolerance:g}; the largest strain is {np.abs(strain).max():.3g}",
            errors,
        )
    reactions = np.zeros(structure.n_dofs)
    reactions[fixed] = -residual[fixed]
    return Solution(
        displacement=displacement,
        strain=strain,
        stress=stress,
        local_penalty=np.zeros(structure.n_points),
        penalty=0.0,
        assignment=None,
        reactions=reactions,
        reason="residual",
        n_iterations=len(errors),
        best_iteration=len(errors) - 1,
        history=History(
            penalty=np.zeros(len(errors)),
            changed=np.zeros(len(errors)),
            displacement_change=np.array(changes),
            assignment=np.empty((len(errors), 0), dtype=np.int64),
        ),
    )
