"""Classifiers: without errors exactly integer arithmetic (numpy); with errors the specification's figures."""

import functools
import re
import warnings
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Perceptron,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.svm import SVC, LinearSVC

from nonideal.errors import InvalidArgument
from nonideal.hardware import cram
from nonideal.hardware.cram import layers
from oracles.network import quantise, weights_to_integers


@functools.cache
def digits() -> SimpleNamespace:
    """First 1437 to train, last 360 to test, pixels clipped to 15 and scaled to [0, 1]."""
    data = load_digits()
    x, y = np.minimum(data.data, 15) / 15, data.target
    train, test = slice(None, 1437), slice(1437, None)
    model = LogisticRegression(max_iter=200).fit(x[train], y[train])
    return SimpleNamespace(x_train=x[train], y_train=y[train], x=x[test], y=y[test], model=model)


@functools.cache
def converted(**options) -> cram.CramClassifier:
    return cram.convert(digits().model, digits().x_train, seed=0, **options)


def quantised(model, calibration, bits_input=4, bits_weight=4, channel=False):
    """Section 1.10, step 1, line by line."""
    most_x, most_w = 2**bits_input - 1, 2**bits_weight - 1
    input_scale = calibration.max() / most_x
    weights = np.atleast_2d(model.coef_)
    scales = [
        np.quantile(np.abs(row), 0.999) / most_w for row in (weights if channel else [weights] * len(weights))
    ]
    integers = [
        [min(max(round(w / scale), -most_w), most_w) for w in row]
        for row, scale in zip(weights, scales, strict=True)
    ]
    return input_scale, np.array(scales), np.array(integers)


def quantised_inputs(x, input_scale, bits_input=4):
    return np.array([[min(max(round(v / input_scale), 0), 2**bits_input - 1) for v in row] for row in x])


# ---- without errors ----


def test_digits_have_no_mismatch_among_3600_scores_and_the_published_accuracy():
    d, model = digits(), converted()
    input_scale, scales, weights = quantised(d.model, d.x_train)
    expected = quantised_inputs(d.x, input_scale) @ weights.T
    scores = model.integer_scores(d.x)
    assert scores.shape == (360, 10)
    assert scores.dtype == np.int64
    assert np.count_nonzero(scores != expected) == 0
    np.testing.assert_array_equal(model.layer.weight, weights)
    np.testing.assert_array_equal(scores, model.layer.quantize(d.x) @ model.layer.weight.T)
    assert round(model.score(d.x, d.y), 4) == round(d.model.score(d.x, d.y), 4) == 0.9028
    float_scores = scores * input_scale * scales + d.model.intercept_
    np.testing.assert_allclose(model.scores(d.x), float_scores, rtol=1e-12)
    np.testing.assert_array_equal(model.predict(d.x), float_scores.argmax(axis=1))


@pytest.mark.parametrize("bits_input", range(1, 9))
@pytest.mark.parametrize("bits_weight", [1, 3, 8])
@pytest.mark.parametrize("weight_scale", ["tensor", "channel"])
def test_all_widths_equal_integer_arithmetic(bits_input, bits_weight, weight_scale):
    d = digits()
    keep = np.r_[20:40]  # of the pixels: a smaller program
    small = SimpleNamespace(
        coef_=d.model.coef_[:, keep], intercept_=d.model.intercept_, classes_=d.model.classes_
    )
    model = cram.convert(
        small,
        d.x_train[:, keep],
        bits_input=bits_input,
        bits_weight=bits_weight,
        weight_scale=weight_scale,
        accumulate="chain" if bits_input % 2 else "tree",
        full_adder="min5" if bits_weight == 3 else "nand9",
        array=cram.Array(columns=4096),
        seed=0,
    )
    channel = weight_scale == "channel"
    input_scale, scales, weights = quantised(small, d.x_train[:, keep], bits_input, bits_weight, channel)
    expected = quantised_inputs(d.x[:50, keep], input_scale, bits_input) @ weights.T
    np.testing.assert_array_equal(model.layer.weight, weights)
    np.testing.assert_array_equal(model.integer_scores(d.x[:50, keep]), expected)
    np.testing.assert_allclose(
        model.scores(d.x[:50, keep]),
        expected * input_scale * scales + small.intercept_,
        rtol=1e-12,
        atol=1e-12,
    )


