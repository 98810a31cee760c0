"""Benchmarks: the harness counts right, and every benchmark runs and checks its answers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from nonideal.benchmarks import harness
from nonideal.benchmarks.harness import Benchmark, Case, Peer

from nonideal import cli
from nonideal.errors import InvalidArgument

CLOCK = [0.0]


def take(seconds: float) -> None:
    CLOCK[0] += seconds


@pytest.fixture(autouse=True)
def _our_clock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let calls take exactly the time that they say; the real benchmarks keep the real clock."""
    if "benchmark" not in request.fixturenames:
        monkeypatch.setattr(harness, "time", SimpleNamespace(perf_counter=lambda: CLOCK[0]))


def prepare(tiny: bool) -> Case:
    return Case(
        count=100,
        ours=lambda: take(0.001),
        peers={
            "slow": Peer(lambda: take(0.01), goal=2),
            "half": Peer(lambda: take(0.001), count=50, goal=1000),
        },
        check=lambda: None,
    )


def wrong(tiny: bool) -> Case:
    def check() -> None:
        raise AssertionError("2 is not 3")

    return Case(count=1, ours=lambda: pytest.fail("timed before the check"), check=check)


TOY = Benchmark("sleep", topic="toy", unit="nap", prepare=prepare, floor=1e9, note="naps")
WRONG = Benchmark("wrong", topic="toy", unit="x", prepare=wrong)


@pytest.mark.parametrize("benchmark", harness.all_benchmarks(), ids=lambda benchmark: benchmark.key)
def test_every_benchmark_runs(benchmark: Benchmark) -> None:
    measured = harness.measure(benchmark, tiny=True)
    assert measured.rate > 0
    assert all(row.ratio > 0 for row in measured.comparisons)


def test_keys_are_unique_and_baselines_name_benchmarks() -> None:
    everything = harness.all_benchmarks()
    keys = [benchmark.key for benchmark in everything]
    assert len(keys) == len(set(keys))
    for entry in harness.load_baselines():
        assert set(entry["ratios"]) <= set(keys)
        assert entry["made_by"]["command"].startswith("nonideal bench")


def test_calls_may_return_what_they_cost() -> None:
    costs = iter([8.0, 2.0, 1.0])
    case = Case(
        count=4.0,
        ours=lambda: next(costs),
        check=lambda: None,
        peers={"larger": Peer(lambda: 30.0, goal=20), "half": Peer(lambda: 30.0, count=2.0)},
    )
    thrifty = Benchmark("memory", "toy", "steps", lambda tiny: case, floor=3.0, per="MiB", returned=True)
    measured = harness.measure(thrifty, repeats=3)
    assert measured.rate == 2.0  # the median, one call a round
    assert [row.ratio for row in measured.comparisons] == [15.0, 30.0]
    assert measured.missed == ["toy/memory: 15 x larger, goal 20 x", "toy/memory: 2 steps/MiB, goal 3"]


def test_rates_ratios_and_goals() -> None:
    measured = harness.measure(TOY, repeats=3)
    slow, half = measured.comparisons
    assert measured.rate == pytest.approx(100_000)
    assert (slow.rate, slow.ratio) == (pytest.approx(10_000), pytest.approx(10))
    assert (half.rate, half.ratio) == (pytest.approx(50_000), pytest.approx(2))
    assert (slow.met, half.met) == (True, False)
    assert measured.missed == [
        "toy/sleep: 2 x half, goal 1000 x",
        "toy/sleep: 1e+05 nap/s, goal 1e+09",
    ]


def test_a_wrong_answer_is_never_timed() -> None:
    with pytest.raises(AssertionError, match="2 is not 3"):
        harness.measure(WRONG)


def test_regressions_are_beyond_a_quarter_and_beyond_the_scatter() -> None:
    measured = harness.measure(TOY, repeats=1, against="slow")
    row = measured.comparisons[0]
    assert (row.lowest, row.highest) == (pytest.approx(row.ratio), pytest.approx(row.ratio))

    def fell(factor: float, lowest: float) -> list[str]:
        kept = harness.Kept(row.ratio * factor, row.ratio * lowest, row.ratio * 2)
        return harness.regressions([measured], {"toy/sleep": {"slow": kept, "gone": kept}})

    assert fell(1.2, 1.1) == []
    assert fell(1.3, 0.9) == []  # a kept round was as slow
    assert fell(1.3, 1.1) == [f"toy/sleep: {row.ratio:.3g} x slow, was {row.ratio * 1.3:.3g} x"]


