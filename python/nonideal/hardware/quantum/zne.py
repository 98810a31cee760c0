"""Zero-noise extrapolation: run a circuit with more noise, and read off what it would say with none.

[Temme, Bravyi and Gambetta, Phys. Rev. Lett. 119, 180509 (2017); Li and Benjamin, Phys. Rev. X 7, 021050
(2017); folding: Giurgica-Tiron et al., IEEE QCE (2020)]. It removes bias and pays in variance.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from nonideal import _core
from nonideal.checks import (
    check_boolean,
    check_choice,
    check_extended,
    check_finite,
    check_int32,
    check_integer,
    check_iterable,
    check_number,
    check_threads,
    shown,
)
from nonideal.errors import InvalidArgument
from nonideal.estimate import Estimate
from nonideal.hardware.quantum.circuit import Circuit, as_circuit
from nonideal.hardware.quantum.noise import NoiseModel, check_noise
from nonideal.hardware.quantum.observable import Observable, Term, parse_observable
from nonideal.hardware.quantum.simulator import Simulator, check_simulator

__all__ = [
    "CROSSINGS",
    "EXTRAPOLATORS",
    "FOLDS",
    "REALIZATIONS",
    "ZNE",
    "ErrorBudget",
    "ZNEEstimate",
]

FloatArray = npt.NDArray[np.float64]

ExtrapolatorName = Literal["linear", "polynomial", "richardson", "exponential", "poly_exponential"]
EXTRAPOLATORS: tuple[str, ...] = _core.quantum.EXTRAPOLATORS
FoldName = Literal["gate", "global"]
FOLDS: tuple[str, ...] = _core.quantum.FOLDS
Realization = Literal["auto", "channel", "circuit"]
REALIZATIONS: tuple[Realization, ...] = ("auto", "channel", "circuit")
Crossing = Literal["error", "raw"]
CROSSINGS: tuple[Crossing, ...] = ("error", "raw")

_MANY_NODES = 6  # above them Richardson's weights alternate in the hundreds


@dataclass(frozen=True, eq=False, kw_only=True)
class ZNEEstimate(Estimate):
    """An extrapolated expectation; what `ZNE.expectation` returns.

    Parameters
    ----------
    value, standard_error, samples
        As in `nonideal.Estimate`; ``samples`` are the shots at each scale. The standard error is that of the
        shots alone: it knows nothing of the bias that the extrapolation leaves (see `ZNE.error_budget`).
    scales : tuple of float
        The noise scales that were realised.
    by_scale, standard_error_by_scale : (n_scales, ...) float64
        The expectation at every scale.
    realization : {"channel", "circuit"}
        Whether noise was scaled as a power of every channel, or by folded circuits.
    variance_factor : float or array
        By what the extrapolation multiplies a variance that is alike at all scales: the sum of the squared
        derivatives of the value by the values at the scales.
    crossed : bool or array
        True where no exponential existed and the value is that of the smallest scale (``on_crossing="raw"``).
    """

    scales: tuple[float, ...]
    by_scale: FloatArray
    standard_error_by_scale: FloatArray
    realization: str
    variance_factor: Any
    crossed: Any


@dataclass(frozen=True, eq=False)
class ErrorBudget:
    """Where the error of an extrapolated expectation comes from; what `ZNE.error_budget` returns.

    Parameters
    ----------
    noiseless : float or array
        What an ideal machine would give.
    noisy, extrapolated : float or array
        The exact noisy expectation, and what the exact expectations at all scales extrapolate to.
    noisy_variance, variance : float or array
        Variance by shots: unmitigated, with all the shots that the extrapolation takes, and extrapolated.
    shots : int or None
        In all scales together; None: exact.

    Examples
    --------
    >>> from nonideal.hardware import quantum
    >>> ErrorBudget(1.0, 0.9, 0.99, 1e-4, 5e-4, 3000).break_even_shots
    122
    """

    noiseless: Any
    noisy: Any
    extrapolated: Any
    noisy_variance: Any
    variance: Any
    shots: int | None

    @property
    def noisy_bias(self) -> Any:
        """What noise changes: noisy minus noiseless."""
        return self.noisy - self.noiseless

    @property
    def bias(self) -> Any:
        """What the extrapolation leaves of it: extrapolated minus noiseless."""
        return self.extrapolated - self.noiseless

    @property
    def noisy_error(self) -> Any:
        """Root of the mean squared error without mitigation."""
        return np.sqrt(np.square(self.noisy_bias) + self.noisy_variance)

    @property
    def error(self) -> Any:
        """Root of the mean squared error with it."""
        return np.sqrt(np.square(self.bias) + self.variance)

    @property
    def break_even_shots(self) -> Any:
        """Shots in all from which the extrapolation is closer than the same shots without; infinity if never.

        Both variances fall as 1 / shots; the biases stay.
        """
        if self.shots is None:
            raise InvalidArgument("shots = None: without shots there is no number to break even at")
        gain = np.square(self.noisy_bias) - np.square(self.bias)
        price = np.asarray((self.variance - self.noisy_variance) * self.shots)
        with np.errstate(divide="ignore", invalid="ignore"):
            shots = np.where(gain > 0, np.ceil(np.maximum(price, 1.0) / gain), math.inf)
        shots = np.where((price <= 0) & (gain >= 0), 1.0, shots)
        if shots.ndim:
            return shots
        return int(shots) if math.isfinite(shots) else math.inf


@dataclass(frozen=True)
class ZNE:
    """How a circuit's noise is scaled, and how its results are extrapolated to none.

    Parameters
    ----------
    scales : sequence of float
        Noise scales, >= 1 and different from one another; 1 is the circuit as it is.
    fold : {"gate", "global"}
        What is repeated to get more noise: every gate, G -> G (G^-1 G)^k, or the circuit as a whole. They are
        different noise.
    extrapolator : str
        ``"linear"``, ``"polynomial"`` (of ``order``), ``"richardson"`` (the polynomial through all points),
        ``"exponential"`` (a + b exp(-c s)) or ``"poly_exponential"`` (a +- exp of a polynomial of ``order``).
    order : int
        Of ``"polynomial"`` and ``"poly_exponential"``.
    asymptote : float or None
        a, what the result decays to: 0.5 for the probability of one qubit, 0 for a Pauli string. None lets
        ``"exponential"`` fit it, which takes three scales or more and a lot of variance.
    realization : {"auto", "channel", "circuit"}
        ``"channel"`` runs the same circuit with every channel to the power of the scale, which is the same
        thing as folding all gates, at a fraction of the cost, where every channel commutes with its gate and
        is its inverse's, too (depolarising noise on just the gate's qubits, for one). It takes any scale, and
        is refused elsewhere. ``"circuit"`` folds literally. ``"auto"`` takes the channel where it is exact.
    fold_gates : names of gates, or None
        Fold these alone (``{"cx"}``); a scale then is theirs.
    clip : bool
        Clip to the range of what is measured. Clipping biases.
    on_crossing : {"error", "raw"} or None
        Where no exponential exists (values on both sides of the asymptote, or none that decays as they do):
        NumericalError, or the value at the smallest scale with a flag. None: an error, but in a
        `DistanceEstimator`, where one pair of millions should not end a search, the value; they are counted.

    Raises
    ------
    InvalidArgument
        If an argument is not one of these, a scale is below 1 or there twice, or there are fewer scales than
        the curve has parameters.

    Notes
    -----
    A literal fold has whole gates: scale s becomes 1 + 2 f / N with f the whole number nearest to
    (s - 1) N / 2, N the number of gates. What does not go round goes to a random subset of gates, drawn with
    the simulator's seed (``fold="gate"``), or to the last ones (``"global"``), with a warning: that makes s
    times the noise only where all gates have the same. Values are extrapolated at the scales realised.

    Least squares are weighted by the variances of the shots; exponentials with a fixed asymptote as straight
    lines in the logarithm, by the delta method.

    Examples
    --------
    >>> from nonideal.hardware import quantum
    >>> bell = quantum.Circuit(2).h(0).cx(0, 1)
    >>> sim = quantum.Simulator(quantum.NoiseModel.depolarizing(p1=1e-3, p2=1e-2), seed=7)
    >>> round(sim.expectation(bell, "X0 X1").value, 4)
    0.989
    >>> mitigated = quantum.ZNE().expectation(sim, bell, "X0 X1")
    >>> round(mitigated.value, 6), mitigated.realization, mitigated.variance_factor
    (0.999997, 'channel', 5.21875)
    >>> measured = quantum.ZNE(extrapolator="linear").expectation(sim, bell, "X0 X1", shots=4096)
    >>> abs(measured.value - 1) < 5 * measured.standard_error
    True
    """

    scales: tuple[float, ...] = (1.0, 3.0, 5.0)
    fold: FoldName = "gate"
    extrapolator: ExtrapolatorName = "richardson"
    order: int = 1
    asymptote: float | None = None
    realization: Realization = "auto"
    fold_gates: tuple[str, ...] | None = field(default=None)
    clip: bool = False
    on_crossing: Crossing | None = None

    if TYPE_CHECKING:

        def __init__(
            self,
            scales: Sequence[float] = (1.0, 3.0, 5.0),
            fold: FoldName = "gate",
            extrapolator: ExtrapolatorName = "richardson",
            order: int = 1,
            asymptote: float | None = None,
            realization: Realization = "auto",
            fold_gates: Iterable[str] | None = None,
            clip: bool = False,
            on_crossing: Crossing | None = None,
        ) -> None: ...

    def __post_init__(self) -> None:
        numbers = tuple(
            check_number(f"scales[{i}]", s) for i, s in enumerate(check_iterable("scales", self.scales))
        )
        object.__setattr__(self, "scales", numbers)
        check_choice("fold", self.fold, FOLDS)
        check_choice("extrapolator", self.extrapolator, EXTRAPOLATORS)
        object.__setattr__(self, "order", check_int32("order", self.order))
        if self.asymptote is not None:
            object.__setattr__(self, "asymptote", check_number("asymptote", self.asymptote))
        check_choice("realization", self.realization, REALIZATIONS)
        if self.on_crossing is not None:
            check_choice("on_crossing", self.on_crossing, CROSSINGS)
        check_boolean("clip", self.clip)
        if self.fold_gates is not None:
            object.__setattr__(self, "fold_gates", self._checked_gates(self.fold_gates))
        self._native().check(list(self.scales))
        if self.extrapolator == "richardson" and len(numbers) > _MANY_NODES:
            warnings.warn(
                f"Richardson extrapolation through {len(numbers)} scales multiplies the variance by "
                f"{sum(w * w for w in self._native().linear_weights(list(numbers))):.3g}",
                stacklevel=3,
            )

    def _checked_gates(self, names: Any) -> tuple[str, ...]:
        foldable = [gate for gate in _GATES if gate != "barrier"]
        given = [names] if isinstance(names, str) else check_iterable("fold_gates", names)
        gates = [check_choice("fold_gates", name, foldable) for name in given]
        if not gates:
            raise InvalidArgument("fold_gates: none given; None folds all gates")
        if self.fold == "global":
            raise InvalidArgument("fold_gates: fold = 'global' repeats the whole circuit")
        return tuple(sorted(set(gates)))

    def _native(
        self, bounds: tuple[float, float] = (-math.inf, math.inf), crossing: Crossing = "error"
    ) -> _core.quantum.Extrapolator:
        lowest, highest = bounds if self.clip else (-math.inf, math.inf)
        return _core.quantum.Extrapolator(
            self.extrapolator,
            self.order,
            self.asymptote,
            lowest,
            highest,
            (self.on_crossing or crossing) == "raw",
        )

    # ---- extrapolation alone ----

    def extrapolate(
        self,
        values: npt.ArrayLike,
        variances: npt.ArrayLike | None = None,
        *,
        bounds: tuple[float, float] = (0.0, 1.0),
        num_threads: int | None = None,
    ) -> tuple[Any, Any]:
        """Return value and variance at scale 0 of numbers at `scales`, along axis 0.

        Parameters
        ----------
        values : (n_scales, ...) float64
            Such as probabilities.
        variances : (n_scales, ...) float64, or None
            Of the values, >= 0; None: exact values, all of the same weight.
        bounds : (lowest, highest)
            What ``clip=True`` clips to.
        num_threads : int or None
            Results don't depend on it.

        Returns
        -------
        value, variance : (...) float64, or floats
            The variance is by the delta method; 0 without variances.

        Raises
        ------
        InvalidArgument
            If a shape does not fit, a value is not finite or a variance negative.
        NumericalError
            If no exponential exists and ``on_crossing`` is not ``"raw"``.

        Examples
        --------
        >>> from nonideal.hardware import quantum
        >>> quantum.ZNE(extrapolator="linear", scales=(1, 3)).extrapolate([0.75, 0.25], [1e-4, 1e-4])
        (1.0, 0.00025)
        """
        ends = list(check_iterable("bounds", bounds))
        if len(ends) != 2:
            raise InvalidArgument(f"bounds = {shown(bounds)} are not two numbers")
        low, high = (check_extended(f"bounds[{i}]", end) for i, end in enumerate(ends))
        value, variance, _, _ = self._extrapolate(self.scales, values, variances, (low, high), num_threads)
        return value, variance

    def _extrapolate(
        self,
        scales: Sequence[float],
        values: npt.ArrayLike,
        variances: npt.ArrayLike | None,
        bounds: tuple[float, float],
        num_threads: int | None = None,
    ) -> tuple[Any, Any, Any, Any]:
        """Return value, variance, variance factor and flags at scale 0."""
        y = check_finite("values", values)
        if y.ndim == 0 or len(y) != len(scales):
            raise InvalidArgument(f"values: shape {y.shape} does not begin with {len(scales)} scales")
        spread = None
        if variances is not None:
            spread = check_finite("variances", variances)
            if spread.shape != y.shape:
                raise InvalidArgument(f"variances: shape {spread.shape} is not that of values, {y.shape}")
            spread = np.ascontiguousarray(spread.reshape(len(y), -1))
        found = self._native(bounds).extrapolate(
            list(scales),
            np.ascontiguousarray(y.reshape(len(y), -1)),
            spread,
            check_threads(num_threads),
        )
        if y.ndim == 1:
            value, variance, factor, crossed = (column[0].item() for column in found)
        else:
            value, variance, factor, crossed = (column.reshape(y.shape[1:]) for column in found)
        return value, variance, factor, crossed

    # ---- circuits ----

    def obstacle(self, circuit: Circuit | Any, noise: NoiseModel) -> str:
        """Return why ``realization="channel"`` is not the same as folding; empty where it is.

        Examples
        --------
        >>> from nonideal.hardware import quantum
        >>> noise = quantum.NoiseModel().add(quantum.Channel.amplitude_damping(0.1), "h")
        >>> quantum.ZNE().obstacle(quantum.Circuit(1).h(0), noise)
        "the channel of 'h' does not commute with it"
        """
        return _core.quantum.channel_obstacle(
            as_circuit(circuit)._native,
            check_noise("noise", noise)._native,
            list(self.scales),
            self.fold,
            list(self.fold_gates or ()),
        )

    def expectation(
        self,
        simulator: Simulator,
        circuit: Circuit | Any,
        observable: Observable,
        shots: int | None = None,
        parameters: npt.ArrayLike | None = None,
        stream: int = 0,
    ) -> ZNEEstimate:
        """Return an expectation, extrapolated to no noise.

        Parameters
        ----------
        simulator : Simulator
            With the noise at scale 1. Readout errors are not scaled, and so not extrapolated away.
        circuit, observable, parameters
            As in `Simulator.expectation`.
        shots : int or None
            At each scale; None: exact.
        stream : int
            Another one gives fresh random numbers: scale i draws from the simulator's stream
            ``stream * n_scales + i``.

        Raises
        ------
        InvalidArgument
            If ``realization="channel"`` is not exact here; gate and reason are named. Also what
            `Simulator.expectation` and `Circuit.folded` refuse.
        NumericalError
            If no exponential exists and ``on_crossing`` is not ``"raw"``.
        """
        circuit = as_circuit(circuit)
        terms = parse_observable(observable, circuit.n_qubits)
        stream = check_integer("stream", stream, 0, 64)
        realization, runs = self._runs(simulator, circuit)
        found = [
            machine.expectation(more, observable, shots, stream=stream * len(runs) + i, parameters=parameters)
            for i, (_, machine, more) in enumerate(runs)
        ]
        scales = tuple(scale for scale, _, _ in runs)
        by_scale = np.array([estimate.value for estimate in found])
        errors = np.array([estimate.standard_error for estimate in found])
        value, variance, factor, crossed = self._extrapolate(
            scales,
            by_scale,
            None if shots is None else np.square(errors),
            _bounds(terms),
            simulator.num_threads,
        )
        return ZNEEstimate(
            value,
            np.sqrt(variance) if np.ndim(variance) else math.sqrt(variance),
            shots,
            scales=scales,
            by_scale=by_scale,
            standard_error_by_scale=errors,
            realization=realization,
            variance_factor=factor,
            crossed=crossed,
        )

    def error_budget(
        self,
        simulator: Simulator,
        circuit: Circuit | Any,
        observable: Observable,
        shots: int | None = None,
        parameters: npt.ArrayLike | None = None,
    ) -> ErrorBudget:
        """Return bias and variance, with and without mitigation, from exact expectations.

        Nothing is drawn; the circuit must be small enough for exact results with and without noise. Biases
        include those of reading, variances are what ``shots`` (at each scale) will give.

        Examples
        --------
        >>> from nonideal.hardware import quantum
        >>> bell = quantum.Circuit(2).h(0).cx(0, 1)
        >>> sim = quantum.Simulator(quantum.NoiseModel.depolarizing(p1=1e-3, p2=1e-2), seed=7)
        >>> budget = quantum.ZNE().error_budget(sim, bell, "X0 X1", shots=1000)
        >>> bool(abs(budget.bias) < 1e-4 < 1e-2 < abs(budget.noisy_bias)), budget.break_even_shots > 3000
        (True, True)
        """
        circuit = as_circuit(circuit)
        terms = parse_observable(observable, circuit.n_qubits)
        if shots is not None:
            shots = check_integer("shots", shots, 1)
        _, runs = self._runs(simulator, circuit)
        noisy = _moments(simulator, circuit, terms, parameters)
        moments = [_moments(machine, more, terms, parameters) for _, machine, more in runs]
        values, spreads = (np.array(column) for column in zip(*moments, strict=True))
        ideal, _ = _moments(simulator.with_noise(None), circuit, terms, parameters)
        scales = tuple(scale for scale, _, _ in runs)
        variances = None if shots is None else spreads / shots
        value, variance, _, _ = self._extrapolate(scales, values, variances, _bounds(terms))
        total = None if shots is None else shots * len(runs)
        spread = noisy[1] * 0.0 if total is None else noisy[1] / total
        return ErrorBudget(ideal, noisy[0], value, spread, variance, total)

    def _runs(
        self, simulator: Simulator, circuit: Circuit
    ) -> tuple[str, list[tuple[float, Simulator, Circuit]]]:
        """Return the realization, and realised scale, simulator and circuit of every run."""
        noise = check_simulator(simulator).noise
        if self.realization != "circuit":
            problem = self.obstacle(circuit, noise)
            if not problem:
                return "channel", [
                    (s, simulator.with_noise(noise._scaled_in(circuit, s)), circuit) for s in self.scales
                ]
            if self.realization == "channel":
                raise InvalidArgument(f"realization = 'channel' is not exact: {problem}")
        realised = _core.quantum.realized_scales(
            circuit._native, list(self.scales), self.fold, list(self.fold_gates or ())
        )
        self._warn_of_uneven_folds()
        return "circuit", [
            (scale, simulator, circuit.folded(s, self.fold, simulator.seed, self.fold_gates))
            for s, scale in zip(self.scales, realised, strict=True)
        ]

    def _warn_of_uneven_folds(self) -> None:
        """Say that a literal fold between the odd scales repeats some gates and not others."""
        for i, scale in enumerate(self.scales):
            if scale % 2.0 != 1.0:
                chosen = "a random subset of the gates is" if self.fold == "gate" else "the last gates are"
                warnings.warn(
                    f"scales[{i}] = {scale:g}: {chosen} folded once more, which is {scale:g} times the noise "
                    "only where all gates have the same; odd scales fold all alike",
                    stacklevel=4,
                )
                return


_GATES = tuple(name for name, *_ in _core.quantum.gate_table())


def _bounds(terms: Sequence[Term]) -> tuple[float, float]:
    """Return the range of an observable's expectation as far as its coefficients tell it."""
    constant = sum(coefficient for coefficient, x, z in terms if not x | z)
    reach = sum(abs(coefficient) for coefficient, x, z in terms if x | z)
    return constant - reach, constant + reach


def _moments(
    simulator: Simulator, circuit: Circuit, terms: Sequence[Term], parameters: npt.ArrayLike | None
) -> tuple[Any, Any]:
    """Return an exact expectation, and its variance for one shot of every product of Pauli matrices."""
    measured = [(coefficient, (x, z)) for coefficient, x, z in terms if x | z]
    averages = simulator._averages(circuit, [pauli for _, pauli in measured], parameters)
    mean = np.full(len(averages), sum((coefficient for coefficient, x, z in terms if not x | z), 0.0))
    variance = np.zeros(len(averages))
    for (coefficient, _), average in zip(measured, averages.T, strict=True):
        mean += coefficient * average
        variance += coefficient**2 * (1.0 - average**2)
    return (mean, variance) if parameters is not None else (float(mean[0]), float(variance[0]))
