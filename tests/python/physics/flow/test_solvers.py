"""Sparse direct solvers: their common contract, against NumPy's dense solver."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from nonideal.errors import InvalidArgument, NumericalError
from nonideal.physics import flow
from nonideal.physics.flow import solvers
from nonideal.physics.flow.solvers import superlu

BACKENDS = [name for name in ("superlu", "pardiso") if name in solvers.available()]


def random_matrix(n, seed, zeros=False):
    """Sparse, structurally symmetric, well conditioned, unsymmetric values; some entries explicitly zero."""
    rng = np.random.default_rng(seed)
    pattern = sparse.random_array((n, n), density=min(1.0, 4 / n), rng=rng)
    matrix = sparse.csr_array(pattern + pattern.T + sparse.eye_array(n))
    matrix.sort_indices()
    matrix.data = rng.standard_normal(matrix.nnz)
    if zeros:
        matrix.data[rng.random(matrix.nnz) < 0.3] = 0.0
    rows = np.repeat(np.arange(n), np.diff(matrix.indptr))
    matrix.data[rows == matrix.indices] = 10.0
    return matrix


def analysed(name, matrix):
    solver = solvers.create(name)
    solver.analyse(matrix.indptr, matrix.indices)
    return solver


@pytest.mark.parametrize("name", BACKENDS)
@settings(deadline=None, max_examples=25)
@given(
    n=st.integers(1, 40),
    seed=st.integers(0, 2**31),
    n_rhs=st.none() | st.integers(0, 5),
    transpose=st.booleans(),
    zeros=st.booleans(),
)
def test_solutions(name, n, seed, n_rhs, transpose, zeros):
    matrix = random_matrix(n, seed, zeros)
    solver = analysed(name, matrix)
    rng = np.random.default_rng(seed)
    for factor in (1.0, -3.0):  # a second matrix of the same pattern
        values = factor * matrix.data
        kept = values.copy()
        solver.factorize(values)
        values[:] = np.nan  # what was factorised stays
        rhs = rng.standard_normal(n if n_rhs is None else (n, n_rhs))
        got = solver.solve(rhs, transpose=transpose)
        dense = sparse.csr_array((kept, matrix.indices, matrix.indptr), shape=(n, n)).toarray()
        want = np.linalg.solve(dense.T if transpose else dense, rhs)
        assert got.dtype == np.float64
        assert got.flags.c_contiguous
        np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-13)
    stats = solver.stats
    assert (stats.backend, stats.analyses, stats.factorizations, stats.solves) == (name, 1, 2, 2)
    assert stats.fallbacks == stats.perturbed_pivots == 0
    assert all(seconds > 0 for seconds in stats.seconds.values())
    assert stats.fill >= n


def test_superlu_drops_zeros():
    full = random_matrix(60, 1)
    columns = np.tile(np.arange(60, dtype=np.int32), 60)
    starts = np.arange(0, 3601, 60, dtype=np.int32)
    padded = sparse.csr_array((full.toarray().ravel(), columns, starts), shape=(60, 60))
    fills = []
    for matrix in (full, padded):
        solver = analysed("superlu", matrix)
        solver.factorize(matrix.data)
        fills.append(solver.stats.fill)
        assert solver._pattern[1].size == matrix.nnz
    assert padded.nnz == 3600
    assert fills[0] == fills[1] < 3600


@pytest.mark.parametrize("is_open", [False, True])
def test_entries_that_couple_components(is_open):
    """Those from one component of the velocity to the other, by the numbers of the dofs."""
    problem = flow.cases.channel_jet(2, length=2.0) if is_open else flow.cases.two_lid_cavity(4)
    operator = problem.operator
    matrix, free = operator.matrix, operator.free
    component = np.where(free < problem.n_velocity, free % 2, 2)
    row = np.repeat(np.arange(len(free)), np.diff(matrix.indptr))
    want = component[row] + component[matrix.indices] == 1
    found = superlu.coupling(matrix.indptr, matrix.indices, operator.layout)
    assert want.any()
    np.testing.assert_array_equal(found, want)


def test_superlu_keeps_zeros_of_components():
    """On a grid some entries of Oseen's matrix vanish: without them its factors have a third more entries."""
    problem = flow.cases.two_lid_cavity(24)
    operator = problem.operator
    matrix, layout = operator.matrix, operator.layout
    x, y = problem.nodes.T
    convecting = np.stack([y - 0.5, 0.5 - x], axis=1)
    rhs = np.random.default_rng(0).standard_normal(len(operator.free))
    fills = {}
    for newton in (False, True):
        operator.update(convecting, 0.01, newton=newton)
        for known in (None, layout):
            solver = solvers.SuperLU()
            solver.analyse(matrix.indptr, matrix.indices, known)
            solver.factorize(matrix.data)
            found = solver.solve(rhs)
            left = np.abs(matrix @ found - rhs).max()
            assert left <= 1e-12 * (abs(matrix).sum(axis=1).max() * np.abs(found).max())
            fills[newton, known is not None] = solver.stats.fill
    assert 1.3 * fills[False, True] < fills[False, False]
    assert fills[False, True] < fills[True, True]
    with pytest.raises(InvalidArgument, match=rf"^node_of_row: expected 1 numbers, got {len(rhs)}$"):
        solver.analyse([0, 1], [0], layout)


