"""Seeds of counter-based random numbers."""

from __future__ import annotations

import operator
import secrets

from nonideal import _core
from nonideal.errors import InvalidArgument

__all__ = ["derive_seed", "resolve_seed"]


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


def derive_seed(seed: int, *index: int) -> int:
    """Return the seed that belongs to an index, for independent runs of one experiment.

    Parameters
    ----------
    seed : int
        In [0, 2^64).
    *index : int
        Up to three numbers in [0, 2^32): which point, which repeat, ...

    Raises
    ------
    InvalidArgument
        If a number is out of range.

    Examples
    --------
    >>> from nonideal.seeds import derive_seed
    >>> derive_seed(7, 0, 1) != derive_seed(7, 1, 0)
    True
    """
    if seed is None:
        raise InvalidArgument("seed = None is not an integer in [0, 2^64)")
    if len(index) > 3:
        raise InvalidArgument(f"index: {len(index)} numbers are more than 3")
    counter = [0, 0, 0]
    for i, value in enumerate(index):
        try:
            counter[i] = operator.index(value)
        except TypeError:
            raise InvalidArgument(f"index[{i}] = {value!r} is not an integer in [0, 2^32)") from None
        if not 0 <= counter[i] < 2**32:
            raise InvalidArgument(f"index[{i}] = {counter[i]} is outside [0, 2^32)")
    purpose = int(_core.Purpose.SEED) << 24 | len(index)
    words = _core.philox([counter[0], counter[1], purpose, counter[2]], resolve_seed(seed))
    return words[0] | words[1] << 32
