"""Flow past a cylinder: drag, lift and pressure drop of the full solver and of a reduced model.

Source of the benchmark and its figures: M. Schaefer and S. Turek, Notes on Numerical Fluid Mechanics 52,
547-566 (1996), case 2D-1; reference values to more digits by FEATFLOW.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from nonideal import Estimate
from nonideal.experiments import (
    Comparison,
    Curve,
    Grid,
    Result,
    Runner,
    Table,
    make_result,
    option,
)
from nonideal.experiments._augment_tables import figure
from nonideal.experiments._flow_cases import build
from nonideal.experiments._flow_options import MapConfig
from nonideal.experiments._reduced_map import ReducedMap, curve
from nonideal.physics import flow
from nonideal.physics.flow.plot import on_grid

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUESTION = "Drag, lift, pressure drop from a reduced model: how far to trust them?"
QUICK_TIME = "20 s"
EXTRAS: tuple[str, ...] = ()

_DFG = {"drag": 5.57953523384, "lift": 0.010618948146, "drop": 0.11752016697}
_WORDS = {"drag": "drag coefficient", "lift": "lift coefficient", "drop": "pressure drop (m^2/s^2)"}
_DFG_MU = {"nu": 1e-3, "inflow": 0.3}
_MESHES = {"quick": (8, 12, 16), "full": (12, 16, 24)}
#: Relative errors of the prototype with curved cells, and with straight ones: drag, lift.
_PROTOTYPE = {
    (8, "curved"): (-3.8e-4, 2.1e-2),
    (12, "curved"): (-9.4e-5, 5.8e-3),
    (16, "curved"): (-3.3e-5, 1.7e-3),
    (24, "curved"): (-7.8e-6, 4.1e-4),
    (8, "straight"): (-3.9e-3, -1.7e-2),
    (12, "straight"): (-1.7e-3, -1.3e-2),
    (16, "straight"): (-9.4e-4, -8.9e-3),
    (24, "straight"): (-4.1e-4, -4.4e-3),
}
_DIAMETER = 0.1  # metre


@dataclass(frozen=True, kw_only=True)
class Config(MapConfig):
    """Options of the experiment."""

    case: ClassVar[str] = "cylinder"
    axes: ClassVar[tuple[str, ...]] = ("nu", "inflow")

    nu: Grid = option(
        "6e-4:1.5e-3", help="range of the kinematic viscosity", unit="m^2/s", above=0, maximum=1
    )
    inflow: Grid = option("0.15:0.3", help="range of the inflow's maximum", unit="m/s", above=0, maximum=10)
    mesh: int | None = option(
        None,
        help="cells around a quarter of the cylinder; 8 at quick scale, 16 at full",
        minimum=3,
        maximum=64,
    )


def run(config: Config, runner: Runner | None = None) -> Result:
    """Solve the benchmark on three meshes, train a reduced model, and compare forces over the parameters.

    Parameters
    ----------
    config : Config
        What to vary.
    runner : Runner or None
        Where shards run; None: here, quietly. With a folder, flows at the centre and where plain snapshots
        miss most go there as VTU files.

    Returns
    -------
    Result
        The benchmark's figures beside published ones, and the errors of reduced forces.
    """
    config = config.with_seed()
    runner = runner or Runner()
    settings = [(n, kind) for n in _MESHES[config.scale] for kind in ("straight", "curved")]
    shards = [{"mesh": n, "kind": kind, "solver": config.solver} for n, kind in settings]
    benchmark = dict(zip(settings, runner.map(solve_benchmark, shards, label="benchmark"), strict=True))
    study = ReducedMap(runner, config.shard, config.train, config.method)
    study.write_fields(runner.out)
    errors = _force_errors(study)
    return make_result(
        __name__,
        config,
        answer=_answer(config, study, benchmark, errors),
        metrics=_metrics(config, study, errors),
        curves=_curves(study, errors),
        comparison=_comparison(benchmark),
        tables={
            "benchmark": _benchmark_table(benchmark),
            "reduced": _reduced_table(study, errors),
            "cost": _cost_table(study),
        },
        limits=[
            "The inflow's range keeps the flow steady (Reynolds numbers 7 to 33); above about 48 it sheds.",
            "Errors of reduced forces are against the same mesh's own; the mesh's are in the first table.",
            "Lift is a small difference of large forces: its relative error is the largest by nature.",
            "Seconds are this machine's, with whatever else it did.",
        ],
    )


def solve_benchmark(shard: Mapping[str, Any]) -> dict[str, float]:
    """Solve DFG 2D-1 on one mesh, with curved cells at the cylinder or with straight ones."""
    problem = flow.cases.cylinder(shard["mesh"], solver=shard["solver"])
    if shard["kind"] == "straight":
        mesh = problem.mesh
        straight = flow.Mesh(mesh.points[: mesh.n_vertices], mesh.cells[:, :3], mesh.boundaries)
        problem = flow.NavierStokes(**{**problem.__getstate__(), "mesh": straight})
    solution = problem.solve(_DFG_MU)
    return {**forces(solution), "n_dof": problem.n_dof, "linear_solves": solution.linear_solves}


def forces(solution: flow.Solution) -> dict[str, float]:
    """Return drag and lift coefficient, and the pressure drop from front to back."""
    speed = 2 / 3 * solution.mu["inflow"]
    drag, lift = solution.coefficients("cylinder", speed=speed, length=_DIAMETER)
    front, back = solution.at([[0.15, 0.2], [0.25, 0.2]])[1]
    return {"drag": drag, "lift": lift, "drop": float(front - back)}


def _force_errors(study: ReducedMap) -> dict[str, dict[str, Any]]:
    """Return relative errors over the map by basis and quantity; lift relative to its largest value."""
    exact = [forces(solution) for solution in study.full]
    found: dict[str, dict[str, Any]] = {}
    for name, reduced in study.reduced.items():
        fast = [forces(solution) for solution in reduced]
        rows: dict[str, Any] = {"velocity": study.relative_errors(name)}
        for quantity in _DFG:
            a, b = (np.array([row[quantity] for row in part]) for part in (fast, exact))
            rows[quantity] = np.abs(a - b) / (np.abs(b).max() if quantity == "lift" else np.abs(b))
        found[name] = rows
    return found


def _metrics(
    config: Config, study: ReducedMap, errors: Mapping[str, Mapping[str, Any]]
) -> dict[str, Estimate]:
    found = {}
    for name, rows in errors.items():
        for quantity, values in rows.items():
            found[f"{quantity}_error_{name}"] = Estimate.from_samples((100 * values).tolist(), unit="%")
        found[f"modes_{name}"] = Estimate.exact(study.bases[name].n_modes)
        found[f"not_converged_{name}"] = Estimate.exact(study.not_converged[name])
        found[f"solves_{name}"] = Estimate.exact(study.bases[name].linear_solves)
    return found


def _comparison(benchmark: Mapping[tuple[int, str], Mapping[str, float]]) -> list[Comparison]:
    n = max(size for size, _ in benchmark)
    part = benchmark[n, "curved"]
    return [
        Comparison(
            f"DFG 2D-1: {_WORDS[name]}",
            f"{value:.8g} (FEATFLOW)",
            f"{part[name]:.8g}",
            f"{100 * (part[name] / value - 1):+.2g} % with {int(part['n_dof']):,} dofs; the mesh's error",
        )
        for name, value in _DFG.items()
    ]


def _benchmark_table(benchmark: Mapping[tuple[int, str], Mapping[str, float]]) -> Table:
    rows = []
    for (n, kind), part in benchmark.items():
        then = _PROTOTYPE.get((n, kind))
        rows.append(
            (
                n,
                kind,
                int(part["n_dof"]),
                f"{part['drag']:.6f}",
                _off(part, "drag"),
                None if then is None else f"{then[0]:+.1e}",
                f"{part['lift']:.7f}",
                _off(part, "lift"),
                None if then is None else f"{then[1]:+.1e}",
                f"{part['drop']:.6f}",
                _off(part, "drop"),
            )
        )
    heads = (
        "n",
        "cells at the cylinder",
        "dofs",
        "drag",
        "its error",
        "prototype's",
        "lift",
        "its error ",
        "prototype's ",
        "pressure drop",
        "its error  ",
    )
    published = ", ".join(f"{value:.9g} ({_WORDS[name]})" for name, value in _DFG.items())
    return Table(
        "DFG 2D-1 on several meshes", heads, tuple(rows), f"Errors are relative. Published: {published}."
    )


def _off(part: Mapping[str, float], name: str) -> str:
    return f"{part[name] / _DFG[name] - 1:+.1e}"


def _reduced_table(study: ReducedMap, errors: Mapping[str, Mapping[str, Any]]) -> Table:
    rows: list[tuple[Any, ...]] = []
    for name, values in errors.items():
        basis = study.bases[name]
        cells = [f"{figure(100 * part.mean())} / {figure(100 * part.max())}" for part in values.values()]
        rows.append((name, basis.linear_solves, basis.n_modes, *cells, study.not_converged[name]))
    heads = (
        "artificial snapshots",
        "linear solves",
        "modes",
        "velocity (%): mean / max",
        "drag (%)",
        "lift (%)",
        "pressure drop (%)",
        "not converged",
    )
    note = (
        f"Relative errors over {len(study.points)} points of the box, training points among them; lift is "
        "relative to its largest value. Pressures come from the momentum balance, by least squares. "
        "Queries that did not converge count with their last iterates."
    )
    return Table("Reduced forces against the full solver's", heads, tuple(rows), note)


def _cost_table(study: ReducedMap) -> Table:
    full, fast = study.seconds()
    rows: tuple[tuple[Any, ...], ...] = (
        ("full order", study.problem.n_dof, f"{1e3 * full:.3g}"),
        ("reduced, with its pressure", study.bases[study.method].n_modes, f"{1e3 * fast:.3g}"),
        ("ratio", None, f"{full / fast:.3g}" if fast else None),
    )
    return Table(
        "CPU time of a query", ("model", "unknowns", "ms"), rows, "Centre of the box; best of a few."
    )


def _curves(study: ReducedMap, errors: Mapping[str, Mapping[str, Any]]) -> dict[str, Curve]:
    found = {"map_points": study.place_curve()}
    for name, rows in errors.items():
        for quantity, values in rows.items():
            found[f"map_{quantity}_{name}"] = study.map_curve(100 * values, f"{quantity} error (%)")
    middle = study.full[len(study.full) // 2]
    x, y, u, v = on_grid(middle, 41)
    inside = np.isfinite(u)
    places = np.meshgrid(x, y)
    found["grid"] = curve(places[0][inside], "x (m)", places[1][inside], "y (m)")
    found["field_full"] = curve(
        u[inside].round(7), "velocity along x", v[inside].round(7), "velocity along y"
    )
    return found


def _answer(
    config: Config,
    study: ReducedMap,
    benchmark: Mapping[tuple[int, str], Mapping[str, float]],
    errors: Mapping[str, Mapping[str, Any]],
) -> str:
    before, after = errors["none"], errors[config.method]
    n = max(size for size, _ in benchmark)
    drag = abs(benchmark[n, "curved"]["drag"] / _DFG["drag"] - 1)

    def span(name: str) -> str:
        return f"{figure(100 * before[name].mean())} to {figure(100 * after[name].mean())} %"

    extra = study.bases[config.method].linear_solves - study.bases["none"].linear_solves
    return (
        f"With {study.bases[config.method].n_modes} modes from {config.train} snapshots and {extra} more "
        f"linear solves ({config.method}), the mean error over the box goes from {span('drag')} in drag, "
        f"{span('lift')} in lift and {span('drop')} in pressure drop; the largest are "
        f"{figure(100 * after['drag'].max())}, {figure(100 * after['lift'].max())} and "
        f"{figure(100 * after['drop'].max())} %. The full solver's own drag is off by "
        f"{100 * drag:.2g} % with {int(benchmark[n, 'curved']['n_dof']):,} dofs.{study.warning()}"
    )


def figures(result: Result) -> dict[str, Figure]:
    """Draw the mesh, the flow, and the errors of forces over the parameters."""
    from nonideal.experiments._cylinder_figures import draw

    config = Config.from_dict(result.config)
    return draw(result, config.method, build(config.shard))
