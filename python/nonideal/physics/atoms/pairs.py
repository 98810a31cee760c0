"""Pairs of atoms for observables, which look at broken simulations too.

`neighbor_list` refuses atoms on one place and atoms that flew off: no potential means anything there. An
observable has to tell how a simulation ended all the same, and takes those frames the slow way.
"""

from __future__ import annotations

import itertools

import numpy as np

from nonideal.checks import FloatArray
from nonideal.errors import InvalidArgument
from nonideal.physics.atoms.neighbors import neighbor_list
from nonideal.physics.atoms.system import IntArray, System

__all__ = ["pair_distances", "pair_vectors"]

_FAR = 1e9  # angstrom: near what grids of cells take


def pair_distances(frame: System, cutoff: float) -> tuple[IntArray, IntArray, FloatArray]:
    """Return both atoms and the distance, angstrom, of every pair below a cutoff, each pair once.

    Examples
    --------
    >>> import numpy as np
    >>> from nonideal.physics.atoms.system import as_system
    >>> from nonideal.physics import atoms
    >>> met = as_system(atoms.Frame([29, 29, 29], [[0, 0, 0], [0, 0, 0], [1e15, 0, 3]], np.eye(3) * 7, True))
    >>> i, j, d = pair_distances(met, 1.0)
    >>> (int(i[0]), int(j[0]), float(d[0]))
    (0, 1, 0.0)
    """
    try:
        i, j, distances = neighbor_list("ijd", frame, cutoff, half=True)
    except InvalidArgument as refused:
        _only_places(frame, refused)
    else:
        return i, j, distances
    i, j, vectors, shifts = _slowly(frame, cutoff)
    # Of i -> j by an image and j -> i by the opposite one, the first.
    forward = (shifts > 0) & (np.cumsum(shifts != 0, axis=1) == 1)
    once = np.where((shifts == 0).all(axis=1), i < j, forward.any(axis=1))
    return i[once], j[once], np.linalg.norm(vectors[once], axis=1)


def pair_vectors(frame: System, cutoff: float) -> tuple[IntArray, IntArray, FloatArray]:
    """Return centre, neighbour and the vector to it, angstrom, of every pair, both ways, by centre."""
    try:
        i, j, vectors = neighbor_list("ijD", frame, cutoff)
    except InvalidArgument as refused:
        _only_places(frame, refused)
        return _slowly(frame, cutoff)[:3]
    return i, j, vectors


def _only_places(frame: System, refused: InvalidArgument) -> None:
    """Raise what is not about where atoms are, such as too many pairs."""
    if not (str(refused).startswith("positions[") or np.abs(frame.positions).max() > _FAR):
        raise refused


def _slowly(frame: System, cutoff: float) -> tuple[IntArray, IntArray, FloatArray, IntArray]:
    """Return all pairs below the cutoff, both ways, sorted by centre, with the images' shifts."""
    periods = frame.cell[frame.pbc]
    inverse = np.linalg.pinv(periods)  # (3, k): rows of places along the periods
    places = frame.positions @ inverse
    inside = (places - np.floor(places)) @ periods
    if not frame.pbc.all():  # else nothing but rounding
        inside += frame.positions - places @ periods
    heights = 1.0 / np.linalg.norm(inverse, axis=0)
    reach = [int(np.ceil(cutoff / height)) + 1 for height in heights]
    steps = np.array(list(itertools.product(*(range(-n, n + 1) for n in reach))), dtype=np.int64)
    found = []
    with np.errstate(over="ignore", invalid="ignore"):  # open directions: far is far
        for centre in range(len(inside)):
            vectors = (inside - inside[centre])[None] + (steps @ periods)[:, None]
            near = np.linalg.norm(vectors, axis=2) < cutoff
            near[~steps.any(axis=1), centre] = False
            image, neighbor = np.nonzero(near)
            found.append((np.full(len(image), centre), neighbor, vectors[near], steps[image]))
    i, j, vectors, shifts = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return i, j, vectors, shifts
