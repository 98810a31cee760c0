"""flow-swimmer at small size: claims, tables, figures, bits."""

from __future__ import annotations

import pytest

from nonideal import cli
from nonideal.errors import InvalidArgument
from nonideal.experiments import Runner, describe, execute, flow_augment, flow_swimmer
from nonideal.experiments._swimmer_shards import first_order_force, stokes_errors


def small(monkeypatch):
    monkeypatch.setitem(flow_swimmer._POINTS, "quick", 3)
    monkeypatch.setitem(flow_swimmer._MESHES, "quick", (2, 3))
    monkeypatch.setitem(flow_swimmer._TRAINS, "quick", ("2x2", "2x2+centre"))
    monkeypatch.setattr(flow_swimmer, "_SECOND", "2x2+centre")
    monkeypatch.setitem(flow_swimmer._WIDTHS, "quick", (3.0,))
    monkeypatch.setitem(flow_swimmer._INERTIA_MESH, "quick", 2)


@pytest.fixture(scope="module")
def swimmer(tmp_path_factory):
    out = tmp_path_factory.mktemp("swimmer")
    with pytest.MonkeyPatch.context() as patch:
        small(patch)
        return execute("flow-swimmer", flow_swimmer.Config(mesh=2, seed=1), out=out), out


def test_swimmer(swimmer):
    result, out = swimmer
    before, after = (result.metrics[f"velocity_error_{name}"].value for name in ("none", "oseen"))
    assert after < before / 1.5
    assert result.answer.startswith("Yes")
    assert result.metrics["solves_oseen"].value == result.metrics["solves_none"].value + 6
    rows = {tuple(row[:3]): row for row in result.tables["error_vs_modes"].rows}
    assert float(rows["2x2", "oseen", 4][3]) < float(rows["2x2", "none", 4][3])
    for row in rows.values():
        assert float(row[5]) <= float(row[3])  # nothing is better than the best
    exact = result.tables["exact"].rows
    assert [row[0] for row in exact] == [2, 3]
    assert 0 < float(exact[1][2]) < 0.04
    assert result.metrics["order_drag"].value > 2.5
    slope = result.metrics["inertial_force"].value
    assert 0.06 < slope < 0.15
    published = [row.published for row in result.comparison]
    assert published[0] == "not established"
    assert "stand-in" in result.comparison[0].why
    assert set(flow_swimmer.figures(result)) == {"sections", "forces", "modes", "cost", "gaps", "exact"}
    assert "not established" in (out / "report.html").read_text()
    assert result.metrics["not_converged_oseen"].value == 0


def test_forces_of_full_and_reduced_models(swimmer):
    """Training points are on the map: there the models agree; pushers gain by inertia, pullers lose."""
    table = swimmer[0].tables["forces"]
    assert table.columns == ("Re", "beta", "full", "none", "oseen")
    corners = [row for row in table.rows if row[0] in ("1", "40") and row[1] in ("-2", "2")]
    assert len(corners) == 4
    for row in corners:
        assert float(row[3]) == pytest.approx(float(row[2]), abs=2e-3)
        assert float(row[4]) == pytest.approx(float(row[2]), abs=2e-3)
    force = {(row[0], row[1]): float(row[2]) for row in table.rows}
    assert force["40", "-2"] > 0 > force["40", "2"]


def test_swimmer_does_not_depend_on_workers(swimmer, tmp_path, monkeypatch):
    small(monkeypatch)
    again = execute("flow-swimmer", flow_swimmer.Config(mesh=2, seed=1), out=tmp_path, workers=2)
    first = swimmer[0]
    assert (again.metrics, again.curves, again.tables) == (first.metrics, first.curves, first.tables)


def test_without_momentum(monkeypatch):
    small(monkeypatch)
    result = flow_swimmer.run(
        flow_swimmer.Config(mesh=2, method="linear", train="2x2+centre", re="2:10", seed=1), Runner()
    )
    before, after = (result.metrics[f"velocity_error_{name}"].value for name in ("none", "linear"))
    assert after == pytest.approx(before, rel=1e-5)


def test_shards_of_exact_flows():
    part = stokes_errors({"n": 3, "half_width": 4.0, "solver": "superlu"})
    native = stokes_errors({"n": 3, "half_width": 4.0, "solver": "native"})
    for name, value in part.items():
        assert native[name] == pytest.approx(value, rel=1e-8)
    # Elements assembled by NumPy, with a coarser quadrature of curved cells, gave this on the same mesh.
    assert part["drag"] == pytest.approx(0.0281324566, rel=1e-5)
    assert part["velocity"] < 0.02
    assert 0 < first_order_force({"n": 2, "half_width": 3.0, "solver": "native"})["slope"] < 0.15


def test_is_registered():
    assert describe("flow-swimmer").question == flow_swimmer.QUESTION
    with pytest.raises(InvalidArgument, match="case = 'swimmer' is not one of 'two-lid', 'jet'"):
        flow_augment.Config(case="swimmer")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"re": "0:10"}, "re = 0.0 is outside (0, 5000]"),
        ({"re": "10"}, "re = 10: a range low:high is needed"),
        ({"beta": "-20:1"}, "beta = -20.0 is outside [-10, 10]"),
        ({"train": "3"}, "train = '3' is not a grid such as 3x3"),
        ({"method": "stream_product"}, "method = 'stream_product' is not one of "),
        ({"mesh": "1"}, "mesh = 1 is outside [2, 12]"),
        ({"solver": "x"}, "solver = 'x' is not one of auto, native, "),
    ],
)
def test_bad_options_end_in_one_line(options, message, capsys, tmp_path):
    with pytest.raises(InvalidArgument) as caught:
        flow_swimmer.Config(**options)
    assert str(caught.value).startswith(message)
    words = [f"--{option}={value}" for option, value in options.items()]
    assert cli.main(["run", "flow-swimmer", *words, "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"nonideal: {caught.value}\n"
