"""The message step of LEIGNN, edge by edge in NumPy float64, its gradient, and the gradient's derivative.

`gradient` is the chain rule written out for one edge. `second` is a complex step through it: the derivative
of an analytic function f along p is Im f(x + i h p) / h, exact to rounding for a small h. So nothing here
takes the absolute value of a number, and lengths are roots of plain sums of squares.
"""

from __future__ import annotations

import numpy as np

STEP = 1e-30


def radial(d, cutoff, weight, bias, p, smooth):
    """Filter values (3F,), their derivatives by d, and by a weight's row (R,), by a bias."""
    n_rbf = weight.shape[1]
    s = d / cutoff
    if not s.real < 1.0:
        zeros = np.zeros(len(bias))
        return zeros, zeros, np.zeros(n_rbf), 0.0
    envelope = 1 - (p + 1) * (p + 2) / 2 * s**p + p * (p + 2) * s ** (p + 1) - p * (p + 1) / 2 * s ** (p + 2)
    slope = -p * (p + 1) * (p + 2) / 2 * s ** (p - 1) * (1 - s) ** 2 / cutoff
    power = 2 if smooth else 1
    basis, basis_slope = [], []
    for k in range(n_rbf):
        z = (s - k / (n_rbf - 1)) * (n_rbf - 1)
        gaussian = np.exp(-z * z / 2)
        basis.append(envelope**power * gaussian)
        basis_slope.append(
            power * envelope ** (power - 1) * slope * gaussian
            - envelope**power * gaussian * z * (n_rbf - 1) / cutoff
        )
    constant, constant_slope = (envelope, slope) if smooth else (1.0, 0.0)
    basis, basis_slope = np.array(basis), np.array(basis_slope)
    values = weight @ basis + bias * constant
    slopes = weight @ basis_slope + bias * constant_slope
    return values, slopes, basis, constant


def edges(indptr, neighbors):
    for i in range(len(indptr) - 1):
        for e in range(indptr[i], indptr[i + 1]):
            yield e, i, neighbors[e]


def forward(q, v, vectors, weight, bias, indptr, neighbors, *, cutoff, p=5, smooth=True):
    """The sums dx (N, F) and dv (N, 3, F)."""
    n, _, channels = v.shape
    kind = np.result_type(q, v, vectors, weight, bias)
    dx, dv = np.zeros((n, channels), kind), np.zeros((n, 3, channels), kind)
    for e, i, j in edges(indptr, neighbors):
        d = np.sqrt((vectors[e] ** 2).sum())
        w = radial(d, cutoff, weight, bias, p, smooth)[0]
        a, b, c = np.split(q[j] * w / np.sqrt(3), 3)
        u = -vectors[e] / d
        dx[i] += c
        dv[i] += (a * v[j] + np.outer(u, b)) / np.sqrt(channels)
    return dx, dv


def gradient(gx, gv, q, v, vectors, weight, bias, indptr, neighbors, *, cutoff, p=5, smooth=True):
    """The gradients of sum(gx dx) + sum(gv dv) by q, v, vectors, weight and bias."""
    channels = v.shape[2]
    grads = [
        np.zeros(x.shape, np.result_type(q, v, vectors, weight, bias)) for x in (q, v, vectors, weight, bias)
    ]
    gq, gvec, gD, gweight, gbias = grads
    for e, i, j in edges(indptr, neighbors):
        d = np.sqrt((vectors[e] ** 2).sum())
        w, slope, basis, constant = radial(d, cutoff, weight, bias, p, smooth)
        u = -vectors[e] / d
        qa, qb, _ = np.split(q[j] / np.sqrt(3), 3)
        wa, wb, _ = np.split(w, 3)
        g, y = gv[i] / np.sqrt(channels), gx[i]
        along = np.concatenate([(g * v[j]).sum(0), u @ g, y]) / np.sqrt(3)
        gq[j] += w * along
        gvec[j] += qa * wa * g
        by_w = q[j] * along
        gweight += np.outer(by_w, basis)
        gbias += by_w * constant
        by_d, by_u = by_w @ slope, g @ (qb * wb)
        gD[e] += -u * by_d - (by_u - u * (u @ by_u)) / d
    return grads


def second(directions, gx, gv, q, v, vectors, weight, bias, indptr, neighbors, **options):
    """The derivative of `gradient` and of `forward` along directions of q, v, vectors, weight, bias.

    These are the gradients of <directions, gradient> by q, v, vectors, weight, bias, gx and gv: second
    derivatives commute.
    """
    moved = [x + 1j * STEP * p for x, p in zip((q, v, vectors, weight, bias), directions, strict=True)]
    by_inputs = [g.imag / STEP for g in gradient(gx, gv, *moved, indptr, neighbors, **options)]
    return [*by_inputs, *(sums.imag / STEP for sums in forward(*moved, indptr, neighbors, **options))]
