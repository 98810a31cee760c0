"""How far a training run is, besides its tensors; no torch here."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from nonideal.physics.atoms.training_result import TrainingRecord

__all__ = ["RunState"]


@dataclass
class RunState:
    """Counters of a run, and its validations.

    Attributes
    ----------
    step : int
        Steps that were done.
    seconds : float
        Time that they took.
    cpu_seconds : float
        Time of the processor that they took.
    loss_sum, loss_count
        Of the losses since the last validation.
    best_metric, best_step
        The lowest error of a validation, and when it was.
    stale : int
        Validations since then.
    stopped : bool
        Whether the run has ended early.
    history : list of TrainingRecord
        All validations.
    """

    step: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    loss_sum: float = 0.0
    loss_count: int = 0
    best_metric: float = math.inf
    best_step: int = 0
    stale: int = 0
    stopped: bool = False
    history: list[TrainingRecord] = field(default_factory=list)

    @property
    def mean_loss(self) -> float:
        """Mean loss since the last validation."""
        return self.loss_sum / max(self.loss_count, 1)

    def count(self, loss: float) -> None:
        """Note a step."""
        self.step += 1
        self.loss_sum += loss
        self.loss_count += 1

    def record(self, entry: TrainingRecord, metric: float, early_stop: int | None) -> bool:
        """Note a validation; return whether it is the best one."""
        self.history.append(entry)
        self.seconds, self.cpu_seconds = entry.seconds, entry.cpu_seconds
        self.loss_sum, self.loss_count = 0.0, 0
        better = metric < self.best_metric
        if better:
            self.best_metric, self.best_step, self.stale = metric, self.step, 0
        else:
            self.stale += 1
        self.stopped = early_stop is not None and self.stale >= early_stop
        return better

    def as_json(self) -> dict[str, Any]:
        """Return it in a form that `from_json` takes."""
        return {
            **vars(self),
            "best_metric": None if math.isinf(self.best_metric) else self.best_metric,
            "history": [vars(entry) for entry in self.history],
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> RunState:
        """Return the state that `as_json` wrote.

        Examples
        --------
        >>> state = RunState()
        >>> state.count(1.5)
        >>> RunState.from_json(state.as_json()) == state
        True
        """
        best = values["best_metric"]
        return cls(
            **{
                **values,
                "best_metric": math.inf if best is None else best,
                "history": [TrainingRecord(**entry) for entry in values["history"]],
            }
        )
