"""How long a run of training may take: steps, time on the clock, or time of the processor."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import NamedTuple, Self

from nonideal.checks import check_integer, check_positive
from nonideal.errors import InvalidArgument

__all__ = ["Budget", "Clock", "Spent"]


class Spent(NamedTuple):
    """Time that a run has taken, s: on the clock, and of the processor by all threads of this process."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0


class Clock:
    """Time since now, added to what was spent before.

    Examples
    --------
    >>> spent = Clock(Spent(10.0, 5.0)).now()
    >>> 10.0 <= spent.seconds < 11.0, 5.0 <= spent.cpu_seconds < 6.0
    (True, True)
    """

    def __init__(self, before: Spent) -> None:
        self._seconds = time.monotonic() - before.seconds
        self._cpu_seconds = time.process_time() - before.cpu_seconds

    def now(self) -> Spent:
        """Return all that was spent."""
        return Spent(time.monotonic() - self._seconds, time.process_time() - self._cpu_seconds)


@dataclass(frozen=True)
class Budget:
    """What a run may take in all; infinite where there is no limit. What comes first ends it."""

    steps: float = math.inf
    seconds: float = math.inf
    cpu_seconds: float = math.inf

    @classmethod
    def checked(cls, steps: int | None, seconds: float | None, cpu_seconds: float | None) -> Self:
        """Return the budget, or refuse.

        Examples
        --------
        >>> Budget.checked(None, 2.0, 0.0)
        Traceback (most recent call last):
            ...
        nonideal.errors.InvalidArgument: cpu_seconds = 0.0 is not > 0
        """
        if steps is None and seconds is None and cpu_seconds is None:
            raise InvalidArgument("steps, seconds and cpu_seconds are all None; one of them is needed")
        return cls(
            math.inf if steps is None else check_integer("steps", steps, 1),
            math.inf if seconds is None else check_positive("seconds", seconds),
            math.inf if cpu_seconds is None else check_positive("cpu_seconds", cpu_seconds),
        )

    @property
    def is_timed(self) -> bool:
        """Whether a clock has to be read before every step."""
        return math.isfinite(min(self.seconds, self.cpu_seconds))

    @property
    def label(self) -> str:
        """What a bar counts: the first that has a limit of steps, seconds, seconds of the processor."""
        words = ("training", "training, seconds", "training, CPU seconds")
        return next(word for word, limit in zip(words, self._limits, strict=True) if math.isfinite(limit))

    @property
    def total(self) -> int:
        """Where that count ends."""
        return math.ceil(next(limit for limit in self._limits if math.isfinite(limit)))

    def done(self, steps: int, spent: Spent) -> int:
        """Return how far that count is."""
        amounts = zip((steps, *spent), self._limits, strict=True)
        return min(int(next(amount for amount, limit in amounts if math.isfinite(limit))), self.total)

    def fraction(self, steps: int, spent: Spent) -> float:
        """Return the part that is used up: 1 or more ends the run.

        Examples
        --------
        >>> Budget(steps=100, cpu_seconds=10.0).fraction(25, Spent(99.0, 5.0))
        0.5
        """
        amounts = zip((steps, *spent), self._limits, strict=True)
        return max(amount / limit for amount, limit in amounts)

    @property
    def _limits(self) -> tuple[float, float, float]:
        return self.steps, self.seconds, self.cpu_seconds
