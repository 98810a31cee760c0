"""Batches of small noisy circuits, and what is done with them, against numpy and against ourselves.

``unmitigated`` measures the same distances without extrapolation: a goal of 1/3 says that three noise scales
may cost three times as much. ``k-d tree`` finds the true neighbours classically, and is faster by orders of
magnitude: it has no goal, and reminds the reader that simulated quantum search is for study.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from nonideal.benchmarks.harness import Benchmark, Case, Peer
from scipy.spatial import cKDTree

from nonideal import _core
from nonideal.hardware import quantum

__all__ = ["BENCHMARKS"]

NOISE = quantum.NoiseModel.depolarizing(p1=1e-3, p2=1e-2)
SHOTS = 1024

FloatArray = npt.NDArray[np.float64]


def _clouds(tiny: bool) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(1)
    queries, points = (3, 40) if tiny else (64, 20_000)
    return rng.normal(size=(queries, 8)), rng.normal(size=(points, 8))


def _nearest(tiny: bool) -> Case:
    queries, points = _clouds(tiny)
    estimator = quantum.DistanceEstimator(shots=SHOTS, noise=NOISE, seed=7)
    tree = cKDTree(points)

    def check() -> None:
        exact = quantum.DistanceEstimator().nearest(queries, points)
        np.testing.assert_array_equal(exact.index, tree.query(queries)[1])

    return Case(
        count=len(queries) * len(points),
        ours=lambda: estimator.nearest(queries, points),
        check=check,
        peers={"k-d tree": Peer(lambda: tree.query(queries))},
    )


def _mitigated(zne: quantum.ZNE, shots: int | None) -> Callable[[bool], Case]:
    def prepare(tiny: bool) -> Case:
        queries, points = _clouds(tiny)
        options: dict[str, Any] = {"shots": shots, "noise": NOISE, "seed": 7, "num_threads": 1}
        raw, mitigated = (quantum.DistanceEstimator(zne=z, **options) for z in (None, zne))

        def check() -> None:
            exact = ((queries[:2, None] - points[None, :40]) ** 2).sum(axis=2)
            errors = [
                np.abs(
                    quantum.DistanceEstimator(noise=NOISE, zne=z)
                    .pairwise(queries[:2], points[:40])
                    .squared_distance
                    - exact
                ).max()
                for z in (None, zne)
            ]
            assert errors[1] < 0.2 * errors[0]

        return Case(
            count=len(queries) * len(points),
            ours=lambda: mitigated.nearest(queries, points),
            check=check,
            peers={"unmitigated": Peer(lambda: raw.nearest(queries, points), goal=1 / 3)},
        )

    return prepare


def _counts(tiny: bool) -> Case:
    n = 100 if tiny else 200_000
    p = np.random.default_rng(1).random(n)
    generator = np.random.default_rng(2)

    def ours() -> npt.NDArray[np.int64]:
        return _core.quantum.sample_binomial(p, shots=SHOTS, seed=1, num_threads=1)

    def check() -> None:
        z = (ours() - SHOTS * p) / np.sqrt(SHOTS * p * (1 - p) + 0.1)
        assert abs(z.mean()) < 5 / np.sqrt(n)
        assert abs(z.std() - 1) < 5 / np.sqrt(n)

    return Case(n, ours, check, {"numpy": Peer(lambda: generator.binomial(SHOTS, p), goal=1.5)})


def _template(tiny: bool) -> Case:
    """Four qubits, three brick layers of RY and CX with joint depolarising noise; <Z> of the first qubit."""
    n, qubits, layers = (4 if tiny else 2_000), 4, 3
    circuit, steps, count = quantum.Circuit(qubits), [], 0
    for layer in range(layers):
        for q in range(qubits):
            circuit.ry(quantum.Parameter(f"angle[{count}]"), q)
            steps.append((q, count))
            count += 1
        for q in range(layer % 2, qubits - 1, 2):
            circuit.cx(q, q + 1)
            steps.append((q, -1))
    angles = np.random.default_rng(1).normal(size=(n, count))
    simulator = quantum.Simulator(NOISE, num_threads=1)

    def ours() -> FloatArray:
        return np.asarray(simulator.expectation(circuit, "Z0", parameters=angles).value)

    def batched() -> FloatArray:
        """Density matrices (n, 2, 2, ...) of all circuits at once, one tensor contraction for each gate."""
        dims = 2 * qubits
        rho = np.zeros((n, *[2] * dims))  # real: RY, CX and depolarising noise keep it so
        rho.reshape(n, -1)[:, 0] = 1.0

        def mixed(rho: FloatArray, on: list[int], p: float) -> FloatArray:
            axes = [1 + a for q in on for a in (q, qubits + q)]
            moved = np.moveaxis(rho, axes, range(1, 1 + len(axes)))
            shape = moved.shape
            size = 1 << len(on)
            block = moved.reshape(n, *[2] * (2 * len(on)), -1)
            kept = "abcd"[: len(on)]
            trace = np.einsum(f"n{''.join(2 * k for k in kept)}r->nr", block)
            identity = np.eye(2)
            for _ in on[1:]:
                identity = np.multiply.outer(identity, np.eye(2))
            shape_of_trace = (n, *[1] * (2 * len(on)), -1)
            out = (1 - p) * block + p / size * identity[None, ..., None] * trace.reshape(shape_of_trace)
            return np.asarray(np.moveaxis(out.reshape(shape), range(1, 1 + len(axes)), axes))

        for q, index in steps:
            if index >= 0:
                c, s = np.cos(angles[:, index] / 2), np.sin(angles[:, index] / 2)
                turn = np.stack([np.stack([c, -s], 1), np.stack([s, c], 1)], 1)
                for axis in (1 + q, 1 + qubits + q):
                    flat = np.moveaxis(rho, axis, 1)
                    rho = np.moveaxis(
                        np.einsum("nij,njr->nir", turn, flat.reshape(n, 2, -1)).reshape(flat.shape), 1, axis
                    )
                rho = mixed(rho, [q], 1e-3)
            else:
                for offset in (1, 1 + qubits):
                    rho = np.moveaxis(rho, (offset + q, offset + q + 1), (1, 2)).copy()
                    rho[:, 1] = rho[:, 1, ::-1].copy()
                    rho = np.moveaxis(rho, (1, 2), (offset + q, offset + q + 1))
                rho = mixed(rho, [q, q + 1], 1e-2)
        diagonal = np.einsum("nabcdabcd->nabcd", rho)
        return np.asarray(diagonal[:, 0].sum(axis=(1, 2, 3)) - diagonal[:, 1].sum(axis=(1, 2, 3)))

    def check() -> None:
        np.testing.assert_allclose(ours(), batched(), atol=1e-12)

    return Case(n, ours, check, {"numpy density matrices": Peer(batched, goal=50)})


BENCHMARKS = (
    Benchmark(
        "nearest",
        topic="quantum",
        unit="circuits",
        prepare=_nearest,
        floor=2e6,
        note=f"Hadamard interference, D = 8, {SHOTS} shots, all threads; the k-d tree is classical",
    ),
    Benchmark(
        "zne-richardson",
        topic="quantum",
        unit="distances",
        prepare=_mitigated(quantum.ZNE(), SHOTS),
        note="1, 3, 5",
    ),
    Benchmark(
        "zne-exponential",
        topic="quantum",
        unit="distances",
        prepare=_mitigated(quantum.ZNE(extrapolator="exponential", asymptote=0.5, on_crossing="raw"), SHOTS),
        note="1, 3, 5; asymptote 1/2, weighted by shots",
    ),
    Benchmark(
        "counts", topic="quantum", unit="draws", prepare=_counts, note=f"binomial, {SHOTS} shots, one thread"
    ),
    Benchmark(
        "template",
        topic="quantum",
        unit="circuits",
        prepare=_template,
        note="exact expectation values, one thread",
    ),
)
