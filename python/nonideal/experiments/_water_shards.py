"""Shards of atoms-water: what the frames hold, a model that learns them, and the liquid that it makes."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from nonideal.checks import FloatArray
from nonideal.errors import InvalidArgument
from nonideal.experiments._atoms_shards import (
    Dynamics,
    density_of_parts,
    learnt,
    network,
    observe,
    parity,
    rdf_of_parts,
    structure,
)
from nonideal.parallel import using_threads
from nonideal.physics import atoms
from nonideal.physics.atoms.distributions import distance_counts
from nonideal.physics.atoms.model_file import ModelFile
from nonideal.physics.atoms.pairs import pair_distances
from nonideal.physics.atoms.trajectory import BOLTZMANN
from nonideal.seeds import derive_seed

__all__ = [
    "BINS",
    "BONDED",
    "MARGIN",
    "NUMBERS",
    "PAIRS",
    "R_MAX",
    "SPECIES",
    "THRESHOLD",
    "WINDOW",
    "check_frames",
    "encoded",
    "learn",
    "move",
    "refer",
]

SPECIES = ("O", "H")
NUMBERS = {"O": 8, "H": 1}
PAIRS = ("O-O", "O-H", "H-H")
#: Of the paper's g(r), to 6 angstrom, and h(r), to 10 angstrom; all atoms pooled.
BINS = 500
R_MAX = {"g": 6.0, "h": 10.0}  # angstrom
#: Angstrom: a window of `WINDOW` saved steps with a larger RDF MAE is this liquid no more (the paper's rule).
THRESHOLD = 1.0
WINDOW = 40
#: Angstrom. The frames have 2 bonds per molecule below 1.16 and no other pair below 1.3.
BONDED = 1.25
#: Angstrom. Atoms that are closer than the closest such pair of all frames, by more, are what none taught.
MARGIN = 0.1

_EQUILIBRATION = 1000.0  # fs; the start is a frame of the liquid
_SAVE_EVERY = 25.0  # fs, the paper's 50 steps: a window is 1 ps
_F_MAX = 5.0  # eV/angstrom, of the density of forces: 5 rms of oxygen's
_FEWEST = 4  # frames
_REACH = 3.2  # angstrom: all pairs of elements have closer ones
_STEP = 1e-3  # angstrom, of differences of forces


@lru_cache(maxsize=1)
def _frames(folder: str, content: str) -> tuple[list[atoms.Frame], list[atoms.Frame]]:
    """Return frames to learn from, those of all systems but the last by name, and its frames, to test on.

    ``content`` is the folder's digest: another one is another set.
    """
    sets = [atoms.read_frames(system, format="deepmd") for system in _systems(Path(folder))]
    return [frame for one in sets[:-1] for frame in one], sets[-1]


def _systems(folder: Path) -> list[Path]:
    return sorted(path.parent for path in folder.glob("*/type.raw"))


def check_frames(folder: Path) -> str:
    """Return a hash of all that a folder of DeePMD systems holds, or refuse it: it is to hold water."""
    name = f"data = {str(folder)!r}"
    systems = _systems(folder)
    if len(systems) < 2:
        raise InvalidArgument(
            f"{name} has {len(systems)} folders with a type.raw; two are needed: to learn from and to test on"
        )
    content = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".npy", ".raw"):
            content.update(path.relative_to(folder).as_posix().encode())
            content.update(hashlib.sha256(path.read_bytes()).digest())
    known, tested = _frames(str(folder), content.hexdigest())
    if min(len(known), len(tested)) < _FEWEST:
        raise InvalidArgument(
            f"{name} has {len(known)} frames to learn from and {len(tested)} to test on; {_FEWEST} of each "
            "are needed"
        )
    for frame in (*known, *tested):
        if set(frame.numbers.tolist()) != set(NUMBERS.values()) or not frame.pbc.all():
            raise InvalidArgument(f"{name}: not every frame is periodic and of H and O")
        if frame.energy is None or frame.forces is None:
            raise InvalidArgument(f"{name}: not every frame has an energy and forces")
    return content.hexdigest()


def refer(shard: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the frames look like, all of them and their halves: what a perfect model would make."""
    known, tested = _frames(shard["folder"], shard["digest"])
    frames = [*known, *tested]
    densities = {
        f"force_density {species}": np.array(
            atoms.force_distribution(frames, species=species, bins=80, f_max=_F_MAX)
        )
        for species in SPECIES
    }
    forces = np.concatenate([np.asarray(frame.forces) for frame in tested])
    numbers = np.concatenate([frame.numbers for frame in tested])
    first: Any = frames[0].to_ase()
    return {
        "n_learnt": len(known),
        "n_tested": len(tested),
        "density": first.get_masses().sum() / first.get_volume(),  # u/angstrom^3
        "force_rms": np.array([np.sqrt((forces[numbers == z] ** 2).mean()) for z in NUMBERS.values()]),
        **structure(frames, _plan(shard)),
        **_pooled(frames),
        **densities,
        "closest": _closest(frames).min(axis=0),
        # Frames in no order tell nothing of motion.
        **{f"{name} {who}": np.zeros((2, 0)) for name in ("msd", "vacf") for who in SPECIES},
        "energy": np.zeros((2, 0)),
    }


