"""Neighbour lists against vesin, matscipy and ASE; all on one thread, with the same arrays out."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from nonideal.benchmarks.atoms_systems import CUTOFF, copper
from nonideal.benchmarks.harness import Benchmark, Case, Peer

from nonideal.physics import atoms

__all__ = ["BENCHMARKS"]

Floats: TypeAlias = npt.NDArray[np.float64]
Lister: TypeAlias = Callable[[], Any]

LETTERS = "ijSDd"
STEEPEST = 1.1  # d log t / d log N


def _vesin(system: atoms.Frame, cutoff: float) -> Lister | None:
    if importlib.util.find_spec("vesin") is None:
        return None
    from vesin import NeighborList

    lister = NeighborList(cutoff=cutoff, full_list=True, n_threads=1)
    positions, cell, periodic = np.array(system.positions), np.array(system.cell), bool(system.pbc.all())

    def call() -> Any:
        return lister.compute(points=positions, box=cell, periodic=periodic, quantities=LETTERS, copy=True)

    return call


def _matscipy(system: atoms.Frame, cutoff: float) -> Lister | None:
    if importlib.util.find_spec("matscipy") is None:
        return None
    from matscipy.neighbours import neighbour_list

    return partial(neighbour_list, LETTERS, system.to_ase(), cutoff)


def _ase(system: atoms.Frame, cutoff: float) -> Lister | None:
    if importlib.util.find_spec("ase") is None:
        return None
    from ase.neighborlist import neighbor_list

    return partial(neighbor_list, LETTERS, system.to_ase(), cutoff)


def _as_set(arrays: Any) -> npt.NDArray[np.int64]:
    pairs = np.column_stack([np.asarray(array, dtype=np.int64) for array in arrays[:3]])
    ordered: npt.NDArray[np.int64] = pairs[np.lexsort(pairs.T[::-1])]
    return ordered


def _case(system: atoms.Frame, cutoff: float, listers: dict[str, tuple[Lister | None, float | None]]) -> Case:
    call = partial(atoms.neighbor_list, LETTERS, system, cutoff, num_threads=1)
    present = {name: (lister, goal) for name, (lister, goal) in listers.items() if lister is not None}

    def check() -> None:
        ours = _as_set(call())
        for lister, _ in present.values():
            np.testing.assert_array_equal(ours, _as_set(lister()))

    return Case(
        float(len(system)),
        call,
        check,
        {name: Peer(lister, goal=goal) for name, (lister, goal) in present.items()},
    )


def _crystal(cells: int, goal: float, tiny: bool) -> Case:
    system = copper(3 if tiny else cells)
    return _case(
        system,
        CUTOFF,
        {
            "vesin": (_vesin(system, CUTOFF), goal),
            "matscipy": (_matscipy(system, CUTOFF), 2 * goal),
            "ase": (_ase(system, CUTOFF) if tiny or cells <= 10 else None, 20 * goal),
        },
    )


def _slope(tiny: bool) -> Case:
    """Return a large list against a small one: where t ~ N^s, the rate falls by (N / n)^(s - 1)."""
    small, large = copper(3 if tiny else 5), copper(4 if tiny else 17)
    call = partial(atoms.neighbor_list, LETTERS, large, CUTOFF, num_threads=1)
    goal = (len(large) / len(small)) ** -(STEEPEST - 1)

    def check() -> None:
        count = len(call()[0])
        assert 40 * len(large) < count < 46 * len(large)

    peer = Peer(
        partial(atoms.neighbor_list, LETTERS, small, CUTOFF, num_threads=1), count=len(small), goal=goal
    )
    return Case(float(len(large)), call, check, {f"{len(small)} atoms": peer})


def _cell(tiny: bool) -> Case:
    system = copper(1)
    cutoff = 4.0 if tiny else 9.0
    return _case(
        system, cutoff, {"vesin": (_vesin(system, cutoff), 1.43), "matscipy": (_matscipy(system, cutoff), 2)}
    )


def _molecule(tiny: bool) -> Case:
    rng = np.random.default_rng(2)
    grid = np.stack(np.meshgrid(*3 * [np.arange(3.0)]), axis=-1).reshape(-1, 3)[:20] * 1.5
    system = atoms.Frame(np.full(20, 6), grid + rng.uniform(0, 0.3, size=grid.shape))
    return _case(system, CUTOFF, {"vesin": (_vesin(system, CUTOFF), 1.0)})


def _skin(tiny: bool) -> Case:
    """Return steps like those of molecular dynamics: each moves every atom by 0.01 angstrom or so."""
    system = copper(3 if tiny else 10)
    rng = np.random.default_rng(3)
    velocity = rng.normal(scale=0.006, size=system.positions.shape)  # angstrom/fs x 2 fs at 600 K
    phases = [  # atoms of a crystal turn back: amplitudes of 0.1 angstrom, periods of about 70 steps
        atoms.Frame(
            system.numbers, system.positions + 11 * velocity * np.sin(k / 11), cell=system.cell, pbc=True
        )
        for k in range(70)
    ]
    pairs = atoms.NeighborList(CUTOFF, skin=0.7, num_threads=1)

    def run() -> None:
        for phase in phases:
            pairs.update(phase)

    def check() -> None:
        run()
        last = phases[-1]
        i = np.repeat(np.arange(len(last)), np.diff(pairs.indptr))
        vectors = last.positions[pairs.neighbors] + pairs.shifts @ last.cell - last.positions[i]
        near = np.linalg.norm(vectors, axis=1) < CUTOFF
        found = np.column_stack([i, pairs.neighbors, pairs.shifts])[near]
        np.testing.assert_array_equal(found, _as_set(atoms.neighbor_list("ijS", last, CUTOFF)))

    return Case(float(len(system) * len(phases)), run, check)


BENCHMARKS = (
    Benchmark("neighbors-500", "atoms", "atoms", partial(_crystal, 5, 1.43),
              note="copper, cutoff 5 angstrom, i j S D d of all pairs, one thread; ours sorted"),
    Benchmark("neighbors-4k", "atoms", "atoms", partial(_crystal, 10, 1.43), floor=1 / 1.6e-6,
              note="copper, cutoff 5 angstrom, i j S D d of all pairs, one thread; ours sorted"),
    Benchmark("neighbors-20k", "atoms", "atoms", partial(_crystal, 17, 1.43), floor=1 / 1.6e-6,
              note="copper, cutoff 5 angstrom, i j S D d of all pairs, one thread; ours sorted"),
    Benchmark("neighbors-slope", "atoms", "atoms", _slope,
              note="19,652 atoms against 500, per atom: a slope of log t over log N of 1.1 gives 0.69"),
    Benchmark("neighbors-cell", "atoms", "atoms", _cell, note="4 atoms of copper, cutoff 9 angstrom"),
    Benchmark("neighbors-molecule", "atoms", "atoms", _molecule,
              note="20 atoms, not periodic, cutoff 5 angstrom"),
    Benchmark("neighbors-skin", "atoms", "atoms", _skin, floor=1 / 0.2e-6,
              note="4,000 atoms of copper shaking as at 600 K, steps of 2 fs, skin 0.7 angstrom"),
)  # fmt: skip
