"""Fields of a flow at several parameters: what a reduced basis is made from."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from nonideal.checks import (
    FloatArray,
    check_finite,
    check_integer,
    check_iterable,
    check_mapping,
)
from nonideal.errors import InvalidArgument
from nonideal.parallel import using_threads
from nonideal.physics.flow.conformity import check_fields
from nonideal.physics.flow.failure import FlowConvergenceError
from nonideal.physics.flow.identity import Fingerprint
from nonideal.progress import progress_bar
from nonideal.threads import num_threads

if TYPE_CHECKING:
    from nonideal.physics.flow.problem import NavierStokes
    from nonideal.physics.flow.solution import Solution

__all__ = ["Snapshots", "in_threads", "read_arrays", "solved_snapshots", "write_arrays"]

S = TypeVar("S")
R = TypeVar("R")

IntArray = NDArray[np.int64]


class Snapshots:
    """Velocity and pressure fields at several parameters, one a column, and what they cost.

    Made by `NavierStokes.snapshots` and `augment`, or from fields of one's own.

    Parameters
    ----------
    problem : NavierStokes
        What they are solutions of.
    velocity : (n_velocity, n) array_like
        Velocities, m/s: ``solution.velocity.ravel()`` in columns. Anything with a ``to_numpy()`` is taken too
        (pyMOR's vector arrays; vectors may be its rows). Each must be discretely divergence-free, and a
        solution must have the boundary data of its parameters, both to 1e-6, relative.
    pressure : (n_pressure, n) array_like or None
        Kinematic pressures, m^2/s^2; None where they are not known.
    parameters : sequence of mapping
        Name -> number, one for each.
    origin : sequence of str, optional
        ``"full"`` (the default) or the method that made it. Solutions are ``"full"``, ``"oseen"`` and
        ``"navier_stokes"``; boundary values of others are not checked.
    pairs : (n, 2) array_like of int, optional
        The two snapshots that it was made from; -1 for none, the default.
    linear_solves : int or (n,) array_like of int
        Saddle-point systems factorised and solved for each; a single number is the cost of all together,
        which stays whole when some of them are picked, and counts once when parts are added again.

    Raises
    ------
    InvalidArgument
        If shapes do not fit, a number is not finite, a parameter is missing, or a velocity is not solenoidal
        or has other boundary values.

    Examples
    --------
    >>> from nonideal.physics import flow
    >>> problem = flow.cases.two_lid_cavity(n=6)
    >>> train = problem.snapshots(problem.parameters.grid(2))
    >>> own = flow.Snapshots(problem, train.velocity, train.pressure, train.parameters)
    >>> len(own), own.origin[0], own.linear_solves, own[:2].velocity.shape == (problem.n_velocity, 2)
    (4, 'full', 0, True)
    """

    def __init__(
        self,
        problem: NavierStokes,
        velocity: Any,
        pressure: Any,
        parameters: Sequence[Mapping[str, float]],
        *,
        origin: Sequence[str] | None = None,
        pairs: Any = None,
        linear_solves: Any = 0,
    ) -> None:
        self._fill(problem, velocity, pressure, parameters, origin, pairs, linear_solves)
        check_fields(problem, self.velocity, self.parameters, self.origin)

    def _fill(
        self,
        problem: NavierStokes,
        velocity: Any,
        pressure: Any,
        parameters: Sequence[Mapping[str, float]],
        origin: Sequence[str] | None,
        pairs: Any,
        linear_solves: Any,
    ) -> None:
        self.problem = problem
        self.parameters = _parameters(problem, parameters)
        n = len(self.parameters)
        self.velocity = _columns("velocity", velocity, problem.n_velocity, n)
        self.has_pressure = pressure is not None
        self.pressure = (
            _columns("pressure", pressure, problem.n_pressure, n)
            if self.has_pressure
            else np.zeros((problem.n_pressure, n))
        )
        self.origin = _origin(origin, n)
        self.pairs = _pairs(pairs, n)
        self.solves: IntArray = np.zeros(n, dtype=np.int64)
        #: Name of a cost that several columns share -> that cost; a part of the columns keeps it whole.
        self.shared: dict[str, int] = {}
        if np.ndim(linear_solves) == 0:
            self.share(check_integer("linear_solves", linear_solves, 0))
        else:
            self.solves = _whole("linear_solves", linear_solves, (n,), 0)

    def share(self, linear_solves: int) -> None:
        """Add a cost of all columns together, which counts once however parts of them are put together."""
        if linear_solves:
            self.shared[uuid.uuid4().hex] = linear_solves

    @property
    def linear_solves(self) -> int:
        """Saddle-point systems that were factorised and solved for these snapshots."""
        return int(self.solves.sum()) + sum(self.shared.values())

    def __len__(self) -> int:
        return len(self.parameters)

    def __add__(self, other: Snapshots) -> Snapshots:
        if not isinstance(other, Snapshots):
            return NotImplemented
        differences = "" if other.problem is self.problem else _differences(self, other)
        if differences:
            raise InvalidArgument(f"snapshots of another problem cannot be added: {differences}")
        both = Snapshots.__new__(Snapshots)  # of fields that were checked
        both._fill(
            self.problem,
            np.hstack([self.velocity, other.velocity]),
            np.hstack([self.pressure, other.pressure]),
            [*self.parameters, *other.parameters],
            [*self.origin, *other.origin],
            np.vstack([self.pairs, other.pairs]),
            np.concatenate([self.solves, other.solves]),
        )
        both.shared = {**self.shared, **other.shared}
        both.has_pressure = self.has_pressure and other.has_pressure
        return both

    def __getitem__(self, index: Any) -> Snapshots:
        try:
            chosen = np.atleast_1d(np.arange(len(self))[index])
        except (IndexError, TypeError, ValueError):
            raise InvalidArgument(
                f"snapshots[{index!r}]: not an index, slice or list of indices below {len(self)}"
            ) from None
        if chosen.size == 0:
            raise InvalidArgument(f"snapshots[{index!r}] is empty")
        part = Snapshots.__new__(Snapshots)
        part._fill(
            self.problem,
            self.velocity[:, chosen],
            self.pressure[:, chosen],
            [self.parameters[i] for i in chosen],
            [self.origin[i] for i in chosen],
            self.pairs[chosen],
            self.solves[chosen],
        )
        part.shared = dict(self.shared)
        part.has_pressure = self.has_pressure
        return part

    def save(self, path: str | Path) -> Path:
        """Write an ``.npz`` file; return its path.

        Parameters
        ----------
        path : path
            With or without the suffix.
        """
        return write_arrays(
            path,
            fingerprint=Fingerprint.of(self.problem, self.parameters).text(),
            velocity=self.velocity,
            pressure=self.pressure,
            has_pressure=self.has_pressure,
            parameters=json.dumps(self.parameters),
            origin=json.dumps(self.origin),
            pairs=self.pairs,
            solves=self.solves,
            shared=json.dumps(self.shared),
        )

    @classmethod
    def load(cls, path: str | Path, problem: NavierStokes) -> Snapshots:
        """Read what `save` wrote.

        Parameters
        ----------
        path : path
            The file.
        problem : NavierStokes
            The same: on this mesh, with these data.

        Raises
        ------
        InvalidArgument
            If the file is not one of these, or belongs to another problem.
        """
        content, _ = read_arrays(path, "snapshots", problem)
        try:
            found = cls(
                problem,
                content["velocity"],
                content["pressure"],
                json.loads(str(content["parameters"])),
                origin=json.loads(str(content["origin"])),
                pairs=content["pairs"],
                linear_solves=content["solves"],
            )
            shared = check_mapping("shared", json.loads(str(content["shared"])))
            found.shared = {str(name): check_integer("shared", cost, 0) for name, cost in shared.items()}
            found.has_pressure = bool(content["has_pressure"])
        except KeyError as error:
            raise InvalidArgument(f"{path} is not a file of snapshots (no {error})") from None
        except (ValueError, TypeError) as error:  # InvalidArgument and json's own are ValueErrors
            raise InvalidArgument(f"{path} is not a file of snapshots ({error})") from None
        return found

    def __repr__(self) -> str:
        full = sum(origin == "full" for origin in self.origin)
        return f"<Snapshots: {full} full, {len(self) - full} artificial, {self.linear_solves} linear solves>"


def solved_snapshots(
    problem: NavierStokes,
    mus: Iterable[Mapping[str, float]],
    *,
    tol: float,
    workers: int | None,
    progress: bool | None,
) -> Snapshots:
    """Do what `NavierStokes.snapshots` says."""
    parameters = list(check_iterable("mus", mus))
    if not parameters:
        raise InvalidArgument("mus is empty")
    found: dict[int, Solution] = {}
    with progress_bar("snapshots", len(parameters), show=progress is not False) as advance:

        def solve(index: int) -> None:
            found[index] = problem.solve(parameters[index], tol=tol)
            advance()

        try:
            in_threads(solve, range(len(parameters)), workers)
        except FlowConvergenceError as failure:
            if found:
                failure.finished = _stacked(problem, found)
            raise
    return _stacked(problem, found)


def _stacked(problem: NavierStokes, found: Mapping[int, Solution]) -> Snapshots:
    """Return solutions as snapshots, by their place."""
    solutions = [found[index] for index in sorted(found)]
    return Snapshots(
        problem,
        np.stack([solution.velocity.ravel() for solution in solutions], axis=1),
        np.stack([solution.pressure for solution in solutions], axis=1),
        [solution.mu for solution in solutions],
        linear_solves=[solution.linear_solves for solution in solutions],
    )


def in_threads(function: Callable[[S], R], items: Iterable[S], workers: int | None) -> list[R]:
    """Return ``[function(item) for item in items]``, computed by so many threads side by side.

    Kernels and sparse solvers work without Python's lock; the threads share nonideal's own number of them.
    """
    if workers is None or check_integer("workers", workers, 1) == 1:
        return [function(item) for item in items]
    with using_threads(max(1, num_threads() // workers)), ThreadPoolExecutor(workers) as pool:
        return list(pool.map(function, items))


def write_arrays(path: str | Path, **arrays: Any) -> Path:
    """Write an ``.npz`` file, adding the suffix where it lacks; return its path."""
    target = Path(path)
    if target.suffix != ".npz":
        target = target.with_name(target.name + ".npz")
    np.savez_compressed(target, **arrays)
    return target


def read_arrays(path: str | Path, what: str, problem: NavierStokes) -> tuple[dict[str, Any], Fingerprint]:
    """Read a file of `write_arrays` that belongs to a problem."""
    try:
        # NumPy leaves a file open that it opened itself and cannot read.
        with Path(path).open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            content = {name: file[name] for name in file.files}
        fingerprint = Fingerprint.from_text(str(content["fingerprint"]))
        numbers, places = np.asarray(fingerprint.numbers, dtype=np.float64), fingerprint.parameters
        if numbers.ndim != 2 or len(numbers) != len(places) or not all(isinstance(mu, dict) for mu in places):
            raise TypeError
    except FileNotFoundError:
        raise InvalidArgument(f"{path} does not exist") from None
    except Exception:  # what NumPy, zipfile and zlib raise for damaged files is of many kinds
        raise InvalidArgument(f"{path} is not a file of {what}, or it is damaged") from None
    differences = fingerprint.differences(problem)
    if differences:
        raise InvalidArgument(f"{path} holds {what} of another problem: {differences}")
    return content, fingerprint


def _differences(one: Snapshots, two: Snapshots) -> str:
    """Return what the problems of snapshots differ in."""
    return Fingerprint.of(one.problem, one.parameters).differences(two.problem) or Fingerprint.of(
        two.problem, two.parameters
    ).differences(one.problem)


def _columns(name: str, values: Any, rows: int, n: int) -> FloatArray:
    foreign = hasattr(values, "to_numpy")
    array = check_finite(name, values.to_numpy() if foreign else values)
    # pyMOR's arrays were rows of vectors before its release of 2025.
    if foreign and array.shape == (n, rows):
        array = array.T
    if array.shape != (rows, n):
        raise InvalidArgument(f"{name}: expected shape ({rows}, {n}), got {array.shape}")
    return np.ascontiguousarray(array)


def _parameters(problem: NavierStokes, parameters: Any) -> list[dict[str, float]]:
    if isinstance(parameters, Mapping) or not isinstance(parameters, Iterable):
        raise InvalidArgument("parameters: expected a sequence of mappings, name -> number")
    found = []
    for index, mu in enumerate(parameters):
        argument = f"parameters[{index}]"
        found.append(problem.named(mu, argument))
    if not found:
        raise InvalidArgument("parameters is empty")
    return found


def _origin(origin: Sequence[str] | None, n: int) -> list[str]:
    if origin is None:
        return ["full"] * n
    names = [origin] if isinstance(origin, str) else list(origin)
    if len(names) != n:
        raise InvalidArgument(f"origin: expected {n} names, got {len(names)}")
    for index, name in enumerate(names):
        if not isinstance(name, str) or not name:
            raise InvalidArgument(f"origin[{index}] = {name!r} is not a name")
    return names


def _pairs(pairs: Any, n: int) -> IntArray:
    if pairs is None:
        return np.full((n, 2), -1, dtype=np.int64)
    return _whole("pairs", pairs, (n, 2), -1)


def _whole(name: str, values: Any, shape: tuple[int, ...], low: int) -> IntArray:
    array = np.asarray(values)
    if array.shape != shape:
        raise InvalidArgument(f"{name}: expected shape {shape}, got {array.shape}")
    if array.dtype.kind not in "iu":
        raise InvalidArgument(f"{name} has dtype {array.dtype}, not an integer's")
    if (array < low).any():
        raise InvalidArgument(f"{name} = {array[array < low].flat[0]} is below {low}")
    return array.astype(np.int64)