def test_rounds_scatter() -> None:
    speeds = iter([1.0, 1.0, 2.0, 4.0])  # warm-up, three rounds
    case = Case(
        count=1,
        ours=lambda: take(1),
        peers={"slow": Peer(lambda: take(10 * next(speeds)))},
        check=lambda: None,
    )
    measured = harness.measure(Benchmark("x", "toy", "nap", lambda tiny: case), repeats=3)
    (row,) = measured.comparisons
    assert (row.lowest, row.ratio, row.highest) == pytest.approx((10, 20, 40))


def test_baselines_are_kept_per_machine(tmp_path: Path) -> None:
    path = tmp_path / "baselines.json"
    path.write_text("[]")
    measured = harness.measure(TOY, repeats=1)
    made_by = {"command": "nonideal bench toy", "date": "2026-11-24"}
    harness.keep([measured], processor="A", isa="avx2", made_by=made_by, path=path)
    harness.keep([], processor="A", isa="avx512", made_by=made_by, path=path)
    harness.keep([], processor="A", isa="avx2", made_by=made_by, path=path)  # other ratios stay
    entries = harness.load_baselines(path)
    assert [(entry["processor"], entry["isa"]) for entry in entries] == [("A", "avx512"), ("A", "avx2")]
    assert entries[1]["made_by"] == made_by
    assert harness.baseline_of(entries, "A", "avx512") == {}
    assert harness.baseline_of(entries, "B", "avx2") is None
    kept = harness.baseline_of(entries, "A", "avx2")
    assert kept is not None
    assert kept["toy/sleep"]["slow"] == pytest.approx((10, 10, 10))
    assert harness.regressions([measured], kept) == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: harness.measure(TOY, repeats=0), "repeats = 0 is not >= 1"),
        (lambda: harness.measure(TOY, against="x"), "toy/sleep has no peer 'x'; there are slow, half"),
        (lambda: harness.select([TOY], "x"), "there is no benchmark 'x'; there are toy, toy/sleep"),
        (lambda: harness.select([], None), "there are no benchmarks"),
    ],
)
def test_refusals(call: object, message: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        call()  # type: ignore[operator]
    assert str(caught.value) == message


@pytest.mark.parametrize("name", [None, "toy", "sleep", "toy/sleep"])
def test_selection(name: str | None) -> None:
    assert TOY in harness.select([TOY, WRONG], name)


@pytest.mark.parametrize("text", ["[", "[1]", "{}x", '[{"processor": "A"}]'])
def test_damaged_baselines_are_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "baselines.json"
    path.write_text(text)
    with pytest.raises(InvalidArgument, match=r"^.*baselines\.json cannot be read \("):
        harness.load_baselines(path)


def test_the_command_prints_and_stores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(harness, "all_benchmarks", lambda: [TOY])
    kept = {"toy/sleep": {"slow": harness.Kept(1e6, 1e6, 1e6)}}
    monkeypatch.setattr(harness, "load_baselines", list)
    monkeypatch.setattr(harness, "baseline_of", lambda entries, processor, isa: kept)
    file = tmp_path / "bench.json"
    assert cli.main(["bench", "toy", "--repeats", "1", "--against", "slow", "--json", str(file)]) == 1
    captured = capsys.readouterr()
    assert "toy/sleep" in captured.out
    assert "met" in captured.out
    assert "goal 1e+09" in captured.err
    assert "was 1e+06 x" in captured.err
    (stored,) = json.loads(file.read_text())
    assert stored["key"] == "toy/sleep"
    assert stored["comparisons"][0]["peer"] == "slow"


def test_the_command_keeps_and_misses_a_baseline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "baselines.json"
    path.write_text("[]")
    monkeypatch.setattr(harness, "all_benchmarks", lambda: [replace(TOY, floor=None)])
    monkeypatch.setattr(harness.keep, "__kwdefaults__", {"path": path})
    monkeypatch.setattr(harness.load_baselines, "__defaults__", (path,))
    command = ["bench", "toy", "--repeats", "1", "--against", "slow"]
    assert cli.main(command) == 0
    assert capsys.readouterr().err.startswith("no baseline of this machine (")
    assert cli.main([*command, "--keep"]) == 0
    (entry,) = json.loads(path.read_text())
    assert entry["made_by"]["command"] == "nonideal bench toy --repeats 1"
    assert entry["made_by"]["versions"]["nonideal"]
    capsys.readouterr()
    assert cli.main(command) == 0
    assert capsys.readouterr().err == ""
