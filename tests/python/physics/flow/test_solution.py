"""What follows from a flow: sampling, integrals, forces, walls, files."""

import meshio
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal.errors import InvalidArgument, MissingExtra
from nonideal.physics import flow
from oracles import flow_meshes


def on(mesh, velocity, pressure, viscosity=0.25):
    """A solution that is a given function, put on any mesh."""
    problem = flow.NavierStokes(mesh, viscosity=viscosity, dirichlet=dict.fromkeys(mesh.boundaries, 0.0))
    x, y = problem.nodes.T
    p = pressure(x, y)[: problem.n_pressure]
    return flow.Solution(problem, {}, np.stack(velocity(x, y), axis=1), p)


def quadratic(x, y):
    return 1 + x - 2 * y + x * y - y**2, 3 * x - x**2 + 0.5 * x * y


def linear(x, y):
    return 2 - x + 3 * y


MESHES = {
    "rectangle": lambda: flow.Mesh.rectangle(0, 1, 0, 1, nx=5, ny=3, grading="cosine"),
    "unstructured": lambda: flow.Mesh(*flow_meshes.unstructured(6, 5)),
    "channel": lambda: flow.Mesh.cylinder_channel(4),
    "curved": lambda: flow.Mesh(*flow_meshes.curved(6, 5)),
}


# ---- sampling ----


@pytest.mark.parametrize("name", ["rectangle", "unstructured"])
def test_quadratic_fields_are_sampled_exactly(name):
    solution = on(MESHES[name](), quadratic, linear)
    x, y = np.random.default_rng(1).uniform(0, 1, (2, 3000))
    u, p = solution.at(np.stack([x, y], 1))
    np.testing.assert_allclose(u, np.stack(quadratic(x, y), 1), atol=1e-12)
    np.testing.assert_allclose(p, linear(x, y), atol=1e-12)


@pytest.mark.parametrize("name", MESHES)
def test_points_made_in_cells_are_found(name):
    """Points by reference coordinates, also on sides and at nodes, of straight and curved cells."""
    problem = on(MESHES[name](), quadratic, linear).problem
    rng = np.random.default_rng(2)
    velocity = rng.standard_normal(problem.nodes.shape)
    solution = flow.Solution(problem, {}, velocity, rng.standard_normal(problem.n_pressure))
    for xi, eta in ((0.2, 0.3), (0.0, 0.4), (0.5, 0.5), (0.7, 0.0), (1e-4, 1e-4)):
        rest = 1 - xi - eta
        shape = np.array([rest * (2 * rest - 1), xi * (2 * xi - 1), eta * (2 * eta - 1),
                          4 * rest * xi, 4 * xi * eta, 4 * eta * rest])  # fmt: skip
        points = np.einsum("k,ckx->cx", shape, problem.nodes[problem.cell_nodes])
        u, p = solution.at(points)
        np.testing.assert_allclose(u, np.einsum("k,ckx->cx", shape, velocity[problem.cell_nodes]), atol=1e-9)
        corners = solution.pressure[problem.cell_nodes[:, :3]]
        np.testing.assert_allclose(p, corners @ [rest, xi, eta], atol=1e-9)
    u, _ = solution.at(problem.nodes)
    np.testing.assert_allclose(u, velocity, atol=1e-9)


@given(seed=st.integers(0, 1000), n=st.integers(2, 8))
@settings(max_examples=20, deadline=None)
def test_identity_is_sampled_on_random_curved_meshes(seed, n):
    """The field u = x is in the space of every isoparametric mesh: sampling it returns the point."""
    mesh = flow.Mesh(*flow_meshes.curved(n, seed, 0.05))
    solution = on(mesh, lambda x, y: (x, y), linear)
    points = np.random.default_rng(seed).uniform(0.1, 0.9, (100, 2))
    np.testing.assert_allclose(solution.at(points)[0], points, atol=1e-9)


