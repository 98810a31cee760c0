"""Tables, comparison and answer of quantum-distance."""

from __future__ import annotations

import time

import numpy as np

from nonideal import Estimate
from nonideal.experiments import Comparison, Table
from nonideal.experiments._aer import aer_rate
from nonideal.experiments._distance_findings import Findings, pays_from
from nonideal.experiments._distance_prototype import (
    COLUMNS,
    EXACT_RANGES,
    LINES,
    SHOTS,
    WIDENED,
    WRONG,
    WRONG_NAMES,
)
from nonideal.experiments._noisy_search import TRANSLATIONS
from nonideal.hardware import quantum
from nonideal.hardware.quantum.distance import METHODS, Method

__all__ = ["answer", "comparison", "tables", "title_of"]

_TITLES = {"richardson": "Richardson"}


def answer(found: Findings) -> str:
    """Return the answer in one sentence."""
    parts = [_answer_of(found, method) for method in found.methods]
    return f"With two-qubit errors of {100 * found.lead:g} %: {'; '.join(parts)}."


def _answer_of(found: Findings, method: str) -> str:
    raw, best = found.error(method, found.lead, "raw", 0), found.best(method)
    text = f"{method} circuits put the median distance of near points off by {_percent(raw.value)}"
    if best == "raw":
        return text
    left = found.error(method, found.lead, best, 0)
    begins = pays_from(found, method, found.lead, best)
    text += (
        f", which {title_of(best)} extrapolation brings to {_percent(left.value)} without shot noise, "
        f"and it pays {begins.phrase}"
        if begins.phrase
        else f", which no extrapolation repairs ({title_of(best)}: {_percent(left.value)})"
    )
    translation = found.translations[0]
    rates = [
        [found.wrong(method, found.lead, name, shots, translation) for name in ("raw", best)]
        for shots in (0, min(found.shots[1:]))
    ]
    (a, b), (c, d) = ([_percent(rate.value) for rate in pair] for pair in rates)
    return (
        f"{text}; of its searches for a neighbour {a} go wrong raw and {b} mitigated, "
        f"at {min(found.shots[1:]):,} shots {c} and {d}"
    )


def comparison(found: Findings, is_reference: bool) -> list[Comparison]:
    """Return the paper's claim and the prototype's numbers beside ours."""
    claim = "; ".join(
        f"{method}: error {_entry(found.error(method, found.lead, 'raw', 0))} raw, "
        f"{_entry(found.error(method, found.lead, found.best(method), 0))} {title_of(found.best(method))}, "
        f"pays: {pays_from(found, method, found.lead, found.best(method)).phrase or 'never'}"
        for method in found.methods
        if found.mitigations[1:]
    )
    rows = [
        Comparison(
            "ZNE makes distances on a noisy quantum computer good enough",
            "yes (abstract of arXiv 2312.14460; noise, shots and extrapolant not established)",
            claim or "not measured",
            f"median relative error of near pairs at a two-qubit error of {found.lead:g}, exact "
            "probabilities: the claim holds there; with shots it holds from a number on that depends on the "
            "circuit and the extrapolant, since ZNE pays for bias in variance",
        )
    ]
    inside = _inside(found) if is_reference else []
    if inside:
        rows.append(
            Comparison(
                "median errors for exact probabilities within the prototype's ranges",
                f"{len(inside)} of {len(inside)} (own prototype, 12 seeds)",
                f"{sum(inside)} of {len(inside)}",
                f"same circuits, other code and seeds; ranges widened by {100 * WIDENED:g} %",
            )
        )
    for method in found.methods:
        if is_reference and method in LINES and found.lead == 1e-2:
            slope, offset = (str(found.fit(method, found.lead, column)) for column in (0, 1))
            rows.append(
                Comparison(
                    f"noisy D² = alpha D² + beta Z, {method}, p2 = 0.01",
                    "alpha {:.3f}, beta {:.3f} (own prototype)".format(*LINES[method]),
                    f"alpha {slope}, beta {offset}",
                    "a fit, so that it hangs a little on how distances and lengths are distributed",
                )
            )
    return rows


def tables(found: Findings, dimension: int, one_qubit_ratio: float, is_reference: bool) -> dict[str, Table]:
    """Return all tables; the prototype's numbers stand in brackets where options are the same."""
    return {
        "exact": _exact_table(found, is_reference),
        "shots": _shots_table(found, is_reference),
        "pays": _pays_table(found),
        **{
            f"neighbours_{translation}": _wrong_table(found, translation, is_reference)
            for translation in found.translations
        },
        "bias": _bias_table(found, is_reference),
        "circuits": _circuit_table(found, dimension, one_qubit_ratio),
    }


