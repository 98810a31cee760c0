"""Differences from cell to cell: how large they are, and what they do to a gate on average."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy import special
from scipy.stats import qmc

from nonideal.checks import FloatArray, check_number
from nonideal.errors import InvalidArgument
from nonideal.hardware.cram.devices import MTJ
from nonideal.hardware.cram.divider import circuit
from nonideal.hardware.cram.gate_errors import log_wrong
from nonideal.hardware.cram.gates import GateSpec, State
from nonideal.hardware.cram.network import Circuit, Junctions
from nonideal.hardware.cram.switching import DIRECTIONS, ThermallyStable

__all__ = ["MarginalErrors", "Variation", "check_variation", "log_p_of_cells"]

# A normal factor is cut here, so that no cell has a negative threshold, TMR or delta. Such a cell is dead in
# any case: it switches at every voltage in use, or hardly changes its resistance.
_LEAST_FACTOR = 0.05
_LARGEST = 0.5
# The line along the steepest ascent is integrated by the trapezoidal rule, over so many standard deviations
# and with so many steps per standard deviation, or per e-fold of the odds where that is less.
_REACH = 12.0
_STEP, _STEP_PER_FOLD = 0.2, 0.7
_TURNS = 2

# Circuits, and the outputs' factors of threshold and delta (None: all 1).
_Cells: TypeAlias = tuple[Circuit, FloatArray | None, FloatArray | None]


@dataclass(frozen=True)
class Variation:
    """Relative standard deviations of the cells of an array, independent of one another.

    Parameters
    ----------
    resistance : float
        Of R_P, which is log-normal: ln R_P has this standard deviation around the device's value.
    threshold : float
        Of the critical voltage (or V50), normal, the same factor in both directions.
    tmr : float
        Of the TMR, normal.
    delta : float
        Of the thermal stability at equal critical voltage, normal.

    Raises
    ------
    InvalidArgument
        If one is outside [0, 0.5].

    Notes
    -----
    Normal factors below 0.05 count as 0.05.

    Examples
    --------
    >>> from nonideal.hardware import cram
    >>> mtj = cram.device("lv2024_fit")
    >>> cells_differ = cram.GateLibrary(mtj, gates=["NAND2"], variation=cram.Variation(threshold=0.05))
    >>> alike = cram.GateLibrary(mtj, gates=["NAND2"])
    >>> round(alike["NAND2"].mean_error, 4), round(cells_differ["NAND2"].mean_error, 3)
    (0.006, 0.042)
    """

    resistance: float = 0.0
    threshold: float = 0.0
    tmr: float = 0.0
    delta: float = 0.0

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = check_number(entry.name, getattr(self, entry.name))
            if not 0.0 <= value <= _LARGEST:
                raise InvalidArgument(f"{entry.name} = {value} is outside [0, {_LARGEST}]")
            object.__setattr__(self, entry.name, value)

    def factor(self, name: str, z: FloatArray) -> FloatArray:
        """Return what a quantity is multiplied with in cells of standard normal ``z``."""
        spread = getattr(self, name)
        if name == "resistance":
            return np.asarray(np.exp(spread * z))
        return np.asarray(np.maximum(1.0 + spread * z, _LEAST_FACTOR))

    @property
    def none(self) -> bool:
        """Whether all cells are alike."""
        return not any(getattr(self, entry.name) for entry in fields(self))


def check_variation(mtj: MTJ, variation: object) -> Variation:
    """Return a variation that the device's switching model can have, or refuse it."""
    if not isinstance(variation, Variation):
        raise InvalidArgument(f"variation: {type(variation).__name__} is not a Variation")
    if variation.delta > 0.0 and not isinstance(mtj.switching, ThermallyStable):
        raise InvalidArgument(
            f"variation.delta = {variation.delta}: {type(mtj.switching).__name__} has no thermal stability "
            "that could vary"
        )
    return variation


