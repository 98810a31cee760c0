"""Qiskit's and mitiq's side with odd arguments, as `test_arguments` does for the rest."""

import pytest
from qiskit import QuantumCircuit
from qiskit_aer import noise as aer_noise

import odd
from nonideal.hardware import quantum
from nonideal.hardware.quantum import interop

SIMULATOR = quantum.Simulator(seed=1)
PLAIN = QuantumCircuit(1)
PLAIN.h(0)
MEASURED = PLAIN.copy()
MEASURED.measure_all()

CALLS = {
    "Backend": (interop.Backend, SIMULATOR, 2),
    "Backend.run": (
        lambda circuits, shots: interop.Backend(SIMULATOR).run(circuits, shots=shots).result(),
        MEASURED,
        10,
    ),
    "Sampler": (lambda simulator, shots: interop.Sampler(simulator, default_shots=shots), SIMULATOR, 10),
    "Sampler.run": (
        lambda pubs, shots: interop.Sampler(SIMULATOR).run(pubs, shots=shots).result(),
        [MEASURED],
        10,
    ),
    "Estimator": (
        lambda simulator, precision: interop.Estimator(simulator, default_precision=precision),
        SIMULATOR,
        0.1,
    ),
    "Estimator.run": (
        lambda pubs, precision: interop.Estimator(SIMULATOR).run(pubs, precision=precision).result(),
        [(PLAIN, "Z")],
        0.1,
    ),
    "mitiq_executor": (
        lambda simulator, observable, shots: interop.mitiq_executor(simulator, observable, shots)([PLAIN]),
        SIMULATOR,
        "Z0",
        10,
    ),
    "circuit_from_qiskit": (interop.circuit_from_qiskit, PLAIN),
    "circuit_to_qiskit": (interop.circuit_to_qiskit, quantum.Circuit(1)),
    "noise_from_aer": (interop.noise_from_aer, aer_noise.NoiseModel()),
    "channel_from_aer": (interop.channel_from_aer, aer_noise.depolarizing_error(0.1, 1)),
    "Simulator": (SIMULATOR.probabilities, PLAIN),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", CALLS)
def test_odd_arguments_are_taken_or_refused(name):
    odd.walk(*CALLS[name])
