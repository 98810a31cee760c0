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
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nonideal import Estimate
from nonideal.errors import InvalidArgument
from nonideal.experiments import (
    BaseConfig,
    Comparison,
    Result,
    Runner,
    make_result,
    option,
    quantum_distance,
)
from nonideal.experiments._lbeam_curves import (
    beam_curves,
    cell_curves,
    convergence_curves,
    scan_curves,
    slope_of,
)
from nonideal.experiments._lbeam_problem import (
    MITIGATIONS,
    PROBLEM,
    Floats,
    Problem,
    Runs,
    Variant,
    build_beam,
    build_problem,
    change_of,
    estimate_of,
    mean_of,
    measures,
    on_boundary,
    unit_cell,
)
from nonideal.experiments._lbeam_tables import convergence_table, cost_table, noise_table, run_table, short
from nonideal.hardware import quantum
from nonideal.hardware.quantum.distance import METHODS
from nonideal.physics import mechanics
from nonideal.seeds import derive_seed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUESTION = "Does error mitigation rescue a multiscale simulation?"
QUICK_TIME = "60 s"
EXTRAS: tuple[str, ...] = ("mechanics",)

_LEAD_ERROR = 1e-2

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

#: Measure of a noisy run -> name among the metrics.
_METRICS = {"wrong": "wrong", "strain": "strain_deviation", "strain_error": "strain_error"}

_CONVERGENCE = {"quick": (5, 7, 9, 13, 17, 21, 25, 33), "full": (5, 7, 9, 13, 17, 21, 25, 33, 41)}


