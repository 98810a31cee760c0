"""A small network on the array, before and after training for the errors of its gates: of `cram_digits`.

torch is imported when the comparison is made, and not before.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from nonideal import Estimate
from nonideal.errors import MissingExtra
from nonideal.experiments import Curve
from nonideal.hardware import cram
from nonideal.seeds import derive_seed

__all__ = ["RATES", "compare"]

#: Error probabilities of all gates; the last one is where the specification of `fine_tune` is measured.
RATES = (1e-5, 1e-4, 3e-4)
_HIDDEN = 24
_BITS = 6
_EPOCHS = {"quick": 10, "full": 40}
_BATCH = 32

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def compare(
    x_train: FloatArray,
    y_train: IntArray,
    x_test: FloatArray,
    y_test: IntArray,
    *,
    scale: str,
    repeats: int,
    seed: int,
) -> tuple[dict[str, Curve], dict[str, Estimate]]:
    """Return curves and metrics of a network as it was trained, and fine-tuned for each error probability.

    Parameters
    ----------
    x_train, y_train, x_test, y_test : ndarray
        Images (samples, pixels) in [0, 1] and classes.
    scale : {"quick", "full"}
        10 or 40 epochs of fine-tuning.
    repeats : int
        Noisy passes over the test images, gate by gate, per point.
    seed : int
        Of everything.
    """
    try:
        import torch
    except ImportError:
        raise MissingExtra("torch", "torch") from None
    network = _network(x_train, y_train, derive_seed(seed, 0))
    inputs, images = (torch.from_numpy(x.astype(np.float32)) for x in (x_train, x_test))
    targets = torch.from_numpy(y_train.astype(np.int64))
    order = np.random.default_rng(derive_seed(seed, 1)).permutation(len(inputs))
    parts = [order[i : i + _BATCH] for i in range(0, len(order), _BATCH)]
    batches = [(inputs[part], targets[part]) for part in parts]

    def accuracy(module: cram.CramModule, gates: Any, *index: int) -> float:
        noisy = module.with_gates(gates, seed=derive_seed(seed, 2, *index))
        return float((noisy(images).argmax(1).numpy() == y_test).mean())  # type: ignore[operator]

    before: list[Estimate] = []
    after: list[Estimate] = []
    noise_free: list[tuple[float, float]] = []
    for i, rate in enumerate(RATES):
        gates = cram.GateLibrary.uniform(rate)
        plain = cram.convert(network, inputs, gates=gates, bits_weight=_BITS, bits_input=_BITS, seed=seed)
        tuned = cram.fine_tune(plain, batches, epochs=_EPOCHS[scale], seed=derive_seed(seed, 3, i))
        for module, results in ((plain, before), (tuned, after)):
            shares = [accuracy(module, gates, i, repeat) for repeat in range(repeats)]
            results.append(Estimate.from_samples(shares))
        noise_free.append((accuracy(plain, None), accuracy(tuned, None)))
    labels = {"x_label": "error probability of every gate", "y_label": "accuracy on the test images"}
    curves = {
        "mlp_accuracy_vs_eps": Curve.from_estimates(RATES, before, **labels),
        "mlp_accuracy_vs_eps_fine_tuned": Curve.from_estimates(RATES, after, **labels),
    }
    metrics = {
        "mlp_noise_free_accuracy": Estimate.exact(noise_free[-1][0]),
        "mlp_noise_free_accuracy_fine_tuned": Estimate.exact(noise_free[-1][1]),
        "mlp_gain_by_fine_tuning": Estimate(
            after[-1].value - before[-1].value,
            float(np.hypot(after[-1].standard_error, before[-1].standard_error)),
            repeats,
        ),
    }
    return curves, metrics


def _network(x: FloatArray, y: IntArray, seed: int) -> Any:
    """Return a torch network with one hidden layer, trained by scikit-learn: no global generator is used."""
    import torch
    from torch import nn

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # 60 passes are enough, not all there could be
        trained = MLPClassifier((_HIDDEN,), max_iter=60, random_state=seed % 2**32).fit(x, y)
    layers: list[nn.Module] = []
    for weight, bias in zip(trained.coefs_, trained.intercepts_, strict=True):
        layer = nn.utils.skip_init(nn.Linear, *weight.shape)  # type: ignore[no-untyped-call]
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(weight.T))
            layer.bias.copy_(torch.from_numpy(bias))
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])
