"""What atoms-copper found, in numbers and words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nonideal import Estimate
from nonideal.experiments import Comparison, Curve, Table
from nonideal.experiments._atoms_tables import (
    ABOUT_FLOORS,
    drift_of,
    dynamics_curves,
    ends_of,
    energy_errors,
    energy_range,
    error_table,
    force_error,
    key_of,
    learning_curves,
    number,
    parity_curves,
    rdf_errors,
)

__all__ = ["FAIR", "Findings", "answer", "comparison", "curves", "metrics", "tables"]

#: The model that makes the contrast with direct forces fair.
FAIR = "gradient without stress"
#: From the largest errors to the smallest: the specification's expectation, inferred, not the paper's table.
_EXPECTED = ("vanilla", "vanilla-nmu", "full")
_SETS = {"whole": "whole", "vacancy": "vacancy"}
_CRYSTAL = {
    "lattice": ("lattice constant", "angstrom"),
    "bulk": ("bulk modulus", "GPa"),
    "vacancy": ("vacancy energy", "eV"),
}


@dataclass(frozen=True)
class Findings:
    """Results of the shards, and what they were made with.

    ``variants`` names the models of the ablation by their variant; ``stress_weights`` are the models' own.
    """

    teacher: Mapping[str, Any]
    models: Mapping[str, Mapping[str, Any]]
    generator: str
    seconds: float | None
    temperature: float
    stress_weights: Mapping[str, float]
    variants: Mapping[str, str]

    @property
    def moved(self) -> dict[str, Mapping[str, Any]]:
        """Models that moved the atoms."""
        return {name: found for name, found in self.models.items() if "energy" in found}

    @property
    def everyone(self) -> dict[str, Mapping[str, Any]]:
        """The teacher first."""
        return {"teacher": self.teacher, **self.moved}


def metrics(findings: Findings) -> dict[str, Estimate]:
    """Return errors, properties and drifts by model."""
    out: dict[str, Estimate] = {}
    for name, found in findings.everyone.items():
        key = key_of(name)
        for part, (_, unit) in _CRYSTAL.items():
            if number(found[part]) is not None:
                out[f"{part}_{key}"] = Estimate.exact(float(found[part]), unit=unit)
        drift = drift_of(found)
        if drift is not None:
            out[f"drift_{key}"] = drift
    for name, found in findings.models.items():
        key = key_of(name)
        for part in _SETS:
            out[f"force_error_{part}_{key}"] = force_error(found, part)
            out[f"energy_bias_{part}_{key}"] = Estimate.from_samples(
                energy_errors(found, part).tolist(), unit="meV/atom"
            )
        out[f"steps_{key}"] = Estimate.exact(int(found["steps"]))
    for name, found in findings.moved.items():
        both = rdf_errors(found, findings.teacher)
        if both is not None:
            out[f"rdf_mae_{key_of(name)}"] = Estimate.exact(both[0], unit="angstrom")
            out["rdf_floor"] = Estimate.exact(both[1], unit="angstrom")
    return out


def curves(findings: Findings) -> dict[str, Curve]:
    """Return the lines of the figures by what they show and of whom."""
    return {
        **dynamics_curves(findings.everyone),
        **learning_curves(findings.models),
        **parity_curves(findings.models, tuple(_SETS)),
    }


def tables(findings: Findings) -> dict[str, Table]:
    """Return errors, crystal and dynamics; with other variants, how they compare."""
    found = {
        "errors": error_table(
            findings.models,
            _SETS,
            title=f"Errors on frames of {findings.temperature:g} K, which no model has seen",
            note=_ABOUT_ERRORS,
            extra={"weight of stress": [findings.stress_weights[name] for name in findings.models]},
        ),
        "crystal": _crystal_table(findings),
        "dynamics": _dynamics_table(findings),
    }
    if len(findings.variants) > 1:
        found["variants"] = _variant_table(findings)
    return found


_ABOUT_ERRORS = (
    "Models learnt from whole crystals alone. The bias is the mean error with its sign: a missing atom "
    "changes every energy, and a network with a global part may not know by how much. Gradient forces learn "
    "stresses too where the weight is not 0, direct forces never do: compare them with gradient forces of "
    "weight 0. The budget is CPU seconds of each model's process; the clock's depend on threads and other "
    "load."
)


def _crystal_table(findings: Findings) -> Table:
    rows = [(name, *(number(found[part]) for part in _CRYSTAL)) for name, found in findings.everyone.items()]
    return Table(
        "The perfect crystal and one vacancy in it",
        ("", *(f"{words} ({unit})" for words, unit in _CRYSTAL.values())),
        tuple(rows),
        "By energies (and, to relax around the vacancy, forces). Empty: the energy has no minimum between "
        "strains of -2 and 2 %, or relaxation did not end.",
    )


def _dynamics_table(findings: Findings) -> Table:
    rows = []
    for name, found in findings.everyone.items():
        drift = drift_of(found)
        both = rdf_errors(found, findings.teacher) if name in findings.models else None
        ends = ends_of(found)
        rows.append(
            (
                name,
                both[0] if both else None,
                both[1] if both else None,
                None if drift is None else str(drift),
                energy_range(found),
                number(found["cost"]),
                *(end or "to its end" for end in ends),
            )
        )
    return Table(
        f"Dynamics of a crystal with a vacancy at {findings.temperature:g} K",
        (
            "",
            "RDF MAE (angstrom)",
            "floor (angstrom)",
            "drift without thermostat",
            "energy's range (meV/atom)",
            "CPU us/atom/step",
            "with thermostat",
            "without",
        ),
        tuple(rows),
        f"{ABOUT_FLOORS} Times hold all that the simulation does beside the forces.",
    )


def _variant_table(findings: Findings) -> Table:
    """Return how the forms of the network compare, and whether in the order that is expected."""
    errors = {
        variant: force_error(findings.models[name], "whole") for variant, name in findings.variants.items()
    }
    rows: list[tuple[Any, ...]] = []
    ranked = sorted(findings.variants.items(), key=lambda item: _EXPECTED.index(_role(item[0])))
    for variant, name in ranked:
        found, holed = findings.models[name], force_error(findings.models[name], "vacancy")
        expected = _EXPECTED.index(_role(variant)) + 1
        place = 1 + sum(other.value > errors[variant].value for other in errors.values())
        row: tuple[Any, ...] = (variant, int(found["n_parameters"]), int(found["steps"]))
        rows.append(
            (*row, errors[variant].value, errors[variant].standard_error, holed.value, expected, place)
        )
    return Table(
        "Forms of the network, gradient forces, equal budgets",
        (
            "variant",
            "parameters",
            "steps",
            "whole: force MAE (meV/angstrom)",
            "its standard error",
            "vacancy: force MAE (meV/angstrom)",
            "expected place",
            "place",
        ),
        tuple(rows),
        f"{_verdict(errors)} Places go from the largest error of whole crystals down; v1 and vn are both "
        "full forms. The order is inferred from the paper's claim, not read in its tables. Standard errors "
        "are of the frames alone: one training each, and another seed may turn close ones round.",
    )


def _role(variant: str) -> str:
    return variant if variant in _EXPECTED else "full"


def _verdict(errors: Mapping[str, Estimate]) -> str:
    """Say whether vanilla >= vanilla-nmu >= full holds, for every pair that was trained."""
    ranked = [(v, errors[v]) for role in _EXPECTED for v in errors if _role(v) == role]
    broken = [
        f"{second} {b.value:.1f} is above {first} {a.value:.1f}"
        for index, (first, a) in enumerate(ranked)
        for second, b in ranked[index + 1 :]
        if _role(first) != _role(second) and b.value > a.value
    ]
    if not broken:
        return "The expected order, vanilla >= vanilla-nmu >= full, was found."
    return f"The expected order, vanilla >= vanilla-nmu >= full, was not found: {'; '.join(broken)}."


def comparison(findings: Findings) -> list[Comparison]:
    """Return published figures beside ours: there are none that could be compared."""
    name, found = next(iter(findings.models.items()))
    return [
        Comparison(
            "Errors and dynamics of LEIGNN on a metal",
            "not established",
            f"{force_error(found, 'vacancy').value:.1f} meV/angstrom ({name}, {findings.generator})",
            "the paper's result tables were not to be had; its abstract names no metal: a case of our own",
        )
    ]


def answer(findings: Findings) -> str:
    """Return what came out."""
    time = "equal steps" if findings.seconds is None else f"{findings.seconds:g} CPU s of training each"
    parts = []
    for name, found in findings.models.items():
        text = f"{name} has a force error of {force_error(found, 'vacancy').value:.1f} meV/angstrom"
        if name in findings.moved:
            text += _moves(found, findings.teacher)
        parts.append(text)
    return (
        f"After {time}, at {findings.temperature:g} K with a vacancy, taught by {findings.generator}: "
        + "; ".join(parts)
        + "."
    )


def _moves(found: Mapping[str, Any], teacher: Mapping[str, Any]) -> str:
    drift, both = drift_of(found), rdf_errors(found, teacher)
    with_thermostat, without = ends_of(found)
    text = f", dynamics that {with_thermostat}" if with_thermostat else ""
    if both is not None:
        text += f", an RDF MAE of {both[0]:.3f} angstrom (floor, the teacher's halves: {both[1]:.3f})"
    if without:
        return f"{text}, and dynamics without a thermostat that {without}"
    if drift is None:
        return text
    return f"{text}, and a drift of {drift} (energies within {energy_range(found):.2g} meV/atom)"
