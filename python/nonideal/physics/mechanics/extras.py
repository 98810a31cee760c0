"""The optional libraries behind meshes and VTU files, imported where they are used."""

from __future__ import annotations

import importlib
from typing import Any

from nonideal.errors import MissingExtra

__all__ = ["import_meshio", "import_skfem"]


def import_skfem() -> Any:
    """Return scikit-fem's package.

    Raises
    ------
    MissingExtra
        If it is not installed.
    """
    return _imported("skfem", "scikit-fem")


def import_meshio() -> Any:
    """Return meshio's package.

    Raises
    ------
    MissingExtra
        If it is not installed.
    """
    return _imported("meshio", "meshio")


def _imported(module: str, distribution: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise MissingExtra(distribution, "mechanics") from None
