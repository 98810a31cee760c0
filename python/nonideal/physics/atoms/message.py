"""The message step of LEIGNN: radial filter, products along the edges, sums over the neighbours.

One operation per layer, differentiable twice: a model that is trained on forces needs the gradient of its
gradient. Nothing of the size of the edges times the channels is ever stored.

Source: Z. Yang et al., arXiv 2311.02869 (2023), and the authors' repository guaguabujianle/LEIGNN.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from nonideal import _core
from nonideal.checks import check_boolean, check_choice, check_integer, check_positive, check_threads, shown
from nonideal.errors import InvalidArgument, MissingExtra

try:
    import torch
except ImportError:
    raise MissingExtra("torch", "atoms") from None

from nonideal.physics.atoms.architecture import LARGEST_EXPONENT
from nonideal.physics.atoms.message_ops import native_message

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["BACKENDS", "message_pass"]

BACKENDS = ("native", "torch")


def message_pass(
    q: Tensor,
    v: Tensor,
    vectors: Tensor,
    filter_weight: Tensor,
    filter_bias: Tensor,
    indptr: Tensor,
    neighbors: Tensor,
    *,
    cutoff: float,
    envelope_exponent: int = 5,
    smooth_cutoff: bool = True,
    backend: str = "native",
    num_threads: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the messages that every atom receives from its neighbours, as sums.

    With s = d / cutoff, d the length of an edge's vector D and u = -D / d, from the neighbour to the centre::

        w = env(s) phi(s) filter_weight^T + filter_bias         (times env(s) where `smooth_cutoff`)
        (a, b, c) = split(q[neighbour] * w) / sqrt(3)
        dx[centre] = sum of c
        dv[centre] = sum of (a * v[neighbour] + u (x) b) / sqrt(F)

    phi are R Gaussians, centres linspace(0, 1, R), their width the spacing; env is the polynomial envelope
    1 - (p+1)(p+2)/2 s^p + p(p+2) s^(p+1) - p(p+1)/2 s^(p+2). Differentiable twice in the first five
    arguments.

    Parameters
    ----------
    q : (N, 3F) tensor, float32 or float64
        The scalar messages of every atom.
    v : (N, 3, F) tensor, like q
        Its vectors.
    vectors : (E, 3) tensor, like q, angstrom
        D, from the centre to the neighbour, an edge each. Edges of the cutoff's length and longer contribute
        nothing, so that a list with a skin serves as it is.
    filter_weight : (3F, R) tensor, like q
    filter_bias : (3F,) tensor, like q
    indptr : (N + 1,) tensor, int64
        The edges of centre i are indptr[i] to indptr[i + 1].
    neighbors : (E,) tensor, int64
        The neighbour of every edge. The graph need not be symmetric; pairs may repeat.
    cutoff : float, angstrom
    envelope_exponent : int
        p, in [1, 64].
    smooth_cutoff : bool
        Whether messages vanish at the cutoff. If not (the published form), they jump there by the bias.
    backend : str
        ``"native"``: kernels in C++. ``"torch"``: plain torch.
    num_threads : int, optional
        Of the native kernels; results do not depend on it.

    Returns
    -------
    dx : (N, F) tensor
    dv : (N, 3, F) tensor

    Raises
    ------
    InvalidArgument
        If shapes, types or devices don't fit, an index is out of range, or a vector is zero or not finite.

    Examples
    --------
    Two atoms that see each other:

    >>> import torch
    >>> from nonideal.physics.atoms.message import message_pass
    >>> q, v = torch.ones(2, 6), torch.zeros(2, 3, 2)
    >>> vectors = torch.tensor([[0.0, 0.0, 2.0], [0.0, 0.0, -2.0]])
    >>> indptr, neighbors = torch.tensor([0, 1, 2]), torch.tensor([1, 0])
    >>> weight, bias = torch.zeros(6, 8), torch.ones(6)
    >>> dx, dv = message_pass(q, v, vectors, weight, bias, indptr, neighbors, cutoff=5.0)
    >>> dv[:, 2]
    tensor([[-0.3690, -0.3690],
            [ 0.3690,  0.3690]])
    """
    check_choice("backend", backend, BACKENDS)
    cutoff = check_positive("cutoff", cutoff)
    exponent = check_integer("envelope_exponent", envelope_exponent, 1)
    if exponent > LARGEST_EXPONENT:
        raise InvalidArgument(f"envelope_exponent = {exponent} is outside [1, {LARGEST_EXPONENT}]")
    smooth = check_boolean("smooth_cutoff", smooth_cutoff)
    threads = check_threads(num_threads)
    tensors = {"q": q, "v": v, "vectors": vectors, "filter_weight": filter_weight, "filter_bias": filter_bias}
    _check_tensors(tensors, {"indptr": indptr, "neighbors": neighbors})
    arguments = (q, v, vectors, filter_weight, filter_bias, indptr, neighbors, cutoff, exponent, smooth)
    if backend == "native":
        return native_message(*arguments, threads)
    if not torch.compiler.is_compiling():
        _core.atoms.check_graph(indptr.contiguous().numpy(), neighbors.contiguous().numpy(), q.shape[0])
        _check_vectors(vectors)
    return _plain(*arguments)


