"""The figures of atoms-copper."""

from __future__ import annotations

from matplotlib.figure import Figure

from nonideal.experiments._atoms_figures import (
    colors_of,
    learning,
    lines,
    model_names,
    motion,
    parity,
    structure,
)
from nonideal.report import Result
from nonideal.report.figures import new_figure

__all__ = ["draw"]


def draw(result: Result) -> dict[str, Figure]:
    """Return them by name."""
    names = model_names(result)
    moved = [name for name in names if f"energy {name}" in result.curves]
    return {
        "parity": parity(result, names, {"whole": "o", "vacancy": "x"}, _PARITY),
        "learning": learning(result, names, _LEARNING),
        "structure": structure(result, names, {"rdf": ""}, _STRUCTURE),
        "motion": motion(result, names, _MOTION),
        "conservation": _conservation(result, names, moved),
    }


_PARITY = (
    "Models against their teacher on frames of an unseen temperature: components of forces, and energies "
    "less the teacher's mean, of whole crystals (discs) and crystals with a vacancy (crosses), which no "
    "model has learnt from."
)
_LEARNING = (
    "Errors of forces on frames that were not learnt from, of the averaged weights, against CPU seconds and "
    "against steps. Direct forces learn no stress: their counterpart is the gradient model that learns none "
    "either."
)
_STRUCTURE = (
    "Pairs of atoms in the dynamics with a thermostat, of teacher and models; right: models less the "
    "teacher. The numbers are the areas, without signs; the floor is the teacher's own: one half of its run "
    "against the other."
)
_MOTION = (
    "Displacements, the memory of velocities, and the density of the forces' magnitudes in the dynamics with "
    "a thermostat."
)


def _conservation(result: Result, names: list[str], moved: list[str]) -> Figure:
    figure, axes = new_figure(
        "Dynamics without a thermostat: the total energy of models with direct forces (left) and with "
        "gradient forces (right), beside the teacher's. Gradients of an energy keep it, but for the error of "
        "the time step. The panels' scales differ.",
        columns=2,
        width=9.4,
        height=3.7,
    )
    colors = colors_of(names)
    for panel, direct in zip(axes, (True, False), strict=True):
        chosen = {name: colors[name] for name in moved if ("direct" in name) == direct}
        if lines(panel, result, "energy", chosen):
            panel.legend()
    return figure
