"""Fault strata and single-fault sensitivity against enumeration, exact analysis and Monte Carlo."""

import re

import numpy as np
import pytest
from scipy import stats

import nonideal
from nonideal.errors import InvalidArgument
from nonideal.hardware import cram
from nonideal.hardware.cram import analysis, circuits
from oracles import faults as oracle
from oracles.program import FAN_IN

METRICS = ("error_rate", "mean_error_distance", "mean_squared_error")
FITTED = cram.GateLibrary(cram.device("lv2024_fit"))
RAGGED = cram.GateLibrary.from_errors(
    {"NAND2": (0.001, 0.02, 0.05), "NOT": (0.0, 0.0), "MIN3": (0.1, 0.02, 0.4, 0.3), "BUF": (0.2, 0.1)}
    | {"MAJ5": (0.1, 0.0, 0.3, 0.9, 0.2, 0.1)}
)


def plain(program, output):
    inputs = [column for port in program.inputs for column in port.columns]
    return program.instructions, inputs, program.constants, program.output(output).columns


def accept_of(gates):
    """e_k / max(e) of each gate; 1 without a library."""
    if gates is None:
        return {gate: [1.0] * (n + 1) for gate, n in FAN_IN.items()}
    tables = {name: gate.error / max(gate.error.max(), 1e-300) for name, gate in gates.items()}
    return {name: table.tolist() for name, table in tables.items()}


@pytest.mark.parametrize("gates", [None, RAGGED], ids=["uniform", "table"])
@pytest.mark.parametrize(
    ("program", "output"),
    [
        (circuits.full_adder("nand9"), "sum"),
        (circuits.full_adder("maj5_buf"), "sum"),
        (circuits.adder(1), None),
    ],
    ids=["nand9", "maj5_buf", "adder"],
)
def test_strata_equal_enumeration(program, output, gates):
    """One fault to 1e-12, two and three within 4.5 sigma."""
    instructions, inputs, constants, columns = plain(program, output)
    found = analysis.curve(program, [1e-3], gates=gates, lanes=1 << 18, output=output, seed=2)
    for faults in range(1, len(found.strata)):
        expected = oracle.stratum(instructions, inputs, constants, accept_of(gates), columns, faults)
        for name, estimate in zip(METRICS, found.strata[faults], strict=True):
            if faults == 1:
                assert estimate.value == pytest.approx(expected[name], rel=1e-12)
                assert estimate.standard_error == 0
            else:
                assert abs(estimate.value - expected[name]) < 4.5 * estimate.standard_error


def test_sensitivity_equals_flipping_one_gate_in_numpy():
    """Gate by gate and k by k, a 2 x 2 multiplier."""
    program = circuits.multiplier(2)
    instructions, inputs, constants, columns = plain(program, None)
    found = analysis.sensitivity(program)
    expected = {name: np.zeros((program.num_gates, 6)) for name in METRICS}
    for lane in range(16):
        cells = {column: lane >> i & 1 for i, column in enumerate(inputs)} | dict(constants)
        wrong = np.zeros(program.num_gates, dtype=int)
        exact = oracle.word(oracle.run(instructions, cells, wrong)[0], columns)
        for gate in range(program.num_gates):
            wrong[:] = 0
            wrong[gate] = 1
            result, ones = oracle.run(instructions, cells, wrong)
            error = oracle.word(result, columns) - exact
            for name, value in zip(METRICS, (error != 0, abs(error), error**2), strict=True):
                expected[name][gate, ones[gate]] += value / 16
    for name in METRICS:
        np.testing.assert_allclose(found.by_state[name], expected[name], rtol=1e-13)
        np.testing.assert_allclose(getattr(found, name), expected[name].sum(axis=1), rtol=1e-13)
        assert not getattr(found, f"{name}_standard_error").any()
    assert found.gates == tuple(gate for gate, _, _ in instructions)
    assert (found.samples, found.seed) == (None, None)
    order = found.ranking("mean_error_distance")
    assert (np.diff(found.mean_error_distance[order]) <= 0).all()
    by_hand = [
        sum(
            expected["error_rate"][g, k] * RAGGED[found.gates[g]].error[k]
            for k in range(len(RAGGED[found.gates[g]].error))
        )
        for g in range(program.num_gates)
    ]
    np.testing.assert_allclose(found.contribution(RAGGED), by_hand, rtol=1e-12)
    assert found.ranking(gates=RAGGED)[0] == np.argmax(by_hand)


def test_sampled_sensitivity_is_within_its_error_bars():
    program = circuits.multiplier(5)
    exact = analysis.sensitivity(program)
    sampled = analysis.sensitivity(program, inputs="uniform", lanes=10_001, seed=4)
    assert (sampled.samples, sampled.seed) == (10_001, 4)
    for name in METRICS:
        bars = getattr(sampled, f"{name}_standard_error")
        z = (getattr(sampled, name) - getattr(exact, name)) / bars
        assert (bars > 0).all()
        assert abs(z).max() < 5


