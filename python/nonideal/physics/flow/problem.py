"""Steady incompressible flow with parameters: Stokes, Oseen and Navier-Stokes by Taylor-Hood elements."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nonideal.checks import (
    FloatArray,
    check_choice,
    check_integer,
    check_mapping,
    check_positive,
)
from nonideal.errors import InvalidArgument
from nonideal.physics.flow import solvers
from nonideal.physics.flow.boundary import (
    Data,
    Parameters,
    check_data,
    check_parameters,
    evaluate,
    number_of,
    words,
)
from nonideal.physics.flow.mesh import Mesh
from nonideal.physics.flow.nonlinear import Method, Rule, solve_steady
from nonideal.physics.flow.operator import OseenOperator, check_field
from nonideal.physics.flow.parameters import ParameterSpace
from nonideal.physics.flow.snapshots import Snapshots, solved_snapshots
from nonideal.physics.flow.solution import Solution
from nonideal.physics.flow.taylor_hood import TaylorHood
from nonideal.physics.flow.workspace import Pool, Workspace

__all__ = ["NavierStokes"]

#: Net flux through the boundary of an enclosed flow, relative to the flux in and out: what interpolation of
#: boundary data may leave, and is removed.
FLUX_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Setting:
    """Everything about a flow that its parameters decide.

    Attributes
    ----------
    mu : dict of str to float
    viscosity : float
    boundary : (n_nodes, dim) float64 ndarray
        Prescribed velocities; zero at free nodes.
    load : (n_nodes, dim) float64 ndarray
        Integrals of body force and tractions.
    excess : float
        Net flux out of an enclosed flow.
    """

    mu: dict[str, float]
    viscosity: float
    boundary: FloatArray
    load: FloatArray
    excess: float


class NavierStokes(TaylorHood):
    """A family of steady incompressible flows on one mesh.

    ``-viscosity lap u + (u . grad) u + grad p = f``, ``div u = 0``; velocities u prescribed on some parts of
    the boundary, tractions ``(viscosity grad u - p) n`` on the others; p is the kinematic pressure (pressure
    over density). Taylor-Hood elements: u is quadratic, p linear.

    Parameters
    ----------
    mesh : Mesh
        Where.
    viscosity : float or callable
        Kinematic viscosity > 0, or ``f(mu)``.
    dirichlet : mapping of str to data
        Velocity on parts of the boundary: a number for all components, a tuple of one for each, or
        ``f(x, y, mu)`` (``f(x, y, z, mu)`` in three dimensions) that returns the components for arrays of
        coordinates. Where parts meet, the later entry wins.
    traction : mapping of str to data, optional
        Traction on the other parts; 0.0 is an open outlet.
    body_force : data, optional
        Force per mass.
    parameters : ParameterSpace, optional
        The parameters; values outside its box give a warning. None: any.
    element : str
        ``"P2P1"``.
    solver : str or SparseSolver
        Name of a sparse solver (`solvers.available`), or one's own.

    Attributes
    ----------
    mesh, parameters, element
        As given.
    enclosed : bool
        Whether the velocity is prescribed everywhere: then the pressure has mean zero.
    constrained : (n_nodes,) bool ndarray
        Nodes where the velocity is prescribed.

    Raises
    ------
    InvalidArgument
        If a part is unknown or missing, data are none, or the mesh is too coarse to have a free velocity for
        each pressure.

    Examples
    --------
    Flow between plates, driven by its inflow:

    >>> from nonideal.physics import flow
    >>> problem = flow.NavierStokes(
    ...     flow.Mesh.rectangle(0, 2, 0, 1, nx=4, ny=4),
    ...     viscosity=lambda mu: 1 / mu["Re"],
    ...     dirichlet={"left": lambda x, y, mu: (4 * y * (1 - y), 0.0), "bottom": 0.0, "top": 0.0},
    ...     traction={"right": 0.0},
    ... )
    >>> solution = problem.solve({"Re": 50})
    >>> solution.at([[1.5, 0.5]])[0].round(9).tolist()
    [[1.0, 0.0]]
    """

    def __init__(
        self,
        mesh: Mesh,
        *,
        viscosity: float | Callable[[Parameters], float],
        dirichlet: Mapping[str, Data],
        traction: Mapping[str, Data] | None = None,
        body_force: Data | None = None,
        parameters: ParameterSpace | None = None,
        element: str = "P2P1",
        solver: Any = "auto",
    ) -> None:
        if parameters is not None and not isinstance(parameters, ParameterSpace):
            raise InvalidArgument(f"parameters: {type(parameters).__name__} is not a ParameterSpace")
        super().__init__(mesh)
        self.parameters = parameters
        self.element = check_choice("element", element, ("P2P1",))
        self._viscosity = viscosity
        if not callable(viscosity):
            number_of("viscosity", viscosity, {})
        self._dirichlet = {
            part: check_data(f"dirichlet[{part!r}]", data, mesh.dim)
            for part, data in check_mapping("dirichlet", dirichlet).items()
        }
        self._traction = {
            part: check_data(f"traction[{part!r}]", data, mesh.dim)
            for part, data in check_mapping("traction", traction or {}).items()
        }
        self._body_force = None if body_force is None else check_data("body_force", body_force, mesh.dim)
        self._solver = solver
        self._check_parts()
        self.enclosed = not self._traction
        self.constrained = np.zeros(self._core.n_nodes, dtype=bool)
        for part in self._dirichlet:
            self.constrained[self.sides(part).nodes] = True
        self.constrained.flags.writeable = False
        n_velocities = mesh.dim * int((~self.constrained).sum())
        n_pressures = self.n_pressure - int(self.enclosed)
        if n_velocities < n_pressures:
            raise InvalidArgument(
                f"mesh: {n_velocities} free velocities for {n_pressures} pressures; refine the mesh"
            )
        self._check_pressures()
        self._pool = Pool(self._make_operator, solver)

    def _check_parts(self) -> None:
        known = ", ".join(self.mesh.boundaries)
        for argument, given in (("dirichlet", self._dirichlet), ("traction", self._traction)):
            for part in given:
                if part not in self.mesh.boundaries:
                    raise InvalidArgument(f"{argument} names {part!r}, which is not one of {known}")
        for part in self.mesh.boundaries:
            if part in self._dirichlet and part in self._traction:
                raise InvalidArgument(f"boundary part {part!r} is in both dirichlet and traction")
            if part not in self._dirichlet and part not in self._traction:
                raise InvalidArgument(
                    f"boundary part {part!r} is in neither dirichlet nor traction; "
                    "an open outlet has traction 0.0"
                )
        if not self._dirichlet:
            raise InvalidArgument("dirichlet: no part; the velocity must be prescribed somewhere")

    def _check_pressures(self) -> None:
        """Refuse vertices whose pressure no free velocity sees, as in a corner that one cell cuts off."""
        cell_nodes = self.cell_nodes
        free = ~self.constrained[cell_nodes].all(axis=1)
        seen = np.zeros(self.n_pressure, dtype=bool)
        seen[cell_nodes[free, : self.mesh.dim + 1]] = True
        if not seen.all():
            vertex = int(seen.argmin())
            cell = int((cell_nodes[:, : self.mesh.dim + 1] == vertex).any(axis=1).argmax())
            raise InvalidArgument(
                f"mesh: all velocities around vertex {vertex} are prescribed, in cells[{cell}] among others; "
                "its pressure is not determined"
            )

    def __getstate__(self) -> dict[str, Any]:
        return {
            "mesh": self.mesh,
            "viscosity": self._viscosity,
            "dirichlet": self._dirichlet,
            "traction": self._traction,
            "body_force": self._body_force,
            "parameters": self.parameters,
            "element": self.element,
            "solver": self._solver,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def __repr__(self) -> str:
        kind = "enclosed" if self.enclosed else "open"
        return f"NavierStokes({self.element}, {self.n_dof} dofs, {kind}, {self.parameters})"

    # ---- operators ----

    @cached_property
    def operator(self) -> OseenOperator:
        """An Oseen operator of the caller's own; solves use others."""
        return self._make_operator()

    def _make_operator(self) -> OseenOperator:
        pinned = None
        if self.enclosed:  # away from the walls, whose corners may leave a pressure poorly determined
            inside = ~self.constrained[: self.n_pressure]
            pinned = int(inside.argmax())
        return OseenOperator(self._core, self.constrained, pinned)

    @property
    def solver_stats(self) -> solvers.SolverStats:
        """What the solvers of this problem did so far, all threads together."""
        return self._pool.stats()

    # ---- parameters ----

    def check_mu(self, mu: Any) -> dict[str, float]:
        """Return checked parameters; warn where they are outside the box.

        Raises
        ------
        InvalidArgument
            If one is missing, unknown, or not a finite number.

        Warns
        -----
        UserWarning
            If they are outside the box of `parameters`.
        """
        if self.parameters is None:
            return check_parameters(mu)
        checked = self.parameters.checked(mu)
        if not self.parameters.contains(checked):
            warnings.warn(f"{words(checked)} is outside {self.parameters}", UserWarning, stacklevel=3)
        return checked

    def named(self, mu: Any, argument: str) -> dict[str, float]:
        """Return checked parameters as `check_mu` does, without its warning; ``argument`` names them."""
        space = self.parameters
        return check_parameters(mu, argument) if space is None else space.checked(mu, argument)

    def viscosity(self, mu: Parameters) -> float:
        """Return the kinematic viscosity at (checked) parameters.

        Raises
        ------
        InvalidArgument
            If it is not > 0.
        """
        return number_of("viscosity", self._viscosity, mu)

    def setting(self, mu: Parameters, *, viscosity: float | None = None, flux: bool = True) -> Setting:
        """Return what the (checked) parameters decide.

        ``flux=False`` leaves the net flux out, which costs as much as all else.

        Raises
        ------
        InvalidArgument
            If a function of the user's returns something else than finite numbers, the viscosity is not > 0,
            or the boundary velocities of an enclosed flow have a net flux.
        """
        nu = self.viscosity(mu) if viscosity is None else viscosity
        boundary = np.zeros(self.nodes.shape)
        for part, data in self._dirichlet.items():
            nodes = self.sides(part).nodes
            boundary[nodes] = evaluate(f"dirichlet[{part!r}]", data, self.nodes[nodes], mu)
        load = np.zeros_like(boundary)
        if self._body_force is not None and not _is_zero(self._body_force):
            load += self.cells.load(evaluate("body_force", self._body_force, self.cells.points, mu))
        for part, data in self._traction.items():
            if not _is_zero(data):
                sides = self.sides(part)
                load += sides.load(evaluate(f"traction[{part!r}]", data, sides.points, mu))
        return Setting(
            dict(mu), nu, boundary, load, self._excess(boundary) if flux and self.enclosed else 0.0
        )

    def _excess(self, boundary: FloatArray) -> float:
        parts = [self.sides(part) for part in self._dirichlet]
        net = sum(sides.flux(boundary) for sides in parts)
        total = sum(sides.flux(boundary, absolute=True) for sides in parts)
        # Along a slanted wall a tangential velocity leaves what rounding makes of it.
        rounding = 1e-12 * sum(sides.integral(np.linalg.norm(boundary, axis=1)) for sides in parts)
        if abs(net) > FLUX_TOLERANCE * total + rounding:
            raise InvalidArgument(
                f"dirichlet: net flux {net:g} out of an enclosed flow, of {total:g} in and out; "
                f"at most {FLUX_TOLERANCE:g} of it may remain"
            )
        return net

    # ---- flows ----

    def stokes(self, mu: Parameters) -> Solution:
        """Return the flow without convection: one linear solve.

        Parameters
        ----------
        mu : mapping of str to float
            The parameters.

        Raises
        ------
        InvalidArgument
            As `setting`.
        NumericalError
            If the matrix is singular.
        """
        setting = self.setting(self.check_mu(mu))
        with self._pool.lend() as space:
            velocity, pressure = self._linear(space, setting, None, setting.viscosity, False)
        return Solution(
            self,
            setting.mu,
            velocity,
            pressure,
            linear_solves=1,
            viscosity=setting.viscosity,
            convecting=None,
        )

    def oseen(self, convecting: ArrayLike, mu: Parameters, *, viscosity: float | None = None) -> Solution:
        """Return the flow convected by a given velocity: one linear solve.

        Parameters
        ----------
        convecting : (n_nodes, dim) array_like
            Convecting velocity.
        mu : mapping of str to float
            The parameters.
        viscosity : float, optional
            Instead of the parameters' own.

        Raises
        ------
        InvalidArgument
            As `setting`, and if the convecting velocity has another shape.
        NumericalError
            If the matrix is singular.

        Examples
        --------
        >>> from nonideal.physics import flow
        >>> problem = flow.cases.two_lid_cavity(n=8)
        >>> mu = {"Re": 100, "a": 0.5}
        >>> solution = problem.solve(mu)
        >>> same = problem.oseen(solution.velocity, mu)
        >>> bool(problem.norm(same.velocity - solution.velocity) < 1e-9)
        True
        """
        field = check_field("convecting", convecting, self.nodes.shape)
        if viscosity is not None:
            viscosity = check_positive("viscosity", viscosity)
        setting = self.setting(self.check_mu(mu), viscosity=viscosity)
        with self._pool.lend() as space:
            velocity, pressure = self._linear(space, setting, field, setting.viscosity, False)
        return Solution(
            self,
            setting.mu,
            velocity,
            pressure,
            linear_solves=1,
            viscosity=setting.viscosity,
            convecting=field,
        )

    def solve(
        self,
        mu: Parameters,
        *,
        tol: float = 1e-10,
        max_solves: int = 60,
        initial: ArrayLike | Solution | None = None,
        method: Method = "auto",
        continuation: bool = True,
    ) -> Solution:
        """Return the steady flow.

        ``"auto"`` takes Picard's steps until one is below 2 %, then Newton's. Where Picard does not get there
        within 25 solves, the flow at half the Reynolds number (twice the viscosity) is found first, in the
        same way, at most 6 times.

        Parameters
        ----------
        mu : mapping of str to float
            The parameters.
        tol : float
            Relative step, in the L2 norm of the velocity, below which the flow is taken as steady.
        max_solves : int
            Linear solves at most, at each Reynolds number anew.
        initial : (n_nodes, dim) array_like or Solution, optional
            Where to start; default: the Stokes flow.
        method : {"auto", "picard", "newton"}
            Steps.
        continuation : bool
            Whether to go through lower Reynolds numbers.

        Raises
        ------
        InvalidArgument
            As `setting`, and if an option is outside its range.
        FlowConvergenceError
            If no steady flow is found; with ``history`` and ``mu``.

        Examples
        --------
        >>> from nonideal.physics import flow
        >>> solution = flow.cases.two_lid_cavity(n=8).solve({"Re": 100, "a": 0})
        >>> solution.linear_solves <= 9, round(solution.kinetic_energy(), 3)
        (True, 0.034)
        """
        rule = Rule(
            check_positive("tol", tol),
            check_integer("max_solves", max_solves, 1),
            check_choice("method", method, ("auto", "picard", "newton")),
            bool(continuation),
        )
        start = initial.velocity if isinstance(initial, Solution) else initial
        if start is not None:
            start = check_field("initial", start, self.nodes.shape)
        setting = self.setting(self.check_mu(mu))
        with self._pool.lend() as space:

            def step(
                convecting: FloatArray | None, factor: float, newton: bool
            ) -> tuple[FloatArray, FloatArray]:
                return self._linear(space, setting, convecting, factor * setting.viscosity, newton)

            found = solve_steady(step, self.norm, rule, start, setting.mu)
        return Solution(
            self,
            setting.mu,
            found.velocity,
            found.pressure,
            linear_solves=found.linear_solves,
            history=tuple(found.history),
            viscosity=setting.viscosity,
        )

    def snapshots(
        self,
        mus: Iterable[Parameters],
        *,
        tol: float = 1e-10,
        workers: int | None = None,
        progress: bool | None = None,
    ) -> Snapshots:
        """Return the steady flows at several parameters.

        Parameters
        ----------
        mus : iterable of mapping
            The parameters, in the order of the result's columns.
        tol : float
            As for `solve`.
        workers : int, optional
            Threads that solve side by side; results do not depend on it.
        progress : bool, optional
            False for no progress bar on a terminal.

        Raises
        ------
        InvalidArgument
            As `solve`.
        FlowConvergenceError
            As `solve`, at the first failure; its ``finished`` holds the flows that were found before, None if
            there are none.

        Examples
        --------
        >>> from nonideal.physics import flow
        >>> problem = flow.cases.two_lid_cavity(n=6)
        >>> problem.snapshots(problem.parameters.grid(2)).velocity.shape == (problem.n_velocity, 4)
        True
        """
        return solved_snapshots(self, mus, tol=tol, workers=workers, progress=progress)

    def _linear(
        self,
        space: Workspace,
        setting: Setting,
        convecting: FloatArray | None,
        viscosity: float,
        newton: bool,
    ) -> tuple[FloatArray, FloatArray]:
        """Return velocity (n_nodes, dim) and pressure (n_pressure,) of one linear system."""
        operator = space.operator
        operator.update(convecting, viscosity, newton=newton, boundary=setting.boundary)
        rows, free = operator.n_velocity_rows, operator.free
        rhs = operator.rhs.copy()
        rhs[:rows] += setting.load.ravel()[free[:rows]]
        vertices = free[rows:] - self.n_velocity
        area = self.pressure_weights.sum()
        if setting.excess:
            rhs[rows:] -= setting.excess / area * self.pressure_weights[vertices]
        space.factorize()
        found = space.solver.solve(rhs)
        velocity = setting.boundary.copy()
        velocity.ravel()[free[:rows]] = found[:rows]
        pressure = np.zeros(self.n_pressure)
        pressure[vertices] = found[rows:]
        if self.enclosed:
            # Not by BLAS, whose sums depend on its threads.
            pressure -= np.einsum("i,i->", self.pressure_weights, pressure) / area
        return velocity, pressure


def _is_zero(data: Data) -> bool:
    return not callable(data) and not np.any(data)
