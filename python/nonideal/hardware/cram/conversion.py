"""Trained models to models whose dot products are computed gate by gate in the array."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from nonideal.errors import InvalidArgument
from nonideal.hardware.cram.classifier import convert_classifier
from nonideal.hardware.cram.library import GateLibrary
from nonideal.hardware.cram.mapping import Mapper
from nonideal.hardware.cram.networks import CramModule
from nonideal.hardware.cram.placement import Array
from nonideal.hardware.cram.simulation import check_gates

if TYPE_CHECKING:
    import torch

__all__ = ["convert", "fine_tune"]


def convert(
    model: Any,
    calibration: Any,
    *,
    gates: GateLibrary | None = None,
    bits_weight: int = 4,
    bits_input: int = 4,
    accumulate: str = "tree",
    full_adder: str = "nand9",
    weight_scale: str = "tensor",
    array: Array | None = None,
    signed_weights: str = "split",
    seed: int | None = None,
) -> Any:
    """Quantise a trained model and map its linear layers on the array.

    Parameters
    ----------
    model
        A fitted scikit-learn classifier: a linear one (anything with ``coef_``, ``intercept_`` and
        ``classes_``) or an ``MLPClassifier``; or a ``torch.nn.Module``. Of a module, every ``Linear`` and
        ``Conv2d`` (stride, padding, dilation, groups) runs in the array, whatever the forward method does
        between them; batch norm, activation, pooling and flattening stay in the periphery, exact; any other
        layer stays digital, and is listed.
    calibration : (samples, features) array; for a torch module a tensor, or an iterable of tensors
        Inputs whose range, layer by layer, becomes the range of the integers.
    gates : GateLibrary or None
        The hardware; None for ideal gates.
    bits_weight, bits_input : int
        Widths of the words, 1 to 8.
    accumulate, full_adder : str
        As in `circuits.dot`; or ``accumulate="hybrid"``: products in the array, their sum in exact logic
        beside it.
    weight_scale : str
        ``"tensor"``: one scale for all weights of a layer. ``"channel"``: one for each output.
    array : Array or None
        None for ``Array()``.
    signed_weights : str
        ``"split"``: positive and negative parts of the weights in two lanes, subtracted in the periphery.
    seed : int or None
        Of the gate errors; None draws one.

    Returns
    -------
    CramClassifier or CramModule
        The latter, a ``torch.nn.Module``, for a torch module.

    Raises
    ------
    InvalidArgument
        If the model is not fitted or of another kind, weights or calibration hold NaN or infinite values, a
        number is out of range, or a layer's program is wider than the array.

    Warns
    -----
    UserWarning
        If layers of a torch module stay digital; it names them.

    Notes
    -----
    ``x_int = clip(rint(x / s_x) + z, 0, 2^bits_input - 1)``, the range being that of the calibration and 0:
    ``s_x = (max - min) / (2^bits_input - 1)``, zero point ``z = rint(-min / s_x)``; z is 0 where nothing is
    negative. ``W_int = clip(rint(W / s_w), -m, m)`` with ``m = 2^bits_weight - 1``, ``s_w = quantile(|W|,
    0.999) / m``. Result: ``s_x s_w (x_int - z) W_int + bias``, of which ``z W_int`` is a constant.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from nonideal.data import load_digits
    >>> from nonideal.hardware import cram
    >>> digits = load_digits()
    >>> X, X_test = digits.x_train.reshape(-1, 64) / 15, digits.x_test.reshape(-1, 64) / 15
    >>> classifier = LogisticRegression(max_iter=200).fit(X, digits.y_train)
    >>> model = cram.convert(classifier, X, seed=7)
    >>> round(model.score(X_test, digits.y_test), 4)
    0.9028
    >>> noisy = model.with_gates(cram.GateLibrary.uniform(1e-4))
    >>> 0.6 < noisy.score(X_test, digits.y_test) < 0.85
    True
    """
    check_gates(gates)
    if not isinstance(array, Array | None):
        raise InvalidArgument(f"array: {type(array).__name__} is not an Array")
    mapper = Mapper(
        bits_weight=bits_weight,
        bits_input=bits_input,
        accumulate=accumulate,
        full_adder=full_adder,
        weight_scale=weight_scale,
        array=Array() if array is None else array,
        signed_weights=signed_weights,
    )
    if _is_torch_module(model):
        from nonideal.hardware.cram.torch_module import convert_module

        return convert_module(model, calibration, mapper, gates, seed)
    return convert_classifier(model, calibration, mapper, gates, seed)


def fine_tune(
    module: CramModule,
    batches: Iterable[tuple[torch.Tensor, torch.Tensor]],
    *,
    epochs: int = 40,
    learning_rate: float = 2e-3,
    seed: int | None = None,
    progress: bool = True,
) -> CramModule:
    """Train a converted module further, for the errors of its own gates.

    The forward pass is that of the integers, with errors: at the start of every epoch each layer's program
    is simulated at its gates on data of its own, and the errors of its dot products, sorted by the exact
    result, are the pool from which the epoch's errors are drawn. Gradients pass straight through rounding
    and errors. Weights and biases change; activation ranges stay those of the conversion. The loss is
    cross-entropy, the optimiser Adam. Batch norm keeps its statistics, and dropout does nothing.

    The gain shows where gates err often: with few errors there is nothing to learn from them.

    Parameters
    ----------
    module : CramModule
        From `convert`.
    batches : iterable of (x, target)
        Read once per epoch: a list or a data loader, not an iterator. ``target`` : int64 classes.
    epochs : int
        At least 1.
    learning_rate : float
        Of Adam.
    seed : int or None
        Of the drawn errors; None draws one. No global generator is touched.
    progress : bool
        Show a bar on a terminal.

    Returns
    -------
    CramModule
        A new one, with the same gates, options and seed of the gates; ``training_seed`` is the seed that was
        used here.

    Raises
    ------
    InvalidArgument
        If the module is not a `CramModule`, batches are empty or an iterator, a number is out of range, or
        the loss is not finite.
    MissingExtra
        If torch is not installed.
    """
    if not isinstance(module, CramModule):
        raise InvalidArgument(f"module: {type(module).__name__} is not a CramModule; convert makes one")
    from nonideal.hardware.cram.training import train

    return train(module, batches, epochs=epochs, learning_rate=learning_rate, seed=seed, progress=progress)


def _is_torch_module(model: Any) -> bool:
    """Whether a model is torch's; whoever has one has imported torch."""
    nn = sys.modules.get("torch.nn")
    return nn is not None and isinstance(model, nn.Module)
