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
    six = "triangle6" in kinds
    triangle, line = ("triangle6", "line3") if six else ("triangle", "line")
    if triangle not in kinds:
        raise InvalidArgument(f"mesh has no triangles, but {', '.join(sorted(set(kinds))) or 'no cells'}")
    for kind in kinds:
        if kind not in (triangle, line, "vertex"):
            raise InvalidArgument(f"mesh has {kind} cells beside {triangle}")
    points = np.asarray(mesh.points, dtype=np.float64)
    if points.shape[1] == 3:
        if np.ptp(points[:, 2]) > 1e-12 * np.ptp(points, axis=0).max():
            raise InvalidArgument("mesh is not in a plane z = const")
        points = points[:, :2]
    cells = np.concatenate([block.data for block in mesh.cells if block.type == triangle]).astype(np.int64)
    parts = {name: np.concatenate(lists) for name, lists in _lines(mesh, line).items()}
    if (_twice_areas(points, cells) < 0.0).all():
        cells = cells[:, [0, 2, 1, 5, 4, 3]] if six else cells[:, [0, 2, 1]]
    corners = np.unique(cells[:, :3])
    others = np.setdiff1d(cells[:, 3:], corners)
    kept = np.concatenate([corners, others])
    number = np.full(len(points), -1, dtype=np.int64)
    number[kept] = np.arange(len(kept))
    renamed = {name: number[facets[:, :2]].astype(np.int32) for name, facets in parts.items()}
    return points[kept], number[cells].astype(np.int32), renamed


def _lines(mesh: Any, line: str) -> dict[str, list[NDArray[np.int64]]]:
    """Return the lines of each part; physical groups first, then cell sets."""
    groups = {int(tag): name for name, (tag, dimension) in mesh.field_data.items() if int(dimension) == 1}
    tags = mesh.cell_data.get("gmsh:physical")
    parts: dict[str, list[NDArray[np.int64]]] = {}
    for i, block in enumerate(mesh.cells):
        if block.type != line:
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
            f"mesh names no {line} cells: its boundary parts need physical groups or cell sets"
        )
    return parts


def _twice_areas(points: FloatArray, cells: NDArray[np.int64]) -> FloatArray:
    a, b, c = (points[cells[:, k]] for k in range(3))
    (ux, uy), (vx, vy) = (b - a).T, (c - a).T
    return np.asarray(ux * vy - uy * vx)


def to_meshio(points: FloatArray, cells: NDArray[np.int32], parts: Mapping[str, NDArray[np.int32]]) -> Any:
    """Return a meshio.Mesh with the parts as lines of physical groups."""
    meshio = import_meshio()
    six = cells.shape[1] == 6
    middle: dict[tuple[int, int], int] = {}
    if six:
        for row in cells.tolist():
            for k in range(3):
                ends = sorted((row[k], row[(k + 1) % 3]))
                middle[ends[0], ends[1]] = row[3 + k]
    blocks, tags = [("triangle6" if six else "triangle", cells)], [np.ones(len(cells), dtype=np.int32)]
    groups = {"fluid": np.array([1, 2])}
    for number, (name, facets) in enumerate(parts.items(), 2):
        lines = facets
        if six:
            middles = [middle[min(facet), max(facet)] for facet in map(tuple, facets.tolist())]
            lines = np.column_stack([facets, middles])
        blocks.append(("line3" if six else "line", lines))
        tags.append(np.full(len(facets), number, dtype=np.int32))
        groups[name] = np.array([number, 1])
    return meshio.Mesh(
        np.pad(points, ((0, 0), (0, 1))),
        blocks,
        cell_data={"gmsh:physical": tags, "gmsh:geometrical": [tag.copy() for tag in tags]},
        field_data=groups,
    )


def write_vtu(path: str | Path, solution: Solution) -> None:
    """Write fields on six-node triangles; pressures at side nodes are the means of their ends."""
    problem, pressure = solution.problem, solution.pressure
    target = Path(path)
    if target.suffix != ".vtu":
        raise InvalidArgument(f"path = {str(path)!r} does not end in .vtu")
    meshio = import_meshio()
    middle = pressure[problem.edges].mean(axis=1)
    mesh = meshio.Mesh(
        np.pad(problem.nodes, ((0, 0), (0, 1))),
        [("triangle6", problem.cell_nodes)],
        point_data={
            "velocity": np.pad(solution.velocity, ((0, 0), (0, 1))),
            "pressure": np.concatenate([pressure, middle]),
            "vorticity": solution.vorticity(),
        },
    )
    mesh.write(target)
