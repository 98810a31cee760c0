"""nonideal.parallel: the same bits wherever shards run, and nothing lost where a run ends early."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

from nonideal.errors import InvalidArgument, MissingExtra
from nonideal.parallel import Interrupted, Runner, WorkerError
from toys import toy_work
from toys.toy_work import Draw

DRAWS = [Draw(7, index) for index in range(6)]


def store(out: Path, **identity: object) -> Runner:
    return Runner(out=out, identity={"experiment": "test", **identity})


def log_lines(log: Path) -> list[str]:
    return log.read_text().split() if log.exists() else []


def test_results_are_in_shard_order_and_in_json_form() -> None:
    assert Runner().map(toy_work.share, DRAWS)[1][1] == 1
    assert [type(item) for item in Runner().map(toy_work.share, DRAWS)[0]] == [float, int]
    assert Runner().map(toy_work.share, []) == []


def test_dicts_of_arrays_come_back_as_arrays(tmp_path: Path) -> None:
    plain = Runner().map(toy_work.numbers, DRAWS)
    fresh = store(tmp_path).map(toy_work.numbers, DRAWS)
    resumed = store(tmp_path).map(toy_work.numbers, DRAWS)
    for one, two, three in zip(plain, fresh, resumed, strict=True):
        assert list(one) == list(two) == list(three) == ["normal", "index"]
        for name in one:
            assert isinstance(three[name], np.ndarray)
            np.testing.assert_array_equal(one[name], three[name], strict=True)
            np.testing.assert_array_equal(two[name], three[name], strict=True)


def test_finished_shards_are_not_computed_again(tmp_path: Path) -> None:
    log = tmp_path / "log"
    shards = [{"index": str(index), "log": str(log)} for index in range(5)]
    assert store(tmp_path).map(toy_work.logged, shards[:3]) == [0, 1, 4]
    runner = store(tmp_path)
    assert runner.map(toy_work.logged, shards) == [0, 1, 4, 9, 16]
    assert (runner.finished, runner.total) == (5, 5)
    assert log_lines(log) == ["0", "1", "2", "3", "4"]
    fresh = Runner(out=tmp_path, identity={"experiment": "test"}, fresh=True)
    assert fresh.map(toy_work.logged, shards[:1]) == [0]
    assert log_lines(log)[5:] == ["0"]


@pytest.mark.parametrize("change", ["identity", "label", "version"])
def test_a_changed_run_picks_up_no_stale_shard(
    tmp_path: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    shards = [{"index": "1", "log": str(log)}]
    store(tmp_path).map(toy_work.logged, shards, label="a")
    if change == "version":
        monkeypatch.setattr("nonideal.__version__", "99.0")
    runner = store(tmp_path, seed=2) if change == "identity" else store(tmp_path)
    runner.map(toy_work.logged, shards, label="b" if change == "label" else "a")
    assert log_lines(log) == ["1", "1"]


def damage(path: Path, kind: str) -> None:
    content = bytearray(path.read_bytes())
    if kind == "flipped":
        # In an array's values (its .npy header has 128 bytes) or a number's digits: the file stays readable.
        place = content.index(b"normal.npy") + 160 if path.suffix == ".npz" else content.rindex(b"]") - 5
        content[place] ^= 1
    path.write_bytes(
        b"" if kind == "empty" else bytes(content[: len(content) // 2] if kind == "half" else content)
    )


@pytest.mark.parametrize("kind", ["empty", "half", "flipped"])
@pytest.mark.parametrize("function", [toy_work.numbers, toy_work.share])
def test_a_damaged_shard_is_named_and_computed_again(tmp_path: Path, kind: str, function: object) -> None:
    before = store(tmp_path).map(function, DRAWS)  # type: ignore[arg-type]
    files = sorted((tmp_path / "shards" / "shards").iterdir())
    assert len(files) == len(DRAWS)
    content = files[2].read_bytes()
    damage(files[2], kind)
    with pytest.warns(RuntimeWarning) as caught:
        after = store(tmp_path).map(function, DRAWS)  # type: ignore[arg-type]
    assert len(caught) == 1
    text = str(caught[0].message)
    assert text.startswith(f"{files[2]} is damaged (")
    assert text.endswith("); this shard is computed again and the file replaced")
    np.testing.assert_equal(after, before)
    if files[2].suffix == ".json":
        assert files[2].read_bytes() == content
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        store(tmp_path).map(function, DRAWS)  # type: ignore[arg-type]


def test_the_file_of_another_shard_is_not_taken(tmp_path: Path) -> None:
    before = store(tmp_path).map(toy_work.share, DRAWS)
    files = sorted((tmp_path / "shards" / "shards").iterdir())
    files[0].write_bytes(files[1].read_bytes())
    with pytest.warns(RuntimeWarning, match="belongs to another run"):
        assert store(tmp_path).map(toy_work.share, DRAWS) == before


def test_local_processes_give_the_same_bits_and_share_the_threads(tmp_path: Path) -> None:
    with Runner(workers=2, num_threads=7) as runner:
        np.testing.assert_equal(runner.map(toy_work.numbers, DRAWS), Runner().map(toy_work.numbers, DRAWS))
        assert runner.map(toy_work.share, DRAWS) == Runner().map(toy_work.share, DRAWS)
        assert runner.map(toy_work.threads, [1, 2, 3]) == ["3", "3", "3"]
        with pytest.raises(ArithmeticError, match="two is too much"):
            runner.map(toy_work.fail_at_two, [1, 2, 3])
        assert runner.map(toy_work.share, DRAWS[:1]) == Runner().map(
            toy_work.share, DRAWS[:1]
        )  # still usable
        with pytest.raises(WorkerError) as caught:
            runner.map(toy_work.die, [1])
    assert str(caught.value) == (
        'a worker process died (out of memory? a script without the `if __name__ == "__main__":` guard?)'
    )


@pytest.mark.parametrize("options", [{}, {"workers": 2}])
def test_shards_sum_alike_whatever_the_threads_of_blas(options: dict[str, int]) -> None:
    assert Runner(**options).map(toy_work.blas_threads, [0, 1]) == [1, 1]


def test_an_interrupted_map_says_how_far_it_came(tmp_path: Path) -> None:
    runner = store(tmp_path)
    with pytest.raises(Interrupted, match="interrupted with 2 of 4 shards finished") as caught:
        runner.map(toy_work.interrupt_at_two, [0, 1, 2, 3])
    assert (caught.value.finished, caught.value.total) == (2, 4)
    assert len(list((tmp_path / "shards" / "shards").iterdir())) == 2


def test_a_cluster_gives_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
        ) as cluster,
    ):
        address = cluster.scheduler_address
        with Runner(cluster=address, out=tmp_path, identity={}) as runner:
            np.testing.assert_equal(
                runner.map(toy_work.numbers, DRAWS), Runner().map(toy_work.numbers, DRAWS)
            )
            assert runner.map(toy_work.share, DRAWS) == Runner().map(toy_work.share, DRAWS)
            with pytest.raises(ArithmeticError, match="two is too much"):
                runner.map(toy_work.fail_at_two, [1, 2, 3])
        # What the cluster computed serves this process, and the other way round.
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            runner = Runner(out=tmp_path, identity={})
            runner.map(toy_work.share, DRAWS)
        monkeypatch.setattr("nonideal.__version__", "99.0")
        with (
            Runner(cluster=address) as runner,
            pytest.raises(WorkerError, match=r"this is 99\.0\+\w{12}; results would differ"),
        ):
            runner.map(toy_work.share, DRAWS)


CLUSTER = """
import sys, distributed
if __name__ == "__main__":
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address=None
    ) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
