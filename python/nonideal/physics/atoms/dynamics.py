"""Molecular dynamics with any ASE calculator, through ASE's integrators."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nonideal.checks import check_choice, check_integer, check_non_negative, check_positive
from nonideal.errors import InvalidArgument, MissingExtra, NumericalError
from nonideal.physics.atoms.ase_systems import as_atoms, as_calculator, potential_energy
from nonideal.physics.atoms.trajectory import ENSEMBLES, Trajectory
from nonideal.progress import progress_bar
from nonideal.seeds import derive_seed, resolve_seed

try:
    from ase import units
    from ase.constraints import FixCom
    from ase.md.langevin import Langevin
    from ase.md.nose_hoover_chain import NoseHooverChainNVT
    from ase.md.verlet import VelocityVerlet
except ImportError:
    raise MissingExtra("ase", "atoms") from None

__all__ = ["DynamicsInterrupted", "UnstableDynamics", "run_md"]

#: K. A simulation that leaves this range has failed (protocol of the source, arXiv 2311.02869).
TEMPERATURES = (0.1, 1e5)
_COLD_STEPS = 20  # so many below the range in a row: a vibration passes through rest, too


class UnstableDynamics(NumericalError):
    """A simulation left the range of temperatures in which it means something.

    Parameters
    ----------
    message : str
        When, and at what temperature.
    trajectory : Trajectory or None
        What was saved before; None where nothing was.
    """

    def __init__(self, message: str, trajectory: Trajectory | None = None) -> None:
        super().__init__(message)
        self.trajectory = trajectory


class DynamicsInterrupted(KeyboardInterrupt):
    """Ctrl-C ended a simulation; ``trajectory`` holds what was saved before (None: nothing)."""

    def __init__(self, message: str, trajectory: Trajectory | None = None) -> None:
        super().__init__(message)
        self.trajectory = trajectory


def run_md(
    system: Any,
    calculator: Any,
    *,
    temperature: float,
    time: float,
    timestep: float,
    ensemble: str = "nve",
    friction: float = 0.01,
    save_every: int = 10,
    equilibration: float = 0.0,
    seed: int | None = None,
    progress: bool = True,
) -> Trajectory:
    """Simulate atoms that start with velocities of a temperature and their centre of mass at rest.

    Parameters
    ----------
    system : ase.Atoms or Frame
        At least two atoms; it is not changed.
    calculator : ASE calculator or str
        Of energy and forces; a name stands for `ground_truth` of it.
    temperature : float, K
        Of the velocities drawn, of the thermostat, and of the equilibration.
    time : float, fs
        Rounded to whole steps.
    timestep : float, fs
    ensemble : {"nve", "langevin", "nose-hoover"}
        Constant energy (velocity Verlet), Langevin's thermostat, or a chain of three Nose-Hoover thermostats.
    friction : float, 1/fs
        Of Langevin's thermostat, in the equilibration too; 1/friction is the chain's time. 0.01 hardly
        touches the dynamics; the paper's runs of water had 0.79 (`friction=8` in ASE's own unit), where
        diffusion is the thermostat's.
    save_every : int
        Steps between saved ones; the start is saved, too.
    equilibration : float, fs
        Of Langevin dynamics that come first and are not saved, whatever the ensemble.
    seed : int, optional
        In [0, 2^64). Same seed and versions = same trajectory, where the calculator gives the same bits.
    progress : bool
        A bar on a terminal.

    Returns
    -------
    Trajectory
        Its ``seed`` repeats the run.

    Raises
    ------
    InvalidArgument
        If an argument is out of range, or the system has constraints.
    UnstableDynamics
        If the temperature leaves [0.1, 1e5] K, forces or energies are no numbers, or the calculator fails on
        the way; its ``trajectory`` holds what was saved.
    DynamicsInterrupted
        On Ctrl-C, alike. It is a KeyboardInterrupt.
    MissingExtra
        If ASE is not installed.

    Notes
    -----
    Potential energies are the calculator's "free_energy" where it has one, the energy that belongs to the
    forces: with smeared occupations of electronic states its "energy" is another, extrapolated.

    Langevin's thermostat holds the centre of mass at rest by ASE's ``FixCom``: its own option for that does
    not sample the canonical ensemble. ASE's Nose-Hoover chain counts 3N degrees of freedom, and would be
    too hot by N/(N - 1) with the centre of mass at rest: it is given (N - 1)/N of the temperature. In
    ``"nve"`` nothing holds the centre of mass but forces that sum to zero.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from ase.calculators.emt import EMT
    >>> from nonideal.physics import atoms
    >>> copper = bulk("Cu", cubic=True) * (2, 2, 2)
    >>> t = atoms.run_md(copper, EMT(), temperature=300, time=100, timestep=5, save_every=5, seed=1)
    >>> t.time
    array([  0.,  25.,  50.,  75., 100.])
    >>> bool(abs(t.total_energy - t.total_energy[0]).max() < 1e-3 * len(copper))
    True
    """
    plan = Plan.checked(temperature, time, timestep, ensemble, friction, save_every, equilibration)
    seed = resolve_seed(seed)
    atoms = started(system, calculator, temperature=plan.temperature, seed=seed)
    show = bool(progress)
    equilibrate(atoms, plan, seed=seed, progress=show)
    return simulate(atoms, plan, seed=seed, progress=show)


@dataclass(frozen=True)
class Plan:
    """What a simulation is to do, checked: numbers as in `run_md`, times in steps."""

    temperature: float
    n_steps: int
    timestep: float
    ensemble: str
    friction: float
    save_every: int
    n_equilibration: int

    @classmethod
    def checked(
        cls,
        temperature: float,
        time: float,
        timestep: float,
        ensemble: str,
        friction: float,
        save_every: int,
        equilibration: float,
    ) -> Plan:
        """Return the plan, or refuse."""
        check_positive("temperature", temperature)
        if not TEMPERATURES[0] <= temperature <= TEMPERATURES[1]:
            raise InvalidArgument(f"temperature = {temperature:g} K is outside [0.1, 1e5]")
        timestep = check_positive("timestep", timestep)
        time = check_positive("time", time)
        if round(time / timestep) < 1:
            raise InvalidArgument(f"time = {time:g} fs is shorter than a timestep, {timestep:g}")
        check_choice("ensemble", ensemble, ENSEMBLES)
        friction = check_positive("friction", friction)
        if friction * timestep >= 1.0:  # the integrator's expansion in it
            raise InvalidArgument(
                f"friction = {friction:g} / fs is not < {1 / timestep:g}, one over the timestep"
            )
        save_every = check_integer("save_every", save_every, 1, 31)
        rest = round(check_non_negative("equilibration", equilibration) / timestep)
        return cls(float(temperature), round(time / timestep), timestep, ensemble, friction, save_every, rest)


def started(system: Any, calculator: Any, *, temperature: float, seed: int) -> Any:
    """Return new atoms with the calculator and velocities of a temperature, the centre of mass at rest."""
    atoms = as_atoms(system)
    if len(atoms) < 2:
        raise InvalidArgument(f"system: {len(atoms)} atoms with their centre of mass at rest don't move")
    atoms.calc = as_calculator("calculator", calculator)
    masses = atoms.get_masses()[:, None]
    spread = np.sqrt(masses * units.kB * temperature)
    momenta = spread * _generator(derive_seed(seed, 0)).standard_normal((len(atoms), 3))
    atoms.set_momenta(momenta - masses / masses.sum() * momenta.sum(axis=0))
    return atoms


def equilibrate(atoms: Any, plan: Plan, *, seed: int, progress: bool) -> None:
    """Let the atoms forget where they started, in place."""
    if plan.n_equilibration:
        integration = Integration(atoms, plan, "langevin", derive_seed(seed, 1))
        integration.run(plan.n_equilibration, "equilibration", progress)


def simulate(atoms: Any, plan: Plan, *, seed: int, progress: bool, label: str = "dynamics") -> Trajectory:
    """Run on from where the atoms are, in place, and return what was saved."""
    record = Recorder(atoms, plan, seed)
    integration = Integration(atoms, plan, plan.ensemble, derive_seed(seed, 2), record)
    integration.run(plan.n_steps, f"{label} ({plan.ensemble})", progress)
    result = record.trajectory()
    assert result is not None  # the start is in it
    return result


class Recorder:
    """Collects saved steps; whatever ends a simulation, they are there."""

    def __init__(self, atoms: Any, plan: Plan, seed: int) -> None:
        self.atoms, self.plan, self.seed = atoms, plan, seed
        self.steps: list[tuple[Any, ...]] = []

    def save(self, step: int) -> str:
        """Keep the atoms as they are now, or return what of them is not finite: then nothing is kept."""
        atoms = self.atoms
        values = {
            "positions": atoms.get_positions(),
            "velocities": atoms.get_velocities() * units.fs,  # from angstrom per ASE's unit of time
            "forces": atoms.get_forces(apply_constraint=False),
            "potential energies": potential_energy(atoms),
            "kinetic energies": float(atoms.get_kinetic_energy()),
        }
        for name, value in values.items():
            if not np.isfinite(value).all():
                return name
        self.steps.append((step * self.plan.timestep, *values.values()))
        return ""

    def trajectory(self) -> Trajectory | None:
        """Return what was saved, None where nothing was."""
        if not self.steps:
            return None
        time, positions, velocities, forces, potential, kinetic = map(np.array, zip(*self.steps, strict=True))
        return Trajectory(
            numbers=self.atoms.numbers,
            time=time,
            positions=positions,
            velocities=velocities,
            forces=forces,
            cells=np.array(self.atoms.cell),
            pbc=self.atoms.pbc,
            potential_energy=potential,
            kinetic_energy=kinetic,
            masses=self.atoms.get_masses(),
            ensemble=self.plan.ensemble,
            seed=self.seed,
        )


class Integration:
    """Steps of one ensemble, watched.

    Parameters
    ----------
    atoms : ase.Atoms
        With calculator and velocities; moved in place.
    plan : Plan
        Temperature, timestep, friction, steps between saved ones.
    ensemble : str
        One of `ENSEMBLES`.
    seed : int
        Of the thermostat.
    record : Recorder, optional
        Where steps are saved.
    """

    def __init__(
        self, atoms: Any, plan: Plan, ensemble: str, seed: int, record: Recorder | None = None
    ) -> None:
        self.atoms, self.plan, self.record = atoms, plan, record
        self.step = _stepper(atoms, plan, ensemble, seed)
        self.scale = 1.0 / (1.5 * (len(atoms) - 1) * units.kB)
        self.done = self.cold = 0
        self._save()

    @property
    def time(self) -> float:
        """Fs, since the start."""
        return self.done * self.plan.timestep

    def run(self, n_steps: int, label: str, progress: bool) -> None:
        """Advance with a progress bar; Ctrl-C leaves what was saved."""
        edges = np.linspace(0, n_steps, min(n_steps, 1000) + 1).round().astype(int)
        try:
            with progress_bar(label, len(edges) - 1, show=progress) as advance:
                for first, last in itertools.pairwise(edges):
                    self.advance(int(last - first))
                    advance()
        except KeyboardInterrupt:
            raise DynamicsInterrupted(
                f"{label}: stopped after {self.time:g} of {n_steps * self.plan.timestep:g} fs", self._saved()
            ) from None

    def advance(self, n_steps: int) -> None:
        """Take steps, and save those that are due."""
        for _ in range(n_steps):
            try:
                self.step()
            except (ValueError, ArithmeticError) as problem:  # such as for atoms on one place
                if not self.done:  # it never ran: no matter of stability
                    raise
                raise UnstableDynamics(
                    f"after {self.time:g} fs the calculator failed: {problem}", self._saved()
                ) from problem
            self.done += 1
            self._check_temperature()
            if self.done % self.plan.save_every == 0:
                self._save()

    def _save(self) -> None:
        """Keep the atoms as they are now, unless they or their forces are no numbers any more."""
        if self.record is None:
            return
        if strange := self.record.save(self.done):
            raise UnstableDynamics(f"after {self.time:g} fs {strange} are not finite", self._saved())

    def _check_temperature(self) -> None:
        temperature = float(self.atoms.get_kinetic_energy()) * self.scale
        self.cold = self.cold + 1 if temperature < TEMPERATURES[0] else 0
        if temperature <= TEMPERATURES[1] and self.cold < _COLD_STEPS:
            return
        raise UnstableDynamics(  # also where the temperature is not a number
            f"after {self.time:g} fs the temperature is {temperature:.3g} K, outside [0.1, 1e5]: "
            "the potential or the timestep fails",
            self._saved(),
        )

    def _saved(self) -> Trajectory | None:
        return None if self.record is None else self.record.trajectory()


def _generator(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=seed))


def _stepper(atoms: Any, plan: Plan, ensemble: str, seed: int) -> Callable[[], Any]:
    timestep = plan.timestep * units.fs
    atoms.set_constraint()
    if ensemble == "nve":
        step: Callable[[], Any] = VelocityVerlet(atoms, timestep).step
    elif ensemble == "langevin":
        atoms.set_constraint(FixCom())
        step = Langevin(
            atoms,
            timestep,
            temperature_K=plan.temperature,
            friction=plan.friction / units.fs,
            fixcm=False,
            rng=_generator(seed),
        ).step
    else:
        n = len(atoms)
        step = NoseHooverChainNVT(
            atoms, timestep, temperature_K=plan.temperature * (n - 1) / n, tdamp=units.fs / plan.friction
        ).step
    return step
