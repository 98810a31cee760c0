"""Counts as Qiskit wants them: shot by shot, and by classical bit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nonideal.hardware.quantum.counts import Counts

__all__ = ["shot_outcomes", "to_clbits"]


def shot_outcomes(counts: Counts, seed: int, *, stream: int = 0, offset: int = 0) -> npt.NDArray[np.int64]:
    """Return the outcome of every shot, (shots,) int64, in random order.

    Counts know no order; independent shots in random order have the same law as those that were counted, so
    that the first half of them is a fair sample, too.

    Parameters
    ----------
    counts : Counts
        Of one circuit.
    seed, stream, offset : int
        As for the counts: the order is a function of these alone.

    Examples
    --------
    >>> from nonideal.hardware import quantum
    >>> bool((shot_outcomes(quantum.Counts({"10": 3}), seed=7) == 2).all())
    True
    """
    values = np.array([int(bits, 2) for bits in counts], dtype=np.int64)
    generator = np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, offset, stream]))
    return generator.permutation(np.repeat(values, list(counts.values())))


def to_clbits(outcome: int, clbits: Sequence[int]) -> int:
    """Return what stands in the classical bits where bit i of the outcome goes to ``clbits[i]``.

    Examples
    --------
    >>> to_clbits(0b01, [3, 0])
    8
    """
    return sum((int(outcome) >> i & 1) << clbit for i, clbit in enumerate(clbits))
