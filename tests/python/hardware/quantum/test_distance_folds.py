"""Mitigated distances against literal folds on dense matrices, and error bars of exponentials."""

import itertools

import numpy as np
import pytest
from scipy import stats

from nonideal.errors import InvalidArgument
from nonideal.hardware.quantum import ZNE, Channel, Circuit, DistanceEstimator, NoiseModel, ReadoutError
from oracles import quantum_density, quantum_gates
from oracles import quantum_distance as oracle

NOISE = NoiseModel.depolarizing(p1=1e-3, p2=1e-2)
LEAST_P = 1e-6


def vectors(n, dimension, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dimension))


def depolarized(p, n_qubits=1):
    """Diagonal of the Pauli transfer matrix."""
    return np.array([1.0] + [1 - p] * (4**n_qubits - 1))


def by_wires(one, two):
    """Kraus operators behind every gate, from diagonals of Pauli transfer matrices."""
    operators = [quantum_gates.kraus_of(np.diag(each)) for each in (one, two)]
    return lambda name, qubits: operators[len(qubits) - 1]


JOINT = by_wires(depolarized(1e-3), depolarized(1e-2, 2))
DAMPING = [np.diag([1, np.sqrt(0.9)]), np.array([[0, np.sqrt(0.1)], [0, 0]])]

# What is folded gate by gate: noise model, its Kraus operators, options of ZNE, why powers are not exact.
FOLDED = {
    "product": (
        NoiseModel.depolarizing(1e-3, 1e-2, convention="pyqpanda3"),
        by_wires(depolarized(1e-3), np.kron(depolarized(1e-2), depolarized(1e-2))),
        {},
        "the channel of 'cx' does not commute with it",
    ),
    "damping": (
        NoiseModel().add(Channel.amplitude_damping(0.1), "h"),
        lambda name, qubits: DAMPING if name == "h" else None,
        {},
        "the channel of 'h' does not commute with it",
    ),
    "global": (NOISE, JOINT, {"fold": "global"}, "fold = 'global' repeats gates far from one another"),
    "only cx": (NOISE, JOINT, {"fold_gates": ("cx",)}, "fold_gates leaves gates as they are"),
}


def steps_of(circuit):
    return [(s.name, tuple(s.qubits), tuple(map(float, s.angles)), None) for s in circuit.instructions]


def literal_distance(estimator, channel_of, a, b):
    """The pair's own circuit, folded and run as a dense density matrix at every scale; then Richardson."""
    zne, circuit = estimator.zne, estimator.circuit(a, b)
    _, gates, preparation = oracle.circuit(estimator.method, a, b)
    quiet = 0 if estimator.noisy_preparation else preparation  # neither noisy nor folded
    assert len(gates) == len(circuit.instructions)
    tail = Circuit(circuit.n_qubits)
    for instruction in circuit.instructions[quiet:]:
        tail.append(instruction)
    counted = [name for name, *_ in steps_of(tail) if name in (zne.fold_gates or (name,))]
    scales, ones = [], []
    for scale in zne.scales:
        steps = steps_of(tail.folded(scale, zne.fold, estimator.seed, zne.fold_gates))
        added = len(steps) - len(tail.instructions)
        scales.append(1 + added / len(counted))
        turn = itertools.count()
        rho = quantum_density.density_matrix(
            steps_of(circuit)[:quiet] + steps,
            circuit.n_qubits,
            lambda name, on, turn=turn: None if next(turn) < quiet else channel_of(name, on),
        )
        one = quantum_gates.marginal(np.diag(rho).real, [0])[1]
        wrong = estimator.noise.readout(0)
        ones.append(one * (1 - wrong.p0_given_1) + (1 - one) * wrong.p1_given_0)
    at_zero = np.linalg.solve(np.vander(scales, increasing=True), ones)[0]
    return oracle.squared_distance(estimator.method, a, b, at_zero), scales


@pytest.mark.parametrize("case", FOLDED)
@pytest.mark.parametrize(("method", "dimension"), [("hadamard", 4), ("inner_product", 3), ("swap", 2)])
@pytest.mark.parametrize("scales", [(1, 3, 5), (1, 1.9, 3.2)])
@pytest.mark.filterwarnings("ignore:.*folded once more")  # on purpose
def test_where_powers_are_not_exact_circuits_are_folded(case, method, dimension, scales):
    """Scales between odd numbers fold a seeded subset of the gates, or the last ones."""
    noise, channel_of, options, reason = FOLDED[case]
    a, b = vectors(1, dimension), vectors(2, dimension, 1)
    zne = ZNE(scales, **options)
    estimator = DistanceEstimator(method, noise=noise, zne=zne, seed=11)
    assert estimator.realization(dimension) == "circuit"
    with pytest.raises(InvalidArgument) as caught:
        DistanceEstimator(method, noise=noise, zne=ZNE(scales, realization="channel", **options)).pairwise(
            a, b
        )
    assert str(caught.value) == f"realization = 'channel' is not exact: {reason}"
    found = estimator.pairwise(a, b).squared_distance
    raw = DistanceEstimator(method, noise=noise).pairwise(a, b).squared_distance
    for i, j in np.ndindex(1, 2):
        expected, realised = literal_distance(estimator, channel_of, a[i], b[j])
        assert max(abs(np.subtract(realised, scales))) < 0.2
        assert found[i, j] == pytest.approx(expected, rel=0, abs=1e-10)
        assert abs(found[i, j] - raw[i, j]) > 1e-4  # mitigation does something, so 1e-10 says something


@pytest.mark.parametrize("fold", ["gate", "global"])
@pytest.mark.filterwarnings("ignore:.*folded once more")
def test_a_noiseless_preparation_is_not_folded(fold):
    noise = NOISE.copy().add_readout(ReadoutError(0.03, 0.01))
    a, b = vectors(1, 2), vectors(2, 2, 1)
    for scales in ((1, 3, 5), (1, 1.9, 3.2)):
        zne = ZNE(scales, fold=fold, realization="circuit")
        estimator = DistanceEstimator("swap", noise=noise, zne=zne, noisy_preparation=False, seed=11)
        found = estimator.pairwise(a, b).squared_distance
        for i, j in np.ndindex(1, 2):
            expected, _ = literal_distance(estimator, JOINT, a[i], b[j])
            assert found[i, j] == pytest.approx(expected, rel=0, abs=1e-10)


def test_standard_errors_of_exponential_mitigation_cover():
    """6,000 pairs far from the asymptote, where the delta method holds.

    Each of the two tests has two sides and p < 1e-6: a bias of 0.07 standard errors, or error bars wrong by
    5 %, would fail.
    """
    a = vectors(1, 8)
    b = a + 0.5 * vectors(6000, 8, 1)
    zne = ZNE(extrapolator="exponential", asymptote=0.5)
    found = DistanceEstimator(noise=NOISE, zne=zne, shots=1 << 20, seed=3).pairwise(a, b)
    exact = DistanceEstimator(noise=NOISE, zne=zne).pairwise(a, b).squared_distance
    pulls = ((found.squared_distance - exact) / found.standard_error).ravel()
    assert 2 * stats.norm.sf(abs(pulls.sum()) / np.sqrt(6000)) > LEAST_P
    spread = stats.chi2(6000)
    assert 2 * min(spread.sf((pulls**2).sum()), spread.cdf((pulls**2).sum())) > LEAST_P
