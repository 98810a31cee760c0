"""The figures of quantum-zne; those of one noise show the first noise and fold."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D
from scipy import optimize

from nonideal.experiments._zne_cases import EXTRAPOLANTS, NOISES, OBSERVABLES, RAW, Floats, title_of
from nonideal.report import Curve, Result
from nonideal.report.figures import COLORS, MARKERS, RULE, draw_curve, label_decades, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_LEAST_BIAS = 1e-6  # that a figure tells from none


def draw(result: Result) -> dict[str, Figure]:
    """Draw the decay with the noise, bias against spread, and the error against shots."""
    return {
        "decay": _draw_decay(result),
        "bias_and_spread": _draw_bias_and_spread(result),
        "error_against_shots": _draw_errors(result),
    }


def _panels(result: Result, caption: str) -> tuple[Figure, list[tuple[str, Axes]]]:
    circuits = result.config["circuits"]
    columns = min(2, len(circuits))
    rows = math.ceil(len(circuits) / columns)
    figure, grid = new_figure(
        caption, rows=rows, columns=columns, width=4.6 * columns, height=0.6 + 3.0 * rows, squeeze=False
    )
    for axes in grid.ravel()[len(circuits) :]:
        axes.remove()
    panels = list(zip(circuits, grid.ravel(), strict=False))
    for name, axes in panels:
        axes.set_title(f"{name}, {_spaced(OBSERVABLES[name])}")
    return figure, panels


def _biases(result: Result, key: str) -> dict[str, float]:
    names = (RAW, *result.config["extrapolators"])
    return dict(zip(names, result.curves[f"{key}_bias"].y, strict=True))


def _spaced(observable: str) -> str:
    return observable if len(observable) < 9 else f"{observable[:5]} ... {observable[-2:]}"


def _styles() -> dict[str, dict[str, Any]]:
    names = (*EXTRAPOLANTS, RAW)
    return {
        name: {"color": color, "marker": marker}
        for name, color, marker in zip(names, (*COLORS[:4], COLORS[5]), MARKERS, strict=False)
    }


def _draw_decay(result: Result) -> Figure:
    noise, fold = result.config["noises"][0], result.config["folds"][0]
    figure, panels = _panels(
        result,
        f"Exact expectation against the noise scale ({NOISES[noise]}, {fold} fold) and what it is "
        "extrapolated to at scale 0; the dashed line is the noiseless value.",
    )
    styles = _styles()
    for name, axes in panels:
        key = f"{name}_{noise}_{fold}"
        curve = result.curves[f"{key}_scaled"]
        biases = _biases(result, key)
        ideal = result.metrics[f"{name}_ideal"].value
        axes.axhline(ideal, color=styles[RAW]["color"], linestyle="--", linewidth=1.2)
        for way in result.config["extrapolators"]:
            at_zero = ideal + biases[way]
            s = np.linspace(0.0, curve.x[-1], 121).astype(np.float64)
            axes.plot(
                s, _through(way, curve, at_zero, s), color=styles[way]["color"], marker="", linewidth=1.1
            )
            axes.plot([0.0], [at_zero], linestyle="none", label=title_of(way), markersize=6, **styles[way])
        axes.plot(
            curve.x,
            curve.y,
            linestyle="none",
            marker="o",
            markersize=6,
            color="none",
            mec=styles[RAW]["color"],
        )
        axes.set_xlabel(curve.x_label)
        axes.set_ylabel(curve.y_label)
    panels[0][1].legend(fontsize=8)
    return figure


def _through(way: str, curve: Curve, at_zero: float, s: Floats) -> Floats:
    """Return the extrapolant at the scales s."""
    x, y = np.array(curve.x), np.array(curve.y)
    weights = 1.0 / (1.0 - y**2 + 1e-300)
    if way == "linear":
        return np.asarray(np.polynomial.Polynomial.fit(x, y, 1, w=np.sqrt(weights))(s))
    if way == "richardson":
        return np.asarray(np.polynomial.Polynomial.fit(x, y, len(x) - 1)(s))
    if way == "exponential":
        if not (y * y[0] > 0).all():
            return np.full_like(s, np.nan)
        line = np.polynomial.Polynomial.fit(x, np.log(np.abs(y)), 1, w=np.sqrt(weights) * np.abs(y))
        return np.asarray(np.sign(y[0]) * np.exp(line(s)))

    def curve_of(at: Floats, a: float, c: float) -> Floats:
        return np.asarray(a + (at_zero - a) * np.exp(-c * at))

    try:
        found, _ = optimize.curve_fit(curve_of, x, y, p0=(2 * y[-1] - y[-2], 0.2), maxfev=5000)
    except RuntimeError:  # no exponential goes through these points
        return np.full_like(s, np.nan)
    return curve_of(s, *found)


def _draw_bias_and_spread(result: Result) -> Figure:
    config = result.config
    step = len(config["shots"]) // 2
    total = len(config["scales"]) * config["shots"][step]
    figure, panels = _panels(
        result,
        f"What is left of the bias, and the standard deviation at {total:,} shots in all: a point for every "
        f"noise (filled: first fold, hollow: others; biases below {_LEAST_BIAS:g} are drawn there). The root "
        "mean squared error is the same along a grey line; the closer to the lower left, the better.",
    )
    styles = _styles()
    for name, axes in panels:
        points = []
        for noise in config["noises"]:
            for fold in config["folds"]:
                key = f"{name}_{noise}_{fold}"
                for way, bias in _biases(result, key).items():
                    spread = result.curves[f"{key}_{way}_spread"].y[step]
                    points.append((max(abs(bias), _LEAST_BIAS), spread))
                    face = styles[way]["color"] if fold == config["folds"][0] else "none"
                    axes.plot(
                        *points[-1], linestyle="none", markersize=6, markerfacecolor=face, **styles[way]
                    )
        x, y = np.array(points).T
        _arcs(axes, x, y)
        axes.set_xscale("log")
        label_decades(axes)
        axes.set_xlim(x.min() / 2, x.max() * 2)
        axes.set_ylim(y.min() / 1.6, y.max() * 1.6)
        axes.set_xlabel("|bias|")
        axes.set_ylabel("standard deviation")
    handles = [
        Line2D([], [], linestyle="none", label=title_of(way), **styles[way])
        for way in (RAW, *config["extrapolators"])
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=8.5)
    return figure


def _arcs(axes: Axes, x: Floats, y: Floats) -> None:
    """Draw lines of equal root mean squared error."""
    turn = np.arctan(np.geomspace(1e-7, 1e7, 400))
    reach = np.hypot(x, y)
    low, high = math.floor(math.log10(reach.min())), math.ceil(math.log10(reach.max()))
    for power in range(low, high + 1):
        for digit in (1, 3):
            radius = digit * 10.0**power
            axes.plot(
                radius * np.cos(turn), radius * np.sin(turn), color=RULE, marker="", linewidth=1.0, zorder=0
            )
    axes.grid(visible=False)


def _draw_errors(result: Result) -> Figure:
    noise, fold = result.config["noises"][0], result.config["folds"][0]
    figure, panels = _panels(
        result,
        f"Root mean squared error against all shots spent ({NOISES[noise]}, {fold} fold). Without "
        "mitigation the bias is a floor; an extrapolant pays where its line falls below the grey one.",
    )
    styles = _styles()
    for name, axes in panels:
        for way in (RAW, *result.config["extrapolators"]):
            curve = result.curves[f"{name}_{noise}_{fold}_{way}_error"]
            draw_curve(axes, curve, label=title_of(way), **styles[way])
        axes.set_xscale("log")
        axes.set_yscale("log")
    panels[0][1].legend(fontsize=8)
    return figure
