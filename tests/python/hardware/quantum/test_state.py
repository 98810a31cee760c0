"""State vectors, density matrices and trajectories, natively. Oracle: `oracles.quantum_density`."""

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from nonideal import _core
from nonideal.errors import InvalidArgument
from oracles import quantum_density as oracle
from oracles import quantum_gates as gates
from peak import PEAK

q = _core.quantum
NO_ANGLES = np.zeros((1, 0))
LEAST_P = 1e-6
DAMPING = [np.diag([1, math.sqrt(0.7)]).astype(complex), np.array([[0, math.sqrt(0.3)], [0, 0]], complex)]


def random_steps(rng, n_qubits, n_gates, unitaries=True):
    """Every gate of the table that fits, in random order, then random ones; and matrices."""
    table = [(name, wires, angles) for name, wires, angles, *_ in q.gate_table() if 0 < wires <= n_qubits]
    chosen = [table[i] for i in rng.permutation(len(table))]
    chosen += [table[i] for i in rng.integers(0, len(table), n_gates)]
    steps = []
    for name, wires, angles in chosen:
        on = tuple(map(int, rng.permutation(n_qubits)[:wires]))
        steps.append((name, on, tuple(rng.uniform(-7, 7, angles)), None))
    for k in range(1, min(n_qubits, q.MAX_UNITARY_QUBITS) + 1 if unitaries else 0):
        on = tuple(map(int, rng.permutation(n_qubits)[:k]))
        matrix = gates.random_unitary(k, int(rng.integers(1 << 30)))
        steps.insert(int(rng.integers(len(steps))), ("unitary", on, (), np.ascontiguousarray(matrix)))
    return steps


def native(n_qubits, steps):
    circuit = q.Circuit(n_qubits)
    for name, on, angles, matrix in steps:
        if matrix is None:
            circuit.add(name, on, [(-1, 0.0, a) for a in angles])
        else:
            circuit.unitary(matrix, on)
    return circuit


def random_kraus(rng, k, count=3):
    """Operators of a random channel on k qubits: blocks of a random isometry."""
    size = 1 << k
    shape = (count * size, size)
    isometry, _ = np.linalg.qr(rng.normal(size=shape) + 1j * rng.normal(size=shape))
    return [np.ascontiguousarray(isometry[i * size : (i + 1) * size]) for i in range(count)]


def pauli_kraus(probabilities):
    """Operators of a Pauli channel, {label: probability}; the rest is the identity's."""
    rest = 1 - sum(probabilities.values())
    first = next(iter(probabilities))
    labels = {"I" * len(first): rest, **probabilities}
    letters = {"I": gates.I2, "X": gates.X, "Y": gates.Y, "Z": gates.Z}
    out = []
    for label, p in labels.items():
        matrix = np.eye(1)
        for letter in label:  # the first letter is the last qubit's
            matrix = np.kron(matrix, letters[letter])
        out.append(math.sqrt(p) * matrix)
    return out


def mixed_noise(rng):
    """A noise model and its operators: random channels, damping and Pauli channels on gates of all sizes."""
    table = {
        "h": DAMPING,
        "rx": random_kraus(rng, 1),
        "u": pauli_kraus({"X": 0.1, "Y": 0.05, "Z": 0.02}),
        "cx": random_kraus(rng, 2),
        "cz": pauli_kraus({"XI": 0.1, "ZY": 0.03, "IX": 0.02}),
        "swap": [np.kron(a, b) for a in DAMPING for b in DAMPING],
        "ccx": random_kraus(rng, 3, 2),
    }
    model = q.NoiseModel()
    for name, operators in table.items():
        model.add(q.Channel.kraus([np.ascontiguousarray(k, dtype=complex) for k in operators]), name)
    return model, lambda name, qubits: table.get(name)


# ---- exact states ----


@pytest.mark.parametrize("n_qubits", [*range(1, 9), 15])
@pytest.mark.parametrize("single", [False, True])
def test_statevectors_equal_numpy(n_qubits, single):
    rng = np.random.default_rng(n_qubits)
    steps = random_steps(rng, n_qubits, 60)
    state = q.statevector(native(n_qubits, steps), NO_ANGLES, single, 2)
    assert state.dtype == (np.complex64 if single else np.complex128)
    assert state.shape == (1, 1 << n_qubits)
    want = oracle.statevector(steps, n_qubits)
    np.testing.assert_allclose(state[0], want, rtol=0, atol=1e-5 if single else 1e-12)
    assert np.linalg.norm(state) == pytest.approx(1, abs=1e-5 if single else 1e-12)


