"""Refusals of arguments that are no whole numbers, worded as in C++: argument, value, allowed range."""

from __future__ import annotations

import operator
from typing import Any

from nonideal.errors import InvalidArgument

__all__ = ["check_int32", "check_integer", "check_threads"]


def check_integer(name: str, value: Any, low: int, power: int = 63) -> int:
    """Return a whole number that is in [low, 2^power).

    Raises
    ------
    InvalidArgument
        If it is none.
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise InvalidArgument(f"{name} = {value!r} is not an integer") from None
    if power == 63 and number < low:
        raise InvalidArgument(f"{name} = {number} is below {low}")
    if not low <= number < 1 << power:
        raise InvalidArgument(f"{name} = {number} is outside [{low}, 2^{power})")
    return number


def check_int32(name: str, value: Any) -> int:
    """Return a whole number that C++ can take as an int; what it may be is checked there.

    Raises
    ------
    InvalidArgument
        If it is none.
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise InvalidArgument(f"{name} = {value!r} is not an integer") from None
    if not -(1 << 31) <= number < 1 << 31:
        raise InvalidArgument(f"{name} = {number} is outside [-2^31, 2^31)")
    return number


def check_threads(num_threads: int | None) -> int:
    """Return a number of threads as C++ takes it: 0 for the default, where the argument is None.

    Raises
    ------
    InvalidArgument
        If it is neither None nor a whole number >= 1.
    """
    return (
        0 if num_threads is None else check_int32("num_threads", check_integer("num_threads", num_threads, 1))
    )
