"""Neighbour lists against brute force, ASE, vesin and matscipy; refusals; skins; threads."""

import subprocess
import sys

import ase.build
import ase.neighborlist
import matscipy.neighbours
import numpy as np
import pytest
import vesin
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nonideal import InvalidArgument
from nonideal.physics import atoms
from oracles import atoms_neighbors as oracle

COUNTS = st.integers(0, 25)
STEP = np.array([1.0, 0.0, 0.0])


def frame(positions, cell=None, pbc=False):
    return atoms.Frame(np.ones(len(positions), int), positions, cell=cell, pbc=pbc)


@st.composite
def systems(draw, counts=COUNTS):
    """Any cell that isn't flat, with any periodicity, and atoms in and out of it; and a cutoff."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(counts)
    pbc = np.array([draw(st.booleans()) for _ in range(3)])
    lengths = np.array([draw(st.sampled_from([0.9, 2.0, 5.0, 9.0])) for _ in range(3)])
    tilt = draw(st.sampled_from([0.0, 0.4, 1.5]))
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]  # half of them turn the hand over
    cell = (np.diag(lengths) + tilt * np.tril(rng.normal(size=(3, 3)), -1) * lengths[:, None]) @ rotation
    cutoff = draw(st.sampled_from([0.7, 1.6, 3.1]))
    # Not more pairs than brute force can take.
    density = n / abs(np.linalg.det(cell)) if pbc.any() else 0.0
    assume(density * cutoff**3 * n < 20_000)
    spread = draw(st.sampled_from([0.5, 1.0, 2.5]))
    positions = (rng.uniform(-spread, 1 + spread, size=(n, 3)) @ cell) * draw(st.sampled_from([0.3, 1.0]))
    if draw(st.booleans()):
        cell = cell * np.where(pbc, 1.0, 0.0)[:, None]  # no vector where there is no image
    return positions, cell, pbc, cutoff + rng.uniform(0, 0.1)


def apart(positions, cell, pbc):
    """Whether no two atoms are so near that the list refuses them."""
    return not len(oracle.neighbors(positions, cell, pbc, 0.011)[0])


def equal(got, want):
    for name, a, b in zip("ijS", got, want, strict=False):
        np.testing.assert_array_equal(a, b, err_msg=name)
        assert a.dtype == np.int64
        assert a.shape == b.shape
    for a, b in zip(got[3:], want[3:], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12, rtol=0)
        assert a.shape == b.shape


@settings(max_examples=150, deadline=None)
@given(systems(), st.booleans())
def test_all_pairs_by_brute_force(system, half):
    positions, cell, pbc, cutoff = system
    assume(apart(positions, cell, pbc))
    got = atoms.neighbor_list("ijSDd", frame(positions, cell, pbc), cutoff, half=half)
    equal(got, oracle.neighbors(positions, cell, pbc, cutoff, half=half))


@settings(max_examples=60, deadline=None)
@given(systems(st.integers(2, 15)), st.integers(1, 12), st.sampled_from(["strict", "tolerant"]))
def test_the_nearest(system, k, rule):
    positions, cell, pbc, cutoff = system
    assume(apart(positions, cell, pbc))
    full = oracle.neighbors(positions, cell, pbc, cutoff)
    kept = oracle.nearest(full[0], full[1], full[2], full[4], k, rule)
    # A pair's reverse may differ from it in the last bit of d: leave out cutoffs that fall on a tie.
    for i in np.unique(full[0]):
        d = np.sort(full[4][full[0] == i])
        squares = d**2
        if len(d) > k:
            assume(rule == "tolerant" or d[k] - d[k - 1] > 1e-9)
            assume(rule == "strict" or np.abs(squares - squares[k - 1] - 0.01).min() > 1e-9)
    got = atoms.neighbor_list(
        "ijSDd", frame(positions, cell, pbc), cutoff, max_neighbors=k, max_neighbors_rule=rule
    )
    equal(got, tuple(array[kept] for array in full))


def test_shells_stay_together_by_the_tolerant_rule():
    copper = ase.build.bulk("Cu", cubic=True) * 3
    strict = atoms.neighbor_list("i", copper, 5.0, max_neighbors=14)
    assert np.bincount(strict).tolist() == [14] * len(copper)
    tolerant = atoms.neighbor_list("i", copper, 5.0, max_neighbors=14, max_neighbors_rule="tolerant")
    assert np.bincount(tolerant).tolist() == [18] * len(copper)  # 12 + 6
    again = atoms.neighbor_list("i", copper, 5.0, max_neighbors=12, max_neighbors_rule="tolerant")
    assert np.bincount(again).tolist() == [12] * len(copper)


def structures():
    rng = np.random.default_rng(5)
    copper = ase.build.bulk("Cu", cubic=True) * (4, 5, 6)
    copper.rattle(0.1, seed=1)
    copper.positions += rng.integers(-2, 3, size=(len(copper), 3)) @ copper.cell.array
    primitive = ase.build.bulk("Cu")
    slab = ase.build.fcc111("Cu", (4, 4, 3), vacuum=6.0)
    slab.rattle(0.05, seed=2)
    skew = ase.build.bulk("NaCl", "rocksalt", a=5.64)
    skew.set_cell(skew.cell.array + np.array([[0, 0, 0], [30, 0, 0], [-17, 25, 0.0]]), scale_atoms=True)
    left = copper[:40]
    left.set_cell(copper.cell.array[[1, 0, 2]])
    molecule = ase.build.molecule("C60")
    wire = ase.build.bulk("Cu", cubic=True) * (1, 3, 3)
    wire.pbc = [True, False, False]
    return {"copper": copper, "primitive": primitive, "slab": slab, "skew": skew, "left": left,
            "molecule": molecule, "wire": wire}  # fmt: skip


def ordered(i, j, shifts):
    order = np.lexsort((*np.asarray(shifts).T[::-1], j, i))
    return np.column_stack([i, j, shifts])[order]


@pytest.mark.parametrize("name", structures())
@pytest.mark.parametrize("cutoff", [2.7, 5.3, 9.1])
def test_the_pairs_of_others(name, cutoff):
    system = structures()[name]
    i, j, shifts, vectors, distances = atoms.neighbor_list("ijSDd", system, cutoff)
    ours = np.column_stack([i, j, shifts])
    np.testing.assert_array_equal(ours, ordered(i, j, shifts))
    theirs = ase.neighborlist.neighbor_list("ijS", system, cutoff)
    np.testing.assert_array_equal(ours, ordered(*theirs))
    theirs = vesin.ase_neighbor_list("ijS", system, cutoff)
    np.testing.assert_array_equal(ours, ordered(*theirs))
    if system.cell.rank == 3:  # matscipy divides by the cell
        theirs = matscipy.neighbours.neighbour_list("ijS", system, cutoff)
        np.testing.assert_array_equal(ours, ordered(*theirs))
    expected = system.positions[j] + shifts @ system.cell.array - system.positions[i]
    np.testing.assert_allclose(vectors, expected, atol=1e-10, rtol=0)
    np.testing.assert_allclose(distances, np.linalg.norm(expected, axis=1), atol=1e-10, rtol=0)


def test_the_cutoff_itself_is_outside():
    pair = frame([[0, 0, 0], [3.0, 0, 0]])
    assert len(atoms.neighbor_list("i", pair, 3.0)) == 0
    assert len(atoms.neighbor_list("i", pair, np.nextafter(3.0, 4.0))) == 2
    chain = frame([[0.25, 0, 0]], np.eye(3), [True, False, False])
    assert atoms.neighbor_list("S", chain, 2.0)[:, 0].tolist() == [-1, 1]
    assert len(ase.neighborlist.neighbor_list("S", chain.to_ase(), 2.0)) == 2


def test_letters_choose_and_order():
    system = structures()["slab"]
    every = dict(zip("ijSDd", atoms.neighbor_list("ijSDd", system, 4.0), strict=True))
    for letters in ("dD", "Si", "jjd"):
        for letter, array in zip(letters, atoms.neighbor_list(letters, system, 4.0), strict=True):
            np.testing.assert_array_equal(array, every[letter])
    for letter, array in every.items():
        alone = atoms.neighbor_list(letter, system, 4.0)
        assert isinstance(alone, np.ndarray)
        np.testing.assert_array_equal(alone, array)


def test_few_atoms():
    assert [len(a) for a in atoms.neighbor_list("ijSDd", frame([]), 3.0)] == [0] * 5
    assert len(atoms.neighbor_list("i", frame([[1e5, 0, 0]]), 3.0)) == 0
    far = frame([[0, 0, 0], [1e9, 0, 0], [1e9, 1, 0]])  # bins are not as many as the space is large
    assert atoms.neighbor_list("i", far, 3.0).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"cutoff": 0.0}, "cutoff = 0.0 is not > 0"),
        ({"cutoff": -1}, "cutoff = -1 is not > 0"),
        ({"cutoff": np.nan}, "cutoff = nan is not finite"),
        ({"cutoff": "5"}, "cutoff = '5' is not a number"),
        ({"cutoff": 1e6}, "cutoff = 1e+06 reaches 8.000036000054e+18 images of the cell, more than 2^24"),
        ({"quantities": "ijX"}, "quantities = 'ijX' has other letters than ijSDd, or none"),
        ({"quantities": ""}, "quantities = '' has other letters than ijSDd, or none"),
        ({"half": 1}, "half = 1 is neither True nor False"),
        ({"max_neighbors": 0}, "max_neighbors = 0 is below 1"),
        ({"max_neighbors": 2.0}, "max_neighbors = 2.0 is not an integer"),
        ({"max_neighbors_rule": "nearest"}, "max_neighbors_rule = 'nearest' is not one of strict, tolerant"),
        (
            {"max_neighbors": 3, "half": True},
            "max_neighbors = 3 needs a full list: i may be among the nearest of j without j being so of i",
        ),
        ({"num_threads": 0}, "num_threads = 0 is below 1"),
        ({"num_threads": 2000}, "num_threads = 2000 is above 1024"),
    ],
)
def test_refusals(arguments, text):
    rng = np.random.default_rng(1)
    positions = np.stack(np.meshgrid(*3 * [np.arange(10) / 10]), axis=-1).reshape(-1, 3)
    system = frame(positions + rng.uniform(0, 0.05, size=positions.shape), np.eye(3), True)
    values = {"quantities": "ij", "system": system, "cutoff": 0.2}
    with pytest.raises(InvalidArgument) as refused:
        atoms.neighbor_list(**(values | arguments))
    assert str(refused.value) == text


@pytest.mark.parametrize("half", [False, True])
def test_too_many_pairs(half):
    rng = np.random.default_rng(1)
    n = 70_000  # all of them near each other
    with pytest.raises(InvalidArgument) as refused:
        atoms.neighbor_list("i", frame(rng.uniform(0, 30, size=(n, 3))), 60.0, half=half)
    assert str(refused.value) == "the list has more than 2^31 pairs: lower the cutoff"


@pytest.mark.parametrize("gap", [0.0, 1e-6, 0.0099])
@pytest.mark.parametrize("shift", [0, 1])
def test_two_atoms_at_one_place(gap, shift):
    positions = np.array([[0.0, 0, 0], [2, 0, 0], [2 + gap, 7 * shift, 0]])
    with pytest.raises(InvalidArgument) as refused:
        atoms.neighbor_list("i", frame(positions, 7 * np.eye(3), True), 3.0)
    assert str(refused.value).startswith("positions[1] and positions[2] are ")
    assert str(refused.value).endswith(" angstrom apart, below 0.01")
    positions[2, 0] = 2.0101
    assert len(atoms.neighbor_list("i", frame(positions, 7 * np.eye(3), True), 3.0)) == 6


def test_threads_change_nothing():
    system = structures()["copper"] * (2, 2, 1)
    alone = atoms.neighbor_list("ijSDd", system, 5.3, num_threads=1)
    for num_threads in (2, 3):
        for a, b in zip(
            alone, atoms.neighbor_list("ijSDd", system, 5.3, num_threads=num_threads), strict=True
        ):
            assert a.tobytes() == b.tobytes()


CODE = """
import hashlib, sys
import numpy as np
from nonideal.physics import atoms
rng = np.random.default_rng(3)
sums = hashlib.sha256()
for n, side, cutoff in ((400, 16.0, 4.1), (30, 3.0, 5.0), (25, 0.0, 3.0)):
    system = atoms.Frame(np.ones(n, int), rng.uniform(-20, 20, (n, 3)), cell=side * np.eye(3), pbc=side > 0)
    for array in atoms.neighbor_list("ijSDd", system, cutoff):
        sums.update(array.tobytes())
