"""Channels against their Kraus operators and closed forms. Oracle: `oracles.quantum_gates`."""

import copy
import math
import pickle
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal import _core
from nonideal.errors import InvalidArgument
from nonideal.hardware.quantum import Channel
from oracles import quantum_gates as oracle

I2, X, Y, Z = (oracle.LETTERS[letter] for letter in "IXYZ")
rates = st.floats(0, 1)


def damping(gamma):
    return [np.diag([1, math.sqrt(1 - gamma)]), np.array([[0, math.sqrt(gamma)], [0, 0]])]


def random_kraus(n_qubits, count, seed):
    """Blocks of the first columns of a large unitary matrix."""
    size, extra = 1 << n_qubits, count.bit_length()
    columns = oracle.random_unitary(n_qubits + extra, seed)[:, :size]
    return [columns[i : i + size] for i in range(0, len(columns), size)]


def shrinks(channel):
    """The diagonal of a channel that has nothing else."""
    matrix = channel.pauli_transfer_matrix
    np.testing.assert_array_equal(matrix, np.diag(np.diag(matrix)))
    return np.diag(matrix)


# ---- the conventions of section 3.1, to 1e-14 ----


@pytest.mark.parametrize("p", [0.0, 1e-3, 0.01, 0.3, 1.0])
def test_depolarizing_conventions(p):
    identity_first = np.array([True] + [False] * 15)
    weight = np.array([sum(letter != "I" for letter in letters) for letters in oracle.strings(2)])
    for convention in ("qiskit", "qpanda"):
        np.testing.assert_allclose(
            shrinks(Channel.depolarizing(p, 1, convention)), [1, 1 - p, 1 - p, 1 - p], atol=1e-14
        )
        np.testing.assert_allclose(
            shrinks(Channel.depolarizing(p, 2, convention)), np.where(identity_first, 1, 1 - p), atol=1e-14
        )
    one = 1 - p
    np.testing.assert_allclose(
        shrinks(Channel.depolarizing(p, 1, "pyqpanda3")), [1, one, one, one], atol=1e-14
    )
    np.testing.assert_allclose(shrinks(Channel.depolarizing(p, 2, "pyqpanda3")), one**weight, atol=1e-14)
    np.testing.assert_allclose(
        shrinks(Channel.depolarizing(p, 1, "cirq")), [1, *[1 - 4 * p / 3] * 3], atol=1e-14
    )
    np.testing.assert_allclose(
        shrinks(Channel.depolarizing(p, 2, "cirq")), [1, *[1 - 16 * p / 15] * 15], atol=1e-14
    )


def test_qpandas_kraus_operators_are_the_default_convention():
    """K = sqrt(1 - 3p/4) I, sqrt(p)/2 {X, Y, Z}."""
    p = 0.13
    kraus = [math.sqrt(1 - 3 * p / 4) * I2, *(math.sqrt(p) / 2 * pauli for pauli in (X, Y, Z))]
    np.testing.assert_allclose(
        Channel.depolarizing(p).pauli_transfer_matrix, oracle.transfer_matrix(kraus), atol=1e-14
    )


@pytest.mark.parametrize(
    ("n_qubits", "convention", "high"),
    [
        (1, "qiskit", 4 / 3),
        (2, "qiskit", 16 / 15),
        (1, "qpanda", 4 / 3),
        (2, "qpanda", 16 / 15),
        (1, "pyqpanda3", 4 / 3),
        (2, "pyqpanda3", 4 / 3),
        (1, "cirq", 1.0),
        (2, "cirq", 1.0),
    ],
)
def test_depolarizing_ends_where_it_stops_to_be_a_channel(n_qubits, convention, high):
    edge = Channel.depolarizing(high, n_qubits, convention)
    assert Channel.from_pauli_transfer_matrix(edge.pauli_transfer_matrix) == edge
    for p in (np.nextafter(high, 2), -1e-300):
        message = rf"^p = {re.escape(repr(float(p)))} is outside \[0, {high if high != 1.0 else 1}\]$"
        with pytest.raises(InvalidArgument, match=message):
            Channel.depolarizing(p, n_qubits, convention)


# ---- the others, by their Kraus operators ----


