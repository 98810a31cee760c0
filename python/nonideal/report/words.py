"""How numbers and names are written in reports: the same on the page and in the terminal."""

from __future__ import annotations

import math

from nonideal.estimate import Estimate

__all__ = ["as_text", "error_text", "interval_text", "title", "value_text"]


def title(name: str) -> str:
    """Return a name as words: ``energy_per_image`` is "energy per image"."""
    return name.replace("_", " ")


def as_text(value: object) -> str:
    """Return a table's cell or an option as text; numbers with up to six figures, nothing for None.

    Examples
    --------
    >>> [as_text(value) for value in (None, True, 12733, 0.1 + 0.2, 3.2e-9, "tree")]
    ['', 'yes', '12733', '0.3', '3.2e-09', 'tree']
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(as_text(item) for item in value)
    return str(value)


def value_text(estimate: Estimate) -> str:
    """Return the value with its unit, rounded where its standard error begins.

    Examples
    --------
    >>> value_text(Estimate(0.90278, 0.0042, 4)), value_text(Estimate(3.23765e-9, 1.2e-12, 1440, "J"))
    ('0.9028', '3.2376e-09 J')
    """
    unit = f" {estimate.unit}" if estimate.unit not in ("", "1") else ""
    return _rounded(estimate.value, estimate.standard_error) + unit


def error_text(estimate: Estimate) -> str:
    """Return the standard error with two figures, or "exact".

    Examples
    --------
    >>> error_text(Estimate(0.9, 0.00423, 4)), error_text(Estimate.exact(0.9))
    ('0.0042', 'exact')
    """
    return "exact" if estimate.samples is None else f"{estimate.standard_error:.2g}"


def interval_text(estimate: Estimate) -> str:
    """Return the 95 % interval, empty for exact values.

    Examples
    --------
    >>> interval_text(Estimate(0.9, 0.01, 4))
    '0.868 to 0.932'
    """
    if estimate.samples is None:
        return ""
    return " to ".join(_rounded(end, estimate.standard_error) for end in estimate.interval(0.95))


def _rounded(value: float, error: float) -> str:
    if not error > 0:
        return f"{value:.6g}"
    last = math.floor(math.log10(error)) - 1  # the decimal place of the error's second figure
    if last <= 0 and 1e-4 <= abs(value) < 1e6:
        return f"{value:.{-last}f}"
    figures = math.floor(math.log10(abs(value))) - last + 1 if value else 1
    return f"{value:.{max(1, figures)}g}"
