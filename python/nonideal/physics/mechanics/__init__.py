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
from nonideal.physics.mechanics.newton import solve_law
from nonideal.physics.mechanics.search import ExactSearch, Neighbours, Search
from nonideal.physics.mechanics.solution import History, Solution, relative_rms
from nonideal.physics.mechanics.solver import DataDrivenSolver
from nonideal.physics.mechanics.structure import Structure
from nonideal.physics.mechanics.vtu import write_vtu

__all__ = [
    "CellSolution",
    "DataDrivenSolver",
    "DeformationPlasticity",
    "ExactSearch",
    "History",
    "InterpolatedLaw",
    "Law",
    "LinearElastic",
    "MaterialDatabase",
    "Neighbours",
    "RambergOsgood",
    "Search",
    "Solution",
    "Structure",
    "UnitCell",
    "from_mandel",
    "l_beam",
    "relative_rms",
    "solve_law",
    "to_mandel",
    "write_vtu",
]
