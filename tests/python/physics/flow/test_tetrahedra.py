"""Flows on tetrahedra: polynomial ones, which Taylor-Hood elements hold exactly, and a known one."""

import functools
import itertools

import meshio
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal.errors import InvalidArgument
from nonideal.physics import flow
from oracles import flow_meshes

NU = 0.25  # a power of two


def velocity(x, y, z, mu):
    """Quadratic and solenoidal."""
    return y * y + z * z, x * z, x * x - y * y


def force(x, y, z, mu):
    """Of the velocity above with the pressure x - 2 y + z; mu["c"] is the share of convection."""
    u, v, w = velocity(x, y, z, mu)
    convection = 2 * y * v + 2 * z * w, z * u + x * w, 2 * x * u - 2 * y * v
    stokes = -4 * NU + 1, -2.0, 1.0
    return tuple(mu["c"] * c + s for c, s in zip(convection, stokes, strict=True))


def polynomial(mesh, **options):
    return flow.NavierStokes(
        mesh, viscosity=NU, dirichlet=dict.fromkeys(mesh.boundaries, velocity), body_force=force, **options
    )


def exact(problem):
    pressure = problem.nodes[: problem.n_pressure] @ [1, -2, 1]
    return (
        np.stack(velocity(*problem.nodes.T, {}), axis=1),
        pressure - (problem.pressure_weights @ pressure) / problem.pressure_weights.sum(),
    )


def lid(x, y, z, mu):
    """A regularised lid whose direction turns with mu["a"]."""
    speed = 16 * x * (1 - x) * y * (1 - y)
    return speed, mu["a"] * speed, 0.0


def cavity(mesh, **options):
    dirichlet = {part: lid if part == "z1" else 0.0 for part in mesh.boundaries}
    space = flow.ParameterSpace(Re=(10, 60), a=(-1, 1))
    return flow.NavierStokes(
        mesh, viscosity=lambda mu: 1 / mu["Re"], dirichlet=dirichlet, parameters=space, **options
    )


def unit_box(n, **options):
    return flow.Mesh.box(0, 1, 0, 1, 0, 1, nx=n, ny=n, nz=n, **options)


MESHES = {
    "box": functools.partial(unit_box, 3),
    "moved points": lambda: flow.Mesh(*flow_meshes.tetrahedra(3, 1)),
    "curved": lambda: flow.Mesh(*flow_meshes.curved_tetrahedra(3, 1)),
}


@functools.cache
def solved(name):
    problem = cavity(MESHES[name]())
    return problem.solve({"Re": 50, "a": 0.5})


@pytest.mark.parametrize("convection", [0, 1])
@pytest.mark.parametrize("solver", ["native", "superlu"])
@pytest.mark.parametrize(
    "mesh",
    [
        lambda: flow.Mesh.box(0, 1, 0, 1, 0, 1, nx=2, ny=3, nz=4),
        lambda: flow.Mesh.box(0, 1, 0, 0.5, 0, 2, nx=3, ny=2, nz=2, grading="cosine"),
        MESHES["moved points"],
    ],
)
def test_polynomial_flow_is_exact(mesh, solver, convection):
    problem = polynomial(mesh(), solver=solver)
    mu = {"c": convection}
    solution = problem.solve(mu) if convection else problem.stokes(mu)
    u, p = exact(problem)
    assert np.abs(solution.velocity - u).max() < 1e-12
    assert np.abs(solution.pressure - p).max() < 1e-11
    assert problem.solver_stats.perturbed_pivots == problem.solver_stats.fallbacks == 0
    assert problem.solver_stats.analyses == 1


def test_integrals_of_a_polynomial_flow():
    """By hand: over the unit cube."""
    solution = polynomial(unit_box(2)).solve({"c": 1})
    # 1/2 int (y^2 + z^2)^2 + x^2 z^2 + (x^2 - y^2)^2
    assert solution.kinetic_energy() == pytest.approx(0.5 * (28 / 45 + 1 / 9 + 8 / 45), rel=1e-12)
    # curl = (-2 y - x, 2 z - 2 x, z - 2 y)
    curl = np.stack(np.broadcast_arrays(*_curl(*solution.problem.nodes.T)), axis=1)
    assert np.abs(solution.vorticity() - curl).max() < 1e-11
    squares = 4 / 3 + 1 / 3 + 1 + (8 / 3 - 2) + (1 / 3 + 4 / 3 - 1)
    assert solution.enstrophy() == pytest.approx(0.5 * squares, rel=1e-12)
    assert solution.flux("x1") == pytest.approx(2 / 3, rel=1e-12)
    assert solution.flux("y0") == pytest.approx(-1 / 4, rel=1e-12)
    assert solution.divergence_norm() < 1e-15
    points = np.random.default_rng(0).random((100, 3))
    u, p = solution.at(points)
    assert np.abs(u - np.stack(velocity(*points.T, {}), axis=1)).max() < 1e-12
    assert np.abs(p - (points @ [1, -2, 1])).max() < 1e-11


