"""A microswimmer in three dimensions: what reduced models from few snapshots miss, and the force on it.

The case is ours, a squirmer in a square channel: the published microswimmer's geometry and figures were not
to be had (arXiv 2312.14756 names "a microswimmer"). Known are exact Stokes flows around a sphere, and the
force that a little inertia adds: S. Wang and A. Ardekani, Phys. Fluids 24, 101902 (2012).

Full scale takes a mesh of 40,000 dofs, 49 points, training sets up to 4x4, exact flows on up to 82,000 dofs:
about 20 minutes of CPU.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from nonideal import Estimate
from nonideal.experiments import (
    Comparison,
    Grid,
    Result,
    Runner,
    make_result,
    option,
)
from nonideal.experiments._augment_tables import figure
from nonideal.experiments._flow_cases import training_set
from nonideal.experiments._flow_options import MapConfig
from nonideal.experiments._reduced_map import Cost, ReducedMap, cost_table
from nonideal.experiments._swimmer_curves import curves
from nonideal.experiments._swimmer_shards import (
    first_order_force,
    relative_force,
    solve_force,
    stokes_errors,
)
from nonideal.experiments._swimmer_tables import (
    exact_table,
    force_table,
    inertia_table,
    mesh_table,
    modes_table,
    orders,
)
from nonideal.physics import flow
from nonideal.physics.flow.augmentation import METHODS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUESTION = "A swimmer in 3-D with 2 parameters: do cheap snapshots of momentum pay there too?"
QUICK_TIME = "50 s"
EXTRAS: tuple[str, ...] = ()

#: Points of the map along each parameter, meshes of exact flows, widths of the force of inertia, trainings.
_POINTS = {"quick": 5, "full": 7}
_MESHES = {"quick": (3, 4, 5), "full": (4, 6, 8)}
_WIDTHS = {"quick": (4.0, 8.0), "full": (4.0, 8.0, 16.0)}
_TRAINS = {"quick": ("2x2", "2x2+centre", "3x3"), "full": ("2x2", "2x2+centre", "3x3", "4x4")}
#: The second training set whose bases are compared at equal numbers of modes.
_SECOND = "3x3"
_HALF_WIDTH = 4.0
#: Mesh of the force of inertia.
_INERTIA_MESH = {"quick": 4, "full": 5}
_METHODS = tuple(name for name in METHODS if name != "stream_product")


@dataclass(frozen=True, kw_only=True)
class Config(MapConfig):
    """Options of the experiment."""

    case: ClassVar[str] = "swimmer"
    axes: ClassVar[tuple[str, ...]] = ("re", "beta")

    re: Grid = option("1:40", help="range of the Reynolds number", above=0, maximum=5000)
    beta: Grid = option("-2:2", help="range of beta: below 0 pushers, above pullers", minimum=-10, maximum=10)
    method: str = option("oseen", help="artificial snapshots", choices=_METHODS)
    mesh: int | None = option(
        None,
        help="cells along a quarter of the body's girth; 4 at quick scale, 6 at full",
        minimum=2,
        maximum=12,
    )


def run(config: Config, runner: Runner | None = None) -> Result:
    """Check the solver on exact flows, train reduced models, compare them with full solutions.

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
        Errors of fields and forces with and without artificial snapshots, and of the solver on exact flows.
    """
    config = config.with_seed()
    runner = runner or Runner()
    common = {"solver": config.solver}
    meshes = [{"n": n, "half_width": _HALF_WIDTH, **common} for n in _MESHES[config.scale]]
    exact = dict(
        zip(_MESHES[config.scale], runner.map(stokes_errors, meshes, label="exact flows"), strict=True)
    )
    n, widths = _INERTIA_MESH[config.scale], _WIDTHS[config.scale]
    boxes = [{"n": n, "half_width": width, **common} for width in widths]
    inertia = dict(zip(widths, runner.map(first_order_force, boxes, label="force of inertia"), strict=True))
    study = ReducedMap(runner, config.shard, config.train, config.method, points=_POINTS[config.scale])
    study.write_fields(runner.out)
    forces = {name: np.array([relative_force(one) for one in flows]) for name, flows in _flows(study).items()}
    finer = _on_a_finer_mesh(config, study, runner)
    trains = list(dict.fromkeys((config.train, *_TRAINS[config.scale])))
    costs = study.costs(trains)
    modes = [row for train in dict.fromkeys((config.train, _SECOND)) for row in study.at_equal_modes(train)]
    errors = {name: study.relative_errors(name) for name in study.bases}
    return make_result(
        __name__,
        config,
        answer=_answer(config, study, errors, forces, exact, costs, modes),
        metrics=_metrics(study, errors, forces, exact, inertia),
        curves=curves(study, errors, forces, costs, modes, exact),
        comparison=_comparison(config, study, errors, exact, inertia),
        tables={
            "error_vs_modes": modes_table(modes),
            "cost": cost_table(costs),
            "forces": force_table(study, forces),
            "mesh": mesh_table(study.problem.n_dof, finer),
            "exact": exact_table(exact),
            "inertia": inertia_table(inertia),
        },
        limits=[
            "The case is ours: the published microswimmer's geometry, meshes and errors were not to be had.",
            "Errors are against the same mesh's own solutions; the mesh's own are in the tables.",
            "Velocity errors are relative to the flow in the body's frame, which is mostly a uniform stream.",
            "Flows are steady; strong pullers are known to lose stability at Reynolds numbers of a few tens.",
            "The channel moves with the fluid and is 4 radii to each side: its walls add to the force.",
        ],
    )


def _on_a_finer_mesh(
    config: Config, study: ReducedMap, runner: Runner
) -> list[tuple[dict[str, float], float, Mapping[str, float]]]:
    """Return parameters, the force, and the next mesh's, at the highest Re and both ends of beta."""
    shard = {**config.shard, "mesh": config.shard["mesh"] + 1}
    ends = study.space.grid(2)[2:]
    found = runner.map(solve_force, [{**shard, "mu": mu} for mu in ends], label="finer mesh")
    return [
        (mu, relative_force(study.solved.solution(mu)), part) for mu, part in zip(ends, found, strict=True)
    ]


