"""Results: nothing is lost on the way to JSON and back, and nothing that is not a result is taken for one."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonideal import Estimate
from nonideal.errors import InvalidArgument
from nonideal.report import Comparison, Curve, Result, Table, load_result

numbers = st.floats(allow_nan=False, allow_infinity=False)
estimates = st.builds(
    Estimate,
    numbers,
    st.floats(0, 1e300),
    st.none() | st.integers(1, 10**12),
    st.sampled_from(["", "J", "1"]),
)
texts = st.text(st.characters(codec="utf-8"), max_size=8)


@st.composite
def curves(draw: st.DrawFn) -> Curve:
    size = draw(st.integers(0, 4))
    x, y = (draw(st.lists(numbers, min_size=size, max_size=size)) for _ in range(2))
    errors = draw(st.lists(st.floats(0, 1e300), min_size=size, max_size=size))
    return Curve(x, draw(texts), y, draw(texts), errors, draw(st.none() | st.integers(1, 100)))  # type: ignore[arg-type]


results = st.builds(
    Result,
    experiment=texts,
    config=st.dictionaries(texts, texts | st.integers() | st.lists(texts, max_size=2)),
    seed=st.integers(0, 2**64 - 1),
    answer=texts,
    metrics=st.dictionaries(texts, estimates, max_size=3),
    curves=st.dictionaries(texts, curves(), max_size=2),
    comparison=st.lists(
        st.builds(Comparison, texts, st.none() | texts | numbers, texts | numbers, texts), max_size=2
    ),
    tables=st.just({"t": Table("T", ("a", "b"), ((1, "x"), (None, True), (0.5, "")), "note")}),
    limits=st.lists(texts, max_size=2),
    command=texts,
)


@given(results)
def test_json_keeps_everything(result: Result) -> None:
    assert Result.from_json(result.to_json()) == result


def test_the_keys_are_those_of_the_house() -> None:
    result = Result(
        "toy", {}, 1, "Yes.", {"pi": Estimate(3.1, 0.1, 7, "m")}, {"c": Curve([1], "x", [2], "y", [0.5], 3)}
    )  # type: ignore[arg-type]
    data = json.loads(result.to_json())
    assert set(data) == {
        *("experiment", "config", "seed", "versions", "machine", "answer", "metrics", "curves", "comparison"),
        *("tables", "limits", "command"),
    }
    assert data["metrics"]["pi"] == {"value": 3.1, "standard_error": 0.1, "samples": 7, "unit": "m"}
    assert data["curves"]["c"] == {
        "x": [1.0],
        "x_label": "x",
        "y": [2.0],
        "y_label": "y",
        "standard_error": [0.5],
        "samples": 3,
    }
    assert {"nonideal", "python", "numpy"} <= set(data["versions"])
    assert set(data["machine"]) == {"system", "processor", "cores"}


def test_estimates_in_comparisons_and_tables_become_text() -> None:
    estimate = Estimate(0.5, 0.01, 100)
    assert Comparison("q", None, estimate, "").ours == str(estimate)
    assert Table("t", ("a", "b"), [(estimate, np.int64(3))]).rows == ((str(estimate), 3),)  # type: ignore[arg-type]


def test_curves_from_estimates() -> None:
    points = [Estimate(1.0, 0.1, 9), Estimate(2.0, 0.2, 4)]
    assert Curve.from_estimates([0, 1], points, x_label="x", y_label="y").samples == 4
    exact = Curve.from_estimates([0], [Estimate.exact(1)], x_label="x", y_label="y")
    assert (exact.samples, exact.standard_error) == (None, (0.0,))
    assert Curve([0], "x", [1], "y").standard_error == (0.0,)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Curve([1, 2], "", [1], ""), "x, y and standard_error have lengths 2, 1 and 1"),
        (lambda: Curve([1], "", [math.nan], ""), "y[0] = nan is not finite"),
        (lambda: Curve([math.inf], "", [1], ""), "x[0] = inf is not finite"),
        (lambda: Table("", ("a",), [(1, 2)]), "rows[0] has 2 cells for 1 columns"),
        (
            lambda: Table("", ("a",), [([],)]),
            "a table's cell is a list; use text, numbers, True/False or None",
        ),
        (
            lambda: Result("", {}, 1, "", metrics={"m": 3.0}),
            "metrics['m'] = 3.0 is not an Estimate; see Estimate.exact",
        ),
        (
            lambda: Result("", {}, 1, "", metrics={"m": Estimate.exact(math.nan)}),
            "value = nan is not a finite number",
        ),
    ],
)
def test_refusals(make: Any, message: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        make()
    assert str(caught.value) == message


def test_load_takes_the_folder_or_the_file(tmp_path: Path) -> None:
    result = Result("toy", {}, 1, "Yes.")
    (tmp_path / "result.json").write_text(result.to_json(), encoding="utf-8")
    assert load_result(tmp_path) == load_result(tmp_path / "result.json") == result
