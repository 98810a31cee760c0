"""Folded circuits and scaled channels. Oracles: literal lists of gates, dense density matrices."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal.errors import InvalidArgument
from nonideal.hardware import quantum
from nonideal.hardware.quantum import Channel, Circuit, NoiseModel, Simulator
from oracles import quantum_gates as oracle
from oracles import zne as folds

ONE = [name for name, gate in quantum.GATES.items() if gate.n_qubits == 1]
TWO = [name for name, gate in quantum.GATES.items() if gate.n_qubits == 2]
# Gates whose inverse takes several have no fold that is a channel's power.
INVERTIBLE = [name for name, gate in quantum.GATES.items() if gate.inverse is not None]
SMALL = [name for name, (wires, _) in oracle.GATES.items() if wires <= 2 and name in INVERTIBLE]


def build(n_qubits, steps):
    circuit = Circuit(n_qubits)
    for name, qubits, angles, matrix in steps:
        if matrix is not None:
            circuit.unitary(matrix, qubits)
        else:
            getattr(circuit, name)(*angles, *qubits)
    return circuit


def same(circuit, steps):
    got = circuit.instructions
    assert [(g.name, g.qubits, g.angles) for g in got] == [(s[0], s[1], s[2]) for s in steps]
    for gate, step in zip(got, steps, strict=True):
        assert step[3] is None or np.array_equal(gate.matrix, step[3])


def damped():
    one, decay = Channel.amplitude_damping(0.02), Channel.amplitude_damping(0.05)
    return NoiseModel().add(one, ONE).add(decay.tensor(decay), TWO)


BRICK = Circuit(3).h(0).ry(0.7, 1).cx(0, 1).t(2).u(0.3, -1.2, 2.5, 2).cx(1, 2).sx(0).cz(0, 2)
JOINT = NoiseModel.depolarizing(p1=2e-3, p2=2e-2)


# ---- folding ----


@given(oracle.circuits(max_qubits=3, max_gates=8), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_odd_scales_are_literal_folds(drawn, k):
    n_qubits, steps = drawn
    circuit = build(n_qubits, steps)
    if not steps:
        assert circuit.folded(1) == circuit
        return
    same(circuit.folded(2 * k + 1), folds.fold_gates(steps, [k] * len(steps)))
    same(circuit.folded(2 * k + 1, "global"), folds.fold_circuit(steps, k, 0))


@given(oracle.circuits(max_qubits=3, max_gates=8), st.floats(1, 6), st.integers(0, 2**64 - 1))
@settings(max_examples=80, deadline=None)
def test_partial_folds(drawn, scale, seed):
    n_qubits, steps = drawn
    if not steps:
        return
    circuit, n = build(n_qubits, steps), len(steps)
    total = math.floor((scale - 1) * n / 2 + 0.5)
    same(circuit.folded(scale, "global"), folds.fold_circuit(steps, *divmod(total, n)))
    found = circuit.folded(scale, seed=seed)
    if all(name in INVERTIBLE for name, *_ in steps):
        assert len(found.instructions) == n + 2 * total
    assert found == circuit.folded(scale, seed=seed)
    whole = oracle.unitary(steps, n_qubits)
    got = oracle.unitary([(g.name, g.qubits, g.angles, g.matrix) for g in found.instructions], n_qubits)
    np.testing.assert_allclose(got, whole, atol=1e-12)


def test_folds_keep_parameters_matrices_barriers_and_measurements():
    theta, phi = quantum.Parameter("theta"), quantum.Parameter("phi")
    matrix = oracle.random_unitary(2, 3)
    circuit = Circuit(2).ry(theta, 0).barrier().u(phi, 2 * theta, 0.5, 1).unitary(matrix, [1, 0]).measure([1])
    three = circuit.folded(3)
    assert three.parameters == (theta, phi)
    assert three.measured == (1,)
    names = [gate.name for gate in three.instructions]
    assert names == ["ry"] * 3 + ["barrier"] + ["u"] * 3 + ["unitary"] * 3
    assert [gate.angles for gate in three.instructions[4:6]] == [
        (phi, 2 * theta, 0.5),
        (-phi, -0.5, -2 * theta),
    ]
    np.testing.assert_allclose(three.instructions[8].matrix, matrix.conj().T, atol=1e-15)
    assert [gate.name for gate in circuit.folded(3, "global").instructions].count("barrier") == 1


def test_only_some_gates():
    found = BRICK.folded(5, fold_gates={"cx"}).gate_counts
    assert found == {**BRICK.gate_counts, "cx": 10}
    assert BRICK.folded(2, fold_gates="cx", seed=1).gate_counts["cx"] == 4  # one of the two


def test_a_random_subset_is_drawn_evenly():
    circuit = Circuit(1)
    for step in range(8):
        circuit.rx(step + 1.0, 0)
    hits = np.zeros(8)
    for seed in range(2000):
        for gate in circuit.folded(1.5, seed=seed).instructions:  # two of eight
            hits[round(abs(gate.angles[0])) - 1] += 1
    assert np.abs((hits - 2000) / 2 - 500).max() < 5 * math.sqrt(2000 * 0.25 * 0.75)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: BRICK.folded(0.5), "scale = 0.5 is not a finite number >= 1"),
        (lambda: BRICK.folded(math.nan), "scale = nan is not finite"),
        (lambda: BRICK.folded(1e9), "scale = 1e+09 makes 8 gates more than 67108864"),
        (lambda: BRICK.folded(3, "random"), "fold = 'random' is not one of gate, global"),
        (lambda: BRICK.folded(3, seed=-1), "seed = -1 is outside [0, 2^64)"),
        (lambda: BRICK.folded(3, fold_gates=["cy"]), "scale = 3: the circuit has no gate that may be folded"),
        (lambda: BRICK.folded(3, fold_gates=["barrier"]), "only: a barrier cannot be folded"),
        (lambda: BRICK.folded(3, "global", fold_gates=["cx"]), "only: a global fold has no choice of gates"),
        (lambda: Circuit(1).folded(3), "scale = 3: the circuit has no gate that may be folded"),
    ],
)
def test_refused_folds(call, message):
    with pytest.raises(InvalidArgument) as refusal:
        call()
    assert str(refusal.value) == message


# ---- scaling as a channel ----


@given(oracle.circuits(max_qubits=3, max_gates=10, names=SMALL), st.data())
@settings(max_examples=60, deadline=None)
def test_channel_power_is_the_literal_fold(drawn, data):
    n_qubits, steps = drawn
    circuit = build(n_qubits, steps)
    if not steps:
        return
    noise = NoiseModel.depolarizing(data.draw(st.floats(0, 0.1)), data.draw(st.floats(0, 0.1)))
    letters = data.draw(st.lists(st.sampled_from("XYZ"), min_size=n_qubits, max_size=n_qubits))
    observable = " ".join(f"{letter}{qubit}" for qubit, letter in enumerate(letters))
    simulator = Simulator(noise)
    found = {
        way: quantum.ZNE((1, 3, 5), realization=way).expectation(simulator, circuit, observable)
        for way in ("channel", "circuit", "auto")
    }
    assert [found[way].realization for way in found] == ["channel", "circuit", "channel"]
    np.testing.assert_allclose(found["channel"].by_scale, found["circuit"].by_scale, atol=1e-12)
    # and both are what a dense density matrix of the literally folded list says
    kraus = {n: oracle.kraus_of(noise_matrix(noise, n)) for n in (1, 2)}
    rho = oracle.density_matrix(
        folds.fold_gates(steps, [1] * len(steps)), n_qubits, lambda name, on: kraus[len(on)]
    )
    want = np.trace(oracle.pauli("".join(letters)) @ rho).real
    assert found["auto"].by_scale[1] == pytest.approx(want, abs=1e-11)


@pytest.mark.parametrize("name", ["iswap", "csx"])
def test_an_inverse_of_several_gates_is_folded_literally(name):
    """Whatever they bring with them is noisy, too, which no power of the gate's channel says."""
    steps = [("h", (0,), (), None), ("ry", (1,), (0.4,), None), (name, (0, 1), (), None)]
    circuit = build(2, steps)
    noise = NoiseModel.depolarizing(0.01, 0.05)
    kraus = {n: oracle.kraus_of(noise_matrix(noise, n)) for n in (1, 2)}
    found = quantum.ZNE((1, 3, 5)).expectation(Simulator(noise), circuit, "Z0 Y1")
    assert found.realization == "circuit"
    rho = oracle.density_matrix(folds.fold_gates(steps, [2] * 3), 2, lambda name, on: kraus[len(on)])
    assert found.by_scale[2] == pytest.approx(np.trace(oracle.pauli("ZY") @ rho).real, abs=1e-12)
    with pytest.raises(InvalidArgument, match=f"the inverse of '{name}' is not one gate"):
        quantum.ZNE((1, 3, 5), realization="channel").expectation(Simulator(noise), circuit, "Z0 Y1")
    # where none of them is noisy, nothing stands in the way
    other = NoiseModel().add(Channel.depolarizing(0.05), "ry")
    assert quantum.ZNE((1, 3, 5)).expectation(Simulator(other), circuit, "Z0").realization == "channel"
    turned = NoiseModel().add(Channel.depolarizing(0.05), ["ry", "z"])
    assert quantum.ZNE((1, 3, 5)).expectation(Simulator(turned), circuit, "Z0").realization == "circuit"


