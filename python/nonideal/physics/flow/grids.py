"""Structured meshes, and refined ones: points, cells and boundary parts as arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise, permutations
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
from nonideal.physics.flow.simplex import SIMPLICES

__all__ = [
    "box",
    "channel_slot",
    "cylinder_channel",
    "rectangle",
    "refined",
    "step_channel",
    "with_edge_nodes",
]

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
    return _lattice(*_axes(((x0, x1), (y0, y1)), (nx, ny), grading))


def box(
    x: tuple[float, float],
    y: tuple[float, float],
    z: tuple[float, float],
    counts: tuple[int, int, int],
    grading: str | None,
) -> Arrays:
    """Return a box: each hexahedron is cut into the six tetrahedra around its diagonal."""
    lines = _axes((x, y, z), counts, grading)
    nx, ny, nz = (len(line) for line in lines)
    points = np.stack(
        [np.tile(lines[0], ny * nz), np.tile(np.repeat(lines[1], nx), nz), np.repeat(lines[2], nx * ny)],
        axis=1,
    )
    number = np.arange(len(points)).reshape(nz, ny, nx)
    lowest = number[:-1, :-1, :-1].reshape(-1, 1)
    step = (1, nx, nx * ny)  # to the neighbour along each axis
    paths = []  # from the lowest corner to the highest, along the axes in each order
    for a, b, c in permutations(range(3)):
        path = [0, step[a], step[a] + step[b], sum(step)]
        even = (a, b, c) in ((0, 1, 2), (1, 2, 0), (2, 0, 1))
        paths.append(path if even else [path[0], path[2], path[1], path[3]])
    cells: Ints = (lowest[:, None] + np.array(paths)).reshape(-1, 4).astype(np.int32)
    faces = {
        "x0": number[:, :, 0], "x1": number[:, :, -1], "y0": number[:, 0], "y1": number[:, -1],
        "z0": number[0], "z1": number[-1],
    }  # fmt: skip
    parts: Parts = {}
    for name, face in faces.items():
        a, b, c, d = _quads(face[:-1, :-1], face[:-1, 1:], face[1:, 1:], face[1:, :-1]).T
        parts[name] = np.stack([a, b, c, a, c, d], axis=1).reshape(-1, 3).astype(np.int32)
    return points, cells, parts


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
    points, cells = with_edge_nodes(points, cells, circle, lambda p: _onto_circle(p, middle, radius))
    return points, cells, {name: facets.astype(np.int32) for name, facets in parts.items()}


def refined(
    nodes: FloatArray,
    edges: Ints,
    cell_nodes: Ints,
    cells: Ints,
    boundaries: Mapping[str, Ints],
    project: Callable[[str, FloatArray], ArrayLike] | None,
) -> Arrays:
    """Return each triangle cut into four, each tetrahedron into eight; nodes on edges become vertices."""
    simplex = SIMPLICES[nodes.shape[1]]
    surface = SIMPLICES[simplex.dim - 1]
    children = _children(nodes[cell_nodes])
    n_children = children.shape[1]
    vertices = np.take_along_axis(cell_nodes, children.reshape(len(cells), -1), axis=1)
    vertices = vertices.reshape(-1, simplex.n_vertices).astype(np.int32)
    n_vertices = len(nodes) - len(edges)
    middle = {tuple(edge): n_vertices + i for i, edge in enumerate(np.sort(edges, axis=1).tolist())}
    pattern = np.array(_CHILDREN[surface.dim])
    parts: Parts = {}
    for name, facets in boundaries.items():
        ends = np.sort(surface.edge_ends(facets), axis=1).tolist()
        between = np.array([middle[a, b] for a, b in ends]).reshape(len(facets), -1)
        parts[name] = np.hstack([facets, between])[:, pattern].reshape(-1, simplex.dim).astype(np.int32)
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
    straight = cells.shape[1] == simplex.n_vertices
    if straight and project is None:
        return points, vertices, parts
    # Nodes on the children's edges: where their parents' quadratic maps put them.
    keys, first, inverse = np.unique(
        np.sort(simplex.edge_ends(vertices), axis=1), axis=0, return_index=True, return_inverse=True
    )
    if straight:
        edge_points = points[keys].mean(axis=1)
    else:
        child, edge = np.divmod(first, len(simplex.edges))
        parent, which = np.divmod(child, n_children)
        ends = children[parent[:, None], which[:, None], np.array(simplex.edges)[edge]]
        shape = simplex.shape(simplex.places[ends].mean(axis=1))
        edge_points = np.einsum("nk,nkc->nc", shape, nodes[cell_nodes[parent]])
    row = {tuple(key): i for i, key in enumerate(keys.tolist())}
    if project is not None:
        for name, facets in parts.items():
            ends = np.unique(np.sort(surface.edge_ends(facets), axis=1), axis=0)
            rows = np.array([row[a, b] for a, b in ends.tolist()])
            edge_points[rows] = moved(name, edge_points[rows])
    number = len(points) + inverse.reshape(len(vertices), -1)
    return np.concatenate([points, edge_points]), np.hstack([vertices, number]).astype(np.int32), parts


#: Children of a segment and of a triangle, as local nodes; of a tetrahedron those at its corners.
_CHILDREN = {
    1: ((0, 2), (2, 1)),
    2: ((0, 3, 5), (3, 1, 4), (5, 4, 2), (3, 4, 5)),
    3: ((0, 4, 6, 7), (4, 1, 5, 8), (6, 5, 2, 9), (7, 8, 9, 3)),
}
#: Diagonals of the octahedron between a tetrahedron's nodes on edges, and the ring of the other four around
#: each: (first, last, ring k, ring k + 1) has a positive volume.
_DIAGONALS = ((4, 9), (5, 7), (6, 8))
_RINGS = ((5, 6, 7, 8), (4, 8, 9, 6), (4, 5, 9, 7))


def _children(places: FloatArray) -> NDArray[np.int64]:
    """Return the corners of the children of cells, places (n_cells, n_nodes, dim), as local nodes.

    Their shape is (n_cells, n_children, dim + 1).
    """
    dim = places.shape[2]
    corners = np.array(_CHILDREN[dim])
    children = np.broadcast_to(corners, (len(places), *corners.shape))
    if dim == 2:
        return children
    inner = np.array(
        [
            [(*ends, ring[k], ring[(k + 1) % 4]) for k in range(4)]
            for ends, ring in zip(_DIAGONALS, _RINGS, strict=True)
        ]
    )
    first, last = np.array(_DIAGONALS).T
    lengths = np.linalg.norm(places[:, first] - places[:, last], axis=2)
    # Of lengths that are equal but for round-off the first.
    shortest = (lengths <= lengths.min(axis=1, keepdims=True) * (1 + 1e-9)).argmax(axis=1)
    return np.concatenate([children, inner[shortest]], axis=1)


def _uniform(n: int) -> FloatArray:
    return np.linspace(0.0, 1.0, n + 1, dtype=np.float64)


def _cosine(n: int) -> FloatArray:
    return np.asarray((1.0 - np.cos(np.pi * _uniform(n))) / 2.0)


_GRADINGS = {"cosine": _cosine}


def _axes(
    ranges: Sequence[tuple[float, float]], counts: Sequence[int], grading: str | None
) -> list[FloatArray]:
    """Return the coordinates of grid lines along each axis."""
    counts = [check_integer(f"n{axis}", n, 1) for axis, n in zip("xyz", counts, strict=False)]
    place = _uniform if grading is None else _GRADINGS[check_choice("grading", grading, _GRADINGS)]
    lines = []
    for axis, (low, high), n in zip("xyz", ranges, counts, strict=False):
        if not check_number(f"{axis}0", low) < check_number(f"{axis}1", high):
            raise InvalidArgument(f"{axis}1 = {high} is not above {axis}0 = {low}")
        lines.append(low + (high - low) * place(n))
    return lines


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


def with_edge_nodes(
    points: FloatArray, cells: NDArray[Any], facets: NDArray[Any], move: Callable[[FloatArray], FloatArray]
) -> tuple[FloatArray, Ints]:
    """Return quadratic cells; the nodes on edges of `facets` are moved, all others halve their edges."""
    simplex = SIMPLICES[points.shape[1]]
    keys, inverse = np.unique(np.sort(simplex.edge_ends(cells), axis=1), axis=0, return_inverse=True)
    nodes = (points[keys[:, 0]] + points[keys[:, 1]]) / 2
    ends = SIMPLICES[simplex.dim - 1].edge_ends(facets)
    wanted = {tuple(edge) for edge in np.sort(ends, axis=1).tolist()}
    rows = [i for i, key in enumerate(keys.tolist()) if tuple(key) in wanted]
    nodes[rows] = move(nodes[rows])
    quadratic = np.hstack([cells, len(points) + inverse.reshape(len(cells), -1)])
    return np.concatenate([points, nodes]), quadratic.astype(np.int32)


def _onto_circle(points: FloatArray, middle: FloatArray, radius: float) -> FloatArray:
    away = points - middle
    return np.asarray(middle + radius * away / np.hypot(*away.T)[:, None])