print(sums.hexdigest())
"""


def test_instruction_sets_change_nothing():
    from nonideal import _core

    found = set()
    for isa in _core.available_isas():
        found.add(
            subprocess.run(
                [sys.executable, "-c", CODE],
                env={"NONIDEAL_ISA": isa},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
    assert len(found) == 1


@settings(max_examples=50, deadline=None)
@given(systems())
def test_lists_hold_the_same_pairs(system):
    positions, cell, pbc, cutoff = system
    assume(apart(positions, cell, pbc))
    pairs = atoms.NeighborList(cutoff)
    assert pairs.update(frame(positions, cell, pbc))
    i, j, shifts = oracle.neighbors(positions, cell, pbc, cutoff)[:3]
    assert pairs.indptr.tolist() == [0, *np.cumsum(np.bincount(i, minlength=len(positions))).tolist()]
    np.testing.assert_array_equal(pairs.neighbors, j)
    np.testing.assert_array_equal(pairs.shifts, shifts)
    np.testing.assert_array_equal(pairs.reverse, oracle.reverse(i, j, shifts))
    assert (pairs.indptr.dtype, pairs.neighbors.dtype, pairs.shifts.dtype) == (np.int64, np.int32, np.int32)
    assert not pairs.neighbors.flags.writeable


def pairs_within(pairs, system, cutoff):
    """(i, j, S) of a list's pairs that are within the cutoff now."""
    i = np.repeat(np.arange(len(system)), np.diff(pairs.indptr))
    vectors = system.positions[pairs.neighbors] + pairs.shifts @ system.cell - system.positions[i]
    near = np.linalg.norm(vectors, axis=1) < cutoff
    return np.column_stack([i, pairs.neighbors, pairs.shifts])[near]


