"""The engine in C++ against the oracle, finite differences, and itself in other circumstances."""

import numpy as np
import pytest
import torch

from nonideal.errors import InvalidArgument
from nonideal.physics import atoms
from nonideal.physics.atoms.architecture import GLOBAL_MODES, VARIANTS, architecture
from nonideal.physics.atoms.model_file import ModelFile
from oracles import leignn as oracle

CELL = np.array([[3.4, 0.3, 0.0], [-0.2, 3.1, 0.4], [0.5, 0.0, 3.6]])
SMALL = {"cutoff": 3.0, "channels": 10, "layers": 3, "n_rbf": 6}


def crystal(n=4, seed=2, pbc=True):
    """Atoms in a small, tilted cell, none nearer than 0.9 angstrom to another or its images."""
    rng = np.random.default_rng(seed)
    numbers = rng.choice([8, 29], n)
    shifts = np.array(np.meshgrid([-1, 0, 1], [-1, 0, 1], [-1, 0, 1])).reshape(3, -1).T @ CELL
    while True:
        places = rng.uniform(-0.5, 1.5, (n, 3)) @ CELL
        steps = places[None, :, None] - places[:, None, None] + shifts
        distances = np.linalg.norm(steps, axis=-1)
        if distances[distances > 1e-9].min() > 0.9:
            return atoms.Frame(numbers, places, CELL, pbc)


class Network(ModelFile):
    """A network of random weights, larger than at first, so that what is small there isn't hidden."""

    def save(self, path):
        self.write(path)

    @classmethod
    def make(cls, variant="v1", *, species=(8, 29), seed=1, size=0.6, dtype=np.float64, **other):
        shape = architecture(species, **(SMALL | {"variant": variant} | other))
        rng = np.random.default_rng(seed)
        tensors = {
            name: (size * rng.normal(size=dims) / np.sqrt(dims[-1])).astype(dtype)
            for name, dims in shape.parameters().items()
        }
        tensors["embedding.weight"] *= np.sqrt(shape.channels)
        return cls(shape, tensors, 1.7, tuple(-3.0 + 3.25 * np.arange(len(shape.species))), {"seed": seed})

    def state_dict(self):
        energies = {"energy_scale": self.energy_scale, "energy_reference": self.energy_reference}
        return {
            name: torch.as_tensor(value, dtype=torch.float64) for name, value in (self.tensors | energies).items()
        }


def expected(model, frame):
    shape = model.architecture
    rows = [shape.species.index(n) for n in frame.numbers]
    return oracle.predict(
        model.state_dict(),
        rows,
        frame.positions.copy(),
        frame.cell.copy(),
        frame.pbc,
        cutoff=shape.cutoff,
        layers=shape.layers,
        variant=shape.variant,
        smooth=shape.smooth_cutoff,
        norm=shape.vector_norm,
        mode=shape.global_mode,
        exponent=shape.envelope_exponent,
    )


def off(found, want, energy):
    """Largest difference, relative to max(1 eV, abs(E))."""
    found, want = np.asarray(found), np.asarray(want)
    assert found.shape == want.shape
    return np.max(np.abs(found - want), initial=0.0) / max(1.0, abs(float(energy)))


def check(potential, frame, want, tolerance):
    energy = want["energy"]
    found = potential.compute(frame, forces="gradient", stress=True)
    assert off(found.energy, energy, energy) < tolerance
    assert off(found.energies, want["energies"], energy) < tolerance
    assert off(found.forces, want["gradient"], energy) < tolerance
    assert off(found.stress, want["stress"], energy) < tolerance
    direct = potential.compute(frame, forces="direct", stress=True)
    assert off(direct.energy, energy, energy) < tolerance
    assert off(direct.forces, want["direct"], energy) < tolerance
    assert off(direct.stress, want["stress"], energy) < tolerance
    plain = potential.compute(frame, forces="none")
    assert off(plain.energies, want["energies"], energy) < tolerance
    assert plain.forces is None


CASES = [
    (variant, mode, smooth, norm)
    for variant in VARIANTS
    for mode in GLOBAL_MODES[variant]
    for smooth, norm in ((True, "smooth"), (False, "clamp"))
]


@pytest.mark.parametrize(("variant", "mode", "smooth", "norm"), CASES)
def test_equals_the_oracle(variant, mode, smooth, norm):
    model = Network.make(variant, global_mode=mode, smooth_cutoff=smooth, vector_norm=norm)
    frame = crystal()
    want = expected(model, frame)
    check(atoms.Potential(model, precision="float64"), frame, want, 1e-9)
    check(atoms.Potential(model, radial="exact"), frame, want, 2e-5)
    check(atoms.Potential(model), frame, want, 1e-4)
