"""Switching curves from measurements: how often a junction switched, at which voltage."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import partial
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special

from nonideal.checks import FloatArray, check_choice, check_finite, check_positive
from nonideal.errors import ConvergenceError, InvalidArgument
from nonideal.hardware.cram.sigmoid import SigmoidSwitching
from nonideal.hardware.cram.switching import DIRECTIONS, Direction, ThermalSwitching

__all__ = ["SwitchingFamily", "SwitchingFit", "fit_switching"]

SwitchingFamily: TypeAlias = Literal["thermal", "logistic", "gaussian"]

_LOG_LN2 = math.log(math.log(2.0))


@dataclass(frozen=True, eq=False)
class SwitchingFit:
    """A switching curve fitted by `fit_switching`.

    Attributes
    ----------
    model : ThermalSwitching or SigmoidSwitching
        The fitted model; the direction that was not measured has the same curve.
    parameters : mapping
        ``"slope"`` (dimensionless) and ``"v50"`` (volt) of the thermal family, ``"v50"`` and ``"width"``
        (volt) of the others.
    standard_errors : mapping
        Of each parameter, in its unit.
    covariance : ndarray of shape (2, 2)
        Of the parameters, in their order.
    deviance : float
        Twice the log-likelihood ratio to the observed fractions. A curve that fits has about as much as there
        are voltages, less two.
    family : str
        As given.
    direction : str
        As given.
    """

    model: ThermalSwitching | SigmoidSwitching
    parameters: Mapping[str, float]
    standard_errors: Mapping[str, float]
    covariance: FloatArray
    deviance: float
    family: str
    direction: str

    def __post_init__(self) -> None:
        for name in ("parameters", "standard_errors"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        covariance = np.array(self.covariance)
        covariance.flags.writeable = False
        object.__setattr__(self, "covariance", covariance)

    def __reduce__(self) -> tuple[Any, ...]:
        # A mappingproxy cannot be pickled, and arrays come back writeable: rebuild from the fields.
        values: dict[str, Any] = {
            f.name: dict(value) if isinstance(value := getattr(self, f.name), Mapping) else value
            for f in fields(self)
        }
        return partial(type(self), **values), ()


def fit_switching(
    voltage: ArrayLike,
    switched: ArrayLike,
    trials: ArrayLike,
    *,
    family: SwitchingFamily = "thermal",
    direction: Direction = "P->AP",
    pulse_duration: float,
) -> SwitchingFit:
    """Fit a switching curve to counts, by maximum binomial likelihood.

    Parameters
    ----------
    voltage : array_like of shape (points,)
        Over the junction, in volt, positive in the sense that drives ``direction``.
    switched : array_like of shape (points,)
        How many pulses switched.
    trials : array_like of shape (points,) or integer
        How many pulses there were, >= 1.
    family : {"thermal", "logistic", "gaussian"}
        ``P = 1 - exp(-ln 2 exp(slope (V / V50 - 1)))``, or a sigmoid as in `SigmoidSwitching`.
    direction : {"P->AP", "AP->P"}
        What was measured.
    pulse_duration : float
        Of the measurement, in second, > 0.

    Returns
    -------
    SwitchingFit
        Model, parameters and their covariance (inverse of the observed information, so it holds for many
        trials).

    Raises
    ------
    InvalidArgument
        If shapes or counts don't fit, or the data cannot determine the curve: fewer than two voltages, every
        or no pulse switched, a voltage that separates those that did from those that did not (every steep
        enough curve then fits alike), fractions that do not rise with the voltage.
    ConvergenceError
        If the likelihood's maximum was not found.

    Examples
    --------
    >>> from nonideal.hardware import cram
    >>> fit = cram.fit_switching([0.36, 0.38, 0.40, 0.42], [41, 146, 509, 953], 1000, pulse_duration=1e-3)
    >>> {name: f"{fit.parameters[name]:.4g} +- {fit.standard_errors[name]:.1g}" for name in fit.parameters}
    {'slope': '29.18 +- 0.8', 'v50': '0.3997 +- 0.0004'}
    """
    link = _LINKS[check_choice("family", family, get_args(SwitchingFamily))]
    check_choice("direction", direction, DIRECTIONS)
    pulse_duration = check_positive("pulse_duration", pulse_duration)
    volts, hits, misses = _checked_counts(voltage, switched, trials)
    center, spread = float(volts.mean()), float(volts.std())
    design = np.stack([np.ones_like(volts), (volts - center) / spread], axis=-1)

    def loss(beta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """Negative log-likelihood, gradient and Hessian: convex in beta for all three families."""
        (p, dp, ddp), (q, dq, ddq) = link(design @ beta)
        gradient = -design.T @ (hits * dp + misses * dq)
        hessian = -(design.T * (hits * ddp + misses * ddq)) @ design
        return -float(hits @ p + misses @ q), gradient, hessian

    found = optimize.minimize(
        lambda beta: loss(beta)[:2],
        np.array([0.0, 1.0]),
        jac=True,
        hess=lambda beta: loss(beta)[2],
        method="trust-exact",
        options={"gtol": 1e-10 * float((hits + misses).sum()), "maxiter": 500},
    )
    value, gradient, hessian = loss(found.x)
    step = np.linalg.solve(hessian, gradient)
    if not np.all(np.abs(step) <= 1e-6 * (1.0 + np.abs(found.x))):
        raise ConvergenceError(f"the likelihood of the {family} curve has no maximum that could be found")
    beta = found.x - step
    rise = float(beta[1]) / spread
    if not rise > 0.0:
        raise InvalidArgument("switched: the fraction of pulses that switched does not rise with the voltage")
    base = float(beta[0]) - rise * center  # the curve is F(base + rise V)
    to_line = np.array([[1.0, -center / spread], [0.0, 1.0 / spread]])  # beta to (base, rise)
    covariance = to_line @ np.linalg.inv(hessian) @ to_line.T
    names: tuple[str, str]
    model: ThermalSwitching | SigmoidSwitching
    if family == "thermal":
        names, slope = ("slope", "v50"), _LOG_LN2 - base
        v50 = slope / rise
        jacobian = np.array([[-1.0, 0.0], [-1.0 / rise, -v50 / rise]])
        values = (slope, v50)
    else:
        names, v50 = ("v50", "width"), -base / rise
        jacobian = np.array([[-1.0 / rise, -v50 / rise], [0.0, -1.0 / rise**2]])
        values = (v50, 1.0 / rise)
    if not v50 > 0.0:
        raise InvalidArgument(f"voltage: the fitted curve has its midpoint at {v50:.4g} V, which is not > 0")
    if family == "thermal":
        model = ThermalSwitching.from_slope(slope, v50, pulse_duration=pulse_duration)
    else:
        model = SigmoidSwitching(v50, v50, values[1], family=family)
    covariance = jacobian @ covariance @ jacobian.T
    covariance = 0.5 * (covariance + covariance.T)
    errors = np.sqrt(np.diagonal(covariance))
    saturated = float(
        np.sum(special.xlogy(hits, hits / (hits + misses)) + special.xlogy(misses, misses / (hits + misses)))
    )
    return SwitchingFit(
        model=model,
        parameters=dict(zip(names, values, strict=True)),
        standard_errors=dict(zip(names, errors.tolist(), strict=True)),
        covariance=covariance,
        deviance=max(2.0 * (saturated + value), 0.0),
        family=family,
        direction=direction,
    )


def _checked_counts(
    voltage: ArrayLike, switched: ArrayLike, trials: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return voltages, pulses that switched and pulses that did not, or refuse what determines no curve."""
    volts, hits, total = (
        check_finite(name, values)
        for name, values in (("voltage", voltage), ("switched", switched), ("trials", trials))
    )
    if volts.ndim != 1:
        raise InvalidArgument(f"voltage has shape {volts.shape}, not (points,)")
    if total.ndim == 0:
        total = np.full(volts.shape, float(total))
    for name, values in (("switched", hits), ("trials", total)):
        if values.shape != volts.shape:
            raise InvalidArgument(f"{name} has shape {values.shape}, but voltage has {volts.shape}")
    for i in range(len(volts)):
        if not (total[i] >= 1 and total[i] == math.floor(total[i])):
            raise InvalidArgument(f"trials[{i}] = {total[i]:g} is not a whole number >= 1")
        if not (0 <= hits[i] <= total[i] and hits[i] == math.floor(hits[i])):
            raise InvalidArgument(f"switched[{i}] = {hits[i]:g} is not a whole number in [0, {total[i]:g}]")
    if len(np.unique(volts)) < 2:
        raise InvalidArgument("voltage: fewer than 2 different voltages cannot determine a switching curve")
    did, did_not = volts[hits > 0], volts[hits < total]
    for some, word in ((did, "no pulse"), (did_not, "every pulse")):
        if len(some) == 0:
            raise InvalidArgument(f"switched: {word} switched, which cannot determine a switching curve")
    if did_not.max() <= did.min():
        raise InvalidArgument(
            f"switched: no pulse below {did.min():g} V switched and every one above {did_not.max():g} V did, "
            "so that every steep enough curve fits alike; measure voltages in between"
        )
    if did.max() <= did_not.min():
        raise InvalidArgument("switched: the fraction of pulses that switched does not rise with the voltage")
    return volts, hits, total - hits


