"""Labelled frames as tensors: their graphs are built once, batches are put together from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nonideal.errors import InvalidArgument, MissingExtra
from nonideal.physics.atoms.elements import SYMBOLS
from nonideal.physics.atoms.frame import Frame
from nonideal.physics.atoms.graph import Graph
from nonideal.physics.atoms.system import BoolArray

try:
    import torch
    from torch import Tensor
except ImportError:
    raise MissingExtra("torch", "atoms") from None

if TYPE_CHECKING:
    from nonideal.physics.atoms.model import LEIGNN

__all__ = ["Labelled", "batches", "check_labels", "labelled_graphs"]


@dataclass(frozen=True, eq=False)
class Labelled:
    """Structures and what is known of them; what isn't is masked.

    Attributes
    ----------
    graph : Graph
        The structures.
    energy : (n_graphs,) float64, eV
        With ``energy_known``.
    forces : (n_atoms, 3), eV/angstrom
        In the graph's precision; with ``force_known`` per atom.
    stress : (n_graphs, 3, 3), eV/angstrom^3
        With ``stress_known``.
    """

    graph: Graph
    energy: Tensor
    energy_known: Tensor
    forces: Tensor
    force_known: Tensor
    stress: Tensor
    stress_known: Tensor

    @classmethod
    def join(cls, parts: Sequence[Labelled]) -> Labelled:
        """Return several ones as one."""
        if len(parts) == 1:
            return parts[0]
        names = [name for name in cls.__dataclass_fields__ if name != "graph"]
        return cls(
            Graph.join([part.graph for part in parts]),
            **{name: torch.cat([getattr(part, name) for part in parts]) for name in names},
        )

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many energies, components of forces and components of stress are known."""
        return (
            int(self.energy_known.sum()),
            3 * int(self.force_known.sum()),
            9 * int(self.stress_known.sum()),
        )


def check_labels(name: str, frames: Sequence[Frame], model: LEIGNN, needed: Sequence[str]) -> None:
    """Refuse frames without a label that a loss needs, or with elements that the model doesn't know."""
    for index, frame in enumerate(frames):
        for label in needed:
            if getattr(frame, label) is None:
                raise InvalidArgument(f"{name}[{index}] has no {label}, which weights[{label!r}] asks for")
        for number in np.unique(frame.numbers).tolist():
            if number not in model.species:
                known = ", ".join(SYMBOLS[n] for n in model.species)
                raise InvalidArgument(
                    f"{name}[{index}] holds {SYMBOLS[number]}, which is not among the model's species: "
                    f"{known}"
                )
    if "forces" in needed and not any(_mask(frame).any() for frame in frames):
        raise InvalidArgument(f"{name}: every force is masked")


def labelled_graphs(frames: Sequence[Frame], model: LEIGNN) -> list[Labelled]:
    """Return each frame with its graph, in the model's precision."""
    found = []
    for frame in frames:
        n, dtype = len(frame), model.dtype
        forces = np.zeros((n, 3)) if frame.forces is None else frame.forces
        stress = np.zeros((3, 3)) if frame.stress is None else frame.stress
        found.append(
            Labelled(
                graph=model.graph(frame),
                energy=torch.tensor([0.0 if frame.energy is None else frame.energy], dtype=torch.float64),
                energy_known=torch.tensor([frame.energy is not None]),
                forces=torch.tensor(forces, dtype=dtype),
                force_known=torch.tensor(_mask(frame)),
                stress=torch.tensor(stress, dtype=dtype)[None],
                stress_known=torch.tensor([frame.stress is not None]),
            )
        )
    return found


def batches(parts: Sequence[Labelled], size: int) -> list[Labelled]:
    """Return them joined, ``size`` at a time."""
    return [Labelled.join(parts[start : start + size]) for start in range(0, len(parts), size)]


def _mask(frame: Frame) -> BoolArray:
    """Return which atoms have a force to be learnt."""
    if frame.forces is None:
        return np.zeros(len(frame), dtype=bool)
    return np.ones(len(frame), dtype=bool) if frame.force_mask is None else np.array(frame.force_mask)
