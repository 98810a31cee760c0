"""Weighted orthonormalisation and decomposition, against NumPy with a dense Cholesky factor."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from nonideal.errors import InvalidArgument
from nonideal.physics import flow
from nonideal.physics.flow.affine import AffineSpan
from nonideal.physics.flow.pod import orthonormalise, pod


def weight_of(n, seed):
    random = np.random.default_rng(seed)
    factor = random.standard_normal((n, n))
    return sparse.csr_array(factor @ factor.T + n * np.eye(n))


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(2, 30),
    count=st.integers(1, 12),
    decades=st.floats(0, 12),
    dependent=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_qr_is_orthonormal_and_exact(n, count, decades, dependent, seed):
    random = np.random.default_rng(seed)
    columns = random.standard_normal((n, count)) * np.logspace(0, -decades, count)
    if dependent:
        columns[:, -1] = columns[:, :1].sum(axis=1)
    weight = weight_of(n, seed)
    q, r = orthonormalise(columns, weight)
    assert np.array_equal(np.triu(r), r)
    size = np.abs(columns).max(axis=0)
    assert (np.abs(q @ r - columns) <= 1e-13 * n * size).all()
    kept = np.diag(r) > 0
    gram = q[:, kept].T @ (weight @ q[:, kept])
    assert np.abs(gram - np.eye(kept.sum())).max() < 1e-13 * n
    assert (q[:, ~kept] == 0).all()


@settings(max_examples=30, deadline=None)
@given(n=st.integers(3, 30), count=st.integers(1, 10), seed=st.integers(0, 2**32 - 1))
def test_modes_and_singular_values_are_those_of_a_dense_decomposition(n, count, seed):
    columns = np.random.default_rng(seed).standard_normal((n, count))
    weight = weight_of(n, seed)
    upper = np.linalg.cholesky(weight.toarray()).T
    left, expected, _ = np.linalg.svd(upper @ columns, full_matrices=False)
    modes, values = pod(columns, weight)
    rank = min(n, count)
    assert modes.shape == (n, rank)
    np.testing.assert_allclose(values[:rank], expected, rtol=1e-10)
    np.testing.assert_allclose(values[rank:], 0, atol=1e-12 * expected[0])
    apart = np.min(np.abs(np.diff(expected)) / expected[0], initial=1.0) > 1e-3
    if apart:  # modes of equal singular values are any of their span
        overlap = np.abs(modes.T @ (weight @ np.linalg.solve(upper, left)))
        np.testing.assert_allclose(overlap, np.eye(rank), atol=1e-8)
    assert (modes[np.abs(modes).argmax(axis=0), np.arange(rank)] > 0).all()


def test_small_modes_are_not_lost_in_the_square_of_the_condition():
    """Singular values down to 1e-9 of the largest: the Gram matrix's would be noise."""
    random = np.random.default_rng(3)
    n, values = 60, np.logspace(0, -9, 7)
    left = np.linalg.qr(random.standard_normal((n, 7)))[0]
    right = np.linalg.qr(random.standard_normal((7, 7)))[0]
    columns = (left * values) @ right.T
    modes, found = pod(columns)
    np.testing.assert_allclose(found, values, rtol=1e-6)
    assert modes.shape[1] == 7
    assert abs(abs(modes[:, -1] @ left[:, -1]) - 1) < 1e-6


def test_rank_stops_at_rounding():
    columns = np.random.default_rng(1).standard_normal((20, 3)) @ np.random.default_rng(2).random((3, 9))
    assert pod(columns)[0].shape == (20, 3)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (np.zeros((3, 0)), r"columns: expected shape \(n, n_snapshots\), got \(3, 0\)"),
        (np.zeros(3), r"columns: expected shape \(n, n_snapshots\), got \(3,\)"),
        ([[1.0, np.nan]], r"columns\[0, 1\] = nan is not finite"),
    ],
)
def test_refusals(columns, message):
    with pytest.raises(InvalidArgument, match=f"^{message}$"):
        pod(columns)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 20), rank=st.integers(0, 5), count=st.integers(1, 8), seed=st.integers(0, 2**32 - 1))
def test_affine_span_reads_coefficients_off_entries(n, rank, count, seed):
    random = np.random.default_rng(seed)
    rank = min(rank, n)
    samples = random.standard_normal((n, rank)) @ random.standard_normal((rank, count))
    span = AffineSpan(samples)
    assert len(span) == min(rank, count)
    assert np.array_equal(span.vectors[span.entries], np.eye(len(span)))
    scale = np.abs(samples).max(initial=1e-300)
    again = span.vectors @ span.coefficients(samples)
    assert np.abs(again - samples).max(initial=0) <= 1e-9 * scale
    inside = samples @ random.standard_normal(count)
    assert span.misfit(inside) < 1e-9 or np.linalg.norm(inside) < 1e-3
    if n > len(span):
        outside = random.standard_normal(n)
        assert span.misfit(outside) > 0
    assert span.misfit(np.zeros(n)) == 0


@pytest.mark.parametrize("weighted", [False, True])
def test_pymor_agrees(cavity, cavity_train, weighted):
    """pyMOR, where it is installed: singular values to 1e-10, modes, and its arrays as snapshots."""
    pytest.importorskip("pymor")
    from pymor.algorithms.pod import pod as theirs
    from pymor.operators.numpy import NumpyMatrixOperator
    from pymor.vectorarrays.numpy import NumpyVectorSpace

    snapshots = cavity_train + flow.augment(cavity_train)
    array = NumpyVectorSpace(cavity.n_velocity).from_numpy(snapshots.velocity)
    product = NumpyMatrixOperator(sparse.csr_matrix(cavity.mass_matrix)) if weighted else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own
        found, expected = theirs(array, product=product, rtol=1e-9, method="qr_svd")
    weight = cavity.mass_matrix if weighted else None
    modes, values = pod(snapshots.velocity, weight)
    assert len(expected) == len(snapshots) == 10
    np.testing.assert_allclose(values, expected, rtol=1e-10)
    other = found.to_numpy()
    overlap = modes.T @ (other if weight is None else weight @ other)
    np.testing.assert_allclose(np.abs(overlap), np.eye(10), atol=1e-7)
    again = flow.Snapshots(cavity, array, None, snapshots.parameters, origin=snapshots.origin)
    assert np.array_equal(again.velocity, snapshots.velocity)
