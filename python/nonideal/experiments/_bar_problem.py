"""The stretched bar of mechanics-bar: its material, its loads, and its solutions with law and data."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from nonideal import Estimate
from nonideal.physics import mechanics
from nonideal.seeds import derive_seed

Floats: TypeAlias = npt.NDArray[np.float64]

# The reference problem: a steel bar of our own choice.
_LENGTH, _AREA, _BODY_FORCE = 1.0, 1e-4, 2e4  # m, m^2, N/m
_END_DISPLACEMENT, _END_FORCE = 2.5e-3, 2e4  # m, N
LAW = mechanics.RambergOsgood(young=200e9, reference_stress=250e6, alpha=0.5, exponent=5)
MAX_STRESS = 450e6  # Pa, of the data
_MAX_LINEAR_STRESS = 700e6  # Pa: the linear bar goes up to 595 MPa
_PATIENT = 2000  # iterations that the exact search may take; 440 are needed for C = E and 100,000 points

#: What is done about gate errors -> its words.
MITIGATIONS = {"noiseless": "no gate errors", "raw": "raw", "zne": "zero-noise extrapolation"}
SCORES = ("strain", "stress", "wrong")  # what `errors` returns


@dataclass(frozen=True)
class Variant:
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


Scores: TypeAlias = dict[Variant, dict[str, Estimate]]


def build_bar(shard: Mapping[str, Any]) -> tuple[mechanics.Structure, dict[str, Any]]:
    """Return the bar with its loads and supports."""
    last = shard["n_elements"]
    bar = mechanics.Structure.bar(_LENGTH, _AREA, last)
    force = bar.body_force(_BODY_FORCE)
    if shard["control"] == "displacement":
        return bar, {"force": force, "fixed_dofs": [0, last], "fixed_values": [0.0, _END_DISPLACEMENT]}
    force[last] += _END_FORCE
    return bar, {"force": force, "fixed_dofs": [0]}


def _law(shard: Mapping[str, Any]) -> mechanics.RambergOsgood:
    linear = mechanics.RambergOsgood(LAW.young, LAW.reference_stress, alpha=0.0, exponent=1.0)
    return linear if shard.get("linear") else LAW


def reference_of(shard: Mapping[str, Any]) -> tuple[mechanics.Structure, mechanics.Solution]:
    """Return the bar and its solution with the law itself."""
    bar, loads = build_bar(shard)
    return bar, mechanics.solve_law(bar, _law(shard), **loads, tolerance=1e-10)


def solve(
    shard: Mapping[str, Any],
    n_points: int,
    metric_factor: float,
    search: Any = None,
    max_iterations: int = _PATIENT,
) -> mechanics.Solution:
    """Return the data-driven solution; a given search is audited."""
    bar, loads = build_bar(shard)
    database = mechanics.MaterialDatabase.from_law(
        _law(shard),
        n_points,
        max_stress=_MAX_LINEAR_STRESS if shard.get("linear") else MAX_STRESS,
        metric=metric_factor * LAW.young,
    )
    audit = None if search is None else mechanics.ExactSearch()
    return mechanics.DataDrivenSolver(bar, database, search).solve(
        **loads, max_iterations=max_iterations, audit=audit, progress=False
    )


def fields(solution: mechanics.Solution) -> dict[str, Floats]:
    """Return strain and stress by element."""
    return {"strain": solution.strain[:, 0], "stress": solution.stress[:, 0]}


def errors(
    bar: mechanics.Structure, reference: mechanics.Solution, entry: Mapping[str, Any]
) -> tuple[float, float, float]:
    """Return the relative errors of strain and stress, and the mean fraction of wrong neighbours."""
    strain, stress = (
        mechanics.relative_rms(entry[name], getattr(reference, name)[:, 0], bar.weights)
        for name in ("strain", "stress")
    )
    return strain, stress, float(np.mean(entry.get("wrong", 0.0)))
