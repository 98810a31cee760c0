"""Compiling other descriptions into programs: gates made per second.

The peer adds the same gates to a `ProgramBuilder`, one call each: what remains when nothing has to be read,
found or decided. The goals are an interactive tool's: a netlist of ten thousand gates in a fifth of a second.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from nonideal.benchmarks.harness import Benchmark, Case, Peer

from nonideal.hardware import cram
from nonideal.hardware.cram import circuits

__all__ = ["BENCHMARKS"]


def _replay(program: cram.Program) -> Callable[[], cram.Program]:
    """Return what builds the same program, which has no constants, again."""
    instructions = program.instructions

    def replay() -> cram.Program:
        builder = cram.ProgramBuilder()
        for port in program.inputs:
            builder.input(port.name, port.bits)
        for gate, _, reads in instructions:
            builder.gate(gate, *reads)
        for port in program.outputs:
            builder.output(port.name, port.columns)
        return builder.build()

    return replay


def _case(compile_it: Callable[[], cram.Program], check: Callable[[cram.Program], None]) -> Case:
    program = compile_it()
    replay = _replay(program)

    def checked() -> None:
        check(program)
        assert replay() == program

    return Case(float(program.num_gates), compile_it, checked, {"ProgramBuilder": Peer(replay)})


def _netlist(tiny: bool) -> Case:
    original = circuits.dot(2 if tiny else 64, 4, 4)
    text = circuits.to_blif(original)

    def check(program: cram.Program) -> None:
        assert circuits.equivalent(original, program, lanes=1 << 12, seed=1)
        assert program.gate_counts == original.gate_counts

    return _case(lambda: circuits.from_blif(text), check)


def _table(tiny: bool) -> Case:
    bits = 3 if tiny else 6
    x = np.arange(1 << 2 * bits)
    table = (x & (1 << bits) - 1) * (x >> bits)

    def check(program: cram.Program) -> None:
        np.testing.assert_array_equal(cram.simulate(program, {"x": x})["y"], table)

    return _case(lambda: circuits.from_truth_table(table), check)


def _function(tiny: bool) -> Case:
    bits = 4 if tiny else 31

    def check(program: cram.Program) -> None:
        assert circuits.equivalent(circuits.multiplier(bits), program, lanes=1 << 12, seed=1)

    return _case(lambda: circuits.trace(lambda a, b: {"product": a * b}, a=bits, b=bits), check)


BENCHMARKS = (
    Benchmark("from-blif", "cram", "gates", _netlist, floor=5e4, note="the netlist of dot(64, 4, 4)"),
    Benchmark(
        "from-truth-table", "cram", "gates", _table, floor=1e5, note="the product of two words of 6 bits"
    ),
    Benchmark("trace", "cram", "gates", _function, floor=1e5, note="the product of two words of 31 bits"),
)