def _curl(x, y, z):
    return -2 * y - x, 2 * z - 2 * x, z - 2 * y


def test_force_on_the_whole_boundary_balances():
    """Reactions of all nodes: minus the body force plus the momentum that the flow carries out."""
    solution = polynomial(unit_box(2)).solve({"c": 1})
    problem = solution.problem
    load = problem.setting(solution.mu).load.sum(axis=0)
    carried = (problem.convection_matrix(solution.velocity) @ solution.velocity.ravel()).reshape(-1, 3)
    np.testing.assert_allclose(solution.reactions.sum(axis=0), carried.sum(axis=0) - load, atol=1e-12)
    # Of the plane x = 0, whose nodes share edges with other planes, less: between plates the drag is known.
    mesh = unit_box(2)
    plates = flow.NavierStokes(
        mesh,
        viscosity=0.5,
        dirichlet={"x0": _plates, "z0": 0.0, "z1": 0.0},
        traction={"x1": 0.0, "y0": 0.0, "y1": 0.0},
        body_force=lambda x, y, z, mu: (4.0, 0.0, 0.0),
    )
    found = plates.solve({})
    assert np.abs(found.velocity - np.stack(_plates(*plates.nodes.T, {}), axis=1)).max() < 1e-12


def _plates(x, y, z, mu):
    return 4 * z * (1 - z), 0 * x, 0 * x


# ---- a known flow ----

A, D = np.pi / 4, np.pi / 2


def beltrami(x, y, z, mu):
    """C. R. Ethier and D. A. Steinman, Int. J. Numer. Methods Fluids 19, 369 (1994), at time 0."""
    e = [np.exp(A * c) for c in (x, y, z)]
    s = lambda p, q: np.sin(A * p + D * q)  # noqa: E731
    c = lambda p, q: np.cos(A * p + D * q)  # noqa: E731
    return (
        -A * (e[0] * s(y, z) + e[2] * c(x, y)),
        -A * (e[1] * s(z, x) + e[0] * c(y, z)),
        -A * (e[2] * s(x, y) + e[1] * c(z, x)),
    )


def beltrami_pressure(x, y, z):
    """Its vorticity is along it, so that the pressure makes up for the kinetic energy."""
    return -0.5 * sum(u**2 for u in beltrami(x, y, z, {}))


def beltrami_force(x, y, z, mu):
    """What keeps it steady: -nu Lap u = nu d^2 u."""
    return tuple(NU * D**2 * u for u in beltrami(x, y, z, mu))


def test_orders_of_convergence():
    errors = []
    for n in (2, 4, 8):
        mesh = unit_box(n)
        problem = flow.NavierStokes(
            mesh,
            viscosity=NU,
            dirichlet=dict.fromkeys(mesh.boundaries, beltrami),
            body_force=beltrami_force,
        )
        solution = problem.solve({}, tol=1e-8)
        cells = problem.cells
        u = np.stack(beltrami(*cells.points.reshape(-1, 3).T, {}), axis=1).reshape(cells.points.shape)
        found = np.einsum("qk,ckx->cqx", cells.shape, solution.velocity[problem.cell_nodes])
        p = beltrami_pressure(*cells.points.reshape(-1, 3).T).reshape(cells.weights.shape)
        p -= (cells.weights * p).sum() / cells.weights.sum()
        linear = np.einsum("qk,ck->cq", cells.linear_shape, solution.pressure[problem.cell_nodes[:, :4]])
        off = ((found - u) ** 2).sum(axis=2), (linear - p) ** 2
        errors.append([np.sqrt((cells.weights * square).sum()) for square in off])
    orders = np.log2(np.array(errors[-2]) / errors[-1])
    assert orders[0] >= 2.9
    assert orders[1] >= 1.9


