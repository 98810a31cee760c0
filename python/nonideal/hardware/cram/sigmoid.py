"""Switching curves that are only fitted, not derived: a logistic or a Gaussian sigmoid of the voltage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from nonideal.checks import FloatArray, check_choice, check_finite, check_positive
from nonideal.hardware.cram.switching import DIRECTIONS, Direction

__all__ = ["SigmoidFamily", "SigmoidSwitching"]

SigmoidFamily: TypeAlias = Literal["logistic", "gaussian"]

#: The logarithm of each family's distribution function. Both are symmetric: log(1 - P) is that of -z.
_LOG_DISTRIBUTION: Mapping[str, Callable[[FloatArray], FloatArray]] = MappingProxyType(
    {"logistic": special.log_expit, "gaussian": special.log_ndtr}
)


@dataclass(frozen=True)
class SigmoidSwitching:
    """An empirical switching curve, ``P = F((V - V50) / width)``.

    Parameters
    ----------
    v50_p_to_ap, v50_ap_to_p : float
        Voltage at which half of the pulses switch, in volt, > 0.
    width : float
        Of the curve, the same in both directions, in volt, > 0: the standard deviation of the Gaussian
        family; the logistic one is ``1 / (1 + exp(-(V - V50) / width))``.
    family : {"logistic", "gaussian"}
        The distribution function F.

    Raises
    ------
    InvalidArgument
        If a voltage is not > 0 and finite, or the family is unknown.

    Notes
    -----
    The curve belongs to the pulse that it was measured with: `log_p` and `v50` take a pulse because every
    switching model does, and do not depend on it. Beyond TMR 2 the families disagree by orders of magnitude
    about gate errors, because no measurement reaches their tails.

    Examples
    --------
    >>> from nonideal.hardware import cram
    >>> model = cram.SigmoidSwitching(0.4, 0.4, 0.0167, family="gaussian")
    >>> log_switched, log_held = model.log_p([0.3, 0.4, 0.5], "P->AP", 1e-3)
    >>> log_switched.round(3).tolist()
    [-20.663, -0.693, -0.0]
    """

    v50_p_to_ap: float
    v50_ap_to_p: float
    width: float
    _: KW_ONLY
    family: SigmoidFamily = "logistic"

    def __post_init__(self) -> None:
        for name in ("v50_p_to_ap", "v50_ap_to_p", "width"):
            object.__setattr__(self, name, check_positive(name, getattr(self, name)))
        check_choice("family", self.family, get_args(SigmoidFamily))

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
            In second, > 0; without influence.

        Returns
        -------
        tuple of ndarray
            Two float64 arrays of the shape of ``voltage``.

        Raises
        ------
        InvalidArgument
            If a voltage is not finite, the pulse is not > 0 or the direction is unknown.
        """
        z = (check_finite("voltage", voltage) - self.v50(direction, pulse_duration)) / self.width
        log_distribution = _LOG_DISTRIBUTION[self.family]
        with np.errstate(under="ignore"):
            return np.asarray(log_distribution(z)), np.asarray(log_distribution(-z))

    def v50(self, direction: Direction, pulse_duration: float) -> float:
        """Return the voltage at which half of the pulses switch, in volt; the pulse has no influence.

        Raises
        ------
        InvalidArgument
            If the pulse is not > 0 or the direction is unknown.
        """
        check_positive("pulse_duration", pulse_duration)
        forward = check_choice("direction", direction, DIRECTIONS) == "P->AP"
        return self.v50_p_to_ap if forward else self.v50_ap_to_p
