"""The tables of flow-augment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nonideal.experiments import Table
from nonideal.experiments._augment_reference import REFERENCE, SOLVES_TOLERANCE, tolerance_of
from nonideal.experiments._augment_study import METHODS, Row, gain
from nonideal.physics.flow.augmentation import MASS_ONLY

if TYPE_CHECKING:
    from nonideal.experiments.flow_augment import Config

__all__ = [
    "agreement",
    "case_table",
    "cost_table",
    "error_table",
    "figure",
    "losses_table",
    "merge_table",
    "modes_table",
    "reference_table",
]


def figure(value: float) -> str:
    """Return three figures of a percentage, as the reference figures have."""
    return f"{value:.3g}" if value < 99.95 else f"{value:.0f}"


def _pair(errors: Any) -> str:
    return f"{figure(100 * np.mean(errors))} / {figure(100 * np.max(errors))}"


def modes_table(rows: Sequence[Row]) -> Table:
    """Return every error, one row for each number of modes: for programs rather than readers."""
    heads = (
        "train",
        "method",
        "merge",
        "n_modes",
        "mean",
        "max",
        "standard_error",
        "projection_mean",
        "projection_max",
        "linear_solves",
        "n_full",
        "n_artificial",
        "not_converged",
    )
    cells: list[tuple[Any, ...]] = []
    for row in rows:
        found = row.validation
        for index, k in enumerate(found.n_modes):
            best = found.projection_errors[index]
            cells.append(
                (
                    row.train,
                    row.method,
                    row.merge,
                    k,
                    float(found.mean[index]),
                    float(found.max[index]),
                    float(found.standard_error[index]),
                    float(best.mean()),
                    float(best.max()),
                    row.cost,
                    row.n_full,
                    row.n_artificial,
                    int((~found.converged[index]).sum()),
                )
            )
    note = (
        "Relative L2 errors of the velocity over the test points; projection: of the best approximation in "
        "the same space. The last row of each method has all modes above 1e-6 of the largest singular value."
    )
    return Table("Errors at every number of modes", heads, tuple(cells), note)


def error_table(config: Config, rows: Sequence[Row], train: str) -> Table:
    """Return a training set's errors side by side, as the reference figures are written."""
    chosen = [row for row in rows if row.train == train and row.merge == config.merge[0]]
    counts = sorted({k for row in chosen for k in row.validation.n_modes[:-1]})
    heads = (
        "method",
        "artificial",
        "solves",
        "modes",
        *(f"k={k}" for k in counts),
        "all modes",
        "best (mean)",
    )
    cells = []
    for row in chosen:
        by_count = [row.errors(k) for k in counts]
        cells.append(
            (
                METHODS[row.method].words,
                row.n_artificial,
                row.cost,
                row.rank,
                *(None if errors is None else _pair(errors) for errors in by_count),
                _pair(row.errors()),
                figure(100 * row.validation.projection_errors[-1].mean()),
            )
        )
    missing = [
        f"{METHODS[row.method].words} at k={k}: {int((~flags).sum())}"
        for row in chosen
        for k, flags in zip(row.validation.n_modes, row.validation.converged, strict=True)
        if not flags.all()
    ]
    note = (
        "Velocity error in percent, mean / max over the test points; columns compare equal numbers of modes."
    )
    if missing:
        note += f" Queries that did not converge (counted with the last iterate): {'; '.join(missing)}."
    return Table(f"Training set {train}: error at equal numbers of modes", heads, tuple(cells), note)


def cost_table(config: Config, rows: Sequence[Row]) -> Table:
    """Return errors with all modes against what they cost."""
    chosen = [
        row
        for row in rows
        if row.merge == config.merge[0] and row.method in ("none", "oseen", "oseen_picard2", "navier_stokes")
    ]
    cells = [
        (
            row.train,
            METHODS[row.method].words,
            row.cost,
            row.rank,
            figure(100 * row.errors().mean()),
            figure(100 * float(row.validation.standard_error[-1])),
            figure(100 * row.errors().max()),
        )
        for row in sorted(chosen, key=lambda row: row.cost)
    ]
    heads = ("train", "method", "linear solves", "modes", "mean (%)", "standard error (%)", "max (%)")
    note = "All modes kept. A linear solve is one saddle-point system factorised and solved."
    return Table("Error against offline cost", heads, tuple(cells), note)


