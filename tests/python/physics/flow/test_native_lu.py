"""The native sparse LU against SciPy on Taylor-Hood matrices that an independent oracle assembles."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.sparse import linalg
from scipy.spatial import Delaunay

from nonideal import _core
from nonideal.errors import ConvergenceError, InvalidArgument, NumericalError
from nonideal.physics.flow.solvers import Layout, NativeLU
from oracles import taylor_hood

MESHES = {
    "uniform": taylor_hood.square(10),
    "graded": taylor_hood.square(10, "cosine"),
    "unstructured": taylor_hood.scattered(9),
    "long": (taylor_hood.square(8)[0] * [6, 1], taylor_hood.square(8)[1]),
    "tiny": taylor_hood.square(2),
    "cube": taylor_hood.cube(3),
}


def outlet(centres):
    return centres[:, 0] > centres[:, 0].max() - 1e-9


@cache
def problem(mesh, reynolds=100.0, newton=False, is_open=False):
    points, cells = MESHES[mesh] if isinstance(mesh, str) else taylor_hood.square(mesh)
    return taylor_hood.assemble(
        points,
        cells,
        taylor_hood.swirl,
        1 / reynolds,
        newton=newton,
        open_where=outlet if is_open else None,
    )


def layout_of(given):
    return Layout(given.elements, given.coordinates, given.node_of_row)


def analysed(given, **options):
    solver = NativeLU(**options)
    solver.analyse(given.matrix.indptr, given.matrix.indices, layout_of(given))
    return solver


def factorized(given, **options):
    solver = analysed(given, **options)
    solver.factorize(given.matrix.data)
    return solver


def right_hand_sides(n, n_rhs=None, seed=0):
    return np.random.default_rng(seed).standard_normal(n if n_rhs is None else (n, n_rhs))


def relative(got, want):
    return np.linalg.norm(got - want) / np.linalg.norm(want)


@pytest.mark.parametrize(
    ("n", "rows", "fronts", "largest", "root", "fill", "flops"),
    [
        (33, 9_605, 289, 252, 164, 1.8e6, 1.93e8),
        (66, 38_810, 1_159, 496, 329, 8.6e6, 1.46e9),
        pytest.param(133, 158_405, 4_785, 1_002, 664, 41.7e6, 1.16e10, marks=pytest.mark.slow),
    ],
)
def test_analysis_figures(n, rows, fronts, largest, root, fill, flops):
    """The dissection of the uniform cavity is the one whose figures were published with the design."""
    given = taylor_hood.assemble(*taylor_hood.square(n), None, 1.0)
    analysis = analysed(given)._analysis
    assert given.matrix.shape == (rows, rows)
    assert (analysis.tree_nodes, analysis.largest_front, analysis.root_pivots) == (fronts, largest, root)
    assert analysis.fill == pytest.approx(fill, rel=0.03)
    assert analysis.flops == pytest.approx(flops, rel=0.005)
    np.testing.assert_array_equal(np.sort(analysis.order), np.arange(rows))


@pytest.mark.slow
def test_analysis_figures_in_three_dimensions():
    given = taylor_hood.assemble(*taylor_hood.cube(15), None, 1.0)
    analysis = analysed(given)._analysis
    assert given.matrix.shape == (77_262, 77_262)
    assert (analysis.tree_nodes, analysis.largest_front, analysis.root_pivots) == (3_341, 4_212, 2_779)
    assert analysis.fill == pytest.approx(138e6, rel=0.005)
    assert analysis.flops == pytest.approx(2.64e11, rel=0.005)


@pytest.mark.parametrize("is_open", [False, True], ids=["enclosed", "open"])
@pytest.mark.parametrize("newton", [False, True], ids=["picard", "newton"])
@pytest.mark.parametrize("reynolds", [1e2, 1e4, 1e5])
@pytest.mark.parametrize("mesh", MESHES)
def test_solutions(mesh, reynolds, newton, is_open):
    given = problem(mesh, reynolds, newton, is_open)
    solver = factorized(given)
    rhs = right_hand_sides(given.matrix.shape[0])
    got = solver.solve(rhs)
    lu = linalg.splu(given.matrix.tocsc())
    want = lu.solve(rhs)
    want += lu.solve(rhs - given.matrix @ want)
    assert relative(got, want) < 1e-10
    stats = solver.stats
    assert stats.backward_error <= 1e-14
    assert stats.refinements <= 1
    assert (stats.perturbed_pivots, stats.fallbacks, stats.analyses) == (0, 0, 1)
    assert stats.fill > given.matrix.nnz / 4
    assert stats.memory >= 8 * stats.fill
    assert stats.flops > 0


@pytest.mark.parametrize(("viscosity", "mass"), [(1.0, 0.0), (0.0, 1.0), (1e-6, 1e3)])
@pytest.mark.parametrize("mesh", MESHES)
def test_stokes_and_leray(mesh, viscosity, mass):
    """Without convection, and with masses in the place of viscosity; both are symmetric."""
    given = taylor_hood.assemble(*MESHES[mesh], np.zeros_like, viscosity, mass=mass)
    solver = factorized(given)
    rhs = right_hand_sides(given.matrix.shape[0], 3)
    got = solver.solve(rhs)
    assert relative(got, linalg.splu(given.matrix.tocsc()).solve(rhs)) < 1e-10
    assert relative(solver.solve(rhs, transpose=True), got) < 1e-10
    assert (solver.stats.perturbed_pivots, solver.stats.fallbacks) == (0, 0)
    assert solver.stats.backward_error <= 1e-14


@pytest.mark.parametrize("leaf_elements", [1, 2, 5, 32, 100_000])
@pytest.mark.parametrize("mesh", ["uniform", "unstructured", "cube"])
def test_leaf_sizes(mesh, leaf_elements):
    """Whatever the dissection, the solution is the same, and no pivot is too small: lonely pressures move."""
    given = problem(mesh)
    solver = factorized(given, leaf_elements=leaf_elements)
    rhs = right_hand_sides(given.matrix.shape[0])
    assert relative(solver.solve(rhs), linalg.spsolve(given.matrix.tocsc(), rhs)) < 1e-10
    assert solver.stats.perturbed_pivots == 0
    assert solver.stats.backward_error <= 1e-14


def test_lonely_pressures_move():
    """In the corner of a triangle with two sides on the boundary, the pressure has no velocity beside it."""
    given = problem("uniform")
    moved = {size: analysed(given, leaf_elements=size)._analysis.moved_nodes for size in (1, 2, 16)}
    assert moved[1] > 0
    assert moved[16] == 0


@settings(deadline=None, max_examples=40)
@given(
    n_points=st.integers(3, 40),
    seed=st.integers(0, 2**31),
    leaf_elements=st.integers(1, 9),
    n_rhs=st.none() | st.integers(0, 40),
    transpose=st.booleans(),
    scaling=st.sampled_from(["ruiz", "none"]),
)
def test_any_mesh(n_points, seed, leaf_elements, n_rhs, transpose, scaling):
    """Random triangles, 0 to 3 unknowns on a node, random values: against NumPy's dense solver."""
    rng = np.random.default_rng(seed)
    points = rng.random((n_points, 2))
    elements = Delaunay(points).simplices
    used = np.unique(elements)
    node_of_row = rng.permutation(np.repeat(used, rng.integers(0, 4, len(used))))
    n = len(node_of_row)
    membership = sparse.coo_array(
        (np.ones(elements.size), (elements.ravel(), np.arange(elements.size) // 3)), (n_points, len(elements))
    ).tocsr()
    coupled = (membership @ membership.T).toarray()[np.ix_(node_of_row, node_of_row)] > 0
    dense = np.where(coupled, rng.standard_normal((n, n)), 0.0)
    dense[np.diag_indices(n)] += 30
    dense *= 10.0 ** rng.integers(-3, 4, n)
    columns = [np.flatnonzero(row) for row in coupled]
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in columns])]).astype(int)
    indices = np.concatenate([*columns, []]).astype(int)
    solver = NativeLU(leaf_elements=leaf_elements, scaling=scaling)
    solver.analyse(indptr, indices, Layout(elements, points, node_of_row))
    for factor in (1.0, -2.0):
        solver.factorize(factor * dense[coupled])
        rhs = right_hand_sides(n, n_rhs, seed)
        matrix = factor * (dense.T if transpose else dense)
        got = solver.solve(rhs, transpose=transpose)
        np.testing.assert_allclose(matrix @ got, rhs, atol=1e-12 * np.abs(matrix).max(initial=1.0))
        np.testing.assert_allclose(got, np.linalg.solve(matrix, rhs), rtol=1e-9, atol=1e-13)
    assert solver.stats.analyses == 1
    assert solver.stats.fallbacks == 0
    np.testing.assert_array_equal(np.sort(solver._analysis.order), np.arange(n))


