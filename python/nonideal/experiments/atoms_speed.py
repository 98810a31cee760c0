"""How fast the atoms' engine is: time per atom against size, peers in the same rounds, and floors.

Hot copper, three layers, 43 neighbours. All calls of a size take turns; ratios are of the same rounds. No
published time is compared: the source's table of speed and memory (arXiv 2311.02869) is not established.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nonideal import Estimate
from nonideal.errors import InvalidArgument
from nonideal.experiments import BaseConfig, Comparison, Curve, Result, Runner, Table, make_result, option
from nonideal.experiments._speed_shards import LAYERS, copper, measure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUESTION = "How many microseconds does an atom take, against whom, and where is the floor?"
QUICK_TIME = "90 s"
EXTRAS: tuple[str, ...] = ("atoms",)

_SIZES = {"quick": (108, 500, 1372, 4000), "full": (108, 500, 1372, 4000, 13500)}
_LARGEST_WITH_PEERS = {"quick": 500, "full": 4000}
_ROUNDS = {"quick": 5, "full": 9}
#: Module of each peer; what is not timed here is a row that says so.
_PEERS = {"torch": "torch", "schnetpack": "schnetpack", "mace": "mace"}
_TIMED = ("torch",)
_VARIANTS = ("v1", "vn", "vanilla", "vanilla-nmu")
#: Operations that no algorithm for gradient forces of v1 avoids: see benchmarks/atoms_potential.py. Those of
#: the products with weights, over F^2 and atom; those on edges, over F and edge; of three layers.
_PRODUCTS, _EDGES = 122.0, 2 * 66 * 2.4
_KINDS = ("gradient", "direct", "none")


@dataclass(frozen=True, kw_only=True)
class Config(BaseConfig):
    """Options of the experiment."""

    sizes: tuple[int, ...] | None = option(
        None,
        help="atoms, rounded to whole cubes; up to 4000 at quick scale, 13500 at full scale",
        minimum=4,
        maximum=1_000_000,
    )
    variant: str = option("v1", help="form of the network", choices=_VARIANTS)
    channels: int = option(128, help="channels", minimum=2, maximum=1024)
    threads: tuple[int, ...] = option("1,2", help="threads of the engine and torch", minimum=1, maximum=1024)
    peers: tuple[str, ...] = option("torch,schnetpack,mace", help="peers", choices=tuple(_PEERS))
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
        if len(set(self.threads)) < len(self.threads):
            raise InvalidArgument(f"threads = {self.threads} has a value twice")


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
        Microseconds per atom, ratios, floors, neighbour lists and memory.
    """
    runner = runner or Runner()
    limit = config.peer_size or _LARGEST_WITH_PEERS[config.scale]
    sizes = sorted({len(copper(n).numbers) for n in config.sizes or _SIZES[config.scale]})
    shards = [
        {
            "n_atoms": n,
            "channels": config.channels,
            "variant": config.variant,
            "threads": list(config.threads),
            "rounds": config.rounds or _ROUNDS[config.scale],
            "peers": "torch" in config.peers and n <= limit,
        }
        for n in sizes
    ]
    found = dict(zip(sizes, runner.map(measure, shards, label="sizes"), strict=True))
    ratios = _ratios(config, found)
    return make_result(
        __name__,
        config,
        answer=_answer(config, found, ratios),
        metrics=ratios,
        curves=_curves(config, found),
        comparison=[
            Comparison(
                "Time and memory of LEIGNN",
                "not established",
                f"{_per_atom(found[sizes[-1]], f'engine gradient {config.threads[0]}'):.1f} us/atom",
                "the paper's table of speed and memory was not to be had; this is our engine and machine",
            )
        ],
        tables=_tables(config, found),
        limits=_limits(config, found),
    )


def _per_atom(entry: Mapping[str, Any], name: str) -> float:
    """Return the fastest round, us/atom."""
    return float(1e6 * np.min(entry[name]) / entry["n_atoms"])


def _ratio(entry: Mapping[str, Any], slow: str, fast: str) -> Estimate | None:
    """Return how many times as long one takes as the other, round by round."""
    if slow not in entry or fast not in entry:
        return None
    return Estimate.from_samples((np.asarray(entry[slow]) / np.asarray(entry[fast])).tolist())


