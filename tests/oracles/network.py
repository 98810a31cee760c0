"""Quantised layers in plain Python loops: what a converted network computes where no gate errs."""

from __future__ import annotations

import numpy as np


def quantise(values, scale, zero, bits):
    """Round half to even, shift, clip: one value after the other."""
    top = 2**bits - 1
    flat = [min(max(round(float(v) / scale) + zero, 0), top) for v in np.ravel(values)]
    return np.array(flat, dtype=np.int64).reshape(np.shape(values))


def weights_to_integers(weight, bits, per_output):
    """(outputs, features) floats -> integers and scales, as the specification's section 1.10 says."""
    most = 2**bits - 1
    rows = [np.abs(row) for row in weight] if per_output else [np.abs(weight)] * len(weight)
    scales = [(np.quantile(row, 0.999) or row.max() or most) / most for row in rows]
    integers = [
        [min(max(round(float(w) / scale), -most), most) for w in row]
        for row, scale in zip(weight, scales, strict=True)
    ]
    return np.array(integers, dtype=np.int64), np.array(scales)


def convolve(image, kernels, stride, dilation, groups):
    """Cross-correlation of integers: image (channels, h, w), kernels (outputs, channels / groups, kh, kw)."""
    channels, height, width = image.shape
    outputs, depth, kh, kw = kernels.shape
    rows = (height - dilation[0] * (kh - 1) - 1) // stride[0] + 1
    columns = (width - dilation[1] * (kw - 1) - 1) // stride[1] + 1
    result = np.zeros((outputs, rows, columns), dtype=np.int64)
    for o in range(outputs):
        first = o // (outputs // groups) * depth
        for r in range(rows):
            for c in range(columns):
                total = 0
                for d in range(depth):
                    for i in range(kh):
                        for j in range(kw):
                            y, x = r * stride[0] + i * dilation[0], c * stride[1] + j * dilation[1]
                            total += int(image[first + d, y, x]) * int(kernels[o, d, i, j])
                result[o, r, c] = total
    assert channels == depth * groups
    return result
