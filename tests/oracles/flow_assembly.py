"""Taylor-Hood matrices of any mesh by scikit-fem, in the numbering of the mesh under test.

Dofs are matched by where they lie, so that nothing of the numbering under test is taken over.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import bmat, csr_matrix
from scipy.spatial import cKDTree
from scipy.special import roots_jacobi
from skfem import (
    Basis,
    BilinearForm,
    ElementTetP1,
    ElementTetP2,
    ElementTriP1,
    ElementTriP2,
    ElementVector,
    MeshTet,
    MeshTet2,
    MeshTri,
    MeshTri2,
)
from skfem.helpers import ddot, dot, grad, mul


@BilinearForm
def mass(u, v, w):
    return dot(u, v)


@BilinearForm
def stiffness(u, v, w):
    return ddot(grad(u), grad(v))


@BilinearForm
def divergence(u, q, w):
    return -sum(grad(u)[c, c] for c in range(len(grad(u)))) * q


@BilinearForm
def convection(u, v, w):
    return dot(mul(grad(u), w["convecting"]), v)


@BilinearForm
def newton(u, v, w):
    return dot(mul(grad(w["convecting"]), u), v)


def tetrahedron_rule(n):
    """Points (3, n^3) and positive weights, exact for degree 2 n - 1: a cube's rule, collapsed."""
    (x, wx), (y, wy), (z, wz) = (roots_jacobi(n, power, 0) for power in (0, 1, 2))
    x, y, z = (a.ravel() for a in np.meshgrid((1 + x) / 2, (1 + y) / 2, (1 + z) / 2, indexing="ij"))
    weights = np.einsum("i,j,k->ijk", wx / 2, wy / 4, wz / 8).ravel()
    return np.stack([x * (1 - y) * (1 - z), y * (1 - z), z]), weights


def viscous_tolerance(mesh):
    """How far stiffness may be off, relative to its largest entry: on curved tetrahedra rules differ."""
    return 2e-4 if mesh.dim == 3 and mesh.curved else 3e-14


class Assembly:
    """Matrices over dofs dim i + c (component c at node i of `nodes`) and pressures at the first nodes."""

    def __init__(self, points, cells, nodes, n_vertices):
        cells, dim = np.asarray(cells), points.shape[1]
        straight, quadratic = (MeshTri, MeshTri2) if dim == 2 else (MeshTet, MeshTet2)
        linear_element, element = (ElementTriP1, ElementTriP2) if dim == 2 else (ElementTetP1, ElementTetP2)
        if cells.shape[1] == dim + 1:
            mesh = straight(points[:n_vertices].T, cells.T, sort_t=False)
        else:
            mesh = quadratic(points.T, cells.T, sort_t=False)  # the same order of nodes
        # Order 6 on curved triangles: the viscous integral is no polynomial there and depends on the rule.
        # scikit-fem's rule for tetrahedra has negative weights.
        rule = {"intorder": 6} if dim == 2 else {"quadrature": tetrahedron_rule(4)}
        self.velocity = Basis(mesh, ElementVector(element()), **rule)
        self.pressure = self.velocity.with_element(linear_element())
        scalar = self.velocity.with_element(element())
        self.n = dim * len(nodes)
        # The components of the dofs at a place come in the order that the element has them in.
        found = cKDTree(nodes).query(self.velocity.doflocs.T)
        assert found[0].max() < 1e-9, "a node lies somewhere else"
        # Which component a dof is: of the constant fields its own is 1 there.
        unit = [
            self.velocity.project(
                lambda x, c=c: np.array([np.full_like(x[0], float(a == c)) for a in range(dim)])
            )
            for c in range(dim)
        ]
        component = np.argmax(unit, axis=0)
        self.dof = dim * found[1] + component  # of each dof of scikit-fem
        assert len(np.unique(self.dof)) == self.n
        self.vertex = cKDTree(nodes[:n_vertices]).query(self.pressure.doflocs.T)[1]
        assert len(nodes) == scalar.N

    def matrix(self, form, **fields):
        known = {name: self.velocity.interpolate(self.ours(values)) for name, values in fields.items()}
        return self.renumbered(form.assemble(self.velocity, **known).tocoo(), self.dof, self.dof, self.n)

    def divergence(self):
        b = divergence.assemble(self.velocity, self.pressure).tocoo()
        return self.renumbered(b, self.vertex, self.dof, self.n)

    def ours(self, values):
        """A field of ours as scikit-fem's vector."""
        return np.asarray(values).ravel()[self.dof]

    @staticmethod
    def renumbered(matrix, rows, columns, n_columns):
        return csr_matrix((matrix.data, (rows[matrix.row], columns[matrix.col])), (len(rows), n_columns))


def saddle(block, b, boundary, constrained, pinned=None):
    """The matrix and right-hand side of the free dofs, by slicing what was assembled whole."""
    matrix = bmat([[block, b.T], [b, None]], format="csr")
    n_velocity = block.shape[0]
    known = np.concatenate([np.asarray(boundary, dtype=float).ravel(), np.zeros(b.shape[0])])
    fixed = np.concatenate(
        [np.repeat(constrained, n_velocity // len(constrained)), np.zeros(b.shape[0], dtype=bool)]
    )
    known[~fixed] = 0.0
    if pinned is not None:
        fixed[n_velocity + pinned] = True
    free = np.flatnonzero(~fixed)
    return matrix[free][:, free], -(matrix @ known)[free], free
