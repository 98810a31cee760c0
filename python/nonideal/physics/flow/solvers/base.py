"""What the solvers share: the order of the calls, the checks of their arguments, the counting."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nonideal.checks import FloatArray, check_finite
from nonideal.errors import InvalidArgument
from nonideal.physics.flow.solvers.protocol import IntArray, Layout, SolverStats, as_int32

__all__ = ["DirectSolver"]


class DirectSolver(ABC):
    """A solver by factorisation; a subclass does the work on checked arrays."""

    name: str

    def __init__(self) -> None:
        self.stats = SolverStats(self.name)
        self._n = -1
        self._n_values = 0
        self._factorized = False

    def analyse(self, indptr: ArrayLike, indices: ArrayLike, layout: Layout | None = None) -> None:
        """Prepare for matrices with this pattern.

        Parameters
        ----------
        indptr : (n + 1,) array_like of int
            Where each row begins in ``indices``.
        indices : (n_values,) array_like of int
            Columns, ascending in each row.
        layout : Layout, optional
            Where the rows sit on a mesh.

        Raises
        ------
        InvalidArgument
            If the pattern is not a square matrix's.
        """
        if layout is not None and not isinstance(layout, Layout):
            raise InvalidArgument(f"layout: {type(layout).__name__} is not a Layout")
        starts, columns = as_int32("indptr", indptr, 1), as_int32("indices", indices, 1)
        with self.stats.timed("analyse"):
            self._n, self._factorized = -1, False
            self._analyse(starts, columns, layout)
        self._n, self._n_values = len(starts) - 1, len(columns)
        self.stats.analyses += 1

    def factorize(self, values: ArrayLike) -> None:
        """Factorise the matrix that has these values in the analysed pattern.

        Parameters
        ----------
        values : (n_values,) array_like
            They are copied where they must be kept.

        Raises
        ------
        InvalidArgument
            If no pattern was analysed, or the values are not as many finite numbers as it has.
        NumericalError
            If the matrix is singular, where the solver notices it here.
        """
        if self._n < 0:
            raise InvalidArgument("factorize was called before analyse")
        numbers = as_float("values", values)
        if numbers.shape != (self._n_values,):
            raise InvalidArgument(f"values: expected shape ({self._n_values},), got {numbers.shape}")
        with self.stats.timed("factorize"):
            self._factorized = False
            self._factorize(numbers)
        self._factorized = True
        self.stats.factorizations += 1

    def solve(self, rhs: ArrayLike, *, transpose: bool = False) -> FloatArray:
        """Return x with A x = rhs, or with A^T x = rhs where ``transpose`` is set.

        Parameters
        ----------
        rhs : (n,) or (n, n_rhs) array_like
            Right-hand sides.
        transpose : bool
            Solve with the transposed matrix: adjoints.

        Returns
        -------
        (n,) or (n, n_rhs) float64 array
            A new one.

        Raises
        ------
        InvalidArgument
            If no matrix was factorised, or ``rhs`` has another length or numbers that are not finite.
        NumericalError
            If the matrix is singular, where the solver notices it here.
        """
        if not self._factorized:
            raise InvalidArgument("solve was called before factorize")
        numbers = check_finite("rhs", rhs)
        if numbers.ndim not in (1, 2) or len(numbers) != self._n:
            raise InvalidArgument(
                f"rhs: expected shape ({self._n},) or ({self._n}, n_rhs), got {numbers.shape}"
            )
        with self.stats.timed("solve"):
            solution = self._solve(numbers, transpose)
        self.stats.solves += 1
        return solution

    @abstractmethod
    def _analyse(self, indptr: IntArray, indices: IntArray, layout: Layout | None) -> None:
        """Check the pattern and prepare for it."""

    @abstractmethod
    def _factorize(self, values: FloatArray) -> None:
        """Check that the values are finite, and factorise."""

    @abstractmethod
    def _solve(self, rhs: FloatArray, transpose: bool) -> FloatArray:
        """Solve."""


def as_float(name: str, values: Any) -> FloatArray:
    """Return real numbers as a contiguous float64 array; a copy only where they aren't one."""
    array = np.asarray(values)
    if array.dtype.kind not in "iuf":
        raise InvalidArgument(f"{name} has dtype {array.dtype}, not a real number's")
    return np.require(array, dtype=np.float64, requirements=["C", "A"])
