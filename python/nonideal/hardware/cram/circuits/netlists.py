"""Programs from truth tables and BLIF netlists, and BLIF from programs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from nonideal.errors import InvalidArgument
from nonideal.hardware.cram.circuits.logic import FALSE, Logic
from nonideal.hardware.cram.gates import GATES
from nonideal.hardware.cram.library import GateLibrary
from nonideal.hardware.cram.planes import integer_array
from nonideal.hardware.cram.program import Port, Program, check_program

__all__ = ["from_blif", "from_truth_table", "to_blif"]

_MAX_TABLE_BITS = 20


def from_truth_table(table: Any, *, basis: str = "nand", gates: GateLibrary | None = None) -> Program:
    """Return gates that look up a table: ports x -> y.

    Parameters
    ----------
    table : (2^n,) integers, or (2^n, m) bits
        Output word for each input 0 .. 2^n - 1; bits are least significant first. n is 1 to 20, m at most 63.
    basis : str
        What ANDs are made of, beside NOT: ``"nand"``, ``"and"``, ``"nor"``, ``"or"``, ``"min"`` or ``"maj"``
        (three inputs, one of them a cell that holds 0); ``"auto"``: the basis whose gates have the least sum
        of mean errors in ``gates``.
    gates : GateLibrary or None
        For ``"auto"``.

    Returns
    -------
    Program
        Multiplexers of a decision diagram: equal and complementary cofactors are shared.

    Raises
    ------
    InvalidArgument
        If the table's length is not a power of two in range, or an entry is negative or not a bit.

    Examples
    --------
    >>> from nonideal.hardware import cram
    >>> square = cram.circuits.from_truth_table([x * x for x in range(8)])
    >>> cram.simulate(square, {"x": [3, 7]})["y"]
    array([ 9, 49])
    """
    values = integer_array("table", table)
    if values.ndim not in (1, 2):
        raise InvalidArgument(f"table: shape {values.shape} is neither (2^n,) nor (2^n, m)")
    bits_x = len(values).bit_length() - 1
    if not 1 <= bits_x <= _MAX_TABLE_BITS or len(values) != 1 << bits_x:
        raise InvalidArgument(f"table: {len(values)} entries are not 2^n with n in [1, {_MAX_TABLE_BITS}]")
    if values.ndim == 1:
        if int(values.min()) < 0 or int(values.max()) >= 1 << 63:
            raise InvalidArgument("table: an entry is outside [0, 2^63)")
        width = max(int(values.max()).bit_length(), 1)
        values = values.astype(np.int64)[:, np.newaxis] >> np.arange(width) & 1
    elif not 1 <= values.shape[1] <= 63:
        raise InvalidArgument(f"table: {values.shape[1]} output bits are outside [1, 63]")
    elif not np.isin(values, (0, 1)).all():
        raise InvalidArgument("table: an entry is outside [0, 1]")
    logic = Logic()
    word = [logic.variable() for _ in range(bits_x)]
    known: dict[bytes, int] = {}

    def build(column: npt.NDArray[np.uint8], variables: int) -> int:
        flip = int(column[0])
        if flip:
            column = 1 - column
        if not column.any():
            return FALSE ^ flip
        key = column.tobytes()
        if key not in known:
            half = len(column) // 2
            low, high = (build(part, variables - 1) for part in (column[:half], column[half:]))
            known[key] = logic.select(word[variables - 1], high, low)
        return known[key] ^ flip

    outputs = [build(np.ascontiguousarray(values[:, m], np.uint8), bits_x) for m in range(values.shape[1])]
    return logic.program([("x", word)], [("y", outputs)], basis=basis, gates=gates)


def from_blif(text: str, *, basis: str = "nand", gates: GateLibrary | None = None) -> Program:
    r"""Return the gates of a netlist in the Berkeley logic interchange format.

    One ``.model`` of ``.names`` (on-set or off-set covers, ``\`` continues a line, ``#`` begins a comment).
    Every signal of ``.inputs`` and ``.outputs`` is a port of one bit.

    Parameters
    ----------
    text : str
        The netlist.
    basis : str
        What ANDs are made of, beside NOT: ``"nand"``, ``"and"``, ``"nor"``, ``"or"``, ``"min"`` or ``"maj"``
        (three inputs, one of them a cell that holds 0); ``"auto"``: the basis whose gates have the least sum
        of mean errors in ``gates``.
    gates : GateLibrary or None
        For ``"auto"``.

    Raises
    ------
    InvalidArgument
        If the text holds anything else, or a signal is undriven, driven twice or part of a cycle.

    Examples
    --------
    >>> from nonideal.hardware import cram
    >>> text = ".model m\n.inputs a b\n.outputs y\n.names a b y\n10 1\n01 1\n.end"
    >>> cram.simulate(cram.circuits.from_blif(text), {"a": [0, 1, 1], "b": [1, 0, 1]})["y"]
    array([1, 1, 0])
    """
    if not isinstance(text, str):
        raise InvalidArgument(f"text: {type(text).__name__} is not a string")
    inputs, outputs, covers = _read(text)
    logic = Logic()
    signals = {name: logic.variable() for name in inputs}
    for name in _order(inputs, outputs, covers):
        sources, rows, on = covers[name]
        cubes = [
            logic.reduce(
                (signals[s] ^ (bit == "0") for s, bit in zip(sources, row, strict=True) if bit != "-"), True
            )
            for row in rows
        ]
        signals[name] = logic.reduce(cubes, False) ^ (not on)
    return logic.program(
        [(name, [signals[name]]) for name in inputs],
        [(name, [signals[name]]) for name in outputs],
        basis=basis,
        gates=gates,
    )


_Cover = tuple[list[str], list[str], bool]


def _read(text: str) -> tuple[list[str], list[str], dict[str, _Cover]]:
    """Return inputs, outputs and {signal: (sources, rows, whether they are the on-set)}."""
    inputs: list[str] = []
    outputs: list[str] = []
    covers: dict[str, _Cover] = {}
    current: str | None = None
    seen: str | None = None  # the output column of the current cover
    models, pending, ended = 0, "", False
    for number, raw in enumerate(text.split("\n"), 1):
        line = pending + raw.split("#", 1)[0].rstrip()
        if line.endswith("\\"):
            pending = line[:-1] + " "
            continue
        pending = ""
        words = line.split()
        if not words:
            continue
        who, (head, *rest) = f"text: line {number}", words
        if ended:
            raise InvalidArgument(f"{who}: {head!r} comes after .end; one model is read")
        if head.startswith("."):
            current = None
        if head == ".model":
            models += 1
            if models > 1:
                raise InvalidArgument(f"{who}: a second .model; one model is read")
        elif head in (".inputs", ".outputs"):
            names = inputs if head == ".inputs" else outputs
            for name in rest:
                if name in names:
                    raise InvalidArgument(f"{who}: {name!r} is in {head} twice")
                names.append(name)
        elif head == ".names":
            if not rest:
                raise InvalidArgument(f"{who}: .names without a signal")
            *sources, current = rest
            if current in covers:
                raise InvalidArgument(f"{who}: {current!r} is driven twice")
            covers[current], seen = (sources, [], True), None
        elif head == ".end":
            ended = True
        elif head == ".latch":
            raise InvalidArgument(f"{who}: .latch {' '.join(rest)}: latches are not combinational logic")
        elif head.startswith(".") or current is None:
            raise InvalidArgument(f"{who}: {head!r} is not one of .model, .inputs, .outputs, .names, .end")
        else:
            sources, rows, _ = covers[current]
            row, value = ("".join(words[:-1]), words[-1])
            if len(row) != len(sources) or not set(row) <= set("01-") or value not in ("0", "1"):
                raise InvalidArgument(
                    f"{who}: {line.strip()!r} is not a row of {len(sources)} inputs and 0 or 1"
                )
            if seen not in (None, value):
                raise InvalidArgument(f"{who}: the cover of {current!r} mixes on-set and off-set")
            seen = value
            rows.append(row)
            covers[current] = sources, rows, value == "1"
    for name in inputs:
        if name in covers:
            raise InvalidArgument(f"text: {name!r} is an input and driven by .names")
    if not outputs:
        raise InvalidArgument("text: there is no .outputs")
    return inputs, outputs, covers


def _order(inputs: Sequence[str], outputs: Sequence[str], covers: dict[str, _Cover]) -> list[str]:
    """Return the driven signals that the outputs need, each after what it reads."""
    state = dict.fromkeys(inputs, 2)  # 1: being visited, 2: done
    order: list[str] = []
    for output in outputs:
        stack = [output]
        while stack:
            name = stack[-1]
            if state.get(name) == 2:
                stack.pop()
                continue
            if name not in covers:
                raise InvalidArgument(f"text: {name!r} is undriven")
            waiting = [source for source in covers[name][0] if state.get(source) != 2]
            if state.get(name) == 1 and any(state.get(source) == 1 for source in waiting):
                raise InvalidArgument(f"text: {name!r} is part of a cycle")
            state[name] = 1
            if waiting:
                stack.extend(waiting)
                continue
            state[name] = 2
            order.append(name)
            stack.pop()
    return order


def to_blif(program: Program) -> str:
    """Return a program as a BLIF model; bit i of a port p of several bits is the signal ``p[i]``.

    Words of a port with a length are ``p[word][bit]``.

    Raises
    ------
    InvalidArgument
        If a port's name cannot be a signal, or an output that differs from an input has the same name.

    Examples
    --------
    >>> from nonideal.hardware.cram import circuits
    >>> circuits.from_blif(circuits.to_blif(circuits.full_adder())).gate_counts
    {'NAND2': 9}
    """
    check_program(program)
    signal: dict[int, str] = {}
    sources: list[str] = []
    for port in program.inputs:
        names = _signals(port)
        sources += names
        signal |= dict(zip(port.columns, names, strict=True))
    results = [
        (name, c) for port in program.outputs for name, c in zip(_signals(port), port.columns, strict=True)
    ]
    taken = {*sources, *(name for name, _ in results)}
    prefix = "n"
    while any(name.startswith(prefix) for name in taken):
        prefix += "_"
    lines = [
        ".model nonideal",
        " ".join([".inputs", *sources]),
        " ".join([".outputs", *(n for n, _ in results)]),
    ]
    for column, bit in program.constants.items():
        signal[column] = f"{prefix}c{column}"
        lines += [f".names {signal[column]}", *(["1"] if bit else [])]
    for step, (gate, target, reads) in enumerate(program.instructions):
        name = f"{prefix}{step}"
        lines.append(" ".join([".names", *(signal[column] for column in reads), name]))
        lines += _cover(gate)
        signal[target] = name
    for name, column in results:
        if name in sources:
            if signal[column] != name:
                raise InvalidArgument(f"program: {name!r} is an input and another output")
        else:
            lines += [f".names {signal[column]} {name}", "1 1"]
    return "\n".join([*lines, ".end", ""])


def _signals(port: Port) -> list[str]:
    if not port.name.split() == [port.name] or set(port.name) & set("#\\") or port.name.startswith("."):
        raise InvalidArgument(f"program: port {port.name!r} cannot be a signal of a netlist")
    words = [port.name] if port.length is None else [f"{port.name}[{w}]" for w in range(port.length)]
    return [word if port.bits == 1 else f"{word}[{bit}]" for word in words for bit in range(port.bits)]


def _cover(gate: str) -> list[str]:
    """Return the rows of a threshold gate: every choice of inputs that alone decides the output."""
    spec = GATES[gate]
    n, most = spec.fan_in, spec.threshold
    # More than `most` ones: most + 1 of them, whatever the others are.
    value = spec.output(n)
    return [
        "".join("1" if i in ones else "-" for i in range(n)) + f" {value}"
        for ones in combinations(range(n), most + 1)
    ]
