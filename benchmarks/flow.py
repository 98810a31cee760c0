"""Rewriting the Oseen matrix, solving and sampling flows, against other finite elements and other solvers."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from nonideal.benchmarks.harness import Benchmark, Case, Peer

from nonideal.parallel import using_threads
from nonideal.physics import flow

__all__ = ["BENCHMARKS"]

Floats: TypeAlias = npt.NDArray[np.float64]

VISCOSITY = 0.01


def _square(n: int) -> tuple[flow.NavierStokes, Floats]:
    """Return a driven cavity on n x n squares, and a rotating velocity at its nodes."""
    sides: dict[str, Any] = {"left": 0.0, "right": 0.0, "bottom": 0.0, "top": (1.0, 0.0)}
    mesh = flow.Mesh.rectangle(0, 1, 0, 1, nx=n, ny=n)
    problem = flow.NavierStokes(mesh, viscosity=VISCOSITY, dirichlet=sides)
    x, y = problem.nodes.T
    return problem, np.ascontiguousarray(np.stack([0.5 - y, x - 0.5], axis=1))


def _cube(n: int) -> tuple[flow.NavierStokes, Floats]:
    """Return a driven cavity on n x n x n hexahedra, six tetrahedra each, and a rotating velocity."""
    mesh = flow.Mesh.box(0, 1, 0, 1, 0, 1, nx=n, ny=n, nz=n)
    faces: dict[str, Any] = {part: (1.0, 0.0, 0.0) if part == "z1" else 0.0 for part in mesh.boundaries}
    problem = flow.NavierStokes(mesh, viscosity=VISCOSITY, dirichlet=faces)
    x, y, z = problem.nodes.T
    return problem, np.ascontiguousarray(np.stack([0.5 - y, x - 0.5, 0.1 - 0 * z], axis=1))


class _ScikitFem:
    """Assembles what depends on the velocity, adds the rest, and takes the free rows and columns out."""

    def __init__(self, problem: flow.NavierStokes, newton: bool) -> None:
        skfem = importlib.import_module("skfem")
        helpers = importlib.import_module("skfem.helpers")

        def stiffness(u: Any, v: Any, w: Any) -> Any:
            return helpers.ddot(helpers.grad(u), helpers.grad(v))

        def convection(u: Any, v: Any, w: Any) -> Any:
            return helpers.dot(helpers.mul(helpers.grad(u), w["convecting"]), v)

        def both(u: Any, v: Any, w: Any) -> Any:
            slope = helpers.grad(w["convecting"])
            return convection(u, v, w) + helpers.dot(helpers.mul(slope, u), v)

        flat = problem.mesh.dim == 2
        kind, element = (skfem.MeshTri, skfem.ElementTriP2) if flat else (skfem.MeshTet, skfem.ElementTetP2)
        mesh = kind(*map(np.ascontiguousarray, (problem.mesh.points.T, problem.mesh.cells.T)))
        self.basis = skfem.Basis(mesh, skfem.ElementVector(element()), intorder=5)
        self.viscous = VISCOSITY * skfem.BilinearForm(stiffness).assemble(self.basis).tocsr()
        self.form = skfem.BilinearForm(both if newton else convection)
        self.free = self.basis.complement_dofs(self.basis.get_dofs())
        self.places = self.basis.doflocs

    def update(self, velocity: Floats, boundary: Floats) -> tuple[Any, Floats]:
        known = self.basis.interpolate(velocity)
        matrix = self.viscous + self.form.assemble(self.basis, convecting=known)
        rows = matrix[self.free]
        return rows[:, self.free], -(rows @ boundary)

    def of_ours(self, problem: flow.NavierStokes, field: Floats) -> tuple[Floats, npt.NDArray[np.int64]]:
        """Return a field in scikit-fem's numbering, and our dof of each of its dofs, by their places."""
        spatial = importlib.import_module("scipy.spatial")
        node = spatial.cKDTree(problem.nodes).query(self.places.T)[1]
        dim = problem.mesh.dim
        component = np.zeros(self.basis.N, dtype=np.int64)
        for c in range(dim):
            component[self.basis.nodal_dofs[c]] = c
            component[(self.basis.facet_dofs if dim == 2 else self.basis.edge_dofs)[c]] = c
        dof = dim * node + component
        return field.ravel()[dof], dof


