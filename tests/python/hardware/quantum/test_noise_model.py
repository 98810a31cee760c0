"""Noise models: what they hold, scale, refuse, and give back."""

import copy
import json
import pickle
import re

import numpy as np
import pytest

from nonideal import _core
from nonideal.errors import InvalidArgument
from nonideal.hardware.quantum import GATES, Channel, Circuit, NoiseModel, ReadoutError
from nonideal.hardware.quantum.noise import check_noise

DAMPING = Channel.amplitude_damping(0.1)
JOINT = Channel.depolarizing(0.02, 2)


def rich():
    model = NoiseModel.depolarizing(1e-3, 1e-2, ReadoutError(0.02, 0.01), convention="pyqpanda3")
    model.add(DAMPING, ["h", "ry"]).add(JOINT, "cx", qubits=[2, 0]).add(JOINT, "unitary")
    return model.add_readout(ReadoutError(0.3, 0.4), qubits=[1, 3])


def test_a_new_model_is_noiseless():
    model = NoiseModel()
    assert model.empty
    assert not model.has_channels
    assert not model.has_readout
    assert repr(model) == "<NoiseModel: noiseless>"
    assert model.readout(5) == ReadoutError(0.0, 0.0)
    assert check_noise("noise", None) == model


def test_what_it_holds():
    model = rich()
    assert model.has_channels
    assert model.has_readout
    assert not model.empty
    assert model.readout(0) == ReadoutError(0.02, 0.01)
    assert model.readout(3) == ReadoutError(0.3, 0.4)
    text = "<NoiseModel: lambda 0.999 after 1-qubit and 0.99 after 2-qubit gates, h, ry, cx (2, 0), unitary, "
    assert repr(model) == text + "readout>"
    only_readout = NoiseModel().add_readout(ReadoutError(0.1, 0.1), 2)
    assert not only_readout.has_channels
    assert only_readout.readout(2) == ReadoutError(0.1, 0.1)
    assert only_readout.readout(0) == ReadoutError(0.0, 0.0)


def channel_of(model, gate, qubits=None):
    entries = {(name, tuple(on or ())): channel for name, on, channel in model._native.entries()}
    return entries[gate, tuple(qubits or ())].pauli_transfer_matrix()


def test_a_second_channel_acts_after_the_first():
    model = NoiseModel().add(DAMPING, "x").add(Channel.bit_flip(0.2), "x")
    np.testing.assert_array_equal(
        channel_of(model, "x"), DAMPING.then(Channel.bit_flip(0.2)).pauli_transfer_matrix
    )
    under = NoiseModel.depolarizing(0.1, 0.1).add(DAMPING, "x")
    np.testing.assert_array_equal(
        channel_of(under, "x"), Channel.depolarizing(0.1).then(DAMPING).pauli_transfer_matrix
    )


@pytest.mark.parametrize("model", [NoiseModel(), NoiseModel.depolarizing(0.1, 0.2), rich(), rich().scaled(3)])
def test_dictionaries_pickles_and_copies_are_the_same_model(model):
    values = json.loads(json.dumps(model.to_dict()))
    for twin in (
        NoiseModel.from_dict(values),
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
        model.copy(),
    ):
        assert twin == model
        assert twin.to_dict() == model.to_dict()
        twin.add(DAMPING, "z")
        assert twin != model


def test_models_that_differ_are_not_equal():
    models = [
        NoiseModel(),
        NoiseModel.depolarizing(0.0, 0.0),
        NoiseModel.depolarizing(0.1, 0.1),
        NoiseModel.depolarizing(0.1, 0.1, convention="cirq"),
        NoiseModel().add(DAMPING, "x"),
        NoiseModel().add(DAMPING, "x", [0]),
        NoiseModel().add_readout(ReadoutError(0.1, 0.1)),
        NoiseModel().add_readout(ReadoutError(0.1, 0.1), 0),
    ]
    for i, one in enumerate(models):
        assert [i == j for j in range(len(models))] == [one == other for other in models]
    assert models[0] != "noiseless"


def test_scaling_is_a_power_of_every_channel():
    model = NoiseModel.depolarizing(0.1, 0.2, ReadoutError(0.1, 0.2)).add(DAMPING, "x", [1])
    tripled = model.scaled(3)
    one, two = (channel.pauli_transfer_matrix() for channel in tripled._native.uniform)
    np.testing.assert_allclose(one[1, 1], 0.9**3, rtol=1e-14)
    np.testing.assert_allclose(two[5, 5], 0.8**3, rtol=1e-14)
    np.testing.assert_allclose(
        channel_of(tripled, "x", [1]), DAMPING.power(3).pauli_transfer_matrix, atol=1e-15
    )
    assert tripled.readout(0) == model.readout(0)
    assert model.scaled(1) == model
    halfway = NoiseModel.depolarizing(0.1, 0.2).scaled(1.5)
    np.testing.assert_allclose(halfway._native.uniform[0].pauli_transfer_matrix()[2, 2], 0.9**1.5)


def test_a_refused_addition_adds_nothing():
    model = NoiseModel()
    with pytest.raises(InvalidArgument):
        model.add(DAMPING, ["x", "cx"])
    with pytest.raises(InvalidArgument):
        model.add_readout(ReadoutError(0.1, 0.1), [0, 99])
    assert model.empty


