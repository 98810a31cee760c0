"""The tables of mechanics-lbeam."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nonideal import Estimate
from nonideal.experiments import Table
from nonideal.experiments._aer import aer_rate
from nonideal.experiments._lbeam_curves import slope_of
from nonideal.experiments._lbeam_problem import (
    METRICS,
    Problem,
    Runs,
    Variant,
    all_of,
    estimate_of,
    is_reference,
    mitigated,
    on_boundary,
    verdict_of,
)
from nonideal.experiments._noisy_search import VERDICTS
from nonideal.report import words

if TYPE_CHECKING:
    from nonideal.experiments.mechanics_lbeam import Config

#: (p2, shots, translation) -> wrong neighbours (%), deviation of strain and of stress for swap raw, swap ZNE,
#: hadamard raw, hadamard ZNE: a prototype of 200 lines, one seed, before this package was written.
_THEN: Mapping[tuple[float, int, str], tuple[tuple[float, float, float], ...]] = {
    (1e-2, 0, "none"): ((31, 0.25, 0.21), (0.9, 0.054, 0.070), (27, 0.24, 0.20), (0.1, 0.013, 0.023)),
    (1e-2, 0, "cells"): ((6, 0.10, 0.14), (0.3, 0.011, 0.013), (5, 0.09, 0.13), (0, 0.0, 0.0)),
    (1e-2, 1024, "none"): ((45, 0.26, 0.44), (80, 0.76, 1.6), (21, 0.17, 0.22), (37, 0.35, 0.45)),
    (1e-2, 1024, "cells"): ((6, 0.11, 0.17), (30, 0.21, 0.35), (5, 0.08, 0.15), (6, 0.10, 0.19)),
    (1e-2, 65536, "none"): ((27, 0.23, 0.22), (16, 0.18, 0.22), (26, 0.24, 0.19), (5, 0.08, 0.12)),
    (1e-2, 65536, "cells"): ((6, 0.10, 0.14), (3, 0.05, 0.09), (6, 0.09, 0.14), (2, 0.05, 0.07)),
    (3e-2, 0, "none"): ((59, 0.45, 0.23), (33, 0.26, 0.22), (54, 0.41, 0.23), (8, 0.16, 0.14)),
    (3e-2, 0, "cells"): ((13, 0.15, 0.20), (7, 0.10, 0.14), (10, 0.14, 0.18), (3, 0.07, 0.11)),
    (3e-2, 1024, "none"): ((59, 0.30, 0.31), (75, 0.57, 0.98), (53, 0.35, 0.27), (43, 0.26, 0.46)),
    (3e-2, 1024, "cells"): ((10, 0.15, 0.23), (25, 0.19, 0.28), (8, 0.14, 0.19), (7, 0.12, 0.19)),
    (3e-2, 65536, "none"): ((60, 0.43, 0.24), (28, 0.18, 0.24), (52, 0.40, 0.23), (9, 0.13, 0.18)),
    (3e-2, 65536, "cells"): ((15, 0.16, 0.19), (7, 0.11, 0.15), (9, 0.14, 0.18), (3, 0.07, 0.11)),
}


def noise_table(config: Config, problem: Problem, runs: Runs) -> Table:
    """Return wrong neighbours and deviations of all variants beside those of the prototype."""
    comparable = config.scale == "quick" and is_reference(config)  # the prototype's noisy runs
    columns = ("swap", "raw"), ("swap", "zne"), ("hadamard", "raw"), ("hadamard", "zne")
    rows = []
    for variant, parts in runs.items():
        found = _THEN.get((variant.p2, variant.shots, variant.translation), ())
        then = dict(zip(columns, found, strict=False)).get((variant.method, variant.mitigation))
        cells: list[str | None] = []
        for i, what in enumerate(("wrong", "strain", "stress")):
            if comparable:
                cells.append(f"{then[i] if what == 'wrong' else 100 * then[i]:.3g}" if then else None)
            cells.append(_in_percent(all_of(problem, parts, what), exact=not variant.shots))
        rows.append((*_setting(variant), variant.mitigation, *cells))
    quantities = ("wrong neighbours", "strains off", "stresses off")
    whens = (" then (%)", " now (%)") if comparable else (" (%)",)
    heads = ("p2", "shots", "translation", "circuit", "mitigation")
    note = (
        "Wrong neighbours: mean over points and iterations; off: deviation of the fields from the classical "
        "data-driven solution. "
    )
    if comparable:
        note += "Then: a prototype, one seed. Now: this run. "
    repeats = max(len(parts) for parts in runs.values())
    if any(variant.shots for variant in runs):
        note += "Rows with shots are "
        note += "one run each." if repeats == 1 else f"means of {repeats} runs ± their standard error."
    title = f"Noisy searches among {len(problem.database):,} points"
    title += ": then and now" if comparable else ""
    return Table(title, (*heads, *(q + when for q in quantities for when in whens)), tuple(rows), note)


def _setting(variant: Variant) -> tuple[str, str, str, str]:
    shots = f"{variant.shots:,}" if variant.shots else "exact"
    return f"{variant.p2:g}", shots, variant.translation, variant.method


def mitigation_table(problem: Problem, runs: Runs) -> Table:
    """Return raw and mitigated runs beside each other, and what mitigation does."""
    rows = []
    for raw in runs:
        if raw.mitigation != "raw" or not raw.p2:
            continue
        verdict = verdict_of(problem, runs, raw)
        cells = [
            _in_percent(all_of(problem, runs[variant], what), exact=not raw.shots)
            for what in METRICS
            for variant in (raw, mitigated(raw))
        ]
        rows.append((*_setting(raw), "one run" if verdict is None else VERDICTS[verdict], *cells))
    heads = [f"{what} {kind} (%)" for what in ("wrong", "off", "error") for kind in ("raw", "ZNE")]
    note = (
        "Wrong neighbours; off: deviation of strains from the classical data-driven solution; error: their "
        "deviation from Newton's solution, of which the classical one has "
        f"{100 * problem.error(problem.classical, 'strain'):.2g} %. Mean ± standard error over runs. "
        "Mitigation helps where it lowers both wrong neighbours and deviation, harms where it raises both, "
        "by more than runs scatter (95 %). 100 ± 0: no iterate was better than the first, of zero strains."
    )
    return Table(
        f"When mitigation helps, among {len(problem.database):,} points",
        ("p2", "shots", "translation", "circuit", "mitigation", *heads),
        tuple(rows),
        note,
    )


def _in_percent(values: Sequence[float], *, exact: bool) -> str:
    estimate = estimate_of(values, exact=exact)
    if estimate is None or estimate.samples is None:
        return f"{100 * values[0]:.2g}"
    scaled = Estimate(100 * estimate.value, 100 * estimate.standard_error, estimate.samples)
    return f"{words.value_text(scaled)} ± {words.error_text(scaled)}"


def run_table(problem: Problem, runs: Runs) -> Table:
    """Return every way to search with its first run and the means over its runs."""
    rows = [_classical_row(problem)]
    for variant, parts in runs.items():
        part = parts[0]
        rows.append(
            (
                variant.method,
                variant.mitigation,
                f"{variant.p2:g}",
                f"{variant.shots:,}" if variant.shots else "exact",
                variant.translation,
                len(part["penalty"]),
                str(part["reason"]),
                with_error([100 * p["wrong"].mean() for p in parts], "{:.1f}".format),
                with_error([100 * p["expected_wrong"].mean() for p in parts], "{:.1f}".format),
                with_error([p["distance_ratio"].mean() for p in parts], "{:.3f}".format),
                on_boundary(problem, part["assignment"]),
                f"{part['displacement'][problem.tip]:.3f}",
            )
        )
    heads = (
        "method",
        "mitigation",
        "p2",
        "shots",
        "translation",
        "iterations",
        "ended by",
        "wrong (%)",
        "wrong, as the estimator expects (%)",
        "distance over the least",
        "points at the box's boundary",
        "tip (mm)",
    )
    note = (
        "First run of each; wrong neighbours and distances are means over the runs ± their standard error "
        "(none for a single run). The first row is the classical solution. The "
        "estimator's own expectation comes from the shot noise alone: it knows of no bias, so that without "
        "shots it expects nothing wrong."
    )
    return Table(f"All runs, {len(problem.database):,} points", heads, tuple(rows), note)


def _classical_row(problem: Problem) -> tuple[Any, ...]:
    """Return the row of the exact search, which is right by definition."""
    found = problem.classical
    boundary, tip = on_boundary(problem, found.assignment), f"{found.displacement[problem.tip]:.3f}"
    head = ("exact search", None, None, None, None)
    return (*head, found.n_iterations, str(found.reason), "0.0", None, "1.000", boundary, tip)


def convergence_table(convergence: Sequence[tuple[int, float, float, int]], own: int) -> Table:
    """Return the errors of the exact search for data bases of growing size."""
    rows = [(n, f"{strain:.3f}", f"{stress:.3f}", count) for n, strain, stress, count in convergence]
    slopes = ", ".join(
        f"{slope_of(convergence, column):.2f} ({name})" for column, name in ((1, "strain"), (2, "stress"))
    )
    note = (
        f"Exact search; the run's own data base has {own} points. All sample the cubic interpolant of that "
        "one, which is also the reference's law: the error is the data-driven method's alone. Slopes: "
        f"{slopes}; a three-dimensional set of strains promises -1/3."
    )
    return Table(
        "Error of the data-driven solution against the data base's size",
        ("N", "strain", "stress", "iterations"),
        tuple(rows),
        note,
    )


def cost_table(config: Config, runs: Runs) -> Table:
    """Return circuits and time of each method, and what Aer would have taken."""
    rows = []
    for method in config.methods:
        parts = [part for variant, found in runs.items() if variant.method == method for part in found]
        circuits = sum(int(part["n_circuits"]) for part in parts)
        seconds = sum(float(part["seconds"]) for part in parts)
        rate = aer_rate(method, config.one_qubit_ratio * config.lead_error, config.lead_error)
        rows.append(
            (
                method,
                f"{circuits:,}",
                f"{seconds:.3g}",
                f"{circuits / seconds:,.0f}" if seconds else None,
                f"{rate:,.0f}" if rate else "qiskit-aer is not installed",
                f"{circuits / rate / 3600:,.1f}" if rate else "not measured",
            )
        )
    heads = (
        "method",
        "circuits",
        "time (s), this machine",
        "circuits per second, this machine",
        "Aer, circuits per second, this machine",
        "time that Aer would have taken (h)",
    )
    note = (
        "Circuits count every noise scale. Aer: its fastest mode, EstimatorV2 with one template and an array "
        "of angles on the density matrix, measured in this run on 100 unfolded circuits; folded ones take "
        "longer. An exact k-d tree answers all searches of "
        "a solve in milliseconds: simulated circuits are for study, not for speed."
    )
    return Table("What the searches cost", heads, tuple(rows), note)


def with_error(values: Sequence[float], written: Callable[[float], str]) -> str:
    """Return the mean in words, and its standard error where there are several values."""
    text = written(float(np.mean(values)))
    if len(values) < 2:
        return text
    return f"{text} ± {written(float(np.std(values, ddof=1)) / math.sqrt(len(values)))}"


def short(value: float) -> str:
    """Return a share with two or three digits, such as .054 or .25."""
    if 0 < value < 5e-4:
        return f"{value:.1g}".removeprefix("0")
    return (f"{value:.3f}" if value < 0.0995 else f"{value:.2f}").removeprefix("0") if value else "0"
