"""A simulator as a backend of Qiskit: transpile, run, counts, memory, jobs, refusals."""

from __future__ import annotations

import re

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.circuit import Parameter
from qiskit.primitives import BackendEstimatorV2, BackendSamplerV2
from qiskit.providers import JobStatus
from qiskit.quantum_info import random_unitary
from qiskit.transpiler import CouplingMap
from qiskit.transpiler.exceptions import TranspilerError
from scipy import stats

from nonideal import InvalidArgument
from nonideal.hardware import quantum
from nonideal.hardware.quantum import interop
from oracles import aer

NOISE = quantum.NoiseModel.depolarizing(0.01, 0.05, readout=quantum.ReadoutError(0.04, 0.02))


def refusal(text: str) -> str:
    return f"^{re.escape(text)}$"


def bell() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


def p_value(counts: dict[str, int], probabilities: np.ndarray) -> float:
    """Of a chi-square test of counts against probabilities; impossible outcomes must not occur."""
    shots = sum(counts.values())
    seen = np.zeros(len(probabilities))
    for bits, count in counts.items():
        seen[int(bits.replace(" ", ""), 2)] = count
    possible = probabilities > 1e-12
    assert not seen[~possible].any()
    return stats.chisquare(seen[possible], shots * probabilities[possible]).pvalue


def test_transpile_and_run():
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.ccx(0, 1, 2)
    circuit.rzz(0.3, 0, 2)
    circuit.unitary(random_unitary(4, seed=1), [1, 2])
    circuit.measure_all()
    simulator = quantum.Simulator(NOISE, seed=7)
    backend = interop.Backend(simulator)
    transpiled = transpile(circuit, backend)
    assert set(transpiled.count_ops()) <= {*backend.target.operation_names, "barrier"}
    counts = backend.run(transpiled, shots=20_000).result().get_counts()
    assert sum(counts.values()) == 20_000
    assert p_value(counts, simulator.probabilities(transpiled)) > 1e-4


@pytest.mark.parametrize("level", range(4))
def test_transpiled_circuits_mean_the_same(level):
    rng = np.random.default_rng(level)
    backend = interop.Backend(quantum.Simulator(NOISE))
    for n_qubits in (2, 4):
        circuit = aer.random_circuit(rng, n_qubits, 25)
        circuit.measure_all()  # the transpiler may move the qubits themselves
        transpiled = transpile(circuit, backend, optimization_level=level, seed_transpiler=1)
        np.testing.assert_allclose(
            quantum.Simulator().probabilities(transpiled),
            quantum.Simulator().probabilities(circuit),
            rtol=0,
            atol=1e-10,
        )


def test_the_target_has_the_gates_that_the_noise_knows():
    known = {*aer.ONE, *aer.TWO, "measure"}
    assert interop.Backend(quantum.Simulator(NOISE)).target.operation_names == known
    local = quantum.NoiseModel().add(quantum.Channel.depolarizing(0.1, 2), "cx")
    for noise in (None, local):
        target = interop.Backend(quantum.Simulator(noise)).target
        assert target.operation_names == known | set(aer.THREE)


def test_number_of_qubits():
    assert interop.Backend(quantum.Simulator()).num_qubits is None
    backend = interop.Backend(quantum.Simulator(seed=1), n_qubits=3)
    assert backend.num_qubits == 3
    with pytest.raises(TranspilerError, match="4"):
        transpile(QuantumCircuit(4), backend)
    routed = transpile(
        bell(),
        basis_gates=["u", "cx"],
        coupling_map=CouplingMap.from_line(3),
        initial_layout=[0, 2],
        seed_transpiler=1,
    )
    assert routed.num_qubits == 3
    assert set(backend.run(routed).result().get_counts()) == {"00", "11"}


def test_several_circuits_and_registers():
    a, b = ClassicalRegister(2, "a"), ClassicalRegister(2, "b")
    circuit = QuantumCircuit(QuantumRegister(3), a, b)
    circuit.x([0, 2])
    circuit.measure([0, 1, 2], [b[1], a[0], a[1]])
    backend = interop.Backend(quantum.Simulator(seed=7))
    result = backend.run([circuit, bell()], shots=50).result()
    assert result.get_counts(0) == {"10 10": 50}
    assert sum(result.get_counts(1).values()) == 50
    assert result.get_counts(1).keys() <= {"00", "11"}


