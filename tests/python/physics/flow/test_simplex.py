"""The tables of reference simplices, held against each other and against closed forms."""

from itertools import product
from math import factorial, prod

import numpy as np
import pytest

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
