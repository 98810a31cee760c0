"""Structures: geometry by hand, scikit-fem's own elasticity, patch tests, refusals."""

import sys

import numpy as np
import pytest
import skfem
from scipy import sparse
from skfem.models.elasticity import lame_parameters, linear_elasticity

from nonideal.errors import InvalidArgument, MissingExtra
from nonideal.physics import mechanics
from nonideal.physics.mechanics import Structure
from nonideal.physics.mechanics.system import stiffness_matrix

YOUNG, POISSON = 4000.0, 0.3
LAW = mechanics.LinearElastic(young=YOUNG, poisson=POISSON)


def distorted(mesh, seed=3, amount=0.15):
    """The mesh with its inner nodes moved."""
    rng = np.random.default_rng(seed)
    moved = mesh.p.copy()
    inner = np.setdiff1d(np.arange(mesh.nvertices), mesh.boundary_nodes())
    size = 1 / round(mesh.nvertices ** (1 / mesh.dim()))
    moved[:, inner] += amount * size * rng.uniform(-1, 1, (mesh.dim(), len(inner)))
    return type(mesh)(moved, mesh.t)


def quads():
    ticks = np.linspace(0, 1, 4)
    return distorted(skfem.MeshQuad.init_tensor(ticks, ticks))


def hexes():
    ticks = np.linspace(0, 1, 4)
    return distorted(skfem.MeshHex.init_tensor(ticks, ticks, ticks))


BASES = {
    "quad": lambda: skfem.Basis(quads(), skfem.ElementVector(skfem.ElementQuad1()), intorder=3),
    "quad2": lambda: skfem.Basis(quads(), skfem.ElementVector(skfem.ElementQuad2()), intorder=5),
    "tri": lambda: skfem.Basis(
        distorted(skfem.MeshTri().refined(2)), skfem.ElementVector(skfem.ElementTriP1())
    ),
    "tri2": lambda: skfem.Basis(
        distorted(skfem.MeshTri().refined(2)), skfem.ElementVector(skfem.ElementTriP2())
    ),
    "tet": lambda: skfem.Basis(
        distorted(skfem.MeshTet().refined(2)), skfem.ElementVector(skfem.ElementTetP1())
    ),
    "tet2": lambda: skfem.Basis(
        distorted(skfem.MeshTet().refined(1)), skfem.ElementVector(skfem.ElementTetP2()), intorder=2
    ),
    "hex": lambda: skfem.Basis(hexes(), skfem.ElementVector(skfem.ElementHex1()), intorder=3),
}


@pytest.mark.parametrize("name", BASES)
def test_stiffness_is_that_of_scikit_fems_elasticity(name):
    basis = BASES[name]()
    thickness = 2.5 if basis.mesh.dim() == 2 else 1.0
    structure = Structure.from_skfem(basis, thickness)
    ours = stiffness_matrix(structure, LAW.stiffness(structure.n_strain))
    theirs = thickness * linear_elasticity(*lame_parameters(YOUNG, POISSON)).assemble(basis)
    assert abs(ours - theirs).max() < 1e-12 * abs(theirs).max()
    assert structure.weights.sum() == pytest.approx(thickness, rel=1e-12)
    np.testing.assert_allclose(
        structure.points.T, np.asarray(basis.global_coordinates()).reshape(basis.mesh.dim(), -1)
    )


@pytest.mark.parametrize("name", BASES)
def test_patch(name):
    """A linear displacement on the boundary of a distorted mesh gives constant strain inside."""
    structure = Structure.from_skfem(BASES[name]())
    dim = structure.points.shape[1]
    gradient = 1e-3 * np.random.default_rng(1).standard_normal((dim, dim))
    field = (structure.dof_coordinates @ gradient.T)[np.arange(structure.n_dofs), structure.dof_components]
    strain = mechanics.to_mandel((gradient + gradient.T) / 2)
    scale = np.abs(strain).max()
    found = (structure.strain_operator @ field).reshape(-1, structure.n_strain)
    np.testing.assert_allclose(found, np.tile(strain, (structure.n_points, 1)), rtol=0, atol=1e-13 * scale)
    edge = structure.dofs(where=lambda p: (np.abs(p - 0.5) > 0.5 - 1e-9).any(axis=1))
    assert len(edge) < structure.n_dofs
    solution = mechanics.solve_law(structure, LAW, None, edge, field[edge])
    np.testing.assert_allclose(solution.displacement, field, rtol=0, atol=1e-12 * np.abs(field).max())
    np.testing.assert_allclose(solution.strain, found, rtol=0, atol=1e-12 * scale)
    # The same by data that hold this state: the data-driven solution is exact.
    states = np.stack([np.zeros(structure.n_strain), strain, -strain])
    database = mechanics.MaterialDatabase(states, LAW(states)[0], LAW.stiffness(structure.n_strain))
    driven = mechanics.DataDrivenSolver(structure, database).solve(None, edge, field[edge], start="linear")
    np.testing.assert_allclose(driven.strain, found, rtol=0, atol=1e-12 * scale)
    np.testing.assert_allclose(driven.stress, LAW(found)[0], rtol=0, atol=1e-11 * scale * YOUNG)
    assert (driven.assignment == 1).all()