def noise_matrix(noise, n_qubits):
    """Transfer matrix of uniform depolarising noise, from its definition."""
    one, two = noise.to_dict()["uniform"]
    return np.array(one if n_qubits == 1 else two)


def test_any_scale_as_a_channel():
    simulator = Simulator(JOINT)
    found = quantum.ZNE((1, 1.7, 2.4)).expectation(simulator, BRICK, "X0 Z1")
    assert (found.realization, found.scales) == ("channel", (1.0, 1.7, 2.4))
    lam = 1 - 2e-2
    scaled = Simulator(NoiseModel.depolarizing(1 - (1 - 2e-3) ** 1.7, 1 - lam**1.7))
    assert found.by_scale[1] == pytest.approx(scaled.expectation(BRICK, "X0 Z1").value, abs=1e-13)


@pytest.mark.parametrize(
    ("noise", "options", "reason"),
    [
        (
            NoiseModel.depolarizing(1e-3, 1e-2, convention="pyqpanda3"),
            {},
            "the channel of 'cx' does not commute with it",
        ),
        (damped(), {}, "the channel of 'h' does not commute with it"),
        (
            NoiseModel().add(Channel.thermal_relaxation(50e-6, 30e-6, 1e-6), "ry"),
            {},
            "the channel of 'ry' does not commute with it",
        ),
        (
            NoiseModel().add(Channel.depolarizing(0.1), "t"),
            {},
            "the channel of 't' is not that of its inverse 'tdg'",
        ),
        (JOINT, {"fold": "global"}, "fold = 'global' repeats gates far from one another"),
        (JOINT, {"fold_gates": ["cx"]}, "fold_gates leaves gates as they are"),
    ],
)
def test_channel_is_refused_where_it_is_not_exact(noise, options, reason):
    zne = quantum.ZNE(realization="channel", **options)
    assert zne.obstacle(BRICK, noise) == reason
    with pytest.raises(InvalidArgument) as refusal:
        zne.expectation(Simulator(noise), BRICK, "Z0")
    assert str(refusal.value) == f"realization = 'channel' is not exact: {reason}"
    auto = quantum.ZNE(**options).expectation(Simulator(noise), BRICK, "Z0")
    assert auto.realization == "circuit"


