"""Times of the atoms' engine, tiny: every call is made and told, ratios are of the same rounds."""

import importlib.util
import os

import numpy as np
import pytest
import torch

from nonideal.errors import InvalidArgument
from nonideal.experiments import _speed_shards, _speed_tables, atoms_speed
from nonideal.experiments.atoms_speed import Config
from nonideal.physics import atoms
from nonideal.physics.atoms import peers
from nonideal.report.figures import house_style

TINY = {"sizes": "32,100", "peer_size": 40, "channels": 16, "thread_counts": 1, "rounds": 2}


@pytest.fixture(scope="module")
def tiny():
    return atoms_speed.run(Config(**TINY))


def test_times_are_told_by_size_and_peers_up_to_theirs(tiny):
    assert tiny.curves["engine gradient 1"].x == (32.0, 108.0)
    assert tiny.curves["torch gradient 1"].x == (32.0,)
    assert all(value > 0 for curve in tiny.curves.values() for value in curve.y)
    assert "gradient_1_threads_over_torch_32" in tiny.metrics
    assert "gradient_1_threads_over_torch_108" not in tiny.metrics
    assert tiny.tables["memory"].rows[0][0] == 32
    ours, torch = tiny.tables["memory"].rows[0][1:3]
    assert 0 < ours < torch


def test_peers_that_are_missing_are_rows(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "mace" else found(name, *rest)
    )
    result = atoms_speed.run(Config(**{**TINY, "sizes": 32, "peers": "mace"}))
    assert result.tables["peers"].rows == (
        ("MACE 64x0e, 2 interactions, correlation 3", None, None, "not installed", None),
    )
    assert not any("mace" in name for name in [*result.curves, *result.metrics])


def test_a_peer_made_for_another_torch_is_a_row(monkeypatch):
    def make(frame, cutoff):
        raise ImportError("cannot import name 'T_co'")

    monkeypatch.setitem(peers.NETWORKS, "mace", ("json", make, "MACE"))
    assert peers.load_peer("mace", _speed_shards.copper(4), 5.0) == (
        "installed, but does not run here (ImportError: cannot import name 'T_co')"
    )


@pytest.mark.parametrize(("peer", "parameters"), [("schnetpack", 602_881), ("mace", 112_272)])
def test_peers_see_what_we_see(peer, parameters):
    """A crystal has no net force, its copies have as much energy each. Imports leave nothing behind."""
    environment, state = dict(os.environ), torch.random.get_rng_state()
    energies = []
    for n_atoms in (32, 256):
        frame = _speed_shards.copper(n_atoms)
        if n_atoms == 256:  # eight copies
            small = _speed_shards.copper(32)
            steps = np.stack(np.meshgrid(*3 * [[0, 1]], indexing="ij"), -1).reshape(-1, 1, 3) @ small.cell
            places = (small.positions + steps).reshape(-1, 3)
            frame = atoms.Frame(np.full(256, 29), places, 2 * small.cell, True)
        call = peers.load_peer(peer, frame, 5.0)
        if call == "not installed":
            pytest.skip(f"{peer} is not installed")
        found = call(1)
        assert found["forces"].shape == (n_atoms, 3)
        assert found["forces"].abs().max() > 1e-3
        assert found["forces"].sum(0).abs().max() < 1e-4
        energies.append(float(found["energy"]) / n_atoms)
    assert call.n_parameters == parameters
    assert energies[1] == pytest.approx(energies[0], rel=1e-5)
    assert dict(os.environ) == environment
    assert torch.equal(torch.random.get_rng_state(), state)


def entry_of(**other):
    parts = [["multiply", 2.0, 4, 4e9], ["rest", 2.0, 1, 0.0]]
    return {"n_atoms": 100, "n_pairs": 4000, "gather": [0.1, 0.2], "profile": {"gradient": parts}} | other