@pytest.mark.parametrize("n_rhs", [None, 0, 1, 2, 7, 8, 9, 16, 17, 40])
@pytest.mark.parametrize("transpose", [False, True])
def test_right_hand_sides(n_rhs, transpose):
    given = problem("graded", 1e3)
    solver = factorized(given)
    rhs = right_hand_sides(given.matrix.shape[0], n_rhs)
    kept = rhs.copy()
    got = solver.solve(rhs, transpose=transpose)
    np.testing.assert_array_equal(rhs, kept)
    assert got.shape == rhs.shape
    want = linalg.splu(given.matrix.tocsc()).solve(rhs, "T" if transpose else "N") if rhs.size else rhs
    assert not rhs.size or relative(got, want) < 1e-10


@pytest.mark.parametrize("transpose", [False, True])
def test_right_hand_sides_do_not_meet(transpose):
    """The bits of a solution do not depend on the others that are solved with it."""
    given = problem("unstructured", 1e4)
    solver = factorized(given)
    rhs = right_hand_sides(given.matrix.shape[0], 35)
    rhs[:, 3] *= 1e150
    whole = solver.solve(rhs, transpose=transpose)
    for part in (slice(0, 17), slice(16, 18), slice(3, 35), slice(33, 35)):
        np.testing.assert_array_equal(solver.solve(rhs[:, part], transpose=transpose), whole[:, part])
    alone = solver.solve(rhs[:, 9], transpose=transpose)
    assert relative(alone, whole[:, 9]) < 1e-12


