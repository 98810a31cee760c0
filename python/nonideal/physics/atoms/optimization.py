"""Learning rates and averaged weights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nonideal.errors import MissingExtra

try:
    import torch
    from torch import Tensor, nn
except ImportError:
    raise MissingExtra("torch", "atoms") from None

if TYPE_CHECKING:
    from nonideal.physics.atoms.training_options import TrainingOptions

__all__ = ["Average", "Schedule", "assign", "copies", "threads_of_torch"]


class Schedule:
    """The learning rate of each step.

    Parameters
    ----------
    options : TrainingOptions
        Its ``schedule``: ``"plateau"``: times ``plateau_factor`` where the metric has not fallen for more
        than ``patience`` validations; ``"cosine"``: from ``lr`` down to ``min_lr`` over the whole run;
        ``"constant"``.
    optimizer : torch.optim.Optimizer
        Whose rate is set.
    """

    def __init__(self, options: TrainingOptions, optimizer: torch.optim.Optimizer) -> None:
        self._kind, self._lr, self._min_lr = options.schedule, options.lr, options.min_lr
        self._optimizer = optimizer
        self._plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer, factor=options.plateau_factor, patience=options.patience, min_lr=options.min_lr
        )

    def before_step(self, done: float) -> float:
        """Return the rate of the next step, ``done`` in [0, 1] being how much of the run is behind."""
        if self._kind == "cosine":
            rate = self._min_lr + (self._lr - self._min_lr) * (1 + math.cos(math.pi * min(done, 1.0))) / 2
            self._optimizer.param_groups[0]["lr"] = rate
        return float(self._optimizer.param_groups[0]["lr"])

    def after_validation(self, metric: float) -> None:
        """Take note of how good the weights are."""
        if self._kind == "plateau":
            self._plateau.step(metric)

    def state(self) -> dict[str, Any]:
        """Return what a resumed run needs, as JSON."""
        best = float(self._plateau.best)
        return {
            "lr": float(self._optimizer.param_groups[0]["lr"]),
            "best": best if math.isfinite(best) else None,
            "bad": int(self._plateau.num_bad_epochs),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self._optimizer.param_groups[0]["lr"] = float(state["lr"])
        self._plateau.best = math.inf if state["best"] is None else float(state["best"])
        self._plateau.num_bad_epochs = int(state["bad"])


class Average:
    """Exponential moving average of a module's parameters.

    Parameters
    ----------
    module : torch.nn.Module
        Whose parameters are averaged.
    decay : float
        What remains of the average with each step.
    warmup : bool
        Begin with (1 + n) / (10 + n) where that is smaller, so that the random beginning is soon forgotten.
    """

    def __init__(self, module: nn.Module, decay: float, warmup: bool) -> None:
        self._parameters = dict(module.named_parameters())
        self._decay, self._warmup = decay, warmup
        self.values = copies(self._parameters)

    def update(self, step: int) -> None:
        """Take in the parameters after step number ``step`` (from 0)."""
        decay = min(self._decay, (1 + step) / (10 + step)) if self._warmup else self._decay
        with torch.no_grad():
            for name, parameter in self._parameters.items():
                self.values[name].lerp_(parameter, 1.0 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Put the averages into the module for a while."""
        own = copies(self._parameters)
        assign(self._parameters, self.values)
        try:
            yield
        finally:
            assign(self._parameters, own)


@contextmanager
def threads_of_torch(num_threads: int | None) -> Iterator[None]:
    """Let torch use this many threads for a while; None leaves its setting alone."""
    before = torch.get_num_threads()
    if num_threads is not None:
        torch.set_num_threads(num_threads)
    try:
        yield
    finally:
        if num_threads is not None:
            torch.set_num_threads(before)


def copies(parameters: dict[str, Any]) -> dict[str, Tensor]:
    """Return copies of parameters."""
    return {name: parameter.detach().clone() for name, parameter in parameters.items()}


def assign(parameters: dict[str, Any], values: dict[str, Tensor]) -> None:
    """Overwrite parameters."""
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(values[name])
