"""How fast Qiskit Aer runs the circuits of a distance, where it is installed: the peer in tables of cost."""

from __future__ import annotations

import importlib
import time
from typing import Any, cast

import numpy as np

from nonideal.hardware import quantum

__all__ = ["aer_rate"]

_SAMPLE = 100  # circuits; Aer takes milliseconds for each
_PRECISION = 1024**-0.5  # of Aer's estimator, which adds the noise of so many shots


def aer_rate(method: str, p1: float, p2: float, dimension: int = 6) -> float | None:
    """Return circuits per second of Aer in its fastest mode, None where it is not installed.

    That is EstimatorV2 on the density matrix, one template with an array of angles, all threads.

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
        primitives: Any = importlib.import_module("qiskit_aer.primitives")
        errors: Any = importlib.import_module("qiskit_aer.noise")
    except ImportError:
        return None
    estimator = quantum.DistanceEstimator(method=cast(Any, method))
    points = np.random.Generator(np.random.Philox(key=7)).normal(size=(2, _SAMPLE, dimension))
    circuits = [estimator.circuit(a, b).decomposed() for a, b in zip(*points, strict=True)]
    angles = [[item.angles[0] for item in circuit.instructions if item.name == "ry"] for circuit in circuits]
    template = quantum.Circuit(circuits[0].n_qubits)
    for item in circuits[0].instructions:
        if item.name == "ry":
            template.ry(quantum.Parameter(f"angle[{len(template.parameters)}]"), item.qubits[0])
        elif item.name not in ("barrier", "measure"):
            template.append(item)
    model = errors.NoiseModel()
    single = sorted(set(template.gate_counts) - {"cx"})
    model.add_all_qubit_quantum_error(errors.depolarizing_error(p1, 1), single)
    model.add_all_qubit_quantum_error(errors.depolarizing_error(p2, 2), ["cx"])
    aer = primitives.EstimatorV2(
        options={"backend_options": {"method": "density_matrix", "noise_model": model}}
    )
    pub = (template.to_qiskit(), "I" * (template.n_qubits - 1) + "Z", np.array(angles, dtype=np.float64))
    start = time.perf_counter()
    aer.run([pub], precision=_PRECISION).result()
    return _SAMPLE / (time.perf_counter() - start)
