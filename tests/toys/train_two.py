"""One of several processes that train the same model; argv: folder, rank, number of processes, backend."""

import json
import sys
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import torch

from nonideal.physics import atoms


def frames(n, seed=0):
    """Small clusters, each atom on a spring to their centre."""
    rng = np.random.default_rng(seed)
    found = []
    for index in range(n):
        size = 2 + index % 3
        places = np.arange(size)[:, None] * [1.1, 0.2, 0.0] + rng.normal(size=(size, 3)) * 0.15
        centred = places - places.mean(axis=0)
        found.append(
            atoms.Frame(
                rng.choice([1, 8], size),
                places,
                energy=0.5 * (centred**2).sum() - 3.0 * size,
                forces=-centred,
            )
        )
    return found


def trainer(**other):
    """The trainer that all of them have."""
    options = {"batch_size": 3, "lr": 5e-3, "seed": 4, "patience": 1, "steps_per_epoch": 4}
    model = atoms.LEIGNN(["O", "H"], cutoff=3.0, channels=8, layers=2, n_rbf=6, seed=2, dtype=torch.float64)
    return atoms.Trainer(model, frames(7), frames(4, seed=9), **(options | other))


if __name__ == "__main__":
    folder, rank, size = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    torch.distributed.init_process_group(
        "gloo",
        init_method=f"file://{folder}/meet",
        rank=rank,
        world_size=size,
        timeout=timedelta(seconds=60),
    )
    run = trainer(output=folder / "run")
    run.fit(steps=10)
    run.model.save(folder / f"rank{rank}.leignn")

    timed = trainer()
    step = timed._one_step

    def slow(fraction):
        """One of them spends more of its processor, and stops with the other all the same."""
        step(fraction)
        until = time.process_time() + 0.02 * rank
        while time.process_time() < until:
            pass

    timed._one_step = slow
    result = timed.fit(cpu_seconds=0.5)
    found = {"steps": result.steps, "cpu_seconds": result.cpu_seconds}
    (folder / f"rank{rank}.json").write_text(json.dumps(found))
    torch.distributed.destroy_process_group()
