"""Training interrupted, resumed, and shared by several processes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from nonideal.physics import atoms
from nonideal.physics.atoms.training_state import read_data, write_data
from toys.toy_training import periodic, strip
from toys.train_two import frames, trainer

pytestmark = pytest.mark.usefixtures("one_thread_of_torch")

TESTS = Path(__file__).parents[3]


def test_interrupted_before_the_first_validation():
    run = trainer(ema=0.5)
    original, before = run._one_step, run.model.embedding.weight.detach().clone()
    run.model.eval()

    def interrupted(fraction):
        assert run.model.training
        if run._state.step == 2:
            raise KeyboardInterrupt
        original(fraction)

    run._one_step = interrupted
    with pytest.raises(KeyboardInterrupt):
        run.fit(steps=8)
    assert not torch.equal(run.model.embedding.weight, before)
    for name, value in run.model.named_parameters():
        assert torch.equal(value, run._average.values[name])


def test_resumed_rates_and_backend(tmp_path):
    options = {
        "lr": 0.5,
        "patience": 0,
        "plateau_factor": 0.5,
        "min_lr": 1e-4,
        "steps_per_epoch": 1,
        "ema": 0.0,
    }
    expected = [r.lr for r in trainer(**options).fit(steps=10).history]
    run = trainer(**options, output=tmp_path)
    run.model.backend = "torch"
    run.fit(steps=5)
    resumed = atoms.Trainer.resume(tmp_path)
    assert resumed.model.backend == "torch"
    resumed.model.backend = "native"
    assert [r.lr for r in resumed.fit(steps=10).history] == expected
    assert expected[4] < 0.5


def test_clocks_go_on_from_what_was_spent(tmp_path):
    run = trainer(output=tmp_path / "run", steps_per_epoch=2)
    first = run.fit(steps=4)
    resumed = atoms.Trainer.resume(tmp_path / "run")
    state = resumed._state
    assert 0 < state.cpu_seconds <= first.cpu_seconds
    found = resumed.fit(steps=6)
    assert found.cpu_seconds > state.history[1].cpu_seconds >= first.history[1].cpu_seconds
    assert found.seconds > first.history[1].seconds


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
    saved = atoms.LEIGNN.load(tmp_path / "model.leignn")  # of the last validation
    for name, value in saved.named_parameters():
        assert torch.equal(value, run._best[name])
    resumed = atoms.Trainer.resume(tmp_path)
    assert resumed._state.step == 8
    found, expected = resumed.fit(steps=16), trainer().fit(steps=16)
    assert strip(found.history) == strip(expected.history)


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
