"""A microswimmer in three dimensions: what reduced models from few snapshots miss, and the force on it.

The case is ours, a squirmer in a square channel: the published microswimmer's geometry and figures were not
to be had (arXiv 2312.14756 names "a microswimmer"). Known are exact Stokes flows around a sphere, and the
force that a little inertia adds: S. Wang and A. Ardekani, Phys. Fluids 24, 101902 (2012).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nonideal import Estimate
from nonideal.errors import InvalidArgument
from nonideal.experiments import (
    BaseConfig,
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
from nonideal.experiments._flow_cases import CASES, ranges_of, training_set
from nonideal.experiments._reduced_map import ReducedMap, cost_curves, cost_table, curve
from nonideal.experiments._swimmer_shards import first_order_force, relative_force, stokes_errors
from nonideal.physics import flow
from nonideal.physics.flow.augmentation import METHODS
from nonideal.physics.flow.plot import on_plane

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
_HALF_WIDTH = 4.0
#: Mesh of the force of inertia.
_INERTIA_MESH = {"quick": 4, "full": 5}
#: Change of the swimming speed over beta Re U at small Re in unbounded fluid.
_INERTIA = 0.15
#: Where sections across are drawn, along z: behind the body.
_ACROSS = -1.6
_METHODS = tuple(name for name in METHODS if name != "stream_product")


@dataclass(frozen=True, kw_only=True)
class Config(BaseConfig):
    """Options of the experiment."""

    re: Grid = option("1:40", help="range of the Reynolds number", above=0, maximum=5000)
    beta: Grid = option("-2:2", help="range of beta: below 0 pushers, above pullers", minimum=-10, maximum=10)
    train: str = option("2x2", help="training set: a grid of both parameters, perhaps with +centre")
    method: str = option("oseen", help="artificial snapshots", choices=_METHODS)
    mesh: int | None = option(
        None,
        help="cells along a quarter of the body's girth; 4 at quick scale, 6 at full",
        minimum=2,
        maximum=12,
    )
    solver: str = option("auto", help="sparse solver: auto, native, superlu, pardiso")

    def __post_init__(self) -> None:
        super().__post_init__()
        space = flow.ParameterSpace(**{name: (low, high) for name, (low, high) in self.ranges.items()})
        training_set("train", self.train, space)
        if self.solver not in ("auto", *flow.solvers.available()):
            names = ", ".join(("auto", *flow.solvers.available()))
            raise InvalidArgument(f"solver = {self.solver!r} is not one of {names}")

    @property
    def ranges(self) -> dict[str, list[float]]:
        """The box of parameters."""
        return ranges_of("swimmer", re=self.re, beta=self.beta)

    @property
    def shard(self) -> dict[str, Any]:
        """What a shard needs to build the problem."""
        n = CASES["swimmer"].mesh[self.scale] if self.mesh is None else self.mesh
        return {"case": "swimmer", "mesh": n, "ranges": self.ranges, "solver": self.solver}


def run(config: Config, runner: Runner | None = None) -> Result:
    """Check the solver on exact flows, train reduced models, compare them with full solutions.

    Parameters
    ----------
    config : Config
        What to vary.
    runner : Runner or None
        Where shards run; None: here, quietly.

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
    forces = {name: np.array([relative_force(one) for one in flows]) for name, flows in _flows(study).items()}
    trains = list(dict.fromkeys((config.train, *_TRAINS[config.scale])))
    costs = study.costs(trains)
    modes = [row for train in dict.fromkeys((config.train, "3x3")) for row in study.at_equal_modes(train)]
    errors = {name: study.relative_errors(name) for name in study.bases}
    return make_result(
        __name__,
        config,
        answer=_answer(config, study, errors, forces, exact, modes),
        metrics=_metrics(study, errors, forces, exact, inertia),
        curves=_curves(study, errors, forces, costs, modes, exact),
        comparison=_comparison(config, study, errors, exact, inertia),
        tables={
            "error_vs_modes": _modes_table(modes),
            "cost": cost_table(costs),
            "forces": _force_table(study, forces),
            "exact": _exact_table(exact),
            "inertia": _inertia_table(inertia),
        },
        limits=[
            "The case is ours: the published microswimmer's geometry, meshes and errors were not to be had.",
            "Errors are against the same mesh's own solutions; the mesh's are in the tables of exact flows.",
            "Flows are steady: whether they are stable is not asked. Strong pullers are known to lose "
            "stability at Reynolds numbers of a few tens.",
            "The channel moves with the fluid and is 4 radii to each side: its walls add to the force.",
        ],
    )


def _flows(study: ReducedMap) -> dict[str, Sequence[flow.Solution]]:
    return {"full": study.full, **study.reduced}


def _orders(exact: Mapping[int, Mapping[str, float]], name: str) -> list[float]:
    """Return the order of an error from each mesh to the next."""
    meshes = list(exact)
    return [
        float(np.log(abs(exact[a][name] / exact[b][name])) / np.log(b / a))
        for a, b in zip(meshes, meshes[1:], strict=False)
    ]


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
        found[f"order_{name}"] = Estimate.exact(_orders(exact, name)[-1])
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
            f"from the force at the Stokes speed; the cube cuts off what is outside it, nearly "
            f"{_INERTIA} / half-width",
        ),
    ]


