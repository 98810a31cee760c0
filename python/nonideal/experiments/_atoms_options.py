"""Options that experiments with trained potentials share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
    """A network, its training, which ends after a time or steps, and the dynamics with it."""

    variant: str = option("v1", help="form of the network", choices=VARIANTS)
    channels: int = option(64, help="channels", minimum=2, maximum=1024)
    layers: int = option(3, help="layers", minimum=1, maximum=16)
    n_rbf: int = option(20, help="radial functions", minimum=2, maximum=512)
    cutoff: float = option(5.0, help="cutoff", unit="angstrom", minimum=2, maximum=10)
    lr: float = option(2e-3, help="learning rate at the start", above=0, maximum=1)
    train_seconds: float = option(
        600.0, help="CPU seconds of each model's training, all threads", unit="s", above=0, maximum=1e6
    )
    train_steps: int | None = option(
        None, help="steps of training instead of a time: the same seed then gives the same model", minimum=1
    )
    timestep: float = option(2.0, help="of the dynamics", unit="fs", above=0, maximum=10)
    md_time: float = option(10.0, help="dynamics with a thermostat", unit="ps", minimum=0.5, maximum=1e5)
    drift_time: float = option(
        10.0, help="dynamics without a thermostat", unit="ps", minimum=0.5, maximum=1e5
    )
    bins: int = option(100, help="of g(r)", minimum=10, maximum=10_000)

    @property
    def seconds(self) -> float | None:
        """CPU seconds of training; None with steps."""
        return None if self.train_steps else self.train_seconds

    @property
    def training(self) -> dict[str, Any]:
        """What shards that train take of it."""
        names = ("variant", "channels", "layers", "n_rbf", "cutoff", "lr")
        return {name: getattr(self, name) for name in names} | {
            "steps": self.train_steps,
            "seconds": self.seconds,
        }

    @property
    def limits_of_training(self) -> list[str]:
        """What the end of training limits."""
        text = (
            "Training ends after a time of the processor: models depend on the machine, its threads and, "
            "less, on its other load; train_steps makes them repeatable."
        )
        return [] if self.train_steps else [text]
