"""The engine in C++ against the oracle, finite differences, and itself in other circumstances."""

import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from nonideal.errors import InvalidArgument, NumericalError
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
            name: torch.as_tensor(value, dtype=torch.float64)
            for name, value in (self.tensors | energies).items()
        }


def expected(model, frame, **options):
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
        **options,
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


@pytest.mark.parametrize("variant", ["v1", "vn"])
@pytest.mark.parametrize(
    ("channels", "layers", "n_rbf", "exponent"), [(2, 1, 2, 1), (34, 2, 9, 6), (64, 1, 3, 2)]
)
def test_other_sizes_equal_the_oracle(variant, channels, layers, n_rbf, exponent):
    model = Network.make(variant, channels=channels, layers=layers, n_rbf=n_rbf, envelope_exponent=exponent)
    frame = crystal(3, seed=7)
    check(atoms.Potential(model, precision="float64"), frame, expected(model, frame), 1e-9)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("rule", ["strict", "tolerant"])
def test_limited_neighbours_equal_the_oracle(variant, rule):
    """Truncated graphs aren't symmetric: messages go one way only."""
    model = Network.make(variant, max_neighbors=7, max_neighbors_rule=rule, smooth_cutoff=False)
    frame = crystal(4, seed=3)
    lists = atoms.NeighborList(3.0, max_neighbors=7, max_neighbors_rule=rule)
    lists.update(frame)
    centers = np.repeat(np.arange(4), np.diff(lists.indptr))
    pairs = list(zip(centers.tolist(), lists.neighbors.tolist(), lists.shifts.tolist(), strict=True))
    assert len(pairs) < len(oracle.edges(*map(torch.tensor, (frame.positions, frame.cell)), frame.pbc, 3.0))
    want = expected(model, frame, pairs=pairs)
    for table in ("table", "exact"):
        found = atoms.Potential(model, precision="float64", radial=table).compute(frame, stress=True)
        assert off(found.forces, want["gradient"], want["energy"]) < 1e-9
        assert off(found.stress, want["stress"], want["energy"]) < 1e-9
        assert off(found.energies, want["energies"], want["energy"]) < 1e-9


def test_a_table_in_float64():
    """Forces are the gradient of the tabulated energy itself, however coarse the table."""
    model, frame = Network.make(), crystal()
    potential = atoms.Potential(model, precision="float64", knots=10)
    assert abs(potential.compute(frame).energy - float(expected(model, frame)["energy"])) > 1e-7
    check_differences(potential, frame)
    fine = atoms.Potential(model, precision="float64", knots=4000)
    check(fine, frame, expected(model, frame), 1e-8)


def check_differences(potential, frame, step=1e-4):
    """Forces by symmetric differences of fourth order, the stress by strained cells."""
    forces = potential.compute(frame, forces="gradient").forces

    def energy(positions, cell):
        return potential.compute(atoms.Frame(frame.numbers, positions, cell, frame.pbc), forces="none").energy

    def slope(change):
        return (8 * (change(step) - change(-step)) - change(2 * step) + change(-2 * step)) / (12 * step)

    for atom in range(len(frame.numbers)):
        for axis in range(3):

            def moved(distance, atom=atom, axis=axis):
                positions = frame.positions.copy()
                positions[atom, axis] += distance
                return energy(positions, frame.cell)

            assert abs(forces[atom, axis] + slope(moved)) < 2e-7
    if not frame.pbc.all():
        return
    stress = potential.compute(frame, forces="none", stress=True).stress
    volume = abs(np.linalg.det(frame.cell))
    for i, j in ((0, 0), (1, 2), (2, 0)):

        def strained(size, i=i, j=j):
            deform = np.eye(3)
            deform[i, j] += size / 2
            deform[j, i] += size / 2
            return energy(frame.positions @ deform, frame.cell @ deform)

        assert abs(stress[i, j] - slope(strained) / volume) < 2e-7


