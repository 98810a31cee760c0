"""The metrics of mechanics-lbeam."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nonideal import Estimate
from nonideal.experiments._lbeam_curves import slope_of
from nonideal.experiments._lbeam_problem import (
    METRICS,
    Problem,
    Runs,
    build_beam,
    estimate_of,
    measures,
    n_outside,
    on_boundary,
)
from nonideal.physics import mechanics

if TYPE_CHECKING:
    from nonideal.experiments.mechanics_lbeam import Config

_CONVERGENCE = {"quick": (5, 7, 9, 13, 17, 21, 25, 33), "full": (5, 7, 9, 13, 17, 21, 25, 33, 41)}


def noisy_metrics(config: Config, problem: Problem, runs: Runs) -> dict[str, Estimate]:
    """Return wrong neighbours and deviations at the lead error rate; tables and curves have all rates."""
    found: dict[str, Estimate] = {}
    for variant, parts in runs.items():
        if variant.p2 != config.lead_error:
            continue
        measured = [measures(problem, part) for part in parts]
        for what, name in METRICS.items():
            estimate = estimate_of([entry[what] for entry in measured], exact=not variant.shots)
            if estimate is not None:
                found[f"{name}_{variant.key}"] = estimate
    return found


def noiseless_metrics(
    problem: Problem, convergence: Sequence[tuple[int, float, float, int]]
) -> dict[str, Estimate]:
    """Return tips, stiffnesses and errors of the solutions without circuits."""
    reference, classical = problem.reference, problem.classical
    tips = {"linear": problem.linear, "reference": reference, "classical": classical}
    found = {
        f"tip_{name}": Estimate.exact(float(solution.displacement[problem.tip]), "mm")
        for name, solution in tips.items()
    }
    for field in ("strain", "stress"):
        found[f"{field}_error_classical"] = Estimate.exact(problem.error(classical, field))
    for column, field in ((1, "strain"), (2, "stress")):
        found[f"{field}_error_slope"] = Estimate.exact(slope_of(convergence, column))
    found["iterations_classical"] = Estimate.exact(classical.n_iterations)
    found["boundary_points_classical"] = Estimate.exact(on_boundary(problem, classical.assignment))
    found["points_outside_reference"] = Estimate.exact(n_outside(problem))
    for name, (i, j) in {"c11": (0, 0), "c12": (0, 1), "c33": (2, 2)}.items():
        found[f"stiffness_{name}"] = Estimate.exact(float(problem.stiffness[i, j]), "MPa")
    return found


def measure_convergence(problem: Problem, config: Config) -> list[tuple[int, float, float, int]]:
    """Return points, errors of strain and stress and iterations for data bases of growing size.

    All sample the same law, the reference's own: the error is that of the data-driven method alone.
    """
    ends = np.array([axis[-1] for axis in problem.law.axes])
    _, load = build_beam(int(problem.shard["cells_per_width"]), config.total_force)
    found = []
    for n in _CONVERGENCE[config.scale]:
        t = np.linspace(-1.0, 1.0, n)
        ticks = np.sign(t) * np.abs(t) ** config.grading
        strain = np.stack(np.meshgrid(*(ticks * end for end in ends), indexing="ij"), axis=-1).reshape(-1, 3)
        database = mechanics.MaterialDatabase(strain, problem.law(strain)[0], problem.database.metric)
        solution = mechanics.DataDrivenSolver(problem.beam, database).solve(**load)
        errors = [problem.error(solution, field) for field in ("strain", "stress")]
        found.append((n**3, errors[0], errors[1], solution.n_iterations))
    return found
