"""Folding and extrapolation, written out: slow and obvious."""

from __future__ import annotations

import numpy as np
from scipy import optimize

INVERSE = {"s": "sdg", "sdg": "s", "t": "tdg", "tdg": "t", "sx": "sxdg", "sxdg": "sx"}


def inverse(step):
    """The inverse of (name, qubits, angles, matrix): a list of such, of one for most gates."""
    name, qubits, angles, matrix = step
    if matrix is not None:
        return [(name, qubits, (), np.conj(matrix.T))]
    if name in ("u", "u3"):
        theta, phi, lam = angles
        return [(name, qubits, (-theta, -lam, -phi), None)]
    if name == "u2":
        phi, lam = angles
        return [(name, qubits, (-lam - np.pi, -phi - np.pi), None)]
    if name == "iswap":
        turn = ("z", qubits[:1], (), None)
        return [turn, step, turn]
    if name == "csx":
        control, target = qubits
        turn = ("z", (target,), (), None)
        return [turn, step, turn, ("sdg", (control,), (), None)]
    return [(INVERSE.get(name, name), qubits, tuple(-angle for angle in angles), None)]


def backwards(steps):
    """The inverse of a circuit."""
    return [part for step in reversed(steps) for part in inverse(step)]


def fold_gates(steps, times):
    """Every gate followed by so many pairs of its inverse and itself; ``times`` has one number per gate."""
    folded = []
    for step, k in zip(steps, times, strict=True):
        folded.append(step)
        folded += [*inverse(step), step] * k
    return folded


def fold_circuit(steps, times, last):
    """The circuit followed by so many pairs of its inverse and itself, and one more of its last gates."""
    end = steps[len(steps) - last :]
    return [*steps, *(backwards(steps) + steps) * times, *backwards(end), *end]


def polynomial(scales, values, order, variances=None):
    """Value and variance at 0 by the normal equations."""
    powers = np.vander(scales, order + 1, increasing=True)
    weights = np.diag(1.0 / np.asarray(variances)) if variances is not None else np.eye(len(scales))
    gain = np.linalg.solve(powers.T @ weights @ powers, powers.T @ weights)[0]
    variance = gain**2 @ variances if variances is not None else 0.0
    return gain @ values, variance


def exponential(scales, values, asymptote, variances=None):
    """a + b exp(-c s) at 0: a line through ln |y - a|."""
    distance = np.abs(np.asarray(values) - asymptote)
    spread = None if variances is None else np.asarray(variances) / distance**2
    exponent, variance = polynomial(scales, np.log(distance), 1, spread)
    at_zero = np.copysign(np.exp(exponent), values[0] - asymptote)
    return asymptote + at_zero, at_zero**2 * variance


def fitted_exponential(scales, values, variances=None):
    """a + b exp(-c s) at 0 by a general least-squares fit from several starts."""
    sigma = None if variances is None else np.sqrt(variances)
    s = np.asarray(scales, dtype=float)

    def curve(at, a, b, c):
        return a + b * np.exp(-c * at)

    best = None
    for c in (0.02, 0.1, 0.5, 1.5, -0.1):
        line = np.linalg.lstsq(np.stack([np.ones_like(s), np.exp(-c * s)], axis=1), values, rcond=None)[0]
        try:
            found, _ = optimize.curve_fit(
                curve, s, values, (*line, c), sigma, maxfev=20_000, xtol=1e-14, ftol=1e-14
            )
        except RuntimeError:
            continue
        misfit = np.sum(((curve(s, *found) - values) / (1 if sigma is None else sigma)) ** 2)
        if best is None or misfit < best[0]:
            best = misfit, found[0] + found[1]
    return best[1]
