"""Training: what is learnt and recorded, the same bits every time, refusals."""

import math
import pickle
from contextlib import nullcontext

import numpy as np
import pytest
import torch

from nonideal.errors import InvalidArgument, NumericalError
from nonideal.physics import atoms
from toys.toy_training import model, periodic, strip
from toys.train_two import frames, trainer

pytestmark = pytest.mark.usefixtures("one_thread_of_torch")


def test_records_are_errors_of_the_averaged_weights():
    """Per atom, per component, over what is known; structures differ in size."""
    run = trainer(weights={"energy": 1.0}, ema=0.9)
    record = run.fit(steps=3).history[-1]
    found, given = run.model.evaluate(frames(4, seed=9)), frames(4, seed=9)
    energy = np.mean([abs(p.energy - f.energy) / len(f) for p, f in zip(found, given, strict=True)])
    force = np.concatenate([p.forces - f.forces for p, f in zip(found, given, strict=True)])
    assert record.valid_energy_mae == pytest.approx(energy, rel=1e-10)
    assert record.valid_force_mae == pytest.approx(np.abs(force).mean(), rel=1e-10)
    assert record.valid_stress_mae is None


def test_direct_forces_and_energy_alone_train():
    for forces, weights in (("direct", {"energy": 1.0, "forces": 5.0}), ("none", {"energy": 1.0})):
        network = model(forces=forces)
        result = atoms.Trainer(
            network, frames(7), frames(3, 1), weights=weights, batch_size=7, lr=1e-2, seed=1
        ).fit(steps=30)
        first, last = result.history[0], result.history[-1]
        assert last.valid_energy_mae < first.valid_energy_mae
        assert (last.valid_force_mae is None) == (forces == "none")


@pytest.mark.parametrize("kind", ["gradient", "direct"])
def test_what_is_pulled_apart_comes_back(kind):
    """The sign of the vectors along edges, end to end: a bond that is learnt pulls when it is too long."""

    def bond(d):
        force = -20.0 * (d - 1.0)
        places = [[0, 0, 0], [0.48 * d, 0.6 * d, 0.64 * d]]
        pull = np.array([0.48, 0.6, 0.64]) * force
        return atoms.Frame([8, 1], places, energy=10.0 * (d - 1.0) ** 2, forces=[-pull, pull])

    network = model(forces=kind)
    known = [bond(d) for d in np.linspace(0.8, 1.25, 16)]
    atoms.Trainer(network, known[::2], known[1::2], lr=1e-2, ema=0.9, seed=1).fit(steps=150)
    along = np.array([0.48, 0.6, 0.64])
    short, long = network.evaluate([bond(0.85), bond(1.15)])
    for found, sign in ((short, 1.0), (long, -1.0)):
        assert sign * found.forces[1] @ along > 1.5
        assert sign * found.forces[0] @ along < -1.5
    assert min(short.energy, long.energy) > network.evaluate(bond(1.0)).energy


def test_the_best_validation_is_kept():
    """One in the middle of an epoch counts too, and only if it is the best."""
    last_is_best = []
    for rate in (5e-3, 0.3):  # of the last two steps
        run = trainer(ema=0.0, schedule="constant")
        run.fit(steps=8)
        run._optimizer.param_groups[0]["lr"] = rate
        result = run.fit(steps=10)
        assert result.history[-1].step == 10
        best = min(result.history, key=lambda record: record.valid_force_mae)
        assert result.best_step == best.step
        last_is_best.append(best.step == 10)
        given = frames(4, seed=9)
        force = [p.forces - f.forces for p, f in zip(run.model.evaluate(given), given, strict=True)]
        assert np.abs(np.concatenate(force)).mean() == pytest.approx(best.valid_force_mae, rel=1e-10)
        assert not run.model.training
    assert last_is_best == [True, False]


