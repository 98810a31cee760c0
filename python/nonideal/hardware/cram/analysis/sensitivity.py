"""What a single wrong gate does to the results of a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nonideal import _core
from nonideal.checks import check_choice, check_integer, check_threads
from nonideal.errors import InvalidArgument
from nonideal.estimate import Estimate
from nonideal.hardware.cram.analysis.operands import (
    check_inputs,
    exhaustive_lanes,
    exhaustive_operands,
    given_operands,
    uniform_operands,
)
from nonideal.hardware.cram.analysis.report import mean_estimate, single_word
from nonideal.hardware.cram.library import GateLibrary
from nonideal.hardware.cram.planes import BitPlanes
from nonideal.hardware.cram.program import Program, check_program
from nonideal.hardware.cram.simulation import check_library
from nonideal.seeds import resolve_seed

__all__ = ["Sensitivity", "sensitivity"]

_METRICS = ("error_rate", "mean_error_distance", "mean_squared_error")

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """The effect of flipping one gate's output, averaged over inputs; y* is the correct value.

    Parameters
    ----------
    gates : tuple of str
        Kind of each gate of the program, in order.
    error_rate, mean_error_distance, mean_squared_error : (num_gates,) float64
        P(y != y*), E |y - y*| and E (y - y*)^2 where this gate alone is wrong.
    error_rate_standard_error, mean_error_distance_standard_error, mean_squared_error_standard_error :
        (num_gates,) float64; 0 where all inputs were gone through.
    by_state : mapping of metric to (num_gates, 6) float64
        The same, split by the number k of 1-inputs that the gate sees: the sum over k is the value above.
    samples : int or None
        Number of inputs; None where these are all that count (exhaustive or given).
    seed : int or None
        The seed that inputs were drawn with.
    """

    gates: tuple[str, ...]
    error_rate: FloatArray
    mean_error_distance: FloatArray
    mean_squared_error: FloatArray
    error_rate_standard_error: FloatArray
    mean_error_distance_standard_error: FloatArray
    mean_squared_error_standard_error: FloatArray
    by_state: Mapping[str, FloatArray]
    samples: int | None
    seed: int | None

    def contribution(self, gates: GateLibrary, metric: str = "error_rate") -> FloatArray:
        """Return what each gate of a library adds to a metric, to first order in the error probabilities.

        Parameters
        ----------
        gates : GateLibrary
            Error probabilities e_k.
        metric : str
            ``"error_rate"``, ``"mean_error_distance"`` or ``"mean_squared_error"``.

        Returns
        -------
        (num_gates,) float64
            sum_k e_k * by_state[metric][:, k].

        Raises
        ------
        InvalidArgument
            If the library lacks a gate, or the metric is unknown.
        """
        check_choice("metric", metric, _METRICS)
        return np.asarray((self.by_state[metric] * error_table(self.gates, gates)).sum(axis=1))

    def ranking(self, metric: str = "error_rate", gates: GateLibrary | None = None) -> npt.NDArray[np.int64]:
        """Return the gates, those first that are most worth hardening.

        Parameters
        ----------
        metric : str
            As in `contribution`.
        gates : GateLibrary or None
            With a library, gates count with its error probabilities; without, all err alike.

        Returns
        -------
        (num_gates,) int64
            Places in the program; of equals the earlier one comes first.

        Examples
        --------
        >>> from nonideal.hardware.cram import analysis, circuits
        >>> program = circuits.full_adder("maj5_buf")
        >>> found = analysis.sensitivity(program, output="sum")
        >>> [found.gates[g] for g in found.ranking()]
        ['MAJ5', 'MIN3', 'BUF', 'NOT']
        """
        check_choice("metric", metric, _METRICS)
        values = getattr(self, metric) if gates is None else self.contribution(gates, metric)
        return np.argsort(-values, kind="stable")


def sensitivity(
    program: Program,
    *,
    inputs: str | Mapping[str, Any] = "exhaustive",
    output: str | None = None,
    lanes: int = 1 << 16,
    seed: int | None = None,
    num_threads: int | None = None,
) -> Sensitivity:
    """Flip one gate after the other and compare: which gate to harden.

    Parameters
    ----------
    program : Program
        What is run.
    inputs : str or mapping
        ``"exhaustive"``: all combinations. ``"uniform"``: ``lanes`` drawn ones, with standard errors; for
        wide inputs. Or values for each port, as in `simulate`.
    output : str or None
        Which output port, where the program has several.
    lanes : int
        Number of inputs that are drawn for ``"uniform"``, at least 2.
    seed, num_threads
        As in `simulate`.

    Returns
    -------
    Sensitivity

    Raises
    ------
    InvalidArgument
        If the inputs have more than 24 bits for ``"exhaustive"``, or an argument is unknown.

    Examples
    --------
    >>> from nonideal.hardware.cram import analysis, circuits
    >>> found = analysis.sensitivity(circuits.adder(4))
    >>> found.error_rate.shape, int(found.ranking("mean_error_distance")[0])
    ((36,), 35)
    """
    check_program(program)
    check_inputs(inputs)
    port = single_word(program, output)
    sampled = inputs == "uniform"
    if isinstance(inputs, Mapping):
        operands = given_operands(program, inputs, num_threads)
        count = operands[0].lanes if operands else 0
        if count < 1:
            raise InvalidArgument(f"inputs: {count} lanes; at least 1 is needed")
    elif sampled:
        count, seed = check_integer("lanes", lanes, 0), resolve_seed(seed)
        if count < 2:
            raise InvalidArgument(f"lanes = {count} is below 2; a standard error needs two samples")
        operands = uniform_operands(program, count, seed, num_threads=num_threads)
    else:
        count = exhaustive_lanes(program)
        operands = exhaustive_operands(program, count)
    sums = single_faults(program, port.name, operands, num_threads)
    means = sums[:, :, 1:] / count
    values = means.sum(axis=1)
    errors = np.zeros((program.num_gates, 3))
    if sampled:
        far = 2.0**port.bits - 1
        for gate, (_, wrong, _, distance, square, fourth) in enumerate(sums.sum(axis=1)):
            rate = Estimate.from_counts(int(wrong), count)
            errors[gate] = (
                rate.standard_error,
                mean_estimate(distance, square, far, count, rate).standard_error,
                mean_estimate(square, fourth, far**2, count, rate).standard_error,
            )
    return Sensitivity(
        gates=tuple(name for name, _, _ in program.instructions),
        error_rate=values[:, 0],
        mean_error_distance=values[:, 2],
        mean_squared_error=values[:, 3],
        error_rate_standard_error=errors[:, 0],
        mean_error_distance_standard_error=errors[:, 1],
        mean_squared_error_standard_error=errors[:, 2],
        by_state={metric: means[:, :, i] for metric, i in zip(_METRICS, (0, 2, 3), strict=True)},
        samples=count if sampled else None,
        seed=seed if sampled else None,
    )


def single_faults(
    program: Program, output: str, operands: list[BitPlanes], num_threads: int | None
) -> FloatArray:
    """Return sums over lanes per gate and k: lanes, wrong, e, |e|, e^2, e^4; (num_gates, 6, 6)."""
    index = [port.name for port in program.outputs].index(output)
    lanes = operands[0].lanes if operands else 1
    planes = [operand._as_core() for operand in operands]
    sums = _core.cram.sensitivity(program._core, index, planes, lanes, check_threads(num_threads))
    return np.asarray(sums).reshape(program.num_gates, -1, 6)


def error_table(kinds: tuple[str, ...], gates: GateLibrary) -> FloatArray:
    """Return e_k of each gate, (gates, 6), 0 beyond its fan-in."""
    check_library(gates)
    table = np.zeros((len(kinds), _core.cram.MAX_FAN_IN + 1))
    for row, name in zip(table, kinds, strict=True):
        if name not in gates:
            raise InvalidArgument(f"gates: the library has no {name}, which the program needs")
        row[: len(gates[name].error)] = gates[name].error
    return table