def _ngsolve(n: int) -> Callable[[], object] | None:
    """Return NGSolve's assembly of the same operator on as many triangles; None where it isn't installed."""
    if importlib.util.find_spec("ngsolve") is None:
        return None
    ng = importlib.import_module("ngsolve")
    meshes = importlib.import_module("ngsolve.meshes")
    mesh = meshes.MakeStructured2DMesh(quads=False, nx=n, ny=n)
    velocity = ng.VectorH1(mesh, order=2, dirichlet=".*")
    space = velocity * ng.H1(mesh, order=1)
    (u, p), (v, q) = space.TnT()
    wind = ng.GridFunction(velocity)
    wind.Set(ng.CoefficientFunction((0.5 - ng.y, ng.x - 0.5)))
    form = ng.BilinearForm(space)
    form += VISCOSITY * ng.InnerProduct(ng.Grad(u), ng.Grad(v)) * ng.dx
    form += (ng.InnerProduct(ng.Grad(u) * wind, v) - ng.div(u) * q - ng.div(v) * p) * ng.dx
    return lambda: form.Assemble()


def _update(tiny: bool, newton: bool, cube: bool = False) -> Case:
    n = (3 if cube else 6) if tiny else (10 if cube else 133)
    problem, w = (_cube if cube else _square)(n)
    boundary = np.where(problem.constrained[:, None], w, 0.0)
    operator = problem.operator
    peer = _ScikitFem(problem, newton)
    theirs, dof = peer.of_ours(problem, w)
    given = boundary.ravel()[dof]

    def ours() -> None:
        operator.update(w, VISCOSITY, newton=newton, boundary=boundary, num_threads=1)

    def check() -> None:
        ours()
        matrix, rhs = peer.update(theirs, given)
        row = np.full(problem.n_dof, -1)
        row[operator.free] = np.arange(len(operator.free))
        rows = row[dof[peer.free]]
        assert (rows >= 0).all()
        difference = operator.matrix[rows][:, rows] - matrix
        assert abs(difference).max() <= 1e-13 * abs(matrix).max()
        if not newton:  # Newton's own term is on our right-hand side alone
            np.testing.assert_allclose(operator.rhs[rows], rhs, atol=1e-14)

    peers = {"scikit-fem": Peer(lambda: peer.update(theirs, given), goal=20)}
    if not newton and not cube and (assemble := _ngsolve(n)) is not None:
        peers["ngsolve"] = Peer(assemble, goal=10)
    return Case(float(problem.n_dof), ours, check, peers)


def _cavity(tiny: bool) -> Case:
    """Return a Navier-Stokes flow, from Stokes on, with each solver."""
    n = 8 if tiny else 66
    mu = {"Re": 400.0, "a": 0.5}
    problem = flow.cases.two_lid_cavity(n)
    plain = flow.cases.two_lid_cavity(n, solver="superlu")

    def check() -> None:
        one, other = problem.solve(mu), plain.solve(mu)
        assert one.linear_solves == other.linear_solves
        assert problem.norm(one.velocity - other.velocity) < 1e-10 * problem.norm(one.velocity)

    return Case(
        1.0,
        lambda: problem.solve(mu),
        check,
        {"superlu, symmetric": Peer(lambda: plain.solve(mu), goal=5)},
    )


