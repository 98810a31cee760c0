"""Observables of molecular dynamics by their definitions, with loops."""

import itertools

import numpy as np


def pair_distances(positions, cell, r_max):
    """(i, j, distance) of every ordered pair and image below r_max, own images included."""
    heights = abs(np.linalg.det(cell)) / np.array(
        [np.linalg.norm(np.cross(cell[(k + 1) % 3], cell[(k + 2) % 3])) for k in range(3)]
    )
    spread = np.linalg.solve(cell.T, (positions[:, None] - positions[None]).reshape(-1, 3).T)
    n = np.ceil(r_max / heights + np.abs(spread).max(axis=1)).astype(int)
    found = []
    for i, j in itertools.product(range(len(positions)), repeat=2):
        for shift in itertools.product(*(range(-k, k + 1) for k in n)):
            if i == j and shift == (0, 0, 0):
                continue
            d = np.linalg.norm(positions[j] - positions[i] + np.array(shift) @ cell)
            if d < r_max:
                found.append((i, j, d))
    return found


def radial_distribution(numbers, positions, cell, r_max, bins, pair=None):
    edges = np.linspace(0.0, r_max, bins + 1)
    a, b = pair or (None, None)
    counts = np.zeros(bins)
    for i, j, d in pair_distances(positions, cell, r_max):
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
