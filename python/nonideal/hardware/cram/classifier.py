"""Linear classifiers that compute inside the array."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nonideal.checks import check_choice, check_int32, check_integer
from nonideal.errors import InvalidArgument
from nonideal.hardware.cram import circuits
from nonideal.hardware.cram.accounting import Cost, cost
from nonideal.hardware.cram.library import GateLibrary
from nonideal.hardware.cram.placement import Array, Placement, place
from nonideal.hardware.cram.planes import BitPlanes, pack
from nonideal.hardware.cram.program import Program
from nonideal.hardware.cram.simulation import SimulationResult, check_gates, simulate
from nonideal.seeds import resolve_seed

__all__ = ["CramClassifier", "Layer", "convert"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_SIGNS = 2  # a weight's positive and its negative part, each in a lane of its own
_WEIGHT_QUANTILE = 0.999  # weights beyond it are clipped: few outliers would cost all others a bit


@dataclass(frozen=True, eq=False)
class Layer:
    """A linear layer in integers, placed on an array.

    Parameters
    ----------
    weight : (outputs, features) int64
        In [-(2^bits_weight - 1), 2^bits_weight - 1].
    weight_scale : float or (outputs,) float64
        What a unit of ``weight`` stands for.
    input_scale : float
        What a unit of a quantised input stands for.
    bias : (outputs,) float64
        Added in the periphery.
    bits_input, bits_weight : int
        Widths of the words in the array.
    placement : Placement
        The dot product that every lane runs.
    """

    weight: IntArray
    weight_scale: float | FloatArray
    input_scale: float
    bias: FloatArray
    bits_input: int
    bits_weight: int
    placement: Placement

    @property
    def program(self) -> Program:
        """The placed dot product."""
        return self.placement.program

    def quantize(self, X: Any) -> IntArray:
        """Return inputs as integers, (samples, features), in [0, 2^bits_input - 1]; halves go to even ones.

        Raises
        ------
        InvalidArgument
            If X has another shape, holds NaN or infinite values, or negative ones.
        """
        values = _features(X, self.weight.shape[1])
        return np.clip(np.rint(values / self.input_scale), 0, 2**self.bits_input - 1).astype(np.int64)


@dataclass(frozen=True, eq=False)
class CramClassifier:
    """A linear classifier whose integer scores are computed gate by gate in the array; made by `convert`.

    A lane computes one dot product: lane ``(sample * outputs + output) * 2 + sign`` that of the sample's
    features with the positive (sign 0) or negative (sign 1) parts of the output's weights. The periphery,
    exact, subtracts the two, scales, adds the bias and takes the largest.

    Parameters
    ----------
    layer : Layer
        Integers, scales and program.
    classes : array
        Labels.
    gates : GateLibrary or None
        The hardware; None for ideal gates.
    seed : int
        Of the gate errors. Predictions are a pure function of X and the seed.
    """

    layer: Layer
    classes: npt.NDArray[Any]
    gates: GateLibrary | None
    seed: int

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers that run in the array."""
        return (self.layer,)

    def with_gates(self, gates: GateLibrary | None, *, seed: int | None = None) -> CramClassifier:
        """Return the same integers on other hardware; ``seed`` None keeps the seed."""
        check_gates(gates)
        return CramClassifier(
            self.layer, self.classes, gates, self.seed if seed is None else resolve_seed(seed)
        )

    def _run(self, X: Any, first_sample: int, num_threads: int | None, activity: bool) -> SimulationResult:
        layer = self.layer
        x = layer.quantize(X)
        outputs = layer.weight.shape[0]
        per_sample = _SIGNS * outputs
        lanes = len(x) * per_sample
        parts = np.stack([np.maximum(layer.weight, 0), np.maximum(-layer.weight, 0)], axis=1)
        x_planes = pack(x, layer.bits_input, num_threads=num_threads)
        w_planes = pack(parts.reshape(per_sample, -1), layer.bits_weight, num_threads=num_threads)
        return simulate(
            layer.program,
            {
                "x": BitPlanes(x_planes.words, lanes, repeat=per_sample, entries=max(len(x), 1))
                if len(x)
                else x_planes,
                "w": BitPlanes(w_planes.words, lanes, entries=per_sample),
            },
            self.gates,
            seed=self.seed,
            first_lane=first_sample * per_sample,
            activity=activity,
            num_threads=num_threads,
        )

    def integer_scores(self, X: Any, *, first_sample: int = 0, num_threads: int | None = None) -> IntArray:
        """Return what left the array, (samples, outputs): the differences of the two signs' lanes.

        With ideal gates exactly ``layer.quantize(X) @ layer.weight.T``.

        Parameters
        ----------
        X : (samples, features)
            Inputs, >= 0.
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
        y = self._run(X, first_sample, num_threads, activity=False)["y"]
        signed = y.reshape(-1, self.layer.weight.shape[0], _SIGNS)
        scores: IntArray = signed[:, :, 0] - signed[:, :, 1]
        return scores

    def scores(self, X: Any) -> FloatArray:
        """Return dequantised scores with bias, (samples, outputs)."""
        return self.dequantize(self.integer_scores(X))

    def dequantize(self, integer_scores: IntArray) -> FloatArray:
        """Return ``input_scale * weight_scale * integer_scores + bias``."""
        scale = self.layer.input_scale * np.asarray(self.layer.weight_scale)
        scores: FloatArray = integer_scores * scale + self.layer.bias
        return scores

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
        run = self._run(X, 0, None, activity=True)
        return cost(self.layer.placement, library, lanes=run.lanes, activity=run.activity)


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
) -> CramClassifier:
    """Quantise a fitted linear classifier and map it on the array.

    Parameters
    ----------
    model
        A scikit-learn linear classifier: anything fitted with ``coef_``, ``intercept_`` and ``classes_``.
    calibration : (samples, features)
        Inputs whose largest value becomes the largest integer.
    gates : GateLibrary or None
        The hardware; None for ideal gates.
    bits_weight, bits_input : int
        Widths of the words, 1 to 8.
    accumulate, full_adder : str
        As in `circuits.dot`.
    weight_scale : str
        ``"tensor"``: one scale for all weights. ``"channel"``: one for each output.
    array : Array or None
        None for ``Array()``.
    signed_weights : str
        ``"split"``: positive and negative parts of the weights in two lanes, subtracted in the periphery.
    seed : int or None
        Of the gate errors; None draws one.

    Raises
    ------
    InvalidArgument
        If the model is not fitted or not linear, weights or calibration hold NaN or infinite values, inputs
        are negative, a number is out of range, or the program is wider than the array.

    Notes
    -----
    ``x_int = clip(rint(x / s_x), 0, 2^bits_input - 1)`` with ``s_x = max(calibration) / (2^bits_input - 1)``;
    ``W_int = clip(rint(W / s_w), -m, m)`` with ``m = 2^bits_weight - 1``, ``s_w = quantile(|W|, 0.999) / m``.

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
    check_choice("weight_scale", weight_scale, ("tensor", "channel"))
    check_choice("signed_weights", signed_weights, ("split",))
    for name, bits in (("bits_weight", bits_weight), ("bits_input", bits_input)):
        if not 1 <= check_int32(name, bits) <= 8:
            raise InvalidArgument(f"{name} = {bits} is outside [1, 8]")
    for attribute in ("coef_", "intercept_", "classes_"):
        if not hasattr(model, attribute):
            raise InvalidArgument(
                f"model: {type(model).__name__} has no {attribute}; it must be a fitted linear classifier"
            )
    coefficients = np.atleast_2d(_numbers("model.coef_", model.coef_))
    classes = np.asarray(model.classes_)
    if coefficients.ndim != 2 or coefficients.size == 0:
        raise InvalidArgument(f"model.coef_: shape {coefficients.shape} is not (outputs, features)")
    outputs, features = coefficients.shape
    if hasattr(model, "support_vectors_") and outputs > 1:
        raise InvalidArgument(
            f"model: {type(model).__name__} decides between pairs of classes; a classifier with one output "
            "per class is needed (LinearSVC)"
        )
    if outputs != len(classes) and (outputs, len(classes)) != (1, 2):
        raise InvalidArgument(f"model.coef_: {outputs} outputs for {len(classes)} classes")
    if not np.isfinite(coefficients).all():
        raise InvalidArgument("model.coef_ holds values that are not finite")
    bias = _numbers("model.intercept_", model.intercept_).ravel()
    if bias.size not in (1, outputs):
        raise InvalidArgument(f"model.intercept_: {bias.size} values for {outputs} outputs")
    bias = np.resize(bias, outputs)
    if not np.isfinite(bias).all():
        raise InvalidArgument("model.intercept_ holds values that are not finite")
    observed = _features(calibration, features, "calibration")
    largest = observed.max(initial=0.0)
    if largest <= 0:
        raise InvalidArgument("calibration: no value is above 0, so the inputs have no scale")
    input_scale = float(largest) / (2**bits_input - 1)
    most = 2**bits_weight - 1
    axis = None if weight_scale == "tensor" else 1
    spread = np.quantile(np.abs(coefficients), _WEIGHT_QUANTILE, axis=axis)
    spread = np.where(
        spread > 0, spread, np.abs(coefficients).max(axis=axis)
    )  # fewer than 1 in 1000 are not 0
    scale = np.where(spread > 0, spread, 1.0) / most  # all-zero weights stay zero at any scale
    integers = np.clip(np.rint(coefficients / np.reshape(scale, (-1, 1))), -most, most).astype(np.int64)
    program = circuits.dot(features, bits_input, bits_weight, accumulate=accumulate, full_adder=full_adder)
    layer = Layer(
        weight=integers,
        weight_scale=float(scale) if weight_scale == "tensor" else scale,
        input_scale=input_scale,
        bias=bias,
        bits_input=bits_input,
        bits_weight=bits_weight,
        placement=place(program, array),
    )
    return CramClassifier(layer, classes, gates, resolve_seed(seed))


def _numbers(name: str, values: Any) -> FloatArray:
    """Return a fitted attribute as floats; sparse matrices are refused."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidArgument(f"{name}: {type(values).__name__} is not a dense array of numbers") from None


def _features(X: Any, features: int, name: str = "X") -> FloatArray:
    array = np.asarray(X)
    if array.dtype.kind not in "fiub":
        raise InvalidArgument(f"{name}: dtype {array.dtype} is not a real number type")
    if array.ndim != 2 or array.shape[1] != features:
        raise InvalidArgument(f"{name}: shape {array.shape} is not (samples, {features})")
    values = array.astype(np.float64, copy=False)
    if not np.isfinite(values).all():
        raise InvalidArgument(f"{name} holds values that are not finite")
    if values.size and values.min() < 0:
        raise InvalidArgument(f"{name}: {values.min()} is below 0; signed inputs are not supported")
    return values
