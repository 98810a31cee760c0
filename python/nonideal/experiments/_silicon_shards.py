"""Shards of atoms-silicon: frames of crystal and melt, a network and a pair potential, and their dynamics."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from nonideal.experiments._atoms_shards import (
    G_PER_CM3,
    Dynamics,
    crystal,
    labelled,
    learnt,
    network,
    observe,
    parity,
)
from nonideal.experiments._silicon_orders import order_errors
from nonideal.experiments._silicon_pair import PairPotential
from nonideal.physics import atoms
from nonideal.seeds import derive_seed

__all__ = ["MELTING", "STATES", "learn", "n_order_frames", "pair", "teach"]

TEACHER = "silicon-sw"
#: K. Of the Stillinger-Weber potential. Source: J. Q. Broughton and X. P. Li, Phys. Rev. B 35, 9120 (1987),
#: from memory; nothing here depends on it but which frames start from the crystal, which from the melt.
MELTING = 1691.0
STATES = ("crystal", "melt")

_STRAIN = 0.02
_N_VALID = 12
_N_TEST = 16
_N_ORDER_ATOMS, _N_ORDER_FRAMES = 2048, 6  # a thousand equations for every ten coefficients
_HOT = 4000.0  # K: a crystal forgets itself in less than a picosecond
_MELTING_TIME = 4000.0  # fs
_CRYSTAL_TIME = 0.25  # of the melt's: it has nowhere to go
_FRICTION = 1e-3  # 1/fs: diffusion is the potential's, not the thermostat's
_CLIP = 5.0  # AMSGrad remembers the largest gradients, which the first ones are


def teach(shard: Mapping[str, Any]) -> dict[str, Any]:
    """Return the teacher's dynamics."""
    return _dynamics(atoms.ground_truth(TEACHER), shard, 0)


def learn(shard: Mapping[str, Any]) -> dict[str, Any]:
    """Train a network; return its errors, history, file and dynamics."""
    sets = _frames_of(shard)
    model = network(["Si"], shard, derive_seed(shard["seed"], 10))
    found = learnt(
        model,
        sets["train"],
        sets["valid"],
        shard,
        weights={"energy": 1.0, "forces": 50.0, "stress": shard["stress_weight"]},
        seed=derive_seed(shard["seed"], 11),
        batch_size=shard["batch_size"],
        clip=_CLIP,
    )
    return found | _judged(atoms.LeignnCalculator(model), sets, shard)


def pair(shard: Mapping[str, Any]) -> dict[str, Any]:
    """Solve for the best pair potential; return its errors and dynamics."""
    sets = _frames_of(shard)
    began, cpu_began = time.perf_counter(), time.process_time()
    potential = PairPotential.fitted(sets["train"], shard["cutoff"])
    found: dict[str, Any] = {
        "n_parameters": potential.n_parameters,
        "steps": 0,
        "training_seconds": time.perf_counter() - began,
        "training_cpu_seconds": time.process_time() - cpu_began,
    }
    few = sets["train"][: n_order_frames(len(sets["train"]), len(sets["train"][0]))]
    found["order_errors"] = order_errors(few, sets["melt"][:_N_ORDER_FRAMES])
    return found | _judged(potential, sets, shard)


def n_order_frames(n_frames: int, n_atoms: int) -> int:
    """Return how many of the frames, of so many atoms, least squares of powers of the cosine learn from."""
    return min(max(_N_ORDER_ATOMS // n_atoms, _N_ORDER_FRAMES), n_frames)


def _judged(calculator: Any, sets: Mapping[str, Any], shard: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for state in STATES:
        found |= parity(calculator, sets[state], state, shard["seed"])
    return found | _dynamics(calculator, shard, 1)


def _frames_of(shard: Mapping[str, Any]) -> dict[str, list[atoms.Frame]]:
    return _frames(
        tuple(shard["temperatures"]),
        tuple(shard["test_temperatures"]),
        shard["n_frames"],
        shard["cells"],
        shard["density"],
        shard["seed"],
    )


@lru_cache(maxsize=1)
def _frames(
    temperatures: tuple[float, ...],
    test_temperatures: tuple[float, float],
    n_frames: int,
    cells: int,
    density: float,
    seed: int,
) -> dict[str, list[atoms.Frame]]:
    """Return frames to learn from, to choose by, and to test on: crystals and melts of other temperatures."""
    common: dict[str, Any] = {"stride": 50, "timestep": 2.0, "equilibration": 2000.0, "progress": False}
    starts = {"crystal": crystal("Si", cells), "melt": _melt(cells, density, seed)}
    learnt_from: list[atoms.Frame] = []
    total = n_frames + _N_VALID
    groups = {
        "crystal": [t for t in temperatures if t <= MELTING],
        "melt": [t for t in temperatures if t > MELTING],
    }
    found: dict[str, list[atoms.Frame]] = {}
    for index, (state, start) in enumerate(starts.items()):
        share = total * len(groups["crystal"]) // len(temperatures)
        learnt_from += atoms.sample_frames(
            TEACHER,
            start,
            temperatures=groups[state],
            n_frames=share if state == "crystal" else total - share,
            strain=_STRAIN,
            seed=derive_seed(seed, 0, index),
            **common,
        )
        found[state] = atoms.sample_frames(
            TEACHER,
            start,
            temperatures=[test_temperatures[index]],
            n_frames=_N_TEST,
            seed=derive_seed(seed, 1, index),
            **common,
        )
    order = np.random.Generator(np.random.Philox(key=derive_seed(seed, 2))).permutation(total)
    shuffled = [learnt_from[k] for k in order]
    return {**found, "valid": shuffled[:_N_VALID], "train": shuffled[_N_VALID:]}


@lru_cache(maxsize=1)
def _melt(cells: int, density: float, seed: int) -> Any:
    """Return molten silicon: a crystal of the melt's density that was made far too hot."""
    system = crystal("Si", cells)
    volume = system.get_masses().sum() * G_PER_CM3 / density
    system.set_cell(np.eye(3) * volume ** (1 / 3), scale_atoms=True)
    run = atoms.run_md(
        system,
        TEACHER,
        temperature=_HOT,
        time=_MELTING_TIME,
        timestep=2.0,
        ensemble="langevin",
        save_every=100,
        seed=derive_seed(seed, 3),
        progress=False,
    )
    system.positions = run.positions[-1]
    return system


def _dynamics(calculator: Any, shard: Mapping[str, Any], index: int) -> dict[str, Any]:
    """Return what is seen of crystal and melt; ``index`` gives models random numbers of their own."""
    found: dict[str, Any] = {}
    for number, state in enumerate(STATES):
        temperature = shard["test_temperatures"][number]
        molten = state == "melt"
        plan = Dynamics(
            temperature=temperature,
            timestep=shard["timestep"],
            md_time=shard["md_time"] * (1.0 if molten else _CRYSTAL_TIME),
            drift_time=shard["drift_time"] if molten else 0.0,
            f_max=0.15 * temperature**0.5,
            bins=shard["bins"],
            friction=_FRICTION if molten else 10 * _FRICTION,
            equilibration=5000.0 if molten else 2000.0,
            bond_length=shard["bond_length"],
            diffusion=molten,
        )
        start: Any = crystal("Si", shard["cells"])
        if molten:  # one of the teacher's, at this temperature
            start = _frames_of(shard)["melt"][0].to_ase()
        seen = observe(start, calculator, plan, derive_seed(shard["seed"], 20, index, number))
        seen["atoms_per_volume"] = len(start) / start.get_volume()
        found |= labelled(state, seen)
    return found
