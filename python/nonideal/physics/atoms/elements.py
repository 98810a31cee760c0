"""Chemical symbols and atomic numbers."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any

import numpy as np

from nonideal.checks import check_iterable, shown
from nonideal.errors import InvalidArgument

__all__ = ["SYMBOLS", "resolve_species", "symbol"]

# Index = atomic number; X is no element: the published table of embeddings has a row for number 0.
_TABLE = """X
H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr
Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu
Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr
Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og"""
SYMBOLS = tuple(_TABLE.split())
_NUMBERS = {name: number for number, name in enumerate(SYMBOLS)}


def symbol(number: int) -> str:
    """Return the chemical symbol of an atomic number in [0, 118].

    Examples
    --------
    >>> symbol(29)
    'Cu'
    """
    return SYMBOLS[number]


def resolve_species(species: Iterable[str | int]) -> tuple[int, ...]:
    """Return the atomic numbers of chemical symbols or numbers, in their order.

    Raises
    ------
    InvalidArgument
        If there are none, one is unknown, or one comes twice.

    Examples
    --------
    >>> resolve_species(["O", "H"])
    (8, 1)
    >>> resolve_species([8, "O"])
    Traceback (most recent call last):
        ...
    nonideal.errors.InvalidArgument: species[1] = 'O' is there twice
    """
    if isinstance(species, str):
        raise InvalidArgument(f"species = {shown(species)} is not a sequence of symbols or atomic numbers")
    numbers: list[int] = []
    for index, entry in enumerate(check_iterable("species", species)):
        number = _number(f"species[{index}]", entry)
        if number in numbers:
            raise InvalidArgument(f"species[{index}] = {shown(entry)} is there twice")
        numbers.append(number)
    if not numbers:
        raise InvalidArgument("species is empty")
    return tuple(numbers)


def _number(name: str, entry: Any) -> int:
    if isinstance(entry, str):
        if entry not in _NUMBERS:
            raise InvalidArgument(f"{name} = {shown(entry)} is not a chemical symbol")
        return _NUMBERS[entry]
    try:
        if isinstance(entry, bool | np.bool_):
            raise TypeError
        number = operator.index(entry)
    except TypeError:
        raise InvalidArgument(
            f"{name} = {shown(entry)} is neither a chemical symbol nor an atomic number"
        ) from None
    if not 0 <= number < len(SYMBOLS):
        raise InvalidArgument(f"{name} = {shown(entry)} is outside [0, {len(SYMBOLS) - 1}]")
    return number
