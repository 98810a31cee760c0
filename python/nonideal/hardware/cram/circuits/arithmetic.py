"""Arithmetic out of gates, wired in C++."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TypeVar

from nonideal import _core
from nonideal.checks import check_choice, check_int32
from nonideal.hardware.cram.program import Program

__all__ = [
    "adder",
    "dot",
    "full_adder",
    "greater_equal",
    "multiplier",
    "popcount",
    "products",
    "subtractor",
    "xnor_dot",
]

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


def _full_adder(name: str) -> _core.cram.FullAdder:
    return _choose("full_adder", _core.cram.FullAdder, name)


def _ripple(build: Callable[..., _core.cram.Program], bits: int, full_adder: str, signed: bool) -> Program:
    return Program._wrap(build(check_int32("bits", bits), _full_adder(full_adder), bool(signed)))


def adder(bits: int, *, full_adder: str = "nand9", signed: bool = False) -> Program:
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
    return _ripple(_core.cram.adder, bits, full_adder, signed)


def subtractor(bits: int, *, full_adder: str = "nand9", signed: bool = False) -> Program:
    """Return a - b with ports a, b (``bits`` bits) -> difference (``bits + 1`` bits, two's complement).

    Raises
    ------
    InvalidArgument
        If ``bits`` is outside [1, 62] or the design is unknown.

    Examples
    --------
    >>> from nonideal.hardware import cram
    >>> cram.simulate(cram.circuits.subtractor(3), {"a": [2, 7], "b": [5, 1]})["difference"]
    array([-3,  6])
    """
    return _ripple(_core.cram.subtractor, bits, full_adder, signed)


def greater_equal(bits: int, *, full_adder: str = "nand9", signed: bool = False) -> Program:
    """Return a comparison with ports a, b (``bits`` bits) -> y, 1 where a >= b.

    Raises
    ------
    InvalidArgument
        If ``bits`` is outside [1, 62] or the design is unknown.

    Examples
    --------
    >>> from nonideal.hardware import cram
    >>> cram.simulate(cram.circuits.greater_equal(3), {"a": [2, 7, 4], "b": [5, 1, 4]})["y"]
    array([0, 1, 1])
    """
    return _ripple(_core.cram.greater_equal, bits, full_adder, signed)


def popcount(bits: int, *, full_adder: str = "nand9") -> Program:
    """Return a counter of ones with ports x (``bits`` bits) -> count.

    2^m - 1 bits take 2^m - 1 - m full adders.

    Raises
    ------
    InvalidArgument
        If ``bits`` is outside [1, 63] or the design is unknown.

    Examples
    --------
    >>> from nonideal.hardware.cram import circuits
    >>> circuits.popcount(7).gate_counts
    {'NAND2': 36}
    """
    return Program._wrap(_core.cram.popcount(check_int32("bits", bits), _full_adder(full_adder)))


def xnor_dot(length: int, *, full_adder: str = "nand9") -> Program:
    """Return the product of binary networks: x, w (``length`` words of one bit) -> y, the equal bits.

    Raises
    ------
    InvalidArgument
        If ``length`` is outside [1, 65536] or the design is unknown.

    Examples
    --------
    >>> from nonideal.hardware import cram
    >>> cram.simulate(cram.circuits.xnor_dot(3), {"x": [[1, 0, 1]], "w": [[1, 1, 1]]})["y"]
    array([2])
    """
    return Program._wrap(_core.cram.xnor_dot(check_int32("length", length), _full_adder(full_adder)))


def multiplier(
    bits_a: int,
    bits_b: int | None = None,
    *,
    full_adder: str = "nand9",
    and_gate: str = "nand_not",
    signed: bool = False,
) -> Program:
    """Return an array multiplier with ports a, b -> product.

    Parameters
    ----------
    bits_a, bits_b : int
        Widths of the operands, 1 to 31; ``bits_b`` None means ``bits_a``. The product has ``bits_a + bits_b``
        bits, one fewer where an unsigned operand has one bit.
    full_adder, and_gate : str
        See the module.
    signed : bool
        Two's complement, by the method of Baugh and Wooley (IEEE Trans. Comput. C-22, 1045, 1973).

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
            _full_adder(full_adder),
            _choose("and_gate", _core.cram.AndGate, and_gate),
            bool(signed),
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
    signed: bool = False,
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
        the same number of gates; errors hurt the tree less. ``"csa"``: full adders over all partial products
        of equal weight (a Wallace tree), then ripple carry; fewer gates. ``"hybrid"``: the program of
        `products`, whose sum is left to exact logic beside the array.
    full_adder, and_gate : str
        See the module.
    signed : bool
        Two's complement.

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
            _full_adder(full_adder),
            _choose("and_gate", _core.cram.AndGate, and_gate),
            bool(signed),
        )
    )


def products(
    length: int,
    bits_x: int,
    bits_w: int,
    *,
    full_adder: str = "nand9",
    and_gate: str = "nand_not",
    signed: bool = False,
) -> Program:
    """Return the products of a dot product, not their sum: x, w -> products, all of shape (lanes, length).

    Parameters
    ----------
    length, bits_x, bits_w, full_adder, and_gate, signed
        As in `dot`.

    Raises
    ------
    InvalidArgument
        If a number is out of range or a name unknown.

    Examples
    --------
    >>> from nonideal.hardware import cram
    >>> cram.simulate(cram.circuits.products(2, 3, 2), {"x": [[5, 7]], "w": [[2, 3]]})["products"]
    array([[10, 21]])
    """
    return dot(
        length,
        bits_x,
        bits_w,
        accumulate="hybrid",
        full_adder=full_adder,
        and_gate=and_gate,
        signed=signed,
    )
