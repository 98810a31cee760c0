"""Zero-noise extrapolation, against mitiq: the fit, the fold, and a whole mitigated expectation.

mitiq works on one circuit at a time and converts every circuit to Cirq and back; it is a peer where it is
installed (the extra ``quantum``), with Qiskit Aer as its executor. The other peer is our own simulator
without mitigation: the price of three noise scales.
"""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from nonideal.benchmarks.harness import Benchmark, Case, Peer

from nonideal.hardware import quantum

__all__ = ["BENCHMARKS"]

Floats = npt.NDArray[np.float64]

SCALES = (1.0, 3.0, 5.0)
P1, P2 = 1e-3, 1e-2


def _installed(*names: str) -> bool:
    return all(importlib.util.find_spec(name) for name in names)


def _mitiq(module: str) -> Any:
    """Import a module of mitiq's; its own imports warn, about matters that are not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(module)


def _quietly(call: Callable[[], object]) -> Callable[[], object]:
    def quiet() -> object:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return call()

    return quiet


def _distance_circuit() -> quantum.Circuit:
    """Return the swap test of two vectors of eight numbers: 6 qubits, 49 gates."""
    rng = np.random.default_rng(1)
    a = rng.standard_normal(8)
    found = quantum.DistanceEstimator(method="swap").circuit(a, a + 0.5 * rng.standard_normal(8))
    circuit = quantum.Circuit(found.n_qubits)
    for instruction in found.instructions:  # without its measurement
        circuit.append(instruction)
    return circuit


def _template(circuit: quantum.Circuit) -> tuple[quantum.Circuit, float]:
    """Return the circuit with its first angle left open, and that angle."""
    template = quantum.Circuit(circuit.n_qubits)
    opened = None
    for instruction in circuit.instructions:
        if opened is None and instruction.name == "ry":
            opened = float(instruction.angles[0])  # type: ignore[arg-type]  # a number
            template.ry(quantum.Parameter("theta"), instruction.qubits[0])
        else:
            template.append(instruction)
    return template, opened or 0.0


def _extrapolation(
    options: dict[str, Any], factory: str, arguments: dict[str, Any], goal: float, agreement: float
) -> Callable[[bool], Case]:
    """Return extrapolations of noisy probabilities; the peer takes them one by one."""

    def prepare(tiny: bool) -> Case:
        count, peer_count = (64, 4) if tiny else (200_000, 200)
        rng = np.random.default_rng(1)
        rates = rng.uniform(0.05, 0.3, count)
        values: Floats = 0.5 - 0.4 * np.exp(-np.array(SCALES)[:, None] * rates)
        values += 1e-4 * rng.standard_normal(values.shape)
        zne = quantum.ZNE(SCALES, on_crossing="raw", **options)

        def ours() -> Floats:
            found: Floats = zne.extrapolate(values, num_threads=1)[0]
            return found

        peers = {}
        theirs: Callable[[], object] | None = None
        if _installed("mitiq"):
            inference = _mitiq("mitiq.zne.inference")
            extrapolate = getattr(inference, factory).extrapolate
            columns = values.T[:peer_count].tolist()

            def one(y: list[float]) -> float:
                try:
                    return float(extrapolate(list(SCALES), y, **arguments))
                except inference.ExtrapolationError:  # its fit of an asymptote does not always converge
                    return float("nan")

            def one_by_one() -> list[float]:
                return [one(y) for y in columns]

            theirs = _quietly(one_by_one)
            peers["mitiq"] = Peer(theirs, count=peer_count, goal=goal)

        def check() -> None:
            found = ours()
            assert np.abs(found - 0.1).max() < 0.15  # where the decays start
            if theirs is not None:
                wanted = np.array(theirs())
                there = np.isfinite(wanted)
                assert there.mean() > 0.5
                np.testing.assert_allclose(found[:peer_count][there], wanted[there], atol=agreement)

        return Case(count, ours, check, peers)

    return prepare


def _fold(fold: str, function: str, goal: float) -> Callable[[bool], Case]:
    """Return a circuit folded to three times its noise."""

    def prepare(tiny: bool) -> Case:
        circuit = _distance_circuit()

        def ours() -> quantum.Circuit:
            return circuit.folded(3, fold)

        peers = {}
        if _installed("mitiq", "qiskit", "ply"):
            theirs = getattr(_mitiq("mitiq.zne.scaling"), function)
            qiskit = circuit.to_qiskit()
            peers["mitiq"] = Peer(_quietly(lambda: theirs(qiskit, 3)), goal=goal)

        def check() -> None:
            gates = sum(circuit.gate_counts.values())
            assert sum(ours().gate_counts.values()) == 3 * gates
            for peer in peers.values():
                folded: Any = peer.call()
                assert folded.size() == 3 * gates

        return Case(1, ours, check, peers)

    return prepare


def _expectation(tiny: bool) -> Case:
    """Return one mitigated expectation with shots; the peer folds, converts and runs Aer."""
    circuit, shots = _distance_circuit(), 1024
    noise = quantum.NoiseModel.depolarizing(P1, P2)
    simulator = quantum.Simulator(noise, "density_matrix", seed=1, num_threads=1)  # compiling costs more
    zne = quantum.ZNE(SCALES, extrapolator="linear")

    def ours() -> quantum.ZNEEstimate:
        return zne.expectation(simulator, circuit, "Z0", shots)

    peers = {}
    theirs: Callable[[], object] | None = None
    if _installed("mitiq", "qiskit", "qiskit_aer", "ply"):
        theirs = _with_mitiq(circuit, shots)
        peers["mitiq and Aer"] = Peer(theirs, goal=30)

    def check() -> None:
        exact = zne.expectation(simulator, circuit, "Z0").value
        found = ours()
        assert abs(found.value - exact) < 5 * found.standard_error
        if theirs is not None:
            assert abs(float(theirs()) - exact) < 6 * found.standard_error  # type: ignore[arg-type]

    return Case(1, ours, check, peers)


def _with_mitiq(circuit: quantum.Circuit, shots: int) -> Callable[[], object]:
    zne = _mitiq("mitiq.zne")
    scaling = _mitiq("mitiq.zne.scaling")
    qiskit_aer = _mitiq("qiskit_aer")
    noise = qiskit_aer.noise.NoiseModel()
    one, two = (qiskit_aer.noise.depolarizing_error(p, n) for p, n in ((P1, 1), (P2, 2)))
    noise.add_all_qubit_quantum_error(one, ["h", "t", "tdg", "ry"])
    noise.add_all_qubit_quantum_error(two, ["cx"])
    backend = qiskit_aer.AerSimulator(method="density_matrix", noise_model=noise, seed_simulator=1)
    qiskit = circuit.to_qiskit()

    def executor(folded: Any) -> float:
        measured = folded.copy()
        measured.add_register(_mitiq("qiskit").ClassicalRegister(1))
        measured.measure(0, measured.num_clbits - 1)
        counts = backend.run(measured, shots=shots).result().get_counts()
        return float(sum((1 if key[0] == "0" else -1) * n for key, n in counts.items())) / shots

    factory = zne.inference.LinearFactory(list(SCALES))
    return _quietly(
        lambda: zne.execute_with_zne(
            qiskit, executor, factory=factory, scale_noise=scaling.fold_all, num_to_average=1
        )
    )


def _price(tiny: bool) -> Case:
    """Return mitigated expectations of a template; the peer is our own unmitigated one."""
    count = 32 if tiny else 20_000
    template, angle = _template(_distance_circuit())
    simulator = quantum.Simulator(quantum.NoiseModel.depolarizing(P1, P2), seed=1, num_threads=1)
    angles = angle + np.linspace(-0.5, 0.5, count)[:, None]
    zne = quantum.ZNE(SCALES)

    def ours() -> quantum.ZNEEstimate:
        return zne.expectation(simulator, template, "Z0", 1024, angles)

    def unmitigated() -> object:
        return simulator.expectation(template, "Z0", 1024, parameters=angles)

    def check() -> None:
        found = ours()
        exact = zne.expectation(simulator, template, "Z0", parameters=angles).value
        assert np.abs(found.value - exact).max() < 7 * np.max(found.standard_error)

    return Case(count, ours, check, {"unmitigated": Peer(unmitigated, goal=1 / 3.3)})


BENCHMARKS = (
    Benchmark(
        "zne-fit-linear",
        topic="quantum_zne",
        unit="extrapolations",
        prepare=_extrapolation({"extrapolator": "linear"}, "LinearFactory", {}, 1000, 1e-10),
        floor=1e7,
        note="one thread",
    ),
    Benchmark(
        "zne-fit-richardson",
        topic="quantum_zne",
        unit="extrapolations",
        prepare=_extrapolation({"extrapolator": "richardson"}, "RichardsonFactory", {}, 1000, 1e-10),
        floor=2e7,
        note="one thread",
    ),
    Benchmark(
        "zne-fit-exponential",
        topic="quantum_zne",
        unit="extrapolations",
        prepare=_extrapolation(
            {"extrapolator": "exponential", "asymptote": 0.5}, "ExpFactory", {"asymptote": 0.5}, 300, 5e-3
        ),
        floor=2e6,
        note="one thread; mitiq weighs the logarithms otherwise, so that values agree to the misfit only",
    ),
    Benchmark(
        "zne-fit-asymptote",
        topic="quantum_zne",
        unit="extrapolations",
        prepare=_extrapolation({"extrapolator": "exponential"}, "ExpFactory", {}, 50, 1e-5),
        floor=1e5,
        note="one thread; three parameters through three points",
    ),
    Benchmark(
        "zne-fold-gate",
        topic="quantum_zne",
        unit="circuits",
        prepare=_fold("gate", "fold_all", 100),
        note="49 gates, three times the noise",
    ),
    Benchmark(
        "zne-fold-global",
        topic="quantum_zne",
        unit="circuits",
        prepare=_fold("global", "fold_global", 100),
        note="49 gates, three times the noise",
    ),
    Benchmark(
        "zne-expectation",
        topic="quantum_zne",
        unit="expectations",
        prepare=_expectation,
        note="swap test of 8 numbers, 1024 shots at scales 1, 3, 5; one circuit alone",
    ),
    Benchmark(
        "zne-price",
        topic="quantum_zne",
        unit="expectations",
        prepare=_price,
        note="one thread; three scales as powers of the channels, extrapolated: at most 3.3 times the cost",
    ),
)
