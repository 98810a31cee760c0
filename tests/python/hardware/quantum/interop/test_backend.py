"""A simulator as a backend of Qiskit: transpile, run, counts, memory, jobs, refusals."""

from __future__ import annotations

import re

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.circuit import Parameter
from qiskit.circuit.library import CUGate, QFTGate
from qiskit.primitives import BackendEstimatorV2, BackendSamplerV2
from qiskit.providers import JobStatus
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Statevector, random_unitary
from qiskit.transpiler import CouplingMap
from qiskit.transpiler.exceptions import TranspilerError
from qiskit_aer import AerSimulator
from qiskit_aer import noise as aer_noise
from scipy import stats

from nonideal import InvalidArgument
from nonideal.hardware import quantum
from nonideal.hardware.quantum import interop
from nonideal.hardware.quantum.interop.conversion import convert
from oracles import aer
from oracles import quantum_gates as oracle

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


def aers(model: aer_noise.NoiseModel, circuit: QuantumCircuit, run: bool = True) -> np.ndarray:
    """Exact probabilities of what is measured at the end of a circuit, readout errors included.

    By a run of Aer, or else gate by gate with its errors.
    """
    bare = circuit.copy_empty_like()
    bare.data = [item for item in circuit.data if item.operation.name != "measure"]
    if run:
        (full,) = aer.probabilities([bare], model)
    else:
        full = aer.read_out(np.diag(aer.gate_by_gate(bare, model)).real, model)
    return oracle.marginal(full, convert(circuit).circuit.measured)


def uniform_model() -> aer_noise.NoiseModel:
    """NOISE, by Aer."""
    model = aer_noise.NoiseModel()
    model.add_all_qubit_quantum_error(aer_noise.depolarizing_error(0.01, 1), list(aer.ONE))
    model.add_all_qubit_quantum_error(aer_noise.depolarizing_error(0.05, 2), list(aer.TWO))
    model.add_all_qubit_readout_error(aer_noise.ReadoutError([[0.98, 0.02], [0.04, 0.96]]))
    return model


def test_transpile_and_run():
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.ccx(0, 1, 2)
    circuit.append(CUGate(0.3, 0.1, -0.7, 0.2), [0, 2])
    circuit.unitary(random_unitary(4, seed=1), [1, 2])
    circuit.measure_all()
    simulator = quantum.Simulator(NOISE, seed=7)
    backend = interop.Backend(simulator)
    transpiled = transpile(circuit, backend)
    assert set(transpiled.count_ops()) <= {*aer.ONE, *aer.TWO, "barrier", "measure"}
    counts = backend.run(transpiled, shots=20_000).result().get_counts()
    assert sum(counts.values()) == 20_000
    assert p_value(counts, aers(uniform_model(), transpiled)) > 1e-4


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
        np.testing.assert_allclose(
            quantum.Simulator(NOISE).probabilities(transpiled),
            aers(uniform_model(), transpiled),
            rtol=0,
            atol=1e-10,
        )


def test_the_target_of_simulators_that_know_all_gates():
    known = {*aer.ONE, *aer.TWO, "measure", "reset"}
    assert interop.Backend(quantum.Simulator(NOISE)).target.operation_names == known
    read = quantum.NoiseModel().add_readout(quantum.ReadoutError(0.1, 0.1))
    for noise in (None, read):
        target = interop.Backend(quantum.Simulator(noise)).target
        assert target.operation_names == known | set(aer.THREE)


def model_on(*names: str) -> aer_noise.NoiseModel:
    model = aer_noise.NoiseModel()
    for name in names:
        n_qubits = 1 if name in aer.ONE else 2
        model.add_all_qubit_quantum_error(aer_noise.depolarizing_error(0.01 * 2.5**n_qubits, n_qubits), name)
    return model


def model_of_a_backend(*names: str) -> aer_noise.NoiseModel:
    return aer_noise.NoiseModel.from_backend(GenericBackendV2(4, basis_gates=list(names), seed=5))


# a model, and what its target has beyond the gates with noise
MODELS = {
    "ibm": (model_on("sx", "x", "cx"), {"rz", "id"}),
    "clifford and t": (model_on("h", "t", "tdg", "ry", "cx"), {"rz", "id"}),
    "old ibm": (model_on("u1", "u2", "u3", "cx"), {"id"}),
    "ions": (model_on("rx", "ry", "rxx"), {"id"}),
    "general": (model_on("u", "iswap"), {"id"}),
    "pairs alone": (model_on("cz"), {"rz", "sx", "id"}),
    "one qubit": (model_on("h", "s", "rz"), {"cx", "id"}),
    "turns alone": (model_on("ry", "rzz"), {"rz", "sx", "id"}),
    "ecr backend": (model_of_a_backend("ecr", "sx", "x", "rz", "id"), {"rz"}),
    "cx backend": (model_of_a_backend("cx", "sx", "x", "rz", "id"), {"rz"}),
}


