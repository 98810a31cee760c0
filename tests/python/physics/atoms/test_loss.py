"""Losses of training: what they are, and both ways to their gradients."""

import numpy as np
import pytest
import torch

from nonideal.physics import atoms
from nonideal.physics.atoms.loss import Loss
from toys.toy_training import batch_of, model, periodic
from toys.train_two import frames

pytestmark = pytest.mark.usefixtures("one_thread_of_torch")


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


def test_losses_of_what_is_known():
    """Structures of many sizes, none among them, some without labels; sums in double for a single model."""
    network = model(dtype=torch.float32)
    given = [
        atoms.Frame([], np.zeros((0, 3)), energy=0.5, forces=np.zeros((0, 3))),
        atoms.Frame([8, 1], [[0, 0, 0], [0, 0, 1.1]], forces=np.full((2, 3), 0.3)),
        atoms.Frame([8, 1, 1], [[0, 0, 0], [0, 0, 1.1], [0, 1.2, 0]], energy=2.0),
    ]
    batch = batch_of(network, given)
    found = network.evaluate(given)
    energies = np.array([0.5, abs(found[2].energy - 2.0)])
    force = np.abs(batch.forces[:2].double().numpy() - found[1].forces)
    assert batch.counts == (2, 6, 0)
    for per_atom in (False, True):
        sizes = np.array([1, 3]) if per_atom else 1.0
        expected = (energies / sizes).mean() + 7 * force.astype(np.float32).astype(np.float64).mean()
        loss = Loss(1.0, 7.0, 0.0, "l1", per_atom)
        network.zero_grad()
        found_loss = loss.backward(network, batch, batch.counts, "double-backward")
        assert found_loss == pytest.approx(expected, rel=2e-7)
        assert all(p.grad is None or bool(torch.isfinite(p.grad).all()) for p in network.parameters())
    network.eval()
    errors = Loss(1.0, 0.0, 0.0).absolute_errors(network, batch)  # reported whatever the weights are
    assert errors[0] == (pytest.approx(0.5 + energies[1] / 3, rel=1e-6), 2)
    assert errors[1] == (pytest.approx(force.sum(), rel=1e-6), 6)
    assert errors[2] == (0.0, 0)


def test_many_small_errors_are_added_in_double():
    n = 20000
    frame = atoms.Frame(
        [1] * n, np.arange(3 * n).reshape(n, 3) * 9.0, energy=0.0, forces=np.full((n, 3), 0.1)
    )
    network = model(dtype=torch.float32)
    batch = batch_of(network, [frame])
    result = {"energy": torch.zeros(1, dtype=torch.float64), "forces": torch.zeros(n, 3)}
    found = float(Loss(0.0, 1.0, 0.0)(result, batch, batch.counts))
    assert found == pytest.approx(float(np.float32(0.1)), rel=1e-13)


@pytest.mark.parametrize("variant", ["v1", "vn"])
def test_an_empty_structure_spoils_no_gradient(variant):
    network = model(variant=variant)
    empty = atoms.Frame([], np.zeros((0, 3)), energy=0.0, forces=np.zeros((0, 3)))
    gradients = []
    for given in ([frames(1)[0]], [frames(1)[0], empty]):
        network.zero_grad()
        batch = batch_of(network, given)
        Loss(1.0, 5.0, 0.0, "l1", True).backward(network, batch, (1, batch.counts[1], 0), "double-backward")
        gradients.append([p.grad for p in network.parameters() if p.grad is not None])
    for alone, together in zip(*gradients, strict=True):
        assert torch.allclose(alone, together, rtol=1e-12, atol=1e-14)


def test_differences_without_a_direction():
    """Lonely atoms have no edge to move: what is left is the gradient by the energy."""
    given = [atoms.Frame([8, 1], [[0, 0, 0], [0, 0, 50.0]], energy=-1.0, forces=np.ones((2, 3)))]
    gradients = []
    for way in ("double-backward", "finite-difference"):
        network = model()
        batch = batch_of(network, given)
        Loss(1.0, 5.0, 0.0).backward(network, batch, batch.counts, way)
        gradients.append({n: p.grad for n, p in network.named_parameters() if p.grad is not None})
    assert float(gradients[0]["embedding.weight"].abs().max()) > 1e-3
    for name, value in gradients[1].items():
        assert torch.allclose(value, gradients[0][name], rtol=1e-12, atol=1e-14), name


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
