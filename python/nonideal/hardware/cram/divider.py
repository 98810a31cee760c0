"""The circuit of a gate: inputs in parallel, in series with the output, as a voltage divider."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike

from nonideal.checks import FloatArray, check_choice, check_finite, check_positive
from nonideal.errors import InvalidArgument
from nonideal.hardware.cram.devices import MTJ
from nonideal.hardware.cram.gates import GATES, GateSpec, State
from nonideal.hardware.cram.network import Circuit, Junctions
from nonideal.hardware.cram.switching import DIRECTIONS

__all__ = ["Divider", "divide", "ideal_window"]


@dataclass(frozen=True, eq=False)
class Divider:
    """Currents, voltages and energies of one gate before its output switches; see `divide`.

    Attributes
    ----------
    gate : GateSpec
        The gate.
    voltage : float
        V_logic, in volt.
    current : ndarray of shape (n + 1,)
        Through the output junction, in ampere, for k = 0..n inputs that are 1.
    output_voltage : ndarray of shape (n + 1,)
        Over the output junction alone, in volt.
    input_voltage : ndarray of shape (n + 1,)
        Over an input junction alone, in volt: over an antiparallel one where k > 0, else over a parallel one.
    energy : ndarray of shape (n + 1,)
        V_logic times current times the device's pulse, in joule. The current of a gate with preset P falls
        once the output switches, so this is its upper bound; with preset AP it rises, so this is its lower
        bound.
    """

    gate: GateSpec
    voltage: float
    current: FloatArray
    output_voltage: FloatArray
    input_voltage: FloatArray
    energy: FloatArray

    @property
    def highest_voltage(self) -> float:
        """Largest voltage over any junction for any k, in volt."""
        return float(max(self.output_voltage.max(), self.input_voltage.max()))


def divide(mtj: MTJ, gate: GateSpec | str, voltage: float) -> Divider:
    """Solve the divider of a gate for every number of inputs that are 1.

    ``I(k) = V / (R_in(k) + R_o + R_T + R_LL)``, ``R_in(k) = 1 / (k / (R_AP + R_T) + (n - k) / (R_P + R_T))``;
    R_o is that of the preset state, R_T the access resistance of every branch and R_LL the line's. Where the
    TMR depends on the bias, every antiparallel junction has the resistance that belongs to its own voltage.

    Parameters
    ----------
    mtj : MTJ
        The junction that all cells are made of.
    gate : GateSpec or str
        The gate, or its name in `GATES`.
    voltage : float
        V_logic, in volt, > 0.

    Returns
    -------
    Divider
        Arrays of shape (n + 1,) over k = 0..n.

    Raises
    ------
    InvalidArgument
        If the gate is unknown or the voltage is not > 0 and finite.

    Warns
    -----
    UserWarning
        If a junction sees more than the device's ``breakdown_voltage``.

    Examples
    --------
    >>> from nonideal.hardware import cram
    >>> solution = cram.divide(cram.device("lv2024_fit"), "NAND2", 1.0)
    >>> solution.output_voltage.round(4).tolist()
    [0.6667, 0.5965, 0.489]
    """
    spec = gate_spec(gate)
    solution = solve(mtj, spec, check_positive("voltage", voltage))
    if solution.highest_voltage > mtj.breakdown_voltage:
        warnings.warn(
            f"{spec.name} at {solution.voltage:.4g} V puts {solution.highest_voltage:.4g} V over a junction, "
            f"above breakdown_voltage = {mtj.breakdown_voltage:.4g} V",
            UserWarning,
            stacklevel=2,
        )
    return solution


def ideal_window(mtj: MTJ, gate: GateSpec | str) -> tuple[float, float]:
    """Return the open interval of V_logic in which a gate with sharp thresholds, at V50, is always right.

    The output must switch at k = threshold and hold at k = threshold + 1: ``V50 / f(threshold) < V_logic <
    V50 / f(threshold + 1)``, with f(k) the output junction's share of V_logic at that voltage.

    Parameters
    ----------
    mtj : MTJ
        The junction that all cells are made of.
    gate : GateSpec or str
        The gate, or its name in `GATES`.

    Returns
    -------
    tuple of float
        Low and high end, in volt.

    Raises
    ------
    InvalidArgument
        If the gate is unknown or the window is empty (resistances in series that drown the TMR).

    Examples
    --------
    >>> from nonideal.hardware import cram
    >>> from nonideal.hardware.cram.divider import ideal_window
    >>> [round(1e3 * volt) for volt in ideal_window(cram.device("today_45nm"), "NAND2")]     # millivolt
    [214, 273]
    """
    spec = gate_spec(gate)
    v50 = mtj.switching.v50(DIRECTIONS[spec.preset], mtj.pulse_duration)
    ends = circuit(mtj, spec).voltage(v50)
    low, high = (float(ends[k]) for k in (spec.threshold, spec.threshold + 1))
    if not low < high:
        raise InvalidArgument(f"gate {spec.name}: the window ({low} V, {high} V) of V_logic is empty")
    return low, high


def gate_spec(gate: GateSpec | str) -> GateSpec:
    """Return the gate itself, or look its name up."""
    return gate if isinstance(gate, GateSpec) else GATES[check_choice("gate", gate, GATES)]


def output_voltage(mtj: MTJ, spec: GateSpec, voltage: ArrayLike) -> FloatArray:
    """Return the voltage over the output junction: shape ``voltage.shape + (n + 1,)``, volt."""
    return circuit(mtj, spec).solve(check_finite("voltage", voltage)[..., np.newaxis])[1]


def solve(mtj: MTJ, spec: GateSpec, voltage: float) -> Divider:
    """Return the divider's solution without checks and warnings."""
    network = circuit(mtj, spec)
    current, output, branch = network.solve(voltage)
    inputs = network.input_voltage(branch)
    ones = np.arange(spec.fan_in + 1)
    arrays = (
        current,
        output,
        np.where(ones > 0, inputs[:, State.AP], inputs[:, State.P]),
        voltage * current * mtj.pulse_duration,
    )
    for array in arrays:
        array.flags.writeable = False
    return Divider(spec, voltage, *arrays)


def circuit(mtj: MTJ, spec: GateSpec, output: npt.NDArray[np.int64] | None = None) -> Circuit:
    """Return the gate's circuit for k = 0..n inputs that are 1; branches by state: P, then AP.

    ``output`` : (n + 1,) states of the output junction; the preset by default.
    """
    ones = np.arange(spec.fan_in + 1)
    state = np.full(spec.fan_in + 1, int(spec.preset)) if output is None else output
    parallel = np.array(mtj.resistance_parallel)
    return Circuit(
        inputs=Junctions(parallel, np.array([0.0, mtj.tmr])),
        count=np.stack([spec.fan_in - ones, ones], axis=-1),
        output=Junctions(parallel, np.asarray(mtj.tmr * state, dtype=np.float64)),
        access=mtj.access_resistance,
        line=mtj.line_resistance,
        half_voltage=mtj.tmr_half_voltage,
    )
