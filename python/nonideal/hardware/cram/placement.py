"""Where a program lies in an array: which columns its values take, and when those are preset."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nonideal import _core
from nonideal.checks import check_choice, check_integer, check_non_negative
from nonideal.errors import InvalidArgument
from nonideal.hardware.cram.gates import GATES, State
from nonideal.hardware.cram.program import Instruction, Program, check_program

__all__ = ["Array", "Placement", "PresetPhase", "check_array", "place"]


@dataclass(frozen=True)
class Array:
    """Geometry and peripheral constants of a memory array. One lane runs in one row.

    Parameters
    ----------
    rows, columns : int
        Size of the array.
    cycle_time : float
        Control overhead of every step (gate, preset phase or memory access), second.
    read_energy, write_energy : float
        Of one cell, joule: results that are read out, operands that are written.
    step_energy : float
        Row decoder and drivers of one array for one step, joule.
    bipolar_presets : bool
        Whether one preset phase may write P to some columns and AP to others. By default a phase drives one
        direction: its write current flows the same way in all columns (assumed; a memory whose columns have
        drivers for both polarities, as for writing a word, can do both at once).

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
    bipolar_presets: bool = False

    def __post_init__(self) -> None:
        for name in ("rows", "columns"):
            object.__setattr__(self, name, check_integer(name, getattr(self, name), 1))
        for name in ("cycle_time", "read_energy", "write_energy", "step_energy"):
            object.__setattr__(self, name, check_non_negative(name, getattr(self, name)))
        if not isinstance(self.bipolar_presets, bool):
            raise InvalidArgument(f"bipolar_presets = {self.bipolar_presets!r} is not one of False, True")

    @classmethod
    def from_file(cls, path: str | PathLike[str]) -> Array:
        """Return the array that a TOML or JSON file describes: the parameters by name, the others default.

        Parameters
        ----------
        path : path
            Ends in ``.toml`` or ``.json``.

        Raises
        ------
        InvalidArgument
            If the file cannot be read, a name in it is unknown or a value is refused.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> from nonideal.hardware import cram
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "array.toml"
        >>> _ = path.write_text("rows = 512  # read_energy in joule, ...")
        >>> cram.Array.from_file(path).rows
        512
        """
        path = Path(path)
        check_choice("path", path.suffix, (".toml", ".json"))
        try:
            text = path.read_text(encoding="utf-8")
            values = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
        except (OSError, ValueError) as error:
            raise InvalidArgument(f"{path} cannot be read ({error})") from None
        if not isinstance(values, dict):
            raise InvalidArgument(f"{path} holds a {type(values).__name__}, not names and values")
        for name in values:
            check_choice(f"{path}: name", name, (field.name for field in fields(cls)))
        try:
            return cls(**values)
        except InvalidArgument as problem:
            raise InvalidArgument(f"{path}: {problem}") from None


