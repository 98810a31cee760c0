"""What a run of molecular dynamics leaves: positions, velocities, forces and energies in time."""

from __future__ import annotations

import math
import os
import zipfile
import zlib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from nonideal.checks import FloatArray, check_choice, check_finite, check_integer
from nonideal.errors import InvalidArgument
from nonideal.physics.atoms.frame import Frame
from nonideal.physics.atoms.system import (
    BoolArray,
    IntArray,
    check_cell,
    check_length,
    check_numbers,
    check_pbc,
)

__all__ = ["BOLTZMANN", "ENSEMBLES", "Trajectory"]

#: eV/K. Source: the SI's exact Boltzmann constant and elementary charge.
BOLTZMANN = 1.380649e-23 / 1.602176634e-19

#: What `run_md` can keep constant: the energy, or the temperature by a stochastic or a deterministic bath.
ENSEMBLES = ("nve", "langevin", "nose-hoover")

_FORMAT = "nonideal trajectory 1"


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Saved steps of a simulation, T of them, of N atoms.

    Parameters
    ----------
    numbers : (N,) int32
        Atomic numbers.
    time : (T,) float64, fs
        Rising.
    positions : (T, N, 3) float64, angstrom
        Not wrapped into the cell: displacements are differences.
    velocities : (T, N, 3) float64, angstrom/fs
        Optional, as everything that follows: what is missing is refused by the observables that need it.
    forces : (T, N, 3) float64, eV/angstrom
        Of the potential alone, without those of a thermostat.
    cells : (T, 3, 3) float64, angstrom
        Cell vectors as rows; one (3, 3) cell stands for all steps; default: no cell.
    pbc : (3,) bool
        Which of them are periods; one value stands for all three.
    potential_energy, kinetic_energy : (T,) float64, eV
        Of the whole system.
    masses : (N,) float64, u
        Needed where the centre of mass is.
    ensemble : str
        ``"nve"``, ``"langevin"``, ``"nose-hoover"``, or ``""`` where it is not known.
    seed : int, optional
        Of the velocities and the thermostat.

    Raises
    ------
    InvalidArgument
        If shapes don't fit, a number is not finite, or times don't rise.

    Examples
    --------
    >>> import numpy as np
    >>> from nonideal.physics.atoms import Trajectory
    >>> time = np.arange(3.0)
    >>> positions = np.zeros((3, 1, 3))
    >>> positions[:, 0, 0] = 0.5 * time
    >>> t = Trajectory(numbers=[18], time=time, positions=positions)
    >>> len(t), t.pbc.any()
    (3, np.False_)
    """

    numbers: IntArray
    time: FloatArray
    positions: FloatArray
    velocities: FloatArray | None = None
    forces: FloatArray | None = None
    cells: FloatArray | None = None
    pbc: BoolArray = False  # type: ignore[assignment]
    potential_energy: FloatArray | None = None
    kinetic_energy: FloatArray | None = None
    masses: FloatArray | None = None
    ensemble: str = ""
    seed: int | None = None

    def __post_init__(self) -> None:
        positions = check_finite("positions", self.positions)
        if positions.ndim != 3 or positions.shape[2] != 3:
            raise InvalidArgument(f"positions: shape {positions.shape} is not (steps, atoms, 3)")
        n_steps, n_atoms, _ = positions.shape
        time = _shaped("time", self.time, (n_steps,))
        if not (np.diff(time) > 0.0).all():
            raise InvalidArgument("time: not every step is later than the one before")
        put = _Putter(self)
        put("positions", np.ascontiguousarray(positions))
        put("time", time)
        put("numbers", check_numbers("numbers", self.numbers))
        check_length("positions[0]", n_atoms, len(self.numbers))
        for name in ("velocities", "forces"):
            put.optional(name, (n_steps, n_atoms, 3))
        for name in ("potential_energy", "kinetic_energy"):
            put.optional(name, (n_steps,))
        put.optional("masses", (n_atoms,))
        if self.masses is not None and not (self.masses > 0.0).all():
            raise InvalidArgument(f"masses: the smallest, {self.masses.min()}, is not > 0")
        put("pbc", check_pbc("pbc", self.pbc))
        put("cells", _checked_cells(self.cells, self.pbc, n_steps))
        if not isinstance(self.ensemble, str) or self.ensemble:
            check_choice("ensemble", self.ensemble, ENSEMBLES)
        if self.seed is not None:
            check_integer("seed", self.seed, 0, 64)

    def __len__(self) -> int:
        return len(self.time)

    @property
    def total_energy(self) -> FloatArray:
        """Potential and kinetic energy together: (T,) float64, eV."""
        return self.needed("potential_energy") + self.needed("kinetic_energy")

    @property
    def temperature(self) -> FloatArray:
        """Kinetic temperature: (T,) float64, K.

        Of 3N - 3 degrees of freedom: the centre of mass is at rest, as `run_md` leaves it.
        """
        n_atoms = len(self.numbers)
        if n_atoms < 2:
            raise InvalidArgument(f"numbers: {n_atoms} atoms with their centre of mass at rest don't move")
        return self.needed("kinetic_energy") / (1.5 * (n_atoms - 1) * BOLTZMANN)

    def needed(self, name: str) -> FloatArray:
        """Return an optional array, or refuse."""
        value: FloatArray | None = getattr(self, name)
        if value is None:
            raise InvalidArgument(f"trajectory: {name} is missing")
        return value

    def frame(self, step: int) -> Frame:
        """Return one saved step with its labels; ``step`` counts as an index does."""
        step = range(len(self))[step]
        energy = self.potential_energy
        return Frame(
            numbers=self.numbers,
            positions=self.positions[step],
            cell=self.needed("cells")[step],
            pbc=self.pbc,
            energy=None if energy is None else float(energy[step]),
            forces=None if self.forces is None else self.forces[step],
        )

    def cut(self, start: int = 0, stop: int | None = None) -> Trajectory:
        """Return the saved steps from ``start`` to before ``stop``, as in a slice, as a trajectory."""
        ends = (("start", start), ("stop", stop))
        part = slice(*(None if n is None else check_integer(name, n, -(1 << 62)) for name, n in ends))
        if not len(range(len(self))[part]):
            raise InvalidArgument(f"[{start}:{stop}] holds none of the {len(self)} steps")
        cut: dict[str, Any] = {
            name: None if (value := getattr(self, name)) is None else value[part]
            for name in (
                *("time", "positions", "velocities", "forces", "cells"),
                *("potential_energy", "kinetic_energy"),
            )
        }
        kept: dict[str, Any] = {
            name: getattr(self, name) for name in ("numbers", "pbc", "masses", "ensemble", "seed")
        }
        return Trajectory(**cut, **kept)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write everything into one compressed ``.npz`` file and return its path.

        Examples
        --------
        >>> import tempfile, pathlib
        >>> import numpy as np
        >>> from nonideal.physics.atoms import Trajectory
        >>> t = Trajectory(numbers=[18], time=[0.0, 1.0], positions=np.zeros((2, 1, 3)))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     again = Trajectory.load(t.save(pathlib.Path(folder) / "argon.npz"))
        >>> bool((again.positions == t.positions).all())
        True
        """
        path = Path(path)
        if path.suffix != ".npz":  # NumPy would add it in silence
            raise InvalidArgument(f"path = {path} does not end in .npz")
        held = {f.name: getattr(self, f.name) for f in fields(self)}
        seed = held.pop("seed")
        arrays: dict[str, Any] = {n: np.asarray(value) for n, value in held.items() if value is not None}
        if seed is not None:
            arrays["seed"] = np.uint64(seed)
        with path.open("wb") as file:
            np.savez_compressed(file, format=np.asarray(_FORMAT), **arrays)
        return path

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Trajectory:
        """Read what `save` wrote.

        Raises
        ------
        InvalidArgument
            If the file is something else, is damaged, or holds what a trajectory may not.
        """
        path = Path(path)
        if not path.is_file():
            raise InvalidArgument(f"path = {path} is not a file")
        if not zipfile.is_zipfile(path):
            raise InvalidArgument(f"{path.name} is not a file of named arrays")
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                read = {name: archive[name] for name in archive.files}
        # What NumPy and the decompressor raise for damaged bytes is not documented as one type.
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as problem:
            raise InvalidArgument(f"{path.name} cannot be read: {problem}") from None
        if str(read.pop("format", None)) != _FORMAT:
            raise InvalidArgument(f"{path.name} is not a trajectory that nonideal saved")
        known = {f.name for f in fields(cls)}
        if strange := sorted(set(read) - known):
            raise InvalidArgument(f"{path.name} holds {', '.join(strange)}, which a trajectory does not have")
        if missing := {"numbers", "time", "positions"} - set(read):
            raise InvalidArgument(f"{path.name} lacks {', '.join(sorted(missing))}")
        values: dict[str, Any] = dict(read)
        if "ensemble" in values:
            values["ensemble"] = str(values["ensemble"])
        if "seed" in values:
            values["seed"] = int(values["seed"])
        return cls(**values)


