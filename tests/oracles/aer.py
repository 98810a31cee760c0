"""Random circuits and noise models of Qiskit, and their exact probabilities by Aer's density matrix."""

from __future__ import annotations

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit.library import UnitaryGate, get_standard_gate_name_mapping
from qiskit.quantum_info import DensityMatrix, SuperOp, random_unitary
from qiskit_aer import AerSimulator
from qiskit_aer import noise as aer

ONE = ("id", "x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx", "sxdg", "rx", "ry", "rz", "p", "u")
ONE += ("u1", "u2", "u3")
TWO = ("cx", "cy", "cz", "ch", "csx", "cp", "crx", "cry", "crz", "rxx", "ryy", "rzz", "rzx")
TWO += ("swap", "iswap", "ecr")
THREE = ("ccx", "cswap")
GATES = (*ONE, *TWO, *THREE)
# Aer has none of these on density matrices, but takes the label of a matrix for a name.
_AS_MATRICES = frozenset({"ch", "csx", "crx", "cry", "crz", "iswap", "cswap"})
NATIVE = tuple(name for name in GATES if name not in _AS_MATRICES)
_CLASSES = get_standard_gate_name_mapping()


def random_circuit(rng, n_qubits, n_gates, names=(*GATES, "unitary")):
    """A circuit of these gates on random qubits with random angles."""
    circuit = QuantumCircuit(n_qubits)
    while circuit.size() < n_gates:
        name = rng.choice(names)
        if name == "unitary":
            k = int(rng.integers(1, min(n_qubits, 3) + 1))
            gate = UnitaryGate(random_unitary(2**k, seed=int(rng.integers(2**31))))
        else:
            kind = _CLASSES[name]
            gate = kind.base_class(*rng.uniform(-4, 4, len(kind.params)))
        if gate.num_qubits <= n_qubits:
            circuit.append(gate, [int(q) for q in rng.permutation(n_qubits)[: gate.num_qubits]])
    return circuit


def random_kraus(rng, n_qubits):
    """A channel of three Kraus operators that is none of the usual ones."""
    d = 2**n_qubits
    operators = rng.normal(size=(3, d, d)) + 1j * rng.normal(size=(3, d, d))
    operators[0] += 4 * np.eye(d)
    values, vectors = np.linalg.eigh(sum(k.conj().T @ k for k in operators))
    root = vectors @ np.diag(values**-0.5) @ vectors.conj().T
    return aer.kraus_error([k @ root for k in operators])


def random_error(rng, n_qubits):
    """A random quantum error of Aer on so many qubits."""
    if n_qubits == 3:
        return random_error(rng, 1).tensor(random_error(rng, 2))
    if n_qubits == 2 and rng.random() < 0.5:
        return random_error(rng, 1).tensor(random_error(rng, 1))
    p, q = rng.uniform(0.0, 0.1, 2)
    kinds = [
        lambda: aer.depolarizing_error(p, n_qubits),
        lambda: aer.depolarizing_error(4**n_qubits / (4**n_qubits - 1), n_qubits),  # the largest
        lambda: random_kraus(rng, n_qubits),
    ]
    if n_qubits == 1:
        kinds += [
            lambda: aer.amplitude_damping_error(p),
            lambda: aer.phase_damping_error(p),
            lambda: aer.phase_amplitude_damping_error(p, q, excited_state_population=0.2),
            lambda: aer.thermal_relaxation_error(1.0, 0.7, p),
            lambda: aer.thermal_relaxation_error(1.0, 1.8, p),
            lambda: aer.pauli_error([("X", p), ("Y", q), ("I", 1 - p - q)]),
            lambda: aer.reset_error(p, q),
            lambda: aer.coherent_unitary_error(random_unitary(2, seed=int(rng.integers(2**31)))),
        ]
    else:
        kinds.append(lambda: aer.pauli_error([("XI", p), ("ZY", q), ("II", 1 - p - q)]))
    error = kinds[rng.integers(len(kinds))]()
    return error.compose(aer.amplitude_damping_error(q)) if n_qubits == 1 and rng.random() < 0.2 else error


def random_noise_model(rng, n_qubits):
    """Errors on most gates, other ones on some qubits, readout errors."""
    model = aer.NoiseModel(basis_gates=[*GATES, "unitary"])
    for k, names in ((1, ONE), (2, TWO), (3, THREE)):
        for name in names:
            if rng.random() < 0.6:
                model.add_all_qubit_quantum_error(random_error(rng, k), name)
            if rng.random() < 0.4 and k <= n_qubits:
                qubits = [int(q) for q in rng.permutation(n_qubits)[:k]]
                model.add_quantum_error(random_error(rng, k), name, qubits, warnings=False)
    for qubit in (None, *range(n_qubits)):
        if rng.random() < 0.5:
            a, b = rng.uniform(0, 0.2, 2)
            error = aer.ReadoutError([[1 - a, a], [b, 1 - b]])
            if qubit is None:
                model.add_all_qubit_readout_error(error)
            else:
                model.add_readout_error(error, [qubit], warnings=False)
    return model


def read_out(probabilities, model):
    """Probabilities, little endian, with the readout errors of an Aer model."""
    n_qubits = len(probabilities).bit_length() - 1
    tensor = np.reshape(probabilities, (2,) * n_qubits)
    for qubit in range(n_qubits):
        error = model._local_readout_errors.get((qubit,), model._default_readout_error)
        if error is not None:
            axis = n_qubits - 1 - qubit
            tensor = np.moveaxis(np.tensordot(tensor, error.probabilities, (axis, 0)), -1, axis)
    return tensor.ravel()


def density_matrices(circuits, model=None):
    """Density matrices after these circuits, (2^n, 2^n) each, in one job."""
    copies = []
    for circuit in circuits:
        copy = circuit.copy_empty_like()
        for item in circuit.data:
            gate = item.operation
            if gate.name in _AS_MATRICES:
                gate = UnitaryGate(gate.to_matrix(), label=gate.name)
            copy.append(gate, item.qubits)
        copy.save_density_matrix()
        copies.append(copy)
    simulator = AerSimulator(
        method="density_matrix", noise_model=model, zero_threshold=1e-18, max_parallel_threads=1
    )
    result = simulator.run(copies).result()
    assert result.success, result.status
    return [np.asarray(result.data(i)["density_matrix"]) for i in range(len(circuits))]


def gate_by_gate(circuit, model):
    """Density matrix after a circuit: each gate, then the model's error, both by Qiskit's quantum_info.

    Slow, but exact. Where an error is a mixture of very many terms, Aer's own run is 1e-9 off it.
    """
    state = DensityMatrix.from_int(0, 2**circuit.num_qubits)
    for item in circuit.data:
        if item.operation.name == "barrier":
            continue
        qubits = tuple(circuit.find_bit(qubit).index for qubit in item.qubits)
        state = state.evolve(item.operation, qubits)
        error = model._local_quantum_errors.get(item.operation.name, {}).get(qubits)
        error = error or model._default_quantum_errors.get(item.operation.name)
        if error is not None:
            state = state.evolve(SuperOp(error), qubits)
    return np.asarray(state.data)


def probabilities(circuits, model=None):
    """Exact probabilities of all outcomes of these circuits, readout errors included."""
    diagonals = [np.diag(matrix).real for matrix in density_matrices(circuits, model)]
    return diagonals if model is None else [read_out(each, model) for each in diagonals]
