"""Triangle meshes with named boundary parts."""

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

__all__ = ["Mesh"]

IntArray: TypeAlias = NDArray[np.int32]
Project: TypeAlias = Callable[[str, FloatArray], ArrayLike]


class Mesh:
    """Triangles, straight or with curved sides, and names for the parts of their boundary.

    Parameters
    ----------
    points : (n_points, 2) array_like, metre
        Vertices first, then nodes on sides.
    cells : (n_cells, 3) or (n_cells, 6) array_like of int
        Corners of each triangle, counter-clockwise, then (6) the nodes on its sides 0-1, 1-2, 2-0: the order
        of meshio's ``triangle`` and ``triangle6``.
    boundaries : mapping of str to (n_facets, 2) array_like of int
        Sides of each part by their two vertices. Together they cover the whole boundary, each side once.

    Attributes
    ----------
    points, cells, boundaries
        As given; read-only, int32 and float64. Facets are turned so that the cell is on their left.
    dim, n_vertices, n_cells : int
    curved : bool
        Whether a side's node is off the middle of the side.

    Raises
    ------
    InvalidArgument
        If a cell is inverted, degenerate or folded, cells don't fit together, a number is not finite, or the
        parts don't cover the boundary; the text names cell or side.

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
        """Triangles."""
        return len(self.cells)

    @property
    def curved(self) -> bool:
        """Whether a side's node is off the middle of the side."""
        return self._core.n_curved_cells > 0

    def __repr__(self) -> str:
        kind = "curved" if self.curved else "straight"
        return f"Mesh({self.n_cells} {kind} triangles, parts {', '.join(self.boundaries)})"

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
            Cells along each quarter of the body's girth, >= 2; long bodies need more, or cells would fold.
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
        """Return the mesh with each triangle cut into four.

        Curved sides are cut on their own parabolas; with ``project`` new boundary points move to the true
        curve.

        Parameters
        ----------
        project : callable, optional
            ``project(part, points (n, 2))`` returns where the new points of a boundary part belong.

        Raises
        ------
        InvalidArgument
            If ``project`` returns another shape, or folds a cell.

        Examples
        --------
        >>> from nonideal.physics import flow
        >>> flow.Mesh.rectangle(0, 1, 0, 1, nx=2, ny=2).refined().n_cells
        32
        """
        core = self._core
        return Mesh(
            *grids.refined(core.nodes, core.edges, core.cell_nodes, self.cells, self.boundaries, project)
        )

    @classmethod
    def from_meshio(cls, mesh: Any) -> Self:
        """Return the mesh of a meshio mesh, or of a file that meshio reads (gmsh's among them).

        Cells are its triangles, parts its lines: named by physical groups (``gmsh:physical`` with
        ``field_data``) or cell sets, else by the groups' numbers. Points that no triangle uses are left out,
        and a mesh that runs clockwise throughout is turned.

        Parameters
        ----------
        mesh : meshio.Mesh or path
            ``triangle`` and ``line``, or ``triangle6`` and ``line3`` cells.

        Raises
        ------
        InvalidArgument
            If there is no triangle, or lines have no name, or the mesh is not planar.
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
        """Return the mesh as a meshio.Mesh with the parts as lines of physical groups.

        Raises
        ------
        MissingExtra
            If meshio is not installed.
        """
        return exchange.to_meshio(self.points, self.cells, self.boundaries)

    def write(self, path: str | Path, **options: Any) -> None:
        """Write the mesh to a file of any format that meshio writes; options are meshio's.

        Raises
        ------
        MissingExtra
            If meshio is not installed.
        """
        self.to_meshio().write(path, **options)


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

    def keys(pairs: NDArray[Any]) -> NDArray[np.int64]:
        ordered = np.sort(pairs.astype(np.int64), axis=1)
        return np.asarray(ordered[:, 0] << 32 | ordered[:, 1])

    known = keys(facets)
    order = np.argsort(known)
    owner: list[str | None] = [None] * len(facets)
    parts: dict[str, IntArray] = {}
    for part, pairs in check_mapping("boundaries", boundaries).items():
        if not isinstance(part, str) or not part:
            raise InvalidArgument(f"boundaries: {part!r} is not a name")
        array = _integers(f"boundaries[{part!r}]", pairs)
        if array.ndim != 2 or array.shape[1] != 2 or not len(array):
            raise InvalidArgument(f"boundaries[{part!r}] has shape {array.shape}, not (n_facets, 2)")
        wanted = keys(array)
        place = np.minimum(np.searchsorted(known, wanted, sorter=order), len(known) - 1)
        index = order[place]
        for facet, key, i in zip(array, wanted, index, strict=True):
            side = f"side ({facet[0]}, {facet[1]})"
            if known[i] != key:
                raise InvalidArgument(f"boundaries[{part!r}]: {side} is not on the boundary of the mesh")
            if owner[i] is not None:
                raise InvalidArgument(f"boundaries: {side} is in both {owner[i]!r} and {part!r}")
            owner[i] = part
        parts[part] = _frozen(facets[np.sort(index)], np.int32)
    for i, part in enumerate(owner):
        if part is None:
            raise InvalidArgument(
                f"boundaries: side ({facets[i, 0]}, {facets[i, 1]}) of cells[{cells[i]}] is in no part"
            )
    return parts
