"""Exact error statistics of small programs by enumeration of every set of wrong gates, one lane at a time.

A table of errors maps a gate to P(output wrong | k inputs are 1), k = 0 .. fan_in. Programs are plain data,
as in `oracles.program`; words are unsigned, least significant bit first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product

import numpy as np

from oracles.program import Instruction, evaluate

Errors = Mapping[str, Sequence[float]]


def run(instructions: Sequence[Instruction], cells: Mapping[int, int], wrong: Sequence[int]):
    """One lane with the given gates wrong (1): the cells at the end, and the ones that each gate saw."""
    cells = dict(cells)
    ones = []
    for flip, (gate, output, sources) in zip(wrong, instructions, strict=True):
        operands = np.array([[cells[column]] for column in sources], dtype=bool)
        ones.append(int(operands.sum()))
        cells[output] = int(evaluate(gate, operands)[0]) ^ flip
    return cells, ones


def outcomes(
    instructions: Sequence[Instruction], cells: Mapping[int, int], errors: Errors
) -> Iterator[tuple[dict[int, int], float]]:
    """Cells and probability for all 2^gates sets of wrong gates."""
    for wrong in product((0, 1), repeat=len(instructions)):
        result, ones = run(instructions, cells, wrong)
        probability = 1.0
        for flip, k, (gate, _, _) in zip(wrong, ones, instructions, strict=True):
            probability *= errors[gate][k] if flip else 1 - errors[gate][k]
        yield result, probability


def word(cells: Mapping[int, int], columns: Sequence[int], signed: bool = False) -> int:
    """The word that columns hold."""
    value = sum(cells[column] << i for i, column in enumerate(columns))
    return value - (1 << len(columns)) if signed and cells[columns[-1]] else value


def distribution(instructions, cells, errors, outputs) -> dict[tuple[int, ...], float]:
    """Joint pmf of the words that ``outputs`` (a list of columns each) hold."""
    pmf: dict[tuple[int, ...], float] = defaultdict(float)
    for result, probability in outcomes(instructions, cells, errors):
        pmf[tuple(word(result, columns) for columns in outputs)] += probability
    return pmf


def metrics(instructions, inputs, constants, errors, columns, signed=False) -> dict[str, object]:
    """Expectations over all values of the input columns; one formula each."""
    total = defaultdict(float)
    bits, relative = np.zeros(len(columns)), []
    worst = 0
    lanes = list(product((0, 1), repeat=len(inputs)))
    for values in lanes:
        cells = dict(zip(inputs, values, strict=True)) | dict(constants)
        exact = word(run(instructions, cells, [0] * len(instructions))[0], columns, signed)
        expected = 0.0
        for result, probability in outcomes(instructions, cells, errors):
            y = word(result, columns, signed)
            share = probability / len(lanes)
            total["error_rate"] += share * (y != exact)
            total["bias"] += share * (y - exact)
            total["mean_error_distance"] += share * abs(y - exact)
            total["mean_squared_error"] += share * (y - exact) ** 2
            bits += share * np.array([(y ^ exact) >> i & 1 for i in range(len(columns))])
            expected += probability * abs(y - exact)
            worst = max(worst, abs(y - exact) if probability > 0 else 0)
        if exact:
            relative.append(expected / abs(exact))
    return dict(total) | {
        "bit_error_rate": bits,
        "worst_error_distance": worst,
        "mean_relative_error_distance": np.mean(relative) if relative else None,
    }


def stratum(instructions, inputs, constants, accept: Errors, columns, faults: int) -> dict[str, float]:
    """Expectations given candidate faults in a uniformly drawn set of ``faults`` gates, over all inputs.

    A candidate in a gate that sees k ones happens with probability ``accept[gate][k]``.
    """
    total = defaultdict(float)
    able = [i for i, (gate, _, _) in enumerate(instructions) if max(accept[gate]) > 0]
    sets = list(combinations(able, faults))
    lanes = list(product((0, 1), repeat=len(inputs)))
    for values in lanes:
        cells = dict(zip(inputs, values, strict=True)) | dict(constants)
        exact = word(run(instructions, cells, [0] * len(instructions))[0], columns)
        for chosen in sets:
            for happens in product((0, 1), repeat=faults):
                wrong = [0] * len(instructions)
                for gate, flip in zip(chosen, happens, strict=True):
                    wrong[gate] = flip
                result, ones = run(instructions, cells, wrong)
                share = 1.0 / len(sets) / len(lanes)
                for gate, flip in zip(chosen, happens, strict=True):
                    a = accept[instructions[gate][0]][ones[gate]]
                    share *= a if flip else 1 - a
                error = word(result, columns) - exact
                total["error_rate"] += share * (error != 0)
                total["mean_error_distance"] += share * abs(error)
                total["mean_squared_error"] += share * error**2
    return dict(total)
