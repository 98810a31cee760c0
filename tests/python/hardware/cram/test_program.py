"""Programs: what they hold, what they refuse, how they are built, pickled and compared."""

import copy
import pickle
import re

import numpy as np
import pytest
from hypothesis import given, settings

from nonideal.errors import InvalidArgument
from nonideal.hardware import cram
from nonideal.hardware.cram import circuits
from oracles import program as oracle

ALL = "NOT, BUF, NAND2, NAND3, NAND4, NAND5, NOR2, NOR3, NOR4, NOR5, "
ALL += "AND2, AND3, AND4, AND5, OR2, OR3, OR4, OR5, MIN3, MAJ3, MIN5, MAJ5"
TWICE = "twice; a cell can be an input once: insert a BUF (copy) and read both cells"
OVERWRITES = "is among the inputs; a gate can't write a cell that it reads"


def as_program(p: oracle.RandomProgram) -> cram.Program:
    return cram.Program(p.columns, p.instructions, p.inputs, p.outputs, p.constants)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(oracle.programs())
def test_a_program_gives_back_what_it_was_made_of(p):
    program = as_program(p)
    assert program.columns == p.columns
    assert list(program.instructions) == p.instructions
    assert program.num_gates == len(p.instructions)
    assert program.constants == p.constants
    for ports, words in ((program.inputs, p.inputs), (program.outputs, p.outputs)):
        assert {port.name: list(port.columns) for port in ports} == words
        assert all(
            (port.bits, port.length, port.signed) == (len(port.columns), None, False) for port in ports
        )
    names = [gate for gate, _, _ in p.instructions]
    assert program.gate_counts == {name: names.count(name) for name in cram.GATES if name in names}
    again = cram.Program(
        program.columns, program.instructions, program.inputs, program.outputs, program.constants
    )
    assert again == program
    assert hash(again) == hash(program)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(oracle.programs())
def test_depth_is_the_longest_path(p):
    """Oracle: the longest chain of readers, written out."""
    level = dict.fromkeys(range(p.columns), 0)
    depths = [0]
    for _, target, reads in p.instructions:
        level[target] = 1 + max(level[column] for column in reads)
        depths.append(level[target])
    assert as_program(p).depth == max(depths)


@settings(deadline=None, derandomize=True, max_examples=30)
@given(oracle.programs())
def test_pickles_and_copies_are_the_same_program(p):
    program = as_program(p)
    for twin in (pickle.loads(pickle.dumps(program)), copy.copy(program), copy.deepcopy(program)):
        assert twin == program
        assert (twin.inputs, twin.outputs, twin.instructions) == (
            program.inputs,
            program.outputs,
            program.instructions,
        )


def test_a_pickled_program_computes_the_same_bits():
    program = circuits.multiplier(4)
    twin = pickle.loads(pickle.dumps(program))
    values = {"a": np.arange(16).repeat(16), "b": np.tile(np.arange(16), 16)}
    gates = cram.GateLibrary.uniform(0.01)
    np.testing.assert_array_equal(
        cram.simulate(program, values, gates, seed=1)["product"],
        cram.simulate(twin, values, gates, seed=1)["product"],
    )


def test_programs_differ_where_anything_differs():
    make = cram.Program
    base = make(3, [("NOT", 1, (0,))], {"a": [0]}, {"y": [1]}, {2: 0})
    others = [
        make(4, [("NOT", 1, (0,))], {"a": [0]}, {"y": [1]}, {2: 0}),
        make(3, [("BUF", 1, (0,))], {"a": [0]}, {"y": [1]}, {2: 0}),
        make(3, [("NOT", 1, (2,))], {"a": [0]}, {"y": [1]}, {2: 0}),
        make(3, [("NOT", 1, (0,))], {"b": [0]}, {"y": [1]}, {2: 0}),
        make(3, [("NOT", 1, (0,))], {"a": [0]}, {"y": [0]}, {2: 0}),
        make(3, [("NOT", 1, (0,))], {"a": [0]}, {"y": [1]}, {2: 1}),
        "program",
    ]
    assert all(base != other for other in others)


def test_repr():
    assert repr(circuits.adder(4)) == "<Program: 36 gates, 45 columns, depth 12, a[4], b[4] -> sum[5]>"
    assert "x[4] x 3, w[2] x 3 -> y[" in repr(circuits.dot(3, 4, 2))


def test_an_output_is_found_by_name_or_where_it_is_the_only_one():
    assert circuits.adder(2).output().name == "sum"
    assert circuits.full_adder().output("carry").name == "carry"
    message = r"^output = None is not one of the program's outputs sum, carry$"
    with pytest.raises(InvalidArgument, match=message):
        circuits.full_adder().output()
    with pytest.raises(InvalidArgument, match=r"^output = 'y' is not one of the program's outputs sum$"):
        circuits.adder(2).output("y")


def test_ports_take_numpy_integers_and_ranges():
    program = cram.Program(
        np.int64(3), [("NAND2", np.int32(2), np.array([0, 1]))], {"x": range(2)}, {"y": np.array([2])}
    )
    assert program.instructions == (("NAND2", 2, (0, 1)),)