def test_adjoint_identity():
    """x . (A^-1 y) = (A^-T x) . y"""
    given = problem("cube", 1e3, newton=True)
    solver = factorized(given)
    x, y = right_hand_sides(given.matrix.shape[0], 2).T
    assert x @ solver.solve(y) == pytest.approx(solver.solve(x, transpose=True) @ y, rel=1e-9)


def test_threads_give_the_same_bits():
    given = problem(33, 1e3)
    rhs = right_hand_sides(given.matrix.shape[0], 40)
    results = []
    for threads in (1, 2, 3, 4, 7):
        solver = factorized(given, num_threads=threads)
        assert given.matrix.shape[0] > 9000
        results.append([solver.solve(rhs), solver.solve(rhs[:, 0]), solver.solve(rhs, transpose=True)])
    for other in results[1:]:
        for got, want in zip(other, results[0], strict=True):
            np.testing.assert_array_equal(got, want)


ISA_CODE = """
import sys
import numpy as np
from oracles import taylor_hood
from nonideal.physics.flow.solvers import Layout, NativeLU
given = taylor_hood.assemble(*taylor_hood.square(16, "cosine"), taylor_hood.swirl, 1e-3)
solver = NativeLU()
solver.analyse(given.matrix.indptr, given.matrix.indices,
               Layout(given.elements, given.coordinates, given.node_of_row))
solver.factorize(given.matrix.data)
rhs = np.random.default_rng(0).standard_normal((given.matrix.shape[0], 3))
np.save(sys.argv[1], np.stack([solver.solve(rhs), solver.solve(rhs, transpose=True),
                               np.stack([solver.solve(rhs[:, 0]), solver.solve(rhs[:, 0], transpose=True),
                                         rhs[:, 0]], 1)]))
"""


def test_instruction_sets_agree(tmp_path):
    found = {}
    for isa in _core.available_isas():
        path = str(tmp_path / f"{isa}.npy")
        environment = os.environ | {"NONIDEAL_ISA": isa, "PYTHONPATH": "tests"}
        subprocess.run([sys.executable, "-c", ISA_CODE, path], env=environment, check=True)
        found[isa] = np.load(path)
    want = found["baseline"]
    for got in found.values():
        for a, b in zip(got, want, strict=True):
            assert relative(a, b) <= 1e-10


