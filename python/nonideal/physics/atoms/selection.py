"""Which atoms: by chemical symbol or atomic number."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from nonideal.checks import check_integer, check_iterable, shown
from nonideal.errors import InvalidArgument
from nonideal.physics.atoms.elements import SYMBOLS
from nonideal.physics.atoms.system import BoolArray, IntArray

__all__ = ["atomic_number", "selected"]


def atomic_number(name: str, value: Any) -> int:
    """Return the atomic number of a chemical symbol, or of a number."""
    if not isinstance(value, str):
        return check_integer(name, value, 0, 31)
    if value not in SYMBOLS:
        raise InvalidArgument(f"{name} = {shown(value)} is not a chemical symbol")
    return SYMBOLS.index(value)


def selected(numbers: IntArray, species: Any) -> BoolArray:
    """Return which atoms are of the species (one, several, or all where it is None), at least one."""
    chosen: BoolArray
    if species is None:
        chosen = np.ones(len(numbers), dtype=bool)
    else:
        several = isinstance(species, Iterable) and not isinstance(species, str)
        names = list(check_iterable("species", species)) if several else [species]
        chosen = np.isin(numbers, [atomic_number("species", name) for name in names])
    if not chosen.any():
        raise InvalidArgument(f"species = {shown(species)}: no atom is of it")
    return chosen
