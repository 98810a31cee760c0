"""LEIGNN inside torch-sim: the numbers of `evaluate`, torch-sim's own validation, dynamics like ASE's."""

import numpy as np
import pytest
import torch

from nonideal.errors import InvalidArgument, NumericalError
from nonideal.physics import atoms

ts = pytest.importorskip("torch_sim", reason="torch-sim is not installed")
SMALL = {"channels": 16, "layers": 2, "n_rbf": 8, "cutoff": 4.0, "seed": 3}
TILTED = np.array([[5.0, 0.3, 0.0], [-0.6, 5.2, 0.4], [0.5, 0.0, 5.6]])


def model_of(*species, **other):
    return atoms.LEIGNN(species or ["Si", "Fe"], dtype=torch.float64, **(SMALL | other))


def frames():
    """Three structures of 1, 5 and 12 atoms, in tilted cells, some atoms outside."""
    rng = np.random.default_rng(5)
    out = []
    for n, size in ((1, 0.7), (5, 1.0), (12, 1.4)):
        grid = np.stack(np.meshgrid(*3 * [np.arange(3)], indexing="ij"), -1).reshape(-1, 3)[:n] / 3
        places = (grid + rng.uniform(-0.04, 0.04, (n, 3)) + rng.integers(-1, 2, (n, 1))) @ (size * TILTED)
        out.append(atoms.Frame(rng.choice([14, 26], n), places, size * TILTED, True))
    return out


def state_of(systems, dtype=torch.float64):
    return ts.io.atoms_to_state([frame.to_ase() for frame in systems], torch.device("cpu"), dtype)


def engine(model, tmp_path, **options):
    return atoms.Potential(model.save(tmp_path / "m.leignn"), precision="float64", radial="exact", **options)


@pytest.mark.parametrize("forces", ["gradient", "direct"])
@pytest.mark.parametrize("kind", ["module", "engine"])
def test_a_batch_is_what_evaluate_says(kind, forces, tmp_path):
    model, systems = model_of(forces=forces), frames()
    wanted = model.evaluate(systems, stress=True)
    inside = atoms.TorchSimModel(model if kind == "module" else engine(model, tmp_path))
    state = state_of(systems)
    found = inside(state)
    assert {name: tuple(value.shape) for name, value in found.items()} == {
        "energy": (3,),
        "energies": (18,),
        "forces": (18, 3),
        "stress": (3, 3, 3),
    }
    assert {value.dtype for value in found.values()} == {torch.float64}
    close = {"rtol": 0, "atol": 1e-9}
    np.testing.assert_allclose(found["energy"], [each.energy for each in wanted], **close)
    np.testing.assert_allclose(found["energies"], np.concatenate([p.energies for p in wanted]), **close)
    np.testing.assert_allclose(found["forces"], np.concatenate([p.forces for p in wanted]), **close)
    np.testing.assert_allclose(found["stress"], [each.stress for each in wanted], **close)
    assert (found["stress"] - found["stress"].transpose(1, 2)).abs().max() < 1e-12


def test_stress_is_the_derivative_by_strain_of_column_cells():
    """Of torch-sim's own arrays: positions and columns of the cell, strained by hand."""
    inside, state = atoms.TorchSimModel(model_of()), state_of(frames()[1:])
    stress, step = inside(state)["stress"], 1e-5
    for a, b in ((0, 0), (1, 2), (2, 0)):
        energy = []
        for sign in (1, -1):
            strain = torch.eye(3, dtype=torch.float64)
            strain[a, b] += sign * step / 2
            strain[b, a] += sign * step / 2
            strained = state.clone()
            strained.positions = state.positions @ strain.T
            strained.cell = strain @ state.cell  # columns
            energy.append(inside(strained)["energy"])
        slope = (energy[0] - energy[1]) / (2 * step) / torch.linalg.det(state.cell)
        np.testing.assert_allclose(stress[:, a, b], slope, rtol=0, atol=1e-8)


@pytest.mark.parametrize("kind", ["module", "engine"])
def test_torch_sim_finds_nothing_wrong(kind, tmp_path):
    from torch_sim.models.interface import validate_model_outputs

    inside = atoms.TorchSimModel(model_of() if kind == "module" else engine(model_of(), tmp_path))
    inside.compute_forces = inside.compute_stress = False
    validate_model_outputs(inside, torch.device("cpu"), torch.float64)
    assert inside.compute_forces  # it switches them on
    assert inside.compute_stress
    validate_model_outputs(inside, torch.device("cpu"), torch.float32)


def test_the_validation_would_see_a_wrong_model():
    """It is no rubber stamp: structures that feel their neighbours in a batch are refused."""
    from torch_sim.models.interface import validate_model_outputs

    class Wrong(atoms.TorchSimModel):
        def forward(self, state, **kwargs):
            found = super().forward(state, **kwargs)
            return found | {"energy": found["energy"] + len(state.cell)}

    with pytest.raises(ValueError, match="energy"):
        validate_model_outputs(Wrong(model_of()), torch.device("cpu"), torch.float64)


def test_what_is_switched_off_is_not_there(tmp_path):
    inside = atoms.TorchSimModel(engine(model_of(), tmp_path), compute_stress=False)
    assert set(inside(state_of(frames()))) == {"energy", "energies", "forces"}
    inside.compute_forces = False
    assert set(inside(state_of(frames()))) == {"energy", "energies"}
    inside.compute_stress = True
    assert set(inside(state_of(frames()))) == {"energy", "energies", "stress"}


