"""Open Catalyst's LMDB files: pickled graphs, read without running what a pickle may ask for."""

from __future__ import annotations

import importlib
import io
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nonideal.errors import InvalidArgument
from nonideal.physics.atoms.extras import import_torch

__all__ = ["oc20_lmdb", "read_record"]


class _Graph:
    """Stands for PyTorch Geometric's Data, of which only the stored values are wanted."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def values(self) -> dict[str, Any]:
        """Return what was stored, in the layouts of its versions 1 and 2."""
        store = self.__dict__.get("_store", self)
        found = store.__dict__.get("_mapping", store.__dict__)
        return {name: value for name, value in found.items() if value is not None}


class _Unpickler(pickle.Unpickler):
    """Knows tensors, arrays and graphs; any other name in a pickle is refused, for it could run anything."""

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith("torch_geometric.data."):
            return _Graph
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            import_torch()
            from torch._utils import _rebuild_tensor_v2

            return _rebuild_tensor_v2
        if (module, name) == ("torch.storage", "_load_from_bytes"):
            return _storage
        if (module, name) == ("collections", "OrderedDict"):
            return dict
        if (module, name) == ("builtins", "set"):
            return set
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name in (
            "_reconstruct",
            "scalar",
        ):
            return getattr(importlib.import_module(module), name)
        if module == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        raise InvalidArgument(f"a record holds {module}.{name}, which is not read: it could run anything")


def _storage(content: bytes) -> Any:
    torch = import_torch()
    return torch.load(io.BytesIO(content), weights_only=True)


def oc20_lmdb(path: Path) -> Iterator[dict[str, Any]]:
    """Give a file's structures, or those of all files of a folder, as arguments of a Frame."""
    try:
        import lmdb
    except ImportError:
        raise InvalidArgument("lmdb is not installed; `pip install lmdb` brings it") from None
    for file in sorted(path.glob("*.lmdb")) if path.is_dir() else [path]:
        environment = lmdb.open(str(file), subdir=False, readonly=True, lock=False, readahead=False)
        with environment, environment.begin() as transaction:
            for key in sorted((key for key, _ in transaction.cursor() if key.isdigit()), key=int):
                yield read_record(transaction.get(key))


def read_record(content: bytes) -> dict[str, Any]:
    """Return a record as arguments of a Frame: energies are the raw ones where both are stored."""
    graph = _Unpickler(io.BytesIO(content)).load()
    if not isinstance(graph, _Graph):
        raise InvalidArgument(f"a record is no graph, but {type(graph).__name__}")
    values = graph.values()
    missing = [name for name in ("atomic_numbers", "pos", "cell") if name not in values]
    if missing:
        raise InvalidArgument(f"a record has no {missing[0]}")
    energy = values.get("energy", values.get("y"))
    forces = values.get("forces", values.get("force"))
    fixed = values.get("fixed")
    return {
        "numbers": np.asarray(values["atomic_numbers"]).astype(np.int64),
        "positions": np.asarray(values["pos"]),
        "cell": np.asarray(values["cell"]).reshape(3, 3),
        "pbc": True,
        "energy": None if energy is None else float(energy),
        "forces": None if forces is None else np.asarray(forces),
        "force_mask": None if fixed is None else np.asarray(fixed) == 0,
        "info": {name: values[name] for name in ("sid", "fid") if name in values},
    }
