"""Shards of atoms-copper: a teacher's copper, models that learn it, and the dynamics of both."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from nonideal.errors import ConvergenceError, NumericalError
from nonideal.experiments._atoms_shards import Dynamics, crystal, learnt, network, observe, parity
from nonideal.physics import atoms
from nonideal.seeds import derive_seed

__all__ = ["learn", "teach"]

_LATTICE = 3.62  # angstrom, of the cells that frames come from; strains take in each teacher's own
_STRAIN = 0.02
_N_VALID = 8
_N_TEST = 16


def _with_a_vacancy(cells: int) -> Any:
    system = crystal("Cu", cells, _LATTICE)
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
    whole = crystal("Cu", cells, _LATTICE)
    learnt_from = atoms.sample_frames(
        generator,
        whole,
        temperatures=temperatures,
        n_frames=n_frames + _N_VALID,
        strain=_STRAIN,
        seed=derive_seed(seed, 0),
        **common,
    )
    found = {"train": learnt_from[_N_VALID:], "valid": learnt_from[:_N_VALID]}
    for index, (name, system) in enumerate((("whole", whole), ("vacancy", _with_a_vacancy(cells))), 1):
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
    return {**_crystal_of(calculator, shard), **_dynamics(calculator, shard, 0)}


def learn(shard: Mapping[str, Any]) -> dict[str, Any]:
    """Train a model; return its errors, history and file, and, where asked for, its dynamics and crystal."""
    sets = _frames(
        shard["generator"],
        tuple(shard["temperatures"]),
        shard["test_temperature"],
        shard["n_frames"],
        shard["cells"],
        shard["seed"],
    )
    model = network(["Cu"], shard, derive_seed(shard["seed"], 10), forces=shard["forces"])
    found = learnt(
        model,
        sets["train"],
        sets["valid"],
        shard,
        weights={"energy": 1.0, "forces": 50.0, "stress": shard["stress_weight"]},
        seed=derive_seed(shard["seed"], 11),
    )
    calculator = atoms.LeignnCalculator(model, forces=shard["forces"])
    for name in ("whole", "vacancy"):
        found |= parity(calculator, sets[name], name, shard["seed"])
    if shard["dynamics"]:
        found |= {**_crystal_of(calculator, shard), **_dynamics(calculator, shard, 1)}
    return found


def _crystal_of(calculator: Any, shard: Mapping[str, Any]) -> dict[str, Any]:
    """Return lattice constant, bulk modulus and a vacancy's energy; NaN where there is none to be found."""
    nothing = {"lattice": np.nan, "bulk": np.nan, "vacancy": np.nan}
    try:
        found = atoms.equation_of_state(crystal("Cu", 1, _LATTICE), calculator)
    except NumericalError:
        return nothing
    a = _LATTICE * found.scale
    try:
        vacancy = atoms.vacancy_formation_energy(
            crystal("Cu", shard["cells"], a), calculator, force_tolerance=0.02
        )
    except (ConvergenceError, NumericalError):
        vacancy = np.nan
    return {"lattice": a, "bulk": found.bulk_modulus, "vacancy": vacancy}


def _dynamics(calculator: Any, shard: Mapping[str, Any], index: int) -> dict[str, Any]:
    """Return what is seen of a crystal with a vacancy, with a thermostat and without.

    ``index`` gives models other random numbers than their teacher: with the same ones a thermostat would make
    one simulation of both, far below the floor.
    """
    temperature = shard["test_temperature"]
    plan = Dynamics(
        temperature=temperature,
        timestep=shard["timestep"],
        md_time=shard["md_time"],
        drift_time=shard["drift_time"],
        f_max=0.13 * temperature**0.5,
        bins=shard["bins"],
    )
    return observe(_with_a_vacancy(shard["cells"]), calculator, plan, derive_seed(shard["seed"], 20, index))
