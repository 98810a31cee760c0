"""A few molecules that pairs of atoms hold together, and frames of them as DeePMD systems."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from nonideal.physics import atoms

SIDE = 6.2  # angstrom, of a cube with eight molecules: the density of water
_BOND, _ANGLE = 0.98, 1.55  # angstrom: O-H, H-H
_DEPTH, _WIDTH = 4.0, 2.5  # eV, 1/angstrom: Morse, O-H
_WALLS = {(8, 8): (300.0, 0.3), (1, 1): (20.0, 0.45)}  # eV, angstrom: exponential, O-O and H-H


class ToyWater(Calculator):
    """O and H bind, like atoms repel one another: pairs alone, so that a tiny network learns it."""

    implemented_properties = ["energy", "forces"]  # noqa: RUF012 (ASE's type)

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        places, numbers = self.atoms.positions, self.atoms.numbers
        vectors = places[:, None] - places
        vectors -= SIDE * np.round(vectors / SIDE)
        lengths = np.linalg.norm(vectors, axis=2)
        np.fill_diagonal(lengths, np.inf)
        energies, pulls = np.zeros((2, *lengths.shape))
        bound = numbers[:, None] != numbers
        near = np.exp(-_WIDTH * (lengths - _BOND))
        energies[bound] = (_DEPTH * (near**2 - 2 * near))[bound]
        pulls[bound] = (2 * _WIDTH * _DEPTH * (near**2 - near))[bound]
        for (one, other), (height, length) in _WALLS.items():
            there = (numbers[:, None] == one) & (numbers == other)
            wall = height * np.exp(-lengths / length)
            energies[there], pulls[there] = wall[there], (wall / length)[there]
        self.results = {
            "energy": 0.5 * float(energies.sum()) - 100.0 * len(numbers),
            "forces": ((pulls / lengths)[:, :, None] * vectors).sum(axis=1),
        }


def molecules():
    """Eight molecules, each somehow turned, on a cubic lattice."""
    rng = np.random.default_rng(5)
    half = 0.5 * _ANGLE
    one = np.array(
        [[0, 0, 0], [half, (_BOND**2 - half**2) ** 0.5, 0], [-half, (_BOND**2 - half**2) ** 0.5, 0]]
    )
    places = []
    for corner in np.ndindex(2, 2, 2):
        turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        places.append(0.5 * SIDE * np.array(corner) + one @ turn)
    return Atoms("OH2" * 8, np.concatenate(places), cell=[SIDE] * 3, pbc=True)


def write_systems(folder, n_frames=16, names=("a", "b", "c"), temperature=600, stride=80):
    """Write systems of frames of one simulation, ``stride`` steps apart, as DeePMD-kit has them."""
    run = atoms.run_md(
        molecules(),
        ToyWater(),
        temperature=temperature,
        time=0.5 * stride * n_frames * len(names),
        timestep=0.5,
        save_every=stride,
        equilibration=200,
        ensemble="langevin",
        seed=7,
        progress=False,
    )
    for k, name in enumerate(names):
        part = slice(k * n_frames, (k + 1) * n_frames)
        place = folder / name / "set.000"
        place.mkdir(parents=True)
        for file, array in (
            ("coord", run.positions[part]),
            ("force", run.forces[part]),
            ("energy", run.potential_energy[part]),
            ("box", run.cells[part]),
        ):
            np.save(place / f"{file}.npy", array.reshape(n_frames, -1).astype(np.float32))
        (place.parent / "type.raw").write_text("\n".join("0" if z == 8 else "1" for z in run.numbers))
        (place.parent / "type_map.raw").write_text("O\nH\n")
    return folder
