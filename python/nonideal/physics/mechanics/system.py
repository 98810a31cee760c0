"""Equilibrium with prescribed displacements: which degrees of freedom are free, and solving for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from scipy.sparse import linalg as sparse_linalg

from nonideal.checks import FloatArray, check_finite
from nonideal.errors import InvalidArgument
from nonideal.physics.mechanics.structure import IntArray, Structure

__all__ = ["Factor", "Supports", "check_force", "stiffness_matrix"]

_LEAST_PIVOT = 1e-12  # of a diagonal entry; what elimination leaves of less is round-off


@dataclass(frozen=True, eq=False)
class Supports:
    """Prescribed degrees of freedom: ``fixed`` with their ``values``, and the ``free`` others."""

    fixed: IntArray
    values: FloatArray
    free: IntArray

    @classmethod
    def of(cls, structure: Structure, dofs: ArrayLike, values: ArrayLike) -> Supports:
        """Check a user's arguments.

        Raises
        ------
        InvalidArgument
            If none is prescribed, an index is out of range or twice there, shapes do not agree, or the
            structure can move as a rigid body.
        """
        fixed = np.asarray(dofs)
        if not fixed.size:
            raise InvalidArgument("fixed_dofs is empty: nothing holds the structure")
        if fixed.ndim != 1 or fixed.dtype.kind not in "iu":
            raise InvalidArgument(
                f"fixed_dofs has shape {fixed.shape} and dtype {fixed.dtype}, not (k,) and int"
            )
        bad = (fixed < 0) | (fixed >= structure.n_dofs)
        if bad.any():
            i = int(bad.argmax())
            raise InvalidArgument(f"fixed_dofs[{i}] = {fixed[i]} is outside [0, {structure.n_dofs})")
        numbers, counts = np.unique(fixed, return_counts=True)
        if (counts > 1).any():
            raise InvalidArgument(f"fixed_dofs holds {numbers[counts > 1][0]} twice")
        prescribed = check_finite("fixed_values", values)
        if prescribed.shape not in ((), fixed.shape):
            raise InvalidArgument(f"fixed_values has shape {prescribed.shape}, not () or {fixed.shape}")
        modes = _rigid_modes(structure)
        loose = np.linalg.matrix_rank(modes) - np.linalg.matrix_rank(modes[fixed], tol=1e-9)
        if loose:
            raise InvalidArgument(
                f"fixed_dofs leaves {loose} rigid {'mode' if loose == 1 else 'modes'} of the structure free"
            )
        free = np.setdiff1d(np.arange(structure.n_dofs), fixed)
        return cls(fixed.astype(np.int64), np.broadcast_to(prescribed, fixed.shape), free)


class Factor:
    """A symmetric positive definite stiffness, factored for the free degrees of freedom.

    Raises
    ------
    InvalidArgument
        If a part of the structure can move without strain.
    """

    def __init__(self, stiffness: Any, supports: Supports) -> None:
        self._free = supports.free
        self._size = int(stiffness.shape[0])
        rows = stiffness[supports.free]
        self._coupling = rows[:, supports.fixed]
        inner = rows[:, supports.free].tocsc()
        self._lu = _factorise(inner, supports.free) if supports.free.size else None

    def solve(self, rhs: FloatArray, fixed_values: FloatArray, supports: Supports) -> FloatArray:
        """Return (n_dofs, k) displacements for (n_dofs, k) right-hand sides and (n_fixed, k) values."""
        solution = np.zeros((self._size, rhs.shape[1]))
        solution[supports.fixed] = fixed_values
        if self._lu is not None:
            solution[self._free] = self._lu.solve(rhs[self._free] - self._coupling @ fixed_values)
        return solution


def stiffness_matrix(structure: Structure, tangents: FloatArray) -> Any:
    """Return sum_e w_e B_e^T D_e B_e, sparse, for tangents (d, d) or (n_points, d, d)."""
    m, d = structure.n_points, structure.n_strain
    blocks = structure.weights[:, None, None] * np.broadcast_to(tangents, (m, d, d))
    middle = sparse.bsr_matrix((blocks, np.arange(m), np.arange(m + 1)), shape=(m * d, m * d))
    operator = structure.strain_operator
    return (operator.T @ (middle @ operator)).tocsr()


def check_force(structure: Structure, force: ArrayLike | None) -> FloatArray:
    """Return nodal forces (n_dofs,); None is none."""
    if force is None:
        return np.zeros(structure.n_dofs)
    array = check_finite("force", force)
    if array.shape != (structure.n_dofs,):
        raise InvalidArgument(f"force has shape {array.shape}, not ({structure.n_dofs},)")
    return array


def _factorise(matrix: Any, names: IntArray) -> Any:
    diagonal = matrix.diagonal()
    if (still := np.flatnonzero(diagonal <= 0)).size:
        raise _mechanism(int(names[still[0]]))
    # The matrix is definite: no pivoting, and an ordering of its symmetric pattern.
    try:
        lu = sparse_linalg.splu(
            matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
        )
    except RuntimeError:  # "Factor is exactly singular"
        raise _mechanism(None) from None
    left = np.abs(lu.U.diagonal())[lu.perm_c] / diagonal
    if left.min() < _LEAST_PIVOT:
        raise _mechanism(int(names[left.argmin()]))
    return lu


def _mechanism(dof: int | None) -> InvalidArgument:
    where = "" if dof is None else f" (degree of freedom {dof})"
    return InvalidArgument(f"a part of the structure can move without strain{where}; hold it by fixed_dofs")


def _rigid_modes(structure: Structure) -> FloatArray:
    """Return (n_dofs, modes): translations, and rotations scaled to about the same size."""
    places, component = structure.dof_coordinates, structure.dof_components
    dim = places.shape[1]
    arms = places - places.mean(axis=0)
    arms = arms / max(np.abs(arms).max(), np.finfo(float).tiny)
    modes = [(component == k).astype(float) for k in range(dim)]
    modes += [
        np.where(component == j, arms[:, i], 0.0) - np.where(component == i, arms[:, j], 0.0)
        for j in range(dim)
        for i in range(j)
    ]
    return np.stack(modes, axis=1)
