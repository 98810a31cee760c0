"""Answer, comparison and limits of mechanics-lbeam."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nonideal.experiments import Comparison
from nonideal.experiments._lbeam_problem import (
    MITIGATIONS,
    Problem,
    Runs,
    Variant,
    change_of,
    is_reference,
    mean_of,
    mitigated,
    n_outside,
    on_boundary,
    verdict_of,
)
from nonideal.experiments._lbeam_tables import short
from nonideal.experiments._noisy_search import TRANSLATIONS

if TYPE_CHECKING:
    from nonideal.experiments.mechanics_lbeam import Config


_FEW = 4  # settings that an answer names


def comparison(config: Config, problem: Problem, runs: Runs) -> list[Comparison]:
    """Return what was published, and our prototype's figures, beside ours."""
    known = is_reference(config)
    full = config.scale == "full"
    c11, c12, c33 = (f"{problem.stiffness[i]:,.1f}" for i in ((0, 0), (0, 1), (2, 2)))
    rows = [
        (
            "homogenised stiffness C11, C12, C33 (MPa)",
            "12,069.3, 4,908.8, 5,167.6" if full else "12,085.7, 4,898.2, 5,180.6",
            f"{c11}, {c12}, {c33}",
            "the same mesh and elements, written anew",
        ),
        (
            "tip, Newton's method with the interpolated law (mm)",
            "-2.783" if full else "-2.561",
            f"{problem.reference.displacement[problem.tip]:.3f}",
            "the law goes through a data base of real cell solutions",
        ),
        (
            "tip, classical data-driven solution (mm)",
            "-2.506" if full else "-2.136",
            f"{problem.classical.displacement[problem.tip]:.3f}",
            "stiffer than the law: the data base is coarse, and its error larger than that of a good search",
        ),
        (
            "error of the classical solution, strain / stress",
            ".13 / .15" if full else ".20 / .18",
            " / ".join(short(problem.error(problem.classical, field)) for field in ("strain", "stress")),
            "falls as N^(-1/3) only",
        ),
    ]
    found = [
        Comparison(q, f"{then} (our prototype)" if known else None, now, why) for q, then, now, why in rows
    ]
    claims = []
    for method in config.methods:
        key = (method, config.lead_error, 0, config.translation[0])
        pair = [runs.get(Variant(key[0], mitigation, key[1], key[2], key[3])) for mitigation in MITIGATIONS]
        if pair[0] and pair[1]:
            before, after = (short(mean_of(problem, parts, "strain")) for parts in pair if parts)
            claims.append(f"{method} {before} to {after}")
    if claims:
        found.append(
            Comparison(
                f"ZNE at p2 = {config.lead_error:g} without shots: deviation of the strain field",
                "error mitigation improves the solution (abstract of arXiv 2312.14460; numbers and problem "
                "not established)",
                ", ".join(claims),
                "our own problem, circuits and noise; with few shots it may be otherwise",
            )
        )
    return found


def answer(config: Config, problem: Problem, runs: Runs) -> str:
    """Return the answer in one sentence, made of the numbers."""
    parts = []
    exact = [m for m in config.methods if 0 in config.shots]
    if exact and config.lead_error > 0:
        translation = config.translation[0]

        def span(mitigation: str, what: str) -> tuple[float, float]:
            values = [
                mean_of(problem, runs[Variant(m, mitigation, config.lead_error, 0, translation)], what)
                for m in exact
            ]
            return min(values), max(values)

        wrong = [_range(span(m, "wrong")) for m in MITIGATIONS]
        strain, error = ([_range(span(m, what)) for m in MITIGATIONS] for what in ("strain", "strain_error"))
        gain = span("zne", "strain")[1] < span("raw", "strain")[0]
        verdict = "Yes, as long as probabilities are" if gain else "No, not even where probabilities are"
        parts.append(
            f"{verdict} exact: at a two-qubit error of {config.lead_error:g}, among "
            f"{len(problem.database):,} data points, zero-noise extrapolation takes the wrong neighbours "
            f"from {wrong[0]} to {wrong[1]}, the deviation of the strains from the classical data-driven "
            f"solution from {strain[0]} to {strain[1]}, and their error against Newton's method from "
            f"{error[0]} to {error[1]}"
        )
    parts += [_shot_words(config, problem, runs, shots) for shots in sorted(config.shots) if shots]
    off = problem.error(problem.classical, "strain")
    parts.append(
        f"the exact search from zero is itself off from Newton's method by {100 * off:.2g} % in strain "
        f"({len(problem.database):,} points)"
    )
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _range(ends: tuple[float, float]) -> str:
    texts = [f"{100 * end:.2g}" for end in ends]
    return f"{texts[0] if texts[0] == texts[1] else '–'.join(texts)} %"