@dataclass(frozen=True, kw_only=True)
class Config(BaseConfig):
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
    methods: tuple[str, ...] = option(
        "swap,hadamard", help="circuits that measure a distance", choices=("swap", "hadamard")
    )
    two_qubit_error: tuple[float, ...] | None = option(
        None,
        help="depolarising errors of two-qubit gates; 0.01,0.03 at quick scale, 0.001 as well at full scale",
        unit="1",
        minimum=0,
        maximum=0.2,
    )
    one_qubit_ratio: float = option(
        0.1, help="errors of one-qubit gates over those of two-qubit gates", minimum=0, maximum=1
    )
    shots: tuple[int, ...] = option(
        "0,1024,65536", help="shots per circuit; 0: exact probabilities", minimum=0, maximum=2**31 - 1
    )
    translation: tuple[str, ...] = option(
        "none,cells", help="adaptive translation of the data", choices=("none", "cells")
    )
    n_cells: int | None = option(
        None,
        help="cells of the translation; 182 at quick scale, 1024 at full scale",
        minimum=1,
        maximum=4096,
    )
    scales: tuple[float, ...] = option(
        "1,3,5", help="noise scales of the extrapolation (gates folded)", unit="1", minimum=1, maximum=99
    )
    extrapolator: str = option(
        "richardson",
        help="how results are extrapolated to zero noise; the exponential decays to 1/2",
        choices=("richardson", "linear", "exponential"),
    )
    max_iterations: int = option(12, help="most iterations of a noisy solve", minimum=1, maximum=1000)
    repeats: int | None = option(
        None, help="independent runs with shots; 5 unless given", minimum=1, maximum=100
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("methods", "shots", "translation", "scales", "two_qubit_error"):
            values = getattr(self, name)
            if values is not None:
                object.__setattr__(self, name, tuple(dict.fromkeys(values)))

        if self.n_axis is not None and self.n_axis % 2 == 0:
            raise InvalidArgument(f"n_axis = {self.n_axis} is even; the grid must contain zero")
        quantum_distance.mitigation(self.extrapolator, self.scales)  # refuses scales that it cannot use

    def chosen(self, name: str) -> Any:
        """Return an option, or what the scale makes of it where it is not given."""
        value = getattr(self, name)
        return _SCALES[self.scale][name] if value is None else value

    @property
    def lead_error(self) -> float:
        """The error rate that figures and the answer are about."""
        errors = self.chosen("two_qubit_error")
        return float(_LEAD_ERROR if _LEAD_ERROR in errors else errors[0])


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
    lead = build_problem(config, runner, {name: config.chosen(name) for name in PROBLEM})
    scan = lead
    fine: dict[Variant, list[Mapping[str, Any]]] = {}
    if config.scale == "full":
        # The scan of error rates, shots and repeats stays on the coarse problem: a search of the fine one is
        # 7.9 million circuits. That one is run at the error rate of the figures, without shots and with few.
        scan = build_problem(config, runner, {name: _SCALES["quick"][name] for name in PROBLEM})
        fewest = min((number for number in config.shots if number), default=0)
        chosen = [number for number in config.shots if number in (0, fewest)]
        variants = _variants(config, [config.lead_error], chosen)
        fine = _solve_all(config, runner, lead, variants, 1, "searches, fine mesh")
    variants = _variants(config, config.chosen("two_qubit_error"), config.shots)
    runs = _solve_all(config, runner, scan, variants, config.chosen("repeats"), "searches")
    shown = fine or runs
    convergence = _convergence(lead, config)
    metrics = _noiseless_metrics(lead, convergence)
    metrics |= _noisy_metrics(config, scan, runs)
    metrics |= {f"fine_{name}": value for name, value in _noisy_metrics(config, lead, fine).items()}
    curves = cell_curves(lead) | beam_curves(config, lead, shown) | scan_curves(config, scan, runs)
    curves |= convergence_curves(convergence)
    if runner.out is not None:
        _write_fields(runner.out / "fields", lead, shown)
    everything = [*((lead, variant, fine[variant]) for variant in fine), *((scan, v, runs[v]) for v in runs)]
    tables = {"noise": noise_table(config, scan, runs, comparable=_is_reference(config))}
    if fine:
        tables["noise_fine"] = noise_table(config, lead, fine, comparable=False)
    tables |= {
        "runs": run_table(everything),
        "convergence": convergence_table(convergence, len(lead.database)),
        "cost": cost_table(config, everything),
    }
    return make_result(
        __name__,
        config,
        answer=_answer(config, lead, scan, runs),
        metrics=metrics,
        curves=curves,
        comparison=_comparison(config, lead, scan, runs),
        tables=tables,
        limits=_limits(config, [lead] if scan is lead else [lead, scan]),
    )


def _variants(config: Config, errors: Iterable[float], shots: Iterable[int]) -> Iterator[Variant]:
    for p2, number, translation, method, mitigation in itertools.product(
        errors, shots, config.translation, config.methods, MITIGATIONS
    ):
        yield Variant(method, mitigation, p2, number, translation)


def _solve_all(
    config: Config,
    runner: Runner,
    problem: Problem,
    variants: Iterable[Variant],
    repeats: int,
    label: str,
) -> dict[Variant, list[Mapping[str, Any]]]:
    """Return the runs of each variant; those without shots have no random numbers to repeat."""
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
            "cells_seed": _cells_seed(config),
        }
        for variant, repeat in todo
    ]
    found: dict[Variant, list[Mapping[str, Any]]] = {}
    for (variant, _), part in zip(todo, runner.map(solve_noisy, shards, label=label), strict=True):
        found.setdefault(variant, []).append(part)
    return found


def _cells_seed(config: Config) -> int:
    """Return the seed of the cells: one for all variants and repeats, so that exact rows are exact."""
    return derive_seed(config.seed or 0, 0, 1)


def solve_noisy(shard: Mapping[str, Any]) -> dict[str, Any]:
    """Solve the beam with one noisy search; return its fields, its history and what it cost."""
    database = mechanics.MaterialDatabase(shard["strain"], shard["stress"], shard["metric"])
    beam, load = build_beam(shard["cells_per_width"], shard["total_force"])
    search = _Counted(estimator(shard))
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
        "expected_wrong": np.array(search.expected),
        "n_circuits": search.n_circuits,
        "seconds": search.seconds,
    }


