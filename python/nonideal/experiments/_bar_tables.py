"""Tables, comparison and answer of mechanics-bar, with the numbers of an independent prototype."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from nonideal import Estimate
from nonideal.experiments import Comparison, Table
from nonideal.experiments._bar_problem import MITIGATIONS, SCORES, Scores, Variant
from nonideal.experiments._noisy_search import VERDICTS, clear_change, shots_words
from nonideal.report import words

if TYPE_CHECKING:
    from nonideal.experiments.mechanics_bar import Config

#: What a prototype of 200 lines found with the default options, one seed: errors of strain and stress
#: and wrong neighbours, by (shots, translation, method), in the order of `MITIGATIONS`.
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
    "points": 1000,
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


def convergence_table(rows: Sequence[tuple[str, float | None, float | None, int]]) -> Table:
    """Return slopes of the errors in the number of data points, by material and metric."""
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


def _with_error(estimate: Estimate, unit: float = 1.0) -> str:
    value = unit * estimate.value
    if estimate.samples is None:
        return f"{float(f'{value:.2g}'):g}"
    scaled = Estimate(value, unit * estimate.standard_error, estimate.samples)
    return f"{words.value_text(scaled)} ± {words.error_text(scaled)}"


def _percent(estimate: Estimate) -> str:
    return f"{_with_error(estimate, 100)} %"


def answer(config: Config, metrics: Mapping[str, Estimate], scores: Scores) -> str:
    """Say from the numbers where mitigation helps, where it harms, and what translation does."""
    text = f"The exact search is {_percent(metrics['strain_error_classical'])} off in strain; "
    if config.two_qubit_error > 0:
        said = [
            f"of the {method} circuit {_about_mitigation(config, scores, method)}"
            for method in config.methods
        ]
        text += (
            f"at a two-qubit error of {config.two_qubit_error:g}, zero-noise extrapolation {'; '.join(said)}"
        )
    else:
        text += "without gate errors there is nothing to mitigate"
    if set(config.translation) == {"none", "cells"}:
        shots = config.shots[-1]
        moved = []
        for method in config.methods:
            before, after = (
                scores[Variant(method, "raw", shots, where)]["strain"] for where in ("none", "cells")
            )
            moved.append(f"from {_percent(before)} to {_percent(after)} ({method})")
        text += f"; translation takes the raw search with {shots_words(shots)} {', '.join(moved)}"
    return text + "."


def _about_mitigation(config: Config, scores: Scores, method: str) -> str:
    """Return where mitigation lowers and where it raises the error of strain, with the numbers."""
    said: dict[str, list[str]] = {VERDICTS[-1]: [], VERDICTS[1]: []}
    cases = list(itertools.product(config.shots, config.translation))
    for shots, translation in cases:
        raw, zne = (scores[Variant(method, kind, shots, translation)]["strain"] for kind in ("raw", "zne"))
        if change := _change(raw, zne):
            moved = " and translation" if translation == "cells" else ""
            numbers = f"{_percent(raw)} raw, {_percent(zne)} mitigated"
            said[VERDICTS[change]].append(f"with {shots_words(shots)}{moved} ({numbers})")
    parts = [f"{verdict} {_listed(found)}" for verdict, found in said.items() if found]
    if sum(map(len, said.values())) < len(cases):
        parts.append(f"{VERDICTS[0]}{' elsewhere' if parts else ''}")
    return ", ".join(parts)


def _listed(cases: Sequence[str]) -> str:
    return " and ".join([", ".join(cases[:-1]), cases[-1]] if len(cases) > 1 else cases)


def _change(raw: Estimate, zne: Estimate) -> int:
    """Return whether mitigation clearly lowers (-1) or raises (1) an error; no change below what is shown."""
    return 0 if _percent(raw) == _percent(zne) else clear_change(raw, zne)


def _then(config: Config, variant: Variant) -> str:
    """Return what the prototype found for the same options; empty where it was not run."""
    same = all(getattr(config, name) == value for name, value in _PROTOTYPE_OPTIONS.items())
    row = _PROTOTYPE.get((variant.shots, variant.translation, variant.method))
    if not same or row is None:
        return ""
    return row[list(MITIGATIONS).index(variant.mitigation)]


def _verdict(scores: Scores, variant: Variant) -> str:
    """Return what mitigation does to the error of strain; empty for rows without mitigation."""
    if variant.mitigation != "zne":
        return ""
    raw = replace(variant, mitigation="raw")
    return VERDICTS[_change(scores[raw]["strain"], scores[variant]["strain"])]


def variant_table(config: Config, metrics: Mapping[str, Estimate], scores: Scores) -> Table:
    """Return errors and wrong neighbours of every way to search."""
    rows = []
    for variant, score in scores.items():
        rows.append(
            (
                f"{variant.shots:,}" if variant.shots else "exact",
                variant.translation,
                variant.method,
                MITIGATIONS[variant.mitigation],
                *(_with_error(score[name]) for name in SCORES),
                f"{score['iterations'].value:g}",
                _verdict(scores, variant),
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
        "what mitigation does to the strain error",
        "prototype: strain / stress / wrong",
    )
    classical = [f"{metrics[f'{name}_error_classical'].value:.2g}" for name in ("strain", "stress")]
    note = (
        f"Relative root mean square errors; the exact search has {classical[0]} / {classical[1]}. Wrong: "
        "mean over iterations and points; in a dense set on a curve a wrong neighbour is often the next one, "
        "so fields stay good. With shots: mean and standard error over repeats; an error of 0 means that "
        "every repeat was best at its first iterate, before any noisy search. Mitigation helps or harms "
        "where it changes the error by more than repeats scatter (95 %). The prototype ran one seed."
    )
    return Table("Every way to search", heads, tuple(rows), note)


def comparison(config: Config, metrics: Mapping[str, Estimate], scores: Scores) -> list[Comparison]:
    """Return what was published, and the specification's figures, beside ours."""
    rows = []
    most = max(config.shots)
    for method in config.methods:
        if most and set(config.translation) == {"none", "cells"}:
            plain, moved = (scores[Variant(method, "raw", most, where)] for where in ("none", "cells"))
            rows.append(
                Comparison(
                    f"adaptive translation, {method}, {shots_words(most)}, no mitigation",
                    "fewer iterations, results like the classical ones (arXiv 2306.08305, as summarised)",
                    f"without it {plain['iterations'].value:g} iterations, strain error "
                    f"{_with_error(plain['strain'])}; with it {moved['iterations'].value:g} iterations, "
                    f"{_with_error(moved['strain'])}",
                    "its noise, shots and data were not established; ours stops after "
                    f"{config.max_iterations} iterations at the latest",
                )
            )
        if 0 in config.shots and config.two_qubit_error > 0:
            raw, zne = (
                scores[Variant(method, kind, 0, config.translation[0])]["strain"].value
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
