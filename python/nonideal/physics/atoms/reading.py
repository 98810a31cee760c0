"""Frames from files: one function for all formats, with explicit units."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from nonideal.checks import check_choice, shown
from nonideal.errors import InvalidArgument, MissingExtra
from nonideal.physics.atoms.extras import import_ase
from nonideal.physics.atoms.frame import Frame, from_voigt
from nonideal.physics.atoms.oc20 import oc20_lmdb

__all__ = ["read_frames"]

Labels: TypeAlias = dict[str, Any]  # arguments of Frame, in the file's units
Reader: TypeAlias = Callable[[Path], Iterator[Labels]]

# eV. CODATA 2018: N_A and e are exact since 2019, so are calorie and joule per mole; Hartree is measured.
AVOGADRO, CHARGE = 6.02214076e23, 1.602176634e-19
ENERGY_UNITS = {
    "eV": 1.0,
    "kcal/mol": 4184.0 / (AVOGADRO * CHARGE),
    "kJ/mol": 1000.0 / (AVOGADRO * CHARGE),
    "hartree": 27.211386245988,
}
# angstrom. CODATA 2018.
LENGTH_UNITS = {"angstrom": 1.0, "bohr": 0.529177210903, "nm": 10.0}

# As published at quantum-machine.org: energies in kcal/mol, forces in kcal/mol/angstrom.
OWN_ENERGY_UNIT = {"md17": "kcal/mol"}


def read_frames(
    path: str | Path,
    format: str | None = None,
    *,
    index: str | int | slice = ":",
    energy_unit: str | None = None,
    length_unit: str = "angstrom",
) -> list[Frame]:
    """Return the structures in a file or folder, with their labels in eV and angstrom.

    Energies are those whose derivatives the forces are. VASP writes two for smeared occupations: the free
    energy (``e_fr_energy``), which is taken, and the one extrapolated to no smearing (``e_0_energy``), which
    ASE calls ``energy``. Likewise extxyz files and ASE's databases: ``free_energy`` where it is there,
    otherwise ``energy``.

    Parameters
    ----------
    path : path
        File, or folder of a DeePMD system (or of several).
    format : str, optional
        ``extxyz``; ``md17``: NumPy archive with R, E, F, z; ``ase-db``: an ASE database, also with ISO17's
        ``total_energy`` and ``atomic_forces``; ``vasprun``: VASP's XML; ``deepmd``: folder with ``type.raw``,
        ``type_map.raw`` and ``set.*``; ``oc20-lmdb``: needs the package lmdb. None: by the file's name.
    index : str, int or slice
        Which structures, as Python counts: ``"::10"``, ``-1``.
    energy_unit : str, optional
        Of the file: ``eV``, ``kcal/mol``, ``kJ/mol`` or ``hartree``. None: the format's own, kcal/mol for
        ``md17`` and eV for all others.
    length_unit : str
        Of the file: ``angstrom``, ``bohr`` or ``nm``; forces and stresses are in both units.

    Returns
    -------
    list of Frame

    Raises
    ------
    InvalidArgument
        If the file is missing, damaged or of another format, or an argument is outside its range.
    MissingExtra
        Without ASE, for the formats that it reads.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from nonideal.physics import atoms
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "hydrogen.npz"
    ...     np.savez(file, z=[1, 1], R=[[[0, 0, 0], [0, 0, 0.74]]], E=[-23.06], F=np.zeros((1, 2, 3)))
    ...     round(atoms.read_frames(file)[0].energy, 3)
    -1.0
    """
    place = Path(path)
    if not place.exists():
        raise InvalidArgument(f"path = {str(path)!r} does not exist")
    kind = _format_of(place) if format is None else check_choice("format", format, READERS)
    unit = OWN_ENERGY_UNIT.get(kind, "eV") if energy_unit is None else energy_unit
    energy = ENERGY_UNITS[check_choice("energy_unit", unit, ENERGY_UNITS)]
    length = LENGTH_UNITS[check_choice("length_unit", length_unit, LENGTH_UNITS)]
    chosen = _slice(index)
    try:
        found = list(READERS[kind](place))
        found = [found[chosen]] if isinstance(chosen, int) else found[chosen]
        return [Frame(**_converted(labels, energy, length)) for labels in found]
    except (MissingExtra, MemoryError):
        raise
    except Exception as problem:  # damaged files end in anything
        reason = str(problem).strip().splitlines() or [type(problem).__name__]
        raise InvalidArgument(f"{place} cannot be read as {kind}: {reason[0]}") from problem


def _format_of(path: Path) -> str:
    if path.is_dir():
        return "oc20-lmdb" if any(path.glob("*.lmdb")) else "deepmd"
    if path.suffix == ".xml":
        return "vasprun"
    known = {".xyz": "extxyz", ".extxyz": "extxyz", ".npz": "md17", ".db": "ase-db", ".lmdb": "oc20-lmdb"}
    if path.suffix not in known:
        raise InvalidArgument(
            f"path = {str(path)!r}: its name tells no format; give one of {', '.join(READERS)}"
        )
    return known[path.suffix]


def _slice(index: str | int | slice) -> int | slice:
    if isinstance(index, slice) or (isinstance(index, int) and not isinstance(index, bool)):
        return index
    try:
        parts = [int(part) if part.strip() else None for part in str(index).split(":")]
        if isinstance(index, str) and len(parts) == 1 and parts[0] is not None:
            return parts[0]
        if isinstance(index, str) and len(parts) in (2, 3) and parts[2:] != [0]:
            return slice(*parts)
    except ValueError:
        pass
    raise InvalidArgument(f"index = {shown(index)} is neither an integer nor first:last:step")


def _converted(labels: Labels, energy: float, length: float) -> Labels:
    """Return a frame's arguments in eV and angstrom."""
    factors = {
        "positions": length,
        "cell": length,
        "energy": energy,
        "forces": energy / length,
        "stress": energy / length**3,
    }
    return {
        name: value
        if value is None or name not in factors
        else np.asarray(value, dtype=np.float64) * factors[name]
        for name, value in labels.items()
    } | ({"energy": float(labels["energy"]) * energy} if labels.get("energy") is not None else {})


