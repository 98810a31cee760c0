"""Arithmetic: NED beside closed results and the specification's figures, same bits anywhere."""

import numpy as np
import pytest

from nonideal.errors import InvalidArgument
from nonideal.experiments import Runner, cram_arithmetic, names
from nonideal.hardware import cram
from nonideal.report.figures import house_style
from oracles import adder as oracle

SMALL = {"bits": "2,4,6", "sizes": "1,4", "tmr": "1.09,3", "lanes": 1 << 15, "seed": 7}


@pytest.fixture(scope="module")
def small():
    return cram_arithmetic.run(cram_arithmetic.Config(**SMALL))


def test_sums_equal_the_transfer_matrix(small):
    assert "cram-arithmetic" in names()
    for tmr in (1.09, 3):
        library = cram.GateLibrary(cram.device("lv2024_fit", tmr=tmr))
        errors = {name: gate.error.tolist() for name, gate in library.items()}
        curve = small.curves[f"add_tmr_{tmr:g}"]
        for bits, ned in zip((2, 4, 6), curve.y, strict=True):
            distance = oracle.metrics(bits, "nand9", errors).mean_error_distance
            assert ned == pytest.approx(distance / (2 * (2**bits - 1)), rel=1e-9)


def test_figures_of_the_specification(small):
    """Section 2: NED / eps about 4.6 (add) and 11 (mul); 4 x 4 products .0931, .0111, .00115."""
    assert small.metrics["ned_per_rate_add"].value == pytest.approx(4.6, abs=0.1)
    assert small.metrics["ned_per_rate_multiply"].value == pytest.approx(11.3, abs=0.5)
    exact = small.curves["multiply_exact"].y  # at 1e-4, 1e-3, 1e-2
    np.testing.assert_allclose(exact, [0.00115, 0.0111, 0.0931], rtol=0.03)


def test_strata_monte_carlo_and_exact_agree(small):
    assert small.metrics["largest_deviation"].value < 5
    for operation in ("add", "multiply"):
        strata = small.curves[f"{operation}_strata"]
        assert strata.x[0] == 1e-12
        slope = small.metrics[f"ned_per_rate_{operation}"].value
        assert strata.y[0] == pytest.approx(1e-12 * slope, rel=1e-6)
        at = int(np.argmin(np.abs(np.array(strata.x) - 1e-2)))
        exact = small.curves[f"{operation}_exact"].y[2]
        allowed = 4 * strata.standard_error[at] + 1e-3 * exact
        assert abs(strata.y[at] - exact) < allowed


def test_matrix_products_err_more_with_size_and_rate(small):
    low, high = small.curves["matmul_0.0001"], small.curves["matmul_0.001"]
    assert high.y[1] > high.y[0] > low.y[0] > 0
    assert min(high.standard_error) > 0


def test_same_bits_in_processes_and_figures(small):
    with Runner(workers=2) as runner:
        other = cram_arithmetic.run(cram_arithmetic.Config(**SMALL), runner)
    assert (other.metrics, other.curves) == (small.metrics, small.curves)
    with house_style():
        assert set(cram_arithmetic.figures(small)) == {"ned-vs-bits", "ned-vs-rate", "matmul-vs-size"}


def test_one_operation_alone():
    config = cram_arithmetic.Config(operations="matmul", sizes="2", lanes=1024, seed=1)
    result = cram_arithmetic.run(config)
    assert set(result.curves) == {"matmul_1e-05", "matmul_0.0001", "matmul_0.001"}
    with house_style():
        assert set(cram_arithmetic.figures(result)) == {"matmul-vs-size"}


def test_refusals():
    with pytest.raises(InvalidArgument, match=r"^bits = 17 is outside \[1, 16\]$"):
        cram_arithmetic.Config(bits="17")
    with pytest.raises(
        InvalidArgument, match=r"^operations = 'divide' is not one of 'add', 'multiply', 'matmul'$"
    ):
        cram_arithmetic.Config(operations="divide")
