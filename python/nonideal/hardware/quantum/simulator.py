"""The simulator: states, probabilities, expectations and samples of circuits, noisy or not, one or many."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt

from nonideal import _core
from nonideal.checks import (
    check_choice,
    check_finite,
    check_int32,
    check_integer,
    check_iterable,
    check_memory,
    check_threads,
)
from nonideal.errors import InvalidArgument
from nonideal.estimate import Estimate
from nonideal.hardware.quantum.circuit import Circuit, as_circuit
from nonideal.hardware.quantum.counts import Counts
from nonideal.hardware.quantum.noise import NoiseModel, check_noise
from nonideal.hardware.quantum.observable import Observable, parse_observable
from nonideal.hardware.quantum.readout import read_probabilities, read_term
from nonideal.seeds import resolve_seed

__all__ = ["METHODS", "PRECISIONS", "Method", "Precision", "Simulator", "check_simulator"]

FloatArray = npt.NDArray[np.float64]
ComplexArray = npt.NDArray[np.complexfloating[Any, Any]]
Pauli = tuple[int, int]

Method = Literal["automatic", "statevector", "density_matrix", "trajectories"]
METHODS: tuple[Method, ...] = ("automatic", "statevector", "density_matrix", "trajectories")
Precision = Literal["double", "single"]
PRECISIONS: tuple[Precision, ...] = ("double", "single")

_DENSITY_QUBITS = 12  # above them 4^n numbers (134 MB at 12) cost more than sampling trajectories
_PROGRAM_QUBITS = 8  # a joint distribution of more qubits is read off the state, not off 2^k expectations
_MAX_INSTRUCTIONS = 20_000  # of a compiled program; finding out takes up to 0.3 s
_BLOCK = 1 << 22  # numbers of a table of probabilities that exist at the same time while sampling


class Simulator:
    """Runs circuits on qubits that all start in 0.

    Every method takes a `Circuit` or a ``qiskit.QuantumCircuit``. With ``parameters``, float64 of shape
    (n_circuits, n_parameters), the circuit is a template: one call runs all circuits, and the results have a
    leading axis n_circuits. The columns follow ``circuit.parameters``.

    Parameters
    ----------
    noise : NoiseModel or None
        Channels act after gates, readout errors on what is measured. The model is taken as it is now.
    method : str
        ``"statevector"`` (refuses noisy gates), ``"density_matrix"`` (exact), ``"trajectories"`` (each shot
        is a random run of its own; for noisy circuits too large for a density matrix), or ``"automatic"``:
        the state vector of noiseless circuits, else the density matrix up to 12 qubits, else trajectories;
        but compiled programs for templates and small circuits, where they stay short.
    precision : str
        ``"double"``, or ``"single"`` for states in 32-bit floats (probabilities to about 1e-6). Compiled
        batches are always double.
    seed : int or None
        In [0, 2^64); None draws one, which `seed` reports.
    num_threads : int or None
        Results don't depend on it.

    Raises
    ------
    InvalidArgument
        If an argument is not one of these, or ``method="statevector"`` meets noisy gates. By every method:
        if the parameters are not finite or do not fit the circuit, a noise model does not know a gate, or a
        state does not fit into memory.

    Notes
    -----
    Sampled results are a function of the arguments, the seed, ``stream`` and ``offset + i`` alone, i being
    the index of the circuit: ``offset`` is the position of the first circuit in a larger job, and another
    ``stream`` gives fresh random numbers. They don't depend on the number of threads, on the instruction set
    or on how a job is cut.

    Examples
    --------
    >>> import numpy as np
    >>> from nonideal.hardware import quantum
    >>> noise = quantum.NoiseModel.depolarizing(p1=1e-3, p2=1e-2)
    >>> bell = quantum.Circuit(2).h(0).cx(0, 1)
    >>> sim = quantum.Simulator(noise=noise, seed=7)
    >>> sim.probabilities(bell).round(4)
    array([0.4975, 0.0025, 0.0025, 0.4975])
    >>> sum(sim.sample(bell, shots=1000).values())
    1000
    >>> theta = quantum.Parameter("theta")
    >>> template = quantum.Circuit(2).ry(theta, 0).cx(0, 1).rz(0.5 * theta, 1)
    >>> sim.probabilities(template, qubits=[1], parameters=np.linspace(0, np.pi, 3)[:, None]).round(3)
    array([[0.994, 0.006],
           [0.5  , 0.5  ],
           [0.006, 0.994]])
    """

    def __init__(
        self,
        noise: NoiseModel | None = None,
        method: Method = "automatic",
        precision: Precision = "double",
        seed: int | None = None,
        num_threads: int | None = None,
    ) -> None:
        self._noise = check_noise("noise", noise).copy()
        self._method = check_choice("method", method, METHODS)
        self._precision = check_choice("precision", precision, PRECISIONS)
        self._seed = resolve_seed(seed)
        self._threads = check_threads(num_threads)
        self._num_threads = num_threads
        if method == "statevector" and self._noise.has_channels:
            raise InvalidArgument(
                "noise: method = 'statevector' has no noisy gates; choose density_matrix or trajectories"
            )

    @property
    def noise(self) -> NoiseModel:
        """A copy of the noise model."""
        return self._noise.copy()

    @property
    def method(self) -> Method:
        """How circuits are run."""
        return self._method

    @property
    def precision(self) -> Precision:
        """Precision of states."""
        return self._precision

    @property
    def seed(self) -> int:
        """The seed."""
        return self._seed

    @property
    def num_threads(self) -> int | None:
        """The number of threads, None for the default."""
        return self._num_threads

    def with_noise(self, noise: NoiseModel | None) -> Simulator:
        """Return a simulator that differs in its noise alone."""
        return Simulator(noise, self._method, self._precision, self._seed, self._num_threads)

    def __repr__(self) -> str:
        return f"<Simulator: {self._noise!r}, {self._method}, {self._precision}, seed {self._seed}>"

    # ---- states ----

    def statevector(self, circuit: Circuit | Any, parameters: npt.ArrayLike | None = None) -> ComplexArray:
        """Return the amplitudes at the end, (2^n,) complex128 or complex64; measurements are left out.

        Raises
        ------
        InvalidArgument
            If gates are noisy: there is no state vector then.

        Examples
        --------
        >>> from nonideal.hardware import quantum
        >>> quantum.Simulator().statevector(quantum.Circuit(1).h(0).s(0)).round(3)
        array([0.707+0.j   , 0.   +0.707j])
        """
        circuit, angles = self._bind(circuit, parameters)
        if self._noise.has_channels:
            raise InvalidArgument("noise: a noisy circuit has no state vector; it has a density matrix")
        states: ComplexArray = _core.quantum.statevector(circuit._native, angles, self._single, self._threads)
        return states if parameters is not None else states[0]

    def density_matrix(self, circuit: Circuit | Any, parameters: npt.ArrayLike | None = None) -> ComplexArray:
        """Return the density matrix at the end, (2^n, 2^n) complex128 or complex64.

        Examples
        --------
        >>> from nonideal.hardware import quantum
        >>> noise = quantum.NoiseModel().add(quantum.Channel.phase_flip(0.25), "h")
        >>> quantum.Simulator(noise).density_matrix(quantum.Circuit(1).h(0)).real
        array([[0.5 , 0.25],
               [0.25, 0.5 ]])
        """
        circuit, angles = self._bind(circuit, parameters)
        states: ComplexArray = _core.quantum.density_matrix(
            circuit._native, self._noise._native, angles, self._single, self._threads
        )
        return states if parameters is not None else states[0]

    # ---- exact results ----

    def probabilities(
        self,
        circuit: Circuit | Any,
        qubits: Sequence[int] | None = None,
        parameters: npt.ArrayLike | None = None,
    ) -> FloatArray:
        """Return the probabilities of the outcomes of a measurement, (2^k,) float64; exact.

        Parameters
        ----------
        circuit : Circuit or qiskit.QuantumCircuit
            The circuit.
        qubits : sequence of int or None
            What is measured, the first is the least significant bit; None: what the circuit measures, and
            where it measures nothing, all qubits. Readout errors are included.
        parameters : (n_circuits, n_parameters) float64, or None
            Values of the circuit's parameters, radian.
        """
        circuit, angles = self._bind(circuit, parameters)
        measured = self._measured(circuit, qubits)
        if self._method == "trajectories":
            raise InvalidArgument("method = 'trajectories' gives no exact probabilities; sample instead")
        program = self._joint_program(circuit, measured)
        read = self._probabilities(circuit, angles, measured, program)
        return read if parameters is not None else read[0]

    def expectation(
        self,
        circuit: Circuit | Any,
        observable: Observable,
        shots: int | None = None,
        stream: int = 0,
        offset: int = 0,
        parameters: npt.ArrayLike | None = None,
    ) -> Estimate:
        """Return the expectation of an observable, exact or measured.

        Parameters
        ----------
        circuit : Circuit or qiskit.QuantumCircuit
            The circuit; its measurements are left out.
        observable : str, mapping of str to float, or SparsePauliOp
            ``"Z0 X3"``, such products with real coefficients, or an object of Qiskit's.
        shots : int or None
            None: exact, standard error 0. Else every product of Pauli matrices is measured with so many
            shots of its own, without noise from the change of basis: the value is the sum of
            ``coefficient * (1 - 2 n1 / shots)``, n1 the number of odd outcomes, and its variance
            ``4 f (1 - f) / shots`` with f = n1 / shots. Fewer than two odd or even outcomes count as two
            there: what was not seen may be rare, so the standard error is never zero. The identity needs
            no shots.
        stream, offset : int
            See the notes of the class.
        parameters : (n_circuits, n_parameters) float64, or None
            Values of the circuit's parameters, radian; the estimate then holds arrays (n_circuits,).

        Notes
        -----
        Readout errors are included. With trajectories each shot is a trajectory whose expectation is taken
        exactly, so that the standard error is smaller than that of measured outcomes; where errors of
        reading 0 and 1 differ it is an upper bound, as parts of a product are then estimated together. Where
        all trajectories (but one) give the same, errors may be too rare to have been seen: the standard
        error then is the one that two of the shots at the other end of the range would make.

        Examples
        --------
        >>> from nonideal.hardware import quantum
        >>> bell = quantum.Circuit(2).h(0).cx(0, 1)
        >>> sim = quantum.Simulator(quantum.NoiseModel.depolarizing(1e-3, 1e-2), seed=7)
        >>> print(sim.expectation(bell, "Z0 Z1"))
        0.99 (exact)
        >>> sim.expectation(bell, {"Z0 Z1": 0.5, "X0 X1": 0.5}, shots=4096).samples
        4096
        """
        circuit, angles = self._bind(circuit, parameters)
        terms = parse_observable(observable, circuit.n_qubits)
        constant = sum(coefficient for coefficient, x, z in terms if not x | z)
        coefficients = np.array([coefficient for coefficient, x, z in terms if x | z])
        paulis = [(x, z) for _, x, z in terms if x | z]
        if shots is not None:
            shots = check_integer("shots", shots, 1)
            stream, offset = _position(stream, offset)
        elif self._method == "trajectories":
            raise InvalidArgument("shots: method = 'trajectories' needs a number of them")
        values, errors = self._estimates(circuit, angles, paulis, shots, stream, offset)
        total = _sum(coefficients * values) + constant
        error = np.sqrt(_sum(np.square(coefficients * errors)))
        if parameters is None:
            return Estimate(float(total[0]), float(error[0]), shots)
        return Estimate(total, error, shots)

    # ---- samples ----

    @overload
    def sample(
        self, circuit: Any, shots: int, stream: int = 0, offset: int = 0, parameters: None = None
    ) -> Counts: ...

    @overload
    def sample(
        self, circuit: Any, shots: int, stream: int = 0, offset: int = 0, *, parameters: npt.ArrayLike
    ) -> list[Counts]: ...

    def sample(
        self,
        circuit: Circuit | Any,
        shots: int,
        stream: int = 0,
        offset: int = 0,
        parameters: npt.ArrayLike | None = None,
    ) -> Counts | list[Counts]:
        """Measure, ``shots`` times; return how often each outcome was seen.

        What the circuit measures is sampled, all qubits where it measures nothing. Counts are exactly
        multinomial; readout errors are included. See the notes of the class for ``stream`` and ``offset``.

        Examples
        --------
        >>> from nonideal.hardware import quantum
        >>> ghz = quantum.Circuit(3).h(0).cx(0, 1).cx(1, 2).measure([0, 2])
        >>> sorted(quantum.Simulator(seed=7).sample(ghz, shots=100))
        ['00', '11']
        """
        circuit, angles = self._bind(circuit, parameters)
        measured = self._measured(circuit, None)
        shots = check_integer("shots", shots, 1)
        stream, offset = _position(stream, offset)
        counts = [
            Counts.from_array(row)
            for table in self._sampled(circuit, angles, measured, shots, stream, offset)
            for row in table
        ]
        return counts if parameters is not None else counts[0]

    # ---- the engines behind ----

    @property
    def _single(self) -> bool:
        return self._precision == "single"

    def _bind(self, circuit: Any, parameters: npt.ArrayLike | None) -> tuple[Circuit, FloatArray]:
        circuit = as_circuit(circuit)
        names = ", ".join(parameter.name for parameter in circuit.parameters[:5])
        if len(circuit.parameters) > 5:
            names += ", ..."
        width = len(circuit.parameters)
        if parameters is None:
            if width:
                raise InvalidArgument(f"parameters: none given; the circuit has {names}")
            return circuit, np.zeros((1, 0))
        angles = check_finite("parameters", parameters)
        if angles.ndim != 2 or angles.shape[1] != width:
            has = f"; the circuit has {names}" if width else "; the circuit has none"
            raise InvalidArgument(f"parameters: shape {angles.shape} is not (n_circuits, {width}){has}")
        if not len(angles):
            raise InvalidArgument("parameters: no row; a batch has at least one circuit")
        return circuit, np.ascontiguousarray(angles)

    def _measured(self, circuit: Circuit, qubits: Sequence[int] | None) -> list[int]:
        if qubits is None:
            return list(circuit.measured or range(circuit.n_qubits))
        numbers = [
            check_int32(f"qubits[{i}]", qubit) for i, qubit in enumerate(check_iterable("qubits", qubits))
        ]
        if not numbers:
            raise InvalidArgument("qubits: none given; a measurement has at least one")
        for i, qubit in enumerate(numbers):
            if not 0 <= qubit < circuit.n_qubits:
                raise InvalidArgument(f"qubits[{i}] = {qubit} is outside [0, {circuit.n_qubits - 1}]")
            if qubit in numbers[:i]:
                raise InvalidArgument(f"qubits[{i}] = {qubit} is named twice")
        return numbers

    def _large(self, circuit: Circuit) -> bool:
        """Whether a noisy circuit's density matrix is too much for ``automatic``."""
        return self._noise.has_channels and circuit.n_qubits > _DENSITY_QUBITS

    def _runs_trajectories(self, circuit: Circuit) -> bool:
        return self._method == "trajectories" or (self._method == "automatic" and self._large(circuit))

    @property
    def _dense_method(self) -> str:
        if self._method == "automatic":
            return "density_matrix" if self._noise.has_channels else "statevector"
        return self._method

    def _program(self, circuit: Circuit, paulis: list[Pauli]) -> _core.quantum.Program | None:
        """Return a compiled batch of expectations, or None where it is not worth it or would be long.

        Whether it is depends on the circuit, never on the size of the batch: the bits must not.
        """
        worthwhile = circuit.parameters or self._large(circuit)
        if self._method != "automatic" or not worthwhile or not paulis:
            return None
        try:
            return _core.quantum.compile(
                circuit._native,
                self._noise._native,
                [[(1.0, x, z)] for x, z in paulis],
                _MAX_INSTRUCTIONS,
            )
        except InvalidArgument:
            return None

    def _estimates(
        self,
        circuit: Circuit,
        angles: FloatArray,
        paulis: list[Pauli],
        shots: int | None,
        stream: int,
        offset: int,
    ) -> tuple[FloatArray, FloatArray]:
        """Return values and standard errors (n_circuits, n_paulis) of averages of what is read."""
        check_memory((len(angles), len(paulis)), n_arrays=2)
        parts, needed = self._read(paulis)
        program = self._program(circuit, needed)
        if shots is not None and program is None and self._runs_trajectories(circuit):
            return self._trajectories(circuit, angles, paulis, shots, stream, offset)
        exact = np.zeros((len(angles), len(paulis)))
        there = self._pauli_expectations(circuit, angles, needed, program)
        for column, part in enumerate(parts):
            for value, at in part:
                exact[:, column] += value * (there[:, at] if at >= 0 else 1.0)
        if shots is None:
            return exact, np.zeros_like(exact)
        return self._measure(exact, shots, stream, offset)

    def _pauli_expectations(
        self,
        circuit: Circuit,
        angles: FloatArray,
        paulis: list[Pauli],
        program: _core.quantum.Program | None,
    ) -> FloatArray:
        """Return exact expectations (n_circuits, n_paulis) of the state, without readout errors."""
        if not paulis:
            return np.zeros((len(angles), 0))
        if program is not None:
            return program.run(angles, num_threads=self._threads)
        dense: FloatArray = _core.quantum.expectation_dense(
            circuit._native,
            self._noise._native,
            angles,
            paulis,
            self._dense_method,
            self._single,
            self._threads,
        )
        return dense

    def _read(self, paulis: list[Pauli]) -> tuple[list[list[tuple[float, int]]], list[Pauli]]:
        """Return each average of readings as (factor, column) of expectations, -1 for 1; and the columns."""
        columns: dict[Pauli, int] = {}
        parts = []
        for x, z in paulis:
            part = []
            for value, px, pz in read_term(x, z, self._noise):
                column = columns.setdefault((px, pz), len(columns)) if px | pz else -1
                part.append((value, column))
            parts.append(part)
        return parts, list(columns)

    def _measure(
        self, exact: FloatArray, shots: int, stream: int, offset: int
    ) -> tuple[FloatArray, FloatArray]:
        """Return values and standard errors (n_circuits, n_paulis) of averages of so many readings."""
        n_terms = exact.shape[1]
        if not n_terms:
            return exact, np.zeros_like(exact)
        _check_offset(offset, len(exact), n_terms, 40)
        odd = np.clip((1.0 - exact) / 2.0, 0.0, 1.0)
        ones = _core.quantum.sample_binomial(
            odd.ravel(),
            shots=shots,
            seed=self._seed,
            stream=stream,
            offset=offset * n_terms,
            num_threads=self._threads,
        )
        frequencies = ones / shots
        variances = _core.quantum.frequency_variance(frequencies, shots=shots)
        return (
            (1.0 - 2.0 * frequencies).reshape(exact.shape),
            2.0 * np.sqrt(variances).reshape(exact.shape),
        )

    def _trajectories(
        self, circuit: Circuit, angles: FloatArray, paulis: list[Pauli], shots: int, stream: int, offset: int
    ) -> tuple[FloatArray, FloatArray]:
        """Return values and standard errors (n_circuits, n_paulis), trajectories for each product."""
        _check_offset(offset, len(angles), len(paulis), 32)
        values, errors = np.empty((len(angles), len(paulis))), np.empty((len(angles), len(paulis)))
        for term, pauli in enumerate(paulis):
            (part,), needed = self._read([pauli])
            for row in range(len(angles)):
                mean, variance = _core.quantum.trajectory_expectation(
                    circuit._native,
                    self._noise._native,
                    angles[row : row + 1],
                    needed,
                    shots,
                    self._seed,
                    stream,
                    (offset + row) * len(paulis) + term,
                    self._threads,
                )
                values[row, term] = sum(value * (mean[0, c] if c >= 0 else 1.0) for value, c in part)
                errors[row, term] = sum(abs(value) * math.sqrt(variance[0, c]) for value, c in part if c >= 0)
        return values, errors

    def _joint_program(self, circuit: Circuit, qubits: list[int]) -> _core.quantum.Program | None:
        """Return a compiled batch of all parities of these qubits, but that of none; None as `_program`."""
        if len(qubits) > _PROGRAM_QUBITS:
            return None
        masks = [
            sum(1 << qubit for bit, qubit in enumerate(qubits) if outcome >> bit & 1)
            for outcome in range(1, 1 << len(qubits))
        ]
        return self._program(circuit, [(0, mask) for mask in masks])

    def _probabilities(
        self,
        circuit: Circuit,
        angles: FloatArray,
        qubits: list[int],
        program: _core.quantum.Program | None,
    ) -> FloatArray:
        """Return the exact probabilities (n_circuits, 2^k) of what is read."""
        if program is not None:
            check_memory((len(angles), 1 << len(qubits)), n_arrays=3)
            there = _from_parities(program.run(angles, num_threads=self._threads), len(qubits))
        else:
            there = _core.quantum.probabilities_dense(
                circuit._native,
                self._noise._native,
                angles,
                qubits,
                self._dense_method,
                self._single,
                self._threads,
            )
        return read_probabilities(there, self._noise, qubits)

    def _sampled(
        self, circuit: Circuit, angles: FloatArray, qubits: list[int], shots: int, stream: int, offset: int
    ) -> Iterator[npt.NDArray[np.int64]]:
        """Yield tables of counts (some circuits, 2^k), block by block."""
        trajectories = self._runs_trajectories(circuit)
        _check_offset(offset, len(angles), 1, 32 if trajectories else 40)
        program = None if trajectories else self._joint_program(circuit, qubits)
        rows = max(1, _BLOCK >> len(qubits))
        for first in range(0, len(angles), rows):
            block = angles[first : first + rows]
            if trajectories:
                yield _core.quantum.trajectory_counts(
                    circuit._native,
                    self._noise._native,
                    block,
                    qubits,
                    shots,
                    self._seed,
                    stream,
                    offset + first,
                    self._threads,
                )
            else:
                chances = self._probabilities(circuit, block, qubits, program)
                if self._single:  # they sum to 1 within the precision of a state
                    chances /= chances.sum(axis=1, keepdims=True)
                yield _core.quantum.sample_multinomial(
                    chances,
                    shots=shots,
                    seed=self._seed,
                    stream=stream,
                    offset=offset + first,
                    num_threads=self._threads,
                )


