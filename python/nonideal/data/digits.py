"""Handwritten digits that come with scikit-learn: 1797 images of 8 x 8 pixels."""

from __future__ import annotations

import numpy as np

from nonideal.data.dataset import Dataset
from nonideal.errors import InvalidArgument

__all__ = ["load_digits"]

N_TRAIN = 1437  # four fifths, in the set's own order: no shuffle, so that every study has the same split


def load_digits(*, clip: int | None = 15) -> Dataset:
    """Return scikit-learn's digits: the first 1437 images to train, the last 360 to test, in their own order.

    Parameters
    ----------
    clip : int or None
        Pixels are 0..16; larger ones than this become this. 15, the default, makes them fit 4 bits. None
        leaves them as they are.

    Returns
    -------
    Dataset
        ``x_*`` : (n, 8, 8) uint8, ``y_*`` : (n,) int64 in 0..9.

    Raises
    ------
    InvalidArgument
        If ``clip`` is outside [1, 16].

    Examples
    --------
    >>> from nonideal.data import load_digits
    >>> digits = load_digits()
    >>> digits.x_train.shape, digits.x_test.shape, int(digits.x_train.max())
    ((1437, 8, 8), (360, 8, 8), 15)
    """
    if clip is not None and not 1 <= clip <= 16:
        raise InvalidArgument(f"clip = {clip} is outside [1, 16]")
    from sklearn import datasets  # a second of import, only for those who need it

    bunch = datasets.load_digits()
    images = bunch.images.astype(np.uint8)
    if clip is not None:
        images = np.minimum(images, np.uint8(clip))
    labels = bunch.target.astype(np.int64)
    return Dataset(
        x_train=images[:N_TRAIN],
        y_train=labels[:N_TRAIN],
        x_test=images[N_TRAIN:],
        y_test=labels[N_TRAIN:],
        name="digits",
        source="scikit-learn's load_digits: test set of UCI's Optical Recognition of Handwritten Digits",
        licence="CC BY 4.0 (E. Alpaydin, C. Kaynak 1998; UCI Machine Learning Repository)",
    )
