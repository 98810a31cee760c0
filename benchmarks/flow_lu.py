"""Factorising Oseen matrices of one pattern again and again, against SuperLU, UMFPACK and PARDISO.

Ours keep the pattern of all matrices of a flow, with zeros where a Newton step couples the components of the
velocity; the peers get the same values without these zeros. Others, where a sum over triangles happens to
vanish, stay: without them SuperLU's symmetric setting takes 2.7 times longer at 158,405 unknowns.

UMFPACK takes part where cvxopt is installed, PARDISO where pypardiso is. All run on one thread.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from nonideal.benchmarks.harness import Benchmark, Case, Peer
from scipy import sparse
from scipy.sparse.linalg import splu

from nonideal.errors import InvalidArgument
from nonideal.physics import flow
from nonideal.physics.flow.solvers import Layout, NativeLU, Pardiso
from nonideal.physics.flow.solvers.superlu import DEFAULT, SYMMETRIC, coupling

__all__ = ["BENCHMARKS"]

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Problem:
    """The enclosed unit square, Re = 100, convected by a vortex: matrix and pattern as a flow has them."""

    matrix: sparse.csr_array
    layout: Layout
    uncoupled: sparse.csr_array  # the matrix for the peers
    rhs: Floats


def _oseen(n: int) -> _Problem:
    """Return the problem on n x n even squares; graded ones cost the peers more fill."""
    mesh = flow.Mesh.rectangle(0, 1, 0, 1, nx=n, ny=n)
    problem = flow.NavierStokes(mesh, viscosity=0.01, dirichlet=dict.fromkeys(mesh.boundaries, 0.0))
    x, y = problem.nodes.T
    vortex = np.stack([np.sin(np.pi * x) ** 2 * np.sin(2 * np.pi * y),
                       -np.sin(2 * np.pi * x) * np.sin(np.pi * y) ** 2], axis=1)  # fmt: skip
    return _factorizable(problem, vortex)


def _cube(n: int) -> _Problem:
    """Return the enclosed unit cube of n x n x n hexahedra, six tetrahedra each, convected by a vortex."""
    mesh = flow.Mesh.box(0, 1, 0, 1, 0, 1, nx=n, ny=n, nz=n)
    problem = flow.NavierStokes(mesh, viscosity=0.01, dirichlet=dict.fromkeys(mesh.boundaries, 0.0))
    x, y, z = problem.nodes.T
    vortex = np.stack([np.sin(np.pi * x) ** 2 * np.sin(2 * np.pi * y) * np.sin(np.pi * z),
                       -np.sin(2 * np.pi * x) * np.sin(np.pi * y) ** 2 * np.sin(np.pi * z),
                       0 * z], axis=1)  # fmt: skip
    return _factorizable(problem, vortex)


def _factorizable(problem: flow.NavierStokes, convecting: Floats) -> _Problem:
    operator = problem.operator
    operator.update(convecting, 0.01, num_threads=1)
    rhs = np.random.default_rng(0).standard_normal(len(operator.free))
    return _Problem(operator.matrix, operator.layout, _uncoupled(operator.matrix, operator.layout), rhs)


def _uncoupled(matrix: sparse.csr_array, layout: Layout) -> sparse.csr_array:
    """Return the matrix without the entries, all zero, from one component of the velocity to the other."""
    drop = coupling(matrix.indptr, matrix.indices, layout)
    assert not matrix.data[drop].any()
    starts = np.concatenate([[0], np.cumsum(~drop)])[matrix.indptr]
    return sparse.csr_array((matrix.data[~drop], matrix.indices[~drop], starts), shape=matrix.shape)


def _native(problem: _Problem, num_threads: int = 1) -> NativeLU:
    solver = NativeLU(num_threads=num_threads)
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


def _umfpack(problem: _Problem) -> tuple[Callable[[], object], Callable[[], object]] | None:
    """Return the numeric step and a solve; None without cvxopt."""
    if importlib.util.find_spec("cvxopt") is None:
        return None
    from cvxopt import matrix as dense
    from cvxopt import spmatrix, umfpack

    entries = problem.uncoupled.tocoo()
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
        solver.analyse(problem.uncoupled.indptr, problem.uncoupled.indices)
        solver.factorize(problem.uncoupled.data)
    except InvalidArgument:  # pypardiso without MKL
        return None
    return solver


def _factorize(n: int, tiny: bool) -> Case:
    problem = _oseen(6 if tiny else n)
    solver, values = _native(problem), problem.matrix.data
    peers = {
        "superlu": Peer(partial(splu, problem.uncoupled.tocsc(), **DEFAULT), goal=15),
        "superlu, symmetric": Peer(partial(splu, problem.uncoupled.tocsc(), **SYMMETRIC), goal=5),
    }
    umfpack, pardiso = _umfpack(problem), _pardiso(problem)
    if umfpack is not None:
        peers["umfpack"] = Peer(umfpack[0], goal=3)
    if pardiso is not None:
        peers["pardiso"] = Peer(lambda: pardiso.factorize(problem.uncoupled.data), goal=1.5)
    return Case(1.0, lambda: solver.factorize(values), lambda: _check(problem), peers)


def _threads(n: int, tiny: bool) -> Case:
    """Return the factorisation by two threads against one's."""
    problem = _oseen(6 if tiny else n)
    values = problem.matrix.data
    one, two = _native(problem), _native(problem, num_threads=2)

    def check() -> None:
        _check(problem)
        for solver in (one, two):
            solver.factorize(values)
        assert np.array_equal(one.solve(problem.rhs), two.solve(problem.rhs))

    peers = {"one thread": Peer(lambda: one.factorize(values))}
    return Case(1.0, lambda: two.factorize(values), check, peers)


