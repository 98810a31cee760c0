"""Systems as ASE's atoms, and calculators by name, file or object."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from nonideal.checks import shown
from nonideal.errors import InvalidArgument, MissingExtra
from nonideal.physics.atoms.system import as_system

try:
    from ase import Atoms
except ImportError:
    raise MissingExtra("ase", "atoms") from None

__all__ = ["as_atoms", "as_calculator", "potential_energy"]


def as_atoms(system: Any) -> Any:
    """Return a system as a new ``ase.Atoms`` without calculator, or refuse what cannot be simulated."""
    if getattr(system, "constraints", None):
        raise InvalidArgument("system: constraints are not supported; copy the atoms and delete them")
    checked = as_system(system)
    atoms: Any = Atoms(checked.numbers, checked.positions, cell=checked.cell, pbc=checked.pbc)
    if isinstance(system, Atoms):
        atoms.set_masses(system.get_masses())
    return atoms


def as_calculator(name: str, source: Any) -> Any:
    """Return an ASE calculator: one that was given, a generator's by its name, or a model file's.

    Models give the forces that they were made for.
    """
    if isinstance(source, str | os.PathLike):
        from nonideal.physics.atoms.generators import GENERATORS, ground_truth

        if source in GENERATORS:
            return ground_truth(str(source))
        if not _is_file(source):
            raise InvalidArgument(
                f"{name} = {shown(str(source))} is neither a file nor one of {', '.join(GENERATORS)}"
            )
        return _model_calculator(source)
    if hasattr(source, "get_property") and hasattr(source, "calculate"):
        return source
    if hasattr(source, "compute") or hasattr(source, "evaluate"):  # our engine or network
        return _model_calculator(source)
    raise InvalidArgument(f"{name} = {shown(source)} is neither an ASE calculator nor a generator's name")


def potential_energy(atoms: Any) -> float:
    """Return the energy (eV) that belongs to the forces: "free_energy" where the calculator has one.

    With smeared occupations ASE's "energy" is another, extrapolated to no smearing.
    """
    known = getattr(atoms.calc, "implemented_properties", ())
    return float(atoms.get_potential_energy(force_consistent="free_energy" in known))


def _is_file(path: Any) -> bool:
    try:
        return Path(path).is_file()
    except (OSError, ValueError):  # too long, or with a zero in it
        return False


def _model_calculator(source: Any) -> Any:
    from nonideal.physics.atoms import LeignnCalculator

    return LeignnCalculator(source, forces=None)
