"""Error-aware training of converted modules."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from nonideal.checks import check_integer, check_positive
from nonideal.errors import InvalidArgument, MissingExtra
from nonideal.hardware.cram.layers import SIGNS, Layer
from nonideal.hardware.cram.library import GateLibrary
from nonideal.hardware.cram.mapping import Mapper
from nonideal.hardware.cram.networks import CramModule
from nonideal.hardware.cram.torch_module import (
    Convolution,
    TorchCramModule,
    check_tensor,
    convolution_of,
    source_weight,
    swap,
)
from nonideal.progress import progress_bar
from nonideal.seeds import derive_seed, resolve_seed

try:
    import torch
    from torch import Tensor, nn
    from torch.nn import functional
except ImportError:
    raise MissingExtra("torch", "torch") from None

__all__ = ["train"]

IntArray = npt.NDArray[np.int64]

_BINS = 16  # of exact results; errors depend on them: a small sum has fewer bits that can be wrong
_POOL_LANES = 1 << 16  # lanes that a layer simulates per epoch


class _ErrorPool:
    """Errors of a layer's dot products by exact result, as its own gates made them on its own data."""

    def __init__(self, layer: Layer, x: IntArray, gates: GateLibrary | None, seed: int) -> None:
        run = layer.run(x, gates, seed=seed)
        exact = layer.exact(x)
        errors, exact = (run.values - exact).ravel(), exact.ravel()
        order = np.argsort(exact, kind="stable")
        sorted_exact = exact[order]
        starts = np.unique(np.searchsorted(sorted_exact, np.quantile(sorted_exact, np.arange(_BINS) / _BINS)))
        self.edges = torch.from_numpy(sorted_exact[starts[1:]].astype(np.float32))
        self.errors = torch.from_numpy(errors[order].astype(np.float32))
        self.starts = torch.from_numpy(starts)
        self.sizes = torch.from_numpy(np.diff(np.append(starts, len(exact))))

    def draw(self, exact: Tensor, generator: torch.Generator) -> Tensor:
        """Return an error for every exact result, drawn from those that results like it had."""
        index = torch.bucketize(exact, self.edges, right=True)
        share = torch.rand(exact.shape, generator=generator, dtype=torch.float64)
        return self.errors[self.starts[index] + (share * self.sizes[index]).long()]


