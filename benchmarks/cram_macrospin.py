"""Stochastic trajectories of one magnetic moment, against numpy's vectorised Heun steps."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from nonideal.benchmarks.harness import Benchmark, Case, Peer

from nonideal import _core
from nonideal.hardware import cram

__all__ = ["BENCHMARKS"]

DURATION, STEP = 3e-9, 1e-12
OVERDRIVE = 3.0

Moments = npt.NDArray[np.float32]


def _numpy_heun(spin: cram.Macrospin, n: int, steps: int, rng: np.random.Generator) -> Moments:
    """Return m_z after some steps, written as one does it in numpy: float32, components as rows."""
    damping, delta = np.float32(spin.damping), spin.delta
    angle = _core.cram.GYROMAGNETIC_RATIO * spin.anisotropy_field * STEP
    kick = np.float32(math.sqrt(spin.damping * angle / delta) / (1 + spin.damping**2))
    turn = np.float32(angle / (1 + spin.damping**2))
    torque = turn * damping * np.float32(OVERDRIVE)
    m: Moments = spin.sample(0.0, [0.0], trajectories=n, seed=2)[0].T.copy()

    def cross(a: Moments, b: Moments) -> Moments:
        return np.stack([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])

    def slope(at: Moments, noise: Moments) -> Moments:
        field = noise.copy()
        field[2] -= turn * at[2]
        along = damping * field
        along[2] += torque
        return cross(at, field + cross(at, along))

    for _ in range(steps):
        noise = kick * rng.standard_normal(m.shape, dtype=np.float32)
        first = slope(m, noise)
        m = m + np.float32(0.5) * (first + slope(m + first, noise))
        m /= np.sqrt((m * m).sum(axis=0))
    return np.asarray(m[2])


def _trajectories(tiny: bool) -> Case:
    """Trajectories of 3 ns; the peer gets fewer steps, and its share of the work is counted."""
    spin = cram.Macrospin(60.0)
    n, peer_n, peer_steps = (256, 64, 20) if tiny else (1 << 15, 1 << 12, 100)
    steps = round(DURATION / STEP)
    rng = np.random.default_rng(1)

    def ours() -> object:
        return spin.p_switch(OVERDRIVE, DURATION, trajectories=n, seed=1, num_threads=1)

    def check() -> None:
        got = spin.p_switch(OVERDRIVE, DURATION, trajectories=1 << 12, seed=1, num_threads=1)
        exact = float(spin.p_switch_exact(OVERDRIVE, DURATION)[0])
        assert abs(got.value - exact) < 5 * got.standard_error, (got, exact)
        sines = [
            1 - float(np.mean(z.astype(float) ** 2))
            for z in (
                _numpy_heun(spin, peer_n, peer_steps, rng),
                spin.sample(OVERDRIVE, [peer_steps * STEP], trajectories=peer_n, seed=3)[0, :, 2],
            )
        ]
        assert abs(sines[0] / sines[1] - 1) < 7 * math.sqrt(2 / peer_n), sines

    return Case(
        count=n,
        ours=ours,
        check=check,
        peers={
            "numpy Heun": Peer(
                lambda: _numpy_heun(spin, peer_n, peer_steps, rng), count=peer_n * peer_steps / steps, goal=20
            )
        },
    )


BENCHMARKS = (
    Benchmark(
        "trajectories-3ns",
        topic="cram",
        unit="trajectories",
        prepare=_trajectories,
        floor=5e4,
        note="one thread; 3000 Heun steps each",
    ),
)
