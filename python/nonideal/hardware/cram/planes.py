"""Bit planes: the bits of one column for all lanes, 64 lanes to a word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nonideal import _core
from nonideal.errors import InvalidArgument

__all__ = ["BLOCK_LANES", "BitPlanes", "pack"]

BLOCK_LANES: int = _core.cram.BLOCK_LANES
"""Lanes that share a stretch of the random numbers; tiles are multiples of it. Fixed for a version."""


@dataclass(frozen=True, eq=False)
class BitPlanes:
    """The bits of a port's columns for all lanes, as the simulator reads them: without a copy.

    Parameters
    ----------
    words : (length * bits, ceil(entries / 64)) uint64, C-contiguous
        A row per column, word after word, plane of bit 0 first. Entry i lies in bit ``i % 64`` of word ``i //
        64``; bits beyond the last entry are zero.
    lanes : int
        Number of lanes.
    repeat, entries : int
        Lane i reads entry ``(i // repeat) % entries``; by default each lane has an entry of its own. So
        operands that many lanes share (the pixels of an image, the weights of an output) are stored once.

    Raises
    ------
    InvalidArgument
        If the words have another type or shape or are not C-contiguous, a bit beyond the last entry is set,
        or a number is out of range.

    Examples
    --------
    >>> from nonideal.hardware import cram
    >>> planes = cram.pack([1, 2, 3], bits=2)
    >>> planes.words
    array([[5],
           [6]], dtype=uint64)
    >>> planes.unpack(2)
    array([1, 2, 3])
    """

    words: npt.NDArray[np.uint64]
    lanes: int
    repeat: int = 1
    entries: int | None = None

    def __post_init__(self) -> None:
        words = self.words
        if not isinstance(words, np.ndarray) or words.dtype != np.uint64 or words.ndim != 2:
            kind = (
                f"{words.dtype} array of shape {words.shape}"
                if isinstance(words, np.ndarray)
                else type(words).__name__
            )
            raise InvalidArgument(f"words = {kind} is not a uint64 array of two dimensions")
        if not words.flags.c_contiguous:
            raise InvalidArgument(
                "words: the array is not C-contiguous; numpy.ascontiguousarray makes a copy that is"
            )
        if self.lanes < 0:
            raise InvalidArgument(f"lanes = {self.lanes} is below 0")
        if self.repeat < 1:
            raise InvalidArgument(f"repeat = {self.repeat} is below 1")
        if self.entries is not None and self.entries < 1:
            raise InvalidArgument(f"entries = {self.entries} is below 1")
        entries = self.lanes if self.entries is None else self.entries
        if words.shape[1] != -(-entries // 64):
            raise InvalidArgument(
                f"words: {words.shape[1]} words a plane, expected {-(-entries // 64)} for {entries} entries"
            )
        if entries % 64 and np.any(words[:, -1] >> np.uint64(entries % 64)):
            raise InvalidArgument(
                f"words: bits beyond the last of {entries} entries are set; they must be zero"
            )

    def unpack(
        self, bits: int, *, signed: bool = False, num_threads: int | None = None
    ) -> npt.NDArray[np.int64]:
        """Return the entries as integers, shape (entries,) for one word, else (entries, length).

        Raises
        ------
        InvalidArgument
            If ``bits`` is outside [1, 63] or doesn't divide the number of planes.
        """
        entries = self.lanes if self.entries is None else self.entries
        values = _core.cram.unpack(self.words, entries, bits, signed, num_threads or 0)
        return values[:, 0] if values.shape[1] == 1 else values

    def _as_core(self) -> tuple[npt.NDArray[np.uint64], int, int]:
        return self.words, self.repeat, self.entries or 0


def pack(values: Any, bits: int, *, signed: bool = False, num_threads: int | None = None) -> BitPlanes:
    """Return integers as bit planes.

    Parameters
    ----------
    values : (lanes,) or (lanes, length) integers
        In [0, 2^bits), or [-2^(bits-1), 2^(bits-1)) where ``signed``. Any integer type and memory layout.
    bits : int
        Width of a word, 1 to 63.

    Raises
    ------
    InvalidArgument
        If the values are not integers, have another shape or are out of range (the first such value is
        named).
    """
    return pack_port("values", values, bits, signed, num_threads)


def pack_port(name: str, values: Any, bits: int, signed: bool, num_threads: int | None) -> BitPlanes:
    """Pack a port's values; refusals speak of ``name``."""
    array = np.asarray(values)
    if array.size == 0 and array.dtype == np.float64 and not isinstance(values, np.ndarray):
        array = array.astype(np.int64)  # an empty list has no type of its own
    if array.dtype.kind not in "iub":
        raise InvalidArgument(f"{name}: dtype {array.dtype} is not an integer type")
    if array.ndim not in (1, 2):
        raise InvalidArgument(f"{name}: shape {array.shape} is neither (lanes,) nor (lanes, length)")
    if array.dtype == np.uint64 and array.size and int(array.max()) >= 2**63:
        raise InvalidArgument(f"{name}: {int(array.max())} is outside the range of {bits} bits")
    table = np.ascontiguousarray(
        array.reshape(array.shape[0], -1 if array.size else max(array.shape[1:], default=1))
    )
    planes = _core.cram.pack(name, table.astype(np.int64, copy=False), bits, signed, num_threads or 0)
    return BitPlanes(planes, array.shape[0])
