"""Structured triangle meshes: points, cells and boundary parts as arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nonideal.checks import (
    FloatArray,
    check_choice,
    check_finite,
    check_integer,
    check_number,
    check_positive,
)
from nonideal.errors import InvalidArgument
from nonideal.physics.flow.quadrature import triangle_shape

__all__ = ["channel_slot", "cylinder_channel", "rectangle", "refined", "step_channel"]

Ints: TypeAlias = NDArray[np.int32]
Parts: TypeAlias = dict[str, Ints]
Arrays: TypeAlias = tuple[FloatArray, Ints, Parts]

#: Columns behind a step, and behind a cylinder: distances a s + (1 - a) s^2 with s uniform in [0, 1].
_STEP_COLUMNS = 0.45
_WAKE_COLUMNS = 0.6
#: Radial points of the O-grid at (e^(c s) - 1) / (e^c - 1).
_RADIAL = 2.0


def rectangle(x0: float, x1: float, y0: float, y1: float, nx: int, ny: int, grading: str | None) -> Arrays:
    """Return a rectangle."""
    nx, ny = check_integer("nx", nx, 1), check_integer("ny", ny, 1)
    place = _uniform if grading is None else _GRADINGS[check_choice("grading", grading, _GRADINGS)]
    for axis, low, high in (("x", x0, x1), ("y", y0, y1)):
        if not check_number(f"{axis}0", low) < check_number(f"{axis}1", high):
            raise InvalidArgument(f"{axis}1 = {high} is not above {axis}0 = {low}")
    x, y = x0 + (x1 - x0) * place(nx), y0 + (y1 - y0) * place(ny)
    points, cells, sides = _lattice(x, y)
    return points, cells, sides


def channel_slot(n: int, length: float, slot: tuple[float, float]) -> Arrays:
    """Return a channel with a slot in its lower wall."""
    n = check_integer("n", n, 1)
    length = check_positive("length", length)
    begin, end = (check_number(f"slot[{i}]", value) for i, value in enumerate(slot))
    columns = round(n * length)
    if columns < 1:
        raise InvalidArgument(f"length = {length} is below one column of 1 / {n}")
    x = length * _uniform(columns)
    for i, value in enumerate((begin, end)):
        if np.abs(x - value).min() > 1e-9 * length:
            raise InvalidArgument(f"slot[{i}] = {value} is not on a column, a multiple of {length / columns}")
    if not 0 <= begin < end <= length:
        raise InvalidArgument(f"slot = {slot} is not a part of [0, {length}]")
    points, cells, sides = _lattice(x, _cosine(n))
    bottom = sides.pop("bottom")
    middle = points[bottom, 0].mean(axis=1)
    inside = (middle > begin) & (middle < end)
    parts = {"bottom": bottom[~inside]} if not inside.all() else {}
    return (
        points,
        cells,
        {
            "inlet": sides["left"],
            "outlet": sides["right"],
            "top": sides["top"],
            **parts,
            "slot": bottom[inside],
        },
    )


def step_channel(n: int, length: float) -> Arrays:
    """Return a channel whose inlet is the upper half of one end."""
    n = check_integer("n", n, 2)
    if n % 2:
        raise InvalidArgument(f"n = {n} is odd: the step's edge would lie in a cell")
    s = _uniform(6 * n)
    x = check_positive("length", length) * (_STEP_COLUMNS * s + (1.0 - _STEP_COLUMNS) * s * s)
    points, cells, sides = _lattice(x, _uniform(n) - 0.5)
    left = sides.pop("left")
    upper = points[left, 1].mean(axis=1) > 0.0
    return (
        points,
        cells,
        {
            "inlet": left[upper],
            "outlet": sides["right"],
            "top": sides["top"],
            "bottom": sides["bottom"],
            "step": left[~upper],
        },
    )


def cylinder_channel(
    n: int, centre: tuple[float, float], radius: float, length: float, height: float
) -> Arrays:
    """Return a channel with a round hole; sides on the circle are curved."""
    n = check_integer("n", n, 1)
    radius, height = check_positive("radius", radius), check_positive("height", height)
    middle = np.array([check_number(f"centre[{i}]", value) for i, value in enumerate(centre)])
    if not (middle - radius > 0.0).all() or not (middle + radius < height).all():
        raise InvalidArgument(f"centre = {centre}: the circle leaves the square [0, {height}]^2")
    if not check_positive("length", length) > height:
        raise InvalidArgument(f"length = {length} is not above height = {height}")
    corners = height * np.array([[1.0, 1.0], [0.0, 1.0], [0.0, 0.0], [1.0, 0.0]])
    towards = np.unwrap(np.arctan2(*(corners - middle).T[::-1]))
    towards = np.append(towards, towards[0] + 2 * np.pi)
    s = _uniform(n)[:-1]
    angles = np.concatenate([a + (b - a) * s for a, b in pairwise(towards)])
    outer = np.concatenate(
        [
            np.outer(1 - s, a) + np.outer(s, b)
            for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True)
        ]
    )
    inner = middle + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    t = np.expm1(_RADIAL * _uniform(n)) / np.expm1(_RADIAL)
    ring = (inner[:, None] + t[:, None] * (outer - inner)[:, None]).reshape(-1, 2)  # ray by ray, outwards
    number = np.arange(4 * n * (n + 1)).reshape(4 * n, n + 1)
    turned = np.roll(number, -1, axis=0)
    quads = [_quads(number[:, :-1], number[:, 1:], turned[:, 1:], turned[:, :-1])]
    # The columns: their first one is the ring's right side, which begins at the last ray of the last quarter.
    s = _uniform(2 * n)[1:]
    x = height + (length - height) * (_WAKE_COLUMNS * s + (1.0 - _WAKE_COLUMNS) * s * s)
    right = np.append(number[3 * n :, n], number[0, n])  # upwards
    y = ring[right, 1]
    wake = np.stack(np.broadcast_arrays(x[:, None], y), axis=2).reshape(-1, 2)
    columns = np.vstack([right, len(ring) + np.arange(2 * n * (n + 1)).reshape(2 * n, n + 1)])
    quads.append(_quads(columns[:-1, :-1], columns[1:, :-1], columns[1:, 1:], columns[:-1, 1:]))
    points = np.concatenate([ring, wake])
    cells = _cut_shorter(points, np.concatenate(quads))
    circle = np.stack([number[:, 0], turned[:, 0]], axis=1)
    edge = number[:, n]
    parts = {
        "inlet": np.stack([edge[n : 2 * n], edge[n + 1 : 2 * n + 1]], axis=1),
        "outlet": np.stack([columns[-1, :-1], columns[-1, 1:]], axis=1),
        "wall": np.concatenate(
            [np.stack([a[:-1], a[1:]], axis=1) for a in
             (edge[: n + 1], edge[2 * n : 3 * n + 1], columns[:, 0], columns[:, -1])]
        ),
        "cylinder": circle,
    }  # fmt: skip
    points, cells = _with_side_nodes(points, cells, circle, lambda p: _onto_circle(p, middle, radius))
    return points, cells, {name: facets.astype(np.int32) for name, facets in parts.items()}


def refined(
    nodes: FloatArray,
    edges: Ints,
    cell_nodes: Ints,
    cells: Ints,
    boundaries: Mapping[str, Ints],
    project: Callable[[str, FloatArray], ArrayLike] | None,
) -> Arrays:
    """Return each triangle cut into four; nodes on sides become vertices."""
    a, b, c, ab, bc, ca = cell_nodes.T
    children = np.stack([a, ab, ca, ab, b, bc, ca, bc, c, ab, bc, ca], axis=1).reshape(-1, 3).astype(np.int32)
    n_vertices = len(nodes) - len(edges)
    middle = {tuple(edge): n_vertices + i for i, edge in enumerate(np.sort(edges, axis=1).tolist())}
    parts: Parts = {}
    for name, facets in boundaries.items():
        between = np.array([middle[min(f), max(f)] for f in facets.tolist()])
        parts[name] = (
            np.stack([facets[:, 0], between, between, facets[:, 1]], axis=1).reshape(-1, 2).astype(np.int32)
        )
    points = np.array(nodes)

    def moved(name: str, places: FloatArray) -> FloatArray:
        assert project is not None
        to = check_finite(f"project({name!r})", project(name, places))
        if to.shape != places.shape:
            raise InvalidArgument(f"project({name!r}) returned shape {to.shape}, not {places.shape}")
        return to

    if project is not None:
        for name, facets in parts.items():
            new = np.unique(facets[facets >= n_vertices])
            points[new] = moved(name, points[new])
    if cells.shape[1] == 3 and project is None:
        return points, children, parts
    # Nodes on the children's sides: where their parents' quadratic maps put them.
    local = np.array([[0, 0], [1, 0], [0, 1], [0.5, 0], [0.5, 0.5], [0, 0.5]])
    of_child = np.array([[0, 3, 5], [3, 1, 4], [5, 4, 2], [3, 4, 5]])
    ends = np.stack([children, np.roll(children, -1, axis=1)], axis=2).reshape(-1, 2)
    keys, first, inverse = np.unique(np.sort(ends, axis=1), axis=0, return_index=True, return_inverse=True)
    child, side = first // 3, first % 3
    parent, which = child // 4, child % 4
    reference = (local[of_child[which, side]] + local[of_child[which, (side + 1) % 3]]) / 2
    if cells.shape[1] == 3:
        side_points = points[keys].mean(axis=1)
    else:
        side_points = np.einsum("nk,nkc->nc", triangle_shape(*reference.T), nodes[cell_nodes[parent]])
    row = {tuple(key): i for i, key in enumerate(keys.tolist())}
    if project is not None:
        for name, facets in parts.items():
            rows = np.array([row[min(f), max(f)] for f in facets.tolist()])
            side_points[rows] = moved(name, side_points[rows])
    six = np.concatenate([children, len(points) + inverse.reshape(-1, 3)], axis=1).astype(np.int32)
    return np.concatenate([points, side_points]), six, parts


def _uniform(n: int) -> FloatArray:
    return np.linspace(0.0, 1.0, n + 1, dtype=np.float64)


def _cosine(n: int) -> FloatArray:
    return np.asarray((1.0 - np.cos(np.pi * _uniform(n))) / 2.0)


_GRADINGS = {"cosine": _cosine}


def _quads(*corners: NDArray[Any]) -> NDArray[Any]:
    return np.stack([corner.ravel() for corner in corners], axis=1)


def _lattice(x: FloatArray, y: FloatArray) -> Arrays:
    """Return points row by row upwards, cells and sides; squares are cut from lower left to upper right."""
    points = np.stack([np.tile(x, len(y)), np.repeat(y, len(x))], axis=1)
    number = np.arange(len(points)).reshape(len(y), len(x))
    a, b, c, d = _quads(number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]).T
    cells = np.stack([a, b, c, a, c, d], axis=1).reshape(-1, 3).astype(np.int32)
    lines = {"left": number[:, 0], "right": number[:, -1], "bottom": number[0], "top": number[-1]}
    sides = {name: np.stack([line[:-1], line[1:]], axis=1).astype(np.int32) for name, line in lines.items()}
    return points, cells, sides


def _cut_shorter(points: FloatArray, quads: NDArray[Any]) -> NDArray[Any]:
    """Return two triangles for each quadrangle (counter-clockwise), cut along its shorter diagonal."""
    a, b, c, d = quads.T
    first = np.hypot(*(points[c] - points[a]).T) <= np.hypot(*(points[d] - points[b]).T)
    along = np.stack([a, b, c, a, c, d], axis=1)
    across = np.stack([a, b, d, b, c, d], axis=1)
    return np.where(first[:, None], along, across).reshape(-1, 3)


def _with_side_nodes(
    points: FloatArray, cells: NDArray[Any], facets: NDArray[Any], move: Callable[[FloatArray], FloatArray]
) -> tuple[FloatArray, Ints]:
    """Return 6-node cells; the nodes of `facets` are moved, all others halve their sides."""
    ends = np.stack([cells, np.roll(cells, -1, axis=1)], axis=2).reshape(-1, 2)
    keys, inverse = np.unique(np.sort(ends, axis=1), axis=0, return_inverse=True)
    nodes = (points[keys[:, 0]] + points[keys[:, 1]]) / 2
    wanted = {tuple(facet) for facet in np.sort(facets, axis=1).tolist()}
    rows = [i for i, key in enumerate(keys.tolist()) if tuple(key) in wanted]
    nodes[rows] = move(nodes[rows])
    six = np.concatenate([cells, len(points) + inverse.reshape(-1, 3)], axis=1)
    return np.concatenate([points, nodes]), six.astype(np.int32)


def _onto_circle(points: FloatArray, middle: FloatArray, radius: float) -> FloatArray:
    away = points - middle
    return np.asarray(middle + radius * away / np.hypot(*away.T)[:, None])
