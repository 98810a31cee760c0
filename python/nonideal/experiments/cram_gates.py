"""One gate inside a memory: how often it is right, for which inputs, and what decides that.

Every gate of computational random-access memory is calibrated on a magnetic tunnel junction: its voltage,
its errors state by state, what better junctions (a higher tunnel magnetoresistance ratio, TMR) would bring,
what cells that differ from one another take away, and how far the answer hangs on the tail of the switching
curve, which nobody has measured. Nothing is drawn at random: all figures are exact.

Source: Y. Lv et al., npj Unconventional Computing 1, 3 (2024).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from scipy import optimize

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
from nonideal.hardware import cram
from nonideal.hardware.cram.sigmoid import SigmoidFamily
from nonideal.hardware.cram.switching import Direction, Switching

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUESTION = "How reliably does one gate compute?"
QUICK_TIME = "15 s"
EXTRAS: tuple[str, ...] = ()

_POINTS = {"quick": 61, "full": 241}  # of a sigmoid
_FITTED_TMR = 1.09  # where the one measured accuracy lies that all families are fitted to
_TENFOLD = 10.0
_PANELS = 3  # gates that a figure has room for
_DIRECTIONS: tuple[Direction, Direction] = ("P->AP", "AP->P")  # by preset


@dataclass(frozen=True, kw_only=True)
class Config(BaseConfig):
    """Options of the experiment."""

    tmr: Grid = option(
        "1.0:5.0", help="tunnel magnetoresistance ratios (R_AP - R_P) / R_P", unit="1", above=0, maximum=100
    )
    gates: tuple[str, ...] = option(
        "NAND2,MIN3,MIN5,NOT,AND2,MAJ3",
        help="gates; the figures show the first three",
        choices=tuple(cram.GATES),
    )
    families: tuple[str, ...] = option(
        "thermal,gaussian,logistic",
        help="tails of the switching curve; the first one is behind accuracies and voltages",
        choices=("thermal", "gaussian", "logistic"),
    )
    variation: tuple[float, ...] = option(
        "0.05,0.05,0.02",
        help="relative standard deviations of resistance, threshold and TMR from cell to cell",
        unit="1",
        minimum=0,
        maximum=0.5,
    )
    preset_error: float = option(
        1e-3, help="how often a preset fails, where that is asked about", unit="1", minimum=0, maximum=1
    )
    device: str = option("lv2024_fit", help="device whose TMR is varied", choices=cram.DEVICES)

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.variation) != 3:
            raise InvalidArgument(f"variation = {self.variation} has {len(self.variation)} numbers, not 3")
        for name in ("gates", "families"):
            object.__setattr__(self, name, tuple(dict.fromkeys(getattr(self, name))))


def run(config: Config, runner: Runner | None = None) -> Result:
    """Calibrate gates at the device's own TMR and at every other one, with and without variation.

    Parameters
    ----------
    config : Config
        What to vary.
    runner : Runner or None
        Where shards run; None: here, quietly.

    Returns
    -------
    Result
        Accuracies, exact; errors against TMR for each family; what else can go wrong.
    """
    runner = runner or Runner()
    mtj = cram.device(config.device)
    shard = {
        "device": config.device,
        "gates": list(config.gates),
        "families": list(config.families),
        "variation": list(config.variation),
    }
    own, *scan = runner.map(calibrate, [shard | {"tmr": tmr} for tmr in (mtj.tmr, *config.tmr)], label="TMR")
    first = config.families[0]
    alike, varied = own[first]["alike"], own[first]["varied"]
    curves: dict[str, Curve] = {}
    metrics: dict[str, Estimate] = {}
    model = _model(mtj, first)
    for name in config.gates:
        key = name.lower()
        window = alike[name]["window"]
        metrics[f"{key}_accuracy"] = Estimate.exact(1 - alike[name]["mean"])
        metrics[f"{key}_accuracy_varied"] = Estimate.exact(1 - varied[name]["mean"])
        metrics[f"{key}_voltage"] = Estimate.exact(alike[name]["voltage"], "V")
        metrics[f"{key}_window_low"] = Estimate.exact(window[0], "V")
        metrics[f"{key}_window_high"] = Estimate.exact(window[1], "V")
        for kind, entry in (("alike", alike[name]), ("varied", varied[name])):
            curves[f"{key}_accuracy_{kind}"] = Curve(
                tuple(range(len(entry["error"]))),
                "inputs that are 1",
                tuple(1 - error for error in entry["error"]),
                "accuracy",
            )
        curves |= _sigmoids(mtj, model, name, window, _POINTS[config.scale])
        for family in config.families:
            for kind in ("alike", "varied"):
                curves[f"{key}_error_vs_tmr_{family}_{kind}"] = Curve(
                    config.tmr.values,
                    "tunnel magnetoresistance ratio",
                    tuple(point[family][kind][name]["mean"] for point in scan),
                    "mean error",
                )
    lead = config.gates[0]
    apart = _tenfold(config, curves, lead)
    if apart is not None:
        metrics[f"{lead.lower()}_tmr_where_tails_differ_tenfold"] = Estimate.exact(apart)
    return make_result(
        __name__,
        config,
        answer=_answer(config, mtj, alike, varied, apart),
        metrics=metrics,
        curves=curves,
        comparison=_comparison(config),
        tables={
            "gates": _gate_table(config, alike, varied),
            "risks": _risk_table(config, mtj),
            "tails": _tail_table(config, curves),
            "origins": _origin_table(config.device),
        },
        limits=_limits(config),
    )


def calibrate(shard: Mapping[str, Any]) -> dict[str, Any]:
    """Return voltage, window and errors of every gate for one TMR.

    ``{family: {"alike" or "varied": {gate: ...}}}``: identical cells, and the average of varying ones.
    """
    mtj = cram.device(shard["device"], tmr=shard["tmr"])
    resistance, threshold, tmr = shard["variation"]
    variation = cram.Variation(resistance=resistance, threshold=threshold, tmr=tmr)
    found: dict[str, Any] = {}
    for family in shard["families"]:
        model = _model(mtj, family)
        found[family] = {
            kind: {name: _entry(_gate(mtj, model, name, spread)) for name in shard["gates"]}
            for kind, spread in (("alike", None), ("varied", variation))
        }
    return found


def _entry(gate: cram.CalibratedGate) -> dict[str, Any]:
    return {
        "voltage": gate.voltage,
        "window": list(gate.window or ()),
        "error": gate.error.tolist(),
        "mean": gate.mean_error,
        "usable": gate.usable,
    }


def _model(mtj: cram.MTJ, family: str) -> Mapping[Direction, Switching]:
    """Return a switching model for each direction, fitted to the same accuracy as the device's own.

    All families give NAND2 the mean error that the device's thermal model gives it at TMR 1.09, where alone
    there is a measurement; a sigmoid has one width, so that each direction has a model of its own.
    """
    if family == "thermal":
        return dict.fromkeys(_DIRECTIONS, mtj.switching)
    middles = {way: mtj.switching.v50(way, mtj.pulse_duration) for way in _DIRECTIONS}
    at_fit = mtj.replace(tmr=_FITTED_TMR)
    want = np.log(cram.GateLibrary(at_fit, gates=["NAND2"])["NAND2"].mean_error)

    def model(width: float, way: Direction) -> cram.SigmoidSwitching:
        v50_p, v50_ap = middles.values()
        return cram.SigmoidSwitching(v50_p, v50_ap, width * middles[way], family=cast(SigmoidFamily, family))

    def excess(width: float) -> float:
        gates = cram.GateLibrary(at_fit.replace(switching=model(width, "P->AP")), gates=["NAND2"])
        return float(np.log(gates["NAND2"].mean_error) - want)

    width = float(optimize.brentq(excess, 1e-2, 0.2, xtol=1e-12, rtol=1e-10))
    return {way: model(width, way) for way in _DIRECTIONS}


def _gate(
    mtj: cram.MTJ, model: Mapping[Direction, Switching], name: str, variation: cram.Variation | None = None
) -> cram.CalibratedGate:
    way = _DIRECTIONS[cram.GATES[name].preset]
    return cram.GateLibrary(mtj.replace(switching=model[way]), gates=[name], variation=variation)[name]


def _sigmoids(
    mtj: cram.MTJ, model: Mapping[Direction, Switching], name: str, window: Sequence[float], points: int
) -> dict[str, Curve]:
    """Return P(output = 1) against V_logic for every number of 1-inputs."""
    spec = cram.GATES[name]
    way = _DIRECTIONS[spec.preset]
    volts = np.linspace(0.85 * window[0], 1.15 * window[1], points)
    switched = np.array(
        [
            np.exp(
                model[way].log_p(cram.divide(mtj, name, float(v)).output_voltage, way, mtj.pulse_duration)[0]
            )
            for v in volts
        ]
    )
    ones = 1 - switched if spec.preset == cram.State.AP else switched
    return {
        f"{name.lower()}_p_one_k{k}": Curve(
            tuple(volts), "V_logic (V)", tuple(np.clip(ones[:, k], 0, 1)), "P(output = 1)"
        )
        for k in range(spec.fan_in + 1)
    }


def _tenfold(config: Config, curves: Mapping[str, Curve], name: str) -> float | None:
    """Return the TMR from which on the families' errors of a gate stay ten times apart; None if never."""
    order = np.argsort(config.tmr.values)
    x = np.array(config.tmr.values)[order]
    logs = np.log10(
        [
            np.maximum(curves[f"{name.lower()}_error_vs_tmr_{family}_alike"].y, 1e-300)
            for family in config.families
        ]
    )[:, order]
    gap = (logs.max(axis=0) - logs.min(axis=0)) / np.log10(_TENFOLD)
    below = np.flatnonzero(gap < 1)
    if len(below) == 0 or below[-1] + 1 == len(x):
        return None
    i = int(below[-1])
    return float(x[i] + (1 - gap[i]) / (gap[i + 1] - gap[i]) * (x[i + 1] - x[i]))


