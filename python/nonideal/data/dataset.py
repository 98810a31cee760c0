"""What every loader of labelled data returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Dataset"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled data, split into training and test.

    Parameters
    ----------
    x_train, x_test : (n, ...) array
        Samples, in the loader's own unit.
    y_train, y_test : (n,) int64
        Their classes.
    name : str
        Name of the set.
    source : str
        Where the data come from.
    licence : str
        Under what terms.
    """

    x_train: npt.NDArray[Any]
    y_train: npt.NDArray[np.int64]
    x_test: npt.NDArray[Any]
    y_test: npt.NDArray[np.int64]
    name: str
    source: str
    licence: str