def test_where_it_is_refused_it_would_be_wrong():
    """The refusals are no mere caution: powers of these channels differ from literal folds."""
    for noise in (NoiseModel.depolarizing(1e-3, 5e-2, convention="pyqpanda3"), damped()):
        folded = Simulator(noise).expectation(BRICK.folded(3), "X0 Z1").value
        power = Simulator(noise.scaled(3)).expectation(BRICK, "X0 Z1").value
        assert abs(folded - power) > 1e-4


def test_whole_powers_alone_of_a_channel_that_is_not_diagonal():
    damping = NoiseModel().add(Channel.amplitude_damping(0.1), "rz")
    circuit = Circuit(1).rz(0.3, 0)
    assert quantum.ZNE((1, 3, 5)).obstacle(circuit, damping) == ""
    assert quantum.ZNE((1, 1.5)).obstacle(circuit, damping) != ""


# ---- expectations ----


def test_mitigation_removes_most_of_the_noise():
    simulator = Simulator(JOINT)
    ideal = Simulator().expectation(BRICK, "X0 Z1").value
    noisy = simulator.expectation(BRICK, "X0 Z1").value
    for options in ({}, {"fold": "global"}, {"extrapolator": "exponential", "asymptote": 0.0}):
        found = quantum.ZNE(**options).expectation(simulator, BRICK, "X0 Z1")
        assert abs(found.value - ideal) < 0.02 * abs(noisy - ideal)
        assert (found.standard_error, found.samples) == (0.0, None)
        assert found.by_scale[0] == pytest.approx(noisy, abs=1e-14)


