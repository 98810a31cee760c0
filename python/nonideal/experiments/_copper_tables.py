"""What atoms-copper found, in numbers and words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nonideal import Estimate
from nonideal.experiments import Comparison, Curve, Table
from nonideal.physics import atoms

__all__ = ["Findings", "answer", "comparison", "curves", "metrics", "tables"]

_SETS = ("whole", "vacancy")
_CRYSTAL = {
    "lattice": ("lattice constant", "angstrom"),
    "bulk": ("bulk modulus", "GPa"),
    "vacancy": ("vacancy energy", "eV"),
}


@dataclass(frozen=True)
class Findings:
    """Results of the shards, and what they were made with."""

    teacher: Mapping[str, Any]
    models: Mapping[str, Mapping[str, Any]]
    generator: str
    seconds: float | None
    temperature: float

    @property
    def everyone(self) -> dict[str, Mapping[str, Any]]:
        """The teacher first."""
        return {"teacher": self.teacher, **self.models}

    def rdf(self, name: str) -> tuple[float, float] | None:
        """Return a model's RDF MAE and the teacher's floor, angstrom; None where its run failed early."""
        r, g, own = self.teacher["r"], self.teacher["g"], self.models[name]["g"]
        if not own.size or not r.size:
            return None
        return atoms.rdf_mae(r, own[0], g[0]), atoms.rdf_mae(r, g[1], g[2])


def _key(name: str) -> str:
    return name.replace(" ", "_").replace("-", "_")


def _number(value: Any) -> float | None:
    """Return a number, None for NaN, as a table's empty cell."""
    value = float(value)
    return value if math.isfinite(value) else None


def _force_error(found: Mapping[str, Any], name: str) -> Estimate:
    return Estimate.from_samples((1e3 * found[f"force_errors_{name}"]).tolist(), unit="meV/angstrom")


def _energy_errors(found: Mapping[str, Any], name: str) -> Any:
    return 1e3 * np.diff(found[f"energies_{name}"], axis=1)[:, 0]


def _drift(found: Mapping[str, Any]) -> Estimate | None:
    value, error, samples = (float(v) for v in found["drift"])
    if not (math.isfinite(value) and math.isfinite(error)):
        return None
    return Estimate(value, error, max(int(samples), 2), unit="meV/atom/ps")


def _energy_range(found: Mapping[str, Any]) -> float | None:
    """Return by how much the energy per atom moved without a thermostat, meV."""
    energy = found["energy"][1]
    return float(np.ptp(energy)) if energy.size else None


def metrics(findings: Findings) -> dict[str, Estimate]:
    """Return errors, properties and drifts by model."""
    out: dict[str, Estimate] = {}
    for name, found in findings.everyone.items():
        key = _key(name)
        for part, (_, unit) in _CRYSTAL.items():
            if _number(found[part]) is not None:
                out[f"{part}_{key}"] = Estimate.exact(float(found[part]), unit=unit)
        drift = _drift(found)
        if drift is not None:
            out[f"drift_{key}"] = drift
    for name, found in findings.models.items():
        key = _key(name)
        for part in _SETS:
            out[f"force_error_{part}_{key}"] = _force_error(found, part)
            out[f"energy_bias_{part}_{key}"] = Estimate.from_samples(
                _energy_errors(found, part).tolist(), unit="meV/atom"
            )
        both = findings.rdf(name)
        if both is not None:
            out[f"rdf_mae_{key}"] = Estimate.exact(both[0], unit="angstrom")
            out["rdf_floor"] = Estimate.exact(both[1], unit="angstrom")
        out[f"steps_{key}"] = Estimate.exact(int(found["steps"]))
    return out