@pytest.mark.parametrize("variant", VARIANTS)
def test_forces_and_stress_are_derivatives(variant):
    check_differences(atoms.Potential(Network.make(variant), precision="float64"), crystal())


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("variant", ["v1", "vn", "vanilla"])
def test_few_atoms(variant, precision):
    model = Network.make(variant)
    potential = atoms.Potential(model, precision=precision)
    tolerance = 1e-4 if precision == "float32" else 1e-9
    nothing = potential.compute(atoms.Frame([], np.zeros((0, 3))), forces="gradient")
    assert nothing.energy == 0.0
    assert nothing.forces.shape == (0, 3)
    frame = atoms.Frame([29, 8, 8, 29], np.array([[0, 0, 0], [0, 0, 1.1], [50, 0, 0], [2, 1, 0.3]]))
    want = expected(model, frame)
    for kind in ("gradient", "direct"):
        found = potential.compute(frame, forces=kind)
        assert off(found.energies, want["energies"], want["energy"]) < tolerance
        assert off(found.forces, want[kind], want["energy"]) < tolerance
    for places in ([[0, 0, 0]], [[0, 0, 0], [90, 0, 0]]):  # nobody near: no forces of any kind
        frame = atoms.Frame([29, 8][: len(places)], np.array(places, float))
        positions, cell = torch.tensor(places, dtype=torch.float64), torch.zeros(3, 3, dtype=torch.float64)
        rows = torch.tensor([1, 0][: len(places)])
        energies, _ = oracle.energies_and_direct_forces(
            model.state_dict(), rows, positions, cell, frame.pbc, cutoff=3.0, layers=3, variant=variant
        )
        for kind in ("gradient", "direct"):
            found = potential.compute(frame, forces=kind)
            assert off(found.energies, energies, 1) < tolerance
            assert not found.forces.any()


@pytest.mark.parametrize("variant", ["v1", "vn"])
@pytest.mark.parametrize("n", [31, 32, 33, 65, 97])
def test_odd_numbers_of_atoms_and_threads(variant, n):
    """The same bits for every number of threads, whatever the blocks of atoms are; permuted atoms, alike."""
    rng = np.random.default_rng(n)
    grid = np.stack(np.meshgrid(*[np.arange(5)] * 3), -1).reshape(-1, 3)[:n] * 1.6
    frame = atoms.Frame(rng.choice([8, 29], n), grid + rng.uniform(-0.2, 0.2, (n, 3)), np.eye(3) * 9.0, True)
    model = Network.make(variant)
    for precision, tolerance in (("float32", 1e-4), ("float64", 1e-10)):
        one = atoms.Potential(model, precision=precision, num_threads=1).compute(frame, stress=True)
        for threads in (2, 3):
            other = atoms.Potential(model, precision=precision, num_threads=threads)
            for _ in range(2):
                found = other.compute(frame, stress=True)
                for name in ("energies", "forces", "stress"):
                    np.testing.assert_array_equal(getattr(found, name), getattr(one, name))
        order = rng.permutation(n)
        mixed = atoms.Frame(frame.numbers[order], frame.positions[order], frame.cell, True)
        found = atoms.Potential(model, precision=precision).compute(mixed, stress=True)
        assert off(found.forces, one.forces[order], one.energy) < tolerance
        assert off(found.stress, one.stress, one.energy) < tolerance


@pytest.mark.parametrize("limit", [None, 12])
def test_shuffled_atoms(limit):
    """Where neighbours lie far apart in memory, atoms are brought into another order for the time."""
    rng = np.random.default_rng(4)
    grid = np.stack(np.meshgrid(*[np.arange(11)] * 3), -1).reshape(-1, 3) * 1.7
    n, cell = len(grid), np.eye(3) * 11 * 1.7
    frame = atoms.Frame(rng.choice([8, 29], n), grid + rng.uniform(-0.2, 0.2, (n, 3)), cell, True)
    order = rng.permutation(n)
    mixed = atoms.Frame(frame.numbers[order], frame.positions[order] + cell[1], cell, True)
    model = Network.make(layers=2, max_neighbors=limit)
    for options in ({}, {"skin": 0.4}) if limit is None else ({},):
        potential = atoms.Potential(model, precision="float64", **options)
        for kind in ("gradient", "direct", "none"):
            want = potential.compute(frame, forces=kind, stress=True)
            found = potential.compute(mixed, forces=kind, stress=True)
            assert off(found.energies, want.energies[order], 1) < 1e-9
            assert off(found.stress, want.stress, want.energy) < 1e-10
            if kind != "none":
                assert off(found.forces, want.forces[order], 1) < 1e-9