def learn(shard: Mapping[str, Any]) -> dict[str, Any]:
    """Train a model; return its history, its file, and its errors on frames that it has not seen."""
    known, tested = _frames(shard["folder"], shard["digest"])
    order = np.random.Generator(np.random.Philox(key=derive_seed(shard["seed"], 0))).permutation(len(known))
    n_valid = min(max(round(shard["valid_fraction"] * len(known)), 1), len(known) - 1)
    model = network(SPECIES, shard, derive_seed(shard["seed"], 1))
    with using_threads(1):  # a step is one small frame: two threads mostly wait for one another
        found = learnt(
            model,
            [known[index] for index in order[n_valid:]],
            [known[index] for index in order[:n_valid]],
            shard,
            weights={"energy": 1.0, "forces": 50.0},
            seed=derive_seed(shard["seed"], 2),
            batch_size=shard["batch_size"],
            ema=0.995,
        )
    return {
        **found,
        **parity(atoms.LeignnCalculator(model), tested, "test", shard["seed"]),
        "frames_temperature": _configurational_temperature(tested, model, derive_seed(shard["seed"], 5)),
    }


def _configurational_temperature(frames: Sequence[atoms.Frame], model: atoms.LEIGNN, seed: int) -> FloatArray:
    """Return the temperature at which frames were made, K, its standard error, and their number.

    In equilibrium the mean square of the forces is kT times the mean Laplacian of the energy (Butler et al.,
    J. Chem. Phys. 109, 6519 (1998)). The forces are the frames', the Laplacian the model's: along random
    signs, whose mean is the trace.
    """
    potential = atoms.Potential(model, precision="float64", radial="exact")
    rng = np.random.Generator(np.random.Philox(key=seed))
    squares, laplacians = np.empty((2, len(frames)))
    for index, frame in enumerate(frames):
        squares[index] = np.square(np.asarray(frame.forces)).sum()
        signs = rng.choice([-1.0, 1.0], size=frame.positions.shape)
        places = [
            atoms.Frame(frame.numbers, frame.positions + step * signs, frame.cell, frame.pbc)
            for step in (-_STEP, _STEP)
        ]
        before, after = (np.asarray(potential.compute(place).forces) for place in places)
        laplacians[index] = np.sum(signs * (before - after)) / (2 * _STEP)
    kt = squares.mean() / laplacians.mean()
    error = np.std(squares - kt * laplacians, ddof=1) / (np.sqrt(len(frames)) * laplacians.mean())
    return np.array([kt / BOLTZMANN, error / BOLTZMANN, len(frames)])


def encoded(model: FloatArray) -> str:
    """Return the bytes of a model's file as a text, for a shard."""
    return base64.b64encode(model.tobytes()).decode()


