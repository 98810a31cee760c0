"""Material laws: stress and tangent as functions of strain.

A law is any callable that takes strain (m, d) and returns stress (m, d) and tangent (m, d, d), all float64 in
Mandel notation, d = 1 (a bar under uniaxial stress), 3 (plane strain) or 6 (three dimensions). Units are the
user's, consistent: newton and metre give pascal, newton and millimetre megapascal.

Sources: W. Ramberg and W. R. Osgood, NACA Technical Note 902 (1943), one dimension; its extension to three by
a total (path-independent) strain is J2 deformation theory, R. Hill, The Mathematical Theory of Plasticity
(1950).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from nonideal.checks import FloatArray, check_finite, check_non_negative, check_number, check_positive
from nonideal.errors import ConvergenceError, InvalidArgument

__all__ = ["DeformationPlasticity", "Law", "LinearElastic", "RambergOsgood", "check_strain"]

Response: TypeAlias = tuple[FloatArray, FloatArray]  # stress (m, d), tangent (m, d, d)

_NORMAL = {3: 2, 6: 3}  # normal components of a Mandel vector: 11, 22 in the plane; 11, 22, 33
_MAX_ITERATIONS = 200
_TOLERANCE = 16 * np.finfo(np.float64).eps


class Law(Protocol):
    """What a material law is: strain (m, d) -> stress (m, d) and tangent (m, d, d), Mandel notation."""

    def __call__(self, strain: FloatArray, /) -> Response:
        """Return stress (m, d) and tangent (m, d, d) at strain (m, d)."""


@dataclass(frozen=True)
class RambergOsgood:
    """Hardening of a bar: strain = stress/E + alpha (stress/E) (|stress|/sig0)^(n - 1).

    Parameters
    ----------
    young : float
        Young's modulus E > 0, in the user's unit of stress.
    reference_stress : float
        sig0 > 0, same unit.
    alpha : float
        Weight of the hardening term, >= 0.
    exponent : float
        n >= 1.

    Raises
    ------
    InvalidArgument
        If a parameter is outside its range.

    Examples
    --------
    >>> from nonideal.physics import mechanics
    >>> law = mechanics.RambergOsgood(young=200e9, reference_stress=250e6, alpha=0.5, exponent=5)
    >>> round(float(law.strain([450e6])[0]), 5)
    0.01406
    >>> round(float(law.stress(law.strain([300e6]))[0]) / 1e6, 9)
    300.0
    """

    young: float
    reference_stress: float
    alpha: float
    exponent: float

    def __post_init__(self) -> None:
        _check_hardening(self)

    def strain(self, stress: ArrayLike) -> FloatArray:
        """Return the strain (m,) at each stress (m,)."""
        sig = _one_dimensional("stress", stress)
        return np.asarray(
            sig
            / self.young
            * (1.0 + self.alpha * (np.abs(sig) / self.reference_stress) ** (self.exponent - 1.0))
        )

    def stress(self, strain: ArrayLike) -> FloatArray:
        """Return the stress (m,) at each strain (m,)."""
        return self._solve(_one_dimensional("strain", strain))[0]

    def tangent(self, strain: ArrayLike) -> FloatArray:
        """Return d stress / d strain (m,) at each strain (m,)."""
        return self._solve(_one_dimensional("strain", strain))[1]

    def __call__(self, strain: FloatArray, /) -> Response:
        """Return stress (m, 1) and tangent (m, 1, 1) at strain (m, 1)."""
        eps = check_strain(strain, (1,), "RambergOsgood")
        stress, tangent = self._solve(eps[:, 0])
        return stress[:, None], tangent[:, None, None]

    def _solve(self, strain: FloatArray) -> tuple[FloatArray, FloatArray]:
        magnitude, slope = _harden(np.abs(strain), self.young, self)
        return np.copysign(magnitude, strain), slope


@dataclass(frozen=True)
class LinearElastic:
    """Isotropic linear elasticity.

    Parameters
    ----------
    young : float
        Young's modulus > 0, in the user's unit of stress.
    poisson : float or None
        Poisson's ratio in (-1, 1/2); a bar needs none.

    Raises
    ------
    InvalidArgument
        If a parameter is outside its range.

    Examples
    --------
    >>> import numpy as np
    >>> from nonideal.physics import mechanics
    >>> stress, tangent = mechanics.LinearElastic(young=200.0, poisson=0.25)(np.array([[0.01, 0.0, 0.0]]))
    >>> stress.round(6)
    array([[2.4, 0.8, 0. ]])
    """

    young: float
    poisson: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "young", check_positive("young", self.young))
        if self.poisson is not None:
            object.__setattr__(self, "poisson", _check_poisson(self.poisson))

    def strain(self, stress: ArrayLike) -> FloatArray:
        """Return the strain (m,) of a bar at each stress (m,)."""
        return np.asarray(_one_dimensional("stress", stress) / self.young)

    def stress(self, strain: ArrayLike) -> FloatArray:
        """Return the stress (m,) of a bar at each strain (m,)."""
        return np.asarray(_one_dimensional("strain", strain) * self.young)

    def __call__(self, strain: FloatArray, /) -> Response:
        """Return stress (m, d) and tangent (m, d, d) at strain (m, d), d = 1, 3 or 6."""
        eps = check_strain(strain, (1,) if self.poisson is None else (1, 3, 6), "LinearElastic")
        stiffness = self.stiffness(eps.shape[1])
        return eps @ stiffness, np.broadcast_to(stiffness, (len(eps), *stiffness.shape)).copy()

    def stiffness(self, n_strain: int) -> FloatArray:
        """Return the stiffness (d, d) for d = ``n_strain`` components."""
        if n_strain == 1 or self.poisson is None:
            return np.full((1, 1), self.young)
        bulk, shear = _moduli(self.young, self.poisson)
        one = _unit(n_strain)
        return bulk * np.outer(one, one) + 2.0 * shear * _deviator(n_strain)


@dataclass(frozen=True)
class DeformationPlasticity:
    """Ramberg-Osgood hardening under any stress, path-independent (J2 deformation theory).

    The mean stress is elastic; the deviatoric stress is parallel to the deviatoric strain, with equivalent
    stress q and strain ebar = q/(3G) + alpha (sig0/E) (q/sig0)^n, so that uniaxial stress gives
    `RambergOsgood`.

    Parameters
    ----------
    young : float
        Young's modulus E > 0, in the user's unit of stress.
    poisson : float
        Elastic Poisson's ratio in (-1, 1/2).
    reference_stress : float
        sig0 > 0, unit of stress.
    alpha : float
        Weight of the hardening term, >= 0.
    exponent : float
        n >= 1.

    Raises
    ------
    InvalidArgument
        If a parameter is outside its range.

    Examples
    --------
    >>> import numpy as np
    >>> from nonideal.physics import mechanics
    >>> law = mechanics.DeformationPlasticity(4000, 0.35, reference_stress=40, alpha=0.5, exponent=4)
    >>> stress, tangent = law(np.array([[0.01, -0.01, 0.0]]))
    >>> stress.round(3)  # pure shear: no mean stress, below 2 G eps = 29.63
    array([[ 20.947, -20.947,   0.   ]])
    """

    young: float
    poisson: float
    reference_stress: float
    alpha: float
    exponent: float

    def __post_init__(self) -> None:
        _check_hardening(self)
        object.__setattr__(self, "poisson", _check_poisson(self.poisson))

    def __call__(self, strain: FloatArray, /) -> Response:
        """Return stress (m, d) and tangent (m, d, d) at strain (m, d), d = 1, 3 or 6."""
        eps = check_strain(strain, (1, 3, 6), "DeformationPlasticity")
        d = eps.shape[1]
        if d == 1:
            return RambergOsgood(self.young, self.reference_stress, self.alpha, self.exponent)(eps)
        bulk, shear = _moduli(self.young, self.poisson)
        one = _unit(d)
        trace = eps @ one
        deviator = eps - np.outer(trace / 3.0, one)
        # In plane strain e33 = -trace/3 belongs to the deviator, too.
        square = np.einsum("ij,ij->i", deviator, deviator) + (3 - _NORMAL[d]) * (trace / 3.0) ** 2
        size = np.sqrt(square)
        equivalent = np.sqrt(2.0 / 3.0) * size
        q, slope = _harden(equivalent, 3.0 * shear, self)
        at_zero = size == 0.0
        secant = np.where(at_zero, 2.0 * shear, 2.0 / 3.0 * q / np.where(at_zero, 1.0, equivalent))
        direction = deviator / np.where(at_zero, 1.0, size)[:, None]
        stress = bulk * np.outer(trace, one) + secant[:, None] * deviator
        tangent = (
            bulk * np.outer(one, one)
            + secant[:, None, None] * _deviator(d)
            + (2.0 / 3.0 * slope - secant)[:, None, None] * direction[:, :, None] * direction[:, None, :]
        )
        return stress, tangent


def check_strain(strain: ArrayLike, allowed: tuple[int, ...], law: str) -> FloatArray:
    """Return strain as (m, d) float64 with d among ``allowed``, or refuse it in the name of a law."""
    eps = check_finite("strain", strain)
    if eps.ndim != 2 or eps.shape[1] not in allowed:
        shapes = " or ".join(f"(m, {d})" for d in allowed)
        raise InvalidArgument(f"strain has shape {eps.shape}, {law} takes {shapes}")
    return eps


def _check_hardening(law: RambergOsgood | DeformationPlasticity) -> None:
    for name in ("young", "reference_stress"):
        object.__setattr__(law, name, check_positive(name, getattr(law, name)))
    object.__setattr__(law, "alpha", check_non_negative("alpha", law.alpha))
    object.__setattr__(law, "exponent", check_number("exponent", law.exponent))
    if law.exponent < 1.0:
        raise InvalidArgument(f"exponent = {law.exponent} is not >= 1")


def _check_poisson(value: float) -> float:
    poisson = check_number("poisson", value)
    if not -1.0 < poisson < 0.5:
        raise InvalidArgument(f"poisson = {value} is outside (-1, 1/2)")
    return poisson


def _one_dimensional(name: str, values: ArrayLike) -> FloatArray:
    array = check_finite(name, values)
    if array.ndim != 1:
        raise InvalidArgument(f"{name} has shape {array.shape}, not (m,)")
    return array


def _moduli(young: float, poisson: float) -> tuple[float, float]:
    """Return bulk and shear modulus."""
    return young / (3.0 * (1.0 - 2.0 * poisson)), young / (2.0 * (1.0 + poisson))


def _unit(n_strain: int) -> FloatArray:
    return (np.arange(n_strain) < _NORMAL[n_strain]).astype(np.float64)


def _deviator(n_strain: int) -> FloatArray:
    """Return the (d, d) matrix that takes the deviator of a strain (in the plane: of its components)."""
    one = _unit(n_strain)
    return np.eye(n_strain) - np.outer(one, one) / 3.0


def _harden(
    strain: FloatArray, modulus: float, law: RambergOsgood | DeformationPlasticity
) -> tuple[FloatArray, FloatArray]:
    """Solve strain = q/modulus + alpha (sig0/E) (q/sig0)^n for q >= 0; return q and dq/dstrain.

    The left side is convex in q and each of its terms alone bounds q from above: from the smaller bound
    Newton's method falls monotonically to the root.
    """
    sig0, n = law.reference_stress, law.exponent
    weight = law.alpha * sig0 / law.young
    changes: list[float] = []
    with np.errstate(all="ignore"):  # what overflows is found below, not passed on
        bound = modulus * strain
        if weight > 0.0:
            bound = np.minimum(bound, sig0 * (strain / weight) ** (1.0 / n))
        q = bound
        for _ in range(_MAX_ITERATIONS):
            power = weight * (q / sig0) ** (n - 1.0)
            slope = 1.0 / (1.0 / modulus + n * power / sig0)
            step = slope * (q / modulus + power * (q / sig0) - strain)
            q = np.clip(q - step, 0.0, bound)
            if not np.isfinite(q).all():
                changes.append(np.inf)
                break
            changes.append(float(np.max(np.abs(step / q), initial=0.0, where=q > 0.0)))
            if changes[-1] <= _TOLERANCE:
                power = weight * (q / sig0) ** (n - 1.0)
                return q, np.asarray(1.0 / (1.0 / modulus + n * power / sig0))
    raise ConvergenceError(
        f"Newton's method for the equivalent stress did not converge (relative change {changes[-1]:.3g}); "
        f"alpha = {law.alpha:g}, exponent = {n:g} and strains up to {np.max(strain):.3g} do not go together",
        changes,
    )
