"""Factorising Oseen matrices of one pattern again and again, against SuperLU, UMFPACK and PARDISO.

UMFPACK takes part where cvxopt is installed, PARDISO where pypardiso is. All run on one thread.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from nonideal.benchmarks.harness import Benchmark, Case, Peer
from scipy import sparse
from scipy.sparse.linalg import splu

from nonideal.errors import InvalidArgument
from nonideal.physics.flow.solvers import Layout, NativeLU, Pardiso

__all__ = ["BENCHMARKS"]

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Problem:
    """Taylor-Hood, enclosed unit square of n x n squares, Re = 100, convected by a vortex."""

    matrix: sparse.csr_matrix
    layout: Layout
    rhs: Floats

    @property
    def zero_free(self) -> sparse.csc_matrix:
        """The matrix for solvers that are slowed down by explicit zeros."""
        matrix = self.matrix.tocsc()
        matrix.eliminate_zeros()
        return matrix


def _oseen(n: int) -> _Problem:
    import skfem
    from skfem.helpers import ddot, div, dot, grad, mul

    mesh = skfem.MeshTri.init_tensor(np.linspace(0, 1, n + 1), np.linspace(0, 1, n + 1))
    velocity = skfem.Basis(mesh, skfem.ElementVector(skfem.ElementTriP2()), intorder=5)
    pressure = velocity.with_element(skfem.ElementTriP1())

    def momentum(u: Any, v: Any, w: Any) -> Any:
        x, y = w.x
        wind = np.stack([np.sin(np.pi * x) ** 2 * np.sin(2 * np.pi * y),
                         -np.sin(2 * np.pi * x) * np.sin(np.pi * y) ** 2])  # fmt: skip
        return 0.01 * ddot(grad(u), grad(v)) + dot(mul(grad(u), wind), v)

    def continuity(u: Any, q: Any, w: Any) -> Any:
        return -q * div(u)

    block = skfem.BilinearForm(momentum).assemble(velocity)
    divergence = skfem.BilinearForm(continuity).assemble(velocity, pressure)
    matrix = sparse.bmat([[block, divergence.T], [divergence, None]], format="csr")
    nodes = mesh.nvertices + mesh.nfacets
    node_of_dof = np.zeros(velocity.N, dtype=np.int64)
    node_of_dof[velocity.nodal_dofs] = np.arange(mesh.nvertices)
    node_of_dof[velocity.facet_dofs] = np.arange(mesh.nvertices, nodes)
    node_of_dof = np.concatenate([node_of_dof, np.arange(mesh.nvertices)])
    fixed = np.concatenate([velocity.get_dofs().all(), [velocity.N]])  # one pressure is pinned
    free = np.setdiff1d(np.arange(len(node_of_dof)), fixed)
    matrix = matrix[free][:, free]
    pattern = abs(matrix) + abs(matrix).T  # scikit-fem leaves out what happens to be zero
    pattern.data[:] = 0.0
    matrix = _with_pattern(matrix, pattern.tocsr())
    centres = mesh.p[:, mesh.facets].mean(axis=1)
    layout = Layout(np.vstack([mesh.t, mesh.nvertices + mesh.t2f]).T, np.hstack([mesh.p, centres]).T,
                    node_of_dof[free])  # fmt: skip
    return _Problem(matrix, layout, np.random.default_rng(0).standard_normal(len(free)))


def _with_pattern(matrix: sparse.csr_matrix, pattern: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return the matrix with the entries of the pattern, zeros among them."""
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(pattern.indptr))
    both = sparse.coo_matrix(
        (
            np.concatenate([pattern.data, matrix.data]),
            (
                np.concatenate([rows, np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))]),
                np.concatenate([pattern.indices, matrix.indices]),
            ),
        ),
        shape=matrix.shape,
    ).tocsr()
    both.sort_indices()
    return both


def _native(problem: _Problem) -> NativeLU:
    solver = NativeLU(num_threads=1)
    solver.analyse(problem.matrix.indptr, problem.matrix.indices, problem.layout)
    return solver


def _check(problem: _Problem) -> None:
    solver = _native(problem)
    solver.factorize(problem.matrix.data)
    solution = solver.solve(problem.rhs)
    left = np.abs(problem.matrix @ solution - problem.rhs).max()
    size = abs(problem.matrix).sum(axis=1).max() * np.abs(solution).max() + np.abs(problem.rhs).max()
    assert left <= 1e-14 * size
    assert solver.stats.perturbed_pivots == solver.stats.fallbacks == 0


