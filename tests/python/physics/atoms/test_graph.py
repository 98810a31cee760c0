"""Batches of structures as tensors, and what of the package needs torch."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import odd
from nonideal.errors import InvalidArgument
from nonideal.physics import atoms
from nonideal.physics.atoms.architecture import architecture


def structure(seed, n=6):
    rng = np.random.default_rng(seed)
    cell = np.diag([3.0, 3.5, 4.0]) + rng.normal(size=(3, 3)) * 0.3
    places = rng.uniform(-1, 2, (n, 3)) @ cell
    places += np.arange(n)[:, None] * 1e-2
    return atoms.Frame(rng.integers(1, 90, n), places, cell, rng.random(3) < 0.7)


@settings(max_examples=25, deadline=None)
@given(seeds=st.lists(st.integers(0, 1000), min_size=1, max_size=4))
def test_edges_are_the_neighbour_lists(seeds):
    frames = [structure(seed, n=seed % 7) for seed in seeds]
    graph = atoms.Graph.build(frames, 2.5, dtype=torch.float64)
    first = edges = 0
    vectors = graph.vectors().numpy()
    for index, frame in enumerate(frames):
        i, j, shifts, steps = atoms.neighbor_list("ijSD", frame, 2.5)
        here = slice(edges, edges + len(i))
        assert np.array_equal(graph.centers[here] - first, i)
        assert np.array_equal(graph.neighbors[here] - first, j)
        assert np.array_equal(graph.shifts[here], shifts)
        assert np.abs(vectors[here] - steps).max(initial=0.0) < 1e-13
        assert int(graph.graph_ptr[index]) == first
        first, edges = first + len(frame), edges + len(i)
    assert len(graph) == len(frames)
    assert graph.graph_ptr.tolist()[-1] == len(graph.numbers) == first
    assert graph.indptr.tolist()[-1] == len(graph.neighbors) == edges
    assert graph.n_atoms.tolist() == [len(frame) for frame in frames]
    assert graph.graph_index.tolist() == [g for g, frame in enumerate(frames) for _ in range(len(frame))]
    joined = atoms.Graph.join([atoms.Graph.build(frame, 2.5, dtype=torch.float64) for frame in frames])
    for name in ("numbers", "positions", "cells", "graph_ptr", "indptr", "neighbors", "shifts"):
        assert torch.equal(getattr(graph, name), getattr(joined, name)), name


def test_few_neighbours_alone():
    frame = structure(3)
    everybody = atoms.Graph.build(frame, 4.0)
    few = atoms.Graph.build(frame, 4.0, max_neighbors=2)
    assert few.indptr.diff().tolist() == [min(2, n) for n in everybody.indptr.diff().tolist()]
    model = atoms.LEIGNN(range(1, 90), cutoff=4.0, channels=4, layers=1, n_rbf=3, max_neighbors=2, seed=1)
    assert torch.equal(model.graph(frame).neighbors, few.neighbors)
    assert "6 atoms" in repr(few)
    tolerant = atoms.Graph.build(frame, 4.0, max_neighbors=2, max_neighbors_rule="tolerant")
    assert len(few.neighbors) <= len(tolerant.neighbors) <= len(everybody.neighbors)


def test_structures_are_named_in_errors():
    good = structure(1)
    twice = atoms.Frame([1, 1], np.zeros((2, 3)))
    for systems, message in (
        ([good, 3], r"^systems\[1\]: int has no numbers; "),
        (3, "^systems = 3 is not a sequence$"),
        (twice, "below 0.01$"),
    ):
        with pytest.raises(InvalidArgument, match=message):
            atoms.Graph.build(systems, 3.0)


def test_odd_arguments():
    frame = structure(2)
    odd.walk(lambda systems, cutoff: len(atoms.Graph.build(systems, cutoff)), frame, 3.0)
    names = {
        "cutoff": 3.0,
        "channels": 8,
        "layers": 2,
        "n_rbf": 4,
        "variant": "v1",
        "forces": "direct",
        "smooth_cutoff": True,
        "global_mode": "sum",
        "vector_norm": "clamp",
        "envelope_exponent": 4,
        "max_neighbors": 3,
        "max_neighbors_rule": "strict",
    }
    odd.walk(
        lambda species, *values: architecture(species, **dict(zip(names, values, strict=True))).channels,
        ["Cu"],
        *names.values(),
    )
    model = atoms.LEIGNN(range(90), cutoff=3.0, channels=4, layers=1, n_rbf=3, seed=1)
    odd.walk(
        lambda systems, kind, stress, size: bool(
            model.evaluate(systems, forces=kind, stress=stress, batch_size=size)
        ),
        [structure(4)],
        "gradient",
        True,
        3,
    )
    odd.walk(lambda path: isinstance(path, dict) or bool(atoms.LEIGNN.load(path)), {})


WITHOUT = """
import sys
sys.modules["torch"] = None
sys.modules["ase"] = None
from nonideal.physics import atoms
try:
    atoms.{name}
except ImportError as error:
    print(error)
"""


@pytest.mark.parametrize("name", ["LEIGNN", "Graph", "Trainer", "message_pass"])
def test_what_needs_torch_says_so(name):
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(name=name)], capture_output=True, text=True, check=True
    )
    assert run.stdout == 'torch is not installed; `pip install "nonideal[atoms]"` brings it\n'
