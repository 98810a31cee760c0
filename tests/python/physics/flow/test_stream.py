"""Stream functions: known ones come back, on a square, in a channel and around a cylinder."""

from __future__ import annotations

import numpy as np
import pytest

from nonideal.errors import InvalidArgument
from nonideal.physics import flow


def curl(problem, psi_x, psi_y):
    return np.stack([psi_y, -psi_x], axis=1).ravel()[:, None]


def test_quadratic_stream_function_comes_back_exactly(cavity):
    """psi = x^2 + 3 x y + 2 y: its curl is linear; the boundary's values count from its first vertex."""
    x, y = cavity.nodes.T
    exact = x**2 + 3 * x * y + 2 * y
    velocity = curl(cavity, 2 * x + 3 * y, 3 * x + 2)
    found = flow.StreamFunction(cavity).of(velocity)[:, 0]
    np.testing.assert_allclose(found - found[0], exact - exact[0], atol=1e-13)
    load = flow.StreamFunction(cavity).curl_load(exact[:, None])
    np.testing.assert_allclose(load, cavity.mass_matrix @ velocity, atol=1e-14)


def test_channel_flow():
    problem = flow.cases.channel_jet(n=4, length=3.0)
    solution = problem.solve({"Re": 50, "jet": 0.7})
    psi = flow.StreamFunction(problem).of(solution.velocity.reshape(-1, 1))[:, 0]
    x, y = problem.nodes.T
    inlet, top = np.flatnonzero(x == 0), np.flatnonzero(y == 1)
    rise = psi[inlet] - psi[inlet[y[inlet] == 0]]
    np.testing.assert_allclose(rise, 2 * y[inlet] ** 2 - 4 / 3 * y[inlet] ** 3, atol=1e-13)
    assert np.ptp(psi[top]) < 1e-13
    behind = np.flatnonzero((y == 0) & (x >= 1.5))
    assert np.ptp(psi[behind]) < 1e-13  # no slip: constant along the wall, lower by what the slot brings
    before = np.flatnonzero((y == 0) & (x <= 1))
    assert psi[before[0]] - psi[behind[0]] == pytest.approx(0.7 / 3, abs=1e-13)


def test_cylinder_has_one_constant():
    """At rest in a symmetric channel, the cylinder's stream function is the mean of both walls'."""
    problem = flow.cases.cylinder(n=5, centre=(0.2, 0.205))
    solution = problem.stokes({"nu": 1e-3, "inflow": 0.3})
    psi = flow.StreamFunction(problem).of(solution.velocity.reshape(-1, 1))[:, 0]
    y = problem.nodes[:, 1]
    body = problem.sides("cylinder").nodes
    assert np.ptp(psi[body]) < 1e-15
    wall_values = psi[y == 0].mean(), psi[y == y.max()].mean()
    whole = wall_values[1] - wall_values[0]
    assert whole == pytest.approx(0.3 * 2 / 3 * 0.41, rel=1e-9)
    assert (psi[body[0]] - wall_values[0]) / whole == pytest.approx(0.5, abs=5e-3)
    # its curl is the velocity again, up to the mesh
    load = flow.StreamFunction(problem).curl_load(psi[:, None]).ravel()
    again = np.linalg.norm(load - problem.mass_matrix @ solution.velocity.ravel())
    assert again < 0.02 * np.linalg.norm(problem.mass_matrix @ solution.velocity.ravel())


def test_shapes(cavity):
    stream, n = flow.StreamFunction(cavity), cavity.n_velocity
    velocity = cavity.stokes({"Re": 100, "a": 0.0}).velocity
    bad = velocity.reshape(-1, 1).copy()
    bad[7] = np.nan
    for call, given, message in (
        (stream.of, velocity, rf"velocity: expected shape \({n}, count\), got \({n // 2}, 2\)"),
        (stream.of, velocity.ravel(), rf"velocity: expected shape \({n}, count\), got \({n},\)"),
        (stream.of, bad, r"velocity\[7, 0\] = nan is not finite"),
        (stream.curl_load, velocity.ravel(), rf"psi: expected shape \({n // 2}, count\), got \({n},\)"),
        (stream.curl_load, np.zeros((n, 1)), rf"psi: expected shape \({n // 2}, count\), got \({n}, 1\)"),
    ):
        with pytest.raises(InvalidArgument, match=f"^{message}$"):
            call(given)
    column = velocity.reshape(-1, 1)
    assert np.array_equal(stream.of(column.tolist()), stream.of(column))
