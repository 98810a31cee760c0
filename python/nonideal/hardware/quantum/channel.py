"""Noise channels: completely positive, trace-preserving maps on one to three qubits."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from nonideal import _core
from nonideal.checks import (
    check_choice,
    check_int32,
    check_iterable,
    check_mapping,
    check_number,
    check_probability,
    shown,
)
from nonideal.errors import InvalidArgument

__all__ = ["CONVENTIONS", "Channel", "Convention", "complex_matrix"]

Convention = Literal["qiskit", "qpanda", "pyqpanda3", "cirq"]
CONVENTIONS: tuple[str, ...] = _core.quantum.CONVENTIONS


class Channel:
    """A completely positive, trace-preserving map; made by the class methods.

    Notes
    -----
    Libraries disagree about what the number ``p`` of a depolarising channel means. lambda is the factor by
    which a non-identity Pauli coefficient shrinks:

    =============  ==========================  ==================================================
    convention     one qubit                   two qubits
    =============  ==========================  ==================================================
    ``qiskit``     lambda = 1 - p              1 - p on all 15 Paulis (joint)
    ``qpanda``     the same                    the same (QPanda 2)
    ``pyqpanda3``  lambda = 1 - p              1 - p for every non-identity factor (product)
    ``cirq``       lambda = 1 - 4p/3           1 - 16p/15: p is the probability of any Pauli error
    =============  ==========================  ==================================================

    Examples
    --------
    >>> import numpy as np
    >>> from nonideal.hardware import quantum
    >>> np.diag(quantum.Channel.depolarizing(0.1).pauli_transfer_matrix)
    array([1. , 0.9, 0.9, 0.9])
    >>> quantum.Channel.bit_flip(0.5).then(quantum.Channel.phase_flip(0.5)).pauli_transfer_matrix[3, 3]
    np.float64(0.0)
    """

    _native: _core.quantum.Channel

    def __init__(self) -> None:
        raise InvalidArgument("a channel is made by a class method, such as Channel.depolarizing(0.01)")

    @classmethod
    def _wrap(cls, native: _core.quantum.Channel) -> Channel:
        channel = cls.__new__(cls)
        channel._native = native
        return channel

    @classmethod
    def identity(cls, n_qubits: int = 1) -> Channel:
        """Return the channel that does nothing."""
        return cls._wrap(_core.quantum.Channel.identity(check_int32("n_qubits", n_qubits)))

    @classmethod
    def depolarizing(cls, p: float, n_qubits: int = 1, convention: Convention = "qiskit") -> Channel:
        """Return the channel that shrinks every non-identity Pauli; see the class for what ``p`` means.

        Raises
        ------
        InvalidArgument
            If ``p`` is negative or above the largest value for which the map is completely positive, or the
            convention is unknown.
        """
        return cls._wrap(
            _core.quantum.Channel.depolarizing(
                check_number("p", p),
                check_int32("n_qubits", n_qubits),
                check_choice("convention", convention, CONVENTIONS),
            )
        )

    @classmethod
    def bit_flip(cls, p: float) -> Channel:
        """Return X with probability ``p``."""
        return cls.pauli({"X": check_probability("p", p)})

    @classmethod
    def phase_flip(cls, p: float) -> Channel:
        """Return Z with probability ``p``."""
        return cls.pauli({"Z": check_probability("p", p)})

    @classmethod
    def bit_phase_flip(cls, p: float) -> Channel:
        """Return Y with probability ``p``."""
        return cls.pauli({"Y": check_probability("p", p)})

    @classmethod
    def pauli(cls, probabilities: Mapping[str, float]) -> Channel:
        """Return Pauli errors with these probabilities; the identity has the rest.

        Parameters
        ----------
        probabilities : mapping of str to float
            Such as ``{"XI": 0.01, "ZZ": 0.02}``. As in Qiskit, the last letter stands for the gate's first
            qubit.

        Examples
        --------
        >>> from nonideal.hardware import quantum
        >>> quantum.Channel.pauli({"IX": 0.25}).pauli_transfer_matrix[3, 3]  # Z on the first qubit
        np.float64(0.5)
        """
        pairs = [
            (_pauli_string(name), check_number(f"probabilities[{shown(name)}]", p))
            for name, p in check_mapping("probabilities", probabilities).items()
        ]
        return cls._wrap(_core.quantum.Channel.pauli(pairs))

    @classmethod
    def amplitude_damping(cls, gamma: float) -> Channel:
        """Return decay from 1 to 0 with probability ``gamma``."""
        return cls._wrap(_core.quantum.Channel.amplitude_damping(check_probability("gamma", gamma)))

    @classmethod
    def phase_damping(cls, lam: float) -> Channel:
        """Return loss of phase: X and Y shrink by ``sqrt(1 - lam)``."""
        return cls._wrap(_core.quantum.Channel.phase_damping(check_probability("lam", lam)))

    @classmethod
    def thermal_relaxation(cls, t1: float, t2: float, gate_time: float) -> Channel:
        """Return relaxation towards 0 with time T1 and loss of phase with time T2.

        Parameters
        ----------
        t1, t2 : float
            second, > 0 or infinite; T2 <= 2 T1.
        gate_time : float
            second, >= 0.
        """
        return cls._wrap(
            _core.quantum.Channel.thermal_relaxation(
                _time("t1", t1), _time("t2", t2), check_number("gate_time", gate_time)
            )
        )

    @classmethod
    def kraus(cls, operators: Iterable[npt.ArrayLike]) -> Channel:
        """Return the channel of these Kraus operators, (2^n, 2^n) complex each.

        Raises
        ------
        InvalidArgument
            If the sum of K^dagger K is not the identity to 1e-8.
        """
        return cls._wrap(
            _core.quantum.Channel.kraus(
                [
                    complex_matrix(f"operators[{i}]", operator)
                    for i, operator in enumerate(check_iterable("operators", operators))
                ]
            )
        )

    @classmethod
    def from_pauli_transfer_matrix(cls, matrix: npt.ArrayLike) -> Channel:
        """Return the channel of this Pauli transfer matrix, (4^n, 4^n).

        Raises
        ------
        InvalidArgument
            If the map does not preserve the trace or is not completely positive, to 1e-8.
        """
        elements = complex_matrix("matrix", matrix)
        if elements.imag.any():
            raise InvalidArgument("matrix: a Pauli transfer matrix is real")
        return cls._wrap(
            _core.quantum.Channel.from_pauli_transfer_matrix(np.ascontiguousarray(elements.real))
        )

    @property
    def n_qubits(self) -> int:
        """Number of qubits."""
        return self._native.n_qubits

    @property
    def pauli_transfer_matrix(self) -> npt.NDArray[np.float64]:
        """R[i, j] = tr(P_i E(P_j)) / 2^n, (4^n, 4^n); order I, X, Y, Z, first qubit fastest."""
        return self._native.pauli_transfer_matrix()

    def then(self, other: Channel) -> Channel:
        """Return this channel followed by another on the same number of qubits."""
        return self._wrap(self._native.then(check_channel("other", other)))

    def tensor(self, other: Channel) -> Channel:
        """Return this channel on the first qubits and another on the following."""
        return self._wrap(self._native.tensor(check_channel("other", other)))

    def power(self, scale: float) -> Channel:
        """Return the channel applied ``scale`` times.

        A channel whose Pauli transfer matrix is diagonal takes any scale for which the result is completely
        positive, others take whole numbers.

        Raises
        ------
        InvalidArgument
            If there is no such power.

        Examples
        --------
        >>> from nonideal.hardware import quantum
        >>> round(quantum.Channel.depolarizing(0.1).power(1.5).pauli_transfer_matrix[1, 1], 6)  # 0.9^1.5
        np.float64(0.853815)
        """
        return self._wrap(self._native.power(check_number("scale", scale)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Channel):
            return NotImplemented
        return np.array_equal(self.pauli_transfer_matrix, other.pauli_transfer_matrix)

    def __hash__(self) -> int:
        return hash(self.pauli_transfer_matrix.tobytes())

    def __repr__(self) -> str:
        qubits = f"{self.n_qubits} qubit{'s' if self.n_qubits > 1 else ''}"
        if self._native.diagonal:
            shrinks = np.diag(self.pauli_transfer_matrix)[1:]
            low, high = (f"{value:.6g}" for value in (shrinks.min(), shrinks.max()))
            what = f"Paulis shrink by {low}" + ("" if low == high else f" to {high}")
        else:
            what = "not diagonal in Paulis"
        return f"<Channel: {qubits}, {what}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return Channel.from_pauli_transfer_matrix, (self.pauli_transfer_matrix,)


def check_channel(name: str, value: Any) -> _core.quantum.Channel:
    """Return the C++ channel behind a `Channel`."""
    if not isinstance(value, Channel):
        raise InvalidArgument(f"{name}: {type(value).__name__} is not a Channel")
    return value._native


def complex_matrix(name: str, value: npt.ArrayLike) -> npt.NDArray[np.complex128]:
    """Return a finite, square matrix whose side is a power of two."""
    try:
        array = np.asarray(value)
    except ValueError as problem:  # rows of different lengths
        raise InvalidArgument(f"{name}: {problem}") from None
    if array.dtype.kind not in "iufc":
        raise InvalidArgument(f"{name} has dtype {array.dtype}, not a complex number's")
    side = array.shape[0] if array.ndim == 2 else 0
    if array.ndim != 2 or array.shape[1] != side or side < 2 or side & (side - 1):
        raise InvalidArgument(f"{name}: shape {array.shape} is not (2^n, 2^n)")
    if not np.isfinite(array).all():
        raise InvalidArgument(f"{name} is not finite")
    return np.ascontiguousarray(array, dtype=np.complex128)


def _pauli_string(name: Any) -> str:
    if not isinstance(name, str):
        raise InvalidArgument(f"probabilities: {shown(name)} is not a string of I, X, Y, Z")
    return name


def _time(name: str, value: Any) -> float:
    return math.inf if isinstance(value, Real) and value == math.inf else check_number(name, value)
