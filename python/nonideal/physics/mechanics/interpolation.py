"""A grid of states as a smooth law: the reference of a data-driven solution, without solving cells again."""

from __future__ import annotations

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
        found = [self._weights(number, eps[:, number]) for number in range(d)]
        # Each strain sees few coefficients (a, b, ..., component), at most four along an axis.
        shape = (len(eps), *(weights.shape[2] for _, weights in found))
        place = tuple(
            first.reshape(-1, *(1,) * d) + np.arange(shape[1 + axis]).reshape(-1, *(1,) * (d - 1 - axis))
            for axis, (first, _) in enumerate(found)
        )
        parts: dict[tuple[int, ...], FloatArray] = {
            (): self._coefficients[place]
        }  # by the axes along which a derivative was taken
        for axis, (_, weights) in enumerate(found):
            # Values along this axis for all parts, its derivative for the one that has none yet.
            combined = {key: _contract(weights[0], part) for key, part in parts.items()}
            combined[(axis,)] = _contract(weights[1], parts[()])
            parts = combined
        return parts[()], np.stack([parts[(axis,)] for axis in range(d)], axis=-1)

    def outside(self, strain: FloatArray) -> NDArray[np.bool_]:
        """Return which of the strains (m, d) lie outside the grid."""
        eps = check_strain(strain, (len(self.axes),), "InterpolatedLaw")
        ends = np.array([(axis[0], axis[-1]) for axis in self.axes])
        return np.asarray(np.any((eps < ends[:, 0]) | (eps > ends[:, 1]), axis=1))

    def _weights(self, number: int, x: FloatArray) -> tuple[NDArray[np.int64], FloatArray]:
        """Return the first coefficient (m,) that each x sees along an axis, and weights (2, m, degree + 1).

        Weights of the value, and of its derivative.
        """
        knots, degree = self._knots[number]
        count = len(knots) - degree - 1
        last = np.clip(np.searchsorted(knots, x, side="right") - 1, degree, count - 1)
        spline = BSpline(knots, np.eye(count), degree)
        seen = (last - degree)[:, None] + np.arange(degree + 1)
        weights = [np.take_along_axis(spline(x, nu=order), seen, axis=1) for order in (0, 1)]
        return last - degree, np.stack(weights)


def _contract(weights: FloatArray, part: FloatArray) -> FloatArray:
    """Return sum over a of weights[m, a] part[m, a, ...]."""
    size = part.shape[1]
    combined = np.matmul(weights[:, None, :], part.reshape(len(part), size, -1))
    return np.asarray(combined.reshape(len(part), *part.shape[2:]))
