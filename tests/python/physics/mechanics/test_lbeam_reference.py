"""The composite beam from fibre and matrix to the data-driven solution: the specification's section 6.2."""

from __future__ import annotations

import numpy as np
import pytest

from nonideal.physics import mechanics


@pytest.fixture(scope="module")
def beam() -> mechanics.Structure:
    return mechanics.l_beam(cells_per_width=4)


@pytest.fixture(scope="module")
def load(beam):
    return {"force": beam.traction((0.0, -5.0), x=100.0), "fixed_dofs": beam.dofs(y=100.0)}


@pytest.fixture(scope="module")
def cell() -> mechanics.UnitCell:
    return mechanics.UnitCell(n_arc=4, n_radial=2)


def hooke(stiffness):
    return lambda strain: (strain @ stiffness, np.broadcast_to(stiffness, (len(strain), 3, 3)))


@pytest.fixture(scope="module")
def linear(beam, load, cell) -> mechanics.Solution:
    return mechanics.solve_law(beam, hooke(cell.stiffness()), **load)


@pytest.fixture(scope="module")
def database(cell, linear) -> mechanics.MaterialDatabase:
    half_widths = 1.3 * np.abs(linear.strain).max(axis=0)
    return cell.database(half_widths, n_axis=9, metric=0.5 * cell.stiffness())


def tip(beam, solution) -> float:
    return float(solution.displacement[beam.dofs(1, x=100.0, y=0.0)[0]])


def test_numbers_of_the_specification(beam, load, linear, database):
    law = mechanics.InterpolatedLaw(database)
    reference = mechanics.solve_law(beam, law, **load)
    classical = mechanics.DataDrivenSolver(beam, database).solve(**load)
    tips = [tip(beam, solution) for solution in (linear, reference, classical)]
    np.testing.assert_allclose(tips, [-2.289, -2.561, -2.136], atol=6e-4)
    np.testing.assert_allclose(np.abs(reference.strain).max(axis=0), [0.0042, 0.0073, 0.0059], atol=6e-5)
    np.testing.assert_allclose(np.abs(reference.stress).max(axis=0), [56, 78, 23], atol=0.5)
    assert not law.outside(reference.strain).any()
    errors = [
        mechanics.relative_rms(getattr(classical, field), getattr(reference, field), beam.weights)
        for field in ("strain", "stress")
    ]
    np.testing.assert_allclose(errors, [0.20, 0.18], atol=5e-3)
    assert (classical.n_iterations, classical.reason) == (4, "fixed point")


def test_every_iteration_chooses_the_plain_argmin(beam, load, database):
    """The composite's own data: each choice of the default search, from the first to the fixed point."""
    asked = []

    class Witness(mechanics.ExactSearch):
        def nearest(self, queries, database, *, stream=0):
            asked.append(queries)
            return super().nearest(queries, database)

    history = mechanics.DataDrivenSolver(beam, database, Witness()).solve(**load).history
    default = mechanics.DataDrivenSolver(beam, database).solve(**load).history
    np.testing.assert_array_equal(history.assignment, default.assignment)
    assert len(asked) == len(history.assignment) == 4
    for queries, chosen in zip(asked, history.assignment, strict=True):
        squared = np.sum((queries[:, None] - database.points) ** 2, axis=2)
        np.testing.assert_array_equal(chosen, squared.argmin(axis=1))


@pytest.mark.slow
def test_the_fine_beam():
    """The numbers of the full scale: 400 elements, 17^3 data from the finer cell."""
    fine, cell = mechanics.l_beam(cells_per_width=10), mechanics.UnitCell(n_arc=6, n_radial=3)
    load = {"force": fine.traction((0.0, -5.0), x=100.0), "fixed_dofs": fine.dofs(y=100.0)}
    linear = mechanics.solve_law(fine, hooke(cell.stiffness()), **load)
    half_widths = 1.3 * np.abs(linear.strain).max(axis=0)
    database = cell.database(half_widths, n_axis=17, metric=0.5 * cell.stiffness(), n_workers=2)
    reference = mechanics.solve_law(fine, mechanics.InterpolatedLaw(database), **load)
    classical = mechanics.DataDrivenSolver(fine, database).solve(**load)
    tips = [tip(fine, solution) for solution in (linear, reference, classical)]
    np.testing.assert_allclose(tips, [-2.416, -2.783, -2.506], atol=2e-3)


def test_the_interpolated_law_is_near_the_cells_own(cell, database):
    """Between the points of the grid: a third of a per cent of the largest stress."""
    law = mechanics.InterpolatedLaw(database)
    strain = np.random.default_rng(4).uniform(-1, 1, (12, 3)) * database.strain.max(axis=0)
    stress = np.stack([cell.homogenize(macro).stress for macro in strain])
    assert np.abs(law(strain)[0] - stress).max() < 3e-3 * np.abs(database.stress).max()


def test_a_coarse_grid_gives_nearly_the_same_beam(beam, load, cell, linear):
    """A data base of 125 points, as a smooth law: the tip within two per cent."""
    half_widths = 1.3 * np.abs(linear.strain).max(axis=0)
    coarse = cell.database(half_widths, n_axis=5)
    solution = mechanics.solve_law(beam, mechanics.InterpolatedLaw(coarse), **load)
    assert solution.n_iterations <= 6
    assert tip(beam, solution) == pytest.approx(-2.561, rel=0.02)
