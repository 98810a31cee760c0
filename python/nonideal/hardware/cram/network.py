"""The circuit of a gate with a resistance of its own in every junction: inputs in parallel, output in series.

All functions work elementwise on arrays; the last axis of an `Inputs` is its branches. Where the TMR depends
on the bias, a junction's resistance is ``R_P (1 + TMR / (1 + (V / V_h)^2))`` of its own voltage V, and the
current still rises strictly with the voltage: each equation has one root, found by Newton's method inside a
bracket.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from nonideal.checks import FloatArray
from nonideal.errors import ConvergenceError

__all__ = ["Circuit", "Junctions"]

_Function: TypeAlias = Callable[[FloatArray], tuple[FloatArray, FloatArray]]

_ITERATIONS = 200
_EPSILON = float(np.finfo(np.float64).eps)
_TOLERANCE = 1e-13


@dataclass(frozen=True, eq=False)
class Junctions:
    """Junctions in the state that they are in.

    Parameters
    ----------
    parallel : ndarray
        Resistance of the parallel state, in ohm.
    tmr : ndarray
        TMR at zero bias of antiparallel junctions; 0 for parallel ones.
    """

    parallel: FloatArray
    tmr: FloatArray


@dataclass(frozen=True, eq=False)
class Circuit:
    """Input branches at a common voltage, in series with the line and an output junction.

    Parameters
    ----------
    inputs : Junctions
        Last axis: branches.
    count : ndarray
        How many equal branches each of the last axis stands for.
    output : Junctions
        Without that axis.
    access, line : float
        Resistance of the access transistor in every branch, and of the logic line, in ohm.
    half_voltage : float or None
        Voltage at which the TMR has fallen to half; None for a TMR that does not depend on the bias.
    """

    inputs: Junctions
    count: FloatArray
    output: Junctions
    access: float
    line: float
    half_voltage: float | None

    def solve(self, voltage: ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return current, voltage over the output junction, and over the input branches, for V_logic > 0."""
        volts = np.asarray(voltage, dtype=np.float64)
        output = self._static(self.output)
        total = self._input_resistance() + output + self.access + self.line
        if self.half_voltage is None:
            current = volts / total
            return current, current * output, current * self._input_resistance()
        # Unknown: the voltage over the branches. What is left for the output side falls with it.
        target = np.broadcast_to(volts, np.broadcast_shapes(volts.shape, total.shape))

        def balance(branch: FloatArray) -> tuple[FloatArray, FloatArray]:
            current, conductance = self._branch_current(branch)
            junction, slope = self._voltage_of(self.output, current)
            series = self.access + self.line
            return branch + junction + current * series, 1.0 + conductance * (slope + series)

        branch = _root(balance, target, target * (self._input_resistance() / total), target)
        current = self._branch_current(branch)[0]
        return current, self._voltage_of(self.output, current)[0], branch

    def voltage(self, output_voltage: float) -> FloatArray:
        """Return the V_logic that puts ``output_voltage`` over the output junction."""
        current = output_voltage * self._conductance(self.output, np.asarray(output_voltage))[0]
        branch = current * self._input_resistance()
        if self.half_voltage is not None:
            # The static resistance is the largest that the branches ever have.
            branch = _root(self._branch_current, current, 0.5 * branch, branch)
        return np.asarray(branch + output_voltage + current * (self.access + self.line))

    def input_voltage(self, branch: FloatArray) -> FloatArray:
        """Return the voltage over each input junction, (..., branches), given that over the branches."""
        return self._junction_voltage(branch)[0]

    @staticmethod
    def _static(junctions: Junctions) -> FloatArray:
        return junctions.parallel * (1.0 + junctions.tmr)

    def _input_resistance(self) -> FloatArray:
        """At zero bias."""
        return np.asarray(1.0 / (self.count / (self._static(self.inputs) + self.access)).sum(axis=-1))

    def _conductance(self, junctions: Junctions, volts: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return I / V and dI / dV."""
        if self.half_voltage is None:
            static = 1.0 / self._static(junctions)
            return static, static
        square = np.square(volts / self.half_voltage)
        denominator = 1.0 + junctions.tmr + square
        chord = (1.0 + square) / denominator
        slope = chord + 2.0 * square * junctions.tmr / np.square(denominator)
        return chord / junctions.parallel, slope / junctions.parallel

    def _junction_voltage(self, branch: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the input junctions' own voltages and the branches' dI / dV, (..., branches)."""
        volts = np.asarray(branch)[..., np.newaxis]
        static = self._static(self.inputs)
        share = static / (static + self.access)
        if self.half_voltage is None or self.access == 0.0:
            junction = volts * (share if self.access else np.ones_like(share))
        else:

            def drop(junction: FloatArray) -> tuple[FloatArray, FloatArray]:
                chord, slope = self._conductance(self.inputs, junction)
                return junction * (1.0 + self.access * chord), 1.0 + self.access * slope

            target = np.broadcast_to(volts, np.broadcast_shapes(volts.shape, share.shape))
            junction = _root(drop, target, target * share, target)
        slope = self._conductance(self.inputs, junction)[1]
        return junction, slope / (1.0 + self.access * slope)

    def _branch_current(self, branch: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the current of all branches together, and its slope."""
        junction, slope = self._junction_voltage(branch)
        current = junction * self._conductance(self.inputs, junction)[0]
        return (self.count * current).sum(axis=-1), (self.count * slope).sum(axis=-1)

    def _voltage_of(self, junctions: Junctions, current: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the voltage over junctions that carry a current, and its slope."""
        highest = current * self._static(junctions)
        if not np.any(junctions.tmr):
            return highest, np.broadcast_to(junctions.parallel, highest.shape)

        def flow(volts: FloatArray) -> tuple[FloatArray, FloatArray]:
            chord, slope = self._conductance(junctions, volts)
            return volts * chord, slope

        volts = _root(flow, np.broadcast_to(current, highest.shape), highest, highest)
        return volts, 1.0 / self._conductance(junctions, volts)[1]


def _root(function: _Function, target: FloatArray, start: FloatArray, high: FloatArray) -> FloatArray:
    """Return x in [0, high] with ``function(x)[0] = target``, for a function that rises from 0 to or past it.

    Newton's steps from ``start``; one that leaves the bracket halves it instead.
    """
    x, low, high = (np.array(np.broadcast_to(a, target.shape)) for a in (start, 0.0, high))
    high = high * (1.0 + 8.0 * _EPSILON)  # the bracket's end itself may be the root
    for _ in range(_ITERATIONS):
        value, slope = function(x)
        excess = value - target
        low = np.where(excess <= 0.0, x, low)
        high = np.where(excess >= 0.0, x, high)
        step = x - excess / slope
        step = np.where((step >= low) & (step <= high), step, 0.5 * (low + high))
        done = (np.abs(step - x) <= _TOLERANCE * step) | (np.abs(excess) <= 4.0 * _EPSILON * target)
        x = step
        if done.all():
            return x
    raise ConvergenceError(f"the divider's voltages still change after {_ITERATIONS} steps")
