"""The figures of mechanics-bar."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from matplotlib.ticker import PercentFormatter

from nonideal.experiments._bar_problem import Variant
from nonideal.experiments._noisy_search import TRANSLATIONS, shots_words
from nonideal.report import Curve, Result
from nonideal.report.figures import COLORS, INK, draw_band, draw_curve, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw"]

_WORDS = {"noiseless": "no gate errors", "raw": "raw", "zne": "ZNE"}


def draw(result: Result) -> dict[str, Figure]:
    """Return all figures of a result."""
    return {
        "fields": _draw_fields(result),
        "errors": _draw_errors(result),
        "penalty": _draw_penalty(result),
        "path": _draw_path(result),
        "convergence": _draw_convergence(result),
        "wrong-neighbours": _draw_wrong(result),
    }


def _shown(result: Result, shots: int) -> list[tuple[str, Variant, str]]:
    """Return (label, variant, colour) of raw and mitigated runs with the first translation."""
    config = result.config
    chosen = [
        Variant(method, kind, shots, config["translation"][0])
        for method in config["methods"]
        for kind in ("raw", "zne")
    ]
    return [
        (f"{variant.method}, {_WORDS[variant.mitigation]}", variant, color)
        for variant, color in zip(chosen, COLORS[1:], strict=False)
    ]


def _setting(result: Result, shots: int) -> str:
    return f"{shots_words(shots)}, {TRANSLATIONS[result.config['translation'][0]]}"


def _draw_fields(result: Result) -> Figure:
    every = result.config["shots"]
    chosen = list(dict.fromkeys((every[0], min((n for n in every if n), default=every[0]))))
    figure, grid = new_figure(
        "Stress and strain along the bar: the law itself (grey), the exact search, and quantum searches "
        f"({TRANSLATIONS[result.config['translation'][0]]}); those with shots are means over repeats with "
        "bands of 95 %.",
        rows=len(chosen),
        columns=2,
        width=10.0,
        height=0.6 + 3.1 * len(chosen),
        sharex=True,
        squeeze=False,
    )
    for row, shots in zip(grid, chosen, strict=True):
        for axes, name in zip(row, ("stress", "strain"), strict=True):
            law = result.curves[f"{name}_exact"]
            axes.plot(law.x, law.y, color=COLORS[5], linewidth=4, alpha=0.4, marker="", label="law")
            exact = result.curves[f"{name}_classical"]
            draw_curve(axes, exact, label="exact search", color=COLORS[0], linestyle="none", markersize=6)
            for label, variant, color in _shown(result, shots):
                curve = result.curves[f"{name}_{variant.key}"]
                style = "--" if variant.mitigation == "zne" else "-"
                draw_band(axes, curve, label=label, color=color, linewidth=1.5, linestyle=style)
            axes.set_title(shots_words(shots))
            axes.set_xlabel(law.x_label if shots == chosen[-1] else "")
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside right upper")
    return figure


def _draw_errors(result: Result) -> Figure:
    """Draw where mitigation helps and harms: errors of the strain for all shots."""
    config = result.config
    shots = [number for number in config["shots"] if number] + [n for n in config["shots"] if not n]
    figure, grid = new_figure(
        "Relative error of the strain against shots, with 95 % intervals over repeats; dotted: the exact "
        "search. Mitigation helps where ZNE lies below raw and harms where it lies above; without gate "
        "errors shot noise alone is left.",
        rows=len(config["methods"]),
        columns=len(config["translation"]),
        width=10.0,
        height=0.8 + 2.8 * len(config["methods"]),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    looks: dict[str, dict[str, Any]] = {
        "noiseless": {"color": COLORS[5], "marker": "v", "linestyle": "--"},
        "raw": {"color": COLORS[1], "marker": "o"},
        "zne": {"color": COLORS[0], "marker": "s"},
    }
    exact = result.metrics["strain_error_classical"].value
    for row, method in zip(grid, config["methods"], strict=True):
        for axes, translation in zip(row, config["translation"], strict=True):
            axes.axhline(exact, color=INK, linestyle=":", linewidth=1.2)
            for i, (kind, look) in enumerate(looks.items()):
                keys = [Variant(method, kind, number, translation).key for number in shots]
                curve = Curve.from_estimates(
                    [place + 0.07 * (i - 1) for place in range(len(shots))],
                    [result.metrics[f"strain_error_{key}"] for key in keys],
                    x_label="shots per circuit",
                    y_label="relative error of strain",
                )
                draw_curve(axes, curve, label=_WORDS[kind], **look)
            axes.set_title(f"{method}, {TRANSLATIONS[translation]}")
            axes.set_yscale("log")
            axes.label_outer()
            axes.set_xticks(range(len(shots)), [f"{number:,}" if number else "exact" for number in shots])
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _draw_penalty(result: Result) -> Figure:
    first = result.config["shots"][0]
    figure, axes = new_figure(
        f"Penalty by iteration: {_setting(result, first)}. The exact search (grey) never rises."
    )
    exact = result.curves["penalty_classical"]
    axes.plot(exact.x, exact.y, color=COLORS[5], linewidth=6, alpha=0.4, marker="", label="exact search")
    for label, variant, color in _shown(result, first):
        draw_curve(axes, result.curves[f"penalty_{variant.key}"], label=label, color=color, marker="")
    axes.set_xlabel(exact.x_label)
    axes.set_ylabel(exact.y_label)
    axes.set_yscale("log")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend()
    return figure


def _draw_path(result: Result) -> Figure:
    first = result.config["shots"][0]
    figure, axes = new_figure(
        "States of the middle element, iteration by iteration from below, and the material (grey): "
        f"{_setting(result, first)}."
    )
    law = result.curves["law"]
    axes.plot(law.x, law.y, color=COLORS[5], linewidth=4, alpha=0.4, marker="", label="law")
    ends_x, ends_y = [0.0], [0.0]
    for label, variant, color in _shown(result, first):
        path = result.curves[f"path_{variant.key}"]
        axes.plot(path.x, path.y, color=color, linewidth=0.8, marker=".", markersize=4, label=label)
        ends_x, ends_y = [*ends_x, *path.x], [*ends_y, *path.y]
    axes.set_xlim(min(ends_x) - 2e-4, 1.15 * max(ends_x))
    axes.set_ylim(min(ends_y) - 10, 1.15 * max(ends_y))
    axes.set_xlabel(law.x_label)
    axes.set_ylabel(law.y_label)
    axes.legend(loc="upper left")
    return figure


def _draw_convergence(result: Result) -> Figure:
    figure, panels = new_figure(
        "Errors of the exact search against the number of data points, for several metrics C; dotted: 1 / N.",
        columns=2,
        width=10.0,
    )
    for axes, kind in zip(panels, ("strain", "stress"), strict=True):
        prefix = f"{kind}_error_vs_points_"
        for name, curve in result.curves.items():
            if name.startswith(prefix):
                tail = name.removeprefix(prefix)
                label = "linear, C = E" if tail == "linear" else f"C = {tail[1:]} E"
                draw_curve(axes, curve, label=label)
                ends = curve.x[0], curve.x[-1]
                if tail == "linear" and curve.y[0] > 0:
                    start = 0.6 * curve.y[0]  # below the line, to be seen
                    slope = (start, start * ends[0] / ends[1])
                    axes.plot(ends, slope, color=INK, linestyle=":", linewidth=1.2, marker="", label="1 / N")
        axes.set_xscale("log")
        axes.set_yscale("log")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right upper")
    return figure


def _draw_wrong(result: Result) -> Figure:
    translations, shots = result.config["translation"], result.config["shots"]
    method = result.config["methods"][-1]
    figure, grid = new_figure(
        f"Wrong neighbours by iteration, {method} circuit, raw (solid) and mitigated (dashed); the first run "
        "of each.",
        columns=len(translations),
        width=10.0,
        sharey=True,
        squeeze=False,
    )
    for axes, translation in zip(grid[0], translations, strict=True):
        for count, color in zip(shots, itertools.cycle(COLORS), strict=False):
            for kind, style in (("raw", "-"), ("zne", "--")):
                variant = Variant(method, kind, count, translation)
                label = shots_words(count) if kind == "raw" else None
                curve = result.curves[f"wrong_{variant.key}"]
                draw_curve(axes, curve, label=label or "", color=color, linestyle=style, marker="")
        axes.set_title(TRANSLATIONS[translation])
        axes.set_ylabel("wrong neighbours" if axes is grid[0, 0] else "")
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
        axes.set_ylim(-0.03, 1.03)
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside right upper")
    return figure
