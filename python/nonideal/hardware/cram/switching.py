"""When a magnetic tunnel junction switches: the probability, given voltage, direction and pulse."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, get_args, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from nonideal.checks import FloatArray, check_choice, check_finite, check_positive
from nonideal.errors import InvalidArgument

__all__ = ["DIRECTIONS", "Direction", "Switching", "ThermalSwitching", "ThermallyStable", "log_complement"]

Direction: TypeAlias = Literal["P->AP", "AP->P"]

#: Both directions; ``DIRECTIONS[state]`` is the one that leaves that state (``State.P == 0``).
DIRECTIONS: tuple[Direction, Direction] = get_args(Direction)

_LN2 = math.log(2.0)


@runtime_checkable
class Switching(Protocol):
    """What a switching model offers to a junction: any object with these two methods is one.

    A model must be immutable, hashable and picklable: devices and gate libraries hold it.
    """

    def log_p(
        self, voltage: ArrayLike, direction: Direction, pulse_duration: float
    ) -> tuple[FloatArray, FloatArray]:
        """Return (log P, log(1 - P)) of switching, each of the shape of ``voltage``.

        ``voltage`` : volt over the junction, positive in the sense that drives ``direction``. P must not
        decrease with it. ``pulse_duration`` : second.
        """

    def v50(self, direction: Direction, pulse_duration: float) -> float:
        """Return the voltage at which P = 1/2, in volt."""


@runtime_checkable
class ThermallyStable(Protocol):
    """What a switching model with a thermal stability delta offers besides `Switching`."""

    def log_p_varied(
        self, voltage: ArrayLike, direction: Direction, pulse_duration: float, delta_scale: ArrayLike
    ) -> tuple[FloatArray, FloatArray]:
        """Return what `Switching.log_p` does, for junctions with ``delta_scale`` times the delta."""

    def retention_error(self, time: float) -> float:
        """Return the probability that a junction loses its state within ``time`` without voltage."""


@dataclass(frozen=True)
class ThermalSwitching:
    """Thermally activated switching over a barrier that the voltage lowers.

    ``P = 1 - exp(-(t / attempt_time) exp(-delta (1 - V / V_c)))`` for a pulse of duration t. This is the
    regime of pulses longer than about 10 ns and of voltages below the critical one; above it the form runs
    to P = 1 at once, where a real junction still needs time to precess.

    Parameters
    ----------
    delta : float
        Thermal stability, barrier / (k_B T), > 0.
    critical_voltage_p_to_ap, critical_voltage_ap_to_p : float
        Voltage at which the barrier vanishes, in volt, > 0.
    attempt_time : float
        In second, > 0.

    Raises
    ------
    InvalidArgument
        If a parameter is not > 0 and finite.

    Notes
    -----
    Neel-Brown activation with a barrier linear in the voltage, the usual model of spin-torque switching by
    long pulses (Koch, Katine and Sun, Phys. Rev. Lett. 92, 088302, 2004).

    Examples
    --------
    >>> from nonideal.hardware import cram
    >>> model = cram.ThermalSwitching.from_slope(29.5, 0.4, pulse_duration=1e-3)
    >>> round(model.delta, 2), round(model.v50("P->AP", 1e-3), 6)
    (43.68, 0.4)
    >>> log_switched, log_held = model.log_p([0.38, 0.40, 0.42], "P->AP", 1e-3)
    >>> import numpy as np
    >>> np.exp(log_switched).round(3).tolist()
    [0.147, 0.5, 0.952]
    """

    delta: float
    critical_voltage_p_to_ap: float
    critical_voltage_ap_to_p: float
    attempt_time: float = 1e-9

    def __post_init__(self) -> None:
        for name in ("delta", "critical_voltage_p_to_ap", "critical_voltage_ap_to_p", "attempt_time"):
            object.__setattr__(self, name, check_positive(name, getattr(self, name)))

    @classmethod
    def from_slope(
        cls,
        slope: float,
        v50_p_to_ap: float,
        v50_ap_to_p: float | None = None,
        *,
        pulse_duration: float,
        attempt_time: float = 1e-9,
    ) -> ThermalSwitching:
        """Return the model whose switching curve at ``pulse_duration`` has this midpoint and slope.

        The curve is ``P = 1 - exp(-ln 2 exp(slope (V / V50 - 1)))``, the form used for fits to measurements.

        Parameters
        ----------
        slope : float
            Dimensionless, > 0.
        v50_p_to_ap, v50_ap_to_p : float
            Voltage at which P = 1/2, in volt, > 0; ``v50_ap_to_p=None`` means the same in both directions.
        pulse_duration, attempt_time : float
            In second, > 0.

        Raises
        ------
        InvalidArgument
            If an argument is not > 0 and finite, or the pulse is so short that the barrier would not be.

        Examples
        --------
        >>> from nonideal.hardware import cram
        >>> model = cram.ThermalSwitching.from_slope(29.5, 0.4, 0.3, pulse_duration=1e-3)
        >>> round(model.slope(1e-3), 6), round(model.v50("AP->P", 1e-3), 6)
        (29.5, 0.3)
        """
        slope = check_positive("slope", slope)
        forward = check_positive("v50_p_to_ap", v50_p_to_ap)
        backward = forward if v50_ap_to_p is None else check_positive("v50_ap_to_p", v50_ap_to_p)
        waiting = _log_half_life(pulse_duration, check_positive("attempt_time", attempt_time))
        delta = slope + waiting
        if not delta > 0.0:
            raise InvalidArgument(
                f"delta = slope + ln(pulse_duration / (attempt_time ln 2)) = {delta} is not > 0"
            )
        return cls(delta, forward * delta / slope, backward * delta / slope, attempt_time)

    def log_p(
        self, voltage: ArrayLike, direction: Direction, pulse_duration: float
    ) -> tuple[FloatArray, FloatArray]:
        """Return (log P, log(1 - P)) of switching, both accurate in both tails.

        Parameters
        ----------
        voltage : array_like of any shape
            Volt over the junction, positive in the sense that drives ``direction``.
        direction : {"P->AP", "AP->P"}
            The state that is left and the state that is reached.
        pulse_duration : float
            In second, > 0.

        Returns
        -------
        tuple of ndarray
            Two float64 arrays of the shape of ``voltage``.

        Raises
        ------
        InvalidArgument
            If a voltage is not finite, the pulse is not > 0 or the direction is unknown.

        Examples
        --------
        >>> from nonideal.hardware import cram
        >>> model = cram.ThermalSwitching(40.0, 0.5, 0.5)
        >>> log_switched, log_held = model.log_p(0.0, "P->AP", 1e-9)      # one attempt at the whole barrier
        >>> round(float(log_switched), 9)
        -40.0
        """
        return self.log_p_varied(voltage, direction, pulse_duration, 1.0)

    def log_p_varied(
        self, voltage: ArrayLike, direction: Direction, pulse_duration: float, delta_scale: ArrayLike
    ) -> tuple[FloatArray, FloatArray]:
        """Return what `log_p` does, for junctions whose delta is ``delta_scale`` times this one's.

        ``voltage`` and ``delta_scale`` (> 0) are broadcast together; critical voltages stay as they are.
        """
        critical = self._critical_voltage(direction)
        log_attempts = _log_half_life(pulse_duration, self.attempt_time) + math.log(_LN2)
        voltage = check_finite("voltage", voltage)
        # The hazard h = -log(1 - P) is an exponential of V, so P a double one: keep log h, and clip it
        # before exp, so that neither tail leaves the range of a double.
        with np.errstate(over="ignore", under="ignore"):
            log_hazard = log_attempts - self.delta * np.asarray(delta_scale) * (1.0 - voltage / critical)
            hazard = np.exp(np.minimum(np.maximum(log_hazard, -700.0), 700.0))
        return log_complement(log_hazard), np.asarray(-hazard)

    def retention_error(self, time: float) -> float:
        """Return the probability that a junction loses its state within ``time``, without voltage.

        ``1 - exp(-(time / attempt_time) exp(-delta))``: retention grows exponentially with delta.

        Parameters
        ----------
        time : float
            In second, > 0.

        Raises
        ------
        InvalidArgument
            If the time is not > 0 and finite.

        Examples
        --------
        >>> from nonideal.hardware import cram
        >>> ten_years = 10 * 365.25 * 86400
        >>> [f"{cram.ThermalSwitching(d, 0.5, 0.5).retention_error(ten_years):.2g}" for d in (40, 60, 80)]
        ['0.74', '2.8e-09', '5.7e-18']
        """
        log_hazard = math.log(check_positive("time", time)) - math.log(self.attempt_time) - self.delta
        return -math.expm1(-math.exp(min(log_hazard, 700.0)))

    def v50(self, direction: Direction, pulse_duration: float) -> float:
        """Return the voltage at which half of the pulses switch, in volt: ``V_c (1 - L / delta)``.

        ``L = ln(pulse_duration / (attempt_time ln 2))``. It is not positive where the pulse outlasts the
        retention.

        Raises
        ------
        InvalidArgument
            If the pulse is not > 0 or the direction is unknown.

        Examples
        --------
        >>> from nonideal.hardware import cram
        >>> model = cram.ThermalSwitching(40.0, 0.5, 0.6)
        >>> round(model.v50("P->AP", 1e-3), 4), round(model.v50("AP->P", 1e-3), 4)
        (0.3227, 0.3873)
        """
        critical = self._critical_voltage(direction)
        return critical * (1.0 - _log_half_life(pulse_duration, self.attempt_time) / self.delta)

    def slope(self, pulse_duration: float) -> float:
        """Return the dimensionless slope of the switching curve, ``delta - L`` (see `from_slope`).

        Raises
        ------
        InvalidArgument
            If the pulse is not > 0.

        Examples
        --------
        >>> from nonideal.hardware import cram
        >>> round(cram.ThermalSwitching(40.0, 0.5, 0.5).slope(1e-3), 3)
        25.818
        """
        return self.delta - _log_half_life(pulse_duration, self.attempt_time)

    def _critical_voltage(self, direction: Direction) -> float:
        forward = check_choice("direction", direction, DIRECTIONS) == "P->AP"
        return self.critical_voltage_p_to_ap if forward else self.critical_voltage_ap_to_p


def _log_half_life(pulse_duration: float, attempt_time: float) -> float:
    """Return L, the barrier (in k_B T) over which half of the pulses of this duration switch."""
    return (
        math.log(check_positive("pulse_duration", pulse_duration)) - math.log(attempt_time) - math.log(_LN2)
    )


def log_complement(log_hazard: FloatArray) -> FloatArray:
    """Return log(1 - exp(-h)) from log h, to full relative precision for every h."""
    with np.errstate(under="ignore", divide="ignore"):
        hazard = np.exp(np.minimum(np.maximum(log_hazard, -700.0), 700.0))
        # expm1 holds the small h, log1p the large ones; below e^-700, log(1 - exp(-h)) is log h itself.
        logs = np.where(hazard < _LN2, np.log(-np.expm1(-hazard)), np.log1p(-np.exp(-hazard)))
        return np.where(log_hazard < -700.0, log_hazard, logs)
