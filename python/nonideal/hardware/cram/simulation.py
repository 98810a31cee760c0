"""Runs programs on simulated rows whose gates err."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from nonideal import _core
from nonideal.checks import check_choice, check_integer, check_threads
from nonideal.errors import InvalidArgument
from nonideal.hardware.cram.library import CalibratedGate, GateLibrary
from nonideal.hardware.cram.planes import BitPlanes, integer_array, pack_port
from nonideal.hardware.cram.program import Port, Program, check_program
from nonideal.seeds import resolve_seed

__all__ = ["Activity", "CellVariation", "SimulationResult", "simulate"]


class CellVariation(Protocol):
    """What `simulate` needs to know of an array whose cells differ: `VariationMap` is one.

    Immutable and hashable: the tables that follow from it are kept from one call to the next.
    """

    def __hash__(self) -> int:
        """Return what tells maps apart, as `object` does."""

    @property
    def rows(self) -> int:
        """Rows of the array."""

    @property
    def columns(self) -> int:
        """Columns of the array."""

    def errors(
        self, gate: CalibratedGate, output_column: int, input_columns: Sequence[int]
    ) -> npt.NDArray[np.float64]:
        """Return P(output wrong), (rows, 2**fan_in); bit i of the second index is the state of input i."""


@dataclass(frozen=True, eq=False)
class Activity:
    """What happened, per instruction and number k of 1-inputs.

    Parameters
    ----------
    lanes : (num_gates, 6) int64
        Lanes in which the gate saw k ones.
    flips : (num_gates, 6) int64
        How many of them got a wrong output.
    """

    lanes: npt.NDArray[np.int64]
    flips: npt.NDArray[np.int64]

    def __add__(self, other: Activity) -> Activity:
        """Return the counts of two runs of one program together."""
        return Activity(self.lanes + other.lanes, self.flips + other.flips)


@dataclass(frozen=True, eq=False)
class SimulationResult(Mapping[str, Any]):
    """The output ports of a run: a mapping from name to values, shape (lanes,), or to `BitPlanes`.

    Parameters
    ----------
    outputs : mapping
        The values by name.
    seed : int
        The seed that was used.
    lanes : int
        Number of lanes.
    activity : Activity or None
        Counts per gate, where they were asked for.
    """

    outputs: Mapping[str, Any]
    seed: int
    lanes: int
    activity: Activity | None

    def __getitem__(self, name: str) -> Any:
        return self.outputs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.outputs)

    def __len__(self) -> int:
        return len(self.outputs)


@lru_cache(maxsize=32)
def _table(gates: GateLibrary | None) -> _core.cram.GateTable:
    if gates is None:
        return _core.cram.GateTable.ideal()
    table = _core.cram.GateTable()
    for name, gate in gates.items():
        table.set(name, [float(p) for p in gate.error])
    return table


@lru_cache(maxsize=1)
def _cells(
    program: Program, gates: GateLibrary, voltages: tuple[float | None, ...], variation: CellVariation
) -> _core.cram.Simulator:
    """Return a program compiled for cells that differ; the tables are large, so the last ones alone are kept.

    A table is a function of a gate and its columns: placed programs, which use columns again, need fewer of
    them than they have instructions. ``voltages`` are those of the program's gates: cells depend on them,
    while libraries are equal where their errors are.
    """
    cells = _core.cram.CellErrors(check_integer("variation.rows", variation.rows, 1, 31))
    numbers: dict[tuple[str, int, tuple[int, ...]], int] = {}
    for name, output, operands in program.instructions:
        key = (name, output, operands)
        if key not in numbers:
            who = f"variation.errors({name}, {output}, {operands})"
            error = np.ascontiguousarray(variation.errors(gates[name], output, operands), dtype=np.float64)
            shape = (variation.rows, 1 << len(operands))
            if error.shape != shape:
                raise InvalidArgument(f"{who}: shape {error.shape} is not {shape}")
            try:
                numbers[key] = cells.add(name, error)
            except ValueError as problem:
                raise InvalidArgument(f"{who}: {problem}") from None
    tables = [numbers[instruction] for instruction in program.instructions]
    return _core.cram.Simulator(program._core, cells, np.array(tables, dtype=np.int32))


def _simulator(
    program: Program, gates: GateLibrary | None, variation: CellVariation | None
) -> _core.cram.Simulator:
    if variation is None:
        return _core.cram.Simulator(program._core, _table(gates))
    for name in ("rows", "columns", "errors"):
        if not hasattr(variation, name):
            raise InvalidArgument(f"variation: {type(variation).__name__} has no {name}")
    if gates is None:
        raise InvalidArgument("gates: ideal gates don't vary; variation needs a GateLibrary")
    if program.columns > variation.columns:
        raise InvalidArgument(
            f"variation: its array has {variation.columns} columns, the program needs {program.columns}"
        )
    varied = getattr(variation, "mtj", None)
    if varied is not None and gates.mtj is not None and varied != gates.mtj:
        raise InvalidArgument(
            f"variation: its cells vary around device {varied.name!r}, but gates are calibrated for another, "
            f"{gates.mtj.name!r}"
        )
    voltages = tuple(gates[name].voltage for name in program.gate_counts)
    return _cells(program, gates, voltages, variation)


def simulate(
    program: Program,
    inputs: Mapping[str, Any],
    gates: GateLibrary | None = None,
    *,
    seed: int | None = None,
    first_lane: int = 0,
    stream: int = 0,
    variation: CellVariation | None = None,
    activity: bool = False,
    outputs: str = "integers",
    num_threads: int | None = None,
    tile_lanes: int | None = None,
) -> SimulationResult:
    """Run a program in every lane, gate by gate, with errors drawn per gate and input state.

    Parameters
    ----------
    program : Program
        What each lane runs.
    inputs : mapping of port to values
        Integers of shape (lanes,), or (lanes, length) for ports with several words, of any integer type and
        layout; or `BitPlanes`, which are read without a copy.
    gates : GateLibrary or None
        Error probabilities; None for ideal gates.
    seed : int or None
        In [0, 2^64); None draws one, which the result reports.
    first_lane : int
        The call computes lanes ``first_lane``, ``first_lane + 1``, ... of the run, so that shards give the
        bits of the whole.
    stream : int
        In [0, 2^32): independent runs of one seed.
    variation : CellVariation or None
        An array whose cells differ, each always in the same way: lane i sits in row ``i % rows`` of the map,
        column c of the program in its column c. Errors then follow the map's tables instead of those of
        ``gates``. The tables take ``4 rows 2^fan_in`` bytes for each combination of gate and columns (8 x 8
        multiplier, 1024 rows: 10 MB) and are made in the first call with a map.
    activity : bool
        Count the lanes and wrong outputs per gate and number of 1-inputs.
    outputs : str
        ``"integers"`` or ``"planes"``.
    num_threads : int or None
        None for `nonideal.num_threads`.
    tile_lanes : int or None
        Lanes that are worked on together, a multiple of ``BLOCK_LANES``; None chooses for the caches.

    Returns
    -------
    SimulationResult
        Mapping from output port to (lanes,) int64 or `BitPlanes`. The output bits depend on program, inputs,
        gates, seed, stream and absolute lane number alone: not on threads, tiles, shards or instruction set.

    Raises
    ------
    InvalidArgument
        If a port is missing, unknown, of another length or out of range, the library lacks a gate of the
        program, an option is out of range, the program is wider than the map, or the map's probabilities are
        out of range.

    Notes
    -----
    A wrong output is stored: every later reader of the cell sees it. Errors of one gate in different lanes,
    and of different gates, are independent; with ``variation`` they are so given the map.

    Examples
    --------
    >>> import numpy as np
    >>> from nonideal.hardware import cram
    >>> from nonideal.hardware.cram import circuits
    >>> a, b = np.arange(4), np.array([1, 5, 7, 2])
    >>> cram.simulate(circuits.adder(3), {"a": a, "b": b})["sum"]
    array([1, 6, 9, 5])
    >>> noisy = cram.simulate(circuits.adder(3), {"a": a, "b": b}, cram.GateLibrary.uniform(0.01), seed=1)
    >>> noisy.seed
    1
    """
    check_choice("outputs", outputs, ("integers", "planes"))
    check_program(program)
    check_gates(gates)
    for name in program.gate_counts:
        if gates is not None and name not in gates:
            raise InvalidArgument(f"gates: the library has no {name}, which the program needs")
    threads = check_threads(num_threads)
    first_lane = check_integer("first_lane", first_lane, 0, 52)
    stream = check_integer("stream", stream, 0, 32)
    tile = 0 if tile_lanes is None else check_integer("tile_lanes", tile_lanes, 1)
    planes = given_operands(program, inputs, num_threads)
    if not planes:
        raise InvalidArgument("program: it has no input port, so the number of lanes is unknown")
    lanes = planes[0].lanes
    seed = resolve_seed(seed)
    simulator = _simulator(program, gates, variation)
    words, seen, flips = simulator.run(
        [operand._as_core() for operand in planes],
        lanes,
        seed,
        stream,
        first_lane,
        tile,
        threads,
        bool(activity),
    )
    values: dict[str, Any] = {}
    row = 0
    for port in program.outputs:
        height = len(port.columns)
        result = BitPlanes(words[row : row + height], lanes)
        row += height
        if outputs == "planes":
            values[port.name] = result
        else:
            integers = result.unpack(port.bits, signed=port.signed, num_threads=num_threads)
            values[port.name] = integers if port.length is None else integers.reshape(lanes, port.length)
    counts = None if seen is None or flips is None else Activity(seen, flips)
    return SimulationResult(values, seed, lanes, counts)


def check_library(gates: object) -> None:
    """Refuse what is not a library, None included."""
    if not isinstance(gates, GateLibrary):
        raise InvalidArgument(f"gates: {type(gates).__name__} is not a GateLibrary")


def check_gates(gates: object) -> None:
    """Refuse what is neither a library nor None, which means ideal gates."""
    if gates is not None:
        check_library(gates)


def given_operands(program: Program, inputs: Mapping[str, Any], num_threads: int | None) -> list[BitPlanes]:
    names = [port.name for port in program.inputs]
    if not isinstance(inputs, Mapping):
        raise InvalidArgument(f"inputs: {type(inputs).__name__} is not a mapping of port to values")
    for name in inputs:
        if name not in names:
            raise InvalidArgument(f"inputs[{name!r}] is not one of the program's inputs {', '.join(names)}")
    planes: list[BitPlanes] = []
    for port in program.inputs:
        if port.name not in inputs:
            raise InvalidArgument(
                f"inputs: {port.name!r} is missing; the program's inputs are {', '.join(names)}"
            )
        operand = _operand(port, inputs[port.name], num_threads)
        if planes and operand.lanes != planes[0].lanes:
            raise InvalidArgument(
                f"inputs[{port.name!r}] has {operand.lanes} lanes, inputs[{names[0]!r}] has {planes[0].lanes}"
            )
        planes.append(operand)
    return planes


def _operand(port: Port, values: Any, num_threads: int | None) -> BitPlanes:
    who = f"inputs[{port.name!r}]"
    if isinstance(values, BitPlanes):
        if values.words.shape[0] != len(port.columns):
            raise InvalidArgument(f"{who}: expected {len(port.columns)} planes, got {values.words.shape[0]}")
        return values
    array = integer_array(who, values)
    shape = "(lanes,)" if port.length is None else f"(lanes, {port.length})"
    if array.ndim != (1 if port.length is None else 2) or (port.length and array.shape[1] != port.length):
        raise InvalidArgument(f"{who}: shape {array.shape} is not {shape}")
    return pack_port(who, array, port.bits, port.signed, num_threads)
