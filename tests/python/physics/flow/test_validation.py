"""Validation against full-order solutions, and the pictures."""

from __future__ import annotations

import numpy as np
import pytest

from nonideal.errors import InvalidArgument
from nonideal.physics import flow


@pytest.fixture(scope="module")
def validated(cavity, cavity_train):
    basis = flow.ReducedBasis.fit(cavity_train + flow.augment(cavity_train))
    mus = cavity.parameters.random(4, seed=3)
    return basis, mus, flow.validate(basis, cavity, mus, n_modes=[2, 10, 5])


def test_errors_are_those_of_solutions(cavity, validated):
    basis, mus, found = validated
    assert found.n_modes == (2, 10, 5)
    for column, mu in enumerate(mus):
        exact = cavity.solve(mu)
        for row, k in enumerate(found.n_modes):
            part = basis.truncate(k)
            for values, other in (
                (found.errors, part.solve(mu)),
                (found.projection_errors, part.project(exact)),
            ):
                expected = cavity.norm(other.velocity - exact.velocity) / cavity.norm(exact.velocity)
                assert values[row, column] == pytest.approx(expected, rel=1e-9)
            assert found.residual_norms[row, column] == pytest.approx(part.solve(mu).residual_norm, rel=1e-9)
    assert (found.projection_errors <= found.errors).all()
    assert (np.diff(found.residual_norms[[0, 2, 1]].mean(axis=1)) < 0).all()  # more modes leave less
    assert all(cavity.solve(mu).residual_norm < 1e-10 * found.residual_norms.min() for mu in mus)
    assert (np.diff(found.projection_errors[[0, 2, 1]], axis=0) < 0).all()
    np.testing.assert_allclose(found.mean, found.errors.mean(axis=1))
    np.testing.assert_allclose(found.max, found.errors.max(axis=1))
    np.testing.assert_allclose(found.standard_error, found.errors.std(axis=1, ddof=1) / 2)
    assert found.linear_solves == basis.linear_solves
    assert found.converged.all()
    lines = str(found).splitlines()
    assert len(lines) == 4
    assert "residual, mean" in lines[0]
    assert lines[1].endswith(f" {found.residual_norms[0].mean():.2e}")


def test_references_are_reused(cavity, validated, monkeypatch):
    basis, mus, found = validated
    reference = [cavity.solve(mu) for mu in mus]
    monkeypatch.setattr(cavity, "solve", None)  # not called
    again = flow.validate(basis, cavity, mus, n_modes=(2, 10, 5), reference=reference)
    assert np.array_equal(again.errors, found.errors)
    assert np.array_equal(again.residual_norms, found.residual_norms)
    without = flow.validate(basis, cavity, mus, n_modes=(2, 10, 5), reference=reference, residuals=False)
    assert np.array_equal(without.errors, found.errors)
    assert without.residual_norms is None
    assert "residual" not in str(without)
    single = flow.validate(basis, cavity, mus[:1], reference=reference[:1])
    assert single.n_modes == (10,)
    assert single.standard_error.tolist() == [0.0]


def test_queries_that_do_not_converge_are_flagged(cavity, validated, monkeypatch):
    basis, mus, _ = validated
    iterate = flow.ReducedBasis.iterate
    monkeypatch.setattr(flow.ReducedBasis, "iterate", lambda self, mu: iterate(self, mu, max_iterations=2))
    found = flow.validate(basis, cavity, mus[:2], n_modes=[2, 3])
    assert not found.converged.any()
    assert np.isfinite(found.errors).all()
    assert str(found).count("2 not converged") == 2


def test_progress(cavity, validated, bars):
    basis, mus, found = validated
    assert np.array_equal(flow.validate(basis, cavity, mus, n_modes=(2, 10, 5)).errors, found.errors)
    flow.validate(basis, cavity, mus[:2], progress=False)
    assert bars == [["validation", 4, True, 4], ["validation", 2, False, 2]]


