"""Measured or computed states of a material, and the distance that makes one of them the nearest."""

from __future__ import annotations

import csv
import hashlib
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg

from nonideal.checks import (
    FloatArray,
    check_choice,
    check_finite,
    check_integer,
    check_non_negative,
    check_positive,
)
from nonideal.errors import InvalidArgument
from nonideal.physics.mechanics.files import replacing
from nonideal.physics.mechanics.mandel import COMPONENTS, mandel_scale
from nonideal.physics.mechanics.structure import IntArray
from nonideal.seeds import resolve_seed

__all__ = ["MaterialDatabase", "UniaxialLaw", "check_indices", "check_states"]

Metric: TypeAlias = ArrayLike | Literal["secant"]

_DAMAGED = (zipfile.BadZipFile, zlib.error)
_ASYMMETRY = 1e-9  # of the largest entry; more is no round-off
_FLOOR = 1e-3  # of the largest eigenvalue: the least stiffness of the "secant" metric [inferred]
_ARC_STEPS = 16  # points of the table behind spacing="arc", for each point that is wanted

#: What one unit of a file is, in 1 and in Pa.
_STRAIN_UNITS: Mapping[str, float] = MappingProxyType(
    {"1": 1.0, "%": 1e-2, "permille": 1e-3, "microstrain": 1e-6}
)
_STRESS_UNITS: Mapping[str, float] = MappingProxyType(
    {
        "Pa": 1.0,
        "kPa": 1e3,
        "MPa": 1e6,
        "N/mm2": 1e6,
        "GPa": 1e9,
        "psi": 6894.757293168361,
        "ksi": 6894757.293168361,
    }
)


class UniaxialLaw(Protocol):
    """A one-dimensional law that can be read both ways: `RambergOsgood`, `LinearElastic`."""

    def strain(self, stress: ArrayLike) -> FloatArray:
        """Return the strain of each stress."""

    def stress(self, strain: ArrayLike) -> FloatArray:
        """Return the stress of each strain."""


