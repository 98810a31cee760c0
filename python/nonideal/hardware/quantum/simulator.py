"""The simulator: states, probabilities, expectations and samples of circuits, noisy or not, one or many."""

from __future__ import annotations

from collections.abc import Sequence
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
    check_threads,
)
from nonideal.errors import InvalidArgument
from nonideal.estimate import Estimate
from nonideal.hardware.quantum.circuit import Circuit, as_circuit
from nonideal.hardware.quantum.counts import Counts
from nonideal.hardware.quantum.engine import Engine, Method, Pauli
from nonideal.hardware.quantum.noise import NoiseModel, check_noise
from nonideal.hardware.quantum.observable import Observable, parse_observable
from nonideal.seeds import resolve_seed

__all__ = ["METHODS", "PRECISIONS", "Method", "Precision", "Simulator", "check_simulator"]

FloatArray = npt.NDArray[np.float64]
ComplexArray = npt.NDArray[np.complexfloating[Any, Any]]

METHODS: tuple[Method, ...] = ("automatic", "statevector", "density_matrix", "trajectories")
Precision = Literal["double", "single"]
PRECISIONS: tuple[Precision, ...] = ("double", "single")


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
        single = self._precision == "single"
        self._engine = Engine(self._noise, self._method, single, self._seed, self._threads)
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
        states: ComplexArray = _core.quantum.statevector(
            circuit._native, angles, self._engine.single, self._threads
        )
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
            circuit._native, self._noise._native, angles, self._engine.single, self._threads
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
        read = self._engine.probabilities(circuit, angles, measured)
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
        values, errors = self._engine.estimates(circuit, angles, paulis, shots, stream, offset)
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
            for table in self._engine.sampled(circuit, angles, measured, shots, stream, offset)
            for row in table
        ]
        return counts if parameters is not None else counts[0]

    # ---- checks ----

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

    def _averages(
        self, circuit: Circuit, paulis: list[Pauli], parameters: npt.ArrayLike | None
    ) -> FloatArray:
        """Return exact averages (n_circuits, n_paulis) of what is read of products of Pauli matrices."""
        circuit, angles = self._bind(circuit, parameters)
        if self._method == "trajectories":
            raise InvalidArgument("shots: method = 'trajectories' needs a number of them")
        return self._engine.estimates(circuit, angles, paulis, None, 0, 0)[0]

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


def check_simulator(value: Any) -> Simulator:
    """Return a `Simulator`."""
    if not isinstance(value, Simulator):
        raise InvalidArgument(f"simulator: {type(value).__name__} is not a Simulator")
    return value


def _position(stream: int, offset: int) -> tuple[int, int]:
    return check_integer("stream", stream, 0, 32), check_integer("offset", offset, 0, 40)


def _sum(columns: FloatArray) -> FloatArray:
    """Return the sums over the columns, added from left to right for every number of rows."""
    total = np.zeros(len(columns))
    for column in columns.T:
        total += column
    return total
