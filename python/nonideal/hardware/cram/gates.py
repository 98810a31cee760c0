"""The gate algebra of computational random-access memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType

from nonideal import _core
from nonideal.errors import InvalidArgument

__all__ = ["GATES", "GateSpec", "State"]


class State(IntEnum):
    """The two states of a magnetic tunnel junction, with the bit that each stands for."""

    P = 0
    """Parallel: low resistance, logic 0."""
    AP = 1
    """Antiparallel: high resistance, logic 1."""


@dataclass(frozen=True)
class GateSpec:
    """A threshold gate: its output switches away from ``preset`` iff at most ``threshold`` inputs are 1.

    Parameters
    ----------
    name : str
        For example ``"NAND2"``.
    fan_in : int
        Number of inputs, 1 to 5.
    threshold : int
        Largest number of 1-inputs at which the output switches.
    preset : State
        What the output cell is set to before the gate.

    Examples
    --------
    >>> from nonideal.hardware import cram
    >>> gate = cram.GATES["NAND2"]
    >>> [gate.output(ones) for ones in range(3)]
    [1, 1, 0]
    """

    name: str
    fan_in: int
    threshold: int
    preset: State

    def output(self, ones: int) -> int:
        """Return the correct output, 0 or 1, for ``ones`` inputs that are 1.

        Raises
        ------
        InvalidArgument
            If ``ones`` is outside [0, fan_in].
        """
        if not 0 <= ones <= self.fan_in:
            raise InvalidArgument(f"ones = {ones} is outside [0, {self.fan_in}]")
        return int((ones <= self.threshold) == (self.preset == State.P))


GATES: Mapping[str, GateSpec] = MappingProxyType(
    {
        name: GateSpec(name, fan_in, threshold, State(preset))
        for name, fan_in, threshold, preset in _core.cram.gates()
    }
)
"""Every gate by name, in the order of their codes. Declared once, in ``nonideal/cram/gates.hpp``."""
