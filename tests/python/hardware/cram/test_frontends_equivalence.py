"""Equivalence: proofs, counterexamples, and what is refused."""

import re

import numpy as np
import pytest
from hypothesis import given, settings

from nonideal.errors import InvalidArgument
from nonideal.hardware import cram
from nonideal.hardware.cram import circuits
from nonideal.hardware.cram.planes import counting_planes
from oracles import program as oracle


@pytest.mark.parametrize("design", ["maj5_buf", "maj5_not", "min5"])
def test_designs_are_equivalent(design):
    result = circuits.equivalent(circuits.adder(8), circuits.adder(8, full_adder=design))
    assert result == circuits.Equivalence(True, True, None, 1 << 16, None)
    assert result
    assert circuits.equivalent(circuits.full_adder(), circuits.full_adder(design)).lanes == 8


@pytest.mark.parametrize("bits", [5, 6, 7, 20, 21])
def test_a_single_wrong_input_is_found(bits):
    """A comparator with one constant, against one with another: they differ for two inputs."""
    rng = np.random.default_rng(bits)
    one, other = (int(i) for i in rng.choice(1 << bits, 2, replace=False))
    a = circuits.trace(lambda x: x == one, x=bits)
    b = circuits.trace(lambda x: x == other, x=bits)
    result = circuits.equivalent(a, b)
    first = min(one, other)
    assert result == circuits.Equivalence(False, False, {"x": first}, first + 1, None)
    assert not result


@settings(deadline=None, derandomize=True, max_examples=60)
@given(oracle.programs(), oracle.programs())
def test_against_all_outputs_of_random_programs(p, q):
    programs = [
        cram.Program(r.columns, r.instructions, r.inputs, {"y": r.outputs["y"][:1]}, r.constants)
        for r in (p, q)
    ]
    shapes = [[(port.name, port.bits) for port in program.inputs] for program in programs]
    if shapes[0] != shapes[1]:
        with pytest.raises(InvalidArgument, match="it has no input bit"):
            circuits.equivalent(*programs)
        programs[1] = programs[0]
    widths = [port.bits for port in programs[0].inputs]
    lane = np.arange(1 << sum(widths))
    values = {"a": lane % (1 << widths[0])} | ({"b": lane >> widths[0]} if len(widths) > 1 else {})
    one, other = (cram.simulate(program, values)["y"] for program in programs)
    result = circuits.equivalent(*programs)
    assert result.equal == np.array_equal(one, other)
    if not result:
        at = int((one != other).argmax())
        assert result.counterexample == {name: int(value[at]) for name, value in values.items()}


def test_counterexamples_are_the_ports_values():
    def program(outputs):
        ports = [cram.Port("w", 2, 2, True, (0, 1, 2, 3)), cram.Port("s", 3, None, True, (4, 5, 6))]
        gates = [("AND4", 7, (1, 2, 3, 6)), ("AND2", 8, (7, 4)), ("NOR2", 9, (0, 5)), ("AND2", 10, (8, 9))]
        return cram.Program(12, gates, ports, {"y": outputs}, {11: 0})

    result = circuits.equivalent(program([10]), program([11]))
    assert result.counterexample == {"w": [-2, -1], "s": -3}
    assert cram.simulate(program([10]), {"w": [[-2, -1]], "s": [-3]})["y"] == [1]


def test_many_inputs_are_drawn():
    a, b = circuits.adder(20), circuits.adder(20, full_adder="min5")
    result = circuits.equivalent(a, b, lanes=300_001, seed=5)
    assert result == circuits.Equivalence(True, False, None, 300_001, 5)
    assert circuits.equivalent(a, b, lanes=100).seed is not None
    wrong = circuits.trace(lambda a, b: {"sum": (a + b) ^ ((a ^ b)[:7] == 17)}, a=20, b=20)
    results = [circuits.equivalent(a, wrong, seed=3) for _ in range(2)]
    assert results[0] == results[1]
    assert not results[0].equal
    values = results[0].counterexample
    assert (values["a"] ^ values["b"]) % 128 == 17
    found = cram.simulate(wrong, {name: [value] for name, value in values.items()})["sum"]
    assert int(found[0]) != values["a"] + values["b"]


def test_ports_match_by_the_names_of_their_bits_in_any_order():
    text = ".inputs b[1] a b[0]\n.outputs y[1] y[0]\n.names a b[0] y[0]\n11 1\n.names b[1] y[1]\n0 1\n"
    program = cram.Program(5, [("AND2", 3, (0, 1)), ("NOT", 4, (2,))], {"a": [0], "b": [1, 2]}, {"y": [3, 4]})
    netlist = circuits.from_blif(text)
    assert circuits.equivalent(program, netlist)
    assert circuits.equivalent(netlist, program)
    crossed = circuits.from_blif(
        text.replace("y[1] y[0]\n", "y[0] y[1]\n").replace(".names b[1] y[1]\n0", ".names b[1] y[1]\n1")
    )
    assert circuits.equivalent(program, crossed).counterexample == {"a": 0, "b": 0}


def test_counting_planes_continue():
    whole = cram.BitPlanes(counting_planes(9, 700), 700).unpack(9)
    np.testing.assert_array_equal(whole, np.arange(700) % 512)
    part = cram.BitPlanes(counting_planes(9, 123, 448), 123).unpack(9)
    np.testing.assert_array_equal(part, np.arange(448, 571) % 512)


ADDER = circuits.adder(2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: circuits.equivalent(ADDER, 3), "program: int is not a Program"),
        (
            lambda: circuits.equivalent(cram.place(ADDER), ADDER),
            "program: Placement is not a Program; its .program is one",
        ),
        (
            lambda: circuits.equivalent(ADDER, circuits.adder(3)),
            "a: it has no input bit 'a[2]', which b has",
        ),
        (lambda: circuits.equivalent(circuits.adder(3), ADDER), "b: it has no input bit 'a[2]', which a has"),
        (
            lambda: circuits.equivalent(ADDER, circuits.multiplier(2)),
            "b: it has no output bit 'sum[0]', which a has",
        ),
        (lambda: circuits.equivalent(ADDER, ADDER, lanes=0), "lanes = 0 is below 1"),
        (lambda: circuits.equivalent(ADDER, ADDER, lanes=1.5), "lanes = 1.5 is not an integer"),
        (lambda: circuits.equivalent(ADDER, ADDER, seed=-1), "seed = -1 is outside [0, 2^64)"),
        (
            lambda: circuits.equivalent(cram.Program(1, [], {"a": [0]}, {}), ADDER),
            "b: it has no input bit 'a', which a has",
        ),
        (lambda: circuits.equivalent(*[cram.Program(1, [], {"a": [0]}, {})] * 2), "a: it has no output"),
        (
            lambda: circuits.equivalent(*[cram.Program(1, [], {}, {"y": [0]}, {0: 1})] * 2),
            "a: it has no input",
        ),
        (
            lambda: circuits.equivalent(*[cram.Program(3, [], {"a": [0, 1], "a[0]": [2]}, {"y": [0]})] * 2),
            "a: two input bits are both 'a[0]'",
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidArgument, match=f"^{re.escape(message)}$"):
        call()
