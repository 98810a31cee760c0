"""The noisy searches of mechanics-lbeam: one shard for each way to search and repeat, and its solution."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nonideal.experiments import Runner
from nonideal.experiments._lbeam_problem import Problem, Variant, build_beam
from nonideal.experiments._noisy_search import Counted, noisy_search
from nonideal.physics import mechanics
from nonideal.seeds import derive_seed

if TYPE_CHECKING:
    from nonideal.experiments.mechanics_lbeam import Config


def solve_all(
    config: Config, runner: Runner, problem: Problem, variants: Iterable[Variant]
) -> dict[Variant, list[Mapping[str, Any]]]:
    """Return the runs of each variant; those without shots have no random numbers to repeat."""
    repeats = config.chosen("repeats")
    todo = [(variant, repeat) for variant in variants for repeat in range(repeats if variant.shots else 1)]
    shards = [
        {
            **problem.shard,
            "method": variant.method,
            "p1": config.one_qubit_ratio * variant.p2,
            "p2": variant.p2,
            "shots": variant.shots,
            "translation": variant.translation,
            "n_cells": problem.n_cells,
            "scales": list(config.scales) if variant.mitigation == "zne" else [],
            "extrapolator": config.extrapolator,
            "max_iterations": config.max_iterations,
            "seed": derive_seed(config.seed or 0, repeat),
            "cells_seed": cells_seed(config),
        }
        for variant, repeat in todo
    ]
    found: dict[Variant, list[Mapping[str, Any]]] = {}
    for (variant, _), part in zip(todo, runner.map(solve_noisy, shards, label="searches"), strict=True):
        found.setdefault(variant, []).append(part)
    return found


def cells_seed(config: Config) -> int:
    """Return the seed of the cells: one for all variants and repeats, so that exact rows are exact."""
    return derive_seed(config.seed or 0, 0, 1)


def solve_noisy(shard: Mapping[str, Any]) -> dict[str, Any]:
    """Solve the beam with one noisy search; return its fields, its history and what it cost."""
    database = mechanics.MaterialDatabase(shard["strain"], shard["stress"], shard["metric"])
    beam, load = build_beam(shard["cells_per_width"], shard["total_force"])
    search = search_of(shard)
    solution = mechanics.DataDrivenSolver(beam, database, search=search).solve(
        **load,
        max_iterations=shard["max_iterations"],
        # With shots an assignment that repeats once may be chance.
        patience=2 if shard["shots"] else 1,
        audit=mechanics.ExactSearch(),
        progress=False,
    )
    history = solution.history
    assert history is not None  # a data-driven solution has one
    assert history.wrong is not None  # it was audited
    assert history.distance_ratio is not None
    return {
        "displacement": solution.displacement,
        "strain": solution.strain,
        "stress": solution.stress,
        "local_penalty": solution.local_penalty,
        "reactions": solution.reactions,
        "assignment": solution.assignment,
        "reason": solution.reason,
        "best_iteration": solution.best_iteration,
        "penalty": history.penalty,
        "changed": history.changed,
        "displacement_change": history.displacement_change,
        "distance_ratio": history.distance_ratio,
        "wrong": history.wrong,
        "expected_wrong": np.array(search.expected_wrong),
        "n_circuits": search.n_circuits,
        "seconds": search.seconds,
    }


def search_of(shard: Mapping[str, Any]) -> Counted:
    """Return the search of a shard."""
    names = ("p1", "p2", "shots", "scales", "extrapolator", "translation", "n_cells", "seed", "cells_seed")
    return noisy_search(shard["method"], **{name: shard[name] for name in names})


def solution_of(part: Mapping[str, Any]) -> mechanics.Solution:
    """Return the solution that a result of `solve_noisy`; its history knows the best assignment alone."""
    penalty = part["penalty"]
    best = int(part["best_iteration"])
    return mechanics.Solution(
        displacement=part["displacement"],
        strain=part["strain"],
        stress=part["stress"],
        local_penalty=part["local_penalty"],
        penalty=float(penalty[best]),
        assignment=part["assignment"],
        reactions=part["reactions"],
        reason=str(part["reason"]),  # type: ignore[arg-type]  # it was one of them
        n_iterations=len(penalty),
        best_iteration=best,
        history=mechanics.History(
            penalty,
            part["changed"],
            part["displacement_change"],
            np.tile(part["assignment"], (len(penalty), 1)),
            part["wrong"],
            part["distance_ratio"],
        ),
    )
