"""Options that the experiments on flows share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from nonideal.errors import InvalidArgument
from nonideal.experiments import BaseConfig, Grid, option
from nonideal.experiments._flow_cases import CASES, ranges_of, training_set
from nonideal.physics import flow
from nonideal.physics.flow.augmentation import METHODS

__all__ = ["FlowConfig", "MapConfig"]


@dataclass(frozen=True, kw_only=True)
class FlowConfig(BaseConfig):
    """The sparse solver.

    How many workers share the work is no option of a flow but of the run, ``nonideal run --workers`` or
    `execute`: results don't depend on it, and it would make other runs of equal ones.
    """

    solver: str = option("auto", help="sparse solver of the flows: auto, native, superlu, pardiso")

    def __post_init__(self) -> None:
        super().__post_init__()
        known = ("auto", *flow.solvers.available())
        if self.solver not in known:
            raise InvalidArgument(f"solver = {self.solver!r} is not one of {', '.join(known)}")


@dataclass(frozen=True, kw_only=True)
class MapConfig(FlowConfig):
    """A case of two parameters, whose ranges are fields of the subclass, and a reduced model of it.

    Attributes
    ----------
    case : str
        Its name in `_flow_cases.CASES`.
    axes : tuple of str
        The fields that hold ranges.
    """

    case: ClassVar[str]
    axes: ClassVar[tuple[str, ...]]
    mesh: int | None = None

    train: str = option("2x2", help="training set: a grid of both parameters, perhaps with +centre")
    method: str = option("oseen", help="artificial snapshots", choices=METHODS)

    def __post_init__(self) -> None:
        super().__post_init__()
        space = flow.ParameterSpace(**{name: (low, high) for name, (low, high) in self.ranges.items()})
        training_set("train", self.train, space)

    @property
    def ranges(self) -> dict[str, list[float]]:
        """The box of parameters."""
        grids: dict[str, Grid] = {name: getattr(self, name) for name in self.axes}
        return ranges_of(self.case, **grids)

    @property
    def shard(self) -> dict[str, Any]:
        """What a shard needs to build the problem."""
        n = CASES[self.case].mesh[self.scale] if self.mesh is None else self.mesh
        return {"case": self.case, "mesh": n, "ranges": self.ranges, "solver": self.solver}
