"""The figures of atoms-silicon."""

from __future__ import annotations

from matplotlib.figure import Figure

from nonideal.experiments._atoms_figures import colors_of, learning, lines, motion, parity, structure
from nonideal.experiments._silicon_shards import STATES
from nonideal.experiments._silicon_tables import MODEL
from nonideal.report import Result
from nonideal.report.figures import MUTED, new_figure

__all__ = ["draw"]

_TETRAHEDRAL = 109.4712  # degree: arccos(-1/3)


def draw(result: Result) -> dict[str, Figure]:
    """Return them by name."""
    start = "forces_melt "
    names = [name.removeprefix(start) for name in result.curves if name.startswith(start)]
    kinds = {f"{state} rdf": f"_{state}" for state in STATES}
    return {
        "parity": parity(result, names, {"crystal": "x", "melt": "o"}, _PARITY),
        "learning": learning(result, [MODEL], _LEARNING),
        "structure": structure(result, names, kinds, _STRUCTURE),
        "angles": _angles(result, names),
        "motion": motion(result, names, _MOTION, prefix="melt "),
        "conservation": _conservation(result, names),
    }


_PARITY = (
    "Models against their teacher on frames of temperatures that no model has seen: components of forces, "
    "and energies less the teacher's mean of each state; crystal (crosses) and melt (discs)."
)
_LEARNING = (
    "Errors of forces on frames of crystal and melt that were not learnt from, of the averaged weights, "
    "against CPU seconds and against steps."
)
_STRUCTURE = (
    "Pairs of atoms in the crystal (above) and the melt (below), of teacher and models; right: models less "
    "the teacher. The numbers are the areas, without signs; the floor is the teacher's own: one half of its "
    "run against the other."
)
_MOTION = (
    "The melt: displacements, the memory of velocities, and the density of the forces' magnitudes in the "
    "dynamics with a weak thermostat."
)


def _angles(result: Result, names: list[str]) -> Figure:
    figure, axes = new_figure(
        "Angles between bonds in the crystal (left) and the melt (right). The line marks the tetrahedron's "
        "109.47 degrees, which no potential of pair distances favours.",
        columns=2,
        width=9.4,
        height=3.7,
    )
    for panel, state in zip(axes, STATES, strict=True):
        panel.axvline(_TETRAHEDRAL, color=MUTED, linewidth=0.8, zorder=1)
        if lines(panel, result, f"{state} angles", colors_of(names)):
            panel.legend()
    return figure


def _conservation(result: Result, names: list[str]) -> Figure:
    figure, axes = new_figure(
        "The melt without a thermostat: the total energy, which nothing but the error of the time step "
        "moves.",
    )
    if lines(axes, result, "melt energy", colors_of(names)):
        axes.legend()
    return figure
