"""Solvers, threads and processes of a problem: who analyses, who waits, the same bits."""

import os
import pickle
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from nonideal.errors import InvalidArgument
from nonideal.physics import flow


def test_threads_give_the_same_bits():
    problem = flow.cases.two_lid_cavity(12)
    mus = problem.parameters.random(6, seed=1)
    alone = [problem.solve(mu) for mu in mus]
    assert problem.solver_stats.analyses == 1
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(problem.solve, mus))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.velocity, other.velocity)
        np.testing.assert_array_equal(one.pressure, other.pressure)
    stats = problem.solver_stats
    assert stats.analyses == 1
    assert stats.fallbacks == stats.perturbed_pivots == 0
    assert stats.factorizations == 2 * sum(solution.linear_solves for solution in alone)


def test_threads_wait_for_the_first_analysis(monkeypatch):
    analyse = flow.solvers.NativeLU._analyse

    def slowly(self, *pattern):
        time.sleep(0.1)  # all threads come before it is done
        analyse(self, *pattern)

    monkeypatch.setattr(flow.solvers.NativeLU, "_analyse", slowly)
    problem = flow.cases.two_lid_cavity(6, solver="native")
    problem.snapshots(problem.parameters.grid(2), workers=3)
    assert problem.solver_stats.analyses == 1


def test_workspace_after_a_refused_analysis(monkeypatch):
    """The next one analyses anew."""

    def refuse(*pattern):
        raise InvalidArgument("no")

    problem = flow.cases.two_lid_cavity(4, solver="native")
    with monkeypatch.context() as patch:
        patch.setattr(flow.solvers.NativeLU, "_analyse", refuse)
        with pytest.raises(InvalidArgument, match=r"^no$"):
            problem.stokes({"Re": 100, "a": 0.0})
    problem.stokes({"Re": 100, "a": 0.0})
    assert problem.solver_stats.analyses == 1


def test_statistics_of_several_threads():
    """Counts are added up, an error is the largest, and a solver that has not solved yet does not hide it."""
    problem = flow.cases.two_lid_cavity(4, solver="native")
    with problem._pool.lend() as one, problem._pool.lend() as other, problem._pool.lend():
        for space, pivots, error in ((one, 2, 1e-15), (other, 3, 1e-12)):
            space.solver.stats.perturbed_pivots = pivots
            space.solver.stats.backward_error = error
        stats = problem.solver_stats
    assert (stats.perturbed_pivots, stats.backward_error) == (5, 1e-12)
    assert (stats.analyses, stats.fill) == (1, one.solver.stats.fill)
    assert type(stats.fill) is int


def test_statistics_before_anything_is_solved():
    stats = flow.cases.two_lid_cavity(4, solver="superlu").solver_stats
    assert (stats.backend, stats.analyses, stats.solves) == ("superlu", 0, 0)


def test_ones_own_solver():
    solver = flow.solvers.SuperLU(symmetric=False)
    problem = flow.cases.two_lid_cavity(8, solver=solver)
    mus = problem.parameters.grid(2)
    with ThreadPoolExecutor(2) as pool:  # they take turns
        found = list(pool.map(problem.solve, mus))
    assert solver.stats.solves == sum(solution.linear_solves for solution in found)
    reference = flow.cases.two_lid_cavity(8)
    for mu, solution in zip(mus, found, strict=True):
        np.testing.assert_allclose(solution.velocity, reference.solve(mu).velocity, atol=1e-9)


@pytest.mark.parametrize("make", [flow.solvers.SuperLU, flow.solvers.NativeLU])
def test_a_solver_object_that_two_problems_share(make):
    """Each finds its own flow, whichever was solved last, with patterns of one size too."""
    solver = make()
    mesh = flow.Mesh.rectangle(0, 1, 0, 1, nx=6, ny=6)
    turned = flow.Mesh(mesh.points @ [[0, 1], [-1, 0]], mesh.cells, mesh.boundaries)
    enclosed = {"left": 0.0, "right": 0.0, "bottom": 0.0}
    cases = [
        (grid, {"viscosity": 0.01, "dirichlet": {"top": lid, **enclosed}})
        for grid, lid in ((mesh, (1.0, 0.0)), (turned, (0.0, 1.0)))
    ]
    cases.append((mesh, {"viscosity": 0.1, "dirichlet": {"top": (1.0, 0.0)} | {"left": 0.0, "bottom": 0.0},
                         "traction": {"right": 0.0}}))  # fmt: skip
    problems = [flow.NavierStokes(grid, solver=solver, **data) for grid, data in cases]
    alone = [flow.NavierStokes(grid, solver=make(), **data).solve({}) for grid, data in cases]
    for index in (0, 1, 2, 0, 2, 2, 1):
        assert np.array_equal(problems[index].solve({}).velocity, alone[index].velocity)
    assert solver.stats.analyses == 6  # once for each change, and not where the same problem goes on
    with ThreadPoolExecutor(3) as pool:  # they take turns, over all problems
        found = list(pool.map(lambda index: problems[index % 3].solve({}), range(9)))
    for index, solution in enumerate(found):
        assert np.array_equal(solution.velocity, alone[index % 3].velocity)


def test_a_shared_solver_object_after_a_refused_analysis(monkeypatch):
    solver = flow.solvers.NativeLU()
    one, other = (flow.cases.two_lid_cavity(n, solver=solver) for n in (4, 5))
    mu = {"Re": 100, "a": 0.0}
    want = one.stokes(mu).velocity

    def refuse(*pattern):
        raise InvalidArgument("no")

    with monkeypatch.context() as patch:
        patch.setattr(flow.solvers.NativeLU, "_analyse", refuse)
        with pytest.raises(InvalidArgument, match=r"^no$"):
            other.stokes(mu)
    assert np.array_equal(one.stokes(mu).velocity, want)


def test_pickled_problems_give_the_same_bits():
    for problem, mu in ((flow.cases.two_lid_cavity(6), {"Re": 200, "a": 0.1}),
                        (flow.cases.cylinder(4), {"nu": 1e-3, "inflow": 0.2})):  # fmt: skip
        copy = pickle.loads(pickle.dumps(problem))
        np.testing.assert_array_equal(copy.solve(mu).velocity, problem.solve(mu).velocity)


SAVE_FLOW = """
import sys
import numpy as np
from nonideal.physics import flow
solution = flow.cases.cylinder(8).solve({"nu": 1e-3, "inflow": 0.25})
np.save(sys.argv[1], np.append(solution.velocity.ravel(), solution.pressure))
"""


def test_instruction_sets_agree(tmp_path):
    found = {}
    for isa in ("baseline", "avx2", "avx512"):
        path = tmp_path / f"{isa}.npy"
        done = subprocess.run(
            [sys.executable, "-c", SAVE_FLOW, path],
            capture_output=True,
            text=True,
            env={**os.environ, "NONIDEAL_ISA": isa},
            timeout=120,
        )
        if "NONIDEAL_ISA" in done.stderr:  # this processor lacks it
            continue
        assert done.returncode == 0, done.stderr
        found[isa] = np.load(path)
    for values in found.values():
        np.testing.assert_allclose(values, found["baseline"], atol=1e-10 * np.abs(found["baseline"]).max())
