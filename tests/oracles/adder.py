"""Exact error statistics of full adders and ripple-carry adders, by enumeration of all sets of wrong gates.

A table of errors maps a gate to P(output wrong | k inputs are 1), k = 0 .. fan_in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from oracles.program import FAN_IN

Errors = Mapping[str, Sequence[float]]

# Wiring of the designs; inputs a, b, c, outputs s and co.
DESIGNS = {
    "nand9": [
        ("NAND2", "n1", "a b"),
        ("NAND2", "n2", "a n1"),
        ("NAND2", "n3", "b n1"),
        ("NAND2", "x", "n2 n3"),
        ("NAND2", "n4", "x c"),
        ("NAND2", "n5", "x n4"),
        ("NAND2", "n6", "c n4"),
        ("NAND2", "s", "n5 n6"),
        ("NAND2", "co", "n1 n4"),
    ],
    "maj5_buf": [
        ("MIN3", "cb", "a b c"),
        ("BUF", "cb2", "cb"),
        ("MAJ5", "s", "a b c cb cb2"),
        ("NOT", "co", "cb"),
    ],
    "maj5_not": [
        ("MAJ3", "co", "a b c"),
        ("NOT", "cb", "co"),
        ("NOT", "cb2", "co"),
        ("MAJ5", "s", "a b c cb cb2"),
    ],
    "min5": [
        ("MIN3", "cb", "a b c"),
        ("MIN3", "cb2", "a b c"),
        ("MIN5", "sb", "a b c cb cb2"),
        ("NOT", "s", "sb"),
        ("NOT", "co", "cb"),
    ],
}
# The correct bit of each gate by its number of ones.
CORRECT = {"NOT": (1, 0), "BUF": (0, 1), "NAND2": (1, 1, 0), "MIN3": (1, 1, 0, 0), "MAJ3": (0, 0, 1, 1)}
CORRECT |= {"MIN5": (1, 1, 1, 0, 0, 0), "MAJ5": (0, 0, 0, 1, 1, 1)}


def uniform(error: float) -> Errors:
    """The same error for every gate and state."""
    return {gate: [error] * (n + 1) for gate, n in FAN_IN.items()}


def cell(design: str, errors: Errors, a: int, b: int, c: int) -> dict[tuple[int, int], float]:
    """P(s, co) of one full adder for one input: the sum over all 2^gates sets of wrong gates."""
    joint: dict[tuple[int, int], float] = defaultdict(float)
    for wrong in product((0, 1), repeat=len(DESIGNS[design])):
        value, probability = {"a": a, "b": b, "c": c}, 1.0
        for flip, (gate, name, reads) in zip(wrong, DESIGNS[design], strict=True):
            ones = sum(value[read] for read in reads.split())
            probability *= errors[gate][ones] if flip else 1 - errors[gate][ones]
            value[name] = CORRECT[gate][ones] ^ flip
        joint[value["s"], value["co"]] += probability
    return joint


@dataclass
class CellAccuracy:
    """Probabilities of correct outputs, over uniform inputs."""

    sum: float
    carry: float
    both: float


def accuracy(design: str, errors: Errors) -> CellAccuracy:
    """How often a full adder is right."""
    total = CellAccuracy(0.0, 0.0, 0.0)
    for a, b, c in product((0, 1), repeat=3):
        s, co = (a + b + c) & 1, (a + b + c) >> 1
        joint = cell(design, errors, a, b, c)
        total.sum += sum(p for (s_, _), p in joint.items() if s_ == s) / 8
        total.carry += sum(p for (_, co_), p in joint.items() if co_ == co) / 8
        total.both += joint[s, co] / 8
    return total


def error_distribution(bits: int, design: str, errors: Errors) -> dict[int, float]:
    """P(y - y*) of a ripple-carry adder: a chain over (carry, correct carry, error so far)."""
    cells = {abc: cell(design, errors, *abc) for abc in product((0, 1), repeat=3)}
    states: dict[tuple[int, int, int], float] = {(0, 0, 0): 1.0}
    for bit in range(bits):
        following: dict[tuple[int, int, int], float] = defaultdict(float)
        for (carry, correct, error), p in states.items():
            for a, b in product((0, 1), repeat=2):
                total = a + b + correct
                for (s, co), q in cells[a, b, carry].items():
                    following[co, total >> 1, error + ((s - (total & 1)) << bit)] += p * q / 4
        states = following
    distribution: dict[int, float] = defaultdict(float)
    for (carry, correct, error), p in states.items():
        distribution[error + ((carry - correct) << bits)] += p
    return distribution


@dataclass
class Metrics:
    """Expectations over uniform operands."""

    error_rate: float
    mean_error_distance: float
    mean_squared_error: float
    bias: float
    worst_error_distance: int


def metrics(bits: int, design: str, errors: Errors) -> Metrics:
    """Error metrics of a ripple-carry adder."""
    pmf = error_distribution(bits, design, errors)
    return Metrics(
        error_rate=sum(p for e, p in pmf.items() if e),
        mean_error_distance=sum(p * abs(e) for e, p in pmf.items()),
        mean_squared_error=sum(p * e * e for e, p in pmf.items()),
        bias=sum(p * e for e, p in pmf.items()),
        worst_error_distance=max(abs(e) for e, p in pmf.items() if p),
    )
