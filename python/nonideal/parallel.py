"""Map over shards: in this process, in local processes, or on a Dask cluster, with the same bits in all.

A shard is a small picklable piece of work that carries everything that its result depends on (its own range
of indices, its seed), so that it does not matter where, when or beside which other shards it is computed:

>>> import numpy as np
>>> from nonideal.parallel import Runner
>>> def hits(shard):
...     philox = np.random.Philox(key=shard["seed"], counter=[0, 0, 0, shard["index"]])
...     numbers = np.random.Generator(philox)
...     return int((np.hypot(*numbers.random((2, 1000))) < 1).sum())
>>> with Runner() as runner:
...     counts = runner.map(hits, [{"seed": 7, "index": index} for index in range(4)], label="points")
>>> 4 * sum(counts) / 4000
3.155

With ``out`` every finished shard is written to disk at once, and a later run with the same identity takes it
from there.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import signal
import threading
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from functools import cache
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

import nonideal
from nonideal import _core
from nonideal.errors import InvalidArgument, MissingExtra
from nonideal.progress import progress_bar
from nonideal.shards import DamagedShard, ShardStore, normalise, shard_key

__all__ = ["Interrupted", "Runner", "WorkerError"]

S = TypeVar("S")
R = TypeVar("R")


class WorkerError(RuntimeError):
    """A worker died, or cannot run our shards; what was finished before is kept."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C while shards ran; the results of finished ones are on disk, if the runner has a folder.

    Parameters
    ----------
    finished, total : int
        Shards of the maps so far.
    resume : str
        The command that goes on.
    """

    def __init__(self, finished: int, total: int, resume: str = "") -> None:
        super().__init__(finished, total, resume)
        self.finished = finished
        self.total = total
        self.resume = resume

    def __str__(self) -> str:
        text = f"interrupted with {self.finished} of {self.total} shards finished"
        return f"{text}; go on with: {self.resume}" if self.resume else text


class Runner:
    """Where shards run, which of them are finished already, and whether progress is shown.

    Without arguments: in this process, one shard at a time (kernels are threaded themselves), nothing stored,
    quiet.

    Parameters
    ----------
    out : path, optional
        Folder; finished shards go to ``<out>/shards``, and are taken from there.
    identity : mapping, optional
        JSON-able values that all results depend on (experiment, options, seed); needed with ``out``.
        nonideal's version is added. A shard of another identity is never picked up.
    workers : int, optional
        Run in so many local processes. A script that uses this needs the
        ``if __name__ == "__main__":`` guard.
    cluster : str, optional
        Address of a Dask scheduler, such as ``tcp://host:8786``; its workers need the same version of
        nonideal.
    num_threads : int, optional
        Threads of the kernels in this process, or that local processes share: each gets its part, at least
        one, as ``NONIDEAL_NUM_THREADS``. Default: that variable's value here, else the number of usable
        cores. A cluster's workers keep their own.
    fresh : bool
        Compute finished shards again, and replace their files.
    progress : bool
        Show a progress bar if stderr is a terminal.
    timeout : float
        Seconds to wait for the cluster to answer.

    Attributes
    ----------
    out : Path or None
        The folder, for files that a run leaves besides its result.

    Raises
    ------
    InvalidArgument
        If a value is outside its range, or the cluster cannot be reached.
    MissingExtra
        If ``cluster`` is given and ``distributed`` is not installed.
    """

    def __init__(
        self,
        *,
        out: str | Path | None = None,
        identity: Mapping[str, Any] | None = None,
        workers: int | None = None,
        cluster: str | None = None,
        num_threads: int | None = None,
        fresh: bool = False,
        progress: bool = False,
        timeout: float = 3.0,
    ) -> None:
        if out is not None and identity is None:
            raise InvalidArgument("identity = None: with out, it must say what the results depend on")
        if workers is not None and cluster is not None:
            raise InvalidArgument(f"workers = {workers} and cluster = {cluster!r}: give one of them")
        for name, value in (("workers", workers), ("num_threads", num_threads)):
            if value is not None and value < 1:
                raise InvalidArgument(f"{name} = {value} is not >= 1")
        self.progress = progress
        self.finished = 0
        self.total = 0
        self._identity = {**(identity or {}), "nonideal": _version()}
        self._fresh = fresh
        self.out = None if out is None else Path(out)
        self._store = None if self.out is None else ShardStore(self.out / "shards")
        self._place: _Place
        if cluster is not None:
            self._place = _Cluster(cluster, timeout)
        elif workers is not None:
            self._place = _Processes(workers, num_threads)
        else:
            self._place = _Here(num_threads)

    def map(self, function: Callable[[S], R], shards: Sequence[S], *, label: str = "shards") -> list[R]:
        """Return ``[function(shard) for shard in shards]``, computed where this runner says.

        Parameters
        ----------
        function : callable
            A function at the top level of an importable module. Its result is JSON-able (tuples come back as
            lists) or a dict of arrays (a dict with one array at least: scalars in it come back as arrays).
        shards : sequence
            Mappings, dataclasses, sequences or scalars with a JSON form, no two equal.
        label : str
            What the shards are, for the progress bar and the folder.

        Raises
        ------
        InvalidArgument
            If the function is not at the top level, or a shard or result has no JSON form, or two shards are
            equal.
        WorkerError
            If a worker died or cannot run the function.
        Interrupted
            On Ctrl-C.

        Warns
        -----
        RuntimeWarning
            If the file of a finished shard is damaged; the shard is computed again.
        """
        name = _name_of(function)
        keys = [shard_key(self._identity, name, label, shard) for shard in shards]
        first: dict[str, int] = {}
        for index, key in enumerate(keys):
            if key in first:
                raise InvalidArgument(
                    f"shards[{index}] equals shards[{first[key]}]; give each its own index or seed"
                )
            first[key] = index
        results: dict[int, Any] = {}
        for index, key in enumerate(keys):
            self._recall(index, label, key, results)
        pending = [index for index in range(len(shards)) if index not in results]
        self.finished += len(results)
        self.total += len(shards)
        bar = progress_bar(label, len(shards), done=len(results), show=self.progress and bool(pending))
        try:
            with (
                bar as advance,
                closing(
                    self._place.compute(function, [(index, shards[index]) for index in pending])
                ) as stream,
            ):
                for index, result in stream:
                    results[index] = normalise(result)
                    if self._store is not None:
                        self._store.save(label, keys[index], results[index])
                    self.finished += 1
                    advance()
        except KeyboardInterrupt:
            raise Interrupted(self.finished, self.total) from None
        return [results[index] for index in range(len(shards))]

    def close(self) -> None:
        """Stop local processes or leave the cluster. The runner is not used after that."""
        self._place.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _recall(self, index: int, label: str, key: str, results: dict[int, Any]) -> None:
        path = None if self._store is None or self._fresh else self._store.find(label, key)
        if self._store is None or path is None:
            return
        try:
            results[index] = self._store.load(path, key)
        except DamagedShard as error:
            # Nothing is lost by this: a shard is a pure function of its key, so it comes out the same again.
            message = f"{path} is damaged ({error}); this shard is computed again and the file replaced"
            warnings.warn(message, RuntimeWarning, stacklevel=3)


class _Place(Protocol):
    """Somewhere to compute; yields (index, result) as shards finish, and gives up the rest when closed."""

    def compute(
        self, function: Callable[[Any], Any], tasks: list[tuple[int, Any]]
    ) -> Generator[tuple[int, Any], None, None]: ...

    def close(self) -> None: ...


class _Here:
    def __init__(self, num_threads: int | None) -> None:
        self._threads = num_threads

    def compute(
        self, function: Callable[[Any], Any], tasks: list[tuple[int, Any]]
    ) -> Generator[tuple[int, Any], None, None]:
        with using_threads(self._threads):
            for index, shard in tasks:
                yield index, _result(function, shard)

    def close(self) -> None:
        pass


class _Processes:
    """Local processes, spawned (OpenMP does not survive a fork) at the first map and kept for later ones."""

    def __init__(self, workers: int, num_threads: int | None) -> None:
        self._workers = workers
        self._threads = max(1, (num_threads or _available_threads()) // workers)
        self._pool: ProcessPoolExecutor | None = None
        self._lifeline: tuple[Connection, Connection] | None = None

    def compute(
        self, function: Callable[[Any], Any], tasks: list[tuple[int, Any]]
    ) -> Generator[tuple[int, Any], None, None]:
        if not tasks:
            return
        try:
            with _ignoring_ctrl_c():
                pool = self._start()
                futures = {pool.submit(_result, function, shard): index for index, shard in tasks}
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool:
            self._stop(at_once=True)
            raise WorkerError(
                "a worker process died (out of memory? a script without the "
                '`if __name__ == "__main__":` guard?)'
            ) from None
        except BaseException:
            self._stop(at_once=True)
            raise

    def close(self) -> None:
        self._stop(at_once=False)

    def _start(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = get_context("spawn")
            self._lifeline = context.Pipe(duplex=False)
            self._pool = ProcessPoolExecutor(
                self._workers, context, initializer=_begin_worker, initargs=(self._lifeline[0], self._threads)
            )
        return self._pool

    def _stop(self, *, at_once: bool) -> None:
        if self._pool is None or self._lifeline is None:
            return
        reader, writer = self._lifeline
        if at_once:
            writer.close()
        self._pool.shutdown(wait=True, cancel_futures=True)
        writer.close()
        reader.close()
        self._pool = self._lifeline = None


class _Cluster:
    """A Dask cluster that somebody else started."""

    def __init__(self, address: str, timeout: float) -> None:
        self._distributed = _import_distributed()
        try:
            self._client = self._distributed.Client(address, timeout=timeout, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            raise InvalidArgument(f"cluster = {address!r} cannot be reached within {timeout:g} s") from error

    def compute(
        self, function: Callable[[Any], Any], tasks: list[tuple[int, Any]]
    ) -> Generator[tuple[int, Any], None, None]:
        submit = self._client.submit
        futures = {
            submit(_on_cluster, function, shard, _version(), pure=False): index for index, shard in tasks
        }
        try:
            for future in self._distributed.as_completed(list(futures), loop=self._client.loop):
                yield futures[future], future.result()
        except self._distributed.KilledWorker:
            raise WorkerError(
                "workers of the cluster died again and again on one shard (out of memory?)"
            ) from None
        except CancelledError:
            raise WorkerError("the cluster went away; finished shards are kept") from None
        except ModuleNotFoundError as error:
            raise WorkerError(
                f"a worker of the cluster cannot import {error.name}; install it there"
            ) from None
        finally:
            self._client.cancel([future for future in futures if not future.done()])

    def close(self) -> None:
        self._client.close()


def _import_distributed() -> Any:
    try:
        return importlib.import_module("distributed")
    except ImportError:
        raise MissingExtra("distributed", "distributed") from None


def _begin_worker(lifeline: Connection, num_threads: int) -> None:
    """Set up a local process: its threads, and its end when the parent closes the lifeline or dies."""
    os.environ["NONIDEAL_NUM_THREADS"] = str(num_threads)

    def watch() -> None:
        try:
            lifeline.recv()
        except (EOFError, OSError):
            # Not sys.exit: the main thread may be inside a kernel for a long time.
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _on_cluster(function: Callable[[Any], Any], shard: Any, version: str) -> Any:
    if _version() != version:
        raise WorkerError(
            f"a worker of the cluster has nonideal {_version()}, this is {version}; results would differ"
        )
    return _result(function, shard)


def _result(function: Callable[[Any], Any], shard: Any) -> Any:
    """Return ``function(shard)``, with one thread of BLAS: how it cuts long sums depends on their number."""
    from threadpoolctl import threadpool_limits  # not for who only computes: packages import this module

    with threadpool_limits(limits=1, user_api="blas"):
        return function(shard)


@contextmanager
def using_threads(num_threads: int | None) -> Iterator[None]:
    """Let kernels of this process use so many threads inside a ``with`` block; None changes nothing."""
    if num_threads is None:
        yield
        return
    before = nonideal.num_threads()
    nonideal.set_num_threads(num_threads)
    try:
        yield
    finally:
        nonideal.set_num_threads(before)


@contextmanager
def _ignoring_ctrl_c() -> Iterator[None]:
    """Let processes that are started inside inherit an ignored SIGINT: Ctrl-C is for the parent to handle."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _available_threads() -> int:
    text = os.environ.get("NONIDEAL_NUM_THREADS", "")
    return int(text) if text.isdecimal() and int(text) > 0 else _usable_cores()


def _usable_cores() -> int:
    # sched_getaffinity respects containers' and batch systems' limits, but exists on Linux only.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _name_of(function: Callable[..., Any]) -> str:
    name = getattr(function, "__qualname__", "<")
    if "<" in name:
        raise InvalidArgument(f"function = {function!r} is not at the top level of a module")
    return f"{function.__module__}.{name}"


def _version() -> str:
    """Return the version with a fingerprint of the code: a shard belongs to the code that made it."""
    return f"{nonideal.__version__}+{_fingerprint()}"


@cache
def _fingerprint() -> str:
    digest = hashlib.sha256(Path(_core.__file__).read_bytes())
    folder = Path(nonideal.__file__).parent
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