def _ratios(config: Config, found: Mapping[int, Mapping[str, Any]]) -> dict[str, Estimate]:
    out = {}
    first = config.threads[0]
    for n, entry in found.items():
        pairs = {
            f"{kind}_{t}_threads_over_torch": (f"torch {kind} {t}", f"engine {kind} {t}")
            for kind in ("gradient", "direct")
            for t in config.threads
        }
        pairs["training_over_torch"] = ("training torch", "training native")
        pairs["list_over_vesin"] = ("list vesin", "list ours")
        for t in config.threads[1:]:
            pairs[f"gradient_{t}_threads"] = (f"engine gradient {first}", f"engine gradient {t}")
        for name, (slow, fast) in pairs.items():
            ratio = _ratio(entry, slow, fast)
            if ratio is not None:
                out[f"{name}_{n}"] = ratio
    return out


def _rate(config: Config, found: Mapping[int, Mapping[str, Any]]) -> float:
    """Return operations per second of the fastest of all products: other load only lowers it."""
    return max(float(6 * n * config.channels**2 / np.min(entry["product"])) for n, entry in found.items())


def _floors(config: Config, entry: Mapping[str, Any], rate: float) -> dict[str, float]:
    """Return us/atom of products and of work on edges at NumPy's rate, and of reading neighbours."""
    n, f = int(entry["n_atoms"]), config.channels
    gathers = 2 * LAYERS - 1  # the first layer's vectors are zero: nothing to read going forward
    return {
        "products with weights": 1e6 * _PRODUCTS * f**2 / rate,
        "operations on edges": 1e6 * _EDGES * f * int(entry["n_pairs"]) / n / rate,
        "reading neighbours": 1e6 * gathers * float(np.min(entry["gather"])) / n,
    }


def _curves(config: Config, found: Mapping[int, Mapping[str, Any]]) -> dict[str, Curve]:
    names = [f"engine {kind} {t}" for kind in _KINDS for t in config.threads]
    names += [f"torch {kind} {t}" for kind in ("gradient", "direct") for t in config.threads]
    names += ["list ours", "list vesin", "training native", "training torch"]
    lines = {name: {n: _per_atom(e, name) for n, e in found.items() if name in e} for name in names}
    if config.variant == "v1":
        rate = _rate(config, found)
        for name in _floors(config, next(iter(found.values())), rate):
            lines[f"floor {name}"] = {n: _floors(config, entry, rate)[name] for n, entry in found.items()}
    return {
        name: Curve(tuple(line), "atoms", tuple(line.values()), "time (us/atom)")
        for name, line in lines.items()
        if line
    }


def _tables(config: Config, found: Mapping[int, Mapping[str, Any]]) -> dict[str, Table]:
    first = config.threads[0]
    times = [
        (n, *(_per_atom(entry, f"engine {kind} {t}") for t in config.threads for kind in _KINDS))
        for n, entry in found.items()
    ]
    heads = tuple(f"{_words(kind)}, {t} thread{'s' * (t > 1)}" for t in config.threads for kind in _KINDS)
    shares = []
    for n, entry in found.items():
        whole, forward = (
            _per_atom(entry, f"engine gradient {first}"),
            _per_atom(entry, f"engine none {first}"),
        )
        listed = _per_atom(entry, "list ours") if first == 1 else None
        vesin = _ratio(entry, "list vesin", "list ours")
        shares.append((n, listed, forward, whole - forward, None if vesin is None else str(vesin)))
    out = {
        "times": Table("The engine, us/atom: the fastest call", ("atoms", *heads), tuple(times)),
        "peers": _peer_table(config, found),
        "parts": Table(
            "Where an evaluation's time goes, us/atom",
            ("atoms", "neighbour list", "energy, with its list", "gradient", "vesin's time over our list's"),
            tuple(shares),
            "Lists are timed alone, on one thread, with all of i, j, S, D, d; the engine's own keeps less.",
        ),
    }
    if config.variant == "v1":
        rate = _rate(config, found)
        floors = {n: _floors(config, entry, rate) for n, entry in found.items()}
        out["floors"] = Table(
            "What an evaluation with gradient forces cannot do without, at NumPy's rates, us/atom",
            ("atoms", *next(iter(floors.values()))),
            tuple((n, *row.values()) for n, row in floors.items()),
            "Operations that no algorithm avoids, at the rate of NumPy's fastest product on one thread (our "
            "own may be faster); and NumPy's reading of all neighbours' features, forward and backward.",
        )
    kept = [
        (n, *(int(entry[f"memory_{b}"]) / 2**20 for b in ("native", "torch")), int(entry["n_pairs"]))
        for n, entry in found.items()
        if "memory_native" in entry
    ]
    if kept:
        out["memory"] = Table(
            "What autograd keeps for a step of training on forces, MiB",
            ("atoms", "ours", "plain torch", "pairs"),
            tuple(kept),
            "Each storage once; passing buffers are not counted.",
        )
    return out


