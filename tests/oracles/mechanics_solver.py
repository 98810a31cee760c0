"""Data-driven mechanics on tiny problems, dense and by enumeration, after Kirchdoerfer and Ortiz (2016).

Nothing is scaled, factored or projected: for each assignment of data points the best admissible fields follow
from the Karush-Kuhn-Tucker system of the minimisation itself.
"""

import itertools

import numpy as np


def nearest(queries, points):
    """(index, squared distance) by the plain argmin, which takes the lowest index of ties."""
    squared = np.array([[np.sum((q - p) ** 2) for p in points] for q in queries])
    return squared.argmin(axis=1), squared.min(axis=1)


def penalty(strain, stress, data_strain, data_stress, metric, weights):
    """sum_e w_e (1/2 de.C.de + 1/2 ds.C^-1.ds), each (m, d)."""
    total = 0.0
    for w, e, s, e0, s0 in zip(weights, strain, stress, data_strain, data_stress, strict=True):
        total += w * 0.5 * ((e - e0) @ metric @ (e - e0) + (s - s0) @ np.linalg.solve(metric, s - s0))
    return total


def admissible(operator, weights, metric, force, fixed, values, data_strain, data_stress):
    """(displacement, strain, stress) that are admissible and nearest to given data, by one dense system."""
    m, d = data_strain.shape
    n = operator.shape[1]
    free = [i for i in range(n) if i not in set(fixed)]
    compliance = np.linalg.inv(metric)
    weight = np.repeat(weights, d)
    big_c = np.kron(np.eye(m), metric) * weight[:, None]
    big_s = np.kron(np.eye(m), compliance) * weight[:, None]
    u0 = np.zeros(n)
    u0[fixed] = values
    b = operator[:, free]
    divergence = (operator * weight[:, None]).T[free]  # on stress, must equal the force
    size = len(free) + m * d + len(free)
    matrix, rhs = np.zeros((size, size)), np.zeros(size)
    first, second = len(free), len(free) + m * d
    matrix[:first, :first] = b.T @ big_c @ b
    rhs[:first] = b.T @ big_c @ (data_strain.ravel() - operator @ u0)
    matrix[first:second, first:second] = big_s
    matrix[first:second, second:] = divergence.T
    rhs[first:second] = big_s @ data_stress.ravel()
    matrix[second:, first:second] = divergence
    rhs[second:] = force[free]
    # Strains (energy) and stresses (their inverse) differ by many orders of magnitude: balance the rows.
    scale = 1 / np.sqrt(np.abs(matrix).max(axis=1))
    solution = scale * np.linalg.solve(matrix * np.outer(scale, scale), scale * rhs)
    u0[free] = solution[:first]
    return u0, (operator @ u0).reshape(m, d), solution[first:second].reshape(m, d)


def global_minimum(operator, weights, metric, force, fixed, values, strains, stresses):
    """The least penalty over all assignments of data points, by trying all of them."""
    m = len(weights)
    best = np.inf
    for choice in itertools.product(range(len(strains)), repeat=m):
        chosen = list(choice)
        args = (strains[chosen], stresses[chosen])
        _, strain, stress = admissible(operator, weights, metric, force, fixed, values, *args)
        best = min(best, penalty(strain, stress, *args, metric, weights))
    return best