@pytest.mark.parametrize("level", range(4))
@pytest.mark.parametrize("name", MODELS)
def test_transpiled_circuits_keep_to_gates_with_noise(name, level):
    """What no channel covers would be noiseless in silence. Against Aer, on what its transpiler made."""
    model, more = MODELS[name]
    noise = quantum.NoiseModel.from_qiskit_aer(model)
    backend = interop.Backend(quantum.Simulator(noise))
    noisy = set(model.noise_instructions) - {"reset", "measure"}
    assert set(noise.noisy_gates) == noisy
    assert backend.target.operation_names == noisy | more | {"reset", "measure"}
    rng = np.random.default_rng(level)
    fourier = QuantumCircuit(4)
    fourier.h(range(4))
    fourier.append(QFTGate(4).inverse(), range(4))
    for circuit in (fourier, aer.random_circuit(rng, 4, 30)):
        noiseless = np.abs(np.asarray(Statevector(circuit))) ** 2
        circuit.measure_all()
        transpiled = transpile(circuit, backend, optimization_level=level, seed_transpiler=1)
        assert set(transpiled.count_ops()) <= noisy | more | {"barrier", "measure"}
        found = quantum.Simulator(noise).probabilities(transpiled)
        expected = aers(model, transpiled, run="backend" not in name)  # see `aer.gate_by_gate`
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)
        np.testing.assert_allclose(
            quantum.Simulator().probabilities(transpiled), noiseless, rtol=0, atol=1e-10
        )
        assert abs(found - noiseless).max() > 1e-3


def test_the_same_steps_as_with_aer():
    """Transpile and run: as with AerSimulator, which has the same gates for this model."""
    model = model_on("sx", "x", "cx")
    circuit = QuantumCircuit(4)
    circuit.h(range(4))
    circuit.append(QFTGate(4).inverse(), range(4))
    circuit.measure_all()
    rows = []
    for backend in (
        AerSimulator(noise_model=model, seed_simulator=3),
        interop.Backend(quantum.Simulator(quantum.NoiseModel.from_qiskit_aer(model), seed=7)),
    ):
        transpiled = transpile(circuit, backend, seed_transpiler=1)
        counts = backend.run(transpiled, shots=20_000).result().get_counts()
        rows.append([counts.get(format(outcome, "04b"), 0) for outcome in range(16)])
    assert stats.chi2_contingency(rows).pvalue > 1e-4
    assert rows[1][0] < 0.8 * 20_000


def test_preparations_run():
    """Qiskit's `initialize` begins with a reset, which a new qubit does not need."""
    circuit = QuantumCircuit(2)
    circuit.initialize([0.6, 0, 0, 0.8], [0, 1])
    circuit.measure_all()
    backend = interop.Backend(quantum.Simulator(seed=7))
    for level in range(4):
        transpiled = transpile(circuit, backend, optimization_level=level)
        counts = backend.run(transpiled, shots=20_000).result().get_counts()
        assert p_value(counts, np.array([0.36, 0, 0, 0.64])) > 1e-4


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


def test_qiskits_own_primitives_have_the_noise():
    """On the same transpiled circuit: exact probabilities by Aer, and the estimates of Aer's simulator."""
    model = model_on("sx", "x", "cx")
    simulator = quantum.Simulator(quantum.NoiseModel.from_qiskit_aer(model), seed=7)
    backend = interop.Backend(simulator)
    circuit = transpile(aer.random_circuit(np.random.default_rng(2), 3, 20), backend, seed_transpiler=1)
    observables = ["ZZI", "XIX", "YZY", "IIZ"]
    found, expected = (
        BackendEstimatorV2(backend=each).run([(circuit, observables)], precision=0.005).result()[0].data
        for each in (backend, AerSimulator(noise_model=model, seed_simulator=3))
    )
    assert (abs(found.evs - expected.evs) < 5 * np.hypot(found.stds, expected.stds)).all()
    plain = interop.Estimator(quantum.Simulator()).run([(circuit, observables)]).result()[0].data.evs
    assert abs(found.evs - plain).max() > 20 * found.stds.max()
    circuit.measure_all()
    data = BackendSamplerV2(backend=backend).run([circuit], shots=20_000).result()[0].data.meas
    assert p_value(data.get_counts(), aers(model, circuit)) > 1e-4


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
