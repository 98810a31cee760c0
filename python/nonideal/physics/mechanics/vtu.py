"""Fields as a VTU file, which ParaView reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nonideal.checks import FloatArray
from nonideal.errors import InvalidArgument
from nonideal.physics.mechanics.extras import import_meshio
from nonideal.physics.mechanics.files import replacing
from nonideal.physics.mechanics.mandel import COMPONENTS, mandel_scale
from nonideal.physics.mechanics.solution import Solution
from nonideal.physics.mechanics.structure import Structure

__all__ = ["write_vtu"]

#: Name of a cell by (dimension, nodes), and the order of its nodes; scikit-fem's hexahedra have another one.
_CELLS: dict[tuple[int, int], tuple[str, list[int]]] = {
    (1, 2): ("line", [0, 1]),
    (2, 2): ("line", [0, 1]),
    (3, 2): ("line", [0, 1]),
    (2, 3): ("triangle", [0, 1, 2]),
    (2, 4): ("quad", [0, 1, 2, 3]),
    (3, 4): ("tetra", [0, 1, 2, 3]),
    (3, 8): ("hexahedron", [0, 3, 6, 2, 1, 5, 7, 4]),
}


def write_vtu(path: str | Path, structure: Structure, solution: Solution) -> None:
    """Write a solution's fields: displacement at nodes, all else averaged over each cell by volume.

    Strain and stress are components of tensors (``strain_12`` has no factor), ``penalty`` is
    `Solution.local_penalty`, and ``wrong_neighbour``, where the solution was audited, is the fraction of a
    cell's integration points with a wrong neighbour in the returned iteration. Edges are written straight.

    Parameters
    ----------
    path : path
        A file ``*.vtu``.
    structure : Structure
        What was solved.
    solution : Solution
        Its solution.

    Raises
    ------
    InvalidArgument
        If the solution is another structure's or the path does not end in ``.vtu``.
    MissingExtra
        If meshio is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from nonideal.physics import mechanics
    >>> beam = mechanics.l_beam(cells_per_width=2)
    >>> law = mechanics.LinearElastic(young=4000.0, poisson=0.3)
    >>> solution = mechanics.solve_law(beam, law, beam.traction((0.0, -5.0), x=100.0), beam.dofs(y=100.0))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     mechanics.write_vtu(Path(folder) / "beam.vtu", beam, solution)
    """
    target = Path(path)
    if target.suffix != ".vtu":
        raise InvalidArgument(f"path = {str(path)!r} does not end in .vtu")
    if solution.displacement.shape != (structure.n_dofs,) or len(solution.strain) != structure.n_points:
        raise InvalidArgument(
            f"solution has {len(solution.displacement)} degrees of freedom and {len(solution.strain)} "
            f"points, structure {structure.n_dofs} and {structure.n_points}"
        )
    dim = structure.points.shape[1]
    name, order = _CELLS[dim, structure.cells.shape[1]]
    meshio = import_meshio()
    fields = {"penalty": solution.local_penalty}
    space = 1 if structure.n_strain == 1 else dim
    for kind in ("strain", "stress"):
        tensor = getattr(solution, kind) / mandel_scale(space)
        for number, (i, j) in enumerate(COMPONENTS[space]):
            fields[kind if space == 1 else f"{kind}_{i + 1}{j + 1}"] = tensor[:, number]
    if (wrong := solution.history.wrong) is not None:
        fields["wrong_neighbour"] = wrong[solution.best_iteration].astype(np.float64)
    mesh = meshio.Mesh(
        _in_space(structure.nodes),
        [(name, structure.cells[:, order])],
        point_data={"displacement": _in_space(solution.displacement[structure.node_dofs])},
        cell_data={key: [_cell_means(structure, values)] for key, values in fields.items()},
    )
    with replacing(target) as place:
        mesh.write(place)


def _in_space(vectors: FloatArray) -> FloatArray:
    """Return (n, 3) vectors, filled up with zeros."""
    return np.pad(vectors, ((0, 0), (0, 3 - vectors.shape[1])))


def _cell_means(structure: Structure, values: FloatArray) -> FloatArray:
    weights = structure.weights.reshape(len(structure.cells), -1)
    return np.asarray((values.reshape(weights.shape) * weights).sum(axis=1) / weights.sum(axis=1))
