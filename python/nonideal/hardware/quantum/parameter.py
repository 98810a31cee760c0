"""Symbols for angles that get their values later, many at a time."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any, TypeAlias

from nonideal.checks import check_number, shown
from nonideal.errors import InvalidArgument

__all__ = ["Angle", "LinearExpression", "Parameter", "check_angle"]


class LinearExpression:
    """``factor * parameter + offset``: what an angle may be.

    Made by arithmetic on a `Parameter`: sums with numbers and with the same parameter, products with and
    quotients by numbers.

    Raises
    ------
    InvalidArgument
        If two different parameters meet, two expressions are multiplied, or a number is not finite.
    """

    __slots__ = ("_factor", "_name", "_offset")
    __array_ufunc__ = None  # `numpy.float64(2) * theta` is an expression, not an array of objects

    def __init__(self, name: str, factor: float, offset: float) -> None:
        if not isinstance(name, str) or not name:
            raise InvalidArgument(f"name = {shown(name)} is not a non-empty string")
        self._name = name
        self._factor = check_number(f"factor of {name}", factor)
        self._offset = check_number(f"offset of {name}", offset)

    @property
    def parameter(self) -> Parameter:
        """The symbol."""
        return Parameter(self._name)

    @property
    def factor(self) -> float:
        """What the parameter is multiplied by."""
        return self._factor

    @property
    def offset(self) -> float:
        """What is added, radian."""
        return self._offset

    def __add__(self, other: LinearExpression | float) -> LinearExpression:
        if isinstance(other, LinearExpression):
            if other._name != self._name:
                raise InvalidArgument(
                    f"an angle is linear in one parameter; {self._name} and {other._name} are two"
                )
            return LinearExpression(self._name, self._factor + other._factor, self._offset + other._offset)
        if not isinstance(other, Real):
            return NotImplemented
        return LinearExpression(self._name, self._factor, self._offset + _number(other))

    __radd__ = __add__

    def __neg__(self) -> LinearExpression:
        return LinearExpression(self._name, -self._factor, -self._offset)

    def __pos__(self) -> LinearExpression:
        return self

    def __sub__(self, other: LinearExpression | float) -> LinearExpression:
        if not isinstance(other, LinearExpression | Real):
            return NotImplemented
        return self + (-other)

    def __rsub__(self, other: float) -> LinearExpression:
        if not isinstance(other, Real):
            return NotImplemented
        return -self + other

    def __mul__(self, other: float) -> LinearExpression:
        if isinstance(other, LinearExpression):
            raise InvalidArgument(f"an angle is linear in one parameter; ({self}) * ({other}) is not")
        if not isinstance(other, Real):
            return NotImplemented
        number = _number(other)
        return LinearExpression(self._name, self._factor * number, self._offset * number)

    __rmul__ = __mul__

    def __truediv__(self, other: float) -> LinearExpression:
        if isinstance(other, LinearExpression):
            raise InvalidArgument(f"an angle is linear in one parameter; ({self}) / ({other}) is not")
        if not isinstance(other, Real):
            return NotImplemented
        number = _number(other)
        if number == 0.0:
            raise InvalidArgument(f"({self}) / {other}: the divisor is zero")
        return LinearExpression(self._name, self._factor / number, self._offset / number)

    def __rtruediv__(self, other: float) -> LinearExpression:
        raise InvalidArgument(f"an angle is linear in one parameter; {other} / ({self}) is not")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LinearExpression):
            return NotImplemented
        return (self._name, self._factor, self._offset) == (other._name, other._factor, other._offset)

    def __hash__(self) -> int:
        return hash((self._name, self._factor, self._offset))

    def __repr__(self) -> str:
        times = {1.0: "", -1.0: "-"}.get(self._factor, f"{self._factor:.6g}*")
        text = times + self._name
        if self._offset == 0.0:
            return text
        return f"{text} {'-' if self._offset < 0 else '+'} {abs(self._offset):.6g}"

    def __reduce__(self) -> tuple[Any, ...]:
        return LinearExpression, (self._name, self._factor, self._offset)


class Parameter(LinearExpression):
    """A symbol, told from others by its name.

    Parameters
    ----------
    name : str
        Not empty.

    Raises
    ------
    InvalidArgument
        If the name is empty or not a string.

    Examples
    --------
    >>> from nonideal.hardware import quantum
    >>> theta = quantum.Parameter("theta")
    >>> 0.5 * theta + 1.0
    0.5*theta + 1
    >>> quantum.Circuit(1).ry(theta, 0).rz(-theta / 2, 0).parameters
    (theta,)
    """

    __slots__ = ()

    def __init__(self, name: str) -> None:
        super().__init__(name, 1.0, 0.0)

    @property
    def name(self) -> str:
        """The name."""
        return self._name

    def __reduce__(self) -> tuple[Any, ...]:
        return Parameter, (self._name,)


Angle: TypeAlias = float | LinearExpression


def _number(value: Real) -> float:
    """Return a float; infinity, which every expression refuses, for what is beyond the largest."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def check_angle(name: str, value: Any) -> Angle:
    """Return a finite float, radian, or an expression."""
    return value if isinstance(value, LinearExpression) else check_number(name, value)
