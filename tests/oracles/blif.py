"""Netlists of covers as plain data: random ones, their text in BLIF, and their values on numpy bools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

import numpy as np
from hypothesis import strategies as st


@dataclass
class Cover:
    """A signal: the cubes over some earlier signals, and whether they are those of 1 or of 0."""

    inputs: list[str]
    cubes: list[str]
    phase: str


@dataclass
class Netlist:
    """Covers by the signal that they define, each reading inputs and signals before it."""

    inputs: list[str]
    outputs: list[str]
    covers: dict[str, Cover]


def evaluate(netlist: Netlist, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """All signals, given (lanes,) bool inputs."""
    signals = dict(values)
    lanes = len(next(iter(values.values())))
    for name, cover in netlist.covers.items():
        hit = np.zeros(lanes, dtype=bool)
        for cube in cover.cubes:
            match = np.ones(lanes, dtype=bool)
            for signal, value in zip(cover.inputs, cube, strict=True):
                if value != "-":
                    match &= signals[signal] == (value == "1")
            hit |= match
        signals[name] = hit if cover.phase == "1" or not cover.cubes else ~hit
    return signals


def text(netlist: Netlist, order: list[str] | None = None) -> str:
    """The netlist in BLIF, its covers in some order."""
    lines = [".model m", ".inputs " + " ".join(netlist.inputs), ".outputs " + " ".join(netlist.outputs)]
    for name in order or netlist.covers:
        cover = netlist.covers[name]
        lines.append(" ".join([".names", *cover.inputs, name]))
        lines += [f"{cube} {cover.phase}".strip() for cube in cover.cubes]
    return "\n".join([*lines, ".end", ""])


def random_netlist(random: Random, max_covers: int = 12) -> Netlist:
    """Covers over up to seven recent signals, with overlapping, repeated and contradictory cubes."""
    inputs = [f"i{k}" for k in range(random.randint(1, 7))]
    known = list(inputs)
    covers = {}
    for k in range(random.randint(0, max_covers)):
        fan_in = min(random.choices(range(8), [1, 4, 9, 9, 6, 4, 3, 3])[0], len(known))
        reads = random.sample(known[-9:], min(fan_in, 9))
        if random.random() < 0.1:
            reads += reads[:1]  # a signal may be read twice
        cubes = [
            "".join(random.choices("01-", k=len(reads)))
            for _ in range(random.choices(range(6), [1, 9, 9, 6, 3, 2])[0])
        ]
        covers[f"s{k}"] = Cover(reads, cubes, random.choice("01"))
        known.append(f"s{k}")
    outputs = random.sample(known[-6:], min(4, len(known[-6:])))
    return Netlist(inputs, outputs, covers)


# Seeded rather than drawn piece by piece: hypothesis likes repetition, and most netlists would be constants.
netlists = st.integers(0, 2**32 - 1).map(lambda seed: random_netlist(Random(seed)))
