"""Numbers, curves and tables that experiments with potentials share, from what `_atoms_shards` returns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nonideal import Estimate
from nonideal.experiments import Curve, Table
from nonideal.physics import atoms

__all__ = [
    "ABOUT_FLOORS",
    "angle_errors",
    "drift_of",
    "dynamics_curves",
    "ends_of",
    "energy_errors",
    "energy_range",
    "error_table",
    "estimate_of",
    "force_error",
    "key_of",
    "learning_curves",
    "number",
    "parity_curves",
    "rdf_errors",
]

Found = Mapping[str, Any]

ABOUT_FLOORS = (
    "A floor is the first half of the reference against its second, and no lower bound: an exact model with "
    "as many independent frames as the whole reference is off by about floor / sqrt(2), and single values "
    "scatter by about a quarter (the teacher of atoms-copper against itself, quick scale, six seeds: 0.046 "
    "to 0.099 angstrom, mean 0.063; its halves, 0.086)."
)

_NONE = np.zeros(0)

_AXES = {
    "msd": ("lag (ps)", "mean squared displacement (angstrom^2)"),
    "vacf": ("lag (fs)", "velocity autocorrelation"),
    "force_density": ("force (eV/angstrom)", "density (angstrom/eV)"),
    "energy": ("time (ps)", "total energy - start (meV/atom)"),
}


def key_of(name: str) -> str:
    """Return a model's name in the names of metrics."""
    return name.replace(",", "").replace(" ", "_").replace("-", "_")


def number(value: Any) -> float | None:
    """Return a number, None for NaN, as a table's empty cell."""
    value = float(value)
    return value if math.isfinite(value) else None


def estimate_of(triple: Any, unit: str) -> Estimate | None:
    """Return what `observe` tells by value, standard error and samples; None where there is nothing."""
    value, error, samples = (float(v) for v in triple)
    if not (math.isfinite(value) and math.isfinite(error)):
        return None
    return Estimate(value, error, max(int(samples), 2), unit=unit)


def force_error(found: Found, name: str, *, first: int | None = None) -> Estimate:
    """Return the mean absolute error of forces on a set, or its first frames; meV/angstrom.

    Frames are its samples.
    """
    errors = 1e3 * found[f"force_errors_{name}"][:first]
    return Estimate.from_samples(errors.tolist(), unit="meV/angstrom")


def energy_errors(found: Found, name: str) -> Any:
    """Return errors of energies with their signs, meV/atom, of each frame of a set."""
    return 1e3 * np.diff(found[f"energies_{name}"], axis=1)[:, 0]


def ends_of(found: Found, *, prefix: str = "") -> tuple[str, str]:
    """Return how the simulation with a thermostat ended, and the one without: "" where it was to its end.

    Shards of before the two were told apart have one flag for both, and no length of the free one.
    """
    before = f"{prefix} " if prefix else ""
    free_failed = found.get(f"{before}free_failed", found[f"{before}failed"])
    ps = found.get(f"{before}free_lasted", found[f"{before}energy"][0].max(initial=0.0))
    return (
        f"failed after {float(found[f'{before}lasted']):.3g} ps" if found[f"{before}failed"] else "",
        f"failed after {float(ps):.3g} ps" if free_failed else "",
    )


def drift_of(found: Found, *, prefix: str = "") -> Estimate | None:
    """Return the drift of the total energy without a thermostat."""
    return estimate_of(found[f"{prefix} drift" if prefix else "drift"], "meV/atom/ps")


def energy_range(found: Found, *, prefix: str = "") -> float | None:
    """Return by how much the energy per atom moved without a thermostat, meV."""
    energy = found[f"{prefix} energy" if prefix else "energy"][1]
    return float(np.ptp(energy)) if energy.size else None


def rdf_errors(
    found: Found, truth: Found, pair: str = "all", *, prefix: str = ""
) -> tuple[float, float] | None:
    """Return a model's RDF MAE and the truth's floor, angstrom; None where a run failed early."""
    before = f"{prefix} " if prefix else ""
    return _differences(found, truth, f"{before}r", f"{before}rdf {pair}")


def angle_errors(found: Found, truth: Found, *, prefix: str = "") -> tuple[float, float] | None:
    """Return the same of bond angles: integrals of differences of densities, between 0 and 2."""
    before = f"{prefix} " if prefix else ""
    return _differences(found, truth, f"{before}angle", f"{before}angles")


