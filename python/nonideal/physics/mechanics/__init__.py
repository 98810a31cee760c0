"""Data-driven mechanics: a solver that looks its material up in data instead of fitting a law to it.

The path: structure + data base of states -> solver, whose search for the nearest state may be done by a
quantum computer -> fields with their penalty. Units are the user's own, consistent ones.

Source: T. Kirchdoerfer and M. Ortiz, "Data-driven computational mechanics", Computer Methods in Applied
Mechanics and Engineering 304, 81-101 (2016).
"""

from nonideal.physics.mechanics.beam import l_beam
from nonideal.physics.mechanics.cell import CellSolution, UnitCell
from nonideal.physics.mechanics.database import MaterialDatabase
from nonideal.physics.mechanics.interpolation import InterpolatedLaw
from nonideal.physics.mechanics.laws import DeformationPlasticity, Law, LinearElastic, RambergOsgood
from nonideal.physics.mechanics.mandel import from_mandel, to_mandel
from nonideal.physics.mechanics.structure import Structure

__all__ = [
    "CellSolution",
    "DeformationPlasticity",
    "InterpolatedLaw",
    "Law",
    "LinearElastic",
    "MaterialDatabase",
    "RambergOsgood",
    "Structure",
    "UnitCell",
    "from_mandel",
    "l_beam",
    "to_mandel",
]
