"""What a reduced basis computes once from snapshots: lifts, modes, and reduced operators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from nonideal import _core
from nonideal.checks import FloatArray
from nonideal.errors import InvalidArgument
from nonideal.physics.flow.affine import AffineSpan
from nonideal.physics.flow.augmentation import MASS_ONLY
from nonideal.physics.flow.conformity import FIELD_TOLERANCE, boundary_mismatch
from nonideal.physics.flow.pod import orthonormalise, pod
from nonideal.physics.flow.solenoidal import stokes_lifts

if TYPE_CHECKING:
    from nonideal.physics.flow.identity import Fingerprint
    from nonideal.physics.flow.problem import NavierStokes
    from nonideal.physics.flow.snapshots import Snapshots

__all__ = [
    "DEFAULT_CUT",
    "INNER",
    "MERGES",
    "Offline",
    "boundary_values",
    "inner_product",
    "lift_of",
    "merged_modes",
    "pressure_modes",
]

INNER = ("l2", "h1", "euclidean")
MERGES = ("concatenate", "nested")

#: Where neither a tolerance nor a number of modes is given: singular values above this times the largest.
DEFAULT_CUT = 1e-6

#: Where lifted snapshots are this small beside the snapshots, nothing is left of them but rounding.
_NOTHING = 1e-13


@dataclass(frozen=True)
class Offline:
    """Everything that does not depend on the parameters; reduced operators are made when first needed.

    Parameters
    ----------
    problem : NavierStokes
        The full-order problem.
    known : (n_known,) int array
        Velocity dofs on the Dirichlet boundary.
    boundary, load : AffineSpan
        Of the values at ``known``, and of the load vectors.
    lifts : (n_velocity, len(boundary)) array
        Stokes field of each boundary vector.
    modes : (n_velocity, n_modes) array
        Orthonormal in ``inner``.
    singular_values : (n,) array
        All of them; with a nested merge those of the solutions, then those of the rest.
    rank : int
        Modes that the snapshots would give.
    pressure_modes : (n_pressure, n) array
        Orthonormal in L2; none where the snapshots have no pressure.
    """

    problem: NavierStokes
    known: Any
    boundary: AffineSpan
    load: AffineSpan
    lifts: FloatArray
    modes: FloatArray
    singular_values: FloatArray
    rank: int
    pressure_modes: FloatArray
    supremizers: bool
    inner: str
    linear_solves: int
    fingerprint: Fingerprint

    def __getstate__(self) -> dict[str, Any]:  # without what is made when it is needed
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    @cached_property
    def trial(self) -> FloatArray:
        """Lifts, then modes: (n_velocity, r)."""
        return np.ascontiguousarray(np.hstack([self.lifts, self.modes]))

    @cached_property
    def model(self) -> _core.flow.ReducedModel:
        """The Galerkin equations."""
        gram = self.trial.T @ (self.problem.mass_matrix @ self.trial)
        viscous, convection = self.tested(self.modes)
        return _core.flow.ReducedModel(viscous, convection, np.ascontiguousarray(gram))

    @cached_property
    def loads(self) -> FloatArray:
        """Load vectors in the basis, (n_modes, len(load))."""
        return self.modes.T @ self.load.vectors

    def tested(self, tests: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the viscous (p, r) and convective (r, p, r) terms of the trial fields with tests."""
        viscous = tests.T @ (self.problem.stiffness_matrix @ self.trial)
        convection = _core.flow.convection_tensor(self.problem._core, np.ascontiguousarray(tests), self.trial)
        return np.ascontiguousarray(viscous), convection

    @cached_property
    def pressure(self) -> Pressure:
        """How a pressure follows from a velocity."""
        return Pressure(self)


class Pressure:
    """Recovery of the pressure: the residual of momentum, tested, against the gradient of pressure modes.

    With supremizers the tests are the fields s_j, stiffness s_j = B^T psi_j: velocity and pressure spaces
    together fulfil the inf-sup condition, and what is minimised is the residual's dual norm. Without, it is
    its Euclidean norm, and the tests are an orthonormal basis of the B^T psi_j. All pressure modes are used,
    however few velocity modes are: the test fields suit them, so that nothing gets unstable.
    """

    def __init__(self, offline: Offline) -> None:
        problem = offline.problem
        modes = offline.pressure_modes
        if not modes.shape[1]:
            raise InvalidArgument("pressure: the snapshots have none")
        gradient = problem.divergence_matrix.T @ modes
        gradient[offline.known] = 0.0
        if offline.supremizers:
            tests = _supremizers(problem, gradient, offline.known)
            self.matrix = tests.T @ gradient
        else:
            tests, self.matrix = np.linalg.qr(gradient)
        self.modes = modes
        self.viscous, self.convection = offline.tested(tests)
        self.loads = tests.T @ offline.load.vectors

    def solve(self, coefficients: FloatArray, viscosity: float, load: FloatArray) -> FloatArray:
        """Return the pressure (n_pressure,) of a velocity with these trial coefficients."""
        r = len(coefficients)
        quadratic = np.tensordot(coefficients, self.convection[:r, :, :r], axes=1) @ coefficients
        rest = self.loads @ load - viscosity * (self.viscous[:, :r] @ coefficients) - quadratic
        pressure: FloatArray = self.modes @ np.linalg.solve(self.matrix, rest)
        return pressure


