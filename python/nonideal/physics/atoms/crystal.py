"""What a potential says of a crystal: its lattice, how stiff it is, and what a missing atom costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nonideal.checks import FloatArray, check_boolean, check_integer, check_positive
from nonideal.errors import ConvergenceError, InvalidArgument, MissingExtra, NumericalError
from nonideal.physics.atoms.ase_systems import as_atoms, as_calculator

try:
    from ase import eos, units
    from ase.optimize import LBFGS
except ImportError:
    raise MissingExtra("ase", "atoms") from None

__all__ = ["EquationOfState", "equation_of_state", "vacancy_formation_energy"]


@dataclass(frozen=True, eq=False)
class EquationOfState:
    """The minimum of a crystal's energy over its volume.

    Parameters
    ----------
    scale : float
        Lengths at the minimum over those that were given: times the given lattice constant it is the new one.
    volume : float, angstrom^3/atom
    energy : float, eV/atom
    bulk_modulus : float, GPa
    volumes, energies : (n_points,) float64, angstrom^3/atom and eV/atom
        What was fitted.
    """

    scale: float
    volume: float
    energy: float
    bulk_modulus: float
    volumes: FloatArray
    energies: FloatArray


def equation_of_state(
    system: Any, calculator: Any, *, strain: float = 0.02, n_points: int = 11
) -> EquationOfState:
    """Fit Birch and Murnaghan's equation of state to a crystal that is stretched alike in all directions.

    Parameters
    ----------
    system : ase.Atoms or Frame
        A perfect crystal, periodic in all directions; atoms stay at their fractional places.
    calculator : ASE calculator or str
        A name stands for `ground_truth` of it.
    strain : float
        Lengths go from 1 - strain to 1 + strain times the given ones.
    n_points : int
        Volumes, at least 5.

    Returns
    -------
    EquationOfState

    Raises
    ------
    InvalidArgument
        If the system is not periodic everywhere, or an argument is out of range.
    NumericalError
        If the minimum is outside the strains.

    Notes
    -----
    The fit is ASE's. Source of the form: F. Birch, Phys. Rev. 71, 809 (1947).

    Examples
    --------
    >>> from ase.build import bulk
    >>> from nonideal.physics import atoms
    >>> eos = atoms.equation_of_state(bulk("Cu", a=3.6, cubic=True), "copper-emt")
    >>> print(round(3.6 * eos.scale, 2), round(eos.bulk_modulus))
    3.59 134
    """
    atoms = _crystal(system)
    strain = check_positive("strain", strain)
    if not strain < 0.2:
        raise InvalidArgument(f"strain = {strain:g} is outside (0, 0.2)")
    n_points = check_integer("n_points", n_points, 5, 31)
    atoms.calc = as_calculator("calculator", calculator)
    cell = atoms.cell[:].copy()
    scales = np.linspace(1.0 - strain, 1.0 + strain, n_points)
    volumes, energies = np.empty(n_points), np.empty(n_points)
    for k, scale in enumerate(scales):
        atoms.set_cell(cell * scale, scale_atoms=True)
        volumes[k] = atoms.get_volume() / len(atoms)
        energies[k] = atoms.get_potential_energy() / len(atoms)
    if energies.argmin() in (0, n_points - 1):
        raise NumericalError(
            f"energies on {n_points} volumes have no minimum between strains of {-strain:g} and {strain:g}"
        )
    fit: Any = eos.EquationOfState
    volume, energy, modulus = fit(volumes, energies, eos="birchmurnaghan").fit(warn=False)
    given = abs(float(np.linalg.det(cell))) / len(atoms)
    return EquationOfState(
        scale=float((volume / given) ** (1 / 3)),
        volume=float(volume),
        energy=float(energy),
        bulk_modulus=float(modulus / units.GPa),
        volumes=volumes,
        energies=energies,
    )


def vacancy_formation_energy(
    system: Any, calculator: Any, *, index: int = 0, relax: bool = True, force_tolerance: float = 0.01
) -> float:
    """Return what it costs to take one atom out of a crystal and put it into a perfect one: eV.

    Parameters
    ----------
    system : ase.Atoms or Frame
        A perfect crystal, periodic in all directions; the cell stays as it is. Vacancies see their images.
    calculator : ASE calculator or str
        A name stands for `ground_truth` of it.
    index : int
        Which atom.
    relax : bool
        Let the others move to the next minimum.
    force_tolerance : float, eV/angstrom
        Where relaxation ends.

    Raises
    ------
    InvalidArgument
        If the system is not periodic everywhere, or an argument is out of range.
    ConvergenceError
        If relaxation takes more than 1000 steps.

    Notes
    -----
    E(N - 1) - (N - 1)/N E(N), for atoms of one kind; in a compound it leaves out where the atom goes.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from nonideal.physics import atoms
    >>> copper = bulk("Cu", a=3.59, cubic=True) * (2, 2, 2)
    >>> print(round(atoms.vacancy_formation_energy(copper, "copper-emt", relax=False), 1))
    1.2
    """
    atoms = _crystal(system)
    n_atoms = len(atoms)
    if n_atoms < 2 or len(set(atoms.numbers.tolist())) != 1:
        raise InvalidArgument("system: a vacancy needs two atoms or more, all of one kind")
    index = check_integer("index", index, 0)
    if index >= n_atoms:
        raise InvalidArgument(f"index = {index} is outside [0, {n_atoms})")
    force_tolerance = check_positive("force_tolerance", force_tolerance)
    atoms.calc = as_calculator("calculator", calculator)
    perfect = float(atoms.get_potential_energy())
    del atoms[index]
    if check_boolean("relax", relax):
        quiet: Any = None
        with LBFGS(atoms, logfile=quiet) as search:
            if not search.run(fmax=force_tolerance, steps=1000):
                largest = float(np.linalg.norm(atoms.get_forces(), axis=1).max())
                raise ConvergenceError(
                    f"relaxation: after 1000 steps a force is {largest:.3g} eV/angstrom, not force_tolerance"
                )
    return float(atoms.get_potential_energy()) - (n_atoms - 1) / n_atoms * perfect


def _crystal(system: Any) -> Any:
    atoms = as_atoms(system)
    if not atoms.pbc.all() or not len(atoms):
        raise InvalidArgument("system: a crystal has atoms and periods in all three directions")
    return atoms