def merge_table(config: Config, rows: Sequence[Row]) -> Table | None:
    """Return both merges side by side, where both were asked for."""
    pairs = [
        (one, two)
        for one in rows
        for two in rows
        if (one.train, one.method) == (two.train, two.method)
        and (one.merge, two.merge) == ("concatenate", "nested")
    ]
    cells = [
        (
            one.train,
            METHODS[one.method].words,
            k,
            figure(100 * one.errors(k).mean()),
            figure(100 * two.errors(k).mean()),
        )
        for one, two in pairs
        for k in sorted(set(one.validation.n_modes) & set(two.validation.n_modes))
    ]
    if not cells:
        return None
    heads = ("train", "method", "modes", "concatenate: mean (%)", "nested: mean (%)")
    return Table("Merging artificial snapshots with solutions", heads, tuple(cells))


def case_table(cases: Mapping[str, Sequence[Row]], merge: str) -> Table:
    """Return what Oseen's, mass-only and real mid-point snapshots do for several flows."""
    cells: list[tuple[Any, ...]] = []
    for name, rows in cases.items():
        for train in dict.fromkeys(row.train for row in rows):
            found = {row.method: row for row in rows if (row.train, row.merge) == (train, merge)}
            plain, oseen = found.get("none"), found.get("oseen")
            if plain is None or oseen is None:
                continue
            same = oseen.errors(plain.rank)
            if same is None or len(found) < 3:  # plain sets of the curve of cost
                continue
            mass = {
                method: gain(plain.errors(), found[method].errors()).value
                for method in MASS_ONLY
                if method in found
            }
            at_equal = [
                gain(plain.errors(), errors).value
                for method in MASS_ONLY
                if method in found and (errors := found[method].errors(plain.rank)) is not None
            ]
            best = max(mass, key=lambda method: mass[method], default="")
            real = found.get("navier_stokes")
            cells.append(
                (
                    name,
                    train,
                    f"{plain.cost} / {oseen.cost}",
                    plain.rank,
                    figure(100 * plain.errors().mean()),
                    figure(100 * same.mean()),
                    f"{gain(plain.errors(), same).value:.2g}",
                    f"{gain(plain.errors(), oseen.errors()).value:.2g} ({oseen.rank})",
                    f"{gain(_best(plain), _best(oseen)).value:.2g}",
                    f"{_missing(plain)} / {_missing(oseen)}",
                    f"{max(at_equal):.2g}" if at_equal else None,
                    f"{mass[best]:.2g} ({METHODS[best].words})" if best else None,
                    None
                    if real is None
                    else f"{gain(plain.errors(), real.errors()).value:.2g} ({real.rank}; {real.cost} solves)",
                )
            )
    heads = (
        "flow",
        "train",
        "solves: plain / with Oseen",
        "k",
        "plain (%)",
        "Oseen, k modes (%)",
        "gain, k modes",
        "gain, all modes",
        "gain of the best approximation",
        "not converged: plain / with Oseen",
        "best mass-only gain, k modes",
        "best mass-only gain, all modes",
        "gain of real mid-points (modes; solves)",
    )
    note = (
        "Mean velocity errors over the test points; k: modes of the plain snapshots. A gain is the factor by "
        "which the mean error falls: below 1 it rises. Where the best approximation gains and the reduced "
        "solution does not, or queries do not converge, Galerkin's equations are to blame: with few modes "
        "they may have no solution at all."
    )
    return Table("Other flows: what each kind of snapshot gains", heads, tuple(cells), note)


def _best(row: Row) -> Any:
    return row.validation.projection_errors[-1]


def _missing(row: Row) -> int:
    return int((~row.validation.converged[-1]).sum())