def estimator(shard: Mapping[str, Any]) -> quantum.DistanceEstimator:
    """Return the search of a shard."""
    noise, zne = None, None
    if shard["p2"] > 0:
        noise = quantum.NoiseModel.depolarizing(p1=shard["p1"], p2=shard["p2"])
    if noise is not None and shard["scales"]:
        zne = quantum_distance.mitigation(shard["extrapolator"], tuple(shard["scales"]))
    return quantum.DistanceEstimator(
        method=shard["method"],
        shots=shard["shots"] or None,
        noise=noise,
        zne=zne,
        translation=shard["translation"],
        n_cells=shard["n_cells"] if shard["translation"] == "cells" else None,
        seed=shard["seed"],
        cells_seed=shard["cells_seed"],
    )


class _Counted:
    """A search that also counts circuits and seconds, and what the estimator itself thinks is wrong."""

    def __init__(self, search: quantum.DistanceEstimator) -> None:
        self._search = search
        self.n_circuits = 0
        self.seconds = 0.0
        self.expected: list[float] = []

    def nearest(self, queries: Floats, database: Floats, *, stream: int = 0) -> Any:
        """Return what the search finds."""
        start = time.perf_counter()
        found = self._search.nearest(queries, database, stream=stream)
        self.seconds += time.perf_counter() - start
        self.n_circuits += int(found.n_circuits)
        self.expected.append(float(np.mean(found.wrong_probability)))
        return found


def _noisy_metrics(config: Config, problem: Problem, runs: Runs) -> dict[str, Estimate]:
    """Return wrong neighbours and deviations at the lead error rate; tables and curves have all rates."""
    found: dict[str, Estimate] = {}
    for variant, parts in runs.items():
        if variant.p2 != config.lead_error:
            continue
        measured = [measures(problem, part) for part in parts]
        for what, name in _METRICS.items():
            estimate = estimate_of([entry[what] for entry in measured], exact=not variant.shots)
            if estimate is not None:
                found[f"{name}_{variant.key}"] = estimate
    return found


def _noiseless_metrics(
    problem: Problem, convergence: Sequence[tuple[int, float, float, int]]
) -> dict[str, Estimate]:
    weights, reference, classical = problem.beam.weights, problem.reference, problem.classical
    tips = {"linear": problem.linear, "reference": reference, "classical": classical}
    found = {
        f"tip_{name}": Estimate.exact(float(solution.displacement[problem.tip]), "mm")
        for name, solution in tips.items()
    }
    for field in ("strain", "stress"):
        error = mechanics.relative_rms(getattr(classical, field), getattr(reference, field), weights)
        found[f"{field}_error_classical"] = Estimate.exact(error)
    for column, field in ((1, "strain"), (2, "stress")):
        found[f"{field}_error_slope"] = Estimate.exact(slope_of(convergence, column))
    found["iterations_classical"] = Estimate.exact(classical.n_iterations)
    found["boundary_points_classical"] = Estimate.exact(on_boundary(problem, classical.assignment))
    found["points_outside_reference"] = Estimate.exact(_n_outside(problem))
    for name, (i, j) in {"c11": (0, 0), "c12": (0, 1), "c33": (2, 2)}.items():
        found[f"stiffness_{name}"] = Estimate.exact(float(problem.stiffness[i, j]), "MPa")
    return found


def _convergence(problem: Problem, config: Config) -> list[tuple[int, float, float, int]]:
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
        errors = [
            mechanics.relative_rms(
                getattr(solution, field), getattr(problem.reference, field), problem.beam.weights
            )
            for field in ("strain", "stress")
        ]
        found.append((n**3, errors[0], errors[1], solution.n_iterations))
    return found


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
    solutions |= {variant.key: _solution(parts[0]) for variant, parts in runs.items()}
    for name, solution in solutions.items():
        mechanics.write_vtu(folder / f"{name}.vtu", problem.beam, solution)


def _solution(part: Mapping[str, Any]) -> mechanics.Solution:
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