@pytest.mark.parametrize(
    "kind", [LogisticRegression, LinearSVC, RidgeClassifier, Perceptron, SGDClassifier, SVC]
)
@pytest.mark.parametrize("classes", [2, 3])
def test_linear_classifiers_of_scikit_learn(kind, classes):
    """Few classes; binary models have one output, the second class where its score is above 0."""
    d = digits()
    names = np.array(["zero", "one", "two"])
    chosen, test = d.y_train < classes, d.y < classes
    options = {"kernel": "linear"} if kind is SVC else {} if kind is RidgeClassifier else {"random_state": 0}
    if kind is LinearSVC:
        options["max_iter"] = 10_000
    fitted = kind(**options).fit(d.x_train[chosen], names[d.y_train[chosen]])
    if kind is SVC and classes == 3:
        with pytest.raises(InvalidArgument, match=r"^model: SVC decides between pairs of classes; "):
            cram.convert(fitted, d.x_train)
        return
    model = cram.convert(
        fitted, d.x_train, bits_weight=8, bits_input=8, array=cram.Array(columns=4096), seed=0
    )
    assert model.layer.weight.shape == (1 if classes == 2 else 3, 64)
    agreement = np.mean(model.predict(d.x[test]) == fitted.predict(d.x[test]))
    assert agreement > 0.98
    assert set(model.predict(d.x[test])) <= set(names[:classes])


def test_a_one_dimensional_coef_is_one_output():
    flat = SimpleNamespace(coef_=np.array([1.0, -2.0]), intercept_=0.0, classes_=np.array([-1, 1]))
    model = cram.convert(flat, [[1.0, 1.0]], seed=0)
    assert model.integer_scores([[1.0, 0.0], [0.0, 1.0]]).shape == (2, 1)
    assert model.predict([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]).tolist() == [1, -1, -1]


def test_inputs_are_rounded_half_to_even_and_clipped():
    flat = SimpleNamespace(coef_=np.array([1.0]), intercept_=0.0, classes_=np.array([0, 1]))
    layer = cram.convert(flat, [[15.0]], seed=0).layer
    assert layer.quantize([[0.5], [1.5], [2.5], [14.6], [15.4], [99.0]]).ravel().tolist() == [
        0,
        2,
        2,
        15,
        15,
        15,
    ]


def test_rare_weights_keep_a_scale():
    """The 0.999 quantile of 2000 weights of which one is not 0 is 0; the weight must not vanish."""
    coefficients = np.zeros((1, 2000))
    coefficients[0, 7] = -1e-3
    model = SimpleNamespace(coef_=coefficients, intercept_=np.zeros(1), classes_=np.array([0, 1]))
    wide = cram.Array(columns=20_000)
    layer = cram.convert(model, np.ones((1, 2000)), bits_weight=1, bits_input=1, array=wide, seed=0).layer
    assert np.flatnonzero(layer.weight).tolist() == [7]
    assert layer.weight[0, 7] * layer.weight_scale == pytest.approx(-1e-3)


def test_all_zero_weights_stay_zero():
    model = SimpleNamespace(coef_=np.zeros((1, 3)), intercept_=np.array([1.0]), classes_=np.array(["a", "b"]))
    assert cram.convert(model, np.ones((1, 3)), seed=0).predict(np.ones((4, 3))).tolist() == ["b"] * 4


def test_the_program_does_not_depend_on_the_data():
    d = digits()
    other = SimpleNamespace(
        coef_=-d.model.coef_ * 3, intercept_=d.model.intercept_, classes_=d.model.classes_
    )
    assert cram.convert(other, d.x_train, seed=0).layer.program == converted().layer.program
    assert converted().layer.placement.columns_used <= 588


