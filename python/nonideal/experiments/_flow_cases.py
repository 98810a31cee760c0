"""Flow cases by name, and the shards that solve them in whatever process."""

from __future__ import annotations

import base64
import importlib.util
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from nonideal.errors import InvalidArgument
from nonideal.experiments import Grid, Runner
from nonideal.physics import flow
from nonideal.physics.flow.augmentation import distinct

__all__ = [
    "CASES",
    "Case",
    "Solved",
    "build",
    "packed",
    "ranges_of",
    "solve_oseen",
    "solve_steady",
    "training_set",
    "write_fields",
]

Mu = dict[str, float]


@dataclass(frozen=True)
class Case:
    """A family of flows.

    Parameters
    ----------
    make : callable
        ``make(n, solver=...)`` returns the problem.
    ranges : mapping of str to (float, float)
        Default ranges of its parameters.
    mesh : mapping of str to int
        Mesh parameter n at each scale.
    words : str
        What flows where.
    dim : int
        Dimensions of space.
    """

    make: Callable[..., flow.NavierStokes]
    ranges: Mapping[str, tuple[float, float]]
    mesh: Mapping[str, int]
    words: str
    dim: int = 2


CASES: Mapping[str, Case] = {
    "two-lid": Case(
        flow.cases.two_lid_cavity,
        {"Re": (100.0, 400.0), "a": (-1.0, 1.0)},
        {"quick": 20, "full": 66},
        "two-lid cavity",
    ),
    "jet": Case(
        flow.cases.channel_jet,
        {"Re": (50.0, 300.0), "jet": (0.0, 1.0)},
        {"quick": 8, "full": 16},
        "channel with a jet",
    ),
    "cylinder": Case(
        flow.cases.cylinder,
        {"nu": (6e-4, 1.5e-3), "inflow": (0.15, 0.3)},
        {"quick": 8, "full": 16},
        "cylinder in a channel",
    ),
    "step": Case(
        flow.cases.backward_step,
        {"Re": (100.0, 400.0)},
        {"quick": 8, "full": 16},
        "backward-facing step",
    ),
    "swimmer": Case(
        flow.cases.swimmer,
        {"Re": (1.0, 40.0), "beta": (-2.0, 2.0)},
        {"quick": 4, "full": 6},
        "swimmer in a square channel",
        dim=3,
    ),
}


def ranges_of(case: str, **given: Grid | None) -> dict[str, list[float]]:
    """Return the box of a case, with the ends of the given grids in place of its own.

    Raises
    ------
    InvalidArgument
        If a grid is given for what is no parameter of the case, or has one value alone.
    """
    ranges = {name: list(ends) for name, ends in CASES[case].ranges.items()}
    for name, grid in given.items():
        if grid is None:
            continue
        parameter = "Re" if name == "re" else name
        if parameter not in ranges:
            raise InvalidArgument(f"{name} = {grid}: the parameters of case {case!r} are {', '.join(ranges)}")
        low, high = min(grid), max(grid)
        if not low < high:
            raise InvalidArgument(f"{name} = {grid}: a range low:high is needed")
        ranges[parameter] = [low, high]
    return ranges


def build(shard: Mapping[str, Any]) -> flow.NavierStokes:
    """Return the problem of a shard's ``case``, ``mesh``, ``ranges``, ``solver``; a process keeps some."""
    ranges = tuple((name, *ends) for name, ends in sorted(shard["ranges"].items()))
    return _build(shard["case"], shard["mesh"], ranges, shard["solver"])


@lru_cache(maxsize=4)
def _build(
    case: str, mesh: int, ranges: tuple[tuple[str, float, float], ...], solver: str
) -> flow.NavierStokes:
    problem = CASES[case].make(mesh, solver=solver)
    box = {name: (low, high) for name, low, high in ranges}
    problem.parameters = flow.ParameterSpace(**{name: box[name] for name in CASES[case].ranges})
    return problem


def solve_steady(shard: Mapping[str, Any]) -> dict[str, Any]:
    """Solve the Navier-Stokes equations at one parameter."""
    solution = build(shard).solve(shard["mu"])
    return _fields(solution, solution.linear_solves)


def packed(values: Any) -> str:
    """Return numbers as a text: a shard's identity is computed from it much faster than from a list."""
    return base64.b64encode(np.asarray(values, dtype="<f8").tobytes()).decode("ascii")


