"""The Oseen matrix over the free degrees of freedom, rewritten in place."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from nonideal import _core
from nonideal.checks import FloatArray, check_finite, check_number, check_threads
from nonideal.errors import InvalidArgument
from nonideal.physics.flow.solvers import Layout

__all__ = ["OseenOperator"]

IntArray: TypeAlias = NDArray[np.int32]


class OseenOperator:
    """``[reaction M + viscosity K + C(w), B^T; B, 0]`` of free velocities and pressures; made by a problem.

    The pattern never changes, so that a solver may keep its analysis; C++ writes the values into the arrays
    behind `matrix` and `rhs`.

    Attributes
    ----------
    matrix : scipy.sparse.csr_array
        Rows are the free velocity dofs (the components of a node side by side), then the pressures.
    rhs : (n_free,) float64 ndarray
        What prescribed velocities and Newton's term put on the right-hand side; loads are not in it.
    free : (n_free,) int32 ndarray
        Dof of each row: dim node + component, or n_velocity + vertex.
    n_velocity_rows : int
        Rows of velocities.
    layout : Layout
        Where the rows sit on the mesh.

    Examples
    --------
    >>> from nonideal.physics import flow
    >>> operator = flow.cases.two_lid_cavity(n=4).operator
    >>> operator.update(None, 0.01)
    >>> operator.matrix.shape
    (122, 122)
    """

    def __init__(
        self, core: _core.flow.TaylorHood, constrained: NDArray[np.bool_], pinned_pressure: int | None
    ) -> None:
        self._core = _core.flow.OseenOperator(
            core,
            np.ascontiguousarray(constrained, dtype=np.uint8),
            pinned_pressure=-1 if pinned_pressure is None else pinned_pressure,
        )
        self.free: IntArray = self._core.free
        self.rhs: FloatArray = self._core.rhs
        n_velocity = core.dim * core.n_nodes
        self.n_velocity_rows = int(np.searchsorted(self.free, n_velocity))
        self._shape = core.n_nodes, core.dim
        n = len(self.free)
        self.matrix = sparse.csr_array(
            (self._core.values, self._core.indices, self._core.indptr), shape=(n, n), copy=False
        )
        node = np.where(self.free < n_velocity, self.free // core.dim, self.free - n_velocity)
        self.layout = Layout(core.cell_nodes, core.nodes, node)

    def update(
        self,
        convecting: ArrayLike | None,
        viscosity: float,
        *,
        newton: bool = False,
        boundary: ArrayLike | None = None,
        reaction: float = 0.0,
        num_threads: int | None = None,
    ) -> None:
        """Rewrite the matrix and the right-hand side.

        Parameters
        ----------
        convecting : (n_nodes, dim) array_like or None
            Convecting velocity w; None: none (Stokes).
        viscosity : float
            Factor of the stiffness, >= 0.
        newton : bool
            Add ``(v . grad) w`` to the matrix and ``(w . grad) w`` to the right-hand side.
        boundary : (n_nodes, dim) array_like, optional
            Velocities at the nodes where they are prescribed; other rows are not read. None: zero.
        reaction : float
            Factor of the mass matrix, >= 0: one over a time step, or 1 with viscosity 0 for the projection
            onto solenoidal fields.
        num_threads : int, optional
            Threads; the bits don't depend on them.

        Raises
        ------
        InvalidArgument
            If a value is outside its range or a field has another shape.
        """
        self._core.update(
            self._field("convecting", convecting),
            check_number("viscosity", viscosity),
            newton=bool(newton),
            boundary=self._field("boundary", boundary),
            reaction=check_number("reaction", reaction),
            num_threads=check_threads(num_threads),
        )

    def _field(self, name: str, values: ArrayLike | None) -> FloatArray | None:
        if values is None:
            return None
        return check_field(name, values, self._shape)


def check_field(name: str, values: Any, shape: tuple[int, ...]) -> FloatArray:
    """Return a velocity field (n_nodes, dim) of finite numbers, contiguous; float64 is not copied."""
    ready = isinstance(values, np.ndarray) and values.dtype == np.float64 and bool(np.isfinite(values).all())
    array = values if ready else check_finite(name, values)
    if array.shape != shape:
        raise InvalidArgument(f"{name} has shape {array.shape}, not {shape}")
    return np.require(array, dtype=np.float64, requirements=["C", "A"])
