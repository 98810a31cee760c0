"""What a potential says of one structure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from nonideal.checks import FloatArray
from nonideal.errors import NumericalError

__all__ = ["Prediction", "split_predictions"]


@dataclass(frozen=True, eq=False)
class Prediction:
    """Energy, forces and stress of one structure, float64.

    Attributes
    ----------
    energy : float
        Of all atoms, eV.
    energies : (n_atoms,) float64, eV
        What each atom contributes.
    forces : (n_atoms, 3) float64, eV/angstrom, or None
        If they were asked for.
    stress : (3, 3) float64, eV/angstrom^3, or None
        Positive in tension.
    forces_kind : str
        ``"gradient"`` (-dE/dr), ``"direct"`` or ``"none"``.
    virials : (n_atoms, 3, 3) float64, eV, or None
        Each atom's share of the virial, which is -stress times the volume: of each pair's half. Symmetric in
        their sum alone.
    """

    energy: float
    energies: FloatArray
    forces: FloatArray | None
    stress: FloatArray | None
    forces_kind: str
    virials: FloatArray | None = None


def split_predictions(
    arrays: Mapping[str, FloatArray], starts: Sequence[int], kind: str, first: int
) -> list[Prediction]:
    """Return the predictions of a batch, one by one.

    Parameters
    ----------
    arrays : mapping of str to numpy.ndarray
        ``energy``, ``energies`` and, if they were asked for, ``forces`` and ``stress`` of all structures.
    starts : sequence of int
        The first atom of each structure, and the end of the last one.
    kind : str
        Of the forces.
    first : int
        Number of the first structure, for errors.

    Raises
    ------
    NumericalError
        If a number is not finite.
    """
    found = []
    for index, (start, end) in enumerate(pairwise(starts)):
        parts = {
            name: array[index] if name in ("energy", "stress") else array[start:end]
            for name, array in arrays.items()
        }
        for name, part in parts.items():
            if not np.isfinite(part).all():
                raise NumericalError(f"{name} of structure {first + index} is not finite")
        found.append(
            Prediction(
                energy=float(parts["energy"]),
                energies=parts["energies"],
                forces=parts.get("forces"),
                stress=parts.get("stress"),
                forces_kind=kind,
            )
        )
    return found
