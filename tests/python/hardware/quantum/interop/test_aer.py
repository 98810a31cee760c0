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


@pytest.mark.parametrize("n_qubits", [1, 2])
def test_errors_on_matrices(n_qubits):
    """Aer knows a matrix without a label by the name `unitary`."""
    rng = np.random.default_rng(3)
    model = aer_noise.NoiseModel(basis_gates=["unitary"])
    model.add_all_qubit_quantum_error(aer.random_error(rng, n_qubits), "unitary")
    gates = [aer.UnitaryGate(aer.random_unitary(2**n_qubits, seed=k)) for k in range(8)]
    circuit = aer.QuantumCircuit(3)
    for gate in gates:
        circuit.append(gate, [int(q) for q in rng.permutation(3)[:n_qubits]])
    (expected,) = aer.probabilities([circuit], model)
    simulator = quantum.Simulator(noise=quantum.NoiseModel.from_qiskit_aer(model))
    np.testing.assert_allclose(simulator.probabilities(circuit), expected, **TOLERANCE)


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
