"""Published sets of atomic structures: where they come from, and where they lie on this machine."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from nonideal.data.download import cache_folder, fetch, fetch_from_record, record_files
from nonideal.errors import InvalidArgument

__all__ = ["STRUCTURES", "StructureSet", "find_structures"]

_RECORD = "doi:"
#: In a set's folder of the cache: SHA-256 of what was downloaded, as `sha256sum` writes and checks them.
_SUMS = "SHA256SUMS"


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
    source : str
        Where files are downloaded from: the address of their folder, or ``doi:`` and a data repository's
        record, which lists its own files and their checksums.
    files : mapping of str to (str or None)
        Files by their paths below the set's folder, with their SHA-256; None where none is published. Empty
        where the record knows them.
    """

    url: str
    licence: str
    format: str
    content: str
    source: str
    files: Mapping[str, str | None] = field(default_factory=dict)


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

# Pages as the authors of LEIGNN name them in their repository (guaguabujianle/LEIGNN), water excepted. A
# record of Zenodo has the DOI 10.5281/zenodo.NUMBER. MD17's folder and names: as loaders of other projects
# have them; checksums of them are not published. Nothing of it could be tried out where this was written.
STRUCTURES: Mapping[str, StructureSet] = {
    "deepmd-water": StructureSet(
        "https://github.com/deepmodeling/deepmd-kit/tree/master/examples/water/data",
        "LGPL-3.0-or-later (that of the repository)", "deepmd",
        "320 frames of 64 H2O from density-functional theory: data_0 to data_2",
        "https://raw.githubusercontent.com/deepmodeling/deepmd-kit/master/examples/water/data/", _WATER,
    ),
    "leignn-iso17": StructureSet(
        "https://zenodo.org/records/10208201", _UNSTATED, "ase-db", "ISO17, H2O, CH4 as its authors use them",
        "doi:10.5281/zenodo.10208201",
    ),
    "leignn-oc20": StructureSet(
        "https://zenodo.org/records/12508546", _UNSTATED, "oc20-lmdb", "200,000 frames of OC20 to train with",
        "doi:10.5281/zenodo.12508546",
    ),
    "leignn-oc20-test": StructureSet(
        "https://zenodo.org/records/11375993", _UNSTATED, "oc20-lmdb", "the four test sets of OC20",
        "doi:10.5281/zenodo.11375993",
    ),
    "lips": StructureSet(
        "https://zenodo.org/records/7196767", _UNSTATED, "extxyz", "Li27 P12 S44 at 520 K: lips.xyz",
        "doi:10.5281/zenodo.7196767",
    ),
    "md17": StructureSet(
        "http://quantum-machine.org/datasets/", _UNSTATED, "md17", "molecules, one archive each; kcal/mol",
        "http://www.quantum-machine.org/gdml/data/npz/",
        {f"md17_{name}.npz": None for name in ("aspirin", "benzene2017", "ethanol", "malonaldehyde",
                                               "naphthalene", "salicylic", "toluene", "uracil")},
    ),
}  # fmt: skip


def find_structures(
    name: str,
    path: str | Path | None = None,
    *,
    files: Iterable[str] | None = None,
    download: bool = False,
    progress: bool = True,
) -> Path:
    """Return the folder of a published set on this machine, its files checked where checksums are known.

    Looked for in this order: ``path``; the subfolder of that name in the folder that the environment variable
    ``NONIDEAL_DATA`` names; the cache of earlier downloads; and, only with ``download=True``, the set's own
    address. Archives stay packed.

    A file is checked against the published checksum: the one in `STRUCTURES`, or, of a data repository, the
    one that its record states when the file is downloaded. Where none is published, what came is what later
    calls expect: SHA-256 of everything that was downloaded is kept beside it, in ``SHA256SUMS``. With
    ``download=True`` a file of the cache that is gone or damaged is downloaded again.

    Parameters
    ----------
    name : str
        A key of `STRUCTURES`.
    path : path, optional
        Its folder or file.
    files : iterable of str, optional
        Only these, by their paths below the set's folder. None: all; of a record that may be many gigabytes.
    download : bool
        Allow the download, into the user's cache, of what is not there or damaged.
    progress : bool
        Show a bar for each file, on a terminal.

    Raises
    ------
    InvalidArgument
        If there is no such set or file, it isn't on this machine (the text names its page), a file is
        damaged, or the download fails.

    Examples
    --------
    >>> from nonideal.data import STRUCTURES
    >>> STRUCTURES["deepmd-water"].format
    'deepmd'
    """
    if name not in STRUCTURES:
        raise InvalidArgument(f"name = {name!r} is not one of {', '.join(STRUCTURES)}")
    known, wanted = STRUCTURES[name], _relative(files)
    variable = os.environ.get("NONIDEAL_DATA")
    cached = False
    if path is not None:
        place = Path(path)
        if not place.exists():
            raise InvalidArgument(f"path = {str(path)!r} does not exist")
    elif variable and (Path(variable) / name).exists():
        place = Path(variable) / name
    else:
        place, cached = cache_folder(name), True
        if download:
            _download(name, place, wanted, progress)
            return place  # checked file by file
        if not (place / _SUMS).is_file():
            raise InvalidArgument(
                f"{name} is not on this machine: get it from {known.url} and put it into a folder {name} of "
                "the one that NONIDEAL_DATA names, or allow the download by download=True"
            )
    kept = _read_sums(place) if cached else {}
    for file in (known.files or kept) if wanted is None else wanted:
        checksum = known.files.get(file) or kept.get(file)
        if checksum or cached or wanted is not None:  # of a folder of one's own, less is asked
            _check(place, file, checksum)
    return place


