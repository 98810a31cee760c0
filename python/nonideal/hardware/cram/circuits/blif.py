"""Programs from and to BLIF, the Berkeley Logic Interchange Format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations, product

from nonideal.errors import InvalidArgument
from nonideal.hardware.cram.circuits.logic import FALSE, Logic
from nonideal.hardware.cram.gates import GATES
from nonideal.hardware.cram.program import Port, Program, check_program

__all__ = ["from_blif", "signals", "to_blif"]

# A way to build a cover: cubes, phase and literals of the inputs to the literal of the signal.
_Build = Callable[[tuple[str, ...], str, list[int], Logic], int]

_SHANNON_INPUTS = 5  # covers up to here may become multiplexers and XORs, wider ones sums of products


@dataclass
class _Names:
    """One ``.names``: the cover of a signal."""

    line: int
    inputs: list[str]
    cubes: list[str] = field(default_factory=list)
    phase: str = ""  # "1" for the on-set, "0" for the off-set, "" for none: constant 0


@dataclass
class _Netlist:
    inputs: dict[str, int] = field(default_factory=dict)  # signal -> line
    outputs: dict[str, int] = field(default_factory=dict)
    names: dict[str, _Names] = field(default_factory=dict)


def from_blif(text: str, *, basis: str = "nand") -> Program:
    r"""Return the program of a netlist in the Berkeley Logic Interchange Format.

    Parameters
    ----------
    text : str
        One model: ``.model``, ``.inputs``, ``.outputs``, ``.names`` with on-set or off-set covers, ``.end``;
        comments (``#``) and continued lines (``\``). Signals may be defined in any order. Every signal of
        ``.inputs`` and ``.outputs`` becomes a one-bit port.
    basis : str
        The gates of the program, as in `from_truth_table`.

    Raises
    ------
    InvalidArgument
        With the line's number and the name: if a directive is another one (latches, subcircuits and library
        gates are not supported), a signal is not driven, driven twice or depends on itself, or a cover
        is malformed; or if the basis is unknown.

    Notes
    -----
    Format: Berkeley Logic Interchange Format, University of California, Berkeley, 1992. Logic that no output
    depends on is checked, then left out.

    Examples
    --------
    >>> from nonideal.hardware import cram
    >>> from nonideal.hardware.cram import circuits
    >>> program = circuits.from_blif('''
    ... .model choice
    ... .inputs s a b
    ... .outputs y
    ... .names s a b y
    ... 11- 1
    ... 0-1 1
    ... .end
    ... ''')
    >>> program.gate_counts
    {'NOT': 1, 'NAND2': 3}
    >>> cram.simulate(program, {"s": [0, 1], "a": [1, 1], "b": [0, 0]})["y"]
    array([0, 1])
    """
    if not isinstance(text, str):
        raise InvalidArgument(f"text: {type(text).__name__} is not a string")
    netlist = _parse(text)
    logic = Logic()
    values = {name: logic.input(name, 1)[0] for name in netlist.inputs}
    for name in netlist.names:
        _define(name, netlist, values, logic)
    for name, line in netlist.outputs.items():
        if name not in values:
            raise InvalidArgument(f"line {line}: signal {name!r} is not driven")
        logic.output(name, [values[name]])
    return logic.program(basis)


def _define(name: str, netlist: _Netlist, values: dict[str, int], logic: Logic) -> None:
    """Compute a signal and, before it, whatever it depends on: depth first, without recursion."""
    path = {name: iter(netlist.names[name].inputs)} if name not in values else {}
    while path:
        signal, pending = next(reversed(path.items()))
        names = netlist.names[signal]
        for read in pending:
            if read in path:
                raise InvalidArgument(f"line {names.line}: signal {signal!r} depends on itself")
            if read in values:
                continue
            if read not in netlist.names:
                raise InvalidArgument(f"line {names.line}: signal {read!r} is not driven")
            path[read] = iter(netlist.names[read].inputs)
            break
        else:
            values[signal] = _cover(names, [values[read] for read in names.inputs], logic)
            del path[signal]


def _cover(names: _Names, literals: list[int], logic: Logic) -> int:
    if not names.cubes:
        return FALSE
    if len(names.cubes) > 1 and len(literals) <= _SHANNON_INPUTS:
        build = _cheaper(tuple(names.cubes), names.phase)
    else:
        build = _sum_of_products
    return build(tuple(names.cubes), names.phase, literals, logic)


def _sum_of_products(cubes: tuple[str, ...], phase: str, literals: list[int], logic: Logic) -> int:
    missed = [
        logic.all_of(
            literal ^ (value == "0") for literal, value in zip(literals, cube, strict=True) if value != "-"
        )
        ^ 1
        for cube in cubes
    ]
    return logic.all_of(missed) ^ (phase == "1")


def _shannon(cubes: tuple[str, ...], phase: str, literals: list[int], logic: Logic) -> int:
    return logic.function(_table(cubes, phase), literals)


@lru_cache(maxsize=1024)
def _cheaper(cubes: tuple[str, ...], phase: str) -> _Build:
    """Return the way to build a narrow cover with fewer gates, by trying both on their own."""

    def gates(build: _Build) -> int:
        logic = Logic()
        literals = [logic.input(f"x{i}", 1)[0] for i in range(len(cubes[0]))]
        logic.output("y", [build(cubes, phase, literals, logic)])
        return logic.program().num_gates

    return min(_sum_of_products, _shannon, key=gates)


@lru_cache(maxsize=1024)
def _table(cubes: tuple[str, ...], phase: str) -> int:
    """Return the truth table of a narrow cover: bit i for input i, the first signal the lowest bit."""
    table = 0
    for cube in cubes:
        for ones in product(*({"0": (0,), "1": (1,), "-": (0, 1)}[value] for value in cube)):
            table |= 1 << sum(bit << i for i, bit in enumerate(ones))
    return table if phase == "1" else table ^ ((1 << (1 << len(cubes[0]))) - 1)


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each line's number and words, comments gone, continued lines joined, empty ones left out."""
    start, held = 0, ""
    for number, line in enumerate(text.split("\n"), start=1):
        content = line.partition("#")[0].rstrip()
        start = start or number
        if content.endswith("\\"):
            held += content[:-1] + " "
            continue
        words = (held + content).split()
        if words:
            yield start, words
        start, held = 0, ""
    if held.split():
        yield start, held.split()


