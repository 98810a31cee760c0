"""Observables: real sums of products of Pauli matrices."""

from __future__ import annotations

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


def parse_observable(observable: Observable, n_qubits: int) -> list[Term]:
    """Return an observable as (coefficient, x mask, z mask); Y is on the qubits that both masks name.

    Parameters
    ----------
    observable : str, mapping of str to float, or SparsePauliOp
        ``"Z0 X3"``: Z on qubit 0 times X on qubit 3; ``"I"`` is the identity. A mapping gives each product
        its coefficient. An object with ``num_qubits`` and ``to_list()`` is read as Qiskit's
        ``SparsePauliOp``, one with ``to_label()`` as its ``Pauli``.
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
        products = [
            (_label(label, n_qubits), _real(label, coefficient))
            for label, coefficient in observable.to_list()
        ]
    elif hasattr(observable, "to_label"):
        products = [(_label(observable.to_label(), n_qubits), 1.0)]
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


def _label(label: str, n_qubits: int) -> tuple[int, int]:
    """Masks of a label of Qiskit's: one letter for each qubit, the last one for qubit 0."""
    if len(label) != n_qubits:
        raise InvalidArgument(f"observable on {len(label)} qubits; the circuit has {n_qubits}")
    if not set(label) <= set("IXYZ"):
        raise InvalidArgument(f"observable: {label!r} is not a product of I, X, Y, Z")
    x = sum(1 << i for i, letter in enumerate(reversed(label)) if letter in "XY")
    z = sum(1 << i for i, letter in enumerate(reversed(label)) if letter in "YZ")
    return x, z


def _real(label: str, coefficient: Any) -> float:
    try:
        number = complex(coefficient)
    except (TypeError, ValueError):  # such as an unbound parameter
        raise InvalidArgument(f"observable[{label!r}] = {shown(coefficient)} is not a number") from None
    if number.imag != 0.0:
        raise InvalidArgument(f"observable[{label!r}] = {number} is not real")
    return check_number(f"observable[{label!r}]", number.real)
