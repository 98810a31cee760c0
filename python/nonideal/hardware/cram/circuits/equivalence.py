"""Whether two programs compute the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nonideal import _core
from nonideal.checks import check_integer
from nonideal.errors import InvalidArgument
from nonideal.hardware.cram.circuits.blif import signals
from nonideal.hardware.cram.planes import counting_planes, port_planes
from nonideal.hardware.cram.program import Port, Program, check_program
from nonideal.hardware.cram.simulation import simulate
from nonideal.seeds import resolve_seed

__all__ = ["Equivalence", "equivalent"]

_MAX_EXHAUSTIVE_BITS = 24
_CHUNK = 1 << 18

Planes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Equivalence:
    """What a comparison found; true where no input told the programs apart.

    Parameters
    ----------
    equal : bool
        Whether all outputs agreed for all inputs that were tried.
    exhaustive : bool
        Whether those are all there are: then ``equal`` is a proof. An inequality always is.
    counterexample : dict or None
        An input that tells the programs apart: the value of each port, a list for a port of several words.
    lanes : int
        Number of inputs that were tried.
    seed : int or None
        The seed of random inputs; None where all inputs were to be tried.
    """

    equal: bool
    exhaustive: bool
    counterexample: dict[str, int | list[int]] | None
    lanes: int
    seed: int | None

    def __bool__(self) -> bool:
        return self.equal


def equivalent(a: Program, b: Program, *, lanes: int = 1 << 20, seed: int | None = None) -> Equivalence:
    """Compare two programs with ideal gates.

    Parameters
    ----------
    a, b : Program
        Their input bits, and their output bits, have the same names: those that `to_blif` gives them. So a
        port ``x`` of 4 bits may also be four ports ``x[0]`` to ``x[3]``. Order and sign don't matter.
    lanes : int
        Number of random inputs where the programs have more than 24 input bits. Up to there, all inputs are
        tried.
    seed : int or None
        Of random inputs, in [0, 2^64); None draws one, which the result reports.

    Raises
    ------
    InvalidArgument
        If the programs' input or output bits differ (the first one is named), they have no input, or a number
        is out of range.

    Examples
    --------
    >>> from nonideal.hardware.cram import circuits
    >>> table = [(x & 7) + (x >> 3) for x in range(64)]
    >>> traced = circuits.trace(lambda x: x[:3] + x[3:], x=6)
    >>> bool(circuits.equivalent(circuits.from_truth_table(table), traced))
    True
    >>> wrong = circuits.from_truth_table([min(y, 13) for y in table])
    >>> circuits.equivalent(circuits.from_truth_table(table), wrong)
    Equivalence(equal=False, exhaustive=False, counterexample={'x': 63}, lanes=64, seed=None)
    """
    check_program(a)
    check_program(b)
    lanes = check_integer("lanes", lanes, 1)
    seed = resolve_seed(seed)
    inputs_of_b, _ = _match("input", a.inputs, b.inputs)
    _, rows_in_b = _match("output", a.outputs, b.outputs)
    bits = len(inputs_of_b)
    exhaustive = bits <= _MAX_EXHAUSTIVE_BITS
    drawn = None if exhaustive else seed
    if exhaustive:
        lanes = 1 << bits
    for first in range(0, lanes, _CHUNK):
        count = min(_CHUNK, lanes - first)
        if drawn is None:
            words = counting_planes(bits, count, first)
        else:
            words = _core.cram.uniform_planes(drawn, 0, first, count, bits, 0)
        left, right = _outputs(a, words, count), _outputs(b, words[inputs_of_b], count)[rows_in_b]
        different = np.bitwise_or.reduce(left ^ right, axis=0)
        at = int((different != 0).argmax())
        if different.size and different[at]:
            lane = int(different[at]) & -int(different[at])
            column = [bool(int(word) & lane) for word in words[:, at]]
            tried = first + 64 * at + lane.bit_length()
            return Equivalence(False, False, dict(_values(a.inputs, column)), tried, drawn)
    return Equivalence(True, exhaustive, None, lanes, drawn)


def _match(kind: str, a: tuple[Port, ...], b: tuple[Port, ...]) -> tuple[list[int], list[int]]:
    """For each of b's bits its row in a, and for each of a's its row in b; differing bits are refused."""
    rows_a, rows_b = _rows("a", kind, a), _rows("b", kind, b)
    for mine, rows, other, others in (("a", rows_a, "b", rows_b), ("b", rows_b, "a", rows_a)):
        for name in rows:
            if name not in others:
                raise InvalidArgument(f"{other}: it has no {kind} bit {name!r}, which {mine} has")
    return [rows_a[name] for name in rows_b], [rows_b[name] for name in rows_a]


def _rows(program: str, kind: str, ports: tuple[Port, ...]) -> dict[str, int]:
    names = [name for port in ports for name in signals(port)]
    rows = {name: row for row, name in enumerate(names)}
    if not names:
        raise InvalidArgument(f"{program}: it has no {kind}")
    if len(rows) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidArgument(f"{program}: two {kind} bits are both {twice!r}")
    return rows


def _outputs(program: Program, words: Planes, lanes: int) -> Planes:
    operands = port_planes(program.inputs, words, lanes)
    planes = {port.name: bits for port, bits in zip(program.inputs, operands, strict=True)}
    result = simulate(program, planes, seed=0, outputs="planes")
    return np.concatenate([result[port.name].words for port in program.outputs])


def _values(ports: tuple[Port, ...], column: list[bool]) -> Iterator[tuple[str, int | list[int]]]:
    """Yield the ports' values in one lane."""
    row = 0
    for port in ports:
        words = []
        for _ in range(port.length or 1):
            bits = column[row : row + port.bits]
            word = sum(bit << i for i, bit in enumerate(bits))
            words.append(word - (1 << port.bits) * (port.signed and bits[-1]))
            row += port.bits
        yield port.name, words[0] if port.length is None else words
