"""Incompressible flow: Oseen and Navier-Stokes solvers and their reduced-order models."""

from nonideal.physics.flow import cases, solvers
from nonideal.physics.flow.failure import FlowConvergenceError
from nonideal.physics.flow.mesh import Mesh
from nonideal.physics.flow.operator import OseenOperator
from nonideal.physics.flow.parameters import ParameterSpace
from nonideal.physics.flow.problem import NavierStokes
from nonideal.physics.flow.solution import Solution

__all__ = [
    "FlowConvergenceError",
    "Mesh",
    "NavierStokes",
    "OseenOperator",
    "ParameterSpace",
    "Solution",
    "cases",
    "solvers",
]