def _answer(
    config: Config,
    mtj: cram.MTJ,
    alike: Mapping[str, Any],
    varied: Mapping[str, Any],
    apart: float | None,
) -> str:
    lead, *others = config.gates
    rest = ", ".join(f"{name} in {_percent(alike[name]['mean'])}" for name in others[:2])
    text = (
        f"At its best voltage a {lead} gate of {config.device} (TMR {mtj.tmr:.3g}) is right in "
        f"{_percent(alike[lead]['mean'])} of all cases{f' ({rest})' if rest else ''}"
    )
    if any(config.variation):
        spread = ", ".join(f"{100 * s:g}" for s in config.variation)
        text += (
            f"; where cells differ by {spread} % in resistance, threshold and TMR, in "
            f"{_percent(varied[lead]['mean'])}"
        )
    if apart is not None:
        text += (
            f"; beyond TMR {apart:.2g} its error is uncertain by a factor of ten and more, because the tail "
            "of the switching curve has not been measured"
        )
    return text + "."


def _percent(error: float) -> str:
    accuracy = 100 * (1 - error)
    return f"{accuracy:.1f} %" if error > 5e-4 else f"{accuracy:.6g} %"


def _comparison(config: Config) -> list[Comparison]:
    mtj = cram.device("lv2024_fit")
    model = _model(mtj, config.families[0])
    ours = {name: _percent(_gate(mtj, model, name).mean_error) for name in ("NAND2", "MIN3", "MIN5")}
    fitted = (
        "recalled, not checked against the article's text; the width of our switching curve is fitted to "
        "this figure, so that it agrees by construction"
    )
    predicted = (
        f"recalled, not checked; ours follows from that one width, a {config.families[0]} curve and "
        "identical devices, while the measured devices differ, their pulses are not known, nor is "
        "which 3- and 5-input gates were measured: MIN is assumed"
    )
    where = "mean accuracy of a {}-input gate, TMR 109 %"
    return [
        Comparison(where.format(2), "99.4 %", ours["NAND2"], fitted),
        Comparison(where.format(3), "86.5 %", ours["MIN3"], predicted),
        Comparison(where.format(5), "75 %", ours["MIN5"], predicted),
    ]