def _differences(found: Found, truth: Found, x: str, y: str) -> tuple[float, float] | None:
    """Return the integral of abs(model - truth), and the same of the truth's halves."""
    grid, expected, own = truth[x], truth[y], found[y]
    if not own.size or not grid.size:
        return None
    return atoms.rdf_mae(grid, own[0], expected[0]), atoms.rdf_mae(grid, expected[1], expected[2])


def learning_curves(models: Mapping[str, Found]) -> dict[str, Curve]:
    """Return errors against CPU seconds (``learning NAME``) and steps (``steps NAME``)."""
    out: dict[str, Curve] = {}
    label = "validation error of forces (meV/angstrom)"
    for name, found in models.items():
        if "history_mae" not in found:  # it was solved for
            continue
        mae = tuple(1e3 * found["history_mae"])
        out[f"learning {name}"] = Curve(tuple(found["history_cpu_seconds"]), "training (CPU s)", mae, label)
        out[f"steps {name}"] = Curve(tuple(found["history_steps"]), "training (steps)", mae, label)
    return out


def parity_curves(models: Mapping[str, Found], sets: Sequence[str]) -> dict[str, Curve]:
    """Return the truth's and the model's values: ``forces_SET NAME`` and ``energies_SET NAME``."""
    out: dict[str, Curve] = {}
    for name, found in models.items():
        for part in sets:
            for kind, word, unit in (("forces", "force", "eV/angstrom"), ("energies", "energy", "eV/atom")):
                truth, model = found[f"{kind}_{part}"].T
                out[f"{kind}_{part} {name}"] = Curve(
                    tuple(truth), f"reference's {word} ({unit})", tuple(model), f"model's {word} ({unit})"
                )
    return out


def dynamics_curves(
    everyone: Mapping[str, Found],
    *,
    pairs: Sequence[str] = ("all",),
    species: Sequence[str] = ("all",),
    prefix: str = "",
) -> dict[str, Curve]:
    """Return g(r), motion, forces and energies: ``rdf NAME``, ``msd NAME``, ...

    With several pairs or species, ``rdf O-H NAME``; results under a prefix (`labelled`) keep it.
    """
    before = f"{prefix} " if prefix else ""
    out: dict[str, Curve] = {}
    for name, found in everyone.items():
        if f"{before}energy" not in found:
            continue
        for pair in pairs:
            called = "rdf" if tuple(pairs) == ("all",) else f"rdf {pair}"
            if found[f"{before}rdf {pair}"].size:
                g = found[f"{before}rdf {pair}"][0]
                out[f"{before}{called} {name}"] = Curve(
                    tuple(found[f"{before}r"]), "r (angstrom)", tuple(g), "g(r)"
                )
        if found.get(f"{before}angle", _NONE).size:
            density = tuple(found[f"{before}angles"][0])
            angles = tuple(found[f"{before}angle"])
            out[f"{before}angles {name}"] = Curve(angles, "angle (degree)", density, "density (1/degree)")
        for part, (x, y) in _AXES.items():
            for who in ("",) if part == "energy" else species:
                values = found[f"{before}{part}{who and ' '}{who}"]
                called = part if who in ("", "all") else f"{part} {who}"
                if values.size:
                    out[f"{before}{called} {name}"] = Curve(tuple(values[0]), x, tuple(values[1]), y)
    return out


def error_table(
    models: Mapping[str, Found],
    sets: Mapping[str, str],
    *,
    title: str,
    note: str,
    extra: Mapping[str, Sequence[Any]] | None = None,
) -> Table:
    """Return sizes, times and errors of models on sets; ``extra`` columns come behind the name.

    Parameters
    ----------
    models : mapping of str to dict
    sets : mapping of str to str
        What they are called in results, and in the table's head.
    title, note : str
    extra : mapping of str to sequence, optional
        Columns by their heads, a value for each model.
    """
    columns = extra or {}
    rows = []
    for index, (name, found) in enumerate(models.items()):
        row: list[Any] = [name, *(column[index] for column in columns.values())]
        row += [
            int(found["n_parameters"]),
            int(found["steps"]),
            float(found["training_cpu_seconds"]),
            float(found["training_seconds"]),
        ]
        for part in sets:
            errors = energy_errors(found, part)
            row += [force_error(found, part).value, float(np.abs(errors).mean()), float(errors.mean())]
        rows.append(tuple(row))
    head = ["model", *columns, "parameters", "steps", "training (CPU s)", "on the clock (s)"]
    for words in sets.values():
        before = f"{words}: " if words else ""
        head += [
            f"{before}force MAE (meV/angstrom)",
            f"{before}energy MAE (meV/atom)",
            f"{before}energy bias (meV/atom)",
        ]
    return Table(title, tuple(head), tuple(rows), note)
