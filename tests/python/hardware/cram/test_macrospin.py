"""Moments under spin torque: closed forms, the Fokker-Planck equation, numpy. Fixed seeds, p < 1e-6."""

import functools
import math
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from scipy import integrate, special, stats

from nonideal import _core
from nonideal.errors import InvalidArgument
from nonideal.hardware import cram
from nonideal.hardware.cram import Macrospin
from nonideal.hardware.cram import macrospin as module
from oracles import macrospin as oracle

TAU = oracle.time_constant(0.01, 0.3)
LEAST_P = 1e-6


def expect_share(hits: int, trials: int, probability: float) -> None:
    assert stats.binomtest(int(hits), int(trials), float(probability)).pvalue > LEAST_P


@functools.cache
def initial(delta: float, n: int) -> np.ndarray:
    return Macrospin(delta).sample(0.0, [0.0], trajectories=n, seed=3)[0].astype(float)


@functools.cache
def exact_by_oracle(delta: float, overdrive: float, time: float) -> float:
    """Richardson's extrapolation in the cells: the finite volumes are of second order."""
    coarse, fine = (oracle.p_switch(delta, overdrive, [time], cells, 2000)[0] for cells in (2000, 4000))
    return float(fine + (fine - coarse) / 3)


# ---- initial state and equilibrium ----


