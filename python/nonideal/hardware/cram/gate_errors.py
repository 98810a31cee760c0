"""How often a gate's output is wrong, and its inputs disturbed, once the voltages are known."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike

from nonideal.checks import FloatArray
from nonideal.hardware.cram.devices import MTJ
from nonideal.hardware.cram.divider import circuit, output_voltage
from nonideal.hardware.cram.gates import GateSpec, State
from nonideal.hardware.cram.switching import DIRECTIONS

__all__ = ["disturb_probability", "log_error", "log_wrong"]


def log_error(mtj: MTJ, spec: GateSpec, voltage: ArrayLike) -> FloatArray:
    """Return log P(output wrong | k): shape ``voltage.shape + (n + 1,)``."""
    log_switched, log_held = mtj.log_p_switch(output_voltage(mtj, spec, voltage), DIRECTIONS[spec.preset])
    return log_wrong(mtj, spec, np.arange(spec.fan_in + 1), log_switched, log_held)


def log_wrong(
    mtj: MTJ, spec: GateSpec, ones: npt.NDArray[np.int64], log_switched: FloatArray, log_held: FloatArray
) -> FloatArray:
    """Return log P(output wrong) where ``ones`` inputs are 1, from the output junction's two logarithms.

    A preset that fails with probability w leaves the output switched: w + (1 - w) P and (1 - w)(1 - P).
    """
    if mtj.preset_error > 0.0:
        with np.errstate(divide="ignore"):  # w = 1
            log_set = np.log1p(-mtj.preset_error)
        log_switched = np.logaddexp(math.log(mtj.preset_error), log_set + log_switched)
        log_held = log_set + log_held
    return np.where(ones <= spec.threshold, log_held, log_switched)


def disturb_probability(mtj: MTJ, spec: GateSpec, voltage: float) -> FloatArray:
    """Return the probability (n + 1,) that an input cell flips during the gate, for k = 0..n.

    The inputs' current runs in the sense that is opposite to the output's, so that it drives inputs towards
    the gate's preset: those that are in the other state are at risk. Taken with the larger of the currents
    before and after the output switches, for the whole pulse: an upper bound. 0 where no input is at risk.
    """
    ones = np.arange(spec.fan_in + 1)
    at_risk = State.AP if spec.preset == State.P else State.P
    network = circuit(mtj, spec, np.where(ones <= spec.threshold, 0, int(spec.preset)))
    branch = network.solve(voltage)[2]
    probability = mtj.p_switch(network.input_voltage(branch)[:, at_risk], DIRECTIONS[at_risk])
    return np.where(network.count[:, at_risk] > 0, probability, 0.0)
