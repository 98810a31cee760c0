"""A grid of states as a smooth law: the reference of a data-driven solution, without solving cells again."""

from __future__ import annotations

from functools import reduce

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline, make_interp_spline

from nonideal.checks import FloatArray
from nonideal.errors import InvalidArgument
from nonideal.physics.mechanics.database import MaterialDatabase
from nonideal.physics.mechanics.laws import check_strain

__all__ = ["InterpolatedLaw"]

_DEGREE = 3


class InterpolatedLaw:
    """Cubic tensor-product spline through a data base whose strains form a tensor grid.

    Stress passes through every point; the tangent is the spline's own derivative. Outside the grid the
    outermost polynomials go on, which is good for a little way only: see `outside`.

    Parameters
    ----------
    database : MaterialDatabase
        Its strains are the points of a tensor grid, in any order, at least 2 per axis (fewer than 4 lower
        the degree).

    Raises
    ------
    InvalidArgument
        If they are not.

    Examples
    --------
    >>> import numpy as np
    >>> from nonideal.physics import mechanics
    >>> steel = mechanics.RambergOsgood(young=200e9, reference_stress=250e6, alpha=0.5, exponent=5)
    >>> database = mechanics.MaterialDatabase.from_law(steel, 101, max_stress=450e6)
    >>> law = mechanics.InterpolatedLaw(database)
    >>> stress, tangent = law(np.array([[0.002]]))
    >>> abs(float(stress[0, 0] / steel.stress([0.002])[0]) - 1) < 1e-5
    True
    """

    def __init__(self, database: MaterialDatabase) -> None:
        strain, stress = database.strain, database.stress
        found = [np.unique(column, return_inverse=True) for column in strain.T]
        self.axes: tuple[FloatArray, ...] = tuple(values for values, _ in found)
        shape = tuple(len(axis) for axis in self.axes)
        place = np.ravel_multi_index(tuple(index for _, index in found), shape)
        order = np.argsort(place)
        complete = len(place) == np.prod(shape) and np.array_equal(place[order], np.arange(len(place)))
        if not complete or min(shape) < 2:
            raise InvalidArgument(
                f"database has {len(database)} points with {' x '.join(map(str, shape))} different "
                "components of strain; they form no tensor grid"
            )
        values = stress[order].reshape(*shape, -1)
        self._knots: list[tuple[FloatArray, int]] = []
        for number, axis in enumerate(self.axes):
            degree = min(_DEGREE, len(axis) - 1)
            spline = make_interp_spline(axis, values, degree, axis=number)
            # The spline has its coefficients along the first axis, whichever axis it interpolates.
            values = np.moveaxis(spline.c, 0, number)
            self._knots.append((spline.t, degree))
        self._coefficients = np.ascontiguousarray(values)

    def __call__(self, strain: FloatArray, /) -> tuple[FloatArray, FloatArray]:
        """Return stress (m, d) and tangent (m, d, d) at strain (m, d)."""
        d = len(self.axes)
        eps = check_strain(strain, (d,), "InterpolatedLaw")
        values = [self._weights(number, eps[:, number], 0) for number in range(d)]
        slopes = [self._weights(number, eps[:, number], 1) for number in range(d)]
        stress = self._combine(values)
        tangent = [self._combine([*values[:j], slopes[j], *values[j + 1 :]]) for j in range(d)]
        return stress, np.stack(tangent, axis=-1)

    def outside(self, strain: FloatArray) -> NDArray[np.bool_]:
        """Return which of the strains (m, d) lie outside the grid."""
        eps = check_strain(strain, (len(self.axes),), "InterpolatedLaw")
        ends = np.array([(axis[0], axis[-1]) for axis in self.axes])
        return np.asarray(np.any((eps < ends[:, 0]) | (eps > ends[:, 1]), axis=1))

    def _weights(self, number: int, x: FloatArray, derivative: int) -> FloatArray:
        """Return what each coefficient of an axis counts (m, n), or its derivative."""
        knots, degree = self._knots[number]
        return np.asarray(BSpline(knots, np.eye(len(knots) - degree - 1), degree)(x, nu=derivative))

    def _combine(self, weights: list[FloatArray]) -> FloatArray:
        """Return sum over a, b, ... of w1[m, a] w2[m, b] ... coefficients[a, b, ..., k]."""
        first = np.tensordot(weights[0], self._coefficients, axes=1)
        return np.asarray(
            reduce(lambda part, weight: np.einsum("ma,ma...->m...", weight, part), weights[1:], first)
        )
