"""Seeds of counter-based random numbers."""

from __future__ import annotations

import secrets

from nonideal import _core
from nonideal.checks import check_integer
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
    return check_integer("seed", seed, 0, 64)


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
    seed = check_integer("seed", seed, 0, 64)
    if len(index) > 3:
        raise InvalidArgument(f"index: {len(index)} numbers are more than 3")
    counter = [0, 0, 0]
    for i, value in enumerate(index):
        counter[i] = check_integer(f"index[{i}]", value, 0, 32)
    purpose = int(_core.Purpose.SEED) << 24 | len(index)
    words = _core.philox([counter[0], counter[1], purpose, counter[2]], seed)
    return words[0] | words[1] << 32