A = {"a": [0]}
Port = cram.Port


@pytest.mark.parametrize(
    ("make", "message"),
    [
        # instructions
        (lambda: (3, [("FOO", 1, (0,))], A, {}), f"instructions[0]: gate = 'FOO' is not one of {ALL}"),
        (lambda: (3, [(["NOT"], 1, (0,))], A, {}), f"instructions[0]: gate = ['NOT'] is not one of {ALL}"),
        (
            lambda: (3, [("NOT", 1)], A, {}),
            "instructions[0] = ('NOT', 1) is not (gate, output column, input columns)",
        ),
        (
            lambda: (3, [("NOT", 1, 0)], A, {}),
            "instructions[0] = ('NOT', 1, 0) is not (gate, output column, input columns)",
        ),
        (lambda: (3, [("NOT", 1, (0, 0))], A, {}), "instructions[0] (NOT): expected 1 input columns, got 2"),
        (lambda: (3, [("MAJ3", 1, (0,))], A, {}), "instructions[0] (MAJ3): expected 3 input columns, got 1"),
        (
            lambda: (3, [("NOT", 1.5, (0,))], A, {}),
            "instructions[0] (NOT): [1.5, 0] are not columns (whole numbers)",
        ),
        (
            lambda: (3, [("NOT", 1, (0.0,))], A, {}),
            "instructions[0] (NOT): [1, 0.0] are not columns (whole numbers)",
        ),
        (lambda: (3, [("NOT", 3, (0,))], A, {}), "instructions[0] (NOT): column 3 is outside [0, 3)"),
        (lambda: (3, [("NOT", 1, (-1,))], A, {}), "instructions[0] (NOT): column -1 is outside [0, 3)"),
        (
            lambda: (3, [("NOT", 2**40, (0,))], A, {}),
            f"instructions[0] (NOT): column {2**40} is outside [0, 2^31)",
        ),
        (
            lambda: (3, [("NOT", 1, (0,)), ("NOT", 0, (2,))], A, {}),
            "instructions[1] (NOT) reads column 2, which nothing has set",
        ),
        (
            lambda: (3, [("NOT", 0, (0,))], A, {}),
            f"instructions[0] (NOT): output column 0 {OVERWRITES}",
        ),
        (
            lambda: (3, [("NAND2", 2, (0, 0))], A, {}),
            f"instructions[0] (NAND2) reads column 0 {TWICE}",
        ),
        # columns
        (lambda: (-1, [], {}, {}), "columns = -1 is below 0"),
        (lambda: (1.5, [], A, {}), "columns = 1.5 is not an integer"),
        (lambda: ("3", [], A, {}), "columns = '3' is not an integer"),
        (lambda: (2**40, [], A, {}), f"columns = {2**40} is outside [-2^31, 2^31)"),
        # inputs
        (lambda: (2, [], {"a": [0], "b": [0]}, {}), "inputs[b]: column 0 is already an input or a constant"),
        (lambda: (2, [], {"a": [0, 0]}, {}), "inputs[a]: column 0 is already an input or a constant"),
        (lambda: (2, [], {"a": [2]}, {}), "inputs[a]: column 2 is outside [0, 2)"),
        (lambda: (2, [], {"": [0]}, {}), "inputs: a port has an empty name"),
        (lambda: (2, [], {1: [0]}, {}), "name = 1 is not a string"),
        (lambda: (2, [], {"a": []}, {}), "inputs[a].bits = 0 is outside [1, 63]"),
        (lambda: (64, [], {"a": range(64)}, {}), "inputs[a].bits = 64 is outside [1, 63]"),
        (lambda: (2, [], {"a": [0.5]}, {}), "inputs[a]: [0.5] are not columns (whole numbers)"),
        (lambda: (2, [], {"a": "0"}, {}), "inputs[a]: '0' are not columns (whole numbers)"),
        (lambda: (2, [], {"a": 0}, {}), "inputs[a]: 0 are not columns (whole numbers)"),
        (lambda: (2, [], ["a"], {}), "inputs: 'a' is not a Port"),
        (
            lambda: (2, [], [Port("a", 2, None, False, (0,))], {}),
            "inputs[a].columns: expected 2 columns, got 1",
        ),
        (lambda: (2, [], [Port("a", 1, 0, False, (0,))], {}), "a.length = 0 is below 1"),
        (lambda: (2, [], [Port("a", 1, 1.0, False, (0,))], {}), "a.length = 1.0 is not an integer"),
        (lambda: (2, [], [Port("a", "x", None, False, (0,))], {}), "a.bits = 'x' is not an integer"),
        (
            lambda: (2, [], [Port("a", 1, None, False, None)], {}),
            "a.columns: None are not columns (whole numbers)",
        ),
        (
            lambda: (2, [], [Port("a", 1, None, False, (c,)) for c in (0, 1)], {}),
            "inputs[a]: the name is used twice",
        ),
        # constants
        (lambda: (2, [], A, {}, {0: 1}), "constants: column 0 is already an input or a constant"),
        (lambda: (2, [], A, {}, {1: 2}), "constants[1] = 2 is outside [0, 1]"),
        (lambda: (2, [], A, {}, {5: 1}), "constants: column 5 is outside [0, 2)"),
        (lambda: (2, [], A, {}, {1: 0.5}), "constants[1] = 0.5 is not an integer"),
        (lambda: (2, [], A, {}, {"x": 1}), "constants: column = 'x' is not an integer"),
        # outputs
        (lambda: (2, [], A, {"y": [1]}), "outputs[y] reads column 1, which nothing has set"),
        (lambda: (2, [], A, {"y": [2]}), "outputs[y]: column 2 is outside [0, 2)"),
        (lambda: (2, [], A, {"": [0]}), "outputs: a port has an empty name"),
        (lambda: (2, [], A, {"y": []}), "outputs[y].bits = 0 is outside [1, 63]"),
    ],
)
def test_refusals_of_programs(make, message):
    with pytest.raises(InvalidArgument, match=f"^{re.escape(message)}$"):
        cram.Program(*make())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda b: b.input("a", 1), "inputs[a]: the name is used twice"),
        (lambda b: b.input("a", 1, length=2), "inputs[a]: the name is used twice"),
        (lambda b: b.input("", 1), "inputs: a port has an empty name"),
        (lambda b: b.input(3, 1), "name = 3 is not a string"),
        (lambda b: b.input("b", 0), "bits = 0 is outside [1, 63]"),
        (lambda b: b.input("b", 64), "bits = 64 is outside [1, 63]"),
        (lambda b: b.input("b", 1.5), "bits = 1.5 is not an integer"),
        (lambda b: b.input("b", 1, length=0), "length = 0 is below 1"),
        (lambda b: b.input("b", 1, length="2"), "length = '2' is not an integer"),
        (lambda b: b.input("b", 63, length=2**30), "columns: more than 2^31 - 1"),
        (lambda b: b.constant(2), "bit = 2 is outside [0, 1]"),
        (lambda b: b.constant("1"), "bit = '1' is not an integer"),
        (lambda b: b.gate("FOO", 0), f"gate = 'FOO' is not one of {ALL}"),
        (lambda b: b.gate(1, 0), f"gate = 1 is not one of {ALL}"),
        (lambda b: b.gate("NAND2", 0), "NAND2 takes 2 columns, got 1"),
        (lambda b: b.gate("NAND2", 0, 2), "NAND2: column 2 is outside [0, 2)"),
        (lambda b: b.gate("NAND2", 0, -1), "NAND2: column -1 is outside [0, 2)"),
        (lambda b: b.gate("NOT", 0.5), "NOT: (0.5,) are not columns (whole numbers)"),
        (lambda b: b.gate("NOT", 2**40), f"NOT: column {2**40} is outside [0, 2^31)"),
        (
            lambda b: b.gate("NAND2", 0, 0),
            f"NAND2 reads column 0 {TWICE}",
        ),
        (lambda b: b.copy(2), "BUF: column 2 is outside [0, 2)"),
        (lambda b: b.copy("a"), "BUF: ['a'] are not columns (whole numbers)"),
        (lambda b: b.output("y", []), "outputs[y].bits = 0 is outside [1, 63]"),
        (lambda b: b.output("y", [2]), "outputs[y]: column 2 is outside [0, 2)"),
        (lambda b: b.output("y", 0), "outputs[y]: 0 are not columns (whole numbers)"),
        (lambda b: b.output("", [0]), "outputs: a port has an empty name"),
        (lambda b: b.output("z", [0]), "outputs[z]: the name is used twice"),
    ],
)
def test_refusals_of_builders_leave_the_builder_as_it_was(call, message):
    builder = cram.ProgramBuilder()
    builder.input("a", 2)
    builder.output("z", [1])
    before = builder.build()
    with pytest.raises(InvalidArgument, match=f"^{re.escape(message)}$"):
        call(builder)
    assert builder.build() == before


def test_a_builder_gives_every_gate_a_fresh_column():
    builder = cram.ProgramBuilder()
    a, b = builder.input("a", 1)[0], builder.input("b", 1)[0]
    x = builder.input("x", 2, length=3, signed=True)
    one = builder.constant(1)
    both = builder.gate("AND2", a, b)
    twin = builder.copy(both)
    builder.output("y", [both, twin, one], signed=True)
    assert (a, b, x, one, both, twin) == (0, 1, [[2, 3], [4, 5], [6, 7]], 8, 9, 10)
    program = builder.build()
    assert program.constants == {8: 1}
    assert program.instructions == (("AND2", 9, (0, 1)), ("BUF", 10, (9,)))
    assert [(p.bits, p.length, p.signed) for p in program.inputs] == [
        (1, None, False),
        (1, None, False),
        (2, 3, True),
    ]
    assert program.outputs[0].signed
    builder.gate("NOT", a)
    assert builder.build().num_gates == program.num_gates + 1
    assert program.num_gates == 2  # what was built stays as it was
