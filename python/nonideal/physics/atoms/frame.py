"""One structure with what is known of it: energy, forces, stress."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from nonideal.checks import FloatArray, check_finite, check_mapping, check_number
from nonideal.errors import InvalidArgument
from nonideal.physics.atoms.extras import import_ase
from nonideal.physics.atoms.system import (
    BoolArray,
    IntArray,
    System,
    check_cell,
    check_length,
    check_numbers,
    check_pbc,
    check_vectors,
)

if TYPE_CHECKING:
    import ase

__all__ = ["VOIGT", "Frame", "from_voigt"]

#: Row and column of each component of a stress in ASE's order: xx yy zz yz xz xy.
VOIGT = ((0, 1, 2, 1, 0, 0), (0, 1, 2, 2, 2, 1))


@dataclass(frozen=True, eq=False)
class Frame(System):
    """One structure and its labels; arrays are copied and read-only.

    Parameters
    ----------
    numbers : (n_atoms,) array_like of int
        Atomic numbers in [0, 118].
    positions : (n_atoms, 3) array_like, angstrom
        Places, not wrapped into the cell.
    cell : (3, 3) array_like, angstrom, optional
        Cell vectors as rows. None: no cell; also zero vectors on axes that aren't periodic.
    pbc : bool or (3,) array_like of bool
        Which axes are periodic.
    energy : float, eV, optional
        Of the whole structure.
    forces : (n_atoms, 3) array_like, eV/angstrom, optional
        On every atom.
    stress : (3, 3) array_like, eV/angstrom^3, optional
        Positive in tension.
    force_mask : (n_atoms,) array_like of bool, optional
        True where an atom's force is a label; False, such as for atoms that were held fixed, where no loss or
        error may count it. None: all are.
    info : mapping, optional
        Whatever else is known.

    Raises
    ------
    InvalidArgument
        If a number isn't finite, shapes don't fit together, the cell is singular or a periodic axis has a
        zero vector.

    Examples
    --------
    >>> from nonideal.physics import atoms
    >>> frame = atoms.Frame([1, 1], [[0, 0, 0], [0, 0, 0.74]], energy=-31.7)
    >>> len(frame), frame.energy, frame.pbc.any()
    (2, -31.7, np.False_)
    >>> atoms.Frame([1, 1], [[0, 0, 0]])
    Traceback (most recent call last):
        ...
    nonideal.errors.InvalidArgument: positions has 1 rows, there are 2 numbers
    """

    numbers: IntArray
    positions: FloatArray
    cell: FloatArray = None  # type: ignore[assignment]
    pbc: BoolArray = False  # type: ignore[assignment]
    energy: float | None = None
    forces: FloatArray | None = None
    stress: FloatArray | None = None
    force_mask: BoolArray | None = None
    info: Mapping[str, Any] = field(default_factory=dict)

    if TYPE_CHECKING:  # what may be given; the fields' types are what is kept

        def __init__(
            self,
            numbers: ArrayLike,
            positions: ArrayLike,
            cell: ArrayLike | None = None,
            pbc: ArrayLike = False,
            energy: float | None = None,
            forces: ArrayLike | None = None,
            stress: ArrayLike | None = None,
            force_mask: ArrayLike | None = None,
            info: Mapping[str, Any] | None = None,
        ) -> None: ...

    def __post_init__(self) -> None:
        numbers = check_numbers("numbers", self.numbers)
        pbc = check_pbc("pbc", self.pbc)
        values: dict[str, Any] = {
            "numbers": numbers,
            "positions": check_vectors("positions", self.positions, len(numbers)),
            "pbc": pbc,
            "cell": check_cell("cell", self.cell, pbc),
        }
        if self.energy is not None:
            values["energy"] = check_number("energy", self.energy)
        if self.forces is not None:
            values["forces"] = check_vectors("forces", self.forces, len(numbers))
        if self.stress is not None:
            values["stress"] = check_finite("stress", self.stress)
            if values["stress"].shape != (3, 3):
                raise InvalidArgument(f"stress has shape {values['stress'].shape}, not (3, 3)")
        if self.force_mask is not None:
            values["force_mask"] = mask = np.asarray(self.force_mask)
            if mask.dtype != np.bool_ or mask.ndim != 1:
                raise InvalidArgument(
                    f"force_mask has dtype {mask.dtype} and shape {mask.shape}, not bool and (n_atoms,)"
                )
            check_length("force_mask", len(mask), len(numbers))
        values["info"] = MappingProxyType({} if self.info is None else dict(check_mapping("info", self.info)))
        for name, value in values.items():
            if isinstance(value, np.ndarray):
                given = getattr(self, name)
                value = np.array(value) if np.may_share_memory(value, given) else value
                value.setflags(write=False)
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        known = [name for name in ("energy", "forces", "stress") if getattr(self, name) is not None]
        periodic = "".join(axis for axis, flag in zip("xyz", self.pbc, strict=True) if flag) or "none"
        return f"Frame({len(self)} atoms, periodic: {periodic}, labels: {', '.join(known) or 'none'})"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "info": dict(self.info)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    @classmethod
    def from_ase(cls, atoms: ase.Atoms) -> Self:
        """Return the structure with the results that its calculator holds for it; nothing is computed.

        Parameters
        ----------
        atoms : ase.Atoms
            Its constraints aren't applied to the forces; atoms of ``FixAtoms`` get False in ``force_mask``.
            An array ``force_mask`` of the atoms is taken as it is. The energy is the result ``free_energy``
            where there is one, otherwise ``energy``: with smeared occupations codes give a free energy, whose
            derivatives the forces are, and an ``energy`` extrapolated to no smearing, whose derivatives they
            are not.

        Raises
        ------
        MissingExtra
            Without ASE.
        InvalidArgument
            As the class does.
        """
        import_ase()
        from ase.constraints import FixAtoms

        stress = _result(atoms, "stress")
        free_energy = _result(atoms, "free_energy")
        mask = atoms.arrays.get("force_mask")
        fixed = [constraint.index for constraint in atoms.constraints if isinstance(constraint, FixAtoms)]
        if mask is None and fixed:
            mask = np.ones(len(atoms), dtype=bool)
            mask[np.concatenate(fixed)] = False
        return cls(
            numbers=atoms.numbers,
            positions=atoms.positions,
            cell=atoms.cell.array,
            pbc=atoms.pbc,
            energy=_result(atoms, "energy") if free_energy is None else free_energy,
            forces=_result(atoms, "forces"),
            stress=None if stress is None else from_voigt(stress),
            force_mask=mask,
            info=atoms.info,
        )

    def to_ase(self) -> ase.Atoms:
        """Return the structure, its labels in a ``SinglePointCalculator``, a mask as array ``force_mask``.

        Raises
        ------
        MissingExtra
            Without ASE.
        """
        import_ase()
        from ase import Atoms
        from ase.calculators.singlepoint import SinglePointCalculator

        atoms = Atoms(
            numbers=self.numbers, positions=self.positions, cell=self.cell, pbc=self.pbc, info=dict(self.info)
        )
        if self.force_mask is not None:
            atoms.set_array("force_mask", self.force_mask)  # type: ignore[no-untyped-call]
        results: dict[str, Any] = {}
        if self.energy is not None:
            results["energy"] = self.energy
        if self.forces is not None:
            results["forces"] = np.array(self.forces)
        if self.stress is not None:
            results["stress"] = self.stress[VOIGT]
        if results:
            atoms.calc = SinglePointCalculator(atoms, **results)  # type: ignore[no-untyped-call]
        return atoms


def from_voigt(stress: Any) -> FloatArray:
    """Return a symmetric (3, 3) tensor, from itself or from its xx, yy, zz, yz, xz, xy."""
    values = check_finite("stress", stress)
    if values.shape != (6,):
        return values
    tensor = np.empty((3, 3))
    tensor[VOIGT] = values
    tensor[VOIGT[::-1]] = values
    return tensor


def _result(atoms: ase.Atoms, name: str) -> Any:
    """Return what the calculator already knows for these positions, or None."""
    from ase.calculators.calculator import PropertyNotImplementedError

    if atoms.calc is None:
        return None
    try:
        return atoms.calc.get_property(name, atoms, allow_calculation=False)
    except PropertyNotImplementedError:
        return None
