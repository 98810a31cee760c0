"""Observables of molecular dynamics by their definitions, with loops."""

import numpy as np

from oracles.atoms_neighbors import neighbors


def radial_distribution(numbers, positions, cell, r_max, bins, pair=None):
    edges = np.linspace(0.0, r_max, bins + 1)
    a, b = pair or (None, None)
    counts = np.zeros(bins)
    first, second, _, _, distances = neighbors(positions, cell, (True, True, True), r_max)
    for i, j, d in zip(first, second, distances, strict=True):
        if pair is None or (numbers[i] == a and numbers[j] == b):
            counts[min(int(d / r_max * bins), bins - 1)] += 1
    n_a = len(numbers) if pair is None else int(np.sum(numbers == a))
    n_b = len(numbers) if pair is None else int(np.sum(numbers == b))
    volume = abs(np.linalg.det(cell))
    shells = 4 * np.pi / 3 * (edges[1:] ** 3 - edges[:-1] ** 3)
    return counts / (n_a * n_b / volume * shells)


def mean_squared_displacement(positions):
    """Of (T, N, 3), over all starting points."""
    n_steps = len(positions)
    out = np.zeros(n_steps)
    for lag in range(1, n_steps):
        moved = positions[lag:] - positions[:-lag]
        out[lag] = np.mean(np.sum(moved**2, axis=2))
    return out


def velocity_autocorrelation(velocities):
    n_steps = len(velocities)
    out = np.array(
        [np.mean(np.sum(velocities[lag:] * velocities[: n_steps - lag], axis=2)) for lag in range(n_steps)]
    )
    return out / out[0]


def bond_angles(numbers, positions, cell, pbc, r_max, triplet=None):
    """All of them, degrees."""
    first, second, _, vectors, _ = neighbors(positions, cell, pbc, r_max)
    found = []
    for a in range(len(first)):
        for b in range(len(first)):
            if first[a] != first[b] or a == b:
                continue
            if triplet is None:
                counts = a < b
            else:
                there = (numbers[second[a]], numbers[first[a]], numbers[second[b]]) == tuple(triplet)
                counts = there and (a < b or triplet[0] != triplet[2])
            if counts:
                u, v = vectors[a], vectors[b]
                cosine = np.dot(u, v) / np.sqrt(np.dot(u, u) * np.dot(v, v))
                found.append(np.degrees(np.arccos(min(max(cosine, -1.0), 1.0))))
    return np.array(found)
