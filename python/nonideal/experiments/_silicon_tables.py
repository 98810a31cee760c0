"""What atoms-silicon found, in numbers and words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nonideal import Estimate
from nonideal.experiments import Comparison, Curve, Table
from nonideal.experiments._atoms_tables import (
    ABOUT_FLOORS,
    angle_errors,
    drift_of,
    dynamics_curves,
    ends_of,
    energy_errors,
    energy_range,
    error_table,
    estimate_of,
    force_error,
    key_of,
    learning_curves,
    number,
    parity_curves,
    rdf_errors,
)
from nonideal.experiments._silicon_orders import ORDERS
from nonideal.experiments._silicon_pair import N_SPLINES
from nonideal.experiments._silicon_shards import STATES, n_order_frames
from nonideal.physics.atoms.trajectory import BOLTZMANN

__all__ = ["MODEL", "PAIR", "Findings", "answer", "comparison", "curves", "metrics", "tables"]

MODEL, PAIR = "LEIGNN", "pair potential"
#: Diffusion in molten silicon by a modified Stillinger-Weber potential, 1550 to 1900 K: D0 m^2/s and eV.
#: Source: abstract of J. Appl. Phys. (1995), doi 10.1063/1.359498.
_PUBLISHED_DIFFUSION = (3.8e-8, 0.27)


@dataclass(frozen=True)
class Findings:
    """Results of the shards, and what they were made with."""

    teacher: Mapping[str, Any]
    models: Mapping[str, Mapping[str, Any]]
    seconds: float | None
    temperatures: Mapping[str, float]
    n_frames: int
    n_atoms: int
    bond_length: float

    @property
    def everyone(self) -> dict[str, Mapping[str, Any]]:
        """The teacher first."""
        return {"teacher": self.teacher, **self.models}


def _diffusion(found: Mapping[str, Any]) -> Estimate | None:
    return estimate_of(found["melt diffusion"], "m^2/s")


def _diffusion_ratio(findings: Findings, name: str) -> Estimate | None:
    """Return a model's coefficient of diffusion over the teacher's."""
    own, known = _diffusion(findings.models[name]), _diffusion(findings.teacher)
    if own is None or known is None or not known.value > 0:
        return None
    ratio = own.value / known.value
    relative = math.hypot(own.standard_error / own.value, known.standard_error / known.value)
    return Estimate(ratio, abs(ratio) * relative, min(own.samples or 2, known.samples or 2))


def neighbors_of(found: Mapping[str, Any], state: str, bond_length: float) -> float | None:
    """Return how many neighbours an atom has within a bond's length: the integral of g(r)."""
    r, g = found[f"{state} r"], found[f"{state} rdf all"]
    if not g.size:
        return None
    width = r[1] - r[0]
    inner, outer = r - 0.5 * width, np.minimum(r + 0.5 * width, bond_length)
    shells = 4.0 / 3.0 * np.pi * np.maximum(outer**3 - inner**3, 0.0)
    return float(found[f"{state} atoms_per_volume"] * (g[0] * shells).sum())


def metrics(findings: Findings) -> dict[str, Estimate]:
    """Return errors, structure, diffusion and drifts."""
    out: dict[str, Estimate] = {}
    for name, found in findings.everyone.items():
        key = key_of(name)
        known = {
            f"diffusion_{key}": _diffusion(found),
            f"drift_{key}": drift_of(found, prefix="melt"),
        }
        out |= {called: value for called, value in known.items() if value is not None}
        for state in STATES:
            count = neighbors_of(found, state, findings.bond_length)
            if count is not None:
                out[f"neighbors_{state}_{key}"] = Estimate.exact(count)
    for name, found in findings.models.items():
        key = key_of(name)
        for state in STATES:
            out[f"force_error_{state}_{key}"] = force_error(found, state)
            out[f"energy_bias_{state}_{key}"] = Estimate.from_samples(
                energy_errors(found, state).tolist(), unit="meV/atom"
            )
            for what, unit, both in (
                ("rdf", "angstrom", rdf_errors(found, findings.teacher, prefix=state)),
                ("angle", "", angle_errors(found, findings.teacher, prefix=state)),
            ):
                if both is not None:
                    out[f"{what}_mae_{state}_{key}"] = Estimate.exact(both[0], unit=unit)
                    out[f"{what}_floor_{state}"] = Estimate.exact(both[1], unit=unit)
        ratio = _diffusion_ratio(findings, name)
        if ratio is not None:
            out[f"diffusion_ratio_{key}"] = ratio
        out[f"steps_{key}"] = Estimate.exact(int(found["steps"]))
    for order, error in _order_estimates(findings).items():
        out[f"force_error_melt_{'pairs' if order < 0 else f'cosine_{order}'}"] = error
    return out


