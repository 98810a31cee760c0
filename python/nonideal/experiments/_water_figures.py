"""The figures of atoms-water."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from nonideal.experiments._atoms_figures import colors_of, lines, structure
from nonideal.experiments._water_shards import BINS, PAIRS, SPECIES, THRESHOLD
from nonideal.experiments._water_tables import MODEL, REFERENCE
from nonideal.report import Result
from nonideal.report.figures import COLORS, MUTED, label_decades, new_figure

__all__ = ["draw"]

_OF = dict(zip(SPECIES, (COLORS[1], COLORS[0]), strict=True))
_LINES = colors_of([MODEL])


def draw(result: Result) -> dict[str, Figure]:
    """Return them by name."""
    return {
        "parity": _parity(result),
        "learning": _learning(result),
        "structure": _structure(result),
        "distances": _distances(result),
        "forces": _forces(result),
        "dynamics": _dynamics(result),
    }


def _parity(result: Result) -> Figure:
    figure, (left, right) = new_figure(
        "The model against frames that it has not seen: components of forces, some of them, and all energies "
        "less the frames' mean.",
        columns=2,
        width=9.4,
        height=4.3,
    )
    style: Any = {"linestyle": "", "marker": "o", "markersize": 3.5, "alpha": 0.6}
    for species, color in _OF.items():
        curve = result.curves[f"forces_test {species}"]
        error = result.metrics[f"force_error_{species}"].value
        left.plot(curve.x, curve.y, color=color, label=f"{species}: off by {error:.0f} meV/Å", **style)
    energies = result.curves[f"energies_test {MODEL}"]
    x, y = 1e3 * np.array(energies.x), 1e3 * np.array(energies.y)
    error = result.metrics["energy_error"].value
    label = f"off by {error:.2f} meV/atom"
    right.plot(x - x.mean(), y - x.mean(), color=_LINES[MODEL], label=label, **style)
    for axes in (left, right):
        low, high = axes.get_xlim()
        axes.plot([low, high], [low, high], color=MUTED, linewidth=0.8, marker="", zorder=1)
        axes.legend()
    left.set_xlabel("frame's force (eV/angstrom)")
    left.set_ylabel("model's force (eV/angstrom)")
    right.set_xlabel("frame's energy - their mean (meV/atom)")
    right.set_ylabel("model's energy - the same (meV/atom)")
    return figure


def _learning(result: Result) -> Figure:
    figure, axes = new_figure(
        "Error of the forces on frames that were not learnt from, of the averaged weights, while training "
        "went on; dashed: on those that are tested on, in the end."
    )
    curve = result.curves[f"learning {MODEL}"]
    axes.plot(curve.x, curve.y, color=_LINES[MODEL], marker="")
    tested = result.metrics["force_error"].value
    axes.axhline(tested, color=MUTED, linestyle="--", linewidth=1, label=f"in the end: {tested:.1f} meV/Å")
    axes.set_xlabel(curve.x_label)
    axes.set_ylabel("error of forces (meV/angstrom)")
    label_decades(axes)
    axes.legend()
    return figure


def _structure(result: Result) -> Figure:
    figure = structure(
        result,
        [MODEL],
        {f"rdf {pair}": f"_{pair.replace('-', '_')}" for pair in PAIRS},
        "From the top: distances of oxygens, of oxygen and hydrogen (the bond's peak is cut), of hydrogens, "
        "in the dynamics with a thermostat and in the frames; right: the model's less the frames'. Numbers "
        "are areas, without signs; the floor is that of one half of the frames against the other.",
        reference=REFERENCE,
    )
    for row, pair in enumerate(PAIRS):
        figure.axes[2 * row].set_ylabel(f"g(r), {pair}")
    figure.axes[2 * PAIRS.index("O-H")].set_ylim(0.0, 3.0)
    return figure


def _distances(result: Result) -> Figure:
    figure, (left, right) = new_figure(
        f"What the paper compares, with its {BINS} bins: distances of all atoms, pooled, with all images "
        "(left) and without any (right).",
        columns=2,
        width=9.4,
        height=3.7,
    )
    for axes, name, key in ((left, "g", "rdf"), (right, "h", "h")):
        end = f"all_{BINS}" if name == "g" else str(BINS)
        drawn = lines(axes, result, name, _LINES, reference=REFERENCE)
        area = result.metrics.get(f"{key}_mae_{end}_{MODEL}")
        if drawn and area is not None:
            floor = result.metrics[f"{key}_floor_{end}"].value
            axes.plot([], [], linestyle="", marker="", label=f"area {area.value:.3f}, floor {floor:.3f}")
        axes.legend()
    left.set_ylim(0.0, 3.0)  # the bond's peak, 20 high, would hide the rest
    return figure


def _forces(result: Result) -> Figure:
    figure, panels = new_figure(
        "How often which force occurs on oxygen (left) and hydrogen (right): in the frames, where it is the "
        "functional's, and in the dynamics with a thermostat, where it is the model's.",
        columns=2,
        width=9.4,
        height=3.5,
    )
    for axes, species in zip(panels, SPECIES, strict=True):
        lines(axes, result, f"force_density {species}", _LINES, reference=REFERENCE)
        axes.set_xlabel(f"force on {species} (eV/angstrom)")
        axes.legend()
    return figure


def _dynamics(result: Result) -> Figure:
    figure, (left, middle, right) = new_figure(
        f"Left: g(r) of all atoms in windows of the run with a thermostat, against the frames'; above "
        f"{THRESHOLD:g} angstrom (dashed) this would be the liquid no more. Middle: displacements in the "
        "same run; a liquid's grow with time. Right: the total energy without a thermostat.",
        columns=3,
        width=11.5,
        height=3.6,
    )
    windows = result.curves.get(f"windows {MODEL}")
    if windows is not None:
        left.plot(windows.x, windows.y, color=_LINES[MODEL], marker="")
    left.axhline(THRESHOLD, color=MUTED, linestyle="--", linewidth=1)
    left.set_xlabel("time (ps)")
    left.set_ylabel("RDF MAE of a window (angstrom)")
    left.set_ylim(bottom=0.0)
    for species, color in _OF.items():
        curve = result.curves.get(f"msd {species} {MODEL}")
        if curve is not None:
            middle.plot(curve.x, curve.y, color=color, marker="", label=species)
            middle.set_xlabel(curve.x_label)
            middle.legend()
    middle.set_ylabel("mean squared displacement (Å²)")
    middle.set_ylim(bottom=0.0)
    drift = result.metrics.get("drift")
    right.set_ylabel("total energy - start (meV/atom)")
    if lines(right, result, "energy", _LINES, reference=REFERENCE) and drift is not None:
        right.set_title(str(drift), fontsize=9.5)
    return figure
