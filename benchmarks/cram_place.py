"""Placement of a long program, against the same linear scan in plain Python."""

from __future__ import annotations

import heapq
from collections.abc import Callable

from nonideal.benchmarks.harness import Benchmark, Case, Peer

from nonideal.hardware import cram
from nonideal.hardware.cram import circuits

__all__ = ["BENCHMARKS"]


Instruction = tuple[str, int, tuple[int, ...]]


def _linear_scan(program: cram.Program) -> tuple[int, list[Instruction]]:
    """Place gates one after the other, each in the lowest free column; return width and instructions."""
    last: dict[int, int] = {}
    maker: dict[int, int] = {}
    for step, (_, target, sources) in enumerate(program.instructions):
        for column in sources:
            if column in maker:
                last[maker[column]] = step
        maker[target] = step
    kept = {maker[c] for port in program.outputs for c in port.columns if c in maker}
    kept_cells = [c for port in program.inputs for c in port.columns] + list(program.constants)
    cells = {column: cell for cell, column in enumerate(kept_cells)}
    used = len(kept_cells)
    placed: list[Instruction] = []
    free: list[int] = []
    expires: dict[int, list[int]] = {}
    for step, (gate, target, reads) in enumerate(program.instructions):
        operands = tuple(cells[column] for column in reads)
        if free:
            cell = heapq.heappop(free)
        else:
            cell, used = used, used + 1
        cells[target] = cell
        placed.append((gate, cell, operands))
        if step not in kept:
            expires.setdefault(last.get(step, step), []).append(cell)
        for expired in expires.pop(step, ()):
            heapq.heappush(free, expired)
    return used, placed


def _place(presets: str, goal: float | None) -> Callable[[bool], Case]:
    def prepare(tiny: bool) -> Case:
        program = circuits.dot(16 if tiny else 784, 4, 4)
        array = cram.Array(columns=8192)
        assert len(program.instructions) == program.num_gates  # made once: the peer is not charged for it

        def ours() -> cram.Placement:
            return cram.place(program, array, presets=presets)

        def check() -> None:
            width, placed = _linear_scan(program)
            scanned = cram.place(program, array)
            assert (scanned.columns_used, list(scanned.program.instructions)) == (width, placed)
            assert (ours().preset_phases < program.num_gates / 50) == (presets == "ganged")

        peers = {"python scan": Peer(lambda: _linear_scan(program), goal=goal)}
        return Case(float(program.num_gates), ours, check, peers)

    return prepare


BENCHMARKS = (
    Benchmark("place-784", "cram", "gate", _place("per_gate", 5)),
    Benchmark("place-784-ganged", "cram", "gate", _place("ganged", 5)),
)
