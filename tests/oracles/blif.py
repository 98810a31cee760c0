"""Netlists of covers as plain data: random ones, their text in BLIF, and their values on numpy bools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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


@st.composite
def netlists(draw: st.DrawFn, max_covers: int = 12) -> Netlist:
    """Random covers over up to seven signals, with overlapping, repeated and contradictory cubes."""
    inputs = [f"i{k}" for k in range(draw(st.integers(1, 6)))]
    known = list(inputs)
    covers = {}
    for k in range(draw(st.integers(0, max_covers))):
        reads = draw(st.lists(st.sampled_from(known), max_size=7))  # a signal may be read twice
        alphabet = st.text("01-", min_size=len(reads), max_size=len(reads))
        cubes = draw(st.lists(alphabet, max_size=4))
        covers[f"s{k}"] = Cover(reads, cubes, draw(st.sampled_from("01")))
        known.append(f"s{k}")
    outputs = draw(st.lists(st.sampled_from(known), min_size=1, max_size=4, unique=True))
    return Netlist(inputs, outputs, covers)
