"""Published structures: found where they lie, checked, never downloaded."""

import dataclasses
import hashlib

import pytest

from nonideal import InvalidArgument
from nonideal.data import STRUCTURES, find_structures, structures

CONTENT = b"0\n1\n1\n"


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A set of one file, in NONIDEAL_DATA."""
    checksums = {"a/type.raw": hashlib.sha256(CONTENT).hexdigest()}
    entry = dataclasses.replace(STRUCTURES["deepmd-water"], checksums=checksums)
    monkeypatch.setattr(structures, "STRUCTURES", {"small": entry})
    monkeypatch.setenv("NONIDEAL_DATA", str(tmp_path))
    (tmp_path / "small" / "a").mkdir(parents=True)
    file = tmp_path / "small" / "a" / "type.raw"
    file.write_bytes(CONTENT)
    return file


def refusal(*arguments):
    with pytest.raises(InvalidArgument) as refused:
        find_structures(*arguments)
    return str(refused.value)


def test_found_and_checked(small, tmp_path):
    folder = tmp_path / "small"
    assert find_structures("small") == folder
    assert find_structures("small", folder) == folder
    small.write_bytes(CONTENT + b"1\n")
    found, wanted = (hashlib.sha256(text).hexdigest() for text in (CONTENT + b"1\n", CONTENT))
    assert refusal("small") == f"{small} is damaged or another file: its sha256 is {found}, not {wanted}"
    small.unlink()
    assert refusal("small") == f"{folder} has no a/type.raw"


def test_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("NONIDEAL_DATA", str(tmp_path))
    assert refusal("lips").startswith(
        "lips is not on this machine: get it from https://zenodo.org/records/7196767"
    )
    assert refusal("lips", "nowhere") == "path = 'nowhere' does not exist"
    assert refusal("gold") == f"name = 'gold' is not one of {', '.join(STRUCTURES)}"


def test_every_set_says_where_it_comes_from():
    from nonideal.physics.atoms.reading import READERS

    for entry in STRUCTURES.values():
        assert entry.url.startswith("http")
        assert entry.licence
        assert entry.content
        assert entry.format in READERS
        assert all(len(checksum) == 64 for checksum in entry.checksums.values())
