"""Meshes: the generated ones, refinement, files, and what is refused."""

import pickle

import meshio
import numpy as np
import pytest

from nonideal.errors import InvalidArgument, MissingExtra
from nonideal.physics import flow
from oracles import flow_meshes

SQUARE = [[0, 0], [1, 0], [1, 1], [0, 1]]
TWO = [[0, 1, 2], [0, 2, 3]]
WALL = {"wall": [[0, 1], [1, 2], [2, 3], [3, 0]]}


def areas(mesh):
    a, b, c = (mesh.points[mesh.cells[:, k]] for k in range(3))
    return ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) / 2


def length(mesh, part):
    ends = mesh.points[mesh.boundaries[part]]
    return np.hypot(*(ends[:, 1] - ends[:, 0]).T).sum()


def test_rectangle():
    mesh = flow.Mesh.rectangle(-1, 2, 0, 1, nx=3, ny=2)
    assert (mesh.n_cells, mesh.n_vertices, mesh.dim, mesh.curved) == (12, 12, 2, False)
    np.testing.assert_allclose(areas(mesh), 0.25, rtol=1e-14)
    assert mesh.points[mesh.boundaries["left"]][..., 0].tolist() == [[-1, -1]] * 2
    assert {part: length(mesh, part) for part in mesh.boundaries} == {
        "left": 1, "right": 1, "bottom": 3, "top": 3,
    }  # fmt: skip
    # The first square is cut from its lower left to its upper right corner.
    assert mesh.cells[:2].tolist() == [[0, 1, 5], [0, 5, 4]]


def test_cosine_grading():
    mesh = flow.Mesh.rectangle(0, 2, 0, 1, nx=4, ny=2, grading="cosine")
    x = np.unique(mesh.points[:, 0].round(12))
    np.testing.assert_allclose(x, 1 - np.cos(np.pi * np.arange(5) / 4), atol=1e-12)


def test_facets_have_the_cell_on_their_left():
    mesh = flow.Mesh.cylinder_channel(4)
    middle = mesh.points[mesh.boundaries["cylinder"]].mean(axis=1)
    along = np.diff(mesh.points[mesh.boundaries["cylinder"]], axis=1)[:, 0]
    outward = middle - [0.2, 0.2]
    left = np.stack([-along[:, 1], along[:, 0]], axis=1)
    assert (np.einsum("nx,nx->n", left, outward) > 0).all()


@pytest.mark.parametrize("n", [4, 8, 12])
def test_cylinder_channel(n):
    mesh = flow.Mesh.cylinder_channel(n)
    assert mesh.curved
    problem = flow.cases.cylinder(n)
    assert problem.n_dof == {4: 984, 8: 3696, 12: 8136}[n]
    # Nodes on the circle, those between vertices too; the area follows the circle, not the polygon.
    on = problem.nodes[problem.sides("cylinder").nodes]
    np.testing.assert_allclose(np.hypot(*(on - 0.2).T), 0.05, rtol=1e-14)
    polygon = 2 * n * 0.05**2 * np.sin(np.pi / (2 * n))
    disc = np.pi * 0.05**2
    missing = 2.2 * 0.41 - problem.cells.weights.sum()
    assert abs(missing - disc) < 0.02 * (disc - polygon)
    assert np.ptp(problem.nodes, axis=0).tolist() == pytest.approx([2.2, 0.41], rel=1e-14)


def test_the_o_grid_of_the_reference_table():
    """Rays uniform in angle between the corners' directions, radii by the exponential law."""
    n = 8
    mesh = flow.Mesh.cylinder_channel(n)
    ray = mesh.points[: n + 1] - 0.2  # towards the corner (0.41, 0.41)
    np.testing.assert_allclose(np.arctan2(ray[:, 1], ray[:, 0]), np.pi / 4, rtol=1e-12)
    t = (np.hypot(*ray.T) - 0.05) / (np.hypot(0.21, 0.21) - 0.05)
    s = np.arange(n + 1) / n
    np.testing.assert_allclose(t, (np.exp(2 * s) - 1) / (np.exp(2) - 1), rtol=1e-12, atol=1e-15)
    columns = np.unique(mesh.points[mesh.points[:, 0] > 0.41 + 1e-9, 0].round(12))
    s = np.arange(1, 4 * n + 1) / (4 * n)  # side nodes halve the columns
    ends = 0.41 + 1.79 * (0.6 * s[1::2] + 0.4 * s[1::2] ** 2)
    np.testing.assert_allclose(columns[1::2], ends, atol=1e-11)