@pytest.mark.parametrize("n_qubits", range(1, 8))
@pytest.mark.parametrize("single", [False, True])
def test_density_matrices_equal_numpy(n_qubits, single):
    """Pauli transfer matrices here, Kraus operators there; every gate of the table."""
    rng = np.random.default_rng(100 + n_qubits)
    steps = random_steps(rng, n_qubits, 20, unitaries=n_qubits < 7)
    noise, kraus = mixed_noise(rng)
    rho = q.density_matrix(native(n_qubits, steps), noise, NO_ANGLES, single, 2)[0]
    want = oracle.density_matrix(steps, n_qubits, kraus)
    np.testing.assert_allclose(rho, want, rtol=0, atol=2e-6 if single else 1e-12)
    if not single:
        assert np.trace(rho) == pytest.approx(1, abs=1e-12)
        np.testing.assert_allclose(rho, rho.conj().T, atol=1e-15)
        assert 2.0**-n_qubits <= np.trace(rho @ rho).real <= 1 + 1e-12
        assert np.linalg.eigvalsh(rho).min() > -1e-12


@pytest.mark.parametrize("method", ["statevector", "density_matrix"])
@pytest.mark.parametrize("single", [False, True])
def test_probabilities_and_expectations(method, single):
    rng = np.random.default_rng(5)
    n_qubits, steps = 5, random_steps(rng, 5, 30)
    noise, kraus = mixed_noise(rng) if method == "density_matrix" else (q.NoiseModel(), lambda *_: None)
    rho = oracle.density_matrix(steps, n_qubits, kraus)
    circuit = native(n_qubits, steps)
    atol = 2e-6 if single else 1e-12
    for qubits in ([0], [4, 1], [3, 0, 2], [4, 3, 2, 1, 0], []):
        got = q.probabilities_dense(circuit, noise, NO_ANGLES, qubits, method, single, 1)[0]
        np.testing.assert_allclose(got, gates.marginal(np.diag(rho).real, qubits), rtol=0, atol=atol)
        assert got.sum() == pytest.approx(1, abs=1e-14)
        assert got.min() >= 0
    terms = [(int(x), int(z)) for x, z in rng.integers(0, 32, (40, 2))]
    got = q.expectation_dense(circuit, noise, NO_ANGLES, terms, method, single, 1)[0]
    want = [np.trace(oracle.pauli(x, z, n_qubits) @ rho).real for x, z in terms]
    np.testing.assert_allclose(got, want, rtol=0, atol=atol)


def test_parameters_by_rows():
    circuit = q.Circuit(2)
    circuit.add("ry", [0], [(1, 2.0, 0.5)])
    circuit.add("cp", [0, 1], [(0, 1.0, 0.0)])
    angles = np.random.default_rng(1).uniform(-3, 3, (4, 2))
    states = q.statevector(circuit, angles, False, 1)
    rhos = q.density_matrix(circuit, q.NoiseModel(), angles, False, 1)
    for row, state, rho in zip(angles, states, rhos, strict=True):
        steps = [("ry", (0,), (2 * row[1] + 0.5,), None), ("cp", (0, 1), (row[0],), None)]
        want = oracle.statevector(steps, 2)
        np.testing.assert_allclose(state, want, atol=1e-15)
        np.testing.assert_allclose(rho, np.outer(want, want.conj()), atol=1e-15)


