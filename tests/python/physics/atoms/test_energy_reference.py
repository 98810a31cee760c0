"""Energies per element by least squares."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal.errors import InvalidArgument
from nonideal.physics import atoms


def frame(numbers, energy):
    places = np.zeros((len(numbers), 3))
    places[:, 0] = np.arange(len(numbers))
    return atoms.Frame(numbers, places, energy=energy)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_sums_of_elements_are_found(seed):
    rng = np.random.default_rng(seed)
    true = {8: rng.normal() * 1e3, 1: rng.normal() * 10, 29: rng.normal() * 1e4}
    compositions = [rng.choice([1, 8, 29], rng.integers(1, 9)) for _ in range(12)] + [[1], [8, 1], [29, 8]]
    frames = [frame(c, sum(true[int(n)] for n in c)) for c in compositions]
    found = atoms.fit_energy_reference(frames, ["O", "H", 29])
    assert list(found) == ["O", "H", "Cu"]
    assert list(found.values()) == pytest.approx(list(true.values()), rel=1e-8, abs=1e-8)


def test_one_composition_gives_the_shortest_solution():
    frames = [frame([8, 1, 1] * n, -467.25 * n) for n in (1, 2, 64)]
    found = atoms.fit_energy_reference(frames, ["O", "H", "Cu"])
    # Shortest (a, b, c) with a + 2 b = -467.25: along (1, 2, 0).
    assert found == pytest.approx({"O": -467.25 / 5, "H": -2 * 467.25 / 5, "Cu": 0.0}, abs=1e-9)


def test_other_methods():
    frames = [frame([8, 1], -10.0), frame([8], -20.0)]
    assert atoms.fit_energy_reference(frames, ["O", "H"], "mean") == {"O": -10.0, "H": -10.0}
    assert atoms.fit_energy_reference(frames, ["O", "H"], "none") == {"O": 0.0, "H": 0.0}
    assert atoms.fit_energy_reference([frame([], 0.0)], ["O"]) == {"O": 0.0}


def test_ase_atoms_with_results():
    copper = atoms.Frame([29], [[0, 0, 0]], energy=-3.5).to_ase()
    assert atoms.fit_energy_reference([copper], ["Cu"]) == {"Cu": pytest.approx(-3.5)}


@pytest.mark.parametrize(
    ("frames", "species", "method", "message"),
    [
        ([], ["O"], "mean", "frames is empty"),
        (3, ["O"], "mean", "frames = 3 is not a sequence"),
        ([frame([8], None)], ["O"], "mean", "frames[0] has no energy"),
        ([frame([8], 1.0), frame([1], 1.0)], ["O"], "none", "frames[1] holds H, which is not in species"),
        ([3], ["O"], "mean", "frames[0] is of type int, not Frame or ase.Atoms"),
        ([frame([8], 1.0)], ["O"], "median", "method = 'median' is not one of per-element, mean, none"),
        ([frame([8], 1.0)], [], "mean", "species is empty"),
    ],
)
def test_refusals(frames, species, method, message):
    with pytest.raises(InvalidArgument) as caught:
        atoms.fit_energy_reference(frames, species, method)
    assert str(caught.value) == message
