"""Reduced queries, their tensors, and Oseen's snapshots, against plain NumPy and against full solutions."""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from nonideal.benchmarks.harness import Benchmark, Case, Peer
from scipy import sparse

from nonideal import _core
from nonideal.physics import flow
from nonideal.physics.flow.pod import pod

__all__ = ["BENCHMARKS"]

Floats: TypeAlias = npt.NDArray[np.float64]
_MU = {"Re": 230.0, "a": 0.4}


@cache
def _trained(tiny: bool) -> tuple[flow.NavierStokes, flow.Snapshots, flow.ReducedBasis]:
    """Return the cavity at 10k dofs, a 3 x 3 training set, and a basis of 45 modes with Oseen's snapshots."""
    problem = flow.cases.two_lid_cavity(n=6 if tiny else 33)
    train = problem.snapshots(problem.parameters.grid(2 if tiny else 3))  # type: ignore[union-attr]
    return problem, train, flow.ReducedBasis.fit(train + flow.augment(train))


def _plain_query(basis: flow.ReducedBasis, viscous: Floats, tensor: Floats) -> Floats:
    """Do what a query does with NumPy: contract, solve, reconstruct."""
    offline = basis._offline
    setting = basis.problem.setting(_MU, flux=False)
    theta, _ = basis._data(setting)
    q = len(theta)
    z = np.concatenate([theta, np.zeros(basis.n_modes)])
    matrix, rest, relative = setting.viscosity * viscous, np.zeros(basis.n_modes), 1.0
    for iteration in range(100):
        y = np.linalg.solve(matrix[:, q:], rest - matrix[:, :q] @ theta)
        step, z[q:] = np.linalg.norm(y - z[q:]), y
        relative = 1.0 if iteration == 0 else float(step / np.linalg.norm(y))
        if relative < 1e-11:
            break
        matrix = setting.viscosity * viscous + np.tensordot(z, tensor, axes=1)
        rest = np.zeros(basis.n_modes)
        if relative < 0.02:
            slope = (tensor @ z).T
            rest = slope @ z
            matrix = matrix + slope
    velocity: Floats = offline.trial @ z
    return velocity


def _query(tiny: bool) -> Case:
    problem, _, basis = _trained(tiny)
    viscous, tensor = basis._offline.tested(basis.modes)

    def check() -> None:
        found = basis.solve(_MU).velocity
        plain = _plain_query(basis, viscous, tensor).reshape(-1, 2)
        assert problem.norm(found - plain) < 1e-9
        assert problem.norm(found - problem.solve(_MU).velocity) < 0.05

    return Case(
        1.0,
        lambda: basis.solve(_MU),
        check,
        {
            "NumPy, the same tensors": Peer(lambda: _plain_query(basis, viscous, tensor), goal=1.5),
            "full order, native LU": Peer(lambda: problem.solve(_MU), goal=50),
        },
    )


def _tensors(tiny: bool) -> Case:
    problem, _, basis = _trained(tiny)
    trial, tests = basis._offline.trial, np.ascontiguousarray(basis.modes)

    def ours() -> Any:
        return _core.flow.convection_tensor(problem._core, tests, trial)

    def plain() -> Floats:
        slices = []
        for column in trial.T:
            matrix = problem.convection_matrix(column.reshape(-1, 2))
            slices.append(tests.T @ (matrix @ trial))
        return np.array(slices)

    def check() -> None:
        np.testing.assert_allclose(ours(), plain(), atol=1e-11)

    entries = float(trial.shape[1] ** 2 * tests.shape[1])
    return Case(entries, ours, check, {"SciPy and BLAS": Peer(plain, goal=1)})


def _pairs(tiny: bool) -> Case:
    problem, train, _ = _trained(tiny)
    pairs = [(0, 1)]

    def check() -> None:
        made = flow.augment(train, pairs=pairs, progress=False)
        assert np.abs(problem.divergence_matrix @ made.velocity).max() < 1e-13

    middle = flow.augment(train, pairs=pairs, progress=False).parameters[0]
    return Case(
        1.0,
        lambda: flow.augment(train, pairs=pairs, progress=False),
        check,
        {"Navier-Stokes at the mid-point": Peer(lambda: problem.solve(middle), goal=4)},
    )


def _pod(tiny: bool) -> Case:
    """Return the decomposition of 45 snapshots, Navier-Stokes and Oseen, in the velocity's L2 product."""
    problem, train, _ = _trained(tiny)
    columns, weight = (train + flow.augment(train)).velocity, problem.mass_matrix
    n = columns.shape[1]

    def gram() -> Floats:
        """Square the condition number: values below 1e-8 of the largest are noise."""
        values, vectors = np.linalg.eigh(columns.T @ (weight @ columns))
        kept = values > 1e-16 * values[-1]
        modes: Floats = columns @ (vectors[:, kept] / np.sqrt(values[kept]))
        return modes

    def check() -> None:
        modes, values = pod(columns, weight)
        again = modes.T @ (weight @ modes)
        np.testing.assert_allclose(again, np.eye(len(again)), atol=1e-12)
        assert abs(values @ values / np.sum(columns * (weight @ columns)) - 1) < 1e-12
        if theirs is not None:
            other = theirs()
            np.testing.assert_allclose(values[: len(other)], other, rtol=1e-10)

    theirs = _pymor(columns, weight)
    peers = {"NumPy, Gram matrix": Peer(gram)}
    if theirs is not None:
        peers["pymor"] = Peer(theirs, goal=1)
    return Case(float(n), lambda: pod(columns, weight), check, peers)


def _pymor(columns: Floats, weight: Any) -> Callable[[], Floats] | None:
    """Return pyMOR's decomposition by QR, without squaring; None where it isn't installed."""
    if importlib.util.find_spec("pymor") is None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = importlib.import_module("pymor.algorithms.pod").pod
        operators = importlib.import_module("pymor.operators.numpy")
        arrays = importlib.import_module("pymor.vectorarrays.numpy")
    importlib.import_module("pymor.core.logger").set_log_levels({"pymor": "ERROR"})
    array = arrays.NumpyVectorSpace(len(columns)).from_numpy(columns)
    product = operators.NumpyMatrixOperator(sparse.csr_matrix(weight))

    def call() -> Floats:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            values: Floats = theirs(array, product=product, rtol=1e-9, method="qr_svd")[1]
        return values

    return call


BENCHMARKS = (
    Benchmark("query", topic="flow_reduced", unit="queries", prepare=_query, floor=1e3),
    Benchmark("tensors", topic="flow_reduced", unit="entries", prepare=_tensors),
    Benchmark(
        "pod",
        topic="flow_reduced",
        unit="snapshots",
        prepare=_pod,
        note="45 snapshots of 8,978 velocities, modes and singular values, weighted by masses",
    ),
    Benchmark("oseen-snapshot", topic="flow_reduced", unit="snapshots", prepare=_pairs),
)
