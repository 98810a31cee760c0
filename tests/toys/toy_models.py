"""Small networks with weights that hide nothing, and structures for them."""

import numpy as np
import torch

from nonideal.physics import atoms

SMALL = {"cutoff": 3.0, "channels": 8, "layers": 2, "n_rbf": 6, "dtype": torch.float64}
CELL = np.array([[3.4, 0.3, 0.0], [-0.2, 3.1, 0.4], [0.5, 0.0, 3.6]])


def crystal(n=5, seed=0, pbc=True):
    rng = np.random.default_rng(seed)
    numbers = rng.choice([8, 29], n)
    while True:
        places = rng.uniform(0, 1, (n, 3)) @ CELL
        frame = atoms.Frame(numbers, places, CELL, pbc)
        distances = atoms.Graph.build(frame, 6.0).vectors().norm(dim=1)
        if not len(distances) or distances.min() > 0.9:
            return frame


def moved(frame, positions=None, cell=None, numbers=None):
    return atoms.Frame(
        frame.numbers if numbers is None else numbers,
        frame.positions if positions is None else positions,
        frame.cell if cell is None else cell,
        frame.pbc,
    )


def make(variant="v1", **other):
    return atoms.LEIGNN([8, 29], **(SMALL | {"variant": variant, "seed": 5} | other))


def stirred(model, seed=1, size=0.3):
    """The same network with larger weights: what is small by initialisation is not hidden."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            weight += size * torch.randn(weight.shape, generator=generator, dtype=torch.float64).to(weight)
        model.energy_scale.fill_(1.7)
        model.energy_reference.copy_(torch.tensor([-3.0, 0.25]))
    return model


def close(a, b, tolerance=1e-9):
    a, b = np.asarray(a), np.asarray(b)
    assert a.shape == b.shape
    scale = max(1.0, float(np.max(np.abs(b), initial=0.0)))
    assert np.max(np.abs(a - b), initial=0.0) <= tolerance * scale


def dimer(distance, numbers=(29, 29)):
    return atoms.Frame(numbers, [[0, 0, 0], [0.0, 0.0, distance]])
