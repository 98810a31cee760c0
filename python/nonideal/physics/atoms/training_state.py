"""The folder of a training run: its data, and all that a resumed run needs to go on with the same bits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nonideal.errors import InvalidArgument
from nonideal.physics.atoms.architecture import architecture
from nonideal.physics.atoms.frame import Frame
from nonideal.physics.atoms.model_file import ModelFile
from nonideal.physics.atoms.tensor_file import FileKind, Tensors

if TYPE_CHECKING:
    from nonideal.physics.atoms.model import LEIGNN

__all__ = [
    "DATA_FILE",
    "MODEL_FILE",
    "STATE",
    "STATE_FILE",
    "header_of",
    "model_of",
    "read_data",
    "write_data",
]

DATA_FILE, STATE_FILE, MODEL_FILE = "frames.nidata", "state.nitrain", "model.leignn"
STATE = FileKind("training state", b"\x89NITRAI\n", 2, ("float32", "float64"))
_DATA = FileKind("file of frames", b"\x89NIFRAM\n", 1, ("float64", "int64", "uint8"))
_LABELS = ("energy", "forces", "stress", "force_mask")


def write_data(folder: Path, sets: dict[str, Sequence[Frame]]) -> None:
    """Write sets of frames; what is in ``info`` is left out."""
    tensors: Tensors = {}
    for name, frames in sets.items():
        tensors[f"{name}.n_atoms"] = np.array([len(frame) for frame in frames], dtype=np.int64)
        tensors[f"{name}.numbers"] = _joined([frame.numbers for frame in frames], np.int64)
        tensors[f"{name}.positions"] = _joined([frame.positions for frame in frames], np.float64)
        tensors[f"{name}.cells"] = np.stack([frame.cell for frame in frames])
        tensors[f"{name}.pbc"] = np.stack([frame.pbc for frame in frames]).astype(np.uint8)
        for label in _LABELS:
            given = [getattr(frame, label) for frame in frames]
            kind = np.uint8 if label == "force_mask" else np.float64
            tensors[f"{name}.{label}_known"] = np.array([v is not None for v in given], dtype=np.uint8)
            tensors[f"{name}.{label}"] = _joined(
                [np.ravel(np.asarray(value)) for value in given if value is not None], kind
            )
    _DATA.write(folder / DATA_FILE, {}, tensors)


def read_data(folder: Path) -> dict[str, list[Frame]]:
    """Return the sets of frames that `write_data` wrote."""
    _, tensors = _DATA.read(folder / DATA_FILE)
    sets: dict[str, list[Frame]] = {}
    try:
        for name in dict.fromkeys(key.split(".")[0] for key in tensors):
            sets[name] = _frames({k.split(".")[1]: v for k, v in tensors.items() if k.startswith(f"{name}.")})
    except (KeyError, IndexError, ValueError) as error:
        raise InvalidArgument(f"{folder / DATA_FILE}: {error}") from None
    return sets


def header_of(model: LEIGNN) -> dict[str, Any]:
    """Return what of a model is not among its parameters."""
    return {
        "species": list(model.species),
        "model": model.architecture.arguments(),
        "backend": model.backend,
        "energy_scale": float(model.energy_scale),
        "energy_reference": model.energy_reference.tolist(),
        "metadata": model.metadata,
    }


def model_of(header: dict[str, Any], tensors: Tensors) -> ModelFile:
    """Return the content of a model with such a header and these parameters."""
    content = ModelFile(
        architecture(header["species"], **header["model"]),
        tensors,
        header["energy_scale"],
        tuple(header["energy_reference"]),
        header["metadata"],
    )
    return ModelFile.decode(content.encode(), STATE_FILE)  # which checks it


def _frames(tensors: Tensors) -> list[Frame]:
    frames = []
    atom = 0
    taken = dict.fromkeys(_LABELS, 0)
    for index, n in enumerate(tensors["n_atoms"].tolist()):
        labels: dict[str, Any] = {}
        for label in _LABELS:
            if tensors[f"{label}_known"][index]:
                size = {"energy": 1, "forces": 3 * n, "stress": 9, "force_mask": n}[label]
                labels[label] = tensors[label][taken[label] : taken[label] + size]
                taken[label] += size
        if "energy" in labels:
            labels["energy"] = float(labels["energy"][0])
        for label, shape in (("forces", (n, 3)), ("stress", (3, 3))):
            if label in labels:
                labels[label] = labels[label].reshape(shape)
        if "force_mask" in labels:
            labels["force_mask"] = labels["force_mask"].astype(bool)
        frames.append(
            Frame(
                tensors["numbers"][atom : atom + n],
                tensors["positions"][atom : atom + n],
                tensors["cells"][index],
                tensors["pbc"][index].astype(bool),
                **labels,
            )
        )
        atom += n
    return frames


def _joined(parts: Sequence[Any], dtype: Any) -> np.ndarray[Any, Any]:
    return np.concatenate(parts).astype(dtype) if parts else np.zeros(0, dtype)
