"""Bit planes: the bits of one column for all lanes, 64 lanes to a word."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nonideal import _core
from nonideal.checks import check_int32, check_integer, check_threads
from nonideal.errors import InvalidArgument
from nonideal.hardware.cram.program import Port

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
        if not words.flags.aligned:
            raise InvalidArgument("words: the array is not aligned to 8 bytes; numpy.require makes a copy")
        for name, low in (("lanes", 0), ("repeat", 1), ("entries", 1)):
            value = getattr(self, name)
            if value is not None or name != "entries":
                object.__setattr__(self, name, check_integer(name, value, low))
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
        values = _core.cram.unpack(
            self.words, entries, check_int32("bits", bits), signed, check_threads(num_threads)
        )
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
    bits, threads = check_int32("bits", bits), check_threads(num_threads)
    array = integer_array(name, values)
    if array.ndim not in (1, 2):
        raise InvalidArgument(f"{name}: shape {array.shape} is neither (lanes,) nor (lanes, length)")
    if 0 in array.shape[1:]:
        raise InvalidArgument(f"{name}: shape {array.shape} has no words")
    if array.dtype.kind == "u" and array.size and int(array.max()) >= 2**63 and 1 <= bits <= 63:
        index = ", ".join(map(str, np.unravel_index(array.argmax(), array.shape)))
        low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
        raise InvalidArgument(f"{name}[{index}] = {int(array.max())} is outside [{low}, {high}]")
    table = np.require(array[:, np.newaxis] if array.ndim == 1 else array, np.int64, ["C", "A"])
    planes = _core.cram.pack(name, table, bits, signed, threads)
    return BitPlanes(planes, array.shape[0])


def integer_array(name: str, values: Any) -> npt.NDArray[Any]:
    """Return values as an array of some integer type (or bool)."""
    try:
        array = np.asarray(values)
    except ValueError as problem:  # rows of different lengths
        raise InvalidArgument(f"{name}: {problem}") from None
    if array.size == 0 and array.dtype == np.float64 and not isinstance(values, np.ndarray):
        array = array.astype(np.int64)  # an empty list has no type of its own
    if array.dtype.kind not in "iub":
        raise InvalidArgument(f"{name}: dtype {array.dtype} is not an integer type")
    return array


def counting_planes(bits: int, lanes: int, first: int = 0) -> npt.NDArray[np.uint64]:
    """Lane i holds the binary digits of ``(first + i) mod 2^bits``; ``first`` is a multiple of 64."""
    index = np.arange(first // 64, first // 64 - (-lanes // 64), dtype=np.uint64)
    patterns = [sum(1 << i for i in range(64) if i >> bit & 1) for bit in range(6)]
    planes = np.empty((bits, len(index)), dtype=np.uint64)
    for bit in range(bits):
        if bit < 6:
            planes[bit] = np.uint64(patterns[bit])
        else:
            planes[bit] = -(index >> np.uint64(bit - 6) & np.uint64(1))
    if lanes % 64:
        planes[:, -1] &= np.uint64((1 << lanes % 64) - 1)
    return planes


def port_planes(ports: Iterable[Port], words: npt.NDArray[np.uint64], lanes: int) -> list[BitPlanes]:
    """Cut the planes of consecutive columns into those of each port."""
    planes, row = [], 0
    for port in ports:
        planes.append(BitPlanes(words[row : row + len(port.columns)], lanes))
        row += len(port.columns)
    return planes
