"""Shear stress on a wall, from the residuals of its nodes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import linalg

from nonideal.checks import FloatArray
from nonideal.physics.flow.quadrature import Sides

__all__ = ["shear", "sign_changes"]


def shear(nodes: FloatArray, sides: Sides, reactions: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return places along a wall and the shear stress there."""
    order, place, tangent = _places(nodes, sides)
    stress = linalg.spsolve(sides.mass(), -reactions[sides.nodes]).reshape(-1, 2)
    return place, np.einsum("nx,nx->n", stress[np.searchsorted(sides.nodes, order)], tangent)


def sign_changes(place: FloatArray, tau: FloatArray, sides: Sides) -> FloatArray:
    """Return where tau changes its sign between neighbours on a side."""
    del sides
    change = np.flatnonzero(np.sign(tau[:-1]) * np.sign(tau[1:]) < 0)
    left, right = tau[change], tau[change + 1]
    crossing = place[change] + (place[change + 1] - place[change]) * left / (left - right)
    return np.sort(np.concatenate([crossing, place[tau == 0.0]]))


def _places(nodes: FloatArray, sides: Sides) -> tuple[NDArray[np.int64], FloatArray, FloatArray]:
    """Return the wall's nodes in order, their places and unit tangents towards higher places."""
    numbers = sides.nodes
    points = nodes[numbers]
    away = points - points[0]
    far = away[np.argmax(np.hypot(*away.T))]
    direction = far / np.hypot(*far)
    if direction[np.argmax(np.abs(direction))] < 0.0:
        direction = -direction
    off = np.abs(away @ np.array([-direction[1], direction[0]])).max()
    if off <= 1e-9 * np.hypot(*far):
        place = points @ direction
        order = np.argsort(place, kind="stable")
        return numbers[order], place[order], np.broadcast_to(direction, (len(order), 2))
    return _along_curve(nodes, sides)


def _along_curve(nodes: FloatArray, sides: Sides) -> tuple[NDArray[np.int64], FloatArray, FloatArray]:
    chain = _chain(sides.sides)
    order = np.concatenate([chain[:, [0, 2]].ravel(), chain[-1:, 1]])
    steps = np.hypot(*np.diff(nodes[order], axis=0).T)
    place = np.concatenate([[0.0], np.cumsum(steps)])
    closed = order[0] == order[-1]
    ahead = np.roll(order[:-1], -1) if closed else order[1:]
    behind = np.roll(order[:-1], 1) if closed else order[:-1]
    if closed:
        order, place = order[:-1], place[:-1]
        between = nodes[ahead] - nodes[behind]
    else:
        between = nodes[np.append(ahead, order[-1])] - nodes[np.insert(behind, 0, order[0])]
    return order, place, between / np.hypot(*between.T)[:, None]


def _chain(sides: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the sides one after another, pieces in the order of their first sides."""
    following = {int(side[0]): i for i, side in enumerate(sides)}
    ends = set(sides[:, 1].tolist())
    starts = [i for i, side in enumerate(sides) if int(side[0]) not in ends] or [0]
    left = set(range(len(sides)))
    chain: list[int] = []
    while left:
        i: int | None = starts.pop(0) if starts else min(left)
        while i is not None and i in left:
            chain.append(i)
            left.remove(i)
            i = following.get(int(sides[i, 1]))
    return sides[chain]
