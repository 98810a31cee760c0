"""The data-driven solver: oracles by enumeration, invariants, the bar's published-by-us numbers, refusals."""

import functools
import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from nonideal.errors import ConvergenceError, InvalidArgument
from nonideal.physics import mechanics
from nonideal.physics.mechanics import DataDrivenSolver, MaterialDatabase, Structure
from oracles import mechanics_solver as oracle

LAW = mechanics.RambergOsgood(young=200e9, reference_stress=250e6, alpha=0.5, exponent=5)
BAR = Structure.bar(length=1.0, area=1e-4, n_elements=20)
LOADS = {"force": BAR.body_force(2e4), "fixed_dofs": [0, 20], "fixed_values": [0.0, 2.5e-3]}


@functools.cache
def steel(n_points, factor=0.25):
    return MaterialDatabase.from_law(LAW, n_points, max_stress=450e6, metric=factor * 200e9)


@functools.cache
def exact_bar():
    """(strain, stress) of the displacement-controlled bar, from its constant by a bracketed root."""
    drop = 2e4 * BAR.points[:, 0] / 1e-4
    c = optimize.brentq(lambda c: LAW.strain(c - drop).mean() - 2.5e-3, 0, 1e9, xtol=1e-6, rtol=1e-15)
    return LAW.strain(c - drop)[:, None], (c - drop)[:, None]


def errors(solution):
    strain, stress = exact_bar()
    return (
        mechanics.relative_rms(solution.strain, strain, BAR.weights),
        mechanics.relative_rms(solution.stress, stress, BAR.weights),
    )


def expect_admissible(structure, solution, force, fixed, values):
    """Equilibrium to 1e-10, compatibility to 1e-12, prescribed displacements exactly."""
    operator = structure.strain_operator
    inner = operator.T @ (structure.weights[:, None] * solution.stress).ravel()
    residual = inner - force - solution.reactions
    assert np.linalg.norm(residual) <= 1e-10 * max(np.linalg.norm(force), np.linalg.norm(solution.reactions))
    np.testing.assert_array_equal(solution.displacement[fixed], np.broadcast_to(values, len(fixed)))
    off = (operator @ solution.displacement).reshape(solution.strain.shape) - solution.strain
    assert np.abs(off).max() <= 1e-12 * np.abs(solution.strain).max()
    assert not solution.reactions[np.setdiff1d(np.arange(structure.n_dofs), fixed)].any()


# ---- the bar ----


def test_the_exact_bar_itself():
    strain, stress = exact_bar()
    np.testing.assert_allclose([stress.min(), stress.max()], [167.0e6, 357.0e6], rtol=2e-4)
    np.testing.assert_allclose([strain.min(), strain.max()], [9.183e-4, 5.498e-3], rtol=2e-4)


@pytest.mark.parametrize(
    ("factor", "n_points", "strain", "stress", "iterations"),
    [
        (1.0, 10_000, 2.1e-2, 2.0e-3, None),
        (1.0, 100_000, 2.4e-3, 1.8e-4, 440),
        (0.5, 10_000, 5.8e-3, 6.2e-4, None),
        (0.5, 100_000, 5.5e-4, 4.9e-5, 151),
        (0.25, 1000, 3.3e-3, 1.8e-3, 16),
        (0.25, 10_000, 5.4e-4, 9.9e-5, None),
        (0.25, 100_000, 1.4e-4, 1.9e-5, 36),
        (0.125, 10_000, 4.4e-4, 1.4e-4, None),
        (0.125, 100_000, 3.5e-5, 1.6e-5, 67),
    ],
)
def test_errors_of_the_bar(factor, n_points, strain, stress, iterations):
    """The specification's table, to its two digits; iterations to a few, which ties at the start decide."""
    solution = DataDrivenSolver(BAR, steel(n_points, factor)).solve(**LOADS, max_iterations=1000)
    found = errors(solution)
    np.testing.assert_allclose(found, (strain, stress), rtol=0.04)
    assert solution.reason == "fixed point"
    assert iterations is None or abs(solution.n_iterations - iterations) <= 3
    expect_admissible(BAR, solution, LOADS["force"], [0, 20], [0.0, 2.5e-3])
    if (factor, n_points) == (0.25, 1000):  # acceptance
        assert found[0] <= 0.005
        assert found[1] <= 0.003


