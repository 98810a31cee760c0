"""Qiskit's primitives on our simulator: against Aer's own, registers, broadcasting, refusals."""

from __future__ import annotations

import re

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import GlobalPhaseGate
from qiskit.primitives import StatevectorEstimator, StatevectorSampler
from qiskit.quantum_info import Pauli, SparseObservable, SparsePauliOp, Statevector
from qiskit_aer import noise as aer_noise
from qiskit_aer.primitives import EstimatorV2, SamplerV2
from scipy import stats

from nonideal import InvalidArgument
from nonideal.hardware import quantum
from nonideal.hardware.quantum import interop
from oracles import aer


def refusal(text: str) -> str:
    return f"^{re.escape(text)}$"


def depolarizing(p1: float, p2: float) -> aer_noise.NoiseModel:
    model = aer_noise.NoiseModel(basis_gates=list(aer.GATES))
    model.add_all_qubit_quantum_error(aer_noise.depolarizing_error(p1, 1), list(aer.ONE))
    model.add_all_qubit_quantum_error(aer_noise.depolarizing_error(p2, 2), list(aer.TWO))
    return model


def template(n_qubits: int = 3) -> QuantumCircuit:
    """Three symbols whose order of first use is neither Qiskit's nor the alphabet's."""
    circuit = QuantumCircuit(n_qubits)
    angles, tilt = ParameterVector("angles", 2), Parameter("a tilt")
    circuit.ry(angles[1], 0)
    circuit.cx(0, 1)
    circuit.rx(2 * tilt + 0.3, 1)
    circuit.rz(angles[0], 0)
    circuit.cx(1, 2)
    circuit.h(0)
    circuit.ry(-angles[1], 2)
    return circuit


OBSERVABLES = [
    SparsePauliOp(["XXI", "IYZ", "III"], [0.5, -0.25, 0.125]),
    Pauli("ZIZ"),
    "IIY",
    {"ZZZ": 0.3, "XIX": 2.0},
]


def both(model: aer_noise.NoiseModel, seed: int = 7) -> tuple[interop.Estimator, EstimatorV2]:
    ours = interop.Estimator(quantum.Simulator(quantum.NoiseModel.from_qiskit_aer(model), seed=seed))
    options = {
        "method": "density_matrix",
        "noise_model": model,
        "max_parallel_threads": 1,
        "zero_threshold": 1e-18,
    }
    return ours, EstimatorV2(options={"backend_options": options})


# ---- Estimator ----


def test_exact_values_are_those_of_aers_estimator():
    """Observables (4, 1) by values (5,): an array (4, 5), as Aer has it."""
    ours, aers = both(depolarizing(0.01, 0.05))
    values = np.random.default_rng(1).uniform(-3, 3, (5, 3))
    pub = (template(), [[each] for each in OBSERVABLES], values)
    found, expected = (estimator.run([pub]).result()[0].data for estimator in (ours, aers))
    assert found.evs.shape == (4, 5)
    np.testing.assert_allclose(found.evs, expected.evs, rtol=0, atol=1e-10)
    np.testing.assert_array_equal(found.stds, 0.0)


def test_random_circuits_have_aers_expectations():
    rng = np.random.default_rng(3)
    model = aer.random_noise_model(rng, 4)
    model._default_readout_error = None  # which Aer's exact estimator leaves out
    model._local_readout_errors = {}
    ours, aers = both(model)
    pubs = [(aer.random_circuit(rng, 4, 20, aer.NATIVE), ["XZIY", "ZZZZ", "IIIX"]) for _ in range(10)]
    for found, expected in zip(ours.run(pubs).result(), aers.run(pubs).result(), strict=True):
        np.testing.assert_allclose(found.data.evs, expected.data.evs, rtol=0, atol=1e-10)


@pytest.mark.parametrize("shapes", [((), ()), ((1,), (6,)), ((2, 1), (3,)), ((2, 3), (2, 1)), ((4,), ())])
def test_broadcasting_is_qiskits(shapes):
    observables_shape, values_shape = shapes
    rng = np.random.default_rng(5)
    observables = np.empty(observables_shape, dtype=object)
    for index in np.ndindex(observables_shape):
        observables[index] = OBSERVABLES[rng.integers(4)]
    observables = observables.tolist() if observables_shape else OBSERVABLES[0]
    values = rng.uniform(-3, 3, (*values_shape, 3))
    pub = (template(), observables, values)
    found = interop.Estimator(quantum.Simulator()).run([pub]).result()[0].data
    expected = StatevectorEstimator().run([pub]).result()[0].data
    assert found.evs.shape == expected.evs.shape == np.broadcast_shapes(*shapes)
    np.testing.assert_allclose(found.evs, expected.evs, rtol=0, atol=1e-12)


