"""The native message step as torch operations: forward, backward, and the backward's own backward.

Every operation gets dense CPU tensors of fitting shapes; `message_pass` has checked them. Incoming gradients
may have any strides: they are laid out anew where the kernels need it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nonideal import _core
from nonideal.errors import MissingExtra

try:
    import torch
    from torch import Tensor
except ImportError:
    raise MissingExtra("torch", "atoms") from None

__all__ = ["native_message"]

_N_REAL = 5  # q, v, vectors, filter_weight, filter_bias


def _arrays(tensors: Sequence[Tensor]) -> list[Any]:
    return [tensor.detach().contiguous().numpy() for tensor in tensors]


def _tensors(arrays: Sequence[Any]) -> Any:
    return tuple(torch.from_numpy(array) for array in arrays)


def _forward(
    q: Tensor,
    v: Tensor,
    vectors: Tensor,
    weight: Tensor,
    bias: Tensor,
    indptr: Tensor,
    neighbors: Tensor,
    cutoff: float,
    exponent: int,
    smooth: bool,
    num_threads: int,
) -> tuple[Tensor, Tensor]:
    arrays = _arrays((q, v, vectors, weight, bias, indptr, neighbors))
    results: tuple[Tensor, Tensor] = _tensors(
        _core.atoms.message_forward(
            *arrays, cutoff=cutoff, exponent=exponent, smooth=smooth, num_threads=num_threads
        )
    )
    return results


_message = torch.library.custom_op("nonideal::message", _forward, mutates_args=(), device_types="cpu")


@_message.register_fake
def _(
    q: Tensor,
    v: Tensor,
    vectors: Tensor,
    weight: Tensor,
    bias: Tensor,
    indptr: Tensor,
    neighbors: Tensor,
    cutoff: float,
    exponent: int,
    smooth: bool,
    num_threads: int,
) -> tuple[Tensor, Tensor]:
    centers, channels = indptr.shape[0] - 1, v.shape[2]
    return q.new_empty(centers, channels), q.new_empty(centers, 3, channels)


@torch.library.custom_op("nonideal::message_backward", mutates_args=(), device_types="cpu")
def _message_backward(
    gx: Tensor,
    gv: Tensor,
    q: Tensor,
    v: Tensor,
    vectors: Tensor,
    weight: Tensor,
    bias: Tensor,
    indptr: Tensor,
    neighbors: Tensor,
    cutoff: float,
    exponent: int,
    smooth: bool,
    num_threads: int,
    by_vectors: bool,
    by_filter: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients by q, v, vectors, weight and bias; what is not wanted has no elements."""
    results: tuple[Tensor, Tensor, Tensor, Tensor, Tensor] = _tensors(
        _core.atoms.message_backward(
            *_arrays((gx, gv, q, v, vectors, weight, bias, indptr, neighbors)),
            cutoff=cutoff,
            exponent=exponent,
            smooth=smooth,
            by_vectors=by_vectors,
            by_weight=by_filter,
            num_threads=num_threads,
        )
    )
    return results