# ---- with errors ----


@pytest.mark.parametrize("edges", [(0, 1, 2, 60), (0, 17, 41, 60), (0, 30, 60)])
@pytest.mark.parametrize("error", [1e-3, 0.4])
def test_shards_of_samples_equal_the_whole(edges, error):
    x = digits().x[:60]
    model = converted().with_gates(cram.GateLibrary.uniform(error), seed=5)
    whole = model.integer_scores(x)
    shards = [
        model.integer_scores(x[start:stop], first_sample=start, num_threads=2)
        for start, stop in pairwise(edges)
    ]
    np.testing.assert_array_equal(np.concatenate(shards), whole)
    assert (model.with_gates(model.gates, seed=6).integer_scores(x) != whole).any()


def test_lanes_are_sample_output_sign():
    """The documented order: the same bits as the placed program run on integers written out."""
    d = digits()
    model = converted().with_gates(cram.GateLibrary.uniform(0.01), seed=5)
    layer = model.layer
    x, w = layer.quantize(d.x[:7]), layer.weight
    lanes = [
        (x[sample], np.maximum(sign * w[output], 0))
        for sample in range(7)
        for output in range(10)
        for sign in (1, -1)
    ]
    values = {"x": np.array([x for x, _ in lanes]), "w": np.array([w for _, w in lanes])}
    y = cram.simulate(layer.program, values, model.gates, seed=5)["y"].reshape(7, 10, 2)
    np.testing.assert_array_equal(model.integer_scores(d.x[:7]), y[:, :, 0] - y[:, :, 1])


def mean_accuracy(gates: cram.GateLibrary, seeds: range, **options) -> float:
    d = digits()
    return float(np.mean([converted(**options).with_gates(gates, seed=s).score(d.x, d.y) for s in seeds]))


def test_accuracy_of_tree_and_chain():
    """Section 2: at 1e-4 tree .706-.756, chain .347-.408; at 1e-6 tree within .01 of .9028."""
    tree = mean_accuracy(cram.GateLibrary.uniform(1e-4), range(4))
    chain = mean_accuracy(cram.GateLibrary.uniform(1e-4), range(4), accumulate="chain")
    assert 0.68 < tree < 0.78
    assert 0.32 < chain < 0.44
    assert tree - chain > 0.2
    assert abs(mean_accuracy(cram.GateLibrary.uniform(1e-6), range(4)) - 0.9028) < 0.01
    assert 0.2 < mean_accuracy(cram.GateLibrary.uniform(1e-3), range(2)) < 0.3
    assert 0.86 < mean_accuracy(cram.GateLibrary.uniform(1e-5), range(4)) < 0.9
    assert 0.80 < mean_accuracy(cram.GateLibrary.uniform(1e-5), range(4), accumulate="chain") < 0.85


@pytest.mark.parametrize(
    ("tmr", "low", "high"), [(1.09, 0.0, 0.3), (2.0, 0.53, 0.6), (3.0, 0.85, 0.89), (5.0, 0.8928, 0.9128)]
)
def test_accuracy_against_tmr(tmr, low, high):
    """Section 2: .125 at 1.09, .556-.569 at 2, .864-.878 at 3, within .01 of .9028 at 5."""
    gates = cram.GateLibrary(cram.device("lv2024_fit", tmr=tmr), gates=["NAND2", "NOT"])
    assert low < mean_accuracy(gates, range(2)) < high


def test_cost_of_classification():
    """Per lane the placed program's; energies of the activity that these images have."""
    d = digits()
    gates = cram.GateLibrary(cram.device("today_45nm"), criterion="middle", gates=["NAND2", "NOT"])
    model = converted()
    cost = model.cost(d.x[:5], gates=gates)
    assert (cost.lanes, cost.gates, cost.activity_source) == (100, 12_733, "measured")
    assert cost.columns == model.layer.placement.columns_used
    (lanes,) = model._run(d.x[:5], 0, None, activity=True)
    again = cram.cost(model.layer.placement, gates, lanes=100, activity=lanes.activity)
    assert cost == again
    assert model.with_gates(gates).cost(d.x[:5]).lanes == 100