# ---- invariants ----


@pytest.mark.parametrize("name", MESHES)
def test_fixed_point_of_oseen(name):
    solution = solved(name)
    problem = solution.problem
    same = problem.oseen(solution.velocity, solution.mu)
    assert problem.norm(same.velocity - solution.velocity) < 1e-9 * problem.norm(solution.velocity)
    assert np.abs(same.pressure - solution.pressure).max() < 1e-9 * np.abs(solution.pressure).max()
    assert problem.solver_stats.perturbed_pivots == problem.solver_stats.fallbacks == 0
    assert problem.solver_stats.backward_error <= 1e-14


@pytest.mark.parametrize("name", MESHES)
def test_steps_of_newton_fall_quadratically(name):
    steps = solved(name).history
    assert steps[-1] < 1e-10
    assert steps[-1] < 30 * steps[-2] ** 2 + 1e-14


@pytest.mark.parametrize("name", MESHES)
def test_flow_is_solenoidal(name):
    """But for the net flux of interpolated data through a bent boundary, which all cells take up alike."""
    solution = solved(name)
    problem = solution.problem
    net = sum(solution.flux(part) for part in problem.mesh.boundaries)
    rest = problem.divergence_matrix @ solution.velocity.ravel()
    assert rest.sum() == pytest.approx(-net, abs=1e-14)
    rest += net * problem.pressure_weights / problem.pressure_weights.sum()
    assert np.abs(rest).max() < 1e-12
    assert abs(net) < (1e-3 if name == "curved" else 1e-14)


def test_mirrored_lid_mirrors_the_flow():
    """Swapping x and y maps each cube's six tetrahedra onto themselves."""
    problem = solved("box").problem
    one = problem.solve({"Re": 50, "a": 1.0})
    x, y, z = problem.nodes.T
    order = np.lexsort((z, y, x)), np.lexsort((z, x, y))
    u = one.velocity
    np.testing.assert_allclose(u[order[0]], u[order[1]][:, [1, 0, 2]], atol=1e-12)


@pytest.mark.parametrize("name", MESHES)
def test_solvers_agree(name):
    solution = solved(name)
    other = cavity(MESHES[name](), solver="superlu").solve(solution.mu)
    np.testing.assert_allclose(other.velocity, solution.velocity, atol=1e-10)
    np.testing.assert_allclose(other.pressure, solution.pressure, atol=1e-10)


def test_curved_cells_hold_their_volume():
    mesh = MESHES["curved"]()
    problem = cavity(mesh)
    ones = np.ones(problem.n_velocity)
    volume = ones @ problem.mass_matrix @ ones / 3
    by_facets = sum(
        np.einsum("q,fqx,fqx->", sides._weights, sides.points, sides.normals) / 3
        for sides in map(problem.sides, mesh.boundaries)
    )
    assert volume == pytest.approx(by_facets, rel=1e-13)
    assert problem.pressure_weights.sum() == pytest.approx(volume, rel=1e-13)
    fine = mesh.refined()
    assert fine.n_cells == 8 * mesh.n_cells
    assert cavity(fine).pressure_weights.sum() == pytest.approx(volume, rel=1e-12)


def test_points_in_curved_cells_are_found():
    solution = solved("curved")
    problem = solution.problem
    rng = np.random.default_rng(1)
    local = rng.dirichlet(np.ones(4), 200)[:, 1:]
    cells = rng.integers(0, problem.mesh.n_cells, 200)
    shape = flow.simplex.SIMPLICES[3].shape(local)
    points = np.einsum("nk,nkx->nx", shape, problem.nodes[problem.cell_nodes[cells]])
    expected = np.einsum("nk,nkx->nx", shape, solution.velocity[problem.cell_nodes[cells]])
    np.testing.assert_allclose(solution.at(points)[0], expected, atol=1e-8)
    with pytest.raises(InvalidArgument) as refusal:
        solution.at([[0.5, 0.5, 1.5]])
    assert str(refusal.value) == "points[0] = (0.5, 0.5, 1.5) is outside the mesh"


# ---- reduced models ----


@functools.cache
def trained():
    problem = cavity(unit_box(3))
    return problem, problem.snapshots(problem.parameters.grid(2), tol=1e-12)


