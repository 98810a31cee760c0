"""Other people's networks for speed's sake: PaiNN of schnetpack and MACE, random weights, our structures.

Each is of a size that its users take. Neither library imports beside every torch: what an import needs is
lent to it and taken back.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from nonideal.physics import atoms
from nonideal.physics.atoms.optimization import threads_of_torch

__all__ = ["NETWORKS", "Peer", "load_peer"]

Evaluate = Callable[[], Any]


@dataclass(frozen=True)
class Peer:
    """A network on a structure: a call gives ``energy`` (eV) and ``forces`` (n_atoms, 3), float32 tensors."""

    evaluate: Evaluate
    n_parameters: int

    def __call__(self, num_threads: int) -> dict[str, Any]:
        """Return energy and gradient forces, computed on so many threads."""
        with threads_of_torch(num_threads), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = self.evaluate()
        return {"energy": found["energy"].detach(), "forces": found["forces"].detach()}


def load_peer(peer: str, frame: atoms.Frame, cutoff: float) -> Peer | str:
    """Return a network of `NETWORKS` on a structure, whose graph is made here; or why there is none.

    Parameters
    ----------
    peer : str
        A key of `NETWORKS`.
    frame : Frame
        Atoms of copper.
    cutoff : float
        angstrom.
    """
    module, make, _ = NETWORKS[peer]
    if importlib.util.find_spec(module) is None:
        return "not installed"
    import torch

    try:
        with _lent(), torch.random.fork_rng(devices=[]):
            return make(frame, cutoff)
    except (ImportError, AttributeError) as problem:  # made for another torch
        return f"installed, but does not run here ({type(problem).__name__}: {problem})"


@contextlib.contextmanager
def _lent() -> Iterator[None]:
    """Give imports the names that they miss, and keep to oneself what they say and set."""
    import torch
    import torch.utils.data.dataloader as loader

    environment = dict(os.environ)
    missing = not hasattr(loader, "T_co")
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            torch.serialization.safe_globals([slice]),  # e3nn 0.4's tables of constants
        ):
            warnings.simplefilter("ignore")
            if missing:  # schnetpack 2.0 wants a private name that torch had up to 2.12
                loader.T_co = TypeVar("T_co", covariant=True)  # type: ignore[attr-defined]
            yield
    finally:
        if missing:
            del loader.T_co  # type: ignore[attr-defined]
        os.environ.clear()
        os.environ.update(environment)
        logging.disable(level)


def _edges(frame: atoms.Frame, cutoff: float) -> dict[str, Any]:
    """Return the full list as tensors: i, j, whole shifts and shifts in angstrom."""
    import torch

    i, j, shifts = (np.asarray(a) for a in atoms.neighbor_list("ijS", frame, cutoff))
    return {
        "i": torch.from_numpy(i),
        "j": torch.from_numpy(j),
        "shifts": torch.tensor(shifts, dtype=torch.float32),
        "offsets": torch.tensor(shifts @ np.asarray(frame.cell), dtype=torch.float32),
        "positions": torch.tensor(np.asarray(frame.positions), dtype=torch.float32),
        "cell": torch.tensor(np.asarray(frame.cell), dtype=torch.float32),
    }


def _painn(frame: atoms.Frame, cutoff: float) -> Peer:
    """128 channels, three interactions, 32 Gaussians: 602,881 parameters."""
    import schnetpack
    import schnetpack.atomistic
    import schnetpack.model
    import schnetpack.nn
    import schnetpack.representation
    import torch

    torch.manual_seed(1)
    model = schnetpack.model.NeuralNetworkPotential(
        schnetpack.representation.PaiNN(
            n_atom_basis=128,
            n_interactions=3,
            radial_basis=schnetpack.nn.GaussianRBF(n_rbf=32, cutoff=cutoff),
            cutoff_fn=schnetpack.nn.CosineCutoff(cutoff),
        ),
        input_modules=[schnetpack.atomistic.PairwiseDistances()],
        output_modules=[
            schnetpack.atomistic.Atomwise(n_in=128, output_key="energy"),
            schnetpack.atomistic.Forces(energy_key="energy", force_key="forces"),
        ],
    )
    model.eval().requires_grad_(False)
    edges = _edges(frame, cutoff)
    inputs = {
        "_atomic_numbers": torch.from_numpy(np.asarray(frame.numbers).astype(np.int64)),
        "_positions": edges["positions"],
        "_idx_i": edges["i"],
        "_idx_j": edges["j"],
        "_offsets": edges["offsets"],
        "_n_atoms": torch.tensor([len(frame)]),
        "_idx_m": torch.zeros(len(frame), dtype=torch.int64),
    }
    return Peer(lambda: model(dict(inputs)), _size(model))


def _mace(frame: atoms.Frame, cutoff: float) -> Peer:
    """64x0e, two interactions, spherical harmonics to 3, correlation 3: 112,272 parameters."""
    import e3nn.o3
    import mace.modules
    import torch

    block = mace.modules.interaction_classes["RealAgnosticResidualInteractionBlock"]
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    torch.manual_seed(1)  # imports draw numbers, too
    try:
        model = mace.modules.MACE(
            r_max=cutoff,
            num_bessel=8,
            num_polynomial_cutoff=5,
            max_ell=3,
            interaction_cls=block,
            interaction_cls_first=block,
            num_interactions=2,
            num_elements=1,
            hidden_irreps=e3nn.o3.Irreps("64x0e"),
            MLP_irreps=e3nn.o3.Irreps("16x0e"),
            atomic_energies=np.zeros(1),
            avg_num_neighbors=43.0,
            atomic_numbers=[29],
            correlation=3,
            gate=torch.nn.functional.silu,
        )
    finally:
        torch.set_default_dtype(before)
    model.eval().requires_grad_(False)
    edges = _edges(frame, cutoff)
    inputs = {
        "positions": edges["positions"],
        "node_attrs": torch.ones(len(frame), 1),
        "edge_index": torch.stack([edges["i"], edges["j"]]),
        "shifts": edges["offsets"],
        "unit_shifts": edges["shifts"],
        "cell": edges["cell"],
        "batch": torch.zeros(len(frame), dtype=torch.int64),
        "ptr": torch.tensor([0, len(frame)]),
        "head": torch.zeros(1, dtype=torch.int64),
    }
    return Peer(lambda: model(dict(inputs), training=False, compute_force=True), _size(model))


def _size(model: Any) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


#: Module, maker, and what it is.
NETWORKS: dict[str, tuple[str, Callable[[atoms.Frame, float], Peer], str]] = {
    "schnetpack": ("schnetpack", _painn, "schnetpack's PaiNN, F = 128, 3 interactions"),
    "mace": ("mace", _mace, "MACE 64x0e, 2 interactions, correlation 3"),
}
