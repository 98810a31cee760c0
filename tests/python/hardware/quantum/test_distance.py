"""Distances on noisy circuits: closed forms, literal circuits on dense matrices, and nearest neighbours."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from nonideal import _core
from nonideal.errors import InvalidArgument, NumericalError
from nonideal.hardware.quantum import (
    ZNE,
    Circuit,
    DistanceEstimator,
    NoiseModel,
    ReadoutError,
    Simulator,
    state_preparation,
)
from oracles import quantum_distance as oracle
from oracles import quantum_gates
from peak import PEAK

METHODS = ("swap", "hadamard", "inner_product")
NOISE = NoiseModel.depolarizing(p1=1e-3, p2=1e-2)


def vectors(n, dimension, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dimension))


def squared(queries, points):
    return ((queries[:, None] - points[None]) ** 2).sum(axis=2)


def totals(queries, points):
    return (queries**2).sum(axis=1)[:, None] + (points**2).sum(axis=1)


def depolarizing(p1, p2):
    one, two = (quantum_gates.kraus_of(np.diag([1.0] + [1 - p] * (4**n - 1))) for p, n in ((p1, 1), (p2, 2)))
    return lambda name, qubits: one if len(qubits) == 1 else two


# ---- exact probabilities ----


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dimension", [1, 2, 3, 5, 8, 13, 16])
def test_closed_forms(method, dimension):
    queries, points = vectors(9, dimension), vectors(77, dimension, 1) * 3
    found = DistanceEstimator(method).pairwise(queries, points)
    error = abs(found.squared_distance - squared(queries, points)) / totals(queries, points)
    assert error.max() < 1e-12
    assert (found.standard_error == 0).all()
    assert (found.n_circuits, found.n_shortcuts, found.shots) == (9 * 77, 0, None)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    st.sampled_from(METHODS),
    st.integers(1, 9).flatmap(
        lambda d: st.tuples(
            *[st.lists(st.floats(-4, 4).map(lambda x: round(x, 2)), min_size=d, max_size=d)] * 2
        )
    ),
)
def test_vectors_with_zeros_and_signs(method, pair):
    a, b = (np.array([v]) for v in pair)
    found = DistanceEstimator(method).pairwise(a, b).squared_distance
    np.testing.assert_allclose(found, squared(a, b), atol=1e-12 * (1 + totals(a, b).item()))


@pytest.mark.parametrize(
    ("method", "dimension"),
    [("swap", 2), ("swap", 3), ("hadamard", 3), ("hadamard", 8), ("inner_product", 4)],
)
@pytest.mark.parametrize("noisy_preparation", [True, False])
def test_noisy_circuits_are_the_literal_ones(method, dimension, noisy_preparation):
    a, b = vectors(2, dimension), vectors(2, dimension, 1)
    b[0, 0] = a[1, -1] = 0.0
    noise = NoiseModel.depolarizing(0.02, 0.05).add_readout(ReadoutError(0.03, 0.01))
    estimator = DistanceEstimator(method, noise=noise, noisy_preparation=noisy_preparation)
    found = estimator.pairwise(a, b).squared_distance
    channel_of = depolarizing(0.02, 0.05)
    for i in range(2):
        for j in range(2):
            n_qubits, gates, preparation = oracle.circuit(method, a[i], b[j])
            if noisy_preparation:
                p1 = oracle.probability_of_one(n_qubits, gates, channel_of)
            else:
                rho = quantum_gates.density_matrix(gates[:preparation], n_qubits)
                for step in gates[preparation:]:
                    full = quantum_gates.unitary([step], n_qubits)
                    rho = full @ rho @ full.conj().T
                    kraus = [quantum_gates.embed(k, step[1], n_qubits) for k in channel_of(step[0], step[1])]
                    rho = sum(k @ rho @ k.conj().T for k in kraus)
                p1 = quantum_gates.marginal(np.diag(rho).real, [0])[1]
            p1 = p1 * (1 - 0.03) + (1 - p1) * 0.01
            assert found[i, j] == pytest.approx(oracle.squared_distance(method, a[i], b[j], p1), abs=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_circuit_of_one_pair_is_the_one_that_is_run(method):
    a, b = vectors(2, 5)
    circuit = DistanceEstimator(method).circuit(a, b)
    n_qubits, gates, _ = oracle.circuit(method, a, b)
    assert circuit.n_qubits == n_qubits
    ours = [
        (step.name, tuple(step.qubits), tuple(float(x) for x in step.angles)) for step in circuit.instructions
    ]
    assert [step[:2] for step in ours] == [(name, tuple(qubits)) for name, qubits, _, _ in gates]
    for (_, _, found), (_, _, expected, _) in zip(ours, gates, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-14)


@pytest.mark.parametrize(
    ("method", "dimension", "one", "two"),
    [("swap", 2, 15, 10), ("swap", 8, 27, 22), ("swap", 16, 43, 38), ("hadamard", 8, 16, 14)],
)
def test_gate_counts(method, dimension, one, two):
    counts = DistanceEstimator(method).circuit(*vectors(2, dimension)).gate_counts
    assert counts.pop("cx") == two
    assert sum(counts.values()) == one


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.integers(1, 4), st.integers(0, 10_000), st.booleans())
def test_state_preparation(n, seed, with_zeros):
    v = vectors(1, 1 << n, seed)[0]
    if with_zeros:
        v[np.random.default_rng(seed).random(len(v)) < 0.5] = 0.0
        v[-1] = -1.0
    steps = [
        (s.name, tuple(s.qubits), tuple(float(x) for x in s.angles), None)
        for s in state_preparation(v).instructions
    ]
    np.testing.assert_allclose(quantum_gates.unitary(steps, n)[:, 0], v / np.linalg.norm(v), atol=1e-14)


def test_noise_bends_distances_as_the_specification_measured():
    """To 0.9 % rms, D2 becomes alpha D2 + beta Z, with .828, .119 (swap) and .896, .106 (hadamard)."""
    rng = np.random.default_rng(3)
    a = rng.normal(size=(140, 8)) * rng.uniform(0.3, 3, size=(140, 1))
    b = rng.normal(size=(140, 8)) * rng.uniform(0.3, 3, size=(140, 1))
    exact, total = squared(a, b).ravel(), totals(a, b).ravel()
    for method, alpha, beta in (("swap", 0.828, 0.119), ("hadamard", 0.896, 0.106)):
        noisy = DistanceEstimator(method, noise=NOISE).pairwise(a, b).squared_distance.ravel()
        basis = np.stack([exact / total, np.ones_like(exact)], axis=1)
        fit = np.linalg.lstsq(basis, noisy / total, rcond=None)[0]
        np.testing.assert_allclose(fit, [alpha, beta], atol=0.012)  # other pairs than there
        assert np.sqrt(np.mean((basis @ fit - noisy / total) ** 2)) < 0.012


def test_predicted_bias():
    a, b = vectors(4, 6), vectors(50, 6, 1)
    estimator = DistanceEstimator("swap", shots=100, noise=NOISE, seed=1)
    exact_noisy = DistanceEstimator("swap", noise=NOISE).pairwise(a, b).squared_distance
    np.testing.assert_allclose(estimator.predicted_bias(a, b), exact_noisy - squared(a, b), atol=1e-12)


# ---- mitigation ----


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "zne", [ZNE(), ZNE(extrapolator="linear"), ZNE((1, 2, 3.5), extrapolator="polynomial", order=1)]
)
def test_mitigation_by_channel_powers(method, zne):
    a, b = vectors(3, 8), vectors(40, 8, 1)
    found = DistanceEstimator(method, noise=NOISE, zne=zne)
    result = found.pairwise(a, b)
    assert found.realization(8) == "channel"
    assert result.n_circuits == 3 * 40 * len(zne.scales)
    probabilities = []
    for scale in zne.scales:
        raw = DistanceEstimator(method, noise=NOISE.scaled(scale)).pairwise(a, b).squared_distance
        probabilities.append(raw)  # linear in the probability, so it may be extrapolated as it is
    expected, _ = zne.extrapolate(np.array(probabilities), bounds=(-np.inf, np.inf))
    np.testing.assert_allclose(result.squared_distance, expected, atol=1e-12)


def test_powers_are_literal_folds():
    a, b = vectors(3, 8), vectors(10, 8, 1)
    for method in METHODS:
        power, literal = (
            DistanceEstimator(method, noise=NOISE, zne=ZNE(realization=kind)).pairwise(a, b).squared_distance
            for kind in ("channel", "circuit")
        )
        np.testing.assert_allclose(power, literal, atol=1e-12)


def test_exponential_mitigation_is_that_of_the_extrapolator():
    a, b = vectors(3, 8), vectors(70, 8, 1)
    zne = ZNE(extrapolator="exponential", asymptote=0.5, on_crossing="raw")
    found = DistanceEstimator(noise=NOISE, zne=zne).pairwise(a, b)
    total = totals(a, b)
    p = [
        DistanceEstimator(noise=NOISE.scaled(s)).pairwise(a, b).squared_distance / (2 * total)
        for s in zne.scales
    ]
    expected = zne.extrapolate(np.array(p))[0] * 2 * total
    np.testing.assert_allclose(found.squared_distance, expected, atol=1e-12)


@pytest.mark.parametrize("scales", [(1, 3, 5), (3, 1, 2, 5), (1, 1.5)])
@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("shots", [7, 64, 4096])
def test_exponential_mitigation_of_frequencies_is_that_of_the_extrapolator(scales, clip, shots):
    """With few shots many frequencies lie on, or on both sides of, the asymptote: the raw value stays."""
    a, b = vectors(3, 8), vectors(70, 8, 1)
    total, zne = (
        totals(a, b),
        ZNE(scales, extrapolator="exponential", asymptote=0.5, on_crossing="raw", clip=clip),
    )
    found = DistanceEstimator(noise=NOISE, zne=zne, shots=shots, seed=3).pairwise(a, b)
    p = np.array([DistanceEstimator(noise=NOISE.scaled(s)).pairwise(a, b).squared_distance for s in scales])
    counts = np.array(
        [
            [
                [
                    oracle.binomial(shots, p[s, i, j] / (2 * total[i, j]), (j, i, 7 << 24 | s << 16, 0), 3)
                    for j in range(70)
                ]
                for i in range(3)
            ]
            for s in range(len(scales))
        ]
    )
    least = min(2 / shots, 0.5)
    spread = np.maximum(counts / shots * (1 - counts / shots), least * (1 - least))
    value, variance = zne.extrapolate(counts / shots, spread / shots)
    sides = np.sign(counts / shots - 0.5)
    assert found.n_crossings == np.sum((sides[0] == 0) | (sides != sides[0]).any(axis=0))
    np.testing.assert_allclose(found.squared_distance, value * 2 * total, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(found.standard_error, np.sqrt(variance) * 2 * total, rtol=1e-9)


def test_a_pair_without_an_exponential_does_not_end_a_search():
    """With few shots some frequencies lie beyond the asymptote 1/2: they stay, and are counted."""
    a, b = vectors(20, 8), vectors(200, 8, 1)
    exponential = {"extrapolator": "exponential", "asymptote": 0.5}
    options = {"shots": 64, "noise": NOISE, "seed": 7}
    found = DistanceEstimator(zne=ZNE(**exponential), **options).pairwise(a, b)
    raw = DistanceEstimator(zne=ZNE(**exponential, on_crossing="raw"), **options).pairwise(a, b)
    np.testing.assert_array_equal(found.squared_distance, raw.squared_distance)
    kept = found.squared_distance == DistanceEstimator(**options).pairwise(a, b).squared_distance
    assert 0 < found.n_crossings == raw.n_crossings <= kept.sum() < kept.size  # flat ones fit their own value
    near = DistanceEstimator(zne=ZNE(**exponential), **options).nearest(a, b)
    assert near.n_crossings == found.n_crossings
    np.testing.assert_array_equal(near.index, found.squared_distance.argmin(axis=1))
    assert DistanceEstimator(zne=ZNE(), **options).pairwise(a, b).n_crossings == 0
    with pytest.raises(NumericalError, match="not on one side of the asymptote"):
        DistanceEstimator(zne=ZNE(**exponential, on_crossing="error"), **options).pairwise(a, b)
    with pytest.raises(NumericalError, match="not on one side of the asymptote"):
        ZNE(**exponential).extrapolate([0.4, 0.49, 0.51])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "zne",
    [
        None,
        ZNE(),
        ZNE(extrapolator="linear", clip=True),
        ZNE(extrapolator="exponential", asymptote=0.5),
        ZNE((1, 3, 5, 7), extrapolator="exponential"),
    ],
)
def test_readout_mitigation_undoes_the_readout(method, zne):
    """Exact probabilities: with readout errors and their mitigation as without both, whatever is fitted."""
    a, b = vectors(5, 8), vectors(40, 8, 1)
    noise = NoiseModel.depolarizing(2e-3, 5e-3)
    read = NoiseModel.depolarizing(2e-3, 5e-3, readout=ReadoutError(0.03, 0.01))
    clean = DistanceEstimator(method, noise=noise, zne=zne).pairwise(a, b).squared_distance
    mitigated = DistanceEstimator(method, noise=read, zne=zne, readout_mitigation=True).pairwise(a, b)
    spoiled = DistanceEstimator(method, noise=read, zne=zne).pairwise(a, b).squared_distance
    tolerance = 1e-6 if zne is not None and zne.extrapolator == "exponential" and not zne.asymptote else 1e-10
    np.testing.assert_allclose(mitigated.squared_distance, clean, rtol=tolerance, atol=tolerance)
    assert np.abs(spoiled - clean).max() > 0.1


def test_readout_mitigation_with_shots_pays_in_variance():
    a, b = vectors(40, 8), vectors(250, 8, 1)
    errors = ReadoutError(0.06, 0.02)
    noise = NoiseModel().add_readout(errors)
    found = DistanceEstimator(shots=512, noise=noise, readout_mitigation=True, seed=3).pairwise(a, b)
    z = (found.squared_distance - squared(a, b)) / found.standard_error
    assert abs(z.mean()) < 5 / math.sqrt(z.size)  # 10,000 pairs: a bias of 2 % of the readout's would show
    assert abs(z.std() - 1) < 0.05
    raw = DistanceEstimator(shots=512, noise=noise, seed=3).pairwise(a, b)
    np.testing.assert_allclose(found.standard_error * 0.92, raw.standard_error, rtol=1e-12)


def test_readout_errors_that_leave_nothing():
    noise = NoiseModel().add_readout(ReadoutError(0.5, 0.5))
    estimator = DistanceEstimator(noise=noise, readout_mitigation=True)
    with pytest.raises(InvalidArgument) as caught:
        estimator.pairwise([[1.0, 0.0]], [[0.0, 1.0]])
    assert str(caught.value) == "readout_mitigation: p0_given_1 + p1_given_0 = 1 leaves nothing to read"


@pytest.mark.parametrize(
    ("fold", "text"),
    [
        ("gate", "scales[1] = 2: a random subset of the gates is folded once more"),
        ("global", "scales[1] = 2: the last gates are folded once more"),
    ],
)
def test_literal_folds_between_odd_scales_warn(fold, text):
    zne = ZNE((1, 2, 3), fold=fold, realization="circuit")
    text += ", which is 2 times the noise only where all gates have the same; odd scales fold all alike"
    with pytest.warns(UserWarning, match="folded once more") as caught:
        DistanceEstimator(noise=NOISE, zne=zne, seed=1).pairwise([[1.0, 0.0]], [[0.0, 1.0]])
    assert [str(item.message) for item in caught] == [text]
    circuit = Circuit(2).h(0).cx(0, 1)
    with pytest.warns(UserWarning, match="folded once more") as caught:
        zne.expectation(Simulator(NOISE, seed=1), circuit, "Z0 Z1")
    assert [str(item.message) for item in caught] == [text]


# ---- shots ----


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("zne", [None, ZNE()])
def test_standard_errors_are_those_of_the_estimates(method, zne):
    a, b = vectors(2, 8), vectors(5, 8, 1)
    estimator = DistanceEstimator(method, shots=1024, noise=NOISE, zne=zne, seed=5)
    runs = estimator.pairwise(a, np.tile(b, (3000, 1)))  # every copy has shots of its own
    measured = runs.squared_distance.reshape(2, 3000, 5)
    claimed = np.sqrt(np.mean(runs.standard_error.reshape(2, 3000, 5) ** 2, axis=1))
    np.testing.assert_allclose(claimed, measured.std(axis=1), rtol=0.05)
    exact = DistanceEstimator(method, noise=NOISE, zne=zne).pairwise(a, b).squared_distance
    z = (measured.mean(axis=1) - exact) / (measured.std(axis=1) / np.sqrt(3000))
    assert abs(z).max() < 4.5


def test_frequencies_are_drawn_as_the_header_says():
    """Counter: point, query, attempt | scale << 16 | purpose 7 << 24, stream."""
    a, b = vectors(2, 2), vectors(40, 2, 1) * np.linspace(0.2, 2, 40)[:, None]
    b[3] = a[0] * 1.01  # a rare outcome
    shots, seed, stream = 1024, 2**63 + 5, 9
    found = DistanceEstimator(shots=shots, noise=NOISE, seed=seed).pairwise(
        a, b, stream=stream, offset=(100, 2**31)
    )
    p = DistanceEstimator(noise=NOISE).pairwise(a, b).squared_distance / (2 * totals(a, b))
    for i in range(2):
        for j in range(40):
            count = oracle.binomial(shots, p[i, j], (2**31 + j, 100 + i, 7 << 24, stream), seed)
            assert found.squared_distance[i, j] == pytest.approx(
                2 * totals(a, b)[i, j] * count / shots, rel=1e-13
            )


# ---- cutting the work ----


@pytest.mark.parametrize("translation", ["none", "centroid", "cells"])
def test_results_do_not_depend_on_how_the_work_is_cut(translation):
    a, b = vectors(70, 5), vectors(1100, 5, 1)
    options = {"shots": 256, "noise": NOISE, "zne": ZNE(), "translation": translation, "seed": 11}
    whole = DistanceEstimator(num_threads=1, **options).pairwise(a, b)
    for threads in (2, 3):
        again = DistanceEstimator(num_threads=threads, **options).pairwise(a, b)
        np.testing.assert_array_equal(again.squared_distance, whole.squared_distance)
        np.testing.assert_array_equal(again.standard_error, whole.standard_error)
    estimator = DistanceEstimator(**options)
    part = estimator.pairwise(a[7:30], b, offset=(7, 0))
    np.testing.assert_array_equal(part.squared_distance, whole.squared_distance[7:30])
    if translation == "none":  # else the centres belong to all points
        part = estimator.pairwise(a[7:9], b[33:99], offset=(7, 33))
        np.testing.assert_array_equal(part.squared_distance, whole.squared_distance[7:9, 33:99])
    near = estimator.nearest(a, b)
    np.testing.assert_array_equal(near.index, whole.squared_distance.argmin(axis=1))
    np.testing.assert_array_equal(near.squared_distance, whole.squared_distance.min(axis=1))
    order = np.sort(whole.squared_distance, axis=1)
    best, second = (
        np.take_along_axis(whole.standard_error, np.argsort(whole.squared_distance, axis=1)[:, k : k + 1], 1)[
            :, 0
        ]
        for k in (0, 1)
    )
    np.testing.assert_allclose(near.margin, (order[:, 1] - order[:, 0]) / np.sqrt(best**2 + second**2))
    other = DistanceEstimator(**(options | {"seed": 12})).nearest(a, b)
    measured = near.standard_error > 0  # a point alone in its cell is the centre: nothing to measure
    assert measured.mean() > 0.8
    for fresh in (other, estimator.nearest(a, b, stream=1)):
        assert (fresh.squared_distance != near.squared_distance)[measured].all()


CODE = """
import hashlib, numpy as np
from nonideal.hardware.quantum import DistanceEstimator, NoiseModel, ZNE
rng = np.random.default_rng(5)
a, b = rng.normal(size=(9, 8)), rng.normal(size=(300, 8))
b[:100] = a[0] + 0.1 * b[:100]
noise = NoiseModel.depolarizing(1e-3, 1e-2)
text = ""
for method in ("swap", "hadamard", "inner_product"):
    for shots in (None, 7, 1024, 10**6):
        for zne in (None, ZNE(), ZNE(extrapolator="exponential", asymptote=0.5, on_crossing="raw")):
            found = DistanceEstimator(method, shots=shots, noise=noise, zne=zne, seed=1).pairwise(a, b)
            for array in (found.squared_distance, found.standard_error):
                text += hashlib.sha256(array.tobytes()).hexdigest()
