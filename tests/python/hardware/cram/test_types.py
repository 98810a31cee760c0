"""Arguments of another type altogether are refused in one line, like those out of range."""

import re

import pytest

from nonideal.errors import InvalidArgument
from nonideal.hardware import cram
from nonideal.hardware.cram import analysis, circuits

FIT = cram.device("lv2024_fit")
ADDER = circuits.full_adder()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cram.GateLibrary(FIT, voltages=5), "voltages: int is not a mapping"),
        (lambda: cram.GateLibrary(FIT, weights=[1]), "weights: list is not a mapping"),
        (lambda: cram.GateLibrary(FIT, gates=5), "gates = 5 is not a sequence"),
        (lambda: cram.GateLibrary.from_errors(5), "tables: int is not a mapping"),
        (lambda: FIT.replace(provenance=5), "provenance: int is not a mapping"),
        (lambda: FIT.replace(provenance={"tmr": 5}), 'provenance["tmr"] = 5 is not (status, source)'),
        (lambda: circuits.harden(ADDER, 5), "selected = 5 is not a sequence"),
        (lambda: circuits.choose_full_adder(None), "gates: NoneType is not a GateLibrary"),
        (lambda: circuits.choose_basis(None), "gates: NoneType is not a GateLibrary"),
        (lambda: circuits.trace(5, a=1), "function: int is not callable"),
        (
            lambda: analysis.sensitivity(ADDER, output="sum").contribution(None),
            "gates: NoneType is not a GateLibrary",
        ),
        (
            lambda: cram.VariationMap.sample(FIT, cram.Array(rows=2), cram.Variation()).errors(
                None, 2, (0, 1)
            ),
            "gate: NoneType is not a CalibratedGate",
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidArgument, match=f"^{re.escape(message)}$"):
        call()


def test_a_table_of_rows_of_different_lengths_is_refused():
    with pytest.raises(InvalidArgument, match=r'^tables\["NAND2"\]: [^\n]*inhomogeneous[^\n]*$'):
        cram.GateLibrary.from_errors({"NAND2": (0, (1, 2), 3)})