@pytest.mark.parametrize("name", BASES)
def test_forces_add_up(name):
    basis = BASES[name]()
    dim = basis.mesh.dim()
    thickness = 2.5 if dim == 2 else 1.0
    structure = Structure.from_skfem(basis, thickness)
    force = np.arange(1.0, dim + 1)
    for nodal in (structure.body_force(force), structure.traction(force, x=1.0)):
        total = np.bincount(structure.dof_components, nodal)
        np.testing.assert_allclose(total, force * thickness, rtol=1e-12)
    # Work on a rotation: the resultant acts in the middle of volume and face.
    arm, component = structure.dof_coordinates, structure.dof_components
    turn = np.where(component == 1, arm[:, 0], 0) - np.where(component == 0, arm[:, 1], 0)
    assert structure.body_force(force) @ turn == pytest.approx(thickness * (2 * 0.5 - 1 * 0.5), rel=1e-9)
    assert structure.traction(force, x=1.0) @ turn == pytest.approx(thickness * (2 * 1.0 - 1 * 0.5), rel=1e-9)
    off = structure.traction(force, x=1.0)[np.abs(arm[:, 0] - 1) > 1e-9]
    np.testing.assert_allclose(off, 0, atol=1e-14)


def test_bar():
    bar = Structure.bar(length=2.0, area=3.0, n_elements=4)
    np.testing.assert_allclose(bar.strain_operator.toarray()[1], [0, -2, 2, 0, 0])
    np.testing.assert_allclose(bar.weights, 1.5)
    np.testing.assert_allclose(bar.points[:, 0], [0.25, 0.75, 1.25, 1.75])
    np.testing.assert_allclose(bar.body_force(8.0), [2, 4, 4, 4, 2])
    assert (bar.n_points, bar.n_strain, bar.n_dofs, bar.mesh) == (4, 1, 5, None)


def test_truss_in_space():
    """One member along (1, 2, 2) / 3: strain is elongation over length."""
    truss = Structure.truss([[0, 0, 0], [1, 2, 2]], [[0, 1]], 0.5)
    np.testing.assert_allclose(truss.strain_operator.toarray() * 9, [[-1, -2, -2, 1, 2, 2]])
    np.testing.assert_allclose(truss.weights, 1.5)
    np.testing.assert_allclose(truss.body_force([0, 0, -2.0]), [0, 0, -3, 0, 0, -3])
    assert truss.dof_components.tolist() == [0, 1, 2] * 2


def test_truss_is_statically_what_it_must_be():
    """Two bars at 45 degrees under a vertical load: each carries load / sqrt(2), whatever the data."""
    truss = Structure.truss([[0, 0], [1, 1], [2, 0]], [[0, 1], [1, 2]], [1e-4, 2e-4])
    rng = np.random.default_rng(0)
    database = mechanics.MaterialDatabase(rng.uniform(-1, 1, 9) * 1e-3, rng.uniform(-1, 1, 9) * 1e8, 1e11)
    force = np.zeros(6)
    force[3] = -1000.0
    solution = mechanics.DataDrivenSolver(truss, database).solve(force, truss.dofs(y=0.0))
    expected = -1000 / 2**0.5 / np.array([1e-4, 2e-4])
    np.testing.assert_allclose(solution.stress[:, 0], expected, rtol=1e-12)
    np.testing.assert_allclose(solution.reactions, [500, 500, 0, 0, -500, 500], rtol=1e-12, atol=1e-9)