def _parse(text: str) -> _Netlist:
    netlist = _Netlist()
    model = ended = False
    current: _Names | None = None
    for line, words in _lines(text):
        head = words[0]
        if ended:
            raise InvalidArgument(f"line {line}: {head!r} after .end; one model is read")
        if not head.startswith("."):
            _add_cube(current, line, words)
            continue
        current = None
        if head == ".names":
            current = _Names(line, words[1:-1])
            _add_names(netlist, current, words)
        elif head in (".inputs", ".outputs"):
            known = netlist.inputs if head == ".inputs" else netlist.outputs
            for name in words[1:]:
                if name in known:
                    raise InvalidArgument(f"line {line}: signal {name!r} is twice in {head}")
                if head == ".inputs" and name in netlist.names:
                    raise _driven_twice(line, name, netlist.names[name].line)
                known[name] = line
        elif head == ".model":
            if model:
                raise InvalidArgument(f"line {line}: a second .model; one model is read")
            model = True
        elif head == ".end":
            ended = True
        else:
            raise InvalidArgument(
                f"line {line}: {head} is not one of .model, .inputs, .outputs, .names, .end"
            )
    if not netlist.outputs:
        raise InvalidArgument("text: no signal is in .outputs")
    return netlist


def _add_names(netlist: _Netlist, names: _Names, words: list[str]) -> None:
    if len(words) < 2:
        raise InvalidArgument(f"line {names.line}: .names without a signal")
    name = words[-1]
    if name in netlist.inputs:
        raise _driven_twice(names.line, name, netlist.inputs[name])
    if name in netlist.names:
        raise _driven_twice(names.line, name, netlist.names[name].line)
    netlist.names[name] = names


def _driven_twice(line: int, name: str, before: int) -> InvalidArgument:
    return InvalidArgument(f"line {line}: signal {name!r} is driven already, in line {before}")


def _add_cube(names: _Names | None, line: int, words: list[str]) -> None:
    if names is None:
        raise InvalidArgument(f"line {line}: {words[0]!r} is neither a directive nor a cube of a .names")
    width = len(names.inputs)
    cube, phase = ("", words[0]) if width == 0 and len(words) == 1 else (words[0], words[-1])
    if len(words) != 1 + (width > 0) or len(cube) != width or cube.strip("01-") or phase not in ("0", "1"):
        raise InvalidArgument(
            f"line {line}: {' '.join(words)!r} is not a cube: expected {width} of 0, 1, -, then 0 or 1"
        )
    if names.phase not in ("", phase):
        raise InvalidArgument(f"line {line}: the cover has cubes that end in 0 and in 1")
    names.phase = phase
    names.cubes.append(cube)


