"""Traced functions compute what they compute on Python's integers, for all inputs."""

import operator
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal.errors import InvalidArgument
from nonideal.hardware import cram
from nonideal.hardware.cram import circuits
from nonideal.hardware.cram.circuits import select

DESIGNS = ("nand9", "maj5_buf", "maj5_not", "min5")
design = pytest.mark.parametrize("design", DESIGNS)


def every_input(bits):
    """All combinations of the operands' values, by name, (lanes,)."""
    grids = []
    for width in bits.values():
        signed = isinstance(width, tuple)
        n = width[0] if signed else width
        grids.append(np.arange(1 << n) - ((1 << (n - 1)) if signed else 0))
    mesh = np.meshgrid(*grids, indexing="ij")
    return {name: axis.ravel() for name, axis in zip(bits, mesh, strict=True)}


def check(function, *, full_adder="nand9", **bits):
    """Compare with Python's integers for all inputs; placed and unplaced."""
    program = circuits.trace(function, full_adder=full_adder, **bits)
    values = every_input(bits)
    rows = zip(*[axis.tolist() for axis in values.values()], strict=True)
    expected = [int(function(**dict(zip(bits, row, strict=True)))) for row in rows]
    np.testing.assert_array_equal(cram.simulate(program, values)["y"], expected)
    placed = cram.place(program, cram.Array(columns=1 << 15)).program
    np.testing.assert_array_equal(cram.simulate(placed, values)["y"], expected)
    return program


FUNCTIONS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
@pytest.mark.parametrize(
    "widths", [(4, 4), (5, 2), (1, 5), (1, 1), (4, (4, "signed")), ((3, "signed"), (5, "signed"))]
)
@design
def test_operators_for_all_inputs(name, widths, design):
    function = FUNCTIONS[name]
    check(lambda a, b: function(a, b), full_adder=design, a=widths[0], b=widths[1])


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
@pytest.mark.parametrize("constant", [-9, -8, -1, 0, 1, 5, 16, np.int64(7), True])
@pytest.mark.parametrize("width", [4, (4, "signed")])
def test_constants_on_either_side(name, constant, width):
    function = FUNCTIONS[name]
    check(lambda x: function(x, constant), x=width)
    check(lambda x: function(constant, x), x=width)


@pytest.mark.parametrize("width", [1, 5, (1, "signed"), (5, "signed")])
@pytest.mark.parametrize(
    "function",
    [
        lambda x: -x,
        lambda x: +x,
        lambda x: ~x,
        lambda x: ~x & 31,
        lambda x: x << 3,
        lambda x: x >> 2,
        lambda x: x >> 9,
        lambda x: (x << 70) >> 69,
        lambda x: x + x,
        lambda x: x - x,
        lambda x: x * x,
        lambda x: x * x * x - 3 * x + 1,
        lambda x: (x & x) | (x ^ x),
        lambda x: x == x,
        lambda x: x * 0,
        lambda x: 7,
        lambda x: select(x < 2, x, -x) if not isinstance(x, int) else (x if x < 2 else -x),
    ],
)
def test_functions_of_one_word_for_all_inputs(function, width):
    check(function, x=width)


@st.composite
def expressions(draw, depth=3):
    """Trees of operations, as functions of a mapping of operands."""
    kind = draw(st.sampled_from(["leaf", "binary", "binary", "binary", "unary", "shift", "select"]))
    if depth == 0 or kind == "leaf":
        if draw(st.booleans()):
            constant = draw(st.integers(-5, 9))
            return lambda v: constant
        name = draw(st.sampled_from("abc"))
        return lambda v: v[name]
    first = draw(expressions(depth=depth - 1))
    if kind == "unary":
        function = draw(st.sampled_from([operator.neg, operator.invert]))
        return lambda v: function(first(v))
    if kind == "shift":
        places, function = draw(st.integers(0, 3)), draw(st.sampled_from([operator.lshift, operator.rshift]))
        return lambda v: function(first(v), places)
    second = draw(expressions(depth=depth - 1))
    if kind == "select":
        third = draw(expressions(depth=depth - 1))

        def choose(v):
            condition, then, otherwise = first(v) < second(v), second(v), third(v)
            return (
                (then if condition else otherwise)
                if isinstance(condition, bool)
                else (select(condition, then, otherwise))
            )

        return choose
    function = FUNCTIONS[draw(st.sampled_from(sorted(FUNCTIONS)))]
    return lambda v: function(first(v), second(v))


