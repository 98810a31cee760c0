"""Losses on energy, forces and stress, and their gradients with respect to the weights.

A loss on forces needs the gradient of a gradient. Two ways: differentiate twice; or, since a force loss L has
dL/dweights = sum of dL/dF . dF/dweights and F = -dE/dr, take the difference of two single gradients of the
energy, with atoms moved by a small step along dL/dF and against it: far less memory, and an oracle for the
first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nonideal.errors import MissingExtra

try:
    import torch
    from torch import Tensor
except ImportError:
    raise MissingExtra("torch", "atoms") from None

if TYPE_CHECKING:
    from nonideal.physics.atoms.model import LEIGNN
    from nonideal.physics.atoms.training_data import Labelled

__all__ = ["Loss"]

# Longest step of a finite difference, angstrom: [measured] relative error 5e-8 in float64; float32 needs a
# longer one, for its rounding.
_STEP = {torch.float32: 1e-2, torch.float64: 1e-4}


@dataclass(frozen=True)
class Loss:
    """Sum of weighted means of errors: of energy over structures, of forces and stress over components.

    Attributes
    ----------
    energy, forces, stress : float
        Weights.
    norm : str
        ``"l1"``, or ``"l2"``: squares instead of absolute values.
    energy_per_atom : bool
        Divide each structure's difference of energies by its number of atoms.
    """

    energy: float
    forces: float
    stress: float
    norm: str = "l1"
    energy_per_atom: bool = False

    @property
    def needed(self) -> list[str]:
        """Labels with a weight."""
        return [name for name in ("energy", "forces", "stress") if getattr(self, name) > 0.0]

    def absolute_errors(self, model: LEIGNN, batch: Labelled) -> list[tuple[float, int]]:
        """Return sums and numbers of absolute errors: energy per atom, forces, stress (with a weight)."""
        kind, stress = model.architecture.forces, self.stress > 0.0
        result = model(batch.graph, forces=kind, stress=stress, create_graph=False)
        found = []
        for name, asked in (("energy", True), ("forces", kind != "none"), ("stress", stress)):
            if asked:
                error = _error(name, result, batch, True)
                found.append((float(error.abs().double().sum()), error.numel()))
            else:
                found.append((0.0, 0))
        return found

    def kind(self, model: LEIGNN) -> str:
        """Return the forces that the model is to give for it."""
        return model.architecture.forces if self.forces > 0.0 else "none"

    def __call__(self, result: dict[str, Tensor], batch: Labelled, counts: Sequence[int]) -> Tensor:
        """Return the loss, float64.

        Parameters
        ----------
        result : dict of str to torch.Tensor
            What the model says of the batch.
        batch : Labelled
            What is true.
        counts : (3,) sequence of int
            What means are over: energies, components of forces and of stress, of a batch of which this one
            may be a part.
        """
        total = result["energy"].new_zeros(())
        for name, count in zip(("energy", "forces", "stress"), counts, strict=True):
            if getattr(self, name) > 0.0 and count > 0:
                error = _error(name, result, batch, self.energy_per_atom)
                size = error.abs() if self.norm == "l1" else error.square()
                total = total + size.double().sum() * (getattr(self, name) / count)
        return total

    def backward(self, model: LEIGNN, batch: Labelled, counts: Sequence[int], force_gradient: str) -> float:
        """Add the loss's gradient to the weights' ``grad``; return the loss."""
        kind, stress = self.kind(model), self.stress > 0.0
        if force_gradient == "double-backward" or not (kind == "gradient" or stress):
            result = model(batch.graph, forces=kind, stress=stress, create_graph=True)
            loss = self(result, batch, counts)
            loss.backward()  # type: ignore[no-untyped-call]
            return float(loss.detach())
        result = model(batch.graph, forces=kind, stress=stress, create_graph=False)
        leaves = {name: value.requires_grad_() for name, value in result.items() if name != "energies"}
        loss = self(leaves, batch, counts)
        slopes = dict(
            zip(
                leaves,
                torch.autograd.grad(loss, list(leaves.values()), allow_unused=True, materialize_grads=True),
                strict=True,
            )
        )
        _difference(model, batch, slopes)
        return float(loss.detach())


def _error(name: str, result: dict[str, Tensor], batch: Labelled, per_atom: bool) -> Tensor:
    if name == "energy":
        error = (result["energy"] - batch.energy)[batch.energy_known]
        return error / batch.graph.n_atoms[batch.energy_known].clamp(min=1) if per_atom else error
    if name == "forces":
        return (result["forces"] - batch.forces)[batch.force_known]
    return (result["stress"] - batch.stress)[batch.stress_known]


def _difference(model: LEIGNN, batch: Labelled, slopes: dict[str, Tensor]) -> None:
    """Add to the weights' gradients what a loss with these slopes in energy, forces and stress gives."""
    graph = batch.graph
    with torch.no_grad():
        vectors = graph.vectors().to(model.dtype)
        # A force loss moves the edges' ends apart, a stress loss strains them; sum over edges of direction .
        # dE/dD is sum of slopes . forces + slopes . stress.
        direction = torch.zeros_like(vectors)
        if "forces" in slopes:
            direction += slopes["forces"][graph.centers] - slopes["forces"][graph.neighbors]
        if "stress" in slopes:
            volume = torch.linalg.det(graph.cells).abs()[:, None, None]
            strain = (slopes["stress"] + slopes["stress"].transpose(1, 2)) / 2 / volume.to(vectors.dtype)
            direction += (vectors[:, None, :] @ strain[graph.graph_index[graph.centers]])[:, 0]
        longest = float(direction.norm(dim=1).max()) if len(direction) else 0.0
        step = _STEP[model.dtype] / longest if longest > 0.0 else 0.0
    signs = (1.0, -1.0) if step else (0.0,)
    for sign in signs:
        energies, _ = model.atomic_energies(graph, vectors + sign * step * direction)
        energy = energies.new_zeros(len(graph)).index_add(0, graph.graph_index, energies)
        value = (energy * slopes["energy"]).sum() / len(signs)
        if step:
            value = value + energy.sum() * (sign / (2 * step))
        value.backward()  # type: ignore[no-untyped-call]
