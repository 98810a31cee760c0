"""Noise models from Aer: channels, order of qubits, which error acts where, refusals; other conventions."""

from __future__ import annotations

import itertools
import re

import cirq
import numpy as np
import pytest
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Kraus
from qiskit_aer import noise as aer

from nonideal import InvalidArgument
from nonideal.hardware import quantum
from nonideal.hardware.quantum import interop
from oracles import aer as random_aer

PAULIS = [np.eye(2), np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1, -1])]


def pauli_transfer_matrix(operators):
    """R[i, j] = tr(P_i sum_k K P_j K^dagger) / 2^n, first qubit fastest, written down as it is defined."""
    n_qubits = len(operators[0]).bit_length() - 1
    basis = [np.eye(1)]
    for _ in range(n_qubits):
        basis = [np.kron(new, old) for new in PAULIS for old in basis]
    images = sum(k @ np.array(basis) @ k.conj().T for k in operators)
    return np.einsum("iab,jba->ij", basis, images).real / 2**n_qubits


def refusal(text: str) -> str:
    return f"^{re.escape(text)}$"


# ---- channels ----


@pytest.mark.parametrize(
    ("error", "channel"),
    [
        (aer.depolarizing_error(0.1, 1), quantum.Channel.depolarizing(0.1)),
        (aer.depolarizing_error(0.1, 2), quantum.Channel.depolarizing(0.1, 2)),
        (aer.depolarizing_error(4 / 3, 1), quantum.Channel.depolarizing(4 / 3)),
        (aer.depolarizing_error(16 / 15, 2), quantum.Channel.depolarizing(16 / 15, 2)),
        (aer.amplitude_damping_error(0.3), quantum.Channel.amplitude_damping(0.3)),
        (aer.phase_damping_error(0.3), quantum.Channel.phase_damping(0.3)),
        (aer.thermal_relaxation_error(2.0, 1.1, 0.4), quantum.Channel.thermal_relaxation(2.0, 1.1, 0.4)),
        (aer.thermal_relaxation_error(2.0, 3.9, 0.4), quantum.Channel.thermal_relaxation(2.0, 3.9, 0.4)),
        (aer.pauli_error([("X", 0.1), ("I", 0.9)]), quantum.Channel.bit_flip(0.1)),
        (aer.pauli_error([("Z", 0.1), ("I", 0.9)]), quantum.Channel.phase_flip(0.1)),
        (aer.pauli_error([("Y", 0.1), ("I", 0.9)]), quantum.Channel.bit_phase_flip(0.1)),
        (
            aer.pauli_error([("XI", 0.1), ("ZY", 0.2), ("II", 0.7)]),
            quantum.Channel.pauli({"XI": 0.1, "ZY": 0.2}),
        ),
    ],
)
def test_channels_are_aers(error, channel):
    converted = interop.channel_from_aer(error)
    np.testing.assert_allclose(
        converted.pauli_transfer_matrix, channel.pauli_transfer_matrix, rtol=0, atol=2e-15
    )


