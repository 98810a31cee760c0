"""Homogenisation of a cell, and the law through its data, against plain SciPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from nonideal.benchmarks.harness import Benchmark, Case, Peer
from scipy import sparse
from scipy.interpolate import RegularGridInterpolator
from scipy.sparse.linalg import spsolve

from nonideal.physics import mechanics
from nonideal.physics.mechanics.periodic import periodic_classes

__all__ = ["BENCHMARKS"]

Floats = npt.NDArray[np.float64]

WIDTHS = (0.005, 0.008, 0.007)


class _Plain:
    """Newton's method with global sparse products, as one writes it first."""

    def __init__(self, cell: mechanics.UnitCell) -> None:
        structure = cell.structure
        self.laws = [(cell.phase == 0, cell.matrix), (cell.phase == 1, cell.fibre)]
        self.weights = structure.weights
        unknown = periodic_classes(structure.dof_coordinates, structure.dof_components)
        free = np.flatnonzero(unknown >= 0)
        shape = (len(unknown), int(unknown.max()) + 1)
        together = sparse.csr_matrix((np.ones(len(free)), (free, unknown[free])), shape)
        self.operator = structure.strain_operator @ together

    def homogenize(self, macro: Floats) -> Floats:
        count = len(self.weights)
        fluctuation = np.zeros(self.operator.shape[1])
        for _ in range(30):
            strain = macro + (self.operator @ fluctuation).reshape(-1, 3)
            stress, tangent = np.empty_like(strain), np.empty((count, 3, 3))
            for here, law in self.laws:
                stress[here], tangent[here] = law(strain[here])
            residual = self.operator.T @ (self.weights[:, None] * stress).ravel()
            scale = float(np.sqrt(self.weights @ np.sum(stress**2, axis=1)))
            if np.abs(residual).max() <= 1e-10 * scale:
                break
            blocks = self.weights[:, None, None] * tangent
            weighted = sparse.bsr_matrix((blocks, np.arange(count), np.arange(count + 1)))
            fluctuation = fluctuation - spsolve(
                (self.operator.T @ weighted @ self.operator).tocsc(), residual
            )
        return np.asarray(self.weights @ stress)


def _cell(tiny: bool) -> Case:
    """Macro strains of a data base, on the coarse mesh."""
    cell = mechanics.UnitCell(n_arc=2 if tiny else 4, n_radial=1 if tiny else 2)
    plain = _Plain(cell)
    strains = np.random.default_rng(1).uniform(-1, 1, (2 if tiny else 20, 3)) * WIDTHS
    cell.stiffness()

    def check() -> None:
        for strain in strains:
            np.testing.assert_allclose(
                cell.homogenize(strain).stress, plain.homogenize(strain), rtol=1e-7, atol=1e-7
            )

    return Case(
        count=len(strains),
        ours=lambda: [cell.homogenize(strain) for strain in strains],
        check=check,
        peers={"scipy spsolve": Peer(lambda: [plain.homogenize(strain) for strain in strains], goal=2)},
    )


def _law(tiny: bool) -> Case:
    """Stress and tangent between the points of a grid."""
    n, m = (5, 10) if tiny else (17, 1600)
    axes = [width * np.linspace(-1, 1, n) for width in WIDTHS]
    strain = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    stress, _ = mechanics.DeformationPlasticity(4000, 0.35, 40, 0.5, 4)(strain)
    database = mechanics.MaterialDatabase(strain, stress, np.eye(3))
    law = mechanics.InterpolatedLaw(database)
    peer: Any = RegularGridInterpolator(axes, stress.reshape(n, n, n, 3), method="cubic", solver=spsolve)
    queries = np.random.default_rng(2).uniform(-1, 1, (m, 3)) * WIDTHS

    def scipy() -> tuple[Floats, Floats]:
        slopes = [peer(queries, nu=np.eye(3, dtype=int)[j]) for j in range(3)]
        return peer(queries), np.stack(slopes, axis=-1)

    def check() -> None:
        for ours, theirs in zip(law(queries), scipy(), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6 * np.abs(theirs).max())

    return Case(
        count=m,
        ours=lambda: law(queries),
        check=check,
        peers={"scipy RegularGridInterpolator": Peer(scipy, goal=0.3)},
    )


BENCHMARKS = (
    Benchmark("homogenize", topic="mechanics_cell", unit="cells", prepare=_cell, floor=50),
    Benchmark(
        "interpolated-law",
        topic="mechanics_cell",
        unit="points",
        prepare=_law,
        note="milliseconds for a whole beam; SciPy's evaluation is compiled, ours shares weights",
    ),
)
