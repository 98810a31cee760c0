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
    from qiskit.circuit.library import Measure, Reset, get_standard_gate_name_mapping
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

    Circuits are sampled as they are, so that noise finds the gates that it goes by: others than those of
    `GATES` are refused, see `circuit_from_qiskit`, and ``transpile(circuit, backend)`` rewrites them in gates
    of `target`, most of which have noise. Every call of `run` gets fresh random numbers; the same calls in
    the same order give the same counts again.

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
        """What the transpiler may use, on any qubits, reset (of a new qubit) and measurement included.

        For a noise model with channels: the gates that have one (if only on some qubits), ``id``, and as
        much, noiseless, as it takes to write every circuit in them. That is ``rz`` where no gate turns about
        z by any angle, ``sx`` where none tilts the axis, ``cx`` where none entangles; the same gates are in
        every model of Aer's that is not told otherwise. Without channels: all gates. The transpiler does not
        know how large the noise is.
        """
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


# Of which Qiskit's translator makes any gate: one of _ROTATIONS, or a turn with a tilt; and an entangler.
_ROTATIONS = ({"u"}, {"u3"}, {"rx", "ry"})
_TURNS = {"rz", "p", "u1"}
_TILTS = {"sx", "sxdg", "h", "rx", "u2"}
_ENTANGLERS = {"cx", "cz", "cp", "crx", "cry", "crz", "rxx", "ryy", "rzz", "rzx", "iswap", "ecr"}


def _basis(noisy: tuple[str, ...]) -> list[str]:
    """Return the gates of a target where these have noise, in the order of the table."""
    sized = [name for name, gate in GATES.items() if gate.n_qubits is not None]
    names = {*noisy} & {*sized}
    if not noisy:
        return sized
    names.add("id")
    if not any(rotation <= names for rotation in _ROTATIONS):
        if not names & _TURNS:
            names.add("rz")
        if not names & _TILTS:
            names.add("sx")
    if not names & _ENTANGLERS:
        names.add("cx")
    return [name for name in sized if name in names]


def _target(simulator: Simulator, n_qubits: int | None) -> Target:
    """Return what the transpiler may use: not the matrices, which it then makes of gates with noise."""
    target = Target(
        description="nonideal",
        num_qubits=None
        if n_qubits is None
        else check_int32("n_qubits", check_integer("n_qubits", n_qubits, 1)),
    )
    known = get_standard_gate_name_mapping()
    for name in _basis(simulator.noise.noisy_gates):
        target.add_instruction(known[name], name=name)
    target.add_instruction(Measure())
    target.add_instruction(Reset())  # what Qiskit's `initialize` begins with
    return target
