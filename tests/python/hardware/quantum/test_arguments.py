"""Every public function with odd arguments, one at a time: it works, or says what is wrong with them.

Python's own operators are not among these: ``theta + None`` is a TypeError, as everywhere.
"""

import math

import numpy as np
import pytest

import odd
from nonideal.errors import InvalidArgument
from nonideal.hardware import quantum as q

THETA = q.Parameter("theta")
BELL = q.Circuit(2).h(0).cx(0, 1)
TEMPLATE = q.Circuit(2).ry(THETA, 0).cx(0, 1)
FLIP = q.Channel.bit_flip(0.1)
READ = q.ReadoutError(0.1, 0.2)
NOISE = q.NoiseModel.depolarizing(0.001, 0.01)
MODEL = q.NoiseModel().add(FLIP, "h", [0]).add_readout(READ, 0).to_dict()
CLEAN, NOISY = q.Simulator(seed=1), q.Simulator(NOISE, seed=1)
SHOTWISE = q.Simulator(NOISE, "trajectories", seed=1)
ESTIMATOR = q.DistanceEstimator(seed=1, shots=64, noise=NOISE)
CELLS = q.DistanceEstimator(seed=1, translation="cells", n_cells=2)
A, B = [[1.0, 0.0]], [[0.6, 0.8], [0.1, 0.2]]


def fresh(size=2):
    return q.Circuit(size)


def changed(entry, key):
    """A noise model with this value in a description of its own."""
    return lambda value: q.NoiseModel.from_dict({**MODEL, entry: [{**MODEL[entry][0], key: value}]})


