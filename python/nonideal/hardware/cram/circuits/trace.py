"""Programs from Python functions of integers."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

from nonideal.checks import check_choice, check_int32
from nonideal.errors import InvalidArgument
from nonideal.hardware.cram.circuits.logic import FALSE, TRUE, Logic
from nonideal.hardware.cram.program import Program

__all__ = ["Word", "select", "trace"]

Bits = list[int]  # literals, least significant first


def trace(
    function: Callable[..., Any], *, full_adder: str = "nand9", **bits: int | tuple[int, str]
) -> Program:
    """Return the program that computes a Python function of integers.

    The function is called once, with a `Word` for each operand. Every operation on words gives exactly what
    it gives on Python's integers: a word knows the range of its values, and results are as wide as their
    range needs. A result that can be negative is signed (two's complement): ``a - b``, ``-a``, ``~a``.

    Parameters
    ----------
    function : callable
        Takes the operands by name. Returns a word or an integer (output port y), a tuple or list of them (y0,
        y1, ...) or a mapping of names to them.
    full_adder : str
        The design of all adders, see `nonideal.hardware.cram.circuits`.
    **bits : int or (int, "signed")
        The width of each operand, 1 to 63.

    Raises
    ------
    InvalidArgument
        If the function does with a word what is not possible in the array (`Word` lists what is), returns
        something else, or an output needs more than 63 bits; if a width is out of range or the design is
        unknown.

    Notes
    -----
    Constants are folded, equal ANDs are shared and logic that no output depends on is left out. Adders
    ripple; where a carry or an operand's bit is constant they are half adders or less. A product is the array
    multiplier of `multiplier`, gate by gate.

    Examples
    --------
    >>> from nonideal.hardware import cram
    >>> from nonideal.hardware.cram import circuits
    >>> def clamp(x, low):
    ...     return circuits.select(x < low, low, x)
    >>> program = circuits.trace(clamp, x=4, low=4)
    >>> cram.simulate(program, {"x": [3, 9], "low": [5, 5]})["y"]
    array([5, 9])
    >>> circuits.trace(lambda a, b: a - 3 * b, a=(4, "signed"), b=2).outputs[0].signed
    True
    """
    tracer = _Tracer(check_choice("full_adder", full_adder, _FULL_ADDERS))
    words = {name: tracer.input(name, width) for name, width in bits.items()}
    if not callable(function):
        raise InvalidArgument(f"function: {type(function).__name__} is not callable")
    try:
        inspect.signature(function).bind(**words)
    except TypeError as problem:
        raise InvalidArgument(f"function: its parameters are not {', '.join(words)} ({problem})") from None
    except ValueError:  # a builtin without a signature: the call will tell
        pass
    for name, result in _named(function(**words)):
        word = tracer.word(result, f"output {name}")
        tracer.logic.output(name, word._bits or [FALSE], word._low < 0)
    return tracer.logic.program()


def _named(results: Any) -> list[tuple[str, Any]]:
    if isinstance(results, Mapping):
        named = list(results.items())
    elif isinstance(results, tuple | list):
        named = [(f"y{i}", result) for i, result in enumerate(results)]
    else:
        named = [("y", results)]
    if not named:
        raise InvalidArgument("function: it returns no output")
    return named


def select(condition: Any, then: Any, otherwise: Any) -> Any:
    """Return ``then`` where the condition is 1, else ``otherwise``: an ``if`` for traced functions.

    Parameters
    ----------
    condition : Word or int
        0 or 1, such as the result of a comparison.
    then, otherwise : Word or int
        Both are computed.

    Raises
    ------
    InvalidArgument
        If the condition has another value, or is a word that can have another.

    Examples
    --------
    >>> from nonideal.hardware.cram import circuits
    >>> circuits.trace(lambda a, b: circuits.select(a > b, a, b), a=4, b=4)
    <Program: 37 gates, 45 columns, depth 15, a[4], b[4] -> y[4]>
    >>> circuits.select(True, 3, 4)
    3
    """
    if not isinstance(condition, Word):
        if isinstance(condition, bool) or _integer(condition, "condition") in (0, 1):
            return then if condition else otherwise
        raise InvalidArgument(f"condition = {condition!r} is outside [0, 1]")
    if condition._low < 0 or condition._high > 1:
        raise InvalidArgument(
            f"condition: a word in [{condition._low}, {condition._high}] is not a bit; compare it with 0"
        )
    tracer = condition._tracer
    then, otherwise = tracer.word(then, "then"), tracer.word(otherwise, "otherwise")
    if not condition._bits or condition._low == 1:
        return then if condition._low else otherwise
    low, high = min(then._low, otherwise._low), max(then._high, otherwise._high)
    width = _width(low, high)
    (choice,) = condition._bits
    pairs = zip(then._extend(width), otherwise._extend(width), strict=True)
    return Word(tracer, low, high, [tracer.logic.mux(choice, one, other) for one, other in pairs])


class Word:
    """A value in a traced function: an integer that is known only in the array.

    With words and integers: ``+ - * & | ^``, comparisons (0 or 1), and unary ``- + ~``. ``<<`` and ``>>``
    take an integer. ``len(x)`` is its width, ``x[i]`` and ``x[i:j]`` are bits of it, least significant first,
    as unsigned words; iteration gives all bits. Everything else is refused, above all what would need the
    value now: ``if``, ``and``, ``or``, ``not``, ``int()``, ``range()``.
    """

    __slots__ = ("_bits", "_high", "_low", "_tracer")
    __array_ufunc__ = None  # numpy's integers leave operations to us

    def __init__(self, tracer: _Tracer, low: int, high: int, bits: Bits) -> None:
        self._tracer = tracer
        self._low, self._high = low, high
        # A range of one value is that value, whatever computed it.
        self._bits = [low >> i & 1 for i in range(_width(low, high))] if low == high else bits

    def _extend(self, width: int) -> Bits:
        """Return the lowest bits in two's complement."""
        sign = self._bits[-1] if self._low < 0 else FALSE
        return self._bits[:width] + [sign] * (width - len(self._bits))

    def __repr__(self) -> str:
        return f"<Word: {len(self)} bits, in [{self._low}, {self._high}]>"

    def __len__(self) -> int:
        return len(self._bits)

    def __iter__(self) -> Iterator[Word]:
        return iter([self[i] for i in range(len(self))])

    def __getitem__(self, index: Any) -> Word:
        if isinstance(index, slice):
            edges = (index.start, index.stop, index.step)
            start, stop, step = (None if edge is None else _integer(edge, "slice") for edge in edges)
            if step == 0:
                raise InvalidArgument("slice: its step is 0")
            bits = self._bits[start:stop:step]
        else:
            place = _integer(index, "index")
            if not -len(self) <= place < len(self):
                raise InvalidArgument(f"index = {place} is outside [{-len(self)}, {len(self) - 1}]")
            bits = [self._bits[place]]
        return self._tracer.unsigned(bits)

    def __add__(self, other: Any) -> Word:
        return self._tracer.add(self, self._tracer.word(other))

    def __sub__(self, other: Any) -> Word:
        return self._tracer.subtract(self, self._tracer.word(other))

    def __rsub__(self, other: Any) -> Word:
        return self._tracer.subtract(self._tracer.word(other), self)

    def __mul__(self, other: Any) -> Word:
        return self._tracer.multiply(self, self._tracer.word(other))

    def __and__(self, other: Any) -> Word:
        other = self._tracer.word(other)
        return self._tracer.bitwise(self._tracer.logic.and_, self, other, _and_range(self, other))

    def __or__(self, other: Any) -> Word:
        other = self._tracer.word(other)
        return self._tracer.bitwise(self._tracer.logic.or_, self, other, _or_range(self, other))

    def __xor__(self, other: Any) -> Word:
        other = self._tracer.word(other)
        return self._tracer.bitwise(self._tracer.logic.xor, self, other, _xor_range(self, other))

    __radd__, __rmul__, __rand__, __ror__, __rxor__ = __add__, __mul__, __and__, __or__, __xor__

    def __lshift__(self, places: Any) -> Word:
        n = _places(places)
        return Word(self._tracer, self._low << n, self._high << n, [FALSE] * n + self._bits)

    def __rshift__(self, places: Any) -> Word:
        n = _places(places)
        low, high = self._low >> n, self._high >> n
        return Word(self._tracer, low, high, self._extend(n + _width(low, high))[n:])

    def __neg__(self) -> Word:
        return self._tracer.subtract(self._tracer.word(0), self)

    def __pos__(self) -> Word:
        return self

    def __invert__(self) -> Word:
        low, high = ~self._high, ~self._low
        return Word(self._tracer, low, high, [bit ^ 1 for bit in self._extend(_width(low, high))])

    def __lt__(self, other: Any) -> Word:
        return self._tracer.less(self, self._tracer.word(other))

    def __gt__(self, other: Any) -> Word:
        return self._tracer.less(self._tracer.word(other), self)

    def __ge__(self, other: Any) -> Word:
        return self._tracer.flip(self < other)

    def __le__(self, other: Any) -> Word:
        return self._tracer.flip(self > other)

    def __eq__(self, other: Any) -> Word:  # type: ignore[override]
        return self._tracer.equal(self, self._tracer.word(other))

    def __ne__(self, other: Any) -> Word:  # type: ignore[override]
        return self._tracer.flip(self == other)

    __hash__ = None  # type: ignore[assignment]


def _refusal(what: str, advice: str) -> Callable[..., NoReturn]:
    def refuse(self: Word, *_: Any) -> NoReturn:
        raise InvalidArgument(f"trace: {what} of a word is not possible; {advice}")

    return refuse


_UNKNOWN = "its value is known only in the array"
_OFFERED = "there are + - * & | ^ ~ << >>, comparisons, bits and select"
_REFUSED = {
    "bool()": (("bool",), f"{_UNKNOWN}, circuits.select takes the place of if"),
    "int()": (("int", "index", "trunc"), _UNKNOWN),
    "float()": (("float", "complex"), _UNKNOWN),
    "round()": (("round", "floor", "ceil"), _OFFERED),
    "abs()": (("abs",), "circuits.select(x < 0, -x, x) does it"),
    "a shift by the value": (("rlshift", "rrshift"), "circuits.select between constant shifts does it"),
    "/": (("truediv", "rtruediv"), _OFFERED),
    "//": (("floordiv", "rfloordiv"), _OFFERED),
    "%": (("mod", "rmod"), _OFFERED),
    "divmod()": (("divmod", "rdivmod"), _OFFERED),
    "**": (("pow", "rpow"), _OFFERED),
    "@": (("matmul", "rmatmul"), _OFFERED),
    "assignment to a bit": (("setitem", "delitem"), "a word doesn't change"),
    "in": (("contains",), f"{_UNKNOWN}, comparisons can be combined by | and &"),
}
for _what, (_methods, _advice) in _REFUSED.items():
    for _method in _methods:
        setattr(Word, f"__{_method}__", _refusal(_what, _advice))


class _Tracer:
    """The arithmetic of words: what is built while a function runs."""

    def __init__(self, full_adder: str) -> None:
        self.logic = Logic()
        self._full_add = _FULL_ADDERS[full_adder]
        self._borrows = full_adder == "nand9"  # nine NANDs subtract, too; other designs add the complement

    def input(self, name: str, width: Any) -> Word:
        signed = isinstance(width, tuple | list)
        if signed:
            if len(width) != 2 or width[1] != "signed":
                raise InvalidArgument(f"{name} = {width!r} is neither a width nor (width, 'signed')")
            width = width[0]
        bits = check_int32(name, width)
        if not 1 <= bits <= 63:
            raise InvalidArgument(f"{name} = {bits} is outside [1, 63]")
        word = self.logic.input(name, bits, signed)
        low = -(1 << (bits - 1)) if signed else 0
        return Word(self, low, low + (1 << bits) - 1, word)

    def word(self, value: Any, what: str = "operand") -> Word:
        """Return a word of this trace, or an integer as one."""
        if isinstance(value, Word):
            if value._tracer is not self:
                raise InvalidArgument(f"{what}: a word of another trace")
            return value
        number = _integer(value, what)
        return Word(self, number, number, [])

    def unsigned(self, bits: Bits) -> Word:
        high = sum(1 << i for i, bit in enumerate(bits) if bit != FALSE)
        low = sum(1 << i for i, bit in enumerate(bits) if bit == TRUE)
        return Word(self, low, high, bits[: high.bit_length()])

    def bitwise(
        self, function: Callable[[int, int], int], a: Word, b: Word, interval: tuple[int, int]
    ) -> Word:
        width = _width(*interval)
        pairs = zip(a._extend(width), b._extend(width), strict=True)
        return Word(self, *interval, [function(one, other) for one, other in pairs])

    def add(self, a: Word, b: Word) -> Word:
        low, high = a._low + b._low, a._high + b._high
        width = _width(low, high)
        return Word(self, low, high, self._ripple(a._extend(width), b._extend(width), FALSE))

    def subtract(self, a: Word, b: Word) -> Word:
        low, high = a._low - b._high, a._high - b._low
        width = _width(low, high)
        left, right = a._extend(width), b._extend(width)
        if self._borrows:
            bits = self._ripple_borrow(left, right)
        else:
            bits = self._ripple(left, [bit ^ 1 for bit in right], TRUE)
        return Word(self, low, high, bits)

    def multiply(self, a: Word, b: Word) -> Word:
        """Rows of ANDs, added one by one; the sign's row is subtracted."""
        if a._low == a._high:
            a, b = b, a
        total = self.word(0)
        for place, bit in enumerate(b._bits):
            low, high = min(a._low, 0), max(a._high, 0)
            row = Word(self, low, high, [self.logic.and_(one, bit) for one in a._extend(_width(low, high))])
            negative = b._low < 0 and place == len(b._bits) - 1
            if bit != FALSE:
                total = (self.subtract if negative else self.add)(total, row << place)
        corners = [x * y for x in (a._low, a._high) for y in (b._low, b._high)]
        low, high = min(corners), max(corners)
        return Word(self, low, high, total._extend(_width(low, high)))

    def less(self, a: Word, b: Word) -> Word:
        difference = self.subtract(a, b)
        if difference._low >= 0 or difference._high < 0:
            return self.word(int(difference._high < 0))
        return Word(self, 0, 1, difference._bits[-1:])

    def flip(self, bit: Word) -> Word:
        return self.subtract(self.word(1), bit)

    def equal(self, a: Word, b: Word) -> Word:
        low, high = min(a._low, b._low), max(a._high, b._high)
        if a._high < b._low or b._high < a._low:
            return self.word(0)
        width = _width(low, high)
        pairs = zip(a._extend(width), b._extend(width), strict=True)
        return self.unsigned([self.logic.all_of([self.logic.xor(x, y) ^ 1 for x, y in pairs])])

    def _ripple(self, a: Bits, b: Bits, carry: int) -> Bits:
        total = []
        for x, y in zip(a, b, strict=True):
            nodes = {x >> 1, y >> 1, carry >> 1}
            # With a constant or a bit twice, a full adder is less than its design; a cell can be read once.
            add = _add_nand9 if 0 in nodes or len(nodes) < 3 else self._full_add
            bit, carry = add(self.logic, x, y, carry)
            total.append(bit)
        return total

    def _ripple_borrow(self, a: Bits, b: Bits) -> Bits:
        logic = self.logic
        difference, borrow = [], FALSE
        for x, y in zip(a, b, strict=True):
            half = logic.xor(x, y)
            difference.append(logic.xor(half, borrow))
            y_alone = logic.and_(y, logic.and_(x, y) ^ 1)
            borrow_alone = logic.and_(borrow, logic.and_(half, borrow) ^ 1)
            borrow = logic.or_(y_alone, borrow_alone)
        return difference


def _add_nand9(logic: Logic, a: int, b: int, c: int) -> tuple[int, int]:
    half = logic.xor(a, b)
    return logic.xor(half, c), logic.or_(logic.and_(a, b), logic.and_(half, c))


def _add_maj5_buf(logic: Logic, a: int, b: int, c: int) -> tuple[int, int]:
    inverted = logic.gate("MIN3", a, b, c)
    twin = logic.gate("BUF", inverted)
    return logic.gate("MAJ5", a, b, c, inverted, twin), inverted ^ 1


def _add_maj5_not(logic: Logic, a: int, b: int, c: int) -> tuple[int, int]:
    carry = logic.gate("MAJ3", a, b, c)
    twins = (logic.gate("NOT", carry, copy=copy) for copy in range(2))
    return logic.gate("MAJ5", a, b, c, *twins), carry


def _add_min5(logic: Logic, a: int, b: int, c: int) -> tuple[int, int]:
    inverted, twin = (logic.gate("MIN3", a, b, c, copy=copy) for copy in range(2))
    return logic.gate("MIN5", a, b, c, inverted, twin) ^ 1, inverted ^ 1


_FULL_ADDERS = {
    "nand9": _add_nand9,
    "maj5_buf": _add_maj5_buf,
    "maj5_not": _add_maj5_not,
    "min5": _add_min5,
}


def _integer(value: Any, what: str) -> int:
    if not isinstance(value, Word):
        try:
            return operator.index(value)
        except TypeError:
            pass
        raise InvalidArgument(f"trace: {what} {value!r} is neither a word nor an integer")
    raise InvalidArgument(f"trace: {what} must be an integer, not a word")


def _places(places: Any) -> int:
    n = _integer(places, "shift")
    if not 0 <= n <= 1 << 16:
        raise InvalidArgument(f"shift = {n} is outside [0, 2^16]")
    return n


def _width(low: int, high: int) -> int:
    """Bits that a range needs: unsigned where it has no negative number."""
    if low >= 0:
        return high.bit_length()
    return max((~low).bit_length(), max(high, 0).bit_length()) + 1


def _full(*words: Word) -> tuple[int, int]:
    """Return the range of two's complement words as wide as the wider one, both made signed."""
    width = max(len(word) + (word._low >= 0) for word in words)
    return -(1 << (width - 1)), (1 << (width - 1)) - 1


def _and_range(a: Word, b: Word) -> tuple[int, int]:
    bounds = [word._high for word in (a, b) if word._low >= 0]
    return (0, min(bounds)) if bounds else _full(a, b)


def _or_range(a: Word, b: Word) -> tuple[int, int]:
    if min(a._low, b._low) < 0:
        return _full(a, b)
    return max(a._low, b._low), (1 << max(len(a), len(b))) - 1


def _xor_range(a: Word, b: Word) -> tuple[int, int]:
    if min(a._low, b._low) < 0:
        return _full(a, b)
    return 0, (1 << max(len(a), len(b))) - 1
