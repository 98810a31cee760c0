"""How many threads kernels use: argument > set_num_threads() > NONIDEAL_NUM_THREADS > OpenMP's default."""

import os
import subprocess
import sys

import pytest

import nonideal
from nonideal import InvalidArgument


def answer(code, **environment):
    """What a fresh process prints."""
    clean = {k: v for k, v in os.environ.items() if k not in ("NONIDEAL_NUM_THREADS", "OMP_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", f"import nonideal\n{code}"],
        capture_output=True,
        text=True,
        timeout=60,
        env=clean | environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


SHOW = "print(nonideal.num_threads())"
CAUGHT = f"""
try:
    {SHOW}
except nonideal.InvalidArgument as refusal:
    print(refusal)
"""


@pytest.fixture(autouse=True)
def restore():
    yield
    nonideal.set_num_threads(0)


def test_environment_decides():
    assert answer(SHOW, NONIDEAL_NUM_THREADS="3") == "3"
    assert answer(SHOW, NONIDEAL_NUM_THREADS="3", OMP_NUM_THREADS="5") == "3"


def test_openmp_decides_where_nothing_else_does():
    assert answer(SHOW, OMP_NUM_THREADS="5") == "5"
    assert answer(SHOW, NONIDEAL_NUM_THREADS="", OMP_NUM_THREADS="5") == "5"
    assert int(answer(SHOW)) >= 1


def test_set_num_threads_overrides_the_environment():
    code = "nonideal.set_num_threads(2); a = nonideal.num_threads(); nonideal.set_num_threads(0)\n"
    assert answer(code + "print(a, nonideal.num_threads())", NONIDEAL_NUM_THREADS="3") == "2 3"


@pytest.mark.parametrize("value", ["0", "-2", "many", "1.5", "2 ", "99999999999"])
def test_environment_refuses(value):
    want = f"NONIDEAL_NUM_THREADS = {value} is not a whole number >= 1"
    assert answer(CAUGHT, NONIDEAL_NUM_THREADS=value) == want.strip()


def test_too_many_threads_are_refused():
    """libgomp would end the process where the system refuses it a thread."""
    assert answer(CAUGHT, NONIDEAL_NUM_THREADS="1025") == "NONIDEAL_NUM_THREADS = 1025 is above 1024"
    with pytest.raises(InvalidArgument, match=r"^num_threads = 5000 is above 1024$"):
        nonideal.set_num_threads(5000)


def test_set_num_threads_refuses_negative_numbers():
    nonideal.set_num_threads(2)
    with pytest.raises(InvalidArgument, match=r"^num_threads = -1 is below 0 \(0 means the default\)$"):
        nonideal.set_num_threads(-1)
    assert nonideal.num_threads() == 2


@pytest.mark.parametrize("value", [1.5, "2", None])
def test_set_num_threads_refuses_other_types(value):
    with pytest.raises(InvalidArgument, match=rf"^num_threads = {value!r} is not an integer$"):
        nonideal.set_num_threads(value)


def test_argument_overrides_everything():
    """One thread of work stays in the calling thread; three need two more."""
    code = """
import os
from nonideal.hardware import cram
from nonideal.hardware.cram import analysis, circuits
def run(num_threads):
    analysis.monte_carlo(circuits.multiplier(8), cram.GateLibrary.uniform(1e-3), lanes=1 << 18, seed=1,
                         num_threads=num_threads)
    return len(os.listdir("/proc/self/task"))
before = len(os.listdir("/proc/self/task"))
print(run(1) - before, run(3) - before)
"""
    assert answer(code, NONIDEAL_NUM_THREADS="2", OPENBLAS_NUM_THREADS="1") == "0 2"