def test_given_inputs_are_averaged():
    """Both by lanes and by planes that lanes share."""
    program = circuits.adder(3)
    values = {"a": np.array([1, 5, 5, 5]), "b": np.array([2, 7, 7, 7])}
    planes = {n: cram.pack(v[[0, 1]], 3) for n, v in values.items()}
    one, two = (analysis.sensitivity(program, inputs={n: [v[i]] for n, v in values.items()}) for i in (0, 1))
    all_four = analysis.sensitivity(program, inputs=values)
    np.testing.assert_allclose(all_four.error_rate, (one.error_rate + 3 * two.error_rate) / 4)
    shared = {n: cram.BitPlanes(p.words, 6, repeat=3, entries=2) for n, p in planes.items()}
    half = analysis.sensitivity(program, inputs=shared)
    np.testing.assert_allclose(half.error_rate, (one.error_rate + two.error_rate) / 2)
    found = analysis.curve(program, [1e-3], inputs=shared, lanes=1 << 16, seed=1)
    exact = analysis.exact(program, cram.GateLibrary.uniform(1e-3), inputs=shared)
    assert abs(found.error_rate[0] - exact.error_rate.value) < 4 * found.error_rate_standard_error[0] + 1e-6


def test_curve_at_tiny_rates_is_the_sum_of_single_faults():
    program = circuits.multiplier(4)
    found = analysis.curve(program, [1e-12, 1e-9], seed=1)
    singles = analysis.sensitivity(program)
    for name in METRICS:
        expected = np.array([1e-12, 1e-9]) * getattr(singles, name).sum()
        np.testing.assert_allclose(getattr(found, name), expected, rtol=1e-6)
    assert (found.truncation < 1e-25).all()


@pytest.mark.parametrize("program", [circuits.adder(4), circuits.multiplier(4), circuits.multiplier(8)])
def test_curve_equals_monte_carlo_and_exact_at_1e_3(program):
    found = analysis.curve(program, [1e-3], max_faults=6, seed=3)
    sampled = analysis.monte_carlo(program, cram.GateLibrary.uniform(1e-3), lanes=1 << 20, seed=5)
    for name in METRICS:
        estimate = getattr(sampled, name)
        bar = np.hypot(getattr(found, f"{name}_standard_error")[0], estimate.standard_error)
        assert abs(getattr(found, name)[0] - estimate.value) < 3 * bar, name


def test_curve_of_a_device_equals_exact():
    """Each table scaled so that its largest entry is the rate."""
    program, rates = circuits.adder(3, full_adder="maj5_buf"), np.array([1e-6, 1e-4, 1e-3])
    found = analysis.curve(program, rates, gates=FITTED, lanes=1 << 18, seed=7)
    assert not found.truncated.any()
    for i, rate in enumerate(rates):
        scaled = cram.GateLibrary.from_errors(
            {n: (rate * FITTED[n].error / FITTED[n].error.max()).tolist() for n in program.gate_counts}
        )
        exact = analysis.exact(program, scaled)
        for name in METRICS:
            bar = getattr(found, f"{name}_standard_error")[i]
            far = {"error_rate": 1, "mean_error_distance": 15, "mean_squared_error": 225}[name]
            allowed = 4 * bar + found.truncation[i] * far
            assert abs(getattr(found, name)[i] - getattr(exact, name).value) < allowed, name


def test_all_faults_make_the_whole_curve():
    """With as many faults as gates nothing is left out: at 0.1 it equals the exact analysis."""
    program = circuits.full_adder("maj5_buf")
    found = analysis.curve(program, [0.0, 0.1, 1.0], max_faults=9, lanes=1 << 18, output="sum", seed=1)
    assert found.num_gates == 4
    assert not found.truncation.any()
    for i, rate in enumerate((0.0, 0.1, 1.0)):
        exact = analysis.exact(program, cram.GateLibrary.uniform(rate), output="sum").error_rate.value
        assert abs(found.error_rate[i] - exact) <= 4 * found.error_rate_standard_error[i] + 1e-15


def test_truncation_is_the_binomial_tail_and_flagged():
    program = circuits.multiplier(4)
    found = analysis.curve(program, [1e-3, 1e-2, 0.1], max_faults=2, lanes=4096, seed=1)
    np.testing.assert_allclose(found.truncation, stats.binom.sf(2, 124, [1e-3, 1e-2, 0.1]), rtol=1e-12)
    assert found.truncated.tolist() == [False, True, True]
    exact = analysis.exact(program, cram.GateLibrary.uniform(1e-2)).error_rate.value
    below = exact - found.error_rate[1]
    assert 0 < below < found.truncation[1] + 4 * found.error_rate_standard_error[1]


def test_gates_that_never_err_do_not_count():
    program = circuits.multiplier(3)
    counts = program.gate_counts
    found = analysis.curve(program, [1e-3], gates=RAGGED, lanes=4096, seed=1)
    assert found.num_gates == counts["NAND2"]
    ideal = analysis.curve(program, [1e-3], gates=cram.GateLibrary.ideal(), lanes=4096, seed=1)
    assert (ideal.num_gates, ideal.error_rate[0], len(ideal.strata)) == (0, 0.0, 1)


