"""Statistics of gate errors: rates, independence. Fixed seeds; p < 1e-6; tests say what they would catch."""

import functools
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from nonideal import _core
from nonideal.hardware import cram

BLOCK = cram.BLOCK_LANES
UNIFORM, STATE = _core.cram.SPARSE_LIMIT_UNIFORM, _core.cram.SPARSE_LIMIT_STATE
SIGMAS = 5.0  # two-sided p = 6e-7

# Every gate, four times, on five independent fair inputs.
EACH_GATE = cram.Program(
    5 + 4 * len(cram.GATES),
    [
        (name, 5 + 4 * i + copy, tuple((copy + j) % 5 for j in range(gate.fan_in)))
        for i, (name, gate) in enumerate(cram.GATES.items())
        for copy in range(4)
    ],
    {"x": list(range(5))},
    {"y": [5]},
)


def random_planes(columns: int, lanes: int, seed: int = 0) -> cram.BitPlanes:
    return cram.BitPlanes(_core.cram.uniform_planes(seed, 0, 0, lanes, columns, 0), lanes)


def expect_binomial(
    successes: np.ndarray, trials: np.ndarray, probability: np.ndarray, sigmas: float = SIGMAS
) -> None:
    """Exact where the probability is 0 or 1; else the binomial's tail is above that of ``sigmas``."""
    successes, trials, probability = np.broadcast_arrays(successes, trials, probability)
    certain = (probability == 0) | (probability == 1)
    np.testing.assert_array_equal(successes[certain], (trials * probability)[certain])
    k, n, p = (a[~certain] for a in (successes, trials, probability))
    tail = np.minimum(stats.binom.cdf(k, n, p), stats.binom.sf(k - 1, n, p))
    assert (tail > stats.norm.sf(sigmas)).all(), (k, n * p, tail.min())


def check_every_gate_and_state(tables: dict[str, list[float]], lanes: int = 1 << 20, seed: int = 1) -> None:
    gates = cram.GateLibrary.from_errors(tables)
    run = cram.simulate(
        EACH_GATE, {"x": random_planes(5, lanes)}, gates, seed=seed, activity=True, outputs="planes"
    )
    for (name, _, _), seen, flips in zip(
        EACH_GATE.instructions, run.activity.lanes, run.activity.flips, strict=True
    ):
        n = cram.GATES[name].fan_in
        expect_binomial(flips[: n + 1], seen[: n + 1], np.array(tables[name]))


# ---- rates ----


@pytest.mark.parametrize(
    "p",
    [
        0.0,
        1e-5,
        1e-3,
        0.05,
        0.2,
        UNIFORM - 1e-3,
        UNIFORM,
        np.nextafter(UNIFORM, 1),
        UNIFORM + 1e-3,
        0.5,
        0.9,
        1.0,
    ],
)
def test_errors_that_are_alike_in_all_states_have_their_rate(p):
    """2^20 lanes of each instruction: would catch a bias of 2 % of p = 0.2 and 30 % of p = 1e-3."""
    check_every_gate_and_state({name: [p] * (g.fan_in + 1) for name, g in cram.GATES.items()})


