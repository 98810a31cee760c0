"""Times of the atoms' engine, tiny: every call is made and told, ratios are of the same rounds."""

import importlib.util

import pytest

from nonideal.errors import InvalidArgument
from nonideal.experiments import _speed_shards, atoms_speed
from nonideal.experiments.atoms_speed import Config
from nonideal.report.figures import house_style

TINY = {"sizes": "32,100", "peer_size": 40, "channels": 16, "threads": 1, "rounds": 2}


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


def test_peers_that_are_missing_are_rows(tiny, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    rows = atoms_speed._peer_table(Config(), {}).rows
    assert rows == (
        ("schnetpack", None, None, "not installed"),
        ("mace", None, None, "not installed"),
    )


def test_floors_follow_from_the_product_and_the_pairs():
    entry = {"n_atoms": 100, "n_pairs": 4000, "product": [2.0, 1.0], "gather": [0.1, 0.2]}
    config = Config(channels=10)
    rate = 2 * 100 * 10 * 30  # operations of the product, in its fastest round of one second
    assert atoms_speed._rate(config, {50: {"product": [9.0]}, 100: entry}) == rate
    found = atoms_speed._floors(config, entry, rate)
    assert found["products with weights"] == pytest.approx(1e6 * 122 * 100 / rate)
    assert found["operations on edges"] == pytest.approx(1e6 * 2 * 66 * 2.4 * 10 * 40 / rate)
    assert found["reading neighbours"] == pytest.approx(1e6 * 5 * 0.1 / 100)


def test_other_variants_have_no_floors():
    result = atoms_speed.run(Config(**{**TINY, "sizes": 32, "peers": "mace", "variant": "vn"}))
    assert "floors" not in result.tables
    assert "Floors are known for v1 alone." in result.limits
    assert "No size is small enough for peers: nothing is compared." in result.limits


def test_crystals_are_whole_cubes():
    assert [len(_speed_shards.copper(n)) for n in (4, 100, 500, 1400)] == [4, 108, 500, 1372]


def test_figures_draw(tiny):
    with house_style():
        drawn = atoms_speed.figures(tiny)
    assert set(drawn) == {"times", "others"}
    assert len(drawn["others"].axes[0].get_lines()) == 6


def test_a_count_of_threads_twice_is_refused():
    with pytest.raises(InvalidArgument, match=r"threads = \(1, 1\) has a value twice"):
        Config(threads="1,1")
