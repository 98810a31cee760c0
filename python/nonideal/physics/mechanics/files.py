"""Files that are complete or not there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nonideal.errors import InvalidArgument

__all__ = ["replacing"]


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a place beside ``path``, with its name, to write to; what is written takes its place at the end.

    An error on the way leaves ``path`` as it was.

    Raises
    ------
    InvalidArgument
        If there is no folder to write into.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(Path(folder) / "a.txt") as place:
    ...         _ = place.write_text("whole")
    ...     (Path(folder) / "a.txt").read_text()
    'whole'
    """
    target = Path(path).resolve()  # a link stays one
    if not target.parent.is_dir():
        raise InvalidArgument(f"path = {str(path)!r}: there is no folder {str(target.parent)!r}")
    with tempfile.TemporaryDirectory(prefix=".", dir=target.parent) as folder:
        place = Path(folder) / target.name
        yield place
        place.replace(target)
