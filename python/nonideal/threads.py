"""How many threads the kernels use."""

from __future__ import annotations

from nonideal import _core
from nonideal.checks import check_int32

__all__ = ["num_threads", "set_num_threads"]


def num_threads() -> int:
    """Return the number of threads that kernels use where a call names none.

    `set_num_threads` decides, else the environment variable ``NONIDEAL_NUM_THREADS``, else OpenMP's default.

    Raises
    ------
    InvalidArgument
        If ``NONIDEAL_NUM_THREADS`` is not a whole number >= 1.

    Examples
    --------
    >>> import nonideal
    >>> nonideal.num_threads() >= 1
    True
    """
    return _core.num_threads()


def set_num_threads(num_threads: int) -> None:
    """Set the default number of threads of this process; 0 goes back to the environment's.

    Results don't depend on it: every kernel gives the same bits for every number of threads.

    Raises
    ------
    InvalidArgument
        If ``num_threads`` is negative.

    Examples
    --------
    >>> import nonideal
    >>> nonideal.set_num_threads(1)
    >>> nonideal.num_threads()
    1
    >>> nonideal.set_num_threads(0)
    """
    _core.set_num_threads(check_int32("num_threads", num_threads))