def log_p_of_cells(
    mtj: MTJ, spec: GateSpec, voltage: FloatArray, threshold: FloatArray | None, delta: FloatArray | None
) -> tuple[FloatArray, FloatArray]:
    """Return the output junction's (log P, log(1 - P)) where cells have these factors; None: all 1."""
    if threshold is not None:
        voltage = voltage / threshold
    model = mtj.switching
    if delta is None or not isinstance(model, ThermallyStable):
        return mtj.log_p_switch(voltage, DIRECTIONS[spec.preset])
    return model.log_p_varied(voltage, DIRECTIONS[spec.preset], mtj.pulse_duration, delta)


class MarginalErrors:
    """Errors of a gate averaged over its cells, every one drawn anew.

    For each k the standard normal coordinates of the cells are turned until the first one points along the
    steepest ascent of the output's odds. That line is integrated by the trapezoidal rule over 12 standard
    deviations to each side, so that the average keeps its precision in the far tail (errors down to 1e-29),
    where samples never fall; the other directions, which hardly matter, by ``2 ** log2_points`` Sobol
    points (line sampling: Koutsourelakis, Pradlwarter and Schueller, Prob. Eng. Mech. 19, 409, 2004).

    Parameters
    ----------
    mtj : MTJ
        The device; the cells vary around it.
    spec : GateSpec
        The gate.
    variation : Variation
        What varies.
    log2_points : int
        0: the line through the mean alone.
    """

    def __init__(self, mtj: MTJ, spec: GateSpec, variation: Variation, log2_points: int) -> None:
        self.mtj, self.spec, self.variation = mtj, spec, variation
        self._lines = [_Line(mtj, spec, variation, ones, log2_points) for ones in range(spec.fan_in + 1)]

    def log_error(self, voltage: ArrayLike) -> FloatArray:
        """Return log P(output wrong | k): shape ``voltage.shape + (n + 1,)``."""
        volts = np.asarray(voltage, dtype=np.float64)
        table = np.array([[line.log_error(float(v)) for line in self._lines] for v in volts.ravel()])
        return table.reshape(*volts.shape, self.spec.fan_in + 1)


