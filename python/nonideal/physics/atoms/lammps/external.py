"""A potential inside a live LAMMPS, without a plugin: ``fix external``."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from nonideal.checks import check_boolean, check_choice
from nonideal.errors import InvalidArgument
from nonideal.physics.atoms.elements import resolve_species
from nonideal.physics.atoms.frame import Frame
from nonideal.physics.atoms.lammps.box import COMPONENTS
from nonideal.physics.atoms.potential import Potential

__all__ = ["attach"]

#: What runs commands, and with them the callback.
_COMMANDS = ("command", "commands_list", "commands_string", "file")


def attach(
    lmp: Any,
    potential: Potential,
    species: Iterable[str | int],
    *,
    fix_id: str = "nonideal",
    forces: str = "gradient",
    virial: bool | None = None,
) -> None:
    """Run a potential inside a live LAMMPS by ``fix external pf/callback``.

    Energy and, unless it is left out, virial are added to LAMMPS's own; a pair style is needed besides
    (``pair_style zero 5.0``). Stop it with ``unfix``.

    Parameters
    ----------
    lmp : lammps.lammps
        With a box, in units metal, on one process (for several there is the pair style, `build_plugin`).
    potential : Potential
    species : iterable of str or int
        Chemical symbol or atomic number of each atom type, in order.
    fix_id : str
        The name of the fix.
    forces : str
        ``"gradient"`` or ``"direct"``.
    virial : bool, optional
        Whether pressures hold the potential's part. LAMMPS does not tell a callback which steps need it, so
        it is found in every step: at next to no cost with gradient forces, of which it is a by-product; with
        direct ones at that of the gradient which they are to spare. None: with gradient forces alone. Without
        it LAMMPS's pressure is that of the other forces and the motion, and a run with a barostat is refused.

    Raises
    ------
    InvalidArgument
        If the instance's units, processes or atom types are others, or the potential does not know a species;
        from the call that runs it, if the virial is left out and a fix changes the box by the pressure.

    Notes
    -----
    Barostats (``fix npt``, ``nph``, ``press/berendsen``, ``box/relax`` and the like) are known by the compute
    that LAMMPS makes for them, named after the fix with ``_press`` behind it: one that was given another by
    ``fix_modify press`` is not seen. ``fix deform`` needs no pressure.

    Direct forces have no virial of their own: no energy belongs to them. The one given with them is the
    energy's derivative by strain, which the pressure under these forces need not agree with.

    Where the potential refuses a step, the run ends with it, and the call that ran it (``lmp.command`` and
    its like) raises what the potential raised; later runs go on without a time limit (``timer timeout``).

    Examples
    --------
    >>> import lammps  # doctest: +SKIP
    >>> lmp = lammps.lammps()  # doctest: +SKIP
    >>> attach(lmp, atoms.Potential("cu.leignn"), ["Cu"])  # doctest: +SKIP
    """
    kind = check_choice("forces", forces, ("gradient", "direct"))
    strained = kind == "gradient" if virial is None else check_boolean("virial", virial)
    if not isinstance(potential, Potential):
        raise InvalidArgument(f"potential: {type(potential).__name__} is no Potential")
    numbers = _numbers_of_types(lmp, potential, species)
    problems: list[BaseException] = []

    def callback(caller: Any, step: int, n_local: int, tag: Any, x: Any, f: Any) -> None:
        try:
            if not strained:
                _refuse_barostats(lmp)
            prediction = potential.compute(_system(lmp, numbers, x), forces=kind, stress=strained)
        except BaseException as problem:  # ctypes would swallow it, Ctrl-C included
            problems.append(problem)
            f[:] = 0.0
            lmp.force_timeout()
            return
        assert prediction.forces is not None
        f[:] = prediction.forces
        lmp.fix_external_set_energy_global(fix_id, prediction.energy)
        if prediction.stress is not None:
            total = -prediction.stress * lmp.get_thermo("vol")
            lmp.fix_external_set_virial_global(fix_id, total[COMPONENTS].tolist())

    lmp.command(f"fix {fix_id} all external pf/callback 1 1")
    lmp.command(f"fix_modify {fix_id} energy yes virial {'yes' if strained else 'no'}")
    lmp.set_fix_external_callback(fix_id, callback, lmp)
    unlimited = functools.partial(lmp.command, "timer timeout off")
    for name in _COMMANDS:
        setattr(lmp, name, _raising(getattr(lmp, name), problems, unlimited))


def _refuse_barostats(lmp: Any) -> None:
    """Refuse fixes that change the box by a pressure which lacks the potential.

    Asked in each step, the one that sets up a run first: a fix may be defined after the potential's.
    """
    *_, box_changes = lmp.extract_box()
    if not box_changes:
        return
    computes = set(lmp.available_ids("compute"))
    for fix in lmp.available_ids("fix"):
        if f"{fix}_press" in computes:
            raise InvalidArgument(
                f"virial: fix {fix} changes the box by the pressure, in which the potential's part is left "
                "out; attach with virial=True"
            )


def _raising(
    call: Callable[..., Any], problems: list[BaseException], unlimited: Callable[[], Any]
) -> Callable[..., Any]:
    """Return the call, followed by the first problem that came up in it."""

    @functools.wraps(call)
    def checked(*arguments: Any) -> Any:
        problems.clear()
        try:
            return call(*arguments)
        finally:
            if problems:
                unlimited()  # the forced time-out would end every later run before its first step
                raise problems[0]

    return checked


def _numbers_of_types(lmp: Any, potential: Potential, species: Iterable[str | int]) -> Any:
    numbers = list(map(_resolved, species))
    units, ranks = lmp.extract_global("units"), lmp.extract_setting("world_size")
    if units != "metal":
        raise InvalidArgument(f"lmp: units {units}, not metal")
    if ranks != 1:
        raise InvalidArgument(f"lmp: {ranks} processes, not 1")
    if not lmp.extract_setting("box_exist"):
        raise InvalidArgument("lmp: there is no box")
    types = lmp.extract_setting("ntypes")
    if len(numbers) != types:
        raise InvalidArgument(f"species has {len(numbers)} entries for {types} atom types")
    for k, number in enumerate(numbers):
        if number not in potential.species:
            raise InvalidArgument(f"species[{k}]: the potential does not know atomic number {number}")
    return np.array([0, *numbers])


def _resolved(species: str | int) -> int:
    """Return one atomic number; several types may be of one element."""
    return resolve_species([species])[0]


def _system(lmp: Any, numbers: Any, x: Any) -> Frame:
    low, high, xy, yz, xz, periodic, _ = lmp.extract_box()
    lx, ly, lz = np.subtract(high, low)
    types = lmp.numpy.extract_atom("type", nelem=len(x))
    cell = [[lx, 0.0, 0.0], [xy, ly, 0.0], [xz, yz, lz]]
    return Frame(numbers[types[: len(x)]], np.array(x), cell, [bool(p) for p in periodic])