def test_no_samples():
    model = converted()
    empty = np.zeros((0, 64))
    assert model.integer_scores(empty).shape == (0, 10)
    assert model.predict(empty).shape == (0,)
    with pytest.raises(InvalidArgument, match=r"^X: no samples, so there is no share of correct labels$"):
        model.score(empty, np.zeros(0, dtype=int))


def test_a_drawn_seed_is_kept():
    model = cram.convert(digits().model, digits().x_train, gates=cram.GateLibrary.uniform(1e-3))
    x = digits().x[:20]
    np.testing.assert_array_equal(model.integer_scores(x), model.integer_scores(x))
    assert model.with_gates(None).seed == model.seed


# ---- refusals ----


def linear(coef=((1.0, 2.0),), intercept=(0.0,), classes=(0, 1)):
    return SimpleNamespace(coef_=np.array(coef), intercept_=np.array(intercept), classes_=np.array(classes))


X = np.ones((3, 2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cram.convert(linear(((1.0, np.nan),)), X), "model.coef_ holds values that are not finite"),
        (
            lambda: cram.convert(linear(intercept=(np.inf,)), X),
            "model.intercept_ holds values that are not finite",
        ),
        (lambda: cram.convert(linear(intercept=(1.0, 2.0)), X), "model.intercept_: 2 values for 1 outputs"),
        (lambda: cram.convert(linear(classes=(0, 1, 2)), X), "model.coef_: 1 outputs for 3 classes"),
        (lambda: cram.convert(linear(np.ones((4, 2))), X), "model.coef_: 4 outputs for 2 classes"),
        (
            lambda: cram.convert(linear(np.ones((1, 1, 2))), X),
            "model.coef_: shape (1, 1, 2) is not (outputs, features)",
        ),
        (lambda: cram.convert(linear(), X * np.nan), "calibration holds values that are not finite"),
        (
            lambda: cram.convert(linear(), 0 * X),
            "calibration: no value is above 0, so the inputs have no scale",
        ),
        (
            lambda: cram.convert(linear(), X[:0]),
            "calibration: no value is above 0, so the inputs have no scale",
        ),
        (lambda: cram.convert(linear(), X[:, :1]), "calibration: shape (3, 1) is not (samples, 2)"),
        (lambda: cram.convert(linear(), X.astype(str)), "calibration: dtype <U32 is not a real number type"),
        (lambda: cram.convert(linear(), X, bits_weight=0), "bits_weight = 0 is outside [1, 8]"),
        (lambda: cram.convert(linear(), X, bits_input=9), "bits_input = 9 is outside [1, 8]"),
        (lambda: cram.convert(linear(), X, bits_input=4.0), "bits_input = 4.0 is not an integer"),
        (
            lambda: cram.convert(linear(), X, weight_scale="x"),
            "weight_scale = 'x' is not one of tensor, channel",
        ),
        (lambda: cram.convert(linear(), X, signed_weights="x"), "signed_weights = 'x' is not one of split"),
        (
            lambda: cram.convert(linear(), X, accumulate="x"),
            "accumulate = 'x' is not one of tree, chain, csa, hybrid",
        ),
        (
            lambda: cram.convert(linear(), X, full_adder="x"),
            "full_adder = 'x' is not one of nand9, maj5_buf, maj5_not, min5",
        ),
        (lambda: cram.convert(linear(), X, gates=0.1), "gates: float is not a GateLibrary"),
        (lambda: cram.convert(linear(), X, seed=-1), "seed = -1 is outside [0, 2^64)"),
        (lambda: convert_small().with_gates({}), "gates: dict is not a GateLibrary"),
        (lambda: convert_small().predict(-X), "X: -1.0 is below 0, where the calibration held nothing"),
        (lambda: convert_small().predict(X * np.inf), "X holds values that are not finite"),
        (lambda: convert_small().predict(X[0]), "X: shape (2,) is not (samples, 2)"),
        (lambda: convert_small().integer_scores(X, first_sample=-1), "first_sample = -1 is below 0"),
        (lambda: convert_small().integer_scores(X, first_sample=0.5), "first_sample = 0.5 is not an integer"),
        (lambda: convert_small().integer_scores(X, num_threads=0), "num_threads = 0 is below 1"),
        (lambda: convert_small().score(X, [1, 2]), "y: shape (2,) is not (3,), one label per sample"),
        (
            lambda: convert_small().cost(X),
            "gates: ideal gates have no device, so energy and latency are unknown",
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidArgument, match=f"^{re.escape(message)}$"):
        call()


def convert_small() -> cram.CramClassifier:
    return cram.convert(linear(), X, seed=0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda d: LogisticRegression(), "^model: LogisticRegression has no coef_; "),
        (lambda d: LinearRegression().fit(d.x[:50], d.y[:50]), "^model: LinearRegression has no classes_; "),
        (
            lambda d: SGDClassifier(random_state=0).fit(d.x, d.y).sparsify(),
            "^model.coef_: csr_(matrix|array) is not a dense array of numbers$",
        ),
        (lambda d: "model", "^model: str has no coef_; "),
    ],
)
def test_models_that_are_refused(make, message):
    with pytest.raises(InvalidArgument, match=message):
        cram.convert(make(digits()), digits().x_train)