def _is_reference(config: Config) -> bool:
    """Return whether the problem is the one whose numbers are known."""
    usual = Config(scale=config.scale)
    names = ["grading", "volume_fraction", "fibre_ratio", "nonlinear", "total_force", "metric_factor"]
    names += ["one_qubit_ratio", "scales", "extrapolator", "max_iterations"]
    return all(getattr(config, name) == getattr(usual, name) for name in names) and all(
        config.chosen(name) == usual.chosen(name) for name in PROBLEM
    )


def _comparison(config: Config, lead: Problem, scan: Problem, runs: Runs) -> list[Comparison]:
    known = _is_reference(config)
    full = config.scale == "full"
    c11, c12, c33 = (f"{lead.stiffness[i]:,.1f}" for i in ((0, 0), (0, 1), (2, 2)))
    rows = [
        (
            "homogenised stiffness C11, C12, C33 (MPa)",
            "12,069.3, 4,908.8, 5,167.6" if full else "12,085.7, 4,898.2, 5,180.6",
            f"{c11}, {c12}, {c33}",
            "the same mesh and elements, written anew",
        ),
        (
            "tip, Newton's method with the interpolated law (mm)",
            "-2.783" if full else "-2.561",
            f"{lead.reference.displacement[lead.tip]:.3f}",
            "the law goes through a data base of real cell solutions",
        ),
        (
            "tip, classical data-driven solution (mm)",
            "-2.506" if full else "-2.136",
            f"{lead.classical.displacement[lead.tip]:.3f}",
            "stiffer than the law: the data base is coarse, and its error larger than that of a good search",
        ),
        (
            "error of the classical solution, strain / stress",
            ".13 / .15" if full else ".20 / .18",
            " / ".join(
                short(
                    mechanics.relative_rms(
                        getattr(lead.classical, field), getattr(lead.reference, field), lead.beam.weights
                    )
                )
                for field in ("strain", "stress")
            ),
            "falls as N^(-1/3) only",
        ),
    ]
    found = [
        Comparison(q, f"{then} (our prototype)" if known else None, now, why) for q, then, now, why in rows
    ]
    claims = []
    for method in config.methods:
        key = (method, config.lead_error, 0, config.translation[0])
        pair = [runs.get(Variant(key[0], mitigation, key[1], key[2], key[3])) for mitigation in MITIGATIONS]
        if pair[0] and pair[1]:
            before, after = (short(mean_of(scan, parts, "strain")) for parts in pair if parts)
            claims.append(f"{method} {before} to {after}")
    if claims:
        found.append(
            Comparison(
                f"ZNE at p2 = {config.lead_error:g} without shots: deviation of the strain field",
                "error mitigation improves the solution (abstract of arXiv 2312.14460; numbers and problem "
                "not established)",
                ", ".join(claims),
                "our own problem, circuits and noise; with few shots it may be otherwise (table of noisy "
                "searches)",
            )
        )
    return found


def _answer(config: Config, lead: Problem, scan: Problem, runs: Runs) -> str:
    parts = []
    exact = [m for m in config.methods if 0 in config.shots]
    if exact and config.lead_error > 0:
        translation = config.translation[0]

        def span(mitigation: str, what: str) -> tuple[float, float]:
            values = [
                mean_of(scan, runs[Variant(m, mitigation, config.lead_error, 0, translation)], what)
                for m in exact
            ]
            return min(values), max(values)

        wrong = [_range(span(m, "wrong"), percent=True) for m in MITIGATIONS]
        strain, error = ([_range(span(m, what)) for m in MITIGATIONS] for what in ("strain", "strain_error"))
        gain = span("zne", "strain")[1] < span("raw", "strain")[0]
        verdict = "Yes, as long as probabilities are" if gain else "No, not even where probabilities are"
        parts.append(
            f"{verdict} exact: at a two-qubit error of {config.lead_error:g}, among {len(scan.database):,} "
            f"data points, zero-noise extrapolation takes the wrong neighbours from {wrong[0]} to {wrong[1]},"
            " the deviation of the strains from the classical data-driven solution from "
            f"{strain[0]} to {strain[1]}, and their error against Newton's method from {error[0]} to "
            f"{error[1]}"
        )
    parts += [_shot_words(config, scan, runs, shots) for shots in sorted(config.shots) if shots]
    off = mechanics.relative_rms(lead.classical.strain, lead.reference.strain, lead.beam.weights)
    parts.append(
        f"the exact search from zero is itself off from Newton's method by {short(off)} in strain "
        f"({len(lead.database):,} points)"
    )
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _range(ends: tuple[float, float], *, percent: bool = False) -> str:
    texts = [f"{100 * end:.2g}" if percent else short(end) for end in ends]
    text = texts[0] if texts[0] == texts[1] else "–".join(texts)
    return f"{text} %" if percent else text


