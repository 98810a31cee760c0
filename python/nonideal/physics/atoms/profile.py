"""Where the engine's time goes."""

from __future__ import annotations

from typing import Any, NamedTuple

from nonideal import _core
from nonideal.checks import check_choice, check_integer
from nonideal.errors import InvalidArgument
from nonideal.physics.atoms.potential import _FORCES, Potential
from nonideal.physics.atoms.system import as_system

__all__ = ["KernelTime", "kernel_times"]


class KernelTime(NamedTuple):
    """What a part of an evaluation took, in all its calls.

    Attributes
    ----------
    name : str
        ``"neighbors"`` (the search), a kernel, or ``"rest"``.
    seconds : float
        In all calls.
    calls : int
        How many.
    operations : float
        Additions and multiplications, of products with weights (``"multiply"``) alone; otherwise 0.
    """

    name: str
    seconds: float
    calls: int
    operations: float


def kernel_times(
    potential: Potential, system: Any, *, forces: str | None = None, rounds: int = 5
) -> list[KernelTime]:
    """Return the times of an evaluation's parts on one thread, of the fastest of some rounds.

    Reading a clock around every call of a kernel costs some percent more than `Potential.compute` takes.

    Parameters
    ----------
    potential : Potential
        Whose kernels are timed; its number of threads and its skin play no part.
    system : ase.Atoms, Frame or any other system
        A structure for it.
    forces : str, optional
        As `Potential.compute` takes it.
    rounds : int
        Evaluations; the one with the least sum counts.

    Raises
    ------
    InvalidArgument, NumericalError
        As `Potential.compute`.

    Examples
    --------
    >>> from nonideal.physics import atoms
    >>> potential = atoms.Potential(atoms.LEIGNN(["Cu"], channels=32, layers=2, n_rbf=8, seed=1))
    >>> dimer = atoms.Frame([29, 29], [[0, 0, 0], [0, 0, 2.2]])
    >>> [part.name for part in atoms.kernel_times(potential, dimer, forces="none")][:3]
    ['neighbors', 'multiply', 'activate']
    """
    if not isinstance(potential, Potential):
        raise InvalidArgument(f"potential: {type(potential).__name__} is no Potential")
    kind = potential.forces if forces is None else check_choice("forces", forces, _FORCES)
    checked = as_system(system)
    found = [
        [
            KernelTime(*part)
            for part in _core.atoms.profile(potential._core, checked, forces=_FORCES[kind], virial=False)
        ]
        for _ in range(check_integer("rounds", rounds, 1, 31))
    ]
    return min(found, key=lambda parts: sum(part.seconds for part in parts))
