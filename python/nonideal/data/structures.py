"""Published sets of atomic structures: where they come from, and where they lie on this machine."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nonideal.errors import InvalidArgument

__all__ = ["STRUCTURES", "StructureSet", "find_structures"]


@dataclass(frozen=True)
class StructureSet:
    """A set of structures that others have published.

    Attributes
    ----------
    url : str
        Its page.
    licence : str
        Under what terms; "not stated here" where its page says it.
    format : str
        As `nonideal.physics.atoms.read_frames` names it; units are that format's own.
    content : str
        What it holds.
    checksums : mapping of str to str
        SHA-256 of its files, by their paths below the set's folder; empty where they aren't known.
    """

    url: str
    licence: str
    format: str
    content: str
    checksums: Mapping[str, str] = field(default_factory=dict)


_WATER = {
    "data_0/set.000/box.npy": "88376dc931e272a3569cabcab0f1ee4320168c73ee183ae60f7086b473fc719d",
    "data_0/set.000/coord.npy": "58554d0ef240b54a242a8163e112d673872f5be5198c86c4eb8d5f39602ff645",
    "data_0/set.000/energy.npy": "920c4628018c12a4d38c22aef7f41ca483a02747319a42dd4e4f703e2a9f70c8",
    "data_0/set.000/force.npy": "fae9be94125902c089720416a4cea521380a415709ead1f9134b7f64f46f1e58",
    "data_0/type.raw": "c0287bfae960bdddafa96841b59c29ac9b7548ddac0b5bebd30fb502563d0507",
    "data_0/type_map.raw": "2af2202bdb95741681b308b05c1dae7837141fe32b10d14db2a4c0ea9103e55b",
    "data_1/set.000/box.npy": "88376dc931e272a3569cabcab0f1ee4320168c73ee183ae60f7086b473fc719d",
    "data_1/set.000/coord.npy": "b9cf07c179a0f975a3b8607f439602e9a78b9bec3b02aa8afe812d716563f380",
    "data_1/set.000/energy.npy": "d3b407e3b67f953fe496a62e1f7dc84d07a8bfcfb748bfaafbca435809012b93",
    "data_1/set.000/force.npy": "7a3099c380a57379574e5b854f43589e736b785d6f747c68d093a45b3f85b542",
    "data_1/set.001/box.npy": "88376dc931e272a3569cabcab0f1ee4320168c73ee183ae60f7086b473fc719d",
    "data_1/set.001/coord.npy": "f4581f0f4aedb910b8580157a9dca622c5cd3b71428f5924bdeed0192ab50dd2",
    "data_1/set.001/energy.npy": "d4634357a81940e5aca110cd5285b3b72503f4ae13bbfffbe5791c145748a4bf",
    "data_1/set.001/force.npy": "19313e524e1900eaf721ec7be9f2a48b854301aefc884f6ca4815824aa4b6a77",
    "data_1/type.raw": "c0287bfae960bdddafa96841b59c29ac9b7548ddac0b5bebd30fb502563d0507",
    "data_1/type_map.raw": "2af2202bdb95741681b308b05c1dae7837141fe32b10d14db2a4c0ea9103e55b",
    "data_2/set.000/box.npy": "88376dc931e272a3569cabcab0f1ee4320168c73ee183ae60f7086b473fc719d",
    "data_2/set.000/coord.npy": "c9fd13c05992f98efe1d78ae0b70f0565820aceeaf0d25f17b02a0f29a0b84c8",
    "data_2/set.000/energy.npy": "a38b8cd8e897ded6ac3a6d88559358c634575bede2ae930bc2557b1047059b49",
    "data_2/set.000/force.npy": "fda708ae95c73edca449709c2adfdf494acc6379323d92f865b1698c3830634f",
    "data_2/type.raw": "c0287bfae960bdddafa96841b59c29ac9b7548ddac0b5bebd30fb502563d0507",
    "data_2/type_map.raw": "2af2202bdb95741681b308b05c1dae7837141fe32b10d14db2a4c0ea9103e55b",
}
_UNSTATED = "not stated here: see its page"

# Pages as the authors of LEIGNN name them in their repository (guaguabujianle/LEIGNN), water excepted.
STRUCTURES: Mapping[str, StructureSet] = {
    "deepmd-water": StructureSet(
        "https://github.com/deepmodeling/deepmd-kit/tree/master/examples/water/data",
        "LGPL-3.0-or-later (that of the repository)", "deepmd",
        "320 frames of 64 H2O from density-functional theory: data_0 to data_2", _WATER,
    ),
    "leignn-iso17": StructureSet(
        "https://zenodo.org/records/10208201", _UNSTATED, "ase-db", "ISO17, H2O, CH4 as its authors use them"
    ),
    "leignn-oc20": StructureSet(
        "https://zenodo.org/records/12508546", _UNSTATED, "oc20-lmdb", "200,000 frames of OC20, to train with"
    ),
    "leignn-oc20-test": StructureSet(
        "https://zenodo.org/records/11375993", _UNSTATED, "oc20-lmdb", "the four test sets of OC20"
    ),
    "lips": StructureSet(
        "https://zenodo.org/records/7196767", _UNSTATED, "extxyz", "Li27 P12 S44 at 520 K: lips.xyz"
    ),
    "md17": StructureSet(
        "http://quantum-machine.org/datasets/", _UNSTATED, "md17", "molecules, one archive each; kcal/mol"
    ),
}  # fmt: skip


def find_structures(name: str, path: str | Path | None = None) -> Path:
    """Return the folder of a published set on this machine, its files checked where checksums are known.

    Looked for in this order: ``path``; the subfolder of that name in the folder that the environment variable
    ``NONIDEAL_DATA`` names. Nothing is downloaded.

    Parameters
    ----------
    name : str
        A key of `STRUCTURES`.
    path : path, optional
        Its folder or file.

    Raises
    ------
    InvalidArgument
        If there is no such set, it isn't on this machine (the text names its page), or a file is damaged.

    Examples
    --------
    >>> from nonideal.data import STRUCTURES
    >>> STRUCTURES["deepmd-water"].format
    'deepmd'
    """
    if name not in STRUCTURES:
        raise InvalidArgument(f"name = {name!r} is not one of {', '.join(STRUCTURES)}")
    known = STRUCTURES[name]
    variable = os.environ.get("NONIDEAL_DATA")
    if path is not None:
        place = Path(path)
        if not place.exists():
            raise InvalidArgument(f"path = {str(path)!r} does not exist")
    elif variable and (Path(variable) / name).exists():
        place = Path(variable) / name
    else:
        raise InvalidArgument(
            f"{name} is not on this machine: get it from {known.url} and put it into a folder {name} of "
            "the one that NONIDEAL_DATA names"
        )
    for file, checksum in known.checksums.items():
        if not (place / file).is_file():
            raise InvalidArgument(f"{place} has no {file}")
        found = hashlib.sha256((place / file).read_bytes()).hexdigest()
        if found != checksum:
            raise InvalidArgument(
                f"{place / file} is damaged or another file: its sha256 is {found}, not {checksum}"
            )
    return place