def test_superlu_default_setting():
    matrix = random_matrix(50, 4)
    solver = solvers.SuperLU(symmetric=False)
    solver.analyse(matrix.indptr, matrix.indices)
    solver.factorize(matrix.data)
    rhs = np.arange(50.0)
    np.testing.assert_allclose(matrix @ solver.solve(rhs), rhs, atol=1e-11)


@pytest.mark.parametrize("name", BACKENDS)
def test_array_kinds(name):
    """Read-only, non-contiguous, Fortran-ordered, 64-bit index and float32 input give the same."""
    matrix = random_matrix(30, 3)
    rhs = np.asfortranarray(np.random.default_rng(0).integers(-9, 9, (30, 3)).astype(float))
    values = matrix.data.astype(np.float32).astype(float)
    want = None
    doubled = np.repeat(values, 2)
    read_only = values.copy()
    read_only.flags.writeable = False
    for index in (np.int32, np.int64):
        for data in (values, values.astype(np.float32), doubled[::2], read_only):
            for b in (rhs, np.ascontiguousarray(rhs), rhs.astype(int), np.repeat(rhs, 2, axis=0)[::2]):
                solver = solvers.create(name)
                solver.analyse(matrix.indptr.astype(index), matrix.indices.astype(index))
                solver.factorize(data)
                got = solver.solve(b)
                want = got if want is None else want
                np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("name", BACKENDS)
def test_refused_patterns(name):
    solver = solvers.create(name)
    for indptr, indices, message in (
        ([], [], "indptr has dtype float64, not an integer's"),
        (np.zeros(0, int), np.zeros(0, int), "indptr: expected at least 1 number, got 0"),
        ([[0, 1]], [0], "indptr: expected 1 dimension, got 2"),
        ([0, 1, 2], [0.0, 1.0], "indices has dtype float64, not an integer's"),
        ([0, 1, 2**40], [0, 1], f"indptr[2] = {2**40} is outside [-2^31, 2^31)"),
        ([1, 1, 2], [0, 1], "indptr[0] = 1 is not 0"),
        ([0, 2, 1, 3], [0, 1, 2], "indptr[2] = 1 is below indptr[1] = 2"),
        ([0, 1], [0, 0], "indptr[1] = 1 is not the number of indices, 2"),
        ([0, 1, 2], [0, 2], "indices[1] = 2 is outside [0, 2)"),
        ([0, 1, 2], [-1, 1], "indices[0] = -1 is outside [0, 2)"),
        ([0, 2, 4], [0, 1, 1, 0], "indices[3] = 0 is not above indices[2] = 1 in the same row"),
        ([0, 2, 4], [0, 1, 1, 1], "indices[3] = 1 is not above indices[2] = 1 in the same row"),
    ):
        with pytest.raises(InvalidArgument) as refusal:
            solver.analyse(indptr, indices)
        assert str(refusal.value) == message
    with pytest.raises(InvalidArgument, match=r"^layout: str is not a Layout$"):
        solver.analyse([0, 1], [0], "mesh")


@pytest.mark.parametrize("name", BACKENDS)
def test_refused_order_and_values(name):
    matrix = random_matrix(8, 0)
    solver = solvers.create(name)
    with pytest.raises(InvalidArgument, match=r"^factorize was called before analyse$"):
        solver.factorize([1.0])
    solver.analyse(matrix.indptr, matrix.indices)
    with pytest.raises(InvalidArgument, match=r"^solve was called before factorize$"):
        solver.solve(np.ones(8))
    nnz = matrix.nnz
    bad = matrix.data.copy()
    bad[3] = np.nan
    for values, message in (
        (matrix.data[:-1], f"values: expected shape ({nnz},), got ({nnz - 1},)"),
        (matrix.data[None], f"values: expected shape ({nnz},), got (1, {nnz})"),
        (matrix.data.astype(complex), "values has dtype complex128, not a real number's"),
        (bad, "values[3] = nan is not finite"),
    ):
        with pytest.raises(InvalidArgument) as refusal:
            solver.factorize(values)
        assert str(refusal.value) == message
    with pytest.raises(InvalidArgument, match=r"^solve was called before factorize$"):
        solver.solve(np.ones(8))  # a refused matrix leaves no factors behind
    solver.factorize(matrix.data)
    for rhs, message in (
        (np.ones(7), "rhs: expected shape (8,) or (8, n_rhs), got (7,)"),
        (1.0, "rhs: expected shape (8,) or (8, n_rhs), got ()"),
        (np.ones((8, 1, 1)), "rhs: expected shape (8,) or (8, n_rhs), got (8, 1, 1)"),
        (np.full(8, np.inf), "rhs[0] = inf is not finite"),
        (["x"] * 8, "rhs has dtype <U1, not a real number's"),
    ):
        with pytest.raises(InvalidArgument) as refusal:
            solver.solve(rhs)
        assert str(refusal.value) == message


