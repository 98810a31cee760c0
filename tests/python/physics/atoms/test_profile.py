"""Times of an evaluation's parts: what is counted, what is refused, and that nothing else changes."""

import time

import numpy as np
import pytest

from nonideal.errors import InvalidArgument
from nonideal.physics import atoms

DIMER = atoms.Frame([29, 29], [[0, 0, 0], [0, 0, 2.2]])


def crystal(n=5):
    rng = np.random.default_rng(1)
    grid = np.stack(np.meshgrid(*3 * [np.arange(n)], indexing="ij"), -1).reshape(-1, 3)
    places = 2.6 * grid + rng.uniform(-0.2, 0.2, grid.shape)
    return atoms.Frame(np.full(len(places), 29), places, 2.6 * n * np.eye(3), True)


def model_of(**other):
    size = {"channels": 64, "layers": 3, "n_rbf": 16, "cutoff": 4.0, "seed": 1}
    return atoms.LEIGNN(["Cu"], **(size | other))


def names(parts):
    return {part.name for part in parts}


def test_parts_of_gradient_forces():
    frame, potential = crystal(), atoms.Potential(model_of(), num_threads=2)
    before = potential.compute(frame)
    start = time.perf_counter()
    parts = atoms.kernel_times(potential, frame, rounds=3)
    elapsed = time.perf_counter() - start
    assert [parts[0].name, parts[-1].name] == ["neighbors", "rest"]
    assert all(part.seconds >= 0 and part.calls >= 1 for part in parts)
    times = {part.name: part for part in parts}
    assert times["message_forward"].calls == times["message_backward"].calls == 3 * 4  # blocks of 32 atoms
    # 24 F^2 an atom and layer forward, 2 a multiply-add, without what the first and last layer leave out
    assert 70 < times["multiply"].operations / (125 * 64**2) < 2 * 3 * 24
    assert np.array_equal(potential.compute(frame).forces, before.forces)
    whole = sum(part.seconds for part in parts)
    assert 0 < 3 * whole <= elapsed  # of the fastest round; nothing is counted twice
    assert 0 < times["neighbors"].seconds < 0.5 * whole  # about 0.09


def test_kinds_of_forces_and_precisions():
    frame = crystal(3)
    for options in ({}, {"precision": "float64"}):
        potential = atoms.Potential(model_of(forces="direct"), **options)
        none, direct, gradient = (
            atoms.kernel_times(potential, frame, forces=kind, rounds=1) for kind in ("none", None, "gradient")
        )
        assert "message_backward" not in names(none) | names(direct)
        assert names(gradient) >= names(none) | {"message_backward", "update_pull"}
        counts = [
            next(p.operations for p in parts if p.name == "multiply") for parts in (none, direct, gradient)
        ]
        assert counts[0] < counts[1] < counts[2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3, DIMER), "potential: int is no Potential"),
        (
            (None, atoms.Frame([29, 8], DIMER.positions)),
            "numbers[1] = 8 is not among the model's species, 29",
        ),
        (
            (None, atoms.Frame([29, 29], np.zeros((2, 3)))),
            "positions[0] and positions[1] are 0 angstrom apart, below 0.01",
        ),
    ],
)
def test_refusals(arguments, message):
    potential, frame = arguments
    with pytest.raises(InvalidArgument) as caught:
        atoms.kernel_times(atoms.Potential(model_of()) if potential is None else potential, frame)
    assert message in str(caught.value)


def test_refused_options():
    potential = atoms.Potential(model_of())
    with pytest.raises(InvalidArgument, match=r"^rounds = 0 is outside \[1, 2\^31\)$"):
        atoms.kernel_times(potential, DIMER, rounds=0)
    with pytest.raises(InvalidArgument, match=r"^forces = 'both' is not one of none, direct, gradient$"):
        atoms.kernel_times(potential, DIMER, forces="both")
