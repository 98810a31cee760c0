"""What a nonlinear solve that fails raises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nonideal.errors import ConvergenceError

__all__ = ["FlowConvergenceError"]


class FlowConvergenceError(ConvergenceError):
    """The steady flow was not found; nothing of it is returned.

    Parameters
    ----------
    message : str
        What did not converge and what to change.
    history : sequence of float
        Relative step of every linear solve.
    mu : mapping of str to float
        The parameters.
    """

    def __init__(self, message: str, history: Sequence[float], mu: Mapping[str, float]) -> None:
        super().__init__(message, history)
        self.args = (message, tuple(history), dict(mu))  # what it is unpickled from
        self.mu = dict(mu)
