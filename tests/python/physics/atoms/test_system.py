"""Checks of systems: all at once in C++, and one by one in Python, say the same."""

from types import SimpleNamespace

import numpy as np
import pytest
from ase import Atoms

from nonideal import _core
from nonideal.errors import InvalidArgument
from nonideal.physics.atoms.system import System, as_system

GOOD = {
    "numbers": np.array([1, 8]),
    "positions": np.array([[0.0, 0.1, 0.2], [1.0, 1.1, 1.2]]),
    "cell": np.array([[3.0, 0.0, 0.0], [0.4, 3.0, 0.0], [0.0, -0.2, 3.0]]),
    "pbc": np.array([True, False, True]),
}
SHIFTED = np.frombuffer(bytes(1) + GOOD["positions"].tobytes() + bytes(7), np.uint8)[1:49]
VARIED = {
    "numbers": [
        *(GOOD["numbers"].astype(kind) for kind in ("i4", "i8", "u1", "i2", ">i8", "f8", "c16", "?", "O")),
        *(
            [1, 8],
            (1, 8),
            "ab",
            None,
            3,
            np.array([1, 8, 8]),
            np.array([[1, 8]]),
            np.zeros(0, int),
            [],
            [1, [8]],
        ),
        *(np.array(pair) for pair in ([0, 118], [-1, 8], [1, 119], [1, 2**40], [1, -(2**63)])),
        *(np.array([1, 2, 8, 2])[::2], np.array([1, 8]).view(np.matrix)),
    ],
    "positions": [
        *(GOOD["positions"].astype(kind) for kind in ("f4", ">f8", "i8", "c16", "f16", "O")),
        *(
            GOOD["positions"].tolist(),
            None,
            1.0,
            "ab",
            np.zeros((0, 3)),
            np.zeros((2, 2)),
            np.zeros((2, 3, 1)),
        ),
        *(np.asfortranarray(GOOD["positions"]), np.zeros((2, 6))[:, ::2], np.zeros((3, 3))),
        *(
            np.where([[0, 0, 0], [0, 1, 0]], odd, GOOD["positions"])
            for odd in (np.nan, np.inf, -np.inf, 1e300)
        ),
        SHIFTED.view(np.float64).reshape(2, 3),
    ],
    "cell": [
        *(GOOD["cell"].astype(kind) for kind in ("f4", "i8", "c16", "O")),
        *(None, GOOD["cell"].tolist(), GOOD["cell"].T, np.zeros((3, 3)), np.eye(3)[:2], np.eye(4), "ab", 3.0),
        *(np.diag([3.0, 0.0, 3.0]), np.diag([0.0, 3.0, 3.0]), np.ones((3, 3)), np.full((3, 3), np.nan)),
        *(Atoms(cell=[3, 4, 5]).cell, SimpleNamespace(array=np.eye(3)), [[1, 2], [3]]),
    ],
    "pbc": [
        *(True, False, [True, False, True], np.array(True), np.ones(3, int), np.ones(4, bool), None, "ab"),
        np.ones(6, bool)[::2],
    ],
}


def outcome(system):
    try:
        found = as_system(system, "it")
    except InvalidArgument as refused:
        return str(refused)
    for name in GOOD:
        assert getattr(found, name).flags.c_contiguous
    return [(name, value.dtype, value.tolist()) for name, value in ((n, getattr(found, n)) for n in GOOD)]


@pytest.mark.parametrize("name", GOOD)
def test_both_ways_say_the_same(name, monkeypatch):
    systems = [SimpleNamespace(**GOOD)] + [SimpleNamespace(**GOOD | {name: value}) for value in VARIED[name]]
    at_once = [outcome(system) for system in systems]
    assert any(isinstance(found, str) for found in at_once)
    monkeypatch.setattr(_core.atoms, "plain_system", lambda *_, **__: None)
    assert at_once == [outcome(system) for system in systems]


def test_what_is_plain_takes_the_quick_way(monkeypatch):
    """And shares what it may: positions, not the cell."""
    quick = _core.atoms.plain_system
    taken = []
    monkeypatch.setattr(
        _core.atoms, "plain_system", lambda *given, **named: taken.append(quick(*given, **named)) or taken[-1]
    )
    for system in (SimpleNamespace(**GOOD), Atoms("H2O", np.eye(3)), Atoms("Cu", cell=np.eye(3), pbc=True)):
        found = as_system(system)
        assert isinstance(found, System)
        assert np.shares_memory(found.positions, system.positions)
        assert not np.shares_memory(found.cell, np.asarray(system.cell))
    assert len(taken) == 3
    assert None not in taken