def test_dofs():
    beam = mechanics.l_beam(cells_per_width=2)
    top = beam.dofs(y=100.0)
    assert len(top) == 6
    assert top.dtype == np.int64
    assert (np.diff(top) > 0).all()
    np.testing.assert_array_equal(np.union1d(beam.dofs(0, y=100.0), beam.dofs(1, y=100.0)), top)
    tip = beam.dofs(1, x=100.0, y=0.0)
    assert beam.dof_coordinates[tip].tolist() == [[100.0, 0.0]]
    assert beam.dof_components[tip].tolist() == [1]
    np.testing.assert_array_equal(beam.dofs(), np.arange(beam.n_dofs))


@pytest.mark.parametrize(("cells", "elements", "dofs"), [(4, 64, 170), (10, 400, 902)])
def test_l_beam(cells, elements, dofs):
    beam = mechanics.l_beam(cells_per_width=cells)
    assert (len(beam.cells), beam.n_points, beam.n_dofs) == (elements, 4 * elements, dofs)
    assert beam.weights.sum() == pytest.approx(100 * 40 + 40 * 60)
    assert ((beam.points < 40).any(axis=1) & (beam.points < 100).all(axis=1)).all()
    np.testing.assert_allclose(np.bincount(beam.dof_components, beam.traction([0, -5.0], x=100.0)), [0, -200])
    assert mechanics.l_beam(cells, thickness=2.0).weights.sum() == pytest.approx(2 * 6400)


def test_without_scikit_fem_one_line_says_what_to_install(monkeypatch):
    beam = mechanics.l_beam(cells_per_width=2)
    monkeypatch.setitem(sys.modules, "skfem", None)
    for call in (mechanics.l_beam, lambda: beam.traction([0, 1.0], x=100.0)):
        with pytest.raises(MissingExtra) as caught:
            call()
        assert (
            str(caught.value) == 'scikit-fem is not installed; `pip install "nonideal[mechanics]"` brings it'
        )


def custom(**changes):
    parts = {
        "strain_operator": sparse.csr_matrix([[-1.0, 1.0]]),
        "weights": [1.0],
        "points": [[0.5]],
        "dof_coordinates": [[0.0], [1.0]],
        "dof_components": [0, 0],
        "unit_load": [[0.5], [0.5]],
        "nodes": [[0.0], [1.0]],
        "cells": [[0, 1]],
        "node_dofs": [[0], [1]],
    }
    return Structure(**(parts | changes))


def truss(nodes=((0, 0), (1, 0)), members=((0, 1),), areas=1.0):
    return Structure.truss(nodes, members, areas)