def _of_frame(frame: Frame) -> Labels:
    return {name: getattr(frame, name) for name in frame.__dataclass_fields__}


def _by_ase(format: str) -> Reader:
    def read(path: Path) -> Iterator[Labels]:
        import_ase()
        import ase.io

        for atoms in ase.io.iread(path, index=":", format=format):
            yield _of_frame(Frame.from_ase(atoms))

    return read


def _ase_db(path: Path) -> Iterator[Labels]:
    import_ase()
    import ase.db

    with ase.db.connect(path, type="db") as database:  # type: ignore[no-untyped-call]
        for row in database.select():
            labels = _of_frame(Frame.from_ase(row.toatoms()))
            pairs, data = row.key_value_pairs, row.data
            if labels["energy"] is None and "total_energy" in pairs:  # as in ISO17
                labels["energy"] = pairs["total_energy"]
            if labels["forces"] is None and "atomic_forces" in data:
                labels["forces"] = data["atomic_forces"]
            yield labels | {"info": pairs}


def _md17(path: Path) -> Iterator[Labels]:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        missing = [key for key in "RzEF" if key not in archive]
        if missing:
            raise InvalidArgument(f"it has no array {missing[0]}")
        positions, numbers, energies, forces = (archive[key] for key in "RzEF")
    n_frames = len(positions)
    energies = _rows("E", energies.reshape(-1), (n_frames,))
    forces = _rows("F", forces, (n_frames, len(numbers), 3))
    positions = _rows("R", positions, (n_frames, len(numbers), 3))
    for place, energy, force in zip(positions, energies, forces, strict=True):
        yield {"numbers": numbers, "positions": place, "energy": float(energy), "forces": force}


def _deepmd(path: Path) -> Iterator[Labels]:
    if (path / "type.raw").is_file():
        systems = [path]
    else:
        systems = [folder.parent for folder in sorted(path.glob("*/type.raw"))]
    if not systems:
        raise InvalidArgument("there is no type.raw, neither in it nor in its folders")
    for system in systems:
        yield from _deepmd_system(system)


def _deepmd_system(path: Path) -> Iterator[Labels]:
    import_ase()
    from ase.data import atomic_numbers

    if not (path / "type_map.raw").is_file():
        raise InvalidArgument(f"{path.name} has no type_map.raw: the elements are unknown")
    names = (path / "type_map.raw").read_text(encoding="utf-8").split()
    unknown = [name for name in names if name not in atomic_numbers]
    if unknown:
        raise InvalidArgument(f"type_map.raw: {unknown[0]!r} is no element")
    types = np.array((path / "type.raw").read_text(encoding="utf-8").split(), dtype=np.int64)
    if len(types) and not 0 <= types.min() <= types.max() < len(names):
        raise InvalidArgument(f"type.raw: a type is outside [0, {len(names)})")
    numbers = np.array([atomic_numbers[name] for name in names])[types]
    periodic = not (path / "nopbc").is_file()
    sets = sorted(path.glob("set.*"))
    if not sets:
        raise InvalidArgument(f"{path.name} has no set.*")
    for folder in sets:
        arrays = {
            name: np.load(folder / f"{name}.npy", allow_pickle=False).astype(np.float64)
            for name in ("coord", "box", "energy", "force", "virial")
            if (folder / f"{name}.npy").is_file()
        }
        if "coord" not in arrays or (periodic and "box" not in arrays):
            raise InvalidArgument(f"{folder.name} has no coord.npy or no box.npy")
        n_frames = len(arrays["coord"])
        shapes = {
            "coord": (n_frames, 3 * len(numbers)),
            "force": (n_frames, 3 * len(numbers)),
            "box": (n_frames, 9),
            "virial": (n_frames, 9),
        }
        for name, shape in shapes.items():
            if name in arrays:
                arrays[name] = _rows(f"{name}.npy", arrays[name], shape).reshape(n_frames, -1, 3)
        if "energy" in arrays:
            arrays["energy"] = _rows("energy.npy", arrays["energy"].reshape(-1), (n_frames,))
        yield from _deepmd_frames(numbers, periodic, arrays)


def _deepmd_frames(numbers: Any, periodic: bool, arrays: Mapping[str, Any]) -> Iterator[Labels]:
    for k in range(len(arrays["coord"])):
        labels: Labels = {"numbers": numbers, "positions": arrays["coord"][k], "pbc": periodic}
        if periodic:
            labels["cell"] = arrays["box"][k]
        if "energy" in arrays:
            labels["energy"] = float(arrays["energy"][k])
        if "force" in arrays:
            labels["forces"] = arrays["force"][k]
        if "virial" in arrays and periodic:  # energy; positive in compression
            labels["stress"] = from_voigt(-arrays["virial"][k] / abs(np.linalg.det(arrays["box"][k])))
        yield labels


def _rows(name: str, array: Any, shape: tuple[int, ...]) -> Any:
    if array.shape != shape:
        raise InvalidArgument(f"{name} has shape {array.shape}, not {shape}")
    return array


READERS: dict[str, Reader] = {
    "extxyz": _by_ase("extxyz"),
    "md17": _md17,
    "ase-db": _ase_db,
    "vasprun": _by_ase("vasp-xml"),
    "deepmd": _deepmd,
    "oc20-lmdb": oc20_lmdb,
}
