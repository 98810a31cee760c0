"""Taylor-Hood elements on a mesh: numbering, matrices, quadrature."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.sparse import linalg

from nonideal.checks import FloatArray, check_choice, check_threads
from nonideal.errors import InvalidArgument
from nonideal.physics.flow.locate import Locator
from nonideal.physics.flow.mesh import Mesh
from nonideal.physics.flow.operator import check_field
from nonideal.physics.flow.quadrature import Cells, Sides
from nonideal.physics.flow.simplex import SIMPLICES

__all__ = ["TaylorHood"]


class TaylorHood:
    """Quadratic velocities and linear pressures, both continuous, on the cells of a mesh.

    Nodes are the mesh's vertices, then one on each edge. Matrices are over all dofs, with viscosity 1.

    Parameters
    ----------
    mesh : Mesh
        Where.

    Raises
    ------
    InvalidArgument
        If it is not a Mesh.
    """

    def __init__(self, mesh: Mesh) -> None:
        if not isinstance(mesh, Mesh):
            raise InvalidArgument(f"mesh: {type(mesh).__name__} is not a Mesh")
        self.mesh = mesh
        self._core = mesh._core
        self._sides: dict[str, Sides] = {}

    @property
    def n_velocity(self) -> int:
        """Velocity dofs; dof dim i + c is component c at node i."""
        return self._core.dim * self._core.n_nodes

    @property
    def n_pressure(self) -> int:
        """Pressure dofs, one at each vertex."""
        return self._core.n_vertices

    @property
    def n_dof(self) -> int:
        """All dofs."""
        return self.n_velocity + self.n_pressure

    @property
    def nodes(self) -> FloatArray:
        """Coordinates of the velocities, (n_nodes, dim): vertices, then one node on each edge."""
        return self._core.nodes

    @property
    def edges(self) -> NDArray[np.int32]:
        """Vertices of each edge, (n_edges, 2), in lexicographic order."""
        return self._core.edges

    @property
    def cell_nodes(self) -> NDArray[np.int32]:
        """Nodes of each cell, (n_cells, 6 or 10): corners, then edges in the order of `Mesh`."""
        return self._core.cell_nodes

    @cached_property
    def mass_matrix(self) -> sparse.csr_array:
        """``int phi_i . phi_j``, (n_velocity, n_velocity)."""
        return self._for_all(self._core.mass)

    @cached_property
    def stiffness_matrix(self) -> sparse.csr_array:
        """``int grad phi_i : grad phi_j`` (viscosity 1), (n_velocity, n_velocity)."""
        return self._for_all(self._core.stiffness)

    @cached_property
    def divergence_matrix(self) -> sparse.csr_array:
        """``-int q div phi_j``, (n_pressure, n_velocity)."""
        return sparse.csr_array(self._core.divergence(), (self.n_pressure, self.n_velocity))

    def convection_matrix(self, convecting: ArrayLike, *, num_threads: int | None = None) -> sparse.csr_array:
        """Return ``int phi_i . (w . grad) phi_j`` for a velocity w, (n_velocity, n_velocity).

        Parameters
        ----------
        convecting : (n_nodes, dim) array_like
            The velocity w.
        num_threads : int, optional
            Threads; the bits don't depend on them.

        Raises
        ------
        InvalidArgument
            If the shape does not fit or a number is not finite.
        """
        return self._for_all(self._convection(convecting, num_threads).data)

    def _convection(self, convecting: ArrayLike, num_threads: int | None = None) -> sparse.csr_array:
        """Return the block of one component."""
        field = check_field("convecting", convecting, self.nodes.shape)
        return self.scalar(self._core.convection(field, num_threads=check_threads(num_threads)))

    def scalar(self, values: FloatArray) -> sparse.csr_array:
        """Return a matrix over nodes with these values in the pattern of the mesh."""
        n = self._core.n_nodes
        return sparse.csr_array((values, self._core.indices, self._core.indptr), (n, n), copy=False)

    def _for_all(self, values: FloatArray) -> sparse.csr_array:
        return sparse.csr_array(
            sparse.kron(self.scalar(values), sparse.eye_array(self._core.dim), format="csr")
        )

    @cached_property
    def cells(self) -> Cells:
        """Quadrature over the cells."""
        return Cells(self.nodes, self.cell_nodes)

    def sides(self, part: str) -> Sides:
        """Return the quadrature over a part of the boundary.

        Raises
        ------
        InvalidArgument
            If there is no such part.
        """
        part = check_choice("part", part, self.mesh.boundaries)
        if part not in self._sides:
            facets = self.mesh.boundaries[part].astype(np.int64)
            low, high = np.sort(SIMPLICES[self.mesh.dim - 1].edge_ends(facets), axis=1).T
            edges = self.edges.astype(np.int64)
            found = np.searchsorted(edges[:, 0] << 32 | edges[:, 1], low << 32 | high)
            middles = self.n_pressure + found.reshape(len(facets), -1)
            self._sides[part] = Sides(self.nodes, np.column_stack([facets, middles]))
        return self._sides[part]

    @cached_property
    def locator(self) -> Locator:
        """Finds the cells of points."""
        return Locator(self.nodes, self.cell_nodes)

    @cached_property
    def pressure_weights(self) -> FloatArray:
        """``int q`` of each pressure's shape function, (n_pressure,); they add up to the area or volume."""
        return self.cells.vertex_weights(self.n_pressure)

    @cached_property
    def scalar_mass_matrix(self) -> sparse.csr_array:
        """``int phi_i phi_j`` over nodes, (n_nodes, n_nodes): the block of one component."""
        return self.scalar(self._core.mass)

    @cached_property
    def _mass_factors(self) -> linalg.SuperLU:
        options = {"SymmetricMode": True}
        return linalg.splu(
            self.scalar_mass_matrix.tocsc(),
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0.0,
            options=options,
        )

    def project(self, values: FloatArray) -> FloatArray:
        """Return the quadratic function, (n_nodes,), nearest to values at the cells' quadrature points."""
        return np.asarray(self._mass_factors.solve(self.cells.moments(values)))

    def norm(self, velocity: FloatArray) -> float:
        """Return the L2 norm of a (n_nodes, dim) velocity."""
        # Not by BLAS, whose sums depend on its threads.
        square = np.einsum("ij,ij->", velocity, self.scalar_mass_matrix @ velocity)
        return float(np.sqrt(max(square, 0.0)))
