"""Whether two programs compute the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nonideal import _core
from nonideal.checks import check_integer
from nonideal.errors import InvalidArgument
from nonideal.hardware.cram.planes import BitPlanes
from nonideal.hardware.cram.program import Program, check_program
from nonideal.hardware.cram.simulation import simulate
from nonideal.seeds import resolve_seed

__all__ = ["Equivalence", "equivalent"]

_EXHAUSTIVE_BITS = 24
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Equivalence:
    """The answer of `equivalent`; true where no difference was found.

    Parameters
    ----------
    same : bool
        Whether all patterns gave the same outputs.
    exhaustive : bool
        Whether the patterns were all there are: a proof. Else they were drawn.
    patterns : int
        How many were tried.
    counterexample : dict or None
        Inputs of the first program at which the outputs differ.
    seed : int or None
        Of drawn patterns.
    """

    same: bool
    exhaustive: bool
    patterns: int
    counterexample: dict[str, Any] | None
    seed: int | None

    def __bool__(self) -> bool:
        return self.same


def equivalent(a: Program, b: Program, *, patterns: int = 1 << 22, seed: int | None = None) -> Equivalence:
    """Compare two programs without errors, on all inputs up to 24 bits, else on drawn ones.

    Parameters
    ----------
    a, b : Program
        Their inputs and outputs are matched bit by bit in the order of their ports, whatever the words are.
    patterns : int
        How many inputs are drawn, where there are more than 2^24.
    seed : int or None
        Of the drawn inputs.

    Raises
    ------
    InvalidArgument
        If the numbers of input or output bits differ, or there is no input.

    Examples
    --------
    >>> from nonideal.hardware.cram import circuits
    >>> bool(circuits.equivalent(circuits.adder(4), circuits.adder(4, full_adder="min5")))
    True
    """
    for program in (a, b):
        check_program(program)
    for kind in ("inputs", "outputs"):
        counts = [sum(len(port.columns) for port in getattr(program, kind)) for program in (a, b)]
        if counts[0] != counts[1] or not counts[0]:
            raise InvalidArgument(f"b: its {kind} have {counts[1]} bits, those of a {counts[0]}")
    bits = sum(len(port.columns) for port in a.inputs)
    exhaustive = bits <= _EXHAUSTIVE_BITS
    total = 1 << bits if exhaustive else check_integer("patterns", patterns, 1)
    drawn = None if exhaustive else resolve_seed(seed)
    for first in range(0, total, _CHUNK):
        lanes = min(_CHUNK, total - first)
        if drawn is None:
            words = _counting(bits, first, lanes)
        else:
            words = _core.cram.uniform_planes(drawn, 0, first, lanes, bits, 0)
        different = np.bitwise_or.reduce(_outputs(a, words, lanes) ^ _outputs(b, words, lanes), axis=0)
        at = np.flatnonzero(different)
        if len(at):
            lane = 64 * int(at[0]) + (int(different[at[0]]) & -int(different[at[0]])).bit_length() - 1
            found = {
                name: planes.unpack(port.bits, signed=port.signed)[lane].tolist()
                for port, (name, planes) in zip(a.inputs, _ports(a, words, lanes).items(), strict=True)
            }
            return Equivalence(False, exhaustive, first + lane + 1, found, drawn)
    return Equivalence(True, exhaustive, total, None, drawn)


def _ports(program: Program, words: npt.NDArray[np.uint64], lanes: int) -> dict[str, BitPlanes]:
    ends = np.cumsum([len(port.columns) for port in program.inputs])
    rows = np.split(words, ends[:-1])
    return {port.name: BitPlanes(part, lanes) for port, part in zip(program.inputs, rows, strict=True)}


def _outputs(program: Program, words: npt.NDArray[np.uint64], lanes: int) -> npt.NDArray[np.uint64]:
    result = simulate(program, _ports(program, words, lanes), seed=0, outputs="planes")
    return np.concatenate([planes.words for planes in result.values()])


def _counting(bits: int, first: int, lanes: int) -> npt.NDArray[np.uint64]:
    """Lane i holds the binary digits of first + i; first is a multiple of 64."""
    index = np.arange(first // 64, first // 64 + -(-lanes // 64), dtype=np.uint64)
    planes = np.empty((bits, len(index)), dtype=np.uint64)
    for bit in range(bits):
        if bit < 6:
            planes[bit] = np.uint64(sum(1 << i for i in range(64) if i >> bit & 1))
        else:
            planes[bit] = -(index >> np.uint64(bit - 6) & np.uint64(1))
    if lanes % 64:
        planes[:, -1] &= np.uint64((1 << lanes % 64) - 1)
    return planes