@settings(deadline=None, derandomize=True, max_examples=40)
@given(rates)
def test_flips_and_damping(p):
    keep = math.sqrt(1 - p)
    expected = {
        Channel.bit_flip: [keep * I2, math.sqrt(p) * X],
        Channel.phase_flip: [keep * I2, math.sqrt(p) * Z],
        Channel.bit_phase_flip: [keep * I2, math.sqrt(p) * Y],
        Channel.amplitude_damping: damping(p),
        Channel.phase_damping: [np.diag([1, keep]), np.diag([0, math.sqrt(p)])],
    }
    for make, kraus in expected.items():
        np.testing.assert_allclose(
            make(p).pauli_transfer_matrix, oracle.transfer_matrix(kraus), atol=1e-14, err_msg=str(make)
        )
        np.testing.assert_allclose(
            Channel.kraus(kraus).pauli_transfer_matrix, oracle.transfer_matrix(kraus), atol=1e-14
        )


def test_paulis_are_labelled_as_in_qiskit():
    """The last letter is the first qubit's."""
    probabilities = {"XI": 0.1, "ZY": 0.2, "II": 0.05, "IX": 0.07}
    kraus = [math.sqrt(p) * oracle.pauli(label[::-1]) for label, p in {**probabilities, "II": 0.63}.items()]
    np.testing.assert_allclose(
        Channel.pauli(probabilities).pauli_transfer_matrix, oracle.transfer_matrix(kraus), atol=1e-14
    )


@pytest.mark.parametrize(("t1", "t2"), [(50e-6, 30e-6), (50e-6, 70e-6), (50e-6, 100e-6), (math.inf, 1e-5)])
def test_thermal_relaxation_is_damping_and_a_phase_flip(t1, t2):
    """QPanda's "decoherence": damping 1 - exp(-t/T1), then Z with (1 - exp(-(t/T2 - t/2T1))) / 2."""
    time = 3e-6
    flip = 0.5 * (1 - math.exp(-(time / t2 - time / (2 * t1))))
    want = Channel.amplitude_damping(1 - math.exp(-time / t1)).then(Channel.phase_flip(flip))
    np.testing.assert_allclose(
        Channel.thermal_relaxation(t1, t2, time).pauli_transfer_matrix,
        want.pauli_transfer_matrix,
        atol=1e-14,
    )


def test_without_time_and_without_end_nothing_relaxes():
    assert Channel.thermal_relaxation(1e-6, 1e-6, 0.0) == Channel.identity()
    assert Channel.thermal_relaxation(math.inf, math.inf, 1.0) == Channel.identity()


@pytest.mark.parametrize("n_qubits", [1, 2, 3])
def test_kraus_operators_of_any_channel(n_qubits):
    kraus = random_kraus(n_qubits, 2 if n_qubits == 3 else 3, seed=n_qubits)
    channel = Channel.kraus(kraus)
    np.testing.assert_allclose(channel.pauli_transfer_matrix, oracle.transfer_matrix(kraus), atol=1e-13)
    assert Channel.from_pauli_transfer_matrix(channel.pauli_transfer_matrix) == channel
    assert channel.n_qubits == n_qubits
    back = oracle.kraus_of(channel.pauli_transfer_matrix)  # the oracles agree with each other
    np.testing.assert_allclose(oracle.transfer_matrix(back), channel.pauli_transfer_matrix, atol=1e-12)


# ---- unitaries ----


@pytest.mark.parametrize("n_qubits", [1, 2, 3])
def test_transfer_matrices_of_unitaries(n_qubits):
    unitary = oracle.random_unitary(n_qubits, 5)
    found = _core.quantum.pauli_transfer_matrix(unitary)
    np.testing.assert_allclose(found, oracle.transfer_matrix([unitary]), atol=1e-14)


def test_transfer_matrix_of_five_qubits():
    """Orthogonal, and some of its million elements by definition."""
    unitary = oracle.random_unitary(5, 6)
    found = _core.quantum.pauli_transfer_matrix(unitary)
    np.testing.assert_allclose(found @ found.T, np.eye(1024), atol=1e-13)
    strings = oracle.strings(5)
    for row, column in np.random.default_rng(0).integers(1024, size=(200, 2)):
        image = unitary @ oracle.pauli(strings[column]) @ unitary.conj().T
        want = np.trace(oracle.pauli(strings[row]) @ image).real / 32
        assert found[row, column] == pytest.approx(want, abs=1e-14)


