"""Downloads that somebody asked for: whole and checked, or not there; with progress on a terminal."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from nonideal.errors import InvalidArgument
from nonideal.progress import progress_bar

__all__ = ["DownloadError", "cache_folder", "fetch", "fetch_from_record", "record_files"]

_UNIT = 1 << 20  # bytes in a step of the progress bar


class DownloadError(InvalidArgument):
    """A download failed, or what came is not what its checksum says."""


def cache_folder(name: str) -> Path:
    """Return the folder of a set in the user's cache; it need not exist."""
    import pooch

    return Path(pooch.os_cache("nonideal")) / name


def fetch(
    url: str, target: Path, checksum: str | None, *, label: str | None = None, progress: bool = True
) -> None:
    """Download one file.

    Parameters
    ----------
    url : str
        Its address.
    target : path
        Where it goes; folders are made.
    checksum : str or None
        ``"sha256:..."`` or ``"md5:..."``. None: whatever comes is taken.
    label : str, optional
        Beside the progress bar. None: the file's name.
    progress : bool
        Show one, on a terminal.

    Raises
    ------
    DownloadError
        Naming the address and the kind of failure.
    """
    import pooch

    with _reported(url), _quiet(pooch.get_logger()), _Bar(label or target.name, progress) as bar:
        pooch.retrieve(
            url,
            checksum,
            fname=target.name,
            path=target.parent,
            downloader=pooch.HTTPDownloader(**_options(bar)),
        )


def record_files(doi: str) -> dict[str, str]:
    """Return names and checksums of the files of a data repository's record, as the repository says.

    Parameters
    ----------
    doi : str
        Of the record (Zenodo, Figshare, Dataverse).

    Raises
    ------
    DownloadError
        If the record cannot be asked for.
    """
    import pooch

    with _reported(f"doi:{doi}"):
        record = pooch.create(path=".", base_url=f"doi:{doi}/")
        record.load_registry_from_doi()
        return dict(record.registry)


def fetch_from_record(
    doi: str, file: str, checksum: str, folder: Path, *, label: str | None = None, progress: bool = True
) -> None:
    """Download one file of a record; arguments as for `record_files` and `fetch`."""
    import pooch

    address = f"doi:{doi}/{file}"
    with _reported(address), _quiet(pooch.get_logger()), _Bar(label or file, progress) as bar:
        pooch.retrieve(
            address,
            checksum,
            fname=file,
            path=folder,
            downloader=pooch.DOIDownloader(**_options(bar)),
        )


def _options(bar: _Bar) -> dict[str, Any]:
    return {"progressbar": bar, "chunk_size": _UNIT, "hooks": {"response": _close_refused}}


def _close_refused(response: Any, **_: Any) -> None:
    """Close what nobody will read: pooch raises, and leaves it open."""
    if not response.ok:
        response.close()


class _Bar:
    """The house's bar as pooch drives one: ``total`` is set, then `update` comes with each part."""

    def __init__(self, label: str, show: bool) -> None:
        self.total = 0
        self._label, self._show = label, show
        self._stack = ExitStack()
        self._advance: Any = None
        self._received = self._steps = 0

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def update(self, size: int) -> None:
        """Take in that so many bytes came."""
        if self._advance is None:
            steps = math.ceil(self.total / _UNIT)
            bar = progress_bar(f"{self._label}, MiB", steps, show=self._show)
            self._advance = self._stack.enter_context(bar)
        self._received = min(self._received + size, self.total)
        steps = math.ceil(self._received / _UNIT)
        for _ in range(steps - self._steps):
            self._advance()
        self._steps = steps

    def reset(self) -> None:
        """Pooch's way to the end: `reset`, `update` by the whole, `close`."""
        self._received = 0

    def close(self) -> None:
        """End the bar."""
        self._stack.close()


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Keep pooch from saying what it downloads: the bar does, and nothing where there is no terminal."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextmanager
def _reported(address: str) -> Iterator[None]:
    """Turn what requests and pooch raise into one line: their errors are OSErrors and ValueErrors."""
    try:
        yield
    except DownloadError:
        raise
    except (OSError, KeyError, TypeError) as error:
        raise DownloadError(f"{address}: {type(error).__name__}") from error
    except ValueError as error:  # of pooch: a wrong checksum among them
        raise DownloadError(f"{address}: {str(error).splitlines()[0]}") from error