# name: function and arguments that it takes; each in turn is replaced
CALLS = {
    "Circuit": (q.Circuit, 2),
    **{
        f"Circuit.{name}": (
            lambda *given, name=name: getattr(q.Circuit(3), name)(*given),
            *[0.1] * gate.n_angles,
            *range(gate.n_qubits),
        )
        for name, gate in q.GATES.items()
        if gate.n_qubits is not None
    },
    "Circuit.unitary": (lambda *given: fresh().unitary(*given), np.eye(2), [0]),
    "Circuit.measure": (lambda *given: fresh().measure(*given), [0]),
    "Circuit.compose": (lambda *given: fresh().compose(*given), BELL),
    "Circuit.append": (lambda *given: fresh().append(*given), q.Instruction("h", (0,))),
    "Instruction": (lambda *given: fresh().append(q.Instruction(*given)), "rx", (0,), (0.1,), None),
    "Circuit.folded": (BELL.folded, 3, "gate", 1, None),
    "Parameter": (q.Parameter, "theta"),
    "LinearExpression": (q.LinearExpression, "theta", 1.0, 2.0),
    **{
        f"Parameter.{name}": (getattr(THETA, name), 1.0)
        for name in ("__add__", "__sub__", "__rsub__", "__mul__", "__truediv__", "__eq__")
    },
    "Channel.identity": (q.Channel.identity, 1),
    "Channel.depolarizing": (q.Channel.depolarizing, 0.1, 1, "qiskit"),
    **{
        f"Channel.{name}": (getattr(q.Channel, name), 0.1)
        for name in ("bit_flip", "phase_flip", "bit_phase_flip", "amplitude_damping", "phase_damping")
    },
    "Channel.pauli": (q.Channel.pauli, {"X": 0.1}),
    "Channel.pauli: value": (lambda value: q.Channel.pauli({"X": value}), 0.1),
    "Channel.thermal_relaxation": (q.Channel.thermal_relaxation, 1.0, 1.0, 0.1),
    "Channel.kraus": (q.Channel.kraus, [np.eye(2)]),
    "Channel.kraus: operator": (lambda value: q.Channel.kraus([value]), np.eye(2)),
    "Channel.from_pauli_transfer_matrix": (q.Channel.from_pauli_transfer_matrix, np.eye(4)),
    "Channel.then": (FLIP.then, FLIP),
    "Channel.tensor": (FLIP.tensor, FLIP),
    "Channel.power": (FLIP.power, 2),
    "ReadoutError": (q.ReadoutError, 0.1, 0.2),
    "NoiseModel.depolarizing": (q.NoiseModel.depolarizing, 0.001, 0.01, READ, "qiskit"),
    "NoiseModel.add": (lambda *given: q.NoiseModel().add(*given), FLIP, "h", [0]),
    "NoiseModel.add_readout": (lambda *given: q.NoiseModel().add_readout(*given), READ, [0]),
    "NoiseModel.readout": (NOISE.readout, 0),
    "NoiseModel.scaled": (NOISE.scaled, 2),
    "NoiseModel.from_dict": (q.NoiseModel.from_dict, MODEL),
    **{
        f"NoiseModel.from_dict: {key}": (
            lambda value, key=key: q.NoiseModel.from_dict({**MODEL, key: value}),
            MODEL[key],
        )
        for key in MODEL
    },
    **{
        f"NoiseModel.from_dict: {entry}, {key}": (changed(entry, key), value)
        for entry in ("channels", "readout")
        for key, value in MODEL[entry][0].items()
    },
    "Simulator": (q.Simulator, NOISE, "automatic", "double", 1, 1),
    "Simulator.with_noise": (NOISY.with_noise, NOISE),
    "Simulator.statevector": (CLEAN.statevector, TEMPLATE, [[0.1]]),
    "Simulator.density_matrix": (NOISY.density_matrix, TEMPLATE, [[0.1]]),
    "Simulator.probabilities": (NOISY.probabilities, TEMPLATE, [0], [[0.1]]),
    **{
        f"Simulator.expectation, {kind}": (simulator.expectation, TEMPLATE, "Z0", 10, 0, 0, [[0.1]])
        for kind, simulator in (("clean", CLEAN), ("noisy", NOISY), ("trajectories", SHOTWISE))
    },
    **{
        f"Simulator.sample, {kind}": (simulator.sample, TEMPLATE, 10, 0, 0, [[0.1]])
        for kind, simulator in (("clean", CLEAN), ("noisy", NOISY), ("trajectories", SHOTWISE))
    },
    "observable: mapping": (lambda value: CLEAN.expectation(BELL, value), {"Z0": 1.0}),
    **{
        f"observable: coefficient, {kind}": (
            lambda value, simulator=simulator: simulator.expectation(BELL, {"Z0": value}, 10),
            1.0,
        )
        for kind, simulator in (("clean", CLEAN), ("trajectories", SHOTWISE))
    },
    "ZNE": (q.ZNE, (1, 3, 5), "gate", "richardson", 1, None, "auto", None, False, "error"),
    "ZNE: asymptote": (lambda value: q.ZNE((1, 3, 5), "gate", "exponential", 1, value), 0.5),
    "ZNE.extrapolate": (
        lambda values, variances, bounds, threads: q.ZNE((1, 3), clip=True).extrapolate(
            values, variances, bounds=bounds, num_threads=threads
        ),
        [0.1, 0.2],
        [0.1, 0.1],
        (0, 1),
        1,
    ),
    "ZNE.obstacle": (q.ZNE().obstacle, BELL, NOISE),
    "ZNE.expectation": (q.ZNE().expectation, NOISY, TEMPLATE, "Z0", 10, [[0.1]], 0),
    "ZNE.error_budget": (q.ZNE().error_budget, NOISY, TEMPLATE, "Z0", 10, [[0.1]]),
    "DistanceEstimator": (q.DistanceEstimator, "swap", 10, NOISE, q.ZNE(), "cells", 2, True, False, 1, 1, 1),
    "DistanceEstimator.pairwise": (
        lambda queries, points, stream, offset: ESTIMATOR.pairwise(
            queries, points, stream=stream, offset=offset
        ),
        A,
        B,
        0,
        (0, 0),
    ),
    "offset": (lambda *given: ESTIMATOR.pairwise(A, B, offset=given), 0, 0),
    "DistanceEstimator.nearest": (ESTIMATOR.nearest, A, B),
    "DistanceEstimator.nearest, cells": (CELLS.nearest, A, B),
    "DistanceEstimator.predicted_bias": (ESTIMATOR.predicted_bias, A, B),
    "DistanceEstimator.circuit": (ESTIMATOR.circuit, A[0], B[0]),
    "DistanceEstimator.n_qubits": (ESTIMATOR.n_qubits, 2),
    "DistanceEstimator.realization": (ESTIMATOR.realization, 2),
    "state_preparation": (q.state_preparation, [1.0, 0.0]),
    "Counts.from_array": (q.Counts.from_array, [1, 2]),
    "Counts.to_array": (lambda value: q.Counts({"0": value}).to_array(), 1),
    "Counts.to_array: key": (
        lambda key: q.Counts([(key, 1)] if isinstance(key, str) else []).to_array(),
        "0",
    ),
    "readout_mitigated": (q.readout_mitigated, [1, 2], READ),
    "readout_mitigated: mapping": (lambda value: q.readout_mitigated({"0": value}, READ), 1),
    "readout_mitigated: errors": (lambda value: q.readout_mitigated([1, 2], [value]), READ),
    "readout_mitigated_parity": (q.readout_mitigated_parity, [1, 2], READ, [0]),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", CALLS)
def test_odd_arguments_are_taken_or_refused(name):
    odd.walk(*CALLS[name])


def test_the_table_has_every_public_function():
    """What is not there: `interop`, which has tests of its own for it, and records that only hold results."""
    records = {"Distances", "Neighbors", "Estimate", "ZNEEstimate", "ErrorBudget", "GateSpec"}
    functions = {name for name in q.__all__ if callable(getattr(q, name))} - records
    assert functions <= {name.split(".")[0] for name in CALLS} | {"NoiseModel", "Channel"}


# ---- memory: refused before it is asked for, by the shape of the result ----

MANY = np.zeros((2_000_000, 1))
WIDE = q.Circuit(20).ry(THETA, 0)
LINE = np.zeros((400_000, 1))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ESTIMATOR.pairwise(LINE, LINE), "a result of shape (400000, 400000) needs 2.3 TiB, "),
        (lambda: ESTIMATOR.predicted_bias(LINE, LINE), "a result of shape (400000, 400000) needs 2.3 TiB, "),
        (
            lambda: CLEAN.statevector(WIDE, MANY),
            "a result of shape (2000000, 1048576) needs 30.5 TiB, ",
        ),
        (
            lambda: NOISY.density_matrix(q.Circuit(8).ry(THETA, 0), MANY),
            "a result of shape (2000000, 256, 256) needs 1.9 TiB, ",
        ),
        (
            lambda: CLEAN.probabilities(WIDE, parameters=MANY),
            "a result of shape (2000000, 1048576) needs 15.3 TiB, ",
        ),
        (lambda: CLEAN.probabilities(q.Circuit(40)), "n_qubits = 40 needs 16.0 TiB, "),
        (lambda: NOISY.density_matrix(q.Circuit(24).h(0)), "n_qubits = 24 needs "),
        (
            lambda: SHOTWISE.sample(q.Circuit(45).h(0), shots=1),
            "n_qubits = 45 needs 512.0 TiB, ",
        ),
        (lambda: q.Counts({"0" * 50: 1}).to_array(), "a result of shape (1125899906842624,) needs 8.0 PiB, "),
        (
            lambda: q.readout_mitigated({"1" * 100: 1}, READ),
            "a result of shape (4611686018427387904,) needs 32.0 EiB, ",
        ),
    ],
)
def test_results_that_do_not_fit_are_refused_by_their_shape(call, message):
    with pytest.raises(InvalidArgument) as refusal:
        call()
    assert str(refusal.value).startswith(message)
    assert str(refusal.value).endswith(" are available")


