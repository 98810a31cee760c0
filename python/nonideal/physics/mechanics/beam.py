"""The L-shaped beam, the plane reference problem."""

from __future__ import annotations

import numpy as np

from nonideal.checks import check_integer, check_positive
from nonideal.errors import InvalidArgument
from nonideal.physics.mechanics.extras import import_skfem
from nonideal.physics.mechanics.structure import Structure

__all__ = ["l_beam"]


def l_beam(
    cells_per_width: int = 4, leg_length: float = 100.0, width: float = 40.0, thickness: float = 1.0
) -> Structure:
    """Return an L-shaped beam of square cells: [0, leg_length] x [0, width] and [0, width] x [0, leg_length].

    Plane strain, four-node quadrilaterals with 2 x 2 Gauss points. The re-entrant corner is singular: compare
    fields in the mean, not their peak.

    Parameters
    ----------
    cells_per_width : int
        Cells across a leg, at least 1.
    leg_length, width, thickness : float
        In the user's unit of length (mm), > 0; ``leg_length`` above ``width`` and a multiple of
        ``width / cells_per_width``.

    Raises
    ------
    InvalidArgument
        If an argument is out of range.
    MissingExtra
        If scikit-fem is not installed.

    Examples
    --------
    >>> from nonideal.physics import mechanics
    >>> beam = mechanics.l_beam(cells_per_width=4)
    >>> len(beam.cells), beam.n_points, round(float(beam.weights.sum()), 9)
    (64, 256, 6400.0)
    """
    count = check_integer("cells_per_width", cells_per_width, 1, 31)
    width = check_positive("width", width)
    leg_length = check_positive("leg_length", leg_length)
    cells = leg_length / (width / count)
    long = round(cells)
    if abs(cells - long) > 1e-9 * cells or long <= count:
        raise InvalidArgument(
            f"leg_length = {leg_length} is not a multiple of width / cells_per_width = {width / count} "
            f"above width = {width}"
        )
    skfem = import_skfem()
    ticks = np.linspace(0.0, leg_length, long + 1)
    square = skfem.MeshQuad.init_tensor(ticks, ticks)
    middles = square.p[:, square.t].mean(axis=1)
    mesh = square.restrict(np.flatnonzero((middles < width).any(axis=0)))
    basis = skfem.Basis(mesh, skfem.ElementVector(skfem.ElementQuad1()), intorder=3)
    return Structure.from_skfem(basis, thickness)
