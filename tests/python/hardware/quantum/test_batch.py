"""Compiled batches of circuits against `oracles.quantum_gates`, gate by gate on dense matrices."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal import _core
from nonideal.errors import InvalidArgument
from nonideal.hardware.quantum import Channel, Circuit, NoiseModel, Parameter
from oracles import quantum_gates as oracle

NOISES = {
    "none": NoiseModel(),
    "joint": NoiseModel.depolarizing(0.01, 0.05),
    "product": NoiseModel.depolarizing(0.02, 0.04, convention="pyqpanda3"),
    "damping": NoiseModel()
    .add(Channel.amplitude_damping(0.1), ["h", "ry", "rx", "u", "t"])
    .add(Channel.thermal_relaxation(5.0, 7.0, 0.3), ["x", "s", "p"])
    .add(Channel.amplitude_damping(0.2).tensor(Channel.phase_damping(0.1)), ["cx", "cp", "swap"]),
    "one qubit pair": NoiseModel().add(Channel.depolarizing(0.3, 2), "cx", qubits=[1, 0]),
}


def masks(letters):
    x = sum(1 << q for q, letter in enumerate(letters) if letter in "XY")
    z = sum(1 << q for q, letter in enumerate(letters) if letter in "YZ")
    return x, z


def build(n_qubits, steps):
    circuit = Circuit(n_qubits)
    for name, qubits, angles, _ in steps:
        circuit._native.add(name, list(qubits), list(angles))
    return circuit


def channels(noise, circuit):
    """Kraus operators of each gate, asked of the model through the circuit's dense channels."""
    table = {}
    for name, qubits, channel in noise._native.entries():
        table[name, tuple(qubits) if qubits is not None else None] = oracle.kraus_of(
            channel.pauli_transfer_matrix()
        )
    uniform = noise._native.uniform
    wide = [oracle.kraus_of(c.pauli_transfer_matrix()) for c in uniform] if uniform else None

    def channel_of(name, qubits):
        for key in ((name, tuple(qubits)), (name, None)):
            if key in table:
                return table[key]
        return wide[len(qubits) - 1] if wide and len(qubits) <= 2 else None

    return channel_of


@pytest.mark.parametrize("noise", NOISES)
@settings(deadline=None, derandomize=True, max_examples=25)
@given(circuit=oracle.circuits(max_qubits=3, max_gates=14), seed=st.integers(0, 1000))
def test_expectations_of_any_circuit(noise, circuit, seed):
    n_qubits, steps = circuit
    if noise in ("joint", "product"):
        steps = [step for step in steps if len(step[1]) <= 2]
    rng = np.random.default_rng(seed)
    letters = ["".join(rng.choice(list("IXYZ"), n_qubits)) for _ in range(3)]
    coefficients = rng.normal(size=3)
    observables = [
        [(1.0, *masks(letters[0]))],
        [(c, *masks(word)) for c, word in zip(coefficients, letters, strict=True)],
    ]
    model = NOISES[noise]
    program = _core.quantum.compile(build(n_qubits, steps)._native, model._native, observables)
    found = program.run(np.zeros((1, 0)))[0]
    rho = oracle.density_matrix(steps, n_qubits, channels(model, steps))
    values = [np.trace(oracle.pauli(word) @ rho).real for word in letters]
    np.testing.assert_allclose(found, [values[0], coefficients @ values], atol=1e-12)


