"""The simulator's face. Oracle: dense matrices of `oracles.quantum_gates`."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nonideal import Estimate, _core
from nonideal.errors import InvalidArgument
from nonideal.hardware.quantum import Channel, Circuit, Counts, NoiseModel, Parameter, ReadoutError, Simulator
from oracles import quantum_gates as oracle

THETA, PHI = Parameter("theta"), Parameter("phi")
BELL = Circuit(2).h(0).cx(0, 1)
TEMPLATE = Circuit(3).ry(THETA, 0).cx(0, 2).rx(0.5 * PHI - 1, 1).cp(PHI, 2, 1).u(THETA, 0.3, PHI, 0).cx(1, 0)
NAMES = tuple(name for name in oracle.GATES if oracle.GATES[name][0] < 3)
DEPOLARIZING = NoiseModel.depolarizing(0.02, 0.05)
DAMPED = (
    NoiseModel()
    .add(Channel.amplitude_damping(0.1), ["h", "ry", "x", "u"])
    .add(Channel.thermal_relaxation(50e-6, 30e-6, 5e-6).tensor(Channel.bit_flip(0.05)), ["cx", "cp"])
    .add(Channel.depolarizing(0.3, 2), "cx", [1, 0])
)
NOISES = {"none": NoiseModel(), "depolarizing": DEPOLARIZING, "damped": DAMPED}
READOUT = (ReadoutError(0.1, 0.02), ReadoutError(0.05, 0.05), ReadoutError(0.0, 0.2), ReadoutError(0.3, 0.1))


def build(n_qubits, steps):
    circuit = Circuit(n_qubits)
    for name, qubits, angles, _ in steps:
        getattr(circuit, name)(*angles, *qubits)
    return circuit


def steps_of(circuit, values=()):
    """The circuit as the oracle takes it, with numbers for parameters."""
    known = dict(zip(circuit.parameters, values, strict=True))

    def number(angle):
        return angle if isinstance(angle, float) else angle.factor * known[angle.parameter] + angle.offset

    return [
        (step.name, step.qubits, tuple(number(angle) for angle in step.angles), step.matrix)
        for step in circuit.instructions
    ]


def kraus_behind(noise):
    """Which Kraus operators follow a gate of the noise models above."""
    if noise is DEPOLARIZING:
        rates = {1: 0.02, 2: 0.05}
        return lambda _, on: oracle.kraus_of(np.diag([1.0, *[1 - rates[len(on)]] * (4 ** len(on) - 1)]))

    def find(name, on):
        if name in ("h", "ry", "x", "u"):
            return oracle.kraus_of(Channel.amplitude_damping(0.1).pauli_transfer_matrix)
        if name == "cx" and on == (1, 0):
            return oracle.kraus_of(np.diag([1.0, *[0.7] * 15]))
        if name in ("cx", "cp"):
            first = Channel.thermal_relaxation(50e-6, 30e-6, 5e-6).pauli_transfer_matrix
            return oracle.kraus_of(np.kron(Channel.bit_flip(0.05).pauli_transfer_matrix, first))
        return None

    return find if noise is DAMPED else lambda *_: None


def rho_of(circuit, noise, values=()):
    return oracle.density_matrix(steps_of(circuit, values), circuit.n_qubits, kraus_behind(noise))


def outcomes_of(rho, qubits, errors=()):
    there = oracle.marginal(np.diag(rho).real, qubits)
    return oracle.read_wrongly(
        there, [(errors[q].p0_given_1, errors[q].p1_given_0) for q in qubits] if errors else []
    )


def with_readout(noise):
    model = noise.copy()
    for qubit, error in enumerate(READOUT):
        model.add_readout(error, qubit)
    return model


def read(there, qubits):
    return oracle.read_wrongly(there, [(READOUT[q].p0_given_1, READOUT[q].p1_given_0) for q in qubits])


# ---- exact results ----


@pytest.mark.parametrize("method", ["automatic", "density_matrix"])
@pytest.mark.parametrize("noise", NOISES)
@settings(deadline=None, derandomize=True, max_examples=15)
@given(made=oracle.circuits(max_qubits=3, names=NAMES), data=st.data())
def test_probabilities_and_expectations(method, noise, made, data):
    circuit, noise = build(*made), NOISES[noise]
    n_qubits = circuit.n_qubits
    rho = rho_of(circuit, noise)
    simulator = Simulator(noise, method)
    qubits = data.draw(st.permutations(range(n_qubits)))[: data.draw(st.integers(1, n_qubits))]
    there = oracle.marginal(np.diag(rho).real, qubits)
    np.testing.assert_allclose(simulator.probabilities(circuit, qubits), there, atol=1e-12)
    np.testing.assert_allclose(simulator.probabilities(circuit), np.diag(rho).real, atol=1e-12)
    observable = {}
    want = 0.0
    for _ in range(data.draw(st.integers(1, 3))):
        letters = data.draw(st.text("IXYZ", min_size=n_qubits, max_size=n_qubits))
        name = " ".join(f"{letter}{q}" for q, letter in enumerate(letters))
        want -= observable.get(name, 0.0) * np.trace(rho @ oracle.pauli(letters)).real
        observable[name] = data.draw(st.floats(-3, 3))
        want += observable[name] * np.trace(rho @ oracle.pauli(letters)).real
    got = simulator.expectation(circuit, observable)
    assert got.value == pytest.approx(want, abs=1e-11)
    assert (got.standard_error, got.samples) == (0.0, None)
    # readout errors
    wrong = Simulator(with_readout(noise), method)
    np.testing.assert_allclose(wrong.probabilities(circuit, qubits), read(there, qubits), atol=1e-12)


@pytest.mark.parametrize("method", ["automatic", "density_matrix"])
@pytest.mark.parametrize("noise", NOISES)
def test_batches_are_what_their_circuits_are(method, noise):
    noise = NOISES[noise]
    values = np.random.default_rng(3).uniform(-4, 4, (37, 2))
    simulator = Simulator(with_readout(noise), method)
    probabilities = simulator.probabilities(TEMPLATE, [2, 0], values)
    expectation = simulator.expectation(TEMPLATE, {"Z0 X2": 0.5, "Y1": -1.5, "I": 2.0}, parameters=values)
    assert probabilities.shape == (37, 4)
    assert expectation.value.shape == expectation.standard_error.shape == (37,)
    plain = Simulator(noise, method).expectation(TEMPLATE, "Z0 X2", parameters=values).value
    for i in range(0, 37, 6):
        rho = rho_of(TEMPLATE, noise, values[i])
        there = oracle.marginal(np.diag(rho).real, [2, 0])
        np.testing.assert_allclose(probabilities[i], read(there, [2, 0]), atol=1e-12)
        assert plain[i] == pytest.approx(np.trace(rho @ oracle.pauli("ZIX")).real, abs=1e-12)
    # one at a time, and in other pieces: the same bits
    for cut in (slice(0, 1), slice(5, 6), slice(7, 30)):
        np.testing.assert_array_equal(
            simulator.probabilities(TEMPLATE, [2, 0], values[cut]), probabilities[cut]
        )
        piece = simulator.expectation(TEMPLATE, {"Z0 X2": 0.5, "Y1": -1.5, "I": 2.0}, parameters=values[cut])
        np.testing.assert_array_equal(piece.value, expectation.value[cut])


def test_expectations_of_what_is_read():
    """Oracle: parities of the wrongly read outcomes, after the change of basis."""
    turned = {"X": oracle.gate("h"), "Y": oracle.gate("h") @ oracle.gate("sdg"), "Z": np.eye(2)}
    circuit = Circuit(4).h(0).cx(0, 1).ry(0.7, 2).cx(2, 3).u(0.3, 0.9, -1.0, 1).cp(0.8, 0, 3)
    simulator = Simulator(with_readout(DEPOLARIZING))
    rho = rho_of(circuit, DEPOLARIZING)
    for letters in ("ZIII", "XYZI", "IYIX", "XXXX", "ZZZZ"):
        on = [q for q in range(4) if letters[q] != "I"]
        basis = np.eye(16)
        for q in on:
            basis = oracle.embed(turned[letters[q]], [q], 4) @ basis
        there = oracle.marginal(np.diag(basis @ rho @ basis.conj().T).real, on)
        signs = [(-1) ** outcome.bit_count() for outcome in range(1 << len(on))]
        name = " ".join(f"{letters[q]}{q}" for q in on)
        assert simulator.expectation(circuit, name).value == pytest.approx(read(there, on) @ signs, abs=1e-12)


def test_too_many_parts_of_a_reading_are_refused():
    noise = NoiseModel().add_readout(ReadoutError(0.1, 0.2))
    circuit = Circuit(17).ry(THETA, 0)
    name = " ".join(f"Z{q}" for q in range(17))
    message = "observable: with unequal readout errors a product on 17 qubits has more than 65536 parts"
    with pytest.raises(InvalidArgument, match=f"^{message}$"):
        Simulator(noise).expectation(circuit, name, parameters=[[0.1]])
    equal = NoiseModel().add_readout(ReadoutError(0.1, 0.1))
    value = Simulator(equal).expectation(circuit, name, parameters=[[0.1]]).value[0]
    assert value == pytest.approx(np.cos(0.1) * 0.8**17, abs=1e-12)


@pytest.mark.parametrize("precision", ["double", "single"])
def test_states(precision):
    tolerance, kind = {"double": (1e-13, np.complex128), "single": (1e-6, np.complex64)}[precision]
    values = np.random.default_rng(4).uniform(-4, 4, (5, 2))
    vectors = Simulator(precision=precision).statevector(TEMPLATE, values)
    matrices = Simulator(DAMPED, precision=precision).density_matrix(TEMPLATE, values)
    assert (vectors.shape, matrices.shape) == ((5, 8), (5, 8, 8))
    assert vectors.dtype == matrices.dtype == kind
    for row, vector, matrix in zip(values, vectors, matrices, strict=True):
        pure = rho_of(TEMPLATE, NOISES["none"], row)
        np.testing.assert_allclose(np.outer(vector, vector.conj()), pure, atol=tolerance)
        np.testing.assert_allclose(matrix, rho_of(TEMPLATE, DAMPED, row), atol=tolerance)
    first = steps_of(TEMPLATE, values[0])
    np.testing.assert_allclose(vectors[0], oracle.unitary(first, 3)[:, 0], atol=tolerance)  # the phase too
    assert Simulator().statevector(BELL).shape == (4,)
    assert Simulator(DAMPED).density_matrix(BELL).shape == (4, 4)


def test_circuits_of_qiskit_are_taken():
    qiskit = pytest.importorskip("qiskit")
    circuit = qiskit.QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    simulator = Simulator(DEPOLARIZING, seed=3)
    np.testing.assert_array_equal(simulator.probabilities(circuit), simulator.probabilities(BELL))
    assert simulator.expectation(circuit, "Z0") == simulator.expectation(BELL, "Z0")
    assert simulator.sample(circuit, 100) == simulator.sample(BELL, 100)


def test_what_is_measured():
    circuit = Circuit(3).x(2).measure([2, 0])
    np.testing.assert_array_equal(Simulator().probabilities(circuit), [0, 1, 0, 0])
    np.testing.assert_array_equal(Simulator().probabilities(circuit, [1]), [1, 0])
    assert Simulator().sample(circuit, 5) == {"01": 5}
    assert Simulator().sample(Circuit(3).x(2), 5) == {"100": 5}


# ---- samples ----


METHODS = ["automatic", "density_matrix", "trajectories"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("noise", ["depolarizing", "damped"])
def test_samples_follow_the_probabilities(method, noise):
    noise = with_readout(NOISES[noise])
    circuit = TEMPLATE.copy().measure([1, 2])
    values = np.array([[0.4, -1.1], [2.0, 0.7]])
    shots = 10**6 if method != "trajectories" else 20_000
    want = Simulator(noise).probabilities(circuit, parameters=values)
    for row, counts in zip(
        want, Simulator(noise, method, seed=11).sample(circuit, shots, parameters=values), strict=True
    ):
        assert counts.shots == shots
        assert stats.chisquare(counts.to_array(), row * shots).pvalue > 1e-4


@pytest.mark.parametrize("method", METHODS)
def test_samples_depend_on_the_place_alone(method):
    values = np.random.default_rng(5).uniform(-4, 4, (23, 2))
    noise = with_readout(DAMPED)

    def sample(first=0, last=23, threads=None, **more):
        simulator = Simulator(noise, method, seed=more.pop("seed", 9), num_threads=threads)
        return simulator.sample(TEMPLATE, 300, offset=first, parameters=values[first:last], **more)

    def measure(first=0, last=23, threads=None, **more):
        simulator = Simulator(noise, method, seed=more.pop("seed", 9), num_threads=threads)
        return simulator.expectation(
            TEMPLATE, {"Z0 Z1": 1.0, "X2": 0.5}, 300, offset=first, parameters=values[first:last], **more
        )

    whole, value = sample(), measure()
    for threads in (1, 2, 3):
        assert sample(threads=threads) == whole
        assert measure(threads=threads) == value
    assert sample(0, 7) + sample(7, 8) + sample(8, 23) == whole
    pieces = [measure(0, 7), measure(7, 8), measure(8, 23)]
    np.testing.assert_array_equal(np.concatenate([piece.value for piece in pieces]), value.value)
    np.testing.assert_array_equal(
        np.concatenate([piece.standard_error for piece in pieces]), value.standard_error
    )
    for other in ({"stream": 1}, {"seed": 10}):
        assert sample(**other) != whole
        assert (measure(**other).value != value.value).any()


def test_a_circuit_alone_is_the_first_of_a_batch():
    simulator = Simulator(with_readout(DEPOLARIZING), seed=2)
    values = np.array([[0.3, 0.8]])
    bound = build(3, steps_of(TEMPLATE, values[0]))
    assert (
        simulator.sample(bound, 500, offset=4)
        == simulator.sample(TEMPLATE, 500, offset=4, parameters=values)[0]
    )
    one = simulator.expectation(bound, "Z0", 500)
    many = simulator.expectation(TEMPLATE, "Z0", 500, parameters=values)
    assert (one.value, one.standard_error) == (many.value[0], many.standard_error[0])
    assert isinstance(one.value, float)


@pytest.mark.parametrize("method", METHODS)
def test_measured_expectations_scatter_as_they_say(method):
    """300 circuits alike: mean and variance of what is measured, against the exact value."""
    noise = with_readout(DEPOLARIZING)
    template = Circuit(2).ry(THETA, 0).cx(0, 1).rx(THETA, 1)
    observable = {"Z0 Z1": 1.0, "X0": -0.5, "Y1": 0.7, "I": 3.0}
    batch, shots = 300, 200
    values = np.full((batch, 1), 0.9)
    exact = Simulator(noise).expectation(template, observable, parameters=values[:1]).value[0]
    got = Simulator(noise, method, seed=1).expectation(template, observable, shots, parameters=values)
    assert got.samples == shots
    score = (got.value - exact) / got.standard_error
    # the mean of 300 scores is 1 / sqrt(300) wide, their variance 8 %; trajectories state an upper bound
    assert abs(score.mean()) < 4.5 / np.sqrt(batch)
    assert score.var(ddof=1) < 1 + 4.5 * np.sqrt(2 / batch)
    if method != "trajectories":
        assert score.var(ddof=1) > 1 - 4.5 * np.sqrt(2 / batch)


def test_the_standard_error_is_that_of_the_sample():
    """1 - 2 n1 / S, and the variance of such a frequency; of two outcomes where fewer were seen."""
    got = Simulator(seed=4).expectation(Circuit(1).ry(1.0, 0), {"Z0": -2.0}, 1000)
    ones = (1 - got.value / -2.0) / 2 * 1000
    assert ones == pytest.approx(round(ones), abs=1e-9)
    p = ones / 1000
    assert got.standard_error == pytest.approx(2 * 2 * np.sqrt(p * (1 - p) / 1000), rel=1e-12)
    certain = Simulator(seed=4).expectation(Circuit(1), "Z0", 1000)
    assert certain.value == 1.0
    assert certain.standard_error == pytest.approx(2 * np.sqrt(0.002 * 0.998 / 1000), rel=1e-12)


def test_the_identity_needs_no_shots():
    for shots in (None, 10):
        got = Simulator(DEPOLARIZING).expectation(BELL, {"I": 2.5}, shots)
        assert got == Estimate(2.5, 0.0, shots)


def test_terms_are_measured_independently():
    """The same product under two names would give the same outcomes, were they not added up."""
    template = Circuit(2).ry(THETA, 0).ry(THETA, 1)
    values = np.full((400, 1), 1.2)
    simulator = Simulator(seed=5)
    both = simulator.expectation(template, {"Z0": 1.0, "Z1": -1.0}, 100, parameters=values).value
    assert both.std() == pytest.approx(np.sqrt(2 * (1 - np.cos(1.2) ** 2) / 100), rel=0.15)


def test_templates_are_compiled_once(monkeypatch):
    """However many blocks a sample has, and where it is first to be known whether a program would be long."""
    compiled = []
    compile_ = _core.quantum.compile
    monkeypatch.setattr(_core.quantum, "compile", lambda *given: compiled.append(1) or compile_(*given))
    values = np.random.default_rng(0).normal(size=(100, 2))
    simulator = Simulator(DEPOLARIZING, seed=2)
    whole = simulator.sample(TEMPLATE, 50, parameters=values)
    monkeypatch.setattr("nonideal.hardware.quantum.engine._BLOCK", 8)
    assert simulator.sample(TEMPLATE, 50, parameters=values) == whole
    assert len(compiled) == 2  # one for each call
    large = Circuit(13).h(0).cx(0, 1)
    simulator.expectation(large, "Z0 Z1", 50)
    assert len(compiled) == 3


def test_counts():
    counts = Counts.from_array(np.array([3, 0, 0, 2]))
    assert counts == {"00": 3, "11": 2}
    assert counts.shots == 5
    np.testing.assert_array_equal(counts.to_array(), [3, 0, 0, 2])
    assert counts.to_array().dtype == np.int64
    assert Counts.from_array([0, 4]) == {"1": 4}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Counts.from_array([1, 0, 2]), "counts: shape (3,) is not (2^k,)"),
        (lambda: Counts.from_array([5]), "counts: shape (1,) is not (2^k,)"),
        (lambda: Counts.from_array(np.zeros(0, int)), "counts: shape (0,) is not (2^k,)"),
        (lambda: Counts.from_array([1, -1]), "counts[1] = -1 is below 0"),
        (lambda: Counts.from_array([0.5, 0.5]), "counts has dtype float64, not a whole number's"),
        (lambda: Counts.from_array([[1, 2], [3, 4]]), "counts: shape (2, 2) is not (2^k,)"),
        (lambda: Counts().to_array(), "counts: none; the number of bits is not known"),
        (lambda: Counts({"": 3}).to_array(), "counts: '' is not a bit string"),
        (lambda: Counts({"01": 1, "1": 2}).to_array(), "counts: not all bit strings have the same length"),
        (lambda: Counts({"0x": 1}).to_array(), "counts: '0x' is not a bit string"),
    ],
)
def test_refused_counts(call, message):
    with pytest.raises(InvalidArgument, match=f"^{re.escape(message)}$"):
        call()


# ---- the object itself ----


def test_a_simulator_keeps_the_noise_of_its_making():
    noise = NoiseModel()
    simulator = Simulator(noise)
    noise.add(Channel.bit_flip(0.5), "x")
    simulator.noise.add(Channel.bit_flip(0.5), "x")
    np.testing.assert_array_equal(simulator.probabilities(Circuit(1).x(0)), [0, 1])
    noisy = simulator.with_noise(noise)
    np.testing.assert_array_equal(noisy.probabilities(Circuit(1).x(0)), [0.5, 0.5])
    assert (noisy.seed, noisy.method, noisy.precision) == (simulator.seed, "automatic", "double")
    assert repr(Simulator(noise, seed=3)) == "<Simulator: <NoiseModel: x>, automatic, double, seed 3>"


def test_readout_errors_do_not_make_a_state_vector_impossible():
    noise = NoiseModel().add_readout(ReadoutError(0.1, 0.2))
    simulator = Simulator(noise, "statevector")
    np.testing.assert_allclose(simulator.probabilities(Circuit(1)), [0.8, 0.2], atol=1e-15)


SIM = Simulator(DEPOLARIZING, seed=1)
LARGE = Circuit(36).h(0)
THREE = (
    "gate = 'ccx' acts on 3 qubits, and this noise model knows gates on 1 and 2: call circuit.decomposed()"
)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: Simulator(DEPOLARIZING, "statevector"),
            "noise: method = 'statevector' has no noisy gates; choose density_matrix or trajectories",
        ),
        (
            lambda: Simulator(method="exact"),
            "method = 'exact' is not one of automatic, statevector, density_matrix, trajectories",
        ),
        (lambda: Simulator(precision="half"), "precision = 'half' is not one of double, single"),
        (lambda: Simulator(noise=0.1), "noise: float is not a NoiseModel"),
        (lambda: Simulator(seed=-1), "seed = -1 is outside [0, 2^64)"),
        (lambda: Simulator(num_threads=0), "num_threads = 0 is below 1"),
        (
            lambda: SIM.statevector(BELL),
            "noise: a noisy circuit has no state vector; it has a density matrix",
        ),
        (lambda: SIM.probabilities("bell"), "circuit: str is not a Circuit"),
        (lambda: SIM.probabilities(BELL, []), "qubits: none given; a measurement has at least one"),
        (lambda: SIM.probabilities(BELL, [2]), "qubits[0] = 2 is outside [0, 1]"),
        (lambda: SIM.probabilities(BELL, [0, 0]), "qubits[1] = 0 is named twice"),
        (lambda: SIM.probabilities(BELL, [0.5]), "qubits[0] = 0.5 is not an integer"),
        (lambda: SIM.probabilities(TEMPLATE), "parameters: none given; the circuit has theta, phi"),
        (
            lambda: SIM.probabilities(TEMPLATE, parameters=[0.1, 0.2]),
            "parameters: shape (2,) is not (n_circuits, 2); the circuit has theta, phi",
        ),
        (
            lambda: SIM.probabilities(TEMPLATE, parameters=[[0.1, 0.2, 0.3]]),
            "parameters: shape (1, 3) is not (n_circuits, 2); the circuit has theta, phi",
        ),
        (
            lambda: SIM.probabilities(BELL, parameters=[[0.1]]),
            "parameters: shape (1, 1) is not (n_circuits, 0); the circuit has none",
        ),
        (
            lambda: SIM.probabilities(TEMPLATE, parameters=np.zeros((0, 2))),
            "parameters: no row; a batch has at least one circuit",
        ),
        (
            lambda: SIM.probabilities(TEMPLATE, parameters=[[0.1, float("nan")]]),
            "parameters[0, 1] = nan is not finite",
        ),
        (
            lambda: SIM.probabilities(TEMPLATE, parameters=[["a", "b"]]),
            "parameters has dtype <U1, not a real number's",
        ),
        (lambda: SIM.sample(BELL, 0), "shots = 0 is below 1"),
        (lambda: SIM.sample(BELL, 1.5), "shots = 1.5 is not an integer"),
        (lambda: SIM.sample(BELL, 1 << 31), f"shots = {1 << 31} is outside [1, {(1 << 31) - 1}]"),
        (lambda: SIM.sample(BELL, 10, stream=-1), "stream = -1 is outside [0, 2^32)"),
        (lambda: SIM.sample(BELL, 10, stream=1 << 32), f"stream = {1 << 32} is outside [0, 2^32)"),
        (lambda: SIM.sample(BELL, 10, offset=-1), "offset = -1 is outside [0, 2^40)"),
        (lambda: SIM.expectation(BELL, "Z0", shots=0), "shots = 0 is below 1"),
        (lambda: SIM.expectation(BELL, "Z2"), "observable: qubit 2 in 'Z2' is outside [0, 1]"),
        (
            lambda: Simulator(method="trajectories").expectation(BELL, "Z0"),
            "shots: method = 'trajectories' needs a number of them",
        ),
        (
            lambda: Simulator(method="trajectories").probabilities(BELL),
            "method = 'trajectories' gives no exact probabilities; sample instead",
        ),
        (
            lambda: SIM.probabilities(Circuit(3).ccx(0, 1, 2)),
            THREE,
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidArgument, match=f"^{re.escape(message)}$"):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: Simulator(method="statevector").probabilities(LARGE),
        lambda: Simulator().statevector(LARGE),
        lambda: Simulator().density_matrix(LARGE),
        lambda: Simulator(DEPOLARIZING, "density_matrix").probabilities(LARGE, [0]),
        lambda: Simulator(method="trajectories").sample(LARGE, 10),
    ],
)
def test_states_beyond_memory_are_refused_before_they_are_made(call):
    with pytest.raises(InvalidArgument, match=r"^n_qubits = 36 needs [\d.]+ .iB, [\d.]+ .iB are available$"):
        call()
