"""Picard's and Newton's steps, and which of them is next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np

from nonideal.checks import FloatArray
from nonideal.errors import NumericalError
from nonideal.physics.flow.boundary import Parameters, words
from nonideal.physics.flow.failure import FlowConvergenceError

__all__ = ["Method", "SteadyState", "solve_steady"]

Method: TypeAlias = Literal["auto", "picard", "newton"]
Fields: TypeAlias = tuple[FloatArray, FloatArray]
#: One linear solve: (convecting velocity or None, factor of the viscosity, newton) -> velocity, pressure.
Step: TypeAlias = Callable[[FloatArray | None, float, bool], Fields]

#: Newton's steps begin where the relative step is below this; Picard's contract from afar.
NEWTON_BELOW = 0.02
#: Picard solves without getting there, after which half the Reynolds number is solved first.
PATIENCE = 25
#: Times the Reynolds number is halved at most.
MAX_LEVELS = 6


@dataclass
class SteadyState:
    """A converged flow and what it took.

    Attributes
    ----------
    velocity, pressure : ndarray
        The flow.
    history : list of float
        Relative step of every linear solve but the first (Stokes).
    linear_solves : int
        Linear solves, those of failed attempts too.
    """

    velocity: FloatArray
    pressure: FloatArray
    history: list[float] = field(default_factory=list)
    linear_solves: int = 0


@dataclass(frozen=True)
class Rule:
    """How to iterate."""

    tol: float
    max_solves: int
    method: Method
    continuation: bool


def solve_steady(
    step: Step, norm: Callable[[FloatArray], float], rule: Rule, initial: FloatArray | None, mu: Parameters
) -> SteadyState:
    """Iterate to the steady flow.

    Parameters
    ----------
    step : callable
        Makes one linear solve.
    norm : callable
        Norm of a velocity.
    rule : Rule
        Tolerance of the relative step, limits, method.
    initial : ndarray or None
        Where to start; None: from Stokes.
    mu : mapping
        For messages.

    Raises
    ------
    FlowConvergenceError
        If it fails; with the history.
    """
    state = SteadyState(np.empty(0), np.empty(0))
    if initial is None:
        state.velocity, state.pressure = step(None, 1.0, False)
        state.linear_solves = 1
    else:
        state.velocity = initial
    _iterate(step, norm, rule, state, 1.0, 0, mu)
    return state


def _iterate(
    step: Step,
    norm: Callable[[FloatArray], float],
    rule: Rule,
    state: SteadyState,
    factor: float,
    level: int,
    mu: Parameters,
) -> None:
    """Bring `state` to the steady flow of `factor` times the viscosity."""
    start, continued, solves, last = state.velocity, False, 0, np.inf

    def failure(reason: str) -> FlowConvergenceError:
        shown = f"{words(mu)}" + (f" with {factor:g} times the viscosity" if factor > 1.0 else "")
        return FlowConvergenceError(
            f"no steady flow at {shown}: {reason} (relative step {last:.2g} after "
            f"{state.linear_solves} linear solves, tol = {rule.tol:g}); "
            "refine the mesh, lower the Reynolds number or start nearer (initial=)",
            state.history,
            mu,
        )

    while not last < rule.tol:
        # With too little patience left for a full attempt, half the Reynolds number comes first.
        if rule.method == "auto" and solves >= PATIENCE and last >= NEWTON_BELOW and not continued:
            if not rule.continuation:
                raise failure(f"Picard's steps stay above {NEWTON_BELOW:g}")
            if level == MAX_LEVELS:
                raise failure(f"not even at 1/{2**MAX_LEVELS} of the Reynolds number")
            state.velocity = start
            _iterate(step, norm, rule, state, 2.0 * factor, level + 1, mu)
            continued, solves, last = True, 0, np.inf
        if solves >= rule.max_solves:
            raise failure(f"max_solves = {rule.max_solves} is reached")
        newton = rule.method == "newton" or (rule.method == "auto" and last < NEWTON_BELOW)
        try:
            velocity, pressure = step(state.velocity, factor, newton)
        except NumericalError as problem:
            raise failure(str(problem)) from None
        solves += 1
        state.linear_solves += 1
        moved, size = norm(velocity - state.velocity), norm(velocity)
        last = moved / size if size > 0.0 else moved
        state.history.append(last)
        if not np.isfinite(last):
            raise failure("the steps grow without bound")
        state.velocity, state.pressure = velocity, pressure
