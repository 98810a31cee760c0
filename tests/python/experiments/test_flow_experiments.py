"""flow-cavity, flow-cylinder and flow-jet at small size: claims, tables, figures, bits."""

from __future__ import annotations

import numpy as np
import pytest

from nonideal import cli
from nonideal.errors import InvalidArgument
from nonideal.experiments import Runner, describe, execute, flow_cavity, flow_cylinder, flow_jet
from nonideal.experiments._cavity_study import Limit, Study
from nonideal.experiments._flow_cases import write_fields
from nonideal.experiments._flow_shards import kovasznay, time_oseen
from nonideal.experiments.flow_cylinder import forces, solve_benchmark
from nonideal.physics import flow

#: What holds seconds.
TIMED = {"solvers", "cost"}


def numbers(result):
    tables = {name: table for name, table in result.tables.items() if name not in TIMED}
    return result.metrics, result.curves, result.comparison, tables


@pytest.fixture(scope="module")
def cavity(tmp_path_factory):
    out = tmp_path_factory.mktemp("cavity")
    return execute("flow-cavity", flow_cavity.Config(seed=1), out=out), out


def assert_confirmed(table, meshes):
    """Each published value lies within the study's own error, and the study's error falls."""
    heads = [f"n = {24 * 2**k}" for k in range(meshes)]
    assert list(table.columns[1 : meshes + 1]) == heads
    assert len(table.rows) == 5
    for row in table.rows:
        limit, error, published = (float(row[table.columns.index(head)])
                                   for head in ("limit", "its error", "Botella and Peyret"))  # fmt: skip
        assert abs(limit - published) <= error + 1e-7
        values = [float(value) for value in row[1 : meshes + 1]]
        assert error == pytest.approx(abs(values[-1] - values[-2]), abs=2e-7, rel=0.05)


@pytest.mark.slow
def test_refinement_confirms_published_values():
    """At Re 1000, to seven digits where the velocity is smooth: Botella and Peyret's values are right."""
    study = Study.run("full", "auto", Runner())
    assert_confirmed(study.table(), meshes=4)
    assert study.largest_difference() < 5e-6
    limits = study.limits()
    assert limits["u(0.5, 0.0547)"].value == pytest.approx(-0.1812881, abs=6e-7)
    assert limits["u(0.5, 0.1719)"].value == pytest.approx(-0.3885691, abs=2e-6)
    coarser = Study(study.meshes[:3], study.parts[:3]).limits()
    assert all(limit.error < coarser[name].error / 3 for name, limit in limits.items())


def test_limits():
    for order in (1, 2, 3.5):
        values = [2.0 - 3.0 * 2 ** (-order * k) for k in range(4)]
        value, error, found = Limit.of(values)
        assert value == pytest.approx(2.0, abs=1e-12)
        assert found == pytest.approx(order)
        assert error == values[-1] - values[-2]
    assert Limit.of([0.0, 1.0, 1.9]) == (1.9, pytest.approx(0.9), None)  # hardly falls
    assert Limit.of([0.0, 1.0, 1.01]) == (1.01, pytest.approx(0.01), None)  # faster than elements can
    assert Limit.of([1.0, 2.0, 2.0]) == (2.0, 0.0, None)


def test_cavity_agrees_with_published_values(cavity):
    result, out = cavity
    assert result.answer.startswith("Right, as far as this shows: 12 of 12 figures of the cavity agree")
    assert result.metrics["order_velocity"].value >= 2.9
    assert result.metrics["order_pressure"].value >= 1.9
    for re, lowest, energy in (
        (100, -0.21407, 0.034442),
        (400, -0.32885, 0.040813),
        (1000, -0.38860, 0.044519),
    ):
        assert result.metrics[f"lowest_u_re{re}"].value == pytest.approx(lowest, abs=1e-5)
        assert result.metrics[f"kinetic_energy_re{re}"].value == pytest.approx(energy, abs=1e-6)
    assert sum("Botella" in row.published for row in result.comparison) == 2
    assert "; refined to 96 x 96 squares, all published values at Re 1000 are met to 4e-05" in result.answer
    assert result.metrics["limit_u_0.0547"].value == pytest.approx(-0.1812881, abs=5e-7)
    assert_confirmed(result.tables["refinement"], meshes=3)
    text = (out / "report.html").read_text()
    assert "Botella and Peyret" in text
    assert set(flow_cavity.figures(result)) == {"fields", "centre_lines", "steps", "orders", "solvers"}


