"""What a nonlinear solve that fails raises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from nonideal.errors import ConvergenceError

if TYPE_CHECKING:
    from nonideal.physics.flow.snapshots import Snapshots

__all__ = ["FlowConvergenceError"]


class FlowConvergenceError(ConvergenceError):
    """The steady flow was not found; nothing of it is returned.

    Attributes
    ----------
    mu : dict of str to float
        The parameters.
    finished : Snapshots or None
        Where several flows were asked for: those that were found by then, in the order of their parameters.

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
        self.finished: Snapshots | None = None
