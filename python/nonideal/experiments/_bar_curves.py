"""The curves of mechanics-bar, and the metrics of its exact search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nonideal import Estimate
from nonideal.experiments import Curve
from nonideal.experiments._bar_problem import Floats, errors, fields
from nonideal.physics import mechanics


def estimate_of(values: Sequence[float]) -> Estimate:
    """Return the mean over repeats; a single run has nothing random, and is exact."""
    return Estimate.exact(values[0]) if len(values) == 1 else Estimate.from_samples(values)


def classical_metrics(
    bar: mechanics.Structure, reference: mechanics.Solution, classical: mechanics.Solution
) -> dict[str, Estimate]:
    """Return errors and iterations of the exact search."""
    strain, stress, _ = errors(bar, reference, fields(classical))
    return {
        "strain_error_classical": Estimate.exact(strain),
        "stress_error_classical": Estimate.exact(stress),
        "iterations_classical": Estimate.exact(classical.n_iterations),
    }


def field_curves(
    bar: mechanics.Structure, groups: Mapping[str, Sequence[Mapping[str, Floats]]]
) -> dict[str, Curve]:
    """Return strain and stress along the bar, means over repeats."""
    curves = {}
    x = tuple(bar.points[:, 0])
    for key, entries in groups.items():
        for name, label, unit in (("strain", "strain", 1.0), ("stress", "stress (MPa)", 1e6)):
            values = np.stack([entry[name] for entry in entries]) / unit
            curves[f"{name}_{key}"] = Curve.from_estimates(
                x, [estimate_of(column) for column in values.T], x_label="position (m)", y_label=label
            )
    return curves


def history(values: Floats, label: str) -> Curve:
    """Return a quantity by iteration, from 1."""
    return Curve(tuple(range(1, len(values) + 1)), "iteration", tuple(values), label)


def add_convergence(
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
