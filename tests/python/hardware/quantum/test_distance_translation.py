"""Where the origin lies when distances are measured: bias, wrong neighbours and shot noise by closed forms.

Along the line through a query a and the origin c of coordinates, b = c + t (a - c), noise turns D2 into
alpha D2 + beta Z: exactly, on a line. The least measured distance is then at t = alpha / (alpha + beta): the
nearest neighbour is looked for around a point that is pulled towards c by beta / (alpha + beta) |a - c|.
"""

from itertools import product

import numpy as np
import pytest
from scipy.spatial import cKDTree

from nonideal.hardware.quantum import DistanceEstimator, NoiseModel
from nonideal.hardware.quantum.translation import Cells
from oracles import quantum_density, quantum_gates
from oracles import quantum_distance as oracle

P1, P2 = 1e-3, 1e-2
NOISE = NoiseModel.depolarizing(P1, P2)
KRAUS = [
    quantum_gates.kraus_of(np.diag([1.0] + [1 - p] * (4**n_qubits - 1))) for p, n_qubits in ((P1, 1), (P2, 2))
]
SLOPES = {"swap": (0.828, 0.119), "hadamard": (0.896, 0.106)}  # the specification's alpha and beta, D = 8


def vectors(n, dimension, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dimension))


def noisy_distance(method, a, b):
    """On a dense density matrix, gate by gate."""
    n_qubits, gates, _ = oracle.circuit(method, a, b)
    rho = quantum_density.density_matrix(gates, n_qubits, lambda name, qubits: KRAUS[len(qubits) - 1])
    one = quantum_gates.marginal(np.diag(rho).real, [0])[1]
    return oracle.squared_distance(method, a, b, one)


def slopes(method, dimension):
    """alpha and beta along a line through the origin; and what they leave unexplained."""
    a = vectors(1, dimension, 7)[0]
    t = np.array([-1.2, 0.4, 0.9, 1.7])
    measured = np.array([noisy_distance(method, a, x * a) for x in t]) / (a @ a)
    basis = np.stack([(1 - t) ** 2, 1 + t**2], axis=1)
    fit = np.linalg.lstsq(basis, measured, rcond=None)[0]
    return fit, abs(basis @ fit - measured).max()


@pytest.mark.parametrize("method", SLOPES)
@pytest.mark.parametrize("dimension", [2, 3, 8])
def test_the_nearest_is_pulled_towards_the_centre(method, dimension):
    """In proportion to |a - c|, for centres at the origin and far from it."""
    (alpha, beta), rest = slopes(method, dimension)
    assert rest < 1e-13
    if dimension == 8:
        np.testing.assert_allclose((alpha, beta), SLOPES[method], atol=0.003)
    pull = beta / (alpha + beta)
    step = 1e-3
    t = np.arange(-1500, 1501) * step  # symmetric: the centroid of the line is c
    for length, shift in product((0.3, 1.0, 7.0), (0.0, 10.0)):
        v = vectors(1, dimension, 3)[0]
        v *= length / np.linalg.norm(v)
        estimator = DistanceEstimator(method, noise=NOISE, translation="centroid" if shift else "none")
        found = estimator.nearest([shift + v], shift + t[:, None] * v)
        assert 1 - t[found.index[0]] == pytest.approx(pull, rel=0, abs=0.51 * step)
    assert 0.02 < pull < 0.13  # tens of steps


GRID = np.array(list(product(np.arange(-4.0, 5.0), repeat=3)))


def wrong_neighbours(method, reach, translation, n_cells=None, seeds=range(4)):
    """Share of wrong neighbours, |a - c|, and both as the pull predicts them, from exact probabilities."""
    (alpha, beta), _ = slopes(method, 3)
    tree, found, predicted, truth, away = cKDTree(GRID), [], [], [], []
    for seed in seeds:
        a = np.random.default_rng(seed).uniform(-reach, reach, size=(256, 3))
        centres, cells = Cells(translation, n_cells, seed).assign(a, GRID)
        c = centres[cells] if translation != "none" else np.zeros_like(a)
        estimator = DistanceEstimator(
            method, noise=NOISE, translation=translation, n_cells=n_cells, seed=seed
        )
        found.append(estimator.nearest(a, GRID).index)
        predicted.append(tree.query(a - beta / (alpha + beta) * (a - c))[1])
        truth.append(tree.query(a)[1])
        away.append(np.linalg.norm(a - c, axis=1))
    found, predicted, truth, away = (np.concatenate(each) for each in (found, predicted, truth, away))
    assert np.mean(found == predicted) > 0.975  # off the line alpha D2 + beta Z holds to 1 %
    assert np.mean(found != truth) == pytest.approx(np.mean(predicted != truth), abs=0.015)
    return np.mean(found != truth), away.mean()


