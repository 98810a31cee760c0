"""Lattice constants, bulk moduli and vacancies, against what ASE's own pieces say and what is published."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS

from nonideal import InvalidArgument
from nonideal.errors import MissingExtra, NumericalError
from nonideal.physics import atoms


def test_relaxing_the_cell_finds_the_same_lattice():
    crystal = bulk("Cu", a=3.65, cubic=True)
    eos = atoms.equation_of_state(crystal, EMT())
    crystal.calc = EMT()
    BFGS(FrechetCellFilter(crystal), logfile=None).run(fmax=1e-4)
    assert 3.65 * eos.scale == pytest.approx(crystal.cell[0, 0], rel=1e-4)
    assert eos.energy == pytest.approx(crystal.get_potential_energy() / 4, abs=1e-5)
    assert eos.volume == pytest.approx((3.65 * eos.scale) ** 3 / 4)
    # The second derivative of the energy by volume, from stresses
    pressures = []
    for strain in (-1e-3, 1e-3):
        strained = crystal.copy()
        strained.set_cell(crystal.cell[:] * (1 + strain), scale_atoms=True)
        strained.calc = EMT()
        pressures.append(-np.mean(strained.get_stress()[:3]) * 160.2176634)
    assert eos.bulk_modulus == pytest.approx((pressures[0] - pressures[1]) / 6e-3, rel=0.01)


def test_a_vacancy_costs_what_is_published():
    """Cu_u3: 1.28 eV (Foiles, Baskes and Daw 1986); images of a 107-atom cell cost hundredths of it."""
    crystal = bulk("Cu", a=3.615, cubic=True) * (3, 3, 3)
    try:
        relaxed = atoms.vacancy_formation_energy(crystal, "copper-eam", index=5)
    except MissingExtra as problem:
        pytest.skip(str(problem))
    assert relaxed == pytest.approx(1.28, abs=0.03)
    stiff = atoms.vacancy_formation_energy(crystal, "copper-eam", relax=False)
    assert relaxed < stiff < relaxed + 0.1


def test_refusals():
    crystal = bulk("Cu", a=3.59, cubic=True)
    with pytest.raises(InvalidArgument, match=r"^system: a crystal has atoms and periods in all three"):
        atoms.equation_of_state(molecule("N2"), EMT())
    with pytest.raises(InvalidArgument, match=r"^strain = 0.2 is outside \(0, 0.2\)$"):
        atoms.equation_of_state(crystal, EMT(), strain=0.2)
    with pytest.raises(InvalidArgument, match=r"^n_points = 4 is outside \[5, 2\^31\)$"):
        atoms.equation_of_state(crystal, EMT(), n_points=4)
    with pytest.raises(
        NumericalError, match=r"^energies on 11 volumes have no minimum between strains of -0.02 and 0.02"
    ):
        atoms.equation_of_state(bulk("Cu", a=3.9, cubic=True), EMT())
    with pytest.raises(InvalidArgument, match=r"^index = 4 is outside \[0, 4\)$"):
        atoms.vacancy_formation_energy(crystal, EMT(), index=4)
    with pytest.raises(
        InvalidArgument, match=r"^system: a vacancy needs two atoms or more, all of one kind$"
    ):
        atoms.vacancy_formation_energy(
            Atoms("CuAu", crystal.positions[:2], cell=crystal.cell, pbc=True), EMT()
        )
