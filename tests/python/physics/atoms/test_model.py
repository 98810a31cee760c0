"""LEIGNN against its oracle, and what its form promises or fails to promise."""

import copy
import math
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nonideal.errors import InvalidArgument, NumericalError
from nonideal.physics import atoms
from nonideal.physics.atoms.architecture import GLOBAL_MODES, VARIANTS, architecture
from nonideal.physics.atoms.blocks import vector_norm
from oracles import leignn as oracle

SMALL = {"cutoff": 3.0, "channels": 8, "layers": 2, "n_rbf": 6, "dtype": torch.float64}
COUNTS = [  # channels, layers, rows, variant, parameters; R = 128
    *[(512, 4, 83, name, n) for name, n in [("v1", 9374213), ("vn", 18817025), ("vanilla", 10419713)]],
    *[(512, 4, 118, name, n) for name, n in [("v1", 9392133), ("vn", 18834945), ("vanilla", 10437633)]],
    *[(512, 3, 83, name, n) for name, n in [("v1", 7074308), ("vn", 14156545), ("vanilla", 7858433)]],
    *[(256, 4, 83, name, n) for name, n in [("v1", 2557189), ("vn", 4919297)]],
    *[(128, 3, 83, name, n) for name, n in [("v1", 564356), ("vn", 1007809)]],
    *[(64, 3, 83, name, n) for name, n in [("v1", 181828), ("vn", 292961)]],
]
CELL = np.array([[3.4, 0.3, 0.0], [-0.2, 3.1, 0.4], [0.5, 0.0, 3.6]])


@pytest.fixture(autouse=True)
def one_thread_of_torch():
    """Small tensors on a busy machine: waiting for the second thread takes longer than the work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def crystal(n=5, seed=0, pbc=True):
    rng = np.random.default_rng(seed)
    numbers = rng.choice([8, 29], n)
    while True:
        places = rng.uniform(0, 1, (n, 3)) @ CELL
        frame = atoms.Frame(numbers, places, CELL, pbc)
        distances = atoms.Graph.build(frame, 6.0).vectors().norm(dim=1)
        if not len(distances) or distances.min() > 0.9:
            return frame


def moved(frame, positions=None, cell=None, numbers=None):
    return atoms.Frame(
        frame.numbers if numbers is None else numbers,
        frame.positions if positions is None else positions,
        frame.cell if cell is None else cell,
        frame.pbc,
    )


def make(variant="v1", **other):
    return atoms.LEIGNN([8, 29], **(SMALL | {"variant": variant, "seed": 5} | other))


def stirred(model, seed=1, size=0.3):
    """The same network with larger weights: what is small by initialisation is not hidden."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            weight += size * torch.randn(weight.shape, generator=generator, dtype=torch.float64).to(weight)
        model.energy_scale.fill_(1.7)
        model.energy_reference.copy_(torch.tensor([-3.0, 0.25]))
    return model


def close(a, b, tolerance=1e-9):
    a, b = np.asarray(a), np.asarray(b)
    assert a.shape == b.shape
    scale = max(1.0, float(np.max(np.abs(b), initial=0.0)))
    assert np.max(np.abs(a - b), initial=0.0) <= tolerance * scale


@pytest.mark.parametrize("smooth", [True, False])
@pytest.mark.parametrize("variant", VARIANTS)
def test_equals_the_oracle(variant, smooth):
    norm = "clamp" if smooth else "smooth"
    frame = crystal(4, seed=2)
    model = stirred(make(variant, smooth_cutoff=smooth, vector_norm=norm))
    rows = [0 if n == 8 else 1 for n in frame.numbers]
    expected = oracle.predict(
        model.state_dict(),
        rows,
        frame.positions,
        CELL,
        frame.pbc,
        cutoff=3.0,
        layers=2,
        variant=variant,
        smooth=smooth,
        norm=norm,
    )
    found = model.evaluate(frame, stress=True)
    close(found.energy, expected["energy"], 1e-12)
    close(found.energies, expected["energies"], 1e-12)
    close(found.forces, expected["gradient"], 1e-11)
    close(found.stress, expected["stress"], 1e-11)
    close(model.evaluate(frame, forces="direct").forces, expected["direct"], 1e-11)
    plain = stirred(make(variant, smooth_cutoff=smooth, vector_norm=norm, backend="torch"))
    other = plain.evaluate(frame, stress=True)
    close(other.energies, expected["energies"], 1e-12)
    close(other.forces, expected["gradient"], 1e-11)
    close(other.stress, expected["stress"], 1e-11)
    close(plain.evaluate(frame, forces="direct").forces, expected["direct"], 1e-11)


