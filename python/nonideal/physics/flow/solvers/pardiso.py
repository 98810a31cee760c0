"""MKL's PARDISO, where pypardiso is installed."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
from scipy import sparse

from nonideal import _core
from nonideal.checks import FloatArray, check_finite
from nonideal.errors import InvalidArgument, NumericalError
from nonideal.physics.flow.solvers.base import DirectSolver
from nonideal.physics.flow.solvers.protocol import IntArray, Layout

__all__ = ["Pardiso"]

# Phases and entries of iparm (counted from 1) as MKL's manual numbers them.
_ANALYSE, _FACTORIZE, _SOLVE = 11, 22, 33
_NOT_DEFAULTS, _TRANSPOSED, _KILOBYTES, _FILL, _MEGAFLOPS = 1, 12, 17, 18, 19
_REAL_UNSYMMETRIC = 11


class Pardiso(DirectSolver):
    """MKL's PARDISO through pypardiso, which is installed apart: ``pip install pypardiso``.

    Its matching and scaling look at values, so the pattern is analysed together with the first matrix, and
    that analysis serves all later ones. Its number of threads is MKL's own (``MKL_NUM_THREADS``).

    Raises
    ------
    InvalidArgument
        If pypardiso is not installed, or does not find MKL.
    """

    name = "pardiso"

    def __init__(self) -> None:
        super().__init__()
        if not self.is_available():
            raise InvalidArgument("solver 'pardiso' needs pypardiso; `pip install pypardiso` brings it")
        try:
            import pypardiso
        except ImportError as problem:  # it is there, but MKL is not
            raise InvalidArgument(f"solver 'pardiso' cannot be loaded: {problem}") from None

        self._module: Any = pypardiso
        self._handle: Any = None
        self._matrix: Any = None
        self._analysed = False

    @staticmethod
    def is_available() -> bool:
        """Return whether pypardiso is installed."""
        return importlib.util.find_spec("pypardiso") is not None

    def _analyse(self, indptr: IntArray, indices: IntArray, layout: Layout | None) -> None:
        _core.flow.check_pattern(indptr, indices)
        self._release()
        shape = (len(indptr) - 1,) * 2
        self._matrix = sparse.csr_matrix((np.zeros(len(indices)), indices.copy(), indptr.copy()), shape=shape)
        self._analysed = False

    def _factorize(self, values: FloatArray) -> None:
        self._matrix.data[:] = check_finite("values", values)
        if not self._matrix.shape[0]:
            return
        if not np.diff(self._matrix.indptr).all():  # MKL reads beyond its arrays there
            raise NumericalError("pardiso: a row has no entries; the matrix is singular")
        if not self._analysed:
            self._release()
            self._handle = self._module.PyPardisoSolver(mtype=_REAL_UNSYMMETRIC)
            self._call(_ANALYSE)  # fills iparm with its defaults
            self._handle.iparm[_NOT_DEFAULTS - 1] = 1
            self._handle.iparm[[_FILL - 1, _MEGAFLOPS - 1]] = -1  # asks for them
            self._call(_ANALYSE)
            self._analysed = True
        self._call(_FACTORIZE)
        self.stats.fill = int(self._handle.iparm[_FILL - 1])
        self.stats.flops = 1e6 * float(self._handle.iparm[_MEGAFLOPS - 1])
        self.stats.memory = 1024 * int(self._handle.iparm[_KILOBYTES - 1])

    def _solve(self, rhs: FloatArray, transpose: bool) -> FloatArray:
        if not rhs.size:
            return np.zeros_like(rhs)
        self._handle.iparm[_TRANSPOSED - 1] = 2 if transpose else 0
        solution = self._call(_SOLVE, np.asfortranarray(rhs))
        if not np.isfinite(solution).all():
            raise NumericalError("pardiso: the solution is not finite; the matrix is singular")
        return solution

    def _call(self, phase: int, rhs: FloatArray | None = None) -> FloatArray:
        self._handle.set_phase(phase)
        try:
            solution: FloatArray = self._handle._call_pardiso(
                self._matrix, np.zeros((self._matrix.shape[0], 1)) if rhs is None else rhs
            )
        except self._module.pardiso_wrapper.PyPardisoError as problem:
            raise NumericalError(f"pardiso: {problem}") from None
        return solution

    def _release(self) -> None:
        if self._handle is not None:
            self._handle.free_memory(everything=True)
            self._handle = None

    def __del__(self) -> None:
        if getattr(self, "_handle", None) is not None:
            self._release()
