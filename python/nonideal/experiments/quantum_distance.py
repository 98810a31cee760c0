"""How wrong distances and nearest neighbours of noisy circuits are, and whether mitigation repairs them.

Pairs of near points are measured by swap-test and Hadamard circuits whose gates depolarise, with exact
probabilities and with shots, raw and after zero-noise extrapolation (ZNE). The same machines then look for
nearest neighbours, with and without translation of the data.

Source of the idea: arXiv 2312.14460, whose error rates, shots and extrapolants are not established; every
choice is an option here, and results stand beside those of an independent prototype.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from nonideal import Estimate
from nonideal.experiments import BaseConfig, Result, Runner, make_result, option
from nonideal.experiments._distance_findings import Findings, pays_from
from nonideal.experiments._distance_tables import answer, comparison, tables
from nonideal.experiments._noisy_search import mitigation
from nonideal.hardware import quantum
from nonideal.hardware.quantum.channel import CONVENTIONS, Convention
from nonideal.hardware.quantum.distance import METHODS, Method
from nonideal.hardware.quantum.translation import Translation
from nonideal.seeds import derive_seed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUESTION = "How wrong is a distance measured on a noisy quantum computer, and does mitigation repair it?"
QUICK_TIME = "25 s"
EXTRAS: tuple[str, ...] = ()

Floats = npt.NDArray[np.float64]

_SIZES: Mapping[str, Mapping[str, int]] = {
    "quick": {"n_pairs": 512, "n_queries": 64, "n_points": 256, "repeats": 3},
    "full": {"n_pairs": 4096, "n_queries": 256, "n_points": 2048, "repeats": 10},
}
_SPREAD = 0.5  # of a pair's second point around the first one, whose components have a spread of 1
_BLOCK = 16  # pairs whose distances are measured by one call, all to all
_SHOWN = 250  # pairs in a figure


@dataclass(frozen=True, kw_only=True)
class Config(BaseConfig):
    """Options of the experiment."""

    dimension: int = option(8, help="components of a point", minimum=1, maximum=32)
    n_pairs: int | None = option(
        None, help="pairs of points; 512 at quick scale, 4096 at full scale", minimum=16, maximum=2**20
    )
    n_queries: int | None = option(
        None, help="searches for a neighbour; 64 at quick scale, 256 at full scale", minimum=2, maximum=2**16
    )
    n_points: int | None = option(
        None, help="points searched; 256 at quick scale, 2048 at full scale", minimum=2, maximum=2**20
    )
    methods: tuple[str, ...] = option(
        "swap,hadamard", help="circuits that measure a distance", choices=METHODS
    )
    two_qubit_error: tuple[float, ...] = option(
        "0.001,0.005,0.01,0.02", help="errors of two-qubit gates", unit="1", above=0, maximum=0.2
    )
    one_qubit_ratio: float = option(
        0.1, help="errors of one-qubit gates over those of two-qubit gates", unit="1", minimum=0, maximum=1
    )
    shots: tuple[int, ...] = option(
        "256,1024,4096,16384,65536",
        help="shots per circuit and noise scale; exact probabilities come first in any case",
        minimum=1,
        maximum=2**30,
    )
    scales: tuple[float, ...] = option(
        "1,3,5", help="noise scales of the extrapolation", unit="1", minimum=1, maximum=99
    )
    extrapolators: tuple[str, ...] = option(
        "linear,richardson,exponential",
        help="how probabilities are extrapolated to no noise; the exponential decays to 1/2",
        choices=("linear", "richardson", "exponential"),
    )
    translation: tuple[str, ...] = option(
        "none,cells",
        help="where the origin lies in a search; cells: in the k-means cell of the query",
        choices=("none", "centroid", "cells"),
    )
    convention: str = option("qiskit", help="what an error of a gate means", choices=CONVENTIONS)
    repeats: int | None = option(
        None, help="independent data sets; 3 at quick scale, 10 at full scale", minimum=2, maximum=1000
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("methods", "two_qubit_error", "shots", "extrapolators", "translation"):
            object.__setattr__(self, name, tuple(dict.fromkeys(getattr(self, name))))
        for extrapolator in self.extrapolators:
            mitigation(extrapolator, self.scales)  # refuses scales that it cannot use
        for p2 in self.two_qubit_error:
            _noise(self.one_qubit_ratio, p2, self.convention)

    def chosen(self, name: str) -> int:
        """Return a size, or what the scale makes of it where it is not given."""
        value = getattr(self, name)
        return _SIZES[self.scale][name] if value is None else int(value)


def run(config: Config, runner: Runner | None = None) -> Result:
    """Measure pairs and search for neighbours, for every circuit, error rate, shots and extrapolant.

    Parameters
    ----------
    config : Config
        What to vary.
    runner : Runner or None
        Where shards run; None: here, quietly.

    Returns
    -------
    Result
        Errors of distances and rates of wrong neighbours, with error bars; where mitigation begins to pay.
    """
    config = config.with_seed()
    runner = runner or Runner()
    common = {
        "dimension": config.dimension,
        **{name: config.chosen(name) for name in ("n_pairs", "n_queries", "n_points", "repeats")},
        "one_qubit_ratio": config.one_qubit_ratio,
        "shots": [0, *config.shots],
        "scales": list(config.scales),
        "extrapolators": list(config.extrapolators),
        "translation": list(config.translation),
        "convention": config.convention,
        "seed": config.seed,
    }
    keys = [(method, p2) for method in config.methods for p2 in (0.0, *config.two_qubit_error)]
    shards = [{"method": method, "two_qubit_error": p2, **common} for method, p2 in keys]
    found = dict(zip(keys, runner.map(measure, shards, label="circuits and error rates"), strict=True))
    findings = Findings(
        found,
        methods=config.methods,
        errors=config.two_qubit_error,
        shots=(0, *config.shots),
        mitigations=("raw", *config.extrapolators),
        translations=config.translation,
        n_scales=len(config.scales),
        n_queries=config.chosen("n_queries"),
    )
    return make_result(
        __name__,
        config,
        answer=answer(findings),
        metrics=_metrics(findings),
        curves=findings.curves(),
        comparison=comparison(findings, is_reference(config)),
        tables=tables(findings, config.dimension, config.one_qubit_ratio, is_reference(config)),
        limits=_limits(config),
    )


def is_reference(config: Config) -> bool:
    """Return whether options are those of the prototype's numbers, but for sizes, shots and error rates."""
    return (config.dimension, config.one_qubit_ratio, config.scales) == (8, 0.1, (1.0, 3.0, 5.0)) and (
        config.convention in ("qiskit", "qpanda")
    )


