"""Artificial snapshots: what each kind must fulfil, and what an independent implementation makes."""

from __future__ import annotations

import numpy as np
import pytest

from nonideal.errors import InvalidArgument
from nonideal.physics import flow
from nonideal.physics.flow.augmentation import MASS_ONLY, METHODS
from oracles import flow_taylor_hood as oracle


def worst_divergence(problem, velocity):
    """Largest |int q div u|, relative to the sizes of what is summed."""
    matrix = problem.divergence_matrix
    return (np.abs(matrix @ velocity) / (abs(matrix) @ np.abs(velocity) + 1e-30)).max()


@pytest.mark.parametrize("method", METHODS)
def test_divergence_free_to_rounding(trained, method):
    problem, train = trained
    made = flow.augment(train, method=method)
    if problem.parameters.names == ("Re", "a") and problem.enclosed and method not in MASS_ONLY:
        # Interpolated inflow may leave a net flux, which every cell takes up alike.
        excess = problem.divergence_matrix @ made.velocity
        weights = problem.pressure_weights
        net = excess.sum(axis=0) / weights.sum()
        assert np.abs(excess - np.outer(weights, net)).max() < 1e-14
        assert np.abs(net).max() < 1e-3
        return
    assert worst_divergence(problem, made.velocity) < 1e-12
    assert np.abs(problem.divergence_matrix @ made.velocity).max() < 1e-13 * np.abs(made.velocity).max()


@pytest.mark.parametrize("method", METHODS)
def test_bookkeeping(cavity, cavity_train, method):
    made = flow.augment(cavity_train, method=method)
    count = 5 if method == "navier_stokes" else 6  # the diagonals share their mid-point
    assert made.origin == [method] * count
    assert made.pairs.shape == (count, 2)
    for mu, (i, j) in zip(made.parameters, made.pairs, strict=True):
        for name in mu:
            middle = (cavity_train.parameters[i][name] + cavity_train.parameters[j][name]) / 2
            assert mu[name] == pytest.approx(middle, abs=1e-12)
    expected = {"linear": 0, "oseen": 6, **dict.fromkeys(MASS_ONLY, 1)}
    if method in expected:
        assert made.linear_solves == expected[method]
    else:
        assert made.linear_solves == sum(cavity.solve(mu).linear_solves for mu in made.parameters)
    assert made.has_pressure == (method not in MASS_ONLY)


@pytest.mark.parametrize("method", MASS_ONLY)
def test_mass_only_vanishes_on_the_boundary_and_differs_from_the_span(trained, method):
    problem, train = trained
    made = flow.augment(train, method=method)
    known = np.repeat(problem.constrained, 2)
    assert (made.velocity[known] == 0).all()
    lifted = flow.ReducedBasis.fit(train)
    both = flow.ReducedBasis.fit(train + made)
    assert both.n_modes > lifted.n_modes


def test_mass_only_does_not_depend_on_the_order_of_a_pair(cavity, cavity_train):
    for method, sign in (("stream_product", 1), ("geometric_leray", 1), ("bracket", -1)):
        one = flow.augment(cavity_train, method=method, pairs=[(0, 3)]).velocity
        two = flow.augment(cavity_train, method=method, pairs=[(3, 0)]).velocity
        np.testing.assert_allclose(one, sign * two, atol=1e-12 * np.abs(one).max())


def test_geometric_mean_of_equal_fields_is_their_projection(cavity, cavity_train):
    """Far from the boundary a solenoidal field of zero trace comes back unchanged."""
    lifted = cavity_train.velocity[:, :1] - cavity_train.velocity[:, 1:2]
    lifted[np.repeat(cavity.constrained, 2)] = 0.0
    stream = flow.augment(cavity_train, method="stream_product", pairs=[(0, 1)]).velocity
    mus = cavity_train.parameters[:2]
    twice = flow.Snapshots(cavity, np.hstack([stream, stream]), None, mus, origin=["stream_product"] * 2)
    again = flow.augment(twice, method="geometric_leray").velocity
    np.testing.assert_allclose(again, stream, atol=1e-13)


def test_weights_and_pairs(cavity, cavity_train):
    made = flow.augment(cavity_train, method="linear", pairs=[(2, 0)], weights=(0.25, 0.75))
    two, zero = cavity_train.velocity[:, 2], cavity_train.velocity[:, 0]
    np.testing.assert_allclose(made.velocity[:, 0], 0.75 * two + 0.25 * zero, atol=1e-15)
    np.testing.assert_allclose(made.velocity[:, 1], 0.25 * two + 0.75 * zero, atol=1e-15)
    assert made.pairs.tolist() == [[2, 0], [2, 0]]
    oseen = flow.augment(cavity_train, pairs=[(2, 0)], weights=(0.25,))
    by_hand = cavity.oseen(made.velocity[:, 0].reshape(-1, 2), made.parameters[0])
    assert np.array_equal(oseen.velocity[:, 0], by_hand.velocity.ravel())
    assert np.array_equal(oseen.pressure[:, 0], by_hand.pressure)


def test_oseen_of_a_solution_with_itself_is_that_solution(trained):
    """The fixed point: a convecting field that solves the equations comes back."""
    problem, train = trained
    twice = train[[0, 0]]
    made = flow.augment(twice, method="oseen")
    gap = problem.norm((made.velocity - twice.velocity[:, :1]).reshape(-1, 2))
    assert gap < 1e-9 * problem.norm(twice.velocity[:, 0].reshape(-1, 2))


