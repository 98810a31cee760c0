"""LEIGNN against its oracle, in both precisions and backends, and what it refuses."""

import copy
import math
import pickle

import numpy as np
import pytest
import torch

from nonideal.errors import InvalidArgument, NumericalError
from nonideal.physics import atoms
from nonideal.physics.atoms.architecture import GLOBAL_MODES, VARIANTS
from oracles import leignn as oracle
from toys.toy_models import CELL, SMALL, close, crystal, dimer, make, stirred

pytestmark = pytest.mark.usefixtures("one_thread_of_torch")


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
