"""Philox4x32-10 against its published vectors and `oracles.philox`."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal import _core
from oracles.philox import philox

WORD = st.integers(0, 2**32 - 1)
# Known answers of Random123 (Salmon et al.): counter, key, output, lowest word first.
VECTORS = [
    ((0, 0, 0, 0), 0, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((2**32 - 1,) * 4, 2**64 - 1, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        0x299F31D0A4093822,
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "expected"), VECTORS)
def test_known_answers(counter, key, expected):
    assert philox(counter, key) == expected
    assert tuple(_core.philox(list(counter), key)) == expected


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.tuples(WORD, WORD, WORD, WORD), st.integers(0, 2**64 - 1))
def test_any_counter_and_key(counter, key):
    assert tuple(_core.philox(list(counter), key)) == philox(counter, key)


def test_purposes_have_numbers_that_never_change():
    assert {purpose.name: int(purpose) for purpose in _core.Purpose} == {
        "GATE_ERROR": 1,
        "UNIFORM_OPERAND": 2,
        "SEED": 3,
        "MACROSPIN": 5,
        "FAULT": 6,
        "DISTANCE_SHOTS": 7,
        "TRAJECTORY": 8,
        "FOLD": 9,
        "COUNTS": 10,
    }
