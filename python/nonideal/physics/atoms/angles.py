"""Which angles bonds make: what pair distances don't tell about a structure."""

from __future__ import annotations

from typing import Any

import numpy as np

from nonideal.checks import FloatArray, check_integer, check_iterable, check_number, shown
from nonideal.errors import InvalidArgument
from nonideal.physics.atoms.distributions import snapshots
from nonideal.physics.atoms.pairs import pair_vectors
from nonideal.physics.atoms.selection import atomic_number
from nonideal.physics.atoms.system import BoolArray, IntArray, System

__all__ = ["bond_angle_distribution"]

_LONGEST = 20.0  # angstrom: angles grow with the sixth power
_CHUNK = 1 << 22  # angles at once


def bond_angle_distribution(
    trajectory_or_frames: Any, *, r_max: float, bins: int = 180, triplet: tuple[Any, Any, Any] | None = None
) -> tuple[FloatArray, FloatArray]:
    """Return the density of angles between bonds that meet in an atom, over atoms and steps or frames.

    Parameters
    ----------
    trajectory_or_frames : Trajectory, system, or sequence of systems
        Periodic or not; all images count. Atoms on one place have no direction, and are left out.
    r_max : float, angstrom
        A bond is shorter; the first minimum of g(r) is the usual choice.
    bins : int
        Of equal width, from 0 to 180 degrees.
    triplet : three of str or int, optional
        Chemical symbols or atomic numbers of one end, the centre, and the other end, such as
        ``("H", "O", "H")``; default: all atoms.

    Returns
    -------
    angle : (bins,) float64, degree
        Their middles.
    density : (bins,) float64, 1/degree
        Its integral is 1. Bonds in random directions have sin(angle)/2 per radian: nothing is divided by it.

    Raises
    ------
    InvalidArgument
        If no two bonds meet, or an argument is out of range.

    Examples
    --------
    The tetrahedra of diamond:

    >>> from ase.build import bulk
    >>> from nonideal.physics import atoms
    >>> angle, density = atoms.bond_angle_distribution(bulk("Si", cubic=True), r_max=2.5, bins=90)
    >>> print(angle[density > 0], density.max().round(9))
    [109.] 0.5
    """
    middles, counts = angle_counts(trajectory_or_frames, r_max=r_max, bins=bins, triplet=triplet)
    if not counts.any():
        where = f"r_max = {r_max:g} angstrom" if triplet is None else f"triplet = {shown(triplet)}"
        raise InvalidArgument(f"{where}: no two such bonds meet")
    return middles, counts / (counts.sum() * 180.0 / len(counts))


def angle_counts(
    trajectory_or_frames: Any, *, r_max: float, bins: int, triplet: tuple[Any, Any, Any] | None = None
) -> tuple[FloatArray, FloatArray]:
    """Return the middles of bins and the angles in them, perhaps none, as in `bond_angle_distribution`."""
    if not 0.0 < check_number("r_max", r_max) <= _LONGEST:
        raise InvalidArgument(f"r_max = {r_max:g} angstrom is outside (0, {_LONGEST:g}]")
    bins = check_integer("bins", bins, 1, 31)
    kinds = None if triplet is None else _triplet(triplet)
    counts = np.zeros(bins)
    for frame in snapshots(trajectory_or_frames):
        counts += _counts_of(frame, float(r_max), bins, kinds)
    middles: FloatArray = (np.arange(bins, dtype=np.float64) + 0.5) * (180.0 / bins)
    return middles, counts


def _triplet(triplet: Any) -> tuple[int, int, int]:
    names = tuple(check_iterable("triplet", triplet))
    if len(names) != 3 or isinstance(triplet, str):
        raise InvalidArgument(f"triplet = {shown(triplet)} is not three species")
    first, centre, last = (atomic_number(f"triplet[{k}]", name) for k, name in enumerate(names))
    return first, centre, last


def _counts_of(frame: System, r_max: float, bins: int, kinds: tuple[int, int, int] | None) -> FloatArray:
    i, j, vectors = pair_vectors(frame, r_max)
    lengths = np.linalg.norm(vectors, axis=1)
    useful = lengths > 0.0
    if kinds is not None:
        useful &= (frame.numbers[i] == kinds[1]) & np.isin(frame.numbers[j], [kinds[0], kinds[2]])
    i, j, units = i[useful], j[useful], vectors[useful] / lengths[useful, None]
    counts = np.zeros(bins)
    # Centres with equally many bonds together: their angles are one product of matrices.
    n_bonds = np.bincount(i, minlength=len(frame.numbers))
    starts = np.concatenate([[0], np.cumsum(n_bonds)])
    for n in range(2, int(n_bonds.max(initial=0)) + 1):
        centres = starts[:-1][n_bonds == n]
        first, second = np.triu_indices(n, 1)
        step = max(_CHUNK // len(first), 1)
        for part in range(0, len(centres), step):
            bonds = centres[part : part + step, None] + np.arange(n)
            cosines = np.einsum("npk,npk->np", units[bonds[:, first]], units[bonds[:, second]])
            if kinds is not None:
                ends = frame.numbers[j[bonds]]
                cosines = cosines[_joined(ends[:, first], ends[:, second], kinds)]
            angles = np.degrees(np.arccos(np.clip(cosines, -1.0, 1.0)))
            places = np.minimum((angles * (bins / 180.0)).astype(np.int64), bins - 1)
            counts += np.bincount(places.ravel(), minlength=bins)
    return counts


def _joined(first: IntArray, second: IntArray, kinds: tuple[int, int, int]) -> BoolArray:
    """Return which bonds end in the two species, in either order."""
    one, _, other = kinds
    both: BoolArray = ((first == one) & (second == other)) | ((first == other) & (second == one))
    return both
