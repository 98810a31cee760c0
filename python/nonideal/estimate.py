"""A number with its error bar: what every Monte Carlo result of nonideal is."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass
from typing import Any

import numpy as np

from nonideal.errors import InvalidArgument

__all__ = ["Estimate", "confidence_factor"]


def confidence_factor(confidence: float, samples: int | None) -> float:
    """Return how many standard errors a two-sided confidence interval reaches to each side.

    Parameters
    ----------
    confidence : float
        In (0, 1).
    samples : int or None
        Independent samples behind the standard error; None for an exact value, whose interval is a point.

    Raises
    ------
    InvalidArgument
        If ``confidence`` is outside (0, 1).

    Examples
    --------
    >>> round(confidence_factor(0.95, 4), 2), round(confidence_factor(0.95, 10**6), 2)
    (3.18, 1.96)
    """
    if not 0.0 < confidence < 1.0:
        raise InvalidArgument(f"confidence = {confidence} is outside (0, 1)")
    if samples is None:
        return 0.0
    if samples < 2:
        return math.inf
    from scipy.special import stdtrit  # not at the top: `import nonideal` stays light

    return float(stdtrit(samples - 1, 0.5 + confidence / 2))


@dataclass(frozen=True, eq=False)
class Estimate:
    """A value with its standard error and the number of independent samples behind it.

    Parameters
    ----------
    value : float or float64 array
        The estimate, or many of one kind.
    standard_error : float or float64 array
        Standard deviation of the estimate, in the unit and shape of ``value``; 0 for an exact result.
    samples : int or None
        Number of independent samples (of each); None for an exact result.
    unit : str
        Unit of ``value``, for printing.

    Raises
    ------
    InvalidArgument
        If ``standard_error`` is negative or NaN, ``samples`` is below 1, or the shapes differ.

    Examples
    --------
    >>> from nonideal import Estimate
    >>> e = Estimate.from_samples([1.0, 2.0, 3.0])
    >>> print(e)
    2.00 ± 0.58 (n = 3)
    >>> low, high = Estimate(0.5, 0.05, 100).interval(0.95)
    >>> round(low, 3), round(high, 3)
    (0.401, 0.599)
    """

    value: Any
    standard_error: Any
    samples: int | None
    unit: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.value, np.ndarray):
            _check_arrays(self.value, self.standard_error)
        elif not (isinstance(self.value, numbers.Real) and math.isfinite(self.value)):
            raise InvalidArgument(f"value = {self.value!r} is not a finite number")
        elif not (isinstance(self.standard_error, numbers.Real) and float(self.standard_error) >= 0.0):
            raise InvalidArgument(f"standard_error = {self.standard_error!r} is not a number >= 0")
        if self.samples is not None and not (
            isinstance(self.samples, numbers.Integral) and self.samples >= 1
        ):
            raise InvalidArgument(f"samples = {self.samples!r} is neither None nor an integer >= 1")

    @classmethod
    def exact(cls, value: float, unit: str = "") -> Estimate:
        """Return an estimate without error: ``standard_error`` 0, ``samples`` None."""
        return cls(float(value), 0.0, None, unit)

    @classmethod
    def from_samples(cls, samples: Any, unit: str = "") -> Estimate:
        """Return mean and standard error of independent samples (at least 2)."""
        array = np.asarray(samples, dtype=np.float64).ravel()
        if array.size < 2:
            raise InvalidArgument(f"samples: {array.size} values; a standard error needs at least 2")
        return cls(float(array.mean()), float(array.std(ddof=1) / math.sqrt(array.size)), array.size, unit)

    @classmethod
    def from_counts(cls, successes: int, trials: int, unit: str = "") -> Estimate:
        """Return a proportion with its binomial standard error.

        The standard error is that of the Agresti-Coull estimate (two successes and two failures added), so
        that no successes or no failures do not pretend to an error of zero. The value is the plain
        proportion.
        """
        if trials < 1 or not 0 <= successes <= trials:
            raise InvalidArgument(f"successes = {successes} is outside [0, trials = {trials}]")
        adjusted = (successes + 2) / (trials + 4)
        return cls(successes / trials, math.sqrt(adjusted * (1 - adjusted) / (trials + 4)), trials, unit)

    def __float__(self) -> float:
        return float(self.value)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return all(np.array_equal(mine, theirs) for mine, theirs in pairs)

    def __hash__(self) -> int:
        return hash(tuple(vars(self).values()))

    def interval(self, confidence: float = 0.95) -> tuple[Any, Any]:
        """Return the two-sided confidence interval, ``value -+ t * standard_error``.

        t is Student's quantile for ``samples - 1`` degrees of freedom: with few samples the standard error
        itself is uncertain, and the normal quantile would promise too much (85 % instead of 95 % with four).
        """
        factor = confidence_factor(confidence, self.samples)
        if isinstance(self.value, np.ndarray):
            error = np.asarray(self.standard_error)
            half = np.multiply(factor, error, where=error > 0.0, out=np.zeros_like(error))
        else:
            half = factor * self.standard_error if self.standard_error else 0.0
        return self.value - half, self.value + half

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        if isinstance(self.value, np.ndarray):
            source = "exact" if self.samples is None else f"n = {self.samples}"
            return f"{self.value}{unit} ± {self.standard_error} ({source})"
        if self.samples is None:
            return f"{self.value:.6g}{unit} (exact)"
        if self.standard_error == 0.0 or not math.isfinite(self.standard_error):
            return f"{self.value:.6g} ± {self.standard_error:.2g}{unit} (n = {self.samples})"
        digits = max(0, 1 - math.floor(math.log10(self.standard_error)))
        if abs(self.value) >= 1e6 or digits > 8:
            return f"{self.value:.4g} ± {self.standard_error:.2g}{unit} (n = {self.samples})"
        return f"{self.value:.{digits}f} ± {self.standard_error:.{digits}f}{unit} (n = {self.samples})"

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form used in ``result.json``: value, standard_error, samples."""
        value, error = self.value, self.standard_error
        if isinstance(value, np.ndarray):
            value, error = value.tolist(), error.tolist()
        return {"value": value, "standard_error": error, "samples": self.samples}


def _check_arrays(value: Any, standard_error: Any) -> None:
    shape = np.shape(standard_error)
    if shape != value.shape:
        raise InvalidArgument(f"standard_error: shape {shape} is not that of value, {value.shape}")
    if not np.isfinite(value).all():
        raise InvalidArgument("value: not all numbers are finite")
    if not (np.asarray(standard_error) >= 0.0).all():
        raise InvalidArgument("standard_error: not all numbers are >= 0")