def measure(shard: Mapping[str, Any]) -> dict[str, Any]:
    """Measure everything that one circuit and error rate tell.

    Returns
    -------
    dict of arrays
        ``error`` (repeats, shots, mitigations): median relative error of a distance; ``wrong`` (repeats,
        shots, mitigations, translations): searches that found another point than the nearest;
        ``sample`` (mitigations + 1, shown): exact distances, then measured ones with the most shots;
        ``fit`` (repeats, 3): slope, offset and root mean square of what is left of the noisy distance over
        Z as a line in the exact one; ``bias`` (2, shown): exact distance and bias, over Z;
        ``n_circuits``: one for each pair and noise scale, though `paired` simulates more.
    """
    repeats, shots, translations = range(shard["repeats"]), shard["shots"], shard["translation"]
    machine = _machine(shard)
    pairs = [near_pairs(shard, repeat) for repeat in repeats]
    distances = [((a - b) ** 2).sum(axis=1) for a, b in pairs]
    searches = [_search(shard, repeat) for repeat in repeats]
    nearest = [_nearest(queries, points) for queries, points in searches]
    error = np.empty((len(repeats), len(shots), len(machine)))
    wrong = np.empty((len(repeats), len(shots), len(machine), len(translations)), dtype=np.int64)
    sample = [distances[0][:_SHOWN]]
    n_circuits = 0
    for (s, number), (m, options) in itertools.product(enumerate(shots), enumerate(machine)):
        # Repeats differ by their stream, not by the seed: an estimator compiles its circuit once.
        estimators = {
            name: quantum.DistanceEstimator(
                shots=number or None, seed=shard["seed"], translation=cast(Translation, name), **options
            )
            for name in dict.fromkeys(("none", *translations))
        }
        for repeat in repeats:
            stream = 2 * (s + len(shots) * repeat)
            squared = paired(estimators["none"], *pairs[repeat], stream=stream)
            error[repeat, s, m] = np.median(np.abs(squared / distances[repeat] - 1))
            n_circuits += len(squared) * _n_scales(options)
            if repeat == 0 and number == max(shots):
                sample.append(squared[:_SHOWN])
            for t, name in enumerate(translations):
                found = estimators[name].nearest(*searches[repeat], stream=stream + 1)
                wrong[repeat, s, m, t] = np.count_nonzero(found.index != nearest[repeat])
                n_circuits += found.n_circuits
    bare = quantum.DistanceEstimator(seed=0, **machine[0])
    biases = [_relative_bias(shard, repeat, bare) for repeat in repeats]
    n_circuits += sum(len(share) for share, _ in biases)
    return {
        "error": error,
        "wrong": wrong,
        "sample": np.array(sample),
        "fit": np.array([_line(share, share + bias) for share, bias in biases]),
        "bias": np.array(biases[0])[:, :_SHOWN],
        "n_circuits": np.array(n_circuits),
    }


def paired(estimator: quantum.DistanceEstimator, a: Floats, b: Floats, *, stream: int = 0) -> Floats:
    """Return the measured distances of a[0] to b[0], a[1] to b[1], ...; how they are cut changes nothing."""
    blocks = [slice(i, i + _BLOCK) for i in range(0, len(a), _BLOCK)]
    return np.concatenate(
        [
            estimator.pairwise(
                a[rows], b[rows], stream=stream, offset=(rows.start, rows.start)
            ).squared_distance.diagonal()
            for rows in blocks
        ]
    )


