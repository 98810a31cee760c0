"""What shards of experiments with potentials share: training, errors, and dynamics with what is seen.

Everything returns flat dicts of arrays and numbers, as shards do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import nonideal
from nonideal.checks import FloatArray
from nonideal.physics import atoms
from nonideal.physics.atoms.angles import angle_counts
from nonideal.seeds import derive_seed

__all__ = [
    "G_PER_CM3",
    "Dynamics",
    "crystal",
    "density_of_parts",
    "labelled",
    "learnt",
    "network",
    "observe",
    "parity",
    "rdf_of_parts",
    "structure",
]

#: g/cm^3 in u/angstrom^3. Source: CODATA 2018
G_PER_CM3 = 1.66053906660

Look = Callable[[atoms.Trajectory | None], Mapping[str, Any]]

_N_SHOWN = 400  # components of forces in a figure of parity
_FEW = 40  # saved steps: fewer make no picture
_ANGLES = 90  # bins of two degrees
_SHOWN_LAGS = 1000.0  # fs: velocities have forgotten


def crystal(symbol: str, cells: int, a: float | None = None) -> Any:
    """Return an element's crystal: ``cells`` conventional cubes along each edge, of ``a`` angstrom."""
    from ase.build import bulk

    return bulk(symbol, a=a, cubic=True) * (cells, cells, cells)


