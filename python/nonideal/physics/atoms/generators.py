"""Ground truth that is generated: potentials that are known exactly and cost little."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from nonideal.checks import check_choice
from nonideal.errors import MissingExtra

__all__ = ["GENERATORS", "Generator", "ground_truth"]


@dataclass(frozen=True)
class Generator:
    """A potential that labels frames.

    Parameters
    ----------
    name : str
        As `ground_truth` takes it.
    engine : str
        What computes it.
    source : str
        Where the potential comes from.
    species : tuple of str
        Chemical symbols that it knows; empty: many.
    extra : str
        The extra of nonideal that brings the engine.
    cost : float, microsecond/atom/step
        In the engine's own dynamics, CPU time on one core of an AMD EPYC, to compare generators by (crystals
        of 256 to 1000 atoms, methane); ``nonideal bench langevin-500`` measures copper's.
    make : callable
        Returns a new ASE calculator.
    """

    name: str
    engine: str
    source: str
    species: tuple[str, ...]
    extra: str
    cost: float
    make: Callable[[], Any]


def ground_truth(name: str) -> Any:
    """Return a new ASE calculator of a generator.

    Parameters
    ----------
    name : str
        A key of `GENERATORS`: ``"copper-emt"``, ``"copper-eam"``, ``"silicon-sw"``, ``"silicon-tersoff"``,
        ``"argon-lj"``, ``"gfn2-xtb"``.

    Raises
    ------
    InvalidArgument
        If there is no such generator.
    MissingExtra
        If its engine is not installed.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from nonideal.physics import atoms
    >>> copper = bulk("Cu", a=3.615, cubic=True)
    >>> copper.calc = atoms.ground_truth("copper-eam")
    >>> print(round(copper.get_potential_energy() / 4, 2))  # the cohesive energy of copper, eV
    -3.54
    >>> atoms.ground_truth("lead")
    Traceback (most recent call last):
        ...
    nonideal.errors.InvalidArgument: name = 'lead' is not one of copper-emt, copper-eam, silicon-sw, ...
    """
    return GENERATORS[check_choice("name", name, GENERATORS)].make()


def _emt() -> Any:
    try:
        from ase.calculators.emt import EMT
    except ImportError:
        raise MissingExtra("ase", "atoms") from None
    make: Any = EMT
    return make()


def _lammps(style: str, coefficients: str, file: str, species: tuple[str, ...], cutoff: float) -> Any:
    from nonideal.physics.atoms.lammps.calculator import LammpsCalculator
    from nonideal.physics.atoms.lammps.module import import_lammps, potential_file

    import_lammps()
    path = f'"{potential_file(file)}"' if file else ""
    commands = [f"pair_style {style}", f"pair_coeff * * {path} {coefficients}".strip()]
    if style.startswith("lj/cut"):
        commands.append("pair_modify shift yes")  # or the energy would jump at the cutoff
    return LammpsCalculator(commands, species, cutoff)


def _xtb() -> Any:
    try:
        from tblite.ase import TBLite
    except ImportError:
        raise MissingExtra("tblite", "xtb") from None
    return TBLite(method="GFN2-xTB", verbosity=0)


_DECLARED = (
    Generator(
        "copper-emt",
        "ASE",
        "effective medium theory: K. W. Jacobsen, P. Stoltze and J. K. Norskov, Surf. Sci. 366, 394 (1996)",
        ("Cu",),
        "atoms",
        61.0,
        _emt,
    ),
    Generator(
        "copper-eam",
        "LAMMPS",
        "embedded atoms, Cu_u3.eam: S. M. Foiles, M. I. Baskes and M. S. Daw, Phys. Rev. B 33, 7983 (1986)",
        ("Cu",),
        "lammps",
        0.52,
        lambda: _lammps("eam", "", "Cu_u3.eam", ("Cu",), 4.95),
    ),
    Generator(
        "silicon-sw",
        "LAMMPS",
        "three-body, Si.sw: F. H. Stillinger and T. A. Weber, Phys. Rev. B 31, 5262 (1985)",
        ("Si",),
        "lammps",
        0.63,
        lambda: _lammps("sw", "{types}", "Si.sw", ("Si",), 3.77118),
    ),
    Generator(
        "silicon-tersoff",
        "LAMMPS",
        "bond order, Si.tersoff: J. Tersoff, Phys. Rev. B 37, 6991 (1988)",
        ("Si",),
        "lammps",
        1.04,
        lambda: _lammps("tersoff", "{types}", "Si.tersoff", ("Si",), 3.2),
    ),
    Generator(
        "argon-lj",
        "LAMMPS",
        "120 K, 3.4 angstrom: A. Rahman, Phys. Rev. 136, A405 (1964); cut at 2.5 sigma and shifted",
        ("Ar",),
        "lammps",
        0.26,
        lambda: _lammps("lj/cut 8.5", "0.010340800 3.4", "", ("Ar",), 8.5),
    ),
    Generator(
        "gfn2-xtb",
        "tblite",
        "tight binding: C. Bannwarth, S. Ehlert and S. Grimme, J. Chem. Theory Comput. 15, 1652 (2019)",
        (),
        "xtb",
        100.0,
        _xtb,
    ),
)

#: By name.
GENERATORS: Mapping[str, Generator] = MappingProxyType({g.name: g for g in _DECLARED})
