"""Seeds: drawn, checked, derived. Oracle: `oracles.philox` with the documented counter."""

import re

import numpy as np
import pytest

from nonideal.errors import InvalidArgument
from nonideal.seeds import derive_seed, resolve_seed
from oracles.philox import philox


@pytest.mark.parametrize("seed", [0, 1, 2**64 - 1, np.int64(7), np.uint64(2**64 - 1)])
def test_seeds_in_range_are_taken_as_they_are(seed):
    assert resolve_seed(seed) == int(seed)
    assert type(resolve_seed(seed)) is int


def test_none_draws_a_fresh_seed_without_touching_global_generators():
    before = np.random.get_state()[1].copy()  # noqa: NPY002 the state that must stay
    seeds = {resolve_seed(None) for _ in range(100)}
    assert len(seeds) == 100
    assert all(0 <= seed < 2**64 for seed in seeds)
    assert max(seeds) > 2**60
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@pytest.mark.parametrize("index", [(), (0,), (1,), (2**32 - 1,), (3, 4), (3, 4, 5)])
@pytest.mark.parametrize("seed", [0, 7, 2**64 - 1])
def test_derived_seeds_are_philox_of_the_index(seed, index):
    """Counter: two indices, purpose 3 in the top byte with the number of indices, the third index."""
    first, second, third = (*index, 0, 0, 0)[:3]
    words = philox((first, second, 3 << 24 | len(index), third), seed)
    assert derive_seed(seed, *index) == words[0] | words[1] << 32


def test_derived_seeds_differ():
    indices = [
        (),
        *((i,) for i in range(50)),
        *((i, j) for i in range(8) for j in range(8)),
        (0, 0, 0),
        (0, 0, 1),
    ]
    seeds = [derive_seed(seed, *index) for seed in (0, 1) for index in indices]
    assert len(set(seeds)) == len(seeds)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: resolve_seed(-1), "seed = -1 is outside [0, 2^64)"),
        (lambda: resolve_seed(2**64), f"seed = {2**64} is outside [0, 2^64)"),
        (lambda: resolve_seed(1.0), "seed = 1.0 is not an integer"),
        (lambda: resolve_seed("7"), "seed = '7' is not an integer"),
        (lambda: derive_seed(-1), "seed = -1 is outside [0, 2^64)"),
        (lambda: derive_seed(7, -1), "index[0] = -1 is outside [0, 2^32)"),
        (lambda: derive_seed(7, 1, 2**32), f"index[1] = {2**32} is outside [0, 2^32)"),
        (lambda: derive_seed(7, 1, 2, 3, 4), "index: 4 numbers are more than 3"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidArgument, match=f"^{re.escape(message)}$"):
        call()


@pytest.mark.parametrize("index", [1.5, "1", None])
def test_an_index_that_is_no_whole_number_is_refused(index):
    with pytest.raises(InvalidArgument, match=rf"^index\[0\] = {re.escape(repr(index))} is not an integer"):
        derive_seed(7, index)


def test_deriving_from_no_seed_is_refused():
    with pytest.raises(InvalidArgument):
        derive_seed(None, 1)
