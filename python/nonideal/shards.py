"""Finished pieces of a run on disk: what they are called, how they are written, when they can be trusted.

A shard's file is named by a hash of everything that its result depends on, so that a changed option, seed or
version never picks up a stale one. Files appear whole or not at all, and carry checksums: JSON-able results
are ``.json`` files with a SHA-256 of the result, dicts of arrays are NumPy ``.npz`` archives (whose members
carry a CRC-32).
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nonideal.errors import InvalidArgument

__all__ = ["DamagedShard", "ShardStore", "normalise", "plain", "shard_key", "write_atomically"]


class DamagedShard(Exception):
    """A shard's file cannot be trusted; the text says why."""


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a run that is killed, sees all of it or nothing.

    Parameters
    ----------
    path : Path
        Target; its folder exists. A file of that name is replaced.
    content : bytes
        What to write.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def plain(value: Any, name: str = "shard") -> Any:
    """Return a JSON form that is the same for equal values: of dataclasses, mappings, sequences and scalars.

    Raises
    ------
    InvalidArgument
        If a part has no JSON form; the text names it.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: plain(getattr(value, field.name), f"{name}.{field.name}")
            for field in dataclasses.fields(value)
        }
    if isinstance(value, Mapping):
        wrong = [key for key in value if not isinstance(key, str)]
        if wrong:
            raise InvalidArgument(f"{name} has the key {wrong[0]!r}; keys must be text")
        return {key: plain(item, f"{name}[{key!r}]") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, f"{name}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise InvalidArgument(f"{name} is a {type(value).__name__}, which has no JSON form")


def normalise(result: Any) -> Any:
    """Return a shard's result in the form in which it would come back from disk.

    A dict with at least one array becomes a dict of arrays; anything else must have a JSON form, in which
    tuples are lists. Fresh and resumed results are therefore the same objects.

    Raises
    ------
    InvalidArgument
        If the result has neither form.
    """
    if isinstance(result, dict) and any(isinstance(item, np.ndarray) for item in result.values()):
        arrays = {str(name): np.asarray(item) for name, item in result.items()}
        for name, array in arrays.items():
            if array.dtype.hasobject:
                raise InvalidArgument(f"result[{name!r}] has dtype {array.dtype}; use numbers, bool or text")
        return arrays
    return plain(result, "result")


def shard_key(identity: Mapping[str, Any], function: str, label: str, shard: Any) -> str:
    """Return the hash (64 hexadecimal digits) of everything that a shard's result depends on."""
    parts = {
        "identity": plain(identity, "identity"),
        "function": function,
        "label": label,
        "shard": plain(shard),
    }
    return hashlib.sha256(_canonical(parts)).hexdigest()


class ShardStore:
    """The folder of finished shards of a run.

    Parameters
    ----------
    folder : Path
        Where the files are; made with the first shard.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, label: str, key: str) -> Path | None:
        """Return the file of a finished shard, or None."""
        for suffix in (".json", ".npz"):
            path = self._path(label, key, suffix)
            if path.exists():
                return path
        return None

    def load(self, path: Path, key: str) -> Any:
        """Return the result in a shard's file.

        Raises
        ------
        DamagedShard
            If the file is not the whole, unchanged file that was written for this key.
        """
        try:
            return self._load_arrays(path, key) if path.suffix == ".npz" else self._load_json(path, key)
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise DamagedShard(str(error) or type(error).__name__) from error

    def save(self, label: str, key: str, result: Any) -> Path:
        """Write the (normalised) result of a shard; return its file."""
        if isinstance(result, dict) and any(isinstance(item, np.ndarray) for item in result.values()):
            buffer = io.BytesIO()
            members = {f"result/{name}": array for name, array in result.items()}
            np.savez(buffer, key=np.array(key), **members)
            path, content = self._path(label, key, ".npz"), buffer.getvalue()
        else:
            checksum = hashlib.sha256(_canonical(result)).hexdigest()
            text = json.dumps({"key": key, "sha256": checksum, "result": result})
            path, content = self._path(label, key, ".json"), text.encode()
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
        return path

    def _path(self, label: str, key: str, suffix: str) -> Path:
        return self.folder / re.sub(r"[^\w.-]+", "-", label) / f"{key[:20]}{suffix}"

    @staticmethod
    def _load_json(path: Path, key: str) -> Any:
        stored = json.loads(path.read_bytes())
        if stored["key"] != key:
            raise ValueError("it belongs to another run")
        if hashlib.sha256(_canonical(stored["result"])).hexdigest() != stored["sha256"]:
            raise ValueError("its checksum is wrong")
        return stored["result"]

    @staticmethod
    def _load_arrays(path: Path, key: str) -> dict[str, npt.NDArray[Any]]:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            if str(archive["key"]) != key:
                raise ValueError("it belongs to another run")
            return {
                name.removeprefix("result/"): archive[name]
                for name in archive.files
                if name.startswith("result/")
            }


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
