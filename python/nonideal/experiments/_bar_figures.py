"""The figures of mechanics-bar."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from nonideal.experiments._bar_problem import Variant
from nonideal.experiments._noisy_search import shots_words
from nonideal.report import Result
from nonideal.report.figures import COLORS, draw_curve, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw"]


def draw(result: Result) -> dict[str, Figure]:
    """Draw fields, penalties, one element's path, convergence and wrong neighbours."""
    return {
        "fields": _draw_fields(result),
        "penalty": _draw_penalty(result),
        "path": _draw_path(result),
        "convergence": _draw_convergence(result),
        "wrong-neighbours": _draw_wrong(result),
    }


def _shown(result: Result) -> list[tuple[str, Variant, str]]:
    """Return (label, variant, colour) of raw and mitigated runs with the first shots and translation."""
    config = result.config
    chosen = [
        Variant(method, kind, config["shots"][0], config["translation"][0])
        for method in dict.fromkeys(config["methods"])
        for kind in ("raw", "zne")
    ]
    words = {"raw": "raw", "zne": "ZNE"}
    return [
        (f"{variant.method}, {words[variant.mitigation]}", variant, color)
        for variant, color in zip(chosen, COLORS[1:], strict=False)
    ]


def _setting(result: Result) -> str:
    where = {"none": "without translation", "cells": "with translation"}[result.config["translation"][0]]
    return f"{shots_words(result.config['shots'][0])}, {where}"


def _draw_fields(result: Result) -> Figure:
    figure, panels = new_figure(
        f"Stress and strain along the bar: the law itself (grey), the exact search, and quantum searches "
        f"({_setting(result)}).",
        columns=2,
        width=10.0,
    )
    for axes, name in zip(panels, ("stress", "strain"), strict=True):
        law = result.curves[f"{name}_exact"]
        axes.plot(law.x, law.y, color=COLORS[5], linewidth=4, alpha=0.4, marker="", label="law")
        draw_curve(
            axes, result.curves[f"{name}_classical"], label="exact search", color=COLORS[0], linestyle="none"
        )
        for label, variant, color in _shown(result):
            draw_curve(
                axes,
                result.curves[f"{name}_{variant.key}"],
                label=label,
                color=color,
                marker="",
                linewidth=1.3,
            )
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right upper")
    return figure


def _draw_penalty(result: Result) -> Figure:
    figure, axes = new_figure(f"Penalty by iteration: {_setting(result)}. The exact search never rises.")
    draw_curve(axes, result.curves["penalty_classical"], label="exact search", color=COLORS[0], marker="")
    for label, variant, color in _shown(result):
        draw_curve(axes, result.curves[f"penalty_{variant.key}"], label=label, color=color, marker="")
    axes.set_yscale("log")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(fontsize=8)
    return figure


def _draw_path(result: Result) -> Figure:
    figure, axes = new_figure(
        f"States of the middle element, iteration by iteration ({_setting(result)}), and the material (grey)."
    )
    law = result.curves["law"]
    axes.plot(law.x, law.y, color=COLORS[5], linewidth=4, alpha=0.4, marker="", label="law")
    ends_x, ends_y = [0.0], [0.0]
    for label, variant, color in _shown(result):
        path = result.curves[f"path_{variant.key}"]
        axes.plot(path.x, path.y, color=color, linewidth=0.8, marker=".", markersize=4, label=label)
        ends_x, ends_y = [*ends_x, *path.x], [*ends_y, *path.y]
    axes.set_xlim(min(ends_x) - 2e-4, 1.15 * max(ends_x))
    axes.set_ylim(min(ends_y) - 10, 1.15 * max(ends_y))
    axes.set_xlabel(law.x_label)
    axes.set_ylabel(law.y_label)
    axes.legend(fontsize=8, loc="upper left")
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
                    axes.plot(
                        ends, [curve.y[0], curve.y[0] * ends[0] / ends[1]], "k:", linewidth=1, marker=""
                    )
        axes.set_xscale("log")
        axes.set_yscale("log")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right upper")
    return figure


def _draw_wrong(result: Result) -> Figure:
    translations = list(dict.fromkeys(result.config["translation"]))
    shots = list(dict.fromkeys(result.config["shots"]))
    method = list(dict.fromkeys(result.config["methods"]))[-1]
    figure, grid = new_figure(
        f"Fraction of wrong neighbours by iteration, {method} circuit, raw (solid) and mitigated (dashed).",
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
        axes.set_title(f"translation: {translation}")
        axes.set_ylabel("fraction of wrong neighbours" if axes is grid[0, 0] else "")
        axes.set_ylim(-0.03, 1.03)
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside right upper")
    return figure
