"""Langevin dynamics inside LAMMPS: the steps cost what the potential costs."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from nonideal.checks import FloatArray
from nonideal.errors import NumericalError
from nonideal.physics.atoms.lammps.calculator import LammpsCalculator, LammpsSystem

__all__ = ["HIGHEST_SEED", "LammpsLangevin"]

#: Of LAMMPS's generator after Marsaglia.
HIGHEST_SEED = 900_000_000


class LammpsLangevin:
    """A simulation in an instance of its own.

    Forces that one finds in it contain those of the thermostat: labels are for another instance.

    Parameters
    ----------
    calculator : LammpsCalculator
        Its potential.
    atoms : ase.Atoms
        With velocities; all directions periodic.
    temperature : float, K
    timestep : float, fs
    friction : float, 1/fs
    seed : int
        In [1, 900000000]: of the thermostat's random numbers, which are never started again.
    """

    def __init__(
        self,
        calculator: LammpsCalculator,
        atoms: Any,
        *,
        temperature: float,
        timestep: float,
        friction: float,
        seed: int,
    ) -> None:
        self.system = LammpsSystem(*calculator.kept)
        self.box = self.system.load(atoms.numbers, atoms.positions, atoms.cell[:], atoms.pbc)
        from ase import units

        turned = atoms.get_velocities() * (1e3 * units.fs) @ self.box.rotation.T  # angstrom/ps
        flat = np.ascontiguousarray(turned).ravel()
        self.system.lmp.scatter_atoms("v", 1, 3, flat.ctypes.data_as(ctypes.POINTER(ctypes.c_double)))
        damping = 1e-3 / friction  # ps
        for line in (
            "neighbor 1 bin",
            "neigh_modify every 1 delay 0 check yes",
            f"timestep {1e-3 * timestep!r}",
            "thermo 0",
            "fix motion all nve",
            f"fix bath all langevin {temperature!r} {temperature!r} {damping!r} {seed} zero yes",
        ):
            self.system.command(line)
        self.started = False

    def run(self, n_steps: int) -> None:
        """Go on; the thermostat goes on, too."""
        self.system.command(f"run {n_steps} pre {'no' if self.started else 'yes'} post no")
        self.started = True

    def positions(self) -> FloatArray:
        """Return the positions, wrapped into the cell: (N, 3) float64, angstrom."""
        positions = self.box.back(self.system.gather("x"))
        if not np.isfinite(positions).all():
            raise NumericalError("LAMMPS: positions are not finite; the timestep is too long")
        return positions

    def close(self) -> None:
        """End the instance."""
        self.system.close()
