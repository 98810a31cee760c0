"""Parameters: the arithmetic of linear expressions."""

import copy
import pickle
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal.errors import InvalidArgument
from nonideal.hardware.quantum import LinearExpression, Parameter

THETA = Parameter("theta")
numbers = st.floats(-100, 100)


def value(expression, theta):
    assert expression.parameter == THETA
    return expression.factor * theta + expression.offset


@settings(deadline=None, derandomize=True)
@given(numbers, numbers, numbers, numbers.filter(lambda x: abs(x) > 1e-3))
def test_arithmetic_is_that_of_numbers(theta, a, b, c):
    def formula(x):
        return -(a * x + b) / c + (x - b) - (a - 2 * x * c) + (+x)

    np.testing.assert_allclose(value(formula(THETA), theta), formula(theta), rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("number", [2, 2.0, np.float64(2), np.float32(2), np.int64(2), True])
def test_numbers_of_every_type_on_both_sides(number):
    for expression in (number * THETA, THETA * number, THETA + number, number + THETA, number - THETA):
        assert isinstance(expression, LinearExpression)
        assert type(expression.factor) is type(expression.offset) is float
    assert value(number - THETA, 3.0) == float(number) - 3.0


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (THETA, "theta"),
        (-THETA, "-theta"),
        (0.5 * THETA, "0.5*theta"),
        (THETA / 4 + 1, "0.25*theta + 1"),
        (1 - 2 * THETA, "-2*theta + 1"),
        (THETA - 0.125, "theta - 0.125"),
        (THETA - THETA, "0*theta"),
    ],
)
def test_text(expression, text):
    assert str(expression) == repr(expression) == text


def test_parameters_are_told_apart_by_their_names():
    assert Parameter("theta") == THETA == 1.0 * THETA
    assert hash(Parameter("theta")) == hash(THETA)
    assert Parameter("phi") != THETA
    assert 2 * THETA != THETA
    assert THETA != "theta"
    assert len({THETA, Parameter("theta"), 2 * THETA}) == 2


def test_pickles_and_copies_are_equal():
    for expression in (THETA, 0.5 * THETA + 1):
        for twin in (pickle.loads(pickle.dumps(expression)), copy.deepcopy(expression)):
            assert twin == expression
            assert type(twin) is type(expression)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: THETA + Parameter("phi"), "an angle is linear in one parameter; theta and phi are two"),
        (lambda: THETA - Parameter("phi"), "an angle is linear in one parameter; theta and phi are two"),
        (
            lambda: (THETA + 1) * THETA,
            "an angle is linear in one parameter; (theta + 1) * (theta) is not",
        ),
        (lambda: THETA / THETA, "an angle is linear in one parameter; (theta) / (theta) is not"),
        (lambda: 1 / (2 * THETA), "an angle is linear in one parameter; 1 / (2*theta) is not"),
        (lambda: THETA / 0, "(theta) / 0: the divisor is zero"),
        (lambda: THETA * float("inf"), "factor of theta = inf is not finite"),
        (lambda: THETA + float("nan"), "offset of theta = nan is not finite"),
        (lambda: Parameter(""), "name = '' is not a non-empty string"),
        (lambda: Parameter(3), "name = 3 is not a non-empty string"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidArgument, match=f"^{re.escape(message)}$"):
        call()


@pytest.mark.parametrize("other", ["1", None, [1.0], 1j])
def test_what_is_no_number_is_no_part_of_an_angle(other):
    for operation in (lambda: THETA + other, lambda: other * THETA, lambda: THETA / other):
        with pytest.raises(TypeError):
            operation()


def test_expressions_do_not_change():
    with pytest.raises(AttributeError):
        THETA.factor = 2.0