def predictions(model, frame):
    """Everything a model says, whichever forces are asked for: (kind, name) -> array."""
    found = {}
    for kind in ("gradient", "direct", "none"):
        prediction = model.evaluate(frame, forces=kind, stress=True)
        for name in ("energy", "energies", "forces", "stress"):
            if getattr(prediction, name) is not None:
                found[kind, name] = np.asarray(getattr(prediction, name))
    return found


@pytest.mark.parametrize("norm", ["smooth", "clamp"])
@pytest.mark.parametrize("smooth", [True, False])
@pytest.mark.parametrize("variant", VARIANTS)
def test_single_precision_and_backends(variant, smooth, norm):
    """float32 is off by 2e-5 of max(1 eV, abs(E)) at most, and so is one backend from the other."""
    frame = crystal(4, seed=2)
    options = {"variant": variant, "smooth_cutoff": smooth, "vector_norm": norm}
    models = [stirred(make(**options, backend=backend)) for backend in ("native", "torch")]
    want, other = (predictions(model, frame) for model in models)
    scale = max(1.0, abs(float(want["gradient", "energy"])))
    singles = [predictions(model.float(), frame) for model in models]
    assert len(want) == 11
    for key, expected in want.items():
        assert np.abs(other[key] - expected).max() < 1e-9 * scale
        for single in singles:
            assert 0.0 < np.abs(single[key] - expected).max() < 2e-5 * scale, key
        assert np.abs(singles[0][key] - singles[1][key]).max() < 2e-5 * scale


def every_bit(num_threads, variant, dtype, forces):
    """Results and gradients by all parameters of a loss on them; work for three threads, see kMinWork."""
    model = make(variant, dtype=dtype, channels=128, forces=forces)
    model.num_threads = num_threads
    rng = np.random.default_rng(1)
    places = np.stack(np.meshgrid(*[np.arange(4) * 1.3] * 3), -1).reshape(-1, 3) + 0.2 * rng.random((64, 3))
    frame = atoms.Frame(rng.choice([8, 29], 64), places, 5.2 * np.eye(3), True)
    graph = model.graph([frame, crystal(5)])
    assert len(graph.neighbors) * 128 > 3 << 17
    result = model(graph, stress=True, create_graph=True)
    (result["energy"].sum() + result["forces"].square().sum() + result["stress"].square().sum()).backward()
    grads = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert len(grads) > 10
    return {name: value.detach() for name, value in result.items()} | grads


