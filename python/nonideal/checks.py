"""Refusals of arguments, worded alike everywhere: argument, value, allowed range.

Every function returns its value as the type that it names, or raises `InvalidArgument`, whether the value
is out of range or of another type altogether: a caller (the command line among them) handles one exception.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Mapping
from numbers import Real
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nonideal.errors import InvalidArgument

__all__ = [
    "check_boolean",
    "check_choice",
    "check_extended",
    "check_finite",
    "check_int32",
    "check_integer",
    "check_iterable",
    "check_mapping",
    "check_non_negative",
    "check_number",
    "check_positive",
    "check_probability",
    "check_threads",
    "shown",
]

FloatArray: TypeAlias = NDArray[np.float64]
Name = TypeVar("Name", bound=str)

_LONGEST = 100  # characters of a value in a message


def check_integer(name: str, value: Any, low: int, power: int = 63) -> int:
    """Return a whole number that is in [low, 2^power)."""
    number = _whole(name, value)
    if power == 63 and number < low:
        raise InvalidArgument(f"{name} = {_written(number)} is below {low}")
    if not low <= number < 1 << power:
        raise InvalidArgument(f"{name} = {_written(number)} is outside [{low}, 2^{power})")
    return number


def check_int32(name: str, value: Any) -> int:
    """Return a whole number that C++ can take as an int; what it may be is checked there."""
    number = _whole(name, value)
    if not -(1 << 31) <= number < 1 << 31:
        raise InvalidArgument(f"{name} = {_written(number)} is outside [-2^31, 2^31)")
    return number


def check_threads(num_threads: int | None) -> int:
    """Return a number of threads as C++ takes it: 0 for the default, where the argument is None."""
    if num_threads is None:
        return 0
    return check_int32("num_threads", check_integer("num_threads", num_threads, 1))


def check_number(name: str, value: Any) -> float:
    """Return a finite float."""
    converted = _as_float(name, value)
    if not math.isfinite(converted):
        raise InvalidArgument(f"{name} = {_written(value)} is not finite")
    return converted


def check_extended(name: str, value: Any) -> float:
    """Return a float that may be infinite, but is not NaN."""
    converted = _as_float(name, value)
    if math.isnan(converted):
        raise InvalidArgument(f"{name} = {value} is not a number")
    return converted


def check_positive(name: str, value: Any) -> float:
    """Return a finite float > 0."""
    checked = check_number(name, value)
    if not checked > 0.0:
        raise InvalidArgument(f"{name} = {_written(value)} is not > 0")
    return checked


def check_non_negative(name: str, value: Any) -> float:
    """Return a finite float >= 0."""
    checked = check_number(name, value)
    if not checked >= 0.0:
        raise InvalidArgument(f"{name} = {_written(value)} is not >= 0")
    return checked


def check_probability(name: str, value: Any) -> float:
    """Return a float in [0, 1]."""
    converted = _as_float(name, value)
    if not 0.0 <= converted <= 1.0:
        raise InvalidArgument(f"{name} = {_written(value)} is outside [0, 1]")
    return converted


def check_finite(name: str, values: ArrayLike) -> FloatArray:
    """Return values as a float64 array without NaN or infinity; the first such entry is named."""
    try:
        array = np.asarray(values)
    except ValueError as problem:  # rows of different lengths
        raise InvalidArgument(f"{name}: {problem}") from None
    if array.dtype.kind not in "iuf":
        raise InvalidArgument(f"{name} has dtype {array.dtype}, not a real number's")
    bad = ~np.isfinite(array)
    if bad.any():
        index = np.unravel_index(int(bad.argmax()), array.shape)
        place = f"[{', '.join(str(int(i)) for i in index)}]" if index else ""
        raise InvalidArgument(f"{name}{place} = {array[index]} is not finite")
    return array.astype(np.float64)


def check_boolean(name: str, value: Any) -> bool:
    """Return True or False."""
    if not isinstance(value, bool):
        raise InvalidArgument(f"{name} = {shown(value)} is neither True nor False")
    return value


def check_choice(name: str, value: Name, allowed: Iterable[str]) -> Name:
    """Return one of the allowed names."""
    names = tuple(allowed)
    if not isinstance(value, str) or value not in names:
        raise InvalidArgument(f"{name} = {shown(value)} is not one of {', '.join(names)}")
    return value


def check_mapping(name: str, value: Any) -> Mapping[Any, Any]:
    """Return a mapping."""
    if not isinstance(value, Mapping):
        raise InvalidArgument(f"{name}: {type(value).__name__} is not a mapping")
    return value


def check_iterable(name: str, value: Any) -> Iterable[Any]:
    """Return what can be gone through."""
    try:
        if not isinstance(value, Iterable):  # nor what can merely be indexed
            raise TypeError
        iter(value)  # an array without dimensions has the method, and refuses
    except TypeError:
        raise InvalidArgument(f"{name} = {shown(value)} is not a sequence") from None
    return value


def shown(value: Any) -> str:
    """Return how a value of any type stands in an error's one line: its repr, shortened."""
    text = _written(value, repr)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _written(value: Any, write: Callable[[Any], str] = str) -> str:
    try:
        return " ".join(write(value).split())
    except ValueError:  # Python does not write out more than some thousands of digits
        return f"{type(value).__name__} of thousands of digits"


def _whole(name: str, value: Any) -> int:
    try:
        if isinstance(value, np.bool_):  # NumPy is about to refuse it
            raise TypeError
        return operator.index(value)
    except TypeError:
        raise InvalidArgument(f"{name} = {shown(value)} is not an integer") from None


def _as_float(name: str, value: Any) -> float:
    if not isinstance(value, Real):
        raise InvalidArgument(f"{name} = {shown(value)} is not a number")
    try:
        return float(value)
    except OverflowError:  # an integer beyond the largest double; every caller refuses infinity
        return math.inf