@pytest.mark.parametrize("noise", ["none", "joint", "damping"])
@settings(deadline=None, derandomize=True, max_examples=25)
@given(
    circuit=oracle.circuits(
        max_qubits=4, max_gates=16, names=("rx", "ry", "rz", "p", "u", "cp", "cx", "h", "t")
    ),
    seed=st.integers(0, 1000),
)
def test_parameters_are_angles(noise, circuit, seed):
    """Every angle becomes a linear expression in one of two parameters; all circuits of a batch are right."""
    n_qubits, steps = circuit
    rng = np.random.default_rng(seed)
    template, linear = Circuit(n_qubits), []
    for name, qubits, angles, _ in steps:
        forms = [(int(rng.integers(-1, 2)), *rng.normal(size=2)) for _ in angles]
        forms = [form if form[0] >= 0 else (-1, 0.0, form[2]) for form in forms]
        template._native.add(name, list(qubits), forms)
        linear.append(forms)
    word = "".join(rng.choice(list("XYZ"), n_qubits))
    model = NOISES[noise]
    program = _core.quantum.compile(template._native, model._native, [[(1.0, *masks(word))]])
    parameters = rng.normal(size=(37, program.n_parameters)) * 3
    found = program.run(parameters)[:, 0]
    for i in (0, 31, 36):
        bound = [
            (name, qubits, tuple((f * parameters[i, p] if p >= 0 else 0.0) + o for p, f, o in forms), None)
            for (name, qubits, _, _), forms in zip(steps, linear, strict=True)
        ]
        rho = oracle.density_matrix(bound, n_qubits, channels(model, bound))
        assert found[i] == pytest.approx(np.trace(oracle.pauli(word) @ rho).real, abs=1e-12)


def test_gates_that_change_nothing_cost_nothing():
    theta = Parameter("theta")
    circuit = Circuit(3).ry(theta, 0).h(1).cx(1, 2).rz(theta, 2).t(1)
    program = _core.quantum.compile(
        circuit._native, NoiseModel.depolarizing(0.1, 0.1)._native, [[(1.0, 0, 1)]]
    )
    assert program.instruction_count == 0  # a constant times cos(theta)
    angles = np.linspace(-3, 3, 50)[:, None]
    np.testing.assert_allclose(program.run(angles)[:, 0], 0.9 * np.cos(angles[:, 0]), atol=1e-15)


def test_angles_beyond_a_million_radian():
    theta = Parameter("theta")
    program = _core.quantum.compile(
        Circuit(1).ry(theta, 0)._native, NoiseModel()._native, [[(1.0, 0, 1)], [(1.0, 1, 0)]]
    )
    angles = np.array([0.0, 1e-300, -1e6, 999_999.9, 1.5e6, 3e9, -7e12])
    found = program.run(angles[:, None])
    np.testing.assert_allclose(found[:, 0], np.cos(angles), atol=2e-3)  # a double at 7e12 is 1e-3 wide
    np.testing.assert_allclose(found[:4], np.stack([np.cos(angles), np.sin(angles)], 1)[:4], atol=1e-15)
    np.testing.assert_allclose((found**2).sum(axis=1), 1.0, atol=1e-15)


CODE = """
import hashlib, numpy as np
from nonideal import _core
from nonideal.hardware.quantum import Circuit, NoiseModel
rng = np.random.default_rng(5)
circuit = Circuit(4)
for i in range(60):
    q = rng.permutation(4)
    circuit._native.add("u", [int(q[0])], [(i % 7, float(rng.normal()), 0.1) for _ in range(3)])
    circuit._native.add("cx", [int(q[1]), int(q[2])])
noise = NoiseModel.depolarizing(0.01, 0.02)
program = _core.quantum.compile(circuit._native, noise._native, [[(1.0, 0, 5)], [(0.3, 2, 9)]])
out = program.run(rng.normal(size=(1000, 7)) * 100)
assert out.std() > 1e-3
print(hashlib.sha256(out.tobytes()).hexdigest())
"""


