"""Circuits and the table of gates. Oracle: `oracles.quantum_gates`, matrices from their definitions."""

import copy
import inspect
import pickle
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal import _core
from nonideal.errors import InvalidArgument
from nonideal.hardware import quantum
from nonideal.hardware.quantum import Circuit, Parameter
from oracles import quantum_gates as oracle

PLAIN = [name for name in quantum.GATES if name not in ("unitary", "barrier")]
THETA, PHI = Parameter("theta"), Parameter("phi")
ANGLES = (0.7, -1.9, 3.1)


def build(n_qubits, steps):
    circuit = Circuit(n_qubits)
    for name, qubits, angles, matrix in steps:
        if name == "barrier":
            circuit.barrier()
        elif matrix is not None:
            circuit.unitary(matrix, qubits)
        else:
            getattr(circuit, name)(*angles, *qubits)
    return circuit


def steps_of(circuit):
    """The circuit as the oracle takes it."""
    return [(step.name, step.qubits, step.angles, step.matrix) for step in circuit.instructions]


def unitary_of(circuit):
    return oracle.unitary(steps_of(circuit), circuit.n_qubits)


def equal_up_to_phase(a, b, atol=1e-12):
    overlap = np.trace(a.conj().T @ b) / len(a)
    assert abs(overlap) == pytest.approx(1.0, abs=atol)
    np.testing.assert_allclose(a * overlap, b, atol=atol)


# ---- the table ----


def test_the_table_is_the_specifications():
    assert {name: (g.n_qubits, g.n_angles) for name, g in quantum.GATES.items() if g.n_qubits} == oracle.GATES
    assert set(quantum.GATES) - set(oracle.GATES) == {"unitary", "barrier"}


@pytest.mark.parametrize("name", PLAIN)
def test_matrices(name):
    angles = ANGLES[: quantum.GATES[name].n_angles]
    got = _core.quantum.gate_matrix(name, angles)
    np.testing.assert_allclose(got, oracle.gate(name, *angles), atol=1e-15)


@pytest.mark.parametrize("name", PLAIN)
def test_transfer_matrices(name):
    angles = ANGLES[: quantum.GATES[name].n_angles]
    got = _core.quantum.pauli_transfer_matrix(_core.quantum.gate_matrix(name, angles))
    np.testing.assert_allclose(got, oracle.transfer_matrix([oracle.gate(name, *angles)]), atol=1e-14)
    if not angles and name not in ("t", "tdg", "ch", "csx", "ccx", "cswap"):
        assert set(np.unique(got)) <= {-1.0, 0.0, 1.0}  # Clifford gates: signed permutations to the bit


@pytest.mark.parametrize("name", PLAIN)
def test_a_gate_has_a_method_of_its_signature(name):
    spec = quantum.GATES[name]
    method = getattr(Circuit, name)
    names = list(inspect.signature(method).parameters)[1:]
    kinds = [parameter.annotation for parameter in list(inspect.signature(method).parameters.values())[1:]]
    assert kinds == ["Angle"] * spec.n_angles + ["int"] * spec.n_qubits, names
    assert method.__doc__.startswith("Append ")


@pytest.mark.parametrize("name", PLAIN)
def test_the_inverse_undoes_the_gate(name):
    spec = quantum.GATES[name]
    circuit = build(3, [(name, (2, 0, 1)[: spec.n_qubits], ANGLES[: spec.n_angles], None)])
    both = circuit.copy().compose(circuit.inverse())
    np.testing.assert_allclose(unitary_of(both), np.eye(8), atol=1e-14)
    if spec.inverse is None:
        return
    (inverse,) = circuit.inverse().instructions
    assert inverse.name == spec.inverse
    (again,) = circuit.inverse().inverse().instructions
    assert (again.name, again.qubits) == (name, circuit.instructions[0].qubits)
    np.testing.assert_allclose(again.angles, circuit.instructions[0].angles, rtol=0, atol=1e-15)  # u2 adds pi


