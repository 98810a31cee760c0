"""Arithmetic out of gates; the builders are in C++ (``nonideal/cram/circuits.hpp``)."""

from __future__ import annotations

from enum import Enum
from typing import TypeVar

from nonideal import _core
from nonideal.checks import check_choice, check_int32
from nonideal.hardware.cram.program import Program

__all__ = ["adder", "dot", "full_adder", "multiplier"]

_Choice = TypeVar("_Choice", bound=Enum)


def _choose(argument: str, kind: type[_Choice], name: str) -> _Choice:
    return kind[check_choice(argument, name, kind.__members__)]


def full_adder(design: str = "nand9") -> Program:
    """Return a one-bit full adder with ports a, b, c -> sum, carry.

    Raises
    ------
    InvalidArgument
        If the design is unknown.

    Examples
    --------
    >>> from nonideal.hardware.cram import circuits
    >>> circuits.full_adder("maj5_buf").gate_counts
    {'NOT': 1, 'BUF': 1, 'MIN3': 1, 'MAJ5': 1}
    """
    return Program._wrap(_core.cram.full_adder(_choose("design", _core.cram.FullAdder, design)))


def adder(bits: int, *, full_adder: str = "nand9") -> Program:
    """Return a ripple-carry adder with ports a, b (``bits`` bits) -> sum (``bits + 1`` bits).

    Raises
    ------
    InvalidArgument
        If ``bits`` is outside [1, 62] or the design is unknown.

    Examples
    --------
    >>> from nonideal.hardware.cram import circuits
    >>> circuits.adder(4).num_gates
    36
    """
    return Program._wrap(
        _core.cram.adder(check_int32("bits", bits), _choose("full_adder", _core.cram.FullAdder, full_adder))
    )


def multiplier(
    bits_a: int, bits_b: int | None = None, *, full_adder: str = "nand9", and_gate: str = "nand_not"
) -> Program:
    """Return an array multiplier with ports a, b -> product.

    Parameters
    ----------
    bits_a, bits_b : int
        Widths of the operands, 1 to 31; ``bits_b`` None means ``bits_a``. The product has ``bits_a + bits_b``
        bits, one fewer where an operand has one bit.
    full_adder, and_gate : str
        See `nonideal.hardware.cram.circuits`.

    Raises
    ------
    InvalidArgument
        If a width is outside [1, 31] or a design is unknown.

    Examples
    --------
    >>> from nonideal.hardware.cram import circuits
    >>> circuits.multiplier(8).num_gates
    600
    """
    return Program._wrap(
        _core.cram.multiplier(
            check_int32("bits_a", bits_a),
            check_int32("bits_b", bits_a if bits_b is None else bits_b),
            _choose("full_adder", _core.cram.FullAdder, full_adder),
            _choose("and_gate", _core.cram.AndGate, and_gate),
        )
    )


def dot(
    length: int,
    bits_x: int,
    bits_w: int,
    *,
    accumulate: str = "tree",
    full_adder: str = "nand9",
    and_gate: str = "nand_not",
) -> Program:
    """Return a dot product with ports x, w (shape (lanes, length)) -> y.

    Parameters
    ----------
    length : int
        Number of products, 1 to 65536.
    bits_x, bits_w : int
        Widths of the entries, 1 to 16.
    accumulate : str
        ``"tree"``: products are added pairwise, depth first. ``"chain"``: one running sum. Both take about
        the same number of gates; errors hurt the tree less.
    full_adder, and_gate : str
        See `nonideal.hardware.cram.circuits`.

    Raises
    ------
    InvalidArgument
        If a number is out of range or a name unknown.

    Examples
    --------
    >>> from nonideal.hardware.cram import circuits
    >>> circuits.dot(64, 4, 4).gate_counts
    {'NOT': 1343, 'NAND2': 11390}
    """
    return Program._wrap(
        _core.cram.dot(
            check_int32("length", length),
            check_int32("bits_x", bits_x),
            check_int32("bits_w", bits_w),
            _choose("accumulate", _core.cram.Accumulate, accumulate),
            _choose("full_adder", _core.cram.FullAdder, full_adder),
            _choose("and_gate", _core.cram.AndGate, and_gate),
        )
    )
