"""How much of the forces is told by which power of cos(theta), the angle between two bonds of an atom.

Energies are sums over pairs of u(r), and over pairs of an atom's bonds of h(r, s) cos(theta)^p for p up to an
order, u and h being splines: forces are linear in their coefficients, and least squares gives the best ones.
Vectors alone, as LEIGNN's atoms have, multiply to powers 0 and 1; power 2 takes tensors of the second rank.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.interpolate import BSpline

from nonideal.checks import FloatArray
from nonideal.physics import atoms

__all__ = ["ORDERS", "order_errors"]

#: Highest powers; -1: pairs alone.
ORDERS = (-1, 0, 1, 2)

_CUTOFF = 3.9  # angstrom: the teacher's is 3.77
_SHORTEST = 1.9  # angstrom: few atoms of the melts are nearer
_N_RADIAL, _N_BONDS = 24, 5


def order_errors(train: Sequence[atoms.Frame], test: Sequence[atoms.Frame]) -> FloatArray:
    """Return mean absolute errors of forces, eV/angstrom, on test frames: a row for each of `ORDERS`."""
    learnt = np.concatenate([force_rows(frame, ORDERS[-1]) for frame in train])
    labels = np.concatenate([np.ravel(np.asarray(frame.forces)) for frame in train])
    asked = [force_rows(frame, ORDERS[-1]) for frame in test]
    per_order = _N_BONDS * (_N_BONDS + 1) // 2
    errors = np.empty((len(ORDERS), len(test)))
    for row, order in enumerate(ORDERS):
        width = _N_RADIAL + (order + 1) * per_order
        solved = np.linalg.lstsq(learnt[:, :width], labels, rcond=1e-10)[0]
        for column, (rows, frame) in enumerate(zip(asked, test, strict=True)):
            found = rows[:, :width] @ solved
            errors[row, column] = np.abs(found - np.ravel(np.asarray(frame.forces))).mean()
    return errors


def force_rows(frame: atoms.Frame, order: int) -> FloatArray:
    """Return (3 n_atoms, n) forces of each term alone: pairs first, then the powers from 0 to the order."""
    i, j, vectors, d = atoms.neighbor_list("ijDd", frame, _CUTOFF)
    n_atoms, units = len(frame), vectors / d[:, None]
    held = np.maximum(d, _SHORTEST)
    radial, bond = _splines(_N_RADIAL), _splines(_N_BONDS)
    pairs = np.zeros((n_atoms, 3, _N_RADIAL))
    np.add.at(pairs, i, units[:, :, None] * radial.derivative()(held)[:, None, :])  # both ways: each once
    columns = [pairs.reshape(3 * n_atoms, -1)]

    starts = np.concatenate([[0], np.cumsum(np.bincount(i, minlength=n_atoms))])
    corners = [
        np.stack(np.triu_indices(n, 1)) + first for first, n in zip(starts, np.diff(starts), strict=False)
    ]
    a, b = np.concatenate(corners, axis=1)
    cosine = np.einsum("pk,pk->p", units[a], units[b])
    turn_a = (units[b] - cosine[:, None] * units[a]) / d[a, None]
    turn_b = (units[a] - cosine[:, None] * units[b]) / d[b, None]
    h, slope = bond(held), bond.derivative()(held) * (d > _SHORTEST)[:, None]
    for power in range(order + 1):
        angular = cosine**power
        change = power * cosine ** max(power - 1, 0)
        for first in range(_N_BONDS):
            for second in range(first, _N_BONDS):
                on_a, on_b = np.zeros((len(a), 3)), np.zeros((len(a), 3))
                for x, y in {(first, second), (second, first)}:
                    on_a += (slope[a, x] * h[b, y] * angular)[:, None] * units[a]
                    on_a += (h[a, x] * h[b, y] * change)[:, None] * turn_a
                    on_b += (h[a, x] * slope[b, y] * angular)[:, None] * units[b]
                    on_b += (h[a, x] * h[b, y] * change)[:, None] * turn_b
                forces = np.zeros((n_atoms, 3))
                np.subtract.at(forces, j[a], on_a)
                np.subtract.at(forces, j[b], on_b)
                np.add.at(forces, i[a], on_a + on_b)
                columns.append(forces.reshape(-1, 1))
    return np.concatenate(columns, axis=1)


def _splines(n: int) -> BSpline:
    """Return n cubic splines between the shortest distance and the cutoff, all 0 from there on."""
    knots = _SHORTEST + (_CUTOFF - _SHORTEST) / n * np.arange(-3, n + 4)
    return BSpline(knots, np.eye(n + 3)[:, :n], 3)