def near_pairs(shard: Mapping[str, Any], repeat: int) -> tuple[Floats, Floats]:
    """Return pairs: a standard normal point each, and another one near it."""
    random = _random(shard, repeat, 0)
    size = (shard["n_pairs"], shard["dimension"])
    a = random.normal(size=size)
    return a, a + _SPREAD * random.normal(size=size)


def _search(shard: Mapping[str, Any], repeat: int) -> tuple[Floats, Floats]:
    """Return queries, each near one of the points, and points."""
    random = _random(shard, repeat, 2)
    points = random.normal(size=(shard["n_points"], shard["dimension"]))
    near = random.integers(len(points), size=shard["n_queries"])
    return points[near] + _SPREAD * random.normal(size=(len(near), shard["dimension"])), points


def _relative_bias(
    shard: Mapping[str, Any], repeat: int, bare: quantum.DistanceEstimator
) -> tuple[Floats, Floats]:
    """Return D2 / Z and what noise adds to it, for pairs of all distances and lengths up to 4 times apart."""
    random = _random(shard, repeat, 3)
    size = (shard["n_pairs"], shard["dimension"])
    a, other = random.normal(size=size), random.normal(size=size)
    cosine = random.uniform(-1, 1, size=(len(a), 1))
    b = 4 ** random.uniform(-1, 1, size=(len(a), 1)) * (cosine * a + np.sqrt(1 - cosine**2) * other)
    exact, z = ((a - b) ** 2).sum(axis=1), (a**2 + b**2).sum(axis=1)
    noisy = paired(bare, a, b)
    return exact / z, (noisy - exact) / z


def _line(x: Floats, y: Floats) -> tuple[float, float, float]:
    """Return slope, offset and the root mean square of what is left."""
    # Sums alone, no BLAS: the same bits on every worker.
    dx, dy = x - x.mean(), y - y.mean()
    slope = float((dx * dy).sum() / (dx * dx).sum())
    return slope, float(y.mean() - slope * x.mean()), float(np.sqrt(((dy - slope * dx) ** 2).mean()))


def _nearest(queries: Floats, points: Floats) -> npt.NDArray[np.int64]:
    from scipy.spatial import cKDTree

    index: npt.NDArray[np.int64] = cKDTree(points).query(queries)[1]
    return index


def _machine(shard: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the options of an estimator without mitigation, and with each extrapolation."""
    options = {
        "method": cast(Method, shard["method"]),
        "noise": _noise(shard["one_qubit_ratio"], shard["two_qubit_error"], shard["convention"]),
    }
    scales = tuple(shard["scales"])
    return [
        {**options, "zne": zne}
        for zne in (None, *(mitigation(name, scales) for name in shard["extrapolators"]))
    ]


def _noise(one_qubit_ratio: float, p2: float, convention: str) -> quantum.NoiseModel:
    return quantum.NoiseModel.depolarizing(
        p1=one_qubit_ratio * p2, p2=p2, convention=cast(Convention, convention)
    )


def _n_scales(options: Mapping[str, Any]) -> int:
    return 1 if options["zne"] is None else len(options["zne"].scales)


def _random(shard: Mapping[str, Any], repeat: int, purpose: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=derive_seed(shard["seed"], repeat, purpose)))


def _metrics(findings: Findings) -> dict[str, Estimate]:
    metrics: dict[str, Estimate] = {}
    for method in findings.methods:
        for p2 in findings.errors:
            for name in findings.mitigations:
                metrics[f"error_{method}_{name}_p{p2:g}"] = findings.error(method, p2, name, 0)
    for method in findings.methods:
        for name in findings.mitigations[1:]:
            found = pays_from(findings, method, findings.lead, name)
            if found.estimate is not None:
                metrics[f"pays_from_{method}_{name}_p{findings.lead:g}"] = found.estimate
        for p2 in findings.errors:
            for column, name in enumerate(("slope", "offset")):
                metrics[f"{name}_{method}_p{p2:g}"] = findings.fit(method, p2, column)
        for translation in findings.translations:
            for name in ("raw", findings.best(method)):
                for shots in (0, max(findings.shots)):
                    key = f"wrong_{method}_{name}_{translation}_p{findings.lead:g}_{shots or 'exact'}"
                    metrics[key] = findings.wrong(method, findings.lead, name, shots, translation)
    return metrics


def _limits(config: Config) -> list[str]:
    return [
        f"Depolarising noise after each gate ({config.convention} convention): no decay, crosstalk or drift.",
        "No errors of reading, and any qubit may talk to any other.",
        "States are prepared gate by gate; published costs of O(N log D) assume a quantum memory (qRAM).",
        "ZNE is at its best here: noise is scaled exactly and known to be depolarising.",
        "Where shots put a probability on the wrong side of 1/2, the exponential leaves it unmitigated.",
        "Data are normal; a nearest neighbour is as easy to miss as the data are dense.",
        "A k-d tree finds the nearest of so many points in microseconds: circuits are for study here.",
    ]


def figures(result: Result) -> dict[str, Figure]:
    """Draw distances, errors against noise and shots, wrong neighbours, and the bias."""
    from nonideal.experiments._distance_figures import draw

    return draw(result)
