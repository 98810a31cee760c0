"""BLIF in and out: against a plain evaluator of covers, round trips, mutated text."""

import re
import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal.errors import InvalidArgument
from nonideal.hardware import cram
from nonideal.hardware.cram import circuits
from nonideal.hardware.cram.circuits.logic import BASES
from oracles import blif as oracle
from oracles import program as programs


def values_of_all_inputs(names):
    lane = np.arange(1 << len(names))
    return {name: lane >> k & 1 for k, name in enumerate(names)}


def check(netlist, program):
    values = values_of_all_inputs(netlist.inputs)
    expected = oracle.evaluate(netlist, {name: bits.astype(bool) for name, bits in values.items()})
    got = cram.simulate(program, values)
    assert [port.name for port in program.inputs] == netlist.inputs
    assert list(got) == netlist.outputs
    for name in netlist.outputs:
        np.testing.assert_array_equal(got[name], expected[name])


@settings(deadline=None, derandomize=True, max_examples=150)
@given(oracle.netlists, st.sampled_from(sorted(BASES)), st.randoms(use_true_random=False))
def test_random_netlists_in_any_order(netlist, basis, random):
    order = list(netlist.covers)
    random.shuffle(order)
    program = circuits.from_blif(oracle.text(netlist, order), basis=basis)
    check(netlist, program)
    assert set(program.gate_counts) <= {"NOT", *BASES[basis]}
    check(netlist, cram.place(program).program)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(oracle.netlists)
def test_a_program_and_its_netlist_are_equivalent(netlist):
    program = circuits.from_blif(oracle.text(netlist))
    again = circuits.from_blif(circuits.to_blif(program))
    assert circuits.equivalent(program, again)
    assert again.num_gates == program.num_gates


@settings(deadline=None, derandomize=True, max_examples=100)
@given(programs.programs())
def test_any_program_round_trips(p):
    """Reused columns, overwritten inputs, all gates, shared and constant outputs."""
    program = cram.Program(p.columns, p.instructions, p.inputs, p.outputs, p.constants)
    assert circuits.equivalent(program, circuits.from_blif(circuits.to_blif(program)))


@pytest.mark.parametrize(
    "program",
    [
        circuits.multiplier(6),
        circuits.adder(8, full_adder="maj5_buf"),
        cram.place(circuits.dot(3, 2, 2)).program,
        circuits.trace(lambda a, b: a - b, a=(5, "signed"), b=5),
    ],
)
def test_circuits_round_trip(program):
    again = circuits.from_blif(circuits.to_blif(program))
    assert circuits.equivalent(program, again)
    assert circuits.to_blif(circuits.from_blif(circuits.to_blif(again))) == circuits.to_blif(again)


def test_nand_netlists_keep_their_gates_and_their_order():
    program = circuits.dot(16, 4, 4)
    again = circuits.from_blif(circuits.to_blif(program))
    assert again.gate_counts == program.gate_counts
    assert cram.place(again).columns_used == cram.place(program).columns_used


@pytest.mark.parametrize("gate", cram.GATES)
def test_every_gate_is_a_cover(gate):
    n = cram.GATES[gate].fan_in
    program = cram.Program(n + 1, [(gate, n, range(n))], {"x": range(n)}, {"y": [n]})
    lines = circuits.to_blif(program).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(".names"))
    cubes = [line.split() for line in lines[start + 1 : -1]]
    x = [f"x[{i}]" for i in range(n)] if n > 1 else ["x"]
    netlist = oracle.Netlist(x, ["y"], {"y": oracle.Cover(x, [c for c, _ in cubes], cubes[0][1])})
    check(netlist, circuits.from_blif("\n".join(lines)))
    got = oracle.evaluate(netlist, values_of_all_inputs(x))["y"]
    ones = sum(values_of_all_inputs(x).values())
    np.testing.assert_array_equal(got, [cram.GATES[gate].output(int(k)) for k in ones])