BAR = Structure.bar(1.0, 1.0, 4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Structure.bar(0.0, 1.0, 4), "length = 0.0 is not > 0"),
        (lambda: Structure.bar(1.0, -1.0, 4), "area = -1.0 is not > 0"),
        (lambda: Structure.bar(1.0, 1.0, 0), "n_elements = 0 is outside [1, 2^31)"),
        (lambda: truss(nodes=[1.0]), "nodes has shape (1,), not (n_nodes, 1, 2 or 3)"),
        (lambda: truss(nodes=[[0, np.nan], [1, 0]]), "nodes[0, 1] = nan is not finite"),
        (
            lambda: truss(members=[0, 1]),
            "members has shape (2,) and dtype int64, not (n_members, 2) and int",
        ),
        (lambda: truss(members=[[0, 2]]), "members[0, 1] = 2 is outside [0, 2)"),
        (lambda: truss(members=[[0, 0]]), "members[0] has no length"),
        (lambda: truss(areas=[1.0, 2.0]), "areas has shape (2,), not () or (1,)"),
        (lambda: truss(areas=[0.0]), "areas[0] = 0.0 is not > 0"),
        (lambda: custom(weights=[-1.0]), "weights[0] = -1.0 is not > 0"),
        (
            lambda: custom(weights=[1.0, 1.0]),
            "weights has shape (2,), not one number per integration point of 1 rows of strain_operator",
        ),
        (lambda: custom(points=[[0.5, 0.5]]), "dof_coordinates has shape (2, 1), not (2, 2)"),
        (lambda: custom(dof_components=[0.0, 0.0]), "dof_components has dtype float64, not an integer's"),
        (lambda: custom(unit_load=[[0.5]]), "unit_load has shape (1, 1), not (2, 1)"),
        (
            lambda: custom(strain_operator=sparse.csr_matrix([[-1.0, np.inf]])),
            "strain_operator.data[1] = inf is not finite",
        ),
        (lambda: BAR.dofs(x=0.1), "no degree of freedom has x = 0.1"),
        (
            lambda: BAR.dofs(0, x=0.0, where=lambda p: p[:, 0] > 1),
            "no degree of freedom has component = 0 and x = 0.0 and where() true",
        ),
        (lambda: BAR.dofs(y=0.0), "y = 0.0: the structure has 1 dimensions"),
        (lambda: BAR.dofs(1), "component = 1 is outside [0, 1)"),
        (lambda: BAR.dofs(where=3), "where = 3 is not callable"),
        (
            lambda: BAR.dofs(where=lambda p: p),
            "where returned shape (5, 1) and dtype float64, not (5,) and bool",
        ),
        (lambda: BAR.body_force([1.0, 2.0]), "vector has shape (2,), not (1,)"),
        (lambda: BAR.body_force(np.nan), "vector = nan is not finite"),
        (
            lambda: BAR.traction(1.0, x=1.0),
            "traction: bars and trusses have no surface; put forces at their dofs()",
        ),
        (lambda: mechanics.l_beam(2).traction([0, 1.0], x=50.0), "no boundary facet has x = 50.0"),
        (lambda: mechanics.l_beam(2).traction(1.0, x=100.0), "vector has shape (), not (2,)"),
        (lambda: mechanics.l_beam(0), "cells_per_width = 0 is outside [1, 2^31)"),
        (
            lambda: mechanics.l_beam(3),
            f"leg_length = 100.0 is not a multiple of width / cells_per_width = {40 / 3} above width = 40.0",
        ),
        (
            lambda: mechanics.l_beam(2, leg_length=40.0),
            "leg_length = 40.0 is not a multiple of width / cells_per_width = 20.0 above width = 40.0",
        ),
        (lambda: mechanics.l_beam(thickness=0.0), "thickness = 0.0 is not > 0"),
        (
            lambda: Structure.from_skfem(skfem.Basis(skfem.MeshTri(), skfem.ElementTriP1())),
            "basis is not one of a vector element (skfem.ElementVector) in 2D or 3D",
        ),
        (lambda: Structure.from_skfem(BASES["hex"](), 2.0), "thickness = 2.0 is not 1 for a body in space"),
        (
            lambda: Structure.from_skfem(3),
            "basis is a int, not a skfem.Basis on the cells of a mesh",
        ),
        (
            lambda: Structure.from_skfem(
                skfem.FacetBasis(skfem.MeshTri(), skfem.ElementVector(skfem.ElementTriP1()))
            ),
            "basis is a FacetBasis, not a skfem.Basis on the cells of a mesh",
        ),
        (
            lambda: Structure.from_skfem(
                skfem.Basis(skfem.MeshTri(), skfem.ElementVector(skfem.ElementTriP1()), elements=[0])
            ),
            "basis covers 1 of 2 cells; restrict the mesh instead",
        ),
        (
            lambda: Structure.from_skfem(
                skfem.Basis(skfem.MeshTri(), skfem.ElementVector(skfem.ElementTriP2()) * skfem.ElementTriP1())
            ),
            "basis is not one of a vector element (skfem.ElementVector) in 2D or 3D",
        ),
        (
            lambda: Structure.from_skfem(
                skfem.Basis(skfem.MeshTri(), skfem.ElementVector(skfem.ElementTriCR()))
            ),
            "basis: ElementTriCR has no displacement of its own at every node",
        ),
        (
            lambda: Structure.from_skfem(
                skfem.Basis(skfem.MeshTet(), skfem.ElementVector(skfem.ElementTetP2()))
            ),
            (
                "basis: its quadrature rule has the weight -0.0132, and an integration point needs one > 0; "
                "give skfem.Basis another intorder (2 for tetrahedra of second order)"
            ),
        ),
        (
            lambda: Structure.from_skfem(
                skfem.Basis(skfem.MeshWedge1(), skfem.ElementVector(skfem.ElementWedge1()))
            ),
            "basis: wedges are not supported; use triangles, quads, tetrahedra or hexahedra",
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidArgument) as caught:
        call()
    assert str(caught.value) == message