@_message_backward.register_fake
def _(
    gx: Tensor,
    gv: Tensor,
    q: Tensor,
    v: Tensor,
    vectors: Tensor,
    weight: Tensor,
    bias: Tensor,
    indptr: Tensor,
    neighbors: Tensor,
    cutoff: float,
    exponent: int,
    smooth: bool,
    num_threads: int,
    by_vectors: bool,
    by_filter: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    width = weight.shape[0] if by_filter else 0
    return (
        q.new_empty(q.shape),
        q.new_empty(v.shape),
        q.new_empty(vectors.shape[0] if by_vectors else 0, 3),
        q.new_empty(width, weight.shape[1]),
        q.new_empty(width),
    )


@torch.library.custom_op("nonideal::message_second", mutates_args=(), device_types="cpu")
def _message_second(
    along_q: Tensor,
    along_v: Tensor,
    along_vectors: Tensor,
    along_weight: Tensor,
    along_bias: Tensor,
    gx: Tensor,
    gv: Tensor,
    q: Tensor,
    v: Tensor,
    vectors: Tensor,
    weight: Tensor,
    bias: Tensor,
    indptr: Tensor,
    neighbors: Tensor,
    cutoff: float,
    exponent: int,
    smooth: bool,
    num_threads: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of <along, backward> by q, v, vectors, weight, bias, gx and gv.

    Where weight and bias have no part in `along`, its tensors for them have no elements.
    """
    along = (along_q, along_v, along_vectors, along_weight, along_bias)
    results: tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor] = _tensors(
        _core.atoms.message_second(
            *_arrays((*along, gx, gv, q, v, vectors, weight, bias, indptr, neighbors)),
            cutoff=cutoff,
            exponent=exponent,
            smooth=smooth,
            num_threads=num_threads,
        )
    )
    return results


@_message_second.register_fake
def _(
    along_q: Tensor,
    along_v: Tensor,
    along_vectors: Tensor,
    along_weight: Tensor,
    along_bias: Tensor,
    gx: Tensor,
    gv: Tensor,
    q: Tensor,
    v: Tensor,
    vectors: Tensor,
    weight: Tensor,
    bias: Tensor,
    indptr: Tensor,
    neighbors: Tensor,
    cutoff: float,
    exponent: int,
    smooth: bool,
    num_threads: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    return (
        q.new_empty(q.shape),
        q.new_empty(v.shape),
        q.new_empty(vectors.shape),
        q.new_empty(weight.shape),
        q.new_empty(bias.shape),
        q.new_empty(gx.shape),
        q.new_empty(gv.shape),
    )


def _save(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    ctx.save_for_backward(*inputs[: _N_REAL + 2])
    ctx.options = inputs[_N_REAL + 2 :]


def _backward(ctx: Any, gx: Tensor, gv: Tensor) -> tuple[Tensor | None, ...]:
    wanted = ctx.needs_input_grad[:_N_REAL]
    by_vectors, by_filter = wanted[2], wanted[3] or wanted[4]
    found = _message_backward(gx, gv, *ctx.saved_tensors, *ctx.options, by_vectors, by_filter)
    grads = tuple(grad if want else None for grad, want in zip(found, wanted, strict=True))
    return (*grads, *[None] * 6)


_message.register_autograd(_backward, setup_context=_save)


def _save_backward(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    ctx.save_for_backward(*inputs[: _N_REAL + 4])
    ctx.options = inputs[_N_REAL + 4 : -2]
    ctx.set_materialize_grads(False)


def _double_backward(ctx: Any, *along: Tensor | None) -> tuple[Tensor | None, ...]:
    gx, gv, *inputs = ctx.saved_tensors
    # A gradient that was not wanted has no elements, and what belongs to it none either.
    parts = [
        None if part is None or part.shape != tensor.shape else part
        for part, tensor in zip(along, inputs[:_N_REAL], strict=True)
    ]
    # Where forces are trained on, the filter does not move: no elements say so.
    moving = 3 if parts[3] is None and parts[4] is None else _N_REAL
    filled = [
        torch.zeros_like(tensor) if part is None else part
        for part, tensor in zip(parts[:moving], inputs[:moving], strict=True)
    ]
    filled += [tensor.new_empty(0, *tensor.shape[1:]) for tensor in inputs[moving:_N_REAL]]
    *by_inputs, by_gx, by_gv = _message_second(*filled, gx, gv, *inputs, *ctx.options)
    return (by_gx, by_gv, *by_inputs, *[None] * 8)


_message_backward.register_autograd(_double_backward, setup_context=_save_backward)


def native_message(*arguments: Any) -> tuple[Tensor, Tensor]:
    """Return the messages; see `message_pass`, whose checked arguments these are, in its order."""
    tracked = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in arguments[:_N_REAL])
    if tracked or torch.compiler.is_compiling():
        results: tuple[Tensor, Tensor] = _message(*arguments)
        return results
    return _forward(*arguments)  # nothing to record: the dispatcher costs more than a small graph