def test_zeros_of_a_transfer_matrix_are_zeros():
    """Compiled programs leave them out."""
    hadamard = np.array([[1, 1], [1, -1]], dtype=complex) / np.sqrt(2)
    five = hadamard
    for _ in range(4):
        five = np.kron(five, hadamard)
    found = _core.quantum.pauli_transfer_matrix(five)
    np.testing.assert_array_equal(np.abs(found).sum(axis=0), 1)
    np.testing.assert_array_equal(np.abs(found).sum(axis=1), 1)


# ---- combinations ----


def test_then_is_in_order():
    """Damping and a bit flip do not commute."""
    first, second = Channel.amplitude_damping(0.3), Channel.bit_flip(0.2)
    both = first.then(second).pauli_transfer_matrix
    np.testing.assert_allclose(both, second.pauli_transfer_matrix @ first.pauli_transfer_matrix, atol=1e-15)
    assert abs(both - second.then(first).pauli_transfer_matrix).max() > 0.1


def test_tensor_takes_the_first_qubit_first():
    a, b = Channel.amplitude_damping(0.3), Channel.phase_flip(0.2)
    want = np.kron(b.pauli_transfer_matrix, a.pauli_transfer_matrix)
    np.testing.assert_array_equal(a.tensor(b).pauli_transfer_matrix, want)
    kraus = [np.kron(kb, ka) for ka in damping(0.3) for kb in (math.sqrt(0.8) * I2, math.sqrt(0.2) * Z)]
    np.testing.assert_allclose(want, oracle.transfer_matrix(kraus), atol=1e-14)
    assert a.tensor(b).tensor(a).n_qubits == 3


@pytest.mark.parametrize("scale", [0, 1, 2, 3, 7])
@pytest.mark.parametrize(
    "channel",
    [
        Channel.depolarizing(0.1),
        Channel.depolarizing(0.1, 2, "pyqpanda3"),
        Channel.bit_flip(0.9),
        Channel.amplitude_damping(0.2),
        Channel.amplitude_damping(0.2).tensor(Channel.bit_flip(0.1)),
    ],
)
def test_whole_powers_repeat_the_channel(channel, scale):
    matrix = np.linalg.matrix_power(channel.pauli_transfer_matrix, scale)
    np.testing.assert_allclose(channel.power(scale).pauli_transfer_matrix, matrix, atol=1e-14)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.floats(0, 1), st.floats(0, 20))
def test_real_powers_of_depolarizing(p, scale):
    want = [1, *[(1 - p) ** scale] * 3]
    np.testing.assert_allclose(shrinks(Channel.depolarizing(p).power(scale)), want, rtol=1e-13)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.integers(1, 2), st.integers(0, 2**31))
def test_every_channel_made_is_a_channel(n_qubits, seed):
    """First row 1, 0, ...; images of states are states."""
    channel = Channel.kraus(random_kraus(n_qubits, 3, seed)).power(2)
    matrix = channel.pauli_transfer_matrix
    assert (matrix[0] == np.eye(4**n_qubits)[0]).all()
    vector = np.random.default_rng(seed).normal(size=(1 << n_qubits, 2)) @ [1, 1j]
    vector /= np.linalg.norm(vector)
    paulis = [oracle.pauli(letters) for letters in oracle.strings(n_qubits)]
    image = matrix @ [np.vdot(vector, p @ vector).real for p in paulis]
    rho = sum(r * p for r, p in zip(image, paulis, strict=True)) / 2**n_qubits
    assert np.linalg.eigvalsh(rho).min() > -1e-12
    assert np.trace(rho).real == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("name", ["x", "h", "rz", "u", "cx", "cp", "ccx"])
def test_what_commutes_with_a_gate(name):
    n_qubits = oracle.GATES[name][0]
    assert _core.quantum.commutes(Channel.depolarizing(0.1, n_qubits)._native, name)
    damped, dephased = Channel.amplitude_damping(0.1), Channel.phase_flip(0.1)
    for _ in range(n_qubits - 1):
        damped, dephased = damped.tensor(Channel.identity()), dephased.tensor(Channel.identity())
    assert _core.quantum.commutes(damped._native, name) == (name == "rz")
    assert _core.quantum.commutes(dephased._native, name) == (name in ("x", "rz", "cx", "cp", "ccx"))


