"""Incompressible flow: Oseen and Navier-Stokes solvers and their reduced-order models."""

from nonideal.physics.flow import solvers

__all__ = ["solvers"]
