"""Flows against closed forms and manufactured ones."""

import numpy as np
import pytest

from nonideal.physics import flow
from oracles import flow_meshes

UNIT = ("left", "right", "bottom", "top")


def unit_mesh(kind, n=4):
    if kind == "structured":
        return flow.Mesh.rectangle(0, 1, 0, 1, nx=n, ny=n)
    return flow.Mesh(*(flow_meshes.curved if kind == "curved" else flow_meshes.unstructured)(n, 1))


def l2_errors(problem, solution, velocity, pressure):
    """Of velocity, of its gradient's first component (central differences), of pressure up to a constant."""
    cells = problem.cells
    x, y = cells.points[..., 0], cells.points[..., 1]
    nodes = problem.cell_nodes
    u = np.einsum("qk,ckx->cqx", cells.shape, solution.velocity[nodes])
    off = u - np.stack(velocity(x, y), axis=-1)
    p = np.einsum("qk,ck->cq", cells.linear_shape, solution.pressure[nodes[:, :3]]) - pressure(x, y)
    p = p - (cells.weights * p).sum() / cells.weights.sum()
    h = 1e-6
    exact = np.stack(
        [
            np.stack(
                [(a - b) / (2 * h) for a, b in zip(velocity(x + h, y), velocity(x - h, y), strict=True)], -1
            ),
            np.stack(
                [(a - b) / (2 * h) for a, b in zip(velocity(x, y + h), velocity(x, y - h), strict=True)], -1
            ),
        ],
        axis=-1,
    )
    slope = cells.gradient(solution.velocity) - exact
    return [
        float(np.sqrt((cells.weights * square).sum()))
        for square in ((off**2).sum(-1), (slope**2).sum((-1, -2)), p**2)
    ]


@pytest.mark.parametrize("kind", ["structured", "unstructured"])
@pytest.mark.parametrize("enclosed", [False, True])
def test_poiseuille_is_exact(kind, enclosed):
    """Flow between plates: quadratic velocity, linear pressure, both in the space."""
    inflow = lambda x, y, mu: (4 * y * (1 - y), 0.0)  # noqa: E731
    dirichlet = {"left": inflow, "bottom": 0.0, "top": 0.0}
    problem = flow.NavierStokes(
        unit_mesh(kind),
        viscosity=0.01,
        dirichlet={"right": inflow, **dirichlet} if enclosed else dirichlet,
        traction=None if enclosed else {"right": 0.0},
    )
    solution = problem.solve({})
    y = problem.nodes[:, 1]
    np.testing.assert_allclose(solution.velocity[:, 0], 4 * y * (1 - y), atol=1e-11)
    np.testing.assert_allclose(solution.velocity[:, 1], 0, atol=1e-11)
    x = problem.nodes[: problem.n_pressure, 0]
    exact = 0.08 * (1 - x) - (0.04 if enclosed else 0.0)
    np.testing.assert_allclose(solution.pressure, exact, atol=1e-11)


