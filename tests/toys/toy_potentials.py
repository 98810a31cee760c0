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


class Springs(Calculator):
    """A spring of this stiffness (eV/angstrom^2), at rest as the atoms stand, between every two of them."""

    implemented_properties = ["energy", "forces"]  # noqa: RUF012

    def __init__(self, positions, stiffness):
        super().__init__()
        self.stiffness = stiffness
        self.lengths = np.linalg.norm(positions[:, None] - positions, axis=2)

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        vectors = self.atoms.positions[:, None] - self.atoms.positions
        lengths = np.linalg.norm(vectors, axis=2)
        stretch = lengths - self.lengths
        pull = -self.stiffness * stretch / np.where(lengths > 0, lengths, 1.0)
        self.results = {
            "energy": 0.25 * self.stiffness * float((stretch**2).sum()),
            "forces": (pull[:, :, None] * vectors).sum(axis=1),
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


class Spoiled(Wells):
    """Wells whose energy or forces are no numbers from one of their calls on."""

    def __init__(self, centres, name, call, stiffness=1.0):
        super().__init__(centres, stiffness)
        self.spoiled = name
        self.left = call

    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        self.left -= 1
        if self.left <= 0:
            self.results[self.spoiled] = self.results[self.spoiled] * np.nan


class Smeared(Wells):
    """Wells with an "energy" that their forces do not belong to, as of smeared occupations."""

    implemented_properties = ["energy", "free_energy", "forces"]  # noqa: RUF012

    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        self.results["free_energy"] = self.results["energy"]
        self.results["energy"] *= 0.5