def _check_tensors(real: dict[str, Any], index: dict[str, Any]) -> None:
    """Refuse what the kernels would read wrongly: everything but dense CPU tensors of fitting shapes."""
    for name, tensor in (real | index).items():
        if not isinstance(tensor, torch.Tensor):
            raise InvalidArgument(f"{name} = {shown(tensor)} is not a tensor")
        if tensor.layout is not torch.strided:
            raise InvalidArgument(f"{name}.layout = {tensor.layout} is not torch.strided")
        if tensor.device.type != "cpu":
            raise InvalidArgument(f"{name}.device = {tensor.device} is not cpu")
    q = real["q"]
    if q.dtype not in (torch.float32, torch.float64):
        raise InvalidArgument(f"q.dtype = {q.dtype} is not one of torch.float32, torch.float64")
    for name, tensor in real.items():
        if tensor.dtype != q.dtype:
            raise InvalidArgument(f"{name}.dtype = {tensor.dtype} is not q.dtype = {q.dtype}")
    for name, tensor in index.items():
        if tensor.dtype != torch.int64:
            raise InvalidArgument(f"{name}.dtype = {tensor.dtype} is not torch.int64")
    if q.ndim != 2 or q.shape[1] % 3 != 0 or q.shape[1] == 0:
        raise InvalidArgument(f"q.shape = {tuple(q.shape)} is not (N, 3F), F >= 1")
    n, width = q.shape
    weight, edges = real["filter_weight"], index["neighbors"]
    if weight.ndim != 2 or weight.shape[0] != width or weight.shape[1] < 2:
        raise InvalidArgument(f"filter_weight.shape = {tuple(weight.shape)} is not ({width}, R), R >= 2")
    if edges.ndim != 1:
        raise InvalidArgument(f"neighbors.shape = {tuple(edges.shape)} is not (E,)")
    shapes = {
        "v": (real["v"], (n, 3, width // 3)),
        "vectors": (real["vectors"], (edges.shape[0], 3)),
        "filter_bias": (real["filter_bias"], (width,)),
        "indptr": (index["indptr"], (n + 1,)),
    }
    for name, (tensor, shape) in shapes.items():
        if tuple(tensor.shape) != shape:
            raise InvalidArgument(f"{name}.shape = {tuple(tensor.shape)} is not {shape}")


def _check_vectors(vectors: Tensor) -> None:
    """Refuse edges without a direction."""
    length = vectors.detach().norm(dim=1)
    bad = ~((length > 0) & (length < math.inf))
    if bool(bad.any()):
        at = int(bad.to(torch.uint8).argmax())
        raise InvalidArgument(f"vectors[{at}] has length {float(length[at]):g}, not a finite one > 0")


def _plain(
    q: Tensor,
    v: Tensor,
    vectors: Tensor,
    weight: Tensor,
    bias: Tensor,
    indptr: Tensor,
    neighbors: Tensor,
    cutoff: float,
    p: int,
    smooth: bool,
) -> tuple[Tensor, Tensor]:
    n, channels = q.shape[0], q.shape[1] // 3
    n_rbf = weight.shape[1]
    centers = torch.repeat_interleave(torch.arange(n), torch.diff(indptr), output_size=neighbors.shape[0])
    d = vectors.norm(dim=1, keepdim=True)
    s = d / cutoff
    polynomial = (
        1 - (p + 1) * (p + 2) / 2 * s**p + p * (p + 2) * s ** (p + 1) - p * (p + 1) / 2 * s ** (p + 2)
    )
    inside = s < 1
    envelope = torch.where(inside, polynomial, 0)
    mu = torch.linspace(0, 1, n_rbf, dtype=q.dtype)
    basis = envelope * torch.exp(-0.5 * ((s - mu) * (n_rbf - 1)) ** 2)
    w = basis @ weight.T + bias
    w = w * (envelope if smooth else inside.to(q.dtype))
    a, b, c = torch.split(q[neighbors] * w / math.sqrt(3), channels, dim=1)
    along = a[:, None, :] * v[neighbors] - (vectors / d)[:, :, None] * b[:, None, :]
    dx = q.new_zeros(n, channels).index_add(0, centers, c)
    dv = q.new_zeros(n, 3, channels).index_add(0, centers, along / math.sqrt(channels))
    return dx, dv
