"""Matrix products computed gate by gate, against a simulator of analog in-memory computing.

MemIntelli simulates crossbars of memristors: conductances with Gaussian noise, slices of bits, converters.
Other physics, the same question: what does a matrix product of 4-bit integers become on imperfect hardware?
It is a peer where it is installed (the extra ``bench``). The other peer is numpy's product of the integers,
which knows no errors: the price of simulating every gate.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from nonideal.benchmarks.harness import Benchmark, Case, Peer

from nonideal.hardware import cram
from nonideal.hardware.cram import circuits

__all__ = ["BENCHMARKS"]

THREADS = 2
BITS = 4

Integers = npt.NDArray[np.int64]


def _product(eps: float, goal: float | None) -> Callable[[bool], Case]:
    """Return a square product, one entry of the result in a lane."""

    def prepare(tiny: bool) -> Case:
        size = 4 if tiny else 256
        rng = np.random.default_rng(1)
        a, b = rng.integers(0, 2**BITS, (2, size, size))
        program = cram.place(circuits.dot(size, BITS, BITS), cram.Array(columns=1 << 14)).program
        gates = cram.GateLibrary.uniform(eps)
        rows, columns = cram.pack(a, BITS), cram.pack(np.ascontiguousarray(b.T), BITS)
        inputs = {
            "x": cram.BitPlanes(rows.words, size * size, repeat=size, entries=size),
            "w": cram.BitPlanes(columns.words, size * size, entries=size),
        }

        def ours() -> Integers:
            result: Integers = cram.simulate(program, inputs, gates, seed=1, num_threads=THREADS)["y"]
            return result.reshape(size, size)

        def check() -> None:
            exact = cram.simulate(program, inputs)["y"].reshape(size, size)
            np.testing.assert_array_equal(exact, a @ b)
            assert eps > 0 or np.array_equal(ours(), exact)

        peers = {"numpy integers": Peer(lambda: a @ b)}
        if importlib.util.find_spec("memintelli") and importlib.util.find_spec("torch"):
            peers["MemIntelli"] = Peer(_memintelli(a, b), goal=goal)
        return Case(float(size) ** 3, ours, check, peers)

    return prepare


def _memintelli(a: Integers, b: Integers) -> Callable[[], object]:
    """Return the product on simulated memristors, in slices of 1, 1 and 2 bits, set up as its guide does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its imports warn, about matters that are not ours
        import torch
        from memintelli.pimpy.memmat_tensor import DPETensor
        from memintelli.utils.data_formats import SlicedData
    tile = min(32, len(a))
    engine = DPETensor(
        var=0.05,
        rdac=4,
        g_level=4,
        radc=1024,
        weight_quant_gran=(len(a), len(a)),
        input_quant_gran=(1, len(a)),
        weight_paral_size=(tile, tile),
        input_paral_size=(1, tile),
    )
    slices, cpu = torch.tensor([1, 1, 2]), torch.device("cpu")
    x = SlicedData(slices, device=cpu, slice_data_flag=True)
    w = SlicedData(slices, device=cpu)
    x.slice_data_imp(engine, torch.from_numpy(a).float())
    w.slice_data_imp(engine, torch.from_numpy(b).float())

    def call() -> object:
        before = torch.get_num_threads()
        torch.set_num_threads(THREADS)
        try:
            return engine(x, w)
        finally:
            torch.set_num_threads(before)

    return call


BENCHMARKS = (
    Benchmark(
        "matmul-256-noise-free",
        "cram",
        "MAC",
        _product(0.0, 3),
        note="4 x 4 bits, one entry of the product a lane",
    ),
    Benchmark(
        "matmul-256-eps-1e-3",
        "cram",
        "MAC",
        _product(1e-3, 1.5),
        note="4 x 4 bits, one entry of the product a lane",
    ),
)
