"""What a number of shots gave."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["Counts"]


class Counts(dict[str, int]):
    """How often each outcome was seen: a dict of bit strings, the last character is the first measured qubit.

    Outcomes that were not seen are left out.

    Examples
    --------
    >>> from nonideal.hardware import quantum
    >>> counts = quantum.Simulator(seed=7).sample(quantum.Circuit(2).x(0), shots=100)
    >>> counts
    {'01': 100}
    >>> counts.to_array()
    array([  0, 100,   0,   0])
    """

    @classmethod
    def from_array(cls, counts: Sequence[int] | npt.NDArray[np.int64]) -> Counts:
        """Return the dict of an array (2^k,) of counts by outcome."""
        array = np.asarray(counts)
        bits = len(array).bit_length() - 1
        seen = np.flatnonzero(array)
        return cls(
            (format(outcome, f"0{bits}b"), count)
            for outcome, count in zip(seen.tolist(), array[seen].tolist(), strict=True)
        )

    @property
    def shots(self) -> int:
        """Number of shots."""
        return sum(self.values())

    def to_array(self) -> npt.NDArray[np.int64]:
        """Return the counts by outcome, (2^k,) int64."""
        bits = len(next(iter(self)))
        array = np.zeros(1 << bits, dtype=np.int64)
        for outcome, count in self.items():
            array[int(outcome, 2)] = count
        return array
