"""One magnetic moment under spin torque: the physics from which switching formulas are derived, simulated.

Two ways to the same probability. `Macrospin.p_switch` follows stochastic Landau-Lifshitz-Gilbert
trajectories; `Macrospin.p_switch_exact` solves the Fokker-Planck equation of the same moment. Both serve to
judge the closed formulas (`ThermalSwitching`, `PrecessionalSwitching`) and to calibrate them.
"""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import overload

import numpy as np
import numpy.typing as npt
from numpy.polynomial import legendre
from numpy.typing import ArrayLike
from scipy import constants, linalg, special

from nonideal import _core
from nonideal.checks import (
    FloatArray,
    check_finite,
    check_integer,
    check_number,
    check_positive,
    check_threads,
)
from nonideal.errors import InvalidArgument, NumericalError
from nonideal.estimate import Estimate
from nonideal.progress import progress_bar
from nonideal.seeds import resolve_seed

__all__ = ["Macrospin", "SwitchingScan"]

_CHUNK_STEPS = 1 << 28  # steps of trajectories between two looks at Ctrl-C: half a second of one core
_LONG_STEPS = 1 << 30  # from here on a run takes seconds, and shows its progress
_LARGEST_SIZE = 5000.0  # of the Fokker-Planck equation: 881 modes, seconds per duration
_ACCURACY = 1e-9  # of the Fokker-Planck solution; what is further off is refused


@dataclass(frozen=True, eq=False)
class SwitchingScan:
    """Simulated switching experiments at several currents, as `fit_switching` takes them.

    Parameters
    ----------
    overdrive : (n,) float64
        Current over critical current.
    voltage : (n,) float64
        Volt: overdrive times the critical voltage.
    switched, trials : (n,) int64
        Pulses that switched, and pulses.
    pulse_duration : float
        Second.
    seed : int
        The seed that was used.
    """

    overdrive: FloatArray
    voltage: FloatArray
    switched: npt.NDArray[np.int64]
    trials: npt.NDArray[np.int64]
    pulse_duration: float
    seed: int

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """P(switched) at every current, with its error bar."""
        return tuple(
            Estimate.from_counts(int(hits), int(count))
            for hits, count in zip(self.switched, self.trials, strict=True)
        )


