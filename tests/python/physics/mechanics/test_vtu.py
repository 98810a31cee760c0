"""VTU files, read back by meshio."""

import sys

import meshio
import numpy as np
import pytest
import skfem

from nonideal.errors import InvalidArgument, MissingExtra
from nonideal.physics import mechanics
from nonideal.physics.mechanics import Structure

LAW = mechanics.LinearElastic(young=4000.0, poisson=0.3)


def test_fields_of_the_l_beam(tmp_path):
    beam = mechanics.l_beam(cells_per_width=2)
    axis = np.linspace(-0.01, 0.01, 5)
    grid = np.stack(np.meshgrid(axis, axis, axis), -1).reshape(-1, 3)
    database = mechanics.MaterialDatabase(grid, LAW(grid)[0], LAW.stiffness(3))
    solution = mechanics.DataDrivenSolver(beam, database).solve(
        beam.traction([0.0, -5.0], x=100.0), beam.dofs(y=100.0), audit=mechanics.ExactSearch()
    )
    mechanics.write_vtu(tmp_path / "beam.vtu", beam, solution)
    mesh = meshio.read(tmp_path / "beam.vtu")
    np.testing.assert_allclose(mesh.points[:, :2], beam.nodes)
    assert mesh.cells[0].type == "quad"
    np.testing.assert_array_equal(mesh.cells[0].data, beam.cells)
    moved = mesh.point_data["displacement"]
    for component in (0, 1):
        for node, value in zip(mesh.points, moved, strict=True):
            dof = beam.dofs(component, x=node[0], y=node[1])
            assert value[component] == solution.displacement[dof]
    assert not moved[:, 2].any()
    tensor = mechanics.from_mandel(solution.stress).reshape(len(beam.cells), 4, 2, 2).mean(axis=1)
    data = {name: values[0] for name, values in mesh.cell_data.items()}
    np.testing.assert_allclose(data["stress_12"], tensor[:, 0, 1], rtol=1e-12)
    np.testing.assert_allclose(data["stress_22"], tensor[:, 1, 1], rtol=1e-12)
    strain = mechanics.from_mandel(solution.strain)[:, 0, 1].reshape(-1, 4).mean(axis=1)
    np.testing.assert_allclose(data["strain_12"], strain, rtol=1e-12)
    assert data["penalty"] @ beam.weights.reshape(-1, 4).sum(axis=1) == pytest.approx(solution.penalty)
    assert not data["wrong_neighbour"].any()


@pytest.mark.parametrize(
    ("basis", "kind"),
    [
        (
            lambda: skfem.Basis(
                skfem.MeshHex().refined(), skfem.ElementVector(skfem.ElementHex1()), intorder=3
            ),
            "hexahedron",
        ),
        (
            lambda: skfem.Basis(skfem.MeshTet(), skfem.ElementVector(skfem.ElementTetP2()), intorder=2),
            "tetra",
        ),
        (lambda: skfem.Basis(skfem.MeshTri(), skfem.ElementVector(skfem.ElementTriP2())), "triangle"),
        (lambda: skfem.Basis(skfem.MeshQuad(), skfem.ElementVector(skfem.ElementQuad2())), "quad"),
    ],
)
def test_cells_of_all_kinds_are_written_as_meshio_does_it(tmp_path, basis, kind):
    from skfem.io.meshio import to_meshio

    basis = basis()
    body = Structure.from_skfem(basis)
    dim = body.points.shape[1]
    force = body.body_force([1.0] * dim)
    solution = mechanics.solve_law(body, LAW, force, body.dofs(x=0.0))
    mechanics.write_vtu(tmp_path / "body.vtu", body, solution)
    mesh = meshio.read(tmp_path / "body.vtu")
    theirs = to_meshio(basis.mesh)
    assert [block.type for block in mesh.cells] == [kind] == [block.type for block in theirs.cells]
    np.testing.assert_array_equal(mesh.cells[0].data, theirs.cells[0].data)
    np.testing.assert_allclose(mesh.points[:, :dim], theirs.points)
    assert "wrong_neighbour" not in mesh.cell_data


def test_truss(tmp_path):
    truss = Structure.truss([[0, 0], [1, 1], [2, 0]], [[0, 1], [1, 2]], 1.0)
    solution = mechanics.solve_law(
        truss, mechanics.LinearElastic(10.0), [0, 0, 0, -1.0, 0, 0], truss.dofs(y=0.0)
    )
    mechanics.write_vtu(str(tmp_path / "truss.vtu"), truss, solution)
    mesh = meshio.read(tmp_path / "truss.vtu")
    assert mesh.cells[0].type == "line"
    np.testing.assert_allclose(mesh.cell_data["stress"][0], -(0.5**0.5), rtol=1e-9)


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    bar = Structure.bar(1.0, 1.0, 2)
    solution = mechanics.solve_law(bar, mechanics.LinearElastic(10.0), [0, 0, 1.0], [0])
    path = tmp_path / "bar.vtu"
    mechanics.write_vtu(path, bar, solution)
    before = path.read_bytes()

    def fail(mesh, target):
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(meshio.Mesh, "write", fail)
    with pytest.raises(OSError, match="No space"):
        mechanics.write_vtu(path, bar, solution)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_refusals(tmp_path, monkeypatch):
    bar, other = Structure.bar(1.0, 1.0, 2), Structure.bar(1.0, 1.0, 3)
    solution = mechanics.solve_law(bar, mechanics.LinearElastic(10.0), [0, 0, 1.0], [0])
    with pytest.raises(InvalidArgument) as caught:
        mechanics.write_vtu("bar.vtk", bar, solution)
    assert str(caught.value) == "path = 'bar.vtk' does not end in .vtu"
    with pytest.raises(InvalidArgument) as caught:
        mechanics.write_vtu("bar.vtu", other, solution)
    assert str(caught.value) == ("solution has 3 degrees of freedom and 2 points, structure 4 and 3")
    monkeypatch.setitem(sys.modules, "meshio", None)
    with pytest.raises(MissingExtra) as missing:
        mechanics.write_vtu(tmp_path / "bar.vtu", bar, solution)
    assert str(missing.value) == 'meshio is not installed; `pip install "nonideal[mechanics]"` brings it'