@pytest.mark.parametrize("factor", [1e6, 1e-6])
def test_units(factor):
    """Pressures in other units: equilibration keeps pivots large and the first residual small."""
    given = problem("uniform")
    n = given.matrix.shape[0]
    n_pressures = np.unique(given.elements[:, :3]).size - 1  # the last rows; one is pinned
    scale = np.where(np.arange(n) >= n - n_pressures, factor, 1.0)
    values = given.matrix.data * np.repeat(scale, np.diff(given.matrix.indptr)) * scale[given.matrix.indices]
    rhs = right_hand_sides(n)
    want = linalg.spsolve(given.matrix.tocsc(), rhs)
    solver = analysed(given, refinement=0)
    solver.factorize(values)
    error = relative(solver.solve(scale * rhs) * scale, want)
    assert error < 1e-11
    assert solver.stats.perturbed_pivots == 0
    plain = analysed(given, scaling="none", refinement=0)
    plain.factorize(values)
    if factor < 1:
        assert plain.stats.perturbed_pivots > 0
    else:
        assert relative(plain.solve(scale * rhs) * scale, want) > error


def test_scaling_rounds_nothing():
    """Powers of two in rows and columns change no bit of the solution."""
    given = problem("uniform")
    n = given.matrix.shape[0]
    left, right = (2.0 ** np.random.default_rng(seed).integers(-20, 20, n) for seed in (1, 2))
    scaled = given.matrix.data * np.repeat(left, np.diff(given.matrix.indptr)) * left[given.matrix.indices]
    solver = factorized(given)
    rhs = right_hand_sides(n)
    want = solver.solve(rhs)
    solver.factorize(scaled)
    assert relative(left * solver.solve(left * rhs), want) < 1e-11
    assert right.size == n
    np.testing.assert_array_equal(solver._lu.values(solver._analysis), scaled)


def test_values_are_copied_and_factors_replaced():
    given = problem("unstructured")
    other = problem("unstructured", 1e4, True)
    solver = analysed(given)
    rhs = right_hand_sides(given.matrix.shape[0])
    values = given.matrix.data.copy()
    solver.factorize(values)
    values[:] = np.nan
    first = solver.solve(rhs)
    solver.factorize(other.matrix.data)
    assert relative(solver.solve(rhs), linalg.spsolve(other.matrix.tocsc(), rhs)) < 1e-10
    solver.factorize(given.matrix.data)
    np.testing.assert_array_equal(solver.solve(rhs), first)
    stats = solver.stats
    assert (stats.analyses, stats.factorizations, stats.solves) == (1, 3, 3)


def test_shared_analysis():
    given = problem("graded")
    solver = factorized(given)
    rhs = right_hand_sides(given.matrix.shape[0])
    want = solver.solve(rhs)

    def run(factor):
        twin = solver.share()
        twin.factorize(factor * given.matrix.data)  # scaled alike: the factors are powers of 4
        return twin.solve(factor * rhs)

    with ThreadPoolExecutor(4) as pool:
        for got in pool.map(run, [1.0, 4.0, 16.0, 64.0]):
            np.testing.assert_array_equal(got, want)
    with pytest.raises(InvalidArgument, match=r"^share was called before analyse$"):
        NativeLU().share()


CHAIN = Layout([[0, 1], [1, 2], [2, 3], [3, 4], [4, 5]], np.arange(6.0)[:, None], np.arange(6))


def chain(diagonal, beside=1.0):
    """Six unknowns in a row; each front of the dissection by single elements has one or two pivots."""
    matrix = sparse.diags_array([beside, diagonal, beside], offsets=[-1, 0, 1], shape=(6, 6)).tocsr()
    matrix.sort_indices()
    return matrix


def test_small_pivots_are_replaced_and_refined():
    """Zeros on the diagonal: fronts meet zero pivots, yet refinement brings the solution to round-off."""
    matrix = chain(0.0)
    solver = NativeLU(leaf_elements=1)
    solver.analyse(matrix.indptr, matrix.indices, CHAIN)
    solver.factorize(matrix.data)
    rhs = np.arange(1.0, 7.0)
    np.testing.assert_allclose(solver.solve(rhs), np.linalg.solve(matrix.toarray(), rhs), rtol=1e-10)
    assert solver.stats.perturbed_pivots > 0
    assert solver.stats.refinements > 0
    assert solver.stats.fallbacks == 0