def labelled(prefix: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """Return results under other names, ``"melt msd all"`` instead of ``"msd all"``."""
    return {f"{prefix} {name}": value for name, value in found.items()}


def network(species: Sequence[str], shard: Mapping[str, Any], seed: int, **options: Any) -> atoms.LEIGNN:
    """Return an untrained model of a shard's form and sizes."""
    sizes = {name: shard[name] for name in ("cutoff", "channels", "layers", "n_rbf", "variant")}
    return atoms.LEIGNN(species, seed=seed, **sizes, **options)


def learnt(
    model: atoms.LEIGNN,
    train: Sequence[atoms.Frame],
    valid: Sequence[atoms.Frame],
    shard: Mapping[str, Any],
    *,
    weights: Mapping[str, float],
    seed: int,
    batch_size: int = 4,
    ema: float = 0.99,
    energy_per_atom: bool = True,
    **options: Any,
) -> dict[str, Any]:
    """Train a model on as many threads as the runner gives; return its history and its file.

    Parameters
    ----------
    model : LEIGNN
        It is left with its best weights.
    train, valid : sequence of Frame
    shard : mapping
        ``lr``, ``steps``, ``seconds`` of the processor and ``steps_per_epoch``.
    weights, batch_size, ema, energy_per_atom, **options
        As `Trainer` takes them.
    seed : int
        Of the order of frames.
    """
    trainer = atoms.Trainer(
        model,
        train,
        valid,
        weights=weights,
        energy_per_atom=energy_per_atom,
        lr=shard["lr"],
        batch_size=batch_size,
        ema=ema,
        schedule="cosine",
        steps_per_epoch=shard["steps_per_epoch"],
        seed=seed,
        num_threads=nonideal.num_threads(),
        **options,
    )
    result = trainer.fit(steps=shard["steps"], cpu_seconds=shard["seconds"], progress=False)
    history = result.history
    return {
        "n_parameters": sum(p.numel() for p in model.parameters()),
        "steps": result.steps,
        "training_seconds": result.seconds,
        "training_cpu_seconds": result.cpu_seconds,
        "history_steps": np.array([record.step for record in history]),
        "history_cpu_seconds": np.array([record.cpu_seconds for record in history]),
        "history_mae": np.array([record.valid_force_mae for record in history]),
        "model": np.frombuffer(model.to_file().encode(), dtype=np.uint8),
    }


def parity(calculator: Any, frames: Sequence[atoms.Frame], name: str, seed: int) -> dict[str, Any]:
    """Compare a calculator with frames that have energies and forces.

    Parameters
    ----------
    calculator : ASE calculator
    frames : sequence of Frame
    name : str
        Of the set; results are called by it.
    seed : int
        Of the choice of forces that are shown.

    Returns
    -------
    dict
        ``energies_NAME`` (n_frames, 2) eV/atom: the frame's, the calculator's; ``force_errors_NAME``
        (n_frames,) mean absolute errors of components, eV/angstrom; ``force_errors_NAME_Z`` the same of the
        atoms of number Z alone; ``forces_NAME`` (some, 2) components, ``force_numbers_NAME`` whose.
    """
    energies, forces, numbers = [], [], []
    for frame in frames:
        truth: Any = frame.to_ase()
        system = truth.copy()
        system.calc = calculator
        energies.append([one.get_potential_energy() / len(system) for one in (truth, system)])
        forces.append(np.stack([truth.get_forces(), system.get_forces()]))
        numbers.append(frame.numbers)
    errors = [np.abs(pair[1] - pair[0]).mean(axis=1) for pair in forces]
    found = {
        f"energies_{name}": np.array(energies),
        f"force_errors_{name}": np.array([one.mean() for one in errors]),
    }
    for z in sorted(set(np.concatenate(numbers).tolist())):
        there = [one[which == z].mean() for one, which in zip(errors, numbers, strict=True) if z in which]
        found[f"force_errors_{name}_{z}"] = np.array(there)
    pairs = np.concatenate([pair.reshape(2, -1).T for pair in forces])
    chosen = np.random.Generator(np.random.Philox(key=seed)).permutation(len(pairs))[:_N_SHOWN]
    found[f"forces_{name}"] = pairs[chosen]
    found[f"force_numbers_{name}"] = np.repeat(np.concatenate(numbers), 3)[chosen]
    return found


@dataclass(frozen=True, kw_only=True)
class Dynamics:
    """How atoms are moved, and what is looked at.

    Parameters
    ----------
    temperature : float, K
    timestep : float, fs
    md_time, drift_time : float, ps
        With a thermostat and without; 0: not at all.
    friction : float, 1/fs
        Of the thermostat.
    equilibration : float, fs
        Before each of them.
    save_every, rdf_every : float, fs
        Between steps that are looked at, and those whose distances are.
    r_max : float, angstrom
    bins : int
        Of g(r).
    pairs, species : tuple of str
        Whose g(r), ``"O-H"``; whose motion and forces, ``"O"``; ``"all"`` atoms.
    f_max : float, eV/angstrom
        Of the density of forces.
    bond_length : float, angstrom, optional
        Of the bonds whose angles are looked at; None: no angles.
    diffusion : bool
        Whether atoms diffuse, so that a coefficient means something.
    """

    temperature: float
    timestep: float
    md_time: float
    drift_time: float
    f_max: float
    bins: int
    friction: float = 0.01
    equilibration: float = 2000.0
    save_every: float = 10.0
    rdf_every: float = 50.0
    r_max: float = 6.0
    pairs: tuple[str, ...] = ("all",)
    species: tuple[str, ...] = ("all",)
    bond_length: float | None = None
    diffusion: bool = False

    @property
    def options(self) -> dict[str, Any]:
        """What `run_md` takes of it."""
        return {
            "temperature": self.temperature,
            "timestep": self.timestep,
            "friction": self.friction,
            "save_every": max(round(self.save_every / self.timestep), 1),
            "equilibration": self.equilibration,
            "progress": False,
        }


def observe(
    system: Any, calculator: Any, plan: Dynamics, seed: int, also: Look | None = None
) -> dict[str, Any]:
    """Simulate with a thermostat and without, and return what is seen.

    A simulation that fails is looked at as far as it went. ``also`` is what else to see in the one with a
    thermostat: its trajectory, None where nothing was saved, to results.

    Returns
    -------
    dict
        ``failed`` and ``lasted`` ps, with a thermostat, ``free_failed`` and ``free_lasted``, without;
        ``cost`` microseconds of the processor per atom and step; ``r`` and ``rdf PAIR`` (3, bins): of all, of
        the first half, of the second; ``angle`` and ``angles`` likewise; ``msd SPECIES``, ``vacf SPECIES``,
        ``force_density SPECIES``, ``energy`` (2, n): abscissa and ordinate; ``drift`` and ``diffusion`` (3,):
        value, standard error, samples, NaN where there is none. Curves of a run that is too short are empty.
    """
    n_steps = (1000 * plan.md_time + plan.equilibration) / plan.timestep
    began = time.process_time()
    run, failed = _run(system, calculator, plan, plan.md_time, "langevin", derive_seed(seed, 0))
    cost = 1e6 * (time.process_time() - began) / (n_steps * len(system))
    free, free_failed = _run(system, calculator, plan, plan.drift_time, "nve", derive_seed(seed, 1))
    return {
        "failed": failed,
        "lasted": _length(run),
        "free_failed": free_failed,
        "free_lasted": _length(free),
        "cost": np.nan if failed or run is None else cost,
        **structure(_thinned(run, plan), plan),
        **_motion(run, plan),
        **_conservation(free),
        **({} if also is None else also(run)),
    }


def _run(
    system: Any, calculator: Any, plan: Dynamics, picoseconds: float, ensemble: str, seed: int
) -> tuple[atoms.Trajectory | None, bool]:
    """Return a simulation as far as it went, and whether it failed."""
    if not picoseconds:
        return None, False
    try:
        run = atoms.run_md(
            system, calculator, time=1000 * picoseconds, ensemble=ensemble, seed=seed, **plan.options
        )
    except atoms.UnstableDynamics as problem:
        return problem.trajectory, True
    return run, False


def _length(run: atoms.Trajectory | None) -> float:
    return 0.0 if run is None else 1e-3 * float(run.time[-1])


def _thinned(run: atoms.Trajectory | None, plan: Dynamics) -> list[atoms.Frame]:
    """Return the frames whose distances are looked at."""
    if run is None or len(run) < _FEW:
        return []
    step = max(round(plan.rdf_every / (run.time[1] - run.time[0])), 1)
    return [run.frame(index) for index in range(0, len(run), step)]


def structure(frames: Sequence[atoms.Frame], plan: Dynamics) -> dict[str, Any]:
    """Return g(r) of frames and of their halves, as `observe` does."""
    found: dict[str, Any] = {}
    for pair in plan.pairs:
        first, _, second = pair.partition("-")
        options: dict[str, Any] = {} if pair == "all" else {"pair": (first, second)}
        options |= {"r_max": plan.r_max, "bins": plan.bins}
        found["r"], found[f"rdf {pair}"] = rdf_of_parts(frames, **options)
    if plan.bond_length is not None:
        options = {"r_max": plan.bond_length, "bins": _ANGLES}
        found["angle"], found["angles"] = density_of_parts(angle_counts, frames, **options)
    return found


def rdf_of_parts(frames: Sequence[atoms.Frame], **options: Any) -> tuple[FloatArray, FloatArray]:
    """Return r, and g(r) of all frames, of the first half, of the second: empty of fewer than two frames."""
    n, half = len(frames), len(frames) // 2
    if not half:
        return np.zeros(0), np.zeros((3, 0))
    r, first = atoms.radial_distribution(frames[:half], **options)
    second = atoms.radial_distribution(frames[half:], **options)[1]
    return r, np.array([(half * first + (n - half) * second) / n, first, second])


def density_of_parts(
    count: Callable[..., tuple[FloatArray, FloatArray]], frames: Sequence[atoms.Frame], **options: Any
) -> tuple[FloatArray, FloatArray]:
    """Return the same of what is counted in bins, as densities; empty where a half has nothing to count."""
    half = len(frames) // 2
    if not half:
        return np.zeros(0), np.zeros((3, 0))
    middles, first = count(frames[:half], **options)
    counts = np.array([first, count(frames[half:], **options)[1]])
    if not counts.any(axis=1).all():
        return np.zeros(0), np.zeros((3, 0))
    counts = np.array([counts.sum(axis=0), *counts])
    return middles, counts / (counts.sum(axis=1, keepdims=True) * (middles[1] - middles[0]))


def _motion(run: atoms.Trajectory | None, plan: Dynamics) -> dict[str, Any]:
    """Return displacements, the velocities' memory, the density of forces, and diffusion."""
    found: dict[str, Any] = {"diffusion": np.full(3, np.nan)} if plan.diffusion else {}
    for species in plan.species:
        if run is None or len(run) < _FEW:
            found |= {f"{name} {species}": np.zeros((2, 0)) for name in ("msd", "vacf", "force_density")}
            continue
        who = None if species == "all" else species
        lag, msd = atoms.mean_squared_displacement(run, species=who)
        times, vacf = atoms.velocity_autocorrelation(run, species=who)
        shown, near = len(lag) // 4, int(np.searchsorted(times, _SHOWN_LAGS)) + 1
        thin = max(shown // 200, 1)
        found[f"msd {species}"] = np.array([1e-3 * lag[:shown:thin], msd[:shown:thin]])
        found[f"vacf {species}"] = np.array([times[:near], vacf[:near]])
        density = atoms.force_distribution(run, species=who, bins=80, f_max=plan.f_max)
        found[f"force_density {species}"] = np.array(density)
    if plan.diffusion and run is not None and len(run) >= 5 * _FEW:
        coefficient = atoms.diffusion_coefficient(run, discard=0.0)
        found["diffusion"] = np.array([coefficient.value, coefficient.standard_error, 5])
    return found


def _conservation(run: atoms.Trajectory | None) -> dict[str, Any]:
    """Return the total energy without a thermostat, meV/atom over ps, and its drift."""
    if run is None or len(run) < 10:
        return {"energy": np.zeros((2, 0)), "drift": np.full(3, np.nan)}
    drift = atoms.energy_drift(run)
    thinned = max(len(run) // 300, 1)
    ps = 1e-3 * run.time[::thinned]
    total = 1e3 * (run.total_energy - run.total_energy[0])[::thinned] / len(run.numbers)
    return {
        "energy": np.array([ps, total]),
        "drift": np.array([drift.value, drift.standard_error, drift.samples or 2]),
    }
