"""The errors that nonideal raises, in Python and from C++ alike."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["ConvergenceError", "InvalidArgument", "MissingExtra", "NumericalError"]


class InvalidArgument(ValueError):
    """An argument is outside what the function allows; the text names argument, value and allowed range."""


class NumericalError(ArithmeticError):
    """A computation left the range in which its result can be trusted."""


class ConvergenceError(NumericalError):
    """An iteration did not converge.

    Parameters
    ----------
    message : str
        What did not converge and what to change.
    history : sequence of float
        The residual (or the quantity the message names) of every iteration.
    """

    def __init__(self, message: str, history: Sequence[float] = ()) -> None:
        super().__init__(message, tuple(history))
        self.history: tuple[float, ...] = tuple(history)

    def __str__(self) -> str:
        return str(self.args[0])


class MissingExtra(ImportError):
    """An optional dependency is not installed; the text holds the command that brings it."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(what, extra)
        self.what = what
        self.extra = extra

    def __str__(self) -> str:
        return f'{self.what} is not installed; `pip install "nonideal[{self.extra}]"` brings it'
