"""Dot products that are too wide for one row: cut into chunks, whose partial sums are moved and added.

A row holds as many terms as its columns allow. Every chunk of terms runs in a row of its own; its partial sum
is read out and written into another row, where an adder tree sums up. Where the partial sums are too many for
a row, they are summed up in several stages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from nonideal import _core
from nonideal.checks import check_choice, check_int32, check_integer
from nonideal.errors import InvalidArgument
from nonideal.hardware.cram import circuits
from nonideal.hardware.cram.accounting import Cost, cost
from nonideal.hardware.cram.library import GateLibrary
from nonideal.hardware.cram.placement import Array, Placement, check_array, place
from nonideal.hardware.cram.planes import BitPlanes, integer_array, pack_port
from nonideal.hardware.cram.program import Program, ProgramBuilder
from nonideal.hardware.cram.simulation import Activity, SimulationResult, simulate
from nonideal.seeds import resolve_seed

__all__ = ["SplitDot", "SplitResult", "SplitStage", "split_dot"]


@dataclass(frozen=True, eq=False)
class SplitStage:
    """Rows that work at the same time: each reads some of the stage's words and leaves one.

    Parameters
    ----------
    parts : tuple of slice
        Which words (of the terms, or of the stage before) each row reads; their lengths differ by one at
        most.
    placements : mapping of int to Placement
        What the rows run, by the length of their part.
    """

    parts: tuple[slice, ...]
    placements: Mapping[int, Placement]

    def placement(self, part: slice) -> Placement:
        """Return what the row of a part runs."""
        return self.placements[part.stop - part.start]

    def rows(self, length: int) -> int:
        """Return how many parts of a lane have this length."""
        return sum(part.stop - part.start == length for part in self.parts)


@dataclass(frozen=True, eq=False)
class SplitResult:
    """What a run of a `SplitDot` gave.

    Parameters
    ----------
    values : (lanes,) int64, or BitPlanes
        The dot products.
    seed, lanes : int
        The seed that was used; number of lanes.
    activity : tuple, or None
        Per stage, part length -> `Activity` of all parts of that length, where it was asked for.
    """

    values: Any
    seed: int
    lanes: int
    activity: tuple[Mapping[int, Activity], ...] | None


@dataclass(frozen=True, eq=False)
class SplitDot:
    """A dot product over several rows; made by `split_dot`.

    Parameters
    ----------
    length, bits_x, bits_w : int
        Number of terms and widths of their factors.
    array : Array
        Where its rows lie.
    stages : tuple of SplitStage
        Dot products of chunks first, then sums of what the stage before left; the last one has one part.
    """

    length: int
    bits_x: int
    bits_w: int
    array: Array
    stages: tuple[SplitStage, ...]

    @property
    def chunks(self) -> tuple[slice, ...]:
        """The terms of each chunk."""
        return self.stages[0].parts

    @property
    def partial(self) -> tuple[Placement, ...]:
        """The dot products of chunks: one placement for each distinct length, the longest first."""
        return tuple(self.stages[0].placements.values())

    @property
    def combine(self) -> Placement | None:
        """What makes the last sum; None where one chunk holds all terms."""
        return None if len(self.stages) == 1 else self.stages[-1].placement(self.stages[-1].parts[0])

    def run(
        self,
        x: Any,
        w: Any,
        gates: GateLibrary | None = None,
        *,
        seed: int | None = None,
        first_lane: int = 0,
        stream: int = 0,
        num_threads: int | None = None,
    ) -> npt.NDArray[np.int64]:
        """Return the dot products, (lanes,) int64; as `simulate` without its extras.

        A seed that is drawn is not reported: give one to repeat the result.
        """
        values: npt.NDArray[np.int64] = self.simulate(
            x, w, gates, seed=seed, first_lane=first_lane, stream=stream, num_threads=num_threads
        ).values
        return values

    def simulate(
        self,
        x: Any,
        w: Any,
        gates: GateLibrary | None = None,
        *,
        seed: int | None = None,
        first_lane: int = 0,
        stream: int = 0,
        activity: bool = False,
        outputs: str = "integers",
        num_threads: int | None = None,
    ) -> SplitResult:
        """Run all chunks, move their partial sums, and add them, gate by gate.

        Parameters
        ----------
        x, w : (lanes, length) integers, or BitPlanes
            Unsigned factors. Planes have ``length * bits`` rows and are read without a copy.
        gates : GateLibrary or None
            Error probabilities; None for ideal gates. Moved bits arrive as they were stored.
        seed, first_lane, num_threads
            As in `nonideal.hardware.cram.simulate`.
        stream : int
            Independent runs of one seed, in [0, 2^32 / number of parts): part p of all stages draws from
            stream ``stream * parts + p`` of `nonideal.hardware.cram.simulate`.
        activity : bool
            Count lanes and wrong outputs.
        outputs : str
            ``"integers"`` or ``"planes"``.

        Raises
        ------
        InvalidArgument
            As `nonideal.hardware.cram.simulate`.
        """
        check_choice("outputs", outputs, ("integers", "planes"))
        stream = check_integer("stream", stream, 0, 32)
        words = {
            "x": operand_planes("x", x, self.length, self.bits_x, num_threads),
            "w": operand_planes("w", w, self.length, self.bits_w, num_threads),
        }
        if words["x"].lanes != words["w"].lanes:
            raise InvalidArgument(f"w has {words['w'].lanes} lanes, x has {words['x'].lanes}")
        lanes = words["x"].lanes
        seed = resolve_seed(seed)
        number = stream * sum(len(stage.parts) for stage in self.stages)
        seen: list[dict[int, Activity]] = []
        for stage in self.stages:
            results: list[BitPlanes] = []
            counts: dict[int, Activity] = {}
            for part in stage.parts:
                program = stage.placement(part).program
                run = simulate(
                    program,
                    {port.name: take_words(words[port.name], part, port.bits) for port in program.inputs},
                    gates,
                    seed=seed,
                    first_lane=first_lane,
                    stream=number,
                    activity=activity,
                    outputs="planes",
                    num_threads=num_threads,
                )
                number += 1
                results.append(run["y"])
                count_activity(counts, part.stop - part.start, run)
            seen.append(counts)
            words = {"y": _moved(results, lanes)}
        planes = words["y"]
        bits = len(planes.words)
        values = planes if outputs == "planes" else planes.unpack(bits, num_threads=num_threads)
        return SplitResult(values, seed, lanes, tuple(seen) if activity else None)

    def cost(
        self,
        gates: GateLibrary,
        *,
        lanes: int = 1,
        activity: tuple[Mapping[int, Activity], ...] | None = None,
    ) -> Cost:
        """Return energy, latency and area, the movement of partial sums included.

        Parts of a stage run at the same time, each length in arrays of its own (their rows run other
        programs); stages follow each other and use the same arrays again. Between two stages every partial
        sum is read from its row and written into the row that adds it: cells count with the array's
        ``read_energy`` and ``write_energy``, accesses as steps, one row after the other in an array, all
        arrays at once, reads before writes. An access takes as long as any step (assumed).

        Parameters
        ----------
        gates : GateLibrary
            Calibrated on a device.
        lanes : int
            Number of dot products.
        activity : tuple or None
            From ``simulate(..., activity=True)``; None: uniform inputs.

        Returns
        -------
        Cost
            ``gates``, ``presets``, ``reads`` and ``writes`` per lane, of all its rows; ``preset_phases``,
            ``steps`` and ``latency`` of the longest path; ``arrays`` and ``utilization`` of the stage that
            has most; ``columns`` of the widest.
        """
        lanes = check_integer("lanes", lanes, 0)
        if activity is not None and len(activity) != len(self.stages):
            raise InvalidArgument(f"activity: {len(activity)} stages, but there are {len(self.stages)}")
        stages = [
            stage_cost(stage, gates, lanes, None if activity is None else activity[i])
            for i, stage in enumerate(self.stages)
        ]
        total = reduce(_after, stages)
        mtj = gates.mtj
        assert mtj is not None  # cost refuses such a library
        step = mtj.pulse_duration + self.array.cycle_time
        memory_steps, moved, accesses = 0, 0.0, 0
        for (before, sources), (after, targets) in pairwise(zip(self.stages, stages, strict=True)):
            reads = max(min(lanes * before.rows(n), self.array.rows) for n in before.placements)
            writes = max(n * min(lanes * after.rows(n), self.array.rows) for n in after.placements)
            memory_steps += reads + writes
            accesses += reads * sources.arrays + writes * targets.arrays
            moved += sources.reads * self.array.read_energy + targets.writes * self.array.write_energy
        return replace(
            total,
            steps=total.steps + memory_steps,
            memory_steps=memory_steps,
            latency=(total.steps + memory_steps) * step,
            # A part's results and operands are counted in its own periphery, too.
            energy_periphery=total.energy_periphery - lanes * moved,
            energy_movement=lanes * moved + accesses * self.array.step_energy,
            lanes=lanes,
        )


def split_dot(
    length: int,
    bits_x: int,
    bits_w: int,
    array: Array | None = None,
    *,
    accumulate: str = "tree",
    full_adder: str = "nand9",
    and_gate: str = "nand_not",
    presets: str = "per_gate",
) -> SplitDot:
    """Cut a dot product into chunks that fit the rows of an array.

    The chunks are as few as the columns allow, and as equal as can be. Where all terms fit, there is one.

    Parameters
    ----------
    length, bits_x, bits_w : int
        As in `circuits.dot`.
    array : Array or None
        None for ``Array()``, 1024 x 1024.
    accumulate, full_adder, and_gate : str
        As in `circuits.dot`, without ``"hybrid"``; partial sums are added with the same adders, pairwise or
        (``"chain"``) one after the other.
    presets : str
        As in `place`.

    Raises
    ------
    InvalidArgument
        If a number is out of range or a name unknown, or the columns hold no single product, or no two
        partial sums.

    Examples
    --------
    >>> import numpy as np
    >>> from nonideal.hardware import cram
    >>> dot = cram.split_dot(784, 4, 4, cram.Array(columns=1024))
    >>> len(dot.chunks), dot.chunks[0], dot.combine.columns_used
    (7, slice(0, 112, None), 142)
    >>> x, w = np.random.default_rng(0).integers(0, 16, (2, 5, 784))
    >>> bool((dot.run(x, w) == (x * w).sum(axis=1)).all())
    True
    >>> noisy = dot.run(x, w, cram.GateLibrary.uniform(1e-4), seed=1)
    """
    array = check_array(array)
    length = check_integer("length", length, 1)
    bits_x, bits_w = check_int32("bits_x", bits_x), check_int32("bits_w", bits_w)

    def chunk(terms: int) -> Program:
        return circuits.dot(
            terms, bits_x, bits_w, accumulate=accumulate, full_adder=full_adder, and_gate=and_gate
        )

    check_choice("accumulate", accumulate, ("tree", "chain", "csa"))
    circuits.dot(1, bits_x, bits_w, accumulate=accumulate, full_adder=full_adder, and_gate=and_gate)
    check_choice("presets", presets, _core.cram.Presets.__members__)
    largest = (2**bits_x - 1) * (2**bits_w - 1)
    stages = [make_stage("chunk", length, 1, chunk, array, presets)]
    while len(stages[-1].parts) > 1:
        largest *= max(stages[-1].placements)  # of the words to be added
        word = largest

        def total(words: int, word: int = word) -> Program:
            return _sum(words, word, accumulate, full_adder)

        stages.append(make_stage("sum", len(stages[-1].parts), 2, total, array, presets))
    return SplitDot(
        length, check_int32("bits_x", bits_x), check_int32("bits_w", bits_w), array, tuple(stages)
    )


def make_stage(
    what: str, words: int, least: int, program: Callable[[int], Program], array: Array, presets: str
) -> SplitStage:
    """Cut words into the fewest parts that fit."""

    def placed(length: int) -> Placement | InvalidArgument:
        try:
            return place(program(length), array, presets=presets)
        except InvalidArgument as problem:
            return problem

    low = min(least, words)
    first = placed(low)
    if isinstance(first, InvalidArgument):
        raise InvalidArgument(f"a {what} of {low} {'words' if low > 1 else 'term'}: {first}")
    # Lower bound of a part's columns: its operands. Width grows with the length, so bisection finds the most.
    operands = sum(len(port.columns) for port in first.program.inputs) // low
    high = min(words, array.columns // operands)
    while low < high:
        middle = (low + high + 1) // 2
        if isinstance(placed(middle), InvalidArgument):
            high = middle - 1
        else:
            low = middle
    count = -(-words // low)
    edges = [part * (words // count) + min(part, words % count) for part in range(count + 1)]
    parts = tuple(slice(start, stop) for start, stop in pairwise(edges))
    placements = {}
    for length in dict.fromkeys(part.stop - part.start for part in parts):
        placement = placed(length)
        if isinstance(placement, InvalidArgument):
            raise placement
        placements[length] = placement
    return SplitStage(parts, placements)


def _sum(count: int, largest: int, accumulate: str, full_adder: str) -> Program:
    """Sum of words up to ``largest``: port y (count words) -> y."""
    builder = ProgramBuilder()
    words = builder.input("y", largest.bit_length(), length=count)
    adder = circuits.full_adder(full_adder)

    def add(a: tuple[list[int], int], b: tuple[list[int], int]) -> tuple[list[int], int]:
        terms = a[1] + b[1]
        return _add(builder, adder, a[0], b[0], (terms * largest).bit_length()), terms

    def tree(parts: Sequence[list[int]]) -> tuple[list[int], int]:
        if len(parts) == 1:
            return parts[0], 1
        half = 1 << (len(parts) - 1).bit_length() - 1
        return add(tree(parts[:half]), tree(parts[half:]))

    total = reduce(add, ((word, 1) for word in words)) if accumulate == "chain" else tree(words)
    builder.output("y", total[0])
    return Program._wrap(_core.cram.prune(builder.build()._core))


def _add(builder: ProgramBuilder, adder: Program, a: list[int], b: list[int], width: int) -> list[int]:
    """Add two words: a half adder at bit 0, full adders, half adders for the carry above."""
    result: list[int] = []
    carry: list[int] = []
    for bit in range(max(len(a), len(b))):
        terms = [word[bit] for word in (a, b) if bit < len(word)] + carry
        if len(terms) == 1:
            result += terms
        elif len(terms) == 2:
            both = builder.gate("NAND2", *terms)
            halves = [builder.gate("NAND2", term, both) for term in terms]
            result.append(builder.gate("NAND2", *halves))
            carry = [builder.gate("NOT", both)]
        else:
            cells = dict(zip((port.columns[0] for port in adder.inputs), terms, strict=True))
            for gate, output, sources in adder.instructions:
                cells[output] = builder.gate(gate, *(cells[source] for source in sources))
            total, out = (cells[adder.output(name).columns[0]] for name in ("sum", "carry"))
            result.append(total)
            carry = [out]
    return (result + carry)[:width]


def operand_planes(name: str, values: Any, length: int, bits: int, num_threads: int | None) -> BitPlanes:
    """Return the operands of a dot product as planes; refusals speak of ``name``."""
    if isinstance(values, BitPlanes):
        if len(values.words) != length * bits:
            raise InvalidArgument(f"{name}: expected {length * bits} planes, got {len(values.words)}")
        return values
    array = integer_array(name, values)
    if array.ndim != 2 or array.shape[1] != length:
        raise InvalidArgument(f"{name}: shape {array.shape} is not (lanes, {length})")
    return pack_port(name, array, bits, False, num_threads)


def take_words(planes: BitPlanes, words: slice, bits: int) -> BitPlanes:
    """Return the planes of some of a port's words, without a copy."""
    return replace(planes, words=planes.words[words.start * bits : words.stop * bits])


