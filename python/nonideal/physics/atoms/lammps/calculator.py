"""Potentials of LAMMPS as ASE calculators."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

from nonideal.checks import FloatArray, check_positive
from nonideal.errors import InvalidArgument, MissingExtra, NumericalError
from nonideal.physics.atoms.frame import VOIGT
from nonideal.physics.atoms.lammps.box import Box, symmetric
from nonideal.physics.atoms.lammps.module import new_instance

try:
    from ase.calculators.calculator import Calculator, all_changes
    from ase.data import atomic_masses, chemical_symbols
except ImportError:
    raise MissingExtra("ase", "atoms") from None

__all__ = ["BAR", "LammpsCalculator", "LammpsSystem"]

#: eV/angstrom^3 in a bar, as LAMMPS converts in units metal (its constant nktv2p).
BAR = 1.0 / 1.6021765e6


class LammpsSystem:
    """One live LAMMPS instance, in units metal, that follows a system.

    Parameters
    ----------
    commands : sequence of str
        ``pair_style`` and ``pair_coeff`` lines; ``{types}`` in them stands for the chemical symbols of the
        atom types, in order.
    species : sequence of str
        Chemical symbols that the potential knows, one atom type each.
    cutoff : float, angstrom
        Of the potential: the distance kept to images where there is no period.
    """

    lmp: Any = None

    def __init__(self, commands: Sequence[str], species: Sequence[str], cutoff: float) -> None:
        self.commands = [line.format(types=" ".join(species)) for line in commands]
        self.numbers = np.array([chemical_symbols.index(symbol) for symbol in species])
        self.margin = 2.0 * check_positive("cutoff", cutoff)
        self.types: Any = None
        self.box: Any = None
        self.held: tuple[Any, ...] = ()  # what the box was made for
        self.ready = False  # set up for these atoms and this box

    def load(self, numbers: Any, positions: FloatArray, cell: FloatArray, pbc: Any) -> Box:
        """Make the instance hold this system; a new one is started only where atoms are others."""
        numbers, cell, pbc = np.asarray(numbers), np.asarray(cell), np.asarray(pbc)
        fixed = (numbers, cell, pbc) if pbc.all() else (numbers, cell, pbc, positions)
        box: Box
        if self.held and all(map(np.array_equal, fixed, self.held)):
            box = self.box
        else:
            box = Box.around(positions, cell, pbc, self.margin)
            self._follow(numbers, box)
            self.box, self.held = box, tuple(np.array(value) for value in fixed)
        flat = box.inside(positions).ravel()
        self.lmp.scatter_atoms("x", 1, 3, flat.ctypes.data_as(ctypes.POINTER(ctypes.c_double)))
        return box

    def _follow(self, numbers: Any, box: Box) -> None:
        types = self._types(numbers)
        if self.types is None or not np.array_equal(types, self.types):
            self._start(types, box)
        elif not np.array_equal(box.rows, self.box.rows):
            self.command(_change_box(box))
            self.ready = False

    def evaluate(self) -> None:
        """Compute energy, forces and virial of the atoms as they were loaded.

        A step without an integrator moves nothing, and spares what `run 0` sets up again each time (the
        splines of a tabulated potential among it).
        """
        self.command("run 1 pre no post no" if self.ready else "run 0 post no")
        self.ready = True

    def gather(self, name: str) -> FloatArray:
        """Return an array of the atoms, (N, 3), in their order and LAMMPS's axes."""
        return np.array(self.lmp.gather_atoms(name, 1, 3), dtype=np.float64).reshape(-1, 3)

    def command(self, line: str) -> None:
        """Run one command; LAMMPS's error becomes ours, and ends the instance: who knows what it left."""
        try:
            self.lmp.command(line)
        except Exception as problem:  # the module's own type is not public
            self.close()
            raise NumericalError(f"LAMMPS: {' '.join(str(problem).split())} [{line}]") from None

    def close(self) -> None:
        """End the instance; the next `load` starts another."""
        if self.lmp is not None:
            self.lmp.close()
        self.ready = False
        self.lmp = self.types = self.box = None
        self.held = ()

    def __del__(self) -> None:
        self.close()

    def _types(self, numbers: Any) -> Any:
        place = np.searchsorted(np.sort(self.numbers), numbers)
        order = np.argsort(self.numbers)
        place = order[np.minimum(place, len(order) - 1)]
        wrong = self.numbers[place] != numbers
        if wrong.any():
            symbols = ", ".join(chemical_symbols[n] for n in self.numbers)
            first = int(wrong.argmax())
            raise InvalidArgument(f"system.numbers[{first}] = {numbers[first]} is none of {symbols}")
        return place + 1

    def _start(self, types: Any, box: Box) -> None:
        self.close()
        self.lmp = new_instance()
        (lx, ly, lz), (xy, xz, yz) = (f"{x!r}" for x in map(float, box.lengths)), map(repr, box.tilts)
        for line in (
            "units metal",
            "atom_style atomic",
            "atom_modify map array sort 0 0",
            "boundary p p p",
            "box tilt large",
            f"region box prism 0 {lx} 0 {ly} 0 {lz} {xy} {xz} {yz} units box",
            f"create_box {len(self.numbers)} box",
        ):
            self.command(line)
        n = len(types)
        self.lmp.create_atoms(n, list(range(1, n + 1)), [int(t) for t in types], [0.0] * (3 * n))
        masses = (f"mass {k + 1} {float(atomic_masses[z])!r}" for k, z in enumerate(self.numbers))
        for line in (
            *self.commands,
            *masses,  # behind the potential: its file may bring others
            "neighbor 0 bin",
            "neigh_modify every 1 delay 0 check no",  # a loaded system has nothing to do with the last one
            "compute virial all pressure NULL virial",
        ):
            self.command(line)
        # What a thermo line names is computed in the steps that print one, the first among them.
        self.command("thermo_style custom step pe c_virial[1]")
        self.command("thermo_modify norm no")
        self.command("thermo 1")
        self.types = types