def _flows(study: ReducedMap) -> dict[str, Sequence[flow.Solution]]:
    return {"full": study.full, **study.reduced}


def _metrics(
    study: ReducedMap,
    errors: Mapping[str, Any],
    forces: Mapping[str, Any],
    exact: Mapping[int, Mapping[str, float]],
    inertia: Mapping[float, Mapping[str, float]],
) -> dict[str, Estimate]:
    found = {}
    for name, values in errors.items():
        found[f"velocity_error_{name}"] = Estimate.from_samples((100 * values).tolist(), unit="%")
        off = np.abs(forces[name] - forces["full"])
        found[f"force_error_{name}"] = Estimate.from_samples(off.tolist(), unit="Stokes drag")
        found[f"not_converged_{name}"] = Estimate.exact(study.not_converged[name])
        found[f"solves_{name}"] = Estimate.exact(study.bases[name].linear_solves)
        found[f"modes_{name}"] = Estimate.exact(study.bases[name].n_modes)
    finest = list(exact.values())[-1]
    found["stokes_drag_error"] = Estimate.exact(100 * finest["drag"], unit="%")
    found["swimmer_stokes_force"] = Estimate.exact(finest["swimmer"], unit="Stokes drag")
    for name in ("drag", "velocity"):
        found[f"order_{name}"] = Estimate.exact(orders(exact, name)[-1])
    found["inertial_force"] = Estimate.exact(list(inertia.values())[-1]["slope"])
    return found


