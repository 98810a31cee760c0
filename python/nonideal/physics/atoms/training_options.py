"""How a model is trained, checked and in a form that a file can hold; no torch here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from nonideal.checks import (
    check_boolean,
    check_choice,
    check_integer,
    check_mapping,
    check_non_negative,
    check_positive,
    check_threads,
    shown,
)
from nonideal.errors import InvalidArgument

__all__ = ["FORCE_GRADIENTS", "LABELS", "NORMS", "SCHEDULES", "TrainingOptions"]

LABELS = ("energy", "forces", "stress")
NORMS = ("l1", "l2")
SCHEDULES = ("plateau", "cosine", "constant")
FORCE_GRADIENTS = ("double-backward", "finite-difference")


@dataclass(frozen=True)
class TrainingOptions:
    """The numbers and choices among `Trainer`'s arguments; what they mean stands there.

    Raises
    ------
    InvalidArgument
        Naming the argument that is out of range.

    Examples
    --------
    >>> TrainingOptions(weights={"energy": 1.0}, lr=0.0)
    Traceback (most recent call last):
        ...
    nonideal.errors.InvalidArgument: lr = 0.0 is not > 0
    """

    weights: Mapping[str, float]
    norm: str = "l1"
    energy_per_atom: bool = False
    lr: float = 5e-4
    batch_size: int = 8
    ema: float = 0.999
    ema_warmup: bool = True
    clip: float | None = 100.0
    schedule: str = "plateau"
    plateau_factor: float = 0.8
    patience: int = 5
    min_lr: float = 1e-6
    steps_per_epoch: int | None = None
    early_stop: int | None = None
    force_gradient: str = "double-backward"
    num_threads: int | None = None

    def __post_init__(self) -> None:
        checked: dict[str, Any] = {"weights": _weights(self.weights)}
        for name, allowed in (
            ("norm", NORMS),
            ("schedule", SCHEDULES),
            ("force_gradient", FORCE_GRADIENTS),
        ):
            check_choice(name, getattr(self, name), allowed)
        for name in ("energy_per_atom", "ema_warmup"):
            check_boolean(name, getattr(self, name))
        checked["lr"] = check_positive("lr", self.lr)
        checked["min_lr"] = check_non_negative("min_lr", self.min_lr)
        if checked["min_lr"] > checked["lr"]:
            raise InvalidArgument(f"min_lr = {self.min_lr} is above lr = {self.lr}")
        checked["clip"] = None if self.clip is None else check_positive("clip", self.clip)
        for name in ("ema", "plateau_factor"):
            checked[name] = check_non_negative(name, getattr(self, name))
            if checked[name] >= 1.0:
                raise InvalidArgument(f"{name} = {getattr(self, name)} is outside [0, 1)")
        for name, low in (("batch_size", 1), ("patience", 0)):
            checked[name] = check_integer(name, getattr(self, name), low, 31)
        for name in ("steps_per_epoch", "early_stop"):
            value = getattr(self, name)
            checked[name] = None if value is None else check_integer(name, value, 1, 31)
        check_threads(self.num_threads)
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    def as_json(self) -> dict[str, Any]:
        """Return them as keyword arguments that JSON can hold."""
        return asdict(self)


def _weights(weights: Mapping[str, float]) -> dict[str, float]:
    given = dict.fromkeys(LABELS, 0.0)
    for name, value in check_mapping("weights", weights).items():
        if name not in LABELS:
            raise InvalidArgument(f"weights: {shown(name)} is not one of {', '.join(LABELS)}")
        given[name] = check_non_negative(f"weights[{name!r}]", value)
    if not any(given.values()):
        raise InvalidArgument(f"weights = {shown(dict(weights))}: none is > 0")
    return given