def kovasznay(n, re=40.0):
    lam = re / 2 - np.sqrt(re**2 / 4 + 4 * np.pi**2)

    def velocity(x, y, mu=None):
        e = np.exp(lam * x)
        return 1 - e * np.cos(2 * np.pi * y), lam / (2 * np.pi) * e * np.sin(2 * np.pi * y)

    problem = flow.NavierStokes(
        flow.Mesh.rectangle(-0.5, 1, -0.5, 0.5, nx=3 * n // 2, ny=n),
        viscosity=lambda mu: 1 / mu["Re"],
        dirichlet=dict.fromkeys(UNIT, velocity),
    )
    solution = problem.solve({"Re": re})
    return l2_errors(problem, solution, velocity, lambda x, y: (1 - np.exp(2 * lam * x)) / 2)


def test_kovasznay_orders():
    """Velocity 3 in L2 and 2 in H1, pressure 2: the last of three halvings of the mesh width."""
    errors = np.array([kovasznay(n) for n in (4, 8, 16, 32)])
    orders = np.log2(errors[-2] / errors[-1])
    assert orders[0] >= 2.9
    assert orders[1] >= 1.9
    assert orders[2] >= 1.9


def test_what_interpolation_leaves_of_the_flux_is_spread_evenly():
    """Boundary velocities that balance but for interpolation: the rest leaves as a uniform source."""
    problem = flow.NavierStokes(
        flow.Mesh.rectangle(0, 1, 0, 1, nx=4, ny=4),
        viscosity=1.0,
        dirichlet=dict.fromkeys(UNIT, lambda x, y, mu: (np.exp(x) * np.sin(y), np.exp(x) * np.cos(y))),
    )
    setting = problem.setting({})
    assert 1e-9 < abs(setting.excess) < 1e-3
    solution = problem.stokes({})
    source = -problem.divergence_matrix @ solution.velocity.ravel()
    area = problem.pressure_weights.sum()
    np.testing.assert_allclose(source, setting.excess * problem.pressure_weights / area, atol=1e-14)
    assert abs(problem.pressure_weights @ solution.pressure) < 1e-13
    total = sum(solution.flux(part) for part in UNIT)
    assert total == pytest.approx(setting.excess, rel=1e-9)


@pytest.mark.parametrize("kind", ["structured", "unstructured"])
@pytest.mark.parametrize("open_side", [False, True])
def test_manufactured_polynomial(kind, open_side):
    """u = (x^2, -2 x y) with p = x - 2 y is in the space: body force and traction bring it back exactly."""
    nu = 2.0**-4

    def velocity(x, y, mu):
        return x**2, -2 * x * y

    def force(x, y, mu):
        # (u . grad) u = (2 x^3, -2 x^2 y + 4 x^2 y) and lap u = (2, 0)
        return -2 * nu + 2 * x**3 + 1, 2 * x**2 * y - 2.0

    def traction(x, y, mu):  # on x = 1, n = (1, 0)
        return nu * 2 * x - (x - 2 * y), nu * -2 * y

    sides = [side for side in UNIT if side != "right"] if open_side else UNIT
    problem = flow.NavierStokes(
        unit_mesh(kind),
        viscosity=nu,
        dirichlet=dict.fromkeys(sides, velocity),
        traction={"right": traction} if open_side else None,
        body_force=force,
    )
    solution = problem.solve({})
    x, y = problem.nodes.T
    np.testing.assert_allclose(solution.velocity, np.stack(velocity(x, y, {}), 1), atol=1e-11)
    p = x[: problem.n_pressure] - 2 * y[: problem.n_pressure]
    np.testing.assert_allclose(solution.pressure, p if open_side else p + 0.5, atol=1e-10)


def test_taylor_green_with_forcing():
    """Steady vortices kept up by a force; the pressure balances the convection."""

    def velocity(x, y, mu=None):
        return np.sin(np.pi * x) * np.cos(np.pi * y), -np.cos(np.pi * x) * np.sin(np.pi * y)

    def force(x, y, mu):
        u, v = velocity(x, y)
        return 2 * np.pi**2 * 0.05 * u, 2 * np.pi**2 * 0.05 * v

    errors = []
    for n in (8, 16):
        problem = flow.NavierStokes(
            flow.Mesh.rectangle(0, 1, 0, 1, nx=n, ny=n),
            viscosity=0.05,
            dirichlet=dict.fromkeys(UNIT, velocity),
            body_force=force,
        )
        solution = problem.solve({})
        errors.append(
            l2_errors(problem, solution, velocity,
                      lambda x, y: (np.cos(2 * np.pi * x) + np.cos(2 * np.pi * y)) / 4)
        )  # fmt: skip
    orders = np.log2(np.array(errors[0]) / errors[1])
    assert (orders > [2.8, 1.9, 1.8]).all()
