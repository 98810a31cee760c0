"""How readout errors change probabilities and expectations; exact."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nonideal.errors import InvalidArgument
from nonideal.hardware.quantum.noise import NoiseModel
from nonideal.hardware.quantum.observable import Term

__all__ = ["MAX_TERMS", "read_probabilities", "read_term"]

FloatArray = npt.NDArray[np.float64]

MAX_TERMS = 1 << 16  # products of Pauli matrices that one becomes


def read_probabilities(probabilities: FloatArray, noise: NoiseModel, qubits: Sequence[int]) -> FloatArray:
    """Return the probabilities of what is read, given those of what is there.

    Parameters
    ----------
    probabilities : (n, 2^k) float64
        ``qubits[0]`` is the least significant bit of the second index.
    noise : NoiseModel
        Its readout errors.
    qubits : sequence of int
        The k qubits.
    """
    result = probabilities
    for bit, qubit in enumerate(qubits):
        error = noise.readout(qubit)
        if error.p0_given_1 == 0.0 and error.p1_given_0 == 0.0:
            continue
        # (n, higher bits, this bit, lower bits); no matrix product: its bits would depend on the batch
        pairs = result.reshape(len(probabilities), -1, 2, 1 << bit)
        zero, one = pairs[:, :, 0], pairs[:, :, 1]
        read = np.empty_like(pairs)
        read[:, :, 0] = (1.0 - error.p1_given_0) * zero + error.p0_given_1 * one
        read[:, :, 1] = error.p1_given_0 * zero + (1.0 - error.p0_given_1) * one
        result = read.reshape(probabilities.shape)
    return result


def read_term(x: int, z: int, noise: NoiseModel) -> list[Term]:
    """Return what the average of a measured product of Pauli matrices is, as a sum of such products.

    A qubit that is read with errors gives a + b P instead of P, a = P(0|1) - P(1|0) and
    b = 1 - P(0|1) - P(1|0): with equal errors a product shrinks, with unequal ones parts of it join in.

    Raises
    ------
    InvalidArgument
        If there would be more than `MAX_TERMS` parts.
    """
    terms: dict[tuple[int, int], float] = {(0, 0): 1.0}
    for qubit in range((x | z).bit_length()):
        bit = 1 << qubit
        if not (x | z) & bit:
            continue
        error = noise.readout(qubit)
        added = error.p0_given_1 - error.p1_given_0
        kept = 1.0 - error.p0_given_1 - error.p1_given_0
        longer = {(tx | x & bit, tz | z & bit): value * kept for (tx, tz), value in terms.items()}
        terms = longer if added == 0.0 else {**{k: v * added for k, v in terms.items()}, **longer}
        if len(terms) > MAX_TERMS:
            raise InvalidArgument(
                f"observable: with unequal readout errors a product on {(x | z).bit_count()} qubits has more "
                f"than {MAX_TERMS} parts"
            )
    return [(value, tx, tz) for (tx, tz), value in terms.items()]