def test_a_model_too_wide_for_a_row_takes_several():
    d, model = digits(), converted(array=cram.Array(columns=512))
    assert isinstance(model.layer.placement, cram.SplitDot)
    assert len(model.layer.placement.chunks) == 2
    np.testing.assert_array_equal(model.integer_scores(d.x), converted().integer_scores(d.x))
    with pytest.raises(InvalidArgument, match=r"^a chunk of 1 term: array.columns = 12: the program needs "):
        converted(array=cram.Array(columns=12))


# ---- layers checked by themselves ----


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weight": np.ones((1, 2))}, "weight: dtype float64 is not an integer type"),
        ({"weight": np.ones(2, int)}, "weight: shape (2,) is not (outputs, features)"),
        ({"weight": np.array([[1, -16]])}, "weight[0, 1] = -16 is outside [-15, 15]"),
        ({"weight": np.ones((1, 3), int)}, "placement: its program's inputs (bits, length) are "),
        ({"weight_scale": 0.0}, "weight_scale = 0.0 is not > 0"),
        ({"weight_scale": np.ones(2)}, "weight_scale: shape (2,) is neither () nor (1,)"),
        ({"input_scale": -1.0}, "input_scale = -1.0 is not > 0"),
        ({"bias": np.zeros(2)}, "bias: shape (2,) is not (1,)"),
        ({"bias": np.array([np.nan])}, "bias[0] = nan is not finite"),
        ({"bits_input": 9}, "bits_input = 9 is outside [1, 8]"),
        ({"bits_weight": 0}, "bits_weight = 0 is outside [1, 8]"),
        ({"placement": None}, "placement: NoneType is not a Placement"),
        ({"zero_point": 16}, "zero_point = 16 is outside [0, 15]"),
        ({"groups": 2}, "groups = 2 doesn't divide 1 outputs"),
        ({"name": 3}, "name = 3 is not a text"),
    ],
)
def test_layers_are_checked(changes, message):
    with pytest.raises(InvalidArgument, match=f"^{re.escape(message)}"):
        replace(convert_small().layer, **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layer": None}, "layer: NoneType is not a Layer"),
        ({"classes": [1, 2, 3]}, "classes: shape (3,) doesn't fit a layer of 1 outputs"),
        ({"gates": 0.1}, "gates: float is not a GateLibrary"),
        ({"seed": -1}, "seed = -1 is outside [0, 2^64)"),
        ({"activation": "gelu"}, "activation = 'gelu' is not one of identity, logistic, relu, tanh"),
    ],
)
def test_classifiers_are_checked(changes, message):
    with pytest.raises(InvalidArgument, match=f"^{re.escape(message)}$"):
        replace(convert_small(), **changes)