def test_channel_slot():
    mesh = flow.Mesh.channel_slot(4)
    assert mesh.n_cells == 2 * 32 * 4
    slot = mesh.points[mesh.boundaries["slot"]]
    assert (slot[..., 0].min(), slot[..., 0].max(), slot[..., 1].max()) == (1.0, 1.5, 0.0)
    assert length(mesh, "slot") + length(mesh, "bottom") == pytest.approx(8)
    whole = flow.Mesh.channel_slot(2, length=1.0, slot=(0.0, 1.0))
    assert sorted(whole.boundaries) == ["inlet", "outlet", "slot", "top"]


def test_step_channel():
    mesh = flow.Mesh.step_channel(4)
    assert mesh.n_cells == 2 * 24 * 4
    assert mesh.points[mesh.boundaries["inlet"], 1].min() == 0.0
    assert mesh.points[mesh.boundaries["step"], 1].max() == 0.0
    s = np.arange(25) / 24
    np.testing.assert_allclose(mesh.points[:25, 0], 30 * (0.45 * s + 0.55 * s**2), atol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: flow.Mesh.rectangle(0, 1, 0, 1, nx=0, ny=1), "nx = 0 is below 1"),
        (lambda: flow.Mesh.rectangle(1, 1, 0, 1, nx=1, ny=1), "x1 = 1 is not above x0 = 1"),
        (lambda: flow.Mesh.rectangle(0, 1, 2, 1, nx=1, ny=1), "y1 = 1 is not above y0 = 2"),
        (
            lambda: flow.Mesh.rectangle(0, float("nan"), 0, 1, nx=1, ny=1),
            "x1 = nan is not finite",
        ),
        (
            lambda: flow.Mesh.rectangle(0, 1, 0, 1, nx=1, ny=1, grading="sine"),
            "grading = 'sine' is not one of cosine",
        ),
        (
            lambda: flow.Mesh.channel_slot(3),
            "slot[1] = 1.5 is not on a column, a multiple of 0.3333333333333333",
        ),
        (
            lambda: flow.Mesh.channel_slot(4, slot=(1.5, 1.0)),
            "slot = (1.5, 1.0) is not a part of [0, 8.0]",
        ),
        (lambda: flow.Mesh.step_channel(5), "n = 5 is odd: the step's edge would lie in a cell"),
        (
            lambda: flow.Mesh.cylinder_channel(4, centre=(0.05, 0.2)),
            "centre = (0.05, 0.2): the circle leaves the square [0, 0.41]^2",
        ),
        (lambda: flow.Mesh.cylinder_channel(4, length=0.41), "length = 0.41 is not above height = 0.41"),
        (lambda: flow.Mesh.cylinder_channel(4, radius=0), "radius = 0 is not > 0"),
    ],
)
def test_generators_refuse(call, message):
    with pytest.raises(InvalidArgument) as refusal:
        call()
    assert str(refusal.value) == message


def with_point(index, value):
    points = np.array(SQUARE, dtype=float)
    points[index] = value
    return points


