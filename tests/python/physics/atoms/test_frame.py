"""Frames and the one form of a system: round trips, refusals, what is copied."""

import pickle
from types import SimpleNamespace

import ase
import ase.build
import numpy as np
import pytest
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms

from nonideal import InvalidArgument
from nonideal.physics import atoms
from nonideal.physics.atoms.system import System, as_system

STRESS = np.array([[1.0, 0.1, 0.2], [0.1, 2.0, 0.3], [0.2, 0.3, 3.0]])


def water(**changes):
    values = {
        "numbers": [8, 1, 1],
        "positions": [[0.0, 0.0, 0.1], [0.8, 0.0, 0.6], [-0.8, 0.0, 0.6]],
        "cell": [[5.0, 0, 0], [0.5, 6.0, 0], [0, 0, 7.0]],
        "pbc": [True, True, False],
        "energy": -14.0,
        "forces": [[0.1, 0, 0], [-0.05, 0, 0], [-0.05, 0, 0.0]],
        "stress": STRESS,
        "force_mask": [True, False, True],
        "info": {"source": "test"},
    }
    return atoms.Frame(**(values | changes))


def same(a, b):
    for name in ("numbers", "positions", "cell", "pbc", "forces", "stress", "force_mask"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
        assert getattr(a, name).dtype == getattr(b, name).dtype
    assert a.energy == b.energy
    assert dict(a.info) == dict(b.info)


def test_frames_are_checked_frozen_copies():
    positions = np.zeros((2, 3))
    positions[1, 0] = 1.0
    frame = atoms.Frame([1, 1], positions)
    positions[0] = 7.0
    assert frame.positions[0, 0] == 0.0
    assert (frame.numbers.dtype, frame.positions.dtype, frame.pbc.dtype) == (np.int32, np.float64, np.bool_)
    assert frame.cell.shape == (3, 3)
    assert not frame.cell.any()
    assert frame.pbc.tolist() == [False] * 3
    with pytest.raises(ValueError, match="read-only"):
        frame.positions[0] = 1.0
    with pytest.raises(AttributeError):
        frame.energy = 3.0
    with pytest.raises(TypeError):
        frame.info["a"] = 1
    assert repr(frame) == "Frame(2 atoms, periodic: none, labels: none)"
    assert repr(water()) == "Frame(3 atoms, periodic: xy, labels: energy, forces, stress)"


def test_round_trips():
    frame = water()
    same(atoms.Frame.from_ase(frame.to_ase()), frame)
    copy = pickle.loads(pickle.dumps(frame))
    same(copy, frame)
    assert not copy.positions.flags.writeable


def test_nothing_is_computed_for_a_frame():
    copper = ase.build.bulk("Cu", cubic=True)
    copper.rattle(0.05, seed=1)
    copper.calc = EMT()
    assert atoms.Frame.from_ase(copper).energy is None
    energy, forces, stress = (
        copper.get_potential_energy(),
        copper.get_forces(),
        copper.get_stress(voigt=False),
    )
    frame = atoms.Frame.from_ase(copper)
    assert frame.energy == energy
    np.testing.assert_array_equal(frame.forces, forces)
    np.testing.assert_array_equal(frame.stress, stress)
    assert frame.force_mask is None
    copper.positions[0, 0] += 0.1  # what the calculator holds is of other positions
    assert atoms.Frame.from_ase(copper).forces is None


def test_fixed_atoms_are_masked_and_their_forces_kept():
    copper = ase.build.bulk("Cu", cubic=True)
    copper.rattle(0.05, seed=1)
    copper.calc = EMT()
    forces = copper.get_forces()
    copper.set_constraint([FixAtoms([0]), FixAtoms([2])])
    frame = atoms.Frame.from_ase(copper)
    assert frame.force_mask.tolist() == [False, True, False, True]
    np.testing.assert_array_equal(frame.forces, forces)


def test_empty_and_single():
    empty = atoms.Frame([], [], energy=0.0, forces=[])
    assert len(empty) == 0
    assert empty.positions.shape == (0, 3)
    assert empty.forces.shape == (0, 3)
    assert len(as_system(ase.Atoms())) == 0
    assert len(atoms.Frame([0], [[1, 2, 3]])) == 1


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"numbers": [8, 1]}, "positions has 3 rows, there are 2 numbers"),
        ({"numbers": [8, 1, 119]}, "numbers[2] = 119 is outside [0, 118]"),
        ({"numbers": [8, -1, 1]}, "numbers[1] = -1 is outside [0, 118]"),
        ({"numbers": [8.0, 1.0, 1.0]}, "numbers has dtype float64, not an integer's"),
        ({"numbers": [[8, 1, 1]]}, "numbers has shape (1, 3), not (n_atoms,)"),
        ({"positions": [[0.0, 0, 0], [1, np.nan, 0], [2, 0, 0]]}, "positions[1, 1] = nan is not finite"),
        ({"positions": np.zeros(9)}, "positions has shape (9,), not (n_atoms, 3)"),
        ({"cell": [[5.0, 0, 0], [0, np.inf, 0], [0, 0, 7]]}, "cell[1, 1] = inf is not finite"),
        ({"cell": [5.0, 5, 5]}, "cell has shape (3,), not (3, 3)"),
        ({"cell": [[5.0, 0, 0], [0, 0, 0], [0, 0, 7]]}, "cell[1] is zero, but this axis is periodic"),
        ({"cell": None}, "cell[0] is zero, but this axis is periodic"),
        (
            {"cell": [[5.0, 0, 0], [10.0, 0, 0], [0, 0, 7]]},
            "cell is singular: its vectors span 0 of a box of such edges, below 1e-10",
        ),
        ({"pbc": [True, True]}, "pbc = [True, True] is neither one bool nor three"),
        ({"pbc": 1}, "pbc = 1 is neither one bool nor three"),
        ({"energy": np.inf}, "energy = inf is not finite"),
        ({"energy": "-3"}, "energy = '-3' is not a number"),
        ({"forces": [[0.0, 0, 0]]}, "forces has 1 rows, there are 3 numbers"),
        ({"forces": [[0.0, 0, 0], [0, 0, 0], [0, 0, np.nan]]}, "forces[2, 2] = nan is not finite"),
        ({"stress": np.zeros(6)}, "stress has shape (6,), not (3, 3)"),
        ({"force_mask": [1, 0, 1]}, "force_mask has dtype int64 and shape (3,), not bool and (n_atoms,)"),
        ({"force_mask": [True]}, "force_mask has 1 rows, there are 3 numbers"),
        ({"info": 3}, "info: int is not a mapping"),
    ],
)
def test_refusals(changes, text):
    with pytest.raises(InvalidArgument) as refused:
        water(**changes)
    assert str(refused.value) == text


