"""Gate libraries: for every gate its voltage, and how often its output is wrong given its inputs."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize

from nonideal.checks import (
    FloatArray,
    check_choice,
    check_iterable,
    check_mapping,
    check_non_negative,
    check_positive,
    check_probability,
)
from nonideal.errors import InvalidArgument
from nonideal.hardware.cram.devices import MTJ
from nonideal.hardware.cram.divider import ideal_window, solve
from nonideal.hardware.cram.gate_errors import disturb_probability, log_error
from nonideal.hardware.cram.gates import GATES, GateSpec, State
from nonideal.hardware.cram.variation import MarginalErrors, Variation, check_variation

__all__ = ["CalibratedGate", "Criterion", "GateLibrary"]

Criterion: TypeAlias = Literal["mean", "worst", "middle"]

# V_logic -> log P(output wrong | k), with an axis for k at the end.
_LogErrors: TypeAlias = Callable[[ArrayLike], FloatArray]

# The search for V_logic runs from 0.7 V_low to 1.3 V_high of the ideal window. It is wider than the window,
# because the best mean may lie outside; and bounded, because "never switch" can be the best mean of a
# hopeless gate.
_SEARCH = (0.7, 1.3)
_GRID_POINTS = 2049
# With variation the grid sees only the line through the mean cells, which is cheap and within some 10 %;
# Brent's method then works on the full average (accuracy: `GateLibrary`, Notes).
_COARSE_POINTS = 65
_LOG2_POINTS = 7
# The largest TMR at which the measured part of a switching curve, and not its tail, decides the errors.
_TAIL_TMR = 2.0
# Below this an error's logarithm is of no use to anybody; the clip keeps Brent's arithmetic finite.
_LOG_FLOOR = -1e6


class _LacksGate(InvalidArgument, KeyError):
    """A library was asked for a gate that it lacks; as a KeyError, so that ``in`` and ``get`` work."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, eq=False)
class CalibratedGate:
    """One gate of a `GateLibrary`: its voltage and its errors.

    Attributes
    ----------
    spec : GateSpec
        Name, fan-in n, threshold and preset.
    error : ndarray of shape (n + 1,)
        Probability that the output is WRONG given that k = 0..n inputs are 1.
    weights : ndarray of shape (n + 1,)
        Distribution of k behind `mean_error`; binomial (uniform inputs) unless the library was given another.
    voltage : float or None
        V_logic, in volt; None in a library without a device.
    window : tuple of float, or None
        Ideal window of V_logic, (low, high), in volt.
    energy : ndarray of shape (n + 1,), or None
        Energy of one execution given k, in joule.
    pulse_duration : float or None
        In second.
    input_disturb : ndarray of shape (n + 1,), or None
        Upper bound of the probability that the gate flips one of its own input cells, for each cell that is
        at risk given k: those at 1 in gates with preset P, those at 0 in gates with preset AP (0 where there
        are none). None unless the library was asked for it. It is NOT part of `error`, which is about the
        output: a disturbed cell is wrong for its later readers, which simulations don't follow.

    Examples
    --------
    >>> from nonideal.hardware import cram
    >>> gate = cram.GateLibrary.from_errors({"NAND2": (0.0, 0.0013, 0.0214)})["NAND2"]
    >>> round(gate.mean_error, 6), gate.worst_error, gate.usable
    (0.006, 0.0214, True)
    """

    spec: GateSpec
    error: FloatArray
    weights: FloatArray
    voltage: float | None = None
    window: tuple[float, float] | None = None
    energy: FloatArray | None = None
    pulse_duration: float | None = None
    input_disturb: FloatArray | None = None

    def __post_init__(self) -> None:
        for name in ("error", "weights", "energy", "input_disturb"):
            if getattr(self, name) is not None:
                array = np.array(getattr(self, name), dtype=np.float64)
                array.flags.writeable = False
                object.__setattr__(self, name, array)

    @property
    def mean_error(self) -> float:
        """Error averaged over k with `weights`."""
        return float(self.weights @ self.error)

    @property
    def worst_error(self) -> float:
        """Largest error over k."""
        return float(self.error.max())

    @property
    def usable(self) -> bool:
        """Whether the output is right more often than wrong for every k: ``worst_error < 0.5``."""
        return self.worst_error < 0.5

    def __reduce__(self) -> tuple[Any, ...]:
        # Arrays come back from a pickle writeable; the constructor makes them read-only again.
        return type(self), tuple(getattr(self, f.name) for f in fields(self))


