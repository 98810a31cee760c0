"""How wrong the results of a program are, without sampling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nonideal import _core
from nonideal.checks import check_choice, check_integer, check_threads
from nonideal.errors import InvalidArgument
from nonideal.estimate import Estimate
from nonideal.hardware.cram.analysis.operands import check_inputs, given_operands
from nonideal.hardware.cram.analysis.report import DIVISORS, ErrorReport, ned_divisor_value, single_word
from nonideal.hardware.cram.library import GateLibrary
from nonideal.hardware.cram.planes import BitPlanes, integer_array
from nonideal.hardware.cram.program import Port, Program, check_program
from nonideal.hardware.cram.simulation import _table, check_gates

__all__ = ["distribution", "exact"]

Values = tuple[int | tuple[int, ...], ...]


def distribution(
    program: Program, gates: GateLibrary | None, inputs: Mapping[str, Any], *, max_states: int = 1 << 22
) -> dict[Values, float]:
    """Return the exact joint distribution of all outputs for one input.

    Parameters
    ----------
    program : Program
        What is run.
    gates : GateLibrary or None
        Error probabilities; None for ideal gates.
    inputs : mapping of port to int
        One value for each port (a sequence of them for a port of several words).
    max_states : int
        Limit of the frontier: 2^w states for w cells that are alive at a time and not certain, and 2^bits
        for the outputs.

    Returns
    -------
    dict
        {(value of each output port, in order): probability}; values of probability 0 are left out. The sum is
        1 within 1e-12.

    Raises
    ------
    InvalidArgument
        If an input is missing, unknown or out of range, the library lacks a gate of the program, or the
        frontier is too wide; the text says how wide.

    Notes
    -----
    The joint distribution of the live cells is carried from gate to gate; a cell that nobody reads any more
    is summed over. A wrong bit that several gates read is the same wrong bit for all of them.

    Examples
    --------
    >>> from nonideal.hardware import cram
    >>> from nonideal.hardware.cram import analysis, circuits
    >>> gates = cram.GateLibrary.uniform(0.01)
    >>> pmf = analysis.distribution(circuits.full_adder(), gates, {"a": 1, "b": 0, "c": 1})
    >>> {values: round(p, 4) for values, p in sorted(pmf.items())}
    {(0, 0): 0.0098, (0, 1): 0.9239, (1, 0): 0.0286, (1, 1): 0.0377}
    """
    check_program(program)
    _check_library(program, gates)
    if not isinstance(inputs, Mapping):
        raise InvalidArgument(f"inputs: {type(inputs).__name__} is not a mapping of port to values")
    lane = {}
    for name, value in inputs.items():
        array = np.asarray(value)
        port = next((port for port in program.inputs if port.name == name), None)
        if port is not None and array.ndim != (0 if port.length is None else 1):
            raise InvalidArgument(
                f"inputs[{name!r}] has shape {array.shape}; the distribution is that of one input"
            )
        lane[name] = array[np.newaxis]
    bits = [int(word[0] & 1) for planes in given_operands(program, lane, None) for word in planes.words]
    pmf = _core.cram.distribution(
        program._core, _table(gates), bits, check_integer("max_states", max_states, 1)
    )
    found = np.flatnonzero(pmf)
    keys, shift = [], 0
    for port in program.outputs:
        words = []
        for _ in range(port.length or 1):
            words.append(_word(port, found >> shift))
            shift += port.bits
        keys.append(
            words[0].tolist()
            if port.length is None
            else list(zip(*map(np.ndarray.tolist, words), strict=True))
        )
    return dict(zip(zip(*keys, strict=True), pmf[found].tolist(), strict=True))


def exact(
    program: Program,
    gates: GateLibrary,
    *,
    inputs: str | Mapping[str, Any] = "exhaustive",
    output: str | None = None,
    ned_divisor: str = "max_output",
    max_states: int = 1 << 22,
    num_threads: int | None = None,
) -> ErrorReport:
    """Return the error metrics of a program without sampling.

    Parameters
    ----------
    program : Program
        What is run; its correct values are those of ideal gates.
    gates : GateLibrary
        Error probabilities.
    inputs : str or mapping
        ``"exhaustive"``: all combinations, each as likely as any other. Or values for each port, as in
        `simulate`; one number (or, for a port of several words, one row of them) counts for all lanes.
    output, ned_divisor
        As in `monte_carlo`.
    max_states : int
        Limit of the frontier, as in `distribution`. 80 bytes are needed for a state and thread.
    num_threads : int or None
        None for `nonideal.num_threads`.

    Returns
    -------
    ErrorReport
        Estimates of standard error 0; ``samples`` and ``seed`` are None.

    Raises
    ------
    InvalidArgument
        If the frontier is too wide (the text says how wide) or an argument is unknown.

    Notes
    -----
    Input after input where that is cheap; else all inputs at once: their bits are random cells of the
    frontier beside the correct values. Output bits are compared from the lowest up, so that the sign of the
    error is always that of the highest wrong bit so far, and E |y - y*| needs no distribution of y - y*:
    adders of up to 62 bits take milliseconds. The mean relative error distance is None then. Multipliers
    have wide frontiers: 5 x 5 bits take half a second, 6 x 6 bits ten seconds, 8 x 8 bits hours.

    Examples
    --------
    The mean error distance of a 4-bit adder whose gates all err with probability 0.01:

    >>> from nonideal.hardware import cram
    >>> from nonideal.hardware.cram import analysis, circuits
    >>> report = analysis.exact(circuits.adder(4), cram.GateLibrary.uniform(1e-2))
    >>> print(report.mean_error_distance)
    1.25582 (exact)
    """
    check_choice("ned_divisor", ned_divisor, DIVISORS)
    check_program(program)
    check_inputs(inputs)
    if inputs == "uniform":
        raise InvalidArgument("inputs = 'uniform' is drawn; 'exhaustive' is the average over all inputs")
    _check_library(program, gates)
    port = single_word(program, output)
    index = [p.name for p in program.outputs].index(port.name)
    limit = check_integer("max_states", max_states, 1)
    threads = check_threads(num_threads)
    if isinstance(inputs, Mapping):
        operands = given_operands(program, _broadcast(program, inputs), num_threads)
        lanes = operands[0].lanes if operands else 0
        moments = _core.cram.exact_given(
            program._core,
            _table(gates),
            index,
            [planes._as_core() for planes in operands],
            lanes,
            limit,
            threads,
        )
    else:
        moments = _core.cram.exact_all(program._core, _table(gates), index, limit, threads)
    divisor = ned_divisor_value(program, port, ned_divisor, moments.largest)
    relative = None
    if moments.relative_inputs > 0:
        relative = Estimate.exact(moments.relative / moments.relative_inputs)
    rates = np.array(moments.bit_error_rate)
    return ErrorReport(
        error_rate=Estimate.exact(moments.error_rate),
        mean_error_distance=Estimate.exact(moments.distance),
        mean_squared_error=Estimate.exact(moments.square),
        bias=Estimate.exact(moments.bias),
        normalized_error_distance=Estimate.exact(moments.distance / max(divisor, 1)),
        mean_relative_error_distance=relative,
        worst_error_distance=moments.worst,
        bit_error_rate=rates,
        bit_error_rate_standard_error=np.zeros_like(rates),
        ned_divisor_value=divisor,
        samples=None,
        seed=None,
    )


def _word(port: Port, index: Any) -> Any:
    """Return the lowest ``port.bits`` bits as values of the port."""
    values = index & ((1 << port.bits) - 1)
    if not port.signed:
        return values
    return np.where(values >> (port.bits - 1), values - (1 << port.bits), values)


def _broadcast(program: Program, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Repeat what is given for one lane alone as often as the longest port has lanes."""
    single = {port.name: 0 if port.length is None else 1 for port in program.inputs}
    values, lanes = dict(inputs), []
    for name, value in inputs.items():
        if not isinstance(value, BitPlanes):
            values[name] = value = integer_array(f"inputs[{name!r}]", value)
            if value.ndim == single.get(name):
                continue
        lanes.append(value.lanes if isinstance(value, BitPlanes) else len(np.atleast_1d(value)))
    for name, value in values.items():
        if isinstance(value, np.ndarray) and value.ndim == single.get(name):
            values[name] = np.broadcast_to(value, (max(lanes, default=1), *value.shape))
    return values


def _check_library(program: Program, gates: GateLibrary | None) -> None:
    check_gates(gates)
    for name in program.gate_counts:
        if gates is not None and name not in gates:
            raise InvalidArgument(f"gates: the library has no {name}, which the program needs")