def test_realized_scales_are_what_is_extrapolated():
    simulator = Simulator(JOINT, seed=3)
    with pytest.warns(
        UserWarning, match=r"scales\[1\] = 1.6: a random subset of the gates is folded once more"
    ):
        found = quantum.ZNE((1, 1.6, 2.9), realization="circuit").expectation(simulator, BRICK, "Y0")
    assert found.scales == (1.0, 1.5, 3.0)
    want = quantum.ZNE(found.scales).extrapolate(found.by_scale)[0]
    assert found.value == want


def test_scales_that_fold_alike_are_refused():
    zne = quantum.ZNE((1, 1.5, 2), "global", "linear")
    bell = Circuit(2).h(0).cx(0, 1)
    message = "scales[1] = 1.5 and scales[2] = 2 are both realised as 2: folds of 2 gates make steps of 1"
    with pytest.raises(InvalidArgument) as refusal:
        zne.expectation(Simulator(JOINT), bell, "Z0")
    assert str(refusal.value) == message
    # the same rule in C++, for distances: 28 gates
    estimator = quantum.DistanceEstimator(noise=JOINT, zne=quantum.ZNE((1, 1.001, 3), "global"))
    with pytest.raises(
        InvalidArgument, match=r"^scales\[0\] = 1 and scales\[1\] = 1.001 are both realised as 1:"
    ):
        estimator.pairwise(np.ones((1, 8)), np.eye(8))


def test_powers_count_for_channels_that_act_alone():
    """A channel without a real power stands in the way where the circuit has its gate, and nowhere else."""
    noise = NoiseModel().add(Channel.depolarizing(0.01), ["h", "ry"]).add(Channel.depolarizing(0.02, 2), "cx")
    noise.add(Channel.amplitude_damping(0.1), "sx")
    zne = quantum.ZNE((1, 1.5, 2.5))
    bell = Circuit(2).h(0).cx(0, 1)
    assert zne.obstacle(bell, noise) == ""
    found = zne.expectation(Simulator(noise), bell, "Z0 Z1")
    assert (found.realization, found.scales) == ("channel", (1.0, 1.5, 2.5))
    np.testing.assert_allclose(found.by_scale, 0.98 ** np.array(found.scales), atol=1e-14)
    assert quantum.DistanceEstimator(noise=noise, zne=zne).realization(4) == "channel"
    assert "'sx'" in zne.obstacle(bell.copy().sx(0), noise)
    # commutes, but is no Pauli channel: whole powers only
    damped = NoiseModel().add(Channel.amplitude_damping(0.1), "z")
    assert quantum.ZNE().obstacle(Circuit(1).z(0), damped) == ""
    assert zne.obstacle(Circuit(1).z(0), damped) == (
        "scale = 1.5 is not a whole number; only Pauli channels have other powers"
    )
    assert zne.obstacle(Circuit(1).h(0), damped) == ""


def test_standard_error_is_what_repeats_show():
    theta = quantum.Parameter("theta")
    template = Circuit(2).ry(theta, 0).cx(0, 1)
    simulator = Simulator(JOINT, seed=11)
    angles = np.full((4000, 1), 0.9)
    for options in ({}, {"extrapolator": "exponential", "asymptote": 0.0}):
        zne = quantum.ZNE(**options)
        found = zne.expectation(simulator, template, {"Z0": 1.0, "Z1": 0.5}, shots=2048, parameters=angles)
        assert found.value.shape == found.standard_error.shape == found.variance_factor.shape == (4000,)
        assert found.by_scale.shape == found.standard_error_by_scale.shape == (3, 4000)
        assert found.value.std() / found.standard_error.mean() == pytest.approx(1.0, abs=0.05)
        exact = zne.expectation(simulator, template, {"Z0": 1.0, "Z1": 0.5}, parameters=angles[:1])
        assert (
            abs(found.value.mean() - exact.value[0])
            < 5 * found.standard_error.mean() / math.sqrt(4000) + 1e-3
        )


