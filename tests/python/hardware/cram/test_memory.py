"""A hundred million lanes stream through a tile: memory is inputs + outputs + scratch."""

from __future__ import annotations

import subprocess
import sys

from peak import PEAK

SCRIPT = """
import numpy as np
from nonideal import _core
from nonideal.hardware import cram
from nonideal.hardware.cram import circuits

lanes = 100_000_000
program = cram.place(circuits.multiplier(8)).program
words = _core.cram.uniform_planes(1, 0, 0, lanes, 16)
planes = {"a": cram.BitPlanes(words[:8], lanes), "b": cram.BitPlanes(words[8:], lanes)}
result = cram.simulate(program, planes, cram.GateLibrary.uniform(1e-3), seed=1, outputs="planes")["product"]
assert result.words.shape == (16, lanes // 64)
print(peak() / 2**20)
"""


def test_hundred_million_lanes_stay_below_two_gigabytes():
    done = subprocess.run(
        [sys.executable, "-c", PEAK + SCRIPT], capture_output=True, text=True, check=True, timeout=120
    )
    assert float(done.stdout) < 2.0  # GiB; inputs and outputs alone are 0.4