def losses(config: Config, rows: Sequence[Row]) -> Iterator[tuple[str, Row, int, Row]]:
    """Yield where Oseen loses: why, its row, its number of modes (0: all), and the row that beats it."""
    lead = config.merge[0]
    plain = {row.train: row for row in rows if row.method == "none" and row.merge == lead}
    for row in rows:
        if row.method != "oseen" or row.merge != lead:
            continue
        before = plain.get(row.train)
        for k in row.validation.n_modes:
            rival = None if before is None else before.errors(k)
            if rival is None or before is None:
                continue
            if rival.mean() < row.errors(k).mean():
                yield "plain snapshots, equal modes: mean", row, k, before
            elif rival.max() < row.errors(k).max():
                yield "plain snapshots, equal modes: max", row, k, before
        for other in plain.values():
            if row.cost < other.cost <= 1.15 * row.cost and other.errors().mean() < row.errors().mean():
                yield "a few more solutions instead", row, 0, other
        for other in rows:
            if (other.train, other.method, other.merge) != (row.train, "navier_stokes", lead):
                continue
            for k in row.validation.n_modes:
                real = other.errors(k)
                if real is not None and real.mean() < row.errors(k).mean():
                    yield "solutions at the mid-points, equal modes (dearer)", row, k, other


def losses_table(config: Config, rows: Sequence[Row]) -> Table:
    """Return where Oseen loses."""
    cells = []
    for why, row, k, other in losses(config, rows):
        ours, theirs = (row.errors(), other.errors()) if k == 0 else (row.errors(k), other.errors(k))
        cells.append(
            (
                row.train,
                "all" if k == 0 else k,
                _pair(ours),
                row.cost,
                why,
                other.train,
                _pair(theirs),
                other.cost,
            )
        )
    heads = (
        "train",
        "modes",
        "Oseen (%): mean / max",
        "its solves",
        "beaten by",
        "their train",
        "theirs (%)",
        "their solves",
    )
    note = (
        "Every row where something else is better: the same solutions without artificial ones at the same "
        "number of modes, a plain training set that costs at most 15 % more, or solutions at the mid-points."
    )
    return Table("Where Oseen loses", heads, tuple(cells), note)


def agreement(config: Config, rows: Sequence[Row]) -> list[tuple[Row, int, str, float, float, float]]:
    """Return row, modes (0: all), quantity, figure then, figure now and tolerance of all known figures."""
    found: list[tuple[Row, int, str, float, float, float]] = []
    if not config.is_reference:
        return found
    for row in rows:
        known = REFERENCE.get((config.range_text, row.train), {})
        if row.merge != "concatenate" or row.method not in known:
            continue
        then, within = known[row.method], tolerance_of(row.method)
        found.append((row, 0, "solves", then.solves, row.cost, SOLVES_TOLERANCE))
        for k, pair in (*then.errors.items(), (0, then.full)):
            errors = row.errors(k or None)
            if errors is not None:
                found.append((row, k, "mean (%)", pair[0], 100 * errors.mean(), within))
                found.append((row, k, "max (%)", pair[1], 100 * errors.max(), within))
        best = 100 * row.validation.projection_errors[-1].mean()
        found.append((row, 0, "best approximation, mean (%)", then.projection, best, within))
    return found


def reference_table(config: Config, rows: Sequence[Row]) -> Table | None:
    """Return the known figures beside ours, the farthest first; none where there are none."""
    known = agreement(config, rows)
    if not known:
        return None
    cells = [
        (
            row.train,
            METHODS[row.method].words,
            "all" if k == 0 else k,
            what,
            then,
            float(figure(now)),
            f"{100 * (now / then - 1):+.1f}",
            abs(now / then - 1) <= within,
        )
        for row, k, what, then, now, within in sorted(known, key=lambda item: -abs(item[4] / item[3] - 1))
    ]
    heads = ("train", "method", "modes", "quantity", "then", "now", "difference (%)", "within tolerance")
    note = (
        "Then: a prototype with scikit-fem and SuperLU, before this package was written. Tolerances: 5 % for "
        "solves, 3 % for errors, 15 % for the stream product and the bracket."
    )
    return Table("Known figures, then and now", heads, tuple(cells), note)
