"""Flows: closed forms, invariants, the nonlinear iteration, refusals."""

import os
import pickle
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest

from nonideal.errors import ConvergenceError, InvalidArgument, NumericalError
from nonideal.physics import flow
from oracles import flow_meshes

UNIT = ("left", "right", "bottom", "top")


def unit_mesh(kind, n=4):
    if kind == "structured":
        return flow.Mesh.rectangle(0, 1, 0, 1, nx=n, ny=n)
    return flow.Mesh(*(flow_meshes.curved if kind == "curved" else flow_meshes.unstructured)(n, 1))


def l2_errors(problem, solution, velocity, pressure):
    """Of velocity, of its gradient's first component (central differences), of pressure up to a constant."""
    cells = problem.cells
    x, y = cells.points[..., 0], cells.points[..., 1]
    nodes = problem.cell_nodes
    u = np.einsum("qk,ckx->cqx", cells.shape, solution.velocity[nodes])
    off = u - np.stack(velocity(x, y), axis=-1)
    p = np.einsum("qk,ck->cq", cells.linear_shape, solution.pressure[nodes[:, :3]]) - pressure(x, y)
    p = p - (cells.weights * p).sum() / cells.weights.sum()
    h = 1e-6
    exact = np.stack(
        [
            np.stack(
                [(a - b) / (2 * h) for a, b in zip(velocity(x + h, y), velocity(x - h, y), strict=True)], -1
            ),
            np.stack(
                [(a - b) / (2 * h) for a, b in zip(velocity(x, y + h), velocity(x, y - h), strict=True)], -1
            ),
        ],
        axis=-1,
    )
    slope = cells.gradient(solution.velocity) - exact
    return [
        float(np.sqrt((cells.weights * square).sum()))
        for square in ((off**2).sum(-1), (slope**2).sum((-1, -2)), p**2)
    ]


# ---- closed forms ----


@pytest.mark.parametrize("kind", ["structured", "unstructured"])
@pytest.mark.parametrize("enclosed", [False, True])
def test_poiseuille_is_exact(kind, enclosed):
    """Flow between plates: quadratic velocity, linear pressure, both in the space."""
    inflow = lambda x, y, mu: (4 * y * (1 - y), 0.0)  # noqa: E731
    dirichlet = {"left": inflow, "bottom": 0.0, "top": 0.0}
    problem = flow.NavierStokes(
        unit_mesh(kind),
        viscosity=0.01,
        dirichlet={"right": inflow, **dirichlet} if enclosed else dirichlet,
        traction=None if enclosed else {"right": 0.0},
    )
    solution = problem.solve({})
    y = problem.nodes[:, 1]
    np.testing.assert_allclose(solution.velocity[:, 0], 4 * y * (1 - y), atol=1e-11)
    np.testing.assert_allclose(solution.velocity[:, 1], 0, atol=1e-11)
    x = problem.nodes[: problem.n_pressure, 0]
    exact = 0.08 * (1 - x) - (0.04 if enclosed else 0.0)
    np.testing.assert_allclose(solution.pressure, exact, atol=1e-11)


