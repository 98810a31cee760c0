"""Circuits from Qiskit and back: every gate, symbols, definitions, measurements, refusals."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.circuit import Gate, Parameter, ParameterVector
from qiskit.circuit import library as gates
from qiskit.quantum_info import Clifford, Operator, Statevector, random_unitary

from nonideal import InvalidArgument, _core
from nonideal.hardware import quantum
from nonideal.hardware.quantum import interop
from nonideal.hardware.quantum.interop.conversion import convert
from oracles import aer

ADVICE = "qiskit.transpile(circuit, basis_gates=['u', 'cx']), or to an interop.Backend, rewrites it"


DELAY_ADVICE = "remove it, or put an 'id' with a channel of its own in its place"


def same_unitary(a: QuantumCircuit, b: QuantumCircuit) -> bool:
    return Operator(a).equiv(Operator(b), atol=1e-12)


def refusal(text: str) -> str:
    return f"^{re.escape(text)}$"


@pytest.mark.parametrize("name", aer.GATES)
def test_matrices_are_qiskits(name):
    kind = gates.get_standard_gate_name_mapping()[name]
    angles = [0.3, -1.1, 2.7][: len(kind.params)]
    np.testing.assert_allclose(
        _core.quantum.gate_matrix(name, angles), kind.base_class(*angles).to_matrix(), atol=1e-15
    )


def test_every_gate_of_the_table_is_tried():
    assert set(quantum.GATES) == {*aer.GATES, "unitary", "barrier"}


@pytest.mark.parametrize("seed", range(40))
def test_there_and_back_again(seed):
    rng = np.random.default_rng(seed)
    circuit = aer.random_circuit(rng, int(rng.integers(1, 5)), 30)
    ours = quantum.Circuit.from_qiskit(circuit)
    back = ours.to_qiskit()
    assert same_unitary(circuit, back)
    assert quantum.Circuit.from_qiskit(back) == ours
    assert [item.operation.name for item in circuit.data] == [each.name for each in ours.instructions]


def test_native_circuits_come_back_as_they_were():
    a, b = quantum.Parameter("a"), quantum.Parameter("b[0]")
    circuit = (
        quantum.Circuit(3)
        .rx(a, 2)
        .u(0.5 * b, a - 1.0, -2 * b + 3.0, 0)
        .barrier()
        .cp(-b, 0, 1)
        .measure([2, 0])
    )
    assert quantum.Circuit.from_qiskit(circuit.to_qiskit()) == circuit
    (register,) = circuit.to_qiskit().cregs
    assert (register.name, register.size) == ("meas", 2)


OTHER_GATES = [
    gates.CCZGate(),
    gates.CUGate(1, 2, 3, 4),
    gates.RGate(0.1, 0.2),
    gates.CXGate(ctrl_state=0),
    gates.CCXGate(ctrl_state=2),
    gates.MCXGate(3),
    gates.QFTGate(3),
    gates.PauliGate("XYZ"),
    gates.DiagonalGate([1, -1, 1j, -1j]),
    gates.StatePreparation([0.6, 0, 0, 0.8j]),
    gates.Initialize([0.6, 0, 0, 0.8j]),
    gates.UnitaryGate(random_unitary(64, seed=3)),
    gates.iSwapGate().inverse(),
    gates.CSXGate().inverse(),
    gates.PermutationGate([1, 0]),
    Clifford(QuantumCircuit(2)),
]


@pytest.mark.parametrize("gate", OTHER_GATES, ids=lambda gate: getattr(gate, "name", "clifford"))
def test_other_gates_are_refused_by_name_and_the_advice_helps(gate):
    """Qiskit's definition of a gate has noise on each of its pieces, where Aer's noise goes by its name."""
    circuit = QuantumCircuit(gate.num_qubits)
    circuit.append(gate, range(gate.num_qubits)[::-1])
    name = circuit.data[0].operation.name
    with pytest.raises(InvalidArgument, match=refusal(f"circuit: {name!r} is not supported; {ADVICE}")):
        quantum.Circuit.from_qiskit(circuit)
    backend = interop.Backend(quantum.Simulator(quantum.NoiseModel.depolarizing(0.01, 0.02)))
    for options in ({"basis_gates": ["u", "cx"]}, {"backend": backend}):
        rewritten = transpile(circuit, **options, optimization_level=0)
        found = quantum.Simulator().statevector(rewritten)
        plain = circuit.decompose("initialize")
        plain.data = [item for item in plain.data if item.operation.name != "reset"]
        expected = np.asarray(Statevector(plain))
        assert abs(np.vdot(expected, found)) == pytest.approx(1.0, abs=1e-12)


def test_labels_are_dropped():
    circuit = QuantumCircuit(1)
    circuit.append(gates.XGate(label="named"), [0])
    assert str(quantum.Circuit.from_qiskit(circuit)) == "x 0"


def test_circuits_within_circuits_are_refused():
    inner = QuantumCircuit(2, name="inner")
    inner.cx(0, 1)
    outer = QuantumCircuit(3)
    outer.append(inner.to_instruction(), [2, 0])
    with pytest.raises(InvalidArgument, match=refusal(f"circuit: 'inner' is not supported; {ADVICE}")):
        quantum.Circuit.from_qiskit(outer)
    assert str(quantum.Circuit.from_qiskit(outer.decompose())) == "cx 2 0"


def test_a_users_gate_is_known_by_its_class_and_not_by_its_name():
    mine = Gate("h", 1, [])
    mine.definition = QuantumCircuit(1)
    mine.definition.x(0)
    circuit = QuantumCircuit(1)
    circuit.append(mine, [0])
    text = "circuit: a 'h' that is not Qiskit's own is not supported; "
    text += "circuit.decompose() replaces it by its definition"
    with pytest.raises(InvalidArgument, match=refusal(text)):
        quantum.Circuit.from_qiskit(circuit)
    assert str(quantum.Circuit.from_qiskit(circuit.decompose())) == "x 0"


def test_resets_of_new_qubits_do_nothing():
    circuit = QuantumCircuit(2)
    circuit.h(1)
    circuit.barrier()
    circuit.reset(0)
    circuit.reset(0)
    circuit.x(0)
    assert str(quantum.Circuit.from_qiskit(circuit)) == "h 1\nbarrier\nx 0"
    circuit.reset(0)
    text = "circuit: 'reset' follows a gate on qubit 0; only resets before a qubit's first gate are supported"
    with pytest.raises(InvalidArgument, match=refusal(text)):
        quantum.Circuit.from_qiskit(circuit)


def test_the_global_phase_is_dropped():
    circuit = QuantumCircuit(1, global_phase=0.7)
    circuit.h(0)
    circuit.append(gates.GlobalPhaseGate(0.3), [])
    assert str(quantum.Circuit.from_qiskit(circuit)) == "h 0"


# ---- symbols ----


def test_linear_angles_stay_symbols():
    theta, vector = Parameter("theta"), ParameterVector("v", 2)
    circuit = QuantumCircuit(2)
    circuit.rx(vector[1] / 2 - 3, 0)
    circuit.ry(2 * (theta + 1) - theta, 1)
    circuit.u(-theta, vector[0], 0.25, 0)
    circuit.rz((theta + 1).bind({theta: 0.5}), 0)
    circuit.rz(theta - theta, 1)
    converted = quantum.Circuit.from_qiskit(circuit)
    assert [parameter.name for parameter in converted.parameters] == ["v[1]", "theta", "v[0]"]
    t, v0, v1 = (quantum.Parameter(name) for name in ("theta", "v[0]", "v[1]"))
    expected = (
        quantum.Circuit(2).rx(0.5 * v1 - 3.0, 0).ry(t + 2.0, 1).u(-t, v0, 0.25, 0).rz(1.5, 0).rz(0 * t, 1)
    )
    assert converted == expected


def test_symbols_of_gates_on_two_qubits():
    theta = Parameter("theta")
    circuit = QuantumCircuit(2)
    circuit.crx(theta, 0, 1)
    circuit.rzz(2 * theta, 0, 1)
    converted = quantum.Circuit.from_qiskit(circuit)
    assert str(converted) == "crx(theta) 0 1\nrzz(2*theta) 0 1"
    assert same_unitary(
        circuit.assign_parameters({theta: 0.37}),
        converted.to_qiskit().assign_parameters({"theta": 0.37}),
    )


def test_symbols_of_the_global_phase_are_dropped():
    theta, phi = Parameter("theta"), Parameter("phi")
    circuit = QuantumCircuit(1, global_phase=theta)
    circuit.append(gates.GlobalPhaseGate(2 * phi), [])
    circuit.ry(0.3, 0)
    assert quantum.Circuit.from_qiskit(circuit) == quantum.Circuit(1).ry(0.3, 0)


@pytest.mark.parametrize(
    "angle",
    [
        lambda t, v: t * t,
        lambda t, v: t**2,
        lambda t, v: t.sin(),
        lambda t, v: abs(t),
        lambda t, v: t.sign(),
        lambda t, v: t + v,
        lambda t, v: t * v,
        lambda t, v: 1j * t,
        lambda t, v: t * t / t,
        lambda t, v: 1 / t,
    ],
)
def test_other_angles_are_refused(angle):
    value = angle(Parameter("t"), Parameter("v"))
    circuit = QuantumCircuit(1)
    circuit.rz(value, 0)
    text = f"circuit: the angle {value} of 'rz' is not linear in one parameter"
    with pytest.raises(InvalidArgument, match=refusal(text)):
        quantum.Circuit.from_qiskit(circuit)


# ---- measurements ----


def test_measurements_are_in_the_order_of_classical_bits():
    a, b = ClassicalRegister(2, "a"), ClassicalRegister(3, "b")
    circuit = QuantumCircuit(QuantumRegister(3), a, b)
    circuit.h(0)
    circuit.measure(0, b[1])
    circuit.x(1)  # another qubit's gate may follow
    circuit.barrier()
    circuit.measure(1, a[1])
    circuit.measure(2, b[2])
    conversion = convert(circuit)
    assert conversion.clbits == (1, 3, 4)
    assert conversion.circuit.measured == (1, 0, 2)
    assert quantum.Circuit.from_qiskit(circuit) == conversion.circuit


def test_a_circuit_without_measurements_has_none():
    assert quantum.Circuit.from_qiskit(QuantumCircuit(2, 2)).measured == ()


# ---- refusals ----


def with_if(circuit: QuantumCircuit) -> None:
    circuit.measure(0, 0)
    with circuit.if_test((0, 1)):
        circuit.x(1)


def gate_after_measurement(circuit: QuantumCircuit) -> None:
    circuit.measure(1, 0)
    circuit.cx(0, 1)


def measured_twice(circuit: QuantumCircuit) -> None:
    circuit.measure(1, 0)
    circuit.measure(1, 1)


def bit_written_twice(circuit: QuantumCircuit) -> None:
    circuit.measure(0, 1)
    circuit.measure(1, 1)


def hidden_measurement(circuit: QuantumCircuit) -> None:
    inner = QuantumCircuit(1, 1, name="inner")
    inner.measure(0, 0)
    circuit.append(inner.to_instruction(), [0], [0])


def nameless(circuit: QuantumCircuit) -> None:
    circuit.append(Gate("mystery", 2, []), [0, 1])


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (
            with_if,
            "circuit: control flow ('if_else') is not supported",
        ),
        (
            gate_after_measurement,
            "circuit: 'cx' follows the measurement of qubit 1; only final measurements are supported",
        ),
        (
            measured_twice,
            "circuit: 'measure' follows the measurement of qubit 1; only final measurements are supported",
        ),
        (bit_written_twice, "circuit: two measurements write classical bit 1"),
        (hidden_measurement, f"circuit: 'inner' is not supported; {ADVICE}"),
        (nameless, f"circuit: 'mystery' is not supported; {ADVICE}"),
        (
            lambda c: c.delay(100, 0),
            f"circuit: 'delay' is not supported; {DELAY_ADVICE}",
        ),
        (lambda c: c.rz(math.nan, 0), "angle of 'rz' = nan is not finite"),
    ],
)
def test_what_has_no_counterpart_is_refused(build, text):
    circuit = QuantumCircuit(2, 2)
    build(circuit)
    with pytest.raises(InvalidArgument, match=refusal(text)):
        quantum.Circuit.from_qiskit(circuit)


def test_other_things_are_refused():
    with pytest.raises(InvalidArgument, match=refusal("circuit: str is not a qiskit.QuantumCircuit")):
        interop.circuit_from_qiskit("h 0")
    with pytest.raises(InvalidArgument, match=refusal("n_qubits = 0 is outside [1, 62]")):
        interop.circuit_from_qiskit(QuantumCircuit())


def test_save_instructions_are_refused():
    circuit = QuantumCircuit(1)
    circuit.save_density_matrix()
    text = "circuit: 'save_density_matrix' is not supported"
    with pytest.raises(InvalidArgument, match=refusal(text)):
        quantum.Circuit.from_qiskit(circuit)
