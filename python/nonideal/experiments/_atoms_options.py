"""Options that experiments with trained potentials share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nonideal.errors import InvalidArgument
from nonideal.experiments import BaseConfig, option

__all__ = ["SHARED_NUMBERS", "VARIANTS", "TrainingConfig", "check_distinct"]

#: A limit of experiments with several models.
SHARED_NUMBERS = (
    "Models share starts, and random numbers of the thermostat, with one another: their differences from the "
    "teacher are not independent of each other."
)
VARIANTS = ("v1", "vn", "vanilla", "vanilla-nmu")


def check_distinct(config: BaseConfig, *names: str) -> None:
    """Refuse options that have a value twice."""
    for name in names:
        values = getattr(config, name)
        if len(set(values)) < len(values):
            raise InvalidArgument(f"{name} = {values} has a value twice")


@dataclass(frozen=True, kw_only=True)
class TrainingConfig(BaseConfig):
    """A network, and the end of its training: after a time, which is a field of the subclass, or steps.

    Attributes
    ----------
    default_seconds : mapping of str to float
        Of the processor, by scale.
    """

    default_seconds: ClassVar[dict[str, float]]
    variant: str = option("v1", help="form of the network", choices=VARIANTS)
    train_seconds: float | None = None
    train_steps: int | None = option(
        None, help="steps of training instead of a time: the same seed then gives the same model", minimum=1
    )

    @property
    def seconds(self) -> float | None:
        """CPU seconds of training; None with steps."""
        return None if self.train_steps else self.train_seconds or self.default_seconds[self.scale]

    @property
    def limits_of_training(self) -> list[str]:
        """What the end of training limits."""
        text = (
            "Training ends after a time of the processor: models depend on the machine, its threads and, "
            "less, on its other load; train_steps makes them repeatable."
        )
        return [] if self.train_steps else [text]
