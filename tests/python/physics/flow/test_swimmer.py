"""The swimmer, and a duct: exact Stokes flows, the series, fixed points, reduction, augmentation."""

import pickle
from functools import cache

import numpy as np
import pytest

from nonideal.errors import InvalidArgument
from nonideal.physics import flow
from oracles import stokes_sphere as exact

OUTER = ("x0", "x1", "y0", "y1", "z0", "z1")
CUBE = {"half_width": 3.0, "upstream": 3.0, "downstream": 3.0}


def past_a_sphere(x, y, z, mu):
    return tuple(exact.fixed_sphere(np.stack([x, y, z], 1)).T)


def error(solution, field):
    """L2 error of the velocity over the norm of what is exact, by the cells' quadrature."""
    cells = solution.problem.cells
    ours = np.einsum("qk,ckx->cqx", cells.shape, solution.velocity[solution.problem.cell_nodes])
    true = field(cells.points.reshape(-1, 3)).reshape(ours.shape)
    return np.sqrt(
        np.einsum("cq,cqx->", cells.weights, (ours - true) ** 2)
        / np.einsum("cq,cqx->", cells.weights, true**2)
    )


# ---- exact Stokes flows ----


@cache
def fixed_sphere(n, viscosity=0.5):
    problem = flow.NavierStokes(
        flow.Mesh.body_channel(n, **CUBE),
        viscosity=viscosity,
        dirichlet={**dict.fromkeys(OUTER, past_a_sphere), "body": 0.0},
    )
    return problem.stokes({})


def test_drag_of_a_fixed_sphere():
    """The exact flow on the channel's sides, so no walls: 6 pi nu a U, to fourth order."""
    drag, velocity = [], []
    for n in (3, 4, 5):
        solution = fixed_sphere(n)
        force = solution.force("body")
        drag.append(-force[2] / exact.drag(0.5) - 1)
        velocity.append(error(solution, exact.fixed_sphere))
        np.testing.assert_allclose(force[:2], 0, atol=0.02 / n**2 * exact.drag(0.5))
    assert 0 < drag[2] < 7e-3
    assert velocity[2] < 2.5e-3
    assert np.log(drag[0] / drag[2]) / np.log(5 / 3) > 2.9
    assert np.log(velocity[0] / velocity[2]) / np.log(5 / 3) > 2.7


@pytest.mark.slow
def test_drag_of_a_fixed_sphere_on_finer_meshes():
    drag, velocity = zip(
        *[
            (-s.force("body")[2] / exact.drag(0.5) - 1, error(s, exact.fixed_sphere))
            for s in map(fixed_sphere, (4, 8))
        ],
        strict=True,
    )
    assert np.log2(drag[0] / drag[1]) > 3.3
    assert np.log2(velocity[0] / velocity[1]) > 2.85
    assert drag[1] < 1e-3


def test_pressure_of_a_fixed_sphere():
    """Up to a constant, at vertices away from the corners."""
    off = []
    for n in (3, 5):
        solution = fixed_sphere(n)
        vertices = solution.problem.nodes[: solution.problem.n_pressure]
        away = np.abs(vertices).max(axis=1) < 2.5
        gap = (solution.pressure - exact.fixed_sphere_pressure(vertices, 0.5))[away]
        off.append(np.sqrt(np.mean((gap - gap.mean()) ** 2)))
    assert off[1] < off[0] / 2.2
    assert off[1] < 0.06 * 0.75  # of the largest


@pytest.mark.parametrize("beta", [-2.0, 1.5])
def test_no_force_on_a_free_swimmer(beta):
    found = []
    for n in (3, 5):
        problem = flow.cases.swimmer(n, far="stokes", **CUBE)
        assert problem.enclosed
        solution = problem.stokes({"Re": 2.0, "beta": beta})
        found.append(np.abs(solution.force("body")).max() / exact.drag(0.5))
        off = error(solution, lambda points: exact.squirmer(points, 1.5, 1.5 * beta))
        assert off < 0.4 / n**2
    assert found[1] < found[0] / 4
    assert found[1] < 0.01


@pytest.mark.slow
def test_force_of_a_little_inertia():
    """-0.15 beta Re of the Stokes drag in unbounded fluid; a cube of half-width w cuts off about 0.15 / w."""
    slopes = []
    for width in (4.0, 8.0):
        problem = flow.cases.swimmer(4, far="stokes", half_width=width, upstream=width, downstream=width)
        problem.parameters = None
        force = {}
        for beta in (1.0, -1.0):
            mu = {"Re": 0.05, "beta": beta}
            pair = problem.solve(mu), problem.stokes(mu)
            force[beta] = (pair[0].force("body")[2] - pair[1].force("body")[2]) / exact.drag(1 / 0.05)
        slopes.append((force[-1.0] - force[1.0]) / (2 * 0.05))
    assert slopes[0] < slopes[1] < 0.15
    assert 2 * slopes[1] - slopes[0] == pytest.approx(0.15, rel=0.1)


# ---- the case ----


