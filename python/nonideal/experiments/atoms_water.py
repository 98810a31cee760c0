"""Water from density-functional theory: a potential that is trained in minutes, and the liquid that it makes.

Frames of 64 molecules with energies and forces, of others, are learnt by one network with gradient forces. It
is tested on frames that it has not seen, and then moves the atoms itself: does the liquid stay a liquid, with
the structure of the frames, and is energy conserved?

Sources: Z. Yang et al., arXiv 2311.02869 (2023), whose code has the published figures for another set of
water; the frames are an example of DeePMD-kit (see `nonideal.data.STRUCTURES`), and are not part of nonideal.

Full scale trains for 15 minutes and simulates 70 ps; with ``--workers 2`` the simulations run side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nonideal.data import find_structures
from nonideal.errors import InvalidArgument
from nonideal.experiments import ByScale, Result, Runner, make_result, option, redeclared
from nonideal.experiments._atoms_options import TrainingConfig
from nonideal.experiments._water_shards import check_frames, encoded, learn, move, refer
from nonideal.experiments._water_tables import Findings, answer, comparison, curves, metrics, tables
from nonideal.shards import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUESTION = "Real density-functional water: how good after minutes, and does the liquid stay a liquid?"
QUICK_TIME = "100 s, with data"
EXTRAS: tuple[str, ...] = ("atoms",)

#: Steps of an epoch.
_EPOCH = {"quick": 50, "full": 200}


@dataclass(frozen=True, kw_only=True)
class Config(TrainingConfig):
    """Options of the experiment."""

    data: str | None = option(
        None,
        help="folder of DeePMD systems of water, the last of which, by name, is tested on; without it "
        "deepmd-water in the folder that NONIDEAL_DATA names",
    )
    download: bool = option(
        False, help="allow the download of deepmd-water where it is not on this machine and data is not given"
    )
    valid_fraction: float = option(
        0.1, help="share of the frames to learn from that tells when to stop", above=0, maximum=0.5
    )
    lr: float = redeclared(TrainingConfig, "lr", 8e-3)
    train_seconds: float = redeclared(
        TrainingConfig, "train_seconds", ByScale(40.0, 900.0), help="CPU seconds of training, on one thread"
    )
    timestep: float = redeclared(TrainingConfig, "timestep", 0.5, maximum=5)
    md_time: float = redeclared(TrainingConfig, "md_time", ByScale(2.0, 50.0), minimum=1)
    drift_time: float = redeclared(TrainingConfig, "drift_time", ByScale(2.0, 20.0))
    bins: int = redeclared(TrainingConfig, "bins", 120, help="of g(r) by pairs of elements, to 6 angstrom")
    batch_size: int = option(1, help="frames per step of training", minimum=1, maximum=1024)
    temperature: float = option(330.0, help="of the dynamics", unit="K", minimum=1, maximum=5000)
    thermostat_friction: float = option(
        0.01, help="of Langevin's thermostat; the paper's was 0.79", unit="1/fs", above=0, maximum=1
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.thermostat_friction * self.timestep >= 1:
            raise InvalidArgument(
                f"thermostat_friction = {self.thermostat_friction:g} / fs is not < {1 / self.timestep:g}, "
                "one over the timestep"
            )


def run(config: Config, runner: Runner | None = None) -> Result:
    """Learn the frames, and simulate.

    Parameters
    ----------
    config : Config
        What to vary.
    runner : Runner or None
        Where shards run; None: here, quietly. With a folder, the model goes there as ``model.leignn``.

    Returns
    -------
    Result
        Errors of energies and forces, structure of the liquid beside the frames', stability, drift.

    Raises
    ------
    InvalidArgument
        If there are no frames, or not of water: the text says where they are to be had.
    """
    folder = _folder(config)
    config = config.with_seed()
    runner = runner or Runner()
    common = {
        "folder": str(folder.resolve()),
        "digest": check_frames(folder),
        "temperature": config.temperature,
        "timestep": config.timestep,
        "friction": config.thermostat_friction,
        "bins": config.bins,
        "seed": config.seed or 0,
    }
    training = {
        "valid_fraction": config.valid_fraction,
        "batch_size": config.batch_size,
        "steps_per_epoch": _EPOCH[config.scale],
        **config.training,
    }
    frames = runner.map(refer, [common], label="frames")[0]
    model = runner.map(learn, [{**common, **training}], label="training")[0]
    if runner.out is not None:
        write_atomically(runner.out / "model.leignn", model["model"].tobytes())
    moving = {**common, "model": encoded(model["model"])}
    times = {
        "md_time": config.md_time,
        "drift_time": config.drift_time,
    }
    liquid, free = runner.map(
        move, [{**moving, name: time} for name, time in times.items()], label="dynamics"
    )
    findings = Findings(frames, model, liquid, free, config, times["md_time"])
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


def _folder(config: Config) -> Path:
    """Return where the frames are, or say what is missing."""
    if config.data is None:
        return find_structures("deepmd-water", download=config.download)
    folder = Path(config.data)
    if not folder.is_dir():
        raise InvalidArgument(f"data = {config.data!r} is no folder")
    return folder


def _limits(config: Config) -> list[str]:
    found = [
        "Frames are shuffled: some to learn from are near some to test on. Errors are of interpolation.",
        "Frames have no order in time: how fast their liquid moves is not told, and not compared.",
        "Nuclei are classical, in the frames and here; the functional's errors are learnt with it.",
        "One small cell, and one simulation from one start: what a larger cell would show is not seen.",
        "One training: another seed gives somewhat other errors, which no error bar here tells.",
    ]
    if config.variant == "v1":
        found.append("The network's global sum is not extensive (v1): this model is for cells of this size.")
    return found + config.limits_of_training


def figures(result: Result) -> dict[str, Figure]:
    """Draw parity, learning, structure, forces, and the dynamics."""
    from nonideal.experiments._water_figures import draw

    return draw(result)