@pytest.mark.parametrize("norm", ["l1", "l2"])
@pytest.mark.parametrize("per_atom", [True, False])
def test_the_recorded_loss(norm, per_atom):
    """Of one step with all frames, before the weights move."""
    run = trainer(norm=norm, energy_per_atom=per_atom, batch_size=7, steps_per_epoch=1)
    given, size = frames(7), np.abs if norm == "l1" else np.square
    found = run.model.evaluate(given)
    energy = [(p.energy - f.energy) / (len(f) if per_atom else 1) for p, f in zip(found, given, strict=True)]
    force = np.concatenate([p.forces - f.forces for p, f in zip(found, given, strict=True)])
    expected = size(np.array(energy)).mean() + 50 * size(force).mean()
    result = run.fit(steps=1)
    assert result.history[0].train_loss == pytest.approx(expected, rel=1e-10)
    summary = run.model.metadata["training"]
    assert (summary["n_train"], summary["steps"], summary["seed"]) == (7, 1, 4)
    assert summary["valid_force_mae"] == result.history[0].valid_force_mae


def test_an_epoch_is_once_through_the_frames():
    assert [r.step for r in trainer(steps_per_epoch=None).fit(steps=7).history] == [3, 6, 7]  # 7 by threes


def test_frozen_weights_stay():
    network = model()
    network.embedding.weight.requires_grad_(False)
    before = {name: value.detach().clone() for name, value in network.named_parameters()}
    atoms.Trainer(network, frames(3), frames(2), batch_size=3, lr=1e-2, seed=1, ema=0.0).fit(steps=2)
    changed = [n for n, value in network.named_parameters() if not torch.equal(value, before[n])]
    assert changed
    assert "embedding.weight" not in changed
    network.requires_grad_(False)
    with pytest.raises(InvalidArgument, match=r"^model has no parameter that may change$"):
        atoms.Trainer(network, frames(3), frames(2))


def test_nothing_global_changes():
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    trainer(num_threads=1).fit(steps=2)
    assert torch.equal(state, torch.get_rng_state())
    assert torch.get_num_threads() == threads
    assert torch.is_grad_enabled()


def dense(n):
    """Frames of 64 atoms in a small box: in batches of three, work for three threads."""
    rng = np.random.default_rng(8)
    lattice = np.stack(np.meshgrid(*[np.arange(4) * 1.3] * 3), -1).reshape(-1, 3)
    return [
        atoms.Frame(
            rng.choice([1, 8], 64),
            lattice + 0.2 * rng.random((64, 3)),
            5.2 * np.eye(3),
            True,
            energy=rng.normal(),
            forces=rng.normal(size=(64, 3)),
        )
        for _ in range(n)
    ]


