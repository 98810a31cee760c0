"""Shards of atoms-copper: a teacher's copper, models that learn it, and the dynamics of both."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from nonideal.checks import FloatArray
from nonideal.errors import ConvergenceError, NumericalError
from nonideal.physics import atoms
from nonideal.seeds import derive_seed

__all__ = ["learn", "teach"]

_LATTICE = 3.62  # angstrom, of the cells that frames come from; strains take in each teacher's own
_STRAIN = 0.02
_N_VALID = 8
_N_TEST = 16
_N_SHOWN = 400  # components of forces in the figure of parity
_RDF_EVERY = 50.0  # fs
_SAVE_EVERY = 10.0  # fs: a fourteenth of copper's fastest vibration
_EQUILIBRATION = 2000.0  # fs


def _crystal(cells: int, a: float = _LATTICE) -> Any:
    from ase.build import bulk

    return bulk("Cu", a=a, cubic=True) * (cells, cells, cells)


def _with_a_vacancy(cells: int) -> Any:
    system = _crystal(cells)
    del system[0]
    return system


@lru_cache(maxsize=1)
def _frames(
    generator: str,
    temperatures: tuple[float, ...],
    test_temperature: float,
    n_frames: int,
    cells: int,
    seed: int,
) -> dict[str, list[atoms.Frame]]:
    """Return frames to learn from, to choose by, and to test on: at another temperature, whole and holed."""
    common = {"stride": 50, "timestep": 4.0, "equilibration": 1000.0, "progress": False}
    crystal = _crystal(cells)
    learnt = atoms.sample_frames(
        generator,
        crystal,
        temperatures=temperatures,
        n_frames=n_frames + _N_VALID,
        strain=_STRAIN,
        seed=derive_seed(seed, 0),
        **common,
    )
    found = {"train": learnt[_N_VALID:], "valid": learnt[:_N_VALID]}
    for index, (name, system) in enumerate((("whole", crystal), ("vacancy", _with_a_vacancy(cells))), 1):
        found[name] = atoms.sample_frames(
            generator,
            system,
            temperatures=[test_temperature],
            n_frames=_N_TEST,
            seed=derive_seed(seed, index),
            **common,
        )
    return found


def teach(shard: Mapping[str, Any]) -> dict[str, Any]:
    """Return the teacher's dynamics and crystal."""
    calculator = atoms.ground_truth(shard["generator"])
    return {**_crystal_of(calculator, shard), **_dynamics(calculator, shard)}


def learn(shard: Mapping[str, Any]) -> dict[str, Any]:
    """Train a model; return its errors, history, file, dynamics and crystal."""
    sets = _frames(
        shard["generator"],
        tuple(shard["temperatures"]),
        shard["test_temperature"],
        shard["n_frames"],
        shard["cells"],
        shard["seed"],
    )
    model = atoms.LEIGNN(
        ["Cu"],
        cutoff=shard["cutoff"],
        channels=shard["channels"],
        layers=shard["layers"],
        n_rbf=shard["n_rbf"],
        variant=shard["variant"],
        forces=shard["forces"],
        seed=derive_seed(shard["seed"], 10),
    )
    trainer = atoms.Trainer(
        model,
        sets["train"],
        sets["valid"],
        weights={"energy": 1.0, "forces": 50.0, "stress": shard["stress_weight"]},
        energy_per_atom=True,
        lr=shard["lr"],
        batch_size=4,
        ema=0.99,
        schedule="cosine",
        steps_per_epoch=shard["steps_per_epoch"],
        seed=derive_seed(shard["seed"], 11),
        num_threads=shard["threads"],
    )
    training = trainer.fit(steps=shard["steps"], seconds=shard["seconds"], progress=False)
    calculator = atoms.LeignnCalculator(model, forces=shard["forces"], num_threads=shard["threads"])
    return {
        "n_parameters": sum(p.numel() for p in model.parameters()),
        "steps": training.steps,
        "training_seconds": training.seconds,
        "history_seconds": np.array([record.seconds for record in training.history]),
        "history_steps": np.array([record.step for record in training.history]),
        "history_mae": np.array([record.valid_force_mae for record in training.history]),
        "model": np.frombuffer(model.to_file().encode(), dtype=np.uint8),
        **_errors(calculator, sets["whole"], "whole", shard["seed"]),
        **_errors(calculator, sets["vacancy"], "vacancy", shard["seed"]),
        **_crystal_of(calculator, shard),
        **_dynamics(calculator, shard),
    }


