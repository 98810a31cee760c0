r"""Model files, ``.leignn``: all of a trained network, for Python and for the engine in C++.

The container is that of `nonideal.physics.atoms.tensor_file`, with magic ``\x89NIATOM\n`` and version 1. Its
header holds exactly these keys; so do ``model``, ``units`` and each tensor's entry. Readers, in Python and in
C++, refuse another one as they refuse another version: it might change what a number means. What is free
stands in ``metadata``.

================  ============================================================================================
key               content
================  ============================================================================================
format            ``"nonideal.atoms.leignn"``
version           1, as in byte 8
model             constructor arguments, all of them: ``cutoff`` (a number), ``channels``, ``layers``,
                  ``n_rbf``, ``variant``, ``forces``, ``smooth_cutoff`` (true or false), ``global_mode``,
                  ``vector_norm``, ``envelope_exponent``, ``max_neighbors`` (a whole number or null),
                  ``max_neighbors_rule``
species           atomic numbers, whole numbers in [0, 118], entry k for row k of the embedding
energy_scale      a finite number; it multiplies the network's energies and direct forces
energy_reference  finite numbers, eV, as many as species; added per atom, not scaled
units             ``{"length": "angstrom", "energy": "eV", "forces": "eV/angstrom",
                  "stress": "eV/angstrom^3"}``
metadata          an object with anything: training, seed, version of nonideal; a reader needs none of it
tensors           exactly the parameters, in the order of the model's state_dict; all of one dtype, float32 or
                  float64, the precision of the weights (an engine may compute in another one)
================  ============================================================================================

``energy_scale`` and ``energy_reference`` are buffers of the model, but not among the tensors. Numbers in the
header have as many digits as doubles need, so that they come back unchanged; a number may be written as ``5``
or ``5.0``, a whole number as ``5`` alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nonideal._install import version as installed_version
from nonideal.checks import shown
from nonideal.errors import InvalidArgument
from nonideal.physics.atoms.architecture import Architecture, architecture
from nonideal.physics.atoms.tensor_file import FileKind, Tensors

__all__ = ["FORMAT", "ModelFile"]

FORMAT = "nonideal.atoms.leignn"
_KIND = FileKind("model file", b"\x89NIATOM\n", 1, ("float32", "float64"))
_UNITS = {"length": "angstrom", "energy": "eV", "forces": "eV/angstrom", "stress": "eV/angstrom^3"}
_KEYS = (
    "format",
    "version",
    "model",
    "species",
    "energy_scale",
    "energy_reference",
    "units",
    "metadata",
)


@dataclass(frozen=True, eq=False)
class ModelFile:
    """Content of a model file; no torch is needed for it.

    Attributes
    ----------
    architecture : Architecture
        What the weights belong to.
    tensors : dict of str to numpy.ndarray
        All parameters by their names in the state_dict, of one dtype.
    energy_scale : float
        Multiplies the network's energies and direct forces.
    energy_reference : tuple of float
        eV per atom of each species.
    metadata : mapping
        Whatever else is known.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from nonideal.physics import atoms
    >>> model = atoms.LEIGNN(["Cu"], channels=16, layers=1, n_rbf=4, seed=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     place = model.save(Path(folder) / "cu.leignn")
    ...     ModelFile.read(place).architecture.channels
    16
    """

    architecture: Architecture
    tensors: Tensors
    energy_scale: float
    energy_reference: tuple[float, ...]
    metadata: Mapping[str, Any]

    def write(self, path: str | Path) -> Path:
        """Write the file, whole or not at all; return its path.

        Raises
        ------
        InvalidArgument
            If a weight is not finite, or there is no folder to write into.
        """
        return _KIND.write(path, self._header(), self.tensors)

    def encode(self) -> bytes:
        """Return the file's content."""
        return _KIND.encode(self._header(), self.tensors)

    @classmethod
    def read(cls, path: str | Path) -> ModelFile:
        """Return a file's content, all of it checked.

        Raises
        ------
        InvalidArgument
            Naming the file and what was found in it.
        """
        return cls._checked(*_KIND.read(path), name=str(path))

    @classmethod
    def decode(cls, content: bytes, name: str = "model file") -> ModelFile:
        """Return what a file with this content holds."""
        return cls._checked(*_KIND.decode(content, name), name=name)

    def _header(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "version": _KIND.version,
            "model": self.architecture.arguments(),
            "species": list(self.architecture.species),
            "energy_scale": self.energy_scale,
            "energy_reference": list(self.energy_reference),
            "units": _UNITS,
            "metadata": {**self.metadata, "nonideal": installed_version()},
        }

    @classmethod
    def _checked(cls, header: dict[str, Any], tensors: Tensors, name: str) -> ModelFile:
        for problem in (set(_KEYS) - set(header), set(header) - set(_KEYS)):
            if problem:
                raise InvalidArgument(
                    f"{name}: the header has the keys {shown(list(header))}, not {', '.join(_KEYS)}, tensors"
                )
        for key, value in (("format", FORMAT), ("version", _KIND.version), ("units", _UNITS)):
            if header[key] != value or type(header[key]) is not type(value):
                raise InvalidArgument(f"{name}: {key} = {shown(header[key])} is not {shown(value)}")
        if not isinstance(header["metadata"], dict):
            raise InvalidArgument(f"{name}: metadata = {shown(header['metadata'])} is no object")
        shape = _architecture(header, name)
        reference = header["energy_reference"]
        if not isinstance(reference, list) or len(reference) != len(shape.species):
            raise InvalidArgument(
                f"{name}: energy_reference = {shown(reference)} is not a number for each of "
                f"{len(shape.species)} species"
            )
        numbers = {"energy_scale": header["energy_scale"]}
        numbers |= {f"energy_reference[{i}]": value for i, value in enumerate(reference)}
        for key, value in numbers.items():
            if type(value) not in (int, float) or not _finite(value):
                raise InvalidArgument(f"{name}: {key} = {shown(value)} is not a finite number")
        _check_tensors(shape, tensors, name)
        return cls(
            architecture=shape,
            tensors=tensors,
            energy_scale=float(header["energy_scale"]),
            energy_reference=tuple(float(value) for value in reference),
            metadata=header["metadata"],
        )


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond all doubles
        return False


def _architecture(header: Mapping[str, Any], name: str) -> Architecture:
    model, species = header["model"], header["species"]
    expected = [key for key in Architecture.__dataclass_fields__ if key != "species"]
    if not isinstance(model, dict) or set(model) != set(expected):
        raise InvalidArgument(f"{name}: model = {shown(model)} does not hold exactly {', '.join(expected)}")
    if not isinstance(species, list) or not all(type(number) is int for number in species):
        raise InvalidArgument(f"{name}: species = {shown(species)} is not a list of atomic numbers")
    for key in ("smooth_cutoff", "global_mode"):
        if model[key] is None:  # which the constructor would fill in
            raise InvalidArgument(f"{name}: {key} = None")
    try:
        return architecture(species, **model)
    except InvalidArgument as error:
        raise InvalidArgument(f"{name}: {error}") from None


def _check_tensors(shape: Architecture, tensors: Tensors, name: str) -> None:
    shapes = shape.parameters()
    if list(tensors) != list(shapes):
        missing, extra = [k for k in shapes if k not in tensors], [k for k in tensors if k not in shapes]
        found = f"tensors are missing: {shown(missing)}" if missing else f"unknown tensors: {shown(extra)}"
        raise InvalidArgument(f"{name}: {found if missing or extra else 'tensors are in another order'}")
    dtypes = {array.dtype.name for array in tensors.values()}
    if len(dtypes) != 1:
        raise InvalidArgument(f"{name}: tensors have dtypes {', '.join(sorted(dtypes))}, not one")
    for key, expected in shapes.items():
        if tensors[key].shape != expected:
            raise InvalidArgument(f"{name}: tensor {key!r} has shape {tensors[key].shape}, not {expected}")
