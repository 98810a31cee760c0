"""Wear of cells, recounted cell by cell."""

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal.errors import InvalidArgument
from nonideal.hardware import cram
from nonideal.hardware.cram import circuits
from oracles import program as oracle


def recount(placement, lanes, arrays):
    """Write cycles of every cell of every array, lane after lane."""
    array = placement.array
    cells = np.zeros((arrays * array.rows, array.columns), dtype=np.int64)
    program = placement.program
    loaded = [column for port in program.inputs for column in port.columns] + list(program.constants)
    for lane in range(lanes):
        row = cells[lane % len(cells)]
        for column in loaded:
            row[column] += 1
        for _, output, _ in program.instructions:
            row[output] += 1
    return cells


@settings(deadline=None, derandomize=True, max_examples=80)
@given(
    oracle.programs(max_gates=20),
    st.integers(0, 40), st.integers(1, 3), st.integers(1, 6), st.integers(0, 4),
    st.sampled_from(["lowest", "level"]), st.sampled_from(["per_gate", "ganged"]),
)  # fmt: skip
def test_the_histogram_counts_every_cell(p, lanes, arrays, rows, extra, allocate, presets):
    program = cram.Program(p.columns, p.instructions, p.inputs, p.outputs, p.constants)
    array = cram.Array(rows=rows, columns=cram.place(program).columns_used + extra)
    placement = cram.place(program, array, allocate=allocate, presets=presets)
    cells = recount(placement, lanes, arrays)
    wear = cram.endurance(placement, lanes=lanes, arrays=arrays)
    assert dict(zip(wear.writes.tolist(), wear.cells.tolist(), strict=True)) == Counter(
        cells.ravel().tolist()
    )
    np.testing.assert_array_equal(wear.row_writes, recount(placement, 1, 1)[0])
    assert wear.most == cells.max()
    assert wear.mean == pytest.approx(cells.mean())
    assert wear.runs == -(-lanes // (arrays * rows))
    if cells.any():
        assert wear.imbalance == pytest.approx(cells.max() / cells.mean())
    enough = cram.endurance(placement, lanes=lanes)
    assert enough.arrays == max(1, -(-lanes // rows))
    assert enough.runs == min(lanes, 1)


def test_levelling_spreads_the_writes():
    """dot(64, 4, 4) in 1024 columns: the cell that wears most is written 2353 times a run, levelled 26."""
    program = circuits.dot(64, 4, 4)
    most = {
        allocate: cram.endurance(cram.place(program, allocate=allocate)).most
        for allocate in ("lowest", "level")
    }
    assert most["lowest"] > 2000
    free = 1024 - 512
    assert most["level"] <= 1.1 * np.ceil(12733 / free)


def test_lifetime():
    placement = cram.place(circuits.multiplier(8), cram.Array(rows=100, columns=64))
    wear = cram.endurance(placement, lanes=250, arrays=1)
    assert (wear.runs, wear.most) == (3, 3 * 120)
    assert wear.workloads == pytest.approx(1e12 / 360)
    assert wear.lifetime(4e-6) == pytest.approx(1e12 / 120 * 4e-6)
    assert wear.endurance_source == "assumed"
    own = cram.endurance(placement, lanes=250, arrays=1, endurance_cycles=1e15)
    assert (own.endurance_cycles, own.endurance_source) == (1e15, "given")
    assert own.workloads == pytest.approx(1000 * wear.workloads)


def test_nothing_wears_without_writes():
    wear = cram.endurance(cram.place(circuits.adder(2)), lanes=0)
    assert (wear.most, wear.mean, wear.imbalance, wear.workloads) == (0, 0.0, 1.0, np.inf)


PLACED = cram.place(circuits.adder(2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cram.endurance(circuits.adder(2)), "placement: Program is not a Placement"),
        (lambda: cram.endurance(PLACED, lanes=-1), "lanes = -1 is below 0"),
        (lambda: cram.endurance(PLACED, arrays=0), "arrays = 0 is below 1"),
        (lambda: cram.endurance(PLACED, endurance_cycles=0), "endurance_cycles = 0 is not > 0"),
        (lambda: cram.endurance(PLACED, endurance_cycles=np.nan), "endurance_cycles = nan is not finite"),
        (lambda: cram.endurance(PLACED).lifetime(0.0), "latency = 0.0 is not > 0"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidArgument, match=f"^{re.escape(message)}$"):
        call()