def _gate_table(config: Config, alike: Mapping[str, Any], varied: Mapping[str, Any]) -> Table:
    rows = [
        (
            name,
            cram.State(cram.GATES[name].preset).name,
            f"{alike[name]['voltage']:.4g}",
            "{:.4g} to {:.4g}".format(*alike[name]["window"]),
            f"{alike[name]['mean']:.3g}",
            " ".join(f"{error:.2g}" for error in alike[name]["error"]),
            f"{varied[name]['mean']:.3g}",
            "yes" if alike[name]["usable"] else "no",
        )
        for name in config.gates
    ]
    heads = (
        "gate",
        "preset",
        "V_logic (V)",
        "ideal window (V)",
        "mean error",
        "error for 0, 1, ... inputs that are 1",
        "mean error, varying cells",
        "right more often than wrong for all inputs",
    )
    note = (
        "Mean over uniformly distributed inputs, at the V_logic where it is least; with varying cells, at "
        "the V_logic where their average is. The optimum may lie outside the ideal window."
    )
    return Table(f"Gates on {config.device}", heads, tuple(rows), note)


def _risk_table(config: Config, mtj: cram.MTJ) -> Table:
    """Return what failing presets and disturbed inputs add, gate by gate."""
    fine = cram.GateLibrary(mtj, gates=config.gates, input_disturb=True)
    failing = cram.GateLibrary(mtj.replace(preset_error=config.preset_error), gates=config.gates)
    balanced = cram.GateLibrary(_equal_currents(mtj), gates=config.gates, input_disturb=True)
    rows = [
        (
            name,
            f"{fine[name].mean_error:.3g}",
            f"{failing[name].mean_error:.3g}",
            _flips(fine[name]),
            _flips(balanced[name]),
        )
        for name in config.gates
    ]
    heads = (
        "gate",
        "mean error (thermal)",
        f"mean error where presets fail with probability {config.preset_error:g}",
        "an input flips",
        "an input flips, equal critical currents",
    )
    note = (
        "A failed preset adds its own probability wherever the output must not switch: it matters for gates "
        "whose error is smaller than that. The current of a gate drives its inputs towards its preset; the "
        "probability that a cell at risk flips is given for the worst state. It is an upper bound (the "
        "larger of the currents before and after the output switches, for the whole pulse), and no error "
        "includes it. It hangs on the critical voltages of the two directions: where they are equal, an "
        "antiparallel input takes less current to flip than the output does; where the currents are, "
        "it takes as much. Which holds for the measured devices is not known."
    )
    return Table("What else can go wrong", heads, tuple(rows), note)


