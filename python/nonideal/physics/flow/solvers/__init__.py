"""Sparse direct solvers behind one protocol: analyse a pattern once, factorise many matrices, solve."""

from nonideal.physics.flow.solvers.native import NativeLU
from nonideal.physics.flow.solvers.pardiso import Pardiso
from nonideal.physics.flow.solvers.protocol import Layout, SolverStats, SparseSolver
from nonideal.physics.flow.solvers.registry import available, create, register
from nonideal.physics.flow.solvers.superlu import SuperLU

__all__ = [
    "Layout",
    "NativeLU",
    "Pardiso",
    "SolverStats",
    "SparseSolver",
    "SuperLU",
    "available",
    "create",
    "register",
]