def kovasznay(n, re=40.0):
    lam = re / 2 - np.sqrt(re**2 / 4 + 4 * np.pi**2)

    def velocity(x, y, mu=None):
        e = np.exp(lam * x)
        return 1 - e * np.cos(2 * np.pi * y), lam / (2 * np.pi) * e * np.sin(2 * np.pi * y)

    problem = flow.NavierStokes(
        flow.Mesh.rectangle(-0.5, 1, -0.5, 0.5, nx=3 * n // 2, ny=n),
        viscosity=lambda mu: 1 / mu["Re"],
        dirichlet=dict.fromkeys(UNIT, velocity),
    )
    solution = problem.solve({"Re": re})
    return l2_errors(problem, solution, velocity, lambda x, y: (1 - np.exp(2 * lam * x)) / 2)


def test_kovasznay_orders():
    """Velocity 3 in L2 and 2 in H1, pressure 2: the last of three halvings of the mesh width."""
    errors = np.array([kovasznay(n) for n in (4, 8, 16, 32)])
    orders = np.log2(errors[-2] / errors[-1])
    assert orders[0] >= 2.9
    assert orders[1] >= 1.9
    assert orders[2] >= 1.9


def test_what_interpolation_leaves_of_the_flux_is_spread_evenly():
    """Boundary velocities that balance but for interpolation: the rest leaves as a uniform source."""
    problem = flow.NavierStokes(
        flow.Mesh.rectangle(0, 1, 0, 1, nx=4, ny=4),
        viscosity=1.0,
        dirichlet=dict.fromkeys(UNIT, lambda x, y, mu: (np.exp(x) * np.sin(y), np.exp(x) * np.cos(y))),
    )
    setting = problem.setting({})
    assert 1e-9 < abs(setting.excess) < 1e-3
    solution = problem.stokes({})
    source = -problem.divergence_matrix @ solution.velocity.ravel()
    area = problem.pressure_weights.sum()
    np.testing.assert_allclose(source, setting.excess * problem.pressure_weights / area, atol=1e-14)
    assert abs(problem.pressure_weights @ solution.pressure) < 1e-13
    total = sum(solution.flux(part) for part in UNIT)
    assert total == pytest.approx(setting.excess, rel=1e-9)


@pytest.mark.parametrize("kind", ["structured", "unstructured"])
@pytest.mark.parametrize("open_side", [False, True])
def test_manufactured_polynomial(kind, open_side):
    """u = (x^2, -2 x y) with p = x - 2 y is in the space: body force and traction bring it back exactly."""
    nu = 2.0**-4

    def velocity(x, y, mu):
        return x**2, -2 * x * y

    def force(x, y, mu):
        # (u . grad) u = (2 x^3, -2 x^2 y + 4 x^2 y) and lap u = (2, 0)
        return -2 * nu + 2 * x**3 + 1, 2 * x**2 * y - 2.0

    def traction(x, y, mu):  # on x = 1, n = (1, 0)
        return nu * 2 * x - (x - 2 * y), nu * -2 * y

    sides = [side for side in UNIT if side != "right"] if open_side else UNIT
    problem = flow.NavierStokes(
        unit_mesh(kind),
        viscosity=nu,
        dirichlet=dict.fromkeys(sides, velocity),
        traction={"right": traction} if open_side else None,
        body_force=force,
    )
    solution = problem.solve({})
    x, y = problem.nodes.T
    np.testing.assert_allclose(solution.velocity, np.stack(velocity(x, y, {}), 1), atol=1e-11)
    p = x[: problem.n_pressure] - 2 * y[: problem.n_pressure]
    np.testing.assert_allclose(solution.pressure, p if open_side else p + 0.5, atol=1e-10)


def test_taylor_green_with_forcing():
    """Steady vortices kept up by a force; the pressure balances the convection."""

    def velocity(x, y, mu=None):
        return np.sin(np.pi * x) * np.cos(np.pi * y), -np.cos(np.pi * x) * np.sin(np.pi * y)

    def force(x, y, mu):
        u, v = velocity(x, y)
        return 2 * np.pi**2 * 0.05 * u, 2 * np.pi**2 * 0.05 * v

    errors = []
    for n in (8, 16):
        problem = flow.NavierStokes(
            flow.Mesh.rectangle(0, 1, 0, 1, nx=n, ny=n),
            viscosity=0.05,
            dirichlet=dict.fromkeys(UNIT, velocity),
            body_force=force,
        )
        solution = problem.solve({})
        errors.append(
            l2_errors(problem, solution, velocity,
                      lambda x, y: (np.cos(2 * np.pi * x) + np.cos(2 * np.pi * y)) / 4)
        )  # fmt: skip
    orders = np.log2(np.array(errors[0]) / errors[1])
    assert (orders > [2.8, 1.9, 1.8]).all()


# ---- invariants ----

PROBLEMS = {
    "cavity": (lambda: flow.cases.two_lid_cavity(10), {"Re": 300, "a": 0.4}),
    "jet": (lambda: flow.cases.channel_jet(4), {"Re": 100, "jet": 0.7}),
    "cylinder": (lambda: flow.cases.cylinder(6), {"nu": 1e-3, "inflow": 0.25}),
    "step": (lambda: flow.cases.backward_step(6), {"Re": 150}),
    "unstructured": (lambda: stirred("unstructured"), {"Re": 80}),
    "curved": (lambda: through("curved"), {"Re": 80}),
}


def through(kind):
    """A flow through bent walls with an open end, on a mesh all of whose sides are bent."""
    return flow.NavierStokes(
        unit_mesh(kind, 6),
        viscosity=lambda mu: 1 / mu["Re"],
        dirichlet={"left": lambda x, y, mu: (4 * y * (1 - y), 0.0), "bottom": 0.0, "top": 0.0},
        traction={"right": lambda x, y, mu: (0.1 * y, 0.0)},
        body_force=lambda x, y, mu: (0.1 * y, -0.2 * x**2),
    )


def stirred(kind):
    """An enclosed flow on a mesh that no grid is behind, driven by its lid and a force."""
    return flow.NavierStokes(
        unit_mesh(kind, 6),
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


# ---- the iteration ----


def test_methods_find_the_same_flow():
    problem, mu = flow.cases.two_lid_cavity(10), {"Re": 100, "a": 0.3}
    auto = problem.solve(mu)
    picard = problem.solve(mu, method="picard", tol=1e-10)
    newton = problem.solve(mu, method="newton")
    for other in (picard, newton):
        assert problem.norm(other.velocity - auto.velocity) < 1e-8
    assert newton.linear_solves < picard.linear_solves
    assert auto.linear_solves == len(auto.history) + 1
    assert auto.history[-1] < 1e-10 <= auto.history[-2]


def test_picards_steps_to_a_millionth():
    """Figures of the specification: 12 solves at Re 100, 19 at Re 400 (a = 0.3, 3803 dofs)."""
    problem = flow.cases.two_lid_cavity(20)
    assert problem.n_dof == 3803
    for re, solves in ((100, 12), (400, 19)):
        found = problem.solve({"Re": re, "a": 0.3}, method="picard", tol=1e-6)
        assert found.linear_solves == solves


def test_initial_flow():
    problem, mu = flow.cases.two_lid_cavity(10), {"Re": 400, "a": 0.3}
    first = problem.solve(mu)
    near = problem.solve({"Re": 390, "a": 0.3}, initial=first)
    again = problem.solve(mu, initial=first.velocity)
    assert near.linear_solves < first.linear_solves
    assert again.linear_solves == len(again.history) == 1


def test_continuation():
    """The step at Re 800 on a coarse mesh: Picard alone doesn't get near, half the Reynolds number helps."""
    problem = flow.cases.backward_step(8)
    with pytest.warns(UserWarning, match="is outside ParameterSpace"):
        solution = problem.solve({"Re": 800})
    assert solution.residual_norm < 1e-12
    assert solution.linear_solves == len(solution.history) + 1


def test_hopeless_flows_end_in_convergence_errors():
    problem = flow.NavierStokes(
        flow.Mesh.rectangle(0, 1, 0, 1, nx=4, ny=4),
        viscosity=lambda mu: 1 / mu["Re"],
        dirichlet={"top": (1.0, 0.0), "left": 0.0, "right": 0.0, "bottom": 0.0},
    )
    with pytest.raises(flow.FlowConvergenceError) as failure:
        problem.solve({"Re": 1e7})
    error = failure.value
    assert isinstance(error, ConvergenceError)
    assert error.mu == {"Re": 1e7}
    assert 25 <= len(error.history) <= 7 * 60
    assert str(error).startswith("no steady flow at mu = {Re: 1e+07}")
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.history, copy.mu) == (str(error), error.history, error.mu)
    assert error.finished is None
    with pytest.raises(flow.FlowConvergenceError) as failure:
        problem.solve({"Re": 1e7}, continuation=False)
    assert len(failure.value.history) == 25
    assert "Picard's steps stay above 0.02" in str(failure.value)
    with pytest.raises(flow.FlowConvergenceError) as failure:
        problem.solve({"Re": 100}, max_solves=3)
    assert len(failure.value.history) == 3
    assert "max_solves = 3 is reached" in str(failure.value)


def test_at_rest():
    """Nothing moves: zero is the answer, at once."""
    problem = flow.NavierStokes(unit_mesh("structured"), viscosity=1.0, dirichlet=dict.fromkeys(UNIT, 0.0))
    solution = problem.solve({})
    assert not solution.velocity.any()
    assert not solution.pressure.any()
    assert solution.linear_solves == 2


def test_viscosity_of_an_oseen_flow():
    problem = flow.cases.two_lid_cavity(6)
    w = problem.solve({"Re": 100, "a": 0.5}).velocity
    one = problem.oseen(w, {"Re": 200, "a": 0.5})
    other = problem.oseen(w, {"Re": 100, "a": 0.5}, viscosity=1 / 200)
    np.testing.assert_array_equal(one.velocity, other.velocity)
    assert other.viscosity == 1 / 200


# ---- solvers, threads, processes ----


def test_threads_give_the_same_bits():
    problem = flow.cases.two_lid_cavity(12)
    mus = problem.parameters.random(6, seed=1)
    alone = [problem.solve(mu) for mu in mus]
    assert problem.solver_stats.analyses == 1
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(problem.solve, mus))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.velocity, other.velocity)
        np.testing.assert_array_equal(one.pressure, other.pressure)
    stats = problem.solver_stats
    assert stats.analyses == 1
    assert stats.fallbacks == stats.perturbed_pivots == 0
    assert stats.factorizations == 2 * sum(solution.linear_solves for solution in alone)


