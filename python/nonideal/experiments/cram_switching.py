"""When does a junction switch: closed formulas of its probability held against the moment's own physics.

A single moment under spin torque is followed by stochastic Landau-Lifshitz-Gilbert trajectories, and solved
exactly by its Fokker-Planck equation, over currents below and above the critical one and pulses from a
nanosecond to a hundred. The formulas that circuit models use stand beside it.

Sources of the formulas: R. H. Koch, J. A. Katine and J. Z. Sun, Phys. Rev. Lett. 92, 088302 (2004), thermal;
W. H. Butler et al., IEEE Trans. Magn. 48, 4684 (2012), precessional; W. F. Brown, Phys. Rev. 130, 1677
(1963), rate over a high barrier.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from nonideal import Estimate
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
from nonideal.hardware import cram
from nonideal.seeds import derive_seed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]

QUESTION = "When does a junction switch, and which formula may be used?"
QUICK_TIME = "20 s"
EXTRAS: tuple[str, ...] = ()

_TRAJECTORIES = {"quick": 1024, "full": 1 << 15}
_ATTEMPT_TIME = 1e-9  # second; the usual value, and the default of `cram.ThermalSwitching`
_TOLERANCE = 0.05  # of P: a formula that stays within this may be used
_SCAN, _WRITE = range(2)  # first index of derived seeds
_WRITE_DRIVES, _WRITE_DELTA = (1.5, 2.0, 3.0, 5.0), 60.0
_WRITE_TIMES = tuple(1e-9 * t for t in (1, 2, 3, 4, 5, 6, 7, 8))
_LEAST_HELD = 1e-10  # the exact solution's absolute accuracy is some 1e-13

#: Formula -> what it is, for tables and legends.
_FORMULAS = {
    "thermal": "thermal, barrier linear in V",
    "brown": "thermal, barrier quadratic in V",
    "precessional": "precessional",
    "blend": "blend of precessional and thermal",
}


@dataclass(frozen=True, kw_only=True)
class Config(BaseConfig):
    """Options of the experiment."""

    delta: float = option(20.0, help="thermal stability, barrier / (k_B T)", minimum=8, maximum=200)
    overdrive: Grid = option(
        "0.4,0.6,0.7,0.8,0.9,1.0,1.2,1.5,2.0,3.0",
        help="currents over the critical current",
        minimum=0,
        maximum=10,
    )
    pulses: Grid = option(
        "1e-9,3e-9,1e-8,3e-8,1e-7",
        help="pulse durations",
        unit="s",
        minimum=1e-10,
        maximum=1e-6,
        spacing="log",
    )
    damping: float = option(0.01, help="Gilbert damping", minimum=0.002, maximum=0.1)
    anisotropy_field: float = option(
        0.3, help="effective anisotropy field, times mu0", unit="T", minimum=0.05, maximum=1
    )
    trajectories: int | None = option(
        None, help="trajectories per current; 1024 at quick scale, 32768 at full scale", minimum=100
    )
    dt: float = option(1e-12, help="longest time step", unit="s", above=0, maximum=1e-12)


def run(config: Config, runner: Runner | None = None) -> Result:
    """Simulate and solve one moment at every current and pulse, and hold the formulas against it.

    Parameters
    ----------
    config : Config
        What to vary.
    runner : Runner or None
        Where shards run; None: here, quietly.

    Returns
    -------
    Result
        Probabilities with error bars, exact ones, those of the formulas, and where each of these may be used.
    """
    config = config.with_seed()
    seed = config.seed or 0
    runner = runner or Runner()
    trajectories = config.trajectories or _TRAJECTORIES[config.scale]
    drives = tuple(sorted(set(config.overdrive)))
    pulses = tuple(sorted(set(config.pulses)))
    material = {"damping": config.damping, "anisotropy_field": config.anisotropy_field, "dt": config.dt}

    def shard(
        kind: int, index: int, delta: float, overdrive: float, times: Sequence[float]
    ) -> dict[str, Any]:
        return {
            **material,
            "delta": delta,
            "overdrive": overdrive,
            "times": list(times),
            "trajectories": trajectories,
            "seed": derive_seed(seed, kind, index),
        }

    scan = runner.map(
        simulate, [shard(_SCAN, n, config.delta, i, pulses) for n, i in enumerate(drives)], label="currents"
    )
    write = runner.map(
        simulate,
        [shard(_WRITE, n, _WRITE_DELTA, i, _WRITE_TIMES) for n, i in enumerate(_WRITE_DRIVES)],
        label="write errors",
    )
    exact = np.array([row["exact"] for row in scan]).reshape(len(drives), len(pulses))
    counts = np.array([row["switched"] for row in scan]).reshape(exact.shape)

    formulas = _formulas(config.delta, config)
    ends = dict.fromkeys(formulas, math.inf) | {"brown": _highest_brown(config.delta)}
    off = {
        name: np.abs(
            np.array([[f(i, t) if i <= ends[name] else np.nan for t in pulses] for i in drives]) - exact
        )
        for name, f in formulas.items()
    }

    curves: dict[str, Curve] = {}
    x_label = "current / critical current"
    for j, pulse in enumerate(pulses):
        tag, y_label = f"{1e9 * pulse:g}ns", f"P(switched), {1e9 * pulse:g} ns"
        estimates = [Estimate.from_counts(int(hits), trajectories) for hits in counts[:, j]]
        curves[f"simulated_{tag}"] = Curve.from_estimates(drives, estimates, x_label=x_label, y_label=y_label)
        curves[f"exact_{tag}"] = Curve(drives, x_label, tuple(exact[:, j]), y_label)
        fine = np.linspace(drives[0], drives[-1], 121) if len(drives) > 1 else np.array(drives)
        for name, formula in formulas.items():
            x = tuple(float(i) for i in fine if i <= ends[name])
            curves[f"{name}_{tag}"] = Curve(x, x_label, tuple(formula(i, pulse) for i in x), y_label)
    curves |= _write_curves(write, trajectories, config)

    reference = cram.Macrospin(_WRITE_DELTA, damping=config.damping, anisotropy_field=config.anisotropy_field)
    model = _precessional(_WRITE_DELTA, config)
    held, usual = float(_exact(reference, 3.0, 4e-9)[1]), float(model.write_error_rate(3.0, 4e-9))
    metrics = {
        "write_error_exact": Estimate.exact(held),
        "write_error_precessional": Estimate.exact(usual),
        "write_error_simulated": Estimate.from_counts(
            trajectories - int(write[_WRITE_DRIVES.index(3.0)]["switched"][_WRITE_TIMES.index(4e-9)]),
            trajectories,
        ),
        "least_p_value": Estimate.exact(_least_p_value(counts, exact, trajectories)),
    }
    metrics |= {
        f"largest_error_{name}": Estimate.exact(float(np.nanmax(error)))
        for name, error in off.items()
        if not np.isnan(error).all()
    }
    return make_result(
        __name__,
        config,
        answer=_answer(config, drives, pulses, off),
        metrics=metrics,
        curves=curves,
        comparison=_comparison(held, usual, metrics["write_error_simulated"], config),
        tables={
            "usable": _usable_table(drives, pulses, off),
            "write": _write_table(config),
        },
        limits=[
            "A single moment: real free layers above some 40 nm switch by domain walls, at lower barriers.",
            f"Trajectories take Heun steps of at most {config.dt:g} s (1 ps: P or 1 - P off by 1 to 2 %).",
            "The current sets in and ends at once, its polarisation lies along the easy axis; no heating.",
        ],
    )


def simulate(shard: Mapping[str, Any]) -> dict[str, Any]:
    """Return how many trajectories of one current switched, and the exact probabilities, at every time."""
    spin = cram.Macrospin(
        shard["delta"], damping=shard["damping"], anisotropy_field=shard["anisotropy_field"]
    )
    n = shard["trajectories"]
    estimates = spin.p_switch(
        shard["overdrive"], shard["times"], trajectories=n, dt=shard["dt"], seed=shard["seed"]
    )
    assert isinstance(estimates, list)  # of an array of durations
    switched, held = _exact(spin, shard["overdrive"], shard["times"])
    return {
        "switched": [round(e.value * n) for e in estimates],
        "exact": switched.tolist(),
        "held": held.tolist(),
    }


def _exact(spin: cram.Macrospin, overdrive: float, times: Any) -> tuple[Floats, Floats]:
    """Return P(switched) and P(held) to 11 decimals, more than are exact: further ones depend on the BLAS."""
    switched, held = spin.p_switch_exact(overdrive, times)
    return np.round(switched, 11), np.round(held, 11)


def _precessional(delta: float, config: Config) -> cram.PrecessionalSwitching:
    return cram.PrecessionalSwitching(
        delta,
        1.0,
        1.0,
        damping=config.damping,
        anisotropy_field=config.anisotropy_field,
        attempt_time=_ATTEMPT_TIME,
    )


def _formulas(delta: float, config: Config) -> dict[str, Callable[[float, float], float]]:
    """P(switched) of every formula as a function of overdrive and duration; the critical voltage is 1."""
    thermal = cram.ThermalSwitching(delta, 1.0, 1.0, _ATTEMPT_TIME)
    model = _precessional(delta, config)

    def brown(overdrive: float, duration: float) -> float:
        # Barrier delta (1 - i)^2, with Brown's prefactor; asked for below _highest_brown() alone.
        i = overdrive
        rate = math.sqrt(delta / math.pi) * (1 - i) * (1 - i * i) * math.exp(-delta * (1 - i) ** 2)
        return -math.expm1(-rate * duration / model.characteristic_time)

    return {
        "thermal": lambda i, t: float(np.exp(thermal.log_p(i, "P->AP", t)[0])),
        "brown": brown,
        "precessional": lambda i, t: 1.0 - float(model.write_error_rate(i, t)),
        "blend": lambda i, t: float(np.exp(model.log_p(i, "P->AP", t)[0])),
    }


def _highest_brown(delta: float) -> float:
    """Return the current at which 1 k_B T of the barrier is left: the rate over a high barrier ends there."""
    return 1.0 - 1.0 / math.sqrt(delta)


def growth_factor(overdrive: float) -> float:
    """Return what replaces pi^2 / 4 in the precessional formula where the growth is followed exactly.

    d(theta)/dt = (i - cos theta) sin theta / tau integrates in closed form: an angle theta_0 at the start
    reaches pi / 2 in the time t if theta_0^2 exp(2 (i - 1) t / tau) is this number (ours; i > 1).
    """
    i = overdrive
    return float(2.0 * 2.0 ** ((i - 1) / (i + 1)) * ((i - 1) / i) ** (2 / (i + 1)))


def _corrected(overdrive: float, duration: float, config: Config) -> float:
    """Write error rate of the precessional formula with `growth_factor`, for overdrive > 1."""
    growth = 2.0 * (overdrive - 1.0) * duration / _precessional(_WRITE_DELTA, config).characteristic_time
    share = (overdrive - 1.0) / (overdrive * math.exp(growth) - 1.0)
    return -math.expm1(-growth_factor(overdrive) * _WRITE_DELTA * share)


def _write_curves(rows: Sequence[Mapping[str, Any]], trajectories: int, config: Config) -> dict[str, Curve]:
    x_label, y_label = "pulse duration (ns)", f"write error rate, delta {_WRITE_DELTA:g}"
    model = _precessional(_WRITE_DELTA, config)
    curves = {}
    for i, row in zip(_WRITE_DRIVES, rows, strict=True):
        keep = [n for n, p in enumerate(row["held"]) if p > _LEAST_HELD]
        times = [_WRITE_TIMES[n] for n in keep]
        ns = tuple(1e9 * t for t in times)
        seen = [Estimate.from_counts(trajectories - int(row["switched"][n]), trajectories) for n in keep]
        curves[f"write_simulated_{i:g}"] = Curve.from_estimates(ns, seen, x_label=x_label, y_label=y_label)
        for name, values in (
            ("exact", [row["held"][n] for n in keep]),
            ("precessional", [float(model.write_error_rate(i, t)) for t in times]),
            ("corrected", [_corrected(i, t, config) for t in times]),
        ):
            curves[f"write_{name}_{i:g}"] = Curve(ns, x_label, tuple(values), y_label)
    return curves


def _least_p_value(counts: Any, exact: Any, trajectories: int) -> float:
    """Return the smallest two-sided binomial p-value of the simulated counts against the exact solution."""
    return min(
        float(stats.binomtest(int(k), trajectories, float(np.clip(p, 0.0, 1.0))).pvalue)
        for k, p in zip(counts.ravel(), exact.ravel(), strict=True)
    )


def _ranges(drives: Sequence[float], good: Any) -> str:
    """Return the currents at which a formula holds, as ranges."""
    parts, start = [], None
    for n, ok in enumerate([*good, False]):
        if ok and start is None:
            start = n
        elif not ok and start is not None:
            low, high = drives[start], drives[n - 1]
            parts.append(f"{low:g}" if low == high else f"{low:g} to {high:g}")
            start = None
    return ", ".join(parts) or "nowhere"


def _usable_table(drives: Sequence[float], pulses: Sequence[float], off: Mapping[str, Any]) -> Table:
    rows = [
        (f"{1e9 * pulse:g}", text, _ranges(drives, off[name][:, j] <= _TOLERANCE))
        for j, pulse in enumerate(pulses)
        for name, text in _FORMULAS.items()
    ]
    return Table(
        f"Where each formula is within {_TOLERANCE:g} of the exact probability",
        ("pulse (ns)", "formula", "current / critical current"),
        tuple(rows),
        "Of the scanned currents. Where P is nearly 0 or 1 a formula that says so too counts as right.",
    )


def _write_table(config: Config) -> Table:
    spin = cram.Macrospin(_WRITE_DELTA, damping=config.damping, anisotropy_field=config.anisotropy_field)
    model = _precessional(_WRITE_DELTA, config)
    rows = []
    for i in _WRITE_DRIVES:
        held = float(_exact(spin, i, 4e-9)[1])
        usual, corrected = float(model.write_error_rate(i, 4e-9)), _corrected(i, 4e-9, config)
        rows.append((i, f"{held:.4g}", f"{usual:.4g}", f"{usual / held:.3f}", f"{corrected / held:.3f}"))
    return Table(
        f"Write error rates of a 4 ns pulse, delta {_WRITE_DELTA:g}",
        (
            "current / critical current",
            "exact",
            "precessional formula",
            "its ratio",
            "ratio with exact growth",
        ),
        tuple(rows),
        "The formula lets the angle grow linearly up to a right angle (factor pi^2 / 4); with exact growth "
        "the factor depends on the current.",
    )


def _comparison(held: float, usual: float, simulated: Estimate, config: Config) -> list[Comparison]:
    return [
        Comparison(
            f"write error rate, delta {_WRITE_DELTA:g}, i = 3, 4 ns",
            f"{usual:.4f} (formula of Butler et al. 2012)",
            f"{held:.5f} exact, {simulated} simulated",
            "the formula lets the angle grow linearly up to pi/2; the true growth differs by a factor that "
            f"depends on the current, here {growth_factor(3.0) / (math.pi**2 / 4):.3f}",
        ),
        Comparison(
            "barrier under a current i < 1",
            "delta (1 - i) (Koch, Katine and Sun 2004)",
            "delta (1 - i)^2",
            "a moment whose easy axis, field and torque share one axis: its stationary density is "
            "exp(delta (u^2 - 2 i u)), u = cos(theta); exponents of 1 to 2 are in use, and fitted curves "
            "absorb the difference over the voltages of the fit alone",
        ),
    ]


def _answer(config: Config, drives: Sequence[float], pulses: Sequence[float], off: Mapping[str, Any]) -> str:
    good = {name: (error <= _TOLERANCE).all(axis=1) for name, error in off.items()}
    upper = _leading(drives[::-1], good["precessional"][::-1])
    square, linear = _leading(drives, good["brown"]), _leading(drives, good["thermal"])

    def up_to(drive: float | None) -> str:
        return "at none of these currents" if drive is None else f"up to {drive:g} times the critical current"

    above = "nowhere" if upper is None else f"from {upper:g} times the critical current on"
    return (
        f"At delta {config.delta:g} and {_span(pulses)}, the precessional formula gives P within "
        f"{_TOLERANCE:g} {above}, thermal activation {up_to(square)} with a barrier quadratic in "
        f"the voltage and {up_to(linear)} with the usual linear one; elsewhere take the exact "
        "solution or a fit to it."
    )


def _leading(drives: Sequence[float], good: Sequence[bool]) -> float | None:
    """Return the last of the currents up to which a formula holds without a gap, None if the first fails."""
    last = None
    for drive, ok in zip(drives, good, strict=True):
        if not ok:
            break
        last = drive
    return last


def _span(pulses: Sequence[float]) -> str:
    low, high = 1e9 * min(pulses), 1e9 * max(pulses)
    return f"{low:g} ns" if low == high else f"{low:g} to {high:g} ns"


def figures(result: Result) -> dict[str, Figure]:
    """Draw probabilities against the current, one panel per pulse, and write errors against the pulse."""
    return {"probability": _draw_probabilities(result), "write_error": _draw_write_errors(result)}


def _draw_probabilities(result: Result) -> Figure:
    from nonideal.report.figures import COLORS, draw_curve, new_figure

    tags = [name.removeprefix("exact_") for name in result.curves if name.startswith("exact_")]
    figure, grid = new_figure(
        "Switching probability against the current: points simulated, grey line exact. The thermal formula "
        "with a linear barrier rises too late for long pulses and much too early for short ones.",
        rows=len(tags),
        height=1.2 + 1.9 * len(tags),
        sharex=True,
        squeeze=False,
    )
    for axes, tag in zip(grid[:, 0], tags, strict=True):
        exact = result.curves[f"exact_{tag}"]
        axes.plot(exact.x, exact.y, color=COLORS[5], linewidth=4, alpha=0.4, marker="", label="exact")
        for name, color, style in zip(_FORMULAS, COLORS[1:], ("--", "-.", ":", "-"), strict=False):
            curve = result.curves[f"{name}_{tag}"]
            axes.plot(
                curve.x,
                curve.y,
                color=color,
                linestyle=style,
                linewidth=1.3,
                marker="",
                label=_FORMULAS[name],
            )
        draw_curve(
            axes, result.curves[f"simulated_{tag}"], label="simulated", color=COLORS[0], linestyle="none"
        )
        axes.set_ylim(-0.03, 1.03)
        if axes is not grid[-1, 0]:
            axes.set_xlabel("")
    grid[-1, 0].legend(loc="lower right", fontsize=7.5)
    return figure


def _draw_write_errors(result: Result) -> Figure:
    from nonideal.report.figures import COLORS, draw_curve, new_figure

    figure, axes = new_figure(
        "Write error rate against the pulse, by current over critical current: solid exact, dashed the "
        "precessional formula, dotted the same with exact growth."
    )
    for i, color in zip(_WRITE_DRIVES, COLORS, strict=False):
        for name, style in (("exact", "-"), ("precessional", "--"), ("corrected", ":")):
            curve = result.curves[f"write_{name}_{i:g}"]
            label = f"{i:g}" if name == "exact" else None
            axes.plot(curve.x, curve.y, color=color, linestyle=style, linewidth=1.5, marker="", label=label)
        seen = result.curves[f"write_simulated_{i:g}"]
        keep = [n for n, y in enumerate(seen.y) if y > 2 * seen.standard_error[n]]
        if keep:
            points = Curve(
                *(tuple(seen.x[n] for n in keep), seen.x_label),
                *(tuple(seen.y[n] for n in keep), seen.y_label),
                tuple(seen.standard_error[n] for n in keep),
                seen.samples,
            )
            draw_curve(axes, points, color=color, linestyle="none")
    axes.set_yscale("log")
    axes.set_xlabel(result.curves[f"write_exact_{_WRITE_DRIVES[0]:g}"].x_label)
    axes.set_ylabel(result.curves[f"write_exact_{_WRITE_DRIVES[0]:g}"].y_label)
    axes.legend(title="current / critical")
    return figure
