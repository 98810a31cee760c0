"""Functions of space and parameters: boundary velocities, tractions, body forces, viscosities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any, TypeAlias

import numpy as np

from nonideal.checks import FloatArray, check_mapping, check_number
from nonideal.errors import InvalidArgument

__all__ = ["Data", "Parameters", "check_data", "check_parameters", "evaluate", "number_of", "words"]

Parameters: TypeAlias = Mapping[str, float]
#: A number for all components, a number for each, or a function of (x, y, mu) or (x, y, z, mu) that returns
#: one for each.
Data: TypeAlias = float | tuple[float, ...] | Callable[..., Any]

_TUPLES = {2: "a pair of numbers", 3: "a triple of numbers"}


def check_data(argument: str, data: Any, dim: int) -> Data:
    """Return boundary data or a body force; constants are checked here, functions when they are called."""
    if callable(data):
        function: Data = data
        return function
    if isinstance(data, Real):
        return check_number(argument, data)
    if not isinstance(data, tuple | list) or len(data) != dim:
        raise InvalidArgument(f"{argument} = {data!r} is not a number, {_TUPLES[dim]} or a function")
    return tuple(check_number(f"{argument}[{i}]", value) for i, value in enumerate(data))


def evaluate(argument: str, data: Data, points: FloatArray, mu: Parameters) -> FloatArray:
    """Return the values at (..., dim) points, as (..., dim)."""
    out = np.empty(points.shape)
    if not callable(data):
        out[...] = data
        return out
    dim = points.shape[-1]
    places = [np.ascontiguousarray(points[..., c]).ravel() for c in range(dim)]
    shape = places[0].shape
    place = f"{argument} at {words(mu)}"
    try:
        values = data(*places, mu)
    except KeyError as problem:
        raise InvalidArgument(f"mu lacks {problem}, which {argument} asks for") from None
    if not isinstance(values, tuple | list | np.ndarray) or len(values) != dim:
        raise InvalidArgument(f"{place} returned {type(values).__name__}, not {dim} components")
    for c, value in enumerate(values):
        array = np.asarray(value)
        if array.dtype.kind not in "iuf" or array.shape not in ((), shape):
            raise InvalidArgument(
                f"{place}: component {c} has shape {array.shape} and dtype {array.dtype}, "
                f"not a number or {shape[0]} numbers"
            )
        bad = ~np.isfinite(np.broadcast_to(array, shape))
        if bad.any():
            where = ", ".join(f"{axis[int(bad.argmax())]:g}" for axis in places)
            raise InvalidArgument(f"{place}: component {c} is not finite at ({where})")
        out[..., c] = array.reshape(out.shape[:-1]) if array.ndim else array
    return out


def number_of(argument: str, data: Any, mu: Parameters) -> float:
    """Return a number > 0 that may be a function of the parameters."""
    try:
        value = data(mu) if callable(data) else data
    except KeyError as problem:
        raise InvalidArgument(f"mu lacks {problem}, which {argument} asks for") from None
    place = f"{argument} at {words(mu)}" if callable(data) else argument
    if isinstance(value, np.ndarray | np.generic) and value.ndim == 0:
        value = value.item()
    checked = check_number(place, value)
    if not checked > 0.0:
        raise InvalidArgument(f"{place} = {checked:g} is not > 0")
    return checked


def check_parameters(mu: Any, argument: str = "mu") -> dict[str, float]:
    """Return parameters as finite floats."""
    return {
        str(name): check_number(f"{argument}[{name!r}]", value)
        for name, value in check_mapping(argument, mu).items()
    }


def words(mu: Parameters) -> str:
    """Return parameters as a message names them."""
    return "mu = {" + ", ".join(f"{name}: {value:g}" for name, value in mu.items()) + "}"
