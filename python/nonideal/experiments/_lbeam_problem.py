"""The beam of mechanics-lbeam, its material, and its solutions without noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nonideal import Estimate
from nonideal.experiments import Runner
from nonideal.experiments._noisy_search import clear_change
from nonideal.physics import mechanics

if TYPE_CHECKING:
    from nonideal.experiments.mechanics_lbeam import Config

Floats: TypeAlias = NDArray[np.float64]

LEG, WIDTH = 100.0, 40.0  # mm
MITIGATIONS = ("raw", "zne")
#: Options that say how large the problem is.
PROBLEM = ("cells_per_width", "n_axis", "n_arc", "n_radial", "n_cells")

#: Measure of a noisy run -> name among the metrics.
METRICS = {"wrong": "wrong", "strain": "strain_deviation", "strain_error": "strain_error"}

_MATRIX = {"young": 4000.0, "poisson": 0.35}  # MPa
_HARDENING = {"reference_stress": 40.0, "alpha": 0.5, "exponent": 4.0}
_FIBRE_POISSON = 0.2
_MARGIN = 1.3  # of the half widths over the largest strains of the linear solution


@dataclass(frozen=True)
class Problem:
    """The beam with its material, and its solutions without noise."""

    shard: Mapping[str, Any]
    cell: mechanics.UnitCell
    stiffness: Floats
    beam: mechanics.Structure
    database: mechanics.MaterialDatabase
    law: mechanics.InterpolatedLaw
    linear: mechanics.Solution
    reference: mechanics.Solution
    classical: mechanics.Solution
    n_cells: int

    @property
    def tip(self) -> int:
        """The vertical displacement that is reported."""
        return int(self.beam.dofs(1, x=LEG, y=0.0)[0])

    def error(self, solution: mechanics.Solution, field: str) -> float:
        """Return the relative error of a solution's strain or stress against Newton's with the law."""
        ours, wanted = getattr(solution, field), getattr(self.reference, field)
        return mechanics.relative_rms(ours, wanted, self.beam.weights)


@dataclass(frozen=True)
class Variant:
    """One way to search."""

    method: str
    mitigation: str
    p2: float
    shots: int
    translation: str

    @property
    def key(self) -> str:
        """Its name among metrics, curves and files."""
        shots = f"{self.shots}_shots" if self.shots else "exact"
        return f"{self.method}_{self.mitigation}_{self.translation}_p{self.p2:g}_{shots}"


#: Results of `mechanics_lbeam.solve_noisy` by variant, one for each repeat.
Runs: TypeAlias = Mapping[Variant, Sequence[Mapping[str, Any]]]


def build_problem(config: Config, runner: Runner, sizes: Mapping[str, int]) -> Problem:
    """Return the beam with its data base, whose box is cut to the linear solution."""
    cell = unit_cell(config, sizes)
    stiffness = cell.stiffness()
    beam, load = build_beam(sizes["cells_per_width"], config.total_force)
    linear = mechanics.solve_law(beam, _hooke(stiffness), **load)
    half_widths = _MARGIN * np.abs(linear.strain).max(axis=0)
    database = cell.database(
        half_widths.tolist(),
        sizes["n_axis"],
        grading=config.grading,
        metric=config.metric_factor * stiffness,
        runner=runner,
    )
    law = mechanics.InterpolatedLaw(database)
    shard = {
        "cells_per_width": sizes["cells_per_width"],
        "total_force": config.total_force,
        "strain": database.strain.tolist(),
        "stress": database.stress.tolist(),
        "metric": database.metric.tolist(),
    }
    return Problem(
        shard=shard,
        cell=cell,
        stiffness=stiffness,
        beam=beam,
        database=database,
        law=law,
        linear=linear,
        reference=mechanics.solve_law(beam, law, **load),
        classical=mechanics.DataDrivenSolver(beam, database).solve(**load),
        n_cells=min(sizes["n_cells"], len(database)),
    )


def unit_cell(config: Config, sizes: Mapping[str, int]) -> mechanics.UnitCell:
    """Return the composite's cell."""
    matrix: mechanics.Law = mechanics.LinearElastic(**_MATRIX)
    if config.nonlinear:
        matrix = mechanics.DeformationPlasticity(**_MATRIX, **_HARDENING)
    return mechanics.UnitCell(
        config.volume_fraction,
        matrix=matrix,
        fibre=mechanics.LinearElastic(config.fibre_ratio * _MATRIX["young"], _FIBRE_POISSON),
        n_arc=sizes["n_arc"],
        n_radial=sizes["n_radial"],
    )