def test_singular_superlu():
    solver = solvers.SuperLU()
    solver.analyse([0, 2, 4], [0, 1, 0, 1])
    with pytest.raises(NumericalError, match=r"^superlu: Factor is exactly singular$"):
        solver.factorize([1.0, 2.0, 2.0, 4.0])


@pytest.mark.parametrize("name", BACKENDS)
def test_empty(name):
    solver = solvers.create(name)
    solver.analyse(np.zeros(1, int), np.zeros(0, int))
    solver.factorize([])
    assert solver.solve(np.zeros(0)).shape == (0,)
    assert solver.solve(np.zeros((0, 3)), transpose=True).shape == (0, 3)


def test_layout():
    layout = solvers.Layout([[0, 1, 2]], [[0, 0], [1, 0], [0, 1]], [0, 0, 1, 2])
    assert layout.elements.tolist() == [[0, 1, 2]]
    for arguments, message in (
        (([0, 1, 2], [[0, 0]], [0]), "elements: expected 2 dimensions, got 1"),
        (([[0, 1], [2]], [[0, 0]], [0]), "elements: setting an array element"),
        (([[0, 1, 2]], [0, 0], [0]), "coordinates: expected 2 dimensions, got 1"),
        (([[0, 1, 2]], [[0, np.inf]], [0]), "coordinates[0, 1] = inf is not finite"),
        (([[0, 1, 2]], [[0, 0]], [0.5]), "node_of_row has dtype float64, not an integer's"),
    ):
        with pytest.raises(InvalidArgument) as refusal:
            solvers.Layout(*arguments)
        assert str(refusal.value).startswith(message)


class Dense:
    """A user's own solver."""

    name = "dense"

    def __init__(self):
        self.stats = solvers.SolverStats("dense")

    def analyse(self, indptr, indices, layout=None):
        self.pattern = indptr, indices

    def factorize(self, values):
        self.matrix = sparse.csr_array((values, self.pattern[1], self.pattern[0])).toarray()

    def solve(self, rhs, *, transpose=False):
        return np.linalg.solve(self.matrix.T if transpose else self.matrix, rhs)


def test_registry(monkeypatch):
    assert "superlu" in solvers.available()
    solver = Dense()
    assert solvers.create(solver) is solver
    solvers.register("dense", Dense)
    try:
        assert "dense" in solvers.available()
        assert isinstance(solvers.create("dense"), Dense)
        monkeypatch.setenv("NONIDEAL_FLOW_SOLVER", "dense")
        assert solvers.create().name == "dense"
        monkeypatch.setenv("NONIDEAL_FLOW_SOLVER", "colamb")
        with pytest.raises(InvalidArgument, match=r"^NONIDEAL_FLOW_SOLVER = 'colamb' is not one of auto, "):
            solvers.create()
    finally:
        solvers.registry._FACTORIES.pop("dense")
    for wrong in (3, Dense, None):
        with pytest.raises(InvalidArgument, match=r"^solver: \w+ has no analyse, factorize and solve$"):
            solvers.create(wrong)
    with pytest.raises(InvalidArgument, match=r"^solver = 'mumps' is not one of auto, "):
        solvers.create("mumps")
    for name in ("", "auto", 3):
        with pytest.raises(InvalidArgument, match=r"cannot name a solver$"):
            solvers.register(name, Dense)
    with pytest.raises(InvalidArgument, match=r"^factory: int is not callable$"):
        solvers.register("three", 3)


def test_pardiso_absent():
    """Without pypardiso the name is not offered, and asking for it says what is missing."""
    code = (
        "import sys; sys.modules['pypardiso'] = None\n"
        "import importlib.util\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *rest: None if name == 'pypardiso' else find(name, *rest)\n"
        "from nonideal.physics.flow import solvers\n"
        "assert 'pardiso' not in solvers.available()\n"
        "try:\n    solvers.create('pardiso')\n"
        "except ValueError as refusal:\n    print(refusal)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=True
    )
    assert done.stdout == "solver 'pardiso' needs pypardiso; `pip install pypardiso` brings it\n"


def test_package_offers_solvers():
    assert flow.solvers is solvers