def _moved(results: Sequence[BitPlanes], lanes: int) -> BitPlanes:
    """Partial sums as words of equal width, the narrower ones with zeros on top."""
    width = max(len(planes.words) for planes in results)
    words = np.zeros((len(results), width, results[0].words.shape[1]), dtype=np.uint64)
    for word, planes in zip(words, results, strict=True):
        word[: len(planes.words)] = planes.words
    return BitPlanes(words.reshape(len(results) * width, words.shape[2]), lanes)


def count_activity(counts: dict[int, Activity], length: int, run: SimulationResult) -> None:
    """Add a run's counts, where it has any, to those of the parts of the same length."""
    if run.activity is None:
        return
    before = counts.get(length)
    counts[length] = run.activity if before is None else before + run.activity


def stage_cost(
    stage: SplitStage, gates: GateLibrary, lanes: int, activity: Mapping[int, Activity] | None
) -> Cost:
    """Return the cost of the rows of a stage, side by side."""
    parts = []
    for length, placement in stage.placements.items():
        rows = stage.rows(length)
        one = cost(
            placement, gates, lanes=lanes * rows, activity=None if activity is None else activity[length]
        )
        per_lane = {name: rows * getattr(one, name) for name in _PER_LANE}
        parts.append(replace(one, **per_lane))
    return reduce(_beside, parts)


_PER_LANE = ("gates", "presets", "reads", "writes")
_ENERGIES = ("energy_gates", "energy_presets", "energy_periphery")
_PATH = ("preset_phases", "steps")


def _beside(one: Cost, other: Cost) -> Cost:
    arrays = one.arrays + other.arrays
    used = one.utilization * one.arrays + other.utilization * other.arrays
    return replace(
        one,
        **{name: getattr(one, name) + getattr(other, name) for name in _PER_LANE + _ENERGIES},
        **{name: max(getattr(one, name), getattr(other, name)) for name in (*_PATH, "columns")},
        arrays=arrays,
        utilization=used / arrays if arrays else 0.0,
    )


def _after(one: Cost, other: Cost) -> Cost:
    wider = one if one.arrays >= other.arrays else other
    return replace(
        one,
        **{name: getattr(one, name) + getattr(other, name) for name in _PER_LANE + _ENERGIES + _PATH},
        columns=max(one.columns, other.columns),
        arrays=wider.arrays,
        utilization=wider.utilization,
    )
