"""Junctions and gates, slow and obvious: Kirchhoff's equations, 200-digit decimals, scipy's searches.

Written from the formulas of the device model, apart from the package: nothing here imports it.
A gate is (n, threshold, preset): n inputs, of which k are 1; its output leaves ``preset`` iff k <= threshold.
Voltages of gates (v) are in units of V50.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal, localcontext
from functools import lru_cache

import numpy as np
from scipy import optimize, special

# (log P, log(1 - P)) of switching at a voltage in units of V50.
Tail = Callable[[float], tuple[float, float]]


def kirchhoff(
    n: int, preset: int, k: int, *, parallel: float, tmr: float, access: float, line: float, voltage: float
) -> tuple[float, float, float]:
    """Return (current, voltage over the output junction, voltage over input junction 0) by nodal analysis.

    Nodes: 0..n-1 between an input's transistor and its junction, n the logic line at the inputs, n + 1 the
    line at the output, n + 2 between the output's junction and its transistor. The first k inputs are AP.
    """
    junction = [parallel * (1 + tmr) if i < k else parallel for i in range(n)]
    output = parallel * (1 + tmr) if preset else parallel
    source, ground = "source", "ground"
    branches: list[tuple[int | str, int | str, float]] = []
    for i in range(n):
        branches += [(source, i, access), (i, n, junction[i])]
    branches += [(n, n + 1, line), (n + 1, n + 2, output), (n + 2, ground, access)]
    # A wire without resistance joins its two nodes.
    joined: dict[int | str, int | str] = {node: node for node in [source, ground, *range(n + 3)]}
    for a, b, resistance in branches:
        if resistance == 0.0:
            old, new = joined[b], joined[a]
            if old in (source, ground):
                old, new = new, old
            joined = {node: new if to == old else to for node, to in joined.items()}
    unknown = sorted({to for to in joined.values() if isinstance(to, int)})
    known = {source: voltage, ground: 0.0}
    matrix, rhs = np.zeros((len(unknown), len(unknown))), np.zeros(len(unknown))
    for a, b, resistance in branches:
        if resistance == 0.0:
            continue
        for here, there in ((joined[a], joined[b]), (joined[b], joined[a])):
            if here in known:
                continue
            row = unknown.index(here)
            matrix[row, row] += 1.0 / resistance
            if there in known:
                rhs[row] += known[there] / resistance
            else:
                matrix[row, unknown.index(there)] -= 1.0 / resistance
    potential = known | dict(zip(unknown, np.linalg.solve(matrix, rhs).tolist(), strict=True))

    def drop(a: int | str, b: int | str) -> float:
        return potential[joined[a]] - potential[joined[b]]

    return drop(n + 1, n + 2) / output, drop(n + 1, n + 2), drop(0, n)


def share(n: int, preset: int, k: int, tmr: float) -> float:
    """Return V_out / V for ideal transistors and line: the divider with unit resistances, written out."""
    inputs = 1.0 / sum(1.0 / (1.0 + tmr) if i < k else 1.0 for i in range(n))
    output = 1.0 + tmr if preset else 1.0
    return output / (inputs + output)


def thermal_log_p(
    voltage: float, delta: float, critical: float, pulse: float, attempt: float
) -> tuple[Decimal, Decimal]:
    """Return (log P, log(1 - P)) of P = 1 - exp(-(t/tau) exp(-delta (1 - V/V_c))) in 200-digit arithmetic."""
    with localcontext() as context:
        context.prec = 200  # P may be 1e-60, and 1 - P must keep its digits
        context.Emin, context.Emax = -(10**12), 10**12
        v, d, c, t, tau = (Decimal(x) for x in (voltage, delta, critical, pulse, attempt))
        hazard = (t / tau) * (-d * (1 - v / c)).exp()
        if hazard < Decimal("1e-50"):  # 1 - exp(-h) = h (1 - h/2 + ...)
            return hazard.ln(), -hazard
        if hazard > 50:  # log(1 - x) = -x to 22 digits; x below every double from hazard = 746 on
            return -(-min(hazard, Decimal(800))).exp(), -hazard
        switched = 1 - (-hazard).exp()
        return switched.ln(), -hazard


def thermal(slope: float) -> Tail:
    """Return the local form P = 1 - exp(-ln 2 exp(D (v - 1))), v = V / V50."""

    def log_p(v: float) -> tuple[float, float]:
        hazard = math.log(2) * math.exp(min(slope * (v - 1), 500.0))
        return (math.log(-math.expm1(-hazard)) if hazard < 500 else -math.exp(-min(hazard, 700))), -hazard

    return log_p


def gaussian(width: float) -> Tail:
    """Return the normal distribution of the threshold, width in units of V50."""
    return lambda v: (float(special.log_ndtr((v - 1) / width)), float(special.log_ndtr((1 - v) / width)))


def logistic(width: float) -> Tail:
    """Return the logistic sigmoid, width in units of V50."""
    return lambda v: (float(special.log_expit((v - 1) / width)), float(special.log_expit((1 - v) / width)))


def errors(n: int, threshold: int, preset: int, tmr: float, tail: Tail, v: float) -> list[float]:
    """Return P(output wrong | k), k = 0..n, at V_logic = v V50."""
    table = []
    for k in range(n + 1):
        log_switched, log_held = tail(v * share(n, preset, k, tmr))
        table.append(math.exp(log_held if k <= threshold else log_switched))
    return table


def window(n: int, threshold: int, preset: int, tmr: float) -> tuple[float, float]:
    return 1.0 / share(n, preset, threshold, tmr), 1.0 / share(n, preset, threshold + 1, tmr)


def binomial(n: int) -> list[float]:
    return [math.comb(n, k) / 2**n for k in range(n + 1)]


def least_mean(
    n: int, threshold: int, preset: int, tmr: float, tail: Tail, weights: Sequence[float] | None = None
) -> tuple[float, float]:
    """Return (v, mean error) of the best V_logic within 0.7 V_low .. 1.3 V_high.

    A plain grid, then a golden section around its best point: not the package's geometric grid and Brent.
    """
    low, high = window(n, threshold, preset, tmr)
    low, high = 0.7 * low, 1.3 * high
    share_of = binomial(n) if weights is None else weights

    def mean(v: float) -> float:
        table = errors(n, threshold, preset, tmr, tail, float(v))
        return math.fsum(w * e for w, e in zip(share_of, table, strict=True))

    grid = np.linspace(low, high, 801)
    values = [mean(v) for v in grid]
    best = int(np.argmin(values))
    if best in (0, len(grid) - 1):  # the search range ends before the error does
        return float(grid[best]), values[best]
    bracket = (float(grid[best - 1]), float(grid[best]), float(grid[best + 1]))
    v, value, _ = optimize.golden(mean, brack=bracket, tol=1e-12, full_output=True)
    return float(v), float(value)


def least_worst(n: int, threshold: int, preset: int, tmr: float, tail: Tail) -> tuple[float, float]:
    """Return (v, worst error) of the minimax V_logic: where the two states that bind err alike."""

    def excess(v: float) -> float:
        table = errors(n, threshold, preset, tmr, tail, v)
        return table[threshold] - table[threshold + 1]

    v = float(optimize.bisect(excess, *window(n, threshold, preset, tmr), xtol=1e-15, rtol=1e-15))
    return v, max(errors(n, threshold, preset, tmr, tail, v))


@lru_cache
def fitted_slope() -> float:
    """Return the slope at which NAND2 at TMR 1.09, uniform inputs, is right in 99.4 % at its best voltage."""
    return float(
        optimize.brentq(
            lambda slope: least_mean(2, 1, 0, 1.09, thermal(slope))[1] - 0.006,
            20.0,
            40.0,
            xtol=1e-12,
            rtol=1e-14,
        )
    )


def biased_divider(
    inputs: Sequence[tuple[float, float]],
    output: tuple[float, float],
    *,
    half: float,
    access: float,
    line: float,
    voltage: float,
) -> tuple[float, float, list[float]]:
    """Return (current, output voltage, input voltages) where the TMR depends on the bias, by scipy's root.

    Junctions are (R_P, TMR at zero bias), TMR = 0 for parallel ones. Unknown: every junction's voltage.
    """

    def current(junction: tuple[float, float], volts: float) -> float:
        parallel, tmr = junction
        return volts / (parallel * (1.0 + tmr / (1.0 + (volts / half) ** 2)))

    def residual(unknown: np.ndarray) -> list[float]:
        *volts, out = (float(x) * voltage for x in unknown)
        branches = [current(j, v) for j, v in zip(inputs, volts, strict=True)]
        total = current(output, out)
        drops = [v + access * i for v, i in zip(volts, branches, strict=True)]
        rest = voltage - out - (access + line) * total
        scale = voltage / (output[0] * (1.0 + output[1]))
        return [(drop - rest) / voltage for drop in drops] + [(sum(branches) - total) / scale]

    start = np.full(len(inputs) + 1, 0.3)
    found = optimize.root(residual, start, method="hybr", tol=1e-14)
    assert max(map(abs, residual(found.x))) < 1e-10, found
    *volts, out = (float(x) * voltage for x in found.x)
    return current(output, out), out, volts


def write_error_rate(overdrive: float, delta: float, pulse: float, time: float) -> tuple[Decimal, Decimal]:
    """Return (log of the success, log of the failure) of a precessional write, in 60-digit arithmetic."""
    with localcontext() as context:
        context.prec = 60
        context.Emin, context.Emax = -(10**12), 10**12
        i, d, t, tau = (Decimal(x) for x in (overdrive, delta, pulse, time))
        pi = Decimal("3.14159265358979323846264338327950288419716939937510582097494")
        fraction = 1 / (1 + 2 * t / tau) if i == 1 else (i - 1) / (i * (2 * (i - 1) * t / tau).exp() - 1)
        cost = pi * pi / 4 * d * fraction
        if cost < Decimal("1e-25"):
            return -cost, cost.ln()
        return -cost, (1 - (-cost).exp()).ln()


def marginal_nand2(
    tmr: float, slope: float, v: float, *, resistance: float, threshold: float, spread_tmr: float, nodes: int
) -> float:
    """Return NAND2's mean error over varying cells: the trapezoidal rule on a full grid of every variable."""
    z = np.linspace(-6.0, 6.0, nodes)
    weight = np.exp(-0.5 * z * z) / np.exp(-0.5 * z * z).sum()
    mean = 0.0
    for k, share_of_k in enumerate((0.25, 0.5, 0.25)):
        axes = [resistance] * 3 + [threshold] + [spread_tmr] * k
        live = [i for i, spread in enumerate(axes) if spread]
        grids = dict(zip(live, np.meshgrid(*[z] * len(live), indexing="ij", sparse=True), strict=True))
        x = [spread * grids[i] if i in grids else 0.0 for i, spread in enumerate(axes)]
        ohms = [np.exp(x[i]) * (1.0 + tmr * (1.0 + x[4 + i]) if i < k else 1.0) for i in range(2)]
        out = v / (1.0 + x[3]) / (1.0 + 1.0 / (1.0 / ohms[0] + 1.0 / ohms[1]) / np.exp(x[2]))
        hazard = math.log(2) * np.exp(np.minimum(slope * (out - 1.0), 50.0))
        wrong = np.exp(-hazard) if k < 2 else -np.expm1(-hazard)
        for _ in live:
            wrong = np.tensordot(weight, wrong, axes=(0, 0))
        mean += share_of_k * float(wrong)
    return mean
