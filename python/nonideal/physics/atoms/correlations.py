"""Motion in time: displacements, diffusion, and how long velocities remember."""

from __future__ import annotations

from typing import Any

import numpy as np

from nonideal.checks import FloatArray, check_boolean, check_integer, check_non_negative, check_positive
from nonideal.errors import InvalidArgument
from nonideal.estimate import Estimate
from nonideal.physics.atoms.selection import selected
from nonideal.physics.atoms.trajectory import Trajectory, uniform_step

__all__ = ["diffusion_coefficient", "mean_squared_displacement", "velocity_autocorrelation"]

_CHUNK = 1 << 22  # numbers that are transformed at once
_PER_SECOND = 1e-5  # angstrom^2/fs in m^2/s


def mean_squared_displacement(
    trajectory: Trajectory, *, species: Any = None, remove_drift: bool = True
) -> tuple[FloatArray, FloatArray]:
    """Return the mean squared displacement against the time that passed, over all atoms and starting points.

    Parameters
    ----------
    trajectory : Trajectory
        Evenly spaced steps, positions unwrapped.
    species : str or int, or a sequence of them, optional
        Which atoms; default: all.
    remove_drift : bool
        Measure displacements from the centre of mass of ALL atoms (needs masses).

    Returns
    -------
    lag : (T,) float64, fs
    msd : (T,) float64, angstrom^2
        Lags beyond about a tenth of the trajectory rest on few independent starting points.

    Raises
    ------
    InvalidArgument
        If times are uneven, no atom is of the species, or masses are missing.

    Notes
    -----
    |r(t + s) - r(t)|^2 is summed over t by fast Fourier transforms, in O(T log T) for each atom: the squares
    by a running sum, the products by their correlation theorem.

    Examples
    --------
    Two atoms that part with 0.1 angstrom/fs each:

    >>> import numpy as np
    >>> from nonideal.physics import atoms
    >>> time = np.arange(5.0)
    >>> positions = np.zeros((5, 2, 3))
    >>> positions[:, 0, 0], positions[:, 1, 0] = 0.1 * time, -0.1 * time
    >>> t = atoms.Trajectory([18, 18], time, positions, masses=[39.9, 39.9])
    >>> lag, msd = atoms.mean_squared_displacement(t)
    >>> print(lag[3], msd[3].round(6))
    3.0 0.09
    """
    uniform_step(trajectory)
    chosen = selected(trajectory.numbers, species)
    positions = trajectory.positions[:, chosen]
    if check_boolean("remove_drift", remove_drift):
        positions = positions - _centre_of_mass(trajectory)[:, None]
    return trajectory.time - trajectory.time[0], _mean_squares(positions)