def test_standard_errors_are_honest():
    """z-scores of 100 seeds against the exact stratum of two faults: variance 1 within 5 sigma."""
    program = circuits.full_adder("maj5_buf")
    expected = oracle.stratum(*plain(program, "sum")[:3], accept_of(None), plain(program, "sum")[3], 2)
    z = [
        (e.value - expected["error_rate"]) / e.standard_error
        for seed in range(100)
        for e in [analysis.curve(program, [0.1], output="sum", lanes=4096, seed=seed).strata[2][0]]
    ]
    assert abs(np.mean(z)) < 0.5
    assert abs(np.var(z) - 1) < 5 * np.sqrt(2 / 100)


def test_same_bits_for_threads_and_seed():
    program = circuits.multiplier(6)
    runs = [analysis.curve(program, [1e-4, 1e-3], seed=9, num_threads=n) for n in (1, 2, 1)]
    other = analysis.curve(program, [1e-4, 1e-3], seed=10)
    for name in METRICS:
        for run in runs[1:]:
            np.testing.assert_array_equal(getattr(runs[0], name), getattr(run, name))
    assert runs[0].error_rate[1] != other.error_rate[1]
    one, two = (analysis.sensitivity(program, num_threads=n) for n in (1, 2))
    np.testing.assert_array_equal(one.mean_squared_error, two.mean_squared_error)
    drawn = analysis.curve(program, [1e-3], lanes=4096)
    again = analysis.curve(program, [1e-3], lanes=4096, seed=drawn.seed)
    np.testing.assert_array_equal(drawn.error_rate, again.error_rate)


def test_wide_programs_sample_single_faults_too():
    program = circuits.dot(16, 4, 4)
    found = analysis.curve(program, [1e-5], lanes=8192, seed=1)
    assert found.strata[1][0].samples == 8192
    sampled = analysis.monte_carlo(program, cram.GateLibrary.uniform(1e-5), lanes=1 << 20, seed=2)
    bar = np.hypot(found.error_rate_standard_error[0], sampled.error_rate.standard_error)
    assert abs(found.error_rate[0] - sampled.error_rate.value) < 4 * bar


ADDER = circuits.adder(2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: analysis.curve(ADDER, [0.1, 1.5]), "rates[1] = 1.5 is outside [0, 1]"),
        (lambda: analysis.curve(ADDER, [float("nan")]), "rates[0] = nan is not finite"),
        (lambda: analysis.curve(ADDER, [[0.1]]), "rates: shape (1, 1) is not (n,)"),
        (lambda: analysis.curve(ADDER, [0.1], max_faults=0), "max_faults = 0 is outside [1, 2^20)"),
        (
            lambda: analysis.curve(ADDER, [0.1], lanes=1),
            "lanes = 1 is below 2; a standard error needs two samples",
        ),
        (lambda: analysis.curve(ADDER, [0.1], gates=0.1), "gates: float is not a GateLibrary"),
        (
            lambda: analysis.curve(ADDER, [0.1], inputs="x"),
            "inputs = 'x' is not one of uniform, exhaustive, nor a mapping",
        ),
        (lambda: analysis.curve(ADDER, [0.1], seed=-1), "seed = -1 is outside [0, 2^64)"),
        (
            lambda: analysis.curve(ADDER, [0.1], gates=cram.GateLibrary.from_errors({"NOT": (0, 0)})),
            "gates: the library has no NAND2, which the program needs",
        ),
        (
            lambda: analysis.sensitivity(circuits.adder(13)),
            "inputs = 'exhaustive': 26 input bits are more than 24",
        ),
        (
            lambda: analysis.sensitivity(ADDER, inputs="uniform", lanes=1),
            "lanes = 1 is below 2; a standard error needs two samples",
        ),
        (
            lambda: analysis.sensitivity(ADDER, inputs={"a": [], "b": []}),
            "inputs: 0 lanes; at least 1 is needed",
        ),
        (
            lambda: analysis.sensitivity(ADDER).ranking("bias"),
            "metric = 'bias' is not one of error_rate, mean_error_distance, mean_squared_error",
        ),
        (
            lambda: analysis.sensitivity(ADDER, output="x"),
            "output = 'x' is not one of the program's outputs sum",
        ),
        (lambda: analysis.sensitivity(ADDER, num_threads=0), "num_threads = 0 is below 1"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidArgument, match=f"^{re.escape(message)}$"):
        call()


def test_every_instruction_set_gives_the_same_bits():
    """In processes of their own: NONIDEAL_ISA is read once."""
    import os
    import subprocess
    import sys

    code = (
        "from nonideal.hardware import cram; from nonideal.hardware.cram import analysis, circuits;"
        "g = cram.GateLibrary(cram.device('lv2024_fit')); p = circuits.multiplier(4, full_adder='maj5_buf');"
        "c = analysis.curve(p, [1e-3], gates=g, lanes=10001, seed=1); e = analysis.exact(p, g);"
        "s = analysis.sensitivity(p);"
        "print(c.mean_squared_error.tolist(), e.mean_squared_error, e.bias.value.hex(), list(s.error_rate))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"NONIDEAL_ISA": isa},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for isa in nonideal._core.available_isas()
    }
    assert len(texts) == 1