def test_basis_returns_training_snapshots():
    problem, train = trained()
    basis = flow.ReducedBasis.fit(train, tol=1e-12)
    for column, mu in enumerate(train.parameters):
        found = basis.solve(mu)
        whole = train.velocity[:, column].reshape(-1, 3)
        assert problem.norm(found.velocity - whole) < 1e-8 * problem.norm(whole)
        np.testing.assert_allclose(found.pressure, train.pressure[:, column], atol=1e-7)


def test_linear_augmentation_changes_nothing_at_full_rank():
    problem, train = trained()
    basis = flow.ReducedBasis.fit(train, tol=1e-12)
    more = flow.ReducedBasis.fit(train + flow.augment(train, method="linear"), tol=1e-12)
    mu = {"Re": 33.0, "a": 0.2}
    assert problem.norm(basis.solve(mu).velocity - more.solve(mu).velocity) < 1e-8


@pytest.mark.parametrize("method", ["linear", "geometric_leray", "bracket", "oseen"])
def test_artificial_snapshots_are_solenoidal(method):
    problem, train = trained()
    made = flow.augment(train, method=method)
    assert np.abs(problem.divergence_matrix @ made.velocity).max() < 1e-12
    assert len(made) == 6


def test_oseen_augmentation_improves():
    problem, train = trained()
    mus = problem.parameters.random(3, seed=0)
    plain, more = (
        flow.validate(flow.ReducedBasis.fit(snapshots), problem, mus)
        for snapshots in (train, train + flow.augment(train))
    )
    assert more.mean[0] < 0.5 * plain.mean[0]


def test_convection_tensor_is_the_projected_operator():
    problem, train = trained()
    basis = flow.ReducedBasis.fit(train + flow.augment(train, method="bracket"))
    offline = basis._offline
    z = np.random.default_rng(0).standard_normal(offline.trial.shape[1])
    u = offline.trial @ z
    full = offline.modes.T @ (problem.convection_matrix(u.reshape(-1, 3)) @ u)
    _, tensor = offline.tested(offline.modes)
    ours = np.einsum("m,mij,j->i", z, tensor, z)
    np.testing.assert_allclose(ours, full, atol=1e-11 * np.abs(full).max())


def test_snapshots_survive_a_file(tmp_path):
    problem, train = trained()
    path = train.save(tmp_path / "train")
    np.testing.assert_array_equal(flow.Snapshots.load(path, problem).velocity, train.velocity)
    with pytest.raises(InvalidArgument, match="meshes differ"):
        flow.Snapshots.load(path, cavity(unit_box(2)))


# ---- refusals ----

