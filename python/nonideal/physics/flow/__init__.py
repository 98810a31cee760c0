"""Incompressible flow: Oseen and Navier-Stokes solvers and their reduced-order models.

The path: mesh and boundary data -> full-order solutions at some parameters -> artificial ones made from pairs
of them -> a reduced basis -> solutions at any parameters in less than a millisecond, with their error.
"""

from nonideal.physics.flow import cases, plot, solvers
from nonideal.physics.flow.augmentation import augment
from nonideal.physics.flow.failure import FlowConvergenceError
from nonideal.physics.flow.mesh import Mesh
from nonideal.physics.flow.operator import OseenOperator
from nonideal.physics.flow.parameters import ParameterSpace
from nonideal.physics.flow.problem import NavierStokes
from nonideal.physics.flow.reduced import ReducedBasis, ReducedSolution
from nonideal.physics.flow.snapshots import Snapshots
from nonideal.physics.flow.solution import Solution
from nonideal.physics.flow.stream import StreamFunction
from nonideal.physics.flow.validation import Validation, validate

__all__ = [
    "FlowConvergenceError",
    "Mesh",
    "NavierStokes",
    "OseenOperator",
    "ParameterSpace",
    "ReducedBasis",
    "ReducedSolution",
    "Snapshots",
    "Solution",
    "StreamFunction",
    "Validation",
    "augment",
    "cases",
    "plot",
    "solvers",
    "validate",
]
