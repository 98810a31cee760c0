"""What a solver returns, and the error of a field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nonideal.checks import FloatArray, check_finite
from nonideal.errors import ConvergenceError, InvalidArgument
from nonideal.physics.mechanics.structure import IntArray

__all__ = ["History", "Reason", "Solution", "relative_change", "relative_rms"]

Reason: TypeAlias = Literal["fixed point", "changed fraction", "penalty", "max iterations", "residual"]


@dataclass(frozen=True, eq=False)
class History:
    """One entry per iteration: of a data-driven solver, one projection and one search.

    Newton's method with a law leaves penalties and changes at zero and ``assignment`` without columns.

    Parameters
    ----------
    penalty : (n_iterations,) float64 ndarray
        Weighted sum of the penalties of that iterate against the points just chosen; an energy.
    changed : (n_iterations,) float64 ndarray
        Fraction of integration points whose data point differs from the one they were projected with.
    displacement_change : (n_iterations,) float64 ndarray
        Norm of the displacement's change relative to the displacement.
    assignment : (n_iterations, n_points) int64 ndarray
        The points just chosen.
    wrong : (n_iterations, n_points) bool ndarray or None
        Whether the chosen point is farther than the nearest one; None without audit.
    distance_ratio : (n_iterations,) float64 ndarray or None
        Weighted root mean square distance to the chosen points over that to the nearest ones, at least 1;
        None without audit.
    """

    penalty: FloatArray
    changed: FloatArray
    displacement_change: FloatArray
    assignment: IntArray
    wrong: NDArray[np.bool_] | None = None
    distance_ratio: FloatArray | None = None

    @property
    def wrong_fraction(self) -> FloatArray | None:
        """Fraction of integration points with a wrong neighbour, (n_iterations,); None without audit."""
        return None if self.wrong is None else np.asarray(self.wrong.mean(axis=1))


@dataclass(frozen=True, eq=False)
class Solution:
    """Fields in equilibrium, and how they were found. Strain and stress are Mandel vectors.

    Parameters
    ----------
    displacement : (n_dofs,) float64 ndarray
        In the user's unit of length.
    strain, stress : (n_points, n_strain) float64 ndarray
        At the integration points.
    local_penalty : (n_points,) float64 ndarray
        Penalty of each integration point against its data point, in the unit of stress; 0 from a law.
    penalty : float
        Their weighted sum.
    assignment : (n_points,) int64 ndarray or None
        Data point of each integration point; None from a law.
    reactions : (n_dofs,) float64 ndarray
        Forces of the supports, zero elsewhere.
    reason : str
        Why the iteration ended: "fixed point" (no data point changed), "changed fraction" (few enough did),
        "penalty" (it fell no more), "residual" (Newton's iteration converged) or "max iterations".
    n_iterations, best_iteration : int
        How many there were, and which one (from 0) is returned: that of lowest penalty.
    history : History
        Iteration by iteration.
    seed : int or None
        Of a random start.
    """

    displacement: FloatArray
    strain: FloatArray
    stress: FloatArray
    local_penalty: FloatArray
    penalty: float
    assignment: IntArray | None
    reactions: FloatArray
    reason: Reason
    n_iterations: int
    best_iteration: int
    history: History
    seed: int | None = None

    @property
    def converged(self) -> bool:
        """Whether the iteration ended by itself; with a noisy search it may well not."""
        return self.reason != "max iterations"

    def require_converged(self) -> Self:
        """Return the solution itself.

        Raises
        ------
        ConvergenceError
            If the iteration ran into its limit; it carries the penalties of all iterations.
        """
        if self.converged:
            return self
        changed = self.history.changed[-1]
        raise ConvergenceError(
            f"{self.n_iterations} iterations, and still {changed:.3g} of the points change: raise "
            "max_iterations or, where the search is noisy, changed_tolerance and patience",
            self.history.penalty.tolist(),
        )


def relative_change(now: FloatArray, before: FloatArray) -> float:
    """Return the norm of a change relative to what came of it; 0 where that is zero."""
    size = np.linalg.norm(now)
    return float(np.linalg.norm(now - before) / size) if size else 0.0


def relative_rms(field: ArrayLike, reference: ArrayLike, weights: ArrayLike) -> float:
    """Return the weighted relative root mean square error, sqrt(sum w |x - r|^2 / sum w |r|^2).

    Parameters
    ----------
    field, reference : (m,) or (m, d) array_like
        What is judged, and what it should be.
    weights : (m,) array_like
        A `Structure`'s weights, > 0.

    Raises
    ------
    InvalidArgument
        If shapes do not agree, a number is not finite, a weight is not > 0 or the reference is zero.

    Examples
    --------
    >>> from nonideal.physics import mechanics
    >>> round(mechanics.relative_rms([1.0, 2.1], [1.0, 2.0], [1.0, 1.0]), 6)
    0.044721
    """
    ours, wanted = check_finite("field", field), check_finite("reference", reference)
    volume = check_finite("weights", weights)
    if wanted.ndim not in (1, 2) or ours.shape != wanted.shape:
        raise InvalidArgument(f"field has shape {ours.shape}, reference {wanted.shape}")
    if volume.shape != wanted.shape[:1]:
        raise InvalidArgument(f"weights has shape {volume.shape}, not {wanted.shape[:1]}")
    if (bad := np.flatnonzero(volume <= 0)).size:
        raise InvalidArgument(f"weights[{bad[0]}] = {volume[bad[0]]} is not > 0")
    scale = np.abs(wanted).max(initial=0.0)
    if not scale > 0:
        raise InvalidArgument("reference is zero everywhere: a relative error has no meaning")

    def square(values: FloatArray) -> float:
        return float(volume @ np.sum((values / scale).reshape(len(volume), -1) ** 2, axis=1))

    return float(np.sqrt(square(ours - wanted) / square(wanted)))
