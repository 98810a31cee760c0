"""A small network, labelled frames for it, and what of a training repeats."""

import numpy as np
import torch

from nonideal.physics import atoms
from nonideal.physics.atoms.training_data import Labelled, labelled_graphs


def model(**other):
    sizes = {"cutoff": 3.0, "channels": 8, "layers": 2, "n_rbf": 6, "seed": 2, "dtype": torch.float64}
    return atoms.LEIGNN(["O", "H"], **(sizes | other))


def periodic(n=3):
    rng = np.random.default_rng(5)
    cell = np.diag([2.9, 3.1, 3.3])
    return [
        atoms.Frame(
            [1, 8, 1],
            np.array([[0, 0, 0], [1.2, 1.3, 0.1], [0.1, 1.4, 1.7]]) + rng.normal(size=(3, 3)) * 0.1,
            cell,
            True,
            energy=rng.normal(),
            forces=rng.normal(size=(3, 3)),
            stress=np.eye(3) * rng.normal(),
            force_mask=None if index else [True, False, True],
        )
        for index in range(n)
    ]


def batch_of(network, given):
    return Labelled.join(labelled_graphs(given, network))


def strip(history):
    return [{**vars(record), "seconds": 0.0, "cpu_seconds": 0.0} for record in history]