@pytest.mark.parametrize("name", oracle.GATES)
def test_what_commutes_with_every_gate(name):
    """Against dense transfer matrices at many angles."""
    n_qubits, n_angles = oracle.GATES[name]
    rng = np.random.default_rng(5)
    gates = [oracle.gate(name, *rng.uniform(-7, 7, n_angles)) for _ in range(6 if n_angles else 1)]
    turns = [oracle.transfer_matrix([gate]) for gate in gates]
    flips = {"X": 0.1, "Y": 0.2, "Z": 0.3}
    channels = [Channel.depolarizing(0.1, n_qubits)]
    for letter, p in flips.items():
        for place in range(n_qubits):
            label = ["I"] * n_qubits
            label[place] = letter
            channels.append(Channel.pauli({"".join(label): p}))
    channels.append(Channel.pauli({letter * n_qubits: p for letter, p in flips.items()}))
    damped = Channel.amplitude_damping(0.1)
    for _ in range(n_qubits - 1):
        damped = damped.tensor(Channel.amplitude_damping(0.1))
    found = []
    for channel in (*channels, damped):
        matrix = channel.pauli_transfer_matrix
        want = all(np.allclose(matrix @ turn, turn @ matrix, rtol=0, atol=1e-12) for turn in turns)
        assert _core.quantum.commutes(channel._native, name) == want, channel
        found.append(want)
    assert found[0]


def test_what_commutes_with_a_unitary():
    matrix = np.diag(np.exp([0.3j, 1.1j]))
    for channel, want in ((Channel.phase_flip(0.1), True), (Channel.bit_flip(0.1), False)):
        assert _core.quantum.commutes(channel._native, "unitary", matrix) is want


def test_equality_and_copies():
    channel = Channel.amplitude_damping(0.25)
    for twin in (pickle.loads(pickle.dumps(channel)), copy.deepcopy(channel)):
        assert twin == channel
        assert hash(twin) == hash(channel)
    assert channel != Channel.amplitude_damping(0.2)
    assert channel != "damping"


def test_a_channel_does_not_change_through_its_matrix():
    channel = Channel.bit_flip(0.1)
    channel.pauli_transfer_matrix[:] = 7.0
    assert channel == Channel.bit_flip(0.1)


@pytest.mark.parametrize(
    ("channel", "text"),
    [
        (Channel.depolarizing(0.1), "<Channel: 1 qubit, Paulis shrink by 0.9>"),
        (Channel.phase_flip(0.25), "<Channel: 1 qubit, Paulis shrink by 0.5 to 1>"),
        (
            Channel.amplitude_damping(0.1).tensor(Channel.identity()),
            "<Channel: 2 qubits, not diagonal in Paulis>",
        ),
    ],
)
def test_text(channel, text):
    assert repr(channel) == text


