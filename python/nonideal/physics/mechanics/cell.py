"""The representative cell of a fibre composite: macro strain in, macro stress out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nonideal.checks import FloatArray, check_finite, check_integer, check_number
from nonideal.errors import InvalidArgument
from nonideal.parallel import Runner
from nonideal.physics.mechanics.database import MaterialDatabase, Metric
from nonideal.physics.mechanics.laws import DeformationPlasticity, Law, LinearElastic
from nonideal.physics.mechanics.o_grid import OGrid
from nonideal.physics.mechanics.periodic import PeriodicSystem, State
from nonideal.physics.mechanics.strain_grid import StrainGrid
from nonideal.physics.mechanics.structure import Structure

__all__ = ["CellSolution", "UnitCell", "homogenize_shard"]

_CHUNK = 15  # solves of one shard: a fraction of a second, so that little is lost when a run is killed

#: Laws that are named by their parameters, odd in the strain and isotropic.
_LAWS: Mapping[str, type] = {law.__name__: law for law in (DeformationPlasticity, LinearElastic)}


@dataclass(frozen=True)
class CellSolution:
    """What the cell does under a macro strain.

    Parameters
    ----------
    stress : (3,) float64
        Macro stress, the volume average, Mandel; in the laws' unit.
    strain_field, stress_field : (n_points, 3) float64
        At the integration points of ``UnitCell.structure``.
    n_iterations : int
        Steps of Newton's method.
    """

    stress: FloatArray
    strain_field: FloatArray
    stress_field: FloatArray
    n_iterations: int


@dataclass(frozen=True)
class UnitCell:
    """A unit square with one centred round fibre, plane strain, perfect bond, periodic.

    The defaults are our reference problem [inferred]: a glass fibre in a polymer that hardens.

    Parameters
    ----------
    volume_fraction : float
        Of the fibre, in (0, pi/4).
    matrix, fibre : Law
        Plane-strain laws, strain (m, 3) -> stress (m, 3), tangent (m, 3, 3); all in one unit of stress.
    n_arc, n_radial : int
        Elements along a quarter of the circle, and from the middle block to it and from it to the sides.

    Attributes
    ----------
    structure : Structure
        Mesh (nine-node quadrilaterals) and integration points.
    phase : (n_points,) int64 ndarray
        1 at integration points in the fibre, else 0.

    Raises
    ------
    InvalidArgument
        If an argument is out of range, or the fibre does not fit.
    MissingExtra
        When it is first used, if scikit-fem is not installed.

    Examples
    --------
    >>> from nonideal.physics import mechanics
    >>> cell = mechanics.UnitCell(n_arc=4, n_radial=2)
    >>> cell.stiffness().round(1) + 0.0
    array([[12085.7,  4898.2,     0. ],
           [ 4898.2, 12085.7,     0. ],
           [    0. ,     0. ,  5180.6]])
    >>> cell.homogenize([0.006, -0.004, 0.005]).stress.round(2)
    array([40.81, -9.54, 18.52])
    """

    volume_fraction: float = 0.4
    matrix: Law = field(
        default=DeformationPlasticity(
            young=4000.0, poisson=0.35, reference_stress=40.0, alpha=0.5, exponent=4.0
        ),
        kw_only=True,
    )
    fibre: Law = field(default=LinearElastic(young=80_000.0, poisson=0.2), kw_only=True)
    n_arc: int = field(default=6, kw_only=True)
    n_radial: int = field(default=3, kw_only=True)

    def __post_init__(self) -> None:
        fraction = check_number("volume_fraction", self.volume_fraction)
        if not 0.0 < fraction < math.pi / 4:
            raise InvalidArgument(f"volume_fraction = {self.volume_fraction} is outside (0, pi/4)")
        object.__setattr__(self, "volume_fraction", fraction)
        for name in ("n_arc", "n_radial"):
            object.__setattr__(self, name, check_integer(name, getattr(self, name), 1, 15))
        for name in ("matrix", "fibre"):
            law = getattr(self, name)
            if not callable(law):
                raise InvalidArgument(f"{name} = {law!r} is not callable")
        _ = self._mesh  # refuses a fibre that does not fit

    @cached_property
    def _mesh(self) -> OGrid:
        return OGrid.build(self.volume_fraction, self.n_arc, self.n_radial)

    @cached_property
    def structure(self) -> Structure:
        """Mesh and integration points."""
        return Structure.from_skfem(self._mesh.basis())

    @cached_property
    def phase(self) -> NDArray[np.int64]:
        """1 at integration points in the fibre, 0 in the matrix."""
        per_element = self.structure.n_points // len(self._mesh.elements)
        return np.repeat(self._mesh.in_fibre.astype(np.int64), per_element)

    @cached_property
    def _system(self) -> PeriodicSystem:
        return PeriodicSystem(self.structure)

    @cached_property
    def _linear(self) -> tuple[FloatArray, FloatArray]:
        """Macro tangent (3, 3) and fluctuations (n, 3) at zero strain."""
        return self._system.stiffness(self._material(np.zeros((self.structure.n_points, 3)))[1])

    def stiffness(self) -> FloatArray:
        """Return the macro tangent (3, 3) at zero strain, Mandel, in the laws' unit of stress."""
        return self._linear[0].copy()

    def homogenize(self, strain: ArrayLike) -> CellSolution:
        """Return macro stress and fields under a macro strain (3,), (E11, E22, sqrt2 E12).

        Raises
        ------
        InvalidArgument
            If the strain has another shape or is not finite.
        ConvergenceError
            If Newton's method finds no equilibrium; the text names the strain, the history holds residuals.
        """
        macro = check_finite("strain", strain)
        if macro.shape != (3,):
            raise InvalidArgument(f"strain has shape {macro.shape}, not (3,)")
        state = self._solve(macro)
        return CellSolution(self._system.mean(state.stress), state.strain, state.stress, state.n_iterations)

    def database(
        self,
        half_widths: Sequence[float],
        n_axis: int,
        *,
        grading: float = 1.5,
        metric: Metric = "secant",
        n_workers: int | None = None,
        cache: str | Path | None = None,
        progress: bool | None = None,
        runner: Runner | None = None,
    ) -> MaterialDatabase:
        """Return macro stresses on a tensor grid of macro strains, graded towards zero.

        About a quarter of the points is solved; the others follow, since the laws are odd and the cell is its
        own mirror image. (With laws of your own, which may be neither, all points are solved.)

        Parameters
        ----------
        half_widths : three floats
            Largest E11, E22 and sqrt2 E12, each > 0.
        n_axis : int
            Points per axis, odd (so that zero is one of them), >= 3.
        grading : float
            Points lie at half_width * sign(t) |t|^grading, t equally spaced; > 0.
        metric : (3, 3) array_like or "secant"
            As for `MaterialDatabase`.
        n_workers : int, optional
            Local processes; None: this one. The numbers are the same.
        cache : path, optional
            Folder of finished parts (``.npz``), each named by a hash of all that it depends on, so that a
            run that was killed goes on; needs laws of this package.
        progress : bool, optional
            False hides the progress bar, which shows on a terminal.
        runner : Runner, optional
            Where the shards run, instead of the three above.

        Raises
        ------
        InvalidArgument
            If an argument is out of range.
        ConvergenceError
            If a point finds no equilibrium.

        Examples
        --------
        >>> from nonideal.physics import mechanics
        >>> cell = mechanics.UnitCell(n_arc=2, n_radial=1)
        >>> database = cell.database((0.005, 0.008, 0.007), n_axis=3)
        >>> len(database), bool((database.stress[13] == 0).all())
        (27, True)
        """
        grid = StrainGrid.graded(half_widths, n_axis, grading)
        points = grid.points
        laws = self._named_laws()
        where: dict[str, Any] = {"n_workers": n_workers, "cache": cache, "progress": progress}
        for name, value in where.items():
            if runner is not None and value is not None:
                raise InvalidArgument(f"{name} = {value!r} and runner: give one of them")
        if laws is None:
            for name in ("n_workers", "cache", "runner"):
                if (where | {"runner": runner})[name] is not None:
                    raise InvalidArgument(f"{name}: only for laws of this package, which have names")
            stress = np.stack([self.homogenize(strain).stress for strain in points])
            return MaterialDatabase(points, stress, metric)
        chosen = points[grid.representatives()]
        shards = [
            {**laws, "strains": chosen[start : start + _CHUNK].tolist()}
            for start in range(0, len(chosen), _CHUNK)
        ]
        if runner is not None:
            parts = runner.map(homogenize_shard, shards, label="macro strains")
        else:
            with Runner(
                out=cache,
                identity={"package": "mechanics"},
                workers=n_workers,
                progress=progress is not False,
            ) as own:
                parts = own.map(homogenize_shard, shards, label="macro strains")
        stress = np.concatenate([part["stress"] for part in parts])
        return MaterialDatabase(points, grid.expand(stress), metric)

    def _solve(self, macro: FloatArray) -> State:
        return self._system.solve(self._material, macro, self._linear[1] @ macro)

    def _material(self, strain: FloatArray) -> tuple[FloatArray, FloatArray]:
        stress, tangent = np.empty_like(strain), np.empty((len(strain), 3, 3))
        for name, here in self._phases:
            found = getattr(self, name)(strain[here])
            for what, array, target in zip(("stress", "tangent"), found, (stress, tangent), strict=True):
                wanted = (len(here), *target.shape[1:])
                if np.shape(array) != wanted:
                    raise InvalidArgument(
                        f"{name} returned a {what} of shape {np.shape(array)}, not {wanted}"
                    )
                target[here] = array
        return stress, tangent

    @cached_property
    def _phases(self) -> tuple[tuple[str, NDArray[np.int64]], ...]:
        return ("matrix", np.flatnonzero(self.phase == 0)), ("fibre", np.flatnonzero(self.phase == 1))

    def _named_laws(self) -> dict[str, Any] | None:
        """Return the cell as a shard, None if a law cannot be named by its parameters."""
        shard: dict[str, Any] = {"volume_fraction": self.volume_fraction}
        shard |= {"n_arc": self.n_arc, "n_radial": self.n_radial}
        for name in ("matrix", "fibre"):
            law = getattr(self, name)
            kind = type(law).__name__
            if _LAWS.get(kind) is not type(law):
                return None
            shard[name] = {"law": kind, **asdict(cast(Any, law))}
        return shard


def homogenize_shard(shard: Mapping[str, Any]) -> dict[str, FloatArray]:
    """Return the macro stresses (k, 3) of a cell under k macro strains: a part of a data base.

    Parameters
    ----------
    shard : mapping
        Volume fraction, numbers of elements, both laws by name and parameters, and ``strains`` (k, 3).
    """
    laws: dict[str, Callable[..., Any]] = {
        name: _LAWS[shard[name]["law"]](**{k: v for k, v in shard[name].items() if k != "law"})
        for name in ("matrix", "fibre")
    }
    cell = UnitCell(shard["volume_fraction"], n_arc=shard["n_arc"], n_radial=shard["n_radial"], **laws)
    return {"stress": np.stack([cell.homogenize(strain).stress for strain in shard["strains"]])}
