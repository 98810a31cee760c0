"""Meshes and fields in the formats that meshio knows."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nonideal.checks import FloatArray
from nonideal.errors import InvalidArgument, MissingExtra
from nonideal.physics.flow.simplex import SIMPLICES, Simplex

if TYPE_CHECKING:
    from nonideal.physics.flow.solution import Solution

__all__ = ["from_meshio", "to_meshio", "write_vtu"]


def import_meshio() -> Any:
    """Return meshio's package.

    Raises
    ------
    MissingExtra
        If it is not installed.
    """
    try:
        return importlib.import_module("meshio")
    except ImportError:
        raise MissingExtra("meshio", "flow") from None


def from_meshio(mesh: Any) -> tuple[FloatArray, NDArray[np.int32], dict[str, NDArray[np.int32]]]:
    """Return points, cells and parts of a meshio mesh or a file."""
    if isinstance(mesh, str | Path):
        mesh = import_meshio().read(mesh)
    kinds = [block.type for block in mesh.cells]
    simplex = SIMPLICES[3 if any(kind in SIMPLICES[3].cell_types for kind in kinds) else 2]
    quadratic = int(simplex.cell_types[1] in kinds)
    cell_type, facet_type = simplex.cell_types[quadratic], simplex.facet_types[quadratic]
    if cell_type not in kinds:
        raise InvalidArgument(
            f"mesh has no triangles or tetrahedra, but {', '.join(sorted(set(kinds))) or 'no cells'}"
        )
    ignored = {
        dimension.cell_types[quadratic] for dimension in SIMPLICES.values() if dimension.dim < simplex.dim - 1
    }
    for kind in kinds:
        if kind not in (cell_type, facet_type, "vertex", *ignored):
            raise InvalidArgument(f"mesh has {kind} cells beside {cell_type}")
    points = np.asarray(mesh.points, dtype=np.float64)
    if simplex.dim == 2 and points.shape[1] == 3:
        if np.ptp(points[:, 2]) > 1e-12 * np.ptp(points, axis=0).max():
            raise InvalidArgument("mesh is not in a plane z = const")
        points = points[:, :2]
    cells = np.concatenate([block.data for block in mesh.cells if block.type == cell_type]).astype(np.int64)
    parts = {name: np.concatenate(lists) for name, lists in _facets(mesh, facet_type, simplex).items()}
    n = simplex.n_vertices
    if (np.linalg.det(points[cells[:, 1:n]] - points[cells[:, :1]]) < 0.0).all():
        cells = cells[:, _mirrored(simplex)[: cells.shape[1]]]
    corners = np.unique(cells[:, :n])
    others = np.setdiff1d(cells[:, n:], corners)
    kept = np.concatenate([corners, others])
    number = np.full(len(points), -1, dtype=np.int64)
    number[kept] = np.arange(len(kept))
    renamed = {name: number[facets[:, : simplex.dim]].astype(np.int32) for name, facets in parts.items()}
    return points[kept], number[cells].astype(np.int32), renamed


def _mirrored(simplex: Simplex) -> list[int]:
    """Return the order of nodes that turns a cell inside out: two vertices change places."""
    swap = [0, 2, 1, 3][: simplex.n_vertices]
    place = {frozenset(edge): simplex.n_vertices + i for i, edge in enumerate(simplex.edges)}
    return swap + [place[frozenset((swap[a], swap[b]))] for a, b in simplex.edges]


def _facets(mesh: Any, kind: str, simplex: Simplex) -> dict[str, list[NDArray[np.int64]]]:
    """Return the facets of each part; physical groups first, then cell sets."""
    groups = {
        int(tag): name
        for name, (tag, dimension) in mesh.field_data.items()
        if int(dimension) == simplex.dim - 1
    }
    tags = mesh.cell_data.get("gmsh:physical")
    parts: dict[str, list[NDArray[np.int64]]] = {}
    for i, block in enumerate(mesh.cells):
        if block.type != kind:
            continue
        if tags is not None:
            for tag in np.unique(tags[i]):
                chosen = block.data[np.asarray(tags[i]) == tag].astype(np.int64)
                parts.setdefault(groups.get(int(tag), str(int(tag))), []).append(chosen)
            continue
        for name, members in mesh.cell_sets.items():
            if name.startswith("gmsh:") or members[i] is None or not len(members[i]):
                continue
            parts.setdefault(name, []).append(
                block.data[np.asarray(members[i], dtype=np.int64)].astype(np.int64)
            )
    if not parts:
        raise InvalidArgument(
            f"mesh names no {kind} cells: its boundary parts need physical groups or cell sets"
        )
    return parts


def to_meshio(points: FloatArray, cells: NDArray[np.int32], parts: Mapping[str, NDArray[np.int32]]) -> Any:
    """Return a meshio.Mesh with the parts as facets of physical groups."""
    meshio = import_meshio()
    simplex = SIMPLICES[points.shape[1]]
    quadratic = int(cells.shape[1] > simplex.n_vertices)
    middle: dict[tuple[int, ...], int] = {}
    if quadratic:
        ends = np.sort(simplex.edge_ends(cells), axis=1)
        nodes = cells[:, simplex.n_vertices :].ravel()
        middle = dict(zip(map(tuple, ends.tolist()), nodes.tolist(), strict=True))
    blocks, tags = [(simplex.cell_types[quadratic], cells)], [np.ones(len(cells), dtype=np.int32)]
    groups = {"fluid": np.array([1, simplex.dim])}
    for number, (name, facets) in enumerate(parts.items(), 2):
        surface = facets
        if quadratic:
            ends = np.sort(SIMPLICES[simplex.dim - 1].edge_ends(facets), axis=1)
            middles = np.array([middle[a, b] for a, b in ends.tolist()]).reshape(len(facets), -1)
            surface = np.hstack([facets, middles])
        blocks.append((simplex.facet_types[quadratic], surface))
        tags.append(np.full(len(facets), number, dtype=np.int32))
        groups[name] = np.array([number, simplex.dim - 1])
    return meshio.Mesh(
        _padded(points),
        blocks,
        cell_data={"gmsh:physical": tags, "gmsh:geometrical": [tag.copy() for tag in tags]},
        field_data=groups,
    )


def write_vtu(path: str | Path, solution: Solution) -> None:
    """Write fields on quadratic cells; pressures at edges' nodes are the means of their ends."""
    problem, pressure = solution.problem, solution.pressure
    target = Path(path)
    if target.suffix != ".vtu":
        raise InvalidArgument(f"path = {str(path)!r} does not end in .vtu")
    meshio = import_meshio()
    middle = pressure[problem.edges].mean(axis=1)
    mesh = meshio.Mesh(
        _padded(problem.nodes),
        [(SIMPLICES[problem.mesh.dim].cell_types[1], problem.cell_nodes)],
        point_data={
            "velocity": _padded(solution.velocity),
            "pressure": np.concatenate([pressure, middle]),
            "vorticity": solution.vorticity(),
        },
    )
    mesh.write(target)


def _padded(rows: FloatArray) -> FloatArray:
    """Return rows of three numbers."""
    return np.pad(rows, ((0, 0), (0, 3 - rows.shape[1])))