@pytest.mark.parametrize(
    "largest", [1e-4, 0.02, STATE - 1e-3, STATE, np.nextafter(STATE, 1), STATE + 1e-3, 0.5, 0.99, 1.0]
)
@pytest.mark.parametrize("shape", ["rising", "falling", "one state", "all but one"])
def test_errors_by_state_have_their_rates(largest, shape):
    """On both sides of the crossover of sparse points and bit planes; states without errors have none."""

    def table(n: int) -> list[float]:
        k = np.arange(n + 1)
        share = {
            "rising": k / n,
            "falling": 1 - k / (n + 1),
            "one state": (k == n // 2) * 1.0,
            "all but one": (k != n) * (0.7 + 0.3 * (k == 0)),
        }[shape]
        return (largest * share).tolist()

    check_every_gate_and_state({name: table(g.fan_in) for name, g in cram.GATES.items()})


def chain(gates: int) -> cram.Program:
    """BUFs that all copy the input 0 to one column: outcomes don't depend on one another."""
    return cram.Program(2, [("BUF", 1, (0,))] * gates, {"x": [0]}, {"y": [1]})


def flips_of(gates: int, lanes: int, p: float | list[float], seed: int) -> np.ndarray:
    zero = cram.BitPlanes(np.zeros((1, 1), dtype=np.uint64), lanes, entries=1)
    table = [p, p] if isinstance(p, float) else p
    run = cram.simulate(
        chain(gates),
        {"x": zero},
        cram.GateLibrary.from_errors({"BUF": table}),
        seed=seed,
        activity=True,
        outputs="planes",
    )
    return run.activity.flips[:, 0]


@pytest.mark.parametrize(
    "p", [0.1, 0.25, UNIFORM, [UNIFORM + 0.01, 0.5], [STATE, 0.01], [0.01, STATE], [0.003, 0.3]], ids=str
)
def test_points_that_fall_on_one_lane_twice_leave_exactly_p(p):
    """5e8 gate-lanes: 5 sigma are 4e-4 of p at the limit; uncorrected rates are 25 % off there."""
    flips = flips_of(500, 1 << 20, p, seed=2)
    expect_binomial(flips.sum(), np.array(500 << 20), np.array(p if isinstance(p, float) else p[0]))


@pytest.mark.parametrize(("p", "gates"), [(1e-7, 2000), (3e-9, 10_000)])
def test_tiny_rates(p, gates):
    """2e9 and 1e10 gate-lanes: 210 and 31 errors expected; would catch a factor of 2."""
    flips = flips_of(gates, 1 << 20, p, seed=3)
    expect_binomial(flips.sum(), np.array(gates << 20), np.array(p))


@pytest.mark.slow
def test_rates_of_one_in_a_billion():
    """1e11 gate-lanes, 105 errors expected: would catch a bias of 50 %."""
    flips = sum(flips_of(10_000, 1 << 20, 1e-9, seed=seed).sum() for seed in range(10))
    expect_binomial(flips, np.array(10 * 10_000 << 20), np.array(1e-9))


@pytest.mark.parametrize("p", [5e-324, 1e-300, 1e-30])
def test_vanishing_rates_are_harmless(p):
    assert flips_of(100, 1 << 16, p, seed=3).sum() == 0
    assert flips_of(100, 1 << 16, [p / 2, p], seed=3).sum() == 0
    assert flips_of(100, 1 << 16, [p, 0.7], seed=3).sum() == 0


def test_almost_certain_errors():
    flips = flips_of(100, 1 << 20, 1 - 1e-6, seed=3)
    expect_binomial(flips.sum(), np.array(100 << 20), np.array(1 - 1e-6))


# ---- independence ----

KINDS = {
    "sparse, rare": ([0.01, 0.01], 0.01),
    "sparse, uniform": ([0.2, 0.2], 0.2),
    "sparse, thinned": ([0.05, 0.15], 0.05),
    "dense": ([0.4, 0.4], 0.4),
    "dense, by state": ([0.1, 0.4], 0.1),
}
GATES, LANES = 48, 1 << 18


@functools.cache
def error_planes(kind: str, seed: int = 1, stream: int = 0) -> np.ndarray:
    """Wrong lanes, (gates, lanes) bool: BUFs of an input that is 0."""
    program = cram.Program(
        GATES + 1, [("BUF", 1 + g, (0,)) for g in range(GATES)], {"x": [0]}, {"y": list(range(1, GATES + 1))}
    )
    zero = cram.BitPlanes(np.zeros((1, 1), dtype=np.uint64), LANES, entries=1)
    gates = cram.GateLibrary.from_errors({"BUF": KINDS[kind][0]})
    run = cram.simulate(program, {"x": zero}, gates, seed=seed, stream=stream, outputs="planes")
    return np.unpackbits(run["y"].words.view(np.uint8), axis=1, bitorder="little").astype(bool)


def expect_uncorrelated(one: np.ndarray, two: np.ndarray, p: float) -> None:
    """Both are wrong as often as p^2 says."""
    n, both = one.size, np.count_nonzero(one & two)
    # Var of sum x_i x_{i+d}: n p^2 (1 - p^2) and 2 n p^3 (1 - p) where each error is in two pairs.
    sigma = np.sqrt(n * p**2 * (1 - p**2) + 2 * n * p**3 * (1 - p))
    # The number of errors itself varies; compare with what was drawn, which only lowers the spread.
    expected = np.count_nonzero(one) * np.count_nonzero(two) / n
    assert abs(both - expected) < SIGMAS * sigma, (both, expected, sigma)


kinds = pytest.mark.parametrize("kind", KINDS)


@kinds
@pytest.mark.parametrize(
    "distance", [1, 2, 7, 8, 16, 31, 32, 64, 128, 512, 1024, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK]
)
def test_lanes_are_independent(kind, distance):
    """1.2e7 pairs: would catch a correlation coefficient of 0.003 between lanes at a distance."""
    wrong = error_planes(kind)
    expect_uncorrelated(wrong[:, :-distance], wrong[:, distance:], KINDS[kind][1])


@kinds
@pytest.mark.parametrize("distance", [1, 2, 3, 8, 15, 16, 17, 32])
def test_gates_are_independent(kind, distance):
    """Also across the batches of 16 gates that share a call of the kernel's generator."""
    wrong = error_planes(kind)
    expect_uncorrelated(wrong[:-distance], wrong[distance:], KINDS[kind][1])


@kinds
@pytest.mark.parametrize(
    "other", [{"seed": 2}, {"seed": 1 << 32 | 1}, {"seed": 1 << 63 | 1}, {"stream": 1}, {"stream": 1 << 31}]
)
def test_seeds_and_streams_are_independent(kind, other):
    expect_uncorrelated(error_planes(kind), error_planes(kind, **other), KINDS[kind][1])


@kinds
def test_errors_of_a_block_have_the_spread_of_a_binomial_number(kind):
    """Chi-square over 3072 numbers of errors: would catch a variance that is 13 % off."""
    p = KINDS[kind][1]
    numbers = error_planes(kind).reshape(GATES, -1, BLOCK).sum(axis=2).ravel()
    statistic = ((numbers - BLOCK * p) ** 2).sum() / (BLOCK * p * (1 - p))
    assert 1e-6 < stats.chi2.sf(statistic, len(numbers)) < 1 - 1e-6


@kinds
def test_all_lanes_of_a_block_err_alike(kind):
    """Chi-square over the 4096 places: would catch a spread of 2 % of p between them at p = 0.1."""
    p = KINDS[kind][1]
    wrong = error_planes(kind).reshape(-1, BLOCK)
    statistic = ((wrong.sum(axis=0) - len(wrong) * p) ** 2).sum() / (len(wrong) * p * (1 - p))
    assert 1e-6 < stats.chi2.sf(statistic, BLOCK) < 1 - 1e-6


@kinds
def test_all_gates_err_alike(kind):
    p = KINDS[kind][1]
    expect_binomial(error_planes(kind).sum(axis=1), np.array(LANES), np.array(p))


def test_a_gate_of_a_long_program_is_independent_of_the_one_before():
    """Gates beyond 2^16: the gate number has 32 bits of the counter."""
    gates = (1 << 16) + 2
    program = cram.Program(
        4,
        [("BUF", 1, (0,)), ("BUF", 2, (0,)), *[("BUF", 3, (0,))] * (gates - 2), ("BUF", 3, (0,))],
        {"x": [0]},
        {"y": [1, 2, 3]},
    )
    lanes = 1 << 16
    zero = cram.BitPlanes(np.zeros((1, 1), dtype=np.uint64), lanes, entries=1)
    words = cram.simulate(program, {"x": zero}, cram.GateLibrary.uniform(0.1), seed=1, outputs="planes")[
        "y"
    ].words
    wrong = np.unpackbits(words.view(np.uint8), axis=1).astype(bool)
    for one, two in pairwise([*wrong, wrong[0]]):
        expect_uncorrelated(one, two, 0.1)


# ---- uniform operands ----


def test_uniform_operands_are_fair_and_independent():
    """Words of all shards are those of the whole; fair within 5 sigma, neighbours uncorrelated."""
    lanes = 1 << 18
    planes = _core.cram.uniform_planes(5, 0, 0, lanes, 8, 0)
    bits = np.unpackbits(planes.view(np.uint8), axis=1, bitorder="little").astype(bool)
    expect_binomial(bits.sum(axis=1), np.array(lanes), np.array(0.5))
    for distance in (1, 2, 32, 64, BLOCK):
        expect_uncorrelated(bits[:, :-distance], bits[:, distance:], 0.5)
    for distance in (1, 2, 4):
        expect_uncorrelated(bits[:-distance], bits[distance:], 0.5)
    for other in ((6, 0), (5, 1)):
        again = np.unpackbits(
            _core.cram.uniform_planes(*other, 0, lanes, 8, 0).view(np.uint8), axis=1, bitorder="little"
        )
        expect_uncorrelated(bits, again.astype(bool), 0.5)


@pytest.mark.parametrize("first_lane", [0, 1, 63, 64, 4095, 10_001])
@pytest.mark.parametrize("lanes", [0, 1, 64, 5000])
def test_uniform_operands_of_shards_are_those_of_the_whole(first_lane, lanes):
    whole = np.unpackbits(
        _core.cram.uniform_planes(5, 3, 0, 1 << 14, 3, 1).view(np.uint8), axis=1, bitorder="little"
    )
    for num_threads in (1, 2):
        shard = _core.cram.uniform_planes(5, 3, first_lane, lanes, 3, num_threads)
        bits = np.unpackbits(shard.view(np.uint8), axis=1, bitorder="little")
        np.testing.assert_array_equal(bits[:, :lanes], whole[:, first_lane : first_lane + lanes])
        assert not bits[:, lanes:].any()