def _modes_table(modes: Sequence[tuple[Any, ...]]) -> Table:
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


def _force_table(study: ReducedMap, forces: Mapping[str, Any]) -> Table:
    rows = [
        (f"{mu['Re']:.4g}", f"{mu['beta']:.3g}", *(f"{values[index]:+.4f}" for values in forces.values()))
        for index, mu in enumerate(study.points)
    ]
    note = (
        "Along the swimming direction, on a body that is held at its speed in unbounded Stokes flow, over "
        "that flow's drag of a sphere, 6 pi nu a U: above 0 the body would swim faster."
    )
    return Table("Force on the swimmer", ("Re", "beta", *forces), tuple(rows), note)


def _exact_table(exact: Mapping[int, Mapping[str, float]]) -> Table:
    orders = {name: [None, *_orders(exact, name)] for name in ("drag", "velocity", "swimmer")}

    def cell(name: str, row: int) -> str | None:
        order = orders[name][row]
        return None if order is None else f"{order:.2f}"

    rows = [
        (
            n,
            int(part["n_dof"]),
            *(value for name in orders for value in (f"{part[name]:+.2e}", cell(name, row))),
        )
        for row, (n, part) in enumerate(exact.items())
    ]
    heads = ("n", "dofs", "drag's error", "order", "velocity's error", "order ", "swimmer's force", "order  ")
    note = (
        "Stokes flow past a fixed sphere and around a swimmer (beta = 2), the exact flow prescribed on a cube "
        "of half-width 4. Relative errors of the drag and of the velocity in L2; the force over the drag."
    )
    return Table("Exact flows on several meshes", heads, tuple(rows), note)


def _inertia_table(inertia: Mapping[float, Mapping[str, float]]) -> Table:
    rows = [
        (f"{width:g}", int(part["n_dof"]), f"{part['slope']:.4f}", f"{_INERTIA - part['slope']:.4f}")
        for width, part in inertia.items()
    ]
    note = "Minus the force over 6 pi nu a U beta Re at Re = 0.05; the exact Stokes flow is on the cube."
    heads = ("half-width", "dofs", "loss of speed", "short of 0.15")
    return Table("Force of a little inertia", heads, tuple(rows), note)


def _curves(
    study: ReducedMap,
    errors: Mapping[str, Any],
    forces: Mapping[str, Any],
    costs: Sequence[Any],
    modes: Sequence[tuple[Any, ...]],
    exact: Mapping[int, Mapping[str, float]],
) -> dict[str, Curve]:
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
    velocity = velocity + [0.0, 0.0, 1.0 if moving else 0.0]
    along, up = {"y": (2, 0), "z": (0, 1)}[normal]
    rest = 3 - along - up
    places = np.meshgrid(a, b)
    prefix = "across_" if normal == "z" else ""

    def values(k: int) -> Any:
        return velocity[..., k].ravel().round(6)

    return {
        f"{prefix}grid": curve(places[0].ravel(), "xyz"[along], places[1].ravel(), "xyz"[up]),
        f"{prefix}field_{name}": curve(
            values(along), f"velocity along {'xyz'[along]}", values(up), f"velocity along {'xyz'[up]}"
        ),
        f"{prefix}normal_{name}": curve(
            range(velocity[..., 0].size), "point", values(rest), f"velocity along {'xyz'[rest]}"
        ),
    }


def _answer(
    config: Config,
    study: ReducedMap,
    errors: Mapping[str, Any],
    forces: Mapping[str, Any],
    exact: Mapping[int, Mapping[str, float]],
    modes: Sequence[tuple[Any, ...]],
) -> str:
    before, after = errors["none"], errors[config.method]
    off = {name: np.abs(forces[name] - forces["full"]).mean() for name in study.bases}
    extra = study.bases[config.method].linear_solves - study.bases["none"].linear_solves
    n = len(training_set("train", config.train, study.space))
    at_n = {row[1]: row[3] for row in modes if row[0] == config.train and row[2] == n}
    equal = (
        f"At the same {n} modes the error goes from {figure(100 * at_n['none'])} to "
        f"{figure(100 * at_n[config.method])} %. "
        if {"none", config.method} <= set(at_n)
        else ""
    )
    return (
        f"{'Yes' if after.mean() < before.mean() else 'No'}, in this stand-in: {extra} more linear solves "
        f"({config.method}) beside the {study.bases['none'].linear_solves} of {config.train} snapshots take the "
        f"mean error of the velocity from {figure(100 * before.mean())} to {figure(100 * after.mean())} %, "
        f"that of the force from {off['none']:.2g} to {off[config.method]:.2g} Stokes drags. {equal}"
        f"The solver itself has a sphere's Stokes drag to {100 * abs(list(exact.values())[-1]['drag']):.2g} % "
        f"with {int(list(exact.values())[-1]['n_dof']):,} dofs.{study.warning()}"
    )


def figures(result: Result) -> dict[str, Figure]:
    """Draw sections through flows, forces, errors at equal modes and against cost, and exact flows' errors."""
    from nonideal.experiments._swimmer_figures import draw

    return draw(result, result.config["method"], result.config["train"])
