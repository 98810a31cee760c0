"""What a sparse direct solver offers, and what it is told and tells."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nonideal.checks import FloatArray, check_finite
from nonideal.errors import InvalidArgument

__all__ = ["IntArray", "Layout", "SolverStats", "SparseSolver", "as_int32"]

IntArray: TypeAlias = NDArray[np.int32]


@dataclass
class SolverStats:
    """What a solver did so far.

    Attributes
    ----------
    backend : str
        Name of the solver.
    analyses, factorizations, solves : int
        Calls; a solve counts once, whatever its number of right-hand sides.
    fallbacks : int
        Matrices that had to be factorised anew by a slower, safer solver.
    perturbed_pivots : int
        Pivots so far that were too small and were replaced.
    fill : int
        Entries of the last L + U; 0 where the solver does not say.
    flops : float
        Additions and multiplications of the last factorisation; 0 where the solver does not say.
    seconds : dict of str to float
        Wall time spent in ``"analyse"``, ``"factorize"`` and ``"solve"``.
    memory : int
        Bytes of the last factors; 0 where the solver does not say.
    backward_error : float
        Largest normwise backward error so far; NaN where the solver does not compute it.
    refinements : int
        Steps of iterative refinement so far.
    """

    backend: str
    analyses: int = 0
    factorizations: int = 0
    solves: int = 0
    fallbacks: int = 0
    perturbed_pivots: int = 0
    fill: int = 0
    flops: float = 0.0
    seconds: dict[str, float] = field(
        default_factory=lambda: {"analyse": 0.0, "factorize": 0.0, "solve": 0.0}
    )
    memory: int = 0
    backward_error: float = float("nan")
    refinements: int = 0

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the time of a block to a stage, also where it raises."""
        start = perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += perf_counter() - start


@dataclass(frozen=True)
class Layout:
    """Where the rows of a matrix sit on a mesh.

    Parameters
    ----------
    elements : (n_elements, nodes_per_element) array_like of int
        Nodes of each element.
    coordinates : (n_nodes, dim) array_like
        Of the nodes.
    node_of_row : (n_rows,) array_like of int
        The node that each row (and column) of the matrix belongs to.

    Raises
    ------
    InvalidArgument
        If an array has another number of dimensions or another kind of numbers, or a coordinate is not
        finite. Indices are checked where the layout is used.

    Examples
    --------
    >>> from nonideal.physics import flow
    >>> layout = flow.solvers.Layout([[0, 1, 2]], [[0, 0], [1, 0], [0, 1]], [0, 0, 1, 2])
    >>> layout.elements.dtype, layout.coordinates.shape
    (dtype('int32'), (3, 2))
    """

    elements: IntArray
    coordinates: FloatArray
    node_of_row: IntArray

    def __post_init__(self) -> None:
        put = object.__setattr__  # the dataclass is frozen
        put(self, "elements", as_int32("elements", self.elements, 2))
        put(self, "node_of_row", as_int32("node_of_row", self.node_of_row, 1))
        coordinates = np.ascontiguousarray(check_finite("coordinates", self.coordinates))
        if coordinates.ndim != 2:
            raise InvalidArgument(f"coordinates: expected 2 dimensions, got {coordinates.ndim}")
        put(self, "coordinates", coordinates)


@runtime_checkable
class SparseSolver(Protocol):
    """Solves A x = b for many matrices A of one pattern; rows are stored compressed, columns ascend.

    `analyse` takes the pattern, `factorize` the values of a matrix, `solve` right-hand sides (n,) or
    (n, n_rhs). Anything that has these may be given to `register` or as ``solver=``.
    """

    name: str
    stats: SolverStats

    def analyse(self, indptr: ArrayLike, indices: ArrayLike, layout: Layout | None = None) -> None:
        """Prepare for matrices with this pattern."""

    def factorize(self, values: ArrayLike) -> None:
        """Factorise the matrix that has these values."""

    def solve(self, rhs: ArrayLike, *, transpose: bool = False) -> FloatArray:
        """Return x with A x = rhs, or with A^T x = rhs."""


def as_int32(name: str, values: Any, ndim: int) -> IntArray:
    """Return whole numbers as a contiguous int32 array; a copy only where they aren't one."""
    try:
        array = np.asarray(values)
    except ValueError as problem:  # rows of different lengths
        raise InvalidArgument(f"{name}: {problem}") from None
    if array.ndim != ndim:
        raise InvalidArgument(f"{name}: expected {ndim} dimension{'s' * (ndim > 1)}, got {array.ndim}")
    if array.dtype.kind not in "iu":
        raise InvalidArgument(f"{name} has dtype {array.dtype}, not an integer's")
    if array.dtype.itemsize > 4 or array.dtype.kind == "u":
        bad = (array < -(2**31)) | (array >= 2**31)
        if bad.any():
            index = tuple(int(i) for i in np.unravel_index(int(bad.argmax()), array.shape))
            place = ", ".join(map(str, index))
            raise InvalidArgument(f"{name}[{place}] = {array[index]} is outside [-2^31, 2^31)")
    return np.require(array, dtype=np.int32, requirements=["C", "A"])