CORNERS = [[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
FACETS = [[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]]


FORCE = "force(part) is what the fluid exerts"
TWO_DIMENSIONAL = [
    (lambda s: s.coefficients("z1", speed=1, length=1),
     "coefficients is for two dimensions; divide force(part) by speed^2 times an area"),
    (lambda s: s.wall_shear("z1"), f"wall_shear is for two dimensions; {FORCE}"),
    (lambda s: s.wall_sign_changes("z1"), f"wall_sign_changes is for two dimensions; {FORCE}"),
    (lambda s: flow.plot.streamlines(s),
     "pictures of fields are for two dimensions; save() writes what ParaView shows"),
    (lambda s: flow.StreamFunction(s.problem), "a stream function is for two dimensions"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "message"), TWO_DIMENSIONAL)
def test_what_is_for_two_dimensions_is_refused(call, message):
    with pytest.raises(InvalidArgument) as refusal:
        call(solved("box"))
    assert str(refusal.value) == f"mesh.dim = 3: {message}"


def test_stream_product_is_refused():
    with pytest.raises(InvalidArgument) as refusal:
        flow.augment(trained()[1], method="stream_product")
    assert str(refusal.value) == (
        "method = 'stream_product' needs a stream function, which is for two dimensions, not 3; "
        "'bracket' and 'geometric_leray' are for three too"
    )


@pytest.mark.parametrize(
    ("points", "cells", "parts", "message"),
    [
        (CORNERS, [[0, 2, 1, 3]], {"wall": FACETS}, "cells[0] is inverted: its volume is negative"),
        ([*CORNERS[:3], [1, 1, 0]], [[0, 1, 2, 3]], {"wall": FACETS},
         "cells[0] is degenerate: volume 0, longest edge 1.4142135623730951"),
        ([*CORNERS, [0.95, 0, 0], [0.5, 0.5, 0], [0, 0.5, 0], [0, 0, 0.5], [0.5, 0, 0.5], [0, 0.5, 0.5]],
         [range(10)], {"wall": FACETS},
         "cells[0] is folded: its edges' nodes are too far from the middle"),
        (CORNERS, [[0, 1, 2, 3]], {"wall": FACETS[:3]},
         "boundaries: facet (1, 2, 3) of cells[0] is in no part"),
        (CORNERS, [[0, 1, 2, 3]], {"wall": FACETS, "lid": [[3, 2, 1]]},
         "boundaries: facet (3, 2, 1) is in both 'wall' and 'lid'"),
        (CORNERS, [[0, 1, 2, 3]], {"wall": [[0, 1, 4]]},
         "boundaries['wall']: facet (0, 1, 4) is not on the boundary of the mesh"),
        (CORNERS, [[0, 1, 2, 3]], {"wall": [[0, 1]]},
         "boundaries['wall'] has shape (1, 2), not (n_facets, 3)"),
        ([*CORNERS, *np.add(CORNERS, 5)], [[0, 1, 2, 3], [4, 5, 6, 7]], {"wall": FACETS},
         "cells[1] is not connected with cells[0]"),
        ([[np.nan, 0, 0], *CORNERS[1:]], [[0, 1, 2, 3]], {"wall": FACETS},
         "points[0, 0] = nan is not finite"),
    ],
)  # fmt: skip
def test_broken_meshes_are_refused(points, cells, parts, message):
    with pytest.raises(InvalidArgument) as refusal:
        flow.Mesh(points, [list(cell) for cell in cells], parts)
    assert str(refusal.value) == message


@given(seed=st.integers(0, 1000), data=st.data())
@settings(max_examples=15, deadline=None)
def test_a_cell_turned_inside_out_is_named(seed, data):
    points, cells, parts = flow_meshes.tetrahedra(2, seed)
    flow.Mesh(points, cells, parts)
    bad = data.draw(st.integers(0, len(cells) - 1))
    cells[bad, [0, 1]] = cells[bad, [1, 0]]
    with pytest.raises(InvalidArgument) as refusal:
        flow.Mesh(points, cells, parts)
    assert str(refusal.value) == f"cells[{bad}] is inverted: its volume is negative"


def test_a_vertex_whose_pressure_nothing_sees_is_refused():
    """The cube in five tetrahedra: each corner that is cut off has all its nodes on the walls."""
    points = unit_box(1).points
    cells = [[0, 1, 2, 4], [3, 2, 1, 7], [5, 1, 4, 7], [6, 4, 2, 7], [1, 2, 4, 7]]
    cells = [c if np.linalg.det(points[c[1:]] - points[c[0]]) > 0 else [c[1], c[0], *c[2:]] for c in cells]
    all_facets = [tuple(f) for c in cells for f in itertools.combinations(sorted(c), 3)]
    facets = [f for f in all_facets if all_facets.count(f) == 1]
    mesh = flow.Mesh(points, cells, {"wall": facets}).refined()
    with pytest.raises(InvalidArgument) as refusal:
        flow.NavierStokes(mesh, viscosity=1.0, dirichlet={"wall": 0.0})
    assert str(refusal.value) == (
        "mesh: all velocities around vertex 0 are prescribed, in cells[0] among others; "
        "its pressure is not determined"
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((1.0, 0.0), "dirichlet['z1'] = (1.0, 0.0) is not a number, a triple of numbers or a function"),
        (lambda x, y, z, mu: (x, y), "dirichlet['z1'] at mu = {} returned tuple, not 3 components"),
        (lambda x, y, z, mu: (x, y, z[1:]),
         ("dirichlet['z1'] at mu = {}: component 2 has shape (24,) and dtype float64, "
         "not a number or 25 numbers")),
        (lambda x, y, z, mu: (x, y, np.where(x + y > 1.9, np.inf, z)),
         "dirichlet['z1'] at mu = {}: component 2 is not finite at (1, 1, 1)"),
        ((0.0, 0.0, 1.0),
         ("dirichlet: net flux 0.666667 out of an enclosed flow, of 0.666667 in and out; "
         "at most 0.001 of it may remain")),
    ],
)  # fmt: skip
def test_data_that_do_not_fit_are_refused(data, message):
    mesh = unit_box(2)
    dirichlet = {"z1": data, **{part: 0.0 for part in mesh.boundaries if part != "z1"}}
    with pytest.raises(InvalidArgument) as refusal:
        flow.NavierStokes(mesh, viscosity=1.0, dirichlet=dirichlet).stokes({})
    assert str(refusal.value) == message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nz": 0}, "nz = 0 is below 1"),
        ({"grading": "sine"}, "grading = 'sine' is not one of cosine"),
    ],
)
def test_box_refuses(change, message):
    with pytest.raises(InvalidArgument) as refusal:
        flow.Mesh.box(0, 1, 0, 1, 0, 1, **{"nx": 1, "ny": 1, "nz": 1, **change})
    assert str(refusal.value) == message
    with pytest.raises(InvalidArgument) as refusal:
        flow.Mesh.box(0, 1, 0, 1, 2, 1, nx=1, ny=1, nz=1)
    assert str(refusal.value) == "z1 = 1 is not above z0 = 2"


