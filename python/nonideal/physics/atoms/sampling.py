"""Frames with labels: what a potential visits at some temperatures, and its energies, forces and stresses."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from nonideal.checks import check_integer, check_iterable, check_non_negative, check_positive, check_threads
from nonideal.errors import InvalidArgument, MissingExtra
from nonideal.parallel import using_threads
from nonideal.physics.atoms.ase_systems import as_atoms, as_calculator, potential_energy
from nonideal.physics.atoms.dynamics import Integration, Plan, equilibrate, started
from nonideal.physics.atoms.frame import Frame
from nonideal.progress import progress_bar
from nonideal.seeds import derive_seed, resolve_seed

try:
    from ase.calculators.calculator import PropertyNotImplementedError
except ImportError:
    raise MissingExtra("ase", "atoms") from None

__all__ = ["SamplingInterrupted", "sample_frames"]

_FRAMES_PER_STRAIN = 10


class SamplingInterrupted(KeyboardInterrupt):
    """Ctrl-C ended the sampling; ``frames`` holds the finished ones, those of the first temperatures."""

    def __init__(self, message: str, frames: list[Frame]) -> None:
        super().__init__(message)
        self.frames = frames


def sample_frames(
    generator: Any,
    system: Any,
    *,
    temperatures: Sequence[float],
    n_frames: int,
    stride: int = 100,
    timestep: float = 2.0,
    equilibration: float = 2000.0,
    strain: float = 0.0,
    friction: float = 0.01,
    seed: int | None = None,
    num_threads: int | None = None,
    progress: bool = True,
) -> list[Frame]:
    """Return labelled frames from Langevin dynamics, spread over temperatures, in random order.

    Parameters
    ----------
    generator : str or ASE calculator
        A key of `GENERATORS`, or any calculator of energy and forces. Those of LAMMPS run inside it.
    system : ase.Atoms or Frame
        Where every simulation starts.
    temperatures : sequence of float, K
        Each gets its share of the frames, to within one.
    n_frames : int
        In all.
    stride : int
        Steps between frames of one simulation.
    timestep : float, fs
    equilibration : float, fs
        Of every simulation, before its first frame.
    strain : float
        0.02: the cell is stretched alike in all directions by up to 2 % either way, another value for every
        ten frames, spread evenly over that range.
    friction : float, 1/fs
        Of the thermostat.
    seed : int, optional
        In [0, 2^64). Same seed = same frames, with the same versions on the same kind of processor.
    num_threads : int, optional
        For engines with threads of their own (ours, tblite). LAMMPS's and ASE's potentials use one.
    progress : bool
        A bar on a terminal.

    Returns
    -------
    list of Frame
        With energy, forces, and stress where the cell is periodic and the calculator knows it; ``info`` has
        ``generator``, ``temperature``, ``strain``, ``seed``.

    Raises
    ------
    InvalidArgument
        If an argument is out of range.
    UnstableDynamics, NumericalError
        If a simulation fails.
    SamplingInterrupted
        On Ctrl-C; its ``frames`` holds the finished ones. It is a KeyboardInterrupt.
    MissingExtra
        If ASE or the generator's engine is not installed.

    Notes
    -----
    Labels never come from the instance of LAMMPS that moves the atoms: forces there contain the thermostat's.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from nonideal.physics import atoms
    >>> copper = bulk("Cu", cubic=True) * (2, 2, 2)
    >>> frames = atoms.sample_frames("copper-emt", copper, temperatures=[300, 600], n_frames=4,
    ...     stride=5, timestep=4.0, equilibration=40.0, seed=1)
    >>> len(frames), frames[0].forces.shape, sorted(f.info["temperature"] for f in frames)
    (4, (32, 3), [300.0, 300.0, 600.0, 600.0])
    """
    kelvins = [float(check_positive("temperatures", t)) for t in check_iterable("temperatures", temperatures)]
    n_frames = check_integer("n_frames", n_frames, 1, 31)
    if not kelvins or len(kelvins) > n_frames:
        raise InvalidArgument(f"temperatures: {len(kelvins)} are outside [1, n_frames = {n_frames}]")
    if not check_non_negative("strain", strain) < 0.5:
        raise InvalidArgument(f"strain = {strain:g} is outside [0, 0.5)")
    stride = check_integer("stride", stride, 1, 31)
    timestep = check_positive("timestep", timestep)
    threads = check_threads(num_threads) or None
    seed = resolve_seed(seed)
    start = as_atoms(system)
    if strain and not start.pbc.all():
        raise InvalidArgument(f"strain = {strain:g}: the system has directions without a period")
    calculator = as_calculator("generator", generator)
    label = generator if isinstance(generator, str) else type(calculator).__name__
    walk = _walk_of(calculator)
    frames: list[Frame] = []
    walkers = list(_walkers(kelvins, n_frames, strain, seed))
    plans = [
        Plan.checked(w.temperature, stride * timestep, timestep, "langevin", friction, stride, equilibration)
        for w in walkers
    ]
    try:
        with (
            using_threads(threads),
            threadpool_limits(limits=threads, user_api="openmp"),
            progress_bar(f"frames of {label}", n_frames, show=progress) as advance,
        ):
            for walker, plan in zip(walkers, plans, strict=True):
                atoms = start.copy()
                atoms.set_cell(atoms.cell[:] * (1.0 + walker.strain), scale_atoms=True)
                info = {"generator": label, "seed": seed}
                info |= {"temperature": walker.temperature, "strain": walker.strain}
                for labelled in walk(calculator, atoms, plan, walker):
                    frames.append(_frame(labelled, info))
                    advance()
    except KeyboardInterrupt:
        message = f"frames of {label}: stopped after {len(frames)} of {n_frames}"
        raise SamplingInterrupted(message, frames) from None
    order = np.random.Generator(np.random.Philox(key=derive_seed(seed, 0))).permutation(len(frames))
    return [frames[i] for i in order]


@dataclass(frozen=True)
class _Walker:
    """One simulation."""

    temperature: float
    strain: float
    n_frames: int
    seed: int


def _walkers(temperatures: Sequence[float], n_frames: int, strain: float, seed: int) -> Iterator[_Walker]:
    for t, temperature in enumerate(temperatures):
        share = n_frames * (t + 1) // len(temperatures) - n_frames * t // len(temperatures)
        n = -(-share // _FRAMES_PER_STRAIN) if strain else 1
        rng = np.random.Generator(np.random.Philox(key=derive_seed(seed, 1, t)))
        # One in each of n equal parts of the range, so that few cover it.
        strains = strain * (2.0 * (np.arange(n) + rng.random(n)) / n - 1.0)
        for w in range(n):
            part = share * (w + 1) // n - share * w // n
            yield _Walker(temperature, float(strains[w]), part, derive_seed(seed, 2, t, w))


_Walk = Callable[[Any, Any, Plan, _Walker], Iterator[Any]]


def _walk_of(calculator: Any) -> _Walk:
    """Return how this calculator's simulations are run: yields atoms whose calculator holds their labels."""
    from nonideal.physics.atoms.lammps.calculator import LammpsCalculator

    return _walk_in_lammps if isinstance(calculator, LammpsCalculator) else _walk_in_ase