@dataclass(frozen=True)
class PresetPhase:
    """A moment at which columns are preset, in all rows.

    Parameters
    ----------
    before : int
        Number of the gate that comes next.
    columns : tuple of int
        What is preset.
    states : tuple of State
        To what, a state for each column; all the same unless the array has bipolar presets.
    """

    before: int
    columns: tuple[int, ...]
    states: tuple[State, ...]

    def __str__(self) -> str:
        parts = {
            state: [c for c, s in zip(self.columns, self.states, strict=True) if s is state]
            for state in State
        }
        return "preset " + " ".join(
            f"{state.name} {','.join(map(str, columns))}" for state, columns in parts.items() if columns
        )


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
    phase_before : (preset_phases,) int64
        The gate before which each phase takes place.
    phase_of_gate : (num_gates,) int64
        The phase that presets each gate's output.
    order : (num_gates,) int64
        Each gate's number in the program as it was written.
    """

    program: Program
    array: Array
    columns_used: int
    preset_phases: int
    cell_writes: npt.NDArray[np.int64]
    phase_before: npt.NDArray[np.int64]
    phase_of_gate: npt.NDArray[np.int64]
    order: npt.NDArray[np.int64]

    @cached_property
    def presets(self) -> tuple[PresetPhase, ...]:
        """The preset phases in order."""
        columns: list[list[int]] = [[] for _ in range(self.preset_phases)]
        states: list[list[State]] = [[] for _ in range(self.preset_phases)]
        for (gate, output, _), phase in zip(
            self.program.instructions, self.phase_of_gate.tolist(), strict=True
        ):
            columns[phase].append(output)
            states[phase].append(State(GATES[gate].preset))
        return tuple(
            PresetPhase(before, tuple(where), tuple(what))
            for before, where, what in zip(self.phase_before.tolist(), columns, states, strict=True)
        )

    def steps(self) -> Iterator[PresetPhase | Instruction]:
        """Yield what a controller does, in order: preset phases, and gates as in ``program.instructions``.

        Examples
        --------
        >>> from nonideal.hardware import cram
        >>> from nonideal.hardware.cram import circuits
        >>> placement = cram.place(circuits.full_adder("maj5_not"), presets="ganged")
        >>> print(placement.to_text(), end="")
        preset AP 3,4
        MAJ3 3 <- 0 1 2
        preset P 5,6
        NOT 5 <- 3
        NOT 6 <- 3
        MAJ5 4 <- 0 1 2 5 6
        """
        instructions = self.program.instructions
        gate = 0
        for phase in self.presets:
            yield from instructions[gate : phase.before]
            gate = phase.before
            yield phase
        yield from instructions[gate:]

    def to_text(self) -> str:
        """Return the steps as text, a line each, for a controller or another simulator.

        ``preset P 4,5`` writes columns, ``NAND2 7 <- 4 5`` runs a gate: output column, input columns.
        """
        return "".join(
            f"{step}\n"
            if isinstance(step, PresetPhase)
            else f"{step[0]} {step[1]} <- {' '.join(map(str, step[2]))}\n"
            for step in self.steps()
        )


def place(
    program: Program,
    array: Array | None = None,
    *,
    presets: str = "per_gate",
    allocate: str = "lowest",
    order: str = "as_written",
) -> Placement:
    """Give every gate a column that is free from its preset to the last reader of its value.

    Inputs and constants keep cells of their own.

    Parameters
    ----------
    program : Program
        What to place.
    array : Array or None
        None for ``Array()``, 1024 x 1024.
    presets : str
        ``"per_gate"``: one preset phase before every gate. ``"ganged"``: many columns at once, in as few
        phases as the array's columns allow: the least for this order of gates (of very long programs that
        mix gates preset to P and to AP, the best of a few rules; up to 14 % more where both were compared).
    allocate : str
        ``"lowest"``: the lowest free column, so that the program is as narrow as can be. ``"level"``: the
        free column that was written least, of the whole array: wear is spread.
    order : str
        ``"as_written"``; or ``"compact"``: gates that end the lives of values come early, where that saves
        preset phases or columns. Gates then draw other random numbers: noisy results are others, their
        distribution is the same.

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
    >>> [cram.place(program, cram.Array(columns=c), presets="ganged").preset_phases for c in (64, 128, 1024)]
    [20, 7, 1]
    """
    options = {
        "presets": (presets, _core.cram.Presets),
        "allocate": (allocate, _core.cram.Allocate),
        "order": (order, _core.cram.Order),
    }
    chosen: dict[str, Any] = {
        name: kind[check_choice(name, value, kind.__members__)] for name, (value, kind) in options.items()
    }
    check_program(program)
    array = check_array(array)
    core, writes, before, phase, gates = _core.cram.place(
        program._core, array.rows, array.columns, array.bipolar_presets, **chosen
    )
    return Placement(Program._wrap(core), array, core.columns, len(before), writes, before, phase, gates)


def check_array(array: object) -> Array:
    """Return the array; the default one for None."""
    if not isinstance(array, Array | None):
        raise InvalidArgument(f"array: {type(array).__name__} is not an Array")
    return Array() if array is None else array