def test_streams():
    simulator = Simulator(JOINT, seed=5)
    zne = quantum.ZNE()
    first, again, other = (
        zne.expectation(simulator, BRICK, "Y0", shots=500, stream=stream) for stream in (2, 2, 3)
    )
    assert first == again
    assert first.value != other.value
    for i, scale in enumerate((1, 3, 5)):  # scale i draws from stream 2 * 3 + i
        machine = simulator.with_noise(JOINT.scaled(scale))
        alone = machine.expectation(BRICK, "Y0", shots=500, stream=6 + i)
        assert (alone.value, alone.standard_error) == (first.by_scale[i], first.standard_error_by_scale[i])


def test_clip_is_to_the_range_of_the_observable():
    observable = {"Z0": 0.5, "I": 0.25}
    circuit = Circuit(1).x(0)
    zne = quantum.ZNE(clip=True)
    values = [
        zne.expectation(Simulator(JOINT, seed=seed), circuit, observable, shots=50).value
        for seed in range(40)
    ]
    assert min(values) == -0.25
    free = [
        quantum.ZNE().expectation(Simulator(JOINT, seed=seed), circuit, observable, shots=50).value
        for seed in range(40)
    ]
    assert min(free) < -0.25


def test_readout_errors_are_not_scaled():
    noise = NoiseModel.depolarizing(0, 0, readout=quantum.ReadoutError(0.1, 0.1))
    found = quantum.ZNE().expectation(Simulator(noise), Circuit(1).x(0), "Z0")
    np.testing.assert_allclose(found.by_scale, -0.8, atol=1e-14)
    assert found.value == pytest.approx(-0.8, abs=1e-13)


# ---- error budgets ----


def test_error_budget():
    simulator = Simulator(JOINT, seed=2)
    zne = quantum.ZNE(extrapolator="linear")
    budget = zne.error_budget(simulator, BRICK, {"X0 Z1": 2.0, "Y0": 1.0}, shots=1000)
    assert budget.shots == 3000
    ideal = Simulator().expectation(BRICK, {"X0 Z1": 2.0, "Y0": 1.0}).value
    assert budget.noiseless == pytest.approx(ideal, abs=1e-13)
    y = np.array([[simulator.with_noise(JOINT.scaled(s)).expectation(BRICK, p).value for s in (1, 3, 5)]
                  for p in ("X0 Z1", "Y0")])  # fmt: skip
    variances = (4 * (1 - y[0] ** 2) + (1 - y[1] ** 2)) / 1000
    value, variance = zne.extrapolate(2 * y[0] + y[1], variances)
    assert (budget.extrapolated, budget.variance) == pytest.approx((value, variance), rel=1e-12)
    assert budget.noisy_variance == pytest.approx(variances[0] / 3, rel=1e-12)
    assert budget.error == pytest.approx(math.hypot(value - ideal, math.sqrt(variance)), rel=1e-12)
    assert abs(budget.noisy_bias) > abs(budget.bias)


def test_break_even():
    at = quantum.ZNE().error_budget(Simulator(JOINT), BRICK, "X0 Z1", shots=100).break_even_shots
    assert isinstance(at, int)
    shots = at / 3
    for factor, better in ((1.02, True), (0.98, False)):
        budget = quantum.ZNE().error_budget(Simulator(JOINT), BRICK, "X0 Z1", shots=round(shots * factor))
        assert bool(budget.error < budget.noisy_error) is better
    noiseless = quantum.ZNE().error_budget(Simulator(), BRICK, "X0 Z1", shots=100)
    assert noiseless.break_even_shots == math.inf
    with pytest.raises(InvalidArgument, match="without shots there is no number to break even at"):
        _ = quantum.ZNE().error_budget(Simulator(JOINT), BRICK, "Z0").break_even_shots