def _flips(gate: cram.CalibratedGate) -> str:
    disturb = gate.input_disturb
    assert disturb is not None  # the library was asked for it
    return f"{disturb.max():.2g} (k = {int(disturb.argmax())})"


def _equal_currents(mtj: cram.MTJ) -> cram.MTJ:
    """Return the device with an AP->P threshold at the current of its P->AP threshold."""
    model = mtj.switching
    assert isinstance(model, cram.ThermalSwitching)  # every device of the table has one
    critical = model.critical_voltage_p_to_ap
    return mtj.replace(
        switching=cram.ThermalSwitching(model.delta, critical, critical * (1 + mtj.tmr), model.attempt_time)
    )


def _tail_table(config: Config, curves: Mapping[str, Curve]) -> Table:
    lead = config.gates[0]
    rows = [
        (
            tmr,
            *(
                f"{curves[f'{lead.lower()}_error_vs_tmr_{family}_{kind}'].y[i]:.3g}"
                for family in config.families
                for kind in ("alike", "varied")
            ),
            "yes"
            if cram.GateLibrary(cram.device(config.device, tmr=tmr), gates=[lead]).tail_uncertain
            else "no",
        )
        for i, tmr in enumerate(config.tmr)
    ]
    words = {"alike": "", "varied": ", varying cells"}
    heads = (
        "TMR",
        *(f"{family}{words[kind]}" for family in config.families for kind in ("alike", "varied")),
        "the unmeasured tail decides",
    )
    note = (
        "All families are fitted to the same measured accuracy at TMR 1.09. Beyond TMR 2 they part by "
        "orders of magnitude: take none of them for the truth there. Varying cells bring them closer, "
        "because then the spread of the thresholds is the tail."
    )
    return Table(f"Mean error of {lead}, by the tail of the switching curve", heads, tuple(rows), note)


def _origin_table(device: str) -> Table:
    rows = [(quantity, *origin) for quantity, origin in cram.device(device).provenance.items()]
    return Table(f"Where the numbers of {device} come from", ("quantity", "status", "source"), tuple(rows))


def _limits(config: Config) -> list[str]:
    scale = (
        "The hardware is simulated; V50, resistance and pulse of the measured devices are not published. "
        "Errors depend on ratios alone, but voltages here have an assumed scale (table of origins)."
    )
    tail = (
        "Which family describes the tail is not known: beyond TMR 2 the errors are guesses with a spread as "
        "wide as that between the curves."
    )
    cells = (
        f"Cells vary independently by {', '.join(f'{100 * s:g} %' for s in config.variation)} (resistance, "
        "threshold, TMR), which is assumed; averages over cells say nothing about single rows, which differ "
        "widely and for good."
    )
    ideal = (
        "Errors leave out disturbed inputs, failing presets, reads and writes, and the resistances of lines "
        "and transistors; the TMR does not depend on the voltage."
    )
    return [
        scale,
        tail,
        cells,
        ideal,
        "V_logic minimises the mean error for uniformly distributed inputs.",
    ]