@pytest.mark.parametrize("force_gradient", ["double-backward", "finite-difference"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_same_bits_for_every_number_of_threads(dtype, force_gradient, monkeypatch):
    """Of our kernels: matrix products of torch round otherwise with other numbers of its own threads."""
    monkeypatch.setattr("nonideal.physics.atoms.trainer.threads_of_torch", lambda _: nullcontext())
    runs = []
    for num_threads in (1, 2, 3):
        run = atoms.Trainer(
            model(dtype=dtype, channels=48),
            dense(3),
            dense(1),
            batch_size=3,
            lr=1e-2,
            force_gradient=force_gradient,
            seed=1,
            num_threads=num_threads,
        )
        runs.append((strip(run.fit(steps=2).history), run._raw, run._average.values))
    for history, *weights in runs[1:]:
        assert history == runs[0][0]
        for found, expected in zip(weights, runs[0][1:], strict=True):
            for name, value in found.items():
                assert torch.equal(value, expected[name]), name


def test_a_loss_that_is_not_finite_stops():
    run = trainer(lr=1e-2)
    run.fit(steps=4)
    step = run._one_step

    def spoiled(fraction):
        if run._state.step == 6:
            with torch.no_grad():
                run.model.readout.energy.out.bias.fill_(math.nan)
        step(fraction)

    run._one_step = spoiled
    with pytest.raises(atoms.TrainingError, match=r"^loss = nan in step 6 at learning rate 0\.01") as caught:
        run.fit(steps=20)
    assert isinstance(caught.value, NumericalError)
    assert [record.step for record in caught.value.history] == [4]
    assert all(torch.isfinite(p).all() for p in run.model.parameters())
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.history == caught.value.history
    assert str(again) == str(caught.value)


def test_scale_and_reference():
    given = periodic()
    forces = np.concatenate([given[0].forces[[0, 2]], given[1].forces, given[2].forces])
    run = atoms.Trainer(model(), given, given)
    assert float(run.model.energy_scale) == pytest.approx(np.sqrt((forces**2).mean()), rel=1e-12)
    reference = atoms.fit_energy_reference(given, ["O", "H"])
    assert run.model.energy_reference.tolist() == list(reference.values())
    other = model()
    atoms.Trainer(other, given, given, energy_reference={"H": -1.5}, scale=2.5)
    assert other.energy_reference.tolist() == [0.0, -1.5]
    assert float(other.energy_scale) == 2.5
    atoms.Trainer(other, given, given, energy_reference="keep", scale="keep")
    assert other.energy_reference.tolist() == [0.0, -1.5]
    atoms.Trainer(other, given, given, energy_reference="none", scale="none")
    assert (other.energy_reference.tolist(), float(other.energy_scale)) == ([0.0, 0.0], 1.0)


def unlabelled(**labels):
    return [atoms.Frame([1, 8], [[0, 0, 0], [0, 0, 1]], **labels)]


GOOD = frames(2)

REFUSED = [
    ({"train": []}, "train is empty"),
    ({"valid": []}, "valid is empty"),
    ({"train": 3}, "train = 3 is not a sequence"),
    ({"train": unlabelled(energy=1.0)}, "train[0] has no forces, which weights['forces'] asks for"),
    (
        {"valid": unlabelled(forces=np.ones((2, 3)))},
        "valid[0] has no energy, which weights['energy'] asks for",
    ),
    ({"weights": {"stress": 1.0}}, "train[0] has no stress, which weights['stress'] asks for"),
    (
        {"train": [atoms.Frame([29], [[0, 0, 0]], energy=1.0, forces=[[0, 0, 0]])]},
        "train[0] holds Cu, which is not among the model's species: O, H",
    ),
    (
        {"train": unlabelled(energy=1.0, forces=np.ones((2, 3)), force_mask=[False, False])},
        "train: every force is masked",
    ),
    ({"weights": {"virial": 1.0}}, "weights: 'virial' is not one of energy, forces, stress"),
    ({"weights": {"energy": -1.0}}, "weights['energy'] = -1.0 is not >= 0"),
    ({"weights": {}}, "weights = {}: none is > 0"),
    ({"weights": 3}, "weights: int is not a mapping"),
    ({"norm": "l3"}, "norm = 'l3' is not one of l1, l2"),
    ({"lr": 0.0}, "lr = 0.0 is not > 0"),
    ({"min_lr": 1.0}, "min_lr = 1.0 is above lr = 0.0005"),
    ({"batch_size": 0}, "batch_size = 0 is outside [1, 2^31)"),
    ({"ema": 1.0}, "ema = 1.0 is outside [0, 1)"),
    ({"clip": 0}, "clip = 0 is not > 0"),
    ({"schedule": "step"}, "schedule = 'step' is not one of plateau, cosine, constant"),
    ({"plateau_factor": 1.0}, "plateau_factor = 1.0 is outside [0, 1)"),
    ({"patience": -1}, "patience = -1 is outside [0, 2^31)"),
    ({"steps_per_epoch": 0}, "steps_per_epoch = 0 is outside [1, 2^31)"),
    ({"early_stop": 0}, "early_stop = 0 is outside [1, 2^31)"),
    (
        {"energy_reference": "median"},
        "energy_reference = 'median' is not one of per-element, mean, none, keep",
    ),
    ({"energy_reference": {"Cu": 1.0}}, "energy_reference: 'Cu' is not among O, H"),
    ({"scale": "energy"}, "scale = 'energy' is not one of force-rms, none, keep"),
    ({"scale": -1.0}, "scale = -1.0 is not > 0"),
    (
        {"force_gradient": "adjoint"},
        "force_gradient = 'adjoint' is not one of double-backward, finite-difference",
    ),
    ({"seed": 1 << 64}, "seed = 18446744073709551616 is outside [0, 2^64)"),
    ({"num_threads": 0}, "num_threads = 0 is below 1"),
    ({"model": 3}, "model = 3 is no LEIGNN"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED)
def test_refused_arguments(arguments, message):
    given = {"model": model(), "train": GOOD, "valid": GOOD, **arguments}
    with pytest.raises(InvalidArgument) as caught:
        atoms.Trainer(**given)
    assert str(caught.value) == message


def test_refused_calls(tmp_path):
    run = trainer(output=tmp_path / "run")
    with pytest.raises(InvalidArgument, match=r"^steps, seconds and cpu_seconds are all None; one of them"):
        run.fit()
    for arguments, message in (
        ({"steps": 0}, "steps = 0 is below 1"),
        ({"seconds": -1.0}, "seconds = -1.0 is not > 0"),
        ({"cpu_seconds": math.nan}, "cpu_seconds = nan is not finite"),
        ({"cpu_seconds": 0}, "cpu_seconds = 0 is not > 0"),
        ({"steps": 1, "progress": 1}, "progress = 1 is neither True nor False"),
    ):
        with pytest.raises(InvalidArgument) as caught:
            run.fit(**arguments)
        assert str(caught.value) == message
    with pytest.raises(InvalidArgument, match="the model's forces are 'none'"):
        atoms.Trainer(model(forces="none"), GOOD, GOOD)
    with pytest.raises(InvalidArgument, match="is for gradient forces; the model's are direct"):
        atoms.Trainer(model(forces="direct"), GOOD, GOOD, force_gradient="finite-difference")
    run.fit(steps=4)
    with pytest.raises(InvalidArgument, match=r"a run is there; Trainer\.resume goes on with it$"):
        trainer(output=tmp_path / "run")
    state = tmp_path / "run" / "state.nitrain"
    content = bytearray(state.read_bytes())
    content[-100] ^= 1
    state.write_bytes(content)
    with pytest.raises(InvalidArgument, match=r"state\.nitrain is damaged: its checksum is wrong$"):
        atoms.Trainer.resume(tmp_path / "run")


def test_copper_is_learnt_from_its_teacher():
    """108 atoms, ASE's effective medium theory: the whole path, in seconds."""
    build = pytest.importorskip("ase.build")
    emt = pytest.importorskip("ase.calculators.emt")
    rng = np.random.default_rng(2)
    known = []
    for _ in range(16):
        crystal = build.bulk("Cu", "fcc", a=3.61 * rng.uniform(0.99, 1.01), cubic=True) * (3, 3, 3)
        crystal.positions += rng.normal(size=(108, 3)) * 0.1
        crystal.calc = emt.EMT()
        crystal.get_forces()
        known.append(crystal)
    network = atoms.LEIGNN(["Cu"], cutoff=3.5, channels=16, layers=2, n_rbf=8, seed=1)
    result = atoms.Trainer(
        network, known[:12], known[12:], batch_size=2, lr=1e-2, schedule="cosine", ema=0.9, seed=1
    ).fit(steps=120)
    errors = [record.valid_force_mae for record in result.history]
    typical = np.mean([np.abs(crystal.get_forces()).mean() for crystal in known])
    assert errors[-1] < 0.5 * errors[0]
    assert errors[-1] < 0.2 * typical
