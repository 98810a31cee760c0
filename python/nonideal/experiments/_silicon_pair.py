"""The best potential of pair distances alone for given forces: what a network has to beat.

u(r) is a sum of cubic splines that vanishes at the cutoff with two derivatives. Forces are linear in its
coefficients, so those of the smallest squared error are the solution of a linear system: no other sum of
these splines has a smaller one on these frames. Energies are not fitted; a constant is added to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import linalg
from scipy.interpolate import BSpline

from nonideal.checks import FloatArray
from nonideal.errors import MissingExtra
from nonideal.physics import atoms

try:
    from ase.calculators.calculator import Calculator, all_changes
except ImportError:
    raise MissingExtra("ase", "atoms") from None

__all__ = ["N_SPLINES", "PairPotential"]

N_SPLINES = 40
_SKIN = 0.7  # angstrom
_SHORT = 1e-4  # the part of pairs that are nearer than the first knot
_RIDGE = 1e-10  # of the mean of the system's diagonal: where no pair is, nothing is learnt


class PairPotential(Calculator):
    """An ASE calculator of u(r), summed over pairs, and an energy per atom.

    Parameters
    ----------
    spline : BSpline
        u, eV, of r in angstrom.
    cutoff : float, angstrom
        From where on u is 0.
    core : float, angstrom
        Below it u goes on as a parabola, with the same slope, and curved upwards.
    energy_per_atom : float, eV
    """

    implemented_properties = ["energy", "free_energy", "forces", "stress"]  # noqa: RUF012 (ASE's type)

    def __init__(self, spline: BSpline, cutoff: float, core: float, energy_per_atom: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.cutoff, self.n_parameters = cutoff, len(spline.c) - 3
        self._energy_per_atom = energy_per_atom
        self._functions = [spline.derivative(order) if order else spline for order in range(2)]
        self._core = core
        curvature = max(float(spline.derivative(2)(core)), 0.0)
        self._at_core = [float(self._functions[0](core)), float(self._functions[1](core)), curvature]
        self._pairs = atoms.NeighborList(self.cutoff, skin=_SKIN, half=True)

    @classmethod
    def fitted(
        cls, frames: Sequence[atoms.Frame], cutoff: float, n_splines: int = N_SPLINES
    ) -> PairPotential:
        """Return the potential of least squared error of the frames' forces.

        Parameters
        ----------
        frames : sequence of Frame
            With energies and forces.
        cutoff : float, angstrom
        n_splines : int
            Coefficients.
        """
        lists = [atoms.neighbor_list("ijDd", frame, cutoff, half=True) for frame in frames]
        core = float(np.quantile(np.concatenate([d for _, _, _, d in lists]), _SHORT))
        basis = _basis(core, cutoff, n_splines)
        slopes = basis.derivative()
        square, right = np.zeros((n_splines, n_splines)), np.zeros(n_splines)
        for frame, (i, j, vectors, d) in zip(frames, lists, strict=True):
            directions = vectors / d[:, None]
            pulls = directions[:, :, None] * slopes(np.maximum(d, core))[:, None, :]
            rows = np.zeros((len(frame), 3, n_splines))
            np.add.at(rows, i, pulls)
            np.subtract.at(rows, j, pulls)
            table = rows.reshape(-1, n_splines)
            square += table.T @ table
            right += table.T @ np.ravel(np.asarray(frame.forces))
        square += _RIDGE * np.trace(square) / n_splines * np.eye(n_splines)
        solved = linalg.solve(square, right, assume_a="pos")
        spline = BSpline(basis.t, basis.c @ solved, 3)
        found = cls(spline, cutoff, core, 0.0)
        missing = [(float(frame.energy or 0.0) - found.energy_of(frame)) / len(frame) for frame in frames]
        return cls(spline, cutoff, core, float(np.mean(missing)))

    def energy_of(self, frame: atoms.Frame) -> float:
        """Return the energy of a frame, eV."""
        system: Any = frame.to_ase()
        self.calculate(system)
        return float(self.results["energy"])

    def calculate(
        self, atoms: Any = None, properties: Sequence[str] = ("energy",), system_changes: Any = all_changes
    ) -> None:
        """Fill ``results`` for these atoms."""
        super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]
        system: Any = self.atoms
        pairs = self._pairs
        pairs.update(system)
        n_atoms = len(system)
        i, j = np.repeat(np.arange(n_atoms), np.diff(pairs.indptr)), pairs.neighbors
        vectors = system.positions[j] - system.positions[i] + pairs.shifts @ system.cell[:]
        d = np.linalg.norm(vectors, axis=1)
        near = d < self.cutoff
        i, j, vectors, d = i[near], j[near], vectors[near], d[near]
        energies, slopes = self._evaluate(d)
        pulls = vectors * (slopes / d)[:, None]
        forces = np.stack([np.bincount(i, p, n_atoms) - np.bincount(j, p, n_atoms) for p in pulls.T], axis=1)
        energy = float(energies.sum()) + n_atoms * self._energy_per_atom
        self.results = {"energy": energy, "free_energy": energy, "forces": forces}
        if system.pbc.all():
            whole: Any = pulls.T @ vectors / system.get_volume()
            self.results["stress"] = whole.ravel()[[0, 4, 8, 5, 2, 1]]  # as ASE orders them

    def _evaluate(self, d: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return u and u' at distances below the cutoff."""
        inside = d < self._core
        held = np.where(inside, self._core, d)
        u, slope = (function(held) for function in self._functions)
        step = d[inside] - self._core
        value, first, second = self._at_core
        u[inside] = value + first * step + 0.5 * second * step**2
        slope[inside] = first + second * step
        return u, slope


def _basis(core: float, cutoff: float, n: int) -> BSpline:
    """Return n cubic splines on equal knots, from the core on, all 0 from the cutoff on."""
    knots = core + (cutoff - core) / n * np.arange(-3, n + 4)
    # Of n + 3 that are not 0 somewhere between, the last three reach beyond the cutoff.
    return BSpline(knots, np.eye(n + 3)[:, :n], 3)