# ---- signed inputs, several layers, sums outside the array ----


@pytest.mark.parametrize("low", [-1.0, -0.3, 0.0])
def test_signed_inputs_have_a_zero_point(low):
    rng = np.random.default_rng(3)
    x = rng.uniform(low, 1, (50, 5))
    x[0, :2] = low, 1
    fitted = linear(rng.normal(size=(3, 5)), rng.normal(size=3), range(3))
    model = cram.convert(fitted, x, bits_weight=8, bits_input=8, seed=0)
    layer = model.layer
    zero = round(-low / ((1 - low) / 255))
    assert layer.zero_point == zero
    assert layer.quantize(np.zeros((1, 5))).tolist() == [[zero] * 5]
    np.testing.assert_array_equal(layer.quantize(x), quantise(x, (1 - low) / 255, zero, 8))
    np.testing.assert_allclose(model.scores(x), x @ fitted.coef_.T + fitted.intercept_, atol=0.05)


@functools.cache
def mlp(activation: str, classes: int = 10) -> MLPClassifier:
    d = digits()
    chosen = d.y_train < classes
    return MLPClassifier((12, 8), activation=activation, max_iter=60, random_state=0, tol=1e-3).fit(
        d.x_train[chosen], d.y_train[chosen]
    )


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("activation", ["relu", "identity", "logistic", "tanh"])
@pytest.mark.parametrize("weight_scale", ["tensor", "channel"])
def test_mlp_equals_integer_arithmetic_layer_by_layer(activation, weight_scale):
    d, fitted = digits(), mlp(activation)
    model = cram.convert(fitted, d.x_train, bits_weight=6, bits_input=5, weight_scale=weight_scale, seed=0)
    function = {
        "relu": lambda v: np.maximum(v, 0),
        "identity": lambda v: v,
        "logistic": lambda v: 1 / (1 + np.exp(-v)),
        "tanh": np.tanh,
    }[activation]
    inside, seen = d.x[:60], d.x_train
    for i, (weight, bias) in enumerate(zip(fitted.coefs_, fitted.intercepts_, strict=True)):
        low, high = min(seen.min(), 0), max(seen.max(), 0)
        scale = (high - low) / 31
        zero = round(-low / scale)
        assert (model.layers[i].zero_point, model.layers[i].input_scale) == (zero, pytest.approx(scale))
        x = quantise(inside, scale, zero, 5)
        integers, scales = weights_to_integers(weight.T, 6, weight_scale == "channel")
        np.testing.assert_array_equal(model.layers[i].weight, integers)
        scores = (x - zero) @ integers.T * scale * scales + bias
        inside, seen = function(scores), function(seen @ weight + bias)
    np.testing.assert_allclose(model.scores(d.x[:60]), scores, rtol=1e-9, atol=1e-9)
    assert model.score(d.x, d.y) > fitted.score(d.x, d.y) - 0.05


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_mlp_with_two_classes_and_its_shards():
    d, fitted = digits(), mlp("relu", 2)
    gates = cram.GateLibrary.uniform(1e-3)
    model = cram.convert(fitted, d.x_train, gates=gates, seed=5)
    assert model.layer.outputs == 1
    exact = model.with_gates(None)
    test = d.y < 2
    assert np.mean(exact.predict(d.x[test]) == fitted.predict(d.x[test])) > 0.95
    whole = model.integer_scores(d.x[:40])
    assert np.any(whole != exact.integer_scores(d.x[:40]))
    parts = [model.integer_scores(d.x[a:b], first_sample=a) for a, b in ((0, 7), (7, 8), (8, 40))]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    hidden = model._run(d.x[:40], 0, None, activity=False)
    wrong = [np.mean(run.differences != other.differences) for run, other in zip(
        hidden, exact._run(d.x[:40], 0, None, activity=False), strict=True)]  # fmt: skip
    assert all(share > 0 for share in wrong)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_cost_of_several_layers_is_their_sum():
    d = digits()
    gates = cram.GateLibrary(cram.device("today_45nm"), criterion="middle", gates=["NAND2", "NOT"])
    model = cram.convert(mlp("relu"), d.x_train, gates=gates, seed=5)
    total = model.cost(d.x[:4])
    runs = model._run(d.x[:4], 0, None, activity=True)
    parts = [
        cram.cost(layer.placement, gates, lanes=run.lanes, activity=run.activity)
        for layer, run in zip(model.layers, runs, strict=True)
    ]
    for name in ("energy", "latency", "lanes", "gates", "steps", "arrays"):
        assert getattr(total, name) == pytest.approx(sum(getattr(part, name) for part in parts))
    assert total.columns == max(part.columns for part in parts)