def test_times_at_our_rate_follow_from_operations_and_pairs():
    config = Config(channels=10)
    slower = entry_of(profile={"gradient": [["multiply", 2.0, 4, 3e9]]})
    rate = _speed_tables.our_rate({50: slower, 100: entry_of()})
    assert rate == 2e9
    found = _speed_tables.attainable(config, entry_of(), rate)
    assert found["products with weights"] == pytest.approx(1e6 * 124 * 100 / rate)
    assert found["operations on edges"] == pytest.approx(1e6 * 2 * 71 * 2.4 * 10 * 40 / rate)
    assert found["reading neighbours"] == pytest.approx(1e6 * 5 * 0.1 / 100)


def test_products_have_as_many_operations_as_the_engine_counts():
    """With as many channels as fill the kernels' tiles."""
    frame = _speed_shards.copper(4)
    for channels in (64, 128):
        model = atoms.LEIGNN(["Cu"], cutoff=5.0, channels=channels, layers=_speed_shards.LAYERS, n_rbf=8)
        parts = atoms.kernel_times(atoms.Potential(model), frame, forces="gradient", rounds=1)
        counted = sum(part.operations for part in parts)
        assert counted == _speed_tables.PRODUCTS * channels**2 * len(frame)


def test_parts_of_an_evaluation_are_told_per_atom_and_as_shares_of_their_sum():
    parts = [["multiply", 3e-3, 4, 6e9], ["rest", 1e-3, 1, 0.0]]
    table = _speed_tables._kernel_table({100: entry_of(profile={"gradient": parts})})
    assert [row[:3] for row in table.rows] == [
        (100, "gradient forces", "multiply"),
        (100, "gradient forces", "rest"),
    ]
    assert [row[3:5] for row in table.rows] == [pytest.approx((30.0, 75.0)), pytest.approx((10.0, 25.0))]
    assert [row[5] for row in table.rows] == ["2000", None]


def test_kernels_are_those_of_the_kind_of_forces(tiny):
    rows = tiny.tables["kernels"].rows
    for what, backward in (("gradient forces", True), ("direct forces", False)):
        parts = [row for row in rows if row[:2] == (32, what)]
        assert ("message_backward" in {row[2] for row in parts}) == backward
        assert {"neighbors", "multiply", "message_forward", "rest"} <= {row[2] for row in parts}
    assert {row[2] for row in rows if row[5] is not None} == {"multiply"}


def test_ratios_are_of_the_fastest_rounds():
    entry = {"slow": [30.0, 12.0], "fast": [2.0, 1.0]}
    ratio = _speed_tables._ratio(entry, "slow", "fast")
    assert ratio.value == 12.0  # single rounds: 15 and 12
    assert ratio.standard_error == pytest.approx(1.5)
    assert _speed_tables._ratio(entry, "slow", "none") is None


def test_the_slope_of_lists_is_that_of_the_fastest_rounds():
    entries = {
        n: {"list ours": [1e-6 * n**1.2, 2e-6 * n**1.2 * factor]} for n, factor in ((500, 1), (5000, 2))
    }
    entries[100] = {"list ours": [1.0, 1.0]}
    found = _speed_tables.ratios(Config(peers="torch", thread_counts=1), entries)["list_slope"]
    assert found.value == pytest.approx(1.2)
    assert found.standard_error == pytest.approx(np.log10(2) / 2)


def test_other_variants_have_no_count_of_operations():
    result = atoms_speed.run(Config(**{**TINY, "sizes": 108, "variant": "vn"}))
    assert "attainable" not in result.tables
    assert "The operations are counted for v1 alone." in result.limits
    assert "No size is small enough for peers: nothing is compared." in result.limits
    assert {row[3] for row in result.tables["peers"].rows} == {"no size is small enough"}


def test_crystals_are_whole_cubes():
    assert [len(_speed_shards.copper(n)) for n in (4, 100, 500, 1400)] == [4, 108, 500, 1372]


def test_figures_draw(tiny):
    with house_style():
        drawn = atoms_speed.figures(tiny)
    assert set(drawn) == {"times", "others"}
    assert 6 <= len(drawn["others"].axes[0].get_lines()) <= 8


def test_a_count_of_threads_twice_is_refused():
    with pytest.raises(InvalidArgument, match=r"thread_counts = \(1, 1\) has a value twice"):
        Config(thread_counts="1,1")
