"""A step of training on forces against the same network in plain torch: its time, and its memory."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from typing import Any

import numpy as np
from nonideal.benchmarks.atoms_systems import CUTOFF, copper
from nonideal.benchmarks.harness import Benchmark, Case, Peer

from nonideal.physics import atoms

__all__ = ["BENCHMARKS"]

_WEIGHT = 50.0  # of forces in the loss, as a trainer has it


def _model(backend: str, tiny: bool, **options: Any) -> Any:
    size = {"channels": 16, "layers": 2, "n_rbf": 8} if tiny else {"channels": 128, "layers": 3, "n_rbf": 32}
    model = atoms.LEIGNN(["Cu"], cutoff=CUTOFF, backend=backend, seed=1, **size, **options)
    model.num_threads = 1
    return model


def _step(model: Any, graph: Any) -> list[Any]:
    """Return the gradient by all weights of a loss of energy and forces, by double backward."""
    import torch

    from nonideal.physics.atoms.optimization import threads_of_torch

    with threads_of_torch(1):
        found = model(graph, forces="gradient", create_graph=True)
        loss = found["energy"].mean() / len(found["energies"]) + _WEIGHT * (found["forces"] ** 2).mean()
        weights = [weight for weight in model.parameters() if weight.requires_grad]
        return list(torch.autograd.grad(loss, weights, allow_unused=True))


def _time(tiny: bool) -> Case:
    models = {backend: _model(backend, tiny) for backend in ("native", "torch")}
    graph = models["native"].graph(copper(2 if tiny else 5))

    def check() -> None:
        import torch

        small = {backend: _model(backend, True, dtype=torch.float64) for backend in models}
        pair = small["native"].graph(copper(2))
        ours, theirs = (_step(small[backend], pair) for backend in ("native", "torch"))
        for mine, want in zip(ours, theirs, strict=True):
            assert (mine is None) == (want is None)
            if want is not None:
                np.testing.assert_allclose(mine, want, rtol=0, atol=1e-9 * max(1.0, float(want.abs().max())))

    return Case(
        float(len(graph.numbers)),
        partial(_step, models["native"], graph),
        check,
        {"plain torch": Peer(partial(_step, models["torch"], graph), goal=6.0)},
    )


_IN_A_PROCESS = """
import sys
from pathlib import Path
from nonideal.benchmarks.atoms_systems import copper
from nonideal.benchmarks.atoms_training import _model, _step

def peak():  # KiB
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])

backend, cells, tiny = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "True"
small = _model(backend, True)
_step(small, small.graph(copper(2)))  # what libraries take for themselves
model = _model(backend, tiny)
graph = model.graph(copper(cells))
before = peak()
_step(model, graph)
print((peak() - before) / 1024)
"""


def _peak(backend: str, tiny: bool) -> float:
    """Return how much a step raises the peak memory of a fresh process, MiB."""
    command = [sys.executable, "-W", "ignore", "-c", _IN_A_PROCESS, backend, "3" if tiny else "4", str(tiny)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return max(float(done.stdout), 0.1)


def _memory(tiny: bool) -> Case:
    """Return MiB; the fresh processes find this module, or they raise."""
    return Case(
        1.0,
        partial(_peak, "native", tiny),
        lambda: None,
        {"plain torch": Peer(partial(_peak, "torch", tiny), goal=10.0)},
    )


BENCHMARKS = (
    Benchmark(
        "training-step",
        topic="atoms",
        unit="atoms",
        prepare=_time,
        note="gradient of a loss of forces by all weights, 500 copper atoms, F = 128, 3 layers, one thread",
    ),
    Benchmark(
        "training-memory",
        topic="atoms",
        unit="steps",
        prepare=_memory,
        per="MiB",
        returned=True,
        note="what the same step of 256 atoms adds to the peak memory of a fresh process",
    ),
)