def test_fields_for_paraview(cavity, cylinder, jet):
    """Each folder has the flows that its figures show, with pressure and vorticity."""
    meshio = pytest.importorskip("meshio")
    maps = {f"{place}_{name}" for place in ("centre", "worst") for name in ("full", "none", "oseen")}
    for (_, out), names in ((cavity, {"re100", "re400", "re1000"}), (cylinder, maps), (jet, maps)):
        assert {path.stem for path in (out / "fields").iterdir()} == names
    read = meshio.read(cavity[1] / "fields" / "re400.vtu").point_data
    solution = flow.cases.two_lid_cavity(32).solve({"Re": 400, "a": 0})
    np.testing.assert_allclose(read["velocity"][:, :2], solution.velocity, atol=1e-9)
    vertices = slice(solution.problem.n_pressure)
    np.testing.assert_allclose(read["pressure"][vertices], solution.pressure, atol=1e-9)
    worst = [
        meshio.read(jet[1] / "fields" / f"worst_{name}.vtu").point_data for name in ("full", "none", "oseen")
    ]
    gaps = [np.linalg.norm(part["velocity"] - worst[0]["velocity"]) for part in worst[1:]]
    assert gaps[0] > 2 * gaps[1] > 0


def test_fields_of_earlier_options_are_cleared(tmp_path):
    pytest.importorskip("meshio")
    solution = flow.cases.two_lid_cavity(2).stokes({"Re": 100, "a": 0})
    for names in (["re50", "re60"], ["re70"]):
        write_fields(tmp_path, dict.fromkeys(names, solution), earlier="re")
        (tmp_path / "mine.vtu").touch()
        assert sorted(path.stem for path in tmp_path.iterdir()) == ["mine", *names]
    write_fields(tmp_path, {"pair": solution})
    assert len(list(tmp_path.iterdir())) == 3


def test_cavity_does_not_depend_on_workers(cavity, tmp_path):
    options = {"re": "100", "mesh": 6, "seed": 1}
    one = flow_cavity.run(flow_cavity.Config(**options))
    two = execute("flow-cavity", flow_cavity.Config(**options), out=tmp_path, workers=2)
    assert numbers(one) == numbers(two)
    other = flow_cavity.run(flow_cavity.Config(re="150", a=0.5, mesh=6, seed=1))
    assert other.comparison == ()
    assert "No figures are known for these options" in other.answer


def test_shards_of_the_cavity():
    coarse, fine = (kovasznay({"n": n, "solver": "auto"}) for n in (2, 4))
    assert 6 < coarse["velocity"] / fine["velocity"] < 10
    assert 3 < coarse["pressure"] / fine["pressure"] < 6
    timed = time_oseen({"n": 6, "solver": "superlu", "repeats": 1})
    assert timed["backward_error"] < 1e-14
    assert all(timed[stage] >= 0 for stage in ("update", "analyse", "factorize", "solve"))


@pytest.fixture(scope="module")
def cylinder(tmp_path_factory):
    out = tmp_path_factory.mktemp("cylinder")
    return execute("flow-cylinder", flow_cylinder.Config(mesh=4, seed=1), out=out), out


def test_cylinder(cylinder):
    result, out = cylinder
    rows = {(row[0], row[1]): row for row in result.tables["benchmark"].rows}
    for (n, kind), row in rows.items():
        for ours, then in ((row[4], row[5]), (row[7], row[8])):
            # The prototype's figures have two digits; its mesh is the same.
            assert float(ours) == pytest.approx(float(then), rel=0.2), (n, kind)
    assert abs(float(rows[16, "curved"][4])) <= 1e-4
    for quantity in ("velocity", "drag", "lift", "drop"):
        before, after = (result.metrics[f"{quantity}_error_{name}"].value for name in ("none", "oseen"))
        assert after < before
    assert result.metrics["drag_error_oseen"].value < 0.5  # percent
    assert "FEATFLOW" in (out / "report.html").read_text()
    assert result.metrics["not_converged_oseen"].value == 0
    assert "not converge" not in result.answer
    assert set(flow_cylinder.figures(result)) == {"flow", "errors", "benchmark"}


def test_cylinder_does_not_depend_on_workers(cylinder, tmp_path):
    again = execute("flow-cylinder", flow_cylinder.Config(mesh=4, seed=1), out=tmp_path, workers=2)
    assert numbers(again) == numbers(cylinder[0])


def test_forces_of_a_reduced_solution_at_a_training_point():
    problem = flow.cases.cylinder(n=4)
    train = problem.snapshots(problem.parameters.grid(2))
    mu = train.parameters[1]
    fast, exact = forces(flow.ReducedBasis.fit(train).solve(mu)), forces(problem.solve(mu))
    for name, value in exact.items():
        assert fast[name] == pytest.approx(value, rel=1e-5)


def test_straight_cells_are_worse():
    straight, curved = (
        solve_benchmark({"mesh": 6, "kind": kind, "solver": "auto"}) for kind in ("straight", "curved")
    )
    assert straight["n_dof"] == curved["n_dof"]
    assert abs(straight["drag"] - 5.5795352) > 5 * abs(curved["drag"] - 5.5795352)


