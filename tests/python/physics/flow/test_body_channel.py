"""The mesh around a spheroid in a channel: volumes, sides, edges on the body, and cells that don't fold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal.errors import InvalidArgument
from nonideal.physics import flow
from nonideal.physics.flow.grids_body import body_channel
from oracles import tetrahedra

ASPECTS = [1.0, 2.0, 4.0]
NARROW = {"half_width": 2.0, "upstream": 5.5, "downstream": 7.0}
WIDE = {"half_width": 9.0, "upstream": 12.0, "downstream": 13.0}


def arrays(n, aspect=1.0, radius=1.0, half_width=None, upstream=None, downstream=None):
    return body_channel(n, aspect, radius, half_width, upstream, downstream)


def missing(points, cells, aspect, radius=1.0):
    """How much the volume is off, over the body's."""
    body = 4 / 3 * np.pi * aspect * radius**3
    return tetrahedra.volume(points, cells) / body - (np.ptp(points, axis=0).prod() / body - 1)


@pytest.mark.parametrize("aspect", ASPECTS)
def test_volume_converges(aspect):
    """With order 4 where the sides on the body are curved, else with order 2."""
    curved, straight = [], []
    for n in (3, 6):
        points, cells, _ = arrays(n, aspect)
        curved.append(missing(points, cells, aspect))
        straight.append(missing(tetrahedra.straightened(points, cells), cells, aspect))
    assert 0 < curved[1] < 2e-4
    assert np.log2(curved[0] / curved[1]) == pytest.approx(4, abs=0.2)
    assert np.log2(straight[0] / straight[1]) == pytest.approx(2, abs=0.2)


@pytest.mark.parametrize("options", [{}, NARROW, WIDE], ids=["default", "narrow", "wide"])
@pytest.mark.parametrize("aspect", ASPECTS)
@pytest.mark.parametrize("n", [4, 5])
def test_cells_fit_and_do_not_fold(n, aspect, options):
    points, cells, parts = arrays(n, aspect, **options)
    at = np.concatenate([tetrahedra.rule()[0], np.eye(4), [[0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]]])
    assert tetrahedra.jacobians(points, cells, at).min() > 0
    # Conforming: a side belongs to two cells or to one part of the boundary.
    owners = tetrahedra.sides(cells)
    outside = {side for side, found in owners.items() if len(found) == 1}
    assert max(map(len, owners.values())) == 2
    named = [tuple(sorted(facet)) for facets in parts.values() for facet in facets.tolist()]
    assert len(named) == len(set(named))
    assert set(named) == outside
    # The channel's sides are where they should be; the body's nodes, those of edges too, are on the spheroid.
    reach = {"half_width": 4.0, "upstream": aspect + 3, "downstream": aspect + 7, **options}
    ends = [reach["half_width"]] * 4 + [reach["downstream"], reach["upstream"]]
    for k, (name, end) in enumerate(zip(["x0", "x1", "y0", "y1", "z0", "z1"], ends, strict=True)):
        assert (points[parts[name], k // 2] == (end if k % 2 else -end)).all()
    middle = {tuple(sorted((c[a], c[b]))): c[k] for c in cells.tolist()
              for k, (a, b) in enumerate(tetrahedra.EDGES, 4)}  # fmt: skip
    facets = parts["body"].tolist()
    edges = {middle[tuple(sorted((f[a], f[b])))] for f in facets for a, b in ((0, 1), (1, 2), (2, 0))}
    on = points[np.concatenate([np.unique(parts["body"]), sorted(edges)])]
    np.testing.assert_allclose(((on / [1, 1, aspect]) ** 2).sum(1), 1, rtol=1e-14)
    # All other edges are straight.
    rest = np.setdiff1d(np.arange(len(points)), list(edges))
    np.testing.assert_allclose(points[rest], tetrahedra.straightened(points, cells)[rest], atol=1e-14)


@given(
    aspect=st.floats(1.0, 5.0),
    half_width=st.floats(1.3, 10.0),
    ahead=st.floats(0.5, 12.0),
    behind=st.floats(0.5, 12.0),
    radius=st.floats(0.01, 100.0),
)
@settings(max_examples=25, deadline=None)
def test_four_cells_a_quarter_never_fold(aspect, half_width, ahead, behind, radius):
    points, cells, _ = arrays(
        4, aspect, radius, half_width * radius, (aspect + ahead) * radius, (aspect + behind) * radius
    )
    assert tetrahedra.jacobians(points, cells, tetrahedra.rule(3)[0]).min() > 0
    # The curved body's volume is missing, to a few thousandths.
    assert 0 < missing(points, cells, aspect, radius) < 2e-3


@pytest.mark.parametrize("n", [2, 3, 4])
def test_each_cell_has_a_node_inside(n):
    """Else its pressures would be in no equation of a free velocity."""
    _, cells, parts = arrays(n)
    facets = np.concatenate(list(parts.values()))
    bounds = {tuple(sorted(pair)) for f in facets.tolist() for pair in (f[:2], f[1:], f[::2])}
    for cell in cells.tolist():
        assert any(tuple(sorted((cell[a], cell[b]))) not in bounds for a, b in tetrahedra.EDGES)


def test_cells_grow_outwards():
    """The layers on the body are as thick as their cells are wide, nearly; and so with every radius."""
    points, cells, _ = arrays(6, radius=0.5)
    corners = points[cells[:, :4]]
    size = np.abs(np.linalg.det(corners[:, 1:] - corners[:, :1])) ** (1 / 3)
    distance = np.linalg.norm(corners.mean(axis=1), axis=1)
    near, away = size[distance < 0.6], size[distance > 1.9]
    assert 0.08 < near.min() < near.max() < 0.16
    assert away.min() > 1.5 * near.max()
    twice = arrays(6, radius=1.0)
    np.testing.assert_allclose(twice[0], 2 * points, rtol=1e-12, atol=1e-14)


def test_mesh():
    mesh = flow.Mesh.body_channel(3, aspect=2.0, half_width=3.0)
    assert mesh.dim == 3
    assert mesh.curved
    assert list(mesh.boundaries) == ["x0", "x1", "y0", "y1", "z0", "z1", "body"]
    assert mesh.n_cells == len(arrays(3, 2.0, half_width=3.0)[1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 1}, "n = 1 is below 2"),
        ({"aspect": 0.5}, "aspect = 0.5 is outside [1, 10]"),
        ({"aspect": 11}, "aspect = 11 is outside [1, 10]"),
        ({"radius": 0.0}, "radius = 0.0 is not > 0"),
        ({"half_width": 1.0}, "half_width = 1.0 is not above 1, where the body ends"),
        ({"radius": 2, "half_width": 1.5}, "half_width = 1.5 is not above 2, where the body ends"),
        ({"aspect": 3, "upstream": 3}, "upstream = 3 is not above 3, where the body ends"),
        ({"downstream": 0.9}, "downstream = 0.9 is not above 1, where the body ends"),
        ({"downstream": np.nan}, "downstream = nan is not finite"),
    ],
)
def test_refusals(options, message):
    with pytest.raises(InvalidArgument) as caught:
        flow.Mesh.body_channel(**{"n": 2, **options})
    assert str(caught.value) == message


def test_a_long_body_needs_more_cells():
    with pytest.raises(InvalidArgument, match=r"^cells\[\d+\]"):
        flow.Mesh.body_channel(2, aspect=6.0)
