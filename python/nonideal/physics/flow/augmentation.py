"""Artificial snapshots: fields made from pairs of solutions, cheaper than another solution.

Sources: A. Muixi, S. Zlotnik, M. Giacomini and P. Diez, arXiv 2312.14756, for the pairing and for the idea of
mass-only and of Oseen-based combinations; its exact formulas were not to be had, so that ``stream_product``,
``geometric_leray`` and ``bracket`` are three reconstructions of a combination that conserves mass alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nonideal.checks import FloatArray, check_choice, check_integer, check_number
from nonideal.errors import InvalidArgument
from nonideal.physics.flow.pairs import choose_pairs
from nonideal.physics.flow.snapshots import Snapshots, in_threads
from nonideal.physics.flow.solenoidal import leray
from nonideal.physics.flow.stream import StreamFunction
from nonideal.progress import progress_bar

if TYPE_CHECKING:
    from nonideal.physics.flow.problem import NavierStokes

__all__ = ["MASS_ONLY", "METHODS", "augment", "distinct"]

#: Methods whose fields conserve mass alone: they have no pressure and vanish on the Dirichlet boundary.
MASS_ONLY = ("stream_product", "geometric_leray", "bracket")
METHODS = ("linear", *MASS_ONLY, "oseen", "navier_stokes")
CONVECTING = ("mean", "geometric")

Mu = dict[str, float]


def augment(
    snapshots: Snapshots,
    *,
    method: str = "oseen",
    pairs: Any = "all",
    weights: Sequence[float] = (0.5,),
    convecting: str = "mean",
    picard_steps: int = 1,
    workers: int | None = None,
    progress: bool | None = None,
) -> Snapshots:
    """Return artificial snapshots, one for each pair and weight; every one is discretely divergence-free.

    Parameters
    ----------
    snapshots : Snapshots
        Solutions u_i at parameters mu_i (those of other origin are combined too).
    method : str
        ``"linear"``: (1 - a) u_i + a u_j. ``"stream_product"``: the curl of the product of both stream
        functions (two dimensions). ``"geometric_leray"``: the signed geometric mean of each component.
        ``"bracket"``: (u_i . grad) u_j - (u_j . grad) u_i. These three end with an L2 projection onto
        discretely divergence-free fields that vanish on the Dirichlet boundary; they do not depend on a, but
        for the geometric mean. ``"oseen"``: the Oseen solution at (1 - a) mu_i + a mu_j with the combined
        velocities as convecting field. ``"navier_stokes"``: the solution at these parameters, each once,
        those of training snapshots left out.
    pairs : "all", "neighbours" or iterable of (int, int)
        Which are combined; ``"neighbours"``: adjacent on the tensor grid of the training parameters,
        diagonals too, or along the edges of their Delaunay triangulation where they are scattered.
    weights : sequence of float
        Values of a, in (0, 1).
    convecting : "mean" or "geometric"
        What convects an Oseen solution: the linear combination or ``geometric_leray``'s. The latter vanishes
        on the Dirichlet boundary: use it where the flow comes from moving walls or forces. In a channel its
        convecting field lacks the inflow, so that nothing is carried through, and snapshots are worse than
        with ``"mean"``.
    picard_steps : int
        Oseen solutions in a row, each convected by the one before.
    workers : int, optional
        Threads that solve pairs side by side; results do not depend on it.
    progress : bool, optional
        False for no progress bar on a terminal.

    Returns
    -------
    Snapshots
        The artificial ones alone; ``snapshots + augment(snapshots)`` holds both.

    Raises
    ------
    InvalidArgument
        If an option is outside its range.
    FlowConvergenceError
        If a Navier-Stokes solution does not converge; its ``finished`` holds those found before.

    Notes
    -----
    ``linear_solves`` counts factorised saddle-point systems: each Oseen solution 1, a Navier-Stokes solution
    its iterations, and all Leray projections together 1, since they share one factorisation.

    Examples
    --------
    >>> from nonideal.physics import flow
    >>> problem = flow.cases.two_lid_cavity(n=6)
    >>> train = problem.snapshots(problem.parameters.grid(2))
    >>> extra = flow.augment(train)
    >>> len(train), len(extra), extra.linear_solves, extra.pairs[0].tolist(), extra.origin[0]
    (4, 6, 6, [0, 1], 'oseen')
    """
    if not isinstance(snapshots, Snapshots):
        raise InvalidArgument(f"snapshots: {type(snapshots).__name__} is not Snapshots")
    check_choice("method", method, METHODS)
    check_choice("convecting", convecting, CONVECTING)
    check_integer("picard_steps", picard_steps, 1)
    weights = _weights(weights)
    if workers is not None:
        check_integer("workers", workers, 1)
    for name, value, default in (("convecting", convecting, "mean"), ("picard_steps", picard_steps, 1)):
        if value != default and method != "oseen":
            raise InvalidArgument(f"{name} = {value!r} is for method = 'oseen', not {method!r}")
    if method in ("stream_product", "bracket") and len(weights) > 1:
        raise InvalidArgument(
            f"weights: method = {method!r} does not depend on them, but {len(weights)} are given"
        )
    dim = snapshots.problem.mesh.dim
    if method == "stream_product" and dim != 2:
        raise InvalidArgument(
            f"method = 'stream_product' needs a stream function, which is for two dimensions, not {dim}; "
            "'bracket' and 'geometric_leray' are for three too"
        )
    names = set(snapshots.parameters[0])
    for index, mu in enumerate(snapshots.parameters):
        if set(mu) != names:
            raise InvalidArgument(f"parameters[{index}] has other names than parameters[0]")
    table = np.array([[mu[name] for name in sorted(names)] for mu in snapshots.parameters])
    chosen = [(i, j, a) for i, j in choose_pairs(pairs, table) for a in weights]
    combine = _Combination(snapshots, chosen)
    if method == "linear":
        return combine.linear()
    if method in MASS_ONLY:
        return combine.mass_only(method)
    if method == "oseen":
        return combine.oseen(convecting, picard_steps, workers, progress)
    return combine.navier_stokes(workers, progress)


class _Combination:
    """Pairs (i, j, a) of snapshots and what can be made from them."""

    def __init__(self, snapshots: Snapshots, pairs: list[tuple[int, int, float]]) -> None:
        self._snapshots = snapshots
        self._problem: NavierStokes = snapshots.problem
        self._first = np.array([i for i, _, _ in pairs])
        self._second = np.array([j for _, j, _ in pairs])
        self._weights = np.array([a for _, _, a in pairs])
        self._pairs = np.stack([self._first, self._second], axis=1)
        self._parameters: list[Mu] = [
            {
                name: (1 - a) * snapshots.parameters[i][name] + a * snapshots.parameters[j][name]
                for name in snapshots.parameters[i]
            }
            for i, j, a in pairs
        ]

    def linear(self) -> Snapshots:
        pressure = self._mean(self._snapshots.pressure) if self._snapshots.has_pressure else None
        return self._made("linear", self._mean(self._snapshots.velocity), pressure, 0)

    def mass_only(self, method: str) -> Snapshots:
        makers: Mapping[str, Callable[[], FloatArray]] = {
            "stream_product": self._stream_product,
            "geometric_leray": self._geometric,
            "bracket": self._bracket,
        }
        return self._made(method, leray(self._problem, makers[method]()), None, 1)

    def oseen(
        self, convecting: str, picard_steps: int, workers: int | None, progress: bool | None
    ) -> Snapshots:
        geometric = convecting == "geometric"
        fields = (
            leray(self._problem, self._geometric()) if geometric else self._mean(self._snapshots.velocity)
        )

        with progress_bar("pairs", len(self._parameters), show=progress is not False) as advance:

            def solve(index: int) -> tuple[FloatArray, FloatArray]:
                field: FloatArray = fields[:, index].reshape(-1, self._problem.mesh.dim)
                for _ in range(picard_steps):
                    solution = self._problem.oseen(field, self._parameters[index])
                    field = solution.velocity
                advance()
                return solution.velocity.ravel(), solution.pressure

            found = in_threads(solve, range(len(self._parameters)), workers)
        velocity = np.stack([velocity for velocity, _ in found], axis=1)
        pressure = np.stack([pressure for _, pressure in found], axis=1)
        solves = np.full(len(found), picard_steps)
        made = self._made("oseen", velocity, pressure, solves)
        made.share(int(geometric))
        return made

    def navier_stokes(self, workers: int | None, progress: bool | None) -> Snapshots:
        chosen = distinct(self._parameters, self._snapshots.parameters)
        if not chosen:
            raise InvalidArgument("pairs: all combined parameters are those of training snapshots")
        wanted = [self._parameters[index] for index in chosen]
        solved = self._problem.snapshots(wanted, workers=workers, progress=progress)
        return Snapshots(
            self._problem,
            solved.velocity,
            solved.pressure,
            solved.parameters,
            origin=["navier_stokes"] * len(chosen),
            pairs=self._pairs[chosen],
            linear_solves=solved.solves,
        )

    def _mean(self, values: FloatArray) -> FloatArray:
        return (1 - self._weights) * values[:, self._first] + self._weights * values[:, self._second]

    def _geometric(self) -> FloatArray:
        one, two = (self._snapshots.velocity[:, index] for index in (self._first, self._second))
        size = np.abs(one) ** (1 - self._weights) * np.abs(two) ** self._weights
        mean: FloatArray = self._problem.mass_matrix @ np.where(one * two > 0, np.sign(one) * size, 0.0)
        return mean

    def _stream_product(self) -> FloatArray:
        stream = StreamFunction(self._problem)
        used, place = np.unique(self._pairs, return_inverse=True)
        psi = stream.of(self._snapshots.velocity[:, used])
        size = np.abs(psi).max(axis=0)
        psi = psi / np.where(size > 0, size, 1.0)
        first, second = place.reshape(-1, 2).T
        return stream.curl_load(psi[:, first] * psi[:, second])

    def _bracket(self) -> FloatArray:
        velocity = self._snapshots.velocity
        load = np.zeros((len(velocity), len(self._pairs)))
        for i in np.unique(self._pairs):
            convection = self._problem.convection_matrix(velocity[:, i].reshape(-1, self._problem.mesh.dim))
            as_first, as_second = np.flatnonzero(self._first == i), np.flatnonzero(self._second == i)
            load[:, as_first] += convection @ velocity[:, self._second[as_first]]
            load[:, as_second] -= convection @ velocity[:, self._first[as_second]]
        return load

    def _made(
        self, origin: str, velocity: FloatArray, pressure: FloatArray | None, linear_solves: Any
    ) -> Snapshots:
        return Snapshots(
            self._problem,
            velocity,
            pressure,
            self._parameters,
            origin=[origin] * len(self._parameters),
            pairs=self._pairs,
            linear_solves=linear_solves,
        )


def distinct(parameters: Sequence[Mapping[str, float]], known: Sequence[Mapping[str, float]]) -> list[int]:
    """Return the indices of parameters that are neither known nor, up to rounding, an earlier one's."""
    seen = {_key(mu) for mu in known}
    found = []
    for index, mu in enumerate(parameters):
        if _key(mu) not in seen:
            seen.add(_key(mu))
            found.append(index)
    return found


def _weights(weights: Any) -> tuple[float, ...]:
    if isinstance(weights, (str, Mapping)) or not isinstance(weights, Iterable):
        raise InvalidArgument(f"weights = {weights!r} is not a sequence")
    numbers = tuple(check_number(f"weights[{i}]", weight) for i, weight in enumerate(weights))
    if not numbers:
        raise InvalidArgument("weights is empty")
    for i, number in enumerate(numbers):
        if not 0 < number < 1:
            raise InvalidArgument(f"weights[{i}] = {number} is outside (0, 1)")
    return numbers


def _key(mu: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    # Mid-points of different pairs may coincide only up to rounding.
    return tuple((name, float(f"{mu[name]:.12g}")) for name in sorted(mu))
