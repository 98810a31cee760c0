"""The tables of reference simplices, held against each other and against closed forms."""

from itertools import product
from math import factorial, prod

import numpy as np
import pytest

from nonideal.physics.flow.locate import Locator
from nonideal.physics.flow.simplex import SIMPLICES


@pytest.fixture(params=SIMPLICES)
def simplex(request):
    return SIMPLICES[request.param]


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_rules_integrate_monomials(simplex, n):
    """The integral of x^i y^j z^k is i! j! k! / (i + j + k + dim)!."""
    points, weights = simplex.rule(n)
    assert (weights > 0).all()
    assert (simplex.linear(points) > 0).all()
    for powers in product(range(2 * n), repeat=simplex.dim):
        if sum(powers) < 2 * n:
            exact = prod(map(factorial, powers)) / factorial(sum(powers) + simplex.dim)
            assert weights @ (points**powers).prod(axis=1) == pytest.approx(exact, rel=1e-13)


def test_shape_functions_are_nodal(simplex):
    assert len(simplex.places) == simplex.n_nodes
    np.testing.assert_array_equal(simplex.shape(simplex.places), np.eye(simplex.n_nodes))


def test_slopes_are_derivatives(simplex):
    """Of quadratic functions central differences are exact."""
    points, _ = simplex.rule(3)
    for axis, step in enumerate(np.eye(simplex.dim) / 4):
        difference = (simplex.shape(points + step) - simplex.shape(points - step)) * 2
        np.testing.assert_allclose(simplex.slopes(points)[..., axis], difference, atol=1e-14)


@pytest.mark.parametrize("dim", [2, 3])
def test_facets_face_outwards(dim):
    """The edges of facets are the cell's, each in dim - 1 of them, and normals add up to zero."""
    simplex, facet = SIMPLICES[dim], SIMPLICES[dim - 1]
    edges = [
        frozenset(row[i] for i in edge) for row in simplex.facets for edge in facet.edges
    ]  # fmt: skip
    for edge in simplex.edges:
        assert edges.count(frozenset(edge)) == dim - 1
    corners = simplex.places[: dim + 1]
    for row in simplex.facets:
        tangents = corners[list(row[1:])] - corners[row[0]]
        away = corners[row[0]] - corners.mean(axis=0)
        assert np.linalg.det(np.vstack([away, tangents])) > 0
    assert facet.cell_types == simplex.facet_types


@pytest.mark.parametrize("dim", [2, 3])
def test_points_far_out_in_a_bulge_are_found(dim):
    """Beyond the box of the cell's vertices and of the middles of its edges."""
    simplex = SIMPLICES[dim]
    first, last = simplex.edges[1]  # from the end of the first axis to that of the second
    bulged = simplex.places
    bulged[simplex.n_vertices + 1, 0] = 1.2
    small = 3 + 0.01 * simplex.places  # many, so that bins are small
    cells = np.arange(simplex.n_nodes) + simplex.n_nodes * (np.arange(20_000)[:, None] > 0)
    locator = Locator(np.concatenate([bulged, small]), cells.astype(np.int32))
    along = np.linspace(0, 1, 101)[:, None]
    on_edge = (1 - along) * simplex.places[first] + along * simplex.places[last]
    inside = np.random.default_rng(dim).dirichlet(np.ones(dim + 1), 200)[:, 1:]
    reference = np.concatenate([inside, on_edge])
    points = simplex.shape(reference) @ bulged
    assert points.max() > 1.25
    cells, found = locator.find(points)
    assert not cells.any()
    np.testing.assert_allclose(found, reference, atol=1e-8)
