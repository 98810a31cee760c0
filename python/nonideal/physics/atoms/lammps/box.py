"""LAMMPS's box: the first vector along x, the second in the plane of x and y, right-handed, periodic."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from nonideal.checks import FloatArray
from nonideal.errors import InvalidArgument

__all__ = ["COMPONENTS", "Box", "symmetric"]

COMPONENTS = ((0, 1, 2, 0, 0, 1), (0, 1, 2, 1, 2, 2))  # LAMMPS's order: xx yy zz xy xz yz


@dataclass(frozen=True, eq=False)
class Box:
    """A periodic box in LAMMPS's own axes, and the way there and back.

    Parameters
    ----------
    rows : (3, 3) float64, angstrom
        Lower triangular, positive on its diagonal.
    rotation : (3, 3) float64
        Orthogonal; a mirror, too, where the cell is left-handed. ``cell = rows @ rotation``.
    """

    rows: FloatArray
    rotation: FloatArray

    @functools.cached_property
    def _to_fractions(self) -> FloatArray:
        return self.rotation.T @ np.linalg.inv(self.rows)

    @classmethod
    def around(cls, positions: FloatArray, cell: FloatArray, pbc: Any, margin: float) -> Box:
        """Return the box of a cell; directions without a period get the atoms' extent and a margin.

        With a margin of the cutoff or more atoms don't meet their images there. Extents are rounded up to
        whole angstroms: the box then changes seldom.
        """
        full = np.array(cell, dtype=np.float64)
        periodic = np.asarray(pbc, dtype=bool)
        if periodic.any() and not np.linalg.matrix_rank(full[periodic]) == periodic.sum():
            raise InvalidArgument("system.cell: a period is zero, or lies in the plane of the others")
        if not periodic.all():
            full[~periodic] = _perpendicular(full[periodic])
            for axis in np.flatnonzero(~periodic):
                along = positions @ full[axis]
                full[axis] *= np.ceil(np.ptp(along)) + margin if len(along) else margin
        q, r = np.linalg.qr(full.T)  # full = r.T @ q.T
        signs = np.where(np.diag(r) < 0.0, -1.0, 1.0)
        return cls(r.T * signs, (q * signs).T)

    @property
    def lengths(self) -> FloatArray:
        """The diagonal: lx, ly, lz, angstrom."""
        return np.diag(self.rows)

    @property
    def tilts(self) -> tuple[float, float, float]:
        """Xy, xz, yz, angstrom."""
        return float(self.rows[1, 0]), float(self.rows[2, 0]), float(self.rows[2, 1])

    @property
    def volume(self) -> float:
        """Cubic angstrom."""
        return float(np.prod(self.lengths))

    def inside(self, positions: FloatArray) -> FloatArray:
        """Return positions in LAMMPS's axes, wrapped into the box."""
        fractions = positions @ self._to_fractions
        fractions -= np.floor(fractions)
        return np.ascontiguousarray(fractions @ self.rows)

    def back(self, vectors: FloatArray) -> FloatArray:
        """Return vectors in the system's axes."""
        return vectors @ self.rotation

    def tensor_back(self, tensor: FloatArray) -> FloatArray:
        """Return a (3, 3) tensor in the system's axes."""
        return self.rotation.T @ tensor @ self.rotation


def symmetric(components: FloatArray) -> FloatArray:
    """Return the (3, 3) tensor of six numbers in LAMMPS's order.

    Examples
    --------
    >>> symmetric(np.arange(6.0))
    array([[0., 3., 4.],
           [3., 1., 5.],
           [4., 5., 2.]])
    """
    tensor = np.empty((3, 3))
    tensor[COMPONENTS] = components
    tensor[COMPONENTS[::-1]] = components
    return tensor


def _perpendicular(periodic: FloatArray) -> FloatArray:
    """Return unit vectors perpendicular to the given rows and to each other, three in all."""
    _, _, rows = np.linalg.svd(periodic.reshape(-1, 3), full_matrices=True)
    return rows[len(periodic) :]