@settings(deadline=None, derandomize=True, max_examples=150)
@given(expressions(), st.sampled_from(DESIGNS))
def test_random_expressions(expression, design):
    check(lambda a, b, c: expression({"a": a, "b": b, "c": c}), full_adder=design, a=3, b=(3, "signed"), c=2)


def test_outputs_are_as_wide_as_their_range_needs():
    def ports(function, **bits):
        return [(port.bits, port.signed) for port in circuits.trace(function, **bits).outputs]

    assert ports(lambda a, b: a + b, a=4, b=4) == [(5, False)]
    assert ports(lambda a, b: a - b, a=4, b=4) == [(5, True)]
    assert ports(lambda a, b: a * b, a=4, b=4) == [(8, False)]
    assert ports(lambda a, b: a * b, a=(4, "signed"), b=(4, "signed")) == [(8, True)]
    assert ports(lambda a: 3 * a, a=4) == [(6, False)]
    assert ports(lambda a: -a, a=4) == [(5, True)]
    assert ports(lambda a: 15 - a, a=4) == [(4, False)]
    assert ports(lambda a: a * 0, a=4) == [(1, False)]
    assert ports(lambda a: a == 3, a=4) == [(1, False)]
    assert ports(lambda a: a & 3, a=8) == [(2, False)]
    assert ports(lambda a, b: a & b, a=8, b=(8, "signed")) == [(8, False)]
    assert ports(lambda a: a | 256, a=8) == [(9, False)]
    assert ports(lambda a: (a | 5) - 5, a=4) == [(4, False)]
    assert ports(lambda a: a, a=(4, "signed")) == [(4, True)]


@design
@pytest.mark.parametrize("bits_a", [1, 2, 4, 8])
@pytest.mark.parametrize("bits_b", [1, 3, 8])
def test_products_and_sums_are_those_of_the_circuits(design, bits_a, bits_b):
    ours = circuits.trace(lambda a, b: {"product": a * b}, full_adder=design, a=bits_a, b=bits_b)
    theirs = circuits.multiplier(bits_a, bits_b, full_adder=design)
    assert ours.num_gates <= theirs.num_gates
    assert circuits.equivalent(ours, theirs)


def test_gate_counts():
    def count(function, **bits):
        return circuits.trace(function, **bits).num_gates

    assert count(lambda a, b: a * b, a=4, b=4) == 124
    assert count(lambda a, b: a * b, a=8, b=8) == 600
    assert count(lambda a, b: a + b, a=8, b=8) == 5 + 7 * 9
    assert count(lambda a, b: a - b, a=8, b=8) <= 7 + 7 * 9
    assert count(lambda a: a + 0, a=8) == count(lambda a: a * 4, a=8) == count(lambda a: a[::-1], a=8) == 0
    assert count(lambda a: ((a | 8) >= 8) & (a ^ 3 < 16), a=4) == 0
    assert count(lambda a, b: a + b - a - b + (a > b), a=4, b=4) > 0
    assert count(lambda a, b: (a + b == a + b) & (b + a <= 30), a=4, b=4) == 0


@design
def test_the_design_is_that_of_the_adders(design):
    program = circuits.trace(lambda a, b: a + b, full_adder=design, a=6, b=6)
    one = circuits.full_adder(design).gate_counts
    half = {"NOT": 1, "NAND2": 4}
    expected = {g: 5 * one.get(g, 0) + half.get(g, 0) for g in cram.GATES}
    assert program.gate_counts == {g: n for g, n in expected.items() if n}


def test_bits_and_slices():
    check(lambda x: x[0] if not isinstance(x, int) else x & 1, x=5)
    check(lambda x: x[-1] if not isinstance(x, int) else int(x < 0), x=(5, "signed"))
    check(lambda x: x[1:4] if not isinstance(x, int) else x >> 1 & 7, x=(5, "signed"))
    check(lambda x: x[::-1] if not isinstance(x, int) else int(f"{x:05b}"[::-1], 2), x=5)
    check(lambda x: x[7:] if not isinstance(x, int) else 0, x=5)
    check(lambda x: sum(x) if not isinstance(x, int) else x.bit_count(), x=6)
    lengths = []
    circuits.trace(lambda x: lengths.extend([len(x), len(x + 1), len(x * 0), len(list(x))]) or x, x=5)
    assert lengths == [5, 6, 0, 5]


