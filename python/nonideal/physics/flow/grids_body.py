"""Tetrahedra around a spheroid in a square channel: points, cells and boundary parts as arrays.

The six sides of a cube, n by n quadrangles each, are laid onto the body and onto a box around it; layers of
hexahedra lie between, and more of them fill the channel ahead of the box and behind it. Each hexahedron is
cut into six tetrahedra along its diagonal from its lowest to its highest corner, counted along x, y, z (on
the cube's sides: along the two that vary) and outwards. So neighbours cut their common side alike, and each
tetrahedron has a diagonal inside the flow: none has prescribed velocities at all its nodes.
"""

from __future__ import annotations

from itertools import permutations
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nonideal.checks import FloatArray, check_integer, check_number, check_positive
from nonideal.errors import InvalidArgument

__all__ = ["body_channel"]

Ints: TypeAlias = NDArray[np.int32]
Parts: TypeAlias = dict[str, Ints]
Arrays: TypeAlias = tuple[FloatArray, Ints, Parts]

#: Most that a body may be longer than wide.
_ASPECT = 10.0
#: First layer on the body, of the cells' width there; and how cells grow outwards: by e^(growth / n).
_FIRST_LAYER = 0.8
_GROWTH = 1.5
#: Distances, in radii, from the middle to the sides, and from the poles to the ends.
_HALF_WIDTH, _AHEAD, _BEHIND = 4.0, 3.0, 7.0
#: Newton's steps to the nearest point.
_STEPS = 12
#: Edges of a tetrahedron in the order of its nodes 4 to 9.
_EDGES = ((0, 1), (1, 2), (2, 0), (0, 3), (1, 3), (2, 3))
#: Sides of a tetrahedron.
_SIDES = ((1, 2, 3), (0, 2, 3), (0, 1, 3), (0, 1, 2))


def body_channel(
    n: int,
    aspect: float,
    radius: float,
    half_width: float | None,
    upstream: float | None,
    downstream: float | None,
) -> Arrays:
    """Return a channel along z with a spheroid in its middle; sides on the spheroid are curved."""
    n = check_integer("n", n, 2)
    radius = check_positive("radius", radius)
    if not 1.0 <= check_number("aspect", aspect) <= _ASPECT:
        raise InvalidArgument(f"aspect = {aspect} is outside [1, {_ASPECT:g}]")
    half_width = _beyond("half_width", half_width, _HALF_WIDTH * radius, radius)
    pole = aspect * radius
    upstream = _beyond("upstream", upstream, pole + _AHEAD * radius, pole)
    downstream = _beyond("downstream", downstream, pole + _BEHIND * radius, pole)
    gap = half_width - radius
    top, bottom = min(upstream, pole + gap), min(downstream, pole + gap)

    lattice, surface = _cube(n)
    semi_axes = radius * np.array([1.0, 1.0, aspect])
    inner = semi_axes * _unit(surface * [1.0, 1.0, np.sqrt(aspect)])  # closer where the body is more bent
    outer = half_width * surface
    outer[:, 2] = np.where(surface[:, 2] > 0, top, bottom) * surface[:, 2]
    # Layers at (e^(c s) - 1) / (e^c - 1), s uniform, with the first one's width and the growth as above.
    least = min(gap, top - pole, bottom - pole)
    c = np.log1p(least * _GROWTH / (_FIRST_LAYER * np.pi / 2 * radius))
    n_layers = max(1, round(n * c / _GROWTH))
    t = np.expm1(c * np.linspace(0.0, 1.0, n_layers + 1)) / np.expm1(c)
    t[-1] = 1.0
    ring = (1 - t[:, None, None]) * inner + t[:, None, None] * outer  # (n_layers + 1, n_surface, 3)
    points = [ring.reshape(-1, 3)]
    cells = [_cut(*_shell(lattice, n_layers, len(surface)))]

    widest = least * _GROWTH / n / -np.expm1(-c)  # the outermost layer, nearly
    first = n_layers * len(surface)
    for face, start, end in ((n, top, upstream), (0, -bottom, -downstream)):
        length = abs(end - start)
        if length <= 1e-9 * radius:
            continue
        columns = first + lattice[:, :, face]
        count = max(1, round(length / widest))
        z = np.linspace(start, end, count + 1)[1:]
        level = outer[lattice[:, :, face], :2].reshape(-1, 2)
        block = np.concatenate([np.column_stack([level, np.full(len(level), height)]) for height in z])
        number = sum(map(len, points)) + np.arange(len(block)).reshape(count, n + 1, n + 1)
        points.append(block)
        cells.append(_cut(*_prism(np.concatenate([columns[None], number]))))
    vertices = np.concatenate(points)
    tetrahedra = _turned(vertices, np.concatenate(cells))
    ends = {"x0": (0, -half_width), "x1": (0, half_width), "y0": (1, -half_width), "y1": (1, half_width)}
    ends |= {"z0": (2, -downstream), "z1": (2, upstream)}
    parts = _parts(vertices, tetrahedra, len(surface), ends)
    nodes, ten = _with_edge_nodes(vertices, tetrahedra, len(surface), semi_axes)
    return nodes, ten, parts


def _beyond(name: str, value: float | None, default: float, least: float) -> float:
    if value is None:
        return default
    if not check_positive(name, value) > least:
        raise InvalidArgument(f"{name} = {value} is not above {least:g}, where the body ends")
    return float(value)


