"""Programs from truth tables."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from nonideal.errors import InvalidArgument
from nonideal.hardware.cram.circuits.logic import Logic
from nonideal.hardware.cram.planes import integer_array
from nonideal.hardware.cram.program import Program

__all__ = ["from_truth_table"]

_MAX_INPUTS = 20


def from_truth_table(table: Any, *, basis: str = "nand") -> Program:
    """Return a program with ports x -> y that looks up ``y = table[x]``.

    Parameters
    ----------
    table : (2^n,) integers, or (2^n, m) bits
        The output word for each input 0 .. 2^n - 1, n from 1 to 20; or its m bits, least significant first.
        A table of integers gives as many bits as its largest entry needs, at least one.
    basis : str
        Which gates, besides NOT: ``"nand"`` (NAND2), ``"nand5"`` (NAND2 to NAND5), ``"nor"`` (NOR2),
        ``"inverting"`` (NAND2, NOR2), ``"and_or"`` (AND2, OR2), ``"all"`` (these four).

    Raises
    ------
    InvalidArgument
        If the table's length is no power of two or out of range, an entry is negative, an entry of a table of
        bits is not 0 or 1, the words have more than 63 bits, or the basis is unknown.

    Notes
    -----
    Binary decision diagrams of all outputs, with shared nodes, become multiplexers (Bryant, IEEE Trans.
    Comput. C-35, 677, 1986). The order of the variables is found greedily, from the bottom: each level takes
    the variable that leaves the fewest nodes. Time and memory are those of n passes over the table and its n
    permutations, n^2 2^n m at most.

    Examples
    --------
    >>> from nonideal.hardware import cram
    >>> from nonideal.hardware.cram import circuits
    >>> square = circuits.from_truth_table([x * x for x in range(8)])
    >>> square.inputs[0].bits, square.outputs[0].bits
    (3, 6)
    >>> cram.simulate(square, {"x": [3, 7]})["y"]
    array([ 9, 49])
    """
    bits = _bits(table)
    logic = Logic()
    x = logic.input("x", (bits.shape[1] - 1).bit_length())
    levels, outputs = _diagram(bits)

    @cache
    def literal(level: int, node: int) -> int:
        if level < 0:
            return node
        variable, children = levels[level]
        low, high = children[node]
        return logic.mux(x[variable], literal(level - 1, high), literal(level - 1, low))

    logic.output("y", [literal(len(levels) - 1, node) for node in outputs])
    return logic.program(basis)


def _bits(table: Any) -> npt.NDArray[np.bool_]:
    """Return a table as bits, (m, 2^n)."""
    array = integer_array("table", table)
    if array.ndim not in (1, 2):
        raise InvalidArgument(f"table: shape {array.shape} is neither (2^n,) nor (2^n, bits)")
    length = len(array)
    if length.bit_count() != 1 or not 2 <= length <= 1 << _MAX_INPUTS:
        raise InvalidArgument(f"table: length {length} is not a power of two in [2, 2^{_MAX_INPUTS}]")
    if array.ndim == 2 and not 1 <= array.shape[1] <= 63:
        raise InvalidArgument(f"table: {array.shape[1]} bits a word is outside [1, 63]")
    low, high = (0, 1) if array.ndim == 2 else (0, 2**63 - 1)
    for index in (int(array.argmin()), int(array.argmax())):
        value = int(array.flat[index])
        if not low <= value <= high:
            place = ", ".join(str(int(i)) for i in np.unravel_index(index, array.shape))
            raise InvalidArgument(f"table[{place}] = {value} is outside [{low}, {high}]")
    if array.ndim == 2:
        return np.ascontiguousarray(array.T, dtype=bool)
    words = array.astype(np.int64)
    width = max(int(words.max()).bit_length(), 1)
    return np.stack([(words >> bit & 1).astype(bool) for bit in range(width)])


def _diagram(bits: npt.NDArray[np.bool_]) -> tuple[list[tuple[int, list[list[int]]]], list[int]]:
    """Return a decision diagram, from the bottom, as [(variable, [[node if it is 0, if 1]])], and its roots.

    A level's nodes refer to the level below; those of the lowest to the bits 0 and 1.
    """
    number = (bits.shape[1] - 1).bit_length()
    # One axis per variable that is left; the first axis of a C-ordered table is the highest bit.
    nodes = bits.astype(np.int64).reshape(len(bits), *[2] * number)
    variables = list(range(number))[::-1]
    levels: list[tuple[int, list[list[int]]]] = []
    count = 2
    while variables:
        # A number for the two nodes that each variable chooses from.
        halves = [np.moveaxis(nodes, axis, 0) for axis in range(1, nodes.ndim)]
        pairs = [half[0] * count + half[1] for half in halves]
        sizes = [_distinct(keys, count * count) for keys in pairs]
        best = sizes.index(min(sizes))
        kept, inverse = np.unique(pairs[best], return_inverse=True)
        levels.append((variables.pop(best), np.stack(np.divmod(kept, count), axis=1).tolist()))
        nodes, count = inverse.reshape(pairs[best].shape), len(kept)
    return levels, nodes.tolist()


def _distinct(keys: npt.NDArray[np.int64], bound: int) -> int:
    if bound <= 4 * keys.size:
        return int(np.count_nonzero(np.bincount(keys.ravel(), minlength=1)))
    return len(np.unique(keys))
