"""Distances and their mitigation against literal circuits, one by one, in Aer."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit_aer import noise as aer_noise

from nonideal.hardware import quantum
from oracles import aer

P1, P2 = 2e-3, 1e-2
NOISE = quantum.NoiseModel.depolarizing(P1, P2)


@pytest.fixture(scope="module")
def model():
    errors = aer_noise.NoiseModel(basis_gates=list(aer.GATES))
    errors.add_all_qubit_quantum_error(aer_noise.depolarizing_error(P1, 1), list(aer.ONE))
    errors.add_all_qubit_quantum_error(aer_noise.depolarizing_error(P2, 2), list(aer.TWO))
    return errors


def squared_distance(method, p1, a, b):
    """From the probability of 1 on the measured qubit; the closed forms of the three circuits."""
    z = a @ a + b @ b
    if method == "hadamard":
        return 2 * z * p1
    overlap = 2 * (1 - p1) - 1
    return 2 * z * overlap if method == "swap" else z - 2 * np.sqrt((a @ a) * (b @ b)) * overlap


def probability_of_one(circuits, model):
    """Of qubit 0, the least significant one."""
    return np.array([p[1::2].sum() for p in aer.probabilities(circuits, model)])


def pairs(dimension, n):
    rng = np.random.default_rng(dimension)
    a = rng.normal(size=(n, dimension))
    return a, a + 0.5 * rng.normal(size=(n, dimension))


@pytest.mark.parametrize("method", ["swap", "hadamard", "inner_product"])
@pytest.mark.parametrize("dimension", [1, 2, 3, 8])
def test_distances_are_those_of_aers_circuits(method, dimension, model):
    estimator = quantum.DistanceEstimator(method, noise=NOISE)
    a, b = pairs(dimension, 4)
    circuits = [estimator.circuit(*pair).decomposed().to_qiskit() for pair in zip(a, b, strict=True)]
    assert all(set(circuit.count_ops()) <= {*aer.ONE, "cx"} for circuit in circuits)
    found = np.diag(estimator.pairwise(a, b).squared_distance)
    ones = probability_of_one(circuits, model)
    expected = [squared_distance(method, *row) for row in zip(ones, a, b, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("method", ["swap", "hadamard"])
def test_powers_of_channels_are_folded_circuits(method, model):
    """Richardson on scales 1, 3, 5: Aer runs the folded gates, we raise the channels to powers."""
    zne = quantum.ZNE(scales=(1, 3, 5), extrapolator="richardson", realization="channel")
    estimator = quantum.DistanceEstimator(method, noise=NOISE, zne=zne)
    a, b = pairs(8, 4)
    ones = np.array(
        [
            probability_of_one(
                [
                    estimator.circuit(*pair).decomposed().folded(scale).to_qiskit()
                    for pair in zip(a, b, strict=True)
                ],
                model,
            )
            for scale in (1, 3, 5)
        ]
    )
    mitigated = np.array([15 / 8, -10 / 8, 3 / 8]) @ ones
    expected = [squared_distance(method, *row) for row in zip(mitigated, a, b, strict=True)]
    found = np.diag(estimator.pairwise(a, b).squared_distance)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)