def test_a_list_with_a_skin_is_right_at_every_step():
    rng = np.random.default_rng(2)
    crystal = ase.build.bulk("Cu", cubic=True) * 2
    cell, positions = crystal.cell.array, crystal.positions + 0.3
    pairs = atoms.NeighborList(4.0, skin=0.6)
    inverse = np.linalg.inv(cell)
    for step in range(60):
        positions = positions + rng.normal(scale=0.02, size=positions.shape)
        if step % 7 == 3:  # atoms are wrapped into the cell
            positions = (positions @ inverse % 1.0) @ cell
        system = frame(positions, cell, True)
        pairs.update(system)
        expected = np.column_stack(atoms.neighbor_list("ijS", system, 4.0))
        np.testing.assert_array_equal(pairs_within(pairs, system, 4.0), expected)
    assert 3 < pairs.n_rebuilds < 40


def test_when_a_list_is_made_again():
    positions, cell = np.array([[0.0, 0, 0], [2, 0, 0]]), 8 * np.eye(3)
    pairs = atoms.NeighborList(3.0, skin=1.0)
    assert pairs.update(frame(positions, cell, True))
    assert not pairs.update(frame(positions + 0.49 * STEP, cell, True))
    assert not pairs.update(frame(positions + 0.5 * STEP, cell, True))
    assert pairs.update(frame(positions + 0.51 * STEP, cell, True))
    assert not pairs.update(frame(positions + 0.3 * STEP, cell, True))
    assert pairs.update(frame(positions + 0.3 * STEP, 1.001 * cell, True))
    assert pairs.update(frame(positions + 0.3 * STEP, 1.001 * cell, [True, True, False]))
    assert pairs.update(frame([[0.0, 0, 0]], 1.001 * cell, True))
    assert pairs.n_rebuilds == 5
    assert pairs.update(frame([[8.1, 0, 0]], 1.001 * cell, True))  # wrapped: made again, and right
    always = atoms.NeighborList(3.0)
    assert always.update(frame(positions))
    assert always.update(frame(positions))


