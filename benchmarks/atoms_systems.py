"""The system of the benchmarks of atoms."""

from __future__ import annotations

import numpy as np

from nonideal.physics import atoms

__all__ = ["CUTOFF", "copper"]

CUTOFF = 5.0  # angstrom: 42.8 neighbours in shaken copper
_LATTICE = 3.615  # angstrom, copper


def copper(cells: int, *, shake: float = 0.05) -> atoms.Frame:
    """Return cells^3 cubes of four atoms, each coordinate off by ``shake`` (angstrom, standard deviation).

    By Debye's model (a temperature of 315 K) they shake so at 80 K for 0.05, at 430 K for 0.1.
    """
    corners = np.stack(np.meshgrid(*3 * [np.arange(cells)], indexing="ij"), axis=-1).reshape(-1, 1, 3)
    basis = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    positions = _LATTICE * (corners + basis).reshape(-1, 3)
    positions += np.random.default_rng(0).normal(scale=shake, size=positions.shape)
    return atoms.Frame(np.full(len(positions), 29), positions, cell=_LATTICE * cells * np.eye(3), pbc=True)
