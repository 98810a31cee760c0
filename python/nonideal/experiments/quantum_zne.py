"""Zero-noise extrapolation: what each extrapolant leaves of the bias, and what it costs in shots.

Four circuits (two that measure distances, a GHZ state, a brickwork of random gates) under four kinds of
noise of equal strength are folded literally and, where that is exact, run with every channel to a power.
Exact expectations at all scales give the bias that each extrapolant leaves; repeated measurements with
finite shots give its spread, and whether the same shots had been better spent without mitigation.

Source of the question: Z. Kuang et al., arXiv 2312.14460, which repairs circuit-measured distances by
zero-noise extrapolation and leaves open which scales, folds and extrapolants it took.
"""

from __future__ import annotations

import importlib
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy import optimize

from nonideal import Estimate
from nonideal.errors import InvalidArgument
from nonideal.experiments import (
    BaseConfig,
    Comparison,
    Curve,
    Result,
    Runner,
    Table,
    make_result,
    option,
)
from nonideal.hardware import quantum
from nonideal.hardware.quantum.zne import FOLDS
from nonideal.seeds import derive_seed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]
Shard = Mapping[str, Any]

QUESTION = "Which extrapolation should I use, and what does it cost?"
QUICK_TIME = "30 s"
EXTRAS: tuple[str, ...] = ()

_REPEATS = {"quick": 400, "full": 4000}
_CIRCUIT, _SHOTS = range(2)  # first index of derived seeds
_T2_OVER_T1 = 0.7

#: Extrapolant -> what it is, for legends, and how a `quantum.ZNE` says it. A Pauli string decays to 0.
_EXTRAPOLANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "linear": ("linear", {"extrapolator": "linear"}),
    "richardson": ("Richardson", {"extrapolator": "richardson"}),
    "exponential": ("exponential to 0", {"extrapolator": "exponential", "asymptote": 0.0}),
    "fitted": ("exponential, fitted asymptote", {"extrapolator": "exponential"}),
}
_NOISES = {
    "joint": "joint depolarising",
    "product": "product depolarising",
    "amplitude_damping": "amplitude damping",
    "thermal": f"thermal relaxation, T2 = {_T2_OVER_T1:g} T1",
}
_OBSERVABLES = {
    "swap8": "Z0",
    "hadamard8": "Z0",
    "ghz6": "X0 X1 X2 X3 X4 X5",
    "brickwork6": "Z0 Z1",
}
_RAW = "raw"
_LEAST_BIAS = 1e-6  # that a figure tells from none


