"""Symmetries that LEIGNN has, and those that its global part breaks."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal.physics import atoms
from nonideal.physics.atoms.architecture import VARIANTS
from toys.toy_models import CELL, close, crystal, dimer, make, moved, stirred

pytestmark = pytest.mark.usefixtures("one_thread_of_torch")


def rotation(seed, proper=True):
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return q if (np.linalg.det(q) > 0) == proper else -q


# Invariants hold to this, relative to the largest number.
PRECISIONS = [(torch.float64, 1e-12), (torch.float32, 1e-5)]


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize("forces", ["gradient", "direct"])
@pytest.mark.parametrize("variant", VARIANTS)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10**6), proper=st.booleans())
def test_turns_with_the_atoms(variant, forces, dtype, tolerance, seed, proper):
    """Rotations and those with a mirror alike: energies stay, forces and stress turn."""
    frame, model = crystal(4, seed % 7), stirred(make(variant, dtype=dtype))
    turn = rotation(seed, proper)
    a = model.evaluate(frame, forces=forces, stress=True)
    turned = moved(frame, frame.positions @ turn.T, frame.cell @ turn.T)
    b = model.evaluate(turned, forces=forces, stress=True)
    close(b.energies, a.energies, tolerance)
    close(b.forces, a.forces @ turn.T, tolerance)
    close(b.stress, turn @ a.stress @ turn.T, tolerance)


@pytest.mark.parametrize("forces", ["gradient", "direct"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_inversion(variant, forces):
    """Energies are even, forces are odd."""
    frame, model = crystal(4, seed=1), stirred(make(variant))
    a, b = model.evaluate([frame, moved(frame, -frame.positions)], forces=forces)
    assert np.abs(a.forces).max() > 1e-2
    close(b.energies, a.energies, 1e-12)
    close(b.forces, -a.forces, 1e-12)


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize("forces", ["gradient", "direct"])
@pytest.mark.parametrize("variant", VARIANTS)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_neither_place_nor_order_nor_image_matters(variant, forces, dtype, tolerance, seed):
    """The whole crystal is shifted, each atom goes to an image of its own, and the order is another."""
    frame, model = crystal(5, seed % 5), stirred(make(variant, dtype=dtype))
    rng = np.random.default_rng(seed)
    order = rng.permutation(5)
    images = rng.integers(-3, 4, (5, 3)) @ CELL
    other = moved(frame, (frame.positions + images + rng.normal(size=3))[order], numbers=frame.numbers[order])
    a, b = (model.evaluate(f, forces=forces, stress=True) for f in (frame, other))
    close(b.energies, a.energies[order], tolerance)
    close(b.forces, a.forces[order], tolerance)
    close(b.stress, a.stress, tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize("forces", ["gradient", "direct"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_batch_is_its_members(variant, forces, dtype, tolerance):
    model = stirred(make(variant, dtype=dtype))
    frames = [crystal(n, seed=n, pbc=n % 2 == 0) for n in (1, 4, 0, 3, 5)]
    together = model.evaluate(frames, forces=forces, stress=True)
    for frame, found in zip(frames, together, strict=True):
        alone = model.evaluate(frame, forces=forces, stress=True)
        close(found.energies, alone.energies, tolerance)
        close(found.forces, alone.forces, tolerance)
        close(found.stress, alone.stress, tolerance)
    pairs = model.evaluate(frames, batch_size=2)
    close([p.energy for p in pairs], [p.energy for p in together], tolerance)
    assert model.evaluate([]) == []
    assert together[2].energy == 0.0
    assert together[2].forces.shape == (0, 3)


@pytest.mark.parametrize("variant", VARIANTS)
def test_relabelled_species_with_their_rows(variant):
    frame, model = crystal(), stirred(make(variant))
    other = make(variant, seed=1)
    state = model.state_dict()
    for name in ("embedding.weight", "energy_reference"):
        state[name] = state[name].flip(0)
    other.load_state_dict(state)
    swapped = moved(frame, numbers=np.where(frame.numbers == 8, 29, 8))
    other.energy_scale.copy_(model.energy_scale)
    a, b = model.evaluate(frame, stress=True), other.evaluate(swapped, stress=True)
    close(b.energies, a.energies, 1e-12)
    close(b.forces, a.forces, 1e-12)
    close(b.stress, a.stress, 1e-12)
    assert abs(model.evaluate(swapped).energy - a.energy) > 1e-2


def test_copies_of_a_cell():
    """v1's sum is not extensive; vn's mean is, and so is a network without global part."""
    frame = crystal(4)
    copies = atoms.Frame(
        np.tile(frame.numbers, 2),
        np.concatenate([frame.positions, frame.positions + CELL[0]]),
        CELL * [[2], [1], [1]],
        True,
    )

    def excess(model):
        one, two = model.evaluate([frame, copies])
        return abs(two.energy - 2 * one.energy) / abs(one.energy)

    assert excess(stirred(make("v1"))) > 1e-3
    for model in (
        make("vn"),
        make("v1", global_mode="mean"),
        make("v1", global_mode="none"),
        make("vanilla"),
    ):
        assert excess(stirred(model)) < 1e-12


def test_distant_pieces():
    """Global parts couple them at any distance; a network without one does not."""

    def coupling(model):
        a, b = dimer(1.1), dimer(1.3, (8, 29))
        both = atoms.Frame(
            [*a.numbers, *b.numbers], np.concatenate([a.positions, b.positions + np.array([30.0, 0, 0])])
        )
        parts = [p.energy for p in model.evaluate([a, b, both])]
        return abs(parts[2] - parts[0] - parts[1])

    assert coupling(stirred(make("v1"))) > 1e-6
    assert coupling(stirred(make("vn"))) > 1e-3
    for model in (make("v1", global_mode="none"), make("vanilla"), make("vanilla-nmu")):
        assert coupling(stirred(model)) < 1e-12


def test_distances_in_a_large_box_keep_their_digits():
    frame = crystal(4, pbc=False)
    model = make(dtype=torch.float32)
    near, far = model.evaluate([frame, moved(frame, frame.positions + 3e5)])
    close(far.forces, near.forces, 1e-6)