@pytest.mark.parametrize("forces", ["gradient", "direct"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_same_bits_for_every_number_of_threads(variant, dtype, forces):
    want = every_bit(1, variant, dtype, forces)
    for num_threads in (2, 3):
        for name, value in every_bit(num_threads, variant, dtype, forces).items():
            assert torch.equal(value, want[name]), (name, num_threads)


@pytest.mark.parametrize(
    ("variant", "mode"),
    [(v, m) for v in ("v1", "vn") for m in GLOBAL_MODES[v][1:]],
)
def test_other_ways_to_pool_equal_the_oracle(variant, mode):
    frame = crystal(3, seed=4, pbc=False)
    model = stirred(make(variant, global_mode=mode))
    rows = [0 if n == 8 else 1 for n in frame.numbers]
    options = {"cutoff": 3.0, "layers": 2, "variant": variant, "mode": mode}
    expected = oracle.predict(model.state_dict(), rows, frame.positions, CELL, frame.pbc, **options)
    found = model.evaluate(frame)
    close(found.energies, expected["energies"], 1e-12)
    close(found.forces, expected["gradient"], 1e-11)


@pytest.mark.parametrize(("channels", "layers", "rows", "variant", "count"), COUNTS)
def test_published_numbers_of_parameters(channels, layers, rows, variant, count):
    for name in ("vanilla", "vanilla-nmu") if variant == "vanilla" else (variant,):
        shape = architecture(range(rows), channels=channels, layers=layers, n_rbf=128, variant=name)
        assert sum(math.prod(s) for s in shape.parameters().values()) == count


@pytest.mark.parametrize("variant", VARIANTS)
def test_parameters_are_those_of_the_table(variant):
    for mode in GLOBAL_MODES[variant]:
        model = make(variant, global_mode=mode)
        found = {name: tuple(p.shape) for name, p in model.named_parameters()}
        assert found == model.architecture.parameters()
        assert list(found) == list(model.architecture.parameters())
        assert set(model.state_dict()) == {*found, "energy_reference", "energy_scale"}
        assert all(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize("rule", ["strict", "tolerant"])
def test_limited_neighbours_equal_the_oracle(rule):
    """The graph is not symmetric: forces still are the gradient of its energy."""
    frame = crystal(4, seed=6)
    model = stirred(make(max_neighbors=5, max_neighbors_rule=rule))
    graph = model.graph(frame)
    pairs = [
        (i, j, tuple(s))
        for i, j, s in zip(
            graph.centers.tolist(), graph.neighbors.tolist(), graph.shifts.int().tolist(), strict=True
        )
    ]
    assert any((j, i, tuple(-x for x in s)) not in pairs for i, j, s in pairs)
    rows = [0 if n == 8 else 1 for n in frame.numbers]
    expected = oracle.predict(
        model.state_dict(), rows, frame.positions, CELL, frame.pbc, cutoff=3.0, layers=2, pairs=pairs
    )
    found = model.evaluate(frame, stress=True)
    close(found.energies, expected["energies"], 1e-12)
    close(found.forces, expected["gradient"], 1e-11)
    close(found.stress, expected["stress"], 1e-11)


def test_without_global_part_vn_is_vanilla_nmu():
    frame = crystal()
    a, b = make("vn", global_mode="none"), make("vanilla-nmu")
    b.load_state_dict(a.state_dict())
    assert a.evaluate(frame).energy == b.evaluate(frame).energy


def test_paper_is_the_published_form():
    model = atoms.LEIGNN.paper(channels=16, layers=1, n_rbf=4, seed=1)
    shape = model.architecture
    assert (shape.forces, shape.smooth_cutoff, shape.vector_norm) == ("direct", False, "clamp")
    assert (shape.max_neighbors, shape.max_neighbors_rule, shape.cutoff) == (50, "tolerant", 5.0)
    assert model.species == tuple(range(83))
    vn = atoms.LEIGNN.paper(["H"], variant="vn", channels=16, layers=1, n_rbf=4, max_neighbors=None)
    assert (vn.architecture.vector_norm, vn.architecture.max_neighbors) == ("smooth", None)


def test_initial_weights_belong_to_the_seed_and_nothing_global_changes():
    state, default = torch.get_rng_state(), torch.get_default_dtype()
    a, b, other = (make(seed=s, dtype=torch.float32) for s in (7, 7, 8))
    double = make(seed=7)
    assert torch.equal(state, torch.get_rng_state())
    assert torch.get_default_dtype() == default
    for name, weight in a.named_parameters():
        assert torch.equal(weight, b.get_parameter(name))
        assert torch.equal(weight, double.get_parameter(name).float())
        assert not torch.equal(weight, other.get_parameter(name))
    assert a.seed == 7
    assert atoms.LEIGNN(["H"], channels=2, layers=1, n_rbf=2, seed=(1 << 64) - 1).seed == (1 << 64) - 1


def test_initial_weights_are_spread_as_published():
    model = atoms.LEIGNN(range(83), variant="vn", channels=128, layers=1, n_rbf=16, seed=1)
    embedding = model.embedding.weight.detach()
    assert float(embedding.abs().max()) <= math.sqrt(3)
    assert float(embedding.std()) == pytest.approx(1.0, abs=0.02)
    assert float(model.virtual_node.weight.detach().std()) == pytest.approx(1.0, abs=0.2)
    linear = model.layers[0].message.node.out
    for numbers in (linear.weight.detach(), linear.bias.detach()):
        assert float(numbers.abs().max()) == pytest.approx(1 / 8, rel=0.02)
        assert float(numbers.abs().max()) <= 1 / 8


def rotation(seed, proper=True):
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return q if (np.linalg.det(q) > 0) == proper else -q


# Invariants hold to this, relative to the largest number.
PRECISIONS = [(torch.float64, 1e-12), (torch.float32, 1e-5)]


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize("forces", ["gradient", "direct"])
@pytest.mark.parametrize("variant", VARIANTS)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10**6), proper=st.booleans())
def test_turns_with_the_atoms(variant, forces, dtype, tolerance, seed, proper):
    """Rotations and those with a mirror alike: energies stay, forces and stress turn."""
    frame, model = crystal(4, seed % 7), stirred(make(variant, dtype=dtype))
    turn = rotation(seed, proper)
    a = model.evaluate(frame, forces=forces, stress=True)
    turned = moved(frame, frame.positions @ turn.T, frame.cell @ turn.T)
    b = model.evaluate(turned, forces=forces, stress=True)
    close(b.energies, a.energies, tolerance)
    close(b.forces, a.forces @ turn.T, tolerance)
    close(b.stress, turn @ a.stress @ turn.T, tolerance)


@pytest.mark.parametrize("forces", ["gradient", "direct"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_inversion(variant, forces):
    """Energies are even, forces are odd."""
    frame, model = crystal(4, seed=1), stirred(make(variant))
    a, b = model.evaluate([frame, moved(frame, -frame.positions)], forces=forces)
    assert np.abs(a.forces).max() > 1e-2
    close(b.energies, a.energies, 1e-12)
    close(b.forces, -a.forces, 1e-12)


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize("forces", ["gradient", "direct"])
@pytest.mark.parametrize("variant", VARIANTS)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_neither_place_nor_order_nor_image_matters(variant, forces, dtype, tolerance, seed):
    """The whole crystal is shifted, each atom goes to an image of its own, and the order is another."""
    frame, model = crystal(5, seed % 5), stirred(make(variant, dtype=dtype))
    rng = np.random.default_rng(seed)
    order = rng.permutation(5)
    images = rng.integers(-3, 4, (5, 3)) @ CELL
    other = moved(frame, (frame.positions + images + rng.normal(size=3))[order], numbers=frame.numbers[order])
    a, b = (model.evaluate(f, forces=forces, stress=True) for f in (frame, other))
    close(b.energies, a.energies[order], tolerance)
    close(b.forces, a.forces[order], tolerance)
    close(b.stress, a.stress, tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize("forces", ["gradient", "direct"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_batch_is_its_members(variant, forces, dtype, tolerance):
    model = stirred(make(variant, dtype=dtype))
    frames = [crystal(n, seed=n, pbc=n % 2 == 0) for n in (1, 4, 0, 3, 5)]
    together = model.evaluate(frames, forces=forces, stress=True)
    for frame, found in zip(frames, together, strict=True):
        alone = model.evaluate(frame, forces=forces, stress=True)
        close(found.energies, alone.energies, tolerance)
        close(found.forces, alone.forces, tolerance)
        close(found.stress, alone.stress, tolerance)
    pairs = model.evaluate(frames, batch_size=2)
    close([p.energy for p in pairs], [p.energy for p in together], tolerance)
    assert model.evaluate([]) == []
    assert together[2].energy == 0.0
    assert together[2].forces.shape == (0, 3)


@pytest.mark.parametrize("variant", VARIANTS)
def test_relabelled_species_with_their_rows(variant):
    frame, model = crystal(), stirred(make(variant))
    other = make(variant, seed=1)
    state = model.state_dict()
    for name in ("embedding.weight", "energy_reference"):
        state[name] = state[name].flip(0)
    other.load_state_dict(state)
    swapped = moved(frame, numbers=np.where(frame.numbers == 8, 29, 8))
    other.energy_scale.copy_(model.energy_scale)
    a, b = model.evaluate(frame, stress=True), other.evaluate(swapped, stress=True)
    close(b.energies, a.energies, 1e-12)
    close(b.forces, a.forces, 1e-12)
    close(b.stress, a.stress, 1e-12)
    assert abs(model.evaluate(swapped).energy - a.energy) > 1e-2


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


def dimer(distance, numbers=(29, 29)):
    return atoms.Frame(numbers, [[0, 0, 0], [0.0, 0.0, distance]])


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


def test_copies_of_a_cell():
    """v1's sum is not extensive; vn's mean is, and so is a network without global part."""
    frame = crystal(4)
    copies = atoms.Frame(
        np.tile(frame.numbers, 2),
        np.concatenate([frame.positions, frame.positions + CELL[0]]),
        CELL * [[2], [1], [1]],
        True,
    )

    def excess(model):
        one, two = model.evaluate([frame, copies])
        return abs(two.energy - 2 * one.energy) / abs(one.energy)

    assert excess(stirred(make("v1"))) > 1e-3
    for model in (
        make("vn"),
        make("v1", global_mode="mean"),
        make("v1", global_mode="none"),
        make("vanilla"),
    ):
        assert excess(stirred(model)) < 1e-12


def test_distant_pieces():
    """Global parts couple them at any distance; a network without one does not."""

    def coupling(model):
        a, b = dimer(1.1), dimer(1.3, (8, 29))
        both = atoms.Frame(
            [*a.numbers, *b.numbers], np.concatenate([a.positions, b.positions + np.array([30.0, 0, 0])])
        )
        parts = [p.energy for p in model.evaluate([a, b, both])]
        return abs(parts[2] - parts[0] - parts[1])

    assert coupling(stirred(make("v1"))) > 1e-6
    assert coupling(stirred(make("vn"))) > 1e-3
    for model in (make("v1", global_mode="none"), make("vanilla"), make("vanilla-nmu")):
        assert coupling(stirred(model)) < 1e-12


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_atoms_one_atom_and_lonely_atoms(variant):
    model = stirred(make(variant))
    nothing, one, lonely, mixed = model.evaluate(
        [
            atoms.Frame([], np.zeros((0, 3))),
            atoms.Frame([29], [[1.0, 2.0, 3.0]]),
            atoms.Frame([29, 8], [[0, 0, 0], [50.0, 0, 0]]),
            atoms.Frame([29, 8, 8], [[0, 0, 0], [50.0, 0, 0], [50.0, 1.0, 0]]),
        ]
    )
    assert nothing.energy == 0.0
    for p in (one, lonely, mixed):
        assert math.isfinite(p.energy)
        assert np.isfinite(p.forces).all()
    assert np.abs(one.forces).max() == np.abs(lonely.forces).max() == 0.0
    assert np.abs(mixed.forces[1:]).max() > 0.0
    assert np.isfinite(model.evaluate(atoms.Frame([29], [[0, 0, 0]]), forces="direct").forces).all()


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
        assert model.train()(graph)["forces"].shape == (5, 3)
    assert model(graph)["energy"].dtype == torch.float64
    assert model.float().eval()(model.graph(frame))["forces"].dtype == torch.float32


def test_copies_and_inference_mode():
    frame, model = crystal(), stirred(make())
    energy = model.evaluate(frame).energy
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert other.evaluate(frame).energy == energy
        assert other.architecture == model.architecture
    graph = model.graph(frame)
    with torch.inference_mode():
        assert model.evaluate(frame).energy == energy
        close(model.evaluate(frame, forces="direct").energy, energy, 1e-13)
        assert float(model.eval()(graph)["energy"]) == energy
        close(float(model(graph, forces="none")["energy"]), energy, 1e-13)


def test_energies_keep_their_own_numbers_in_double():
    model = make()
    model.energy_reference.copy_(torch.tensor([-29943.123456789, 1 / 3], dtype=torch.float64))
    model.float()
    assert model.dtype == torch.float32
    assert model.energy_reference.tolist() == [-29943.123456789, 1 / 3]
    assert model.energy_scale.dtype == torch.float64


def test_distances_in_a_large_box_keep_their_digits():
    frame = crystal(4, pbc=False)
    model = make(dtype=torch.float32)
    near, far = model.evaluate([frame, moved(frame, frame.positions + 3e5)])
    close(far.forces, near.forces, 1e-6)


REFUSED = [
    ({"species": []}, "species is empty"),
    ({"species": "Cu"}, "species = 'Cu' is not a sequence of symbols or atomic numbers"),
    ({"species": ["Cu", 29]}, "species[1] = 29 is there twice"),
    ({"species": ["Cx"]}, "species[0] = 'Cx' is not a chemical symbol"),
    ({"species": [119]}, "species[0] = 119 is outside [0, 118]"),
    ({"species": [1.0]}, "species[0] = 1.0 is neither a chemical symbol nor an atomic number"),
    ({"channels": 7}, "channels = 7 is odd; half of them are in a hidden layer"),
    ({"channels": 0}, "channels = 0 is outside [2, 2^16)"),
    ({"layers": 0}, "layers = 0 is outside [1, 2^10)"),
    ({"n_rbf": 1}, "n_rbf = 1 is outside [2, 2^16)"),
    ({"cutoff": 0.0}, "cutoff = 0.0 is not > 0"),
    ({"cutoff": math.nan}, "cutoff = nan is not finite"),
    ({"variant": "v2"}, "variant = 'v2' is not one of v1, vn, vanilla, vanilla-nmu"),
    ({"forces": "both"}, "forces = 'both' is not one of gradient, direct, none"),
    ({"smooth_cutoff": 1}, "smooth_cutoff = 1 is neither True nor False"),
    ({"global_mode": "max"}, "global_mode = 'max' is not one of sum, mean, none"),
    (
        {"global_mode": "sum", "variant": "vanilla"},
        "global_mode = 'sum': variant 'vanilla' has no global part",
    ),
    ({"vector_norm": "bare"}, "vector_norm = 'bare' is not one of smooth, clamp"),
    ({"envelope_exponent": 0}, "envelope_exponent = 0 is below 1"),
    ({"envelope_exponent": 65}, "envelope_exponent = 65 is outside [1, 64]"),
    ({"max_neighbors": 0}, "max_neighbors = 0 is outside [1, 2^31)"),
    ({"max_neighbors_rule": "lax"}, "max_neighbors_rule = 'lax' is not one of strict, tolerant"),
    ({"backend": "cuda"}, "backend = 'cuda' is not one of native, torch"),
    ({"seed": -1}, "seed = -1 is outside [0, 2^64)"),
    ({"dtype": torch.float16}, "dtype = torch.float16 is neither torch.float32 nor torch.float64"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED)
def test_refused_arguments(arguments, message):
    with pytest.raises(InvalidArgument) as caught:
        atoms.LEIGNN(**({"species": ["Cu"], **SMALL} | arguments))
    assert str(caught.value) == message


def test_refused_calls():
    model, frame = make(), crystal(pbc=False)
    refusals = [
        (lambda: model(atoms.Graph.build(frame, 2.0)), "graph has cutoff 2.0, the model 3.0"),
        (
            lambda: model.evaluate(atoms.Frame([29, 1], np.eye(3)[:2])),
            "numbers[1] = 1 (H) is not among the model's species: O, Cu",
        ),
        (lambda: model.evaluate(dimer(2.0), stress=True), "stress: structure 0 of the batch has no volume"),
        (lambda: model.evaluate(frame, forces="x"), "forces = 'x' is not one of gradient, direct, none"),
        (lambda: model.evaluate(frame, batch_size=0), "batch_size = 0 is outside [1, 2^31)"),
        (lambda: model.evaluate(3), "systems = 3 is not a sequence"),
        (lambda: atoms.Graph.build([], 3.0), "systems is empty"),
        (
            lambda: atoms.Graph.build(frame, 3.0, dtype=torch.int64),
            "dtype = torch.int64 is neither torch.float32 nor torch.float64",
        ),
        (
            lambda: atoms.Graph.join([model.graph(frame), atoms.Graph.build(frame, 2.0)]),
            "graphs differ in cutoff or precision",
        ),
    ]
    for call, message in refusals:
        with pytest.raises(InvalidArgument) as caught:
            call()
        assert str(caught.value) == message


def test_nan_weights_are_said():
    model = make()
    with torch.no_grad():
        model.embedding.weight[1] = math.nan
    with pytest.raises(NumericalError, match=r"^energy of structure 1 is not finite$"):
        model.evaluate([dimer(1.5, (8, 8)), dimer(1.5)])