@pytest.mark.parametrize(
    ("points", "cells", "parts", "message"),
    [
        (SQUARE, [[0, 2, 1], [0, 2, 3]], WALL, "cells[0] is inverted: its vertices run clockwise"),
        (with_point(1, (0.5, 0.5)), TWO, WALL,
         "cells[0] is degenerate: area 0, longest side 1.4142135623730951"),
        (SQUARE, [[0, 1, 1], [0, 2, 3]], WALL, "cells[0] is degenerate: area 0, longest side 1"),
        (SQUARE, [[0, 1, 2], [0, 2, 4]], WALL, "cells[1, 2] = 4 is outside [0, 4)"),
        (SQUARE, [[0, 1, 2], [0, 2, -1]], WALL, "cells[1, 2] = -1 is outside [0, 4)"),
        (SQUARE, [[0, 1, 2]], WALL, "points[3] belongs to no cell"),
        (SQUARE, [[0, 1, 2], [0, 1, 2], [0, 2, 3]], WALL,
         "cells[0] and cells[1] overlap: both lie to the left of edge (0, 1)"),
        ([*SQUARE, [2, 0.5]], [*TWO, [0, 4, 2]], WALL,
         "edge (0, 2) belongs to 3 cells, among them cells[0]; a side has at most 2"),
        ([*SQUARE, [5, 5], [6, 5], [5, 6]], [*TWO, [4, 5, 6]], WALL,
         "cells[2] is not connected with cells[0]"),
        ([*SQUARE, [1, 0.5], [2, 0.5]], [*TWO, [1, 5, 4], [4, 5, 2]],
         {"wall": [[0, 1], [1, 2], [2, 3], [3, 0], [1, 5], [5, 2], [1, 4], [4, 2]]},
         "points[4] lies within a side of cells[0], which ends at other vertices"),
        (with_point(2, (1, np.inf)), TWO, WALL, "points[2, 1] = inf is not finite"),
        (SQUARE, np.empty((0, 3), dtype=int), WALL, "cells: none given"),
        (SQUARE, [[0, 1, 2, 3]], WALL, "nodes_per_cell = 4 is not 3 or 6"),
        ([[*p, 0] for p in SQUARE], TWO, WALL, "nodes_per_cell = 3 is not 4 or 10"),
        ([[*p, 0, 0] for p in SQUARE], TWO, WALL, "dim = 4 is not 2 or 3"),
        (SQUARE, [0, 1, 2], WALL, "cells: expected 2 dimensions, got 1"),
        (SQUARE, [[0.0, 1.0, 2.0]], WALL, "cells has dtype float64, not an integer's"),
        (SQUARE, [[0, 1, 2**40]], WALL, "cells: numbers are outside [-2^31, 2^31)"),
        (SQUARE, TWO, {"wall": WALL["wall"][:3]}, "boundaries: side (3, 0) of cells[1] is in no part"),
        (SQUARE, TWO, {**WALL, "lid": [[2, 3]]}, "boundaries: side (2, 3) is in both 'wall' and 'lid'"),
        (SQUARE, TWO, {"wall": [*WALL["wall"], [0, 2]]},
         "boundaries['wall']: side (0, 2) is not on the boundary of the mesh"),
        (SQUARE, TWO, {"wall": [0, 1]}, "boundaries['wall'] has shape (2,), not (n_facets, 2)"),
        (SQUARE, TWO, {"wall": [[0.0, 1.0]]}, "boundaries['wall'] has dtype float64, not an integer's"),
        (SQUARE, TWO, [], "boundaries: list is not a mapping"),
        (SQUARE, TWO, {3: [[0, 1]]}, "boundaries: 3 is not a name"),
    ],
)  # fmt: skip
def test_broken_meshes_are_refused(points, cells, parts, message):
    with pytest.raises(InvalidArgument) as refusal:
        flow.Mesh(points, cells, parts)
    assert str(refusal.value) == message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p, c: (with_row(p, 3, (0.5, 0.9)), c), "cells[0] is folded: its sides' nodes are too far"),
        (lambda p, c: (p, [[0, 1, 2, 3, 4, 5], [1, 6, 2, 7, 8, 3]]), "points[3] lies on two sides, one of"),
        (lambda p, c: (p, [[0, 1, 2, 3, 4, 2]]),
         "points[2] is a vertex of one cell and on a side of another"),
        (lambda p, c: (p[[0, 1, 3, 2, 4, 5]], [[0, 1, 3, 2, 4, 5]]),
         "points[3] is a vertex behind points on sides; vertices come first"),
    ],
)  # fmt: skip
def test_broken_side_nodes_are_refused(change, message):
    points = np.array([[0, 0], [1, 0], [0, 1], [0.5, 0], [0.5, 0.5], [0, 0.5]], dtype=float)
    six = [[0, 1, 2, 3, 4, 5]]
    points, cells = change(points, six)
    if len(cells) == 2:
        extra = [[1, 1], [1, 0.5], [0.5, 1]]
        points = np.concatenate([points, extra])
        points = points[[0, 1, 2, 6, 3, 4, 5, 7, 8]]
        cells = [[0, 1, 2, 4, 5, 6], [1, 3, 2, 7, 8, 4]]
        message = "cells[0] and cells[1] have different nodes on edge (1, 2)"
    with pytest.raises(InvalidArgument) as refusal:
        flow.Mesh(points, cells, {"wall": [[0, 1], [1, 2], [2, 0]]})
    assert str(refusal.value).startswith(message)