def test_a_skin_changes_nothing_but_the_list():
    model = Network.make()
    kept = atoms.Potential(model, precision="float64", skin=0.6)
    frame = crystal(4, seed=5)
    rng = np.random.default_rng(0)
    positions = frame.positions.copy()
    for _ in range(12):
        positions += rng.normal(0, 0.04, positions.shape)
        moved = atoms.Frame(frame.numbers, positions, frame.cell, True)
        want = atoms.Potential(model, precision="float64").compute(moved, stress=True)
        found = kept.compute(moved, stress=True)
        assert off(found.energies, want.energies, want.energy) < 1e-11
        assert off(found.forces, want.forces, want.energy) < 1e-11
        assert off(found.stress, want.stress, want.energy) < 1e-11
    positions[1] -= frame.cell[0]  # an atom that was wrapped
    moved = atoms.Frame(frame.numbers, positions, frame.cell, True)
    assert off(kept.compute(moved).forces, want.forces, want.energy) < 1e-9
    other = kept.with_skin(0.3)
    assert (other.skin, kept.skin) == (0.3, 0.6)
    assert off(other.compute(moved).forces, want.forces, want.energy) < 1e-9
    with pytest.raises(InvalidArgument, match=r"^skin = 0.5: the model keeps the 9 nearest neighbours"):
        atoms.Potential(Network.make(max_neighbors=9), skin=0.5)


@pytest.mark.parametrize("skin", [0.0, 0.5])
def test_many_callers_at_once(skin):
    """One potential, several threads of Python: what each gets is what it gets alone."""
    potential = atoms.Potential(Network.make(), skin=skin)
    frames = [crystal(n, seed=n) for n in (2, 3, 4, 5)]
    alone = [potential.compute(frame, stress=True) for frame in frames]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda frame: potential.compute(frame, stress=True), frames * 25))
    for at, prediction in enumerate(found):
        want = alone[at % 4]
        assert prediction.energy == want.energy
        np.testing.assert_array_equal(prediction.forces, want.forces)
        np.testing.assert_array_equal(prediction.stress, want.stress)


def test_net_force():
    potential, frame = atoms.Potential(Network.make(), precision="float64"), crystal()
    direct = potential.compute(frame, forces="direct").forces
    assert np.abs(direct.sum(axis=0)).max() > 1e-3
    removed = potential.compute(frame, forces="direct", remove_net_force=True).forces
    np.testing.assert_allclose(removed, direct - direct.mean(axis=0), atol=1e-12)
    assert np.abs(potential.compute(frame, forces="gradient").forces.sum(axis=0)).max() < 1e-12


def test_a_smooth_model_is_smooth_at_the_cutoff():
    """The published form jumps there, a smooth one doesn't."""
    for smooth in (True, False):
        potential = atoms.Potential(Network.make(smooth_cutoff=smooth), precision="float64")
        inside, outside = (
            potential.compute(
                atoms.Frame([29, 29, 8], [[0, 0, 0], [0, 0, d], [0, 1.5, 0]]), forces="gradient"
            )
            for d in (3.0 - 1e-7, 3.0 + 1e-7)
        )
        jump = abs(inside.energy - outside.energy), np.abs(inside.forces - outside.forces).max()
        assert max(jump) < 1e-9 if smooth else jump[0] > 1e-5


