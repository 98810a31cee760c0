"""What holds for every flow: mass, momentum, fixed points, symmetries."""

from itertools import pairwise

import numpy as np
import pytest

from nonideal.physics import flow
from oracles import flow_meshes

PROBLEMS = {
    "cavity": (lambda: flow.cases.two_lid_cavity(10), {"Re": 300, "a": 0.4}),
    "jet": (lambda: flow.cases.channel_jet(4), {"Re": 100, "jet": 0.7}),
    "cylinder": (lambda: flow.cases.cylinder(6), {"nu": 1e-3, "inflow": 0.25}),
    "step": (lambda: flow.cases.backward_step(6), {"Re": 150}),
    "unstructured": (lambda: stirred(flow_meshes.unstructured), {"Re": 80}),
    "curved": (lambda: through(flow_meshes.curved), {"Re": 80}),
}


def through(mesh):
    """A flow through bent walls with an open end, on a mesh all of whose sides are bent."""
    return flow.NavierStokes(
        flow.Mesh(*mesh(6, 1)),
        viscosity=lambda mu: 1 / mu["Re"],
        dirichlet={"left": lambda x, y, mu: (4 * y * (1 - y), 0.0), "bottom": 0.0, "top": 0.0},
        traction={"right": lambda x, y, mu: (0.1 * y, 0.0)},
        body_force=lambda x, y, mu: (0.1 * y, -0.2 * x**2),
    )


def stirred(mesh):
    """An enclosed flow on a mesh that no grid is behind, driven by its lid and a force."""
    return flow.NavierStokes(
        flow.Mesh(*mesh(6, 1)),
        viscosity=lambda mu: 1 / mu["Re"],
        dirichlet={
            "bottom": 0.0, "left": 0.0, "right": 0.0, "top": lambda x, y, mu: (16 * x**2 * (1 - x) ** 2, 0.0)
        },
        body_force=lambda x, y, mu: (0.1 * y, -0.2 * x**2),
    )  # fmt: skip


@pytest.fixture(params=PROBLEMS, scope="module")
def solved(request):
    make, mu = PROBLEMS[request.param]
    problem = make()
    return problem, mu, problem.solve(mu)


def test_mass_is_conserved(solved):
    problem, _, solution = solved
    scale = abs(problem.divergence_matrix).max() * np.abs(solution.velocity).max()
    net = sum(solution.flux(part) for part in problem.mesh.boundaries)
    assert solution.divergence_norm() <= 1e-10 * scale
    assert abs(net) <= 1e-13


def test_residual_is_round_off(solved):
    _, _, solution = solved
    assert solution.residual_norm < 1e-12


def test_fixed_point(solved):
    """Convected by itself, the flow is itself."""
    problem, mu, solution = solved
    again = problem.oseen(solution.velocity, mu)
    assert problem.norm(again.velocity - solution.velocity) <= 1e-9 * problem.norm(solution.velocity)
    np.testing.assert_allclose(again.pressure, solution.pressure, atol=1e-9 * np.abs(solution.pressure).max())
    assert again.linear_solves == 1


def test_forces_balance(solved):
    """Reactions, body force and tractions (in the reactions' load) add up to the flux of momentum."""
    problem, mu, solution = solved
    load = problem.setting(mu).load.sum(axis=0)
    momentum = np.zeros(2)
    for part in problem.mesh.boundaries:
        sides = problem.sides(part)
        u = np.einsum("qk,fkx->fqx", sides._shape, solution.velocity[sides.sides])
        outward = sides.normals
        momentum += np.einsum("q,fq,fqx->x", sides._weights, np.einsum("fqx,fqx->fq", u, outward), u)
    # (u . grad) u = div(u u) only where div u = 0 pointwise; discretely up to int u div u.
    divergence = np.einsum("cqxx->cq", problem.cells.gradient(solution.velocity))
    u = np.einsum("qk,ckx->cqx", problem.cells.shape, solution.velocity[problem.cell_nodes])
    excess = np.einsum("cq,cq,cqx->x", problem.cells.weights, divergence, u)
    total = solution.reactions.sum(axis=0) + load
    np.testing.assert_allclose(total, momentum - excess, atol=1e-9 * max(1.0, np.abs(load).max()))


def test_last_steps_are_quadratic(solved):
    problem, mu, _ = solved
    history = problem.solve(mu, tol=1e-13).history
    small = [(a, b) for a, b in pairwise(history) if 1e-8 < b < a < 1e-2]
    newton = [(a, b) for a, b in small if a < 0.02]
    assert all(b < 200 * a**2 for a, b in newton[1:])
    assert history[-1] < 1e-13


def test_backends_agree(solved):
    problem, mu, solution = solved
    state = {**problem.__getstate__(), "solver": "superlu"}
    other = flow.NavierStokes(state.pop("mesh"), **state)
    same = other.solve(mu)
    assert problem.norm(same.velocity - solution.velocity) <= 1e-10 * problem.norm(solution.velocity)
    assert other.solver_stats.backend == "superlu"


def asymmetry(n):
    """How far equal lids miss the mirror's symmetry, and counter-moving ones that of half a turn."""
    problem = flow.cases.two_lid_cavity(n, regularised=True)
    x, y = np.random.default_rng(0).uniform(0, 1, (2, 400))
    both, counter = (problem.solve({"Re": 200, "a": a}) for a in (1.0, -1.0))
    u, mirrored = (both.at(np.stack(points, 1))[0] for points in ((x, y), (x, 1 - y)))
    v, turned = (counter.at(np.stack(points, 1))[0] for points in ((x, y), (1 - x, 1 - y)))
    return np.abs(mirrored - u * [1, -1]).max(), np.abs(turned + v).max()


def test_symmetry_of_equal_lids():
    """To discretisation error: the meshes' diagonals break the mirror's symmetry, but not the half turn's."""
    coarse, fine = asymmetry(8), asymmetry(16)
    assert fine[0] < coarse[0] / 5
    assert fine[0] < 6e-3
    assert max(coarse[1], fine[1]) < 1e-9


def test_mirrored_cylinder_flips_the_lift():
    mu = {"nu": 1e-3, "inflow": 0.3}
    drag, lift = flow.cases.cylinder(8).solve(mu).coefficients("cylinder", speed=0.2, length=0.1)
    other = (
        flow.cases.cylinder(8, centre=(0.2, 0.21)).solve(mu).coefficients("cylinder", speed=0.2, length=0.1)
    )
    assert other[0] == pytest.approx(drag, rel=1e-4)
    assert other[1] == pytest.approx(-lift, abs=4e-4)


def test_slanted_walls_have_no_flux_but_rounding():
    """A cavity turned by 30 degrees is the same flow, turned."""
    straight = flow.Mesh.rectangle(0, 1, 0, 1, nx=6, ny=6)
    cosine, sine = np.cos(np.pi / 6), np.sin(np.pi / 6)
    turn = np.array([[cosine, -sine], [sine, cosine]])
    slanted = flow.Mesh(straight.points @ turn.T, straight.cells, straight.boundaries)
    rest = {"left": 0.0, "right": 0.0, "bottom": 0.0}
    level = flow.NavierStokes(straight, viscosity=0.01, dirichlet={"top": (1.0, 0.0), **rest}).solve({})
    tilted = flow.NavierStokes(slanted, viscosity=0.01, dirichlet={"top": (cosine, sine), **rest}).solve({})
    np.testing.assert_allclose(tilted.velocity, level.velocity @ turn.T, atol=1e-10)
    np.testing.assert_allclose(tilted.pressure, level.pressure, atol=1e-10)
