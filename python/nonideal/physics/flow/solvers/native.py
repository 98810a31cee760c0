"""nonideal's own sparse LU: a pattern is analysed once, for matrices whose rows sit on a mesh."""

from __future__ import annotations

import warnings

import numpy as np

from nonideal import _core
from nonideal.checks import FloatArray, check_choice, check_int32, check_integer, check_threads
from nonideal.errors import ConvergenceError, InvalidArgument, NumericalError
from nonideal.physics.flow.solvers.base import DirectSolver
from nonideal.physics.flow.solvers.protocol import IntArray, Layout
from nonideal.physics.flow.solvers.superlu import SuperLU

__all__ = ["NativeLU"]

_BAD = 1e-10  # backward error that is refused, as in C++


class NativeLU(DirectSolver):
    """Multifrontal LU by nested dissection of the mesh, with partial pivoting within fronts.

    It takes matrices of structurally symmetric pattern whose rows sit on the nodes of a mesh and couple nodes
    of one element, such as those of Stokes, Oseen and Newton steps. `analyse` needs the `Layout`; its result
    serves all matrices of the pattern. Every solve computes its true residual and refines the solution.

    Where the backward error stays above 1e-10, the matrix is factorised anew by `SuperLU` with full pivoting;
    a warning tells once, and ``stats.fallbacks`` counts.

    Parameters
    ----------
    leaf_elements : int
        Elements that are not dissected further, at least 1.
    scaling : {"ruiz", "none"}
        Equilibrate rows and columns by powers of two before the factorisation, or not.
    refinement : int
        Most steps of iterative refinement, in [0, 100].
    num_threads : int, optional
        Threads of a factorisation, and of solves with more than 16 right-hand sides. Results have the same
        bits for every number.

    Raises
    ------
    InvalidArgument
        If an argument is out of range.

    Examples
    --------
    A pressure-like unknown on each vertex of two triangles:

    >>> import numpy as np
    >>> from nonideal.physics import flow
    >>> square = flow.solvers.Layout([[0, 1, 2], [0, 2, 3]], [[0, 0], [1, 0], [1, 1], [0, 1]], [0, 1, 2, 3])
    >>> solver = flow.solvers.NativeLU()
    >>> solver.analyse([0, 4, 7, 11, 14], [0, 1, 2, 3, 0, 1, 2, 0, 1, 2, 3, 0, 2, 3], square)
    >>> solver.factorize([4.0, 1, 1, 1, 1, 4, 1, 1, 1, 4, 1, 1, 1, 4])
    >>> solver.solve([7.0, 6, 7, 6]).round(12).tolist()
    [1.0, 1.0, 1.0, 1.0]
    """

    name = "native"

    def __init__(
        self,
        *,
        leaf_elements: int = 16,
        scaling: str = "ruiz",
        refinement: int = 3,
        num_threads: int | None = None,
    ) -> None:
        super().__init__()
        self._leaf_elements = check_int32("leaf_elements", check_integer("leaf_elements", leaf_elements, 1))
        self._equilibrate = check_choice("scaling", scaling, ("ruiz", "none")) == "ruiz"
        self._refinement = check_int32("refinement", check_integer("refinement", refinement, 0))
        self._num_threads = check_threads(num_threads)
        if self._refinement > 100:
            raise InvalidArgument(f"refinement = {refinement} is outside [0, 100]")
        self._pattern: tuple[IntArray, IntArray] | None = None
        self._analysis: _core.flow.Analysis | None = None
        self._lu: _core.flow.SparseLu | None = None
        self._safe: SuperLU | None = None
        self._failure = ConvergenceError("")
        self._warned = False

    def share(self) -> NativeLU:
        """Return another solver with the same options and analysis and its own factors, for another thread.

        Raises
        ------
        InvalidArgument
            If no pattern was analysed.
        """
        if self._analysis is None:
            raise InvalidArgument("share was called before analyse")
        other = NativeLU(
            leaf_elements=self._leaf_elements,
            scaling="ruiz" if self._equilibrate else "none",
            refinement=self._refinement,
            num_threads=self._num_threads or None,
        )
        other._pattern, other._analysis = self._pattern, self._analysis
        other._n, other._n_values = self._n, self._n_values
        other._make()
        return other

    def _analyse(self, indptr: IntArray, indices: IntArray, layout: Layout | None) -> None:
        self._analysis = self._lu = self._safe = None
        if layout is None:
            raise InvalidArgument(
                "layout: the native solver needs to know where rows sit on a mesh; "
                "solver 'superlu' takes any matrix"
            )
        self._analysis = _core.flow.Analysis(
            indptr,
            indices,
            elements=layout.elements,
            coordinates=layout.coordinates,
            node_of_row=layout.node_of_row,
            leaf_elements=self._leaf_elements,
        )
        self._pattern = indptr.copy(), indices.copy()
        self._make()

    def _make(self) -> None:
        assert self._analysis is not None
        self._lu = _core.flow.SparseLu(
            self._analysis,
            equilibrate=self._equilibrate,
            refinement=self._refinement,
            num_threads=self._num_threads,
        )
        self.stats.fill, self.stats.flops = self._analysis.fill, self._analysis.flops

    def _factorize(self, values: FloatArray) -> None:
        assert self._lu is not None
        self._safe = None
        self._lu.factorize(values)
        self.stats.perturbed_pivots += self._lu.perturbed_pivots
        self.stats.memory = self._lu.memory

    def _solve(self, rhs: FloatArray, transpose: bool) -> FloatArray:
        assert self._lu is not None
        if self._safe is None:
            solution = rhs.copy(order="C")
            try:
                report = self._lu.solve(solution, transpose=bool(transpose))
            except ConvergenceError as failure:
                self._fall_back(failure)
            else:
                self._count_error(report.backward_error)
                self.stats.refinements += report.refinements
                return solution
        assert self._safe is not None
        return self._solve_safely(rhs, transpose)

    def _fall_back(self, failure: ConvergenceError) -> None:
        """Factorise the matrix anew, by SuperLU."""
        assert self._lu is not None
        assert self._analysis is not None
        assert self._pattern is not None
        if not self._warned:
            self._warned = True
            warnings.warn(
                f"native: {failure}; such matrices are factorised by superlu, which is slower",
                RuntimeWarning,
                stacklevel=4,
            )
        safe = SuperLU(symmetric=False)
        safe.analyse(*self._pattern)
        try:
            safe.factorize(self._lu.values(self._analysis))
        except NumericalError as problem:
            raise ConvergenceError(f"native: {failure}; {problem}", failure.history) from None
        self.stats.fallbacks += 1
        self._safe, self._failure = safe, failure

    def _solve_safely(self, rhs: FloatArray, transpose: bool) -> FloatArray:
        """Solve by SuperLU and hold the result against the same bound."""
        assert self._lu is not None
        assert self._safe is not None
        history = self._failure.history
        try:
            solution = self._safe.solve(rhs, transpose=transpose)
        except NumericalError as problem:
            raise ConvergenceError(f"native: {self._failure}; {problem}", history) from None
        error = self._lu.backward_error(solution, np.ascontiguousarray(rhs), transpose=bool(transpose))
        if not error <= _BAD:
            raise ConvergenceError(
                f"native: {self._failure}; superlu: the backward error is {error}", (*history, error)
            )
        self._count_error(error)
        return solution

    def _count_error(self, error: float) -> None:
        self.stats.backward_error = float(np.fmax(self.stats.backward_error, error))  # NaN before the first