def test_two_inverses_take_several_gates():
    assert [name for name in PLAIN if quantum.GATES[name].inverse is None] == ["csx", "iswap"]
    assert str(Circuit(2).iswap(1, 0).inverse()) == "z 1\niswap 1 0\nz 1"
    assert str(Circuit(2).csx(1, 0).inverse()) == "z 0\ncsx 1 0\nz 0\nsdg 1"


def test_the_inverse_of_u2_keeps_its_name_and_its_symbols():
    (inverse,) = Circuit(1).u2(2 * THETA, PHI + 1, 0).inverse().instructions
    assert inverse.name == "u2"
    assert inverse.angles == (-PHI - 1 - np.pi, -2 * THETA - np.pi)


@pytest.mark.parametrize("name", PLAIN)
def test_decomposed_is_the_same_up_to_a_phase(name):
    spec = quantum.GATES[name]
    circuit = build(3, [(name, (2, 0, 1)[: spec.n_qubits], ANGLES[: spec.n_angles], None)])
    parts = circuit.decomposed()
    assert all(quantum.GATES[step.name].n_qubits == 1 or step.name == "cx" for step in parts.instructions)
    equal_up_to_phase(unitary_of(parts), unitary_of(circuit))


def test_ccx_is_decomposed_in_the_order_of_the_specification():
    text = str(Circuit(3).ccx(0, 1, 2).decomposed()).split("\n")
    a, b, t = "012"
    order = f"h {t}, cx {b} {t}, tdg {t}, cx {a} {t}, t {t}, cx {b} {t}, tdg {t}, cx {a} {t}, "
    order += f"t {b}, t {t}, h {t}, cx {a} {b}, t {a}, tdg {b}, cx {a} {b}"
    assert text == order.split(", ")


# ---- circuits ----


@settings(deadline=None, derandomize=True, max_examples=60)
@given(oracle.circuits())
def test_a_circuit_gives_back_what_it_was_made_of(made):
    n_qubits, steps = made
    circuit = build(n_qubits, steps)
    assert steps_of(circuit) == steps
    assert circuit.n_qubits == n_qubits
    names = [name for name, *_ in steps]
    assert circuit.gate_counts == {name: names.count(name) for name in quantum.GATES if name in names}
    again = Circuit(n_qubits)
    for instruction in circuit.instructions:
        again.append(instruction)
    assert again == circuit


@settings(deadline=None, derandomize=True, max_examples=40)
@given(oracle.circuits(max_qubits=3))
def test_inverse_and_decomposed(made):
    n_qubits, steps = made
    circuit = build(n_qubits, steps)
    full = unitary_of(circuit)
    np.testing.assert_allclose(unitary_of(circuit.inverse()), full.conj().T, atol=1e-12)
    equal_up_to_phase(unitary_of(circuit.decomposed()), full, atol=1e-11)
    assert circuit.decomposed().decomposed() == circuit.decomposed()


@settings(deadline=None, derandomize=True, max_examples=60)
@given(oracle.circuits())
def test_depth_is_the_longest_chain(made):
    n_qubits, steps = made
    level = [0] * n_qubits
    for _, qubits, _, _ in steps:
        reached = 1 + max(level[q] for q in qubits)
        for q in qubits:
            level[q] = reached
    assert build(n_qubits, steps).depth == max(level)


def test_unitaries_and_barriers():
    matrix = oracle.random_unitary(3, seed=1)
    circuit = Circuit(4).h(0).unitary(matrix, [3, 0, 2]).barrier().unitary(oracle.gate("y"), 1)
    np.testing.assert_array_equal(circuit.instructions[1].matrix, matrix)
    assert circuit.gate_counts == {"h": 1, "unitary": 2}
    assert circuit.depth == 2
    np.testing.assert_allclose(unitary_of(circuit.copy().compose(circuit.inverse())), np.eye(16), atol=1e-13)
    assert str(circuit) == "h 0\nunitary 3 0 2\nbarrier\nunitary 1"


