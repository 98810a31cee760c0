"""The registry finds experiments without importing them; `execute` runs one into a folder."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import toys
from nonideal import experiments
from nonideal.errors import InvalidArgument, MissingExtra
from nonideal.experiments import execute, registry
from nonideal.report import load_result
from toys import toy_pi

TOYS = Path(next(iter(toys.__path__)))


@pytest.fixture(autouse=True)
def _toys(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(TOYS)  # where the entry point of the toy experiment is
    registry._modules.cache_clear()
    registry._source.cache_clear()
    yield
    registry._modules.cache_clear()
    registry._source.cache_clear()


def add_experiment(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, source: str) -> None:
    (folder / f"{name}.py").write_text(source)
    information = folder / f"{name}-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[nonideal.experiments]\n{name} = {name}\n")
    monkeypatch.syspath_prepend(folder)
    registry._modules.cache_clear()


def test_experiments_are_found_and_described() -> None:
    assert "toy-pi" in experiments.names()
    assert not {"registry", "options", "execute"} & set(experiments.names())
    about = experiments.describe("toy-pi")
    assert about.question == toy_pi.QUESTION
    assert (about.quick_time, about.extras) == ("1 s", ())
    assert experiments.load("toy-pi") is toy_pi


def test_every_experiment_describes_itself() -> None:
    for about in map(experiments.describe, experiments.names()):
        assert about.question.endswith("?")
        assert about.quick_time
        assert all(isinstance(extra, str) for extra in about.extras)


def test_an_unknown_name_gets_close_ones() -> None:
    with pytest.raises(InvalidArgument) as caught:
        experiments.load("toy-pie")
    assert str(caught.value) == "there is no experiment 'toy-pie'; did you mean toy-pi?"
    with pytest.raises(InvalidArgument, match=r"^there is no experiment 'zzz'; there are .*toy-pi"):
        experiments.describe("zzz")


def test_describing_does_not_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_experiment(tmp_path, monkeypatch, "heavy", 'QUESTION = "Is it " "heavy?"\nraise RuntimeError\n')
    assert experiments.describe("heavy").question == "Is it heavy?"
    assert "heavy" not in sys.modules


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = 'QUESTION = "?"\nEXTRAS: tuple[str, ...] = ("torch",)\nimport no_such_module\n'
    add_experiment(tmp_path, monkeypatch, "needy", source)
    with pytest.raises(MissingExtra) as caught:
        experiments.load("needy")
    assert str(caught.value) == 'no_such_module is not installed; `pip install "nonideal[torch]"` brings it'


@pytest.fixture
def _no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nonideal.experiments.execution.write_report", lambda result, out: None)


def run_toy(out: Path, **options: Any) -> experiments.Result:
    where = {key: options.pop(key) for key in ("workers", "cluster", "fresh") if key in options}
    return execute("toy-pi", toy_pi.Config(**options), out=out, **where)


def test_a_library_call_is_quiet_and_stores_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    result = toy_pi.run(toy_pi.Config())
    assert result.seed is not None
    assert result.config["seed"] == result.seed
    assert abs(float(result.metrics["pi"]) - np.pi) < 0.1
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_the_folder_of_a_run(tmp_path: Path) -> None:
    result = run_toy(tmp_path / "new" / "out", seed=3)
    out = tmp_path / "new" / "out"
    assert {path.name for path in out.iterdir()} == {
        "result.json",
        "report.html",
        "figures",
        "shards",
        "run.json",
    }
    assert {path.name for path in (out / "figures").iterdir()} == {"pi.svg", "pi.png"}
    assert load_result(out) == result
    assert result.command == "nonideal run toy-pi --seed 3"
    assert list(json.loads((out / "result.json").read_text())) == [
        *("experiment", "config", "seed", "versions", "machine", "answer", "metrics", "curves", "comparison"),
        *("tables", "limits", "command"),
    ]


@pytest.mark.usefixtures("_no_figures")
@pytest.mark.parametrize("arrays", [False, True])
def test_the_same_bits_in_one_process_and_in_several(tmp_path: Path, arrays: bool) -> None:
    here = run_toy(tmp_path / "here", seed=3, arrays=arrays)
    there = run_toy(tmp_path / "there", seed=3, arrays=arrays, workers=2)
    assert there.metrics == here.metrics
    assert there.curves == here.curves


@pytest.mark.usefixtures("_no_figures")
def test_a_drawn_seed_belongs_to_the_folder_and_the_options(tmp_path: Path) -> None:
    first = run_toy(tmp_path)
    assert run_toy(tmp_path).seed == first.seed
    assert run_toy(tmp_path, shards=3).seed != first.seed
    again = run_toy(tmp_path, shards=3)
    assert run_toy(tmp_path, shards=3, fresh=True).seed != again.seed


def test_a_folder_of_another_experiment_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"experiment": "cram-digits", "seed": 1, "options": {}}')
    with pytest.raises(InvalidArgument) as caught:
        run_toy(tmp_path)
    assert str(caught.value) == f"{tmp_path} holds a run of 'cram-digits'; give another --out"


@pytest.mark.usefixtures("_no_figures")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"experiment": "toy-pi"}',
        '{"experiment": "toy-pi", "seed": "x", "options": {}}',
        "\xff",
    ],
)
def test_a_damaged_record_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(InvalidArgument) as caught:
        run_toy(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / 'run.json'} is damaged, and with it the drawn seed; give --seed or --fresh, "
        "or another --out (finished shards stay, and serve again if the seed is the same)"
    )
    assert run_toy(tmp_path, seed=4).seed == 4
    assert run_toy(tmp_path).seed == 4


def test_an_out_that_cannot_be_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidArgument) as caught:
        run_toy(tmp_path / "file" / "out")
    assert str(caught.value) == f"out = '{tmp_path / 'file' / 'out'}' cannot be written (Not a directory)"
