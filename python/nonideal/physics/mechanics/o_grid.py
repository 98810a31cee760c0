"""The mesh of a square cell with one round fibre: an O-grid of quadrilaterals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nonideal.checks import FloatArray
from nonideal.errors import InvalidArgument
from nonideal.physics.mechanics.extras import import_skfem

__all__ = ["OGrid", "fibre_radius"]

_DECIMALS = 9  # coordinates that agree to so many are one node


def fibre_radius(volume_fraction: float, n_arc: int) -> float:
    """Return the radius at which the polygon of 4 ``n_arc`` sides, not its circle, has the wanted area."""
    return math.sqrt(volume_fraction / (2 * n_arc * math.sin(math.pi / (2 * n_arc))))


@dataclass(frozen=True)
class OGrid:
    """Quadrilaterals on the unit square [-1/2, 1/2]^2 that follow a centred circle.

    A square block of n_arc x n_arc elements in the fibre's middle, four blocks of n_radial x n_arc from its
    sides to the circle, and four from the circle to the cell's sides.

    Parameters
    ----------
    nodes : (n_nodes, 2) float64
        Coordinates.
    elements : (n_elements, 4) int64
        Nodes of each element, counter-clockwise.
    in_fibre : (n_elements,) bool
        Whether an element belongs to the fibre.
    """

    nodes: FloatArray
    elements: NDArray[np.int64]
    in_fibre: NDArray[np.bool_]

    @classmethod
    def build(cls, volume_fraction: float, n_arc: int, n_radial: int) -> OGrid:
        """Return the mesh for a volume fraction; the polygon of the fibre has exactly that area.

        Raises
        ------
        InvalidArgument
            If the polygon's corners do not fit into the cell.
        """
        radius = fibre_radius(volume_fraction, n_arc)
        if not radius < 0.5:
            raise InvalidArgument(
                f"volume_fraction = {volume_fraction}: a fibre of {4 * n_arc} straight sides has a radius of "
                f"{radius:.4f}, which is not < 1/2"
            )
        angles = np.linspace(-math.pi / 4, math.pi / 4, n_arc + 1)
        ticks = np.linspace(-1.0, 1.0, n_arc + 1)
        square = 0.5 * radius * np.stack([np.ones_like(ticks), ticks], axis=1)
        circle = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        side = 0.5 * np.stack([np.ones_like(ticks), ticks], axis=1)
        middle = 0.5 * radius * np.stack(np.broadcast_arrays(ticks[:, None], ticks[None, :]), axis=-1)
        blocks, fibre = [middle], [True]
        for inner, outer, inside in ((square, circle, True), (circle, side, False)):
            t = np.linspace(0.0, 1.0, n_radial + 1)[:, None, None]
            block = (1.0 - t) * inner + t * outer
            for _ in range(4):
                blocks.append(block)
                fibre.append(inside)
                block = np.stack([-block[..., 1], block[..., 0]], axis=-1)  # a quarter turn
        corners = np.concatenate([_corners(block) for block in blocks])
        counts = [(block.shape[0] - 1) * (block.shape[1] - 1) for block in blocks]
        rounded = corners.reshape(-1, 2).round(_DECIMALS) + 0.0  # no -0
        _, first, node = np.unique(rounded, axis=0, return_index=True, return_inverse=True)
        return cls(
            nodes=corners.reshape(-1, 2)[first],
            elements=node.reshape(-1, 4).astype(np.int64),
            in_fibre=np.repeat(fibre, counts),
        )

    def basis(self) -> Any:
        """Return scikit-fem's vector basis: nine-node quadrilaterals, 3 x 3 Gauss points.

        Raises
        ------
        MissingExtra
            If scikit-fem is not installed.
        """
        skfem = import_skfem()
        mesh = skfem.MeshQuad(
            np.ascontiguousarray(self.nodes.T), np.ascontiguousarray(self.elements.T), sort_t=False
        )
        return skfem.Basis(mesh, skfem.ElementVector(skfem.ElementQuad2()), intorder=5)


def _corners(block: FloatArray) -> FloatArray:
    """Return the corners (n_elements, 4, 2) of the elements of a structured block (a, b, 2)."""
    quads = np.stack([block[:-1, :-1], block[1:, :-1], block[1:, 1:], block[:-1, 1:]], axis=2)
    return np.asarray(quads.reshape(-1, 4, 2))
