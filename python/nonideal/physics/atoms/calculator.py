"""LEIGNN as a calculator of ASE."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nonideal.checks import check_boolean, check_choice
from nonideal.errors import InvalidArgument, MissingExtra
from nonideal.physics.atoms.frame import VOIGT
from nonideal.physics.atoms.potential import Potential
from nonideal.physics.atoms.prediction import Prediction

try:
    from ase.calculators.calculator import Calculator, PropertyNotImplementedError, all_changes
except ImportError:
    raise MissingExtra("ase", "atoms") from None

__all__ = ["LeignnCalculator"]


class LeignnCalculator(Calculator):
    """Energy, forces and stress of a LEIGNN for ASE.

    ``results`` holds ``energy``, ``free_energy``, ``energies``, ``forces`` and, of atoms with a cell,
    ``stress`` (Voigt xx yy zz yz xz xy, eV/angstrom^3, positive in tension). It may be copied and pickled,
    such as for several processes, and gives the same bits there; see `Potential`.

    Parameters
    ----------
    model : path, LEIGNN, Potential, or a sequence of them
        Several are a committee: results are their mean, and ``energy_std`` (eV) and ``forces_std``
        (n_atoms, 3), their standard deviations over the members, are in ``results`` too.
    forces : str or None
        ``"gradient"`` or ``"direct"``; the latter don't conserve energy. None: what the model was made for.
    precision : str
        ``"float32"`` or ``"float64"``; not for a `Potential`, which has its own.
    skin : float
        angstrom; how much further the neighbour list reaches, so that it is kept for some steps. Models that
        limit the number of neighbours have none.
    num_threads : int, optional
        None: `nonideal.num_threads`.
    remove_net_force : bool
        Whether to take the mean force off every atom.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from nonideal.physics import atoms
    >>> crystal = bulk("Cu", cubic=True)
    >>> model = atoms.LEIGNN(["Cu"], channels=32, layers=2, n_rbf=8, seed=1)
    >>> crystal.calc = atoms.LeignnCalculator(model)
    >>> crystal.get_forces().shape, crystal.get_stress().shape
    ((4, 3), (6,))
    """

    implemented_properties = ["energy", "free_energy", "energies", "forces", "stress"]  # noqa: RUF012

    def __init__(
        self,
        model: Any,
        *,
        forces: str | None = "gradient",
        precision: str = "float32",
        skin: float = 0.7,
        num_threads: int | None = None,
        remove_net_force: bool = False,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        if forces is not None:
            check_choice("forces", forces, ("gradient", "direct"))
        self.remove_net_force = check_boolean("remove_net_force", remove_net_force)
        members = (
            list(model) if isinstance(model, Sequence) and not isinstance(model, str | Path) else [model]
        )
        if not members:
            raise InvalidArgument("model: a committee needs at least one member")
        self.potentials: list[Potential] = []
        for member in members:
            if isinstance(member, Potential):
                self.potentials.append(member)
                continue
            potential = Potential(member, precision=precision, num_threads=num_threads)
            limited = potential.max_neighbors is not None
            self.potentials.append(potential if limited else potential.with_skin(skin))
        kinds = {"direct" if potential.forces == "direct" else "gradient" for potential in self.potentials}
        if forces is None and len(kinds) > 1:
            raise InvalidArgument("forces = None: some members have direct forces, others gradient forces")
        self.forces_kind = kinds.pop() if forces is None else forces

    def calculate(
        self,
        atoms: Any = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Compute what ASE asks for.

        Raises
        ------
        InvalidArgument, NumericalError
            As `Potential.compute`.
        """
        super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]
        structure: Any = self.atoms
        stress = "stress" in properties
        if stress and structure.cell.rank < 3:
            raise PropertyNotImplementedError("stress needs a cell with three vectors")
        kind = self.forces_kind if {"forces", "stress"} & set(properties) else "none"
        found = [
            potential.compute(structure, forces=kind, stress=stress, remove_net_force=self.remove_net_force)
            for potential in self.potentials
        ]
        self.results = _results(found)


def _results(found: list[Prediction]) -> dict[str, Any]:
    """Return what ASE knows by these names; of several predictions the mean, and how they scatter."""
    energies = [member.energy for member in found]
    energy = float(np.mean(energies))
    results: dict[str, Any] = {
        "energy": energy,
        "free_energy": energy,
        "energies": np.mean([member.energies for member in found], axis=0),
    }
    forces = [member.forces for member in found if member.forces is not None]
    if forces:
        results["forces"] = np.mean(forces, axis=0)
    stresses = [member.stress for member in found if member.stress is not None]
    if stresses:
        mean = np.mean(stresses, axis=0)
        results["stress"] = mean[VOIGT]
    if len(found) > 1:
        results["energy_std"] = float(np.std(energies))
        if forces:
            results["forces_std"] = np.std(forces, axis=0)
    return results