@pytest.fixture(scope="module")
def jet(tmp_path_factory):
    out = tmp_path_factory.mktemp("jet")
    return execute("flow-jet", flow_jet.Config(mesh=4, seed=1), out=out), out


def test_jet(jet):
    result, out = jet
    before, after = (result.metrics[f"velocity_error_{name}"].value for name in ("none", "oseen"))
    assert after < before / 2
    costs = [row for row in result.tables["cost"].rows if row[1] == "none"]
    assert [row[0] for row in costs] == ["2x2", "2x2+centre", "3x3", "4x4"]
    assert all(float(row[1]) < 1e-10 for row in result.tables["mass"].rows)  # no model loses mass
    assert len(result.comparison) == 14
    for row in result.comparison:
        # four cells across: the energy is there, the bubble is short
        within = {"kinetic energy": 0.03, "enstrophy": 0.06, "pressure drop": 0.05, "bubble's end, x": 0.25}
        off = abs(float(row.ours) / float(str(row.published).split()[0]) - 1)
        assert off < within[row.quantity.split(": ")[1]], row
    full = np.array(result.curves["map_bubble_full"].y).reshape(7, 7)  # Re, jet
    assert full[:, 0].max() == 0  # no jet, no bubble
    assert (np.diff(full[:, -1]) > 0).all()  # it grows with Re
    assert full.max() == full[-1, -1] > 1
    assert set(flow_jet.figures(result)) == {"flows", "gaps", "bubbles", "cost"}
    assert "bubble" in (out / "report.html").read_text()


def test_jet_does_not_depend_on_workers(jet, tmp_path):
    again = execute("flow-jet", flow_jet.Config(mesh=4, seed=1), out=tmp_path, workers=2)
    assert numbers(again) == numbers(jet[0])
    assert again.tables["cost"] == jet[0].tables["cost"]


def test_jet_without_artificial_snapshots():
    result = flow_jet.run(flow_jet.Config(mesh=2, method="linear", seed=1), Runner())
    before, after = (result.metrics[f"velocity_error_{name}"].value for name in ("none", "linear"))
    assert after == pytest.approx(before, rel=1e-5)


def test_queries_that_do_not_converge_are_counted_and_shown(monkeypatch):
    iterate = flow.ReducedBasis.iterate
    monkeypatch.setattr(flow.ReducedBasis, "iterate", lambda self, mu: iterate(self, mu, max_iterations=2))
    for module, table, options, count in (
        (flow_jet, "cost", {"mesh": 2}, 42),  # without a jet it is Poiseuille's flow, found at once
        (flow_cylinder, "reduced", {"mesh": 3}, 49),
    ):
        result = module.run(module.Config(method="linear", seed=1, **options))
        column = result.tables[table].columns.index("not converged")
        assert {row[column] for row in result.tables[table].rows} == {count}
        assert [result.metrics[f"not_converged_{name}"].value for name in ("none", "linear")] == [count] * 2
        assert f"Of 49 queries a basis, {count} (none), {count} (linear) did not converge" in result.answer


def test_are_registered():
    assert describe("flow-cavity").question == "Is the flow solver right, and how fast?"
    assert describe("flow-cylinder").question.endswith("how far to trust them?")
    assert describe("flow-jet").question.endswith("what do few snapshots miss?")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("flow-cavity", {"re": "0"}, "re = 0.0 is outside (0, 5000]"),
        ("flow-cavity", {"re": ""}, "re = '' has an empty part"),
        ("flow-cavity", {"a": "2"}, "a = 2.0 is outside [-1, 1]"),
        ("flow-cavity", {"solver": "x"}, "solver = 'x' is not one of auto, native, "),
        ("flow-cylinder", {"nu": "1e-3"}, "nu = 1e-3: a range low:high is needed"),
        ("flow-cylinder", {"train": "3"}, "train = '3' is not a grid such as 3x3"),
        ("flow-cylinder", {"method": "none"}, "method = 'none' is not one of "),
        ("flow-jet", {"mesh": "5"}, "mesh = 5 is odd; the slot must end on a column"),
        ("flow-jet", {"re": "100:9000"}, "re = "),
        ("flow-jet", {"solver": "x"}, "solver = 'x' is not one of auto, native, "),
    ],
)
def test_bad_options_end_in_one_line(name, options, message, capsys, tmp_path):
    module = {"flow-cavity": flow_cavity, "flow-cylinder": flow_cylinder, "flow-jet": flow_jet}[name]
    with pytest.raises(InvalidArgument) as caught:
        module.Config(**options)
    assert str(caught.value).startswith(message)
    words = [f"--{option}={value}" for option, value in options.items()]
    assert cli.main(["run", name, *words, "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"nonideal: {caught.value}\n"