def test_the_text_of_a_small_program():
    program = cram.Program(
        5,
        [("NAND2", 2, (0, 1)), ("NOT", 0, (2,)), ("NOR2", 1, (0, 4))],
        {"a": [0], "b": [1]},
        {"y": [1, 0, 3], "z": [0]},
        {3: 0, 4: 1},
    )
    assert circuits.to_blif(program).splitlines() == [
        ".model program",
        ".inputs a b",
        ".outputs y[0] y[1] y[2] z",
        ".names n3",
        ".names n4",
        "1",
        ".names a b n5",
        "11 0",
        ".names n5 y[1]",
        "0 1",
        ".names y[1] n4 y[0]",
        "00 1",
        ".names n3 y[2]",
        "1 1",
        ".names y[1] z",
        "1 1",
        ".end",
    ]


def test_inner_signals_keep_clear_of_the_ports_names():
    program = cram.Program(3, [("NOT", 1, (0,)), ("NOT", 2, (1,))], {"n3": [0]}, {"n_1": [2]})
    assert circuits.equivalent(program, circuits.from_blif(circuits.to_blif(program)))


def test_comments_continuations_and_spacing():
    text = """
    # a comment .latch
    .model m  # another
    .inputs a \\
      b   \\   # and a comment after a continuation
      c
    .inputs d
    .outputs y
    .outputs z

    .names a b\tc d \\
    y
    11-- 1#
    --11 1
    .names z
    """
    program = circuits.from_blif(text)
    assert [port.name for port in program.inputs] == ["a", "b", "c", "d"]
    values = values_of_all_inputs("abcd")
    got = cram.simulate(program, values)
    np.testing.assert_array_equal(got["y"], values["a"] & values["b"] | values["c"] & values["d"])
    assert not got["z"].any()
    assert circuits.from_blif(text.replace("\n", "\r\n")) == program


@pytest.mark.parametrize(
    ("cover", "counts"),
    [
        ("11--- 1\n--11- 1\n----1 1", {"NOT": 1, "NAND2": 2, "NAND3": 1}),
        ("01--- 1\n10--- 1", {"NAND2": 4}),  # an XOR
        ("11--- 1\n0-1-- 1", {"NOT": 1, "NAND2": 3}),  # a multiplexer
        ("11111 0", {"NAND5": 1}),
        ("----- 1", {}),
        ("1---- 1\n0---- 1", {}),
    ],
)
def test_covers_become_few_gates(cover, counts):
    text = f".inputs a b c d e\n.outputs y\n.names a b c d e y\n{cover}\n"
    assert circuits.from_blif(text, basis="nand5").gate_counts == counts


def test_dead_logic_goes_and_inputs_may_be_outputs():
    program = circuits.from_blif(".inputs a b\n.outputs a k\n.names k\n1\n.names a b dead\n11 1\n")
    assert program.num_gates == 0
    got = cram.simulate(program, {"a": [0, 1], "b": [0, 0]})
    assert (got["a"].tolist(), got["k"].tolist()) == ([0, 1], [1, 1])
    assert circuits.equivalent(program, circuits.from_blif(circuits.to_blif(program)))


def test_a_long_chain_is_no_deep_recursion():
    length = 20_000
    lines = [f".names s{i} s{i - 1}\n0 1" for i in range(1, length)]  # each before what it reads
    text = "\n".join([".inputs a", ".outputs s0", *lines, f".names a s{length - 1}\n0 1"])
    program = circuits.from_blif(text)
    assert program.num_gates == 0
    assert circuits.equivalent(program, circuits.from_blif(".inputs a\n.outputs s0\n.names a s0\n1 1"))