@dataclass(frozen=True, kw_only=True)
class Config(BaseConfig):
    """Options of the experiment."""

    circuits: tuple[str, ...] = option(
        "swap8,hadamard8,ghz6,brickwork6", help="circuits", choices=tuple(_OBSERVABLES)
    )
    noises: tuple[str, ...] = option(
        "joint,product,amplitude_damping,thermal",
        help="kinds of noise, all with the process fidelity of the joint one; figures show the first",
        choices=tuple(_NOISES),
    )
    folds: tuple[str, ...] = option("gate,global", help="what is folded", choices=FOLDS)
    scales: tuple[float, ...] = option(
        "1,3,5", help="noise scales, at least three", unit="1", minimum=1, maximum=15
    )
    extrapolators: tuple[str, ...] = option(
        "linear,richardson,exponential,fitted", help="extrapolants", choices=tuple(_EXTRAPOLANTS)
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
        _zne("richardson", sorted(self.scales))  # refuses repeated ones
        for circuit in self.circuits:
            for fold in self.folds:
                _check_scales(circuit, fold, sorted(self.scales))


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
        biases = {name: value - one["ideal"] for name, value in ({_RAW: one["raw"]} | one["exact"]).items()}
        curves[f"{key}_bias"] = Curve(
            tuple(range(len(biases))),
            "no mitigation (0), then the extrapolants",
            tuple(biases.values()),
            "bias",
        )
        if case[1:] == (config.noises[0], config.folds[0]):
            metrics[f"{case[0]}_ideal"] = Estimate.exact(one["ideal"])
            metrics |= {f"{case[0]}_{name}_bias": Estimate.exact(bias) for name, bias in biases.items()}
        for name in (_RAW, *config.extrapolators):
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
        answer=_answer(config, found),
        metrics=metrics,
        curves=curves,
        comparison=_comparison(config, found),
        tables={
            "bias": _bias_table(config, found),
            "error": _error_table(config, found),
            "realization": _realization_table(found),
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
    circuit = _circuit(shard["circuit"], shard["seed"])
    observable = _OBSERVABLES[shard["circuit"]]
    noise = _noise(
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

    measured: dict[str, list[dict[str, float]]] = {name: [] for name in (_RAW, *shard["extrapolators"])}
    ways = {name: _zne(name, folded.scales) for name in shard["extrapolators"]}
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
        measured[_RAW].append(_statistics(everything[0], ideal))
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


def _zne(name: str, scales: Sequence[float]) -> quantum.ZNE:
    return quantum.ZNE(scales=tuple(scales), on_crossing="raw", **_EXTRAPOLANTS[name][1])


def _check_scales(name: str, fold: str, scales: Sequence[float]) -> None:
    """Refuse scales that are one where whole gates are folded."""
    circuit = _circuit(name, 0)
    n_gates = [len(circuit.folded(scale, fold, 0).instructions) for scale in scales]
    for i, (fewer, more) in enumerate(pairwise(n_gates)):
        if fewer == more:
            raise InvalidArgument(
                f"scales = {scales[i]:g}, {scales[i + 1]:g} are the same for circuit {name!r} of "
                f"{len(circuit.instructions)} gates, fold = {fold!r}"
            )


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
    seed = derive_seed(shard["seed"], _SHOTS, *_place(shard))
    coin = quantum.Simulator(seed=seed)
    angles = np.repeat(np.arccos(np.clip(exact, -1.0, 1.0)), repeats)[:, None]
    found = coin.expectation(quantum.Circuit(1).ry(theta, 0), "Z0", shots, stream=stream, parameters=angles)
    return found.value.reshape(-1, repeats), found.standard_error.reshape(-1, repeats)


def _place(shard: Shard) -> tuple[int]:
    """Return a number for circuit, noise and fold that does not depend on which others are asked for."""
    names = tuple(_OBSERVABLES), tuple(_NOISES), tuple(FOLDS)
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


def _circuit(name: str, seed: int) -> quantum.Circuit:
    rng = np.random.default_rng(derive_seed(seed, _CIRCUIT, tuple(_OBSERVABLES).index(name)))
    if name in ("swap8", "hadamard8"):
        a = rng.standard_normal(8)
        b = a + 0.5 * rng.standard_normal(8)
        distance = quantum.DistanceEstimator(method="swap" if name == "swap8" else "hadamard").circuit(a, b)
        circuit = quantum.Circuit(distance.n_qubits)
        for instruction in distance.instructions:  # without the measurement: the observable says what
            circuit.append(instruction)
        return circuit
    circuit = quantum.Circuit(6)
    if name == "ghz6":
        circuit.h(0)
        for qubit in range(5):
            circuit.cx(qubit, qubit + 1)
        return circuit
    for layer in range(6):
        for qubit in range(6):
            circuit.rx(rng.uniform(-0.5, 0.5), qubit).rz(rng.uniform(-0.5, 0.5), qubit)
        for qubit in range(layer % 2, 5, 2):
            circuit.cx(qubit, qubit + 1)
    return circuit


_ONE_QUBIT = tuple(name for name, gate in quantum.GATES.items() if gate.n_qubits == 1)
_TWO_QUBITS = tuple(name for name, gate in quantum.GATES.items() if gate.n_qubits == 2)


def _noise(kind: str, p1: float, p2: float) -> quantum.NoiseModel:
    """Return a model whose gates have the process fidelity of joint depolarising noise with p1 and p2."""
    if kind == "joint":
        return quantum.NoiseModel.depolarizing(p1, p2)
    model = quantum.NoiseModel()
    for p, n_qubits, gates in ((p1, 1, _ONE_QUBIT), (p2, 2, _TWO_QUBITS)):
        want = _fidelity(quantum.Channel.depolarizing(p, n_qubits))

        def excess(strength: float, n_qubits: int = n_qubits, want: float = want) -> float:
            return _fidelity(_channel(kind, strength, n_qubits)) - want

        strength = float(optimize.brentq(excess, 0.0, 0.5, xtol=1e-15))
        model.add(_channel(kind, strength, n_qubits), gates)
    return model


def _channel(kind: str, strength: float, n_qubits: int) -> quantum.Channel:
    if kind == "product":
        one = quantum.Channel.depolarizing(strength)
    elif kind == "amplitude_damping":
        one = quantum.Channel.amplitude_damping(strength)
    else:
        one = quantum.Channel.thermal_relaxation(1.0, _T2_OVER_T1, strength)
    return one if n_qubits == 1 else one.tensor(one)


def _fidelity(channel: quantum.Channel) -> float:
    return float(np.trace(channel.pauli_transfer_matrix)) / float(4**channel.n_qubits)


# ---- what the report says ----

Cases = Mapping[tuple[str, str, str], Mapping[str, Any]]


def _best(one: Mapping[str, Any], step: int) -> str:
    errors = {name: float(rows[step]["error"]) for name, rows in one["measured"].items()}
    return str(min(errors, key=errors.__getitem__))


def _answer(config: Config, found: Cases) -> str:
    n_scales = len(config.scales)

    def winners(step: int) -> str:
        counts = Counter(_best(one, step) for one in found.values())
        return ", ".join(f"{_title(name)} in {count}" for name, count in counts.most_common())

    def total(step: int) -> str:
        return f"{n_scales * config.shots[step]:,}"

    exact = Counter(
        min(one["exact"], key=lambda n: abs(one["exact"][n] - one["ideal"])) for one in found.values()
    )
    text = (
        f"Of {len(found)} cases (circuit, noise, fold) the least bias is left by "
        + ", ".join(f"{_title(name)} in {count}" for name, count in exact.most_common())
        + f"; with {total(0)} shots in all the least error is that of {winners(0)}"
    )
    if len(config.shots) > 1:
        text += f", with {total(-1)} that of {winners(-1)}"
    pays = [min((v for v in one["break_even"].values() if v), default=math.inf) for one in found.values()]
    if math.isfinite(middle := float(np.median(pays))):
        text += f"; in half of the cases some mitigation pays from {middle:,.0f} shots on"
    return text + "."


def _title(name: str) -> str:
    return "no mitigation" if name == _RAW else _EXTRAPOLANTS[name][0]


def _bias_table(config: Config, found: Cases) -> Table:
    rows = [
        (
            *case,
            f"{one['ideal']:.4f}",
            f"{one['raw'] - one['ideal']:+.2g}",
            *(f"{one['exact'][name] - one['ideal']:+.2g}" for name in config.extrapolators),
        )
        for case, one in found.items()
    ]
    heads = ("circuit", "noise", "fold", "ideal", "no mitigation", *map(_title, config.extrapolators))
    note = (
        "Exact expectations minus the ideal one, at an unlimited number of shots; weights as with shots. All "
        "noises have the same process fidelity gate by gate. Folding multiplies noise exactly where it "
        "commutes with the gates (joint); elsewhere a bias may stay that no extrapolant removes."
    )
    return Table("Bias", heads, tuple(rows), note)


def _error_table(config: Config, found: Cases) -> Table:
    step = len(config.shots) // 2
    total = len(config.scales) * config.shots[step]

    def cell(row: Mapping[str, float]) -> str:
        return f"{row['error']:.2g} ± {row['error_se']:.1g}"

    def even(shots: float | None) -> str:
        return "never" if shots is None else f"{shots:,.0f}"

    rows = [
        (
            *case,
            cell(one["measured"][_RAW][step]),
            *(cell(one["measured"][name][step]) for name in config.extrapolators),
            " / ".join(even(one["break_even"][name]) for name in config.extrapolators),
        )
        for case, one in found.items()
    ]
    heads = (
        "circuit",
        "noise",
        "fold",
        "no mitigation",
        *map(_title, config.extrapolators),
        "shots from which each pays",
    )
    note = (
        "Without mitigation all shots are spent at scale 1. Each extrapolant pays where bias and variance "
        "together fall below that, by exact expectations and the delta method."
    )
    return Table(f"Root mean squared error with {total:,} shots in all", heads, tuple(rows), note)


def _realization_table(found: Cases) -> Table:
    rows = []
    for case, one in found.items():
        if one["obstacle"]:
            rows.append((*case, "no", one["obstacle"], "", ""))
            continue
        difference = "" if one["difference"] is None else f"{one['difference']:.1e}"
        rows.append((*case, "yes", "", difference, f"{one['speed']:.2g}"))
    heads = (
        "circuit",
        "noise",
        "fold",
        "exact as a channel's power",
        "why not",
        "difference",
        "times as fast, this machine",
    )
    note = (
        "Difference of expectations from those of literally folded circuits; time of one run of all scales."
    )
    return Table("Scaling noise without folding", heads, tuple(rows), note)


def _comparison(config: Config, found: Cases) -> list[Comparison]:
    rows = []
    weights = quantum.ZNE(scales=(1, 3, 5)).extrapolate(np.zeros(3), np.ones(3))[1]
    rows.append(
        Comparison(
            "variance factor of Richardson extrapolation at scales 1, 3, 5",
            "334/64 = 5.219 (Lagrange weights 15/8, -10/8, 3/8)",
            f"{weights:.3f}",
            "the same formula; a weighted sum of independent results",
        )
    )
    step = len(config.shots) - 1
    total = len(config.scales) * config.shots[step]
    for name in ("swap8", "hadamard8"):
        one = found.get((name, config.noises[0], config.folds[0]))
        if one is not None:
            best = _best(one, step)
            errors = {way: one["measured"][way][step]["error"] for way in (_RAW, best)}
            ideal = math.sqrt((1.0 - one["ideal"] ** 2) / total)
            rows.append(
                Comparison(
                    f"{name}: error of the measured expectation, without and with mitigation",
                    "mitigation brings distances close to noiseless (abstract of arXiv 2312.14460)",
                    f"{errors[_RAW]:.2g} and {errors[best]:.2g} ({_title(best)}), noiseless {ideal:.2g}",
                    f"root mean squared error with {total:,} shots in all; with fewer, mitigation gains less",
                )
            )
    differences = [one["difference"] for one in found.values() if one["difference"] is not None]
    if differences:
        rows.append(
            Comparison(
                "gate fold against the power of a joint depolarising channel",
                "equal (the channel commutes with every gate on its qubits)",
                f"largest difference {max(differences):.0e}",
                "rounding",
            )
        )
    for name in ("swap8", "hadamard8"):
        pair = [found.get((name, "joint", fold)) for fold in ("gate", "global")]
        if pair[0] and pair[1] and pair[0]["scales"] == pair[1]["scales"]:
            gap = np.abs(np.subtract(pair[0]["by_scale"], pair[1]["by_scale"])) / 2
            rows.append(
                Comparison(
                    f"{name}: probability, gate against global fold",
                    None,
                    ", ".join(
                        f"{g:.1e} at scale {s:g}"
                        for g, s in zip(gap, pair[0]["scales"], strict=True)
                        if s > 1
                    ),
                    "the two folds put the noise in different places",
                )
            )
    rows.append(_against_mitiq(config, found))
    return rows


def _against_mitiq(config: Config, found: Cases) -> Comparison:
    """Hold linear, polynomial and Richardson values against mitiq's, on the same exact expectations."""
    quantity = "linear, quadratic and Richardson values, against mitiq's"
    try:
        inference = importlib.import_module("mitiq.zne.inference")
    except ImportError:
        return Comparison(
            quantity, None, "not compared", "mitiq is not installed: nonideal[quantum] brings it"
        )
    worst = 0.0
    for one in found.values():
        scales, y = one["scales"], one["by_scale"]
        pairs = [
            (quantum.ZNE(scales, extrapolator="linear"), inference.LinearFactory.extrapolate(scales, y)),
            (quantum.ZNE(scales), inference.RichardsonFactory.extrapolate(scales, y)),
            (
                quantum.ZNE(scales, extrapolator="polynomial", order=2),
                inference.PolyFactory.extrapolate(scales, y, 2),
            ),
        ]
        worst = max(worst, *(abs(ours.extrapolate(y)[0] - theirs) for ours, theirs in pairs))
    met = "below 1e-10" if worst < 1e-10 else f"{worst:.1e}"
    return Comparison(
        quantity, "mitiq's factories on the same data", f"largest difference {met}", "equal up to rounding"
    )


# ---- figures, of the first noise and fold ----


def figures(result: Result) -> dict[str, Figure]:
    """Draw the decay with the noise, bias against spread, and the error against shots."""
    return {
        "decay": _draw_decay(result),
        "bias_and_spread": _draw_bias_and_spread(result),
        "error_against_shots": _draw_errors(result),
    }


def _panels(result: Result, caption: str) -> tuple[Figure, list[tuple[str, Axes]]]:
    from nonideal.report.figures import new_figure

    circuits = result.config["circuits"]
    columns = min(2, len(circuits))
    rows = math.ceil(len(circuits) / columns)
    figure, grid = new_figure(
        caption, rows=rows, columns=columns, width=4.6 * columns, height=0.6 + 3.0 * rows, squeeze=False
    )
    for axes in grid.ravel()[len(circuits) :]:
        axes.remove()
    panels = list(zip(circuits, grid.ravel(), strict=False))
    for name, axes in panels:
        axes.set_title(f"{name}, {_spaced(_OBSERVABLES[name])}")
    return figure, panels


def _biases(result: Result, key: str) -> dict[str, float]:
    names = (_RAW, *result.config["extrapolators"])
    return dict(zip(names, result.curves[f"{key}_bias"].y, strict=True))


def _spaced(observable: str) -> str:
    return observable if len(observable) < 9 else f"{observable[:5]} ... {observable[-2:]}"


def _styles() -> dict[str, dict[str, Any]]:
    from nonideal.report.figures import COLORS, MARKERS

    names = (*_EXTRAPOLANTS, _RAW)
    return {
        name: {"color": color, "marker": marker}
        for name, color, marker in zip(names, (*COLORS[:4], COLORS[5]), MARKERS, strict=False)
    }


def _draw_decay(result: Result) -> Figure:
    noise, fold = result.config["noises"][0], result.config["folds"][0]
    figure, panels = _panels(
        result,
        f"Exact expectation against the noise scale ({_NOISES[noise]}, {fold} fold) and what it is "
        "extrapolated to at scale 0; the dashed line is the noiseless value.",
    )
    styles = _styles()
    for name, axes in panels:
        key = f"{name}_{noise}_{fold}"
        curve = result.curves[f"{key}_scaled"]
        biases = _biases(result, key)
        ideal = result.metrics[f"{name}_ideal"].value
        axes.axhline(ideal, color=styles[_RAW]["color"], linestyle="--", linewidth=1.2)
        for way in result.config["extrapolators"]:
            at_zero = ideal + biases[way]
            s = np.linspace(0.0, curve.x[-1], 121).astype(np.float64)
            axes.plot(
                s, _through(way, curve, at_zero, s), color=styles[way]["color"], marker="", linewidth=1.1
            )
            axes.plot([0.0], [at_zero], linestyle="none", label=_title(way), markersize=6, **styles[way])
        axes.plot(
            curve.x,
            curve.y,
            linestyle="none",
            marker="o",
            markersize=6,
            color="none",
            mec=styles[_RAW]["color"],
        )
        axes.set_xlabel(curve.x_label)
        axes.set_ylabel(curve.y_label)
    panels[0][1].legend(fontsize=8)
    return figure


def _through(way: str, curve: Curve, at_zero: float, s: Floats) -> Floats:
    """Return the extrapolant at the scales s."""
    x, y = np.array(curve.x), np.array(curve.y)
    weights = 1.0 / (1.0 - y**2 + 1e-300)
    if way == "linear":
        return np.asarray(np.polynomial.Polynomial.fit(x, y, 1, w=np.sqrt(weights))(s))
    if way == "richardson":
        return np.asarray(np.polynomial.Polynomial.fit(x, y, len(x) - 1)(s))
    if way == "exponential":
        if not (y * y[0] > 0).all():
            return np.full_like(s, np.nan)
        line = np.polynomial.Polynomial.fit(x, np.log(np.abs(y)), 1, w=np.sqrt(weights) * np.abs(y))
        return np.asarray(np.sign(y[0]) * np.exp(line(s)))

    def curve_of(at: Floats, a: float, c: float) -> Floats:
        return np.asarray(a + (at_zero - a) * np.exp(-c * at))

    try:
        found, _ = optimize.curve_fit(curve_of, x, y, p0=(2 * y[-1] - y[-2], 0.2), maxfev=5000)
    except RuntimeError:  # no exponential goes through these points
        return np.full_like(s, np.nan)
    return curve_of(s, *found)


def _draw_bias_and_spread(result: Result) -> Figure:
    from matplotlib.lines import Line2D

    config = result.config
    step = len(config["shots"]) // 2
    total = len(config["scales"]) * config["shots"][step]
    figure, panels = _panels(
        result,
        f"What is left of the bias, and the standard deviation at {total:,} shots in all: a point for every "
        f"noise (filled: first fold, hollow: others; biases below {_LEAST_BIAS:g} are drawn there). The root "
        "mean squared error is the same along a grey line; the closer to the lower left, the better.",
    )
    styles = _styles()
    for name, axes in panels:
        points = []
        for noise in config["noises"]:
            for fold in config["folds"]:
                key = f"{name}_{noise}_{fold}"
                for way, bias in _biases(result, key).items():
                    spread = result.curves[f"{key}_{way}_spread"].y[step]
                    points.append((max(abs(bias), _LEAST_BIAS), spread))
                    face = styles[way]["color"] if fold == config["folds"][0] else "none"
                    axes.plot(
                        *points[-1], linestyle="none", markersize=6, markerfacecolor=face, **styles[way]
                    )
        x, y = np.array(points).T
        _arcs(axes, x, y)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlim(x.min() / 2, x.max() * 2)
        axes.set_ylim(y.min() / 1.6, y.max() * 1.6)
        axes.set_xlabel("|bias|")
        axes.set_ylabel("standard deviation")
    handles = [
        Line2D([], [], linestyle="none", label=_title(way), **styles[way])
        for way in (_RAW, *config["extrapolators"])
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=8.5)
    return figure


def _arcs(axes: Axes, x: Floats, y: Floats) -> None:
    """Draw lines of equal root mean squared error."""
    from nonideal.report.figures import RULE

    turn = np.arctan(np.geomspace(1e-7, 1e7, 400))
    reach = np.hypot(x, y)
    low, high = math.floor(math.log10(reach.min())), math.ceil(math.log10(reach.max()))
    for power in range(low, high + 1):
        for digit in (1, 3):
            radius = digit * 10.0**power
            axes.plot(
                radius * np.cos(turn), radius * np.sin(turn), color=RULE, marker="", linewidth=1.0, zorder=0
            )
    axes.grid(visible=False)


def _draw_errors(result: Result) -> Figure:
    from nonideal.report.figures import draw_curve

    noise, fold = result.config["noises"][0], result.config["folds"][0]
    figure, panels = _panels(
        result,
        f"Root mean squared error against all shots spent ({_NOISES[noise]}, {fold} fold). Without "
        "mitigation the bias is a floor; an extrapolant pays where its line falls below the grey one.",
    )
    styles = _styles()
    for name, axes in panels:
        for way in (_RAW, *result.config["extrapolators"]):
            curve = result.curves[f"{name}_{noise}_{fold}_{way}_error"]
            draw_curve(axes, curve, label=_title(way), **styles[way])
        axes.set_xscale("log")
        axes.set_yscale("log")
    panels[0][1].legend(fontsize=8)
    return figure