def test_statistics_of_all_matrices():
    """A good matrix does not hide a bad one before it."""
    matrix = chain(10.0)
    bad = np.where(matrix.data == 10.0, 0.0, matrix.data)
    solver = NativeLU(leaf_elements=1)
    assert np.isnan(solver.stats.backward_error)
    solver.analyse(matrix.indptr, matrix.indices, CHAIN)
    solver.factorize(bad)
    once = solver.stats.perturbed_pivots
    assert once > 0
    solver.factorize(matrix.data)
    solver.factorize(bad)
    assert solver.stats.perturbed_pivots == 2 * once
    errors = []
    given = problem("unstructured")
    matrices = [problem("unstructured", 1e4, True).matrix, given.matrix, 3.0 * given.matrix]
    solver = analysed(given, refinement=0)
    for matrix in matrices:
        solver.factorize(matrix.data)
        rhs = right_hand_sides(matrix.shape[0])
        found = solver.solve(rhs)
        errors.append(solver._lu.backward_error(found, rhs))
        assert solver.stats.backward_error == max(errors)
    assert errors[-1] < errors[0]


def test_falls_back_to_superlu():
    matrix = chain(0.0)
    solver = NativeLU(leaf_elements=1, refinement=0)
    solver.analyse(matrix.indptr, matrix.indices, CHAIN)
    rhs = right_hand_sides(6, 3)
    for transpose in (False, True):
        matrix.data *= 2.0
        solver.factorize(matrix.data)
        if transpose:
            got = solver.solve(rhs, transpose=True)  # it warns once
        else:
            with pytest.warns(RuntimeWarning, match=r"^native: the backward error stays at .* by superlu"):
                got = solver.solve(rhs)
        dense = matrix.toarray()
        np.testing.assert_allclose(got, np.linalg.solve(dense.T if transpose else dense, rhs), rtol=1e-12)
        assert solver.stats.backward_error < 1e-15
        solver.solve(rhs)  # by the same factors
    assert solver.stats.fallbacks == 2


@pytest.mark.parametrize("kind", ["rank", "row"])
def test_singular_matrices(kind):
    given = problem("unstructured")
    matrix = given.matrix.copy()
    n = matrix.shape[0]
    if kind == "row":
        matrix.data[matrix.indptr[7] : matrix.indptr[8]] = 0.0
    else:  # two rows of one node are the same
        a, b = np.flatnonzero(given.node_of_row == given.node_of_row[0])[:2]
        np.testing.assert_array_equal(matrix[[a]].indices, matrix[[b]].indices)
        matrix.data[matrix.indptr[b] : matrix.indptr[b + 1]] = matrix.data[
            matrix.indptr[a] : matrix.indptr[a + 1]
        ]
    solver = analysed(given)
    solver.factorize(matrix.data)
    assert solver.stats.perturbed_pivots >= 1
    with (
        pytest.warns(RuntimeWarning, match=r"^native: "),
        pytest.raises(NumericalError, match=r"^native: the backward error stays at .*singular") as failure,
    ):
        solver.solve(right_hand_sides(n))
    assert isinstance(failure.value, ConvergenceError)
    assert len(failure.value.history) >= 1
    assert min(failure.value.history) > 1e-10


def test_zero_matrix():
    given = problem("tiny")
    solver = analysed(given)
    with pytest.raises(NumericalError, match=r"^the matrix is singular: all its values are zero$"):
        solver.factorize(0.0 * given.matrix.data)


def test_refused_options():
    for options, message in (
        ({"leaf_elements": 0}, "leaf_elements = 0 is below 1"),
        ({"leaf_elements": 1.5}, "leaf_elements = 1.5 is not an integer"),
        ({"scaling": "max"}, "scaling = 'max' is not one of ruiz, none"),
        ({"refinement": -1}, "refinement = -1 is below 0"),
        ({"refinement": 101}, "refinement = 101 is outside [0, 100]"),
        ({"num_threads": 0}, "num_threads = 0 is below 1"),
    ):
        with pytest.raises(InvalidArgument) as refusal:
            NativeLU(**options)
        assert str(refusal.value) == message
    with pytest.raises(InvalidArgument, match=r"^num_threads = 2000 is above 1024$"):
        analysed(problem("tiny"), num_threads=2000)