# ---- files, refinement ----


@pytest.mark.parametrize("name", MESHES)
@pytest.mark.parametrize("suffix", [None, ".msh", ".vtu"])
def test_meshes_survive_meshio(name, suffix, tmp_path):
    mesh = MESHES[name]()
    if suffix == ".vtu":  # which knows no groups: the tags stay
        mesh.write(tmp_path / "mesh.vtu")
        back = flow.Mesh.from_meshio(tmp_path / "mesh.vtu")
    elif suffix:
        mesh.write(tmp_path / "mesh.msh", file_format="gmsh22")
        back = flow.Mesh.from_meshio(tmp_path / "mesh.msh")
    else:
        back = flow.Mesh.from_meshio(mesh.to_meshio())
    np.testing.assert_allclose(back.points[back.cells], mesh.points[mesh.cells], atol=1e-15)
    assert sorted(map(len, back.boundaries.values())) == sorted(map(len, mesh.boundaries.values()))
    if suffix != ".vtu":
        assert list(back.boundaries) == list(mesh.boundaries)


def test_a_mesh_that_is_inside_out_is_turned():
    mesh = MESHES["curved"]()
    turned = mesh.to_meshio()
    turned.points[:, 0] *= -1
    back = flow.Mesh.from_meshio(turned)
    assert cavity(back).pressure_weights.sum() == pytest.approx(
        cavity(mesh).pressure_weights.sum(), rel=1e-13
    )


def test_solution_is_written(tmp_path):
    solution = solved("curved")
    solution.save(tmp_path / "flow.vtu")
    read = meshio.read(tmp_path / "flow.vtu")
    assert read.cells[0].type == "tetra10"
    np.testing.assert_array_equal(read.points, solution.problem.nodes)
    np.testing.assert_array_equal(read.point_data["velocity"], solution.velocity)
    assert read.point_data["vorticity"].shape == solution.velocity.shape
    np.testing.assert_array_equal(
        read.point_data["pressure"][: solution.problem.n_pressure], solution.pressure
    )


def test_refined_box():
    mesh = unit_box(2)
    fine = mesh.refined()
    assert fine.n_cells == 8 * mesh.n_cells
    assert fine.n_vertices == 5**3
    assert {name: len(facets) for name, facets in fine.boundaries.items()} == dict.fromkeys(
        mesh.boundaries, 32
    )
    volumes = np.linalg.det(fine.points[fine.cells[:, 1:]] - fine.points[fine.cells[:, :1]]) / 6
    np.testing.assert_allclose(volumes, 1 / 384, rtol=1e-12)


def test_refined_boundary_follows_a_surface():
    """The lid becomes a paraboloid: all its new nodes are on it, and the volume tends to the true one."""

    def project(part, points):
        lifted = points.copy()
        if part == "z1":
            x, y, _ = points.T
            lifted[:, 2] = _lid_height(x, y)
        return lifted

    start = unit_box(2)
    points = start.points.copy()
    top = points[:, 2] == 1
    points[top, 2] = _lid_height(*points[top, :2].T)
    mesh = flow.Mesh(points, start.cells, start.boundaries).refined(project)
    assert mesh.curved
    problem = cavity(mesh)
    x, y, z = problem.nodes[problem.sides("z1").nodes].T
    np.testing.assert_allclose(z, _lid_height(x, y), atol=1e-14)
    assert problem.pressure_weights.sum() == pytest.approx(1 + 0.8 / 36, rel=1e-4)


def _lid_height(x, y):
    return 1 + 0.8 * x * (1 - x) * y * (1 - y)
