"""The curves of mechanics-lbeam: what its figures are drawn from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nonideal.experiments import Curve
from nonideal.experiments._lbeam_problem import Floats, Problem, Runs, Variant, estimate_of, measures
from nonideal.physics import mechanics

if TYPE_CHECKING:
    from nonideal.experiments.mechanics_lbeam import Config

_SHEAR = math.sqrt(2.0)


def slope_of(convergence: Sequence[tuple[int, float, float, int]], column: int) -> float:
    """Return the slope of an error against the number of points, both logarithmic."""
    x, y = (np.log([row[k] for row in convergence]) for k in (0, column))
    return float(np.polyfit(x, y, 1)[0])


def cell_curves(problem: Problem) -> dict[str, Curve]:
    """Return macro stress against macro strain in tension and in shear, and the data base's points."""
    cell, curves = problem.cell, {}
    ends = [axis[-1] for axis in problem.law.axes]
    for name, component, largest, factor, labels in (
        ("axial", 0, ends[0], 1.0, ("macro strain E11", "macro stress S11 (MPa)")),
        ("shear", 2, ends[2], _SHEAR, ("macro strain E12", "macro stress S12 (MPa)")),
    ):
        ticks = np.linspace(0.0, largest, 13)
        strain = np.zeros((len(ticks), 3))
        strain[:, component] = ticks
        composite = np.array([cell.homogenize(macro).stress[component] for macro in strain])
        for kind, stress in (
            ("composite", composite),
            ("linear", (strain @ problem.stiffness)[:, component]),
            ("matrix", cell.matrix(strain)[0][:, component]),
        ):
            x, y = ticks / factor, stress / factor
            curves[f"cell_{name}_{kind}"] = Curve(tuple(x), labels[0], tuple(y), labels[1])
    states, mises = problem.database.strain, _von_mises(problem.database.stress)
    assignment = problem.classical.assignment
    assert assignment is not None  # a data-driven solution has one
    used = np.bincount(assignment, minlength=len(states)) > 0
    for name, rows in (("unused", ~used), ("used", used)):
        curves[f"database_{name}_plane"] = Curve(
            tuple(states[rows, 0]), "macro strain E11", tuple(states[rows, 1]), "macro strain E22"
        )
        curves[f"database_{name}_shear"] = Curve(
            tuple(states[rows, 2] / _SHEAR),
            "macro strain E12",
            tuple(mises[rows]),
            "von Mises stress in the plane (MPa)",
        )
    return curves


def _von_mises(stress: Floats) -> Floats:
    """Return the von Mises stress of the components in the plane, of Mandel vectors (m, 3)."""
    s11, s22, s12 = stress[:, 0], stress[:, 1], stress[:, 2] / _SHEAR
    return np.sqrt(s11**2 + s22**2 - s11 * s22 + 3 * s12**2)


def _element_means(beam: mechanics.Structure, values: Floats) -> Floats:
    weights = beam.weights.reshape(len(beam.cells), -1)
    return np.asarray((values.reshape(weights.shape) * weights).sum(axis=1) / weights.sum(axis=1))


def _shown(config: Config, runs: Runs) -> dict[str, Variant]:
    """Return the variants that maps of the beam show: the first translation, the fewest shots (0: exact)."""
    wanted = (config.lead_error, min(config.shots), config.translation[0])
    return {
        f"{variant.method}_{variant.mitigation}": variant
        for variant in runs
        if (variant.p2, variant.shots, variant.translation) == wanted
    }


def beam_curves(config: Config, problem: Problem, runs: Runs) -> dict[str, Curve]:
    """Return fields of the beam, one value per element."""
    beam = problem.beam
    x, y = (_element_means(beam, beam.points[:, axis]) for axis in (0, 1))
    curves = {"element_centres": Curve(tuple(x), "x (mm)", tuple(y), "y (mm)")}
    number = tuple(float(i) for i in range(len(x)))

    def add(name: str, values: Floats, label: str) -> None:
        curves[name] = Curve(number, "element", tuple(_element_means(beam, values)), label)

    mises, wrong = "von Mises stress in the plane (MPa)", "fraction of searches with a wrong neighbour"
    add("mises_reference", _von_mises(problem.reference.stress), mises)
    add("mises_classical", _von_mises(problem.classical.stress), mises)
    for name, variant in _shown(config, runs).items():
        part = runs[variant][0]
        add(f"mises_{name}", _von_mises(part["stress"]), mises)
        add(f"wrong_at_{name}", part["wrong"].mean(axis=0), wrong)
    return curves


def scan_curves(config: Config, problem: Problem, runs: Runs) -> dict[str, Curve]:
    """Return histories at the lead error rate, and wrong neighbours against shots."""
    curves: dict[str, Curve] = {}
    history = problem.classical.history
    assert history is not None  # a data-driven solution has one
    histories: list[tuple[str, Mapping[str, Any], int | None]] = [
        ("classical", {"penalty": history.penalty, "changed": history.changed}, None)
    ]
    for variant, parts in runs.items():
        if variant.p2 == config.lead_error:
            histories.append((variant.key, parts[0], 1 if variant.shots else None))
    labels = {"penalty": "penalty (N mm)", "changed": "fraction of points that change"}
    for key, part, samples in histories:
        for what, label in labels.items():
            y = tuple(part[what].tolist())
            x = tuple(float(i) for i in range(1, len(y) + 1))
            curves[f"{what}_{key}"] = Curve(x, "iteration", y, label, samples=samples)
    wanted = [number for number in config.shots if number] + [number for number in config.shots if not number]
    for variant in runs:
        if variant.shots != wanted[0]:
            continue
        for what, label in (("wrong", "wrong neighbours"), ("strain", "deviation of the strain field")):
            values, errors, samples = [], [], None
            for number in wanted:
                parts = runs[Variant(**{**variant.__dict__, "shots": number})]
                measured = [measures(problem, part)[what] for part in parts]
                estimate = estimate_of(measured, exact=not number)
                values.append(float(np.mean(measured)))
                errors.append(estimate.standard_error if estimate else 0.0)
                samples = len(measured) if number else samples
            curves[f"{what}_against_shots_{_line(variant)}"] = Curve(
                tuple(float(i) for i in range(len(wanted))),
                "shots per circuit",
                tuple(values),
                label,
                tuple(errors),
                samples,
            )
    return curves


def _line(variant: Variant) -> str:
    return f"{variant.method}_{variant.mitigation}_{variant.translation}_p{variant.p2:g}"


def convergence_curves(convergence: Sequence[tuple[int, float, float, int]]) -> dict[str, Curve]:
    """Return errors of strain and stress against the size of the data base."""
    n = tuple(float(row[0]) for row in convergence)
    return {
        f"{field}_error": Curve(
            n,
            "points of the data base",
            tuple(row[column] for row in convergence),
            "relative error (root mean square)",
        )
        for column, field in ((1, "strain"), (2, "stress"))
    }