class _Line:
    """The nodes of one k: cells with their weights."""

    def __init__(self, mtj: MTJ, spec: GateSpec, variation: Variation, ones: int, log2_points: int) -> None:
        self._mtj, self._spec, self._variation, self._ones = mtj, spec, variation, ones
        states = [State.AP] * ones + [State.P] * (spec.fan_in - ones)
        cells: list[State] = [*states, State(spec.preset)]  # inputs, then the output
        self._states = np.array(cells)
        # Which coordinate moves which quantity of which cell.
        self._axes = [("resistance", i) for i in range(len(cells)) if variation.resistance]
        self._axes += [("tmr", i) for i, state in enumerate(cells) if variation.tmr and state == State.AP]
        self._axes += [(name, spec.fan_in) for name in ("threshold", "delta") if getattr(variation, name)]
        if not self._axes:  # nothing varies that matters for this k
            self._z, self._log_weight = np.zeros((1, 0)), np.zeros(1)
            return
        direction, slope = self._ascent()
        step = min(_STEP, _STEP_PER_FOLD / slope) if slope > 0.0 else _STEP
        half = int(np.ceil(_REACH / step))
        along = step * np.arange(-half, half + 1)
        log_weight = -0.5 * np.square(along)
        log_weight -= np.logaddexp.reduce(log_weight)
        across = self._across(direction, log2_points)
        self._z = (across[:, np.newaxis, :] + along[:, np.newaxis] * direction).reshape(-1, len(self._axes))
        self._log_weight = np.tile(log_weight - np.log(len(across)), len(across))

    def log_error(self, voltage: float) -> float:
        share = self._share
        output = self._nodes[0].solve(voltage)[1] if share is None else voltage * share
        return float(np.logaddexp.reduce(self._log_wrong(self._nodes, output) + self._log_weight))

    def _log_wrong(self, cells: _Cells, output: FloatArray) -> FloatArray:
        """Return log P(output wrong) of each cell, given the voltage over its output."""
        logs = log_p_of_cells(self._mtj, self._spec, output, *cells[1:])
        return log_wrong(self._mtj, self._spec, np.array(self._ones), *logs)

    @cached_property
    def _nodes(self) -> _Cells:
        return self._cells(self._z)

    @cached_property
    def _share(self) -> FloatArray | None:
        """The output's share of V_logic, where that does not depend on V_logic."""
        network = self._nodes[0]
        return network.solve(1.0)[1] if network.half_voltage is None else None

    def _cells(self, z: FloatArray) -> _Cells:
        """Return circuits and the outputs' factors of threshold and delta, for coordinates (nodes, axes)."""
        mtj, n = self._mtj, self._spec.fan_in
        parallel = np.full((len(z), n + 1), mtj.resistance_parallel)
        tmr = np.tile(mtj.tmr * self._states, (len(z), 1))
        factors: dict[str, FloatArray] = {}
        for (name, cell), coordinate in zip(self._axes, z.T, strict=True):
            factor = self._variation.factor(name, coordinate)
            if name == "resistance":
                parallel[:, cell] *= factor
            elif name == "tmr":
                tmr[:, cell] *= factor
            else:
                factors[name] = factor
        network = Circuit(
            inputs=Junctions(parallel[:, :n], tmr[:, :n]),
            count=np.ones(n),
            output=Junctions(parallel[:, n], tmr[:, n]),
            access=mtj.access_resistance,
            line=mtj.line_resistance,
            half_voltage=mtj.tmr_half_voltage,
        )
        return network, factors.get("threshold"), factors.get("delta")

    def _ascent(self) -> tuple[FloatArray, float]:
        """Return the direction in which the odds of the output rise, and their slope along it at V50.

        The direction is that at the likeliest wrong gate on the line, with V_logic in the middle of the
        window; elsewhere, and at other voltages, it is a little off, for which the points across make up.
        """
        mtj, spec = self._mtj, self._spec
        v50 = mtj.switching.v50(DIRECTIONS[spec.preset], mtj.pulse_duration)
        ends = circuit(mtj, spec).voltage(v50)
        direction, slope = self._gradient(np.zeros(len(self._axes)), float(ends[self._ones]))
        middle = 0.5 * float(ends[spec.threshold] + ends[spec.threshold + 1])
        steps = np.linspace(-_REACH, _REACH, 241)
        for _ in range(_TURNS):
            cells = self._cells(steps[:, np.newaxis] * direction)
            logs = self._log_wrong(cells, cells[0].solve(middle)[1])
            likeliest = steps[int(np.argmax(logs - 0.5 * np.square(steps)))]
            direction = self._gradient(likeliest * direction, middle)[0]
        return direction, slope

    def _gradient(self, z: FloatArray, voltage: float) -> tuple[FloatArray, float]:
        """Return direction and size of the gradient of the output's log odds."""
        n, step = len(z), 1e-3
        network, threshold, delta = self._cells(z + step * np.concatenate([np.eye(n), -np.eye(n)]))
        output = network.solve(voltage)[1]
        log_p, log_q = log_p_of_cells(self._mtj, self._spec, output, threshold, delta)
        odds = log_p - log_q
        gradient = (odds[:n] - odds[n:]) / (2.0 * step)
        size = float(np.linalg.norm(gradient))
        return (gradient / size if size > 0.0 else np.eye(n)[0]), size

    @staticmethod
    def _across(direction: FloatArray, log2_points: int) -> FloatArray:
        """Return standard normal points in the plane perpendicular to a direction, (points, axes)."""
        n = len(direction)
        if n == 1 or log2_points == 0:
            return np.zeros((1, n))
        basis = np.linalg.qr(np.column_stack([direction, np.eye(n)]))[0][:, 1:]
        points = qmc.Sobol(n - 1, scramble=False).random_base2(log2_points)
        return np.asarray(special.ndtri(points + 0.5 / len(points)) @ basis.T)
