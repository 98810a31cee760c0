"""A controller's view of a placed program: its text, run step by step; and the fewest preset phases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from oracles.program import FAN_IN, Bits, Instruction, evaluate

PRESET = {gate: int(gate in ("BUF",) or gate.startswith(("AND", "OR", "MAJ"))) for gate in FAN_IN}
"""What a gate's output is preset to: inverting gates start from P (0)."""


def execute(text: str, cells: Mapping[int, Bits], width: int) -> tuple[dict[int, Bits], int, list[int]]:
    """Run the steps of a placed program's text on bool cells.

    A gate must find its output cell preset, in its own preset state, and untouched since; a preset must not
    hit a cell that another preset left waiting. Presets of cells whose value is still wanted show as wrong
    results. Returns the cells at the end, the number of preset lines, and how often each column was preset.
    """
    cells = {column: np.asarray(bits).copy() for column, bits in cells.items()}
    lanes = len(next(iter(cells.values())))
    waiting: dict[int, int] = {}
    phases, presets = 0, [0] * width
    for line in text.splitlines():
        words = line.split()
        if words[0] == "preset":
            phases += 1
            for state, columns in zip(words[1::2], words[2::2], strict=True):
                for column in map(int, columns.split(",")):
                    assert column not in waiting, f"{line}: column {column} is preset already"
                    waiting[column] = ("P", "AP").index(state)
                    cells[column] = np.full(lanes, bool(waiting[column]))
                    presets[column] += 1
            continue
        gate, output, arrow, *reads = words
        assert arrow == "<-"
        assert waiting.pop(int(output)) == PRESET[gate], f"{line}: preset to the other state"
        assert not {int(column) for column in reads} & set(waiting), f"{line}: reads a preset cell"
        cells[int(output)] = evaluate(gate, np.array([cells[int(column)] for column in reads]))
    assert not waiting, f"preset for nothing: {waiting}"
    return cells, phases, presets


def least_phases(
    instructions: Sequence[Instruction], outputs: Sequence[int], cells: int, one_direction: bool
) -> int | None:
    """Fewest preset phases with so many cells for gates, over ALL sets of gates that a phase may preset.

    For programs of a few gates in their order. ``one_direction``: a phase presets gates of one direction.
    None where no schedule exists.
    """
    count = len(instructions)
    maker: dict[int, int] = {}
    last = [-1] * count
    for step, (_, target, reads) in enumerate(instructions):
        for column in reads:
            if column in maker:
                last[maker[column]] = step
        maker[target] = step
    for column in outputs:
        if column in maker:
            last[maker[column]] = count
    best: dict[frozenset[int], int] = {frozenset(): 0}  # gates that are preset and wait -> phases so far
    for step in range(count):
        alive = sum(made < step <= last[made] for made in range(step))
        after: dict[frozenset[int], int] = {}
        frontier = dict(best)
        while frontier:  # any number of phases just before this gate
            following: dict[frozenset[int], int] = {}
            for waiting, phases in frontier.items():
                if phases >= after.get(waiting, count + 1):
                    continue
                after[waiting] = phases
                bare = [g for g in range(step, count) if g not in waiting]
                for direction in (0, 1) if one_direction else (None,):
                    mine = [g for g in bare if direction in (None, PRESET[instructions[g][0]])]
                    for size in range(1, min(len(mine), cells - alive - len(waiting)) + 1):
                        for chosen in combinations(mine, size):
                            bigger = waiting | set(chosen)
                            following[bigger] = min(following.get(bigger, count + 1), phases + 1)
            frontier = following
        best = {waiting - {step}: n for waiting, n in after.items() if step in waiting}
    return min(best.values()) if best else None