NOT_POSITIVE = "matrix is not completely positive: its Choi matrix has a negative eigenvalue"
NO_TRACE = "matrix does not preserve the trace: its first row is not 1, 0, ..., 0"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Channel(), "a channel is made by a class method, such as Channel.depolarizing(0.01)"),
        (lambda: Channel.depolarizing(math.nan), "p = nan is not finite"),
        (lambda: Channel.depolarizing("0.1"), "p = '0.1' is not a number"),
        (lambda: Channel.depolarizing(0.1, 0), "n_qubits = 0 is outside [1, 3]"),
        (lambda: Channel.depolarizing(0.1, 4), "n_qubits = 4 is outside [1, 3]"),
        (
            lambda: Channel.depolarizing(0.1, 1, "qutip"),
            "convention = 'qutip' is not one of qiskit, qpanda, pyqpanda3, cirq",
        ),
        (lambda: Channel.bit_flip(1.1), "p = 1.1 is outside [0, 1]"),
        (lambda: Channel.phase_flip(-0.1), "p = -0.1 is outside [0, 1]"),
        (lambda: Channel.bit_phase_flip(math.nan), "p = nan is outside [0, 1]"),
        (lambda: Channel.amplitude_damping(1.5), "gamma = 1.5 is outside [0, 1]"),
        (lambda: Channel.phase_damping(-1), "lam = -1 is outside [0, 1]"),
        (lambda: Channel.pauli({}), "probabilities: none given"),
        (lambda: Channel.pauli({"XQ": 0.1}), "probabilities['XQ']: letters are I, X, Y, Z"),
        (
            lambda: Channel.pauli({"XX": 0.1, "Z": 0.1}),
            "probabilities['Z']: all Pauli strings must have length 2",
        ),
        (lambda: Channel.pauli({"X": 0.7, "Z": 0.5}), "probabilities: their sum 1.2 is above 1"),
        (lambda: Channel.pauli({"X": -0.1}), "probabilities['X'] = -0.1 is outside [0, 1]"),
        (lambda: Channel.pauli({3: 0.1}), "probabilities: 3 is not a string of I, X, Y, Z"),
        (lambda: Channel.pauli([("X", 0.1)]), "probabilities: list is not a mapping"),
        (lambda: Channel.thermal_relaxation(1.0, 2.5, 0.1), "t2 = 2.5 is above 2 t1 = 2"),
        (lambda: Channel.thermal_relaxation(0.0, 1.0, 0.1), "t1 = 0 is not > 0"),
        (lambda: Channel.thermal_relaxation(1.0, -1.0, 0.1), "t2 = -1 is not > 0"),
        (lambda: Channel.thermal_relaxation(1.0, 1.0, -0.1), "gate_time = -0.1 is not >= 0"),
        (lambda: Channel.thermal_relaxation(1.0, 1.0, math.inf), "gate_time = inf is not finite"),
        (lambda: Channel.thermal_relaxation(math.nan, 1.0, 0.1), "t1 = nan is not finite"),
        (
            lambda: Channel.kraus([0.9 * I2]),
            "operators do not preserve the trace: |sum K^dagger K - 1| > 1e-8",
        ),
        (lambda: Channel.kraus([]), "operators: none given; a channel has at least one"),
        (lambda: Channel.kraus([np.eye(3)]), "operators[0]: shape (3, 3) is not (2^n, 2^n)"),
        (
            lambda: Channel.kraus([I2, np.eye(4)]),
            "operators[1]: 16 elements; all must have the same 4, 16 or 64",
        ),
        (lambda: Channel.kraus([[[math.nan, 0], [0, 1]]]), "operators[0] is not finite"),
        (lambda: Channel.from_pauli_transfer_matrix(np.diag([1, 1, -1, 1])), NOT_POSITIVE),  # transposition
        (lambda: Channel.from_pauli_transfer_matrix(np.diag([1, 1.1, 1, 1])), NOT_POSITIVE),
        (lambda: Channel.from_pauli_transfer_matrix(np.diag([0.9, 1, 1, 1])), NO_TRACE),
        (
            lambda: Channel.from_pauli_transfer_matrix(1j * np.eye(4)),
            "matrix: a Pauli transfer matrix is real",
        ),
        (
            lambda: Channel.from_pauli_transfer_matrix(np.eye(8)),
            "matrix: 64 elements; a Pauli transfer matrix has 16, 256 or 4096",
        ),
        (lambda: Channel.depolarizing(0.1).power(-1), "scale = -1 is not a finite number >= 0"),
        (lambda: Channel.depolarizing(0.1).power(math.inf), "scale = inf is not finite"),
        (
            lambda: Channel.amplitude_damping(0.1).power(1.5),
            "scale = 1.5 is not a whole number; only Pauli channels have other powers",
        ),
        (
            lambda: Channel.bit_flip(0.9).power(0.5),
            "scale = 0.5 is not a whole number, and the channel has a negative factor -0.8",
        ),
        (
            lambda: Channel.pauli({"X": 0.2, "Y": 0.2}).power(0.1),
            "scale = 0.1: this power of the channel is not completely positive",
        ),
        (
            lambda: Channel.identity(1).then(Channel.identity(2)),
            "other: a channel on 2 qubits cannot follow one on 1",
        ),
        (
            lambda: Channel.identity(2).tensor(Channel.identity(2)),
            "n_qubits of the product = 4 is outside [2, 3]",
        ),
        (lambda: Channel.identity().then(None), "other: NoneType is not a Channel"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidArgument, match=f"^{re.escape(message)}$"):
        call()
