"""Meshes of the unit square and cube that no grid is behind: points, cells, and boundary parts as arrays."""

from __future__ import annotations

import itertools

import numpy as np
from scipy.spatial import Delaunay


def unstructured(n=5, seed=0):
    """(points, cells, parts): jittered points, Delaunay's triangles, sides left, right, bottom, top."""
    rng = np.random.default_rng(seed)
    line = np.linspace(0, 1, n + 1)
    inner = np.stack(np.meshgrid(line[1:-1], line[1:-1]), axis=2).reshape(-1, 2)
    inner = inner + rng.uniform(-0.3, 0.3, inner.shape) / n
    zero, one = np.zeros(n), np.ones(n)
    around = [(line[:-1], zero), (one, line[:-1]), (line[:0:-1], one), (zero, line[:0:-1])]
    outer = np.concatenate([np.stack(pair, axis=1) for pair in around])
    points = np.concatenate([outer, inner])
    cells = Delaunay(points).simplices.astype(np.int32)
    a, b, c = (points[cells[:, k]] for k in range(3))
    twice = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    cells[twice < 0] = cells[twice < 0][:, [0, 2, 1]]
    cells = cells[np.abs(twice) > 1e-9]  # slivers along straight sides
    ring = np.arange(4 * n)
    sides = np.stack([ring, np.roll(ring, -1)], axis=1).reshape(4, n, 2)
    return points, cells, dict(zip(("bottom", "right", "top", "left"), sides, strict=True))


def curved(n=5, seed=0, size=0.06):
    """The same with nodes on all sides, moved off the middle, those on the boundary too."""
    points, cells, parts = unstructured(n, seed)
    rng = np.random.default_rng(seed + 1)
    corners = points[cells]
    sides = np.roll(corners, -1, axis=1) - corners
    twice = np.abs(sides[:, 0, 0] * sides[:, 1, 1] - sides[:, 0, 1] * sides[:, 1, 0])
    height = twice / np.hypot(sides[..., 0], sides[..., 1]).max(axis=1)  # how far a node may move in a cell
    least = {}
    for cell, room in zip(cells.tolist(), height, strict=True):
        for k in range(3):
            key = tuple(sorted((cell[k], cell[(k + 1) % 3])))
            least[key] = min(room, least.get(key, np.inf))
    keys = list(least)
    number = {key: len(points) + i for i, key in enumerate(keys)}
    middles = points[np.array(keys)].mean(axis=1)
    middles += rng.uniform(-size, size, middles.shape) * np.array([least[key] for key in keys])[:, None]
    row = [[number[tuple(sorted((cell[k], cell[(k + 1) % 3])))] for k in range(3)] for cell in cells.tolist()]
    return np.concatenate([points, middles]), np.concatenate([cells, row], axis=1).astype(np.int32), parts


def tetrahedra(n=2, seed=0, jitter=0.15):
    """(points, cells, parts) of the unit cube: six tetrahedra around each diagonal, inner points moved."""
    rng = np.random.default_rng(seed)
    number = {place: i for i, place in enumerate(itertools.product(range(n + 1), repeat=3))}
    points = np.array(list(number), dtype=float) / n
    inner = ((points > 0) & (points < 1)).all(axis=1)
    points[inner] += rng.uniform(-jitter, jitter, (inner.sum(), 3)) / n
    cells = []
    for low in itertools.product(range(n), repeat=3):
        for order in itertools.permutations(range(3)):
            place, cell = list(low), [number[low]]
            for axis in order:
                place[axis] += 1
                cell.append(number[tuple(place)])
            if np.linalg.det(points[cell[1:]] - points[cell[0]]) < 0:
                cell[1], cell[2] = cell[2], cell[1]
            cells.append(cell)
    facets = {}
    for cell in cells:
        for facet in itertools.combinations(sorted(cell), 3):
            facets[facet] = facets.get(facet, 0) + 1
    parts = {}
    for facet, count in facets.items():
        if count == 1:
            flat = [axis for axis in range(3) if len(set(points[list(facet), axis])) == 1]
            axis = next(axis for axis in flat if points[facet[0], axis] in (0.0, 1.0))
            parts.setdefault("xyz"[axis] + str(int(points[facet[0], axis])), []).append(facet)
    return points, np.array(cells, dtype=np.int32), {name: np.array(rows) for name, rows in parts.items()}


def curved_tetrahedra(n=2, seed=0, size=0.06):
    """The same with nodes on all edges, moved off the middle, those on the boundary too."""
    points, cells, parts = tetrahedra(n, seed)
    rng = np.random.default_rng(seed + 1)
    order = ((0, 1), (1, 2), (2, 0), (0, 3), (1, 3), (2, 3))
    number, middles = {}, []
    rows = []
    for cell in cells.tolist():
        row = []
        for a, b in order:
            key = tuple(sorted((cell[a], cell[b])))
            if key not in number:
                number[key] = len(points) + len(number)
                middles.append((points[key[0]] + points[key[1]]) / 2 + rng.uniform(-size, size, 3) / n)
            row.append(number[key])
        rows.append(cell + row)
    return np.concatenate([points, middles]), np.array(rows, dtype=np.int32), parts
