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
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from nonideal import Estimate
from nonideal.errors import InvalidArgument
from nonideal.estimate import confidence_factor
from nonideal.experiments import BaseConfig, Comparison, Curve, Result, Runner, Table, make_result, option
from nonideal.experiments.quantum_distance import mitigation
from nonideal.hardware import quantum
from nonideal.physics import mechanics
from nonideal.seeds import derive_seed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]

QUESTION = "Can a solver that looks its material up with a noisy quantum computer still be right?"
QUICK_TIME = "60 s"
EXTRAS: tuple[str, ...] = ()

_N_POINTS = {"quick": 1000, "full": 10_000}
_REPEATS = {"quick": 5, "full": 10}
_CONVERGENCE = {
    "quick": (100, 215, 464, 1000, 2154, 4642, 10_000),
    "full": (100, 215, 464, 1000, 2154, 4642, 10_000, 21_544, 46_416, 100_000),
}
_CONFIDENCE = 0.95  # of a difference that the answer calls clear
_PATIENT = 2000  # iterations that the exact search may take; 440 are needed for C = E and 100,000 points

# The reference problem: a steel bar of our own choice.
_LENGTH, _AREA, _BODY_FORCE = 1.0, 1e-4, 2e4  # m, m^2, N/m
_END_DISPLACEMENT, _END_FORCE = 2.5e-3, 2e4  # m, N
_LAW = mechanics.RambergOsgood(young=200e9, reference_stress=250e6, alpha=0.5, exponent=5)
_MAX_STRESS = 450e6  # Pa, of the data
_MAX_LINEAR_STRESS = 700e6  # Pa: the linear bar goes up to 595 MPa

_SCORES = ("strain", "stress", "wrong")  # what `_errors` returns

#: What is done about gate errors -> its words.
_MITIGATIONS = {"noiseless": "no gate errors", "raw": "raw", "zne": "zero-noise extrapolation"}

#: What a prototype of 200 lines found with the default options, one seed: errors of strain and stress
#: and wrong neighbours, by (shots, translation, method), in the order of `_MITIGATIONS`.
_PROTOTYPE = {
    (0, "none", "swap"): (".0033 / .0018 / 0 %", ".067 / .064 / 89 %", ".0077 / .0026 / 23 %"),
    (0, "none", "hadamard"): (".0033 / .0018 / 0 %", ".037 / .032 / 78 %", ".0033 / .0018 / 0 %"),
    (0, "cells", "swap"): (".0033 / .0018 / 0 %", ".0072 / .0007 / 31 %", ".0033 / .0018 / 1 %"),
    (0, "cells", "hadamard"): (".0033 / .0018 / 0 %", ".0051 / .0005 / 18 %", ".0033 / .0018 / 0 %"),
    (1024, "none", "swap"): (".41 / .19 / 98 %", ".31 / .15 / 97 %", ".24 / .78 / 100 %"),
    (1024, "none", "hadamard"): (".16 / .078 / 94 %", ".11 / .021 / 92 %", ".25 / .058 / 96 %"),
    (1024, "cells", "swap"): (".031 / .0043 / 72 %", ".018 / .0033 / 72 %", ".073 / .011 / 85 %"),
    (1024, "cells", "hadamard"): (".0069 / .0014 / 56 %", ".013 / .0003 / 48 %", ".017 / .0011 / 65 %"),
    (65536, "none", "swap"): (".14 / .012 / 92 %", ".091 / .024 / 92 %", ".16 / .031 / 94 %"),
    (65536, "none", "hadamard"): (".018 / .0030 / 56 %", ".058 / .024 / 85 %", ".067 / .0034 / 88 %"),
    (65536, "cells", "swap"): (".0064 / .0004 / 41 %", ".0069 / .0026 / 42 %", ".018 / .0006 / 56 %"),
    (65536, "cells", "hadamard"): (".0060 / .0016 / 34 %", ".0073 / .0009 / 42 %", ".0065 / .0004 / 28 %"),
}
_PROTOTYPE_OPTIONS = {
    "control": "displacement",
    "n_elements": 20,
    "metric_factor": 0.25,
    "two_qubit_error": 1e-2,
    "one_qubit_ratio": 0.1,
    "n_cells": 32,
    "scales": (1.0, 3.0, 5.0),
    "extrapolator": "richardson",
    "max_iterations": 40,
}


