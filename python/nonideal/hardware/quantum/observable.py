"""Observables: real sums of products of Pauli matrices."""

from __future__ import annotations

import cmath
import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from nonideal.checks import check_number, shown
from nonideal.errors import InvalidArgument

__all__ = ["Observable", "Term", "parse_observable"]

Observable: TypeAlias = "str | Mapping[str, float] | Any"  # Any: an object such as Qiskit's SparsePauliOp
Term: TypeAlias = tuple[float, int, int]

_LARGEST = 1e150  # coefficients are squared
_FACTOR = re.compile(r"([IXYZ])([0-9]{1,9})")
_PHASED = re.compile(r"(-?i?)(.*)", re.DOTALL)  # a label of Qiskit's Pauli begins with its phase
_PHASES = {"": 1.0, "-": -1.0, "i": 1j, "-i": complex(0, -1)}
_ROUNDING = 1e-13


def parse_observable(observable: Observable, n_qubits: int) -> list[Term]:
    """Return an observable as (coefficient, x mask, z mask); Y is on the qubits that both masks name.

    Parameters
    ----------
    observable : str, mapping of str to float, or SparsePauliOp
        ``"Z0 X3"``: Z on qubit 0 times X on qubit 3; ``"I"`` is the identity. A mapping gives each product
        its coefficient. An object with ``num_qubits`` and ``to_list()`` is read as Qiskit's
        ``SparsePauliOp``, one with ``to_label()`` as its ``Pauli``. Imaginary parts below 1e-13 of the
        largest coefficient, which products of such operators leave, are dropped.
    n_qubits : int
        Of the circuit.

    Raises
    ------
    InvalidArgument
        If it is none of these, a qubit is out of range or named twice in a product, a coefficient is not
        real and finite, or there is no product at all.

    Examples
    --------
    >>> parse_observable("Z0 X3", 4)
    [(1.0, 8, 1)]
    >>> parse_observable({"Y1": 0.5, "I": -1.0}, 2)
    [(0.5, 2, 2), (-1.0, 0, 0)]
    """
    if isinstance(observable, str):
        products = [(_product(observable, n_qubits), 1.0)]
    elif isinstance(observable, Mapping):
        products = [
            (_product(name, n_qubits), check_number(f"observable[{shown(name)}]", coefficient))
            for name, coefficient in observable.items()
        ]
    elif hasattr(observable, "to_list") and hasattr(observable, "num_qubits"):
        products = _real_sum([_term(label, c, n_qubits) for label, c in observable.to_list()])
    elif hasattr(observable, "to_label"):
        products = _real_sum([_term(observable.to_label(), 1.0, n_qubits)])
    else:
        raise InvalidArgument(
            f"observable: {type(observable).__name__} is not a string, a mapping or a SparsePauliOp"
        )
    if not products:
        raise InvalidArgument("observable: no product of Pauli matrices")
    sums: dict[tuple[int, int], float] = {}
    for masks, coefficient in products:
        sums[masks] = sums.get(masks, 0.0) + coefficient
    for coefficient in sums.values():
        if abs(coefficient) > _LARGEST:
            raise InvalidArgument(f"observable: coefficient {coefficient:g} is outside [-1e150, 1e150]")
    return [(coefficient, x, z) for (x, z), coefficient in sums.items()]


def _product(text: Any, n_qubits: int) -> tuple[int, int]:
    if not isinstance(text, str):
        raise InvalidArgument(f"observable: {shown(text)} is not a string")
    if text.strip() == "I":
        return 0, 0
    x = z = named = 0
    for word in text.split():
        found = _FACTOR.fullmatch(word)
        if not found:
            raise InvalidArgument(f"observable: {word!r} in {text!r} is not a Pauli matrix such as Z0")
        letter, qubit = found[1], int(found[2])
        if qubit >= n_qubits:
            raise InvalidArgument(f"observable: qubit {qubit} in {text!r} is outside [0, {n_qubits - 1}]")
        if named >> qubit & 1:
            raise InvalidArgument(f"observable: qubit {qubit} is named twice in {text!r}")
        named |= 1 << qubit
        x |= (letter in "XY") << qubit
        z |= (letter in "YZ") << qubit
    if not text.strip():
        raise InvalidArgument("observable: an empty string; the identity is 'I'")
    return x, z


def _term(label: str, coefficient: Any, n_qubits: int) -> tuple[str, tuple[int, int], complex]:
    """Letters, masks and coefficient of a term of Qiskit's, whose last letter is for qubit 0."""
    phase, letters = _PHASED.fullmatch(label).groups()  # type: ignore[union-attr]  # matches anything
    if len(letters) != n_qubits:
        raise InvalidArgument(f"observable on {len(letters)} qubits; the circuit has {n_qubits}")
    if not set(letters) <= set("IXYZ"):
        raise InvalidArgument(f"observable: {label!r} is not a product of I, X, Y, Z")
    try:
        number = complex(coefficient)
    except (TypeError, ValueError):  # such as an unbound parameter
        raise InvalidArgument(f"observable[{label!r}] = {shown(coefficient)} is not a number") from None
    if not cmath.isfinite(number):
        raise InvalidArgument(f"observable[{label!r}] = {number} is not finite")
    x = sum(1 << i for i, letter in enumerate(reversed(letters)) if letter in "XY")
    z = sum(1 << i for i, letter in enumerate(reversed(letters)) if letter in "YZ")
    return letters, (x, z), number * _PHASES[phase]


def _real_sum(terms: list[tuple[str, tuple[int, int], complex]]) -> list[tuple[tuple[int, int], float]]:
    """Add the terms of one product up, and leave out what rounding gave them of an imaginary part."""
    sums: dict[tuple[int, int], complex] = {}
    labels = {}
    for label, masks, number in terms:
        sums[masks] = sums.get(masks, 0.0) + number
        labels[masks] = label
    allowed = _ROUNDING * max((abs(number) for _, _, number in terms), default=0.0)
    for masks, number in sums.items():
        if abs(number.imag) > allowed:
            raise InvalidArgument(f"observable[{labels[masks]!r}] = {number} is not real")
    return [(masks, number.real) for masks, number in sums.items()]
