"""Trajectories: shapes, files that were damaged, cuts."""

import numpy as np
import pytest

from nonideal import InvalidArgument
from nonideal.physics import atoms
from nonideal.physics.atoms.trajectory import uniform_step

N, T = 3, 4


def values(**changes):
    rng = np.random.default_rng(0)
    held = {
        "numbers": [8, 1, 1],
        "time": np.arange(T) * 2.0,
        "positions": rng.normal(size=(T, N, 3)),
        "velocities": rng.normal(size=(T, N, 3)),
        "forces": rng.normal(size=(T, N, 3)),
        "cells": np.diag([5.0, 6.0, 7.0]),
        "pbc": [True, True, False],
        "potential_energy": rng.normal(size=T),
        "kinetic_energy": rng.random(T),
        "masses": [16.0, 1.0, 1.0],
        "ensemble": "nve",
        "seed": 2**64 - 1,
    }
    return held | changes


ARRAYS = (
    *("numbers", "time", "positions", "velocities", "forces", "cells", "pbc"),
    *("potential_energy", "kinetic_energy", "masses"),
)


def test_a_file_gives_back_every_bit(tmp_path):
    one = atoms.Trajectory(**values())
    again = atoms.Trajectory.load(one.save(tmp_path / "run.npz"))
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(again, name))
        assert getattr(one, name).dtype == getattr(again, name).dtype
    assert (again.ensemble, again.seed) == ("nve", 2**64 - 1)


def test_what_is_missing_stays_missing(tmp_path):
    one = atoms.Trajectory([1], [0.0], np.zeros((1, 1, 3)))
    again = atoms.Trajectory.load(one.save(tmp_path / "run.npz"))
    assert again.velocities is None
    assert again.seed is None
    assert again.ensemble == ""
    with pytest.raises(InvalidArgument, match=r"^trajectory: velocities is missing$"):
        again.needed("velocities")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"positions": np.zeros((T, N))}, r"positions: shape \(4, 3\) is not \(steps, atoms, 3\)"),
        ({"positions": np.full((T, N, 3), np.nan)}, r"positions\[0, 0, 0\] = nan is not finite"),
        ({"numbers": [8, 1]}, r"positions\[0\] has 3 rows, there are 2 numbers"),
        ({"numbers": [8.0, 1.0, 1.0]}, r"numbers has dtype float64, not an integer's"),
        ({"time": [0.0, 1.0, 1.0, 2.0]}, "time: not every step is later than the one before"),
        ({"time": [0.0, 1.0]}, r"time: shape \(2,\) is not \(4,\)"),
        ({"velocities": np.zeros((T, 2, 3))}, r"velocities: shape \(4, 2, 3\) is not \(4, 3, 3\)"),
        ({"kinetic_energy": np.zeros(3)}, r"kinetic_energy: shape \(3,\) is not \(4,\)"),
        ({"masses": [1.0, 0.0, 1.0]}, r"masses: the smallest, 0.0, is not > 0"),
        ({"cells": np.zeros((2, 3, 3))}, r"cells: shape \(2, 3, 3\) is neither \(3, 3\) nor \(4, 3, 3\)"),
        ({"cells": None}, r"cells\[0\] is zero, but this axis is periodic"),
        ({"cells": np.stack([np.eye(3)] * 3 + [np.ones((3, 3))])}, r"cells\[3\] is singular: .*"),
        ({"pbc": 1}, "pbc = 1 is neither one bool nor three"),
        ({"ensemble": "npt"}, "ensemble = 'npt' is not one of nve, langevin, nose-hoover"),
        ({"seed": -1}, r"seed = -1 is outside \[0, 2\^64\)"),
    ],
)
def test_refusals(changes, message):
    with pytest.raises(InvalidArgument, match=f"^{message}$"):
        atoms.Trajectory(**values(**changes))


def test_files_that_are_no_trajectories(tmp_path):
    path = atoms.Trajectory(**values()).save(tmp_path / "run.npz")
    whole = path.read_bytes()
    bad = tmp_path / "bad.npz"
    for damaged in (b"", whole[:100], whole[: len(whole) // 2], b"nothing of the kind"):
        bad.write_bytes(damaged)
        with pytest.raises(InvalidArgument, match=r"^bad\.npz "):
            atoms.Trajectory.load(bad)
    for position in range(60, len(whole), 211):  # one wrong byte: an error, or bytes that nothing reads
        bad.write_bytes(whole[:position] + bytes([whole[position] ^ 0xFF]) + whole[position + 1 :])
        try:
            again = atoms.Trajectory.load(bad)
        except InvalidArgument:
            continue
        np.testing.assert_array_equal(again.positions, values()["positions"])
    np.savez(bad, x=np.zeros(3))
    with pytest.raises(InvalidArgument, match=r"^bad\.npz is not a trajectory that nonideal saved$"):
        atoms.Trajectory.load(bad)
    np.save(tmp_path / "array.npy", np.zeros(3))
    with pytest.raises(InvalidArgument, match=r"^array\.npy is not a file of named arrays$"):
        atoms.Trajectory.load(tmp_path / "array.npy")
    with pytest.raises(InvalidArgument, match=r"missing\.npz is not a file$"):
        atoms.Trajectory.load(tmp_path / "missing.npz")
    with pytest.raises(InvalidArgument, match=r"run\.txt does not end in \.npz$"):
        atoms.Trajectory(**values()).save(tmp_path / "run.txt")


def test_cuts_are_slices():
    one = atoms.Trajectory(**values())
    part = one.cut(1, 3)
    np.testing.assert_array_equal(part.time, [2.0, 4.0])
    np.testing.assert_array_equal(part.forces, one.forces[1:3])
    assert part.seed == one.seed
    with pytest.raises(InvalidArgument, match=r"^\[4:None\] holds none of the 4 steps$"):
        one.cut(4)


def test_one_step_is_a_frame():
    one = atoms.Trajectory(**values())
    frame = one.frame(-1)
    np.testing.assert_array_equal(frame.positions, one.positions[3])
    np.testing.assert_array_equal(frame.forces, one.forces[3])
    assert frame.energy == one.potential_energy[3]


def test_temperature_counts_what_can_move():
    one = atoms.Trajectory(**values(kinetic_energy=np.full(T, 1.0)))
    np.testing.assert_allclose(one.temperature, 2 / (3 * N - 3) / 8.617333262e-5, rtol=1e-9)
    with pytest.raises(InvalidArgument, match="1 atoms with their centre of mass at rest don't move"):
        _ = atoms.Trajectory([1], [0.0], np.zeros((1, 1, 3)), kinetic_energy=[1.0]).temperature


def test_uneven_times_are_told_apart_from_rounding():
    assert uniform_step(atoms.Trajectory(**values(time=np.arange(T) * 0.1))) == pytest.approx(0.1)
    with pytest.raises(InvalidArgument, match=r"^trajectory.time: steps between 1 and 3 fs, where one is"):
        uniform_step(atoms.Trajectory(**values(time=[0.0, 1.0, 2.0, 5.0])))
