"""State vectors and density matrices by NumPy, axis by axis: slow and obvious.

Circuits are lists of (name, qubits, angles, matrix of a unitary or None), as in `oracles.quantum_gates`.
"""

from __future__ import annotations

from functools import reduce

import numpy as np

from oracles import quantum_gates as gates


def apply(matrix, qubits, tensor, first_axis, n_qubits):
    """A matrix on the axes of some qubits; qubit q is axis first_axis + n_qubits - 1 - q."""
    axes = [first_axis + n_qubits - 1 - q for q in reversed(qubits)]
    k = len(qubits)
    small = np.reshape(matrix, (2,) * (2 * k))
    return np.moveaxis(np.tensordot(small, tensor, axes=(range(k, 2 * k), axes)), range(k), axes)


def matrix_of(step):
    name, _, angles, matrix = step
    return gates.gate(name, *angles) if matrix is None else matrix


def statevector(circuit, n_qubits):
    state = np.zeros((2,) * n_qubits, dtype=complex)
    state.flat[0] = 1
    for step in circuit:
        if step[0] != "barrier":
            state = apply(matrix_of(step), step[1], state, 0, n_qubits)
    return state.ravel()


def density_matrix(circuit, n_qubits, kraus_of=lambda name, qubits: None):
    """``kraus_of(name, qubits)``: Kraus operators behind a gate, or None."""
    rho = np.zeros((2,) * (2 * n_qubits), dtype=complex)
    rho.flat[0] = 1
    for step in circuit:
        if step[0] == "barrier":
            continue
        for operators in ([matrix_of(step)], kraus_of(step[0], step[1])):
            if operators is not None:
                rho = sum(
                    apply(k.conj(), step[1], apply(k, step[1], rho, 0, n_qubits), n_qubits, n_qubits)
                    for k in map(np.asarray, operators)
                )
    return rho.reshape(1 << n_qubits, 1 << n_qubits)


def pauli(x, z, n_qubits):
    """The Pauli string of two masks; both bits set mean Y."""
    letters = [
        [gates.I2, gates.X, gates.Z, gates.Y][(x >> q & 1) + 2 * (z >> q & 1)] for q in range(n_qubits)
    ]
    return reduce(np.kron, reversed(letters), np.eye(1))