def test_refusals(cavity, validated):
    basis, mus, _ = validated

    def refused(message, *arguments, **options):
        with pytest.raises(InvalidArgument, match=f"^{message}$"):
            flow.validate(*arguments, **options)

    refused("basis: int is not a ReducedBasis", 3, cavity, mus)
    refused(
        "problem: the problem is not the basis's: meshes differ", basis, flow.cases.two_lid_cavity(n=3), mus
    )
    refused(
        r"problem: the problem is not the basis's: boundary data at mu = \{Re: \S+, a: \S+\} differ",
        basis,
        flow.cases.two_lid_cavity(n=8, regularised=True),
        mus,
    )
    refused("mus is empty", basis, cavity, [])
    refused("n_modes is empty", basis, cavity, mus, n_modes=[])
    refused("k = 11 is above n_modes, 10", basis, cavity, mus, n_modes=[11])
    refused(r"n_modes\[1\] = 0 is below 1", basis, cavity, mus, n_modes=[1, 0])
    refused("reference: expected 4 solutions, got 0", basis, cavity, mus, reference=[])
    refused(r"mus\[0\] lacks 'a'; it needs Re, a", basis, cavity, [{"Re": 100}])
    refused(r"mus\[1\]: int is not a mapping", basis, cavity, [mus[0], 3])
    first, second = (cavity.solve(mu) for mu in mus[:2])
    place = r"mu = \{Re: \S+, a: \S+\}"
    refused(
        rf"reference\[0\] is the solution at {place}, not at mus\[0\], {place}",
        basis,
        cavity,
        mus[:2],
        reference=[second, first],
    )
    refused(
        r"reference\[1\]: ndarray is not a Solution",
        basis,
        cavity,
        mus[:2],
        reference=[first, second.velocity],
    )
    regular = flow.cases.two_lid_cavity(n=8, regularised=True)
    refused(
        rf"reference\[1\]: the problem is not the basis's: boundary data at {place} differ",
        basis,
        cavity,
        mus[:2],
        reference=[first, regular.solve(mus[1])],
    )


def test_pictures(cavity, cavity_train, validated):
    basis, mus, found = validated
    exact, fast = cavity.solve(mus[0]), basis.solve(mus[0])
    lines = flow.plot.streamlines(exact, n=15)
    assert len(lines.collections) >= 2  # speed, lines
    field = flow.plot.error_field(fast, exact)
    (drawn,) = field.collections
    assert drawn.get_array().max() == pytest.approx(
        np.linalg.norm(fast.velocity - exact.velocity, axis=1).max()
    )
    plain = flow.ReducedBasis.fit(cavity_train)
    values = flow.plot.singular_values({"plain": plain, "Oseen": basis})
    assert [line.get_label() for line in values.lines] == ["plain", "Oseen"]
    assert len(values.lines[1].get_xdata()) == 10
    modes = flow.plot.error_vs_modes([found])
    np.testing.assert_allclose(modes.lines[0].get_ydata(), 100 * found.mean)
    cost = flow.plot.error_vs_cost({"Oseen": found})
    assert cost.lines[0].get_xdata().tolist() == [basis.linear_solves]
    axes = flow.plot.error_map(found, cavity.parameters)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Re", "a")
    # what a picture shows between nodes, and outside the domain
    x, y, u, _ = flow.plot.on_grid(exact, 9)
    assert (len(x), len(y)) == (9, 9)
    np.testing.assert_allclose(u[-1, 1:-1], 1.0, atol=1e-6)
    cylinder = flow.cases.cylinder(n=3).stokes({"nu": 1e-3, "inflow": 0.2})
    x, y, u, _ = flow.plot.on_grid(cylinder, 21)
    inside = np.isnan(u)
    assert 0 < inside.sum() < 0.05 * u.size
    assert (np.hypot(*np.meshgrid(x - 0.2, y - 0.2))[inside] < 0.05).all()
    with pytest.raises(InvalidArgument, match=r"^nothing to draw$"):
        flow.plot.singular_values([])
    with pytest.raises(InvalidArgument, match=r"^b: its velocity has shape"):
        flow.plot.error_field(exact, cylinder)
    with pytest.raises(InvalidArgument, match=r"^space: a map needs two parameters, got 1$"):
        flow.plot.error_map(found, flow.ParameterSpace(Re=(1, 2)))
