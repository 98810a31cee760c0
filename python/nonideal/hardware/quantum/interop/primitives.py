"""A simulator as Qiskit's primitives."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nonideal.checks import check_integer, check_iterable, check_non_negative
from nonideal.errors import InvalidArgument, MissingExtra
from nonideal.hardware.quantum.circuit import Circuit
from nonideal.hardware.quantum.interop.conversion import Conversion, convert
from nonideal.hardware.quantum.interop.shots import shot_outcomes
from nonideal.hardware.quantum.observable import parse_observable
from nonideal.hardware.quantum.readout import MAX_TERMS
from nonideal.hardware.quantum.simulator import Simulator, check_simulator
from nonideal.memory import check_memory

try:
    from qiskit.exceptions import QiskitError
    from qiskit.primitives import (
        BaseEstimatorV2,
        BaseSamplerV2,
        BitArray,
        DataBin,
        PrimitiveJob,
        PrimitiveResult,
        PubResult,
        SamplerPubResult,
    )
    from qiskit.primitives.containers.estimator_pub import EstimatorPub
    from qiskit.primitives.containers.sampler_pub import SamplerPub
    from qiskit.quantum_info import SparsePauliOp
except ImportError:
    raise MissingExtra("qiskit", "quantum") from None

__all__ = ["Estimator", "Sampler"]

FloatArray = npt.NDArray[np.float64]
_Labels = tuple[tuple[str, float], ...]  # an observable of Qiskit's: labels with coefficients

# Letters of Qiskit's observables as sums of Pauli matrices; the last six project on an eigenstate.
_LETTERS: Mapping[str, tuple[tuple[float, str], ...]] = {letter: ((1.0, letter),) for letter in "IXYZ"} | {
    letter: ((0.5, "I"), (sign, pauli))
    for letter, sign, pauli in (
        ("0", 0.5, "Z"),
        ("1", -0.5, "Z"),
        ("+", 0.5, "X"),
        ("-", -0.5, "X"),
        ("r", 0.5, "Y"),
        ("l", -0.5, "Y"),
    )
}


class Sampler(BaseSamplerV2):  # type: ignore[misc]  # Qiskit has no types
    """Shots of circuits, as ``qiskit.primitives.StatevectorSampler`` gives them, with noise.

    All sets of parameter values of a pub go to the simulator in one call. Every pub gets fresh random
    numbers; the same calls in the same order give the same shots again.

    Parameters
    ----------
    simulator : Simulator
        Its noise acts after the circuit's own gates.
    default_shots : int
        Where neither pub nor `run` says how many.

    Raises
    ------
    InvalidArgument
        If an argument is none of these; by `run` if a circuit is refused by `circuit_from_qiskit`.

    Examples
    --------
    >>> import numpy as np
    >>> import qiskit
    >>> from nonideal.hardware import quantum
    >>> from nonideal.hardware.quantum import interop
    >>> circuit = qiskit.QuantumCircuit(1)
    >>> _ = circuit.rx(qiskit.circuit.Parameter("angle"), 0), circuit.measure_all()
    >>> sampler = interop.Sampler(quantum.Simulator(seed=7))
    >>> result = sampler.run([(circuit, [[0.0], [np.pi]])], shots=100).result()[0]
    >>> result.data.meas.get_counts(0), result.data.meas.get_counts(1)
    ({'0': 100}, {'1': 100})
    """

    def __init__(self, simulator: Simulator, *, default_shots: int = 1024) -> None:
        self.simulator = check_simulator(simulator)
        self.default_shots = check_integer("default_shots", default_shots, 1)
        self._streams = itertools.count()

    def run(self, pubs: Iterable[Any], *, shots: int | None = None) -> PrimitiveJob:
        """Sample the circuits of ``(circuit, parameter values, shots)``; the last two may be left out."""
        shots = self.default_shots if shots is None else check_integer("shots", shots, 1)
        coerced = _coerced(SamplerPub, pubs, shots)
        tasks = [(pub, convert(pub.circuit), next(self._streams)) for pub in coerced]
        job = PrimitiveJob(self._run, tasks)
        job._submit()
        return job

    def _run(self, tasks: list[tuple[SamplerPub, Conversion, int]]) -> PrimitiveResult:
        return PrimitiveResult([self._run_pub(*task) for task in tasks], metadata={"version": 2})

    def _run_pub(self, pub: SamplerPub, conversion: Conversion, stream: int) -> SamplerPubResult:
        places = {clbit: i for i, clbit in enumerate(conversion.clbits)}
        check_memory((math.prod(pub.shape), pub.shots), n_arrays=2)
        outcomes = np.zeros((math.prod(pub.shape), pub.shots), dtype=np.int64)
        if places:  # else all registers stay 0
            counts = self.simulator.sample(
                conversion.circuit,
                pub.shots,
                parameters=_columns(conversion.circuit, pub),
                stream=stream,
            )
            for i, each in enumerate(counts):
                outcomes[i] = shot_outcomes(each, self.simulator.seed, stream=stream, offset=i)
        registers = {
            register.name: _bits(
                outcomes, [places.get(pub.circuit.find_bit(bit).index) for bit in register]
            ).reshape(pub.shape)
            for register in pub.circuit.cregs
        }
        return SamplerPubResult(
            DataBin(**registers, shape=pub.shape),
            metadata={"shots": pub.shots, "circuit_metadata": pub.circuit.metadata},
        )


class Estimator(BaseEstimatorV2):  # type: ignore[misc]  # Qiskit has no types
    """Expectation values of circuits, as ``qiskit.primitives.StatevectorEstimator`` gives them, with noise.

    Observables and sets of parameter values are broadcast against each other; all that share an observable
    go to the simulator in one call. A precision of 0 means exact values; any other one is reached by
    ``ceil(1 / precision^2)`` shots for each value, which then has its own standard error in ``stds``: not
    above the precision for a product of Pauli matrices. Every pub gets fresh random numbers.

    Parameters
    ----------
    simulator : Simulator
        Its noise acts after the circuit's own gates. Readout errors count, with and without shots.
    default_precision : float
        Where neither pub nor `run` says which.

    Raises
    ------
    InvalidArgument
        If an argument is none of these; by `run` if a circuit is refused by `circuit_from_qiskit`.

    Examples
    --------
    >>> import numpy as np
    >>> import qiskit
    >>> from nonideal.hardware import quantum
    >>> from nonideal.hardware.quantum import interop
    >>> circuit = qiskit.QuantumCircuit(1)
    >>> _ = circuit.rx(qiskit.circuit.Parameter("angle"), 0)
    >>> estimator = interop.Estimator(quantum.Simulator())
    >>> angles = [[0.0], [np.pi / 3], [np.pi]]
    >>> estimator.run([(circuit, ["Z"], angles)]).result()[0].data.evs.round(12)
    array([ 1. ,  0.5, -1. ])
    """

    def __init__(self, simulator: Simulator, *, default_precision: float = 0.0) -> None:
        self.simulator = check_simulator(simulator)
        self.default_precision = check_non_negative("default_precision", default_precision)
        self._stream = 0

    def run(self, pubs: Iterable[Any], *, precision: float | None = None) -> PrimitiveJob:
        """Estimate what ``(circuit, observables, parameter values, precision)`` ask for."""
        precision = check_non_negative(
            "precision", self.default_precision if precision is None else precision
        )
        tasks = []
        for pub in _coerced(EstimatorPub, pubs, precision, _without_rounding):
            task = _EstimatorTask.of(pub, self._stream)
            self._stream += len(task.groups)
            tasks.append(task)
        job = PrimitiveJob(self._run, tasks)
        job._submit()
        return job

    def _run(self, tasks: list[_EstimatorTask]) -> PrimitiveResult:
        return PrimitiveResult([self._run_pub(task) for task in tasks], metadata={"version": 2})

    def _run_pub(self, task: _EstimatorTask) -> PubResult:
        pub, shape = task.pub, task.sets.shape
        shots = None if pub.precision == 0.0 else math.ceil(pub.precision**-2)
        values, errors = np.empty(task.sets.size), np.empty(task.sets.size)
        for i, (observable, members) in enumerate(task.groups.items()):
            estimate = self.simulator.expectation(
                task.circuit,
                _pauli_sum(observable),
                shots=shots,
                parameters=task.columns[task.sets.ravel()[members]],
                stream=task.stream + i,
            )
            values[members], errors[members] = estimate.value, estimate.standard_error
        metadata = {
            "target_precision": pub.precision,
            "shots": shots,
            "circuit_metadata": pub.circuit.metadata,
        }
        data = DataBin(evs=values.reshape(shape), stds=errors.reshape(shape), shape=shape)
        return PubResult(data, metadata=metadata)


@dataclass(frozen=True)
class _EstimatorTask:
    """A pub, ready to run: its values ``sets`` (rows of ``columns``) by observable."""

    pub: EstimatorPub
    circuit: Circuit
    columns: FloatArray
    sets: npt.NDArray[np.int64]
    groups: dict[_Labels, npt.NDArray[np.int64]]
    stream: int

    @classmethod
    def of(cls, pub: EstimatorPub, stream: int) -> _EstimatorTask:
        circuit = convert(pub.circuit).circuit
        columns = _columns(circuit, pub)
        rows = np.arange(len(columns)).reshape(pub.parameter_values.shape)
        observables = np.asarray(pub.observables)
        numbers: dict[_Labels, int] = {}
        which = np.array(
            [numbers.setdefault(tuple(each.items()), len(numbers)) for each in observables.ravel()],
            dtype=np.int64,
        )
        sets, which = np.broadcast_arrays(rows, which.reshape(observables.shape))
        groups = {labels: np.flatnonzero(which == number) for labels, number in numbers.items()}
        return cls(pub, circuit, columns, sets, groups, stream)


def _without_rounding(pub: Any) -> Any:
    """Return a pub whose operators are real by the rule of `Simulator.expectation`; Qiskit's is stricter."""

    def real(observables: Any) -> Any:
        if isinstance(observables, SparsePauliOp):
            parse_observable(observables, observables.num_qubits)  # or refused
            return SparsePauliOp(observables.paulis, observables.coeffs.real)
        return [real(each) for each in observables] if isinstance(observables, list | tuple) else observables

    return (pub[0], real(pub[1]), *pub[2:]) if isinstance(pub, tuple) and len(pub) > 1 else pub


