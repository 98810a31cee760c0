"""A batch of structures as tensors: atoms, cells and who is near whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from nonideal.errors import InvalidArgument, MissingExtra
from nonideal.physics.atoms.neighbors import NeighborList
from nonideal.physics.atoms.system import as_system, named_systems

try:
    import torch
    from torch import Tensor
except ImportError:
    raise MissingExtra("torch", "atoms") from None

__all__ = ["Graph"]


@dataclass(frozen=True, eq=False)
class Graph:
    """One or many structures, their atoms one after the other; made by `Graph.build`.

    Places and cells stay float64, so that differences of places in large cells keep their digits; a model
    takes the differences in its own precision.

    Attributes
    ----------
    numbers : (n_atoms,) int64
        Atomic numbers.
    positions : (n_atoms, 3) float64, angstrom
        A gradient with respect to them may be asked for.
    cells : (n_graphs, 3, 3) float64, angstrom
        Cell vectors as rows; zeros where there is none.
    graph_ptr : (n_graphs + 1,) int64
        The atoms of structure g are those from ``graph_ptr[g]`` up to ``graph_ptr[g + 1]``.
    indptr : (n_atoms + 1,) int64
        The neighbours of atom i are those from ``indptr[i]`` up to ``indptr[i + 1]``.
    neighbors : (n_edges,) int64
        Index of the neighbour, within the batch.
    shifts : (n_edges, 3) float64
        Whole cell vectors that are added to the neighbour's place.
    cutoff : float
        All neighbours below it are here (but for ``max_neighbors``), angstrom.
    dtype : torch.dtype
        Precision of `vectors`.
    """

    numbers: Tensor
    positions: Tensor
    cells: Tensor
    graph_ptr: Tensor
    indptr: Tensor
    neighbors: Tensor
    shifts: Tensor
    cutoff: float
    dtype: torch.dtype = torch.float32

    @classmethod
    def build(
        cls,
        systems: Any,
        cutoff: float,
        *,
        max_neighbors: int | None = None,
        max_neighbors_rule: str = "strict",
        dtype: torch.dtype = torch.float32,
        num_threads: int | None = None,
    ) -> Graph:
        """Return the graph of one structure or of a sequence of them.

        Parameters
        ----------
        systems : ase.Atoms, Frame, or sequence of them
            What is batched; see `Frame` for the attributes that are read.
        cutoff : float
            angstrom; pairs at distances below it are edges, over all periodic images.
        max_neighbors : int, optional
            Keep the nearest ones of each atom alone: the graph is no longer symmetric, energies jump.
        max_neighbors_rule : str
            ``"strict"``, or ``"tolerant"``: all within 0.01 angstrom^2 of the last one's squared distance
            stay too.
        dtype : torch.dtype
            float32 or float64.
        num_threads : int, optional
            Of the neighbour search.

        Raises
        ------
        InvalidArgument
            If a structure or an argument is not what it should be; structures are named by their place.

        Examples
        --------
        >>> import numpy as np
        >>> from nonideal.physics import atoms
        >>> dimer = atoms.Frame([29, 29], [[0, 0, 0], [0, 0, 2.2]])
        >>> graph = atoms.Graph.build([dimer, dimer], cutoff=5.0)
        >>> graph.graph_ptr.tolist(), graph.neighbors.tolist()
        ([0, 2, 4], [1, 0, 3, 2])
        """
        if dtype not in (torch.float32, torch.float64):
            raise InvalidArgument(f"dtype = {dtype} is neither torch.float32 nor torch.float64")
        search = NeighborList(
            cutoff,
            max_neighbors=max_neighbors,
            max_neighbors_rule=max_neighbors_rule,
            num_threads=num_threads,
        )
        parts = []
        for name, entry in named_systems(systems):
            system = as_system(entry, name)
            search.update(system)
            parts.append(
                cls(
                    numbers=torch.from_numpy(system.numbers.astype(np.int64)),
                    positions=torch.from_numpy(np.array(system.positions)),
                    cells=torch.from_numpy(np.array(system.cell))[None],
                    graph_ptr=torch.tensor([0, len(system.numbers)]),
                    indptr=torch.from_numpy(np.array(search.indptr)),
                    neighbors=torch.from_numpy(search.neighbors.astype(np.int64)),
                    shifts=torch.from_numpy(search.shifts.astype(np.float64)),
                    cutoff=float(cutoff),
                    dtype=dtype,
                )
            )
        if not parts:
            raise InvalidArgument("systems is empty")
        return cls.join(parts)

    @classmethod
    def join(cls, graphs: Sequence[Graph]) -> Graph:
        """Return one graph of all structures of several, in their order.

        Raises
        ------
        InvalidArgument
            If there are none, or they differ in cutoff or precision.

        Examples
        --------
        >>> from nonideal.physics import atoms
        >>> atom = atoms.Graph.build(atoms.Frame([29], [[0.0, 0.0, 0.0]]), cutoff=5.0)
        >>> len(atoms.Graph.join([atom, atom, atom]))
        3
        """
        if not graphs:
            raise InvalidArgument("graphs is empty")
        first = graphs[0]
        if any((graph.cutoff, graph.dtype) != (first.cutoff, first.dtype) for graph in graphs):
            raise InvalidArgument("graphs differ in cutoff or precision")
        if len(graphs) == 1:
            return first
        atoms = _starts([len(graph.numbers) for graph in graphs])
        edges = _starts([len(graph.neighbors) for graph in graphs])
        return cls(
            numbers=torch.cat([graph.numbers for graph in graphs]),
            positions=torch.cat([graph.positions for graph in graphs]),
            cells=torch.cat([graph.cells for graph in graphs]),
            graph_ptr=_joined([graph.graph_ptr for graph in graphs], atoms),
            indptr=_joined([graph.indptr for graph in graphs], edges),
            neighbors=torch.cat(
                [graph.neighbors + start for graph, start in zip(graphs, atoms, strict=False)]
            ),
            shifts=torch.cat([graph.shifts for graph in graphs]),
            cutoff=first.cutoff,
            dtype=first.dtype,
        )

    def __len__(self) -> int:
        """Return the number of structures."""
        return len(self.cells)

    def __repr__(self) -> str:
        return (
            f"Graph({len(self)} structures, {len(self.numbers)} atoms, {len(self.neighbors)} edges, "
            f"cutoff {self.cutoff} angstrom)"
        )

    @property
    def n_atoms(self) -> Tensor:
        """Atoms of each structure, (n_graphs,) int64."""
        return self.graph_ptr.diff()

    @cached_property
    def graph_index(self) -> Tensor:
        """The structure of each atom, (n_atoms,) int64."""
        return torch.repeat_interleave(self.graph_ptr.diff(), output_size=len(self.numbers))

    @cached_property
    def centers(self) -> Tensor:
        """The atom that each edge belongs to, (n_edges,) int64."""
        return torch.repeat_interleave(self.indptr.diff(), output_size=len(self.neighbors))

    def vectors(self) -> Tensor:
        """Return r_j + S.h - r_i of each edge, (n_edges, 3) in ``dtype``, angstrom, subtracted in float64.

        Examples
        --------
        >>> from nonideal.physics import atoms
        >>> dimer = atoms.Frame([29, 29], [[0, 0, 0], [0, 0, 2.5]])
        >>> atoms.Graph.build(dimer, cutoff=5.0).vectors().tolist()
        [[0.0, 0.0, 2.5], [0.0, 0.0, -2.5]]
        """
        if len(self) == 1:
            images = self.shifts @ self.cells[0]
        else:
            images = (self.shifts[:, None, :] @ self.cells[self.graph_index[self.centers]])[:, 0]
        steps = self.positions[self.neighbors] + images - self.positions[self.centers]
        return steps.to(self.dtype)


def _starts(counts: Sequence[int]) -> list[int]:
    return [0, *np.cumsum(counts).tolist()]


def _joined(pointers: Sequence[Tensor], starts: Sequence[int]) -> Tensor:
    parts = [pointer[:-1] + start for pointer, start in zip(pointers, starts, strict=False)]
    return torch.cat([*parts, torch.tensor(starts[-1:])])
