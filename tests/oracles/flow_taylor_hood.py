"""Taylor-Hood P2-P1 Navier-Stokes, POD, reduced Galerkin solution and augmentation, slow and obvious.

scikit-fem assembles every matrix anew, SuperLU solves, the POD is a dense Cholesky factor and an SVD, and
the reduced Galerkin solution projects the assembled full operator at every iteration. Nothing of nonideal is
used.

Velocities are (n_nodes, 2), nodes in scikit-fem's own order; a snapshot set is a list of `Field`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import bmat, csr_matrix
from scipy.sparse.linalg import splu
from skfem import (
    Basis,
    BilinearForm,
    ElementTriP1,
    ElementTriP2,
    ElementVector,
    LinearForm,
    MeshTri,
)
from skfem.helpers import ddot, dot, grad, mul

Mu = Mapping[str, float]
Array = Any


@BilinearForm
def _mass(u, v, w):
    return dot(u, v)


@BilinearForm
def _stiffness(u, v, w):
    return ddot(grad(u), grad(v))


@BilinearForm
def _divergence(u, q, w):
    return -(grad(u)[0, 0] + grad(u)[1, 1]) * q


@BilinearForm
def _convection(u, v, w):
    return dot(mul(grad(u), w["convecting"]), v)


@BilinearForm
def _newton(u, v, w):
    return dot(mul(grad(w["convecting"]), u), v)


@dataclass
class Field:
    """One snapshot: velocity vector over all dofs, its parameters and the linear solves that it took."""

    velocity: Array
    mu: dict[str, float]
    solves: int = 0


class Cavity:
    """The two-lid cavity: unit square, lids at speed 1 (top) and a (bottom), corners at rest, nu = 1/Re."""

    def __init__(self, n: int) -> None:
        x = (1 - np.cos(np.pi * np.arange(n + 1) / n)) / 2
        points = np.array([(x[i], x[j]) for j in range(n + 1) for i in range(n + 1)])
        cells = []
        for j in range(n):
            for i in range(n):
                a = j * (n + 1) + i
                b, c, d = a + 1, a + n + 2, a + n + 1
                cells += [(a, b, c), (a, c, d)]
        self.mesh = MeshTri(points.T, np.array(cells).T)
        self.velocity = Basis(self.mesh, ElementVector(ElementTriP2()), intorder=6)
        self.pressure = self.velocity.with_element(ElementTriP1())
        self.scalar = self.velocity.with_element(ElementTriP2())
        self.mass = _mass.assemble(self.velocity).tocsr()
        self.stiffness = _stiffness.assemble(self.velocity).tocsr()
        self.divergence = _divergence.assemble(self.velocity, self.pressure).tocsr()
        self.n_velocity, self.n_pressure = self.velocity.N, self.pressure.N
        self.boundary = self.velocity.get_dofs().flatten()
        self.inside = np.setdiff1d(np.arange(self.n_velocity), self.boundary)
        self.places = self.velocity.doflocs  # (2, n_velocity)
        # which component a velocity dof is: that of the constant field (1, 0)
        ones = self.velocity.project(lambda x: np.array([1 + 0 * x[0], 0 * x[0]]))
        self.is_u = np.abs(ones - 1) < 1e-9

    def viscosity(self, mu: Mu) -> float:
        return 1.0 / mu["Re"]

    def dirichlet(self, mu: Mu) -> Array:
        """Values on the boundary, zero elsewhere."""
        x, y = self.places
        inner = (x > 1e-12) & (x < 1 - 1e-12) & self.is_u
        values = np.zeros(self.n_velocity)
        values[inner & (y > 1 - 1e-12)] = 1.0
        values[inner & (y < 1e-12)] = mu["a"]
        return values

    def convection(self, field: Array) -> csr_matrix:
        return _convection.assemble(self.velocity, convecting=self.velocity.interpolate(field)).tocsr()

    def newton(self, field: Array) -> csr_matrix:
        return _newton.assemble(self.velocity, convecting=self.velocity.interpolate(field)).tocsr()

    def saddle(self, block: csr_matrix, load: Array, values: Array) -> Array:
        """Solve [block B^T; B 0] (u, p) = (load, 0) with u = values on the boundary; return u."""
        b = self.divergence
        matrix = bmat([[block, b.T], [b, None]], format="csr")
        rhs = np.concatenate([load, np.zeros(self.n_pressure)])
        known = np.zeros(len(rhs))
        known[: self.n_velocity] = values
        rhs = rhs - matrix @ known
        free = np.concatenate([self.inside, self.n_velocity + np.arange(1, self.n_pressure)])  # pin p_0
        known[free] = splu(matrix[free][:, free].tocsc()).solve(rhs[free])
        return known[: self.n_velocity]

    def oseen(self, convecting: Array, mu: Mu) -> Field:
        block = self.viscosity(mu) * self.stiffness + self.convection(convecting)
        return Field(self.saddle(block, np.zeros(self.n_velocity), self.dirichlet(mu)), dict(mu), 1)

    def norm(self, field: Array) -> float:
        return float(np.sqrt(field @ (self.mass @ field)))

    def solve(self, mu: Mu, tol: float = 1e-10, most: int = 30) -> Field:
        """Stokes, then Picard until the relative step is below 0.02, then Newton."""
        zero = np.zeros(self.n_velocity)
        field = self.oseen(zero, mu).velocity
        step = 1.0
        for solves in range(2, most + 1):
            if step < 0.02:
                block = self.viscosity(mu) * self.stiffness + self.convection(field) + self.newton(field)
                load = self.convection(field) @ field
                new = self.saddle(block, load, self.dirichlet(mu))
            else:
                new = self.oseen(field, mu).velocity
            step = self.norm(new - field) / self.norm(new)
            field = new
            if step < tol:
                return Field(field, dict(mu), solves)
        raise RuntimeError(f"no convergence at {mu}")

    def lifts(self) -> list[Array]:
        """Stokes fields of the two unit lid speeds."""
        zero = np.zeros(self.n_velocity)
        unit = {"Re": 1.0, "a": 0.0}
        top = self.saddle(self.stiffness, zero, self.dirichlet(unit))
        both = self.saddle(self.stiffness, zero, self.dirichlet({"Re": 1.0, "a": 1.0}))
        return [top, both - top]

    def thetas(self, values: Array) -> Array:
        """Speeds of the two lids, read off boundary values."""
        x, y = self.places
        top = np.flatnonzero(self.is_u & (y > 1 - 1e-12) & (np.abs(x - 0.5) < 1e-9))[0]
        bottom = np.flatnonzero(self.is_u & (y < 1e-12) & (np.abs(x - 0.5) < 1e-9))[0]
        return np.array([values[top], values[bottom]])

    # ---- augmentation of one pair ----
    def mid_point(self, a: Field, b: Field, weight: float = 0.5) -> dict[str, float]:
        return {name: (1 - weight) * a.mu[name] + weight * b.mu[name] for name in a.mu}

    def leray(self, load: Array) -> Array:
        """The solenoidal field of zero trace nearest to w, where load = M w."""
        return self.saddle(self.mass, load, np.zeros(self.n_velocity))

    def stream(self, field: Array) -> Array:
        """psi of -Lap psi = curl u, psi = 0 on the boundary (P2)."""

        @BilinearForm
        def laplace(u, v, w):
            return dot(grad(u), grad(v))

        @LinearForm
        def vorticity(v, w):
            g = grad(w["u"])
            return (g[1, 0] - g[0, 1]) * v

        matrix = laplace.assemble(self.scalar).tocsr()
        load = vorticity.assemble(self.scalar, u=self.velocity.interpolate(field))
        free = np.setdiff1d(np.arange(self.scalar.N), self.scalar.get_dofs().flatten())
        psi = np.zeros(self.scalar.N)
        psi[free] = splu(matrix[free][:, free].tocsc()).solve(load[free])
        return psi

    def curl_load(self, psi: Array) -> Array:
        """M curl psi, curl psi = (psi_y, -psi_x)."""

        @LinearForm
        def form(v, w):
            g = grad(w["psi"])
            return g[1] * v[0] - g[0] * v[1]

        return form.assemble(self.velocity, psi=self.scalar.interpolate(psi))

    def geometric_mean(self, a: Array, b: Array) -> Array:
        return np.where(a * b > 0, np.sign(a) * np.sqrt(np.abs(a * b)), 0.0)

    def stream_product(self, a: Field, b: Field) -> Field:
        one, two = self.stream(a.velocity), self.stream(b.velocity)
        product = one * two / (np.abs(one).max() * np.abs(two).max())
        return Field(self.leray(self.curl_load(product)), self.mid_point(a, b))

    def geometric_leray(self, a: Field, b: Field) -> Field:
        mean = self.geometric_mean(a.velocity, b.velocity)
        return Field(self.leray(self.mass @ mean), self.mid_point(a, b))

    def bracket(self, a: Field, b: Field) -> Field:
        u, v = a.velocity, b.velocity
        return Field(self.leray(self.convection(u) @ v - self.convection(v) @ u), self.mid_point(a, b))

    def linear(self, a: Field, b: Field) -> Field:
        return Field((a.velocity + b.velocity) / 2, self.mid_point(a, b))

    def oseen_pair(
        self,
        a: Field,
        b: Field,
        weight: float = 0.5,
        convecting: str = "mean",
        picard_steps: int = 1,
    ) -> Field:
        mu = self.mid_point(a, b, weight)
        if convecting == "mean":
            field = (1 - weight) * a.velocity + weight * b.velocity
        else:
            field = self.geometric_leray(a, b).velocity
        for _ in range(picard_steps):
            field = self.oseen(field, mu).velocity
        return Field(field, mu, picard_steps)


def augment(cavity: Cavity, training: Sequence[Field], method: str, **options: Any) -> list[Field]:
    """One artificial snapshot for each pair (i < j); oseen takes options, `weights` among them."""
    make: Mapping[str, Callable[..., Field]] = {
        "linear": cavity.linear,
        "stream_product": cavity.stream_product,
        "geometric_leray": cavity.geometric_leray,
        "bracket": cavity.bracket,
    }
    pairs = itertools.combinations(training, 2)
    if method == "none":
        return []
    if method != "oseen":
        return [make[method](a, b) for a, b in pairs]
    weights = options.pop("weights", (0.5,))
    return [cavity.oseen_pair(a, b, weight, **options) for a, b in pairs for weight in weights]


class Reduced:
    """POD of lifted snapshots in the velocity L2 product, and the Galerkin solution in its span."""

    def __init__(self, cavity: Cavity, snapshots: Sequence[Field], smallest: float = 1e-6) -> None:
        self.cavity = cavity
        self.lifts = cavity.lifts()
        lifted = np.column_stack([s.velocity - self.lift(s.velocity) for s in snapshots])
        upper = np.linalg.cholesky(cavity.mass.toarray()).T
        left, self.singular_values, _ = np.linalg.svd(upper @ lifted, full_matrices=False)
        self.rank = int(np.sum(self.singular_values > smallest * self.singular_values[0]))
        self.modes = np.linalg.solve(upper, left[:, : self.rank])

    def lift(self, values: Array) -> Array:
        return sum(t * lift for t, lift in zip(self.cavity.thetas(values), self.lifts, strict=True))

    def solve(self, mu: Mu, k: int, tol: float = 1e-11, most: int = 100) -> Array:
        cavity, modes = self.cavity, self.modes[:, :k]
        lift = self.lift(cavity.dirichlet(mu))
        viscous = cavity.viscosity(mu) * cavity.stiffness
        field, step = np.zeros(cavity.n_velocity), 1.0
        for _ in range(most):
            matrix = viscous + cavity.convection(field)
            load = -modes.T @ (matrix @ lift)
            if step < 0.02:
                slope = cavity.newton(field)
                load = load - modes.T @ (slope @ lift) + modes.T @ (cavity.convection(field) @ field)
                matrix = matrix + slope
            new = lift + modes @ np.linalg.solve(modes.T @ (matrix @ modes), load)
            step = cavity.norm(new - field) / cavity.norm(new)
            field = new
            if step < tol:
                break
        return field

    def project(self, field: Array, k: int) -> Array:
        modes = self.modes[:, :k]
        lift = self.lift(field)
        return lift + modes @ (modes.T @ (self.cavity.mass @ (field - lift)))


def test_points(low: float, high: float) -> list[dict[str, float]]:
    """The 12 points of the reference tables."""
    points = np.random.default_rng(7).random((12, 2))
    return [{"Re": low + (high - low) * r, "a": -1 + 2 * a} for r, a in points]


def grid(low: float, high: float, n: int) -> list[dict[str, float]]:
    return [{"Re": re, "a": a} for re in np.linspace(low, high, n) for a in np.linspace(-1, 1, n)]