def _coerced(
    kind: Any, pubs: Any, default: float, prepared: Callable[[Any], Any] = lambda pub: pub
) -> list[Any]:
    """Return pubs as Qiskit completes them; what it refuses is named by its place."""
    found = []
    for i, pub in enumerate(check_iterable("pubs", pubs)):
        try:
            found.append(kind.coerce(prepared(pub), default))
        except InvalidArgument:
            raise
        except (AttributeError, QiskitError, TypeError, ValueError) as problem:
            raise InvalidArgument(f"pubs[{i}]: {' '.join(str(problem).split())}") from None
    return found


def _columns(circuit: Circuit, pub: SamplerPub | EstimatorPub) -> FloatArray:
    """Return a pub's values as our simulators take them: (sets, parameters of the circuit).

    Those of symbols that only a global phase has go nowhere.
    """
    values = pub.parameter_values
    names = [parameter.name for parameter in pub.circuit.parameters]
    table = np.asarray(values.as_array(names), dtype=np.float64)
    table = table.reshape(math.prod(values.shape), len(names))
    return table[:, [names.index(parameter.name) for parameter in circuit.parameters]]


def _bits(outcomes: npt.NDArray[np.int64], places: list[int | None]) -> BitArray:
    """Return a register whose bit i is bit ``places[i]`` of the outcomes, or 0; (sets,) of shots."""
    bits = np.zeros((*outcomes.shape, len(places)), dtype=np.uint8)
    for i, place in enumerate(places):
        if place is not None:
            bits[..., i] = outcomes >> place & 1
    return BitArray.from_bool_array(bits.astype(bool), order="little")


def _pauli_sum(observable: _Labels) -> dict[str, float]:
    """Return an observable of Qiskit's as ours: ``{"Z0 X3": 0.5}``; k projectors make 2^k products."""
    products = sum(math.prod(len(_LETTERS[letter]) for letter in label) for label, _ in observable)
    if products > MAX_TERMS:
        raise InvalidArgument(
            f"observable: its projectors make {products} products of Pauli matrices, more than {MAX_TERMS}"
        )
    total: dict[str, float] = {}
    for label, coefficient in observable:
        factors = [_LETTERS[letter] for letter in reversed(label)]
        for product in itertools.product(*factors):
            name = " ".join(f"{pauli}{qubit}" for qubit, (_, pauli) in enumerate(product) if pauli != "I")
            weight = math.prod(factor for factor, _ in product)
            total[name or "I"] = total.get(name or "I", 0.0) + coefficient * weight
    return total
