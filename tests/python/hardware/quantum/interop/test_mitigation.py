"""mitiq on our simulator: its own zero-noise extrapolation, batched, against ours and exact values."""

from __future__ import annotations

import re
import subprocess
import sys
import warnings

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

from nonideal import InvalidArgument
from nonideal.hardware import quantum
from nonideal.hardware.quantum import interop

with warnings.catch_warnings():  # what mitiq's own dependencies deprecate
    warnings.simplefilter("ignore", DeprecationWarning)
    from mitiq import Executor, zne
    from mitiq.zne.inference import LinearFactory, RichardsonFactory
    from mitiq.zne.scaling import fold_all, fold_gates_at_random, fold_global

NOISE = quantum.NoiseModel.depolarizing(1e-3, 1e-2)


def refusal(text: str) -> str:
    return f"^{re.escape(text)}$"


def circuit() -> QuantumCircuit:
    qc = QuantumCircuit(3)
    qc.h(0)
    qc.cx(0, 1)
    qc.ry(0.4, 2)
    qc.t(1)
    qc.cx(1, 2)
    qc.rx(-0.7, 0)
    return qc


def test_mitiq_sends_all_circuits_at_once():
    executor = Executor(interop.mitiq_executor(quantum.Simulator(NOISE), "Z0"))
    assert executor.can_batch
    executor.evaluate([circuit()] * 5)
    assert executor.calls_to_executor == 1


SCALES = (1.0, 3.0, 5.0)
FACTORIES = {"linear": LinearFactory, "richardson": RichardsonFactory}


@pytest.mark.parametrize(
    ("theirs", "ours"), [(fold_all, "gate"), (fold_gates_at_random, "gate"), (fold_global, "global")]
)
@pytest.mark.parametrize("extrapolator", FACTORIES)
def test_mitiqs_mitigation_is_ours(theirs, ours, extrapolator):
    """mitiq folds, runs and extrapolates on our simulator; so do we. At odd scales all gates are folded."""
    exact = quantum.Simulator().expectation(circuit(), "Z0 Z1").value
    simulator = quantum.Simulator(NOISE)
    raw = simulator.expectation(circuit(), "Z0 Z1").value
    mitigated = zne.execute_with_zne(
        circuit(),
        interop.mitiq_executor(simulator, "Z0 Z1"),
        scale_noise=theirs,
        factory=FACTORIES[extrapolator](SCALES),
    )
    found = quantum.ZNE(SCALES, fold=ours, extrapolator=extrapolator).expectation(
        simulator, circuit(), "Z0 Z1"
    )
    assert found.realization == ("channel" if ours == "gate" else "circuit")
    assert found.value == pytest.approx(mitigated, rel=0, abs=1e-10)
    assert abs(mitigated - exact) < 0.3 * abs(raw - exact)


@pytest.mark.parametrize("extrapolator", FACTORIES)
@pytest.mark.parametrize("seed", range(5))
def test_extrapolated_values_are_mitiqs(extrapolator, seed):
    """On any data, at other scales."""
    rng = np.random.default_rng(seed)
    scales = tuple(np.cumsum(rng.uniform(0.5, 2, 4)) + 0.5)
    values = rng.normal(size=4)
    ours, _ = quantum.ZNE(scales, extrapolator=extrapolator).extrapolate(values)
    assert ours == pytest.approx(FACTORIES[extrapolator].extrapolate(scales, values), rel=0, abs=1e-10)


def test_the_values_are_those_of_literally_folded_circuits():
    """mitiq folds, our simulator runs what it folded: Richardson's weights give mitiq's result."""
    simulator = quantum.Simulator(NOISE)
    seen = []
    executor = interop.mitiq_executor(simulator, "Z0 Z1")

    def record(circuits) -> list[float]:
        seen.extend(circuits)
        return executor(circuits)

    mitigated = zne.execute_with_zne(
        circuit(), record, scale_noise=fold_all, factory=RichardsonFactory([1.0, 3.0, 5.0])
    )
    values = [simulator.expectation(each, "Z0 Z1").value for each in seen]
    assert [each.size() for each in seen] == [6, 18, 30]
    np.testing.assert_allclose(mitigated, np.dot([15 / 8, -10 / 8, 3 / 8], values), rtol=0, atol=1e-12)


def test_shots_are_fresh_and_can_be_repeated():
    def values():
        executor = interop.mitiq_executor(quantum.Simulator(NOISE, seed=7), "Z0", shots=1000)
        return executor([circuit(), circuit()]) + executor([circuit()])

    found = values()
    assert len(set(found)) == 3
    assert found == values()


def test_any_observable_of_the_simulator():
    simulator = quantum.Simulator(NOISE)
    operator = SparsePauliOp(["ZII", "IXX"], [0.5, 2.0])
    found = interop.mitiq_executor(simulator, operator)([circuit()])
    assert found == [simulator.expectation(circuit(), {"Z2": 0.5, "X0 X1": 2.0}).value]


def test_no_part_of_mitiq_is_imported():
    """It is GPL, and slow to import."""
    code = "import sys; from nonideal.hardware.quantum import interop; assert 'mitiq' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_core_imports_no_extra():
    code = (
        "import sys; from nonideal.hardware import quantum; quantum.Simulator(); "
        "assert not {'qiskit', 'qiskit_aer', 'mitiq', 'cirq'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_refusals():
    with pytest.raises(InvalidArgument, match=refusal("simulator: str is not a Simulator")):
        interop.mitiq_executor("aer", "Z0")
    with pytest.raises(InvalidArgument, match=refusal("shots = 0 is below 1")):
        interop.mitiq_executor(quantum.Simulator(), "Z0", shots=0)
    executor = interop.mitiq_executor(quantum.Simulator(), "Z0")
    with pytest.raises(InvalidArgument, match=refusal("circuits = 1 is not a sequence")):
        executor(1)
    with pytest.raises(InvalidArgument, match=r"^circuits = .* is not a sequence$"):
        executor(circuit())