def to_blif(program: Program) -> str:
    r"""Return a program as a netlist in the Berkeley Logic Interchange Format.

    Parameters
    ----------
    program : Program
        Any program, placed or not. Each gate becomes one ``.names``.

    Returns
    -------
    str
        One model. A port of one column keeps its name; the columns of others become ``name[0]``, ``name[1]``,
        ..., least significant first, word after word. `equivalent` knows this rule.

    Raises
    ------
    InvalidArgument
        If a port's name has white space, ``#`` or ``\``, or two signals would have the same name.

    Examples
    --------
    >>> from nonideal.hardware import cram
    >>> from nonideal.hardware.cram import circuits
    >>> program = cram.Program(3, [("NAND2", 2, (0, 1))], {"x": [0, 1]}, {"y": [2]})
    >>> print(circuits.to_blif(program), end="")
    .model program
    .inputs x[0] x[1]
    .outputs y
    .names x[0] x[1] y
    11 0
    .end
    """
    check_program(program)
    inputs, outputs = _named("input", program.inputs), _named("output", program.outputs)
    prefix = "n"
    while any(name.startswith(prefix) for name in (*inputs, *outputs)):
        prefix += "_"
    last = {target: step for step, (_, target, _) in enumerate(program.instructions)}
    # The last gate in an output's column writes the output itself; other outputs of the column are copies.
    named = {last[column]: name for name, column in reversed(outputs.items()) if column in last}
    for name in named.values():
        if name in inputs:
            raise _clash(name)
    held = {column: name for name, column in inputs.items()}  # column -> the signal that it holds
    text = [".model program", *_wrapped(".inputs", inputs), *_wrapped(".outputs", outputs)]
    for column, bit in program.constants.items():
        held[column] = f"{prefix}{column}"
        text += [f".names {held[column]}", *["1"] * bit]
    for step, (gate, target, reads) in enumerate(program.instructions):
        signal = named.get(step) or f"{prefix}{program.columns + step}"
        text += [f".names {' '.join([held[column] for column in reads])} {signal}", _gate_cover(gate)]
        held[target] = signal
    for name, column in outputs.items():
        if held[column] == name:
            continue
        if name in inputs:
            raise _clash(name)
        text += [f".names {held[column]} {name}", "1 1"]
    return "\n".join([*text, ".end", ""])


def signals(port: Port) -> list[str]:
    """Return the names of a port's columns in a netlist."""
    if len(port.columns) == 1:
        return [port.name]
    return [f"{port.name}[{i}]" for i in range(len(port.columns))]


def _named(kind: str, ports: tuple[Port, ...]) -> dict[str, int]:
    """Return the column of each signal of some ports."""
    columns: dict[str, int] = {}
    for port in ports:
        if port.name.split() != [port.name] or set(port.name) & {"#", "\\"}:
            raise InvalidArgument(
                f"program: {kind} {port.name!r} has white space, # or \\, which BLIF can't name"
            )
        for name, column in zip(signals(port), port.columns, strict=True):
            if name in columns:
                raise InvalidArgument(f"program: two {kind} bits would both be signal {name!r}")
            columns[name] = column
    return columns


def _clash(name: str) -> InvalidArgument:
    return InvalidArgument(f"program: {name!r} is an input and another value as an output; BLIF has one name")


def _wrapped(directive: str, names: Iterable[str]) -> list[str]:
    """Return a directive and its signals, eight a line."""
    words = list(names)
    rows = [" ".join(words[i : i + 8]) for i in range(0, len(words), 8)]
    return (f"{directive} " + " \\\n ".join(rows)).split("\n") if rows else []


@lru_cache(maxsize=len(GATES))
def _gate_cover(gate: str) -> str:
    """Return the shorter cover of a gate: more than ``threshold`` ones, or zeros enough to forbid that."""
    spec = GATES[gate]
    many = _cubes(spec.fan_in, spec.threshold + 1, "1"), str(int(spec.preset))
    few = _cubes(spec.fan_in, spec.fan_in - spec.threshold, "0"), str(1 - int(spec.preset))
    cubes, phase = min(many, few, key=lambda cover: (len(cover[0]), -int(cover[1])))
    return "\n".join(f"{cube} {phase}" for cube in cubes)


def _cubes(width: int, count: int, value: str) -> list[str]:
    return [
        "".join(value if i in chosen else "-" for i in range(width))
        for chosen in combinations(range(width), count)
    ]
