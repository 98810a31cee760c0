"""Zero-noise extrapolation: what each extrapolant leaves of the bias, and what it costs in shots.

Four circuits (two that measure distances, a GHZ state, a brickwork of random gates) under four kinds of
noise of equal strength are folded literally and, where that is exact, run with every channel to a power.
Exact expectations at all scales give the bias that each extrapolant leaves; repeated measurements with
finite shots give its spread, and whether the same shots had been better spent without mitigation.

Source of the question: Z. Kuang et al., arXiv 2312.14460, which repairs circuit-measured distances by
zero-noise extrapolation and leaves open which scales, folds and extrapolants it took.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nonideal import Estimate
from nonideal.errors import InvalidArgument
from nonideal.experiments import BaseConfig, Curve, Result, Runner, make_result, option
from nonideal.experiments._zne_cases import (
    EXTRAPOLANTS,
    NOISES,
    OBSERVABLES,
    RAW,
    SHOTS_SEED,
    Floats,
    check_scales,
    circuit_of,
    extrapolation,
    noise_of,
)
from nonideal.experiments._zne_tables import answer, bias_table, comparison, error_table, realization_table
from nonideal.hardware import quantum
from nonideal.hardware.quantum.zne import FOLDS
from nonideal.seeds import derive_seed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Shard = Mapping[str, Any]

QUESTION = "Which extrapolation should I use, and what does it cost?"
QUICK_TIME = "10 s"
EXTRAS: tuple[str, ...] = ()

_REPEATS = {"quick": 400, "full": 4000}


@dataclass(frozen=True, kw_only=True)
class Config(BaseConfig):
    """Options of the experiment."""

    circuits: tuple[str, ...] = option(
        "swap8,hadamard8,ghz6,brickwork6", help="circuits", choices=tuple(OBSERVABLES)
    )
    noises: tuple[str, ...] = option(
        "joint,product,amplitude_damping,thermal",
        help="kinds of noise, all with the process fidelity of the joint one; figures show the first",
        choices=tuple(NOISES),
    )
    folds: tuple[str, ...] = option("gate,global", help="what is folded", choices=FOLDS)
    scales: tuple[float, ...] = option(
        "1,3,5", help="noise scales, at least three", unit="1", minimum=1, maximum=15
    )
    extrapolators: tuple[str, ...] = option(
        "linear,richardson,exponential,fitted", help="extrapolants", choices=tuple(EXTRAPOLANTS)
    )
    shots: tuple[int, ...] = option(
        "256,1024,4096,16384,65536", help="shots at each scale", minimum=16, maximum=2**30
    )
    two_qubit_error: float = option(
        1e-2, help="depolarising parameter of two-qubit gates", unit="1", above=0, maximum=0.1
    )
    one_qubit_ratio: float = option(0.1, help="that of one-qubit gates over it", unit="1", above=0, maximum=1)
    repeats: int | None = option(
        None, help="repeats of every measurement; 400 at quick scale, 4000 at full scale", minimum=8
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("circuits", "noises", "folds", "extrapolators"):
            object.__setattr__(self, name, tuple(dict.fromkeys(getattr(self, name))))
        object.__setattr__(self, "shots", tuple(sorted(set(self.shots))))
        if len(self.scales) < 3:
            raise InvalidArgument(f"scales = {self.scales} are fewer than 3")
        extrapolation("richardson", sorted(self.scales))  # refuses repeated ones
        for circuit in self.circuits:
            for fold in self.folds:
                check_scales(circuit, fold, sorted(self.scales))


def run(config: Config, runner: Runner | None = None) -> Result:
    """Run every circuit under every noise with every fold, and extrapolate.

    Parameters
    ----------
    config : Config
        What to vary.
    runner : Runner or None
        Where shards run; None: here, quietly.

    Returns
    -------
    Result
        Biases, exact; spreads and errors against shots with error bars; where noise scales as a channel.
    """
    config = config.with_seed()
    runner = runner or Runner()
    cases = [(c, n, f) for c in config.circuits for n in config.noises for f in config.folds]
    repeats = config.repeats or _REPEATS[config.scale]
    shared = {
        "scales": sorted(config.scales),
        "extrapolators": list(config.extrapolators),
        "shots": list(config.shots),
        "two_qubit_error": config.two_qubit_error,
        "one_qubit_ratio": config.one_qubit_ratio,
        "repeats": repeats,
        "seed": config.seed,
    }
    shards = [{**shared, "circuit": c, "noise": n, "fold": f} for c, n, f in cases]
    found = dict(zip(cases, runner.map(mitigate, shards, label="circuits"), strict=True))

    curves: dict[str, Curve] = {}
    metrics: dict[str, Estimate] = {}
    for case, one in found.items():
        key = "_".join(case)
        biases = {name: value - one["ideal"] for name, value in ({RAW: one["raw"]} | one["exact"]).items()}
        curves[f"{key}_bias"] = Curve(
            tuple(range(len(biases))),
            "no mitigation (0), then the extrapolants",
            tuple(biases.values()),
            "bias",
        )
        if case[1:] == (config.noises[0], config.folds[0]):
            metrics[f"{case[0]}_ideal"] = Estimate.exact(one["ideal"])
            metrics |= {f"{case[0]}_{name}_bias": Estimate.exact(bias) for name, bias in biases.items()}
        for name in (RAW, *config.extrapolators):
            rows = one["measured"][name]
            for what, y_label in (
                ("error", "root mean squared error"),
                ("spread", "standard deviation"),
            ):
                curves[f"{key}_{name}_{what}"] = Curve(
                    tuple(len(one["scales"]) * shots for shots in config.shots),
                    "shots in all",
                    tuple(row[what] for row in rows),
                    y_label,
                    tuple(row[f"{what}_se"] for row in rows),
                    repeats,
                )
        curves[f"{key}_scaled"] = Curve(
            tuple(one["scales"]), "noise scale", tuple(one["by_scale"]), "expectation"
        )
    differences = [one["difference"] for one in found.values() if one["difference"] is not None]
    if differences:
        metrics["largest_difference_of_channel_and_circuit"] = Estimate.exact(max(differences))
    ratios = [ratio for one in found.values() for ratio in one["ratios"]]
    if len(ratios) > 1:
        metrics["spread_over_prediction"] = Estimate.from_samples(ratios)
    return make_result(
        __name__,
        config,
        answer=answer(config, found),
        metrics=metrics,
        curves=curves,
        comparison=comparison(config, found),
        tables={
            "bias": bias_table(config, found),
            "error": error_table(config, found),
            "realization": realization_table(found),
        },
        limits=[
            "One circuit and one observable of each kind; other points and other random gates differ.",
            "Noise does not drift between scales, and every gate's inverse is as noisy as the gate.",
            "No readout errors: extrapolation does not remove them.",
            "The asymptote 0 holds for unital noise; damping and thermal relaxation end in state 0.",
        ],
    )


def mitigate(shard: Shard) -> dict[str, Any]:
    """Return exact and measured expectations of one circuit under one noise, extrapolated every way."""
    circuit = circuit_of(shard["circuit"], shard["seed"])
    observable = OBSERVABLES[shard["circuit"]]
    noise = noise_of(
        shard["noise"], shard["one_qubit_ratio"] * shard["two_qubit_error"], shard["two_qubit_error"]
    )
    simulator = quantum.Simulator(noise, seed=shard["seed"])
    plan = {"scales": shard["scales"], "fold": shard["fold"], "on_crossing": "raw"}
    literal = quantum.ZNE(**plan, realization="circuit")
    folded = literal.expectation(simulator, circuit, observable)
    obstacle = literal.obstacle(circuit, noise)
    difference = speed = None
    if not obstacle:
        power = quantum.ZNE(**plan, realization="channel")
        scaled = power.expectation(simulator, circuit, observable)
        if scaled.scales == folded.scales:
            difference = float(np.max(np.abs(scaled.by_scale - folded.by_scale)))
        slow = _seconds(lambda: literal.expectation(simulator, circuit, observable))
        speed = slow / _seconds(lambda: power.expectation(simulator, circuit, observable))
    exact: Floats = folded.by_scale
    ideal = simulator.with_noise(None).expectation(circuit, observable).value
    raw = simulator.expectation(circuit, observable).value

    measured: dict[str, list[dict[str, float]]] = {name: [] for name in (RAW, *shard["extrapolators"])}
    ways = {name: extrapolation(name, folded.scales) for name in shard["extrapolators"]}
    variances = 1.0 - np.square(exact)  # of one shot
    at_zero = {name: way.extrapolate(exact, variances)[0] for name, way in ways.items()}
    raw_variance = (1.0 - raw**2) / len(exact)
    budgets = {
        name: quantum.ErrorBudget(
            ideal, raw, at_zero[name], raw_variance, way.extrapolate(exact, variances)[1], len(exact)
        )
        for name, way in ways.items()
    }
    ratios = []  # of measured spreads over those that the delta method predicts
    for step, shots in enumerate(shard["shots"]):
        values, errors = _measure(exact, shots, shard, 2 * step)
        everything, _ = _measure(np.array([raw]), shots * len(exact), shard, 2 * step + 1)
        measured[RAW].append(_statistics(everything[0], ideal))
        for name, way in ways.items():
            value, _ = way.extrapolate(values, np.square(errors))
            row = _statistics(value, ideal)
            measured[name].append(row)
            if name in ("linear", "richardson"):  # the delta method is exact for these
                ratios.append(row["spread"] / math.sqrt(budgets[name].variance / shots))
    return {
        "ideal": ideal,
        "raw": raw,
        "scales": list(folded.scales),
        "by_scale": exact.tolist(),
        "exact": at_zero,
        "break_even": {name: _finite(budget.break_even_shots) for name, budget in budgets.items()},
        "measured": measured,
        "ratios": ratios,
        "obstacle": obstacle,
        "difference": difference,
        "speed": speed,
        "gates": circuit.gate_counts,
    }


def _seconds(call: Callable[[], object]) -> float:
    """Return the shortest of three times."""

    def once() -> float:
        start = time.perf_counter()
        call()
        return time.perf_counter() - start

    return min(once() for _ in range(3))


def _finite(shots: float) -> float | None:
    return float(shots) if math.isfinite(shots) else None


def _measure(exact: Floats, shots: int, shard: Shard, stream: int) -> tuple[Floats, Floats]:
    """Return measured values and standard errors (n, repeats) of +-1 observables with these expectations.

    Outcomes depend on the expectation alone, so that a qubit turned by arccos of it stands for the circuit:
    all repeats of all scales are one batch.
    """
    repeats = shard["repeats"]
    theta = quantum.Parameter("theta")
    seed = derive_seed(shard["seed"], SHOTS_SEED, *_place(shard))
    coin = quantum.Simulator(seed=seed)
    angles = np.repeat(np.arccos(np.clip(exact, -1.0, 1.0)), repeats)[:, None]
    found = coin.expectation(quantum.Circuit(1).ry(theta, 0), "Z0", shots, stream=stream, parameters=angles)
    return found.value.reshape(-1, repeats), found.standard_error.reshape(-1, repeats)


def _place(shard: Shard) -> tuple[int]:
    """Return a number for circuit, noise and fold that does not depend on which others are asked for."""
    names = tuple(OBSERVABLES), tuple(NOISES), tuple(FOLDS)
    place = 0
    for name, known in zip((shard["circuit"], shard["noise"], shard["fold"]), names, strict=True):
        place = place * len(known) + known.index(name)
    return (place,)


def _statistics(values: Floats, ideal: float) -> dict[str, float]:
    """Return spread and root mean squared error of repeated results, with standard errors."""
    n = len(values)
    squares = np.square(values - ideal)
    error, spread = math.sqrt(squares.mean()), float(values.std(ddof=1))
    fourth = float(np.mean(np.square(np.square(values - values.mean()))))
    return {
        "error": error,
        "error_se": float(squares.std(ddof=1)) / (2.0 * error * math.sqrt(n)) if error else 0.0,
        "spread": spread,
        "spread_se": math.sqrt(max(fourth - spread**4, 0.0) / n) / (2.0 * spread) if spread else 0.0,
    }


def figures(result: Result) -> dict[str, Figure]:
    """Draw the decay with the noise, bias against spread, and the error against shots."""
    from nonideal.experiments._zne_figures import draw

    return draw(result)
