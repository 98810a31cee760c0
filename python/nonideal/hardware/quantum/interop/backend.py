"""A simulator as a backend of Qiskit."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import nonideal
from nonideal.checks import check_choice, check_int32, check_integer, check_iterable
from nonideal.errors import InvalidArgument, MissingExtra
from nonideal.hardware.quantum.circuit import GATES
from nonideal.hardware.quantum.interop.conversion import Conversion, convert
from nonideal.hardware.quantum.interop.shots import shot_outcomes, to_clbits
from nonideal.hardware.quantum.simulator import Simulator, check_simulator

try:
    from qiskit import QuantumCircuit
    from qiskit.circuit.library import Measure, get_standard_gate_name_mapping
    from qiskit.providers import BackendV2, JobStatus, JobV1, Options
    from qiskit.result import Result
    from qiskit.result.models import ExperimentResult, ExperimentResultData
    from qiskit.transpiler import Target
except ImportError:
    raise MissingExtra("qiskit", "quantum") from None

__all__ = ["Backend", "Job"]


class Job(JobV1):  # type: ignore[misc]  # Qiskit has no types
    """Circuits that a `Backend` runs in another thread."""

    def __init__(self, backend: Backend, experiments: list[_Experiment]) -> None:
        super().__init__(backend, str(uuid.uuid4()))
        self._experiments = experiments
        self._future: Future[Result] | None = None

    def submit(self) -> None:
        """Start; called by `Backend.run`."""
        if self._future is not None:
            raise InvalidArgument("the job has been submitted already")
        pool = ThreadPoolExecutor(1)
        self._future = pool.submit(self._run)
        pool.shutdown(wait=False)

    def result(self) -> Result:
        """Wait for the result and return it."""
        return self._submitted().result()

    def status(self) -> JobStatus:
        """Return whether it runs, has failed or is done."""
        future = self._submitted()
        if not future.done():
            return JobStatus.RUNNING
        return JobStatus.DONE if future.exception() is None else JobStatus.ERROR

    def _submitted(self) -> Future[Result]:
        if self._future is None:
            raise InvalidArgument("the job has not been submitted")
        return self._future

    def _run(self) -> Result:
        return Result(
            backend_name=self.backend().name,
            backend_version=self.backend().backend_version,
            job_id=self.job_id(),
            success=True,
            results=[experiment.run() for experiment in self._experiments],
        )


class Backend(BackendV2):  # type: ignore[misc]  # Qiskit has no types
    """A `Simulator` for ``qiskit.transpile``, ``backend.run(circuits)`` and whatever takes a ``BackendV2``.

    Circuits are sampled as they are: gates beyond the target's are replaced by their definition, see
    `circuit_from_qiskit`. Every call of `run` gets fresh random numbers; the same calls in the same order
    give the same counts again.

    Parameters
    ----------
    simulator : Simulator
        Its noise acts after the gates of the circuit that is run, hence after transpilation.
    n_qubits : int or None
        As many qubits as the transpiler may use; None: as many as a circuit has.

    Raises
    ------
    InvalidArgument
        If ``simulator`` is not a `Simulator` or ``n_qubits`` is below 1; by `run` if a circuit is refused
        by `circuit_from_qiskit`, measures nothing, or has symbols without a value.

    Examples
    --------
    >>> import qiskit
    >>> from nonideal.hardware import quantum
    >>> from nonideal.hardware.quantum import interop
    >>> backend = interop.Backend(quantum.Simulator(seed=7))
    >>> circuit = qiskit.QuantumCircuit(2)
    >>> _ = circuit.x(1), circuit.measure_all()
    >>> backend.run(qiskit.transpile(circuit, backend), shots=100).result().get_counts()
    {'10': 100}
    """

    def __init__(self, simulator: Simulator, n_qubits: int | None = None) -> None:
        check_simulator(simulator)
        super().__init__(
            name="nonideal",
            description="circuits with noise, simulated",
            backend_version=nonideal.__version__,
        )
        self.simulator = simulator
        self._target = _target(simulator, n_qubits)
        self._streams = itertools.count()

    @property
    def target(self) -> Target:
        """The gates, on any qubits. Without those on three where the noise model has no channel for them."""
        return self._target

    @property
    def max_circuits(self) -> None:
        """None: any number of circuits at a time."""
        return None

    @classmethod
    def _default_options(cls) -> Options:
        return Options(shots=1024, memory=False, seed_simulator=None)

    def run(self, run_input: QuantumCircuit | Iterable[QuantumCircuit], **options: Any) -> Job:
        """Sample one or more circuits.

        Parameters
        ----------
        run_input : QuantumCircuit or several
            Without symbols.
        **options
            ``shots`` (1024); ``memory`` (False): whether each shot's outcome is kept, in order;
            ``seed_simulator`` (None): the seed of this call, in place of the simulator's.
        """
        chosen = dict(self.options.items())
        for name, value in options.items():
            check_choice("option", name, chosen)
            chosen[name] = value
        shots = check_integer("shots", chosen["shots"], 1)
        simulator, stream = self.simulator, 0
        if chosen["seed_simulator"] is None:
            stream = next(self._streams)
        else:
            simulator = _with_seed(
                simulator, check_integer("seed_simulator", chosen["seed_simulator"], 0, 64)
            )
        circuits = (
            [run_input] if isinstance(run_input, QuantumCircuit) else check_iterable("run_input", run_input)
        )
        experiments = [
            _Experiment(circuit, _sampled(circuit), simulator, shots, bool(chosen["memory"]), stream, i)
            for i, circuit in enumerate(circuits)
        ]
        job = Job(self, experiments)
        job.submit()
        return job


@dataclass(frozen=True)
class _Experiment:
    """A circuit, ready to be sampled."""

    circuit: QuantumCircuit
    conversion: Conversion
    simulator: Simulator
    shots: int
    memory: bool
    stream: int
    index: int

    def run(self) -> ExperimentResult:
        circuit, clbits = self.conversion.circuit, self.conversion.clbits
        counts = self.simulator.sample(circuit, self.shots, stream=self.stream, offset=self.index)
        data: dict[str, Any] = {
            "counts": {hex(to_clbits(int(bits, 2), clbits)): count for bits, count in counts.items()}
        }
        if self.memory:
            outcomes = shot_outcomes(counts, self.simulator.seed, stream=self.stream, offset=self.index)
            data["memory"] = [hex(to_clbits(outcome, clbits)) for outcome in outcomes]
        header = {
            "name": self.circuit.name,
            "memory_slots": self.circuit.num_clbits,
            "creg_sizes": [[register.name, register.size] for register in self.circuit.cregs],
            "metadata": self.circuit.metadata,
        }
        return ExperimentResult(
            shots=self.shots,
            success=True,
            data=ExperimentResultData(**data),
            header=header,
            seed=self.simulator.seed,
            status="DONE",
        )


def _with_seed(simulator: Simulator, seed: int) -> Simulator:
    return Simulator(simulator.noise, simulator.method, simulator.precision, seed, simulator.num_threads)


def _sampled(circuit: QuantumCircuit) -> Conversion:
    """Return a circuit that can be sampled as it is."""
    conversion = convert(circuit)
    if conversion.circuit.parameters:
        names = ", ".join(parameter.name for parameter in conversion.circuit.parameters)
        raise InvalidArgument(f"circuit {circuit.name!r} has symbols without a value: {names}")
    if not conversion.clbits:
        raise InvalidArgument(f"circuit {circuit.name!r} measures nothing")
    return conversion


def _target(simulator: Simulator, n_qubits: int | None) -> Target:
    """Return what the transpiler may use: not the matrices, which it then makes of gates with noise."""
    uniform = simulator.noise.to_dict()["uniform"] is not None
    most = 2 if uniform else 3  # qubits of a gate for which the model has an answer
    target = Target(
        description="nonideal",
        num_qubits=None
        if n_qubits is None
        else check_int32("n_qubits", check_integer("n_qubits", n_qubits, 1)),
    )
    known = get_standard_gate_name_mapping()
    for name, gate in GATES.items():
        if gate.n_qubits is not None and gate.n_qubits <= most:
            target.add_instruction(known[name], name=name)
    target.add_instruction(Measure())
    return target
