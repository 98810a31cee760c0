"""The specification's section 8.1, "Ideal user code", as it stands there; and what it says of the results."""

import numpy as np
import pytest

from nonideal import Estimate
from nonideal.hardware import quantum

noise = quantum.NoiseModel.depolarizing(p1=1e-3, p2=1e-2)
bell = quantum.Circuit(2).h(0).cx(0, 1)


def expectation_of_bell():
    """Only the CX's channel shrinks Z Z: X of the H leaves |+>, and I Z becomes Z Z."""
    return (1 - 1e-2) * 1.0


def test_any_circuit():
    sim = quantum.Simulator(noise=noise, seed=7)
    p = sim.probabilities(bell)  # (4,) float64, little endian
    assert (p.shape, p.dtype) == ((4,), np.float64)
    np.testing.assert_allclose(p, (1 + np.array([1, -1, -1, 1]) * expectation_of_bell()) / 4, atol=1e-15)
    counts = sim.sample(bell, shots=1000)  # {'00': 489, '11': 501, ...}
    assert isinstance(counts, dict)
    assert sum(counts.values()) == 1000
    assert set(counts) <= {"00", "01", "10", "11"}
    for key in ("00", "11"):
        assert abs(counts[key] - 1000 * p[0]) < 4.9 * np.sqrt(1000 * p[0] * (1 - p[0]))
    found = sim.expectation(bell, "Z0 Z1", shots=4096)
    assert isinstance(found, Estimate)
    assert found.samples == 4096
    assert found.value == pytest.approx(expectation_of_bell(), abs=4.9 * found.standard_error)


def test_any_circuit_may_be_qiskits():
    qiskit = pytest.importorskip("qiskit")
    theirs = qiskit.QuantumCircuit(2)
    theirs.h(0)
    theirs.cx(0, 1)
    sim = quantum.Simulator(noise=noise, seed=7)
    np.testing.assert_array_equal(sim.probabilities(theirs), sim.probabilities(bell))


def test_a_template_and_an_array_of_angles():
    sim = quantum.Simulator(noise=noise, seed=7)
    theta = quantum.Parameter("theta")
    template = quantum.Circuit(2).ry(theta, 0).cx(0, 1).rz(0.5 * theta, 1)
    angles = np.linspace(0, np.pi, 1000)[:, None]
    p = sim.probabilities(template, qubits=[1], parameters=angles)  # (1000, 2)
    assert p.shape == (1000, 2)
    shrunk = (1 - 1e-3) * (1 - 1e-2) * (1 - 1e-3) * np.cos(angles[:, 0])  # Z1 was Z0 Z1 before the CX
    np.testing.assert_allclose(p, np.stack([1 + shrunk, 1 - shrunk], axis=1) / 2, atol=1e-14)


def test_mitigation():
    sim = quantum.Simulator(noise=noise, seed=7)
    zne = quantum.ZNE(scales=(1, 3, 5), extrapolator="richardson")
    found = zne.expectation(sim, bell, "Z0 Z1", shots=4096)
    assert (found.by_scale.shape, found.realization, found.samples) == ((3,), "channel", 4096)
    assert found.value == pytest.approx(np.dot([15 / 8, -10 / 8, 3 / 8], found.by_scale), rel=1e-14)
    spread = np.dot([225 / 64, 100 / 64, 9 / 64], found.standard_error_by_scale**2)
    assert found.standard_error == pytest.approx(np.sqrt(spread), rel=1e-14)
    assert found.value == pytest.approx(1.0, abs=4.9 * found.standard_error + 1e-5)


def test_distances_and_neighbours():
    """Many probabilities are near 1/2, where no exponential fits the frequencies of 1,024 shots.

    Such pairs keep their value at the smallest scale, and are counted; one of 20,000 does not end the search.
    """
    rng = np.random.default_rng(0)
    queries, database = rng.normal(size=(50, 8)), rng.normal(size=(400, 8))
    estimator = quantum.DistanceEstimator(
        method="hadamard",
        shots=1024,
        noise=noise,
        zne=quantum.ZNE(extrapolator="exponential", asymptote=0.5),
        translation="cells",
        seed=7,
    )
    distances = estimator.pairwise(queries, database)
    assert distances.squared_distance.shape == distances.standard_error.shape == (50, 400)
    assert (distances.shots, distances.seed) == (1024, 7)
    assert distances.n_circuits + 3 * distances.n_shortcuts == 3 * 50 * 400
    assert 0 < distances.n_crossings < 50 * 400
    near = estimator.nearest(queries, database)
    assert near.n_crossings == distances.n_crossings
    np.testing.assert_array_equal(near.index, distances.squared_distance.argmin(axis=1))
    np.testing.assert_array_equal(near.squared_distance, distances.squared_distance.min(axis=1))
    np.testing.assert_array_equal(near.standard_error, distances.standard_error[range(50), near.index])
    truth = ((queries[:, None] - database) ** 2).sum(axis=2)
    assert np.median(abs(near.squared_distance / truth[range(50), near.index] - 1)) < 0.3