def test_boundary_data_are_affine_in_beta():
    problem = flow.cases.swimmer(3, aspect=1.5)
    one, two, three = (
        problem.setting({"Re": re, "beta": beta}).boundary
        for re, beta in ((1.0, -2.0), (7.0, 0.5), (9.0, 3.0))
    )
    np.testing.assert_allclose(two, 0.5 * one + 0.5 * three, atol=1e-14)
    body = problem.sides("body").nodes
    x, y, z = problem.nodes[body].T
    normal = np.stack([x, y, z / 1.5**2], 1)
    assert np.abs((one[body] * normal).sum(1)).max() < 1e-14  # it moves along itself
    for part in ("x0", "x1", "y0", "y1", "z1"):
        assert (one[problem.sides(part).nodes] == [0, 0, -1]).all()
    assert not problem.enclosed
    poles = np.flatnonzero(np.abs(z) > 1.5 - 1e-12)
    assert len(poles) == (2 if len(poles) else 0)
    assert not one[body[poles]].round(12).any()


def test_slip_of_a_sphere():
    problem = flow.cases.swimmer(4)
    boundary = problem.setting({"Re": 3.0, "beta": -0.7}).boundary
    body = problem.sides("body").nodes
    np.testing.assert_allclose(
        boundary[body], exact.squirmer(problem.nodes[body], 1.5, -0.7 * 1.5), atol=1e-14
    )


def test_problems_travel_by_pickle():
    problem = flow.cases.swimmer(2, far="stokes")
    again = pickle.loads(pickle.dumps(problem))
    mu = {"Re": 2.0, "beta": 1.0}
    assert (again.setting(mu).boundary == problem.setting(mu).boundary).all()


def test_refusals():
    with pytest.raises(InvalidArgument) as caught:
        flow.cases.swimmer(3, 2.0, far="stokes")
    assert str(caught.value) == "aspect = 2: the exact Stokes flow is that of a sphere, aspect 1"
    with pytest.raises(InvalidArgument, match=r"^far = 'box' is not one of uniform, stokes$"):
        flow.cases.swimmer(3, far="box")


@pytest.mark.slow
@pytest.mark.parametrize("aspect", [1.0, 2.0])
def test_a_free_swimmer_feels_little_force_in_a_wide_channel(aspect):
    """Walls as wide as these leave a small part of the drag of a towed body."""
    problem = flow.cases.swimmer(5, aspect, half_width=10.0, upstream=10.0 + aspect, downstream=10.0 + aspect)
    force = problem.stokes({"Re": 1.0, "beta": 0.0}).force("body")
    assert np.abs(force).max() / exact.drag(1.0) < 0.03


# ---- the empty duct ----


def duct_flow(x, y, terms=60):
    """Velocity along a square duct [0, 1]^2 for a pressure gradient of -1, viscosity 1: a Fourier series."""
    total = x * (1 - x) / 2 + 0.0 * y
    for k in range(1, 2 * terms, 2):
        # cosh(k pi (y - 1/2)) / cosh(k pi / 2) without overflow
        wall = (np.exp(-k * np.pi * y) + np.exp(-k * np.pi * (1 - y))) / (1 + np.exp(-k * np.pi))
        total -= 4 / (np.pi * k) ** 3 * wall * np.sin(k * np.pi * x)
    return total


def duct_inflow(x, y, z, mu):
    return 0.0, 0.0, duct_flow(x, y)


def test_duct_flow():
    """Poiseuille's in a square duct: no inertia, a pressure that falls evenly, the series' velocity."""
    off = []
    for n in (3, 6):
        mesh = flow.Mesh.box(0, 1, 0, 1, 0, 1, nx=n, ny=n, nz=2)
        problem = flow.NavierStokes(
            mesh,
            viscosity=1.0,
            dirichlet={"z0": duct_inflow, "x0": 0.0, "x1": 0.0, "y0": 0.0, "y1": 0.0},
            traction={"z1": 0.0},
        )
        solution = problem.solve({})
        points = np.random.default_rng(1).uniform(0.05, 0.95, (50, 3))
        velocity, pressure = solution.at(points)
        off.append(np.abs(velocity[:, 2] - duct_flow(*points[:, :2].T)).max())
        assert np.abs(velocity[:, :2]).max() < 0.1 * off[-1] + 1e-3
        assert solution.flux("z1") == pytest.approx(-solution.flux("z0"), rel=1e-10)
    assert off[1] < off[0] / 5
    np.testing.assert_allclose(pressure, 1 - points[:, 2], atol=0.05)
    assert duct_flow(0.5, 0.5) == pytest.approx(0.0736713532815, rel=1e-9)  # known
    assert -solution.flux("z0") == pytest.approx(0.0351442554, rel=5e-3)  # known


# ---- what reduction needs ----


@pytest.fixture(scope="module", params=["open", "enclosed"])
def trained(request):
    if request.param == "open":
        problem = flow.cases.swimmer(2, half_width=3.0, upstream=3.0, downstream=5.0)
    else:
        problem = flow.cases.swimmer(2, far="stokes", **CUBE)
    return problem, problem.snapshots(problem.parameters.grid(2))


