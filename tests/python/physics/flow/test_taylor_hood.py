"""Matrices: against scikit-fem on structured, unstructured and curved meshes, and what holds by itself."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal.errors import InvalidArgument
from nonideal.physics import flow
from nonideal.physics.flow.quadrature import Cells
from oracles import flow_assembly as oracle
from oracles import flow_meshes


def enclosed(mesh, **options):
    return flow.NavierStokes(mesh, viscosity=1.0, dirichlet=dict.fromkeys(mesh.boundaries, 0.0), **options)


MESHES = {
    "graded": lambda: flow.Mesh.rectangle(0, 2, 0, 1, nx=5, ny=4, grading="cosine"),
    "unstructured": lambda: flow.Mesh(*flow_meshes.unstructured(5, 3)),
    "curved": lambda: flow.Mesh(*flow_meshes.curved(5, 3)),
    "cylinder": lambda: flow.Mesh.cylinder_channel(3),  # a few curved cells among straight ones
    "box": lambda: flow.Mesh.box(0, 2, 0, 1, 0, 1, nx=2, ny=3, nz=2, grading="cosine"),
    "tetrahedra": lambda: flow.Mesh(*flow_meshes.tetrahedra(2, 3)),
    "curved tetrahedra": lambda: flow.Mesh(*flow_meshes.curved_tetrahedra(2, 3)),
}


@pytest.fixture(params=MESHES)
def problem(request):
    return enclosed(MESHES[request.param]())


def field(problem, seed=0):
    return np.random.default_rng(seed).standard_normal(problem.nodes.shape)


def close(ours, theirs, rtol=1e-14):
    assert ours.shape == theirs.shape
    assert abs(ours - theirs).max() <= rtol * max(abs(theirs).max(), 1e-300)


def test_matrices_are_scikit_fems(problem):
    mesh = problem.mesh
    assembly = oracle.Assembly(mesh.points, mesh.cells, problem.nodes, mesh.n_vertices)
    w = field(problem)
    close(problem.mass_matrix, assembly.matrix(oracle.mass))
    close(problem.stiffness_matrix, assembly.matrix(oracle.stiffness), oracle.viscous_tolerance(mesh))
    close(problem.divergence_matrix, assembly.divergence(), 3e-14)
    close(problem.convection_matrix(w), assembly.matrix(oracle.convection, convecting=w), 3e-14)


@given(seed=st.integers(0, 10_000), n=st.integers(2, 6), curved=st.booleans())
@settings(max_examples=25, deadline=None)
def test_matrices_of_random_meshes(seed, n, curved):
    mesh = flow.Mesh(*(flow_meshes.curved if curved else flow_meshes.unstructured)(n, seed))
    problem = enclosed(mesh)
    w = field(problem, seed)
    assembly = oracle.Assembly(mesh.points, mesh.cells, problem.nodes, mesh.n_vertices)
    close(problem.mass_matrix, assembly.matrix(oracle.mass))
    close(problem.convection_matrix(w), assembly.matrix(oracle.convection, convecting=w), 3e-14)
    close(problem.divergence_matrix, assembly.divergence(), 3e-14)


def test_numbering(problem):
    mesh, edges = problem.mesh, problem.edges
    assert problem.n_dof == problem.n_velocity + problem.n_pressure
    assert problem.n_velocity == mesh.dim * len(problem.nodes)
    assert len(problem.nodes) == mesh.n_vertices + len(edges)
    assert (edges[:, 0] < edges[:, 1]).all()
    assert (np.lexsort(edges.T[::-1]) == np.arange(len(edges))).all()
    np.testing.assert_array_equal(problem.nodes[: mesh.n_vertices], mesh.points[: mesh.n_vertices])
    outer = sum(len(facets) for facets in mesh.boundaries.values())
    facets = ((mesh.dim + 1) * mesh.n_cells + outer) // 2 if mesh.dim == 3 else 0
    euler = mesh.n_vertices - len(edges) + (facets - mesh.n_cells if mesh.dim == 3 else mesh.n_cells)
    assert euler == (0 if "cylinder" in mesh.boundaries else 1)
    corners = problem.cell_nodes[:, : mesh.dim + 1]
    sides = problem.cell_nodes[:, mesh.dim + 1 :] - mesh.n_vertices
    ends = [(0, 1), (1, 2), (2, 0), (0, 3), (1, 3), (2, 3)][: sides.shape[1]]
    np.testing.assert_array_equal(edges[sides], np.sort(corners[:, ends], axis=2))
    if mesh.cells.shape[1] > mesh.dim + 1:  # each node is where the mesh has it
        np.testing.assert_array_equal(problem.nodes[problem.cell_nodes], mesh.points[mesh.cells])


def test_constants(problem):
    """A constant velocity has no gradient and no divergence, and its mass is the area."""
    one = np.ones(problem.n_velocity)
    area = problem.cells.weights.sum()
    assert one @ problem.mass_matrix @ one == pytest.approx(problem.mesh.dim * area, rel=1e-13)
    stiffness = problem.stiffness_matrix
    assert np.abs(stiffness @ one).max() <= 1e-13 * abs(stiffness).max()
    assert np.abs(problem.divergence_matrix @ one)[~problem.constrained[: problem.n_pressure]].max() < 1e-15


def test_symmetric_and_positive(problem):
    for matrix in (problem.mass_matrix, problem.stiffness_matrix):
        assert abs(matrix - matrix.T).max() <= 1e-15 * abs(matrix).max()
        assert np.linalg.eigvalsh(matrix.toarray())[0] > -1e-12


def test_rows_of_convection_add_up_to_zero(problem):
    matrix = problem.convection_matrix(field(problem))
    assert np.abs(matrix @ np.ones(problem.n_velocity)).max() <= 1e-14 * abs(matrix).max()


@pytest.mark.parametrize("name", ["graded", "unstructured"])
def test_energy_of_convection_passes_through_the_boundary(name):
    """v C(w) v = 1/2 int (w . n) |v|^2 for a quadratic w with div w = 0, here curl of x^2 y + x y^2."""
    problem = enclosed(MESHES[name]())
    x, y = problem.nodes.T
    w = np.stack([x**2 + 2 * x * y, -2 * x * y - y**2], axis=1)
    v = field(problem, 4)
    energy = v.ravel() @ problem.convection_matrix(w) @ v.ravel()
    outflow = 0.0
    gauss, weights = np.polynomial.legendre.leggauss(5)
    for part in problem.mesh.boundaries:
        for begin, end, middle in problem.sides(part).sides:
            ends = problem.nodes[[begin, end]]
            for s, weight in zip((1 + gauss) / 2, weights / 2, strict=True):
                shape = np.array([(1 - s) * (1 - 2 * s), s * (2 * s - 1), 4 * s * (1 - s)])
                tangent = ends[1] - ends[0]
                through = shape @ w[[begin, end, middle]] @ [tangent[1], -tangent[0]]
                outflow += weight * through * np.sum((shape @ v[[begin, end, middle]]) ** 2) / 2
    assert energy == pytest.approx(outflow, rel=1e-12)


def test_divergence_of_a_solenoidal_quadratic_is_zero():
    for name in ("graded", "unstructured"):
        problem = enclosed(MESHES[name]())
        x, y = problem.nodes.T
        w = np.stack([x**2 + 2 * x * y, -2 * x * y - y**2], axis=1)
        assert np.abs(problem.divergence_matrix @ w.ravel()).max() < 1e-15


def test_polynomials_are_integrated_exactly(problem):
    """Mass and load of x, y: exact on curved cells too, where the map is quadratic."""
    cells = Cells(problem.nodes, problem.cell_nodes, 4)
    if problem.mesh.curved:  # linear functions are in the space, quadratic ones are not
        u = problem.nodes
        exact = (cells.weights * (cells.points**2).sum(axis=2)).sum()
    else:
        u = problem.nodes * problem.nodes[:, [1]]
        exact = (cells.weights * ((cells.points * cells.points[..., [1]]) ** 2).sum(axis=2)).sum()
    assert u.ravel() @ problem.mass_matrix @ u.ravel() == pytest.approx(exact, rel=1e-13)


@pytest.mark.parametrize("threads", [1, 2, 3, 4])
@pytest.mark.parametrize("name", ["cylinder", "box"])
def test_same_bits_for_every_number_of_threads(name, threads):
    box = flow.Mesh.box(0, 1, 0, 1, 0, 1, nx=8, ny=8, nz=8)
    problem = enclosed(box if name == "box" else flow.Mesh.cylinder_channel(24))
    w = field(problem)
    expected = problem.convection_matrix(w, num_threads=1)
    got = problem.convection_matrix(w, num_threads=threads)
    np.testing.assert_array_equal(got.data, expected.data)


PRINT_BITS = """
import hashlib, sys
import numpy as np
from nonideal import _core
from nonideal.physics import flow
sys.path.insert(0, "tests")
from oracles import flow_meshes
mesh = flow.Mesh(*flow_meshes.curved_tetrahedra(2, 1))
enclosed = flow.NavierStokes(mesh, viscosity=1.0, dirichlet=dict.fromkeys(mesh.boundaries, 0.0))
digest = hashlib.sha256()
for problem in flow.cases.cylinder(8, solver="superlu"), enclosed:
    w = np.random.default_rng(0).standard_normal(problem.nodes.shape)
    operator = problem.operator
    operator.update(w, 0.01, newton=True, boundary=w, reaction=0.5)
    convection = problem.convection_matrix(w).data
    for part in operator.matrix.data, operator.rhs, problem.mass_matrix.data, convection:
        digest.update(np.ascontiguousarray(part).tobytes())
