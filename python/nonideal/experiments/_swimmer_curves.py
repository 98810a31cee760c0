"""The curves of flow-swimmer: errors, forces, and sections through flows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nonideal.experiments import Curve
from nonideal.experiments._reduced_map import ReducedMap, cost_curves, curve
from nonideal.physics import flow
from nonideal.physics.flow.plot import on_plane

__all__ = ["curves"]

#: Where sections across are drawn, along z: behind the body.
_ACROSS = -1.6


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
    fields = {name: study.solved.solution(mu) for name, mu in shown.items()}
    fields["worst"] = study.full[index]
    zero = np.zeros(study.problem.n_pressure)
    for name, solution in fields.items():
        found |= _section(name, solution, "y", 0.0, 61, moving=True)
    for name in study.bases:
        gap = study.reduced[name][index].velocity - study.full[index].velocity
        found |= _section(f"gap_{name}", flow.Solution(study.problem, worst, gap, zero), "y", 0.0, 61)
    found |= _section("across", fields["centre"], "z", _ACROSS, 61, moving=True)
    return found


def _section(
    name: str, solution: flow.Solution, normal: str, at: float, n: int, *, moving: bool = False
) -> dict[str, Curve]:
    a, b, velocity = on_plane(solution, normal, at, n)
    inside = np.isfinite(velocity[..., 0])
    velocity = velocity[inside]
    velocity[:, 2] += 1.0 if moving else 0.0
    along, up = {"y": (2, 0), "z": (0, 1)}[normal]
    rest = 3 - along - up
    places = np.meshgrid(a, b)
    prefix = "across_" if normal == "z" else ""

    def values(k: int) -> Any:
        return velocity[:, k].round(6)

    return {
        f"{prefix}grid": curve(places[0][inside], "xyz"[along], places[1][inside], "xyz"[up]),
        f"{prefix}field_{name}": curve(
            values(along), f"velocity along {'xyz'[along]}", values(up), f"velocity along {'xyz'[up]}"
        ),
        f"{prefix}normal_{name}": curve(
            range(len(velocity)), "point", values(rest), f"velocity along {'xyz'[rest]}"
        ),
    }
