"""How fast the atoms' engine is: time per atom against size, peers in the same rounds, and where it goes.

Hot copper, three layers, 43 neighbours. All calls of a size take turns; ratios are of the same rounds. No
published time is compared: the source's table of speed and memory (arXiv 2311.02869) is not established.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nonideal import Estimate
from nonideal.experiments import BaseConfig, Comparison, Result, Runner, make_result, option
from nonideal.experiments._atoms_options import VARIANTS, check_distinct
from nonideal.experiments._speed_shards import LAYERS, copper, measure
from nonideal.experiments._speed_tables import (
    PEERS,
    attainable,
    curves,
    our_rate,
    per_atom,
    ratios,
    tables,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUESTION = "How many microseconds does an atom take, against whom, and where is the floor?"
QUICK_TIME = "100 s"
EXTRAS: tuple[str, ...] = ("atoms",)

_SIZES = {"quick": (108, 500, 1372, 4000), "full": (108, 500, 1372, 4000, 13500)}
_LARGEST_WITH_PEERS = {"quick": 500, "full": 4000}
_ROUNDS = {"quick": 5, "full": 9}


@dataclass(frozen=True, kw_only=True)
class Config(BaseConfig):
    """Options of the experiment."""

    sizes: tuple[int, ...] | None = option(
        None,
        help="atoms, rounded to whole cubes; up to 4000 at quick scale, 13500 at full scale",
        minimum=4,
        maximum=1_000_000,
    )
    variant: str = option("v1", help="form of the network", choices=VARIANTS)
    channels: int = option(128, help="channels", minimum=2, maximum=1024)
    thread_counts: tuple[int, ...] = option(
        "1,2",
        help="numbers of threads of the engine and plain torch; other peers get the first",
        minimum=1,
        maximum=1024,
    )
    peers: tuple[str, ...] = option("torch,schnetpack,mace", help="peers", choices=tuple(PEERS))
    peer_size: int | None = option(
        None,
        help="most atoms that peers get; 500 at quick scale, 4000 at full scale",
        minimum=4,
        maximum=1_000_000,
    )
    rounds: int | None = option(
        None, help="rounds; 5 at quick scale, 9 at full scale", minimum=2, maximum=1000
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_distinct(self, "thread_counts")


def run(config: Config, runner: Runner | None = None) -> Result:
    """Time the engine and its peers on crystals of growing size.

    Parameters
    ----------
    config : Config
        What to vary.
    runner : Runner or None
        Where shards run; None: here, quietly. More than one worker makes times worthless.

    Returns
    -------
    Result
        Microseconds per atom, ratios, shares of kernels, neighbour lists and memory.
    """
    runner = runner or Runner()
    limit = config.peer_size or _LARGEST_WITH_PEERS[config.scale]
    sizes = sorted({len(copper(n).numbers) for n in config.sizes or _SIZES[config.scale]})
    shards = [
        {
            "n_atoms": n,
            "channels": config.channels,
            "variant": config.variant,
            "num_threads": list(config.thread_counts),
            "rounds": config.rounds or _ROUNDS[config.scale],
            "peers": list(config.peers) if n <= limit else [],
        }
        for n in sizes
    ]
    found = dict(zip(sizes, runner.map(measure, shards, label="sizes"), strict=True))
    compared = ratios(config, found)
    return make_result(
        __name__,
        config,
        answer=_answer(config, found, compared),
        metrics=compared,
        curves=curves(config, found),
        comparison=[
            Comparison(
                "Time and memory of LEIGNN",
                "not established",
                f"{per_atom(found[sizes[-1]], f'engine gradient {config.thread_counts[0]}'):.1f} us/atom",
                "the paper's table of speed and memory was not to be had; this is our engine and machine",
            )
        ],
        tables=tables(config, found),
        limits=_limits(config, found),
    )


def _answer(config: Config, found: Mapping[int, Mapping[str, Any]], compared: Mapping[str, Estimate]) -> str:
    n, entry = list(found.items())[-1]
    t = config.thread_counts[0]
    text = (
        f"{per_atom(entry, f'engine gradient {t}'):.1f} us/atom with gradient forces and "
        f"{per_atom(entry, f'engine direct {t}'):.1f} with direct ones ({n} atoms, "
        f"{config.channels} channels, {LAYERS} layers, {t} thread{'s' * (t > 1)})"
    )
    for peer, words in PEERS.items():
        sizes = [m for m in found if f"gradient_{t}_threads_over_{peer}_{m}" in compared]
        if not sizes:
            continue
        m = sizes[-1]
        text += f"; {words} takes {compared[f'gradient_{t}_threads_over_{peer}_{m}'].value:.0f} times as long"
        if peer == "torch":
            text += (
                f", {compared[f'direct_{t}_threads_over_torch_{m}'].value:.0f} times with direct forces, "
                f"{compared[f'training_over_torch_{m}'].value:.1f} times in a step of training"
            )
        text += f" ({m} atoms)"
    if config.variant == "v1":
        rate = our_rate(found)
        times = attainable(config, entry, rate)
        text += (
            f"; the operations of this algorithm for gradient forces would take "
            f"{times['products with weights'] + times['operations on edges']:.1f} us/atom at the rate that "
            f"the engine's products with weights reach, {rate / 1e9:.0f} Gflop/s"
        )
    return text + "."


def _limits(config: Config, found: Mapping[int, Mapping[str, Any]]) -> list[str]:
    limits = [
        "Times are of this machine and its load; ratios, of rounds in turn, are less so.",
        "With --workers above 1 sizes run at once, and their times of several threads are too long.",
        "One structure, hot copper with 43 neighbours, and untrained weights, which cost the same.",
        "The peers are other networks, with other errors: their times say nothing about those.",
        "Shares of kernels come from runs of their own, in the order of atoms given, after the timed rounds.",
    ]
    if config.variant != "v1":
        limits.append("The operations are counted for v1 alone.")
    if all("memory_native" not in entry for entry in found.values()):
        limits.append("No size is small enough for peers: nothing is compared.")
    return limits


def figures(result: Result) -> dict[str, Figure]:
    """Draw times against size, the operations' own, peers, and neighbour lists."""
    from nonideal.experiments._speed_figures import draw

    return draw(result)
