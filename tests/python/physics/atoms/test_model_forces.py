"""Forces and stress of LEIGNN as derivatives, and where its energy is smooth."""

import math

import numpy as np
import pytest
import torch

from nonideal.physics import atoms
from nonideal.physics.atoms.architecture import VARIANTS
from nonideal.physics.atoms.blocks import vector_norm
from toys.toy_models import CELL, close, crystal, dimer, make, moved, stirred

pytestmark = pytest.mark.usefixtures("one_thread_of_torch")


@pytest.mark.parametrize("variant", VARIANTS)
def test_forces_and_stress_are_derivatives(variant):
    frame, model = crystal(4, seed=3), stirred(make(variant))
    found = model.evaluate(frame, stress=True)
    rng = np.random.default_rng(0)
    for _ in range(3):
        step = rng.normal(size=(4, 3))
        h = 1e-4
        up, down = (model.evaluate(moved(frame, frame.positions + s * step)).energy for s in (h, -h))
        assert -(up - down) / (2 * h) == pytest.approx(float((found.forces * step).sum()), abs=2e-7)
        strain = rng.normal(size=(3, 3))
        energies = []
        for s in (h, -h):
            deform = np.eye(3) + s * (strain + strain.T) / 2
            energies.append(
                model.evaluate(moved(frame, frame.positions @ deform, frame.cell @ deform)).energy
            )
        slope = (energies[0] - energies[1]) / (2 * h) / abs(np.linalg.det(CELL))
        assert slope == pytest.approx(float((found.stress * strain).sum()), abs=1e-7)
    close(found.stress, found.stress.T, 0.0)


def test_positions_of_the_graph_are_differentiable():
    frame, model = crystal(), stirred(make())
    graph = model.graph(frame)
    graph.positions.requires_grad_()
    result = model(graph, forces="gradient")
    (slope,) = torch.autograd.grad(result["energy"].sum(), graph.positions)
    close(-slope.numpy(), result["forces"].detach().numpy(), 1e-12)


def test_gradient_forces_have_no_sum_and_direct_ones_do():
    frame, model = crystal(5), make()
    assert np.abs(model.evaluate(frame).forces.sum(axis=0)).max() < 1e-14
    direct = model.evaluate(frame, forces="direct").forces
    assert np.linalg.norm(direct.sum(axis=0)) > 0.01 * np.abs(direct).mean()


@pytest.mark.parametrize("variant", VARIANTS)
def test_work_along_a_closed_loop(variant):
    """Gradient forces do none; direct forces do: no energy belongs to them."""
    frame, model = crystal(4, pbc=False), stirred(make(variant, cutoff=9.0))  # no pair crosses the cutoff
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 4, 3)) * 0.1
    angles = 2 * np.pi * np.arange(64) / 64
    loop = [
        moved(frame, frame.positions + np.cos(t) * a + np.sin(t) * b) for t in angles
    ]  # the trapezoid rule is exact to rounding for smooth periodic functions
    speeds = [-np.sin(t) * a + np.cos(t) * b for t in angles]

    def work(kind):
        forces = [p.forces for p in model.evaluate(loop, forces=kind)]
        return sum(float((f * s).sum()) for f, s in zip(forces, speeds, strict=True)) * 2 * np.pi / 64

    assert abs(work("gradient")) < 1e-7
    assert abs(work("direct")) > 1e-3


@pytest.mark.parametrize("variant", VARIANTS)
def test_smooth_at_the_cutoff_and_not_in_the_published_form(variant):
    def across(model):
        # A third atom: without it vn's and v1's messages are along one line.
        frames = [
            atoms.Frame([29, 8, 29], [[0, 0, 0], [1.1, 1.2, 0.3], [0, 0, 3.0 + s]]) for s in (-1e-7, 1e-7)
        ]
        near, far = model.evaluate(frames)
        work = 1e-7 * (near.forces + far.forces)[2, 2]  # of the third atom, whom both see
        return abs(far.energy - near.energy + work), np.abs(near.forces - far.forces).max()

    energy, force = across(stirred(make(variant)))
    assert energy < 1e-9
    assert force < 1e-5
    jump, kick = across(stirred(make(variant, smooth_cutoff=False)))
    assert jump > 1e-3
    assert kick > 1e-3


@pytest.mark.parametrize("variant", VARIANTS)
def test_dimer_does_not_feel_the_cutoff(variant):
    model = stirred(make(variant))
    near, far = model.evaluate([dimer(3.0 - 1e-4), dimer(3.0 + 1e-4)])
    assert abs(near.energy - far.energy) < 1e-9
    assert np.abs(near.forces).max() < 1e-6
    assert np.abs(far.forces).max() == 0.0
    rough = stirred(make(variant, smooth_cutoff=False))
    near, far = rough.evaluate([dimer(3.0 - 1e-7), dimer(3.0 + 1e-7)])
    assert abs(near.energy - far.energy) > 1e-3


def test_a_limit_of_neighbours_makes_energies_jump():
    """Where two neighbours of an atom change places in the order, one is dropped for the other."""

    def across(model, step):
        frames = [atoms.Frame([29, 8, 29], [[0, 0, 0], [1.5, 0, 0], [0, 1.5 + s, 0]]) for s in (-step, step)]
        near, far = model.evaluate(frames)
        return abs(near.energy - far.energy)

    assert across(stirred(make()), 1e-7) < 1e-5
    assert across(stirred(make(max_neighbors=1)), 1e-7) > 1e-2


def test_lengths_of_short_vectors():
    """The published clamp has no slope below 1e-4; the smooth length has one everywhere but at zero."""
    for length, clamped in ((3e-5, True), (0.5, False)):
        v = torch.tensor([[0.0, 0.6, 0.8]], dtype=torch.float64).T * length
        for clamp in (True, False):
            v.requires_grad_()
            norm = vector_norm(v, clamp)
            (slope,) = torch.autograd.grad(norm.sum(), v)
            expected = math.sqrt(max(length**2, 1e-8) if clamp else length**2 + 1e-8)
            assert float(norm.detach()) == pytest.approx(expected, rel=1e-14)
            direction = torch.zeros_like(v) if clamp and clamped else v.detach() / expected
            close(slope, direction, 1e-14)
    zero = torch.zeros(3, 1, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda v: vector_norm(v, False), zero)


def test_second_derivatives_are_finite_for_lonely_atoms():
    for norm in ("smooth", "clamp"):
        model = make(vector_norm=norm)
        graph = model.graph(atoms.Frame([29, 8, 8], [[0, 0, 0], [50.0, 0, 0], [50.0, 1.0, 0]]))
        result = model(graph, forces="gradient", create_graph=True)
        (result["forces"].pow(2).sum() + result["energy"].sum()).backward()
        for weight in model.parameters():
            assert weight.grad is None or bool(torch.isfinite(weight.grad).all())


def test_what_is_differentiable_when():
    frame, model = crystal(), make()
    graph = model.graph(frame)
    assert model(graph)["forces"].requires_grad  # while training
    model.eval()
    assert not any(t.requires_grad for t in model(graph, stress=True).values())
    assert model(graph, forces="none")["energy"].requires_grad
    assert model(graph, forces="direct")["forces"].requires_grad
    assert model(graph, create_graph=True)["forces"].requires_grad
    assert set(model(graph, forces="none")) == {"energy", "energies"}
    with torch.no_grad():
        found = model.train()(graph, stress=True)
        assert found["forces"].shape == (5, 3)
        assert not any(value.requires_grad for value in found.values())
    assert model(graph)["energy"].dtype == torch.float64
    assert model.float().eval()(model.graph(frame))["forces"].dtype == torch.float32
