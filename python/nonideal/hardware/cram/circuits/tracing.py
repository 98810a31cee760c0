"""Programs from Python functions, called once on symbolic words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from nonideal.checks import check_int32
from nonideal.errors import InvalidArgument
from nonideal.hardware.cram.circuits.logic import FALSE, TRUE, Logic
from nonideal.hardware.cram.program import Program

__all__ = ["Word", "select", "trace"]

_MAX_BITS = 63


class Word:
    """An integer of a traced function: exact, as wide as it must be, two's complement where it can be < 0.

    Made by `trace`; supports + - * & | ^ ~ << >> comparisons, ``word[i]`` and ``word[low:high]`` for bits.
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, logic: Logic, bits: list[int], signed: bool) -> None:
        self._logic, self._bits, self._signed = logic, bits, signed

    def __len__(self) -> int:
        return len(self._bits)

    def __iter__(self) -> Iterator[Word]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        raise InvalidArgument("a traced word has no truth value; use circuits.select(condition, a, b)")

    def __getitem__(self, key: int | slice) -> Word:
        if isinstance(key, slice):
            bits = self._bits[key]
            if not bits:
                raise InvalidArgument(f"bits {key.start}:{key.stop} of a traced word are none")
            return Word(self._logic, bits, False)
        index = check_int32("bit", key)
        if not 0 <= index < len(self):
            raise InvalidArgument(f"bit {index} is outside [0, {len(self)})")
        return Word(self._logic, [self._bits[index]], False)

    def _extended(self, width: int) -> list[int]:
        sign = self._bits[-1] if self._signed else FALSE
        return (self._bits + [sign] * width)[:width]

    def _other(self, value: Any) -> Word:
        if isinstance(value, Word):
            if value._logic is not self._logic:
                raise InvalidArgument("a word of another trace")
            return value
        return _constant(self._logic, value)

    def _common(self, other: Word, more: int = 0) -> tuple[list[int], list[int], bool]:
        signed = self._signed or other._signed
        width = more + max(len(word) + (signed and not word._signed) for word in (self, other))
        return self._extended(width), other._extended(width), signed

    def _bitwise(self, value: Any, join: Callable[[int, int], int]) -> Word:
        a, b, signed = self._common(self._other(value))
        return Word(self._logic, [join(*pair) for pair in zip(a, b, strict=True)], signed)

    def __and__(self, value: Any) -> Word:
        return self._bitwise(value, self._logic.conjunction)

    def __or__(self, value: Any) -> Word:
        return self._bitwise(value, self._logic.disjunction)

    def __xor__(self, value: Any) -> Word:
        return self._bitwise(value, self._logic.parity)

    def __invert__(self) -> Word:
        width = len(self) + (not self._signed)
        return Word(self._logic, [bit ^ 1 for bit in self._extended(width)], True)

    def _sum(self, a: list[int], b: list[int], carry: int) -> list[int]:
        logic, total = self._logic, []
        for x, y in zip(a, b, strict=True):
            half = logic.parity(x, y)
            total.append(logic.parity(half, carry))
            carry = logic.disjunction(logic.conjunction(x, y), logic.conjunction(half, carry))
        return total

    def __add__(self, value: Any) -> Word:
        a, b, signed = self._common(self._other(value), 1)
        return Word(self._logic, self._sum(a, b, FALSE), signed)

    def __sub__(self, value: Any) -> Word:
        a, b, _ = self._common(self._other(value), 1)
        return Word(self._logic, self._sum(a, [bit ^ 1 for bit in b], TRUE), True)

    def __rsub__(self, value: Any) -> Word:
        return self._other(value) - self

    def __neg__(self) -> Word:
        return 0 - self

    def __mul__(self, value: Any) -> Word:
        other = self._other(value)
        signed, width = self._signed or other._signed, len(self) + len(other)
        width += signed and not (self._signed and other._signed)
        a, b = self._extended(width), other._extended(width)
        total = [FALSE] * width
        for shift, bit in enumerate(b):
            row = [self._logic.conjunction(x, bit) for x in a[: width - shift]]
            total[shift:] = self._sum(total[shift:], row, FALSE)
        return Word(self._logic, total, signed)

    def _shift(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_BITS:
            raise InvalidArgument(f"a traced word is shifted by whole numbers in [0, {_MAX_BITS}]")
        return value

    def __lshift__(self, value: Any) -> Word:
        return Word(self._logic, [FALSE] * self._shift(value) + self._bits, self._signed)

    def __rshift__(self, value: Any) -> Word:
        rest = self._bits[self._shift(value) :]
        return Word(self._logic, rest or [self._bits[-1] if self._signed else FALSE], self._signed)

    def __lt__(self, value: Any) -> Word:
        return Word(self._logic, [(self - value)._bits[-1]], False)

    def __gt__(self, value: Any) -> Word:
        return self._other(value) < self

    def __le__(self, value: Any) -> Word:
        return Word(self._logic, [(self > value)._bits[0] ^ 1], False)

    def __ge__(self, value: Any) -> Word:
        return Word(self._logic, [(self < value)._bits[0] ^ 1], False)

    def __ne__(self, value: object) -> Word:  # type: ignore[override]
        return Word(self._logic, [self._logic.reduce((self ^ value)._bits, False)], False)

    def __eq__(self, value: object) -> Word:  # type: ignore[override]
        return Word(self._logic, [(self != value)._bits[0] ^ 1], False)

    __radd__, __rmul__, __rand__, __ror__, __rxor__ = __add__, __mul__, __and__, __or__, __xor__

    def _lacks(sign: str) -> Callable[..., NoReturn]:  # type: ignore[misc]
        def refuse(self: Word, *_: Any) -> NoReturn:
            raise InvalidArgument(f"a traced word has no {sign}")

        return refuse

    __truediv__ = __rtruediv__ = _lacks("/")
    __floordiv__ = __rfloordiv__ = _lacks("//")
    __mod__ = __rmod__ = _lacks("%")
    __pow__ = __rpow__ = _lacks("**")
    __matmul__ = _lacks("@")
    __abs__ = _lacks("abs")
    __int__ = __float__ = __index__ = _lacks("value before it is simulated")


def _constant(logic: Logic, value: Any) -> Word:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidArgument(f"{value!r} is neither a traced word nor an integer")
    width = max(value.bit_length() + (value < 0), 1)
    return Word(logic, [TRUE if value >> bit & 1 else FALSE for bit in range(width)], value < 0)


def select(condition: Word, a: Any, b: Any) -> Word:
    """Return a where the traced condition is not 0, else b.

    Raises
    ------
    InvalidArgument
        If the condition is not a traced word, or a or b neither that nor an integer.
    """
    if not isinstance(condition, Word):
        raise InvalidArgument(f"condition: {type(condition).__name__} is not a traced word")
    logic = condition._logic
    chosen = (condition != 0)._bits[0]
    low, high, signed = condition._other(a)._common(condition._other(b))
    return Word(logic, [logic.select(chosen, x, y) for x, y in zip(low, high, strict=True)], signed)


def trace(function: Callable[..., Any], **bits: int) -> Program:
    """Return NAND2 and NOT gates that compute a Python function of unsigned integers, ports as named -> y.

    Parameters
    ----------
    function : callable
        Called once with a `Word` for each name; returns a word. Integers behave as Python's: results are
        exact and negative where they must be.
    bits : int
        Width of each argument, 1 to 63.

    Raises
    ------
    InvalidArgument
        If the function does what gates cannot, returns anything else, or the result is wider than 63 bits.

    Examples
    --------
    >>> from nonideal.hardware import cram
    >>> program = cram.circuits.trace(lambda a, b: cram.circuits.select(a > b, a - b, b - a), a=4, b=4)
    >>> cram.simulate(program, {"a": [3, 9], "b": [8, 1]})["y"]
    array([5, 8])
    """
    logic = Logic()
    words: dict[str, list[int]] = {}
    for name, value in bits.items():
        width = check_int32(name, value)
        if not 1 <= width <= _MAX_BITS:
            raise InvalidArgument(f"{name} = {width} is outside [1, {_MAX_BITS}]")
        words[name] = [logic.variable() for _ in range(width)]
    result = function(**{name: Word(logic, word, False) for name, word in words.items()})
    if not isinstance(result, Word):
        raise InvalidArgument(f"the function returned {type(result).__name__}, not a traced word")
    if len(result) > _MAX_BITS:
        raise InvalidArgument(f"the result has {len(result)} bits, more than {_MAX_BITS}")
    return logic.program(words.items(), [("y", result._bits)], signed=result._signed)