print(digest.hexdigest())
"""


def test_same_bits_for_every_instruction_set():
    digests = set()
    for isa in ("baseline", "avx2", "avx512"):
        environment = {**os.environ, "NONIDEAL_ISA": isa}
        done = subprocess.run(
            [sys.executable, "-c", PRINT_BITS], capture_output=True, text=True, env=environment, timeout=120
        )
        if "NONIDEAL_ISA" in done.stderr:  # this processor lacks it
            continue
        assert done.returncode == 0, done.stderr
        digests.add(done.stdout)
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((3, 2)), "convecting has shape (3, 2), not (25, 2)"),
        (np.zeros(50), "convecting has shape (50,), not (25, 2)"),
        (np.full((25, 2), np.nan), "convecting[0, 0] = nan is not finite"),
        (np.zeros((25, 2), dtype=complex), "convecting has dtype complex128, not a real number's"),
    ],
)
def test_fields_that_do_not_fit_are_refused(values, message):
    problem = enclosed(flow.Mesh.rectangle(0, 1, 0, 1, nx=2, ny=2))
    with pytest.raises(InvalidArgument) as refusal:
        problem.convection_matrix(values)
    assert str(refusal.value) == message


def test_fields_of_any_layout_give_the_same(problem):
    w = field(problem).astype(np.float32)
    expected = problem.convection_matrix(w.astype(np.float64)).data
    frozen = np.asfortranarray(w.astype(np.float64))
    frozen.flags.writeable = False
    padded = np.zeros((2 * len(w), 2 * w.shape[1]))
    padded[::2, ::2] = w
    for same in (w, frozen, padded[::2, ::2], w.tolist()):
        np.testing.assert_array_equal(problem.convection_matrix(same).data, expected)