def test_threads_wait_for_the_first_analysis(monkeypatch):
    analyse = flow.solvers.NativeLU._analyse

    def slowly(self, *pattern):
        time.sleep(0.1)  # all threads come before it is done
        analyse(self, *pattern)

    monkeypatch.setattr(flow.solvers.NativeLU, "_analyse", slowly)
    problem = flow.cases.two_lid_cavity(6, solver="native")
    problem.snapshots(problem.parameters.grid(2), workers=3)
    assert problem.solver_stats.analyses == 1


def test_workspace_after_a_refused_analysis(monkeypatch):
    """The next one analyses anew."""

    def refuse(*pattern):
        raise InvalidArgument("no")

    problem = flow.cases.two_lid_cavity(4, solver="native")
    with monkeypatch.context() as patch:
        patch.setattr(flow.solvers.NativeLU, "_analyse", refuse)
        with pytest.raises(InvalidArgument, match=r"^no$"):
            problem.stokes({"Re": 100, "a": 0.0})
    problem.stokes({"Re": 100, "a": 0.0})
    assert problem.solver_stats.analyses == 1


def test_statistics_of_several_threads():
    """Counts are added up, an error is the largest, and a solver that has not solved yet does not hide it."""
    problem = flow.cases.two_lid_cavity(4, solver="native")
    with problem._pool.lend() as one, problem._pool.lend() as other, problem._pool.lend():
        for space, pivots, error in ((one, 2, 1e-15), (other, 3, 1e-12)):
            space.solver.stats.perturbed_pivots = pivots
            space.solver.stats.backward_error = error
        stats = problem.solver_stats
    assert (stats.perturbed_pivots, stats.backward_error) == (5, 1e-12)
    assert (stats.analyses, stats.fill) == (1, one.solver.stats.fill)
    assert type(stats.fill) is int