def _solve(n: int, tiny: bool) -> Case:
    problem = _oseen(6 if tiny else n)
    solver = _native(problem)
    solver.factorize(problem.matrix.data)
    superlu = splu(problem.uncoupled.tocsc(), **SYMMETRIC)
    peers = {"superlu, symmetric": Peer(lambda: superlu.solve(problem.rhs), goal=1)}
    umfpack, pardiso = _umfpack(problem), _pardiso(problem)
    if umfpack is not None:
        peers["umfpack"] = Peer(umfpack[1], goal=1)
    if pardiso is not None:
        peers["pardiso"] = Peer(lambda: pardiso.solve(problem.rhs), goal=1)
    return Case(1.0, lambda: solver.solve(problem.rhs), lambda: _check(problem), peers)


def _factorize_cube(tiny: bool) -> Case:
    """SuperLU's symmetric setting is left out: in space it takes several times longer than the default."""
    problem = _cube(3 if tiny else 10)
    solver, values = _native(problem), problem.matrix.data
    peers = {"superlu": Peer(partial(splu, problem.uncoupled.tocsc(), **DEFAULT), goal=15)}
    pardiso = _pardiso(problem)
    if pardiso is not None:
        peers["pardiso"] = Peer(lambda: pardiso.factorize(problem.uncoupled.data), goal=1.5)
    return Case(1.0, lambda: solver.factorize(values), lambda: _check(problem), peers)


def _first(n: int, tiny: bool) -> Case:
    problem = _oseen(6 if tiny else n)
    matrix = problem.uncoupled

    def ours() -> None:
        _native(problem).factorize(problem.matrix.data)

    peers = {"superlu, symmetric": Peer(partial(splu, problem.uncoupled.tocsc(), **SYMMETRIC), goal=3)}
    if _pardiso(problem) is not None:

        def pardiso() -> None:
            solver = Pardiso()
            solver.analyse(matrix.indptr, matrix.indices)
            solver.factorize(matrix.data)

        peers["pardiso"] = Peer(pardiso, goal=2)
    return Case(1.0, ours, lambda: _check(problem), peers)


BENCHMARKS = (
    Benchmark("lu-40k", "flow", "factorisation", partial(_factorize, 66), floor=15,
              note="38,810 unknowns, one thread, analysis left out (SuperLU: included), "
                   "peers without coupling zeros"),
    Benchmark("lu-160k", "flow", "factorisation", partial(_factorize, 133), floor=2,
              note="158,405 unknowns, one thread, analysis left out (SuperLU: included), "
                   "peers without coupling zeros"),
    Benchmark("lu-threads", "flow", "factorisation", partial(_threads, 133),
              note="158,405 unknowns, two threads within one factorisation; independent flows by two workers "
                   "gain more"),
    Benchmark("lu-cube", "flow", "factorisation", _factorize_cube, floor=1,
              note="21,907 unknowns on tetrahedra, one thread, analysis left out (SuperLU: included), "
                   "peers without coupling zeros"),
    Benchmark("lu-solve", "flow", "solve", partial(_solve, 133), floor=15,
              note="158,405 unknowns, one right-hand side, one thread; ours with its residual, "
                   "peers without coupling zeros"),
    Benchmark("lu-first", "flow", "factorisation", partial(_first, 133), floor=1,
              note="158,405 unknowns, one thread, analysis and memory included, "
                   "peers without coupling zeros"),
)  # fmt: skip
