"""The Oseen operator: what it writes in place is what slicing the assembled matrices gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal import _core
from nonideal.errors import InvalidArgument
from nonideal.physics import flow
from oracles import flow_assembly as oracle
from oracles import flow_meshes


def make(mesh, open_part=None):
    dirichlet = {part: 0.0 for part in mesh.boundaries if part != open_part}
    traction = {open_part: 0.0} if open_part else None
    return flow.NavierStokes(mesh, viscosity=1.0, dirichlet=dirichlet, traction=traction)


PROBLEMS = {
    "graded": lambda: make(flow.Mesh.rectangle(0, 2, 0, 1, nx=5, ny=4, grading="cosine")),
    "open": lambda: make(flow.Mesh.rectangle(0, 2, 0, 1, nx=5, ny=4), "right"),
    "unstructured": lambda: make(flow.Mesh(*flow_meshes.unstructured(5, 3)), "top"),
    "curved": lambda: make(flow.Mesh(*flow_meshes.curved(5, 3))),
    "cylinder": lambda: make(flow.Mesh.cylinder_channel(3), "outlet"),
    "box": lambda: make(flow.Mesh.box(0, 2, 0, 1, 0, 1, nx=2, ny=3, nz=2, grading="cosine")),
    "tetrahedra": lambda: make(flow.Mesh(*flow_meshes.tetrahedra(2, 3)), "x1"),
    "curved tetrahedra": lambda: make(flow.Mesh(*flow_meshes.curved_tetrahedra(2, 3)), "z0"),
}


@pytest.fixture(params=PROBLEMS)
def problem(request):
    return PROBLEMS[request.param]()


def fields(problem, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal(problem.nodes.shape), rng.standard_normal(problem.nodes.shape)


def pinned(problem):
    """The pressure that has no row."""
    rows = problem.operator.free[problem.operator.free >= problem.n_velocity] - problem.n_velocity
    left_out = np.setdiff1d(np.arange(problem.n_pressure), rows)
    assert len(left_out) == int(problem.enclosed)
    return int(left_out[0]) if len(left_out) else None


def expected(problem, w, viscosity, newton, g, reaction=0.0):
    mesh = problem.mesh
    assembly = oracle.Assembly(mesh.points, mesh.cells, problem.nodes, mesh.n_vertices)
    stiffness = assembly.matrix(oracle.stiffness)
    if oracle.viscous_tolerance(mesh) > 1e-13:  # it depends on the rule; compared elsewhere
        stiffness = problem.stiffness_matrix
    block = viscosity * stiffness
    if reaction:
        block = block + reaction * assembly.matrix(oracle.mass)
    load = np.zeros(problem.n_velocity)
    if w is not None:
        convection = assembly.matrix(oracle.convection, convecting=w)
        block = block + convection
        if newton:
            block = block + assembly.matrix(oracle.newton, convecting=w)
            load = convection @ w.ravel()
    boundary = np.zeros(problem.nodes.shape) if g is None else g
    matrix, rhs, free = oracle.saddle(
        block, assembly.divergence(), boundary, problem.constrained, pinned(problem)
    )
    rhs[free < problem.n_velocity] += load[free[free < problem.n_velocity]]
    return matrix, rhs, free


def check(problem, operator, w, viscosity, newton, g, reaction=0.0):
    matrix, rhs, free = expected(problem, w, viscosity, newton, g, reaction)
    np.testing.assert_array_equal(operator.free, free)
    assert abs(operator.matrix - matrix).max() <= 3e-14 * abs(matrix).max()
    np.testing.assert_allclose(operator.rhs, rhs, rtol=0, atol=1e-13 * max(1.0, np.abs(rhs).max()))


@pytest.mark.parametrize("newton", [False, True])
@pytest.mark.parametrize("boundary", [False, True])
def test_update(problem, newton, boundary):
    w, g = fields(problem)
    operator = problem.operator
    operator.update(w, 0.3, newton=newton, boundary=g if boundary else None)
    check(problem, operator, w, 0.3, newton, g if boundary else None)


def test_updates_do_not_remember(problem):
    """After a Newton step with boundary values and reaction, Stokes is Stokes; the arrays are the same."""
    w, g = fields(problem)
    operator = problem.operator
    data = operator.matrix.data
    operator.update(w, 0.3, newton=True, boundary=g, reaction=2.0)
    check(problem, operator, w, 0.3, True, g, 2.0)
    operator.update(None, 0.7)
    check(problem, operator, None, 0.7, False, None)
    operator.update(None, 0.0, reaction=1.0)  # the projection's matrix
    check(problem, operator, None, 0.0, False, None, 1.0)
    assert operator.matrix.data is data


def test_newton_without_convection_is_stokes(problem):
    operator = problem.operator
    operator.update(None, 1.0, newton=True)
    check(problem, operator, None, 1.0, False, None)


@given(seed=st.integers(0, 10_000), n=st.integers(2, 6), curved=st.booleans(), newton=st.booleans())
@settings(max_examples=25, deadline=None)
def test_update_on_random_meshes(seed, n, curved, newton):
    mesh = flow.Mesh(*(flow_meshes.curved if curved else flow_meshes.unstructured)(n, seed))
    problem = make(mesh, "right")
    w, g = fields(problem, seed)
    problem.operator.update(w, 0.01, newton=newton, boundary=g)
    check(problem, problem.operator, w, 0.01, newton, g)


def test_newtons_matrix_is_the_derivative(problem):
    """The residual at w + h v is that at w plus h times the matrix times v, up to h^2."""
    w, v = fields(problem)
    v[problem.constrained] = 0.0
    operator, h = problem.operator, 1e-6
    operator.update(w, 0.1, newton=True)
    rows = operator.free[: operator.n_velocity_rows]
    change = (operator.matrix @ np.append(v.ravel()[rows], np.zeros(len(operator.free) - len(rows))))[
        : len(rows)
    ]

    def residual(u):
        return (0.1 * problem.stiffness_matrix + problem.convection_matrix(u)) @ u.ravel()

    difference = (residual(w + h * v) - residual(w - h * v)) / (2 * h)
    np.testing.assert_allclose(change, difference[rows], atol=1e-8 * np.abs(change).max())


def test_pattern(problem):
    operator = problem.operator
    matrix = operator.matrix
    assert matrix.has_sorted_indices
    assert matrix.indices.dtype == matrix.indptr.dtype == np.int32
    pattern = matrix.copy()
    pattern.data = np.ones_like(pattern.data)
    assert abs(pattern - pattern.T).max() == 0
    assert np.shares_memory(matrix.data, operator._core.values)
    layout = operator.layout
    nodes = np.concatenate([operator.free[: operator.n_velocity_rows] // problem.mesh.dim,
                            operator.free[operator.n_velocity_rows :] - problem.n_velocity])  # fmt: skip
    np.testing.assert_array_equal(layout.node_of_row, nodes)
    assert not problem.constrained[nodes[: operator.n_velocity_rows]].any()


@pytest.mark.parametrize("threads", [1, 2, 3, 4])
@pytest.mark.parametrize("newton", [False, True])
def test_same_bits_for_every_number_of_threads(threads, newton):
    problem = make(flow.Mesh.cylinder_channel(24), "outlet")
    w, g = fields(problem)
    one, many = problem._make_operator(), problem._make_operator()
    one.update(w, 0.1, newton=newton, boundary=g, num_threads=1)
    many.update(w, 0.1, newton=newton, boundary=g, num_threads=threads)
    np.testing.assert_array_equal(one.matrix.data, many.matrix.data)
    np.testing.assert_array_equal(one.rhs, many.rhs)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((None, -1.0), {}, "viscosity = -1 is not a finite number >= 0"),
        ((None, float("nan")), {}, "viscosity = nan is not finite"),
        ((None, 1.0), {"reaction": -0.5}, "reaction = -0.5 is not a finite number >= 0"),
        ((None, 1.0), {"num_threads": 0}, "num_threads = 0 is below 1"),
        ((np.zeros((2, 2)), 1.0), {}, "convecting has shape (2, 2), not (25, 2)"),
        ((None, 1.0), {"boundary": np.zeros((25, 3))}, "boundary has shape (25, 3), not (25, 2)"),
        ((None, 1.0), {"boundary": np.full((25, 2), np.inf)}, "boundary[0, 0] = inf is not finite"),
    ],
)
def test_refusals(arguments, options, message):
    operator = make(flow.Mesh.rectangle(0, 1, 0, 1, nx=2, ny=2)).operator
    with pytest.raises(InvalidArgument) as refusal:
        operator.update(*arguments, **options)
    assert str(refusal.value) == message


def test_refusals_of_the_core():
    mesh = flow.Mesh.rectangle(0, 1, 0, 1, nx=2, ny=2)
    space = _core.flow.TaylorHood(mesh.points, mesh.cells)
    for flags, pin, message in [
        (np.zeros(3, dtype=np.uint8), -1, "constrained: expected 25 numbers, got 3"),
        (np.ones(25, dtype=np.uint8), -1, "constrained: no velocity is free"),
        (np.zeros(25, dtype=np.uint8), 9, "pinned_pressure = 9 is outside [-1, 8]"),
        (np.zeros((25, 1), dtype=np.uint8), -1, "constrained: expected 1 dimensions, got 2"),
    ]:
        with pytest.raises(InvalidArgument) as refusal:
            _core.flow.OseenOperator(space, flags, pinned_pressure=pin)
        assert str(refusal.value) == message
    with pytest.raises(InvalidArgument) as refusal:
        space.convection(np.zeros((25, 3)))
    assert str(refusal.value) == "convecting: expected length 2, got 3"


def test_arrays_outlive_their_owner():
    nodes = _core.flow.TaylorHood(
        np.array([[0.0, 0], [1, 0], [0, 1]]), np.array([[0, 1, 2]], dtype=np.int32)
    ).nodes
    assert nodes.tolist() == [[0, 0], [1, 0], [0, 1], [0.5, 0], [0, 0.5], [0.5, 0.5]]
    assert not nodes.flags.writeable
