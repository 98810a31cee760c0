"""Whether a reduced basis may be made from fields: solenoidal ones, with the boundary data of the problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nonideal.checks import FloatArray
from nonideal.errors import InvalidArgument
from nonideal.physics.flow.boundary import words

if TYPE_CHECKING:
    from nonideal.physics.flow.problem import NavierStokes

__all__ = ["FIELD_TOLERANCE", "SOLVED", "boundary_mismatch", "check_fields"]

#: Largest divergence and mismatch of boundary values, relative, of a field that is taken. Solutions have
#: 1e-14, and single precision leaves 1e-7; modes of a value above 1e-6 of the largest are kept by default.
FIELD_TOLERANCE = 1e-6

#: Origins of snapshots that have the boundary data of their parameters; others are combinations.
SOLVED = ("full", "oseen", "navier_stokes")


def check_fields(
    problem: NavierStokes,
    velocity: FloatArray,
    parameters: Sequence[Mapping[str, float]],
    origin: Sequence[str],
) -> None:
    """Refuse velocities (n_velocity, n) that are not solenoidal, or solutions with other boundary values.

    Raises
    ------
    InvalidArgument
        If a column's divergence or mismatch is above `FIELD_TOLERANCE`.
    """
    _refuse(_divergence(problem, velocity), "velocity", "a divergence of", "its terms", parameters)
    solved = np.isin(origin, SOLVED)
    off = np.zeros(len(parameters))
    known = np.flatnonzero(np.repeat(problem.constrained, problem.mesh.dim))
    for column in np.flatnonzero(solved):
        data = problem.setting(parameters[column], flux=False).boundary.ravel()[known]
        off[column] = boundary_mismatch(velocity[:, [column]], known, data[:, None])[0]
    _refuse(off, "velocity", "boundary values off their data by", "the largest velocity", parameters)


def boundary_mismatch(velocity: FloatArray, known: Any, data: FloatArray) -> FloatArray:
    """Return how far velocities (n_velocity, n) are from data (n_known, n), relative to the largest value."""
    off = np.abs(velocity[known] - data).max(axis=0)
    size = np.maximum(np.abs(velocity).max(axis=0), np.abs(data).max(axis=0))
    return np.asarray(off / np.where(size > 0, size, 1.0))


def _divergence(problem: NavierStokes, velocity: FloatArray) -> FloatArray:
    """Return the largest ``|int q div u|``, relative to the largest sum of the sizes of its terms."""
    matrix = problem.divergence_matrix
    rest = matrix @ velocity
    if problem.enclosed:  # interpolated data leave a net flux, which every cell takes up alike
        weights = problem.pressure_weights
        rest -= np.outer(weights, rest.sum(axis=0) / weights.sum())
    size = (abs(matrix) @ np.abs(velocity)).max(axis=0)
    return np.asarray(np.abs(rest).max(axis=0) / np.where(size > 0, size, 1.0))


def _refuse(
    found: FloatArray, argument: str, what: str, unit: str, parameters: Sequence[Mapping[str, float]]
) -> None:
    for column in np.flatnonzero(found > FIELD_TOLERANCE)[:1]:
        raise InvalidArgument(
            f"{argument}: column {column}, at {words(parameters[column])}, has {what} "
            f"{found[column]:.2g} of {unit}, at most {FIELD_TOLERANCE:g}"
        )
