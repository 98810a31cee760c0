"""The numbers of an independent prototype that stand beside those of quantum-distance."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["COLUMNS", "EXACT_RANGES", "LINES", "SHOTS", "WIDENED", "WRONG", "WRONG_NAMES"]

#: A range of the prototype counts as met where ours is inside it, widened by this share at each end.
WIDENED = 0.15

# All of ours, by a NumPy prototype of the same circuits that shares no code with the library; 8 components,
# p1 = p2 / 10, gate folds 1, 3, 5. At p2 = 1e-2 Qiskit Aer's density matrix with literal folds gave the same
# probabilities to 2e-14.

#: Median relative error for exact probabilities, 512 pairs: least and greatest of 12 seeds.
EXACT_RANGES: Mapping[tuple[str, float], Mapping[str, tuple[float, float]]] = {
    ("swap", 1e-3): {
        "raw": (0.097, 0.110),
        "linear": (0.0077, 0.0086),
        "richardson": (0.00013, 0.00014),
        "exponential": (0.026, 0.031),
    },
    ("swap", 5e-3): {
        "raw": (0.46, 0.52),
        "linear": (0.16, 0.18),
        "richardson": (0.0133, 0.0147),
        "exponential": (0.28, 0.33),
    },
    ("swap", 1e-2): {
        "raw": (0.87, 0.98),
        "linear": (0.52, 0.59),
        "richardson": (0.087, 0.096),
        "exponential": (0.67, 0.75),
    },
    ("swap", 2e-2): {
        "raw": (1.53, 1.74),
        "linear": (1.41, 1.58),
        "richardson": (0.46, 0.52),
        "exponential": (1.44, 1.62),
    },
    ("hadamard", 1e-3): {
        "raw": (0.083, 0.100),
        "linear": (0.0029, 0.0036),
        "richardson": (2.5e-5, 3.5e-5),
        "exponential": (0.5e-5, 1.5e-5),
    },
    ("hadamard", 5e-3): {
        "raw": (0.41, 0.49),
        "linear": (0.066, 0.080),
        "richardson": (0.0030, 0.0037),
        "exponential": (0.0002, 0.0003),
    },
    ("hadamard", 1e-2): {
        "raw": (0.80, 0.96),
        "linear": (0.24, 0.28),
        "richardson": (0.021, 0.026),
        "exponential": (0.0008, 0.0010),
    },
    ("hadamard", 2e-2): {
        "raw": (1.52, 1.82),
        "linear": (0.76, 0.92),
        "richardson": (0.14, 0.16),
        "exponential": (0.0030, 0.0040),
    },
}

# The same with shots per circuit at p2 = 1e-2, mean of 5 seeds.
COLUMNS = ("noiseless", "raw", "linear", "richardson", "exponential")
SHOTS: Mapping[str, Mapping[int, tuple[float, ...]]] = {
    "swap": {
        256: (0.70, 0.99, 0.95, 1.54, 1.27),
        1024: (0.35, 0.80, 0.56, 0.81, 0.92),
        4096: (0.18, 0.88, 0.50, 0.41, 0.86),
        16384: (0.087, 0.90, 0.54, 0.21, 0.84),
        65536: (0.043, 0.91, 0.54, 0.12, 0.84),
        262144: (0.021, 0.91, 0.55, 0.083, 0.84),
    },
    "hadamard": {
        256: (0.17, 0.83, 0.33, 0.58, 0.36),
        1024: (0.083, 0.86, 0.25, 0.29, 0.17),
        4096: (0.041, 0.86, 0.24, 0.14, 0.088),
        16384: (0.020, 0.87, 0.25, 0.072, 0.043),
        65536: (0.010, 0.86, 0.26, 0.037, 0.023),
        262144: (0.005, 0.87, 0.26, 0.024, 0.011),
    },
}

# Wrong neighbours of 192 queries among 256 points, no translation: shots, then p2, then raw, Richardson and
# (hadamard) exponential. Each has a standard error of up to 0.035.
WRONG_NAMES = ("raw", "richardson", "exponential")
WRONG: Mapping[str, Mapping[int, Mapping[float, tuple[float, ...]]]] = {
    "swap": {
        0: {0.0: (0, 0), 1e-3: (0.01, 0), 5e-3: (0.04, 0), 1e-2: (0.08, 0), 2e-2: (0.22, 0.04)},
        1024: {
            0.0: (0.29, 0.61),
            1e-3: (0.19, 0.48),
            5e-3: (0.31, 0.62),
            1e-2: (0.35, 0.63),
            2e-2: (0.48, 0.60),
        },
        16384: {
            0.0: (0.05, 0.13),
            1e-3: (0.08, 0.15),
            5e-3: (0.07, 0.12),
            1e-2: (0.07, 0.09),
            2e-2: (0.24, 0.15),
        },
    },
    "hadamard": {
        0: {
            0.0: (0, 0, 0),
            1e-3: (0.01, 0, 0),
            5e-3: (0.04, 0, 0),
            1e-2: (0.07, 0, 0),
            2e-2: (0.18, 0.01, 0),
        },
        1024: {
            0.0: (0.08, 0.18, 0.13),
            1e-3: (0.08, 0.18, 0.11),
            5e-3: (0.09, 0.14, 0.15),
            1e-2: (0.12, 0.23, 0.16),
            2e-2: (0.20, 0.23, 0.18),
        },
        16384: {
            0.0: (0.02, 0.03, 0.02),
            1e-3: (0.02, 0.02, 0.02),
            5e-3: (0.04, 0.05, 0.04),
            1e-2: (0.08, 0.06, 0.02),
            2e-2: (0.18, 0.05, 0.03),
        },
    },
}

# Slope and offset of the bias at p2 = 1e-2, over 20,000 pairs.
LINES = {"swap": (0.828, 0.119), "hadamard": (0.896, 0.106)}
