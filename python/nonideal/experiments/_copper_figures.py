"""The figures of atoms-copper."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from nonideal.report import Result
from nonideal.report.figures import COLORS, INK, MUTED, label_decades, new_figure

__all__ = ["draw"]


def draw(result: Result) -> dict[str, Figure]:
    """Return them by name."""
    names = [name.partition(" ")[2] for name in result.curves if name.startswith("learning ")]
    return {
        "parity": _parity(result, names),
        "learning": _learning(result, names),
        "structure": _structure(result, names),
        "motion": _motion(result, names),
        "conservation": _conservation(result, names),
    }


def _colors(names: list[str]) -> dict[str, Any]:
    return {name: COLORS[index % len(COLORS)] for index, name in enumerate(names)}


def _parity(result: Result, names: list[str]) -> Figure:
    figure, axes = new_figure(
        "Models against their teacher on frames of an unseen temperature: components of forces, and energies "
        "less the teacher's mean, of whole crystals (discs) and crystals with a vacancy (crosses), which no "
        "model has learnt from.",
        columns=2,
        width=9.4,
        height=4.3,
    )
    left, right = axes
    for name, color in _colors(names).items():
        for part, marker in (("whole", "o"), ("vacancy", "x")):
            style = {"linestyle": "", "marker": marker, "markersize": 3.5, "color": color, "alpha": 0.6}
            label = name if part == "whole" else None
            curve = result.curves[f"forces_{part} {name}"]
            left.plot(curve.x, curve.y, label=label, **style)
            energies = result.curves[f"energies_{part} {name}"]
            x, y = 1e3 * np.array(energies.x), 1e3 * np.array(energies.y)
            right.plot(x - x.mean(), y - x.mean(), **style)
    _diagonal(left)
    _diagonal(right)
    left.set_xlabel("teacher's force (eV/angstrom)")
    left.set_ylabel("model's force (eV/angstrom)")
    right.set_xlabel("teacher's energy - its mean (meV/atom)")
    right.set_ylabel("model's energy - the same (meV/atom)")
    left.legend()
    return figure


def _diagonal(axes: Any) -> None:
    low, high = axes.get_xlim()
    axes.plot([low, high], [low, high], color=MUTED, linewidth=0.8, marker="", zorder=1)


def _learning(result: Result, names: list[str]) -> Figure:
    figure, axes = new_figure(
        "Errors of forces on frames that were not learnt from, of the averaged weights, against time and "
        "against steps.",
        columns=2,
        width=9.4,
        height=3.7,
        sharey=True,
    )
    for panel, kind in zip(axes, ("learning", "steps"), strict=True):
        for name, color in _colors(names).items():
            curve = result.curves[f"{kind} {name}"]
            panel.plot(curve.x, curve.y, color=color, marker="", label=name)
        panel.set_xlabel(curve.x_label)
    label_decades(axes[0])
    axes[0].set_ylabel("error of forces (meV/angstrom)")
    axes[0].legend()
    return figure


def _lines(axes: Any, result: Result, kind: str, colors: dict[str, Any]) -> bool:
    """Draw the teacher's curve and the models'; return whether there were any."""
    drawn = False
    for name, color in {"teacher": INK, **colors}.items():
        curve = result.curves.get(f"{kind} {name}")
        if curve is None:
            continue
        style = {"linewidth": 2.6, "alpha": 0.45} if name == "teacher" else {"linewidth": 1.4}
        axes.plot(curve.x, curve.y, color=color, marker="", label=name, **style)
        axes.set_xlabel(curve.x_label)
        axes.set_ylabel(curve.y_label)
        drawn = True
    return drawn


def _structure(result: Result, names: list[str]) -> Figure:
    figure, (left, right) = new_figure(
        "Pairs of atoms in the dynamics with a thermostat, of teacher and models; right: models less the "
        "teacher. The numbers are the areas, without signs; the floor is the teacher's own: one half of "
        "its run against the other.",
        columns=2,
        width=9.4,
        height=3.7,
    )
    if _lines(left, result, "rdf", _colors(names)):
        left.legend()
    teacher = result.curves.get("rdf teacher")
    right.axhline(0.0, color=MUTED, linewidth=0.8)
    for name, color in _colors(names).items():
        curve = result.curves.get(f"rdf {name}")
        if teacher is None or curve is None:
            continue
        area = result.metrics[f"rdf_mae_{name.replace(' ', '_').replace('-', '_')}"].value
        difference = np.array(curve.y) - np.array(teacher.y)
        right.plot(curve.x, difference, color=color, marker="", linewidth=1.4, label=f"{name}: {area:.3f} Å")
    floor = result.metrics.get("rdf_floor")
    if floor is not None:
        right.plot([], [], linestyle="", marker="", label=f"floor: {floor.value:.3f} Å")
        right.legend()
    right.set_xlabel("r (angstrom)")
    right.set_ylabel("g(r) - teacher's g(r)")
    return figure


def _motion(result: Result, names: list[str]) -> Figure:
    figure, axes = new_figure(
        "Displacements, the memory of velocities, and the density of the forces' magnitudes in the dynamics "
        "with a thermostat.",
        columns=3,
        width=11.5,
        height=3.6,
    )
    for panel, kind in zip(axes, ("msd", "vacf", "force_density"), strict=True):
        _lines(panel, result, kind, _colors(names))
    axes[0].set_ylim(bottom=0.0)
    axes[1].axhline(0.0, color=MUTED, linewidth=0.8, zorder=1)
    if axes[0].get_legend_handles_labels()[0]:
        axes[0].legend()
    return figure


def _conservation(result: Result, names: list[str]) -> Figure:
    figure, axes = new_figure(
        "Dynamics without a thermostat: the total energy of models with direct forces (left) and with "
        "gradient forces (right), beside the teacher's. Gradients of an energy keep it, but for the error of "
        "the time step. The panels' scales differ.",
        columns=2,
        width=9.4,
        height=3.7,
    )
    for panel, direct in zip(axes, (True, False), strict=True):
        chosen = {name: color for name, color in _colors(names).items() if ("direct" in name) == direct}
        if _lines(panel, result, "energy", chosen):
            panel.legend()
    return figure
