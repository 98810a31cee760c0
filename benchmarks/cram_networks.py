"""Converted torch networks, against the same integers in torch's own arithmetic."""

from __future__ import annotations

from collections.abc import Callable

from nonideal.benchmarks.harness import Benchmark, Case, Peer

from nonideal.data import load_digits
from nonideal.hardware import cram

__all__ = ["BENCHMARKS"]


def _network(eps: float, convolution: bool) -> Callable[[bool], Case]:
    def prepare(tiny: bool) -> Case:
        import torch
        from torch import nn

        digits = load_digits()
        images = torch.tensor(digits.x_test / 15, dtype=torch.float32)[: 2 if tiny else None]
        with torch.random.fork_rng():
            torch.manual_seed(1)
            module = (
                nn.Sequential(
                    nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(64, 10)
                )
                if convolution
                else nn.Sequential(nn.Flatten(), nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 10))
            )
        x = images[:, None]
        network = cram.convert(module, x, gates=cram.GateLibrary.uniform(eps), seed=1)
        exact, plain = network.with_gates(None), network.fake_quantized

        def check() -> None:
            assert torch.equal(exact(x), plain(x))

        def torch_integers() -> object:
            with torch.no_grad():
                return plain(x)

        return Case(float(len(x)), lambda: network(x), check, {"torch, no gates": Peer(torch_integers)})

    return prepare


BENCHMARKS = (
    Benchmark("mlp-eps-1e-4", "cram", "image", _network(1e-4, False),
              note="64-24-10; 68 dot products of 64 or 24 terms, 4 x 4 bits; torch has no errors"),
    Benchmark("convolution-eps-1e-4", "cram", "image", _network(1e-4, True),
              note="3x3 convolution to 4 channels, 64-10; 128 + 20 dot products of 9 or 64 terms"),
)  # fmt: skip
