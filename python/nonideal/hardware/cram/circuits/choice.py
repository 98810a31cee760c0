"""Choice of a full adder and of a basis of gates, for the gates that there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from nonideal import _core
from nonideal.checks import check_choice
from nonideal.errors import InvalidArgument
from nonideal.hardware.cram.analysis.exact import exact
from nonideal.hardware.cram.circuits.arithmetic import full_adder
from nonideal.hardware.cram.circuits.logic import BASES
from nonideal.hardware.cram.circuits.truth_table import from_truth_table
from nonideal.hardware.cram.library import GateLibrary
from nonideal.hardware.cram.program import Port, Program
from nonideal.hardware.cram.simulation import check_library

__all__ = ["choose_basis", "choose_full_adder", "choose_program", "error_rate"]

_SUMS = [bin(ones).count("1") for ones in range(8)]  # of a full adder, by its three inputs


def choose_full_adder(gates: GateLibrary, *, objective: str = "error") -> str:
    """Return the full-adder design that suits a library best.

    Parameters
    ----------
    gates : GateLibrary
        Designs whose gates it lacks are left out.
    objective : str
        ``"error"``: least probability that sum or carry is wrong, exact, over uniform inputs. ``"energy"``:
        least energy of the gates, each at uniform inputs. ``"gates"``: fewest gates.

    Raises
    ------
    InvalidArgument
        If the objective is unknown, the library lacks a gate of every design, or it has no energies.

    Examples
    --------
    The textbook's majority gates win only where all gates err alike:

    >>> from nonideal.hardware import cram
    >>> cram.circuits.choose_full_adder(cram.GateLibrary.uniform(1e-3))
    'maj5_not'
    >>> cram.circuits.choose_full_adder(cram.GateLibrary(cram.device("lv2024_fit")))
    'nand9'
    """
    designs = {name: full_adder(name) for name in _core.cram.FullAdder.__members__}
    return choose_program("full adder", designs, gates, objective)


def choose_basis(gates: GateLibrary, *, objective: str = "error") -> str:
    """Return the basis that suits a library best: for `from_truth_table`, `from_blif`.

    The bases compete with a full adder, which mixes ANDs, ORs and inversions as arithmetic does.

    Parameters
    ----------
    gates : GateLibrary
        Bases whose gates it lacks are left out.
    objective : str
        As for `choose_full_adder`.

    Raises
    ------
    InvalidArgument
        As for `choose_full_adder`.

    Examples
    --------
    >>> from nonideal.hardware import cram
    >>> cram.circuits.choose_basis(cram.GateLibrary(cram.device("lv2024_fit")))
    'nand'
    """
    adders = {basis: from_truth_table(_SUMS, basis=basis) for basis in BASES}
    return choose_program("basis", adders, gates, objective)


def choose_program(
    what: str,
    programs: Mapping[str, Program],
    gates: GateLibrary,
    objective: str = "error",
    inputs: str | Mapping[str, Any] = "exhaustive",
) -> str:
    """Return the name of the program that is best by an objective, of those that the gates can make."""
    scores: dict[str, Callable[[Program, GateLibrary], float]] = {
        "error": partial(error_rate, inputs=inputs),
        "energy": _energy,
        "gates": lambda program, _: float(program.num_gates),
    }
    check_library(gates)
    score = scores[check_choice("objective", objective, scores)]
    possible = {name: program for name, program in programs.items() if set(program.gate_counts) <= set(gates)}
    if not possible:
        raise InvalidArgument(f"gates: no {what} can be made of {', '.join(gates)}")
    return min(possible, key=lambda name: score(possible[name], gates))


def error_rate(program: Program, gates: GateLibrary, inputs: str | Mapping[str, Any] = "exhaustive") -> float:
    """Return P(any output is wrong), exact."""
    columns = tuple(column for port in program.outputs for column in port.columns)
    joint = Port("y", len(columns), None, False, columns)
    whole = Program(program.columns, program.instructions, program.inputs, [joint], program.constants)
    return float(exact(whole, gates, inputs=inputs).error_rate)


def _energy(program: Program, gates: GateLibrary) -> float:
    total = 0.0
    for name, count in program.gate_counts.items():
        energy = gates[name].energy
        if energy is None:
            raise InvalidArgument("gates: the library has no device, so energies are unknown")
        total += count * float(gates[name].weights @ energy)
    return total