def boundary_values(velocity: FloatArray, known: Any, data: Sequence[FloatArray]) -> FloatArray:
    """Return the boundary values (n_known, n) of velocities (n_velocity, n).

    Those of solutions are their data, of which the fields themselves may be rounded: a query's data must lie
    in their span. Combinations of solutions may have others (none, or a mean), which are taken as they are.
    """
    exact = np.stack([values.ravel()[known] for values in data], axis=1)
    same = boundary_mismatch(velocity, known, exact) <= FIELD_TOLERANCE
    return np.where(same, exact, velocity[known])


def lift_of(problem: NavierStokes, values: FloatArray, known: Any) -> tuple[AffineSpan, FloatArray]:
    """Return the span of boundary values (n_known, n), and the lift of each of its vectors."""
    boundary = AffineSpan(values)
    fields = np.zeros((problem.n_velocity, len(boundary)))
    fields[known] = boundary.vectors
    if not len(boundary):
        return boundary, fields
    return boundary, stokes_lifts(problem, fields)


def inner_product(problem: NavierStokes, inner: str) -> Any:
    """Return the matrix of an inner product by its name, None for the Euclidean one."""
    if inner == "euclidean":
        return None
    return problem.mass_matrix if inner == "l2" else problem.mass_matrix + problem.stiffness_matrix


def merged_modes(
    lifted: FloatArray, artificial: Any, weight: Any, merge: str, artificial_weight: float
) -> tuple[FloatArray, FloatArray, FloatArray, int]:
    """Return modes, all singular values, those of the modes, and how many modes lie above the default cut.

    Parameters
    ----------
    lifted : (n_velocity, n) array
        Snapshots without their lifts.
    artificial : (n,) bool array
        Which were made by augmentation.
    weight : sparse matrix or None
        Of the inner product.
    merge : str
        One of `MERGES`.
    artificial_weight : float
        Factor of artificial snapshots.
    """
    if merge == "nested" and artificial.any():
        if artificial.all():
            raise InvalidArgument("merge = 'nested' needs solutions, but all snapshots are artificial")
        first, values = pod(lifted[:, ~artificial], weight)
        rest = artificial_weight * lifted[:, artificial]
        for _ in range(2):
            rest = rest - first @ (first.T @ (rest if weight is None else weight @ rest))
        second, rest_values = pod(rest, weight)
        above = int(np.count_nonzero(rest_values > DEFAULT_CUT * values[0]))
        # What is left may be no more than rounding of the solutions' own span.
        second = second[:, : int(np.count_nonzero(rest_values > 1e-10 * values[0]))]
        both, _ = orthonormalise(np.hstack([first, second]), weight)
        kept = np.concatenate([values[: first.shape[1]], rest_values[: second.shape[1]]])
        return both, np.concatenate([values, rest_values]), kept, first.shape[1] + above
    factors = np.where(artificial, artificial_weight, 1.0)
    modes, values = pod(lifted * factors, weight)
    above = int(np.count_nonzero(values > DEFAULT_CUT * values[0]))
    return modes, values, values[: modes.shape[1]], above


def pressure_modes(snapshots: Snapshots) -> FloatArray:
    """Return the modes of the pressures that the snapshots have, L2-orthonormal."""
    problem = snapshots.problem
    known = np.array([origin not in MASS_ONLY for origin in snapshots.origin])
    columns = snapshots.pressure[:, known & (snapshots.pressure != 0).any(axis=0)]
    if not columns.size:
        return np.zeros((problem.n_pressure, 0))
    mass = _pressure_mass(problem)
    if problem.enclosed:  # up to a constant
        integral = mass @ np.ones(problem.n_pressure)
        columns = columns - (integral @ columns) / integral.sum()
    modes, values = pod(columns, mass)
    return modes[:, : int(np.count_nonzero(values > DEFAULT_CUT * values[0]))]


def _pressure_mass(problem: NavierStokes) -> Any:
    """Return the P1 mass matrix: linear functions are quadratic ones too."""
    edges, n = np.asarray(problem.edges), problem.n_pressure
    rows = np.concatenate([np.arange(n), np.repeat(n + np.arange(len(edges)), 2)])
    columns = np.concatenate([np.arange(n), edges.ravel()])
    entries = np.concatenate([np.ones(n), np.full(edges.size, 0.5)])
    embed = sparse.csr_array((entries, (rows, columns)), shape=(len(problem.nodes), n))
    dim = problem.mesh.dim
    return sparse.csr_array(embed.T @ sparse.csr_array(problem.mass_matrix[0::dim, 0::dim]) @ embed)


def _supremizers(problem: NavierStokes, gradient: FloatArray, known: Any) -> FloatArray:
    free = np.setdiff1d(np.arange(problem.n_velocity), known)
    form = sparse.csc_array(sparse.csr_array(problem.stiffness_matrix)[free][:, free])
    factors = splu(form, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    fields = np.zeros_like(gradient)
    fields[free] = factors.solve(np.ascontiguousarray(gradient[free]))
    return fields
