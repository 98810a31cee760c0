"""A composite beam whose material is looked up by noisy quantum circuits, with and without error mitigation.

Offline, a fibre composite's representative cell is homogenised on a grid of macro strains. Online, an
L-shaped beam is solved by distance-minimising data-driven mechanics: each integration point looks for its
nearest state in the data base. That search is done exactly, and by simulated swap and Hadamard circuits whose
gates err, for several error rates and numbers of shots, raw and after zero-noise extrapolation (ZNE), with
and without adaptive translation of the data.

Source of the idea: arXiv 2312.14460; its phases, loads and meshes are not established, the problem is ours.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nonideal.errors import InvalidArgument
from nonideal.experiments import Result, Runner, make_result, option
from nonideal.experiments._lbeam_answer import answer, comparison, limits
from nonideal.experiments._lbeam_curves import beam_curves, cell_curves, convergence_curves, scan_curves
from nonideal.experiments._lbeam_metrics import measure_convergence, noiseless_metrics, noisy_metrics
from nonideal.experiments._lbeam_problem import (
    MITIGATIONS,
    PROBLEM,
    Problem,
    Runs,
    Variant,
    build_problem,
    unit_cell,
)
from nonideal.experiments._lbeam_search import solution_of, solve_all
from nonideal.experiments._lbeam_tables import (
    convergence_table,
    cost_table,
    mitigation_table,
    noise_table,
    run_table,
)
from nonideal.experiments._noisy_search import SearchConfig, lead_error
from nonideal.hardware.quantum.distance import METHODS
from nonideal.physics import mechanics

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUESTION = "Does error mitigation rescue a multiscale simulation?"
QUICK_TIME = "60 s"
EXTRAS: tuple[str, ...] = ("mechanics",)

#: What a scale means for options that are not given.
_SCALES: Mapping[str, Mapping[str, Any]] = {
    "quick": {
        "cells_per_width": 4,
        "n_axis": 9,
        "n_arc": 4,
        "n_radial": 2,
        "n_cells": 182,
        "repeats": 5,
        "two_qubit_error": (1e-2, 3e-2),
    },
    "full": {
        "cells_per_width": 10,
        "n_axis": 17,
        "n_arc": 6,
        "n_radial": 3,
        "n_cells": 1024,
        "repeats": 5,
        "two_qubit_error": (1e-3, 1e-2, 3e-2),
    },
}


@dataclass(frozen=True, kw_only=True)
class Config(SearchConfig):
    """Options of the experiment."""

    cells_per_width: int | None = option(
        None,
        help="elements across a leg of the beam; 4 at quick scale, 10 at full scale",
        minimum=1,
        maximum=40,
    )
    n_axis: int | None = option(
        None,
        help="points of the data base per strain component, odd; 9 at quick scale, 17 at full scale",
        minimum=3,
        maximum=65,
    )
    n_arc: int | None = option(
        None,
        help="elements along a quarter of the fibre; 4 at quick scale, 6 at full scale",
        minimum=1,
        maximum=64,
    )
    n_radial: int | None = option(
        None,
        help="elements across fibre and matrix; 2 at quick scale, 3 at full scale",
        minimum=1,
        maximum=64,
    )
    grading: float = option(1.5, help="grading of the strain grid towards zero", above=0, maximum=5)
    volume_fraction: float = option(0.4, help="volume fraction of the fibre", unit="1", above=0, maximum=0.75)
    fibre_ratio: float = option(
        20.0, help="Young's modulus of the fibre over the matrix's", above=0, maximum=1e4
    )
    nonlinear: bool = option(True, help="whether the matrix hardens; if not it is linear elastic")
    total_force: float = option(200.0, help="downward force on the free end", unit="N", above=0, maximum=1e4)
    metric_factor: float = option(
        0.5, help="metric of the solver over the homogenised elastic stiffness", above=0, maximum=10
    )
    two_qubit_error: tuple[float, ...] | None = option(
        None,
        help="depolarising errors of two-qubit gates; 0.01,0.03 at quick scale, 0.001 as well at full scale",
        unit="1",
        minimum=0,
        maximum=0.2,
    )
    n_cells: int | None = option(
        None,
        help="cells of the translation; 182 at quick scale, 1024 at full scale",
        minimum=1,
        maximum=4096,
    )
    max_iterations: int = option(12, help="most iterations of a noisy solve", minimum=1, maximum=1000)
    repeats: int | None = option(
        None, help="independent runs with shots; 5 unless given", minimum=1, maximum=100
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.two_qubit_error is not None:
            object.__setattr__(self, "two_qubit_error", tuple(dict.fromkeys(self.two_qubit_error)))
        if self.n_axis is not None and self.n_axis % 2 == 0:
            raise InvalidArgument(f"n_axis = {self.n_axis} is even; the grid must contain zero")

    def chosen(self, name: str) -> Any:
        """Return an option, or what the scale makes of it where it is not given."""
        value = getattr(self, name)
        return _SCALES[self.scale][name] if value is None else value

    @property
    def lead_error(self) -> float:
        """The error rate that figures and the answer are about."""
        return lead_error(self.chosen("two_qubit_error"))


def run(config: Config, runner: Runner | None = None) -> Result:
    """Homogenise the cell, then solve the beam exactly and with every noisy search.

    Parameters
    ----------
    config : Config
        What to vary.
    runner : Runner or None
        Where shards run; None: here, quietly. With a folder, the fields go there as VTU files.

    Returns
    -------
    Result
        Wrong neighbours and deviations of the fields for each variant, the solutions without noise, the data
        base's own error, and when mitigation helps.
    """
    config = config.with_seed()
    runner = runner or Runner()
    problem = build_problem(config, runner, {name: config.chosen(name) for name in PROBLEM})
    runs = solve_all(config, runner, problem, _variants(config))
    convergence = measure_convergence(problem, config)
    if runner.out is not None:
        _write_fields(runner.out / "fields", problem, runs)
    return make_result(
        __name__,
        config,
        answer=answer(config, problem, runs),
        metrics=noiseless_metrics(problem, convergence) | noisy_metrics(config, problem, runs),
        curves=cell_curves(problem)
        | beam_curves(config, problem, runs)
        | scan_curves(config, problem, runs)
        | convergence_curves(convergence),
        comparison=comparison(config, problem, runs),
        tables={
            "mitigation": mitigation_table(problem, runs),
            "noise": noise_table(config, problem, runs),
            "runs": run_table(problem, runs),
            "convergence": convergence_table(convergence, len(problem.database)),
            "cost": cost_table(config, runs),
        },
        limits=limits(config, problem),
    )


def _variants(config: Config) -> Iterator[Variant]:
    for p2, shots, translation, method, mitigation in itertools.product(
        config.chosen("two_qubit_error"), config.shots, config.translation, config.methods, MITIGATIONS
    ):
        yield Variant(method, mitigation, p2, shots, translation)


def _write_fields(folder: Path, problem: Problem, runs: Runs) -> None:
    """Write all fields as VTU files."""
    folder.mkdir(parents=True, exist_ok=True)
    for method, mitigated in itertools.product(METHODS, MITIGATIONS):
        for old in folder.glob(f"{method}_{mitigated}_*_p*.vtu"):  # of earlier options
            old.unlink()
    solutions = {
        "linear": problem.linear,
        "reference": problem.reference,
        "classical": problem.classical,
    }
    solutions |= {variant.key: solution_of(parts[0]) for variant, parts in runs.items()}
    for name, solution in solutions.items():
        mechanics.write_vtu(folder / f"{name}.vtu", problem.beam, solution)


def figures(result: Result) -> dict[str, Figure]:
    """Draw cell, beam, histories, wrong neighbours and convergence."""
    from nonideal.experiments._lbeam_figures import draw

    config = Config.from_dict(result.config)
    return draw(result, unit_cell(config, {name: config.chosen(name) for name in PROBLEM}))