def test_statistics_before_anything_is_solved():
    stats = flow.cases.two_lid_cavity(4, solver="superlu").solver_stats
    assert (stats.backend, stats.analyses, stats.solves) == ("superlu", 0, 0)


def test_ones_own_solver():
    solver = flow.solvers.SuperLU(symmetric=False)
    problem = flow.cases.two_lid_cavity(8, solver=solver)
    mus = problem.parameters.grid(2)
    with ThreadPoolExecutor(2) as pool:  # they take turns
        found = list(pool.map(problem.solve, mus))
    assert solver.stats.solves == sum(solution.linear_solves for solution in found)
    reference = flow.cases.two_lid_cavity(8)
    for mu, solution in zip(mus, found, strict=True):
        np.testing.assert_allclose(solution.velocity, reference.solve(mu).velocity, atol=1e-9)


def test_pickled_problems_give_the_same_bits():
    for problem, mu in ((flow.cases.two_lid_cavity(6), {"Re": 200, "a": 0.1}),
                        (flow.cases.cylinder(4), {"nu": 1e-3, "inflow": 0.2})):  # fmt: skip
        copy = pickle.loads(pickle.dumps(problem))
        np.testing.assert_array_equal(copy.solve(mu).velocity, problem.solve(mu).velocity)


# ---- refusals ----


