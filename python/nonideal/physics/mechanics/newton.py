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
        Of the residual forces, relative to forces and reactions, > 0.
    max_iterations : int
        At least 1.

    Returns
    -------
    Solution
        Without data points: ``assignment`` is None.

    Raises
    ------
    InvalidArgument
        If an argument is out of range, the structure is not held, or the law returns other shapes.
    ConvergenceError
        If the residual does not fall below the tolerance; it carries the relative residuals.

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
    operator, free, fixed = structure.strain_operator, supports.free, supports.fixed
    shape = (structure.n_points, structure.n_strain)

    def respond(displacement: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, float]:
        """Return strain, stress, tangent, residual forces and their norm relative to forces and reactions."""
        strain = (operator @ displacement).reshape(shape)
        stress, tangent = law(strain)
        if np.shape(stress) != shape or np.shape(tangent) != (*shape, shape[1]):
            raise InvalidArgument(
                f"law returned shapes {np.shape(stress)} and {np.shape(tangent)}, not {shape} "
                f"and {(*shape, shape[1])}"
            )
        inner = operator.T @ (structure.weights[:, None] * stress).ravel()
        residual = forces - inner
        scale = max(np.linalg.norm(forces), np.linalg.norm(inner[fixed]), np.finfo(float).tiny)
        return strain, stress, tangent, residual, float(np.linalg.norm(residual[free]) / scale)

    displacement: FloatArray = np.zeros(structure.n_dofs)
    strain, stress, tangent, residual, error = respond(displacement)
    errors: list[float] = []
    changes: list[float] = []
    for iteration in range(max_iterations):
        # The prescribed displacements enter by the first step, which is therefore taken whole.
        jump = (supports.values - displacement[fixed])[:, None]
        factor = Factor(stiffness_matrix(structure, tangent), supports)
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