@pytest.mark.parametrize("isa", _core.available_isas())
def test_every_instruction_set_gives_the_same_bits(isa):
    texts = {
        subprocess.run(
            [sys.executable, "-c", CODE],
            env=os.environ | {"NONIDEAL_ISA": name},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for name in ("baseline", str(isa))
    }
    assert len(texts) == 1


def test_the_batch_may_be_cut_anywhere():
    theta, phi = Parameter("theta"), Parameter("phi")
    circuit = Circuit(3).ry(theta, 0).cx(0, 1).rx(phi, 1).cx(1, 2).ry(theta, 2).cx(2, 0).u(theta, phi, 0.3, 0)
    program = _core.quantum.compile(
        circuit._native, NOISES["damping"]._native, [[(1.0, 1, 6)], [(1.0, 0, 1)]]
    )
    parameters = np.random.default_rng(1).normal(size=(5000, 2))
    whole = program.run(parameters, num_threads=1)
    np.testing.assert_array_equal(program.run(parameters, num_threads=3), whole)
    np.testing.assert_array_equal(program.run(parameters[1234:1300]), whole[1234:1300])
    assert program.run(parameters[:0]).shape == (0, 2)


def test_tiny_factors_stand_behind_large_ones():
    theta = Parameter("theta")
    noise = NoiseModel().add(Channel.amplitude_damping(1e-310), "ry")
    program = _core.quantum.compile(Circuit(1).ry(theta, 0)._native, noise._native, [[(1.0, 0, 1)]])
    np.testing.assert_allclose(program.run(np.array([[0.3]])), np.cos([[0.3]]), atol=1e-15)


def test_angles_that_overflow_are_refused():
    theta = Parameter("theta")
    program = _core.quantum.compile(
        Circuit(1).rx(1e200 * theta, 0)._native, NoiseModel()._native, [[(1.0, 0, 1)]]
    )
    with pytest.raises(InvalidArgument, match=r"^parameters: an angle of circuit 40 = inf is not finite$"):
        program.run(np.array([[0.0]] * 40 + [[1e200]]))


def test_large_angles_lose_whole_turns_and_no_more():
    """Up to 2^52, as the C library's sine takes them; beyond, neighbouring doubles are a radian apart."""
    theta = Parameter("theta")
    program = _core.quantum.compile(Circuit(1).rx(theta, 0)._native, NoiseModel()._native, [[(1.0, 0, 1)]])
    angles = np.array([1e6, 1.0000001e6, 1e9, -3e12, 4.4e15, -(2.0**52)])[:, None]
    np.testing.assert_allclose(program.run(angles), np.cos(angles), atol=1e-15)
    refused = r"^parameters: an angle of circuit 0 = 1e\+16 is outside \[-2\^52, 2\^52\]$"
    with pytest.raises(InvalidArgument, match=refused):
        program.run(np.array([[1e16]]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c, n: _core.quantum.compile(c, n, []), "observables: none given"),
        (
            lambda c, n: _core.quantum.compile(c, n, [[(np.inf, 0, 1)]]),
            "observables[0]: coefficient = inf is not finite",
        ),
        (
            lambda c, n: _core.quantum.compile(c, n, [[(1.0, 0, 4)]]),
            "observables[0] acts beyond the circuit's 2 qubits",
        ),
        (
            lambda c, n: _core.quantum.compile(c, n, [[(1.0, 3, 1)]], max_instructions=1),
            "circuit needs more than max_instructions = 1 instructions",
        ),
        (
            lambda c, n: _core.quantum.compile(c, n, [[(1.0, 0, 1)]]).run(np.array([[np.nan]])),
            "parameters[0] = nan is not finite",
        ),
        (
            lambda c, n: _core.quantum.compile(c, n, [[(1.0, 0, 1)]]).run(np.zeros((3, 2))),
            "parameters: expected length 1, got 2",
        ),
    ],
)
def test_refusals(call, message):
    theta = Parameter("theta")
    circuit = Circuit(2).ry(theta, 0).cx(0, 1).rx(theta, 1).ry(2 * theta, 0).cx(1, 0).rx(0.5 * theta, 0)
    with pytest.raises(InvalidArgument) as caught:
        call(circuit._native, NoiseModel()._native)
    assert str(caught.value) == message
