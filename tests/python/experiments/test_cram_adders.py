"""Full adders: exact accuracies beside the oracle's, simulation beside them, ranking, same bits anywhere."""

import numpy as np
import pytest

from nonideal.errors import InvalidArgument
from nonideal.experiments import Runner, cram_adders, names
from nonideal.hardware import cram
from nonideal.report.figures import house_style
from oracles import adder as oracle

SMALL = {"tmr": "1.09,3", "lanes": 4096, "seed": 7}


@pytest.fixture(scope="module")
def small():
    return cram_adders.run(cram_adders.Config(**SMALL))


def test_accuracies_are_those_of_the_oracle(small):
    assert "cram-adders" in names()
    for i, tmr in enumerate((1.09, 3.0)):
        library = cram.GateLibrary(cram.device("lv2024_fit", tmr=tmr))
        errors = {name: gate.error.tolist() for name, gate in library.items()}
        for design in oracle.DESIGNS:
            expected = oracle.accuracy(design, errors)
            for what in ("sum", "carry", "both"):
                got = small.curves[f"{what}_{design}"].y[i]
                assert got == pytest.approx(getattr(expected, what), rel=1e-10)
                if tmr == 1.09:
                    assert small.metrics[f"{what}_{design}"].value == pytest.approx(got)


def test_simulated_truth_tables_agree_with_exact_ones(small):
    for design in oracle.DESIGNS:
        exact, simulated = (small.curves[f"truth_{design}_{kind}"] for kind in ("exact", "simulated"))
        for table in (exact, simulated):
            np.testing.assert_allclose(np.reshape(table.y, (8, 4)).sum(axis=1), 1.0)
        z = (np.array(simulated.y) - exact.y) / simulated.standard_error
        assert abs(z).max() < 5
    assert small.metrics["largest_deviation"].value < 5


def test_lanes_are_simulated_in_chunks_with_the_bits_of_the_whole(monkeypatch):
    shard = {"design": "nand9", "errors": {"NAND2": [0.0, 0.01, 0.02]}, "lanes": 10_000, "seed": 3}
    whole = cram_adders.simulate(shard)["counts"]
    sizes = []
    run = cram.simulate
    monkeypatch.setattr(cram_adders, "_CHUNK_LANES", 4096)
    monkeypatch.setattr(
        cram, "simulate", lambda *args, **more: sizes.append(args[1]["a"].lanes) or run(*args, **more)
    )
    np.testing.assert_array_equal(cram_adders.simulate(shard)["counts"], whole)
    assert sizes == [4096, 4096, 1808] * 8


def test_the_answer_and_the_comparison(small):
    assert small.answer.startswith("On lv2024_fit choose nand9: 93.3 % of its results are right")
    assert small.metrics["both_nand9_alike"].value == pytest.approx(0.992165, abs=5e-7)
    assert small.comparison[0].published == "78.5 %"
    assert "sum 94.39 %, carry 97.18 %, both 93.27 %" in small.comparison[0].ours


def test_the_ranking_begins_with_the_worst_gate(small):
    rows = [row for row in small.tables["gates"].rows if row[0] == "maj5_buf"]
    assert [row[1] for row in rows] == [1, 2, 3, 4]
    added = [float(row[3]) + float(row[4]) for row in rows]
    assert added == sorted(added, reverse=True)
    assert len(small.tables["gates"].rows) == 9 + 4 + 4 + 5


def test_same_bits_in_processes_and_figures(small):
    with Runner(workers=2) as runner:
        other = cram_adders.run(cram_adders.Config(**SMALL), runner)
    assert (other.metrics, other.curves) == (small.metrics, small.curves)
    with house_style():
        assert set(cram_adders.figures(small)) == {"accuracy-vs-tmr", "truth-table"}


def test_varying_cells_err_more(small):
    """The table of NAND2 at 5 % spread of the critical voltages, by state, through the oracle.

    Section 2 has S 78.3 %, C 87.8 % for its mean error of 4.2 % in every state; by state it is worse.
    """
    config = cram_adders.Config(**SMALL | {"variation": 0.05, "designs": "nand9", "tmr": "1.09"})
    varied = cram_adders.run(config)
    mtj, spread = cram.device("lv2024_fit"), cram.Variation(threshold=0.05)
    error = cram.GateLibrary(mtj, gates=["NAND2"], variation=spread)["NAND2"]
    assert error.mean_error == pytest.approx(0.042, rel=0.03)
    expected = oracle.accuracy("nand9", {"NAND2": error.error.tolist()})
    alike = oracle.accuracy("nand9", oracle.uniform(0.042))
    assert (alike.sum, alike.carry) == (pytest.approx(0.783, abs=1e-3), pytest.approx(0.878, abs=1e-3))
    assert varied.metrics["sum_nand9"].value == pytest.approx(expected.sum, rel=1e-9)
    assert varied.metrics["carry_nand9"].value == pytest.approx(expected.carry, rel=1e-9)
    assert expected.sum < 0.75 < alike.sum
    assert "vary from cell to cell by 5 %" in varied.limits[0]


def test_refusals():
    with pytest.raises(InvalidArgument, match=r"^lanes = 1 is outside \[2, "):
        cram_adders.Config(lanes=1)
    with pytest.raises(InvalidArgument, match=r"^designs = 'x' is not one of 'nand9', "):
        cram_adders.Config(designs="x")