def test_points_outside():
    solution = on(MESHES["rectangle"](), quadratic, linear)
    near = [[1 + 1e-5, 0.5], [0.5, -1e-5]]
    np.testing.assert_allclose(solution.at(near)[0], np.stack(quadratic(*np.array(near).T), 1), atol=1e-9)
    for points, message in [
        ([[0.5, 0.5], [1.1, 0.5]], "points[1] = (1.1, 0.5) is outside the mesh"),
        ([[1.01, 0.5]], "points[0] = (1.01, 0.5) is outside the mesh"),
        ([[1e9, -1e9]], "points[0] = (1e+09, -1e+09) is outside the mesh"),
        ([[1e300, 0.5]], "points[0] = (1e+300, 0.5) is outside the mesh"),
        ([[np.nan, 0]], "points[0, 0] = nan is not finite"),
        ([0.5, 0.5], "points has shape (2,), not (n, 2)"),
    ]:
        with pytest.raises(InvalidArgument) as refusal:
            solution.at(points)
        assert str(refusal.value) == message
    inside_the_cylinder = on(MESHES["channel"](), quadratic, linear)
    with pytest.raises(InvalidArgument, match="outside the mesh"):
        inside_the_cylinder.at([[0.2, 0.2]])
    assert [part.shape for part in solution.at(np.empty((0, 2)))] == [(0, 2), (0,)]


# ---- integrals ----


def test_integrals_of_polynomials():
    """By hand, on [0, 1]^2: u = (y, -x)."""
    for name in ("rectangle", "unstructured"):
        solution = on(MESHES[name](), lambda x, y: (y, -x), linear)
        assert solution.kinetic_energy() == pytest.approx(1 / 3, rel=1e-13)
        assert solution.enstrophy() == pytest.approx(2.0, rel=1e-12)
        assert solution.divergence_norm() < 1e-16
        assert {part: round(solution.flux(part), 13) for part in ("left", "right", "bottom", "top")} == {
            "left": -0.5, "right": 0.5, "bottom": 0.5, "top": -0.5,
        }  # fmt: skip


def test_a_rotation_has_enstrophy_on_curved_cells():
    solution = on(MESHES["curved"](), lambda x, y: (y, -x), linear)
    assert solution.enstrophy() == pytest.approx(2 * solution.problem.cells.weights.sum(), rel=1e-12)


@pytest.mark.parametrize("name", ["rectangle", "unstructured"])
def test_vorticity(name):
    """Of a quadratic flow it is linear, so that its fit is exact."""
    solution = on(MESHES[name](), quadratic, linear)
    x, y = solution.problem.nodes.T
    exact = (3 - 2 * x + 0.5 * y) - (-2 + x - 2 * y)
    np.testing.assert_allclose(solution.vorticity(), exact, atol=1e-11)


def test_vorticity_on_curved_cells():
    solution = on(MESHES["curved"](), lambda x, y: (y, -x), linear)
    np.testing.assert_allclose(solution.vorticity(), -2, atol=1e-10)