def test_hybrid_sums_exactly_outside_and_errs_less():
    d = digits()
    gates = cram.GateLibrary.uniform(1e-3)
    hybrid, tree = converted(accumulate="hybrid"), converted()
    assert isinstance(hybrid.layer.placement, cram.HybridDot)
    np.testing.assert_array_equal(hybrid.integer_scores(d.x), tree.integer_scores(d.x))
    counts = hybrid.layer.gate_counts
    assert counts == {n: 64 * c for n, c in cram.circuits.multiplier(4).gate_counts.items()}
    assert hybrid.with_gates(gates).score(d.x, d.y) > tree.with_gates(gates).score(d.x, d.y) + 0.2
    noisy = hybrid.with_gates(gates)
    np.testing.assert_array_equal(
        noisy.integer_scores(d.x[10:20], first_sample=10), noisy.integer_scores(d.x[:20])[10:]
    )
    device = cram.GateLibrary(cram.device("today_45nm"), criterion="middle", gates=["NAND2", "NOT"])
    costs = [model.cost(d.x[:3], gates=device) for model in (hybrid, tree)]
    assert costs[0].lanes == costs[1].lanes == 60
    assert costs[0].energy < costs[1].energy
    assert "exact_sum" in costs[0].neglected


def test_more_than_one_label_or_no_class_is_refused():
    d = digits()
    many = MLPClassifier((3,), max_iter=1).set_params(random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        many.fit(d.x_train[:50], np.eye(3, dtype=int)[d.y_train[:50] % 3] | 1)
        regressor = MLPRegressor(hidden_layer_sizes=(3,), max_iter=1).fit(d.x_train[:50], d.y_train[:50])
    with pytest.raises(InvalidArgument, match=r"^model: its 3 outputs of logistic are several labels"):
        cram.convert(many, d.x_train)
    with pytest.raises(InvalidArgument, match=r"^model: MLPRegressor has no classes_; "):
        cram.convert(regressor, d.x_train)


def test_a_drawn_seed_is_one_for_all_rows_and_reported(monkeypatch):
    monkeypatch.setattr(layers, "_CHUNK_LANES", 64)  # many chunks of rows
    layer = cram.Layer(
        weight=np.ones((4, 8), int), weight_scale=1.0, input_scale=1.0, bias=np.zeros(4),
        bits_input=2, bits_weight=1, placement=cram.place(cram.circuits.dot(8, 2, 1)),
    )  # fmt: skip
    x, noisy = np.random.default_rng(0).integers(0, 4, (50, 8)), cram.GateLibrary.uniform(1e-2)
    drawn = layer.run(x, noisy)
    again = layer.run(x, noisy, seed=drawn.seed)
    np.testing.assert_array_equal(drawn.values, again.values)
    assert (drawn.values != layer.exact(x)).any()
    assert layer.run(x, noisy).seed != drawn.seed