def move(shard: Mapping[str, Any]) -> dict[str, Any]:
    """Let a model move the liquid from one of the frames that it has not seen, and return what is seen."""
    known, tested = _frames(shard["folder"], shard["digest"])
    model = atoms.LEIGNN.from_file(ModelFile.decode(base64.b64decode(shard["model"])))
    start = tested[derive_seed(shard["seed"], 3) % len(tested)]
    reference = atoms.radial_distribution([*known, *tested], bins=BINS)

    def look(run: atoms.Trajectory | None) -> dict[str, Any]:
        if run is None or len(run) < WINDOW:
            none = np.zeros((2, 0))
            return {
                "stable": 0.0,
                "windows": none,
                "whole": none,
                "temperature": np.zeros(0),
                "closest": np.zeros((0, len(PAIRS))),
                **_pooled([]),
            }
        frames = [run.frame(index) for index in range(len(run))]
        return {
            "stable": atoms.stability_time(run, reference, window=WINDOW, threshold=THRESHOLD),
            "windows": _windows(run, reference),
            "whole": np.array([1e-3 * run.time, [_share_of_whole(frame) for frame in frames]]),
            "temperature": 2 * run.needed("kinetic_energy") / (3 * (len(start) - 1) * BOLTZMANN),
            "closest": _closest(frames),
            **_pooled(frames[::2]),
        }

    calculator = atoms.LeignnCalculator(model)
    return observe(start, calculator, _plan(shard), derive_seed(shard["seed"], 4), look)


def _plan(shard: Mapping[str, Any]) -> Dynamics:
    return Dynamics(
        temperature=shard["temperature"],
        timestep=shard["timestep"],
        md_time=shard.get("md_time", 0.0),
        drift_time=shard.get("drift_time", 0.0),
        friction=shard["friction"],
        equilibration=_EQUILIBRATION,
        save_every=_SAVE_EVERY,
        rdf_every=2 * _SAVE_EVERY,
        f_max=_F_MAX,
        bins=shard["bins"],
        pairs=PAIRS,
        species=SPECIES,
        diffusion=True,
    )


def _pooled(frames: Sequence[atoms.Frame]) -> dict[str, Any]:
    """Return the paper's g(r) and h(r) of frames, of all atoms: of all frames, of both halves."""
    return {
        "g": rdf_of_parts(frames, r_max=R_MAX["g"], bins=BINS)[1],
        "h": density_of_parts(distance_counts, [_wrapped(f) for f in frames], r_max=R_MAX["h"], bins=BINS)[1],
    }


def _wrapped(frame: atoms.Frame) -> atoms.Frame:
    """Return a frame with its atoms inside the cell.

    h(r) knows no images; where atoms have diffused to, or what a file kept of that, is none of its business.
    """
    scaled = frame.positions @ np.linalg.inv(frame.cell)
    return atoms.Frame(frame.numbers, (scaled - np.floor(scaled)) @ frame.cell, frame.cell, frame.pbc)


def _windows(run: atoms.Trajectory, reference: tuple[FloatArray, FloatArray]) -> FloatArray:
    """Return the middle of every window, ps, and how far its g(r) is from the frames', angstrom."""
    r, g = reference
    starts = range(0, len(run) - WINDOW + 1, WINDOW)
    parts = [run.cut(start, start + WINDOW) for start in starts]
    errors = [atoms.rdf_mae(r, atoms.radial_distribution(part, bins=BINS)[1], g) for part in parts]
    return np.array([[1e-3 * part.time.mean() for part in parts], errors])


def _closest(frames: Sequence[atoms.Frame]) -> FloatArray:
    """Return the shortest distances in every frame, angstrom, by `PAIRS`."""
    return np.array(
        [[_pairs(frame, pair, _REACH)[2].min(initial=_REACH) for pair in PAIRS] for frame in frames]
    )


def _share_of_whole(frame: atoms.Frame) -> float:
    """Return the share of oxygens with two hydrogens that are bound to no other one."""
    oxygens, hydrogens, _ = _pairs(frame, "O-H", BONDED)
    shared = np.bincount(hydrogens, minlength=len(frame))[hydrogens] > 1
    two = np.bincount(oxygens, minlength=len(frame)) == 2
    own = np.bincount(oxygens, weights=shared, minlength=len(frame)) == 0
    return float((two & own)[frame.numbers == NUMBERS["O"]].mean())


def _pairs(frame: atoms.Frame, pair: str, cutoff: float) -> tuple[Any, Any, FloatArray]:
    """Return both atoms, in the order of the pair's elements, and the distance of all such pairs."""
    i, j, distances = pair_distances(frame, cutoff)
    first, second = (NUMBERS[name] for name in pair.split("-"))
    straight = (frame.numbers[i] == first) & (frame.numbers[j] == second)
    turned = (frame.numbers[i] == second) & (frame.numbers[j] == first) & ~straight
    return (
        np.concatenate([i[straight], j[turned]]),
        np.concatenate([j[straight], i[turned]]),
        np.concatenate([distances[straight], distances[turned]]),
    )