def test_named_values():
    values = {"a tilt": [0.1, 0.2], ("angles[0]", "angles[1]"): [[0.3, 0.4], [0.5, 0.6]]}
    pub = (template(), "ZZZ", values)
    found = interop.Estimator(quantum.Simulator()).run([pub]).result()[0].data.evs
    np.testing.assert_allclose(found, StatevectorEstimator().run([pub]).result()[0].data.evs, atol=1e-12)


def test_projectors():
    circuit = QuantumCircuit(3)
    circuit.ry(0.3, 0)
    circuit.rx(0.7, 1)
    circuit.cx(0, 2)
    observable = SparseObservable.from_list([("0+r", 0.5), ("1-l", 2.0), ("ZI1", -1.0)])
    expected = SparsePauliOp.from_sparse_observable(observable.as_paulis())
    found, other = (
        interop.Estimator(quantum.Simulator()).run([(circuit, each)]).result()[0].data.evs
        for each in (observable, expected)
    )
    np.testing.assert_allclose(found, other, rtol=0, atol=1e-14)
    np.testing.assert_allclose(found, StatevectorEstimator().run([(circuit, expected)]).result()[0].data.evs)


def test_too_many_projectors_are_refused():
    """2^17 products of Pauli matrices; a minute's work, and 2^40 would never end."""
    estimator = interop.Estimator(quantum.Simulator(seed=1))
    for bits, products in ((17, 1 << 17), (40, 1 << 40)):
        circuit = QuantumCircuit(bits)
        message = f"observable: its projectors make {products} products of Pauli matrices, more than 65536"
        with pytest.raises(InvalidArgument, match=refusal(message)):
            estimator.run([(circuit, "0" * bits)]).result()


def test_precision_becomes_shots_with_error_bars():
    model = depolarizing(0.01, 0.05)
    ours, _ = both(model)
    pub = (template(), [["ZIZ"], ["IXX"]], np.random.default_rng(1).uniform(-3, 3, (400, 3)))
    exact = ours.run([pub]).result()[0].data.evs
    result = ours.run([pub], precision=0.02).result()[0]
    assert result.metadata["shots"] == 2500
    scores = (result.data.evs - exact) / result.data.stds
    assert stats.kstest(scores.ravel(), "norm").pvalue > 1e-4
    assert (result.data.stds <= 0.02).all()
    mine = ours.run([(*pub, 0.1)], precision=0.02).result()[0]  # the pub's own precision wins
    assert mine.metadata["shots"] == 100


def test_values_of_different_observables_are_independent():
    ours = interop.Estimator(quantum.Simulator(seed=7))
    circuit = QuantumCircuit(2)
    circuit.h([0, 1])
    observables = [["ZI", "IZ"][i % 2] for i in range(2000)]
    values = ours.run([(circuit, observables)], precision=0.1).result()[0].data.evs.reshape(-1, 2)
    assert abs(np.corrcoef(values.T)[0, 1]) < 5 / np.sqrt(1000)
    assert len(set(values[:, 0])) > 10


def test_calls_differ_and_can_be_repeated():
    pubs = [(template(), "ZZZ", [0.1, 0.2, 0.3])] * 2

    def values():
        estimator = interop.Estimator(quantum.Simulator(seed=7), default_precision=0.01)
        results = [*estimator.run(pubs).result(), *estimator.run(pubs).result()]
        return [float(result.data.evs) for result in results]

    found = values()
    assert len(set(found)) == 4
    assert found == values()


class Counting(quantum.Simulator):
    """Remembers how many sets of parameters each call brought."""

    def __init__(self):
        super().__init__(seed=7)
        self.calls = []

    def expectation(self, *args, **kwargs):
        self.calls.append(len(kwargs["parameters"]))
        return super().expectation(*args, **kwargs)

    def sample(self, *args, **kwargs):
        self.calls.append(len(kwargs["parameters"]))
        return super().sample(*args, **kwargs)


