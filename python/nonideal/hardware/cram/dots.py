"""The dot product that every lane of a layer runs: in one row, over several rows, or summed up outside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from nonideal import _core
from nonideal.checks import check_choice
from nonideal.errors import InvalidArgument
from nonideal.hardware.cram import circuits
from nonideal.hardware.cram.accounting import Cost, cost
from nonideal.hardware.cram.library import GateLibrary
from nonideal.hardware.cram.placement import Array, Placement, place
from nonideal.hardware.cram.planes import BitPlanes
from nonideal.hardware.cram.program import Program
from nonideal.hardware.cram.simulation import Activity, simulate
from nonideal.hardware.cram.split import (
    SplitDot,
    SplitResult,
    SplitStage,
    count_activity,
    make_stage,
    split_dot,
    stage_cost,
    take_words,
)
from nonideal.seeds import resolve_seed

__all__ = [
    "ACCUMULATE",
    "Dot",
    "DotActivity",
    "HybridDot",
    "add_activity",
    "count_gates",
    "dot_area",
    "dot_cost",
    "longest",
    "map_dot",
    "results_per_lane",
    "run_dot",
]

ACCUMULATE = tuple(_core.cram.Accumulate.__members__)
"""How products are added: in the array, or (hybrid) exactly, in CMOS logic beside it."""


@dataclass(frozen=True, eq=False)
class HybridDot:
    """Products in the array, gate by gate; their sum in exact logic beside it.

    Source of the idea: CRAM-ER, arXiv 2606.02781 (2026), abstract.

    Parameters
    ----------
    length, bits_x, bits_w : int
        Number of terms and widths of their factors.
    array : Array
        Where its rows lie.
    stage : SplitStage
        The rows that a lane's products take: as few as the columns allow.
    """

    length: int
    bits_x: int
    bits_w: int
    array: Array
    stage: SplitStage

    @property
    def stages(self) -> tuple[SplitStage, ...]:
        """The one stage."""
        return (self.stage,)

    def simulate(
        self,
        x: BitPlanes,
        w: BitPlanes,
        gates: GateLibrary | None = None,
        *,
        seed: int | None = None,
        first_lane: int = 0,
        activity: bool = False,
        num_threads: int | None = None,
    ) -> SplitResult:
        """Run the products of all rows and add them up; as `SplitDot.simulate`."""
        seed = resolve_seed(seed)
        words = {"x": x, "w": w}
        values = np.zeros(x.lanes, dtype=np.int64)
        counts: dict[int, Activity] = {}
        for number, part in enumerate(self.stage.parts):
            program = self.stage.placement(part).program
            run = simulate(
                program,
                {port.name: take_words(words[port.name], part, port.bits) for port in program.inputs},
                gates,
                seed=seed,
                first_lane=first_lane,
                stream=number,
                activity=activity,
                num_threads=num_threads,
            )
            values += run["products"].sum(axis=1)
            count_activity(counts, part.stop - part.start, run)
        return SplitResult(values, seed, x.lanes, (counts,) if activity else None)

    def cost(
        self,
        gates: GateLibrary,
        *,
        lanes: int = 1,
        activity: tuple[Mapping[int, Activity], ...] | None = None,
    ) -> Cost:
        """Return energy, latency and area of the rows; the exact logic beside them is not counted."""
        total = stage_cost(self.stage, gates, lanes, None if activity is None else activity[0])
        return replace(total, lanes=lanes, neglected=(*total.neglected, "exact_sum"))


Dot: TypeAlias = Placement | SplitDot | HybridDot
DotActivity: TypeAlias = Activity | tuple[Mapping[int, Activity], ...]


@lru_cache(maxsize=64)
def map_dot(length: int, bits_x: int, bits_w: int, accumulate: str, full_adder: str, array: Array) -> Dot:
    """Return a dot product on an array: in one row where it fits, else over several."""
    check_choice("accumulate", accumulate, ACCUMULATE)
    if accumulate == "hybrid":

        def products(terms: int) -> Program:
            return circuits.products(terms, bits_x, bits_w, full_adder=full_adder)

        return HybridDot(
            length, bits_x, bits_w, array, make_stage("chunk", length, 1, products, array, "per_gate")
        )
    operands = length * (bits_x + bits_w)
    if operands < array.columns:  # else there is no need to try
        program = circuits.dot(length, bits_x, bits_w, accumulate=accumulate, full_adder=full_adder)
        try:
            return place(program, array)
        except InvalidArgument:  # too wide
            pass
    return split_dot(length, bits_x, bits_w, array, accumulate=accumulate, full_adder=full_adder)


def run_dot(
    dot: Dot,
    x: BitPlanes,
    w: BitPlanes,
    gates: GateLibrary | None,
    *,
    seed: int | None,
    first_lane: int,
    activity: bool,
    num_threads: int | None,
) -> tuple[npt.NDArray[np.int64], DotActivity | None]:
    """Return the dot products of lanes, (lanes,) int64, and counts where they are asked for."""
    options: dict[str, Any] = {
        "seed": seed,
        "first_lane": first_lane,
        "activity": activity,
        "num_threads": num_threads,
    }
    if isinstance(dot, Placement):
        run = simulate(dot.program, {"x": x, "w": w}, gates, **options)
        return run["y"], run.activity
    parts = dot.simulate(x, w, gates, **options)
    return parts.values, parts.activity


def dot_cost(dot: Dot, gates: GateLibrary, lanes: int, activity: Any) -> Cost:
    """Return what running a dot product in some lanes costs."""
    if isinstance(dot, Placement):
        return cost(dot, gates, lanes=lanes, activity=activity)
    return dot.cost(gates, lanes=lanes, activity=activity)


def dot_area(dot: Dot, lanes: int) -> tuple[int, float]:
    """Return how many arrays hold some lanes and how much of them is used, in the stage that has most."""
    stages = (
        [{dot: 1}]
        if isinstance(dot, Placement)
        else [{p: stage.rows(length) for length, p in stage.placements.items()} for stage in dot.stages]
    )
    cells = dot.array.rows * dot.array.columns
    areas = []
    for stage in stages:
        arrays = sum(-(-lanes * rows // dot.array.rows) for rows in stage.values())
        used = sum(lanes * rows * placement.columns_used for placement, rows in stage.items())
        areas.append((arrays, used / (arrays * cells) if arrays else 0.0))
    return max(areas, key=lambda area: area[0])


def results_per_lane(dot: Dot) -> int:
    """Return how many integers a lane gives at the same time."""
    return max(dot.stage.placements) if isinstance(dot, HybridDot) else 1


def longest(dot: Dot) -> Placement:
    """Return the placement of the widest piece of a dot product."""
    if isinstance(dot, Placement):
        return dot
    placements = [p for stage in dot.stages for p in stage.placements.values()]
    return max(placements, key=lambda placement: placement.columns_used)


def count_gates(dot: Dot) -> Counter[str]:
    """Return the gates of one dot product by name, those of all its rows."""
    if isinstance(dot, Placement):
        return Counter(dot.program.gate_counts)
    counts: Counter[str] = Counter()
    for stage in dot.stages:
        for length, placement in stage.placements.items():
            for name, number in placement.program.gate_counts.items():
                counts[name] += stage.rows(length) * number
    return counts


def add_activity(one: Any, other: Any) -> Any:
    """Return the counts of two runs of the same dot product together; None stands for no run."""
    if one is None or other is None:
        return other if one is None else one
    if isinstance(one, Activity):
        return one + other
    return tuple(
        {length: add_activity(stage[length], more[length]) for length in stage}
        for stage, more in zip(one, other, strict=True)
    )