def curves(findings: Findings) -> dict[str, Curve]:
    """Return the lines of the figures by what they show and of whom."""
    out = {**learning_curves(findings.models), **parity_curves(findings.models, STATES)}
    for state in STATES:
        out |= dynamics_curves(findings.everyone, prefix=state)
    return out


def tables(findings: Findings) -> dict[str, Table]:
    """Return errors, structure and motion."""
    found = {
        "errors": error_table(
            findings.models,
            {state: f"{state} at {findings.temperatures[state]:g} K" for state in STATES},
            title="Errors on frames of temperatures that no model has seen",
            note=f"The pair potential solves a linear system: of sums of {N_SPLINES} cubic splines up to the "
            "cutoff it has the least squared error of forces on the frames that the network learnt from. "
            "Energies are not fitted: one constant per atom makes their mean error zero on those frames.",
        ),
        "structure": _structure_table(findings),
        "motion": _motion_table(findings),
    }
    if PAIR in findings.models:
        found["orders"] = _order_table(findings)
    return found


def _order_estimates(findings: Findings) -> dict[int, Estimate]:
    """Return the errors of least squares by the highest power of the cosine."""
    if PAIR not in findings.models:
        return {}
    rows = findings.models[PAIR]["order_errors"]
    return {
        order: Estimate.from_samples((1e3 * row).tolist(), unit="meV/angstrom")
        for order, row in zip(ORDERS, rows, strict=True)
    }


def _order_table(findings: Findings) -> Table:
    words = {-1: "pair distances alone", 0: "and bonds, cos^0", 1: "and cos^1", 2: "and cos^2"}
    estimates = _order_estimates(findings)
    rows = [(words[order], error.value, error.standard_error) for order, error in estimates.items()]
    n_tested = findings.models[PAIR]["order_errors"].shape[1]
    n_learnt = n_order_frames(findings.n_frames, findings.n_atoms)
    own = force_error(findings.models[MODEL], "melt", first=n_tested)
    return Table(
        "How much of the melt's forces the angles' powers tell",
        ("least squares of", "force MAE (meV/angstrom)", "its standard error"),
        (*rows, (f"{MODEL}, for comparison", own.value, own.standard_error)),
        f"Least squares on {n_learnt} of the network's {findings.n_frames} frames; all rows are of the same "
        f"{n_tested} frames of the melt, fewer than in the table of errors. Energies of pairs, and "
        "of two bonds that meet: h(r, s) cos(theta)^p. The teacher has (cos + 1/3)^2. A network of scalars "
        "and vectors gets powers 0 and 1 from products; power 2 takes what it has no features for, tensors, "
        "and must be pieced together from bonds of different lengths.",
    )


def _structure_table(findings: Findings) -> Table:
    rows = []
    for state in STATES:
        for name, found in findings.everyone.items():
            rdf = angles = None
            if name in findings.models:
                rdf = rdf_errors(found, findings.teacher, prefix=state)
                angles = angle_errors(found, findings.teacher, prefix=state)
            rows.append(
                (
                    state,
                    name,
                    *(rdf or (None, None)),
                    *(angles or (None, None)),
                    neighbors_of(found, state, findings.bond_length),
                    ends_of(found, prefix=state)[0] or "to its end",
                )
            )
    return Table(
        "Structure in the dynamics with a thermostat",
        (
            "",
            "",
            "RDF MAE (angstrom)",
            "its floor",
            "difference of angles",
            "its floor",
            f"neighbours within {findings.bond_length:g} angstrom",
            "went",
        ),
        tuple(rows),
        f"{ABOUT_FLOORS} Angles: the integral of the difference of densities without its sign, 0 where "
        "they are the same and 2 where they have nothing in common.",
    )


