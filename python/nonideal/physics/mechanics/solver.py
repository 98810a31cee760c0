"""The data-driven solver: alternating projections on the laws of mechanics and on the data."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nonideal.checks import FloatArray, check_choice, check_integer, check_non_negative, check_probability
from nonideal.errors import InvalidArgument
from nonideal.physics.mechanics.database import MaterialDatabase, check_indices
from nonideal.physics.mechanics.search import ExactSearch, Search
from nonideal.physics.mechanics.solution import History, Reason, Solution, relative_change
from nonideal.physics.mechanics.structure import IntArray, Structure
from nonideal.physics.mechanics.system import Factor, Supports, check_force, stiffness_matrix
from nonideal.progress import progress_bar
from nonideal.seeds import resolve_seed

__all__ = ["DataDrivenSolver", "Start"]

Start: TypeAlias = Literal["zero", "linear", "random"] | ArrayLike


class _State(NamedTuple):
    """A compatible displacement, its strain, and a stress in equilibrium."""

    displacement: FloatArray
    strain: FloatArray
    stress: FloatArray


class DataDrivenSolver:
    """Finds fields that obey compatibility and equilibrium and lie nearest to a material's data.

    Each iteration projects the chosen data points onto the fields that are compatible and in equilibrium (two
    linear solves with one factored stiffness), then chooses for each integration point the data point nearest
    to the new state. With an exact search the penalty never rises and the choice becomes fixed after finitely
    many iterations, in a local minimum; a search that errs may never settle.

    Parameters
    ----------
    structure : Structure
        The discretised body.
    database : MaterialDatabase
        The material, with as many strain components as the structure.
    search : object with ``nearest(queries, database, *, stream=0)``, optional
        Finds data points, `Search`; default `ExactSearch`.

    Raises
    ------
    InvalidArgument
        If the strain components do not agree or the search has no such method.

    Notes
    -----
    Source: T. Kirchdoerfer and M. Ortiz, Computer Methods in Applied Mechanics and Engineering 304, 81
    (2016).

    Examples
    --------
    >>> from nonideal.physics import mechanics
    >>> bar = mechanics.Structure.bar(length=1.0, area=1e-4, n_elements=20)
    >>> law = mechanics.RambergOsgood(young=200e9, reference_stress=250e6, alpha=0.5, exponent=5)
    >>> database = mechanics.MaterialDatabase.from_law(law, n_points=1000, max_stress=450e6, metric=50e9)
    >>> solver = mechanics.DataDrivenSolver(bar, database)
    >>> solution = solver.solve(bar.body_force(2e4), fixed_dofs=[0, 20], fixed_values=[0.0, 2.5e-3])
    >>> solution.reason, solution.n_iterations
    ('fixed point', 16)
    """

    def __init__(
        self, structure: Structure, database: MaterialDatabase, search: Search | None = None
    ) -> None:
        if structure.n_strain != database.n_strain:
            raise InvalidArgument(
                f"database has {database.n_strain} strain components, structure {structure.n_strain}"
            )
        self.structure = structure
        self.database = database
        self.search: Search = ExactSearch() if search is None else search
        self._asked = _Asked("search", self.search)
        self._exact = self.search if type(self.search) is ExactSearch else ExactSearch()  # for starts
        self._stiffness = stiffness_matrix(structure, database.metric)
        self._factored: tuple[bytes, Factor] | None = None

    def solve(
        self,
        force: ArrayLike | None = None,
        fixed_dofs: ArrayLike = (),
        fixed_values: ArrayLike = 0.0,
        *,
        start: Start = "zero",
        max_iterations: int = 100,
        changed_tolerance: float = 0.0,
        patience: int = 1,
        penalty_tolerance: float | None = None,
        window: int = 5,
        audit: Search | None = None,
        seed: int | None = None,
        progress: bool | None = None,
    ) -> Solution:
        """Return the iterate of lowest penalty.

        Parameters
        ----------
        force : (n_dofs,) array_like, optional
            Nodal forces. One on a prescribed degree of freedom goes into the reaction.
        fixed_dofs : (k,) array_like of int
            Degrees of freedom with a prescribed displacement.
        fixed_values : float or (k,) array_like
            Their displacements.
        start : {"zero", "linear", "random"} or (n_points,) array_like of int
            First data points: nearest to zero, nearest to the linear solution whose stiffness is the metric
            (both by exact search), drawn with ``seed``, or given.
        max_iterations : int
            At least 1. Reaching it is no error; see `Solution.require_converged`.
        changed_tolerance : float
            Stop where at most this fraction of the data points changes ...
        patience : int
            ... in so many iterations in a row. With a search that errs, one may be chance.
        penalty_tolerance : float, optional
            Stop where the lowest penalty fell by at most this fraction ...
        window : int
            ... in so many iterations.
        audit : object with ``nearest``, optional
            A second search, such as `ExactSearch`, that says in each iteration which neighbours are wrong.
        seed : int, optional
            Of a random start; None draws one, and the solution reports it. Other starts check it, no more.
        progress : bool, optional
            Whether to show a progress bar on a terminal; default: unless the search is an `ExactSearch`.

        Raises
        ------
        InvalidArgument
            If an argument is out of range, the structure is not held, or the search returns no valid indices.

        Examples
        --------
        >>> import numpy as np
        >>> from nonideal.physics import mechanics
        >>> bar = mechanics.Structure.bar(1.0, 1.0, 4)
        >>> strain = np.linspace(-1.0, 1.0, 41)
        >>> database = mechanics.MaterialDatabase(strain, 2.0 * strain)
        >>> solution = mechanics.DataDrivenSolver(bar, database).solve(
        ...     None, [0, 4], [0.0, 0.5], start="linear"
        ... )
        >>> solution.stress.ravel().round(9).tolist(), solution.reactions.round(9).tolist()
        ([1.0, 1.0, 1.0, 1.0], [-1.0, 0.0, 0.0, 0.0, 1.0])
        """
        structure, database = self.structure, self.database
        supports = Supports.of(structure, fixed_dofs, fixed_values)
        forces = check_force(structure, force)
        max_iterations = check_integer("max_iterations", max_iterations, 1)
        stop = _Stop(
            check_probability("changed_tolerance", changed_tolerance),
            check_integer("patience", patience, 1),
            None if penalty_tolerance is None else check_non_negative("penalty_tolerance", penalty_tolerance),
            check_integer("window", window, 1),
        )
        auditor = None if audit is None else _Asked("audit", audit)
        problem = _Problem(structure, database.metric, self._factor(supports), supports, forces)
        assignment, seed = self._start(start, seed, problem)
        trace = _Trace()
        show = not isinstance(self.search, ExactSearch) if progress is None else progress
        with progress_bar("data-driven", max_iterations, show=show) as advance:
            for iteration in range(max_iterations):
                state = problem.project(database.strain[assignment], database.stress[assignment])
                queries = database.scale(state.strain, state.stress)
                chosen = self._asked.nearest(queries, database.points, iteration)
                local = _squared_distance(queries, database.points[chosen])
                changed = float(np.mean(chosen != assignment))
                trace.add(state, chosen, local, changed, structure.weights)
                if auditor is not None:
                    exact = auditor.nearest(queries, database.points, iteration)
                    trace.audit(_squared_distance(queries, database.points[exact]), local, structure.weights)
                assignment = chosen
                advance()
                if reason := stop.reason(changed, trace.penalty):
                    break
        best = trace.best_iteration
        return Solution(
            *trace.state,
            local_penalty=trace.local,
            penalty=trace.penalty[best],
            assignment=trace.assignment[best],
            reactions=problem.reactions(trace.state.stress),
            reason=reason or "max iterations",
            n_iterations=len(trace.penalty),
            best_iteration=best,
            seed=seed,
            history=trace.history(),
        )

    def _factor(self, supports: Supports) -> Factor:
        """Return the factored stiffness; that of the last supports is kept."""
        key = supports.fixed.tobytes()
        if self._factored is None or self._factored[0] != key:
            self._factored = key, Factor(self._stiffness, supports)
        return self._factored[1]

    def _start(self, start: Start, seed: int | None, problem: _Problem) -> tuple[IntArray, int | None]:
        """Return the first data points, and the seed where they are drawn."""
        count, database = self.structure.n_points, self.database
        drawn = (
            isinstance(start, str) and check_choice("start", start, ("zero", "linear", "random")) == "random"
        )
        if drawn or seed is not None:
            seed = resolve_seed(seed)
        if drawn:
            generator = np.random.Generator(np.random.Philox(key=seed))
            return generator.integers(len(database), size=count), seed
        if not isinstance(start, str):
            return check_indices("start", start, count, len(database)), None
        strain: FloatArray = np.zeros((count, database.n_strain))
        if start == "linear":
            strain = problem.linear()
        queries = database.scale(strain, strain @ database.metric)
        return self._exact.nearest(queries, database.points).index, None


@dataclass(frozen=True)
class _Problem:
    """One set of loads and supports."""

    structure: Structure
    metric: FloatArray
    factor: Factor
    supports: Supports
    forces: FloatArray

    def project(self, strain: FloatArray, stress: FloatArray) -> _State:
        """Return the admissible state nearest to the given strains and stresses."""
        rhs = np.stack([self._nodal(strain @ self.metric), self.forces - self._nodal(stress)], axis=1)
        fixed = np.stack([self.supports.values, np.zeros(len(self.supports.values))], axis=1)
        displacement, correction = self.factor.solve(rhs, fixed, self.supports).T
        return _State(
            displacement, self._strain(displacement), stress + self._strain(correction) @ self.metric
        )

    def linear(self) -> FloatArray:
        """Return the strain of the linear elastic body whose stiffness is the metric."""
        fixed = self.supports.values[:, None]
        return self._strain(self.factor.solve(self.forces[:, None], fixed, self.supports)[:, 0])

    def reactions(self, stress: FloatArray) -> FloatArray:
        """Return what the supports add to the forces."""
        found = np.zeros(self.structure.n_dofs)
        fixed = self.supports.fixed
        found[fixed] = (self._nodal(stress) - self.forces)[fixed]
        return found

    def _strain(self, displacement: FloatArray) -> FloatArray:
        return np.asarray((self.structure.strain_operator @ displacement).reshape(-1, len(self.metric)))

    def _nodal(self, stress: FloatArray) -> FloatArray:
        return np.asarray(
            self.structure.strain_operator.T @ (self.structure.weights[:, None] * stress).ravel()
        )


@dataclass
class _Trace:
    """What happened in each iteration, and the best state."""

    penalty: list[float] = field(default_factory=list)
    changed: list[float] = field(default_factory=list)
    displacement_change: list[float] = field(default_factory=list)
    assignment: list[IntArray] = field(default_factory=list)
    wrong: list[NDArray[np.bool_]] = field(default_factory=list)
    distance_ratio: list[float] = field(default_factory=list)
    best_iteration: int = 0
    state: _State = field(init=False)
    local: FloatArray = field(init=False)
    _last: FloatArray | None = None

    def add(
        self, state: _State, chosen: IntArray, local: FloatArray, changed: float, weights: FloatArray
    ) -> None:
        penalty = float(weights @ local)
        if not self.penalty or penalty <= self.penalty[self.best_iteration]:
            self.best_iteration, self.state, self.local = len(self.penalty), state, local
        now = state.displacement
        step = relative_change(now, np.zeros_like(now) if self._last is None else self._last)
        self._last = now
        self.penalty.append(penalty)
        self.changed.append(changed)
        self.displacement_change.append(step)
        self.assignment.append(chosen)

    def audit(self, least: FloatArray, local: FloatArray, weights: FloatArray) -> None:
        self.wrong.append(local > least)
        ours, exact = float(weights @ local), float(weights @ least)
        self.distance_ratio.append(float(np.sqrt(ours / exact)) if exact else 1.0 if not ours else np.inf)

    def history(self) -> History:
        return History(
            np.array(self.penalty),
            np.array(self.changed),
            np.array(self.displacement_change),
            np.stack(self.assignment),
            np.stack(self.wrong) if self.wrong else None,
            np.array(self.distance_ratio) if self.wrong else None,
        )


@dataclass
class _Stop:
    """When to stop, besides the limit of iterations."""

    changed_tolerance: float
    patience: int
    penalty_tolerance: float | None
    window: int
    _quiet: int = 0

    def reason(self, changed: float, penalty: list[float]) -> Reason | None:
        self._quiet = self._quiet + 1 if changed <= self.changed_tolerance else 0
        if self._quiet >= self.patience:
            return "changed fraction" if changed else "fixed point"
        if self.penalty_tolerance is not None and len(penalty) > self.window:
            past = min(penalty[: -self.window])
            if past - min(past, *penalty[-self.window :]) <= self.penalty_tolerance * past:
                return "penalty"
        return None


class _Asked:
    """A search whose answers are checked."""

    def __init__(self, name: str, search: Any) -> None:
        self._title = type(search).__name__
        method = getattr(search, "nearest", None)
        if not callable(method):
            raise InvalidArgument(f"{name}: {self._title} has no method nearest(queries, database)")
        self._method = method
        parameters = inspect.signature(method).parameters.values()
        self._takes_stream = any(
            item.name == "stream" or item.kind is item.VAR_KEYWORD for item in parameters
        )

    def nearest(self, queries: FloatArray, points: FloatArray, stream: int) -> IntArray:
        more = {"stream": stream} if self._takes_stream else {}
        index = getattr(self._method(queries, points, **more), "index", None)
        return check_indices(f"{self._title}.nearest(...).index", index, len(queries), len(points))


def _squared_distance(queries: FloatArray, points: FloatArray) -> FloatArray:
    return np.asarray(np.sum((queries - points) ** 2, axis=1))
