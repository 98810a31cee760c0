"""Timing a callable of ours against its peers, in the same run and on the same inputs.

A module ``benchmarks/<topic>.py`` declares its benchmarks; importing it computes nothing:

.. code-block:: python

    from nonideal.benchmarks.harness import Benchmark, Case, Peer

    def multiply(tiny: bool) -> Case:
        lanes = 64 if tiny else 1_000_000
        a, b = inputs(lanes)

        def check() -> None:                                # before anything is timed
            np.testing.assert_array_equal(ours(a, b), peer(a, b))

        return Case(
            count=600 * lanes,                              # units of work in one call
            ours=lambda: ours(a, b),
            peers={"numpy bool": Peer(lambda: peer(a, b), goal=200)},   # count=... if it gets less to do
            check=check,
        )

    BENCHMARKS = (Benchmark("multiplier-8", topic="cram", unit="gate-lanes", prepare=multiply, floor=1e10),)

Rates are units of work per second, medians over rounds in which ours and every peer take turns, so that a
machine that is busy for a while slows all of them. Ratios to a peer, not seconds, are kept in
``baselines.json``: an entry per processor and instruction set, with who made it and, for every ratio, its
median, lowest and highest round. A ratio is compared with the entry of the same machine alone.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from nonideal.errors import InvalidArgument

__all__ = [
    "Benchmark",
    "Case",
    "Comparison",
    "Kept",
    "Measurement",
    "Peer",
    "Ratios",
    "all_benchmarks",
    "baseline_of",
    "keep",
    "load_baselines",
    "measure",
    "regressions",
    "select",
]

BASELINES = Path(__file__).with_name("baselines.json")
TOLERANCE = 1.25  # a ratio may fall to 1 / 1.25 of its baseline: less is noise on a shared machine
SHORTEST = 0.02  # second; shorter calls are repeated within one timing
_HELPERS = frozenset({"atoms_systems", "harness"})  # modules that hold no benchmarks


@dataclass(frozen=True)
class Peer:
    """Somebody else's way to do the same.

    Parameters
    ----------
    call : callable
        Does ``count`` units of work.
    count : float, optional
        Units of work in one call; default: as many as ours.
    goal : float, optional
        Our rate should be at least so many times this peer's.
    """

    call: Callable[[], object]
    count: float | None = None
    goal: float | None = None


@dataclass(frozen=True)
class Case:
    """Inputs, callables and check of a benchmark, made only when it runs.

    Parameters
    ----------
    count : float
        Units of work in one call of ours.
    ours : callable
        What is measured.
    peers : mapping of str to Peer
        What it is held against.
    check : callable
        Raises AssertionError where an answer is wrong; called before anything is timed.
    """

    count: float
    ours: Callable[[], object]
    check: Callable[[], None]
    peers: Mapping[str, Peer] = field(default_factory=dict)


@dataclass(frozen=True)
class Benchmark:
    """One benchmark, declared.

    Parameters
    ----------
    name : str
        Its name, unique within the topic.
    topic : str
        Name of its module.
    unit : str
        What is counted, "gate-lanes".
    prepare : callable
        ``prepare(tiny)`` returns the `Case`; with ``tiny`` a small one, for the test that keeps it from
        rotting.
    floor : float, optional
        Our rate should be at least so many units per second, on two cores.
    note : str
        A remark for the reader of the figures.
    per : str
        What a call costs: ``"s"``, seconds, which the harness takes. Of another unit (``"MiB"``), or where a
        call knows better (``returned``), calls return their cost, and are called once in a round.
    returned : bool
        Whether calls return their cost.
    """

    name: str
    topic: str
    unit: str
    prepare: Callable[[bool], Case]
    floor: float | None = None
    note: str = ""
    per: str = "s"
    returned: bool = False

    @property
    def key(self) -> str:
        """``topic/name``, as in ``baselines.json``."""
        return f"{self.topic}/{self.name}"


@dataclass(frozen=True)
class Comparison:
    """One peer's figures: its rate (units/s), our rate over it, the goal for that, and its single rounds."""

    peer: str
    rate: float
    ratio: float
    goal: float | None
    lowest: float
    highest: float

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without a goal."""
        return None if self.goal is None else self.ratio >= self.goal


class Kept(NamedTuple):
    """A ratio in ``baselines.json``: median, lowest and highest round."""

    ratio: float
    lowest: float
    highest: float


Ratios: TypeAlias = Mapping[str, Mapping[str, Kept]]


@dataclass(frozen=True)
class Measurement:
    """What one benchmark gave; rates in ``unit`` per ``per``."""

    key: str
    unit: str
    rate: float
    repeats: int
    floor: float | None
    note: str
    comparisons: tuple[Comparison, ...]
    per: str = "s"

    @property
    def missed(self) -> list[str]:
        """The goals that were not met, one sentence each."""
        texts = [
            f"{self.key}: {row.ratio:.3g} x {row.peer}, goal {row.goal:g} x"
            for row in self.comparisons
            if row.met is False
        ]
        if self.floor is not None and self.rate < self.floor:
            texts.append(f"{self.key}: {self.rate:.3g} {self.unit}/{self.per}, goal {self.floor:.3g}")
        return texts

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)


def all_benchmarks() -> list[Benchmark]:
    """Return the benchmarks of every module beside this one, by topic."""
    entries = sorted(pkgutil.iter_modules([str(Path(__file__).parent)]), key=lambda entry: entry.name)
    modules = [
        importlib.import_module(f"{__package__}.{entry.name}")
        for entry in entries
        if entry.name not in _HELPERS
    ]
    return [benchmark for module in modules for benchmark in module.BENCHMARKS]


def select(benchmarks: Iterable[Benchmark], name: str | None) -> list[Benchmark]:
    """Return the benchmarks of a topic, or those whose name or ``topic/name`` is given; all for None.

    Raises
    ------
    InvalidArgument
        If none is meant.
    """
    everything = list(benchmarks)
    chosen = [item for item in everything if name in (None, item.topic, item.name, item.key)]
    if not chosen and not everything:
        raise InvalidArgument("there are no benchmarks")
    if not chosen:
        words = ", ".join(
            dict.fromkeys([item.topic for item in everything] + [item.key for item in everything])
        )
        raise InvalidArgument(f"there is no benchmark {name!r}; there are {words}")
    return chosen


def measure(
    benchmark: Benchmark, *, repeats: int = 5, against: str | None = None, tiny: bool = False
) -> Measurement:
    """Check the answers, then time ours and the peers in turns.

    Parameters
    ----------
    benchmark : Benchmark
        What to measure.
    repeats : int
        Rounds; the medians count.
    against : str, optional
        Only this peer.
    tiny : bool
        One call each on small inputs: shows that the benchmark works, not how fast anything is.

    Raises
    ------
    InvalidArgument
        If there is no such peer, or ``repeats`` is below 1.
    AssertionError
        If an answer is wrong.
    """
    if repeats < 1:
        raise InvalidArgument(f"repeats = {repeats} is not >= 1")
    case = benchmark.prepare(tiny)
    if against is not None and against not in case.peers:
        raise InvalidArgument(
            f"{benchmark.key} has no peer {against!r}; there are {', '.join(case.peers) or 'none'}"
        )
    case.check()
    peers = {name: peer for name, peer in case.peers.items() if against in (None, name)}
    contenders = {None: (case.ours, case.count)} | {
        name: (peer.call, case.count if peer.count is None else peer.count) for name, peer in peers.items()
    }
    shortest = 0.0 if tiny else SHORTEST
    loops = {
        name: 1 if benchmark.returned else _loops(call, shortest) for name, (call, _) in contenders.items()
    }
    seconds: dict[str | None, list[float]] = {name: [] for name in contenders}
    for _ in range(1 if tiny else repeats):
        for name, (call, _) in contenders.items():
            cost: Any = call() if benchmark.returned else _time(call, loops[name])
            seconds[name].append(float(cost))
    rates = {name: count / statistics.median(seconds[name]) for name, (_, count) in contenders.items()}
    ours = rates[None]

    def extremes(name: str) -> tuple[float, float]:
        """Return the lowest and highest ratio of a round."""
        work = case.count / contenders[name][1]
        ratios = [work * peer / mine for peer, mine in zip(seconds[name], seconds[None], strict=True)]
        return min(ratios), max(ratios)

    return Measurement(
        key=benchmark.key,
        unit=benchmark.unit,
        rate=ours,
        repeats=1 if tiny else repeats,
        floor=benchmark.floor,
        note=benchmark.note,
        comparisons=tuple(
            Comparison(name, rates[name], ours / rates[name], peer.goal, *extremes(name))
            for name, peer in peers.items()
        ),
        per=benchmark.per,
    )


def load_baselines(path: Path = BASELINES) -> list[dict[str, Any]]:
    """Return the kept entries: ``processor``, ``isa``, ``made_by``, ``ratios`` {topic/name: {peer: Kept}}."""
    try:
        return [
            {
                **{name: str(entry[name]) for name in ("processor", "isa")},
                "made_by": dict(entry["made_by"]),
                "ratios": {
                    key: {peer: Kept(*map(float, rounds)) for peer, rounds in row.items()}
                    for key, row in entry["ratios"].items()
                },
            }
            for entry in json.loads(path.read_text(encoding="utf-8"))
        ]
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise InvalidArgument(f"{path} cannot be read ({error})") from None


def baseline_of(entries: Iterable[Mapping[str, Any]], processor: str, isa: str) -> Ratios | None:
    """Return the ratios kept for this processor and instruction set; None where there are none."""
    for entry in entries:
        if (entry["processor"], entry["isa"]) == (processor, isa):
            ratios: Ratios = entry["ratios"]
            return ratios
    return None


def keep(
    measurements: Sequence[Measurement],
    *,
    processor: str,
    isa: str,
    made_by: Mapping[str, Any],
    path: Path = BASELINES,
) -> None:
    """Write ratios into the entry of this machine; those of other benchmarks and machines stay."""
    entries = load_baselines(path)
    ratios = dict(baseline_of(entries, processor, isa) or {})
    ratios |= {
        item.key: {row.peer: Kept(row.ratio, row.lowest, row.highest) for row in item.comparisons}
        for item in measurements
        if item.comparisons
    }
    others = [entry for entry in entries if (entry["processor"], entry["isa"]) != (processor, isa)]
    mine = {"processor": processor, "isa": isa, "made_by": dict(made_by), "ratios": ratios}
    rounded = [
        entry
        | {
            "ratios": {
                key: {peer: [float(f"{number:.4g}") for number in kept] for peer, kept in row.items()}
                for key, row in entry["ratios"].items()
            }
        }
        for entry in (*others, mine)
    ]
    path.write_text(json.dumps(rounded, indent=1) + "\n", encoding="utf-8")


def regressions(measurements: Sequence[Measurement], baseline: Ratios) -> list[str]:
    """Return a sentence for every ratio that fell.

    Its median is below the kept one by more than `TOLERANCE`, and its best round below the worst kept one.
    """
    texts = []
    for item in measurements:
        for row in item.comparisons:
            before = baseline.get(item.key, {}).get(row.peer)
            if before is None or row.ratio * TOLERANCE >= before.ratio or row.highest >= before.lowest:
                continue
            texts.append(f"{item.key}: {row.ratio:.3g} x {row.peer}, was {before.ratio:.3g} x")
    return texts


def _time(call: Callable[[], object], loops: int) -> float:
    start = time.perf_counter()
    for _ in range(loops):
        call()
    return (time.perf_counter() - start) / loops


def _loops(call: Callable[[], object], shortest: float) -> int:
    """Return how many calls one timing needs; this is the warm-up, too."""
    once = _time(call, 1)
    if once >= shortest:
        return 1
    return max(1, round(shortest / max(_time(call, 3), 1e-9)))
