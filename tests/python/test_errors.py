"""Errors: their classes, their text, and their way through pickles, processes and the C++ boundary."""

import copy
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

import nonideal
from nonideal import _core
from nonideal.errors import ConvergenceError, InvalidArgument, MissingExtra, NumericalError
from nonideal.hardware import cram

ERRORS = [
    InvalidArgument("cols[3] = 9 is outside [0, 7)"),
    NumericalError("the sum overflowed"),
    ConvergenceError("no convergence in 3 steps", [1.0, 0.5, 0.25]),
    ConvergenceError("no convergence"),
    MissingExtra("torch", "torch"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_errors_survive_pickling(error, protocol):
    for twin in (pickle.loads(pickle.dumps(error, protocol)), copy.copy(error)):
        assert type(twin) is type(error)
        assert str(twin) == str(error)
        assert twin.args == error.args
        assert vars(twin) == vars(error)


def test_the_history_travels():
    twin = pickle.loads(pickle.dumps(ConvergenceError("slow", [1, 2.5])))
    assert twin.history == (1, 2.5)
    assert str(twin) == "slow"


def test_what_they_are():
    assert issubclass(InvalidArgument, ValueError)
    assert issubclass(NumericalError, ArithmeticError)
    assert issubclass(ConvergenceError, NumericalError)
    assert issubclass(MissingExtra, ImportError)
    assert nonideal.InvalidArgument is InvalidArgument
    assert nonideal.ConvergenceError is ConvergenceError


def test_a_missing_extra_says_what_brings_it():
    assert (
        str(MissingExtra("qiskit", "quantum"))
        == 'qiskit is not installed; `pip install "nonideal[quantum]"` brings it'
    )


def refused_in_cpp() -> None:
    _core.cram.adder(0, _core.cram.FullAdder.nand9, False)


def test_errors_of_cpp_are_the_python_classes():
    with pytest.raises(InvalidArgument, match=r"^bits = 0 is outside \[1, 62\]$") as caught:
        refused_in_cpp()
    assert type(caught.value) is InvalidArgument
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_errors_come_back_from_another_process():
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        future = pool.submit(cram.circuits.adder, 0)
        with pytest.raises(InvalidArgument, match=r"^bits = 0 is outside \[1, 62\]$"):
            future.result()


def test_a_gate_that_a_library_lacks_is_also_a_key_error():
    library = cram.GateLibrary.from_errors({"NOT": (0, 0)})
    with pytest.raises(KeyError) as caught:
        library["NAND2"]
    assert isinstance(caught.value, InvalidArgument)
    twin = pickle.loads(pickle.dumps(caught.value))
    assert str(twin) == str(caught.value) == "gate = 'NAND2' is not in the library: NOT"
    assert "NAND2" not in library
    assert library.get("NAND2") is None
