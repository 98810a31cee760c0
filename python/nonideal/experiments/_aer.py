"""How fast Qiskit Aer runs the circuits of a distance, where it is installed: the peer in tables of cost."""

from __future__ import annotations

import importlib
import time
from typing import Any, cast

import numpy as np

from nonideal.hardware import quantum

__all__ = ["aer_rate"]

_SAMPLE = 100  # circuits; Aer takes milliseconds for each


def aer_rate(method: str, p1: float, p2: float, dimension: int = 6) -> float | None:
    """Return circuits per second of Aer's density-matrix method in one batch, None if it is not installed.

    Parameters
    ----------
    method : str
        Of the distance, as for `nonideal.hardware.quantum.DistanceEstimator`.
    p1, p2 : float
        Depolarising errors of one- and two-qubit gates.
    dimension : int
        Of the points.
    """
    try:
        aer: Any = importlib.import_module("qiskit_aer")
        errors: Any = importlib.import_module("qiskit_aer.noise")
    except ImportError:
        return None
    estimator = quantum.DistanceEstimator(method=cast(Any, method))
    points = np.random.Generator(np.random.Philox(key=7)).normal(size=(2, _SAMPLE, dimension))
    circuits = []
    for a, b in zip(*points, strict=True):
        circuit = estimator.circuit(a, b).decomposed().to_qiskit()
        circuit.save_probabilities([0])
        circuits.append(circuit)
    names = {item.operation.name for circuit in circuits for item in circuit.data}
    model = errors.NoiseModel()
    single = sorted(names - {"cx", "barrier", "measure", "save_probabilities"})
    model.add_all_qubit_quantum_error(errors.depolarizing_error(p1, 1), single)
    model.add_all_qubit_quantum_error(errors.depolarizing_error(p2, 2), ["cx"])
    simulator = aer.AerSimulator(method="density_matrix", noise_model=model)
    start = time.perf_counter()
    simulator.run(circuits, shots=1).result()
    return _SAMPLE / (time.perf_counter() - start)
