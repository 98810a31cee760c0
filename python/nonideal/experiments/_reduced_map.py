"""Reduced bases with and without artificial snapshots, held against full solutions over the parameters."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from nonideal.experiments import Curve, Runner, Table
from nonideal.experiments._augment_tables import figure
from nonideal.experiments._flow_cases import Mu, Solved, training_set, write_fields
from nonideal.physics import flow

__all__ = ["Cost", "ReducedMap", "cost_curves", "cost_table", "curve", "draw_map"]

#: Points of the map along each parameter: training grids of 2, 3, 4 and 5 points lie among them or not far.
MAP_POINTS = 7


#: Train, method, solves, modes, mean and largest velocity error, queries not converged.
Cost: TypeAlias = tuple[str, str, int, int, float, float, int]


def curve(x: Any, x_label: str, y: Any, y_label: str, error: Any = (), samples: int | None = None) -> Curve:
    """Return a curve of arrays."""
    return Curve(tuple(x), x_label, tuple(y), y_label, tuple(error), samples)


class ReducedMap:
    """A case with bases of one training set, "none" and one method, and full solutions on a grid.

    Parameters
    ----------
    runner : Runner
        Where shards run.
    shard : mapping
        What `_flow_cases.build` needs.
    train : str
        The training set.
    method : str
        Of `flow.augment`.
    points : int
        Of the map along each parameter.
    """

    def __init__(
        self, runner: Runner, shard: Mapping[str, Any], train: str, method: str, points: int = MAP_POINTS
    ) -> None:
        self.solved = Solved(runner, shard)
        self.problem = self.solved.problem
        assert self.problem.parameters is not None
        self.space: flow.ParameterSpace = self.problem.parameters
        self.method = method
        self._fitted: dict[tuple[str, str], flow.ReducedBasis] = {}
        self.bases = {"none": self._fit(train, "none"), method: self._fit(train, method)}
        self.points: list[Mu] = self.space.grid(points)
        self.solved.add(self.points, "points of the map")
        self.full = [self.solved.solution(mu) for mu in self.points]
        found = {name: [basis.iterate(mu) for mu in self.points] for name, basis in self.bases.items()}
        self.reduced = {name: [solution for solution, _ in queries] for name, queries in found.items()}
        #: Queries that did not converge, by basis; their last iterates count.
        self.not_converged = {
            name: sum(not converged for _, converged in queries) for name, queries in found.items()
        }

    def _fit(self, train: str, method: str) -> flow.ReducedBasis:
        if (train, method) not in self._fitted:
            self._fitted[train, method] = self._fit_anew(train, method)
        return self._fitted[train, method]

    def _fit_anew(self, train: str, method: str) -> flow.ReducedBasis:
        points = training_set("train", train, self.space)
        self.solved.add(points, "training snapshots")
        snapshots = self.solved.snapshots(points)
        if method != "none":
            snapshots = snapshots + flow.augment(snapshots, method=method, progress=False)
        return flow.ReducedBasis.fit(snapshots)

    def relative_errors(self, name: str) -> Any:
        """Return the relative velocity errors of a basis over the map."""
        norm = self.problem.norm
        return np.array(
            [
                norm(fast.velocity - exact.velocity) / norm(exact.velocity)
                for fast, exact in zip(self.reduced[name], self.full, strict=True)
            ]
        )

    def write_fields(self, out: Path | None) -> None:
        """Write VTU files: full and reduced flows at the centre and where plain snapshots miss most."""
        if out is None:
            return
        places = {"centre": len(self.points) // 2, "worst": int(np.argmax(self.relative_errors("none")))}
        flows: dict[str, Sequence[flow.Solution]] = {"full": self.full, **self.reduced}
        for place, index in places.items():
            shown = {f"{place}_{name}": solutions[index] for name, solutions in flows.items()}
            write_fields(out / "fields", shown, earlier=f"{place}_")

    def costs(self, trains: Sequence[str]) -> list[Cost]:
        """Return train, method, solves, modes, mean and largest velocity error, queries not converged."""
        found = []
        for train in trains:
            for method in dict.fromkeys(("none", self.method)):
                basis = self._fit(train, method)
                check = flow.validate(
                    basis, self.problem, self.points, reference=self.full, residuals=False, progress=False
                )
                mean, most = float(check.mean[0]), float(check.max[0])
                missing = int((~check.converged).sum())
                found.append((train, method, basis.linear_solves, basis.n_modes, mean, most, missing))
        return found

    def at_equal_modes(self, train: str) -> list[tuple[str, str, int, float, float, float, float, int]]:
        """Return rows with more and more modes of one training set.

        Each: train, method, modes, mean and largest error of the reduced solution, and those of the best
        approximation, queries not converged.
        """
        n = len(training_set("train", train, self.space))
        found = []
        for method in dict.fromkeys(("none", self.method)):
            basis = self._fit(train, method)
            wanted = sorted({k for k in (n // 2, n, 2 * n, 4 * n, basis.n_modes) if 1 <= k <= basis.n_modes})
            check = flow.validate(
                basis,
                self.problem,
                self.points,
                n_modes=wanted,
                reference=self.full,
                residuals=False,
                progress=False,
            )
            best, missing = check.projection_errors, (~check.converged).sum(axis=1)
            for row, k in enumerate(wanted):
                reduced = float(check.mean[row]), float(check.max[row])
                nearest = float(best[row].mean()), float(best[row].max())
                found.append((train, method, k, *reduced, *nearest, int(missing[row])))
        return found

    def warning(self) -> str:
        """Return a sentence on queries that did not converge, with a space before it; nothing if all did."""
        missing = {name: count for name, count in self.not_converged.items() if count}
        if not missing:
            return ""
        counts = ", ".join(f"{count} ({name})" for name, count in missing.items())
        return (
            f" Of {len(self.points)} queries a basis, {counts} did not converge and count with their last "
            "iterates: trust no error above."
        )

    def seconds(self) -> tuple[float, float]:
        """Return the CPU seconds of a full solve and of a reduced query with its pressure."""
        mu, basis = self.points[len(self.points) // 2], self.bases[self.method]
        return _least(lambda: self.problem.solve(mu), 3), _least(lambda: basis.iterate(mu)[0].pressure, 20)

    def map_curve(self, values: Any, label: str) -> Curve:
        """Return values over the map; x is the first parameter."""
        places = self.space.as_array(self.points)
        return curve(places[:, 0], self.space.names[0], values, label)

    def place_curve(self) -> Curve:
        """Return where the values of `map_curve` belong."""
        places = self.space.as_array(self.points)
        return curve(places[:, 0], self.space.names[0], places[:, 1], self.space.names[1])


def cost_table(costs: Sequence[Cost]) -> Table:
    """Return what `ReducedMap.costs` found as a table."""
    rows = [
        (train, method, solves, modes, figure(100 * mean), figure(100 * most), missing)
        for train, method, solves, modes, mean, most, missing in sorted(costs, key=lambda row: row[2])
    ]
    heads = ("train", "method", "linear solves", "modes", "mean (%)", "max (%)", "not converged")
    note = (
        "Velocity errors over the map's points, all modes; training points are among them and have none. "
        "Queries that did not converge count with their last iterates."
    )
    return Table("Error against offline cost", heads, tuple(rows), note)


def cost_curves(costs: Sequence[Cost]) -> dict[str, Curve]:
    """Return what `ReducedMap.costs` found as a curve for each method."""
    found = {}
    for method in dict.fromkeys(row[1] for row in costs):
        line = sorted((row for row in costs if row[1] == method), key=lambda row: row[2])
        solves, means = [row[2] for row in line], [100 * row[4] for row in line]
        found[f"error_vs_solves_{method}"] = curve(
            solves, "offline linear solves", means, "mean velocity error (%)"
        )
    return found


def _least(call: Any, repeats: int) -> float:
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        seconds.append(time.process_time() - start)
    return min(seconds)


def draw_map(axes: Any, places: Curve, values: Curve, **options: Any) -> Any:
    """Draw values over a map's places; return what a colour bar needs."""
    x, y = np.unique(places.x), np.unique(places.y)
    picture = np.array(values.y).reshape(len(x), len(y)).T
    drawn = axes.pcolormesh(x, y, picture, shading="nearest", **options)
    axes.set_xlabel(places.x_label)
    axes.set_ylabel(places.y_label)
    return drawn
