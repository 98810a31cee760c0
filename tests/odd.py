"""Arguments that nobody means, for any function: it works, or says in one line what is wrong with them."""

from __future__ import annotations

import dataclasses
import decimal
import fractions
import math

import numpy as np
import pytest

from nonideal.errors import InvalidArgument, NumericalError

ODD = {
    "None": None,
    "True": True,
    "string": "a",
    "empty string": "",
    "long string": "Z" + "9" * 5000,
    "bytes": b"a",
    "nan": math.nan,
    "inf": math.inf,
    "-inf": -math.inf,
    "-1": -1,
    "0": 0,
    "1.5": 1.5,
    "2^40": 1 << 40,
    "2^62": 1 << 62,
    "2^70": 1 << 70,
    "-2^70": -(1 << 70),
    "10^400": 10**400,
    "10^5000": 10**5000,
    "1e300": 1e300,
    "complex": 1j,
    "decimal": decimal.Decimal(1),
    "fraction": fractions.Fraction(10**400, 3),
    "numpy int": np.int64(3),
    "numpy float": np.float64(0.5),
    "numpy bool": np.bool_(True),
    "[]": [],
    "()": (),
    "{}": {},
    "set": {1},
    "range": range(3),
    "[1]": [1],
    "[nan]": [math.nan],
    "[None]": [None],
    "['a']": ["a"],
    "[2^70]": [1 << 70],
    "[[1]]": [[1.0]],
    "ragged": [[1.0], [1.0, 2.0]],
    "dict": {"a": 1},
    "object": object(),
    "class": int,
    "function": lambda: 1,
    "generator": lambda: (x for x in [1.0, 2.0]),  # made afresh
    "0-d": np.array(1.0),
    "1-d, empty": np.zeros(0),
    "no rows": np.zeros((0, 2)),
    "no columns": np.zeros((2, 0)),
    "3-d": np.zeros((1, 1, 1)),
    "bool": np.array([True]),
    "objects": np.array([object()]),
    "strings": np.array(["x"]),
    "dates": np.array(["2020"], dtype="M8[Y]"),
    "complex array": np.array([[1j]]),
    "float32": np.eye(2, dtype=np.float32),
    "longdouble": np.array([[1]], dtype=np.longdouble),
    "int8": np.eye(2, dtype=np.int8),
    "uint64": np.array([1 << 63], dtype=np.uint64),
    "not contiguous": np.arange(16.0).reshape(4, 4)[:, ::2],
    "big-endian": np.eye(2).astype(">f8"),
    "read-only": np.frombuffer(np.eye(2).tobytes()).reshape(2, 2),
    "nan array": np.array([[np.nan, 1.0]]),
    "inf array": np.array([[np.inf, 1.0]]),
    "huge array": np.array([[1e300, 1e300]]),
}


def numbers(result):
    """All floats in what a function returns."""
    if isinstance(result, np.ndarray):
        return result.ravel().tolist() if result.dtype.kind in "fc" else []
    if dataclasses.is_dataclass(result):
        return numbers([getattr(result, field.name) for field in dataclasses.fields(result) if field.repr])
    if isinstance(result, list | tuple):
        return [number for part in result for number in numbers(part)]
    return [result] if isinstance(result, float | complex) else []


def outcome(function, arguments, name):
    """What a function returns, or the text of its refusal."""
    try:
        return function(*arguments), "returned"
    except (InvalidArgument, NumericalError) as refusal:
        return None, str(refusal)
    except Exception as problem:
        pytest.fail(f"{name}: {type(problem).__name__}: {problem}")


def walk(function, *arguments):
    """Call with these arguments, then with each of them replaced by everything odd.

    What may be raised is InvalidArgument or NumericalError, with one line; what comes back holds no NaN.
    """
    function(*arguments)
    for place in range(len(arguments)):
        for kind, value in ODD.items():
            given = [*arguments[:place], value() if kind == "generator" else value, *arguments[place + 1 :]]
            result, text = outcome(function, given, f"argument {place} = {kind}")
            assert not any(number != number for number in numbers(result)), (kind, place)
            assert "\n" not in text, (kind, place)
            assert len(text) < 600 or kind == "long string", (kind, place)
