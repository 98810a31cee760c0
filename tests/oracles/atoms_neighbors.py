"""Neighbours by brute force: every pair, every image that can be near enough, no cells and no tricks."""

import itertools

import numpy as np

AXES = ((1, 2), (2, 0), (0, 1))


def completed(cell, pbc):
    """Cell with new vectors along the axes that are not periodic and bear no image: it is regular."""
    cell = np.array(cell, dtype=np.float64)
    rows = [axis for axis in range(3) if pbc[axis]]
    others = np.linalg.svd(cell[rows])[2][len(rows) :] if rows else np.eye(3)
    for axis, direction in zip([axis for axis in range(3) if not pbc[axis]], others, strict=True):
        cell[axis] = direction
    return cell


def heights(cell):
    """Distances between opposite faces."""
    volume = abs(np.linalg.det(cell))
    return [volume / np.linalg.norm(np.cross(cell[b], cell[c])) for b, c in AXES]


def neighbors(positions, cell, pbc, cutoff, half=False):
    """(i, j, S, D, d) of all pairs with d < cutoff, sorted by i, j, S; D = r_j + S cell - r_i."""
    positions = np.asarray(positions, dtype=np.float64).reshape(-1, 3)
    n = len(positions)
    whole = completed(cell, pbc)
    places = positions @ np.linalg.inv(whole)
    spread = np.ptp(places, axis=0) if n else np.zeros(3)
    reach = [
        int(np.ceil(cutoff / height + width)) + 1 if periodic else 0
        for height, width, periodic in zip(heights(whole), spread, pbc, strict=True)
    ]
    found = []
    for shift in itertools.product(*(range(-r, r + 1) for r in reach)):
        across = np.array(shift, dtype=np.float64) @ whole
        vectors = positions[None, :, :] + across - positions[:, None, :]
        distances = np.sqrt((vectors**2).sum(axis=2))
        for i, j in zip(*np.nonzero(distances < cutoff), strict=True):
            if i == j and shift == (0, 0, 0):
                continue
            if half and (i > j or (i == j and shift < (0, 0, 0))):
                continue
            found.append((int(i), int(j), shift, vectors[i, j], distances[i, j]))
    found.sort(key=lambda pair: pair[:3])
    return (
        np.array([pair[0] for pair in found], dtype=np.int64),
        np.array([pair[1] for pair in found], dtype=np.int64),
        np.array([pair[2] for pair in found], dtype=np.int64).reshape(-1, 3),
        np.array([pair[3] for pair in found], dtype=np.float64).reshape(-1, 3),
        np.array([pair[4] for pair in found], dtype=np.float64),
    )


def nearest(i, j, shifts, distances, k, rule):
    """Indices of the pairs that are left of a full list when every atom keeps its k nearest neighbours.

    strict: the first k by (d, j, S). tolerant: all with d^2 <= (k-th d^2) + 0.01.
    """
    kept = []
    for atom in np.unique(i):
        row = np.nonzero(i == atom)[0]
        order = sorted(row, key=lambda e: (distances[e], j[e], tuple(shifts[e])))
        if len(order) <= k:
            kept.extend(row)
        elif rule == "strict":
            kept.extend(order[:k])
        else:
            limit = distances[order[k - 1]] ** 2 + 0.01
            kept.extend(e for e in row if distances[e] ** 2 <= limit)
    return np.array(sorted(kept), dtype=np.int64)


def reverse(i, j, shifts):
    """Of each pair (i, j, S) where (j, i, -S) stands."""
    place = {(a, b, tuple(s)): e for e, (a, b, s) in enumerate(zip(i, j, shifts, strict=True))}
    return np.array(
        [place[(b, a, tuple(-np.asarray(s)))] for a, b, s in zip(i, j, shifts, strict=True)], dtype=np.int64
    )