@pytest.mark.parametrize("method", SLOPES)
def test_too_few_cells_make_it_worse(method):
    """729 points, queries whose nearest is the origin itself: the pull to it harms none of them.

    27 cells have their centres farther away than that, and 5.5 % (swap) or 3.9 % (hadamard) of neighbours
    went wrong in the specification's one draw of queries and cells; 216 cells were no better. How many it is
    depends on the draw, and the pull predicts it.
    """
    plain, near = wrong_neighbours(method, 0.5, "none")
    assert plain == 0.0
    for n_cells in (27, 216):
        wrong, away = wrong_neighbours(method, 0.5, "cells", n_cells)
        assert wrong > 0.02
        assert away > 1.5 * near


@pytest.mark.parametrize("method", SLOPES)
def test_enough_cells_make_it_better(method):
    """Queries 1.4 from the origin and, with the default number of cells, 0.8 from their centres."""
    plain, far = wrong_neighbours(method, 1.5, "none")
    wrong, away = wrong_neighbours(method, 1.5, "cells")
    few, _ = wrong_neighbours(method, 1.5, "cells", 8)
    assert away < 0.6 * far
    assert wrong < 0.9 * plain
    assert few > 1.5 * plain


@pytest.mark.parametrize("method", SLOPES)
def test_shot_noise_is_that_of_translated_vectors(method):
    """Frequencies are whole numbers of shots, and Z is that of the vectors seen from the centre."""
    a, b, shots = vectors(5, 4) + 10.0, vectors(60, 4, 1) + 10.0, 1024
    found = {}
    for translation, n_cells in (("none", None), ("centroid", None), ("cells", 7)):
        centres, cells = Cells(translation, n_cells, 4).assign(a, b)
        c = centres[cells][:, None] if translation != "none" else np.zeros((5, 1, 4))
        z = ((a[:, None] - c) ** 2).sum(axis=2) + ((b - c) ** 2).sum(axis=2)
        measured = DistanceEstimator(
            method, shots=shots, noise=NOISE, translation=translation, n_cells=n_cells, seed=4
        ).pairwise(a, b)
        counts = measured.squared_distance / (2 * z) * shots
        if method == "swap":  # D2 = 2 Z (2 P0 - 1)
            counts = (counts + shots) / 2
        np.testing.assert_allclose(counts, np.round(counts), rtol=0, atol=1e-8)
        p = np.round(counts) / shots
        least = 2 / shots
        spread = np.sqrt(np.maximum(p * (1 - p), least * (1 - least)) / shots)
        np.testing.assert_allclose(
            measured.standard_error, (4 if method == "swap" else 2) * z * spread, rtol=1e-9
        )
        found[translation] = measured.standard_error.mean()
    assert found["none"] > 5 * found["centroid"]


def test_a_common_shift_changes_nothing_about_the_centroid():
    a, b = vectors(5, 4), vectors(60, 4, 1)
    b -= b.mean(axis=0)
    plain = DistanceEstimator(noise=NOISE).pairwise(a, b).squared_distance
    moved = DistanceEstimator(noise=NOISE, translation="centroid").pairwise(a + 10.0, b + 10.0)
    np.testing.assert_allclose(moved.squared_distance, plain, rtol=0, atol=1e-11)


def test_cells_have_a_seed_of_their_own():
    queries, points = np.random.default_rng(3).normal(size=(2, 60, 2))
    noise = NoiseModel.depolarizing(p1=1e-3, p2=1e-2)

    def measured(seed, cells_seed=None):
        estimator = DistanceEstimator(
            noise=noise, translation="cells", n_cells=6, seed=seed, cells_seed=cells_seed
        )
        return estimator.pairwise(queries, points).squared_distance

    # Exact probabilities depend on a seed through the cells alone.
    assert not np.array_equal(measured(1), measured(2))
    np.testing.assert_array_equal(measured(1, cells_seed=2), measured(2))
    np.testing.assert_array_equal(measured(5, cells_seed=1), measured(6, cells_seed=1))