def qft(n_qubits):
    steps = []
    for target in reversed(range(n_qubits)):
        steps.append(("h", (target,), (), None))
        steps += [("cp", (j, target), (math.pi / 2 ** (target - j),), None) for j in reversed(range(target))]
    return steps + [("swap", (i, n_qubits - 1 - i), (), None) for i in range(n_qubits // 2)]


@pytest.mark.parametrize("n_qubits", [1, 4, 6, 11, 17])
def test_fourier_transform(n_qubits):
    """Closed form: of |k>, amplitudes exp(2 pi i j k / N) / sqrt N; 17 qubits are several tiles."""
    k = 0b1011010011011 % (1 << n_qubits)
    steps = [("x", (b,), (), None) for b in range(n_qubits) if k >> b & 1] + qft(n_qubits)
    state = q.statevector(native(n_qubits, steps), NO_ANGLES, False, 2)[0]
    size = 1 << n_qubits
    want = np.exp(2j * np.pi * (np.arange(size) * k % size) / size) / math.sqrt(size)
    np.testing.assert_allclose(state, want, rtol=0, atol=1e-14)


def product_of_rotations(n_qubits):
    """Steps and amplitudes of a product state: cosines and sines, qubit by qubit."""
    angles = np.random.default_rng(n_qubits).uniform(-3, 3, n_qubits)
    want = np.ones(1)
    for angle in angles:
        want = np.concatenate([want * math.cos(angle / 2), want * math.sin(angle / 2)])
    return [("ry", (i,), (float(angle),), None) for i, angle in enumerate(angles)], want


def ghz(n_qubits):
    """From the last qubit down."""
    want = np.zeros(1 << n_qubits)
    want[[0, -1]] = math.sqrt(0.5)
    chain = [("cx", (i + 1, i), (), None) for i in reversed(range(n_qubits - 1))]
    return [("h", (n_qubits - 1,), (), None), *chain], want


def transformed(n_qubits):
    """The Fourier transform of |k>."""
    size = 1 << n_qubits
    k = 0b1011010011011001110111 % size
    steps = [("x", (b,), (), None) for b in range(n_qubits) if k >> b & 1] + qft(n_qubits)
    return steps, np.exp(2j * np.pi * (np.arange(size) * k % size) / size) / math.sqrt(size)


@pytest.mark.parametrize("made", [ghz, product_of_rotations, transformed])
@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("n_qubits", [19, 20, pytest.param(22, marks=pytest.mark.slow)])
def test_closed_forms_of_large_states(made, single, n_qubits):
    """All amplitudes, to a few roundings of the largest one."""
    steps, want = made(n_qubits)
    state = q.statevector(native(n_qubits, steps), NO_ANGLES, single, 2)[0]
    atol = (4e-6 if single else 1e-14) * abs(want).max()
    np.testing.assert_allclose(state, want, rtol=0, atol=atol)


@pytest.mark.parametrize("n_qubits", [18, 20])
def test_many_tiles_equal_numpy(n_qubits):
    """Gates between far qubits: tiles are gathered from pieces."""
    rng = np.random.default_rng(n_qubits)
    steps = random_steps(rng, n_qubits, 5)
    state = q.statevector(native(n_qubits, steps), NO_ANGLES, False, 2)[0]
    np.testing.assert_allclose(state, oracle.statevector(steps, n_qubits), rtol=0, atol=1e-13)


@pytest.mark.parametrize("n_qubits", [10, 16, 18, 20])
@pytest.mark.parametrize("single", [False, True])
def test_what_stays_zero(n_qubits, single):
    """A long chain leaves two amplitudes, in tiles far apart; every other one is 0 to the bit."""
    chain = [("h", (0,), (), None), *(("cx", (i, i + 1), (), None) for i in range(n_qubits - 1))]
    state = q.statevector(native(n_qubits, chain), NO_ANGLES, single, 2)[0]
    assert np.flatnonzero(state).tolist() == [0, (1 << n_qubits) - 1]
    np.testing.assert_allclose(state[[0, -1]], math.sqrt(0.5), rtol=1e-7 if single else 1e-15)


def test_rows_are_states_of_their_own():
    """Also those long enough for threads to clear them; the array's memory is not new."""
    circuit = q.Circuit(19)
    circuit.add("ry", [18], [(0, 1.0, 0.0)])
    angles = np.array([[0.4], [2.0]])
    for _ in range(2):
        states = q.statevector(circuit, angles, True, 2)
        assert np.count_nonzero(states) == 4
        want = np.stack([np.cos(angles[:, 0] / 2), np.sin(angles[:, 0] / 2)], axis=1)
        np.testing.assert_allclose(states[:, [0, 1 << 18]], want, rtol=1e-6)
        states.fill(np.nan)


def test_traffic_is_that_of_the_passes():
    """One pass from one amplitude to the qubits that have a gate; more layers, more passes, though fewer."""
    circuit = q.Circuit(3)
    assert q.statevector_traffic(circuit, NO_ANGLES) == 0
    circuit.add("h", [1])
    assert q.statevector_traffic(circuit, NO_ANGLES) == 16 * (1 + 2)
    circuit.add("h", [0])
    circuit.add("cx", [0, 2])
    assert q.statevector_traffic(circuit, NO_ANGLES) == 16 * (1 + 8)
    assert q.statevector_traffic(circuit, NO_ANGLES, True) == 8 * (1 + 8)
    assert q.statevector_traffic(circuit, np.zeros((3, 0))) == 3 * 16 * (1 + 8)
    n_qubits, layers, passes = 22, q.Circuit(22), []
    for _ in range(4):
        for i in range(n_qubits):
            layers.add("h", [i])
        for i in range(n_qubits):
            layers.add("cx", [i, (i + 7) % n_qubits])
        passes.append(q.statevector_traffic(layers, NO_ANGLES) / (32 << n_qubits))
    assert 0.5 < passes[0] <= passes[1] < passes[2] < passes[3] < 4 * n_qubits


# ---- reproducibility ----


@pytest.mark.parametrize("seed", range(4))
def test_qubits_without_a_gate_equal_numpy(seed):
    rng = np.random.default_rng(seed)
    n_qubits = int(rng.integers(15, 18))
    some = rng.permutation(n_qubits)[: rng.integers(2, n_qubits)]
    steps = []
    for _ in range(20):
        name, wires, angles = [("h", 1, 0), ("cx", 2, 0), ("u", 1, 3), ("cp", 2, 1)][rng.integers(4)]
        on = tuple(map(int, rng.permutation(some)[:wires]))
        steps.append((name, on, tuple(rng.uniform(-7, 7, angles)), None))
    state = q.statevector(native(n_qubits, steps), NO_ANGLES, False, 1)[0]
    np.testing.assert_allclose(state, oracle.statevector(steps, n_qubits), rtol=0, atol=1e-13)


def test_the_same_bits_for_every_number_of_threads():
    rng = np.random.default_rng(3)
    circuit = native(17, random_steps(rng, 17, 60))
    twenty = native(20, random_steps(rng, 20, 10))
    terms = [(5, 9), (1 << 16, 3)]
    model = q.NoiseModel.depolarizing(0.01, 0.02, "qiskit")
    small = native(9, random_steps(rng, 9, 20, unitaries=False))
    noisy, _ = mixed_noise(rng)
    small_noise = (small, noisy, NO_ANGLES)
    bell = q.Circuit(2)
    bell.add("h", [0])
    bell.add("cx", [0, 1])
    for single in (False, True):
        for long in (circuit, twenty):
            states = [q.statevector(long, NO_ANGLES, single, t).tobytes() for t in (1, 2, 5)]
            assert len(set(states)) == 1
        values = [
            q.expectation_dense(circuit, q.NoiseModel(), NO_ANGLES, terms, "statevector", single, t).tobytes()
            + q.probabilities_dense(*small_noise, [3, 1], "density_matrix", single, t).tobytes()
            for t in (1, 3)
        ]
        assert values[0] == values[1]
    for run in (
        lambda t: q.trajectory_counts(*small_noise, [0, 5], 60, 7, 1, 2, t),
        lambda t: q.trajectory_expectation(*small_noise, [(1, 2)], 60, 7, 1, 2, t)[0],
        lambda t: q.trajectory_counts(bell, model, NO_ANGLES, [0, 1], 500, 7, 0, 0, t),
    ):
        assert run(1).tobytes() == run(2).tobytes() == run(4).tobytes()


SCRIPT = """
import sys, numpy as np
from nonideal import _core
from python_tests import native, random_steps, mixed_noise, NO_ANGLES, q
rng = np.random.default_rng(8)
circuit = native(12, random_steps(rng, 12, 60))
noise, _ = mixed_noise(rng)
small = native(6, random_steps(rng, 6, 20))
np.savez(sys.argv[1], double=q.statevector(circuit, NO_ANGLES, False, 1),
    single=q.statevector(circuit, NO_ANGLES, True, 1),
    density=q.density_matrix(small, noise, NO_ANGLES, False, 1),
    counts=q.trajectory_counts(small, noise, NO_ANGLES, [0, 1, 2], 200, 1),
    means=q.trajectory_expectation(small, noise, NO_ANGLES, [(3, 5)], 50, 1)[0])
"""


def test_instruction_sets_agree(tmp_path):
    """Trajectories to the bit, states to the header's tolerance."""
    (tmp_path / "python_tests.py").write_text(Path(__file__).read_text())
    results = []
    for isa in _core.available_isas():
        file = tmp_path / f"{isa}.npz"
        paths = [str(tmp_path), *sys.path]
        environment = {**os.environ, "NONIDEAL_ISA": isa, "PYTHONPATH": os.pathsep.join(paths)}
        subprocess.run([sys.executable, "-c", SCRIPT, str(file)], check=True, env=environment)
        results.append(dict(np.load(file)))
    for other in results[1:]:
        np.testing.assert_array_equal(other["counts"], results[0]["counts"])
        np.testing.assert_array_equal(other["means"], results[0]["means"])
        np.testing.assert_allclose(other["double"], results[0]["double"], rtol=0, atol=1e-14)
        np.testing.assert_allclose(other["density"], results[0]["density"], rtol=0, atol=1e-14)
        np.testing.assert_allclose(other["single"], results[0]["single"], rtol=0, atol=1e-6)


# ---- trajectories ----


def test_pauli_trajectories_have_the_density_matrix_distribution():
    """Chi-square over 40,000 shots, readout errors included: would catch probabilities off by 0.01."""
    rng = np.random.default_rng(1)
    steps = random_steps(rng, 4, 15, unitaries=False)
    steps = [step for step in steps if len(step[1]) < 3]
    circuit = native(4, steps)
    noise = q.NoiseModel.depolarizing(0.02, 0.05, "qiskit")
    noise.add_readout(0.1, 0.03)
    noise.add_readout(0.0, 0.2, 2)
    qubits = [2, 0, 3]
    there = q.probabilities_dense(circuit, noise, NO_ANGLES, qubits, "density_matrix", False, 1)[0]
    want = gates.read_wrongly(there, [(0.0, 0.2), (0.1, 0.03), (0.1, 0.03)])
    counts = q.trajectory_counts(circuit, noise, NO_ANGLES, qubits, 40_000, 11)[0]
    assert counts.sum() == 40_000
    assert stats.chisquare(counts, want * 40_000).pvalue > LEAST_P


def test_kraus_trajectories_have_the_density_matrix_distribution():
    rng = np.random.default_rng(2)
    steps = random_steps(rng, 4, 10)
    circuit = native(4, steps)
    noise, kraus = mixed_noise(rng)
    rho = oracle.density_matrix(steps, 4, kraus)
    counts = q.trajectory_counts(circuit, noise, NO_ANGLES, [1, 3], 10_000, 12)[0]
    assert stats.chisquare(counts, 1e4 * gates.marginal(np.diag(rho).real, [1, 3])).pvalue > LEAST_P
    terms = [(1, 0), (6, 12), (0, 15), (15, 9), (0, 0)]
    mean, variance = q.trajectory_expectation(circuit, noise, NO_ANGLES, terms, 4000, 13)
    want = np.array([np.trace(oracle.pauli(x, z, 4) @ rho).real for x, z in terms])
    assert np.all(np.abs(mean[0] - want) < 5 * np.sqrt(variance[0]) + 1e-12)
    assert np.all(variance[0][:4] > 0)
    assert np.all(variance[0] < 1.05 / 4000)


def test_error_bars_of_trajectories_cover():
    """200 repetitions: the deviations in units of the error bars have variance 1."""
    circuit = q.Circuit(1)
    circuit.add("ry", [0], [(-1, 0.0, 1.0)])
    noise = q.NoiseModel()
    noise.add(q.Channel.amplitude_damping(0.3), "ry")
    exact = q.expectation_dense(circuit, noise, NO_ANGLES, [(0, 1)], "density_matrix")[0, 0]
    mean, variance = q.trajectory_expectation(circuit, noise, np.zeros((200, 0)), [(0, 1)], shots=200, seed=5)
    pulls = (mean[:, 0] - exact) / np.sqrt(variance[:, 0])
    assert stats.chi2.sf((pulls**2).sum(), 200) > LEAST_P
    assert stats.chi2.cdf((pulls**2).sum(), 200) > LEAST_P


def test_trajectories_are_functions_of_their_counters():
    circuit = q.Circuit(2)
    circuit.add("h", [0])
    circuit.add("cx", [0, 1])
    noise = q.NoiseModel.depolarizing(0.1, 0.1, "qiskit")
    rows = np.zeros((5, 0))
    run = lambda angles, stream, offset: q.trajectory_counts(  # noqa: E731
        circuit, noise, angles, [0, 1], 1000, 3, stream, offset, 1
    )
    whole = run(rows, 0, 0)
    np.testing.assert_array_equal(run(rows[3:], 0, 3), whole[3:])
    assert len(np.unique(whole, axis=0)) > 1
    assert not np.array_equal(run(rows, 1, 0), whole)


def test_trajectories_without_a_jump_are_not_certain():
    """Where nothing rare was seen the error is that of two shots at the other end, as for counts."""
    circuit = q.Circuit(2)
    circuit.add("h", [0])
    circuit.add("cx", [0, 1])
    rare = q.NoiseModel.depolarizing(1e-12, 1e-12, "qiskit")
    for shots in (1, 2, 3, 1000):
        two = min(2 / shots, 0.5)
        found = q.trajectory_expectation(circuit, rare, NO_ANGLES, [(0, 3), (3, 0)], shots=shots, seed=1)
        np.testing.assert_allclose(found[0], 1, atol=1e-15)
        np.testing.assert_allclose(found[1], 4 * two * (1 - two) / shots, rtol=1e-14)
    # a Kraus channel, whose shots do not share a run
    damped = q.NoiseModel()
    damped.add(q.Channel.amplitude_damping(1e-12), "h")
    found = q.trajectory_expectation(circuit, damped, NO_ANGLES, [(0, 3)], shots=500, seed=1)
    assert found[1][0, 0] == pytest.approx(4 * 0.004 * 0.996 / 500, rel=1e-13)
    # nothing is random without noise
    clean = q.trajectory_expectation(circuit, q.NoiseModel(), NO_ANGLES, [(0, 3)], shots=10, seed=1)
    np.testing.assert_allclose(clean[0], 1, atol=1e-15)
    assert clean[1][0, 0] == 0


MEMORY = """
import numpy as np
from nonideal import _core
q = _core.quantum
circuit, noise = q.Circuit(1), q.NoiseModel()
circuit.add("h", [0])
noise.add(q.Channel.{channel}, "h")
run = lambda shots: q.trajectory_expectation(circuit, noise, np.zeros((1, 0)), [(0, 1), (1, 0)], shots, 1)
run(1 << 20)
before = peak()
run({shots})
print(peak() - before)
"""


@pytest.mark.parametrize("channel", ["pauli([('X', 0.25)])", "amplitude_damping(0.1)"])
def test_memory_of_trajectories_does_not_grow_with_the_shots(channel):
    """Eight bytes per shot and product would be 64 MB here."""
    code = PEAK + MEMORY.format(channel=channel, shots=5 << 20)
    grown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert int(grown) < 16_000  # kB


def test_moments_of_many_trajectories_do_not_depend_on_blocks():
    """More shots than a block has: mean and variance as of all values at once, from counts."""
    circuit = q.Circuit(1)
    circuit.add("x", [0])
    noise = q.NoiseModel()
    noise.add(q.Channel.pauli([("X", 0.25)]), "x")
    shots = (1 << 18) + 12_345
    mean, variance = q.trajectory_expectation(circuit, noise, NO_ANGLES, [(0, 1)], shots=shots, seed=3)
    flipped = round((mean[0, 0] + 1) / 2 * shots)
    assert mean[0, 0] == pytest.approx(2 * flipped / shots - 1, abs=1e-13)
    want = 4 * flipped * (shots - flipped) / shots / (shots - 1) / shots
    assert variance[0, 0] == pytest.approx(want, rel=1e-10)
    assert abs(flipped - 0.25 * shots) < 5 * np.sqrt(shots * 0.1875)
    counts = q.trajectory_counts(circuit, noise, NO_ANGLES, [0], shots, 3)[0]
    assert counts.sum() == shots
    assert counts[0] == flipped


# ---- refusals ----

EMPTY = q.NoiseModel()
NOISY = q.NoiseModel.depolarizing(0.1, 0.1, "qiskit")
TWO = q.Circuit(2)
BIG = q.Circuit(44)
TOFFOLI = q.Circuit(3)
TOFFOLI.add("ccx", [0, 1, 2])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: q.statevector(TWO, np.zeros((1, 1))), "parameters: expected length 0, got 1"),
        (lambda: q.statevector_traffic(TWO, np.zeros((1, 1))), "parameters: expected length 0, got 1"),
        (lambda: q.statevector(TWO, np.zeros(1)), "parameters: expected 2 dimensions, got 1"),
        (
            lambda: q.probabilities_dense(TWO, NOISY, NO_ANGLES, [0], "statevector"),
            "noise: method = 'statevector' has no noisy gates; choose density_matrix",
        ),
        (
            lambda: q.probabilities_dense(TWO, EMPTY, NO_ANGLES, [0], "x"),
            "method = 'x' is not one of statevector, density_matrix",
        ),
        (
            lambda: q.probabilities_dense(TWO, EMPTY, NO_ANGLES, [0, 2], "statevector"),
            "qubits[1] = 2 is outside [0, 1]",
        ),
        (
            lambda: q.probabilities_dense(TWO, EMPTY, NO_ANGLES, [1, 1], "density_matrix"),
            "qubits[1] = 1 is named twice",
        ),
        (
            lambda: q.probabilities_dense(TWO, EMPTY, NO_ANGLES, [0, 1, 0], "density_matrix"),
            "qubits: expected at most 2, got 3",
        ),
        (
            lambda: q.expectation_dense(TWO, EMPTY, NO_ANGLES, [(0, 4)], "statevector"),
            "term: qubit 2 is outside [0, 1]",
        ),
        (
            lambda: q.trajectory_counts(TWO, EMPTY, NO_ANGLES, [0], 0, 1),
            "shots = 0 is outside [1, 4294967295]",
        ),
        (
            lambda: q.trajectory_counts(TWO, EMPTY, NO_ANGLES, [0], 1, 1, 1 << 32),
            "stream = 4294967296 is outside [0, 2^32)",
        ),
        (
            lambda: q.trajectory_counts(TWO, EMPTY, NO_ANGLES, [0], 1, 1, 0, -1),
            "circuit = -1 is outside [0, 4294967295]",
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidArgument) as caught:
        call()
    assert str(caught.value) == message


def test_parameters_must_be_finite():
    circuit = q.Circuit(1)
    circuit.add("rx", [0], [(0, 1.0, 0.0)])
    for call in (
        lambda row: q.statevector(circuit, row),
        lambda row: q.density_matrix(circuit, EMPTY, row),
        lambda row: q.trajectory_counts(circuit, EMPTY, row, [0], 1, 1),
    ):
        with pytest.raises(InvalidArgument, match=r"^parameters\[0\] = nan is not finite$"):
            call(np.array([[math.nan]]))


def test_large_gates_need_decomposing_under_uniform_noise():
    for call in (
        lambda: q.density_matrix(TOFFOLI, NOISY, NO_ANGLES),
        lambda: q.trajectory_counts(TOFFOLI, NOISY, NO_ANGLES, [0], 1, 1),
    ):
        with pytest.raises(InvalidArgument, match="decomposed"):
            call()


@pytest.mark.parametrize(
    ("call", "needs"),
    [
        (lambda: q.statevector(BIG, NO_ANGLES), "256.0 TiB"),
        (lambda: q.statevector(BIG, NO_ANGLES, True), "128.0 TiB"),
        (lambda: q.statevector(q.Circuit(36), NO_ANGLES), "1.0 TiB"),
        (lambda: q.statevector(q.Circuit(62), NO_ANGLES), "64.0 EiB"),
        (lambda: q.density_matrix(q.Circuit(39), EMPTY, NO_ANGLES), "6.0 YiB"),
        (lambda: q.expectation_dense(q.Circuit(39), EMPTY, NO_ANGLES, [(1, 0)], "density_matrix"), "2.0 YiB"),
        (lambda: q.expectation_dense(BIG, EMPTY, NO_ANGLES, [(1, 0)], "statevector"), "256.0 TiB"),
        (lambda: q.trajectory_counts(BIG, NOISY, NO_ANGLES, [0], 1, 1), "256.0 TiB"),
    ],
)
def test_memory_is_checked_before_it_is_asked_for(call, needs):
    with pytest.raises(
        InvalidArgument, match=rf"^n_qubits = \d+ needs {needs}, [\d.]+ [GM]iB are available$"
    ):
        call()