@pytest.mark.parametrize(("n_points", "error"), [(100, 0.17), (1000, 0.022), (10_000, 0.0022)])
def test_stress_of_a_determinate_bar_is_exact_whatever_the_data(n_points, error):
    force = BAR.body_force(2e4)
    force[20] += 20e3
    solution = DataDrivenSolver(BAR, steel(n_points)).solve(force, [0], max_iterations=500)
    stress = (2e4 * (1 - BAR.points) + 20e3) / 1e-4
    assert mechanics.relative_rms(solution.stress, stress, BAR.weights) < 1e-13
    strain = LAW.strain(stress[:, 0])[:, None]
    assert mechanics.relative_rms(solution.strain, strain, BAR.weights) == pytest.approx(error, rel=0.05)


def test_linear_data_converge_to_the_linear_solution_as_one_over_n():
    drop = 2e4 * BAR.points / 1e-4
    stress = 200e9 * 2.5e-3 + drop.mean() - drop
    np.testing.assert_allclose([stress.min(), stress.max()], [405e6, 595e6], rtol=1e-12)
    counts, found = np.array([100, 215, 464, 1000, 2154, 4642, 10_000]), []
    for count in counts:
        strain = np.linspace(-3.5e-3, 3.5e-3, count)
        solution = DataDrivenSolver(BAR, MaterialDatabase(strain, 200e9 * strain)).solve(**LOADS)
        assert solution.converged
        found.append(
            [
                mechanics.relative_rms(field, exact, BAR.weights)
                for field, exact in ((solution.strain, stress / 200e9), (solution.stress, stress))
            ]
        )
    slopes = np.polyfit(np.log(counts), np.log(found), 1)[0]
    np.testing.assert_allclose(slopes, -1, atol=0.2)


# ---- oracles ----


