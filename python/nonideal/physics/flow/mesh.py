"""Meshes of triangles or tetrahedra with named boundary parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nonideal import _core
from nonideal.checks import FloatArray, check_finite, check_mapping
from nonideal.errors import InvalidArgument
from nonideal.physics.flow import exchange, grids, grids_body
from nonideal.physics.flow.simplex import SIMPLICES

__all__ = ["Mesh"]

IntArray: TypeAlias = NDArray[np.int32]
Project: TypeAlias = Callable[[str, FloatArray], ArrayLike]


class Mesh:
    """Triangles or tetrahedra, straight or with curved edges, and names for the parts of their boundary.

    Parameters
    ----------
    points : (n_points, dim) array_like, metre
        Vertices first, then nodes on edges.
    cells : (n_cells, 3 or 6) or (n_cells, 4 or 10) array_like of int
        In two dimensions the corners of each triangle, counter-clockwise, then (6) the nodes on its sides
        0-1, 1-2, 2-0: the order of meshio's ``triangle`` and ``triangle6``. In three the corners of each
        tetrahedron, of positive volume, then (10) the nodes on its edges 0-1, 1-2, 2-0, 0-3, 1-3, 2-3: the
        order of ``tetra`` and ``tetra10``.
    boundaries : mapping of str to (n_facets, dim) array_like of int
        Facets (sides of triangles, faces of tetrahedra) of each part by their vertices. Together they cover
        the whole boundary, each facet once.

    Attributes
    ----------
    points, cells, boundaries
        As given; read-only, int32 and float64. Facets are turned so that the cell is on their left, or that
        they run counter-clockwise for who is outside.
    dim, n_vertices, n_cells : int
    curved : bool
        Whether an edge's node is off the middle of the edge.

    Raises
    ------
    InvalidArgument
        If a cell is inverted, degenerate or folded, cells don't fit together, a number is not finite, or the
        parts don't cover the boundary; the text names cell or facet.

    Examples
    --------
    >>> from nonideal.physics import flow
    >>> mesh = flow.Mesh([[0, 0], [1, 0], [0, 1]], [[0, 1, 2]], {"wall": [[0, 1], [1, 2], [2, 0]]})
    >>> mesh.n_cells, mesh.n_vertices, mesh.curved
    (1, 3, False)
    """

    def __init__(self, points: ArrayLike, cells: ArrayLike, boundaries: Mapping[str, ArrayLike]) -> None:
        self.points = _frozen(check_finite("points", points), np.float64)
        self.cells = _frozen(_integers("cells", cells), np.int32)
        for name, array in (("points", self.points), ("cells", self.cells)):
            if array.ndim != 2:
                raise InvalidArgument(f"{name}: expected 2 dimensions, got {array.ndim}")
        if self.points.shape[1] == 3 and self.cells.shape[1] in (3, 6):
            raise InvalidArgument(
                f"cells has {self.cells.shape[1]} nodes a row, a triangle's, but points has 3 coordinates; "
                "a mesh of triangles lies in the plane: points[:, :2]"
            )
        self._core = _core.flow.TaylorHood(self.points, self.cells)
        self.boundaries = _cover(*_core.flow.boundary(self.points, self.cells), boundaries)

    @property
    def dim(self) -> int:
        """Dimensions of space."""
        return int(self.points.shape[1])

    @property
    def n_vertices(self) -> int:
        """Corners of cells."""
        return self._core.n_vertices

    @property
    def n_cells(self) -> int:
        """Triangles or tetrahedra."""
        return len(self.cells)

    @property
    def curved(self) -> bool:
        """Whether an edge's node is off the middle of the edge."""
        return self._core.n_curved_cells > 0

    def __repr__(self) -> str:
        kind = "curved" if self.curved else "straight"
        return f"Mesh({self.n_cells} {kind} {SIMPLICES[self.dim].cells}, parts {', '.join(self.boundaries)})"

    def __getstate__(self) -> dict[str, Any]:
        return {"points": self.points, "cells": self.cells, "boundaries": self.boundaries}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    @classmethod
    def rectangle(
        cls, x0: float, x1: float, y0: float, y1: float, *, nx: int, ny: int, grading: str | None = None
    ) -> Self:
        """Return a rectangle of nx by ny quadrangles, each cut from its lower left to its upper right corner.

        Parameters
        ----------
        x0, x1, y0, y1 : float
            Sides, x0 < x1 and y0 < y1. The parts are ``left, right, bottom, top``.
        nx, ny : int
            Quadrangles along each axis, >= 1.
        grading : str, optional
            ``"cosine"``: finer towards all sides, points at (1 - cos(pi s)) / 2 with s uniform.

        Raises
        ------
        InvalidArgument
            If a value is outside its range.

        Examples
        --------
        >>> from nonideal.physics import flow
        >>> mesh = flow.Mesh.rectangle(0, 2, 0, 1, nx=4, ny=2)
        >>> mesh.n_cells, sorted(mesh.boundaries)
        (16, ['bottom', 'left', 'right', 'top'])
        """
        return cls(*grids.rectangle(x0, x1, y0, y1, nx, ny, grading))

    @classmethod
    def box(
        cls,
        x0: float,
        x1: float,
        y0: float,
        y1: float,
        z0: float,
        z1: float,
        *,
        nx: int,
        ny: int,
        nz: int,
        grading: str | None = None,
    ) -> Self:
        """Return a box of nx by ny by nz hexahedra, each cut into six tetrahedra around one diagonal.

        The diagonal goes from the lowest corner of each hexahedron to its highest (Kuhn's subdivision), so
        that every tetrahedron has an edge inside the box.

        Parameters
        ----------
        x0, x1, y0, y1, z0, z1 : float
            Faces, x0 < x1 and so on. The parts are ``x0, x1, y0, y1, z0, z1``.
        nx, ny, nz : int
            Hexahedra along each axis, >= 1.
        grading : str, optional
            ``"cosine"``: finer towards all faces, points at (1 - cos(pi s)) / 2 with s uniform.

        Raises
        ------
        InvalidArgument
            If a value is outside its range.

        Examples
        --------
        >>> from nonideal.physics import flow
        >>> mesh = flow.Mesh.box(0, 1, 0, 1, 0, 2, nx=2, ny=2, nz=3)
        >>> mesh.dim, mesh.n_cells, sorted(mesh.boundaries)
        (3, 72, ['x0', 'x1', 'y0', 'y1', 'z0', 'z1'])
        """
        return cls(*grids.box((x0, x1), (y0, y1), (z0, z1), (nx, ny, nz), grading))

    @classmethod
    def channel_slot(cls, n: int, *, length: float = 8.0, slot: tuple[float, float] = (1.0, 1.5)) -> Self:
        """Return the channel [0, length] x [0, 1] with a slot in its lower wall.

        Parameters
        ----------
        n : int
            Rows of quadrangles across, finer towards the walls, and columns per unit of length.
        length : float
            Of the channel.
        slot : pair of float
            Where the slot begins and ends; both are moved to no other place: they must lie on columns.

        Raises
        ------
        InvalidArgument
            If a value is outside its range.

        Examples
        --------
        >>> from nonideal.physics import flow
        >>> sorted(flow.Mesh.channel_slot(4).boundaries)
        ['bottom', 'inlet', 'outlet', 'slot', 'top']
        """
        return cls(*grids.channel_slot(n, length, slot))

    @classmethod
    def cylinder_channel(
        cls,
        n: int,
        *,
        centre: tuple[float, float] = (0.2, 0.2),
        radius: float = 0.05,
        length: float = 2.2,
        height: float = 0.41,
    ) -> Self:
        """Return a channel with a round hole: an O-grid around it, then columns down to the outlet.

        Sides on the circle are curved, their nodes lie on it.

        Parameters
        ----------
        n : int
            Cells from the circle to the walls and along each quarter of it; 2 n columns follow.
        centre, radius : pair of float, float
            The circle, inside the square [0, height]^2 at the inlet.
        length, height : float
            The channel's.

        Raises
        ------
        InvalidArgument
            If a value is outside its range, or the circle leaves the square.

        Examples
        --------
        >>> from nonideal.physics import flow
        >>> mesh = flow.Mesh.cylinder_channel(4)
        >>> mesh.curved, sorted(mesh.boundaries)
        (True, ['cylinder', 'inlet', 'outlet', 'wall'])
        """
        return cls(*grids.cylinder_channel(n, centre, radius, length, height))

    @classmethod
    def step_channel(cls, n: int, *, length: float = 30.0) -> Self:
        """Return the channel [0, length] x [-1/2, 1/2] behind a step: the inlet is the upper half of x = 0.

        Parameters
        ----------
        n : int
            Rows of squares across, even; 6 n columns, finer near the step.
        length : float
            Of the channel.

        Raises
        ------
        InvalidArgument
            If a value is outside its range.

        Examples
        --------
        >>> from nonideal.physics import flow
        >>> sorted(flow.Mesh.step_channel(4).boundaries)
        ['bottom', 'inlet', 'outlet', 'step', 'top']
        """
        return cls(*grids.step_channel(n, length))

    @classmethod
    def body_channel(
        cls,
        n: int,
        *,
        aspect: float = 1.0,
        radius: float = 1.0,
        half_width: float | None = None,
        upstream: float | None = None,
        downstream: float | None = None,
    ) -> Self:
        """Return a square channel along z with a prolate spheroid in its middle, in 10-node tetrahedra.

        The spheroid's middle is the origin. Edges on it are curved, their nodes lie on it; cells grow from
        there outwards.

        Parameters
        ----------
        n : int
            Cells along each quarter of the body's girth, >= 2; 4 for aspects from 2 to 5, or cells may fold.
        aspect : float
            Length of the body over its width, in [1, 10].
        radius : float
            Semi-axes of the body across; along z it is aspect * radius.
        half_width : float, optional
            The channel is [-half_width, half_width]^2 across; default: 4 radius.
        upstream, downstream : float, optional
            The channel goes from z = -downstream to z = upstream; defaults: 7 and 3 radii from the poles.

        Raises
        ------
        InvalidArgument
            If a value is outside its range, or cells fold.

        Examples
        --------
        >>> from nonideal.physics import flow
        >>> mesh = flow.Mesh.body_channel(2)
        >>> mesh.curved, list(mesh.boundaries)
        (True, ['x0', 'x1', 'y0', 'y1', 'z0', 'z1', 'body'])
        """
        return cls(*grids_body.body_channel(n, aspect, radius, half_width, upstream, downstream))

    def refined(self, project: Project | None = None) -> Mesh:
        """Return the mesh with each triangle cut into four, or each tetrahedron into eight.

        Curved edges are cut on their own parabolas; with ``project`` new boundary points move to the true
        curve or surface. Tetrahedra leave an octahedron in their middle, which is cut along its shortest
        diagonal.

        Parameters
        ----------
        project : callable, optional
            ``project(part, points (n, dim))`` returns where the new points of a boundary part belong.

        Raises
        ------
        InvalidArgument
            If ``project`` is no function, returns another shape, or folds a cell.

        Examples
        --------
        >>> from nonideal.physics import flow
        >>> flow.Mesh.rectangle(0, 1, 0, 1, nx=2, ny=2).refined().n_cells
        32
        """
        if project is not None and not callable(project):
            raise InvalidArgument(f"project: {type(project).__name__} is not a function")
        core = self._core
        return Mesh(
            *grids.refined(core.nodes, core.edges, core.cell_nodes, self.cells, self.boundaries, project)
        )

    @classmethod
    def from_meshio(cls, mesh: Any) -> Self:
        """Return the mesh of a meshio mesh, or of a file that meshio reads (gmsh's among them).

        Cells are its tetrahedra and parts its triangles, or, without tetrahedra, its triangles and lines.
        Parts are named by physical groups (``gmsh:physical`` with ``field_data``) or cell sets, else by the
        groups' numbers. Points that no cell uses are left out, and a mesh whose cells are all inverted is
        turned.

        Parameters
        ----------
        mesh : meshio.Mesh or path
            ``triangle`` and ``line``, ``triangle6`` and ``line3``, ``tetra`` and ``triangle``, or ``tetra10``
            and ``triangle6`` cells.

        Raises
        ------
        InvalidArgument
            If a file cannot be read, there are no cells, facets have no name, or a mesh of triangles is not
            planar.
        MissingExtra
            If meshio is not installed.

        Examples
        --------
        >>> from nonideal.physics import flow
        >>> mesh = flow.Mesh.rectangle(0, 1, 0, 1, nx=2, ny=2)
        >>> flow.Mesh.from_meshio(mesh.to_meshio()).n_cells
        8
        """
        return cls(*exchange.from_meshio(mesh))

    def to_meshio(self) -> Any:
        """Return the mesh as a meshio.Mesh with the parts as facets of physical groups.

        Raises
        ------
        MissingExtra
            If meshio is not installed.
        """
        return exchange.to_meshio(self.points, self.cells, self.boundaries)

    def write(self, path: str | Path, **options: Any) -> None:
        """Write the mesh to a file of any format that meshio writes; options are meshio's.

        Parts keep their names in gmsh's format, which ``*.msh`` is written in (2.2).

        Raises
        ------
        InvalidArgument
            If meshio knows no such format.
        MissingExtra
            If meshio is not installed.
        """
        exchange.write_mesh(path, self.to_meshio(), options)


