"""Pictures of flows and of what reduced bases miss; every function takes matplotlib axes and returns them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nonideal.checks import FloatArray, check_choice, check_integer, check_number
from nonideal.errors import InvalidArgument

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.tri import Triangulation

    from nonideal.physics.flow.parameters import ParameterSpace
    from nonideal.physics.flow.problem import NavierStokes
    from nonideal.physics.flow.reduced import ReducedBasis
    from nonideal.physics.flow.solution import Solution
    from nonideal.physics.flow.validation import Validation

__all__ = [
    "Plane",
    "error_field",
    "error_map",
    "error_vs_cost",
    "error_vs_modes",
    "on_grid",
    "section",
    "singular_values",
    "streamlines",
    "triangulation",
]


def streamlines(solution: Solution, axes: Axes | None = None, *, n: int = 80, density: float = 1.4) -> Axes:
    """Draw streamlines over the speed.

    Parameters
    ----------
    solution : Solution
        A flow.
    axes : Axes, optional
        Where; default: of a new figure.
    n : int
        Points of the grid across the shorter side.
    density : float
        Of the lines, as in matplotlib's ``streamplot``.

    Examples
    --------
    >>> from nonideal.physics import flow
    >>> problem = flow.cases.two_lid_cavity(n=6)
    >>> axes = flow.plot.streamlines(problem.stokes({"Re": 100, "a": 0}), n=20)
    >>> axes.get_xlabel()
    'x'
    """
    axes = _axes(axes)
    check_integer("n", n, 2)
    x, y, u, v = on_grid(solution, n)
    speed = np.hypot(u, v)
    drawn = axes.pcolormesh(x, y, speed, shading="gouraud", rasterized=True)
    axes.figure.colorbar(drawn, ax=axes, label="speed", shrink=0.85)
    axes.streamplot(x, y, u, v, color="white", density=density, linewidth=0.7, arrowsize=0.7)
    return _finished(axes)


def section(
    solution: Solution,
    axes: Axes | None = None,
    *,
    normal: str = "y",
    at: float = 0.0,
    moving: tuple[float, float, float] = (0.0, 0.0, 0.0),
    n: int = 60,
    density: float = 1.2,
) -> Axes:
    """Draw a flow in space on a plane: its speed, and streamlines of its components in the plane.

    Parameters
    ----------
    solution : Solution
        A flow in three dimensions.
    axes : Axes, optional
        Where; default: of a new figure.
    normal : {"x", "y", "z"}
        Normal of the plane; the picture's axes are the next two: y and z, z and x, or x and y.
    at : float
        Where the plane meets the normal's axis.
    moving : tuple of three float
        Velocity of the frame that the flow is seen from; (0, 0, -1) is at rest with a swimmer's fluid.
    n : int
        Points of the grid across the shorter side.
    density : float
        Of the lines, as in matplotlib's ``streamplot``.

    Raises
    ------
    InvalidArgument
        If the flow is in two dimensions, or the plane misses the mesh.

    Examples
    --------
    >>> from nonideal.physics import flow
    >>> swimmer = flow.cases.swimmer(n=2).stokes({"Re": 1, "beta": 1})
    >>> axes = flow.plot.section(swimmer, moving=(0, 0, -1), n=20)
    >>> axes.get_xlabel(), axes.get_ylabel()
    ('z', 'x')
    """
    axes = _axes(axes)
    plane = Plane(solution.problem, normal, at, n)
    velocity = plane.values(solution.velocity) - np.asarray(moving, dtype=np.float64)
    along, up = plane.spans
    speed = np.linalg.norm(velocity, axis=2)
    drawn = axes.pcolormesh(plane.a, plane.b, speed, shading="gouraud", rasterized=True)
    axes.figure.colorbar(drawn, ax=axes, label="speed", shrink=0.85)
    u, v = velocity[..., along], velocity[..., up]
    axes.streamplot(plane.a, plane.b, u, v, color="white", density=density, linewidth=0.7, arrowsize=0.7)
    _finished(axes)
    axes.set_xlabel("xyz"[along])
    axes.set_ylabel("xyz"[up])
    return axes


def error_field(a: Solution, b: Solution, axes: Axes | None = None) -> Axes:
    """Draw the size of the difference of two velocities of one problem.

    Parameters
    ----------
    a, b : Solution
        For instance a reduced and a full-order one.
    axes : Axes, optional
        Where; default: of a new figure.
    """
    axes = _axes(axes)
    if a.velocity.shape != b.velocity.shape:
        raise InvalidArgument(
            f"b: its velocity has shape {b.velocity.shape}, that of a has {a.velocity.shape}"
        )
    size = np.linalg.norm(a.velocity - b.velocity, axis=1)
    drawn = axes.tripcolor(triangulation(a), size, shading="gouraud", rasterized=True)
    axes.figure.colorbar(drawn, ax=axes, label="|difference of velocities|", shrink=0.85)
    return _finished(axes)


def singular_values(
    bases: Mapping[str, ReducedBasis] | Sequence[ReducedBasis], axes: Axes | None = None
) -> Axes:
    """Draw singular values, each basis's relative to its largest.

    Parameters
    ----------
    bases : mapping of str to ReducedBasis, or sequence
        What to compare; names go into the legend.
    axes : Axes, optional
        Where; default: of a new figure.
    """
    axes = _axes(axes)
    for label, basis in _named(bases):
        values = basis.singular_values / basis.singular_values.max()
        shown = values > 1e-16
        axes.plot(np.flatnonzero(shown) + 1, values[shown], label=label)
    axes.set_yscale("log")
    axes.set_xlabel("number")
    axes.set_ylabel("singular value / largest")
    return _legend(axes)


def error_vs_modes(
    validations: Mapping[str, Validation] | Sequence[Validation], axes: Axes | None = None
) -> Axes:
    """Draw mean errors against the number of modes; dashed: the best approximation in the same space.

    Parameters
    ----------
    validations : mapping of str to Validation, or sequence
        What to compare; names go into the legend.
    axes : Axes, optional
        Where; default: of a new figure.
    """
    axes = _axes(axes)
    for label, found in _named(validations):
        (line,) = axes.plot(found.n_modes, 100 * found.mean, label=label)
        best = 100 * found.projection_errors.mean(axis=1)
        axes.plot(found.n_modes, best, color=line.get_color(), linestyle="--", marker="", alpha=0.8)
    axes.set_yscale("log")
    axes.set_xlabel("modes")
    axes.set_ylabel("mean velocity error (%)")
    return _legend(axes)


def error_vs_cost(
    validations: Mapping[str, Validation] | Sequence[Validation], axes: Axes | None = None
) -> Axes:
    """Draw the mean error with most modes against what the basis cost, a point for each validation.

    Parameters
    ----------
    validations : mapping of str to Validation, or sequence
        What to compare; names go into the legend.
    axes : Axes, optional
        Where; default: of a new figure.
    """
    axes = _axes(axes)
    for label, found in _named(validations):
        last = int(np.argmax(found.n_modes))
        axes.errorbar(
            [found.linear_solves],
            [100 * found.mean[last]],
            yerr=[100 * found.standard_error[last]],
            label=label,
        )
    axes.set_yscale("log")
    axes.set_xlabel("offline linear solves")
    axes.set_ylabel("mean velocity error (%)")
    return _legend(axes)


def error_map(validation: Validation, space: ParameterSpace, axes: Axes | None = None) -> Axes:
    """Draw the error with most modes over the box of the first two parameters.

    Parameters
    ----------
    validation : Validation
        Its points are drawn; the colour between them is interpolated where there are enough.
    space : ParameterSpace
        The box.
    axes : Axes, optional
        Where; default: of a new figure.
    """
    axes = _axes(axes)
    if len(space.names) < 2:
        raise InvalidArgument(f"space: a map needs two parameters, got {len(space.names)}")
    x, y = space.as_array(validation.parameters)[:, :2].T
    percent = 100 * validation.errors[int(np.argmax(validation.n_modes))]
    drawn = axes.scatter(x, y, c=percent, s=60, edgecolors="black", linewidths=0.5, zorder=3)
    axes.figure.colorbar(drawn, ax=axes, label="velocity error (%)")
    (x0, x1), (y0, y1) = space.bounds[:2]
    axes.set_xlim(x0 - 0.04 * (x1 - x0), x1 + 0.04 * (x1 - x0))
    axes.set_ylim(y0 - 0.04 * (y1 - y0), y1 + 0.04 * (y1 - y0))
    axes.set_xlabel(space.names[0])
    axes.set_ylabel(space.names[1])
    return axes


def triangulation(solution: Solution) -> Triangulation:
    """Return the nodes of a solution's mesh as a matplotlib triangulation, four triangles a cell."""
    from matplotlib.tri import Triangulation

    problem = solution.problem
    if problem.mesh.dim != 2:
        raise InvalidArgument(
            f"mesh.dim = {problem.mesh.dim}: pictures of fields are for two dimensions; "
            "save() writes what ParaView shows"
        )
    x, y = np.asarray(problem.nodes).T
    a, b, c, ab, bc, ca = np.asarray(problem.cell_nodes).T
    parts = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    return Triangulation(x, y, np.concatenate([np.stack(part, axis=1) for part in parts]))