# ---- positions of random numbers ----


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: SHOTWISE.expectation(BELL, {"Z0": 1, "Z1": 1}, 10, offset=1 << 31),
            f"offset = {1 << 31} is outside [0, {(1 << 31) - 1}]",
        ),
        (
            lambda: SHOTWISE.sample(BELL, 10, offset=1 << 32),
            f"offset = {1 << 32} is outside [0, {(1 << 32) - 1}]",
        ),
        (
            lambda: NOISY.expectation(BELL, {"Z0": 1, "Z1": 1}, 10, offset=(1 << 40) - 1),
            f"offset = {(1 << 40) - 1} is outside [0, {(1 << 39) - 1}]",
        ),
    ],
)
def test_offsets_are_refused_by_their_name(call, message):
    with pytest.raises(InvalidArgument) as refusal:
        call()
    assert str(refusal.value) == message


def test_the_last_offset_is_taken():
    assert SHOTWISE.sample(BELL, 10, offset=(1 << 32) - 1).shots == 10
    assert SHOTWISE.expectation(BELL, {"Z0": 1, "Z1": 1}, 10, offset=(1 << 31) - 1).samples == 10
    assert NOISY.expectation(BELL, {"Z0": 1, "Z1": 1}, 10, offset=(1 << 39) - 1).samples == 10


def test_one_trajectory_and_no_weight():
    found = SHOTWISE.expectation(BELL, {"Z0 Z1": 0.0, "X0": 1.0}, shots=1)
    assert math.isfinite(found.value)
    assert 0 < found.standard_error <= 1


@pytest.mark.parametrize("angle", [1e16, -1e300])
def test_huge_angles_are_refused_alike(angle):
    message = f"{angle:g} is outside [-2^52, 2^52]"
    with pytest.raises(InvalidArgument) as refusal:
        q.Circuit(1).ry(angle, 0)
    assert str(refusal.value) == f"angle of 'ry' = {message}"
    template = q.Circuit(1).ry(THETA, 0)
    for call in (
        lambda: CLEAN.statevector(template, [[angle]]),
        lambda: NOISY.density_matrix(template, [[angle]]),
        lambda: CLEAN.probabilities(template, parameters=[[angle]]),
        lambda: SHOTWISE.sample(template, 10, parameters=[[angle]]),
    ):
        with pytest.raises(InvalidArgument) as refusal:
            call()
        assert str(refusal.value).endswith(f" = {message}")
