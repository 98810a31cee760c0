"""Gates of varying cells: averages and per-row tables, against what one writes in numpy without them.

``plain sampling`` averages a gate's error over cells drawn at random, as many as bring its standard error to
0.5 % of the error, which is what the average is off by at most. ``numpy per state`` makes a map's table with
one vectorised expression over rows for each input state.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from nonideal.benchmarks.harness import Benchmark, Case, Peer

from nonideal.hardware import cram
from nonideal.hardware.cram.variation import MarginalErrors

__all__ = ["BENCHMARKS"]

SPREAD = cram.Variation(resistance=0.05, threshold=0.05, tmr=0.02)
ACCURACY = 0.005

Floats = npt.NDArray[np.float64]


def _wrong(mtj: cram.MTJ, volts: Floats, must_switch: bool) -> Floats:
    """P(wrong) of gates with preset P, for thermal switching written out."""
    model = mtj.switching
    assert isinstance(model, cram.ThermalSwitching)
    barrier = model.delta * (1 - volts / model.critical_voltage_p_to_ap)
    hazard = mtj.pulse_duration / model.attempt_time * np.exp(np.minimum(-barrier, 50.0))
    return np.asarray(np.exp(-hazard) if must_switch else -np.expm1(-hazard))


def _average(tiny: bool) -> Case:
    mtj = cram.device("lv2024_fit", tmr=3.0)
    gate = cram.GateLibrary(mtj, gates=["NAND2"], variation=SPREAD)["NAND2"]
    voltage = gate.voltage or 0.0
    rng = np.random.default_rng(1)

    def sample(k: int, cells: int) -> Floats:
        ohms = np.exp(SPREAD.resistance * rng.standard_normal((3, cells)))
        ohms[:k] *= 1 + mtj.tmr * (1 + SPREAD.tmr * rng.standard_normal((k, cells)))
        threshold = 1 + SPREAD.threshold * rng.standard_normal(cells)
        volts = voltage / (1 + 1 / (1 / ohms[0] + 1 / ohms[1]) / ohms[2]) / threshold
        return _wrong(mtj, volts, k < 2)

    def needed(k: int) -> int:
        seen = sample(k, 4_000 if tiny else 400_000)
        return int(min((seen.std() / seen.mean() / ACCURACY) ** 2, 1e5 if tiny else 2e7))

    cells = {k: needed(k) for k in (1, 2)}  # k = 0 is beyond what samples reach

    def ours() -> Floats:
        return MarginalErrors(mtj, gate.spec, SPREAD, 7).log_error(voltage)

    def check() -> None:
        np.testing.assert_allclose(np.exp(ours()), gate.error, rtol=1e-12)
        for k in () if tiny else (1, 2):
            np.testing.assert_allclose(sample(k, cells[k]).mean(), gate.error[k], rtol=6 * ACCURACY)

    def peer() -> list[float]:
        return [float(sample(k, cells[k]).mean()) for k in (1, 2)]

    return Case(1.0, ours, check, {"plain sampling": Peer(peer, goal=5)})


def _map(tiny: bool) -> Case:
    mtj = cram.device("lv2024_fit")
    rows = 16 if tiny else 1024
    cells = cram.VariationMap.sample(mtj, cram.Array(rows=rows, columns=41), SPREAD, seed=1)
    gate = cram.GateLibrary(mtj, gates=["NAND2"])["NAND2"]
    voltage = gate.voltage or 0.0
    rng = np.random.default_rng(1)
    gates = [tuple(int(c) for c in rng.permutation(41)[:3]) for _ in range(4 if tiny else 100)]
    ohms, tmr, threshold = cells.resistance_parallel, cells.tmr, cells.threshold_scale

    def ours() -> list[Floats]:
        return [cells.errors(gate, output, (a, b)) for a, b, output in gates]

    def peer() -> list[Floats]:
        tables: list[Floats] = []
        for a, b, output in gates:
            table = np.empty((rows, 4))
            for state in range(4):
                low, high = state & 1, state >> 1
                inputs = 1 / ohms[:, a] / (1 + low * tmr[:, a]) + 1 / ohms[:, b] / (1 + high * tmr[:, b])
                volts = voltage / (1 + 1 / (inputs * ohms[:, output])) / threshold[:, output]
                table[:, state] = _wrong(mtj, volts, state != 3)
            tables.append(table)
        return tables

    def check() -> None:
        np.testing.assert_allclose(ours(), peer(), rtol=1e-9)

    return Case(4.0 * rows * len(gates), ours, check, {"numpy per state": Peer(peer)})


def _library(tiny: bool) -> Case:
    mtj = cram.device("lv2024_fit")
    names = ["NAND2"] if tiny else list(cram.GATES)

    def ours() -> cram.GateLibrary:
        return cram.GateLibrary(mtj, gates=names, variation=SPREAD)

    def check() -> None:
        assert math.isclose(ours()["NAND2"].mean_error, 0.0536, rel_tol=0.01)

    return Case(float(len(names)), ours, check)


BENCHMARKS = (
    Benchmark("average-nand2", "cram", "average", _average, floor=50),
    Benchmark("map-nand2", "cram", "entries", _map, floor=5e6, note="13,000 gates of 1024 rows in 11 s"),
    Benchmark("library-varied", "cram", "gate", _library, floor=4, note="all gates, V_logic chosen"),
)