def test_reactions_of_a_known_flow():
    """Poiseuille's flow: shear stress viscosity du/dy on the walls, pressure on the ends."""
    nu = 0.25
    solution = on(
        MESHES["rectangle"](), lambda x, y: (4 * y * (1 - y), 0 * x), lambda x, y: 8 * nu * (1 - x), nu
    )
    inner = ~solution.problem.constrained
    assert np.abs(solution.reactions[inner]).max() < 1e-14
    assert solution.residual_norm < 1e-13
    for wall, sign in (("bottom", 1), ("top", 1)):
        place, tau = solution.wall_shear(wall)
        assert (np.diff(place) > 0).all()
        # At the ends of the wall the reactions are the pressure's too.
        np.testing.assert_allclose(tau[len(tau) // 2], sign * 4 * nu, rtol=0.1)
    total = sum(solution.force(part) for part in ("bottom", "top"))
    assert total[0] == pytest.approx(8 * nu, rel=0.5)


def couette(n):
    """Flow between turning cylinders of radii 1 (at speed 1) and 2 (at rest), on 6-node cells."""
    angle = 2 * np.pi * np.arange(4 * n) / (4 * n)
    radius = 1 + np.arange(n + 1) / n
    points = (radius[:, None, None] * np.stack([np.cos(angle), np.sin(angle)], 1)).reshape(-1, 2)
    number = np.arange(len(points)).reshape(n + 1, 4 * n)
    inner, outer = number[:-1], number[1:]
    a, b, c, d = (q.ravel() for q in (inner, outer, np.roll(outer, -1, 1), np.roll(inner, -1, 1)))
    cells = np.stack([a, b, c, a, c, d], 1).reshape(-1, 3)
    ends = np.stack([cells, np.roll(cells, -1, 1)], 2).reshape(-1, 2)
    keys, inverse = np.unique(np.sort(ends, 1), axis=0, return_inverse=True)
    middle = points[keys].mean(1)
    r = np.hypot(*points[keys].transpose(2, 0, 1))
    around = np.abs(r[:, 0] - r[:, 1]) < 1e-12
    middle[around] *= (r[around, 0] / np.hypot(*middle[around].T))[:, None]
    six = np.concatenate([cells, len(points) + inverse.reshape(-1, 3)], 1)
    rings = {
        name: np.stack([row, np.roll(row, -1)], 1)
        for name, row in (("inner", number[0]), ("outer", number[-1]))
    }
    mesh = flow.Mesh(np.concatenate([points, middle]), six, rings)
    problem = flow.NavierStokes(
        mesh, viscosity=0.1, dirichlet={"inner": lambda x, y, mu: (-y, x), "outer": 0.0}
    )
    return problem.solve({})


def test_couette_flow_between_curved_walls():
    """u = A r + B / r with A = -1/3, B = 4/3: velocity of order 3, wall shear and torque near the exact."""
    errors = []
    for n in (3, 6, 12):
        solution = couette(n)
        r = np.hypot(*solution.problem.nodes.T)
        x, y = solution.problem.nodes.T
        exact = (-1 / 3 + 4 / 3 / r**2)[:, None] * np.stack([-y, x], 1)
        errors.append(solution.problem.norm(solution.velocity - exact))
        for wall, radius in (("inner", 1), ("outer", 2)):
            place, tau = solution.wall_shear(wall)
            assert place[-1] == pytest.approx(2 * np.pi * radius, rel=0.02)
            assert len(place) == 8 * n + 1  # closed: the first node at both ends
            assert tau[0] == tau[-1]
            # nu |du/dr|, which at the outer wall, at rest, is the shear stress. The fluid drags that one
            # along and the inner one back: both towards higher places, as walls have the flow on their left.
            expected = 0.1 * (1 / 3 + 4 / 3 / radius**2)
            assert tau[:-1].mean() == pytest.approx(expected, rel=0.6 / n**2)
            np.testing.assert_allclose(tau, expected, rtol=2.5 / n**2)
            assert len(solution.wall_sign_changes(wall)) == 0
            np.testing.assert_allclose(solution.force(wall), 0, atol=1e-3)
    assert np.log2(errors[1] / errors[2]) > 2.8


def test_wall_in_pieces():
    """The slot parts the lower wall: places are x on both pieces, and no sign change lies in the gap."""
    solution = flow.cases.channel_jet(4).solve({"Re": 100, "jet": 1.0})
    place, tau = solution.wall_shear("bottom")
    assert (np.diff(place) > 0).all()
    assert not ((place > 1.0) & (place < 1.5)).any()
    assert place[[0, -1]].tolist() == [0.0, 8.0]
    changes = solution.wall_sign_changes("bottom")
    assert not ((changes > 1.0) & (changes < 1.5)).any()
    assert len(tau) == len(place)


def test_places_along_slanted_and_falling_walls():
    """A wall that is listed against its direction; one that runs down counts upwards."""
    solution = on(MESHES["rectangle"](), lambda x, y: (y**2, 0 * x), linear)
    for part, axis in (("top", 0), ("left", 1)):
        place, _ = solution.wall_shear(part)
        nodes = solution.problem.nodes[solution.problem.sides(part).nodes, axis]
        np.testing.assert_allclose(place, np.sort(nodes), atol=1e-15)


def test_parts_that_are_none():
    solution = on(MESHES["rectangle"](), quadratic, linear)
    for call in (solution.flux, solution.force, solution.wall_shear, solution.wall_sign_changes):
        with pytest.raises(InvalidArgument) as refusal:
            call("lid")
        assert str(refusal.value) == "part = 'lid' is not one of left, right, bottom, top"
    with pytest.raises(InvalidArgument) as refusal:
        solution.coefficients("top", speed=0.0, length=1.0)
    assert str(refusal.value) == "speed = 0.0 is not > 0"


@pytest.mark.parametrize("convection", ["none", "given", "own"])
def test_residuals_are_those_of_the_equation_that_was_solved(convection):
    problem = flow.cases.cylinder(n=4)
    mu = {"nu": 1e-3, "inflow": 0.3}
    stokes = problem.stokes(mu)
    if convection == "none":
        solution, convected = stokes, np.zeros(problem.n_velocity)
        assert solution.convecting is None
    elif convection == "given":
        solution = problem.oseen(stokes.velocity, mu, viscosity=2e-3)
        convected = problem.convection_matrix(stokes.velocity) @ solution.velocity.ravel()
    else:
        solution = problem.solve(mu)
        convected = problem.convection_matrix(solution.velocity) @ solution.velocity.ravel()
    viscous = solution.viscosity * (problem.stiffness_matrix @ solution.velocity.ravel())
    residual = (viscous + convected + problem.divergence_matrix.T @ solution.pressure).reshape(-1, 2)
    wall = problem.sides("cylinder").nodes
    np.testing.assert_allclose(solution.force("cylinder"), -residual[wall].sum(axis=0), rtol=1e-12)
    assert np.linalg.norm(solution.force("cylinder")) > 1e-4
    # One linear solve leaves rounding, Newton's last step hardly more.
    assert solution.residual_norm < 1e-14
    own = flow.Solution(problem, mu, stokes.velocity, stokes.pressure)
    assert own.residual_norm > 1e-4  # what is not said to be Stokes's is held against Navier-Stokes


# ---- made from arrays, written to files ----


def test_fields_that_do_not_fit():
    problem = on(MESHES["rectangle"](), quadratic, linear).problem
    good = np.zeros(problem.nodes.shape), np.zeros(problem.n_pressure)
    for velocity, pressure, message in [
        (good[0][:3], good[1], f"velocity has shape (3, 2), not ({len(good[0])}, 2)"),
        (good[0], good[1][:3], f"pressure has shape (3,), not ({len(good[1])},)"),
        (good[0], good[1] * np.nan, "pressure[0] = nan is not finite"),
    ]:
        with pytest.raises(InvalidArgument) as refusal:
            flow.Solution(problem, {}, velocity, pressure)
        assert str(refusal.value) == message
    for convecting, message in [
        (good[0][:3], f"convecting has shape (3, 2), not ({len(good[0])}, 2)"),
        ("mine", "convecting = 'mine' is not one of own"),
    ]:
        with pytest.raises(InvalidArgument) as refusal:
            flow.Solution(problem, {}, *good, convecting=convecting)
        assert str(refusal.value) == message


@pytest.mark.parametrize("name", ["rectangle", "channel"])
def test_save(tmp_path, name):
    solution = on(MESHES[name](), quadratic, linear)
    path = tmp_path / "flow.vtu"
    solution.save(path)
    back = meshio.read(path)
    np.testing.assert_array_equal(back.points[:, :2], solution.problem.nodes)
    np.testing.assert_array_equal(back.cells_dict["triangle6"], solution.problem.cell_nodes)
    np.testing.assert_array_equal(back.point_data["velocity"][:, :2], solution.velocity)
    np.testing.assert_array_equal(back.point_data["vorticity"], solution.vorticity())
    x, y = solution.problem.nodes.T
    straight = (
        back.points[solution.problem.edges].mean(1)[:, :2]
        == solution.problem.nodes[solution.problem.n_pressure :]
    ).all(1)
    p = back.point_data["pressure"]
    np.testing.assert_allclose(p[solution.problem.n_pressure :][straight],
                               linear(x, y)[solution.problem.n_pressure :][straight], atol=1e-12)  # fmt: skip
    with pytest.raises(InvalidArgument) as refusal:
        solution.save(tmp_path / "flow.png")
    assert str(refusal.value).endswith("flow.png' does not end in .vtu")


def test_save_without_meshio(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "meshio", None)
    with pytest.raises(MissingExtra):
        on(MESHES["rectangle"](), quadratic, linear).save(tmp_path / "flow.vtu")
