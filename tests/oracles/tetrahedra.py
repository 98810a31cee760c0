"""Ten-node tetrahedra by NumPy: their quadratic maps, volumes, sides; nothing of nonideal is used."""

import numpy as np
from scipy.special import roots_jacobi

EDGES = [(0, 1), (1, 2), (2, 0), (0, 3), (1, 3), (2, 3)]  # nodes 4 to 9, as in meshio's tetra10
SIDES = [(0, 1, 2), (0, 1, 3), (0, 2, 3), (1, 2, 3)]


def rule(n=5):
    """Points (barycentric, (n^3, 4)) and weights, exact for polynomials of degree 2 n - 1."""
    pairs = [roots_jacobi(n, k, 0) for k in (0, 1, 2)]
    (c, wc), (b, wb), (a, wa) = (((1 + x) / 2, w / 2 ** (k + 1)) for k, (x, w) in enumerate(pairs))
    a, b, c = (grid.ravel() for grid in np.meshgrid(a, b, c, indexing="ij"))
    points = np.stack([a, b * (1 - a), c * (1 - a) * (1 - b)], 1)
    weights = np.einsum("i,j,k->ijk", wa, wb, wc).ravel()
    return np.column_stack([1 - points.sum(1), points]), weights


def shape(points):
    """P2 shape functions at barycentric points, (n, 10)."""
    corners = points * (2 * points - 1)
    return np.column_stack([corners, *(4 * points[:, a] * points[:, b] for a, b in EDGES)])


def slopes(points):
    """Their derivatives along the three reference axes, (n, 10, 3)."""
    full = np.zeros((len(points), 10, 4))
    for k in range(4):
        full[:, k, k] = 4 * points[:, k] - 1
    for k, (a, b) in enumerate(EDGES, 4):
        full[:, k, a], full[:, k, b] = 4 * points[:, b], 4 * points[:, a]
    return full[:, :, 1:] - full[:, :, :1]


def jacobians(points, cells, at):
    """Determinants of the cells' maps at barycentric points, (n_cells, n)."""
    return np.linalg.det(np.einsum("qkr,ckx->cqxr", slopes(at), points[cells]))


def volume(points, cells):
    at, weights = rule()
    return float((jacobians(points, cells, at) @ weights).sum())


def straightened(points, cells):
    """The same points with the nodes of edges halfway between their ends."""
    straight = points.copy()
    for k, (a, b) in enumerate(EDGES, 4):
        straight[cells[:, k]] = (points[cells[:, a]] + points[cells[:, b]]) / 2
    return straight


def sides(cells):
    """{sorted vertices of a side: cells that have it}."""
    found = {}
    for number, cell in enumerate(cells[:, :4].tolist()):
        for side in SIDES:
            found.setdefault(tuple(sorted(cell[k] for k in side)), []).append(number)
    return found
