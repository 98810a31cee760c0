"""Bit planes against numpy's own bit operations."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal.errors import InvalidArgument
from nonideal.hardware import cram
from oracles import program as oracle


def as_bools(planes: cram.BitPlanes) -> np.ndarray:
    return np.unpackbits(planes.words.view(np.uint8), axis=1, bitorder="little").astype(bool)


@settings(deadline=None, derandomize=True, max_examples=120)
@given(st.data())
def test_packing_puts_every_bit_in_its_place_and_back(data):
    bits = data.draw(st.integers(1, 63), "bits")
    signed = data.draw(st.booleans(), "signed")
    lanes = data.draw(st.one_of(st.integers(0, 130), st.integers(4000, 4200)), "lanes")
    length = data.draw(st.one_of(st.none(), st.integers(1, 5)), "length")
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    values = rng.integers(low, high, lanes if length is None else (lanes, length), endpoint=True)
    values.flat[:1], values.flat[1:2] = low, high
    for num_threads in (1, 3):
        planes = cram.pack(values, bits, signed=signed, num_threads=num_threads)
        expected = oracle.bits_of(values, bits) if lanes else np.zeros((bits * (length or 1), 0), dtype=bool)
        np.testing.assert_array_equal(as_bools(planes)[:, :lanes], expected)
        assert not as_bools(planes)[:, lanes:].any()
        back = planes.unpack(bits, signed=signed, num_threads=num_threads)
        np.testing.assert_array_equal(back, values[:, 0] if length == 1 else values)
        assert back.dtype == np.int64


def test_large_arrays_are_packed_by_several_threads_alike():
    values = np.random.default_rng(0).integers(0, 1 << 20, 200_001)
    one, three = (cram.pack(values, 20, num_threads=n) for n in (1, 3))
    np.testing.assert_array_equal(one.words, three.words)
    np.testing.assert_array_equal(three.unpack(20, num_threads=3), values)


def test_values_of_any_integer_type_order_and_layout():
    base = np.array([[3, 1], [0, 2], [1, 1]])
    expected = cram.pack(base, 2).words
    layouts = [np.asfortranarray(base), base[::-1][::-1], np.repeat(base, 2, axis=1)[:, ::2], base.tolist()]
    kinds = [base.astype(kind) for kind in ("i1", "u1", ">i2", ">u4", "<i4", ">i8", ">u8", "u8", "i8")]
    for values in (*layouts, *kinds):
        np.testing.assert_array_equal(cram.pack(values, 2).words, expected)
    np.testing.assert_array_equal(cram.pack([True, False], 1).words, [[1]])


def test_empty_values():
    assert cram.pack([], 3).words.shape == (3, 0)
    assert cram.pack(np.zeros((0, 2), dtype=int), 3).words.shape == (6, 0)
    assert cram.pack([], 3).unpack(3).shape == (0,)
    assert cram.pack(np.zeros((0, 2), dtype=int), 3).unpack(3).shape == (0, 2)


def test_the_array_is_the_one_that_was_given():
    words = np.zeros((2, 3), dtype=np.uint64)
    assert cram.BitPlanes(words, 150).words is words


def words(rows: int = 1, count: int = 1, fill: int = 0) -> np.ndarray:
    return np.full((rows, count), fill, dtype=np.uint64)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cram.pack([1.5], 2), "values: dtype float64 is not an integer type"),
        (lambda: cram.pack([np.nan], 2), "values: dtype float64 is not an integer type"),
        (lambda: cram.pack(np.zeros(0), 2), "values: dtype float64 is not an integer type"),
        (lambda: cram.pack(["1"], 2), "values: dtype <U1 is not an integer type"),
        (lambda: cram.pack([2**70], 2), "values: dtype object is not an integer type"),
        (lambda: cram.pack(3, 2), "values: shape () is neither (lanes,) nor (lanes, length)"),
        (lambda: cram.pack([[[1]]], 2), "values: shape (1, 1, 1) is neither (lanes,) nor (lanes, length)"),
        (lambda: cram.pack(np.zeros((5, 0), dtype=int), 2), "values: shape (5, 0) has no words"),
        (lambda: cram.pack([0, 2], 1), "values[1] = 2 is outside [0, 1]"),
        (lambda: cram.pack([[0, 1], [-1, 4]], 2), "values[1, 0] = -1 is outside [0, 3]"),
        (lambda: cram.pack([-3], 2, signed=True), "values[0] = -3 is outside [-2, 1]"),
        (lambda: cram.pack([2], 2, signed=True), "values[0] = 2 is outside [-2, 1]"),
        (lambda: cram.pack([2**62], 62), f"values[0] = {2**62} is outside [0, {2**62 - 1}]"),
        (
            lambda: cram.pack(np.array([1, 2**63], dtype="u8"), 63),
            f"values[1] = {2**63} is outside [0, {2**63 - 1}]",
        ),
        (
            lambda: cram.pack(np.array([2**64 - 1], ">u8"), 8, signed=True),
            f"values[0] = {2**64 - 1} is outside [-128, 127]",
        ),
        (lambda: cram.pack([1], 0), "bits = 0 is outside [1, 63]"),
        (lambda: cram.pack([1], 64), "bits = 64 is outside [1, 63]"),
        (lambda: cram.pack(np.array([2**63], dtype="u8"), 64), "bits = 64 is outside [1, 63]"),
        (lambda: cram.pack([1], 1.5), "bits = 1.5 is not an integer"),
        (lambda: cram.pack([1], 1, num_threads=0), "num_threads = 0 is below 1"),
        (lambda: cram.pack([1], 2).unpack(3), "bits = 3 doesn't divide the number of planes, 2"),
        (lambda: cram.pack([1], 2).unpack(0), "bits = 0 is outside [1, 63]"),
        (lambda: cram.pack([1], 2).unpack("2"), "bits = '2' is not an integer"),
        (lambda: cram.pack([1], 2).unpack(2, num_threads=-1), "num_threads = -1 is below 1"),
        (lambda: cram.BitPlanes([[1]], 1), "words = list is not a uint64 array of two dimensions"),
        (
            lambda: cram.BitPlanes(np.zeros((1, 1)), 1),
            "words = float64 array of shape (1, 1) is not a uint64 array of two dimensions",
        ),
        (
            lambda: cram.BitPlanes(np.zeros((1, 1), dtype=">u8"), 1),
            "words = >u8 array of shape (1, 1) is not a uint64 array of two dimensions",
        ),
        (
            lambda: cram.BitPlanes(words()[0], 1),
            "words = uint64 array of shape (1,) is not a uint64 array of two dimensions",
        ),
        (
            lambda: cram.BitPlanes(words(2, 4)[:, ::2], 100),
            "words: the array is not C-contiguous; numpy.ascontiguousarray makes a copy that is",
        ),
        (lambda: cram.BitPlanes(words(2, 4), 100), "words: 4 words a plane, expected 2 for 100 entries"),
        (
            lambda: cram.BitPlanes(words(2, 4), 500, entries=70),
            "words: 4 words a plane, expected 2 for 70 entries",
        ),
        (
            lambda: cram.BitPlanes(words(fill=4), 2),
            "words: bits beyond the last of 2 entries are set; they must be zero",
        ),
        (lambda: cram.BitPlanes(words(), -1), "lanes = -1 is below 0"),
        (lambda: cram.BitPlanes(words(), 1.0), "lanes = 1.0 is not an integer"),
        (lambda: cram.BitPlanes(words(), None), "lanes = None is not an integer"),
        (lambda: cram.BitPlanes(words(), 2**63, entries=1), f"lanes = {2**63} is outside [0, 2^63)"),
        (lambda: cram.BitPlanes(words(), 1, repeat=0), "repeat = 0 is below 1"),
        (lambda: cram.BitPlanes(words(), 1, repeat=1.5), "repeat = 1.5 is not an integer"),
        (lambda: cram.BitPlanes(words(), 1, entries=0), "entries = 0 is below 1"),
        (lambda: cram.BitPlanes(words(), 1, entries="1"), "entries = '1' is not an integer"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidArgument, match=f"^{re.escape(message)}$"):
        call()


def test_ragged_rows_are_refused():
    with pytest.raises(InvalidArgument, match=r"^values: .*inhomogeneous shape"):
        cram.pack([[1], [2, 3]], 2)
