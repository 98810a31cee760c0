"""Where a program lies in an array: its columns, reused once their value is no longer needed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nonideal import _core
from nonideal.checks import check_choice, check_integer, check_non_negative
from nonideal.errors import InvalidArgument
from nonideal.hardware.cram.program import Program, check_program

__all__ = ["Array", "Placement", "place"]


@dataclass(frozen=True)
class Array:
    """Geometry and peripheral constants of a memory array. One lane runs in one row.

    Parameters
    ----------
    rows, columns : int
        Size of the array.
    cycle_time : float
        Control overhead of every step (gate or preset phase), second.
    read_energy, write_energy : float
        Of one cell, joule: results that are read out, operands that are written.
    step_energy : float
        Row decoder and drivers of one array for one step, joule.

    The peripheral constants are 0 by default: no source gives them for these devices, and an energy without
    them says so.

    Raises
    ------
    InvalidArgument
        If a size is below 1 or a constant negative or not finite.

    Examples
    --------
    >>> from nonideal.hardware import cram
    >>> cram.Array(rows=512, columns=256).columns
    256
    """

    rows: int = 1024
    columns: int = 1024
    cycle_time: float = 0.0
    read_energy: float = 0.0
    write_energy: float = 0.0
    step_energy: float = 0.0

    def __post_init__(self) -> None:
        for name in ("rows", "columns"):
            object.__setattr__(self, name, check_integer(name, getattr(self, name), 1))
        for name in ("cycle_time", "read_energy", "write_energy", "step_energy"):
            object.__setattr__(self, name, check_non_negative(name, getattr(self, name)))


@dataclass(frozen=True, eq=False)
class Placement:
    """A program in an array.

    Parameters
    ----------
    program : Program
        The same program with its columns reused; it computes the same bits.
    array : Array
        Where it lies.
    columns_used : int
        Width of the program.
    preset_phases : int
        How often columns are preset in one run.
    cell_writes : (columns_used,) int64
        Presets of each column in one run (endurance).
    """

    program: Program
    array: Array
    columns_used: int
    preset_phases: int
    cell_writes: npt.NDArray[np.int64]


def place(program: Program, array: Array | None = None, *, presets: str = "per_gate") -> Placement:
    """Assign columns by linear scan: every gate writes the lowest column whose value is no longer needed.

    Inputs and constants keep cells of their own.

    Parameters
    ----------
    program : Program
        What to place; its order of gates is kept.
    array : Array or None
        None for ``Array()``, 1024 x 1024.
    presets : str
        ``"per_gate"``: one preset phase before every gate.

    Raises
    ------
    InvalidArgument
        If the program is wider than the array; the message says by how many columns.

    Examples
    --------
    >>> from nonideal.hardware import cram
    >>> from nonideal.hardware.cram import circuits
    >>> program = circuits.multiplier(8)
    >>> program.columns, cram.place(program).columns_used
    (616, 41)
    """
    check_choice("presets", presets, ("per_gate",))
    check_program(program)
    if not isinstance(array, Array | None):
        raise InvalidArgument(f"array: {type(array).__name__} is not an Array")
    array = Array() if array is None else array
    core, used, phases, writes = _core.cram.place(program._core, array.rows, array.columns)
    return Placement(Program._wrap(core), array, used, phases, writes)