def _cube(n: int) -> tuple[NDArray[np.int64], FloatArray]:
    """Return numbers (n+1, n+1, n+1) of the lattice points on a cube's surface, and the points.

    Seen from the middle, the lines on each side lie at equal angles. Points inside have number -1.
    """
    i = np.arange(n + 1)
    on = (i == 0) | (i == n)
    surface = on[:, None, None] | on[:, None] | on
    lattice = np.full(surface.shape, -1, dtype=np.int64)
    lattice[surface] = np.arange(np.count_nonzero(surface))
    line = np.tan(np.pi / 4 * (2 * i / n - 1))
    line[[0, -1]] = -1.0, 1.0
    return lattice, line[np.argwhere(surface)]


def _shell(lattice: NDArray[np.int64], n_layers: int, n_surface: int) -> tuple[NDArray[np.int64], ...]:
    """Return the corners of the hexahedra between body and box as `_cut` takes them."""
    n = len(lattice) - 1
    sides = (lattice[0], lattice[-1], lattice[:, 0], lattice[:, -1], lattice[..., 0], lattice[..., -1])
    corners = [
        [side[a : a + n, b : b + n].ravel() for a in (0, 1) for b in (0, 1)] for side in sides
    ]  # of each square: lower or upper along both axes
    quad = np.concatenate(corners, axis=1)
    near = (quad[:, :, None] + n_surface * np.arange(n_layers)).reshape(4, -1)
    return (*near, *(near + n_surface))


def _prism(number: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """Return the corners of the hexahedra of a (layers, n+1, n+1) lattice as `_cut` takes them."""
    levels, n = number.shape[0] - 1, number.shape[1] - 1
    return tuple(
        number[up : up + levels, a : a + n, b : b + n].ravel()
        for up in (0, 1)
        for a in (0, 1)
        for b in (0, 1)
    )


def _cut(*corners: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return six tetrahedra for each hexahedron: one for each way from the lowest corner to the highest.

    Corner 4 u + 2 a + b is at (a, b) of the square and below (u = 0) or above (1).
    """
    steps = (4, 2, 1)
    ways = [
        (0, steps[p], steps[p] + steps[q], steps[p] + steps[q] + steps[r])
        for p, q, r in permutations(range(3))
    ]
    return np.concatenate([np.stack([corners[i] for i in way], axis=1) for way in ways])


def _turned(points: FloatArray, cells: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return tetrahedra of positive volume."""
    a, b, c, d = (points[cells[:, k]] for k in range(4))
    negative = np.einsum("ni,ni->n", np.cross(b - a, c - a), d - a) < 0.0
    turned = cells.copy()
    turned[negative] = cells[negative][:, [0, 2, 1, 3]]
    return turned


def _parts(
    points: FloatArray, cells: NDArray[np.int64], n_body: int, ends: dict[str, tuple[int, float]]
) -> Parts:
    """Return the sides that one tetrahedron alone has, by where they lie."""
    sides = np.concatenate([cells[:, side] for side in _SIDES])
    ordered = np.sort(sides, axis=1)
    _, first, count = np.unique(_keys(ordered, len(points)), return_index=True, return_counts=True)
    outside = ordered[first[count == 1]]
    body = (outside < n_body).all(axis=1)
    found = {
        name: outside[(points[outside, axis] == value).all(axis=1)] for name, (axis, value) in ends.items()
    }
    return {name: facets.astype(np.int32) for name, facets in {**found, "body": outside[body]}.items()}


def _keys(rows: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Return one number for each row of two or three numbers below n, in the rows' own order."""
    key = rows[:, 0]
    for column in rows.T[1:]:
        key = key * n + column
    return key


def _with_edge_nodes(
    points: FloatArray, cells: NDArray[np.int64], n_body: int, semi_axes: FloatArray
) -> tuple[FloatArray, Ints]:
    """Return 10-node cells; nodes of edges on the body lie on the spheroid, all others halve their edges."""
    pairs = np.sort(np.stack([cells[:, edge] for edge in _EDGES], axis=1).reshape(-1, 2), axis=1)
    _, first, inverse = np.unique(_keys(pairs, len(points)), return_index=True, return_inverse=True)
    edges = pairs[first]
    nodes = points[edges].mean(axis=1)
    body = (edges < n_body).all(axis=1)
    nodes[body] = _nearest(nodes[body], semi_axes)
    ten = np.concatenate([cells, len(points) + inverse.reshape(-1, 6)], axis=1)
    return np.concatenate([points, nodes]), ten.astype(np.int32)


def _unit(vectors: FloatArray) -> FloatArray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


def _nearest(points: FloatArray, semi_axes: FloatArray) -> FloatArray:
    """Return the points of the ellipsoid that are nearest to points in it and not far from it.

    They are ``points / (1 + s / semi_axes^2)`` with the s that puts them on it; Newton's steps from s = 0.
    """
    squares = semi_axes**2
    s = np.zeros((len(points), 1))
    for _ in range(_STEPS):
        scaled = 1.0 + s / squares
        terms = points**2 / squares / scaled**2
        value = terms.sum(axis=1, keepdims=True) - 1.0
        slope = -2.0 * (terms / squares / scaled).sum(axis=1, keepdims=True)
        s -= value / slope
    return semi_axes * _unit(points / (1.0 + s / squares) / semi_axes)
