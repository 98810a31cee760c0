"""Searching data and iterating the data-driven solver, against the plain ways to do it."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from nonideal.benchmarks.harness import Benchmark, Case, Peer
from scipy import sparse
from scipy.sparse import linalg as sparse_linalg
from sklearn.neighbors import NearestNeighbors

from nonideal.physics import mechanics

__all__ = ["BENCHMARKS"]

Floats: TypeAlias = npt.NDArray[np.float64]


def _problem(
    tiny: bool,
) -> tuple[mechanics.Structure, mechanics.MaterialDatabase, Floats, npt.NDArray[np.int64]]:
    """Return the L-beam at full scale with a nonlinear law's data on a 17^3 grid, its force and supports."""
    beam = mechanics.l_beam(cells_per_width=2 if tiny else 10)
    law = mechanics.DeformationPlasticity(6000.0, 0.3, reference_stress=60.0, alpha=0.5, exponent=4)
    steps = np.linspace(-1, 1, 5 if tiny else 17)
    axis = np.sign(steps) * np.abs(steps) ** 1.5
    grid = np.stack(np.meshgrid(0.011 * axis, 0.015 * axis, 0.015 * axis, indexing="ij"), -1).reshape(-1, 3)
    zero_tangent = law(np.zeros((1, 3)))[1][0]
    database = mechanics.MaterialDatabase(grid, law(grid)[0], 0.5 * zero_tangent)
    return beam, database, beam.traction((0.0, -5.0), x=100.0), beam.dofs(y=100.0)


def _argmin(queries: Floats, points: Floats) -> npt.NDArray[np.int64]:
    """Return the nearest points by all distances, |p|^2 - 2 q.p, a matrix product."""
    return np.asarray((np.sum(points**2, axis=1) - 2 * queries @ points.T).argmin(axis=1))


def _search(tiny: bool) -> Case:
    beam, database, force, fixed = _problem(tiny)
    solution = mechanics.DataDrivenSolver(beam, database).solve(force, fixed)
    queries = database.scale(solution.strain, solution.stress)
    exact, tree = mechanics.ExactSearch(), NearestNeighbors(n_neighbors=1, algorithm="kd_tree")
    tree.fit(database.points)

    def check() -> None:
        found = exact.nearest(queries, database.points)
        brute = np.sum((queries[:, None, :] - database.points) ** 2, axis=2)
        np.testing.assert_array_equal(found.index, brute.argmin(axis=1))
        for index in (_argmin(queries, database.points), tree.kneighbors(queries)[1][:, 0]):
            np.testing.assert_allclose(
                brute[np.arange(len(queries)), index], found.squared_distance, atol=1e-9
            )

    return Case(
        float(len(queries)),
        lambda: exact.nearest(queries, database.points),
        check,
        {
            "numpy, all distances": Peer(lambda: _argmin(queries, database.points), goal=5),
            "scikit-learn, k-d tree": Peer(lambda: tree.kneighbors(queries), goal=0.8),
        },
    )


def _iterations(tiny: bool) -> Case:
    beam, database, force, fixed = _problem(tiny)
    solver = mechanics.DataDrivenSolver(beam, database)
    solution = solver.solve(force, fixed)

    def plain() -> npt.NDArray[np.int64]:
        """Solve anew in each iteration, and look at all distances."""
        operator = beam.strain_operator
        weighted = operator.multiply(np.repeat(beam.weights, 3)[:, None]).tocsr()
        moduli = sparse.kron(sparse.eye_array(beam.n_points), database.metric, format="csr")
        free = np.setdiff1d(np.arange(beam.n_dofs), fixed)
        start = int(_argmin(np.zeros((1, 6)), database.points)[0])
        chosen: npt.NDArray[np.int64] = np.full(beam.n_points, start, dtype=np.int64)
        for _ in range(solution.n_iterations):
            stiffness = weighted.T @ (moduli @ operator)
            rhs = np.stack(
                [
                    weighted.T @ (database.strain[chosen] @ database.metric).ravel(),
                    force - weighted.T @ database.stress[chosen].ravel(),
                ],
                axis=1,
            )
            moved = np.zeros((beam.n_dofs, 2))
            moved[free] = sparse_linalg.splu(stiffness[free][:, free].tocsc()).solve(rhs[free])
            strain, correction = (operator @ moved).T.reshape(2, -1, 3)
            stress = database.stress[chosen] + correction @ database.metric
            chosen = _argmin(database.scale(strain, stress), database.points)
        return chosen

    def check() -> None:
        states = database.scale(solution.strain, solution.stress)
        assert solution.reason == "fixed point"
        found = np.sum((states - database.points[plain()]) ** 2, axis=1)
        np.testing.assert_allclose(found, solution.local_penalty, atol=1e-9)

    return Case(
        float(solution.n_iterations),
        lambda: solver.solve(force, fixed),
        check,
        {"factor anew, all distances": Peer(plain, goal=4)},
    )


def _bar(tiny: bool) -> Case:
    bar = mechanics.Structure.bar(length=1.0, area=1e-4, n_elements=20)
    law = mechanics.RambergOsgood(young=200e9, reference_stress=250e6, alpha=0.5, exponent=5)
    count = 1000 if tiny else 100_000
    database = mechanics.MaterialDatabase.from_law(law, count, max_stress=450e6, metric=50e9)
    solver, force = mechanics.DataDrivenSolver(bar, database), bar.body_force(2e4)
    solution = solver.solve(force, [0, 20], [0.0, 2.5e-3])

    def brute() -> mechanics.Solution:
        return mechanics.DataDrivenSolver(bar, database, _Brute()).solve(force, [0, 20], [0.0, 2.5e-3])

    def check() -> None:
        np.testing.assert_array_equal(brute().assignment, solution.assignment)

    return Case(
        float(solution.n_iterations),
        lambda: solver.solve(force, [0, 20], [0.0, 2.5e-3]),
        check,
        {"numpy, all distances": Peer(brute, goal=5)},
    )


class _Brute:
    """All distances, by their definition."""

    def nearest(self, queries: Floats, database: Floats, *, stream: int = 0) -> mechanics.Neighbours:
        squared = np.stack([np.sum((database - query) ** 2, axis=1) for query in queries])
        index = squared.argmin(axis=1)
        return mechanics.Neighbours(index, squared[np.arange(len(queries)), index])


BENCHMARKS = (
    Benchmark("exact-search", "mechanics", "query", _search,
              note="1,600 states of the L-beam among 17^3 points in 6 dimensions"),
    Benchmark("l-beam", "mechanics", "iteration", _iterations, floor=50,
              note="1,600 integration points, 902 degrees of freedom, 17^3 data points; start included"),
    Benchmark("bar", "mechanics", "iteration", _bar, floor=500,
              note="20 elements, 100,000 data points; start included"),
)  # fmt: skip