def plain(**changes):
    arguments = {
        "mesh": flow.Mesh.rectangle(0, 1, 0, 1, nx=2, ny=2),
        "viscosity": 1.0,
        "dirichlet": {"left": 0.0, "bottom": 0.0, "top": (1.0, 0.0)},
        "traction": {"right": 0.0},
    }
    arguments.update(changes)
    return flow.NavierStokes(arguments.pop("mesh"), **arguments)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mesh": 3}, "mesh: int is not a Mesh"),
        ({"viscosity": 0}, "viscosity = 0 is not > 0"),
        ({"viscosity": float("nan")}, "viscosity = nan is not finite"),
        ({"viscosity": "thick"}, "viscosity = 'thick' is not a number"),
        ({"dirichlet": {}, "traction": dict.fromkeys(UNIT, 0.0)},
         "dirichlet: no part; the velocity must be prescribed somewhere"),
        ({"dirichlet": {"left": 0.0, "lid": 0.0}},
         "dirichlet names 'lid', which is not one of left, right, bottom, top"),
        ({"traction": {"out": 0.0}}, "traction names 'out', which is not one of left, right, bottom, top"),
        ({"traction": {"right": 0.0, "left": 0.0}}, "boundary part 'left' is in both dirichlet and traction"),
        ({"traction": None},
         "boundary part 'right' is in neither dirichlet nor traction; an open outlet has traction 0.0"),
        ({"dirichlet": {"left": "fast"}},
         "dirichlet['left'] = 'fast' is not a number, a pair of numbers or a function"),
        ({"dirichlet": {"left": (1, 2, 3)}},
         "dirichlet['left'] = (1, 2, 3) is not a number, a pair of numbers or a function"),
        ({"dirichlet": {"left": (1, np.inf)}}, "dirichlet['left'][1] = inf is not finite"),
        ({"dirichlet": [("left", 0)]}, "dirichlet: list is not a mapping"),
        ({"parameters": {"Re": (1, 2)}}, "parameters: dict is not a ParameterSpace"),
        ({"element": "Q2Q1"}, "element = 'Q2Q1' is not one of P2P1"),
        ({"mesh": flow.Mesh.rectangle(0, 1, 0, 1, nx=1, ny=1), "dirichlet": dict.fromkeys(UNIT, 0.0),
          "traction": None},
         "mesh: 2 free velocities for 3 pressures; refine the mesh"),
    ],
)  # fmt: skip
def test_problems_that_are_none(changes, message):
    with pytest.raises(InvalidArgument) as refusal:
        plain(**changes)
    assert str(refusal.value) == message


def test_unknown_solver():
    with pytest.raises(InvalidArgument, match=r"^solver = 'magic' is not one of auto, "):
        plain(solver="magic")


SPACE = flow.ParameterSpace(Re=(1, 10))


