"""Observables: strings, mappings, and objects that look like Qiskit's."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal.errors import InvalidArgument
from nonideal.hardware.quantum.observable import parse_observable
from oracles import quantum_gates as oracle

letters = st.text("IXYZ", min_size=1, max_size=6)


class LooksLikeSparsePauliOp:
    def __init__(self, rows):
        self.rows = rows
        self.num_qubits = len(rows[0][0]) if rows else 0

    def to_list(self):
        return self.rows


class LooksLikePauli:
    def __init__(self, label):
        self.label = label

    def to_label(self):
        return self.label


def matrix_of(terms, n_qubits):
    full = np.zeros((1 << n_qubits, 1 << n_qubits), dtype=complex)
    for coefficient, x, z in terms:
        names = ["IXZY"[(x >> q & 1) + 2 * (z >> q & 1)] for q in range(n_qubits)]
        full += coefficient * oracle.pauli(names)
    return full


@settings(deadline=None, derandomize=True, max_examples=60)
@given(letters, st.randoms())
def test_three_ways_to_name_a_product(name, random):
    """``name``: one letter for each qubit, the first for qubit 0."""
    n_qubits = len(name)
    words = [f"{letter}{q}" for q, letter in enumerate(name) if letter != "I" or random.random() < 0.5]
    random.shuffle(words)
    text = " ".join(words) or "I"
    want = parse_observable(LooksLikePauli(name[::-1]), n_qubits)
    assert parse_observable(text, n_qubits) == want
    assert parse_observable({text: 1.0}, n_qubits) == want
    assert parse_observable(LooksLikeSparsePauliOp([(name[::-1], 1 + 0j)]), n_qubits) == want
    np.testing.assert_allclose(matrix_of(want, n_qubits), oracle.pauli(name))


def test_sums():
    terms = parse_observable({"Z0 X2": 0.5, "Y1": -2, "I": 3, "X2 Z0": 0.25}, 3)
    want = 0.75 * oracle.pauli("ZIX") - 2 * oracle.pauli("IYI") + 3 * np.eye(8)
    np.testing.assert_allclose(matrix_of(terms, 3), want)
    assert len(terms) == 3
    rows = [("XIZ", 0.75), ("IYI", np.complex128(-2)), ("III", 3)]
    assert parse_observable(LooksLikeSparsePauliOp(rows), 3) == terms


def test_signs_of_labels():
    assert parse_observable(LooksLikePauli("-ZX"), 2) == [(-1.0, 1, 2)]
    rows = [("-ZX", 0.5), ("iYI", -2j), ("-iII", 1j)]
    assert parse_observable(LooksLikeSparsePauliOp(rows), 2) == [(-0.5, 1, 2), (2.0, 2, 2), (1.0, 0, 0)]


def test_rounding_in_the_imaginary_part_is_dropped():
    rows = [("ZI", 1.5 - 2.1e-17j), ("IZ", 1e-20 + 1e-14j), ("ZI", 1 + 1j), ("ZI", -1j)]
    assert parse_observable(LooksLikeSparsePauliOp(rows), 2) == [(2.5, 0, 2), (1e-20, 0, 1)]


@pytest.mark.parametrize(
    ("observable", "message"),
    [
        ("Z2", "observable: qubit 2 in 'Z2' is outside [0, 1]"),
        ("Z0 X0", "observable: qubit 0 is named twice in 'Z0 X0'"),
        ("Z", "observable: 'Z' in 'Z' is not a Pauli matrix such as Z0"),
        ("z0", "observable: 'z0' in 'z0' is not a Pauli matrix such as Z0"),
        ("Z0X1", "observable: 'Z0X1' in 'Z0X1' is not a Pauli matrix such as Z0"),
        ("Z-1", "observable: 'Z-1' in 'Z-1' is not a Pauli matrix such as Z0"),
        ("", "observable: an empty string; the identity is 'I'"),
        ({}, "observable: no product of Pauli matrices"),
        ({"Z0": float("nan")}, "observable['Z0'] = nan is not finite"),
        ({"Z0": 1j}, "observable['Z0'] = 1j is not a number"),
        ({0: 1.0}, "observable: 0 is not a string"),
        (["Z0"], "observable: list is not a string, a mapping or a SparsePauliOp"),
        (None, "observable: NoneType is not a string, a mapping or a SparsePauliOp"),
        (LooksLikeSparsePauliOp([("ZZZ", 1)]), "observable on 3 qubits; the circuit has 2"),
        (LooksLikeSparsePauliOp([("ZZ", 1j)]), "observable['ZZ'] = 1j is not real"),
        (LooksLikeSparsePauliOp([("ZZ", "a")]), "observable['ZZ'] = 'a' is not a number"),
        (LooksLikePauli("-Z"), "observable on 1 qubits; the circuit has 2"),
        (LooksLikePauli("+Z"), "observable: '+Z' is not a product of I, X, Y, Z"),
        (LooksLikePauli("-iZZ"), "observable['ZZ'] = -1j is not real"),
        (
            LooksLikeSparsePauliOp([("ZZ", 1.0), ("XX", 1 + 1e-12j)]),
            "observable['XX'] = (1+1e-12j) is not real",
        ),
        (
            LooksLikeSparsePauliOp([("ZZ", complex(1, float("nan")))]),
            "observable['ZZ'] = (1+nanj) is not finite",
        ),
        (LooksLikeSparsePauliOp([]), "observable: no product of Pauli matrices"),
    ],
)
def test_refusals(observable, message):
    with pytest.raises(InvalidArgument, match=f"^{re.escape(message)}$"):
        parse_observable(observable, 2)