class GateLibrary(Mapping[str, CalibratedGate]):
    """Gates calibrated for a device: a read-only mapping from a gate's name to its `CalibratedGate`.

    Without a device, `ideal`, `uniform` and `from_errors` make libraries whose voltages and energies are
    None. Two libraries are equal, and hash alike, when they hold the same gates with the same errors;
    voltages and energies do not count.

    Parameters
    ----------
    mtj : MTJ
        The junction that all cells are made of.
    criterion : {"mean", "worst", "middle"}
        How V_logic is chosen. ``"mean"``: least error averaged over k. ``"worst"``: least error of the worst
        k. ``"middle"``: middle of the ideal window. The mean's optimum may leave the window; where a gate is
        hopeless it may be (almost) never to switch: see `CalibratedGate.usable`.
    gates : iterable of str, optional
        Names of the gates to hold; all of `GATES` by default.
    voltages : mapping, optional
        Gate -> V_logic in volt, > 0: fixed by the user instead of chosen.
    weights : mapping, optional
        Gate -> distribution of k, (n + 1,) numbers >= 0 that are normalised here. Gates without an entry see
        uniform inputs, ``C(n, k) / 2^n``.
    variation : Variation, optional
        How far cells differ: errors are then averages over all cells of an array, and V_logic, common to the
        array, is chosen for that average. They say nothing about how a gate's errors in one row belong
        together; `VariationMap` does.
    input_disturb : bool
        Fill `CalibratedGate.input_disturb`. Errors stay as they are.

    Raises
    ------
    InvalidArgument
        If a gate or the criterion is unknown, a voltage is not > 0, weights are negative, all zero or of the
        wrong length, a gate's ideal window is empty, or delta varies in a model without one.

    Warns
    -----
    UserWarning
        If gates put more than the device's ``breakdown_voltage`` over a junction; once, naming them.

    Notes
    -----
    ``error[k]`` is 1 - P for k <= threshold and P beyond, with P the switching probability under the output
    junction's voltage; a failing preset (``MTJ.preset_error``) is included. All is computed with log P and
    log(1 - P), so that errors keep their relative precision down to the smallest double.

    Averages over varying cells are integrals over up to 13 normal variables, computed without random numbers
    by line sampling (`nonideal.hardware.cram.variation`). Measured against 32 times as many points, at TMR
    1.09 and 5: for standard deviations of 2 to 5 % mean errors are within 0.5 % and each error within 2 %,
    down to 1e-29; for 10 %, within 5 % and 6 %. Energy, window and input disturb are those of the device
    itself.

    Simulations give the same bits for the same errors on every machine. The errors themselves come from
    numpy's exp and log, whose last digits depend on the processor: to repeat a run elsewhere bit by bit, take
    the table along (`save`, `from_errors`).

    Examples
    --------
    >>> from nonideal.hardware import cram
    >>> gates = cram.GateLibrary(cram.device("lv2024_fit"))
    >>> round(100 * (1 - gates["NAND2"].mean_error), 2), round(100 * (1 - gates["MIN3"].mean_error), 2)
    (99.4, 87.63)
    >>> print(cram.GateLibrary(cram.device("today_45nm"), criterion="worst", gates=["NOT", "NAND2"]))
    device 'today_45nm', criterion 'worst', pulse 3e-09 s
    gate   preset  V_logic/V  window/V         mean      worst     energy/J  P(wrong | k = 0, 1, ...)
    NOT    P       0.2752     0.252 - 0.4196   2.69e-05  2.69e-05  2.89e-14  2.69e-05 2.69e-05
    NAND2  P       0.2287     0.2142 - 0.2728  4.39e-03  5.86e-03  2.87e-14  4.81e-149 5.86e-03 5.86e-03
    """

    __slots__ = ("_criterion", "_errors", "_gates", "_mtj", "_variation")

    _criterion: str | None
    _errors: tuple[tuple[str, tuple[float, ...]], ...]
    _gates: dict[str, CalibratedGate]
    _mtj: MTJ | None
    _variation: Variation | None

    def __init__(
        self,
        mtj: MTJ,
        *,
        criterion: Criterion = "mean",
        gates: Iterable[str] | None = None,
        voltages: Mapping[str, float] | None = None,
        weights: Mapping[str, ArrayLike] | None = None,
        variation: Variation | None = None,
        input_disturb: bool = False,
    ) -> None:
        if not isinstance(mtj, MTJ):
            raise InvalidArgument(
                f"mtj = {mtj!r} is not an MTJ; GateLibrary.ideal, .uniform and .from_errors need none"
            )
        check_choice("criterion", criterion, get_args(Criterion))
        if isinstance(gates, str):
            raise InvalidArgument(f"gates = {gates!r} is one string, not a sequence of names")
        specs = {
            check_choice("gates", name, GATES): GATES[name]
            for name in (GATES if gates is None else check_iterable("gates", gates))
        }
        fixed = {
            check_choice("voltages", name, specs): check_positive(f'voltages["{name}"]', voltage)
            for name, voltage in ({} if voltages is None else check_mapping("voltages", voltages)).items()
        }
        shares = {name: _binomial(spec.fan_in) for name, spec in specs.items()}
        for name, values in ({} if weights is None else check_mapping("weights", weights)).items():
            shares[name] = _checked_weights(specs[check_choice("weights", name, specs)], values)
        if variation is not None:
            variation = check_variation(mtj, variation)
        # An error below the smallest double is 0, whatever the caller's settings.
        with np.errstate(under="ignore"):
            calibrated = [
                _calibrate(mtj, spec, criterion, shares[n], fixed.get(n), variation, bool(input_disturb))
                for n, spec in specs.items()
            ]
        self._set(mtj, criterion, calibrated, variation)
        _warn_of_breakdown(mtj, self.values())

    def _set(
        self,
        mtj: MTJ | None,
        criterion: str | None,
        gates: Sequence[CalibratedGate],
        variation: Variation | None = None,
    ) -> None:
        self._mtj = mtj
        self._variation = variation
        self._criterion = criterion
        self._gates = {gate.spec.name: gate for gate in gates}
        self._errors = tuple(sorted((gate.spec.name, tuple(gate.error.tolist())) for gate in gates))

    @classmethod
    def _without_device(cls, errors: Mapping[str, ArrayLike]) -> GateLibrary:
        library = cls.__new__(cls)
        gates = [
            CalibratedGate(GATES[name], np.asarray(error), _binomial(GATES[name].fan_in))
            for name, error in errors.items()
        ]
        library._set(None, None, gates)
        return library

    @classmethod
    def ideal(cls) -> GateLibrary:
        """Return a library of all gates that never errs.

        Examples
        --------
        >>> from nonideal.hardware import cram
        >>> cram.GateLibrary.ideal()["MAJ3"].error.tolist()
        [0.0, 0.0, 0.0, 0.0]
        """
        return cls.uniform(0.0)

    @classmethod
    def uniform(cls, probability: float) -> GateLibrary:
        """Return a library in which every gate errs with the same probability for every k.

        Parameters
        ----------
        probability : float
            In [0, 1].

        Raises
        ------
        InvalidArgument
            If it is outside [0, 1].

        Examples
        --------
        >>> from nonideal.hardware import cram
        >>> cram.GateLibrary.uniform(1e-3)["NOT"].error.tolist()
        [0.001, 0.001]
        """
        probability = check_probability("probability", probability)
        return cls._without_device({name: _constant(spec, probability) for name, spec in GATES.items()})

    @classmethod
    def from_errors(cls, tables: Mapping[str, ArrayLike], default: float | None = None) -> GateLibrary:
        """Return a library with the user's own probabilistic truth tables.

        Parameters
        ----------
        tables : mapping
            Gate -> (n + 1,) probabilities that its output is wrong given k = 0..n inputs that are 1.
        default : float, optional
            Error probability of every gate that ``tables`` does not name; None: the library lacks those
            gates.

        Raises
        ------
        InvalidArgument
            If a gate is unknown, a table has the wrong length or a probability is outside [0, 1].

        Examples
        --------
        >>> from nonideal.hardware import cram
        >>> gates = cram.GateLibrary.from_errors({"NAND2": (0, 0.0013, 0.0214)})
        >>> list(gates), gates["NAND2"].error.tolist()
        (['NAND2'], [0.0, 0.0013, 0.0214])
        >>> cram.GateLibrary.from_errors({"NAND2": (0, 0.0013, 0.0214)}, default=1e-4)["NOT"].error.tolist()
        [0.0001, 0.0001]
        """
        errors: dict[str, FloatArray] = {}
        if default is not None:
            default = check_probability("default", default)
            errors = {name: _constant(spec, default) for name, spec in GATES.items()}
        for name, table in check_mapping("tables", tables).items():
            spec = GATES[check_choice("tables", name, GATES)]
            errors[name] = _entries(f'tables["{name}"]', table, spec, check_probability)
        return cls._without_device(errors)

    @property
    def mtj(self) -> MTJ | None:
        """The device, or None."""
        return self._mtj

    @property
    def criterion(self) -> str | None:
        """How voltages were chosen, or None without a device."""
        return self._criterion

    @property
    def variation(self) -> Variation | None:
        """How far the cells differ behind the averages, or None."""
        return self._variation

    @property
    def tail_uncertain(self) -> bool:
        """Whether the errors hang on the tail of the switching curve, which nobody has measured.

        True beyond TMR 2: there switching models that agree on every measurable probability disagree about
        gate errors by orders of magnitude (NAND2 at TMR 5: 1e-7 with a thermal tail, 6e-19 with a Gaussian
        one). Compare families before using such numbers.

        Examples
        --------
        >>> from nonideal.hardware import cram
        >>> for tmr in (1.09, 3.0):
        ...     print(cram.GateLibrary(cram.device("lv2024_fit", tmr=tmr), gates=["NOT"]).tail_uncertain)
        False
        True
        """
        return self._mtj is not None and self._mtj.tmr > _TAIL_TMR

    def __getitem__(self, name: str) -> CalibratedGate:
        try:
            return self._gates[name]
        except KeyError:
            raise _LacksGate(f"gate = {name!r} is not in the library: {', '.join(self)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._gates)

    def __len__(self) -> int:
        return len(self._gates)

    def __eq__(self, other: object) -> bool:
        return self._errors == other._errors if isinstance(other, GateLibrary) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._errors)

    def __repr__(self) -> str:
        return f"<GateLibrary: {self._origin()}, {len(self)} gates>"

    def __str__(self) -> str:
        """Return the table as text; gates that are not usable are marked by a star."""
        header: tuple[str, ...] = (
            "gate",
            "preset",
            "V_logic/V",
            "window/V",
            "mean",
            "worst",
            "energy/J",
            "P(wrong | k = 0, 1, ...)",
        )
        disturbed = any(gate.input_disturb is not None for gate in self.values())
        if disturbed:
            header = (*header[:-1], "input flips", header[-1])
        rows = [header]
        for gate in self.values():
            voltage = energy = window = "-"
            if gate.voltage is not None and gate.window is not None and gate.energy is not None:
                voltage = f"{gate.voltage:.4g}"
                window = "{:.4g} - {:.4g}".format(*gate.window)
                energy = f"{gate.weights @ gate.energy:.2e}"
            flips: tuple[str, ...] = (
                () if gate.input_disturb is None else (f"{gate.input_disturb.max():.2e}",)
            )
            rows.append(
                (
                    gate.spec.name + ("" if gate.usable else " *"),
                    State(gate.spec.preset).name,
                    voltage,
                    window,
                    f"{gate.mean_error:.2e}",
                    f"{gate.worst_error:.2e}",
                    energy,
                    *flips,
                    " ".join(f"{error:.2e}" for error in gate.error),
                )
            )
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [self._origin()]
        lines += ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        if not all(gate.usable for gate in self.values()):
            lines.append("* not usable: wrong at least every second time for some k")
        if self.tail_uncertain:
            lines.append(
                f"TMR beyond {_TAIL_TMR:g}: the unmeasured tail of the switching curve decides these errors; "
                "compare families"
            )
        return "\n".join(lines)

    def table(self) -> list[dict[str, Any]]:
        """Return one dict per gate, of plain Python values.

        Keys: ``gate``, ``preset`` (0: P, 1: AP), ``voltage`` (V_logic, volt), ``window`` ([low, high], volt),
        ``error`` (list over k), ``mean_error``, ``worst_error``, ``usable``, ``energy`` (list over k, joule),
        ``pulse_duration`` (second), ``input_disturb`` (list over k, or None). Voltage, window, energy and
        pulse are None without a device.

        Examples
        --------
        >>> from nonideal.hardware import cram
        >>> row = cram.GateLibrary.uniform(0.01).table()[0]
        >>> row["gate"], row["error"], row["energy"]
        ('NOT', [0.01, 0.01], None)
        """
        return [
            {
                "gate": gate.spec.name,
                "preset": int(gate.spec.preset),
                "voltage": gate.voltage,
                "window": None if gate.window is None else list(gate.window),
                "error": gate.error.tolist(),
                "mean_error": gate.mean_error,
                "worst_error": gate.worst_error,
                "usable": gate.usable,
                "energy": None if gate.energy is None else gate.energy.tolist(),
                "pulse_duration": gate.pulse_duration,
                "input_disturb": None if gate.input_disturb is None else gate.input_disturb.tolist(),
            }
            for gate in self.values()
        ]

    def save(self, path: str | PathLike[str]) -> None:
        """Write the errors as the text table that C++ reads (``nonideal::cram::read_gate_table``).

        Lines that begin with ``#`` are comments; every other line is ``NAME e_0 ... e_n``, with all digits
        that a double needs.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> from nonideal.hardware import cram
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder) / "gates.txt"
        ...     cram.GateLibrary.from_errors({"NAND2": (0, 0.0013, 0.0214)}).save(path)
        ...     print(path.read_text(encoding="utf-8"), end="")
        # nonideal gate table: name, then P(output wrong | k inputs are 1) for k = 0 .. fan-in
        # errors given by the caller
        NAND2 0.0 0.0013 0.0214
        """
        lines = [
            "# nonideal gate table: name, then P(output wrong | k inputs are 1) for k = 0 .. fan-in",
            f"# {self._origin()}",
        ]
        lines += [" ".join([name, *map(repr, gate.error.tolist())]) for name, gate in self.items()]
        Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _origin(self) -> str:
        if self._mtj is None:
            return "errors given by the caller"
        # repr: a line break in the name would end the comment that `save` puts this into.
        mtj = self._mtj
        text = f"device {mtj.name!r}, criterion {self._criterion!r}, pulse {mtj.pulse_duration:.3g} s"
        return text if self._variation is None else f"{text}, {self._variation}"