def with_row(points, row, value):
    points = points.copy()
    points[row] = value
    return points


def test_arrays_of_any_layout_give_the_same_mesh():
    points = np.asfortranarray(np.array(SQUARE, dtype=np.float32))
    cells = np.array(TWO, dtype=np.int64)[:, ::1]
    padded = np.zeros((2, 6), dtype=np.int16)
    padded[:, ::2] = cells
    mesh, other = flow.Mesh(points, cells, WALL), flow.Mesh(SQUARE, padded[:, ::2], WALL)
    np.testing.assert_array_equal(mesh.points, other.points)
    np.testing.assert_array_equal(mesh.cells, other.cells)
    assert not mesh.points.flags.writeable
    assert not mesh.cells.flags.writeable


def test_changing_what_was_given_leaves_the_mesh_alone():
    points = np.array(SQUARE, dtype=float)
    mesh = flow.Mesh(points, TWO, WALL)
    points[:] = np.nan
    assert np.isfinite(mesh.points).all()


@pytest.mark.parametrize("make", [flow_meshes.unstructured, flow_meshes.curved])
def test_refined(make):
    mesh = flow.Mesh(*make(4, 2))
    fine = mesh.refined()
    assert fine.n_cells == 4 * mesh.n_cells
    assert fine.curved == mesh.curved
    total = [flow.NavierStokes(m, viscosity=1, dirichlet=dict.fromkeys(m.boundaries, 0.0)).cells.weights.sum()
             for m in (mesh, fine)]  # fmt: skip
    assert total[1] == pytest.approx(total[0], rel=1e-13)
    assert {part: len(facets) for part, facets in fine.boundaries.items()} == {
        part: 2 * len(facets) for part, facets in mesh.boundaries.items()
    }


def test_refined_onto_a_curve():
    def project(part, points):
        if part != "cylinder":
            return points
        away = points - 0.2
        return 0.2 + 0.05 * away / np.hypot(*away.T)[:, None]

    mesh = flow.Mesh.cylinder_channel(4).refined(project)
    problem = flow.NavierStokes(mesh, viscosity=1, dirichlet=dict.fromkeys(mesh.boundaries, 0.0))
    on = problem.nodes[problem.sides("cylinder").nodes]
    assert len(on) == 64
    np.testing.assert_allclose(np.hypot(*(on - 0.2).T), 0.05, rtol=1e-13)
    straight = flow.Mesh.rectangle(0, 1, 0, 1, nx=2, ny=2).refined(
        lambda part, points: (
            points + (part == "top") * np.stack([0 * points[:, 0], 0.1 * np.sin(np.pi * points[:, 0])], 1)
        )
    )
    assert straight.curved
    assert 1.05 < straight.points[:, 1].max() < 1.15
    with pytest.raises(InvalidArgument) as refusal:
        mesh.refined(lambda part, points: points[:1])
    assert "returned shape (1, 2), not" in str(refusal.value)


def test_through_meshio(tmp_path):
    for mesh in (flow.Mesh.channel_slot(2), flow.Mesh.cylinder_channel(3)):
        back = flow.Mesh.from_meshio(mesh.to_meshio())
        np.testing.assert_array_equal(back.points, mesh.points)
        np.testing.assert_array_equal(back.cells, mesh.cells)
        assert {k: v.tolist() for k, v in back.boundaries.items()} == {
            k: v.tolist() for k, v in mesh.boundaries.items()
        }
        mesh.write(tmp_path / "a.msh", file_format="gmsh22")
        back = flow.Mesh.from_meshio(tmp_path / "a.msh")
        np.testing.assert_allclose(back.points, mesh.points, rtol=1e-14, atol=1e-16)
        assert sorted(back.boundaries) == sorted(mesh.boundaries)
        assert back.curved == mesh.curved


