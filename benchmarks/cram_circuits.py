"""Compilation of circuits, against the same wiring gate by gate through the Python builder."""

from __future__ import annotations

from nonideal.benchmarks.harness import Benchmark, Case, Peer

from nonideal.hardware import cram
from nonideal.hardware.cram import circuits

__all__ = ["BENCHMARKS"]


def _rebuild(program: cram.Program) -> cram.Program:
    """Return the same program out of `ProgramBuilder`, whose columns come in the same order."""
    builder = cram.ProgramBuilder()
    column: dict[int, int] = {}
    for port in program.inputs:
        words = builder.input(port.name, port.bits, port.length)
        cells = words if port.length is None else [cell for word in words for cell in word]
        column |= dict(zip(port.columns, cells, strict=True))
    column |= {old: builder.constant(bit) for old, bit in program.constants.items()}
    for gate, target, reads in program.instructions:
        column[target] = builder.gate(gate, *(column[read] for read in reads))
    for port in program.outputs:
        builder.output(port.name, [column[old] for old in port.columns])
    return builder.build()


def _dot(accumulate: str, tiny: bool) -> Case:
    length = 8 if tiny else 784

    def ours() -> cram.Program:
        return circuits.dot(length, 4, 4, accumulate=accumulate)

    program = ours()
    _ = program.instructions  # read once: the peer is timed for building alone

    def check() -> None:
        assert circuits.equivalent(program, _rebuild(program), lanes=4096, seed=1)

    return Case(
        float(program.num_gates), ours, check, {"ProgramBuilder": Peer(lambda: _rebuild(program), goal=10)}
    )


BENCHMARKS = (
    Benchmark("dot-784-tree", "cram", "gates", lambda tiny: _dot("tree", tiny)),
    Benchmark("dot-784-csa", "cram", "gates", lambda tiny: _dot("csa", tiny)),
)
