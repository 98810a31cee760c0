"""A small experiment that goes through the whole harness: pi by counting random points in a disc."""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nonideal import Estimate
from nonideal.experiments import (
    BaseConfig,
    Comparison,
    Curve,
    Grid,
    Result,
    Runner,
    Table,
    make_result,
    option,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUESTION = "How many points does it take to know π?"
QUICK_TIME = "1 s"
EXTRAS: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Config(BaseConfig):
    points: Grid = option("1000,10000", help="points per shard", unit="point", minimum=10)
    shards: int = option(4, help="shards per number of points", minimum=2, maximum=1000)
    method: str = option("disc", help="what is counted", choices=("disc", "corner"))
    pause: float = option(0.0, help="time that a shard sleeps", unit="second", minimum=0, maximum=60)
    arrays: bool = option(False, help="let shards return arrays")


@dataclass(frozen=True)
class Shard:
    seed: int
    index: int
    points: int
    method: str
    pause: float
    arrays: bool


def count(shard: Shard) -> dict[str, object]:
    time.sleep(shard.pause)
    numbers = np.random.Generator(np.random.Philox(key=shard.seed, counter=[0, 0, shard.index, shard.points]))
    inside = np.hypot(*numbers.random((2, shard.points))) < 1
    hits = inside.sum() if shard.method == "disc" else shard.points - inside.sum()
    log = os.environ.get("TOY_LOG")  # lets a test see how often each shard was computed
    if log:
        with Path(log).open("a", encoding="utf-8") as file:
            file.write(f"{shard.points}-{shard.index}\n")
    if shard.arrays:
        return {"hits": hits, "threads": np.array(os.environ.get("NONIDEAL_NUM_THREADS", ""))}
    return {"hits": hits, "threads": os.environ.get("NONIDEAL_NUM_THREADS", "")}


def run(config: Config, runner: Runner | None = None) -> Result:
    config = config.with_seed()
    runner = runner or Runner()
    estimates = []
    for points in config.points:
        shards = [
            Shard(config.seed, index, int(points), config.method, config.pause, config.arrays)
            for index in range(config.shards)
        ]
        found = runner.map(count, shards, label=f"{points:g} points")
        share = Estimate.from_samples([float(item["hits"]) / points for item in found])
        value = 4 * share.value if config.method == "disc" else 4 - 4 * share.value
        estimates.append(Estimate(value, 4 * share.standard_error, config.shards))
    best = estimates[-1]
    return make_result(
        __name__,
        config,
        answer=f"With {config.points.values[-1]:g} points in each of {config.shards} shards, π = {best}.",
        metrics={"pi": best, "points_in_all": Estimate.exact(sum(config.points) * config.shards, "point")},
        curves={
            "pi_vs_points": Curve.from_estimates(
                config.points, estimates, x_label="points per shard", y_label="π"
            )
        },
        comparison=[
            Comparison("π", "3.14159 (Archimedes: 223/71 < π < 22/7)", best, "statistical error only")
        ],
        tables={
            "points": Table(
                "Points",
                ("points", "π"),
                [(int(n), e) for n, e in zip(config.points, estimates, strict=True)],
            )
        },
        limits=["The random numbers are pseudo-random & there are <finitely> many."],
    )


def figures(result: Result) -> dict[str, Figure]:
    from nonideal.report.figures import draw_curve, new_figure

    figure, axes = new_figure("The error bar shrinks with the root of the number of points.")
    draw_curve(axes, result.curves["pi_vs_points"], label="counted")
    axes.axhline(math.pi, color="#767676", linestyle="--", label="π")
    axes.set_xscale("log")
    axes.legend()
    return {"pi": figure}
