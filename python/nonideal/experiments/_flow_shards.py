"""Shards of flow-cavity: a flow with its profiles, a Kovasznay flow with its errors, a timed Oseen step."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nonideal.experiments._flow_cases import build
from nonideal.physics import flow

__all__ = ["kovasznay", "solve_cavity", "time_oseen"]

#: Reynolds number of the Kovasznay flow.
KOVASZNAY_RE = 40.0

_PROFILE_POINTS = 201


def solve_cavity(shard: Mapping[str, Any]) -> dict[str, Any]:
    """Solve the cavity; return its centre lines, fields on the nodes and history."""
    problem = build(shard)
    solution = problem.solve(shard["mu"])
    line = np.linspace(0.0, 1.0, _PROFILE_POINTS)
    middle = np.full_like(line, 0.5)
    fine = np.linspace(0.0, 1.0, 4001)
    lowest = solution.at(np.stack([np.full_like(fine, 0.5), fine], axis=1))[0][:, 0]
    return {
        "u": solution.at(np.stack([middle, line], axis=1))[0][:, 0],
        "v": solution.at(np.stack([line, middle], axis=1))[0][:, 1],
        "lowest": np.array([lowest.min(), fine[lowest.argmin()]]),
        "velocity": solution.velocity.ravel(),
        "pressure": solution.pressure,
        "vorticity": solution.vorticity(),
        "history": np.array(solution.history),
        "linear_solves": solution.linear_solves,
        "kinetic_energy": solution.kinetic_energy(),
        "n_dof": problem.n_dof,
    }


def _lam(re: float) -> float:
    return re / 2 - float(np.sqrt(re**2 / 4 + 4 * np.pi**2))


def _kovasznay_velocity(x: Any, y: Any, mu: Mapping[str, float], /) -> tuple[Any, Any]:
    lam = _lam(mu["Re"])
    wave = np.exp(lam * x)
    return 1 - wave * np.cos(2 * np.pi * y), lam / (2 * np.pi) * wave * np.sin(2 * np.pi * y)


def _viscosity(mu: Mapping[str, float]) -> float:
    return 1 / mu["Re"]


def kovasznay(shard: Mapping[str, Any]) -> dict[str, float]:
    """Solve Kovasznay's flow on [-1/2, 1] x [-1/2, 3/2]; return the errors of velocity and pressure in L2."""
    n = shard["n"]
    problem = flow.NavierStokes(
        flow.Mesh.rectangle(-0.5, 1.0, -0.5, 1.5, nx=3 * n, ny=4 * n),
        viscosity=_viscosity,
        dirichlet=dict.fromkeys(("left", "right", "bottom", "top"), _kovasznay_velocity),
        solver=shard["solver"],
    )
    mu = {"Re": KOVASZNAY_RE}
    solution = problem.solve(mu)
    cells = problem.cells
    points = cells.points.reshape(-1, 2)
    velocity, pressure = solution.at(points)
    weights = cells.weights.ravel()
    exact = np.stack(_kovasznay_velocity(points[:, 0], points[:, 1], mu), axis=1)
    offset = 0.5 - 0.5 * np.exp(2 * _lam(KOVASZNAY_RE) * points[:, 0])
    gap = pressure - offset
    gap = gap - weights @ gap / weights.sum()
    return {
        "velocity": float(np.sqrt(weights @ ((velocity - exact) ** 2).sum(axis=1))),
        "pressure": float(np.sqrt(weights @ gap**2)),
        "n_dof": problem.n_dof,
    }


def time_oseen(shard: Mapping[str, Any]) -> dict[str, float]:
    """Time the stages of an Oseen step with one solver, each the best of a few, seconds of CPU."""
    problem = flow.cases.two_lid_cavity(n=shard["n"])
    operator = problem.operator
    solver = flow.solvers.create(shard["solver"])
    x, y = problem.nodes.T
    convecting = np.stack([y - 0.5, 0.5 - x], axis=1)
    boundary = np.zeros_like(convecting)
    matrix = operator.matrix
    best = {
        "update": _best(lambda: operator.update(convecting, 0.01, boundary=boundary, num_threads=1), 5),
        "analyse": _best(lambda: solver.analyse(matrix.indptr, matrix.indices, operator.layout), 1),
        "factorize": _best(lambda: solver.factorize(matrix.data), shard["repeats"]),
    }
    rhs = np.random.default_rng(0).standard_normal(len(operator.free))
    best["solve"] = _best(lambda: solver.solve(rhs), shard["repeats"])
    found = solver.solve(rhs)
    residual = np.abs(matrix @ found - rhs).max()
    scale = abs(matrix).sum(axis=1).max() * np.abs(found).max() + np.abs(rhs).max()
    return {**best, "backward_error": float(residual / scale), "n_dof": problem.n_dof}


def _best(call: Callable[[], object], repeats: int) -> float:
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        seconds.append(time.process_time() - start)
    return min(seconds)
