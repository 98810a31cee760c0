"""Redundant gates with voters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import combinations

from nonideal.checks import check_choice, check_integer, check_iterable
from nonideal.errors import InvalidArgument
from nonideal.hardware.cram.circuits.choice import choose_program
from nonideal.hardware.cram.library import GateLibrary
from nonideal.hardware.cram.program import Instruction, Port, Program, ProgramBuilder, check_program

__all__ = ["harden"]

_COPIES = {"tmr": 3, "repetition": 5}
Emit = Callable[..., int]


def _nand_voter(emit: Emit, *bits: int) -> int:
    return emit("NAND3", *(emit("NAND2", *pair) for pair in combinations(bits, 2)))


_VOTERS: dict[str, Callable[..., int]] = {
    "maj": lambda emit, *bits: emit(f"MAJ{len(bits)}", *bits),
    "min_not": lambda emit, *bits: emit("NOT", emit(f"MIN{len(bits)}", *bits)),
    "nand": _nand_voter,
}


def _choose_voter(copies: int, gates: GateLibrary | None) -> str:
    """Return the voter that errs least where all copies agree."""
    if not isinstance(gates, GateLibrary):
        raise InvalidArgument(f"gates: {type(gates).__name__} is not a GateLibrary; voter = 'auto' needs one")
    programs: dict[str, Program] = {}
    for name, vote in _VOTERS.items():
        if name == "nand" and copies != 3:
            continue
        builder = ProgramBuilder()
        word = builder.input("x", copies)
        builder.output("y", [vote(builder.gate, *word)])
        programs[name] = builder.build()
    return choose_program("voter", programs, gates, inputs={"x": [0, 2**copies - 1]})


def harden(
    program: Program,
    selected: Iterable[int] | None = None,
    *,
    scheme: str = "tmr",
    voter: str = "maj",
    gates: GateLibrary | None = None,
) -> Program:
    """Repeat gates in fresh cells and take the majority.

    Parameters
    ----------
    program : Program
        What to protect.
    selected : iterable of int or None
        Instructions that get copies and a voter each; the copies read the same cells, so that an operand that
        is stored wrong stays wrong. None: the whole program is copied and each output bit voted on.
    scheme : str
        ``"tmr"``: three copies. ``"repetition"``: five.
    voter : str
        ``"maj"``: MAJ3 or MAJ5. ``"min_not"``: MIN3 or MIN5, then NOT. ``"nand"``: three NAND2 and a NAND3,
        for three copies. ``"auto"``: the one that errs least in ``gates`` where all copies agree.
    gates : GateLibrary or None
        For ``"auto"``.

    Returns
    -------
    Program
        With the same ports; every value has a column of its own (`place` reuses them, `cost` says what it
        takes).

    Notes
    -----
    A voter errs, too: where it errs as often as what it protects, hardening makes matters worse. On a device
    it matters which one: a MAJ3 is preset to AP and errs far more often than a MIN3 and a NOT, whose bad
    states unanimous copies avoid. Prefer ``voter="auto"``.

    Raises
    ------
    InvalidArgument
        If an instruction does not exist, or a scheme or voter is unknown.

    Examples
    --------
    >>> from nonideal.hardware.cram import circuits
    >>> circuits.harden(circuits.full_adder(), [7, 8]).gate_counts
    {'NAND2': 13, 'MAJ3': 2}
    """
    check_program(program)
    copies = _COPIES[check_choice("scheme", scheme, _COPIES)]
    if check_choice("voter", voter, (*_VOTERS, "auto")) == "auto":
        voter = _choose_voter(copies, gates)
    vote = _VOTERS[voter]
    if voter == "nand" and copies != 3:
        raise InvalidArgument(f"voter = 'nand' takes 3 copies, scheme = {scheme!r} has {copies}")
    chosen = (
        None
        if selected is None
        else {check_integer("selected", i, 0, 31) for i in check_iterable("selected", selected)}
    )
    if chosen and max(chosen) >= program.num_gates:
        raise InvalidArgument(f"selected = {max(chosen)} is outside [0, {program.num_gates})")

    sources = [column for port in program.inputs for column in port.columns] + list(program.constants)
    renamed = {column: i for i, column in enumerate(sources)}
    instructions: list[Instruction] = []

    def emit(gate: str, *reads: int) -> int:
        instructions.append((gate, len(sources) + len(instructions), reads))
        return instructions[-1][1]

    def run(protected: set[int]) -> dict[int, int]:
        cells = dict(renamed)
        for step, (gate, target, reads) in enumerate(program.instructions):
            operands = [cells[column] for column in reads]
            made = [emit(gate, *operands) for _ in range(copies if step in protected else 1)]
            cells[target] = made[0] if len(made) == 1 else vote(emit, *made)
        return cells

    runs = [run(chosen or set()) for _ in range(copies if chosen is None else 1)]
    results: dict[int, int] = {}
    for column in dict.fromkeys(column for port in program.outputs for column in port.columns):
        made = list(dict.fromkeys(cells[column] for cells in runs))
        results[column] = made[0] if len(made) == 1 else vote(emit, *made)

    def ports(old: tuple[Port, ...], cells: dict[int, int]) -> list[Port]:
        return [Port(p.name, p.bits, p.length, p.signed, tuple(cells[c] for c in p.columns)) for p in old]

    constants = {renamed[column]: bit for column, bit in program.constants.items()}
    return Program(
        len(sources) + len(instructions),
        instructions,
        ports(program.inputs, renamed),
        ports(program.outputs, results),
        constants,
    )
