"""Loaders: the published split, checksums, a local copy first, and no download that nobody asked for."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits as sklearn_digits

from nonideal.data import load_digits, load_mnist, mnist
from nonideal.errors import InvalidArgument

NOT_HERE = (
    "MNIST is not on this machine: put its four .gz files into a folder that NONIDEAL_DATA names, "
    "or allow a download of 11 MB by download=True"
)


def test_digits_are_scikit_learns_in_their_order() -> None:
    digits = load_digits(clip=None)
    images = np.concatenate([digits.x_train, digits.x_test])
    np.testing.assert_array_equal(images, sklearn_digits().images)
    np.testing.assert_array_equal(np.concatenate([digits.y_train, digits.y_test]), sklearn_digits().target)
    assert (len(digits.x_train), len(digits.x_test)) == (1437, 360)
    assert (images.dtype, digits.y_train.dtype, int(images.max())) == (np.uint8, np.int64, 16)
    np.testing.assert_array_equal(load_digits().x_test, np.minimum(digits.x_test, 15))


@pytest.mark.parametrize("clip", [0, 17, -1])
def test_digits_refuse_a_bad_clip(clip: int) -> None:
    with pytest.raises(InvalidArgument, match=rf"^clip = {clip} is outside \[1, 16\]$"):
        load_digits(clip=clip)


def idx(array: np.ndarray) -> bytes:
    return b"\x00\x00\x08" + bytes([array.ndim]) + np.array(array.shape, ">i4").tobytes() + array.tobytes()


@pytest.fixture
def official(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with four small files in the official format, whose checksums are the expected ones."""
    generator = np.random.default_rng(1)
    folder = tmp_path / "official"
    folder.mkdir()
    files = {}
    for part, (name, _) in mnist.FILES.items():
        shape = (3, 28, 28) if part.startswith("x") else (3,)
        content = gzip.compress(idx(generator.integers(0, 10, shape, dtype=np.uint8)))
        (folder / name).write_bytes(content)
        files[part] = (name, hashlib.md5(content, usedforsecurity=False).hexdigest())
    monkeypatch.setattr(mnist, "FILES", files)
    return folder


@pytest.fixture(autouse=True)
def _no_other_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_mnist_from_a_folder(official: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = load_mnist(official)
    assert (found.x_train.shape, found.y_test.shape, found.y_test.dtype) == ((3, 28, 28), (3,), np.int64)
    assert found.name == "mnist"
    monkeypatch.setenv("NONIDEAL_DATA", str(official))
    np.testing.assert_array_equal(load_mnist().x_test, found.x_test)
    (official.parent / "mnist").symlink_to(official)
    monkeypatch.setenv("NONIDEAL_DATA", str(official.parent))
    np.testing.assert_array_equal(load_mnist().x_test, found.x_test)


def test_mnist_is_not_downloaded_unasked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NONIDEAL_DATA", raising=False)
    monkeypatch.setattr(mnist, "_download", lambda _: pytest.fail("downloads"))
    with pytest.raises(InvalidArgument) as caught:
        load_mnist()
    assert str(caught.value) == NOT_HERE
    with pytest.raises(InvalidArgument) as caught:
        load_mnist(tmp_path)
    assert str(caught.value) == (
        f"path = '{tmp_path}' holds neither mnist_train10k_test10k.npz nor the four files of MNIST"
    )


def test_mnist_refuses_a_changed_file(official: Path) -> None:
    name, checksum = mnist.FILES["y_train"]
    (official / name).write_bytes(b"x")
    with pytest.raises(InvalidArgument) as caught:
        load_mnist(official)
    found = hashlib.md5(b"x", usedforsecurity=False).hexdigest()
    assert (
        str(caught.value)
        == f"{official / name} is damaged or another file: its md5 is {found}, not {checksum}"
    )


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"plain", "is not a gzip file (Not a gzipped file (b'pl'))"),
        (gzip.compress(b""), "is not an IDX file of bytes"),
        (gzip.compress(b"\x00\x00\x08\x01\x00\x00"), "is not an IDX file of bytes"),
        (gzip.compress(idx(np.zeros(3, np.uint8))[:-1]), "is not an IDX file of bytes"),
        (gzip.compress(b"\x00\x00\x0d\x01\x00\x00\x00\x00"), "is not an IDX file of bytes"),
    ],
    ids=["plain", "empty", "no sizes", "truncated", "floats"],  # the bytes hold the time
)
def test_idx_files_are_checked(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(content)
    with pytest.raises(InvalidArgument) as caught:
        mnist._read_idx(path)
    assert str(caught.value) == f"{path} {why}"


@pytest.fixture
def mirror(official: Path) -> Iterator[str]:
    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(official))  # type: ignore[arg-type]

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


def test_mnist_is_downloaded_when_asked_from_the_mirror_that_works(
    mirror: str, official: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NONIDEAL_DATA", raising=False)
    monkeypatch.setattr(mnist, "MIRRORS", (f"{mirror}missing/", mirror))
    found = load_mnist(download=True)
    np.testing.assert_array_equal(found.x_train, load_mnist(official).x_train)
    monkeypatch.setattr(mnist, "_download", lambda _: pytest.fail("downloads again"))
    np.testing.assert_array_equal(load_mnist().x_train, found.x_train)


def test_a_failed_download_names_the_mirrors(mirror: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NONIDEAL_DATA", raising=False)
    monkeypatch.setattr(mnist, "MIRRORS", (f"{mirror}a/", f"{mirror}b/"))
    with pytest.raises(InvalidArgument) as caught:
        load_mnist(download=True)
    assert str(caught.value) == (
        "MNIST's train-images-idx3-ubyte.gz could not be downloaded "
        f"({mirror}a/train-images-idx3-ubyte.gz: HTTPError; {mirror}b/train-images-idx3-ubyte.gz: HTTPError)"
    )


def test_the_small_archive_is_mnist() -> None:
    folder = Path(os.environ.get("NONIDEAL_DATA", "nowhere"))
    if not any((place / mnist.SUBSET).is_file() for place in (folder, folder / "mnist")):
        pytest.skip("NONIDEAL_DATA names no folder with the archive of MNIST")
    found = load_mnist()
    assert (found.x_train.shape, found.x_test.shape) == ((10000, 28, 28), (10000, 28, 28))
    assert found.y_test[:5].tolist() == [7, 2, 1, 0, 4]
