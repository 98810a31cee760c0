"""The tables of flow-swimmer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from nonideal.experiments import Table
from nonideal.experiments._augment_tables import figure
from nonideal.experiments._reduced_map import ReducedMap

__all__ = ["INERTIA", "exact_table", "force_table", "inertia_table", "mesh_table", "modes_table", "orders"]

#: Loss of speed over beta Re U at small Re in unbounded fluid.
INERTIA = 0.15


def orders(exact: Mapping[int, Mapping[str, float]], name: str) -> list[float]:
    """Return the order of an error from each mesh to the next."""
    return [float(np.log(abs(exact[a][name] / exact[b][name])) / np.log(b / a)) for a, b in pairwise(exact)]


def modes_table(modes: Sequence[tuple[Any, ...]]) -> Table:
    """Return what `ReducedMap.at_equal_modes` found."""
    rows = [
        (train, method, k, *(figure(100 * value) for value in values), missing)
        for train, method, k, *values, missing in modes
    ]
    heads = (
        "train",
        "method",
        "modes",
        "mean (%)",
        "max (%)",
        "best: mean (%)",
        "best: max (%)",
        "not converged",
    )
    note = (
        "Velocity errors over the map's points of the reduced solution, and of the best approximation with "
        "the same modes; the last row of each basis has all of them."
    )
    return Table("Error at equal numbers of modes", heads, tuple(rows), note)


def force_table(study: ReducedMap, forces: Mapping[str, Any]) -> Table:
    """Return forces at the points of the map."""
    rows = [
        (f"{mu['Re']:.4g}", f"{mu['beta']:.3g}", *(f"{values[index]:+.4f}" for values in forces.values()))
        for index, mu in enumerate(study.points)
    ]
    note = (
        "Along the swimming direction, on a body that is held at its speed in unbounded Stokes flow, over "
        "that flow's drag of a sphere, 6 pi nu a U: above 0 the body would swim faster."
    )
    return Table("Force on the swimmer", ("Re", "beta", *forces), tuple(rows), note)


def mesh_table(n_dof: int, finer: Sequence[tuple[Mapping[str, float], float, Mapping[str, float]]]) -> Table:
    """Return forces on this mesh and on the next."""
    rows = [
        (f"{mu['Re']:g}", f"{mu['beta']:g}", f"{force:+.4f}", f"{part['force']:+.4f}")
        for mu, force, part in finer
    ]
    heads = ("Re", "beta", f"{n_dof:,} dofs", f"{int(finer[0][2]['n_dof']):,} dofs")
    note = (
        "Over 6 pi nu a U, at the highest Re of the box; reduced models are held against the first of them."
    )
    return Table("Force on this mesh and on the next finer one", heads, tuple(rows), note)


def exact_table(exact: Mapping[int, Mapping[str, float]]) -> Table:
    """Return errors of exact flows by mesh."""
    steps = {name: [None, *orders(exact, name)] for name in ("drag", "velocity", "swimmer")}

    def cell(name: str, row: int) -> str | None:
        order = steps[name][row]
        return None if order is None else f"{order:.2f}"

    rows = [
        (
            n,
            int(part["n_dof"]),
            *(value for name in steps for value in (f"{part[name]:+.2e}", cell(name, row))),
        )
        for row, (n, part) in enumerate(exact.items())
    ]
    heads = ("n", "dofs", "drag's error", "order", "velocity's error", "order ", "swimmer's force", "order  ")
    note = (
        "Stokes flow past a fixed sphere and around a swimmer (beta = 2), the exact flow prescribed on a "
        "cube of half-width 4. Relative errors of the drag and of the velocity in L2; force over drag."
    )
    return Table("Exact flows on several meshes", heads, tuple(rows), note)


def inertia_table(inertia: Mapping[float, Mapping[str, float]]) -> Table:
    """Return the force of a little inertia by the width of the box."""
    rows = [
        (f"{width:g}", int(part["n_dof"]), f"{part['slope']:.4f}", f"{INERTIA - part['slope']:.4f}")
        for width, part in inertia.items()
    ]
    note = "Minus the force over 6 pi nu a U beta Re at Re = 0.05; the exact Stokes flow is on the cube."
    heads = ("half-width", "dofs", "loss of speed", "short of 0.15")
    return Table("Force of a little inertia", heads, tuple(rows), note)
