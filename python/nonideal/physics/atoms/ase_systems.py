"""Systems as ASE's atoms, and calculators by name, file or object."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from nonideal.checks import FloatArray, check_finite, shown
from nonideal.errors import InvalidArgument, MissingExtra

try:
    from ase import Atoms
except ImportError:
    raise MissingExtra("ase", "atoms") from None

__all__ = ["as_atoms", "as_calculator", "calculated"]


def as_atoms(system: Any) -> Any:
    """Return a system as a new ``ase.Atoms`` without calculator, or refuse what cannot be simulated."""
    if getattr(system, "constraints", None):
        raise InvalidArgument("system: constraints are not supported; copy the atoms and delete them")
    try:
        numbers, positions, cell, pbc = (
            getattr(system, name) for name in ("numbers", "positions", "cell", "pbc")
        )
    except AttributeError as problem:
        raise InvalidArgument(f"system: {problem}") from None
    positions = check_finite("system.positions", positions)
    if positions.ndim != 2 or positions.shape[1] != 3:
        raise InvalidArgument(f"system.positions: shape {positions.shape} is not (atoms, 3)")
    numbers = np.asarray(numbers)
    if numbers.shape != positions.shape[:1]:
        raise InvalidArgument(f"system.numbers: shape {numbers.shape} is not {positions.shape[:1]}")
    cell = check_finite("system.cell", np.zeros((3, 3)) if cell is None else np.asarray(cell))
    atoms = Atoms(numbers, positions, cell=cell, pbc=pbc)
    if isinstance(system, Atoms):
        atoms.set_masses(system.get_masses())
    return atoms


def as_calculator(name: str, source: Any) -> Any:
    """Return an ASE calculator: one that was given, a generator's by its name, or a model file's."""
    if isinstance(source, str | os.PathLike):
        from nonideal.physics.atoms.generators import GENERATORS, ground_truth

        if source in GENERATORS:
            return ground_truth(str(source))
        if not os.path.exists(source):
            raise InvalidArgument(
                f"{name} = {shown(str(source))} is neither a file nor one of {', '.join(GENERATORS)}"
            )
        return _model_calculator(source)
    if hasattr(source, "get_property") and hasattr(source, "calculate"):
        return source
    if hasattr(source, "compute") or hasattr(source, "evaluate"):  # our engine or network
        return _model_calculator(source)
    raise InvalidArgument(f"{name} = {shown(source)} is neither an ASE calculator nor a generator's name")


def calculated(calculator: Any, atoms: Any) -> tuple[float, FloatArray]:
    """Return energy and forces, checked to be numbers."""
    atoms.calc = calculator
    energy = float(atoms.get_potential_energy())
    return energy, np.array(atoms.get_forces(), dtype=np.float64)


def _model_calculator(source: Any) -> Any:
    from nonideal.physics.atoms import LeignnCalculator

    return LeignnCalculator(source)
