"""Choice of a full adder for the gates that there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import product

from nonideal import _core
from nonideal.checks import check_choice
from nonideal.errors import InvalidArgument
from nonideal.hardware.cram.circuits.arithmetic import full_adder
from nonideal.hardware.cram.gates import GATES
from nonideal.hardware.cram.library import GateLibrary
from nonideal.hardware.cram.program import Program

__all__ = ["choose_full_adder", "error_over"]


def choose_full_adder(gates: GateLibrary, *, objective: str = "error") -> str:
    """Return the full-adder design that suits a library best.

    Parameters
    ----------
    gates : GateLibrary
        Designs whose gates it lacks are left out.
    objective : str
        ``"error"``: least probability that sum or carry is wrong, over uniform inputs, by enumeration of all
        sets of wrong gates. ``"energy"``: least energy of the gates, each at uniform inputs. ``"gates"``:
        fewest gates.

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
    scores: dict[str, Callable[[Program, GateLibrary], float]] = {
        "error": _error,
        "energy": _energy,
        "gates": lambda program, _: float(program.num_gates),
    }
    score = scores[check_choice("objective", objective, scores)]
    designs = {name: full_adder(name) for name in _core.cram.FullAdder.__members__}
    possible = {name: program for name, program in designs.items() if set(program.gate_counts) <= set(gates)}
    if not possible:
        raise InvalidArgument(f"gates: no full adder can be made of {', '.join(gates)}")
    return min(possible, key=lambda name: score(possible[name], gates))


def _error(program: Program, gates: GateLibrary) -> float:
    inputs = list(product((0, 1), repeat=sum(len(port.columns) for port in program.inputs)))
    return error_over(program, gates, inputs)


def error_over(program: Program, gates: GateLibrary, inputs: Sequence[tuple[int, ...]]) -> float:
    """Return P(any output is wrong), the mean over the given bits of all input columns; for few gates."""
    sources = [column for port in program.inputs for column in port.columns]
    results = [column for port in program.outputs for column in port.columns]
    wrong = 0.0
    for bits in inputs:
        # One state per pattern of all cells so far; the correct one is kept beside it.
        correct = dict(zip(sources, bits, strict=True))
        states = {tuple(correct.items()): 1.0}
        for name, target, reads in program.instructions:
            spec, table = GATES[name], gates[name].error
            correct[target] = spec.output(sum(correct[column] for column in reads))
            following: defaultdict[tuple[tuple[int, int], ...], float] = defaultdict(float)
            for state, probability in states.items():
                cells = dict(state)
                ones = sum(cells[column] for column in reads)
                for flip, share in ((0, 1.0 - table[ones]), (1, table[ones])):
                    if share > 0.0:
                        following[*state, (target, spec.output(ones) ^ flip)] += probability * float(share)
            states = following
        wrong += sum(
            probability
            for state, probability in states.items()
            if any(dict(state)[column] != correct[column] for column in results)
        )
    return wrong / len(inputs)


def _energy(program: Program, gates: GateLibrary) -> float:
    total = 0.0
    for name, count in program.gate_counts.items():
        energy = gates[name].energy
        if energy is None:
            raise InvalidArgument("gates: the library has no device, so energies are unknown")
        total += count * float(gates[name].weights @ energy)
    return total
