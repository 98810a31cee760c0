"""The noisy simulation, written again from the contract in ``nonideal/cram/simulate.hpp``.

A run's errors are a pure function of (seed, stream, gate number, lane block of 4096 lanes, error
probabilities, operands). Drawn here with plain Philox calls, without tiles, batches or bit tricks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from oracles.philox import philox

BLOCK = 4096
GATE_ERROR = 1  # the purpose of the draws
TIE_OF_COUNT = 0x7FFF
TIE_OF_POINT = 0x8000


class Place:
    """One gate in one lane block."""

    def __init__(self, seed: int, stream: int, gate: int, block: int) -> None:
        self.seed, self.stream, self.gate, self.block = seed, stream, gate, block

    def words(self, draw: int) -> tuple[int, int, int, int]:
        """The 128 bits of a draw."""
        third = draw | self.block >> 32 << 16 | GATE_ERROR << 24
        return philox((self.gate, self.block & 0xFFFFFFFF, third, self.stream), self.seed)


def rate(probability: float) -> float:
    """Points per lane: an odd number of them has this probability."""
    return -0.5 * math.log1p(-2.0 * probability)


@lru_cache
def survival(mean: float) -> list[int]:
    """floor(2^64 P(N > n)) of a Poisson number, n = 0, 1, ..., summed from the tail."""
    most = int(mean + 12 * math.sqrt(mean) + 40)
    table, tail = [], 0.0
    for n in range(most, -1, -1):
        table.append(min(int(math.ldexp(tail, 64)), 2**64 - 1))
        tail += math.exp(-mean + n * math.log(mean) - math.lgamma(n + 1))
    return table[::-1]


def number_of_points(mean: float, at: Place) -> int:
    """N: the number of n with u < 2^64 P(N > n)."""
    u = at.words(0)[0] << 32 | at.words(TIE_OF_COUNT)[0]
    return sum(u < s for s in survival(mean))


def uniform(probability: float, at: Place, operands: np.ndarray) -> np.ndarray:
    """Sparse points, every one flips its lane."""
    n = number_of_points(BLOCK * rate(probability), at)
    _, w1, w2, w3 = at.words(0)
    positions = [(w1 | w2 << 32) >> 12 * i & 0xFFF for i in range(5)] + [
        w3 >> 12 * i & 0xFFF for i in range(2)
    ]
    draw = 1
    while len(positions) < n:
        w0, w1, w2, w3 = at.words(draw)
        positions += [half >> 12 * i & 0xFFF for half in (w0 | w1 << 32, w2 | w3 << 32) for i in range(5)]
        draw += 1
    return np.bincount(positions[:n], minlength=BLOCK) % 2 == 1


def state(error: Sequence[float], at: Place, operands: np.ndarray) -> np.ndarray:
    """Sparse points at the largest rate, each accepted with the probability of its lane's state."""
    n = number_of_points(BLOCK * rate(max(error)), at)
    points = list(at.words(0)[1:])
    draw = 1
    while len(points) < n:
        points += at.words(draw)
        draw += 1
    ones = operands.sum(axis=0)
    wrong = np.zeros(BLOCK, dtype=bool)
    for index, word in enumerate(points[:n]):
        position, high = word & 0xFFF, word >> 12
        p = error[ones[position]]
        accept = 1.0 if p == max(error) else rate(p) / rate(max(error))
        rest, whole = math.modf(math.ldexp(accept, 20))
        accepted = high < int(whole)
        if high == int(whole):
            accepted = at.words(TIE_OF_POINT | index)[0] < int(math.ldexp(rest, 32))
        wrong[position] ^= accepted
    return wrong


