"""The gate algebra against logic written out in `oracles.program`."""

from itertools import product

import numpy as np
import pytest

from nonideal.errors import InvalidArgument
from nonideal.hardware import cram
from oracles import program as oracle


def test_the_table_holds_the_gates_of_the_specification():
    assert {name: gate.fan_in for name, gate in cram.GATES.items()} == oracle.FAN_IN
    assert all(name == gate.name for name, gate in cram.GATES.items())


@pytest.mark.parametrize("name", oracle.FAN_IN)
def test_truth_tables_equal_the_logic(name):
    """`GateSpec.output` and the simulator, for all inputs in all orders."""
    n = oracle.FAN_IN[name]
    inputs = np.array(list(product((False, True), repeat=n))).T
    expected = oracle.evaluate(name, inputs)
    gate = cram.GATES[name]
    assert [gate.output(int(ones)) for ones in inputs.sum(axis=0)] == expected.astype(int).tolist()
    program = cram.Program(n + 1, [(name, n, range(n))], {"x": list(range(n))}, {"y": [n]})
    lanes = (inputs << np.arange(n)[:, None]).sum(axis=0)
    np.testing.assert_array_equal(cram.simulate(program, {"x": lanes})["y"], expected)


def test_presets_and_thresholds_are_those_of_the_specification():
    """The table of section 1.2: threshold and preset decide everything."""
    for name, gate in cram.GATES.items():
        kind, n = name.rstrip("2345"), gate.fan_in
        threshold = {"NAND": n - 1, "AND": n - 1, "MIN": n // 2, "MAJ": n // 2}.get(kind, 0)
        preset = cram.State.P if kind in ("NOT", "NAND", "NOR", "MIN") else cram.State.AP
        assert (gate.threshold, gate.preset) == (threshold, preset), name


def test_states_stand_for_bits():
    assert (cram.State.P, cram.State.AP) == (0, 1)


@pytest.mark.parametrize("ones", [-1, 3])
def test_a_gate_refuses_more_ones_than_it_has_inputs(ones):
    with pytest.raises(InvalidArgument, match=rf"^ones = {ones} is outside \[0, 2\]$"):
        cram.GATES["NAND2"].output(ones)


def test_the_gates_cannot_be_changed():
    with pytest.raises(TypeError):
        cram.GATES["NAND2"] = cram.GATES["NOR2"]
    with pytest.raises(AttributeError):
        cram.GATES["NAND2"].threshold = 0