def _snapshots(tiny: bool, workers: int) -> Case:
    """Return 20 Navier-Stokes snapshots, each solver with one analysis where it has any, of one thread."""
    n, count, fewer = (6, 3, 1) if tiny else (66, 20, 2)
    problem, plain = (flow.cases.two_lid_cavity(n, solver=name) for name in ("native", "superlu"))
    assert problem.parameters is not None
    mus = problem.parameters.random(count, seed=7)

    def sampled(family: flow.NavierStokes, number: int, workers: int) -> flow.Snapshots:
        with using_threads(workers):  # one for each worker
            return family.snapshots(mus[:number], workers=workers, progress=False)

    def check() -> None:
        ours = sampled(problem, workers, workers)
        other = sampled(problem, workers, 1) if workers > 1 else sampled(plain, 1, 1)
        assert ours.linear_solves == other.linear_solves
        if workers > 1:
            assert np.array_equal(ours.velocity, other.velocity)
        for one, two in zip(ours.velocity.T, other.velocity.T, strict=True):
            assert problem.norm((one - two).reshape(-1, 2)) < 1e-9 * problem.norm(two.reshape(-1, 2))
        assert problem.solver_stats.analyses == 1

    if workers > 1:
        peers = {"one worker": Peer(lambda: sampled(problem, count, 1), goal=1.8)}
    else:  # minutes, if it had to make them all
        peers = {"superlu, symmetric": Peer(lambda: sampled(plain, fewer, 1), count=float(fewer), goal=5)}
    return Case(float(count), lambda: sampled(problem, count, workers), check, peers)


def _sample(tiny: bool) -> Case:
    problem, w = _square(6 if tiny else 66)
    points = np.random.default_rng(0).uniform(0, 1, (100 if tiny else 20_000, 2))
    solution = flow.Solution(problem, {}, w, np.zeros(problem.n_pressure))
    peer = _ScikitFem(problem, False)
    theirs, _ = peer.of_ours(problem, w)

    def probe() -> Floats:
        values = np.asarray(peer.basis.probes(points.T) @ theirs)
        return values.reshape(2, -1).T

    def check() -> None:
        exact = np.stack([0.5 - points[:, 1], points[:, 0] - 0.5], axis=1)
        np.testing.assert_allclose(solution.at(points)[0], exact, atol=1e-12)
        np.testing.assert_allclose(probe(), exact, atol=1e-12)

    return Case(float(len(points)), lambda: solution.at(points), check, {"scikit-fem": Peer(probe, goal=10)})


BENCHMARKS = (
    Benchmark("oseen-update", "flow", "dof", lambda tiny: _update(tiny, False), floor=5e6,
              note="160,534 dofs, one thread: the matrix of all free dofs and the right-hand side"),
    Benchmark("newton-update", "flow", "dof", lambda tiny: _update(tiny, True), floor=2e6,
              note="the same with Newton's term"),
    Benchmark("oseen-update-3d", "flow", "dof", lambda tiny: _update(tiny, False, cube=True), floor=1e6,
              note="29,114 dofs on tetrahedra, one thread"),
    Benchmark("newton-update-3d", "flow", "dof", lambda tiny: _update(tiny, True, cube=True), floor=5e5,
              note="the same with Newton's term"),
    Benchmark("cavity", "flow", "flow", _cavity, floor=0.5,
              note="39,867 dofs, Re 400, from Stokes to a relative step of 1e-10"),
    Benchmark("snapshots", "flow", "snapshot", lambda tiny: _snapshots(tiny, 1), floor=0.7,
              note="20 flows of 39,867 dofs, Re 100 to 400, one thread; SuperLU: the first 2 of them"),
    Benchmark("snapshots-2-workers", "flow", "snapshot", lambda tiny: _snapshots(tiny, 2), floor=1.2,
              note="the same 20 flows by two threads of one kernel thread each"),
    Benchmark("sample", "flow", "point", _sample, floor=1e5,
              note="velocity and pressure at 20,000 points, 8,712 cells; scikit-fem: velocity alone"),
)  # fmt: skip
