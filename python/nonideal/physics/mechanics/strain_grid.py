"""A tensor grid of strains, and which of its points follow from others by symmetry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nonideal.checks import FloatArray, check_finite, check_integer, check_positive
from nonideal.errors import InvalidArgument

__all__ = ["StrainGrid"]


@dataclass(frozen=True)
class StrainGrid:
    """Strains (E11, E22, sqrt2 E12) on a tensor grid that is symmetric about zero and contains it.

    Parameters
    ----------
    axes : tuple of three (n_axis,) arrays
        Values of each component, rising.
    """

    axes: tuple[FloatArray, FloatArray, FloatArray]

    @classmethod
    def graded(cls, half_widths: Sequence[float], n_axis: int, grading: float) -> StrainGrid:
        """Return the grid of half_width * sign(t) |t|^grading, t equally spaced in [-1, 1].

        Raises
        ------
        InvalidArgument
            If an argument is out of range, or the grid would not contain zero.
        """
        widths = check_finite("half_widths", half_widths)
        if widths.shape != (3,):
            raise InvalidArgument(f"half_widths has shape {widths.shape}, not (3,)")
        for index, width in enumerate(widths):
            check_positive(f"half_widths[{index}]", float(width))
        count = check_integer("n_axis", n_axis, 3, 15)
        if count % 2 == 0:
            raise InvalidArgument(f"n_axis = {count} is even; the grid must contain zero")
        power = check_positive("grading", grading)
        right = np.linspace(0.0, 1.0, count // 2 + 1) ** power
        ticks = np.concatenate([-right[:0:-1], right])  # exactly symmetric
        return cls((widths[0] * ticks, widths[1] * ticks, widths[2] * ticks))

    @property
    def points(self) -> FloatArray:
        """All strains (n_axis^3, 3), the last component fastest."""
        return np.stack(np.meshgrid(*self.axes, indexing="ij"), axis=-1).reshape(-1, 3)

    def representatives(self) -> NDArray[np.int64]:
        """Return the points from which all others follow: the first of each orbit."""
        first, _ = self._orbits()
        return np.unique(first)

    def expand(self, stress: FloatArray) -> FloatArray:
        """Return the stress at all points (n_axis^3, 3) from that at the representatives (k, 3).

        The law is odd, stress(-E) = -stress(E); and the cell is its own mirror image, so that E12 -> -E12
        flips s12 alone.
        """
        first, sign = self._orbits()
        return np.asarray(stress[np.unique(first, return_inverse=True)[1]] * sign)

    def _orbits(self) -> tuple[NDArray[np.int64], FloatArray]:
        """Return for each point the first of its images (N,), and the factors (N, 3), 1, -1 or 0, back."""
        n = len(self.axes[0])
        place = np.stack(np.meshgrid(*3 * [np.arange(n)], indexing="ij"), axis=-1).reshape(-1, 3)
        odd, mirror = np.array([-1, -1, -1]), np.array([1, 1, -1])
        own = np.ravel_multi_index(tuple(place.T), (n, n, n))
        first, sign, alive = own.copy(), np.ones((n**3, 3)), np.ones((n**3, 3))
        for flips in (odd, mirror, odd * mirror):
            # Which components change sign is the same for strain and stress.
            image = np.ravel_multi_index(tuple(np.where(flips < 0, n - 1 - place, place).T), (n, n, n))
            closer = image < first
            first[closer] = image[closer]
            sign[closer] = flips
            alive[image == own] *= flips > 0  # what flips is zero where the point is its own image
        return first, sign * alive