def _motion_table(findings: Findings) -> Table:
    rows = []
    for name, found in findings.everyone.items():
        own = _diffusion(found)
        ratio = _diffusion_ratio(findings, name) if name in findings.models else None
        drift = drift_of(found, prefix="melt")
        rows.append(
            (
                name,
                None if own is None else 1e9 * own.value,
                None if own is None else 1e9 * own.standard_error,
                None if ratio is None else str(ratio),
                None if drift is None else str(drift),
                energy_range(found, prefix="melt"),
                number(found["melt cost"]),
                ends_of(found, prefix="melt")[1] or "to its end",
            )
        )
    return Table(
        f"Motion of the melt at {findings.temperatures['melt']:g} K",
        (
            "",
            "D (1e-9 m^2/s)",
            "its standard error",
            "over the teacher's",
            "drift without thermostat",
            "energy's range (meV/atom)",
            "CPU us/atom/step",
            "without thermostat, went",
        ),
        tuple(rows),
        "Einstein's relation on five blocks, whose spread is the standard error. In a small periodic cell "
        "atoms diffuse too slowly, teacher and models alike.",
    )


def comparison(findings: Findings) -> list[Comparison]:
    """Return published figures beside ours."""
    temperature = findings.temperatures["melt"]
    prefactor, barrier = _PUBLISHED_DIFFUSION
    published = prefactor * math.exp(-barrier / (BOLTZMANN * temperature))
    known = _diffusion(findings.teacher)
    rows = [
        Comparison(
            f"Diffusion in Stillinger-Weber's molten silicon at {temperature:g} K",
            f"{1e9 * published:.1f}e-9 m^2/s (3.8e-8 exp(-0.27 eV/kT), doi 10.1063/1.359498, abstract)",
            "no coefficient"
            if known is None
            else f"{1e9 * known.value:.1f} ± {1e9 * known.standard_error:.1f}e-9",
            "theirs is fitted to 1550-1900 K with a modified potential and another cell; ours is the "
            f"teacher's, of {findings.n_atoms} atoms at one density",
        )
    ]
    found = findings.models[MODEL]
    rows.append(
        Comparison(
            "Errors and dynamics of LEIGNN on silicon",
            "not established",
            f"{force_error(found, 'melt').value:.0f} meV/angstrom in the melt",
            "the paper's result tables were not to be had; its abstract names no silicon: a case of our own",
        )
    )
    return rows


def answer(findings: Findings) -> str:
    """Return what came out."""
    budget = f"{int(findings.models[MODEL]['steps'])} steps"
    if findings.seconds is not None:
        budget = f"{findings.seconds:g} CPU s"
    text = "; ".join(_told(findings, name) for name in findings.models)
    return f"After {budget} of training, in silicon molten at {findings.temperatures['melt']:g} K: {text}."


def _told(findings: Findings, name: str) -> str:
    found = findings.models[name]
    text = f"{name} has a force error of {force_error(found, 'melt').value:.0f} meV/angstrom"
    with_thermostat, without = ends_of(found, prefix="melt")
    if with_thermostat:
        text += f", dynamics that {with_thermostat}"
    both = rdf_errors(found, findings.teacher, prefix="melt")
    if both is not None:
        text += f", an RDF MAE of {both[0]:.3f} angstrom (floor, the teacher's halves: {both[1]:.3f})"
    ratio = _diffusion_ratio(findings, name)
    if ratio is not None:
        text += f" and {ratio.value:.2f} ± {ratio.standard_error:.2f} times the teacher's diffusion"
    if without:
        text += f", and dynamics without a thermostat that {without}"
    held = angle_errors(found, findings.teacher, prefix="crystal")
    if held is not None:
        text += f" (angles of the crystal differ by {held[0]:.2f} of 2)"
    return text
