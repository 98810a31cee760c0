"""Where the installed C++ package lies."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

__all__ = ["cmake_dir", "version"]


def version() -> str:
    """Return the version of the installed package."""
    return metadata.version("nonideal")


def cmake_dir() -> Path:
    """Return the folder for CMake's ``find_package(nonideal)``: ``-Dnonideal_DIR=...``.

    Examples
    --------
    >>> import nonideal
    >>> (nonideal.cmake_dir() / "nonidealConfig.cmake").is_file()
    True
    """
    files = metadata.files("nonideal") or []
    for file in files:
        if file.name == "nonidealConfig.cmake":
            return Path(str(file.locate())).resolve().parent
    raise FileNotFoundError("this installation of nonideal has no CMake package")
