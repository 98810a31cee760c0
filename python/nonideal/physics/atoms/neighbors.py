"""Which atoms are near which: lists of pairs, once or along a trajectory."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nonideal import _core
from nonideal.checks import (
    check_boolean,
    check_choice,
    check_int32,
    check_integer,
    check_non_negative,
    check_positive,
    check_threads,
    shown,
)
from nonideal.errors import InvalidArgument
from nonideal.physics.atoms.system import as_system

__all__ = ["NeighborList", "neighbor_list"]

Int64Array: TypeAlias = NDArray[np.int64]
Int32Array: TypeAlias = NDArray[np.int32]

QUANTITIES = "ijSDd"
#: Which neighbours are kept where their number is limited.
RULES = ("strict", "tolerant")


def neighbor_list(
    quantities: str,
    system: Any,
    cutoff: float,
    *,
    half: bool = False,
    max_neighbors: int | None = None,
    max_neighbors_rule: str = "strict",
    num_threads: int | None = None,
) -> Any:
    """Return all pairs of atoms i and (images of) j that are nearer than a cutoff, sorted by (i, j, S).

    The same quantities as ASE's function of this name, with one cutoff for all atoms. Time and memory grow
    linearly with the number of pairs, for any cell and cutoff.

    Parameters
    ----------
    quantities : str
        Letters of what is returned, in this order: ``i`` and ``j``, (n_pairs,) int64; ``S``, (n_pairs, 3)
        int64, cell vectors from j to its image; ``D`` = (r_j - r_i) + S cell, (n_pairs, 3) float64, angstrom;
        ``d``, its length.
    system : ase.Atoms, Frame or alike
        Positions may lie outside the cell; S is counted from where they are.
    cutoff : float, angstrom
        d < cutoff strictly.
    half : bool
        Each pair once: i < j, or i = j and the first component of S that isn't zero is positive.
    max_neighbors : int, optional
        Keep the nearest of each atom only, so that j may be among the neighbours of i without i being among
        those of j. Not with ``half``.
    max_neighbors_rule : str
        ``"strict"``: exactly so many, by (d, j, S). ``"tolerant"``: also all whose d^2 is within 0.01
        angstrom^2 of the last one's, so that shells stay together.
    num_threads : int, optional
        The result doesn't depend on it.

    Returns
    -------
    tuple of arrays
        For one letter the array itself.

    Raises
    ------
    InvalidArgument
        If an argument is outside its range, two atoms are within 0.01 angstrom of each other, or there are
        more than 2^31 pairs.

    Examples
    --------
    >>> import numpy as np
    >>> from nonideal.physics import atoms
    >>> chain = atoms.Frame([1, 1], [[0, 0, 0], [1, 0, 0]], cell=2 * np.eye(3), pbc=[True, False, False])
    >>> i, j, S, d = atoms.neighbor_list("ijSd", chain, 1.5)
    >>> i.tolist(), j.tolist(), S[:, 0].tolist(), d.tolist()
    ([0, 0, 1, 1], [1, 1, 0, 0], [-1, 0, 0, 1], [1.0, 1.0, 1.0, 1.0])
    """
    if not isinstance(quantities, str) or not quantities or set(quantities) - set(QUANTITIES):
        raise InvalidArgument(
            f"quantities = {shown(quantities)} has other letters than {QUANTITIES}, or none"
        )
    options = _options(cutoff, half, max_neighbors, max_neighbors_rule, num_threads)
    atoms = as_system(system)
    letters = "".join(dict.fromkeys(quantities))  # each once
    found = _core.atoms.find_neighbors(letters, atoms.positions, atoms.cell, atoms.pbc, options)
    if letters != quantities:
        arrays = dict(zip(letters, found, strict=True))
        found = tuple(arrays[letter] for letter in quantities)
    return found[0] if len(quantities) == 1 else found


class NeighborList:
    """A list of pairs along a trajectory, made again only when it may have become wrong.

    Its pairs reach ``cutoff + skin`` when it is made, and hold all pairs up to ``cutoff`` until an atom has
    moved by more than half the skin. Places are compared as they are given: an atom that has been wrapped
    into the cell has moved far, and the list is made again.

    Parameters
    ----------
    cutoff : float, angstrom
        > 0.
    skin : float, angstrom
        0: made again at every update.
    half, max_neighbors, max_neighbors_rule, num_threads
        As in `neighbor_list`; ``max_neighbors`` not with a skin, for the nearest atoms change before the list
        does.

    Attributes
    ----------
    indptr : (n_atoms + 1,) int64
        The pairs of atom i are indptr[i] ... indptr[i + 1] - 1.
    neighbors : (n_pairs,) int32
        j of each pair; sorted by (i, j, S).
    shifts : (n_pairs, 3) int32
        Its S.
    reverse : (n_pairs,) int64 or None
        Where the pair (j, i, -S) stands; None for half and for truncated lists.
    n_rebuilds : int
        How often the list was made.

    Raises
    ------
    InvalidArgument
        If an argument is outside its range; arrays are asked for before the first update.

    Examples
    --------
    >>> from nonideal.physics import atoms
    >>> pair = atoms.Frame([1, 1], [[0, 0, 0], [0, 0, 1.0]])
    >>> pairs = atoms.NeighborList(1.5, skin=0.5)
    >>> pairs.update(pair), pairs.update(pair), pairs.neighbors.tolist()
    (True, False, [1, 0])
    """

    def __init__(
        self,
        cutoff: float,
        *,
        skin: float = 0.0,
        half: bool = False,
        max_neighbors: int | None = None,
        max_neighbors_rule: str = "strict",
        num_threads: int | None = None,
    ) -> None:
        options = _options(cutoff, half, max_neighbors, max_neighbors_rule, num_threads)
        self.cutoff = float(cutoff)
        self.skin = check_non_negative("skin", skin)
        self._symmetric = not half and max_neighbors is None
        self._core = _core.atoms.NeighborList(options, self.skin)
        self._table: tuple[Int64Array, Int32Array, Int32Array] | None = None
        self._reverse: Int64Array | None = None

    def __repr__(self) -> str:
        return f"NeighborList(cutoff={self.cutoff}, skin={self.skin}, n_rebuilds={self.n_rebuilds})"

    def update(self, system: Any) -> bool:
        """Return whether the list was made again for this structure.

        Parameters
        ----------
        system : ase.Atoms, Frame or alike
            The same atoms as before; another number of them or another cell makes a new list.

        Raises
        ------
        InvalidArgument
            As `neighbor_list` does; the list is then as it was.
        """
        atoms = as_system(system)
        rebuilt: bool = self._core.update(atoms.positions, atoms.cell, atoms.pbc)
        if rebuilt:
            self._table = self._reverse = None
        return rebuilt

    @property
    def indptr(self) -> Int64Array:
        """Where each atom's pairs begin."""
        return self._arrays()[0]

    @property
    def neighbors(self) -> Int32Array:
        """The second atom of each pair."""
        return self._arrays()[1]

    @property
    def shifts(self) -> Int32Array:
        """Cell vectors from the second atom to its image."""
        return self._arrays()[2]

    @property
    def reverse(self) -> Int64Array | None:
        """Where each pair's reverse stands."""
        if self._reverse is None and self._symmetric:
            self._arrays()
            self._reverse = _frozen(self._core.reverse)
        return self._reverse

    @property
    def n_rebuilds(self) -> int:
        """How often the list was made."""
        return self._core.n_rebuilds

    def _arrays(self) -> tuple[Int64Array, Int32Array, Int32Array]:
        if self._table is None:
            if self.n_rebuilds == 0:
                raise InvalidArgument("the list is empty before its first update")
            indptr, neighbors, shifts = self._core.table
            self._table = _frozen(indptr), _frozen(neighbors), _frozen(shifts)
        return self._table


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.setflags(write=False)
    return array


def _options(
    cutoff: float, half: bool, max_neighbors: int | None, rule: str, num_threads: int | None
) -> _core.atoms.NeighborOptions:
    most = 0 if max_neighbors is None else check_int32("max_neighbors", max_neighbors)
    if max_neighbors is not None:
        check_integer("max_neighbors", most, 1)
    return _core.atoms.NeighborOptions(
        check_positive("cutoff", cutoff),
        check_boolean("half", half),
        most,
        check_choice("max_neighbors_rule", rule, RULES) == "tolerant",
        check_threads(num_threads),
    )