def test_refused_patterns():
    square = Layout([[0, 1, 2], [0, 2, 3]], [[0, 0], [1, 0], [1, 1], [0, 1]], [0, 1, 2, 3])
    indptr, indices = [0, 4, 7, 11, 14], [0, 1, 2, 3, 0, 1, 2, 0, 1, 2, 3, 0, 2, 3]

    def layout(elements=square.elements, coordinates=square.coordinates, node_of_row=square.node_of_row):
        return Layout(elements, coordinates, node_of_row)

    for pattern, place, message in (
        ((indptr[:-1], indices), square, "indptr[3] = 11 is not the number of indices, 14"),
        ((indptr, indices[:-1]), square, "indptr[4] = 14 is not the number of indices, 13"),
        (
            (indptr, [0, 2, 1, *indices[3:]]),
            square,
            "indices[2] = 1 is not above indices[1] = 2 in the same row",
        ),
        (
            ([0, 4, 7, 10, 13], [0, 1, 2, 3, 0, 1, 2, 0, 1, 2, 0, 2, 3]),
            square,
            "indices: the pattern is not symmetric, row 3 holds column 2 but row 2 lacks column 3",
        ),
        (
            ([0, 3, 6, 10, 13], [0, 1, 2, 0, 1, 2, 0, 1, 2, 3, 0, 2, 3]),
            square,
            "indices: the pattern is not symmetric, row 3 holds column 0 but row 0 lacks column 3",
        ),
        (
            ([0, 4, 8, 12, 16], [0, 1, 2, 3] * 4),
            square,
            "indices: row 3 holds column 1, but their nodes share no element",
        ),
        (
            (indptr, indices),
            layout(node_of_row=[0, 1, 2]),
            "node_of_row: expected 4 numbers, got 3",
        ),
        ((indptr, indices), layout(node_of_row=[0, 1, 2, 4]), "node_of_row[3] = 4 is outside [0, 4)"),
        ((indptr, indices), layout(elements=[[0, 1, 2], [0, 2, 9]]), "elements[5] = 9 is outside [0, 4)"),
        ((indptr, indices), layout(elements=[[0, 1, 2]]), "node_of_row[3] = 3 is a node of no element"),
        (
            (indptr, indices),
            layout(elements=np.zeros((0, 3), int)),
            "node_of_row[0] = 0 is a node of no element",
        ),
        ((indptr, indices), layout(elements=[[0, 1], [2, 3]]), "nodes per element = 2 is below 3"),
        ((indptr, indices), layout(coordinates=np.zeros((4, 4))), "dim = 4 is outside [1, 3]"),
    ):
        solver = NativeLU(leaf_elements=1)
        with pytest.raises(InvalidArgument) as refusal:
            solver.analyse(*pattern, place)
        assert str(refusal.value) == message
        with pytest.raises(InvalidArgument, match=r"^factorize was called before analyse$"):
            solver.factorize(np.ones(14))
    with pytest.raises(InvalidArgument) as refusal:
        NativeLU().analyse(indptr, indices)
    assert str(refusal.value) == (
        "layout: the native solver needs to know where rows sit on a mesh; solver 'superlu' takes any matrix"
    )


def test_refused_values():
    given = problem("uniform")
    solver = analysed(given)
    n, nnz = given.matrix.shape[0], given.matrix.nnz
    for bad in (np.nan, np.inf):
        values = given.matrix.data.copy()
        values[nnz - 2] = bad
        with pytest.raises(InvalidArgument, match=rf"^values\[{nnz - 2}\] = {bad} is not finite$"):
            solver.factorize(values)
        with pytest.raises(InvalidArgument, match=r"^solve was called before factorize$"):
            solver.solve(np.ones(n))
    with pytest.raises(NumericalError, match=r"^the sum of row 0 of the matrix overflows$"):
        solver.factorize(np.full(nnz, 1e308))
    with pytest.raises(InvalidArgument, match=rf"^values: expected shape \({nnz},\), got \({nnz - 1},\)$"):
        solver.factorize(np.ones(nnz - 1))


def test_empty():
    solver = NativeLU()
    layout = Layout(np.zeros((0, 3), int), np.zeros((0, 2)), np.zeros(0, int))
    solver.analyse(np.zeros(1, int), np.zeros(0, int), layout)
    solver.factorize([])
    assert solver.solve(np.zeros((0, 2))).shape == (0, 2)