def _integers(name: str, values: ArrayLike) -> NDArray[Any]:
    try:
        array = np.asarray(values)
    except ValueError as problem:  # rows of different lengths
        raise InvalidArgument(f"{name}: {problem}") from None
    if array.dtype.kind not in "iu" and array.size:
        raise InvalidArgument(f"{name} has dtype {array.dtype}, not an integer's")
    if array.size and (array.min() < -(2**31) or array.max() >= 2**31):
        raise InvalidArgument(f"{name}: numbers are outside [-2^31, 2^31)")
    return array


def _frozen(array: NDArray[Any], dtype: Any) -> NDArray[Any]:
    copy = np.array(array, dtype=dtype, order="C")
    copy.flags.writeable = False
    return copy


def _cover(facets: IntArray, cells: IntArray, boundaries: Mapping[str, ArrayLike]) -> dict[str, IntArray]:
    """Return the parts with their facets turned, in the order of the boundary; each facet in one part."""
    dim = facets.shape[1]
    word = SIMPLICES[dim].facet
    given: dict[str, NDArray[Any]] = {}
    for part, rows in check_mapping("boundaries", boundaries).items():
        if not isinstance(part, str) or not part:
            raise InvalidArgument(f"boundaries: {part!r} is not a name")
        array = _integers(f"boundaries[{part!r}]", rows)
        if array.ndim != 2 or array.shape[1] != dim or not len(array):
            raise InvalidArgument(f"boundaries[{part!r}] has shape {array.shape}, not (n_facets, {dim})")
        given[part] = array
    # Each set of vertices gets a number; the mesh's own facets come first.
    rows = np.sort(np.concatenate([facets, *given.values()]).astype(np.int64), axis=1)
    _, number = np.unique(rows, axis=0, return_inverse=True)
    number = number.ravel()
    index = np.full(number.max() + 1, -1)
    index[number[: len(facets)]] = np.arange(len(facets))
    found = np.split(index[number[len(facets) :]], np.cumsum([len(array) for array in given.values()])[:-1])
    owner: list[str | None] = [None] * len(facets)
    parts: dict[str, IntArray] = {}
    for (part, array), places in zip(given.items(), found if given else [], strict=True):
        for facet, i in zip(array.tolist(), places.tolist(), strict=True):
            if i < 0:
                raise InvalidArgument(
                    f"boundaries[{part!r}]: {word} {_listed(facet)} is not on the boundary of the mesh"
                )
            if owner[i] is not None:
                raise InvalidArgument(
                    f"boundaries: {word} {_listed(facet)} is in both {owner[i]!r} and {part!r}"
                )
            owner[i] = part
        parts[part] = _frozen(facets[np.sort(places)], np.int32)
    for i, name in enumerate(owner):
        if name is None:
            raise InvalidArgument(
                f"boundaries: {word} {_listed(facets[i].tolist())} of cells[{cells[i]}] is in no part"
            )
    return parts


def _listed(facet: list[int]) -> str:
    return "(" + ", ".join(map(str, facet)) + ")"
