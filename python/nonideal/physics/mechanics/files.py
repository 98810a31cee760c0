"""Files that are complete or not there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["replacing"]


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a place beside ``path``, with its name, to write to; what is written takes its place at the end.

    An error on the way leaves ``path`` as it was.

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
    with tempfile.TemporaryDirectory(prefix=".", dir=target.parent) as folder:
        place = Path(folder) / target.name
        yield place
        place.replace(target)
