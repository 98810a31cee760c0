"""A flow: velocity, pressure and what follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from nonideal.checks import FloatArray, check_choice, check_finite, check_positive
from nonideal.errors import InvalidArgument
from nonideal.physics.flow import exchange, wall
from nonideal.physics.flow.boundary import Parameters
from nonideal.physics.flow.operator import check_field

if TYPE_CHECKING:
    from nonideal.physics.flow.problem import NavierStokes

__all__ = ["Solution"]


class Solution:
    """A flow on a problem's mesh.

    Parameters
    ----------
    problem : NavierStokes
        Whose flow it is.
    mu : mapping of str to float
        Its parameters.
    velocity : (n_nodes, dim) array_like
        At the nodes.
    pressure : (n_pressure,) array_like
        Kinematic, at the vertices.
    linear_solves : int
        What it cost.
    history : sequence of float
        Relative step of each linear solve but the first.
    viscosity : float, optional
        Default: the parameters'.
    convecting : "own", (n_nodes, dim) array_like or None
        What convects the velocity: itself (Navier-Stokes, the default), a given velocity (Oseen) or nothing
        (Stokes). Residuals, and with them forces, are those of that equation.

    Attributes
    ----------
    problem, mu, velocity, pressure, linear_solves, history, viscosity
        As given.
    convecting : (n_nodes, dim) float64 ndarray or None
        The convecting velocity.

    Raises
    ------
    InvalidArgument
        If a field has another shape or a number is not finite.

    Examples
    --------
    >>> from nonideal.physics import flow
    >>> solution = flow.cases.two_lid_cavity(n=8).stokes({"Re": 100, "a": 0})
    >>> solution.velocity.shape, solution.pressure.shape
    ((289, 2), (81,))
    """

    def __init__(
        self,
        problem: NavierStokes,
        mu: Parameters,
        velocity: ArrayLike,
        pressure: ArrayLike,
        *,
        linear_solves: int = 0,
        history: Sequence[float] = (),
        viscosity: float | None = None,
        convecting: ArrayLike | Literal["own"] | None = "own",
    ) -> None:
        self.problem, self.mu = problem, dict(mu)
        self.velocity = check_field("velocity", velocity, problem.nodes.shape)
        self.pressure = check_finite("pressure", pressure)
        if self.pressure.shape != (problem.n_pressure,):
            raise InvalidArgument(f"pressure has shape {self.pressure.shape}, not ({problem.n_pressure},)")
        self.linear_solves = linear_solves
        self.history = tuple(history)
        self.viscosity = viscosity if viscosity is not None else problem.viscosity(self.mu)
        self.convecting: FloatArray | None
        if isinstance(convecting, str):
            check_choice("convecting", convecting, ("own",))
            self.convecting = self.velocity
        elif convecting is None:
            self.convecting = None
        else:
            self.convecting = check_field("convecting", convecting, problem.nodes.shape)

    def __repr__(self) -> str:
        return f"Solution(mu={self.mu}, linear_solves={self.linear_solves})"

    # ---- residuals ----

    @cached_property
    def reactions(self) -> FloatArray:
        """Residual of momentum, (n_nodes, dim): what the boundary exerts on the fluid; ~0 elsewhere."""
        problem, u = self.problem, self.velocity
        residual = self.viscosity * (problem.scalar(problem._core.stiffness) @ u)
        if self.convecting is not None:
            residual += problem._convection(self.convecting) @ u
        residual += (problem.divergence_matrix.T @ self.pressure).reshape(u.shape)
        return np.asarray(residual - problem.setting(self.mu, viscosity=self.viscosity).load)

    @cached_property
    def residual_norm(self) -> float:
        """Euclidean norm of the residuals of momentum, at free nodes, and mass."""
        problem = self.problem
        mass = problem.divergence_matrix @ self.velocity.ravel()
        momentum = self.reactions[~problem.constrained]
        return float(np.sqrt(np.vdot(momentum, momentum) + np.vdot(mass, mass)))

    def divergence_norm(self) -> float:
        """Return the largest ``|int q div u|`` over the pressures' shape functions q."""
        return float(np.abs(self.problem.divergence_matrix @ self.velocity.ravel()).max())

    # ---- integrals ----

    def kinetic_energy(self) -> float:
        """Return ``1/2 int |u|^2``."""
        return 0.5 * self.problem.norm(self.velocity) ** 2

    def enstrophy(self) -> float:
        """Return ``1/2 int |curl u|^2``."""
        cells = self.problem.cells
        return 0.5 * float((cells.weights[..., None] * cells.curl(self.velocity) ** 2).sum())

    def flux(self, part: str) -> float:
        """Return the flux ``int u . n`` out of a part of the boundary.

        Raises
        ------
        InvalidArgument
            If there is no such part.
        """
        return self.problem.sides(part).flux(self.velocity)

    def force(self, part: str) -> FloatArray:
        """Return the force of the fluid (density 1) on a part of the boundary, (dim,).

        From the residuals of its nodes, which converges twice as fast as an integral of stresses. They are
        those of tractions ``(viscosity grad u - p) n``, which act on the whole of a wall as stresses do
        wherever the wall is at rest or moves as a plane. A node where parts meet counts with each of them.

        Raises
        ------
        InvalidArgument
            If there is no such part.
        """
        return np.asarray(-self.reactions[self.problem.sides(part).nodes].sum(axis=0))

    def coefficients(self, part: str, *, speed: float, length: float) -> tuple[float, float]:
        """Return drag and lift coefficient, ``2 F / (speed^2 length)``, in two dimensions.

        Parameters
        ----------
        part : str
            A part of the boundary.
        speed, length : float
            The flow's, > 0.

        Raises
        ------
        InvalidArgument
            If there is no such part, a number is not > 0, or the mesh has three dimensions.
        """
        self._only_2d("coefficients", "divide force(part) by speed^2 times an area")
        scale = 2.0 / (check_positive("speed", speed) ** 2 * check_positive("length", length))
        drag, lift = self.force(part) * scale
        return float(drag), float(lift)

    # ---- the wall ----

    def wall_shear(self, part: str) -> tuple[FloatArray, FloatArray]:
        """Return where and how much the fluid drags a wall along.

        The shear stress tau (density 1) is the quadratic function on the wall whose integrals are the
        residuals of the wall's nodes. On a bent wall that moves along itself it is ``viscosity du/dn``, which
        lacks the part of the wall's own turning.

        Parameters
        ----------
        part : str
            A part of the boundary.

        Returns
        -------
        (n,) float64 ndarray
            Place: along a straight wall the coordinate in its direction (x where it runs along x), else the
            length of arc from the first node on; a closed wall has that node at both ends.
        (n,) float64 ndarray
            Shear stress, positive towards higher places.

        Raises
        ------
        InvalidArgument
            If there is no such part.
        """
        self._only_2d("wall_shear", "force(part) is what the fluid exerts")
        pieces = self._wall(part)
        return (
            np.concatenate([piece.place for piece in pieces]),
            np.concatenate([piece.shear for piece in pieces]),
        )

    def wall_sign_changes(self, part: str) -> FloatArray:
        """Return the places where the shear stress of a wall changes its sign, ascending.

        They are found by straight lines between nodes. Corners of the flow have small eddies, whose ends are
        among the places.

        Raises
        ------
        InvalidArgument
            If there is no such part.
        """
        self._only_2d("wall_sign_changes", "force(part) is what the fluid exerts")
        return wall.sign_changes(self._wall(part))

    def _only_2d(self, method: str, instead: str) -> None:
        dim = self.problem.mesh.dim
        if dim != 2:
            raise InvalidArgument(f"mesh.dim = {dim}: {method} is for two dimensions; {instead}")

    def _wall(self, part: str) -> list[wall.Piece]:
        return wall.shear_of_pieces(self.problem.nodes, self.problem.sides(part), self.reactions)

    # ---- fields ----

    def vorticity(self) -> FloatArray:
        """Return the curl at the nodes: its best quadratic fit in the mean square.

        Returns
        -------
        (n_nodes,) or (n_nodes, 3) float64 ndarray
            ``dv/dx - du/dy`` in two dimensions, the vector in three.

        Examples
        --------
        >>> from nonideal.physics import flow
        >>> solution = flow.cases.two_lid_cavity(n=8, regularised=True).stokes({"Re": 100, "a": 0})
        >>> weights = solution.problem.scalar_mass_matrix.sum(axis=0)
        >>> round(float(weights @ solution.vorticity()), 3)  # minus the circulation along the lid
        -0.533
        """
        curl = self.problem.cells.curl(self.velocity)
        found = [self.problem.project(curl[..., c]) for c in range(curl.shape[-1])]
        return found[0] if len(found) == 1 else np.stack(found, axis=1)

    def at(self, points: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return velocity and pressure at points.

        Parameters
        ----------
        points : (n, dim) array_like
            Inside the mesh, or outside by at most a thousandth of a cell: then the nearest cell is continued.

        Returns
        -------
        (n, dim) and (n,) float64 ndarray
            Velocity and pressure.

        Raises
        ------
        InvalidArgument
            If a point is outside or not finite.

        Examples
        --------
        >>> from nonideal.physics import flow
        >>> solution = flow.cases.two_lid_cavity(n=8).stokes({"Re": 100, "a": 0})
        >>> solution.at([[0.5, 1.0]])[0].round(12).tolist()
        [[1.0, -0.0]]
        """
        return self.problem.locator.sample(points, self.velocity, self.pressure)

    def save(self, path: str | Path) -> None:
        """Write velocity, pressure and vorticity to a VTU file, which ParaView reads.

        Parameters
        ----------
        path : path
            A file ``*.vtu``.

        Raises
        ------
        InvalidArgument
            If the path does not end in ``.vtu``.
        MissingExtra
            If meshio is not installed.
        """
        exchange.write_vtu(path, self)
