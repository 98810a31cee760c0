"""How a simulator gets its numbers: which method runs a circuit, and what is read and sampled from it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from nonideal import _core
from nonideal.errors import InvalidArgument
from nonideal.hardware.quantum.circuit import Circuit
from nonideal.hardware.quantum.noise import NoiseModel
from nonideal.hardware.quantum.readout import read_probabilities, read_term
from nonideal.memory import check_memory

__all__ = ["Engine", "Method", "Pauli"]

FloatArray = npt.NDArray[np.float64]
Pauli = tuple[int, int]  # x mask, z mask

Method = Literal["automatic", "statevector", "density_matrix", "trajectories"]

_DENSITY_QUBITS = 12  # above them 4^n numbers (134 MB at 12) cost more than sampling trajectories
_PROGRAM_QUBITS = 8  # a joint distribution of more qubits is read off the state, not off 2^k expectations
_MAX_INSTRUCTIONS = 20_000  # of a compiled program; finding out takes up to 0.3 s
_BLOCK = 1 << 22  # numbers of a table of probabilities that exist at the same time while sampling


@dataclass(frozen=True)
class Engine:
    """Runs circuits whose arguments have been checked.

    Parameters
    ----------
    noise, method, seed
        As of `Simulator`.
    single : bool
        States in 32-bit floats.
    threads : int
        As C++ takes it: 0 for the default.
    """

    noise: NoiseModel
    method: Method
    single: bool
    seed: int
    threads: int

    def _large(self, circuit: Circuit) -> bool:
        """Whether a noisy circuit's density matrix is too much for ``automatic``."""
        return self.noise.has_channels and circuit.n_qubits > _DENSITY_QUBITS

    def _runs_trajectories(self, circuit: Circuit) -> bool:
        return self.method == "trajectories" or (self.method == "automatic" and self._large(circuit))

    @property
    def _dense_method(self) -> str:
        if self.method == "automatic":
            return "density_matrix" if self.noise.has_channels else "statevector"
        return self.method

    def _program(self, circuit: Circuit, paulis: list[Pauli]) -> _core.quantum.Program | None:
        """Return a compiled batch of expectations, or None where it is not worth it or would be long.

        Whether it is depends on the circuit, never on the size of the batch: the bits must not.
        """
        worthwhile = circuit.parameters or self._large(circuit)
        if self.method != "automatic" or not worthwhile or not paulis:
            return None
        try:
            return _core.quantum.compile(
                circuit._native,
                self.noise._native,
                [[(1.0, x, z)] for x, z in paulis],
                _MAX_INSTRUCTIONS,
            )
        except InvalidArgument:
            return None

    def estimates(
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
            return program.run(angles, num_threads=self.threads)
        dense: FloatArray = _core.quantum.expectation_dense(
            circuit._native,
            self.noise._native,
            angles,
            paulis,
            self._dense_method,
            self.single,
            self.threads,
        )
        return dense

    def _read(self, paulis: list[Pauli]) -> tuple[list[list[tuple[float, int]]], list[Pauli]]:
        """Return each average of readings as (factor, column) of expectations, -1 for 1; and the columns."""
        columns: dict[Pauli, int] = {}
        parts = []
        for x, z in paulis:
            part = []
            for value, px, pz in read_term(x, z, self.noise):
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
            seed=self.seed,
            stream=stream,
            offset=offset * n_terms,
            num_threads=self.threads,
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
                    self.noise._native,
                    angles[row : row + 1],
                    needed,
                    shots,
                    self.seed,
                    stream,
                    (offset + row) * len(paulis) + term,
                    self.threads,
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

    def probabilities(self, circuit: Circuit, angles: FloatArray, qubits: list[int]) -> FloatArray:
        """Return the exact probabilities (n_circuits, 2^k) of what is read."""
        return self._table(circuit, angles, qubits, self._joint_program(circuit, qubits))

    def _table(
        self,
        circuit: Circuit,
        angles: FloatArray,
        qubits: list[int],
        program: _core.quantum.Program | None,
    ) -> FloatArray:
        if program is not None:
            check_memory((len(angles), 1 << len(qubits)), n_arrays=3)
            there = _from_parities(program.run(angles, num_threads=self.threads), len(qubits))
        else:
            there = _core.quantum.probabilities_dense(
                circuit._native,
                self.noise._native,
                angles,
                qubits,
                self._dense_method,
                self.single,
                self.threads,
            )
        return read_probabilities(there, self.noise, qubits)

    def sampled(
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
                    self.noise._native,
                    block,
                    qubits,
                    shots,
                    self.seed,
                    stream,
                    offset + first,
                    self.threads,
                )
            else:
                chances = self._table(circuit, block, qubits, program)
                if self.single:  # they sum to 1 within the precision of a state
                    chances /= chances.sum(axis=1, keepdims=True)
                yield _core.quantum.sample_multinomial(
                    chances,
                    shots=shots,
                    seed=self.seed,
                    stream=stream,
                    offset=offset + first,
                    num_threads=self.threads,
                )


def _check_offset(offset: int, rows: int, per_row: int, power: int) -> None:
    """Refuse circuits whose random numbers would lie beyond the last ones: 2^power places, per_row each."""
    last = (1 << power) // per_row - rows
    if last < 0:
        raise InvalidArgument(
            f"parameters: {rows} rows are above {(1 << power) // per_row}, for which there are random numbers"
        )
    if offset > last:
        raise InvalidArgument(f"offset = {offset} is outside [0, {last}]")


def _from_parities(parities: FloatArray, bits: int) -> FloatArray:
    """Return the probabilities (n, 2^k) of bits whose 2^k - 1 products have these averages (n, 2^k - 1)."""
    result = np.concatenate([np.ones((len(parities), 1)), parities], axis=1)
    for bit in range(bits):
        pairs = result.reshape(len(result), -1, 2, 1 << bit)
        even, odd = pairs[:, :, 0], pairs[:, :, 1]
        result = np.stack([(even + odd) / 2.0, (even - odd) / 2.0], axis=2).reshape(result.shape)
    return np.clip(result, 0.0, 1.0)
