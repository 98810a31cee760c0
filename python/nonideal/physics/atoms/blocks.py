"""The network's pieces that act on atoms alone; what acts on edges is `message_pass`.

Scalars x are (n_atoms, F), vectors v (n_atoms, 3, F): the channel runs fastest. Formulas: arXiv 2311.02869
(``v1``) and its rewrite of 2024 (``vn``).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nonideal.errors import MissingExtra

try:
    import torch
    from torch import Tensor, nn
    from torch.nn import functional
except ImportError:
    raise MissingExtra("torch", "atoms") from None

if TYPE_CHECKING:
    from nonideal.physics.atoms.architecture import Architecture

__all__ = [
    "Filter",
    "Interaction",
    "Linear",
    "Mlp",
    "Pooling",
    "Readout",
    "VirtualNode",
    "initialize",
    "scaled_silu",
]

_NORM_FLOOR = 1e-8  # [repo] below the root of a vector's length


class Linear(nn.Linear):
    """torch's layer, whose numbers are set by `initialize`, and not from the global generator."""

    def reset_parameters(self) -> None:
        """Leave the numbers as they are."""


class Embedding(nn.Embedding):
    """torch's table, likewise."""

    def reset_parameters(self) -> None:
        """Leave the numbers as they are."""


class Filter(Linear):
    """Radial functions -> three numbers per channel, weights alone: `message_pass` applies them."""


def initialize(module: nn.Module, generator: torch.Generator) -> None:
    """Draw all weights as the published code does, in float64 and in the order of the modules.

    Linear layers uniformly in +-1/sqrt(inputs), bias included (torch's default); the embedding uniformly in
    +-sqrt 3; the virtual node from N(0, 1).
    """

    def draw(weight: Tensor, bound: float) -> None:
        drawn = torch.empty(weight.shape, dtype=torch.float64).uniform_(-bound, bound, generator=generator)
        weight.copy_(drawn)

    with torch.no_grad():
        for name, part in module.named_modules():
            if isinstance(part, Linear):
                bound = 1.0 / math.sqrt(part.in_features)
                draw(part.weight, bound)
                if part.bias is not None:
                    draw(part.bias, bound)
            elif isinstance(part, Embedding) and name.endswith("virtual_node"):
                normal = torch.empty(part.weight.shape, dtype=torch.float64).normal_(generator=generator)
                part.weight.copy_(normal)
            elif isinstance(part, Embedding):
                draw(part.weight, math.sqrt(3.0))


def scaled_silu(x: Tensor) -> Tensor:
    """Return SiLU(x) / 0.6, which keeps the variance of normal numbers about 1."""
    return functional.silu(x) * (1.0 / 0.6)


def vector_norm(v: Tensor, clamp: bool) -> Tensor:
    """Return the lengths of vectors, (..., 3, F) -> (..., F), with a finite gradient at zero."""
    square = v.pow(2).sum(dim=-2)
    return (square.clamp(min=_NORM_FLOOR) if clamp else square + _NORM_FLOOR).sqrt()


def _projections(layer: nn.Linear, v: Tensor, both: bool) -> tuple[Tensor | None, Tensor]:
    """Return v1 and v2 of an update; v1 is None where nobody reads the vectors any more: half the product."""
    if both:
        v1, v2 = layer(v).chunk(2, dim=-1)
        return v1, v2
    return None, functional.linear(v, layer.weight[v.shape[-1] :])


class Pooling:
    """Sum or mean over the atoms of each structure."""

    def __init__(self, graph_index: Tensor, n_atoms: Tensor, mode: str) -> None:
        self._index, self._count, self._mean = graph_index, n_atoms, mode == "mean"

    def __call__(self, values: Tensor) -> Tensor:
        """Return (n_graphs, ...) of (n_atoms, ...); zero for a structure without atoms."""
        total = values.new_zeros((len(self._count), *values.shape[1:])).index_add(0, self._index, values)
        if not self._mean:
            return total
        count = self._count.clamp(min=1).to(values.dtype)
        return total / count.reshape(-1, *[1] * (values.dim() - 1))

    def spread(self, values: Tensor) -> Tensor:
        """Return (n_atoms, ...) of (n_graphs, ...): each atom gets what its structure has."""
        return values.index_select(0, self._index)


class Mlp(nn.Module):
    """Two linear layers with the activation between them."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.hidden = Linear(inputs, hidden)
        self.out = Linear(hidden, outputs)

    def forward(self, *parts: Tensor) -> Tensor:
        """Return the layers' result for the parts side by side."""
        x = parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)
        result: Tensor = self.out(scaled_silu(self.hidden(x)))
        return result


