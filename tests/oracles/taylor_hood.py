"""Oseen and Newton matrices of Taylor-Hood elements (P2-P1) on straight simplices, by NumPy and quadrature.

Everything is spelled out element by element; nothing of nonideal is used. Rows are the free velocities (the
components of a node adjacent), then the free pressures; every value that couples nodes of one element is
stored, also where it is zero.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import sparse

# Edges in the order of meshio's triangle6 and tetra10.
EDGES = {2: [(0, 1), (1, 2), (0, 2)], 3: [(0, 1), (1, 2), (0, 2), (0, 3), (1, 3), (2, 3)]}


@dataclass
class Problem:
    """A matrix in compressed rows, and where its rows sit."""

    matrix: sparse.csr_array
    elements: np.ndarray
    coordinates: np.ndarray
    node_of_row: np.ndarray


def square(n, grading=None):
    """Points and cells of n x n squares, each cut from its lower left to its upper right corner."""
    line = np.linspace(0, 1, n + 1)
    if grading == "cosine":
        line = (1 - np.cos(np.pi * line)) / 2
    y, x = np.meshgrid(line, line, indexing="ij")
    a = (np.arange(n)[:, None] * (n + 1) + np.arange(n)).ravel()
    cells = np.stack([[a, a + 1, a + n + 2], [a, a + n + 2, a + n + 1]])
    return np.stack([x.ravel(), y.ravel()], 1), cells.transpose(2, 0, 1).reshape(-1, 3)


def cube(n):
    """Points and cells of n x n x n cubes of six tetrahedra each."""
    line = np.linspace(0, 1, n + 1)
    points = np.stack(np.meshgrid(line, line, line, indexing="ij"), -1).reshape(-1, 3)
    strides = np.array([(n + 1) ** 2, n + 1, 1])
    corner = np.stack(np.meshgrid(*[np.arange(n)] * 3, indexing="ij"), -1).reshape(-1, 3) @ strides
    cells = []
    for path in ([0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]):
        steps = np.concatenate([[0], np.cumsum(strides[path])])
        cells.append(corner[:, None] + steps)
    return points, np.stack(cells, 1).reshape(-1, 4)


def scattered(n, seed=0):
    """Delaunay triangles of points that are scattered in the unit square, n + 1 of them on each side."""
    from scipy.spatial import Delaunay

    rng = np.random.default_rng(seed)
    line = np.linspace(0, 1, n + 1)
    points = np.stack(np.meshgrid(line, line, indexing="ij"), -1).reshape(-1, 2)
    inner = np.all((points > 0) & (points < 1), axis=1)
    points[inner] += rng.uniform(-0.35, 0.35, (inner.sum(), 2)) / n
    cells = Delaunay(points).simplices
    corners = points[cells]
    area = np.linalg.det(corners[:, 1:] - corners[:, :1])
    return points, cells[np.abs(area) > 1e-9]


def quadratic(points, cells):
    """Nodes and elements with edge mid-points; vertices first."""
    dim = points.shape[1]
    pairs = np.sort(cells[:, EDGES[dim]], axis=2)
    edges, inverse = np.unique(pairs.reshape(-1, 2), axis=0, return_inverse=True)
    middles = points[edges].mean(1)
    return np.vstack([points, middles]), np.hstack([cells, len(points) + inverse.reshape(len(cells), -1)])


def gauss(dim, n=4):
    """Points (barycentric) and weights on a simplex, exact to degree 5 with n = 4: a collapsed Gauss rule."""
    x, w = np.polynomial.legendre.leggauss(n)
    x, w = (x + 1) / 2, w / 2
    grids = np.meshgrid(*[x] * dim, indexing="ij")
    weights = np.prod(np.meshgrid(*[w] * dim, indexing="ij"), axis=0).ravel()
    left = np.ones(weights.shape)
    bary = []
    for c, grid in enumerate(grids):
        bary.append(grid.ravel() * left)
        weights = weights * (1 - grid.ravel()) ** (dim - 1 - c)
        left = left * (1 - grid.ravel())
    return np.stack([left, *bary], 1), weights


def quadratic_shapes(bary, dim):
    """P2 shapes (q, nodes) and their derivatives by the barycentric coordinates (q, nodes, dim + 1)."""
    vertices = [bary[:, v] * (2 * bary[:, v] - 1) for v in range(dim + 1)]
    middles = [4 * bary[:, a] * bary[:, b] for a, b in EDGES[dim]]
    slopes = np.zeros((len(bary), len(vertices) + len(middles), dim + 1))
    for v in range(dim + 1):
        slopes[:, v, v] = 4 * bary[:, v] - 1
    for e, (a, b) in enumerate(EDGES[dim]):
        slopes[:, dim + 1 + e, a] = 4 * bary[:, b]
        slopes[:, dim + 1 + e, b] = 4 * bary[:, a]
    return np.stack(vertices + middles, 1), slopes


def fill(local, points, cells, field, viscosity, newton, mass):
    """Put the integrals of each element into local (n_cells, rows, rows); field (n_cells, nodes, dim)."""
    dim = points.shape[1]
    bary, weights = gauss(dim)
    shape, slopes = quadratic_shapes(bary, dim)
    corners = points[cells]
    jacobian = (corners[:, 1:] - corners[:, :1]).transpose(0, 2, 1)
    inverse = np.linalg.inv(jacobian)
    measure = np.abs(np.linalg.det(jacobian))
    of_bary = np.concatenate([-inverse.sum(1, keepdims=True), inverse], 1)  # their gradients
    gradient = np.einsum("qnb,ebd->eqnd", slopes, of_bary)
    weight = weights * measure[:, None]
    w = np.einsum("qn,end->eqd", shape, field)
    viscous = viscosity * np.einsum("eq,eqid,eqjd->eij", weight, gradient, gradient, optimize=True)
    convective = np.einsum("eq,qi,eqd,eqjd->eij", weight, shape, w, gradient, optimize=True)
    inertia = mass * np.einsum("eq,qi,qj->eij", weight, shape, shape, optimize=True)
    divergence = -np.einsum("eq,qi,eqjd->eijd", weight, bary, gradient, optimize=True)
    size = field.shape[1] * dim
    for c in range(dim):
        local[:, c:size:dim, c:size:dim] = viscous + convective + inertia
        local[:, size:, c:size:dim] = divergence[..., c]
        local[:, c:size:dim, size:] = divergence[..., c].transpose(0, 2, 1)
    if newton:
        slope = np.einsum("eqjd,ejc->eqcd", gradient, field)
        reaction = np.einsum("eq,qi,qj,eqcd->eijcd", weight, shape, shape, slope, optimize=True)
        for c in range(dim):
            for d in range(dim):
                local[:, c:size:dim, d:size:dim] += reaction[..., c, d]


def assemble(points, cells, wind, viscosity, *, newton=False, mass=0.0, open_where=None):
    """Return the Problem of one step with convecting field wind(coordinates) -> (n_nodes, dim).

    The velocity is prescribed on the boundary, but where open_where(coordinates) holds; without such a part
    one pressure is pinned. `mass` times the mass matrix is added. Without a field all values are zero: the
    pattern.
    """
    dim = points.shape[1]
    nodes, elements = quadratic(points, cells)
    n_nodes, n_local = len(nodes), elements.shape[1]
    size = n_local * dim
    local = np.zeros((len(cells), size + dim + 1, size + dim + 1))
    if wind is not None:
        fill(local, points, cells, wind(nodes)[elements], viscosity, newton, mass)
    velocity = (elements[:, :, None] * dim + np.arange(dim)).reshape(len(cells), -1)
    dofs = np.hstack([velocity, n_nodes * dim + cells])

    free = np.ones(n_nodes * dim + len(points), bool)
    fixed = np.zeros(n_nodes, bool)
    facets, count = np.unique(
        np.sort(np.concatenate([cells[:, list(f)] for f in combinations(range(dim + 1), dim)])), axis=0,
        return_counts=True,
    )  # fmt: skip
    boundary = facets[count == 1]
    if open_where is not None:
        boundary = boundary[~open_where(points[boundary].mean(1))]
    fixed[boundary] = True
    pairs = {tuple(sorted(pair)) for facet in boundary.tolist() for pair in combinations(facet, 2)}
    for e, (a, b) in enumerate(EDGES[dim]):
        ends = np.sort(cells[:, [a, b]], axis=1).tolist()
        on = np.array([tuple(pair) in pairs for pair in ends])
        fixed[elements[on, dim + 1 + e]] = True
    free[: n_nodes * dim] = ~np.repeat(fixed, dim)
    if open_where is None:
        free[n_nodes * dim] = False
    number = np.where(free, np.cumsum(free) - 1, -1)[dofs]
    rows = np.repeat(number, number.shape[1], axis=1).ravel()
    columns = np.tile(number, (1, number.shape[1])).ravel()
    keep = (rows >= 0) & (columns >= 0)
    n = int(free.sum())
    matrix = sparse.coo_array((local.ravel()[keep], (rows[keep], columns[keep])), shape=(n, n)).tocsr()
    matrix.sort_indices()
    node_of_dof = np.concatenate([np.repeat(np.arange(n_nodes), dim), np.arange(len(points))])
    return Problem(matrix, elements.astype(np.int32), nodes, node_of_dof[free].astype(np.int32))


def swirl(coordinates):
    """A divergence-free field that turns in the unit square (or cube), tangential to its sides."""
    x, y = coordinates[:, 0], coordinates[:, 1]
    field = np.zeros(coordinates.shape)
    field[:, 0] = np.sin(np.pi * x) ** 2 * np.sin(2 * np.pi * y)
    field[:, 1] = -np.sin(2 * np.pi * x) * np.sin(np.pi * y) ** 2
    return field
