"""Nearest neighbours by noisy circuits: the options, searches and words that several experiments share."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from nonideal import Estimate
from nonideal.estimate import confidence_factor
from nonideal.experiments import BaseConfig, option
from nonideal.hardware import quantum
from nonideal.hardware.quantum.distance import Method
from nonideal.hardware.quantum.translation import Translation
from nonideal.hardware.quantum.zne import ExtrapolatorName

__all__ = [
    "TRANSLATIONS",
    "VERDICTS",
    "Counted",
    "SearchConfig",
    "clear_change",
    "lead_error",
    "mitigation",
    "noisy_search",
    "shots_words",
]

Floats = npt.NDArray[np.float64]

#: Where distances are measured from -> its words.
TRANSLATIONS = {
    "none": "no translation",
    "centroid": "origin in the centroid",
    "cells": "translated by cells",
}
#: What mitigation does to an error that changes as `clear_change` says -> its words.
VERDICTS = {-1: "helps", 1: "harms", 0: "makes no clear difference"}
_LEAD_ERROR = 1e-2
_CONFIDENCE = 0.95  # of a change that is called clear


@dataclass(frozen=True, kw_only=True)
class SearchConfig(BaseConfig):
    """Options of an experiment whose searches are done by noisy circuits."""

    methods: tuple[str, ...] = option(
        "swap,hadamard", help="circuits that measure a distance", choices=("swap", "hadamard")
    )
    one_qubit_ratio: float = option(
        0.1, help="errors of one-qubit gates over those of two-qubit gates", unit="1", minimum=0, maximum=1
    )
    shots: tuple[int, ...] = option(
        "0,1024,65536", help="shots per circuit; 0: exact probabilities", minimum=0, maximum=2**31 - 1
    )
    translation: tuple[str, ...] = option(
        "none,cells",
        help="where distances are measured from; cells: the k-means cell of the query",
        choices=("none", "cells"),
    )
    scales: tuple[float, ...] = option(
        "1,3,5", help="noise scales of the extrapolation (gates folded)", unit="1", minimum=1, maximum=99
    )
    extrapolator: str = option(
        "richardson",
        help="how results are extrapolated to no noise; the exponential decays to 1/2",
        choices=("linear", "richardson", "exponential"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("methods", "shots", "translation"):
            object.__setattr__(self, name, tuple(dict.fromkeys(getattr(self, name))))
        mitigation(self.extrapolator, self.scales)  # refuses scales that it cannot use


def mitigation(extrapolator: str, scales: tuple[float, ...]) -> quantum.ZNE:
    """Return an extrapolation; where no exponential exists it leaves the value as it is."""
    return quantum.ZNE(
        scales=scales,
        extrapolator=cast(ExtrapolatorName, extrapolator),
        asymptote=0.5 if extrapolator == "exponential" else None,
        on_crossing="raw",
    )


def noisy_search(
    method: str,
    *,
    p1: float,
    p2: float,
    shots: int,
    scales: Sequence[float],
    extrapolator: str,
    translation: str,
    n_cells: int,
    seed: int,
    cells_seed: int,
) -> Counted:
    """Return the search by one kind of circuit.

    Parameters
    ----------
    method : str
        Circuit that measures a distance.
    p1, p2 : float
        Depolarising errors of one- and two-qubit gates; p2 = 0 is no noise at all.
    shots : int
        Per circuit; 0: exact probabilities.
    scales : sequence of float
        Noise scales of the extrapolation; empty: none.
    extrapolator : str
        As for `mitigation`.
    translation : str
        Where distances are measured from.
    n_cells : int
        Cells of the translation by cells.
    seed, cells_seed : int
        Of the shots, and of the cells.
    """
    noisy = p2 > 0
    return Counted(
        quantum.DistanceEstimator(
            method=cast(Method, method),
            shots=shots or None,
            noise=quantum.NoiseModel.depolarizing(p1=p1, p2=p2) if noisy else None,
            zne=mitigation(extrapolator, tuple(scales)) if noisy and scales else None,
            translation=cast(Translation, translation),
            n_cells=n_cells if translation == "cells" else None,
            seed=seed,
            cells_seed=cells_seed,
        )
    )


class Counted:
    """A search that also counts circuits and seconds, and what the estimator itself thinks is wrong."""

    def __init__(self, estimator: quantum.DistanceEstimator) -> None:
        self.estimator = estimator
        self.n_circuits = 0
        self.seconds = 0.0
        self.expected_wrong: list[float] = []

    def nearest(self, queries: Floats, database: Floats, *, stream: int = 0) -> Any:
        """Return what the search finds."""
        start = time.perf_counter()
        found = self.estimator.nearest(queries, database, stream=stream)
        self.seconds += time.perf_counter() - start
        self.n_circuits += int(found.n_circuits)
        self.expected_wrong.append(float(np.mean(found.wrong_probability)))
        return found


def clear_change(before: Estimate, after: Estimate) -> int:
    """Return whether a quantity falls (-1) or rises (1) by more than repeats scatter; 0: neither.

    95 % confidence, by Student's quantile of the fewer samples; exact values have no scatter.
    """
    samples = [estimate.samples for estimate in (before, after) if estimate.samples is not None]
    factor = confidence_factor(_CONFIDENCE, min(samples, default=None))
    change = after.value - before.value
    reach = factor * float(np.hypot(before.standard_error, after.standard_error))
    return int(np.sign(change)) if abs(change) > reach else 0


def lead_error(errors: Collection[float]) -> float:
    """Return the error rate that figures and the answer are about: 1 % where it is among them."""
    return float(_LEAD_ERROR if _LEAD_ERROR in errors else next(iter(errors)))


def shots_words(shots: int) -> str:
    """Return a number of shots in words; 0 are exact probabilities."""
    return f"{shots:,} shots" if shots else "exact probabilities"
