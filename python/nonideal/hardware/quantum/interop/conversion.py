"""Circuits from Qiskit, and back to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nonideal import _core
from nonideal.errors import InvalidArgument, MissingExtra
from nonideal.hardware.quantum.circuit import GATES, Circuit, Instruction
from nonideal.hardware.quantum.parameter import Angle, LinearExpression, Parameter

try:
    from qiskit import ClassicalRegister, QuantumCircuit
    from qiskit.circuit import ControlFlowOp, Gate, ParameterExpression
    from qiskit.circuit import Instruction as QiskitInstruction
    from qiskit.circuit import Parameter as Symbol
    from qiskit.circuit.library import GlobalPhaseGate, UnitaryGate, get_standard_gate_name_mapping
except ImportError:
    raise MissingExtra("qiskit", "quantum") from None

__all__ = ["Conversion", "circuit_from_qiskit", "circuit_to_qiskit", "convert"]

_ADVICE = "qiskit.transpile(circuit, basis_gates=['u', 'cx']), or to an interop.Backend, rewrites it"

# The gates of both, by name: Qiskit's class of it. A user's own gate may have the name, and mean another.
_STANDARD = {
    name: gate.base_class for name, gate in get_standard_gate_name_mapping().items() if name in GATES
}


@dataclass(frozen=True)
class Conversion:
    """A circuit, and where Qiskit keeps what it measures.

    Parameters
    ----------
    circuit : Circuit
        It measures in the order of the classical bits, lowest first.
    clbits : tuple of int
        The classical bit of each measured qubit.
    """

    circuit: Circuit
    clbits: tuple[int, ...]


def circuit_from_qiskit(circuit: QuantumCircuit) -> Circuit:
    """Return the circuit that a ``qiskit.QuantumCircuit`` describes.

    Qubits keep their order, symbols stay symbols. Nothing is rewritten, since noise goes by a gate's name:
    gates outside `GATES` are refused, and so is what is made of other gates. ``qiskit.transpile`` to
    ``basis_gates`` of the table, or to an `interop.Backend`, rewrites these. Measurements go to the end, in
    the order of their classical bits.

    Dropped, as no measurement can tell: the global phase with its symbols, which qubits a barrier is on, and
    a reset of a qubit that has no gate before it (the initial state has no noise). Dropped, too: labels
    (Aer takes the label of a gate that has one for its name).

    Parameters
    ----------
    circuit : qiskit.QuantumCircuit
        Angles may be numbers or linear in one symbol.

    Raises
    ------
    InvalidArgument
        If it holds what has no counterpart (which is named): another gate, a composite instruction, a delay,
        a reset after a gate, control flow, a measurement that is not the last operation on its qubit, a
        qubit or a classical bit that is measured twice, an angle that is not linear in one symbol.

    Examples
    --------
    >>> import qiskit
    >>> from nonideal.hardware import quantum
    >>> bell = qiskit.QuantumCircuit(2)
    >>> _ = bell.h(0), bell.cx(0, 1), bell.measure_all()
    >>> print(quantum.Circuit.from_qiskit(bell))
    h 0
    cx 0 1
    barrier
    measure 0 1
    """
    return convert(circuit).circuit


def convert(circuit: QuantumCircuit) -> Conversion:
    """Return the circuit and the classical bits of its measurements; see `circuit_from_qiskit`."""
    if not isinstance(circuit, QuantumCircuit):
        raise InvalidArgument(f"circuit: {type(circuit).__name__} is not a qiskit.QuantumCircuit")
    converted = Circuit(circuit.num_qubits)
    measured: dict[int, int] = {}  # classical bit -> qubit
    used: set[int] = set()  # qubits with a gate
    for item in circuit.data:
        qubits = tuple(circuit.find_bit(qubit).index for qubit in item.qubits)
        if item.operation.name == "barrier":
            converted.barrier()
            continue
        for qubit in qubits:
            if qubit in measured.values():
                raise InvalidArgument(
                    f"circuit: {item.operation.name!r} follows the measurement of qubit {qubit}; "
                    "only final measurements are supported"
                )
        if item.operation.name == "measure":
            (clbit,) = (circuit.find_bit(clbit).index for clbit in item.clbits)
            if clbit in measured:
                raise InvalidArgument(f"circuit: two measurements write classical bit {clbit}")
            measured[clbit] = qubits[0]
        elif item.operation.name == "reset":
            if qubits[0] in used:
                raise InvalidArgument(
                    f"circuit: 'reset' follows a gate on qubit {qubits[0]}; "
                    "only resets before a qubit's first gate are supported"
                )
        else:
            used.update(qubits)
            _append(converted, item.operation, qubits)
    clbits = tuple(sorted(measured))
    if clbits:
        converted.measure([measured[clbit] for clbit in clbits])
    return Conversion(converted, clbits)


def circuit_to_qiskit(circuit: Circuit) -> QuantumCircuit:
    """Return the same circuit for Qiskit; measurements go to a register ``meas``, as ``measure_all`` does.

    Examples
    --------
    >>> from nonideal.hardware import quantum
    >>> theta = quantum.Parameter("theta")
    >>> quantum.Circuit(2).rx(0.5 * theta, 0).cx(0, 1).to_qiskit().parameters
    ParameterView([Parameter(theta)])
    """
    if not isinstance(circuit, Circuit):
        raise InvalidArgument(f"circuit: {type(circuit).__name__} is not a Circuit")
    converted = QuantumCircuit(circuit.n_qubits)
    symbols = {parameter: Symbol(parameter.name) for parameter in circuit.parameters}
    for instruction in circuit.instructions:
        if instruction.matrix is not None:
            converted.unitary(instruction.matrix, instruction.qubits)
            continue
        angles = [
            symbols[angle.parameter] * angle.factor + angle.offset
            if isinstance(angle, LinearExpression)
            else angle
            for angle in instruction.angles
        ]
        if instruction.name == "barrier":
            converted.barrier()
        else:
            converted.append(_STANDARD[instruction.name](*angles), instruction.qubits)
    if circuit.measured:
        register = ClassicalRegister(len(circuit.measured), "meas")
        converted.add_register(register)
        converted.measure(circuit.measured, register)
    return converted


def _append(circuit: Circuit, operation: Any, qubits: tuple[int, ...]) -> None:
    """Append a gate of Qiskit."""
    name = operation.name
    if isinstance(operation, ControlFlowOp):
        raise InvalidArgument(f"circuit: control flow ({name!r}) is not supported")
    if isinstance(operation, GlobalPhaseGate):
        return
    if isinstance(operation, UnitaryGate) and len(qubits) <= _core.quantum.MAX_UNITARY_QUBITS:
        circuit.unitary(np.asarray(operation.to_matrix()), qubits)
    elif name in _STANDARD:
        if getattr(operation, "base_class", None) is not _STANDARD[name]:
            raise InvalidArgument(
                f"circuit: a {name!r} that is not Qiskit's own is not supported; "
                "circuit.decompose() replaces it by its definition"
            )
        circuit.append(Instruction(name, qubits, tuple(_angle(name, value) for value in operation.params)))
    else:
        raise InvalidArgument(f"circuit: {name!r} is not supported{_advice(operation)}")


def _advice(operation: Any) -> str:
    """Return what can be done about an operation that is refused; nothing for one such as Aer's `save`."""
    if operation.name == "delay":
        return "; remove it, or put an 'id' with a channel of its own in its place"
    rewritten = not isinstance(operation, QiskitInstruction) or isinstance(operation, Gate)
    return f"; {_ADVICE}" if rewritten or operation.definition is not None else ""


def _angle(gate: str, value: Any) -> Angle:
    """Return an angle as a number, or as an expression that is linear in one parameter."""
    if not isinstance(value, ParameterExpression):
        return float(value)
    try:
        if not value.parameters:
            return float(value)
        (symbol,) = value.parameters
        return float(value.gradient(symbol)) * Parameter(symbol.name) + float(value.bind({symbol: 0.0}))
    except (TypeError, ValueError, ArithmeticError, RuntimeError):  # two symbols, not linear, complex, ...
        raise InvalidArgument(
            f"circuit: the angle {value} of {gate!r} is not linear in one parameter"
        ) from None
