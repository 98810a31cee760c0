"""A third opinion: Cirq's density matrix, with its own names for gates and noise."""

from __future__ import annotations

import math

import cirq
import numpy as np
import pytest
from scipy.linalg import expm

from nonideal.hardware import quantum
from oracles import aer

GATES = {
    "id": cirq.I,
    "x": cirq.X,
    "y": cirq.Y,
    "z": cirq.Z,
    "h": cirq.H,
    "s": cirq.S,
    "sdg": cirq.S**-1,
    "t": cirq.T,
    "tdg": cirq.T**-1,
    "sx": cirq.X**0.5,
    "sxdg": cirq.X**-0.5,
    "rx": cirq.rx,
    "ry": cirq.ry,
    "rz": cirq.rz,
    "p": lambda angle: cirq.ZPowGate(exponent=angle / math.pi),
    "u": lambda theta, phi, lam: cirq.PhasedXZGate.from_matrix(
        cirq.unitary(cirq.rz(phi)) @ cirq.unitary(cirq.ry(theta)) @ cirq.unitary(cirq.rz(lam))
    ),
    "u1": lambda lam: GATES["p"](lam),
    "u2": lambda phi, lam: GATES["u"](math.pi / 2, phi, lam),
    "u3": lambda theta, phi, lam: GATES["u"](theta, phi, lam),
    "cx": cirq.CNOT,
    "ch": cirq.ControlledGate(cirq.H),
    "csx": cirq.ControlledGate(cirq.X**0.5),
    "crx": lambda angle: cirq.ControlledGate(cirq.rx(angle)),
    "cry": lambda angle: cirq.ControlledGate(cirq.ry(angle)),
    "crz": lambda angle: cirq.ControlledGate(cirq.rz(angle)),
    "rxx": lambda angle: cirq.XXPowGate(exponent=angle / math.pi),
    "ryy": lambda angle: cirq.YYPowGate(exponent=angle / math.pi),
    "rzz": lambda angle: cirq.ZZPowGate(exponent=angle / math.pi),
    "rzx": lambda angle: cirq.MatrixGate(
        expm(-0.5j * angle * np.kron(cirq.unitary(cirq.Z), cirq.unitary(cirq.X)))
    ),
    "iswap": cirq.ISWAP,
    "ecr": cirq.MatrixGate(  # the first qubit is the highest bit
        np.array([[0, 0, 1, 1j], [0, 0, 1j, 1], [1, -1j, 0, 0], [-1j, 1, 0, 0]]) / math.sqrt(2)
    ),
    "cy": cirq.ControlledGate(cirq.Y),
    "cz": cirq.CZ,
    "cp": lambda angle: cirq.CZPowGate(exponent=angle / math.pi),
    "swap": cirq.SWAP,
    "ccx": cirq.CCX,
    "cswap": cirq.CSWAP,
}


def probabilities(circuit, channels):
    """Cirq's probabilities, little endian; `channels[k]` follows each gate on k qubits."""
    line = cirq.LineQubit.range(circuit.num_qubits)
    operations = []
    for item in circuit.data:
        qubits = [line[circuit.find_bit(qubit).index] for qubit in item.qubits]
        gate = GATES[item.operation.name]
        operations.append((gate(*item.operation.params) if item.operation.params else gate)(*qubits))
        operations += channels[len(qubits)](qubits)
    state = cirq.DensityMatrixSimulator(dtype=np.complex128).simulate(
        cirq.Circuit(operations), qubit_order=line[::-1]
    )
    return np.diag(state.final_density_matrix).real


def one_by_one(channel):
    return lambda qubits: [channel(qubit) for qubit in qubits]


@pytest.mark.parametrize("seed", range(8))
def test_depolarising_noise_in_cirqs_convention(seed):
    rng = np.random.default_rng(seed)
    p1, p2 = rng.uniform(0.001, 0.1, 2)
    circuit = aer.random_circuit(rng, 2 + seed % 3, 20, (*aer.ONE, *aer.TWO))
    expected = probabilities(
        circuit,
        {
            1: lambda qubits: [cirq.depolarize(p1)(*qubits)],
            2: lambda qubits: [cirq.depolarize(p2, 2)(*qubits)],
        },
    )
    noise = quantum.NoiseModel.depolarizing(p1, p2, convention="cirq")
    np.testing.assert_allclose(
        quantum.Simulator(noise=noise).probabilities(circuit), expected, rtol=0, atol=1e-10
    )


@pytest.mark.parametrize("seed", range(8))
def test_damping(seed):
    rng = np.random.default_rng(seed)
    gamma, lam = rng.uniform(0.001, 0.1, 2)
    circuit = aer.random_circuit(rng, 3, 20, aer.GATES)
    expected = probabilities(
        circuit,
        {
            1: one_by_one(cirq.amplitude_damp(gamma)),
            2: one_by_one(cirq.phase_damp(lam)),
            3: one_by_one(cirq.amplitude_damp(lam)),
        },
    )
    damped, dephased = quantum.Channel.amplitude_damping(gamma), quantum.Channel.phase_damping(lam)
    third = quantum.Channel.amplitude_damping(lam)
    noise = (
        quantum.NoiseModel()
        .add(damped, aer.ONE)
        .add(dephased.tensor(dephased), aer.TWO)
        .add(third.tensor(third).tensor(third), aer.THREE)
    )
    np.testing.assert_allclose(
        quantum.Simulator(noise=noise).probabilities(circuit), expected, rtol=0, atol=1e-10
    )
