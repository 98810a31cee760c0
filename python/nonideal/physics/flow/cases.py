"""Four flows with two parameters (the step: one), after published ones; meshes are made here.

Each function returns a `NavierStokes` with its `ParameterSpace` as ``parameters``.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from nonideal.checks import FloatArray, check_positive
from nonideal.physics.flow.boundary import Parameters
from nonideal.physics.flow.mesh import Mesh
from nonideal.physics.flow.parameters import ParameterSpace
from nonideal.physics.flow.problem import NavierStokes

__all__ = ["backward_step", "channel_jet", "cylinder", "two_lid_cavity"]

Components: TypeAlias = tuple[FloatArray | float, FloatArray | float]

_SLOT = (1.0, 1.5)
_HEIGHT = 0.41  # metre, of the channel with the cylinder


# Functions at the top of the module: problems travel to other processes by pickle.
def _inverse_reynolds(mu: Parameters) -> float:
    return 1.0 / check_positive("mu['Re']", mu["Re"])


def _bottom_lid(x: FloatArray, y: FloatArray, mu: Parameters) -> Components:
    return mu["a"], 0.0


def _regular_lid(x: FloatArray, y: FloatArray, mu: Parameters) -> Components:
    return 16.0 * x**2 * (1.0 - x) ** 2, 0.0


def _regular_bottom_lid(x: FloatArray, y: FloatArray, mu: Parameters) -> Components:
    return mu["a"] * 16.0 * x**2 * (1.0 - x) ** 2, 0.0


def _channel_inflow(x: FloatArray, y: FloatArray, mu: Parameters) -> Components:
    return 4.0 * y * (1.0 - y), 0.0


def _slot_inflow(x: FloatArray, y: FloatArray, mu: Parameters) -> Components:
    s = (x - _SLOT[0]) / (_SLOT[1] - _SLOT[0])
    return 0.0, mu["jet"] * 4.0 * s * (1.0 - s)


def _step_inflow(x: FloatArray, y: FloatArray, mu: Parameters) -> Components:
    return 24.0 * y * (0.5 - y), 0.0


def _cylinder_inflow(x: FloatArray, y: FloatArray, mu: Parameters) -> Components:
    return mu["inflow"] * 4.0 * y * (_HEIGHT - y) / _HEIGHT**2, 0.0


def _viscosity(mu: Parameters) -> float:
    return mu["nu"]


def two_lid_cavity(n: int = 32, regularised: bool = False, *, solver: Any = "auto") -> NavierStokes:
    """Return the square cavity whose top moves with speed 1 and whose bottom with speed a.

    Parameters
    ----------
    n : int
        Squares along each side of the unit square, finer towards the walls, two triangles each.
    regularised : bool
        Lids move with 16 x^2 (1 - x)^2 of their speed, so that the velocity has no jump at the corners;
        otherwise the corners belong to the sides and are at rest.
    solver : str or SparseSolver
        As for `NavierStokes`.

    Returns
    -------
    NavierStokes
        Parameters: Re in [100, 400] (viscosity 1 / Re), a in [-1, 1].

    Raises
    ------
    InvalidArgument
        If n is below 1.

    Examples
    --------
    >>> from nonideal.physics import flow
    >>> flow.cases.two_lid_cavity(n=8).parameters
    ParameterSpace(Re=(100, 400), a=(-1, 1))
    """
    return NavierStokes(
        Mesh.rectangle(0, 1, 0, 1, nx=n, ny=n, grading="cosine"),
        viscosity=_inverse_reynolds,
        dirichlet={
            "top": _regular_lid if regularised else (1.0, 0.0),
            "bottom": _regular_bottom_lid if regularised else _bottom_lid,
            "left": 0.0,
            "right": 0.0,
        },
        parameters=ParameterSpace(Re=(100, 400), a=(-1, 1)),
        solver=solver,
    )


def channel_jet(n: int = 8, length: float = 8.0, *, solver: Any = "auto") -> NavierStokes:
    """Return the channel [0, length] x [0, 1] with a jet through a slot 1 <= x <= 1.5 of its lower wall.

    Both inflows are parabolic, with maxima 1 and ``jet``; the outlet is open.

    Parameters
    ----------
    n : int
        Cells across and per unit of length, even.
    length : float
        Of the channel.
    solver : str or SparseSolver
        As for `NavierStokes`.

    Returns
    -------
    NavierStokes
        Parameters: Re in [50, 300] (viscosity 1 / Re), jet in [0, 1].

    Raises
    ------
    InvalidArgument
        If the slot does not begin and end on columns.

    Examples
    --------
    >>> from nonideal.physics import flow
    >>> flow.cases.channel_jet(n=4).parameters
    ParameterSpace(Re=(50, 300), jet=(0, 1))
    """
    return NavierStokes(
        Mesh.channel_slot(n, length=length, slot=_SLOT),
        viscosity=_inverse_reynolds,
        dirichlet={"inlet": _channel_inflow, "slot": _slot_inflow, "bottom": 0.0, "top": 0.0},
        traction={"outlet": 0.0},
        parameters=ParameterSpace(Re=(50, 300), jet=(0, 1)),
        solver=solver,
    )


def cylinder(n: int = 16, centre: tuple[float, float] = (0.2, 0.2), *, solver: Any = "auto") -> NavierStokes:
    """Return the flow past a cylinder in a channel of 2.2 m by 0.41 m, in SI units.

    Radius 0.05 m; parabolic inflow with maximum ``inflow``, open outlet. With nu = 1e-3 and inflow = 0.3 it
    is the benchmark 2D-1 of M. Schaefer and S. Turek, Notes on Numerical Fluid Mechanics 52, 547-566
    (1996).

    Parameters
    ----------
    n : int
        Cells from the cylinder to the walls and along each quarter of it.
    centre : pair of float, metre
        Of the cylinder.
    solver : str or SparseSolver
        As for `NavierStokes`.

    Returns
    -------
    NavierStokes
        Parameters: nu in [6e-4, 1.5e-3] m^2/s, inflow in [0.15, 0.3] m/s.

    Raises
    ------
    InvalidArgument
        If the cylinder touches a wall.

    Examples
    --------
    >>> from nonideal.physics import flow
    >>> flow.cases.cylinder(n=4).parameters.names
    ('nu', 'inflow')
    """
    return NavierStokes(
        Mesh.cylinder_channel(n, centre=centre, height=_HEIGHT),
        viscosity=_viscosity,
        dirichlet={"inlet": _cylinder_inflow, "wall": 0.0, "cylinder": 0.0},
        traction={"outlet": 0.0},
        parameters=ParameterSpace(nu=(6e-4, 1.5e-3), inflow=(0.15, 0.3)),
        solver=solver,
    )


def backward_step(n: int = 16, length: float = 30.0, *, solver: Any = "auto") -> NavierStokes:
    """Return the flow over a backward-facing step, without the channel before it.

    Channel [0, length] x [-1/2, 1/2]; inflow 24 y (1/2 - y) through the upper half of x = 0, open outlet: the
    problem of D. K. Gartling, Int. J. Numer. Methods Fluids 11, 953-967 (1990).

    Parameters
    ----------
    n : int
        Cells across, even.
    length : float
        Of the channel.
    solver : str or SparseSolver
        As for `NavierStokes`.

    Returns
    -------
    NavierStokes
        Parameter: Re in [100, 400] (viscosity 1 / Re).

    Raises
    ------
    InvalidArgument
        If n is odd or below 2.

    Examples
    --------
    >>> from nonideal.physics import flow
    >>> flow.cases.backward_step(n=4).parameters
    ParameterSpace(Re=(100, 400))
    """
    return NavierStokes(
        Mesh.step_channel(n, length=length),
        viscosity=_inverse_reynolds,
        dirichlet={"inlet": _step_inflow, "step": 0.0, "bottom": 0.0, "top": 0.0},
        traction={"outlet": 0.0},
        parameters=ParameterSpace(Re=(100, 400)),
        solver=solver,
    )