def build_beam(cells_per_width: int, total_force: float) -> tuple[mechanics.Structure, dict[str, Any]]:
    """Return the beam (thickness 1 mm), and its load and supports."""
    beam = mechanics.l_beam(cells_per_width, LEG, WIDTH)
    force = beam.traction((0.0, -total_force / WIDTH), x=LEG)
    return beam, {"force": force, "fixed_dofs": beam.dofs(y=LEG)}


def is_reference(config: Config) -> bool:
    """Return whether the problem is the one whose numbers are known."""
    usual = type(config)(scale=config.scale)
    names = ["grading", "volume_fraction", "fibre_ratio", "nonlinear", "total_force", "metric_factor"]
    names += ["one_qubit_ratio", "scales", "extrapolator", "max_iterations"]
    return all(getattr(config, name) == getattr(usual, name) for name in names) and all(
        config.chosen(name) == usual.chosen(name) for name in PROBLEM
    )


def _hooke(stiffness: Floats) -> mechanics.Law:
    def law(strain: Floats, /) -> tuple[Floats, Floats]:
        return strain @ stiffness, np.broadcast_to(stiffness, (len(strain), *stiffness.shape))

    return law


def measures(problem: Problem, part: Mapping[str, Any]) -> dict[str, float]:
    """Return the wrong neighbours of a run, and how far its fields are from other solutions' fields.

    Deviations (``strain``, ``stress``) are from the classical data-driven solution, ``strain_error`` is from
    Newton's with the smooth law.
    """
    weights, classical = problem.beam.weights, problem.classical
    return {
        "wrong": float(part["wrong"].mean()),
        "strain": mechanics.relative_rms(part["strain"], classical.strain, weights),
        "stress": mechanics.relative_rms(part["stress"], classical.stress, weights),
        "strain_error": mechanics.relative_rms(part["strain"], problem.reference.strain, weights),
    }


def all_of(problem: Problem, parts: Sequence[Mapping[str, Any]], what: str) -> list[float]:
    """Return one of the `measures` of each repeat."""
    return [measures(problem, part)[what] for part in parts]


def mean_of(problem: Problem, parts: Sequence[Mapping[str, Any]], what: str) -> float:
    """Return one of the `measures`, averaged over repeats."""
    return float(np.mean(all_of(problem, parts, what)))


def change_of(problem: Problem, before: Sequence[Any], after: Sequence[Any], what: str) -> int:
    """Return whether one of the `measures` falls (-1) or rises (1) by more than repeats scatter; 0: neither.

    At least two repeats each; see `clear_change`.
    """
    first, second = (Estimate.from_samples(all_of(problem, parts, what)) for parts in (before, after))
    return clear_change(first, second)


def mitigated(raw: Variant) -> Variant:
    """Return the mitigated search beside a raw one."""
    return replace(raw, mitigation="zne")


def verdict_of(problem: Problem, runs: Runs, raw: Variant) -> int | None:
    """Return whether mitigation helps (-1), harms (1) or neither (0); None for single runs with shots.

    It helps where it clearly lowers both wrong neighbours and the strains' deviation from the classical
    solution, and harms where it clearly raises both.
    """
    changes = []
    for what in ("wrong", "strain"):
        pair = [
            estimate_of(all_of(problem, runs[variant], what), exact=not raw.shots)
            for variant in (raw, mitigated(raw))
        ]
        if pair[0] is None or pair[1] is None:
            return None
        changes.append(clear_change(pair[0], pair[1]))
    return changes[0] if changes[0] == changes[1] else 0


def on_boundary(problem: Problem, assignment: Any) -> int:
    """Return how many integration points lie at a data point on the boundary of the data base's box."""
    strain = problem.database.strain[assignment]
    ends = np.array([axis[-1] for axis in problem.law.axes])
    return int(np.any(np.abs(strain) >= ends * (1 - 1e-12), axis=1).sum())


def estimate_of(values: Sequence[float], *, exact: bool) -> Estimate | None:
    """Return the mean over repeats with its error; None for a single run with shots: its error is unknown."""
    if exact:
        return Estimate.exact(values[0])
    return Estimate.from_samples(values) if len(values) > 1 else None


def n_outside(problem: Problem) -> int:
    """Return how many points of the reference lie outside the data base's box."""
    return int(problem.law.outside(problem.reference.strain).sum())