def _shot_words(config: Config, problem: Problem, runs: Runs, shots: int) -> str:
    """Return in how many settings mitigation helps and harms with so many shots.

    It helps where it clearly lowers both wrong neighbours and the strains' deviation from the classical
    solution, and harms where it clearly raises both.
    """
    repeats = config.chosen("repeats")
    if repeats == 1:
        return f"with {shots:,} shots there is one run each, hence no verdict"
    changes = [
        [change_of(problem, parts, runs[_mitigated(raw)], what) for what in _METRICS]
        for raw, parts in runs.items()
        if raw.shots == shots and raw.mitigation == "raw" and raw.p2 > 0
    ]
    if not changes:
        return f"with {shots:,} shots there is no noise to mitigate"
    helps, harms = (sum(row[:2] == [sign, sign] for row in changes) for sign in (-1, 1))
    better, worse = (sum(row[2] == sign for row in changes) for sign in (-1, 1))
    first = shots == min(number for number in config.shots if number)
    meaning = (
        " (it moves solutions nearer to, or further away from, the classical one by more than the scatter of "
        f"{repeats} runs)"
    )
    return (
        f"with {shots:,} shots it helps in {helps} of {len(changes)} settings and harms in {harms}"
        f"{meaning if first else ''}, while the error against Newton's method falls in {better} and rises "
        f"in {worse}"
    )


def _mitigated(raw: Variant) -> Variant:
    return replace(raw, mitigation="zne")


def _n_outside(problem: Problem) -> int:
    """Return how many points of the reference lie outside the data base's box."""
    return int(problem.law.outside(problem.reference.strain).sum())


def _limits(config: Config, problems: Sequence[Problem]) -> list[str]:
    repeats, full = config.chosen("repeats"), config.scale == "full"
    found = [
        "Phases, geometry, loads and noise are ours: those of the published simulations are not established.",
        "The material is path-independent: nothing unloads, nothing fails, and plane strain is assumed.",
        "Every search runs the circuits of all pairs; memory that loads superpositions is not simulated.",
        "The re-entrant corner is singular: fields are compared in the mean, never at their peak.",
    ]
    if any(config.shots):
        found.append(
            "Rows with shots are one run each: an illustration, without error bars (--repeats gives some)."
            if repeats == 1
            else f"Rows with shots are means of {repeats} runs: their intervals are wide."
        )
    if full:
        found.append(
            "The scan of error rates, shots and repeats runs on the mesh and data base of the quick scale; "
            "on the fine ones there is one error rate, and a single run of the fewest shots."
        )
    if "cells" in config.translation:
        found.append(
            "All rows share one set of cells (k-means, one seed): with other cells, rows of exact "
            "probabilities would differ too."
        )
    for problem in problems:
        outside, boundary = _n_outside(problem), on_boundary(problem, problem.classical.assignment)
        if outside:
            found.append(
                f"The load drives {outside} of {len(problem.reference.strain)} points of Newton's solution "
                f"outside the data base of {len(problem.database):,} points, where the law is extrapolated; "
                f"{boundary} points of the classical solution lie at its boundary."
            )
    return found


def figures(result: Result) -> dict[str, Figure]:
    """Draw cell, beam, histories, wrong neighbours and convergence."""
    from nonideal.experiments._lbeam_figures import draw

    config = Config.from_dict(result.config)
    return draw(result, unit_cell(config, {name: config.chosen(name) for name in PROBLEM}))
