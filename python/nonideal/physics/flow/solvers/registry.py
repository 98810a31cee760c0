"""Solvers by name."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from nonideal.errors import InvalidArgument
from nonideal.physics.flow.solvers.native import NativeLU
from nonideal.physics.flow.solvers.pardiso import Pardiso
from nonideal.physics.flow.solvers.protocol import SparseSolver
from nonideal.physics.flow.solvers.superlu import SuperLU

__all__ = ["available", "create", "register"]

VARIABLE = "NONIDEAL_FLOW_SOLVER"
_DEFAULT = "native"
_FACTORIES: dict[str, Callable[[], SparseSolver]] = {
    "native": NativeLU,
    "superlu": SuperLU,
    "pardiso": Pardiso,
}


def register(name: str, factory: Callable[[], SparseSolver]) -> None:
    """Make a solver known by a name; a later one replaces an earlier one.

    Parameters
    ----------
    name : str
        Not empty, and not ``"auto"``.
    factory : callable
        Makes a new solver; a class does.

    Raises
    ------
    InvalidArgument
        If the name cannot be used or the factory cannot be called.

    Examples
    --------
    >>> from nonideal.physics import flow
    >>> flow.solvers.register("colamd", lambda: flow.solvers.SuperLU(symmetric=False))
    >>> "colamd" in flow.solvers.available()
    True
    """
    if not isinstance(name, str) or name in ("", "auto"):
        raise InvalidArgument(f"name = {name!r} cannot name a solver")
    if not callable(factory):
        raise InvalidArgument(f"factory: {type(factory).__name__} is not callable")
    _FACTORIES[name] = factory


def available() -> list[str]:
    """Return the names of the solvers that can be made here.

    Examples
    --------
    >>> from nonideal.physics import flow
    >>> "superlu" in flow.solvers.available()
    True
    """
    return sorted(name for name in _FACTORIES if name != "pardiso" or Pardiso.is_available())


def create(solver: Any = "auto") -> SparseSolver:
    """Return a new solver by its name, or the given object where it is one.

    Parameters
    ----------
    solver : str or SparseSolver
        ``"auto"`` is what the environment variable ``NONIDEAL_FLOW_SOLVER`` names, else ``"native"``.

    Raises
    ------
    InvalidArgument
        If there is no such solver, or the object lacks a method.

    Examples
    --------
    >>> from nonideal.physics import flow
    >>> flow.solvers.create("superlu").name
    'superlu'
    """
    if not isinstance(solver, str):
        if isinstance(solver, SparseSolver) and not isinstance(solver, type):
            return solver
        raise InvalidArgument(f"solver: {type(solver).__name__} has no analyse, factorize and solve")
    argument, name = "solver", solver
    if solver == "auto":
        argument, name = VARIABLE, os.environ.get(VARIABLE) or _DEFAULT
    if name not in _FACTORIES:
        raise InvalidArgument(f"{argument} = {name!r} is not one of auto, {', '.join(sorted(_FACTORIES))}")
    return _FACTORIES[name]()
