"""Training in several processes: what they share where torch.distributed has a process group."""

from __future__ import annotations

from collections.abc import Iterable

from nonideal.errors import MissingExtra

try:
    import torch
    from torch import Tensor
    from torch import distributed as dist
except ImportError:
    raise MissingExtra("torch", "atoms") from None

__all__ = ["agree", "agree_seed", "rank", "size", "sum_gradients", "sum_numbers", "take_from_first"]


def size() -> int:
    """Return the number of processes."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Return which one this is."""
    return dist.get_rank() if size() > 1 else 0


def take_from_first(tensors: Iterable[Tensor]) -> None:
    """Overwrite tensors by those of the first process."""
    if size() > 1:
        with torch.no_grad():
            for tensor in tensors:
                dist.broadcast(tensor, 0)


def agree(value: float) -> float:
    """Return the number that the first process has."""
    if size() == 1:
        return value
    number = torch.tensor([value], dtype=torch.float64)
    dist.broadcast(number, 0)
    return float(number)


def agree_seed(seed: int) -> int:
    """Return the seed that the first process has."""
    high, low = agree(float(seed >> 32)), agree(float(seed & 0xFFFFFFFF))
    return int(high) << 32 | int(low)


def sum_numbers(values: list[float]) -> list[float]:
    """Return sums over the processes."""
    if size() == 1:
        return values
    numbers = torch.tensor(values, dtype=torch.float64)
    dist.all_reduce(numbers)
    return list(numbers.tolist())


def sum_gradients(parameters: Iterable[Tensor]) -> None:
    """Add up the gradients of all processes, in one message; one that is missing everywhere stays so."""
    if size() == 1:
        return
    every = list(parameters)
    there = torch.tensor([p.grad is not None for p in every], dtype=torch.float64)
    dist.all_reduce(there)
    used = [p for p, n in zip(every, there.tolist(), strict=True) if n]
    if not used:
        return
    parts = [torch.zeros_like(p) if p.grad is None else p.grad for p in used]
    flat = torch.cat([part.reshape(-1) for part in parts])
    dist.all_reduce(flat)
    for parameter, part in zip(used, torch.split(flat, [p.numel() for p in used]), strict=True):
        parameter.grad = part.reshape(parameter.shape).clone()
