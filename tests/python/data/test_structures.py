"""Published structures: found where they lie, checked, downloaded where somebody asks for it."""

import dataclasses
import hashlib
import http.server
import json
import logging
import subprocess
import threading

import pytest

from nonideal import InvalidArgument
from nonideal.data import STRUCTURES, download, find_structures, structures

CONTENT = b"0\n1\n1\n"


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A set of one file, in NONIDEAL_DATA."""
    checksums = {"a/type.raw": hashlib.sha256(CONTENT).hexdigest()}
    entry = dataclasses.replace(STRUCTURES["deepmd-water"], files=checksums)
    monkeypatch.setattr(structures, "STRUCTURES", {"small": entry})
    monkeypatch.setenv("NONIDEAL_DATA", str(tmp_path))
    (tmp_path / "small" / "a").mkdir(parents=True)
    file = tmp_path / "small" / "a" / "type.raw"
    file.write_bytes(CONTENT)
    return file


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def refusal(*arguments, **options):
    with pytest.raises(InvalidArgument) as refused:
        find_structures(*arguments, **options)
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
        assert all(checksum is None or len(checksum) == 64 for checksum in entry.files.values())
        assert entry.source.startswith("doi:10.") or (entry.source.endswith("/") and entry.files)


SERVED = {
    "a/type.raw": CONTENT,
    "one.npz": b"1" * 3_000_000,
    "two.npz": b"22",
    "lips.xyz": b"83 atoms",
}


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A host of files, and what it was asked for; nothing lies on this machine."""
    asked = []
    monkeypatch.delenv("NONIDEAL_DATA", raising=False)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.partition("?")[0].removeprefix("/")
            asked.append(name)
            content = {**SERVED, "records/7": json.dumps(record()).encode()}.get(name)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_):
            pass

    def record():
        files = []
        for name in ("lips.xyz", "two.npz"):
            checksum = hashlib.md5(SERVED[name], usedforsecurity=False).hexdigest()
            link = {"self": f"{address}{name}?download=1"}
            files.append({"key": name, "checksum": f"md5:{checksum}", "links": link})
        return {"id": 7, "files": files}

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as host:
        address = f"http://127.0.0.1:{host.server_address[1]}/"
        # What resolves a DOI, and where Zenodo is asked.
        monkeypatch.setattr("pooch.downloaders.doi_to_url", lambda doi, **_: "https://zenodo.org/records/7")
        monkeypatch.setattr("pooch.downloaders.ZenodoRepository.base_api_url", f"{address}records")
        digest = hashlib.sha256(CONTENT).hexdigest()
        base = STRUCTURES["deepmd-water"]
        sets = {
            "sums": dataclasses.replace(base, source=address, files={"a/type.raw": digest}),
            "plain": dataclasses.replace(base, source=address, files={"one.npz": None, "two.npz": None}),
            "record": dataclasses.replace(base, source="doi:10.5281/zenodo.7", files={}),
        }
        monkeypatch.setattr(structures, "STRUCTURES", sets)
        thread = threading.Thread(target=host.serve_forever)
        thread.start()
        yield asked
        host.shutdown()
        thread.join()


def test_nothing_is_downloaded_unasked(server, tmp_path):
    for name in ("sums", "plain", "record"):
        assert refusal(name).endswith(", or allow the download by download=True")
    (tmp_path / "mine").mkdir()
    assert find_structures("plain", tmp_path / "mine", download=True) == tmp_path / "mine"
    assert server == []


def test_downloaded_once_and_checked_ever_after(server, capfd):
    level = logging.getLogger("pooch").level
    folder = find_structures("sums", download=True)
    assert (folder / "a" / "type.raw").read_bytes() == CONTENT
    assert find_structures("sums", download=True) == find_structures("sums") == folder
    assert server == ["a/type.raw"]
    assert capfd.readouterr().err == ""  # no terminal, no bar
    assert logging.getLogger("pooch").level == level
    (folder / "a" / "type.raw").write_bytes(b"0")
    assert " is damaged or another file: its sha256 is " in refusal("sums")


def test_files_without_a_published_checksum(server):
    """What came first is what is expected later; the list is one that sha256sum reads."""
    folder = find_structures("plain", files=["two.npz"], download=True)
    assert find_structures("plain", files=["two.npz"]) == folder
    assert refusal("plain") == f"{folder} has no one.npz"
    find_structures("plain", download=True)
    assert server == ["two.npz", "one.npz"]
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=folder, check=True)
    (folder / "one.npz").write_bytes(b"2" * 3_000_000)
    assert "one.npz is damaged or another file" in refusal("plain")
    assert find_structures("plain", files=["two.npz"]) == folder


