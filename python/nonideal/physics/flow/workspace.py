"""What one thread needs for linear solves, and a pool of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, fields
from typing import Any, ClassVar
from weakref import WeakValueDictionary

import numpy as np

from nonideal.physics.flow import solvers
from nonideal.physics.flow.operator import OseenOperator

__all__ = ["Pool", "Workspace"]


@dataclass(frozen=True)
class Workspace:
    """An operator and the solver that has analysed its pattern."""

    operator: OseenOperator
    solver: solvers.SparseSolver

    def analyse(self) -> None:
        """Let the solver analyse the operator's pattern."""
        self.solver.analyse(self.operator.matrix.indptr, self.operator.matrix.indices, self.operator.layout)

    def factorize(self) -> None:
        """Factorise the operator's present matrix."""
        self.solver.factorize(self.operator.matrix.data)


class _Turns:
    """Whose turn it is to use a solver object: one thread's, of whatever problem the object was given to.

    Parameters
    ----------
    solver : SparseSolver
        The object; it lives as long as its turns, so its id is no other's.
    """

    _of: ClassVar[WeakValueDictionary[int, _Turns]] = WeakValueDictionary()
    _finding: ClassVar = threading.Lock()

    def __init__(self, solver: Any) -> None:
        self.solver, self.lock = solver, threading.RLock()
        self.analysed: object = None  # whose pattern the solver has

    @classmethod
    def of(cls, solver: Any) -> _Turns:
        """Return the one that all problems of a solver object share."""
        with cls._finding:
            found = cls._of.get(id(solver))
            if found is None:
                found = cls._of[id(solver)] = cls(solver)
            return found


class Pool:
    """Lends workspaces, one to a thread at a time; as many are made as are lent at once.

    Analyses are shared where the solver has a method ``share`` that returns another solver with the same one.
    An object that several problems use keeps the pattern of one of them, and analyses anew for the next.

    Parameters
    ----------
    make_operator : callable
        Makes a new operator.
    solver : str or SparseSolver
        A name, of which each workspace gets its own; or one object, which threads take turns to use.
    """

    def __init__(self, make_operator: Callable[[], OseenOperator], solver: Any) -> None:
        self._make_operator, self._solver = make_operator, solver
        self._lock, self._making = threading.Lock(), threading.Lock()
        self._idle: list[Workspace] = []
        self._all: list[Workspace] = []
        solvers.create(solver)  # refuses unknown names at once
        self._turns = None if isinstance(solver, str) else _Turns.of(solver)

    @contextmanager
    def lend(self) -> Iterator[Workspace]:
        """Lend a workspace; it is the borrower's alone until the end of the block."""
        turn: AbstractContextManager[Any] = nullcontext() if self._turns is None else self._turns.lock
        with turn:
            with self._lock:
                space = self._idle.pop() if self._idle else None
            space = self._make() if space is None else self._ready(space)
            try:
                yield space
            finally:
                with self._lock:
                    self._idle.append(space)

    def _ready(self, space: Workspace) -> Workspace:
        """Return a workspace whose solver has this pool's pattern, also where it has served another since."""
        if self._turns is not None and self._turns.analysed is not self:
            self._analyse(space)
        return space

    def _analyse(self, space: Workspace) -> None:
        if self._turns is not None:
            self._turns.analysed = None  # until it has succeeded
        space.analyse()
        if self._turns is not None:
            self._turns.analysed = self

    def _make(self) -> Workspace:
        """Return a new workspace; a solver that can share its analysis does.

        One is made at a time: who comes during the first analysis waits for it instead of repeating it.
        """
        with self._making:
            share = getattr(self._all[0].solver, "share", None) if self._all else None
            operator = self._make_operator()
            solver = solvers.create(self._solver) if share is None else share()
            space = Workspace(operator, solver)
            if share is None:
                self._analyse(space)
            with self._lock:
                self._all.append(space)
        return space

    def stats(self) -> solvers.SolverStats:
        """Return the sums of all workspaces; of what concerns one matrix, the largest."""
        with self._lock:
            parts = [space.solver.stats for space in self._all]
        if not parts:
            return solvers.SolverStats(solvers.create(self._solver).stats.backend)
        total = solvers.SolverStats(parts[0].backend)
        for item in fields(solvers.SolverStats):
            values = [getattr(part, item.name) for part in parts]
            if item.name == "seconds":
                total.seconds = {stage: sum(value[stage] for value in values) for stage in total.seconds}
            elif item.name in _SUMMED:
                setattr(total, item.name, sum(values))
            elif item.name != "backend":
                largest = np.fmax.reduce(values)  # some may be NaN, from solvers that have not solved yet
                setattr(total, item.name, type(values[0])(largest))
        return total


_SUMMED = ("analyses", "factorizations", "solves", "fallbacks", "perturbed_pivots", "refinements")