class _Logs(NamedTuple):
    """A log-probability with its first and second derivative by the linear predictor."""

    value: FloatArray
    first: FloatArray
    second: FloatArray


def _thermal(eta: FloatArray) -> tuple[_Logs, _Logs]:
    """1 - P = exp(-e^eta)."""
    hazard = np.exp(np.clip(eta, -700.0, 50.0))
    ratio = 1.0 / special.exprel(np.minimum(hazard, 700.0))  # h / (e^h - 1)
    log_switched = np.where(hazard < 1.0, np.log(-np.expm1(-hazard)), np.log1p(-np.exp(-hazard)))
    return _Logs(log_switched, ratio, ratio * (1.0 - hazard - ratio)), _Logs(-hazard, -hazard, -hazard)


def _logistic(eta: FloatArray) -> tuple[_Logs, _Logs]:
    p, q = special.expit(eta), special.expit(-eta)
    return _Logs(special.log_expit(eta), q, -p * q), _Logs(special.log_expit(-eta), -p, -p * q)


def _gaussian(eta: FloatArray) -> tuple[_Logs, _Logs]:
    log_density = -0.5 * np.square(eta) - 0.5 * math.log(2.0 * math.pi)
    log_p, log_q = special.log_ndtr(eta), special.log_ndtr(-eta)
    up, down = np.exp(log_density - log_p), np.exp(log_density - log_q)  # inverse Mills ratios
    return _Logs(log_p, up, -up * (eta + up)), _Logs(log_q, -down, -down * (down - eta))


_LINKS: Mapping[str, Callable[[FloatArray], tuple[_Logs, _Logs]]] = MappingProxyType(
    {"thermal": _thermal, "logistic": _logistic, "gaussian": _gaussian}
)
