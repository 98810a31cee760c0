"""Programs on numpy bools, one gate at a time; a checker of placements; and random programs.

A program is plain data: instructions ``(gate, output_column, input_columns)``, input and output columns,
constants. Gates are written as logic here, not as thresholds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

Instruction = tuple[str, int, tuple[int, ...]]
Bits = np.ndarray  # (lanes,) bool

LOGIC: dict[str, Callable[[np.ndarray], Bits]] = {  # of (fan_in, lanes)
    "NAND": lambda x: ~x.all(axis=0),
    "AND": lambda x: x.all(axis=0),
    "NOR": lambda x: ~x.any(axis=0),
    "OR": lambda x: x.any(axis=0),
    "MAJ": lambda x: x.sum(axis=0) * 2 > len(x),
    "MIN": lambda x: x.sum(axis=0) * 2 < len(x),
}
FAN_IN = {"NOT": 1, "BUF": 1} | {
    f"{kind}{n}": n for kind in ("NAND", "NOR", "AND", "OR") for n in range(2, 6)
}
FAN_IN |= {f"{kind}{n}": n for kind in ("MIN", "MAJ") for n in (3, 5)}


def evaluate(gate: str, operands: np.ndarray) -> Bits:
    """The correct output of a gate, operands (fan_in, lanes) bool."""
    assert len(operands) == FAN_IN[gate]
    if FAN_IN[gate] == 1:
        return ~operands[0] if gate == "NOT" else operands[0].copy()
    return LOGIC[gate[:-1]](operands)


def run(
    instructions: Sequence[Instruction],
    cells: Mapping[int, Bits],
    flips: Callable[[int, str, np.ndarray], Bits] | None = None,
) -> tuple[dict[int, Bits], list[np.ndarray], list[Bits]]:
    """Run a program; ``flips(step, gate, operands)`` says in which lanes an output is wrong.

    Returns the cells at the end, the operands of each step, and the wrong lanes of each step.
    """
    cells = {column: np.asarray(bits, dtype=bool).copy() for column, bits in cells.items()}
    seen, wrong = [], []
    for step, (gate, output, sources) in enumerate(instructions):
        operands = np.array([cells[column] for column in sources])
        correct = evaluate(gate, operands)
        flipped = np.zeros_like(correct) if flips is None else flips(step, gate, operands)
        cells[output] = correct ^ flipped
        seen.append(operands)
        wrong.append(flipped)
    return cells, seen, wrong


def counts(seen: Sequence[np.ndarray], wrong: Sequence[Bits]) -> tuple[np.ndarray, np.ndarray]:
    """Lanes and flips per step and number of ones, each (steps, 6)."""
    lanes, flips = np.zeros((2, len(seen), 6), dtype=np.int64)
    for step, (operands, flipped) in enumerate(zip(seen, wrong, strict=True)):
        lanes[step] = np.bincount(operands.sum(axis=0), minlength=6)
        flips[step] = np.bincount(operands.sum(axis=0)[flipped], minlength=6)
    return lanes, flips


def bits_of(values: Any, bits: int) -> np.ndarray:
    """Integers (lanes,) or (lanes, words) as (columns, lanes) bool, word after word, lowest bit first."""
    table = np.asarray(values).reshape(len(values), -1)
    return np.array([(table[:, w] >> b & 1).astype(bool) for w in range(table.shape[1]) for b in range(bits)])


def integer_of(cells: Mapping[int, Bits], columns: Sequence[int]) -> np.ndarray:
    """The unsigned word that columns hold, least significant first."""
    return sum(cells[column].astype(np.int64) << bit for bit, column in enumerate(columns))


def check_placement(
    before: Sequence[Instruction],
    after: Sequence[Instruction],
    sources_before: Sequence[int],
    sources_after: Sequence[int],
    outputs_before: Sequence[int],
    outputs_after: Sequence[int],
) -> None:
    """Both programs move the same values: every read and every output finds the value that it found before.

    A value is named by who made it. An overwritten live column shows as another maker.
    """
    old = {column: ("source", i) for i, column in enumerate(sources_before)}
    new = {column: ("source", i) for i, column in enumerate(sources_after)}
    assert len(new) == len(sources_after), "sources share a column"
    for step, ((gate, target, reads), (placed_gate, placed_target, placed_reads)) in enumerate(
        zip(before, after, strict=True)
    ):
        assert gate == placed_gate
        assert [old[c] for c in reads] == [new[c] for c in placed_reads], f"step {step} reads another value"
        assert placed_target not in placed_reads
        assert placed_target not in sources_after, f"step {step} writes an operand's cell"
        old[target] = new[placed_target] = ("step", step)
    assert [old[c] for c in outputs_before] == [new[c] for c in outputs_after]


def least_columns(instructions: Sequence[Instruction], sources: int, outputs: Sequence[int]) -> int:
    """Columns that any placement in this order needs where sources keep their cells: most values alive.

    While a gate runs, the values that it or a later gate or output reads are alive, and its own output.
    """
    maker: dict[int, int] = {}
    last: dict[int, int] = {}
    for step, (_, target, reads) in enumerate(instructions):
        for column in reads:
            if column in maker:
                last[maker[column]] = step
        maker[target] = step
    for column in outputs:
        if column in maker:
            last[maker[column]] = len(instructions)
    alive = [
        1 + sum(made < step <= last.get(made, made) for made in range(step))
        for step in range(len(instructions))
    ]
    return sources + max(alive, default=0)


@dataclass
class RandomProgram:
    """A program as plain data."""

    columns: int
    instructions: list[Instruction]
    inputs: dict[str, list[int]]
    outputs: dict[str, list[int]]
    constants: dict[int, int] = field(default_factory=dict)

    def cells(self, values: Mapping[str, np.ndarray], lanes: int) -> dict[int, Bits]:
        """What the columns hold at the start, for integers (lanes,) of each input."""
        cells = {column: np.full(lanes, bool(bit)) for column, bit in self.constants.items()}
        for name, columns in self.inputs.items():
            cells |= dict(zip(columns, bits_of(values[name], len(columns)), strict=True))
        return cells


@st.composite
def programs(draw: st.DrawFn, gates: Sequence[str] = tuple(FAN_IN), max_gates: int = 25) -> RandomProgram:
    """Programs that reuse columns and overwrite inputs; outputs may share columns or be inputs."""
    columns = draw(st.integers(2, 14))
    order = draw(st.permutations(range(columns)))
    num_sources = draw(st.integers(1, columns))
    sources = order[:num_sources]
    num_constants = draw(st.integers(0, min(3, num_sources - 1)))
    constants = {column: draw(st.integers(0, 1)) for column in sources[:num_constants]}
    operands = sources[num_constants:]
    cut = draw(st.integers(1, len(operands)))
    inputs = {"a": operands[:cut]} | ({"b": operands[cut:]} if cut < len(operands) else {})
    live = sorted(sources)
    instructions: list[Instruction] = []
    for _ in range(draw(st.integers(0, max_gates))):
        gate = draw(st.sampled_from([g for g in gates if FAN_IN[g] <= min(len(live), columns - 1)]))
        reads = tuple(draw(st.permutations(live))[: FAN_IN[gate]])
        target = draw(st.sampled_from([c for c in range(columns) if c not in reads]))
        instructions.append((gate, target, reads))
        live = sorted({*live, target})
    word = st.lists(st.sampled_from(live), min_size=1, max_size=6)
    outputs = {"y": draw(word)} | ({"z": draw(word)} if draw(st.booleans()) else {})
    return RandomProgram(columns, instructions, inputs, outputs, constants)