@dataclass(frozen=True, eq=False, init=False)
class MaterialDatabase:
    """States (strain, stress) of a material and the metric that measures how far another state is from them.

    The penalty of a state against a data point is ``1/2 de.C.de + 1/2 ds.C^-1.ds``, an energy per volume;
    with ``C = L L^T`` it is the squared Euclidean distance of the scaled coordinates
    ``(L^T strain, L^-1 stress) / sqrt(2)``. C is a numerical parameter, not a law of the material: the
    stiffer it is against the material, the earlier the iteration stops in a local minimum.

    Parameters
    ----------
    strain, stress : (N, d) array_like, or (N,) in one dimension
        Mandel vectors (`to_mandel`), d = 1, 3 or 6; the stress in the user's unit.
    metric : (d, d) array_like, float or "secant"
        Symmetric positive definite, in the unit of stress; a number > 0 where d = 1. ``"secant"`` takes the
        least-squares stiffness of the data, symmetrised, its eigenvalues not below 1e-3 of the largest.

    Attributes
    ----------
    points : (N, 2 d) float64 ndarray
        Scaled coordinates; read-only, and always the same object.
    seed : int or None
        Of the noise that `from_law` added; None where it added none.

    Raises
    ------
    InvalidArgument
        If there are no points, a number is not finite, shapes do not agree or the metric is not symmetric
        positive definite.

    Notes
    -----
    Source: T. Kirchdoerfer and M. Ortiz, Computer Methods in Applied Mechanics and Engineering 304, 81
    (2016).

    Examples
    --------
    >>> import numpy as np
    >>> from nonideal.physics import mechanics
    >>> strain = np.linspace(-0.01, 0.01, 5)
    >>> database = mechanics.MaterialDatabase(strain, 200e9 * strain)
    >>> len(database), (database.metric / 1e9).round(6).tolist()
    (5, [[200.0]])
    """

    strain: FloatArray
    stress: FloatArray
    metric: FloatArray
    points: FloatArray = field(repr=False)
    seed: int | None = field(repr=False)
    _factor: FloatArray = field(repr=False)  # L
    _inverse: FloatArray = field(repr=False)  # L^-T: a triangular solve of many rows costs more

    def __init__(self, strain: ArrayLike, stress: ArrayLike, metric: Metric = "secant") -> None:
        strains, stresses = _columns("strain", strain), _columns("stress", stress)
        if not len(strains):
            raise InvalidArgument("strain has no points")
        if strains.shape != stresses.shape:
            raise InvalidArgument(f"stress has shape {stresses.shape}, strain {strains.shape}")
        tensor = _metric(metric, strains, stresses)
        factor = linalg.cholesky(tensor, lower=True)
        inverse = linalg.solve_triangular(factor, np.eye(len(factor)), lower=True).T
        self._set(strain=strains, stress=stresses, metric=tensor, _factor=factor, _inverse=inverse)
        self._set(points=self.scale(strains, stresses))
        object.__setattr__(self, "seed", None)

    def _set(self, **arrays: FloatArray) -> None:
        for name, array in arrays.items():
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    def __len__(self) -> int:
        return len(self.strain)

    @property
    def n_strain(self) -> int:
        """Number of components of a strain: 1, 3 or 6."""
        return self.strain.shape[1]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of strains, stresses and metric, in hexadecimal digits."""
        digest = hashlib.sha256(repr(self.strain.shape).encode())
        for array in (self.strain, self.stress, self.metric):
            digest.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
        return digest.hexdigest()

    def scale(self, strain: ArrayLike, stress: ArrayLike) -> FloatArray:
        """Return the scaled coordinates of states, in which the penalty is the squared distance.

        Parameters
        ----------
        strain, stress : (m, d) array_like, or (m,) in one dimension
            Mandel vectors.

        Returns
        -------
        (m, 2 d) float64 ndarray, C-contiguous

        Raises
        ------
        InvalidArgument
            If shapes do not agree or a number is not finite.

        Examples
        --------
        >>> from nonideal.physics import mechanics
        >>> database = mechanics.MaterialDatabase([0.0, 1.0], [0.0, 2.0], metric=2.0)
        >>> database.scale([3.0], [2.0]).round(9).tolist()
        [[3.0, 1.0]]
        """
        left, right = check_states(strain, stress, self.n_strain)
        both = np.concatenate([left @ self._factor, right @ self._inverse], axis=1)
        return np.asarray(both / np.sqrt(2.0))

    def penalty(self, strain: ArrayLike, stress: ArrayLike, index: ArrayLike) -> FloatArray:
        """Return the penalty of each state against one data point each, in the unit of stress.

        Parameters
        ----------
        strain, stress : (m, d) array_like, or (m,) in one dimension
            States, Mandel vectors.
        index : (m,) array_like of int
            The data point of each state, in [0, N).

        Raises
        ------
        InvalidArgument
            If shapes do not agree, a number is not finite or an index is out of range.

        Examples
        --------
        >>> from nonideal.physics import mechanics
        >>> database = mechanics.MaterialDatabase([0.0, 1.0], [0.0, 2.0], metric=2.0)
        >>> database.penalty([3.0], [2.0], [1]).round(9).tolist()
        [4.0]
        """
        states = self.scale(strain, stress)
        chosen = check_indices("index", index, len(states), len(self))
        return np.asarray(np.sum((states - self.points[chosen]) ** 2, axis=1))

    @classmethod
    def from_law(
        cls,
        law: UniaxialLaw,
        n_points: int,
        *,
        max_stress: float,
        metric: Metric = "secant",
        spacing: Literal["strain", "stress", "arc"] = "strain",
        noise: float = 0.0,
        seed: int | None = None,
    ) -> MaterialDatabase:
        """Return points of a one-dimensional law between -max_stress and max_stress.

        Parameters
        ----------
        law : object
            With ``strain(stress)`` and ``stress(strain)`` on 1D arrays, such as `RambergOsgood`.
        n_points : int
            At least 2.
        max_stress : float
            In the law's unit, > 0.
        metric : float or "secant"
            As for the class.
        spacing : {"strain", "stress", "arc"}
            What is equal from point to point: the strain, the stress, or the length of the curve in scaled
            coordinates.
        noise : float
            Standard deviation of Gaussian noise on strain and stress, relative to the largest of each.
        seed : int or None
            Of the noise; None draws one, which the data base keeps.

        Raises
        ------
        InvalidArgument
            If an argument is out of range.

        Examples
        --------
        >>> from nonideal.physics import mechanics
        >>> law = mechanics.RambergOsgood(young=200e9, reference_stress=250e6, alpha=0.5, exponent=5)
        >>> database = mechanics.MaterialDatabase.from_law(law, 1000, max_stress=450e6, metric=50e9)
        >>> round(float(database.strain.max()), 5)
        0.01406
        """
        for name in ("strain", "stress"):
            if not callable(getattr(law, name, None)):
                raise InvalidArgument(
                    f"law: {type(law).__name__} has no method {name}(), as a law of one dimension has"
                )
        count = check_integer("n_points", n_points, 2, 31)
        limit = check_positive("max_stress", max_stress)
        check_choice("spacing", spacing, ("strain", "stress", "arc"))
        noise = check_non_negative("noise", noise)
        drawn = resolve_seed(seed) if noise or seed is not None else None
        stress = np.linspace(-limit, limit, count)
        if spacing == "arc":
            fine = np.linspace(-limit, limit, _ARC_STEPS * count + 1)
            curve = cls(law.strain(fine), fine, metric)
            length = np.linalg.norm(np.diff(curve.points, axis=0), axis=1).cumsum()
            stress = np.interp(np.linspace(0.0, length[-1], count), np.append(0.0, length), fine)
            metric = curve.metric
        if spacing == "strain":
            ends = np.asarray(law.strain(np.array([-limit, limit])))
            strain = np.linspace(ends[0], ends[1], count)
            stress = np.asarray(law.stress(strain))
        else:
            strain = np.asarray(law.strain(stress))
        if noise:
            generator = np.random.Generator(np.random.Philox(key=drawn))
            errors = noise * generator.standard_normal((2, count))
            strain = strain + errors[0] * np.abs(strain).max()
            stress = stress + errors[1] * np.abs(stress).max()
        database = cls(strain, stress, metric)
        object.__setattr__(database, "seed", drawn if noise else None)
        return database

    def save(self, path: str | Path) -> None:
        """Write strain, stress and metric into a compressed ``.npz`` file; `load` reads it.

        A file that is there is replaced when the new one is complete. The seed is not stored.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from nonideal.physics import mechanics
        >>> database = mechanics.MaterialDatabase([0.0, 1.0], [0.0, 2.0], metric=2.0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     database.save(Path(folder) / "steel.npz")
        ...     again = mechanics.MaterialDatabase.load(Path(folder) / "steel.npz")
        >>> again.fingerprint == database.fingerprint
        True
        """
        with replacing(path) as place, place.open("wb") as file:
            np.savez_compressed(file, strain=self.strain, stress=self.stress, metric=self.metric)

    @classmethod
    def load(cls, path: str | Path) -> MaterialDatabase:
        """Return the data base that `save` wrote; nothing in the file is executed.

        Raises
        ------
        InvalidArgument
            If the file cannot be read or is not such a data base; the text names it.
        """
        try:
            with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as stored:
                arrays = [stored[name] for name in ("strain", "stress", "metric")]
        except OSError as error:
            raise InvalidArgument(f"{path} cannot be read ({error.strerror or error})") from None
        except (KeyError, ValueError, EOFError, AttributeError, TypeError, *_DAMAGED):
            raise InvalidArgument(f"{path} is not a data base that MaterialDatabase.save wrote") from None
        return cls(*arrays)

    @classmethod
    def from_csv(
        cls,
        path: str | Path,
        units: tuple[str, str] = ("1", "Pa"),
        *,
        stress_unit: str = "Pa",
        metric: Metric = "secant",
    ) -> MaterialDatabase:
        r"""Return the data base in a text file of comma-separated numbers below one line of names.

        Parameters
        ----------
        path : path
            With the columns ``strain, stress``; or ``e11, e22, e12, s11, s22, s12``; or in space e11, e22,
            e33, e23, e13, e12 and the same with s, in any order. They are components of tensors; a shear
            column named ``g12`` instead of ``e12`` holds the engineering strain, twice that. Further columns
            are ignored.
        units : (str, str)
            Of strain and stress in the file: one of 1, %, permille, microstrain, and one of Pa, kPa, MPa,
            N/mm2, GPa, psi, ksi.
        stress_unit : str
            Of the stress in the data base.
        metric : array_like, float or "secant"
            As for the class, in ``stress_unit``.

        Raises
        ------
        InvalidArgument
            If the file cannot be read, a column is missing, an entry is not a number or a unit is unknown.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from nonideal.physics import mechanics
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "tests.csv"
        ...     _ = path.write_text("strain,stress\n0.0,0.0\n0.1,200.0\n")
        ...     mechanics.MaterialDatabase.from_csv(path, units=("%", "MPa")).stress.tolist()
        [[0.0], [200000000.0]]
        """
        if not isinstance(units, tuple | list) or len(units) != 2:
            raise InvalidArgument(f"units = {units!r} is not a pair (unit of strain, unit of stress)")
        strain_factor = _STRAIN_UNITS[check_choice("units[0]", units[0], _STRAIN_UNITS)]
        stress_factor = _STRESS_UNITS[check_choice("units[1]", units[1], _STRESS_UNITS)]
        stress_factor /= _STRESS_UNITS[check_choice("stress_unit", stress_unit, _STRESS_UNITS)]
        table = _Table(Path(path))
        dim = 1 if "strain" in table.names else 3 if "e33" in table.names else 2
        strains, stresses = [], []
        for (i, j), root in zip(COMPONENTS[dim], mandel_scale(dim), strict=True):
            digits = f"{i + 1}{j + 1}"
            names = ("strain", "stress") if dim == 1 else (f"e{digits}", f"s{digits}")
            shear, half = f"g{digits}", 1.0
            if i != j and shear in table.names:
                if names[0] in table.names:
                    raise InvalidArgument(f"{path} has both {names[0]} and {shear}: which one holds?")
                names, half = (shear, names[1]), 0.5
            strains.append(table.column(names[0]) * (strain_factor * half * root))
            stresses.append(table.column(names[1]) * (stress_factor * root))
        return cls(np.stack(strains, axis=1), np.stack(stresses, axis=1), metric)


def check_states(strain: ArrayLike, stress: ArrayLike, n_strain: int) -> tuple[FloatArray, FloatArray]:
    """Return strain and stress as two (m, n_strain) arrays."""
    arrays = [_columns(name, value) for name, value in (("strain", strain), ("stress", stress))]
    for name, array in zip(("strain", "stress"), arrays, strict=True):
        if array.shape != (len(arrays[0]), n_strain):
            raise InvalidArgument(f"{name} has shape {array.shape}, not ({len(arrays[0])}, {n_strain})")
    return arrays[0], arrays[1]


def check_indices(name: str, index: Any, count: int, size: int) -> IntArray:
    """Return (count,) whole numbers in [0, size)."""
    array = np.asarray(index)
    if array.shape != (count,) or array.dtype.kind not in "iu":
        raise InvalidArgument(
            f"{name} has shape {array.shape} and dtype {array.dtype}, not ({count},) and int"
        )
    bad = (array < 0) | (array >= size)
    if bad.any():
        first = int(bad.argmax())
        raise InvalidArgument(f"{name}[{first}] = {array[first]} is outside [0, {size})")
    return array.astype(np.int64)


def _columns(name: str, values: ArrayLike) -> FloatArray:
    array = check_finite(name, values)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or array.shape[1] not in (1, 3, 6):
        raise InvalidArgument(f"{name} has shape {np.shape(values)}, not (N,), (N, 1), (N, 3) or (N, 6)")
    return np.ascontiguousarray(array)


def _metric(metric: Metric, strain: FloatArray, stress: FloatArray) -> FloatArray:
    d = strain.shape[1]
    if isinstance(metric, str):
        check_choice("metric", metric, ("secant",))
        return _secant(strain, stress)
    array = check_finite("metric", metric)
    if array.shape == () and d == 1:
        array = array.reshape(1, 1)
    if array.shape != (d, d):
        raise InvalidArgument(f"metric has shape {array.shape}, not ({d}, {d})")
    if np.abs(array - array.T).max() > _ASYMMETRY * np.abs(array).max():
        raise InvalidArgument("metric is not symmetric")
    array = (array + array.T) / 2
    values = linalg.eigvalsh(array)
    if not values[0] > d * np.finfo(float).eps * values[-1]:
        raise InvalidArgument(f"metric is not positive definite: its least eigenvalue is {values[0]:.3g}")
    return array


def _secant(strain: FloatArray, stress: FloatArray) -> FloatArray:
    fitted = linalg.lstsq(strain, stress)[0]
    values, vectors = linalg.eigh((fitted + fitted.T) / 2)
    if not values[-1] > 0.0:
        raise InvalidArgument('metric = "secant": the data have no positive stiffness; give a metric')
    return np.asarray((vectors * np.maximum(values, _FLOOR * values[-1])) @ vectors.T)


class _Table:
    """Comma-separated text below a line of names; only the columns that are asked for need be numbers."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with path.open(newline="", encoding="utf-8-sig") as file:
                rows = [row for row in csv.reader(file) if row and not row[0].lstrip().startswith("#")]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise InvalidArgument(
                f"{path} cannot be read ({getattr(error, 'strerror', None) or error})"
            ) from None
        if len(rows) < 2:
            raise InvalidArgument(f"{path} has no line of numbers below one of names")
        self.names = [name.strip().lower() for name in rows[0]]
        self._rows = rows[1:]
        for number, row in enumerate(self._rows, 1):
            if len(row) != len(self.names):
                raise InvalidArgument(
                    f"{path}: data line {number} has {len(row)} entries for {len(self.names)} names"
                )

    def column(self, name: str) -> FloatArray:
        """Return the numbers below a name."""
        if name not in self.names:
            raise InvalidArgument(
                f"{self._path} has no column {name}; there are {', '.join(self.names)} "
                "(units are an argument, no part of a name)"
            )
        if self.names.count(name) > 1:
            raise InvalidArgument(f"{self._path} has {self.names.count(name)} columns {name}")
        at = self.names.index(name)
        numbers = np.empty(len(self._rows))
        for number, row in enumerate(self._rows):
            try:
                numbers[number] = float(row[at])
            except ValueError:
                raise InvalidArgument(
                    f"{self._path}: data line {number + 1}, {name} = {row[at]!r} is not a number"
                ) from None
        return numbers
