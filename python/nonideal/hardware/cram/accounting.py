"""Energy, latency and area of a program, from what its gates saw."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import comb

import numpy as np
import numpy.typing as npt

from nonideal.checks import check_integer
from nonideal.errors import InvalidArgument
from nonideal.hardware.cram.gates import GATES, State
from nonideal.hardware.cram.library import GateLibrary
from nonideal.hardware.cram.placement import Array, Placement
from nonideal.hardware.cram.program import Program, check_program
from nonideal.hardware.cram.simulation import Activity

__all__ = ["Cost", "cost"]

_PERIPHERY = ("cycle_time", "read_energy", "write_energy", "step_energy")


@dataclass(frozen=True)
class Cost:
    """What a run of a program costs.

    Parameters
    ----------
    gates, presets : int
        Per lane.
    preset_phases, steps : int
        Of the program; a step is a gate, a preset phase, or an access to a row where data move between rows.
    latency : float
        Of one run, second. All rows of all arrays work at the same time.
    energy_gates, energy_presets, energy_periphery : float
        Of all lanes, joule.
    lanes, rows, columns, arrays : int
        Lanes; rows of an array; columns that the program uses; arrays that hold the lanes.
    utilization : float
        Cells that the program uses in its rows, as a fraction of all cells of its arrays.
    activity_source : str
        ``"measured"``, or ``"uniform inputs"`` where every gate was taken to see independent fair bits.
    reads, writes : int
        Cells per lane that leave and enter the arrays in memory mode: results, operands, and what moves
        between rows.
    memory_steps : int
        Accesses, one row after the other, that move data between rows; part of ``steps``.
    energy_movement : float
        Of moving data between rows, all lanes, joule.
    neglected : tuple of str
        Peripheral constants of the array that are 0: what energy and latency leave out.
    """

    gates: int
    presets: int
    preset_phases: int
    steps: int
    latency: float
    energy_gates: float
    energy_presets: float
    energy_periphery: float
    lanes: int
    rows: int
    columns: int
    arrays: int
    utilization: float
    activity_source: str
    reads: int = 0
    writes: int = 0
    memory_steps: int = 0
    energy_movement: float = 0.0
    neglected: tuple[str, ...] = ()

    @property
    def energy(self) -> float:
        """Of all lanes, joule."""
        return self.energy_gates + self.energy_presets + self.energy_periphery + self.energy_movement

    @property
    def energy_per_lane(self) -> float:
        """Joule."""
        return self.energy / self.lanes if self.lanes else 0.0

    @property
    def energy_delay_product(self) -> float:
        """Energy of all lanes times latency, joule second."""
        return self.energy * self.latency


def cost(
    program: Program | Placement,
    gates: GateLibrary,
    *,
    lanes: int = 1,
    activity: Activity | None = None,
) -> Cost:
    """Return energy, latency and area of running a program in ``lanes`` rows.

    A gate that sees k ones takes ``V_logic * I_out(k) * pulse``: the current before switching, for the whole
    pulse, which is an upper bound for gates whose current falls when the output switches. A preset takes
    ``I_c^2 R pulse`` with the resistance R of the cell's old state: known where activity was measured and the
    column held an earlier gate's output in the same run; else half of the cells count as P and half as AP.

    Parameters
    ----------
    program : Program or Placement
        A bare program is taken as it is, in arrays that are at least as wide.
    gates : GateLibrary
        Calibrated on a device.
    lanes : int
        Number of rows that run the program.
    activity : Activity or None
        From ``simulate(..., activity=True)`` of the same program; its counts are scaled to ``lanes``. None:
        uniform inputs.

    Raises
    ------
    InvalidArgument
        If the library has no device, ``lanes`` is negative, or the activity is of another program or empty.

    Examples
    --------
    >>> from nonideal.hardware import cram
    >>> from nonideal.hardware.cram import circuits
    >>> gates = cram.GateLibrary(cram.device("today_45nm"), criterion="middle")
    >>> c = cram.cost(cram.place(circuits.multiplier(8)), gates)
    >>> f"{c.energy:.3g} J, {c.latency:.3g} s, {c.columns} columns"
    '3.54e-11 J, 3.6e-06 s, 41 columns'
    """
    if isinstance(program, Placement):
        array, source, phases = program.array, program.program, program.preset_phases
    else:
        check_program(program)
        array, source, phases = Array(), program, program.num_gates
        array = replace(array, columns=max(array.columns, program.columns))
    if not isinstance(gates, GateLibrary):
        raise InvalidArgument(f"gates: {type(gates).__name__} is not a GateLibrary")
    if not isinstance(activity, Activity | None):
        raise InvalidArgument(f"activity: {type(activity).__name__} is not an Activity")
    mtj = gates.mtj
    if mtj is None:
        raise InvalidArgument(
            "gates: the library has no device, so energy and latency are unknown; calibrate one with "
            "GateLibrary(device(...))"
        )
    lanes = check_integer("lanes", lanes, 0)
    counts = _counts(source, lanes, activity)
    ones = _output_ones(source, counts, lanes, activity)
    energy_gates = sum(
        float(counts[i, : gate.spec.fan_in + 1] @ _energy(gates, name))
        for i, (name, _, _) in enumerate(source.instructions)
        for gate in (gates[name],)
    )
    old_ap = _old_states(source, ones, lanes)
    energy_presets = float(
        (old_ap * mtj.preset_energy(State.AP) + (lanes - old_ap) * mtj.preset_energy(State.P)).sum()
    )
    steps = source.num_gates + phases
    arrays = -(-lanes // array.rows)
    operands = sum(len(port.columns) for port in source.inputs)
    results = sum(len(port.columns) for port in source.outputs)
    return Cost(
        gates=source.num_gates,
        presets=source.num_gates,
        preset_phases=phases,
        steps=steps,
        latency=steps * (mtj.pulse_duration + array.cycle_time),
        energy_gates=energy_gates,
        energy_presets=energy_presets,
        energy_periphery=lanes * (operands * array.write_energy + results * array.read_energy)
        + arrays * steps * array.step_energy,
        lanes=lanes,
        rows=array.rows,
        columns=source.columns,
        arrays=arrays,
        utilization=lanes * source.columns / (arrays * array.rows * array.columns) if arrays else 0.0,
        activity_source="uniform inputs" if activity is None else "measured",
        reads=results,
        writes=operands,
        neglected=tuple(name for name in _PERIPHERY if getattr(array, name) == 0),
    )


def _energy(gates: GateLibrary, name: str) -> npt.NDArray[np.float64]:
    energy = gates[name].energy
    if energy is None:
        raise InvalidArgument(f"gates[{name!r}] has no energy")
    return energy


def _counts(program: Program, lanes: int, activity: Activity | None) -> npt.NDArray[np.float64]:
    """Lanes per gate and number of ones, (num_gates, 6), scaled to ``lanes``."""
    if activity is None:
        share = {
            name: [comb(spec.fan_in, k) / 2**spec.fan_in for k in range(6)] for name, spec in GATES.items()
        }
        return lanes * np.array([share[name] for name, _, _ in program.instructions]).reshape(-1, 6)
    if activity.lanes.shape != (program.num_gates, 6):
        raise InvalidArgument(
            f"activity: counts of {activity.lanes.shape[0]} gates, but the program has {program.num_gates}"
        )
    if program.num_gates == 0:
        return np.zeros((0, 6))
    seen = int(activity.lanes[0].sum())
    if seen == 0 and lanes:
        raise InvalidArgument("activity: no lane was seen")
    return activity.lanes.astype(np.float64) * (lanes / max(seen, 1))


def _output_ones(
    program: Program, counts: npt.NDArray[np.float64], lanes: int, activity: Activity | None
) -> npt.NDArray[np.float64] | None:
    """Lanes in which each gate's output became 1, wrong outputs included; None where nothing was measured."""
    if activity is None or program.num_gates == 0:
        return None
    flips = activity.flips * (lanes / max(int(activity.lanes[0].sum()), 1))
    correct = {
        name: np.array([spec.output(k) if k <= spec.fan_in else 0 for k in range(6)])
        for name, spec in GATES.items()
    }
    outputs = np.array([correct[name] for name, _, _ in program.instructions])
    ones: npt.NDArray[np.float64] = np.where(outputs == 1, counts - flips, flips).sum(axis=1)
    return ones


def _old_states(
    program: Program, ones: npt.NDArray[np.float64] | None, lanes: int
) -> npt.NDArray[np.float64]:
    """Lanes whose cell is AP when each gate presets it."""
    old = np.full(program.num_gates, lanes / 2)
    if ones is None:
        return old
    writer: dict[int, int] = {}
    for i, (_, column, _) in enumerate(program.instructions):
        if column in writer:
            old[i] = ones[writer[column]]
        writer[column] = i
    return old
