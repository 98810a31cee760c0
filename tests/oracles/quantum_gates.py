"""Quantum gates, channels and circuits as dense matrices, from their definitions: slow and obvious.

Qubit 0 is the lowest bit of every index, so Kronecker products run from the last qubit to the first. A
circuit is a list of (name, qubits, angles, matrix of a unitary or None).
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product

import numpy as np
from hypothesis import strategies as st
from scipy.linalg import expm

I2 = np.eye(2, dtype=complex)
X = np.array([[0, 1], [1, 0]], dtype=complex)
Y = np.array([[0, -1j], [1j, 0]])
Z = np.diag([1, -1]).astype(complex)
P0, P1 = np.diag([1, 0]).astype(complex), np.diag([0, 1]).astype(complex)
LETTERS = {"I": I2, "X": X, "Y": Y, "Z": Z}

# name: (qubits, angles)
GATES = {
    **dict.fromkeys(["id", "x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx", "sxdg"], (1, 0)),
    **dict.fromkeys(["rx", "ry", "rz", "p"], (1, 1)),
    **dict.fromkeys(["u", "u3"], (1, 3)),
    "u1": (1, 1),
    "u2": (1, 2),
    **dict.fromkeys(["cx", "cy", "cz", "ch", "csx", "swap", "iswap", "ecr"], (2, 0)),
    **dict.fromkeys(["cp", "crx", "cry", "crz", "rxx", "ryy", "rzz", "rzx"], (2, 1)),
    **dict.fromkeys(["ccx", "cswap"], (3, 0)),
}


def rotation(pauli, angle):
    return expm(-0.5j * angle * pauli)


def controlled(matrix):
    """The control is the first qubit."""
    return np.kron(np.eye(len(matrix)), P0) + np.kron(matrix, P1)


SWAP = sum(np.kron(pauli, pauli) for pauli in LETTERS.values()) / 2


@lru_cache(maxsize=1024)
def gate(name, *angles):
    """The matrix of a gate; shared, not to be written to."""
    if name in ("u1", "u2", "u3"):  # u with the first angles left out
        return gate("u", *(0.0, 0.0) if name == "u1" else (np.pi / 2,) if name == "u2" else (), *angles)
    if name == "ecr":
        return rotation(pauli("ZX"), -np.pi / 4) @ pauli("XI") @ rotation(pauli("ZX"), np.pi / 4)
    fixed = {
        "id": I2,
        "x": X,
        "y": Y,
        "z": Z,
        "h": (X + Z) / np.sqrt(2),
        "s": np.diag([1, 1j]),
        "t": np.diag([1, np.exp(0.25j * np.pi)]),
        "sx": np.exp(0.25j * np.pi) * rotation(X, np.pi / 2),
        "cx": controlled(X),
        "cy": controlled(Y),
        "cz": controlled(Z),
        "ch": controlled((X + Z) / np.sqrt(2)),
        "csx": controlled(np.exp(0.25j * np.pi) * rotation(X, np.pi / 2)),
        "swap": SWAP,
        "iswap": expm(0.25j * np.pi * (pauli("XX") + pauli("YY"))),
        "ccx": controlled(controlled(X)),
        "cswap": controlled(SWAP),
    }
    if name in fixed:
        return fixed[name]
    if name in ("sdg", "tdg", "sxdg"):
        return fixed[name[:-2]].conj().T
    if name == "u":
        theta, phi, lam = angles
        return np.exp(0.5j * (phi + lam)) * rotation(Z, phi) @ rotation(Y, theta) @ rotation(Z, lam)
    (angle,) = angles
    if name == "p":
        return np.diag([1, np.exp(1j * angle)])
    if name == "cp":
        return controlled(np.diag([1, np.exp(1j * angle)]))
    if name in ("crx", "cry", "crz"):
        return controlled(gate(name[1:], angle))
    return rotation(pauli(name[1:].upper()), angle)


def embed(matrix, qubits, n_qubits):
    """A matrix on some qubits as one on all of them."""
    size = 1 << n_qubits
    mask = sum(1 << q for q in qubits)
    full = np.zeros((size, size), dtype=complex)
    for row in range(size):
        for column in range(size):
            if row & ~mask == column & ~mask:
                r = sum((row >> q & 1) << i for i, q in enumerate(qubits))
                c = sum((column >> q & 1) << i for i, q in enumerate(qubits))
                full[row, column] = matrix[r, c]
    return full


def unitary(circuit, n_qubits):
    """The matrix of a circuit."""
    full = np.eye(1 << n_qubits, dtype=complex)
    for name, qubits, angles, matrix in circuit:
        if name != "barrier":
            step = gate(name, *angles) if matrix is None else matrix
            full = embed(step, qubits, n_qubits) @ full
    return full


def pauli(letters):
    """The product of Pauli matrices; the first letter is for qubit 0."""
    full = np.eye(1)
    for letter in letters:
        full = np.kron(LETTERS[letter], full)
    return full


def strings(n_qubits):
    """All Pauli strings in the order of transfer matrices: first qubit fastest."""
    return ["".join(reversed(letters)) for letters in product("IXYZ", repeat=n_qubits)]


def transfer_matrix(kraus):
    """Pauli transfer matrix of a channel given by Kraus operators."""
    n_qubits = len(kraus[0]).bit_length() - 1
    paulis = [pauli(letters) for letters in strings(n_qubits)]
    images = [sum(k @ p @ k.conj().T for k in kraus) for p in paulis]
    return np.array([[np.trace(p @ image).real for image in images] for p in paulis]) / 2**n_qubits


def kraus_of(matrix):
    """Kraus operators of a Pauli transfer matrix: eigenvectors of its Choi matrix."""
    n_qubits = (len(matrix).bit_length() - 1) // 2
    size = 1 << n_qubits
    paulis = [pauli(letters) for letters in strings(n_qubits)]
    choi = sum(
        matrix[i, j] * np.kron(paulis[j].T, paulis[i]) for i in range(len(paulis)) for j in range(len(paulis))
    )
    values, vectors = np.linalg.eigh(choi / size)
    return [
        np.sqrt(value) * vector.reshape(size, size).T
        for value, vector in zip(values, vectors.T, strict=True)
        if value > 1e-14
    ]


def density_matrix(circuit, n_qubits, channel_of=lambda name, qubits: None):
    """The state at the end; ``channel_of`` gives Kraus operators behind a gate, or None."""
    rho = np.zeros((1 << n_qubits, 1 << n_qubits), dtype=complex)
    rho[0, 0] = 1.0
    for step in circuit:
        full = unitary([step], n_qubits)
        rho = full @ rho @ full.conj().T
        kraus = channel_of(step[0], step[1]) if step[0] != "barrier" else None
        if kraus is not None:
            all_of_them = [embed(k, step[1], n_qubits) for k in kraus]
            rho = sum(k @ rho @ k.conj().T for k in all_of_them)
    return rho


def marginal(probabilities, qubits):
    """Probabilities of some bits of an outcome; the first qubit is the lowest bit."""
    out = np.zeros(1 << len(qubits))
    for outcome, p in enumerate(probabilities):
        out[sum((outcome >> q & 1) << i for i, q in enumerate(qubits))] += p
    return out


def read_wrongly(probabilities, errors):
    """Probabilities of what is read; ``errors`` holds (p0_given_1, p1_given_0) of each bit."""
    full = np.eye(1)
    for p0_given_1, p1_given_0 in errors:
        full = np.kron(np.array([[1 - p1_given_0, p0_given_1], [p1_given_0, 1 - p0_given_1]]), full)
    return full @ probabilities


@st.composite
def circuits(draw, max_qubits=4, max_gates=12, names=tuple(GATES)):
    """(number of qubits, circuit)."""
    n_qubits = draw(st.integers(1, max_qubits))
    fitting = [name for name in names if GATES[name][0] <= n_qubits]
    steps = []
    for _ in range(draw(st.integers(0, max_gates))):
        name = draw(st.sampled_from(fitting))
        wires, angles = GATES[name]
        qubits = tuple(draw(st.permutations(range(n_qubits)))[:wires])
        values = tuple(draw(st.floats(-7, 7)) for _ in range(angles))
        steps.append((name, qubits, values, None))
    return n_qubits, steps


def random_unitary(n_qubits, seed):
    """From the QR decomposition of a Gaussian matrix."""
    rng = np.random.default_rng(seed)
    size = 1 << n_qubits
    q, r = np.linalg.qr(rng.normal(size=(size, size)) + 1j * rng.normal(size=(size, size)))
    return q * (np.diag(r) / abs(np.diag(r)))