@pytest.mark.parametrize("n_qubits", [1, 2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_random_channels_by_their_definition(n_qubits, seed):
    error = random_aer.random_error(np.random.default_rng(seed), n_qubits)
    expected = pauli_transfer_matrix(Kraus(error).data)
    found = interop.channel_from_aer(error).pauli_transfer_matrix
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8)  # Kraus operators by an eigensolver


def test_the_second_factor_of_a_tensor_product_acts_on_the_first_qubit():
    flip, damping = aer.pauli_error([("X", 0.25), ("I", 0.75)]), aer.amplitude_damping_error(0.3)
    expected = quantum.Channel.amplitude_damping(0.3).tensor(quantum.Channel.bit_flip(0.25))
    np.testing.assert_allclose(
        interop.channel_from_aer(flip.tensor(damping)).pauli_transfer_matrix,
        expected.pauli_transfer_matrix,
        rtol=0,
        atol=1e-15,
    )
    np.testing.assert_allclose(
        interop.channel_from_aer(damping.expand(flip)).pauli_transfer_matrix,
        expected.pauli_transfer_matrix,
        rtol=0,
        atol=1e-15,
    )


def test_pauli_errors_have_real_powers():
    """What rounding leaves off the diagonal does not make a Pauli channel a general one."""
    error = aer.depolarizing_error(0.01, 2).compose(aer.pauli_error([("ZX", 0.1), ("II", 0.9)]))
    channel = interop.channel_from_aer(error)
    half = channel.power(0.5)
    np.testing.assert_allclose(
        half.then(half).pauli_transfer_matrix, channel.pauli_transfer_matrix, atol=1e-15
    )


# ---- what other libraries call p ----


@pytest.mark.parametrize("n_qubits", [1, 2])
@pytest.mark.parametrize("p", [1e-3, 0.1, 0.7])
def test_conventions(n_qubits, p):
    """Each library's own channel, where it is installed; lambda as its documentation says, where not."""

    def ours(convention, argument=p):
        return quantum.Channel.depolarizing(argument, n_qubits, convention).pauli_transfer_matrix

    one = aer.depolarizing_error(p, 1)
    close = {"rtol": 0, "atol": 1e-14}
    np.testing.assert_allclose(
        ours("qiskit"),
        interop.channel_from_aer(aer.depolarizing_error(p, n_qubits)).pauli_transfer_matrix,
        **close,
    )
    np.testing.assert_array_equal(ours("qpanda"), ours("qiskit"))
    product = one if n_qubits == 1 else one.tensor(one)
    np.testing.assert_allclose(
        ours("pyqpanda3"), interop.channel_from_aer(product).pauli_transfer_matrix, **close
    )
    np.testing.assert_allclose(
        ours("cirq"), pauli_transfer_matrix(cirq.kraus(cirq.depolarize(p, n_qubits))), **close
    )
    total = p * (4**n_qubits - 1) / 4**n_qubits
    np.testing.assert_allclose(ours("cirq", total), ours("qiskit"), **close)


@pytest.mark.parametrize("p", [0.0, 0.2, 1.0])
def test_cirqs_other_channels(p):
    for theirs, ours in (
        (cirq.bit_flip(p), quantum.Channel.bit_flip(p)),
        (cirq.phase_flip(p), quantum.Channel.phase_flip(p)),
        (cirq.amplitude_damp(p), quantum.Channel.amplitude_damping(p)),
        (cirq.phase_damp(p), quantum.Channel.phase_damping(p)),
    ):
        np.testing.assert_allclose(
            ours.pauli_transfer_matrix, pauli_transfer_matrix(cirq.kraus(theirs)), rtol=0, atol=1e-15
        )


# ---- models ----


def test_local_errors_take_the_place_of_general_ones():
    model = aer.NoiseModel()
    model.add_all_qubit_quantum_error(aer.depolarizing_error(0.1, 2), ["cx", "cz"])
    model.add_quantum_error(aer.depolarizing_error(0.2, 2), "cx", [1, 0], warnings=False)
    expected = (
        quantum.NoiseModel()
        .add(quantum.Channel.depolarizing(0.1, 2), ["cx", "cz"])
        .add(quantum.Channel.depolarizing(0.2, 2), "cx", [1, 0])
    )
    found = quantum.NoiseModel.from_qiskit_aer(model)
    for a, b in zip(found.to_dict()["channels"], expected.to_dict()["channels"], strict=True):
        assert (a["gate"], a["qubits"]) == (b["gate"], b["qubits"])
        np.testing.assert_allclose(a["pauli_transfer_matrix"], b["pauli_transfer_matrix"], atol=1e-15)


def test_readout_errors():
    model = aer.NoiseModel()
    model.add_all_qubit_readout_error(aer.ReadoutError([[0.9, 0.1], [0.25, 0.75]]))
    model.add_readout_error(aer.ReadoutError([[0.8, 0.2], [0.3, 0.7]]), [2], warnings=False)
    found = quantum.NoiseModel.from_qiskit_aer(model)
    assert found.readout(0) == quantum.ReadoutError(p0_given_1=0.25, p1_given_0=0.1)
    assert found.readout(2) == quantum.ReadoutError(p0_given_1=0.3, p1_given_0=0.2)


def test_an_ideal_model_is_empty():
    assert quantum.NoiseModel.from_qiskit_aer(aer.NoiseModel()).empty


@pytest.mark.parametrize("pair", ["cx", "cz", "ecr"])
def test_models_of_backends(pair):
    """With errors on reset, which no circuit holds, and a pass for delays, which none holds either."""
    backend = GenericBackendV2(3, basis_gates=[pair, "sx", "x", "rz", "id"], seed=5)
    model = aer.NoiseModel.from_backend(backend)
    assert "reset" in model.noise_instructions
    found = quantum.NoiseModel.from_qiskit_aer(model).to_dict()
    places = {(entry["gate"], tuple(entry["qubits"])) for entry in found["channels"]}
    expected = {(pair, qubits) for qubits in itertools.permutations(range(3), 2)}
    expected |= {(gate, (qubit,)) for gate in ("id", "sx", "x") for qubit in range(3)}
    assert places == expected
    assert [entry["qubit"] for entry in found["readout"]] == [0, 1, 2]


def with_pass(model: aer.NoiseModel) -> None:
    model._custom_noise_passes.append(aer.LocalNoisePass(lambda op, qubits: None))


ALLOWED = (
    "id, x, y, z, h, s, sdg, t, tdg, sx, sxdg, rx, ry, rz, p, u, u1, u2, u3, cx, cy, cz, ch, csx, cp, crx, "
    "cry, crz, rxx, ryy, rzz, rzx, swap, iswap, ecr, ccx, cswap, unitary"
)


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (
            lambda m: m.add_all_qubit_quantum_error(aer.depolarizing_error(0.1, 1), "measure"),
            f"model: an error on 'measure' is not supported; errors may be on {ALLOWED}",
        ),
        (
            lambda m: m.add_quantum_error(aer.depolarizing_error(0.1, 2), "dcx", [0, 1]),
            f"model: an error on 'dcx' is not supported; errors may be on {ALLOWED}",
        ),
        (
            lambda m: m.add_all_qubit_quantum_error(aer.depolarizing_error(0.1, 1), "my label"),
            f"model: an error on 'my label' is not supported; errors may be on {ALLOWED}",
        ),
        (
            lambda m: m.add_all_qubit_quantum_error(aer.depolarizing_error(0.1, 4), "unitary"),
            "model: the error on 'unitary' is on 4 qubits, more than 3",
        ),
        (
            lambda m: m.add_readout_error(aer.ReadoutError(np.full((4, 4), 0.25)), [0, 1]),
            "model: the joint readout error of qubits (0, 1) is not supported",
        ),
        (with_pass, "model: the noise pass LocalNoisePass is not supported"),
    ],
)
def test_what_has_no_counterpart_is_refused(build, text):
    model = aer.NoiseModel()
    build(model)
    with pytest.raises(InvalidArgument, match=refusal(text)):
        quantum.NoiseModel.from_qiskit_aer(model)


def test_other_things_are_refused():
    with pytest.raises(InvalidArgument, match=refusal("model: dict is not a qiskit_aer.noise.NoiseModel")):
        interop.noise_from_aer({})
