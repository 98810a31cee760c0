"""The curves of flow-swimmer: errors, forces, and sections through flows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nonideal.experiments import Curve
from nonideal.experiments._reduced_map import ReducedMap, cost_curves, curve
from nonideal.physics.flow.plot import Plane

__all__ = ["curves"]

#: Where sections across are drawn, along z: behind the body.
_ACROSS = -1.6
#: Points of sections across the channel.
_GRID = 61
_STREAM = np.array([0.0, 0.0, 1.0])


def curves(
    study: ReducedMap,
    errors: Mapping[str, Any],
    forces: Mapping[str, Any],
    costs: Sequence[Any],
    modes: Sequence[tuple[Any, ...]],
    exact: Mapping[int, Mapping[str, float]],
) -> dict[str, Curve]:
    """Return all of them."""
    found = {"map_points": study.place_curve(), **cost_curves(costs)}
    for name, values in errors.items():
        found[f"map_velocity_{name}"] = study.map_curve(100 * values, "velocity error (%)")
    for name, values in forces.items():
        found[f"map_force_{name}"] = study.map_curve(values, "force / Stokes drag of a sphere")
    for train, method in dict.fromkeys(row[:2] for row in modes):
        line = [row for row in modes if row[:2] == (train, method)]
        for kind, column in (("reduced", 3), ("best", 5)):
            values = [100 * row[column] for row in line]
            found[f"error_vs_modes_{train}_{method}_{kind}"] = curve(
                [row[2] for row in line], "modes", values, "mean velocity error (%)"
            )
    for name, label in (
        ("drag", "relative error of the drag"),
        ("velocity", "relative error of the velocity, L2"),
        ("swimmer", "force on the swimmer over the drag"),
    ):
        found[f"exact_{name}"] = curve(list(exact), "n", [abs(part[name]) for part in exact.values()], label)
    found |= _sections(study, errors)
    return found


def _sections(study: ReducedMap, errors: Mapping[str, Any]) -> dict[str, Curve]:
    """Return flows on planes, seen from the fluid at rest."""
    corners = ("corner_1", "corner_2", "corner_3", "corner_4")
    shown = dict(zip(corners, study.space.grid(2), strict=True))
    shown["centre"] = study.space.grid(1)[0]
    found = {}
    for name, mu in shown.items():
        found[f"mu_{name}"] = curve([0, 1], "parameter", study.space.as_array([mu])[0], "Re, beta")
    index = int(np.argmax(errors["none"]))
    worst = study.points[index]
    found["mu_worst"] = curve([0, 1], "parameter", study.space.as_array([worst])[0], "Re, beta")
    fields = {name: study.solved.solution(mu).velocity for name, mu in shown.items()}
    fields["worst"] = exact = study.full[index].velocity
    rest = {name: field + _STREAM for name, field in fields.items()}  # as seen from the fluid at rest
    gaps = {f"gap_{name}": study.reduced[name][index].velocity - exact for name in study.bases}
    middle = Plane(study.problem, "y", 0.0, _GRID)
    found |= _section(middle, "", {**rest, **gaps})
    return found | _section(Plane(study.problem, "z", _ACROSS, _GRID), "across_", {"across": rest["centre"]})


def _section(plane: Plane, prefix: str, fields: Mapping[str, Any]) -> dict[str, Curve]:
    along, up = plane.spans
    normal = 3 - along - up
    places = np.meshgrid(plane.a, plane.b)
    found = {
        f"{prefix}grid": curve(places[0][plane.inside], "xyz"[along], places[1][plane.inside], "xyz"[up])
    }
    for name, field in fields.items():
        values = plane.values(field)[plane.inside].round(6)
        labels = [f"velocity along {axis}" for axis in "xyz"]
        found[f"{prefix}field_{name}"] = curve(values[:, along], labels[along], values[:, up], labels[up])
        if name.startswith("gap_"):
            found[f"{prefix}normal_{name}"] = curve(
                range(len(values)), "point", values[:, normal], labels[normal]
            )
    return found