"""


def test_a_cluster_that_goes_away_ends_the_run_in_one_line(tmp_path: Path) -> None:
    """The process of scheduler and worker is killed while a shard sleeps; what was finished is kept."""
    pytest.importorskip("distributed")
    script = tmp_path / "cluster.py"
    script.write_text(CLUSTER)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, str(script)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        killer = threading.Timer(3.0, process.kill)
        try:
            with Runner(cluster=address, out=tmp_path, identity={}, timeout=10.0) as runner:
                runner.map(toy_work.share, DRAWS)
                killer.start()
                with pytest.raises(WorkerError) as caught:
                    runner.map(toy_work.sleep, [1, 2])
        finally:
            killer.cancel()
            process.kill()
    assert str(caught.value) == "the cluster went away; finished shards are kept"
    assert Runner(out=tmp_path, identity={}).map(toy_work.share, DRAWS) == Runner().map(toy_work.share, DRAWS)


def test_workers_that_die_again_and_again_end_the_run_in_one_line() -> None:
    distributed = pytest.importorskip("distributed")
    import dask

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
        ) as cluster,
        Runner(cluster=cluster.scheduler_address) as runner,
        pytest.raises(WorkerError) as caught,
    ):
        runner.map(toy_work.die, [1])
    assert str(caught.value) == "workers of the cluster died again and again on one shard (out of memory?)"


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "no-such-thing://x"])
def test_an_unreachable_cluster_is_named_soon(address: str) -> None:
    pytest.importorskip("distributed")
    start = time.monotonic()
    with pytest.raises(InvalidArgument) as caught:
        Runner(cluster=address, timeout=0.5)
    assert str(caught.value) == f"cluster = '{address}' cannot be reached within 0.5 s"
    assert time.monotonic() - start < 5


def test_without_dask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtra) as caught:
        Runner(cluster="tcp://127.0.0.1:9")
    assert str(caught.value) == (
        'distributed is not installed; `pip install "nonideal[distributed]"` brings it'
    )


def local(shard: int) -> int:
    return shard


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "workers = 0 is not >= 1"),
        ({"num_threads": 0}, "num_threads = 0 is not >= 1"),
        ({"workers": 2, "cluster": "x"}, "workers = 2 and cluster = 'x': give one of them"),
        ({"out": "x"}, "identity = None: with out, it must say what the results depend on"),
        ({"identity": {"x": {1}}, "out": "x"}, "identity['x'] is a set, which has no JSON form"),
    ],
)
def test_bad_runners_are_refused(options: dict[str, object], message: str, tmp_path: Path) -> None:
    if "out" in options:
        options = {**options, "out": tmp_path}
    with pytest.raises(InvalidArgument) as caught:
        Runner(**options).map(local, [1])  # type: ignore[arg-type]
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("function", "shards", "message"),
    [
        (local, [1, 2, 1], "shards[2] equals shards[0]; give each its own index or seed"),
        (local, [{"x": {1}}], "shard['x'] is a set, which has no JSON form"),
        (local, [{1: 2}], "shard has the key 1; keys must be text"),
        (local, [[object()]], "shard[0] is a object, which has no JSON form"),
        (toy_work.no_json, [1], "result is a set, which has no JSON form"),
        (toy_work.object_array, [1], "result['x'] has dtype object; use numbers, bool or text"),
    ],
)
def test_bad_shards_and_results_are_refused(function: object, shards: list[object], message: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        Runner().map(function, shards)  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_a_function_that_no_other_process_can_import_is_refused_everywhere() -> None:
    with pytest.raises(InvalidArgument, match=r"^function = <function .*lambda.*> is not at the top level"):
        Runner().map(lambda shard: shard, [1])
