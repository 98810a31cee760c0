"""Whether energy is conserved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nonideal.checks import FloatArray
from nonideal.errors import InvalidArgument
from nonideal.estimate import Estimate
from nonideal.physics.atoms.trajectory import Trajectory

__all__ = ["EnergyDrift", "energy_drift"]


@dataclass(frozen=True, eq=False)
class EnergyDrift(Estimate):
    """A drift of the total energy, meV/atom/ps, and what it stands out from.

    Parameters
    ----------
    value, standard_error, samples, unit
        As in `nonideal.Estimate`; ``samples`` counts the independent ones.
    fluctuation : float, meV/atom
        Standard deviation of the total energy about its trend.
    """

    fluctuation: float = 0.0


def energy_drift(trajectory: Trajectory) -> EnergyDrift:
    """Return the slope of the total energy per atom, by least squares.

    Parameters
    ----------
    trajectory : Trajectory
        With potential and kinetic energies, at least 10 steps of a simulation without a thermostat.

    Returns
    -------
    EnergyDrift
        meV/atom/ps, with ``.fluctuation`` in meV/atom.

    Raises
    ------
    InvalidArgument
        If energies are missing, steps are too few, or a thermostat was at work: it makes energy drift.

    Notes
    -----
    Neighbouring energies resemble one another, so the residuals are worth fewer independent samples than
    there are steps: T/g with the statistical inefficiency g >= 1 of the residuals (Chodera et al., J. Chem.
    Theory Comput. 3, 26 (2007)), and the standard error of independent residuals grows by sqrt(g).

    Examples
    --------
    >>> import numpy as np
    >>> from nonideal.physics import atoms
    >>> time = np.arange(0.0, 1000.0, 10.0)
    >>> t = atoms.Trajectory([18] * 4, time, np.zeros((100, 4, 3)),
    ...     potential_energy=4e-6 * time, kinetic_energy=0.1 + 0 * time)
    >>> print(round(atoms.energy_drift(t).value, 6))
    1.0
    """
    if trajectory.ensemble not in ("", "nve"):
        raise InvalidArgument(
            f"trajectory.ensemble = {trajectory.ensemble}: its thermostat changes the energy"
        )
    n_steps = len(trajectory)
    if n_steps < 10:
        raise InvalidArgument(f"trajectory: {n_steps} saved steps are fewer than 10")
    energy = 1e3 * trajectory.total_energy / len(trajectory.numbers)
    time = 1e-3 * (trajectory.time - trajectory.time.mean())
    slope = float(time @ energy / (time @ time))
    residuals = energy - energy.mean() - slope * time
    variance = float(residuals @ residuals) / (n_steps - 2)
    inefficiency = statistical_inefficiency(residuals)
    return EnergyDrift(
        slope,
        float(np.sqrt(variance * inefficiency / (time @ time))),
        max(int(n_steps / inefficiency), 1),
        "meV/atom/ps",
        float(np.sqrt(variance)),
    )


def statistical_inefficiency(values: FloatArray) -> float:
    """Return how many successive values are worth one independent one: 1 or more.

    1 + 2 sum of the autocorrelation, up to where it first falls below zero.
    """
    n = len(values)
    centred = values - values.mean()
    power = float(centred @ centred)
    if power <= n * np.finfo(float).eps ** 2 * float(values @ values):
        return 1.0
    total = 1.0
    for lag in range(1, n - 1):
        correlation = float(centred[:-lag] @ centred[lag:]) / power
        if correlation <= 0.0:
            break
        total += 2.0 * correlation
    return total