def curves(findings: Findings) -> dict[str, Curve]:
    """Return the lines of the figures by what they show and of whom."""
    out: dict[str, Curve] = {}
    axes = {
        "msd": ("lag (ps)", "mean squared displacement (angstrom^2)"),
        "vacf": ("lag (fs)", "velocity autocorrelation"),
        "force_density": ("force (eV/angstrom)", "density (angstrom/eV)"),
        "energy": ("time (ps)", "total energy - start (meV/atom)"),
    }
    for name, found in findings.everyone.items():
        if found["r"].size:
            out[f"rdf {name}"] = Curve(tuple(found["r"]), "r (angstrom)", tuple(found["g"][0]), "g(r)")
        for part, (x, y) in axes.items():
            if found[part].size:
                out[f"{part} {name}"] = Curve(tuple(found[part][0]), x, tuple(found[part][1]), y)
    for name, found in findings.models.items():
        error = "validation error of forces (meV/angstrom)"
        mae = tuple(1e3 * found["history_mae"])
        out[f"learning {name}"] = Curve(tuple(found["history_seconds"]), "training (s)", mae, error)
        out[f"steps {name}"] = Curve(tuple(found["history_steps"]), "training (steps)", mae, error)
        for part in _SETS:
            teacher, model = found[f"forces_{part}"].T
            out[f"forces_{part} {name}"] = Curve(
                tuple(teacher), "teacher's force (eV/angstrom)", tuple(model), "model's force (eV/angstrom)"
            )
            teacher, model = found[f"energies_{part}"].T
            out[f"energies_{part} {name}"] = Curve(
                tuple(teacher), "teacher's energy (eV/atom)", tuple(model), "model's energy (eV/atom)"
            )
    return out


def tables(findings: Findings) -> dict[str, Table]:
    """Return errors, crystal and dynamics; with other variants, how they compare."""
    return {
        "errors": _error_table(findings),
        "crystal": _crystal_table(findings),
        "dynamics": _dynamics_table(findings),
    }


def _error_table(findings: Findings) -> Table:
    rows = []
    for name, found in findings.models.items():
        row: list[Any] = [
            name,
            int(found["n_parameters"]),
            int(found["steps"]),
            float(found["training_seconds"]),
        ]
        for part in _SETS:
            errors = _energy_errors(found, part)
            row += [_force_error(found, part).value, float(np.abs(errors).mean()), float(errors.mean())]
        rows.append(row)
    head = ["model", "parameters", "steps", "training (s)"]
    for part in ("whole", "vacancy"):
        head += [
            f"{part}: force MAE (meV/angstrom)",
            f"{part}: energy MAE (meV/atom)",
            f"{part}: energy bias (meV/atom)",
        ]
    return Table(
        f"Errors on frames of {findings.temperature:g} K, which no model has seen",
        tuple(head),
        tuple(map(tuple, rows)),
        "Models learnt from whole crystals alone. The bias is the mean error with its sign: a missing atom "
        "changes every energy, and a network with a global part may not know by how much.",
    )


def _crystal_table(findings: Findings) -> Table:
    rows = [(name, *(_number(found[part]) for part in _CRYSTAL)) for name, found in findings.everyone.items()]
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
        drift, both = _drift(found), findings.rdf(name) if name in findings.models else None
        rows.append(
            (
                name,
                both[0] if both else None,
                both[1] if both else None,
                None if drift is None else str(drift),
                _energy_range(found),
                _number(found["cost"]),
                "left [0.1, 1e5] K" if found["failed"] else "to its end",
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
            "us/atom/step",
            "went",
        ),
        tuple(rows),
        "The floor is the teacher's first half against its second: what two exact runs, half as long, differ "
        "by. Times are the wall's, with all that the simulation does beside the forces.",
    )


def comparison(findings: Findings) -> list[Comparison]:
    """Return published figures beside ours: there are none that could be compared."""
    name, found = next(iter(findings.models.items()))
    return [
        Comparison(
            "Errors and dynamics of LEIGNN on a metal",
            "not established",
            f"{_force_error(found, 'vacancy').value:.1f} meV/angstrom ({name}, {findings.generator})",
            "the paper's result tables were not to be had; its abstract names no metal: a case of our own",
        )
    ]


def answer(findings: Findings) -> str:
    """Return what came out."""
    time = "equal steps" if findings.seconds is None else f"{findings.seconds:g} s of training each"
    parts = []
    for name, found in findings.models.items():
        drift, both = _drift(found), findings.rdf(name)
        text = f"{name} has a force error of {_force_error(found, 'vacancy').value:.1f} meV/angstrom"
        if both is not None:
            text += f", an RDF MAE of {both[0]:.3f} (floor {both[1]:.3f}) angstrom"
        if found["failed"]:
            text += ", and its dynamics failed"
        elif drift is not None:
            moved = _energy_range(found)
            text += f", and a drift of {drift} (energies within {moved:.2g} meV/atom)"
        parts.append(text)
    return (
        f"After {time}, at {findings.temperature:g} K with a vacancy, taught by {findings.generator}: "
        + "; ".join(parts)
        + "."
    )
