"""Noise models of Qiskit Aer."""

from __future__ import annotations

from typing import Any

import numpy as np

from nonideal.errors import InvalidArgument, MissingExtra
from nonideal.hardware.quantum.channel import Channel
from nonideal.hardware.quantum.circuit import GATES
from nonideal.hardware.quantum.noise import NoiseModel, ReadoutError

try:
    import qiskit_aer.noise as aer
    from qiskit.quantum_info import PTM
except ImportError:
    raise MissingExtra("qiskit-aer", "quantum") from None

__all__ = ["channel_from_aer", "noise_from_aer"]

# Errors on what no circuit here can hold never act: a delay is refused, and so is a reset after a gate.
_NEVER_RUN = frozenset({"delay", "reset"})
_MOST_QUBITS = 3  # of a channel
_ROUNDING = 1e-15  # entries of a Pauli transfer matrix below it are the rounding of sums of products


def noise_from_aer(model: aer.NoiseModel) -> NoiseModel:
    """Return the noise model that a ``qiskit_aer.noise.NoiseModel`` describes.

    As in Aer, an error for certain qubits replaces the one for all, gates without an error are noiseless,
    and so are gates on qubits without one. Errors on reset and delay are left out: no circuit holds a delay,
    nor a reset but those that prepare the initial state, which has no noise. An error for all ``unitary``
    acts on the first qubits of larger matrices, of at most three qubits here.

    Parameters
    ----------
    model : qiskit_aer.noise.NoiseModel
        Errors on gates of `GATES`, on at most three qubits; readout errors on single qubits.

    Raises
    ------
    InvalidArgument
        If there is an error on a measurement, on another gate or on a label, on more than three qubits, a
        joint readout error, or a noise pass of the user's own; it is named.

    Examples
    --------
    >>> from qiskit_aer import noise
    >>> from nonideal.hardware import quantum
    >>> model = noise.NoiseModel(basis_gates=["h", "cx"])
    >>> model.add_all_qubit_quantum_error(noise.depolarizing_error(0.01, 2), "cx")
    >>> quantum.NoiseModel.from_qiskit_aer(model)
    <NoiseModel: cx>
    """
    if not isinstance(model, aer.NoiseModel):
        raise InvalidArgument(f"model: {type(model).__name__} is not a qiskit_aer.noise.NoiseModel")
    for noise_pass in model._custom_noise_passes:
        if not isinstance(noise_pass, aer.RelaxationNoisePass):  # this one is for delays
            raise InvalidArgument(f"model: the noise pass {type(noise_pass).__name__} is not supported")
    converted = NoiseModel()
    for gate, error in model._default_quantum_errors.items():
        _add(converted, gate, error, None)
    for gate, errors in model._local_quantum_errors.items():
        for qubits, error in errors.items():
            _add(converted, gate, error, qubits)
    if model._default_readout_error is not None:
        converted.add_readout(_readout(model._default_readout_error, "all qubits"))
    for qubits, error in model._local_readout_errors.items():
        converted.add_readout(_readout(error, f"qubits {qubits}"), qubits)
    return converted


def channel_from_aer(error: aer.QuantumError) -> Channel:
    """Return the channel of a ``qiskit_aer.noise.QuantumError``; its qubit 0 is the gate's first.

    Examples
    --------
    >>> from qiskit_aer.noise import depolarizing_error
    >>> from nonideal.hardware.quantum import interop
    >>> interop.channel_from_aer(depolarizing_error(0.25, 1))
    <Channel: 1 qubit, Paulis shrink by 0.75>
    """
    if not isinstance(error, aer.QuantumError):
        raise InvalidArgument(f"error: {type(error).__name__} is not a qiskit_aer.noise.QuantumError")
    matrix = np.asarray(PTM(error).data).real
    return Channel.from_pauli_transfer_matrix(np.where(np.abs(matrix) < _ROUNDING, 0.0, matrix))


def _add(model: NoiseModel, gate: str, error: Any, qubits: tuple[int, ...] | None) -> None:
    if gate in _NEVER_RUN:
        return
    if gate not in GATES or gate == "barrier":
        raise InvalidArgument(f"model: an error on {gate!r} is not supported; errors may be on {_GATE_NAMES}")
    if error.num_qubits > _MOST_QUBITS:
        raise InvalidArgument(
            f"model: the error on {gate!r} is on {error.num_qubits} qubits, more than {_MOST_QUBITS}"
        )
    channel = channel_from_aer(error)
    model.add(channel, gate, qubits)
    if gate == "unitary" and qubits is None:  # Aer lets it act on the first qubits of larger matrices
        for others in range(1, _MOST_QUBITS - error.num_qubits + 1):
            model.add(channel.tensor(Channel.depolarizing(0.0, others)), gate)


_GATE_NAMES = ", ".join(name for name in GATES if name != "barrier")


def _readout(error: Any, where: str) -> ReadoutError:
    if error.number_of_qubits != 1:
        raise InvalidArgument(f"model: the joint readout error of {where} is not supported")
    (_, p1_given_0), (p0_given_1, _) = np.asarray(error.probabilities)
    return ReadoutError(p0_given_1=float(p0_given_1), p1_given_0=float(p1_given_0))
