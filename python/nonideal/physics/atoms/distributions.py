"""Where atoms are and how hard they are pulled: pair distances and forces, averaged over frames."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from nonideal.checks import (
    FloatArray,
    check_finite,
    check_integer,
    check_iterable,
    check_number,
    check_positive,
    shown,
)
from nonideal.errors import InvalidArgument
from nonideal.physics.atoms.pairs import pair_distances
from nonideal.physics.atoms.selection import atomic_number, selected
from nonideal.physics.atoms.system import BoolArray, IntArray, System, as_system
from nonideal.physics.atoms.trajectory import Trajectory

__all__ = [
    "distance_counts",
    "distance_histogram",
    "force_distribution",
    "radial_distribution",
    "rdf_mae",
    "snapshots",
    "stability_time",
]

LONGEST = 1000.0  # angstrom: pairs grow with the cube


def radial_distribution(
    trajectory_or_frames: Any, *, r_max: float = 6.0, bins: int = 500, pair: tuple[Any, Any] | None = None
) -> tuple[FloatArray, FloatArray]:
    """Return the radial distribution function g(r), averaged over steps or frames.

    Parameters
    ----------
    trajectory_or_frames : Trajectory, system, or sequence of systems
        Periodic in all three directions. Broken ones count as they are: atoms on one place, atoms that flew
        off by any number of cells.
    r_max : float, angstrom
        May exceed half the cell: all images count, the atom's own ones too.
    bins : int
        Of equal width, from 0 to ``r_max``.
    pair : two of str or int, optional
        Chemical symbols or atomic numbers, such as ``("O", "H")``; default: all atoms pooled.

    Returns
    -------
    r : (bins,) float64, angstrom
        Their middles.
    g : (bins,) float64
        Pairs found over pairs expected at the mean density N_b/V: its integral with 4 pi r^2 N_b/V is the
        coordination number. N atoms of an ideal gas give 1 between different species and 1 - 1/N within one.

    Raises
    ------
    InvalidArgument
        If a frame is not periodic everywhere, or lacks one of the species.

    Examples
    --------
    The 12 nearest neighbours of face-centred copper:

    >>> import numpy as np
    >>> from ase.build import bulk
    >>> from nonideal.physics import atoms
    >>> r, g = atoms.radial_distribution(bulk("Cu", cubic=True), r_max=3.0, bins=30)
    >>> shell = 4 * np.pi / 3 * np.diff(np.linspace(0, 3, 31)**3)
    >>> float(np.sum(g * shell * 4 / 3.61**3).round(9))
    12.0
    """
    r_max, bins, edges = _grid(r_max, bins)
    kinds = None if pair is None else _pair(pair)
    shells = 4.0 * np.pi / 3.0 * np.diff(edges**3)
    total = np.zeros(bins)
    n_frames = 0
    for frame in snapshots(trajectory_or_frames):
        if not frame.pbc.all():
            flags = ", ".join(str(bool(p)) for p in frame.pbc)
            raise InvalidArgument(
                f"pbc = ({flags}): g(r) needs a period in every direction; distance_histogram does without"
            )
        first = second = np.ones(len(frame.numbers), dtype=bool)
        if kinds is not None:
            first, second = frame.numbers == kinds[0], frame.numbers == kinds[1]
        expected = first.sum() * second.sum() / abs(float(np.linalg.det(frame.cell)))
        if not expected > 0.0:
            raise InvalidArgument(f"pair = {shown(pair)}: frame {n_frames} has no such atoms")
        total += _pair_counts(frame, r_max, bins, first, second) / (expected * shells)
        n_frames += 1
    return 0.5 * (edges[:-1] + edges[1:]), total / n_frames


def distance_histogram(
    trajectory_or_frames: Any, *, r_max: float = 10.0, bins: int = 500
) -> tuple[FloatArray, FloatArray]:
    """Return the density of all pair distances below ``r_max``, as they stand: no images.

    Parameters
    ----------
    trajectory_or_frames : Trajectory, system, or sequence of systems
        At least two atoms; periods are not heeded.
    r_max : float, angstrom
        Longer distances are left out.
    bins : int
        Of equal width, from 0 to ``r_max``.

    Returns
    -------
    r : (bins,) float64, angstrom
        Their middles.
    h : (bins,) float64, 1/angstrom
        Its integral is 1.

    Raises
    ------
    InvalidArgument
        If no pair is that close.

    Examples
    --------
    >>> from ase.build import molecule
    >>> from nonideal.physics import atoms
    >>> r, h = atoms.distance_histogram(molecule("N2"), r_max=2.0, bins=20)
    >>> float(r[h.argmax()].round(2)), float(h.max().round(9))
    (1.15, 10.0)
    """
    r, counts = distance_counts(trajectory_or_frames, r_max=r_max, bins=bins)
    if not counts.any():
        raise InvalidArgument(f"r_max = {r_max:g} angstrom: no two atoms are that close")
    return r, counts / (counts.sum() * r_max / bins)


def distance_counts(trajectory_or_frames: Any, *, r_max: float, bins: int) -> tuple[FloatArray, FloatArray]:
    """Return the middles of bins and the distances in them, perhaps none, as in `distance_histogram`."""
    from scipy.spatial.distance import pdist

    r_max, bins, edges = _grid(r_max, bins)
    counts = np.zeros(bins)
    for frame in snapshots(trajectory_or_frames):
        with np.errstate(over="ignore"):  # far is far
            counts += np.histogram(pdist(frame.positions), edges)[0]
    return 0.5 * (edges[:-1] + edges[1:]), counts


def rdf_mae(r: Any, g: Any, g_reference: Any) -> float:
    """Return how far two distributions are apart: the integral of abs(g - g_reference) dr, angstrom.

    That is the range of r times the mean absolute difference over bins, the "RDF MAE" of the literature. It
    has a floor that depends on the bins: two halves of one simulation differ, too. Report that beside it.

    Parameters
    ----------
    r : (bins,) float64, angstrom
        Middles of bins of equal width.
    g, g_reference : (bins,) float64
        On them.

    Raises
    ------
    InvalidArgument
        If shapes differ or bins are of different widths.

    Examples
    --------
    >>> import numpy as np
    >>> from nonideal.physics import atoms
    >>> atoms.rdf_mae([0.5, 1.5, 2.5], np.ones(3), [1.0, 0.5, 1.5])
    1.0
    """
    grid = check_finite("r", r)
    if grid.ndim != 1 or len(grid) < 2:
        raise InvalidArgument(f"r: shape {grid.shape} is not that of two bins or more")
    widths = np.diff(grid)
    if not np.allclose(widths, widths.mean(), rtol=1e-6, atol=0.0) or widths.mean() <= 0.0:
        raise InvalidArgument("r: not the middles of bins of one width, in rising order")
    values = []
    for name, given in (("g", g), ("g_reference", g_reference)):
        values.append(check_finite(name, given))
        if values[-1].shape != grid.shape:
            raise InvalidArgument(f"{name}: shape {values[-1].shape} is not that of r, {grid.shape}")
    return float(np.abs(values[0] - values[1]).sum() * widths.mean())


def force_distribution(
    trajectory_or_frames: Any, *, species: Any = None, bins: int = 200, f_max: float | None = None
) -> tuple[FloatArray, FloatArray]:
    """Return the density of the forces' magnitudes, over atoms and steps or frames.

    Parameters
    ----------
    trajectory_or_frames : Trajectory, Frame, or sequence of Frames
        With forces.
    species : str or int, or a sequence of them, optional
        Which atoms; default: all.
    bins : int
        Of equal width, from 0 to ``f_max``.
    f_max : float, eV/angstrom, optional
        Larger forces are left out of the bins, but count as atoms; default: the largest.

    Returns
    -------
    f : (bins,) float64, eV/angstrom
        Their middles.
    density : (bins,) float64, angstrom/eV

    Raises
    ------
    InvalidArgument
        If forces are missing, or all zero and no ``f_max`` is given.

    Examples
    --------
    >>> import numpy as np
    >>> from nonideal.physics import atoms
    >>> t = atoms.Trajectory([1, 1], [0.0], np.zeros((1, 2, 3)), forces=[[[0, 0, 1.0], [0, 3.0, 0]]])
    >>> atoms.force_distribution(t, bins=3)
    (array([0.5, 1.5, 2.5]), array([0. , 0.5, 0.5]))
    """
    bins = check_integer("bins", bins, 1, 31)
    sizes = np.concatenate(
        [np.linalg.norm(f[selected(z, species)], axis=1) for z, f in _forces(trajectory_or_frames)]
    )
    limit = float(sizes.max()) if f_max is None else check_positive("f_max", f_max)
    if not limit > 0.0:
        raise InvalidArgument("trajectory_or_frames: all forces are zero; f_max gives the bins their width")
    edges = np.linspace(0.0, limit, bins + 1)
    counts, _ = np.histogram(sizes, edges)
    return 0.5 * (edges[:-1] + edges[1:]), counts / (len(sizes) * limit / bins)


def stability_time(
    trajectory: Trajectory, reference_rdf: tuple[Any, Any], *, window: int = 40, threshold: float = 1.0
) -> float:
    """Return for how long a simulation keeps the reference's structure, ps.

    Parameters
    ----------
    trajectory : Trajectory
        Periodic; evenly or not.
    reference_rdf : (r, g)
        As `radial_distribution` gives them; the windows are judged on the same bins.
    window : int
        Saved steps whose average is one judgement; windows don't overlap.
    threshold : float, angstrom
        A window whose `rdf_mae` is larger ends the stability.

    Returns
    -------
    float
        From the first step to the start of the first such window; the whole length where there is none. What
        is left behind the last full window is not judged.

    Raises
    ------
    InvalidArgument
        If the trajectory is shorter than one window.

    Examples
    --------
    >>> import numpy as np
    >>> from ase.build import bulk
    >>> from nonideal.physics import atoms
    >>> copper = bulk("Cu", cubic=True) * (2, 2, 2)
    >>> rng = np.random.default_rng(1)
    >>> shaken = [copper.positions + rng.normal(scale=0.1, size=(32, 3)) for _ in range(40)]
    >>> broken = [copper.positions + rng.normal(scale=2.0, size=(32, 3)) for _ in range(40)]
    >>> t = atoms.Trajectory(copper.numbers, 10.0 * np.arange(80), shaken + broken,
    ...     cells=copper.cell[:], pbc=True)
    >>> atoms.stability_time(t, atoms.radial_distribution(t.cut(0, 40), bins=60))
    0.4
    """
    r, g = (check_finite(f"reference_rdf[{i}]", part) for i, part in enumerate(reference_rdf))
    window = check_integer("window", window, 1)
    threshold = check_positive("threshold", threshold)
    if len(trajectory) < window:
        raise InvalidArgument(f"trajectory: {len(trajectory)} saved steps are fewer than window = {window}")
    if r.ndim != 1 or len(r) < 2:
        raise InvalidArgument(f"reference_rdf[0]: shape {r.shape} is not that of two bins or more")
    r_max = float(r[-1] + 0.5 * (r[-1] - r[0]) / (len(r) - 1))
    if not np.isclose(r[0], 0.5 * r_max / len(r)):
        raise InvalidArgument("reference_rdf[0] does not hold the middles of bins that start at 0")
    for start in range(0, len(trajectory) - window + 1, window):
        _, found = radial_distribution(trajectory.cut(start, start + window), r_max=r_max, bins=len(r))
        if rdf_mae(r, found, g) > threshold:
            return float(trajectory.time[start] - trajectory.time[0]) * 1e-3
    return float(trajectory.time[-1] - trajectory.time[0]) * 1e-3


def _grid(r_max: float, bins: int) -> tuple[float, int, FloatArray]:
    """Return both, checked, and the edges of the bins."""
    if not 0.0 < check_number("r_max", r_max) <= LONGEST:
        raise InvalidArgument(f"r_max = {r_max:g} angstrom is outside (0, {LONGEST:g}]")
    bins = check_integer("bins", bins, 1, 31)
    return float(r_max), bins, float(r_max) / bins * np.arange(bins + 1, dtype=np.float64)


def _pair(pair: Any) -> tuple[int, int]:
    names = tuple(check_iterable("pair", pair))
    if len(names) != 2 or isinstance(pair, str):
        raise InvalidArgument(f"pair = {shown(pair)} is not two species")
    return atomic_number("pair[0]", names[0]), atomic_number("pair[1]", names[1])


def _systems(source: Any) -> list[Any]:
    """Systems, whether one or many were given, and at least one."""
    if hasattr(source, "positions"):  # also ase.Atoms, which is a sequence (of atoms)
        return [source]
    systems = list(check_iterable("trajectory_or_frames", source))
    if not systems:
        raise InvalidArgument("trajectory_or_frames is empty")
    return systems


def snapshots(source: Any) -> Iterator[System]:
    """Yield the steps of a trajectory, or the systems, whether one or many were given."""
    if isinstance(source, Trajectory):
        for positions, cell in zip(source.positions, source.needed("cells"), strict=True):
            yield System(source.numbers, positions, cell, source.pbc)
        return
    for index, system in enumerate(_systems(source)):
        yield as_system(system, f"trajectory_or_frames[{index}]")


def _forces(source: Any) -> Iterator[tuple[IntArray, FloatArray]]:
    if isinstance(source, Trajectory):
        forces = source.needed("forces")
        yield np.tile(source.numbers, len(forces)), forces.reshape(-1, 3)
        return
    for index, system in enumerate(_systems(source)):
        held = getattr(system, "forces", None)
        if held is None and getattr(system, "calc", None) is not None:
            held = system.calc.results.get("forces")
        if held is None:
            raise InvalidArgument(f"trajectory_or_frames[{index}] has no forces")
        yield np.asarray(system.numbers), np.asarray(held, dtype=np.float64)


def _pair_counts(frame: System, r_max: float, bins: int, first: BoolArray, second: BoolArray) -> FloatArray:
    i, j, distances = pair_distances(frame, r_max)
    ways = (first[i] & second[j]).astype(np.float64) + (first[j] & second[i])  # both orders count
    places = np.minimum((distances * (bins / r_max)).astype(np.int64), bins - 1)
    counts: Any = np.bincount(places, weights=ways, minlength=bins)
    return np.asarray(counts, dtype=np.float64)
