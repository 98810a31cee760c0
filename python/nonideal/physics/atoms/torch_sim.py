"""LEIGNN as a model of torch-sim, which runs many structures at once."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from nonideal.checks import check_boolean, check_choice
from nonideal.errors import InvalidArgument, MissingExtra
from nonideal.physics.atoms.frame import Frame
from nonideal.physics.atoms.model import LEIGNN
from nonideal.physics.atoms.potential import Potential
from nonideal.physics.atoms.prediction import Prediction

try:
    import torch
    from torch import Tensor

    with warnings.catch_warnings():  # it decorates with torch.jit, which torch 2.13 warns of
        warnings.simplefilter("ignore", DeprecationWarning)
        from torch_sim.models.interface import ModelInterface
        from torch_sim.state import SimState
except ImportError:
    raise MissingExtra("torch-sim-atomistic", "torch-sim") from None

__all__ = ["TorchSimModel"]


class TorchSimModel(ModelInterface):
    """Energy, forces and stress of a LEIGNN for torch-sim.

    A call with a state gives ``energy`` (n_systems,) in eV, unless switched off ``forces`` (n_atoms, 3) in
    eV/angstrom and ``stress`` (n_systems, 3, 3) in eV/angstrom^3, positive in tension, and ``energies``
    (n_atoms,) in eV; all in the state's precision, none with a history for gradients.

    Parameters
    ----------
    model : path, LEIGNN or Potential
        A ``.leignn`` file is opened as a `Potential`, the engine in C++, which is the fastest; a LEIGNN is
        called with its weights of the moment.
    forces : str, optional
        ``"gradient"`` or ``"direct"``; the latter don't conserve energy. None: the model's own default.
    compute_stress : bool
        Every structure then needs a cell; may be changed later, as may ``compute_forces``.

    Attributes
    ----------
    dtype : torch.dtype
        Of the states that torch-sim is to make: float64, since positions in large cells need it, whatever the
        precision of the network.

    Raises
    ------
    MissingExtra
        On import, if torch-sim is not installed.
    InvalidArgument
        If the model is none, or, in a call, as `LEIGNN.evaluate` and `Potential.compute`.

    Examples
    --------
    >>> import torch, torch_sim
    >>> from ase.build import bulk
    >>> from nonideal.physics import atoms
    >>> model = atoms.LEIGNN(["Cu"], channels=16, layers=1, n_rbf=4, seed=1)
    >>> systems = [bulk("Cu"), bulk("Cu", cubic=True)]
    >>> state = torch_sim.io.atoms_to_state(systems, torch.device("cpu"), torch.float64)
    >>> found = atoms.TorchSimModel(model)(state)
    >>> [tuple(found[name].shape) for name in ("energy", "forces", "stress")]
    [(2,), (5, 3), (2, 3, 3)]
    """

    def __init__(self, model: Any, *, forces: str | None = None, compute_stress: bool = True) -> None:
        super().__init__()
        if not isinstance(model, str | Path | LEIGNN | Potential):
            raise InvalidArgument(
                f"model: {type(model).__name__} is neither a path nor a LEIGNN or Potential"
            )
        self.model = Potential(model) if isinstance(model, str | Path) else model
        limits = self.model if isinstance(self.model, Potential) else self.model.architecture
        default = limits.forces
        if forces is not None:
            check_choice("forces", forces, ("gradient", "direct"))
        self.forces_kind = forces or ("gradient" if default == "none" else default)
        self._device = torch.device("cpu")
        self._dtype = torch.float64
        self._compute_forces = True
        self._compute_stress = check_boolean("compute_stress", compute_stress)
        self._memory_scales_with = "n_atoms_x_density" if limits.max_neighbors is None else "n_atoms"

    @property
    def compute_stress(self) -> bool:
        """Whether calls give stress."""
        return self._compute_stress

    @compute_stress.setter
    def compute_stress(self, compute_stress: bool) -> None:
        self._compute_stress = check_boolean("compute_stress", compute_stress)

    @property
    def compute_forces(self) -> bool:
        """Whether calls give forces."""
        return self._compute_forces

    @compute_forces.setter
    def compute_forces(self, compute_forces: bool) -> None:
        self._compute_forces = check_boolean("compute_forces", compute_forces)

    def forward(self, state: Any, **kwargs: Any) -> dict[str, Tensor]:
        """Return what the model says of all structures of a state.

        Parameters
        ----------
        state : torch_sim.SimState or dict
            On the CPU; a dict has SimState's attributes, of which ``masses`` aren't needed.
        **kwargs
            None is known.
        """
        if kwargs:
            raise InvalidArgument(f"{next(iter(kwargs))} is no argument of this model")
        if not isinstance(state, SimState):
            state = SimState(**({"masses": torch.ones_like(state["positions"][:, 0])} | state))
        if state.positions.device.type != "cpu":
            raise InvalidArgument(f"state is on {state.positions.device}; this model runs on the CPU")
        frames = _frames(state)
        found = self._evaluate(frames)
        like = state.positions
        result = {
            "energy": torch.tensor([each.energy for each in found], dtype=like.dtype),
            "energies": _joined([each.energies for each in found], like),
        }
        if self._compute_forces:
            result["forces"] = _joined([each.forces for each in found], like)
        if self._compute_stress:
            result["stress"] = _joined([np.asarray(each.stress)[None] for each in found], like)
        return result

    def _evaluate(self, frames: list[Frame]) -> list[Prediction]:
        kind = self.forces_kind if self._compute_forces else "none"
        if self._compute_stress:
            for index, frame in enumerate(frames):
                if np.linalg.det(frame.cell) == 0:
                    raise InvalidArgument(
                        f"structure {index} has no cell, and so no stress; set compute_stress = False"
                    )
        if isinstance(self.model, Potential):
            return [self.model.compute(frame, forces=kind, stress=self._compute_stress) for frame in frames]
        found: list[Prediction] = self.model.evaluate(frames, forces=kind, stress=self._compute_stress)
        return found


def _frames(state: SimState) -> list[Frame]:
    """Return the structures; torch-sim has cell vectors as columns."""
    counts = torch.bincount(state.system_idx, minlength=len(state.cell)).tolist()
    if not torch.equal(state.system_idx, torch.repeat_interleave(torch.tensor(counts))):
        raise InvalidArgument("state.system_idx is not sorted")
    places = state.positions.detach().double().numpy()
    numbers = state.atomic_numbers.numpy()
    cells = state.cell.detach().double().numpy().transpose(0, 2, 1)
    periodic = np.broadcast_to(np.asarray(state.pbc, dtype=bool), 3)
    starts = np.cumsum([0, *counts])
    return [
        Frame(numbers[start:end], places[start:end], cell, periodic)
        for start, end, cell in zip(starts, starts[1:], cells, strict=False)
    ]


def _joined(parts: list[Any], like: Tensor) -> Tensor:
    return torch.from_numpy(np.concatenate(parts)).to(like.dtype)
