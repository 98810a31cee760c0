"""Symmetric tensors as Mandel vectors, so that double contraction is a dot product.

The order is (11, 22, sqrt2 12) in the plane and (11, 22, 33, sqrt2 23, sqrt2 13, sqrt2 12) in space; the same
for strain and stress. Engineering (Voigt) vectors, with shear doubled in the strain alone, measure another
distance between states and give wrong neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from nonideal.checks import FloatArray, check_finite
from nonideal.errors import InvalidArgument

__all__ = ["COMPONENTS", "from_mandel", "mandel_scale", "to_mandel"]

#: (row, column) of every component, by the dimension of space.
COMPONENTS: Mapping[int, tuple[tuple[int, int], ...]] = MappingProxyType(
    {
        1: ((0, 0),),
        2: ((0, 0), (1, 1), (0, 1)),
        3: ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)),
    }
)
_DIMENSION = {len(pairs): dimension for dimension, pairs in COMPONENTS.items() if dimension > 1}
_ASYMMETRY = 1e-9  # of the largest entry; more is no round-off


def mandel_scale(dimension: int) -> FloatArray:
    """Return what the tensor components in Mandel order are multiplied by: 1, and sqrt(2) for shear."""
    return np.array([1.0 if i == j else np.sqrt(2.0) for i, j in COMPONENTS[dimension]])


def to_mandel(tensor: ArrayLike) -> FloatArray:
    """Return symmetric tensors as Mandel vectors.

    Parameters
    ----------
    tensor : (..., 2, 2) or (..., 3, 3) array_like
        Strain or stress, in any unit.

    Returns
    -------
    (..., 3) or (..., 6) float64 ndarray

    Raises
    ------
    InvalidArgument
        If the shape is another one, or a tensor is not finite or not symmetric.

    Examples
    --------
    >>> from nonideal.physics import mechanics
    >>> mechanics.to_mandel([[1.0, 0.5], [0.5, 2.0]]).round(4).tolist()
    [1.0, 2.0, 0.7071]
    """
    array = check_finite("tensor", tensor)
    if array.ndim < 2 or array.shape[-2:] not in ((2, 2), (3, 3)):
        raise InvalidArgument(f"tensor has shape {array.shape}, not (..., 2, 2) or (..., 3, 3)")
    asymmetry = np.abs(array - np.swapaxes(array, -1, -2)).max(initial=0.0)
    if asymmetry > _ASYMMETRY * np.abs(array).max(initial=0.0):
        raise InvalidArgument(f"tensor is not symmetric: two entries differ by {asymmetry:.3g}")
    dimension = array.shape[-1]
    rows, columns = np.transpose(COMPONENTS[dimension])
    return np.asarray(array[..., rows, columns] * mandel_scale(dimension))


def from_mandel(vector: ArrayLike) -> FloatArray:
    """Return Mandel vectors as symmetric tensors, the inverse of `to_mandel`.

    Parameters
    ----------
    vector : (..., 3) or (..., 6) array_like
        Strain or stress, in any unit.

    Returns
    -------
    (..., 2, 2) or (..., 3, 3) float64 ndarray

    Raises
    ------
    InvalidArgument
        If the shape is another one, or a number is not finite.

    Examples
    --------
    >>> from nonideal.physics import mechanics
    >>> mechanics.from_mandel([1.0, 2.0, 2**0.5]).round(4).tolist()
    [[1.0, 1.0], [1.0, 2.0]]
    """
    array = check_finite("vector", vector)
    if array.ndim < 1 or array.shape[-1] not in _DIMENSION:
        raise InvalidArgument(f"vector has shape {array.shape}, not (..., 3) or (..., 6)")
    dimension = _DIMENSION[array.shape[-1]]
    rows, columns = np.transpose(COMPONENTS[dimension])
    tensor = np.empty((*array.shape[:-1], dimension, dimension))
    tensor[..., rows, columns] = tensor[..., columns, rows] = array / mandel_scale(dimension)
    return tensor
