"""What hosts add to the engine: steps of LAMMPS against bare evaluations, and calls from Python."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from nonideal.benchmarks.atoms_systems import CUTOFF, copper
from nonideal.benchmarks.harness import Benchmark, Case, Peer

from nonideal.physics import atoms
from nonideal.physics.atoms import lammps

__all__ = ["BENCHMARKS"]

_SKIN = 0.7  # angstrom
_SPEED = 0.0028  # angstrom/fs, of a component at 600 K
_TIMESTEP = 2.0  # fs
_OVERHEAD = 1.1  # a step of LAMMPS may take so many times as long as an evaluation
_WARM = 5  # steps
_CLOCK = 50e-9  # s; a clock is read faster
_SCRIPT = """
plugin load {plugin}
units metal
atom_style atomic
processors {ranks} 1 1
read_data atoms.data
pair_style leignn
pair_coeff * * {model} Cu
neighbor {skin} bin
neigh_modify every 1 delay 0 check yes
velocity all create 600 11
timestep {timestep}
fix move all nve
thermo 1000000
run {warm}
run {steps}
print "energy $(pe)"
"""


def _model(tiny: bool) -> Any:
    size = {"channels": 16, "layers": 2, "n_rbf": 8} if tiny else {"channels": 128, "layers": 3, "n_rbf": 32}
    return atoms.LEIGNN(["Cu"], cutoff=CUTOFF, seed=1, **size)


def _file(package: str, name: str) -> Path:
    files = importlib.metadata.files(package) or []
    return next(Path(str(file.locate())).resolve() for file in files if str(file).endswith(name))


def _write(path: Path, frame: atoms.Frame) -> None:
    """Write what LAMMPS reads, of atoms of copper in a cube."""
    size = float(frame.cell[0, 0])
    lines = ["copper", "", f"{len(frame)} atoms", "1 atom types"]
    lines += [f"0 {size!r} {axis}lo {axis}hi" for axis in "xyz"]
    lines += ["", "Masses", "", "1 63.546", "", "Atoms", ""]
    for index, place in enumerate(frame.positions.tolist(), 1):
        lines.append(f"{index} 1 " + " ".join(map(repr, place)))
    path.write_text("\n".join(lines) + "\n")


def _lammps(model: Any, start: atoms.Frame, steps: int, ranks: int, warm: int = _WARM) -> tuple[float, float]:
    """Return the seconds of so many steps, and the energy after them, eV."""
    mpi = str(_file("mpich", "/libmpi.so.12").parent)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        values = {
            "plugin": lammps.build_plugin(),
            "ranks": ranks,
            "model": model.save(folder / "cu.leignn"),
            "skin": _SKIN,
            "timestep": _TIMESTEP / 1000,  # ps
            "warm": warm,
            "steps": steps,
        }
        _write(folder / "atoms.data", start)
        (folder / "in.lmp").write_text(_SCRIPT.format(**values))
        words = [_file("mpich", "bin/mpiexec"), "-n", str(ranks), _file("lammps", "lammps/lmp")]
        done = subprocess.run(
            [*map(str, words), "-in", "in.lmp", "-log", "none", "-nocite"],
            cwd=folder,
            env=os.environ | {"LD_LIBRARY_PATH": mpi, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
    loops = re.findall(r"Loop time of (\S+) on", done.stdout)
    if done.returncode or len(loops) != 2:
        raise AssertionError(f"lmp failed: {done.stdout[-1000:]} {done.stderr[-1000:]}")
    return float(loops[-1]), float(done.stdout.split("energy ")[-1].split()[0])


def _bare(potential: atoms.Potential, frames: list[atoms.Frame]) -> float:
    """Return the seconds of an evaluation of each, with a list that is kept while it holds."""
    began = time.perf_counter()
    for frame in frames:
        potential.compute(frame, forces="gradient")
    return time.perf_counter() - began


def _steps(ranks: int, tiny: bool) -> Case:
    model, cells, steps = _model(tiny), 3 if tiny else 10, 2 if tiny else 20
    start = copper(cells)
    velocity = np.random.default_rng(1).normal(0, _SPEED, start.positions.shape)
    frames = [
        atoms.Frame(start.numbers, start.positions + _TIMESTEP * k * velocity, start.cell, True)
        for k in range(steps)
    ]
    potential = atoms.Potential(model, skin=_SKIN, num_threads=ranks)

    def run() -> float:
        return _lammps(model, start, steps, ranks)[0]

    def check() -> None:
        found, want = (_lammps(model, start, 0, ranks, 0)[1], potential.compute(start, forces="none").energy)
        assert abs(found - want) < 1e-5 * max(1.0, abs(want))

    count = float(len(start) * steps)
    bare = Peer(partial(_bare, potential, frames), goal=1 / _OVERHEAD)
    return Case(count, run, check, {"bare engine": bare})


def _call(tiny: bool) -> Case:
    """Return what a call takes beyond the engine's own time, of 20 atoms."""
    rng = np.random.default_rng(2)
    grid = np.stack(np.meshgrid(*3 * [np.arange(3.0)]), axis=-1).reshape(-1, 3)[:20] * 1.8
    molecule = atoms.Frame(np.full(20, 29), grid + rng.uniform(0, 0.3, size=grid.shape))
    potential = atoms.Potential(_model(True), num_threads=1)
    call: Callable[[], Any] = partial(potential.compute, molecule, forces="gradient")
    rounds = 3 if tiny else 300

    def overhead() -> float:
        """Return seconds: the fastest call less the fastest evaluation without its clocks, in turns."""
        whole, own = [], []
        for _ in range(rounds):
            began = time.perf_counter()
            call()
            whole.append(time.perf_counter() - began)
            parts = atoms.kernel_times(potential, molecule, forces="gradient", rounds=1)
            own.append(sum(part.seconds - 2 * _CLOCK * part.calls for part in parts))
        return max(min(whole) - min(own), 1e-9)

    def check() -> None:
        assert call().forces.shape == (20, 3)

    return Case(1.0, overhead, check)


_STEPS = (
    Benchmark("lammps-one-rank", "atoms", "atom-steps", partial(_steps, 1), returned=True,
              note="NVE of 4,000 copper atoms by pair style leignn, against evaluations of moving atoms"),
    Benchmark("lammps-two-ranks", "atoms", "atom-steps", partial(_steps, 2), returned=True,
              note="the same on two processes, against the engine on two threads"),
)  # fmt: skip
_CALLS = (
    Benchmark("call-molecule", "atoms", "calls", _call, floor=1 / 30e-6, returned=True,
              note="time beyond the engine's own of a call for a molecule of 20 atoms"),
)  # fmt: skip


def _can_run_lammps() -> bool:
    found = all(importlib.util.find_spec(name) is not None for name in ("ase", "lammps"))
    return found and any(map(shutil.which, ("c++", "g++", "clang++")))


BENCHMARKS = (*_CALLS, *(_STEPS if _can_run_lammps() else ()))