@pytest.mark.parametrize(
    ("changes", "mu", "message"),
    [
        ({"parameters": SPACE}, {}, "mu lacks 'Re'; it needs Re"),
        ({"parameters": SPACE}, {"Re": 1, "re": 2}, "mu has 're', which is not one of Re"),
        ({"parameters": SPACE}, {"Re": float("nan")}, "mu['Re'] = nan is not finite"),
        ({}, 3, "mu: int is not a mapping"),
        ({"viscosity": lambda mu: 1 / mu["Re"]}, {}, "mu lacks 'Re', which viscosity asks for"),
        ({"viscosity": lambda mu: 1 - mu["Re"]}, {"Re": 3}, "viscosity at mu = {Re: 3} = -2 is not > 0"),
        ({"body_force": lambda x, y, mu: (mu["g"], 0.0)}, {}, "mu lacks 'g', which body_force asks for"),
        ({"body_force": lambda x, y, mu: 1.0}, {}, "body_force at mu = {} returned float, not 2 components"),
        ({"body_force": lambda x, y, mu: (x[:2], 0.0)}, {},
         "body_force at mu = {}: component 0 has shape (2,) and dtype float64, not a number or 128 numbers"),
        ({"traction": {"right": lambda x, y, mu: (0.0, 1 / (y - y))}}, {},
         "traction['right'] at mu = {}: component 1 is not finite at (1, 0.0563508)"),
        ({"dirichlet": dict.fromkeys(UNIT[:1] + UNIT[2:], (1.0, 0.0)) | {"right": 0.0}, "traction": None}, {},
         "dirichlet: net flux -1 out of an enclosed flow, of 1 in and out; at most 0.001 of it may remain"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_parameters_and_data_that_do_not_fit(changes, mu, message):
    problem = plain(**changes)
    with pytest.raises(InvalidArgument) as refusal:
        problem.stokes(mu)
    assert str(refusal.value) == message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tol": 0}, "tol = 0 is not > 0"),
        ({"max_solves": 0}, "max_solves = 0 is below 1"),
        ({"method": "secant"}, "method = 'secant' is not one of auto, picard, newton"),
        ({"initial": np.zeros(3)}, "initial has shape (3,), not (25, 2)"),
        ({"initial": np.full((25, 2), np.nan)}, "initial[0, 0] = nan is not finite"),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(InvalidArgument) as refusal:
        plain().solve({}, **options)
    assert str(refusal.value) == message


def test_oseen_refuses():
    problem = plain()
    for arguments, options, message in [
        ((np.zeros((2, 2)), {}), {}, "convecting has shape (2, 2), not (25, 2)"),
        ((problem.nodes, {}), {"viscosity": 0.0}, "viscosity = 0.0 is not > 0"),
    ]:
        with pytest.raises(InvalidArgument) as refusal:
            problem.oseen(*arguments, **options)
        assert str(refusal.value) == message


def test_outside_the_box_is_a_warning_once_a_call():
    problem = plain(parameters=flow.ParameterSpace(Re=(1, 10)))
    for call in (problem.stokes, problem.solve, lambda mu: problem.oseen(problem.nodes, mu)):
        with pytest.warns(UserWarning, match="outside") as caught:
            call({"Re": 11})
        assert [str(w.message) for w in caught] == ["mu = {Re: 11} is outside ParameterSpace(Re=(1, 10))"]
        assert caught[0].filename == __file__


def test_a_solver_that_fails_is_named():
    class Broken(flow.solvers.SuperLU):
        name = "broken"

        def _factorize(self, values):
            raise NumericalError("broken: singular")

    problem = plain(solver=Broken())
    with pytest.raises(NumericalError, match="broken: singular"):
        problem.stokes({})
    with pytest.raises(flow.FlowConvergenceError, match="broken: singular"):
        problem.solve({}, initial=np.zeros((25, 2)))


SAVE_FLOW = """
import sys
import numpy as np
from nonideal.physics import flow
solution = flow.cases.cylinder(8).solve({"nu": 1e-3, "inflow": 0.25})
np.save(sys.argv[1], np.append(solution.velocity.ravel(), solution.pressure))
"""


def test_instruction_sets_agree(tmp_path):
    found = {}
    for isa in ("baseline", "avx2", "avx512"):
        path = tmp_path / f"{isa}.npy"
        done = subprocess.run(
            [sys.executable, "-c", SAVE_FLOW, path],
            capture_output=True,
            text=True,
            env={**os.environ, "NONIDEAL_ISA": isa},
            timeout=120,
        )
        if "NONIDEAL_ISA" in done.stderr:  # this processor lacks it
            continue
        assert done.returncode == 0, done.stderr
        found[isa] = np.load(path)
    for values in found.values():
        np.testing.assert_allclose(values, found["baseline"], atol=1e-10 * np.abs(found["baseline"]).max())
