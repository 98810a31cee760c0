"""The optional libraries behind this package, imported where they are used."""

from __future__ import annotations

import importlib
from typing import Any

from nonideal.errors import MissingExtra

__all__ = ["import_ase", "import_torch"]


def import_ase() -> Any:
    """Return ASE's package.

    Raises
    ------
    MissingExtra
        If it is not installed.
    """
    return _imported("ase", "ase")


def import_torch() -> Any:
    """Return PyTorch's package.

    Raises
    ------
    MissingExtra
        If it is not installed.
    """
    return _imported("torch", "torch")


def _imported(module: str, distribution: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise MissingExtra(distribution, "atoms") from None
