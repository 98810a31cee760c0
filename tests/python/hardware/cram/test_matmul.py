"""Matrix products equal numpy's; with errors they depend on the seed alone."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal.errors import InvalidArgument
from nonideal.hardware import cram


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(st.integers(0, 5), st.integers(0, 9), st.integers(0, 5)),
    bits=st.integers(1, 8),
    accumulate=st.sampled_from(["tree", "chain", "csa", "hybrid"]),
    seed=st.integers(0, 99),
)
def test_equals_numpy(shape, bits, accumulate, seed):
    m, k, n = shape
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 2**bits, (m, k)), rng.integers(0, 2**bits, (k, n))
    result = cram.matmul(a, b, bits=bits, accumulate=accumulate)
    assert result.dtype == np.int64
    np.testing.assert_array_equal(result, a @ b)


def test_errors_are_those_of_the_dot_product():
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 16, (40, 12)), rng.integers(0, 16, (12, 30))
    gates = cram.GateLibrary.uniform(1e-3)
    result = cram.matmul(a, b, gates, seed=3)
    np.testing.assert_array_equal(result, cram.matmul(a, b, gates, seed=3))
    assert np.any(result != cram.matmul(a, b, gates, seed=4))
    x, w = np.repeat(a, 30, axis=0), np.tile(b.T, (40, 1))
    lanes = cram.simulate(cram.place(cram.circuits.dot(12, 4, 4)).program, {"x": x, "w": w}, gates, seed=3)
    np.testing.assert_array_equal(result.ravel(), lanes["y"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cram.matmul([1], [[1]]), "A: shape (1,) is not that of a matrix"),
        (lambda: cram.matmul([[1]], [[1.0]]), "B: dtype float64 is not an integer type"),
        (lambda: cram.matmul([[1, 16]], [[1], [1]]), "A[0, 1] = 16 is outside [0, 15]"),
        (lambda: cram.matmul([[1]], [[-1]]), "B[0, 0] = -1 is outside [0, 15]"),
        (lambda: cram.matmul([[1]], [[1], [2]]), "B: 2 rows for 1 columns of A"),
        (lambda: cram.matmul([[1]], [[1]], bits=9), "bits = 9 is outside [1, 8]"),
        (lambda: cram.matmul([[1]], [[1]], 0.1), "gates: float is not a GateLibrary"),
        (lambda: cram.matmul([[1]], [[1]], seed=-1), "seed = -1 is outside [0, 2^64)"),
        (
            lambda: cram.matmul(np.zeros((0, 2), int), np.zeros((2, 3), int), accumulate="x"),
            "accumulate = 'x' is not one of tree, chain, csa, hybrid",
        ),
        (
            lambda: cram.matmul([[1]], [[1]], accumulate="x"),
            "accumulate = 'x' is not one of tree, chain, csa, hybrid",
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidArgument, match=f"^{re.escape(message)}$"):
        call()