@dataclass(frozen=True, kw_only=True)
class Config(BaseConfig):
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
    methods: tuple[str, ...] = option(
        "swap,hadamard", help="circuits that estimate a distance", choices=("swap", "hadamard")
    )
    two_qubit_error: float = option(
        1e-2, help="depolarising error of a two-qubit gate", unit="1", minimum=0, maximum=0.2
    )
    one_qubit_ratio: float = option(
        0.1, help="error of a one-qubit gate over that of a two-qubit gate", unit="1", minimum=0, maximum=1
    )
    shots: tuple[int, ...] = option(
        "0,1024,65536", help="shots per circuit; 0: exact probabilities", minimum=0, maximum=2**31 - 1
    )
    translation: tuple[str, ...] = option(
        "none,cells", help="where distances are measured from", choices=("none", "cells")
    )
    n_cells: int = option(32, help="cells of the translation", minimum=1, maximum=10**6)
    scales: tuple[float, ...] = option(
        "1,3,5", help="noise scales of the extrapolation (gates folded)", unit="1", minimum=1, maximum=99
    )
    extrapolator: str = option(
        "richardson", help="how to extrapolate to no noise", choices=("linear", "richardson", "exponential")
    )
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
        for name in ("methods", "translation", "shots"):
            object.__setattr__(self, name, tuple(dict.fromkeys(getattr(self, name))))
        if "cells" in self.translation and self.n_cells > self.points:
            raise InvalidArgument(f"n_cells = {self.n_cells} is more than n_points = {self.points}")

    @property
    def points(self) -> int:
        """Number of data points."""
        return self.n_points or _N_POINTS[self.scale]


@dataclass(frozen=True)
class _Variant:
    """One way to search."""

    method: str
    mitigation: str
    shots: int
    translation: str

    @property
    def key(self) -> str:
        """Its name in metrics and curves."""
        return f"{self.method}_{self.mitigation}_{self.shots or 'exact'}_{self.translation}"

    def seed(self, seed: int, repeat: int) -> int:
        """Return the seed of one run: other shots for every way to search, whatever the others are."""
        return derive_seed(seed, zlib.crc32(self.key.encode()), repeat)


Scores: TypeAlias = dict[_Variant, dict[str, Estimate]]


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
    found: dict[_Variant, list[dict[str, Any]]] = {variant: [] for variant in variants}
    for (variant, _), entry in zip(jobs, runner.map(search, shards, label="quantum search"), strict=True):
        found[variant].append(entry)

    bar, reference = _reference(problem)
    classical = _solve(problem, config.points, config.metric_factor)
    metrics = _classical_metrics(bar, reference, classical)
    curves = _field_curves(bar, {"exact": [_fields(reference)], "classical": [_fields(classical)]})
    curves["penalty_classical"] = _history(classical.history.penalty, "penalty (J)")
    scores: Scores = {}
    for variant, entries in found.items():
        errors = np.array([_errors(bar, reference, entry) for entry in entries])
        scores[variant] = {
            **{name: _estimate(column) for name, column in zip(_SCORES, errors.T, strict=True)},
            "iterations": _estimate([len(entry["penalty"]) for entry in entries]),
        }
        metrics[f"strain_error_{variant.key}"] = scores[variant]["strain"]
        metrics[f"wrong_{variant.key}"] = scores[variant]["wrong"]
        curves[f"penalty_{variant.key}"] = _history(entries[0]["penalty"], "penalty (J)")
        curves[f"wrong_{variant.key}"] = _history(entries[0]["wrong"], "fraction of wrong neighbours")
        curves[f"path_{variant.key}"] = Curve(
            tuple(entries[0]["path"][:, 0]), "strain", tuple(entries[0]["path"][:, 1] / 1e6), "stress (MPa)"
        )
        curves |= _field_curves(bar, {variant.key: entries})
    stresses = np.linspace(0, _MAX_STRESS, 101)
    curves["law"] = Curve(tuple(_LAW.strain(stresses)), "strain", tuple(stresses / 1e6), "stress (MPa)")
    slopes = _add_convergence(metrics, curves, growing, factors, counts)
    circuits = sum(int(entry["n_circuits"]) for entries in found.values() for entry in entries)
    metrics["circuits"] = Estimate.exact(circuits)
    return make_result(
        __name__,
        config,
        answer=_answer(config, metrics, scores),
        metrics=metrics,
        curves=curves,
        comparison=_comparison(config, metrics, scores),
        tables={
            "variants": _variant_table(config, metrics, scores),
            "convergence": _convergence_table(slopes),
        },
        limits=_limits(config),
    )