@pytest.mark.parametrize("delta", [1.0, 5.0, 60.0])
def test_the_initial_state_is_the_equilibrium_of_the_upper_half(delta):
    """Would catch a wrong delta of 1 % (100,000 moments; Kolmogorov-Smirnov)."""
    m = initial(delta, 100_000)
    np.testing.assert_allclose(np.linalg.norm(m, axis=1), 1.0, atol=2e-7)
    assert m[:, 2].min() >= 0.0

    def distribution(u):  # integral of exp(delta u^2), by Dawson's function
        part = special.dawsn(math.sqrt(delta) * u) * np.exp(delta * (u**2 - 1))
        return part / special.dawsn(math.sqrt(delta))

    assert stats.kstest(m[:, 2], distribution).pvalue > LEAST_P
    angle = np.arctan2(m[:, 1], m[:, 0])
    assert stats.kstest(angle, stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > LEAST_P
    assert abs(stats.spearmanr(angle, m[:, 2]).statistic) < 5 / math.sqrt(len(m))


def test_thermal_equilibrium_stays_without_current():
    """<sin^2 theta> after 20 relaxation times is that of the start: would catch a noise off by 3 %."""
    delta, n = 20.0, 16_384
    m = Macrospin(delta, damping=0.1).sample(0.0, [4e-9], trajectories=n, seed=5, dt=5e-13)[0].astype(float)
    weight = integrate.quad(lambda u: math.exp(delta * (u**2 - 1)), 0, 1)[0]
    mean, square = (
        integrate.quad(lambda u, k=k: (1 - u**2) ** k * math.exp(delta * (u**2 - 1)), 0, 1)[0] / weight
        for k in (1, 2)
    )
    got = np.mean(1 - m[:, 2] ** 2)
    assert abs(got - mean) < 5 * math.sqrt((square - mean**2) / n)
    # x and y are alike and independent of each other.
    assert abs(np.mean(m[:, 0] * m[:, 1])) < 5 * np.std(m[:, 0] * m[:, 1]) / math.sqrt(n)
    assert stats.ks_2samp(m[:, 0], m[:, 1]).pvalue > LEAST_P


def test_low_barriers_reach_the_equilibrium_of_both_wells():
    """After many switching times both sides are filled as Boltzmann says, for a current against the start."""
    delta, i, n = 3.0, 0.1, 16_384
    m = Macrospin(delta, damping=0.2).sample(i, [6e-9], trajectories=n, seed=6, dt=1e-12)[0]
    density = lambda u: math.exp(delta * u**2 - 2 * delta * i * u)  # noqa: E731
    below, above = integrate.quad(density, -1, 0)[0], integrate.quad(density, 0, 1)[0]
    expect_share(np.count_nonzero(m[:, 2] < 0), n, below / (below + above))


# ---- motion without noise ----


@pytest.mark.parametrize("overdrive", [0.0, 1.5, 3.0])
def test_angles_grow_as_the_closed_equation_says(overdrive):
    """Delta = 1e8 takes the noise away: d(theta)/dt = (i - cos theta) sin theta / tau, theta(0) = 1e-4."""
    time = 3e-9
    start, end = (
        Macrospin(1e8).sample(overdrive, [0.0, time], trajectories=64, dt=2e-13, seed=2).astype(float)
    )
    spin = Macrospin(1e8)
    assert spin.characteristic_time == pytest.approx(TAU, rel=1e-12)
    early = np.hypot(start[:, 0], start[:, 1])
    lucky = int(np.argmax(early))  # the noise that is left is smallest beside the largest angle
    late = math.atan2(math.hypot(end[lucky, 0], end[lucky, 1]), end[lucky, 2])
    noise_left = 1e-4 * math.exp(max(overdrive - 1, 0) * time / TAU)
    want = oracle.angle_after(float(early[lucky]), overdrive, time / TAU)
    assert abs(late - want) < 3 * noise_left
    assert 1e-6 < want < 0.1


def test_growth_rate_to_a_per_mille():
    """The mean of log tan over many moments: the noise averages out, the rate is (i - 1) / tau."""
    a, b = Macrospin(1e7).sample(4.0, [1e-9, 2e-9], trajectories=4096, dt=2e-13, seed=2).astype(float)
    sines = [np.hypot(m[:, 0], m[:, 1]) for m in (a, b)]
    assert np.median(sines[1]) < 0.01  # still linear
    growth = np.mean(np.log(sines[1] / sines[0])) * TAU / 1e-9
    # Noise adds a little while the angle is smallest; the numpy oracle has it alike, see below.
    assert growth == pytest.approx(3.0, abs=0.05)


def test_precession_has_the_frequency_of_the_field():
    """In 50 ps the phase turns by gamma mu0 H_k cos(theta) t: 2.64 rad."""
    m = Macrospin(1e8).sample(0.0, [0.0, 25e-12, 50e-12], trajectories=256, dt=1e-13, seed=4).astype(float)
    phase = np.unwrap(np.arctan2(m[:, :, 1], m[:, :, 0]), axis=0)
    turned = np.median(phase[2] - phase[0])
    assert turned == pytest.approx(oracle.GAMMA * 0.3 * 50e-12 / (1 + 0.01**2), rel=2e-2)
    assert turned > 0  # left-handed about the field for an electron's moment: dm/dt = -gamma m x B


def test_trajectories_follow_numpy_without_noise():
    """The same Heun steps in float64, from the same start: differences are float32's."""
    spin = Macrospin(1e12, field_like=3.0)
    times = [0.0, 2e-9]
    start, end = spin.sample(40.0, times, trajectories=32, dt=5e-13, seed=1).astype(float)
    want = oracle.heun(start, delta=1e12, overdrive=40.0, duration=2e-9, dt=5e-13, field_like=3.0)
    assert np.all(end[:, 2] < -0.99)  # it has switched
    np.testing.assert_allclose(end[:, 2], want[:, 2], atol=2e-3)


# ---- probabilities ----

CASES = [
    (60.0, 3.0, 3e-9),
    (60.0, 2.0, 6e-9),
    (20.0, 1.0, 5e-9),
    (20.0, 0.8, 10e-9),
    (15.0, 0.4, 30e-9),
    (10.0, 0.0, 30e-9),
]


@pytest.mark.parametrize(("delta", "overdrive", "duration"), CASES)
def test_exact_probabilities_equal_the_finite_volumes(delta, overdrive, duration):
    want = exact_by_oracle(delta, overdrive, duration / TAU)
    switched, held = Macrospin(delta).p_switch_exact(overdrive, duration)
    assert float(switched) == pytest.approx(want, abs=3e-6, rel=1e-5)
    assert float(switched) + float(held) == pytest.approx(1.0, abs=1e-14)


@pytest.mark.parametrize(("delta", "overdrive", "duration"), CASES)
def test_simulated_probabilities_equal_the_exact_ones(delta, overdrive, duration):
    """With steps of 0.5 ps. 20,000 trajectories: would catch an error of 0.018 at P = 1/2, p < 1e-6."""
    n = 20_000
    spin = Macrospin(delta)
    got = spin.p_switch(overdrive, duration, trajectories=n, dt=5e-13, seed=11)
    assert got.samples == n
    expect_share(round(got.value * n), n, float(spin.p_switch_exact(overdrive, duration)[0]))


def test_write_error_rate_of_the_reference_case():
    """Delta 60, damping 0.01, 0.3 T, i = 3, 4 ns: 0.01948; the usual formula has 0.0209."""
    spin = Macrospin(60.0)
    held = float(spin.p_switch_exact(3.0, 4e-9)[1])
    assert held == pytest.approx(0.019483, abs=1e-6)
    assert 1 - exact_by_oracle(60.0, 3.0, 4e-9 / TAU) == pytest.approx(held, abs=1e-6)
    # True growth instead of linear growth up to pi/2: 2 sqrt(2) sqrt(2/3) instead of pi^2 / 4.
    assert held == pytest.approx(0.0209 * 2 * math.sqrt(4 / 3) / (math.pi**2 / 4), rel=0.01)
    n = 60_000
    got = spin.p_switch(3.0, 4e-9, trajectories=n, dt=5e-13, seed=1)
    expect_share(n - round(got.value * n), n, held)


def test_the_default_step_is_off_by_two_percent_at_most():
    """Of 1 - P at the reference case; 200,000 trajectories know it to 1.6 %."""
    got = Macrospin(60.0).p_switch(3.0, 4e-9, trajectories=200_000, seed=1)
    exact = float(Macrospin(60.0).p_switch_exact(3.0, 4e-9)[1])
    assert abs((1 - got.value) / exact - 1) < 0.02 + 4 * got.standard_error / exact


def test_numpy_gives_the_same_distribution():
    """3000 moments of the oracle with Gaussian noise, 3000 with the four values, and ours."""
    rng = np.random.default_rng(1)
    settings = {"delta": 20.0, "overdrive": 1.5, "duration": 2e-9, "dt": 1e-12, "damping": 0.02}
    ours = Macrospin(20.0, damping=0.02).sample(1.5, [2e-9], trajectories=20_000, seed=1)[0]
    heights = [
        oracle.heun(oracle.equilibrium(rng, 20.0, 3000), rng=rng, increments=kind, **settings)[:, 2]
        for kind in ("gaussian", "four")
    ]
    for height in heights:
        assert stats.ks_2samp(height, ours[:, 2]).pvalue > LEAST_P
    assert stats.ks_2samp(*heights).pvalue > LEAST_P
    assert 0.1 < np.mean(ours[:, 2] < 0) < 0.9  # there is something to see


def test_increments_have_the_moments_of_a_normal_number():
    values = np.array([math.sqrt(1 + math.sqrt(6)), *[math.sqrt(1 - math.sqrt(2 / 3))] * 3])
    values = np.concatenate([values, -values])
    for order, moment in ((1, 0), (2, 1), (3, 0), (4, 3), (5, 0)):
        assert np.mean(values**order) == pytest.approx(moment, abs=1e-14)
    assert np.mean(values**6) - 15 == pytest.approx(-4.73, abs=0.01)


def test_rates_over_high_barriers_are_browns():
    """Without current; Brown's formula lacks terms of order 1 / delta."""
    for delta, tolerance in ((15.0, 0.15), (25.0, 0.08)):
        times = np.array([20.0, 40.0]) * TAU
        switched = Macrospin(delta).p_switch_exact(0.0, times)[0]
        rate = (switched[1] - switched[0]) / 20.0
        assert rate == pytest.approx(oracle.brown_rate(delta, 0.0), rel=tolerance)


def test_barrier_falls_with_the_square_of_the_current():
    """So the thermal formula with a barrier linear in the voltage is no macrospin's (see cram-switching)."""
    hazards = []
    times = np.array([15.0, 30.0]) * TAU
    for i in (0.2, 0.4):
        held = Macrospin(30.0).p_switch_exact(i, times)[1]
        hazards.append(math.log(math.log(held[0] / held[1])))
    got = hazards[1] - hazards[0]
    square = math.log(oracle.brown_rate(30.0, 0.4) / oracle.brown_rate(30.0, 0.2))
    assert got == pytest.approx(square, rel=0.05)
    assert abs(got - 30.0 * 0.2) > 1.0


# ---- symmetries and conventions ----


def test_field_like_torque_is_a_larger_overdrive():
    plain = Macrospin(30.0, damping=0.05).p_switch_exact(2.0 * 1.1, 1e-9)[0]
    assert float(Macrospin(30.0, damping=0.05, field_like=2.0).p_switch_exact(2.0, 1e-9)[0]) == float(plain)
    got = Macrospin(30.0, damping=0.05, field_like=2.0).p_switch(2.0, 1e-9, trajectories=20_000, seed=1)
    expect_share(round(got.value * 20_000), 20_000, float(plain))


def test_only_three_numbers_matter():
    """Other damping, field, magnetisation, temperature: the same P at the same t / tau."""
    a, b = (
        Macrospin(40.0),
        Macrospin(40.0, damping=0.03, anisotropy_field=0.8, saturation_magnetization=5e5, temperature=400.0),
    )
    p, q = (s.p_switch_exact(1.7, 2.0 * s.characteristic_time)[0] for s in (a, b))
    assert float(p) == pytest.approx(float(q), rel=1e-10)


def test_volume_and_critical_current():
    spin = Macrospin(60.0, temperature=350.0, saturation_magnetization=8e5, anisotropy_field=0.25)
    barrier = 0.25 * 8e5 * spin.volume / 2  # mu0 H_k M_s V / 2
    assert barrier == pytest.approx(60.0 * 1.380649e-23 * 350.0, rel=1e-12)
    # The torque gamma hbar eta I / (2 e M_s V) is damping times gamma mu0 H_k at overdrive 1.
    torque = 1.054571817e-34 * 0.6 * spin.critical_current(0.6) / (2 * 1.602176634e-19 * 8e5 * spin.volume)
    assert torque == pytest.approx(spin.damping * 0.25, rel=1e-9)


# ---- reproducibility ----


def moments(**options) -> np.ndarray:
    return Macrospin(20.0).sample(1.5, [0.0, 0.5e-9, 1e-9], **{"trajectories": 300, "seed": 7} | options)


def test_threads_seeds_and_prefixes():
    base = moments()
    np.testing.assert_array_equal(base, moments(num_threads=1))
    np.testing.assert_array_equal(base, moments(num_threads=3))
    np.testing.assert_array_equal(base[:, :77], moments(trajectories=77))
    assert np.all(np.any(base[0] != moments(seed=8)[0], axis=1))
    shorter = Macrospin(20.0).sample(1.5, [0.0, 0.5e-9], trajectories=300, seed=7)
    np.testing.assert_array_equal(base[:2], shorter)


def test_shards_are_parts_of_the_whole():
    spin = _core.cram.Macrospin(delta=20.0, damping=0.01, anisotropy_field=0.3, field_like=0.0)
    times = np.array([0.0, 0.5e-9, 1e-9])

    def run(first, n, stream=0):
        return _core.cram.run_macrospins(
            spin, 1.5, times, n, max_step=1e-12, seed=7, stream=stream, first_trajectory=first, states=True
        )

    whole = moments()
    counts = np.zeros(3, dtype=np.int64)
    for first, n in ((0, 1), (1, 62), (63, 2), (65, 235)):
        switched, part = run(first, n)
        np.testing.assert_array_equal(part, whole[:, first : first + n])
        counts += switched
    np.testing.assert_array_equal(counts, np.count_nonzero(whole[:, :, 2] < 0, axis=1))
    assert not np.array_equal(run(0, 300, stream=1)[1], whole)
    far = run((1 << 33) + 5, 64)[1]
    assert not np.array_equal(far, run(5, 64)[1])  # the high half of the number counts


def test_counts_are_those_of_the_moments(monkeypatch):
    n = 5000
    m = Macrospin(20.0).sample(2.0, [1e-9, 3e-9], trajectories=n, seed=7)
    want = np.mean(m[:, :, 2] < 0, axis=1).tolist()
    times = [1e-9, 3e-9]
    got = Macrospin(20.0).p_switch(2.0, times, trajectories=n, seed=7)
    assert [e.value for e in got] == want
    monkeypatch.setattr(module, "_CHUNK_STEPS", 1)  # many small chunks
    again = Macrospin(20.0).p_switch(2.0, times, trajectories=n, seed=7)
    assert [e.value for e in again] == want
    swapped = Macrospin(20.0).p_switch(2.0, times[::-1], trajectories=n, seed=7)
    assert [e.value for e in swapped] == want[::-1]
    assert isinstance(Macrospin(20.0).p_switch(2.0, 1e-9, trajectories=2, seed=1), cram.Estimate)


ISA_SCRIPT = """
import hashlib
from nonideal import _core
from nonideal.hardware.cram import Macrospin
digest = hashlib.sha256()
for delta, i, damping in ((20.0, 1.5, 0.01), (60.0, 3.0, 0.02), (1.0, -2.0, 0.3)):
    spin = Macrospin(delta, damping=damping, field_like=0.5)
    digest.update(spin.sample(i, [0.0, 1.3e-10, 1e-9], trajectories=333, dt=4e-13, seed=9).tobytes())
print(_core.active_isa(), digest.hexdigest())
"""


def test_instruction_sets_give_the_same_bits():
    digests = {}
    for isa in _core.available_isas():
        environment = os.environ | {"NONIDEAL_ISA": isa}
        run = subprocess.run(
            [sys.executable, "-c", ISA_SCRIPT], env=environment, capture_output=True, text=True, check=True
        )
        active, digests[isa] = run.stdout.split()
        assert active == isa
    assert len(set(digests.values())) == 1, digests


def test_noise_bits_of_neighbours_are_independent():
    """Neighbouring trajectories and seeds: changes of m_x in 12 steps are uncorrelated, 40,000 pairs."""
    a = Macrospin(20.0).sample(0.0, [0.0, 12e-12], trajectories=40_000, seed=1).astype(float)
    b = Macrospin(20.0).sample(0.0, [0.0, 12e-12], trajectories=40_000, seed=2).astype(float)
    turn = oracle.GAMMA * 0.3 * 12e-12
    kicks = [m[1, :, 0] - (m[0, :, 0] * math.cos(turn) - m[0, :, 1] * math.sin(turn)) for m in (a, b)]
    limit = 5 / math.sqrt(40_000)
    for x, y in ((kicks[0][1:], kicks[0][:-1]), (kicks[0], kicks[1]), (kicks[0][16:], kicks[0][:-16])):
        assert abs(np.corrcoef(x, y)[0, 1]) < limit


# ---- scans ----


def test_scans_calibrate_a_formula():
    spin = Macrospin(60.0)
    drives = np.linspace(1.7, 2.5, 9)
    scan = spin.scan(drives, 4e-9, critical_voltage=0.4, trajectories=4096, seed=1)
    np.testing.assert_allclose(scan.voltage, 0.4 * drives)
    for i, hits, trials in zip(drives, scan.switched, scan.trials, strict=True):
        expect_share(hits, trials, float(spin.p_switch_exact(i, 4e-9)[0]))
    assert [e.value for e in scan.estimates] == (scan.switched / scan.trials).tolist()
    fit = cram.fit_switching(
        scan.voltage, scan.switched, scan.trials, family="logistic", pulse_duration=scan.pulse_duration
    )
    half = float(np.interp(0.5, [float(spin.p_switch_exact(i, 4e-9)[0]) for i in drives], scan.voltage))
    assert fit.parameters["v50"] == pytest.approx(half, abs=0.015)  # no logistic curve
    again = spin.scan(drives[:2], 4e-9, trajectories=4096, seed=scan.seed)
    np.testing.assert_array_equal(again.switched, scan.switched[:2])


def test_points_of_a_scan_are_independent():
    scan = Macrospin(20.0).scan([1.0] * 40, 5e-9, trajectories=512, seed=3)
    assert len(set(scan.switched.tolist())) > 5
    p = scan.switched.mean() / 512
    spread = np.sum((scan.switched - 512 * p) ** 2) / (512 * p * (1 - p))
    assert LEAST_P < stats.chi2(39).sf(spread) < 1 - LEAST_P


def test_interrupted_between_chunks(monkeypatch):
    calls = []

    def stop(*_, **__):
        calls.append(1)
        raise KeyboardInterrupt

    monkeypatch.setattr(_core.cram, "run_macrospins", stop)
    with pytest.raises(KeyboardInterrupt):
        Macrospin(20.0).p_switch(1.0, 1e-9, trajectories=1 << 20)
    assert len(calls) == 1


def test_macrospins_are_values():
    spin = Macrospin(60)
    assert pickle.loads(pickle.dumps(spin)) == spin
    assert hash(spin) == hash(Macrospin(60.0))


# ---- refusals ----


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Macrospin(0.5), "delta = 0.5 is outside [1, 1e12]"),
        (lambda: Macrospin(float("nan")), "delta = nan is not finite"),
        (lambda: Macrospin("60"), "delta = '60' is not a number"),
        (lambda: Macrospin(60.0, damping=0.0), "damping = 0.0 is not > 0"),
        (lambda: Macrospin(60.0, damping=2.0), "damping = 2 is outside [1e-06, 1]"),
        (lambda: Macrospin(60.0, anisotropy_field=1e4), "anisotropy_field = 10000 is outside [1e-06, 1000]"),
        (
            lambda: Macrospin(60.0, saturation_magnetization=-1.0),
            "saturation_magnetization = -1.0 is not > 0",
        ),
        (lambda: Macrospin(60.0, temperature=0), "temperature = 0 is not > 0"),
        (lambda: Macrospin(60.0, field_like=math.inf), "field_like = inf is not finite"),
        (lambda: Macrospin(60.0, field_like=2e3), "field_like = 2000 is outside [-1000, 1000]"),
        (lambda: Macrospin(60.0).critical_current(1.5), "efficiency = 1.5 is outside (0, 1]"),
        (lambda: Macrospin(60.0).p_switch(math.nan, 1e-9), "overdrive = nan is not finite"),
        (lambda: Macrospin(60.0).p_switch(2e3, 1e-9), "overdrive = 2000 is outside [-1000, 1000]"),
        (lambda: Macrospin(60.0).p_switch(3.0, 0.0), "pulse_duration = 0.0 is not > 0"),
        (lambda: Macrospin(60.0).p_switch(3.0, [1e-9, -1e-9]), "pulse_duration[1] = -1e-09 is not > 0"),
        (lambda: Macrospin(60.0).p_switch(3.0, []), "pulse_duration is empty"),
        (
            lambda: Macrospin(60.0).p_switch(3.0, [[1e-9]]),
            "pulse_duration has shape (1, 1); a number or one row is needed",
        ),
        (lambda: Macrospin(60.0).p_switch(3.0, 1e-9, dt=2e-12), "dt = 2e-12 is outside (0, 1e-12] s"),
        (lambda: Macrospin(60.0).p_switch(3.0, 1e-9, dt=0.0), "dt = 0.0 is not > 0"),
        (
            lambda: Macrospin(60.0, anisotropy_field=1.0).p_switch(3.0, 1e-9),
            "dt = 1e-12 is outside (0, 9.01e-13] s",
        ),
        (lambda: Macrospin(60.0).p_switch(3.0, 1e-9, trajectories=0), "trajectories = 0 is below 1"),
        (lambda: Macrospin(60.0).p_switch(3.0, 1e-9, seed=-1), "seed = -1 is outside [0, 2^64)"),
        (lambda: Macrospin(60.0).p_switch(3.0, 1e-9, num_threads=0), "num_threads = 0 is below 1"),
        (
            lambda: Macrospin(60.0).p_switch(3.0, 1.0),
            "durations[0] = 1 takes more than 25769803776 steps",
        ),
        (lambda: Macrospin(60.0).sample(3.0, [2e-9, 1e-9]), "times is not ascending"),
        (lambda: Macrospin(60.0).sample(3.0, [-1e-9]), "times[0] = -1e-09 is not >= 0"),
        (lambda: Macrospin(60.0).scan([], 1e-9), "overdrive has shape (0,); one row of values is needed"),
        (lambda: Macrospin(60.0).scan([1.0], 1e-9, critical_voltage=0), "critical_voltage = 0 is not > 0"),
        (
            lambda: Macrospin(2000.0).p_switch_exact(3.0, 1e-9),
            "delta * (1 + |overdrive|) = 8000 is above 5000",
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidArgument) as refusal:
        call()
    assert str(refusal.value) == message


def test_exact_probabilities_take_any_shape():
    spin = Macrospin(20.0)
    table = spin.p_switch_exact(1.0, [[2e-9, 1e-9], [3e-9, 2e-9]])[0]
    assert table.shape == (2, 2)
    assert table[0, 0] == table[1, 1]
    assert table[0, 1] == float(spin.p_switch_exact(1.0, 1e-9)[0]) < table[0, 0] < table[1, 0]


def test_exact_probabilities_do_not_depend_on_the_number_of_modes():
    for delta, drive in ((60.0, 3.0), (1.0, 0.0), (200.0, 2.0), (100.0, -0.5)):
        modes = 32 + math.ceil(12 * math.sqrt(delta * (1 + abs(drive))))
        for time in (0.05, 1.0, 5.0):
            few = module._solve_fokker_planck(delta, drive, np.array([time]), modes)
            many = module._solve_fokker_planck(delta, drive, np.array([time]), modes * 5 // 4)
            np.testing.assert_allclose(few, many, atol=1e-9)
