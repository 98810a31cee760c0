"""Distances by noisy circuits, against Qiskit Aer running the same circuits; one thread each."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from nonideal.benchmarks.harness import Benchmark, Case, Peer

from nonideal.hardware import quantum

__all__ = ["BENCHMARKS"]

D = 8
P1, P2 = 1e-3, 1e-2
SHOTS = 1024

FloatArray = npt.NDArray[np.float64]


def _tree_angles(vectors: FloatArray) -> list[FloatArray]:
    """Return the angles of RY that prepare the rows (n, 2^m), level by level, in the order of the gates.

    A uniformly controlled rotation with k controls is 2^k plain ones in Gray-code order: Moettoenen et al.,
    Quantum Inf. Comput. 5, 467 (2005).
    """
    n, length = vectors.shape
    levels = []
    for k in range(length.bit_length() - 1):
        blocks = vectors.reshape(n, 1 << (k + 1), -1)
        halves = blocks[:, :, 0] if blocks.shape[2] == 1 else np.linalg.norm(blocks, axis=2)
        turns = 2 * np.arctan2(halves[:, 1::2], halves[:, 0::2])
        signs = [[(-1) ** (j & i ^ j & i >> 1).bit_count() for j in range(1 << k)] for i in range(1 << k)]
        levels.append(turns @ np.array(signs, dtype=np.float64).T / (1 << k))
    return levels


def _prepare(circuit: Any, angles: list[Any], qubits: list[int]) -> None:
    """Append the preparation of a vector; the first qubit is the most significant one."""
    for k, target in enumerate(qubits):
        for i in range(1 << k):
            circuit.ry(angles.pop(0), target)
            if k:
                change = (i ^ i >> 1) ^ ((i + 1) % (1 << k) ^ (i + 1) % (1 << k) >> 1)
                circuit.cx(qubits[k - change.bit_length()], target)


def _swap_test() -> Any:
    """Return the swap test as a template of Qiskit's: the angle of RY on qubit 1, then those of the tree."""
    from qiskit import QuantumCircuit
    from qiskit.circuit import ParameterVector

    data = list(range(2, 6))
    angles = list(ParameterVector("angle", 2 * D))
    circuit = QuantumCircuit(6)
    circuit.ry(angles.pop(0), 1)
    _prepare(circuit, angles, data)
    circuit.h(0)
    circuit.cx(2, 1)
    circuit.h(2)
    for control, gate in ((1, circuit.tdg), (0, circuit.t), (1, circuit.tdg), (0, circuit.t)):
        circuit.cx(control, 2)
        gate(2)
    circuit.t(1)
    circuit.h(2)
    circuit.cx(0, 1)
    circuit.t(0)
    circuit.tdg(1)
    circuit.cx(0, 1)
    circuit.cx(2, 1)
    circuit.h(0)
    return circuit


