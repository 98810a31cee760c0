"""What quantum-distance has measured, as estimates and curves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nonideal import Estimate
from nonideal.experiments._noisy_search import lead_error
from nonideal.report import Curve

__all__ = ["Findings", "PaysFrom", "pays_from"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Findings:
    """Results of all shards, by (method, two-qubit error); an error of 0 is the noiseless machine.

    Parameters
    ----------
    shards : mapping
        What `nonideal.experiments.quantum_distance.measure` returned.
    methods, errors, shots, mitigations, translations
        The axes; shots begin with 0 (exact probabilities), mitigations with "raw", errors leave out 0.
    n_scales : int
        Circuits that an extrapolation takes for one distance.
    n_queries : int
        Searches per data set.
    """

    shards: Mapping[tuple[str, float], Mapping[str, Any]]
    methods: tuple[str, ...]
    errors: tuple[float, ...]
    shots: tuple[int, ...]
    mitigations: tuple[str, ...]
    translations: tuple[str, ...]
    n_scales: int
    n_queries: int

    @property
    def lead(self) -> float:
        """The error rate that the answer is about."""
        return lead_error(self.errors)

    def errors_by_repeat(self, method: str, p2: float, mitigation: str) -> Floats:
        """Return median relative errors of a distance: (repeats, shots)."""
        found: Floats = self.shards[method, p2]["error"][:, :, self.mitigations.index(mitigation)]
        return found

    def error(self, method: str, p2: float, mitigation: str, shots: int) -> Estimate:
        """Return the median relative error of a distance, averaged over data sets."""
        column = self.shots.index(shots)
        return Estimate.from_samples(self.errors_by_repeat(method, p2, mitigation)[:, column])

    def wrong(self, method: str, p2: float, mitigation: str, shots: int, translation: str) -> Estimate:
        """Return the share of searches that found another point than the nearest."""
        counts = self.shards[method, p2]["wrong"][
            :,
            self.shots.index(shots),
            self.mitigations.index(mitigation),
            self.translations.index(translation),
        ]
        return Estimate.from_counts(int(counts.sum()), len(counts) * self.n_queries)

    def fit(self, method: str, p2: float, column: int) -> Estimate:
        """Return slope (0), offset (1) or remainder (2) of the noisy distance as a line in the exact one."""
        return Estimate.from_samples(self.shards[method, p2]["fit"][:, column])

    def best(self, method: str) -> str:
        """Return the extrapolation with the least error for exact probabilities at the leading rate."""
        return min(
            self.mitigations[1:], key=lambda name: self.error(method, self.lead, name, 0).value, default="raw"
        )

    def n_circuits(self, method: str) -> int:
        """Return how many circuits were run."""
        return sum(int(part["n_circuits"]) for (name, _), part in self.shards.items() if name == method)

    def curves(self) -> dict[str, Curve]:
        """Return all lines of the figures."""
        found: dict[str, Curve] = {}
        for method in self.methods:
            found |= self._error_curves(method) | self._wrong_curves(method) | self._samples(method)
        return found

    def _error_curves(self, method: str) -> dict[str, Curve]:
        x_label, y_label = "error of two-qubit gates", "median relative error of a squared distance"
        found = {
            f"error_{method}_{name}": Curve.from_estimates(
                self.errors,
                [self.error(method, p2, name, 0) for p2 in self.errors],
                x_label=x_label,
                y_label=y_label,
            )
            for name in self.mitigations
        }
        x_label = "shots for one distance, all noise scales together"
        for p2 in (0.0, *self.errors):
            for name in self.mitigations if p2 else ("raw",):
                found[f"error_shots_{method}_{name}_p{p2:g}"] = Curve.from_estimates(
                    [shots * self.cost(name) for shots in self.shots[1:]],
                    [self.error(method, p2, name, shots) for shots in self.shots[1:]],
                    x_label=x_label,
                    y_label=y_label,
                )
        return found

    def cost(self, mitigation: str) -> int:
        """Return how many circuits one distance takes."""
        return 1 if mitigation == "raw" else self.n_scales

    def _wrong_curves(self, method: str) -> dict[str, Curve]:
        errors = (0.0, *self.errors)
        return {
            f"wrong_{method}_{name}_{translation}_{shots or 'exact'}": Curve.from_estimates(
                errors,
                [self.wrong(method, p2, name, shots, translation) for p2 in errors],
                x_label="error of two-qubit gates",
                y_label="wrong nearest neighbours",
            )
            for name in self.mitigations
            for translation in self.translations
            for shots in self.shots
        }

    def _samples(self, method: str) -> dict[str, Curve]:
        x_label, y_label = "exact squared distance", "measured squared distance"
        exact, *measured = self.shards[method, self.lead]["sample"]
        found = {
            f"distance_{method}_{name}": Curve(exact, x_label, y, y_label)
            for name, y in zip(self.mitigations, measured, strict=True)
        }
        ideal = self.shards[method, 0.0]["sample"]
        found[f"distance_{method}_noiseless"] = Curve(ideal[0], x_label, ideal[1], y_label)
        for p2 in self.errors:
            share, bias = self.shards[method, p2]["bias"]
            slope, offset = (self.fit(method, p2, column).value for column in (0, 1))
            labels = ("D² / Z", "bias of the measured D² / Z")
            found[f"bias_{method}_p{p2:g}"] = Curve(share, labels[0], bias, labels[1])
            ends = (0.0, float(share.max()))
            found[f"bias_line_{method}_p{p2:g}"] = Curve(
                ends, labels[0], tuple((slope - 1) * x + offset for x in ends), labels[1]
            )
        return found


@dataclass(frozen=True)
class PaysFrom:
    """From how many shots on (all noise scales together) an extrapolation has the smaller error.

    Parameters
    ----------
    text : str
        The number, for a table.
    phrase : str
        What follows "it pays"; empty if it never does.
    estimate : Estimate or None
        The number, where errors of all data sets cross inside the range that was measured.
    """

    text: str
    phrase: str
    estimate: Estimate | None = None


def pays_from(findings: Findings, method: str, p2: float, mitigation: str) -> PaysFrom:
    """Compare an extrapolation with the unmitigated distance at the same shots in all.

    The unmitigated error is interpolated in logarithms; beyond the most shots it counts as constant, since
    only bias is left there.
    """
    raw, mitigated = (findings.errors_by_repeat(method, p2, name) for name in ("raw", mitigation))
    shots = np.array(findings.shots[1:], dtype=np.float64)
    order = np.argsort(shots)
    logs = np.log(shots[order])
    total = logs + np.log(findings.cost(mitigation))
    gains = [
        np.interp(total, logs, np.log(r[1:][order])) - np.log(m[1:][order])
        for r, m in zip(raw, mitigated, strict=True)
    ]
    crossings = [_last_crossing(total, gain) for gain in gains]
    first, last = (f"{np.exp(end):,.0f}" for end in (total[0], total[-1]))
    if all(x is not None and np.isfinite(x) for x in crossings):
        estimate = Estimate.from_samples(np.exp(np.array(crossings, dtype=np.float64)))
        text = f"{estimate.value:,.0f} ± {estimate.standard_error:,.0f}"
        return PaysFrom(text, f"from {text} shots per distance on", estimate)
    mean = _last_crossing(total, np.mean(gains, axis=0))
    if mean is None:
        exact = findings.error(method, p2, mitigation, 0).value < findings.error(method, p2, "raw", 0).value
        return (
            PaysFrom(f"more than {last}", f"beyond {last} shots per distance")
            if exact
            else PaysFrom("never", "")
        )
    if not np.isfinite(mean):
        return PaysFrom(f"{first} or fewer", f"at {first} shots per distance already")
    text = f"about {np.exp(mean):,.0f}"
    return PaysFrom(text, f"from {text} shots per distance on")


def _last_crossing(x: Floats, gain: Floats) -> float | None:
    """Return where a gain becomes positive for good: -infinity if it always is, None if never."""
    lost = np.flatnonzero(gain <= 0)
    if len(lost) == 0:
        return -np.inf
    i = int(lost[-1])
    if i + 1 == len(x):
        return None
    return float(x[i] - gain[i] / (gain[i + 1] - gain[i]) * (x[i + 1] - x[i]))