def _comparison(
    config: Config,
    study: ReducedMap,
    errors: Mapping[str, Any],
    exact: Mapping[int, Mapping[str, float]],
    inertia: Mapping[float, Mapping[str, float]],
) -> list[Comparison]:
    n, finest = list(exact.items())[-1]
    width, widest = list(inertia.items())[-1]
    before, after = errors["none"], errors[config.method]
    return [
        Comparison(
            "Microswimmer: error with and without augmentation",
            "not established",
            f"{figure(100 * after.mean())} % and {figure(100 * before.mean())} % ({config.train})",
            "the paper's 3-D figures were not to be had, nor its geometry: nothing to compare; ours is a "
            "stand-in",
        ),
        Comparison(
            "Drag of a fixed sphere in Stokes flow, over 6 pi nu a U",
            "1 (Stokes 1851, exact)",
            f"{1 + finest['drag']:.6f}",
            f"{100 * finest['drag']:+.2g} % with {int(finest['n_dof']):,} dofs (n = {n}); the mesh's error",
        ),
        Comparison(
            "Force on a swimmer at its own speed in Stokes flow, over 6 pi nu a U",
            "0 (Blake 1971, exact)",
            f"{finest['swimmer']:.2e}",
            f"the mesh's error, n = {n}; beta = 2",
        ),
        Comparison(
            "Loss of speed by inertia over beta Re U, at small Re",
            "0.15 in unbounded fluid (Wang and Ardekani 2012)",
            f"{widest['slope']:.4f} in a cube of half-width {width:g}",
            "from the force at the Stokes speed; the cube cuts off what is outside it: the gap falls with "
            "the width (table)",
        ),
    ]


def _answer(
    config: Config,
    study: ReducedMap,
    errors: Mapping[str, Any],
    forces: Mapping[str, Any],
    exact: Mapping[int, Mapping[str, float]],
    costs: Sequence[Cost],
    modes: Sequence[tuple[Any, ...]],
) -> str:
    before, after = errors["none"].mean(), errors[config.method].mean()
    off = {name: np.abs(forces[name] - forces["full"]).mean() for name in study.bases}
    solves = {name: study.bases[name].linear_solves for name in ("none", config.method)}
    # What real snapshots alone buy for about the same.
    others = [row for row in costs if row[1] == "none" and row[0] != config.train]
    instead = min(others, key=lambda row: abs(np.log(row[2] / solves[config.method])))
    verdict = "Yes" if after < min(before, instead[4]) else "No"
    text = (
        f"{verdict}, in this stand-in: {solves[config.method] - solves['none']} more linear solves "
        f"({config.method}) beside the {solves['none']} of {config.train} snapshots take the mean error of "
        f"the velocity from {figure(100 * before)} to {figure(100 * after)} %, that of the force from "
        f"{off['none']:.2g} to {off[config.method]:.2g} Stokes drags; {instead[0]} without them, "
        f"{instead[2]} solves, has {figure(100 * instead[4])} %."
    )
    n = len(training_set("train", config.train, study.space))
    mean = {row[:3]: float(row[3]) for row in modes}
    for (train, method, k), plain in mean.items():
        made = mean.get((train, config.method, k))
        if method != "none" or made is None:
            continue
        worse = made > 1.001 * plain
        if worse or (train, k) == (config.train, n):
            text += f" With the same {k} modes of {train} it is {figure(100 * made)} instead of "
            text += f"{figure(100 * plain)} %{': worse' if worse else ''}."
    finest = list(exact.values())[-1]
    text += (
        f" The solver itself has a sphere's Stokes drag to {100 * abs(finest['drag']):.2g} % with "
        f"{int(finest['n_dof']):,} dofs."
    )
    return text + study.warning()


def figures(result: Result) -> dict[str, Figure]:
    """Draw sections through flows, forces, errors at equal modes and against cost, and exact flows."""
    from nonideal.experiments._swimmer_figures import draw

    return draw(result, result.config["method"])