def _swap_angles(a: FloatArray, b: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
    psi = np.concatenate([a / lengths[0][:, None], b / lengths[1][:, None]], axis=1)
    phi = 2 * np.arctan2(-lengths[1], lengths[0])
    return np.concatenate([phi[:, None], *_tree_angles(psi)], axis=1)


def _hadamard_test() -> Any:
    from qiskit import QuantumCircuit
    from qiskit.circuit import ParameterVector

    circuit = QuantumCircuit(4)
    _prepare(circuit, list(ParameterVector("angle", 2 * D - 1)), list(range(4)))
    circuit.h(0)
    return circuit


def _hadamard_angles(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.concatenate(_tree_angles(np.concatenate([a, b], axis=1)), axis=1)


Method = Literal["swap", "hadamard"]

# method: template, angles of pairs, squared distance over Z from <Z> of qubit 0
METHODS: dict[Method, tuple[Callable[[], Any], Callable[..., FloatArray], Callable[..., FloatArray]]] = {
    "swap": (_swap_test, _swap_angles, lambda z: 2 * z),
    "hadamard": (_hadamard_test, _hadamard_angles, lambda z: 1 - z),
}


class _Aer:
    """Squared distances of pairs of rows by Aer, in the two ways in which it takes many circuits."""

    def __init__(self, method: Method, a: FloatArray, b: FloatArray) -> None:
        from qiskit_aer import AerSimulator
        from qiskit_aer.noise import NoiseModel, depolarizing_error
        from qiskit_aer.primitives import EstimatorV2

        template, angles, self.over_z = METHODS[method]
        noise = NoiseModel(basis_gates=["h", "t", "tdg", "ry", "cx"])
        noise.add_all_qubit_quantum_error(depolarizing_error(P1, 1), ["h", "t", "tdg", "ry"])
        noise.add_all_qubit_quantum_error(depolarizing_error(P2, 2), "cx")
        options: dict[str, Any] = {
            "method": "density_matrix",
            "noise_model": noise,
            "max_parallel_threads": 1,
            "zero_threshold": 1e-18,  # its default, 1e-10, takes small values for nothing
        }
        self.template = template()
        self.observable = "I" * (self.template.num_qubits - 1) + "Z"
        self.values = angles(a, b)
        self.simulator = AerSimulator(**options)
        self.primitive = EstimatorV2(options={"backend_options": options})
        self.z: FloatArray = np.sum(np.square(a), axis=1) + np.sum(np.square(b), axis=1)

    def estimator(self, precision: float = SHOTS**-0.5) -> FloatArray:
        """Return squared distances of one template with an array of parameters."""
        pub = (self.template, self.observable, self.values)
        return self.z * self.over_z(self.primitive.run([pub], precision=precision).result()[0].data.evs)

    def circuits(self) -> FloatArray:
        """Return squared distances of a list of circuits without symbols, sampled."""
        template = self.template.copy()
        template.measure_all()
        bound = [template.assign_parameters(row) for row in self.values]
        counts = self.simulator.run(bound, shots=SHOTS).result().get_counts()
        odd = [sum(count for bits, count in each.items() if bits[-1] == "1") for each in counts]
        return self.z * self.over_z(1 - 2 * np.array(odd) / SHOTS)


def _distances(method: Method, goal: float) -> Callable[[bool], Case]:
    def prepare(tiny: bool) -> Case:
        """All pairs for us, with shots; some of them for Aer, whose share of the work is counted."""
        queries, points, pairs = (8, 8, 4) if tiny else (1000, 1000, 100)
        rng = np.random.default_rng(1)
        a = rng.normal(size=(queries, D))
        b = a[rng.integers(queries, size=points)] + 0.5 * rng.normal(size=(points, D))
        noise = quantum.NoiseModel.depolarizing(P1, P2)
        exact, measured = (
            quantum.DistanceEstimator(method, shots=shots, noise=noise, seed=7, num_threads=1)
            for shots in (None, SHOTS)
        )
        peers = {}
        aer = None
        if importlib.util.find_spec("qiskit_aer"):
            aer = _Aer(method, a[:pairs], b[:pairs])
            peers["aer"] = Peer(aer.estimator, count=pairs, goal=goal)
            peers["aer, list of circuits"] = Peer(aer.circuits, count=pairs)

        def check() -> None:
            found = measured.pairwise(a[:pairs], b[:pairs])
            ours = exact.pairwise(a[:pairs], b[:pairs]).squared_distance
            assert np.all(np.abs(found.squared_distance - ours) < 6 * found.standard_error)
            if aer is not None:
                np.testing.assert_allclose(np.diag(ours), aer.estimator(0.0), rtol=0, atol=1e-10)
                gaps = np.abs(np.diag(ours) - aer.circuits()) / np.diag(found.standard_error)
                assert gaps.max() < 6, gaps.max()

        return Case(count=queries * points, ours=lambda: measured.pairwise(a, b), peers=peers, check=check)

    return prepare


_NOTE = f"one thread; D = {D}, {SHOTS} shots, p1 = {P1}, p2 = {P2}; aer: EstimatorV2, one template"

BENCHMARKS = (
    Benchmark(
        "distance-swap-aer",
        topic="quantum",
        unit="circuits",
        prepare=_distances("swap", goal=3000),
        floor=1e6,
        note=_NOTE,
    ),
    Benchmark(
        "distance-hadamard-aer",
        topic="quantum",
        unit="circuits",
        prepare=_distances("hadamard", goal=700),
        floor=2e6,
        note=_NOTE,
    ),
)
