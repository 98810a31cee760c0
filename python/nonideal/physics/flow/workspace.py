"""What one thread needs for linear solves, and a pool of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from nonideal.physics.flow import solvers
from nonideal.physics.flow.operator import OseenOperator

__all__ = ["Pool", "Workspace"]


@dataclass
class Workspace:
    """An operator and the solver that was made for its pattern."""

    operator: OseenOperator
    solver: solvers.SparseSolver
    analysed: bool = False

    def factorize(self) -> None:
        """Factorise the operator's present matrix."""
        matrix = self.operator.matrix
        if not self.analysed:
            self.solver.analyse(matrix.indptr, matrix.indices, self.operator.layout)
            self.analysed = True
        self.solver.factorize(matrix.data)


class Pool:
    """Lends workspaces, one to a thread at a time; as many are made as are lent at once.

    Analyses are shared where the solver has a method ``share`` that returns another solver with the same one.

    Parameters
    ----------
    make_operator : callable
        Makes a new operator.
    solver : str or SparseSolver
        A name, of which each workspace gets its own; or one object, which threads take turns to use.
    """

    def __init__(self, make_operator: Callable[[], OseenOperator], solver: Any) -> None:
        self._make_operator, self._solver = make_operator, solver
        self._lock = threading.Lock()
        self._turns: Any = nullcontext() if isinstance(solver, str) else threading.RLock()
        self._idle: list[Workspace] = []
        self._all: list[Workspace] = []
        solvers.create(solver)  # refuses unknown names at once

    @contextmanager
    def lend(self) -> Iterator[Workspace]:
        """Lend a workspace; it is the borrower's alone until the end of the block."""
        with self._turns:
            with self._lock:
                space = self._idle.pop() if self._idle else None
            if space is None:
                space = self._make()
            try:
                yield space
            finally:
                with self._lock:
                    self._idle.append(space)

    def _make(self) -> Workspace:
        """Return a new workspace; a solver that can share its analysis does."""
        with self._lock:
            share = next((getattr(s.solver, "share", None) for s in self._all if s.analysed), None)
        solver = solvers.create(self._solver) if share is None else share()
        space = Workspace(self._make_operator(), solver, analysed=share is not None)
        with self._lock:
            self._all.append(space)
        return space

    def stats(self) -> solvers.SolverStats:
        """Return the sums of all workspaces; what concerns one matrix is the largest."""
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
                setattr(total, item.name, float(np.max(values)) if item.type == "float" else max(values))
        return total


_SUMMED = ("analyses", "factorizations", "solves", "fallbacks", "refinements")