def on_grid(solution: Solution, n: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return x, y of a regular grid, ``n`` points across the shorter side, and the velocity on it.

    Velocities are NaN outside the domain, and linear between nodes.
    """
    from matplotlib.tri import LinearTriInterpolator

    mesh = triangulation(solution)
    width, height = np.ptp(mesh.x), np.ptp(mesh.y)
    step = min(width, height) / (n - 1)
    x = np.linspace(mesh.x.min(), mesh.x.max(), round(width / step) + 1)
    y = np.linspace(mesh.y.min(), mesh.y.max(), round(height / step) + 1)
    # Just inside: a point on a wall that the nodes miss by rounding would count as outside.
    points = np.meshgrid(*(np.clip(a, a[0] + 1e-9 * step, a[-1] - 1e-9 * step) for a in (x, y)))
    masked: list[Any] = [LinearTriInterpolator(mesh, part)(*points) for part in solution.velocity.T]
    u, v = (component.filled(np.nan) for component in masked)
    return x, y, u, v


#: Axes that span the plane across each axis.
_PLANES = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}


class Plane:
    """A regular grid on a plane through a mesh in space, where fields can be looked at.

    Parameters
    ----------
    problem : NavierStokes
        Whose mesh it is.
    normal : {"x", "y", "z"}
        Normal of the plane. It is spanned by the next two axes: y and z, z and x, or x and y.
    at : float
        Where it meets the normal's axis.
    n : int
        Points across the shorter side.

    Attributes
    ----------
    spans : (int, int)
        The axes that span it.
    a, b : (columns,) and (rows,) float64 ndarray
        Coordinates along them.
    inside : (rows, columns) bool ndarray
        Points in the flow.

    Raises
    ------
    InvalidArgument
        If the flow is in two dimensions, or the plane misses the mesh.
    """

    def __init__(self, problem: NavierStokes, normal: str, at: float, n: int) -> None:
        self.spans = along, up = _PLANES[check_choice("normal", normal, _PLANES)]
        check_integer("n", n, 2)
        nodes = np.asarray(problem.nodes)
        if nodes.shape[1] != 3:
            raise InvalidArgument(f"solution: its flow has {nodes.shape[1]} dimensions, a section needs 3")
        low, high = nodes.min(axis=0), nodes.max(axis=0)
        step = (high - low)[[along, up]].min() / (n - 1)
        self.a, self.b = (
            np.linspace(low[k], high[k], round((high[k] - low[k]) / step) + 1, dtype=np.float64)
            for k in (along, up)
        )
        points = np.full((len(self.b), len(self.a), 3), check_number("at", at))
        points[..., along], points[..., up] = self.a, self.b[:, None]
        self._locator = problem.locator
        cells, reference = self._locator.locate(points.reshape(-1, 3))
        known = cells >= 0
        if not known.any():
            raise InvalidArgument(f"at = {at:g}: the plane {normal} = {at:g} misses the mesh")
        self.inside = known.reshape(points.shape[:2])
        self._cells, self._reference = cells[known], reference[known]

    def values(self, field: FloatArray) -> FloatArray:
        """Return a (n_nodes, 3) field on the grid, (rows, columns, 3); NaN outside the flow."""
        found = np.full((*self.inside.shape, field.shape[1]), np.nan)
        found[self.inside] = self._locator.interpolate(self._cells, self._reference, field)
        return found


def _axes(axes: Axes | None) -> Axes:
    if axes is not None:
        return axes
    from matplotlib.figure import Figure

    return Figure(layout="constrained").subplots()


def _finished(axes: Axes) -> Axes:
    axes.set_aspect("equal")
    axes.grid(False)
    axes.set_xlabel("x")
    axes.set_ylabel("y")
    return axes


def _legend(axes: Axes) -> Axes:
    if axes.get_legend_handles_labels()[0]:
        axes.legend()
    return axes


def _named(items: Any) -> list[tuple[str | None, Any]]:
    pairs: list[tuple[str | None, Any]] = (
        list(items.items()) if isinstance(items, Mapping) else [(None, item) for item in items]
    )
    if not pairs:
        raise InvalidArgument("nothing to draw")
    return pairs
