"""A bar whose material is a table of measurements, looked up by a simulated noisy quantum computer.

The data-driven solver of Kirchdoerfer and Ortiz chooses in every iteration the nearest data point of every
integration point. Here that search is exact, or done by circuits that estimate distances: without gate
errors, with them, and with their zero-noise extrapolation; with exact probabilities or a number of shots;
with and without moving the origin to the cell that a state lies in (adaptive translation).

Sources: T. Kirchdoerfer and M. Ortiz, Computer Methods in Applied Mechanics and Engineering 304, 81 (2016);
arXiv 2306.08305 (a stretched bar, quantum search, adaptive translation); arXiv 2312.14460 (error mitigation).
The reference problem and its numbers are ours: the papers' own were not established.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nonideal import Estimate
from nonideal.errors import InvalidArgument
from nonideal.experiments import Curve, Result, Runner, make_result, option
from nonideal.experiments._bar_curves import (
    add_convergence,
    classical_metrics,
    estimate_of,
    field_curves,
    history,
)
from nonideal.experiments._bar_problem import (
    LAW,
    MAX_STRESS,
    MITIGATIONS,
    SCORES,
    Floats,
    Scores,
    Variant,
    errors,
    fields,
    reference_of,
    solve,
)
from nonideal.experiments._bar_tables import answer, comparison, convergence_table, variant_table
from nonideal.experiments._noisy_search import Counted, SearchConfig, noisy_search

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUESTION = "Can a solver that looks its material up with a noisy quantum computer still be right?"
QUICK_TIME = "20 s"
EXTRAS: tuple[str, ...] = ()

_N_POINTS = {"quick": 1000, "full": 10_000}
_REPEATS = {"quick": 5, "full": 10}
_CONVERGENCE = {
    "quick": (100, 215, 464, 1000, 2154, 4642, 10_000),
    "full": (100, 215, 464, 1000, 2154, 4642, 10_000, 21_544, 46_416, 100_000),
}


@dataclass(frozen=True, kw_only=True)
class Config(SearchConfig):
    """Options of the experiment."""

    control: str = option(
        "displacement",
        help="the far end is moved by 2.5 mm, or pulled with 20 kN: then statics alone gives the stress",
        choices=("displacement", "force"),
    )
    n_elements: int = option(20, help="elements of the bar", minimum=2, maximum=1000)
    n_points: int | None = option(
        None, help="data points; 1000 at quick scale, 10000 at full scale", minimum=2, maximum=10**6
    )
    metric_factor: float = option(
        0.25, help="metric over Young's modulus", unit="1", minimum=1e-3, maximum=10
    )
    two_qubit_error: float = option(
        1e-2, help="depolarising error of a two-qubit gate", unit="1", minimum=0, maximum=0.2
    )
    n_cells: int = option(32, help="cells of the translation", minimum=1, maximum=10**6)
    max_iterations: int = option(40, help="iterations with a quantum search", minimum=1, maximum=10_000)
    convergence_points: tuple[int, ...] | None = option(
        None,
        help="sizes of the data set for the convergence of the exact search; up to 10000 at quick scale, "
        "100000 at full scale",
        minimum=2,
        maximum=10**6,
    )
    repeats: int | None = option(
        None, help="repeats of runs with shots; 5 at quick scale, 10 at full scale", minimum=2, maximum=1000
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if "cells" in self.translation and self.n_cells > self.points:
            raise InvalidArgument(f"n_cells = {self.n_cells} is more than n_points = {self.points}")

    @property
    def points(self) -> int:
        """Number of data points."""
        return self.n_points or _N_POINTS[self.scale]


def run(config: Config, runner: Runner | None = None) -> Result:
    """Solve the bar with every kind of search, and with the exact one for growing data.

    Parameters
    ----------
    config : Config
        What to vary.
    runner : Runner or None
        Where shards run; None: here, quietly.

    Returns
    -------
    Result
        Fields, errors with their error bars, wrong neighbours, and how fast the exact search converges.
    """
    config = config.with_seed()
    seed = config.seed or 0
    runner = runner or Runner()
    problem = {"control": config.control, "n_elements": config.n_elements}
    repeats = config.repeats or _REPEATS[config.scale]
    variants = _variants(config)
    jobs = [(variant, repeat) for variant in variants for repeat in range(repeats if variant.shots else 1)]
    shards = [
        {
            **problem,
            "n_points": config.points,
            "metric_factor": config.metric_factor,
            "max_iterations": config.max_iterations,
            "method": variant.method,
            "mitigation": variant.mitigation,
            "shots": variant.shots,
            "translation": variant.translation,
            "n_cells": config.n_cells,
            "cells_seed": seed,
            "two_qubit_error": config.two_qubit_error,
            "one_qubit_ratio": config.one_qubit_ratio,
            "scales": list(config.scales),
            "extrapolator": config.extrapolator,
            "seed": variant.seed(seed, repeat),
        }
        for variant, repeat in jobs
    ]
    factors = sorted({1.0, 0.5, config.metric_factor}, reverse=True)
    counts = sorted(set(config.convergence_points or _CONVERGENCE[config.scale]))
    growing = runner.map(
        converge,
        [
            {**problem, "metric_factor": factor, "linear": linear, "counts": counts}
            for factor, linear in (*((factor, False) for factor in factors), (1.0, True))
        ],
        label="exact search",
    )
    found: dict[Variant, list[dict[str, Any]]] = {variant: [] for variant in variants}
    for (variant, _), entry in zip(jobs, runner.map(search, shards, label="quantum search"), strict=True):
        found[variant].append(entry)

    bar, reference = reference_of(problem)
    classical = solve(problem, config.points, config.metric_factor)
    metrics = classical_metrics(bar, reference, classical)
    curves = field_curves(bar, {"exact": [fields(reference)], "classical": [fields(classical)]})
    curves["penalty_classical"] = history(classical.history.penalty, "penalty (J)")
    scores: Scores = {}
    for variant, entries in found.items():
        measured = np.array([errors(bar, reference, entry) for entry in entries])
        scores[variant] = {
            **{name: estimate_of(column) for name, column in zip(SCORES, measured.T, strict=True)},
            "iterations": estimate_of([len(entry["penalty"]) for entry in entries]),
        }
        metrics[f"strain_error_{variant.key}"] = scores[variant]["strain"]
        metrics[f"wrong_{variant.key}"] = scores[variant]["wrong"]
        curves[f"penalty_{variant.key}"] = history(entries[0]["penalty"], "penalty (J)")
        curves[f"wrong_{variant.key}"] = history(entries[0]["wrong"], "fraction of wrong neighbours")
        curves[f"path_{variant.key}"] = Curve(
            tuple(entries[0]["path"][:, 0]), "strain", tuple(entries[0]["path"][:, 1] / 1e6), "stress (MPa)"
        )
        curves |= field_curves(bar, {variant.key: entries})
    stresses = np.linspace(0, MAX_STRESS, 101)
    curves["law"] = Curve(tuple(LAW.strain(stresses)), "strain", tuple(stresses / 1e6), "stress (MPa)")
    slopes = add_convergence(metrics, curves, growing, factors, counts)
    circuits = sum(int(entry["n_circuits"]) for entries in found.values() for entry in entries)
    metrics["circuits"] = Estimate.exact(circuits)
    return make_result(
        __name__,
        config,
        answer=answer(config, metrics, scores),
        metrics=metrics,
        curves=curves,
        comparison=comparison(config, metrics, scores),
        tables={
            "variants": variant_table(config, metrics, scores),
            "convergence": convergence_table(slopes),
        },
        limits=_limits(config),
    )


def _variants(config: Config) -> list[Variant]:
    return [
        Variant(method, mitigation, shots, translation)
        for shots, translation, method, mitigation in itertools.product(
            config.shots, config.translation, config.methods, MITIGATIONS
        )
    ]


def search(shard: Mapping[str, Any]) -> dict[str, Any]:
    """Solve the bar once with a quantum search.

    Returns strain and stress of the best iterate, penalty and fraction of wrong neighbours by iteration, the
    states (strain, stress) of the middle element by iteration, and the number of circuits.
    """
    mitigation, p2 = shard["mitigation"], shard["two_qubit_error"]
    if mitigation == "noiseless":
        p2 = 0.0
    counted = noisy_search(
        shard["method"],
        p1=shard["one_qubit_ratio"] * p2,
        p2=p2,
        shots=shard["shots"],
        scales=shard["scales"] if mitigation == "zne" else (),
        extrapolator=shard["extrapolator"],
        translation=shard["translation"],
        n_cells=shard["n_cells"],
        seed=shard["seed"],
        cells_seed=shard["cells_seed"],
    )
    witness = _Witness(counted, shard["n_elements"] // 2)
    solution = solve(shard, shard["n_points"], shard["metric_factor"], witness, shard["max_iterations"])
    root = np.sqrt(shard["metric_factor"] * LAW.young)  # of the metric: scaled coordinates back to states
    return {
        **fields(solution),
        "penalty": solution.history.penalty,
        "wrong": np.asarray(solution.history.wrong_fraction),
        "path": np.sqrt(2) * np.array(witness.states) * [1 / root, root],
        "n_circuits": np.int64(counted.n_circuits),
    }


class _Witness:
    """Passes queries on, and remembers one state of each iteration."""

    def __init__(self, search: Counted, element: int) -> None:
        self._search = search
        self._element = element
        self.states: list[Floats] = []

    def nearest(self, queries: Floats, database: Floats, *, stream: int = 0) -> Any:
        self.states.append(queries[self._element])
        return self._search.nearest(queries, database, stream=stream)


def converge(shard: Mapping[str, Any]) -> dict[str, Any]:
    """Return errors of strain and stress, and iterations, of the exact search for growing data."""
    bar, reference = reference_of(shard)
    rows = []
    for count in shard["counts"]:
        solution = solve(shard, count, shard["metric_factor"])
        rows.append((*errors(bar, reference, fields(solution))[:2], solution.n_iterations))
    strain, stress, iterations = np.array(rows).T
    return {"strain": strain, "stress": stress, "iterations": iterations}


def _limits(config: Config) -> list[str]:
    simulated = (
        "The quantum computer is simulated. The exact search finds the same neighbours four to six orders of "
        "magnitude faster: nothing here says that a quantum search pays."
    )
    limits = [
        simulated,
        "Gates err by depolarising noise alone; readout, coherent errors, idling and wiring are left out.",
        "Data are noiseless points of a known law, equally spaced in strain; those of a real test scatter.",
        "The bar, its load, its law and all options are our choice: the papers' own were not established.",
        "The iteration finds local minima; start and metric are part of the answer.",
    ]
    if "cells" in config.translation:
        limits.append(
            "All runs with translation share one set of cells, by k-means from the run's seed: their error "
            "bars are those of shots, and other cells would give somewhat other numbers."
        )
    if config.extrapolator == "exponential":
        limits.append(
            "The exponential goes to 1/2; a probability whose values no such curve meets stays unmitigated."
        )
    return limits


def figures(result: Result) -> dict[str, Figure]:
    """Draw fields, penalties, one element's path, convergence and wrong neighbours."""
    from nonideal.experiments._bar_figures import draw

    return draw(result)
