"""The box of parameters."""

import numpy as np
import pytest

from nonideal.errors import InvalidArgument
from nonideal.physics import flow

SPACE = flow.ParameterSpace(Re=(100, 400), a=(-1, 1))


def test_attributes():
    assert SPACE.names == ("Re", "a")
    assert SPACE.bounds.tolist() == [[100, 400], [-1, 1]]
    assert not SPACE.bounds.flags.writeable
    assert repr(SPACE) == "ParameterSpace(Re=(100, 400), a=(-1, 1))"


def test_grid():
    assert SPACE.as_array(SPACE.grid(2)).tolist() == [[100, -1], [100, 1], [400, -1], [400, 1]]
    assert SPACE.as_array(SPACE.grid({"a": 3, "Re": 1})).tolist() == [[250, -1], [250, 0], [250, 1]]


def test_random_points_are_the_reference_points():
    """The test points of the reference tables: NumPy's default generator, seed 7."""
    unit = np.random.default_rng(7).random((12, 2))
    expected = np.array([100, -1]) + unit * np.array([300, 2])
    np.testing.assert_array_equal(SPACE.as_array(SPACE.random(12, seed=7)), expected)
    assert SPACE.random(0, seed=7) == []


def test_arrays():
    points = SPACE.random(5, seed=0)
    assert SPACE.from_array(SPACE.as_array(points)) == points
    assert SPACE.as_array([]).shape == (0, 2)
    assert SPACE.as_array([{"a": 0.5, "Re": 200}]).tolist() == [[200, 0.5]]  # by name, not by place


def test_contains():
    assert SPACE.contains({"Re": 100, "a": 1})
    assert not SPACE.contains({"Re": 100, "a": 1.001})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: flow.ParameterSpace(), "ranges: no parameter is given"),
        (lambda: flow.ParameterSpace(a=(1, 1)), "a = (1, 1): 1.0 is not below 1.0"),
        (lambda: flow.ParameterSpace(a=(0, 1, 2)), "a = (0, 1, 2) is not a pair (lowest, highest)"),
        (lambda: flow.ParameterSpace(a=3), "a = 3 is not a sequence"),
        (lambda: flow.ParameterSpace(a=(0, float("inf"))), "a[1] = inf is not finite"),
        (lambda: SPACE.grid(0), "n = 0 is below 1"),
        (lambda: SPACE.grid({"Re": 2}), "n lacks 'a'; it needs Re, a"),
        (lambda: SPACE.grid({"Re": 2, "a": 0}), "n['a'] = 0 is below 1"),
        (lambda: SPACE.random(-1, seed=0), "n = -1 is below 0"),
        (lambda: SPACE.random(1, seed=None), "seed = None is not an integer"),
        (lambda: SPACE.as_array([{"Re": 100}]), "mus[0] lacks 'a'; it needs Re, a"),
        (lambda: SPACE.as_array([{"Re": 1, "a": 0, "b": 0}]), "mus[0] has 'b', which is not one of Re, a"),
        (lambda: SPACE.as_array(3), "mus = 3 is not a sequence"),
        (lambda: SPACE.from_array([[1, 2, 3]]), "values has shape (1, 3), not (n, 2)"),
        (lambda: SPACE.from_array([[1, np.nan]]), "values[0, 1] = nan is not finite"),
        (lambda: SPACE.contains({"Re": "1", "a": 0}), "mu['Re'] = '1' is not a number"),
        (lambda: SPACE.contains(7), "mu: int is not a mapping"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidArgument) as refusal:
        call()
    assert str(refusal.value) == message