def test_results_by_position_and_by_name():
    program = circuits.trace(lambda a, b: (a + b, a & b, 3), a=3, b=3)
    assert [port.name for port in program.outputs] == ["y0", "y1", "y2"]
    got = cram.simulate(program, {"a": [5], "b": [6]})
    assert [int(got[name][0]) for name in got] == [11, 4, 3]
    program = circuits.trace(lambda a, b: {"less": a < b, "b": b}, a=3, b=3)
    assert [port.name for port in program.outputs] == ["less", "b"]


def test_loops_make_dot_products():
    def dot(**words):
        return sum(words[f"x{i}"] * words[f"w{i}"] for i in range(3))

    widths = {f"{port}{i}": 2 for i in range(3) for port in "xw"}
    program = circuits.trace(dot, **widths)
    chain = circuits.dot(3, 2, 2, accumulate="chain")
    assert program.num_gates <= chain.num_gates
    values = every_input(widths)
    x, w = (np.stack([values[f"{port}{i}"] for i in range(3)], axis=1) for port in "xw")
    np.testing.assert_array_equal(
        cram.simulate(program, values)["y"], cram.simulate(chain, {"x": x, "w": w})["y"]
    )


def test_select():
    check(lambda a, b: select(a > b, a, b) if not isinstance(a, int) else max(a, b), a=4, b=(4, "signed"))
    check(lambda a: select(a[0], 5, -5) if not isinstance(a, int) else (5 if a & 1 else -5), a=2)
    check(lambda a: select(a[0], a, a) if not isinstance(a, int) else a, a=3)
    check(lambda a: select(a >= 0, a, 9) if not isinstance(a, int) else a, a=3)
    check(lambda a: select(True, a, 9), a=3)
    assert (select(1, 2, 3), select(False, 2, 3), select(0, "x", "y")) == (2, 3, "y")


def test_a_word_shows_its_range():
    shown = []
    circuits.trace(lambda a: shown.append(repr(a - 1)) or a, a=3)
    assert shown == ["<Word: 4 bits, in [-1, 6]>"]


