"""Mandel vectors: round trip, double contraction, refusals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nonideal.errors import InvalidArgument
from nonideal.physics import mechanics

tensors = st.sampled_from([2, 3]).flatmap(
    lambda dim: arrays(np.float64, (2, 4, dim, dim), elements=st.floats(-1e6, 1e6))
)


@given(tensors)
def test_round_trip_and_double_contraction(raw):
    tensor = raw + np.swapaxes(raw, -1, -2)
    vector = mechanics.to_mandel(tensor)
    scale = np.abs(tensor).max() + 1e-300
    np.testing.assert_allclose(mechanics.from_mandel(vector) / scale, tensor / scale, rtol=0, atol=1e-15)
    work = np.einsum("ij,ij", tensor[0, 0] / scale, tensor[1, 1] / scale)
    assert abs(work - vector[0, 0] / scale @ vector[1, 1] / scale) < 1e-13


def test_order_of_components():
    tensor = np.array([[1.0, 6.0, 5.0], [6.0, 2.0, 4.0], [5.0, 4.0, 3.0]])
    np.testing.assert_allclose(mechanics.to_mandel(tensor), [1, 2, 3, 4 * 2**0.5, 5 * 2**0.5, 6 * 2**0.5])
    np.testing.assert_allclose(mechanics.to_mandel(tensor[:2, :2]), [1, 2, 6 * 2**0.5])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mechanics.to_mandel([1.0]), "tensor has shape (1,), not (..., 2, 2) or (..., 3, 3)"),
        (lambda: mechanics.to_mandel([[1, 2], [3, 4]]), "tensor is not symmetric: two entries differ by 1"),
        (lambda: mechanics.to_mandel([[np.nan, 0], [0, 1]]), "tensor[0, 0] = nan is not finite"),
        (lambda: mechanics.from_mandel([1.0, 2.0]), "vector has shape (2,), not (..., 3) or (..., 6)"),
        (lambda: mechanics.from_mandel(1.0), "vector has shape (), not (..., 3) or (..., 6)"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidArgument) as caught:
        call()
    assert str(caught.value) == message
