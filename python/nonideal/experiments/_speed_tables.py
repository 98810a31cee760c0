"""What the times of atoms-speed say: ratios, shares of kernels, and time at an attainable rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nonideal import Estimate
from nonideal.experiments._speed_shards import LAYERS
from nonideal.physics.atoms.peers import NETWORKS
from nonideal.report import Curve, Table

__all__ = ["EDGES", "KINDS", "PRODUCTS", "attainable", "curves", "our_rate", "per_atom", "ratios", "tables"]

KINDS = ("gradient", "direct", "none")
WORDS = {"none": "energy alone", "gradient": "gradient forces", "direct": "direct forces"}
PEERS = {"torch": "plain torch", **{name: network[2] for name, network in NETWORKS.items()}}

#: Operations of this algorithm for gradient forces of v1, three layers. Of the products with weights, over
#: F^2 and atom, as the engine counts them; those on edges, over F and edge: 24 multiply-adds forward and 47
#: backward, of which the first layer, whose vectors are zero, takes 0.4.
PRODUCTS, EDGES = 124.0, 2 * (24 + 47) * 2.4
#: What the engine's design asks for, of v1 with 128 channels on one thread.
_GOALS = {
    ("torch", "gradient"): 20.0,
    ("torch", "direct"): 12.0,
    ("torch", "training"): 6.0,
    ("schnetpack", "gradient"): 20.0,
    ("schnetpack", "direct"): 40.0,
    ("mace", "gradient"): 12.0,
}

_SMALLEST = 500  # atoms, from which on lists' times are to grow with the number of atoms

Found = Mapping[int, Mapping[str, Any]]


def per_atom(entry: Mapping[str, Any], name: str) -> float:
    """Return the fastest round, us/atom."""
    return float(1e6 * np.min(entry[name]) / entry["n_atoms"])


def _ratio(entry: Mapping[str, Any], slow: str, fast: str) -> Estimate | None:
    """Return how many times as long one takes as the other: of fastest rounds, with the rounds' scatter."""
    if slow not in entry or fast not in entry:
        return None
    rounds = Estimate.from_samples((np.asarray(entry[slow]) / np.asarray(entry[fast])).tolist())
    value = float(np.min(entry[slow]) / np.min(entry[fast]))
    return Estimate(value, rounds.standard_error, rounds.samples)


def _comparisons(config: Any) -> list[tuple[str, str, int, str, str, str]]:
    """Return of all that is compared: peer, kind, threads, the peer's call, ours, and the ratio's name."""
    first = config.thread_counts[0]
    rows = [
        ("torch", kind, t, f"torch {kind} {t}", f"engine {kind} {t}", f"{kind}_{t}_threads_over_torch")
        for kind in ("gradient", "direct")
        for t in config.thread_counts
    ]
    rows.append(("torch", "training", 1, "training torch", "training native", "training_over_torch"))
    for peer in NETWORKS:
        for kind in ("gradient", "direct"):  # theirs are gradients in both
            ours, name = f"engine {kind} {first}", f"{kind}_{first}_threads_over_{peer}"
            rows.append((peer, kind, first, f"{peer} gradient {first}", ours, name))
    return [row for row in rows if row[0] in config.peers]


def ratios(config: Any, found: Found) -> dict[str, Estimate]:
    """Return the peers' times over ours and those of more threads, by name and size."""
    out = {}
    first = config.thread_counts[0]
    for n, entry in found.items():
        pairs = {name: (slow, fast) for *_, slow, fast, name in _comparisons(config)}
        pairs["list_over_vesin"] = ("list vesin", "list ours")
        for t in config.thread_counts[1:]:
            pairs[f"gradient_{t}_threads"] = (f"engine gradient {first}", f"engine gradient {t}")
        for name, (slow, fast) in pairs.items():
            ratio = _ratio(entry, slow, fast)
            if ratio is not None:
                out[f"{name}_{n}"] = ratio
    sizes = [n for n in found if n >= _SMALLEST]
    if len(sizes) > 1:
        out["list_slope"] = _slope(sizes, [found[n]["list ours"] for n in sizes])
    return out


def _slope(sizes: Sequence[int], seconds: Sequence[Sequence[float]]) -> Estimate:
    """Return d log t / d log N: of the fastest rounds, with the rounds' scatter."""
    rounds = [float(np.polyfit(np.log(sizes), np.log(turn), 1)[0]) for turn in zip(*seconds, strict=True)]
    best = np.polyfit(np.log(sizes), np.log([min(times) for times in seconds]), 1)[0]
    spread = Estimate.from_samples(rounds)
    return Estimate(float(best), spread.standard_error, spread.samples)


def our_rate(found: Found) -> float:
    """Return operations per second of our kernel of products, the most: other load only lowers it."""
    return max(
        float(operations / seconds)
        for entry in found.values()
        for parts in entry["profile"].values()
        for name, seconds, _, operations in parts
        if name == "multiply"
    )


def _numpy_rate(config: Any, found: Found) -> float:
    """Return operations per second of NumPy's product of the same sizes, on one thread."""
    return max(float(6 * n * config.channels**2 / np.min(entry["product"])) for n, entry in found.items())