def test_sets_of_parameters_go_in_one_call():
    values = np.random.default_rng(1).uniform(-3, 3, (3, 4, 3))
    simulator = Counting()
    interop.Estimator(simulator).run([(template(), "ZZZ", values)]).result()
    assert simulator.calls == [12]
    interop.Estimator(simulator).run([(template(), [["ZZZ"] * 4, ["XXX"] * 4, ["ZZZ"] * 4], values)]).result()
    assert simulator.calls == [12, 8, 4]
    circuit = template()
    circuit.measure_all()
    interop.Sampler(simulator).run([(circuit, values)]).result()
    assert simulator.calls == [12, 8, 4, 12]


# ---- Sampler ----


def test_counts_have_the_law_of_aers_sampler():
    """Both against the same exact probabilities, and against each other, by chi-square."""
    model = depolarizing(0.01, 0.05)
    model.add_all_qubit_readout_error(aer_noise.ReadoutError([[0.95, 0.05], [0.1, 0.9]]))
    circuit = template()
    circuit.measure_all()
    values = np.random.default_rng(2).uniform(-3, 3, (3, 3))
    simulator = quantum.Simulator(quantum.NoiseModel.from_qiskit_aer(model), seed=7)
    aers = SamplerV2(seed=11, options={"backend_options": {"method": "density_matrix", "noise_model": model}})
    shots = 20_000
    found, other = (
        sampler.run([(circuit, values)], shots=shots).result()[0].data.meas
        for sampler in (interop.Sampler(simulator), aers)
    )
    assert found.shape == (3,)
    for i in range(3):
        rows = np.array(
            [[bits.get_int_counts(i).get(outcome, 0) for outcome in range(8)] for bits in (found, other)]
        )
        bound = circuit.assign_parameters(values[i])
        bound.remove_final_measurements()
        (exact,) = aer.probabilities([bound], model)
        for row in rows:
            assert row.sum() == shots
            assert stats.chisquare(row, shots * exact).pvalue > 1e-4
        assert stats.chi2_contingency(rows).pvalue > 1e-4


@pytest.mark.parametrize("shape", [(), (1,), (2, 3)])
def test_registers_are_qiskits(shape):
    """Several registers, bits that nothing writes, a register over a byte: deterministic outcomes."""
    alpha, beta, gamma = (
        ClassicalRegister(10, "alpha"),
        ClassicalRegister(1, "beta"),
        ClassicalRegister(2, "c"),
    )
    circuit = QuantumCircuit(QuantumRegister(4), alpha, beta, gamma)
    angle = Parameter("angle")
    circuit.rx(angle, 0)
    circuit.x(3)
    circuit.cx(0, 2)
    circuit.measure([3, 0, 2], [alpha[9], alpha[1], beta[0]])
    values = np.resize([np.pi, 0.0, np.pi, np.pi, 0.0], (*shape, 1))
    pub = (circuit, values, 5)
    found = interop.Sampler(quantum.Simulator(seed=7)).run([pub]).result()[0].data
    expected = StatevectorSampler().run([pub]).result()[0].data
    assert found.shape == expected.shape == shape
    for name in ("alpha", "beta", "c"):
        assert found[name] == expected[name]


def test_registers_of_one_shot_belong_together():
    circuit = QuantumCircuit(QuantumRegister(2), ClassicalRegister(1, "a"), ClassicalRegister(1, "b"))
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])
    data = interop.Sampler(quantum.Simulator(seed=7)).run([circuit], shots=500).result()[0].data
    assert 150 < data.a.get_counts()["1"] < 350
    np.testing.assert_array_equal(data.a.array, data.b.array)
    assert 0 < data.a.slice_shots(range(20)).get_counts()["1"] < 20  # the order is random


def test_samplers_repeat_themselves_and_pubs_differ():
    circuit = QuantumCircuit(3)
    circuit.h(range(3))
    circuit.measure_all()

    def shots():
        sampler = interop.Sampler(quantum.Simulator(seed=7), default_shots=100)
        results = [*sampler.run([circuit, circuit]).result(), *sampler.run([circuit]).result()]
        return [result.data.meas.array.tobytes() for result in results]

    found = shots()
    assert len(set(found)) == 3
    assert found == shots()


def test_nothing_measured():
    circuit = QuantumCircuit(1, 2)
    data = interop.Sampler(quantum.Simulator()).run([circuit], shots=3).result()[0].data
    assert data.c.get_counts() == {"00": 3}


# ---- both ----


def phase_alone(circuit: QuantumCircuit, symbol: Parameter) -> None:
    circuit.global_phase = symbol


