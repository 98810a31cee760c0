"""The engine against the same network in plain torch: shaken copper, 128 channels, 3 layers, one thread.

The operations of this algorithm for gradient forces (v1, counted in `nonideal.experiments._speed_tables`) are
2.0 Mflop per atom in products with weights: 8 us at the 260 Gflop/s that our products reach on a core of an
EPYC with AVX-512, where NumPy's OpenBLAS reaches 122; those along the edges take 7 us at the same rate.
Reached there: 27 us of CPU time with all else, 13 of them along the edges.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from nonideal.benchmarks.atoms_systems import CUTOFF, copper
from nonideal.benchmarks.harness import Benchmark, Case, Peer

from nonideal.physics import atoms
from nonideal.physics.atoms.peers import NETWORKS, load_peer
from nonideal.physics.atoms.peers import Peer as Network
from nonideal.physics.atoms.system import as_system

__all__ = ["BENCHMARKS"]


def _model(variant: str, tiny: bool) -> Any:
    size = {"channels": 16, "layers": 2, "n_rbf": 8} if tiny else {"channels": 128, "layers": 3, "n_rbf": 32}
    model = atoms.LEIGNN(["Cu"], cutoff=CUTOFF, variant=variant, backend="torch", seed=1, **size)
    model.eval()
    return model


def _engine(model: Any, **options: Any) -> atoms.Potential:
    with tempfile.TemporaryDirectory() as folder:
        return atoms.Potential(model.save(Path(folder) / "model.leignn"), **options)


def _torch(model: Any, graph: Any, **options: Any) -> Any:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return model(graph, **options)
    finally:
        torch.set_num_threads(before)


def _others(frame: atoms.Frame, goals: dict[str, float]) -> dict[str, Peer]:
    """Return other networks, where installed: energy and gradient forces, for they have no direct ones."""
    loaded = {name: load_peer(name, frame, CUTOFF) for name in goals}
    return {
        NETWORKS[name][2]: Peer(partial(network, 1), goal=goals[name])
        for name, network in loaded.items()
        if isinstance(network, Network)
    }


def _against_torch(variant: str, forces: str, goal: float, others: dict[str, float], tiny: bool) -> Case:
    stress = forces == "gradient"
    frame, model = copper(2 if tiny else 5), _model(variant, tiny)
    graph = model.graph(frame)
    engine = _engine(model, num_threads=1)
    ours: Callable[[], Any] = partial(engine.compute, frame, forces=forces, stress=stress)
    peer: Callable[[], Any] = partial(_torch, model, graph, forces=forces, stress=stress)

    def check() -> None:
        found, want = ours(), peer()
        size = max(1.0, abs(found.energy))
        assert abs(found.energy - float(want["energy"][0].detach())) < 1e-4 * size
        np.testing.assert_allclose(found.forces, want["forces"].detach().numpy(), rtol=0, atol=1e-4 * size)

    return Case(
        count=len(frame.numbers),
        ours=ours,
        peers={"plain torch": Peer(peer, goal=goal)} | _others(frame, others),
        check=check,
    )


def _against_itself(cells: int, other: dict[str, Any], goal: float, tiny: bool) -> Case:
    """Many atoms, or several threads, against 500 atoms on one thread."""
    model = _model("v1", tiny)
    small, large = copper(2 if tiny else 5), copper(3 if tiny else cells)
    one, ours_engine = _engine(model, num_threads=1), _engine(model, **{"num_threads": 1, **other})
    ours: Callable[[], Any] = partial(ours_engine.compute, large, forces="gradient", stress=True)
    peer = partial(one.compute, small, forces="gradient", stress=True)

    def check() -> None:
        want = one.compute(large, forces="gradient", stress=True)
        np.testing.assert_array_equal(ours().forces, want.forces)

    count = len(small.numbers)
    return Case(
        count=len(large.numbers),
        ours=ours,
        peers={f"{count} atoms, one thread": Peer(peer, count=count, goal=goal)},
        check=check,
    )


def _batch(tiny: bool) -> Case:
    """Molecules by Python's call for all, against the engine alone with systems that were checked before."""
    engine = _engine(_model("v1", tiny), num_threads=1)
    corners = np.stack(np.meshgrid(*3 * [np.arange(3)], indexing="ij"), axis=-1).reshape(-1, 3)[:20]
    rng = np.random.default_rng(0)
    molecules = [
        atoms.Frame(np.full(20, 29), 2.2 * corners + rng.normal(0, 0.1, (20, 3))).to_ase()
        for _ in range(5 if tiny else 100)
    ]
    systems = [as_system(molecule) for molecule in molecules]
    ours: Callable[[], Any] = partial(engine.compute, molecules, forces="gradient")
    peer = partial(engine._core.compute_batch, systems, forces=2, virial=False, virials=False)

    def check() -> None:
        for found, want in zip(ours(), peer(), strict=True):
            np.testing.assert_array_equal(found.forces, want[2])

    return Case(
        count=len(molecules), ours=ours, peers={"the engine alone": Peer(peer, goal=0.92)}, check=check
    )


BENCHMARKS = (
    Benchmark(
        "potential-gradient",
        topic="atoms",
        unit="atoms",
        prepare=partial(_against_torch, "v1", "gradient", 20.0, {"schnetpack": 20.0, "mace": 12.0}),
        floor=1e6 / 75,
        note="energy, forces and virial of 500 atoms, the neighbour list made anew",
    ),
    Benchmark(
        "potential-direct",
        topic="atoms",
        unit="atoms",
        prepare=partial(_against_torch, "v1", "direct", 12.0, {"schnetpack": 40.0}),
        floor=1e6 / 30,
        note="energy and direct forces of 500 atoms",
    ),
    Benchmark(
        "potential-gradient-vn",
        topic="atoms",
        unit="atoms",
        prepare=partial(_against_torch, "vn", "gradient", 20.0, {}),
        note="the variant with a virtual node",
    ),
    Benchmark(
        "potential-two-threads",
        topic="atoms",
        unit="atoms",
        prepare=partial(_against_itself, 5, {"num_threads": 2}, 1.8),
        note="two threads against one",
    ),
    Benchmark(
        "potential-4000",
        topic="atoms",
        unit="atoms",
        prepare=partial(_against_itself, 10, {}, 0.8),
        note="4,000 atoms against 500, per atom",
    ),
    Benchmark(
        "potential-batch",
        topic="atoms",
        unit="molecules",
        prepare=_batch,
        note="energy and forces of ase.Atoms of 20 atoms, in one call: 30 us above the engine's 380",
    ),
)
