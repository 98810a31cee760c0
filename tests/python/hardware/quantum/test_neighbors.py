"""Whether the predicted probability of a wrong neighbour is the observed frequency."""

import numpy as np
import pytest
from scipy import stats
from scipy.spatial import cKDTree

from nonideal.hardware.quantum import ZNE, DistanceEstimator, NoiseModel

NOISE = NoiseModel.depolarizing(p1=1e-3, p2=1e-2)
LEAST_P = 1e-6
N_QUERIES = 20_000


@pytest.fixture(scope="module")
def cloud():
    """Queries around 256 points in 8 dimensions, and their true neighbours."""
    rng = np.random.default_rng(1)
    points = rng.normal(size=(256, 8))
    queries = points[rng.integers(256, size=N_QUERIES)] + 0.5 * rng.normal(size=(N_QUERIES, 8))
    return queries, points, cKDTree(points).query(queries)[1]


def excess(wrong, predicted):
    """By how many standard deviations of a sum of coins there are more wrong neighbours than predicted."""
    return (wrong.sum() - predicted.sum()) / np.sqrt((predicted * (1 - predicted)).sum())


def outcome(cloud, **options):
    queries, points, truth = cloud
    found = DistanceEstimator("hadamard", seed=11, **options).nearest(queries, points)
    np.testing.assert_array_equal(found.wrong_probability, stats.norm.sf(found.margin))
    return found.index != truth, found.wrong_probability


def test_wrong_neighbours_are_as_frequent_as_predicted(cloud):
    """Without noise, 4,096 shots: 3 % are wrong. All of them, and classes of alike predictions, each by a
    two-sided test of p < 1e-6: predictions 16 % off in the mean, 14 to 40 % in the classes, would fail.
    """
    wrong, predicted = outcome(cloud, shots=4096)
    assert 0.02 < predicted.mean() < 0.04
    classes = [(0.0, 0.5), (1e-3, 0.02), (0.02, 0.1), (0.1, 0.25), (0.25, 0.5)]
    for least, most in classes:
        inside = (predicted >= least) & (predicted <= most)
        assert predicted[inside].sum() > 5
        assert 2 * stats.norm.sf(abs(excess(wrong[inside], predicted[inside]))) > LEAST_P
    certain = predicted < 1e-3  # too rare for a normal distribution
    assert stats.poisson.sf(wrong[certain].sum() - 1, predicted[certain].sum()) > LEAST_P


def test_bias_is_not_in_the_prediction(cloud):
    """The prediction knows the shots alone.

    Gate noise makes every distance alpha D2 + beta Z, which pulls the choice towards the origin: a difference
    between two points that no number of shots removes, so that twice as many neighbours are wrong as
    predicted. Where mitigation takes the bias away, at 65,536 shots, the prediction holds again.
    """
    wrong, predicted = outcome(cloud, shots=4096, noise=NOISE)
    assert excess(wrong, predicted) > 20
    assert 1.5 < wrong.sum() / predicted.sum() < 2.5
    zne = ZNE(extrapolator="exponential", asymptote=0.5, on_crossing="raw")
    wrong, predicted = outcome(cloud, shots=65_536, noise=NOISE, zne=zne)
    assert predicted.mean() > 0.01
    assert 2 * stats.norm.sf(abs(excess(wrong, predicted))) > LEAST_P
