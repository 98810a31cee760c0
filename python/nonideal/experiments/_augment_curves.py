"""The curves of flow-augment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nonideal.experiments import Curve
from nonideal.experiments._augment_study import Row, Study
from nonideal.experiments._flow_cases import Mu, write_fields
from nonideal.experiments._reduced_map import curve
from nonideal.physics import flow
from nonideal.physics.flow.plot import on_grid

__all__ = ["SHOWN_FIELDS", "curves", "field_curves"]

#: Points of the grid of fields across the shorter side.
_FIELD_POINTS = 41

#: Points of the error's map along each parameter.
_MAP_POINTS = {1: 25, 2: 7}

SHOWN_FIELDS = ("real", "linear", "oseen")


def curves(study: Study, rows: Sequence[Row]) -> dict[str, Curve]:
    """Return all of them."""
    found = _against_modes(study, rows) | _against_cost(study, rows) | _singular_values(study, rows)
    found |= _maps(study)
    if "oseen" in study.config.methods:
        found |= _pair_fields(study)
    return found


def _against_modes(study: Study, rows: Sequence[Row]) -> dict[str, Curve]:
    found = {}
    for row in rows:
        if row.train not in study.config.train:
            continue
        name = f"{row.train}_{row.method}_{row.merge}"
        validation = row.validation
        samples = validation.errors.shape[1]
        for what, errors in (("error", validation.errors), ("best", validation.projection_errors)):
            spread = errors.std(axis=1, ddof=1) / np.sqrt(samples)
            found[f"{what}_vs_modes_{name}"] = curve(
                validation.n_modes,
                "modes",
                tuple(100 * errors.mean(axis=1)),
                "mean velocity error (%)",
                tuple(100 * spread),
                samples,
            )
    return found


def _against_cost(study: Study, rows: Sequence[Row]) -> dict[str, Curve]:
    found = {}
    for method in study.config.methods:
        line = [row for row in rows if row.method == method and row.merge == study.config.merge[0]]
        line.sort(key=lambda row: row.cost)
        samples = line[0].validation.errors.shape[1]
        found[f"error_vs_solves_{method}"] = curve(
            [row.cost for row in line],
            "offline linear solves",
            [100 * row.errors().mean() for row in line],
            "mean velocity error, all modes (%)",
            [100 * float(row.validation.standard_error[-1]) for row in line],
            samples,
        )
    return found


def _singular_values(study: Study, rows: Sequence[Row]) -> dict[str, Curve]:
    found = {}
    for row in rows:
        if row.train in study.config.train and row.merge == "concatenate":
            values = row.singular_values / row.singular_values[0]
            shown = values[values > 1e-12]
            found[f"singular_values_{row.train}_{row.method}"] = curve(
                np.arange(1, len(shown) + 1), "number", shown, "singular value / largest"
            )
    return found


def _maps(study: Study) -> dict[str, Curve]:
    """Return errors over the box of parameters, without augmentation and with Oseen's."""
    points = study.space.grid(_MAP_POINTS[min(2, len(study.space.names))])
    study.solved.add(points, "points of the map")
    values = study.space.as_array(points)
    names = study.space.names
    last = values[:, 1] if len(names) > 1 else values[:, 0]
    found = {"map_points": curve(values[:, 0], names[0], last, names[min(1, len(names) - 1)])}
    for train in study.config.train:
        for method in ("none", "oseen"):
            if method in study.config.methods:
                errors = 100 * study.map_errors(train, method, points)
                found[f"map_{train}_{method}"] = curve(values[:, 0], names[0], errors, "velocity error (%)")
    return found


def _pair_fields(study: Study) -> dict[str, Curve]:
    """Return the fields of the pair of the first training set whose Oseen snapshot adds most."""
    train = study.config.train[0]
    snapshots = study.train(train)
    made = flow.augment(snapshots, method="linear")
    solved = flow.augment(snapshots, method="oseen", progress=False)
    problem = study.problem
    sizes = [
        problem.norm(column.reshape(-1, problem.mesh.dim)) for column in (solved.velocity - made.velocity).T
    ]
    index = int(np.argmax(sizes))
    mu = made.parameters[index]
    study.solved.add([mu], "points of the map")
    fields = {
        "real": np.asarray(study.solved.part(mu)["velocity"]),
        "linear": made.velocity[:, index],
        "oseen": solved.velocity[:, index],
    }
    pressures = {
        "real": study.solved.part(mu)["pressure"],
        "linear": made.pressure[:, index],
        "oseen": solved.pressure[:, index],
    }
    if study.out is not None:
        shown = {
            name: flow.Solution(problem, mu, velocity.reshape(-1, problem.mesh.dim), pressures[name])
            for name, velocity in fields.items()
        }
        write_fields(study.out / "fields", shown)
    found = field_curves(problem, mu, fields)
    ends = study.space.as_array([mu, *(snapshots.parameters[i] for i in made.pairs[index])])
    names = ", ".join(study.space.names)
    for column, name in enumerate(("pair_mu", "pair_first", "pair_second")):
        found[name] = curve(np.arange(ends.shape[1]), "parameter", ends[column], names)
    return found


def field_curves(problem: flow.NavierStokes, mu: Mu, fields: dict[str, Any]) -> dict[str, Curve]:
    """Return velocities on a regular grid: "grid" holds the places inside the domain, the others u and v."""
    found: dict[str, Curve] = {}
    for name, velocity in fields.items():
        zero = np.zeros(problem.n_pressure)
        solution = flow.Solution(problem, mu, np.asarray(velocity).reshape(-1, problem.mesh.dim), zero)
        x, y, u, v = on_grid(solution, _FIELD_POINTS)
        inside = np.isfinite(u)
        if "grid" not in found:
            places = np.meshgrid(x, y)
            found["grid"] = curve(places[0][inside], "x", places[1][inside], "y")
        found[f"field_{name}"] = curve(
            np.asarray(u[inside]).round(7),
            "velocity along x",
            np.asarray(v[inside]).round(7),
            "velocity along y",
        )
    return found
