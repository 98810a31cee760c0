"""Distance circuits as the literature writes them, and binomial draws word by word: slow and obvious.

Qubits of the circuits count from the most significant one, as in the specification's section 2; the circuits
returned use them as they are (qubit k stays qubit k).
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from oracles import quantum_gates
from oracles.philox import philox

CCX = "h 2|cx 1 2|tdg 2|cx 0 2|t 2|cx 1 2|tdg 2|cx 0 2|t 1|t 2|h 2|cx 0 1|t 0|tdg 1|cx 0 1"


def padded(vector):
    size = max(2, 1 << math.ceil(math.log2(len(vector))))
    return np.concatenate([vector, np.zeros(size - len(vector))])


def preparation(amplitudes, qubits):
    """Uniformly controlled RY by Gray code; ``qubits`` from the most significant one."""
    gates = []
    levels = int(math.log2(len(amplitudes)))
    for k in range(levels):
        blocks = np.asarray(amplitudes, dtype=float).reshape(1 << k, 2, -1)
        last = k == levels - 1
        pairs = blocks[:, :, 0] if last else np.sqrt((blocks**2).sum(axis=2))
        theta = [2 * math.atan2(right, left) for left, right in pairs]
        n = 1 << k
        for i in range(n):
            gray = i ^ (i >> 1)
            angle = sum((-1) ** bin(j & gray).count("1") * theta[j] for j in range(n)) / n
            gates.append(("ry", (qubits[k],), (angle,), None))
            if k:
                j = (i + 1) % n
                changed = (gray ^ (j ^ (j >> 1))).bit_length() - 1
                gates.append(("cx", (qubits[k - 1 - changed], qubits[k]), (), None))
    return gates


def circuit(method, a, b):
    """(number of qubits, gates, gates of the preparation)."""
    a, b = padded(a), padded(b)
    norm_a, norm_b = np.linalg.norm(a), np.linalg.norm(b)
    data = int(math.log2(len(a)))
    if method == "hadamard":
        gates = preparation(np.concatenate([a, b]), range(1 + data))
        return 1 + data, [*gates, ("h", (0,), (), None)], len(gates)
    both = np.concatenate([a / norm_a, b / norm_b])
    if method == "inner_product":
        gates = preparation(both, range(1 + data))
        return 1 + data, [*gates, ("h", (0,), (), None)], len(gates)
    gates = [("ry", (1,), (2 * math.atan2(-norm_b, norm_a),), None)]
    gates += preparation(both, range(2, 3 + data))
    tail = [("h", (0,), (), None), ("cx", (2, 1), (), None)]
    for step in CCX.split("|"):
        name, *wires = step.split()
        tail.append((name, tuple(int(w) for w in wires), (), None))
    tail += [("cx", (2, 1), (), None), ("h", (0,), (), None)]
    return 3 + data, gates + tail, len(gates)


def probability_of_one(n_qubits, gates, channel_of=lambda name, qubits: None):
    rho = quantum_gates.density_matrix(gates, n_qubits, channel_of)
    return quantum_gates.marginal(np.diag(rho).real, [0])[1]


def squared_distance(method, a, b, p1):
    """What a probability of 1 says about |a - b|^2."""
    norm_a, norm_b = np.linalg.norm(a), np.linalg.norm(b)
    total = norm_a**2 + norm_b**2
    if method == "swap":
        return 2 * total * (2 * (1 - p1) - 1)
    if method == "hadamard":
        return 2 * total * p1
    return total - 2 * norm_a * norm_b * (2 * (1 - p1) - 1)


def uniform53(high, low):
    return ((high >> 5) * 67108864 + (low >> 6)) / 9007199254740992


def log_factorial(n):
    return math.lgamma(n + 1)


def binomial(n, p, counter, seed):
    """Inversion below a mean of 10, else Hoermann's BTRS; one Philox block per attempt, in counter word 2."""
    flipped = p > 0.5
    rare = 1 - p if flipped else p
    c0, c1, c2, c3 = counter
    if rare <= 0:
        k = 0
    elif n * rare < 10:
        words = philox((c0, c1, c2, c3), seed)
        u, k, probability = uniform53(words[0], words[1]), 0, (1 - rare) ** n
        while u > probability and k < n:
            u -= probability
            probability *= (n - k) / (k + 1) * rare / (1 - rare)
            k += 1
    else:
        spread = math.sqrt(n * rare * (1 - rare))
        b = 1.15 + 2.53 * spread
        a, c = -0.0873 + 0.0248 * b + 0.01 * rare, n * rare + 0.5
        alpha, quick = (2.83 + 5.1 / b) * spread, 0.92 - 4.2 / b
        m = math.floor((n + 1) * rare)
        for attempt in range(1 << 16):
            words = philox((c0, c1, c2 + attempt, c3), seed)
            u, v = uniform53(words[0], words[1]) - 0.5, uniform53(words[2], words[3]) + 2.0**-54
            us = 0.5 - abs(u)
            if us <= 0:
                continue
            k = math.floor((2 * a / us + b) * u + c)
            if us >= 0.07 and v <= quick:
                break
            if not 0 <= k <= n:
                continue
            odds = math.log(rare / (1 - rare))
            bound = log_factorial(m) + log_factorial(n - m) - log_factorial(k) - log_factorial(n - k)
            if math.log(v * alpha / (a / us**2 + b)) <= bound + (k - m) * odds:
                break
    return n - k if flipped else k


def k_means(points, n_cells, seed, rounds=25):
    """Centres of cells, number by number: k-means++ with one candidate per step, then Lloyd's rounds."""
    exponent = math.frexp(max(abs(x) for point in points for x in point))[1]
    rows = [[math.ldexp(x, -exponent) for x in point] for point in points.tolist()]
    shares = [(int(word) >> 11) / 2**53 for word in np.random.Philox(key=seed).random_raw(n_cells)]

    def square(a, b):
        total = 0.0
        for x, y in zip(a, b, strict=True):
            total += (x - y) * (x - y)
        return total

    centres = [rows[min(int(shares[0] * len(rows)), len(rows) - 1)]]
    nearest = [math.inf] * len(rows)
    for share in shares[1:]:
        nearest = [min(old, square(row, centres[-1])) for old, row in zip(nearest, rows, strict=True)]
        sums = list(itertools.accumulate(nearest))
        wanted = min(share * sums[-1], math.nextafter(sums[-1], 0))
        centres.append(rows[next(i for i, total in enumerate(sums) if total > wanted)])
    before = None
    for _ in range(rounds):
        cells = [min(range(len(centres)), key=lambda c: square(row, centres[c])) for row in rows]
        if cells == before:
            break
        before = cells
        for cell in range(len(centres)):
            members = [row for row, mine in zip(rows, cells, strict=True) if mine == cell]
            if members:
                sums = [list(itertools.accumulate(column))[-1] for column in zip(*members, strict=True)]
                centres[cell] = [total / len(members) for total in sums]
    return np.array([[math.ldexp(x, exponent) for x in centre] for centre in centres])