def solve_oseen(shard: Mapping[str, Any]) -> dict[str, Any]:
    """Solve one Oseen problem, or several in a row, from a given convecting velocity."""
    problem = build(shard)
    velocity: Any = np.frombuffer(base64.b64decode(shard["convecting"]), "<f8").reshape(-1, problem.mesh.dim)
    for _ in range(shard["picard_steps"]):
        solution = problem.oseen(velocity, shard["mu"], viscosity=shard["viscosity"])
        velocity = solution.velocity
    return _fields(solution, shard["picard_steps"])


def _fields(solution: flow.Solution, linear_solves: int) -> dict[str, Any]:
    return {
        "velocity": solution.velocity.ravel(),
        "pressure": solution.pressure,
        "linear_solves": linear_solves,
    }


class Solved:
    """Navier-Stokes solutions by their parameters: each is computed once, as a shard.

    Parameters
    ----------
    runner : Runner
        Where shards run.
    shard : mapping
        What `build` needs.
    """

    def __init__(self, runner: Runner, shard: Mapping[str, Any]) -> None:
        self._runner, self._shard = runner, dict(shard)
        self.problem = build(shard)
        self._known: list[Mu] = []
        self._parts: list[Mapping[str, Any]] = []

    def add(self, parameters: Sequence[Mapping[str, float]], label: str) -> None:
        """Solve at parameters that are not known yet."""
        wanted = [dict(parameters[index]) for index in distinct(parameters, self._known)]
        shards = [{**self._shard, "mu": mu} for mu in wanted]
        self._parts += self._runner.map(solve_steady, shards, label=label)
        self._known += wanted

    def part(self, mu: Mapping[str, float]) -> Mapping[str, Any]:
        """Return a solution that is known."""
        return self._parts[self._index(mu)]

    def solution(self, mu: Mapping[str, float]) -> flow.Solution:
        """Return a solution that is known, as an object."""
        index = self._index(mu)
        part = self._parts[index]
        velocity = np.asarray(part["velocity"]).reshape(-1, self.problem.mesh.dim)
        return flow.Solution(
            self.problem,
            self._known[index],
            velocity,
            part["pressure"],
            linear_solves=int(part["linear_solves"]),
        )

    def snapshots(self, parameters: Sequence[Mapping[str, float]], origin: str = "full") -> flow.Snapshots:
        """Return solutions that are known."""
        indices = [self._index(mu) for mu in parameters]
        return stacked(
            self.problem,
            [self._parts[index] for index in indices],
            [self._known[index] for index in indices],
            origin=[origin] * len(indices),
        )

    def _index(self, mu: Mapping[str, float]) -> int:
        for index, known in enumerate(self._known):
            if not distinct([mu], [known]):
                return index
        raise InvalidArgument(f"mu = {dict(mu)} was not solved")


def stacked(
    problem: flow.NavierStokes,
    parts: Sequence[Mapping[str, Any]],
    parameters: Sequence[Mapping[str, float]],
    **options: Any,
) -> flow.Snapshots:
    """Return the results of shards as snapshots."""
    return flow.Snapshots(
        problem,
        np.stack([part["velocity"] for part in parts], axis=1),
        np.stack([part["pressure"] for part in parts], axis=1),
        parameters,
        linear_solves=[int(part["linear_solves"]) for part in parts],
        **options,
    )


_SET = re.compile(r"(\d+(?:x\d+)*)(\+centre)?")


def write_fields(folder: Path, solutions: Mapping[str, flow.Solution], *, earlier: str = "") -> None:
    """Write solutions as VTU files where meshio is installed; without it they are left out.

    Files whose names begin with ``earlier`` go first: those of other options would pass for these.
    """
    if importlib.util.find_spec("meshio") is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"{earlier}*.vtu") if earlier else ():
        old.unlink()
    for name, solution in solutions.items():
        solution.save(folder / f"{name}.vtu")


def training_set(argument: str, text: str, space: flow.ParameterSpace) -> list[Mu]:
    """Return the parameters of a training set: "3x3" is a grid, "2x2+centre" the corners and the centre.

    Where the flow has one parameter, the first number counts.

    Raises
    ------
    InvalidArgument
        If the text is none.
    """
    found = _SET.fullmatch(text)
    counts = [int(number) for number in found[1].split("x")] if found else []
    names = space.names
    if len(names) == 1:
        counts = counts[:1]
    if found is None or len(counts) != len(names) or min(counts) < 2 or max(counts) > 12:
        raise InvalidArgument(
            f"{argument} = {text!r} is not a grid such as {'x'.join('3' * len(names))}, of 2 to 12 points a "
            f"parameter, perhaps with +centre; the parameters are {', '.join(names)}"
        )
    points = space.grid(dict(zip(names, counts, strict=True)))
    if found[2]:
        centre = space.grid(1)
        points += [centre[index] for index in distinct(centre, points)]
    return points
