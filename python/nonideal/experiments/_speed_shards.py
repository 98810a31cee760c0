"""Shards of atoms-speed: times of the engine and its peers, in turns, and of what they are made of."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from nonideal.experiments._speed_peers import NETWORKS, load_peer
from nonideal.physics import atoms

__all__ = ["LAYERS", "copper", "measure"]

LAYERS = 3
_N_RBF = 32
_CUTOFF = 5.0  # angstrom
_LATTICE = 3.61  # angstrom
_SHAKE = 0.05  # angstrom, about 600 K
_SHORTEST = 0.02  # s; shorter calls are repeated within a round

Call = Callable[[], Any]


def copper(n_atoms: int) -> atoms.Frame:
    """Return hot copper of about so many atoms: whole cubes."""
    cells = max(round((n_atoms / 4) ** (1 / 3)), 1)
    corners = np.stack(np.meshgrid(*3 * [np.arange(cells)], indexing="ij"), axis=-1).reshape(-1, 1, 3)
    basis = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    places = _LATTICE * (corners + basis).reshape(-1, 3)
    places += np.random.Generator(np.random.Philox(key=0)).normal(0, _SHAKE, places.shape)
    return atoms.Frame(np.full(len(places), 29), places, np.eye(3) * _LATTICE * cells, np.ones(3, bool))


def measure(shard: Mapping[str, Any]) -> dict[str, Any]:
    """Return for every call the seconds of every round, and counts.

    ``profile`` has each part's name, seconds, calls and operations for kinds of forces; ``missing``, why a
    peer was not timed; ``memory_*``, bytes kept in training.
    """
    frame = copper(shard["n_atoms"])
    models = {
        backend: atoms.LEIGNN(
            ["Cu"],
            cutoff=_CUTOFF,
            channels=shard["channels"],
            layers=LAYERS,
            n_rbf=_N_RBF,
            variant=shard["variant"],
            backend=backend,
            seed=1,
        )
        for backend in ("native", "torch")
    }
    neighbors = np.asarray(atoms.neighbor_list("j", frame, _CUTOFF))
    calls = _engine(models["native"], frame, shard["num_threads"])
    calls |= _lists(frame)
    calls |= _references(shard["channels"], len(frame), neighbors)
    memory: dict[str, int] = {}
    missing: dict[str, str] = {}
    if "torch" in shard["peers"]:
        graph = models["native"].graph(frame)
        for threads in shard["num_threads"]:
            for kind in ("gradient", "direct"):
                call = partial(_evaluate, models["torch"], graph, kind, threads)
                calls[f"torch {kind} {threads}"] = call
        for backend, model in models.items():
            calls[f"training {backend}"] = partial(_training_step, model, graph)
            memory[f"memory_{backend}"] = _kept(model, graph)
    first = shard["num_threads"][0]
    for peer in set(shard["peers"]) & set(NETWORKS):
        network = load_peer(peer, frame, _CUTOFF)
        if isinstance(network, str):
            missing[peer] = network
        else:
            calls[f"{peer} gradient {first}"] = partial(network, first)
    rounds = shard["rounds"]
    seconds = _in_turns(calls, rounds)
    potential = atoms.Potential(models["native"])
    parts = {
        kind: [list(part) for part in atoms.kernel_times(potential, frame, forces=kind, rounds=rounds)]
        for kind in ("gradient", "direct")
    }
    counts = {"n_atoms": len(frame), "n_pairs": len(neighbors)}
    return {**counts, **memory, **seconds, "profile": parts, "missing": missing}


def _in_turns(calls: Mapping[str, Call], rounds: int) -> dict[str, list[float]]:
    """Call everything in turns, so that a busy machine slows all alike; short calls, the fastest of some."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    repeats = {name: max(int(_SHORTEST / min(_timed(call), _timed(call))), 1) for name, call in calls.items()}
    for _ in range(rounds):
        for name, call in calls.items():
            seconds[name].append(min(_timed(call) for _ in range(repeats[name])))
    return seconds


def _timed(call: Call) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _engine(model: Any, frame: atoms.Frame, threads: list[int]) -> dict[str, Call]:
    calls: dict[str, Call] = {}
    for count in threads:
        potential = atoms.Potential(model, num_threads=count)
        for kind in ("none", "gradient", "direct"):
            calls[f"engine {kind} {count}"] = partial(potential.compute, frame, forces=kind)
    return calls


def _lists(frame: atoms.Frame) -> dict[str, Call]:
    """Return neighbour lists with the same arrays, on one thread."""
    calls: dict[str, Call] = {
        "list ours": partial(atoms.neighbor_list, "ijSDd", frame, _CUTOFF, num_threads=1)
    }
    if importlib.util.find_spec("vesin") is not None:
        from vesin import NeighborList

        lister = NeighborList(cutoff=_CUTOFF, full_list=True, n_threads=1)
        calls["list vesin"] = partial(
            lister.compute,
            points=np.array(frame.positions),
            box=np.array(frame.cell),
            periodic=True,
            quantities="ijSDd",
            copy=True,
        )
    return calls


def _references(channels: int, n_atoms: int, neighbors: Any) -> dict[str, Call]:
    """Return a product of matrices, 2 N F (3 F) operations, and one reading of all neighbours' features."""
    rng = np.random.Generator(np.random.Philox(key=1))
    left = rng.normal(size=(n_atoms, channels)).astype(np.float32)
    right = rng.normal(size=(channels, 3 * channels)).astype(np.float32)
    table = rng.normal(size=(n_atoms, 6 * channels)).astype(np.float32)
    out = np.empty((1024, 6 * channels), np.float32)

    def multiply() -> None:
        with threadpool_limits(limits=1, user_api="blas"):
            np.matmul(left, right)

    def gather() -> None:
        for start in range(0, len(neighbors), len(out)):
            part = neighbors[start : start + len(out)]
            np.take(table, part, axis=0, out=out[: len(part)], mode="clip")

    return {"product": multiply, "gather": gather}


def _evaluate(model: Any, graph: Any, kind: str, threads: int) -> None:
    model.eval()
    from nonideal.physics.atoms.optimization import threads_of_torch

    with threads_of_torch(threads):
        model(graph, forces=kind)


def _loss(model: Any, graph: Any) -> Any:
    result = model(graph, forces="gradient", create_graph=True)
    return result["energy"].mean() / len(result["energies"]) + result["forces"].abs().mean()


def _training_step(model: Any, graph: Any) -> None:
    from nonideal.physics.atoms.optimization import threads_of_torch

    model.num_threads = 1
    with threads_of_torch(1):
        _loss(model, graph).backward()
    model.zero_grad()


def _kept(model: Any, graph: Any) -> int:
    """Return the bytes that autograd keeps for the loss's gradient, each storage once."""
    import torch

    storages: dict[int, int] = {}

    def pack(tensor: Any) -> Any:
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = _loss(model, graph)
    kept = sum(storages.values())
    del loss
    return kept