def test_picard_steps_go_towards_the_solution(cavity, cavity_train):
    mu = flow.augment(cavity_train, pairs=[(0, 3)]).parameters[0]
    exact = cavity.solve(mu).velocity
    gaps = []
    for steps in (1, 2, 4, 40):
        made = flow.augment(cavity_train, pairs=[(0, 3)], picard_steps=steps)
        assert made.linear_solves == steps
        gaps.append(cavity.norm(made.velocity[:, 0].reshape(-1, 2) - exact))
    assert gaps[0] > gaps[1] > gaps[2] > gaps[3]
    assert gaps[3] < 1e-6


def test_navier_stokes_leaves_training_points_out(cavity):
    train = cavity.snapshots(cavity.parameters.grid({"Re": 3, "a": 1}))
    made = flow.augment(train, method="navier_stokes")  # the mid-point of the ends is a snapshot
    assert [mu["Re"] for mu in made.parameters] == [175.0, 325.0]
    with pytest.raises(InvalidArgument, match=r"^pairs: all combined parameters are those of training"):
        flow.augment(train, method="navier_stokes", pairs=[(0, 2)])


@pytest.mark.parametrize("method", ["oseen", "navier_stokes"])
def test_workers_do_not_change_bits(cavity_train, method):
    one, two = (flow.augment(cavity_train, method=method, workers=workers) for workers in (None, 2))
    assert np.array_equal(one.velocity, two.velocity)
    assert np.array_equal(one.pressure, two.pressure)


def test_progress(cavity_train, bars):
    flow.augment(cavity_train, pairs=[(0, 1), (0, 2)])
    flow.augment(cavity_train, method="navier_stokes", pairs=[(0, 1)], progress=False)
    assert bars == [["pairs", 2, True, 2], ["snapshots", 1, False, 1]]


# ---- against scikit-fem ----


@pytest.fixture(scope="module")
def both():
    """Return our cavity and the oracle's, their training sets, and where each of its dofs is among ours."""
    ours, theirs = flow.cases.two_lid_cavity(n=6), oracle.Cavity(6)
    mus = ours.parameters.grid(2)
    key = {(*np.round(place, 9).tolist(), 0): i for i, place in enumerate(ours.nodes)}
    where = [
        2 * key[(*np.round(place, 9).tolist(), 0)] + int(not is_u)
        for place, is_u in zip(theirs.places.T, theirs.is_u, strict=True)
    ]
    return ours, theirs, ours.snapshots(mus), [theirs.solve(mu) for mu in mus], np.array(where)


def test_solutions_are_the_oracles(both):
    _, _, ours, theirs, where = both
    for column, field in zip(ours.velocity.T, theirs, strict=True):
        np.testing.assert_allclose(column[where], field.velocity, atol=1e-10)
    assert ours.solves.tolist() == [field.solves for field in theirs]


@pytest.mark.parametrize(
    ("method", "options"),
    [(name, {}) for name in METHODS if name != "navier_stokes"]
    + [
        ("oseen", {"convecting": "geometric"}),
        ("oseen", {"picard_steps": 2}),
        ("oseen", {"weights": (0.25, 0.5, 0.75)}),
    ],
)
def test_artificial_snapshots_and_reduced_solutions_are_the_oracles(both, method, options):
    problem, cavity, train, fields, where = both
    made = flow.augment(train, method=method, **options)
    expected = oracle.augment(cavity, fields, method, **options)
    assert len(made) == len(expected)
    # A geometric mean takes square roots of velocities that are no more than rounding.
    within = 1e-7 if "geometric" in (method.split("_")[0], options.get("convecting")) else 1e-9
    for column, field, mu in zip(made.velocity.T, expected, made.parameters, strict=True):
        largest = np.abs(field.velocity).max()
        np.testing.assert_allclose(column[where], field.velocity, rtol=0, atol=within * largest)
        assert mu == pytest.approx(field.mu)
    basis = flow.ReducedBasis.fit(train + made)
    reduced = oracle.Reduced(cavity, [*fields, *expected])
    assert basis.n_modes == reduced.rank
    some = basis.singular_values[: reduced.rank]
    np.testing.assert_allclose(some, reduced.singular_values[: reduced.rank], rtol=1e-7)
    mu = {"Re": 230.0, "a": 0.4}
    exact = cavity.solve(mu).velocity
    for k in {2, basis.n_modes}:
        part, coarse = basis.truncate(k), reduced.solve(mu, k)
        np.testing.assert_allclose(part.solve(mu).velocity.ravel()[where], coarse, atol=1e-7)
        nearest = part.project(problem.solve(mu)).velocity.ravel()
        np.testing.assert_allclose(nearest[where], reduced.project(exact, k), atol=1e-7)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"method": "magic"},
            f"method = 'magic' is not one of {', '.join(METHODS)}",
        ),
        ({"convecting": "mode"}, "convecting = 'mode' is not one of mean, geometric"),
        ({"picard_steps": 0}, "picard_steps = 0 is below 1"),
        ({"weights": ()}, "weights is empty"),
        ({"weights": (0.5, 1.0)}, r"weights\[1\] = 1.0 is outside \(0, 1\)"),
        ({"weights": 0.5}, "weights = 0.5 is not a sequence"),
        ({"pairs": []}, "pairs is empty"),
        ({"workers": 0}, "workers = 0 is below 1"),
        (
            {"method": "linear", "picard_steps": 2},
            "picard_steps = 2 is for method = 'oseen', not 'linear'",
        ),
        (
            {"method": "bracket", "weights": (0.2, 0.3)},
            "weights: method = 'bracket' does not depend on them, but 2 are given",
        ),
    ],
)
def test_refusals(cavity_train, options, message):
    with pytest.raises(InvalidArgument, match=f"^{message}$"):
        flow.augment(cavity_train, **options)
    with pytest.raises(InvalidArgument, match=r"^snapshots: ndarray is not Snapshots$"):
        flow.augment(cavity_train.velocity)
