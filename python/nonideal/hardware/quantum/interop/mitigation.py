"""A simulator as what mitiq calls an executor. No part of mitiq, which is GPL, is needed here."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable

from nonideal.checks import check_integer, check_iterable
from nonideal.errors import MissingExtra
from nonideal.hardware.quantum.interop.conversion import circuit_from_qiskit
from nonideal.hardware.quantum.observable import Observable
from nonideal.hardware.quantum.simulator import Simulator, check_simulator

try:
    from qiskit import QuantumCircuit
except ImportError:
    raise MissingExtra("qiskit", "quantum") from None

__all__ = ["mitiq_executor"]


def mitiq_executor(
    simulator: Simulator, observable: Observable, shots: int | None = None
) -> Callable[[Iterable[QuantumCircuit]], list[float]]:
    """Return a function from Qiskit's circuits to expectation values, as ``mitiq`` takes it.

    It takes all circuits of a mitigation at once: mitiq sends them so because of the annotation of what it
    returns, ``list[float]``. Every call gets fresh random numbers.

    Parameters
    ----------
    simulator : Simulator
        Its noise acts after the circuits' own gates.
    observable : str, mapping of str to float, or SparsePauliOp
        As in `Simulator.expectation`.
    shots : int or None
        For each circuit; None: exact values.

    Raises
    ------
    InvalidArgument
        If an argument is none of these; by the executor if a circuit is refused by `circuit_from_qiskit`.

    Examples
    --------
    >>> import qiskit
    >>> from nonideal.hardware import quantum
    >>> from nonideal.hardware.quantum import interop
    >>> circuit = qiskit.QuantumCircuit(1)
    >>> _ = circuit.x(0)
    >>> executor = interop.mitiq_executor(quantum.Simulator(), "Z0")
    >>> executor([circuit, circuit])
    [-1.0, -1.0]
    """
    check_simulator(simulator)
    if shots is not None:
        check_integer("shots", shots, 1)
    streams = itertools.count()

    def executor(circuits: Iterable[QuantumCircuit]) -> list[float]:
        stream = next(streams)
        return [
            float(
                simulator.expectation(
                    circuit_from_qiskit(circuit), observable, shots=shots, stream=stream, offset=i
                )
            )
            for i, circuit in enumerate(check_iterable("circuits", circuits))
        ]

    executor.__annotations__["return"] = list[float]  # the type itself: older mitiqs do not read strings
    return executor
