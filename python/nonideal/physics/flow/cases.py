"""Five flows with two parameters (the step: one), after published ones; meshes are made here.

Each function returns a `NavierStokes` with its `ParameterSpace` as ``parameters``.
"""

from __future__ import annotations

from functools import partial
from typing import Any, TypeAlias

from nonideal.checks import FloatArray, check_choice, check_number, check_positive
from nonideal.errors import InvalidArgument
from nonideal.physics.flow import squirmer
from nonideal.physics.flow.boundary import Parameters
from nonideal.physics.flow.mesh import Mesh
from nonideal.physics.flow.parameters import ParameterSpace
from nonideal.physics.flow.problem import NavierStokes

__all__ = ["backward_step", "channel_jet", "cylinder", "swimmer", "two_lid_cavity"]

Components: TypeAlias = tuple[FloatArray | float, FloatArray | float]
Vector: TypeAlias = tuple[FloatArray, FloatArray, FloatArray]

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


def _swimming(x: FloatArray, y: FloatArray, z: FloatArray, mu: Parameters, *, aspect: float) -> Vector:
    u, v, w = squirmer.slip(x, y, z, aspect, mu["beta"])
    b1 = 1.0 / squirmer.speed_over_b1(aspect)
    return b1 * u, b1 * v, b1 * w


def _unbounded(x: FloatArray, y: FloatArray, z: FloatArray, mu: Parameters) -> Vector:
    u, v, w = squirmer.stokes_velocity(x, y, z, mu["beta"])
    b1 = 1.0 / squirmer.speed_over_b1(1.0)
    return b1 * u, b1 * v, b1 * w


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


def swimmer(
    n: int = 4,
    aspect: float = 1.0,
    *,
    far: str = "uniform",
    half_width: float | None = None,
    upstream: float | None = None,
    downstream: float | None = None,
    solver: Any = "auto",
) -> NavierStokes:
    """Return the flow around a swimmer that is held in a stream: a squirmer in a square channel, in 3-D.

    A prolate spheroid, semi-axis 1 across, its middle at the origin, in the frame that moves with it along +z
    at speed 1. Its surface moves along itself, on a sphere with ``B1 sin(theta) (1 + beta cos(theta))``, the
    angle counted from the front pole (M. J. Lighthill, Comm. Pure Appl. Math. 5, 109-118, 1952; J. R. Blake,
    J. Fluid Mech. 46, 199-208, 1971). On a spheroid it moves along t, the unit tangent from the front pole to
    the rear one, with ``-B1 (t . e_z) (1 + beta z / aspect)``: S. R. Keller and T. Y. Wu, J. Fluid Mech. 80,
    259-278 (1977), with the second mode of M. Theers et al., Soft Matter 12, 7372-7385 (2016). B1 (3/2 for a
    sphere) is such that in unbounded Stokes flow no force acts at that speed: the body would swim so by
    itself. In this channel, and with inertia, a force is left: `Solution.force` on the part ``"body"``.

    Parameters
    ----------
    n : int
        Cells along each quarter of the body's girth; long bodies need more.
    aspect : float
        Length of the body over its width, in [1, 10].
    far : {"uniform", "stokes"}
        What flows on the channel: (0, 0, -1) at its sides and where the fluid enters, and an open outlet; or
        everywhere the exact Stokes flow around a sphere in unbounded fluid (aspect 1 only).
    half_width, upstream, downstream : float, optional
        The channel, as for `Mesh.body_channel`.
    solver : str or SparseSolver
        As for `NavierStokes`.

    Returns
    -------
    NavierStokes
        Parameters: Re in [1, 40] (viscosity 1 / Re), beta in [-2, 2]; beta < 0 pushes, beta > 0 pulls.

    Raises
    ------
    InvalidArgument
        If a value is outside its range, or cells fold.

    Examples
    --------
    >>> from nonideal.physics import flow
    >>> problem = flow.cases.swimmer(n=2)
    >>> problem.parameters, problem.mesh.dim
    (ParameterSpace(Re=(1, 40), beta=(-2, 2)), 3)
    """
    exact = check_choice("far", far, ("uniform", "stokes")) == "stokes"
    if exact and check_number("aspect", aspect) != 1.0:
        raise InvalidArgument(f"aspect = {aspect:g}: the exact Stokes flow is that of a sphere, aspect 1")
    mesh = Mesh.body_channel(
        n, aspect=aspect, half_width=half_width, upstream=upstream, downstream=downstream
    )
    sides = ("x0", "x1", "y0", "y1", "z1")
    outer: dict[str, Any] = dict.fromkeys(sides, (0.0, 0.0, -1.0))
    if exact:
        outer = dict.fromkeys((*sides, "z0"), _unbounded)
    return NavierStokes(
        mesh,
        viscosity=_inverse_reynolds,
        dirichlet={**outer, "body": partial(_swimming, aspect=float(aspect))},
        traction={} if exact else {"z0": 0.0},
        parameters=ParameterSpace(Re=(1, 40), beta=(-2, 2)),
        solver=solver,
    )