class LammpsCalculator(Calculator):
    """A potential of LAMMPS as an ASE calculator: energy, forces, stress.

    One instance stays alive from call to call; other atoms start a new one.

    Parameters
    ----------
    commands : sequence of str
        ``pair_style`` and ``pair_coeff`` lines for units metal; ``{types}`` in them stands for the chemical
        symbols in the order of ``species``.
    species : sequence of str
        Chemical symbols that the potential knows.
    cutoff : float, angstrom
        Of the potential. Directions without a period get so much empty space, twice.

    Examples
    --------
    >>> from ase import Atoms
    >>> from nonideal.physics.atoms import lammps
    >>> argon = lammps.LammpsCalculator(
    ...     ["pair_style lj/cut 8.5", "pair_coeff * * 0.0103 3.4"], ["Ar"], cutoff=8.5)
    >>> pair = Atoms("Ar2", [[0, 0, 0], [0, 0, 3.4 * 2**(1/6)]], calculator=argon)
    >>> print(round(pair.get_potential_energy(), 9))
    -0.0103
    """

    implemented_properties = ["energy", "free_energy", "forces", "stress"]  # noqa: RUF012 (ASE's type)

    def __init__(self, commands: Sequence[str], species: Sequence[str], cutoff: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.lammps = LammpsSystem(commands, species, cutoff)
        self.kept = (tuple(commands), tuple(species), float(cutoff))

    def calculate(
        self, atoms: Any = None, properties: Any = ("energy",), system_changes: Any = all_changes
    ) -> None:
        """Fill ``results``, as ASE calls it."""
        super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]
        system = self.lammps
        atoms = self.atoms
        positions = atoms.get_positions()
        if not np.isfinite(positions).all():
            raise InvalidArgument("system.positions: not all numbers are finite")
        if not len(atoms):
            self.results = {"energy": 0.0, "free_energy": 0.0, "forces": np.zeros((0, 3))}
            return
        box = system.load(atoms.numbers, positions, atoms.cell[:], atoms.pbc)
        system.evaluate()
        energy = float(system.lmp.get_thermo("pe"))
        if not np.isfinite(energy):
            raise NumericalError(f"LAMMPS: the energy is {energy}")
        self.results = {"energy": energy, "free_energy": energy, "forces": box.back(system.gather("f"))}
        if atoms.pbc.all():
            pressure = system.lmp.numpy.extract_compute("virial", 0, 1)  # global, vector
            self.results["stress"] = box.tensor_back(symmetric(-BAR * np.asarray(pressure)))[VOIGT]

    def __reduce__(self) -> Any:
        return type(self), self.kept


def _change_box(box: Box) -> str:
    edges = " ".join(f"{axis} final 0 {float(x)!r}" for axis, x in zip("xyz", box.lengths, strict=True))
    tilts = " ".join(f"{n} final {x!r}" for n, x in zip(("xy", "xz", "yz"), box.tilts, strict=True))
    return f"change_box all {edges} {tilts} units box"