OFFERED = "there are + - * & | ^ ~ << >>, comparisons, bits and select"
UNKNOWN = "its value is known only in the array"


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            lambda x: 1 if x else 2,
            f"bool() of a word is not possible; {UNKNOWN}, circuits.select takes the place of if",
        ),
        (
            lambda x: x > 1 and x < 3,
            f"bool() of a word is not possible; {UNKNOWN}, circuits.select takes the place of if",
        ),
        (
            lambda x: max(x, 3),
            f"bool() of a word is not possible; {UNKNOWN}, circuits.select takes the place of if",
        ),
        (lambda x: x / 2, f"/ of a word is not possible; {OFFERED}"),
        (lambda x: 2 / x, f"/ of a word is not possible; {OFFERED}"),
        (lambda x: x // 2, f"// of a word is not possible; {OFFERED}"),
        (lambda x: 7 % x, f"% of a word is not possible; {OFFERED}"),
        (lambda x: x**2, f"** of a word is not possible; {OFFERED}"),
        (lambda x: divmod(x, 2), f"divmod() of a word is not possible; {OFFERED}"),
        (lambda x: x @ x, f"@ of a word is not possible; {OFFERED}"),
        (lambda x: round(x), f"round() of a word is not possible; {OFFERED}"),
        (lambda x: float(x), f"float() of a word is not possible; {UNKNOWN}"),
        (lambda x: int(x), f"int() of a word is not possible; {UNKNOWN}"),
        (lambda x: [1, 2][x], f"int() of a word is not possible; {UNKNOWN}"),
        (lambda x: sum(range(x)), f"int() of a word is not possible; {UNKNOWN}"),
        (lambda x: abs(x), "abs() of a word is not possible; circuits.select(x < 0, -x, x) does it"),
        (
            lambda x: 1 << x,
            "a shift by the value of a word is not possible; circuits.select between constant shifts does it",
        ),
        (
            lambda x: 3 in x,
            f"in of a word is not possible; {UNKNOWN}, comparisons can be combined by | and &",
        ),
        (
            lambda x: operator.setitem(x, 0, 1),
            "assignment to a bit of a word is not possible; a word doesn't change",
        ),
        (lambda x: x << x, "shift must be an integer, not a word"),
        (lambda x: x[x], "index must be an integer, not a word"),
        (lambda x: x + 1.5, "operand 1.5 is neither a word nor an integer"),
        (lambda x: 1.5 * x, "operand 1.5 is neither a word nor an integer"),
        (lambda x: np.float64(1.5) * x, "operand np.float64(1.5) is neither a word nor an integer"),
        (lambda x: x == "a", "operand 'a' is neither a word nor an integer"),
        (lambda x: x < float("nan"), "operand nan is neither a word nor an integer"),
        (lambda x: None, "output y None is neither a word nor an integer"),
        (lambda x: (x, [x]), "output y1 [<Word: 3 bits, in [0, 7]>] is neither a word nor an integer"),
        (lambda x: select(x > 1, x, None), "otherwise None is neither a word nor an integer"),
        (lambda x: select("a", x, x), "condition 'a' is neither a word nor an integer"),
    ],
)
def test_refusals_within_functions(function, message):
    with pytest.raises(InvalidArgument, match=f"^{re.escape('trace: ' + message)}$"):
        circuits.trace(function, x=3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: circuits.trace(lambda x: x, x=0), "x = 0 is outside [1, 63]"),
        (lambda: circuits.trace(lambda x: x, x=64), "x = 64 is outside [1, 63]"),
        (lambda: circuits.trace(lambda x: x, x=2.0), "x = 2.0 is not an integer"),
        (
            lambda: circuits.trace(lambda x: x, x=(4, "unsigned")),
            "x = (4, 'unsigned') is neither a width nor (width, 'signed')",
        ),
        (lambda: circuits.trace(lambda x: x, x=(4,)), "x = (4,) is neither a width nor (width, 'signed')"),
        (lambda: circuits.trace(lambda x: x, x=(0, "signed")), "x = 0 is outside [1, 63]"),
        (
            lambda: circuits.trace(lambda x: x, full_adder="ripple", x=4),
            "full_adder = 'ripple' is not one of nand9, maj5_buf, maj5_not, min5",
        ),
        (lambda: circuits.trace(3, x=4), "function: int is not callable"),
        (
            lambda: circuits.trace(lambda x: x, z=4),
            "function: its parameters are not z (missing a required argument: 'x')",
        ),
        (lambda: circuits.trace(lambda x: {}, x=4), "function: it returns no output"),
        (lambda: circuits.trace(lambda x: (), x=4), "function: it returns no output"),
        (lambda: circuits.trace(lambda x: {"": x}, x=4), "outputs: a port has an empty name"),
        (lambda: circuits.trace(lambda x: {1: x}, x=4), "name = 1 is not a string"),
        (lambda: circuits.trace(lambda x: x << 62, x=4), "outputs[y].bits = 66 is outside [1, 63]"),
        (lambda: circuits.trace(lambda x: x << -1, x=4), "shift = -1 is outside [0, 2^16]"),
        (lambda: circuits.trace(lambda x: x << 10**9, x=4), "shift = 1000000000 is outside [0, 2^16]"),
        (lambda: circuits.trace(lambda x: x[4], x=4), "index = 4 is outside [-4, 3]"),
        (lambda: circuits.trace(lambda x: x[::0], x=4), "slice: its step is 0"),
        (
            lambda: circuits.trace(lambda x: select(x, 1, 2), x=4),
            "condition: a word in [0, 15] is not a bit; compare it with 0",
        ),
        (lambda: select(2, 3, 4), "condition = 2 is outside [0, 1]"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidArgument, match=f"^{re.escape(message)}$"):
        call()


def test_words_of_another_trace_are_refused():
    kept = []
    circuits.trace(lambda x: kept.append(x) or x, x=4)
    with pytest.raises(InvalidArgument, match=r"^operand: a word of another trace$"):
        circuits.trace(lambda x: x + kept[0], x=4)
    with pytest.raises(InvalidArgument, match=r"^output y: a word of another trace$"):
        circuits.trace(lambda x: kept[0], x=4)
    with pytest.raises(TypeError, match="unhashable"):
        hash(kept[0])


def test_errors_of_the_function_itself_pass():
    def broken(x):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        circuits.trace(broken, x=4)
