"""Picard, Newton, continuation, and flows that are not found."""

import pickle

import numpy as np
import pytest

from nonideal.errors import ConvergenceError
from nonideal.physics import flow


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
    mesh = flow.Mesh.rectangle(0, 1, 0, 1, nx=4, ny=4)
    problem = flow.NavierStokes(mesh, viscosity=1.0, dirichlet=dict.fromkeys(mesh.boundaries, 0.0))
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
