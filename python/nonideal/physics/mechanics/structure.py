"""What a solver needs to know of a discretised body: a sparse strain operator and weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from nonideal.checks import FloatArray, check_finite, check_integer, check_number, check_positive
from nonideal.errors import InvalidArgument
from nonideal.physics.mechanics.extras import import_skfem
from nonideal.physics.mechanics.mandel import COMPONENTS, mandel_scale

__all__ = ["IntArray", "Structure", "Where", "check_where"]

IntArray: TypeAlias = NDArray[np.int64]
Where: TypeAlias = Callable[[FloatArray], Any]

_SAME_PLACE = 1e-9  # of the largest extent: how far a node may be off the place that is asked for
_AXES = "xyz"


@dataclass(frozen=True, eq=False, kw_only=True)
class Structure:
    """A discretised body: bars, trusses, planes and solids are all one code path.

    Strain at integration point e is ``strain_operator[e * n_strain : (e + 1) * n_strain] @ u``. Units are the
    user's own, consistent ones (m, N, Pa, or mm, N, MPa). Made by `bar`, `truss`, `from_skfem` or `l_beam`.

    Parameters
    ----------
    strain_operator : (n_points * n_strain, n_dofs) sparse matrix
        From displacements to Mandel strains (`to_mandel`), rows grouped by integration point.
    weights : (n_points,) array_like
        Volume of each integration point (for a plane, area times thickness), > 0.
    points : (n_points, dim) array_like
        Where the integration points are.
    dof_coordinates : (n_dofs, dim) array_like
        Where the degrees of freedom are.
    dof_components : (n_dofs,) array_like of int
        Which component of the displacement each one is: 0, 1, 2 for x, y, z.
    unit_load : (n_dofs, dim) array_like
        Consistent nodal forces of a body force of 1 along each axis.
    nodes : (n_nodes, dim) array_like
        Corners of the cells.
    cells : (n_cells, k) array_like of int
        Nodes of every cell; integration points are grouped by cell.
    node_dofs : (n_nodes, dim) array_like of int
        Degrees of freedom of every node.
    basis : object
        The scikit-fem basis, which knows the surface; None for bars and trusses.

    Attributes
    ----------
    n_points, n_strain, n_dofs : int
        Integration points; components of a strain (1, 3 or 6); degrees of freedom.
    mesh : object
        The scikit-fem mesh, None for bars and trusses.

    Raises
    ------
    InvalidArgument
        If shapes do not agree, a number is not finite or a weight is not > 0.

    Examples
    --------
    >>> from nonideal.physics import mechanics
    >>> bar = mechanics.Structure.bar(length=1.0, area=1e-4, n_elements=4)
    >>> bar.n_points, bar.n_dofs, bar.dofs(x=1.0).tolist()
    (4, 5, [4])
    """

    strain_operator: sparse.csr_matrix
    weights: FloatArray
    points: FloatArray
    dof_coordinates: FloatArray
    dof_components: IntArray
    unit_load: FloatArray
    nodes: FloatArray
    cells: IntArray
    node_dofs: IntArray
    basis: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        operator = sparse.csr_matrix(self.strain_operator, dtype=np.float64)
        operator.sum_duplicates()
        check_finite("strain_operator.data", operator.data)
        values: dict[str, Any] = {
            name: check_finite(name, getattr(self, name))
            for name in ("weights", "points", "dof_coordinates", "unit_load", "nodes")
        }
        for name in ("dof_components", "cells", "node_dofs"):
            array = np.asarray(getattr(self, name))
            if array.dtype.kind not in "iu":
                raise InvalidArgument(f"{name} has dtype {array.dtype}, not an integer's")
            values[name] = array.astype(np.int64)
        weights = values["weights"]
        if weights.ndim != 1 or not len(weights) or operator.shape[0] % len(weights):
            raise InvalidArgument(
                f"weights has shape {weights.shape}, not one number per integration point of "
                f"{operator.shape[0]} rows of strain_operator"
            )
        if (index := np.flatnonzero(weights <= 0)).size:
            raise InvalidArgument(f"weights[{index[0]}] = {weights[index[0]]} is not > 0")
        dim = values["points"].shape[-1]
        n_dofs = operator.shape[1]
        shapes = {
            "points": (len(weights), dim),
            "dof_coordinates": (n_dofs, dim),
            "dof_components": (n_dofs,),
            "unit_load": (n_dofs, dim),
            "node_dofs": values["nodes"].shape,
        }
        for name, shape in shapes.items():
            if values[name].shape != shape:
                raise InvalidArgument(f"{name} has shape {values[name].shape}, not {shape}")
        for name, array in values.items():
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        object.__setattr__(self, "strain_operator", operator)

    @property
    def n_points(self) -> int:
        """Number of integration points."""
        return len(self.weights)

    @property
    def n_strain(self) -> int:
        """Number of components of a strain: 1, 3 or 6."""
        return int(self.strain_operator.shape[0]) // len(self.weights)

    @property
    def n_dofs(self) -> int:
        """Number of degrees of freedom."""
        return len(self.dof_components)

    @property
    def mesh(self) -> Any:
        """The scikit-fem mesh; None for bars and trusses."""
        return None if self.basis is None else self.basis.mesh

    @classmethod
    def bar(cls, length: float, area: float, n_elements: int) -> Structure:
        """Return a straight bar on [0, length] with two-node elements of equal length.

        Parameters
        ----------
        length : float
            Length, > 0.
        area : float
            Cross-section, > 0.
        n_elements : int
            At least 1. Degrees of freedom are 0 to n_elements, from left to right.

        Raises
        ------
        InvalidArgument
            If an argument is out of range.

        Examples
        --------
        >>> from nonideal.physics import mechanics
        >>> mechanics.Structure.bar(2.0, 0.5, 2).weights.tolist()
        [0.5, 0.5]
        """
        length = check_positive("length", length)
        count = check_integer("n_elements", n_elements, 1, 31)
        nodes = length * np.arange(count + 1, dtype=np.float64)[:, None] / count
        members: IntArray = np.arange(count, dtype=np.int64)[:, None] + np.arange(2, dtype=np.int64)
        return cls._of_members(nodes, members, np.full(count, check_positive("area", area)))

    @classmethod
    def truss(cls, nodes: ArrayLike, members: ArrayLike, areas: ArrayLike) -> Structure:
        """Return pin-jointed straight members, small displacements.

        Parameters
        ----------
        nodes : (n_nodes, dim) array_like
            Positions, dim 1, 2 or 3. Node i has the degrees of freedom dim * i, dim * i + 1, ...
        members : (n_members, 2) array_like of int
            First and last node of every member.
        areas : float or (n_members,) array_like
            Cross-sections, > 0.

        Raises
        ------
        InvalidArgument
            If shapes do not agree, an index is out of range, an area is not > 0 or a member has no length.

        Examples
        --------
        >>> from nonideal.physics import mechanics
        >>> truss = mechanics.Structure.truss([[0, 0], [1, 1], [2, 0]], [[0, 1], [1, 2]], 1e-4)
        >>> truss.n_dofs, truss.n_strain, truss.weights.round(9).tolist()
        (6, 1, [0.000141421, 0.000141421])
        """
        places = check_finite("nodes", nodes)
        if places.ndim != 2 or not 1 <= places.shape[1] <= 3:
            raise InvalidArgument(f"nodes has shape {places.shape}, not (n_nodes, 1, 2 or 3)")
        ends = np.asarray(members)
        if ends.ndim != 2 or ends.shape[1] != 2 or not len(ends) or ends.dtype.kind not in "iu":
            raise InvalidArgument(
                f"members has shape {ends.shape} and dtype {ends.dtype}, not (n_members, 2) and int"
            )
        if (bad := (ends < 0) | (ends >= len(places))).any():
            row, column = np.argwhere(bad)[0]
            raise InvalidArgument(
                f"members[{row}, {column}] = {ends[row, column]} is outside [0, {len(places)})"
            )
        widths = check_finite("areas", areas)
        if widths.shape not in ((), (len(ends),)):
            raise InvalidArgument(f"areas has shape {widths.shape}, not () or ({len(ends)},)")
        widths = np.broadcast_to(widths, len(ends))
        if (index := np.flatnonzero(widths <= 0)).size:
            raise InvalidArgument(f"areas[{index[0]}] = {widths[index[0]]} is not > 0")
        return cls._of_members(places, ends.astype(np.int64), widths)

    @classmethod
    def _of_members(cls, nodes: FloatArray, members: IntArray, areas: FloatArray) -> Structure:
        count, dim = len(members), nodes.shape[1]
        first, last = nodes[members[:, 0]], nodes[members[:, 1]]
        lengths = np.linalg.norm(last - first, axis=1)
        if (index := np.flatnonzero(lengths == 0)).size:
            raise InvalidArgument(f"members[{index[0]}] has no length")
        along = (last - first) / lengths[:, None] ** 2
        node_dofs = np.arange(nodes.size).reshape(nodes.shape)
        rows = np.repeat(np.arange(count), 2 * dim)
        columns = node_dofs[members].ravel()
        data = np.concatenate([-along, along], axis=1).ravel()
        half = np.repeat(lengths / 2, 2)
        load = np.bincount(members.ravel(), half, len(nodes))
        return cls(
            strain_operator=sparse.csr_matrix((data, (rows, columns)), (count, nodes.size)),
            weights=areas * lengths,
            points=(first + last) / 2,
            dof_coordinates=np.repeat(nodes, dim, axis=0),
            dof_components=np.tile(np.arange(dim), len(nodes)),
            unit_load=np.einsum("n,kl->nkl", load, np.eye(dim)).reshape(-1, dim),
            nodes=nodes,
            cells=members,
            node_dofs=node_dofs,
        )

    @classmethod
    def from_skfem(cls, basis: Any, thickness: float = 1.0) -> Structure:
        """Return the structure of a scikit-fem basis; its quadrature points are the integration points.

        Parameters
        ----------
        basis : skfem.Basis
            Of a vector element in the plane (plane strain) or in space, such as
            ``Basis(mesh, ElementVector(ElementQuad1()), intorder=3)``.
        thickness : float
            Of a plane body, > 0; must be 1 in space.

        Raises
        ------
        InvalidArgument
            If the basis is not one of a vector element with degrees of freedom at the nodes, on all cells of
            a mesh of its dimension, its quadrature rule has weights that are not > 0 (so has scikit-fem's
            default for some elements: choose another ``intorder``), or the thickness is not > 0.

        Examples
        --------
        >>> import skfem
        >>> from nonideal.physics import mechanics
        >>> basis = skfem.Basis(skfem.MeshQuad(), skfem.ElementVector(skfem.ElementQuad1()), intorder=3)
        >>> plane = mechanics.Structure.from_skfem(basis, thickness=2.0)
        >>> plane.n_points, plane.n_strain, plane.weights.round(9).tolist()
        (4, 3, [0.5, 0.5, 0.5, 0.5])
        """
        thickness = check_positive("thickness", thickness)
        _check_basis(basis)
        dim = int(basis.mesh.dim())
        if dim == 3 and thickness != 1.0:
            raise InvalidArgument(f"thickness = {thickness} is not 1 for a body in space")
        n_cells, n_quadrature = basis.dx.shape
        n_points = n_cells * n_quadrature
        weights = np.asarray(basis.dx).ravel() * thickness
        pairs, scale = COMPONENTS[dim], mandel_scale(dim)
        n_strain = len(pairs)
        first_rows = n_strain * np.arange(n_points).reshape(n_cells, n_quadrature)
        rows, columns, data = [], [], []
        components = np.zeros(basis.N, dtype=np.int64)
        unit_load = np.zeros((basis.N, dim))
        for local, (shape_function, *_) in enumerate(basis.basis):
            dofs = np.asarray(basis.element_dofs[local], dtype=np.int64)
            value = np.broadcast_to(np.asarray(shape_function), (dim, n_cells, n_quadrature))
            gradient = np.broadcast_to(shape_function.grad, (dim, dim, n_cells, n_quadrature))
            components[dofs] = np.abs(value).max(axis=2).argmax(axis=0)
            forces = np.einsum("kcq,cq->ck", value, weights.reshape(n_cells, n_quadrature))
            np.add.at(unit_load, dofs, forces)
            for number, (i, j) in enumerate(pairs):
                strain = scale[number] * (gradient[i, j] + gradient[j, i]) / 2
                rows.append((first_rows + number).ravel())
                columns.append(np.repeat(dofs, n_quadrature))
                data.append(strain.ravel())
        operator = sparse.csr_matrix(
            (np.concatenate(data), (np.concatenate(rows), np.concatenate(columns))),
            (n_points * n_strain, basis.N),
        )
        operator.eliminate_zeros()
        n_nodes = int(basis.mesh.nvertices)
        return cls(
            strain_operator=operator,
            weights=weights,
            points=np.asarray(basis.global_coordinates()).reshape(dim, -1).T,
            dof_coordinates=np.asarray(basis.doflocs).T,
            dof_components=components,
            unit_load=unit_load,
            nodes=np.asarray(basis.mesh.p)[:, :n_nodes].T,
            cells=np.asarray(basis.mesh.t)[: int(basis.mesh.refdom.nnodes)].T,
            node_dofs=np.asarray(basis.nodal_dofs)[:dim].T,
            basis=basis,
        )

    def dofs(
        self,
        component: int | None = None,
        *,
        x: float | None = None,
        y: float | None = None,
        z: float | None = None,
        where: Where | None = None,
    ) -> IntArray:
        """Return the degrees of freedom at a place, sorted.

        Parameters
        ----------
        component : int, optional
            Only this one: 0, 1, 2 for x, y, z.
        x, y, z : float, optional
            Only those with this coordinate.
        where : callable, optional
            Only those for which ``where(coordinates (n, dim))`` is true: it returns n booleans.

        Raises
        ------
        InvalidArgument
            If there are none, or the structure has no such axis.

        Examples
        --------
        >>> from nonideal.physics import mechanics
        >>> truss = mechanics.Structure.truss([[0, 0], [1, 1], [2, 0]], [[0, 1], [1, 2]], 1e-4)
        >>> truss.dofs(y=0.0).tolist(), truss.dofs(1, where=lambda p: p[:, 0] > 0.5).tolist()
        ([0, 1, 4, 5], [3, 5])
        """
        chosen = self._at(self.dof_coordinates, (x, y, z), where)
        if component is not None:
            component = check_integer("component", component, 0)
            if component >= self.points.shape[1]:
                raise InvalidArgument(f"component = {component} is outside [0, {self.points.shape[1]})")
            chosen &= self.dof_components == component
        if not chosen.any():
            raise InvalidArgument(f"no degree of freedom has {_place(component, (x, y, z), where)}")
        return np.flatnonzero(chosen).astype(np.int64)

    def body_force(self, vector: ArrayLike) -> FloatArray:
        """Return the consistent nodal forces of a uniform body force.

        Parameters
        ----------
        vector : (dim,) array_like, or a number in one dimension
            Force per volume; for bars and trusses force per length.

        Returns
        -------
        (n_dofs,) float64 ndarray

        Raises
        ------
        InvalidArgument
            If the shape is another one or a number is not finite.

        Examples
        --------
        >>> from nonideal.physics import mechanics
        >>> mechanics.Structure.bar(1.0, 1e-4, 2).body_force(8.0).tolist()
        [2.0, 4.0, 2.0]
        """
        return np.asarray(self.unit_load @ self._vector(vector))

    def traction(
        self,
        vector: ArrayLike,
        *,
        x: float | None = None,
        y: float | None = None,
        z: float | None = None,
        where: Where | None = None,
    ) -> FloatArray:
        """Return the consistent nodal forces of a uniform traction on a part of the surface.

        Parameters
        ----------
        vector : (dim,) array_like
            Force per area.
        x, y, z : float, optional
            Only boundary facets all of whose corners have this coordinate.
        where : callable, optional
            Only boundary facets for all of whose corners ``where(coordinates (n, dim))`` is true.

        Returns
        -------
        (n_dofs,) float64 ndarray

        Raises
        ------
        InvalidArgument
            If no facet is there, or the structure (a bar, a truss) has no surface.

        Examples
        --------
        >>> from nonideal.physics import mechanics
        >>> beam = mechanics.l_beam(cells_per_width=2)
        >>> round(float(beam.traction((0.0, -5.0), x=100.0).sum()), 9)
        -200.0
        """
        if self.basis is None:
            raise InvalidArgument("traction: bars and trusses have no surface; put forces at their dofs()")
        force = self._vector(vector)
        skfem = import_skfem()
        facets = np.asarray(self.mesh.boundary_facets())
        inside = self._at(self.nodes, (x, y, z), where)[np.asarray(self.mesh.facets)[:, facets]].all(axis=0)
        if not inside.any():
            raise InvalidArgument(f"no boundary facet has {_place(None, (x, y, z), where)}")
        surface = skfem.FacetBasis(
            self.mesh, self.basis.elem, facets=facets[inside], intorder=self.basis.elem.maxdeg + 1
        )
        thickness = self.weights.sum() / np.asarray(self.basis.dx).sum()
        nodal = np.zeros(self.n_dofs)
        for local, (shape_function, *_) in enumerate(surface.basis):
            value = np.asarray(shape_function)
            np.add.at(nodal, surface.element_dofs[local], np.einsum("k,kcq,cq->c", force, value, surface.dx))
        return np.asarray(nodal * thickness)

    def _vector(self, vector: ArrayLike) -> FloatArray:
        dim = self.points.shape[1]
        array = check_finite("vector", vector)
        if array.shape != (dim,) and not (dim == 1 and array.shape == ()):
            raise InvalidArgument(f"vector has shape {array.shape}, not ({dim},)")
        return array.reshape(dim)

    def _at(
        self, coordinates: FloatArray, place: tuple[float | None, ...], where: Where | None
    ) -> NDArray[np.bool_]:
        chosen = np.ones(len(coordinates), dtype=bool)
        extent = np.ptp(self.nodes, axis=0).max()
        for axis, value in enumerate(place):
            if value is None:
                continue
            number = check_number(_AXES[axis], value)
            if axis >= coordinates.shape[1]:
                raise InvalidArgument(
                    f"{_AXES[axis]} = {value}: the structure has {coordinates.shape[1]} dimensions"
                )
            chosen &= np.abs(coordinates[:, axis] - number) <= _SAME_PLACE * extent
        return chosen if where is None else chosen & check_where(where, coordinates)


def _check_basis(basis: Any) -> None:
    skfem = import_skfem()
    if not isinstance(basis, skfem.CellBasis):
        raise InvalidArgument(f"basis is a {type(basis).__name__}, not a skfem.Basis on the cells of a mesh")
    dim = int(basis.mesh.dim())
    if isinstance(basis.mesh, skfem.MeshWedge1):  # scikit-fem 12 gives two that fill a unit cube 1/2
        raise InvalidArgument(
            "basis: wedges are not supported; use triangles, quads, tetrahedra or hexahedra"
        )
    if not isinstance(basis.elem, skfem.ElementVector) or basis.elem.dim != dim or dim not in (2, 3):
        raise InvalidArgument("basis is not one of a vector element (skfem.ElementVector) in 2D or 3D")
    if basis.tind is not None and len(basis.tind) != basis.mesh.nelements:
        raise InvalidArgument(
            f"basis covers {len(basis.tind)} of {basis.mesh.nelements} cells; restrict the mesh instead"
        )
    if len(basis.nodal_dofs) != dim:
        name = type(basis.elem.elem).__name__
        raise InvalidArgument(f"basis: {name} has no displacement of its own at every node")
    if basis.W.min() <= 0.0:
        raise InvalidArgument(
            f"basis: its quadrature rule has the weight {basis.W.min():.3g}, and an integration point needs "
            "one > 0; give skfem.Basis another intorder (2 for tetrahedra of second order)"
        )


def check_where(where: Where, coordinates: FloatArray) -> NDArray[np.bool_]:
    """Return ``where(coordinates)``, a boolean for each of the (n, dim) coordinates."""
    if not callable(where):
        raise InvalidArgument(f"where = {where!r} is not callable")
    chosen = np.asarray(where(coordinates))
    if chosen.dtype != np.bool_ or chosen.shape != (len(coordinates),):
        raise InvalidArgument(
            f"where returned shape {chosen.shape} and dtype {chosen.dtype}, not "
            f"({len(coordinates)},) and bool"
        )
    return chosen


def _place(component: int | None, place: tuple[float | None, ...], where: Where | None) -> str:
    """Return in words what was asked for."""
    words = [] if component is None else [f"component = {component}"]
    words += [f"{axis} = {value}" for axis, value in zip(_AXES, place, strict=True) if value is not None]
    words += [] if where is None else ["where() true"]
    return " and ".join(words) or "any place"