_DEFAULT: dict[str, Any] = {}
_SYMMETRIC = {"permc_spec": "MMD_AT_PLUS_A", "diag_pivot_thresh": 1e-3, "options": {"SymmetricMode": True}}


def _umfpack(problem: _Problem) -> tuple[Callable[[], object], Callable[[], object]] | None:
    """Return the numeric step and a solve; None without cvxopt."""
    if importlib.util.find_spec("cvxopt") is None:
        return None
    from cvxopt import matrix as dense
    from cvxopt import spmatrix, umfpack

    entries = problem.zero_free.tocoo()
    matrix = spmatrix(entries.data, entries.row, entries.col, entries.shape)
    symbolic = umfpack.symbolic(matrix)
    numeric = umfpack.numeric(matrix, symbolic)

    def solve() -> object:
        rhs = dense(problem.rhs)
        umfpack.solve(matrix, numeric, rhs)
        return rhs

    return partial(umfpack.numeric, matrix, symbolic), solve


def _pardiso(problem: _Problem) -> Pardiso | None:
    """Return PARDISO, analysed and factorised; None without pypardiso."""
    os.environ.setdefault("MKL_NUM_THREADS", "1")  # read when MKL is loaded
    if not Pardiso.is_available():
        return None
    try:
        solver = Pardiso()
        solver.analyse(problem.matrix.indptr, problem.matrix.indices)
        solver.factorize(problem.matrix.data)
    except InvalidArgument:  # pypardiso without MKL
        return None
    return solver


def _factorize(n: int, tiny: bool) -> Case:
    problem = _oseen(6 if tiny else n)
    solver, values = _native(problem), problem.matrix.data
    peers = {
        "superlu": Peer(partial(splu, problem.zero_free, **_DEFAULT), goal=15),
        "superlu, symmetric": Peer(partial(splu, problem.zero_free, **_SYMMETRIC), goal=5),
    }
    umfpack, pardiso = _umfpack(problem), _pardiso(problem)
    if umfpack is not None:
        peers["umfpack"] = Peer(umfpack[0], goal=3)
    if pardiso is not None:
        peers["pardiso"] = Peer(lambda: pardiso.factorize(values), goal=1.5)
    return Case(1.0, lambda: solver.factorize(values), lambda: _check(problem), peers)


def _solve(n: int, tiny: bool) -> Case:
    problem = _oseen(6 if tiny else n)
    solver = _native(problem)
    solver.factorize(problem.matrix.data)
    superlu = splu(problem.zero_free, **_SYMMETRIC)
    peers = {"superlu, symmetric": Peer(lambda: superlu.solve(problem.rhs), goal=1)}
    umfpack, pardiso = _umfpack(problem), _pardiso(problem)
    if umfpack is not None:
        peers["umfpack"] = Peer(umfpack[1], goal=1)
    if pardiso is not None:
        peers["pardiso"] = Peer(lambda: pardiso.solve(problem.rhs), goal=1)
    return Case(1.0, lambda: solver.solve(problem.rhs), lambda: _check(problem), peers)


def _first(n: int, tiny: bool) -> Case:
    problem = _oseen(6 if tiny else n)
    matrix = problem.matrix

    def ours() -> None:
        _native(problem).factorize(matrix.data)

    peers = {"superlu, symmetric": Peer(partial(splu, problem.zero_free, **_SYMMETRIC), goal=3)}
    if _pardiso(problem) is not None:

        def pardiso() -> None:
            solver = Pardiso()
            solver.analyse(matrix.indptr, matrix.indices)
            solver.factorize(matrix.data)

        peers["pardiso"] = Peer(pardiso, goal=2)
    return Case(1.0, ours, lambda: _check(problem), peers)


BENCHMARKS = (
    Benchmark("lu-40k", "flow", "factorisation", partial(_factorize, 66), floor=5,
              note="38,810 unknowns, one thread, analysis left out (SuperLU: included)"),
    Benchmark("lu-160k", "flow", "factorisation", partial(_factorize, 133), floor=1,
              note="158,405 unknowns, one thread, analysis left out (SuperLU: included)"),
    Benchmark("lu-solve", "flow", "solve", partial(_solve, 133), floor=5,
              note="158,405 unknowns, one right-hand side, one thread; ours with its residual"),
    Benchmark("lu-first", "flow", "factorisation", partial(_first, 133), floor=0.3,
              note="158,405 unknowns, one thread, analysis and memory included"),
)  # fmt: skip
