"""The engine: a model file's energies and forces at a simulator's speed, without torch."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias, overload

from nonideal import _core
from nonideal.checks import (
    FloatArray,
    check_boolean,
    check_choice,
    check_integer,
    check_non_negative,
    check_threads,
)
from nonideal.errors import InvalidArgument
from nonideal.physics.atoms.prediction import Prediction
from nonideal.physics.atoms.system import System, as_system, is_system, named_systems

__all__ = ["Potential"]

_FORCES = {"none": 0, "direct": 1, "gradient": 2}  # as C++ counts them
_PRECISIONS = ("float32", "float64")
_RADIAL = ("table", "exact")
_MOST_KNOTS = 20  # power of two
_Found: TypeAlias = tuple[float, FloatArray, FloatArray | None, FloatArray | None, FloatArray | None]


class Potential:
    """A LEIGNN, evaluated in C++.

    The same bits for every number of threads. Instances may be shared among threads. A pickled one carries
    its model (the file's bytes, not its path) and gives the same bits wherever it is opened; copies share the
    model, and have neighbour lists of their own.

    Parameters
    ----------
    model : path, bytes or LEIGNN
        A ``.leignn`` file, its content, or anything with ``save(path)`` that writes one.
    precision : str
        ``"float32"`` or ``"float64"``, of the network's features; positions, and sums of energies, are in
        float64 always.
    radial : str
        ``"table"``: the radial filter as splines of the distance (in float64 only with ``knots``, otherwise
        as ``"exact"``); ``"exact"``: evaluated for every pair.
    knots : int, optional
        Intervals of the splines, of fifth order. None: 4 max(n_rbf - 1, p + 4) with the envelope's exponent
        p, whose error is below 2e-7 of the filter's largest value and 4e-6 of its largest slope: forces are
        off by some 1e-6 of the largest, by the rounding of float32 alone by some 1e-7.
    skin : float
        angstrom; above 0 the neighbour list reaches so much further, and is kept until an atom has moved by
        half of it. For consecutive steps of one trajectory; several structures at once do without.
    num_threads : int, optional
        None: `nonideal.num_threads`.

    Attributes
    ----------
    cutoff : float
        angstrom.
    species : tuple of int
        Atomic numbers that the model knows.
    variant : str
        ``"v1"``, ``"vn"``, ``"vanilla"`` or ``"vanilla-nmu"``.
    channels, layers : int
        Its size.
    forces : str
        The model's own default of `compute`.
    max_neighbors : int or None
        Nearest neighbours that it keeps.
    metadata : dict
        What the file says of its origin.

    Raises
    ------
    InvalidArgument
        If an argument is out of range, or the file cannot be read or is damaged.

    Examples
    --------
    >>> from nonideal.physics import atoms
    >>> model = atoms.LEIGNN(["Cu"], channels=32, layers=2, n_rbf=8, seed=1)
    >>> potential = atoms.Potential(model)
    >>> dimer = atoms.Frame([29, 29], [[0, 0, 0], [0, 0, 2.2]])
    >>> prediction = potential.compute(dimer)
    >>> prediction.forces.shape, bool(abs(prediction.forces.sum()) < 1e-6)
    ((2, 3), True)
    """

    def __init__(
        self,
        model: Any,
        *,
        precision: str = "float32",
        radial: str = "table",
        knots: int | None = None,
        skin: float = 0.0,
        num_threads: int | None = None,
    ) -> None:
        twice = check_choice("precision", precision, _PRECISIONS) == "float64"
        table = check_choice("radial", radial, _RADIAL) == "table"
        if knots is not None and not table:
            raise InvalidArgument(f"knots = {knots} without a table: radial = 'exact'")
        count = 0 if knots is None else check_integer("knots", knots, 1, _MOST_KNOTS)
        threads = check_threads(num_threads)
        self._options = {"precision": precision, "radial": radial, "knots": knots, "num_threads": num_threads}
        self._content, name = _content_of(model)
        self._core = _core.atoms.Potential(
            self._content, name, float64=twice, tabulate=table, knots=count, num_threads=threads
        )
        header = json.loads(self._core.header)
        arguments = header["model"]
        self.cutoff: float = float(arguments["cutoff"])
        self.species: tuple[int, ...] = tuple(header["species"])
        self.variant: str = arguments["variant"]
        self.channels: int = arguments["channels"]
        self.layers: int = arguments["layers"]
        self.forces: str = arguments["forces"]
        self.metadata: dict[str, Any] = header["metadata"]
        self.max_neighbors: int | None = arguments["max_neighbors"]
        self.num_threads = num_threads
        self._use_skin(skin)

    def _use_skin(self, skin: float) -> None:
        self.skin = check_non_negative("skin", skin)
        self._list: _core.atoms.SkinList | None = None
        if self.skin > 0.0:
            if self.max_neighbors is not None:
                raise InvalidArgument(
                    f"skin = {skin}: the model keeps the {self.max_neighbors} nearest neighbours, which "
                    "change before the list does; use skin = 0"
                )
            self._list = _core.atoms.SkinList(self.cutoff, self.skin, check_threads(self.num_threads))

    def with_skin(self, skin: float) -> Potential:
        """Return this potential with a neighbour list of its own; weights are shared.

        Examples
        --------
        >>> from nonideal.physics import atoms
        >>> model = atoms.LEIGNN(["Cu"], channels=32, layers=2, n_rbf=8, seed=1)
        >>> atoms.Potential(model).with_skin(0.5).skin
        0.5
        """
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other._use_skin(skin)
        return other

    def __copy__(self) -> Potential:
        return self.with_skin(self.skin)

    def __deepcopy__(self, memo: Any) -> Potential:
        return self.with_skin(self.skin)  # nothing in the model ever changes

    def __reduce__(self) -> Any:
        return _restored, (type(self), self._content, self._options, self.skin)

    def __repr__(self) -> str:
        return (
            f"Potential(variant={self.variant!r}, channels={self.channels}, layers={self.layers}, "
            f"cutoff={self.cutoff}, species={self.species})"
        )

    @overload
    def compute(
        self,
        system: Sequence[Any],
        *,
        forces: str | None = ...,
        stress: bool = ...,
        remove_net_force: bool = ...,
        virials: bool = ...,
    ) -> list[Prediction]: ...
    @overload
    def compute(
        self,
        system: Any,
        *,
        forces: str | None = ...,
        stress: bool = ...,
        remove_net_force: bool = ...,
        virials: bool = ...,
    ) -> Prediction: ...
    def compute(
        self,
        system: Any,
        *,
        forces: str | None = None,
        stress: bool = False,
        remove_net_force: bool = False,
        virials: bool = False,
    ) -> Prediction | list[Prediction]:
        """Return energy, forces and stress of one structure, or of each of several.

        Several are evaluated side by side on all threads; each is the same bits as alone.

        Parameters
        ----------
        system : ase.Atoms, Frame or any other system, or sequence of them
            Atoms may lie outside the cell.
        forces : str, optional
            ``"gradient"`` (-dE/dr), ``"direct"`` (the model's force head) or ``"none"``. None: the model's
            own default.
        stress : bool
            Whether to compute it, by the gradient of the energy whichever forces are asked for.
        remove_net_force : bool
            Whether to take the mean force off every atom; direct forces have one.
        virials : bool
            Whether to compute those of the atoms, by the gradient too.

        Returns
        -------
        Prediction or list of Prediction
            One for one structure, a list for a sequence.

        Raises
        ------
        InvalidArgument
            If an atom is none of the model's species, two atoms are within 0.01 angstrom, the geometry is no
            system, or stress is asked for without a cell. Of several, the first that is refused is named:
            ``systems[3]: ...``.
        NumericalError
            If the network's numbers exceed its precision.

        Examples
        --------
        >>> from nonideal.physics import atoms
        >>> model = atoms.LEIGNN(["Cu"], channels=32, layers=2, n_rbf=8, seed=1)
        >>> dimers = [atoms.Frame([29, 29], [[0, 0, 0], [0, 0, d]]) for d in (2.2, 2.3, 2.4)]
        >>> [p.forces.shape for p in atoms.Potential(model).compute(dimers)]
        [(2, 3), (2, 3), (2, 3)]
        """
        kind = self.forces if forces is None else check_choice("forces", forces, _FORCES)
        check_boolean("stress", stress)
        check_boolean("remove_net_force", remove_net_force)
        check_boolean("virials", virials)
        code = _FORCES[kind]

        def prediction(found: _Found, volume: float) -> Prediction:
            energy, energies, force, virial, shares = found
            if remove_net_force and force is not None and len(force):
                force -= force.mean(axis=0)
            tension = None if virial is None else (virial + virial.T) / (-2.0 * volume)
            return Prediction(energy, energies, force, tension, kind, shares)

        if is_system(system) or not isinstance(system, Iterable):
            one = as_system(system)
            volume = _volume("the system", one) if stress else 0.0
            if self._list is None:
                found = self._core.compute(one, forces=code, virial=stress, virials=virials)
            else:
                found = self._list.compute(self._core, one, forces=code, virial=stress, virials=virials)
            return prediction(found, volume)
        several = [as_system(each, name) for name, each in named_systems(system)]
        volumes = [_volume(f"systems[{i}]", each) if stress else 0.0 for i, each in enumerate(several)]
        results = self._core.compute_batch(several, forces=code, virial=stress, virials=virials)
        return list(map(prediction, results, volumes))


def _volume(name: str, system: System) -> float:
    (ax, ay, az), (bx, by, bz), (cx, cy, cz) = system.cell.tolist()
    volume = abs(ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx))
    if not volume > 0.0:
        raise InvalidArgument(f"stress = True: {name} has no cell")
    return float(volume)


def _restored(kind: type[Potential], content: bytes, options: dict[str, Any], skin: float) -> Potential:
    """Return what was pickled."""
    return kind(content, **options, skin=skin)


def _content_of(model: Any) -> tuple[bytes, str]:
    """Return a model file's content, read once, and what to call it."""
    if isinstance(model, bytes):
        return model, "model"
    if isinstance(model, str | Path):
        path, name = Path(model), str(model)
        try:
            _core.expect_memory(name, 4.0 * path.stat().st_size)
            return path.read_bytes(), name
        except InvalidArgument:
            raise
        except (OSError, ValueError):
            raise InvalidArgument(f"{name}: cannot be read") from None
    save = getattr(model, "save", None)
    if not callable(save):
        raise InvalidArgument(
            f"model: {type(model).__name__} is neither a path, nor bytes, nor a model with save(path)"
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.leignn"
        save(path)
        return path.read_bytes(), "model"