class _TrainingLayer(nn.Module):
    """Quantised, with errors drawn from a pool; gradients as if it were neither."""

    def __init__(
        self, layer: Layer, module: nn.Module, mapper: Mapper, gates: GateLibrary | None, rng: torch.Generator
    ) -> None:
        super().__init__()
        self.module, self.layer, self.mapper, self.gates, self.rng = module, layer, mapper, gates, rng
        self.convolution: Convolution | None = convolution_of(module)
        self.pool: _ErrorPool | None = None
        self.seen: Tensor | None = None  # inputs of the last call, while somebody wants them
        self.listening = False

    def forward(self, input: Tensor) -> Tensor:
        """Return what the layer gives with errors."""
        x = input
        if self.listening:
            self.seen = x.detach()
        layer = self.layer
        scale, zero, top = layer.input_scale, layer.zero_point, 2**layer.bits_input - 1
        inside = x.clamp(-zero * scale, (top - zero) * scale)
        integers = (torch.round(x.detach() / scale) + zero).clamp(0, top)
        rounded = inside + ((integers - zero) * scale - inside).detach()
        assert isinstance(self.module, nn.Linear | nn.Conv2d)
        weight = self.module.weight
        current = self.current()
        w_scale = torch.as_tensor(current.weight_scale, dtype=x.dtype)
        w_integers = torch.from_numpy(current.weight).to(x.dtype).reshape(weight.shape)
        per_output = w_scale.reshape(-1, *([1] * (weight.dim() - 1))) if w_scale.dim() else w_scale
        w_rounded = weight + (w_integers * per_output - weight).detach()
        result = self._multiply(rounded, w_rounded, 0.0)
        if self.pool is not None:
            with torch.no_grad():
                parts = [w_integers.clamp(min=0), (-w_integers).clamp(min=0)]
                plus, minus = (
                    self.pool.draw(self._multiply(integers, part, float(zero)), self.rng) for part in parts
                )
                axis = -1 if self.convolution is None else -3
                shape = [1] * result.dim()
                shape[axis] = -1
                error = (plus - minus) * scale * (w_scale.reshape(shape) if w_scale.dim() else w_scale)
            result = result + error
        bias = self.module.bias
        if bias is None:
            return result
        return result + (bias if self.convolution is None else bias.reshape(-1, 1, 1))

    def _multiply(self, x: Tensor, weight: Tensor, zero: float) -> Tensor:
        if self.convolution is None:
            return functional.linear(x, weight)
        return functional.conv2d(
            self.convolution.pad(x, zero),
            weight,
            stride=self.convolution.stride,
            dilation=self.convolution.dilation,
            groups=self.layer.groups,
        )

    def current(self) -> Layer:
        """Return the layer in integers, with the weights as they are now."""
        weight, bias = source_weight(self.module, self.layer.name)
        return self.mapper.scaled(
            weight,
            bias,
            self.layer.input_scale,
            self.layer.zero_point,
            groups=self.layer.groups,
            name=self.layer.name,
        )

    def measure(self, seed: int) -> None:
        """Fill the pool from the inputs that were seen."""
        if self.gates is None or self.seen is None or not self.seen.numel():
            return
        layer = self.current()
        values: IntArray = self.layer.integers(self.seen.double().numpy())
        x: IntArray
        if self.convolution is None:
            x = values.reshape(-1, values.shape[-1])
        else:
            images = values if values.ndim == 4 else values[None]
            x = self.convolution.rows(images, layer.zero_point, layer.groups)[0]
        rows: IntArray = x.reshape(-1, layer.groups, x.shape[-1])
        most = max(1, _POOL_LANES // (SIGNS * layer.outputs))
        rows = rows[:: max(1, -(-len(rows) // most))]
        self.pool = _ErrorPool(layer, np.ascontiguousarray(rows).reshape(-1, x.shape[-1]), self.gates, seed)


def train(
    module: CramModule,
    batches: Iterable[tuple[Tensor, Tensor]],
    *,
    epochs: int,
    learning_rate: float,
    seed: int | None,
    progress: bool,
) -> CramModule:
    """Train; see `fine_tune`."""
    assert isinstance(module, TorchCramModule)
    epochs = check_integer("epochs", epochs, 1, 32)
    learning_rate = check_positive("learning_rate", learning_rate)
    seed = resolve_seed(seed)
    if not isinstance(batches, Iterable) or isinstance(batches, Iterator):
        raise InvalidArgument(
            f"batches: {type(batches).__name__} can't be read once per epoch; a list or a data loader can"
        )
    rng = torch.Generator().manual_seed(seed)
    student = swap(
        copy.deepcopy(module.source),
        module.layers,
        lambda layer, there: _TrainingLayer(layer, there, module.mapper, module.layer_gates[layer.name], rng),
    ).eval()
    layers = [part for part in student.modules() if isinstance(part, _TrainingLayer)]
    for parameter in student.parameters():
        parameter.requires_grad_(True)
    optimiser = torch.optim.Adam(student.parameters(), lr=learning_rate)
    with progress_bar("fine-tuning", epochs, show=progress) as advance:
        for epoch in range(epochs):
            steps = 0
            for x, target in batches:
                _check_batch(x, target)
                if steps == 0:
                    _measure(student, layers, x, seed, epoch)
                loss = functional.cross_entropy(student(x), target)
                if not bool(torch.isfinite(loss)):
                    raise InvalidArgument(
                        f"learning_rate = {learning_rate}: the loss is not finite in epoch {epoch}"
                    )
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                steps += 1
            if not steps:
                raise InvalidArgument("batches: there are none")
            advance()
    for parameter in student.parameters():
        parameter.requires_grad_(False)
    trained = module.with_weights(_unwrap(student))
    trained.training_seed = seed
    return trained


def _measure(student: nn.Module, layers: list[_TrainingLayer], x: Tensor, seed: int, epoch: int) -> None:
    """Let every layer see its inputs for a batch, errors of the layers before included, and fill its pool."""
    for i, layer in enumerate(layers):
        if layer.gates is None:
            continue
        layer.listening = True
        with torch.no_grad():
            student(x)
        layer.listening = False
        layer.measure(derive_seed(seed, epoch, i))
        layer.seen = None


def _unwrap(student: nn.Module) -> nn.Module:
    """Return the module with its Linear and Conv2d layers back in their places."""
    for parent in list(student.modules()):
        for key, child in parent._modules.items():
            if isinstance(child, _TrainingLayer):
                parent._modules[key] = child.module
    return student.module if isinstance(student, _TrainingLayer) else student


def _check_batch(x: Any, target: Any) -> None:
    check_tensor("batches: x", x)
    if not isinstance(target, Tensor) or target.dtype != torch.int64 or target.shape != x.shape[:1]:
        kind = (
            f"{target.dtype} of shape {tuple(target.shape)}" if isinstance(target, Tensor) else type(target)
        )
        raise InvalidArgument(f"batches: target, {kind}, is not int64 of shape ({len(x)},)")
    if not len(x):
        raise InvalidArgument("batches: one has no samples")