def _warn_of_breakdown(mtj: MTJ, gates: Iterable[CalibratedGate]) -> None:
    highest = {
        g.spec.name: solve(mtj, g.spec, g.voltage).highest_voltage for g in gates if g.voltage is not None
    }
    broken = [f"{name} ({volts:.3g} V)" for name, volts in highest.items() if volts > mtj.breakdown_voltage]
    if broken:
        limit = f"breakdown_voltage = {mtj.breakdown_voltage:.4g} V"
        warnings.warn(f"junctions see more than {limit} in {', '.join(broken)}", UserWarning, stacklevel=3)


def _calibrate(
    mtj: MTJ,
    spec: GateSpec,
    criterion: str,
    weights: FloatArray,
    voltage: float | None,
    variation: Variation | None,
    input_disturb: bool,
) -> CalibratedGate:
    """Choose V_logic, unless it is given, and tabulate the gate there."""
    window = ideal_window(mtj, spec)
    log_errors: _LogErrors = partial(log_error, mtj, spec)
    search, points = log_errors, _GRID_POINTS
    if variation is not None and not variation.none:
        log_errors = MarginalErrors(mtj, spec, variation, _LOG2_POINTS).log_error
        search, points = MarginalErrors(mtj, spec, variation, 0).log_error, _COARSE_POINTS
    if voltage is None:
        low, high = _SEARCH[0] * window[0], _SEARCH[1] * window[1]
        if criterion == "mean":
            voltage = _least_mean(log_errors, weights, search, np.asarray(np.geomspace(low, high, points)))
        elif criterion == "worst":
            voltage = _least_worst(log_errors, spec, low, high)
        else:
            voltage = 0.5 * (window[0] + window[1])
    return CalibratedGate(
        spec,
        np.exp(log_errors(voltage)),
        weights,
        voltage,
        window,
        solve(mtj, spec, voltage).energy,
        mtj.pulse_duration,
        disturb_probability(mtj, spec, voltage) if input_disturb else None,
    )