def _shot_words(config: Config, problem: Problem, runs: Runs, shots: int) -> str:
    """Return where mitigation helps and harms with so many shots, in the sense of `verdict_of`."""
    repeats = config.chosen("repeats")
    if repeats == 1:
        return f"with {shots:,} shots there is one run each, hence no verdict"
    raws = [raw for raw in runs if raw.shots == shots and raw.mitigation == "raw" and raw.p2 > 0]
    if not raws:
        return f"with {shots:,} shots there is no noise to mitigate"
    verdicts = {raw: verdict_of(problem, runs, raw) for raw in raws}
    said = [
        f"{word} {_settings([raw for raw in raws if verdicts[raw] == sign], len(raws))}"
        for word, sign in (("helps", -1), ("harms", 1))
    ]
    better = sum(change_of(problem, runs[raw], runs[mitigated(raw)], "strain_error") < 0 for raw in raws)
    meaning = ""
    if shots == min(number for number in config.shots if number):
        meaning = (
            " (it moves solutions nearer to, or further away from, the classical one by more than the "
            f"scatter of {repeats} runs)"
        )
    return (
        f"with {shots:,} shots it {' and '.join(said)}{meaning}, while the error against Newton's method "
        f"falls in {better} of {len(raws)}"
    )


def _settings(raws: Sequence[Variant], total: int) -> str:
    """Return how many settings of a total there are, and which if they are few: a table has them all."""
    if len(raws) in (0, total):
        return "in all settings" if raws else "in none"
    if len(raws) > _FEW:
        return f"in {len(raws)} of {total} settings"
    groups: dict[str, list[str]] = {}
    for raw in raws:
        groups.setdefault(f"{raw.method}, {TRANSLATIONS[raw.translation]}", []).append(f"{raw.p2:g}")
    which = "; ".join(f"{name}: {' and '.join(errors)}" for name, errors in groups.items())
    return f"in {len(raws)} of {total} settings [{which}]"


def limits(config: Config, problem: Problem) -> list[str]:
    """Return what the model leaves out, and what of this run's problem the reader must know."""
    repeats = config.chosen("repeats")
    found = [
        "Phases, geometry, loads and noise are ours: those of the published simulations are not established.",
        "The material is path-independent: nothing unloads, nothing fails, and plane strain is assumed.",
        "Every search runs the circuits of all pairs; memory that loads superpositions is not simulated.",
        "The re-entrant corner is singular: fields are compared in the mean, never at their peak.",
    ]
    if any(config.shots):
        found.append(
            "Rows with shots are one run each: an illustration, without error bars (--repeats gives some)."
            if repeats == 1
            else f"Rows with shots are means of {repeats} runs: their intervals are wide."
        )
    if "cells" in config.translation:
        found.append(
            "All rows share one set of cells (k-means, one seed): with other cells, rows of exact "
            "probabilities would differ too."
        )
    outside, boundary = n_outside(problem), on_boundary(problem, problem.classical.assignment)
    if outside:
        found.append(
            f"The load drives {outside} of {len(problem.reference.strain)} points of Newton's solution "
            f"outside the data base of {len(problem.database):,} points, where the law is extrapolated; "
            f"{boundary} points of the classical solution lie at its boundary."
        )
    return found