HEAD = ".model m\n.inputs a b\n.outputs y\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (5, "text: int is not a string"),
        (b".model", "text: bytes is not a string"),
        ("", "text: no signal is in .outputs"),
        (".model m\n.inputs a\n.end\n", "text: no signal is in .outputs"),
        (HEAD, "line 3: signal 'y' is not driven"),
        (HEAD + ".names a q y\n11 1\n", "line 4: signal 'q' is not driven"),
        (HEAD + ".names a y\n1 1\n.names b dead\n1 1\n.names q r\n1 1\n", "line 8: signal 'q' is not driven"),
        (HEAD + ".names y a y\n11 1\n", "line 4: signal 'y' depends on itself"),
        (HEAD + ".names q y\n1 1\n.names a y q\n11 1\n", "line 6: signal 'q' depends on itself"),
        (HEAD + ".names a y\n1 1\n.names b y\n1 1\n", "line 6: signal 'y' is driven already, in line 4"),
        (HEAD + ".names b a\n1 1\n", "line 4: signal 'a' is driven already, in line 2"),
        (HEAD + ".names a y\n1 1\n.inputs y\n", "line 6: signal 'y' is driven already, in line 4"),
        (".inputs a\n.inputs b a\n", "line 2: signal 'a' is twice in .inputs"),
        (".outputs y y\n", "line 1: signal 'y' is twice in .outputs"),
        (
            HEAD + ".latch a y re clk 0\n",
            f"line 4: .latch {'is not one of .model, .inputs, .outputs, '}.names, .end",
        ),
        (HEAD + ".subckt f x=a\n", "line 4: .subckt is not one of .model, .inputs, .outputs, .names, .end"),
        (HEAD + ".gate nand2 A=a\n", "line 4: .gate is not one of .model, .inputs, .outputs, .names, .end"),
        (HEAD + ".model n\n", "line 4: a second .model; one model is read"),
        (HEAD + ".end\n.model n\n", "line 5: '.model' after .end; one model is read"),
        (HEAD + "11 1\n", "line 4: '11' is neither a directive nor a cube of a .names"),
        (HEAD + ".names\n", "line 4: .names without a signal"),
        (HEAD + ".names a b y\n1 1\n", "line 5: '1 1' is not a cube: expected 2 of 0, 1, -, then 0 or 1"),
        (HEAD + ".names a b y\n12 1\n", "line 5: '12 1' is not a cube: expected 2 of 0, 1, -, then 0 or 1"),
        (HEAD + ".names a b y\n11\n", "line 5: '11' is not a cube: expected 2 of 0, 1, -, then 0 or 1"),
        (HEAD + ".names a b y\n1 1 1\n", "line 5: '1 1 1' is not a cube: expected 2 of 0, 1, -, then 0 or 1"),
        (HEAD + ".names a b y\n11 -\n", "line 5: '11 -' is not a cube: expected 2 of 0, 1, -, then 0 or 1"),
        (HEAD + ".names y\n1 1\n", "line 5: '1 1' is not a cube: expected 0 of 0, 1, -, then 0 or 1"),
        (HEAD + ".names a b \\\n y\n11 1\n00 0\n", "line 7: the cover has cubes that end in 0 and in 1"),
        (
            HEAD + ".names a \\\n q \\\n y\n1 1\n",
            "line 7: '1 1' is not a cube: expected 2 of 0, 1, -, then 0 or 1",
        ),
    ],
)
def test_refusals_of_text(text, message):
    with pytest.raises(InvalidArgument, match=f"^{re.escape(message)}$"):
        circuits.from_blif(text)


def test_refusal_of_a_basis():
    with pytest.raises(
        InvalidArgument, match=r"^basis = 'lut' is not one of nand, nand5, nor, inverting, and_or, all$"
    ):
        circuits.from_blif(".outputs y\n.names y\n", basis="lut")


