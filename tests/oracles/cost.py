"""Energy of a program, lane by lane and gate by gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from oracles.program import Bits, Instruction


@dataclass
class Energy:
    """Joule, of all lanes."""

    gates: float
    presets: float


def energy(
    instructions: Sequence[Instruction],
    seen: Sequence[np.ndarray],
    stored: Sequence[Bits],
    gate_energy: Mapping[str, Sequence[float]],
    preset_energy: tuple[float, float],
) -> Energy:
    """Add up what every gate of every lane takes.

    Parameters
    ----------
    instructions
        The program.
    seen
        (fan_in, lanes) bool for each step: the gate's operands.
    stored
        (lanes,) bool for each step: what the output cell held afterwards, errors included.
    gate_energy
        Gate -> energy for k ones.
    preset_energy
        Of a preset of a cell in state P (0) and AP (1). A cell that no gate of the run has written counts
        half and half.
    """
    total = Energy(0.0, 0.0)
    lanes = seen[0].shape[1]
    for lane in range(lanes):
        cell: dict[int, bool] = {}
        for (gate, output, _), operands, result in zip(instructions, seen, stored, strict=True):
            total.gates += gate_energy[gate][int(operands[:, lane].sum())]
            total.presets += preset_energy[cell[output]] if output in cell else sum(preset_energy) / 2
            cell[output] = bool(result[lane])
    return total