def _least_mean(log_errors: _LogErrors, weights: FloatArray, search: _LogErrors, grid: FloatArray) -> float:
    """Return the V_logic of the least weighted error: a grid finds the basin, bounded Brent its bottom."""
    with np.errstate(divide="ignore"):
        log_weights = np.log(weights)

    def log_mean(errors: _LogErrors, voltage: ArrayLike) -> FloatArray:
        logs = np.logaddexp.reduce(errors(voltage) + log_weights, axis=-1)
        return np.asarray(np.maximum(logs, _LOG_FLOOR))

    best = int(np.argmin(log_mean(search, grid)))
    bracket = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    refined = optimize.minimize_scalar(
        lambda voltage: float(log_mean(log_errors, voltage)),
        bounds=tuple(map(float, bracket)),
        method="bounded",
        options={"xatol": (1e-10 if search is log_errors else 1e-6) * float(grid[best])},
    )
    return float(refined.x if refined.fun < log_mean(log_errors, grid[best]) else grid[best])


def _least_worst(log_errors: _LogErrors, spec: GateSpec, low: float, high: float) -> float:
    """Return the V_logic of the least worst error.

    Only k = threshold and threshold + 1 bind, since P falls with k: find where they err alike.
    """

    def excess(voltage: float) -> float:
        logs = log_errors(voltage)
        difference = float(logs[spec.threshold] - logs[spec.threshold + 1])
        return min(max(difference, _LOG_FLOOR), -_LOG_FLOOR)

    if excess(low) <= 0.0:  # presets fail so often that the lowest voltage is the best one
        return low
    return float(optimize.brentq(excess, low, high, xtol=1e-14 * low, rtol=1e-14))