NOT = [("NOT", 2, (0,))]


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        ({"a b": [0]}, {"y": [2]}, "program: input 'a b' has white space, # or \\, which BLIF can't name"),
        ({"a": [0]}, {"y#": [2]}, "program: output 'y#' has white space, # or \\, which BLIF can't name"),
        ({"a": [0]}, {"y\\": [2]}, "program: output 'y\\\\' has white space, # or \\, which BLIF can't name"),
        ({"a": [0, 1], "a[1]": [3]}, {"y": [2]}, "program: two input bits would both be signal 'a[1]'"),
        (
            {"a": [0]},
            {"a": [2]},
            "program: 'a' is an input and another value as an output; BLIF has one name",
        ),
        (
            {"a": [0], "b": [1]},
            {"a": [1]},
            "program: 'a' is an input and another value as an output; BLIF has one name",
        ),
    ],
)
def test_refusals_of_programs(inputs, outputs, message):
    with pytest.raises(InvalidArgument, match=f"^{re.escape(message)}$"):
        circuits.to_blif(cram.Program(4, NOT, inputs, outputs))


def test_to_blif_wants_a_program():
    with pytest.raises(InvalidArgument, match=r"^program: Placement is not a Program; its \.program is one$"):
        circuits.to_blif(cram.place(circuits.adder(2)))


SAMPLE = circuits.to_blif(circuits.adder(2)) + "# end\n"
PIECES = [
    ".names",
    ".inputs",
    ".outputs",
    ".end",
    ".model",
    "\\\n",
    "\n",
    "#",
    "1",
    "0",
    "-",
    " ",
    "a[0]",
    "\0",
    "é",
]


def attempt(make, *arguments):
    """What came of it, and the text of a refusal; no other exception is caught."""
    try:
        return make(*arguments), ""
    except InvalidArgument as refusal:
        return None, str(refusal)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.data())
def test_mutated_text_is_a_program_or_refused(data):
    text = SAMPLE
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(text)))
        stop = data.draw(st.integers(start, min(start + 12, len(text))))
        text = text[:start] + data.draw(st.sampled_from(["", *PIECES])) + text[stop:]
    program, refusal = attempt(circuits.from_blif, text)
    if program is None:
        assert re.match(r"(line \d+|text): [^\n]*$", refusal)
    else:
        assert circuits.from_blif(circuits.to_blif(program)).num_gates <= program.num_gates


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.text())
def test_any_text_is_a_program_or_refused(text):
    with pytest.raises(InvalidArgument):
        circuits.from_blif(text)


row = st.tuples(
    st.sampled_from([*cram.GATES, "XOR", None]),
    st.integers(-2, 9),
    st.lists(st.integers(-2, 9), max_size=6).map(tuple),
)
word = st.lists(st.integers(-1, 9), max_size=4)


@settings(deadline=None, derandomize=True, max_examples=400)
@given(
    st.integers(-1, 9),
    st.lists(row | st.none(), max_size=5),
    st.dictionaries(st.sampled_from(["a", "b", ""]), word, max_size=2),
    st.dictionaries(st.sampled_from(["y", "z"]), word, max_size=2),
    st.dictionaries(st.integers(-1, 9), st.integers(-1, 2), max_size=2),
)
def test_any_instructions_are_a_program_or_refused(columns, rows, inputs, outputs, constants):
    program, refusal = attempt(cram.Program, columns, rows, inputs, outputs, constants)
    if program is None:
        assert refusal
        assert "\n" not in refusal
    elif program.inputs and program.outputs:
        assert circuits.equivalent(program, circuits.from_blif(circuits.to_blif(program)))


ABC = shutil.which("berkeley-abc") or shutil.which("abc")


@pytest.mark.skipif(ABC is None, reason="berkeley-abc is not installed")
@pytest.mark.parametrize("bits", [2, 5])
def test_abc_agrees(tmp_path, bits):
    first, second = tmp_path / "first.blif", tmp_path / "second.blif"
    program = circuits.multiplier(bits, full_adder="maj5_not")
    first.write_text(circuits.to_blif(program))
    second.write_text(circuits.to_blif(circuits.from_blif(first.read_text(), basis="all")))
    command = [ABC, "-c", f"cec {first} {second}"]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert "are equivalent" in result.stdout
