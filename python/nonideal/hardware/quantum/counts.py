"""What a number of shots gave."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nonideal.checks import check_integer, shown
from nonideal.errors import InvalidArgument
from nonideal.memory import check_memory

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
            If the length is no power of two above 1, or a count is no whole number >= 0.
        """
        try:
            array = np.asarray(counts)
        except ValueError as problem:  # rows of different lengths
            raise InvalidArgument(f"counts: {problem}") from None
        if array.ndim != 1 or len(array) < 2 or len(array) & (len(array) - 1):
            raise InvalidArgument(f"counts: shape {array.shape} is not (2^k,)")
        if array.dtype.kind not in "iu":
            raise InvalidArgument(f"counts has dtype {array.dtype}, not a whole number's")
        if array.min() < 0:
            at = int(array.argmin())
            raise InvalidArgument(f"counts[{at}] = {array[at]} is below 0")
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
        """Return the counts by outcome, (2^k,) int64.

        Raises
        ------
        InvalidArgument
            If there are none, so that k is not known, the keys are not bit strings of one length, a count is
            no whole number >= 0, or the array does not fit into memory.
        """
        for outcome, count in self.items():
            if not isinstance(outcome, str) or not outcome or set(outcome) - {"0", "1"}:
                raise InvalidArgument(f"counts: {shown(outcome)} is not a bit string")
            check_integer(f"counts[{shown(outcome)}]", count, 0)
        widths = {len(outcome) for outcome in self}
        if not widths:
            raise InvalidArgument("counts: none; the number of bits is not known")
        if len(widths) != 1:
            raise InvalidArgument("counts: not all bit strings have the same length")
        bits = widths.pop()
        check_memory((1 << min(bits, 62),))
        array = np.zeros(1 << bits, dtype=np.int64)
        for outcome, count in self.items():
            array[int(outcome, 2)] = count
        return array
