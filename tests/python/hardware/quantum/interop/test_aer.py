"""The acceptance: any circuit with any noise, taken from Qiskit and Aer, has Aer's probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit.circuit import Parameter
from qiskit_aer import noise as aer_noise
from scipy import stats

from nonideal.hardware import quantum
from oracles import aer

TOLERANCE = {"rtol": 0, "atol": 1e-10}


@pytest.mark.parametrize("seed", range(16))
def test_noisy_probabilities_are_aers(seed):
    """25 circuits for each of 16 noise models on 2 to 7 qubits: every gate, mixed channels, readout.

    The short ones leave qubits without a gate.
    """
    rng = np.random.default_rng(seed)
    n_qubits = 2 + seed % 6
    model = aer.random_noise_model(rng, n_qubits)
    circuits = [aer.random_circuit(rng, n_qubits, int(rng.integers(1, 40))) for _ in range(25)]
    noise = quantum.NoiseModel.from_qiskit_aer(model)
    dense = quantum.Simulator(noise, "density_matrix", num_threads=1)
    chosen = quantum.Simulator(noise, num_threads=1)
    for i, (circuit, expected) in enumerate(zip(circuits, aer.probabilities(circuits, model), strict=True)):
        converted = quantum.Circuit.from_qiskit(circuit)
        np.testing.assert_allclose(dense.probabilities(converted), expected, **TOLERANCE)
        if i % 5 == 0:
            np.testing.assert_allclose(chosen.probabilities(converted), expected, **TOLERANCE)


def with_symbols(rng, circuit):
    """The circuit with linear expressions of three symbols for its angles."""
    symbols = [Parameter(name) for name in "cab"]
    template = circuit.copy_empty_like()
    for item in circuit.data:
        gate = item.operation
        if gate.params and gate.name != "unitary":
            angles = [
                float(rng.normal()) * symbols[rng.integers(3)] + angle if rng.random() < 0.8 else angle
                for angle in gate.params
            ]
            gate = gate.base_class(*angles)
        template.append(gate, item.qubits)
    return template


@pytest.mark.parametrize("seed", range(8))
def test_templates_in_one_call_are_aers_circuits_one_by_one(seed):
    rng = np.random.default_rng(200 + seed)
    n_qubits = 2 + seed % 4
    model = aer.random_noise_model(rng, n_qubits)
    simulator = quantum.Simulator(noise=quantum.NoiseModel.from_qiskit_aer(model), num_threads=1)
    for _ in range(5):
        template = with_symbols(rng, aer.random_circuit(rng, n_qubits, int(rng.integers(1, 30))))
        converted = quantum.Circuit.from_qiskit(template)
        names = [parameter.name for parameter in converted.parameters]
        values = rng.uniform(-3, 3, (5, len(names)))
        bound = [template.assign_parameters(dict(zip(names, row, strict=True))) for row in values]
        np.testing.assert_allclose(
            simulator.probabilities(converted, parameters=values),
            aer.probabilities(bound, model),
            **TOLERANCE,
        )


def test_noiseless_states_are_aers():
    rng = np.random.default_rng(1)
    circuits = [aer.random_circuit(rng, n_qubits, 40) for n_qubits in range(2, 8) for _ in range(5)]
    for circuit, expected in zip(circuits, aer.density_matrices(circuits), strict=True):
        state = quantum.Simulator(num_threads=1).statevector(circuit)
        np.testing.assert_allclose(np.outer(state, state.conj()), expected, **TOLERANCE)


@pytest.mark.parametrize("seed", range(4))
def test_noisy_density_matrices_are_aers(seed):
    rng = np.random.default_rng(100 + seed)
    model = aer.random_noise_model(rng, 4)
    circuits = [aer.random_circuit(rng, 4, 25) for _ in range(5)]
    simulator = quantum.Simulator(noise=quantum.NoiseModel.from_qiskit_aer(model), num_threads=1)
    for circuit, expected in zip(circuits, aer.density_matrices(circuits, model), strict=True):
        np.testing.assert_allclose(simulator.density_matrix(circuit), expected, **TOLERANCE)


def test_single_precision_and_trajectories():
    """The other two engines: to what floats hold, and by chi-square."""
    rng = np.random.default_rng(300)
    model = aer.random_noise_model(rng, 4)
    circuits = [aer.random_circuit(rng, 4, 25) for _ in range(5)]
    noise = quantum.NoiseModel.from_qiskit_aer(model)
    single = quantum.Simulator(noise, "density_matrix", precision="single")
    shots = quantum.Simulator(noise, "trajectories", seed=7)
    for i, (circuit, expected) in enumerate(zip(circuits, aer.probabilities(circuits, model), strict=True)):
        np.testing.assert_allclose(single.probabilities(circuit), expected, rtol=0, atol=1e-6)
        counts = shots.sample(circuit, shots=20_000, offset=i).to_array()
        assert stats.chisquare(counts, 20_000 * expected / expected.sum()).pvalue > 1e-4


def matrices(rng, n_qubits, sizes, label=None):
    """A circuit of random matrices on so many qubits each."""
    circuit = aer.QuantumCircuit(n_qubits)
    for size in sizes:
        matrix = aer.random_unitary(2**size, seed=int(rng.integers(2**31)))
        gate = aer.UnitaryGate(matrix, label=label)
        circuit.append(gate, [int(q) for q in rng.permutation(n_qubits)[:size]])
    return circuit


@pytest.mark.parametrize("kind", ["random", "coherent"])
@pytest.mark.parametrize("n_qubits", [1, 2, 3])
def test_errors_on_matrices(n_qubits, kind):
    """Aer knows a matrix without a label by the name `unitary`."""
    rng = np.random.default_rng(3)
    error = aer.random_error(rng, n_qubits)
    if kind == "coherent":  # a unitary that entangles the gate's qubits
        error = aer_noise.coherent_unitary_error(aer.random_unitary(2**n_qubits, seed=5))
    model = aer_noise.NoiseModel(basis_gates=["unitary"])
    model.add_all_qubit_quantum_error(error, "unitary")
    circuit = matrices(rng, 4, [n_qubits] * 8)
    (expected,) = aer.density_matrices([circuit], model)
    noise = quantum.NoiseModel.from_qiskit_aer(model)
    found = quantum.Simulator(noise=noise).density_matrix(circuit)
    np.testing.assert_allclose(found, expected, **TOLERANCE)
    shots = quantum.Simulator(noise, "trajectories", seed=7)
    counts, want = shots.sample(circuit, shots=5000).to_array(), 5000 * np.diag(expected).real
    possible = want > 1e-9  # some qubits may have no gate
    assert counts[~possible].sum() == 0
    assert stats.chisquare(counts[possible], want[possible]).pvalue > 1e-4


@pytest.mark.parametrize("n_qubits", [1, 2])
def test_errors_on_the_first_qubits_of_larger_matrices(n_qubits):
    """Aer lets an error for all `unitary` act on the first qubits of a matrix that has more."""
    rng = np.random.default_rng(4)
    model = aer_noise.NoiseModel(basis_gates=["unitary"])
    model.add_all_qubit_quantum_error(aer.random_kraus(rng, n_qubits), "unitary")
    model.add_quantum_error(aer.random_kraus(rng, 2), "unitary", [1, 0], warnings=False)
    circuit = matrices(rng, 3, [3, 2, 2, 2, 3, 2, 2, 3, 2, 2])
    (expected,) = aer.density_matrices([circuit], model)
    noise = quantum.NoiseModel.from_qiskit_aer(model)
    np.testing.assert_allclose(quantum.Simulator(noise).density_matrix(circuit), expected, **TOLERANCE)


def test_labels_of_matrices_are_no_names():
    """Aer takes a label for the name, and finds the error of `cx`; here a matrix is a `unitary`."""
    model = aer_noise.NoiseModel(basis_gates=["unitary", "cx"])
    model.add_all_qubit_quantum_error(
        aer_noise.amplitude_damping_error(0.3).tensor(aer_noise.amplitude_damping_error(0.2)), "cx"
    )
    circuit = matrices(np.random.default_rng(5), 2, [2, 2], label="cx")
    noisy, clean = aer.probabilities([circuit], model)[0], aer.probabilities([circuit])[0]
    found = quantum.Simulator(quantum.NoiseModel.from_qiskit_aer(model)).probabilities(circuit)
    np.testing.assert_allclose(found, clean, **TOLERANCE)
    assert np.abs(noisy - clean).max() > 0.05


def test_entangling_errors_on_three_qubits_in_a_batch():
    """A unitary for an error of ccx, cswap and matrices, with angles: one compiled program, and many rows."""
    rng = np.random.default_rng(6)
    model = aer_noise.NoiseModel(basis_gates=["ccx", "cswap", "unitary"])
    for seed, name in enumerate(("ccx", "cswap", "unitary")):
        error = aer_noise.coherent_unitary_error(aer.random_unitary(8, seed=seed))
        model.add_all_qubit_quantum_error(error, name)
    a, b = Parameter("a"), Parameter("b")
    template = aer.QuantumCircuit(4)
    template.ry(a, 0)
    template.rx(b, 2)
    template.ccx(0, 2, 3)
    template.append(aer.UnitaryGate(aer.random_unitary(8, seed=9)), [3, 0, 1])
    template.cswap(1, 3, 2)
    values = rng.uniform(-3, 3, (9, 2))
    simulator = quantum.Simulator(noise=quantum.NoiseModel.from_qiskit_aer(model))
    np.testing.assert_allclose(
        simulator.probabilities(template, parameters=values),
        aer.probabilities([template.assign_parameters({a: x, b: y}) for x, y in values], model),
        **TOLERANCE,
    )


def test_the_order_of_a_gates_qubits_matters():
    """An error that tells a gate's qubits apart, on a gate that does not: no symmetry hides a mistake."""
    first = aer_noise.amplitude_damping_error(0.3)
    model = aer_noise.NoiseModel(basis_gates=["swap", "x"])
    model.add_all_qubit_quantum_error(aer_noise.phase_damping_error(0.1).tensor(first), "swap")
    circuit = aer.QuantumCircuit(2)
    circuit.x([0, 1])
    circuit.swap(1, 0)
    simulator = quantum.Simulator(noise=quantum.NoiseModel.from_qiskit_aer(model))
    # the gate's first qubit, 1, decays from 11 to 01
    np.testing.assert_allclose(simulator.probabilities(circuit), [0.0, 0.3, 0.0, 0.7], rtol=0, atol=1e-15)
    np.testing.assert_allclose(
        simulator.probabilities(circuit), aer.probabilities([circuit], model)[0], **TOLERANCE
    )
