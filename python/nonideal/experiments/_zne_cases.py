"""The cases of quantum-zne: circuits, observables, kinds of noise and extrapolants."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import optimize

from nonideal.errors import InvalidArgument
from nonideal.hardware import quantum
from nonideal.seeds import derive_seed

Floats: TypeAlias = npt.NDArray[np.float64]

CIRCUIT_SEED, SHOTS_SEED = range(2)  # first index of derived seeds
_T2_OVER_T1 = 0.7

#: Extrapolant -> what it is, for legends, and how a `quantum.ZNE` says it. A Pauli string decays to 0.
EXTRAPOLANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "linear": ("linear", {"extrapolator": "linear"}),
    "richardson": ("Richardson", {"extrapolator": "richardson"}),
    "exponential": ("exponential to 0", {"extrapolator": "exponential", "asymptote": 0.0}),
    "fitted": ("exponential, fitted asymptote", {"extrapolator": "exponential"}),
}
NOISES = {
    "joint": "joint depolarising",
    "product": "product depolarising",
    "amplitude_damping": "amplitude damping",
    "thermal": f"thermal relaxation, T2 = {_T2_OVER_T1:g} T1",
}
OBSERVABLES = {
    "swap8": "Z0",
    "hadamard8": "Z0",
    "ghz6": "X0 X1 X2 X3 X4 X5",
    "brickwork6": "Z0 Z1",
}
RAW = "raw"


def extrapolation(name: str, scales: Sequence[float]) -> quantum.ZNE:
    """Return one of the extrapolants."""
    return quantum.ZNE(scales=tuple(scales), on_crossing="raw", **EXTRAPOLANTS[name][1])


def check_scales(name: str, fold: str, scales: Sequence[float]) -> None:
    """Refuse scales that are one where whole gates are folded."""
    circuit = circuit_of(name, 0)
    n_gates = [len(circuit.folded(scale, fold, 0).instructions) for scale in scales]
    for i, (fewer, more) in enumerate(pairwise(n_gates)):
        if fewer == more:
            raise InvalidArgument(
                f"scales = {scales[i]:g}, {scales[i + 1]:g} are the same for circuit {name!r} of "
                f"{len(circuit.instructions)} gates, fold = {fold!r}"
            )


def circuit_of(name: str, seed: int) -> quantum.Circuit:
    """Return one of the circuits, without measurement: the observable says what is measured."""
    rng = np.random.default_rng(derive_seed(seed, CIRCUIT_SEED, tuple(OBSERVABLES).index(name)))
    if name in ("swap8", "hadamard8"):
        a = rng.standard_normal(8)
        b = a + 0.5 * rng.standard_normal(8)
        distance = quantum.DistanceEstimator(method="swap" if name == "swap8" else "hadamard").circuit(a, b)
        circuit = quantum.Circuit(distance.n_qubits)
        for instruction in distance.instructions:
            circuit.append(instruction)
        return circuit
    circuit = quantum.Circuit(6)
    if name == "ghz6":
        circuit.h(0)
        for qubit in range(5):
            circuit.cx(qubit, qubit + 1)
        return circuit
    for layer in range(6):
        for qubit in range(6):
            circuit.rx(rng.uniform(-0.5, 0.5), qubit).rz(rng.uniform(-0.5, 0.5), qubit)
        for qubit in range(layer % 2, 5, 2):
            circuit.cx(qubit, qubit + 1)
    return circuit


_ONE_QUBIT = tuple(name for name, gate in quantum.GATES.items() if gate.n_qubits == 1)
_TWO_QUBITS = tuple(name for name, gate in quantum.GATES.items() if gate.n_qubits == 2)


def noise_of(kind: str, p1: float, p2: float) -> quantum.NoiseModel:
    """Return a model whose gates have the process fidelity of joint depolarising noise with p1 and p2."""
    if kind == "joint":
        return quantum.NoiseModel.depolarizing(p1, p2)
    model = quantum.NoiseModel()
    for p, n_qubits, gates in ((p1, 1, _ONE_QUBIT), (p2, 2, _TWO_QUBITS)):
        want = _fidelity(quantum.Channel.depolarizing(p, n_qubits))

        def excess(strength: float, n_qubits: int = n_qubits, want: float = want) -> float:
            return _fidelity(_channel(kind, strength, n_qubits)) - want

        strength = float(optimize.brentq(excess, 0.0, 0.5, xtol=1e-15))
        model.add(_channel(kind, strength, n_qubits), gates)
    return model


def _channel(kind: str, strength: float, n_qubits: int) -> quantum.Channel:
    if kind == "product":
        one = quantum.Channel.depolarizing(strength)
    elif kind == "amplitude_damping":
        one = quantum.Channel.amplitude_damping(strength)
    else:
        one = quantum.Channel.thermal_relaxation(1.0, _T2_OVER_T1, strength)
    return one if n_qubits == 1 else one.tensor(one)


def _fidelity(channel: quantum.Channel) -> float:
    return float(np.trace(channel.pauli_transfer_matrix)) / float(4**channel.n_qubits)


def title_of(name: str) -> str:
    """Return how an extrapolant is written."""
    return "no mitigation" if name == RAW else EXTRAPOLANTS[name][0]
