"""Circuits: gates on qubits, with angles that may wait for their values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nonideal import _core
from nonideal.checks import check_choice, check_int32, check_iterable, check_number
from nonideal.errors import InvalidArgument
from nonideal.hardware.quantum.channel import complex_matrix
from nonideal.hardware.quantum.parameter import Angle, LinearExpression, Parameter, check_angle
from nonideal.seeds import resolve_seed

__all__ = ["GATES", "Circuit", "GateSpec", "Instruction", "as_circuit"]


@dataclass(frozen=True)
class GateSpec:
    """A gate of the table.

    Parameters
    ----------
    name : str
        As in Qiskit.
    n_qubits : int or None
        None for any number (``unitary``, ``barrier``).
    n_angles : int
        Number of angles.
    inverse : str or None
        Name of the inverse gate; None where the inverse takes several gates (``iswap``, ``csx``).
    """

    name: str
    n_qubits: int | None
    n_angles: int
    inverse: str | None


GATES: dict[str, GateSpec] = {
    name: GateSpec(name, n_qubits or None, n_angles, None if rule == "several" else inverse)
    for name, n_qubits, n_angles, inverse, rule in _core.quantum.gate_table()
}


@dataclass(frozen=True, eq=False)
class Instruction:
    """One gate of a circuit.

    Parameters
    ----------
    name : str
        Name of the gate.
    qubits : tuple of int
        In the gate's order; empty for a barrier, which is on all qubits.
    angles : tuple of float or LinearExpression
        radian.
    matrix : (2^k, 2^k) complex128 or None
        That of a ``unitary``; the first qubit is the lowest bit of its index.
    """

    name: str
    qubits: tuple[int, ...]
    angles: tuple[Angle, ...] = ()
    matrix: npt.NDArray[np.complex128] | None = None

    def __str__(self) -> str:
        angles = f"({', '.join(_number(angle) for angle in self.angles)})" if self.angles else ""
        return " ".join([self.name + angles, *map(str, self.qubits)])


class Circuit:
    """A list of gates on qubits that all start in 0; every method that adds something returns ``self``.

    Names, order of arguments and matrices of the gates are Qiskit's. Qubit 0 is the least significant one.
    Angles are in radian: numbers, or linear expressions of one `Parameter` each.

    Parameters
    ----------
    n_qubits : int
        In [1, 62].

    Raises
    ------
    InvalidArgument
        By every method: if a qubit is out of range or named twice in a gate, an angle is not finite, a
        matrix is not unitary, or a gate follows a measurement.

    Examples
    --------
    >>> from nonideal.hardware import quantum
    >>> theta = quantum.Parameter("theta")
    >>> circuit = quantum.Circuit(2).ry(theta, 0).cx(0, 1).rz(0.5 * theta, 1)
    >>> circuit
    <Circuit: 2 qubits, 3 gates, depth 3, parameters theta>
    >>> print(circuit)
    ry(theta) 0
    cx 0 1
    rz(0.5*theta) 1
    >>> circuit.gate_counts
    {'ry': 1, 'rz': 1, 'cx': 1}
    """

    _native: _core.quantum.Circuit
    _parameters: tuple[Parameter, ...]

    def __init__(self, n_qubits: int) -> None:
        self._native = _core.quantum.Circuit(check_int32("n_qubits", n_qubits))
        self._parameters = ()

    @classmethod
    def _wrap(cls, native: _core.quantum.Circuit, parameters: tuple[Parameter, ...] = ()) -> Circuit:
        circuit = cls.__new__(cls)
        circuit._native = native
        circuit._parameters = parameters
        return circuit

    # ---- gates on one qubit ----

    def id(self, qubit: int) -> Circuit:
        """Append the gate that does nothing, but may be noisy."""
        return self._add("id", (qubit,))

    def x(self, qubit: int) -> Circuit:
        """Append Pauli's X."""
        return self._add("x", (qubit,))

    def y(self, qubit: int) -> Circuit:
        """Append Pauli's Y."""
        return self._add("y", (qubit,))

    def z(self, qubit: int) -> Circuit:
        """Append Pauli's Z."""
        return self._add("z", (qubit,))

    def h(self, qubit: int) -> Circuit:
        """Append a Hadamard gate."""
        return self._add("h", (qubit,))

    def s(self, qubit: int) -> Circuit:
        """Append S, the square root of Z."""
        return self._add("s", (qubit,))

    def sdg(self, qubit: int) -> Circuit:
        """Append the inverse of S."""
        return self._add("sdg", (qubit,))

    def t(self, qubit: int) -> Circuit:
        """Append T, the square root of S."""
        return self._add("t", (qubit,))

    def tdg(self, qubit: int) -> Circuit:
        """Append the inverse of T."""
        return self._add("tdg", (qubit,))

    def sx(self, qubit: int) -> Circuit:
        """Append the square root of X."""
        return self._add("sx", (qubit,))

    def sxdg(self, qubit: int) -> Circuit:
        """Append the inverse of the square root of X."""
        return self._add("sxdg", (qubit,))

    def rx(self, angle: Angle, qubit: int) -> Circuit:
        """Append exp(-i angle X / 2)."""
        return self._add("rx", (qubit,), (angle,))

    def ry(self, angle: Angle, qubit: int) -> Circuit:
        """Append exp(-i angle Y / 2)."""
        return self._add("ry", (qubit,), (angle,))

    def rz(self, angle: Angle, qubit: int) -> Circuit:
        """Append exp(-i angle Z / 2)."""
        return self._add("rz", (qubit,), (angle,))

    def p(self, angle: Angle, qubit: int) -> Circuit:
        """Append the phase exp(i angle) on 1."""
        return self._add("p", (qubit,), (angle,))

    def u(self, theta: Angle, phi: Angle, lam: Angle, qubit: int) -> Circuit:
        """Append any rotation: exp(i (phi + lam) / 2) rz(phi) ry(theta) rz(lam), the last factor first."""
        return self._add("u", (qubit,), (theta, phi, lam))

    def u1(self, lam: Angle, qubit: int) -> Circuit:
        """Append the gate p by its older name, which noise may go by."""
        return self._add("u1", (qubit,), (lam,))

    def u2(self, phi: Angle, lam: Angle, qubit: int) -> Circuit:
        """Append u(pi / 2, phi, lam)."""
        return self._add("u2", (qubit,), (phi, lam))

    def u3(self, theta: Angle, phi: Angle, lam: Angle, qubit: int) -> Circuit:
        """Append the gate u by its older name, which noise may go by."""
        return self._add("u3", (qubit,), (theta, phi, lam))

    # ---- gates on two and three qubits ----

    def cx(self, control: int, target: int) -> Circuit:
        """Append X on the target where the control is 1."""
        return self._add("cx", (control, target))

    def cy(self, control: int, target: int) -> Circuit:
        """Append Y on the target where the control is 1."""
        return self._add("cy", (control, target))

    def cz(self, control: int, target: int) -> Circuit:
        """Append Z on the target where the control is 1."""
        return self._add("cz", (control, target))

    def ch(self, control: int, target: int) -> Circuit:
        """Append a Hadamard gate on the target where the control is 1."""
        return self._add("ch", (control, target))

    def csx(self, control: int, target: int) -> Circuit:
        """Append the square root of X on the target where the control is 1."""
        return self._add("csx", (control, target))

    def cp(self, angle: Angle, control: int, target: int) -> Circuit:
        """Append the phase exp(i angle) where both qubits are 1."""
        return self._add("cp", (control, target), (angle,))

    def crx(self, angle: Angle, control: int, target: int) -> Circuit:
        """Append exp(-i angle X / 2) on the target where the control is 1."""
        return self._add("crx", (control, target), (angle,))

    def cry(self, angle: Angle, control: int, target: int) -> Circuit:
        """Append exp(-i angle Y / 2) on the target where the control is 1."""
        return self._add("cry", (control, target), (angle,))

    def crz(self, angle: Angle, control: int, target: int) -> Circuit:
        """Append exp(-i angle Z / 2) on the target where the control is 1."""
        return self._add("crz", (control, target), (angle,))

    def rxx(self, angle: Angle, a: int, b: int) -> Circuit:
        """Append exp(-i angle X X / 2)."""
        return self._add("rxx", (a, b), (angle,))

    def ryy(self, angle: Angle, a: int, b: int) -> Circuit:
        """Append exp(-i angle Y Y / 2)."""
        return self._add("ryy", (a, b), (angle,))

    def rzz(self, angle: Angle, a: int, b: int) -> Circuit:
        """Append exp(-i angle Z Z / 2)."""
        return self._add("rzz", (a, b), (angle,))

    def rzx(self, angle: Angle, a: int, b: int) -> Circuit:
        """Append exp(-i angle Z X / 2), Z on ``a`` and X on ``b``."""
        return self._add("rzx", (a, b), (angle,))

    def swap(self, a: int, b: int) -> Circuit:
        """Append the exchange of two qubits."""
        return self._add("swap", (a, b))

    def iswap(self, a: int, b: int) -> Circuit:
        """Append the exchange of two qubits, with the phase i where they differ."""
        return self._add("iswap", (a, b))

    def ecr(self, a: int, b: int) -> Circuit:
        """Append the echoed cross resonance: rzx(pi / 4), X on ``a``, rzx(-pi / 4)."""
        return self._add("ecr", (a, b))

    def ccx(self, a: int, b: int, target: int) -> Circuit:
        """Append X on the target where both controls are 1."""
        return self._add("ccx", (a, b, target))

    def cswap(self, control: int, a: int, b: int) -> Circuit:
        """Append the exchange of two qubits where the control is 1."""
        return self._add("cswap", (control, a, b))

    # ---- the rest ----

    def unitary(self, matrix: npt.ArrayLike, qubits: int | Sequence[int]) -> Circuit:
        """Append a unitary matrix, (2^k, 2^k), on k <= 5 qubits; the first is the lowest bit of its index.

        Raises
        ------
        InvalidArgument
            If the matrix is not unitary to 1e-8 or does not fit the qubits.

        Examples
        --------
        >>> import numpy as np
        >>> from nonideal.hardware import quantum
        >>> print(quantum.Circuit(2).unitary(np.eye(4)[[0, 1, 3, 2]], [1, 0]))
        unitary 1 0
        """
        self._native.unitary(complex_matrix("matrix", matrix), _qubits("qubits", qubits))
        return self

    def barrier(self) -> Circuit:
        """Append a barrier on all qubits: it does nothing, is noiseless and is not folded."""
        self._native.add("barrier", [])
        return self

    def measure(self, qubits: int | Sequence[int] | None = None) -> Circuit:
        """Measure these qubits (None: all, in order) at the end; the first gives the least significant bit.

        A circuit without a measurement is measured on all qubits by whatever samples it.
        """
        self._native.measure(range(self.n_qubits) if qubits is None else _qubits("qubits", qubits))
        return self

    def compose(self, other: Circuit) -> Circuit:
        """Append another circuit of the same size; parameters of one name are one parameter.

        Examples
        --------
        >>> from nonideal.hardware import quantum
        >>> a, b = quantum.Parameter("a"), quantum.Parameter("b")
        >>> quantum.Circuit(1).rx(a, 0).compose(quantum.Circuit(1).rz(b, 0).rx(a, 0)).parameters
        (a, b)
        """
        if not isinstance(other, Circuit):
            raise InvalidArgument(f"other: {type(other).__name__} is not a Circuit")
        merged = list(dict.fromkeys(self._parameters + other._parameters))
        self._native.compose(other._native, [merged.index(parameter) for parameter in other._parameters])
        self._parameters = tuple(merged)
        return self

    def append(self, instruction: Instruction) -> Circuit:
        """Append a record such as `instructions` holds."""
        if not isinstance(instruction, Instruction):
            raise InvalidArgument(f"instruction: {type(instruction).__name__} is not an Instruction")
        if instruction.matrix is not None:
            return self.unitary(instruction.matrix, instruction.qubits)
        name = check_choice("name", instruction.name, GATES)
        qubits = check_iterable("qubits", instruction.qubits)
        return self._add(name, qubits, check_iterable("angles", instruction.angles))

    # ---- what it is ----

    @property
    def n_qubits(self) -> int:
        """Number of qubits."""
        return self._native.n_qubits

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters in order of first use: what the columns of an array of their values mean."""
        return self._parameters

    @property
    def instructions(self) -> tuple[Instruction, ...]:
        """The gates in order; measurements are in `measured`."""
        return tuple(
            Instruction(name, tuple(qubits), tuple(self._angle(*angle) for angle in angles), matrix)
            for name, qubits, angles, matrix in self._native.instructions()
        )

    @property
    def measured(self) -> tuple[int, ...]:
        """The measured qubits, least significant first; empty where nothing is measured."""
        return tuple(self._native.measured)

    @property
    def gate_counts(self) -> dict[str, int]:
        """How many gates of each name the circuit has, without barriers and measurements."""
        names = [name for name, *_ in self._native.instructions()]
        return {name: names.count(name) for name in GATES if name in names and name != "barrier"}

    @property
    def depth(self) -> int:
        """Gates on the longest path through the circuit."""
        return self._native.depth()

    def copy(self) -> Circuit:
        """Return a circuit of its own with the same gates."""
        return self._wrap(_core.quantum.Circuit(self._native), self._parameters)

    def inverse(self) -> Circuit:
        """Return the circuit backwards with every gate inverted; `parameters` keeps its order.

        The inverses of two gates take several: z, iswap, z for ``iswap``; z, csx, z and sdg for ``csx``.

        Raises
        ------
        InvalidArgument
            If the circuit measures.

        Examples
        --------
        >>> from nonideal.hardware import quantum
        >>> print(quantum.Circuit(1).h(0).u(0.1, 0.2, 0.3, 0).inverse())
        u(-0.1, -0.3, -0.2) 0
        h 0
        """
        return self._wrap(self._native.inverse(), self._parameters)

    def decomposed(self) -> Circuit:
        """Return the same circuit, up to a global phase, in gates on one qubit and cx.

        Raises
        ------
        InvalidArgument
            If it holds a ``unitary`` on more than one qubit.

        Examples
        --------
        >>> from nonideal.hardware import quantum
        >>> quantum.Circuit(3).ccx(0, 1, 2).decomposed().gate_counts
        {'h': 2, 't': 4, 'tdg': 3, 'cx': 6}
        """
        return self._wrap(self._native.decomposed(), self._parameters)

    def folded(
        self,
        scale: float,
        fold: str = "gate",
        seed: int | None = None,
        fold_gates: Iterable[str] | None = None,
    ) -> Circuit:
        """Return the circuit with gates and their inverses added: noise acts ``scale`` times as often.

        Parameters
        ----------
        scale : float
            >= 1. What is realised is 1 + 2 f / N, f the whole number nearest to (scale - 1) N / 2 and N the
            number of gates: ``scale`` itself for odd whole numbers, less than 1 / N off otherwise.
        fold : {"gate", "global"}
            G -> G (G^-1 G)^k, gate by gate, or the whole circuit likewise. What does not go round goes to a
            random subset of the gates, or to the last ones.
        seed : int or None
            Of the subset; None draws one.
        fold_gates : names of gates, or None
            Fold these alone, with ``fold="gate"``; N counts them.

        Raises
        ------
        InvalidArgument
            If ``scale`` is below 1, or no gate may be folded.

        Examples
        --------
        >>> from nonideal.hardware import quantum
        >>> print(quantum.Circuit(2).t(0).cx(0, 1).folded(3))
        t 0
        tdg 0
        t 0
        cx 0 1
        cx 0 1
        cx 0 1
        >>> print(quantum.Circuit(2).t(0).cx(0, 1).folded(2, "global"))
        t 0
        cx 0 1
        cx 0 1
        cx 0 1
        """
        names = () if fold_gates is None else check_iterable("fold_gates", fold_gates)
        only = [fold_gates] if isinstance(fold_gates, str) else list(names)
        native = _core.quantum.folded(
            self._native,
            check_number("scale", scale),
            check_choice("fold", fold, _core.quantum.FOLDS),
            resolve_seed(seed),
            [check_choice("fold_gates", name, GATES) for name in only],
        )
        return self._wrap(native, self._parameters)

    @staticmethod
    def from_qiskit(circuit: Any) -> Circuit:
        """Return the circuit that a ``qiskit.QuantumCircuit`` describes; parameters stay parameters.

        Gate by gate, as noise goes by a gate's name: ``qiskit.transpile`` rewrites what is refused.

        Raises
        ------
        InvalidArgument
            If it holds what has no counterpart here (which is named): a gate outside `GATES`, a composite
            instruction, a delay, a reset after a gate, control flow, measurements before the end, or an
            angle that is not linear in one parameter.
        MissingExtra
            If qiskit is not installed.
        """
        from nonideal.hardware.quantum.interop.conversion import circuit_from_qiskit

        converted: Circuit = circuit_from_qiskit(circuit)
        return converted

    def to_qiskit(self) -> Any:
        """Return the same circuit as a ``qiskit.QuantumCircuit``.

        Raises
        ------
        MissingExtra
            If qiskit is not installed.
        """
        from nonideal.hardware.quantum.interop.conversion import circuit_to_qiskit

        return circuit_to_qiskit(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Circuit):
            return NotImplemented
        return self._state() == other._state()

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        words = [
            _plural(self.n_qubits, "qubit"),
            _plural(sum(self.gate_counts.values()), "gate"),
            f"depth {self.depth}",
        ]
        if self._parameters:
            names = [parameter.name for parameter in self._parameters]
            shown = names if len(names) <= 6 else [*names[:3], "...", names[-1]]
            words.append(f"parameters {' '.join(shown)}")
        if self.measured:
            words.append(f"measures {' '.join(map(str, self.measured))}")
        return f"<Circuit: {', '.join(words)}>"

    def __str__(self) -> str:
        lines = [str(instruction) for instruction in self.instructions]
        if self.measured:
            lines.append(" ".join(["measure", *map(str, self.measured)]))
        return "\n".join(lines)

    def __reduce__(self) -> tuple[Any, ...]:
        names = tuple(parameter.name for parameter in self._parameters)
        return _restore, (self.n_qubits, self._native.instructions(), list(self.measured), names)

    def _state(self) -> tuple[Any, ...]:
        instructions = [
            (name, qubits, angles, None if matrix is None else matrix.tobytes())
            for name, qubits, angles, matrix in self._native.instructions()
        ]
        return self.n_qubits, instructions, self.measured, self._parameters

    def _add(self, name: str, qubits: Iterable[int], angles: Iterable[Angle] = ()) -> Circuit:
        on = [check_int32(f"qubit of '{name}'", qubit) for qubit in qubits]
        parameters = self._parameters
        arguments: list[float | tuple[int, float, float]] = []
        for value in angles:
            angle = check_angle(f"angle of '{name}'", value)
            if isinstance(angle, LinearExpression):
                if angle.parameter not in parameters:
                    parameters += (angle.parameter,)
                arguments.append((parameters.index(angle.parameter), angle.factor, angle.offset))
            else:
                arguments.append(angle)
        self._native.add(name, on, arguments)
        self._parameters = parameters
        return self

    def _angle(self, index: int, factor: float, offset: float) -> Angle:
        return offset if index < 0 else factor * self._parameters[index] + offset


def as_circuit(circuit: Any) -> Circuit:
    """Return a `Circuit`, or what a ``qiskit.QuantumCircuit`` converts to."""
    if isinstance(circuit, Circuit):
        return circuit
    if any(kind.__module__.split(".")[0] == "qiskit" for kind in type(circuit).__mro__):
        return Circuit.from_qiskit(circuit)
    raise InvalidArgument(f"circuit: {type(circuit).__name__} is not a Circuit")


def _restore(n_qubits: int, instructions: list[Any], measured: list[int], names: tuple[str, ...]) -> Circuit:
    circuit = Circuit._wrap(_core.quantum.Circuit(n_qubits), tuple(map(Parameter, names)))
    for name, qubits, angles, matrix in instructions:
        if matrix is None:
            circuit._native.add(name, qubits, angles)
        else:
            circuit._native.unitary(matrix, qubits)
    circuit._native.measure(measured)
    return circuit


def _qubits(name: str, qubits: Any) -> list[int]:
    if not isinstance(qubits, Iterable):
        return [check_int32(name, qubits)]
    return [check_int32(f"{name}[{i}]", qubit) for i, qubit in enumerate(check_iterable(name, qubits))]


def _number(angle: Angle) -> str:
    return str(angle) if isinstance(angle, LinearExpression) else f"{angle:.6g}"


def _plural(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