def test_parameters_are_in_order_of_first_use():
    circuit = Circuit(2).u(PHI, 0.5, THETA, 0).ry(2 * PHI, 1)
    assert circuit.parameters == (PHI, THETA)
    assert [p.name for p in circuit.inverse().parameters] == ["phi", "theta"]
    assert circuit.instructions[0].angles == (PHI, 0.5, THETA)
    assert circuit.inverse().instructions[1].angles == (-PHI, -THETA, -0.5)
    assert Circuit(2).cp(THETA, 0, 1).decomposed().instructions[2].angles == (-0.5 * THETA,)


def test_composing_merges_parameters_by_name():
    left = Circuit(2).rx(THETA, 0).ry(PHI, 1)
    right = Circuit(2).rz(Parameter("chi"), 0).cp(0.5 * PHI + 1, 0, 1).measure([1])
    both = left.compose(right)
    assert both is left
    assert [p.name for p in both.parameters] == ["theta", "phi", "chi"]
    assert [step.angles for step in both.instructions] == [
        (THETA,),
        (PHI,),
        (Parameter("chi"),),
        (0.5 * PHI + 1,),
    ]
    assert both.measured == (1,)
    twice = Circuit(1).rx(THETA, 0)
    assert twice.compose(twice).gate_counts == {"rx": 2}


def test_measurements():
    assert Circuit(3).measure().measured == (0, 1, 2)
    assert Circuit(3).measure([2, 0]).measure(1).measured == (2, 0, 1)
    assert Circuit(3).measured == ()
    assert Circuit(2).h(0).measure().barrier().gate_counts == {"h": 1}
    assert str(Circuit(2).h(0).measure([1, 0])) == "h 0\nmeasure 1 0"


def test_every_builder_returns_the_circuit_itself():
    circuit = Circuit(3)
    assert circuit.h(0) is circuit
    assert circuit.unitary(np.eye(2), 0) is circuit
    assert circuit.barrier() is circuit
    assert circuit.measure() is circuit


def test_copies_are_circuits_of_their_own():
    circuit = Circuit(2).ry(0.5 * THETA + 1, 0).unitary(oracle.random_unitary(2, seed=2), [1, 0]).measure([1])
    for twin in (pickle.loads(pickle.dumps(circuit)), copy.deepcopy(circuit), circuit.copy()):
        assert twin == circuit
        twin.measure(0)
        assert twin != circuit
    assert circuit.measured == (1,)


def test_circuits_that_differ_are_not_equal():
    circuit = Circuit(2).rx(THETA, 0)
    others = [
        Circuit(3).rx(THETA, 0),
        Circuit(2).rx(PHI, 0),
        Circuit(2).rx(2 * THETA, 0),
        Circuit(2).rx(THETA, 1),
        Circuit(2).ry(THETA, 0),
        Circuit(2).rx(THETA, 0).measure(),
        "rx",
    ]
    assert all(circuit != other for other in others)
    assert Circuit(1).unitary(np.eye(2), 0) != Circuit(1).unitary(oracle.gate("x"), 0)


@pytest.mark.parametrize(
    ("circuit", "text"),
    [
        (Circuit(1), "<Circuit: 1 qubit, 0 gates, depth 0>"),
        (Circuit(2).h(0).measure([1]), "<Circuit: 2 qubits, 1 gate, depth 1, measures 1>"),
        (
            Circuit(1).rx(THETA, 0).barrier().ry(PHI, 0),
            "<Circuit: 1 qubit, 2 gates, depth 2, parameters theta phi>",
        ),
    ],
)
def test_text(circuit, text):
    assert repr(circuit) == text


def test_many_parameters_are_shortened_in_text():
    circuit = Circuit(1)
    for i in range(100):
        circuit.rx(Parameter(f"a{i}"), 0)
    assert repr(circuit).endswith("parameters a0 a1 a2 ... a99>")


def called(n_qubits, method, *arguments):
    return lambda: getattr(Circuit(n_qubits), method)(*arguments)