def _words(kind: str) -> str:
    return {"none": "energy alone", "gradient": "gradient forces", "direct": "direct forces"}[kind]


def _peer_table(config: Config, found: Mapping[int, Mapping[str, Any]]) -> Table:
    rows: list[tuple[Any, ...]] = []
    for peer in config.peers:
        if peer not in _TIMED:
            here = importlib.util.find_spec(_PEERS[peer]) is not None
            rows.append((peer, None, None, "installed, but not timed" if here else "not installed"))
            continue
        for n, entry in found.items():
            for kind in ("gradient", "direct"):
                for t in config.threads:
                    ratio = _ratio(entry, f"torch {kind} {t}", f"engine {kind} {t}")
                    what = f"{_words(kind)}, {t} thread{'s' * (t > 1)}"
                    if ratio is not None:
                        rows.append(("plain torch", n, what, str(ratio)))
            ratio = _ratio(entry, "training torch", "training native")
            if ratio is not None:
                rows.append(("plain torch", n, "step of training, 1 thread", str(ratio)))
    return Table(
        "How many times as long peers take",
        ("peer", "atoms", "what", "peer's time over ours"),
        tuple(rows),
        "Plain torch is the same network with the same weights, its graph made beforehand.",
    )


def _answer(config: Config, found: Mapping[int, Mapping[str, Any]], ratios: Mapping[str, Estimate]) -> str:
    n, entry = list(found.items())[-1]
    t = config.threads[0]
    text = (
        f"{_per_atom(entry, f'engine gradient {t}'):.1f} us/atom with gradient forces and "
        f"{_per_atom(entry, f'engine direct {t}'):.1f} with direct ones ({n} atoms, "
        f"{config.channels} channels, {LAYERS} layers, {t} thread{'s' * (t > 1)})"
    )
    peers = [m for m in found if f"gradient_{t}_threads_over_torch_{m}" in ratios]
    if peers:
        m = peers[-1]
        text += (
            f"; plain torch takes {ratios[f'gradient_{t}_threads_over_torch_{m}'].value:.0f} and "
            f"{ratios[f'direct_{t}_threads_over_torch_{m}'].value:.0f} times as long, a step of training "
            f"{ratios[f'training_over_torch_{m}'].value:.1f} times ({m} atoms)"
        )
    if config.variant == "v1":
        floors = _floors(config, entry, _rate(config, found))
        text += (
            f"; its operations alone, at the rate of NumPy's fastest product, would take "
            f"{floors['products with weights'] + floors['operations on edges']:.1f} us/atom"
        )
    return text + "."


def _limits(config: Config, found: Mapping[int, Mapping[str, Any]]) -> list[str]:
    limits = [
        "Times are of this machine and its load; ratios, of rounds in turn, are less so.",
        "With --workers above 1 sizes run at once, and their times of several threads are too long.",
        "One structure, hot copper with 43 neighbours, and untrained weights, which cost the same.",
        "The peers' own kinds of networks differ: times of others say nothing about their errors.",
    ]
    if config.variant != "v1":
        limits.append("Floors are known for v1 alone.")
    if all("memory_native" not in entry for entry in found.values()):
        limits.append("No size is small enough for peers: nothing is compared.")
    return limits


def figures(result: Result) -> dict[str, Figure]:
    """Draw times against size with their floors, peers, and neighbour lists."""
    from nonideal.experiments._speed_figures import draw

    return draw(result)