print(hashlib.sha256(text.encode()).hexdigest())
"""


def test_every_instruction_set_gives_the_same_bits():
    texts = {
        isa: subprocess.run(
            [sys.executable, "-c", CODE],
            env=os.environ | {"NONIDEAL_ISA": str(isa)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for isa in _core.available_isas()
    }
    assert len(set(texts.values())) == 1, texts


# ---- nearest neighbours ----


def test_noiseless_neighbours_are_those_of_a_k_d_tree():
    a, b = vectors(200, 6), vectors(3000, 6, 1)
    distance, index = cKDTree(b).query(a)
    for method in METHODS:
        for translation in ("none", "centroid", "cells"):
            found = DistanceEstimator(method, translation=translation, seed=1).nearest(a, b)
            np.testing.assert_array_equal(found.index, index)
            np.testing.assert_allclose(found.squared_distance, distance**2, atol=1e-11)
            assert np.isinf(found.margin).all()
            assert (found.wrong_probability == 0).all()


def test_ties_go_to_the_lowest_index():
    b = np.array([[3.0, 0.0], [1.0, 2.0], [0.5, 0.5], [1.0, 2.0], [1.0, 2.0]])
    found = DistanceEstimator().nearest([[1.0, 2.1]], b)
    assert found.index.tolist() == [1]
    assert found.margin.tolist() == [0.0]
    assert found.wrong_probability.tolist() == [0.5]


def test_one_point_is_the_nearest():
    found = DistanceEstimator(shots=10, seed=1).nearest(vectors(3, 2), vectors(1, 2, 1))
    assert found.index.tolist() == [0, 0, 0]
    assert np.isinf(found.margin).all()


@pytest.mark.parametrize("method", METHODS)
def test_zero_vectors_need_no_circuit(method):
    a = np.array([[0.0, 0.0, 0.0], [1.0, -2.0, 0.5]])
    b = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0], [3.0, 0.0, 4.0]])
    found = DistanceEstimator(method, shots=16, noise=NOISE, seed=1).pairwise(a, b)
    np.testing.assert_allclose(found.squared_distance[0], [2.0, 0.0, 25.0], rtol=1e-15)
    assert found.squared_distance[1, 1] == pytest.approx(5.25, rel=1e-15)
    np.testing.assert_array_equal(found.standard_error == 0, [[True, True, True], [False, True, False]])
    assert (found.n_shortcuts, found.n_circuits) == (4, 2)


@pytest.mark.parametrize("method", METHODS)
def test_zero_vectors_have_no_curve_to_fit(method):
    a, b = np.ones((1, 4)), np.array([[1.0, 1.0, 1.0, 0.9], [0.0, 0.0, 0.0, 0.0]])  # P = 1/2 on the asymptote
    zne = ZNE(extrapolator="exponential", asymptote=0.5)
    found = DistanceEstimator(method, noise=NOISE, zne=zne).pairwise(a, b)
    assert found.squared_distance[0, 1] == 4.0
    assert found.standard_error[0, 1] == 0.0
    assert found.n_shortcuts == 1


def test_memory_stays_that_of_queries_and_points():
    code = PEAK + (
        "import numpy as np\n"
        "from nonideal.hardware.quantum import DistanceEstimator\n"
        "rng = np.random.default_rng(0)\n"
        "a, b = rng.normal(size=(1000, 2)), rng.normal(size=(100_000, 2))\n"
        "e = DistanceEstimator(); e.nearest(a[:2], b[:2])\n"
        "before = peak()\n"
        "e.nearest(a, b)\n"
        "print((peak() - before) / 1024)\n"
    )
    text = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert float(text) < 50.0  # MB; 1000 x 100,000 numbers would take 800


def test_an_estimator_does_not_change():
    noise = NoiseModel.depolarizing(1e-3, 1e-2)
    estimator = DistanceEstimator(noise=noise, seed=1)
    a, b = vectors(2, 3), vectors(4, 3)
    before = estimator.pairwise(a, b).squared_distance
    noise.add_readout(ReadoutError(0.2, 0.2))
    estimator.noise.add_readout(ReadoutError(0.2, 0.2))
    np.testing.assert_array_equal(estimator.pairwise(a, b).squared_distance, before)
    np.testing.assert_allclose(
        estimator.pairwise(a[:, :2], b[:, :2]).squared_distance,
        DistanceEstimator(noise=NOISE).pairwise(a[:, :2], b[:, :2]).squared_distance,
    )
    with pytest.raises(AttributeError):
        estimator.method = "swap"


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e160, 1e300])
def test_circuits_of_tiny_and_huge_vectors(scale):
    a, b = np.array([1.0, 0.0]), np.array([1.0, 1.0])
    for method in METHODS:
        estimator = DistanceEstimator(method)
        ours, expected = estimator.circuit(scale * a, scale * b), estimator.circuit(a, b)
        for x, y in zip(ours.instructions, expected.instructions, strict=True):
            np.testing.assert_allclose([float(v) for v in x.angles], [float(v) for v in y.angles], atol=1e-15)
    state_preparation(scale * b)


# ---- refusals ----

A, B = vectors(2, 3), vectors(4, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: DistanceEstimator("euclid"),
            "method = 'euclid' is not one of swap, hadamard, inner_product",
        ),
        (lambda: DistanceEstimator(shots=0), "shots = 0 is below 1"),
        (lambda: DistanceEstimator(noise=3), "noise: int is not a NoiseModel"),
        (lambda: DistanceEstimator(zne="linear"), "zne = 'linear' is neither None nor a ZNE"),
        (
            lambda: DistanceEstimator(translation="query"),
            "translation = 'query' is not one of none, centroid, cells",
        ),
        (lambda: DistanceEstimator(n_cells=4), "n_cells = 4 needs translation = 'cells', not 'none'"),
        (lambda: DistanceEstimator(translation="cells", n_cells=0), "n_cells = 0 is below 1"),
        (lambda: DistanceEstimator(cells_seed=-1), "cells_seed = -1 is outside [0, 2^64)"),
        (lambda: DistanceEstimator(noisy_preparation=1), "noisy_preparation = 1 is neither True nor False"),
        (lambda: DistanceEstimator(seed=-1), "seed = -1 is outside [0, 2^64)"),
        (lambda: DistanceEstimator().pairwise(A[0], B), "queries has shape (3,), not (n, D)"),
        (lambda: DistanceEstimator().pairwise(A, B[:, :2]), "database has 2 columns, and queries have 3"),
        (
            lambda: DistanceEstimator().pairwise(A[:, :0], B[:, :0]),
            "queries has shape (2, 0): vectors need at least one component",
        ),
        (lambda: DistanceEstimator().nearest(A, B[:0]), "database: 0 points; a nearest one needs at least 1"),
        (lambda: DistanceEstimator().pairwise(A * np.nan, B), "queries[0, 0] = nan is not finite"),
        (
            lambda: DistanceEstimator().pairwise(A, B * np.inf),
            f"database[0, 0] = {np.inf * np.sign(B[0, 0])} is not finite",
        ),
        (
            lambda: DistanceEstimator().pairwise([[1e200, 0, 0]], B),
            "queries and points: 1e+200 is outside [-1e150, 1e150]",
        ),
        (lambda: DistanceEstimator().nearest(A, B, stream=2**32), "stream = 4294967296 is outside [0, 2^32)"),
        (lambda: DistanceEstimator().nearest(A, B, offset=(-1, 0)), "offset[0] = -1 is outside [0, 2^32)"),
        (
            lambda: DistanceEstimator(translation="centroid").nearest(A, B, offset=(0, 1)),
            "offset[1] = 1 is not 0, and translation = 'centroid' needs all points",
        ),
        (
            lambda: DistanceEstimator().circuit(A[0], A[0] * 0),
            "a or b is zero: no circuit is needed, the other one's norm is the distance",
        ),
        (lambda: state_preparation([1.0, 2.0, 3.0]), "amplitudes: length 3 is not a power of two above 1"),
        (lambda: state_preparation([0.0, 0.0]), "amplitudes: all are zero"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidArgument) as caught:
        call()
    assert str(caught.value) == message