def _inside(found: Findings) -> list[bool]:
    """Return for every entry of the prototype's table whether ours is in its widened range."""
    return [
        (1 - WIDENED) * low <= found.error(method, p2, name, 0).value <= (1 + WIDENED) * high
        for (method, p2), entries in EXACT_RANGES.items()
        if method in found.methods and p2 in found.errors
        for name, (low, high) in entries.items()
        if name in found.mitigations
    ]


def _exact_table(found: Findings, is_reference: bool) -> Table:
    rows = []
    for method in found.methods:
        for p2 in found.errors:
            ranges = EXACT_RANGES.get((method, p2), {}) if is_reference else {}
            cells = [
                _entry(found.error(method, p2, name, 0))
                + ("  [{:g} to {:g}]".format(*ranges[name]) if name in ranges else "")
                for name in found.mitigations
            ]
            rows.append((method, f"{p2:g}", *cells))
    return Table(
        "Relative error of a squared distance, exact probabilities",
        ("circuit", "two-qubit error", *map(title_of, found.mitigations)),
        tuple(rows),
        "Median over pairs of near points, mean and standard error over data sets."
        + (" In brackets: least and greatest of 12 seeds, own prototype." if is_reference else ""),
    )


def _shots_table(found: Findings, is_reference: bool) -> Table:
    known = is_reference and found.lead == 1e-2
    rows = []
    for method in found.methods:
        for shots in found.shots[1:]:
            reference = SHOTS.get(method, {}).get(shots) if known else None
            cells = []
            for name in ("noiseless", *found.mitigations):
                estimate = (
                    found.error(method, 0.0, "raw", shots)
                    if name == "noiseless"
                    else found.error(method, found.lead, name, shots)
                )
                note = f"  [{reference[COLUMNS.index(name)]:g}]" if reference else ""
                cells.append(_entry(estimate) + note)
            rows.append((method, f"{shots:,}", *cells))
    return Table(
        f"Relative error of a squared distance with shots, two-qubit error {found.lead:g}",
        ("circuit", "shots per circuit", "noiseless", *map(title_of, found.mitigations)),
        tuple(rows),
        f"As above. An extrapolated distance takes {found.n_scales} circuits, each with these shots."
        + (
            " In brackets: own prototype, mean of 5 seeds. Ours weights lines by the variance of the shots, "
            "which makes linear errors of the Hadamard circuit 10 % smaller."
            if known
            else ""
        ),
    )


def _pays_table(found: Findings) -> Table:
    rows = []
    for method in found.methods:
        for p2 in found.errors:
            for name in found.mitigations[1:]:
                begins = pays_from(found, method, p2, name)
                helps = [_helps(found, method, p2, name, translation) for translation in found.translations]
                rows.append((method, f"{p2:g}", title_of(name), begins.text, *helps))
    return Table(
        "From how many shots mitigation pays",
        (
            "circuit",
            "two-qubit error",
            "extrapolation",
            "distance: shots for one, all scales together",
            *(
                f"neighbour, {TRANSLATIONS[translation]}: shots per circuit"
                for translation in found.translations
            ),
        ),
        tuple(rows),
        "Distance: where its median error falls below that of an unmitigated distance with as many shots in "
        "all, ± standard error over data sets. Neighbour: those of the numbers of shots at which its rate of "
        "wrong ones is lower (or higher) than the unmitigated rate by more than two standard errors.",
    )


def _helps(found: Findings, method: str, p2: float, name: str, translation: str) -> str:
    lists: dict[str, list[str]] = {"lower": [], "higher": []}
    for shots in (*found.shots[1:], 0):
        raw, mitigated = (found.wrong(method, p2, m, shots, translation) for m in ("raw", name))
        gap = raw.value - mitigated.value
        if abs(gap) > 2 * float(np.hypot(raw.standard_error, mitigated.standard_error)):
            lists["lower" if gap > 0 else "higher"].append(f"{shots:,}" if shots else "exact")
    return (
        "; ".join(f"{word}: {', '.join(numbers)}" for word, numbers in lists.items() if numbers)
        or "no difference"
    )


def _wrong_table(found: Findings, translation: str, is_reference: bool) -> Table:
    compared = is_reference and translation == "none"
    rows = []
    for method in found.methods:
        for shots in (*found.shots[1:], 0):
            for p2 in (0.0, *found.errors):
                reference = WRONG.get(method, {}).get(shots, {}).get(p2, ()) if compared else ()
                known = dict(zip(WRONG_NAMES, reference, strict=False))
                cells = [
                    _entry(found.wrong(method, p2, name, shots, translation))
                    + (f"  [{known[name]:g}]" if name in known else "")
                    for name in found.mitigations
                ]
                rows.append((method, f"{shots:,}" if shots else "exact", f"{p2:g}", *cells))
    return Table(
        f"Wrong nearest neighbours, {TRANSLATIONS[translation]}",
        ("circuit", "shots per circuit", "two-qubit error", *map(title_of, found.mitigations)),
        tuple(rows),
        "Share of searches that find another point than the nearest, with its binomial standard error; the "
        "same queries, and the same random numbers of shots, for all error rates."
        + (" In brackets: own prototype, 192 queries, standard error up to 0.035." if compared else ""),
    )


