"""A channel with a jet through a slot of its lower wall: what reduced models from few snapshots miss.

The case is ours: the published one's geometry was not to be had (arXiv 2312.14756 names "a jet"). Known
figures come from elements of order 4 and 5 on quadrangles, computed before this package was written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from nonideal import Estimate
from nonideal.errors import InvalidArgument
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
from nonideal.experiments._flow_cases import Solved
from nonideal.experiments._flow_options import MapConfig
from nonideal.experiments._reduced_map import ReducedMap, cost_curves, cost_table, curve
from nonideal.physics import flow
from nonideal.physics.flow.plot import on_grid

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUESTION = "A jet in a channel with 2 parameters: what do few snapshots miss?"
QUICK_TIME = "20 s"
EXTRAS: tuple[str, ...] = ()

#: Where the slot ends; the wall's shear changes its sign there and in eddies of the corner, up to a tenth on.
_SLOT_END, _BEHIND = 1.5, 1.6

#: (Re, jet) -> kinetic energy, enstrophy, pressure drop, end of the bubble (None: no bubble).
_KNOWN = {
    (100.0, 0.5): (3.167249, 32.5499, 1.077456, None),
    (200.0, 1.0): (4.5664, 53.193, 1.12692, 2.679),
    (50.0, 1.0): (4.44634, 46.469, 2.48228, None),
    (300.0, 1.0): (4.6416, 57.82, 0.9814, 3.247),
}


@dataclass(frozen=True, kw_only=True)
class Config(MapConfig):
    """Options of the experiment."""

    case: ClassVar[str] = "jet"
    axes: ClassVar[tuple[str, ...]] = ("re", "jet")

    re: Grid = option("50:300", help="range of the Reynolds number", above=0, maximum=5000)
    jet: Grid = option("0:1", help="range of the jet's speed over the inflow's", minimum=0, maximum=2)
    mesh: int | None = option(
        None, help="cells across, even; 8 at quick scale, 16 at full", minimum=2, maximum=64
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.mesh is not None and self.mesh % 2:
            raise InvalidArgument(f"mesh = {self.mesh} is odd; the slot must end on a column")


def run(config: Config, runner: Runner | None = None) -> Result:
    """Train a reduced model, and compare it with full solutions over the parameters.

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
        Errors of fields and of the bubble behind the slot, with and without artificial snapshots.
    """
    config = config.with_seed()
    runner = runner or Runner()
    study = ReducedMap(runner, config.shard, config.train, config.method)
    study.write_fields(runner.out)
    bubbles = {name: np.array([bubble(one) for one in flows]) for name, flows in _flows(study).items()}
    costs = study.costs(list(dict.fromkeys((config.train, "2x2", "2x2+centre", "3x3", "4x4"))))
    errors = {name: study.relative_errors(name) for name in study.bases}
    known = _known(config, study, runner)
    return make_result(
        __name__,
        config,
        answer=_answer(config, study, errors, bubbles),
        metrics=_metrics(study, errors, bubbles),
        curves=_curves(study, errors, bubbles, costs),
        comparison=known,
        tables={
            "bubble": _bubble_table(study, bubbles),
            "cost": cost_table(costs),
            "mass": _mass_table(study),
        },
        limits=[
            "The case is ours; the published jet's geometry was not to be had.",
            "Errors are against the same mesh's own solutions; the mesh's are in the first table.",
            "The bubble ends where the wall's shear changes its sign beyond x = 1.6; shorter ones count 0.",
        ],
    )


def bubble(solution: flow.Solution) -> float:
    """Return how far behind the slot the flow along the lower wall goes backwards; 0 where it does not."""
    changes = solution.wall_sign_changes("bottom")
    behind = changes[changes > _BEHIND]
    return float(behind[-1] - _SLOT_END) if len(behind) else 0.0


def _flows(study: ReducedMap) -> dict[str, Sequence[flow.Solution]]:
    return {"full": study.full, **study.reduced}


def _known(config: Config, study: ReducedMap, runner: Runner) -> list[Comparison]:
    """Hold solutions against the known figures that lie in the box."""
    inside = [{"Re": re, "jet": jet} for re, jet in _KNOWN if study.space.contains({"Re": re, "jet": jet})]
    solved = Solved(runner, config.shard)
    solved.add(inside, "known figures")
    found = []
    for mu in inside:
        solution = solved.solution(mu)
        front, back = solution.at([[0, 0.5], [8, 0.5]])[1]
        ends = bubble(solution)
        end = _SLOT_END + ends if ends else None
        ours = (solution.kinetic_energy(), solution.enstrophy(), float(front - back), end)
        words = ("kinetic energy", "enstrophy", "pressure drop", "bubble's end, x")
        for name, then, now in zip(words, _KNOWN[mu["Re"], mu["jet"]], ours, strict=True):
            if then is not None and now is not None:
                found.append(
                    Comparison(
                        f"Re {mu['Re']:g}, jet {mu['jet']:g}: {name}",
                        f"{then:g} (elements of order 4 and 5)",
                        f"{now:.6g}",
                        f"{100 * (now / then - 1):+.2g} %: the mesh's error",
                    )
                )
    return found


def _metrics(study: ReducedMap, errors: Mapping[str, Any], bubbles: Mapping[str, Any]) -> dict[str, Estimate]:
    found = {}
    for name, values in errors.items():
        found[f"velocity_error_{name}"] = Estimate.from_samples((100 * values).tolist(), unit="%")
        off = np.abs(bubbles[name] - bubbles["full"])
        found[f"bubble_error_{name}"] = Estimate.from_samples(off.tolist())
        found[f"not_converged_{name}"] = Estimate.exact(study.not_converged[name])
        found[f"solves_{name}"] = Estimate.exact(study.bases[name].linear_solves)
        found[f"modes_{name}"] = Estimate.exact(study.bases[name].n_modes)
    return found


def _bubble_table(study: ReducedMap, bubbles: Mapping[str, Any]) -> Table:
    rows = [
        (f"{mu['Re']:g}", f"{mu['jet']:.3g}", *(f"{bubbles[name][index]:.3f}" for name in bubbles))
        for index, mu in enumerate(study.points)
        if bubbles["full"][index] > 0 or any(bubbles[name][index] > 0 for name in study.bases)
    ]
    heads = ("Re", "jet", *(f"{name}: length" for name in bubbles))
    note = "Points of the map without a bubble in any model are left out."
    return Table("Bubble behind the slot: full order and reduced", heads, tuple(rows), note)


def _mass_table(study: ReducedMap) -> Table:
    rows = []
    for name, flows in _flows(study).items():
        defects = [
            abs(solution.flux("outlet") - 2 / 3 - mu["jet"] / 3)
            for solution, mu in zip(flows, study.points, strict=True)
        ]
        slowest = min(
            float(solution.velocity[study.problem.sides("outlet").nodes, 0].min()) for solution in flows
        )
        rows.append((name, f"{max(defects):.1e}", f"{slowest:.1e}"))
    note = "What flows out is 2/3 + jet/3 exactly; a negative slowest velocity would be backflow."
    heads = ("model", "largest defect of the outflow", "slowest velocity at the outlet")
    return Table("Mass", heads, tuple(rows), note)


def _curves(
    study: ReducedMap,
    errors: Mapping[str, Any],
    bubbles: Mapping[str, Any],
    costs: Sequence[tuple[Any, ...]],
) -> dict[str, Curve]:
    found = {"map_points": study.place_curve()}
    for name, values in errors.items():
        found[f"map_velocity_{name}"] = study.map_curve(100 * values, "velocity error (%)")
    for name, values in bubbles.items():
        found[f"map_bubble_{name}"] = study.map_curve(values, "length of the bubble")
    found |= cost_curves(costs)
    shown = dict(zip(("corner_1", "corner_2", "corner_3", "corner_4"), study.space.grid(2), strict=True))
    shown["centre"] = study.space.grid(1)[0]
    index = int(np.argmax(errors["none"]))
    shown["worst"] = study.points[index]
    fields = {name: study.solved.solution(mu) for name, mu in shown.items()}
    for name, mu in shown.items():
        found[f"mu_{name}"] = curve([0, 1], "parameter", study.space.as_array([mu])[0], "Re, jet")
    for name, solution in fields.items():
        x, y, u, v = on_grid(solution, 25)
        places = np.meshgrid(x, y)
        found["grid"] = curve(places[0].ravel(), "x", places[1].ravel(), "y")
        found[f"field_{name}"] = curve(
            u.ravel().round(7), "velocity along x", v.ravel().round(7), "velocity along y"
        )
    for name in study.bases:
        gap = study.reduced[name][index].velocity - study.full[index].velocity
        zero = np.zeros(study.problem.n_pressure)
        x, y, u, v = on_grid(flow.Solution(study.problem, study.points[index], gap, zero), 25)
        found[f"gap_{name}"] = curve(u.ravel(), "velocity along x", v.ravel(), "velocity along y")
    return found


def _answer(config: Config, study: ReducedMap, errors: Mapping[str, Any], bubbles: Mapping[str, Any]) -> str:
    before, after = errors["none"], errors[config.method]
    missed = [np.abs(bubbles[name] - bubbles["full"]) for name in ("none", config.method)]
    worst = study.points[int(np.argmax(before))]
    extra = study.bases[config.method].linear_solves - study.bases["none"].linear_solves
    return (
        f"{config.train} snapshots alone miss most at Re {worst['Re']:.3g}, jet {worst['jet']:.3g} "
        f"({figure(100 * before.max())} % of the velocity) and get the bubble's length wrong by "
        f"{missed[0].max():.2g} at most; {extra} more linear solves ({config.method}) take the mean error "
        f"from {figure(100 * before.mean())} to {figure(100 * after.mean())} %, the largest to "
        f"{figure(100 * after.max())} %, and the bubble's error to {missed[1].max():.2g}."
        f"{study.warning()}"
    )


def figures(result: Result) -> dict[str, Figure]:
    """Draw flows at corners and centre, error fields, bubbles over the parameters, and error against cost."""
    from nonideal.experiments._jet_figures import draw

    return draw(result, result.config["method"])
