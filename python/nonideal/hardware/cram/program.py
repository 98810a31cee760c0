"""Programs: what one row of the array does, gate after gate."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from nonideal import _core
from nonideal.checks import check_int32, check_integer
from nonideal.errors import InvalidArgument
from nonideal.hardware.cram.gates import GATES

__all__ = ["Port", "Program", "ProgramBuilder"]

Instruction = tuple[str, int, tuple[int, ...]]
Word = list[int]

_NAMES = tuple(GATES)
_CODES = {name: code for code, name in enumerate(_NAMES)}


@dataclass(frozen=True)
class Port:
    """A named operand or result of a program.

    Parameters
    ----------
    name : str
        The key of the port's values in `simulate`.
    bits : int
        Width of a word, 1 to 63.
    length : int or None
        Number of words per lane; None for a single word, whose values have shape (lanes,) instead of
        (lanes, length).
    signed : bool
        Whether words are two's complement.
    columns : tuple of int
        ``bits * (length or 1)`` columns, word after word, least significant bit first.
    """

    name: str
    bits: int
    length: int | None
    signed: bool
    columns: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "bits", check_int32(f"{_name(self.name)}.bits", self.bits))
        if self.length is not None:
            object.__setattr__(self, "length", check_integer(f"{self.name}.length", self.length, 1))
        object.__setattr__(self, "columns", tuple(_columns(f"{self.name}.columns", self.columns)))

    def _as_core(self) -> tuple[str, int, int, bool, list[int]]:
        return self.name, self.bits, self.length or 0, self.signed, list(self.columns)


class Program:
    """An immutable, checked sequence of gates that every lane (row) runs on its own data.

    Parameters
    ----------
    columns : int
        Number of columns (cells of a row) that the program uses.
    instructions : sequence of (gate, output_column, input_columns)
        Executed in order. A gate presets its output cell, then computes it from distinct other cells.
    inputs, outputs : mapping of name to columns, or sequence of Port
        Columns are least significant bit first.
    constants : mapping of column to 0 or 1
        Cells that hold a value from the start.

    Raises
    ------
    InvalidArgument
        If an instruction reads a column that nothing has set, reads a column twice or writes one that it
        reads, if a gate is unknown, has the wrong number of inputs, or a column or port is out of range.

    Examples
    --------
    A half adder from NAND gates:

    >>> from nonideal.hardware import cram
    >>> program = cram.Program(
    ...     7,
    ...     [("NAND2", 2, (0, 1)), ("NAND2", 3, (0, 2)), ("NAND2", 4, (1, 2)), ("NAND2", 5, (3, 4)),
    ...      ("NOT", 6, (2,))],
    ...     inputs={"a": [0], "b": [1]},
    ...     outputs={"sum": [5, 6]},
    ... )
    >>> program
    <Program: 5 gates, 7 columns, depth 3, a[1], b[1] -> sum[2]>
    >>> program.gate_counts
    {'NOT': 1, 'NAND2': 4}
    """

    def __init__(
        self,
        columns: int,
        instructions: Iterable[tuple[str, int, Sequence[int]]],
        inputs: Mapping[str, Sequence[int]] | Sequence[Port],
        outputs: Mapping[str, Sequence[int]] | Sequence[Port],
        constants: Mapping[int, int] | None = None,
    ) -> None:
        rows = list(instructions)
        codes = np.zeros(len(rows), dtype=np.uint8)
        targets = np.zeros(len(rows), dtype=np.int32)
        operands = np.full((len(rows), _core.cram.MAX_FAN_IN), -1, dtype=np.int32)
        for i, row in enumerate(rows):
            try:
                gate, target, sources = row
                cells = [target, *sources]
            except (TypeError, ValueError):
                raise InvalidArgument(
                    f"instructions[{i}] = {row!r} is not (gate, output column, input columns)"
                ) from None
            if not isinstance(gate, str) or gate not in _CODES:
                raise InvalidArgument(f"instructions[{i}]: gate = {gate!r} is not one of {', '.join(_NAMES)}")
            if len(cells) != 1 + GATES[gate].fan_in:
                raise InvalidArgument(
                    f"instructions[{i}] ({gate}): expected {GATES[gate].fan_in} input columns, "
                    f"got {len(cells) - 1}"
                )
            cells = _columns(f"instructions[{i}] ({gate})", cells)
            codes[i] = _CODES[gate]
            targets[i] = cells[0]
            operands[i, : len(cells) - 1] = cells[1:]
        self._core = _core.cram.Program(
            check_int32("columns", columns),
            codes,
            targets,
            operands,
            _core_ports("inputs", inputs),
            _core_ports("outputs", outputs),
            [
                (check_int32("constants: column", column), check_int32(f"constants[{column}]", bit))
                for column, bit in (constants or {}).items()
            ],
        )

    @classmethod
    def _wrap(cls, core: _core.cram.Program) -> Program:
        program = cls.__new__(cls)
        program._core = core
        return program

    @property
    def columns(self) -> int:
        """Number of columns."""
        return self._core.columns

    @property
    def num_gates(self) -> int:
        """Number of gates that a lane executes."""
        return self._core.num_gates

    @property
    def depth(self) -> int:
        """Gates on the longest path from an input to any gate."""
        return self._core.depth

    @property
    def gate_counts(self) -> dict[str, int]:
        """How many gates of each kind the program has."""
        return {name: n for name, n in zip(_NAMES, self._core.gate_counts, strict=True) if n}

    @cached_property
    def inputs(self) -> tuple[Port, ...]:
        """The operands."""
        return _ports(self._core.inputs)

    @cached_property
    def outputs(self) -> tuple[Port, ...]:
        """The results."""
        return _ports(self._core.outputs)

    @cached_property
    def constants(self) -> dict[int, int]:
        """Cells that hold a value from the start."""
        return dict(self._core.constants)

    @cached_property
    def instructions(self) -> tuple[Instruction, ...]:
        """The gates in order: (gate, output_column, input_columns)."""
        codes, targets, operands = self._core.instructions()
        return tuple(
            (_NAMES[code], target, tuple(sources[: GATES[_NAMES[code]].fan_in]))
            for code, target, sources in zip(codes.tolist(), targets.tolist(), operands.tolist(), strict=True)
        )

    def output(self, name: str | None = None) -> Port:
        """Return an output port by name; the only one where ``name`` is None.

        Raises
        ------
        InvalidArgument
            If there is no such port, or several and no name.
        """
        names = [port.name for port in self.outputs]
        if name is None and len(names) == 1:
            return self.outputs[0]
        for port in self.outputs:
            if port.name == name:
                return port
        raise InvalidArgument(f"output = {name!r} is not one of the program's outputs {', '.join(names)}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Program) and self._core == other._core

    def __hash__(self) -> int:
        return hash((self.columns, self.num_gates, self.inputs, self.outputs))

    def __repr__(self) -> str:
        def words(ports: tuple[Port, ...]) -> str:
            return ", ".join(f"{p.name}[{p.bits}]" + (f" x {p.length}" if p.length else "") for p in ports)

        return (
            f"<Program: {self.num_gates} gates, {self.columns} columns, depth {self.depth}, "
            f"{words(self.inputs)} -> {words(self.outputs)}>"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        core = self._core
        return _restore, (
            core.columns, *core.instructions(), core.inputs, core.outputs, core.constants,
        )  # fmt: skip


def _restore(*arguments: Any) -> Program:
    return Program._wrap(_core.cram.Program(*arguments))


def check_program(program: object) -> None:
    """Refuse what is not a program."""
    if not isinstance(program, Program):
        advice = "; its .program is one" if isinstance(getattr(program, "program", None), Program) else ""
        raise InvalidArgument(f"program: {type(program).__name__} is not a Program{advice}")


def _name(name: Any) -> str:
    if not isinstance(name, str):
        raise InvalidArgument(f"name = {name!r} is not a string")
    return name


def _columns(who: str, columns: Any) -> Word:
    """Columns as a list of whole numbers; whether they exist is checked in C++."""
    try:
        cells = [operator.index(column) for column in columns]
    except TypeError:
        raise InvalidArgument(f"{who}: {columns!r} are not columns (whole numbers)") from None
    for column in cells:
        if not -(1 << 31) <= column < 1 << 31:
            raise InvalidArgument(f"{who}: column {column} is outside [0, 2^31)")
    return cells


def _core_ports(
    who: str, ports: Mapping[str, Sequence[int]] | Sequence[Port]
) -> list[tuple[str, int, int, bool, list[int]]]:
    if isinstance(ports, Mapping):
        words = {_name(name): _columns(f"{who}[{name}]", columns) for name, columns in ports.items()}
        ports = [Port(name, len(cells), None, False, tuple(cells)) for name, cells in words.items()]
    for port in ports:
        if not isinstance(port, Port):
            raise InvalidArgument(f"{who}: {port!r} is not a Port")
    return [port._as_core() for port in ports]


def _ports(rows: Iterable[tuple[str, int, int, bool, list[int]]]) -> tuple[Port, ...]:
    return tuple(
        Port(name, bits, length or None, signed, tuple(columns))
        for name, bits, length, signed, columns in rows
    )


class ProgramBuilder:
    """Builds a program in which every gate writes a fresh column.

    Examples
    --------
    >>> from nonideal.hardware import cram
    >>> builder = cram.ProgramBuilder()
    >>> a, b, c = (builder.input(name, 1)[0] for name in "abc")
    >>> builder.output("majority", [builder.gate("MAJ3", a, b, c)])
    >>> result = cram.simulate(builder.build(), {"a": [0, 1], "b": [1, 1], "c": [0, 1]})
    >>> result["majority"]
    array([0, 1])
    """

    def __init__(self) -> None:
        self._core = _core.cram.ProgramBuilder()

    def input(self, name: str, bits: int, length: int | None = None, signed: bool = False) -> Any:
        """Add an operand; return its word (a list of columns), or a list of ``length`` words.

        Raises
        ------
        InvalidArgument
            If the name is empty or used, ``bits`` is outside [1, 63], or ``length`` is below 1.
        """
        name, bits = _name(name), check_int32("bits", bits)
        if length is None:
            return self._core.input(name, bits, bool(signed))
        return self._core.input_words(name, bits, check_int32("length", length), bool(signed))

    def constant(self, bit: int) -> int:
        """Add a cell that holds ``bit`` (0 or 1) from the start; return its column."""
        return self._core.constant(check_int32("bit", bit))

    def gate(self, name: str, *columns: int) -> int:
        """Add a gate; return the column of its output.

        Raises
        ------
        InvalidArgument
            If the gate is unknown, takes another number of columns, or a column is unknown or repeated: a
            cell can be an input of a gate only once, `copy` makes a second cell with the same value.
        """
        if not isinstance(name, str) or name not in _CODES:
            raise InvalidArgument(f"gate = {name!r} is not one of {', '.join(_NAMES)}")
        return self._core.gate(name, _columns(name, columns))

    def copy(self, column: int) -> int:
        """Add a second cell with the same value (a BUF gate); return its column."""
        return self._core.copy(_columns("BUF", [column])[0])

    def output(self, name: str, word: Sequence[int], signed: bool = False) -> None:
        """Name a result: the columns of a word, least significant bit first."""
        self._core.output(_name(name), _columns(f"outputs[{name}]", word), bool(signed))

    def build(self) -> Program:
        """Return the program built so far."""
        return Program._wrap(self._core.build())