def test_systems_are_taken_as_they_are():
    crystal = ase.build.bulk("NaCl", "rocksalt", a=5.64)
    system = as_system(crystal)
    assert type(system) is System
    assert system.positions is crystal.positions
    assert system.numbers.tolist() == [11, 17]
    assert system.numbers.dtype == np.int32
    np.testing.assert_array_equal(system.cell, crystal.cell.array)
    frame = water()
    assert as_system(frame) is frame


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"positions": [[0.0, 0, 0]]}, "first.positions has type list, not float64"),
        ({"positions": np.zeros((1, 3), np.float32)}, "first.positions has dtype float32, not float64"),
        ({"positions": np.zeros(3)}, "first.positions has shape (3,), not (n_atoms, 3)"),
        ({"positions": np.zeros((2, 3))}, "first.positions has 2 rows, there are 1 numbers"),
        (
            {"numbers": [1, 1], "positions": np.zeros((3, 2)).T},
            "first.positions is not C-contiguous; numpy.ascontiguousarray copies it",
        ),
        ({"positions": np.full((1, 3), -np.inf)}, "first.positions[0, 0] = -inf is not finite"),
        ({"numbers": ["H"]}, "first.numbers has dtype <U1, not an integer's"),
        ({"cell": np.eye(2)}, "first.cell has shape (2, 2), not (3, 3)"),
        ({"pbc": True, "cell": np.zeros((3, 3))}, "first.cell[0] is zero, but this axis is periodic"),
    ],
)
def test_refused_systems(changes, text):
    values = {"numbers": [1], "positions": np.zeros((1, 3)), "cell": np.eye(3), "pbc": False}
    with pytest.raises(InvalidArgument) as refused:
        as_system(SimpleNamespace(**(values | changes)), "first")
    assert str(refused.value) == text


def test_what_is_no_system():
    with pytest.raises(InvalidArgument) as refused:
        as_system({"numbers": [1]})
    assert str(refused.value) == "system: dict has no numbers; needed are numbers, positions, cell, pbc"