def attainable(config: Any, entry: Mapping[str, Any], rate: float) -> dict[str, float]:
    """Return us/atom of products and of work on edges at a rate, and of NumPy's reading of neighbours."""
    n, f = int(entry["n_atoms"]), config.channels
    gathers = 2 * LAYERS - 1  # the first layer's vectors are zero: nothing to read going forward
    return {
        "products with weights": 1e6 * PRODUCTS * f**2 / rate,
        "operations on edges": 1e6 * EDGES * f * int(entry["n_pairs"]) / n / rate,
        "reading neighbours": 1e6 * gathers * float(np.min(entry["gather"])) / n,
    }


def curves(config: Any, found: Found) -> dict[str, Curve]:
    """Return us/atom against the number of atoms, of all that was timed."""
    first = config.thread_counts[0]
    names = [f"engine {kind} {t}" for kind in KINDS for t in config.thread_counts]
    names += [f"torch {kind} {t}" for kind in ("gradient", "direct") for t in config.thread_counts]
    names += [f"{peer} gradient {first}" for peer in NETWORKS]
    names += ["list ours", "list vesin", "training native", "training torch"]
    lines = {name: {n: per_atom(e, name) for n, e in found.items() if name in e} for name in names}
    if config.variant == "v1":
        rate = our_rate(found)
        for name in attainable(config, next(iter(found.values())), rate):
            line = {n: attainable(config, entry, rate)[name] for n, entry in found.items()}
            lines[f"attainable {name}"] = line
    return {
        name: Curve(tuple(line), "atoms", tuple(line.values()), "time (us/atom)")
        for name, line in lines.items()
        if line
    }


def tables(config: Any, found: Found) -> dict[str, Table]:
    """Return the tables of a report."""
    times = [
        (n, *(per_atom(entry, f"engine {kind} {t}") for t in config.thread_counts for kind in KINDS))
        for n, entry in found.items()
    ]
    heads = tuple(f"{WORDS[kind]}, {_threads(t)}" for t in config.thread_counts for kind in KINDS)
    out = {
        "times": Table("The engine, us/atom: the fastest call", ("atoms", *heads), tuple(times)),
        "peers": peer_table(config, found),
        "kernels": _kernel_table(found),
        "lists": _list_table(found),
    }
    if config.variant == "v1":
        rate = our_rate(found)
        rows = {n: attainable(config, entry, rate) for n, entry in found.items()}
        out["attainable"] = Table(
            "What the operations of gradient forces alone take, us/atom",
            ("atoms", *next(iter(rows.values()))),
            tuple((n, *row.values()) for n, row in rows.items()),
            f"Operations of this algorithm, at {rate / 1e9:.0f} Gflop/s: the most that the engine's "
            f"own kernel of products reached within an evaluation here, on one thread; NumPy's product "
            f"reached {_numpy_rate(config, found) / 1e9:.0f}. Reading is NumPy's gathering of all "
            "neighbours' features, forward and backward; it overlaps with computing.",
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


def _threads(count: int) -> str:
    return f"{count} thread{'s' * (count > 1)}"


def _kernel_table(found: Found) -> Table:
    rows = []
    for n, entry in found.items():
        for kind, parts in entry["profile"].items():
            whole = sum(seconds for _, seconds, _, _ in parts)
            for name, seconds, _, operations in parts:
                rate = f"{operations / seconds / 1e9:.0f}" if operations else None
                rows.append((n, WORDS[kind], name, 1e6 * seconds / n, 100 * seconds / whole, rate))
    return Table(
        "Where an evaluation's time goes, kernel by kernel, on one thread",
        ("atoms", "what", "part", "us/atom", "share (%)", "Gflop/s"),
        tuple(rows),
        "Of the fastest of as many evaluations as there are rounds; reading the clocks is in it.",
    )


def _list_table(found: Found) -> Table:
    rows = []
    for n, entry in found.items():
        vesin = _ratio(entry, "list vesin", "list ours")
        rows.append((n, per_atom(entry, "list ours"), None if vesin is None else str(vesin)))
    return Table(
        "Neighbour lists with all of i, j, S, D, d, on one thread",
        ("atoms", "us/atom", "vesin's time over ours"),
        tuple(rows),
    )


def peer_table(config: Any, found: Found) -> Table:
    """Return the peers' times over ours, and why a peer has none."""
    held = config.variant == "v1" and config.channels == 128
    rows: list[tuple[Any, ...]] = []
    timed = set()
    for peer, kind, t, slow, fast, _ in _comparisons(config):
        for n, entry in found.items():
            ratio = _ratio(entry, slow, fast)
            if ratio is None:
                continue
            what = "step of training" if kind == "training" else WORDS[kind]
            what += " against its gradients" if peer in NETWORKS and kind == "direct" else ""
            goal = _GOALS.get((peer, kind)) if held and t == 1 else None
            rows.append((PEERS[peer], n, f"{what}, {_threads(t)}", str(ratio), goal))
            timed.add(peer)
    for peer in config.peers:
        reasons = [entry["missing"][peer] for entry in found.values() if peer in entry["missing"]]
        if peer not in timed:
            rows.append((PEERS[peer], None, None, reasons[0] if reasons else "no size is small enough", None))
    return Table(
        "How many times as long peers take",
        ("peer", "atoms", "what", "peer's time over ours", "goal"),
        tuple(rows),
        "Ratios of the fastest rounds, all in turns; the error is the scatter of single rounds. Plain torch "
        "is the same network with the same weights; the others have random ones. Peers get their graph made "
        "beforehand; our time has the neighbour list in it.",
    )
