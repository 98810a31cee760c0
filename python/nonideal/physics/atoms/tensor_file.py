r"""One flat file of named arrays below a JSON header, with a checksum; all is checked before it is used.

All numbers are little endian.

=============  =================================================================================
bytes          content
=============  =================================================================================
0-7            eight bytes that name the kind of file
8-11           its version, uint32
12-15          zero
16-23          H, bytes of the header, uint64, a multiple of 64, above 0
24-31          P, bytes of the payload, uint64, a multiple of 64; the file ends at 64 + H + P
32-63          SHA-256 of all that follows
64 ... 64+H    the header: one JSON object in ASCII (RFC 8259: no NaN, no key twice), then blanks
64+H ...       the payload: the arrays
=============  =================================================================================

The header's ``tensors`` is ``{name: {"dtype": "float32", "shape": [3, 2], "offset": 0}}``. Arrays are
row-major. An offset counts from the payload's start (itself a multiple of 64 from the file's), is a multiple
of 64, and is the first such one behind the array before it: the order of the names is that of the payload.
Zero bytes fill the gaps, up to the payload's end.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nonideal.checks import shown
from nonideal.errors import InvalidArgument
from nonideal.shards import write_atomically

__all__ = ["FileKind", "Tensors", "as_path"]

Tensors: TypeAlias = dict[str, NDArray[Any]]

_ALIGNMENT = 64
_DTYPES = {name: np.dtype(name).newbyteorder("<") for name in ("float32", "float64", "int64", "uint8")}
_ENTRY = {"dtype", "shape", "offset"}


@dataclass(frozen=True)
class FileKind:
    """What a file of this container holds.

    Attributes
    ----------
    what : str
        What it is, for errors.
    magic : bytes
        Its first eight bytes.
    version : int
        The one version that is read and written.
    dtypes : collection of str
        Of its arrays, among float32, float64, int64, uint8.
    """

    what: str
    magic: bytes
    version: int
    dtypes: Collection[str]

    def write(self, path: str | Path, header: Mapping[str, Any], tensors: Tensors) -> Path:
        """Write header and arrays; the file is whole or not there.

        Raises
        ------
        InvalidArgument
            If the file cannot be written, a float is not finite, or the header is no JSON.
        """
        place = as_path("path", path)
        content = self.encode(header, tensors)
        try:
            write_atomically(place, content)
        except (OSError, ValueError) as error:
            raise InvalidArgument(f"{place} cannot be written ({_reason(error)})") from None
        return place

    def read(self, path: str | Path) -> tuple[dict[str, Any], Tensors]:
        """Return header and arrays of a file.

        Raises
        ------
        InvalidArgument
            Naming the file and what is wrong with it.
        """
        place = as_path("path", path)
        try:
            content = place.read_bytes()
        except (OSError, ValueError) as error:
            raise InvalidArgument(f"{place} cannot be read ({_reason(error)})") from None
        return self.decode(content, str(place))

    def encode(self, header: Mapping[str, Any], tensors: Tensors) -> bytes:
        """Return a file's content.

        Examples
        --------
        >>> kind = FileKind("example", b"EXAMPLE.", 1, ["float64"])
        >>> content = kind.encode({"a": 1}, {"x": np.arange(3.0)})
        >>> len(content), kind.decode(content, "it")[1]["x"]
        (256, array([0., 1., 2.]))
        """
        table: dict[str, Any] = {}
        payload = bytearray()
        for name, array in tensors.items():
            dtype = array.dtype.name
            if dtype not in self.dtypes:
                raise InvalidArgument(f"{name} has dtype {dtype}, not one of {', '.join(self.dtypes)}")
            _check_finite(name, array)
            table[name] = {"dtype": dtype, "shape": list(array.shape), "offset": len(payload)}
            payload += np.ascontiguousarray(array, _DTYPES[dtype]).tobytes()
            payload += bytes(-len(payload) % _ALIGNMENT)
        try:
            text = json.dumps({**header, "tensors": table}, allow_nan=False, separators=(",", ":"))
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidArgument(f"header: {error}") from None
        head = text.encode("ascii")
        head += b" " * (-len(head) % _ALIGNMENT)
        rest = head + bytes(payload)
        start = struct.pack("<8sIIQQ", self.magic, self.version, 0, len(head), len(payload))
        return start + hashlib.sha256(rest).digest() + rest

    def decode(self, content: bytes, name: str) -> tuple[dict[str, Any], Tensors]:
        """Return header and arrays of a file's content; ``name`` stands in errors."""
        head = self._header(content, name)
        table = head.pop("tensors", None)
        if not isinstance(table, dict):
            raise InvalidArgument(f"{name}: the header has no table of tensors")
        first = _ALIGNMENT + struct.unpack_from("<Q", content, 16)[0]
        payload = memoryview(content)[first:]
        tensors: Tensors = {}
        end = 0
        for key, entry in table.items():
            array, end = self._tensor(f"{name}: tensor {shown(key)}", entry, payload, end)
            tensors[key] = array
        if end != len(payload):
            raise InvalidArgument(f"{name}: the payload has {len(payload)} bytes, its tensors fill {end}")
        return head, tensors

    def _header(self, content: bytes, name: str) -> dict[str, Any]:
        """Return the header of content whose length and checksum are right."""
        size = len(content)
        if size < _ALIGNMENT:
            raise InvalidArgument(f"{name} has {size} bytes; a {self.what} has at least {_ALIGNMENT}")
        magic, version, zero, head, payload = struct.unpack_from("<8sIIQQ", content)
        if magic != self.magic:
            raise InvalidArgument(f"{name} is no {self.what}: it begins with {magic!r}, not {self.magic!r}")
        if version != self.version:
            raise InvalidArgument(f"{name} has version {version}; version {self.version} is read here")
        if zero != 0:
            raise InvalidArgument(f"{name}: bytes 12-15 hold {zero}, not 0")
        if head == 0 or head % _ALIGNMENT or payload % _ALIGNMENT or _ALIGNMENT + head + payload != size:
            raise InvalidArgument(
                f"{name} has {size} bytes, which a header of {head} and a payload of {payload} do not make"
            )
        if hashlib.sha256(memoryview(content)[_ALIGNMENT:]).digest() != content[32:_ALIGNMENT]:
            raise InvalidArgument(f"{name} is damaged: its checksum is wrong")
        try:
            text = content[_ALIGNMENT : _ALIGNMENT + head].decode("ascii")
            header = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise InvalidArgument(f"{name}: the header is no JSON ({error})") from None
        if not isinstance(header, dict):
            raise InvalidArgument(f"{name}: the header is no JSON object")
        return header

    def _tensor(self, where: str, entry: Any, payload: memoryview, start: int) -> tuple[NDArray[Any], int]:
        """Return a checked array that begins at ``start``, and where the next one does."""
        if not isinstance(entry, dict) or set(entry) != _ENTRY:
            raise InvalidArgument(f"{where} is {shown(entry)}, not an object of dtype, shape and offset")
        dtype, shape, offset = entry["dtype"], entry["shape"], entry["offset"]
        if not isinstance(dtype, str) or dtype not in self.dtypes:
            raise InvalidArgument(f"{where} has dtype {shown(dtype)}, not one of {', '.join(self.dtypes)}")
        if not isinstance(shape, list) or not all(type(n) is int and n >= 0 for n in shape):
            raise InvalidArgument(f"{where} has shape {shown(shape)}, not whole numbers >= 0")
        if type(offset) is not int or offset != start:
            raise InvalidArgument(f"{where} has offset {shown(offset)}, not {start}")
        count = math.prod(shape)
        kind = _DTYPES[dtype]
        end = start + count * kind.itemsize
        if end > len(payload):
            raise InvalidArgument(f"{where} ends at byte {end} of a payload of {len(payload)}")
        try:
            array = np.frombuffer(payload, kind, count, start).reshape(shape).astype(dtype)
        except (ValueError, OverflowError) as error:  # more dimensions, or larger ones, than NumPy has
            raise InvalidArgument(f"{where} has shape {shown(shape)} ({error})") from None
        _check_finite(where, array)
        after = end + -end % _ALIGNMENT
        if any(payload[end:after]):
            raise InvalidArgument(f"{where}: the bytes behind it are not zero")
        return array, after


def as_path(name: str, value: Any) -> Path:
    """Return a path of what may stand for one."""
    try:
        return Path(value)
    except TypeError:
        raise InvalidArgument(f"{name} = {shown(value)} is not a path") from None


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)


def _check_finite(name: str, array: NDArray[Any]) -> None:
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        index = int((~np.isfinite(array)).argmax())
        raise InvalidArgument(f"{name}: number {index} is {array.ravel()[index]}, not finite")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is no number")