def dense(error: Sequence[float], at: Place, operands: np.ndarray) -> np.ndarray:
    """Every lane compares 32 random bits, most significant first, with round(2^32 p) of its state.

    Bit 31 - (4 i + j) of the lanes 512 g .. 512 g + 511 is word j of the 16 draws from 1 + 16 (8 g + i) on,
    the lowest lane in the lowest bit of the first.
    """
    drawn = np.zeros(BLOCK, dtype=np.uint64)
    for group in range(8):
        for batch in range(8):
            draws = 1 + 16 * (8 * group + batch) + np.arange(16, dtype=np.uint64)
            shared = [
                np.full(16, word, dtype=np.uint64) for word in (at.gate, at.block & 0xFFFFFFFF, 0, at.stream)
            ]
            shared[2] = draws | np.uint64(at.block >> 32 << 16 | GATE_ERROR << 24)
            for j, words in enumerate(philox(tuple(shared), at.seed)):
                bits = (words[:, None] >> np.arange(32, dtype=np.uint64) & np.uint64(1)).ravel()
                drawn[512 * group : 512 * (group + 1)] |= bits << np.uint64(31 - (4 * batch + j))
    limits = np.array([round(math.ldexp(p, 32)) for p in error], dtype=np.uint64)
    return drawn < limits[operands.sum(axis=0)]


def cells(error: np.ndarray, sparse_limit: float, at: Place, operands: np.ndarray) -> np.ndarray:
    """Row ``lane % rows`` has probabilities of its own: ``error`` (rows, 2^n), bit i of the state input i."""
    rows = len(error)
    row = (at.block * BLOCK + np.arange(BLOCK)) % rows
    own = error[row, (operands << np.arange(len(operands))[:, None]).sum(axis=0)]
    wrong = np.zeros(BLOCK, dtype=bool)
    largest = error.max()
    if largest == 0:
        return wrong

    def threshold(share: float) -> int:
        limit = round(math.ldexp(share, 32))
        return 2**32 if limit >= 2**32 - 1 else limit

    if largest > sparse_limit:
        for lane in range(BLOCK):
            drawn = at.words(1 + lane // 64 * 16 + lane % 16)[lane % 64 // 16]
            wrong[lane] = drawn < threshold(own[lane])
        return wrong
    n = number_of_points(BLOCK * rate(largest), at)
    points = list(at.words(0)[1:])
    draw = 1
    while len(points) < n:
        points += at.words(draw)
        draw += 1
    for index, word in enumerate(points[:n]):
        position, high = word & 0xFFF, word >> 12
        drawn = high << 12 | at.words(TIE_OF_POINT | index)[0] >> 20
        wrong[position] ^= drawn < threshold(rate(own[position]) / rate(largest))
    return wrong


def flips(
    error: Callable[[str], Sequence[float]],
    *,
    seed: int,
    limits: tuple[float, float],
    stream: int = 0,
    first_lane: int = 0,
    cell_error: Callable[[int], np.ndarray] | None = None,
) -> Callable[[int, str, np.ndarray], np.ndarray]:
    """Wrong lanes of each step, for `oracles.program.run`.

    Parameters
    ----------
    error
        P(wrong | k ones) of a gate.
    limits
        Largest probability of the sparse methods: alike in all states, and otherwise.
    cell_error
        P(wrong | row, state) of a step, in place of ``error``.
    """

    def wrong(step: int, gate: str, operands: np.ndarray) -> np.ndarray:
        table = error(gate) if cell_error is None else [0.0, 1.0]
        lanes = operands.shape[1]
        result = np.zeros(lanes, dtype=bool)
        alike = min(table) == max(table)
        if max(table) == 0:
            return result
        for block in range(first_lane // BLOCK, -(-(first_lane + lanes) // BLOCK)):
            place = Place(seed, stream, step, block)
            at = np.arange(block * BLOCK, (block + 1) * BLOCK) - first_lane  # lanes of the call
            inside = (at >= 0) & (at < lanes)
            here = np.zeros((len(operands), BLOCK), dtype=bool)
            here[:, inside] = operands[:, at[inside]]
            if cell_error is not None:
                drawn = cells(cell_error(step), limits[1], place, here)
            elif max(table) > limits[0 if alike else 1]:
                drawn = dense(table, place, here)
            elif alike:
                drawn = uniform(max(table), place, here)
            else:
                drawn = state(table, place, here)
            result[at[inside]] = drawn[inside]
        return result

    return wrong
