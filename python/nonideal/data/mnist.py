"""MNIST: handwritten digits of 28 x 28 pixels, from a local folder or, if asked, from its public mirrors."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nonideal.data.dataset import Dataset
from nonideal.data.download import DownloadError, cache_folder, fetch
from nonideal.errors import InvalidArgument

__all__ = ["load_mnist"]

# The mirror that torchvision uses, and the one that TensorFlow's data sets use.
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)

# File and MD5, as published with the mirrors' loaders.
FILES = {
    "x_train": ("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
    "y_train": ("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
    "x_test": ("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
    "y_test": ("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
}

# The first 10,000 training images and all test images, in the official order, as one NumPy archive.
SUBSET = "mnist_train10k_test10k.npz"
SUBSET_SHA256 = "3be1bb6efef62c4154f22f1c60c12b6a271e20181b29300050905b41f0045b24"

LICENCE = "CC BY-SA 3.0 (Y. LeCun, C. Cortes, C. Burges; from NIST Special Databases 1 and 3)"


def load_mnist(path: str | Path | None = None, *, download: bool = False, progress: bool = True) -> Dataset:
    """Return MNIST: 60,000 images to train (or the first 10,000, from the small archive), 10,000 to test.

    Looked for in this order: ``path``; the folder named by the environment variable ``NONIDEAL_DATA`` and its
    subfolder ``mnist``; the cache of an earlier download; and, only with ``download=True``, the public
    mirrors (11 MB).

    Parameters
    ----------
    path : path, optional
        The archive ``mnist_train10k_test10k.npz``, or a folder with it or with the four official ``.gz``
        files.
    download : bool
        Allow the download into the user's cache folder.
    progress : bool
        Show a bar for each file, on a terminal.

    Returns
    -------
    Dataset
        ``x_*`` : (n, 28, 28) uint8, 0..255; ``y_*`` : (n,) int64 in 0..9.

    Raises
    ------
    InvalidArgument
        If the data are found nowhere, a file's checksum is wrong, or the download fails.
    """
    if path is not None:
        places = [Path(path)]
    else:
        variable = os.environ.get("NONIDEAL_DATA")
        places = [Path(variable), Path(variable) / "mnist"] if variable else []
        places.append(cache_folder("mnist"))
    for place in places:
        found = _load(place)
        if found is not None:
            return found
    if path is not None:
        raise InvalidArgument(f"path = {str(path)!r} holds neither {SUBSET} nor the four files of MNIST")
    if not download:
        raise InvalidArgument(
            "MNIST is not on this machine: put its four .gz files into a folder that NONIDEAL_DATA names, "
            "or allow a download of 11 MB by download=True"
        )
    return _download(progress)


def _load(place: Path) -> Dataset | None:
    archive = place if place.suffix == ".npz" else place / SUBSET
    if archive.is_file():
        _check(archive, "sha256", SUBSET_SHA256)
        with np.load(archive, allow_pickle=False) as arrays:
            parts = {name: arrays[name] for name in FILES}
        return _dataset(parts, "mnist-10k", f"{archive.name} (official files, in part; see README beside it)")
    return _official(place) if all((place / file).is_file() for file, _ in FILES.values()) else None


def _official(place: Path) -> Dataset:
    for file, checksum in FILES.values():
        _check(place / file, "md5", checksum)
    return _dataset({name: _read_idx(place / file) for name, (file, _) in FILES.items()}, "mnist", MIRRORS[0])


def _download(progress: bool) -> Dataset:
    folder = cache_folder("mnist")
    for file, checksum in FILES.values():
        failures = []
        for mirror in MIRRORS:
            try:
                fetch(
                    mirror + file, folder / file, f"md5:{checksum}", label=f"MNIST: {file}", progress=progress
                )
                break
            except DownloadError as error:
                failures.append(str(error))
        else:
            raise InvalidArgument(f"MNIST's {file} could not be downloaded ({'; '.join(failures)})")
    return _official(folder)


def _check(path: Path, algorithm: str, checksum: str) -> None:
    found = hashlib.new(algorithm, path.read_bytes(), usedforsecurity=False).hexdigest()
    if found != checksum:
        raise InvalidArgument(
            f"{path} is damaged or another file: its {algorithm} is {found}, not {checksum}"
        )


def _read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """Return the array in a file of LeCun's IDX format: 0, 0, 8 (uint8), rank; big-endian sizes; values."""
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidArgument(f"{path} is not a gzip file ({error})") from None
    rank = content[3] if content[:3] == b"\x00\x00\x08" and len(content) > 3 else 0
    start = 4 + 4 * rank
    shape = np.frombuffer(content[4:start], dtype=">i4") if len(content) >= start else np.zeros(0, ">i4")
    if rank == 0 or len(shape) != rank or len(content) != start + int(np.prod(shape)):
        raise InvalidArgument(f"{path} is not an IDX file of bytes")
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)


def _dataset(parts: dict[str, npt.NDArray[np.uint8]], name: str, source: str) -> Dataset:
    return Dataset(
        x_train=parts["x_train"],
        y_train=parts["y_train"].astype(np.int64),
        x_test=parts["x_test"],
        y_test=parts["y_test"].astype(np.int64),
        name=name,
        source=source,
        licence=LICENCE,
    )
