"""The box of parameters that a family of flows depends on."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nonideal.checks import (
    FloatArray,
    check_finite,
    check_integer,
    check_iterable,
    check_mapping,
    check_number,
)
from nonideal.errors import InvalidArgument

__all__ = ["ParameterSpace"]


class ParameterSpace:
    """A box: a range for each parameter.

    Parameters
    ----------
    **ranges : pair of float
        Lowest and highest value of each parameter, lowest < highest.

    Attributes
    ----------
    names : tuple of str
        In the order given.
    bounds : (n, 2) float64 ndarray
        Lowest and highest values.

    Raises
    ------
    InvalidArgument
        If there is no parameter or a range is not one.

    Examples
    --------
    >>> from nonideal.physics import flow
    >>> space = flow.ParameterSpace(Re=(100, 400), a=(-1, 1))
    >>> space.grid({"Re": 2, "a": 1})
    [{'Re': 100.0, 'a': 0.0}, {'Re': 400.0, 'a': 0.0}]
    >>> space.contains({"Re": 50, "a": 0})
    False
    """

    def __init__(self, **ranges: tuple[float, float]) -> None:
        if not ranges:
            raise InvalidArgument("ranges: no parameter is given")
        self.names = tuple(ranges)
        rows = []
        for name, pair in ranges.items():
            ends = list(check_iterable(name, pair))
            if len(ends) != 2:
                raise InvalidArgument(f"{name} = {pair!r} is not a pair (lowest, highest)")
            low, high = (check_number(f"{name}[{i}]", end) for i, end in enumerate(ends))
            if not low < high:
                raise InvalidArgument(f"{name} = {pair!r}: {low} is not below {high}")
            rows.append((low, high))
        self.bounds = np.array(rows)
        self.bounds.flags.writeable = False

    def __repr__(self) -> str:
        ranges = (
            f"{name}=({low:g}, {high:g})" for name, (low, high) in zip(self.names, self.bounds, strict=True)
        )
        return f"ParameterSpace({', '.join(ranges)})"

    def grid(self, n: int | Mapping[str, int]) -> list[dict[str, float]]:
        """Return a tensor grid with the bounds in it, the first parameter slowest.

        Parameters
        ----------
        n : int or mapping of str to int
            Points per parameter, >= 1; a single one lies in the middle.

        Raises
        ------
        InvalidArgument
            If a number is below 1, or the names are not the parameters'.
        """
        if isinstance(n, Mapping):
            self._expect_names("n", n)
            counts = [check_integer(f"n[{name!r}]", n[name], 1) for name in self.names]
        else:
            counts = [check_integer("n", n, 1)] * len(self.names)
        axes = [
            np.linspace(low, high, count) if count > 1 else np.array([(low + high) / 2])
            for count, (low, high) in zip(counts, self.bounds, strict=True)
        ]
        return [dict(zip(self.names, map(float, point), strict=True)) for point in itertools.product(*axes)]

    def random(self, n: int, *, seed: int) -> list[dict[str, float]]:
        """Return points drawn uniformly: NumPy's default generator, one row of numbers per point.

        Parameters
        ----------
        n : int
            How many, >= 0.
        seed : int
            Of the generator, >= 0.

        Raises
        ------
        InvalidArgument
            If a value is outside its range.

        Examples
        --------
        >>> from nonideal.physics import flow
        >>> [f"{point['Re']:.2f}" for point in flow.ParameterSpace(Re=(100, 400)).random(2, seed=7)]
        ['287.53', '369.16']
        """
        generator = np.random.default_rng(check_integer("seed", seed, 0))
        unit = generator.random((check_integer("n", n, 0), len(self.names)))
        return self.from_array(self.bounds[:, 0] + unit * (self.bounds[:, 1] - self.bounds[:, 0]))

    def as_array(self, mus: Sequence[Mapping[str, float]]) -> FloatArray:
        """Return points as rows, columns in the order of `names`.

        Raises
        ------
        InvalidArgument
            If a point lacks a parameter or has another one.
        """
        rows = [
            list(self.checked(mu, f"mus[{i}]").values()) for i, mu in enumerate(check_iterable("mus", mus))
        ]
        return np.array(rows, dtype=np.float64).reshape(-1, len(self.names))

    def from_array(self, values: ArrayLike) -> list[dict[str, float]]:
        """Return the points whose rows these are.

        Raises
        ------
        InvalidArgument
            If the shape does not fit or a number is not finite.
        """
        array = check_finite("values", values)
        if array.ndim != 2 or array.shape[1] != len(self.names):
            raise InvalidArgument(f"values has shape {array.shape}, not (n, {len(self.names)})")
        return [dict(zip(self.names, map(float, row), strict=True)) for row in array]

    def contains(self, mu: Mapping[str, float]) -> bool:
        """Return whether a point lies in the box, its faces included.

        Raises
        ------
        InvalidArgument
            If the point lacks a parameter or has another one.
        """
        values = np.array(list(self.checked(mu).values()))
        return bool(((self.bounds[:, 0] <= values) & (values <= self.bounds[:, 1])).all())

    def checked(self, mu: Any, argument: str = "mu") -> dict[str, float]:
        """Return a point with its parameters in the order of `names`.

        Raises
        ------
        InvalidArgument
            If it lacks a parameter, has another one, or a value is not a finite number.
        """
        self._expect_names(argument, mu)
        return {name: check_number(f"{argument}[{name!r}]", mu[name]) for name in self.names}

    def _expect_names(self, argument: str, given: Any) -> None:
        names = ", ".join(self.names)
        for name in self.names:
            if name not in check_mapping(argument, given):
                raise InvalidArgument(f"{argument} lacks {name!r}; it needs {names}")
        for name in given:
            if name not in self.names:
                raise InvalidArgument(f"{argument} has {name!r}, which is not one of {names}")