@st.composite
def tiny_problems(draw):
    """A random truss or bar of up to four members, random data and metric."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    kind = draw(st.sampled_from(["bar", "chain", "fan"]))
    count = draw(st.integers(1, 4))
    if kind == "bar":
        structure = Structure.bar(1.0, 0.5, count)
        fixed = draw(st.sampled_from([[0], [0, count]])) if count > 1 else [0]
    elif kind == "chain":
        nodes = np.append(0.0, rng.uniform(0.5, 1.5, count).cumsum())[:, None]
        structure = Structure.truss(nodes, np.arange(count)[:, None] + [0, 1], rng.uniform(0.5, 2, count))
        fixed = [0]
    else:  # one loose node in the plane, held by members from two or more fixed ones
        count = max(count, 2)
        angle = np.linspace(0.3, 2.8, count)
        nodes = np.concatenate([[[0.0, 0.0]], np.stack([np.cos(angle), np.sin(angle)], axis=1)])
        members = np.stack([np.zeros(count, dtype=int), np.arange(1, count + 1)], axis=1)
        structure = Structure.truss(nodes, members, rng.uniform(0.5, 2, count))
        fixed = list(range(2, 2 * count + 2))
    size = draw(st.integers(1, 5))
    database = MaterialDatabase(
        rng.uniform(-1, 1, size), rng.uniform(-1, 1, size), metric=rng.uniform(0.2, 5.0)
    )
    force = rng.uniform(-1, 1, structure.n_dofs)
    return structure, database, force, fixed, rng.uniform(-0.5, 0.5, len(fixed))


@settings(max_examples=60, deadline=None)
@given(tiny_problems(), st.sampled_from(["zero", "linear", "random"]))
def test_against_enumeration(problem, start):
    """The projections are right, F falls to a fixed point, and not below the global minimum."""
    structure, database, force, fixed, values = problem
    solution = DataDrivenSolver(structure, database).solve(force, fixed, values, start=start, seed=1)
    assert solution.reason == "fixed point"
    penalties = solution.history.penalty
    scale = penalties.max() + 1e-12
    assert (np.diff(penalties) <= 1e-12 * scale).all()
    arguments = (
        structure.strain_operator.toarray(),
        structure.weights,
        database.metric,
        force,
        fixed,
        values,
    )
    chosen = solution.assignment
    u, strain, stress = oracle.admissible(*arguments, database.strain[chosen], database.stress[chosen])
    for ours, theirs in ((solution.displacement, u), (solution.strain, strain), (solution.stress, stress)):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9 * max(1, np.abs(theirs).max()))
    states = (database.strain[chosen], database.stress[chosen], database.metric, structure.weights)
    assert solution.penalty == pytest.approx(oracle.penalty(strain, stress, *states), rel=1e-7, abs=1e-12)
    again = database.scale(solution.strain, solution.stress)
    _, squared = oracle.nearest(again, database.points)
    np.testing.assert_allclose(
        squared, np.sum((again - database.points[chosen]) ** 2, axis=1), rtol=1e-9, atol=1e-14
    )
    least = oracle.global_minimum(*arguments, database.strain, database.stress)
    assert solution.penalty >= least - 1e-9 * (1 + least)


def test_every_iteration_chooses_the_plain_argmin_on_the_l_beam():
    """Each choice of the history follows from the one before by the dense argmin, from start to end."""
    beam = mechanics.l_beam(cells_per_width=2)
    law = mechanics.LinearElastic(young=4000.0, poisson=0.3)
    axis = np.linspace(-1, 1, 7)
    grid = np.stack(np.meshgrid(0.006 * axis, 0.009 * axis, 0.008 * axis, indexing="ij"), -1).reshape(-1, 3)
    database = MaterialDatabase(grid, law(grid)[0], 0.5 * law.stiffness(3))
    force, fixed = beam.traction([0.0, -5.0], x=100.0), beam.dofs(y=100.0)

    class Witness(mechanics.ExactSearch):
        asked = ()

        def nearest(self, queries, database, *, stream=0):
            assert stream == len(self.asked)
            self.asked = (*self.asked, queries)
            return super().nearest(queries, database)

    witness = Witness()
    solution = DataDrivenSolver(beam, database, witness).solve(force, fixed)
    assert solution.reason == "fixed point"
    assert len(witness.asked) == solution.n_iterations > 2
    for queries, chosen in zip(witness.asked, solution.history.assignment, strict=True):
        squared = np.sum((queries[:, None] - database.points) ** 2, axis=2)
        np.testing.assert_array_equal(chosen, squared.argmin(axis=1))
    expect_admissible(beam, solution, force, fixed, 0.0)
    assert (np.diff(solution.history.penalty) <= 0).all()


def test_the_plane_converges_to_linear_finite_elements_as_the_cube_root():
    """Data on a grid in a 3-D strain space: the error falls as N^(-1/3) (slope -1/3 +- 0.12)."""
    beam = mechanics.l_beam(cells_per_width=4)
    law = mechanics.LinearElastic(young=4000.0, poisson=0.3)
    force, fixed = beam.traction([0.0, -1.0], x=100.0), beam.dofs(y=100.0)
    reference = mechanics.solve_law(beam, law, force, fixed)
    box = 1.3 * np.abs(reference.strain).max(axis=0)
    counts, found = [], []
    for n_axis in (7, 9, 13, 17, 21, 33, 41):
        axis = np.linspace(-1, 1, n_axis)
        grid = np.stack(np.meshgrid(*(b * axis for b in box), indexing="ij"), -1).reshape(-1, 3)
        database = MaterialDatabase(grid, law(grid)[0], law.stiffness(3))
        solution = DataDrivenSolver(beam, database).solve(force, fixed, start="linear")
        counts.append(len(database))
        found.append(
            [
                mechanics.relative_rms(solution.strain, reference.strain, beam.weights),
                mechanics.relative_rms(solution.stress, reference.stress, beam.weights),
            ]
        )
    slopes = np.polyfit(np.log(counts), np.log(found), 1)[0]
    np.testing.assert_allclose(slopes, -1 / 3, atol=0.12)


# ---- invariants ----


def test_the_order_of_data_does_not_matter():
    """An odd number of points: none is as near to zero as another."""
    database = steel(1001)
    order = np.random.default_rng(0).permutation(1001)
    shuffled = MaterialDatabase(database.strain[order], database.stress[order], database.metric)
    one, other = (DataDrivenSolver(BAR, data).solve(**LOADS) for data in (database, shuffled))
    np.testing.assert_array_equal(one.assignment, order[other.assignment])
    np.testing.assert_array_equal(one.displacement, other.displacement)


def test_the_numbering_of_the_structure_does_not_matter():
    rng = np.random.default_rng(1)
    nodes, members = rng.permutation(21), rng.permutation(20)
    places = np.empty((21, 1))
    places[nodes] = np.linspace(0, 1, 21)[:, None]
    ends = np.stack([nodes[:-1], nodes[1:]], axis=1)[members]
    truss = Structure.truss(places, ends, 1e-4)
    other = DataDrivenSolver(truss, steel(1001)).solve(
        truss.body_force(2e4), [nodes[0], nodes[20]], [0.0, 2.5e-3]
    )
    one = DataDrivenSolver(BAR, steel(1001)).solve(**LOADS)
    np.testing.assert_array_equal(one.assignment[members], other.assignment)
    np.testing.assert_allclose(other.displacement[nodes], one.displacement, rtol=0, atol=1e-16)


def test_units_do_not_matter():
    """Millimetre, newton, megapascal against metre, newton, pascal: the same data points."""
    bar = Structure.bar(length=1e3, area=1e2, n_elements=20)
    database = steel(1001)
    scaled = MaterialDatabase(database.strain, database.stress / 1e6, database.metric / 1e6)
    one = DataDrivenSolver(BAR, database).solve(**LOADS)
    other = DataDrivenSolver(bar, scaled).solve(bar.body_force(2e1), [0, 20], [0.0, 2.5])
    np.testing.assert_array_equal(one.history.assignment, other.history.assignment)
    np.testing.assert_allclose(other.stress * 1e6, one.stress, rtol=1e-12)
    np.testing.assert_allclose(other.history.penalty / 1e3, one.history.penalty, rtol=1e-9)


def test_forces_on_prescribed_dofs_go_into_the_reaction():
    force = LOADS["force"].copy()
    force[20] += 777.0
    one = DataDrivenSolver(BAR, steel(1000)).solve(**LOADS)
    other = DataDrivenSolver(BAR, steel(1000)).solve(**(LOADS | {"force": force}))
    np.testing.assert_array_equal(one.stress, other.stress)
    assert other.reactions[20] == pytest.approx(one.reactions[20] - 777.0, rel=1e-12)


def test_all_dofs_may_be_prescribed():
    bar = Structure.bar(1.0, 1.0, 1)
    database = MaterialDatabase([0.0, 1.0], [0.0, 2.0], metric=2.0)
    solution = DataDrivenSolver(bar, database).solve([3.0, 0.0], [1, 0], [0.9, 0.0], start=[1])
    assert solution.assignment.tolist() == [1]
    np.testing.assert_allclose(solution.displacement, [0.0, 0.9])
    np.testing.assert_allclose(solution.reactions, [-5.0, 2.0])


def test_the_same_call_gives_the_same_bits_and_other_supports_a_new_factor():
    solver = DataDrivenSolver(BAR, steel(1000))
    one = solver.solve(**LOADS, start="random", seed=5)
    free_end = solver.solve(LOADS["force"], [0])
    again = solver.solve(**LOADS, start="random", seed=5)
    np.testing.assert_array_equal(one.displacement, again.displacement)
    np.testing.assert_array_equal(one.history.assignment, again.history.assignment)
    assert one.seed == 5
    assert free_end.seed is None
    assert free_end.displacement[20] != 2.5e-3
    assert solver.solve(**LOADS, start="random").seed is not None


def test_starts():
    database, m = steel(1001), 20
    first = {
        start: DataDrivenSolver(BAR, database)
        .solve(**LOADS, start=start, seed=3, max_iterations=1)
        .history.changed
        for start in ("zero", "linear", "random")
    }
    assert all(0 <= changed[0] <= 1 for changed in first.values())
    zero = DataDrivenSolver(BAR, database).solve(**LOADS, start="zero")
    given_zero = DataDrivenSolver(BAR, database).solve(**LOADS, start=np.full(m, 500))
    np.testing.assert_array_equal(zero.history.assignment, given_zero.history.assignment)
    resumed = DataDrivenSolver(BAR, database).solve(**LOADS, start=zero.assignment)
    assert (resumed.n_iterations, resumed.reason) == (1, "fixed point")
    # Linear data whose stiffness is the metric: the linear solution is found at once, whatever it is.
    strain = np.linspace(-3.5e-3, 3.5e-3, 100_001)
    linear = DataDrivenSolver(BAR, MaterialDatabase(strain, 200e9 * strain)).solve(**LOADS, start="linear")
    assert linear.n_iterations <= 2


# ---- searches that err, stopping, audit ----


class Noisy:
    """Takes the second nearest of the points now and then, differently in each call."""

    def __init__(self, rate):
        self.rate = rate
        self.streams = []

    def nearest(self, queries, database, *, stream=0):
        self.streams.append(stream)
        squared = np.sum((queries[:, None] - database) ** 2, axis=2)
        order = squared.argsort(axis=1, kind="stable")[:, :2]
        second = np.random.default_rng(stream).random(len(queries)) < self.rate
        return SimpleNamespace(index=order[np.arange(len(queries)), second.astype(int)])


class Stubborn:
    """Gives prescribed answers, and has no stream."""

    def __init__(self, *answers):
        self.answers = itertools.cycle(answers)

    def nearest(self, queries, database):
        return SimpleNamespace(index=np.resize(next(self.answers), len(queries)))


def test_audit_finds_the_wrong_neighbours():
    search = Noisy(0.3)
    solution = DataDrivenSolver(BAR, steel(101), search).solve(
        **LOADS, max_iterations=30, patience=31, audit=mechanics.ExactSearch()
    )
    history = solution.history
    assert search.streams == list(range(30))
    expected = np.stack([np.random.default_rng(i).random(20) < 0.3 for i in range(30)])
    np.testing.assert_array_equal(history.wrong, expected)
    np.testing.assert_allclose(history.wrong_fraction, expected.mean(axis=1))
    assert ((history.distance_ratio > 1) == expected.any(axis=1)).all()
    assert (history.distance_ratio[~expected.any(axis=1)] == 1).all()


def test_without_audit_there_are_no_wrong_neighbours():
    history = DataDrivenSolver(BAR, steel(101)).solve(**LOADS).history
    assert history.wrong is history.wrong_fraction is history.distance_ratio is None


def test_audit_of_an_exact_search_finds_nothing():
    history = DataDrivenSolver(BAR, steel(101)).solve(**LOADS, audit=mechanics.ExactSearch()).history
    assert not history.wrong.any()
    assert (history.distance_ratio == 1).all()


def test_the_best_iterate_is_returned():
    solution = DataDrivenSolver(BAR, steel(101), Noisy(0.5)).solve(**LOADS, max_iterations=40)
    history = solution.history
    assert not solution.converged
    assert solution.reason == "max iterations"
    assert solution.best_iteration == history.penalty.argmin() < solution.n_iterations - 1
    assert solution.penalty == history.penalty.min()
    assert solution.penalty == pytest.approx(BAR.weights @ solution.local_penalty, rel=1e-14)
    np.testing.assert_array_equal(solution.assignment, history.assignment[solution.best_iteration])
    found = steel(101).penalty(solution.strain, solution.stress, solution.assignment)
    np.testing.assert_allclose(found, solution.local_penalty, rtol=1e-12)
    expect_admissible(BAR, solution, LOADS["force"], [0, 20], [0.0, 2.5e-3])
    with pytest.raises(ConvergenceError) as caught:
        solution.require_converged()
    assert str(caught.value) == (
        f"40 iterations, and still {history.changed[-1]:.3g} of the points change: raise max_iterations or, "
        "where the search is noisy, changed_tolerance and patience"
    )
    assert caught.value.history == tuple(history.penalty)


def test_history_of_changes():
    solution = DataDrivenSolver(BAR, steel(1000)).solve(**LOADS)
    history = solution.history
    assert len(history.penalty) == solution.n_iterations == len(history.displacement_change)
    assert history.changed[0] == 1.0
    for before, now, changed in zip(
        history.assignment[:-1], history.assignment[1:], history.changed[1:], strict=True
    ):
        assert changed == np.mean(before != now)
    assert history.changed[-1] == history.displacement_change[-1] * 0 == 0
    assert solution.require_converged() is solution


def test_patience_and_changed_fraction():
    """Answers 0, 0, 1, 1, 1, ...: one quiet iteration after two, three in a row after six."""
    bar, database = Structure.bar(1.0, 1.0, 2), MaterialDatabase([0.0, 1.0], [0.0, 1.0])
    run = {"force": None, "fixed_dofs": [0, 2], "fixed_values": [0.0, 0.1]}
    one = DataDrivenSolver(bar, database, Stubborn(1, 1, 0, 0, 0, 0)).solve(**run)
    assert (one.n_iterations, one.reason) == (2, "fixed point")
    three = DataDrivenSolver(bar, database, Stubborn(1, 1, 0, 0, 0, 0)).solve(**run, patience=3)
    assert (three.n_iterations, three.reason) == (6, "fixed point")
    half = DataDrivenSolver(bar, database, Stubborn([0, 1], [1, 1])).solve(**run, changed_tolerance=0.5)
    assert (half.n_iterations, half.reason) == (1, "changed fraction")


def test_penalty_rule():
    bar, database = Structure.bar(1.0, 1.0, 2), MaterialDatabase([0.0, 1.0], [0.0, 1.0])
    run = {"force": None, "fixed_dofs": [0, 2], "fixed_values": [0.0, 0.1]}
    search = Stubborn([0, 1], [1, 0])  # never settles, never gets better
    solution = DataDrivenSolver(bar, database, search).solve(**run, penalty_tolerance=1e-3, window=4)
    assert solution.reason == "penalty"
    assert solution.n_iterations <= 6
    assert solution.converged
    exact = DataDrivenSolver(BAR, steel(1000)).solve(**LOADS, penalty_tolerance=1e-9, window=50)
    assert exact.reason == "fixed point"


def test_a_search_without_stream_is_called_without_it():
    bar, database = Structure.bar(1.0, 1.0, 2), MaterialDatabase([0.0, 1.0], [0.0, 1.0])
    assert DataDrivenSolver(bar, database, Stubborn(0)).solve(None, [0, 2]).converged

    class Open:
        def nearest(self, queries, database, **options):
            assert options == {"stream": 0}
            return mechanics.ExactSearch().nearest(queries, database)

    assert DataDrivenSolver(bar, database, Open()).solve(None, [0, 2]).converged


# ---- refusals ----


def solve(structure=BAR, database=None, search=None, **changes):
    database = steel(101) if database is None else database
    return DataDrivenSolver(structure, database, search).solve(**(LOADS | changes))


SQUARE = [[0, 0], [1, 0], [1, 1], [0, 1]]
FRAME = Structure.truss(SQUARE, [[0, 1], [1, 2], [2, 3], [3, 0], [0, 2]], 1.0)
LOOSE = Structure.truss(SQUARE, [[0, 1], [1, 2], [2, 3], [3, 0]], 1.0)
SPACE = Structure.truss(np.eye(4)[:, :3], list(itertools.combinations(range(4), 2)), 1.0)


def held(structure, fixed):
    return solve(structure, force=None, fixed_dofs=fixed, fixed_values=0.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: solve(fixed_dofs=(), fixed_values=0.0), "fixed_dofs is empty: nothing holds the structure"),
        (lambda: solve(fixed_dofs=[0, 21]), "fixed_dofs[1] = 21 is outside [0, 21)"),
        (lambda: solve(fixed_dofs=[-1, 0]), "fixed_dofs[0] = -1 is outside [0, 21)"),
        (
            lambda: solve(fixed_dofs=[0.0, 1.0]),
            "fixed_dofs has shape (2,) and dtype float64, not (k,) and int",
        ),
        (lambda: solve(fixed_dofs=[20, 20]), "fixed_dofs holds 20 twice"),
        (lambda: solve(fixed_values=[0.0, 1.0, 2.0]), "fixed_values has shape (3,), not () or (2,)"),
        (lambda: solve(fixed_values=[0.0, np.nan]), "fixed_values[1] = nan is not finite"),
        (lambda: solve(force=[1.0]), "force has shape (1,), not (21,)"),
        (lambda: solve(force=np.full(21, np.inf)), "force[0] = inf is not finite"),
        (lambda: held(FRAME, [0]), "fixed_dofs leaves 2 rigid modes of the structure free"),
        (lambda: held(FRAME, [0, 1]), "fixed_dofs leaves 1 rigid mode of the structure free"),
        (lambda: held(FRAME, [0, 2]), "fixed_dofs leaves 2 rigid modes of the structure free"),
        (lambda: held(SPACE, [0]), "fixed_dofs leaves 5 rigid modes of the structure free"),
        (lambda: held(SPACE, [0, 1, 2]), "fixed_dofs leaves 3 rigid modes of the structure free"),
        (
            lambda: held(LOOSE, [0, 1, 3]),
            "a part of the structure can move without strain (degree of freedom 4); hold it by fixed_dofs",
        ),
        (
            lambda: solve(database=MaterialDatabase(np.eye(3), np.eye(3))),
            "database has 3 strain components, structure 1",
        ),
        (lambda: solve(start="best"), "start = 'best' is not one of zero, linear, random"),
        (lambda: solve(start=[0, 1]), "start has shape (2,) and dtype int64, not (20,) and int"),
        (lambda: solve(start=np.full(20, 101)), "start[0] = 101 is outside [0, 101)"),
        (lambda: solve(max_iterations=0), "max_iterations = 0 is below 1"),
        (lambda: solve(changed_tolerance=1.5), "changed_tolerance = 1.5 is outside [0, 1]"),
        (lambda: solve(patience=0), "patience = 0 is below 1"),
        (lambda: solve(penalty_tolerance=-1.0), "penalty_tolerance = -1.0 is not >= 0"),
        (lambda: solve(window=0), "window = 0 is below 1"),
        (lambda: solve(start="random", seed=-1), "seed = -1 is outside [0, 2^64)"),
        (lambda: solve(start="zero", seed=-5), "seed = -5 is outside [0, 2^64)"),
        (lambda: solve(start=[0] * 20, seed=-5), "seed = -5 is outside [0, 2^64)"),
        (lambda: solve(search=3), "search: int has no method nearest(queries, database)"),
        (lambda: solve(audit=3), "audit: int has no method nearest(queries, database)"),
        (lambda: solve(search=Stubborn(101)), "Stubborn.nearest(...).index[0] = 101 is outside [0, 101)"),
        (lambda: solve(search=Stubborn([0, -1])), "Stubborn.nearest(...).index[1] = -1 is outside [0, 101)"),
        (
            lambda: solve(search=Stubborn(0.5)),
            "Stubborn.nearest(...).index has shape (20,) and dtype float64, not (20,) and int",
        ),
        (
            lambda: solve(search=SimpleNamespace(nearest=lambda queries, database: [0] * 20)),
            "SimpleNamespace.nearest(...).index has shape () and dtype object, not (20,) and int",
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidArgument) as caught:
        call()
    assert str(caught.value) == message


@pytest.mark.parametrize(("structure", "fixed"), [(FRAME, [0, 1, 3]), (SPACE, [0, 1, 2, 4, 5, 8])])
def test_frames_held_just_enough_are_solved(structure, fixed):
    force = np.random.default_rng(3).uniform(-1e7, 1e7, structure.n_dofs)
    solution = solve(structure, force=force, fixed_dofs=fixed, fixed_values=0.0)
    expect_admissible(structure, solution, force, fixed, 0.0)
    # In equilibrium as a whole: reactions and forces cancel along every axis.
    total = np.bincount(structure.dof_components, force + solution.reactions)
    np.testing.assert_allclose(total, 0, atol=1e-6)
