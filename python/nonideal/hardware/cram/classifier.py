"""scikit-learn's classifiers, linear or of several layers, that compute inside the array."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from nonideal.checks import check_choice, check_integer
from nonideal.errors import InvalidArgument
from nonideal.hardware.cram.accounting import Cost
from nonideal.hardware.cram.layers import Layer, LayerRun, add_costs, layer_cost, layer_seed, real_array
from nonideal.hardware.cram.library import GateLibrary
from nonideal.hardware.cram.mapping import Mapper
from nonideal.hardware.cram.simulation import check_gates
from nonideal.seeds import resolve_seed

__all__ = ["CramClassifier", "convert_classifier"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# scikit-learn's names; all of them are computed in the periphery.
ACTIVATIONS: Mapping[str, Callable[[FloatArray], FloatArray]] = MappingProxyType(
    {
        "identity": lambda values: values,
        "logistic": expit,
        "relu": lambda values: np.maximum(values, 0.0),
        "tanh": np.tanh,
    }
)


@dataclass(frozen=True, eq=False)
class CramClassifier:
    """A classifier whose dot products are computed gate by gate in the array; made by `convert`.

    A lane computes one dot product: lane ``(sample * outputs + output) * 2 + sign`` that of the sample's
    features with the positive (sign 0) or negative (sign 1) parts of the output's weights. The periphery,
    exact, subtracts the two, scales, adds the bias, and takes the largest or, between layers, applies the
    activation function.

    Parameters
    ----------
    layer : Layer
        Integers, scales and program of the only layer, or of the last one.
    classes : array
        Labels.
    gates : GateLibrary or None
        The hardware; None for ideal gates.
    seed : int
        Of the gate errors. Predictions are a pure function of X and the seed.
    hidden : tuple of Layer
        The layers before, in order; each draws errors of its own.
    activation : str
        Between layers: ``"relu"``, ``"identity"``, ``"logistic"`` or ``"tanh"``.

    Raises
    ------
    InvalidArgument
        If the layers don't fit each other or the classes, or an argument is of another type.
    """

    layer: Layer
    classes: npt.NDArray[Any]
    gates: GateLibrary | None
    seed: int
    hidden: tuple[Layer, ...] = ()
    activation: str = "relu"

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", tuple(self.hidden))
        for layer in self.layers:
            if not isinstance(layer, Layer):
                raise InvalidArgument(f"layer: {type(layer).__name__} is not a Layer")
            if layer.groups != 1:
                raise InvalidArgument(f"layer.groups = {layer.groups} is not 1")
        for before, after in zip(self.layers, self.layers[1:], strict=False):
            if before.outputs != after.weight.shape[1]:
                raise InvalidArgument(
                    f"hidden: a layer of {before.outputs} outputs is followed by one of "
                    f"{after.weight.shape[1]} inputs"
                )
        classes = np.asarray(self.classes)
        if classes.ndim != 1 or (self.layer.outputs, len(classes)) not in ((1, 2), (len(classes),) * 2):
            raise InvalidArgument(
                f"classes: shape {classes.shape} doesn't fit a layer of {self.layer.outputs} outputs"
            )
        object.__setattr__(self, "classes", classes)
        check_gates(self.gates)
        check_choice("activation", self.activation, ACTIVATIONS)
        object.__setattr__(self, "seed", check_integer("seed", self.seed, 0, 64))

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers that run in the array, in order."""
        return (*self.hidden, self.layer)

    def with_gates(self, gates: GateLibrary | None, *, seed: int | None = None) -> CramClassifier:
        """Return the same integers on other hardware; ``seed`` None keeps the seed."""
        check_gates(gates)
        return replace(self, gates=gates, seed=self.seed if seed is None else resolve_seed(seed))

    def _run(self, X: Any, first_sample: int, num_threads: int | None, activity: bool) -> list[LayerRun]:
        x = self.layers[0].quantize(X)
        runs: list[LayerRun] = []
        for i, layer in enumerate(self.layers):
            if runs:
                before = self.layers[i - 1]
                x = layer.integers(ACTIVATIONS[self.activation](before.dequantize(runs[-1].differences)))
            runs.append(
                layer.run(
                    x,
                    self.gates,
                    seed=layer_seed(self.seed, i),
                    first_row=first_sample,
                    activity=activity,
                    num_threads=num_threads,
                )
            )
        return runs

    def integer_scores(self, X: Any, *, first_sample: int = 0, num_threads: int | None = None) -> IntArray:
        """Return what left the array's last layer, (samples, outputs): differences of the two signs' lanes.

        With ideal gates and one layer exactly ``layer.quantize(X) @ layer.weight.T``.

        Parameters
        ----------
        X : (samples, features)
            Inputs, >= 0 unless the calibration held negative ones.
        first_sample : int
            X holds samples ``first_sample``, ``first_sample + 1``, ... of a larger set: shards equal the
            whole.
        num_threads : int or None
            None for `nonideal.num_threads`.

        Raises
        ------
        InvalidArgument
            If X is refused by `Layer.quantize`, or ``first_sample`` is negative.
        """
        first_sample = check_integer("first_sample", first_sample, 0)
        return self._run(X, first_sample, num_threads, activity=False)[-1].differences

    def scores(self, X: Any) -> FloatArray:
        """Return dequantised scores with bias, (samples, outputs)."""
        return self.dequantize(self.integer_scores(X))

    def dequantize(self, integer_scores: IntArray) -> FloatArray:
        """Return the scores that integers of the last layer stand for: `Layer.dequantize`."""
        return self.layer.dequantize(integer_scores)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the label of each sample."""
        return self.classify(self.integer_scores(X))

    def classify(self, integer_scores: IntArray) -> npt.NDArray[Any]:
        """Return the labels that integer scores stand for."""
        scores = self.dequantize(integer_scores)
        index = (scores[:, 0] > 0).astype(np.int64) if scores.shape[1] == 1 else scores.argmax(axis=1)
        labels: npt.NDArray[Any] = self.classes[index]
        return labels

    def score(self, X: Any, y: Any) -> float:
        """Return the share of correct labels in one run; noisy gates need several seeds for an error bar."""
        labels = np.asarray(y)
        predicted = self.predict(X)
        if labels.shape != predicted.shape:
            raise InvalidArgument(f"y: shape {labels.shape} is not {predicted.shape}, one label per sample")
        if not labels.size:
            raise InvalidArgument("X: no samples, so there is no share of correct labels")
        return float(np.mean(predicted == labels))

    def cost(self, X: Any, *, gates: GateLibrary | None = None) -> Cost:
        """Return energy, latency and area for the samples X, from the activity that their run has.

        Layers run one after the other, each in arrays of its own. The periphery costs nothing beyond what
        the `Array` says.

        Parameters
        ----------
        X : (samples, features)
            What is classified.
        gates : GateLibrary or None
            A library on another device whose energies are to be counted; None for the model's own.

        Raises
        ------
        InvalidArgument
            If the library has no device.
        """
        library = self.gates if gates is None else gates
        if library is None:
            raise InvalidArgument("gates: ideal gates have no device, so energy and latency are unknown")
        runs = self._run(X, 0, None, activity=True)
        return add_costs(
            [
                layer_cost(layer, run.lanes, run.activity, library)
                for layer, run in zip(self.layers, runs, strict=True)
            ]
        )


def convert_classifier(
    model: Any, calibration: Any, mapper: Mapper, gates: GateLibrary | None, seed: int | None
) -> CramClassifier:
    """Convert a fitted linear classifier or `MLPClassifier`; see `convert`."""
    weights, biases, activation = _mlp(model) if hasattr(model, "coefs_") else _linear(model)
    values = real_array("calibration", calibration, weights[0].shape[1])
    layers = []
    for i, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        what = "calibration" if i == 0 else f"calibration: inputs of layer {i}"
        low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
        layers.append(mapper.layer(weight, bias, low, high, what=what, name=f"layer{i}"))
        values = ACTIVATIONS[activation](values @ weight.T + bias)
    return CramClassifier(
        layers[-1], np.asarray(model.classes_), gates, resolve_seed(seed), tuple(layers[:-1]), activation
    )


def _linear(model: Any) -> tuple[list[FloatArray], list[FloatArray], str]:
    for attribute in ("coef_", "intercept_", "classes_"):
        if not hasattr(model, attribute):
            raise InvalidArgument(
                f"model: {type(model).__name__} has no {attribute}; it must be a fitted linear classifier, "
                "a fitted MLPClassifier or a torch module"
            )
    coefficients = np.atleast_2d(_numbers("model.coef_", model.coef_))
    classes = np.asarray(model.classes_)
    if coefficients.ndim != 2 or coefficients.size == 0:
        raise InvalidArgument(f"model.coef_: shape {coefficients.shape} is not (outputs, features)")
    outputs = coefficients.shape[0]
    if hasattr(model, "support_vectors_") and outputs > 1:
        raise InvalidArgument(
            f"model: {type(model).__name__} decides between pairs of classes; a classifier with one output "
            "per class is needed (LinearSVC)"
        )
    if outputs != len(classes) and (outputs, len(classes)) != (1, 2):
        raise InvalidArgument(f"model.coef_: {outputs} outputs for {len(classes)} classes")
    bias = _numbers("model.intercept_", model.intercept_).ravel()
    if bias.size not in (1, outputs):
        raise InvalidArgument(f"model.intercept_: {bias.size} values for {outputs} outputs")
    return [coefficients], [np.resize(bias, outputs)], "identity"


def _mlp(model: Any) -> tuple[list[FloatArray], list[FloatArray], str]:
    if not hasattr(model, "classes_"):
        raise InvalidArgument(f"model: {type(model).__name__} has no classes_; it must be a classifier")
    weights = [_numbers(f"model.coefs_[{i}]", w).T for i, w in enumerate(model.coefs_)]
    biases = [_numbers(f"model.intercepts_[{i}]", b) for i, b in enumerate(model.intercepts_)]
    outputs, classes = len(biases[-1]), len(model.classes_)
    if (model.out_activation_ == "logistic") != (outputs == 1) or outputs not in (1, classes):
        raise InvalidArgument(
            f"model: its {outputs} outputs of {model.out_activation_} are several labels per sample; "
            "one label per sample is needed"
        )
    return weights, biases, check_choice("model.activation", model.activation, ACTIVATIONS)


def _numbers(name: str, values: Any) -> FloatArray:
    """Return a fitted attribute as finite floats; sparse matrices are refused."""
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidArgument(f"{name}: {type(values).__name__} is not a dense array of numbers") from None
    if not np.isfinite(numbers).all():
        raise InvalidArgument(f"{name} holds values that are not finite")
    return numbers