def phase_gate(circuit: QuantumCircuit, symbol: Parameter) -> None:
    circuit.append(GlobalPhaseGate(2 * symbol), [])


@pytest.mark.parametrize("add", [phase_alone, phase_gate])
def test_symbols_of_the_global_phase_alone(add):
    """They have values in a pub, which no simulator needs."""
    circuit = QuantumCircuit(1)
    add(circuit, Parameter("b"))
    circuit.ry(Parameter("c"), 0)
    circuit.rx(Parameter("a"), 0)
    values = [[0.1, 7.0, 0.4], [0.2, 8.0, 2.0]]
    for pub in ((circuit, "Z", values), (circuit, "Z", {("c", "b", "a"): values})):
        found = interop.Estimator(quantum.Simulator()).run([pub]).result()[0].data.evs
        np.testing.assert_allclose(found, StatevectorEstimator().run([pub]).result()[0].data.evs, atol=1e-14)
    fixed = QuantumCircuit(1)
    add(fixed, Parameter("b"))
    fixed.x(0)
    pub = (fixed, "Z", [0.2])
    assert interop.Estimator(quantum.Simulator()).run([pub]).result()[0].data.evs == -1.0
    fixed.measure_all()
    data = interop.Sampler(quantum.Simulator()).run([(fixed, [[0.2], [0.3]])], shots=5).result()[0].data
    assert data.shape == (2,)
    assert data.meas.get_counts() == {"1": 10}


def test_operators_mean_the_same_to_estimator_and_simulator():
    """Signs of Pauli operators, products of sums, terms that cancel."""
    circuit = QuantumCircuit(2)
    circuit.ry(0.3, 0)
    circuit.cx(0, 1)
    circuit.rx(0.7, 1)
    root = SparsePauliOp(["XI", "ZZ"], [0.5**0.5, 0.5**0.5])
    turned = SparsePauliOp(["YI"], [1j]) @ SparsePauliOp(["ZI"], [1.0]) * 2**0.5
    for operator in (
        Pauli("-ZZ"),
        Pauli("-YI"),
        root @ root @ root,
        turned,
        SparsePauliOp(["ZZ", "ZZ", "IX"], [1 + 1j, 1 - 1j, 1.0]),
        SparsePauliOp(["ZZ", "XY"], [1e6, 1e3 + 1e-9j]),
    ):
        evs = interop.Estimator(quantum.Simulator()).run([(circuit, operator)]).result()[0].data.evs
        value = quantum.Simulator().expectation(circuit, operator).value
        np.testing.assert_allclose(value, evs, rtol=1e-14, atol=1e-14)
        exact = Statevector(circuit).expectation_value(operator).real
        np.testing.assert_allclose(value, exact, rtol=1e-12, atol=1e-12)
    turned = SparsePauliOp(["ZZ"], [1 + 1e-9j])
    text = refusal("observable['ZZ'] = (1+1e-09j) is not real")
    with pytest.raises(InvalidArgument, match=text):
        quantum.Simulator().expectation(circuit, turned)
    with pytest.raises(InvalidArgument, match=text):
        interop.Estimator(quantum.Simulator()).run([(circuit, [[turned]])])


# ---- refusals ----


def test_refusals():
    simulator = quantum.Simulator()
    reset = QuantumCircuit(1, 1)
    reset.reset(0)
    reset.x(0)
    reset.reset(0)
    text = refusal(
        "circuit: 'reset' follows a gate on qubit 0; only resets before a qubit's first gate are supported"
    )
    with pytest.raises(InvalidArgument, match=text):
        interop.Sampler(simulator).run([reset])
    with pytest.raises(InvalidArgument, match=text):
        interop.Estimator(simulator).run([(reset, "Z")])
    with pytest.raises(InvalidArgument, match=refusal("shots = 0 is below 1")):
        interop.Sampler(simulator).run([reset], shots=0)
    with pytest.raises(InvalidArgument, match=refusal("default_shots = 0 is below 1")):
        interop.Sampler(simulator, default_shots=0)
    with pytest.raises(InvalidArgument, match=refusal("precision = -1 is not >= 0")):
        interop.Estimator(simulator).run([(reset, "Z")], precision=-1)
    with pytest.raises(InvalidArgument, match=refusal("default_precision = nan is not finite")):
        interop.Estimator(simulator, default_precision=float("nan"))
    for primitive in (interop.Sampler, interop.Estimator):
        with pytest.raises(InvalidArgument, match=refusal("simulator: str is not a Simulator")):
            primitive("aer")