def test_states_of_float32_and_dicts():
    inside, systems = atoms.TorchSimModel(model_of()), frames()
    wanted = inside(state_of(systems))
    found = inside(state_of(systems, torch.float32))
    assert {value.dtype for value in found.values()} == {torch.float32}
    np.testing.assert_allclose(found["forces"], wanted["forces"], rtol=0, atol=1e-5)
    state = state_of(systems)
    names = ("positions", "cell", "pbc", "atomic_numbers", "system_idx")
    again = inside({name: getattr(state, name) for name in names})
    assert torch.equal(again["forces"], wanted["forces"])


def test_defaults_follow_the_model(tmp_path):
    limited = model_of(forces="direct", max_neighbors=4)
    for model in (limited, engine(limited, tmp_path), str(tmp_path / "m.leignn")):
        inside = atoms.TorchSimModel(model)
        assert (inside.forces_kind, inside.memory_scales_with) == ("direct", "n_atoms")
    free = atoms.TorchSimModel(model_of(forces="none"))
    assert (free.forces_kind, free.memory_scales_with) == ("gradient", "n_atoms_x_density")
    assert (free.dtype, free.device) == (torch.float64, torch.device("cpu"))


def test_refusals():
    with pytest.raises(InvalidArgument, match=r"^model: int is neither a path nor a LEIGNN or Potential$"):
        atoms.TorchSimModel(3)
    with pytest.raises(InvalidArgument, match=r"^forces = 'none' is not one of"):
        atoms.TorchSimModel(model_of(), forces="none")
    inside = atoms.TorchSimModel(model_of())
    with pytest.raises(InvalidArgument, match=r"^compute_stress"):
        inside.compute_stress = 2
    molecule = atoms.Frame([14, 26], [[0, 0, 0], [0, 0, 2.2]])
    state = state_of([molecule])
    with pytest.raises(InvalidArgument, match=r"^structure 0 has no cell, and so no stress; set"):
        inside(state)
    inside.compute_stress = False
    assert inside(state)["forces"].shape == (2, 3)
    with pytest.raises(InvalidArgument, match=r"^heads is no argument of this model$"):
        inside(state, heads=1)
    with pytest.raises(InvalidArgument, match=r"numbers\[1\] = 8 \(O\) is not among"):
        inside(state_of([atoms.Frame([14, 8], [[0, 0, 0], [0, 0, 2.2]])]))
    broken = state.clone()
    broken.positions = state.positions * torch.nan
    with pytest.raises(InvalidArgument, match=r"positions\[0, 0\] = nan is not finite"):
        inside(broken)
    with torch.no_grad():
        inside.model.readout.force.weight.fill_(torch.nan)
        inside.model.embedding.weight.fill_(torch.nan)
    with pytest.raises(NumericalError, match="of structure 0 is not finite"):
        inside(state)


def test_weights_of_the_moment_count():
    model = model_of()
    inside, state = atoms.TorchSimModel(model), state_of(frames())
    before = inside(state)["energy"]
    with torch.no_grad():
        model.embedding.weight.mul_(2)
    assert (inside(state)["energy"] != before).all()
    assert sum(1 for _ in inside.parameters()) == sum(1 for _ in model.parameters())


def test_dynamics_are_those_of_ase():
    """Two structures at once in torch-sim, one by one in ASE, from the same velocities."""
    from ase import units
    from ase.build import bulk
    from ase.md.verlet import VelocityVerlet

    model = model_of("Cu")
    crystals = []
    for cells, seed in ((1, 1), (2, 2)):
        crystal = bulk("Cu", a=3.6, cubic=True) * (cells, 1, 1)
        velocities = np.random.default_rng(seed).normal(0, 0.03, crystal.positions.shape)  # about 600 K
        crystal.set_velocities(velocities)
        crystals.append(crystal)
    inside = atoms.TorchSimModel(model, compute_stress=False)
    start = ts.io.atoms_to_state(crystals, torch.device("cpu"), torch.float64)
    steps, timestep = 20, 2.0 * units.fs  # torch-sim's metal units have ASE's time
    init, update = ts.integrators.nve(
        inside, dt=torch.tensor(timestep, dtype=torch.float64), kT=torch.tensor(0.05, dtype=torch.float64)
    )
    state = init(start, seed=1)
    momenta = np.concatenate([crystal.get_momenta() for crystal in crystals])
    state.momenta = torch.tensor(momenta)
    for _ in range(steps):
        state = update(state)
    places, energies = [], []
    for crystal in crystals:
        crystal.calc = atoms.LeignnCalculator(atoms.Potential(model, precision="float64", radial="exact"))
        VelocityVerlet(crystal, timestep=timestep).run(steps)
        places.append(crystal.positions)
        energies.append(crystal.get_potential_energy())
    moved = np.abs(np.concatenate(places) - start.positions.numpy()).max()
    assert moved > 0.05  # angstrom
    difference = state.positions.numpy() - np.concatenate(places)
    cells = np.concatenate([len(c) * [c.cell.lengths()] for c in crystals])
    difference -= cells * np.round(difference / cells)
    assert np.abs(difference).max() < 1e-9
    np.testing.assert_allclose(state.energy, energies, rtol=0, atol=1e-9)