def figures(result: Result) -> dict[str, Figure]:
    """Draw the sigmoids, the accuracies state by state, and errors against TMR."""
    names = [name.lower() for name in result.config["gates"]][:_PANELS]
    return {
        "output-vs-voltage": _draw_sigmoids(result, names),
        "accuracy-by-state": _draw_states(result, names),
        "error-vs-tmr": _draw_tails(result, names[:2]),
    }


def _draw_sigmoids(result: Result, names: Sequence[str]) -> Figure:
    from nonideal.report.figures import COLORS, MUTED, new_figure

    figure, grid = new_figure(
        "Probability that the output is 1 against V_logic, for each number k of inputs that are 1. Shaded: "
        "the window in which a gate with sharp thresholds would be right; dotted: the voltage of the least "
        "mean error.",
        rows=len(names),
        height=1.0 + 1.9 * len(names),
        squeeze=False,
    )
    for axes, name in zip(grid[:, 0], names, strict=True):
        low, high, best = (
            result.metrics[f"{name}_{what}"].value for what in ("window_low", "window_high", "voltage")
        )
        axes.axvspan(low, high, color=MUTED, alpha=0.12, linewidth=0)
        axes.axvline(best, color=MUTED, linewidth=1, linestyle=":")
        k = 0
        while curve := result.curves.get(f"{name}_p_one_k{k}"):
            axes.plot(curve.x, curve.y, label=f"k = {k}", marker="", color=COLORS[k % len(COLORS)])
            axes.set_ylabel(curve.y_label)
            k += 1
        axes.set_title(name.upper())
        axes.set_ylim(-0.03, 1.03)
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    grid[-1, 0].set_xlabel("V_logic (V)")
    return figure


def _draw_states(result: Result, names: Sequence[str]) -> Figure:
    from nonideal.report.figures import COLORS, INK, new_figure

    figure, grid = new_figure(
        "Accuracy for each number of inputs that are 1, with identical and with varying cells. Lines: means "
        "over uniformly distributed inputs.",
        columns=len(names),
        height=3.4,
        sharey=True,
        squeeze=False,
        width_ratios=[len(result.curves[f"{name}_accuracy_alike"].x) for name in names],
    )
    for axes, name in zip(grid[0], names, strict=True):
        for offset, kind, color in ((-0.2, "alike", COLORS[0]), (0.2, "varied", COLORS[1])):
            curve = result.curves[f"{name}_accuracy_{kind}"]
            axes.bar(
                np.array(curve.x) + offset,
                curve.y,
                width=0.38,
                color=color,
                label={"alike": "identical cells", "varied": "varying cells"}[kind],
            )
            suffix = "_varied" if kind == "varied" else ""
            mean = result.metrics[f"{name}_accuracy{suffix}"].value
            axes.axhline(mean, color=color, linewidth=1.2, linestyle="--")
        axes.axhline(0.5, color=INK, linewidth=0.8, linestyle=":")
        axes.set_title(name.upper())
        axes.set_xticks(curve.x)
        axes.set_ylim(0, 1)
    grid[0][0].set_ylabel("accuracy")
    grid[0][len(names) // 2].set_xlabel("inputs that are 1")
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure


def _draw_tails(result: Result, names: Sequence[str]) -> Figure:
    from nonideal.report.figures import COLORS, MARKERS, MUTED, new_figure

    figure, grid = new_figure(
        "Mean error against the tunnel magnetoresistance ratio, for switching curves that agree on what has "
        "been measured and differ in their tails; solid: identical cells, dashed: varying cells. Right of "
        "the dotted line the tail decides.",
        columns=len(names),
        height=3.9,
        squeeze=False,
    )
    for axes, name in zip(grid[0], names, strict=True):
        for i, family in enumerate(result.config["families"]):
            for kind, line in (("alike", "-"), ("varied", "--")):
                curve = result.curves[f"{name}_error_vs_tmr_{family}_{kind}"]
                axes.plot(
                    curve.x,
                    curve.y,
                    linestyle=line,
                    color=COLORS[i],
                    marker=MARKERS[i],
                    label=family if kind == "alike" else None,
                )
        axes.axvline(2.0, color=MUTED, linewidth=1, linestyle=":")
        axes.set_yscale("log")
        axes.set_title(name.upper())
        axes.set_xlabel("TMR")
    grid[0][0].set_ylabel("mean error")
    grid[0][0].legend()
    return figure
