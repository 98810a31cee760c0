"""Answer, tables and comparison of quantum-zne."""

from __future__ import annotations

import importlib
import math
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nonideal.experiments import Comparison, Table
from nonideal.experiments._zne_cases import RAW, title_of
from nonideal.hardware import quantum

if TYPE_CHECKING:
    from nonideal.experiments.quantum_zne import Config

Cases = Mapping[tuple[str, str, str], Mapping[str, Any]]


def _best(one: Mapping[str, Any], step: int) -> str:
    errors = {name: float(rows[step]["error"]) for name, rows in one["measured"].items()}
    return str(min(errors, key=errors.__getitem__))


def answer(config: Config, found: Cases) -> str:
    """Return the answer in one sentence."""
    n_scales = len(config.scales)

    def winners(step: int) -> str:
        counts = Counter(_best(one, step) for one in found.values())
        return ", ".join(f"{title_of(name)} in {count}" for name, count in counts.most_common())

    def total(step: int) -> str:
        return f"{n_scales * config.shots[step]:,}"

    exact = Counter(
        min(one["exact"], key=lambda n: abs(one["exact"][n] - one["ideal"])) for one in found.values()
    )
    text = (
        f"Of {len(found)} cases (circuit, noise, fold) the least bias is left by "
        + ", ".join(f"{title_of(name)} in {count}" for name, count in exact.most_common())
        + f"; with {total(0)} shots in all the least error is that of {winners(0)}"
    )
    if len(config.shots) > 1:
        text += f", with {total(-1)} that of {winners(-1)}"
    pays = [min((v for v in one["break_even"].values() if v), default=math.inf) for one in found.values()]
    if math.isfinite(middle := float(np.median(pays))):
        text += f"; in half of the cases some mitigation pays from {middle:,.0f} shots on"
    return text + "."


def bias_table(config: Config, found: Cases) -> Table:
    """Return what exact probabilities are off by, raw and extrapolated."""
    rows = [
        (
            *case,
            f"{one['ideal']:.4f}",
            f"{one['raw'] - one['ideal']:+.2g}",
            *(f"{one['exact'][name] - one['ideal']:+.2g}" for name in config.extrapolators),
        )
        for case, one in found.items()
    ]
    heads = ("circuit", "noise", "fold", "ideal", "no mitigation", *map(title_of, config.extrapolators))
    note = (
        "Exact expectations minus the ideal one, at an unlimited number of shots; weights as with shots. All "
        "noises have the same process fidelity gate by gate. Folding multiplies noise exactly where it "
        "commutes with the gates (joint); elsewhere a bias may stay that no extrapolant removes."
    )
    return Table("Bias", heads, tuple(rows), note)


def error_table(config: Config, found: Cases) -> Table:
    """Return errors with shots, raw and extrapolated, of as many shots in all."""
    step = len(config.shots) // 2
    total = len(config.scales) * config.shots[step]

    def cell(row: Mapping[str, float]) -> str:
        return f"{row['error']:.2g} ± {row['error_se']:.1g}"

    def even(shots: float | None) -> str:
        return "never" if shots is None else f"{shots:,.0f}"

    rows = [
        (
            *case,
            cell(one["measured"][RAW][step]),
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
        *map(title_of, config.extrapolators),
        "shots from which each pays",
    )
    note = (
        "Without mitigation all shots are spent at scale 1. Each extrapolant pays where bias and variance "
        "together fall below that, by exact expectations and the delta method."
    )
    return Table(f"Root mean squared error with {total:,} shots in all", heads, tuple(rows), note)


def realization_table(found: Cases) -> Table:
    """Return where channel powers stand for folds, and why not elsewhere."""
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


def comparison(config: Config, found: Cases) -> list[Comparison]:
    """Return textbook and published figures beside ours."""
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
            errors = {way: one["measured"][way][step]["error"] for way in (RAW, best)}
            ideal = math.sqrt((1.0 - one["ideal"] ** 2) / total)
            rows.append(
                Comparison(
                    f"{name}: error of the measured expectation, without and with mitigation",
                    "mitigation brings distances close to noiseless (abstract of arXiv 2312.14460)",
                    f"{errors[RAW]:.2g} and {errors[best]:.2g} ({title_of(best)}), noiseless {ideal:.2g}",
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