@pytest.mark.parametrize("name", ["sums", "plain", "record"])
@pytest.mark.parametrize("harm", ["gone", "damaged"])
@pytest.mark.parametrize("named", [True, False])
def test_a_download_repairs_the_cache(name, harm, named, server):
    """With a published checksum, without one, and from a record; the other files stay as they are."""
    file = {"sums": "a/type.raw", "plain": "two.npz", "record": "two.npz"}[name]
    files = [file] if named else None
    folder = find_structures(name, download=True)
    asked, sums = server.copy(), (folder / "SHA256SUMS").read_text()
    if harm == "gone":
        (folder / file).unlink()
        assert refusal(name, files=files) == f"{folder} has no {file}"
    else:
        (folder / file).write_bytes(b"00")
        assert " is damaged or another file: its sha256 is " in refusal(name, files=files)
    assert find_structures(name, files=files, download=True) == find_structures(name) == folder
    assert (folder / file).read_bytes() == SERVED[file]
    assert [path for path in server[len(asked) :] if path in SERVED] == [file]
    assert (folder / "SHA256SUMS").read_text() == sums


def test_a_repaired_file_may_be_another(server, monkeypatch):
    """Nobody published its checksum: what came last is expected, and there is one line of it."""
    folder = find_structures("plain", download=True)
    monkeypatch.setitem(SERVED, "one.npz", b"another")
    (folder / "one.npz").unlink()
    find_structures("plain", files=["one.npz"], download=True)
    assert find_structures("plain") == folder
    assert sorted(path.name for path in folder.iterdir()) == ["SHA256SUMS", "one.npz", "two.npz"]
    assert len((folder / "SHA256SUMS").read_text().splitlines()) == 2
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=folder, check=True)


def test_a_record_knows_its_files_and_their_checksums(server, monkeypatch):
    folder = find_structures("record", files=["lips.xyz"], download=True)
    assert sorted(path.name for path in folder.iterdir()) == ["SHA256SUMS", "lips.xyz"]
    assert find_structures("record", download=True) == folder
    assert (folder / "two.npz").read_bytes() == SERVED["two.npz"]
    before = len(server)
    assert find_structures("record", files=["two.npz"], download=True) == find_structures("record")
    assert len(server) == before
    refused = refusal("record", files=["three.npz"], download=True)
    assert refused == "files: 'three.npz' is not among lips.xyz, two.npz"


def test_downloads_that_fail(server, monkeypatch):
    good = structures.STRUCTURES["sums"]
    wrong = {
        "sums": dataclasses.replace(good, files={"a/type.raw": "0" * 64}),
        "plain": dataclasses.replace(good, files={"three.npz": None}),
        "record": dataclasses.replace(good, source="doi:10.5281/zenodo.8", files={}),
    }
    monkeypatch.setattr(structures, "STRUCTURES", wrong)
    monkeypatch.setattr("pooch.downloaders.doi_to_url", lambda doi, **_: "https://zenodo.org/records/8")
    text = refusal("sums", download=True)
    assert text.startswith(
        f"{good.source}a/type.raw: SHA256 hash of downloaded file (type.raw) does not match"
    )
    assert "\n" not in text
    assert refusal("plain", download=True) == f"{good.source}three.npz: HTTPError"
    assert refusal("record", download=True) == "doi:10.5281/zenodo.8: JSONDecodeError"
    for name in wrong:  # nothing is taken for whole
        assert refusal(name).endswith("download=True")


def test_names_that_lead_elsewhere(server):
    for name in ("../x", "/etc/passwd", "a/../../x", ""):
        assert refusal("plain", files=[name]) == f"files: {name!r} is not a path below the set's folder"
    assert refusal("plain", files="one.npz") == "files = 'one.npz' is one name, not several"


def test_progress_in_mebibytes(server, monkeypatch):
    shown = []

    @download.contextmanager
    def bar(label, total, *, show):
        steps = []
        yield lambda: steps.append(1)
        shown.append((label, total, len(steps), show))

    monkeypatch.setattr(download, "progress_bar", bar)
    find_structures("plain", download=True, progress=False)
    assert shown == [("plain: one.npz, MiB", 3, 3, False), ("plain: two.npz, MiB", 1, 1, False)]
