"""How often the cells of an array are written, and how long they last."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nonideal.checks import check_integer, check_positive
from nonideal.errors import InvalidArgument
from nonideal.hardware.cram.placement import Placement

__all__ = ["ENDURANCE_CYCLES", "Endurance", "endurance"]

ENDURANCE_CYCLES = 1e12
"""Write cycles that a cell survives. Assumed: no source for these devices; give your own."""


@dataclass(frozen=True, eq=False)
class Endurance:
    """How a workload wears the cells of its arrays.

    Parameters
    ----------
    row_writes : (array.columns,) int64
        Write cycles of each cell of a row in one run: an operand or constant that is loaded, or a preset
        with the gate that follows.
    writes : (n,) int64
        The different numbers of write cycles that cells of the arrays see in the whole workload, ascending.
    cells : (n,) int64
        How many cells see each: the histogram.
    lanes, arrays, runs : int
        The workload: so many lanes, in so many arrays, which run the program so many times.
    endurance_cycles : float
        Write cycles that a cell survives.
    endurance_source : str
        ``"assumed"`` where the number is our default, else ``"given"``.
    """

    row_writes: npt.NDArray[np.int64]
    writes: npt.NDArray[np.int64]
    cells: npt.NDArray[np.int64]
    lanes: int
    arrays: int
    runs: int
    endurance_cycles: float
    endurance_source: str

    @property
    def most(self) -> int:
        """Write cycles of the cell that wears most."""
        return int(self.writes[-1])

    @property
    def mean(self) -> float:
        """Write cycles, averaged over all cells of the arrays."""
        return float(self.writes @ self.cells) / float(self.cells.sum())

    @property
    def imbalance(self) -> float:
        """``most / mean``: 1 where all cells wear alike; how much longer the arrays could last."""
        return self.most / self.mean if self.most else 1.0

    @property
    def workloads(self) -> float:
        """How often the workload can run until the first cell has had its cycles; inf without writes."""
        return self.endurance_cycles / self.most if self.most else np.inf

    def lifetime(self, latency: float) -> float:
        """Return the time until the first cell has had its cycles, in second, if the arrays never rest.

        Parameters
        ----------
        latency : float
            Of one run, second: ``Cost.latency``.
        """
        return self.workloads * self.runs * check_positive("latency", latency)


def endurance(
    placement: Placement,
    *,
    lanes: int = 1,
    arrays: int | None = None,
    endurance_cycles: float | None = None,
) -> Endurance:
    """Count the write cycles of every cell while ``lanes`` lanes run.

    Lanes fill the arrays' rows in order, and start again in the first row when all rows are used.

    Parameters
    ----------
    placement : Placement
        What every lane runs; ``place(..., allocate="level")`` spreads the writes over a row.
    lanes : int
        Number of lanes.
    arrays : int or None
        How many arrays there are; None: as many as hold all lanes at once (at least one).
    endurance_cycles : float or None
        Write cycles that a cell survives; None for `ENDURANCE_CYCLES`, 1e12 (assumed).

    Raises
    ------
    InvalidArgument
        If a number is out of range.

    Examples
    --------
    >>> from nonideal.hardware import cram
    >>> from nonideal.hardware.cram import circuits
    >>> array = cram.Array(rows=256, columns=256)
    >>> for allocate in ("lowest", "level"):
    ...     placement = cram.place(circuits.multiplier(8), array, allocate=allocate)
    ...     wear = cram.endurance(placement, lanes=10_000, arrays=1)
    ...     print(wear.most, f"{wear.imbalance:.3g}", f"{wear.workloads:.3g}")
    4800 51.1 2.08e+08
    120 1.28 8.33e+09
    """
    if not isinstance(placement, Placement):
        raise InvalidArgument(f"placement: {type(placement).__name__} is not a Placement")
    lanes = check_integer("lanes", lanes, 0)
    rows = placement.array.rows
    count = max(-(-lanes // rows), 1) if arrays is None else check_integer("arrays", arrays, 1)
    cycles = check_positive(
        "endurance_cycles", ENDURANCE_CYCLES if endurance_cycles is None else endurance_cycles
    )
    program = placement.program
    row_writes = np.zeros(placement.array.columns, dtype=np.int64)
    row_writes[: placement.columns_used] = placement.cell_writes
    loaded = [column for port in program.inputs for column in port.columns] + list(program.constants)
    row_writes[loaded] += 1
    per_row, columns = np.unique(row_writes, return_counts=True)
    runs, more = divmod(lanes, count * rows)  # `more` rows run once more than the others
    writes = np.concatenate([per_row * (runs + 1), per_row * runs])
    cells = np.concatenate([columns * more, columns * (count * rows - more)])
    distinct, place = np.unique(writes[cells > 0], return_inverse=True)
    histogram = np.bincount(place, weights=cells[cells > 0]).astype(np.int64)
    return Endurance(
        row_writes,
        distinct,
        histogram,
        lanes,
        count,
        -(-lanes // (count * rows)),
        cycles,
        "assumed" if endurance_cycles is None else "given",
    )
