"""Whether results fit into memory, before they are made."""

from __future__ import annotations

from collections.abc import Sequence

from nonideal import _core

__all__ = ["check_memory"]


def check_memory(shape: Sequence[int], itemsize: int = 8, n_arrays: int = 1) -> None:
    """Refuse results of this shape where so many arrays of them do not fit into memory.

    What the system has available counts, or what the limits of the process's control groups leave.

    Raises
    ------
    InvalidArgument
        If they do not fit: ``a result of shape (100000, 100000) needs 74.5 GiB, 14.2 GiB are available``.

    Examples
    --------
    >>> from nonideal.memory import check_memory
    >>> check_memory((1000, 1000))
    """
    _core.expect_result_memory(list(shape), float(itemsize * n_arrays))
