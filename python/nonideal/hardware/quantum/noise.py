"""Noise models: which channel follows which gate, and how reading a qubit errs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

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
from nonideal.hardware.quantum.channel import CONVENTIONS, Channel, Convention, check_channel
from nonideal.hardware.quantum.circuit import GATES

if TYPE_CHECKING:
    from nonideal.hardware.quantum.circuit import Circuit

__all__ = ["NoiseModel", "ReadoutError", "check_noise"]


@dataclass(frozen=True)
class ReadoutError:
    """How often the other value is read.

    Parameters
    ----------
    p0_given_1 : float
        Probability of reading 0 where the qubit is 1.
    p1_given_0 : float
        Probability of reading 1 where the qubit is 0.

    Raises
    ------
    InvalidArgument
        If a probability is outside [0, 1].

    Examples
    --------
    >>> from nonideal.hardware import quantum
    >>> error = quantum.ReadoutError(p0_given_1=0.03, p1_given_0=0.01)
    >>> noise = quantum.NoiseModel().add_readout(error)
    >>> quantum.Simulator(noise=noise).probabilities(quantum.Circuit(1).x(0))
    array([0.03, 0.97])
    """

    p0_given_1: float
    p1_given_0: float

    def __post_init__(self) -> None:
        for name in ("p0_given_1", "p1_given_0"):
            object.__setattr__(self, name, check_probability(name, getattr(self, name)))


class NoiseModel:
    """Channels that act after gates, on the gate's own qubits, and readout errors on measured qubits.

    A new model is noiseless. Gates without a channel are noiseless; under `depolarizing` every gate has one,
    and gates on three or more qubits are refused where the model meets a circuit.

    Examples
    --------
    >>> from nonideal.hardware import quantum
    >>> noise = quantum.NoiseModel.depolarizing(p1=1e-3, p2=1e-2)
    >>> damped = quantum.NoiseModel().add(quantum.Channel.amplitude_damping(0.01), ["h", "ry"])
    >>> damped.add(quantum.Channel.depolarizing(0.02, 2), "cx", qubits=[0, 1])
    <NoiseModel: h, ry, cx (0, 1)>
    >>> quantum.NoiseModel.from_dict(damped.to_dict()) == damped
    True
    """

    def __init__(self) -> None:
        self._native = _core.quantum.NoiseModel()

    @classmethod
    def _wrap(cls, native: _core.quantum.NoiseModel) -> NoiseModel:
        model = cls.__new__(cls)
        model._native = native
        return model

    @classmethod
    def depolarizing(
        cls, p1: float, p2: float, readout: ReadoutError | None = None, convention: Convention = "qiskit"
    ) -> NoiseModel:
        """Return depolarising noise after every gate on one and on two qubits.

        Parameters
        ----------
        p1, p2 : float
            Error parameters of gates on one and on two qubits.
        readout : ReadoutError or None
            That of every qubit.
        convention : str
            What ``p1`` and ``p2`` mean, see `Channel`.

        Raises
        ------
        InvalidArgument
            If ``p1`` or ``p2`` is outside the range of a completely positive map.
        """
        model = cls._wrap(
            _core.quantum.NoiseModel.depolarizing(
                check_number("p1", p1),
                check_number("p2", p2),
                check_choice("convention", convention, CONVENTIONS),
            )
        )
        return model if readout is None else model.add_readout(readout)

    @classmethod
    def from_qiskit_aer(cls, model: Any) -> NoiseModel:
        """Return the model that a ``qiskit_aer.noise.NoiseModel`` describes.

        Raises
        ------
        InvalidArgument
            If an error has no counterpart here; its instruction is named.
        MissingExtra
            If qiskit-aer is not installed.
        """
        from nonideal.hardware.quantum.interop.noise import noise_from_aer

        converted: NoiseModel = noise_from_aer(model)
        return converted

    def add(
        self, channel: Channel, gates: str | Iterable[str], qubits: Sequence[int] | None = None
    ) -> NoiseModel:
        """Let ``channel`` follow these gates; return ``self``.

        Parameters
        ----------
        channel : Channel
            On as many qubits as the gates have.
        gates : str or several
            Names of gates, such as ``"cx"``.
        qubits : sequence of int or None
            The gate's qubits in order; None for all. A channel for certain qubits wins over one for all. A
            second channel for the same gate and qubits acts after the first.

        Raises
        ------
        InvalidArgument
            If a gate is unknown or has another number of qubits than the channel.
        """
        native = check_channel("channel", channel)
        on = None if qubits is None else _qubits(qubits)
        names = [gates] if isinstance(gates, str) else list(check_iterable("gates", gates))
        changed = _core.quantum.NoiseModel(self._native)  # refused as a whole or added as a whole
        for name in names:
            if not isinstance(name, str):
                raise InvalidArgument(f"gates: {shown(name)} is not a gate's name")
            changed.add(native, name, on)
        self._native = changed
        return self

    def add_readout(self, error: ReadoutError, qubits: int | Iterable[int] | None = None) -> NoiseModel:
        """Let these qubits (None: all that have no error of their own) be read wrongly; return ``self``."""
        if not isinstance(error, ReadoutError):
            raise InvalidArgument(f"error: {type(error).__name__} is not a ReadoutError")
        changed = _core.quantum.NoiseModel(self._native)
        for qubit in [None] if qubits is None else _qubits(qubits):
            changed.add_readout(error.p0_given_1, error.p1_given_0, qubit)
        self._native = changed
        return self

    def copy(self) -> NoiseModel:
        """Return a model of its own with the same content."""
        return self._wrap(self._native)  # what `add` makes replaces it

    def readout(self, qubit: int) -> ReadoutError:
        """Return the readout error of a qubit."""
        return ReadoutError(*self._native.readout(check_int32("qubit", qubit)))

    @property
    def empty(self) -> bool:
        """Whether there is neither a channel nor a readout error."""
        return self._native.empty

    @property
    def has_channels(self) -> bool:
        """Whether any gate is noisy."""
        return self._native.uniform is not None or bool(self._native.entries())

    @property
    def has_readout(self) -> bool:
        """Whether any qubit has a readout error."""
        return self._native.has_readout

    @property
    def noisy_gates(self) -> tuple[str, ...]:
        """Names of the gates that have a channel, on any qubits, in the order of `GATES`.

        Examples
        --------
        >>> from nonideal.hardware import quantum
        >>> quantum.NoiseModel().add(quantum.Channel.bit_flip(0.1), ["x", "h"], qubits=[0]).noisy_gates
        ('x', 'h')
        """
        own = {gate for gate, _, _ in self._native.entries()}
        every = self._native.uniform is not None
        return tuple(
            name
            for name, gate in GATES.items()
            if name in own or (every and (gate.n_qubits in (1, 2) or name == "unitary"))
        )

    def scaled(self, factor: float) -> NoiseModel:
        """Return the model with every channel to the power ``factor``; readout errors stay.

        Raises
        ------
        InvalidArgument
            If a channel has no such power.
        """
        return self._wrap(self._native.scaled(check_number("factor", factor)))

    def _scaled_in(self, circuit: Circuit, factor: float) -> NoiseModel:
        """Return the model with the channels that act in a circuit to the power ``factor``."""
        return self._wrap(self._native.scaled_in(factor, circuit._native))

    def to_dict(self) -> dict[str, Any]:
        """Return the model as numbers, strings and lists, for JSON."""
        uniform = self._native.uniform
        return {
            "uniform": None
            if uniform is None
            else [channel.pauli_transfer_matrix().tolist() for channel in uniform],
            "channels": [
                {
                    "gate": gate,
                    "qubits": qubits,
                    "pauli_transfer_matrix": channel.pauli_transfer_matrix().tolist(),
                }
                for gate, qubits, channel in self._native.entries()
            ],
            "readout": [
                {"qubit": qubit, "p0_given_1": p0_given_1, "p1_given_0": p1_given_0}
                for qubit, p0_given_1, p1_given_0 in self._native.readouts()
            ],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> NoiseModel:
        """Return the model that `to_dict` describes.

        Raises
        ------
        InvalidArgument
            If the mapping is not such a description.
        """
        values = check_mapping("values", values)
        try:
            model = cls()
            for entry in values["channels"]:
                channel = Channel.from_pauli_transfer_matrix(entry["pauli_transfer_matrix"])
                model.add(channel, entry["gate"], entry["qubits"])
            if values["uniform"] is not None:  # last: what is added to it is composed with it
                one, two = (Channel.from_pauli_transfer_matrix(matrix) for matrix in values["uniform"])
                model._native.set_uniform(one._native, two._native)
            for entry in values["readout"]:
                error = ReadoutError(entry["p0_given_1"], entry["p1_given_0"])
                model.add_readout(error, entry["qubit"])
        except InvalidArgument:
            raise
        except (KeyError, IndexError, TypeError, ValueError) as problem:
            raise InvalidArgument(f"values: not a noise model's ({shown(problem)})") from None
        return model

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, NoiseModel):
            return NotImplemented
        return self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        parts = []
        if self._native.uniform is not None:
            one, two = (np.diag(channel.pauli_transfer_matrix()) for channel in self._native.uniform)
            parts.append(f"lambda {one[1]:.6g} after 1-qubit and {two[1]:.6g} after 2-qubit gates")
        for gate, qubits, _ in self._native.entries():
            parts.append(gate if qubits is None else f"{gate} ({', '.join(map(str, qubits))})")
        if self.has_readout:
            parts.append("readout")
        return f"<NoiseModel: {', '.join(parts) or 'noiseless'}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return NoiseModel.from_dict, (self.to_dict(),)


def check_noise(name: str, value: Any) -> NoiseModel:
    """Return a `NoiseModel`; None stands for none."""
    if value is None:
        return NoiseModel()
    if not isinstance(value, NoiseModel):
        raise InvalidArgument(f"{name}: {type(value).__name__} is not a NoiseModel")
    return value


def _qubits(qubits: Any) -> list[int]:
    numbers = check_iterable("qubits", qubits) if isinstance(qubits, Iterable) else [qubits]
    return [check_int32(f"qubits[{i}]", qubit) for i, qubit in enumerate(numbers)]
