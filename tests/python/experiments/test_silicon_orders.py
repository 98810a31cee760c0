"""Forces of pairs and bonds by powers of the cosine: derivatives, and what silicon needs."""

import numpy as np
import pytest
from ase.build import bulk

from nonideal.errors import MissingExtra
from nonideal.experiments import _silicon_orders
from nonideal.experiments._silicon_orders import ORDERS, force_rows, order_errors
from nonideal.physics import atoms


def energy(system, weights, order):
    """By loops over the terms' definition."""
    cutoff, n, m = _silicon_orders._CUTOFF, _silicon_orders._N_RADIAL, _silicon_orders._N_BONDS
    radial, bond = _silicon_orders._splines(n), _silicon_orders._splines(m)
    i, _, vectors, d = atoms.neighbor_list("ijDd", system, cutoff)
    total = 0.5 * (radial(d) @ weights[:n]).sum()
    table = weights[n:].reshape(order + 1, -1)
    for a in range(len(i)):
        for b in range(a + 1, len(i)):
            if i[a] != i[b]:
                continue
            cosine = vectors[a] @ vectors[b] / (d[a] * d[b])
            ha, hb = bond(d[a]), bond(d[b])
            column = 0
            for x in range(m):
                for y in range(x, m):
                    product = ha[x] * hb[y] + (ha[y] * hb[x] if x != y else 0.0)
                    total += product * sum(table[p, column] * cosine**p for p in range(order + 1))
                    column += 1
    return total


def test_forces_are_derivatives():
    rng = np.random.default_rng(2)
    system = bulk("Si", cubic=True)
    system.positions += rng.normal(scale=0.08, size=(8, 3))
    order = 2
    rows = force_rows(atoms.Frame.from_ase(system), order)
    weights = rng.normal(size=rows.shape[1])
    forces = (rows @ weights).reshape(8, 3)
    assert np.abs(forces.sum(axis=0)).max() < 1e-9
    for atom, axis in ((0, 0), (3, 1), (7, 2)):
        found = []
        for h in (1e-5, -1e-5):
            moved = system.copy()
            moved.positions[atom, axis] += h
            found.append(energy(moved, weights, order))
        assert forces[atom, axis] == pytest.approx(-(found[0] - found[1]) / 2e-5, rel=1e-5, abs=1e-6)


def test_silicon_needs_the_square_of_the_cosine():
    """Its three-body energy is (cos + 1/3)^2: nothing less than power 2 comes near."""
    try:
        frames = atoms.sample_frames(
            "silicon-sw",
            bulk("Si", cubic=True) * (2, 2, 2),
            temperatures=[1500],
            n_frames=16,
            stride=40,
            seed=1,
            progress=False,
        )
    except MissingExtra as problem:
        pytest.skip(str(problem))
    errors = order_errors(frames[:12], frames[12:])
    assert errors.shape == (len(ORDERS), 4)
    means = errors.mean(axis=1)
    assert (np.diff(means) < 0).all()
    assert means[-1] < 0.2 * means[-2]
