"""Material laws the slow way: one strain tensor at a time, roots by bisection, derivatives by differences."""

import numpy as np
from scipy import optimize


def ramberg_osgood_strain(stress, young, sig0, alpha, exponent):
    return stress / young + alpha * (stress / young) * (abs(stress) / sig0) ** (exponent - 1)


def tensor(vector):
    """3 x 3 strain tensor of a Mandel vector; a plane one has no other components (plane strain)."""
    eps, root2 = np.zeros((3, 3)), np.sqrt(2.0)
    if len(vector) == 3:
        eps[0, 0], eps[1, 1] = vector[:2]
        eps[0, 1] = eps[1, 0] = vector[2] / root2
        return eps
    eps[np.diag_indices(3)] = vector[:3]
    for value, (i, j) in zip(vector[3:], ((1, 2), (0, 2), (0, 1)), strict=True):
        eps[i, j] = eps[j, i] = value / root2
    return eps


def mandel(sig, n):
    root2 = np.sqrt(2.0)
    if n == 3:
        return np.array([sig[0, 0], sig[1, 1], root2 * sig[0, 1]])
    return np.array([*np.diag(sig), root2 * sig[1, 2], root2 * sig[0, 2], root2 * sig[0, 1]])


def hooke(vector, young, poisson):
    eps = tensor(vector)
    lame = young * poisson / ((1 + poisson) * (1 - 2 * poisson))
    shear = young / (2 * (1 + poisson))
    return mandel(lame * np.trace(eps) * np.eye(3) + 2 * shear * eps, len(vector))


def deformation_plasticity(vector, young, poisson, sig0, alpha, exponent):
    eps = tensor(vector)
    bulk, shear = young / (3 * (1 - 2 * poisson)), young / (2 * (1 + poisson))
    e = eps - np.trace(eps) / 3 * np.eye(3)
    ebar = np.sqrt(2 / 3 * np.sum(e * e))
    if ebar == 0.0:
        return mandel(bulk * np.trace(eps) * np.eye(3), len(vector))

    def gap(q):
        return q / (3 * shear) + alpha * (sig0 / young) * (q / sig0) ** exponent - ebar

    q = optimize.brentq(gap, 0.0, 3 * shear * ebar, xtol=1e-300, rtol=1e-15)
    return mandel(bulk * np.trace(eps) * np.eye(3) + 2 / 3 * q / ebar * e, len(vector))


def differences(stress_of, strain, step):
    """Central differences of a function of one strain vector: the tangent (d, d)."""
    d = len(strain)
    columns = [
        (stress_of(strain + step * np.eye(d)[j]) - stress_of(strain - step * np.eye(d)[j])) / (2 * step)
        for j in range(d)
    ]
    return np.array(columns).T
