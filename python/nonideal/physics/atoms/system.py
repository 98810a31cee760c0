"""Atoms in a cell: what every function of this package takes, checked once and in one form."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nonideal import _core
from nonideal.checks import FloatArray, check_finite, check_iterable, shown
from nonideal.errors import InvalidArgument

__all__ = ["System", "as_system", "is_system", "named_systems"]

IntArray: TypeAlias = NDArray[np.int32]
BoolArray: TypeAlias = NDArray[np.bool_]

HIGHEST_NUMBER = 118  # oganesson; 0 is ASE's X, an atom of no element


@dataclass(frozen=True, eq=False)
class System:
    """Atoms, their places and their cell, as `as_system` makes it: nothing is checked here.

    Attributes
    ----------
    numbers : (n_atoms,) int32
        Atomic numbers.
    positions : (n_atoms, 3) float64, angstrom
        C-contiguous; not wrapped into the cell.
    cell : (3, 3) float64, angstrom
        Cell vectors as rows; an axis that isn't periodic may have a zero vector.
    pbc : (3,) bool
        Which axes are periodic.
    """

    numbers: IntArray
    positions: FloatArray
    cell: FloatArray
    pbc: BoolArray

    def __len__(self) -> int:
        """Return the number of atoms."""
        return len(self.numbers)


def as_system(system: Any, name: str = "system") -> System:
    """Return atoms in this package's one form; arrays that have it already aren't copied.

    Parameters
    ----------
    system : ase.Atoms, Frame, System or any object with these attributes
        ``numbers`` (N,) integers in [0, 118]; ``positions`` (N, 3) float64, C-contiguous, angstrom; ``cell``
        (3, 3), rows, angstrom; ``pbc`` (3,) bool.
    name : str
        What it is called in errors.

    Returns
    -------
    System

    Raises
    ------
    InvalidArgument
        If an attribute is missing or of another shape, type or layout, a number isn't finite, a periodic axis
        has a zero vector, or the cell's vectors (without zero ones) lie in a plane or on a line.

    Examples
    --------
    >>> import numpy as np
    >>> from nonideal.physics import atoms
    >>> hydrogen = atoms.Frame([1, 1], [[0, 0, 0], [0, 0, 0.74]])
    >>> len(as_system(hydrogen))
    2
    """
    if isinstance(system, System):  # checked when it was made
        return system
    try:
        numbers, positions, cell, pbc = system.numbers, system.positions, system.cell, system.pbc
    except AttributeError as missing:
        raise InvalidArgument(
            f"{name}: {type(system).__name__} has no {missing.name}; needed are numbers, positions, cell, pbc"
        ) from None
    rows = np.asarray(cell) if hasattr(cell, "__array__") else cell  # ASE's cells are no arrays
    plain = _core.atoms.plain_system(numbers, positions, rows, pbc, highest=HIGHEST_NUMBER)
    if plain is not None:  # all the checks below at once; they find the words, and what else will do
        return System(*plain)
    periodic = check_pbc(f"{name}.pbc", pbc)
    checked = check_numbers(f"{name}.numbers", numbers)
    return System(
        checked,
        _positions(f"{name}.positions", positions, len(checked)),
        check_cell(f"{name}.cell", cell, periodic),
        periodic,
    )


def named_systems(systems: Any) -> Iterable[tuple[str, Any]]:
    """Yield structures with the name that they have in errors; one alone is a sequence of one."""
    if is_system(systems):
        yield "systems", systems
        return
    for index, system in enumerate(check_iterable("systems", systems)):
        yield f"systems[{index}]", system


def is_system(value: Any) -> bool:
    """Return whether a value is one structure, rather than a sequence of them."""
    return hasattr(value, "numbers") and hasattr(value, "positions")


def check_numbers(name: str, value: Any) -> IntArray:
    """Return atomic numbers as int32."""
    numbers = _array(name, value)
    if numbers.size == 0 and numbers.ndim == 1:
        return np.zeros(0, np.int32)
    if numbers.dtype.kind not in "iu":
        raise InvalidArgument(f"{name} has dtype {numbers.dtype}, not an integer's")
    if numbers.ndim != 1:
        raise InvalidArgument(f"{name} has shape {numbers.shape}, not (n_atoms,)")
    if numbers.min() < 0 or numbers.max() > HIGHEST_NUMBER:
        index = int(((numbers < 0) | (numbers > HIGHEST_NUMBER)).argmax())
        raise InvalidArgument(f"{name}[{index}] = {numbers[index]} is outside [0, {HIGHEST_NUMBER}]")
    return numbers.astype(np.int32, order="C", copy=False)


def check_pbc(name: str, value: Any) -> BoolArray:
    """Return periodicity per axis; one bool is meant for all three."""
    pbc = _array(name, value)
    if pbc.dtype != np.bool_ or pbc.shape not in ((), (3,)):
        raise InvalidArgument(f"{name} = {shown(value)} is neither one bool nor three")
    return np.full(3, pbc) if pbc.ndim == 0 else np.ascontiguousarray(pbc)


def check_cell(name: str, value: Any, pbc: BoolArray) -> FloatArray:
    """Return cell vectors as rows; zeros for None."""
    cell: FloatArray = np.zeros((3, 3)) if value is None else check_finite(name, value)
    if cell.shape != (3, 3):
        raise InvalidArgument(f"{name} has shape {cell.shape}, not (3, 3)")
    cell = np.ascontiguousarray(cell)
    _core.atoms.check_cell(name, cell, pbc)
    return cell


def check_length(name: str, length: int, n_atoms: int) -> None:
    """Refuse arrays that are not as long as the atoms."""
    if length != n_atoms:
        raise InvalidArgument(f"{name} has {length} rows, there are {n_atoms} numbers")


def check_vectors(name: str, value: Any, n_atoms: int) -> FloatArray:
    """Return one finite vector per atom."""
    vectors = check_finite(name, value)
    if vectors.size == 0 and n_atoms == 0:
        return np.zeros((0, 3))
    if vectors.ndim != 2 or vectors.shape[1] != 3:
        raise InvalidArgument(f"{name} has shape {vectors.shape}, not (n_atoms, 3)")
    check_length(name, len(vectors), n_atoms)
    return np.ascontiguousarray(vectors)


def _array(name: str, value: Any) -> NDArray[Any]:
    try:
        return np.asarray(value)
    except ValueError as problem:  # rows of different lengths
        raise InvalidArgument(f"{name}: {problem}") from None


def _positions(name: str, value: Any, n_atoms: int) -> FloatArray:
    if not isinstance(value, np.ndarray) or value.dtype != np.float64:
        kind = f"dtype {value.dtype}" if isinstance(value, np.ndarray) else f"type {type(value).__name__}"
        raise InvalidArgument(f"{name} has {kind}, not float64")
    if value.ndim != 2 or value.shape[1] != 3:
        raise InvalidArgument(f"{name} has shape {value.shape}, not (n_atoms, 3)")
    check_length(name, len(value), n_atoms)
    if not value.flags.c_contiguous:
        raise InvalidArgument(f"{name} is not C-contiguous; numpy.ascontiguousarray copies it")
    _core.atoms.check_positions(name, value)
    return value
