"""Every case of the library: its matrices are solved to round-off, after one analysis, without repairs."""

import numpy as np
import pytest

from nonideal.physics import flow
from nonideal.physics.flow.solvers import NativeLU

SLOW = pytest.mark.slow

#: Case -> problem and parameters; meshes of everyday use are slow, Reynolds numbers reach the ranges' ends.
CASES = {
    "cavity": (
        lambda: flow.cases.two_lid_cavity(12, solver="native"),
        ({"Re": 100, "a": 1.0}, {"Re": 400, "a": -1.0}),
    ),
    "regularised cavity": (
        lambda: flow.cases.two_lid_cavity(12, regularised=True, solver="native"),
        ({"Re": 100, "a": -1.0}, {"Re": 400, "a": 0.3}),
    ),
    "jet": (
        lambda: flow.cases.channel_jet(6, solver="native"),
        ({"Re": 50, "jet": 1.0}, {"Re": 300, "jet": 0.0}),
    ),
    "cylinder": (
        lambda: flow.cases.cylinder(8, solver="native"),
        ({"nu": 1e-3, "inflow": 0.3}, {"nu": 1.5e-3, "inflow": 0.15}, {"nu": 6e-4, "inflow": 0.3}),
    ),
    "step": (lambda: flow.cases.backward_step(8, solver="native"), ({"Re": 100}, {"Re": 400})),
}
LARGE = {
    "cavity": (
        lambda: flow.cases.two_lid_cavity(48, solver="native"),
        ({"Re": 100, "a": 0.0}, {"Re": 1000, "a": 0.0}),
    ),
    "regularised cavity": (
        lambda: flow.cases.two_lid_cavity(48, regularised=True, solver="native"),
        ({"Re": 400, "a": -1.0}, {"Re": 1000, "a": 1.0}),
    ),
    "jet": (
        lambda: flow.cases.channel_jet(16, solver="native"),
        ({"Re": 50, "jet": 0.0}, {"Re": 300, "jet": 1.0}),
    ),
    "cylinder": (lambda: flow.cases.cylinder(24, solver="native"), ({"nu": 1e-3, "inflow": 0.3},)),
    "step": (lambda: flow.cases.backward_step(16, solver="native"), ({"Re": 400}, {"Re": 800})),
}


def enclosed(problem):
    """The same box with the velocity of its own flow at the outlet too: no open end is left."""
    state = problem.__getstate__()
    (mu,) = problem.parameters.grid(1)
    found = problem.solve(mu)
    outlet = problem.sides("outlet").nodes
    values = {
        tuple(place): value
        for place, value in zip(problem.nodes[outlet], found.velocity[outlet], strict=True)
    }

    def at_outlet(x, y, mu):
        return tuple(np.array([values[place] for place in zip(x, y, strict=True)]).T)

    state.update(dirichlet={"outlet": at_outlet, **state["dirichlet"]}, traction=None)
    return flow.NavierStokes(state.pop("mesh"), **state), mu


def metres(problem, length, speed):
    """The same flow in other units: lengths and speeds times so much."""
    state = problem.__getstate__()
    mesh = state.pop("mesh")

    def scaled(data):
        if not callable(data):
            return tuple(speed * np.broadcast_to(data, 2))
        return lambda x, y, mu: tuple(speed * np.asarray(part) for part in data(x / length, y / length, mu))

    nu = state["viscosity"]
    state["viscosity"] = lambda mu: length * speed * nu(mu)
    state["dirichlet"] = {part: scaled(data) for part, data in state["dirichlet"].items()}
    points = length * mesh.points
    return flow.NavierStokes(flow.Mesh(points, mesh.cells, mesh.boundaries), **state)


def assert_exact(problem):
    """What the problem's solver says of all its matrices so far: of Stokes, Picard and Newton."""
    stats = problem.solver_stats
    assert stats.backend == "native"
    assert (stats.analyses, stats.perturbed_pivots, stats.fallbacks) == (1, 0, 0)
    assert stats.backward_error <= 1e-14
    assert stats.factorizations == stats.solves >= 5


def assert_matrices_exact(problem, solution):
    """The same, of the matrices at a solution, with residuals that are computed here."""
    operator, solver = problem.operator, NativeLU(refinement=3)
    solver.analyse(operator.matrix.indptr, operator.matrix.indices, operator.layout)
    boundary = np.where(problem.constrained[:, None], solution.velocity, 0.0)
    rng = np.random.default_rng(0)
    for convecting, newton in ((None, False), (solution.velocity, False), (solution.velocity, True)):
        operator.update(convecting, solution.viscosity, newton=newton, boundary=boundary)
        matrix = operator.matrix
        solver.factorize(matrix.data)
        for rhs in (operator.rhs, rng.standard_normal(len(operator.free))):
            for transpose in (False, True):
                found = solver.solve(rhs, transpose=transpose)
                turned = matrix.T if transpose else matrix
                left = np.abs(rhs - turned @ found).max()
                size = abs(turned).sum(axis=1).max() * np.abs(found).max() + np.abs(rhs).max()
                assert left <= 1e-14 * size
    stats = solver.stats
    assert (stats.analyses, stats.factorizations) == (1, 3)
    assert (stats.perturbed_pivots, stats.fallbacks) == (0, 0)


def check(problem, mus):
    for mu in mus:
        for method in ("auto", "picard") if mu is mus[0] else ("auto",):
            solution = problem.solve(mu, method=method, tol=1e-10 if method == "auto" else 1e-4)
    assert_exact(problem)
    assert_matrices_exact(problem, solution)


@pytest.mark.parametrize("case", CASES)
def test_cases(case):
    make, mus = CASES[case]
    check(make(), mus)


@SLOW
@pytest.mark.filterwarnings("ignore:mu = ")  # Re 800 and 1000 are outside the declared boxes
@pytest.mark.parametrize("case", LARGE)
def test_cases_on_usual_meshes(case):
    make, mus = LARGE[case]
    check(make(), mus)


@pytest.mark.parametrize("case", ["jet", "cylinder", "step"])
def test_cases_without_an_open_end(case):
    problem, mu = enclosed(CASES[case][0]())
    assert problem.enclosed
    check(problem, (mu,))


@pytest.mark.parametrize(("length", "speed"), [(1e-3, 0.1), (1e3, 10.0), (1e-6, 1e-4)])
@pytest.mark.parametrize("case", ["cavity", "jet"])
def test_cases_in_other_units(case, length, speed):
    """Millimetres of water, kilometres, micrometres: pressure and velocity differ by orders of magnitude."""
    make, mus = CASES[case]
    problem = metres(make(), length, speed)
    check(problem, mus[:1])
    want, got = make().solve(mus[0]).velocity, problem.solve(mus[0]).velocity / speed
    assert problem.norm(got - want) <= 1e-8 * problem.norm(want)