def _check(place: Path, file: str, checksum: str | None) -> None:
    if not (place / file).is_file():
        raise InvalidArgument(f"{place} has no {file}")
    if checksum is None:
        return
    found = _sha256(place / file)
    if found != checksum:
        raise InvalidArgument(
            f"{place / file} is damaged or another file: its sha256 is {found}, not {checksum}"
        )


def _download(name: str, place: Path, wanted: tuple[str, ...] | None, progress: bool) -> None:
    """Bring what is wanted and not there whole, and note its checksums."""
    known = STRUCTURES[name]
    doi = known.source.removeprefix(_RECORD) if known.source.startswith(_RECORD) else None
    there = _read_sums(place)
    whole = {
        file
        for file in (there if wanted is None else set(wanted) & set(there))
        if _agrees(place / file, known.files.get(file) or there[file])
    }
    if wanted is not None and whole >= set(wanted):
        return  # a record need not be asked
    offered: Mapping[str, str | None] = record_files(doi) if doi else _with_algorithm(known.files)
    for file in offered if wanted is None else wanted:
        if file not in offered:
            raise InvalidArgument(f"files: {file!r} is not among {', '.join(offered)}")
        if file in whole:
            continue
        label, checksum = f"{name}: {file}", offered[file]
        _relative([file])
        if file in there:  # without a checksum to compare with, what lies there would be taken for it
            (place / file).unlink(missing_ok=True)
        if doi:
            fetch_from_record(doi, file, str(checksum), place, label=label, progress=progress)
        else:
            fetch(known.source + file, place / file, checksum, label=label, progress=progress)
        _note(place, file, _sha256(place / file))


def _agrees(path: Path, checksum: str) -> bool:
    return path.is_file() and _sha256(path) == checksum


def _note(place: Path, file: str, checksum: str) -> None:
    """Put a checksum into the list, in place of the one that the file had before."""
    there = _read_sums(place)
    if file not in there:
        with (place / _SUMS).open("a", encoding="utf-8") as sums:
            sums.write(f"{checksum}  {file}\n")
    elif there[file] != checksum:
        lines = [f"{value}  {name}\n" for name, value in (there | {file: checksum}).items()]
        fresh = place / f"{_SUMS}.part"
        fresh.write_text("".join(lines), encoding="utf-8")
        fresh.replace(place / _SUMS)


def _read_sums(place: Path) -> dict[str, str]:
    """Return the checksums that were noted, by file."""
    try:
        lines = (place / _SUMS).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    return {file: checksum for checksum, _, file in (line.partition("  ") for line in lines)}


def _with_algorithm(files: Mapping[str, str | None]) -> dict[str, str | None]:
    return {file: checksum and f"sha256:{checksum}" for file, checksum in files.items()}


def _relative(files: Iterable[str] | None) -> tuple[str, ...] | None:
    """Return names of files, none of which leads out of its folder."""
    if files is None:
        return None
    if isinstance(files, str | bytes):
        raise InvalidArgument(f"files = {files!r} is one name, not several")
    names = tuple(files)
    for name in names:
        if not isinstance(name, str) or not name or PurePosixPath(name).is_absolute() or ".." in name:
            raise InvalidArgument(f"files: {name!r} is not a path below the set's folder")
    return names


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