@dataclass(frozen=True)
class Macrospin:
    """The free layer of a perpendicular tunnel junction as a single moment, at a temperature.

    The moment obeys the Landau-Lifshitz-Gilbert equation with spin torque and a thermal field. It starts in
    thermal equilibrium around one direction of the easy axis; at time 0 a current sets in that drives it to
    the other one.

    Parameters
    ----------
    delta : float
        Thermal stability, barrier / (k_B T), in [1, 1e12].
    damping : float
        Gilbert damping, in [1e-6, 1].
    anisotropy_field : float
        Effective anisotropy field (without the layer's own demagnetising field) times the vacuum
        permeability, in tesla, in [1e-6, 1000].
    saturation_magnetization : float
        In ampere per metre, > 0. It and the temperature only decide `volume` and `critical_current`.
    temperature : float
        In kelvin, > 0.
    field_like : float
        Field-like over damping-like torque, in [-1000, 1000]. Along the easy axis it is a field of
        ``field_like * damping * overdrive`` anisotropy fields, which helps a positive current.

    Raises
    ------
    InvalidArgument
        If a parameter is outside its range.

    Notes
    -----
    W. F. Brown, Phys. Rev. 130, 1677 (1963) for the thermal field; J. C. Slonczewski, J. Magn. Magn. Mater.
    159, L1 (1996) for the torque. Integrated by Heun's rule (Stratonovich) in steps of at most 1 ps; see
    ``nonideal/cram/macrospin.hpp`` for the scheme, its noise and its order of random numbers.

    The precession at ``gamma * anisotropy_field`` makes Heun's rule underestimate the damping by the relative
    amount ``(gamma anisotropy_field dt)^3 / (8 damping)``: 0.2 % with the default values, which makes P or
    1 - P, whichever is smaller, wrong by 1 to 2 % of itself (measured). Half the step leaves an eighth.

    Everything is symmetric about the axis, so that exact probabilities depend on three numbers alone: delta,
    ``overdrive * (1 + field_like * damping)`` and ``pulse_duration / characteristic_time``.

    Examples
    --------
    >>> from nonideal.hardware import cram
    >>> spin = cram.Macrospin(60.0)
    >>> print(spin.p_switch(3.0, 4e-9, trajectories=20_000, seed=1))
    0.98100 ± 0.00097 (n = 20000)
    >>> switched, held = spin.p_switch_exact(3.0, 4e-9)
    >>> round(float(held), 6)
    0.019483
    >>> f"{spin.volume:.3g} m^3, {1e6 * spin.critical_current(0.6):.3g} uA"
    '1.66e-24 m^3, 25.2 uA'
    """

    delta: float
    _: KW_ONLY
    damping: float = 0.01
    anisotropy_field: float = 0.3
    saturation_magnetization: float = 1e6
    temperature: float = 300.0
    field_like: float = 0.0

    def __post_init__(self) -> None:
        for name in ("delta", "damping", "anisotropy_field", "saturation_magnetization", "temperature"):
            object.__setattr__(self, name, check_positive(name, getattr(self, name)))
        object.__setattr__(self, "field_like", check_number("field_like", self.field_like))
        _core.cram.longest_macrospin_step(self._core(), 0.0)  # refuses what is out of range

    @property
    def characteristic_time(self) -> float:
        """Time constant of spin torque, ``(1 + damping^2) / (damping gamma anisotropy_field)``, in second."""
        rate: float = self.damping * _core.cram.GYROMAGNETIC_RATIO * self.anisotropy_field
        return (1.0 + self.damping**2) / rate

    @property
    def volume(self) -> float:
        """Volume with this delta: ``2 delta k_B T / (anisotropy_field M_s)``, in cubic metre."""
        return 2.0 * self._barrier / (self.anisotropy_field * self.saturation_magnetization)

    def critical_current(self, efficiency: float) -> float:
        """Return the current of overdrive 1, ``4 e damping delta k_B T / (hbar efficiency)``, in ampere.

        Parameters
        ----------
        efficiency : float
            Spin-torque efficiency (near the spin polarisation), in (0, 1].

        Raises
        ------
        InvalidArgument
            If it is outside that range.
        """
        efficiency = check_positive("efficiency", efficiency)
        if efficiency > 1.0:
            raise InvalidArgument(f"efficiency = {efficiency} is outside (0, 1]")
        return float(4.0 * constants.e * self.damping * self._barrier / (constants.hbar * efficiency))

    @overload
    def p_switch(
        self,
        overdrive: float,
        pulse_duration: float,
        *,
        trajectories: int = ...,
        dt: float = ...,
        seed: int | None = ...,
        num_threads: int | None = ...,
    ) -> Estimate: ...

    @overload
    def p_switch(
        self,
        overdrive: float,
        pulse_duration: ArrayLike,
        *,
        trajectories: int = ...,
        dt: float = ...,
        seed: int | None = ...,
        num_threads: int | None = ...,
    ) -> Estimate | list[Estimate]: ...

    def p_switch(
        self,
        overdrive: float,
        pulse_duration: ArrayLike,
        *,
        trajectories: int = 1 << 14,
        dt: float = 1e-12,
        seed: int | None = None,
        num_threads: int | None = None,
    ) -> Estimate | list[Estimate]:
        """Return the share of simulated moments that have changed sides at the pulse's end.

        Parameters
        ----------
        overdrive : float
            Current over critical current; negative currents hold the state. In [-1000, 1000].
        pulse_duration : float, or array_like of shape (n,)
            In second, > 0. Several durations share their trajectories, and so cost as much as the longest;
            their errors are correlated.
        trajectories : int
            How many, >= 1. Trajectory i does not depend on how many there are.
        dt : float
            Longest time step in second, at most 1e-12; less where damping is low or the anisotropy field high
            (the refusal says how much).
        seed : int or None
            In [0, 2^64). None draws one, which is not reported: give one to have the same bits again.
        num_threads : int or None
            Threads; no influence on the result.

        Returns
        -------
        Estimate, or list of Estimate
            P(m_z has changed sign), with its binomial error bar; a list for an array of durations.

        Raises
        ------
        InvalidArgument
            If an argument is outside its range.

        Examples
        --------
        >>> from nonideal.hardware import cram
        >>> for e in cram.Macrospin(30.0).p_switch(2.0, [2e-9, 4e-9, 8e-9], trajectories=4096, seed=1):
        ...     print(e)
        0.0356 ± 0.0029 (n = 4096)
        0.7141 ± 0.0071 (n = 4096)
        0.9951 ± 0.0011 (n = 4096)
        """
        durations = _durations("pulse_duration", pulse_duration, positive=True)
        order = np.argsort(durations.ravel(), kind="stable")
        counts = self._count(
            check_number("overdrive", overdrive),
            durations.ravel()[order],
            check_integer("trajectories", trajectories, 1),
            dt,
            resolve_seed(seed),
            0,
            num_threads,
            label="trajectories",
        )
        estimates = [Estimate.exact(0.0)] * len(order)
        for place, hits in zip(order, counts, strict=True):
            estimates[place] = Estimate.from_counts(int(hits), trajectories)
        return estimates if durations.ndim else estimates[0]

    def scan(
        self,
        overdrive: ArrayLike,
        pulse_duration: float,
        *,
        critical_voltage: float = 1.0,
        trajectories: int = 1 << 14,
        dt: float = 1e-12,
        seed: int | None = None,
        num_threads: int | None = None,
    ) -> SwitchingScan:
        """Simulate switching at several currents, to calibrate a closed formula by `fit_switching`.

        Parameters
        ----------
        overdrive : array_like of shape (n,)
            Currents over the critical one. Every point has trajectories of its own.
        pulse_duration : float
            In second, > 0.
        critical_voltage : float
            Voltage of overdrive 1, in volt, > 0.
        trajectories, dt, seed, num_threads
            As for `p_switch`; so many trajectories at every point.

        Raises
        ------
        InvalidArgument
            If an argument is outside its range.

        Examples
        --------
        >>> from nonideal.hardware import cram
        >>> scan = cram.Macrospin(60.0).scan([1.8, 2.0, 2.2, 2.4], 4e-9, trajectories=2048, seed=1)
        >>> counts = scan.voltage, scan.switched, scan.trials
        >>> fit = cram.fit_switching(*counts, family="logistic", pulse_duration=4e-9)
        >>> round(fit.parameters["v50"], 2)
        2.02
        """
        currents = np.atleast_1d(check_finite("overdrive", overdrive))
        if currents.ndim != 1 or len(currents) == 0:
            raise InvalidArgument(f"overdrive has shape {currents.shape}; one row of values is needed")
        critical_voltage = check_positive("critical_voltage", critical_voltage)
        duration = check_positive("pulse_duration", pulse_duration)
        trajectories = check_integer("trajectories", trajectories, 1)
        seed = resolve_seed(seed)
        switched = [
            self._count(
                float(i), np.array([duration]), trajectories, dt, seed, stream, num_threads, f"i = {i:g}"
            )
            for stream, i in enumerate(currents)
        ]
        return SwitchingScan(
            overdrive=currents,
            voltage=critical_voltage * currents,
            switched=np.concatenate(switched),
            trials=np.full(len(currents), trajectories, dtype=np.int64),
            pulse_duration=duration,
            seed=seed,
        )

    def sample(
        self,
        overdrive: float,
        times: ArrayLike,
        *,
        trajectories: int = 1024,
        dt: float = 1e-12,
        seed: int | None = None,
        num_threads: int | None = None,
    ) -> npt.NDArray[np.float32]:
        """Return simulated moments themselves, at given times of the same trajectories.

        Parameters
        ----------
        overdrive : float
            Current over critical current.
        times : array_like of shape (n,)
            In second, ascending, >= 0; time 0 is the initial state.
        trajectories, dt, seed, num_threads
            As for `p_switch`, whose trajectories these are; a seed that is drawn is not reported.

        Returns
        -------
        ndarray
            (n, trajectories, 3) float32, unit vectors; they start near (0, 0, 1).

        Raises
        ------
        InvalidArgument
            If an argument is outside its range.

        Examples
        --------
        >>> from nonideal.hardware import cram
        >>> m = cram.Macrospin(60.0).sample(3.0, [0.0, 2e-9, 6e-9], trajectories=1000, seed=1)
        >>> m.shape, m[:, :, 2].mean(axis=1, dtype=float).round(1).tolist()
        ((3, 1000, 3), [1.0, 0.4, -1.0])
        """
        _, moments = _core.cram.run_macrospins(
            self._core(),
            check_number("overdrive", overdrive),
            np.atleast_1d(_durations("times", times, positive=False)),
            check_integer("trajectories", trajectories, 1),
            max_step=self._step(dt, overdrive),
            seed=resolve_seed(seed),
            num_threads=check_threads(num_threads),
            states=True,
        )
        assert moments is not None  # states=True
        return moments

    def p_switch_exact(self, overdrive: float, pulse_duration: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return (P, 1 - P) of switching without a random number, from the Fokker-Planck equation.

        Parameters
        ----------
        overdrive : float
            Current over critical current.
        pulse_duration : array_like of any shape
            In second, > 0.

        Returns
        -------
        tuple of ndarray
            Two float64 arrays of the shape of ``pulse_duration``, each within 1e-9 absolute, usually 1e-13.

        Raises
        ------
        InvalidArgument
            If an argument is outside its range, or ``delta (1 + |overdrive|)`` is above 5000.
        NumericalError
            If the accuracy was not reached.

        Notes
        -----
        The height u = cos(theta) is a Markov process of its own. Its density p obeys, in units of
        `characteristic_time` and with i = overdrive (1 + field_like damping),
        ``dp/ds = d/du {(1 - u^2) [(i - u) p + (1 / (2 delta)) dp/du]}`` (Brown 1963). Expanded in Legendre
        polynomials it is a system of linear equations with five diagonals, solved by a matrix exponential.

        Examples
        --------
        >>> from nonideal.hardware import cram
        >>> switched, held = cram.Macrospin(60.0).p_switch_exact(3.0, [2e-9, 4e-9, 8e-9])
        >>> [f"{p:.3g}" for p in held]
        ['0.743', '0.0195', '4.2e-06']
        """
        overdrive = check_number("overdrive", overdrive)
        durations = _durations("pulse_duration", pulse_duration, positive=True, any_shape=True)
        drive = overdrive * (1.0 + self.field_like * self.damping)
        size = self.delta * (1.0 + abs(drive))
        if size > _LARGEST_SIZE:
            raise InvalidArgument(f"delta * (1 + |overdrive|) = {size:g} is above {_LARGEST_SIZE:g}")
        # The narrowest density, exp(-2 size (1 + u)), has coefficients that fall as exp(-n^2 / (4 size)).
        modes = 32 + math.ceil(12.0 * math.sqrt(size))
        return _solve_fokker_planck(self.delta, drive, durations / self.characteristic_time, modes)

    @property
    def _barrier(self) -> float:
        """Delta k_B T, in joule."""
        return float(self.delta * constants.k * self.temperature)

    def _core(self) -> _core.cram.Macrospin:
        return _core.cram.Macrospin(
            delta=self.delta,
            damping=self.damping,
            anisotropy_field=self.anisotropy_field,
            field_like=self.field_like,
        )

    def _step(self, dt: float, overdrive: float) -> float:
        """Return the time step, refused where the scheme would not be accurate."""
        longest = _core.cram.longest_macrospin_step(self._core(), overdrive)
        step = check_positive("dt", dt)
        if step > longest:
            raise InvalidArgument(f"dt = {dt} is outside (0, {longest:.3g}] s")
        return step

    def _count(
        self,
        overdrive: float,
        durations: FloatArray,
        trajectories: int,
        dt: float,
        seed: int,
        stream: int,
        num_threads: int | None,
        label: str,
    ) -> npt.NDArray[np.int64]:
        """Return how many trajectories have switched after each of the ascending durations."""
        spin, step, threads = self._core(), self._step(dt, overdrive), check_threads(num_threads)
        steps = max(1.0, float(durations[-1]) / step)
        chunk = max(1024, round(_CHUNK_STEPS / steps))
        starts = range(0, trajectories, chunk)
        counts = np.zeros(len(durations), dtype=np.int64)
        with progress_bar(label, len(starts), show=steps * trajectories > _LONG_STEPS) as advance:
            for first in starts:
                counts += _core.cram.run_macrospins(
                    spin,
                    overdrive,
                    durations,
                    min(chunk, trajectories - first),
                    max_step=step,
                    seed=seed,
                    stream=stream,
                    first_trajectory=first,
                    num_threads=threads,
                )[0]
                advance()
        return counts


def _durations(name: str, values: ArrayLike, *, positive: bool, any_shape: bool = False) -> FloatArray:
    """Return times as an array; all > 0, or ascending from >= 0."""
    times = check_finite(name, values)
    if not any_shape and times.ndim > 1:
        raise InvalidArgument(f"{name} has shape {times.shape}; a number or one row is needed")
    if times.size == 0:
        raise InvalidArgument(f"{name} is empty")
    for index, time in enumerate(times.ravel()):
        if time < 0.0 or (positive and time == 0.0):
            place = f"[{index}]" if times.ndim else ""
            raise InvalidArgument(f"{name}{place} = {time} is not {'> 0' if positive else '>= 0'}")
    if not positive and np.any(np.diff(np.atleast_1d(times)) < 0.0):
        raise InvalidArgument(f"{name} is not ascending")
    return times


def _solve_fokker_planck(
    delta: float, drive: float, times: FloatArray, modes: int
) -> tuple[FloatArray, FloatArray]:
    """Return P(u < 0) and P(u > 0) at times in units of the characteristic time."""
    n = np.arange(modes + 1.0)  # one more than kept, so that products with u are not cut short
    norm = 2.0 / (2 * n + 1)  # integral of P_n^2
    # u P_n = ((n + 1) P_(n+1) + n P_(n-1)) / (2 n + 1)
    times_u = np.diag((n[:-1] + 1) / (2 * n[:-1] + 1), -1) + np.diag(n[1:] / (2 * n[1:] + 1), 1)
    drift = drive * np.eye(modes + 1) - times_u
    # (1 - u^2) P_n' = n (n + 1) / (2 n + 1) (P_(n-1) - P_(n+1)), tested against the drift
    weight = n * (n + 1) / (2 * n + 1)
    test = np.diag(weight[1:] * norm[:-1], -1) - np.diag(weight[:-1] * norm[1:], 1)
    generator = (-(test @ drift) / norm[:, None] - np.diag(n * (n + 1) / (2 * delta)))[:modes, :modes]

    # The start: exp(delta u^2) on u > 0, projected by Gauss's rule on that half.
    roots, weights = legendre.leggauss(2 * modes)
    nodes = 0.5 * (roots + 1.0)
    start = weights * np.exp(delta * (nodes**2 - 1.0))
    p: FloatArray = legendre.legvander(nodes, modes - 1).T @ (start / start.sum()) / norm[:modes]
    # Integrals of P_n over [-1, 0] and [0, 1]; together they vanish but for n = 0.
    at_zero = special.eval_legendre(n, 0.0)
    below = np.concatenate([[1.0], 0.5 * (at_zero[2:] - at_zero[:-2]) * norm[1:modes]])
    above = np.concatenate([[1.0], -below[1:]])

    results = np.empty((2, times.size))
    now = 0.0
    for index in np.argsort(times.ravel(), kind="stable"):
        time = times.ravel()[index]
        if time > now:
            p = linalg.expm(generator * (time - now)) @ p
            now = time
        results[:, index] = below @ p, above @ p
        # Probability is kept exactly; what is left in the last mode shows what was cut off.
        if not abs(p[-1]) <= _ACCURACY or not np.all(np.abs(results[:, index] - 0.5) <= 0.5 + _ACCURACY):
            raise NumericalError(
                f"the Fokker-Planck equation was not solved to {_ACCURACY:g} for delta = {delta:g}, "
                f"overdrive {drive:g} and {time:g} characteristic times"
            )
    switched, held = np.clip(results, 0.0, 1.0).reshape(2, *times.shape)
    return switched, held
