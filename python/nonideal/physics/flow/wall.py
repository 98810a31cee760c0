"""Shear stress on a wall, from the residuals of its nodes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import linalg

from nonideal.checks import FloatArray
from nonideal.physics.flow.quadrature import Sides

__all__ = ["Piece", "shear_of_pieces", "sign_changes"]

_STRAIGHT = 1e-9  # off a line, relative to the wall's extent


class Piece(NamedTuple):
    """A connected part of a wall: place and shear stress at its nodes, one after another.

    A closed piece has its first node at both ends.
    """

    place: FloatArray
    shear: FloatArray


def shear_of_pieces(nodes: FloatArray, sides: Sides, reactions: FloatArray) -> list[Piece]:
    """Return the connected parts of a wall by place."""
    stress = np.zeros_like(nodes)
    stress[sides.nodes] = linalg.spsolve(sides.mass(), -reactions[sides.nodes]).reshape(-1, 2)
    direction = _direction(nodes[sides.nodes])
    pieces = []
    length = 0.0
    for chain in _chains(sides.sides):
        points = nodes[chain]
        if direction is not None:
            place, tangent = points @ direction, np.broadcast_to(direction, points.shape)
            order = slice(None) if place[0] <= place[-1] else slice(None, None, -1)
            chain, place = chain[order], place[order]
        else:
            place = length + np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
            length = place[-1]
            tangent = _tangents(points, closed=chain[0] == chain[-1])
        pieces.append(Piece(place, np.einsum("nx,nx->n", stress[chain], tangent)))
    return sorted(pieces, key=lambda piece: float(piece.place[0]))


def sign_changes(pieces: list[Piece]) -> FloatArray:
    """Return where the shear stress changes its sign, by straight lines between nodes."""
    found = []
    for place, shear in pieces:
        kept = np.flatnonzero(shear)
        x, tau = place[kept], shear[kept]
        change = np.flatnonzero(np.sign(tau[:-1]) != np.sign(tau[1:]))
        found.append(x[change] + (x[change + 1] - x[change]) * tau[change] / (tau[change] - tau[change + 1]))
    return np.sort(np.concatenate(found))


def _direction(points: FloatArray) -> FloatArray | None:
    """Return the unit vector along a straight wall, its larger component positive; None where it bends."""
    away = points - points[0]
    far = away[np.argmax(np.hypot(*away.T))]
    extent = np.hypot(*far)
    direction = np.asarray(far / extent)
    if direction[np.argmax(np.abs(direction))] < 0.0:
        direction = -direction
    off = np.abs(away @ np.array([-direction[1], direction[0]])).max()
    return direction if off <= _STRAIGHT * extent else None


def _tangents(points: FloatArray, *, closed: bool) -> FloatArray:
    ahead, behind = np.roll(points, -1, axis=0), np.roll(points, 1, axis=0)
    if closed:
        ahead[-1], behind[0] = points[1], points[-2]
    else:
        ahead[-1], behind[0] = points[-1], points[0]
    between = ahead - behind
    return np.asarray(between / np.hypot(*between.T)[:, None])


def _chains(sides: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Return the nodes of each connected part in order, middles included."""
    following = {begin: (middle, end) for begin, end, middle in sides.tolist()}
    ends = set(sides[:, 1].tolist())
    starts = [begin for begin in following if begin not in ends]
    chains = []
    while following:
        node = starts.pop(0) if starts else next(iter(following))
        chain = [node]
        while node in following:
            middle, node = following.pop(node)
            chain += [middle, node]
        chains.append(np.array(chain))
    return chains