def test_memory_is_the_counts_in_random_order():
    backend = interop.Backend(quantum.Simulator(seed=7))
    result = backend.run(bell(), shots=1000, memory=True).result()
    memory = result.get_memory()
    assert {bits: memory.count(bits) for bits in set(memory)} == result.get_counts()
    first = memory[:500].count("00")
    assert abs(first - result.get_counts()["00"] / 2) < 5 * np.sqrt(1000 / 16)
    assert memory != sorted(memory)
    with pytest.raises(Exception, match="No memory"):
        backend.run(bell()).result().get_memory()


def test_calls_differ_and_can_be_repeated():
    def three():
        backend = interop.Backend(quantum.Simulator(NOISE, seed=7))
        first = backend.run([bell(), bell()], shots=1000).result()
        second = backend.run(bell(), shots=1000).result()
        return [first.get_counts(0), first.get_counts(1), second.get_counts()]

    a, b, c = three()
    assert a != b
    assert a != c
    assert [a, b, c] == three()


def test_a_seed_for_one_call():
    backend = interop.Backend(quantum.Simulator(NOISE, seed=7))
    first, again, other = (
        backend.run(bell(), shots=1000, seed_simulator=seed).result().get_counts() for seed in (3, 3, 4)
    )
    assert first == again != other


def test_options_of_the_backend_are_defaults():
    backend = interop.Backend(quantum.Simulator(seed=7))
    assert sum(backend.run(bell()).result().get_counts().values()) == 1024
    backend.set_options(shots=12)
    assert sum(backend.run(bell()).result().get_counts().values()) == 12


def test_jobs():
    backend = interop.Backend(quantum.Simulator(seed=7))
    job = backend.run(bell(), shots=10)
    result = job.result()
    assert job.status() is JobStatus.DONE
    assert result.job_id == job.job_id()
    assert result.success
    assert job.backend() is backend
    with pytest.raises(InvalidArgument, match=refusal("the job has been submitted already")):
        job.submit()
    unsent = interop.Job(backend, [])
    with pytest.raises(InvalidArgument, match=refusal("the job has not been submitted")):
        unsent.result()


def test_failures_reach_the_caller():
    circuit = QuantumCircuit(3)
    circuit.ccx(0, 1, 2)
    circuit.measure_all()
    job = interop.Backend(quantum.Simulator(NOISE)).run(circuit)
    with pytest.raises(InvalidArgument, match="ccx"):
        job.result()
    assert job.status() is JobStatus.ERROR


def test_qiskits_own_primitives_run_on_it():
    backend = interop.Backend(quantum.Simulator(seed=7))
    result = BackendSamplerV2(backend=backend).run([bell()], shots=100).result()[0]
    assert set(result.data.meas.get_counts()) == {"00", "11"}
    circuit = bell().remove_final_measurements(inplace=False)
    estimate = BackendEstimatorV2(backend=backend).run([(circuit, ["ZZ", "XX", "ZI"])]).result()[0]
    np.testing.assert_allclose(estimate.data.evs, [1, 1, 0], atol=0.1)


def with_symbol() -> QuantumCircuit:
    circuit = QuantumCircuit(1, name="open")
    circuit.rx(Parameter("a"), 0)
    circuit.measure_all()
    return circuit


@pytest.mark.parametrize(
    ("circuit", "options", "text"),
    [
        (QuantumCircuit(1, name="empty"), {}, "circuit 'empty' measures nothing"),
        (with_symbol(), {}, "circuit 'open' has symbols without a value: a"),
        (["h 0"], {}, "circuit: str is not a qiskit.QuantumCircuit"),
        (bell(), {"shots": 0}, "shots = 0 is below 1"),
        (bell(), {"seed_simulator": -1}, "seed_simulator = -1 is outside [0, 2^64)"),
        (bell(), {"seed": 0}, "option = 'seed' is not one of shots, memory, seed_simulator"),
        (3, {}, "run_input = 3 is not a sequence"),
    ],
)
def test_refusals(circuit, options, text):
    backend = interop.Backend(quantum.Simulator())
    with pytest.raises(InvalidArgument, match=refusal(text)):
        backend.run(circuit, **options)


def test_refused_arguments():
    with pytest.raises(InvalidArgument, match=refusal("simulator: NoneType is not a Simulator")):
        interop.Backend(None)
    with pytest.raises(InvalidArgument, match=refusal("n_qubits = 0 is below 1")):
        interop.Backend(quantum.Simulator(), n_qubits=0)