def check_simulator(value: Any) -> Simulator:
    """Return a `Simulator`."""
    if not isinstance(value, Simulator):
        raise InvalidArgument(f"simulator: {type(value).__name__} is not a Simulator")
    return value


def _position(stream: int, offset: int) -> tuple[int, int]:
    return check_integer("stream", stream, 0, 32), check_integer("offset", offset, 0, 40)


def _check_offset(offset: int, rows: int, per_row: int, power: int) -> None:
    """Refuse circuits whose random numbers would lie beyond the last ones: 2^power places, per_row each."""
    last = (1 << power) // per_row - rows
    if last < 0:
        raise InvalidArgument(
            f"parameters: {rows} rows are above {(1 << power) // per_row}, for which there are random numbers"
        )
    if offset > last:
        raise InvalidArgument(f"offset = {offset} is outside [0, {last}]")


def _sum(columns: FloatArray) -> FloatArray:
    """Return the sums over the columns, added from left to right for every number of rows."""
    total = np.zeros(len(columns))
    for column in columns.T:
        total += column
    return total


def _from_parities(parities: FloatArray, bits: int) -> FloatArray:
    """Return the probabilities (n, 2^k) of bits whose 2^k - 1 products have these averages (n, 2^k - 1)."""
    result = np.concatenate([np.ones((len(parities), 1)), parities], axis=1)
    for bit in range(bits):
        pairs = result.reshape(len(result), -1, 2, 1 << bit)
        even, odd = pairs[:, :, 0], pairs[:, :, 1]
        result = np.stack([(even + odd) / 2.0, (even - odd) / 2.0], axis=2).reshape(result.shape)
    return np.clip(result, 0.0, 1.0)