@pytest.mark.parametrize(
    ("circuit", "model", "obstacle"),
    [
        (Circuit(2).h(0).cx(0, 1).t(0), NoiseModel.depolarizing(0.1, 0.2), ""),
        (Circuit(2).h(0).cx(0, 1), NoiseModel(), ""),
        (
            Circuit(2).h(0).cx(0, 1),
            NoiseModel.depolarizing(0.1, 0.2, convention="pyqpanda3"),
            "the channel of 'cx' does not commute with it",
        ),
        (
            Circuit(2).t(0),
            NoiseModel().add(Channel.phase_flip(0.1), "t"),
            "the channel of 't' is not that of its inverse 'tdg'",
        ),
        (Circuit(2).t(0), NoiseModel().add(Channel.phase_flip(0.1), ["t", "tdg"]), ""),
        (Circuit(2).x(0), NoiseModel().add(DAMPING, "x"), "the channel of 'x' does not commute with it"),
        (Circuit(2).x(0), NoiseModel().add(DAMPING, "x", [1]), ""),
    ],
)
def test_where_folding_is_a_power(circuit, model, obstacle):
    assert _core.quantum.power_obstacle(circuit._native, model._native) == obstacle


def test_noisy_gates():
    assert NoiseModel().noisy_gates == ()
    assert NoiseModel().add_readout(ReadoutError(0.1, 0.1)).noisy_gates == ()
    model = NoiseModel().add(JOINT, ["ecr", "cx"], [0, 1]).add(DAMPING, ["unitary", "x"])
    assert model.noisy_gates == ("x", "cx", "ecr", "unitary")
    every = set(GATES) - {"ccx", "cswap", "barrier"}
    assert set(NoiseModel.depolarizing(0.1, 0.1).noisy_gates) == every


KNOWN = ", ".join(GATES)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: NoiseModel.depolarizing(1.5, 0.1), "p1 = 1.5 is outside [0, 1.3333333333333333]"),
        (lambda: NoiseModel.depolarizing(0.1, 1.1), "p2 = 1.1 is outside [0, 1.0666666666666667]"),
        (lambda: NoiseModel.depolarizing(0.1, -0.1), "p2 = -0.1 is outside [0, 1.0666666666666667]"),
        (lambda: NoiseModel.depolarizing(0.1, float("nan")), "p2 = nan is not finite"),
        (
            lambda: NoiseModel.depolarizing(0.1, 0.1, convention="braket"),
            "convention = 'braket' is not one of qiskit, qpanda, pyqpanda3, cirq",
        ),
        (lambda: NoiseModel.depolarizing(0.1, 0.1, readout=0.1), "error: float is not a ReadoutError"),
        (lambda: ReadoutError(1.1, 0.0), "p0_given_1 = 1.1 is outside [0, 1]"),
        (lambda: ReadoutError(0.1, float("nan")), "p1_given_0 = nan is outside [0, 1]"),
        (lambda: NoiseModel().add(DAMPING, "cx"), "channel on 1 qubits does not fit 'cx' on 2"),
        (
            lambda: NoiseModel().add(DAMPING, "hadamard"),
            f"gate = 'hadamard' is not one of {KNOWN}",
        ),
        (lambda: NoiseModel().add(DAMPING, "barrier"), "gate = 'barrier' has no noise"),
        (lambda: NoiseModel().add(DAMPING, [1]), "gates: 1 is not a gate's name"),
        (lambda: NoiseModel().add(DAMPING, 1), "gates = 1 is not a sequence"),
        (lambda: NoiseModel().add(0.1, "x"), "channel: float is not a Channel"),
        (lambda: NoiseModel().add(DAMPING, "x", [0, 1]), "qubits: expected 1 qubits, got 2"),
        (lambda: NoiseModel().add(DAMPING, "x", [62]), "qubits[0] = 62 is outside [0, 61]"),
        (lambda: NoiseModel().add(JOINT, "cx", [0, 0]), "qubits of 'cx': 0 is named twice"),
        (lambda: NoiseModel().add(DAMPING, "x", ["0"]), "qubits[0] = '0' is not an integer"),
        (lambda: NoiseModel().add_readout(ReadoutError(0, 0), 62), "qubit = 62 is outside [0, 61]"),
        (lambda: NoiseModel().add_readout((0.1, 0.1)), "error: tuple is not a ReadoutError"),
        (lambda: rich().scaled(-1), "scale = -1 is not a finite number >= 0"),
        (
            lambda: rich().scaled(1.5),
            "scale = 1.5 is not a whole number; only Pauli channels have other powers",
        ),
        (lambda: NoiseModel.from_dict({}), "values: not a noise model's (KeyError('channels'))"),
        (lambda: NoiseModel.from_dict([]), "values: list is not a mapping"),
        (
            lambda: NoiseModel.from_dict({"uniform": 3, "channels": [], "readout": []}),
            "values: not a noise model's (TypeError(\"'int' object is not iterable\"))",
        ),
        (lambda: check_noise("noise", "depolarizing"), "noise: str is not a NoiseModel"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidArgument, match=f"^{re.escape(message)}$"):
        call()
