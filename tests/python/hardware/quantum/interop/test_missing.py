"""What is not installed: one line that says what brings it, and only where it is needed."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from nonideal import MissingExtra

CODE = """
import sys
for name in {missing!r}:
    sys.modules[name] = None  # an import of it fails
from nonideal import MissingExtra
from nonideal.hardware import quantum
quantum.Simulator().probabilities(quantum.Circuit(1).h(0))
try:
    {call}
except MissingExtra as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("missing", "call", "what"),
    [
        (("qiskit",), "quantum.Circuit(1).to_qiskit()", "qiskit"),
        (("qiskit",), "from nonideal.hardware.quantum import interop", "qiskit"),
        (("qiskit_aer",), "quantum.NoiseModel.from_qiskit_aer(None)", "qiskit-aer"),
    ],
)
def test_missing_extras(missing, call, what):
    code = CODE.format(missing=missing, call=call)
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout == f"{MissingExtra(what, 'quantum')}\n"
    assert re.fullmatch(
        r"\S+ is not installed; `pip install \"nonideal\[quantum\]\"` brings it\n", run.stdout
    )


def test_the_benchmark_needs_no_aer():
    code = """
import sys
sys.modules["qiskit_aer"] = None
from nonideal.benchmarks import harness, quantum_aer
for benchmark in quantum_aer.BENCHMARKS:
    assert not harness.measure(benchmark, tiny=True).comparisons
"""
    subprocess.run([sys.executable, "-c", code], check=True)
