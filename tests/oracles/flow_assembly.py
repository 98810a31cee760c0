"""Taylor-Hood matrices of any triangle mesh by scikit-fem, in the numbering of the mesh under test.

Dofs are matched by where they lie, so that nothing of the numbering under test is taken over.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import bmat, csr_matrix
from scipy.spatial import cKDTree
from skfem import Basis, BilinearForm, ElementTriP1, ElementTriP2, ElementVector, MeshTri, MeshTri2
from skfem.helpers import ddot, dot, grad, mul


@BilinearForm
def mass(u, v, w):
    return dot(u, v)


@BilinearForm
def stiffness(u, v, w):
    return ddot(grad(u), grad(v))


@BilinearForm
def divergence(u, q, w):
    return -(grad(u)[0, 0] + grad(u)[1, 1]) * q


@BilinearForm
def convection(u, v, w):
    return dot(mul(grad(u), w["convecting"]), v)


@BilinearForm
def newton(u, v, w):
    return dot(mul(grad(w["convecting"]), u), v)


class Assembly:
    """Matrices over dofs 2 i + c (component c at node i of `nodes`) and pressures at the first nodes."""

    def __init__(self, points, cells, nodes, n_vertices):
        cells = np.asarray(cells)
        if cells.shape[1] == 3:
            mesh = MeshTri(points[:n_vertices].T, cells.T, sort_t=False)
        else:
            mesh = MeshTri2(points.T, cells.T, sort_t=False)  # the same order of nodes
        # Order 6 on curved cells: the viscous integral is no polynomial there and depends on the rule.
        self.velocity = Basis(mesh, ElementVector(ElementTriP2()), intorder=6)
        self.pressure = self.velocity.with_element(ElementTriP1())
        scalar = self.velocity.with_element(ElementTriP2())
        self.n = 2 * len(nodes)
        # x components come first of the two dofs at a place: scikit-fem interleaves them as the element does.
        found = cKDTree(nodes).query(self.velocity.doflocs.T)
        assert found[0].max() < 1e-9, "a node lies somewhere else"
        constant = self.velocity.project(lambda x: np.array([np.ones_like(x[0]), np.zeros_like(x[0])]))
        component = np.where(np.abs(constant - 1) < 1e-6, 0, 1)
        self.dof = 2 * found[1] + component  # of each dof of scikit-fem
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
    fixed = np.concatenate([np.repeat(constrained, 2), np.zeros(b.shape[0], dtype=bool)])
    known[~fixed] = 0.0
    if pinned is not None:
        fixed[n_velocity + pinned] = True
    free = np.flatnonzero(~fixed)
    return matrix[free][:, free], -(matrix @ known)[free], free
