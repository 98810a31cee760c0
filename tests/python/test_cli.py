"""The command line: light, teaching, one line per mistake, and no finished shard lost to a kill."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import nonideal
import toys
from nonideal import cli
from nonideal.errors import ConvergenceError, NumericalError
from nonideal.experiments import registry
from nonideal.report import load_result

TOYS = Path(next(iter(toys.__path__)))
SLOW_RUN = ["run", "toy-pi", "--points", "100", "--shards", "12", "--pause", "0.1"]


@pytest.fixture(autouse=True)
def _toys(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(TOYS)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(TOYS), str(TOYS.parent)]))
    monkeypatch.setenv("COLUMNS", "200")
    registry._modules.cache_clear()
    yield
    registry._modules.cache_clear()


def start(words: list[str], **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "nonideal.cli", *words],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C reaches the whole group of processes, as from a terminal
        # A shell makes what runs in its background deaf to Ctrl-C, tests and their children too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def shard_files(out: Path) -> dict[Path, int]:
    return {
        path: path.stat().st_mtime_ns
        for path in (out / "shards").rglob("*.json")
        if not path.name.startswith(".")
    }


def wait_for_shards(out: Path, number: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 30
    while len(shard_files(out)) < number:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def refused(capsys: pytest.CaptureFixture[str], words: list[str], code: int = 2) -> str:
    assert cli.main(words) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err.rstrip("\n")


def test_help_and_list_are_light() -> None:
    code = (
        "import sys\nfrom nonideal import cli\n"
        "for words in (['--version'], ['--help'], ['list'], ['run', '--help']):\n"
        "    assert cli.main(words) == 0\n"
        "heavy = {'torch', 'qiskit', 'mitiq', 'ase', 'matplotlib', 'dask', 'distributed', 'sklearn'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{nonideal.__version__}\n")
    assert done.stdout.count("How many points does it take to know π?") == 2


def test_help_teaches_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "toy-pi", "--help"]) == 0
    text = capsys.readouterr().out
    for words in (
        "How many points does it take to know π?",
        "points per shard (default 1000,10000; >= 10; unit point)",
        "what is counted (default disc)",
        "disc|corner",
        "time that a shard sleeps (default 0.0; in [0, 60]; unit second)",
        "--no-arrays",
        "--cluster",
        "(default results/NAME)",
    ):
        assert words in text


def test_run_then_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert (
        cli.main(["run", "toy-pi", "--seed", "3", "--out", str(out), "--arrays", "--method", "corner"]) == 0
    )
    captured = capsys.readouterr()
    assert captured.err == ""  # no progress bar where there is no terminal
    result = load_result(out)
    assert result.answer in captured.out
    assert captured.out.endswith(f"report: {out / 'report.html'}\n")
    assert result.command == "nonideal run toy-pi --method corner --arrays --seed 3"
    assert cli.main(["show", str(out)]) == 0
    shown = capsys.readouterr().out
    for words in (
        "How many points",
        result.answer,
        "Archimedes",
        "<finitely> many",
        "seed 3",
        result.command,
    ):
        assert words in shown
    page = (out / "report.html").read_bytes()
    (out / "report.html").unlink()
    assert cli.main(["show", str(out), "--remake"]) == 0
    assert (out / "report.html").read_bytes() == page


def test_the_default_folder_is_named_after_the_experiment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["run", "toy-pi"]) == 0
    assert (tmp_path / "results" / "toy-pi" / "report.html").is_file()
    assert capsys.readouterr().out.endswith("report: results/toy-pi/report.html\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "toy-pie"], "there is no experiment 'toy-pie'; did you mean toy-pi?"),
        (["run", "toy-pi", "--shards", "1"], "shards = 1 is outside [2, 1000]"),
        (["run", "toy-pi", "--shards", "some"], "shards = 'some' is not a whole number"),
        (["run", "toy-pi", "--points", "5"], "points = 5.0 is not >= 10"),
        (["run", "toy-pi", "--method", "dics"], "method = 'dics' is not one of 'disc', 'corner'"),
        (["run", "toy-pi", "--point", "50"], "No such option: --point (Possible options: --out, --points)"),
        (["run", "toy-pi", "--seed"], "Option '--seed' requires an argument."),
        (["run", "toy-pi", "--workers", "0"], "workers = 0 is not >= 1"),
        (["run", "toy-pi", "--num-threads", "x"], "num_threads = 'x' is not a whole number"),
        (["bench", "--repeats", "0"], "repeats = 0 is not >= 1"),
        (["lst"], "No such command 'lst'. Did you mean 'list'?"),
    ],
)
def test_a_bad_word_ends_in_one_line(
    words: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert refused(capsys, words) == f"nonideal: {message}"
    assert list(tmp_path.iterdir()) == []


def test_an_unreachable_cluster_ends_in_one_line(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    words = ["run", "toy-pi", "--cluster", "tcp://127.0.0.1:9", "--out", str(tmp_path)]
    assert cli.main(words) == 2
    message = "nonideal: cluster = 'tcp://127.0.0.1:9' cannot be reached within 3 s\n"
    assert capfd.readouterr() == ("", message)


@pytest.mark.parametrize("kind", [NumericalError, ConvergenceError])
def test_a_failed_computation_ends_in_one_line(
    kind: type[NumericalError],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise kind("the iteration stopped at 0.1")

    monkeypatch.setattr("nonideal.experiments.execution.execute", fail)
    assert cli.main(["run", "toy-pi", "--out", str(tmp_path)]) == 1
    assert capsys.readouterr() == ("", "nonideal: the iteration stopped at 0.1\n")


def test_an_unwritable_folder_ends_in_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    out = tmp_path / "file"
    assert refused(capsys, ["run", "toy-pi", "--out", str(out)]) == (
        f"nonideal: out = '{out}' cannot be written (File exists)"
    )


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "cannot be read (No such file or directory)"),
        (b"{", "is damaged (Expecting property name"),
        (b"{}", "is damaged (the key 'experiment' is missing)"),
        (b"[]", "is damaged (list indices must be integers"),
        (b"\xff\xfe", "is damaged ('utf-8' codec can't decode"),
    ],
)
def test_show_names_a_damaged_result(
    content: bytes | None, why: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "result.json").write_bytes(content)
    message = refused(capsys, ["show", str(tmp_path)])
    assert message.startswith(f"nonideal: {tmp_path / 'result.json'} {why}")
    if content is not None:
        assert message.endswith("; run the experiment again to make it anew")


@pytest.mark.filterwarnings("default::RuntimeWarning")
def test_a_damaged_shard_is_one_line_of_warning(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = ["run", "toy-pi", "--out", str(tmp_path)]
    assert cli.main(words) == 0
    first = capsys.readouterr().out
    file = sorted(shard_files(tmp_path))[0]
    file.write_text("{")
    assert cli.main(words) == 0
    captured = capsys.readouterr()
    assert captured.out == first
    assert captured.err.startswith(f"nonideal: warning: {file} is damaged (")
    assert captured.err.count("\n") == 1


def test_a_killed_run_goes_on_from_its_finished_shards(tmp_path: Path) -> None:
    out, log = tmp_path / "out", tmp_path / "log"
    words = [*SLOW_RUN, "--out", str(out)]  # no seed: the drawn one is the folder's
    process = start(words)
    wait_for_shards(out, 4, process)
    process.kill()
    process.communicate()
    finished = shard_files(out)
    assert 4 <= len(finished) < 12

    again = start(words, TOY_LOG=str(log))
    output, errors = again.communicate(timeout=60)
    assert (again.returncode, errors) == (0, ""), errors
    assert len(log.read_text().split()) == len(set(log.read_text().split())) == 12 - len(finished)
    files = shard_files(out)
    assert len(files) == 12
    assert {path: files[path] for path in finished} == finished

    result = load_result(out)
    assert result.answer in output
    whole = registry.load("toy-pi").run(
        registry.load("toy-pi").Config.from_dict({**result.config, "pause": 0.0})
    )
    assert whole.metrics == result.metrics


@pytest.mark.parametrize("where", [[], ["--workers", "2"]])
def test_ctrl_c_says_how_to_go_on(tmp_path: Path, where: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    process = start([*SLOW_RUN, "--out", str(out), *where])
    wait_for_shards(out, 3, process)
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert output == ""
    seed = json.loads((out / "run.json").read_text())["seed"]
    match = re.fullmatch(
        r"nonideal: interrupted with (\d+) of 12 shards finished; go on with: (nonideal run .*)\n", errors
    )
    assert match, errors
    number = int(match[1])
    assert number == len(shard_files(out))
    command = f"nonideal run toy-pi --points 100 --shards 12 --pause 0.1 --seed {seed} --out {out}"
    assert match[2] == command
    monkeypatch.setenv("TOY_LOG", str(tmp_path / "log"))
    assert cli.main(shlex.split(command)[1:]) == 0
    assert len((tmp_path / "log").read_text().split()) == 12 - number


def test_a_longer_grid_computes_its_new_points_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log"
    monkeypatch.setenv("TOY_LOG", str(log))
    words = ["run", "toy-pi", "--shards", "2", "--seed", "7", "--out", str(tmp_path / "out")]
    assert cli.main([*words, "--points", "100,200"]) == 0
    assert log.read_text().split() == ["100-0", "100-1", "200-0", "200-1"]
    assert cli.main([*words, "--points", "100,300,200"]) == 0
    assert log.read_text().split()[4:] == ["300-0", "300-1"]
    assert cli.main([*words, "--points", "100", "--seed", "8"]) == 0  # another seed is another shard
    assert log.read_text().split()[6:] == ["100-0", "100-1"]
    capsys.readouterr()


def test_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    psutil = pytest.importorskip("psutil")
    process = start([*SLOW_RUN, "--pause", "30", "--workers", "2", "--out", str(tmp_path)])
    children: list[int] = []

    def workers_are_up() -> bool:
        found = psutil.Process(process.pid).children()
        children[:] = [child.pid for child in found if "spawn_main" in " ".join(child.cmdline())]
        return len(children) == 2

    wait_until(workers_are_up)
    time.sleep(1.0)  # they import nonideal and take up the lifeline
    process.kill()
    process.communicate()
    wait_until(lambda: not any(psutil.pid_exists(pid) for pid in children))
