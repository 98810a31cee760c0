"""Distances by noisy circuits, against Qiskit Aer running the same circuits; one thread each."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
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


def _swap_test(circuit: Any, angles: list[Any]) -> None:
    """Append the swap test; first the angle of RY on qubit 1, then those of the tree."""
    circuit.ry(angles.pop(0), 1)
    _prepare(circuit, angles, [2, 3, 4, 5])
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


def _swap_angles(a: FloatArray, b: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
    psi = np.concatenate([a / lengths[0][:, None], b / lengths[1][:, None]], axis=1)
    phi = 2 * np.arctan2(-lengths[1], lengths[0])
    return np.concatenate([phi[:, None], *_tree_angles(psi)], axis=1)


def _hadamard_test(circuit: Any, angles: list[Any]) -> None:
    """Append the interference of one register."""
    _prepare(circuit, angles, [0, 1, 2, 3])
    circuit.h(0)


def _hadamard_angles(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.concatenate(_tree_angles(np.concatenate([a, b], axis=1)), axis=1)


Method = Literal["swap", "hadamard"]


@dataclass(frozen=True)
class _Template:
    """The circuit of a distance with open angles.

    ``build`` appends it to a circuit of Qiskit's or of ours, ``angles`` are those of pairs of rows, and
    ``over_z`` is the squared distance over Z from <Z> of qubit 0.
    """

    n_qubits: int
    n_angles: int
    build: Callable[[Any, list[Any]], None]
    angles: Callable[[FloatArray, FloatArray], FloatArray]
    over_z: Callable[[FloatArray], FloatArray]


TEMPLATES: dict[Method, _Template] = {
    "swap": _Template(6, 2 * D, _swap_test, _swap_angles, lambda z: 2 * z),
    "hadamard": _Template(4, 2 * D - 1, _hadamard_test, _hadamard_angles, lambda z: 1 - z),
}


class _Aer:
    """Squared distances of pairs of rows by Aer, in the two ways in which it takes many circuits."""

    def __init__(self, method: Method, a: FloatArray, b: FloatArray) -> None:
        from qiskit import QuantumCircuit
        from qiskit.circuit import ParameterVector
        from qiskit_aer import AerSimulator
        from qiskit_aer.noise import NoiseModel, depolarizing_error
        from qiskit_aer.primitives import EstimatorV2

        self.template = TEMPLATES[method]
        noise = NoiseModel(basis_gates=["h", "t", "tdg", "ry", "cx"])
        noise.add_all_qubit_quantum_error(depolarizing_error(P1, 1), ["h", "t", "tdg", "ry"])
        noise.add_all_qubit_quantum_error(depolarizing_error(P2, 2), "cx")
        options: dict[str, Any] = {
            "method": "density_matrix",
            "noise_model": noise,
            "max_parallel_threads": 1,
            "zero_threshold": 1e-18,  # its default, 1e-10, takes small values for nothing
        }
        self.circuit = QuantumCircuit(self.template.n_qubits)
        self.template.build(self.circuit, list(ParameterVector("angle", self.template.n_angles)))
        self.observable = "I" * (self.template.n_qubits - 1) + "Z"
        self.values = self.template.angles(a, b)
        measured = self.circuit.copy()
        measured.measure_all()
        self.circuits = [measured.assign_parameters(row) for row in self.values]
        self.simulator = AerSimulator(**options)
        self.primitive = EstimatorV2(options={"backend_options": options})
        self.z: FloatArray = np.sum(np.square(a), axis=1) + np.sum(np.square(b), axis=1)

    def expectations(self, precision: float = SHOTS**-0.5) -> FloatArray:
        """Return <Z> of qubit 0 by one template with an array of parameters."""
        pub = (self.circuit, self.observable, self.values)
        values: FloatArray = self.primitive.run([pub], precision=precision).result()[0].data.evs
        return values

    def sampled(self) -> FloatArray:
        """Return <Z> of qubit 0 by a list of circuits without symbols."""
        counts = self.simulator.run(self.circuits, shots=SHOTS).result().get_counts()
        odd = [sum(count for bits, count in each.items() if bits[-1] == "1") for each in counts]
        return np.asarray(1 - 2 * np.array(odd) / SHOTS)

    def squared(self, expectations: FloatArray) -> FloatArray:
        """Return squared distances."""
        return self.z * self.template.over_z(expectations)


def _pairs(n: int) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(1)
    a = rng.normal(size=(n, D))
    return a, a + 0.5 * rng.normal(size=(n, D))


def _peers(method: Method, a: FloatArray, b: FloatArray, goal: float) -> tuple[_Aer | None, dict[str, Peer]]:
    """Return Aer on pairs of rows, where it is installed."""
    if not importlib.util.find_spec("qiskit_aer"):
        return None, {}
    aer = _Aer(method, a, b)
    return aer, {
        "aer": Peer(aer.expectations, count=len(a), goal=goal),
        "aer circuits": Peer(aer.sampled, count=len(a)),
    }


def _distances(method: Method, goal: float) -> Callable[[bool], Case]:
    def prepare(tiny: bool) -> Case:
        """All pairs for us, with shots; some of them for Aer, whose share of the work is counted."""
        n, pairs = (8, 4) if tiny else (1000, 100)
        a, b = _pairs(n)
        noise = quantum.NoiseModel.depolarizing(P1, P2)
        exact, measured = (
            quantum.DistanceEstimator(method, shots=shots, noise=noise, seed=7, num_threads=1)
            for shots in (None, SHOTS)
        )
        aer, peers = _peers(method, a[:pairs], b[:pairs], goal)

        def check() -> None:
            found = measured.pairwise(a[:pairs], b[:pairs])
            ours = exact.pairwise(a[:pairs], b[:pairs]).squared_distance
            assert np.all(np.abs(found.squared_distance - ours) < 6 * found.standard_error)
            if aer is not None:
                expected = aer.squared(aer.expectations(precision=0.0))
                np.testing.assert_allclose(np.diag(ours), expected, rtol=0, atol=1e-10)
                gaps = np.abs(np.diag(ours) - aer.squared(aer.sampled())) / np.diag(found.standard_error)
                assert gaps.max() < 6, gaps.max()

        return Case(count=n * n, ours=lambda: measured.pairwise(a, b), peers=peers, check=check)

    return prepare


def _template(method: Method, goal: float) -> Callable[[bool], Case]:
    def prepare(tiny: bool) -> Case:
        """Compile, run and sample the same circuits as any template, in each call."""
        n, pairs = (8, 4) if tiny else (100_000, 100)
        a, b = _pairs(n)
        template = TEMPLATES[method]
        values = template.angles(a, b)
        circuit = quantum.Circuit(template.n_qubits)
        template.build(circuit, [quantum.Parameter(f"angle[{i}]") for i in range(template.n_angles)])
        simulator = quantum.Simulator(quantum.NoiseModel.depolarizing(P1, P2), seed=7, num_threads=1)
        aer, peers = _peers(method, a[:pairs], b[:pairs], goal)

        def ours(shots: int | None = SHOTS) -> quantum.Estimate:
            return simulator.expectation(circuit, "Z0", shots=shots, parameters=values)

        def check() -> None:
            exact, found = ours(None), ours()
            assert np.all(np.abs(found.value - exact.value) < 6 * found.standard_error)
            if aer is not None:
                expected = aer.expectations(precision=0.0)
                np.testing.assert_allclose(exact.value[:pairs], expected, rtol=0, atol=1e-10)

        return Case(count=n, ours=ours, peers=peers, check=check)

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
    Benchmark(
        "template-swap-aer",
        topic="quantum",
        unit="circuits",
        prepare=_template("swap", goal=3000),
        note=_NOTE,
    ),
)