UNITARY = "matrix of 'unitary' is not unitary: |U U^dagger - 1| > 1e-8"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Circuit(0), "n_qubits = 0 is outside [1, 62]"),
        (lambda: Circuit(63), "n_qubits = 63 is outside [1, 62]"),
        (lambda: Circuit(2.0), "n_qubits = 2.0 is not an integer"),
        (lambda: Circuit(1 << 40), f"n_qubits = {1 << 40} is outside [-2^31, 2^31)"),
        (called(2, "h", 2), "qubit of 'h' = 2 is outside [0, 1]"),
        (called(2, "h", -1), "qubit of 'h' = -1 is outside [0, 1]"),
        (called(2, "h", "0"), "qubit of 'h' = '0' is not an integer"),
        (called(2, "cx", 1, 1), "qubits of 'cx': 1 is named twice"),
        (called(3, "ccx", 0, 1, 0), "qubits of 'ccx': 0 is named twice"),
        (called(1, "rx", float("nan"), 0), "angle of 'rx' = nan is not finite"),
        (called(1, "u", 0, float("inf"), 0, 0), "angle of 'u' = inf is not finite"),
        (called(1, "rz", "pi", 0), "angle of 'rz' = 'pi' is not a number"),
        (called(1, "rz", 1j, 0), "angle of 'rz' = 1j is not a number"),
        (called(1, "unitary", [[1, 1], [0, 1]], 0), UNITARY),
        (called(1, "unitary", [[1, 0], [0, 1 + 3e-8]], 0), UNITARY),
        (called(1, "unitary", [[1, 0], [0, float("nan")]], 0), "matrix is not finite"),
        (called(1, "unitary", np.eye(3), 0), "matrix: shape (3, 3) is not (2^n, 2^n)"),
        (called(1, "unitary", np.ones((2, 4)), 0), "matrix: shape (2, 4) is not (2^n, 2^n)"),
        (called(1, "unitary", [["a", "b"], ["c", "d"]], 0), "matrix has dtype <U1, not a complex number's"),
        (called(2, "unitary", np.eye(4), 0), "matrix of 'unitary': expected 4 elements, got 16"),
        (called(2, "unitary", np.eye(4), [0, 0]), "qubits of 'unitary': 0 is named twice"),
        (called(6, "unitary", np.eye(64), range(6)), "qubits of 'unitary' = 6 is outside [1, 5]"),
        (called(2, "measure", [0, 0]), "qubit of 'measure' = 0 is measured already"),
        (called(2, "measure", [2]), "qubit of 'measure' = 2 is outside [0, 1]"),
        (called(2, "measure", [0.5]), "qubits[0] = 0.5 is not an integer"),
        (lambda: Circuit(1).measure().x(0), "gate = 'x' follows a measurement; measure last"),
        (
            lambda: Circuit(1).measure().unitary(np.eye(2), 0),
            "gate = 'unitary' follows a measurement; measure last",
        ),
        (lambda: Circuit(1).measure().inverse(), "a circuit with measurements has no inverse"),
        (
            lambda: Circuit(2).unitary(np.eye(4), [0, 1]).decomposed(),
            "gate = 'unitary' on 2 qubits cannot be decomposed; use gates of the table",
        ),
        (lambda: Circuit(2).compose(Circuit(3)), "other: expected 2 qubits, got 3"),
        (lambda: Circuit(2).compose("h"), "other: str is not a Circuit"),
        (
            lambda: _core.quantum.Circuit(1).add("hadamard", [0]),
            f"gate = 'hadamard' is not one of {', '.join(quantum.GATES)}",
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidArgument, match=f"^{re.escape(message)}$"):
        call()


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.sampled_from(PLAIN), st.integers(-3, 6))
def test_a_refused_gate_leaves_the_circuit_alone(name, wrong):
    circuit = Circuit(3).h(0)
    before = circuit.copy()
    spec = quantum.GATES[name]
    qubits = (wrong, *range(1, spec.n_qubits))
    try:
        getattr(circuit, name)(*[PHI] * spec.n_angles, *qubits)
    except InvalidArgument:
        assert circuit == before
        assert circuit.parameters == ()
    else:
        assert 0 <= wrong < 3
        assert len(circuit.instructions) == 2