class _Putter:
    """Sets fields of a frozen dataclass to what the checks return."""

    def __init__(self, target: Trajectory) -> None:
        self.target = target

    def __call__(self, name: str, value: Any) -> None:
        object.__setattr__(self.target, name, value)

    def optional(self, name: str, shape: tuple[int, ...]) -> None:
        value = getattr(self.target, name)
        if value is not None:
            self(name, _shaped(name, value, shape))


def _shaped(name: str, value: Any, shape: tuple[int, ...]) -> FloatArray:
    array = check_finite(name, value)
    if array.shape != shape:
        raise InvalidArgument(f"{name}: shape {array.shape} is not {shape}")
    return np.ascontiguousarray(array)


def _checked_cells(cells: Any, pbc: BoolArray, n_steps: int) -> FloatArray:
    array = np.zeros((3, 3)) if cells is None else check_finite("cells", cells)
    if array.shape == (3, 3):
        return np.tile(check_cell("cells", array, pbc), (n_steps, 1, 1))
    if array.shape != (n_steps, 3, 3):
        raise InvalidArgument(f"cells: shape {array.shape} is neither (3, 3) nor {(n_steps, 3, 3)}")
    for step in np.flatnonzero(np.diff(array, axis=0, prepend=array[:1] - 1.0).any(axis=(1, 2))):
        check_cell(f"cells[{step}]", array[step], pbc)
    return np.ascontiguousarray(array)


def uniform_step(trajectory: Trajectory) -> float:
    """Return the time between saved steps, fs, or refuse where it varies."""
    if len(trajectory) < 2:
        raise InvalidArgument(f"trajectory: {len(trajectory)} saved steps are fewer than 2")
    gaps = np.diff(trajectory.time)
    step = float(trajectory.time[-1] - trajectory.time[0]) / len(gaps)
    if not math.isclose(gaps.min(), step, rel_tol=1e-6) or not math.isclose(gaps.max(), step, rel_tol=1e-6):
        raise InvalidArgument(
            f"trajectory.time: steps between {gaps.min():g} and {gaps.max():g} fs, where one is needed"
        )
    return step
