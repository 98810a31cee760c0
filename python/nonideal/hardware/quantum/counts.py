"""What a number of shots gave."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nonideal.errors import InvalidArgument

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
        """Return the dict of an array (2^k,) of counts by outcome.

        Raises
        ------
        InvalidArgument
            If there are not 2^k of them, k >= 1, or one is not a whole number >= 0.
        """
        array = np.asarray(counts)
        if array.ndim != 1 or array.dtype.kind not in "iu" or (array < 0).any():
            raise InvalidArgument("counts: not a list of whole numbers >= 0")
        bits = len(array).bit_length() - 1
        if bits < 1 or len(array) != 1 << bits:
            raise InvalidArgument(f"counts: expected 2^k of them, k >= 1, got {len(array)}")
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
        """Return the counts by outcome, (2^k,) int64.

        Raises
        ------
        InvalidArgument
            If nothing was counted, which leaves k open, or the outcomes are not all of k bits.
        """
        if not any(self):
            raise InvalidArgument("counts: no outcome says how many bits there are")
        bits = len(next(iter(self)))
        for outcome in self:
            if len(outcome) != bits or not set(outcome) <= {"0", "1"}:
                raise InvalidArgument(f"counts: outcome {outcome!r} is not of {bits} bits")
        array = np.zeros(1 << bits, dtype=np.int64)
        for outcome, count in self.items():
            array[int(outcome, 2)] = count
        return array