def diffusion_coefficient(
    trajectory: Trajectory,
    *,
    species: Any = None,
    discard: float = 5000.0,
    lag: float | None = None,
    blocks: int = 5,
) -> Estimate:
    """Return the self-diffusion coefficient by Einstein's relation, with an error bar from blocks.

    Parameters
    ----------
    trajectory : Trajectory
        Evenly spaced steps, positions unwrapped, with masses: the centre of mass is taken out.
    species : str or int, or a sequence of them, optional
        Which atoms; default: all.
    discard : float, fs
        What is left out at the beginning.
    lag : float, fs, optional
        The slope of the mean squared displacement is fitted between half of it and all of it, by least
        squares: rattling in a cage adds a constant, which a slope does not see and the quotient MSD/(6 t)
        does. Default: a quarter of a block.
    blocks : int
        Equal pieces, taken as independent; their spread gives the standard error. At least 2.

    Returns
    -------
    Estimate
        m^2/s.

    Raises
    ------
    InvalidArgument
        If the rest is too short for the blocks, or the lag for a slope.

    Notes
    -----
    In a periodic cell of a liquid D is too small by about 2.84 kT/(6 pi eta L) (Yeh and Hummer, J. Phys.
    Chem. B 108, 15873 (2004)); two simulations of one cell may be compared all the same.

    Examples
    --------
    A random walk of 0.01 angstrom^2/fs times 2, 6 D = 0.06:

    >>> import numpy as np
    >>> from nonideal.physics import atoms
    >>> steps = np.random.default_rng(1).normal(scale=0.02**0.5, size=(4000, 50, 3))
    >>> t = atoms.Trajectory([3] * 50, np.arange(4000.0), steps.cumsum(axis=0), masses=[6.9] * 50)
    >>> d = atoms.diffusion_coefficient(t, discard=0)
    >>> low, high = d.interval(0.999)
    >>> low < 0.01 * 1e-5 * 49 / 50 < high, d.unit
    (True, 'm^2/s')
    """
    step = uniform_step(trajectory)
    first, length, last = cut_blocks(len(trajectory), step, discard, lag, blocks)
    slopes = []
    for block in range(blocks):
        start = first + block * length
        times, msd = mean_squared_displacement(trajectory.cut(start, start + length), species=species)
        part = slice(last // 2, last + 1)
        slopes.append(np.polynomial.polynomial.polyfit(times[part], msd[part], 1)[1])
    return Estimate.from_samples(np.asarray(slopes) / 6 * _PER_SECOND, "m^2/s")


def cut_blocks(
    n_steps: int, step: float, discard: float, lag: float | None, blocks: int
) -> tuple[int, int, int]:
    """Return the first saved step, the steps of a block, and the lag in steps, or refuse."""
    blocks = check_integer("blocks", blocks, 2)
    first = int(np.ceil(check_non_negative("discard", discard) / step - 1e-9))
    length = (n_steps - first) // blocks
    if length < 5:
        raise InvalidArgument(
            f"trajectory: {max(n_steps - first, 0)} steps after discard = {discard:g} fs are too few "
            f"for {blocks} blocks of 5"
        )
    longest = (length - 1) * step
    if lag is None:
        lag = max(longest / 4, 2 * step)
    elif not 2 * step <= check_positive("lag", lag) <= longest:
        raise InvalidArgument(
            f"lag = {lag:g} fs is outside [{2 * step:g}, {longest:g}], two steps and a block"
        )
    return first, length, round(lag / step)


def velocity_autocorrelation(trajectory: Trajectory, *, species: Any = None) -> tuple[FloatArray, FloatArray]:
    """Return <v(t).v(t + s)>/<v^2> against s, over all atoms and starting points.

    Parameters
    ----------
    trajectory : Trajectory
        Evenly spaced steps with velocities.
    species : str or int, or a sequence of them, optional
        Which atoms; default: all.

    Returns
    -------
    lag : (T,) float64, fs
    c : (T,) float64
        c[0] = 1.

    Raises
    ------
    InvalidArgument
        If times are uneven, velocities are missing, or nothing moves.

    Examples
    --------
    >>> import numpy as np
    >>> from nonideal.physics import atoms
    >>> time = np.arange(1000.0)
    >>> velocities = np.zeros((1000, 1, 3))
    >>> velocities[:, 0, 2] = np.cos(2 * np.pi * time / 20)
    >>> t = atoms.Trajectory([1], time, np.zeros((1000, 1, 3)), velocities)
    >>> lag, c = atoms.velocity_autocorrelation(t)
    >>> c[[0, 5, 10]].round(2) + 0.0
    array([ 1.,  0., -1.])
    """
    uniform_step(trajectory)
    velocities = trajectory.needed("velocities")[:, selected(trajectory.numbers, species)]
    n_steps = len(trajectory)
    sums = np.zeros(n_steps)
    for part in _chunks(velocities):
        sums += _correlation(part).sum(axis=1)
    if not sums[0] > 0.0:
        raise InvalidArgument("trajectory.velocities are all zero")
    means: FloatArray = sums / np.arange(n_steps, 0, -1)
    return trajectory.time - trajectory.time[0], means / means[0]


def _centre_of_mass(trajectory: Trajectory) -> FloatArray:
    masses = trajectory.needed("masses")
    centre: FloatArray = np.einsum("tnk,n->tk", trajectory.positions, masses / masses.sum())
    return centre


def _mean_squares(positions: FloatArray) -> FloatArray:
    n_steps, n_atoms, _ = positions.shape
    counts = np.arange(n_steps, 0, -1)
    sums = np.zeros(n_steps)
    for part in _chunks(positions - positions.mean(axis=0)):  # small numbers: little cancels below
        squares = np.square(part).sum(axis=1)
        head = np.cumsum(squares)[::-1]  # of steps 0 ... T - 1 - s
        tail = np.cumsum(squares[::-1])[::-1]  # of steps s ... T - 1
        sums += head + tail - 2.0 * _correlation(part).sum(axis=1)
    sums[0] = 0.0
    return np.maximum(sums / (counts * n_atoms), 0.0)


def _chunks(values: FloatArray) -> list[FloatArray]:
    columns = values.reshape(len(values), -1)
    width = max(_CHUNK // len(values), 1)
    return [columns[:, start : start + width] for start in range(0, columns.shape[1], width)]


def _correlation(columns: FloatArray) -> FloatArray:
    """Return sums over t of c(t) c(t + s), of each column: the inverse transform of the power spectrum."""
    from scipy import fft

    n_steps = len(columns)
    size = fft.next_fast_len(2 * n_steps - 1, real=True)  # zeros keep the end from meeting the beginning
    spectrum = fft.rfft(columns, size, axis=0)
    power = spectrum.real**2 + spectrum.imag**2
    sums: FloatArray = fft.irfft(power, size, axis=0)[:n_steps]
    return sums