def _bias_table(found: Findings, is_reference: bool) -> Table:
    rows = []
    for method in found.methods:
        for p2 in found.errors:
            notes = ["", "", ""]
            if is_reference and p2 == 1e-2 and method in LINES:
                notes[:2] = [f"  [{number:g}]" for number in LINES[method]]
            cells = [_entry(found.fit(method, p2, column)) + notes[column] for column in range(3)]
            rows.append((method, f"{p2:g}", *cells))
    return Table(
        "What noise makes of a squared distance: alpha D² + beta Z",
        ("circuit", "two-qubit error", "alpha", "beta", "root mean square of what is left, over Z"),
        tuple(rows),
        "Z = |a|² + |b|², exact probabilities, no mitigation; pairs of all angles and of lengths up to four "
        "times apart. Near points look too far, and a search is pulled towards the origin by "
        "beta / (alpha + beta) of the way." + (" In brackets: own prototype." if is_reference else ""),
    )


def _circuit_table(found: Findings, dimension: int, one_qubit_ratio: float) -> Table:
    rows = []
    for method in found.methods:
        p1 = one_qubit_ratio * found.lead
        estimator = quantum.DistanceEstimator(method=_method(method))
        circuit = estimator.circuit(np.arange(1.0, dimension + 1), np.ones(dimension))
        counts = circuit.decomposed().gate_counts
        two = counts.get("cx", 0)
        ours, rate = _rate(method, dimension, p1, found.lead), aer_rate(method, p1, found.lead, dimension)
        n = found.n_circuits(method)
        rows.append(
            (
                method,
                circuit.n_qubits,
                f"{sum(counts.values()) - two} + {two}",
                f"{n:,}",
                f"{ours:,.0f}",
                f"{rate:,.0f}" if rate else "qiskit-aer is not installed",
                f"{n / rate / 3600:,.1f}" if rate else "not measured",
            )
        )
    heads = (
        "circuit",
        "qubits",
        "gates on one qubit + CX",
        "circuits that the results need",
        "ours, circuits per second and thread, this machine",
        "Aer, circuits per second, this machine",
        "time that Aer would have taken (h)",
    )
    note = (
        "Circuits count every noise scale; pairs are simulated all to all in small blocks, the needed "
        "ones counted. Both rates were measured in this run: ours on one thread, Aer's in its fastest mode, "
        "EstimatorV2 with one template and an array of angles on the density matrix, threads left as they "
        "are, unfolded. An exact k-d tree answers all searches of this run in milliseconds."
    )
    return Table("Circuits, and what they cost", heads, tuple(rows), note)


def _rate(method: str, dimension: int, p1: float, p2: float) -> float:
    """Return circuits per second on one thread, the best of three runs."""
    noise = quantum.NoiseModel.depolarizing(p1=p1, p2=p2)
    estimator = quantum.DistanceEstimator(method=_method(method), noise=noise, seed=0, num_threads=1)
    points = np.random.Generator(np.random.Philox(key=7)).normal(size=(256, dimension))
    estimator.pairwise(points[:8], points[:8])  # compiles the circuit
    best = np.inf
    for _ in range(3):
        start = time.perf_counter()
        estimator.pairwise(points, points[:128] + 1.0)
        best = min(best, time.perf_counter() - start)
    return 256 * 128 / best


def _method(name: str) -> Method:
    methods: dict[str, Method] = {method: method for method in METHODS}
    return methods[name]


def _entry(estimate: Estimate) -> str:
    """Return value and standard error with the digits that mean something."""
    value, error = estimate.value, estimate.standard_error
    if error == 0 or abs(value) < 1e-9:
        return "0" if abs(value) < 1e-9 and error < 1e-9 else f"{value:.2g} ± {error:.1g}"
    digits = max(0, int(np.ceil(-np.log10(error))))
    if digits > 5:
        return f"{value:.2g} ± {error:.0e}"
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def _percent(value: float) -> str:
    percent = 100 * value
    if 0 < percent < 1e-4:
        return "less than 0.0001 %"
    return f"{percent:.0f} %" if percent >= 9.5 else f"{percent:.2g} %"


def title_of(name: str) -> str:
    """Return how a mitigation is written."""
    return _TITLES.get(name, name)
