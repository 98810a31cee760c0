"""Figures that experiments with potentials share, of the curves that `_atoms_tables` names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from nonideal.experiments._atoms_tables import key_of
from nonideal.report import Result
from nonideal.report.figures import COLORS, INK, MUTED, label_decades, new_figure

__all__ = ["colors_of", "learning", "lines", "model_names", "motion", "parity", "structure"]


def model_names(result: Result) -> list[str]:
    """Return the models that learnt, in their order."""
    return [name.partition(" ")[2] for name in result.curves if name.startswith("learning ")]


def colors_of(names: Sequence[str]) -> dict[str, Any]:
    """Return a colour for each model."""
    return {name: COLORS[index % len(COLORS)] for index, name in enumerate(names)}


def lines(
    axes: Any, result: Result, kind: str, colors: Mapping[str, Any], *, reference: str = "teacher"
) -> bool:
    """Draw the reference's curve and the models'; return whether there were any."""
    drawn = False
    for name, color in {reference: INK, **colors}.items():
        curve = result.curves.get(f"{kind} {name}")
        if curve is None:
            continue
        style = {"linewidth": 2.6, "alpha": 0.45} if name == reference else {"linewidth": 1.4}
        axes.plot(curve.x, curve.y, color=color, marker="", label=name, **style)
        axes.set_xlabel(curve.x_label)
        axes.set_ylabel(curve.y_label)
        drawn = True
    return drawn


def parity(
    result: Result,
    names: Sequence[str],
    sets: Mapping[str, str],
    caption: str,
    *,
    reference: str = "teacher",
) -> Figure:
    """Draw forces and energies of models against the reference's; ``sets`` gives each its marker."""
    figure, (left, right) = new_figure(caption, columns=2, width=9.4, height=4.3)
    first = next(iter(sets))
    for name, color in colors_of(names).items():
        for part, marker in sets.items():
            style = {"linestyle": "", "marker": marker, "markersize": 3.5, "color": color, "alpha": 0.6}
            curve = result.curves[f"forces_{part} {name}"]
            left.plot(curve.x, curve.y, label=name if part == first else None, **style)
            energies = result.curves[f"energies_{part} {name}"]
            x, y = 1e3 * np.array(energies.x), 1e3 * np.array(energies.y)
            right.plot(x - x.mean(), y - x.mean(), **style)
    for axes in (left, right):
        low, high = axes.get_xlim()
        axes.plot([low, high], [low, high], color=MUTED, linewidth=0.8, marker="", zorder=1)
    left.set_xlabel(f"{reference}'s force (eV/angstrom)")
    left.set_ylabel("model's force (eV/angstrom)")
    right.set_xlabel(f"{reference}'s energy - its mean (meV/atom)")
    right.set_ylabel("model's energy - the same (meV/atom)")
    left.legend()
    return figure


def learning(result: Result, names: Sequence[str], caption: str) -> Figure:
    """Draw errors against CPU seconds and steps."""
    figure, axes = new_figure(caption, columns=2, width=9.4, height=3.7, sharey=True)
    for panel, kind in zip(axes, ("learning", "steps"), strict=True):
        for name, color in colors_of(names).items():
            curve = result.curves[f"{kind} {name}"]
            panel.plot(curve.x, curve.y, color=color, marker="", label=name)
            panel.set_xlabel(curve.x_label)
    label_decades(axes[0])
    axes[0].set_ylabel("error of forces (meV/angstrom)")
    axes[0].legend()
    return figure


def structure(
    result: Result,
    names: Sequence[str],
    kinds: Mapping[str, str],
    caption: str,
    *,
    reference: str = "teacher",
) -> Figure:
    """Draw g(r) and what models add to the reference's, a row for each kind.

    Parameters
    ----------
    result : Result
    names : sequence of str
    kinds : mapping of str to str
        Of a curve (``"melt rdf"``) to the end of its metrics' names: ``rdf_mae`` + end + ``_NAME`` and
        ``rdf_floor`` + end.
    caption : str
    reference : str
        Whose curve the models' are compared with.
    """
    figure, axes = new_figure(caption, rows=len(kinds), columns=2, width=9.4, height=0.4 + 3.3 * len(kinds))
    for (left, right), (kind, end) in zip(np.reshape(axes, (-1, 2)), kinds.items(), strict=True):
        if lines(left, result, kind, colors_of(names), reference=reference):
            left.legend()
        truth = result.curves.get(f"{kind} {reference}")
        right.axhline(0.0, color=MUTED, linewidth=0.8)
        for name, color in colors_of(names).items():
            curve = result.curves.get(f"{kind} {name}")
            if truth is None or curve is None:
                continue
            area = result.metrics[f"rdf_mae{end}_{key_of(name)}"].value
            label = f"{name}: {area:.3f} Å"
            difference = np.array(curve.y) - np.array(truth.y)
            right.plot(curve.x, difference, color=color, marker="", linewidth=1.4, label=label)
        floor = result.metrics.get(f"rdf_floor{end}")
        if floor is not None:
            right.plot([], [], linestyle="", marker="", label=f"floor: {floor.value:.3f} Å")
            right.legend()
        right.set_xlabel("r (angstrom)")
        right.set_ylabel(f"g(r) - {reference}'s g(r)")
    return figure


def motion(
    result: Result, names: Sequence[str], caption: str, *, prefix: str = "", reference: str = "teacher"
) -> Figure:
    """Draw displacements, velocities' memory and densities of forces."""
    figure, axes = new_figure(caption, columns=3, width=11.5, height=3.6)
    for panel, kind in zip(axes, ("msd", "vacf", "force_density"), strict=True):
        lines(panel, result, f"{prefix}{kind}", colors_of(names), reference=reference)
    axes[0].set_ylim(bottom=0.0)
    axes[1].axhline(0.0, color=MUTED, linewidth=0.8, zorder=1)
    if axes[0].get_legend_handles_labels()[0]:
        axes[0].legend()
    return figure
