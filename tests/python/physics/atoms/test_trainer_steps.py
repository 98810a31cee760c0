"""Steps of training: the optimiser, averaged weights, batches, schedules and what ends them."""

import math
import time

import numpy as np
import pytest
import torch

from nonideal.physics import atoms
from nonideal.physics.atoms.budget import Spent
from nonideal.physics.atoms.optimization import Average
from toys.train_two import trainer

pytestmark = pytest.mark.usefixtures("one_thread_of_torch")


def test_steps_are_those_of_adamw_with_the_largest_square():
    """Without decay; written out, from the gradients that each step left."""
    run = trainer(lr=1e-3, norm="l2", schedule="constant", clip=None)
    weight = run.model.get_parameter("readout.energy.out.weight")
    expected = weight.detach().numpy().copy()
    mean, square, largest = (np.zeros_like(expected) for _ in range(3))
    for step in range(1, 9):
        run._one_step(0.0)
        slope = weight.grad.numpy()
        mean = 0.9 * mean + 0.1 * slope
        square = 0.999 * square + 0.001 * slope**2
        largest = np.maximum(largest, square)
        size = np.sqrt(largest / (1 - 0.999**step)) + 1e-8
        expected = expected - 1e-3 * mean / (1 - 0.9**step) / size
        np.testing.assert_allclose(weight.detach().numpy(), expected, rtol=1e-10)
        if step == 4:
            assert (largest == square).all()
            for part in run._train:  # what comes is small: the largest square is of the past
                object.__setattr__(part, "forces", run.model(part.graph)["forces"].detach())
                object.__setattr__(part, "energy", run.model(part.graph)["energy"].detach() - 1e-3)
    assert (largest > square).any()


def test_gradients_are_clipped():
    for clip in (1e-3, None):
        run = trainer(clip=clip)
        run._one_step(0.0)
        slopes = [p.grad.flatten() for p in run.model.parameters() if p.grad is not None]
        norm = float(torch.cat(slopes).norm())
        assert norm == pytest.approx(1e-3, rel=1e-4) if clip else norm > 1e-2


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
