"""Equilibrium of a periodic cell: displacement = macro strain x position + a periodic fluctuation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import splu

from nonideal.checks import FloatArray
from nonideal.errors import ConvergenceError, InvalidArgument
from nonideal.physics.mechanics.structure import Structure

__all__ = ["PeriodicSystem", "State", "periodic_classes"]

_DECIMALS = 8  # coordinates of partners agree to so many
_TOLERANCE = 1e-10  # of the stress scale
_MAX_ITERATIONS = 50
_MAX_HALVINGS = 20

#: Strain at all points (n_points, 3) -> stress, tangent there.
Material = Callable[[FloatArray], tuple[FloatArray, FloatArray]]


@dataclass(frozen=True)
class State:
    """An equilibrium: fluctuation (n,), strain and stress (n_points, 3), tangent (n_points, 3, 3)."""

    fluctuation: FloatArray
    strain: FloatArray
    stress: FloatArray
    tangent: FloatArray
    n_iterations: int


class PeriodicSystem:
    """Newton's method for the fluctuation, on one sparsity pattern with one elimination order.

    Parameters
    ----------
    structure : Structure
        With a scikit-fem basis on [-1/2, 1/2]^2.

    Raises
    ------
    InvalidArgument
        If a node on one side of the cell has no partner on the other.
    """

    def __init__(self, structure: Structure) -> None:
        self.weights = structure.weights
        self._operator = _strain_blocks(structure.basis)
        reduced = periodic_classes(structure.dof_coordinates, structure.dof_components)
        dofs = structure.basis.element_dofs.T  # (n_elements, n_local)
        self._dofs = reduced[dofs]
        self.n = int(reduced.max()) + 1
        self._set_pattern()

    def solve(self, material: Material, macro: FloatArray, start: FloatArray) -> State:
        """Return the equilibrium under a macro strain (3,), from a first guess of the fluctuation (n,).

        Raises
        ------
        ConvergenceError
            If Newton's method does not reach equilibrium; with the residuals over the stress scale.
        """
        fluctuation = start
        strain, stress, tangent, residual = self._evaluate(material, macro, fluctuation)
        history = [self._relative(residual, stress)]
        for iteration in range(_MAX_ITERATIONS):
            if history[-1] <= _TOLERANCE:
                return State(fluctuation, strain, stress, tangent, iteration)
            if not np.isfinite(history[-1]):
                break
            try:
                step = -self.factor(tangent)(residual)
            except ConvergenceError:  # which knows neither the strain nor the residuals
                break
            size = float(np.linalg.norm(residual))
            for halving in range(_MAX_HALVINGS):
                tried = fluctuation + step * 0.5**halving
                strain, stress, tangent, new = self._evaluate(material, macro, tried)
                # The step is a descent direction of the residual's norm, so a short one shrinks it; at the
                # level of round-off it need not.
                relative = self._relative(new, stress)
                if relative <= _TOLERANCE or float(np.linalg.norm(new)) < size:
                    break
            else:
                break
            fluctuation, residual = tried, new
            history.append(relative)
        numbers = ", ".join(f"{value:.6g}" for value in macro)
        raise ConvergenceError(
            f"the cell found no equilibrium at the macro strain ({numbers}); the residual over the stress "
            f"scale stopped at {history[-1]:.3g}",
            history,
        )

    def factor(self, tangent: FloatArray) -> Callable[[FloatArray], FloatArray]:
        """Return the solver of K x = r, r and x (n,) or (n, k), for a tangent (n_points, 3, 3).

        Raises
        ------
        ConvergenceError
            If K is singular or not finite.
        """
        blocks = self._weighted(tangent)
        element = np.matmul(self._operator.transpose(0, 2, 1), blocks)
        data = np.bincount(self._slot, element.reshape(-1)[self._kept], minlength=len(self._rows))
        matrix = sparse.csc_array((data, self._rows, self._starts), shape=(self.n, self.n))
        # Symmetric positive definite: no pivoting, and the order was found once. Columns one by one:
        # relaxed supernodes or wide panels cost a quarter more for so small a matrix.
        if not np.isfinite(data).all():
            raise ConvergenceError("the stiffness of the cell is not finite")
        try:
            solver = splu(
                matrix,
                permc_spec="NATURAL",
                diag_pivot_thresh=0.0,
                relax=1,
                panel_size=1,
                options={"SymmetricMode": True},
            )
        except RuntimeError:  # "Factor is exactly singular"
            raise ConvergenceError("the stiffness of the cell is singular") from None
        order = self._order

        def solve(right: FloatArray) -> FloatArray:
            found = np.empty_like(right)
            found[order] = solver.solve(right[order])
            return found

        return solve

    def stiffness(self, tangent: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the macro tangent (3, 3) and the fluctuations (n, 3) under unit macro strains."""
        blocks = (self.weights[:, None, None] * tangent).reshape(len(self._operator), -1, 3)
        load = self._gather(np.matmul(self._operator.transpose(0, 2, 1), blocks))
        fluctuation = -self.factor(tangent)(load)
        mean = np.einsum("p,pij->ij", self.weights, tangent)
        stiffness = mean + load.T @ fluctuation
        return 0.5 * (stiffness + stiffness.T), fluctuation

    def mean(self, field: FloatArray) -> FloatArray:
        """Return the volume average (k,) of a field (n_points, k); the cell's volume is 1."""
        return np.asarray(self.weights @ field)

    def _evaluate(
        self, material: Material, macro: FloatArray, fluctuation: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        local = np.append(fluctuation, 0.0)[self._dofs]  # -1, what is pinned, takes the zero
        strain = macro + np.matmul(self._operator, local[:, :, None]).reshape(-1, 3)
        stress, tangent = material(strain)
        weighted = (self.weights[:, None] * stress).reshape(len(self._operator), -1, 1)
        residual = self._gather(np.matmul(self._operator.transpose(0, 2, 1), weighted))[:, 0]
        return strain, stress, tangent, residual

    def _weighted(self, tangent: FloatArray) -> FloatArray:
        """Return w D B, (n_elements, 3 n_gauss, n_local)."""
        n_elements, rows, n_local = self._operator.shape
        by_point = self._operator.reshape(-1, 3, n_local)
        product = np.matmul(self.weights[:, None, None] * tangent, by_point)
        return np.asarray(product.reshape(n_elements, rows, n_local))

    def _gather(self, local: FloatArray) -> FloatArray:
        """Add up local vectors (n_elements, n_local, k) to (n, k)."""
        where = np.where(self._dofs < 0, self.n, self._dofs).reshape(-1)
        columns = [
            np.bincount(where, local[:, :, k].reshape(-1), minlength=self.n + 1)[: self.n]
            for k in range(local.shape[2])
        ]
        return np.stack(columns, axis=1)

    def _relative(self, residual: FloatArray, stress: FloatArray) -> float:
        """Return the residual over the stress scale; infinity where either is not finite."""
        scale = float(np.sqrt(np.sum(self.mean(stress**2))))
        size = float(np.max(np.abs(residual), initial=0.0))
        if not (np.isfinite(scale) and np.isfinite(size)):
            return float("inf")
        return size / scale if scale > 0.0 else size

    def _set_pattern(self) -> None:
        """Find where each entry of each element's matrix goes, in the order that fills least."""
        n_local = self._dofs.shape[1]
        every_row = np.repeat(self._dofs, n_local, axis=1).reshape(-1)
        every_column = np.tile(self._dofs, (1, n_local)).reshape(-1)
        self._kept = np.flatnonzero((every_row >= 0) & (every_column >= 0))
        rows, columns = every_row[self._kept], every_column[self._kept]
        pattern = sparse.csc_array(
            (np.ones(len(rows)), (rows, columns)), shape=(self.n, self.n)
        ) + sparse.csc_array(sparse.eye_array(self.n) * len(rows))
        place = splu(
            pattern, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
        ).perm_c
        self._order = np.argsort(place)  # new position -> old
        keys = place[columns].astype(np.int64) * self.n + place[rows]
        unique, self._slot = np.unique(keys, return_inverse=True)
        self._rows = (unique % self.n).astype(np.int32)
        counts = np.bincount(unique // self.n, minlength=self.n)
        self._starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)


def periodic_classes(coordinates: FloatArray, component: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the unknown (n_dofs,) that each degree of freedom shares with its partners, -1 for the corner.

    Degrees of freedom on the right and top sides of [-1/2, 1/2]^2 are those of their partners on the left and
    bottom; all four corners are one, and pinned.

    Raises
    ------
    InvalidArgument
        If one has no partner.
    """
    place = coordinates.round(_DECIMALS) + 0.0
    for axis, side in ((0, "right"), (1, "top")):
        along = np.stack([place[:, 1 - axis], component], axis=1)
        here, there = (along[place[:, axis] == end] for end in (0.5, -0.5))
        missing = set(map(tuple, here)) ^ set(map(tuple, there))
        if missing:
            other = {"right": "left", "top": "bottom"}[side]
            where = min(missing)[0]
            raise InvalidArgument(
                f"the node at {'yx'[axis]} = {where:g} on the {side} or {other} side of the cell has no "
                "partner on the other"
            )
    wrapped = np.where(place == 0.5, -0.5, place)
    _, found = np.unique(np.column_stack([wrapped, component]), axis=0, return_inverse=True)
    pinned = np.unique(found[np.all(wrapped == -0.5, axis=1)])
    free = np.setdiff1d(np.arange(found.max() + 1), pinned)
    number = np.full(found.max() + 1, -1, dtype=np.int64)
    number[free] = np.arange(len(free))
    return number[found]


def _strain_blocks(basis: Any) -> FloatArray:
    """Return the strain operator of each element, (n_elements, 3 n_gauss, n_local), Mandel components."""
    gradients = [np.asarray(function[0].grad) for function in basis.basis]  # (2, 2, n_elements, n_gauss)
    rows = [
        np.stack([grad[0, 0], grad[1, 1], (grad[0, 1] + grad[1, 0]) / np.sqrt(2.0)], axis=-1)
        for grad in gradients
    ]
    blocks = np.stack(rows, axis=-1)  # (n_elements, n_gauss, 3, n_local)
    return np.ascontiguousarray(blocks.reshape(len(blocks), -1, len(gradients)))