def test_instruction_sets_agree():
    """Every set against the one in use; each in a process of its own."""
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[3])]
    code = f"""
import sys
sys.path[:0] = {paths!r}
from test_potential import Network, atoms, crystal
for precision in ("float32", "float64"):
    for variant in ("v1", "vn", "vanilla"):
        found = atoms.Potential(Network.make(variant), precision=precision).compute(crystal(), stress=True)
        print(*[float(x).hex() for x in [found.energy, *found.forces.ravel(), *found.stress.ravel()]])
"""
    results = {}
    for isa in ("baseline", "avx2", "avx512"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "NONIDEAL_ISA": isa},
            capture_output=True,
            text=True,
            timeout=120,
        )
        if "is above what" in done.stderr:
            continue
        assert done.returncode == 0, done.stderr
        results[isa] = [
            np.array([float.fromhex(word) for word in line.split()]) for line in done.stdout.splitlines()
        ]
    for rows in results.values():
        for at, (row, other) in enumerate(zip(rows, results["baseline"], strict=True)):
            assert off(row, other, other[0]) < (2e-5 if at < 3 else 1e-11)


def test_refusals(tmp_path):
    model = Network.make()
    potential = atoms.Potential(model)
    frame = crystal()
    gold = atoms.Frame([8, 79], [[0, 0, 0], [0, 0, 2]])
    with pytest.raises(InvalidArgument, match=r"^numbers\[1\] = 79 is not among the model's species, 8, 29$"):
        potential.compute(gold)
    with pytest.raises(InvalidArgument, match=r"0\.01|below"):
        potential.compute(atoms.Frame([8, 8], [[0, 0, 0], [0, 0, 0.001]]))
    with pytest.raises(InvalidArgument, match=r"^stress = True: the system has no cell$"):
        potential.compute(atoms.Frame([8], [[0, 0, 0]]), stress=True)
    for arguments, text in [
        ({"precision": "float16"}, "precision = 'float16' is not one of float32, float64"),
        ({"radial": "cubic"}, "radial = 'cubic' is not one of table, exact"),
        ({"knots": 0}, "knots = 0 is outside [1, 2^20)"),
        ({"knots": 9, "radial": "exact"}, "knots = 9 without a table: radial = 'exact'"),
        ({"skin": -1.0}, "skin = -1.0 is not >= 0"),
        ({"num_threads": 0}, "num_threads = 0 is below 1"),
    ]:
        with pytest.raises(InvalidArgument) as refused:
            atoms.Potential(model, **arguments)
        assert str(refused.value) == text
    for call, text in [
        (
            lambda: potential.compute(frame, forces="both"),
            "forces = 'both' is not one of none, direct, gradient",
        ),
        (lambda: potential.compute(frame, stress=1), "stress = 1 is neither True nor False"),
        (
            lambda: atoms.Potential(3),
            "model: int is neither a path, nor bytes, nor a model with save(path)",
        ),
        (lambda: atoms.Potential(b"x"), "model: 1 bytes are less than the 64 that a model file begins with"),
        (lambda: atoms.Potential(tmp_path), f"{tmp_path}: cannot be read"),
        (lambda: atoms.Potential(tmp_path / "none"), f"{tmp_path / 'none'}: cannot be read"),
    ]:
        with pytest.raises(InvalidArgument) as refused:
            call()
        assert str(refused.value) == text


def test_a_file_beyond_the_memory(tmp_path):
    path = tmp_path / "large.leignn"
    with path.open("wb") as file:
        file.truncate(1 << 43)
    with pytest.raises(InvalidArgument, match=rf"^{path} needs 32\.0 TiB, "):
        atoms.Potential(path)


def test_a_file_is_read_once(tmp_path, monkeypatch):
    """Whoever replaces it meanwhile changes what is evaluated and what is pickled, or neither."""
    path, frame = tmp_path / "m.leignn", crystal()
    Network.make(seed=1).write(path)
    read = Path.read_bytes

    def replaced(self):
        Network.make(seed=2).write(path)
        return read(self)

    monkeypatch.setattr(Path, "read_bytes", replaced)
    potential = atoms.Potential(path)
    again = pickle.loads(pickle.dumps(potential))
    assert potential.compute(frame).energy == again.compute(frame).energy
    content = Network.make(seed=2).encode()
    assert atoms.Potential(content).compute(frame).energy == potential.compute(frame).energy


