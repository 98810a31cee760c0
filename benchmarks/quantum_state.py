"""State vectors against other simulators: GHZ states, Fourier transforms, random brickwork circuits.

A call is everything that a user waits for: fusing gates, running, and the amplitudes as an array. The peers
are optional and get circuits in their own form, made beforehand; those that are missing are left out. None of
them reads amplitudes but qsim, which returns its state as an array, as we do. A state that does not fit into
the caches has the memory itself as a peer, too: NumPy, which changes the sign of as many numbers in place.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
from nonideal.benchmarks.harness import Benchmark, Case, Peer

from nonideal import _core

__all__ = ["BENCHMARKS"]

THREADS = 2
LAYERS = 10
FULL = ("qft", "brickwork")  # circuits whose states soon are full: none of what is moved is known to be zero
BEYOND_CACHES = 24  # qubits
SHARE = (
    "memory: bytes per second of our passes over the state, as a share of those of NumPy's numpy.negative in "
    "place on an array as large as the state, on as many threads; our time includes that of fresh pages"
)
Gate = tuple[str, tuple[int, ...], tuple[float, ...]]


def ghz(n_qubits: int) -> list[Gate]:
    """Return a chain of cx."""
    return [("h", (0,), ()), *(("cx", (i, i + 1), ()) for i in range(n_qubits - 1))]


def fourier(n_qubits: int) -> list[Gate]:
    """Return a Fourier transform without its final swaps."""
    gates: list[Gate] = []
    for target in reversed(range(n_qubits)):
        gates.append(("h", (target,), ()))
        gates += [("cp", (j, target), (math.pi / 2 ** (target - j),)) for j in reversed(range(target))]
    return gates


def brickwork(n_qubits: int) -> list[Gate]:
    """Return layers of random rotations and cx between neighbours."""
    rng = np.random.default_rng(1)
    gates: list[Gate] = []
    for layer in range(LAYERS):
        gates += [("u", (i,), tuple(rng.uniform(0, 6, 3))) for i in range(n_qubits)]
        gates += [("cx", (i, i + 1), ()) for i in range(layer % 2, n_qubits - 1, 2)]
    return gates


CIRCUITS: dict[str, Callable[[int], list[Gate]]] = {"ghz": ghz, "qft": fourier, "brickwork": brickwork}


def _module(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _native(n_qubits: int, gates: list[Gate]) -> _core.quantum.Circuit:
    circuit = _core.quantum.Circuit(n_qubits)
    for name, qubits, angles in gates:
        circuit.add(name, qubits, list(angles))
    return circuit


def _lightning(n_qubits: int, gates: list[Gate]) -> Callable[[], Any] | None:
    qml = _module("pennylane")
    if qml is None or _module("pennylane_lightning") is None:
        return None
    names = {"h": qml.Hadamard, "cx": qml.CNOT, "cp": qml.ControlledPhaseShift, "u": qml.U3}
    operations = [names[name](*angles, wires=qubits) for name, qubits, angles in gates]
    device = qml.device("lightning.qubit", wires=n_qubits)
    tape = qml.tape.QuantumScript(operations, [qml.expval(qml.Z(0))])
    return lambda: device.execute(tape)


def _qsim(n_qubits: int, gates: list[Gate]) -> Callable[[], Any] | None:
    cirq, qsimcirq = _module("cirq"), _module("qsimcirq")
    if cirq is None or qsimcirq is None:
        return None
    qubits = cirq.LineQubit.range(n_qubits)
    names: dict[str, Callable[..., Any]] = {
        "h": lambda: cirq.H,
        "cx": lambda: cirq.CNOT,
        "cp": lambda angle: cirq.CZ ** (angle / math.pi),
        "u": lambda *angles: cirq.MatrixGate(_core.quantum.gate_matrix("u", angles)),
    }
    circuit = cirq.Circuit(names[name](*angles).on(*(qubits[i] for i in on)) for name, on, angles in gates)
    options = qsimcirq.QSimOptions(max_fused_gate_size=4, cpu_threads=THREADS)
    simulator = qsimcirq.QSimSimulator(options)
    return lambda: simulator.simulate(circuit, qubit_order=qubits[::-1])


def _qulacs(n_qubits: int, gates: list[Gate]) -> Callable[[], Any] | None:
    qulacs = _module("qulacs")
    if qulacs is None:
        return None
    circuit = qulacs.QuantumCircuit(n_qubits)
    for name, on, angles in gates:
        if name == "h":
            circuit.add_H_gate(*on)
        elif name == "cx":
            circuit.add_CNOT_gate(*on)
        elif name == "u":
            theta, phi, lam = angles
            circuit.add_U3_gate(*on, theta, phi, lam)
        else:
            circuit.add_dense_matrix_gate(list(on), _core.quantum.gate_matrix(name, angles))
    state = qulacs.QuantumState(n_qubits)

    def run() -> None:
        state.set_zero_state()
        circuit.update_quantum_state(state)

    return run


PEERS = {"lightning": _lightning, "qsim": _qsim, "qulacs": _qulacs}


def _memory(n_qubits: int, circuit: _core.quantum.Circuit, single: bool, n_gates: int) -> Peer:
    """Return updates in place that move, for every gate, the bytes that our passes do."""
    numbers = np.ones(2 << n_qubits, np.float32 if single else np.float64)
    parts = np.array_split(numbers, THREADS)
    pool = ThreadPoolExecutor(THREADS)
    ours = _core.quantum.statevector_traffic(circuit, np.zeros((1, 0)), single)
    return Peer(lambda: list(pool.map(np.negative, parts, parts)), count=n_gates * 2 * numbers.nbytes / ours)


def _expected(n_qubits: int, gates: list[Gate]) -> npt.NDArray[np.complex128]:
    """Return the amplitudes by NumPy, gate by gate."""
    state = np.zeros((2,) * n_qubits, dtype=complex)
    state.flat[0] = 1
    for name, on, angles in gates:
        matrix = _core.quantum.gate_matrix(name, angles).reshape((2,) * (2 * len(on)))
        axes = [n_qubits - 1 - i for i in reversed(on)]
        moved = np.tensordot(matrix, state, axes=(range(len(on), 2 * len(on)), axes))
        state = np.moveaxis(moved, range(len(on)), axes)
    return state.ravel()


def _state(kind: str, n_qubits: int, single: bool, goals: dict[str, float]) -> Callable[[bool], Case]:
    def prepare(tiny: bool) -> Case:
        n = min(n_qubits, 6) if tiny else n_qubits
        gates = CIRCUITS[kind](n)
        circuit, none = _native(n, gates), np.zeros((1, 0))

        def ours() -> npt.NDArray[Any]:
            return _core.quantum.statevector(circuit, none, single, THREADS)

        def check() -> None:
            small = CIRCUITS[kind](min(n, 12))
            native = _native(min(n, 12), small)
            got = _core.quantum.statevector(native, none, single, THREADS)[0]
            np.testing.assert_allclose(got, _expected(min(n, 12), small), atol=1e-5 if single else 1e-13)

        runs = {name: PEERS[name](n, gates) for name in goals}
        peers = {name: Peer(run, goal=goals[name]) for name, run in runs.items() if run is not None}
        if n_qubits >= BEYOND_CACHES and kind in FULL:
            peers["memory"] = _memory(n, circuit, single, len(gates))
        return Case(count=float(len(gates)), ours=ours, peers=peers, check=check)

    return prepare


def _note(kind: str, n_qubits: int) -> str:
    return SHARE if n_qubits >= BEYOND_CACHES and kind in FULL else ""


BENCHMARKS = (
    *(
        Benchmark(f"{kind}-10", "quantum", "gate", _state(kind, 10, False, {"qulacs": 1.0}))
        for kind in CIRCUITS
    ),
    *(
        Benchmark(
            f"{kind}-{n}{'-single' if single else ''}",
            "quantum",
            "gate",
            _state(kind, n, single, goals),
            note=_note(kind, n),
        )
        for single, goals in ((False, {"lightning": 2.0}), (True, {"qsim": 1.0}))
        for n in (16, 20, 24)
        for kind in CIRCUITS
    ),
)