def _variants(config: Config) -> list[_Variant]:
    return [
        _Variant(method, mitigation, shots, translation)
        for shots, translation, method, mitigation in itertools.product(
            config.shots, config.translation, config.methods, _MITIGATIONS
        )
    ]


def search(shard: Mapping[str, Any]) -> dict[str, Any]:
    """Solve the bar once with a quantum search.

    Returns strain and stress of the best iterate, penalty and fraction of wrong neighbours by iteration, the
    states (strain, stress) of the middle element by iteration, and the number of circuits.
    """
    noise = None
    if shard["mitigation"] != "noiseless" and shard["two_qubit_error"] > 0:
        p2 = shard["two_qubit_error"]
        noise = quantum.NoiseModel.depolarizing(p1=shard["one_qubit_ratio"] * p2, p2=p2)
    zne = None
    if shard["mitigation"] == "zne" and noise is not None:
        zne = mitigation(shard["extrapolator"], tuple(shard["scales"]))
    estimator = quantum.DistanceEstimator(
        method=shard["method"],
        shots=shard["shots"] or None,
        noise=noise,
        zne=zne,
        translation=shard["translation"],
        n_cells=shard["n_cells"] if shard["translation"] == "cells" else None,
        seed=shard["seed"],
        cells_seed=shard["cells_seed"],
    )
    witness = _Witness(estimator, shard["n_elements"] // 2)
    solution = _solve(shard, shard["n_points"], shard["metric_factor"], witness, shard["max_iterations"])
    root = np.sqrt(shard["metric_factor"] * _LAW.young)  # of the metric: scaled coordinates back to states
    return {
        **_fields(solution),
        "penalty": solution.history.penalty,
        "wrong": np.asarray(solution.history.wrong_fraction),
        "path": np.sqrt(2) * np.array(witness.states) * [1 / root, root],
        "n_circuits": np.int64(witness.n_circuits),
    }


class _Witness:
    """Passes queries on, and remembers one state of each iteration and the number of circuits."""

    def __init__(self, search: Any, element: int) -> None:
        self._search = search
        self._element = element
        self.states: list[Floats] = []
        self.n_circuits = 0

    def nearest(self, queries: Floats, database: Floats, *, stream: int = 0) -> Any:
        self.states.append(queries[self._element])
        found = self._search.nearest(queries, database, stream=stream)
        self.n_circuits += int(found.n_circuits)
        return found


def converge(shard: Mapping[str, Any]) -> dict[str, Any]:
    """Return errors of strain and stress, and iterations, of the exact search for growing data."""
    bar, reference = _reference(shard)
    rows = []
    for count in shard["counts"]:
        solution = _solve(shard, count, shard["metric_factor"])
        rows.append((*_errors(bar, reference, _fields(solution))[:2], solution.n_iterations))
    strain, stress, iterations = np.array(rows).T
    return {"strain": strain, "stress": stress, "iterations": iterations}


def _problem(shard: Mapping[str, Any]) -> tuple[mechanics.Structure, dict[str, Any]]:
    """Return the bar with its loads and supports."""
    last = shard["n_elements"]
    bar = mechanics.Structure.bar(_LENGTH, _AREA, last)
    force = bar.body_force(_BODY_FORCE)
    if shard["control"] == "displacement":
        return bar, {"force": force, "fixed_dofs": [0, last], "fixed_values": [0.0, _END_DISPLACEMENT]}
    force[last] += _END_FORCE
    return bar, {"force": force, "fixed_dofs": [0]}


def _law(shard: Mapping[str, Any]) -> mechanics.RambergOsgood:
    linear = mechanics.RambergOsgood(_LAW.young, _LAW.reference_stress, alpha=0.0, exponent=1.0)
    return linear if shard.get("linear") else _LAW


def _reference(shard: Mapping[str, Any]) -> tuple[mechanics.Structure, mechanics.Solution]:
    """Return the bar and its solution with the law itself."""
    bar, loads = _problem(shard)
    return bar, mechanics.solve_law(bar, _law(shard), **loads, tolerance=1e-10)


def _solve(
    shard: Mapping[str, Any],
    n_points: int,
    metric_factor: float,
    search: Any = None,
    max_iterations: int = _PATIENT,
) -> mechanics.Solution:
    """Return the data-driven solution; a given search is audited."""
    bar, loads = _problem(shard)
    database = mechanics.MaterialDatabase.from_law(
        _law(shard),
        n_points,
        max_stress=_MAX_LINEAR_STRESS if shard.get("linear") else _MAX_STRESS,
        metric=metric_factor * _LAW.young,
    )
    audit = None if search is None else mechanics.ExactSearch()
    return mechanics.DataDrivenSolver(bar, database, search).solve(
        **loads, max_iterations=max_iterations, audit=audit, progress=False
    )


def _fields(solution: mechanics.Solution) -> dict[str, Floats]:
    return {"strain": solution.strain[:, 0], "stress": solution.stress[:, 0]}


def _errors(
    bar: mechanics.Structure, reference: mechanics.Solution, entry: Mapping[str, Any]
) -> tuple[float, float, float]:
    """Return the relative errors of strain and stress, and the mean fraction of wrong neighbours."""
    strain, stress = (
        mechanics.relative_rms(entry[name], getattr(reference, name)[:, 0], bar.weights)
        for name in ("strain", "stress")
    )
    return strain, stress, float(np.mean(entry.get("wrong", 0.0)))


def _estimate(values: Sequence[float]) -> Estimate:
    return Estimate.exact(values[0]) if len(values) == 1 else Estimate.from_samples(values)


def _classical_metrics(
    bar: mechanics.Structure, reference: mechanics.Solution, classical: mechanics.Solution
) -> dict[str, Estimate]:
    strain, stress, _ = _errors(bar, reference, _fields(classical))
    return {
        "strain_error_classical": Estimate.exact(strain),
        "stress_error_classical": Estimate.exact(stress),
        "iterations_classical": Estimate.exact(classical.n_iterations),
    }


def _field_curves(
    bar: mechanics.Structure, groups: Mapping[str, Sequence[Mapping[str, Floats]]]
) -> dict[str, Curve]:
    """Return strain and stress along the bar, means over repeats."""
    curves = {}
    x = tuple(bar.points[:, 0])
    for key, entries in groups.items():
        for name, label, unit in (("strain", "strain", 1.0), ("stress", "stress (MPa)", 1e6)):
            values = np.stack([entry[name] for entry in entries]) / unit
            curves[f"{name}_{key}"] = Curve.from_estimates(
                x, [_estimate(column) for column in values.T], x_label="position (m)", y_label=label
            )
    return curves


def _history(values: Floats, label: str) -> Curve:
    return Curve(tuple(range(1, len(values) + 1)), "iteration", tuple(values), label)


def _add_convergence(
    metrics: dict[str, Estimate],
    curves: dict[str, Curve],
    growing: Sequence[Mapping[str, Any]],
    factors: Sequence[float],
    counts: Sequence[int],
) -> list[tuple[str, float | None, float | None, int]]:
    """Add errors against the number of data points; return slopes and iterations at the most."""
    rows: list[tuple[str, float | None, float | None, int]] = []
    names = [f"c{factor:g}" for factor in factors]
    titles = [f"Ramberg-Osgood, C = {factor:g} E" for factor in factors]
    for name, title, entry in zip([*names, "linear"], [*titles, "linear, C = E"], growing, strict=True):
        slopes: list[float | None] = []
        for kind in ("strain", "stress"):
            errors = np.asarray(entry[kind])
            curves[f"{kind}_error_vs_points_{name}"] = Curve(
                tuple(counts), "data points", tuple(errors), f"relative error of {kind}"
            )
            # A determinate bar has the stress of statics, up to round-off: no slope.
            slope = None
            if len(counts) > 1 and errors.min() > 1e-10:
                slope = float(np.polyfit(np.log(counts), np.log(errors), 1)[0])
                metrics[f"{kind}_slope_{name}"] = Estimate.exact(slope)
            slopes.append(slope)
        rows.append((title, slopes[0], slopes[1], int(entry["iterations"][-1])))
    return rows


def _convergence_table(rows: Sequence[tuple[str, float | None, float | None, int]]) -> Table:
    return Table(
        "Exact search: how errors fall with the number of data points N",
        (
            "material and metric C",
            "slope of strain error",
            "slope of stress error",
            "iterations at the largest N",
        ),
        tuple(
            (title, *("" if slope is None else f"{slope:.2f}" for slope in slopes), iterations)
            for title, *slopes, iterations in rows
        ),
        "Slopes of log(error) against log(N), least squares over all N; theory says -1 for data on a curve. "
        "With a metric stiff against the hardened material the search stops in local minima far away.",
    )


def _shots_words(shots: int) -> str:
    return f"{shots:,} shots" if shots else "exact probabilities"


def _with_error(estimate: Estimate, unit: float = 1.0) -> str:
    if estimate.samples is None:
        return _rounded(unit * estimate.value, 2)
    return f"{_rounded(unit * estimate.value, 2)} ± {_rounded(unit * estimate.standard_error, 1)}"


def _rounded(number: float, digits: int) -> str:
    return f"{float(f'{number:.{digits}g}'):g}"


def _percent(estimate: Estimate) -> str:
    return f"{_with_error(estimate, 100)} %"


def _answer(config: Config, metrics: Mapping[str, Estimate], scores: Scores) -> str:
    """Say from the numbers where mitigation helps, where it harms, and what translation does."""
    text = f"The exact search is {_percent(metrics['strain_error_classical'])} off in strain; "
    if config.two_qubit_error > 0:
        said = [
            f"with the {method} circuit it {_about_mitigation(config, scores, method)}"
            for method in config.methods
        ]
        text += (
            f"errors of {config.two_qubit_error:g} per two-qubit gate may be mitigated by zero-noise "
            f"extrapolation: {'; '.join(said)}"
        )
    else:
        text += "without gate errors there is nothing to mitigate"
    if set(config.translation) == {"none", "cells"}:
        shots = config.shots[-1]
        moved = []
        for method in config.methods:
            before, after = (
                scores[_Variant(method, "raw", shots, where)]["strain"] for where in ("none", "cells")
            )
            moved.append(f"from {_percent(before)} to {_percent(after)} ({method})")
        text += f"; translation takes the raw search with {_shots_words(shots)} {', '.join(moved)}"
    return text + "."


def _about_mitigation(config: Config, scores: Scores, method: str) -> str:
    """Return what mitigation does to the error of strain for each number of shots."""
    said: dict[str, list[str]] = {}
    for shots in config.shots:
        raw, zne = (
            scores[_Variant(method, kind, shots, config.translation[0])]["strain"] for kind in ("raw", "zne")
        )
        numbers = f"{_percent(raw)} raw, {_percent(zne)} mitigated"
        said.setdefault(_verdict(raw, zne), []).append(f"with {_shots_words(shots)} ({numbers})")
    return ", ".join(f"{verdict} {' and '.join(cases)}" for verdict, cases in said.items())


def _verdict(raw: Estimate, zne: Estimate) -> str:
    """Return what mitigation does, if that is clear: by Student's quantile of the fewer samples."""
    repeats = [estimate.samples for estimate in (raw, zne) if estimate.samples is not None]
    factor = confidence_factor(_CONFIDENCE, min(repeats, default=None))
    change = zne.value - raw.value
    if _percent(raw) == _percent(zne) or abs(change) <= factor * np.hypot(
        raw.standard_error, zne.standard_error
    ):
        return "makes no clear difference"
    return "helps" if change < 0 else "harms"


def _then(config: Config, variant: _Variant) -> str:
    """Return what the prototype found for the same options; empty where it was not run."""
    same = all(getattr(config, name) == value for name, value in _PROTOTYPE_OPTIONS.items())
    row = _PROTOTYPE.get((variant.shots, variant.translation, variant.method))
    if not same or config.points != _N_POINTS["quick"] or row is None:
        return ""
    return row[list(_MITIGATIONS).index(variant.mitigation)]


def _variant_table(config: Config, metrics: Mapping[str, Estimate], scores: Scores) -> Table:
    rows = []
    for variant, score in scores.items():
        rows.append(
            (
                f"{variant.shots:,}" if variant.shots else "exact",
                variant.translation,
                variant.method,
                _MITIGATIONS[variant.mitigation],
                *(_with_error(score[name]) for name in _SCORES),
                f"{score['iterations'].value:g}",
                _then(config, variant),
            )
        )
    heads = (
        "shots",
        "translation",
        "circuit",
        "gate errors",
        "strain error",
        "stress error",
        "wrong neighbours",
        "iterations",
        "prototype: strain / stress / wrong",
    )
    classical = [f"{metrics[f'{name}_error_classical'].value:.2g}" for name in ("strain", "stress")]
    note = (
        f"Relative root mean square errors; the exact search has {classical[0]} / {classical[1]}. Wrong: "
        "mean over iterations and points; in a dense set on a curve a wrong neighbour is often the next one, "
        "so fields stay good. With shots: mean and standard error over repeats; an error of 0 means that "
        "every repeat was best at its first iterate, before any noisy search. The prototype ran one seed."
    )
    return Table("Every way to search", heads, tuple(rows), note)


def _comparison(config: Config, metrics: Mapping[str, Estimate], scores: Scores) -> list[Comparison]:
    rows = []
    most = max(config.shots)
    for method in config.methods:
        if most and set(config.translation) == {"none", "cells"}:
            plain, moved = (scores[_Variant(method, "raw", most, where)] for where in ("none", "cells"))
            rows.append(
                Comparison(
                    f"adaptive translation, {method}, {_shots_words(most)}, no mitigation",
                    "fewer iterations, results like the classical ones (arXiv 2306.08305, as summarised)",
                    f"{plain['iterations'].value:g} to {moved['iterations'].value:g} iterations; strain "
                    f"error {_with_error(plain['strain'])} to {_with_error(moved['strain'])}",
                    "its noise, shots and data were not established; ours stops after "
                    f"{config.max_iterations} iterations at the latest",
                )
            )
        if 0 in config.shots and config.two_qubit_error > 0:
            raw, zne = (
                scores[_Variant(method, kind, 0, config.translation[0])]["strain"].value
                for kind in ("raw", "zne")
            )
            rows.append(
                Comparison(
                    f"error mitigation, {method}, exact probabilities",
                    "mitigation makes the data-driven solver accurate (arXiv 2312.14460, abstract)",
                    f"strain error {raw:.2g} raw, {zne:.2g} mitigated, "
                    f"{metrics['strain_error_classical'].value:.2g} exact search",
                    "the paper's cases are a beam and a shell, its numbers were not established",
                )
            )
    return rows


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
    return {
        "fields": _draw_fields(result),
        "penalty": _draw_penalty(result),
        "path": _draw_path(result),
        "convergence": _draw_convergence(result),
        "wrong-neighbours": _draw_wrong(result),
    }


def _shown(result: Result) -> list[tuple[str, _Variant, str]]:
    """Return (label, variant, colour) of raw and mitigated runs with the first shots and translation."""
    from nonideal.report.figures import COLORS

    config = result.config
    chosen = [
        _Variant(method, kind, config["shots"][0], config["translation"][0])
        for method in dict.fromkeys(config["methods"])
        for kind in ("raw", "zne")
    ]
    words = {"raw": "raw", "zne": "ZNE"}
    return [
        (f"{variant.method}, {words[variant.mitigation]}", variant, color)
        for variant, color in zip(chosen, COLORS[1:], strict=False)
    ]


def _setting(result: Result) -> str:
    where = {"none": "without translation", "cells": "with translation"}[result.config["translation"][0]]
    return f"{_shots_words(result.config['shots'][0])}, {where}"


def _draw_fields(result: Result) -> Figure:
    from nonideal.report.figures import COLORS, draw_curve, new_figure

    figure, panels = new_figure(
        f"Stress and strain along the bar: the law itself (grey), the exact search, and quantum searches "
        f"({_setting(result)}).",
        columns=2,
        width=10.0,
    )
    for axes, name in zip(panels, ("stress", "strain"), strict=True):
        law = result.curves[f"{name}_exact"]
        axes.plot(law.x, law.y, color=COLORS[5], linewidth=4, alpha=0.4, marker="", label="law")
        draw_curve(
            axes, result.curves[f"{name}_classical"], label="exact search", color=COLORS[0], linestyle="none"
        )
        for label, variant, color in _shown(result):
            draw_curve(
                axes,
                result.curves[f"{name}_{variant.key}"],
                label=label,
                color=color,
                marker="",
                linewidth=1.3,
            )
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right upper")
    return figure


def _draw_penalty(result: Result) -> Figure:
    from nonideal.report.figures import COLORS, draw_curve, new_figure

    figure, axes = new_figure(f"Penalty by iteration: {_setting(result)}. The exact search never rises.")
    draw_curve(axes, result.curves["penalty_classical"], label="exact search", color=COLORS[0], marker="")
    for label, variant, color in _shown(result):
        draw_curve(axes, result.curves[f"penalty_{variant.key}"], label=label, color=color, marker="")
    axes.set_yscale("log")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(fontsize=8)
    return figure


def _draw_path(result: Result) -> Figure:
    from nonideal.report.figures import COLORS, new_figure

    figure, axes = new_figure(
        f"States of the middle element, iteration by iteration ({_setting(result)}), and the material (grey)."
    )
    law = result.curves["law"]
    axes.plot(law.x, law.y, color=COLORS[5], linewidth=4, alpha=0.4, marker="", label="law")
    ends_x, ends_y = [0.0], [0.0]
    for label, variant, color in _shown(result):
        path = result.curves[f"path_{variant.key}"]
        axes.plot(path.x, path.y, color=color, linewidth=0.8, marker=".", markersize=4, label=label)
        ends_x, ends_y = [*ends_x, *path.x], [*ends_y, *path.y]
    axes.set_xlim(min(ends_x) - 2e-4, 1.15 * max(ends_x))
    axes.set_ylim(min(ends_y) - 10, 1.15 * max(ends_y))
    axes.set_xlabel(law.x_label)
    axes.set_ylabel(law.y_label)
    axes.legend(fontsize=8, loc="upper left")
    return figure


def _draw_convergence(result: Result) -> Figure:
    from nonideal.report.figures import draw_curve, new_figure

    figure, panels = new_figure(
        "Errors of the exact search against the number of data points, for several metrics C; dotted: 1 / N.",
        columns=2,
        width=10.0,
    )
    for axes, kind in zip(panels, ("strain", "stress"), strict=True):
        prefix = f"{kind}_error_vs_points_"
        for name, curve in result.curves.items():
            if name.startswith(prefix):
                tail = name.removeprefix(prefix)
                label = "linear, C = E" if tail == "linear" else f"C = {tail[1:]} E"
                draw_curve(axes, curve, label=label)
                ends = curve.x[0], curve.x[-1]
                if tail == "linear" and curve.y[0] > 0:
                    axes.plot(
                        ends, [curve.y[0], curve.y[0] * ends[0] / ends[1]], "k:", linewidth=1, marker=""
                    )
        axes.set_xscale("log")
        axes.set_yscale("log")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right upper")
    return figure


def _draw_wrong(result: Result) -> Figure:
    from nonideal.report.figures import COLORS, draw_curve, new_figure

    translations = list(dict.fromkeys(result.config["translation"]))
    shots = list(dict.fromkeys(result.config["shots"]))
    method = list(dict.fromkeys(result.config["methods"]))[-1]
    figure, grid = new_figure(
        f"Fraction of wrong neighbours by iteration, {method} circuit, raw (solid) and mitigated (dashed).",
        columns=len(translations),
        width=10.0,
        sharey=True,
        squeeze=False,
    )
    for axes, translation in zip(grid[0], translations, strict=True):
        for count, color in zip(shots, itertools.cycle(COLORS), strict=False):
            for kind, style in (("raw", "-"), ("zne", "--")):
                variant = _Variant(method, kind, count, translation)
                label = _shots_words(count) if kind == "raw" else None
                curve = result.curves[f"wrong_{variant.key}"]
                draw_curve(axes, curve, label=label or "", color=color, linestyle=style, marker="")
        axes.set_title(f"translation: {translation}")
        axes.set_ylabel("fraction of wrong neighbours" if axes is grid[0, 0] else "")
        axes.set_ylim(-0.03, 1.03)
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside right upper")
    return figure
