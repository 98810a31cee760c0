"""The lid-driven cavity: fields, centre lines, the solver's steps and seconds, the order of the elements.

Sources: O. Botella and R. Peyret, Computers and Fluids 27, 421-433 (1998); U. Ghia, K. N. Ghia and
C. T. Shin, Journal of Computational Physics 48, 387-411 (1982); L. I. G. Kovasznay, Proc. Cambridge Phil.
Soc. 44, 58-62 (1948). Figures marked as measured come from a prototype with another assembly and solver.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nonideal import Estimate
from nonideal.experiments import Comparison, Curve, Result, Runner, Table, make_result, option
from nonideal.experiments._cavity_study import RE as STUDY_RE
from nonideal.experiments._cavity_study import Study
from nonideal.experiments._flow_cases import build, write_fields
from nonideal.experiments._flow_options import FlowConfig
from nonideal.experiments._flow_shards import KOVASZNAY_RE, kovasznay, solve_cavity, time_oseen
from nonideal.physics import flow
from nonideal.physics.flow.plot import on_grid

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUESTION = "Is the flow solver right, and how fast?"
QUICK_TIME = "20 s"
EXTRAS: tuple[str, ...] = ()

_FIELD_POINTS = 61


class Point(NamedTuple):
    """A velocity component at a place that somebody else has computed."""

    re: float
    component: str
    place: tuple[float, float]
    value: float
    tolerance: float
    source: str


_POINTS = (
    Point(1000, "u", (0.5, 0.0547), -0.1812881, 3e-4, "Botella and Peyret 1998"),
    Point(1000, "u", (0.5, 0.1719), -0.3885691, 3e-4, "Botella and Peyret 1998"),
    Point(1000, "v", (0.9063, 0.5), -0.5264, 3e-4, "prototype, n = 48"),
    Point(1000, "v", (0.9453, 0.5), -0.4105, 3e-4, "prototype, n = 48"),
    Point(1000, "v", (0.9063, 0.5), -0.51550, 5e-2, "Ghia et al. 1982"),
    Point(1000, "v", (0.9453, 0.5), -0.39188, 5e-2, "Ghia et al. 1982"),
)

#: Re -> mesh, lowest u on x = 1/2, where, kinetic energy: prototype, corners at rest.
_KNOWN = {
    100.0: (32, -0.21407, 0.4585, 0.034442),
    400.0: (32, -0.32885, 0.280, 0.040813),
    1000.0: (48, -0.38860, 0.171, 0.044519),
}


@dataclass(frozen=True, kw_only=True)
class Config(FlowConfig):
    """Options of the experiment."""

    re: tuple[float, ...] = option("100,400,1000", help="Reynolds numbers", above=0, maximum=5000)
    a: float = option(0.0, help="speed of the bottom lid", minimum=-1, maximum=1)
    mesh: int | None = option(
        None,
        help="squares along each side; 32 up to Re 400 and 48 above unless given",
        minimum=4,
        maximum=200,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "re", tuple(dict.fromkeys(self.re)))

    @property
    def has_study(self) -> bool:
        """Whether the flow of the refinement study is among those that are asked for."""
        return STUDY_RE in self.re and self.a == 0

    def shard(self, re: float) -> dict[str, Any]:
        """Return what a shard needs to solve at one Reynolds number."""
        n = self.mesh if self.mesh is not None else (32 if re <= 400 else 48)
        # A box around the parameters: outside it a solve would warn.
        ranges = {"Re": [re / 2, re], "a": [-1.0, 1.0]}
        return {
            "case": "two-lid",
            "mesh": n,
            "ranges": ranges,
            "solver": self.solver,
            "mu": {"Re": re, "a": self.a},
        }


def run(config: Config, runner: Runner | None = None) -> Result:
    """Solve the cavity and Kovasznay's flow, and time solvers.

    Parameters
    ----------
    config : Config
        What to vary.
    runner : Runner or None
        Where shards run; None: here, quietly. With a folder, the flows go there as VTU files.

    Returns
    -------
    Result
        Figures beside published ones, orders of the errors, seconds per Oseen step.
    """
    config = config.with_seed()
    runner = runner or Runner()
    flows = dict(
        zip(
            config.re,
            runner.map(solve_cavity, [config.shard(re) for re in config.re], label="flows"),
            strict=True,
        )
    )
    if runner.out is not None:
        shown = {f"re{re:g}": _solution(config, re, part) for re, part in flows.items()}
        write_fields(runner.out / "fields", shown, earlier="re")
    widths = (2, 4, 8, 16) if config.scale == "full" else (1, 2, 4, 8)
    errors = runner.map(
        kovasznay, [{"n": n, "solver": config.solver} for n in widths], label="Kovasznay flows"
    )
    sizes = (33, 66, 133) if config.scale == "full" else (33, 66)
    timed = [(n, name) for n in sizes for name in flow.solvers.available() if name in _TIMED]
    seconds = runner.map(
        time_oseen, [{"n": n, "solver": name, "repeats": 3} for n, name in timed], label="Oseen steps"
    )
    orders = _orders(widths, errors)
    study = Study.run(config.scale, config.solver, runner) if config.has_study else None
    compared = _compared(config, flows)
    return make_result(
        __name__,
        config,
        answer=_answer(compared, orders, study, timed, seconds),
        metrics=_metrics(flows, orders) | ({} if study is None else study.metrics()),
        curves=_curves(config, flows, widths, errors),
        comparison=compared,
        tables={
            "cavity": _cavity_table(config, flows),
            **({} if study is None else {"refinement": study.table()}),
            "orders": _order_table(widths, errors),
            "solvers": _solver_table(timed, seconds),
        },
        limits=[
            "The lid's speed jumps at the corners: the kinetic energy depends on what velocity corners have.",
            "Seconds are this machine's, of one thread, with whatever else it did; compare ratios.",
            "Published values are quoted from the papers as the field cites them.",
        ],
    )


_TIMED = ("native", "superlu", "pardiso")


def _orders(widths: Sequence[int], errors: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    last, before = errors[-1], errors[-2]
    factor = np.log(widths[-1] / widths[-2])
    return {name: float(np.log(before[name] / last[name]) / factor) for name in ("velocity", "pressure")}


def _metrics(flows: Mapping[float, Mapping[str, Any]], orders: Mapping[str, float]) -> dict[str, Estimate]:
    found = {f"order_{name}": Estimate.exact(order) for name, order in orders.items()}
    for re, part in flows.items():
        found[f"linear_solves_re{re:g}"] = Estimate.exact(int(part["linear_solves"]))
        found[f"kinetic_energy_re{re:g}"] = Estimate.exact(float(part["kinetic_energy"]))
        found[f"lowest_u_re{re:g}"] = Estimate.exact(float(part["lowest"][0]))
    return found


def _solution(config: Config, re: float, part: Mapping[str, Any]) -> flow.Solution:
    shard = config.shard(re)
    problem = build(shard)
    velocity = np.asarray(part["velocity"]).reshape(-1, 2)
    return flow.Solution(problem, shard["mu"], velocity, np.asarray(part["pressure"]))


def _compared(config: Config, flows: Mapping[float, Mapping[str, Any]]) -> list[Comparison]:
    found: list[Comparison] = []
    if config.a != 0:
        return found
    for re, part in flows.items():
        if re in _KNOWN:
            n, lowest, place, energy = _KNOWN[re]
            found.append(
                Comparison(
                    f"Re {re:g}: lowest u on x = 1/2, and where",
                    f"{lowest:.5f} at y = {place:g} (prototype, n = {n})",
                    f"{part['lowest'][0]:.5f} at y = {part['lowest'][1]:.4f}",
                    _agreement(lowest, float(part["lowest"][0]), 1e-4),
                )
            )
            found.append(
                Comparison(
                    f"Re {re:g}: kinetic energy",
                    f"{energy:.6f} (prototype, n = {n}, corners at rest)",
                    f"{part['kinetic_energy']:.6f}",
                    _agreement(energy, float(part["kinetic_energy"]), 1e-4),
                )
            )
        for point in _POINTS:
            if point.re == re:
                value = _at(config, re, part, point)
                found.append(
                    Comparison(
                        f"Re {re:g}: {point.component}{point.place}",
                        f"{point.value:g} ({point.source})",
                        f"{value:.6f}",
                        _agreement(point.value, value, point.tolerance),
                    )
                )
    return found


def _at(config: Config, re: float, part: Mapping[str, Any], point: Point) -> float:
    velocity = _solution(config, re, part).at([point.place])[0][0]
    return float(velocity["uv".index(point.component)])


def _agreement(published: float, ours: float, tolerance: float) -> str:
    difference = abs(ours / published - 1)
    words = "within" if difference <= tolerance else "more than"
    return f"{100 * difference:.2g} % apart, {words} the {100 * tolerance:g} % expected"


def _cavity_table(config: Config, flows: Mapping[float, Mapping[str, Any]]) -> Table:
    rows = [
        (
            f"{re:g}",
            int(part["n_dof"]),
            int(part["linear_solves"]),
            f"{part['lowest'][0]:.5f}",
            f"{part['lowest'][1]:.4f}",
            f"{part['kinetic_energy']:.6f}",
        )
        for re, part in flows.items()
    ]
    heads = ("Re", "dofs", "linear solves", "lowest u on x = 1/2", "at y", "kinetic energy")
    return Table(f"The cavity, bottom lid at speed {config.a:g}", heads, tuple(rows))


def _order_table(widths: Sequence[int], errors: Sequence[Mapping[str, Any]]) -> Table:
    rows: list[tuple[Any, ...]] = []
    for index, (n, part) in enumerate(zip(widths, errors, strict=True)):
        orders: list[str | None] = [None, None]
        if index:
            factor = np.log(n / widths[index - 1])
            orders = [
                f"{np.log(errors[index - 1][name] / part[name]) / factor:.2f}"
                for name in ("velocity", "pressure")
            ]
        rows.append(
            (
                f"1/{2 * n}",
                int(part["n_dof"]),
                f"{part['velocity']:.3g}",
                orders[0],
                f"{part['pressure']:.3g}",
                orders[1],
            )
        )
    heads = ("cell width", "dofs", "velocity error (L2)", "order", "pressure error (L2)", "order ")
    note = f"Kovasznay's closed form at Re {KOVASZNAY_RE:g}; theory promises orders 3 and 2."
    return Table("Order of the elements", heads, tuple(rows), note)


def _solver_table(timed: Sequence[tuple[int, str]], seconds: Sequence[Mapping[str, Any]]) -> Table:
    rows = []
    native = {n: part for (n, name), part in zip(timed, seconds, strict=True) if name == "native"}
    for (n, name), part in zip(timed, seconds, strict=True):
        ratio = part["factorize"] / native[n]["factorize"] if n in native and native[n]["factorize"] else None
        rows.append(
            (
                int(part["n_dof"]),
                name,
                *(f"{1e3 * part[stage]:.2f}" for stage in ("update", "analyse", "factorize", "solve")),
                None if ratio is None else f"{ratio:.1f}",
                f"{part['backward_error']:.1e}",
            )
        )
    heads = (
        "dofs",
        "solver",
        "update (ms)",
        "analyse (ms)",
        "factorise (ms)",
        "solve (ms)",
        "factorise, over native",
        "backward error",
    )
    note = "CPU time, best of three. The analysis is done once per mesh; SuperLU has none that it could keep."
    return Table("An Oseen step by stage and solver", heads, tuple(rows), note)


def _curves(
    config: Config,
    flows: Mapping[float, Mapping[str, Any]],
    widths: Sequence[int],
    errors: Sequence[Mapping[str, Any]],
) -> dict[str, Curve]:
    found = {}
    for re, part in flows.items():
        line = np.linspace(0, 1, len(part["u"]))
        name = f"re{re:g}"
        found[f"u_{name}"] = Curve(tuple(part["u"]), "u on x = 1/2", tuple(line), "y")
        found[f"v_{name}"] = Curve(tuple(line), "x", tuple(part["v"]), "v on y = 1/2")
        steps = np.arange(2, len(part["history"]) + 2)
        found[f"steps_{name}"] = Curve(tuple(steps), "linear solve", tuple(part["history"]), "relative step")
        x, y, u, v = on_grid(_solution(config, re, part), _FIELD_POINTS)
        shown = _solution(config, re, {**part, "velocity": np.repeat(part["vorticity"], 2)})
        curl = on_grid(shown, _FIELD_POINTS)[2]
        places = np.meshgrid(x, y)
        found["grid"] = Curve(tuple(places[0].ravel()), "x", tuple(places[1].ravel()), "y")
        found[f"field_{name}"] = Curve(
            tuple(u.ravel().round(7)), "velocity along x", tuple(v.ravel().round(7)), "velocity along y"
        )
        found[f"vorticity_{name}"] = Curve(
            tuple(places[0].ravel()), "x", tuple(curl.ravel().round(5)), "vorticity"
        )
    for name in ("velocity", "pressure"):
        h = [1 / (2 * n) for n in widths]
        values = tuple(float(part[name]) for part in errors)
        found[f"kovasznay_{name}"] = Curve(tuple(h), "cell width", values, "L2 error")
    return found


def _answer(
    compared: Sequence[Comparison],
    orders: Mapping[str, float],
    study: Study | None,
    timed: Sequence[tuple[int, str]],
    seconds: Sequence[Mapping[str, Any]],
) -> str:
    off = [row for row in compared if "more than" in row.why]
    text = (
        f"{len(compared) - len(off)} of {len(compared)} figures of the cavity agree as expected"
        if compared
        else "No figures are known for these options"
    )
    right = orders["velocity"] > 2.8 and orders["pressure"] > 1.8 and not off
    text = (
        f"{'Right, as far as this shows' if right else 'Look at the table'}: {text}; errors of a closed form "
    )
    text += f"fall with orders {orders['velocity']:.2f} (velocity) and {orders['pressure']:.2f} (pressure)"
    if study is not None:
        text += (
            f"; refined to {study.meshes[-1]} x {study.meshes[-1]} squares, all published values at Re "
            f"{STUDY_RE:g} are met to {study.largest_difference():.1g}, relative"
        )
    largest = max(n for n, _ in timed)
    by_name = {name: part for (n, name), part in zip(timed, seconds, strict=True) if n == largest}
    if "native" in by_name:
        native = by_name["native"]
        step = sum(native[stage] for stage in ("update", "factorize", "solve"))
        text += f"; an Oseen step at {int(native['n_dof']):,} dofs takes {1e3 * step:.3g} ms of CPU"
        if "superlu" in by_name and native["factorize"]:
            ratio = by_name["superlu"]["factorize"] / native["factorize"]
            text += f", its factorisation {ratio:.2g} times less than SuperLU's"
    return f"{text}."


def figures(result: Result) -> dict[str, Figure]:
    """Draw the fields, centre lines, steps, orders and seconds."""
    from nonideal.experiments._cavity_figures import draw

    points = [(point.re, point.component, point.place, point.value, point.source) for point in _POINTS]
    return draw(result, Config.from_dict(result.config).re, points)
