"""Mechanics that looks its material up in data: distance-minimising solvers, laws, a composite's cell."""

from nonideal.physics.mechanics.laws import DeformationPlasticity, Law, LinearElastic, RambergOsgood

__all__ = ["DeformationPlasticity", "Law", "LinearElastic", "RambergOsgood"]