def _walk_in_ase(calculator: Any, start: Any, plan: Plan, walker: _Walker) -> Iterator[Any]:
    atoms = started(start, calculator, temperature=plan.temperature, seed=walker.seed)
    equilibrate(atoms, plan, seed=walker.seed, progress=False)
    integration = Integration(atoms, plan, "langevin", derive_seed(walker.seed, 2))
    for _ in range(walker.n_frames):
        integration.advance(plan.n_steps)
        yield atoms


def _walk_in_lammps(calculator: Any, start: Any, plan: Plan, walker: _Walker) -> Iterator[Any]:
    from nonideal.physics.atoms.lammps.dynamics import HIGHEST_SEED, LammpsLangevin

    atoms = started(start, calculator, temperature=plan.temperature, seed=walker.seed)
    if not atoms.pbc.all():
        yield from _walk_in_ase(calculator, start, plan, walker)
        return
    dynamics = LammpsLangevin(
        calculator,
        atoms,
        temperature=plan.temperature,
        timestep=plan.timestep,
        friction=plan.friction,
        seed=1 + derive_seed(walker.seed, 3) % HIGHEST_SEED,
    )
    try:
        dynamics.run(plan.n_equilibration)
        for _ in range(walker.n_frames):
            dynamics.run(plan.n_steps)
            atoms.positions = dynamics.positions()
            yield atoms
    finally:
        dynamics.close()


def _frame(atoms: Any, info: dict[str, Any]) -> Frame:
    stress = None
    if atoms.pbc.all():
        try:
            stress = atoms.get_stress(voigt=False, apply_constraint=False)
        except PropertyNotImplementedError:
            stress = None
    return Frame(
        numbers=copy.copy(atoms.numbers),
        positions=atoms.get_positions(),
        cell=np.array(atoms.cell[:]),
        pbc=np.array(atoms.pbc),
        energy=potential_energy(atoms),
        forces=atoms.get_forces(apply_constraint=False),
        stress=stress,
        info=info,
    )
