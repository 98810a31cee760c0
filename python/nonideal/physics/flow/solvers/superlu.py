"""SciPy's SuperLU: always there, takes any square matrix, and keeps nothing of a pattern."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse import linalg

from nonideal import _core
from nonideal.checks import FloatArray, check_finite
from nonideal.errors import NumericalError
from nonideal.physics.flow.solvers.base import DirectSolver
from nonideal.physics.flow.solvers.protocol import IntArray, Layout

__all__ = ["SuperLU"]


class SuperLU(DirectSolver):
    """SuperLU in its symmetric mode: minimum degree on A + A^T, the diagonal preferred as pivot.

    On Oseen matrices this is about three times faster than SciPy's default. Explicit zeros are dropped
    first: they cost fill.

    Parameters
    ----------
    symmetric : bool
        False for what SciPy does by default: columns ordered by COLAMD, full row pivoting; slower and safer.

    Examples
    --------
    >>> import numpy as np
    >>> from nonideal.physics import flow
    >>> solver = flow.solvers.SuperLU()
    >>> solver.analyse([0, 2, 4], [0, 1, 0, 1])
    >>> solver.factorize([2.0, 1.0, 1.0, 3.0])
    >>> solver.solve([5.0, 10.0]).round(12).tolist()
    [1.0, 3.0]
    """

    name = "superlu"

    def __init__(self, *, symmetric: bool = True) -> None:
        super().__init__()
        self._options: dict[str, object] = (
            {
                "permc_spec": "MMD_AT_PLUS_A",
                "diag_pivot_thresh": 1e-3,
                "options": {"SymmetricMode": True},
            }
            if symmetric
            else {"permc_spec": "COLAMD", "diag_pivot_thresh": 1.0}
        )
        self._pattern: tuple[IntArray, IntArray] | None = None
        self._lu: linalg.SuperLU | None = None

    def _analyse(self, indptr: IntArray, indices: IntArray, layout: Layout | None) -> None:
        _core.flow.check_pattern(indptr, indices)
        self._pattern, self._lu = (indptr.copy(), indices.copy()), None

    def _factorize(self, values: FloatArray) -> None:
        assert self._pattern is not None
        indptr, indices = self._pattern
        check_finite("values", values)
        # tocsc copies, so dropping zeros there leaves the caller's values and our pattern alone.
        matrix = sparse.csr_array((values, indices, indptr), shape=(len(indptr) - 1,) * 2).tocsc()
        matrix.eliminate_zeros()
        self._lu = None
        if not matrix.shape[0]:
            return
        try:
            self._lu = linalg.splu(matrix, **self._options)
        except RuntimeError as problem:  # "Factor is exactly singular"
            raise NumericalError(f"superlu: {problem}") from None
        self.stats.fill = int(self._lu.nnz)

    def _solve(self, rhs: FloatArray, transpose: bool) -> FloatArray:
        if self._lu is None or not rhs.size:
            return np.zeros_like(rhs)
        solution: FloatArray = np.ascontiguousarray(self._lu.solve(rhs, "T" if transpose else "N"))
        if not np.isfinite(solution).all():
            raise NumericalError("superlu: the solution is not finite; the matrix is singular")
        return solution