def test_a_refused_update_leaves_the_list():
    positions = np.array([[0.0, 0, 0], [2, 0, 0]])
    pairs = atoms.NeighborList(3.0, skin=0.2)
    with pytest.raises(InvalidArgument, match=r"^the list is empty before its first update$"):
        _ = pairs.neighbors
    pairs.update(frame(positions))
    with pytest.raises(InvalidArgument, match=r"angstrom apart, below 0\.01$"):
        pairs.update(frame(np.zeros((2, 3))))
    assert pairs.neighbors.tolist() == [1, 0]
    assert not pairs.update(frame(positions))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"skin": -0.1}, "skin = -0.1 is not >= 0"),
        ({"skin": np.inf}, "skin = inf is not finite"),
        (
            {"skin": 0.5, "max_neighbors": 4},
            (
                "skin = 0.5 with max_neighbors = 4: the nearest atoms change before the list does; "
                "one of them must be 0"
            ),
        ),
        (
            {"half": True, "max_neighbors": 4},
            "max_neighbors = 4 needs a full list: i may be among the nearest of j without j being so of i",
        ),
        ({"num_threads": 2000}, "num_threads = 2000 is above 1024"),
    ],
)
def test_refused_lists(arguments, text):
    with pytest.raises(InvalidArgument) as refused:
        atoms.NeighborList(3.0, **arguments)
    assert str(refused.value) == text


def test_half_and_truncated_lists_have_no_reverse():
    system = frame([[0.0, 0, 0], [2, 0, 0]])
    for arguments in ({"half": True}, {"max_neighbors": 1}):
        pairs = atoms.NeighborList(3.0, **arguments)
        pairs.update(system)
        assert pairs.reverse is None