@pytest.mark.parametrize(("n_rbf", "exponent"), [(2, 1), (2, 5), (4, 12), (8, 30), (8, 64), (32, 5)])
def test_the_default_table(n_rbf, exponent):
    """It follows few radial functions, and a steep envelope, as well as many functions."""
    model, frame = Network.make(n_rbf=n_rbf, envelope_exponent=exponent), crystal(3, seed=7)
    exact, table = (
        atoms.Potential(model, radial=radial).compute(frame, stress=True) for radial in ("exact", "table")
    )
    largest = np.abs(exact.forces).max()
    np.testing.assert_allclose(table.forces, exact.forces, rtol=0, atol=5e-6 * largest)
    assert abs(table.energy - exact.energy) < 1e-6 * np.abs(exact.energies).sum()
    fine = 16 * max(n_rbf - 1, exponent + 4)  # of pair style leignn's in double precision
    exact, table = (
        atoms.Potential(model, precision="float64", knots=knots).compute(frame) for knots in (None, fine)
    )
    assert 0 < np.abs(table.forces - exact.forces).max() < 1e-8 * largest


def test_damaged_files(tmp_path):
    content = Network.make(channels=4, layers=1).encode()
    rng = np.random.default_rng(0)
    path = tmp_path / "damaged.leignn"
    for cut in [*rng.integers(0, len(content), 20).tolist(), 0, 63, 64]:
        path.write_bytes(content[:cut])
        with pytest.raises(InvalidArgument, match=f"^{path}: "):
            atoms.Potential(path)
    for place in [*range(64), *rng.integers(64, len(content), 50).tolist()]:
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        with pytest.raises(InvalidArgument, match=f"^{path}: "):
            atoms.Potential(path)


def test_numbers_beyond_the_precision():
    model = Network.make()
    model.tensors["readout.energy.out.weight"][:] = 1e300
    with pytest.raises(NumericalError, match=r"^the energy of atom 0 is not finite"):
        atoms.Potential(model).compute(crystal())


def test_attributes():
    potential = atoms.Potential(Network.make("vn"))
    assert (potential.cutoff, potential.species, potential.variant) == (3.0, (8, 29), "vn")
    assert (potential.channels, potential.layers, potential.forces) == (10, 3, "gradient")
    assert potential.metadata["seed"] == 1
    assert repr(potential) == "Potential(variant='vn', channels=10, layers=3, cutoff=3.0, species=(8, 29))"


@pytest.mark.parametrize("limit", [None, 7])
@pytest.mark.parametrize("variant", ["v1", "vn"])
def test_virials_of_atoms(variant, limit):
    """Of each pair's virial, by the oracle's derivative, half belongs to either end."""
    model = Network.make(variant, max_neighbors=limit, smooth_cutoff=False)
    frame = crystal(4, seed=3)
    potential = atoms.Potential(model, precision="float64")
    found = potential.compute(frame, stress=True, virials=True)
    volume = abs(np.linalg.det(frame.cell))
    total = found.virials.sum(axis=0)
    scale = np.abs(found.virials).max()
    assert found.virials.shape == (4, 3, 3)
    np.testing.assert_allclose((total + total.T) / 2, -found.stress * volume, rtol=0, atol=1e-12 * 40 * scale)

    lists = atoms.NeighborList(3.0, max_neighbors=limit)
    lists.update(frame)
    centers = np.repeat(np.arange(4), np.diff(lists.indptr))
    pairs = list(zip(centers.tolist(), lists.neighbors.tolist(), lists.shifts.tolist(), strict=True))
    vectors, slopes = oracle_slopes(model, frame, pairs)
    want = np.zeros((4, 3, 3))
    for (i, j, _), vector, slope in zip(pairs, vectors, slopes, strict=True):
        for atom in (i, j):
            want[atom] -= np.outer(vector, slope) / 2
    np.testing.assert_allclose(found.virials, want, rtol=0, atol=1e-9 * scale)
    assert np.abs(want - want.mean(axis=0)).max() > 0.1 * scale

    for kind in ("direct", "none"):  # the energy's, whatever forces there are
        other = potential.compute(frame, forces=kind, virials=True)
        np.testing.assert_array_equal(other.virials, found.virials)
        assert other.stress is None
    assert potential.compute(frame).virials is None