class Message(nn.Module):
    """The weights of the message: of the nodes' part, and of the radial filter."""

    def __init__(self, channels: int, n_rbf: int) -> None:
        super().__init__()
        self.node = Mlp(channels, channels // 2, 3 * channels)
        self.filter = Filter(n_rbf, 3 * channels)


class GlobalUpdate(nn.Module):
    """v1: one vector per structure, the sum over its atoms, meets each atom's own vectors."""

    def __init__(self, shape: Architecture) -> None:
        super().__init__()
        f = shape.channels
        self._clamp = shape.vector_norm == "clamp"
        self.vector = Linear(f, 2 * f, bias=False)
        self.mix = Mlp((3 if shape.pools else 2) * f, f // 2, 2 * f)
        self.scalar = Linear(f, f)
        if shape.pools:
            self.pool_scalar = Mlp(f, f // 2, 1)
            self.pool_vector = Linear(f, 1, bias=False)

    def forward(self, x: Tensor, v: Tensor, pool: Pooling, vectors: bool = True) -> tuple[Tensor, Tensor]:
        """Return the new x and, with ``vectors``, the new v."""
        v1, v2 = _projections(self.vector, v, vectors)
        parts = [x]
        if hasattr(self, "pool_vector"):
            weighted = self.pool_scalar(x) * self.pool_vector(v)[..., 0]  # (n_atoms, 3)
            whole = pool.spread(pool(weighted))
            parts.append((v2 * whole[..., None]).sum(dim=-2))
        parts.append(vector_norm(v2, self._clamp))
        p, gate = (self.mix(*parts) * math.sqrt(0.5)).chunk(2, dim=-1)
        x = x + (scaled_silu(self.scalar(x)) + p) * 0.5
        return x, v if v1 is None else torch.addcmul(v, gate[:, None], v1)


class LocalUpdate(nn.Module):
    """PaiNN's update (``vanilla``), or the one with a gated scalar (``vn`` and ``vanilla-nmu``)."""

    def __init__(self, shape: Architecture) -> None:
        super().__init__()
        f = shape.channels
        self._clamp = shape.vector_norm == "clamp"
        self._painn = shape.variant == "vanilla"
        self.vector = Linear(f, 2 * f, bias=False)
        self.mix = Mlp(2 * f, f, 3 * f)

    def forward(self, x: Tensor, v: Tensor, pool: Pooling, vectors: bool = True) -> tuple[Tensor, Tensor]:
        """Return the new x and, with ``vectors``, the new v."""
        v1, v2 = _projections(self.vector, v, vectors or self._painn)
        p, q, r = self.mix(x, vector_norm(v2, self._clamp)).chunk(3, dim=-1)
        if v1 is None:
            return x + q * math.sqrt(0.5) + x * torch.tanh(r), v
        if self._painn:
            dot = (v1 * v2).sum(dim=-2) / math.sqrt(x.shape[-1])
            return x + (p + q * dot) * math.sqrt(0.5), torch.addcmul(v, r[:, None], v1)
        return x + q * math.sqrt(0.5) + x * torch.tanh(r), torch.addcmul(v, p[:, None], v1)


class VirtualNode(nn.Module):
    """One direction of the exchange between atoms and the virtual node of their structure (vn)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scalar = Mlp(2 * channels, channels, channels)
        self.vector = Linear(channels, channels, bias=False)

    def forward(
        self, x: Tensor, v: Tensor, own: Tensor, other: Tensor, other_v: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return x + sigma(mlp([own, other])) and v + lin(v + other_v)."""
        return x + scaled_silu(self.scalar(own, other)), v + self.vector(v + other_v)


class Interaction(nn.Module):
    """One layer's weights: message, update and, in vn, the exchange with the virtual node."""

    def __init__(self, shape: Architecture) -> None:
        super().__init__()
        if shape.virtual:
            self.distribute = VirtualNode(shape.channels)
        self.message = Message(shape.channels, shape.n_rbf)
        self.update = GlobalUpdate(shape) if shape.variant == "v1" else LocalUpdate(shape)
        if shape.virtual:
            self.aggregate = VirtualNode(shape.channels)


class Readout(nn.Module):
    """Energy of each atom from its scalars, direct force from its vectors."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.energy = Mlp(channels, channels // 2, 1)
        self.force = Linear(channels, 1, bias=False)