def test_fixed_point(trained):
    problem, train = trained
    mu = train.parameters[3]
    solution = problem.solve(mu)
    again = problem.oseen(solution.velocity, mu)
    assert problem.norm(again.velocity - solution.velocity) < 1e-9 * problem.norm(solution.velocity)
    gap = again.pressure - solution.pressure
    assert np.abs(gap).max() < 1e-8 * np.abs(solution.pressure).max()


def test_fixed_point_on_a_spheroid():
    problem = flow.cases.swimmer(3, aspect=2.0, half_width=2.5, upstream=4.0, downstream=4.0)
    mu = {"Re": 20.0, "beta": -1.0}
    solution = problem.solve(mu)
    again = problem.oseen(solution.velocity, mu)
    assert problem.norm(again.velocity - solution.velocity) < 1e-9 * problem.norm(solution.velocity)
    assert solution.divergence_norm() < 1e-12


def test_newton_ends_quadratically(trained):
    problem, train = trained
    history = problem.solve(train.parameters[2], tol=1e-12).history
    assert history[-1] < 1e-12
    assert len(history) <= 14
    assert history[-2] < 30 * history[-3] ** 2 or history[-1] < 30 * history[-2] ** 2


def test_a_reduced_basis_has_its_training_points(trained):
    problem, train = trained
    basis = flow.ReducedBasis.fit(train)
    for column in (0, 3):
        found = basis.solve(train.parameters[column])
        snapshot = train.velocity[:, column].reshape(-1, 3)
        assert problem.norm(found.velocity - snapshot) < 1e-8 * problem.norm(snapshot)
        full = flow.Solution(problem, train.parameters[column], snapshot, train.pressure[:, column])
        np.testing.assert_allclose(found.force("body"), full.force("body"), atol=1e-6)


@pytest.mark.parametrize("method", ["oseen", "geometric_leray", "bracket"])
def test_artificial_snapshots_are_solenoidal(trained, method):
    problem, train = trained
    extra = flow.augment(train, method=method, progress=False)
    assert len(extra) == 6
    divergence = problem.divergence_matrix @ extra.velocity
    if problem.enclosed and method == "oseen":  # interpolated data leave a net flux, taken up evenly
        weights = problem.pressure_weights[:, None]
        divergence -= weights * divergence.sum(axis=0) / weights.sum()
    scale = (abs(problem.divergence_matrix) @ np.abs(extra.velocity)).max()
    assert np.abs(divergence).max() < 1e-12 * scale
    if method != "oseen":
        assert not extra.velocity[np.repeat(problem.constrained, 3)].any()
    basis = flow.ReducedBasis.fit(train + extra)
    assert basis.n_modes > len(train) - 1


def test_augmentation_helps(trained):
    problem, train = trained
    points = problem.parameters.random(3, seed=2)
    reference = [problem.solve(mu) for mu in points]
    errors = {}
    for name in ("none", "oseen"):
        snapshots = train if name == "none" else train + flow.augment(train, method=name, progress=False)
        basis = flow.ReducedBasis.fit(snapshots)
        found = flow.validate(basis, problem, points, reference=reference, n_modes=[basis.n_modes])
        errors[name] = found.mean[0]
    assert errors["oseen"] < 0.6 * errors["none"]


def test_stream_functions_are_for_the_plane(trained):
    _, train = trained
    with pytest.raises(InvalidArgument, match="needs a stream function, which is for two dimensions"):
        flow.augment(train, method="stream_product", progress=False)


# ---- pictures ----


def test_section():
    pytest.importorskip("matplotlib")
    problem = flow.cases.swimmer(2)
    solution = problem.stokes({"Re": 1.0, "beta": 1.0})
    plane = flow.plot.Plane(problem, "y", 0.0, 17)
    a, b, velocity = plane.a, plane.b, plane.values(solution.velocity)
    assert velocity.shape == (17, 25, 3)
    assert (a[0], a[-1], b[0], b[-1]) == (-8, 4, -4, 4)
    r = np.hypot(a, b[:, None])
    assert np.isnan(velocity[r < 0.98]).all()
    assert not np.isnan(velocity[r > 1.01]).any()
    np.testing.assert_allclose(velocity[2, 5], solution.at([[b[2], 0.0, a[5]]])[0][0], rtol=1e-14)
    assert flow.plot.section(solution, normal="z", at=-2.0, n=9).get_ylabel() == "y"
    for options, message in (
        ({"normal": "w"}, "normal = 'w' is not one of x, y, z"),
        ({"at": 9.0}, "at = 9: the plane y = 9 misses the mesh"),
        ({"n": 1}, "n = 1 is below 2"),
    ):
        with pytest.raises(InvalidArgument) as caught:
            flow.plot.section(solution, **options)
        assert str(caught.value) == message
    flat = flow.cases.two_lid_cavity(4).stokes({"Re": 100, "a": 0})
    with pytest.raises(InvalidArgument) as caught:
        flow.plot.section(flat)
    assert str(caught.value) == "solution: its flow has 2 dimensions, a section needs 3"
