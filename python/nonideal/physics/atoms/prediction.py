"""What a potential says of one structure."""

from __future__ import annotations

from dataclasses import dataclass

from nonideal.checks import FloatArray

__all__ = ["Prediction"]


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
    """

    energy: float
    energies: FloatArray
    forces: FloatArray | None
    stress: FloatArray | None
    forces_kind: str
