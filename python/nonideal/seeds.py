"""Seeds of counter-based random numbers."""

from __future__ import annotations

import operator
import secrets

from nonideal.errors import InvalidArgument

__all__ = ["resolve_seed"]


def resolve_seed(seed: int | None) -> int:
    """Return ``seed``, or a fresh one where it is None, so that the result can report it.

    Raises
    ------
    InvalidArgument
        If ``seed`` is not an integer in [0, 2^64).

    Examples
    --------
    >>> from nonideal.seeds import resolve_seed
    >>> resolve_seed(7)
    7
    >>> 0 <= resolve_seed(None) < 2**64
    True
    """
    if seed is None:
        return secrets.randbits(64)
    try:
        value = operator.index(seed)
    except TypeError:
        raise InvalidArgument(f"seed = {seed!r} is not an integer in [0, 2^64)") from None
    if not 0 <= value < 2**64:
        raise InvalidArgument(f"seed = {value} is outside [0, 2^64)")
    return value