def oracle_slopes(model, frame, pairs):
    """D of each pair and dE/dD."""
    shape = model.architecture
    start = [frame.positions[j] - frame.positions[i] + np.array(s, float) @ frame.cell for i, j, s in pairs]
    vectors = torch.tensor(np.array(start), dtype=torch.float64, requires_grad=True)
    rows = torch.tensor([shape.species.index(n) for n in frame.numbers])
    energies, _ = oracle.energies_and_direct_forces(
        model.state_dict(),
        rows,
        torch.tensor(frame.positions.copy()),
        torch.tensor(frame.cell.copy()),
        frame.pbc,
        cutoff=shape.cutoff,
        layers=shape.layers,
        variant=shape.variant,
        smooth=shape.smooth_cutoff,
        norm=shape.vector_norm,
        mode=shape.global_mode,
        exponent=shape.envelope_exponent,
        pairs=pairs,
        vectors=vectors,
    )
    (slopes,) = torch.autograd.grad(energies.sum(), vectors)
    return vectors.detach().numpy(), slopes.numpy()


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_batches_are_the_singles(precision, threads):
    potential = atoms.Potential(Network.make("vn"), precision=precision, num_threads=threads)
    frames = [crystal(n, seed=n) for n in (2, 5, 3, 4, 1, 6, 2)]
    frames.insert(3, atoms.Frame([], np.zeros((0, 3)), CELL))
    frames.append(frames[1].to_ase())
    options = {"stress": True, "virials": True, "remove_net_force": True}
    for kind in ("gradient", "direct", "none"):
        found = potential.compute(frames, forces=kind, **options)
        assert isinstance(found, list)
        for frame, prediction in zip(frames, found, strict=True):
            want = potential.compute(frame, forces=kind, **options)
            assert (prediction.energy, prediction.forces_kind) == (want.energy, kind)
            for name in ("energies", "forces", "stress", "virials"):
                np.testing.assert_array_equal(getattr(prediction, name), getattr(want, name))
    assert potential.compute([]) == []
    assert potential.compute(frame for frame in frames[:1])[0].energy == found[0].energy
    (alone,) = potential.with_skin(0.5).compute(frames[:1])
    assert alone.energy == found[0].energy


def test_errors_of_batches_name_the_system():
    potential, frame = atoms.Potential(Network.make()), crystal()
    gold = atoms.Frame([8, 79], [[0, 0, 0], [0, 0, 2]])
    near = atoms.Frame([8, 8], [[0, 0, 0], [0, 0, 0.001]])
    for systems, options, text in [
        ([frame, gold, near], {}, "systems[1]: numbers[1] = 79 is not among the model's species, 8, 29"),
        (
            [frame, frame, near, gold],
            {},
            "systems[2]: positions[0] and positions[1] are 0.001 angstrom apart, below 0.01",
        ),
        ([frame, gold], {"stress": True}, "stress = True: systems[1] has no cell"),
        ([frame, 3], {}, "systems[1]: int has no numbers; needed are numbers, positions, cell, pbc"),
        (3, {}, "system: int has no numbers; needed are numbers, positions, cell, pbc"),
        (frame, {"virials": 1}, "virials = 1 is neither True nor False"),
    ]:
        with pytest.raises(InvalidArgument) as refused:
            potential.compute(systems, **options)
        assert str(refused.value) == text
    model = Network.make()
    model.tensors["readout.energy.out.weight"][:] = 1e300
    nothing = atoms.Frame([], np.zeros((0, 3)))
    with pytest.raises(NumericalError, match=r"^systems\[1\]: the energy of atom 0 is not finite"):
        atoms.Potential(model).compute([nothing, frame, frame])


def test_a_batch_from_many_callers():
    potential = atoms.Potential(Network.make(), num_threads=2)
    frames = [crystal(n, seed=n) for n in (2, 3, 4, 5)] * 3
    want = potential.compute(frames)
    with ThreadPoolExecutor(3) as pool:
        for found in pool.map(lambda _: potential.compute(frames), range(12)):
            for one, other in zip(found, want, strict=True):
                np.testing.assert_array_equal(one.forces, other.forces)
