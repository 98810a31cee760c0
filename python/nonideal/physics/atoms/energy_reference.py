"""Energies of lone atoms, as far as data tell: what is taken off before a network learns the rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from nonideal.checks import check_choice, check_iterable
from nonideal.errors import InvalidArgument
from nonideal.physics.atoms.elements import SYMBOLS, resolve_species
from nonideal.physics.atoms.frame import Frame

__all__ = ["REFERENCE_METHODS", "as_frames", "fit_energy_reference"]

REFERENCE_METHODS = ("per-element", "mean", "none")


def fit_energy_reference(
    frames: Iterable[Any], species: Iterable[str | int], method: str = "per-element"
) -> dict[str, float]:
    """Return an energy per atom for each element, so that their sums are near the frames' energies.

    Parameters
    ----------
    frames : iterable of Frame or ase.Atoms
        With energies.
    species : iterable of str or int
        Chemical symbols or atomic numbers.
    method : str
        ``"per-element"``: least squares over the frames. Where compositions don't determine the elements one
        by one, such as in water, it is the solution of least norm. ``"mean"``: the same number for all, the
        mean energy per atom. ``"none"``: zeros.

    Returns
    -------
    dict of str to float
        By symbol, in the order of ``species``, eV.

    Raises
    ------
    InvalidArgument
        If there are no frames, one has no energy, or an element is not among ``species``.

    Examples
    --------
    >>> from nonideal.physics import atoms
    >>> pair = atoms.Frame([1, 1], [[0, 0, 0], [0, 0, 0.74]], energy=-6.0)
    >>> mixed = atoms.Frame([1, 8], [[0, 0, 0], [0, 0, 0.97]], energy=-13.0)
    >>> {s: round(e, 6) for s, e in atoms.fit_energy_reference([pair, mixed], ["O", "H"]).items()}
    {'O': -10.0, 'H': -3.0}
    """
    numbers = resolve_species(species)
    check_choice("method", method, REFERENCE_METHODS)
    known = as_frames("frames", frames)
    counts = np.zeros((len(known), len(numbers)))
    energies = np.zeros(len(known))
    for index, frame in enumerate(known):
        if frame.energy is None:
            raise InvalidArgument(f"frames[{index}] has no energy")
        energies[index] = frame.energy
        for number, count in zip(*np.unique(frame.numbers, return_counts=True), strict=True):
            if number not in numbers:
                raise InvalidArgument(f"frames[{index}] holds {SYMBOLS[number]}, which is not in species")
            counts[index, numbers.index(number)] = count
    if method == "none" or not counts.any():
        values = np.zeros(len(numbers))
    elif method == "mean":
        values = np.full(len(numbers), energies.sum() / counts.sum())
    else:
        # The mean first: what is left is small, and so is what rounding does to it.
        mean = energies.sum() / counts.sum()
        rest = np.linalg.lstsq(counts, energies - mean * counts.sum(axis=1), rcond=None)[0]
        values = _least_norm(counts, rest + mean)
    return {SYMBOLS[number]: float(value) for number, value in zip(numbers, values, strict=True)}


def _least_norm(counts: np.ndarray[Any, Any], values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return values without the part that no composition sees."""
    _, singular, rows = np.linalg.svd(counts, full_matrices=False)
    seen = rows[singular > singular[0] * max(counts.shape) * np.finfo(float).eps]
    return np.asarray(seen.T @ (seen @ values))


def as_frames(name: str, frames: Any) -> Sequence[Frame]:
    """Return frames of frames or ASE's atoms with results; at least one."""
    found = []
    for index, frame in enumerate(check_iterable(name, frames)):
        if isinstance(frame, Frame):
            found.append(frame)
        elif hasattr(frame, "calc"):
            found.append(Frame.from_ase(frame))
        else:
            raise InvalidArgument(
                f"{name}[{index}] is of type {type(frame).__name__}, not Frame or ase.Atoms"
            )
    if not found:
        raise InvalidArgument(f"{name} is empty")
    return found
