"""Problems, parameters and options that are refused."""

import numpy as np
import pytest

from nonideal.errors import InvalidArgument, NumericalError
from nonideal.physics import flow

UNIT = ("left", "right", "bottom", "top")


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
