"""Parameters of LEIGNN: how many, which, and where they start."""

import math

import pytest
import torch

from nonideal.physics import atoms
from nonideal.physics.atoms.architecture import GLOBAL_MODES, VARIANTS, architecture
from toys.toy_models import crystal, make

pytestmark = pytest.mark.usefixtures("one_thread_of_torch")

COUNTS = [  # channels, layers, rows, variant, parameters; R = 128
    *[(512, 4, 83, name, n) for name, n in [("v1", 9374213), ("vn", 18817025), ("vanilla", 10419713)]],
    *[(512, 4, 118, name, n) for name, n in [("v1", 9392133), ("vn", 18834945), ("vanilla", 10437633)]],
    *[(512, 3, 83, name, n) for name, n in [("v1", 7074308), ("vn", 14156545), ("vanilla", 7858433)]],
    *[(256, 4, 83, name, n) for name, n in [("v1", 2557189), ("vn", 4919297)]],
    *[(128, 3, 83, name, n) for name, n in [("v1", 564356), ("vn", 1007809)]],
    *[(64, 3, 83, name, n) for name, n in [("v1", 181828), ("vn", 292961)]],
]


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
    assert float(model.virtual_node.weight.detach().abs().max()) > math.sqrt(3)  # from a normal distribution
    linear = model.layers[0].message.node.out
    for numbers in (linear.weight.detach(), linear.bias.detach()):
        assert float(numbers.abs().max()) == pytest.approx(1 / 8, rel=0.02)
        assert float(numbers.abs().max()) <= 1 / 8
