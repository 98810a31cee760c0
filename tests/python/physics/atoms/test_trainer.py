"""Training: losses and their gradients, averaged weights, schedules, resumption, several processes."""

import json
import math
import os
import pickle
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch

from nonideal.errors import InvalidArgument, NumericalError
from nonideal.physics import atoms
from nonideal.physics.atoms.budget import Spent
from nonideal.physics.atoms.loss import Loss
from nonideal.physics.atoms.optimization import Average
from nonideal.physics.atoms.training_data import Labelled, labelled_graphs
from nonideal.physics.atoms.training_state import read_data, write_data
from toys.train_two import frames, trainer

TESTS = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def one_thread_of_torch():
    """Small tensors on a busy machine: waiting for the second thread takes longer than the work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def model(**other):
    sizes = {"cutoff": 3.0, "channels": 8, "layers": 2, "n_rbf": 6, "seed": 2, "dtype": torch.float64}
    return atoms.LEIGNN(["O", "H"], **(sizes | other))


def periodic(n=3):
    rng = np.random.default_rng(5)
    cell = np.diag([2.9, 3.1, 3.3])
    return [
        atoms.Frame(
            [1, 8, 1],
            np.array([[0, 0, 0], [1.2, 1.3, 0.1], [0.1, 1.4, 1.7]]) + rng.normal(size=(3, 3)) * 0.1,
            cell,
            True,
            energy=rng.normal(),
            forces=rng.normal(size=(3, 3)),
            stress=np.eye(3) * rng.normal(),
            force_mask=None if index else [True, False, True],
        )
        for index in range(n)
    ]


def batch_of(network, given):
    return Labelled.join(labelled_graphs(given, network))


def test_losses_are_what_they_say():
    network, given = model(), periodic()
    batch = batch_of(network, given)
    found = network.evaluate(given, stress=True)
    energy = np.array([p.energy - f.energy for p, f in zip(found, given, strict=True)])
    force = np.concatenate([p.forces - f.forces for p, f in zip(found, given, strict=True)])
    force = np.delete(force, 1, axis=0)  # masked
    stress = np.stack([p.stress - f.stress for p, f in zip(found, given, strict=True)])
    result = network(batch.graph, stress=True)
    assert batch.counts == (3, 24, 27)
    for norm, size in (("l1", np.abs), ("l2", np.square)):
        for per_atom in (False, True):
            expected = 0.3 * size(energy / (3 if per_atom else 1)).mean()
            expected += 50 * size(force).mean() + 7 * size(stress).mean()
            loss = Loss(0.3, 50.0, 7.0, norm, per_atom)
            assert float(loss(result, batch, batch.counts).detach()) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("force_gradient", ["double-backward", "finite-difference"])
@pytest.mark.parametrize("variant", ["v1", "vn", "vanilla"])
def test_gradients_of_the_loss(variant, force_gradient):
    """Against symmetric differences in the weights, along random directions."""
    network = model(variant=variant)
    batch = batch_of(network, periodic())
    loss = Loss(1.0, 20.0, 5.0, "l2")
    loss.backward(network, batch, batch.counts, force_gradient)
    parameters = [p for p in network.parameters() if p.grad is not None]
    assert len(parameters) > 10
    generator = torch.Generator().manual_seed(1)
    for _ in range(3):
        steps = [torch.randn(p.shape, generator=generator, dtype=p.dtype) for p in parameters]
        slope = sum(float((p.grad * s).sum()) for p, s in zip(parameters, steps, strict=True))
        values = []
        for h in (1e-5, -1e-5):
            for p, s in zip(parameters, steps, strict=True):
                p.data.add_(s, alpha=h)
            values.append(float(loss(network(batch.graph, stress=True), batch, batch.counts).detach()))
            for p, s in zip(parameters, steps, strict=True):
                p.data.sub_(s, alpha=h)
        assert (values[0] - values[1]) / 2e-5 == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_two_ways_to_the_gradient_agree(dtype):
    gradients = []
    for way in ("double-backward", "finite-difference"):
        network = model(dtype=dtype)
        batch = batch_of(network, periodic())
        loss = Loss(1.0, 50.0, 3.0).backward(network, batch, batch.counts, way)
        gradients.append({n: p.grad for n, p in network.named_parameters() if p.grad is not None})
        assert loss > 0
    assert set(gradients[0]) == set(gradients[1])
    flat = [torch.cat([g.reshape(-1) for g in found.values()]) for found in gradients]
    error = float((flat[0] - flat[1]).norm() / flat[0].norm())
    assert error < (1e-6 if dtype == torch.float64 else 1e-3)


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


def test_average_of_weights():
    network = torch.nn.Linear(1, 1, bias=False)
    network.weight.data.fill_(1.0)
    for warmup, factors in ((True, [1 / 10, 2 / 11, 3 / 12, 0.3, 0.3]), (False, [0.3] * 5)):
        average, expected = Average(network, 0.3, warmup), network.weight.item()
        for step, decay in enumerate(factors):
            network.weight.data.fill_(step**2)
            average.update(step)
            expected = decay * expected + (1 - decay) * step**2
        assert float(average.values["weight"]) == pytest.approx(expected, rel=1e-6)
        with average.in_place():
            assert network.weight.item() == pytest.approx(expected, rel=1e-6)
        assert network.weight.item() == 16.0


def test_without_average_the_model_holds_the_last_weights():
    run = trainer(ema=0.0)
    result = run.fit(steps=4)
    assert result.best_step == 4
    for name, value in run.model.named_parameters():
        assert torch.equal(value, run._raw[name])


def test_batches_go_through_permutations():
    run = trainer()
    order = [index for step in range(7) for index in run._batch(step)]
    passes = [order[start : start + 7] for start in range(0, 21, 7)]
    assert all(sorted(part) == list(range(7)) for part in passes)
    assert passes[0] != passes[1]
    assert order == [index for step in range(7) for index in trainer()._batch(step)]
    assert order != [index for step in range(7) for index in trainer(seed=5)._batch(step)]


def test_rates():
    cosine = trainer(schedule="cosine", lr=1e-2, min_lr=1e-3, steps_per_epoch=1).fit(steps=8)
    expected = [1e-3 + 9e-3 * (1 + math.cos(math.pi * k / 8)) / 2 for k in range(8)]
    assert [r.lr for r in cosine.history] == pytest.approx(expected, rel=1e-12)
    constant = trainer(schedule="constant", lr=1e-2, steps_per_epoch=1).fit(steps=3)
    assert {r.lr for r in constant.history} == {1e-2}
    plateau = trainer(lr=0.5, patience=0, plateau_factor=0.5, min_lr=0.1, steps_per_epoch=1, ema=0.0)
    rates = [r.lr for r in plateau.fit(steps=12).history]
    assert set(rates) == {0.5, 0.25, 0.125, 0.1}
    assert rates == sorted(rates, reverse=True)


def test_early_stop():
    result = trainer(lr=0.3, early_stop=2, steps_per_epoch=1, ema=0.0).fit(steps=200)
    assert result.stopped_early
    assert result.steps < 200
    assert result.steps == result.best_step + 2
    best = min(result.history, key=lambda record: record.valid_force_mae)
    assert best.step == result.best_step


def test_time_ends_it():
    result = trainer().fit(seconds=0.5)
    assert 0.5 <= result.seconds < 20
    assert result.steps >= 1
    assert result.history[-1].step == result.steps


def test_time_of_the_processor_ends_it(monkeypatch):
    """Waiting costs time on the clock alone."""
    run = trainer(steps_per_epoch=1)
    step = run._one_step

    def waiting(fraction):
        step(fraction)
        time.sleep(0.05)

    monkeypatch.setattr(run, "_one_step", waiting)
    before = time.process_time()
    result = run.fit(cpu_seconds=0.3)
    used = time.process_time() - before
    assert 0.3 <= result.cpu_seconds <= used < 20
    assert result.seconds >= 0.05 * result.steps
    assert [r.cpu_seconds for r in result.history] == sorted(r.cpu_seconds for r in result.history)
    assert result.history[-1].cpu_seconds == pytest.approx(result.cpu_seconds, abs=0.2)
    assert run.model.metadata["training"]["cpu_seconds"] == result.cpu_seconds


class Ticks:
    """A clock on which every step takes a second, and the processor half of it."""

    def __init__(self, before):
        self.now = lambda: Spent(float(self.run._state.step), 0.5 * self.run._state.step)


@pytest.mark.parametrize("limit", [{"seconds": 8.0}, {"cpu_seconds": 4.0}, {"steps": 20, "cpu_seconds": 4.0}])
def test_schedules_and_resumption_follow_the_budget(limit, tmp_path, monkeypatch):
    monkeypatch.setattr("nonideal.physics.atoms.trainer.Clock", Ticks)
    options = {"schedule": "cosine", "lr": 1e-2, "min_lr": 1e-3, "steps_per_epoch": 1}
    Ticks.run = run = trainer(output=tmp_path / "run", **options)
    rates = [r.lr for r in run.fit(**limit).history]
    assert rates == pytest.approx([1e-3 + 9e-3 * (1 + math.cos(math.pi * k / 8)) / 2 for k in range(8)])
    Ticks.run = resumed = atoms.Trainer.resume(tmp_path / "run")
    assert resumed.fit(**limit).steps == 8
    more = resumed.fit(**{name: 1.5 * value for name, value in limit.items() if name != "steps"})
    assert (more.steps, more.seconds, more.cpu_seconds) == (12, 12.0, 6.0)


def test_clocks_go_on_from_what_was_spent(tmp_path):
    run = trainer(output=tmp_path / "run", steps_per_epoch=2)
    first = run.fit(steps=4)
    resumed = atoms.Trainer.resume(tmp_path / "run")
    state = resumed._state
    assert 0 < state.cpu_seconds <= first.cpu_seconds
    found = resumed.fit(steps=6)
    assert found.cpu_seconds > state.history[1].cpu_seconds >= first.history[1].cpu_seconds
    assert found.seconds > first.history[1].seconds


def strip(history):
    return [{**vars(record), "seconds": 0.0, "cpu_seconds": 0.0} for record in history]


def test_resumed_runs_go_on_with_the_same_bits(tmp_path):
    whole = trainer(ema=0.9)
    expected = whole.fit(steps=19)
    parts = trainer(ema=0.9, output=tmp_path / "run")
    parts.fit(steps=6)  # in the middle of an epoch of four
    parts = atoms.Trainer.resume(tmp_path / "run")
    parts.fit(steps=12)
    again = parts.fit(steps=15)
    assert again.steps == 15
    parts = atoms.Trainer.resume(tmp_path / "run")
    found = parts.fit(steps=19)
    assert strip(found.history) == strip(expected.history)
    assert (found.best_step, found.seed) == (expected.best_step, 4)
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, parts.model.state_dict()[name])
        if name in whole._raw:
            assert torch.equal(whole._raw[name], parts._raw[name])
    saved = atoms.LEIGNN.load(tmp_path / "run" / "model.leignn")
    assert torch.equal(saved.embedding.weight, whole.model.embedding.weight)
    assert saved.metadata["training"]["best_step"] == expected.best_step


def test_killed_runs_lose_the_epoch_alone(tmp_path):
    run = trainer(output=tmp_path)
    original, steps = run._one_step, []

    def interrupted(fraction):
        if len(steps) == 10:
            raise KeyboardInterrupt
        steps.append(original(fraction))

    run._one_step = interrupted
    with pytest.raises(KeyboardInterrupt):
        run.fit(steps=16)
    assert all(torch.isfinite(p).all() for p in run.model.parameters())
    resumed = atoms.Trainer.resume(tmp_path)
    assert resumed._state.step == 8
    found, expected = resumed.fit(steps=16), trainer().fit(steps=16)
    assert strip(found.history) == strip(expected.history)


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


def test_frames_come_back_from_their_file(tmp_path):
    given = [
        *periodic(2),
        *frames(2),
        atoms.Frame([], np.zeros((0, 3)), energy=0.0),
        atoms.Frame([8], [[0, 0, 1]], np.eye(3), [True, False, True]),
    ]
    write_data(tmp_path, {"train": given, "valid": given[:1]})
    found = read_data(tmp_path)
    assert [len(found[name]) for name in ("train", "valid")] == [6, 1]
    for a, b in zip(given, found["train"], strict=True):
        for name in ("numbers", "positions", "cell", "pbc", "energy", "forces", "stress", "force_mask"):
            x, y = getattr(a, name), getattr(b, name)
            assert (x is None) == (y is None), name
            assert x is None or np.array_equal(x, y)


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


def test_two_processes_take_the_steps_of_one(tmp_path):
    expected = trainer()
    history = expected.fit(steps=10).history
    script = TESTS / "toys" / "train_two.py"
    processes = [
        subprocess.Popen(
            [sys.executable, str(script), str(tmp_path), str(rank), "2"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            text=True,
        )
        for rank in range(2)
    ]
    try:
        for process in processes:
            text, _ = process.communicate(timeout=120)
            assert process.returncode == 0, text
    finally:
        for process in processes:
            process.kill()
    models = [atoms.LEIGNN.load(tmp_path / f"rank{rank}.leignn") for rank in range(2)]
    for name, value in expected.model.named_parameters():
        a, b = (m.get_parameter(name) for m in models)
        assert torch.equal(a, b)
        assert float((a - value).detach().abs().max()) < 1e-9
    timed = [json.loads((tmp_path / f"rank{rank}.json").read_text()) for rank in range(2)]
    assert timed[0] == timed[1]
    assert timed[0]["cpu_seconds"] >= 0.5
    resumed = atoms.Trainer.resume(tmp_path / "run")
    assert resumed._state.step == 10
    assert [r.step for r in resumed._state.history] == [r.step for r in history[:-1]] == [4, 8]
    errors = [r.valid_force_mae for r in history[:-1]]
    assert [r.valid_force_mae for r in resumed._state.history] == pytest.approx(errors, rel=1e-9)


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
