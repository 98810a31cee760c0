"""Arithmetic inside a memory: how far errors of gates spread in sums, products and matrix products.

Normalised error distance (NED): mean |y - y*| over the largest correct value. Exact where the circuit is
small, sampled with error bars elsewhere; curves against the error rate come from fault strata: to 1e-12.

Source of the metric: J. Liang, J. Han, F. Lombardi, IEEE Trans. Computers 62, 1760 (2013).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
from nonideal.hardware.cram import analysis, circuits
from nonideal.seeds import derive_seed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUESTION = "How far do errors spread in addition, multiplication and matrix products?"
QUICK_TIME = "20 s"
EXTRAS: tuple[str, ...] = ()

_LANES = {"quick": 1 << 19, "full": 1 << 24}
_STRATA_LANES = {"quick": 1 << 16, "full": 1 << 21}
_EXACT_BITS = {"add": 62, "multiply": 5}  # up to here the exact analysis takes less than a second
_MATMUL_RATES = (1e-5, 1e-4, 1e-3)
_MAX_FAULTS = 6
_POINTS = (1e-4, 1e-3, 1e-2)  # Monte Carlo beside the strata
_AGAINST_BITS, _MATMUL, _CHECKS, _STRATA = range(4)  # first index of derived seeds


@dataclass(frozen=True, kw_only=True)
class Config(BaseConfig):
    """Options of the experiment."""

    operations: tuple[str, ...] = option(
        "add,multiply,matmul", help="what is computed", choices=("add", "multiply", "matmul")
    )
    bits: tuple[int, ...] = option(
        "2,3,4,6,8", help="widths of the operands of sums and products", unit="bit", minimum=1, maximum=16
    )
    sizes: tuple[int, ...] = option(
        "1,2,4,8,16,32", help="terms of an entry of a matrix product, 4 x 4 bits", minimum=1, maximum=256
    )
    rates: Grid = option(
        "1e-12:1e-2", help="error probabilities of strata curves", above=0, maximum=1, spacing="log"
    )
    tmr: Grid = option(
        "1.09,2,3,4",
        help="tunnel magnetoresistance ratios (R_AP - R_P) / R_P",
        unit="1",
        above=0,
        maximum=100,
    )
    full_adder: str = option(
        "nand9", help="full-adder design", choices=("nand9", "maj5_buf", "maj5_not", "min5")
    )
    device: str = option("lv2024_fit", help="device whose TMR is varied", choices=cram.DEVICES)
    lanes: int | None = option(
        None,
        help="lanes of a sampled point; 2^19 at quick scale, 2^24 at full scale",
        minimum=2,
        maximum=1 << 30,
    )


def run(config: Config, runner: Runner | None = None) -> Result:
    """Measure how errors spread.

    Parameters
    ----------
    config : Config
        What to vary.
    runner : Runner or None
        Where shards run; None: here, quietly.

    Returns
    -------
    Result
        NED against bit width, TMR and size, error metrics against the gates' error rate.
    """
    config = config.with_seed()
    assert config.seed is not None  # with_seed draws one
    seed = config.seed
    runner = runner or Runner()
    lanes = config.lanes or _LANES[config.scale]
    scalar = [name for name in dict.fromkeys(config.operations) if name != "matmul"]
    tables: dict[str, dict[str, list[float]]] = {}
    for tmr in config.tmr:
        library = cram.GateLibrary(cram.device(config.device, tmr=tmr))
        tables[f"tmr_{tmr:g}"] = {name: gate.error.tolist() for name, gate in library.items()}

    def shard(operation: str, size: int, errors: Any, lanes: int, *index: int) -> dict[str, Any]:
        return {
            "operation": operation, "size": size, "full_adder": config.full_adder, "errors": errors,
            "lanes": lanes, "seed": derive_seed(seed, *index),
        }  # fmt: skip

    against_bits = [
        (operation, name, shard(operation, bits, errors, lanes, _AGAINST_BITS, i * len(config.bits) + j))
        for operation in scalar
        for i, (name, errors) in enumerate(tables.items())
        for j, bits in enumerate(config.bits)
    ]
    matmul = [
        (rate, shard("matmul", size, rate, lanes, _MATMUL, i * len(config.sizes) + j))
        for i, rate in enumerate(_MATMUL_RATES)
        for j, size in enumerate(config.sizes)
        if "matmul" in config.operations
    ]
    checks = [
        (operation, shard(operation, 4, rate, lanes, _CHECKS, i, j))
        for i, operation in enumerate(scalar)
        for j, rate in enumerate(_POINTS)
    ]
    jobs = [s for _, _, s in against_bits] + [s for _, s in matmul] + [s for _, s in checks]
    found = [Estimate(**r["ned"]) for r in runner.map(measure, jobs, label="operations")]
    neds = iter(found)

    curves: dict[str, Curve] = {}
    for operation in scalar:
        for name in tables:
            points = [next(neds) for _ in config.bits]
            label = f"NED at TMR {name[4:]}"
            curves[f"{operation}_{name}"] = Curve.from_estimates(
                config.bits, points, x_label="bits of an operand", y_label=label
            )
    if matmul:
        for rate in _MATMUL_RATES:
            curves[f"matmul_{rate:g}"] = Curve.from_estimates(
                config.sizes,
                [next(neds) for _ in config.sizes],
                x_label="terms of an entry",
                y_label=f"NED at error rate {rate:g}",
            )
    worst = 0.0
    metrics: dict[str, Estimate] = {}
    rows: list[tuple[str | float, ...]] = []
    for i, operation in enumerate(scalar):
        program, largest = _program(operation, 4, config.full_adder)
        strata = analysis.curve(
            program,
            config.rates.values,
            max_faults=_MAX_FAULTS,
            lanes=_STRATA_LANES[config.scale],
            seed=derive_seed(seed, _STRATA, i),
        )
        keep = ~strata.truncated
        curves[f"{operation}_strata"] = Curve(
            tuple(strata.rates[keep]),
            "error probability of every gate",
            tuple(strata.mean_error_distance[keep] / largest),
            "NED, 4 bits",
            tuple(strata.mean_error_distance_standard_error[keep] / largest),
            strata.samples,
        )
        sampled = [next(neds) for _ in _POINTS]
        curves[f"{operation}_monte_carlo"] = Curve.from_estimates(
            _POINTS, sampled, x_label="error probability of every gate", y_label="NED, 4 bits"
        )
        exact = [_exact(operation, rate, config) for rate in _POINTS]
        curves[f"{operation}_exact"] = Curve(
            _POINTS, "error probability of every gate", tuple(exact), "NED, 4 bits"
        )
        for rate, estimate, value in zip(_POINTS, sampled, exact, strict=True):
            z = (estimate.value - value) / estimate.standard_error
            worst = max(worst, abs(z))
            rows.append((operation, rate, f"{value:.6g}", str(estimate), f"{z:+.2f}"))
        singles = analysis.sensitivity(program)
        slope = float(singles.mean_error_distance.sum()) / largest
        metrics[f"ned_per_rate_{operation}"] = Estimate.exact(slope)
    if scalar:
        metrics["largest_deviation"] = Estimate.exact(worst, "standard errors")
    for name in ("add", "multiply"):
        for j, bits in enumerate(config.bits):
            for table in tables:
                if name in scalar:
                    curve = curves[f"{name}_{table}"]
                    metrics[f"ned_{name}_{bits}_{table}"] = Estimate(
                        curve.y[j],
                        curve.standard_error[j],
                        curve.samples if curve.standard_error[j] else None,
                    )
    return make_result(
        __name__,
        config,
        answer=_answer(metrics, curves, config),
        metrics=metrics,
        curves=curves,
        comparison=[
            Comparison(
                "NED of addition, multiplication and matrix products against TMR",
                None,
                "see the figures",
                "the published curves' values, widths and divisor are not known to us",
            )
        ],
        tables={
            "checks": Table(
                "Sampled against exact, 4 bits, every gate errs with the same probability",
                (
                    "operation",
                    "error probability",
                    "NED, exact",
                    "NED, sampled",
                    "deviation / standard error",
                ),
                tuple(rows),
            )
        },
        limits=_limits(),
    )


def measure(shard: Mapping[str, Any]) -> dict[str, Any]:
    """Return the NED of one operation at one error table: exact where that is quick, else sampled."""
    operation, errors = shard["operation"], shard["errors"]
    gates = (
        cram.GateLibrary.from_errors(errors)
        if isinstance(errors, Mapping)
        else cram.GateLibrary.uniform(errors)
    )
    program, largest = _program(operation, shard["size"], shard["full_adder"])
    by_table = isinstance(errors, Mapping)
    if by_table and shard["size"] <= _EXACT_BITS.get(operation, 0):
        distance = analysis.exact(program, gates).mean_error_distance
    else:
        distance = analysis.monte_carlo(
            program, gates, lanes=shard["lanes"], seed=shard["seed"]
        ).mean_error_distance
    ned = Estimate(distance.value / largest, distance.standard_error / largest, distance.samples)
    return {"ned": ned.as_dict()}


def _program(operation: str, size: int, full_adder: str) -> tuple[cram.Program, int]:
    """Return the circuit, and the largest correct result."""
    if operation == "add":
        return circuits.adder(size, full_adder=full_adder), 2 * (2**size - 1)
    if operation == "multiply":
        return circuits.multiplier(size, full_adder=full_adder), (2**size - 1) ** 2
    return circuits.dot(size, 4, 4, full_adder=full_adder), size * 15**2


def _exact(operation: str, rate: float, config: Config) -> float:
    program, largest = _program(operation, 4, config.full_adder)
    report = analysis.exact(program, cram.GateLibrary.uniform(rate))
    return float(report.mean_error_distance) / largest


def _answer(metrics: Mapping[str, Estimate], curves: Mapping[str, Curve], config: Config) -> str:
    parts = []
    names = {"add": "sums", "multiply": "products"}
    for operation, word in names.items():
        slope = metrics.get(f"ned_per_rate_{operation}")
        if slope is not None:
            parts.append(f"{slope.value:.1f} times the gates' error rate in 4-bit {word}")
    texts = []
    if parts:
        texts.append(f"The mean error is {' and '.join(parts)}, as a share of the largest result")
    matmul = curves.get(f"matmul_{_MATMUL_RATES[1]:g}")
    if matmul is not None and len(matmul.y) > 1:
        texts.append(
            f"in matrix products it goes from {matmul.y[0]:.2g} with {matmul.x[0]:g} to "
            f"{matmul.y[-1]:.2g} with {matmul.x[-1]:g} terms at an error rate of {_MATMUL_RATES[1]:g}"
        )
    text = "; ".join(texts)
    return (text[:1].upper() + text[1:] if text else "Nothing was asked") + "."


def _limits() -> list[str]:
    truncation = (
        f"Strata curves leave out more than {_MAX_FAULTS} faults in a result; points where that has a "
        "probability above 0.01 are not drawn."
    )
    return [
        "The hardware is simulated; all devices are identical, and operands are uniformly distributed.",
        "V_logic minimises each gate's mean error for uniformly distributed inputs.",
        truncation,
        "Presets, reads and writes don't fail, inputs are not disturbed, and lines have no resistance.",
    ]


def figures(result: Result) -> dict[str, Figure]:
    """Draw NED against bit width and TMR, against size, and against the error rate."""
    drawn = {}
    scalar = [name for name in ("add", "multiply") if f"{name}_strata" in result.curves]
    if scalar:
        drawn["ned-vs-bits"] = _draw_bits(result, scalar)
        drawn["ned-vs-rate"] = _draw_rates(result, scalar)
    if "matmul" in result.config["operations"]:
        drawn["matmul-vs-size"] = _draw_matmul(result)
    return drawn


def _draw_bits(result: Result, scalar: Sequence[str]) -> Figure:
    from nonideal.report.figures import draw_curve, new_figure

    figure, axes = new_figure(
        "Normalised error distance against bit width, for several tunnel magnetoresistance ratios. "
        "Bars: 95 % confidence; none where the value is exact.",
        columns=len(scalar),
        width=4.8 * len(scalar),
        sharey=True,
        squeeze=False,
    )
    for panel, operation in zip(axes[0], scalar, strict=True):
        for name, curve in result.curves.items():
            if name.startswith(f"{operation}_tmr_"):
                draw_curve(panel, curve, label=f"TMR {name.rpartition('_')[2]}")
        panel.set_title(operation)
        panel.set_ylabel("NED")
        panel.set_yscale("log")
    figure.legend(*axes[0][-1].get_legend_handles_labels(), loc="outside right upper")
    return figure


def _draw_rates(result: Result, scalar: Sequence[str]) -> Figure:
    from nonideal.report.figures import COLORS, draw_band, draw_curve, new_figure

    figure, axes = new_figure(
        "Normalised error distance of 4-bit operands against the gates' error probability: fault strata "
        "(lines), exact (crosses) and Monte Carlo (points, 95 % confidence)."
    )
    for color, operation in zip(COLORS, scalar, strict=False):
        draw_band(axes, result.curves[f"{operation}_strata"], label=f"{operation}, strata", color=color)
        draw_curve(
            axes,
            result.curves[f"{operation}_monte_carlo"],
            label=f"{operation}, Monte Carlo",
            color=color,
            linestyle="",
            marker="o",
        )
        exact = result.curves[f"{operation}_exact"]
        axes.plot(exact.x, exact.y, linestyle="", marker="x", markersize=9, color=color)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.legend()
    return figure


def _draw_matmul(result: Result) -> Figure:
    from nonideal.report.figures import draw_curve, new_figure

    figure, axes = new_figure(
        "Normalised error distance of an entry of a matrix product, 4 x 4 bits, against its number of terms "
        "(added in a tree). Bars: 95 % confidence."
    )
    for rate in _MATMUL_RATES:
        draw_curve(axes, result.curves[f"matmul_{rate:g}"], label=f"error rate {rate:g}")
    axes.set_ylabel("NED")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.legend()
    return figure