#: What gmsh 4 writes (format 4.1): physical groups belong to entities.
GMSH_4 = """$MeshFormat
4.1 0 8
$EndMeshFormat
$PhysicalNames
3
1 1 "wall"
1 2 "lid"
2 3 "fluid"
$EndPhysicalNames
$Entities
0 2 1 0
1 0 0 0 1 1 0 1 1 0
2 0 1 0 1 1 0 1 2 0
1 0 0 0 1 1 0 1 3 2 1 2
$EndEntities
$Nodes
1 4 1 4
2 1 0 4
1
2
3
4
0 0 0
1 0 0
1 1 0
0 1 0
$EndNodes
$Elements
3 6 1 6
1 1 1 3
1 1 2
2 2 3
3 4 1
1 2 1 1
4 3 4
2 1 2 2
5 1 2 3
6 1 3 4
$EndElements
"""


def test_from_a_file_of_gmsh_4(tmp_path):
    (tmp_path / "square.msh").write_text(GMSH_4)
    mesh = flow.Mesh.from_meshio(tmp_path / "square.msh")
    assert mesh.points.tolist() == SQUARE
    assert {k: v.tolist() for k, v in mesh.boundaries.items()} == {
        "wall": [[0, 1], [1, 2], [3, 0]],
        "lid": [[2, 3]],
    }


def test_from_meshio_turns_drops_and_renames():
    points = np.array([[9, 9, 0], *[[*p, 0] for p in SQUARE], [5, 5, 0]], dtype=float)
    clockwise = np.array(TWO)[:, ::-1] + 1
    lines = np.array(WALL["wall"]) + 1
    mesh = meshio.Mesh(
        points,
        [("triangle", clockwise), ("line", lines)],
        cell_sets={"lid": [np.array([], dtype=int), np.array([2])], "rest": [None, np.array([0, 1, 3])]},
    )
    ours = flow.Mesh.from_meshio(mesh)
    assert ours.points.tolist() == SQUARE
    assert (areas(ours) > 0).all()
    assert {k: len(v) for k, v in ours.boundaries.items()} == {"lid": 1, "rest": 3}
    assert ours.boundaries["lid"].tolist() == [[2, 3]]


@pytest.mark.parametrize(
    ("cells", "points", "message"),
    [
        ([("quad", [[0, 1, 2, 3]])], SQUARE, "mesh has no triangles or tetrahedra, but quad"),
        ([("triangle", [[0, 1, 2]]), ("quad", [[0, 1, 2, 3]])], SQUARE,
         "mesh has quad cells beside triangle"),
        ([("triangle", TWO)], SQUARE,
         "mesh names no line cells: its boundary parts need physical groups or cell sets"),
        ([("triangle", TWO)], [[*p, p[0]] for p in SQUARE], "mesh is not in a plane z = const"),
    ],
)  # fmt: skip
def test_from_meshio_refuses(cells, points, message):
    with pytest.raises(InvalidArgument) as refusal:
        flow.Mesh.from_meshio(meshio.Mesh(np.array(points, dtype=float), cells))
    assert str(refusal.value) == message


def test_without_meshio(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "meshio", None)
    with pytest.raises(MissingExtra) as missing:
        flow.Mesh.rectangle(0, 1, 0, 1, nx=1, ny=1).to_meshio()
    assert str(missing.value) == 'meshio is not installed; `pip install "nonideal[flow]"` brings it'


def test_pickle_and_text():
    mesh = flow.Mesh.cylinder_channel(3)
    other = pickle.loads(pickle.dumps(mesh))
    np.testing.assert_array_equal(other.points, mesh.points)
    assert (
        repr(other)
        == repr(mesh)
        == f"Mesh({mesh.n_cells} curved triangles, parts inlet, outlet, wall, cylinder)"
    )