def _errors(calculator: Any, frames: list[atoms.Frame], name: str, seed: int) -> dict[str, Any]:
    """Return energies of the frames, eV/atom, errors of forces by frame, and some of the forces."""
    energies, errors, forces = [], [], []
    for frame in frames:
        truth: Any = frame.to_ase()
        system = truth.copy()
        system.calc = calculator
        pair = np.stack([truth.get_forces().ravel(), system.get_forces().ravel()], axis=1)
        energies.append([one.get_potential_energy() / len(system) for one in (truth, system)])
        errors.append(np.abs(np.diff(pair)).mean())
        forces.append(pair)
    pairs = np.concatenate(forces)
    chosen = np.random.Generator(np.random.Philox(key=seed)).permutation(len(pairs))[:_N_SHOWN]
    return {
        f"energies_{name}": np.array(energies),
        f"force_errors_{name}": np.array(errors),
        f"forces_{name}": pairs[chosen],
    }


def _crystal_of(calculator: Any, shard: Mapping[str, Any]) -> dict[str, Any]:
    """Return lattice constant, bulk modulus and a vacancy's energy; NaN where there is none to be found."""
    nothing = {"lattice": np.nan, "bulk": np.nan, "vacancy": np.nan}
    try:
        found = atoms.equation_of_state(_crystal(1), calculator)
    except NumericalError:
        return nothing
    a = _LATTICE * found.scale
    try:
        vacancy = atoms.vacancy_formation_energy(
            _crystal(shard["cells"], a), calculator, force_tolerance=0.02
        )
    except (ConvergenceError, NumericalError):
        vacancy = np.nan
    return {"lattice": a, "bulk": found.bulk_modulus, "vacancy": vacancy}


def _dynamics(calculator: Any, shard: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is seen of a crystal with a vacancy, with a thermostat and without."""
    system, temperature = _with_a_vacancy(shard["cells"]), shard["test_temperature"]
    options = {
        "temperature": temperature,
        "timestep": shard["timestep"],
        "save_every": max(round(_SAVE_EVERY / shard["timestep"]), 1),
        "equilibration": _EQUILIBRATION,
        "progress": False,
    }
    began = time.perf_counter()
    run, failed = _simulate(
        system, calculator, shard["md_time"], "langevin", derive_seed(shard["seed"], 20), options
    )
    n_steps = (shard["md_time"] * 1000 + _EQUILIBRATION) / shard["timestep"]
    cost = (time.perf_counter() - began) / (n_steps * len(system))
    free, free_failed = _simulate(
        system, calculator, shard["drift_time"], "nve", derive_seed(shard["seed"], 21), options
    )
    return {
        "failed": failed or free_failed,
        "cost": np.nan if failed else 1e6 * cost,
        **_structure(run, shard),
        **_motion(run, temperature),
        **_conservation(free),
    }


def _simulate(
    system: Any, calculator: Any, picoseconds: float, ensemble: str, seed: int, options: Mapping[str, Any]
) -> tuple[atoms.Trajectory | None, bool]:
    """Return a simulation as far as it went, and whether it failed."""
    try:
        run = atoms.run_md(
            system, calculator, time=1000 * picoseconds, ensemble=ensemble, seed=seed, **options
        )
    except atoms.UnstableDynamics as problem:
        return problem.trajectory, True
    return run, False


def _structure(run: atoms.Trajectory | None, shard: Mapping[str, Any]) -> dict[str, Any]:
    """Return g(r) of the whole run and of its halves."""
    if run is None or len(run) < 40:
        return {"r": np.zeros(0), "g": np.zeros((3, 0))}
    step = max(round(_RDF_EVERY / (run.time[1] - run.time[0])), 1)
    frames = [run.frame(index) for index in range(0, len(run), step)]
    half = len(frames) // 2
    found = [
        atoms.radial_distribution(part, r_max=6.0, bins=shard["bins"])
        for part in (frames, frames[:half], frames[half:])
    ]
    return {"r": found[0][0], "g": np.array([g for _, g in found])}


def _motion(run: atoms.Trajectory | None, temperature: float) -> dict[str, Any]:
    """Return displacements, the velocities' memory, and the density of forces."""
    empty = np.zeros((2, 0))
    if run is None or len(run) < 40:
        return {"msd": empty, "vacf": empty, "force_density": empty}
    lag, msd = atoms.mean_squared_displacement(run)
    times, vacf = atoms.velocity_autocorrelation(run)
    shown, near = len(lag) // 4, int(np.searchsorted(times, 1000.0)) + 1
    thinned = max(shown // 200, 1)
    density = atoms.force_distribution(run, bins=80, f_max=0.13 * np.sqrt(temperature))
    return {
        "msd": np.array([1e-3 * lag[:shown:thinned], msd[:shown:thinned]]),
        "vacf": np.array([times[:near], vacf[:near]]),
        "force_density": np.array(density),
    }


def _conservation(run: atoms.Trajectory | None) -> dict[str, FloatArray]:
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
