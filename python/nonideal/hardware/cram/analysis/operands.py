"""The inputs over which errors are averaged, as bit planes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nonideal import _core
from nonideal.checks import check_threads
from nonideal.errors import InvalidArgument
from nonideal.hardware.cram.planes import BitPlanes, counting_planes, pack, port_planes
from nonideal.hardware.cram.program import Program
from nonideal.hardware.cram.simulation import given_operands

__all__ = [
    "check_inputs",
    "exhaustive_lanes",
    "exhaustive_operands",
    "given_operands",
    "input_bits",
    "repeated",
    "uniform_operands",
]

_MAX_EXHAUSTIVE_BITS = 24


def check_inputs(inputs: object) -> None:
    """Refuse what is neither a mapping nor one of the two words."""
    if not isinstance(inputs, Mapping) and inputs not in ("uniform", "exhaustive"):
        raise InvalidArgument(f"inputs = {inputs!r} is not one of uniform, exhaustive, nor a mapping")


def input_bits(program: Program) -> int:
    """Return the number of input columns."""
    return sum(len(port.columns) for port in program.inputs)


def exhaustive_lanes(program: Program) -> int:
    """Return how many different inputs there are; refuse more than 2^24."""
    bits = input_bits(program)
    if bits > _MAX_EXHAUSTIVE_BITS:
        raise InvalidArgument(
            f"inputs = 'exhaustive': {bits} input bits are more than {_MAX_EXHAUSTIVE_BITS}"
        )
    return 1 << bits


def exhaustive_operands(program: Program, lanes: int) -> list[BitPlanes]:
    """Return all combinations, again and again."""
    return port_planes(program.inputs, counting_planes(input_bits(program), lanes), lanes)


def uniform_operands(
    program: Program,
    lanes: int,
    seed: int,
    *,
    stream: int = 0,
    first_lane: int = 0,
    num_threads: int | None = None,
) -> list[BitPlanes]:
    """Return independent fair bits."""
    threads = check_threads(num_threads)
    words = _core.cram.uniform_planes(seed, stream, first_lane, lanes, input_bits(program), threads)
    return port_planes(program.inputs, words, lanes)


def repeated(program: Program, operands: list[BitPlanes], lanes: int) -> list[BitPlanes]:
    """Return given operands again and again, on ``lanes`` lanes."""
    result = []
    for port, planes in zip(program.inputs, operands, strict=True):
        given, entries = planes.lanes, planes.entries or planes.lanes
        if planes.repeat != 1 or entries != given:
            words = planes.unpack(port.bits).reshape(entries, -1)
            planes = pack(words[np.arange(given) // planes.repeat % entries], port.bits)
        result.append(BitPlanes(planes.words, lanes, entries=given))
    return result
