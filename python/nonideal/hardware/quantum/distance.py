"""Squared distances and nearest neighbours as noisy quantum circuits measure them, by the million.

A k-d tree finds a nearest neighbour in microseconds; what is simulated here is slower by orders of magnitude.
The quantum path is for study: it says how wrong the answer of such a machine would be.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypedDict

import numpy as np
import numpy.typing as npt

from nonideal import _core
from nonideal.checks import (
    check_boolean,
    check_choice,
    check_finite,
    check_integer,
    check_iterable,
    check_threads,
    shown,
)
from nonideal.errors import InvalidArgument
from nonideal.hardware.quantum.circuit import Circuit
from nonideal.hardware.quantum.noise import NoiseModel, check_noise
from nonideal.hardware.quantum.translation import TRANSLATIONS, Cells, Translation
from nonideal.hardware.quantum.zne import ZNE
from nonideal.seeds import resolve_seed

__all__ = ["METHODS", "DistanceEstimator", "Distances", "Neighbors", "state_preparation"]

FloatArray = npt.NDArray[np.float64]

Method = Literal["swap", "hadamard", "inner_product"]
METHODS: tuple[Method, ...] = _core.quantum.DISTANCE_METHODS


@dataclass(frozen=True, eq=False)
class Distances:
    """Measured squared distances of all pairs; what `DistanceEstimator.pairwise` returns.

    Parameters
    ----------
    squared_distance : (n_queries, n_points) float64
        Not clipped: noise and shots make some negative.
    standard_error : (n_queries, n_points) float64
        By shots; 0 for exact probabilities. The bias of the noise is not in it.
    n_circuits : int
        Circuits that were run, all noise scales counted.
    n_shortcuts : int
        Pairs with a zero vector: the other one's norm is the distance, and nothing was measured.
    n_crossings : int
        Pairs to which no exponential could be fitted; they keep the value at the smallest noise scale.
    shots : int or None
        Per circuit; None: exact probabilities.
    seed : int
        The seed that was used.
    """

    squared_distance: FloatArray
    standard_error: FloatArray
    n_circuits: int
    n_shortcuts: int
    n_crossings: int
    shots: int | None
    seed: int


@dataclass(frozen=True, eq=False)
class Neighbors:
    """Nearest points by measured distance; what `DistanceEstimator.nearest` returns.

    Parameters
    ----------
    index : (n_queries,) int64
        The point of least measured distance; the lowest index on ties.
    squared_distance, standard_error : (n_queries,) float64
        Its measured distance, and by how much shots make it uncertain.
    margin : (n_queries,) float64
        Gap to the second best in standard errors of the gap; infinity where both are exact and differ.
    wrong_probability : (n_queries,) float64
        Probability, by shots alone, that the second best is nearer in truth: Phi(-margin). With many points
        about as near as the second best the true probability is larger.
    n_circuits, n_shortcuts, n_crossings, shots, seed
        As in `Distances`.
    """

    index: npt.NDArray[np.int64]
    squared_distance: FloatArray
    standard_error: FloatArray
    margin: FloatArray
    wrong_probability: FloatArray
    n_circuits: int
    n_shortcuts: int
    n_crossings: int
    shots: int | None
    seed: int


def state_preparation(amplitudes: npt.ArrayLike) -> Circuit:
    """Return a circuit that prepares a real vector from |0...0>.

    Parameters
    ----------
    amplitudes : (2^n,) float64
        Of any length > 0; n >= 1. Qubit n - 1 is the most significant bit of the index.

    Returns
    -------
    Circuit
        2^n - 1 RY and 2^n - 2 CX: a binary tree of uniformly controlled rotations [Moettoenen et al., Quantum
        Inf. Comput. 5, 467 (2005)].

    Raises
    ------
    InvalidArgument
        If the length is no power of two above 1, or the vector is zero or not finite.

    Examples
    --------
    >>> from nonideal.hardware import quantum
    >>> circuit = quantum.state_preparation([3.0, 0.0, 0.0, -4.0])
    >>> quantum.Simulator().statevector(circuit).real.round(6).tolist()
    [0.6, 0.0, 0.0, -0.8]
    """
    return Circuit._wrap(_core.quantum.state_preparation(_vector("amplitudes", amplitudes)), ())


class _Options(TypedDict):
    centres: FloatArray | None
    cells: npt.NDArray[np.int64] | None
    seed: int
    stream: int
    first_query: int
    first_point: int
    num_threads: int


@dataclass(frozen=True, eq=False)
class DistanceEstimator:
    """Distances measured on a simulated noisy quantum computer.

    Parameters
    ----------
    method : {"hadamard", "swap", "inner_product"}
        The circuit. With Z = |a|^2 + |b|^2, ``"hadamard"`` lets both vectors interfere in one register,
        P(1) = |a-b|^2 / (2 Z); ``"swap"`` is a swap test, P(0) = 1/2 + |a-b|^2 / (4 Z); ``"inner_product"``
        measures P(0) = (1 + cos(a, b)) / 2.
    shots : int or None
        Per circuit; None: exact probabilities.
    noise : NoiseModel or None
    zne : ZNE or None
        Mitigates every probability before it becomes a distance.
    translation : {"none", "centroid", "cells"}
        Where the origin lies. A distance does not change when both vectors are shifted together, but Z does,
        and with it bias and shot noise: ``"centroid"`` puts the origin in the mean of the points; ``"cells"``
        cuts them into ``n_cells`` k-means cells and, for each query, into the centre of the cell it lies in.
        The centres are the same on every processor of one architecture, and for any number of threads.
        As cells shrink to single points this becomes a classical search. With too few cells a centre may be
        farther away than the origin was, and things get worse.
    n_cells : int or None
        Of ``"cells"``; None: a quarter of the points, at most 4096.
    noisy_preparation : bool
        False: no noise in the gates that prepare the vectors.
    readout_mitigation : bool
        Undo the readout error of the measured qubit: (P - p1_given_0) / (1 - p0_given_1 - p1_given_0), which
        adds variance. Extrapolation does not do that: more noise of gates is not more of readout.
    seed : int or None
        Of shots, partial folds and, without `cells_seed`, k-means. None draws one, which results report.
    num_threads : int or None
        Results don't depend on it.
    cells_seed : int or None
        Of k-means; None: `seed`. Estimators of one ``cells_seed`` have the same cells, whatever their shots.

    Raises
    ------
    InvalidArgument
        If an argument is not one of these. What noise and ZNE cannot do together is refused at the first
        call, when the number of qubits is known.

    Notes
    -----
    Vectors of any dimension D >= 1 are padded with zeros to a power of two (at least 2). Shot noise: sd(D2)
    is about 2 Z / sqrt(shots) for ``"swap"`` whatever the distance, and 2 Z sqrt(P (1 - P) / shots) for
    ``"hadamard"``, which vanishes as the point gets near: where the distance is decided it is far better.

    A pair's result depends on (vectors, centre, options, seed, stream, numbers of query and point) alone.

    Sources: arXiv 2312.14460 names a swap-based and a Hadamard-based circuit; the latter is our reading.

    Examples
    --------
    >>> from nonideal.hardware import quantum
    >>> exact = quantum.DistanceEstimator(method="swap")
    >>> exact.pairwise([[1.0, 0.0]], [[0.6, 0.8]]).squared_distance.round(12)
    array([[0.8]])
    >>> noise = quantum.NoiseModel.depolarizing(p1=1e-3, p2=1e-2)
    >>> noisy = quantum.DistanceEstimator(noise=noise, shots=1024, zne=quantum.ZNE(), seed=7)
    >>> found = noisy.nearest([[1.0, 0.0]], [[0.6, 0.8], [0.9, 0.1]])
    >>> found.index, found.n_circuits
    (array([1]), 6)
    """

    method: Method = "hadamard"
    shots: int | None = None
    noise: NoiseModel | None = None
    zne: ZNE | None = None
    translation: Translation = "none"
    n_cells: int | None = None
    noisy_preparation: bool = True
    readout_mitigation: bool = False
    seed: int | None = None
    num_threads: int | None = None
    cells_seed: int | None = None
    _noise: NoiseModel = field(init=False, repr=False)
    _seed: int = field(init=False, repr=False)
    _threads: int = field(init=False, repr=False)
    _programs: dict[tuple[int, int], _core.quantum.DistanceProgram] = field(init=False, repr=False)
    _cells: Cells = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_choice("method", self.method, METHODS)
        self._set("shots", None if self.shots is None else check_integer("shots", self.shots, 1))
        noise = NoiseModel() if self.noise is None else self.noise
        check_noise("noise", noise)
        self._set("noise", noise.copy())
        self._set(
            "_noise", noise.copy()
        )  # what is compiled: models can be changed, also the one that is shown
        if self.zne is not None and not isinstance(self.zne, ZNE):
            raise InvalidArgument(f"zne = {shown(self.zne)} is neither None nor a ZNE")
        check_choice("translation", self.translation, TRANSLATIONS)
        if self.n_cells is not None:
            if self.translation != "cells":
                raise InvalidArgument(
                    f"n_cells = {self.n_cells} needs translation = 'cells', not {self.translation!r}"
                )
            self._set("n_cells", check_integer("n_cells", self.n_cells, 1))
        check_boolean("noisy_preparation", self.noisy_preparation)
        check_boolean("readout_mitigation", self.readout_mitigation)
        seed = resolve_seed(self.seed)
        cells_seed = seed if self.cells_seed is None else check_integer("cells_seed", self.cells_seed, 0, 64)
        self._set("seed", seed)
        self._set("cells_seed", cells_seed)
        self._set("_seed", seed)
        self._set("_threads", check_threads(self.num_threads))
        self._set("_programs", {})
        self._set("_cells", Cells(self.translation, self.n_cells, cells_seed))

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def pairwise(
        self,
        queries: npt.ArrayLike,
        database: npt.ArrayLike,
        *,
        stream: int = 0,
        offset: tuple[int, int] = (0, 0),
    ) -> Distances:
        """Measure the distance of every query to every point.

        Parameters
        ----------
        queries : (n_queries, D) float64
        database : (n_points, D) float64
        stream : int
            In [0, 2^32): independent shots of one seed.
        offset : (int, int)
            Numbers of the first query and point in a larger job: ``pairwise(q[7:], p, offset=(7, 0))`` is
            ``pairwise(q, p)`` from row 7 on, bit for bit.

        Raises
        ------
        InvalidArgument
            If the arrays are not two-dimensional, of equal D >= 1 and finite, or noise and ZNE do not fit.
        NumericalError
            If an exponential extrapolant does not exist for a pair, and ``zne.on_crossing`` is ``"error"``.
        """
        q, p = _rows(queries, database)
        squared, error, counts = self._program(q.shape[1], self.shots).pairwise(
            q, p, **self._options(q, p, stream, offset)
        )
        shortcuts, circuits, crossings = counts
        return Distances(squared, error, circuits, shortcuts, crossings, self.shots, self._seed)

    def nearest(
        self,
        queries: npt.ArrayLike,
        database: npt.ArrayLike,
        *,
        stream: int = 0,
        offset: tuple[int, int] = (0, 0),
    ) -> Neighbors:
        """Find the point of least measured distance to every query.

        Parameters and errors are those of `pairwise`. All distances are measured, none but the two best are
        kept: memory is O(n_queries + n_points).
        """
        q, p = _rows(queries, database)
        if len(p) == 0:
            raise InvalidArgument("database: 0 points; a nearest one needs at least 1")
        index, squared, error, second, second_error, (shortcuts, circuits, crossings) = self._program(
            q.shape[1], self.shots
        ).nearest(q, p, **self._options(q, p, stream, offset))
        gap = second - squared
        spread = np.sqrt(error**2 + second_error**2)
        with np.errstate(divide="ignore", invalid="ignore"):
            margin = np.where(gap > 0.0, gap / spread, 0.0)
        from scipy.special import ndtr  # not at the top: importing the package stays light

        wrong = ndtr(-margin)
        return Neighbors(
            index, squared, error, margin, wrong, circuits, shortcuts, crossings, self.shots, self._seed
        )

    def predicted_bias(self, queries: npt.ArrayLike, database: npt.ArrayLike) -> FloatArray:
        """Return what noise (and mitigation) add to every distance on average: (n_queries, n_points) float64.

        The distance that exact probabilities give, minus the exact one. The bias that shots have through a
        nonlinear extrapolant is not in it.
        """
        q, p = _rows(queries, database)
        noisy = self._program(q.shape[1], None).pairwise(q, p, **self._options(q, p, 0, (0, 0)))[0]
        for i, query in enumerate(q):  # row by row: memory stays that of the result
            noisy[i] -= ((query - p) ** 2).sum(axis=1)
        bias: FloatArray = noisy
        return bias

    def circuit(self, a: npt.ArrayLike, b: npt.ArrayLike) -> Circuit:
        """Return the circuit of one pair, without translation; qubit 0 is to be measured.

        Raises
        ------
        InvalidArgument
            If the vectors differ in length, are not finite, or one is zero (which needs no circuit).
        """
        native = _core.quantum.distance_circuit(self.method, _vector("a", a), _vector("b", b))
        return Circuit._wrap(native, ())

    def n_qubits(self, dimension: int) -> int:
        """Return the number of qubits for vectors of this dimension."""
        return self._program(check_integer("dimension", dimension, 1, 31), self.shots).n_qubits

    def realization(self, dimension: int) -> str:
        """Return how the noise is scaled for extrapolation: ``"channel"`` or ``"circuit"``."""
        return self._program(check_integer("dimension", dimension, 1, 31), self.shots).realization

    # ---- private ----

    def _program(self, dimension: int, shots: int | None) -> _core.quantum.DistanceProgram:
        key = (dimension, shots or 0)
        if key not in self._programs:
            mitigation = None if self.zne is None else self._mitigation(self.zne)
            self._programs[key] = _core.quantum.DistanceProgram(
                dimension,
                method=self.method,
                noise=self._noise._native,
                noisy_preparation=self.noisy_preparation,
                readout_mitigation=self.readout_mitigation,
                mitigation=mitigation,
                shots=shots or 0,
            )
            if self.zne is not None and self._programs[key].realization == "circuit":
                self.zne._warn_of_uneven_folds()
        return self._programs[key]

    def _mitigation(self, zne: ZNE) -> _core.quantum.Mitigation:
        return _core.quantum.Mitigation(
            scales=list(zne.scales),
            fold=zne.fold,
            fold_gates=list(zne.fold_gates or ()),
            fold_seed=self._seed,
            realization=zne.realization,
            extrapolator=zne._native(bounds=(0.0, 1.0), crossing="raw"),
        )

    def _options(
        self, queries: FloatArray, points: FloatArray, stream: int, offset: tuple[int, int]
    ) -> _Options:
        given = list(check_iterable("offset", offset))
        if len(given) != 2:
            raise InvalidArgument(f"offset = {shown(offset)} is not (query, point)")
        first_query, first_point = (
            check_integer(f"offset[{i}]", number, 0, 32) for i, number in enumerate(given)
        )
        if first_point != 0 and self.translation != "none":
            raise InvalidArgument(
                f"offset[1] = {first_point} is not 0, and translation = {self.translation!r} needs all points"
            )
        centres, cells = self._cells.assign(queries, points)
        return {
            "centres": centres,
            "cells": cells,
            "seed": self._seed,
            "stream": check_integer("stream", stream, 0, 32),
            "first_query": first_query,
            "first_point": first_point,
            "num_threads": self._threads,
        }


def _vector(name: str, values: npt.ArrayLike) -> FloatArray:
    array = check_finite(name, values)
    if array.ndim != 1:
        raise InvalidArgument(f"{name} has shape {array.shape}, not one dimension")
    return np.ascontiguousarray(array)


def _rows(queries: npt.ArrayLike, database: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return both as C-contiguous rows of one length."""
    arrays = []
    for name, values in (("queries", queries), ("database", database)):
        array = check_finite(name, values)
        if array.ndim != 2:
            raise InvalidArgument(f"{name} has shape {array.shape}, not (n, D)")
        if array.shape[1] == 0:
            raise InvalidArgument(f"{name} has shape {array.shape}: vectors need at least one component")
        arrays.append(np.ascontiguousarray(array))
    q, p = arrays
    if q.shape[1] != p.shape[1]:
        raise InvalidArgument(f"database has {p.shape[1]} columns, and queries have {q.shape[1]}")
    return q, p
