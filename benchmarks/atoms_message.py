"""The message step of LEIGNN against plain torch: shaken copper, one thread, float32."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from nonideal.benchmarks.atoms_systems import CUTOFF, copper
from nonideal.benchmarks.harness import Benchmark, Case, Peer

from nonideal.physics import atoms

__all__ = ["BENCHMARKS"]


@cache
def _edges(cells: int) -> tuple[Any, Any, Any]:
    """Return vectors, indptr and neighbours of 4 cells^3 atoms."""
    frame = copper(cells, shake=0.1)
    centers, neighbors, vectors = atoms.neighbor_list("ijD", frame, CUTOFF, num_threads=1)
    return vectors, np.searchsorted(centers, np.arange(len(frame) + 1)), neighbors


def _inputs(tiny: bool, dtype: Any) -> tuple[list[Any], tuple[Any, Any]]:
    import torch

    vectors, indptr, neighbors = _edges(3 if tiny else 5)
    n, channels, n_rbf = len(indptr) - 1, 16 if tiny else 128, 32
    generator = torch.Generator().manual_seed(1)
    shapes = [(n, 3 * channels), (n, 3, channels), None, (3 * channels, n_rbf), (3 * channels,)]
    real = [
        torch.tensor(vectors, dtype=dtype)
        if shape is None
        else torch.randn(shape, generator=generator, dtype=dtype)
        for shape in shapes
    ]
    return [tensor.requires_grad_() for tensor in real], (torch.tensor(indptr), torch.tensor(neighbors))


def _energy(inputs: list[Any], graph: tuple[Any, Any], backend: str) -> Any:
    from nonideal.physics.atoms.message import message_pass

    q, v, vectors, weight, bias = inputs
    dx, dv = message_pass(q, v, vectors, weight, bias, *graph, cutoff=CUTOFF, backend=backend, num_threads=1)
    return (dx**2).sum() + (dv**2).sum()


def _forward(inputs: list[Any], graph: tuple[Any, Any], backend: str) -> Any:
    import torch

    with torch.no_grad():
        return [_energy(inputs, graph, backend)]


def _gradient(inputs: list[Any], graph: tuple[Any, Any], backend: str) -> Any:
    import torch

    return torch.autograd.grad(_energy(inputs, graph, backend), inputs)


def _forces(inputs: list[Any], graph: tuple[Any, Any], backend: str) -> Any:
    """Do as inference does: nothing is wanted for the filter's weights."""
    import torch

    frozen = [*inputs[:3], *(tensor.detach() for tensor in inputs[3:])]
    return torch.autograd.grad(_energy(frozen, graph, backend), frozen[:3])


def _force_matching(inputs: list[Any], graph: tuple[Any, Any], backend: str) -> Any:
    """Return the gradient of a loss of forces by everything."""
    import torch

    (forces,) = torch.autograd.grad(_energy(inputs, graph, backend), inputs[2], create_graph=True)
    return torch.autograd.grad((forces**2).sum(), inputs)


def _case(work: Callable[[list[Any], tuple[Any, Any], str], Any], goal: float) -> Callable[[bool], Case]:
    def prepare(tiny: bool) -> Case:
        import torch

        inputs, graph = _inputs(tiny, torch.float32)

        def call(backend: str) -> Any:
            threads = torch.get_num_threads()
            torch.set_num_threads(1)
            try:
                return work(inputs, graph, backend)
            finally:
                torch.set_num_threads(threads)

        def check() -> None:
            exact = work(*_inputs(True, torch.float64), "native")
            plain = work(*_inputs(True, torch.float64), "torch")
            for got, want in zip(exact, plain, strict=True):
                assert (got - want).abs().max() < 1e-9 * want.abs().max()

        return Case(
            float(len(graph[1])),
            lambda: call("native"),
            check,
            {"torch": Peer(lambda: call("torch"), goal=None if tiny else goal)},
        )

    return prepare


BENCHMARKS = tuple(
    Benchmark(name, topic="atoms_message", unit="edges", prepare=_case(work, goal), note=note)
    for name, work, goal, note in (
        ("forward", _forward, 30.0, "500 copper atoms, F = 128, R = 32, float32, one thread"),
        ("forces", _forces, 25.0, "forward and backward without the weights' gradients"),
        ("gradient", _gradient, 20.0, "forward and backward"),
        ("force-matching", _force_matching, 12.0, "forward, backward, and the backward's backward"),
    )
)
