"""Potentials whose dynamics is known on paper, as ASE calculators."""

from __future__ import annotations

import numpy as np
from ase.calculators.calculator import Calculator, all_changes


class Wells(Calculator):
    """Every atom in its own harmonic well of this stiffness (eV/angstrom^2); 0: free atoms."""

    implemented_properties = ["energy", "forces"]  # noqa: RUF012 (ASE's type)

    def __init__(self, centres, stiffness=0.0):
        super().__init__()
        self.centres = np.array(centres)
        self.stiffness = stiffness

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        away = self.atoms.positions - self.centres
        self.results = {
            "energy": 0.5 * self.stiffness * float((away**2).sum()),
            "forces": -self.stiffness * away,
        }


class Failing(Wells):
    """Wells that raise what they are told to, at one of their calls."""

    def __init__(self, centres, problem, call, stiffness=1.0):
        super().__init__(centres, stiffness)
        self.problem = problem
        self.left = call

    def calculate(self, *args, **kwargs):
        self.left -= 1
        if not self.left:
            raise self.problem
        super().calculate(*args, **kwargs)