def _binomial(fan_in: int) -> FloatArray:
    """Return the distribution of k under uniform inputs."""
    return np.array([math.comb(fan_in, k) for k in range(fan_in + 1)]) / 2.0**fan_in


def _constant(spec: GateSpec, probability: float) -> FloatArray:
    return np.full(spec.fan_in + 1, probability)


def _checked_weights(spec: GateSpec, values: ArrayLike) -> FloatArray:
    label = f'weights["{spec.name}"]'
    weights = _entries(label, values, spec, check_non_negative)
    if not weights.any():
        raise InvalidArgument(f"{label} are all zero")
    weights /= weights.max()  # first, so that the sum cannot overflow
    weights /= weights.sum()
    return weights


def _entries(label: str, values: ArrayLike, spec: GateSpec, check: Callable[[str, Any], float]) -> FloatArray:
    """Return one checked number for each k, or refuse them by name and index."""
    try:
        array = np.asarray(values)
    except ValueError as problem:  # rows of different lengths
        raise InvalidArgument(f"{label}: {problem}") from None
    if array.shape != (spec.fan_in + 1,):
        raise InvalidArgument(
            f"{label} has shape {array.shape}, not ({spec.fan_in + 1},): one entry per k = 0..{spec.fan_in}"
        )
    return np.array([check(f"{label}[{k}]", entry) for k, entry in enumerate(array)])
